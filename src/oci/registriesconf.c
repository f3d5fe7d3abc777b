/* registriesconf.c - see registriesconf.h: the files, and what is in them. */
#include "oci/registriesconf.h"

#include "base/fsutil.h"
#include "base/jsonx.h"
#include "base/str.h"
#include "base/toml.h"

#include <fcntl.h>
#include <string.h>

#define SYSTEM_FILE "/etc/containers/registries.conf"
#define SYSTEM_DIR  "/etc/containers/registries.conf.d"
#define USER_FILE   "/.config/containers/registries.conf"
#define USER_DIR    "/.config/containers/registries.conf.d"
#define LOG_TOPIC   "registries"

static void mirror_done(struct registriesconf_mirror *mirror)
{
    free(mirror->location);
}

static void registry_done(struct registriesconf_registry *registry)
{
    for (size_t i = 0; i < registry->mirror_count; i++)
        mirror_done(&registry->mirrors[i]);
    free(registry->mirrors);
    free(registry->prefix);
    free(registry->location);
    *registry = (struct registriesconf_registry){0};
}

static void alias_done(struct registriesconf_alias *alias)
{
    free(alias->name);
    free(alias->value);
    free(alias->origin);
}

void registriesconf_done(struct registriesconf *conf)
{
    for (size_t i = 0; i < conf->registry_count; i++)
        registry_done(&conf->registries[i]);
    for (size_t i = 0; i < conf->alias_count; i++)
        alias_done(&conf->aliases[i]);
    free(conf->registries);
    free(conf->aliases);
    free(conf->path);
    free(conf->dir);
    strv_free(conf->search);
    free(conf->search_origin);
    *conf = (struct registriesconf){0};
}

/* ------------------------------------------------------------------ keys */

/* "host/path" without what does not belong there; *ret_location is owned by the caller. */
static int check_location(const char *text, char **ret_location, struct mcpd_error *err)
{
    size_t length = strlen(text);

    if (strstr(text, "://"))
        return error_set(err, MCPD_E_INVALID,
                         "invalid location '%s': URI schemes are not supported", text);
    while (length > 0 && text[length - 1] == '/')
        length--;
    if (length == 0)
        return error_set(err, MCPD_E_INVALID, "invalid location: cannot be empty");
    *ret_location = strndup(text, length);
    return *ret_location ? 0 : error_no_memory(err, "registries");
}

static int get_location(const json_t *table, const char *key, const char *what, char **ret_location,
                        struct mcpd_error *err)
{
    const char *text = NULL;
    int rc = jsonx_get_string(table, key, what, &text, err);

    return rc < 0 || !text ? rc : check_location(text, ret_location, err);
}

static int get_pull(const json_t *table, const char *what, enum registriesconf_pull *pull,
                    struct mcpd_error *err)
{
    const char *text = NULL;
    int rc = jsonx_get_string(table, "pull-from-mirror", what, &text, err);

    if (rc < 0 || !text || str_equal(text, ""))
        return rc;
    if (str_equal(text, "digest-only"))
        *pull = REGISTRIESCONF_PULL_DIGEST_ONLY;
    else if (str_equal(text, "tag-only"))
        *pull = REGISTRIESCONF_PULL_TAG_ONLY;
    else if (str_equal(text, "all"))
        *pull = REGISTRIESCONF_PULL_ALL;
    else
        return error_set(err, MCPD_E_INVALID, "unsupported pull-from-mirror value \"%s\"", text);
    return 0;
}

/* ------------------------------------------------------------------ registries */

static int read_mirror(json_t *table, const char *path, bool is_digest_only,
                       struct registriesconf_mirror *ret_mirror, struct mcpd_error *err)
{
    static const char *const known[] = {"location", "insecure", "pull-from-mirror", NULL};
    struct registriesconf_mirror mirror = {0};
    int rc = json_is_object(table)
                 ? get_location(table, "location", "mirror", &mirror.location, err)
                 : error_set(err, MCPD_E_INVALID, "mirror: expected a table");

    if (rc == 0 && !mirror.location)
        rc = error_set(err, MCPD_E_INVALID, "invalid condition: mirror location is unset");
    if (rc == 0)
        rc = jsonx_get_bool(table, "insecure", "mirror", &mirror.is_insecure, err);
    if (rc == 0)
        rc = get_pull(table, "mirror", &mirror.pull, err);
    if (rc < 0) {
        mirror_done(&mirror);
        return rc;
    }
    if (is_digest_only)
        mirror.pull = REGISTRIESCONF_PULL_DIGEST_ONLY;
    toml_mention_unknown(table, known, LOG_TOPIC, path, "registry.mirror.");
    *ret_mirror = mirror;
    return 0;
}

static int read_mirrors(const json_t *table, const char *path,
                        struct registriesconf_registry *registry, struct mcpd_error *err)
{
    bool is_digest_only = false;
    json_t *list = NULL;
    int rc = jsonx_get_bool(table, "mirror-by-digest-only", "registry", &is_digest_only, err);

    if (rc == 0)
        rc = jsonx_get_array(table, "mirror", "registry", &list, err);
    if (rc < 0 || !list)
        return rc;
    registry->mirrors = calloc(json_array_size(list) + 1, sizeof(*registry->mirrors));
    if (!registry->mirrors)
        return error_no_memory(err, "mirrors");
    for (size_t i = 0; rc == 0 && i < json_array_size(list); i++) {
        rc = read_mirror(json_array_get(list, i), path, is_digest_only, &registry->mirrors[i], err);
        if (rc == 0)
            registry->mirror_count++;
    }
    return rc;
}

/* A wildcard needs no location, everything else may be its own. */
static int settle_prefix(struct registriesconf_registry *registry, struct mcpd_error *err)
{
    bool is_wildcard = registry->prefix && str_has_prefix(registry->prefix, "*.");

    if (registry->prefix && strchr(registry->prefix + (is_wildcard ? 1 : 0), '*'))
        return error_set(err, MCPD_E_INVALID,
                         "invalid prefix '%s': wildcarded prefix should be in the format: "
                         "*.example.com",
                         registry->prefix);
    if (!registry->location && !is_wildcard)
        return error_set(err, MCPD_E_INVALID,
                         "invalid condition: location is unset and prefix is not in the format: "
                         "*.example.com");
    if (!registry->prefix)
        registry->prefix = strdup(registry->location);
    return registry->prefix ? 0 : error_no_memory(err, "registries");
}

static int read_registry(json_t *table, const char *path,
                         struct registriesconf_registry *ret_registry, struct mcpd_error *err)
{
    static const char *const known[] = {
        "prefix", "location", "insecure", "blocked", "mirror-by-digest-only", "mirror", NULL,
    };
    struct registriesconf_registry registry = {0};
    int rc =
        json_is_object(table) ? 0 : error_set(err, MCPD_E_INVALID, "registry: expected a table");

    if (rc == 0)
        rc = get_location(table, "prefix", "registry", &registry.prefix, err);
    if (rc == 0)
        rc = get_location(table, "location", "registry", &registry.location, err);
    if (rc == 0)
        rc = settle_prefix(&registry, err);
    if (rc == 0)
        rc = jsonx_get_bool(table, "insecure", "registry", &registry.is_insecure, err);
    if (rc == 0)
        rc = jsonx_get_bool(table, "blocked", "registry", &registry.is_blocked, err);
    if (rc == 0)
        rc = read_mirrors(table, path, &registry, err);
    if (rc < 0) {
        registry_done(&registry);
        return rc;
    }
    toml_mention_unknown(table, known, LOG_TOPIC, path, "registry.");
    *ret_registry = registry;
    return 0;
}

/* The last one of a prefix counts. Takes it over, also on failure. */
static int put_registry(struct registriesconf *conf, struct registriesconf_registry *registry,
                        struct mcpd_error *err)
{
    struct registriesconf_registry *grown;

    for (size_t i = 0; i < conf->registry_count; i++)
        if (strcmp(conf->registries[i].prefix, registry->prefix) == 0) {
            registry_done(&conf->registries[i]);
            conf->registries[i] = *registry;
            return 0;
        }
    grown = reallocarray(conf->registries, conf->registry_count + 1, sizeof(*grown));
    if (!grown) {
        registry_done(registry);
        return error_no_memory(err, "registries");
    }
    conf->registries = grown;
    conf->registries[conf->registry_count++] = *registry;
    return 0;
}

static int add_registries(struct registriesconf *conf, const json_t *document, const char *path,
                          struct mcpd_error *err)
{
    json_t *list = NULL;
    int rc = jsonx_get_array(document, "registry", "registries", &list, err);

    for (size_t i = 0; rc == 0 && i < json_array_size(list); i++) {
        struct registriesconf_registry registry;

        rc = read_registry(json_array_get(list, i), path, &registry, err);
        if (rc == 0)
            rc = put_registry(conf, &registry, err);
    }
    return rc;
}

/* ------------------------------------------------------------------ short names */

/* "alpine" = "docker.io/library/alpine": neither has a tag, and the value has a host. */
static int check_alias(const char *name, const char *value, struct mcpd_error *err)
{
    struct reference reference;
    const char *slash = strrchr(value, '/');

    if (reference_names_domain(name) || reference_parse(name, &reference, NULL) < 0 ||
        strpbrk(name, ":@"))
        return error_set(err, MCPD_E_INVALID,
                         "validating short-name aliases: invalid alias name \"%s\"", name);
    if (*value == '\0')
        return 0;
    if (!reference_names_domain(value) || reference_parse(value, &reference, NULL) < 0)
        return error_set(err, MCPD_E_INVALID,
                         "validating short-name aliases: invalid alias \"%s\": must contain "
                         "registry and repository",
                         value);
    if (strchr(value, '@') || (slash && strchr(slash, ':')))
        return error_set(err, MCPD_E_INVALID,
                         "validating short-name aliases: invalid alias \"%s\": must not contain "
                         "tag or digest",
                         value);
    return 0;
}

static struct registriesconf_alias *find_alias(struct registriesconf *conf, const char *name)
{
    for (size_t i = 0; i < conf->alias_count; i++)
        if (strcmp(conf->aliases[i].name, name) == 0)
            return &conf->aliases[i];
    return NULL;
}

static int put_alias(struct registriesconf *conf, const char *name, const char *value,
                     const char *path, struct mcpd_error *err)
{
    struct registriesconf_alias alias = {strdup(name), strdup(value), strdup(path)};
    struct registriesconf_alias *place = find_alias(conf, name);
    struct registriesconf_alias *grown = NULL;

    if (!place)
        grown = reallocarray(conf->aliases, conf->alias_count + 1, sizeof(*grown));
    if (!alias.name || !alias.value || !alias.origin || (!place && !grown)) {
        alias_done(&alias);
        conf->aliases = grown ? grown : conf->aliases;
        return error_no_memory(err, "aliases");
    }
    if (place) {
        alias_done(place);
        *place = alias;
        return 0;
    }
    conf->aliases = grown;
    conf->aliases[conf->alias_count++] = alias;
    return 0;
}

static int add_aliases(struct registriesconf *conf, const json_t *document, const char *path,
                       struct mcpd_error *err)
{
    json_t *table = NULL;
    const char *name;
    json_t *ignored;
    int rc = jsonx_get_object(document, "aliases", "registries", &table, err);

    json_object_foreach(table, name, ignored) {
        const char *value = NULL;

        rc = jsonx_get_string(table, name, "aliases", &value, err);
        if (rc == 0)
            rc = check_alias(name, value ? value : "", err);
        if (rc == 0)
            rc = put_alias(conf, name, value ? value : "", path, err);
        if (rc < 0)
            break;
    }
    return rc;
}

static int add_mode(struct registriesconf *conf, const json_t *document, struct mcpd_error *err)
{
    const char *text = NULL;
    int rc = jsonx_get_string(document, "short-name-mode", "registries", &text, err);

    if (rc < 0 || !text || str_equal(text, ""))
        return rc;
    if (str_equal(text, "enforcing"))
        conf->mode = REGISTRIESCONF_MODE_ENFORCING;
    else if (str_equal(text, "permissive"))
        conf->mode = REGISTRIESCONF_MODE_PERMISSIVE;
    else if (str_equal(text, "disabled"))
        conf->mode = REGISTRIESCONF_MODE_DISABLED;
    else
        return error_set(err, MCPD_E_INVALID, "invalid short-name mode: \"%s\"", text);
    return 0;
}

static int add_search(struct registriesconf *conf, const json_t *document, const char *path,
                      struct mcpd_error *err)
{
    CLEANUP_STRV char **hosts = NULL;
    char *origin;
    int rc = jsonx_get_strv(document, "unqualified-search-registries", "registries", &hosts, err);

    if (rc < 0 || !json_object_get(document, "unqualified-search-registries"))
        return rc;
    for (char **host = hosts; host && *host; host++) {
        char *location = NULL;

        rc = check_location(*host, &location, err);
        if (rc < 0)
            return rc;
        free(*host);
        *host = location;
    }
    origin = strdup(path);
    if (!origin)
        return error_no_memory(err, "registries");
    strv_free(conf->search);
    free(conf->search_origin);
    conf->search = TAKE_PTR(hosts);
    conf->search_origin = origin;
    conf->has_search = true;
    return 0;
}

/* ------------------------------------------------------------------ files */

static int add_document(struct registriesconf *conf, json_t *document, const char *path,
                        struct mcpd_error *err)
{
    static const char *const known[] = {
        "unqualified-search-registries", "short-name-mode", "aliases", "registry", NULL,
    };
    int rc;

    if (json_object_get(document, "registries"))
        return error_set(err, MCPD_E_UNSUPPORTED,
                         "the format of version 1 ([registries.search] and the like) is not "
                         "supported");
    rc = add_search(conf, document, path, err);
    if (rc == 0)
        rc = add_mode(conf, document, err);
    if (rc == 0)
        rc = add_aliases(conf, document, path, err);
    if (rc == 0)
        rc = add_registries(conf, document, path, err);
    if (rc == 0)
        toml_mention_unknown(document, known, LOG_TOPIC, path, "");
    return rc;
}

int registriesconf_add(struct registriesconf *conf, const char *text, size_t length,
                       const char *path, struct mcpd_error *err)
{
    CLEANUP_JSON json_t *document = NULL;
    int rc = toml_parse(text, length, "toml", &document, err);

    if (rc == 0)
        rc = add_document(conf, document, path, err);
    return rc < 0 ? error_wrap(err, rc, "loading registries configuration \"%s\"", path) : 0;
}

/* An absent file is an empty one. */
static int add_file(struct registriesconf *conf, const char *path, struct mcpd_error *err)
{
    CLEANUP_FREE char *text = NULL;
    struct mcpd_error problem = {0};
    size_t length = 0;
    int rc = fs_read_file(AT_FDCWD, path, REGISTRIESCONF_MAX_BYTES, &text, &length, &problem);

    if (rc == -MCPD_E_NOT_FOUND)
        return 0;
    if (rc < 0) {
        rc = error_copy(err, &problem);
        return error_wrap(err, rc, "loading registries configuration \"%s\"", path);
    }
    return registriesconf_add(conf, text, length, path, err);
}

static int visit_name(int dir_fd, const char *name, unsigned char type, void *context,
                      struct mcpd_error *err)
{
    char ***names = context;

    (void)dir_fd;
    (void)type;
    if (!str_has_suffix(name, ".conf"))
        return 0;
    return strv_append(names, name) < 0 ? error_no_memory(err, "registries.conf.d") : 0;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static int add_dir(struct registriesconf *conf, const char *path, struct mcpd_error *err)
{
    CLEANUP_STRV char **names = NULL;
    int rc = fs_exists(AT_FDCWD, path) ? fs_visit_dir(AT_FDCWD, path, visit_name, &names, err) : 0;

    if (names)
        qsort(names, strv_length(names), sizeof(*names), compare_names);
    for (char **name = names; rc == 0 && name && *name; name++) {
        CLEANUP_FREE char *file = str_format("%s/%s", path, *name);

        rc = file ? add_file(conf, file, err) : error_no_memory(err, "registries.conf.d");
    }
    return rc;
}

static int load_all(struct registriesconf *conf, const char *given, const char *home,
                    struct mcpd_error *err)
{
    CLEANUP_FREE char *user_file = str_format("%s" USER_FILE, home);
    CLEANUP_FREE char *user_dir = str_format("%s" USER_DIR, home);
    bool is_users = !given && *home && user_file && fs_exists(AT_FDCWD, user_file);
    int rc;

    if (!user_file || !user_dir)
        return error_no_memory(err, "registries");
    conf->path = strdup(given ? given : is_users ? user_file : SYSTEM_FILE);
    conf->dir = strdup(*home ? user_dir : SYSTEM_DIR);
    if (!conf->path || !conf->dir)
        return error_no_memory(err, "registries");
    rc = add_file(conf, conf->path, err);
    if (rc == 0 && !is_users)
        rc = add_dir(conf, SYSTEM_DIR, err);
    if (rc == 0 && *home)
        rc = add_dir(conf, user_dir, err);
    return rc;
}

int registriesconf_load(struct registriesconf *ret_conf, struct mcpd_error *err)
{
    CLEANUP_REGISTRIESCONF struct registriesconf conf = {0};
    const char *given = getenv("CONTAINERS_REGISTRIES_CONF");
    const char *home = getenv("HOME");
    int rc = load_all(&conf, given && *given ? given : NULL, home ? home : "", err);

    if (rc < 0)
        return rc;
    *ret_conf = conf;
    conf = (struct registriesconf){0};
    return 0;
}
