#!/usr/bin/env bats
# badflags: wrong requests of run, each with one clear line, 125, and nothing made.
# The texts are podman 4.3.1's unless it takes what makes no sense.

load helper/common

setup() {
    common_setup
    need busybox
}

# Lines of "OPTIONS|TEXT" on stdin; blanks separate options.
refused() {
    local options text words
    while IFS='|' read -r options text; do
        read -r -a words <<<"$options"
        fails 125 run --rm --network none "${words[@]}" "$IMAGE" true
        [ "${stderr%%$'\n'*}" = "Error: $text" ] || explain "$options: not: $text"
        equal "$output" ""
        no_containers
    done
}

@test "run: limits that are none" {
    refused <<'CASES'
-m lots|invalid value for memory: invalid size: 'lots'
-m -5|invalid value for memory: invalid size: '-5'
-m 5x|invalid value for memory: invalid size: '5x'
--shm-size x|unable to translate --shm-size: invalid size: 'x'
--cpus x|invalid argument "x" for "--cpus" flag: strconv.ParseFloat: parsing "x": invalid syntax
--pids-limit x|invalid argument "x" for "--pids-limit" flag: strconv.ParseInt: parsing "x": invalid syntax
--ulimit x|ulimit option "x" requires name=SOFT:HARD, failed to be parsed: invalid ulimit argument: x
--ulimit nofile=x|ulimit option "nofile=x" requires name=SOFT:HARD, failed to be parsed: strconv.ParseInt: parsing "x": invalid syntax
--ulimit nofile=10:5|ulimit option "nofile=10:5" requires name=SOFT:HARD, failed to be parsed: ulimit soft limit must be less than or equal to hard limit: 10 > 5
--ulimit nosuch=1:2|ulimit option "nosuch=1:2" requires name=SOFT:HARD, failed to be parsed: invalid ulimit type: nosuch
--ulimit nofile=1:2:3|ulimit option "nofile=1:2:3" requires name=SOFT:HARD, failed to be parsed: too many limit value arguments - 1:2:3, can only have up to two, `soft[:hard]`
--stop-timeout x|invalid argument "x" for "--stop-timeout" flag: strconv.ParseUint: parsing "x": invalid syntax
--umask 9|running container create option: invalid umask string 9: invalid argument
CASES
}

@test "run: ports, volumes and mounts that are none" {
    mkdir "$T/d"
    refused <<CASES
-p x|parsing container port: invalid port number: strconv.Atoi: parsing "x": invalid syntax
-p 0:80|parsing host port: port numbers must be between 1 and 65535 (inclusive), got 0
-p 80:99999|parsing container port: port numbers must be between 1 and 65535 (inclusive), got 99999
-p 1-2:1-3|host and container port ranges have different lengths: 2 vs 3
-p 1:2:3:4|invalid port format - format is [[hostIP:]hostPort:]containerPort
-p 300.1.1.1:80:80|cannot parse "300.1.1.1" as an IP address
-p 80:|must provide a non-empty container port to publish
-v x|invalid container path "x", must be an absolute path
-v $T/d:b|invalid container path "b", must be an absolute path
-v /a:/b:/c:/d|/a:/b:/c:/d: incorrect volume format, should be [host-dir:]ctr-dir[:option]
-v $T/d:/b:nosuch|invalid option type "nosuch"
-v $T/d:/b:ro,rw|invalid options "ro, rw", can only specify 1 'rw' or 'ro' option
-v :/b|host directory cannot be empty
-v $T/d:|container directory cannot be empty
-v /no/such:/b|statfs /no/such: no such file or directory
--mount x|incorrect mount format: should be --mount type=<bind|tmpfs|volume>,[src=<host-dir|volume-name>,]target=<ctr-dir>[,options]
--mount type=bind,src=$T/d|must set volume destination
--mount type=nosuch,dst=/x|invalid filesystem type "nosuch"
--mount type=bind,src=$T/d,dst=/x,foo=bar|foo: invalid mount option
--mount type=tmpfs,dst=/x,foo|foo: invalid mount option
--tmpfs x|invalid container path "x", must be an absolute path
--tmpfs /x:foo|unknown mount option "foo": invalid mount option
CASES
}

@test "run: names, environment and rights that are none" {
    refused <<'CASES'
--name a/b|running container create option: names must match [a-zA-Z0-9][a-zA-Z0-9_.-]*: invalid argument
--name -x|running container create option: names must match [a-zA-Z0-9][a-zA-Z0-9_.-]*: invalid argument
-h a/b|invalid hostname "a/b"
-e =x|invalid environment variable: "=x"
--env-file /no/such|parsing env file "/no/such": open /no/such: no such file or directory
--env-file /|parsing env file "/": read /: is a directory
--label =x|unable to process labels: invalid label format: "=x"
--annotation x|annotations must be formatted KEY=VALUE
--cap-add nosuch|"CAP_NOSUCH": unknown capability
--cap-drop CAP_SYS_ADMIN,cap_nosuch|"CAP_NOSUCH": unknown capability
--security-opt nosuch|invalid --security-opt 1: "nosuch"
--security-opt no-new-privileges:maybe|invalid --security-opt 2: "no-new-privileges:maybe"
--stop-signal NOPE|invalid signal: NOPE
--stop-signal 99|valid signals are 1 through 64
--restart sometimes|the --rm option conflicts with --restart, when the restartPolicy is not "" and "no"
--add-host x|bad format for add-host: "x"
--pull sometimes|unsupported pull policy "sometimes"
--log-driver nosuch|running container create option: invalid log driver: invalid argument
-a nosuch|invalid stream "nosuch" for --attach - must be one of stdin, stdout, or stderr: invalid argument
--network nosuchnet --network none|more than one --network is not supported yet
CASES
    fails 125 run --restart sometimes "$IMAGE" true
    error_is 'Error: running container create option: "sometimes" is not a valid restart policy: invalid argument'
    fails 125 run --cidfile /no/such/x "$IMAGE" true
    error_has "Error: opening cidfile /no/such/x"
    no_containers
}

@test "run: flags that are none, and where they end" {
    refused <<'CASES'
--nosuch|unknown flag: --nosuch
-Z|unknown shorthand flag: 'Z' in -Z
-dx|unknown shorthand flag: 'x' in -x
--rm=maybe|invalid argument "maybe" for "--rm" flag: strconv.ParseBool: parsing "maybe": invalid syntax
CASES
    fails 125 run --rm --nosuch "$IMAGE" true
    equal "$(error_line)" "See 'mcpd run --help'"
    fails 125 run
    error_is "Error: requires at least 1 arg(s), only received 0"
    fails 125 run --name
    equal "${stderr%%$'\n'*}" "Error: flag needs an argument: --name"
    # Behind the image they are the container's.
    fails 127 run --rm --network none "$IMAGE" --nosuch
    error_has 'exec: "--nosuch": executable file not found in $PATH'
    fails 127 run --rm --network none "$IMAGE" ''
    error_has 'exec: "": executable file not found in $PATH'
}

@test "run: an empty value is none" {
    ok run --rm --network none --name= --hostname= --memory= --shm-size= --stop-signal= --workdir= \
        --platform= --log-opt path= "$IMAGE" true
}

@test "run --platform: not that of the image that is here" {
    fails 125 run --rm --pull never --platform a/b/c/d "$IMAGE" true
    error_has "a/b/c/d"
    fails 125 run --rm --pull never --platform linux/s390x "$IMAGE" true
    error_is "Error: $IMAGE: image not known for platform linux/s390x"
    ok run --rm --pull never --network none --platform "linux/$(dpkg --print-architecture)" "$IMAGE" true
    no_containers
}

@test "run: text that is not UTF-8 is refused, never changed" {
    fails 125 run --rm --network none -e A=$'\xff' "$IMAGE" env
    error_has 'not UTF-8: process.env'
    fails 125 run --rm --network none "$IMAGE" printf $'\xff'
    error_has 'not UTF-8: process.args'
    printf 'A=\xc3\n' >"$T/env"
    fails 125 run --rm --network none --env-file "$T/env" "$IMAGE" env
    error_has 'not UTF-8: process.env'
    no_containers
    # Of those that nobody named it is left out.
    run -0 env BULK_A=$'\xff' BULK_B=b "${MCPD_CMD[@]}" run --rm --network none -e 'BULK_*' "$IMAGE" env
    has BULK_B=b
    hasnt BULK_A
    run env BULK_A=$'\xff' "${MCPD_CMD[@]}" run --rm --network none -e BULK_A "$IMAGE" env
    [ "$status" = 125 ]
    has 'not UTF-8: process.env'
    ok run -d --name c --network none -e A=$'\xc3\xa9' "$IMAGE" sleep 600
    ok exec c sh -c 'printf %s "$A" | od -An -tx1'
    says " c3 a9"
    # exec keeps no record, so any byte will do.
    ok exec -e B=$'\xff' c sh -c 'printf %s "$B" | od -An -tx1'
    says " ff"
}

@test "ps, inspect, images: nothing steers the terminal" {
    local evil=$'a\xc2\x9b31mb\xe2\x80\xaec\x1b[1md'
    ok create --network none --label "evil=$evil" --name c "$IMAGE" echo "$evil"
    ok ps -a --no-trunc
    [[ "$output" == *"echo a 31mb c [1md"* ]] || explain "not clean"
    ok inspect c
    jq -e --arg text "$evil" '.[0] | .Config.Cmd[1] == $text and .Config.Labels.evil == $text' <<<"$output"
    hasnt $'\xc2\x9b'
    hasnt $'\xe2\x80\xae'
    hasnt $'\x1b'
    ok ps -a --format json
    hasnt $'\xc2\x9b'
    # To a pipe a template gives what is there; to a terminal it does not.
    ok inspect --format '{{.Config.Labels.evil}}' c
    says "$evil"
    run -0 pty -- "${MCPD_CMD[@]}" inspect --format '{{.Config.Labels.evil}}' c
    equal "$output" $'a 31mb c [1md\r'
    fails 125 inspect "$evil"
    [[ "$stderr" != *$'\xc2\x9b'* ]] || explain "in a message"
}
