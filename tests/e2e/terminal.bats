#!/usr/bin/env bats
# -t: a terminal for the container; sizes, keys, leaving.

load helper/common

setup() {
    common_setup
    need busybox
}

@test "run -it: a terminal with the client's size" {
    run -0 pty size:33x77 -- "${MCPD_CMD[@]}" run -it --rm --network none "$IMAGE" sh -c 'tty; stty size'
    has "/dev/pts/0"
    has "33 77"
}

@test "run -it: typing, line editing of the terminal, the end" {
    run -0 pty expect:'# ' send:'echo typed$((40+2))\n' expect:typed42 send:'exit\n' -- \
        "${MCPD_CMD[@]}" run -it --rm --network none "$IMAGE" sh
}

@test "run -it: end of input on an empty line" {
    run -0 pty expect:'# ' send:'\x04' -- "${MCPD_CMD[@]}" run -it --rm --network none "$IMAGE" sh
}

@test "run -it: ctrl-c is the container's" {
    run -130 pty expect:go send:'\x03' -- \
        "${MCPD_CMD[@]}" run -it --init --rm --network none "$IMAGE" sh -c 'echo go; exec sleep 600'
}

@test "run -it: the window changes" {
    run -0 pty size:24x80 expect:ready size:40x100 expect:'40 100' -- "${MCPD_CMD[@]}" \
        run -it --rm --network none "$IMAGE" \
        sh -c 'trap "stty size; exit" WINCH; echo ready; while :; do sleep 0.05; done'
}

@test "run -it: the exit code" {
    run -7 pty -- "${MCPD_CMD[@]}" run -it --rm --network none "$IMAGE" sh -c 'exit 7'
}

@test "run -it: the client's terminal is put back" {
    run -0 pty -- bash -c 'before=$(stty -g); "$@"; [ "$(stty -g)" = "$before" ] && echo restored' - \
        "${MCPD_CMD[@]}" run -it --rm --network none "$IMAGE" true
    has restored
}

@test "run -it: ctrl-p ctrl-q leaves, the container goes on" {
    run -0 pty expect:'# ' send:'\x10\x11' -- "${MCPD_CMD[@]}" run -it --name c --network none "$IMAGE" sh
    ok inspect --format '{{.State.Status}}' c
    says running
}

@test "run -it: the terminal hangs up: the client ends, the container goes on" {
    run pty expect:'# ' hup -- "${MCPD_CMD[@]}" run -it --name c --network none "$IMAGE" sh
    [ "$status" != 124 ] || explain "the client stays without a terminal"
    ok inspect --format '{{.State.Status}}' c
    says running
}

@test "run -t: output is a terminal's, without -i" {
    run -0 --separate-stderr mcpd run -t --rm --network none "$IMAGE" sh -c 'test -t 1 && echo terminal'
    says $'terminal\r'
}

@test "run -dt: a terminal, its output in the log" {
    ok run -dt --name c --network none "$IMAGE" sh -c 'test -t 0 && echo terminal; sleep 600'
    eventually logged c terminal
}

logged() {
    mcpd logs "$1" | grep -q "$2"
}

@test "run -it: the devices of a terminal" {
    run -0 pty -- "${MCPD_CMD[@]}" run -it --rm --network none "$IMAGE" \
        sh -c 'echo x >/dev/tty && echo x >/dev/console && ls /dev/pts'
    has ptmx
}

@test "exec -it: a terminal of its own" {
    ok run -d --name c --network none "$IMAGE" sleep 600
    run -0 pty size:21x55 expect:'# ' send:'stty size; tty\n' expect:'21 55' expect:/dev/pts/ send:'exit\n' -- \
        "${MCPD_CMD[@]}" exec -it c sh
    run -3 pty -- "${MCPD_CMD[@]}" exec -it c sh -c 'exit 3'
}

@test "exec -it: ctrl-p ctrl-q leaves, the process goes on with its terminal" {
    ok run -d --name c --network none "$IMAGE" sleep 600
    run -0 pty expect:'# ' send:'sleep 300\r' send:'\x10\x11' -- "${MCPD_CMD[@]}" exec -it c sh
    eventually sleeps c 300
    sleep 0.3
    ok exec c ps
    [[ "$output" =~ 'sleep 300' ]] || explain "it was hung up on"
    ok stop -t 0 c
}

sleeps() {
    mcpd exec "$1" ps | grep -q "sleep $2"
}

@test "--detach-keys" {
    run -0 pty expect:'# ' send:'\x10\x11echo on$((1))\r' expect:on1 send:'\x01x' -- \
        "${MCPD_CMD[@]}" run -it --name c --detach-keys ctrl-a,x --network none "$IMAGE" sh
    state_is c running
    run -0 pty send:'echo again$((1))\r' expect:again1 send:'q' -- \
        "${MCPD_CMD[@]}" start -ai --detach-keys q c
    run -3 pty expect:'# ' send:'\x10\x11\x10\x11exit 3\r' -- \
        "${MCPD_CMD[@]}" exec -it --detach-keys '' c sh
    fails 125 run --rm --detach-keys ctrl-1 "$IMAGE" true
    error_is "Error: invalid detach keys: Unknown character: 'ctrl-1'"
    fails 125 exec -it --detach-keys a,,b c sh
    error_is "Error: invalid detach keys: Unknown character: ''"
}

@test "run -t without -i: lines end once" {
    run -0 pty -- "${MCPD_CMD[@]}" run -t --rm --network none "$IMAGE" echo line
    equal "$output" $'line\r'
}

@test "run: what is sent to the client goes to the container" {
    local signal
    for signal in ALRM STKFLT IO PROF VTALRM XCPU TRAP CONT WINCH 35 40 64; do
        start_client run --rm --name c --network none "$IMAGE" \
            sh -c "trap 'echo got; exit 7' $signal; echo up; while :; do sleep 0.05; done" >"$T/out"
        eventually grep -q up "$T/out"
        kill -s "$signal" "$CLIENT"
        eventually grep -q got "$T/out" || explain "SIG$signal"
        client_ends 7
    done
}

@test "run --sig-proxy=false: what is sent to the client ends it alone" {
    local signal
    for signal in 14 40; do
        start_client run --name "c$signal" --sig-proxy=false --network none "$IMAGE" \
            sh -c "echo up; exec sleep 600" >"$T/out"
        eventually grep -q up "$T/out"
        kill -s "$signal" "$CLIENT"
        client_ends $((128 + signal))
        state_is "c$signal" running
    done
}

@test "start -a: what is sent to the client goes to the container" {
    ok create --name c --network none "$IMAGE" \
        sh -c "trap 'exit 7' ALRM; echo up; while :; do sleep 0.05; done"
    start_client start -a c >"$T/out"
    eventually grep -q up "$T/out"
    kill -s ALRM "$CLIENT"
    client_ends 7
}
