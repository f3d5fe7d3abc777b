#!/usr/bin/env bats
# The Makefile and the scripts around it.

bats_require_minimum_version 1.5.0

setup() {
    cd "$BATS_TEST_DIRNAME/../.." || return
    DESTDIR=$BATS_TEST_TMPDIR/dest
}

plain_make() {
    env -u MAKEFLAGS -u MFLAGS make --no-print-directory WERROR="${WERROR:-0}" "$@"
}

@test "make help: every target, at most 24 lines" {
    run plain_make help
    [ "$status" = 0 ]
    [ "${#lines[@]}" -le 24 ]
    local target
    for target in all demo check check-unit check-e2e check-asan lint format check-layers check-size \
        bench install uninstall clean help; do
        [[ "$output" == *"  $target "* ]] || { echo "no $target"; return 1; }
    done
}

@test "make: nothing to do after a build" {
    plain_make all >/dev/null
    run plain_make all
    [ "$status" = 0 ]
    [[ "$output" != *"  CC "* && "$output" != *"  LD "* ]] || { echo "$output"; return 1; }
}

@test "make install: the layout; make uninstall takes it away" {
    plain_make install DESTDIR="$DESTDIR" PREFIX=/usr >/dev/null
    local file
    for file in bin/mcpd libexec/mcpd/mcpd-image lib/libmcpd.a lib/libmcpd.so lib/libmcpd.so.0 \
        lib/pkgconfig/mcpd.pc include/mcpd.h include/mcpd_error.h share/man/man1/mcpd.1 \
        share/bash-completion/completions/mcpd share/doc/mcpd/LICENSE; do
        [ -s "$DESTDIR/usr/$file" ] || { echo "no $file"; return 1; }
    done
    [ "$(stat -c %a "$DESTDIR/usr/bin/mcpd" "$DESTDIR/usr/include/mcpd.h" | tr '\n' ' ')" = "755 644 " ]
    grep -qx 'prefix=/usr' "$DESTDIR/usr/lib/pkgconfig/mcpd.pc"
    run ! grep -rq "$BATS_TEST_TMPDIR" "$DESTDIR/usr/lib/pkgconfig" "$DESTDIR/usr/share"
    "$DESTDIR/usr/bin/mcpd" --version
    plain_make uninstall DESTDIR="$DESTDIR" PREFIX=/usr >/dev/null
    [ ! -e "$DESTDIR/usr" ]
}

@test "make uninstall: what was there before stays, and what is somebody else's" {
    mkdir -p "$DESTDIR/usr/bin" "$DESTDIR/usr/share/man"
    plain_make install DESTDIR="$DESTDIR" PREFIX=/usr >/dev/null
    : >"$DESTDIR/usr/lib/pkgconfig/other.pc"
    plain_make install DESTDIR="$DESTDIR" PREFIX=/usr >/dev/null
    plain_make uninstall DESTDIR="$DESTDIR" PREFIX=/usr >/dev/null
    [ "$(cd "$DESTDIR/usr" && find . | sort | tr '\n' ' ')" = \
        ". ./bin ./lib ./lib/pkgconfig ./lib/pkgconfig/other.pc ./share ./share/man " ]
    # Nothing is there, nothing to do.
    rm -r "$DESTDIR"
    plain_make uninstall DESTDIR="$DESTDIR" PREFIX=/usr >/dev/null
    [ ! -e "$DESTDIR" ]
}

@test "the man page: no warning of groff's" {
    run -0 groff -man -ww -z build/release/mcpd.1
    [ "$output" = "" ]
}

@test "the completion: bash takes it" {
    bash -n build/release/mcpd.bash
}

@test "programs are hardened" {
    local program
    for program in build/release/mcpd build/release/mcpd-image; do
        readelf -hW "$program" | grep -q 'Type: *DYN'
        readelf -dW "$program" | grep -q 'FLAGS.*BIND_NOW'
        readelf -lW "$program" | grep -q GNU_RELRO
        run -0 readelf -lW "$program"
        [[ ! "$output" =~ GNU_STACK.*RWE ]]
    done
    nm -D build/release/mcpd | grep -q __stack_chk_fail
    nm -D build/release/mcpd | grep -qE '__(read|vsnprintf|memcpy)_chk'
}

@test "install-deps: nothing to do when all is there, a line for root when not" {
    run scripts/install-deps build
    [ "$status" = 0 ]
    [[ "$output" == *"nothing is missing"* ]]
    run scripts/install-deps nonsense
    [ "$status" = 2 ]
    # A dpkg-query that knows nothing, and a user who is not root.
    mkdir "$BATS_TEST_TMPDIR/bin"
    printf '#!/bin/sh\nexit 1\n' >"$BATS_TEST_TMPDIR/bin/dpkg-query"
    printf '#!/bin/sh\necho 1000\n' >"$BATS_TEST_TMPDIR/bin/id"
    chmod 755 "$BATS_TEST_TMPDIR"/bin/*
    PATH=$BATS_TEST_TMPDIR/bin:$PATH run scripts/install-deps test
    [ "$status" = 1 ]
    [[ "$output" == *"sudo "*"install-deps test"* ]]
}

@test "scripts are clean for shellcheck" {
    local files
    mapfile -t files < <(grep -rlE '^#!/(usr/bin/env (bash|bats)|bin/(ba)?sh)' scripts tests .ci; find tests -name '*.bash')
    run shellcheck -x "${files[@]}"
    [ "$status" = 0 ] || { echo "$output"; return 1; }
}
