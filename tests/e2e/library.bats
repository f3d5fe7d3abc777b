#!/usr/bin/env bats
# libmcpd from outside: what an installed header and library are worth.

load helper/common
load helper/push-registry

setup() {
    common_setup
    PREFIX=$(dirname "$(dirname "$MCPD")")
    export PKG_CONFIG_PATH=$PREFIX/lib/pkgconfig
    [ -f "$PKG_CONFIG_PATH/mcpd.pc" ] || skip "mcpd is not installed beside its library"
}

expected() {
    cat <<TEXT
shop-web running none 0:0 unless-stopped latest, 1 listed
shop-web exited none 0:0 unless-stopped latest, 1 listed
here 1, absent 0
pushed sha256:
TEXT
}

runs_nine_calls() {
    run -0 "$T/nine-calls" "$T/root" "$T/run" "$MCPD" "$REGISTRY/t/busybox:latest" "$REGISTRY/t/busybox:nope" \
        "$PUSH/nine/calls:1"
    says "$(expected)"
}

# The linker flags of pkg-config are words on purpose.
# shellcheck disable=SC2046
@test "library: shared" {
    gcc -Wall -Werror -o "$T/nine-calls" "$BATS_TEST_DIRNAME/fixtures/nine-calls.c" $(pkg-config --cflags --libs mcpd)
    export LD_LIBRARY_PATH=$PREFIX/lib
    runs_nine_calls
}

# shellcheck disable=SC2046
@test "library: static" {
    gcc -Wall -Werror -o "$T/nine-calls" "$BATS_TEST_DIRNAME/fixtures/nine-calls.c" $(pkg-config --cflags mcpd) \
        "$PREFIX/lib/libmcpd.a" $(pkg-config --libs jansson libseccomp libcap)
    runs_nine_calls
}

# shellcheck disable=SC2046
@test "library: bundles" {
    local image=$REGISTRY/t/busybox:latest
    gcc -Wall -Werror -o "$T/calls" "$BATS_TEST_DIRNAME/fixtures/bundle-calls.c" $(pkg-config --cflags --libs mcpd)
    export LD_LIBRARY_PATH=$PREFIX/lib
    openssl genpkey -algorithm ed25519 -out "$T/key"
    openssl pkey -in "$T/key" -pubout -out "$T/key.pub"
    # What its image leaves out is not there yet.
    run -1 "$T/calls" "$T/root" "$T/run" "$MCPD" "$image" "$T/part" "$T/key" "$T/key.pub" "$image"
    jq -e '.Signed and .Needs[0].Here == false' <<<"${lines[0]}"
    [[ "${lines[1]}" == "apply: "*" 1 of its layers were left out and are not here: first bring $image" ]] || explain "${lines[1]}"
    run -0 "$T/calls" "$T/root" "$T/run" "$MCPD" "$image" "$T/whole" "$T/key" "$T/key.pub"
    equal "${lines[1]}" "$image"
    run -0 "$T/calls" "$T/root" "$T/run" "$MCPD" "$image" "$T/part" "$T/key" "$T/key.pub" "$T/whole"
    jq -e '.Needs[0].Here' <<<"${lines[0]}"
    equal "${lines[1]}" "$image"
}

@test "library: exports the public calls and nothing else" {
    nm -D --defined-only "$PREFIX/lib/libmcpd.so" | awk '$2 == "T" {print $3}' | sort >"$T/exported"
    run ! grep -v '^mcpd_' "$T/exported"
    # Declarations end with `name(`, at the start of a line's first parenthesis.
    grep -o 'mcpd_[a-z_]*(' "$PREFIX/include/mcpd.h" | tr -d '(' | sort -u >"$T/declared"
    equal "$(comm -3 "$T/exported" "$T/declared")" ""
}

@test "library: the header stands alone, in C and in C++" {
    echo '#include <mcpd.h>' >"$T/alone.c"
    gcc -std=c11 -Wall -Wextra -pedantic -Werror -I"$PREFIX/include" -c -o "$T/alone.o" "$T/alone.c"
    if command -v g++ >/dev/null; then
        cp "$T/alone.c" "$T/alone.cc"
        g++ -Wall -Werror -I"$PREFIX/include" -c -o "$T/alone.o" "$T/alone.cc"
    fi
}

@test "library: links nothing of the image half" {
    run -0 ldd "$PREFIX/lib/libmcpd.so"
    hasnt libcurl
    hasnt libarchive
    hasnt libcrypto
}
