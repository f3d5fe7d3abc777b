#!/usr/bin/env bats
# Every fuzz target's inputs are replayed by the unit tests, and the replay notices what it should.

bats_require_minimum_version 1.5.0

setup() {
    cd "$BATS_TEST_DIRNAME/../.." || return
    TREE=$BATS_TEST_TMPDIR/tree
    mkdir -p "$TREE/tests"
    cp -r tests/fuzz "$TREE/tests/"
}

targets() {
    find tests/fuzz -name 'fuzz_*.c' -printf '%f\n' | sed 's/^fuzz_//; s/\.c$//' | sort
}

# The unit test program that replays a target.
program_of() {
    local source
    source=$(grep -rlF "fuzz/fuzz_$1.c\"" tests/unit)
    source=${source#tests/unit/}
    echo "build/release/tests/${source%.c}"
}

# replay TARGET: its program, over the inputs in $TREE.
replay() {
    local program
    program=$PWD/$(program_of "$1")
    (cd "$TREE" && CMOCKA_MESSAGE_OUTPUT=STDOUT "$program" 2>&1)
}

@test "fuzz: every target has inputs of both kinds and a unit test" {
    local target count=0
    for target in $(targets); do
        [ "$(find "tests/fuzz/corpus/$target" -type f | wc -l)" -ge 3 ]
        [ "$(find "tests/fuzz/reject/$target" -type f | wc -l)" -ge 3 ]
        [ -x "$(program_of "$target")" ] || { echo "no unit test replays $target"; return 1; }
        run -0 replay "$target"
        count=$((count + 1))
    done
    [ "$count" -ge 9 ]
    # No inputs without a target.
    [ "$(ls tests/fuzz/corpus)" = "$(targets)" ]
    [ "$(ls tests/fuzz/reject)" = "$(targets)" ]
}

@test "fuzz: an input of the wrong kind fails the replay of every target" {
    local target good bad
    for target in $(targets); do
        good=$(find "tests/fuzz/corpus/$target" -type f | sort | head -n 1)
        bad=$(find "tests/fuzz/reject/$target" -type f | sort | head -n 1)
        cp "$good" "$TREE/tests/fuzz/reject/$target/wrong"
        run ! replay "$target"
        [[ "$output" == *"tests/fuzz/reject/$target/wrong was taken"* ]] || { echo "$output"; return 1; }
        rm "$TREE/tests/fuzz/reject/$target/wrong"
        cp "$bad" "$TREE/tests/fuzz/corpus/$target/wrong"
        run ! replay "$target"
        [[ "$output" == *"tests/fuzz/corpus/$target/wrong was refused"* ]] || { echo "$output"; return 1; }
        rm "$TREE/tests/fuzz/corpus/$target/wrong"
    done
}

@test "fuzz: fewer inputs than there were fail the replay" {
    local target
    for target in $(targets); do
        find "$TREE/tests/fuzz/reject/$target" -type f | sort | tail -n +3 | xargs rm
        run ! replay "$target"
    done
}

# A target that finds something aborts; the parser itself may crash.
@test "fuzz: a program that crashes is a failed test" {
    local signal
    mkdir -p "$TREE/build/release/tests" "$TREE/scripts"
    cp scripts/run-tests "$TREE/scripts/"
    for signal in ABRT SEGV; do
        # shellcheck disable=SC2016
        printf '#!/bin/sh\necho "ok 1 - first"\nkill -%s $$\n' "$signal" >"$TREE/build/release/tests/test_x"
        chmod 755 "$TREE/build/release/tests/test_x"
        run "$TREE/scripts/run-tests" unit
        [ "$status" != 0 ]
        [[ "$output" == *"FAILED"* ]] || { echo "$output"; return 1; }
    done
}
