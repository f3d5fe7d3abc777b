#!/usr/bin/env bats
# inspect: podman's shape, templates, and ContainerInfo (--format mcp).

load helper/common

setup() {
    common_setup
    need config:v1.2
    mkdir "$T/shared"
}

web() {
    ok run -d --name web --network none --user 0:0 --restart unless-stopped -v "$T/shared:/data" \
        -e EXTRA=1 -w / "$IMAGE" sleep 601
    ID=$output
}

@test "inspect: the paths a control plane reads" {
    web
    ok inspect web
    jq -e --arg id "$ID" --arg image "$IMAGE" --arg source "$T/shared" '.[0]
        | .Id == $id and .Name == "web" and .ImageName == $image and (.Image | test("^[0-9a-f]{64}$"))
        and .State.Status == "running" and .State.Running == true and .State.Pid > 1
        and .State.ExitCode == 0 and .State.OOMKilled == false and .State.Error == ""
        and (.State.StartedAt | test("^20[0-9-]+T[0-9:.]+(Z|[+-].*)$"))
        and .State.FinishedAt == "0001-01-01T00:00:00Z"
        and .HostConfig.NetworkMode == "none" and (.NetworkSettings.Networks // {}) == {}
        and .HostConfig.RestartPolicy.Name == "unless-stopped"
        and .Config.User == "0:0" and .Config.Cmd == ["sleep","601"] and .Path == "sleep" and .Args == ["601"]
        and (.Config.Env | index("EXTRA=1")) != null and (.Config.Env | index("COLOR=blue")) != null
        and .Config.Labels.maintainer == "nobody"
        and (.Mounts | length == 1) and (.Mounts[0] | .Type == "bind" and .Source == $source
            and .Destination == "/data" and .RW == true)
        and .HostConfig.PortBindings == {}' <<<"$output"
}

@test "inspect: the end" {
    web
    ok stop -t 0 web
    ok inspect web
    jq -e '.[0].State | .Status == "exited" and .Running == false and .Pid == 0 and .ExitCode == 137
        and (.FinishedAt | startswith("20"))' <<<"$output"
}

@test "inspect: never started" {
    ok create --name c --network none "$IMAGE"
    ok inspect c
    jq -e '.[0].State | .Status == "created" and .StartedAt == "0001-01-01T00:00:00Z" and .Pid == 0' <<<"$output"
    ok inspect --format '{{.State.Status}} {{.Config.User}}' c
    says "created app"
}

@test "inspect --format: fields, json" {
    web
    ok inspect --format '{{.Name}} {{.ImageName}} {{.State.Status}} {{.HostConfig.RestartPolicy.Name}}' web
    says "web $IMAGE running unless-stopped"
    ok inspect -f '{{json .Config.Cmd}}' web
    says '["sleep","601"]'
    ok inspect --format '{{.State.StartedAt}}' web
    [[ "$output" =~ ^20[0-9-]+\ [0-9:.]+\ \+0000\ UTC$ ]] || explain "Go's time"
    fails 125 inspect --format '{{.NoSuchField}}' web
    error_has 'template: inspect:1: executing "inspect" at <.NoSuchField>: can'"'"'t evaluate field NoSuchField'
    ok inspect --format '{{range .Config.Env}}{{println .}}{{end}}' web
    has PATH=
    ok inspect --format '{{with .Config.Labels}}{{.none}}{{else}}no labels{{end}} {{len .Mounts}}' web
    ok inspect --format '{{$n := .Name}}{{range $i, $word := .Config.Cmd}}{{$n}}[{{$i}}]={{$word}} {{end}}' web
    has 'web[0]='
}

@test "inspect --format: what the JSON leaves out or has as null" {
    need busybox
    ok create --name c --network none "$IMAGE" true
    ok inspect --format '{{.HostConfig.Init}} {{.HostConfig.IDMappings}} {{.SizeRw}} {{.State.ConmonPid}} {{.Config.SystemdMode}}' c
    says "false <nil> <nil> 0 false"
    ok inspect --format '<{{.State.CheckpointLog}}{{.State.CgroupPath}}{{.Config.Timezone}}>' c
    says "<>"
    ok inspect --format '{{.Config.Labels}} {{.Config.Volumes}} {{.Config.Secrets}} {{.HostConfig.LogConfig.Config}} {{.HostConfig.VolumesFrom}}' c
    says "map[] map[] [] map[] []"
    ok inspect --format '<{{index .Config.Labels "a"}}> {{len .Config.Labels}} {{json .Config.Volumes}}' c
    says "<> 0 null"
    ok inspect c
    jq -e '.[0] | (has("SizeRw") | not) and (.HostConfig | has("Init") | not) and .Config.Volumes == null
        and (.State | has("ConmonPid") | not) and .Config.Labels == null' <<<"$output"
    ok inspect --format '{{json .HostConfig}}' c
    jq -e '(has("Init") | not) and .VolumesFrom == null' <<<"$output"
    fails 125 inspect --format '{{.State.Init}}' c
}

@test "inspect: several, in order" {
    web
    ok create --name second --network none "$IMAGE"
    ok inspect second web
    equal "$(jq -r '.[].Name' <<<"$output")" $'second\nweb'
}

@test "inspect: falls back to images" {
    ok inspect "$IMAGE"
    jq -e '.[0].RootFS.Layers | length == 1' <<<"$output"
}

@test "inspect: absent" {
    fails 125 inspect nosuch
    says "[]"
    error_is 'Error: inspecting object: no such object: "nosuch"'
    fails 125 container inspect nosuch
    says "[]"
    error_is 'Error: inspecting object: no such container nosuch'
    fails 125 inspect
    error_is "Error: no names or ids specified"
}

@test "container exists" {
    ok create --name c --network none "$IMAGE"
    ok container exists c
    fails 1 container exists nosuch
    equal "$output$stderr" ""
}

# Names compare as Go's decoder does: without case.
@test "inspect --format mcp: exactly ContainerInfo" {
    web
    ok inspect --format mcp web
    jq -e --arg image "$IMAGE" --arg volume "$T/shared:/data" '
        if type == "array" then .[0] else . end | with_entries(.key |= ascii_downcase)
        | (keys == ["cmd","image","name","network","ports","restart","started","state","user","version","volumes"])
        and .name == "web" and .image == $image and .state == "running" and .network == "none"
        and .user == "0:0" and .restart == "unless-stopped" and .ports == [] and .volumes == [$volume]
        and .cmd == ["sleep","601"] and .version == "v1.2" and (.started | startswith("20"))' <<<"$output"
}

@test "inspect --format mcp: never started, no tag" {
    need busybox
    ok create --name c --network none "$IMAGE" true
    ok inspect --format mcp c
    jq -e 'if type == "array" then .[0] else . end | with_entries(.key |= ascii_downcase)
        | .started == "0001-01-01T00:00:00Z" and .state == "created"' <<<"$output"
}

@test "container inspect, ps and inspect agree" {
    web
    local from_ps from_inspect
    from_ps=$(mcpd ps -a --format json | jq -c '.[0] | [.Id, .Names[0], .State, .Pid, .ImageID]')
    from_inspect=$(mcpd container inspect web | jq -c '.[0] | [.Id, .Name, .State.Status, .State.Pid, .Image]')
    equal "$from_ps" "$from_inspect"
}
