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
