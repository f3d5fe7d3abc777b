/* registriesconf_look.c - see registriesconf.h: what a name means, and who has it. */
#include "oci/registriesconf.h"

#include "base/str.h"

#include <stdio.h>
#include <string.h>

/* ------------------------------------------------------------------ short names */

void registriesconf_names_done(struct registriesconf_names *names)
{
    free(names->list);
    *names = (struct registriesconf_names){0};
}

/* Length of a name without its tag and digest. */
static size_t repository_length(const char *text)
{
    size_t length = strcspn(text, "@");
    const char *slash = memrchr(text, '/', length);
    const char *last = slash ? slash : text;
    const char *colon = memchr(last, ':', length - (size_t)(last - text));

    return colon ? (size_t)(colon - text) : length;
}

static int add_name(struct registriesconf_names *names, const char *text, struct mcpd_error *err)
{
    struct reference *grown = reallocarray(names->list, names->count + 1, sizeof(*grown));
    int rc;

    if (!grown)
        return error_no_memory(err, "names");
    names->list = grown;
    rc = reference_parse(text, &names->list[names->count], err);
    if (rc == 0)
        names->count++;
    return rc;
}

static const struct registriesconf_alias *find_alias(const struct registriesconf *conf,
                                                     const char *name, size_t length)
{
    if (conf->mode == REGISTRIESCONF_MODE_DISABLED)
        return NULL;
    for (size_t i = 0; i < conf->alias_count; i++)
        if (strlen(conf->aliases[i].name) == length &&
            memcmp(conf->aliases[i].name, name, length) == 0 && *conf->aliases[i].value)
            return &conf->aliases[i];
    return NULL;
}

static int add_alias(const struct registriesconf_alias *alias, const char *suffix,
                     struct registriesconf_names *names, struct mcpd_error *err)
{
    CLEANUP_FREE char *text = str_format("%s%s", alias->value, suffix);

    if (!text)
        return error_no_memory(err, "names");
    (void)snprintf(names->line, sizeof(names->line), "Resolved \"%s\" as an alias (%s)",
                   alias->name, alias->origin);
    return add_name(names, text, err);
}

static int add_searched(const struct registriesconf *conf, const char *text,
                        struct registriesconf_names *names, struct mcpd_error *err)
{
    size_t count = strv_length(conf->search);
    int rc = 0;

    if (count == 0)
        return error_set(err, MCPD_E_INVALID,
                         "short-name \"%.*s\" did not resolve to an alias and no "
                         "unqualified-search registries are defined in \"%s\"",
                         (int)repository_length(text), text, conf->path ? conf->path : "");
    if (count > 1 && conf->mode == REGISTRIESCONF_MODE_ENFORCING)
        return error_set(err, MCPD_E_INVALID,
                         "short-name resolution enforced but cannot prompt without a TTY");
    (void)snprintf(names->line, sizeof(names->line),
                   "Resolving \"%.*s\" using unqualified-search registries (%s)",
                   (int)repository_length(text), text, conf->search_origin);
    for (size_t i = 0; rc == 0 && i < count; i++) {
        CLEANUP_FREE char *full = str_format("%s/%s", conf->search[i], text);

        rc = full ? add_name(names, full, err) : error_no_memory(err, "names");
    }
    return rc;
}

static int find_names(const struct registriesconf *conf, const char *text,
                      struct registriesconf_names *names, struct mcpd_error *err)
{
    size_t length = repository_length(text);
    const struct registriesconf_alias *alias;
    int rc = add_name(names, text, err);

    if (rc < 0 || reference_names_domain(text))
        return rc;
    alias = find_alias(conf, text, length);
    if (!alias && !conf->has_search)
        return 0;
    /* It is a name; what it means comes from elsewhere. */
    names->count = 0;
    return alias ? add_alias(alias, text + length, names, err)
                 : add_searched(conf, text, names, err);
}

int registriesconf_names(const struct registriesconf *conf, const char *text,
                         struct registriesconf_names *ret_names, struct mcpd_error *err)
{
    CLEANUP_REGISTRIESCONF_NAMES struct registriesconf_names names = {0};
    int rc = find_names(conf, text, &names, err);

    if (rc < 0)
        return rc;
    *ret_names = names;
    names.list = NULL;
    return 0;
}

/* ------------------------------------------------------------------ mirrors */

void registriesconf_sources_done(struct registriesconf_sources *sources)
{
    free(sources->list);
    *sources = (struct registriesconf_sources){0};
}

/* How much of "host/path" the prefix covers; 0: it does not fit. It ends where a part ends. */
static size_t match_prefix(const char *name, const char *prefix)
{
    size_t length = strlen(prefix);

    if (str_has_prefix(prefix, "*.")) {
        const char *suffix = prefix + 1;
        size_t host_length = strcspn(name, "/");
        const char *found = strstr(name, suffix);

        if (!found || found == name || (size_t)(found - name) + length - 1 > host_length)
            return 0;
        length = (size_t)(found - name) + length - 1;
    } else if (strncmp(name, prefix, length) != 0) {
        return 0;
    }
    return name[length] == '\0' || name[length] == '/' || name[length] == ':' ? length : 0;
}

/* The longest prefix wins. */
static const struct registriesconf_registry *find_registry(const struct registriesconf *conf,
                                                           const char *name, size_t *ret_length)
{
    const struct registriesconf_registry *best = NULL;
    size_t best_length = 0;

    for (size_t i = 0; i < conf->registry_count; i++) {
        const char *prefix = conf->registries[i].prefix;
        size_t length = match_prefix(name, prefix);

        if (length > 0 && strlen(prefix) > best_length) {
            best = &conf->registries[i];
            best_length = strlen(prefix);
            *ret_length = length;
        }
    }
    return best;
}

/* The same image below another location. */
static int rewrite(const struct reference *reference, const char *location, const char *rest,
                   struct reference *ret_reference, struct mcpd_error *err)
{
    CLEANUP_FREE char *text =
        str_format("%s%s%s%s%s%s", location, rest, reference->tag[0] ? ":" : "", reference->tag,
                   digest_is_set(&reference->digest) ? "@" : "", reference->digest.text);
    int rc;

    if (!text)
        return error_no_memory(err, "registries");
    if (!reference_names_domain(text))
        return error_set(err, MCPD_E_INVALID, "rewriting to location \"%s\": it names no host",
                         location);
    rc = reference_parse(text, ret_reference, err);
    return rc < 0 ? error_wrap(err, rc, "rewriting to location \"%s\"", location) : 0;
}

static bool is_usable(const struct registriesconf_mirror *mirror, const struct reference *reference)
{
    bool is_digest = digest_is_set(&reference->digest);

    return mirror->pull == REGISTRIESCONF_PULL_ALL ||
           (mirror->pull == REGISTRIESCONF_PULL_DIGEST_ONLY) == is_digest;
}

static int fill_sources(const struct registriesconf_registry *registry, const char *rest,
                        const struct reference *reference, struct registriesconf_sources *sources,
                        struct mcpd_error *err)
{
    struct registriesconf_source *origin;
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < registry->mirror_count; i++) {
        const struct registriesconf_mirror *mirror = &registry->mirrors[i];
        struct registriesconf_source *source = &sources->list[sources->count];

        if (!is_usable(mirror, reference))
            continue;
        *source = (struct registriesconf_source){
            .is_insecure = mirror->is_insecure,
            .is_mirror = true,
        };
        rc = rewrite(reference, mirror->location, rest, &source->reference, err);
        sources->count++;
    }
    origin = &sources->list[sources->count++];
    *origin = (struct registriesconf_source){
        .reference = *reference,
        .is_insecure = registry->is_insecure,
    };
    if (rc == 0 && registry->location)
        rc = rewrite(reference, registry->location, rest, &origin->reference, err);
    return rc;
}

int registriesconf_sources(const struct registriesconf *conf, const struct reference *reference,
                           struct registriesconf_sources *ret_sources, struct mcpd_error *err)
{
    CLEANUP_REGISTRIESCONF_SOURCES struct registriesconf_sources sources = {0};
    static const struct registriesconf_registry none;
    const struct registriesconf_registry *registry;
    char name[REFERENCE_MAX_LENGTH + 1];
    size_t length = 0;
    int rc;

    reference_format_repository(reference, name, sizeof(name));
    registry = find_registry(conf, name, &length);
    if (registry && registry->is_blocked)
        return error_set(err, MCPD_E_DENIED, "registry %s is blocked in %s or %s", registry->prefix,
                         conf->path ? conf->path : "", conf->dir ? conf->dir : "");
    if (!registry)
        registry = &none;
    sources.list = calloc(registry->mirror_count + 1, sizeof(*sources.list));
    if (!sources.list)
        return error_no_memory(err, "registries");
    rc = fill_sources(registry, name + length, reference, &sources, err);
    if (rc < 0)
        return rc;
    *ret_sources = sources;
    sources.list = NULL;
    return 0;
}
