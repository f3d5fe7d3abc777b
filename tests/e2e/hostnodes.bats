#!/usr/bin/env bats
# No container gets at a device node of the host: mode, owner and times stay, whatever it does with
# its descriptors, its /dev and what lies over masked files.
# bats file_tags=asan

load helper/common

NODES="null zero full random urandom tty"
export NODES

setup() {
    common_setup
    need busybox
    # Everything that might be a node of the host: descriptors, /dev, mounts that are files.
    cat >"$T/attack" <<'SCRIPT'
places="/proc/self/fd/0 /proc/self/fd/1 /proc/self/fd/2 /dev/null /dev/zero /dev/full /dev/random
    /dev/urandom /dev/tty /dev/console $(awk '$5 ~ "^/proc/|^/sys/|^/dev/" {print $5}' /proc/self/mountinfo)"
for place in $places; do
    [ -c "$place" ] || continue
    chmod 0 "$place"
    chown 5:6 "$place"
    touch "$place"
    truncate -s 0 "$place"
    ln "$place" /tmp/linked
done 2>/tmp/errors
echo attacked >/proc/self/fd/1
SCRIPT
}

# Runs "$@" where /dev has nodes that stand for the host's: a container that reaches them does
# not harm this machine. They are not to be changed afterwards.
among_own_nodes() {
    run unshare -m bash -c '
        set -e
        mount -t tmpfs -o mode=755 none /dev
        number() { case $1 in null) echo 1 3;; zero) echo 1 5;; full) echo 1 7;; random) echo 1 8;;
            urandom) echo 1 9;; tty) echo 5 0;; esac; }
        for node in $NODES; do mknod -m 666 "/dev/$node" c $(number $node); done
        mkdir /dev/pts /dev/shm /dev/mqueue
        mount -t devpts -o newinstance,ptmxmode=666 none /dev/pts
        ln -s pts/ptmx /dev/ptmx
        ln -s /proc/self/fd /dev/fd
        cd /dev
        stat -c "%n %a %u:%g %Y %Z %h" $NODES >"$T/before"
        "$@" </dev/null
        stat -c "%n %a %u:%g %Y %Z %h" $NODES >"$T/after"
        cmp "$T/before" "$T/after"' - "$@"
    [ "$status" = 0 ] || explain "status $status: $(diff "$T/before" "$T/after")"
}

@test "host nodes: as root, nothing that a container holds is one of them" {
    root_only "a user cannot make nodes"
    among_own_nodes "${MCPD_CMD[@]}" run --rm --network none "$IMAGE" sh -c "$(cat "$T/attack")"
    has attacked
    among_own_nodes "${MCPD_CMD[@]}" run --rm --init --network none "$IMAGE" sh -c "$(cat "$T/attack")"
    among_own_nodes "${MCPD_CMD[@]}" run --rm -i --network none "$IMAGE" sh -c "$(cat "$T/attack")"
    among_own_nodes "$HELPER/terminal.py" -- "${MCPD_CMD[@]}" run --rm -t --network none "$IMAGE" sh -c "$(cat "$T/attack")"
    has attacked
}

@test "host nodes: as root, nothing that an exec'd process holds is one of them" {
    root_only "a user cannot make nodes"
    local how
    ok run -d --name c --network none "$IMAGE" sleep 600
    for how in "" "-i" "-d"; do
        # shellcheck disable=SC2086
        among_own_nodes "${MCPD_CMD[@]}" exec $how c sh -c "$(cat "$T/attack")"
    done
    # Also when the container has no null device of its own any more.
    ok exec c rm -f /dev/null
    among_own_nodes "${MCPD_CMD[@]}" exec c sh -c "$(cat "$T/attack")"
    has attacked
    ok exec c sh -c 'rm -f /dev/null; mkfifo /dev/null'
    among_own_nodes "${MCPD_CMD[@]}" exec c sh -c "$(cat "$T/attack")"
    has attacked
}

@test "host nodes: as root, a volume over /dev brings none of them in" {
    root_only "a user cannot make nodes"
    mkdir "$T/empty"
    among_own_nodes "${MCPD_CMD[@]}" run --rm --network none -v "$T/empty:/dev" "$IMAGE" \
        sh -c "$(cat "$T/attack")"
    has attacked
}

@test "host nodes: as a user they are bound so that nothing can be changed" {
    user_only "root has nodes of its own"
    local before how
    # shellcheck disable=SC2086 # one word for each node
    before=$(cd /dev && stat -c "%n %a %u:%g %Z" $NODES)
    ok run --rm --network none "$IMAGE" sh -c "$(cat "$T/attack")"
    has attacked
    ok run -d --name c --network none "$IMAGE" sleep 600
    for how in "" "-i" "-d"; do
        # shellcheck disable=SC2086
        ok exec $how c sh -c "$(cat "$T/attack")"
    done
    # shellcheck disable=SC2086
    equal "$(cd /dev && stat -c "%n %a %u:%g %Z" $NODES)" "$before"
    fails 1 exec c chmod 600 /dev/null
    [[ "$stderr" == *"Read-only file system"* ]] || explain "not because of its mount"
    ok exec c sh -c 'echo x >/dev/null; head -c 2 /dev/zero | wc -c'
    says 2
}

@test "host nodes: stdin without -i is empty, and the container's own null device" {
    ok run --rm --network none "$IMAGE" sh -c 'cat; stat -L -c %t:%T /proc/self/fd/0; [ /proc/self/fd/0 -ef /dev/null ] && echo own'
    says $'1:3\nown'
    ok run -d --name c --network none "$IMAGE" sleep 600
    ok exec c sh -c 'cat; [ /proc/self/fd/0 -ef /dev/null ] && echo own'
    says own
}
