#!/usr/bin/env bats
# The command line itself: help, versions, mistakes, the man page, completion.
# bats file_tags=asan

load helper/common

commands() {
    "$MCPD" --help | awk '/^Commands|^[A-Z].*:$/ {on = 1; next} on && /^  [a-z]/ {print $1}'
}

@test "cli: --version, version" {
    ok --version
    [[ "$output" =~ ^mcpd\ version\ [0-9]+\.[0-9]+\.[0-9]+$ ]] || explain "text"
    ok version --format json
    jq -e '.Client.Version | test("^[0-9]+\\.[0-9]+\\.[0-9]+$")' <<<"$output"
    ok version
}

@test "cli: version --format: of the client, with and without its name" {
    local field
    for field in Version APIVersion GoVersion GitCommit Built BuiltTime OsArch Os; do
        ok version --format "{{.Client.$field}}"
        local of_client=$output
        ok version --format "{{.$field}}"
        says "$of_client"
        ok version --format "{{.Server.$field}}"
        says "$of_client"
    done
    ok version --format '{{.Version}}'
    [[ "$output" =~ ^[0-9]+\.[0-9]+\.[0-9]+$ ]] || explain "text"
    ok version --format '{{.Server}}'
    says "<nil>"
    fails 125 version --format '{{.Foo}}'
    error_is "Error: template: version:1: executing \"version\" at <.Foo>: can't evaluate field Foo"
    fails 125 version --format '{{.Version'
}

@test "cli: --help names every command, each has its own" {
    ok --help
    has "run"
    local command
    [ "$(commands | wc -l)" -ge 15 ]
    for command in $(commands); do
        ok "$command" --help
        has "Usage:"
        has "mcpd $command"
        equal "$stderr" ""
    done
}

@test "cli: no command, unknown command, unknown option" {
    fails 125
    fails 125 frob
    error_has "mcpd --help"
    [[ "$stderr" == 'Error: unrecognized command `mcpd frob`'* ]] || explain "text"
    fails 125 --nosuch ps
    [[ "$stderr" == "Error: unknown flag: --nosuch"* ]] || explain "text"
    fails 125 ps --nosuch
    [[ "$stderr" == "Error: unknown flag: --nosuch"$'\n'"See 'mcpd ps --help'"* ]] || explain "text"
    fails 125 ps -Z
    [[ "$stderr" == "Error: unknown shorthand flag: 'Z' in -Z"* ]] || explain "text"
    fails 125 logs --tail
    [[ "$stderr" == "Error: flag needs an argument: --tail"* ]] || explain "text"
}

@test "cli: --option=value, --option value, -oVALUE, joined short options" {
    need busybox
    ok run --rm --network=none --env=A=1 -eB=2 "$IMAGE" sh -c 'echo $A$B'
    says 12
    run -0 --separate-stderr mcpd run -i --rm --network none "$IMAGE" cat <<<"joined"
    ok run -dt --network none --name c "$IMAGE" sleep 600
    ok stop -t0 c
}

@test "cli: container and image are also groups" {
    need busybox
    ok container run --rm --network none "$IMAGE" echo works
    says works
    ok container ps -a
    ok image ls
    has "$IMAGE"
    ok container ls -aq
}

@test "cli: info" {
    ok info --format json
    jq -e --arg root "$T/root" '.host.os == "linux" and .host.security.rootless != null
        and .store.graphRoot == $root and (.version.Version | test("^[0-9]"))' <<<"$output"
    local version=v2 name
    if grep -q ' - cgroup ' /proc/self/mountinfo; then
        version=v1
    fi
    equal "$(jq -r .host.cgroupVersion <<<"$output")" "$version"
    for name in memory pids cpu; do
        if [ "$version" = v1 ] && [ "$(id -u)" = 0 ] && grep -qE " - cgroup .*[, ]$name(,|\$)" /proc/self/mountinfo; then
            jq -e --arg name "$name" '.host.cgroupControllers | index($name)' <<<"$output"
        fi
    done
    ok info --format '{{.Host.CgroupsVersion}} {{.Host.IDMappings.GIDMap}}'
    [[ "$output" == "$version ["*"]" ]] || explain "template"
    ok info
}

@test "cli: a closed stdout is an error, not silence" {
    run bash -c '"$MCPD" --root "$T/root" --runroot "$T/run" info --format json >/dev/full'
    [ "$status" != 0 ] || explain "success with a full output"
}

@test "cli: stdin, stdout or stderr that are closed" {
    need busybox
    run -0 bash -c '"$@" <&- 2>&-' - "${MCPD_CMD[@]}" run --rm --network none "$IMAGE" echo works
    says works
    run -0 bash -c '"$@" >&- 2>&- <&-' - "${MCPD_CMD[@]}" run -d --name c --network none "$IMAGE" sleep 600
    state_is c running
}

@test "cli: the man page names every command and option of the help" {
    "$MCPD" internal man >"$T/mcpd.1"
    sed 's/\\//g' "$T/mcpd.1" >"$T/plain"
    local command option
    for command in $(commands); do
        grep -q -- "$command" "$T/mcpd.1" || explain "no $command"
        for option in $("$MCPD" "$command" --help | grep -oE '^ +(-[a-zA-Z], )?--[a-z-]+' | grep -oE '\-\-[a-z-]+'); do
            grep -q -- "$option" "$T/plain" || explain "$command: no $option"
        done
    done
    if command -v man >/dev/null; then
        run -0 man --warnings -l "$T/mcpd.1"
        equal "$stderr" ""
    fi
}

# What bash offers for the last word, after the words before it: with the completion in
# $T/completion, and a program of the first word's name in $T/bin. One a line, sorted.
completes() {
    mkdir -p "$T/bin"
    ln -sf "$(command -v "$MCPD")" "$T/bin/$1"
    run -0 env PATH="$T/bin:$PATH" bash -c '
        . "$T/completion"
        COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMP_LINE="$*" COMP_POINT=${#COMP_LINE}
        $(complete -p "$1" | sed "s/.*-F \([^ ]*\) .*/\1/") "$1" "${!#}" "${COMP_WORDS[$# - 2]}"
        ((${#COMPREPLY[@]} == 0)) || printf "%s\n" "${COMPREPLY[@]}" | sort' - "$@"
}

@test "cli: completion of commands and options" {
    "$MCPD" internal completion bash >"$T/completion"
    completes mcpd ru
    has run
    completes mcpd run --ent
    says --entrypoint
    completes mcpd --r
    says $'--root\n--runroot'
}

@test "cli: completion of what an option may be" {
    "$MCPD" internal completion bash >"$T/completion"
    completes mcpd run --network ''
    says $'host\nnone'
    completes mcpd run --net = ''
    says $'host\nnone'
    completes mcpd create --network =
    says $'host\nnone'
    completes mcpd run --network=h
    says --network=host
    completes mcpd run --pull n
    says $'never\nnewer'
    completes mcpd run --restart on
    says on-failure
    completes mcpd ps --filter s
    says $'since=\nstatus='
    completes mcpd ps --filter status = ''
    says ''
    completes mcpd image ls --filter re
    says $'readonly=\nreference='
    completes mcpd ps --format ''
    says $'json\nmcp\ntable'
    completes mcpd container kill -s TE
    says TERM
    completes mcpd --log-level e
    says error
    completes mcpd run --name ''
    says ''
    completes mcpd completion ''
    says $'bash\nfish\nzsh'
    completes mcpd completion bash ''
    says ''
}

@test "cli: completion of files and folders where they are meant" {
    "$MCPD" internal completion bash >"$T/completion"
    mkdir "$T/here" "$T/here/folder one"
    : >"$T/here/file"
    cd "$T/here"
    completes mcpd run --env-file ''
    says $'file\nfolder one'
    completes mcpd --root ''
    says 'folder one'
    completes mcpd run image ''
    says $'file\nfolder one'
    completes mcpd run image --net
    says ''
}

@test "cli: completion asks the store of --root and --runroot" {
    need busybox
    "$MCPD" internal completion bash >"$T/completion"
    ok create --name kept --network none "$IMAGE" true
    local root=${MCPD_CMD[2]} runroot=${MCPD_CMD[4]} ask
    equal "${MCPD_CMD[1]} ${MCPD_CMD[3]}" "--root --runroot"
    for ask in '' =; do
        # shellcheck disable=SC2086 # nothing, or the word bash makes of a '='
        completes mcpd --root $ask "$root" --runroot $ask "$runroot" rm ''
        says kept
    done
    completes mcpd "--root=$root" "--runroot=$runroot" rm ''
    says kept
    HOME=${root%/*} completes mcpd --root '~'"/${root##*/}" --runroot "\"$runroot\"" rm ''
    says kept
    completes mcpd rm --root "$root" --runroot "$runroot" k
    says kept
    completes mcpd --root "$root" --runroot "$runroot" run ''
    has "${IMAGE##*/}"
    # No store is made by asking.
    mkdir "$T/empty"
    completes mcpd --root "$T/empty" --runroot "$T/other" rm ''
    says ''
    completes mcpd --root "$T/missing" --runroot "$T/other" run ''
    says ''
    equal "$(ls -A "$T/empty")" ''
    [ ! -e "$T/missing" ] && [ ! -e "$T/other" ]
}

@test "cli: completion speaks of a link by its name" {
    ln -s "$(command -v "$MCPD")" "$T/podman"
    "$T/podman" completion bash >"$T/completion"
    run -0 tail -n 1 "$T/completion"
    says 'complete -F _mcpd podman'
    completes podman ps --format j
    says json
    run -0 "$T/podman" completion zsh
    equal "${lines[0]}" "#compdef podman"
    run -0 "$T/podman" completion fish
    has "complete -c podman -n"
    hasnt "complete -c mcpd"
}

@test "cli: --root and --runroot that are files, or relative" {
    : >"$T/file"
    run "$MCPD" --root "$T/file" --runroot "$T/run" ps
    equal "$status" 125
    MCPD_CMD=("$MCPD" --root root --runroot run)
    need busybox
    ok run --rm --network none "$IMAGE" echo works
    says works
}
