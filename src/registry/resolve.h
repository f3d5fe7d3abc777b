/*
 * resolve.h - from a reference to one image: index, platform, manifest, config.
 *
 * Every document is verified against the digest that led to it and is kept as received.
 */
#ifndef REGISTRY_RESOLVE_H
#define REGISTRY_RESOLVE_H

#include "base/error.h"
#include "oci/imageconfig.h"
#include "oci/manifest.h"
#include "oci/store.h"
#include "registry/client.h"

#include <stdbool.h>
#include <stddef.h>

struct resolved_document {
    char *text; /* NULL: there was none */
    size_t length;
    struct digest digest;
};

struct resolved {
    struct resolved_document index; /* of a multi-platform image */
    struct resolved_document manifest_text;
    struct resolved_document config_text;
    struct manifest_document document; /* the image's manifest, parsed */
    struct imageconfig config;
};

void resolved_done(struct resolved *resolved);
#define CLEANUP_RESOLVED CLEANUP(resolved_done)

/* store: the config is taken from there when it has it; of several processes that want the same one
 * the first fetches it and leaves it in images/partial for the others (resolve_forget_config). */
int resolve_image(struct client *client, const struct store *store, struct resolved *ret_resolved,
                  struct mcpd_error *err) MUST_CHECK;
/* When it is no longer needed, because it is committed or the pull has failed. */
void resolve_forget_config(const struct store *store, const struct resolved *resolved);

/* What the reference names, manifest or index, checked and of a kind that we know. */
int resolve_document(struct client *client, struct resolved_document *ret_document,
                     struct mcpd_error *err) MUST_CHECK;
/* Is it there? A HEAD request; NOT_FOUND: no. PROTOCOL: it must be asked otherwise. */
int resolve_head(struct client *client, struct mcpd_error *err) MUST_CHECK;

#endif
