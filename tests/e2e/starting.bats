#!/usr/bin/env bats
# A container that is just starting, or cannot start: whatever ends or removes it finds the truth.

load helper/common

setup() {
    common_setup
    need busybox
}

# Runs $1 for delays of 0 to 11 milliseconds.
for_delays() {
    local delay
    for delay in 0.000 0.001 0.002 0.003 0.004 0.005 0.006 0.007 0.008 0.009 0.010 0.011; do
        "$1" "$delay"
    done
}

# Ends within seconds: what waits for a lock that nobody gives back takes ten.
at_once() {
    local before=$SECONDS
    "$@"
    [ $((SECONDS - before)) -lt 8 ] || explain "took $((SECONDS - before)) seconds: $*"
}

# Holds the lock of container $1 as a monitor does that is stuck before its container runs.
hold_start() {
    python3 - "$T/root/containers/$1/lock" "$T/run" 3>&- <<'HOLDER' &
import fcntl, json, os, struct, sys, time

lock = open(sys.argv[1], "a+")
fcntl.fcntl(lock, 37, struct.pack("hhqqi4x", fcntl.F_WRLCK, 0, 0, 0, 0))  # F_OFD_SETLK
lock.write(json.dumps({
    "bootId": open("/proc/sys/kernel/random/boot_id").read().strip(),
    "pidNamespace": os.readlink("/proc/self/ns/pid"), "monitorPid": os.getpid(),
    "monitorStartTicks": int(open("/proc/self/stat").read().rsplit(")", 1)[1].split()[19]),
    "initPid": 0, "initStartTicks": 0, "cgroup": "", "runroot": sys.argv[2]}))
lock.flush()
time.sleep(60)
HOLDER
    HOLDER=$!
    echo "$HOLDER" >>"$T/helpers"
    eventually test -s "$T/root/containers/$1/lock"
}

# --- rm -f of one that is just starting ------------------------------------------

remove_while_starting() {
    ok create --name r --network none "$IMAGE" sleep 300
    start_client start r >/dev/null 2>&1
    sleep "$1"
    at_once ok rm -f -t 0 r
    wait "$CLIENT" || true
    no_containers
}

@test "rm -f of one that is just starting: removed, at once" {
    for_delays remove_while_starting
}

replace_while_starting() {
    start_client run -d --name r --stop-timeout 0 --network none "$IMAGE" sleep 300 >/dev/null 2>&1
    sleep "$1"
    at_once ok run -d --replace --name r --stop-timeout 0 --network none "$IMAGE" sleep 300
    wait "$CLIENT" || true
    ok rm -f -t 0 r
}

@test "run --replace of one that is just starting" {
    # Before the other one has the name, this one takes it.
    local delay
    for delay in 0.010 0.012 0.014 0.016 0.018 0.020 0.022 0.024; do
        replace_while_starting "$delay"
    done
}

@test "a start that is stuck: rm -f ends it" {
    ok create --name r --network none "$IMAGE" true
    hold_start "$output"
    at_once ok rm -f r
    wait "$HOLDER" || equal "$?" 137
    no_containers
}

@test "a start that is stuck: rm waits, and refuses" {
    ok create --name r --network none "$IMAGE" true
    hold_start "$output"
    fails 2 rm r
    error_has "cannot remove container"
    kill "$HOLDER"
    ok rm r
}

# --- what is no file where one is expected -----------------------------------------

@test "a log path that is no regular file is refused" {
    mkfifo "$T/fifo"
    mkdir "$T/folder"
    local path
    for path in "$T/fifo" "$T/folder"; do
        fails 125 create --log-opt path="$path" --network none "$IMAGE" true
        error_is "Error: the log '$path' is no regular file"
        fails 125 run --rm --log-opt path="$path" --network none "$IMAGE" true
        error_is "Error: the log '$path' is no regular file"
    done
    ok create --name c --log-opt path="$T/log" --network none "$IMAGE" true
    mkfifo "$T/log"
    fails 125 start c
    error_is "Error: the log '$T/log' is no regular file"
    fails 125 logs c
    ok rm c
}

@test "a log path that is the null device is written, and never renamed" {
    root_only "nobody else could rename it"
    mkdir "$T/dev"
    mknod "$T/dev/null" c 1 3
    ok run --rm --log-opt path="$T/dev/null" --log-opt max-size=1000 --network none "$IMAGE" \
        sh -c 'for i in 1 2 3 4; do head -c 900 /dev/zero | tr "\0" a; echo; done'
    equal "$(ls "$T/dev")" null
    [ -c "$T/dev/null" ] || explain "it is no device any more"
}

# --- races -------------------------------------------------------------------------

# What two ask for at once either works or is refused in words of ours.
no_raw_error() {
    [[ "$(cat "$T"/err.* 2>/dev/null)" != *"No such file or directory"* ]] || explain "$(cat "$T"/err.*)"
}

start_beside_rm() {
    ok create --name r --network none "$IMAGE" true
    "${MCPD_CMD[@]}" start r >/dev/null 2>"$T/err.start" 3>&- &
    CLIENT=$!
    sleep "$1"
    mcpd rm -f -t 0 r >/dev/null 2>"$T/err.rm" || explain "$(cat "$T/err.rm")"
    wait "$CLIENT" || true
    no_raw_error
}

@test "start beside rm -f: nobody hears of a missing file" {
    for_delays start_beside_rm
    for_delays start_beside_rm
}
