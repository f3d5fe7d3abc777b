/* targets.c - the containers a command is to act on, and acting on one after another. */
#include "cli/targets.h"

#include "base/fsutil.h"
#include "base/jsonx.h"
#include "base/str.h"
#include "cli/filter.h"
#include "cli/out.h"
#include "cli/view.h"

#include <fcntl.h>
#include <string.h>

#define CID_FILE_MAX 4096

/* ------------------------------------------------------------------ lists */

static int parse_array(const char *text, const char *what, json_t **ret_array,
                       struct mcpd_error *err)
{
    int rc = jsonx_parse_own(text, what, ret_array, err);

    if (rc == 0 && !json_is_array(*ret_array)) {
        json_decref(*ret_array);
        return error_set(err, MCPD_E_INTERNAL, "%s: not an array", what);
    }
    return rc;
}

int targets_list(struct cli *cli, bool all, json_t **ret_containers, struct mcpd_error *err)
{
    struct mcpd_engine *engine;
    CLEANUP_FREE char *text = NULL;
    int rc = cli_engine(cli, &engine, err);

    if (rc == 0)
        rc = mcpd_list_json(engine, all, &text, err);
    return rc < 0 ? rc : parse_array(text, "list of containers", ret_containers, err);
}

int targets_list_images(struct cli *cli, json_t **ret_images, struct mcpd_error *err)
{
    struct mcpd_engine *engine;
    CLEANUP_FREE char *text = NULL;
    int rc = cli_engine(cli, &engine, err);

    if (rc == 0)
        rc = mcpd_images_json(engine, &text, err);
    return rc < 0 ? rc : parse_array(text, "list of images", ret_images, err);
}

static bool has_volume_filter(const char *const *filters)
{
    for (; filters && *filters; filters++)
        if (str_has_prefix(*filters, "volume="))
            return true;
    return false;
}

/* One that has gone meanwhile gets none. */
static void add_inspected(const struct cli *cli, json_t *container, const char *source,
                          const char *member)
{
    CLEANUP_FREE char *text = NULL;
    CLEANUP_JSON json_t *document = NULL;

    if (mcpd_inspect_json(cli->engine, view_text(container, "Id"), &text, NULL) == 0 &&
        jsonx_parse_own(text, "container", &document, NULL) == 0)
        (void)json_object_set(container, member, json_object_get(document, source));
}

void targets_add_created_times(const struct cli *cli, json_t *containers)
{
    size_t index;
    json_t *container;

    json_array_foreach(containers, index, container)
        add_inspected(cli, container, "Created", VIEW_CREATED_TIME);
}

int targets_list_filtered(struct cli *cli, const char *const *filters, json_t **ret_containers,
                          struct mcpd_error *err)
{
    CLEANUP_JSON json_t *containers = NULL;
    bool needs_mounts = has_volume_filter(filters);
    size_t index;
    json_t *container;
    int rc = targets_list(cli, true, &containers, err);

    if (rc < 0)
        return rc;
    json_array_foreach(containers, index, container) {
        if (needs_mounts)
            add_inspected(cli, container, "Mounts", FILTER_MOUNTS);
    }
    rc = filter_containers(containers, filters, ret_containers, err);
    json_array_foreach(containers, index, container) {
        if (needs_mounts)
            (void)json_object_del(container, FILTER_MOUNTS);
    }
    return rc;
}

/* ------------------------------------------------------------------ finding */

static int append(char ***names, const char *name, struct mcpd_error *err)
{
    return strv_append(names, name) < 0 ? error_no_memory(err, "names") : 0;
}

static int append_cid_file(const char *path, bool ignore, char ***names, struct mcpd_error *err)
{
    CLEANUP_FREE char *text = NULL;
    int rc = fs_read_file(AT_FDCWD, path, CID_FILE_MAX, &text, NULL, err);

    if (rc == -MCPD_E_NOT_FOUND && ignore)
        return 0;
    if (rc < 0)
        return error_wrap(err, rc, "reading CIDFile");
    text[strcspn(text, "\n")] = '\0';
    return append(names, text, err);
}

static int append_ids(json_t *containers, enum targets_scope scope, char ***names,
                      struct mcpd_error *err)
{
    size_t index;
    json_t *container;

    json_array_foreach(containers, index, container) {
        bool is_up = strcmp(view_text(container, "State"), "running") == 0 ||
                     strcmp(view_text(container, "State"), "paused") == 0;
        int rc =
            scope == TARGETS_RUNNING && !is_up ? 0 : append(names, view_text(container, "Id"), err);

        if (rc < 0)
            return rc;
    }
    return 0;
}

static int append_listed(struct cli *cli, const struct target_values *values,
                         enum targets_scope scope, char ***names, struct mcpd_error *err)
{
    CLEANUP_JSON json_t *containers = NULL;
    size_t count;
    int rc = targets_list_filtered(cli, values->latest ? NULL : values->filters, &containers, err);

    if (rc < 0)
        return rc;
    count = json_array_size(containers);
    if (values->latest && count == 0)
        return error_set(err, MCPD_E_NOT_FOUND, "no containers in storage: no such container");
    if (values->latest)
        return append(names, view_text(json_array_get(containers, count - 1), "Id"), err);
    return append_ids(containers, scope, names, err);
}

static int check_request(const struct target_values *values, char *const *arguments,
                         struct mcpd_error *err)
{
    bool has_list = values->all || values->latest || values->filters;

    if (values->all && values->latest)
        return error_set(err, MCPD_E_INVALID, "--all and --latest cannot be used together");
    if (has_list && (arguments[0] || values->cid_files))
        return error_set(err, MCPD_E_INVALID, "no arguments are needed with --%s",
                         values->all      ? "all"
                         : values->latest ? "latest"
                                          : "filter");
    if (!has_list && !arguments[0] && !values->cid_files)
        return error_set(err, MCPD_E_INVALID, "you must provide at least one name or id");
    return 0;
}

int targets_find(struct cli *cli, const struct target_values *values, char *const *arguments,
                 enum targets_scope scope, char ***ret_names, struct mcpd_error *err)
{
    CLEANUP_STRV char **names = NULL;
    int rc = check_request(values, arguments, err);

    if (rc == 0 && (values->all || values->latest || values->filters))
        rc = append_listed(cli, values, scope, &names, err);
    for (size_t i = 0; rc == 0 && values->cid_files && values->cid_files[i]; i++)
        rc = append_cid_file(values->cid_files[i], values->ignore, &names, err);
    for (; rc == 0 && *arguments; arguments++)
        rc = append(&names, *arguments, err);
    if (rc == 0)
        *ret_names = TAKE_PTR(names);
    return rc;
}

/* ------------------------------------------------------------------ acting */

struct report {
    const struct target_values *values;
    int status;
};

static void report(struct cli *cli, const char *name, int rc, const struct mcpd_error *err,
                   void *context)
{
    struct report *report = context;
    int failed = 0;

    if (rc == -MCPD_E_NOT_FOUND && (report->values->ignore || report->values->all))
        return;
    if (rc < 0)
        failed = cli_fail(cli, err);
    else
        out_line(name);
    report->status = report->status != 0 ? report->status : failed;
}

int targets_each(struct cli *cli, const struct target_values *values, char *const *arguments,
                 enum targets_scope scope, enum targets_order order, jobs_function function,
                 void *context)
{
    struct report outcome = {.values = values};
    CLEANUP_STRV char **names = NULL;
    struct mcpd_engine *engine;
    struct mcpd_error err = {0};

    if (targets_find(cli, values, arguments, scope, &names, &err) < 0 ||
        cli_engine(cli, &engine, &err) < 0)
        return cli_fail(cli, &err);
    if (order == TARGETS_AT_ONCE) {
        jobs_run(cli, names, function, context, report, &outcome);
        return outcome.status;
    }
    for (size_t i = 0; names && names[i]; i++) {
        err = (struct mcpd_error){0};
        report(cli, names[i], function(cli, names[i], context, &err), &err, &outcome);
    }
    return outcome.status;
}
