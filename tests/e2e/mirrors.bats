#!/usr/bin/env bats
# registries.conf: short names, mirrors, insecure and blocked registries.
# bats file_tags=asan

load helper/common

setup() {
    common_setup
    # Nobody's alias shall decide here; the files of the user come on top of it.
    export CONTAINERS_REGISTRIES_CONF=$T/registries.conf
    : >"$CONTAINERS_REGISTRIES_CONF"
}

configure() {
    cat >"$CONTAINERS_REGISTRIES_CONF"
}

works() {
    ok run --rm --network none --pull=never "$1" echo works
    says works
}

# --- short names -----------------------------------------------------------------

@test "short name: docker.io without any configuration" {
    rm "$CONTAINERS_REGISTRIES_CONF"
    unset CONTAINERS_REGISTRIES_CONF
    fails 125 pull --retry 0 no-such-image-of-anybody
    [[ "$stderr" == *"Trying to pull docker.io/library/no-such-image-of-anybody:latest..."* ]] ||
        explain "the name"
    error_has "initializing source docker://no-such-image-of-anybody:latest: "
}

@test "short name: an alias" {
    configure <<END
[aliases]
  "mybox" = "$REGISTRY/t/busybox"
  "team/app" = "$REGISTRY/t/busybox" # with a path
END
    ok pull mybox
    is_id "$output"
    [[ "$stderr" == "Resolved \"mybox\" as an alias ($T/registries.conf)"$'\n'"Trying to pull $REGISTRY/t/busybox:latest..."* ]] ||
        explain "podman's lines"
    works mybox
    ok pull -q team/app:oci
    works team/app:oci
    ok run --rm --network none --pull=never "$REGISTRY/t/busybox" true
    ok rmi mybox
}

@test "short name: registries to search, in their order" {
    bad_registry "$IMAGES/layout" '/v2/=status:404'
    configure <<END
unqualified-search-registries = ["$BAD", "$REGISTRY"]
END
    ok pull --retry 0 t/busybox
    [[ "$stderr" == "Resolving \"t/busybox\" using unqualified-search registries ($T/registries.conf)"$'\n'"Trying to pull $BAD/t/busybox:latest..."$'\n'"Trying to pull $REGISTRY/t/busybox:latest..."* ]] ||
        explain "podman's lines"
    works t/busybox
    fails 125 pull -q --retry 0 no/such
    error_has "Error: 2 errors occurred while pulling:"
    error_has "initializing source docker://$BAD/no/such:latest: reading manifest latest in $BAD/no/such: 404 from something that is no registry"
    error_has "initializing source docker://$REGISTRY/no/such:latest: reading manifest latest in $REGISTRY/no/such: manifest unknown"
}

@test "short name: nowhere to search" {
    configure <<<'unqualified-search-registries = []'
    fails 125 pull -q nosuchimage:1
    error_is "Error: short-name \"nosuchimage\" did not resolve to an alias and no unqualified-search registries are defined in \"$T/registries.conf\""
    fails 125 run --rm nosuchimage:1 true
    error_is "Error: short-name \"nosuchimage\" did not resolve to an alias and no unqualified-search registries are defined in \"$T/registries.conf\""
}

@test "short name: the user's files, registries.conf.d" {
    unset CONTAINERS_REGISTRIES_CONF
    mkdir -p "$HOME/.config/containers/registries.conf.d"
    printf 'unqualified-search-registries = ["%s"]\n' "$REGISTRY" >"$HOME/.config/containers/registries.conf"
    printf '[aliases]\nmcpdbox = "%s/t/busybox"\n' "$REGISTRY" >"$HOME/.config/containers/registries.conf.d/50-x.conf"
    ok pull -q mcpdbox
    ok pull -q t/busybox:oci
    works t/busybox:oci
}

@test "registries.conf: mistakes are told with file and line, and nothing is pulled" {
    configure <<<$'unqualified-search-registries = [\nx y'
    fails 125 pull -q t/busybox
    error_is "Error: loading registries configuration \"$T/registries.conf\": toml: line 2: not a string, a number, true, false, an array or a table"
    configure <<<$'[[registry]]\nlocation = "http://x"'
    fails 125 pull -q "$REGISTRY/t/busybox"
    error_is "Error: loading registries configuration \"$T/registries.conf\": invalid location 'http://x': URI schemes are not supported"
}

@test "registries.conf: unknown keys are passed over, with a debug line" {
    configure <<<$'credential-helpers = ["x"]\nfuture.key = 1'
    MCPD_DEBUG=registries ok pull -q "$REGISTRY/t/busybox"
    [[ "$stderr" == *"$T/registries.conf: credential-helpers is not known here"* ]] || explain "no debug line"
    [[ "$stderr" == *"future is not known here"* ]] || explain "no debug line"
}

# --- mirrors ---------------------------------------------------------------------

# The registry with mirrors at the given addresses.
mirrored() {
    local mirror
    {
        printf '[[registry]]\nlocation = "%s"\n' "$REGISTRY"
        for mirror in "$@"; do
            printf '[[registry.mirror]]\nlocation = "%s"\n' "$mirror"
        done
    } | configure
}

@test "mirror: serves everything, the image has the name that was asked for" {
    bad_registry "$IMAGES/layout"
    mirrored "$BAD"
    ok pull -q "$REGISTRY/t/busybox"
    [ "$(grep -c 'GET .*/blobs/' "$T/bad.log")" -ge 2 ] || explain "$(cat "$T/bad.log")"
    ok images --format '{{.Repository}}:{{.Tag}}'
    says "$REGISTRY/t/busybox:latest"
    works "$REGISTRY/t/busybox"
}

@test "mirror: in order, then the registry itself" {
    bad_registry "$IMAGES/layout" '/v2/=status:500'
    mirrored 127.0.0.1:9 "$BAD"
    ok pull -q "$REGISTRY/t/busybox"
    equal "$(wc -l <"$T/bad.log")" 1
    equal "$stderr" ""
    works "$REGISTRY/t/busybox"
}

@test "mirror: a layer that it has lost, or sends wrong, comes from the registry" {
    local digest
    digest=$(jq -r '.layers[0].digest' "$IMAGES/layout/blobs/sha256/$(jq -r '."t/busybox:latest".digest' "$IMAGES/layout/refs.json" | cut -d: -f2)")
    bad_registry "$IMAGES/layout" "/blobs/$digest=status:404"
    mirrored "$BAD"
    ok pull -q "$REGISTRY/t/busybox"
    works "$REGISTRY/t/busybox"
    ok rmi "$REGISTRY/t/busybox"
    head -c "$(stat -c %s "$IMAGES/layout/blobs/sha256/${digest#*:}")" /dev/zero >"$T/zeros"
    bad_registry "$IMAGES/layout" "/blobs/$digest=body:$T/zeros"
    mirrored "$BAD"
    ok pull -q "$REGISTRY/t/busybox"
    works "$REGISTRY/t/busybox"
}

@test "mirror: all of them down" {
    configure <<'END'
[[registry]]
location = "127.0.0.1:9"
[[registry.mirror]]
location = "127.0.0.1:10/m"
END
    fails 125 pull -q --retry-delay 10ms 127.0.0.1:9/x/y:1
    equal "$(grep -c 'Failed, retrying in 10ms' <<<"$stderr")" 3
    error_is 'Error: initializing source docker://127.0.0.1:9/x/y:1: (Mirrors also failed: [127.0.0.1:10/m/x/y:1: pinging container registry 127.0.0.1:10: Get "https://127.0.0.1:10/v2/": dial tcp 127.0.0.1:10: connect: connection refused]): 127.0.0.1:9/x/y:1: pinging container registry 127.0.0.1:9: Get "https://127.0.0.1:9/v2/": dial tcp 127.0.0.1:9: connect: connection refused'
}

@test "registry: another location" {
    configure <<END
[[registry]]
prefix = "old.example/team"
location = "$REGISTRY/t"
END
    ok pull -q old.example/team/busybox
    works old.example/team/busybox
}

@test "registry: insecure only where it is said" {
    configure <<END
[[registry]]
location = "$TLS_REGISTRY"
insecure = true
END
    ok pull -q "$TLS_REGISTRY/t/busybox"
    fails 125 pull -q "localhost:${TLS_REGISTRY#*:}/t/busybox"
    error_has certificate
}

@test "registry: blocked" {
    configure <<END
[[registry]]
location = "$REGISTRY"
blocked = true
END
    fails 125 pull -q "$REGISTRY/t/busybox"
    error_is "Error: initializing source docker://$REGISTRY/t/busybox:latest: registry $REGISTRY is blocked in $T/registries.conf or $HOME/.config/containers/registries.conf.d"
    fails 125 manifest inspect "$REGISTRY/t/busybox"
    error_has "registry $REGISTRY is blocked"
}
