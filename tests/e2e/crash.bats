#!/usr/bin/env bats
# kill -9 of any process of ours at any moment: whole or absent, never in between.

load helper/common
load helper/app

export SWEEPS=1

# A pause of up to $1 milliseconds, the same sequence in every run.
pause_up_to() {
    sleep "$(printf '0.%03d' $((RANDOM % $1)))"
}

# One of the processes of a session, or all of them.
kill_in_session() {
    local pids
    mapfile -t pids < <(pgrep -s "$1" || true)
    [ "${#pids[@]}" -gt 0 ] || return 0
    if [ "$2" = all ]; then
        kill -9 "${pids[@]}" 2>/dev/null || true
    else
        kill -9 "${pids[RANDOM % ${#pids[@]}]}" 2>/dev/null || true
    fi
}

# In a session of its own, so that pgrep finds what it starts. Sets CLIENT.
start_session() {
    setsid "${MCPD_CMD[@]}" "$@" >"$T/out" 2>"$T/err" 3>&- &
    CLIENT=$!
}

image_is_whole_or_absent() {
    local listed
    listed=$(mcpd images -q)
    [ -z "$listed" ] || mcpd run --rm --network none "$1" cat /replace/dir >/dev/null ||
        explain "listed but broken"
}

@test "kill -9 during a pull: the image is whole or absent" {
    RANDOM=1
    local round what
    for round in {1..24}; do
        what=all
        [ $((round % 2)) = 0 ] || what=one
        start_session pull -q "$REGISTRY/t/layers:zstd"
        pause_up_to 120
        kill_in_session "$CLIENT" "$what"
        wait "$CLIENT" 2>/dev/null || true
        image_is_whole_or_absent "$REGISTRY/t/layers:zstd"
        [ $((round % 6)) != 0 ] || mcpd rmi -f -a >/dev/null 2>&1 || true
    done
    ok pull -q "$REGISTRY/t/layers:zstd"
    ok run --rm --network none "$REGISTRY/t/layers:zstd" cat /replace/dir
    says "now a file"
    equal "$(find "$T/root/tmp" -mindepth 1 -maxdepth 1 | wc -l)" 0
}

@test "kill -9 during a load: the image is whole or absent" {
    RANDOM=2
    for _ in {1..10}; do
        start_session load -i "$IMAGES/layers-archive.tar"
        pause_up_to 100
        kill_in_session "$CLIENT" all
        wait "$CLIENT" 2>/dev/null || true
        image_is_whole_or_absent localhost/layers:oci
    done
    ok load -i "$IMAGES/layers-archive.tar"
}

# store_change NUMBER: one of the changes of a store, and about how long it may take in ms.
store_change() {
    local changes=(
        "90 pull -q $BAD/x/app:1" "90 pull -q $BAD/x/app:2" "60 load -q -i $T/app.tar"
        "15 tag localhost/app:2 localhost/kept" "15 untag localhost/app:2" "20 rmi localhost/kept"
        "20 rmi -f $BAD/x/app:2" "30 rmi -a" "20 image prune -f" "40 verify --repair"
        "40 save -q -o $T/saved.tar localhost/kept"
    )
    read -ra CHANGE <<<"${changes[$1 % ${#changes[@]}]}"
}

# As root and as a user, 200 together. More: MCPD_ROUNDS.
@test "kill -9 at any time of any change of the store, 100 rounds" {
    RANDOM=${MCPD_SEED:-$UID}
    serve_app
    mcpd load -q -i "$T/app.tar" >/dev/null
    for ((round = 0; round < ${MCPD_ROUNDS:-100}; round++)); do
        store_change "$RANDOM"
        start_session "${CHANGE[@]:1}"
        pause_up_to "${CHANGE[0]}"
        kill_in_session "$CLIENT" "$([ $((RANDOM % 3)) = 0 ] && echo one || echo all)"
        wait "$CLIENT" 2>/dev/null || true
        ok verify
        equal "$stderr" ""
    done
    for image in "$BAD/x/app:1" "$BAD/x/app:2"; do
        ok pull -q "$image"
    done
    ok load -q -i "$T/app.tar"
    ok verify
    ok rmi -f -a
    # Half a download may be of use, unless everything is to go.
    ok system prune -a -f
    equal "$(find "$T/root/tmp" "$T/root/images" "$T/root/layers" -type f -size +0)" ""
}

@test "a half pull is continued, not repeated" {
    make_image image "$T/layout" x/slow:1 --layer "$IMAGES/busybox.tar"
    bad_registry "$T/layout" '/blobs/=slow:1000000'
    start_session pull -q "$BAD/x/slow:1"
    eventually partial_has 200000
    kill_in_session "$CLIENT" all
    wait "$CLIENT" 2>/dev/null || true
    ok images -q
    says ""
    kill "$(cat "$T/helpers")"
    bad_registry "$T/layout"
    : >"$T/bad.log"
    ok pull -q "$BAD/x/slow:1"
    grep -Eq 'bytes=[1-9][0-9]{4,}-[0-9]+ 206' "$T/bad.log" || explain "$(cat "$T/bad.log")"
    ok run --rm --network none "$BAD/x/slow:1" echo works
    says works
}

partial_has() {
    local size
    size=$(find "$T/root/images/partial" -type f -printf '%s\n' 2>/dev/null | sort -n | tail -n 1)
    [ "${size:-0}" -gt "$1" ]
}

@test "kill -9 during run -d: no container shown running that is not" {
    need busybox
    RANDOM=3
    local id
    for _ in {1..20}; do
        start_session run -d --network none "$IMAGE" sleep 600
        pause_up_to 40
        kill_in_session "$CLIENT" all
        wait "$CLIENT" 2>/dev/null || true
        for id in $(mcpd ps -q); do
            mcpd exec "$id" true || explain "$id is shown running"
        done
    done
    ok ps -aq
    # All of them, and whatever is half made, can be removed.
    [ -z "$output" ] || ok rm -f -t 0 -a
    ok ps -aq
    says ""
}

@test "kill -9 of the client in the foreground: the container goes on, --rm is kept" {
    need busybox
    start_client run --rm --name c --network none "$IMAGE" sh -c 'while [ ! -e /go ]; do sleep 0.05; done'
    eventually state_is c running
    kill -9 "$CLIENT"
    client_ends 137
    state_is c running
    ok exec c touch /go
    eventually no_containers
    ok ps -aq
    says ""
}

@test "kill -9 of the monitor: shown as ended, nothing of it is left, it starts again" {
    need busybox
    ok run -d --name c --network none "$IMAGE" sleep 600
    local init
    init=$(mcpd inspect --format '{{.State.Pid}}' c)
    kill -9 "$(monitor_of c)"
    eventually state_is c exited
    ok ps -q
    says ""
    eventually test ! -e "/proc/$init"
    ok start c
    state_is c running
    ok exec c echo works
    says works
}

@test "kill -9 of the monitor with --rm: the record does not stay for ever" {
    need busybox
    ok run -d --rm --name c --network none "$IMAGE" sleep 600
    kill -9 "$(monitor_of c)"
    eventually no_containers -q
    ok rm -f c
    ok run -d --rm --name c --network none "$IMAGE" sleep 600
}

@test "kill -9 of the monitor while a client is attached: the client ends" {
    need busybox
    start_client run --name c --network none "$IMAGE" sleep 600
    eventually state_is c running
    kill -9 "$(monitor_of c)"
    run ! client_ends 0
    eventually state_is c exited
}

@test "kill -9 of the container's process: its exit is seen" {
    need busybox
    ok run -d --name c --network none "$IMAGE" sleep 600
    kill_init c
    ok wait c
    says 137
    ok inspect --format '{{.State.Status}}' c
    says exited
}

# As a user the process belongs to us outside, too.
kill_init() {
    kill -9 "$(mcpd inspect --format '{{.State.Pid}}' "$1")"
}

@test "kill -9 during stop and rm: both can be repeated" {
    need busybox
    RANDOM=5
    for _ in {1..8}; do
        ok run -d --name c --network none "$IMAGE" sleep 600
        start_session rm -f -t 0 c
        pause_up_to 20
        kill_in_session "$CLIENT" all
        wait "$CLIENT" 2>/dev/null || true
        ok rm -f -t 0 c
        ok ps -aq
        says ""
    done
}

@test "rm -f of what is gone clears up after a removal that was killed" {
    local id
    id=$(printf 'a%.0s' {1..64})
    ok ps -aq
    mkdir -p "$T/run/containers/.gone-$id" "$T/run/containers/$id"
    python3 -c 'import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])' "$T/run/containers/.gone-$id/socket"
    ok rm -f nosuch
    equal "$(leftover_records)" ""
}

@test "the runtime folder vanishes: nothing is shown running, all can be removed" {
    need busybox
    ok run --name c --network none "$IMAGE" true
    rm -rf "$T/run"
    ok ps -a --format '{{.Names}} {{.Status}}'
    has "c Exited"
    ok start c
    ok wait c
    says 0
}

@test "a new boot: what ran before is shown as ended" {
    need busybox
    ok run -d --name c --network none "$IMAGE" sleep 600
    # As after a power cut: the state says running, no process, no runtime folder.
    kill -9 "$(monitor_of c)"
    rm -rf "$T/run"
    ok ps -a --format '{{.Names}} {{.Status}}'
    has "c Exited"
    ok start c
    state_is c running
}

# One round of the storm: a command, and SIGKILL for one of those who take part, at some moment.
storm_round() {
    local name=storm-$$-$((RANDOM % 3)) commands pids
    commands=("run -d --name $name --network none $IMAGE sleep 600"
        "run -d --rm --name $name --network none $IMAGE sleep 600"
        "run -d --init --replace --name $name --network none $IMAGE sleep 600"
        "run --rm --name $name --network none $IMAGE sleep 0.05"
        "start $name" "stop -t 0 $name" "rm -f -t 0 $name" "exec $name sleep 0.05")
    # shellcheck disable=SC2086
    start_session ${commands[RANDOM % ${#commands[@]}]}
    sleep "0.0$((RANDOM % 60 + 10))"
    mapfile -t pids < <(pgrep -f "^mcpd: storm-$$-" || true)
    case $((RANDOM % 4)) in
    0) kill_in_session "$CLIENT" one ;;
    1) kill_in_session "$CLIENT" all ;;
    2) [ "${#pids[@]}" = 0 ] || kill -9 "${pids[RANDOM % ${#pids[@]}]}" 2>/dev/null || true ;;
    3) [ "${#pids[@]}" = 0 ] || pkill -9 -P "${pids[RANDOM % ${#pids[@]}]}" || true ;;
    esac
    wait "$CLIENT" 2>/dev/null || true
}

takes_a_command_or_is_not_shown() {
    mcpd exec "$1" true || ! mcpd ps -q --no-trunc | grep -q "$1"
}

# A monitor whose container was just killed says so as soon as it gets to it.
is_true_of() {
    eventually takes_a_command_or_is_not_shown "$1"
}

@test "kill -9 storm over clients, monitors and containers: the truth, and nothing is left" {
    need busybox
    RANDOM=7
    local round id
    for ((round = 1; round <= ${MCPD_TEST_STORM:-40}; round++)); do
        storm_round
        [ $((round % 5)) = 0 ] || continue
        for id in $(mcpd ps -q --no-trunc); do is_true_of "$id"; done
    done
    ok ps -aq
    [ -z "$output" ] || ok rm -f -t 0 -a
    ok ps -aq
    says ""
    run ! pgrep -f "^mcpd: storm-$$-"
    # Another removal sweeps what is nobody's.
    ok create --name last --network none "$IMAGE" true
    ok rm last
    eventually no_leaks
    equal "$(leftover_records)" ""
}
