#!/usr/bin/env bats
# The image store from outside: images, image inspect, tag, rmi.
# bats file_tags=asan

load helper/common

@test "images: empty store" {
    ok images
    says "REPOSITORY  TAG         IMAGE ID    CREATED     SIZE"
    ok images --format json
    equal "$(jq -c . <<<"$output")" "[]"
}

@test "images: table" {
    need busybox
    ok images
    [[ "${lines[0]}" =~ ^REPOSITORY\ +TAG\ +IMAGE\ ID\ +CREATED\ +SIZE$ ]] || explain "header"
    [[ "${lines[1]}" =~ ^"$REGISTRY/t/busybox"\ +latest\ +[0-9a-f]{12}\ +.*\ ago\ +[0-9.]+\ MB$ ]] ||
        explain "row"
}

@test "images -q: short ids; --no-trunc: whole" {
    need busybox
    ok images -q
    [[ "$output" =~ ^[0-9a-f]{12}$ ]] || explain "short id"
    ok images -q --no-trunc
    [[ "$output" =~ ^sha256:[0-9a-f]{64}$ ]] || explain "whole id"
}

@test "images --format json: podman's fields" {
    need busybox
    ok images --format json
    jq -e '.[0] | (.Id | test("^[0-9a-f]{64}$")) and (.Digest | startswith("sha256:"))
        and (.Size > 1000000) and (.Created == 1704164645) and .Containers == 0
        and (.Names | length == 1) and (.RepoDigests | length == 1)' <<<"$output"
    equal "$(jq -r '.[0].Names[0]' <<<"$output")" "$IMAGE:latest"
}

@test "image inspect: the configuration" {
    need config:v1.2
    ok image inspect "$IMAGE"
    jq -e '.[0] | .Os == "linux" and .Architecture == "amd64" and .Config.User == "app"
        and .Config.WorkingDir == "/srv/work" and .Config.StopSignal == "SIGUSR1"
        and .Config.Cmd == ["sleep","600"] and .Config.Labels.maintainer == "nobody"
        and (.RootFS.Layers | length == 1) and .Config.ExposedPorts == {"8080/tcp":{}}' <<<"$output"
    ok image inspect --format '{{.Id}}' "$IMAGE"
    is_id "$output"
}

@test "images, history, image inspect --format: what the JSON leaves out" {
    need busybox
    ok images --format '{{.ReadOnly}} {{.Dangling}} {{.Labels}}'
    says "false false map[]"
    ok history --format '{{.Tags}}' "$IMAGE"
    equal "${lines[0]}" "[]"
    ok image inspect --format '{{.Config.Entrypoint}} {{.Config.ExposedPorts}} {{.Config.Volumes}} {{.Config.Labels}} {{.Labels}}' "$IMAGE"
    says "[] map[] map[] map[] map[]"
    ok image inspect --format '<{{.Config.User}}{{.Config.StopSignal}}> {{.Config.ArgsEscaped}}' "$IMAGE"
    says "<> false"
    ok image inspect "$IMAGE"
    jq -e '.[0].Config | (has("Entrypoint") or has("User") or has("ArgsEscaped")) | not' <<<"$output"
    ok image inspect --format '{{json .Config}}' "$IMAGE"
    jq -e '(has("Entrypoint") or has("User")) | not' <<<"$output"
}

@test "image inspect: by id and by the start of it" {
    need busybox
    ok images -q
    local short=$output
    ok image inspect --format '{{.Id}}' "$short"
    is_id "$output"
    ok image inspect --format '{{.Id}}' "${short:0:5}"
}

@test "image inspect: absent" {
    fails 125 image inspect nosuch
    error_has "nosuch: image not known"
    says "[]"
}

@test "image exists" {
    need busybox
    ok image exists "$IMAGE"
    fails 1 image exists localhost/nope:1
    equal "$output$stderr" ""
}

@test "tag: a second name for the same image" {
    need busybox
    ok tag "$IMAGE" localhost/mine:1
    ok run --rm --network none localhost/mine:1 echo works
    says works
    ok images --format '{{.Repository}} {{.ID}}'
    equal "${#lines[@]}" 2
    equal "$(cut -d' ' -f2 <<<"$output" | sort -u | wc -l)" 1
}

@test "tag: without a host it is localhost" {
    need busybox
    ok tag "$IMAGE" mine
    ok image exists localhost/mine:latest
    ok run --rm --network none mine echo works
    says works
}

@test "tag: absent image, bad name" {
    fails 125 tag nosuch localhost/x:1
    error_has "nosuch: image not known"
    need busybox
    fails 125 tag "$IMAGE" localhost/X:1
    error_has "repository name must be lowercase"
}

@test "rmi: one of two names only untags" {
    need busybox
    ok tag "$IMAGE" localhost/mine:1
    ok rmi localhost/mine:1
    says "Untagged: localhost/mine:1"
    ok run --rm --network none "$IMAGE" true
}

@test "rmi: the last name removes blobs and layers" {
    need busybox
    ok rmi "$IMAGE"
    has "Untagged: $IMAGE:latest"
    has "Deleted: "
    ok images -q
    says ""
    equal "$(find "$T/root/images/blobs/sha256" "$T/root/layers" -mindepth 1 | wc -l)" 0
}

@test "rmi: a layer that another image uses stays" {
    need busybox nocmd
    ok rmi "$REGISTRY/t/busybox"
    ok run --rm --network none "$REGISTRY/t/nocmd" echo works
    says works
}

@test "rmi: absent" {
    fails 1 rmi nosuch
    error_is "Error: nosuch: image not known"
}

@test "rmi: used by a container" {
    need busybox
    ok run --name user --network none "$IMAGE" true
    fails 2 rmi "$IMAGE"
    error_has "in use by a container"
    ok rm user
    ok rmi "$IMAGE"
}

@test "rmi -f: also removes the container" {
    need busybox
    ok run --name user --network none "$IMAGE" true
    ok rmi -f "$IMAGE"
    ok ps -aq
    says ""
}

@test "rmi: a running container survives a lost name" {
    need busybox
    ok tag "$IMAGE" localhost/mine:1
    ok run -d --name user --network none localhost/mine:1 sleep 600
    ok rmi localhost/mine:1
    ok exec user echo works
    says works
}
