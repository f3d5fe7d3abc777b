#!/usr/bin/env bats
# The power is cut: everything that mcpd writes to a disk of its own is logged, write by write and
# flush by flush, and the disk is made again as it may be at any moment of it, also without some of
# what no flush had reached. On each of these disks every image is whole or absent, what was said to
# be done is done, and the next change works.
#
# MCPD_CUTS: how many moments (40).

load helper/common
load helper/app

export BATS_TEST_TIMEOUT=3600

setup() {
    common_setup
    root_only "cannot mount a disk"
    export CUTS=${MCPD_CUTS:-40} HELPER BAD
    mkdir "$T/states"
}

# cut_power FILESYSTEM OPTIONS: does `changes`, then looks at the disk at each cut.
cut_power() {
    run --separate-stderr -- unshare -m "$HELPER/power-cut" "$1" "$2"
    [ "$status" = 0 ] || explain "status $status"
    [[ "$output" == *" cuts"* ]] || explain "nothing was cut"
    [ -z "${MCPD_CUTS:-}" ] || echo "# $1: ${output%%$'\n'*}" >&3
}

# The changes, one a line, as power-cut runs them.
changes() {
    cat >"$T/changes"
}

every_change() {
    serve_app
    changes <<END
pull -q $BAD/x/app:1
tag $BAD/x/app:1 localhost/kept:1
create --network none --name one $BAD/x/app:1 /app
pull -q $BAD/x/app:2
load -q -i $T/app.tar
untag $BAD/x/app:1
tag $BAD/x/app:2 localhost/kept:1
rm one
rmi localhost/app:2
rmi $BAD/x/app:2
pull -q $BAD/x/app:1
rmi localhost/kept:1
rmi $BAD/x/app:1
load -q -i $T/app.tar
create --network none --name two localhost/app:2 /app
image prune -f
END
}

@test "power cut: every change of the store, on an ext4 that does nothing by itself" {
    every_change
    # Data may come after the names (writeback), a rename flushes nothing, and the journal is not
    # written for ten minutes unless somebody asks.
    cut_power ext4 data=writeback,noauto_da_alloc,commit=600
}

@test "power cut: every change of the store, on xfs" {
    every_change
    cut_power xfs rw
}
