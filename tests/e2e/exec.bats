#!/usr/bin/env bats
# exec: a further process in a running container.
# bats file_tags=asan

load helper/common

setup() {
    common_setup
    need busybox
    ok run -d --name c --network none -e FROM_RUN=1 "$IMAGE" sleep 600
}

@test "exec: output, stderr and exit code" {
    ok exec c sh -c 'echo out; echo err >&2'
    says out
    equal "$stderr" err
    fails 4 exec c sh -c 'exit 4'
    fails 137 exec c sh -c 'kill -9 $$'
}

@test "exec: sees the container's files, processes and environment" {
    ok exec c sh -c 'echo hello >/file'
    ok exec c cat /file
    says hello
    ok exec c sh -c 'tr "\0" " " </proc/1/cmdline; echo; echo $FROM_RUN; hostname'
    equal "${lines[0]}" "sleep 600 "
    equal "${lines[1]}" 1
}

@test "exec -e, -w, -u" {
    ok exec -e A=1 --env B=2 c sh -c 'echo $A $B'
    says "1 2"
    ok exec -w /tmp c pwd
    says /tmp
    ok exec -u app c id -un
    says app
    ok exec -u app:staff c id -g
    says 50
    fails 255 exec -u nobodyhere c id
    error_is "Error: unable to find user nobodyhere: no matching entries in passwd file"
    fails 255 exec -u app:nogroup c id
    error_is "Error: unable to find group nogroup: no matching entries in group file"
    ok exec -u 12345 c id -u
    says 12345
    fails 127 exec -w /no/such c pwd
    error_has 'chdir to cwd ("/no/such"): no such file or directory'
    fails 126 exec -w /etc/passwd c pwd
    error_has 'chdir to cwd ("/etc/passwd")'
}

@test "exec --env-file" {
    echo A=file >"$T/env"
    ok exec --env-file "$T/env" c sh -c 'echo $A'
    says file
    fails 125 exec --env-file /no/such c true
    error_is 'Error: parsing env file "/no/such": open /no/such: no such file or directory'
    fails 125 exec -e =x c true
    error_is 'Error: invalid environment variable: "=x"'
}

@test "exec: the user and folder of the container" {
    ok run -d --name d --user app -w /var --network none "$IMAGE" sleep 600
    ok exec d sh -c 'id -un; pwd'
    says $'app\n/var'
}

@test "exec -i: stdin" {
    head -c 1000000 /dev/urandom >"$T/bytes"
    run -0 cmp "$T/bytes" <(mcpd exec -i c cat <"$T/bytes")
    run -0 --separate-stderr mcpd exec c wc -c <<<"not for you"
    says 0
}

@test "exec -i: 100 MB through cat, byte for byte" {
    head -c 100000000 /dev/urandom >"$T/bytes"
    run -0 cmp "$T/bytes" <(mcpd exec -i c cat <"$T/bytes")
    run -0 cmp "$T/bytes" <(mcpd exec -i c sh -c 'cat >&2' 2>&1 >/dev/null <"$T/bytes")
}

@test "exec -d: in the background; prints an id" {
    ok exec -d c sh -c 'sleep 0.2; echo done >/done'
    is_id "$output"
    eventually exec_is c "done" cat /done
}

exec_is() {
    [ "$(mcpd exec "$1" "${@:3}")" = "$2" ]
}

# Under a first process that never reaps what it is left with.
@test "exec -d: what has ended does not count in the container's pids limit" {
    root_only "no cgroup for a pids limit"
    ok run -d --name few --pids-limit 20 --network none "$IMAGE" sleep 600
    run -0 python3 - "${MCPD_CMD[@]}" exec -d few true <<'END'
import ctypes, subprocess, sys
ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)
for _ in range(30):
    subprocess.run(sys.argv[1:], check=True)
END
}

@test "exec -d: a command that cannot be run" {
    fails 127 exec -d c /no/such
    error_has "/no/such"
    fails 255 exec -d -u nobody-there c true
}

@test "exec -d: nobody waits for it, and it ends with the container" {
    run -0 timeout 10 "${MCPD_CMD[@]}" exec -d c sleep 600
    eventually exec_sees_two
    ok stop -t 0 c
    eventually no_leaks
}

@test "exec: no such command, not executable" {
    fails 127 exec c /nope
    error_has 'exec: "/nope": stat /nope: no such file or directory: OCI runtime attempted to invoke a command that was not found'
    fails 126 exec c /etc/passwd
    error_has 'permission denied'
}

@test "exec: no command, no container" {
    fails 255 exec c
    error_is "Error: must provide a non-empty command to start an exec session: invalid argument"
    fails 125 exec
    error_is "Error: exec requires the name or ID of a container or the --latest flag"
    fails 125 exec nosuch true
    error_is 'Error: no container with name or ID "nosuch" found: no such container'
    fails 127 exec c ''
}

@test "exec: stopped container" {
    ok stop -t 0 c
    fails 255 exec c true
    error_is "Error: can only create exec sessions on running containers: container state improper"
}

@test "exec: options behind the name belong to the command" {
    ok exec c echo -i -t
    says "-i -t"
}

@test "exec: ends when the container does" {
    start_client exec c sleep 600
    eventually exec_sees_two
    ok stop -t 0 c
    client_ends 137
}

exec_sees_two() {
    [ "$(mcpd exec c sh -c 'grep -l sleep /proc/[0-9]*/comm 2>/dev/null | wc -l')" = 2 ]
}

# Whatever step of it is reached: it ran and was killed, or there was nothing to run in.
@test "exec: while the container ends" {
    local round number pids
    for round in 0 1 2 3 4 5; do
        pids=()
        for number in 1 2 3; do
            one_exec c &
            pids+=($!)
        done
        sleep "0.0$round"
        ok kill c
        for number in "${pids[@]}"; do wait "$number"; done
        ok start c
    done
}

one_exec() {
    local code=0 text
    text=$(mcpd exec "$1" sleep 60 2>&1) || code=$?
    case $code in
    137) equal "$text" "" ;;
    255) equal "$text" "Error: can only create exec sessions on running containers: container state improper" ;;
    *) explain "status $code: $text" ;;
    esac
}

@test "exec: the process goes on when the client is killed" {
    start_client exec c sh -c 'sleep 0.3; echo alive >/alive; sleep 600'
    eventually exec_sees_two
    kill -9 "$CLIENT"
    eventually exec_is c alive cat /alive
}

@test "exec: a client that is killed leaves no process behind" {
    mkfifo "$T/fifo"
    exec 9<>"$T/fifo"
    start_client exec -i c cat <"$T/fifo" >/dev/null
    eventually exec_runs_cat
    kill -9 "$CLIENT"
    exec 9>&-
    eventually no_cat
}

exec_runs_cat() {
    mcpd exec c sh -c 'for f in /proc/[0-9]*/cmdline; do [ "$(tr -d "\0" <$f)" != cat ] || exit 0; done; exit 1'
}

no_cat() {
    ! exec_runs_cat
}

@test "exec: many at once" {
    local number pids=() pid
    for number in {1..10}; do
        mcpd exec c echo "$number" >"$T/out$number" &
        pids+=($!)
    done
    for pid in "${pids[@]}"; do wait "$pid"; done
    equal "$(cat "$T"/out* | wc -l)" 10
}

@test "exec: as process 1's root, not the host's" {
    ok exec c sh -c 'ls -d /bin/busybox; [ ! -d "$1" ] && echo inside' - "$T"
    says $'/bin/busybox\ninside'
}

@test "exec: no terminal and no file of the host in the container's hands" {
    run -0 pty -- "${MCPD_CMD[@]}" exec c sh -c 'for i in 0 1 2; do ls -l /proc/self/fd/$i; done'
    hasnt "/dev/pts"
    "${MCPD_CMD[@]}" exec -i c sh -c 'for i in 0 1 2; do ls -l /proc/$$/fd/$i; done' \
        </etc/hostname >"$T/output" 2>"$T/errors"
    equal "$(grep -c 'pipe:' "$T/output")" 3
    # What stays behind in the container does not keep the command waiting.
    run -0 timeout 10 "${MCPD_CMD[@]}" exec c sh -c 'sleep 100 & echo finished'
    has finished
}
