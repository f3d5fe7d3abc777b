#!/usr/bin/env bats
# Names, digests and short names of images, as podman 4.3.1 shows and finds them.

load helper/common

# What the registry calls t/NAME.
digest_of() {
    jq -er --arg name "t/$1" '.[$name].digest' "$IMAGES/layout/refs.json"
}

# The manifest for this machine in the index t/NAME.
manifest_of() {
    local index
    index=$(digest_of "$1")
    jq -er '[.manifests[] | select(.platform.os == "linux" and .platform.architecture == "amd64")][0].digest' \
        "$IMAGES/layout/blobs/sha256/${index#sha256:}"
}

inspected() {
    mcpd image inspect "$1" | jq -c ".[0] | $2"
}

# blob DIGEST: its file in the store.
blob() {
    echo "$T/root/images/blobs/sha256/${1#sha256:}"
}

@test "names: an index and its manifest are one image with two digests" {
    need busybox:index
    local repository=$REGISTRY/t/busybox index manifest
    index=$(digest_of busybox:index)
    manifest=$(manifest_of busybox:index)
    ok images --digests
    equal "${#lines[@]}" 2
    has "$index"
    ok images --format json
    equal "$(jq -r '.[0].Digest' <<<"$output")" "$index"
    equal "$(jq -r '.[0].RepoDigests | sort[]' <<<"$output")" \
        "$(printf '%s\n' "$repository@$index" "$repository@$manifest" | sort)"
    equal "$(inspected "$IMAGE" .Digest)" "\"$index\""
    # Either digest finds it.
    ok image exists "$repository@$index"
    ok run --rm --network none "$repository@$manifest" echo works
    says works
}

@test "names: the index stays through a collection, and goes with its name" {
    need busybox:index nocmd
    local index
    index=$(digest_of busybox:index)
    cmp "$(blob "$index")" "$IMAGES/layout/blobs/sha256/${index#sha256:}"
    ok rmi "$REGISTRY/t/nocmd"
    cmp "$(blob "$index")" "$IMAGES/layout/blobs/sha256/${index#sha256:}"
    # A further name keeps it too.
    ok tag "$REGISTRY/t/busybox:index" localhost/mine
    ok rmi "$REGISTRY/t/busybox:index"
    need nocmd
    ok rmi "$IMAGE"
    [ -f "$(blob "$index")" ]
    equal "$(inspected localhost/mine .Digest)" "\"$index\""
    ok rmi localhost/mine
    equal "$(find "$T/root/images/blobs/sha256" -type f)" ""
}

@test "names: one configuration under several manifests is one image" {
    need busybox:latest busybox:oci busybox:index
    local repository=$REGISTRY/t/busybox id
    ok images -q
    equal "${#lines[@]}" 1
    id=$output
    # What came last is first; the digest is that of what came first.
    ok images --noheading --format '{{.Repository}}:{{.Tag}} {{.ID}} {{.Digest}}'
    says "$(printf "$repository:%s $id $(digest_of busybox:latest)\n" index oci latest)"
    ok images --format json
    equal "$(jq length <<<"$output")" 1
    equal "$(jq -c '.[0].Names' <<<"$output")" \
        "[\"$repository:index\",\"$repository:oci\",\"$repository:latest\"]"
    equal "$(jq -c '.[0].History' <<<"$output")" \
        "[\"$repository:latest\",\"$repository:oci\",\"$repository:index\"]"
    # latest, oci (which is also the index's manifest), the index
    equal "$(jq '.[0].RepoDigests | length' <<<"$output")" 3
    equal "$(inspected "$id" '.RepoTags | length')" 3
    # By name it has the digest of that name.
    equal "$(inspected "$repository:oci" .Digest)" "\"$(digest_of busybox:oci)\""
    fails 125 rmi "$id"
    error_has "by ID with more than one tag"
    ok rmi "$repository:oci"
    says "Untagged: $repository:oci"
    ok rmi -f "$id"
    equal "$(grep -c ^Untagged: <<<"$output")" 2
    equal "$(find "$T/root/images/blobs/sha256" -type f)" ""
}

@test "names: pulled by digest is not dangling, and has no tag" {
    local repository=$REGISTRY/t/busybox digest
    digest=$(digest_of busybox:oci)
    ok pull -q "$repository@$digest"
    ok images --format '{{.Repository}} {{.Tag}}'
    says "$repository <none>"
    ok images -q --filter dangling=true
    says ""
    equal "$(inspected "$repository@$digest" .RepoTags)" "[]"
    ok images --format json
    equal "$(jq -c '.[0].Names' <<<"$output")" "[\"$repository@$digest\"]"
    ok pull -q "$repository:oci"
    ok images --noheading
    equal "${#lines[@]}" 1
    ok rmi "$repository:oci"
    says "Untagged: $repository:oci"
    ok rmi "$repository@$digest"
    has "Untagged: $repository@$digest"
    has "Deleted: "
}

@test "names: a digest that is none of its names cannot be removed alone" {
    need busybox:oci
    ok tag "$IMAGE" localhost/mine
    fails 125 rmi "$REGISTRY/t/busybox@$(digest_of busybox:oci)"
    error_is "Error: $REGISTRY/t/busybox@$(digest_of busybox:oci): tag not known"
    ok rmi localhost/mine
    ok rmi "$REGISTRY/t/busybox@$(digest_of busybox:oci)"
    has "Untagged: $IMAGE"
}

@test "names: a moved tag leaves its image without a name" {
    need busybox nocmd
    ok tag "$REGISTRY/t/nocmd" "$REGISTRY/t/busybox"
    ok images --noheading --filter dangling=true --format '{{.Repository}} {{.Tag}}'
    says "<none> <none>"
    ok images -q --filter dangling=true --no-trunc
    ok rmi "$output"
    ok images -q --filter dangling=true
    says ""
}

@test "names: what tag adds comes behind what was pulled" {
    need busybox
    ok tag "$IMAGE" localhost/zz:1
    sleep 0.05 # the kernel's file times come in steps
    ok tag "$IMAGE" localhost/aa:1
    ok images --noheading --format '{{.Repository}}:{{.Tag}}'
    says "$(printf '%s\n' "$IMAGE:latest" localhost/zz:1 localhost/aa:1)"
    ok images --noheading --format '{{.History}}'
    equal "${lines[0]}" "localhost/aa:1, localhost/zz:1, $IMAGE:latest"
    ok images --noheading --format '{{.RepoTags}}'
    equal "${lines[0]}" "[$IMAGE:latest localhost/zz:1 localhost/aa:1]"
}

@test "short names: by their end" {
    need entry:ep
    ok run --rm --network none entry:ep works
    ok image inspect --format '{{.RepoTags}}' t/entry:ep
    says "[$IMAGE]"
    ok image inspect --format '{{.RepoTags}}' "entry@$(digest_of entry:ep)"
    says "[$IMAGE]"
    fails 1 image exists entry
    fails 1 image exists ntry:ep
    fails 1 image exists docker.io/entry:ep
    ok create --name c entry:ep
    equal "$(mcpd inspect c | jq -r '.[0].ImageName')" "$IMAGE"
    ok rm c
    ok tag entry:ep localhost/other
    ok rmi entry:ep
    says "Untagged: $IMAGE"
}

@test "short names: localhost before docker.io before the rest" {
    need busybox nocmd
    ok tag "$REGISTRY/t/busybox" localhost/x
    ok tag "$REGISTRY/t/nocmd" docker.io/library/x
    ok rmi x
    says "Untagged: localhost/x:latest"
    ok rmi x
    says "Untagged: docker.io/library/x:latest"
    fails 1 rmi x
    ok tag "$REGISTRY/t/busybox" h.example/a/x
    ok rmi x
    says "Untagged: h.example/a/x:latest"
}

@test "short names: several images of that name are a clear line" {
    need busybox nocmd
    ok tag "$REGISTRY/t/busybox" g.example/x
    ok tag "$REGISTRY/t/nocmd" h.example/a/x
    fails 125 run --rm --network none x true
    error_has "Error: x: the short name fits several images ("
    error_has "g.example/x:latest"
    error_has "h.example/a/x:latest"
    fails 125 rmi x
    error_has "fits several images"
    ok image exists a/x
}

@test "rmi -a: also images with several names" {
    need busybox nocmd
    ok tag "$REGISTRY/t/busybox" localhost/x localhost/y
    ok rmi -a
    equal "$(grep -c ^Untagged: <<<"$output")" 4
    equal "$(grep -c ^Deleted: <<<"$output")" 2
}

@test "rmi -a: not what a container uses" {
    need busybox nocmd
    ok tag "$REGISTRY/t/busybox" localhost/x
    ok run --name c --network none localhost/x true
    fails 2 rmi -a
    error_has "in use by a container"
    ok images --noheading --format '{{.Repository}}'
    equal "$(sort <<<"$output")" "$(printf '%s\n' "$REGISTRY/t/busybox" localhost/x | sort)"
}

@test "images: filters in podman's words" {
    fails 125 images --filter foo=bar
    error_is 'Error: unsupported image filter "foo"'
    fails 125 images --filter foo
    error_is 'Error: invalid image filter "foo": must be in the format "filter=value or filter!=value"'
    fails 125 images --filter before=nosuch
    error_is 'Error: could not find local image for filter filter "before"="nosuch": nosuch: image not known'
}
