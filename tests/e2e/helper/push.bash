# push.bash - for tests that send something: load it after common.
#
#   start_push_registry          in setup_file: a docker-registry that can be written to; $PUSH
#   requests                     what it was asked since the last `forget_requests`: "METHOD PATH STATUS"
#   hostile_registry [FAULT]...  push-registry.py with its state in $T/hostile; sets HOSTILE, log in
#                                $T/hostile.log. A second one with another NAME: as=NAME first.

start_push_registry() {
    export PUSH_DIR PUSH
    PUSH_DIR=$(mktemp -d /tmp/mcpd-push.XXXXXX)
    cat >"$PUSH_DIR/config.yml" <<CONFIG
version: 0.1
log: {level: info, formatter: text}
storage: {filesystem: {rootdirectory: $PUSH_DIR/storage}}
http: {addr: "127.0.0.1:0"${1:+, $1}}
${2:-}
CONFIG
    docker-registry serve "$PUSH_DIR/config.yml" >>"$PUSH_DIR/log" 2>&1 3>&- &
    echo $! >"$PUSH_DIR/pid"
    PUSH=127.0.0.1:$("$BATS_TEST_DIRNAME/helper/registry-port" "$PUSH_DIR/log")
}

stop_push_registry() {
    kill "$(cat "$PUSH_DIR/pid")"
    rm -rf "$PUSH_DIR"
}

forget_requests() {
    # Its log comes a moment after its answer.
    sleep 0.2
    wc -l <"$PUSH_DIR/log" >"$PUSH_DIR/seen"
}

requests() {
    sleep 0.2
    tail -n "+$(($(cat "$PUSH_DIR/seen") + 1))" "$PUSH_DIR/log" |
        sed -n 's/.*"\([A-Z]* [^ ]*\) HTTP\/1.1" \([0-9]*\) .*/\1 \2/p'
}

hostile_registry() {
    local name=hostile
    case ${1:-} in as=*) name=${1#as=} && shift ;; esac
    mkdir -p "$T/hostile"
    rm -f "$T/$name.port"
    "$HELPER/push-registry.py" "$T/hostile" "$T/$name.port" "$T/$name.log" "$@" 3>&- &
    echo $! >>"$T/helpers"
    eventually test -s "$T/$name.port"
    export HOSTILE
    HOSTILE=127.0.0.1:$(cat "$T/$name.port")
}

# Seen by a hostile registry: method and path of each request, without what changes.
seen() {
    sed -e 's/?_state=[^ &]*//; s/uploads\/[0-9a-f]\{32\}/uploads\/ID/' "$T/${1:-hostile}.log" |
        awk '{print $1, $2, $4}'
}

# Layers larger than what goes in one piece: noise of N MiB as a layer of t/big:1.
big_image() {
    head -c "$((${1:-8} << 20))" /dev/urandom >"$T/noise"
    tar -C "$T" -cf "$T/big.tar" noise
    make_image image "$T/layout" t/big:1 --layer "$T/big.tar,comp=none"
    rm "$T/noise" "$T/big.tar"
    bad_registry "$T/layout"
    ok pull -q "$BAD/t/big:1"
    # shellcheck disable=SC2034 # for the tests
    BIG=$BAD/t/big:1
}

# What the hostile registry has under NAME is what was pulled.
arrived() {
    local digest
    digest=$(jq -r --arg name "$1" '.[$name].digest' "$T/hostile/refs.json")
    equal "$digest" "$(jq -r --arg name "${2:-t/big:1}" '.[$name].digest' "${3:-$T/layout}/refs.json")"
}
