#!/usr/bin/env bats
# What a container may see and do, for run and exec alike.
# bats file_tags=asan

load helper/common

setup() {
    common_setup
    need busybox
}

# Runs a script in a fresh container, then by exec in a running one: both must say the same.
both_say() {
    ok run --rm --network none "$IMAGE" sh -c "$1"
    says "$2"
    [ -n "$(mcpd ps -q)" ] || mcpd run -d --name running --network none "$IMAGE" sleep 600 >/dev/null
    ok exec running sh -c "$1"
    says "$2"
}

@test "isolation: the command is pid 1 and sees no other process" {
    ok run --rm --network none "$IMAGE" sh -c 'echo $$; ls -d /proc/[0-9]* | wc -l'
    equal "${lines[0]}" 1
    [ "${lines[1]}" -le 3 ] || explain "sees ${lines[1]} processes"
}

@test "isolation: namespaces of its own" {
    local kind
    ok run --rm --network none "$IMAGE" sh -c 'for n in mnt pid ipc uts net cgroup user; do readlink /proc/self/ns/$n; done'
    for kind in mnt pid ipc uts net cgroup; do
        hasnt "$(readlink "/proc/self/ns/$kind")"
    done
    if [ "$MCPD_TEST_AS" = user ]; then
        hasnt "$(readlink /proc/self/ns/user)"
    else
        has "$(readlink /proc/self/ns/user)"
    fi
}

@test "isolation: exec joins all of them" {
    ok run -d --name c --network none "$IMAGE" sleep 600
    local script='for n in mnt pid ipc uts net cgroup user; do readlink /proc/$1/ns/$n; done'
    ok exec c sh -c "$script" - 1
    local first=$output
    ok exec c sh -c "$script" - self
    says "$first"
}

@test "isolation: podman's eleven capabilities" {
    both_say 'grep ^Cap /proc/self/status | tr "\t" " "' \
        $'CapInh: 0000000000000000\nCapPrm: 00000000800405fb\nCapEff: 00000000800405fb\nCapBnd: 00000000800405fb\nCapAmb: 0000000000000000'
}

@test "isolation: a user has none" {
    ok run --rm --network none --user app "$IMAGE" grep ^Cap /proc/self/status
    has $'CapPrm:\t0000000000000000'
    has $'CapEff:\t0000000000000000'
    has $'CapBnd:\t00000000800405fb'
    ok run -d --name c --network none "$IMAGE" sleep 600
    ok exec -u app c grep ^Cap /proc/self/status
    has $'CapEff:\t0000000000000000'
}

@test "run --cap-add, --cap-drop" {
    ok run --rm --network none --cap-drop all --cap-add chown "$IMAGE" grep ^CapEff /proc/self/status
    says $'CapEff:\t0000000000000001'
    ok run --rm --network none --cap-add CAP_NET_RAW --cap-drop KILL "$IMAGE" grep ^CapBnd /proc/self/status
    says $'CapBnd:\t00000000800425db'
    ok run --rm --network none --user app --cap-add net_raw "$IMAGE" grep -E '^Cap(Eff|Amb)' /proc/self/status
    says $'CapEff:\t0000000000002000\nCapAmb:\t0000000000002000'
}

@test "isolation: the seccomp filter is on" {
    both_say 'grep ^Seccomp: /proc/self/status' $'Seccomp:\t2'
}

@test "isolation: refused system calls" {
    both_say 'mount -t tmpfs none /tmp 2>&1; unshare -m true 2>&1; chroot / true && echo chroot' \
        $'mount: permission denied (are you root?)\nunshare: unshare(0x20000): Operation not permitted\nchroot'
}

@test "run --security-opt seccomp=unconfined" {
    ok run --rm --network none --security-opt seccomp=unconfined "$IMAGE" grep ^Seccomp: /proc/self/status
    says $'Seccomp:\t0'
}

@test "run --security-opt no-new-privileges" {
    ok run --rm --network none --security-opt no-new-privileges "$IMAGE" grep ^NoNewPrivs /proc/self/status
    says $'NoNewPrivs:\t1'
    ok run --rm --network none "$IMAGE" grep ^NoNewPrivs /proc/self/status
    says $'NoNewPrivs:\t0'
}

@test "isolation: no descriptor but 0, 1 and 2" {
    both_say 'ls /proc/self/fd | tr "\n" " "' "0 1 2 3 "
}

@test "isolation: no descriptor of the caller" {
    exec 7<"$T" 8</etc/passwd
    both_say 'ls /proc/self/fd | tr "\n" " "' "0 1 2 3 "
    exec 7<&- 8<&-
}

@test "isolation: the mounts are those there should be" {
    ok run --rm --network none "$IMAGE" awk '{print $5}' /proc/self/mountinfo
    local place
    for place in / /proc /sys /dev /dev/pts /dev/shm /dev/mqueue /etc/hosts /etc/hostname; do
        grep -qx "$place" <<<"$output" || explain "no $place"
    done
    ok run --rm --network none "$IMAGE" cat /proc/self/mountinfo
    hasnt "$T/home"
    [[ "$(grep -c ' /.* - ext4 ' <<<"$output")" -le 3 ]] || explain "host file systems"
}

@test "isolation: / is an overlay, the old root is gone" {
    ok run --rm --network none "$IMAGE" sh -c 'grep " / / " /proc/self/mountinfo; ls /'
    has " - overlay "
    hasnt old
    hasnt pivot
}

@test "isolation: mounts do not travel to the host or back" {
    ok run --rm --network none "$IMAGE" cat /proc/self/mountinfo
    hasnt shared:
}

@test "isolation: masked paths" {
    ok run --rm --network none "$IMAGE" sh -c 'for p in kcore keys timer_list latency_stats sched_debug; do
        [ ! -e /proc/$p ] || head -c 1 /proc/$p | wc -c; done; ls /proc/acpi /proc/scsi /sys/firmware 2>/dev/null | grep -v : | grep -c .; true'
    [[ "$output" =~ ^[0[:space:]]+$ ]] || explain "not masked"
}

@test "isolation: read-only paths" {
    ok run --rm --network none "$IMAGE" sh -c 'for p in /proc/sys/kernel/panic /proc/sysrq-trigger /proc/irq/x /proc/bus/x /sys/x; do
        (echo 1 >$p) 2>/dev/null && echo "$p written"; done; true'
    says ""
    ok run --rm --network none "$IMAGE" cat /proc/self/mountinfo
    local place
    for place in /proc/sys /proc/sysrq-trigger /proc/irq /proc/bus /proc/fs /sys; do
        # Not every kernel has each of them.
        [ ! -e "$place" ] || grep -Eq " $place ro[, ]" <<<"$output" || explain "$place is not read-only"
    done
}

@test "isolation: the devices" {
    ok run --rm --network none "$IMAGE" ls /dev
    says $'core\nfd\nfull\nmqueue\nnull\nptmx\npts\nrandom\nshm\nstderr\nstdin\nstdout\ntty\nurandom\nzero'
    ok run --rm --network none --user app "$IMAGE" sh -c 'echo x >/dev/null && head -c 4 /dev/urandom | wc -c && echo x >/dev/shm/x'
    says 4
}

@test "isolation: device nodes cannot be made or used" {
    ok run --rm --network none "$IMAGE" sh -c 'mknod /dev/sda b 8 0 2>&1; mknod /x c 1 1 2>&1; cat /x 2>&1; true'
    has "Operation not permitted"
    hasnt "ELF"
}

@test "isolation: the root of the container has no way out" {
    ok run --rm --network none "$IMAGE" sh -c 'cd /; i=0; while [ $i -lt 40 ]; do cd ..; i=$((i+1)); done; ls bin/busybox; ls -d work 2>/dev/null; true'
    says bin/busybox
}

@test "isolation: cgroup files cannot be written" {
    ok run --rm --network none "$IMAGE" sh -c 'find /sys/fs/cgroup -name "cgroup.procs" 2>/dev/null | while read f; do
        (echo 1 >"$f") 2>/dev/null && echo "$f"; done; true'
    says ""
}

@test "isolation: as a user, root inside is that user outside" {
    user_only "no user namespace"
    mkdir -m 777 "$T/shared"
    ok run --rm --network none -v "$T/shared:/data" "$IMAGE" sh -c 'touch /data/root; su app -s /bin/sh -c "touch /data/app" 2>/dev/null; cat /proc/self/uid_map'
    equal "$(stat -c %u "$T/shared/root")" "$(id -u)"
    [[ "$output" =~ ^\ +0\ +$(id -u)\ +1 ]] || explain "map"
}

@test "isolation: a setuid program of the host gains nothing through a volume" {
    ok run --rm --network none --user app -v /usr/bin:/hostbin:ro "$IMAGE" sh -c 'grep " /hostbin " /proc/self/mountinfo | wc -l'
    says 1
}

@test "isolation: with --init, process 1 shows nothing of the host" {
    [ -z "${ASAN_OPTIONS:-}" ] || skip "under a sanitizer: it has memory of its own"
    # As root only who may trace can look into it.
    local options=(--rm --init --network none -e X=hidden-word --label "Y=hidden-word")
    [ "$MCPD_TEST_AS" = user ] || options+=(--cap-add SYS_PTRACE)
    printf '%s\n' "$T/" "$MCPD" hidden-word monitor >"$T/words"
    cat >"$T/look" <<'SCRIPT'
tr '\0' ' ' </proc/1/cmdline | sed 's/ *$//'; echo
tr -d '\0' </proc/1/environ; echo
readlink /proc/1/exe
cat /proc/1/comm
# All of its memory but the texts of the program and the libraries.
grep ' rw' /proc/1/maps | while IFS=' -' read -r start end rest; do
    dd if=/proc/1/mem bs=4096 skip=$((0x$start / 4096)) count=$(((0x$end - 0x$start) / 4096)) 2>/tmp/dd | strings
done >/tmp/memory
[ "$(wc -c </tmp/memory)" -gt 500 ] && echo memory
cat /proc/1/maps >>/tmp/memory
grep -F -f /words /tmp/memory
SCRIPT
    fails 1 run "${options[@]}" -v "$T/look:/look:ro" -v "$T/words:/words:ro" "$IMAGE" sh /look
    equal "${lines[0]}" "/dev/init -- sh /look"
    if [ "$MCPD_TEST_AS" = user ]; then
        equal "${lines[1]}" "/memfd:mcpd (deleted)"
    else
        equal "${lines[1]}" "/"
    fi
    equal "${lines[2]}" "mcpd-init"
    equal "${lines[3]}" "memory"
    equal "${#lines[@]}" 4
}

@test "isolation: the program on the host cannot be overwritten through /proc" {
    ok run -d --name c --network none "$IMAGE" sleep 600
    local before
    before=$(sha256sum "$MCPD" | cut -d' ' -f1)
    # As the known attack does it: while exec enters, open the entering program's file for writing.
    cat >"$T/attack" <<'SCRIPT'
#!/bin/sh
end=$(($(date +%s) + 3))
while [ "$(date +%s)" -lt $end ]; do
    for exe in /proc/[0-9]*/exe; do
        case $(readlink $exe) in
        /bin/busybox | "") ;;
        *) echo found >>/found; echo pwned 2>/dev/null >$exe && echo written >>/found ;;
        esac
    done
done
SCRIPT
    chmod 755 "$T/attack"
    mcpd exec -i c sh -c 'cat >/attack' <"$T/attack"
    mcpd exec c sh /attack &
    local attack=$!
    for _ in {1..30}; do mcpd exec c true; done
    wait "$attack"
    equal "$(sha256sum "$MCPD" | cut -d' ' -f1)" "$before"
    mcpd exec c sh -c 'cat /found 2>/dev/null; true' >"$T/found"
    run ! grep -q written "$T/found"
}

@test "isolation: an image whose command is /proc/self/exe" {
    fails_somehow run --rm --network none --entrypoint /proc/self/exe "$IMAGE" --version
    ok ps -aq
    says ""
}

fails_somehow() {
    run --separate-stderr -- mcpd "$@"
    hasnt "mcpd version"
}

# The kernel puts those who join a mount namespace on top of all that is mounted over its root.
@test "isolation: a host whose root is covered by another mount; exec stays inside" {
    root_only "mounts"
    need busybox
    run --separate-stderr -- unshare --mount -- bash -c '
        set -e
        mount --make-rprivate /
        mount --bind / /
        m() { "$MCPD" --root "$T/root" --runroot "$T/run" "$@"; }
        m run -d --name c --network none "$1" sleep 100 >/dev/null
        m exec c sh -c "echo inside >/of-the-container"
        m exec c cat /of-the-container
        m rm -f -t 0 c >/dev/null' bash "$IMAGE"
    [ ! -e /of-the-container ] || { rm /of-the-container; explain "it was written on the host"; }
    [ "$status" = 0 ] || explain "status $status"
    says inside
}
