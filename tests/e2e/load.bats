#!/usr/bin/env bats
# `load`: archives as other tools write them.
# bats file_tags=asan

load helper/common

@test "load -i: oci-archive" {
    ok load -i "$IMAGES/oci-archive.tar"
    says "Loaded image: localhost/loaded:oci"
    ok run --rm --network none localhost/loaded:oci echo works
    says works
}

@test "load -i: docker-archive" {
    ok load -i "$IMAGES/docker-archive.tar"
    says "Loaded image: localhost/loaded:docker"
    ok run --rm --network none localhost/loaded:docker echo works
    says works
}

@test "load: from stdin" {
    run -0 --separate-stderr mcpd load <"$IMAGES/docker-archive.tar"
    says "Loaded image: localhost/loaded:docker"
}

@test "load: an archive packed with gzip" {
    gzip -c "$IMAGES/docker-archive.tar" >"$T/archive.tar.gz"
    ok load -i "$T/archive.tar.gz"
    says "Loaded image: localhost/loaded:docker"
}

@test "load: what skopeo writes" {
    local kind
    for kind in oci-archive docker-archive; do
        skopeo copy -q --insecure-policy --src-tls-verify=false "docker://$REGISTRY/t/busybox:latest" \
            "$kind:$T/$kind.tar:localhost/skopeo:$kind"
        ok load -i "$T/$kind.tar"
        says "Loaded image: localhost/skopeo:$kind"
        ok run --rm --network none "localhost/skopeo:$kind" echo works
        says works
    done
}

@test "load: the archive loaded is the image pulled" {
    ok pull -q "$REGISTRY/t/busybox:oci"
    local pulled=$output
    ok load -i "$IMAGES/oci-archive.tar"
    ok image inspect --format '{{.Id}}' localhost/loaded:oci
    says "$pulled"
}

@test "load: missing file" {
    fails 125 load -i "$T/nope.tar"
    error_has "o such file or directory"
}

@test "load: not an archive" {
    head -c 100000 /dev/urandom >"$T/noise"
    fails 125 load -i "$T/noise"
    : >"$T/empty"
    fails 125 load -i "$T/empty"
    ok images -q
    says ""
}

@test "load: a truncated archive leaves nothing" {
    local kind size
    for kind in docker oci; do
        size=$(stat -c %s "$IMAGES/$kind-archive.tar")
        head -c $((size / 2)) "$IMAGES/$kind-archive.tar" >"$T/half.tar"
        fails 125 load -i "$T/half.tar"
    done
    ok images -q
    says ""
}

# cut_off FILE BYTES: the beginning of an archive as $T/cut.
cut_off() {
    head -c "$2" "$1" >"$T/cut"
}

@test "load: what is wrong with an archive is said, and which one it was" {
    local member docker=$IMAGES/docker-archive.tar oci=$IMAGES/oci-archive.tar
    member=$(tar -tf "$docker" | grep layer.tar)
    cut_off "$docker" 1000000
    fails 125 load -i "$T/cut"
    error_is "Error: loading $T/cut: the archive ends in the middle of $member"
    cut_off "$oci" 1000000
    fails 125 load -i "$T/cut"
    [[ "$(error_line)" =~ ^"Error: loading $T/cut: the archive ends in the middle of blobs/sha256/"[0-9a-f]{64}$ ]] ||
        explain "not the member"
    gzip -c "$docker" >"$T/archive"
    cut_off "$T/archive" 300000
    fails 125 load -i "$T/cut"
    error_is "Error: loading $T/cut: gzip: unexpected end of the data"
    zstd -qc "$oci" >"$T/archive"
    cut_off "$T/archive" 300000
    fails 125 load -i "$T/cut"
    error_is "Error: loading $T/cut: zstd: unexpected end of the data"
    echo "no tar at all" >"$T/text"
    fails 125 load -i "$T/text"
    error_is "Error: loading $T/text: not a tar archive"
    : >"$T/nothing"
    fails 125 load -i "$T/nothing"
    error_is "Error: loading $T/nothing: not a tar archive"
    run -125 --separate-stderr mcpd load <"$T/text"
    error_is "Error: loading standard input: not a tar archive"
    tar -C "$T" -cf "$T/other.tar" text
    fails 125 load -i "$T/other.tar"
    error_has "Error: loading $T/other.tar: neither a docker-archive"
    ok images -q
    says ""
}

# One byte of a layer, so that the archive is whole and its digest is not.
@test "load: a wrong digest is said" {
    local kind size
    for kind in docker oci; do
        size=$(stat -c %s "$IMAGES/$kind-archive.tar")
        { head -c $((size / 2)) "$IMAGES/$kind-archive.tar"; printf '\xa5\x5a'
            tail -c +$((size / 2 + 3)) "$IMAGES/$kind-archive.tar"; } >"$T/flipped.tar"
        fails 125 load -i "$T/flipped.tar"
        [[ "$(error_line)" =~ ^"Error: loading $T/flipped.tar: Digest did not match, expected sha256:"[0-9a-f]{64}", got sha256:"[0-9a-f]{64}$ ]] ||
            explain "not the digests"
    done
    ok images -q
    says ""
}

# podman 4.3.1 takes no such archive either: docker-archive: Invalid tag "not a name", oci-archive:
# normalizing name "../x".
@test "load: a name that is none is said, and nothing is loaded" {
    local folder=$T/edited
    mkdir "$folder"
    tar -C "$folder" -xf "$IMAGES/docker-archive.tar"
    jq -c '.[0].RepoTags += ["not a name"]' "$folder/manifest.json" >"$T/json"
    cp "$T/json" "$folder/manifest.json"
    tar -C "$folder" -cf "$T/bad.tar" .
    fails 125 load -q -i "$T/bad.tar"
    [[ "$(error_line)" == "Error: loading $T/bad.tar: invalid name \"not a name\": invalid reference format"* ]] ||
        explain "not the name"
    rm -r "$folder"
    mkdir "$folder"
    tar -C "$folder" -xf "$IMAGES/oci-archive.tar"
    jq -c '.manifests[0].annotations["org.opencontainers.image.ref.name"] = "../x"' "$folder/index.json" >"$T/json"
    cp "$T/json" "$folder/index.json"
    fails 125 load -q -i "$folder"
    error_has "invalid name \"../x\": invalid reference format"
    ok images -q
    says ""
}

@test "load: names in an archive cannot leave the store" {
    mkdir "$T/x"
    printf 'pwned' >"$T/x/pwned"
    make_image layer "$T/evil.tar" <<'ENTRIES'
{"name":"../../../pwned-by-load","data":"x"}
{"name":"/tmp/pwned-by-load","data":"x"}
{"name":"manifest.json","data":"[{\"Config\":\"../../../etc/passwd\",\"RepoTags\":[\"localhost/evil:1\"],\"Layers\":[\"/etc/passwd\"]}]"}
ENTRIES
    fails 125 load -i "$T/evil.tar"
    [ ! -e /tmp/pwned-by-load ]
    [ ! -e "$T/pwned-by-load" ]
    ok images -q
    says ""
}

@test "load: from stdin and from a file, gzip, zstd, xz and bzip2, told by content" {
    local pack
    for pack in gzip zstd xz bzip2; do
        "$pack" -c <"$IMAGES/docker-archive.tar" >"$T/archive.tar"
        run -0 --separate-stderr mcpd load -q <"$T/archive.tar"
        says "Loaded image: localhost/loaded:docker"
        ok load -q -i "$T/archive.tar"
        says "Loaded image: localhost/loaded:docker"
        head -c "$(($(stat -c %s "$T/archive.tar") / 2))" "$T/archive.tar" >"$T/half"
        fails 125 load -q -i "$T/half"
    done
}

# An xz stream may ask for a dictionary of 1.5 GiB: the process that decompresses has no such memory.
@test "load: a packed archive that wants gigabytes of memory is refused" {
    head -c 1000000 /dev/zero | xz -c --format=xz --lzma2=preset=0,dict=1536MiB >"$T/greedy.xz"
    fails 125 load -q -i "$T/greedy.xz"
    ok images -q
    says ""
}

@test "load: several images at once, a shared layer once" {
    skopeo copy -q --insecure-policy --src-tls-verify=false "docker://$REGISTRY/t/entry:both" \
        "oci:$T/layout:quay.io/x/both:1"
    skopeo copy -q --insecure-policy --src-tls-verify=false "docker://$REGISTRY/t/nocmd:latest" \
        "oci:$T/layout:quay.io/x/nocmd:1"
    ok load -q -i "$T/layout"
    says "Loaded image: quay.io/x/both:1
Loaded image: quay.io/x/nocmd:1"
    equal "$(find "$T/root/layers" -mindepth 1 -maxdepth 1 | wc -l)" 1
    ok run --rm --network none quay.io/x/both:1
    says "ep cmd"
}

@test "load: one of several is bad, and nothing has changed" {
    local blob
    skopeo copy -q --insecure-policy --src-tls-verify=false "docker://$REGISTRY/t/entry:both" \
        "oci:$T/layout:quay.io/x/both:1"
    skopeo copy -q --insecure-policy --src-tls-verify=false "docker://$REGISTRY/t/config:v1.2" \
        "oci:$T/layout:quay.io/x/config:1"
    blob=$(jq -r '.manifests[1].digest' "$T/layout/index.json")
    rm "$T/layout/blobs/sha256/${blob#sha256:}"
    fails 125 load -i "$T/layout"
    error_is "Error: loading $T/layout: the archive lacks blob $blob"
    ok images -q
    says ""
}

@test "load: oci-dir and docker-dir of skopeo" {
    skopeo copy -q --insecure-policy --src-tls-verify=false "docker://$REGISTRY/t/busybox:latest" \
        "dir:$T/docker-dir"
    ok load -q -i "$T/docker-dir"
    is_id "${output#Loaded image: sha256:}"
    ok run --rm --network none "${output#Loaded image: sha256:}" echo works
    says works
    skopeo copy -q --insecure-policy --src-tls-verify=false "docker://$REGISTRY/t/busybox:oci" \
        "oci:$T/oci-dir:localhost/dir:1"
    ok load -q -i "$T/oci-dir"
    says "Loaded image: localhost/dir:1"
    ok run --rm --network none localhost/dir:1 echo works
}

@test "load: --platform, --arch and --variant choose from an index in the archive" {
    skopeo copy -q --insecure-policy --src-tls-verify=false --all "docker://$REGISTRY/t/busybox:list" \
        "oci-archive:$T/list.tar:localhost/list:1"
    ok load -q -i "$T/list.tar"
    ok image inspect --format '{{.Architecture}}' localhost/list:1
    says amd64
    ok load -q --platform linux/arm64 -i "$T/list.tar"
    ok image inspect --format '{{.Architecture}}' localhost/list:1
    says arm64
    ok load -q --arch arm --variant v8 -i "$T/list.tar"
    ok image inspect --format '{{.Architecture}}' localhost/list:1
    says arm
    fails 125 load -q --arch arm --variant v6 -i "$T/list.tar"
    error_is "Error: loading $T/list.tar: no image found in manifest list for linux/arm/v6; it has linux/arm64/v8, linux/arm/v7, linux/amd64"
}

@test "load: progress says what podman says" {
    ok load -i "$IMAGES/docker-archive.tar"
    [ "$stderr" = "Getting image source signatures
$(grep -o 'Copying blob sha256:[0-9a-f]*' <<<"$stderr")
$(grep -o 'Copying config sha256:[0-9a-f]*' <<<"$stderr")
Writing manifest to image destination
Storing signatures" ] || explain "not podman's lines"
}
