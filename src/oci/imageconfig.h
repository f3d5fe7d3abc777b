/*
 * imageconfig.h - the image configuration: what a container of this image does by default.
 * Source: OCI image-spec config.md; docker's additions (Healthcheck, OnBuild, Shell) are kept.
 */
#ifndef OCI_IMAGECONFIG_H
#define OCI_IMAGECONFIG_H

#include "base/error.h"
#include "oci/digest.h"

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#define IMAGECONFIG_MAX_BYTES  (4u << 20)
#define IMAGECONFIG_MAX_LAYERS 512

struct imageconfig {
    char *architecture, *variant, *os, *author;
    int64_t created_unix_ns; /* 0 when absent */
    char *user;              /* NULL when absent, as for all strings here */
    char *working_dir;
    char *stop_signal;
    char **env;        /* "K=V" */
    char **entrypoint; /* NULL: none */
    char **cmd;
    char **exposed_ports;    /* "8080/tcp" */
    char **volumes;          /* "/data" */
    char **labels;           /* "K=V" */
    struct digest *diff_ids; /* bottom first, owned */
    size_t diff_id_count;
    json_t *document; /* the whole document (for inspect: history, healthcheck, ...); owned */
};

int imageconfig_parse(const char *text, size_t length, struct imageconfig *ret_config,
                      struct mcpd_error *err) MUST_CHECK;
void imageconfig_done(struct imageconfig *config); /* fine on a zeroed one */

#endif
