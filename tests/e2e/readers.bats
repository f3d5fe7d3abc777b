#!/usr/bin/env bats
# readers: what happens when whoever reads our output leaves, or a disk is full.

load helper/common

setup() {
    common_setup
    need busybox
}

# first_line ARG...: of mcpd's stdout, in $T/line; its own status in $status,
# what it said besides in $T/errors.
first_line() {
    local codes
    set +e
    "${MCPD_CMD[@]}" "$@" 2>"$T/errors" | head -n 1 >"$T/line"
    codes=("${PIPESTATUS[@]}")
    set -e
    status=${codes[0]}
}

first_line_is() {
    equal "$(cat "$T/line")" "$1"
}

quiet() {
    equal "$(cat "$T/errors")" ""
}

@test "run | head: ends the container, quietly and at once" {
    SECONDS=0
    first_line run --name c --network none "$IMAGE" yes
    first_line_is y
    quiet
    equal "$status" 141
    [ "$SECONDS" -lt 5 ] || explain "$SECONDS seconds"
    ok inspect --format '{{.State.Status}} {{.State.ExitCode}}' c
    says "exited 141"
}

@test "run --rm | head: nothing is left" {
    first_line run --rm --network none "$IMAGE" sh -c 'while :; do echo again; sleep 0.01; done'
    first_line_is again
    equal "$status" 141
    no_containers
}

@test "run --init | head, run -t | head" {
    first_line run --rm --init --network none "$IMAGE" yes
    equal "$status" 141
    first_line run --rm -t --network none "$IMAGE" yes
    equal "$status" 141
    no_containers
}

@test "run 2>&1 >/dev/null | head: the reader of stderr" {
    "${MCPD_CMD[@]}" run --rm --network none "$IMAGE" sh -c 'yes >&2' 2>&1 >/dev/null |
        head -n 1 >"$T/line"
    first_line_is y
    no_containers
}

@test "run | head: a program that knows SIGPIPE decides itself" {
    first_line run --rm --network none "$IMAGE" \
        sh -c 'trap "exit 9" PIPE; while :; do echo a; sleep 0.02; done'
    equal "$status" 9
}

@test "run | head: a program that ignores it gets its stop signal and its time" {
    first_line run --rm --network none "$IMAGE" \
        sh -c 'trap "" PIPE; trap "exit 8" TERM; while :; do echo a; sleep 0.02; done'
    equal "$status" 8
    first_line run --rm --stop-timeout 1 --network none "$IMAGE" \
        sh -c 'trap "" PIPE; trap : TERM; while :; do echo a; sleep 0.02; done'
    equal "$status" 137
    no_containers
}

@test "run >/dev/full: one line, 125, nothing is left" {
    run -125 --separate-stderr sh -c '"$@" >/dev/full' - \
        "${MCPD_CMD[@]}" run --rm --network none "$IMAGE" yes
    equal "$stderr" "Error: write the output: No space left on device"
    run -125 --separate-stderr sh -c '"$@" >/dev/full' - \
        "${MCPD_CMD[@]}" run --rm --network none "$IMAGE" echo short
    equal "$stderr" "Error: write the output: No space left on device"
    no_containers
}

@test "start -a | head: of a container that runs already leaves it alone" {
    ok run -d --name c --network none "$IMAGE" sh -c 'while :; do echo a; sleep 0.02; done'
    first_line start -a c
    first_line_is a
    equal "$status" 141
    quiet
    state_is c running
}

@test "start -a | head: of a stopped one ends it again" {
    ok create --name c --network none "$IMAGE" yes
    first_line start -a c
    equal "$status" 141
    state_is c exited
}

@test "logs, logs -f, exec | head: quiet, the container goes on" {
    ok run -d --name c --network none "$IMAGE" sh -c 'seq 1 100000; while :; do echo a; sleep 0.02; done'
    eventually logged c 100000
    for options in "" -f "-f --timestamps --tail 5"; do
        # shellcheck disable=SC2086 # none or one
        first_line logs $options c
        equal "$status" 141
        quiet
    done
    first_line exec c yes
    first_line_is y
    equal "$status" 141
    quiet
    first_line exec -t c yes
    quiet
    state_is c running
}

logged() {
    mcpd logs "$1" | grep -q "$2"
}

@test "exec >/dev/full: one line, 125, no process is left behind" {
    ok run -d --name c --network none "$IMAGE" sleep 600
    for option in "" -t; do
        run -125 --separate-stderr sh -c 'exec "$@" >/dev/full' - \
            "${MCPD_CMD[@]}" exec $option c yes
        equal "$stderr" "Error: write the output: No space left on device"
    done
    ok exec c sh -c 'ls -d /proc/[0-9]* | wc -l'
    says 4
    state_is c running
}

@test "ps, images, inspect | head: quiet" {
    local number
    for number in {1..40}; do
        mcpd create --name "a-container-with-quite-a-long-name-$number" --network none "$IMAGE" true >/dev/null
    done
    first_line ps -a --no-trunc
    quiet
    first_line inspect a-container-with-quite-a-long-name-{1..40}
    quiet
    first_line images
    quiet
    run -125 --separate-stderr sh -c '"$@" >/dev/full' - "${MCPD_CMD[@]}" ps -a --no-trunc
    equal "$stderr" "Error: write standard output: No space left on device"
}

@test "run: a large output arrives whole, whatever the log keeps" {
    run -0 --separate-stderr sh -c '"$@" | sha256sum' - "${MCPD_CMD[@]}" \
        run --rm --log-opt max-size=10k --network none "$IMAGE" seq 1 3000000
    equal "$output" "$(seq 1 3000000 | sha256sum)"
}
