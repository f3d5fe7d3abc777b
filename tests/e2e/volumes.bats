#!/usr/bin/env bats
# Bind mounts and tmpfs: what is seen inside, what may be written, what is refused.
# bats file_tags=asan

load helper/common

setup() {
    common_setup
    need busybox
    mkdir "$T/shared"
    echo outside >"$T/shared/file"
    chmod 777 "$T/shared"
}

runs() {
    ok run --rm --network none "$@"
}

@test "run -v: a folder of the host, both ways" {
    runs -v "$T/shared:/data" "$IMAGE" sh -c 'cat /data/file; echo inside >/data/new'
    says outside
    equal "$(cat "$T/shared/new")" inside
}

@test "run -v: a file, the destination is made" {
    runs -v "$T/shared/file:/some/new/place" "$IMAGE" cat /some/new/place
    says outside
}

@test "run -v: over what the image has" {
    runs -v "$T/shared/file:/etc/passwd" "$IMAGE" cat /etc/passwd
    says outside
    runs "$IMAGE" grep -c root /etc/passwd
    says 1
}

@test "run -v ro: cannot be written" {
    fails 1 run --rm --network none -v "$T/shared:/data:ro" "$IMAGE" touch /data/x
    [[ "$stderr" == *"Read-only file system"* ]] || explain "text"
    runs -v "$T/shared:/data:ro" "$IMAGE" cat /data/file
    says outside
}

@test "run -v ro: mounts below are read-only too" {
    root_only "mounts a tmpfs on the host side"
    mkdir "$T/shared/below"
    run unshare -m bash -c 'mount -t tmpfs none "$T/shared/below" && "$@"' - "${MCPD_CMD[@]}" \
        run --rm --network none -v "$T/shared:/data:ro" "$IMAGE" touch /data/below/x
    [ "$status" = 1 ] || explain "status $status"
    has "Read-only file system"
}

@test "run -v: more mounts than a container can have" {
    local options=() i
    for i in {1..1030}; do options+=(--tmpfs "/m/$i"); done
    fails 125 run --network none "${options[@]}" "$IMAGE" true
    error_is "Error: the container cannot be described: spec.json: more than 1024 mounts"
    ok ps -aq
    says ""
    equal "$(find "$T/root/tmp" "$T/root/names" -mindepth 1)" ""
}

@test "run -v: relative source" {
    runs -v ./shared:/data "$IMAGE" cat /data/file
    says outside
}

@test "run -v: a link as source is followed on the host" {
    ln -s shared "$T/link"
    runs -v "$T/link:/data" "$IMAGE" cat /data/file
    says outside
}

@test "run -v: options nosuid, nodev, noexec, z, Z" {
    printf '#!/bin/sh\necho ran\n' >"$T/shared/script"
    chmod 755 "$T/shared/script"
    runs -v "$T/shared:/data:z" "$IMAGE" /data/script
    says ran
    fails 126 run --rm --network none -v "$T/shared:/data:noexec,Z" "$IMAGE" /data/script
    runs -v "$T/shared:/data:nosuid,nodev,noexec" "$IMAGE" grep ' /data ' /proc/self/mountinfo
    has nosuid
    has nodev
    has noexec
}

@test "run -v: several, one below the other, in any order" {
    mkdir "$T/inner"
    echo inner >"$T/inner/file"
    mkdir "$T/shared/in"
    runs -v "$T/inner:/data/in" -v "$T/shared:/data" "$IMAGE" cat /data/file /data/in/file
    says $'outside\ninner'
}

@test "run -v: missing source" {
    fails 125 run --rm --network none -v /no/such/host:/x "$IMAGE" true
    error_is "Error: statfs /no/such/host: no such file or directory"
    ok ps -aq
    says ""
}

@test "run -v: nonsense" {
    local bad
    for bad in "$T/shared:relative" "$T/shared:/" "$T/shared:/data:nosuchoption" ":" "a:b:c:d"; do
        run --separate-stderr -- mcpd run --rm --network none -v "$bad" "$IMAGE" true
        [ "$status" = 125 ] || explain "$bad: status $status"
    done
}

@test "run -v: a destination that is a link in the image stays inside" {
    printf '{"name":"out","type":"symlink","target":"/../../../../../..%s"}\n' "$T/shared" |
        make_image layer "$T/link.tar"
    make_image image "$T/layout" x/link:1 --layer "$IMAGES/busybox.tar" --layer "$T/link.tar"
    bad_registry "$T/layout"
    mkdir "$T/other"
    echo other >"$T/other/mine"
    runs -v "$T/other:/out" "$BAD/x/link:1" cat /out/mine
    says other
    equal "$(ls "$T/shared")" file
}

# The masks below a mount, as the host sees the container's mounts: masks_of PID MOUNT.
masks_of() {
    awk -v place="$2" '$5 == place && / - (proc|sysfs) / { id = $1 }
        id && $2 == id && $5 ~ "/(acpi|keys|timer_list|sys|irq|firmware)$" { print $5 }' \
        "/proc/$1/mountinfo" | sort | tr '\n' ' '
}

@test "run -v: a link of the image to /proc does not take the masks away from it" {
    printf '%s\n' '{"name":"to-proc","type":"symlink","target":"/proc"}' \
        '{"name":"to-sys","type":"symlink","target":"sys"}' | make_image layer "$T/link.tar"
    make_image image "$T/layout" x/link:1 --layer "$IMAGES/busybox.tar" --layer "$T/link.tar"
    bad_registry "$T/layout"
    ok run -d --name plain --network none "$IMAGE" sleep 600
    ok run -d --name covered --network none -v "$T/shared:/to-proc" -v "$T/shared:/to-sys" \
        "$BAD/x/link:1" sleep 600
    local plain covered place
    plain=$(mcpd inspect --format '{{.State.Pid}}' plain)
    covered=$(mcpd inspect --format '{{.State.Pid}}' covered)
    for place in /proc /sys; do
        [ -n "$(masks_of "$plain" "$place")" ] || explain "no masks below $place"
        equal "$(masks_of "$covered" "$place")" "$(masks_of "$plain" "$place")"
    done
}

@test "run -v: nothing of it is seen on the host" {
    ok run -d --name c --network none -v "$T/shared:/data" "$IMAGE" sleep 600
    run ! grep -q "$T" /proc/self/mountinfo
}

@test "run --mount type=bind" {
    runs --mount "type=bind,source=$T/shared,target=/data" "$IMAGE" cat /data/file
    says outside
    fails 1 run --rm --network none --mount "type=bind,src=$T/shared,dst=/data,ro" "$IMAGE" touch /data/x
}

@test "run --tmpfs: writable, size and mode" {
    runs --tmpfs /scratch "$IMAGE" sh -c 'echo x >/scratch/x && grep " /scratch " /proc/self/mountinfo'
    has "tmpfs"
    has "nosuid"
    runs --tmpfs /scratch:size=1m,mode=750 "$IMAGE" sh -c 'stat -c %a /scratch; df -k /scratch | tail -n 1'
    equal "${lines[0]}" 750
    has " 1024 "
    fails 1 run --rm --network none --tmpfs /scratch:size=1m "$IMAGE" dd if=/dev/zero of=/scratch/x bs=64k count=32
    [[ "$stderr" == *"No space left"* ]] || explain "text"
}

@test "run --tmpfs: starts with the image's content" {
    runs --tmpfs /etc "$IMAGE" sh -c 'grep -c ^root: /etc/passwd && echo x >/etc/new'
    says 1
}

@test "run --mount type=tmpfs" {
    runs --mount type=tmpfs,target=/scratch,tmpfs-size=1m "$IMAGE" df -k /scratch
    has " 1024 "
}
