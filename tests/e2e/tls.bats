#!/usr/bin/env bats
# HTTPS: private certificate authorities, and what is never done unasked.

load helper/common

@test "tls: unknown authority is refused" {
    fails 125 pull "$TLS_REGISTRY/t/busybox"
    error_has certificate
    ok images -q
    says ""
}

@test "tls: --cert-dir with the authority" {
    ok pull -q --cert-dir "$SUITE/certs" "$TLS_REGISTRY/t/busybox"
    is_id "$output"
}

@test "tls: certs.d of the user" {
    mkdir -p "$HOME/.config/containers/certs.d/$TLS_REGISTRY"
    cp "$SUITE/certs/ca.crt" "$HOME/.config/containers/certs.d/$TLS_REGISTRY/"
    ok pull -q "$TLS_REGISTRY/t/busybox"
}

@test "tls: --tls-verify=false" {
    ok pull -q --tls-verify=false "$TLS_REGISTRY/t/busybox"
}

@test "tls: run passes the options on" {
    ok run --rm --network none --tls-verify=false "$TLS_REGISTRY/t/busybox" echo works
    says works
}

@test "tls: the other name of the certificate" {
    ok pull -q --cert-dir "$SUITE/certs" "localhost:${TLS_REGISTRY#*:}/t/busybox"
}

@test "tls: a certificate for another host is refused" {
    fails 125 pull --cert-dir "$SUITE/certs" "127.0.0.2:${TLS_REGISTRY#*:}/t/busybox"
}

# Debian without the package ca-certificates.
@test "tls: a machine that knows no authorities" {
    root_only "needs mounts of its own"
    unset SSL_CERT_FILE
    local bare=(unshare --mount sh -c 'mount -t tmpfs none /etc/ssl/certs && exec "$@"' sh "${MCPD_CMD[@]}")
    run -125 --separate-stderr "${bare[@]}" pull -q "$TLS_REGISTRY/t/busybox"
    error_has "failed to verify certificate"
    error_has "no authority is known here: /etc/ssl/certs/ca-certificates.crt is missing"
    run -0 "${bare[@]}" pull -q --cert-dir "$SUITE/certs" "$TLS_REGISTRY/t/busybox"
    run -0 "${bare[@]}" rmi "$TLS_REGISTRY/t/busybox"
    # Plain HTTP on loopback needs none.
    run -0 "${bare[@]}" pull -q "$REGISTRY/t/busybox"
}

@test "http: loopback needs no option, --tls-verify=false neither hurts" {
    ok pull -q "$REGISTRY/t/busybox"
    ok pull -q --tls-verify=false "$REGISTRY/t/busybox"
}

@test "http: never for another host unless asked" {
    # The redirect goes to a host that is not loopback: no plain answer may be taken.
    root_only "needs a network of its own"
    cat >"$T/script" <<'SCRIPT'
ip link set lo up
ip address add 192.0.2.1/24 dev lo
"$HELPER/bad-registry.py" "$IMAGES/layout" "$T/port" "$T/log" &
until [ -s "$T/port" ]; do sleep 0.02; done
socat=$(cat "$T/port")
python3 - "$socat" <<'PROXY' &
import socket, sys, threading
listener = socket.create_server(("192.0.2.1", 5000))
def copy(a, b):
    while data := a.recv(65536):
        b.sendall(data)
    b.close()
while True:
    client, _ = listener.accept()
    server = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
    threading.Thread(target=copy, args=(client, server), daemon=True).start()
    threading.Thread(target=copy, args=(server, client), daemon=True).start()
PROXY
until ss -ltn | grep -q 192.0.2.1:5000; do sleep 0.02; done
"$@" pull 192.0.2.1:5000/t/busybox
echo "first $?"
"$@" pull -q --tls-verify=false 192.0.2.1:5000/t/busybox >/dev/null
echo "second $?"
kill %1 %2
SCRIPT
    run unshare -n bash "$T/script" "${MCPD_CMD[@]}"
    has "first 125"
    has "second 0"
}
