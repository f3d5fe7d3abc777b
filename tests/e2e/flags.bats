#!/usr/bin/env bats
# One test for each option of `run` that shapes the process.
# bats file_tags=asan

load helper/common

setup() {
    common_setup
    need busybox
}

runs() {
    ok run --rm --network none "$@"
}

@test "run --user: name, with the groups of the image" {
    runs --user app "$IMAGE" id
    says "uid=1000(app) gid=1001(app) groups=50(staff),60(extra),1001(app)"
}

@test "run --user: name and group by name or number" {
    runs --user app:staff "$IMAGE" id -u -n
    says app
    runs --user app:staff "$IMAGE" id -g
    says 50
    runs --user 1000:50 "$IMAGE" sh -c 'id -u; id -g'
    says $'1000\n50'
}

@test "run --user: a number that passwd does not know" {
    runs --user 4242 "$IMAGE" sh -c 'id -u; id -g; echo $HOME'
    says $'4242\n0\n/'
}

@test "run --user: a number gets a line in passwd, the image's file stays as it was" {
    need config:v1.2
    local before
    before=$(mcpd run --rm --network none -u 0 "$IMAGE" cat /etc/passwd)
    ok run -d --name c --network none -u 5555:7 "$IMAGE" sleep 600
    ok exec c tail -n 1 /etc/passwd
    says "5555:*:5555:7:container user:/:/bin/sh"
    ok exec c sh -c 'whoami; echo $HOME'
    says $'5555\n/'
    # As often as it starts: one line.
    ok stop -t 0 c
    ok start c
    ok exec c grep -c 5555 /etc/passwd
    says 1
    ok run --rm --network none -u 0 "$IMAGE" cat /etc/passwd
    says "$before"
    fails 1 run --rm --network none --passwd=false -u 5555 "$IMAGE" grep 5555 /etc/passwd
    ok run --rm --network none --read-only -u 5555 "$IMAGE" whoami
    says 5555
    # What the user puts there stays.
    echo 'mine:x:5555:5555::/:/bin/sh' >"$T/passwd"
    ok run --rm --network none -v "$T/passwd:/etc/passwd" -u 5555 "$IMAGE" whoami
    says mine
    equal "$(cat "$T/passwd")" 'mine:x:5555:5555::/:/bin/sh'
}

@test "run --user: a malformed line of passwd is no user" {
    fails 126 run --rm --network none --user broken "$IMAGE" id
    error_has "broken"
    fails 126 run --rm --network none --user -1 "$IMAGE" id
    fails 126 run --rm --network none --user 4294967296 "$IMAGE" id
}

@test "run --user: HOME is the user's" {
    runs --user app "$IMAGE" sh -c 'echo $HOME'
    says /home/app
}

@test "run --user: passwd that is a link out of the image is not followed" {
    printf '{"name":"etc","type":"dir"}\n{"name":"etc/passwd","type":"symlink","target":"/proc/1/root/etc/passwd"}\n' |
        make_image layer "$T/link.tar"
    make_image image "$T/layout" x/link:1 --layer "$IMAGES/busybox.tar" --layer "$T/link.tar"
    bad_registry "$T/layout"
    fails 126 run --rm --network none --user mail "$BAD/x/link:1" id
}

@test "run --group-add" {
    runs --user app --group-add extra --group-add 777 "$IMAGE" id -G
    [[ " $output " == *" 60 "* && " $output " == *" 777 "* ]] || explain "groups"
}

@test "run -w" { # one that is missing: folders.bats
    runs -w /var/tmp "$IMAGE" pwd
    says /var/tmp
    runs -w /var/tmp/ "$IMAGE" pwd
    says /var/tmp
}

@test "run -w: must be absolute" {
    run --separate-stderr -- mcpd run --rm --network none -w relative "$IMAGE" pwd
    [ "$status" = 125 ] || [ "$status" = 126 ] || explain "status $status"
    error_has relative
}

@test "run: the image's user, folder and environment" {
    need config:v1.2
    runs "$IMAGE" sh -c 'id -u; pwd; echo $COLOR,$PATH'
    says $'1000\n/srv/work\nblue,/bin:/opt/bin'
}

@test "run -e: K=V, empty, from the host, absent on the host" {
    export FROM_HOST=inherited
    unset ABSENT
    runs -e A=1 -e EMPTY= -e FROM_HOST -e ABSENT -e 'B=two words=x' "$IMAGE" env
    local line
    for line in A=1 EMPTY= FROM_HOST=inherited 'B=two words=x'; do
        grep -qx -- "$line" <<<"$output" || explain "no $line"
    done
    hasnt ABSENT
}

@test "run -e: the last one wins, also over the image" {
    runs -e A=1 -e A=2 -e PATH=/bin "$IMAGE" sh -c 'echo $A $PATH'
    says "2 /bin"
}

@test "run: PATH, TERM, HOSTNAME, HOME and container are there, nothing of the host's" {
    export SECRET_OF_HOST=x
    runs --hostname here "$IMAGE" env
    has "PATH=/usr/local/bin:/usr/bin:/bin"
    has "TERM=xterm"
    has "HOSTNAME=here"
    has "HOME=/root"
    has "container="
    hasnt SECRET_OF_HOST
    hasnt "$T"
}

@test "run --env-file" {
    export FROM_HOST=inherited
    printf '# comment\n\nA=1\nB=with spaces \nFROM_HOST\nURL=http://x/?a=b#c\n' >"$T/env"
    runs --env-file "$T/env" -e A=2 "$IMAGE" env
    grep -qx A=2 <<<"$output"
    grep -q '^B=with spaces' <<<"$output"
    grep -qx FROM_HOST=inherited <<<"$output"
    grep -qx 'URL=http://x/?a=b#c' <<<"$output"
    hasnt comment
    fails 125 run --rm --network none --env-file "$T/nope" "$IMAGE" env
    error_has "o such file or directory"
}

@test "run --hostname" {
    runs --hostname box "$IMAGE" sh -c 'hostname; echo $(cat /etc/hostname); grep -c "box" /etc/hosts'
    says $'box\nbox\n1'
}

@test "run: the hostname is the start of the id" {
    ok run -d --name c --network none "$IMAGE" sleep 600
    local id=$output
    ok exec c hostname
    says "${id:0:12}"
}

@test "run --network host: the host's name and network" {
    ok run --rm --network host "$IMAGE" sh -c 'hostname; ls /sys/class/net | wc -l'
    equal "${lines[0]}" "$(hostname)"
    [ "${lines[1]}" -ge 1 ]
}

@test "run --network none: only lo, and it is up" {
    runs "$IMAGE" sh -c 'ls /sys/class/net; ping -c 1 -W 2 127.0.0.1 >/dev/null 2>&1 || nc -z 127.0.0.1 1 2>&1; ip -o link show lo'
    equal "${lines[0]}" lo
    has "UP"
}

@test "run --network: ports are discarded with a warning" {
    local network
    for network in none host; do
        ok run --rm --network "$network" -p 18080:80 "$IMAGE" true
        [[ "$stderr" == *"Port mappings have been discarded as one of the Host, Container, Pod, and None network modes are in use"* ]] ||
            explain "no warning"
    done
}

@test "run -p: nonsense is refused" {
    fails 125 run --rm --network none -p 99999:80 "$IMAGE" true
    error_has "port numbers must be between 1 and 65535 (inclusive), got 99999"
}

@test "run: hosts and resolv.conf" {
    runs "$IMAGE" cat /etc/hosts
    has "127.0.0.1"
    has localhost
    ok run --rm --network host "$IMAGE" cat /etc/resolv.conf
    has nameserver
}

@test "run --add-host" {
    runs --add-host db:192.0.2.7 "$IMAGE" cat /etc/hosts
    grep -Eq '^192\.0\.2\.7[[:space:]]+db$' <<<"$output"
}

@test "run --init: reaps, forwards, gives the exit code" {
    runs --init "$IMAGE" sh -c 'echo $$'
    [ "$output" != 1 ]
    fails 5 run --rm --init --network none "$IMAGE" sh -c 'exit 5'
    fails 143 run --rm --init --network none "$IMAGE" sh -c 'kill -TERM $$'
    ok run -d --name c --init --network none "$IMAGE" sh -c '(sleep 0.1 &); exec sleep 600'
    eventually no_zombies c
    ok stop -t 5 c
    equal "$stderr" ""
}

no_zombies() {
    mcpd exec "$1" sh -c 'cat /proc/[0-9]*/stat' >"$T/stat"
    ! grep -q ') Z ' "$T/stat"
}

@test "run --read-only: the image cannot be written, the usual places can" {
    runs --read-only "$IMAGE" sh -c 'touch /x 2>&1; touch /etc/x 2>&1; for d in /tmp /run /var/tmp /dev/shm; do echo a >$d/f && echo $d; done'
    has "touch: /x: Read-only file system"
    has "touch: /etc/x: Read-only file system"
    has $'/tmp\n/run\n/var/tmp\n/dev/shm'
}

@test "run --read-only --read-only-tmpfs=false: nothing but /dev/shm" {
    runs --read-only --read-only-tmpfs=false "$IMAGE" sh -c 'touch /tmp/x 2>&1; touch /dev/shm/x && echo shm'
    has "Read-only file system"
    has shm
}

@test "run --label, --annotation" {
    ok run -d --name c --network none --label a=b --label c --annotation x=y "$IMAGE" sleep 600
    ok inspect --format '{{.Config.Labels.a}}' c
    says b
    ok inspect c
    jq -e '.[0].Config.Labels == {"a":"b","c":""} and .[0].Config.Annotations.x == "y"' <<<"$output"
}

@test "run --stop-signal, --stop-timeout" {
    ok run -d --name c --network none --stop-signal USR1 --stop-timeout 30 "$IMAGE" \
        sh -c 'trap "exit 44" USR1; echo ready; while :; do sleep 0.05; done'
    eventually logged c ready
    ok stop c
    ok wait c
    says 44
}

logged() {
    mcpd logs "$1" | grep -q "$2"
}

@test "run --umask" {
    runs --umask 0077 "$IMAGE" sh -c 'umask; touch /x; stat -c %a /x'
    says $'0077\n600'
    runs "$IMAGE" sh -c umask
    says 0022
}

@test "run --shm-size" {
    runs --shm-size 1m "$IMAGE" df -k /dev/shm
    has " 1024 "
    runs "$IMAGE" df -k /dev/shm
    has " 64000 "
}

@test "run --ulimit" {
    runs --ulimit nofile=100:200 "$IMAGE" sh -c 'ulimit -Sn; ulimit -Hn'
    says $'100\n200'
    runs --ulimit core=0 "$IMAGE" sh -c 'ulimit -c'
    says 0
}

@test "run: bad values name what is wrong" {
    local bad
    for bad in "--memory=10q" "--cpus=x" "--pids-limit=x" "--ulimit=nofile" "--stop-signal=NOPE" \
        "--umask=9" "--shm-size=-1" "--cap-add=NOPE" "--tmpfs=relative" "-v=:" "--env-file=/no/such" \
        "--add-host=x" "--log-driver=nope" "--network="; do
        run --separate-stderr -- mcpd run --rm --network none "$bad" "$IMAGE" true
        [ "$status" = 125 ] || explain "$bad: status $status"
        [[ "$stderr" == "Error: "* ]] || explain "$bad"
    done
    ok ps -aq
    says ""
}
