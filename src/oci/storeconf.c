/* storeconf.c - see storeconf.h. */
#include "oci/storeconf.h"

#include "base/fsutil.h"
#include "base/jsonx.h"
#include "base/str.h"
#include "base/toml.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#define SYSTEM_FILE "/etc/mcpd/mcpd.conf"
#define USER_FILE   "mcpd/mcpd.conf"
#define LOG_TOPIC   "conf"

void storeconf_done(struct storeconf *conf)
{
    strv_free(conf->additional);
    free(conf->driver);
    *conf = (struct storeconf){0};
}

/* ------------------------------------------------------------------ keys */

static int check_additional(char *const *paths, struct mcpd_error *err)
{
    if (strv_length(paths) > STORECONF_MAX_ADDITIONAL)
        return error_set(err, MCPD_E_INVALID, "store.additional: more than %d paths",
                         STORECONF_MAX_ADDITIONAL);
    for (; paths && *paths; paths++) {
        if (**paths != '/')
            return error_set(err, MCPD_E_INVALID, "store.additional: '%s' is no absolute path",
                             *paths);
        if (strlen(*paths) >= PATH_MAX)
            return error_set(err, MCPD_E_INVALID, "store.additional: a path is too long");
    }
    return 0;
}

static int take_additional(struct storeconf *conf, const json_t *table, struct mcpd_error *err)
{
    CLEANUP_STRV char **paths = NULL;
    int rc = jsonx_get_strv(table, "additional", "store", &paths, err);

    if (rc == 0)
        rc = check_additional(paths, err);
    if (rc < 0 || !json_object_get(table, "additional"))
        return rc;
    strv_free(conf->additional);
    conf->additional = TAKE_PTR(paths);
    return 0;
}

static int take_max_size(struct storeconf *conf, const json_t *table, struct mcpd_error *err)
{
    const json_t *value = json_object_get(table, "max_size");
    const char *text = json_string_value(value);
    uint64_t bytes = 0;

    if (!value)
        return 0;
    if (json_is_integer(value) && json_integer_value(value) >= 0)
        bytes = (uint64_t)json_integer_value(value);
    else if (!text || str_to_bytes(text, &bytes) < 0)
        return error_set(err, MCPD_E_INVALID,
                         "store.max_size: expected a size such as \"10G\", or whole bytes");
    conf->max_size_bytes = bytes;
    return 0;
}

static int take_driver(struct storeconf *conf, const json_t *table, struct mcpd_error *err)
{
    const char *text = NULL;
    char *driver = NULL;
    int rc = jsonx_get_string(table, "driver", "store", &text, err);

    if (rc < 0 || !text)
        return rc;
    if (!str_equal(text, "auto") && !str_equal(text, "overlay") && !str_equal(text, "copy"))
        return error_set(err, MCPD_E_INVALID,
                         "store.driver: expected \"auto\", \"overlay\" or \"copy\"");
    if (!str_equal(text, "auto")) {
        driver = strdup(text);
        if (!driver)
            return error_no_memory(err, "driver");
    }
    free(conf->driver);
    conf->driver = driver;
    return 0;
}

static int take_document(struct storeconf *conf, json_t *document, const char *path,
                         struct mcpd_error *err)
{
    static const char *const tables[] = {"store", NULL};
    static const char *const keys[] = {"additional", "max_size", "driver", NULL};
    json_t *table = NULL;
    int rc = jsonx_get_object(document, "store", "", &table, err);

    if (rc == 0)
        rc = take_additional(conf, table, err);
    if (rc == 0)
        rc = take_max_size(conf, table, err);
    if (rc == 0)
        rc = take_driver(conf, table, err);
    if (rc < 0)
        return rc;
    toml_mention_unknown(document, tables, LOG_TOPIC, path, "");
    toml_mention_unknown(table, keys, LOG_TOPIC, path, "store.");
    return 0;
}

int storeconf_add(struct storeconf *conf, const char *text, size_t length, const char *path,
                  struct mcpd_error *err)
{
    CLEANUP_JSON json_t *document = NULL;
    int rc = toml_parse(text, length, "toml", &document, err);

    if (rc == 0)
        rc = take_document(conf, document, path, err);
    /* A value of the wrong type is the writer's mistake, not a damaged object. */
    if (rc == -MCPD_E_CORRUPT)
        rc = error_recode(err, MCPD_E_INVALID);
    return rc < 0 ? error_wrap(err, rc, "configuration file \"%s\"", path) : 0;
}

/* ------------------------------------------------------------------ files */

static int add_file(struct storeconf *conf, const char *path, struct mcpd_error *err)
{
    CLEANUP_FREE char *text = NULL;
    struct mcpd_error problem = {0};
    size_t length = 0;
    int rc = fs_read_regular(AT_FDCWD, path, STORECONF_MAX_BYTES, &text, &length, &problem);

    if (rc == -MCPD_E_NOT_FOUND)
        return 0;
    if (rc < 0) {
        rc = error_copy(err, &problem);
        return error_wrap(err, rc, "configuration file \"%s\"", path);
    }
    return storeconf_add(conf, text, length, path, err);
}

/* NULL: nowhere. */
static char *user_file(void)
{
    const char *config_home = getenv("XDG_CONFIG_HOME");
    const char *home = getenv("HOME");

    if (config_home && *config_home == '/')
        return str_format("%s/" USER_FILE, config_home);
    return home && *home == '/' ? str_format("%s/.config/" USER_FILE, home) : NULL;
}

static int add_files(struct storeconf *conf, struct mcpd_error *err)
{
    const char *given = getenv("MCPD_CONF");
    CLEANUP_FREE char *users = NULL;
    int rc;

    if (given && *given)
        return add_file(conf, given, err);
    rc = add_file(conf, SYSTEM_FILE, err);
    if (rc < 0 || geteuid() == 0)
        return rc;
    users = user_file();
    return users ? add_file(conf, users, err) : 0;
}

int storeconf_load(struct storeconf *ret_conf, struct mcpd_error *err)
{
    CLEANUP_STORECONF struct storeconf conf = {0};
    int rc = add_files(&conf, err);

    if (rc < 0)
        return rc;
    *ret_conf = conf;
    conf = (struct storeconf){0};
    return 0;
}
