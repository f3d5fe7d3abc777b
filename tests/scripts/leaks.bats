#!/usr/bin/env bats
# What the end-to-end tests check after each test finds what it is there to find, and nothing of
# other suites that run at the same time.

bats_require_minimum_version 1.5.0

setup() {
    [ "$(id -u)" = 0 ] || skip "makes cgroups and mounts"
    cd "$BATS_TEST_DIRNAME/../.." || return
    SUITE=$BATS_TEST_TMPDIR/e2e
    export MCPD=$PWD/build/release/mcpd MCPD_TEST_AS=root PATIENCE=1
    mkdir "$SUITE"
    cp -r tests/e2e/helper "$SUITE/"
}

# suite LINE...: a test of these lines, as root's suite runs it.
suite() {
    { printf '%s\n' 'load helper/common' '@test "one" {' "$@" '}'; } >"$SUITE/one.bats"
    run "$SUITE/helper/own-groups" "$SUITE/helper/reaper.py" bats --formatter tap "$SUITE/one.bats"
}

clean() {
    [ "$status" = 0 ] || { echo "$output"; return 1; }
}

finds() {
    [ "$status" != 0 ] || { echo "not found: $1"; return 1; }
    [[ "$output" == *"left behind:"* && "$output" == *"$1"* ]] || { echo "$output"; return 1; }
}

# A hierarchy that other programs of this machine see.
hierarchy() {
    awk '$9 == "cgroup2" || $10 == "cgroup2" || $8 == "cgroup2" { print $5; exit }' /proc/self/mountinfo
}

@test "leaks: none" {
    suite 'mcpd --version'
    clean
}

@test "leaks: a group, also an empty one, also the folder of all" {
    local id
    id=$(printf '%064d' 7)
    # shellcheck disable=SC2016
    suite 'mkdir -p "${MCPD_TEST_HIERARCHIES##* }/mcpd/'"$id"'"'
    finds "cgroup"
    [[ "$output" == *"/mcpd/$id"* ]]
    # shellcheck disable=SC2016
    suite 'mkdir -p "${MCPD_TEST_HIERARCHIES%% *}/mcpd"'
    finds "cgroup"
}

@test "leaks: a process, a mount, a file" {
    suite "(setsid sleep 400.$$ 3>&- &)"
    finds "process"
    run ! pgrep -f "sleep 400.$$"
    # shellcheck disable=SC2016
    suite 'echo "$T" >"$BATS_TEST_DIRNAME/folder"; mkdir "$T/m"; mount -t tmpfs none "$T/m"'
    finds "mount"
    # It could not be removed below its mount, which has gone with the suite.
    rmdir "$(cat "$SUITE/folder")"/m "$(cat "$SUITE/folder")"
    # shellcheck disable=SC2016
    suite 'touch "$TMPDIR/forgotten"'
    finds "file"
}

@test "leaks: groups of others are not seen, and stay" {
    local other
    other=$(hierarchy)/mcpd-other.$$
    mkdir "$other"
    mkdir "$other/$(printf '%064d' 8)"
    # shellcheck disable=SC2016
    suite '[ "$(cgroups)" = "" ]' 'sleep 1'
    clean
    rmdir "$other/$(printf '%064d' 8)" "$other"
}

@test "leaks: a suite that is ended takes its groups along" {
    local pid name
    "$SUITE/helper/own-groups" sh -c "echo up >'$SUITE/up'; exec sleep 300" 3>&- &
    pid=$!
    for _ in $(seq 100); do [ ! -s "$SUITE/up" ] || break; sleep 0.1; done
    name=mcpd-suite.$pid
    [ -d "$(hierarchy)/$name" ]
    kill "$pid"
    wait "$pid" || true
    [ ! -e "$(hierarchy)/$name" ]
}
