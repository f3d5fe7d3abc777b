#!/usr/bin/env bats
# --root and --runroot: only folders that are ours to trust are used.

load helper/common

# refused FOLDER-OPTION PATH TEXT: and nothing was made there.
refused() {
    local before
    before=$(find "$2/" | sort)
    case $1 in
    --root) run --separate-stderr -- "$MCPD" --root "$2" --runroot "$T/run" ps ;;
    --runroot) run --separate-stderr -- "$MCPD" --root "$T/root" --runroot "$2" ps ;;
    esac
    [ "$status" = 125 ] || explain "$*: status $status"
    error_is "Error: $3"
    equal "$(find "$2/" | sort)" "$before"
}

@test "roots: of another user" {
    root_only "gives folders away"
    local option
    for option in --root --runroot; do
        mkdir "$T/theirs"
        chown 12345 "$T/theirs"
        refused $option "$T/theirs" "'$T/theirs' belongs to user 12345, not to 0"
        rmdir "$T/theirs"
    done
}

@test "roots: a link of another user is not followed, one of ours is" {
    root_only "gives links away"
    local option
    mkdir -p "$T/ours/below"
    ln -s ours "$T/link"
    ok --root "$T/root" --runroot "$T/link/below" ps
    chown -h 12345 "$T/link"
    for option in --root --runroot; do
        refused $option "$T/link" "'$T/link' is a link that user 12345 made; it is not followed"
        refused $option "$T/link/" "'$T/link' is a link that user 12345 made; it is not followed"
        refused $option "$T/link/below" "'$T/link' is a link that user 12345 made; it is not followed"
    done
}

@test "roots: open to everybody" {
    mkdir -m 777 "$T/open"
    refused --root "$T/open" "'$T/open' can be written to by everybody"
    refused --runroot "$T/open" "'$T/open' can be written to by everybody"
}

@test "roots: what is no folder" {
    echo >"$T/file"
    run --separate-stderr -- "$MCPD" --root "$T/root" --runroot "$T/file" ps
    [ "$status" = 125 ] || explain "status $status"
    error_is "Error: open '$T/file': Not a directory"
}

@test "roots: without a runtime folder a user's is below /tmp, if it is private" {
    user_only "root has /run/mcpd"
    local place
    place=/tmp/mcpd-run-$(id -u)
    [ ! -e "$place" ] || skip "$place exists on this machine"
    mkdir "$T/elsewhere"
    ln -s "$T/elsewhere" "$place"
    run --separate-stderr -- env -u XDG_RUNTIME_DIR "$MCPD" --root "$T/root" ps
    rm -f "$place"
    [ "$status" = 125 ] || explain "a link: status $status"
    error_has "'$place' is not a private folder of this user"
    mkdir -m 755 "$place"
    run --separate-stderr -- env -u XDG_RUNTIME_DIR "$MCPD" --root "$T/root" ps
    rmdir "$place"
    [ "$status" = 125 ] || explain "open: status $status"
    run --separate-stderr -- env -u XDG_RUNTIME_DIR "$MCPD" --root "$T/root" ps
    equal "$(stat -c '%a %u' "$place")" "700 $(id -u)"
    rm -rf "$place"
    [ "$status" = 0 ] || explain "status $status"
    equal "$(ls "$T/elsewhere")" ""
}
