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
    local command option
    for command in $(commands); do
        grep -q -- "$command" "$T/mcpd.1" || explain "no $command"
        for option in $("$MCPD" "$command" --help | grep -oE '^ +(-[a-zA-Z], )?--[a-z-]+' | grep -oE '\-\-[a-z-]+'); do
            sed 's/\\//g' "$T/mcpd.1" | grep -q -- "$option" || explain "$command: no $option"
        done
    done
    if command -v man >/dev/null; then
        run -0 man --warnings -l "$T/mcpd.1"
        equal "$stderr" ""
    fi
}

@test "cli: completion" {
    "$MCPD" internal completion bash >"$T/completion"
    run -0 bash -c '
        . "$T/completion"
        COMP_WORDS=(mcpd ru) COMP_CWORD=1 COMP_LINE="mcpd ru" COMP_POINT=7
        $(complete -p mcpd | sed "s/.*-F \([^ ]*\) .*/\1/") mcpd ru mcpd
        printf "%s\n" "${COMPREPLY[@]}"'
    has run
    run -0 bash -c '
        . "$T/completion"
        COMP_WORDS=(mcpd run --ent) COMP_CWORD=2 COMP_LINE="mcpd run --ent" COMP_POINT=14
        $(complete -p mcpd | sed "s/.*-F \([^ ]*\) .*/\1/") mcpd --ent run
        printf "%s\n" "${COMPREPLY[@]}"'
    has --entrypoint
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
