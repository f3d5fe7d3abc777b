#!/usr/bin/env bats
# Several processes pull at once: everything is fetched once, and who is killed is replaced.

load helper/common

# Three layers of some hundred kilobytes each; x/one has 1 and 2, x/two has 2 and 3 (and the other
# order in x/owt), all have another config.
setup() {
    common_setup
    local number
    for number in 1 2 3; do
        head -c 400000 /dev/urandom >"$T/data$number"
        make_image layer "$T/layer$number.tar" <<<"{\"name\":\"data$number\",\"copy\":\"$T/data$number\"}"
    done
    image one 1 2
    image two 2 3
    image owt 3 2
}

image() {
    local name=$1 layers=(--layer "$IMAGES/busybox.tar") number
    shift
    for number in "$@"; do layers+=(--layer "$T/layer$number.tar,comp=none"); done
    make_image image "$T/layout" "x/$name:1" --config "{\"Env\":[\"NAME=$name\"]}" "${layers[@]}"
}

# Starts a pull in the background; $PULLS are all of them.
start_pull() {
    start_client pull -q "$BAD/x/$1:1" >"$T/out.${#PULLS[@]}"
    PULLS+=("$CLIENT")
}

all_pulls_succeed() {
    local pid
    for pid in "${PULLS[@]}"; do
        wait "$pid" || explain "a pull failed"
    done
}

# Nothing was asked for twice; without a range unless one is expected.
each_blob_once() {
    local twice
    twice=$(grep -o 'GET [^ ]*/blobs/[^ ]*' "$T/bad.log" | sed 's,.*/blobs/,,' | sort | uniq -d)
    equal "$twice" ""
}

nothing_left() {
    equal "$(find "$T/root/images/partial" "$T/root/tmp" -mindepth 1)" ""
}

has_data() {
    ok run --rm --network none "$BAD/x/$1:1" sha256sum "/data$2"
    equal "${output%% *}" "$(sha256sum <"$T/data$2" | cut -d' ' -f1)"
}

partial_has() {
    local size
    size=$(find "$T/root/images/partial" -type f -printf '%s\n' 2>/dev/null | sort -n | tail -n 1)
    [ "${size:-0}" -gt "$1" ]
}

@test "together: eight pulls of one image are one download" {
    bad_registry "$T/layout" '/blobs/=slow:1000000'
    PULLS=()
    for _ in {1..8}; do start_pull one; done
    all_pulls_succeed
    each_blob_once
    equal "$(cat "$T"/out.* | sort -u | wc -l)" 1
    nothing_left
    has_data one 2
}

@test "together: a layer of two images is fetched once" {
    bad_registry "$T/layout" '/blobs/=slow:1000000'
    PULLS=()
    for _ in 1 2; do start_pull one; start_pull two; start_pull owt; done
    all_pulls_succeed
    each_blob_once
    nothing_left
    has_data one 1
    has_data two 2
    has_data owt 3
}

@test "together: a killed one is followed by another, which goes on where it was" {
    bad_registry "$T/layout" '/blobs/=slow:300000'
    PULLS=()
    start_pull one
    eventually partial_has 100000
    start_pull one
    start_pull one
    sleep 0.3
    kill -9 "${PULLS[0]}"
    wait "${PULLS[0]}" 2>/dev/null || true
    PULLS=("${PULLS[@]:1}")
    all_pulls_succeed
    grep -Eq '/blobs/[^ ]* bytes=[1-9][0-9]*-[0-9]+ 206' "$T/bad.log" || explain "$(cat "$T/bad.log")"
    # Once from the start, and once from where the killed one was.
    equal "$(grep -E '/blobs/[^ ]* - 200' "$T/bad.log" | sort | uniq -d)" ""
    nothing_left
    has_data one 1
    has_data one 2
}

@test "together: an interrupted one leaves its turn to another" {
    bad_registry "$T/layout" '/blobs/=slow:300000'
    PULLS=()
    start_pull one
    eventually partial_has 100000
    start_pull one
    sleep 0.3
    kill -TERM "${PULLS[0]}"
    wait "${PULLS[0]}" || true
    PULLS=("${PULLS[1]}")
    all_pulls_succeed
    nothing_left
    has_data one 2
}

@test "together: an image is removed while another pull of it waits" {
    bad_registry "$T/layout" '/blobs/=slow:1000000'
    PULLS=()
    for _ in 1 2 3; do start_pull one; done
    while kill -0 "${PULLS[0]}" 2>/dev/null; do mcpd rmi -f "$BAD/x/one:1" >/dev/null 2>&1 || true; done
    all_pulls_succeed
    ok pull -q "$BAD/x/one:1"
    has_data one 1
}
