#!/usr/bin/env bats
# Which process maps, holds and shows what.

load helper/common

heavy='lib(curl|archive|crypto|ssl|isal|zstd)'

@test "processes: mcpd links none of the image half's libraries" {
    run -0 ldd "$MCPD"
    run ! grep -E "$heavy" <<<"$output"
    run -0 ldd "$(image_program)"
    [[ "$output" =~ libcurl && "$output" =~ libarchive && "$output" =~ libcrypto ]] || explain "mcpd-image"
}

image_program() {
    local place
    for place in "$(dirname "$MCPD")/mcpd-image" "$(dirname "$MCPD")/../libexec/mcpd/mcpd-image"; do
        if [ -x "$place" ]; then echo "$place"; return; fi
    done
}

monitor_of() {
    local pid
    pid=$(mcpd inspect --format '{{.State.Pid}}' "$1")
    awk '/^PPid:/ {print $2}' "/proc/$pid/status"
}

@test "processes: commands that touch containers never map them" {
    need busybox
    ok run -d --name c --network none "$IMAGE" sleep 600
    local command commands=("ps -a" "inspect c" "exec c true" "logs c" "stop -t 0 c" "rm c" "images" "version")
    # A traced newuidmap has no privileges, so an ordinary user cannot run under strace.
    [ "$MCPD_TEST_AS" = user ] || commands+=("run --rm --network none $IMAGE true")
    for command in "${commands[@]}"; do
        # shellcheck disable=SC2086
        strace -f -qq -e trace=openat,open,execve -o "$T/trace" "${MCPD_CMD[@]}" $command >/dev/null ||
            explain "$command"
        run ! grep -E "$heavy.*\.so|mcpd-image" "$T/trace"
    done
}

@test "processes: the monitor's maps" {
    need busybox
    ok run -d --name c --network none "$IMAGE" sleep 600
    cat "/proc/$(monitor_of c)/maps" >"$T/maps" 2>/dev/null || skip "the monitor's maps are not ours to read"
    [ -s "$T/maps" ]
    run ! grep -E "$heavy" "$T/maps"
}

@test "processes: the monitor's title, folder, descriptors and session" {
    need busybox
    exec 7<"$T/home"
    ok run -d --name web --network none "$IMAGE" sleep 600
    exec 7<&-
    local pid
    pid=$(monitor_of web)
    equal "$(tr '\0' ' ' <"/proc/$pid/cmdline" | cut -c1-9)" "mcpd: web"
    equal "$(ps -o sid= -p "$pid" | tr -d ' ')" "$pid"
    if [ -r "/proc/$pid/fd" ]; then
        equal "$(readlink "/proc/$pid/cwd")" /
        run ! sh -c "ls -l /proc/$pid/fd | grep -E '$T/home|suite|bats'"
    fi
}

@test "processes: one monitor for each container and nothing else" {
    need busybox
    orphans >"$T/before"
    ok run -d --name a --network none "$IMAGE" sleep 600
    ok run -d --name b --network none "$IMAGE" sleep 600
    equal "$(comm -13 "$T/before" <(orphans) | wc -l)" 2
}

@test "processes: nothing resident after a pull, a run, a load" {
    orphans >"$T/before"
    need busybox
    ok run --rm --network none "$IMAGE" true
    ok load -i "$IMAGES/oci-archive.tar"
    eventually same_orphans
}

same_orphans() {
    [ -z "$(comm -13 "$T/before" <(orphans))" ]
}

@test "processes: no file is written outside --root and --runroot" {
    root_only "a traced newuidmap has no privileges"
    need busybox
    strace -f -qq -e trace=openat,mkdirat,mkdir,renameat,rename,symlinkat,unlinkat,creat -o "$T/trace" \
        "${MCPD_CMD[@]}" run --rm --network none --name c "$IMAGE" true
    # What creates or opens for writing, by absolute path, that is not below our folders or a pseudo file system.
    grep -E 'O_CREAT|mkdir|rename|symlink|unlink' "$T/trace" | grep -v ' = -1 ' | grep -oE '"/[^"]*"' |
        grep -vE "\"($T/|/proc/|/sys/fs/cgroup|/dev/)" >"$T/written" || true
    # Paths inside the container's root look absolute too: none of them exists outside.
    local path
    while read -r path; do
        path=${path//\"/}
        [ ! -e "$path" ] || [ "$path" -ot "$T.before" ] || explain "wrote $path"
    done <"$T/written"
}

@test "processes: a long --root and --runroot" {
    need busybox
    local long
    long=$T/$(printf 'x%.0s' {1..100})/$(printf 'y%.0s' {1..100})
    mkdir -p "$long"
    MCPD_CMD=("$MCPD" --root "$long/root" --runroot "$long/run")
    need busybox
    ok run -d --name c --network none "$IMAGE" sleep 600
    ok exec c echo works
    says works
    ok rm -f -t 0 c
    ok rmi -f "$IMAGE"
}

@test "processes: no file capabilities, no setuid on what is installed" {
    local file
    for file in "$MCPD" "$(image_program)"; do
        equal "$(getcap "$file")" ""
        [[ "$(stat -c %a "$file")" =~ ^[0-7]?[0-7]{3}$ ]]
        [ ! -u "$file" ] && [ ! -g "$file" ]
    done
}

@test "processes: a store that belongs to somebody else is not touched" {
    user_only "root may use any"
    MCPD_CMD=("$MCPD" --root /var/lib/somebody --runroot "$T/run")
    fails 125 images
    equal "$(wc -l <<<"$stderr")" 1
}
