#!/usr/bin/env bats
# Layers made to break out: nothing outside the layer's folder may change.
# bats file_tags=asan

load helper/common

setup() {
    common_setup
    mkdir "$T/victim"
    echo untouched >"$T/victim/file"
    chmod 777 "$T/victim"
    chmod 666 "$T/victim/file"
    UP=$(printf '../%.0s' {1..20})
}

# Serves an image whose layer has the entries on stdin; $EVIL is its name.
evil() {
    make_image layer "$T/evil.tar"
    make_image image "$T/layout" x/evil:1 --layer "$IMAGES/busybox.tar" --layer "$T/evil.tar"
    bad_registry "$T/layout"
    EVIL=$BAD/x/evil:1
}

victim_is_whole() {
    equal "$(cat "$T/victim/file")" untouched
    equal "$(ls -A "$T/victim")" file
    equal "$(stat -c %h "$T/victim/file")" 1
    [ ! -e /tmp/escaped ] || explain "/tmp/escaped"
}

store_is_empty() {
    ok images -q
    says ""
    ok ps -aq
    says ""
    equal "$(find "$T/root/images/tags" "$T/root/tmp" -mindepth 1 ! -name '.*' 2>/dev/null)" ""
}

refused() {
    fails 125 pull -q "$EVIL"
    equal "$(wc -l <<<"$stderr")" 1
    victim_is_whole
    store_is_empty
    # The store is as good as new.
    ok pull -q "$REGISTRY/t/busybox"
}

# Either refused, or taken as a name inside the layer, as docker does.
contained() {
    run --separate-stderr -- mcpd pull -q "$EVIL"
    [ "$status" = 0 ] || [ "$status" = 125 ] || explain "status $status"
    victim_is_whole
    [ "$status" = 0 ] || store_is_empty
}

@test "layer: .. in front" {
    evil <<<"{\"name\":\"$UP$T/victim/new\",\"data\":\"x\"}"
    refused
}

@test "layer: .. in the middle" {
    evil <<<"{\"name\":\"etc/$UP$T/victim/new\",\"data\":\"x\"}"
    refused
}

@test "layer: .. overwrites a file" {
    evil <<<"{\"name\":\"$UP$T/victim/file\",\"data\":\"pwned\"}"
    refused
}

@test "layer: absolute name" {
    evil <<<"{\"name\":\"$T/victim/new\",\"data\":\"x\"}"
    contained
}

@test "layer: through an absolute symbolic link" {
    evil <<EOF2
{"name":"link","type":"symlink","target":"$T/victim"}
{"name":"link/new","data":"x"}
{"name":"link/file","data":"pwned"}
EOF2
    contained
}

@test "layer: through a relative symbolic link" {
    evil <<EOF2
{"name":"link","type":"symlink","target":"$UP$T/victim"}
{"name":"link/new","data":"x"}
EOF2
    contained
}

@test "layer: a file over a symbolic link replaces the link" {
    evil <<EOF2
{"name":"link","type":"symlink","target":"$T/victim/file"}
{"name":"link","data":"pwned"}
EOF2
    contained
}

@test "layer: a folder swapped for a link between two entries" {
    evil <<EOF2
{"name":"a","type":"dir"}
{"name":"a/x","data":"x"}
{"name":"a","type":"symlink","target":"$T/victim"}
{"name":"a/new","data":"x"}
EOF2
    contained
}

@test "layer: link to a link" {
    evil <<EOF2
{"name":"one","type":"symlink","target":"$UP"}
{"name":"two","type":"symlink","target":"one$T"}
{"name":"two/victim/new","data":"x"}
EOF2
    contained
}

@test "layer: hard link to a file outside" {
    evil <<<"{\"name\":\"stolen\",\"type\":\"hardlink\",\"target\":\"$UP$T/victim/file\"}"
    refused
}

@test "layer: hard link to an absolute name outside" {
    evil <<EOF2
{"name":"stolen","type":"hardlink","target":"$T/victim/file"}
{"name":"stolen","data":"pwned"}
EOF2
    refused
}

@test "layer: hard link through a symbolic link" {
    evil <<EOF2
{"name":"link","type":"symlink","target":"$T/victim"}
{"name":"stolen","type":"hardlink","target":"link/file"}
EOF2
    refused
}

@test "layer: hard link to a symbolic link does not follow it" {
    evil <<EOF2
{"name":"link","type":"symlink","target":"$T/victim/file"}
{"name":"stolen","type":"hardlink","target":"link"}
EOF2
    contained
}

@test "layer: hard link to a file of another layer" {
    evil <<<'{"name":"stolen","type":"hardlink","target":"bin/busybox"}'
    contained
}

@test "layer: whiteouts that name the folder above" {
    local name
    for name in .wh... .wh.. .wh. "x/.wh..." "$UP.wh.victim" "link/.wh.file"; do
        evil <<EOF2
{"name":"link","type":"symlink","target":"$T/victim"}
{"name":"$name"}
EOF2
        contained
        mcpd rmi -f "$EVIL" >/dev/null 2>&1 || true
    done
}

@test "layer: opaque marker through a link" {
    evil <<EOF2
{"name":"link","type":"symlink","target":"$T/victim"}
{"name":"link/.wh..wh..opq"}
EOF2
    contained
}

@test "layer: attributes of overlay itself are not taken over" {
    evil <<'EOF2'
{"name":"d","type":"dir","xattrs":{"trusted.overlay.redirect":"/etc","trusted.overlay.opaque":"y","user.overlay.opaque":"y","user.overlay.redirect":"/etc"}}
{"name":"etc","type":"dir","xattrs":{"trusted.overlay.opaque":"y","user.overlay.opaque":"y"}}
EOF2
    run --separate-stderr -- mcpd pull -q "$EVIL"
    [ "$status" = 0 ] || { store_is_empty; return; }
    ok run --rm --network none "$EVIL" sh -c 'ls /d; cat /etc/passwd | wc -l'
    [ "$output" != 0 ]
    hasnt passwd
}

@test "layer: mode of / itself, empty names" {
    evil <<'EOF2'
{"name":"./","type":"dir","mode":"755","uid":0}
{"name":".","type":"dir"}
{"name":"","type":"dir"}
{"name":"/","type":"dir"}
EOF2
    contained
}

@test "layer: the root replaced by a link or a file" {
    evil <<<"{\"name\":\"./\",\"type\":\"symlink\",\"target\":\"$T/victim\"}"
    contained
    evil <<<'{"name":".","data":"x"}'
    contained
}

@test "layer: very deep" {
    evil <<<"{\"name\":\"$(printf 'd/%.0s' {1..1500})f\",\"data\":\"x\"}"
    contained
    remove_image_if_there
}

remove_image_if_there() {
    run mcpd rmi -f "$EVIL"
    run ! ls "$T/root/layers"/*/fs/d
}

@test "layer: one component longer than the file system takes" {
    evil <<<"{\"name\":\"$(printf 'n%.0s' {1..300})\",\"data\":\"x\"}"
    refused
}

@test "layer: not a tar" {
    head -c 20000 /dev/urandom >"$T/noise.tar"
    make_image image "$T/layout" x/evil:1 --layer "$T/noise.tar"
    bad_registry "$T/layout"
    EVIL=$BAD/x/evil:1
    refused
}

@test "layer: a tar that ends in the middle of a file" {
    head -c 700000 "$IMAGES/busybox.tar" >"$T/half.tar"
    make_image image "$T/layout" x/evil:1 --layer "$T/half.tar"
    bad_registry "$T/layout"
    EVIL=$BAD/x/evil:1
    refused
}

@test "layer: an owner beyond the ids that exist" {
    evil <<<'{"name":"f","data":"x","uid":4294967295,"gid":0}'
    contained
}

@test "layer: an owner beyond this user's range" {
    user_only "root has all ids"
    evil <<<'{"name":"f","data":"x","uid":2000000,"gid":0}'
    refused
}

# --- images whose own folders are links ----------------------------------------

@test "run: /proc, /sys or /dev that is a link in the image is refused" {
    local folder
    for folder in proc sys dev; do
        evil <<EOE
{"name":"hidden","type":"dir"}
{"name":"$folder","type":"symlink","target":"/hidden"}
EOE
        ok pull -q "$EVIL"
        fails 125 run --rm --network none "$EVIL" true
        error_has "'/$folder' of the image is not a plain folder"
        ok rmi -f "$EVIL"
    done
    ok ps -aq
    says ""
}
