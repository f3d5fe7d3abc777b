#!/usr/bin/env bats
# Who we are: passwords, tokens, auth files and helpers, certificates, proxies - at docker-registry.
# bats file_tags=asan

load helper/common
load helper/push

# $PUSH wants a password (htpasswd), $TOKENS a token of token-server.py; both know user:secret.
setup_file() {
    export AUTH_DIR TOKENS
    AUTH_DIR=$(mktemp -d /tmp/mcpd-auth.XXXXXX)
    python3 -W ignore -c 'import crypt
print("user:" + crypt.crypt("secret", crypt.mksalt(crypt.METHOD_BLOWFISH, rounds=16)))' >"$AUTH_DIR/htpasswd"
    start_push_registry "" "auth: {htpasswd: {realm: tests, path: $AUTH_DIR/htpasswd}}"
    start_token_registry
}

start_token_registry() {
    "$BATS_TEST_DIRNAME/helper/token-server.py" "$AUTH_DIR" 3>&- &
    echo $! >"$AUTH_DIR/pids"
    until [ -s "$AUTH_DIR/port" ]; do sleep 0.02; done
    cat >"$AUTH_DIR/config.yml" <<CONFIG
version: 0.1
log: {level: info, formatter: text}
storage: {filesystem: {rootdirectory: $AUTH_DIR/storage}}
http: {addr: "127.0.0.1:0"}
auth:
  token:
    realm: http://127.0.0.1:$(cat "$AUTH_DIR/port")/token
    service: tests
    issuer: tests
    rootcertbundle: $AUTH_DIR/cert.pem
CONFIG
    docker-registry serve "$AUTH_DIR/config.yml" >"$AUTH_DIR/registry.log" 2>&1 3>&- &
    echo $! >>"$AUTH_DIR/pids"
    TOKENS=127.0.0.1:$("$BATS_TEST_DIRNAME/helper/registry-port" "$AUTH_DIR/registry.log")
}

teardown_file() {
    local pid
    stop_push_registry
    while read -r pid; do kill "$pid"; done <"$AUTH_DIR/pids"
    rm -rf "$AUTH_DIR"
}

setup() {
    common_setup
    unset http_proxy HTTP_PROXY https_proxy HTTPS_PROXY no_proxy NO_PROXY
}

# auth_file PATH KEY USER:PASSWORD
auth_file() {
    mkdir -p "$(dirname "$1")"
    jq -n --arg key "$2" --arg auth "$(printf %s "$3" | base64)" '{auths: {($key): {auth: $auth}}}' >"$1"
}

# A credential helper for the tests: helper NAME SCRIPT.
helper() {
    mkdir -p "$T/bin"
    printf '#!/bin/sh\n%s\n' "$2" >"$T/bin/docker-credential-$1"
    chmod +x "$T/bin/docker-credential-$1"
    export PATH=$T/bin:$PATH
}

tokens_asked_for() {
    tail -n "+$((TOKENS_SEEN + 1))" "$AUTH_DIR/log"
}

forget_tokens() {
    touch "$AUTH_DIR/log"
    TOKENS_SEEN=$(wc -l <"$AUTH_DIR/log")
}

# --- basic -------------------------------------------------------------------

@test "basic: push and pull with --creds" {
    need busybox
    ok push -q --creds user:secret "$IMAGE" "$PUSH/b/creds:1"
    ok rmi -f "$IMAGE"
    ok pull -q --creds user:secret "$PUSH/b/creds:1"
}

@test "basic: without credentials, in podman's words" {
    need busybox
    fails 125 push "$IMAGE" "$PUSH/b/none:1"
    error_has "Error: trying to reuse blob sha256:"
    error_has " at destination: checking whether a blob sha256:"
    error_has " exists in $PUSH/b/none: unauthorized: authentication required"
    fails 125 pull "$PUSH/b/none:1"
    error_is "Error: initializing source docker://$PUSH/b/none:1: reading manifest 1 in $PUSH/b/none: unauthorized"
    fails 125 manifest inspect "$PUSH/b/none:1"
    error_is "Error: reading image \"docker://$PUSH/b/none:1\": reading manifest 1 in $PUSH/b/none: unauthorized"
}

@test "basic: with a wrong password" {
    need busybox
    fails 125 push --creds user:wrong "$IMAGE" "$PUSH/b/wrong:1"
    error_has "unauthorized: authentication required"
    [[ "$stderr" != *wrong@* && "$stderr" != *user:wrong* ]] || explain "the password is shown"
}

@test "basic: every place of the auth file, the first one that knows the registry" {
    need busybox
    ok push -q --creds user:secret "$IMAGE" "$PUSH/b/files:1"
    fails 1 manifest inspect --creds user:secret "$PUSH/b/files:2"
    local file
    for file in "$HOME/.docker/config.json" "$HOME/.config/containers/auth.json" \
        "$XDG_RUNTIME_DIR/containers/auth.json"; do
        fails 125 manifest inspect "$PUSH/b/files:1"
        auth_file "$file" "$PUSH" user:secret
        ok manifest inspect "$PUSH/b/files:1"
        # A wrong one in front of it is the one that counts.
        auth_file "$file" "$PUSH" user:wrong
    done
    fails 125 manifest inspect "$PUSH/b/files:1"
    auth_file "$T/own.json" "$PUSH" user:secret
    REGISTRY_AUTH_FILE=$T/own.json ok manifest inspect "$PUSH/b/files:1"
    ok manifest inspect --authfile "$T/own.json" "$PUSH/b/files:1"
    fails 125 manifest inspect --authfile "$T/no-such.json" "$PUSH/b/files:1"
}

@test "basic: the longest key wins" {
    need busybox
    ok push -q --creds user:secret "$IMAGE" "$PUSH/b/keys/app:1"
    jq -n --arg good "$(printf user:secret | base64)" --arg bad "$(printf user:wrong | base64)" --arg host "$PUSH" \
        '{auths: {($host): {auth: $bad}, ($host + "/b/keys"): {auth: $good}, ($host + "/b/keys/other"): {auth: $bad}}}' >"$T/auth.json"
    ok manifest inspect --authfile "$T/auth.json" "$PUSH/b/keys/app:1"
    fails 125 manifest inspect --authfile "$T/auth.json" "$PUSH/b/other:1"
    error_has unauthorized
}

# --- tokens ------------------------------------------------------------------

@test "token: pushed with one token, pulled by nobody" {
    need layers
    forget_tokens
    ok push -q --creds user:secret "$IMAGE" "$TOKENS/t/one:1"
    equal "$(tokens_asked_for)" "GET /token?service=tests&scope=repository%3at%2fone%3apull%2cpush&account=user Basic user -"
    forget_tokens
    ok pull -q "$TOKENS/t/one:1"
    equal "$(tokens_asked_for)" "GET /token?service=tests&scope=repository%3at%2fone%3apull - - -"
}

@test "token: the neighbour's layers are mounted with its scope" {
    need layers
    ok push -q --creds user:secret "$IMAGE" "$TOKENS/t/from:1"
    forget_tokens
    ok push -q --creds user:secret "$IMAGE" "$TOKENS/t/to:1"
    equal "$(tokens_asked_for | sed 's/&account.*//')" "GET /token?service=tests&scope=repository%3at%2fto%3apull%2cpush&scope=repository%3at%2ffrom%3apull"
    equal "$(grep -c '"POST /v2/t/to/blobs/uploads/?mount=.* 201 ' "$AUTH_DIR/registry.log")" 6
}

@test "token: nobody may not push" {
    need busybox
    fails 125 push "$IMAGE" "$TOKENS/t/none:1"
    error_has "initiating layer upload: unauthorized: authentication required"
}

@test "token: a wrong password" {
    need busybox
    fails 125 push --creds user:wrong "$IMAGE" "$TOKENS/t/wrong:1"
    error_has "unable to retrieve auth token: invalid username/password: unauthorized"
    [[ "$stderr" != *user:wrong* ]] || explain "the password is shown"
}

@test "token: an identity token is traded in, not sent" {
    need busybox
    jq -n --arg host "$TOKENS" '{auths: {($host): {identitytoken: "identity"}}}' >"$T/auth.json"
    forget_tokens
    ok push -q --authfile "$T/auth.json" "$IMAGE" "$TOKENS/t/identity:1"
    equal "$(tokens_asked_for)" "POST /token - - client_id,grant_type,refresh_token,scope,service"
    sed -i s/identity\"$/wrong\"/ "$T/auth.json"
    fails 125 push -q --authfile "$T/auth.json" "$IMAGE" "$TOKENS/t/identity:2"
    error_has unauthorized
}

# --- helpers -----------------------------------------------------------------

@test "helper: credHelpers of the host, credsStore for the others" {
    need busybox
    helper own 'read -r server; echo "$1 $server" >>'"$T/asked"'; echo "{\"Username\":\"user\",\"Secret\":\"secret\"}"'
    jq -n --arg host "$PUSH" '{credHelpers: {($host): "own"}, auths: {($host): {auth: "dTpw"}}}' >"$T/auth.json"
    ok push -q --authfile "$T/auth.json" "$IMAGE" "$PUSH/h/one:1"
    equal "$(cat "$T/asked")" "get $PUSH"
    jq -n '{credsStore: "own"}' >"$T/auth.json"
    ok push -q --authfile "$T/auth.json" "$IMAGE" "$PUSH/h/two:1"
}

@test "helper: an identity token" {
    need busybox
    helper token 'echo "{\"Username\":\"<token>\",\"Secret\":\"identity\"}"'
    jq -n '{credsStore: "token"}' >"$T/auth.json"
    ok push -q --authfile "$T/auth.json" "$IMAGE" "$TOKENS/h/token:1"
}

@test "helper: knows nothing, complains, answers nonsense, takes too long, is missing" {
    helper knows-not 'echo "credentials not found in native keychain"; exit 1'
    helper locked 'echo "the keyring is locked"; exit 1'
    helper nonsense 'echo secret-nonsense'
    helper slow 'exec sleep 60'
    jq -n '{credsStore: "knows-not"}' >"$T/auth.json"
    ok pull -q --authfile "$T/auth.json" "$REGISTRY/t/busybox"
    jq -n '{credsStore: "locked"}' >"$T/auth.json"
    fails 125 pull -q --authfile "$T/auth.json" "$REGISTRY/t/busybox"
    error_has "docker-credential-locked get: the keyring is locked"
    jq -n '{credsStore: "nonsense"}' >"$T/auth.json"
    fails 125 pull -q --authfile "$T/auth.json" "$REGISTRY/t/busybox"
    error_has "docker-credential-nonsense get: the answer is not what a credential helper says"
    [[ "$stderr" != *secret-nonsense* ]] || explain "it is shown"
    jq -n '{credsStore: "slow"}' >"$T/auth.json"
    MCPD_CREDENTIAL_TIMEOUT_S=1 fails 125 pull -q --authfile "$T/auth.json" "$REGISTRY/t/busybox"
    error_has "docker-credential-slow"
    jq -n '{credsStore: "missing"}' >"$T/auth.json"
    fails 125 pull -q --authfile "$T/auth.json" "$REGISTRY/t/busybox"
    error_has "docker-credential-missing"
    # Left behind by another program: no reason to fail.
    mkdir -p "$HOME/.docker"
    cp "$T/auth.json" "$HOME/.docker/config.json"
    ok pull -q "$REGISTRY/t/busybox"
}

# --- login, logout -----------------------------------------------------------

@test "login: tried, kept, used by podman's neighbours, forgotten" {
    need busybox
    ok login -u user -p secret "$PUSH"
    says "Login Succeeded!"
    equal "$(stat -c %a "$XDG_RUNTIME_DIR/containers/auth.json")" 600
    equal "$(cat "$XDG_RUNTIME_DIR/containers/auth.json")" "{
	\"auths\": {
		\"$PUSH\": {
			\"auth\": \"dXNlcjpzZWNyZXQ=\"
		}
	}
}"
    ok push -q "$IMAGE" "$PUSH/l/one:1"
    skopeo inspect --tls-verify=false "docker://$PUSH/l/one:1" >/dev/null
    ok login --get-login "$PUSH"
    says user
    ok logout "$PUSH"
    says "Removed login credentials for $PUSH"
    fails 125 login --get-login "$PUSH"
    error_is "Error: not logged into $PUSH"
    fails 125 logout "$PUSH"
    error_is "Error: not logged into $PUSH"
}

@test "login: what skopeo has kept is found and forgotten" {
    printf secret | skopeo login --tls-verify=false --authfile "$T/auth.json" -u user --password-stdin "$PUSH" >/dev/null
    ok login --get-login --authfile "$T/auth.json" "$PUSH"
    says user
    ok logout --authfile "$T/auth.json" "$PUSH"
    run ! skopeo login --authfile "$T/auth.json" --get-login "$PUSH"
}

@test "login: --password-stdin" {
    run --separate-stderr -0 -- bash -c 'echo secret | "$@"' _ "${MCPD_CMD[@]}" login -u user --password-stdin "$PUSH"
    says "Login Succeeded!"
}

@test "login: wrong password, wrong use" {
    fails 125 login -u user -p wrong "$PUSH"
    error_is "Error: logging into \"$PUSH\": invalid username/password"
    fails 125 login -u user -p wrong "$TOKENS"
    error_is "Error: logging into \"$TOKENS\": invalid username/password"
    fails 125 login --password-stdin "$PUSH"
    error_is "Error: Must provide --username with --password-stdin"
    fails 125 login -u user -p x --password-stdin "$PUSH"
    error_is "Error: Can't specify both --password-stdin and --password"
    fails 125 login -u user "$PUSH" </dev/null
    error_is "Error: getting username and password: reading password: inappropriate ioctl for device"
    fails 125 login -u user -p x 127.0.0.1:9
    error_is 'Error: authenticating creds for "127.0.0.1:9": pinging container registry 127.0.0.1:9: Get "https://127.0.0.1:9/v2/": dial tcp 127.0.0.1:9: connect: connection refused'
    fails 125 login -u user -p x 'no registry'
    [ ! -e "$XDG_RUNTIME_DIR/containers/auth.json" ]
}

@test "login: at a token server" {
    ok login -u user -p secret "$TOKENS"
    says "Login Succeeded!"
}

@test "login: asks at a terminal, and shows no password" {
    run -0 pty 'expect:Username: ' 'send:user\r' 'expect:Password: ' 'send:sex\x7fcret\r' -- "${MCPD_CMD[@]}" login "$PUSH"
    has "Login Succeeded!"
    hasnt secret
    hasnt sex
    # Those that are kept will do now.
    ok login "$PUSH"
    says "Authenticating with existing credentials for $PUSH
Existing credentials are valid. Already logged in to $PUSH"
}

@test "login: Ctrl-C at the password leaves a terminal that echoes" {
    run pty 'expect:Password: ' 'send:half\x03' 'expect:still' 'send:visible\r' 'expect:visible' -- \
        bash -c '"$@"; echo "status $? still here"; read -r line' _ "${MCPD_CMD[@]}" login -u user "$PUSH"
    has "status 130 still here"
    hasnt half
}

@test "login: with a path, and what is there already stays" {
    printf '{"auths":{"other.example":{"auth":"eDp5"}},"HttpHeaders":{"A":"b"},"psFormat":"x"}' >"$T/auth.json"
    chmod 644 "$T/auth.json"
    ok login --authfile "$T/auth.json" -v -u user -p secret "https://$PUSH/team/"
    says "Used:  $T/auth.json
Login Succeeded!"
    equal "$(stat -c %a "$T/auth.json")" 600
    equal "$(jq -c . "$T/auth.json")" "{\"auths\":{\"other.example\":{\"auth\":\"eDp5\"},\"$PUSH/team\":{\"auth\":\"dXNlcjpzZWNyZXQ=\"}},\"HttpHeaders\":{\"A\":\"b\"},\"psFormat\":\"x\"}"
    ok logout --authfile "$T/auth.json" --all
    says "Removed login credentials for all registries"
    equal "$(jq -c . "$T/auth.json")" '{"auths":{},"HttpHeaders":{"A":"b"},"psFormat":"x"}'
}

@test "login: a symbolic link is not written to" {
    echo '{}' >"$T/real.json"
    ln -s real.json "$T/auth.json"
    fails 125 login --authfile "$T/auth.json" -u user -p secret "$PUSH"
    error_has "is a symbolic link"
    equal "$(cat "$T/real.json")" '{}'
}

@test "login: a file that is damaged is left alone" {
    echo 'no json' >"$T/auth.json"
    fails 125 login --authfile "$T/auth.json" -u user -p secret "$PUSH"
    equal "$(cat "$T/auth.json")" 'no json'
}

@test "login: eight at once, all are kept" {
    local number pids=() pid
    for number in 1 2 3 4 5 6 7 8; do
        mcpd login --authfile "$T/auth.json" -u user -p secret "$PUSH/n$number" >/dev/null &
        pids+=($!)
    done
    for pid in "${pids[@]}"; do wait "$pid"; done
    equal "$(jq '.auths | length' "$T/auth.json")" 8
    equal "$(find "$T" -maxdepth 1 -name '.tmp*')" ""
}

@test "login: into a helper, and out of it" {
    helper keeps 'case $1 in
store) cat >'"$T/kept"' ;;
get) cat >/dev/null; if [ -s '"$T/kept"' ]; then cat '"$T/kept"'; else echo "credentials not found in native keychain"; exit 1; fi ;;
erase) cat >/dev/null; rm '"$T/kept"' ;;
esac'
    jq -n '{credsStore: "keeps"}' >"$T/auth.json"
    ok login --authfile "$T/auth.json" -u user -p secret "$PUSH"
    equal "$(cat "$T/kept")" "{\"ServerURL\":\"$PUSH\",\"Username\":\"user\",\"Secret\":\"secret\"}"
    run ! grep -q dXNlcjpzZWNyZXQ= "$T/auth.json"
    ok login --authfile "$T/auth.json" --get-login "$PUSH"
    says user
    ok logout --authfile "$T/auth.json" "$PUSH"
    [ ! -e "$T/kept" ]
    fails 125 logout --authfile "$T/auth.json" "$PUSH"
}

@test "logout: what docker has kept is left to docker" {
    auth_file "$HOME/.docker/config.json" "$PUSH" user:secret
    ok logout "$PUSH"
    says "Not logged into $PUSH with current tool. Existing credentials were established via docker login. Please use docker logout instead."
}

# --- secrets -----------------------------------------------------------------

@test "secrets: in no line of any trace" {
    need busybox
    export MCPD_DEBUG=all
    {
        mcpd login --authfile "$T/auth.json" -u user -p secret "$PUSH"
        mcpd login --authfile "$T/auth.json" -u user -p secret "$TOKENS"
        mcpd push --authfile "$T/auth.json" "$IMAGE" "$PUSH/s/one:1"
        mcpd push --creds user:secret "$IMAGE" "$TOKENS/s/one:1"
        mcpd pull --creds user:secret "$TOKENS/s/one:1"
        mcpd push --creds user:wrong-secret "$IMAGE" "$TOKENS/s/one:1" || true
        mcpd manifest inspect --creds user:wrong-secret "$PUSH/s/one:1" || true
        mcpd logout --authfile "$T/auth.json" --all
    } >"$T/trace" 2>&1
    grep -q '/v2/s/one/manifests/1 (with credentials): 201' "$T/trace" || explain "nothing was traced"
    # The password, as it is and as it is sent; a token; an upload's state.
    run ! grep -n 'secret\|dXNlcjp\|eyJ\|_state=' "$T/trace"
}

# --- certificates ------------------------------------------------------------

@test "certificates: the registry wants one of ours" {
    need busybox
    openssl ecparam -genkey -name prime256v1 -noout -out "$T/client.key"
    openssl req -new -key "$T/client.key" -subj /CN=client -out "$T/client.csr"
    openssl x509 -req -in "$T/client.csr" -CA "$SUITE/certs/ca.crt" -CAkey "$SUITE/ca.key" \
        -CAserial "$T/serial" -CAcreateserial -days 2 -out "$T/client.cert" 2>/dev/null
    cat >"$T/mtls.yml" <<CONFIG
version: 0.1
storage: {filesystem: {rootdirectory: $T/storage}}
http:
  addr: "127.0.0.1:0"
  tls: {certificate: $SUITE/server.crt, key: $SUITE/server.key, clientcas: [$SUITE/certs/ca.crt]}
CONFIG
    docker-registry serve "$T/mtls.yml" >"$T/mtls.log" 2>&1 3>&- &
    echo $! >>"$T/helpers"
    local host folder
    host=127.0.0.1:$("$HELPER/registry-port" "$T/mtls.log")
    fails 125 push --cert-dir "$SUITE/certs" "$IMAGE" "$host/x:1"
    error_has certificate
    mkdir "$T/certs"
    cp "$SUITE/certs/ca.crt" "$T/client.cert" "$T/client.key" "$T/certs/"
    ok push -q --cert-dir "$T/certs" "$IMAGE" "$host/x:1"
    # The same from certs.d, for pull.
    folder=$HOME/.config/containers/certs.d/$host
    mkdir -p "$(dirname "$folder")"
    cp -r "$T/certs" "$folder"
    ok pull -q "$host/x:1"
    rm "$folder/client.key"
    fails 125 pull "$host/x:1"
    error_has "missing key $folder/client.key for client certificate client.cert"
}

@test "certificates: ours does not go to another host" {
    big_image
    # The other one would take a certificate, and must not be shown ours.
    openssl ecparam -genkey -name prime256v1 -noout -out "$T/client.key"
    openssl req -new -x509 -key "$T/client.key" -subj /CN=client -days 2 -out "$T/client.cert"
    mkdir "$T/certs"
    cp "$SUITE/certs/ca.crt" "$T/client.cert" "$T/client.key" "$T/certs/"
    hostile_registry as=other "tls=$SUITE/server.crt,$SUITE/server.key,$T/client.cert"
    local other=$HOSTILE
    hostile_registry "tls=$SUITE/server.crt,$SUITE/server.key,$T/client.cert"
    ok push -q --cert-dir "$T/certs" "$BIG" "$HOSTILE/x:1"
    hostile_registry "tls=$SUITE/server.crt,$SUITE/server.key,$T/client.cert" "POST =location:https://$other"
    MCPD_RETRY_DELAY_MS=10 fails 125 push -q --cert-dir "$T/certs" "$BIG" "$HOSTILE/y:1"
    # The handshake ends there: no request has come through.
    equal "$(cat "$T/other.log")" ""
}

# --- proxies -----------------------------------------------------------------

start_proxy() {
    rm -f "$T/proxy.port"
    "$HELPER/proxy.py" "$T/proxy.port" "$T/proxy.log" "$@" 3>&- &
    echo $! >>"$T/helpers"
    eventually test -s "$T/proxy.port"
    touch "$T/proxy.log"
    PROXY=http://127.0.0.1:$(cat "$T/proxy.port")
}

@test "proxy: http_proxy for plain http, in both spellings" {
    need busybox
    start_proxy "registry.test:5000=$PUSH"
    http_proxy=$PROXY ok push -q --tls-verify=false --creds user:secret "$IMAGE" registry.test:5000/p/one:1
    grep -q '^HEAD http://registry.test:5000/v2/p/one/blobs/' "$T/proxy.log" || explain "$(cat "$T/proxy.log")"
    grep -q '^PUT http://registry.test:5000/v2/p/one/manifests/1' "$T/proxy.log" || explain "$(cat "$T/proxy.log")"
    HTTP_PROXY=$PROXY ok pull -q --tls-verify=false --creds user:secret registry.test:5000/p/one:1
    # In a CGI the large letters may be a stranger's header.
    REQUEST_METHOD=GET HTTP_PROXY=$PROXY fails 125 pull -q --tls-verify=false registry.test:5000/p/one:1
}

@test "proxy: https_proxy is a tunnel" {
    start_proxy "localhost.test:443=$TLS_REGISTRY" "registry.test:443=$TLS_REGISTRY"
    https_proxy=$PROXY ok pull -q --tls-verify=false registry.test/t/busybox
    grep -qx 'CONNECT registry.test:443' "$T/proxy.log" || explain "$(cat "$T/proxy.log")"
    # The certificate is checked behind the tunnel as before it.
    https_proxy=$PROXY fails 125 pull -q --cert-dir "$SUITE/certs" registry.test/t/busybox
    error_has certificate
}

@test "proxy: the token server too" {
    need busybox
    hostile_registry 'HEAD .*blobs=challenge-once:Bearer realm="http://tokens.test/token",service="x"'
    start_proxy "registry.test:5000=$HOSTILE" "tokens.test=$HOSTILE"
    http_proxy=$PROXY ok push --tls-verify=false --creds user:secret "$IMAGE" registry.test:5000/p/two:1
    # The proxy closes after each answer: a closed connection is no reason for a warning.
    [[ "$stderr" != *retrying* ]] || explain "a warning"
    grep -q '^GET http://tokens.test/token?' "$T/proxy.log" || explain "$(cat "$T/proxy.log")"
}

@test "proxy: no_proxy, and never for loopback" {
    start_proxy "registry.test:5000=$REGISTRY"
    export http_proxy=$PROXY MCPD_RETRY_DELAY_MS=10
    ok pull -q "$REGISTRY/t/busybox"
    equal "$(cat "$T/proxy.log")" ""
    no_proxy=other.test,.test fails 125 pull -q --tls-verify=false registry.test:5000/t/busybox
    error_has "no such host"
    NO_PROXY=registry.test fails 125 pull -q --tls-verify=false registry.test:5000/t/busybox
    error_has "no such host"
    equal "$(cat "$T/proxy.log")" ""
    no_proxy=other.test ok pull -q --tls-verify=false registry.test:5000/t/busybox
}
