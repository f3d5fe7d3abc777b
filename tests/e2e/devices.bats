#!/usr/bin/env bats
# devices: --device, and what --privileged means.

load helper/common

setup() {
    common_setup
    need busybox
}

runs() {
    ok run --rm --network none "$@"
}

# The nodes of the host that podman would give too: not the terminals' own, nothing of other mounts.
host_devices() {
    find /dev -xdev \( -type c -o -type b \) ! -path /dev/console ! -path /dev/ptmx | sort
}

@test "--device: at its place and at another; its node cannot be changed" {
    runs --device /dev/full "$IMAGE" sh -c 'stat -c "%F %t %T" /dev/full; echo x >/dev/full || echo full'
    equal "${lines[0]}" "character special file 1 7"
    equal "${lines[1]}" full
    runs --device /dev/zero:/dev/mine:rwm "$IMAGE" sh -c 'head -c 2 /dev/mine | od -An -tx1; echo x >/dev/mine'
    says " 00 00"
    runs --device /dev/zero:/opt/deep/zero "$IMAGE" sh -c 'head -c 1 /opt/deep/zero | od -An -tx1'
    says " 00"
    fails 1 run --rm --network none --device /dev/zero:/dev/mine "$IMAGE" chmod 777 /dev/mine
    equal "$(stat -c %a /dev/zero)" 666
}

@test "--device: shown by inspect, not as a volume" {
    ok create --name c --network none --device /dev/zero:/dev/mine "$IMAGE" true
    ok inspect c
    jq -e '.[0] | .Mounts == [] and .HostConfig.Binds == []
        and .HostConfig.Devices == [{PathOnHost: "/dev/zero", PathInContainer: "/dev/mine", CgroupPermissions: ""}]' \
        <<<"$output"
}

@test "--device: of a link the device, in its place; of a folder all that are in it" {
    ln -s /dev/full "$T/link"
    runs --device "$T/link" "$IMAGE" sh -c "stat -c '%t %T' /dev/full; ls $T/link 2>&1"' || true'
    equal "${lines[0]}" "1 7"
    has "No such file"
    runs --device "$T/link:/dev/mine" "$IMAGE" stat -c '%t %T' /dev/mine
    says "1 7"
    runs --device /dev/:/opt/dev "$IMAGE" sh -c 'head -c 1 /opt/dev/zero | od -An -tx1; ls /opt/dev'
    equal "${lines[0]}" " 00"
    hasnt shm
    runs --device /dev/zero:/dev/mine --device /dev/full:/dev/mine "$IMAGE" stat -c '%t %T' /dev/mine
    says "1 7"
    mkdir "$T/d"
    echo secret >"$T/d/secret"
    fails 125 run --rm --network none --device "$T/d" "$IMAGE" true
    error_is "Error: no devices found in $T/d: invalid argument"
    ln -s /nowhere "$T/broken"
    fails 125 run --rm --network none --device "$T/broken" "$IMAGE" true
    error_is "Error: stat $T/broken: no such file or directory"
    no_containers
}

@test "--device: what has taken its place meanwhile is not given" {
    root_only "it takes a node of one's own"
    mknod "$T/node" c 1 5
    ok create --name c --network none --device "$T/node:/dev/mine" "$IMAGE" cat /dev/mine
    rm "$T/node"
    echo secret >"$T/node"
    fails 125 start -a c
    error_has "$T/node is not a valid device: not a device node"
    hasnt secret
    ok rm c
}

@test "--device: what is none" {
    fails 125 run --rm --network none --device /no/such "$IMAGE" true
    error_is "Error: stat /no/such: no such file or directory"
    fails 125 run --rm --network none --device /etc/passwd "$IMAGE" true
    error_is "Error: /etc/passwd is not a valid device: not a device node"
    fails 125 run --rm --network none --device /dev/zero:abc "$IMAGE" true
    error_is "Error: invalid device mode: abc"
    fails 125 run --rm --network none --device /dev/zero:/dev "$IMAGE" true
    error_is "Error: /dev: duplicate mount destination"
    fails 125 run --rm --network none --device /dev/zero:/dev/x:r "$IMAGE" true
    error_has 'cannot be enforced yet'
    no_containers
}

@test "--privileged: all devices of the host, its own nodes" {
    root_only "an ordinary user gets the host's nodes, as far as they are the user's"
    runs --privileged "$IMAGE" find /dev -xdev '(' -type c -o -type b ')' ! -path /dev/console ! -path /dev/ptmx
    equal "$(sort <<<"$output")" "$(host_devices)"
    runs --privileged "$IMAGE" sh -c 'cd /dev; stat -c "%n %a %u %g %t %T" $(find . -xdev -type b)'
    equal "$(sort <<<"$output")" "$(cd /dev && find . -xdev -type b -exec stat -c '%n %a %u %g %t %T' {} + | sort)"
    runs --privileged "$IMAGE" sh -c 'chmod 600 /dev/null; stat -c %a /dev/null'
    says 600
    equal "$(stat -c %a /dev/null)" 666
    runs "$IMAGE" sh -c 'ls /dev'
    hasnt loop
}

@test "--privileged: the devices that a user may have" {
    user_only "root has them all"
    runs --privileged "$IMAGE" find /dev -xdev -type c
    has /dev/full
    runs --privileged "$IMAGE" sh -c 'echo x >/dev/null && head -c 1 /dev/zero | od -An -tx1'
    has 00
}

@test "--privileged: no filter, no masks, all capabilities, /sys writable where it may be" {
    runs --privileged "$IMAGE" sh -c 'grep -E "^(Seccomp|NoNewPrivs):" /proc/self/status | tr "\t\n" "  "
        mount | grep -c " on /proc/" || true'
    says $'NoNewPrivs: 0 Seccomp: 0 0'
    runs --privileged "$IMAGE" sh -c 'mount | grep " on /sys type sysfs (rw"'
    ok run -d --name c --privileged --network none "$IMAGE" sleep 600
    ok exec c sh -c 'grep ^CapEff /proc/self/status; grep ^CapEff /proc/1/status'
    equal "${lines[0]}" "${lines[1]}"
    [[ ! "${lines[0]}" =~ 00000000a80425fb ]] || explain "not all capabilities"
    runs "$IMAGE" sh -c 'grep ^Seccomp: /proc/self/status'
    says $'Seccomp:\t2'
}
