/*
 * imageconfig.c - the image configuration, read once into plain values.
 * The whole document is kept too: what is only shown (history, healthcheck) is read from there.
 */
#include "oci/imageconfig.h"

#include "base/clock.h"
#include "base/jsonx.h"
#include "base/str.h"

#include <string.h>

#define IMAGECONFIG_DEPTH 64

void imageconfig_done(struct imageconfig *config)
{
    int saved_errno = errno;

    free(config->architecture);
    free(config->variant);
    free(config->os);
    free(config->author);
    free(config->user);
    free(config->working_dir);
    free(config->stop_signal);
    strv_free(config->env);
    strv_free(config->entrypoint);
    strv_free(config->cmd);
    strv_free(config->exposed_ports);
    strv_free(config->volumes);
    strv_free(config->labels);
    free(config->diff_ids);
    json_decref(config->document);
    *config = (struct imageconfig){0};
    errno = saved_errno;
}

/* An empty string is what Go writes for an absent one. */
static int read_string(const json_t *object, const char *key, const char *what, char **ret_value,
                       struct mcpd_error *err)
{
    int rc = jsonx_dup_string(object, key, what, ret_value, err);

    if (rc == 0 && *ret_value && (*ret_value)[0] == '\0') {
        free(*ret_value);
        *ret_value = NULL;
    }
    return rc;
}

/* {"8080/tcp": {}}: a set in Go's JSON. */
static int read_set(const json_t *object, const char *key, const char *what, char ***ret_members,
                    struct mcpd_error *err)
{
    json_t *set = NULL;
    const char *member;
    json_t *value;
    int rc = jsonx_get_object(object, key, what, &set, err);

    if (rc < 0 || !set)
        return rc;
    json_object_foreach(set, member, value)
        if (strv_append(ret_members, member) < 0)
            return error_no_memory(err, what);
    return 0;
}

static int read_created(const json_t *root, int64_t *ret_unix_ns, struct mcpd_error *err)
{
    const char *created = NULL;
    int rc = jsonx_get_string(root, "created", "image config", &created, err);

    if (rc < 0 || !created || !created[0])
        return rc;
    if (clock_parse_rfc3339(created, ret_unix_ns) < 0)
        return error_set(err, MCPD_E_CORRUPT, "image config.created: not a date");
    return 0;
}

static int read_diff_ids(const json_t *root, struct imageconfig *config, struct mcpd_error *err)
{
    CLEANUP_STRV char **texts = NULL;
    json_t *rootfs = NULL;
    size_t count;
    int rc = jsonx_get_object(root, "rootfs", "image config", &rootfs, err);

    if (rc < 0)
        return rc;
    if (!rootfs)
        return error_set(err, MCPD_E_CORRUPT, "image config.rootfs is missing");
    rc = jsonx_get_strv(rootfs, "diff_ids", "image config.rootfs", &texts, err);
    count = strv_length(texts);
    if (rc < 0 || count == 0)
        return rc;
    if (count > IMAGECONFIG_MAX_LAYERS)
        return error_set(err, MCPD_E_LIMIT, "image config has %zu layers, more than %d", count,
                         IMAGECONFIG_MAX_LAYERS);
    config->diff_ids = calloc(count, sizeof(*config->diff_ids));
    if (!config->diff_ids)
        return error_no_memory(err, "diff_ids");
    config->diff_id_count = count;
    for (size_t i = 0; i < count; i++)
        if (digest_parse(texts[i], &config->diff_ids[i], err) < 0)
            return error_wrap(err, -MCPD_E_CORRUPT, "image config.rootfs.diff_ids[%zu]", i);
    return 0;
}

static int read_platform(const json_t *root, struct imageconfig *config, struct mcpd_error *err)
{
    int rc = read_string(root, "architecture", "image config", &config->architecture, err);

    if (rc == 0)
        rc = read_string(root, "variant", "image config", &config->variant, err);
    if (rc == 0)
        rc = read_string(root, "os", "image config", &config->os, err);
    if (rc == 0)
        rc = read_string(root, "author", "image config", &config->author, err);
    return rc;
}

/* The object "config": what a container does by default. */
static int read_defaults(const json_t *root, struct imageconfig *config, struct mcpd_error *err)
{
    static const char what[] = "image config.config";
    json_t *object = NULL;
    int rc = jsonx_get_object(root, "config", "image config", &object, err);

    if (rc < 0 || !object)
        return rc;
    rc = read_string(object, "User", what, &config->user, err);
    if (rc == 0)
        rc = read_string(object, "WorkingDir", what, &config->working_dir, err);
    if (rc == 0)
        rc = read_string(object, "StopSignal", what, &config->stop_signal, err);
    if (rc == 0)
        rc = jsonx_get_strv(object, "Env", what, &config->env, err);
    if (rc == 0)
        rc = jsonx_get_strv(object, "Entrypoint", what, &config->entrypoint, err);
    if (rc == 0)
        rc = jsonx_get_strv(object, "Cmd", what, &config->cmd, err);
    if (rc == 0)
        rc = read_set(object, "ExposedPorts", what, &config->exposed_ports, err);
    if (rc == 0)
        rc = read_set(object, "Volumes", what, &config->volumes, err);
    if (rc == 0)
        rc = jsonx_get_string_map(object, "Labels", what, &config->labels, err);
    return rc;
}

static int read_config(const json_t *root, struct imageconfig *config, struct mcpd_error *err)
{
    int rc;

    if (!json_is_object(root))
        return error_set(err, MCPD_E_CORRUPT, "image config: expected an object");
    rc = read_diff_ids(root, config, err);
    if (rc == 0)
        rc = read_platform(root, config, err);
    if (rc == 0)
        rc = read_created(root, &config->created_unix_ns, err);
    if (rc == 0)
        rc = read_defaults(root, config, err);
    return rc;
}

int imageconfig_parse(const char *text, size_t length, struct imageconfig *ret_config,
                      struct mcpd_error *err)
{
    struct imageconfig config = {0};
    int rc;

    if (length > IMAGECONFIG_MAX_BYTES)
        return error_set(err, MCPD_E_LIMIT, "image config is larger than %u bytes",
                         IMAGECONFIG_MAX_BYTES);
    rc = jsonx_parse(text, length, IMAGECONFIG_DEPTH, "image config", &config.document, err);
    if (rc == 0)
        rc = read_config(config.document, &config, err);
    if (rc < 0) {
        imageconfig_done(&config);
        return rc;
    }
    *ret_config = config;
    return 0;
}
