#!/usr/bin/env bats
# folders: the working directory and the volumes that an image names.

load helper/common

setup() {
    common_setup
}

# load_image CONFIG: busybox with that configuration, as localhost/made:1.
load_image() {
    make_image image "$T/layout" x/made:1 --config "$1" --layer "$IMAGES/busybox.tar"
    make_image archive "$T/layout" x/made:1 docker "$T/made.tar" localhost/made:1
    ok load -i "$T/made.tar"
    IMAGE=localhost/made:1
}

@test "WORKDIR that the image lacks: made for its user" {
    load_image '{"User":"app","WorkingDir":"/made/by/me","Env":["PATH=/bin"]}'
    ok run --rm --network none "$IMAGE" sh -c 'pwd; stat -c "%a %u %g" /made /made/by .; touch it'
    says $'/made/by/me\n755 0 0\n755 0 0\n755 1000 1001'
    ok run --rm --network none -u 0 "$IMAGE" stat -c '%a %u %g' .
    says "755 0 0"
    ok run --rm --network none -u 77:78 "$IMAGE" stat -c '%a %u %g' .
    says "755 77 78"
    ok run --rm --read-only --network none "$IMAGE" stat -c '%a %u %g' .
    says "755 1000 1001"
}

@test "WORKDIR below a mount: made there" {
    mkdir "$T/data"
    chmod 777 "$T/data"
    load_image '{"WorkingDir":"/data/sub","Env":["PATH=/bin"]}'
    ok run --rm --network none -v "$T/data:/data" "$IMAGE" pwd
    says /data/sub
    run -0 test -d "$T/data/sub"
}

@test "run -w: of a missing folder, of a file" {
    need busybox
    fails 126 run --name c --network none -w /no/such "$IMAGE" pwd
    error_is "Error: workdir \"/no/such\" does not exist on container $(mcpd ps -aq --no-trunc)"
    state_is c created
    ok rm c
    fails 126 run --name c --network none -w /etc/passwd "$IMAGE" pwd
    error_is "Error: workdir \"/etc/passwd\" exists on container $(mcpd ps -aq --no-trunc), but is not a directory"
    state_is c created
    ok run --rm --network none -w /var/tmp/.. "$IMAGE" pwd
    says /var
}

@test "VOLUME: a missing folder is made for the user, what is there stays" {
    load_image '{"User":"app","Volumes":{"/vol/new":{},"/home/app":{},"/tmp":{}},"Env":["PATH=/bin"]}'
    ok run --rm --network none "$IMAGE" sh -c 'stat -c "%n %a %u %g" /vol /vol/new /home/app /tmp
        touch /vol/new/a /home/app/b && ls /etc/passwd'
    says $'/vol 755 0 0\n/vol/new 755 1000 1001\n/home/app 755 1000 1001\n/tmp 1777 0 0\n/etc/passwd'
}

@test "VOLUME: nonsense in an image does not keep it from starting" {
    load_image '{"Volumes":{"relative":{},"/etc/passwd":{},"/":{},"/a/../..":{}},"Env":["PATH=/bin"]}'
    ok run --rm --network none "$IMAGE" cat /etc/group
}

@test "VOLUME, WORKDIR: a link of the image does not lead out" {
    make_image layer "$T/link.tar" <<ENTRIES
{"name":"out","type":"symlink","target":"$T"}
{"name":"up","type":"symlink","target":"../../../../../../..$T"}
ENTRIES
    make_image image "$T/layout" x/made:1 --layer "$IMAGES/busybox.tar" --layer "$T/link.tar" \
        --config '{"Volumes":{"/out/volume":{}},"WorkingDir":"/up/work","Env":["PATH=/bin"]}'
    make_image archive "$T/layout" x/made:1 docker "$T/made.tar" localhost/made:1
    ok load -i "$T/made.tar"
    ok run --rm --network none localhost/made:1 sh -c 'pwd; ls -d /out/volume'
    says "$T/work"$'\n/out/volume'
    run ! test -e "$T/volume"
    run ! test -e "$T/work"
}
