/* spec_security.c - capabilities, seccomp, masked paths: what a container may do to the kernel. */
#include "runtime/spec_parts.h"

#include <string.h>

#include "base/str.h"
#include "runtime/capset.h"
#include "runtime/pathclean.h"

/* runc's and podman's lists. What is absent on this kernel is skipped by the executor. */
static const char *const masked_paths[] = {
    "/proc/acpi",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/sys/firmware",
    "/sys/fs/selinux",
    "/sys/dev/block",
    "/sys/devices/virtual/powercap",
    NULL,
};

static const char *const read_only_paths[] = {
    "/proc/asound", "/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger", NULL,
};

static int set_default_paths(struct plan *plan, struct mcpd_error *err)
{
    int rc = spec_dup_list(masked_paths, &plan->masked_paths, err);

    return rc < 0 ? rc : spec_dup_list(read_only_paths, &plan->read_only_paths, err);
}

static int set_seccomp(const char *profile, struct plan *plan, struct mcpd_error *err)
{
    if (strcmp(profile, "unconfined") != 0)
        return error_set(
            err, MCPD_E_UNSUPPORTED,
            "seccomp profile \"%s\": only the built-in one and \"unconfined\" are supported yet",
            profile);
    free(plan->seccomp_profile);
    return spec_dup(profile, &plan->seccomp_profile, err);
}

static int mask(const char *list, struct plan *plan, struct mcpd_error *err)
{
    CLEANUP_STRV char **paths = strv_split(list, ':');

    for (size_t i = 0; paths && paths[i]; i++) {
        if (paths[i][0] != '/')
            return error_set(err, MCPD_E_INVALID, "invalid path to mask \"%s\"", paths[i]);
        if (strv_append_take(&plan->masked_paths, pathclean(paths[i])) < 0)
            return error_no_memory(err, "masked paths");
    }
    return paths ? 0 : error_no_memory(err, "masked paths");
}

static void remove_path(char **paths, const char *path)
{
    size_t kept = 0;

    for (size_t i = 0; paths && paths[i]; i++) {
        if (strcmp(paths[i], path) == 0)
            free(paths[i]);
        else
            paths[kept++] = paths[i];
    }
    if (paths)
        paths[kept] = NULL;
}

static void drop_default_paths(struct plan *plan)
{
    strv_free(TAKE_PTR(plan->masked_paths));
    strv_free(TAKE_PTR(plan->read_only_paths));
}

static int unmask(const char *list, struct plan *plan, struct mcpd_error *err)
{
    CLEANUP_STRV char **paths = strv_split(list, ':');

    if (!paths)
        return error_no_memory(err, "masked paths");
    if (strcmp(list, "ALL") == 0)
        drop_default_paths(plan);
    for (size_t i = 0; paths[i]; i++) {
        remove_path(plan->masked_paths, paths[i]);
        remove_path(plan->read_only_paths, paths[i]);
    }
    return 0;
}

/* Asked for on hosts without the module in question, which podman ignores as well. */
static bool is_without_effect(const char *text)
{
    static const char *const texts[] = {"label=",
                                        "label:",
                                        "apparmor=unconfined",
                                        "apparmor:unconfined",
                                        "no-new-privileges:false",
                                        "no-new-privileges=false"};

    for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
        if (str_has_prefix(text, texts[i]))
            return true;
    return false;
}

static int take_security_option(const char *text, struct plan *plan, struct mcpd_error *err)
{
    if (strcmp(text, "no-new-privileges") == 0 || strcmp(text, "no-new-privileges:true") == 0 ||
        strcmp(text, "no-new-privileges=true") == 0) {
        plan->process.no_new_privileges = true;
        return 0;
    }
    if (str_has_prefix(text, "seccomp=") || str_has_prefix(text, "seccomp:"))
        return set_seccomp(text + strlen("seccomp="), plan, err);
    if (str_has_prefix(text, "mask="))
        return mask(text + strlen("mask="), plan, err);
    if (str_has_prefix(text, "unmask="))
        return unmask(text + strlen("unmask="), plan, err);
    if (strcmp(text, "systempaths=unconfined") == 0) {
        drop_default_paths(plan);
        return 0;
    }
    if (is_without_effect(text))
        return 0;
    if (str_has_prefix(text, "apparmor=") || str_has_prefix(text, "apparmor:"))
        return error_set(err, MCPD_E_UNSUPPORTED,
                         "apparmor profile \"%s\" specified, but AppArmor is not supported yet",
                         text + strlen("apparmor="));
    /* podman tells how many parts it has found. */
    return error_set(err, MCPD_E_INVALID, "invalid --security-opt %d: \"%s\"",
                     strpbrk(text, "=:") ? 2 : 1, text);
}

int spec_security_build(const struct mcpd_create_options *options, struct plan *plan,
                        struct mcpd_error *err)
{
    uint64_t base = options->privileged ? capset_all() : capset_default();
    int rc =
        capset_parse(options->cap_add, options->cap_drop, base, &plan->process.capabilities, err);

    plan->privileged = options->privileged;
    if (rc == 0)
        rc = capset_parse(options->cap_add, NULL, 0, &plan->process.capabilities_added, err);
    if (rc == 0 && options->privileged)
        rc = set_seccomp("unconfined", plan, err);
    else if (rc == 0)
        rc = set_default_paths(plan, err);
    for (size_t i = 0; options->security_options && options->security_options[i] && rc == 0; i++)
        rc = take_security_option(options->security_options[i], plan, err);
    return rc;
}
