#!/usr/bin/env bats
# Additional read-only stores: images that lie beside our own, and are never written to.

load helper/common

# The store in $STORE, with these images of the registry; MCPD_CMD keeps using the test's own root.
make_store() {
    STORE=$T/media/factory
    local name
    for name in "$@"; do
        "$MCPD" --root "$STORE" --runroot "$T/run-factory" pull -q "$REGISTRY/t/$name" >/dev/null
        IMAGE=$REGISTRY/t/$name
    done
}

use_store() {
    printf '[store]\nadditional = ["%s"]\n' "${1:-$STORE}" >"$MCPD_CONF"
}

# Every file of it, with all that a write would change.
fingerprint() {
    find "$1" -printf '%P %y %m %U:%G %s %T@ %C@ %l\n' 2>/dev/null | sort | sha256sum
    find "$1" -type f -exec cat {} + 2>/dev/null | sha256sum
}

unchanged() {
    equal "$(fingerprint "$STORE")" "$BEFORE"
}

@test "stores: an image there is listed, inspected, run, and looked through, and nothing is written" {
    make_store busybox
    use_store
    BEFORE=$(fingerprint "$STORE")
    ok images --format '{{.Repository}}:{{.Tag}} {{.ReadOnly}}'
    says "$IMAGE:latest true"
    ok images
    [[ "${lines[0]}" =~ "SIZE"\ +"R/O"$ ]]
    [[ "${lines[1]}" =~ \ true$ ]]
    ok images --format json
    equal "$(jq -c '.[0].ReadOnly' <<<"$output")" true
    ok images -q --filter readonly=false
    says ""
    ok images -q --filter readonly=true
    is_id "${output}0000000000000000000000000000000000000000000000000000"
    ok image exists "$IMAGE"
    ok run --rm --network none "$IMAGE" sh -c 'echo from the factory; touch /new; rm /bin/ls'
    says "from the factory"
    ok history -q "$IMAGE"
    ok inspect --format '{{.GraphDriver.Data.UpperDir}}' "$IMAGE"
    [[ "$output" == "$STORE"/layers/*/fs ]]
    ok image inspect --format '{{.RepoTags}}' "$IMAGE"
    says "[$IMAGE:latest]"
    ok save -o "$T/saved.tar" "$IMAGE"
    ok verify "$IMAGE"
    ok verify
    has "$IMAGE:latest"
    ok info --format '{{index .Store.GraphOptions "overlay.imagestore"}} {{.Store.ImageStore.Number}}'
    says "$STORE 1"
    [ -z "$(find "$T/root/layers" "$T/root/images" -type f ! -name '.*')" ]
    unchanged
}

@test "stores: without one nothing is said of it" {
    need busybox
    ok images
    hasnt R/O
    ok images --format json
    hasnt ReadOnly
    ok images --format '{{.ReadOnly}}'
    says false
    ok info --format json
    hasnt additionalStores
    hasnt imagestore
}

@test "stores: --additional-store adds to those of the file; relative, twice, our own root" {
    make_store busybox
    mkdir "$T/empty"
    "$MCPD" --root "$T/second" --runroot "$T/run-second" pull -q "$REGISTRY/t/nocmd" >/dev/null
    use_store
    ok --additional-store second --additional-store "$T/second" --additional-store "$T/root" \
        images --format '{{.Repository}}' --sort repository
    says "$(printf '%s\n' "$REGISTRY/t/busybox" "$REGISTRY/t/nocmd")"
    equal "$stderr" ""
    # Among a command's own options as well, and for the other half of the program.
    ok images --additional-store "$T/second" -q
    equal "${#lines[@]}" 2
    ok --additional-store=second save -o "$T/x.tar" "$REGISTRY/t/nocmd"
    ok run --rm --network none --additional-store second "$REGISTRY/t/busybox" true
}

@test "stores: a container finds its layers without being told of the store again" {
    make_store busybox
    ok --additional-store "$STORE" create --name c --network none "$IMAGE" sh -c 'cat /count; echo x >>/count'
    ok start -a c
    ok start -a c
    says x
    ok inspect --format '{{.ImageName}} {{.State.ExitCode}}' c
    says "$IMAGE:latest 0"
    ok export -o "$T/c.tar" c
    equal "$(tar -xOf "$T/c.tar" count)" "$(printf 'x\nx')"
    # And says so when it is gone; the rest goes on.
    mv "$T/media" "$T/away"
    fails 125 start -a c
    error_has "is missing: the additional store '$STORE' that had it is not there"
    ok ps -a --format '{{.Names}}'
    says c
    mv "$T/away" "$T/media"
    ok start -a c
    ok rm c
}

@test "stores: an image of ours wins, and is ours to remove" {
    make_store busybox nocmd
    use_store
    # The same name for another image.
    ok tag "$REGISTRY/t/nocmd" "$REGISTRY/t/busybox"
    ok images --format '{{.Repository}} {{.ReadOnly}}' --sort repository
    equal "$(sort <<<"$output")" "$(printf '%s\n' "$REGISTRY/t/busybox false" "$REGISTRY/t/nocmd true" "<none> true" | sort)"
    equal "$(mcpd image inspect --format '{{.Id}}' "$REGISTRY/t/busybox")" \
        "$(mcpd image inspect --format '{{.Id}}' "$REGISTRY/t/nocmd")"
    ok rmi "$REGISTRY/t/busybox"
    has "Untagged: $REGISTRY/t/busybox:latest"
    ok images --format '{{.Repository}} {{.ReadOnly}}' --sort repository
    says "$(printf '%s\n' "$REGISTRY/t/busybox true" "$REGISTRY/t/nocmd true")"
}

@test "stores: removing, untagging and pruning leave them alone" {
    make_store busybox
    use_store
    BEFORE=$(fingerprint "$STORE")
    local id
    id=$(mcpd image inspect --format '{{.Id}}' "$IMAGE")
    fails 125 rmi "$IMAGE"
    error_is "Error: cannot remove read-only image \"$id\""
    fails 125 rmi -f "${id:0:12}"
    error_is "Error: cannot remove read-only image \"$id\""
    fails 125 untag "$IMAGE"
    error_is "Error: cannot untag read-only image \"$id\""
    ok rmi --all --force
    says ""
    ok image prune --all --force
    says ""
    ok run --rm --network none "$IMAGE" true
    unchanged
}

@test "stores: a name of ours for an image there" {
    make_store busybox
    use_store
    BEFORE=$(fingerprint "$STORE")
    ok tag "$IMAGE" localhost/mine:1
    ok images --format '{{.Repository}}:{{.Tag}} {{.ReadOnly}}' --sort repository
    says "$(printf '%s\n' "$IMAGE:latest true" "localhost/mine:1 false")"
    ok run --rm --network none localhost/mine:1 echo mine
    says mine
    # Its manifest and its config are ours now: without the store it is known what it was.
    mv "$T/media" "$T/away"
    ok images --format '{{.Repository}}:{{.Tag}}'
    says localhost/mine:1
    fails 125 run --rm --network none localhost/mine:1 true
    error_has "is missing"
    ok image prune --force # collects
    mv "$T/away" "$T/media"
    ok run --rm --network none localhost/mine:1 true
    ok rmi localhost/mine:1
    has "Untagged: localhost/mine:1"
    ok images --format '{{.Repository}}'
    says "$IMAGE"
    unchanged
}

@test "stores: a pull takes from there what is there" {
    make_store busybox
    use_store
    local layers
    ok pull "$IMAGE"
    [ -z "$(find "$T/root/layers" -mindepth 1)" ]
    ok images --format '{{.Repository}} {{.ReadOnly}}'
    says "$IMAGE false"
    ok run --rm --network none "$IMAGE" echo shared
    says shared
    ok verify "$IMAGE"
    # A further layer comes; those below stay where they are.
    layers=$(mcpd image inspect --format '{{len .RootFS.Layers}}' "$IMAGE")
    ok rmi "$IMAGE"
    ok pull -q "$REGISTRY/t/nocmd"
    equal "$layers" 1
}

@test "stores: damage in ours is mended from a registry, damage there is named" {
    make_store busybox
    use_store
    ok pull -q "$IMAGE"
    local layer
    layer=$(basename "$STORE"/layers/*)
    if [ "$MCPD_TEST_AS" = user ]; then
        unshare --map-root-user --map-auto -- sh -c 'echo broken >"$1"' sh "$STORE/layers/$layer/fs/etc/passwd"
    else
        echo broken >"$STORE/layers/$layer/fs/etc/passwd"
    fi
    fails 1 verify "$IMAGE"
    ok verify --repair "$IMAGE"
    [ -d "$T/root/layers/$layer/fs" ]
    ok run --rm --network none "$IMAGE" cat /etc/passwd
    [ "${#lines[@]}" -gt 3 ]
    ok rmi "$IMAGE"
    fails 1 verify --repair "$IMAGE"
    [[ "$output$stderr" == *"not repaired: it lies in the read-only store '$STORE'"* ]]
}

@test "stores: gone, damaged, or not to be trusted: one warning, and the rest goes on" {
    make_store busybox
    need nocmd
    use_store "$T/nowhere"
    ok images --format '{{.Repository}}'
    says "$REGISTRY/t/nocmd"
    [[ "$stderr" == *"additional store left out: open "*"$T/nowhere"* ]]
    equal "$(wc -l <<<"$stderr")" 1
    # Who does not look for images hears nothing; who pulls hears it once.
    ok ps
    equal "$stderr" ""
    ok run --rm --network none "$REGISTRY/t/nocmd" true
    equal "$stderr" ""
    ok run --rm --network none "$REGISTRY/t/busybox" true
    equal "$(grep -c 'additional store' <<<"$stderr")" 1
    ok rmi "$REGISTRY/t/busybox"
    ok info --format '{{range .Store.additionalStores}}{{.problem}}{{end}}'
    has nowhere
    mkdir "$T/other"
    use_store "$T/other"
    ok images -q
    [[ "$stderr" == *"open folder '$T/other/layers': No such file"* ]]
    use_store
    chmod 777 "$STORE"
    ok images -q
    [[ "$stderr" == *"'$STORE' can be written to by everybody"* ]]
    chmod 700 "$STORE"
    # One image of several is damaged.
    "$MCPD" --root "$STORE" --runroot "$T/run-factory" pull -q "$REGISTRY/t/nolayers" >/dev/null 2>&1 || true
    for name in "$STORE"/images/tags/*busybox*; do echo '{"manifest": 7}' >"$name"; done
    ok images -q
    [[ "$stderr" == *busybox* ]]
    ok run --rm --network none "$REGISTRY/t/nocmd" true
}

@test "stores: of another user" {
    root_only "gives folders away"
    make_store busybox
    use_store
    chown 12345 "$STORE"
    ok images -q
    says ""
    [[ "$stderr" == *"'$STORE' belongs to user 12345, not to 0"* ]]
}

@test "stores: made by root, for an ordinary user" {
    user_only "root has what root has made"
    use_store /usr
    ok images -q
    says ""
    [[ "$stderr" == *"'/usr' was made by root: in an ordinary user's containers all of its files would be nobody's; use one that this user has made"* ]]
}

# --- file systems that cannot be written to ----------------------------------------

# In a mount namespace where all but our state is read-only.
in_read_only_world() {
    local script='
        set -e
        mount --make-rprivate /
        mount --bind "$STORE" "$STORE"
        mount -o remount,bind,ro "$STORE"
        mkdir -p "$T/state"
        mount -t tmpfs none "$T/state"
        mount -o remount,bind,ro /
        if touch /etc/written 2>/dev/null; then exit 99; fi
        exec "$@"'
    unshare --mount -- bash -c "$script" bash "$@"
}

@test "stores: / and the store are read-only, the state is on tmpfs" {
    root_only "mounts"
    make_store busybox
    use_store
    export STORE
    run --separate-stderr -- in_read_only_world "$MCPD" --root "$T/state/root" --runroot "$T/state/run" \
        run --rm --network none "$IMAGE" sh -c 'echo x >/y; cat /y'
    [ "$status" = 0 ] || explain "status $status"
    says x
    run --separate-stderr -- in_read_only_world bash -c '
        set -e
        m() { "$MCPD" --root "$T/state/root" --runroot "$T/state/run" "$@"; }
        m run -d --name c --network none "$1" sleep 100 >/dev/null
        m exec c sh -c "echo inside >/z"
        m exec c cat /z
        m tag "$1" mine
        m rm -f -t 0 c >/dev/null' bash "$IMAGE"
    [ "$status" = 0 ] || explain "status $status"
    says inside
}

# on_image TYPE: the store becomes an image of that file system, mounted read-only.
on_image() {
    local image=$T/store.$1 place=$T/mounted
    mkdir "$place"
    case $1 in
    squashfs) mksquashfs "$STORE" "$image" -quiet -no-progress >/dev/null ;;
    erofs) mkfs.erofs --quiet "$image" "$STORE" >/dev/null 2>&1 || mkfs.erofs "$image" "$STORE" >/dev/null ;;
    ext4) truncate -s 64M "$image" && mkfs.ext4 -q -O ^has_journal -d "$STORE" "$image" ;;
    esac
    mount -t "$1" -o ro,loop "$image" "$place"
    rm -rf "$STORE"
    STORE=$place
}

runs_from_image() {
    root_only "mounts images"
    make_store busybox
    on_image "$1"
    use_store
    ok images --format '{{.Repository}} {{.ReadOnly}}'
    says "$IMAGE true"
    ok verify
    ok run --rm --network none "$IMAGE" sh -c 'echo x >>/etc/passwd; rm -r /bin/ls; ls -l /bin/busybox >/dev/null 2>&1 || true; tail -n 1 /etc/passwd'
    says x
    ok tag "$IMAGE" mine
    ok rmi mine
    eventually umount "$STORE"
}

@test "stores: on squashfs" {
    command -v mksquashfs >/dev/null || skip "no mksquashfs"
    runs_from_image squashfs
}

@test "stores: on erofs" {
    command -v mkfs.erofs >/dev/null || skip "no mkfs.erofs"
    runs_from_image erofs
}

@test "stores: on ext4, mounted read-only" {
    runs_from_image ext4
}
