#!/usr/bin/env bats
# `run`: what is executed, its output, its exit code, and how it fails.
# bats file_tags=asan

load helper/common

# --- entrypoint and command --------------------------------------------------

@test "run: the image's command" {
    need config:v1.2
    ok run -d --name c --network none "$IMAGE"
    ok inspect --format '{{.Path}} {{json .Args}}' c
    says 'sleep ["600"]'
}

@test "run: a command replaces the image's" {
    need busybox
    ok run --rm --network none "$IMAGE" echo mine
    says mine
}

@test "run: entrypoint alone, with arguments" {
    need entry:ep
    ok run --rm --network none "$IMAGE"
    says ep
    ok run --rm --network none "$IMAGE" a b
    says "ep a b"
}

@test "run: entrypoint and command of the image" {
    need entry:both
    ok run --rm --network none "$IMAGE"
    says "ep cmd"
    ok run --rm --network none "$IMAGE" a
    says "ep a"
}

@test "run --entrypoint: replaces, drops the image's command" {
    need entry:both
    ok run --rm --network none --entrypoint echo "$IMAGE"
    says ""
    ok run --rm --network none --entrypoint echo "$IMAGE" a
    says a
}

@test "run --entrypoint: JSON" {
    need entry:both
    ok run --rm --network none --entrypoint '["echo","two words","x"]' "$IMAGE" y
    says "two words x y"
}

@test "run --entrypoint \"\": none" {
    need entry:both
    ok run --rm --network none --entrypoint "" "$IMAGE" echo plain
    says plain
}

@test "run: neither entrypoint nor command" {
    need nocmd
    fails 125 run --rm --network none "$IMAGE"
    error_has "no command"
}

@test "run: options behind the image belong to the command" {
    need busybox
    ok run --rm --network none "$IMAGE" echo --rm -d --name x
    says "--rm -d --name x"
}

@test "run: -- ends the options" {
    need busybox
    ok run --rm --network none -- "$IMAGE" echo works
    says works
}

# --- output and exit code ----------------------------------------------------

@test "run: stdout and stderr stay apart" {
    need busybox
    ok run --rm --network none "$IMAGE" sh -c 'echo out; echo err >&2'
    says out
    equal "$stderr" err
}

@test "run: binary output is untouched, all of it" {
    need busybox
    head -c 3000000 /dev/urandom >"$T/bytes"
    run -0 cmp "$T/bytes" <(mcpd run --rm --network none -v "$T/bytes:/bytes:ro" "$IMAGE" cat /bytes)
}

@test "run -i: stdin reaches the command, and its end" {
    need busybox
    head -c 3000000 /dev/urandom >"$T/bytes"
    run -0 cmp "$T/bytes" <(mcpd run -i --rm --network none "$IMAGE" cat <"$T/bytes")
}

@test "run: without -i stdin is empty" {
    need busybox
    run -0 --separate-stderr mcpd run --rm --network none "$IMAGE" wc -c <<<"not for you"
    says 0
}

@test "run: exit code of the command" {
    need busybox
    local code
    for code in 1 3 125 126 127 255; do
        fails "$code" run --rm --network none "$IMAGE" sh -c "exit $code"
        equal "$stderr" ""
    done
}

@test "run: 128 + n when a signal ended it" {
    need busybox
    start_client run --name c --network none "$IMAGE" sleep 600
    eventually state_is c running
    ok kill -s KILL c
    client_ends 137
}

@test "run: 127 when there is no such command" {
    need busybox
    fails 127 run --name c --network none "$IMAGE" /no/such
    error_has 'exec: "/no/such": stat /no/such: no such file or directory: OCI runtime attempted to invoke a command that was not found'
    ok inspect --format '{{.State.Status}}' c
    says created
}

@test "run: 127 when PATH has no such command" {
    need busybox
    fails 127 run --rm --network none "$IMAGE" nosuchcommand
    error_has 'exec: "nosuchcommand": executable file not found in $PATH'
}

@test "run: 126 when it cannot be executed" {
    need busybox
    fails 126 run --rm --network none "$IMAGE" /etc/passwd
    error_has 'exec: "/etc/passwd": permission denied'
    fails 126 run --rm --network none "$IMAGE" /etc
    error_has 'exec: "/etc"'
}

@test "run: 126 when its interpreter is missing or it is no program" {
    need busybox
    printf '#!/no/such/interpreter\n' >"$T/script"
    head -c 100 /dev/zero >"$T/zeros"
    chmod 755 "$T/script" "$T/zeros"
    run --separate-stderr -- mcpd run --rm --network none -v "$T/script:/script" "$IMAGE" /script
    [ "$status" = 126 ] || [ "$status" = 127 ] || explain "status $status"
    fails 126 run --rm --network none -v "$T/zeros:/zeros" "$IMAGE" /zeros
    error_has "exec format error"
}

@test "run: 125 for what mcpd itself refuses" {
    need busybox
    fails 125 run
    error_is "Error: requires at least 1 arg(s), only received 0"
    fails 125 run -d --nosuchflag "$IMAGE"
    [[ "$stderr" == "Error: unknown flag: --nosuchflag"$'\n'"See 'mcpd run --help'"* ]] || explain "text"
    fails 125 run -d --name a/b --network none "$IMAGE"
    error_is "Error: running container create option: names must match [a-zA-Z0-9][a-zA-Z0-9_.-]*: invalid argument"
    fails 125 run -d --restart sometimes --network none "$IMAGE"
    error_has '"sometimes" is not a valid restart policy'
    fails 125 run -d --network nosuchnet "$IMAGE"
    error_is "Error: unable to find network with name or ID nosuchnet: network not found"
    ok ps -aq
    says ""
}

@test "run: unknown user, 126" {
    need busybox
    fails 126 run --name c --network none --user nobodyhere "$IMAGE" true
    error_is "Error: unable to find user nobodyhere: no matching entries in passwd file"
}

# --- detached, names ---------------------------------------------------------

@test "run -d: prints the id and returns at once" {
    need busybox
    ok run -d --network none "$IMAGE" sleep 600
    is_id "$output"
    equal "$stderr" ""
    ok inspect --format '{{.State.Status}}' "$output"
    says running
}

@test "run -d: a command that ends at once" {
    need busybox
    ok run -d --name c --network none "$IMAGE" sh -c 'exit 7'
    ok wait c
    says 7
    ok inspect --format '{{.State.Status}} {{.State.ExitCode}}' c
    says "exited 7"
}

@test "run -d: a start that fails says so and gives the code" {
    need busybox
    fails 127 run -d --name c --network none "$IMAGE" /no/such
    error_has "/no/such"
}

@test "run --name: taken" {
    need busybox
    ok run -d --name web --network none "$IMAGE" sleep 600
    local id=$output
    fails 125 run -d --name web --network none "$IMAGE" sleep 600
    error_is "Error: creating container storage: the container name \"web\" is already in use by $id. You have to remove that container to be able to reuse that name: that name is already in use"
    ok ps -aq
    equal "${#lines[@]}" 1
}

@test "run --name: of many at once one gets it" {
    need busybox
    local number good=0 pids=() pid
    for number in 1 2 3 4 5 6; do
        mcpd run -d --name one --network none "$IMAGE" sleep 600 >"$T/out$number" 2>&1 &
        pids+=($!)
    done
    for pid in "${pids[@]}"; do
        if wait "$pid"; then good=$((good + 1)); fi
    done
    equal "$good" 1
    ok ps -aq
    equal "${#lines[@]}" 1
}

@test "run: without a name one is made up" {
    need busybox
    ok run -d --network none "$IMAGE" sleep 600
    ok ps --format '{{.Names}}'
    [[ "$output" =~ ^[a-z]+_[a-z]+$ ]] || explain "name"
}

@test "run --replace: takes the place of another" {
    need busybox
    ok run -d --stop-timeout 1 --name web --network none "$IMAGE" sleep 600
    local first=$output
    ok run -d --replace --name web --network none "$IMAGE" sleep 600
    [ "${lines[-1]}" != "$first" ]
    is_id "${lines[-1]}"
    ok ps -aq
    equal "${#lines[@]}" 1
}

# As a package is built, or a system before it is started.
@test "run: in a chroot" {
    root_only "only root has one"
    need busybox
    mkdir "$T/tree"
    run -0 unshare --mount --propagation private sh -c 'mount --rbind / "$0" && exec chroot "$0" "$@"' \
        "$T/tree" "${MCPD_CMD[@]}" run --rm --network none --memory 64m "$IMAGE" \
        sh -c 'echo works; ls /sys/fs/cgroup | grep -c .'
    [ "${lines[0]}" = works ]
    [ "${lines[1]}" -ge 1 ]
}

@test "run: in a chroot that is no mount point, a clear line" {
    root_only "only root has one"
    need busybox
    mkdir "$T/tree"
    cat >"$T/enter" <<'ENTER'
cd "$1" || exit
for entry in /*; do
    if [ -L "$entry" ]; then cp -P "$entry" .; continue; fi
    [ -d "$entry" ] || continue
    mkdir ".$entry" && mount --rbind "$entry" ".$entry"
done
shift
exec chroot . "$@"
ENTER
    run -125 unshare --mount --propagation private sh "$T/enter" "$T/tree" "${MCPD_CMD[@]}" \
        run --rm --network none "$IMAGE" true
    has "Error: the root directory is no mount point, as in a plain chroot"
}

@test "run --rm: nothing is left, whatever the exit code" {
    need busybox
    fails 3 run --rm --name c --network none "$IMAGE" sh -c 'exit 3'
    ok ps -aq
    says ""
    ok run -d --rm --name c --network none "$IMAGE" sh -c 'exit 0'
    eventually no_containers
}

@test "run: the container stays without --rm, and its files" {
    need busybox
    ok run --name c --network none "$IMAGE" sh -c 'echo kept >/kept'
    ok start -a c
    ok ps -a --format '{{.Names}} {{.Status}}'
    has "c Exited (0)"
}

@test "run --cidfile" {
    need busybox
    ok run -d --cidfile "$T/cid" --network none "$IMAGE" sleep 600
    equal "$(cat "$T/cid")" "$output"
}

@test "run: signals of the client reach the container" {
    need busybox
    start_client run --name c --network none "$IMAGE" \
        sh -c 'trap "echo got; exit 9" TERM; echo ready; while :; do sleep 0.05; done' >"$T/out"
    eventually grep -q ready "$T/out"
    kill -TERM "$CLIENT"
    client_ends 9
    grep -q got "$T/out"
}

@test "run: fifty, one after another, leave nothing" {
    need busybox
    local number
    for number in {1..50}; do
        mcpd run --rm --network none "$IMAGE" true || explain "number $number"
    done
    ok ps -aq
    says ""
}

@test "run: ten at a time" {
    need busybox
    local number pids=() pid
    for number in {1..10}; do
        mcpd run --rm --network none "$IMAGE" echo "$number" >"$T/out$number" &
        pids+=($!)
    done
    for pid in "${pids[@]}"; do wait "$pid"; done
    equal "$(cat "$T"/out* | sort -n | tr '\n' ' ')" "1 2 3 4 5 6 7 8 9 10 "
}

@test "create and start" {
    need busybox
    ok create --name c --network none "$IMAGE" sh -c 'echo hello; exit 4'
    is_id "$output"
    ok inspect --format '{{.State.Status}}' c
    says created
    fails 4 start -a c
    says hello
}
