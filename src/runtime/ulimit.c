/* ulimit.c - names of the kernel's resource limits, and --ulimit. */
#include "runtime/ulimit.h"

#include <string.h>
#include <strings.h>
#include <sys/resource.h>

#include "base/str.h"

#define LONGEST_NAME 12

static const char names[][LONGEST_NAME] = {
    [RLIMIT_AS] = "AS",
    [RLIMIT_CORE] = "CORE",
    [RLIMIT_CPU] = "CPU",
    [RLIMIT_DATA] = "DATA",
    [RLIMIT_FSIZE] = "FSIZE",
    [RLIMIT_LOCKS] = "LOCKS",
    [RLIMIT_MEMLOCK] = "MEMLOCK",
    [RLIMIT_MSGQUEUE] = "MSGQUEUE",
    [RLIMIT_NICE] = "NICE",
    [RLIMIT_NOFILE] = "NOFILE",
    [RLIMIT_NPROC] = "NPROC",
    [RLIMIT_RSS] = "RSS",
    [RLIMIT_RTPRIO] = "RTPRIO",
    [RLIMIT_RTTIME] = "RTTIME",
    [RLIMIT_SIGPENDING] = "SIGPENDING",
    [RLIMIT_STACK] = "STACK",
};

const char *ulimit_name(int resource)
{
    if (resource < 0 || (size_t)resource >= ARRAY_SIZE(names))
        return "";
    return names[resource];
}

int ulimit_find(const char *name)
{
    if (strncasecmp(name, "RLIMIT_", 7) == 0)
        name += 7;
    for (int i = 0; (size_t)i < ARRAY_SIZE(names); i++)
        if (strcasecmp(names[i], name) == 0)
            return i;
    return -MCPD_E_NOT_FOUND;
}

static int parse_value(const char *text, uint64_t *ret_value)
{
    if (strcmp(text, "-1") == 0 || strcasecmp(text, "unlimited") == 0) {
        *ret_value = UINT64_MAX;
        return 0;
    }
    return str_to_u64(text, UINT64_MAX, ret_value);
}

/* "SOFT[:HARD]"; what is wrong, in podman's words. */
static int parse_values(char *text, struct plan_rlimit *limit, struct mcpd_error *err)
{
    char *hard = strchr(text, ':');

    if (hard && strchr(hard + 1, ':'))
        return error_set(err, MCPD_E_INVALID,
                         "too many limit value arguments - %s, can only have up to two, "
                         "`soft[:hard]`",
                         text);
    if (hard)
        *hard++ = '\0';
    if (parse_value(text, &limit->soft) < 0 ||
        (hard && *hard != '\0' && parse_value(hard, &limit->hard) < 0))
        return error_set(err, MCPD_E_INVALID, "strconv.ParseInt: parsing \"%s\": invalid syntax",
                         parse_value(text, &limit->soft) < 0 ? text : hard);
    if (!hard || *hard == '\0')
        limit->hard = limit->soft;
    if (limit->soft > limit->hard)
        return error_set(err, MCPD_E_INVALID,
                         "ulimit soft limit must be less than or equal to hard limit: %s > %s",
                         text, hard);
    return 0;
}

static int parse(char *text, struct plan_rlimit *limit, struct mcpd_error *err)
{
    char *value = strchr(text, '=');

    if (!value)
        return error_set(err, MCPD_E_INVALID, "invalid ulimit argument: %s", text);
    *value++ = '\0';
    limit->resource = ulimit_find(text);
    if (limit->resource < 0)
        return error_set(err, MCPD_E_INVALID, "invalid ulimit type: %s", text);
    return parse_values(value, limit, err);
}

int ulimit_parse(const char *text, struct plan_rlimit *ret_limit, struct mcpd_error *err)
{
    CLEANUP_FREE char *copy = strdup(text);
    struct plan_rlimit limit = {0};
    int rc = copy ? parse(copy, &limit, err) : error_no_memory(err, "ulimit");

    if (rc < 0)
        return error_wrap(
            err, rc, "ulimit option \"%s\" requires name=SOFT:HARD, failed to be parsed", text);
    *ret_limit = limit;
    return 0;
}
