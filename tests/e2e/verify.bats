#!/usr/bin/env bats
# verify: every damage is found and named, --repair mends exactly that.
# bats file_tags=asan

load helper/common

# Inverts the lowest bit of the byte at OFFSET of a FILE whose time stays: flip FILE OFFSET
flip() {
    owner python3 - "$1" "$2" <<'PY'
import os, sys
path, offset = sys.argv[1], int(sys.argv[2])
before = os.stat(path)
with open(path, "r+b", buffering=0) as file:
    file.seek(offset)
    byte = file.read(1)
    file.seek(offset)
    file.write(bytes([byte[0] ^ 1]))
os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
PY
}

# The unpacked layer of $IMAGE that has a path: layer_with PATH
layer_with() {
    local diff_id layers
    layers=$(mcpd image inspect --format '{{json .RootFS.Layers}}' "$IMAGE" | tr -d '[]",')
    for diff_id in ${layers//sha256:/ }; do
        if owner test -e "$T/root/layers/$diff_id/fs/$1"; then
            LAYER=$diff_id
            return
        fi
    done
    explain "no layer has $1"
}

blob() {
    echo "$T/root/images/blobs/sha256/${1#sha256:}"
}

manifest_digest() {
    mcpd image inspect --format '{{.Digest}}' "$IMAGE"
}

# The name as verify shows it.
shown() {
    case ${IMAGE##*/} in *:*) echo "$IMAGE" ;; *) echo "$IMAGE:latest" ;; esac
}

repaired() {
    ok verify --repair "$IMAGE"
    says "$(shown): repaired"
    ok verify
    says "$(shown): good"
}

@test "verify: a good image" {
    need layers
    ok verify
    says "$(shown): good"
    ok verify -q "$IMAGE"
    says ""
    ok verify --format json
    equal "$(jq -r '.Images[0].Status, .Images[0].Names[0], (.Images[0].Problems | length), .Others' <<<"$output")" \
        "$(printf 'good\n%s:latest\n0\n[]' "$IMAGE")"
    equal "$(jq -r '.Images[0].Digest' <<<"$output")" "$(manifest_digest)"
}

@test "verify: every name of an image, or its digest" {
    need layers
    local digest
    digest=$(manifest_digest)
    ok tag "$IMAGE" second third:3
    ok verify
    equal "$(sed 's/: good$//; s/, /\n/g' <<<"$output" | sort)" \
        "$(printf '%s\n' "$IMAGE:latest" localhost/second:latest localhost/third:3 | sort)"
    ok untag "$IMAGE"
    ok verify
    says "$digest: good"
}

@test "verify: an empty store, an unknown image" {
    ok verify
    says ""
    fails 125 verify nosuch
    error_has "nosuch: image not known"
    fails 125 verify --format yaml
}

@test "verify: a flipped bit anywhere in the files of the layers" {
    need layers
    local file size offset count=0
    RANDOM=11
    # Writing takes a file's capabilities away, which would be a second finding.
    while read -r size file; do
        [ "$size" -gt 0 ] || continue
        offset=$((RANDOM * RANDOM % size))
        flip "$file" "$offset"
        fails 1 verify
        has ": ${file#*/fs/}: contents differ"
        flip "$file" "$offset"
        count=$((count + 1))
    done < <(owner find "$T/root/layers" -path '*/fs/*' -type f -size -1000k ! -name caps -printf '%s %p\n' | sort | awk '!seen[$1]++' | head -n 10)
    [ "$count" -ge 8 ] || explain "only $count files"
    ok verify
}

@test "verify: a flipped bit anywhere in what describes a layer" {
    need layers
    layer_with data/keep
    local name size
    for name in layer.json contents; do
        size=$(stat -c %s "$T/root/layers/$LAYER/$name")
        for offset in 0 $((size / 3)) $((size / 2)) $((size - 2)); do
            flip "$T/root/layers/$LAYER/$name" "$offset"
            fails 1 verify
            has "layer sha256:$LAYER"
            flip "$T/root/layers/$LAYER/$name" "$offset"
        done
    done
    ok verify
}

@test "verify: mode, owner, time, attribute, link, missing and further files" {
    need layers
    layer_with data/keep
    local fs=$T/root/layers/$LAYER/fs
    owner touch -r "$fs/links" "$T/links"
    owner touch -r "$fs/data" "$T/data"
    owner chmod 600 "$fs/data/keep"
    owner chown 7:8 "$fs/special/high-id"
    owner touch -d @5 "$fs/special/empty"
    owner setfattr -n user.mark -v x "$fs/special/setuid"
    owner ln -sfn elsewhere "$fs/links/soft"
    owner rm "$fs/links/dangling"
    owner touch "$fs/links/further"
    owner touch -r "$T/links" "$fs/links"
    fails 1 verify
    has ": data/keep: mode is 0600 instead of 0640"
    has ": special/high-id: belongs to 7:8 instead of 60000:60001"
    has ": special/empty: modification time differs"
    has ": special/setuid: extended attributes differ"
    has ": links/soft: links to something else"
    has ": links/dangling: is missing"
    has ": links/further: does not belong to the layer"
    repaired
    ok run --rm --network none "$IMAGE" stat -c '%a %u:%g' data/keep
    says "640 1000:1001"
}

@test "verify --repair: a layer out of its blob, without the registry" {
    need layers
    layer_with data/keep
    flip "$T/root/layers/$LAYER/fs/data/keep" 0
    ok verify --repair --tls-verify=true "$IMAGE"
    hasnt damaged
    owner rm -rf "$T/root/layers/$LAYER"
    fails 125 run --rm --network none "$IMAGE" true
    error_has "layer sha256:$LAYER"
    error_has "mcpd verify --repair $IMAGE"
    ok verify --repair
    says "$IMAGE:latest: repaired"
    ok run --rm --network none "$IMAGE" cat data/keep
    says keep
}

@test "verify --repair: exactly the damaged layer is fetched again" {
    make_image layer "$T/one.tar" <<<'{"name":"one","data":"first"}'
    make_image layer "$T/two.tar" <<<'{"name":"two","data":"second"}'
    make_image image "$T/layout" x/two:1 --layer "$T/one.tar" --layer "$T/two.tar"
    bad_registry "$T/layout"
    IMAGE=$BAD/x/two:1
    ok pull -q "$IMAGE"
    layer_with two
    local layer_blob
    layer_blob=$(jq -r '.layers[1].digest' "$(blob "$(manifest_digest)")")
    flip "$T/root/layers/$LAYER/fs/two" 2
    flip "$(blob "$layer_blob")" 30
    fails 1 verify
    has "blob $layer_blob: contents differ"
    has "layer sha256:$LAYER: two: contents differ"
    : >"$T/bad.log"
    repaired
    equal "$(grep -c "blobs/$layer_blob" "$T/bad.log")" 1
    equal "$(grep -c 'GET .*/blobs/' "$T/bad.log")" 1
}

@test "verify --repair: a compressed layer that is damaged, its unpacked one is good" {
    need layers
    local digest
    digest=$(jq -r '.layers[0].digest' "$(blob "$(manifest_digest)")")
    flip "$(blob "$digest")" 100
    fails 1 verify
    has "blob $digest: contents differ"
    repaired
    [ -e "$(blob "$digest")" ] || explain "it was not fetched again"
    : >"$(blob "$digest")"
    fails 1 verify
    has "blob $digest: has 0 bytes instead of"
    repaired
}

@test "verify --repair: manifest and config" {
    need layers
    local manifest config
    manifest=$(manifest_digest)
    config=sha256:$(mcpd image inspect --format '{{.Id}}' "$IMAGE")
    flip "$(blob "$manifest")" 40
    fails 1 verify "$IMAGE"
    has "manifest $manifest: contents differ"
    repaired
    rm "$(blob "$config")"
    fails 1 verify "$IMAGE"
    has "config $config: is missing"
    repaired
    # All at once.
    layer_with data/keep
    rm "$(blob "$manifest")" "$(blob "$config")"
    flip "$T/root/layers/$LAYER/fs/data/keep" 1
    ok verify --repair "$IMAGE"
    ok verify
    says "$IMAGE:latest: good"
}

@test "verify --repair: no registry and no blob: damaged, and why" {
    make_image layer "$T/one.tar" <<<'{"name":"one","data":"first"}'
    make_image image "$T/layout" x/one:1 --layer "$T/one.tar"
    bad_registry "$T/layout"
    IMAGE=$BAD/x/one:1
    ok pull -q "$IMAGE"
    kill "$(cat "$T/helpers")"
    layer_with one
    flip "$T/root/layers/$LAYER/fs/one" 0
    rm "$(blob "$(jq -r '.layers[0].digest' "$(blob "$(manifest_digest)")")")"
    fails 1 verify --repair
    has "layer sha256:$LAYER: one: contents differ"
    has "not repaired: initializing source docker://$BAD/x/one"
    # Not worse than before.
    fails 1 verify
    has "layer sha256:$LAYER: one: contents differ"
}

@test "verify --repair: an image that was loaded" {
    ok load -i "$IMAGES/docker-archive.tar"
    IMAGE=${output#Loaded image: }
    ok verify
    says "$(shown): good"
    LAYER=$(find "$T/root/layers" -mindepth 1 -maxdepth 1 -printf '%f\n' | head -n 1)
    owner find "$T/root/layers/$LAYER/fs" -type f -name passwd -delete
    fails 1 verify
    repaired
    local layer_blob
    layer_blob=$(jq -r '.layers[0].digest' "$(blob "$(manifest_digest)")")
    rm "$(blob "$layer_blob")"
    owner find "$T/root/layers/$LAYER/fs" -type f -name passwd -delete
    fails 1 verify --repair
    has "it did not come from a registry and cannot be fetched again; load it again"
    # That brings the blob, and the layer can be made of it.
    ok load -i "$IMAGES/docker-archive.tar"
    repaired
}

@test "verify --repair: several images that were loaded at once, and the layer that they share" {
    need entry:both nocmd
    ok save -q -m -o "$T/two.tar" "$REGISTRY/t/entry:both" "$REGISTRY/t/nocmd"
    ok rmi -fa
    ok load -q -i "$T/two.tar"
    ok verify
    says "$REGISTRY/t/entry:both: good
$REGISTRY/t/nocmd:latest: good"
    layer_with bin/busybox
    flip "$T/root/layers/$LAYER/fs/bin/busybox" 1000
    fails 1 verify
    has "$REGISTRY/t/entry:both: damaged"
    has "$REGISTRY/t/nocmd:latest: damaged"
    ok verify --repair
    hasnt damaged
    ok verify
    hasnt damaged
    ok run --rm --network none "$REGISTRY/t/entry:both"
    says "ep cmd"
}

@test "verify --repair: not below a container that runs" {
    need busybox
    layer_with bin/busybox
    ok run -d --name web --network none "$IMAGE" sleep 600
    owner chmod 711 "$T/root/layers/$LAYER/fs/etc/passwd"
    fails 1 verify --repair
    has "not repaired: the container web is running on a damaged layer; stop it first"
    ok exec web cat /etc/passwd
    ok stop -t 0 web
    ok verify --repair
    says "$IMAGE:latest: repaired"
    ok start web
    ok exec web stat -c %a /etc/passwd
    says 644
}

@test "verify: what belongs to no image, and a name that cannot be read" {
    need layers
    echo nonsense >"$(blob 0000000000000000000000000000000000000000000000000000000000000000)"
    fails 1 verify
    has "of no image:"
    has "blob sha256:0000000000000000000000000000000000000000000000000000000000000000: contents differ"
    rm "$(blob 0000000000000000000000000000000000000000000000000000000000000000)"
    : >"$T/root/images/tags/localhost%2Fempty:1"
    fails 1 verify
    has "localhost%2Fempty:1"
    ok verify "$IMAGE"
    ok rmi localhost/empty:1
    ok verify
}
