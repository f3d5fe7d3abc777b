#!/usr/bin/env bats
# Pulling from a real registry: every format, what is printed, what is refused.
# bats file_tags=asan

load helper/common

# The image runs and is the one pulled.
works() {
    ok run --rm --network none "$1" echo works
    says works
}

pulls_and_runs() {
    ok pull "$REGISTRY/t/busybox:$1"
    is_id "$output"
    works "$REGISTRY/t/busybox:$1"
}

@test "pull: docker schema 2, gzip" {
    pulls_and_runs latest
}

@test "pull: OCI manifest, gzip" {
    pulls_and_runs oci
}

@test "pull: OCI manifest, zstd" {
    pulls_and_runs zstd
}

@test "pull: OCI manifest, layers not compressed" {
    pulls_and_runs plain
}

@test "pull: docker manifest list picks this platform" {
    pulls_and_runs list
}

@test "pull: OCI index picks this platform, passes over attestations" {
    pulls_and_runs index
}

@test "pull: by digest" {
    local digest
    digest=$(jq -r '."t/busybox:oci".digest' "$IMAGES/layout/refs.json")
    ok pull "$REGISTRY/t/busybox@$digest"
    is_id "$output"
    works "$REGISTRY/t/busybox@$digest"
}

@test "pull: the id is the digest of the configuration" {
    local manifest
    manifest=$(jq -r '."t/busybox:latest".digest' "$IMAGES/layout/refs.json")
    ok pull -q "$REGISTRY/t/busybox:latest"
    says "$(jq -r .config.digest "$IMAGES/layout/blobs/sha256/${manifest#sha256:}" | cut -d: -f2)"
}

@test "pull: no tag means latest" {
    ok pull "$REGISTRY/t/busybox"
    works "$REGISTRY/t/busybox:latest"
}

@test "pull: stdout is the id alone, progress goes to stderr" {
    ok pull "$REGISTRY/t/busybox"
    [ "$(wc -l <<<"$output")" = 1 ]
    is_id "$output"
    [[ "$stderr" == *"Trying to pull $REGISTRY/t/busybox:latest..."* ]] || explain "no progress"
    [[ "$stderr" != *$'\e'* ]] || explain "escape codes without a terminal"
}

@test "pull -q: nothing on stderr" {
    ok pull -q "$REGISTRY/t/busybox"
    is_id "$output"
    equal "$stderr" ""
}

@test "pull: bars on a terminal" {
    TERM=xterm run -0 pty size:24x80 -- "${MCPD_CMD[@]}" pull "$REGISTRY/t/layers"
    has $'\e['
}

@test "pull: again gives the same id" {
    ok pull -q "$REGISTRY/t/busybox"
    local first=$output
    ok pull -q "$REGISTRY/t/busybox"
    says "$first"
    ok images -q
    [ "$(wc -l <<<"$output")" = 1 ]
}

@test "pull: a second image shares the layer that is there" {
    bad_registry "$IMAGES/layout"
    ok pull -q "$BAD/t/busybox:latest"
    : >"$T/bad.log"
    ok pull -q "$BAD/t/nocmd:latest"
    equal "$(grep -c 'GET .*/blobs/' "$T/bad.log")" 1
    works "$BAD/t/nocmd:latest"
}

@test "pull: many at once of the same image all succeed" {
    local number pids=() pid
    for number in 1 2 3 4 5 6; do
        mcpd pull -q "$REGISTRY/t/layers:zstd" >"$T/out$number" &
        pids+=($!)
    done
    for pid in "${pids[@]}"; do wait "$pid"; done
    equal "$(cat "$T"/out? | sort -u | wc -l)" 1
    works "$REGISTRY/t/layers:zstd"
}

@test "pull: an image of 121 layers" {
    need deep
    ok run --rm --network none "$IMAGE" cat deep/1 deep/60 deep/120 deep/top
    says $'1\n60\n120\n120'
}

@test "pull: missing tag" {
    fails 125 pull "$REGISTRY/t/busybox:nope"
    error_has "Error: initializing source docker://$REGISTRY/t/busybox:nope: reading manifest nope in $REGISTRY/t/busybox: manifest unknown"
    equal "$output" ""
}

@test "pull: missing repository" {
    fails 125 pull "$REGISTRY/no/such:1"
    error_has "reading manifest 1 in $REGISTRY/no/such:"
}

@test "pull: no manifest for this platform lists what there is" {
    fails 125 pull "$REGISTRY/t/busybox:foreign"
    error_has arm64
    ok images -q
    says ""
}

# Root's podman makes /run/containers 0700, and every user looks behind it.
@test "pull: an auth file behind a closed folder is passed over, a given one is not" {
    user_only "no folder is closed"
    mkdir -p "$T/xdg/containers"
    echo '{"auths":{}}' >"$T/xdg/containers/auth.json"
    chmod 0 "$T/xdg/containers"
    MCPD_DEBUG=registry ok pull -q "$REGISTRY/t/busybox"
    [[ "$stderr" == *"auth file $T/xdg/containers/auth.json: a folder on its path is closed"* ]]
    fails 125 pull -q --authfile "$T/xdg/containers/auth.json" "$REGISTRY/t/busybox"
    error_has "auth file $T/xdg/containers/auth.json: "
    error_has "Permission denied"
    REGISTRY_AUTH_FILE=$T/xdg/containers/auth.json fails 125 pull -q "$REGISTRY/t/busybox"
    error_has "Permission denied"
    chmod 700 "$T/xdg/containers"
}

@test "pull --platform: what is none is said before anybody is asked" {
    local platform
    for platform in a/b/c/d linux/ /amd64 linux//v7 linux/amd64/ linux 'linux/am d64'; do
        fails 125 pull -q --platform "$platform" 127.0.0.1:1/t/busybox
        error_is "Error: invalid platform syntax for \"$platform\" (use OS/ARCH[/VARIANT])"
    done
}

@test "pull --platform: in capitals, and empty" {
    ok pull -q --platform Linux/ARM64 "$REGISTRY/t/busybox:index"
    ok image inspect --format '{{.Architecture}}' "$REGISTRY/t/busybox:index"
    says arm64
    ok pull -q --platform "" --arch "" "$REGISTRY/t/busybox:index"
    ok image inspect --format '{{.Architecture}}' "$REGISTRY/t/busybox:index"
    says amd64
}

@test "pull: registry down" {
    fails 125 pull 127.0.0.1:9/t/busybox
    error_has "connection refused"
    error_has "pinging container registry 127.0.0.1:9"
}

@test "pull: upper case name" {
    fails 125 pull "$REGISTRY/t/BusyBox"
    error_is "Error: repository name must be lowercase"
}

@test "pull: nonsense names" {
    local name
    for name in '' ':' 'a:' '/a' 'a//b' 'a@sha256:12' '-x/y z' "$(printf 'a%.0s' {1..5000})"; do
        fails 125 pull -- "$name"
        equal "$output" ""
    done
}

@test "pull: no argument" {
    fails 125 pull
    error_has "requires at least 1 arg"
}

@test "run: pulls what is missing, its stdout stays the container's" {
    ok run --rm --network none "$REGISTRY/t/busybox" echo works
    says works
}

# The registry has x/app:now; what it is there can be moved to another version.
serve_versions() {
    make_image layer "$T/base.tar" <<<'{"name":"bin","type":"dir"}
{"name":"bin/busybox","copy":"/bin/busybox","mode":"755"}'
    make_image layer "$T/two.tar" <<<'{"name":"second","data":"x"}'
    make_image image "$T/layout" x/app:now --layer "$T/base.tar"
    bad_registry "$T/layout"
    APP=$BAD/x/app:now
}

# A server reads the layout as it is: the name leads to another manifest from now on.
move_version() {
    make_image image "$T/layout" x/app:now --layer "$T/base.tar" --layer "$T/two.tar"
}

asked() {
    wc -l <"$T/bad.log"
}

runs_first() {
    ok run --rm --network none --pull "$1" "$APP" /bin/busybox ls /
    hasnt second
}

runs_second() {
    ok run --rm --network none --pull "$1" "$APP" /bin/busybox ls /
    has second
}

@test "run --pull=never: does not, and uses what is here" {
    serve_versions
    fails 125 run --pull=never --rm --network none "$APP" /bin/busybox true
    error_is "Error: $APP: image not known"
    equal "$(asked)" 0
    ok pull -q "$APP"
    move_version
    runs_first never
}

@test "run --pull=missing: asks nobody for what is here" {
    serve_versions
    runs_first missing
    move_version
    equal "$(grep -c manifests "$T/bad.log")" 1
    runs_first missing
    equal "$(grep -c manifests "$T/bad.log")" 1
}

@test "run --pull=always: takes what the registry has now, or fails" {
    serve_versions
    runs_first always
    move_version
    runs_second always
    kill "$(cat "$T/helpers")"
    fails 125 run --rm --network none --pull always "$APP" /bin/busybox true
    error_has "connection refused"
}

@test "run --pull=newer: takes what the registry has now, or else what is here" {
    serve_versions
    runs_first newer
    move_version
    runs_second newer
    kill "$(cat "$T/helpers")"
    runs_second newer
}

@test "pull: from a registry that has an IPv6 address only" {
    [ -n "$(ip -6 address show dev lo)" ] || skip "this machine has no IPv6"
    make_image image "$T/layout" x/app:1 --layer "$IMAGES/busybox.tar"
    BAD_ADDRESS=::1 bad_registry "$T/layout"
    local image="[::1]:${BAD##*:}/x/app:1"
    works "$image"
    ok images --format '{{.Repository}}:{{.Tag}}'
    says "$image"
}

@test "run: works with the registry gone" {
    bad_registry "$IMAGES/layout"
    ok pull -q "$BAD/t/busybox"
    kill "$(cat "$T/helpers")"
    works "$BAD/t/busybox"
}
