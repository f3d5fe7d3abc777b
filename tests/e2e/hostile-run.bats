#!/usr/bin/env bats
# Images and containers that mean harm, against run, exec, logs, inspect and stop: each ends in
# bounded time with one clear line, and nothing of the host is seen or changed.

load helper/common

setup() {
    common_setup
    need busybox
    mkdir "$T/outside"
    echo secret-of-the-host >"$T/outside/file"
}

# hostile NAME [CONFIG-JSON] <ENTRIES: busybox with one more layer; sets IMAGE.
hostile() {
    make_image layer "$T/$1.tar"
    make_image image "$T/layout" "x/$1:1" --layer "$IMAGES/busybox.tar" --layer "$T/$1.tar" \
        ${2:+--config "$2"}
    [ -n "${BAD:-}" ] || bad_registry "$T/layout"
    IMAGE=$BAD/x/$1:1
}

# bounded "STATUS..." ARG...: mcpd, with one of these, in a time that no wait for a pipe or a device
# would keep. (Not by run, which takes 127 for a mistake of the test.)
bounded() {
    local allowed=$1
    shift
    status=0
    output=$(timeout -k 1 20 "${MCPD_CMD[@]}" "$@" 2>"$T/err" 3>&-) || status=$?
    # shellcheck disable=SC2034 # the checks look at it
    stderr=$(cat "$T/err")
    [[ " $allowed " == *" $status "* ]] || explain "status $status, allowed: $allowed"
    hasnt secret-of-the-host
}

# --- images ------------------------------------------------------------------

@test "hostile image: passwd and group that are no files" {
    local kind
    hostile none </dev/null
    hostile pipe <<<$'{"name":"etc/passwd","type":"fifo"}\n{"name":"etc/group","type":"fifo"}'
    hostile folder <<<$'{"name":"etc/passwd","type":"dir"}\n{"name":"etc/group","type":"dir"}'
    hostile outside <<ENTRIES
{"name":"etc/passwd","type":"symlink","target":"../../../../../../../../../etc/passwd"}
{"name":"etc/group","type":"symlink","target":"$T/outside/file"}
ENTRIES
    hostile magic <<<'{"name":"etc/passwd","type":"symlink","target":"/proc/self/fd/0"}'
    hostile loop <<<'{"name":"etc/passwd","type":"symlink","target":"passwd"}'
    hostile huge <<<'{"name":"etc/passwd","size":9000000}'
    for kind in pipe folder outside magic loop huge; do
        bounded 0 run --rm --network none "$BAD/x/$kind:1" awk '/^Uid/ {print $2}' /proc/self/status
        says 0
        bounded 126 run --rm --network none --user app "$BAD/x/$kind:1" true
        error_has "unable to find user app: no matching entries in passwd file"
        bounded 0 run --rm --network none --user 77:88 "$BAD/x/$kind:1" awk '/^[UG]id/ {print $2}' /proc/self/status
        says $'77\n88'
    done
    ok ps -aq
    says ""
}

@test "hostile image: a working folder that leads out" {
    local folder links
    hostile links <<ENTRIES
{"name":"up","type":"symlink","target":"../../../../../../../../../../$T/outside"}
{"name":"absolute","type":"symlink","target":"$T/outside"}
{"name":"magic","type":"symlink","target":"/proc/self/fd"}
{"name":"loop","type":"symlink","target":"loop"}
{"name":"pipe","type":"fifo"}
ENTRIES
    # Not there, inside; an image's own is made, inside.
    for folder in /up /absolute /up/new /absolute/new/deep /../../../tmp/x; do
        bounded "126 127" run --rm --network none -w "$folder" "$IMAGE" sh -c 'cat file ../file; pwd'
    done
    links=$IMAGE
    for folder in up/new absolute/new/deep; do
        hostile "${folder//\//-}" "{\"Cmd\":[\"sh\"],\"WorkingDir\":\"/$folder\"}" <<ENTRIES
{"name":"up","type":"symlink","target":"../../../../../../../../../../$T/outside"}
{"name":"absolute","type":"symlink","target":"$T/outside"}
ENTRIES
        bounded 0 run --rm --network none "$IMAGE" sh -c "cat ../file; cd /; ls '$T/outside'"
        says new
    done
    IMAGE=$links
    for folder in /magic/0 /magic/3 /magic/4/.. /magic/7/../../.. /proc/self/fd/5 /proc/1/root/etc \
        /proc/self/cwd /proc/thread-self/root /proc/self/exe /loop /pipe /etc/passwd; do
        # 1: a folder that is inside, where there is no such file.
        bounded "1 126 127" run --rm --network none -w "$folder" "$IMAGE" cat file etc/passwd
        hasnt "$(tail -n 1 /etc/passwd)"
    done
    equal "$(ls "$T/outside")" file
    ok ps -aq
    says ""
}

@test "hostile image: /etc and its files that lead out" {
    hostile etc <<ENTRIES
{"name":"etc/hosts","type":"symlink","target":"$T/outside/file"}
{"name":"etc/hostname","type":"symlink","target":"../../../../../../../../../../$T/outside/new"}
{"name":"etc/resolv.conf","type":"symlink","target":"/proc/self/fd/1"}
ENTRIES
    bounded "0 125 126" run --rm --network none "$IMAGE" cat /etc/hosts
    hostile folder <<ENTRIES
{"name":"etc","type":"symlink","target":"$T/outside"}
ENTRIES
    bounded "0 125 126" run --rm --network none "$IMAGE" cat /etc/hosts
    hostile kernel <<<'{"name":"etc","type":"symlink","target":"/proc/sys"}'
    bounded "125 126" run --rm --network none "$IMAGE" true
    hostile pipes <<<$'{"name":"etc/hosts","type":"fifo"}\n{"name":"etc/resolv.conf","type":"dir"}'
    bounded "0 125 126" run --rm --network none "$IMAGE" true
    equal "$(ls "$T/outside")" file
    equal "$(cat "$T/outside/file")" secret-of-the-host
    ok ps -aq
    says ""
}

@test "hostile image: commands that would be mcpd itself" {
    local name
    hostile self '{"Entrypoint":["/run-me"],"Env":["PATH=/proc/self:/bin"]}' <<'ENTRIES'
{"name":"run-me","mode":"755","data":"#!/proc/self/exe internal monitor\n"}
{"name":"twice","mode":"755","data":"#!/run-me\n"}
{"name":"link","type":"symlink","target":"/proc/self/exe"}
{"name":"one","type":"symlink","target":"/proc/1/exe"}
{"name":"map","type":"symlink","target":"/proc/self/map_files"}
ENTRIES
    for name in /run-me /twice /link /one exe /proc/self/fd/3 /proc/self/fd/4 /proc/self/task/1/exe; do
        bounded "1 2 125 126 127" run --rm --network none --entrypoint "$name" "$IMAGE" --version
        hasnt "mcpd version"
    done
    ok ps -aq
    says ""
}

@test "hostile image: many and large variables, labels and arguments" {
    local text
    text=$(python3 -c 'import json; print(json.dumps({
        "Env": ["V%d=%s" % (i, "x" * 100) for i in range(400)],
        "Labels": {"l%d" % i: "y" * 100 for i in range(400)},
        "Cmd": ["sh", "-c", "env | wc -l"], "WorkingDir": "/" + "d/" * 1000}))')
    hostile large "$text" </dev/null
    bounded "0 125 126 127" run --network none --name c "$IMAGE"
    bounded 0 ps -a
    bounded 0 inspect c
    bounded 0 rm c
}

@test "hostile options: mounts over and below the kernel's file systems" {
    local option
    echo volume >"$T/file"
    mkdir "$T/folder"
    for option in "-v $T/folder:/proc" "-v $T/folder:/proc/self" "-v $T/folder:/proc/1" \
        "-v $T/folder:/proc/sys/kernel" "-v $T/folder:/sys" "-v $T/folder:/sys/firmware" \
        "-v $T/folder:/sys/fs/cgroup" "-v $T/folder:/dev" "-v $T/folder:/dev/pts" \
        "-v $T/folder:/dev/shm" "-v $T/file:/dev/null" "-v $T/file:/proc/meminfo" \
        "-v $T/folder:/etc" "-v /proc:/proc" "-v /sys:/sys" "-v /dev:/dev" "-v /:/host:ro" \
        "--tmpfs /proc" "--tmpfs /sys" "--tmpfs /dev" "--tmpfs /sys/fs/cgroup" "--tmpfs /dev/shm"; do
        # shellcheck disable=SC2086
        bounded 0 run --rm --network none $option "$IMAGE" echo ran
        says ran
    done
    for option in "-v $T/file:/proc/nosuch" "-v $T/folder:/dev/null" \
        "-v $T/folder:/dev/null/x" "-v $T/folder:/" "--tmpfs /"; do
        # shellcheck disable=SC2086
        bounded 125 run --rm --network none $option "$IMAGE" true
    done
    ok ps -aq
    says ""
    run ! grep -q "$T/root/containers" /proc/self/mountinfo
    [ -c /dev/null ] && [ -w /dev/null ]
}

# --- containers ----------------------------------------------------------------

@test "hostile container: exec into one that has turned its files round" {
    local step
    ok run -d --name c --network none "$IMAGE" sleep 600
    for step in 'rm -f /etc/passwd; mkfifo /etc/passwd' \
        'rm -f /etc/passwd; ln -s /proc/1/environ /etc/passwd' \
        'rm -f /etc/passwd; ln -s /dev/zero /etc/passwd' \
        'rm -f /etc/passwd; mkdir /etc/passwd' \
        'rmdir /etc/passwd; dd if=/dev/zero of=/etc/passwd bs=1M seek=9999 count=1' \
        'rm -rf /etc; ln -s /proc/1/root/etc /etc'; do
        bounded 0 exec c sh -c "$step"
        bounded 255 exec -u app c true
        bounded 0 exec -u 5:6 c awk '/^[UG]id/ {print $2}' /proc/self/status
        says $'5\n6'
        bounded 0 inspect c
        bounded 0 logs c
    done
    bounded 0 stop -t 0 c
    bounded "0 125 126" start c
    bounded 0 rm -f -t 0 c
}

@test "hostile container: exec -w through links that it turns round all the time" {
    ok run -d --name c --network none "$IMAGE" sh -c '
        mkdir /a /b; echo inside >/a/file
        while :; do ln -sfn /proc/1/root/../../.. /w; ln -sfn /a /w; ln -sfn /proc/self/fd /w; ln -sfn ../../../../.. /w; done'
    eventually mcpd exec c test -L /w
    for _ in {1..10}; do
        bounded "0 1 126 127 255" exec -w /w c cat file "$T/outside/file"
        bounded "0 1 126 127 255" exec -w /w/3/.. c cat file "$T/outside/file"
    done
    bounded 0 rm -f -t 0 c
}

@test "hostile container: no terminal to be had" {
    mkdir "$T/pts"
    mkfifo "$T/pts/ptmx"
    ok run -d --name c --network none -v "$T/pts:/dev/pts" "$IMAGE" sleep 600
    bounded "125 255" exec -t c true
    rm "$T/pts/ptmx"
    ln -s /dev/tty "$T/pts/ptmx"
    bounded "125 255" exec -t c true
    ln -sfn /dev/zero "$T/pts/ptmx"
    bounded "125 255" exec -t c true
    error_has "/dev/pts/ptmx of the container is no terminal"
}

@test "hostile container: whoever joins has no more rights than it, from when it can be seen" {
    ok run -d --name c --network none "$IMAGE" sh -c '
        while :; do for file in /proc/[1-9]*/status; do
            while read -r key value; do
                case $key in CapPrm:) [ "$value" = 00000000800405fb ] || echo "$value" ;; esac
            done <$file
        done; done 2>/dev/null'
    for _ in {1..60}; do mcpd exec c true; done
    for _ in {1..10}; do pty -- "${MCPD_CMD[@]}" exec -it c true; done
    ok logs c
    says ""
}

@test "hostile container: whoever joins is killed at once" {
    ok run -d --name c --network none "$IMAGE" sh -c 'while :; do kill -9 -1; done'
    for _ in {1..10}; do
        bounded "0 125 126 137 255" exec c true
        bounded "0 125 126 137 255" exec -t c true
    done
    bounded "0 125 255" exec -d c sleep 1
    bounded 0 stop -t 0 c
}

@test "hostile container: signals to its process 1, with and without --init" {
    local init
    for init in "" --init; do
        # shellcheck disable=SC2086
        ok run -d --name c $init --network none "$IMAGE" sh -c 'for n in 1 2 3 10 14 15 20 31 34; do trap "" $n; done
            while :; do for n in 1 2 3 9 10 14 15 17 18 19 20 31 34; do kill -$n 1; done 2>/dev/null; sleep 0.1; done'
        sleep 0.5
        state_is c running
        bounded 0 exec c true
        bounded 0 stop -t 1 c
        bounded 0 rm c
    done
}

@test "hostile container: a fork bomb at its limit" {
    root_only "a user has no limits here"
    ok run -d --name c --network none --pids-limit 40 "$IMAGE" sh -c 'f() { f | f & }; while :; do f; done 2>/dev/null'
    sleep 1
    for _ in {1..5}; do
        bounded "0 1 2 125 126 137 254 255" exec c true
        bounded "0 1 2 125 126 137 254 255" exec -t c true
    done
    bounded 0 inspect c
    bounded 0 logs c
    bounded 0 ps
    bounded 0 stop -t 1 c
    bounded 0 rm c
}

@test "hostile container: everything in it is stopped" {
    ok run -d --name c --network none "$IMAGE" sh -c 'sleep 600 & kill -STOP $!; while :; do kill -STOP -1; sleep 0.05; done'
    bounded 0 ps
    bounded 0 stop -t 1 c
    bounded 0 rm c
}

@test "hostile container: output without an end" {
    ok run -d --name c --network none "$IMAGE" sh -c 'head -c 30000000 /dev/zero; while :; do head -c 100000 /dev/urandom; printf "\033]0;x\007\033c\r"; done'
    sleep 1
    bounded 0 logs --tail 1 c
    bounded 0 inspect c
    bounded 0 ps -a
    [ "$(awk '/^VmHWM/ {print $2}' "/proc/$(monitor_of c)/status")" -lt 16384 ] || explain "the monitor has grown"
    [ "$(du -sm "$T/root/containers" | cut -f1)" -lt 40 ] || explain "the log has grown"
    bounded 0 stop -t 0 c
}

@test "hostile container: exec races with its end" {
    local i
    for i in {1..12}; do
        ok run -d --name c --network none "$IMAGE" sleep "0.0$((i % 8))"
        bounded "0 125 137 255" exec c true
        bounded 0 wait c
        bounded 0 rm -f c
        ok run -d --rm --name c --network none "$IMAGE" sleep "0.0$((i % 8))"
        bounded "0 125 137 255" exec c sh -c 'while :; do :; done'
        eventually no_containers
    done
}

# without_proc RC ARG..., without_dev RC ARG...
without_proc() {
    run "-$1" --separate-stderr unshare -m sh -c 'umount -l /proc; "$@"' - "${MCPD_CMD[@]}" "${@:2}"
}

without_dev() {
    run "-$1" --separate-stderr unshare -m sh -c 'mount -t tmpfs none /dev; "$@"' - \
        "${MCPD_CMD[@]}" "${@:2}"
}

@test "a host without /proc or /dev/null: the error names it" {
    root_only "needs mounts of its own"
    ok run --name c --network none "$IMAGE" true
    ok run -d --name d --network none "$IMAGE" sleep 600
    without_proc 125 run --rm --network none "$IMAGE" true
    error_is "Error: /proc is not mounted, or not that of this process"
    without_proc 125 start c
    error_has "/proc is not mounted"
    without_proc 125 stop -t 0 d
    error_has "/proc is not mounted"
    state_is d running
    without_dev 125 run --rm --network none "$IMAGE" true
    error_has ": open /dev/null: No such file or directory"
    without_dev 125 start c
    error_has ": open /dev/null: No such file or directory"
}
