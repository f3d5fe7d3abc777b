/*
 * sources.c - see sources.h.
 *
 * Theory of operation: with one source its client repeats what is worth it, and nothing here is
 * different from asking it. With several, each is asked once in a round, so that a mirror that is
 * down costs no pauses; the pauses lie between the rounds, as podman has it.
 */
#include "registry/sources.h"

#include "base/log.h"
#include "base/str.h"

#include <string.h>

#define LOG_TOPIC         "registries"
#define SHOWN_FAILURE_MAX 160 /* of a mirror: the registry's own must have room behind it */
#define SHOWN_MIRRORS_MAX 240

/* What went wrong with the mirrors of a round: "[m/x:1: why] [n/x:1: why]", cut. */
struct failures {
    char text[SHOWN_MIRRORS_MAX];
    size_t length;
};

static void note_failure(struct failures *failures, const char *name,
                         const struct mcpd_error *problem)
{
    size_t left = sizeof(failures->text) - failures->length;
    int count =
        snprintf(failures->text + failures->length, left, "%s[%s: %.*s]",
                 failures->length > 0 ? "\n" : "", name, SHOWN_FAILURE_MAX, problem->message);

    log_debug(LOG_TOPIC, "%s: %s", name, problem->message);
    if (count > 0 && (size_t)count < left)
        failures->length += (size_t)count;
    else
        failures->text[failures->length] = '\0';
}

/* Once, and without a context. */
static int ask_one(const struct registriesconf_source *source, const struct store *store,
                   const struct registry_options *options, struct client *ret_client,
                   struct resolved *ret_resolved, struct mcpd_error *err)
{
    int rc;

    client_done(ret_client);
    *ret_client = (struct client){0};
    rc = client_open_source(source, options, ret_client, err);
    if (rc < 0)
        return rc;
    client_set_context(ret_client, "%s", "");
    ret_client->retry.count = 0;
    return resolve_image(ret_client, store, ret_resolved, err);
}

/* One round. *ret_client is the one that was asked last. */
static int ask_all(const struct registriesconf_sources *sources, const struct store *store,
                   const struct registry_options *options, struct client *ret_client,
                   size_t *ret_index, struct resolved *ret_resolved, struct mcpd_error *err)
{
    struct failures failures = {0};

    for (size_t i = 0;; i++) {
        struct mcpd_error problem = {0};
        char name[REFERENCE_MAX_LENGTH + 1];
        int rc = ask_one(&sources->list[i], store, options, ret_client, ret_resolved, &problem);

        *ret_index = i;
        if (rc == 0)
            return 0;
        client_format_name(&sources->list[i].reference, name, sizeof(name));
        if (i + 1 < sources->count && sources_may_help(rc))
            note_failure(&failures, name, &problem);
        else if (failures.length == 0)
            return error_copy(err, &problem);
        else
            return error_set(err, (enum mcpd_error_code)problem.code,
                             "(Mirrors also failed: %s): %s: %s", failures.text, name,
                             problem.message);
    }
}

bool sources_may_help(int rc)
{
    switch (-rc) {
    case MCPD_E_NOT_FOUND:
    case MCPD_E_DENIED:
    case MCPD_E_NETWORK:
    case MCPD_E_PROTOCOL:
    case MCPD_E_CORRUPT:
    case MCPD_E_LIMIT:
    case MCPD_E_TIMEOUT:
        return true;
    default:
        return false;
    }
}

/* From now on it is a client like that of a registry without mirrors. */
static void settle(struct client *client, const char *name, const struct registry_options *options)
{
    client_set_context(client, "initializing source docker://%s", name);
    retry_policy_init(&options->user, &client->retry);
}

static int resolve_in_rounds(const struct registriesconf_sources *sources,
                             const struct store *store, const char *name,
                             const struct registry_options *options, struct client *client,
                             size_t *ret_index, struct resolved *ret_resolved,
                             struct mcpd_error *err)
{
    unsigned int attempt = 0;

    for (;;) {
        struct mcpd_error problem = {0};
        unsigned int delay_ms = 0;
        int rc = ask_all(sources, store, options, client, ret_index, ret_resolved, &problem);

        settle(client, name, options);
        if (rc == 0)
            return 0;
        if (!client_retry(client, &attempt, &problem, &delay_ms))
            return client_wrap(client, error_copy(err, &problem), err);
        rc = http_pause(client->http, delay_ms, err);
        if (rc < 0)
            return rc;
    }
}

int sources_resolve(const struct registriesconf_sources *sources, const struct store *store,
                    const struct reference *reference, const struct registry_options *options,
                    struct client *ret_client, size_t *ret_index, struct resolved *ret_resolved,
                    struct mcpd_error *err)
{
    CLEANUP_CLIENT struct client client = {0};
    char name[REFERENCE_MAX_LENGTH + 1];
    int rc;

    client_format_name(reference, name, sizeof(name));
    if (sources->count > 1) {
        rc =
            resolve_in_rounds(sources, store, name, options, &client, ret_index, ret_resolved, err);
    } else {
        *ret_index = 0;
        rc = client_open_source(&sources->list[0], options, &client, err);
        if (rc == 0) {
            settle(&client, name, options);
            rc = resolve_image(&client, store, ret_resolved, err);
        }
    }
    if (rc < 0)
        return rc;
    *ret_client = client;
    client = (struct client){0};
    return 0;
}
