#!/usr/bin/env bats
# system df and system prune: what takes how much of the disk, and what nobody uses goes.

load helper/common

# Bytes on the disk of what is below the folders.
disk_bytes() {
    du -s --block-size=1 -c "$@" | tail -n 1 | cut -f1
}

# Two images that share a layer of 300 kB; what only one of them has is 100 kB and 200 kB.
serve_two() {
    make_image layer "$T/base.tar" <<<'{"name":"base","size":300000}'
    make_image layer "$T/one.tar" <<<'{"name":"one","size":100000}'
    make_image layer "$T/two.tar" <<<'{"name":"two","size":200000}'
    make_image image "$T/layout" x/one:1 --layer "$T/base.tar" --layer "$T/one.tar"
    make_image image "$T/layout" x/two:1 --layer "$T/base.tar" --layer "$T/two.tar"
    bad_registry "$T/layout"
    ok pull -q "$BAD/x/one:1"
    ok pull -q "$BAD/x/two:1"
}

df_json() {
    ok system df --format json
    jq -c "$1" <<<"$output"
}

@test "system df: podman's table, of nothing" {
    ok system df
    says "TYPE           TOTAL       ACTIVE      SIZE        RECLAIMABLE
Images         0           0           0B          0B (0%)
Containers     0           0           0B          0B (0%)
Local Volumes  0           0           0B          0B (0%)"
    ok system df -v
    has "Images space usage:"
    has "REPOSITORY  TAG         IMAGE ID    CREATED     SIZE        SHARED SIZE  UNIQUE SIZE  CONTAINERS"
    has "CONTAINER ID  IMAGE       COMMAND     LOCAL VOLUMES  SIZE        CREATED     STATUS      NAMES"
    has "VOLUME NAME  LINKS       SIZE"
}

@test "system df: what is shared counts once, and all of it is what the disk holds" {
    serve_two
    local bytes
    bytes=$(df_json '.[0].Size')
    # The folders themselves and the descriptions of the layers are not counted.
    local held
    held=$(disk_bytes "$T/root/images/blobs/sha256" "$T"/root/layers/*/fs)
    ((bytes <= held && bytes > held - 30000)) || explain "df says $bytes, the disk $held"
    ((bytes > 600000 && bytes < 1300000)) || explain "$bytes"
    equal "$(df_json '.[0] | [.Type, .Total, .Active, .Size == .Reclaimable]')" '["Images",2,0,true]'
    ok create --name user --network none "$BAD/x/one:1" true
    equal "$(df_json '.[0] | [.Total, .Active]')" '[2,1]'
    local reclaimable
    reclaimable=$(df_json '.[0].Reclaimable')
    # Of the second image only what the first does not need.
    ((reclaimable >= 200000 && reclaimable < 500000)) || explain "$reclaimable"
    ok rmi "$BAD/x/two:1"
    equal "$(df_json '.[0] | [.Size, .Reclaimable]')" "[$((bytes - reclaimable)),0]"
}

@test "system df -v: shared and unique sizes of each image; kinds of what the store holds" {
    serve_two
    ok tag "$BAD/x/one:1" localhost/again:2
    ok system df -v --format json
    local sizes
    sizes=$(jq -r '.Images | sort_by(.UniqueSize)[] | "\(.SharedSize) \(.UniqueSize) \(.Size == .SharedSize + .UniqueSize) \(.Containers)"' <<<"$output")
    [[ "$sizes" =~ ^(3[0-9]{5}|6[0-9]{5})\ ([12][0-9]{5})\ true\ 0$'\n'"${BASH_REMATCH[1]:-}" ]] || explain "$sizes"
    equal "$(jq '[.Store[]] | add == 0' <<<"$output")" false
    equal "$(jq '([.Store | del(.Budget)[]] | add) == .ImagesSize' <<<"$output")" true
    equal "$(jq .Store.Budget <<<"$output")" 0
    ok system df -v
    [[ "$output" =~ localhost/again\ +2\ +[0-9a-f]{12}\ +.*kB\ +.*kB\ +.*kB\ +0 ]] || explain "row"
    has "Store space usage:"
    hasnt Budget
    printf '[store]\nmax_size = "1M"\n' >"$MCPD_CONF"
    ok system df -v
    [[ "$output" =~ Budget\ +1.049MB ]] || explain "budget"
}

@test "system df: containers, running or not, by what they have written" {
    need busybox
    ok run --name ended --network none "$IMAGE" dd if=/dev/zero of=/big bs=1000 count=1000
    ok run -d --name runs --network none "$IMAGE" sleep 600
    equal "$(df_json '.[1] | [.Type, .Total, .Active, .Size >= 1000000, .Reclaimable >= 1000000, .Size < 1100000]')" \
        '["Containers",2,1,true,true,true]'
    ok system df --format '{{.Type}} {{.Total}} {{.Active}} {{.Size}} {{.Reclaimable}}'
    [[ "${lines[1]}" =~ ^"Containers 2 1 1.0"[0-9]*MB\ 1.0[0-9]*MB\ \((9[0-9]|100)%\)$ ]] || explain "row"
    ok system df -v
    [[ "$output" =~ sleep\ 600\ +0\ +[0-9.]+k?B\ +.*\ running\ +runs ]] || explain "row"
}

# What an ordinary user cannot read without the user namespace.
@test "system df: files of other owners are counted" {
    need busybox
    ok run --name c --network none "$IMAGE" sh -c \
        'mkdir /shut; dd if=/dev/zero of=/shut/big bs=1000 count=500; chown -R 7:7 /shut; chmod 0 /shut'
    equal "$(df_json '.[1].Size >= 500000')" true
}

@test "system df: half downloads are counted, and go with system prune --all" {
    ok images
    local half
    half=$T/root/images/partial/$(sha256sum </dev/null | cut -c1-64)
    head -c 500000 /dev/zero >"$half"
    chown --reference="$T/root" "$half"
    equal "$(df_json '.[0] | [.Size >= 500000, .Size == .Reclaimable]')" '[true,true]'
    ok system prune -f
    says "Total reclaimed space: 0B"
    ok system prune -a -f
    [[ "$output" =~ ^"Total reclaimed space: 50"[0-9.]+kB$ ]] || explain "space"
    [ ! -e "$half" ] || explain "it is there"
}

@test "system df, system prune: what is wrong about the request" {
    fails 125 system df x
    fails 125 system prune x
    fails 125 system df --format '{{.Nope}}'
    error_has "Nope"
    fails 125 system prune -f --filter nope=x
    error_is "Error: nope is an invalid filter"
    fails 125 system prune -f --filter dangling=true
    error_is "Error: dangling is an invalid filter"
    fails 125 system prune -f --filter until=zz
    error_is 'Error: failed to parse value as time or duration: "zz"'
}

asks() {
    run --separate-stderr --keep-empty-lines bash -c '"$@" <<<n' - "${MCPD_CMD[@]}" system prune "$@"
    equal "$status" 0
}

@test "system prune asks in podman's words" {
    asks
    says "WARNING! This command removes:
	- all stopped containers
	- all networks not used by at least one container
	- all dangling images
	- all dangling build cache

Are you sure you want to continue? [y/N] "
    asks -a --volumes
    says "WARNING! This command removes:
	- all stopped containers
	- all networks not used by at least one container
	- all volumes not used by at least one container
	- all images without at least one container associated with them
	- all build cache

Are you sure you want to continue? [y/N] "
    run --separate-stderr bash -c '"$@" </dev/null' - "${MCPD_CMD[@]}" system prune
    equal "$status" 125
    error_is "Error: EOF"
}

@test "system prune: containers that do not run, then images without a name" {
    serve_two
    local one ended
    one=$(mcpd image inspect --format '{{.Id}}' "$BAD/x/one:1")
    ok create --name ended --network none "$BAD/x/one:1" true
    ended=$(mcpd inspect --format '{{.Id}}' ended)
    ok untag "$BAD/x/one:1"
    ok system prune -f --filter until=1h
    says "Total reclaimed space: 0B"
    ok system prune -f
    equal "${lines[0]}" "Deleted Containers"
    equal "${lines[1]}" "$ended"
    equal "${lines[2]}" "Deleted Images"
    equal "${lines[3]}" "$one"
    [[ "${lines[4]}" =~ ^"Total reclaimed space: "[1-3][0-9.]*kB$ ]] || explain "space"
    ok images --format '{{.Repository}}'
    says "$BAD/x/two"
}

@test "system prune -a: what it says became free is what df said before" {
    serve_two
    need busybox
    local before after
    ok run -d --name runs --network none "$IMAGE" sleep 600
    before=$(df_json '.[0].Reclaimable')
    ok system prune -a -f
    equal "${#lines[@]}" 4
    ok system df --format json
    after=$(jq '.[0] | .Total, .Reclaimable' <<<"$output")
    equal "$after" $'1\n0'
    ((before > 600000)) || explain "$before"
}
