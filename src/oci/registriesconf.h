/*
 * registriesconf.h - where images come from: containers-registries.conf(5), version 2, as podman
 * reads it.
 *
 * Read are: unqualified-search-registries, short-name-mode, [aliases], [[registry]] with prefix,
 * location, insecure, blocked, mirror-by-digest-only, and [[registry.mirror]] with location,
 * insecure, pull-from-mirror. Other keys are passed over with a debug line (MCPD_DEBUG=registries).
 * Without any file a short name means docker.io.
 *
 * Files: $CONTAINERS_REGISTRIES_CONF, else ~/.config/containers/registries.conf, else
 * /etc/containers/registries.conf; then registries.conf.d beside each of the last two (only the
 * user's when the user's file counts), what comes later replaces what came before.
 */
#ifndef OCI_REGISTRIESCONF_H
#define OCI_REGISTRIESCONF_H

#include "base/error.h"
#include "oci/reference.h"

#include <stdbool.h>
#include <stddef.h>

#define REGISTRIESCONF_MAX_BYTES (1u << 20)

enum registriesconf_pull {
    REGISTRIESCONF_PULL_ALL,
    REGISTRIESCONF_PULL_DIGEST_ONLY,
    REGISTRIESCONF_PULL_TAG_ONLY,
};

struct registriesconf_mirror {
    char *location; /* "host[:port][/path]"; owned, as all below */
    bool is_insecure;
    enum registriesconf_pull pull;
};

struct registriesconf_registry {
    char *prefix;   /* "host[:port][/path]" or "*.host" */
    char *location; /* takes the prefix's place; NULL: the prefix stays */
    bool is_insecure;
    bool is_blocked;
    struct registriesconf_mirror *mirrors;
    size_t mirror_count;
};

struct registriesconf_alias {
    char *name;   /* "alpine" */
    char *value;  /* "host/path"; empty: no alias any more */
    char *origin; /* the file */
};

enum registriesconf_mode {
    REGISTRIESCONF_MODE_PERMISSIVE,
    REGISTRIESCONF_MODE_ENFORCING,
    REGISTRIESCONF_MODE_DISABLED,
};

struct registriesconf {
    char *path;      /* of the main file, for messages */
    char *dir;       /* of the further ones, the same */
    bool has_search; /* some file says where short names are looked for */
    char **search;   /* hosts, in order */
    char *search_origin;
    enum registriesconf_mode mode;
    struct registriesconf_registry *registries;
    size_t registry_count;
    struct registriesconf_alias *aliases;
    size_t alias_count;
};

/* Reads the files. INVALID, CORRUPT: loading registries configuration "PATH": ... */
int registriesconf_load(struct registriesconf *ret_conf, struct mcpd_error *err) MUST_CHECK;
void registriesconf_done(struct registriesconf *conf); /* fine on a zeroed one */
#define CLEANUP_REGISTRIESCONF CLEANUP(registriesconf_done)

/* Adds one file's text to what is there. Pure; fuzzed. */
int registriesconf_add(struct registriesconf *conf, const char *text, size_t length,
                       const char *path, struct mcpd_error *err) MUST_CHECK;

/* ------------------------------------------------------------------ short names */

#define REGISTRIESCONF_LINE_SIZE 512

/* What a name may mean, in the order to try. */
struct registriesconf_names {
    struct reference *list; /* owned; at least one */
    size_t count;
    char line[REGISTRIESCONF_LINE_SIZE]; /* podman's 'Resolved "x" as an alias (FILE)'; or empty */
};

/* INVALID: no name, or a short one that leads nowhere. */
int registriesconf_names(const struct registriesconf *conf, const char *text,
                         struct registriesconf_names *ret_names, struct mcpd_error *err) MUST_CHECK;
void registriesconf_names_done(struct registriesconf_names *names);
#define CLEANUP_REGISTRIESCONF_NAMES CLEANUP(registriesconf_names_done)

/* ------------------------------------------------------------------ mirrors */

struct registriesconf_source {
    struct reference reference; /* to be asked for there */
    bool is_insecure;
    bool is_mirror;
};

struct registriesconf_sources {
    struct registriesconf_source *list; /* owned; the origin is the last one */
    size_t count;
};

/* DENIED: "registry PREFIX is blocked in FILE or FOLDER". */
int registriesconf_sources(const struct registriesconf *conf, const struct reference *reference,
                           struct registriesconf_sources *ret_sources,
                           struct mcpd_error *err) MUST_CHECK;
void registriesconf_sources_done(struct registriesconf_sources *sources);
#define CLEANUP_REGISTRIESCONF_SOURCES CLEANUP(registriesconf_sources_done)

#endif
