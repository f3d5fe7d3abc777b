#!/usr/bin/env bats
# The rules refuse what they should, and accept what they should.

setup() {
    cd "$BATS_TEST_DIRNAME/../.." || return
    TREE=$BATS_TEST_TMPDIR/tree
    mkdir -p "$TREE"/src/{base,oci/layer,registry,runtime,build,cli}
    local header
    for header in mcpd_error.h mcpd.h engine.h base/str.h oci/store.h oci/layer/unpack.h registry/pull.h \
        runtime/init.h build/build.h cli/opts.h; do
        echo '/* a header */' >"$TREE/src/$header"
    done
}

# put FILE LINE...: a file of the tree.
put() {
    local path=$TREE/$1
    shift
    { echo '/* what it is for */'; printf '%s\n' "$@"; } >"$path"
}

accepts() {
    run "scripts/$1" "$TREE"
    [ "$status" = 0 ] || { echo "refused: $output"; return 1; }
}

refuses() {
    run "scripts/$1" "$TREE"
    [ "$status" != 0 ] || { echo "accepted"; return 1; }
    [[ "$output" == *"$2"* ]] || { echo "said: $output"; return 1; }
}

# may FROM INCLUDE, must_not FROM INCLUDE
may() {
    put "src/$1" "#include \"$2\""
    accepts check-layers
    rm "$TREE/src/$1"
}

must_not() {
    put "src/$1" "#include \"$2\""
    refuses check-layers "src/$1:2:"
    rm "$TREE/src/$1"
}

@test "layers: what each may include" {
    may base/a.c base/str.h
    may base/a.c mcpd_error.h
    may oci/a.c base/str.h
    may oci/layer/a.c oci/store.h
    may registry/a.c oci/layer/unpack.h
    may runtime/a.c oci/store.h
    may build/a.c registry/pull.h
    may build/a.c runtime/init.h
    may engine.c runtime/init.h
    may engine.c mcpd.h
    may image_inprocess.c registry/pull.h
    may image_inprocess_check.c oci/layer/unpack.h
    may cli/a.c mcpd.h
    may cli/a.c base/str.h
    may cli/a.c mcpd_error.h
}

@test "layers: what each must not include" {
    must_not base/a.c oci/store.h
    must_not base/a.c cli/opts.h
    must_not oci/a.c runtime/init.h
    must_not oci/a.c registry/pull.h
    must_not oci/a.c oci/layer/unpack.h
    must_not registry/a.c runtime/init.h
    must_not registry/a.c build/build.h
    must_not runtime/a.c registry/pull.h
    must_not runtime/a.c oci/layer/unpack.h
    must_not build/a.c cli/opts.h
    must_not engine.c cli/opts.h
    must_not engine.c registry/pull.h
    must_not engine.c build/build.h
    must_not cli/a.c runtime/init.h
    must_not cli/a.c oci/store.h
    must_not cli/a.c engine.h
}

@test "layers: public headers are leaves, names are written from src/" {
    must_not mcpd_error.h base/str.h
    must_not base/a.c str.h
    must_not base/a.c ../oci/store.h
    put src/mcpd.h '#include "engine.h"'
    refuses check-layers "src/mcpd.h:2:"
}

@test "layers: headers count like sources, whatever the spacing" {
    put src/base/a.h '  #  include   "oci/store.h"'
    refuses check-layers "src/base/a.h:2:"
}

@test "layers: libraries of the image half" {
    put src/runtime/a.c '#include <archive.h>'
    refuses check-layers "<archive.h>"
    put src/runtime/a.c '#include <seccomp.h>' '#include <stdio.h>'
    accepts check-layers
    put src/oci/a.c '#include <openssl/evp.h>'
    refuses check-layers "<openssl/evp.h>"
}

@test "layers: a folder that no layer is called after" {
    mkdir "$TREE/src/util"
    put src/util/a.c ''
    refuses check-layers "src/util/a.c"
}

function_of() {
    printf 'int %s(void)\n{\n' "$1"
    for ((i = 0; i < $2 - 2; i++)); do echo '    x();'; done
    printf '}\n'
}

@test "size: 80 lines pass, 81 do not" {
    function_of f 80 >"$TREE/src/base/a.c"
    accepts check-size
    function_of long_one 81 >"$TREE/src/base/a.c"
    refuses check-size "src/base/a.c:long_one: 81 lines"
}

@test "size: 800 lines pass, 801 do not" {
    yes '/* x */' | head -n 800 >"$TREE/src/base/a.c"
    accepts check-size
    echo >>"$TREE/src/base/a.c"
    refuses check-size "src/base/a.c: 801 lines"
}

@test "size: a function with its arguments over several lines" {
    { printf 'static int long_one(int a,\n                    int b)\n{\n'; yes '    x();' | head -n 90; echo '}'; } >"$TREE/src/base/a.c"
    refuses check-size "src/base/a.c:long_one"
}

@test "size: an exception must be needed" {
    function_of long_one 90 >"$TREE/src/base/a.c"
    CHECK_SIZE_ALLOWED=src/base/a.c:long_one accepts check-size
    function_of long_one 9 >"$TREE/src/base/a.c"
    CHECK_SIZE_ALLOWED=src/base/a.c:long_one refuses check-size "is not needed"
}

@test "style: banned calls" {
    local name
    for name in strcpy sprintf atoi system strtok strtol alloca sscanf popen; do
        put src/base/a.c "    x = $name (a, b);"
        refuses check-style "src/base/a.c:2: $name(): banned"
    done
}

@test "style: words in comments, strings and members are no calls" {
    put src/base/a.c '/* strcpy(a, b) is' ' * exit(1) */' '    log("printf(%s) \" exit(2)"); // system(3)' \
        "    c = '\"'; x->exit(4); y.system(5); my_strcpy(6); _exit(7);"
    accepts check-style
}

@test "style: printing and exiting only in src/cli" {
    put src/runtime/a.c '    printf("x");'
    refuses check-style "printf()"
    put src/runtime/a.c '    exit(1);'
    refuses check-style "exit()"
    rm "$TREE/src/runtime/a.c"
    put src/cli/a.c '    printf("x"); exit(1);'
    accepts check-style
}

@test "style: names of the host, bare -1" {
    put src/runtime/a.c '    getpwnam("x");'
    refuses check-style "getpwnam()"
    put src/runtime/a.c '    return -1;'
    refuses check-style "bare return -1"
    rm "$TREE/src/runtime/a.c"
    put src/base/a.c '    return -1;'
    accepts check-style
}

@test "style: white space and the first line" {
    put src/base/a.c $'\tx();'
    refuses check-style "a tab"
    put src/base/a.c 'x(); '
    refuses check-style "blanks at the end"
    put src/base/a.c $'x();\r'
    refuses check-style "carriage return"
    echo 'int x;' >"$TREE/src/base/a.c"
    refuses check-style "what it is for"
}

@test "style: an exception must be needed" {
    put src/base/a.c 'strtol(a);'
    CHECK_STYLE_EXCEPTIONS="src/base/a.c strtol" accepts check-style
    put src/base/a.c ''
    CHECK_STYLE_EXCEPTIONS="src/base/a.c strtol" refuses check-style "src/base/a.c strtol"
}

@test "format: refuses what clang-format would change" {
    cp -r scripts .clang-format "$TREE/"
    printf 'int x;\n' >"$TREE/src/base/a.c"
    run "$TREE/scripts/format" --check
    [ "$status" = 0 ]
    printf 'int   x ;\n' >"$TREE/src/base/a.c"
    run "$TREE/scripts/format" --check
    [ "$status" != 0 ]
    "$TREE/scripts/format"
    [ "$(cat "$TREE/src/base/a.c")" = 'int x;' ]
}
