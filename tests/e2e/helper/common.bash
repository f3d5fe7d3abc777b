# common.bash - what every end-to-end test starts with.
#
#   load helper/common            at the top of a file; it defines setup (common_setup) and teardown
#   mcpd ARG...                   the program, on this test's own --root and --runroot
#                                 ("${MCPD_CMD[@]}" where a function will not do)
#   ok ARG...                     mcpd, must succeed; $output and $stderr as bats has them
#   fails RC ARG...               mcpd, must end with RC
#   says TEXT / error_is TEXT     exact stdout; exact last line of stderr
#   error_has TEXT                part of the last line of stderr
#   start_client ARG...           mcpd in the background ($CLIENT); client_ends RC waits for it
#   need IMAGE...                 pulls t/IMAGE of the suite's registry; $IMAGE names the last one
#   init_of NAME, monitor_of NAME numbers of the container's two processes on the host
#   eventually COMMAND...         until it succeeds, 10 seconds ($PATIENCE) at most
#   owner COMMAND...              as the owner of an image's files
#   root_only / user_only REASON  skips the test
#
# A test has an empty folder ($T, the working directory, HOME and TMPDIR below
# it). It fails if afterwards a mount, a cgroup, a process or a file of mcpd's is
# still there.

bats_require_minimum_version 1.5.0
export BATS_TEST_TIMEOUT=${BATS_TEST_TIMEOUT:-120}

mcpd() {
    "${MCPD_CMD[@]}" "$@"
}

ok() {
    run --separate-stderr -- mcpd "$@"
    [ "$status" = 0 ] || explain "status $status, expected 0"
}

fails() {
    local expected=$1 check=()
    shift
    # bats takes 127 for a mistake in the test unless told.
    [ "$expected" != 127 ] || check=(-127)
    run "${check[@]}" --separate-stderr -- mcpd "$@"
    [ "$status" = "$expected" ] || explain "status $status, expected $expected"
}

explain() {
    printf '%s\n' "$1" "stdout: ${output:0:3000}" "stderr: ${stderr:0:3000}" >&2
    return 1
}

says() {
    [ "$output" = "$1" ] || explain "stdout is not: $1"
}

has() {
    [[ "$output" == *"$1"* ]] || explain "stdout lacks: $1"
}

hasnt() {
    [[ "$output" != *"$1"* ]] || explain "stdout contains: $1"
}

# The last line of stderr is the one error; there may be progress before it.
error_line() {
    printf '%s' "${stderr##*$'\n'}"
}

error_is() {
    [ "$(error_line)" = "$1" ] || explain "the error is not: $1"
}

error_has() {
    [[ "$(error_line)" == *"$1"* ]] || explain "the error lacks: $1"
}

# A client in the background, as a process of ours that can be signalled: $CLIENT.
start_client() {
    # bash would give a background command an empty stdin.
    "${MCPD_CMD[@]}" "$@" <&0 3>&- &
    CLIENT=$!
    echo "$CLIENT" >>"$T/helpers"
}

# client_ends RC: waits for it.
client_ends() {
    local code=0
    wait "$CLIENT" || code=$?
    equal "$code" "$1"
}

is_id() {
    [[ "$1" =~ ^[0-9a-f]{64}$ ]] || explain "not an id: $1"
}

equal() {
    [ "$1" = "$2" ] || explain "got '$1', expected '$2'"
}

need() {
    local name
    for name in "$@"; do
        IMAGE=$REGISTRY/t/$name
        mcpd pull -q "$IMAGE" >/dev/null
    done
}

eventually() {
    local deadline=$((SECONDS + ${PATIENCE:-10}))
    until "$@" >/dev/null 2>&1; do
        if [ "$SECONDS" -ge "$deadline" ]; then
            explain "never became true: $*"
            return 1
        fi
        sleep 0.05
    done
}

state_is() {
    [ "$(mcpd inspect --format '{{.State.Status}}' "$1")" = "$2" ]
}

# The container's process and its monitor, as the host numbers them.
init_of() {
    mcpd inspect --format '{{.State.Pid}}' "$1"
}

monitor_of() {
    awk '/^PPid:/ {print $2}' "/proc/$(init_of "$1")/status"
}

# no_containers: of any state; no_containers -q: running.
no_containers() {
    [ -z "$(mcpd ps "${1:--aq}")" ]
}

root_only() {
    [ "$MCPD_TEST_AS" = root ] || skip "as an ordinary user: $1"
}

user_only() {
    [ "$MCPD_TEST_AS" = user ] || skip "as root: $1"
}

# As the owner of the files of an image: root, in the user namespace of an ordinary user.
owner() {
    if [ "$MCPD_TEST_AS" = user ]; then
        unshare --map-root-user --map-auto -- "$@"
    else
        "$@"
    fi
}

# A registry that misbehaves: bad_registry LAYOUT [FAULT]...; sets BAD. One that
# already runs like this serves what has come into its layout since.
bad_registry() {
    local layout=$1
    [ "$*" != "${BAD_ARGUMENTS:-}" ] || return 0
    BAD_ARGUMENTS=$*
    shift
    rm -f "$T/bad.port"
    "$HELPER/bad-registry.py" "$layout" "$T/bad.port" "$T/bad.log" "$@" 3>&- &
    echo $! >>"$T/helpers"
    eventually test -s "$T/bad.port"
    export BAD
    BAD=127.0.0.1:$(cat "$T/bad.port")
}

make_image() {
    "$HELPER/make-image.py" "$@"
}

pty() {
    "$HELPER/terminal.py" "$@"
}

# --- nothing is left behind --------------------------------------------------

# Children of the reaper: what lost its parent. Zombies wait for it only.
orphans() {
    ps --no-headers -o pid=,stat=,args= --ppid "$MCPD_TEST_REAPER" |
        awk '$2 !~ /^Z/ { $2 = ""; print }' | sort # its state changes all the time
}

# All but those in other people's temporary folders.
mounts() {
    awk -v ours="$T" '$5 !~ "^/(var/)?tmp/" || index($5, ours) == 1' /proc/self/mountinfo | sort
}

# Root's suite sees no groups but its own (helper/own-groups); elsewhere those
# of other suites are in sight too.
cgroups() {
    if [ -n "${MCPD_TEST_HIERARCHIES:-}" ]; then
        # shellcheck disable=SC2086 # one word for each hierarchy
        find $MCPD_TEST_HIERARCHIES -mindepth 1 -type d 2>/dev/null | sort
    else
        find /sys/fs/cgroup -mindepth 2 -type d -path '*mcpd*' 2>/dev/null | sort
    fi
}

# A group of this test's: where others can be seen, one of this user without a
# process, or with one of ours in it.
is_our_cgroup() {
    local pid
    [ -d "$1" ] || return 1
    [ -z "${MCPD_TEST_HIERARCHIES:-}" ] || return 0
    [ -O "$1" ] || return 1
    [ "$(basename "$1")" != mcpd ] || return 1
    pid=$(head -n 1 "$1/cgroup.procs" 2>/dev/null) || return 1
    [ -z "$pid" ] || is_descendant "$pid"
}

is_descendant() {
    local pid=$1
    while [ "${pid:-0}" -gt 1 ]; do
        [ "$pid" != "$MCPD_TEST_REAPER" ] || return 0
        pid=$(awk '{sub(/.*\) /, ""); print $2}' "/proc/$pid/stat" 2>/dev/null) || return 1
    done
    return 1
}

# Folders that mcpd falls back to when it loses its --root.
stray_paths() {
    ls -d /var/lib/mcpd /run/mcpd "$HOME"/.local/share/mcpd "$XDG_RUNTIME_DIR"/mcpd \
        "$TMPDIR"/* 2>/dev/null || true
}

leaked_cgroups() {
    local group
    comm -13 "$T.before/cgroups" <(cgroups) | while read -r group; do
        if is_our_cgroup "$group"; then echo "cgroup $group"; fi
    done
}

leaks() {
    comm -13 "$T.before/orphans" <(orphans) | sed 's/^/process /'
    comm -13 "$T.before/mounts" <(mounts) | sed 's/^/mount /'
    comm -13 "$T.before/stray" <(stray_paths | sort) | sed 's/^/file /'
    leaked_cgroups
}

# What was lost must not hold up the tests that follow.
kill_orphans() {
    local pid
    comm -13 "$T.before/orphans" <(orphans) | while read -r pid _; do
        kill -9 "$pid" 2>/dev/null || true
    done
}

no_leaks() {
    [ -z "$(leaks)" ]
}

# What the container records leave when the last container is gone.
leftover_records() {
    find "$T/root/containers" "$T/root/names" "$T/root/tmp" "$T/run/containers" \
        -mindepth 1 -maxdepth 1 2>/dev/null | sed 's/^/record /'
}

remember() {
    mkdir "$T.before"
    orphans >"$T.before/orphans"
    mounts >"$T.before/mounts"
    stray_paths | sort >"$T.before/stray"
    cgroups >"$T.before/cgroups"
}

remove_containers() {
    local ids
    [ -d "$T/root/containers" ] || return 0
    mapfile -t ids < <(mcpd ps -aq --no-trunc 2>/dev/null || true)
    [ "${#ids[@]}" = 0 ] || mcpd rm -f -t 0 "${ids[@]}" >/dev/null
}

# As a user some files belong to subordinate ids: only their namespace removes them.
remove_folder() {
    if [ "$MCPD_TEST_AS" = user ]; then
        unshare --map-root-user --map-auto -- rm -rf "$T" "$T.before"
    else
        rm -rf "$T" "$T.before"
    fi
}

common_setup() {
    T=$(mktemp -d /tmp/mt.XXXXXX)
    mkdir "$T/home" "$T/tmp" "$T/xdg"
    chmod 755 "$T"
    chmod 700 "$T/xdg"
    MCPD_CMD=("$MCPD" --root "$T/root" --runroot "$T/run")
    export T HOME=$T/home TMPDIR=$T/tmp XDG_RUNTIME_DIR=$T/xdg
    # A second between attempts is for real registries.
    export MCPD_RETRY_DELAY_MS=100
    # No configuration but the test's own, which it writes there.
    export MCPD_CONF=$T/mcpd.conf
    unset XDG_DATA_HOME XDG_CONFIG_HOME REGISTRY_AUTH_FILE http_proxy https_proxy HTTP_PROXY HTTPS_PROXY
    cd "$T" || return
    remember
}

teardown() {
    local pid status=0
    cd /
    remove_containers || status=1
    # What a killed process left half made goes with the next removal.
    [ -z "${SWEEPS:-}" ] || mcpd rmi -f -a >/dev/null
    if [ -f "$T/helpers" ]; then
        while read -r pid; do kill "$pid" 2>/dev/null || true; done <"$T/helpers"
    fi
    if ! eventually no_leaks || [ -n "$(leftover_records)" ]; then
        echo "left behind:"
        leaks
        leftover_records
        kill_orphans
        status=1
    fi
    remove_folder || status=1
    return "$status"
}

# A file with more to prepare defines its own and calls common_setup first.
setup() {
    common_setup
}
