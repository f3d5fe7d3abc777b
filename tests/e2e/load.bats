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
