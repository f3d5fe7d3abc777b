/*
 * fuzz_volume.c - libFuzzer target: any text as -v, --mount and --tmpfs. What is taken has a clean
 * absolute destination below the root, and a bind mount a clean absolute source.
 */
#include "fuzz.h"

#include "runtime/pathclean.h"
#include "runtime/spec_parts.h"

static void check_path(const char *path)
{
    char *clean = pathclean(path);

    FUZZ_CHECK(path[0] == '/' && clean && strcmp(clean, path) == 0);
    free(clean);
}

static bool check_mount(int rc, struct plan_mount *mount)
{
    if (rc < 0)
        return false;
    check_path(mount->destination);
    FUZZ_CHECK(strcmp(mount->destination, "/") != 0);
    FUZZ_CHECK(mount->is_user_volume);
    if (mount->kind == PLAN_MOUNT_BIND)
        check_path(mount->source);
    spec_mount_done(mount);
    return true;
}

static bool accepts(const char *text, size_t length)
{
    struct mcpd_error error = {0};
    struct plan_mount mount = {0};
    bool is_good;

    if (strlen(text) != length)
        return false;
    is_good = check_mount(spec_volume_parse(text, "/here", &mount, &error), &mount);
    is_good |= check_mount(spec_mount_parse(text, "/here", &mount, &error), &mount);
    is_good |= check_mount(spec_tmpfs_parse(text, &mount, &error), &mount);
    return is_good;
}

FUZZ_TARGET(4096)
