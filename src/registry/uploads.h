/*
 * uploads.h - brings what a registry lacks of an image: several blobs side by side in one loop.
 */
#ifndef REGISTRY_UPLOADS_H
#define REGISTRY_UPLOADS_H

#include "base/error.h"
#include "registry/client.h"
#include "registry/upload.h"

#include <stddef.h>

#define UPLOADS_AT_ONCE 5

/* Until the registry has all of them, or one cannot be sent. The first one is asked for alone: that
 * shows whether https or http is spoken and who we must be. */
int uploads_run(struct client *client, struct upload *uploads, size_t count,
                struct mcpd_error *err) MUST_CHECK;

#endif
