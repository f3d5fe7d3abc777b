/*
 * pull_place.h - a store, a registry that holds one image, and pulls from there to here.
 *
 * The image has three layers: gzip, zstd, and one of 6 MiB that is not packed.
 */
#ifndef SUPPORT_PULL_PLACE_H
#define SUPPORT_PULL_PLACE_H

#include "registry/pull.h"
#include "support/fake_store.h"
#include "support/http_server.h"

#define FAKE_REGISTRY_LAYERS 3

/* What the registry holds; the server's processes have a copy. */
struct fake_registry {
    struct buf blobs[FAKE_REGISTRY_LAYERS];
    struct digest digests[FAKE_REGISTRY_LAYERS];
    struct digest diff_ids[FAKE_REGISTRY_LAYERS];
    char *config;
    struct digest config_digest;
    char *manifest;
    struct digest manifest_digest;
    char *index; /* NULL: the tag is the manifest */
    struct digest index_digest;
    struct http_server *elsewhere; /* to redirect to, and to fetch tokens from */
};

/* A handler: the registry as it should be. */
bool fake_registry_serve(const struct http_exchange *exchange);
bool fake_registry_is_blob(const struct http_exchange *exchange, const struct digest *digest);
/* The layer that is asked for, NULL when it is something else. */
const struct buf *fake_registry_layer(const struct http_exchange *exchange);

struct pull_place {
    struct fake_store *fake;
    struct fake_registry registry;
    struct http_server server;
    struct http_server second;
    struct registry_options options;
    char **warnings;
    struct digest id;
    struct mcpd_error error;
};

/* cmocka fixtures: *state is a struct pull_place. Teardown looks that nothing is left in tmp/. */
int pull_place_setup(void **state);
int pull_place_teardown(void **state);

/* "t/image:1" from the server, which is running. The code. */
int pull_place_pull_name(struct pull_place *place, const char *name_and_tag);
/* Starts the server and pulls "t/image:1"; the code. */
int pull_place_try(struct pull_place *place, http_handler handler);
/* The same; must succeed, and everything must be there. */
void pull_place_pull(struct pull_place *place, http_handler handler);
/* The same; must fail so, and leave no layer. */
void pull_place_is_refused(struct pull_place *place, http_handler handler, int code,
                           const char *text);

#endif
