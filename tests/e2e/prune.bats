#!/usr/bin/env bats
# Images and containers that nobody needs: untag, image prune, container prune; and history.

load helper/common

# --- untag ---------------------------------------------------------------------

@test "untag: one of several names; the image stays" {
    need busybox
    ok tag "$IMAGE" localhost/mine:1 other
    ok untag "$IMAGE" localhost/mine:1
    says ""
    ok images --format '{{.Repository}}:{{.Tag}}'
    equal "$(sort <<<"$output")" "$(printf '%s\n' "$IMAGE:latest" localhost/other:latest | sort)"
}

@test "untag: all names; the image is found by its id and takes a new name" {
    need busybox
    ok tag "$IMAGE" mine
    local id
    id=$(mcpd images -q --no-trunc | cut -d: -f2)
    ok untag mine
    ok images --format '{{.Repository}}:{{.Tag}} {{.ID}}'
    says "<none>:<none> ${id:0:12}"
    fails 125 image inspect "$IMAGE"
    ok run --rm --network none "$id" echo works
    says works
    ok tag "$id" again:1
    ok images --format '{{.Repository}}:{{.Tag}}'
    says localhost/again:1
}

@test "untag: a name that is not there, that is another's, that is no name" {
    need busybox nocmd
    fails 125 untag "$IMAGE" nosuch
    error_is "Error: localhost/nosuch:latest: tag not known"
    fails 125 untag "$IMAGE" "$REGISTRY/t/busybox"
    error_is "Error: $REGISTRY/t/busybox:latest: tag not known"
    fails 125 untag "$IMAGE" localhost/X
    error_has "repository name must be lowercase"
    fails 125 untag nosuch
    error_is "Error: nosuch: image not known"
    ok images -q
    equal "${#lines[@]}" 2
}

# --- image prune ---------------------------------------------------------------

@test "image prune: what has no name goes, what has one or a container stays" {
    need busybox nocmd
    ok run --name user --network none "$REGISTRY/t/busybox" true
    local used unused
    used=$(mcpd image inspect --format '{{.Id}}' "$REGISTRY/t/busybox")
    unused=$(mcpd image inspect --format '{{.Id}}' "$REGISTRY/t/nocmd")
    ok image prune -f
    says ""
    ok untag "$REGISTRY/t/nocmd"
    ok untag "$REGISTRY/t/busybox"
    ok image prune --force
    says "$unused"
    ok images -q --no-trunc
    says "sha256:$used"
    ok start -a user
    ok rm user
    ok image prune -f
    says "$used"
    equal "$(find "$T/root/images/blobs/sha256" "$T/root/layers" -mindepth 1 | wc -l)" 0
}

@test "image prune -a: names do not help; filters do" {
    need busybox config:v1.2
    fails 125 image prune -a -f --filter nosuch=1
    error_has "nosuch"
    ok image prune -a -f --filter label=maintainer=somebody
    says ""
    ok image prune -a -f --filter label=maintainer=nobody
    equal "${#lines[@]}" 1
    ok images --format '{{.Repository}}'
    says "$REGISTRY/t/busybox"
    ok create --name user --network none "$REGISTRY/t/busybox" true
    ok image prune -a -f
    says ""
    ok rm user
    ok image prune -a -f
    ok images -q
    says ""
}

@test "image prune asks first; anything but yes is a no" {
    local answer
    need busybox
    for answer in "" n no "yes please" maybe; do
        run --separate-stderr bash -c '"$@" <<<"$0"' "$answer" "${MCPD_CMD[@]}" image prune -a
        equal "$status" 0
        has "WARNING! This command removes all images without at least one container associated with them."
        has "Are you sure you want to continue? [y/N] "
    done
    ok images -q
    equal "${#lines[@]}" 1
    run --separate-stderr bash -c '"$@" <<<Y' - "${MCPD_CMD[@]}" image prune -a
    equal "$status" 0
    ok images -q
    says ""
}

@test "image prune, container prune: an input that ends before the answer is an error" {
    need busybox
    ok create --name kept --network none "$IMAGE" true
    local kind answer
    for kind in image container; do
        for answer in "" y; do
            printf '%s' "$answer" >"$T/answer"
            run --separate-stderr --keep-empty-lines \
                bash -c '"$@" <"$T/answer"' - "${MCPD_CMD[@]}" "$kind" prune
            equal "$status" 125
            error_is "Error: EOF"
            [[ "$output" == *"continue? [y/N] "$'\n' ]] || explain "the line is left open"
        done
    done
    ok ps -aq
    equal "${#lines[@]}" 1
}

# --- container prune -----------------------------------------------------------

@test "container prune: what does not run goes" {
    need busybox
    local made ended
    ok create --name made --network none "$IMAGE" true
    made=$output
    ok run --name ended --network none "$IMAGE" true
    ended=$(mcpd inspect --format '{{.Id}}' ended)
    ok run -d --name runs --network none "$IMAGE" sleep 600
    ok container prune -f --filter label=nosuch
    says ""
    ok container prune -f
    equal "$output" "$made"$'\n'"$ended"
    ok ps -a --format '{{.Names}}'
    says runs
    run --separate-stderr bash -c '"$@" <<<n' - "${MCPD_CMD[@]}" container prune
    has "WARNING! This will remove all non running containers."
}

@test "container prune, eight at once: each container once" {
    need busybox
    local i pids=()
    for i in 1 2 3 4 5 6; do ok create --network none "$IMAGE" true; done
    for i in 1 2 3 4 5 6 7 8; do
        start_client container prune -f >"$T/out.$i" 2>"$T/err.$i"
        pids+=("$CLIENT")
    done
    for i in "${pids[@]}"; do wait "$i" || explain "one failed: $(cat "$T"/err.*)"; done
    equal "$(cat "$T"/out.* | sort -u | wc -l)" 6
    no_containers
}

# --- history -------------------------------------------------------------------

# Three steps, one of them without a layer.
with_history() {
    make_image layer "$T/one.tar" <<<'{"name":"one","data":"hello"}'
    make_image layer "$T/two.tar" <<<'{"name":"two","data":"hello, world"}'
    make_image image "$T/layout" x/app:1 --layer "$T/one.tar" --layer "$T/two.tar" --config '{}'
    bad_registry "$T/layout"
    ok pull -q "$BAD/x/app:1"
}

@test "history: the last step first, podman's columns and JSON" {
    with_history
    local id
    id=$(mcpd image inspect --format '{{.Id}}' "$BAD/x/app:1")
    ok history "$BAD/x/app:1"
    [[ "${lines[0]}" =~ ^ID\ +CREATED\ +CREATED\ BY\ +SIZE\ +COMMENT\ *$ ]] || explain "heading"
    [[ "${lines[1]}" =~ ^${id:0:12}\ .*\ ago\ +layer\ 2\ +12\ B\ *$ ]] || explain "last step"
    [[ "${lines[2]}" =~ ^"<missing>"\ .*\ ago\ +layer\ 1\ +5\ B\ *$ ]] || explain "first step"
    ok history --format json "$BAD/x/app:1"
    equal "$(jq -c 'map([.id, .CreatedBy, .size, .created == .Created])' <<<"$output")" \
        "[[\"$id\",\"layer 2\",12,true],[\"<missing>\",\"layer 1\",5,true]]"
    ok history -q --no-trunc "$BAD/x/app:1"
    says "$id"$'\n<missing>'
    ok image history --format '{{.CreatedBy}} {{.Size}}' "$BAD/x/app:1"
    says $'layer 2 12 B\nlayer 1 5 B'
    fails 125 history nosuch
    error_is "Error: nosuch: image not known"
}
