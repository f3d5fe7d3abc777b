# setup_suite.bash - once per run of the suite: where the programs are, the
# images, and two registries on loopback (plain HTTP; TLS with a CA of our own).

export_settings() {
    local source=$BATS_TEST_DIRNAME/../..
    bats_require_minimum_version 1.5.0
    export MCPD=${MCPD:-$(realpath "$source")/build/release/mcpd}
    export MCPD_SOURCE=${MCPD_SOURCE:-$(realpath "$source")}
    export MCPD_TEST_AS=user
    [ "$(id -u)" != 0 ] || MCPD_TEST_AS=root
    export HELPER=$BATS_TEST_DIRNAME/helper
    # Short: a socket's path has 108 bytes, and images bring long names.
    SUITE=$(mktemp -d /tmp/mcpd-suite.XXXXXX)
    export SUITE
    [ -x "$MCPD" ] || { echo "no program $MCPD; run make first" >&2; return 1; }
    [ -n "${MCPD_TEST_REAPER:-}" ] || {
        echo "start the suite with scripts/run-tests FILE.bats" >&2
        return 1
    }
}

find_images() {
    local cache=${XDG_CACHE_HOME:-$HOME/.cache}/mcpd-tests
    [ "$MCPD_TEST_AS" = user ] || cache=/var/cache/mcpd-tests
    export IMAGES=${MCPD_TEST_IMAGES:-$("$HELPER/prepare-images" "${MCPD_TEST_CACHE:-$cache}")}
}

registry_config() {
    cat <<CONFIG
version: 0.1
log: {level: info, formatter: text}
storage:
  filesystem: {rootdirectory: $IMAGES/registry}
  maintenance: {readonly: {enabled: true}, uploadpurging: {enabled: false}}
http:
  addr: "127.0.0.1:0"
CONFIG
}

start_registry() {
    docker-registry serve "$SUITE/$1.yml" >"$SUITE/$1.log" 2>&1 3>&- &
    echo $! >>"$SUITE/pids"
    "$HELPER/registry-port" "$SUITE/$1.log"
}

make_certificates() {
    cd "$SUITE" || return
    mkdir -p certs
    openssl ecparam -genkey -name prime256v1 -noout -out ca.key
    openssl req -x509 -new -key ca.key -subj "/CN=tests" -days 2 -out certs/ca.crt
    openssl ecparam -genkey -name prime256v1 -noout -out server.key
    openssl req -new -key server.key -subj "/CN=127.0.0.1" -out server.csr
    openssl x509 -req -in server.csr -CA certs/ca.crt -CAkey ca.key -CAcreateserial -days 2 \
        -extfile <(echo "subjectAltName=IP:127.0.0.1,DNS:localhost") -out server.crt
    cd - >/dev/null || return
}

setup_suite() {
    export_settings
    find_images
    registry_config >"$SUITE/plain.yml"
    REGISTRY=127.0.0.1:$(start_registry plain)
    export REGISTRY
    make_certificates 2>"$SUITE/openssl.log"
    { registry_config; echo "  tls: {certificate: $SUITE/server.crt, key: $SUITE/server.key}"; } \
        >"$SUITE/tls.yml"
    TLS_REGISTRY=127.0.0.1:$(start_registry tls)
    export TLS_REGISTRY
}

teardown_suite() {
    local pid
    [ -n "${SUITE:-}" ] || return 0
    while read -r pid; do
        kill "$pid" 2>/dev/null || true
    done <"$SUITE/pids"
    rm -rf "$SUITE"
}
