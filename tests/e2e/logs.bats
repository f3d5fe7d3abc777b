#!/usr/bin/env bats
# logs: what a container said, as it said it.

load helper/common

setup() {
    common_setup
    need busybox
}

@test "logs: stdout to stdout, stderr to stderr" {
    ok run --name c --network none "$IMAGE" sh -c 'echo out; echo err >&2; echo more'
    ok logs c
    says $'out\nmore'
    equal "$stderr" err
}

@test "logs: also what a foreground run showed, while and after it runs" {
    ok run -d --name c --network none "$IMAGE" sh -c 'echo early; sleep 600'
    eventually logged c early
    ok stop -t 0 c
    ok logs c
    says early
}

logged() {
    mcpd logs "$1" | grep -q "$2"
}

@test "logs --tail" {
    ok run --name c --network none "$IMAGE" seq 1 100
    ok logs --tail 3 c
    says $'98\n99\n100'
    ok logs --tail 0 c
    says ""
    ok logs --tail 1000 c
    equal "${#lines[@]}" 100
    fails 125 logs --tail x c
}

@test "logs -t: a time for each line" {
    ok run --name c --network none "$IMAGE" sh -c 'echo one; echo two'
    ok logs -t c
    [[ "${lines[0]}" =~ ^20[0-9-]+T[0-9:.]+(Z|[+-][0-9:]+)\ one$ ]] || explain "time"
    equal "${#lines[@]}" 2
}

@test "logs -f: follows until the end" {
    ok run -d --name c --network none "$IMAGE" sh -c 'for i in 1 2 3 4 5; do echo $i; sleep 0.1; done'
    ok logs -f c
    says $'1\n2\n3\n4\n5'
}

@test "logs -f: of an ended container ends" {
    ok run --name c --network none "$IMAGE" echo ended
    ok logs -f c
    says ended
}

@test "logs -f --tail 1: the last line and what follows" {
    ok run -d --name c --network none "$IMAGE" sh -c 'echo a; echo b; while [ ! -e /go ]; do sleep 0.05; done; echo c'
    eventually logged c b
    start_client logs -f --tail 1 c >"$T/out"
    eventually grep -q b "$T/out"
    ok exec c touch /go
    client_ends 0
    equal "$(cat "$T/out")" $'b\nc'
}

@test "logs --since, --until" {
    ok run --name c --network none "$IMAGE" sh -c 'echo one'
    ok logs --since 1h c
    says one
    ok logs --until 2020-01-01T00:00:00Z c
    says ""
    ok logs --since 2030-01-01T00:00:00Z c
    says ""
}

@test "logs: a line without end, long lines, bytes that are no text" {
    ok run --name c --network none "$IMAGE" printf 'no newline'
    run -0 --separate-stderr mcpd logs c
    says "no newline"
    head -c 200000 /dev/urandom >"$T/bytes"
    ok run --name d --network none -v "$T/bytes:/bytes:ro" "$IMAGE" cat /bytes
    run -0 cmp "$T/bytes" <(mcpd logs d)
}

@test "logs: bounded; the newest stay" {
    ok run -d --name c --network none "$IMAGE" seq 1 1000000
    ok wait c
    local size
    size=$(find "$T/root/containers" -name 'log*' -printf '%s\n' | awk '{s += $1} END {print s}')
    [ "$size" -lt 30000000 ] || explain "$size bytes"
    ok logs --tail 1 c
    says 1000000
}

@test "logs: driver none keeps nothing, the foreground still shows" {
    ok run --name c --log-driver none --network none "$IMAGE" echo shown
    says shown
    run --separate-stderr -- mcpd logs c
    hasnt shown
}

@test "logs: a container that writes much is not lost or stalled without a reader" {
    ok run -d --name c --network none "$IMAGE" sh -c 'seq 1 300000; echo end'
    ok wait c
    ok logs --tail 1 c
    says end
}

@test "logs: several starts are one log" {
    ok run --name c --network none "$IMAGE" sh -c 'echo again'
    ok start c
    ok wait c
    ok logs c
    says $'again\nagain'
}

log_files() {
    find "$T/root/containers" -name 'log*' -printf '%f\n' | sort | tr '\n' ' '
}

@test "logs: --log-opt max-size, max-file: the newest lines, none of them cut" {
    local first
    ok run --name c --log-opt max-size=50k --log-opt max-file=3 --network none "$IMAGE" seq 1 20000
    equal "$output" "$(seq 1 20000)" # the foreground gets everything
    equal "$(log_files)" "log log.1 log.2 "
    [ "$(find "$T/root/containers" -name 'log*' -size +50k)" = "" ] || explain "too large"
    ok logs c
    first=${lines[0]}
    [ "$first" -gt 10 ] && [ "$first" -lt 19000 ] || explain "the first line is $first"
    equal "$output" "$(seq "$first" 20000)"
    ok logs --tail 2000 c
    equal "$output" "$(seq 18001 20000)"
    ok inspect --format '{{.HostConfig.LogConfig.Type}} {{.HostConfig.LogConfig.Size}}' c
    says "k8s-file 50kB"
}

@test "logs -f: over rotations, nothing is missing" {
    ok run -d --name c --log-opt max-size=20k,max-file=4 --network none "$IMAGE" \
        sh -c 'i=0; while [ $i -lt 40 ]; do seq $((i * 100)) $((i * 100 + 99)); i=$((i + 1)); sleep 0.02; done'
    ok logs -f c
    equal "$(tail -n 1 <<<"$output")" 3999
    equal "$output" "$(seq "${lines[0]}" 3999)"
}

@test "logs: --log-opt path: in a file of the user's choice" {
    mkdir "$T/logs"
    ok run --name c --log-driver json-file --log-opt path="$T/logs/mine" --log-opt tag=x \
        --network none "$IMAGE" echo here
    run -0 grep -q 'stdout F here' "$T/logs/mine"
    ok logs c
    says here
    ok inspect --format '{{.HostConfig.LogConfig.Type}} {{.HostConfig.LogConfig.Path}} {{.HostConfig.LogConfig.Tag}}' c
    says "json-file $T/logs/mine x"
    ok rm c
    run -0 test -s "$T/logs/mine"
    fails 125 run --name d --log-opt path="$T/no/such" --network none "$IMAGE" true
    error_is "Error: open the log '$T/no/such': No such file or directory"
    state_is d created
}

@test "logs: log options and drivers that are none" {
    fails 125 create --log-opt max-size=zz "$IMAGE"
    error_is "Error: invalid size: 'zz'"
    fails 125 create --log-opt max-size "$IMAGE"
    error_is 'Error: invalid log option "max-size"'
    fails 125 create --log-driver nonsense "$IMAGE"
    error_is "Error: running container create option: invalid log driver: invalid argument"
    fails 125 create --log-driver journald "$IMAGE"
    error_is 'Error: log driver "journald" is not supported (k8s-file, json-file and none are)'
    ok create --log-opt compress=true "$IMAGE"
    error_has 'log option \"compress=true\" has no effect'
}

# limited SOFT[:HARD] ARG...: mcpd where no file may be longer than that many KiB. Python would leave
# the signal ignored, and bats has its output in files.
limited() {
    run --separate-stderr -- python3 - "$1" "${MCPD_CMD[@]}" "${@:2}" <<'END'
import resource, signal, subprocess, sys
limit = [int(number) * 1024 for number in sys.argv[1].split(":")]
def confine():
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit[0], limit[-1]))
ended = subprocess.run(sys.argv[2:], capture_output=True, text=True, preexec_fn=confine)
print(ended.stdout, end="")
print(ended.stderr, end="", file=sys.stderr)
sys.exit(ended.returncode if ended.returncode >= 0 else 128 - ended.returncode)
END
}

@test "logs: the caller may not write long files: the newest stay" {
    limited 100 run -d --name c --network none "$IMAGE" sh -c 'seq 1 30000; ulimit -f'
    equal "$status" 0
    ok wait c
    ok logs --tail 2 c
    says $'30000\n200' # the container has the same limit, in blocks of 512
    equal "$(log_files)" "log log.1 "
    limited 100:5000 run -d --name d --network none "$IMAGE" sh -c 'seq 1 30000; ulimit -f'
    equal "$status" 0
    ok wait d
    ok logs d
    equal "$output" "$(seq 1 30000; echo 200)"
}

@test "run: the caller may write no files: one line, 125" {
    local limit
    for limit in 0 1; do
        limited "$limit" run --rm --name c --network none "$IMAGE" true
        equal "$status" 125
        [[ "$stderr" =~ ^"Error: "[^$'\n']*"File too large"$ ]] || explain "$stderr"
    done
    no_containers
    limited 10 pull -q "$REGISTRY/t/layers"
    equal "$status" 125
    error_has "File too large"
}
