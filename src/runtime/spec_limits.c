/* spec_limits.c - memory, cpus, processes, shared memory, resource limits. */
#include "runtime/spec_parts.h"

#include <string.h>

#include "base/str.h"
#include "runtime/ulimit.h"

#define CPU_PERIOD_US    100000
#define CPU_MIN_QUOTA_US 1000 /* the kernel takes no less */
#define CPU_MAX          100000

static int parse_bytes(const char *option, const char *text, uint64_t *ret_bytes,
                       struct mcpd_error *err)
{
    if (str_to_bytes(text, ret_bytes) < 0 || *ret_bytes > INT64_MAX)
        return error_set(err, MCPD_E_INVALID, "invalid value for %s: invalid size: '%s'", option,
                         text);
    return 0;
}

/* "1.5" -> 150000 of 100000 microseconds, without floating point. */
static int parse_cpus(const char *text, uint64_t *ret_quota_us, struct mcpd_error *err)
{
    CLEANUP_FREE char *whole = strdup(text);
    uint64_t cpus = 0;
    uint64_t quota_us = 0;
    uint64_t weight_us = CPU_PERIOD_US / 10;
    char *fraction;

    if (!whole)
        return error_no_memory(err, "cpus");
    fraction = strchr(whole, '.');
    if (fraction)
        *fraction++ = '\0';
    if ((*whole != '\0' && str_to_u64(whole, CPU_MAX, &cpus) < 0) ||
        (*whole == '\0' && (!fraction || *fraction == '\0')))
        return error_set(err, MCPD_E_INVALID, "invalid value for cpus: '%s'", text);
    for (const char *c = fraction; c && *c != '\0'; c++, weight_us /= 10) {
        if (*c < '0' || *c > '9')
            return error_set(err, MCPD_E_INVALID, "invalid value for cpus: '%s'", text);
        quota_us += (uint64_t)(*c - '0') * weight_us;
    }
    quota_us += cpus * CPU_PERIOD_US;
    if (quota_us > 0 && quota_us < CPU_MIN_QUOTA_US)
        return error_set(err, MCPD_E_INVALID, "invalid value for cpus: '%s' is less than 0.01",
                         text);
    *ret_quota_us = quota_us;
    return 0;
}

static int parse_pids(const char *text, struct plan_limits *limits, struct mcpd_error *err)
{
    uint64_t value = 0;

    limits->pids_is_default = !text;
    limits->pids_max = SPEC_DEFAULT_PIDS;
    if (!text)
        return 0;
    if (strcmp(text, "-1") != 0 && str_to_u64(text, INT32_MAX, &value) < 0)
        return error_set(err, MCPD_E_INVALID, "invalid value for pids-limit: '%s'", text);
    limits->pids_max = (int64_t)value; /* 0 and -1: none */
    return 0;
}

static int parse_ulimits(const char *const *texts, struct plan_process *process,
                         struct mcpd_error *err)
{
    size_t count = 0;

    while (texts && texts[count])
        count++;
    if (count == 0)
        return 0;
    process->rlimits = calloc(count, sizeof(*process->rlimits));
    if (!process->rlimits)
        return error_no_memory(err, "ulimits");
    for (size_t i = 0; i < count; i++) {
        int rc = ulimit_parse(texts[i], &process->rlimits[i], err);

        if (rc < 0)
            return rc;
        process->rlimit_count++;
    }
    return 0;
}

int spec_limits_build(const struct mcpd_create_options *options, struct plan *plan,
                      struct mcpd_error *err)
{
    int rc = 0;

    plan->limits.cpu_period_us = CPU_PERIOD_US;
    plan->shm_size_bytes = SPEC_DEFAULT_SHM_BYTES;
    if (options->memory)
        rc = parse_bytes("memory", options->memory, &plan->limits.memory_bytes, err);
    if (rc == 0 && options->cpus)
        rc = parse_cpus(options->cpus, &plan->limits.cpu_quota_us, err);
    if (rc == 0)
        rc = parse_pids(options->pids_limit, &plan->limits, err);
    if (rc == 0 && options->shm_size)
        rc = parse_bytes("shm-size", options->shm_size, &plan->shm_size_bytes, err);
    if (rc == 0)
        rc = parse_ulimits(options->ulimits, &plan->process, err);
    return rc;
}
