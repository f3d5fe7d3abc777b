/*
 * fuzz_device.c - libFuzzer target: any text as --device. What is taken is a device with clean
 * absolute paths, whose node cannot be changed.
 */
#include "fuzz.h"

#include "runtime/pathclean.h"
#include "runtime/spec_parts.h"

static void check_clean(const char *path)
{
    char *clean = pathclean(path);

    FUZZ_CHECK(path[0] == '/' && clean && strcmp(clean, path) == 0);
    free(clean);
}

static bool accepts(const char *text, size_t length)
{
    struct mcpd_error error = {0};
    struct plan_mount mount = {0};

    if (strlen(text) != length || spec_device_parse(text, &mount, &error) < 0)
        return false;
    check_clean(mount.source);
    check_clean(mount.destination);
    FUZZ_CHECK(strcmp(mount.destination, "/") != 0);
    FUZZ_CHECK(mount.is_device && mount.read_only && mount.no_exec && !mount.is_user_volume);
    spec_mount_done(&mount);
    return true;
}

FUZZ_TARGET(4096)
