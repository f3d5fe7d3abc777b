#!/usr/bin/env bats
# Networks and registries that fail for a while: repeated, continued, interrupted.
# bats file_tags=asan

load helper/common

# One layer of some hundred kilobytes, served by a registry of our own with FAULT...
serve() {
    [ -d "$T/layout" ] || make_image image "$T/layout" x/app:1 --layer "$IMAGES/busybox.tar"
    bad_registry "$T/layout" "$@"
    SERVER=$(tail -n 1 "$T/helpers")
    APP=$BAD/x/app:1
}

# bash starts what runs in the background with Ctrl-C ignored.
start_interruptible_client() {
    local command=("${MCPD_CMD[@]}")
    MCPD_CMD=(env --default-signal "${MCPD_CMD[@]}")
    start_client "$@"
    MCPD_CMD=("${command[@]}")
}

# The same content behind another port: what is half here belongs to it too.
serve_again() {
    kill "$SERVER"
    : >"$T/bad.log"
    serve
}

layer_field() {
    jq -r ".layers[0].$1" \
        "$T/layout/blobs/sha256/$(jq -r '."x/app:1".digest' "$T/layout/refs.json" | cut -d: -f2)"
}

blob_requests() {
    grep -c "GET .*/blobs/$(layer_field digest) " "$T/bad.log"
}

partial_has() {
    local size
    size=$(find "$T/root/images/partial" -type f -printf '%s\n' 2>/dev/null | sort -n | tail -n 1)
    [ "${size:-0}" -gt "$1" ]
}

# Continued with a closed range that begins behind what was here, and then it works.
is_continued() {
    ok pull -q "$APP"
    grep -Eq "/blobs/$(layer_field digest) bytes=[1-9][0-9]{4,}-$(($(layer_field size) - 1)) 206" \
        "$T/bad.log" || explain "$(cat "$T/bad.log")"
    equal "$(blob_requests)" 1
    ok run --rm --network none "$APP" echo works
    says works
    equal "$(find "$T/root/images/partial" "$T/root/tmp" -mindepth 1)" ""
}

nothing_half_made() {
    equal "$(find "$T/root/tmp" "$T/root/layers" "$T/root/images/tags" -mindepth 1 ! -name '.*')" ""
}

# --- repeated ------------------------------------------------------------------

@test "network: a refused connection is tried three times more, in podman's words" {
    local number expected
    unset MCPD_RETRY_DELAY_MS
    fails 125 pull -q 127.0.0.1:9/x/app:1
    expected="Error: initializing source docker://127.0.0.1:9/x/app:1: pinging container registry 127.0.0.1:9:"
    expected+=' Get "https://127.0.0.1:9/v2/": dial tcp 127.0.0.1:9: connect: connection refused'
    error_is "$expected"
    for number in 1 2 3; do
        grep -q "level=warning msg=\"Failed, retrying in 1s ... ($number/3). ${expected//\"/\\\\\\\"}\"" <<<"$stderr" ||
            explain "no warning $number"
    done
    equal "$(wc -l <<<"$stderr")" 4
}

@test "network: --retry and --retry-delay" {
    fails 125 pull -q --retry 0 127.0.0.1:9/x/app:1
    equal "$(wc -l <<<"$stderr")" 1
    fails 125 pull -q --retry 2 --retry-delay 10ms 127.0.0.1:9/x/app:1
    equal "$(wc -l <<<"$stderr")" 3
    [[ "$stderr" == *"Failed, retrying in 10ms ... (2/2)."* ]] || explain "the delay"
    fails 125 run --rm --retry 1 --retry-delay 10ms 127.0.0.1:9/x/app:1 true
    equal "$(grep -c "retrying in 10ms" <<<"$stderr")" 1
    fails 125 pull -q --retry -1 127.0.0.1:9/x/app:1
    fails 125 pull -q --retry-delay soon 127.0.0.1:9/x/app:1
    error_is 'Error: time: invalid duration "soon"'
}

@test "network: 429 and 5xx are repeated, 401, 403 and 404 are not" {
    local status
    for status in 429 500 502 503; do
        serve '/manifests/='"status-once:$status" '/blobs/='"status-once:$status"
        ok pull -q --retry-delay 10ms "$APP"
        ok rmi "$APP"
    done
    for status in 401 403 404; do
        serve '/v2/='"status:$status"
        : >"$T/bad.log"
        fails 125 pull -q "$APP"
        equal "$(wc -l <"$T/bad.log")" 1
        equal "$(wc -l <<<"$stderr")" 1
    done
}

@test "network: a name server that does not answer is waited for, not for ever" {
    root_only "it needs a mount namespace"
    echo "nameserver 127.0.0.1" >"$T/resolv.conf"
    python3 -c '
import socket, sys, time
server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("127.0.0.1", 53))
open(sys.argv[1], "w").write("x")
time.sleep(100)' "$T/ready" 3>&- &
    echo $! >>"$T/helpers"
    eventually test -s "$T/ready" || skip "port 53 is taken"
    run --separate-stderr -- timeout 60 unshare -m sh -c \
        'mount --bind "$1" /etc/resolv.conf && shift && exec "$@"' sh "$T/resolv.conf" \
        "${MCPD_CMD[@]}" pull -q --retry 0 registry.invalid/x/app:1
    equal "$status" 125
    error_has "dial tcp: lookup registry.invalid"
    error_has "i/o timeout"
}

# --- continued -----------------------------------------------------------------

# The worker of a killed pull leaves a folder in tmp/, which the next one sweeps.
@test "network: kill -9 in the middle, the next pull goes on there" {
    serve '/blobs/=slow:500000'
    start_client pull -q "$APP"
    eventually partial_has 100000
    kill -9 "$CLIENT"
    client_ends 137
    ok images -q
    says ""
    serve_again
    is_continued
}

@test "network: as after a reboot: the runtime folder is gone, the half is used" {
    serve '/blobs/=slow:500000'
    start_client pull -q "$APP"
    eventually partial_has 100000
    kill -9 "$CLIENT"
    client_ends 137
    rm -rf "$T/run"
    serve_again
    is_continued
}

@test "network: Ctrl-C ends a pull at once, keeps the half and nothing else" {
    local signal begin
    for signal in INT TERM HUP; do
        serve '/blobs/=slow:500000'
        start_interruptible_client pull -q "$APP"
        eventually partial_has 100000
        begin=$(date +%s%N)
        kill "-$signal" "$CLIENT"
        client_ends $((128 + $(kill -l "$signal")))
        [ $((($(date +%s%N) - begin) / 1000000)) -lt 2000 ] || explain "it took too long"
        nothing_half_made
        ok images -q
        says ""
        serve_again
        is_continued
        ok rmi "$APP"
        kill "$SERVER"
    done
}

@test "network: Ctrl-C while run pulls: no container, nothing half made" {
    serve '/blobs/=slow:500000'
    start_interruptible_client run --rm --network none "$APP" true
    eventually partial_has 100000
    kill -INT "$CLIENT"
    client_ends 130
    eventually is_gone mcpd-image
    nothing_half_made
    ok ps -aq
    says ""
    serve_again
    is_continued
}

is_gone() {
    ! pgrep -f "$1 .*$T" >/dev/null
}

@test "network: kill -9 of the one who asked: the helper tidies up" {
    serve '/blobs/=slow:500000'
    start_client run --rm --network none "$APP" true
    eventually partial_has 100000
    kill -9 "$CLIENT"
    client_ends 137
    eventually store_is_tidy
    serve_again
    is_continued
}

store_is_tidy() {
    [ -z "$(find "$T/root/tmp" "$T/root/layers" -mindepth 1)" ]
}

@test "network: Ctrl-C in the pause before the next attempt" {
    serve '/manifests/=status:503'
    start_interruptible_client pull -q --retry-delay 30s "$APP"
    eventually test -s "$T/bad.log"
    kill -INT "$CLIENT"
    client_ends 130
}

@test "network: who ignores signals (nohup) is not interrupted" {
    serve '/blobs/=slow:2000000'
    (trap '' HUP; exec "${MCPD_CMD[@]}" pull -q "$APP") 3>&- >"$T/out" &
    CLIENT=$!
    echo "$CLIENT" >>"$T/helpers"
    eventually partial_has 100000
    kill -HUP "$CLIENT"
    client_ends 0
    is_id "$(cat "$T/out")"
}
