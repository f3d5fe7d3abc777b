/*
 * downloads.h - brings the layers that an ingest misses: several transfers in one loop with its
 * workers, resumed where they broke off.
 */
#ifndef REGISTRY_DOWNLOADS_H
#define REGISTRY_DOWNLOADS_H

#include "base/error.h"
#include "oci/layer/ingest.h"
#include "registry/client.h"

#define DOWNLOADS_AT_ONCE 6

/* Until every layer is there, verified and unpacked, or one cannot be had. */
int downloads_run(struct client *client, struct ingest *ingest, struct mcpd_error *err) MUST_CHECK;

#endif
