#!/usr/bin/env bats
# Pushing to a real registry: to the byte, once, and in podman's words.
# bats file_tags=asan

load helper/common
load helper/push-registry

# Tests share the registry, not their repositories.
setup() {
    common_setup
    REPO=$PUSH/n$BATS_TEST_NUMBER
}

digest_at() {
    skopeo inspect --tls-verify=false --raw "docker://$1" | sha256sum | cut -d' ' -f1
}

pushes_as_it_is() {
    need "$1"
    ok push "$IMAGE" "$REPO/copy:1"
    equal "$(digest_at "$REPO/copy:1")" "$(digest_at "$IMAGE")"
}

blob_requests() {
    requests | grep -v '^HEAD ' | sed "s|/n$BATS_TEST_NUMBER/|/|; s/sha256[^ &]*/DIGEST/; s/uploads\/[0-9a-f-]\{36\}?[^ ]*/uploads\/ID/"
}

@test "push: docker schema 2 to the byte" {
    pushes_as_it_is busybox:latest
}

@test "push: OCI, gzip, to the byte" {
    pushes_as_it_is busybox:oci
}

@test "push: OCI, zstd, to the byte" {
    pushes_as_it_is busybox:zstd
}

@test "push: OCI, layers that are not compressed, to the byte" {
    pushes_as_it_is busybox:plain
}

@test "push: several layers, one of them twice" {
    pushes_as_it_is layers:zstd
}

@test "push: an image of 121 layers" {
    pushes_as_it_is deep
}

@test "push: what is there runs" {
    need busybox
    ok push -q "$IMAGE" "$REPO/x:1"
    ok rmi "$IMAGE"
    ok run --rm --network none "$REPO/x:1" echo works
    says works
}

@test "push: what a second push sends" {
    need layers
    ok push -q "$IMAGE" "$REPO/x:1"
    forget_requests
    ok push -q "$IMAGE" "$REPO/x:1"
    equal "$(requests | grep -c '^HEAD .* 200$')" 7
    equal "$(blob_requests)" "PUT /v2/x/manifests/1 201"
}

@test "push: a small blob goes in one piece" {
    need busybox
    ok tag "$IMAGE" "$REPO/x:1"
    forget_requests
    ok push -q "$REPO/x:1"
    equal "$(blob_requests | sort)" "POST /v2/x/blobs/uploads/ 202
POST /v2/x/blobs/uploads/ 202
PUT /v2/x/blobs/uploads/ID 201
PUT /v2/x/blobs/uploads/ID 201
PUT /v2/x/manifests/1 201"
}

@test "push: a large blob is sent and then finished" {
    need debian
    forget_requests
    ok push -q "$IMAGE" "$REPO/x:1"
    [[ "$(blob_requests)" == *"PATCH /v2/x/blobs/uploads/ID 202"* ]] || explain "$(requests)"
    equal "$(digest_at "$REPO/x:1")" "$(digest_at "$IMAGE")"
}

@test "push: layers of a neighbour are mounted" {
    need layers
    ok push -q "$IMAGE" "$REPO/first:1"
    forget_requests
    ok push -q "$IMAGE" "$REPO/second:1"
    equal "$(blob_requests | grep -c "^POST /v2/second/blobs/uploads/?mount=DIGEST.* 201$")" 6
    equal "$(blob_requests | grep -c PATCH)" 0
    # The config is small and is simply sent.
    equal "$(blob_requests | grep -c '^PUT /v2/second/blobs/uploads/ID 201$')" 1
    ok pull -q "$REPO/second:1"
}

@test "push: layers of a pulled neighbour are mounted" {
    need busybox
    ok push -q "$IMAGE" "$REPO/base:1"
    mcpd rmi -f -a >/dev/null
    ok pull -q "$REPO/base:1"
    forget_requests
    ok push -q "$REPO/base:1" "$REPO/app:1"
    equal "$(blob_requests | grep -c '?mount=.* 201$')" 1
}

@test "push: podman's words on stderr, nothing on stdout" {
    need busybox:oci
    local manifest=$IMAGES/layout/blobs/sha256
    manifest+=/$(jq -r '."t/busybox:oci".digest' "$IMAGES/layout/refs.json" | cut -d: -f2)
    ok push "$IMAGE" "$REPO/x:1"
    says ""
    equal "$stderr" "Getting image source signatures
Copying blob $(jq -r '.layers[0].digest' "$manifest")
Copying config $(jq -r '.config.digest' "$manifest")
Writing manifest to image destination
Storing signatures"
}

@test "push -q: nothing at all" {
    need busybox
    ok push -q "$IMAGE" "$REPO/x:1"
    says ""
    equal "$stderr" ""
}

@test "push: bars on a terminal" {
    need busybox
    TERM=xterm run -0 pty size:24x80 -- "${MCPD_CMD[@]}" push "$IMAGE" "$REPO/x:1"
    has $'\e['
    has "done"
}

@test "push --progress=json" {
    need busybox
    ok push --progress=json "$IMAGE" "$REPO/x:1"
    jq -es 'map(.op) | contains(["upload", "config", "manifest", "done"])' <<<"$stderr" >/dev/null
}

@test "push --digestfile" {
    need busybox
    ok push --digestfile "$T/digest" "$IMAGE" "$REPO/x:1"
    equal "$(cat "$T/digest")" "sha256:$(digest_at "$REPO/x:1")"
    ok push -q --digestfile /dev/stdout "$IMAGE" "$REPO/x:1"
    says "$(cat "$T/digest")"
}

@test "push: the image's own name is the default" {
    need busybox
    ok tag "$IMAGE" "$REPO/own:7"
    ok push "$REPO/own:7"
    ok pull -q "$REPO/own:7"
}

@test "push: by id it needs a destination" {
    need busybox
    local id
    id=$(mcpd images -q "$IMAGE")
    fails 125 push "$id"
    error_has "say where it is to be pushed to"
    ok push "$id" "docker://$REPO/x:1"
}

@test "push: a destination without a tag is latest" {
    need busybox
    ok push "$IMAGE" "$REPO/x"
    ok pull -q "$REPO/x:latest"
}

@test "push: a destination by digest must be the image's" {
    need busybox
    fails 125 push "$IMAGE" "$REPO/x@sha256:$(printf '0%.0s' {1..64})"
    error_is "Error: Digest of source image's manifest would not match destination reference"
    ok push "$IMAGE" "$REPO/x@sha256:$(digest_at "$IMAGE")"
    ok pull -q "$REPO/x@sha256:$(digest_at "$IMAGE")"
}

@test "push: other transports are refused" {
    need busybox
    fails 125 push "$IMAGE" "oci:$T/layout:x"
    error_has "push sends to registries only"
    fails 125 push "$IMAGE" "docker-archive:$T/x.tar"
    error_has "use save"
}

@test "push: an image that is not here" {
    fails 125 push "$REPO/nothere:9"
    error_is "Error: $REPO/nothere:9: image not known"
    fails 125 push localhost/nope:1 "$REPO/x:1"
    error_is "Error: localhost/nope:1: image not known"
}

@test "push: upper case, no arguments, too many" {
    need busybox
    fails 125 push "$IMAGE" "$PUSH/X:1"
    error_is "Error: repository name must be lowercase"
    fails 125 push
    fails 125 push a b c
}

@test "push: a registry that is down" {
    need busybox
    MCPD_RETRY_DELAY_MS=10 fails 125 push "$IMAGE" 127.0.0.1:9/x:1
    error_has "trying to reuse blob sha256:"
    error_has ' at destination: pinging container registry 127.0.0.1:9: Get "https://127.0.0.1:9/v2/": dial tcp 127.0.0.1:9: connect: connection refused'
    equal "$(grep -c 'Failed, retrying in .* Error: trying to reuse blob' <<<"$stderr")" 3
}

@test "push: a registry that cannot be written to" {
    need busybox
    fails 125 push "$IMAGE" "$REGISTRY/new/x:1"
    error_has "initiating layer upload: received unexpected HTTP status: 405"
}

@test "push: many at once" {
    need layers
    local number pids=() pid
    for number in 1 2 3 4; do
        mcpd push -q "$IMAGE" "$REPO/x:$number" &
        pids+=($!)
    done
    for pid in "${pids[@]}"; do wait "$pid"; done
    for number in 1 2 3 4; do
        equal "$(digest_at "$REPO/x:$number")" "$(digest_at "$IMAGE")"
    done
}

@test "push: to and fro with skopeo" {
    need layers
    ok push -q "$IMAGE" "$REPO/x:1"
    skopeo copy -q --src-tls-verify=false "docker://$REPO/x:1" "oci:$T/oci:x"
    skopeo copy -q --dest-tls-verify=false --format oci "oci:$T/oci:x" "docker://$REPO/back:1"
    ok pull -q "$REPO/back:1"
    ok push -q "$REPO/back:1" "$REPO/again:1"
    equal "$(digest_at "$REPO/again:1")" "$(digest_at "$REPO/back:1")"
}

@test "push: of a loaded archive" {
    ok load -i "$IMAGES/oci-archive.tar"
    ok push -q localhost/loaded:oci "$REPO/x:1"
    equal "$(digest_at "$REPO/x:1")" "$(digest_at "$REGISTRY/t/busybox:oci")"
}

# --- manifest inspect --------------------------------------------------------

@test "manifest inspect: both forms print the manifest as podman does" {
    ok manifest inspect "$REGISTRY/t/busybox:latest"
    says "$(jq --indent 4 . "$IMAGES/layout/blobs/sha256/$(jq -r '."t/busybox:latest".digest' "$IMAGES/layout/refs.json" | cut -d: -f2)")"
    [[ "$stderr" == *'level=warning msg="The manifest type application/vnd.docker.distribution.manifest.v2+json is not a manifest list but a single image."' ]] ||
        explain "no warning"
    local first=$output
    ok manifest inspect "docker://$REGISTRY/t/busybox:latest"
    says "$first"
    ok manifest inspect "$REGISTRY/t/busybox:index"
    equal "$stderr" ""
    equal "$(jq '.manifests | length' <<<"$output")" 3
}

@test "manifest inspect: absent is 1" {
    fails 1 manifest inspect "$REGISTRY/t/busybox:nope"
    error_is "Error: reading image \"docker://$REGISTRY/t/busybox:nope\": reading manifest nope in $REGISTRY/t/busybox: manifest unknown"
    says ""
    fails 1 manifest inspect "docker://$REGISTRY/no/such:1"
    error_is "Error: reading image \"docker://$REGISTRY/no/such:1\": reading manifest 1 in $REGISTRY/no/such: manifest unknown"
}

@test "manifest inspect: could not tell is 125" {
    export MCPD_RETRY_DELAY_MS=10
    fails 125 manifest inspect 127.0.0.1:9/x/y:1
    error_has "connection refused"
    fails 125 manifest inspect registry.invalid/x/y:1
    error_has "no such host"
    fails 125 manifest inspect "127.0.0.2:${TLS_REGISTRY#*:}/t/busybox"
    fails 125 manifest inspect "$TLS_REGISTRY/t/busybox"
    error_has "certificate"
    fails 125 manifest inspect --authfile /no/such "$REGISTRY/t/busybox:nope"
    fails 125 manifest inspect "$REGISTRY/t/BusyBox"
}

@test "manifest inspect: works where nothing is kept" {
    ok manifest inspect "$REGISTRY/t/busybox"
    ok images -q
    says ""
}
