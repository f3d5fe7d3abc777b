#!/usr/bin/env bats
# Every change of the store, killed at every named point of it (src/base/fault.h): afterwards each
# image is whole or absent, the change can be repeated, and nothing is left behind.
#
# Only the sanitizer build has the points. A change runs once to tell which points it passes and how
# often; then it is killed at each, the first time it comes there (MCPD_CRASH=all: every time). The last test compares what was passed with the list of all points.
# bats file_tags=asan, fault-points

load helper/common
load helper/app

export SWEEPS=1

IMAGE_PROGRAM=$(dirname "${MCPD:-/}")/../libexec/mcpd/mcpd-image

setup() {
    common_setup
    POINTS=$("$IMAGE_PROGRAM" internal fault-points | sort -u)
    [ -n "$POINTS" ] || skip "this build has no fault points (scripts/run-tests asan)"
    PASSED=$BATS_RUN_TMPDIR/passed-points
}

# The store as the change finds it.
keep_store() {
    owner rm -rf "$T/kept"
    owner cp -a "$T/root" "$T/kept"
}

restore_store() {
    owner rm -rf "$T/root"
    owner cp -a "$T/kept" "$T/root"
}

# "NAME COUNT" of each point that a change passes; how often one process does.
passed_points() {
    MCPD_FAULT='?' run --separate-stderr -- mcpd "$@"
    [ "$status" = 0 ] || explain "without a fault: status $status"
    sed -n 's/^fault: //p' <<<"$stderr" | sort | uniq -c |
        awk '$1 > most[$2] { most[$2] = $1 } END { for (name in most) print name, most[name] }'
}

times_to_try() {
    if [ "${MCPD_CRASH:-}" = all ]; then seq "$1"; else echo 1; fi
}

# A file of no bytes was locked by a download that was killed; it goes with the next one.
nothing_left() {
    equal "$(find "$T/root/tmp" "$T/root/images/partial" -mindepth 1 -size +0 -o -path "$T/root/tmp/*" | sed "s|$T/root/||")" ""
}

# kill_at POINT TIME ARG...: then looks, and does the same again.
kill_at() {
    local point=$1 time=$2
    shift 2
    restore_store
    MCPD_FAULT=$point:$time run --separate-stderr -- mcpd "$@"
    [[ "$stderr" == *"fault: $point "* ]] || explain "$point was not passed $time times"
    "${IN_BETWEEN:-true}"
    ok verify
    hasnt damaged
    mcpd "$@" >"$T/out" 2>"$T/err" || {
        # What is gone cannot go again.
        [[ "$*" == rmi* || "$*" == untag* ]] || explain "again after $point:$time: $(cat "$T/err")"
    }
    "${AFTERWARDS:-true}"
}

# kill_everywhere ARG...: the change, at each of its points. IN_BETWEEN looks at what the kill has
# left, AFTERWARDS at what the change has made.
kill_everywhere() {
    local count point time points
    keep_store
    points=$(passed_points "$@")
    "${AFTERWARDS:-true}"
    echo "$points" >>"$PASSED"
    while read -r point count; do
        for time in $(times_to_try "$count"); do
            kill_at "$point" "$time" "$@"
        done
    done <<<"$points"
}

has_new() {
    ok images --format '{{.Repository}}:{{.Tag}}'
    has "$BAD/x/app:2"
}

@test "killed at every point: pull into an empty store" {
    serve_app
    ok images
    AFTERWARDS=has_new kill_everywhere pull -q "$BAD/x/app:2"
    nothing_left
}

@test "killed at every point: pull of a new version under the same name" {
    serve_app
    ok pull -q "$BAD/x/app:1"
    make_image image "$T/layout" x/app:1 --layer "$T/base.tar" --layer "$T/new.tar,comp=zstd"
    kill_everywhere pull -q "$BAD/x/app:1"
    nothing_left
    ok images -q
    equal "${#lines[@]}" 2
}

@test "killed at every point: load" {
    serve_app
    ok images
    kill_everywhere load -q -i "$T/app.tar"
    nothing_left
}

names_now() {
    mcpd images --format '{{.Repository}}:{{.Tag}} {{.ID}}' | sort
}

# Two images under three names, in one archive; no image is left.
save_both() {
    serve_app
    ok pull -q "$BAD/x/app:1"
    ok tag "$BAD/x/app:1" localhost/one localhost/again
    ok rmi "$BAD/x/app:1"
    ok pull -q "$BAD/x/app:2"
    ok tag "$BAD/x/app:2" localhost/two
    ok rmi "$BAD/x/app:2"
    NEW=$(names_now)
    equal "$(wc -l <<<"$NEW")" 3
    ok save -q -m -o "$T/both.tar" localhost/one localhost/again localhost/two
    ok rmi -fa
}

old_or_new() {
    local now
    now=$(names_now)
    [ "$now" = "$OLD" ] || [ "$now" = "$NEW" ] || explain "neither the old names nor the new ones: $now"
}

has_all_new() {
    equal "$(names_now)" "$NEW"
}

@test "killed at every point: load of several images" {
    save_both
    OLD=
    IN_BETWEEN=old_or_new AFTERWARDS=has_all_new kill_everywhere load -q -i "$T/both.tar"
    nothing_left
}

@test "killed at every point: load of several images, whose names lead to others" {
    save_both
    ok pull -q "$BAD/x/app:2"
    ok tag "$BAD/x/app:2" localhost/one localhost/again
    ok rmi "$BAD/x/app:2"
    OLD=$(names_now)
    IN_BETWEEN=old_or_new AFTERWARDS=has_all_new kill_everywhere load -q -i "$T/both.tar"
    nothing_left
}

@test "killed at every point: bundle apply" {
    save_both
    ok load -q -i "$T/both.tar"
    ok bundle create -q -o "$T/bundle" localhost/one localhost/again localhost/two
    ok rmi -fa
    OLD=
    IN_BETWEEN=old_or_new AFTERWARDS=has_all_new kill_everywhere bundle apply -q "$T/bundle"
    nothing_left
}

@test "killed at every point: bundle apply, with layers left out, to names that lead to others" {
    serve_app
    ok pull -q "$BAD/x/app:1"
    ok pull -q "$BAD/x/app:2"
    ok tag "$BAD/x/app:2" localhost/one localhost/two
    ok bundle create -q --since "$BAD/x/app:1" -o "$T/bundle" localhost/one localhost/two
    ok rmi localhost/one localhost/two "$BAD/x/app:2"
    ok tag "$BAD/x/app:1" localhost/one
    OLD=$(names_now)
    keep_store
    ok bundle apply -q "$T/bundle"
    NEW=$(names_now)
    equal "$(wc -l <<<"$NEW")" 3
    [[ "$NEW" == *"localhost/two:latest"* ]] || explain "no second name"
    restore_store
    IN_BETWEEN=old_or_new AFTERWARDS=has_all_new kill_everywhere bundle apply -q "$T/bundle"
    nothing_left
}

# write_killed LOOK ARG...: writes $T/out/made, killed at each point. LOOK: what is there under that
# name is whole.
write_killed() {
    local look=$1 points point count
    shift
    rm -rf "$T/out"
    mkdir "$T/out"
    points=$(passed_points "$@" -o "$T/out/made")
    "$look"
    echo "$points" >>"$PASSED"
    while read -r point count; do
        rm -rf "$T/out"
        mkdir "$T/out"
        "${BEFORE:-true}"
        MCPD_FAULT=$point run --separate-stderr -- mcpd "$@" -o "$T/out/made"
        [[ "$stderr" == *"fault: $point "* ]] || explain "$point was not passed"
        if [ -e "$T/out/made" ]; then
            "$look"
        fi
        equal "$(find "$T/out" -mindepth 1 -maxdepth 1 ! -name made ! -name 'made.tmp-*')" ""
        rm -rf "$T/out/made"
        ok "$@" -o "$T/out/made"
        "$look"
    done <<<"$points"
}

made_loads() {
    ok load -q -i "$T/out/made"
}

@test "killed at every point: save, all formats" {
    local format
    serve_app
    ok pull -q "$BAD/x/app:1"
    for format in docker-archive oci-archive docker-dir oci-dir; do
        write_killed made_loads save -q --format "$format" "$BAD/x/app:1"
        # A file has no name at all until it is whole; of a folder its temporary one may be left.
        [[ $format == *-dir ]] || equal "$(ls "$T/out")" made
    done
    nothing_left
}

made_applies() {
    ok bundle apply -q "$T/out/made"
}

@test "killed at every point: bundle create" {
    serve_app
    ok pull -q "$BAD/x/app:1"
    write_killed made_applies bundle create -q "$BAD/x/app:1"
    equal "$(ls "$T/out")" made
    nothing_left
}

old_file() {
    echo old >"$T/out/made"
}

old_or_tree() {
    [ "$(cat "$T/out/made")" = old ] || tar -tf "$T/out/made" | grep -qx app
}

@test "killed at every point: export, in the place of another file" {
    serve_app
    ok pull -q "$BAD/x/app:1"
    ok create --network none --name tree "$BAD/x/app:1" true
    BEFORE=old_file write_killed old_or_tree export tree
    tar -tf "$T/out/made" | grep -qx etc/passwd
    nothing_left
}

@test "killed at every point: tag" {
    serve_app
    ok pull -q "$BAD/x/app:1"
    ok pull -q "$BAD/x/app:2"
    kill_everywhere tag "$BAD/x/app:1" "$BAD/x/app:2"
    ok images -q
    equal "${#lines[@]}" 2
}

@test "killed at every point: a name is removed" {
    serve_app
    ok pull -q "$BAD/x/app:1"
    ok tag "$BAD/x/app:1" localhost/other
    kill_everywhere rmi localhost/other
    ok images --format '{{.Repository}}:{{.Tag}}'
    says "$BAD/x/app:1"
}

@test "killed at every point: untag" {
    serve_app
    ok pull -q "$BAD/x/app:1"
    local id
    id=$(mcpd images -q --no-trunc)
    has_id() { equal "$(mcpd images -q --no-trunc)" "$id"; }
    AFTERWARDS=has_id kill_everywhere untag "$BAD/x/app:1"
    ok images --format '{{.Repository}}'
    says "<none>"
    nothing_left
}

@test "killed at every point: rmi" {
    serve_app
    ok pull -q "$BAD/x/app:1"
    ok pull -q "$BAD/x/app:2"
    local forgotten
    forgotten=$T/root/images/partial/$(sha256sum </dev/null | cut -c1-64)
    owner sh -c "echo half >$forgotten; touch -d '30 days ago' $forgotten"
    kill_everywhere rmi "$BAD/x/app:2"
    ok images --format '{{.Repository}}:{{.Tag}}'
    says "$BAD/x/app:1"
    # The layer that nobody else needs is gone, also where the removal was killed: with the next one.
    ok tag "$BAD/x/app:1" localhost/other
    ok rmi localhost/other
    equal "$(find "$T/root/layers" -mindepth 1 -maxdepth 1 | wc -l)" 2
    nothing_left
}

@test "killed at every point: verify --repair" {
    serve_app
    ok pull -q "$BAD/x/app:2"
    local blob
    owner find "$T/root/layers" -name app -exec sh -c 'echo more >>"$1"' - {} \;
    blob=$(jq -r '.layers[0].digest' "$T/layout/blobs/sha256/$(jq -r '."x/app:2".digest' "$T/layout/refs.json" | cut -d: -f2)")
    echo more >>"$T/root/images/blobs/sha256/${blob#sha256:}"
    # It may be damaged still: that is what it was.
    local count point time points
    keep_store
    points=$(passed_points verify --repair)
    echo "$points" >>"$PASSED"
    while read -r point count; do
        for time in $(times_to_try "$count"); do
            restore_store
            MCPD_FAULT=$point:$time run --separate-stderr -- mcpd verify --repair
            [[ "$stderr" == *"fault: $point"* ]] || explain "$point was not passed $time times"
            ok verify --repair
            ok verify
            hasnt damaged
        done
    done <<<"$points"
    ok rmi -a
    nothing_left
}

@test "killed at every point: image trim" {
    serve_app
    ok pull -q "$BAD/x/app:1"
    ok pull -q "$BAD/x/app:2"
    trimmed() { equal "$(mcpd system df -v --format json | jq .Store.Blobs)" 0; }
    AFTERWARDS=trimmed kill_everywhere image trim -a
    ok images -q
    equal "${#lines[@]}" 2
    nothing_left
}

@test "killed at every point: a pull for which another image goes" {
    serve_app
    ok pull -q "$BAD/x/app:2"
    printf '[store]\nmax_size = %d\n' "$(mcpd system df --format json | jq '.[0].Size')" >"$MCPD_CONF"
    ok rmi -a
    ok pull -q "$BAD/x/app:1"
    one_is_whole() { equal "$(mcpd images -q | wc -l)" 1; }
    AFTERWARDS=one_is_whole kill_everywhere pull -q "$BAD/x/app:2"
    has_new
    nothing_left
}

@test "every point was passed by one of the changes above" {
    [ -s "$PASSED" ] || skip "the other tests were not run"
    equal "$(comm -23 <(echo "$POINTS") <(awk '{print $1}' "$PASSED" | sort -u))" ""
}
