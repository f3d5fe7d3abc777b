#!/usr/bin/env bats
# image trim, and the size that the store is kept below ([store] max_size of mcpd.conf).

load helper/common
load helper/push

setup_file() {
    start_push_registry
}

teardown_file() {
    stop_push_registry
}

bytes_of() {
    mcpd system df --format json | jq '.[0].Size'
}

# Compressed layers that are here: what is neither a manifest nor a config.
layer_blobs() {
    mcpd system df -v --format json | jq .Store.Blobs
}

# serve NAME...: images x/NAME:1, each with a layer of its own of 1 MB of noise above a common one.
serve() {
    local name
    make_image layer "$T/base.tar" <<<'{"name":"base","size":100000}'
    for name; do
        head -c 1000000 /dev/urandom >"$T/noise"
        tar -C "$T" -cf "$T/$name.tar" --transform "s/noise/$name/" noise
        make_image image "$T/layout" "x/$name:1" --layer "$T/base.tar" --layer "$T/$name.tar"
    done
    bad_registry "$T/layout"
}

pull() {
    local name
    for name; do ok pull -q "$BAD/x/$name:1"; done
}

budget() {
    printf '[store]\nmax_size = "%s"\n' "$1" >"$MCPD_CONF"
}

names() {
    mcpd images --format '{{.Repository}}' | sed 's|.*/||' | sort | tr '\n' ' '
}

# used NAME TIME: as if it had been used then.
used() {
    local id
    id=$(mcpd image inspect --format '{{.Id}}' "$BAD/x/$1:1")
    touch -d "$2" "$T/root/images/blobs/sha256/$id"
}

fetched_layers() {
    grep -c 'GET .*/blobs/' "$T/bad.log" || true
}

# --- image trim ----------------------------------------------------------------

@test "image trim: compressed layers go, and the image stays whole" {
    serve one
    pull one
    local before id fetched
    before=$(bytes_of)
    id=$(mcpd images -q --no-trunc)
    ok image trim "$BAD/x/one:1"
    equal "${#lines[@]}" 3
    [[ "${lines[2]}" =~ ^"Total reclaimed space: 1.0"[0-9]*MB$ ]] || explain "space"
    equal "$stderr" ""
    equal "$(layer_blobs)" 0
    (($(bytes_of) < before - 1000000)) || explain "$(bytes_of) of $before"
    ok image trim -a
    says "Total reclaimed space: 0B"
    ok verify
    hasnt damaged
    # It is fetched again neither by a pull nor by a repair that finds nothing to do.
    fetched=$(fetched_layers)
    pull one
    ok verify --repair
    ok image inspect "$BAD/x/one:1"
    equal "$(fetched_layers)" "$fetched"
    equal "$(layer_blobs)" 0
    ok save -q --format docker-archive -o "$T/saved.tar" "$BAD/x/one:1"
    ok rmi -a
    ok load -q -i "$T/saved.tar"
    equal "$(mcpd images -q --no-trunc)" "$id"
}

@test "image trim: a run, and a commit of nothing: the container does not notice" {
    need busybox
    ok image trim -a
    [[ "${lines[0]}" == sha256:* ]] || explain "nothing went"
    ok run --rm --network none "$IMAGE" echo works
    says works
    ok run -d --name c --network none "$IMAGE" sleep 600
    ok exec c echo works
    says works
}

@test "image trim: a damaged layer is fetched again by verify --repair" {
    serve one
    pull one
    ok tag "$BAD/x/one:1" localhost/mine:1
    ok rmi "$BAD/x/one:1"
    ok image trim localhost/mine:1
    owner find "$T/root/layers" -name one -exec sh -c 'echo more >>"$1"' - {} \;
    fails 1 verify
    ok verify --repair
    has repaired
    ok verify
}

@test "image trim: pushed to where it came from, and elsewhere" {
    serve one
    pull one
    ok push -q "$BAD/x/one:1" "$PUSH/x/one:1"
    ok rmi -a
    ok pull -q "$PUSH/x/one:1"
    local digest
    digest=$(mcpd image inspect --format '{{.Digest}}' "$PUSH/x/one:1")
    ok image trim -a
    equal "$(layer_blobs)" 0
    forget_requests
    ok push -q "$PUSH/x/one:1"
    equal "$(requests | grep -c PATCH || true)" 0
    ok push -q "$PUSH/x/one:1" "$PUSH/y/other:1"
    equal "$(requests | grep -c PATCH || true)" 0
    ok rmi -a
    ok pull -q "$PUSH/y/other:1"
    equal "$(mcpd image inspect --format '{{.Digest}}' "$PUSH/y/other:1")" "$digest"
    # What nobody there has is fetched from where it is.
    ok image trim -a
    hostile_registry
    ok push -q "$PUSH/y/other:1" "$HOSTILE/z/new:1"
    ok rmi -a
    ok pull -q "$HOSTILE/z/new:1"
    equal "$(mcpd image inspect --format '{{.Digest}}' "$HOSTILE/z/new:1")" "$digest"
    ok verify
}

@test "image trim: what came from no registry stays, unless forced" {
    serve one
    pull one
    ok save -q --format oci-archive -o "$T/one.tar" "$BAD/x/one:1"
    ok rmi -a
    ok load -q -i "$T/one.tar"
    local before
    before=$(layer_blobs)
    ok image trim -a
    says "Total reclaimed space: 0B"
    [[ "$stderr" == *"2 compressed layers (1."*"MB) came from no registry"* ]] || explain "warning"
    equal "$(layer_blobs)" "$before"
    ok image trim -a --force
    [[ "$stderr" == *"can now be pushed only to where its layers are already"* ]] || explain "warning"
    equal "$(layer_blobs)" 0
    ok verify
    hasnt damaged
    fails 125 push -q "$BAD/x/one:1" "$PUSH/loaded:1"
    error_has "nor in the store any more"
    fails 125 save -q -o "$T/again.tar" "$BAD/x/one:1"
    error_has "only unpacked"
    ok create --network none "$BAD/x/one:1" /one
    ok rm -a
    ok load -q -i "$T/one.tar"
    ok push -q "$BAD/x/one:1" "$PUSH/loaded:1"
}

@test "image trim: what is wrong about the request" {
    fails 125 image trim
    fails 125 image trim -a x
    serve one
    pull one
    local before
    before=$(layer_blobs)
    fails 125 image trim "$BAD/x/one:1" nosuch
    error_is "Error: nosuch: image not known"
    equal "$(layer_blobs)" "$before"
}

# --- the budget ----------------------------------------------------------------

@test "budget: compressed layers go first, then what was not used for the longest time" {
    serve one two three four
    budget 4500K
    pull one two
    (($(layer_blobs) > 2000000)) || explain "trimmed too early"
    used one "3 days ago"
    used two "2 days ago"
    pull three
    equal "$(names)" "one three two "
    used three "1 day ago"
    equal "$stderr" ""
    (($(bytes_of) <= 4608000)) || explain "$(bytes_of)"
    budget 3500K
    pull four
    equal "$(names)" "four three two "
    [[ "$stderr" == *"/x/one:1 was removed to keep the store within its budget of 3.58 MB"* ]] || explain "line"
    (($(bytes_of) <= 3584000)) || explain "$(bytes_of)"
    ok verify
    hasnt damaged
    ok images
}

@test "budget: a run is a use; the image of a container never goes" {
    need busybox
    serve one two
    pull one two
    used one "3 days ago"
    used two "2 days ago"
    ok create --name user --network none "$BAD/x/one:1" /one
    touch -d "4 days ago" "$T/root/images/blobs/sha256/$(mcpd image inspect --format '{{.Id}}' "$IMAGE")"
    ok run --rm --network none "$IMAGE" true
    make_image image "$T/layout" x/three:1 --layer "$T/base.tar" --layer "$T/one.tar"
    budget "$(($(bytes_of) - $(layer_blobs) - 500000))"
    pull three
    equal "$(names)" "busybox one three "
    ok rm user
}

@test "budget: an image that cannot fit is refused before its first byte, and nothing goes for it" {
    serve one
    pull one
    used one "3 days ago"
    head -c 3000000 /dev/urandom >"$T/noise"
    tar -C "$T" -cf "$T/big.tar" noise
    make_image image "$T/layout" x/big:1 --layer "$T/big.tar"
    budget 2500K
    local fetched
    fetched=$(fetched_layers)
    fails 125 pull "$BAD/x/big:1"
    error_has "the image needs at least 3 MB more, which do not fit into the store's budget of 2.56 MB (max_size in mcpd.conf)"
    # Of the image only its config was asked for.
    equal "$(fetched_layers)" "$((fetched + 1))"
    equal "$(names)" "one "
    (($(layer_blobs) > 1000000)) || explain "trimmed for nothing"
    # What a container stands on is not counted on.
    ok create --name user --network none "$BAD/x/one:1" /one
    budget 3900K
    fails 125 pull "$BAD/x/big:1"
    error_has "do not fit"
    ok rm user
    ok pull -q "$BAD/x/big:1"
    equal "$(names)" "big "
}

# Nobody can tell how much it will be: 8 MB of zeros in a few kB.
@test "budget: an image that turns out to be too large is not kept" {
    serve one
    make_image layer "$T/zeros.tar" <<<'{"name":"zeros","size":8000000}'
    make_image image "$T/layout" x/zeros:1 --layer "$T/zeros.tar"
    budget 4M
    pull one
    fails 125 pull "$BAD/x/zeros:1"
    error_has "do not fit"
    equal "$(names)" "one "
    ok system prune -f
    (($(bytes_of) < 3000000)) || explain "$(bytes_of)"
    equal "$(ls "$T/root/tmp")" ""
}

@test "budget: load" {
    serve one two
    pull one
    ok save -q --format oci-archive -o "$T/one.tar" "$BAD/x/one:1"
    ok rmi -a
    pull two
    used two "3 days ago"
    budget 1500K
    fails 125 load -i "$T/one.tar"
    error_has "do not fit"
    equal "$(names)" "two "
    budget 3000K
    ok load -q -i "$T/one.tar"
    equal "$(names)" "one "
    [[ "$stderr" == *"/x/two:1 was removed"* ]] || explain "line"
}

@test "budget: bundle apply" {
    serve one two
    pull one
    ok bundle create -q -o "$T/one.bundle" "$BAD/x/one:1"
    ok rmi -a
    pull two
    used two "3 days ago"
    budget 1500K
    fails 125 bundle apply -q "$T/one.bundle"
    error_has "do not fit"
    equal "$(names)" "two "
    budget 3000K
    ok bundle apply -q "$T/one.bundle"
    equal "$(names)" "one "
    [[ "$stderr" == *"/x/two:1 was removed"* ]] || explain "line"
}

@test "budget: pulls at once end below it, and what is there is whole" {
    serve one two three four
    budget 2800K
    local name pids=()
    for name in one two three four; do
        start_client pull -q "$BAD/x/$name:1" >/dev/null 2>"$T/err.$name"
        pids+=("$CLIENT")
    done
    for name in "${pids[@]}"; do wait "$name" || explain "one failed: $(cat "$T"/err.*)"; done
    (($(bytes_of) <= 2867200)) || explain "$(bytes_of)"
    ok verify
    hasnt damaged
    [ -n "$(names)" ] || explain "nothing is left"
}

@test "budget: none is no difference" {
    serve one two three
    pull one two three
    equal "$(names)" "one three two "
    (($(layer_blobs) > 3000000)) || explain "trimmed"
}
