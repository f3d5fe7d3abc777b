#!/usr/bin/env bats
# `export`: a container's tree as a tar.
# bats file_tags=asan

load helper/common

# The container's own view: every name but what is mounted there, with type, mode, owner and target.
LOOK='find / -xdev -mindepth 1 \( -path /proc -o -path /sys -o -path /dev \) -prune -o -exec stat -c "%n %f %u:%g" {} + | sort'

names_of() {
    tar -tf "$1" | sed 's,/$,,' | LC_ALL=C sort
}

unpack() {
    mkdir "$2"
    tar --numeric-owner -C "$2" -xpf "$1"
}

@test "export: what the container changed is in it, what it removed is not" {
    need layers
    ok run -d --name c --network none "$IMAGE" sh -c '
        echo new >/new; ln /new /newer; ln -s new /soft; mkfifo /pipe; chmod 4711 /new
        rm /data/keep; rm -r /opaque; mkdir /opaque; echo x >/opaque/fresh; echo more >>/replace/dir
        touch /ready; sleep 600'
    eventually mcpd exec c test -e /ready
    ok export -o "$T/running.tar" c
    ok stop -t 0 c
    ok export -o "$T/stopped.tar" c
    cmp "$T/running.tar" "$T/stopped.tar"
    tar -tf "$T/stopped.tar" >"$T/names"
    grep -qx new "$T/names"
    grep -qx opaque/fresh "$T/names"
    grep -qx special/fifo "$T/names"
    for name in data/keep opaque/new data/gone; do
        ! grep -qx "$name" "$T/names"
    done
    run -1 grep -q '\.wh\.' "$T/names"
    tar -xOf "$T/stopped.tar" replace/dir | grep -q more
    tar -tvf "$T/stopped.tar" newer | grep -q 'link to new'
    tar -tvf "$T/stopped.tar" soft | grep -q 'soft -> new'
    tar -tvf "$T/stopped.tar" new | grep -q '^-rws--x--x'
}

@test "export: is the container's tree, entry by entry" {
    need layers
    ok run --name c --network none "$IMAGE" sh -c "$LOOK"
    grep -v -e ' /proc' -e ' /sys' -e ' /dev' <<<"$output" >"$T/seen"
    ok export -o "$T/c.tar" c
    # Names of the tar against names in the container.
    cut -d ' ' -f 1 "$T/seen" | sed 's,^/,,' | LC_ALL=C sort >"$T/inside"
    names_of "$T/c.tar" | grep -v -x -e proc -e sys -e dev | cut -d ' ' -f 1 >"$T/outside"
    diff "$T/inside" "$T/outside"
}

@test "export: owners are those that the container sees" {
    need layers
    ok run --name c --network none "$IMAGE" true
    ok export -o "$T/c.tar" c
    tar -tvf "$T/c.tar" --numeric-owner >"$T/list"
    grep -q '1000/1001 .* data/keep$' "$T/list"
    grep -q '60000/60001 .* special/high-id$' "$T/list"
}

@test "export: attributes and capabilities" {
    root_only "setting attributes from a tar needs root"
    need layers
    ok create --name c "$IMAGE" true
    ok export -o "$T/c.tar" c
    mkdir "$T/tree"
    tar --xattrs --xattrs-include='*' -C "$T/tree" -xpf "$T/c.tar"
    equal "$(getfattr --only-values -n user.color "$T/tree/special/xattr")" blue
    getcap "$T/tree/special/caps" | grep -q cap_net_raw
}

@test "export: of a container that never ran, and to stdout" {
    need busybox
    ok create --name c "$IMAGE" true
    mcpd export c >"$T/one.tar"
    ok export -o "$T/two.tar" c
    cmp "$T/one.tar" "$T/two.tar"
    names_of "$T/one.tar" | grep -qx bin/busybox
}

@test "export: what is mounted is left out" {
    need busybox
    mkdir "$T/host"
    echo secret >"$T/host/file"
    ok run -d --name c --network none -v "$T/host:/host" --tmpfs /scratch "$IMAGE" \
        sh -c 'echo x >/scratch/file; sleep 600'
    eventually mcpd exec c test -e /scratch/file
    ok export -o "$T/c.tar" c
    names_of "$T/c.tar" >"$T/names"
    grep -qx host "$T/names"
    run -1 grep -q -e '^host/' -e '^scratch/' -e '^proc/' -e '^sys/' "$T/names"
}

@test "export: an image of 120 layers" {
    need deep
    ok create --name c "$IMAGE" true
    ok export -o "$T/c.tar" c
    equal "$(names_of "$T/c.tar" | grep -c '^deep/')" 121
    equal "$(tar -xOf "$T/c.tar" deep/top)" 120
}

@test "export: what podman says when it goes wrong" {
    need busybox
    ok create --name c "$IMAGE" true
    fails 125 export
    error_is "Error: accepts 1 arg(s), received 0"
    fails 125 export nosuch
    error_is 'Error: no container with name or ID "nosuch" found: no such container'
    fails 125 export -o "$T/a:b" c
    error_is "Error: invalid filename (should not contain ':') \"$T/a:b\""
    fails 125 export -o "$T/no/where" c
    error_is "Error: opening file \"$T/no/where\": open $T/no/where: no such file or directory"
    fails 125 export -o /dev/full c
    error_has "No space left on device"
    run -125 pty -- "${MCPD_CMD[@]}" export c
    has "refusing to export to terminal. Use -o flag or redirect"
}

@test "container export" {
    need busybox
    ok create --name c "$IMAGE" true
    ok container export -o "$T/c.tar" c
    names_of "$T/c.tar" | grep -qx bin/busybox
}
