#!/usr/bin/env bats
# --memory, --cpus, --pids-limit: enforced, or refused with the reason.

load helper/common

setup() {
    common_setup
    need busybox
}

@test "run --memory: more is killed, and said" {
    root_only "no cgroup of its own here"
    fails 137 run --name c --network none --memory 32m "$IMAGE" dd if=/dev/zero of=/dev/null bs=64M count=1
    ok inspect --format '{{.State.OOMKilled}} {{.State.ExitCode}}' c
    says "true 137"
}

@test "run --memory: enough is enough" {
    root_only "no cgroup of its own here"
    ok run --name c --rm --network none --memory 128m "$IMAGE" dd if=/dev/zero of=/dev/null bs=16M count=1
}

@test "run --memory: seen inside and by inspect" {
    root_only "no cgroup of its own here"
    ok run -d --name c --network none --memory 64m "$IMAGE" sleep 600
    ok inspect --format '{{.HostConfig.Memory}}' c
    says 67108864
}

# A group of 24 MB for everything of ours: client, helper, workers, monitor, container.
small_group() {
    local point
    for point in ${MCPD_TEST_HIERARCHIES:-/sys/fs/cgroup}; do
        echo +memory >"$point/cgroup.subtree_control" 2>/dev/null || true
        mkdir "$point/small"
        if [ -e "$point/small/memory.limit_in_bytes" ]; then
            echo 24M >"$point/small/memory.limit_in_bytes"
            echo 24M >"$point/small/memory.memsw.limit_in_bytes" 2>/dev/null || true
            SMALL=$point/small
            return
        elif [ -e "$point/small/memory.max" ]; then
            echo 24M >"$point/small/memory.max"
            SMALL=$point/small
            return
        fi
        rmdir "$point/small"
    done
    return 1
}

in_small_group() {
    run --separate-stderr -- bash -c 'echo 0 >"$1/cgroup.procs"; shift; exec "$@"' - "$SMALL" "${MCPD_CMD[@]}" "$@"
    [ "$status" = 0 ] || explain "status $status"
}

@test "pull and run need no more than 24 MB, all processes together" {
    root_only "no cgroup of its own here"
    [ -z "${ASAN_OPTIONS:-}" ] || skip "under a sanitizer: it has memory of its own"
    ok rmi "$IMAGE"
    small_group
    in_small_group pull -q "$IMAGE"
    in_small_group run --rm --network none "$IMAGE" echo works
    says works
    in_small_group run -d --name c --network none "$IMAGE" sleep 600
    in_small_group exec c echo works
    in_small_group rm -f -t 0 c
    eventually rmdir "$SMALL"
}

@test "run --cpus: a busy loop gets its share" {
    root_only "no cgroup of its own here"
    ok run --rm --network none --cpus 0.2 "$IMAGE" \
        sh -c 'timeout 2 sh -c "while :; do :; done"; cat /proc/self/stat /dev/null; times'
    # The last line of `times` is user and system time of the children.
    local seconds
    seconds=$(tail -n 1 <<<"$output" | sed 's/0m\([0-9.]*\)s .*/\1/')
    awk -v s="$seconds" 'BEGIN {exit !(s > 0.05 && s < 0.9)}' || explain "used $seconds s in 2 s"
}

@test "run --pids-limit: no more processes than that" {
    root_only "no cgroup of its own here"
    run --separate-stderr -- mcpd run --rm --network none --pids-limit 8 "$IMAGE" \
        sh -c 'for i in 1 2 3 4 5 6 7 8 9 10; do sleep 5 & done; wait'
    [[ "$stderr" == *"can't fork"* ]] || explain "no refusal"
    ok run --rm --network none --pids-limit 20 "$IMAGE" sh -c 'for i in 1 2 3 4 5; do sleep 0 & done; wait; echo fine'
    says fine
}

@test "run --pids-limit -1: none" {
    ok run --rm --network none --pids-limit -1 "$IMAGE" true
}

@test "run: a limit that cannot be enforced is an error naming the reason" {
    user_only "root may make groups"
    local option
    for option in --memory=64m --cpus=0.5 --pids-limit=50; do
        fails 125 run --rm --network none "$option" "$IMAGE" true
        error_has cgroup
        error_has "; leave ${option%=*} out, or run as root"
    done
    fails 125 run --rm --network none --memory 64m --cpus 0.5 --pids-limit 50 "$IMAGE" true
    error_has "the pids, memory and cpu limits cannot be enforced: "
    error_has "; leave --pids-limit, --memory and --cpus out, or run as root"
    ok ps -aq
    says ""
}

@test "exec: the new process counts against the limits" {
    root_only "no cgroup of its own here"
    ok run -d --name c --network none --memory 32m "$IMAGE" sleep 600
    fails 137 exec c dd if=/dev/zero of=/dev/null bs=64M count=1
    ok inspect --format '{{.State.Status}}' c
    says running
}

@test "run: groups are gone with the container" {
    root_only "no cgroup of its own here"
    ok run -d --name c --network none --memory 64m --cpus 1 --pids-limit 50 "$IMAGE" sleep 600
    local id=$output
    [ -n "$(find /sys/fs/cgroup -type d -name "*$id*")" ]
    ok rm -f -t 0 c
    equal "$(find /sys/fs/cgroup -type d -name "*$id*")" ""
}
