#!/usr/bin/env bats
# Pushing over bad networks and to registries that misbehave.
# bats file_tags=asan

load helper/common
load helper/push

setup() {
    common_setup
    export MCPD_RETRY_DELAY_MS=10
}

patches() {
    grep '^PATCH' "$T/hostile.log" | awk '{print $3, $4}'
}

@test "hostile push: without faults" {
    big_image
    hostile_registry
    ok push -q "$BIG" "$HOSTILE/x:1"
    arrived x:1
    equal "$(patches)" "- 202"
}

@test "hostile push: cut in the middle, gone on from there" {
    big_image
    hostile_registry 'PATCH =take-once:3000000'
    ok push "$BIG" "$HOSTILE/x:1"
    arrived x:1
    # What arrived is asked for, and not sent again.
    equal "$(grep -c '^GET .*/uploads/.* 204' "$T/hostile.log")" 1
    [[ "$(patches)" == *"- 0"$'\n'3*-8*" 202" ]] || explain "$(cat "$T/hostile.log")"
    [[ "$stderr" == *"Failed, retrying in 10ms ... (1/3). Error: writing blob sha256:"* ]] || explain "no warning"
}

@test "hostile push: cut again and again, as long as something arrives" {
    big_image 12
    hostile_registry 'PATCH =take:2000000'
    ok push -q "$BIG" "$HOSTILE/x:1"
    arrived x:1
    equal "$(patches | grep -c ' 0$')" 6
}

@test "hostile push: cut again and again, and nothing arrives" {
    big_image
    hostile_registry 'PATCH =drop:2000000'
    fails 125 push -q "$BIG" "$HOSTILE/x:1"
    error_has "writing blob sha256:"
    equal "$(patches | wc -l)" 4
}

@test "hostile push: a registry that forgets what it got" {
    big_image
    hostile_registry 'PATCH =drop-once:2000000' 'GET .*uploads=forget-once'
    ok push -q "$BIG" "$HOSTILE/x:1"
    arrived x:1
    equal "$(grep -c '^POST' "$T/hostile.log")" 3
}

@test "hostile push: answers that get lost" {
    big_image
    hostile_registry 'POST =late-once' 'PATCH =late-once' 'PUT .*blobs=late-once' 'PUT .*manifests=late-once'
    ok push -q "$BIG" "$HOSTILE/x:1"
    arrived x:1
    # Neither the layer nor the config went over the wire a second time.
    equal "$(patches | wc -l)" 1
    equal "$(grep -c '^PUT .*manifests' "$T/hostile.log")" 2
}

# Every request that comes by a kept one; with this pause nobody would wait for a retry.
@test "hostile push: kept connections that the registry has closed" {
    export MCPD_RETRY_DELAY_MS=60000
    big_image 3
    hostile_registry token '=stale'
    ok push "$BIG" "$HOSTILE/x:1"
    arrived x:1
    [[ "$stderr" != *"retrying"* ]] || explain "a warning"
    # A small blob goes in a PUT, which is sent again, and once only.
    local method
    for method in POST PUT; do
        grep -q "^$method .* stale " "$T/hostile.log" || explain "no $method: $(cat "$T/hostile.log")"
    done
    [ "$(grep -c ' stale ' "$T/hostile.log")" -le "$(grep -vc ' stale ' "$T/hostile.log")" ]
}

# A large blob goes in a PATCH: what has arrived is asked for before anything is sent again. Megabytes
# may be on their way before the end is heard of, and then it is a cut like others.
@test "hostile push: a kept connection that the registry has closed, for a large blob" {
    big_image 9
    hostile_registry 'PATCH =stale'
    local tag
    # It may happen to get a new connection from the start.
    for tag in 1 2 3 4 5 6; do
        : >"$T/hostile.log"
        rm -rf "$T/hostile/links"
        ok push -q "$BIG" "$HOSTILE/x:$tag"
        arrived "x:$tag"
        equal "$(grep -c '^PATCH .* 202 ' "$T/hostile.log")" 1
        ! grep -q '^PATCH .* stale ' "$T/hostile.log" || break
    done
    grep -q '^PATCH .* stale ' "$T/hostile.log" || explain "always a new one: $(cat "$T/hostile.log")"
    grep -q '^GET .*/uploads/.* 204 ' "$T/hostile.log" || explain "not asked: $(cat "$T/hostile.log")"
}

# Closed without an answer on every connection, new ones too: that is no matter of keeping them.
@test "hostile push: a registry that hangs up is given up" {
    big_image 1
    hostile_registry 'P(UT|ATCH) .*blobs=drop:0'
    fails 125 push -q "$BIG" "$HOSTILE/x:1"
    error_has "writing blob sha256:"
    [ "$(grep -c '^P[UA]' "$T/hostile.log")" -le 16 ]
}

@test "hostile push: 416 is followed by a question" {
    big_image
    hostile_registry 'PATCH =status-once:416'
    ok push -q "$BIG" "$HOSTILE/x:1"
    arrived x:1
    equal "$(grep -c '^GET .*/uploads/.* 204' "$T/hostile.log")" 1
}

@test "hostile push: 416 for ever ends" {
    big_image
    hostile_registry 'PATCH =status:416'
    fails 125 push -q "$BIG" "$HOSTILE/x:1"
    error_has "range not satisfiable"
}

@test "hostile push: a registry that keeps a part" {
    big_image
    hostile_registry 'PATCH =part-once:5000000'
    ok push -q "$BIG" "$HOSTILE/x:1"
    arrived x:1
    equal "$(patches | wc -l)" 2
}

@test "hostile push: 413 makes the pieces smaller" {
    big_image
    hostile_registry 'PATCH =status-once:413'
    ok push -q "$BIG" "$HOSTILE/x:1"
    arrived x:1
    equal "$(patches | tail -n +2 | wc -l)" 2
    [[ "$(patches)" == *"0-"*" 202"$'\n'*" 202" ]] || explain "$(patches)"
}

@test "hostile push: 413 for what was sent at once" {
    big_image 3
    ok manifest inspect "$BIG"
    hostile_registry "PUT .*blobs.*$(jq -r '.layers[0].digest[7:]' <<<"$output")=status-once:413"
    ok push -q "$BIG" "$HOSTILE/x:1"
    arrived x:1
}

@test "hostile push: a busy registry" {
    big_image
    hostile_registry 'HEAD =status-once:503' 'POST =status-once:429' 'PATCH =status-once:500' \
        'PUT .*blobs=status-once:502' 'PUT .*manifests=status-once:429'
    ok push -q "$BIG" "$HOSTILE/x:1"
    arrived x:1
}

@test "hostile push: a broken registry is given up" {
    big_image 1
    hostile_registry 'POST =status:500'
    fails 125 push -q "$BIG" "$HOSTILE/x:1"
    error_has "initiating layer upload: received unexpected HTTP status: 500"
    hostile_registry 'PUT .*manifests=status:403'
    fails 125 push -q "$BIG" "$HOSTILE/x:1"
    error_has "writing manifest: uploading manifest 1 to $HOSTILE/x: injected"
}

@test "hostile push: another digest than ours" {
    local wrong
    wrong=sha256:$(printf '0%.0s' {1..64})
    big_image 1
    hostile_registry "PUT .*blobs=digest:$wrong"
    fails 125 push -q "$BIG" "$HOSTILE/x:1"
    error_has "the registry stored it as $wrong"
    hostile_registry "PUT .*manifests=digest:$wrong"
    fails 125 push -q "$BIG" "$HOSTILE/x:1"
    error_has "the registry stored it as $wrong"
}

@test "hostile push: a place without a URL, and one that is none" {
    big_image 1
    hostile_registry 'POST =location:file:///etc'
    fails 125 push -q "$BIG" "$HOSTILE/x:1"
    error_has "is no URL"
    hostile_registry 'POST =location:http://user:secret@127.0.0.1:1'
    fails 125 push -q "$BIG" "$HOSTILE/x:1"
    error_has "is no URL"
    [[ "$stderr" != *secret* ]] || explain "it was printed"
}

@test "hostile push: a relative place" {
    big_image
    hostile_registry 'uploads=location:relative'
    ok push -q "$BIG" "$HOSTILE/x:1"
    arrived x:1
}

# Both know the same uploads; what identifies us stays with the first.
@test "hostile push: a place on another host gets no credentials" {
    big_image
    hostile_registry as=other
    local other=$HOSTILE
    hostile_registry "POST =location:http://$other" 'HEAD =challenge-once:Basic realm="x"'
    ok push -q --creds user:secret "$BIG" "$HOSTILE/x:1"
    arrived x:1
    [ "$(grep -c '^P[A-Z]* .* Basic' "$T/hostile.log")" -ge 3 ]
    equal "$(awk '{print $5}' "$T/other.log" | sort -u)" "-"
    [[ "$(seen other)" == *"PATCH /v2/x/blobs/uploads/ID 202"* ]] || explain "$(cat "$T/other.log")"
}

@test "hostile push: a redirect (307) to another host gets no credentials" {
    big_image
    hostile_registry as=other
    local other=$HOSTILE
    hostile_registry "PATCH =redirect:http://$other" "PUT .*blobs=redirect:http://$other" \
        'HEAD =challenge-once:Basic realm="x"'
    ok push -q --creds user:secret "$BIG" "$HOSTILE/x:1"
    arrived x:1
    equal "$(awk '{print $5}' "$T/other.log" | sort -u)" "-"
    [[ "$(seen other)" == *"PATCH /v2/x/blobs/uploads/ID 202"* ]] || explain "$(cat "$T/other.log")"
}

@test "hostile push: who is behind it may ask, but gets nothing" {
    big_image
    hostile_registry as=other 'PATCH =challenge:Basic realm="give me"'
    local other=$HOSTILE
    hostile_registry "POST =location:http://$other" 'HEAD =challenge-once:Basic realm="x"'
    fails 125 push -q --creds user:secret "$BIG" "$HOSTILE/x:1"
    error_has unauthorized
    equal "$(awk '{print $5}' "$T/other.log" | sort -u)" "-"
}

@test "hostile push: from https to http is refused" {
    big_image 1
    hostile_registry as=other
    local other=$HOSTILE
    hostile_registry "tls=$SUITE/server.crt,$SUITE/server.key" "POST =location:http://$other"
    fails 125 push -q --cert-dir "$SUITE/certs" "$BIG" "$HOSTILE/x:1"
    error_has "from https to http"
    hostile_registry "tls=$SUITE/server.crt,$SUITE/server.key" "PUT .*blobs=redirect:http://$other"
    fails 125 push -q --cert-dir "$SUITE/certs" "$BIG" "$HOSTILE/x:1"
    error_has "from https to something else"
    equal "$(cat "$T/other.log")" ""
}

@test "hostile push: redirects without end" {
    big_image
    hostile_registry 'PATCH =redirect:/again?'
    fails 125 push -q "$BIG" "$HOSTILE/x:1"
    error_has "redirects"
    [ "$(grep -c '^PATCH' "$T/hostile.log")" -le 6 ]
}

@test "hostile push: a token that expires in the middle" {
    big_image
    hostile_registry token 'PATCH =expire-once' 'PUT .*manifests=expire-once'
    ok push -q "$BIG" "$HOSTILE/x:1"
    arrived x:1
    # One token to begin with, one for each end of one, whoever else was on the way then.
    equal "$(grep -c '^GET /token' "$T/hostile.log")" 3
}

@test "hostile push: one token for the whole push, for all that it needs" {
    need layers
    hostile_registry token
    ok push -q "$IMAGE" "$HOSTILE/x:1"
    arrived x:1 t/layers:latest "$IMAGES/layout"
    equal "$(grep -c '^GET /token' "$T/hostile.log")" 1
    grep -q 'scope=repository%3ax%3apull%2cpush ' "$T/hostile.log" || explain "$(cat "$T/hostile.log")"
    : >"$T/hostile.log"
    ok push -q "$IMAGE" "$HOSTILE/y:1"
    equal "$(grep -c '^GET /token' "$T/hostile.log")" 1
    grep -q 'scope=repository%3ay%3apull%2cpush&scope=repository%3ax%3apull ' "$T/hostile.log" ||
        explain "$(cat "$T/hostile.log")"
    equal "$(grep -c 'mount=.* 201 ' "$T/hostile.log")" 6
}

@test "hostile push: 401 for ever ends" {
    big_image 1
    hostile_registry '=challenge:Basic realm="x"'
    fails 125 push -q --creds user:secret "$BIG" "$HOSTILE/x:1"
    error_has "at destination: checking whether a blob sha256:"
    error_has "exists in $HOSTILE/x: unauthorized: authentication required"
    equal "$(grep -c ^HEAD "$T/hostile.log")" 2
    hostile_registry 'PUT =challenge:Basic realm="x"'
    fails 125 push -q --creds user:secret "$BIG" "$HOSTILE/x:1"
    error_has "uploading layer: unauthorized"
}

@test "hostile push: a mount that is not granted" {
    need layers
    hostile_registry
    ok push -q "$IMAGE" "$HOSTILE/x:1"
    kill "$(tail -n 1 "$T/helpers")"
    local port
    for port in 404 403 405 401; do
        rm -f "$T/hostile.port"
        hostile_registry "mount=.*=status:$port"
        # The record names the port: it must be the same registry. So it is made to look like it.
        sed -i "s/127.0.0.1:[0-9]*\/x/${HOSTILE}\/x/g" "$T"/root/layers/*/copies.json
        ok push -q "$IMAGE" "$HOSTILE/y$port:1"
        arrived "y$port:1" t/layers:latest "$IMAGES/layout"
        [ "$(grep -c 'mount=' "$T/hostile.log")" -ge 1 ]
    done
}

@test "hostile push: killed in the middle, and done again" {
    big_image
    hostile_registry 'PATCH =take-once:1000000' 'GET .*uploads=status:503'
    MCPD_RETRY_DELAY_MS=60000 start_client push -q "$BIG" "$HOSTILE/x:1"
    eventually grep -q '^PATCH' "$T/hostile.log"
    kill -9 "$CLIENT"
    wait "$CLIENT" || true
    hostile_registry
    ok push -q "$BIG" "$HOSTILE/x:1"
    arrived x:1
    ok run --rm --network none "$BIG" /nothing || true
    ok images -q
}

@test "hostile push: a blob of the store that has become shorter" {
    big_image
    local blob
    blob=$(find "$T/root/images/blobs" -size +1M)
    truncate -s 1000 "$blob"
    hostile_registry
    fails 125 push -q "$BIG" "$HOSTILE/x:1"
    error_has "of the store has 1000 bytes instead of"
}

@test "hostile push: a blob of the store that is damaged" {
    big_image
    local blob
    blob=$(find "$T/root/images/blobs" -size +1M)
    printf x | dd of="$blob" bs=1 seek=5000000 conv=notrunc status=none
    hostile_registry
    fails 125 push -q "$BIG" "$HOSTILE/x:1"
    error_has "digest invalid"
    [ ! -e "$T/hostile/refs.json" ]
}

@test "hostile push: a blob that is only at the other end" {
    big_image
    hostile_registry
    ok push -q "$BIG" "$HOSTILE/x:1"
    find "$T/root/images/blobs" -size +1M -delete
    ok push -q "$BIG" "$HOSTILE/x:2"
    ok push -q "$BIG" "$HOSTILE/y:1"
    arrived y:1
    hostile_registry as=other
    ok push -q "$BIG" "$HOSTILE/z:1" # by way of the store
    arrived z:1
    find "$T/root/images/blobs" -size +1M -delete
    while read -r pid; do kill "$pid"; done <"$T/helpers"
    hostile_registry as=third
    fails 125 push -q "$BIG" "$HOSTILE/w:1"
    error_has "nor in the store any more: remove the image and pull it again"
}

@test "hostile push: the words of a registry do not steer the terminal" {
    big_image 1
    hostile_registry 'POST =digest:x' 'PUT .*blobs=digest:'$'\e[31mred'
    run --separate-stderr -- mcpd push -q "$BIG" "$HOSTILE/x:1"
    [ "$status" = 125 ]
    [[ "$stderr" != *$'\e'* ]] || explain "escape codes"
}
