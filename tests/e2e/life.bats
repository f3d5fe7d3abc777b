#!/usr/bin/env bats
# stop, kill, start, wait, rm: what they do, what they print, how they fail.
# bats file_tags=asan

load helper/common

setup() {
    common_setup
    need busybox
}

# A container that ends politely with code 44 when told to, and says when it is ready.
polite='trap "exit 44" TERM; echo ready; while :; do sleep 0.05; done'

start() {
    ok run -d --name "$1" --network none "${@:2}"
    ID=$output
}

logged() {
    mcpd logs "$1" | grep -q "$2"
}

@test "stop: the signal, prints the name as given" {
    start c "$IMAGE" sh -c "$polite"
    eventually logged c ready
    ok stop c
    says c
    equal "$stderr" ""
    ok inspect --format '{{.State.Status}} {{.State.ExitCode}}' c
    says "exited 44"
}

@test "stop: by id and by the start of it" {
    start c "$IMAGE" sh -c "$polite"
    eventually logged c ready
    ok stop "${ID:0:12}"
    says "${ID:0:12}"
    ok start "$ID"
    says "$ID"
}

@test "stop -t: then SIGKILL, with a warning" {
    start c "$IMAGE" sh -c 'trap "" TERM; echo ready; while :; do sleep 0.05; done'
    eventually logged c ready
    ok stop -t 1 c
    says c
    [[ "$stderr" == *"StopSignal SIGTERM failed to stop container c in 1 seconds, resorting to SIGKILL"* ]] ||
        explain "no warning"
    ok inspect --format '{{.State.ExitCode}}' c
    says 137
}

@test "stop -t 0: at once" {
    start c "$IMAGE" sleep 600
    local before=$SECONDS
    ok stop -t 0 c
    [ $((SECONDS - before)) -le 2 ]
}

@test "stop: the image's signal" {
    need config:v1.2
    start c --user root "$IMAGE" sh -c 'trap "exit 45" USR1; echo ready; while :; do sleep 0.05; done'
    eventually logged c ready
    ok stop c
    ok wait c
    says 45
}

@test "stop: a stopped one is fine" {
    start c "$IMAGE" sleep 600
    ok stop -t 0 c
    ok stop c
    says c
    equal "$stderr" ""
}

@test "stop: several, and -a" {
    start a "$IMAGE" sleep 600
    start b "$IMAGE" sleep 600
    ok stop -t 0 a b
    says $'a\nb'
    ok start a b
    says $'a\nb'
    ok stop -t 0 -a
    ok ps -q
    says ""
}

@test "stop, start, kill, exec, wait: no such container" {
    local command
    for command in "stop nosuch" "start nosuch" "kill nosuch" "exec nosuch ls" "wait nosuch" "logs nosuch"; do
        # shellcheck disable=SC2086
        fails 125 $command
        error_is 'Error: no container with name or ID "nosuch" found: no such container'
    done
}

@test "kill: SIGKILL by default" {
    start c "$IMAGE" sleep 600
    ok kill c
    says c
    ok wait c
    says 137
}

@test "kill -s: by name and number" {
    start c "$IMAGE" sh -c 'trap "echo usr1" USR1; trap "echo hup" HUP; echo ready; while :; do sleep 0.05; done'
    eventually logged c ready
    ok kill -s USR1 c
    eventually logged c usr1
    ok kill -s 1 c
    eventually logged c hup
    ok kill --signal SIGKILL c
    fails 125 kill -s NOPE c
    error_has NOPE
}

@test "kill: not running" {
    start c "$IMAGE" true
    ok wait c
    fails 125 kill c
    error_has "can only kill running containers"
    error_has "container state improper"
}

@test "wait: gives the exit code, before and after the end" {
    start c "$IMAGE" sh -c 'sleep 0.3; exit 6'
    ok wait c
    says 6
    ok wait c
    says 6
}

@test "wait: several" {
    start a "$IMAGE" sh -c 'exit 1'
    start b "$IMAGE" sh -c 'exit 2'
    ok wait a b
    says $'1\n2'
}

@test "wait: of a container that goes with --rm" {
    start c --rm "$IMAGE" sh -c 'sleep 0.5; exit 8'
    ok wait c
    says 8
}

@test "start: again, with the files it left" {
    start c "$IMAGE" sh -c 'echo x >>/count; wc -l </count'
    ok wait c
    ok start c
    says c
    ok wait c
    ok logs c
    says $'1\n2'
}

@test "start: a running one is fine" {
    start c "$IMAGE" sleep 600
    local pid
    pid=$(mcpd inspect --format '{{.State.Pid}}' c)
    ok start c
    ok inspect --format '{{.State.Pid}}' c
    says "$pid"
}

@test "start -a: output and exit code" {
    start c "$IMAGE" sh -c 'echo out; echo err >&2; exit 3'
    ok wait c
    fails 3 start -a c
    says out
    equal "$stderr" err
}

@test "start -ai: stdin" {
    ok create -i --name c --network none "$IMAGE" cat
    run -0 --separate-stderr mcpd start -ai c <<<"through"
    says through
}

@test "start: fails again as run did" {
    fails 127 run --name c --network none "$IMAGE" /no/such
    fails 125 start c
    error_has "/no/such"
    ok inspect --format '{{.State.Status}}' c
    [ "$output" != running ]
}

@test "rm: prints the name, the container is gone" {
    start c "$IMAGE" true
    ok wait c
    ok rm c
    says c
    fails 1 rm c
    error_is 'Error: no container with name or ID "c" found: no such container'
}

@test "rm: running" {
    start c "$IMAGE" sleep 600
    fails 2 rm c
    error_is "Error: cannot remove container $ID as it is running - running or paused containers cannot be removed without force: container state improper"
    ok inspect --format '{{.State.Status}}' c
    says running
}

@test "rm -f: running, and what is not there" {
    start c "$IMAGE" sleep 600
    ok rm -f -t 0 c
    says c
    ok ps -aq
    says ""
    ok rm -f nosuch
    equal "$output$stderr" ""
}

@test "rm: several; an unknown one is said" {
    start a "$IMAGE" true
    start b "$IMAGE" true
    ok wait a b
    fails 1 rm a nosuch b
    error_is 'Error: no container with name or ID "nosuch" found: no such container'
    ok rm -f a b
    ok ps -aq
    says ""
}

@test "rm -a" {
    start a "$IMAGE" true
    start b "$IMAGE" true
    ok wait a b
    ok rm -a
    ok ps -aq
    says ""
}

@test "rm: by an ambiguous start of an id" {
    for _ in {1..17}; do
        ok create --network none "$IMAGE" true
        printf '%s\n' "$output"
    done >"$T/ids"
    # Two of seventeen ids begin with the same digit.
    local digit
    digit=$(cut -c1 "$T/ids" | sort | uniq -d | head -n 1)
    run --separate-stderr -- mcpd rm "$digit"
    [ "$status" != 0 ]
    ok ps -aq
    equal "${#lines[@]}" 17
}

@test "states: created, running, exited" {
    ok create --name c --network none "$IMAGE" sleep 600
    equal "$(states)" created
    ok start c
    equal "$(states)" running
    ok stop -t 0 c
    equal "$(states)" exited
}

states() {
    mcpd ps -a --format json | jq -r '.[].State'
}

@test "two starts at once make one container run" {
    ok create --name c --network none "$IMAGE" sh -c 'echo started; sleep 600'
    local pids=() pid
    for _ in 1 2 3 4 5; do
        mcpd start c >/dev/null 2>&1 &
        pids+=($!)
    done
    for pid in "${pids[@]}"; do wait "$pid" || true; done
    eventually logged c started
    ok logs c
    says started
}

@test "stop and rm -f at once: both end, nothing is left" {
    for _ in 1 2 3; do
        start c "$IMAGE" sleep 600
        mcpd stop -t 0 c >/dev/null 2>&1 &
        local stopper=$!
        ok rm -f -t 0 c
        wait "$stopper" || true
        ok ps -aq
        says ""
    done
}

@test "a container outlives its client's session" {
    setsid "${MCPD_CMD[@]}" run -d --name c --network none "$IMAGE" sleep 600 >/dev/null
    state_is c running
}

@test "stop, kill, rm -f of many: side by side, names in order, one failure stops nobody" {
    local number names=()
    need busybox
    for number in {1..10}; do
        ok run -d --name "n$number" --network none "$IMAGE" sleep 600
        names+=("n$number")
    done
    SECONDS=0
    fails 125 stop -t 2 "${names[@]:0:5}" nosuch "${names[@]:5}"
    [ "$SECONDS" -lt 8 ] || explain "$SECONDS seconds"
    says "$(printf '%s\n' "${names[@]}")"
    equal "$(grep -c 'level=warning msg="StopSignal SIGTERM failed to stop container n[0-9]* in 2 seconds, resorting to SIGKILL"' <<<"$stderr")" 10
    # Among the warnings: whoever is done first is told of first.
    equal "$(grep '^Error' <<<"$stderr")" 'Error: no container with name or ID "nosuch" found: no such container'
    no_containers -q
    ok start "${names[@]}"
    fails 125 kill n1 nosuch n2
    says $'n1\nn2'
    fails 125 kill n1 n3
    says n3
    error_has "can only kill running containers"
    SECONDS=0
    ok rm -f -t 2 "${names[@]}"
    [ "$SECONDS" -lt 8 ] || explain "$SECONDS seconds"
    says "$(printf '%s\n' "${names[@]}")"
}

@test "stop -a, rm -fa: of many" {
    local number
    need busybox
    for number in {1..8}; do
        ok run -d --network none "$IMAGE" sleep 600
    done
    SECONDS=0
    ok stop -a -t 1
    [ "$SECONDS" -lt 5 ] || explain "$SECONDS seconds"
    equal "${#lines[@]}" 8
    no_containers -q
    ok rm -fa
    equal "${#lines[@]}" 8
    no_containers
}
