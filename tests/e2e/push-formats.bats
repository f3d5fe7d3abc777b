#!/usr/bin/env bats
# Pushing in another form than the image has here: packed on the way, with a manifest written anew.
# bats file_tags=asan

load helper/common
load helper/push-registry

setup() {
    common_setup
    export MCPD_RETRY_DELAY_MS=10
    REPO=$PUSH/f$BATS_TEST_NUMBER
}

raw() {
    skopeo inspect --tls-verify=false --raw "docker://$1"
}

id_of() {
    mcpd images -q --no-trunc "$1" | head -n 1 | sed s/^sha256://
}

# The image at $1 is a good one: skopeo takes all of it (which verifies diff_ids), it is the image
# $2, and it runs.
is_good() {
    local format=oci
    rm -rf "$T/copy"
    skopeo copy -q --src-tls-verify=false "docker://$1" "dir:$T/copy"
    [[ "$(raw "$1")" != *docker* ]] || format=v2s2
    ok manifest inspect "$1"
    ok pull -q "$1"
    says "$2"
    [ -n "$format" ]
}

runs() {
    ok run --rm --network none "$1" echo works
    says works
}

# Random bytes in halves, zeros in between: something to compress that is still large.
noisy_archive() {
    mkdir "$T/noisy"
    head -c "$(($1 << 20))" /dev/urandom >"$T/noisy/noise"
    head -c "$(($1 << 20))" /dev/zero >"$T/noisy/zeros"
    tar -C "$T/noisy" -cf "$T/noisy.tar" noise zeros
    make_image image "$T/layout" t/noisy:1 --layer "$T/noisy.tar"
    make_image archive "$T/layout" t/noisy:1 docker "$T/archive.tar" localhost/noisy:1
    rm -r "$T/noisy" "$T/noisy.tar"
    ok load -q -i "$T/archive.tar"
    rm "$T/archive.tar"
}

@test "formats: a loaded image is compressed on the way" {
    ok load -q -i "$IMAGES/docker-archive.tar"
    local id
    id=$(id_of localhost/loaded:docker)
    ok push localhost/loaded:docker "$REPO/x:1"
    [[ "$stderr" == *"Copying blob "* ]] || explain "no progress"
    equal "$(raw "$REPO/x:1" | jq -r '.layers[0].mediaType, .mediaType')" \
        "application/vnd.docker.image.rootfs.diff.tar.gzip
application/vnd.docker.distribution.manifest.v2+json"
    is_good "$REPO/x:1" "$id"
    runs "$REPO/x:1"
}

@test "formats: what was compressed once is asked for, mounted, not compressed again" {
    ok load -q -i "$IMAGES/docker-archive.tar"
    ok push -q localhost/loaded:docker "$REPO/x:1"
    forget_requests
    ok push -q localhost/loaded:docker "$REPO/x:2"
    equal "$(requests | sed 's/sha256.* /D /')" "HEAD /v2/f$BATS_TEST_NUMBER/x/blobs/D 200
HEAD /v2/f$BATS_TEST_NUMBER/x/blobs/D 200
PUT /v2/f$BATS_TEST_NUMBER/x/manifests/2 201"
    equal "$(raw "$REPO/x:1")" "$(raw "$REPO/x:2")"
    forget_requests
    ok push -q localhost/loaded:docker "$REPO/y:1"
    equal "$(requests | grep -c '?mount=.* 201$')" 1
    equal "$(raw "$REPO/x:1")" "$(raw "$REPO/y:1")"
    # Another registry knows nothing of it: the same bytes again.
    hostile_registry
    ok push -q localhost/loaded:docker "$HOSTILE/x:1"
    equal "$(cat "$T"/hostile/blobs/sha256/"$(jq -r '."x:1".digest' "$T/hostile/refs.json" | cut -d: -f2)")" "$(raw "$REPO/x:1")"
}

@test "formats: large fresh layers, several" {
    need layers
    local id
    id=$(id_of "$IMAGE")
    make_image archive "$IMAGES/layout" t/layers:latest docker "$T/archive.tar" localhost/layers:1
    ok load -q -i "$T/archive.tar"
    # The registry knows these layers by the pull, but not as plain tars.
    ok push -q localhost/layers:1 "$REPO/x:1"
    is_good "$REPO/x:1" "$id"
    equal "$(raw "$REPO/x:1" | jq -r '[.layers[].mediaType] | unique | .[]')" application/vnd.docker.image.rootfs.diff.tar.gzip
}

@test "formats: a layer larger than the window goes while it is made" {
    noisy_archive 12
    forget_requests
    ok push -q localhost/noisy:1 "$REPO/x:1"
    equal "$(requests | grep -c '^PATCH .* 202$')" 1
    equal "$(requests | grep -c '^HEAD ')" 1
    is_good "$REPO/x:1" "$(id_of localhost/noisy:1)"
    # 24 MiB of which half is noise.
    local size
    size=$(raw "$REPO/x:1" | jq '.layers[0].size')
    [ "$size" -gt 12500000 ] && [ "$size" -lt 13000000 ]
}

@test "formats: --compression-format zstd makes it an OCI image" {
    need busybox
    local id
    id=$(id_of "$IMAGE")
    ok push -q --compression-format zstd "$IMAGE" "$REPO/x:1"
    equal "$(raw "$REPO/x:1" | jq -r '.mediaType, .config.mediaType, .layers[0].mediaType')" \
        "application/vnd.oci.image.manifest.v1+json
application/vnd.oci.image.config.v1+json
application/vnd.oci.image.layer.v1.tar+zstd"
    is_good "$REPO/x:1" "$id"
    runs "$REPO/x:1"
    forget_requests
    ok push -q --compression-format zstd "$IMAGE" "$REPO/x:1"
    equal "$(requests | grep -vc '^HEAD ')" 1
}

@test "formats: --compression-format gzip of what is zstd" {
    need busybox:zstd
    local id
    id=$(id_of "$IMAGE")
    ok push -q --compression-format gzip "$IMAGE" "$REPO/x:1"
    equal "$(raw "$REPO/x:1" | jq -r '.layers[0].mediaType')" application/vnd.oci.image.layer.v1.tar+gzip
    is_good "$REPO/x:1" "$id"
}

@test "formats: --compression-format gzip of what is gzip already" {
    need busybox:oci
    ok push -q --compression-format gzip "$IMAGE" "$REPO/x:1"
    equal "$(raw "$REPO/x:1")" "$(raw "$IMAGE")"
}

# The layer was unpacked before, from another image: this one's own blob was never fetched.
@test "formats: a layer that is here in another form only" {
    need busybox:zstd
    local first=$IMAGE id
    need busybox:oci
    id=$(id_of "$IMAGE")
    ok push "$IMAGE" "$REPO/x:1"
    [[ "$stderr" == *"1 of the layers are in the store only in another form than the image names"* ]] ||
        explain "no warning"
    equal "$(raw "$REPO/x:1" | jq -r '.layers[0].mediaType')" application/vnd.oci.image.layer.v1.tar+gzip
    is_good "$REPO/x:1" "$id"
    # Again: asked for, not packed.
    forget_requests
    ok push -q "$IMAGE" "$REPO/x:2"
    equal "$(requests | grep -vc '^HEAD ')" 1
    equal "$(raw "$REPO/x:2")" "$(raw "$REPO/x:1")"
    # Where the registry has its own blob, that is taken: to the byte.
    skopeo copy -q --preserve-digests --src-tls-verify=false --dest-tls-verify=false "docker://$IMAGE" "docker://$REPO/y:1"
    ok push "$IMAGE" "$REPO/y:2"
    [[ "$stderr" != *"another form"* ]] || explain "a warning"
    equal "$(raw "$REPO/y:2")" "$(raw "$IMAGE")"
    # The other image goes, what this one is made from stays, until it goes too.
    ok rmi "$first"
    ok push -q "$IMAGE" "$REPO/z:1"
    is_good "$REPO/z:1" "$id"
    ok rmi -f "$id"
    equal "$(ls "$T/root/images/blobs/sha256")" ""
}

@test "formats: a layer that is here in another form only, of a loaded image" {
    make_image archive "$IMAGES/layout" t/busybox:latest docker "$T/archive.tar" localhost/plain:1
    ok load -q -i "$T/archive.tar"
    need busybox:zstd
    ok rmi localhost/plain:1
    ok push -q "$IMAGE" "$REPO/x:1"
    equal "$(raw "$REPO/x:1" | jq -r '.layers[0].mediaType')" application/vnd.oci.image.layer.v1.tar+zstd
    is_good "$REPO/x:1" "$(id_of "$IMAGE")"
    runs "$REPO/x:1"
}

@test "formats: --compression-level" {
    ok load -q -i "$IMAGES/docker-archive.tar"
    local level sizes=() size
    for level in "gzip 1" "gzip 9" "zstd 1" "zstd 19"; do
        # shellcheck disable=SC2086
        set -- $level
        ok push -q --compression-format "$1" --compression-level "$2" localhost/loaded:docker "$REPO/x:$1$2"
        is_good "$REPO/x:$1$2" "$(id_of localhost/loaded:docker)"
        size=$(raw "$REPO/x:$1$2" | jq '.layers[0].size')
        sizes+=("$size")
    done
    [ "${sizes[1]}" -lt "${sizes[0]}" ] && [ "${sizes[3]}" -lt "${sizes[2]}" ]
    ok push -q --compression-level 9 localhost/loaded:docker "$REPO/x:default9"
    equal "$(raw "$REPO/x:default9" | jq '.layers[0].size')" "${sizes[1]}"
}

@test "formats: --format there and back, the configuration untouched" {
    need layers
    local id config
    id=$(id_of "$IMAGE")
    config=$(raw "$IMAGE" | jq -r .config.digest)
    forget_requests
    ok push -q --format oci "$IMAGE" "$REPO/x:oci"
    equal "$(raw "$REPO/x:oci" | jq -r .config.digest)" "$config"
    equal "$(raw "$REPO/x:oci" | jq -r '[.mediaType, .config.mediaType, .layers[].mediaType] | map(select(contains("oci") | not)) | length')" 0
    is_good "$REPO/x:oci" "$id"
    ok push -q --format v2s2 "$REPO/x:oci" "$REPO/x:docker"
    equal "$(raw "$REPO/x:docker" | jq -S .)" "$(raw "$IMAGE" | jq -S .)"
    # As it is already: to the byte.
    ok push -q --format docker "$IMAGE" "$REPO/x:same"
    equal "$(raw "$REPO/x:same")" "$(raw "$IMAGE")"
}

@test "formats: what cannot be" {
    need busybox
    fails 125 push --format nonsense "$IMAGE" "$REPO/x:1"
    error_is "Error: unknown format \"nonsense\". Choose one of the supported formats: 'oci' or 'v2s2'"
    fails 125 push --format v2s1 "$IMAGE" "$REPO/x:1"
    fails 125 push --compression-format lzma "$IMAGE" "$REPO/x:1"
    error_is 'Error: cannot find compressor for "lzma"'
    fails 125 push --compression-format zstd --compression-level 23 "$IMAGE" "$REPO/x:1"
    error_is "Error: compression level 23: zstd has 1 to 19"
    fails 125 push --compression-format zstd --format v2s2 "$IMAGE" "$REPO/x:1"
    error_has "need --format oci"
    fails 125 push --format oci "$IMAGE" "$REPO/x@sha256:$(raw "$IMAGE" | sha256sum | cut -d' ' -f1)"
    error_is "Error: Digest of source image's manifest would not match destination reference"
    run ! raw "$REPO/x:1"
}

# --- bad networks ------------------------------------------------------------

@test "formats: cut while it is packed, gone on from what is still there" {
    noisy_archive 8
    hostile_registry 'PATCH =take-once:6000000'
    ok push -q localhost/noisy:1 "$HOSTILE/x:1"
    equal "$(grep -c '^POST' "$T/hostile.log")" 2
    equal "$(grep -c '^PATCH .* 202 ' "$T/hostile.log")" 1
    is_good "$HOSTILE/x:1" "$(id_of localhost/noisy:1)"
}

@test "formats: cut while it is packed, and too little arrived: packed again" {
    noisy_archive 12
    hostile_registry 'PATCH =drop-once:9000000'
    ok push -q localhost/noisy:1 "$HOSTILE/x:1"
    equal "$(grep -c '^POST' "$T/hostile.log")" 2
    is_good "$HOSTILE/x:1" "$(id_of localhost/noisy:1)"
}

@test "formats: the registry forgets it: packed again" {
    noisy_archive 8
    hostile_registry 'PATCH =drop-once:5000000' 'GET .*uploads=forget-once'
    ok push -q localhost/noisy:1 "$HOSTILE/x:1"
    equal "$(grep -c '^POST' "$T/hostile.log")" 3
    is_good "$HOSTILE/x:1" "$(id_of localhost/noisy:1)"
}

@test "formats: the answer to all of it is lost" {
    noisy_archive 6
    hostile_registry 'PATCH =late-once'
    ok push -q localhost/noisy:1 "$HOSTILE/x:1"
    is_good "$HOSTILE/x:1" "$(id_of localhost/noisy:1)"
}

@test "formats: a layer of the store that is damaged is not sent as another" {
    noisy_archive 6
    local blob
    blob=$(find "$T/root/images/blobs" -size +1M)
    printf x | dd of="$blob" bs=1 seek=3000000 conv=notrunc status=none
    fails 125 push -q localhost/noisy:1 "$REPO/x:1"
    error_has "a layer of the store is damaged: its tar should be sha256:"
    run ! raw "$REPO/x:1"
}

@test "formats: killed while it packs, no process is left" {
    noisy_archive 16
    hostile_registry 'POST =slow:1' 'PATCH =take-once:1000000' 'GET .*uploads=status:503'
    MCPD_RETRY_DELAY_MS=60000 start_client push -q localhost/noisy:1 "$HOSTILE/x:1"
    eventually grep -q '^PATCH' "$T/hostile.log"
    kill -9 "$CLIENT"
    wait "$CLIENT" || true
    # The next one tidies up.
    ok push -q localhost/noisy:1 "$REPO/x:1"
}
