#!/usr/bin/env bats
# Registries that answer wrongly: one clear line, podman's exit code, a store as before.
# bats file_tags=asan

load helper/common

store_is_empty() {
    ok images -q
    says ""
    ok ps -aq
    says ""
    equal "$(find "$T/root/images/tags" "$T/root/layers" "$T/root/tmp" -mindepth 1 ! -name '.*' 2>/dev/null)" ""
}

# Pulls x/bad:1 from a registry over $T/layout: 125, one line (behind those of
# retries), nothing kept, no crash.
refuses() {
    bad_registry "$T/layout" "$@"
    fails 125 pull -q "$BAD/x/bad:1"
    equal "$(grep -vc 'Failed, retrying' <<<"$stderr")" 1
    [[ "$(error_line)" == "Error: "* ]] || explain "not an error line"
    store_is_empty
}

store_works() {
    ok pull -q "$REGISTRY/t/busybox"
    ok rmi "$REGISTRY/t/busybox"
}

# And the store goes on working.
refused() {
    refuses "$@"
    store_works
}

bad_layer() {
    make_image image "$T/layout" x/bad:1 --layer "$IMAGES/busybox.tar,$1"
}

good_image() {
    make_image image "$T/layout" x/bad:1 --layer "$IMAGES/busybox.tar"
}

raw_manifest() {
    make_image raw "$T/layout" x/bad:1 "${1:-application/vnd.docker.distribution.manifest.v2+json}"
}

# repeat COUNT CHARACTER
repeat() {
    head -c "$1" /dev/zero | tr '\0' "$2"
}

config_digest() {
    jq -r .config.digest "$T/layout/blobs/sha256/$(jq -r '."x/bad:1".digest' "$T/layout/refs.json" | cut -d: -f2)"
}

@test "layer: wrong digest" {
    bad_layer flip=500000
    refused
    error_has digest || true
}

@test "layer: wrong digest, packed with zstd and not at all" {
    bad_layer comp=zstd,flip=300000
    refused
    bad_layer comp=none,flip=300000
    refused
}

@test "layer: the connection ends early" {
    good_image
    refused '/blobs/=cut:100000'
}

@test "layer: shorter than the manifest tells" {
    bad_layer cut=100000
    refused
}

@test "layer: longer than the manifest tells" {
    bad_layer size=1000
    refused
}

@test "layer: truncated stream under its own digest" {
    bad_layer truncate=400000
    refused
    bad_layer comp=zstd,truncate=400000
    refused
}

# Each says which layer, how it was packed, and where it ended.
@test "layer: what is wrong with it is said" {
    bad_registry "$T/layout"
    bad_layer truncate=400000
    fails 125 pull -q "$BAD/x/bad:1"
    [[ "$(error_line)" =~ ^"Error: layer sha256:"[0-9a-f]{64}": 'bin/busybox': gzip: unexpected end of the data"$ ]] || explain "gzip"
    bad_layer comp=zstd,truncate=400000
    fails 125 pull -q "$BAD/x/bad:1"
    [[ "$(error_line)" =~ ^"Error: layer sha256:"[0-9a-f]{64}": 'bin/busybox': zstd: unexpected end of the data"$ ]] || explain "zstd"
    bad_layer comp=none,truncate=400000
    fails 125 pull -q "$BAD/x/bad:1"
    [[ "$(error_line)" =~ ^"Error: layer sha256:"[0-9a-f]{64}": 'bin/busybox': tar: Truncated tar archive"$ ]] || explain "tar"
    echo "no tar at all" >"$T/text"
    make_image image "$T/layout" x/bad:1 --layer "$T/text,comp=none"
    fails 125 pull -q "$BAD/x/bad:1"
    error_is "Error: layer sha256:$(sha256sum "$T/text" | cut -d' ' -f1): not a tar archive"
    store_is_empty
}

# GNU tar and podman take no bytes at all for an archive without entries.
@test "layer: of zero bytes, packed or not" {
    local case kind
    : >"$T/zero"
    bad_registry "$T/layout"
    for case in docker,comp=none docker,comp=gzip docker,comp=gzip,truncate=0 \
        oci,comp=zstd oci,comp=zstd,truncate=0; do
        make_image image "$T/layout" x/bad:1 --kind "${case%%,*}" \
            --layer "$IMAGES/busybox.tar" --layer "$T/zero,${case#*,}"
        ok pull -q "$BAD/x/bad:1"
        ok run --rm --network none "$BAD/x/bad:1" echo works
        says works
        ok rmi "$BAD/x/bad:1"
    done
    for kind in docker oci; do
        make_image archive "$T/layout" x/bad:1 "$kind" "$T/zero-$kind.tar" "localhost/zero:$kind"
        ok load -i "$T/zero-$kind.tar"
        ok run --rm --network none "localhost/zero:$kind" echo works
        says works
    done
}

@test "layer: corrupt stream under its own digest" {
    bad_layer corrupt=300000
    refused
    bad_layer comp=zstd,corrupt=300000
    refused
}

@test "layer: not what its diff_id tells" {
    bad_layer "diffid=sha256:$(printf '0%.0s' {1..64})"
    refused
}

@test "layer: an unknown or foreign media type" {
    bad_layer type=application/vnd.docker.image.rootfs.foreign.diff.tar.gzip
    refused
    bad_layer type=text/plain
    refused
}

@test "layer: a bomb is bounded by what the disk takes, not by memory" {
    # 300 MB of nothing in 300 kB: pulled, with a small process.
    truncate -s 300M "$T/zeros"
    tar -C "$T" -cf "$T/bomb.tar" zeros
    make_image image "$T/layout" x/bad:1 --layer "$T/bomb.tar"
    rm "$T/bomb.tar"
    bad_registry "$T/layout"
    [ "$MCPD_TEST_AS" = root ] || return 0
    ok pull -q "$BAD/x/bad:1"
}

@test "config: wrong digest" {
    good_image
    printf '{}' >"$T/other"
    refused "/blobs/$(config_digest)=body:$T/other"
}

@test "config: not JSON, empty, deeply nested, oversized" {
    local config manifest
    good_image
    manifest=$(jq -r '."x/bad:1".digest' "$T/layout/refs.json" | cut -d: -f2)
    for config in 'no json' '' "$(repeat 100000 '[')" \
        "{\"a\":$(repeat 3000 '[')1$(repeat 3000 ']')}" 'null' '[]' '"x"' '{"rootfs":7}'; do
        printf '%s' "$config" >"$T/config"
        local digest
        digest=$(sha256sum "$T/config" | cut -d' ' -f1)
        cp "$T/config" "$T/layout/blobs/sha256/$digest"
        jq --arg digest "sha256:$digest" --argjson size "$(stat -c %s "$T/config")" \
            '.config.digest = $digest | .config.size = $size' "$T/layout/blobs/sha256/$manifest" |
            raw_manifest
        refuses
    done
    store_works
}

@test "config: number of layers differs" {
    good_image
    local manifest
    manifest=$(jq -r '."x/bad:1".digest' "$T/layout/refs.json" | cut -d: -f2)
    jq '.layers += .layers' "$T/layout/blobs/sha256/$manifest" | raw_manifest
    refused
}

@test "manifest: not JSON, empty, wrong kinds of values" {
    local text
    for text in 'no json' '' '[]' 'null' '{}' '{"schemaVersion":2}' \
        '{"schemaVersion":2,"config":{},"layers":[]}' \
        '{"schemaVersion":2,"config":"x","layers":{}}' \
        '{"schemaVersion":2,"config":{"digest":"sha256:..","size":-1},"layers":[{"digest":7}]}' \
        '{"schemaVersion":2,"config":{"mediaType":"x","digest":"md5:00","size":1},"layers":[]}' \
        '{"schemaVersion":2,"config":{"mediaType":"x","digest":"sha256:../../../etc/passwd","size":1},"layers":[]}'; do
        printf '%s' "$text" | raw_manifest
        refuses
    done
    store_works
}

@test "manifest: deeply nested" {
    repeat 200000 '[' | raw_manifest
    refused
}

# As values of a parser these 4 MiB would be 190 MB.
@test "manifest: 4 MiB of empty arrays cost no memory" {
    python3 -c "print('{\"schemaVersion\":2,\"x\":[' + '[],' * 1390000 + '[]]}')" | raw_manifest
    bad_registry "$T/layout"
    run --separate-stderr python3 - "${MCPD_CMD[@]}" pull -q "$BAD/x/bad:1" <<'MEASURE'
import resource, subprocess, sys
status = subprocess.run(sys.argv[1:]).returncode
print(status, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
MEASURE
    error_has "manifest: JSON has too many values"
    [[ "$output" == "125 "* ]] || explain "status and kB: $output"
    # The program with its libraries, and the text twice.
    [ -n "${ASAN_OPTIONS:-}" ] || [ "${output#* }" -lt 40000 ] || explain "kB: $output"
    store_is_empty
}

@test "manifest: oversized" {
    { printf '{"schemaVersion":2,"x":"'; head -c 5000000 /dev/zero | tr '\0' x; printf '"}'; } | raw_manifest
    refused
}

@test "manifest: schema 1" {
    printf '{"schemaVersion":1,"name":"x/bad","tag":"1","fsLayers":[],"history":[]}' |
        raw_manifest application/vnd.docker.distribution.manifest.v1+prettyjws
    refused
}

@test "manifest: asked by digest, another is served" {
    good_image
    local digest
    digest=$(jq -r '."x/bad:1".digest' "$T/layout/refs.json")
    printf '{"schemaVersion":2}' >"$T/other"
    bad_registry "$T/layout" "/manifests/=body:$T/other"
    fails 125 pull -q "$BAD/x/bad@$digest"
    store_is_empty
}

@test "index: entries that lie or lead nowhere" {
    printf '{"schemaVersion":2,"manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"sha256:%064d","size":10,"platform":{"os":"linux","architecture":"amd64"}}]}' 0 |
        raw_manifest application/vnd.oci.image.index.v1+json
    refused
    printf '{"schemaVersion":2,"manifests":"x"}' | raw_manifest application/vnd.oci.image.index.v1+json
    refused
}

@test "index: that names itself" {
    # An index within an index within ...: bounded.
    local digest
    printf '{"schemaVersion":2,"manifests":[]}' | raw_manifest application/vnd.oci.image.index.v1+json
    for _ in 1 2 3 4 5 6 7 8; do
        digest=$(jq -r '."x/bad:1".digest' "$T/layout/refs.json")
        printf '{"schemaVersion":2,"manifests":[{"mediaType":"application/vnd.oci.image.index.v1+json","digest":"%s","size":34,"platform":{"os":"linux","architecture":"amd64"}}]}' "$digest" |
            raw_manifest application/vnd.oci.image.index.v1+json
    done
    refused
}

@test "registry: server errors are retried, then said" {
    good_image
    bad_registry "$T/layout" '/manifests/=status-once:503' '/blobs/=status-once:500'
    ok pull -q "$BAD/x/bad:1"
}

@test "registry: a cut download goes on where it was, with a closed range" {
    good_image
    local manifest size digest
    manifest=$T/layout/blobs/sha256/$(jq -r '."x/bad:1".digest' "$T/layout/refs.json" | cut -d: -f2)
    size=$(jq -r '.layers[0].size' "$manifest")
    digest=$(jq -r '.layers[0].digest' "$manifest")
    bad_registry "$T/layout" "/blobs/$digest=cut-once:200000"
    run --separate-stderr -- mcpd pull -q "$BAD/x/bad:1"
    [ "$status" = 0 ] || ok pull -q "$BAD/x/bad:1"
    ok run --rm --network none "$BAD/x/bad:1" echo works
    says works
    grep -Eq "bytes=[1-9][0-9]*-$((size - 1)) 206" "$T/bad.log" || explain "$(cat "$T/bad.log")"
}

@test "registry: not allowed" {
    good_image
    bad_registry "$T/layout" '/v2/=status:401'
    fails 125 pull -q "$BAD/x/bad:1"
    error_has unauthorized
    store_is_empty
}

@test "registry: redirects without end" {
    good_image
    bad_registry "$T/layout"
    local first=$BAD
    kill "$(head -n 1 "$T/helpers")"
    bad_registry "$T/layout" "/v2/=redirect:http://127.0.0.1:1"
    fails 125 pull -q "$BAD/x/bad:1"
    store_is_empty
    [ -n "$first" ]
}

@test "registry: speaks no HTTP" {
    python3 -c '
import socket, sys
server = socket.create_server(("127.0.0.1", 0))
open(sys.argv[1], "w").write(str(server.getsockname()[1]))
while True:
    client, _ = server.accept()
    client.sendall(b"SSH-2.0-nothing\r\n" * 1000)
    client.close()' "$T/port" 3>&- &
    echo $! >>"$T/helpers"
    eventually test -s "$T/port"
    fails 125 pull -q "127.0.0.1:$(cat "$T/port")/x/bad:1"
    store_is_empty
}

@test "registry: an answer without end to a manifest" {
    good_image
    head -c 20000000 /dev/zero >"$T/endless"
    refused "/manifests/=body:$T/endless"
}

@test "registry: control characters in its words do not reach the terminal" {
    printf '{"errors":[{"code":"DENIED","message":"\\u001b[31mred"}]}' | raw_manifest
    refused
    [[ "$stderr" != *$'\e'* ]] || explain "escape codes"
}
