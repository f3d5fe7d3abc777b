#!/usr/bin/env bats
# `save`: archives that podman, skopeo and umoci read, and that are the same images again.
# bats file_tags=asan

load helper/common

# podman with a storage of its own, as root only: as a user it leaves a process behind.
podman_here() {
    podman --root "$T/podman" --runroot "$T/podman-run" --storage-driver vfs "$@"
}

has_podman() {
    [ "$MCPD_TEST_AS" = root ] || skip "as an ordinary user: podman leaves a process behind"
    command -v podman >/dev/null || skip "podman is not installed"
}

image_id() {
    mcpd image inspect --format '{{.Id}}' "$1"
}

# Everything below a folder but times: name, type, mode, owner, size of files, target.
describe_tree() {
    (cd "$1" && find . -mindepth 1 \( -type f -printf '%P %y %m %U:%G %n %s\n' \) -o \
        -printf '%P %y %m %U:%G %l\n' | LC_ALL=C sort)
}

# The tree of an image as mcpd shows it, unpacked into a folder.
unpack_image() {
    local id
    id=$(mcpd create --network none "$1" true)
    mkdir "$2"
    mcpd export "$id" | tar --numeric-owner --xattrs --xattrs-include='*' -C "$2" -xpf -
    mcpd rm "$id" >/dev/null
}

# The id that is in what podman saved.
saved_id() {
    local manifest
    case $1 in
    *docker-archive) tar -xOf "$1" manifest.json | jq -r '.[0].Config' | cut -d . -f 1 ;;
    *docker-dir) jq -r .config.digest "$1/manifest.json" | cut -d : -f 2 ;;
    *oci-dir)
        manifest=$(jq -r '.manifests[0].digest' "$1/index.json")
        jq -r .config.digest "$1/blobs/sha256/${manifest#sha256:}" | cut -d : -f 2
        ;;
    *)
        manifest=$(tar -xOf "$1" index.json | jq -r '.manifests[0].digest')
        tar -xOf "$1" "blobs/sha256/${manifest#sha256:}" | jq -r .config.digest | cut -d : -f 2
        ;;
    esac
}

# Plain, gzip and zstd layers; docker's and OCI's; one layer twice.
IMAGES_TO_SAVE="t/busybox:latest t/busybox:oci t/busybox:zstd t/busybox:plain t/layers:zstd t/entry:both"

@test "save and load again: four formats of six images, the ids stay" {
    local image format id
    for image in $IMAGES_TO_SAVE; do
        ok pull -q "$REGISTRY/$image"
        id=$output
        for format in docker-archive oci-archive docker-dir oci-dir; do
            rm -rf "$T/saved" "$T/other"
            ok save -q --format "$format" -o "$T/saved" "$REGISTRY/$image"
            run -0 --separate-stderr "$MCPD" --root "$T/other" --runroot "$T/run" load -q -i "$T/saved"
            run -0 "$MCPD" --root "$T/other" --runroot "$T/run" images -q --no-trunc
            says "sha256:$id"
            "$MCPD" --root "$T/other" --runroot "$T/run" rmi -fa >/dev/null
        done
    done
    remove_other
}

remove_other() {
    if [ "$MCPD_TEST_AS" = user ]; then
        unshare --map-root-user --map-auto -- rm -rf "$T/other"
    fi
    rm -rf "$T/other"
}

@test "save: the same image gives the same bytes" {
    local format
    need layers:zstd
    for format in docker-archive oci-archive; do
        ok save -q --format "$format" -o "$T/one.tar" "$IMAGE"
        mcpd save -q --format "$format" "$IMAGE" >"$T/two.tar"
        cmp "$T/one.tar" "$T/two.tar"
        rm "$T/one.tar" "$T/two.tar"
    done
}

@test "save: a docker-archive is what podman writes, member by member" {
    has_podman
    local name
    ok load -q -i "$IMAGES/docker-archive.tar"
    podman_here load -q -i "$IMAGES/docker-archive.tar"
    ok save -q -o "$T/ours.tar" localhost/loaded:docker localhost/second:name
    podman_here save -q -o "$T/theirs.tar" localhost/loaded:docker localhost/second:name
    equal "$(tar -tf "$T/ours.tar")" "$(tar -tf "$T/theirs.tar")"
    while read -r name; do
        cmp <(tar -xOf "$T/ours.tar" "$name") <(tar -xOf "$T/theirs.tar" "$name")
    done < <(tar -tf "$T/ours.tar")
}

@test "save: podman loads it, and the image is the same" {
    has_podman
    local format id
    ok pull -q "$REGISTRY/t/layers:zstd"
    id=$output
    ok tag "$REGISTRY/t/layers:zstd" localhost/saved:1
    for format in docker-archive oci-archive; do
        ok save -q --format "$format" -o "$T/saved.tar" localhost/saved:1
        run -0 --separate-stderr podman_here load -q -i "$T/saved.tar"
        says "Loaded image: localhost/saved:1"
        equal "$(podman_here image inspect --format '{{.Id}}' localhost/saved:1)" "$id"
        rm "$T/saved.tar"
        podman_here rmi -f localhost/saved:1
    done
}

@test "save by podman, load by mcpd: ids, configs and trees are the same" {
    has_podman
    local format id folder
    # Labels and a user: podman writes such a config anew when it converts to OCI.
    make_image image "$T/layout" x/multi:1 --layer "$IMAGES/busybox.tar" --layer "$IMAGES/third.tar" \
        --layer "$IMAGES/empty.tar" --config '{"Cmd":["sh"],"Labels":{"a":"b"},"User":"app"}'
    make_image archive "$T/layout" x/multi:1 docker "$T/multi.tar" localhost/multi:1
    podman_here load -q -i "$T/multi.tar"
    folder=$(podman_here image mount localhost/multi:1)
    describe_tree "$folder" >"$T/theirs"
    for format in docker-archive oci-archive oci-dir docker-dir; do
        podman_here save -q --format "$format" -o "$T/$format" localhost/multi:1
        ok load -q -i "$T/$format"
        [ "$format" = docker-dir ] || says "Loaded image: localhost/multi:1"
        id=$(saved_id "$T/$format")
        equal "$(image_id "$id")" "$id"
        equal "$(mcpd image inspect --format '{{json .Config}}' "$id" | jq -S .)" \
            "$(podman_here image inspect --format '{{json .Config}}' localhost/multi:1 | jq -S .)"
        unpack_image "$id" "$T/tree"
        describe_tree "$T/tree" >"$T/ours"
        diff "$T/theirs" "$T/ours"
        rm -r "$T/tree"
        ok rmi -f "$id"
    done
    podman_here image umount -a
}

@test "save several images by podman, load by mcpd, and the other way" {
    has_podman
    podman_here load -q -i "$IMAGES/docker-archive.tar"
    make_image image "$T/layout" x/two:1 --layer "$IMAGES/busybox.tar" --layer "$IMAGES/third.tar"
    make_image archive "$T/layout" x/two:1 docker "$T/two.tar" localhost/two:1
    podman_here load -q -i "$T/two.tar"
    podman_here save -q -m -o "$T/both.tar" localhost/loaded:docker localhost/two:1
    ok load -q -i "$T/both.tar"
    says "Loaded image: localhost/loaded:docker
Loaded image: localhost/two:1"
    ok save -q -m -o "$T/again.tar" localhost/loaded:docker localhost/two:1
    equal "$(tar -tf "$T/again.tar")" "$(tar -tf "$T/both.tar")"
    podman_here rmi -f -a
    run -0 --separate-stderr podman_here load -q -i "$T/again.tar"
    says "Loaded image: localhost/loaded:docker
Loaded image: localhost/two:1"
}

@test "save: skopeo copies it from every format" {
    local format id
    ok pull -q "$REGISTRY/t/layers:zstd"
    id=$output
    ok tag "$REGISTRY/t/layers:zstd" localhost/saved:1
    for format in docker-archive oci-archive docker-dir oci-dir; do
        ok save -q --format "$format" -o "$T/$format" localhost/saved:1
    done
    skopeo copy -q --insecure-policy "docker-archive:$T/docker-archive" "dir:$T/a"
    skopeo copy -q --insecure-policy "oci-archive:$T/oci-archive:localhost/saved:1" "dir:$T/b"
    skopeo copy -q --insecure-policy "dir:$T/docker-dir" "dir:$T/c"
    skopeo copy -q --insecure-policy "oci:$T/oci-dir:localhost/saved:1" "dir:$T/d"
    for format in a b c d; do
        equal "$(jq -r .config.digest "$T/$format/manifest.json")" "sha256:$id"
    done
}

@test "save: umoci unpacks an oci-dir to the same tree" {
    root_only "umoci as a user keeps no owners"
    need layers:zstd
    ok tag "$IMAGE" localhost/saved:1
    ok save -q --format oci-dir -o "$T/layout" localhost/saved:1
    # umoci knows no zstd.
    jq -e '.manifests[0]' "$T/layout/index.json" >/dev/null
    skopeo copy -q --insecure-policy --dest-compress-format gzip --dest-compress \
        "oci:$T/layout:localhost/saved:1" "oci:$T/gzip:saved"
    umoci unpack --image "$T/gzip:saved" "$T/bundle"
    unpack_image localhost/saved:1 "$T/tree"
    diff <(describe_tree "$T/bundle/rootfs") <(describe_tree "$T/tree")
}

@test "save: an image that was pulled keeps its manifest in an oci-archive" {
    need busybox:oci
    ok image inspect --format '{{.Digest}}' "$IMAGE"
    local digest=$output
    ok save -q --format oci-archive -o "$T/saved.tar" "$IMAGE"
    equal "$(tar -xOf "$T/saved.tar" index.json | jq -r '.manifests[0].digest')" "$digest"
}

@test "save: several images share their layers" {
    need entry:both entry:ep nocmd
    ok save -q -m -o "$T/saved.tar" "$REGISTRY/t/entry:both" "$REGISTRY/t/entry:ep" "$REGISTRY/t/nocmd"
    equal "$(tar -tf "$T/saved.tar" | grep -c '^[0-9a-f]*\.tar$')" 1
    equal "$(tar -xOf "$T/saved.tar" manifest.json | jq length)" 3
    rm "$T/saved.tar"
    ok save -q -m --format oci-archive -o "$T/saved.tar" "$REGISTRY/t/entry:both" "$REGISTRY/t/entry:ep"
    equal "$(tar -tvf "$T/saved.tar" | awk '$3 > 500000' | wc -l)" 1
    skopeo inspect "oci-archive:$T/saved.tar:$REGISTRY/t/entry:ep" | jq -e '.Env' >/dev/null
}

@test "save: as docker every argument is an image" {
    need nocmd busybox
    ln -s "$MCPD" "$T/docker"
    "$T/docker" --root "$T/root" --runroot "$T/run" save "$REGISTRY/t/nocmd" "$REGISTRY/t/busybox" \
        >"$T/saved.tar"
    equal "$(tar -xOf "$T/saved.tar" manifest.json | jq length)" 2
}

@test "save: what podman says when it goes wrong" {
    need busybox
    fails 125 save
    error_is "Error: need at least 1 argument"
    fails 125 save -o "$T/x.tar" nosuch
    error_is "Error: nosuch: image not known"
    fails 125 save -o "$T/a:b" "$IMAGE"
    error_is "Error: invalid filename (should not contain ':') \"$T/a:b\""
    fails 125 save --format zip -o "$T/x" "$IMAGE"
    error_is "Error: format value must be one of oci-dir oci-archive docker-dir docker-archive"
    fails 125 save --compress -o "$T/x" "$IMAGE"
    error_is "Error: --compress can only be set when --format is 'docker-dir'"
    fails 125 save -o "$T/no/where" "$IMAGE"
    error_is "Error: opening file \"$T/no/where\": open $T/no/where: no such file or directory"
    ok save -q -o "$T/x.tar" "$IMAGE"
    fails 125 save -q -o "$T/x.tar" "$IMAGE"
    error_is "Error: docker-archive doesn't support modifying existing images"
    mkdir "$T/precious"
    touch "$T/precious/file"
    fails 125 save --format docker-dir -o "$T/precious" "$IMAGE"
    error_is "Error: not a containers image directory, don't want to overwrite important data"
    run -125 pty -- "${MCPD_CMD[@]}" save "$IMAGE"
    has "refusing to save to terminal. Use -o flag or redirect"
}

@test "save: progress says what podman says" {
    need busybox
    ok save -o "$T/x.tar" "$IMAGE"
    says ""
    [ "$stderr" = "$(grep -o 'Copying blob sha256:[0-9a-f]*' <<<"$stderr")
$(grep -o 'Copying config sha256:[0-9a-f]*' <<<"$stderr")
Writing manifest to image destination
Storing signatures" ] || explain "not podman's lines"
}

@test "save: a full disk, and a reader that goes away, leave nothing" {
    need busybox
    fails 125 save -q -o /dev/full "$IMAGE"
    error_has "No space left on device"
    run bash -c "'$MCPD' --root '$T/root' --runroot '$T/run' save '$IMAGE' 2>/dev/null | head -c 1000 | wc -c"
    says 1000
    equal "$(find "$T/root/tmp" -mindepth 1 | wc -l)" 0
}

@test "save: killed at any moment, no half file is left" {
    need layers:zstd
    local round
    for round in 1 2 3 4 5 6 7 8; do
        setsid "${MCPD_CMD[@]}" save -q -o "$T/out/saved.tar" "$IMAGE" 3>&- &
        mkdir -p "$T/out"
        sleep "0.0$((round * 5))"
        kill -9 $! 2>/dev/null || true
        wait $! || true
        if [ -e "$T/out/saved.tar" ]; then
            ok load -q -i "$T/out/saved.tar"
        fi
        rm -f "$T/out/saved.tar"
        equal "$(ls -A "$T/out")" ""
    done
}

# The blob is gone (as after a trim), the layer is there unpacked only, and no registry is known to
# have it.
@test "save: a layer whose blob is gone is named, and nothing is written" {
    need busybox
    ok save -q --format oci-archive -o "$T/in.tar" "$IMAGE"
    ok rmi "$IMAGE"
    ok load -q -i "$T/in.tar"
    local blob
    blob=$(find "$T/root/images/blobs/sha256" -size +100k)
    rm "$blob"
    fails 125 save -q -o "$T/x.tar" "$IMAGE"
    error_has "is in the store only unpacked"
    [ ! -e "$T/x.tar" ]
}

@test "save: a layer that another image has in another form is as good" {
    local format
    # The layer is there when the second one is pulled: its gzip blob never comes.
    need busybox:plain busybox:latest
    for format in docker-archive oci-archive docker-dir oci-dir; do
        ok save -q --format "$format" -o "$T/$format" "$REGISTRY/t/busybox:latest"
        ok load -q -i "$T/$format"
    done
}

@test "save: a damaged blob is found" {
    need busybox
    local blob
    blob=$(find "$T/root/images/blobs/sha256" -size +100k)
    printf 'X' | dd of="$blob" bs=1 seek=500000 conv=notrunc status=none
    for format in docker-archive oci-archive; do
        fails 125 save -q --format "$format" -o "$T/x.tar" "$IMAGE"
        [ ! -e "$T/x.tar" ]
    done
}

@test "image save, image load" {
    need busybox
    ok image save -q -o "$T/x.tar" "$IMAGE"
    ok image load -q -i "$T/x.tar"
    says "Loaded image: $IMAGE:latest"
}
