#!/usr/bin/env bats
# A whole distribution: what people really run.

load helper/common

# It is pulled once for all tests, which do not change it.
setup_file() {
    export DEBIAN
    DEBIAN=$(mktemp -d /tmp/mcpd-debian.XXXXXX)
    "$MCPD" --root "$DEBIAN/root" --runroot "$DEBIAN/run" pull -q "$REGISTRY/t/debian" >/dev/null
}

teardown_file() {
    owner rm -rf "$DEBIAN"
}

setup() {
    common_setup
    # shellcheck disable=SC2034 # used by mcpd of helper/common
    MCPD_CMD=("$MCPD" --root "$DEBIAN/root" --runroot "$T/run")
    IMAGE=$REGISTRY/t/debian
}

@test "debian: bash, glibc and the package database work" {
    ok run --rm --network none "$IMAGE" bash -c '. /etc/os-release; echo "$ID $VERSION_ID"; dpkg -l | grep -c ^ii'
    equal "${lines[0]}" "debian 12"
    [ "${lines[1]}" -gt 50 ]
}

@test "debian: files are those of the archive" {
    ok run --rm --network none "$IMAGE" sh -c 'cd / && dpkg --verify; echo "verify $?"'
    # What the image left out on purpose is documentation.
    run ! grep -vE '/usr/share/(doc|man|locale)/|^verify 0$' <<<"$output"
}

@test "debian: setuid programs change the user" {
    ok run --rm --network none --user nobody "$IMAGE" sh -c 'stat -c %a /usr/bin/su; id -un'
    says $'4755\nnobody'
    ok run --rm --network none "$IMAGE" su -s /bin/sh nobody -c 'id -un'
    says nobody
}

@test "debian: apt installs a local package" {
    ok run --rm --network none "$IMAGE" sh -c '
        mkdir -p /p/DEBIAN /p/opt && echo x >/p/opt/hello &&
        printf "Package: hello\nVersion: 1\nArchitecture: all\nMaintainer: x <x@y>\nDescription: x\n" >/p/DEBIAN/control &&
        dpkg-deb -b /p /hello.deb >/dev/null && dpkg -i /hello.deb >/dev/null && cat /opt/hello && dpkg -P hello >/dev/null && [ ! -e /opt/hello ]'
    says x
}

@test "debian: renames, links and removals over the image's folders" {
    ok run --rm --network none "$IMAGE" bash -c '
        set -e; mv /etc/apt /etc/moved; ls /etc/moved >/dev/null; rm -rf /usr/share/perl5 /var/lib/dpkg
        mkdir /usr/share/perl5; ls -A /usr/share/perl5; ln /etc/hostname.x /etc/y 2>/dev/null || true
        cp -a /bin/ls /bin/ls2; ln /bin/ls2 /bin/ls3; /bin/ls3 -d /etc/moved'
    says /etc/moved
}
