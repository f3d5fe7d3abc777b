#!/usr/bin/env bats
# Whatever is lost or damaged under a running container, what is said of it is true, it is never
# started twice, and it can be ended.

load helper/common

setup() {
    common_setup
    need busybox
}

# A container that obeys SIGTERM.
start_obedient() {
    ok run -d --name "$1" --network none "$IMAGE" sh -c 'trap "echo bye; exit 7" TERM; echo up; while :; do sleep 0.05; done'
    INIT=$(init_of "$1")
    MONITOR=$(monitor_of "$1")
    ID=$(mcpd inspect --format '{{.Id}}' "$1")
}

is_gone() {
    [ ! -e "/proc/$1" ] || grep -q '^State:.Z' "/proc/$1/status"
}

# --- RUNROOT -----------------------------------------------------------------

@test "lost runtime folder: ps is right, and there is no second start" {
    start_obedient c
    rm -rf "$T/run"
    ok ps --format '{{.Names}} {{.State}}'
    says "c running"
    ok start c
    says c
    equal "$(init_of c)" "$INIT"
    equal "$(pgrep -c -P "$MONITOR")" 1
    fails 2 rm c
}

@test "lost runtime folder: exec, logs and attach go on" {
    start_obedient c
    rm -rf "$T/run"
    ok exec c echo inside
    says inside
    rm -rf "$T/run"
    start_client logs -f c >"$T/followed"
    eventually grep -q up "$T/followed"
    ok stop c
    client_ends 0
    has c
    grep -q bye "$T/followed"
}

@test "lost runtime folder: stop obeys the stop signal" {
    start_obedient c
    rm -rf "$T/run"
    ok stop -t 20 c
    state_is c exited
    equal "$(mcpd inspect --format '{{.State.ExitCode}}' c)" 7
    is_gone "$INIT"
}

@test "lost runtime folder: kill and rm -f" {
    start_obedient c
    rm -rf "$T/run"
    ok kill c
    state_is c exited
    is_gone "$INIT"
    ok start c
    rm -rf "$T/run"
    INIT=$(init_of c)
    ok rm -f -t 0 c
    is_gone "$INIT"
    ok ps -aq
    says ""
}

@test "lost runtime folder: run --rm ends as ever" {
    start_client run --rm --name c --network none "$IMAGE" sh -c 'while [ ! -e /go ]; do sleep 0.05; done; exit 5'
    eventually state_is c running
    rm -rf "$T/run"
    ok exec c touch /go
    client_ends 5
    no_containers
}

@test "another runtime folder sees the same containers" {
    start_obedient c
    local first=("${MCPD_CMD[@]}")
    MCPD_CMD=("$MCPD" --root "$T/root" --runroot "$T/run2")
    ok ps --format '{{.Names}} {{.State}}'
    says "c running"
    ok exec c echo inside
    says inside
    ok stop -t 20 c
    is_gone "$INIT"
    MCPD_CMD=("${first[@]}")
    state_is c exited
}

# --- a monitor that does not move ----------------------------------------------

@test "stopped monitor: ps and inspect are right, stop ends it" {
    start_obedient c
    kill -STOP "$MONITOR"
    ok ps --format '{{.Names}} {{.State}}'
    says "c running"
    ok stop -t 20 c
    state_is c exited
    is_gone "$INIT"
    is_gone "$MONITOR"
}

@test "stopped monitor: kill, rm -f" {
    start_obedient c
    kill -STOP "$MONITOR"
    ok kill -s USR1 c
    ok rm -f -t 0 c
    is_gone "$INIT"
    is_gone "$MONITOR"
    no_containers
}

@test "stopped monitor: exec says so" {
    start_obedient c
    kill -STOP "$MONITOR"
    fails 125 exec c true
    error_has "monitor"
    kill -CONT "$MONITOR"
    ok exec c echo again
    says again
}

# --- damaged records ---------------------------------------------------------

@test "damaged spec.json of a running container: said, and rm -f ends it first" {
    start_obedient c
    echo '{"half":' >"$T/root/containers/$ID/spec.json"
    ok ps -a
    [[ "$stderr" == *"container $ID is damaged, and runs (mcpd rm -f ends and removes it)"* ]] || explain "no warning"
    fails 125 inspect c
    error_has "is damaged, and runs"
    fails 125 exec c true
    error_has "is damaged, and runs"
    fails 125 start c
    fails 125 rm c
    ok rm -f -t 0 c
    is_gone "$INIT"
    ok ps -aq
    says ""
    fails 1 rm c
}

@test "damaged spec.json of a running container: stop and kill" {
    start_obedient c
    : >"$T/root/containers/$ID/spec.json"
    ok stop -t 20 c
    is_gone "$INIT"
    ok ps -a
    [[ "$stderr" == *"container $ID is damaged (mcpd rm -f removes it)"* ]] || explain "no warning"
    ok rm -f c
    start_obedient d
    : >"$T/root/containers/$ID/spec.json"
    ok kill d
    is_gone "$INIT"
    ok rm -f d
}

@test "damaged spec.json, and the monitor is killed: nothing is left" {
    start_obedient c
    : >"$T/root/containers/$ID/spec.json"
    kill -9 "$MONITOR"
    eventually is_gone "$INIT"
    ok rm -f c
    no_containers
}

@test "damaged state.json of a running container: shown as running, and its end as ended" {
    local text
    for text in '' '{' '[]' '{"status":"what"}'; do
        start_obedient c
        printf '%s' "$text" >"$T/root/containers/$ID/state.json"
        ok ps --format '{{.Names}} {{.State}}'
        says "c running"
        ok start c
        equal "$(init_of c)" "$INIT"
        ok stop -t 20 c
        state_is c exited
        printf '%s' "$text" >"$T/root/containers/$ID/state.json"
        state_is c exited
        ok rm c
    done
}

# Puts a folder (with something in it) or a pipe in the place of a file of container $ID.
replace_file() {
    local path=$T/root/containers/$ID/$1
    rm -rf "$path"
    if [ "$2" = folder ]; then mkdir -p "$path/in/it"; else mkfifo "$path"; fi
}

# Each must end, one way or the other.
nothing_hangs() {
    local arguments
    for arguments in "ps -a" "start c" "inspect c" "logs c" "stop -t 0 c"; do
        # shellcheck disable=SC2086 # words
        run --separate-stderr -- timeout 20 "${MCPD_CMD[@]}" $arguments
        [ "$status" != 124 ] || explain "hangs: $arguments"
    done
}

@test "a folder or a pipe where a file was: nothing hangs, rm -f removes it" {
    local file kind
    for file in state.json spec.json lock log hosts; do
        for kind in folder pipe; do
            ok run --name c --network none "$IMAGE" true
            ID=$(mcpd inspect --format '{{.Id}}' c)
            replace_file "$file" "$kind"
            nothing_hangs
            ok rm -f -t 0 c
            no_containers
            fails 1 rm c
        done
    done
}

@test "a folder or a pipe where a file of a running container was: rm -f ends it first" {
    local file kind
    for file in state.json spec.json lock; do
        for kind in folder pipe; do
            start_obedient c
            replace_file "$file" "$kind"
            ok rm -f -t 0 c
            is_gone "$INIT"
            eventually is_gone "$MONITOR"
            no_containers
        done
    done
}

@test "a folder where the state was: shown as ended, and removed without force" {
    ok run --name c --network none "$IMAGE" true
    ID=$(mcpd inspect --format '{{.Id}}' c)
    replace_file state.json folder
    ok ps -a --format '{{.Names}} {{.State}}'
    says "c exited"
    ok rm "$ID"
}

@test "damaged note in the lock: still running, still ended" {
    local text
    for text in '' '{' '[]' '{"initPid":-1}'; do
        start_obedient c
        printf '%s' "$text" >"$T/root/containers/$ID/lock"
        ok ps --format '{{.Names}} {{.State}}'
        says "c running"
        ok stop -t 20 c
        is_gone "$INIT"
        ok rm c
    done
}

# --- what a killed start leaves --------------------------------------------------

# Notes in the lock of a container what a monitor notes before it makes its group, and makes it.
leave_group() {
    local id=$1
    cat >"$T/root/containers/$id/lock" <<NOTE
{"bootId":"$(cat /proc/sys/kernel/random/boot_id)","pidNamespace":"$(readlink /proc/self/ns/pid)","monitorPid":1,"monitorStartTicks":1,"initPid":0,"initStartTicks":0,"cgroup":"/mcpd/$id","runroot":"$T/run"}
NOTE
    GROUP=$(dirname "$(find /sys/fs/cgroup -maxdepth 2 -name cgroup.procs | grep -E 'unified|pids|cgroup/cgroup.procs' | head -n 1)")/mcpd/$id
    mkdir -p "$GROUP" "$T/run/containers/$id"
}

@test "killed between making the group and saying so: remove finds it" {
    root_only "a user makes no groups here"
    ok create --name c --network none "$IMAGE" true
    leave_group "$output"
    ok rm c
    [ ! -e "$GROUP" ] || explain "the group is still there"
}

@test "killed between making the group and saying so: start finds it" {
    root_only "a user makes no groups here"
    ok create --name c --network none "$IMAGE" sleep 600
    leave_group "$output"
    sleep 600 3>&- &
    echo $! >>"$T/helpers"
    echo $! >"$GROUP/cgroup.procs"
    ok start c
    run ! wait $!
    state_is c running
}

@test "killed between making the group and saying so: the sweep finds it, and nobody else's" {
    root_only "a user makes no groups here"
    local foreign
    ok create --name c --network none "$IMAGE" true
    leave_group "$output"
    foreign=$(dirname "$GROUP")/$(printf '%064x' $$)
    mkdir "$foreign"
    ok create --rm --name thrown --network none "$IMAGE" true
    # shellcheck disable=SC2005 # read before it is written
    echo "$(sed "s/$output/0/" "$T/root/containers/$(mcpd inspect --format '{{.Id}}' c)/lock")" \
        >"$T/root/containers/$output/lock"
    ok create --name other --network none "$IMAGE" true
    ok rm other
    [ ! -e "$GROUP" ] || explain "the group is still there"
    [ -e "$foreign" ] || explain "a group of somebody else is gone"
    rmdir "$foreign"
    rmdir "$(dirname "$GROUP")" # /mcpd itself, which our group's end could not remove
    ok ps -a --format '{{.Names}}'
    says c
}

# --- a monitor that cannot start ----------------------------------------------------

@test "run --rm, and the program has gone: no container stays" {
    mkdir "$T/bin"
    cp "$MCPD" "$T/bin/mcpd"
    exec 9<"$T/bin/mcpd"
    rm "$T/bin/mcpd"
    run --separate-stderr env PATH=/usr/bin:/bin /proc/self/fd/9 --root "$T/root" --runroot "$T/run" \
        run --rm --network none "$IMAGE" true
    exec 9<&-
    [ "$status" = 125 ] || explain "status $status"
    error_has "mcpd is not installed"
    no_containers
}

@test "run --rm, and there is no room for the socket: no container stays" {
    root_only "mounts a small tmpfs"
    mkdir "$T/small"
    run unshare -m bash -c 'mount -t tmpfs -o nr_inodes=3,mode=700 none "$T/small" && "$@"' - \
        "$MCPD" --root "$T/root" --runroot "$T/small/run" run --rm --network none "$IMAGE" true
    [ "$status" = 125 ] || explain "status $status"
    has "No space left"
    no_containers
}

@test "run --rm, and no process can be made: no container stays" {
    user_only "root is not limited"
    run --separate-stderr bash -c 'ulimit -u 1; exec "$@"' - "${MCPD_CMD[@]}" \
        run --rm --network none "$IMAGE" true
    [ "$status" = 125 ] || explain "status $status"
    error_has "Resource temporarily unavailable"
    no_containers
}

@test "start, eight at once: one starts it, all succeed" {
    local i pids=() pid
    ok create --name c --network none "$IMAGE" sh -c 'echo started; exec sleep 600'
    for i in {1..8}; do
        "${MCPD_CMD[@]}" start c >"$T/out.$i" 2>&1 3>&- &
        pids+=($!)
    done
    for pid in "${pids[@]}"; do wait "$pid" || explain "$(cat "$T"/out.*)"; done
    equal "$(sort -u "$T"/out.*)" c
    state_is c running
    equal "$(mcpd logs c)" started
}

@test "start, eight at once, of one that ends at once: none fails" {
    local i pids=() pid
    ok create --name c --network none "$IMAGE" true
    for i in {1..8}; do
        "${MCPD_CMD[@]}" start c >"$T/out.$i" 2>&1 3>&- &
        pids+=($!)
    done
    for pid in "${pids[@]}"; do wait "$pid" || explain "$(cat "$T"/out.*)"; done
    eventually state_is c exited
}
