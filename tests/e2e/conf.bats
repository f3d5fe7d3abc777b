#!/usr/bin/env bats
# mcpd.conf: what is wrong in it is one error, before anything else happens.

load helper/common

@test "conf: no file is fine, and so are keys of other versions" {
    ok ps
    printf '[store]\nmax_size = "10G"\nlater = true\n[other]\nx = 1\n' >"$MCPD_CONF"
    ok ps
    equal "$stderr" ""
    MCPD_DEBUG=conf ok ps
    [[ "$stderr" == *"$MCPD_CONF: store.later is not known here, passed over"* ]]
    [[ "$stderr" == *"$MCPD_CONF: other is not known here, passed over"* ]]
}

@test "conf: a wrong value names the file and the key, and nothing is done" {
    printf '[store]\nmax_size = "10 parsecs"\n' >"$MCPD_CONF"
    fails 125 ps
    error_is "Error: configuration file \"$MCPD_CONF\": store.max_size: expected a size such as \"10G\", or whole bytes"
    [ ! -e "$T/root" ]
    printf '[store]\nadditional = "/srv"\n' >"$MCPD_CONF"
    fails 125 run x
    error_is "Error: configuration file \"$MCPD_CONF\": store.additional: expected an array"
    printf '[store\n' >"$MCPD_CONF"
    fails 125 pull x
    error_is "Error: configuration file \"$MCPD_CONF\": toml: line 1: a table's name does not end with ']'"
    rm "$MCPD_CONF"
}

@test "conf: a file that cannot be read is an error" {
    mkdir "$MCPD_CONF"
    fails 125 ps
    error_is "Error: configuration file \"$MCPD_CONF\": '$MCPD_CONF' is no regular file"
    rmdir "$MCPD_CONF"
    if [ "$MCPD_TEST_AS" = user ]; then
        touch "$MCPD_CONF"
        chmod 0 "$MCPD_CONF"
        fails 125 ps
        error_is "Error: configuration file \"$MCPD_CONF\": open '$MCPD_CONF': Permission denied"
    fi
}

@test "conf: a user's own file" {
    user_only "root has only the system's"
    unset MCPD_CONF
    mkdir -p "$HOME/.config/mcpd"
    printf '[store]\nmax_size = -1\n' >"$HOME/.config/mcpd/mcpd.conf"
    fails 125 ps
    error_has "configuration file \"$HOME/.config/mcpd/mcpd.conf\": store.max_size"
    XDG_CONFIG_HOME=$T/elsewhere ok ps
}
