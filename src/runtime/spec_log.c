/*
 * spec_log.c - where the output of a container is kept, and how much of it.
 *
 * Options that podman takes and does nothing with are taken here too (spec_log_is_known tells
 * them, so that somebody can say so); a value that means nothing is refused.
 */
#include "runtime/spec_parts.h"

#include <string.h>

#include "base/str.h"
#include "runtime/logfile.h"
#include "runtime/pathclean.h"

static int choose_driver(const char *text, struct plan *plan, struct mcpd_error *err)
{
    static const char *const works[] = {"k8s-file", "json-file", "none"};
    static const char *const later[] = {"journald", "syslog", "passthrough"};

    if (!text || *text == '\0')
        text = works[0];
    for (size_t i = 0; i < ARRAY_SIZE(works); i++)
        if (strcmp(text, works[i]) == 0)
            return spec_dup(text, &plan->log_driver, err);
    for (size_t i = 0; i < ARRAY_SIZE(later); i++)
        if (strcmp(text, later[i]) == 0)
            return error_set(
                err, MCPD_E_UNSUPPORTED,
                "log driver \"%s\" is not supported (k8s-file, json-file and none are)", text);
    return error_set(err, MCPD_E_INVALID,
                     "running container create option: invalid log driver: invalid argument");
}

/* Powers of 1000, as podman counts here. 0: without a limit. */
static int take_max_size(const char *value, struct plan *plan, struct mcpd_error *err)
{
    uint64_t bytes;

    if (str_to_decimal_bytes(value, &bytes) < 0 || bytes > LOGFILE_UNLIMITED)
        return error_set(err, MCPD_E_INVALID, "invalid size: '%s'", value);
    plan->log_max_bytes = bytes > 0 ? bytes : LOGFILE_UNLIMITED;
    return 0;
}

static int take_max_file(const char *value, struct plan *plan, struct mcpd_error *err)
{
    uint32_t files;

    if (str_to_u32(value, LOGFILE_MAX_FILES, &files) < 0 || files == 0)
        return error_set(err, MCPD_E_INVALID,
                         "invalid number of log files '%s': it has to be between 1 and %d", value,
                         LOGFILE_MAX_FILES);
    plan->log_max_files = files;
    return 0;
}

static int take_path(const char *value, const char *current_dir, struct plan *plan,
                     struct mcpd_error *err)
{
    CLEANUP_FREE char *absolute = NULL;
    const char *name;

    if (*value == '\0') /* podman: as if it were not given */
        return 0;
    absolute =
        *value == '/' ? strdup(value) : str_format("%s/%s", current_dir ? current_dir : "", value);
    if (!absolute)
        return error_no_memory(err, "log path");
    name = strrchr(absolute, '/') + 1;
    if (*name == '\0' || strlen(name) > LOGFILE_LONGEST_NAME)
        return error_set(err, MCPD_E_INVALID, "'%s' is no name for a log", value);
    free(plan->log_path);
    plan->log_path = pathclean(absolute);
    return plan->log_path ? 0 : error_no_memory(err, "log path");
}

static int take_option(const char *text, const char *current_dir, struct plan *plan,
                       struct mcpd_error *err)
{
    const char *value = strchr(text, '=');

    if (!value || value == text)
        return error_set(err, MCPD_E_INVALID, "invalid log option \"%s\"", text);
    value++;
    if (str_has_prefix(text, "max-size="))
        return take_max_size(value, plan, err);
    if (str_has_prefix(text, "max-file="))
        return take_max_file(value, plan, err);
    if (str_has_prefix(text, "path="))
        return take_path(value, current_dir, plan, err);
    if (!str_has_prefix(text, "tag="))
        return 0;
    free(plan->log_tag);
    return spec_dup(value, &plan->log_tag, err);
}

bool spec_log_is_known(const char *option)
{
    return str_has_prefix(option, "max-size=") || str_has_prefix(option, "max-file=") ||
           str_has_prefix(option, "path=") || str_has_prefix(option, "tag=");
}

int spec_log_build(const struct mcpd_create_options *options, const struct spec_host *host,
                   struct plan *plan, struct mcpd_error *err)
{
    const char *const *texts = options->log_options;
    int rc = choose_driver(options->log_driver, plan, err);

    for (size_t i = 0; rc == 0 && texts && texts[i]; i++)
        rc = take_option(texts[i], host->current_dir, plan, err);
    return rc;
}
