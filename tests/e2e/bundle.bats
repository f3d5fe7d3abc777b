#!/usr/bin/env bats
# `bundle`: several images in one file, in part or whole, taken over at once or not at all.
# bats file_tags=asan

load helper/common

# The machine without a network has a store of its own.
device() {
    "$MCPD" --root "$T/device" --runroot "$T/device-run" "$@"
}

device_ok() {
    run --separate-stderr -- device "$@"
    [ "$status" = 0 ] || explain "status $status, expected 0"
}

device_fails() {
    run --separate-stderr -- device "$@"
    [ "$status" = 125 ] || explain "status $status, expected 125"
}

# localhost/app:1 and :2 on a common base, and localhost/db:1 on the same; each with noise of its own.
make_images() {
    local name
    make_image layer "$T/base.tar" <<ENTRIES
{"name":"bin","type":"dir"}
{"name":"bin/sh","mode":"755","copy":"$(command -v busybox)"}
ENTRIES
    for name in one two db; do
        head -c 2000000 /dev/urandom >"$T/noise"
        make_image layer "$T/$name.tar" <<ENTRIES
{"name":"version","data":"$name\\n"}
{"name":"noise-$name","copy":"$T/noise"}
ENTRIES
    done
    make_image image "$T/layout" x/app:1 --layer "$T/base.tar" --layer "$T/one.tar"
    make_image image "$T/layout" x/app:2 --layer "$T/base.tar" --layer "$T/two.tar,comp=zstd" --kind oci
    make_image image "$T/layout" x/db:1 --layer "$T/base.tar" --layer "$T/db.tar,comp=none" --kind oci
    bad_registry "$T/layout"
    for name in app:1 app:2 db:1; do
        ok pull -q "$BAD/x/$name"
        ok tag "$BAD/x/$name" "localhost/$name"
        ok rmi "$BAD/x/$name"
    done
    rm "$T"/*.tar "$T/noise"
}

# What the device shows, and that nothing half-made lies in its store.
device_has() {
    equal "$(device images --format '{{.Repository}}:{{.Tag}}' | sort | tr '\n' ' ')" "${*:+$* }"
    equal "$(find "$T/device/tmp" "$T/device/images/partial" -mindepth 1 2>/dev/null)" ""
}

device_runs() {
    device_ok run --rm --network none "$1" /bin/sh -c 'read v </version; echo $v'
    says "$2"
}

layers_in() {
    tar -tvf "$1" | awk '$3 > 100000' | wc -l
}

edit_tar() {
    "$HELPER/edit-tar.py" "$@"
}

forget_device() {
    if [ "$MCPD_TEST_AS" = user ]; then
        unshare --map-root-user --map-auto -- rm -rf "$T/device"
    else
        rm -rf "$T/device"
    fi
}

@test "bundle: all of several images, the shared layer once" {
    make_images
    ok bundle create -o "$T/all" localhost/app:1 localhost/app:2 localhost/db:1
    says ""
    equal "$(layers_in "$T/all")" 4
    device_ok bundle apply "$T/all"
    says "Loaded image: localhost/app:1
Loaded image: localhost/app:2
Loaded image: localhost/db:1"
    device_has localhost/app:1 localhost/app:2 localhost/db:1
    device_runs localhost/app:1 one
    device_runs localhost/app:2 two
    device_runs localhost/db:1 db
    device_ok verify
}

@test "bundle: the same images give the same bytes, and images keep their ids" {
    make_images
    ok bundle create -q -o "$T/all" localhost/app:1 localhost/db:1
    mcpd bundle create -q localhost/app:1 localhost/db:1 >"$T/again"
    cmp "$T/all" "$T/again"
    device_ok bundle apply -q "$T/all"
    equal "$(device images -q --no-trunc | sort)" \
        "$(for name in app db; do mcpd images -q --no-trunc localhost/$name:1; done | sort)"
    ok rmi -a
    ok bundle apply -q "$T/all"
    mcpd bundle create -q localhost/app:1 localhost/db:1 >"$T/again"
    cmp "$T/all" "$T/again"
}

@test "bundle: skopeo and load read a whole one" {
    make_images
    ok bundle create -q -o "$T/all.tar" localhost/app:1 localhost/app:2
    for name in app:1 app:2; do
        skopeo copy -q --insecure-policy "oci-archive:$T/all.tar:localhost/$name" "dir:$T/copy"
        equal "$(jq -r .config.digest "$T/copy/manifest.json")" "$(mcpd images -q --no-trunc localhost/$name)"
        rm -r "$T/copy"
    done
    device_ok load -q -i "$T/all.tar"
    device_has localhost/app:1 localhost/app:2
}

@test "bundle: --since an image leaves out its layers" {
    make_images
    ok bundle create -q -o "$T/first" localhost/app:1
    device_ok bundle apply -q "$T/first"
    ok bundle create -q --since localhost/app:1 -o "$T/second" localhost/app:2 localhost/db:1
    equal "$(layers_in "$T/second")" 2
    device_ok bundle apply "$T/second"
    says "Loaded image: localhost/app:2
Loaded image: localhost/db:1"
    device_has localhost/app:1 localhost/app:2 localhost/db:1
    device_runs localhost/app:2 two
    # What it stands on stays when those that brought it go.
    device_ok rmi localhost/app:1
    device_runs localhost/db:1 db
    device_ok verify
}

@test "bundle: --since earlier bundles, whole or not, one on another" {
    make_images
    ok bundle create -q -o "$T/1" localhost/app:1
    ok bundle create -q --since "$T/1" -o "$T/2" localhost/app:2
    ok bundle create -q --since "$T/2" -o "$T/3" localhost/app:1 localhost/app:2 localhost/db:1
    equal "$(layers_in "$T/2")" 1
    # The second one names the layers of its own image only.
    equal "$(layers_in "$T/3")" 2
    ok bundle create -q --since ./1 --since "$T/2" -o "$T/3" localhost/app:1 localhost/app:2 localhost/db:1
    equal "$(layers_in "$T/3")" 1
    device_ok bundle apply -q "$T/1"
    device_ok bundle apply -q "$T/2"
    device_ok bundle apply -q "$T/3"
    device_has localhost/app:1 localhost/app:2 localhost/db:1
    device_runs localhost/db:1 db
}

@test "bundle: --since what the device says that it has" {
    make_images
    ok bundle create -q -o "$T/1" localhost/app:1
    device_ok bundle apply -q "$T/1"
    device image inspect localhost/app:1 >"$T/has.json"
    ok bundle create -q --since has.json -o "$T/2" localhost/app:2 localhost/db:1
    equal "$(layers_in "$T/2")" 2
    ok bundle inspect "$T/2"
    has " of localhost/app:1: here"
    device_ok bundle apply -q "$T/2"
    device_has localhost/app:1 localhost/app:2 localhost/db:1
    echo '[{"Id": "x"}]' >"$T/has.json"
    fails 125 bundle create -q --since has.json -o "$T/3" localhost/app:2
    error_is "Error: has.json: an image without RootFS.Layers"
}

@test "bundle: --since what has all layers writes documents only" {
    make_images
    ok bundle create -q --since localhost/app:1 -o "$T/names" localhost/app:1
    equal "$(layers_in "$T/names")" 0
    ok bundle create -q -o "$T/1" localhost/app:1
    device_ok bundle apply -q "$T/1"
    device_ok untag localhost/app:1
    device_ok bundle apply -q "$T/names"
    device_has localhost/app:1
}

@test "bundle: what it needs and is not there is said, and nothing is written" {
    make_images
    ok bundle create -q -o "$T/db" localhost/db:1
    ok bundle create -q --since localhost/app:1 --since "$T/db" -o "$T/2" localhost/app:2 localhost/db:1
    device_fails bundle apply "$T/2"
    error_is "Error: applying $T/2: 2 of its layers were left out and are not here: first bring localhost/app:1, localhost/db:1"
    says ""
    device_has
    equal "$(find "$T/device/images/blobs/sha256" "$T/device/layers" -mindepth 1)" ""
    device_ok bundle apply -q "$T/db"
    # The base has come with it.
    device_ok bundle apply -q "$T/2"
    device_has localhost/app:2 localhost/db:1
}

@test "bundle: a needed layer that is there as a blob only is unpacked" {
    make_images
    ok bundle create -q -o "$T/1" localhost/app:1
    ok bundle create -q --since "$T/1" -o "$T/2" localhost/app:2
    device_ok bundle apply -q "$T/1"
    local layer
    layer=$(tar -xOf "$T/2" index.json | jq -r '.annotations["io.mcpd.bundle"]' | jq -r '.needs[0].diffId')
    if [ "$MCPD_TEST_AS" = user ]; then
        unshare --map-root-user --map-auto -- rm -r "$T/device/layers/${layer#sha256:}"
    else
        rm -r "$T/device/layers/${layer#sha256:}"
    fi
    device_ok bundle apply -q "$T/2"
    device_runs localhost/app:2 two
}

@test "bundle: applied again it changes nothing" {
    make_images
    ok bundle create -q -o "$T/all" localhost/app:1 localhost/db:1
    device_ok bundle apply -q "$T/all"
    local before
    before=$(find "$T/device/images/blobs" "$T/device/layers" -maxdepth 2 -printf '%p %i %T@\n' | sort)
    device_ok bundle apply -q "$T/all"
    says "Loaded image: localhost/app:1
Loaded image: localhost/db:1"
    run -0 --separate-stderr device bundle apply -q <"$T/all"
    equal "$(find "$T/device/images/blobs" "$T/device/layers" -maxdepth 2 -printf '%p %i %T@\n' | sort)" "$before"
    device_has localhost/app:1 localhost/db:1
}

@test "bundle: from a pipe, whose writer ends well" {
    make_images
    ok bundle create -q -o "$T/all" localhost/app:1 localhost/app:2
    mkfifo "$T/pipe"
    for _ in first again; do
        { cat "$T/all" >"$T/pipe"; echo "$?" >"$T/writer"; } &
        device_ok bundle apply -q "$T/pipe"
        wait $!
        equal "$(cat "$T/writer")" 0
    done
    device_has localhost/app:1 localhost/app:2
    device_runs localhost/app:2 two
}

@test "bundle: cut off anywhere, nothing is seen and nothing is left" {
    make_images
    ok bundle create -q -o "$T/all" localhost/app:1 localhost/app:2
    local size part
    size=$(stat -c %s "$T/all")
    for part in 0 700 1500 4000 8000 $((size / 3)) $((size / 2)) $((size - 1000000)) $((size - 100000)); do
        head -c "$part" "$T/all" >"$T/cut"
        device_fails bundle apply "$T/cut"
        device_has
        run --separate-stderr device bundle apply <"$T/cut"
        [ "$status" = 125 ] || explain "from a pipe: $status"
        device_has
    done
    error_has "Error: applying standard input: the bundle ends in the middle of blobs/sha256/"
    device_ok bundle apply -q "$T/all"
    device_has localhost/app:1 localhost/app:2
}

@test "bundle: one wrong byte, wherever it is" {
    make_images
    ok bundle create -q -o "$T/all" localhost/app:1
    local name
    tar -tf "$T/all" | grep '^blobs/sha256/.' | while read -r name; do
        edit_tar "$T/all" "$T/bad" "flip=$name=100"
        device_fails bundle apply "$T/bad"
        [[ "$(error_line)" =~ "Error: applying $T/bad: Digest did not match, expected sha256:"[0-9a-f]{64}", got sha256:" ]] ||
            explain "not the digests"
        device_has
    done
    edit_tar "$T/all" "$T/bad" flip=index.json=5
    device_fails bundle apply "$T/bad"
    device_ok bundle apply -q "$T/all"
    device_has localhost/app:1
}

# A file whose end cannot be read: the memory of a process, mapped from 0.
@test "bundle: a stick that is pulled out in the middle" {
    root_only "cannot map memory at 0"
    make_images
    ok bundle create -q -o "$T/all" localhost/app:1 localhost/app:2
    gcc -o "$T/stick" -x c - <<'SOURCE'
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>
int main(int argc, char **argv)
{
    int fd = open(argv[1], O_RDONLY);
    size_t half = (size_t)lseek(fd, 0, SEEK_END) / 2 / 4096 * 4096;
    if (argc < 2 || mmap((void *)0, half, PROT_READ, MAP_PRIVATE | MAP_FIXED, fd, 0) == MAP_FAILED)
        return 1;
    puts("in");
    fflush(stdout);
    pause();
}
SOURCE
    "$T/stick" "$T/all" >"$T/is-in" 3>&- &
    local stick=$!
    echo "$stick" >>"$T/helpers"
    eventually test -s "$T/is-in"
    device_fails bundle apply "/proc/$stick/mem"
    error_is "Error: applying /proc/$stick/mem: read the bundle: Input/output error"
    device_has
    device_ok bundle apply -q "$T/all"
    device_has localhost/app:1 localhost/app:2
}

@test "bundle: killed at any moment, all or nothing, and the next one works" {
    make_images
    ok bundle create -q -o "$T/all" localhost/app:1 localhost/app:2 localhost/db:1
    local round now
    for round in 1 2 3 4 5 6 7 8; do
        device bundle apply -q "$T/all" >"$T/said" 3>&- &
        sleep "0.0$round"
        kill -9 $! 2>/dev/null || true
        wait $! || true
        now=$(device images --format '{{.Tag}}' | wc -l)
        [ "$now" = 0 ] || [ "$now" = 3 ] || explain "$now images"
    done
    device_ok bundle apply -q "$T/all"
    device_has localhost/app:1 localhost/app:2 localhost/db:1
    device_runs localhost/app:1 one
    device_ok verify
}

@test "bundle: two at once share their work" {
    make_images
    ok bundle create -q -o "$T/1" localhost/app:1 localhost/db:1
    ok bundle create -q -o "$T/2" localhost/app:2 localhost/app:1
    device bundle apply -q "$T/1" >"$T/said" 3>&- &
    device_ok bundle apply -q "$T/2"
    wait $!
    device_has localhost/app:1 localhost/app:2 localhost/db:1
    device_ok verify
}

@test "bundle: names of the device move to the new images" {
    make_images
    ok bundle create -q -o "$T/1" localhost/app:1
    device_ok bundle apply -q "$T/1"
    ok rmi localhost/app:1
    ok tag localhost/app:2 localhost/app:1
    ok bundle create -q --since "$T/1" -o "$T/2" localhost/app:1
    device_ok bundle apply -q "$T/2"
    device_runs localhost/app:1 two
}

make_keys() {
    openssl genpkey -algorithm ed25519 -out "$T/ours.key"
    openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$T/p256.key"
    openssl genpkey -algorithm ed25519 -out "$T/theirs.key"
    openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-384 -out "$T/p384.key"
    for name in ours p256 theirs p384; do
        openssl pkey -in "$T/$name.key" -pubout -out "$T/$name.pub"
    done
    openssl pkey -in "$T/ours.key" -aes128 -passout pass:x -out "$T/locked.key"
}

# Of the store of a device that must not have used a byte.
is_untouched() {
    device_has
    equal "$(find "$T/device/images/blobs/sha256" "$T/device/layers" -mindepth 1)" ""
}

@test "bundle: signed, and verified before anything is used" {
    make_images
    make_keys
    local kind
    for kind in ours p256; do
        ok bundle create -q --sign-by "$T/$kind.key" -o "$T/signed" localhost/app:1
        device_fails bundle apply --verify-key "$T/theirs.pub" "$T/signed"
        error_is "Error: applying $T/signed: the bundle is not signed with this key"
        device_fails bundle apply --verify-key "$T/p384.pub" "$T/signed"
        error_is "Error: applying $T/signed: $T/p384.pub: neither an Ed25519 key nor one of ECDSA P-256"
        is_untouched
        device_ok bundle inspect --format json "$T/signed"
        jq -e .Signed <<<"$output"
        run -0 --separate-stderr device bundle apply -q --verify-key "$T/$kind.pub" <"$T/signed"
        device_has localhost/app:1
        # Who does not ask takes it too, and so do other programs.
        forget_device
        device_ok bundle apply -q "$T/signed"
        skopeo inspect "oci-archive:$T/signed:localhost/app:1" >/dev/null
        forget_device
    done
    ok bundle create -q -o "$T/unsigned" localhost/app:1
    device_fails bundle apply --verify-key "$T/ours.pub" "$T/unsigned"
    error_is "Error: applying $T/unsigned: the bundle is not signed"
    is_untouched
}

@test "bundle: a signed one with anything changed is refused" {
    make_images
    make_keys
    ok bundle create -q --sign-by "$T/ours.key" -o "$T/first" localhost/app:1
    ok bundle create -q --sign-by "$T/ours.key" --since "$T/first" -o "$T/signed" localhost/app:2
    local edit other
    for edit in drop=mcpd-signature flip=mcpd-signature=10 zeros=mcpd-signature=64 twice=mcpd-signature \
        zeros=mcpd-signature=0 zeros=mcpd-signature=1000000 rename=mcpd-signature=mcpd-signature2 \
        last=mcpd-signature pad=1 'bundle=.needs = []' 'bundle=.documents = 3' \
        'index=.manifests[0].annotations["org.opencontainers.image.ref.name"] = "localhost/db:1"'; do
        edit_tar "$T/signed" "$T/bad" "$edit"
        device_fails bundle apply --verify-key "$T/ours.pub" "$T/bad"
        is_untouched
    done
    # The signature of another bundle.
    mkdir "$T/members"
    tar -C "$T/members" -xf "$T/signed"
    tar -C "$T/members" -xf "$T/first" mcpd-signature
    tar -C "$T/members" -cf "$T/bad" oci-layout mcpd-signature index.json blobs
    device_fails bundle apply --verify-key "$T/ours.pub" "$T/bad"
    error_has "the bundle is not signed with this key"
    is_untouched
    device_ok bundle apply -q --verify-key "$T/ours.pub" "$T/first"
    # What the signed index names must be what is there.
    for other in $(tar -tf "$T/signed" | grep '^blobs/sha256/.'); do
        edit_tar "$T/signed" "$T/bad" "flip=$other=50"
        device_fails bundle apply --verify-key "$T/ours.pub" "$T/bad"
        error_has "Digest did not match"
        device_has localhost/app:1
    done
    device_ok bundle apply -q --verify-key "$T/ours.pub" "$T/signed"
    device_has localhost/app:1 localhost/app:2
}

@test "bundle: keys that cannot be used are said" {
    make_images
    make_keys
    fails 125 bundle create -q --sign-by "$T/p384.key" -o "$T/x" localhost/app:1
    error_is "Error: $T/p384.key: neither an Ed25519 key nor one of ECDSA P-256"
    fails 125 bundle create -q --sign-by "$T/locked.key" -o "$T/x" localhost/app:1
    error_is "Error: $T/locked.key: no private key in PEM without password"
    fails 125 bundle create -q --sign-by "$T/ours.pub" -o "$T/x" localhost/app:1
    error_is "Error: $T/ours.pub: no private key in PEM without password"
    fails 125 bundle create -q --sign-by "$T/none" -o "$T/x" localhost/app:1
    error_has "No such file or directory"
    [ ! -e "$T/x" ]
    ok bundle create -q --sign-by "$T/ours.key" -o "$T/x" localhost/app:1
    ok bundle create -q --sign-by "$T/ours.key" -o "$T/y" localhost/app:1
    cmp "$T/x" "$T/y"
    device_fails bundle apply --verify-key "$T/ours.key" "$T/x"
    error_is "Error: applying $T/x: $T/ours.key: no public key in PEM"
    is_untouched
}

@test "bundle inspect: what it holds and what it needs" {
    make_images
    ok bundle create -q --since localhost/app:1 -o "$T/2" localhost/app:2 localhost/db:1
    ok bundle inspect "$T/2"
    has "localhost/app:2  $(mcpd images -q localhost/app:2)"
    has "1 of 2"
    [[ "$output" =~ "Needs 1 layers ("[0-9.]+" "[kM]?B") that were left out; 1 of them here:" ]] || explain "needs"
    has " of localhost/app:1: here"
    run -0 --separate-stderr device bundle inspect <"$T/2"
    has " of localhost/app:1: missing"
    run -0 --separate-stderr device bundle inspect --format json "$T/2"
    jq -e '.Images | length == 2' <<<"$output"
    jq -e '[.Images[].Layers[].Included] == [false, true, false, true]' <<<"$output"
    jq -e '.Needs | length == 1 and .[0].Image == "localhost/app:1" and .[0].Here == false' <<<"$output"
    jq -e '.Size > 4000000 and .LeftOut == .Needs[0].Size' <<<"$output"
    equal "$(jq -r '.Images[0].Names[0]' <<<"$output")" localhost/app:2
    device_has
}

@test "bundle: what is no bundle is refused in a line" {
    make_images
    ok save -q --format oci-archive -o "$T/oci" localhost/app:1
    ok save -q -o "$T/docker" localhost/app:1
    device_fails bundle apply "$T/oci"
    error_is "Error: applying $T/oci: no bundle (\`load\` takes archives of other programs)"
    device_fails bundle apply "$T/docker"
    error_has "no bundle: it does not begin with its index.json"
    echo text >"$T/text"
    device_fails bundle apply "$T/text"
    error_is "Error: applying $T/text: not a tar archive"
    device_fails bundle apply "$T/nope"
    error_is "Error: stat $T/nope: no such file or directory"
    device_fails bundle apply "$T"
    error_is "Error: applying $T: read the bundle: Is a directory"
    device_fails bundle inspect "$T/docker"
    error_has "no bundle"
    run -125 pty -- "$MCPD" --root "$T/root" --runroot "$T/run" bundle apply
    has "cannot read from terminal, use command-line redirection"
    run -125 pty -- "${MCPD_CMD[@]}" bundle create localhost/app:1
    has "refusing to save to terminal. Use -o flag or redirect"
    fails 125 bundle create
    fails 125 bundle create -o "$T/x" nosuch
    error_is "Error: nosuch: image not known"
    fails 125 bundle create -o "$T/x" --since nosuch localhost/app:1
    error_is "Error: nosuch: image not known"
    fails 125 bundle create -o "$T/x" --since "$T/text" localhost/app:1
    error_is "Error: $T/text: not a tar archive"
    fails 125 bundle create -o "$T/x" --since ./nosuch localhost/app:1
    error_is "Error: open ./nosuch: No such file or directory"
    [ ! -e "$T/x" ]
}

# refuses TEXT EDIT...: the edited bundle, on a device that has localhost/app:1.
refuses() {
    local text=$1
    shift
    edit_tar "$T/good" "$T/bad" "$@"
    device_fails bundle apply "$T/bad"
    error_has "$text"
    says ""
    device_has localhost/app:1
}

@test "hostile bundles: refused, with nothing changed" {
    make_images
    ok bundle create -q -o "$T/1" localhost/app:1
    ok bundle create -q --since "$T/1" -o "$T/good" localhost/app:2 localhost/db:1
    device_ok bundle apply -q "$T/1"
    local first last
    first=$(tar -tf "$T/good" | grep '^blobs/sha256/.' | head -n 1)
    last=$(tar -tf "$T/good" | tail -n 1)

    # Members.
    refuses "the bundle lacks the layer sha256:${last#blobs/sha256/}" "drop=$last"
    refuses "the archive lacks blob sha256:${first#blobs/sha256/}" "drop=$first"
    refuses "no bundle: it does not begin with its index.json" last=index.json
    refuses "another file among its documents" twice=index.json
    refuses "twice" "twice=$first" 'bundle=.documents = 5'
    refuses "no plain file" "symlink=$first=/etc/passwd"
    refuses "no plain file" "symlink=$last=/etc/passwd"
    refuses "another file among its documents" "rename=$first=blobs/sha256/../../../../tmp/pwned"
    refuses "another file among its documents" "rename=$first=/tmp/pwned"
    refuses "the bundle lacks the layer" "rename=$last=blobs/sha256/../../${last#blobs/}"
    refuses "bytes in the bundle, not" "zeros=$last=5000000"
    refuses "bytes in the bundle, not" "zeros=$last=0"
    refuses "is too large" "zeros=$first=40000000"
    refuses "index.json of the bundle is too large" pad=5000000

    # The index.
    refuses "digest" 'index=.manifests[0].digest = "sha256:../../../../etc/passwd"'
    refuses "digest" 'index=.manifests[0].digest = "sha256:" + ("../" * 21) + "x"'
    refuses "the bundle gives two images the name localhost/app:2" 'index=.manifests[1].annotations = .manifests[0].annotations'
    refuses 'invalid name "not a name; y": invalid reference format' 'index=.manifests[0].annotations["org.opencontainers.image.ref.name"] = "not a name; y"'
    refuses 'invalid name "../x": invalid reference format' 'index=.manifests[0].annotations["org.opencontainers.image.ref.name"] = "../x"'
    refuses "holds no image" 'index=.manifests = []'
    refuses "expected a string" 'index=.annotations["io.mcpd.bundle"] = {}'

    # Names are only shown, and cannot steer a terminal.
    edit_tar "$T/good" "$T/bad" 'bundle=.needs[0].image = "a\u001b[31mb"'
    forget_device
    device_fails bundle apply "$T/bad"
    error_has "first bring a?[31mb"
    device_ok bundle apply -q "$T/1"

    # The annotation.
    refuses "io.mcpd.bundle" 'index=.annotations["io.mcpd.bundle"] = "{"'
    refuses "version 2" 'bundle=.version = 2'
    refuses "documents" 'bundle=.documents = 0'
    refuses "documents" 'bundle=.documents = 1000000'
    refuses "lacks blob" 'bundle=.documents = 1'
    refuses "is too large" 'bundle=.documents = 6' "zeros=$last=40000000"
    refuses "which is no layer of its images" 'bundle=.needs[0].diffId = "sha256:" + "0" * 64'
    refuses "which is no layer of its images" 'bundle=.needs[0].size = 1'
    refuses "which is no layer of its images" 'bundle=.needs[0].digest = "sha256:" + "0" * 64'
    refuses "digest" 'bundle=.needs[0].digest = "sha256:../../x"'
    refuses "a needed layer has no diffId" 'bundle=del(.needs[0].diffId)'
    refuses "a needed layer is no object" 'bundle=.needs = [1]'
    refuses "at most" 'bundle=.needs = [range(3000) as $i | .needs[0]]'

    # Lies about what is needed: what is there says otherwise.
    forget_device
    device_ok bundle apply -q "$T/1"
    edit_tar "$T/good" "$T/bad" 'bundle=.needs = []'
    device_ok bundle apply -q "$T/bad"
    device_runs localhost/app:2 two
    forget_device
    device_fails bundle apply -q "$T/bad"
    error_has "the bundle lacks the layer"
    device_has
}
