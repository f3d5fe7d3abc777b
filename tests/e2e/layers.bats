#!/usr/bin/env bats
# What a layer may contain arrives in the container as the image's author meant it.
# The image t/layers is made by helper/prepare-images.
# bats file_tags=asan

load helper/common

in_image() {
    ok run --rm --network none "$REGISTRY/t/layers:${VARIANT:-latest}" sh -c "$1"
}

@test "layers: whiteout removes a file and a folder" {
    in_image 'ls -A data'
    says $'again\nkeep\nsub'
}

@test "layers: whiteout and the same name again in one layer keeps only the new" {
    in_image 'ls -A data/again; cat data/again/new'
    says $'new\nnew'
}

@test "layers: a folder removed and made again is empty of the old" {
    in_image 'ls -A data/sub'
    says back
}

@test "layers: opaque folder hides what is below, wherever the marker stands" {
    in_image 'ls -A opaque'
    says new
}

@test "layers: no marker is visible" {
    in_image 'find / -xdev -name ".wh.*"'
    says ""
}

@test "layers: folder becomes file, file becomes folder" {
    in_image 'cat replace/dir replace/file/in'
    says $'now a file\nnow a directory'
}

@test "layers: hard links are one file" {
    in_image '[ links/one -ef links/two ] && stat -c %h links/one && cat links/two'
    says $'2\nlinked'
}

@test "layers: symbolic links are kept as they are" {
    in_image 'for l in soft absolute dangling; do readlink links/$l; done; cat links/absolute'
    says $'one\n/data/keep\n../../../../etc/no-such\nkeep'
}

@test "layers: owners, modes and times" {
    in_image 'stat -c "%u:%g %a %Y" data/keep; stat -c "%u:%g %a" data special/setuid special/setgid \
        special/sticky special/high-id'
    says $'1000:1001 640 1234567890\n5:6 751\n0:0 4755\n0:0 2755\n0:0 1777\n60000:60001 644'
}

@test "layers: fifo, empty file, parents that were not listed, dots in names" {
    in_image 'stat -c %F special/fifo special/empty; cat implied/parent/file dotted/file'
    says $'fifo\nregular empty file\nparents were not listed\ndotted'
}

@test "layers: long names and link targets, PAX and GNU" {
    local kind
    for kind in pax gnu; do
        in_image "cd $kind && cat n* dir*/n* 'héllo wörld' link && [ n* -ef hard ] && ls | wc -l"
        says $'long\nlonger\nutf-8\nlong\n5'
    done
}

@test "layers: sparse files keep their content and their holes" {
    local kind
    for kind in old-gnu pax; do
        in_image "cd sparse && stat -c %s $kind && dd if=$kind bs=1 skip=1048576 count=1 2>/dev/null &&
            dd if=$kind bs=1 skip=60000000 count=1 2>/dev/null && du -k $kind | cut -f1"
        equal "${lines[0]}" 67108864
        equal "${lines[1]:0:2}" xy
        [ "${lines[1]:2}" -lt 2048 ] || explain "$kind takes ${lines[1]:2} KiB"
    done
}

# From the host's side: busybox has no getfattr.
layer_file() {
    find "$T/root/layers" -path "*/fs/$1" -type f
}

@test "layers: extended attributes and file capabilities" {
    need layers
    run -0 in_layer_namespace getfattr --absolute-names -d -m '^user\.(color|empty)' "$(layer_file special/xattr)"
    has 'user.color="blue"'
    has 'user.empty='
    run -0 in_layer_namespace getcap "$(layer_file special/caps)"
    has cap_net_raw
}

# As a user the store belongs to subordinate ids; capabilities are read in their namespace.
in_layer_namespace() {
    if [ "$MCPD_TEST_AS" = user ]; then
        unshare --map-root-user --map-auto -- "$@"
    else
        "$@"
    fi
}

@test "layers: devices" {
    root_only "a user namespace makes no device nodes"
    need devices
    ok run --rm --network none "$IMAGE" stat -c "%F %t:%T %a" /nodes/null /nodes/block
    says $'character special file 1:3 666\nblock special file 7:0 660'
}

@test "layers: an image with devices can be pulled, they are left out" {
    user_only "see the test before"
    need devices
    ok run --rm --network none "$IMAGE" echo works
    says works
}

@test "layers: zstd, plain and empty layers make the same tree" {
    VARIANT=zstd
    in_image 'ls -A data opaque; cat replace/dir'
    says $'data:\nagain\nkeep\nsub\n\nopaque:\nnew\nnow a file'
}

@test "layers: a container's own changes do not reach the image" {
    in_image 'rm -r data opaque && echo x >replace/dir'
    in_image 'cat data/keep replace/dir'
    says $'keep\nnow a file'
}
