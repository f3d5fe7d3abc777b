#!/usr/bin/env bats
# A full disk: one clear line, and the store as before.

load helper/common

# Runs a script in a mount namespace where $T/root is a tmpfs of 8 MB.
on_small_disk() {
    run --separate-stderr -- unshare -m bash -c '
        set -u
        mount --make-rprivate /
        mkdir -p "$T/root"
        mount -t tmpfs -o size=8m,mode=755 none "$T/root"
        mcpd() { "$MCPD" --root "$T/root" --runroot "$T/run" "$@"; }
        eval "$1"' - "$1"
}

setup() {
    common_setup
    root_only "cannot mount a small disk"
}

@test "disk full: a pull that does not fit" {
    on_small_disk '
        mcpd pull -q "$REGISTRY/t/debian"; echo "pull $?"
        mcpd images -q; echo "images $?"
        mcpd pull -q "$REGISTRY/t/busybox" >/dev/null; echo "small $?"
        mcpd run --rm --network none "$REGISTRY/t/busybox" echo works'
    has "pull 125"
    has $'pull 125\nimages 0'
    has "small 0"
    has works
    [[ "$stderr" == *"no space left on device"* ]] || explain "reason"
}

@test "disk full: a load that does not fit" {
    on_small_disk '
        head -c 6000000 /dev/zero >"$T/root/ballast"
        mcpd load -i "$IMAGES/oci-archive.tar"; echo "load $?"
        mcpd images -q; echo "images $?"
        rm "$T/root/ballast"
        mcpd load -i "$IMAGES/oci-archive.tar" >/dev/null; echo "again $?"'
    has $'load 125\nimages 0'
    has "again 0"
}

@test "disk full: a bundle that does not fit, and then does" {
    ok pull -q "$REGISTRY/t/busybox"
    ok bundle create -q -o "$T/bundle" "$REGISTRY/t/busybox"
    ok rmi -a
    on_small_disk '
        head -c 6000000 /dev/zero >"$T/root/ballast"
        for from in "$T/bundle" /dev/stdin; do
            cat "$T/bundle" 2>/dev/null | mcpd bundle apply "$from"; echo "apply $?"
            mcpd images -q; echo "images $?"
            find "$T/root/tmp" "$T/root/images/partial" "$T/root/layers" -mindepth 1
        done
        rm "$T/root/ballast"
        mcpd bundle apply "$T/bundle" >/dev/null; echo "again $?"
        mcpd run --rm --network none "$REGISTRY/t/busybox" echo works'
    says "apply 125
images 0
apply 125
images 0
again 0
works"
    [[ "$stderr" == *"o space left on device"* ]] || explain "reason"
}

@test "disk full: a run" {
    on_small_disk '
        mcpd pull -q "$REGISTRY/t/busybox" >/dev/null
        dd if=/dev/zero of="$T/root/ballast" bs=4k 2>/dev/null
        mcpd run -d --name c --network none "$REGISTRY/t/busybox" true; echo "run $?"
        mcpd ps -aq; echo "ps $?"
        rm "$T/root/ballast"
        mcpd run --rm --name c --network none "$REGISTRY/t/busybox" echo works'
    has $'run 125\nps 0'
    has works
    [[ "$stderr" == *"o space left on device"* ]] || explain "reason"
}

@test "disk full: the container's own writes fail, the engine goes on" {
    on_small_disk '
        mcpd pull -q "$REGISTRY/t/busybox" >/dev/null
        mcpd run --name c --network none "$REGISTRY/t/busybox" sh -c "dd if=/dev/zero of=/big bs=64k 2>&1; exit 9"; echo "run $?"
        mcpd ps -a --format "{{.Names}} {{.Status}}"
        mcpd rm c'
    has "No space left on device"
    has "run 9"
    has "c Exited"
}

@test "disk full: a container that fills it keeps its exit code" {
    on_small_disk '
        mcpd pull -q "$REGISTRY/t/busybox" >/dev/null
        mcpd run --name c --network none "$REGISTRY/t/busybox" sh -c \
            "dd if=/dev/zero of=/big bs=64k; dd if=/dev/zero of=/rest bs=1; exit 7" 2>/dev/null
        echo "run $?"
        mcpd inspect --format "{{.State.Status}} {{.State.ExitCode}}" c
        mcpd ps -a --format "{{.Names}} {{.State}}"
        mcpd rm c
        mcpd run --rm --network none "$REGISTRY/t/busybox" echo works'
    says $'run 7\nexited 7\nc exited\nc\nworks'
}

@test "disk full: a start that fails has run nothing, and one that runs is known to run" {
    on_small_disk '
        mcpd pull -q "$REGISTRY/t/busybox" >/dev/null
        for pages in 0 1 2 3 4 5 6 7 8 9 10 11 12; do
            mcpd create --name c --network none "$REGISTRY/t/busybox" sleep 60 >/dev/null
            dd if=/dev/zero of="$T/root/ballast" bs=4k 2>/dev/null
            truncate -s "-$((pages * 4096))" "$T/root/ballast"
            if MCPD_DEBUG=launch mcpd start c >/dev/null 2>"$T/problem"; then
                dd if=/dev/zero of="$T/root/ballast2" bs=4k 2>/dev/null
                echo "runs $(mcpd ps --format "{{.Names}} {{.State}}")"
            else
                tail -n 1 "$T/problem" | grep -v "No space left on device"
                ! grep "command runs" "$T/problem" || tail -n 1 "$T/problem"
                [ -z "$(mcpd ps -q)" ] || echo "runs with $pages pages"
                echo "failed $(mcpd ps -a --format "{{.Names}} {{.State}}")"
            fi
            mcpd rm -f -t 0 c >/dev/null || echo "rm $?"
            rm -f "$T/root"/ballast*
        done'
    equal "$(sort -u <<<"$output")" $'failed c created\nruns c running'
}

@test "disk full: what the container fills before its start is over" {
    on_small_disk '
        mcpd pull -q "$REGISTRY/t/busybox" >/dev/null
        for i in 1 2 3 4 5 6 7 8; do
            mcpd run -d --name c --network none "$REGISTRY/t/busybox" \
                sh -c "cat /dev/zero >/big; exec sleep 60" >/dev/null || echo "run $?"
            mcpd ps --format "{{.Names}} {{.State}}"
            mcpd rm -f -t 0 c >/dev/null
        done'
    equal "$(sort -u <<<"$output")" "c running"
}
