#!/usr/bin/env bats
# Containers without overlay: their root is a copy of the layers.

load helper/common

use_copies() {
    printf '[store]\ndriver = "copy"\n' >"$MCPD_CONF"
}

use_overlay() {
    printf '[store]\ndriver = "overlay"\n' >"$MCPD_CONF"
}

is_copy() {
    ok inspect --format '{{.GraphDriver.Name}} {{.Driver}}' "$1"
    says "vfs vfs"
}

# The tree of a container as text: what tar says of everything, and the contents.
tree_of() {
    mcpd export "$1" >"$T/$1.tar"
    # But for what a start makes in every container.
    tar --numeric-owner --xattrs --xattrs-include='*' -tvvf "$T/$1.tar" |
        grep -v -E ' ((dev|proc|sys|run)(/.*)?|etc/|etc/(hosts|hostname|resolv.conf|mtab))( |$)' | sort -k6
    tar --xattrs --xattrs-include='*' -xOf "$T/$1.tar" | sha256sum
}

# same_tree IMAGE: whatever made the root.
same_tree() {
    use_overlay
    ok create --name on-overlay --network none "$1" true
    ok start on-overlay
    use_copies
    ok create --name on-copy --network none "$1" true
    ok start on-copy
    eventually state_is on-overlay exited
    eventually state_is on-copy exited
    is_copy on-copy
    tree_of on-overlay >"$T/expected"
    tree_of on-copy >"$T/got"
    diff "$T/expected" "$T/got"
    ok rm on-copy on-overlay
}

@test "copy: a container's life" {
    need busybox
    use_copies
    ok info --format '{{.Store.GraphDriverName}}'
    says vfs
    ok run -d --name c --network none "$IMAGE" sh -c 'echo written >>/etc/passwd; sleep 1000'
    is_copy c
    ok exec c sh -c 'echo more >/new; rm /bin/ls; tail -n 1 /etc/passwd'
    says written
    ok stop -t 0 c
    ok start c
    ok exec c cat /new
    says more
    fails 127 exec c ls
    ok export -o "$T/c.tar" c
    equal "$(tar -xOf "$T/c.tar" new)" more
    # The layers are as they were, and another container sees nothing of it.
    ok verify
    ok run --rm --network none "$IMAGE" sh -c 'ls /new /bin/ls 2>/dev/null; true'
    says /bin/ls
    ok rm -f -t 0 c
    [ -z "$(ls -A "$T/root/containers")" ]
}

@test "copy: --rm, --read-only, tmpfs and volumes on it" {
    need busybox
    use_copies
    ok run --rm --network none "$IMAGE" sh -c 'echo x >/y; cat /y'
    says x
    [ -z "$(ls -A "$T/root/containers")" ]
    fails 1 run --rm --read-only --network none "$IMAGE" sh -c 'echo x >/y'
    mkdir "$T/data"
    ok run --rm --network none -v "$T/data:/data" --tmpfs /etc "$IMAGE" sh -c 'echo out >/data/o; cat /etc/passwd'
    has root
    equal "$(cat "$T/data/o")" out
    # Devices of the image stay without effect.
    ok run --rm --network none "$IMAGE" sh -c "grep ' / / ' /proc/self/mountinfo; awk '\$5 == \"/\" {print \$6}' /proc/self/mountinfo"
    has nodev
}

# layer FILE <ENTRIES; "type name key=value.." a line would be shorter, but JSON says it all.
layer() {
    make_image layer "$T/$1.tar"
}

# load_layers NAME FILE...: an image of these layers.
load_layers() {
    local name=$1 options=()
    shift
    for file in "$@"; do options+=(--layer "$T/$file.tar"); done
    make_image image "$T/layout" "x/$name:1" --config '{"Env": ["PATH=/bin"]}' "${options[@]}"
    make_image archive "$T/layout" "x/$name:1" docker "$T/archive.tar" "localhost/$name:latest"
    ok load -q -i "$T/archive.tar"
}

@test "copy: whiteouts, opaque folders, links, owners, modes, capabilities as overlay shows them" {
    need busybox
    same_tree "$IMAGE"
    truncate -s 3M "$T/sparse"
    printf end | dd of="$T/sparse" bs=1M seek=1 conv=notrunc status=none
    layer 1 <<'ENTRIES'
{"name": "bin", "type": "dir", "mode": "0755"}
{"name": "bin/true", "type": "file", "copy": "/bin/busybox", "mode": "0755"}
{"name": "bin/sh", "type": "symlink", "target": "true"}
{"name": "a", "type": "dir", "mode": "0711", "uid": 7, "gid": 8}
{"name": "a/1", "type": "file", "data": "one"}
{"name": "a/2", "type": "file", "data": "two"}
{"name": "a/sub", "type": "dir", "mode": "0755"}
{"name": "a/sub/deep", "type": "file", "data": "deep"}
{"name": "b", "type": "dir", "mode": "0755"}
{"name": "b/x", "type": "file", "data": "x"}
{"name": "c", "type": "dir", "mode": "0755"}
{"name": "c/gone", "type": "file", "data": "gone"}
{"name": "file", "type": "file", "data": "was a file"}
{"name": "folder", "type": "dir", "mode": "0755"}
{"name": "folder/f", "type": "file", "data": "f"}
{"name": "fifo", "type": "fifo", "mode": "0620", "uid": 4}
{"name": "empty", "type": "dir", "mode": "1777"}
{"name": "h1", "type": "file", "data": "linked", "mode": "0600", "uid": 5}
{"name": "z", "type": "dir", "mode": "0755"}
{"name": "z/h2", "type": "hardlink", "target": "h1"}
{"name": "h3", "type": "hardlink", "target": "h1"}
{"name": "setuid", "type": "file", "data": "s", "mode": "6755", "uid": 9, "gid": 10}
{"name": "with", "type": "file", "data": "w", "mode": "0755", "xattrs": {"user.mark": "value"}}
ENTRIES
    printf '{"name": "sparse", "type": "file", "copy": "%s"}\n' "$T/sparse" | layer 2
    layer 3 <<'ENTRIES'
{"name": "a/.wh.1", "type": "file", "data": ""}
{"name": "a/2", "type": "file", "data": "zwei", "uid": 3}
{"name": "a/3", "type": "symlink", "target": "2"}
{"name": "b/.wh..wh..opq", "type": "file", "data": ""}
{"name": "b/y", "type": "file", "data": "y"}
{"name": ".wh.c", "type": "file", "data": ""}
{"name": "file", "type": "dir", "mode": "0700"}
{"name": "file/in", "type": "file", "data": "in"}
{"name": "folder", "type": "file", "data": "is a file"}
{"name": ".wh.h1", "type": "file", "data": ""}
ENTRIES
    layer 4 <<'ENTRIES'
{"name": "c", "type": "dir", "mode": "0750"}
{"name": "c/new", "type": "file", "data": "new"}
{"name": "a", "type": "dir", "mode": "0755", "uid": 1, "gid": 2}
{"name": "a/sub/.wh.deep", "type": "file", "data": ""}
{"name": ".wh.folder", "type": "file", "data": ""}
{"name": "h5", "type": "file", "data": "5"}
{"name": "h4", "type": "hardlink", "target": "h5"}
{"name": "b/z", "type": "dir", "mode": "0755"}
{"name": "b/z/.wh.nothing", "type": "file", "data": ""}
ENTRIES
    layer 5 <<'ENTRIES'
{"name": "a/1", "type": "file", "data": "again"}
{"name": "b/x", "type": "file", "data": "back"}
{"name": "folder", "type": "dir", "mode": "0755"}
{"name": "folder/g", "type": "file", "data": "g"}
ENTRIES
    load_layers layers 1 2 3 4 5
    same_tree localhost/layers
    # What was compared is what was meant.
    local path
    for path in a/1 a/2 a/3 a/sub b/x b/y c/new file/in folder/g z/h2 h3 h4 h5 fifo with sparse; do
        grep -q -E " $path/?( |$)" "$T/got" || explain "no $path"
    done
    run -1 grep -E ' (c/gone|h1|a/sub/deep|folder/f)( |$)' "$T/got"
    grep -q -E '^prw--w----.* 4/0 .* fifo' "$T/got"
    grep -q -E '^-rwsr-sr-x.* 9/10 .* setuid' "$T/got"
}

@test "copy: of overlay's kind it stays; one that ran on a copy goes on with it" {
    need busybox
    ok run -d --name first --network none "$IMAGE" sh -c 'echo 1 >>/count; cat /count >&2; sleep 1000'
    use_copies
    ok stop -t 0 first
    ok start first
    ok inspect --format '{{.GraphDriver.Name}}' first
    says overlay
    ok run -d --name second --network none "$IMAGE" sh -c 'echo 1 >>/count; sleep 1000'
    rm "$MCPD_CONF"
    ok stop -t 0 second
    ok start second
    is_copy second
    eventually test "$(mcpd exec second wc -l /count)" = "2 /count"
    ok rm -f -t 0 first second
}

@test "copy: a start that was killed leaves nothing that counts" {
    need busybox
    use_copies
    ok create --name c --network none "$IMAGE" cat /etc/passwd
    local folder
    folder=$(echo "$T"/root/containers/*)
    mkdir -p "$folder/copy-123/bin"
    ok start -a c
    [ ! -e "$folder/copy-123" ]
    ok rm c
}

@test "copy: of 120 layers" {
    use_copies
    local i files=()
    for ((i = 0; i < 120; i++)); do
        {
            [ "$i" != 0 ] || echo '{"name": "bin/cat", "type": "file", "copy": "/bin/busybox", "mode": "0755"}'
            printf '{"name": "top", "type": "file", "data": "%s"}\n' "$i"
            printf '{"name": "d/%s", "type": "file", "data": "x"}\n' "$i"
            [ $((i % 2)) = 0 ] || printf '{"name": "d/.wh.%s", "type": "file", "data": ""}\n' $((i - 1))
        } | layer "many-$i"
        files+=("many-$i")
    done
    load_layers many "${files[@]}"
    ok create --name c --network none localhost/many cat /top
    ok start -a c
    says 119
    ok export -o "$T/c.tar" c
    equal "$(tar -tf "$T/c.tar" | grep -c '^d/.')" 60
    ok rm c
}

# --- where overlay says no ------------------------------------------------------------

# on_overlay: the test's root lies on an overlay.
on_overlay() {
    mkdir -p "$T/lower" "$T/upper-disk" "$T/merged"
    mount -t tmpfs none "$T/upper-disk"
    mkdir "$T/upper-disk/u" "$T/upper-disk/w"
    mount -t overlay none -o "lowerdir=$T/lower,upperdir=$T/upper-disk/u,workdir=$T/upper-disk/w" "$T/merged"
    MCPD_CMD=("$MCPD" --root "$T/merged/root" --runroot "$T/run")
}

@test "copy: --root on an overlay, nobody asked for it" {
    root_only "mounts"
    on_overlay
    need busybox
    ok info --format '{{.Store.GraphDriverName}}'
    says vfs
    ok run --rm --network none "$IMAGE" sh -c 'echo x >/y; cat /y'
    says x
    equal "$stderr" ""
    ok create --name c --network none "$IMAGE" true
    ok export -o "$T/c.tar" c
    tar -tf "$T/c.tar" | grep -q bin/busybox
    ok start -a c
    is_copy c
    ok rm c
    # An overlay cannot hold what overlay's own layers are made of.
    printf '{"name": ".wh.bin", "type": "file", "data": ""}\n' | layer hiding
    make_image image "$T/layout" x/hiding:1 --layer "$T/hiding.tar"
    make_image archive "$T/layout" x/hiding:1 docker "$T/archive.tar" localhost/hiding:latest
    fails 125 load -q -i "$T/archive.tar"
    error_has "(--root names a folder that is not on an overlay): create a whiteout for"
    use_overlay
    fails 125 run --rm --network none "$IMAGE" true
    error_has "the store is on an overlay itself"
    eventually umount "$T/merged"
    umount "$T/upper-disk"
}

@test "copy: on a tmpfs without exec and set-id" {
    root_only "mounts"
    mkdir "$T/disk"
    mount -t tmpfs -o noexec,nosuid none "$T/disk"
    MCPD_CMD=("$MCPD" --root "$T/disk/root" --runroot "$T/run")
    need busybox
    use_copies
    ok run --rm --network none "$IMAGE" echo runs
    says runs
    eventually umount "$T/disk"
}

# traced INJECTION COMMAND...: with failures of system calls; leaks cannot be looked for then.
traced() {
    local injection=$1
    shift
    run --separate-stderr -- env "ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0" \
        strace -f -o "$T/trace" -e "inject=$injection" "${MCPD_CMD[@]}" "$@"
}

# Linux 5.2 and later have mounts by descriptor; a start must not need them.
@test "copy: on a kernel without mounts by descriptor" {
    root_only "traces"
    need busybox
    use_copies
    traced open_tree,mount_setattr,fsopen,fsmount,move_mount:error=ENOSYS \
        run --rm --network none "$IMAGE" sh -c 'echo x >/y; cat /y; exit 3'
    [ "$status" = 3 ] || explain "status $status"
    says x
    grep -q INJECTED "$T/trace"
}

# used_kb FOLDER
used_kb() {
    sync -f "$1"
    df --output=used -k "$1" | tail -n 1
}

@test "copy: shares its blocks where the file system can" {
    root_only "mounts"
    command -v mkfs.xfs >/dev/null || skip "no mkfs.xfs"
    grep -qw xfs /proc/filesystems || skip "a kernel without xfs"
    truncate -s 512M "$T/disk.img"
    mkfs.xfs -q -m reflink=1 "$T/disk.img"
    mkdir "$T/disk"
    mount -o loop "$T/disk.img" "$T/disk"
    MCPD_CMD=("$MCPD" --root "$T/disk/root" --runroot "$T/run")
    head -c 48M /dev/urandom >"$T/random"
    printf '{"name": "%s", "type": "file", "copy": "%s", "mode": "0755"}\n' bin/true /bin/busybox big "$T/random" |
        layer big
    load_layers tree big
    use_copies
    ok create --name c --network none localhost/tree /bin/true
    local before
    before=$(used_kb "$T/disk")
    ok start -a c
    is_copy c
    [ $(($(used_kb "$T/disk") - before)) -lt 8192 ] || explain "it took $(($(used_kb "$T/disk") - before)) kB"
    ok verify
    ok rm c
    eventually umount "$T/disk"
}

# As FAT answers.
@test "copy: a file system that cannot hold it says so" {
    root_only "traces"
    need busybox
    use_copies
    ok create --name c --network none "$IMAGE" true
    traced symlinkat:error=EPERM start -a c
    [ "$status" = 125 ] || explain "status $status"
    error_has "the file system of the store cannot hold a container's files (--root names a folder on another one): copy the link"
    [ -z "$(find "$T/root/containers" -mindepth 2 -name 'copy*')" ]
    # It is tried again.
    ok start -a c
    ok rm c
}
