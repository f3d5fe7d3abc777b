/* mediatype.c - the one table of media types. */
#include "oci/mediatype.h"

#include <string.h>
#include <strings.h>

#define GZIP             MEDIATYPE_COMPRESSION_GZIP
#define ZSTD             MEDIATYPE_COMPRESSION_ZSTD
#define NONE             MEDIATYPE_COMPRESSION_NONE

#define DOCKER_FOREIGN   "application/vnd.docker.image.rootfs.foreign.diff.tar"
#define OCI_FOREIGN      "application/vnd.oci.image.layer.nondistributable.v1.tar"
#define DOCKER_SCHEMA1   "application/vnd.docker.distribution.manifest.v1+json"
#define DOCKER_SCHEMA1_S "application/vnd.docker.distribution.manifest.v1+prettyjws"

static const struct mediatype table[] = {
    /* name, kind, compression, docker, foreign */
    {MEDIATYPE_DOCKER_MANIFEST, MEDIATYPE_KIND_MANIFEST, NONE, true, false},
    {MEDIATYPE_OCI_MANIFEST, MEDIATYPE_KIND_MANIFEST, NONE, false, false},
    {MEDIATYPE_DOCKER_LIST, MEDIATYPE_KIND_INDEX, NONE, true, false},
    {MEDIATYPE_OCI_INDEX, MEDIATYPE_KIND_INDEX, NONE, false, false},
    {DOCKER_SCHEMA1, MEDIATYPE_KIND_SCHEMA1, NONE, true, false},
    {DOCKER_SCHEMA1_S, MEDIATYPE_KIND_SCHEMA1, NONE, true, false},
    {MEDIATYPE_DOCKER_CONFIG, MEDIATYPE_KIND_CONFIG, NONE, true, false},
    {MEDIATYPE_OCI_CONFIG, MEDIATYPE_KIND_CONFIG, NONE, false, false},
    /* Docker before 1.10 wrote this one for its configs. */
    {"application/octet-stream", MEDIATYPE_KIND_CONFIG, NONE, true, false},
    {MEDIATYPE_DOCKER_LAYER, MEDIATYPE_KIND_LAYER, NONE, true, false},
    {MEDIATYPE_DOCKER_LAYER ".gzip", MEDIATYPE_KIND_LAYER, GZIP, true, false},
    {MEDIATYPE_DOCKER_LAYER ".zstd", MEDIATYPE_KIND_LAYER, ZSTD, true, false},
    {MEDIATYPE_OCI_LAYER, MEDIATYPE_KIND_LAYER, NONE, false, false},
    {MEDIATYPE_OCI_LAYER "+gzip", MEDIATYPE_KIND_LAYER, GZIP, false, false},
    {MEDIATYPE_OCI_LAYER "+zstd", MEDIATYPE_KIND_LAYER, ZSTD, false, false},
    {DOCKER_FOREIGN, MEDIATYPE_KIND_LAYER, NONE, true, true},
    {DOCKER_FOREIGN ".gzip", MEDIATYPE_KIND_LAYER, GZIP, true, true},
    {OCI_FOREIGN, MEDIATYPE_KIND_LAYER, NONE, false, true},
    {OCI_FOREIGN "+gzip", MEDIATYPE_KIND_LAYER, GZIP, false, true},
    {OCI_FOREIGN "+zstd", MEDIATYPE_KIND_LAYER, ZSTD, false, true},
};

const struct mediatype *mediatype_find(const char *name)
{
    size_t length;

    if (!name)
        return NULL;
    name += strspn(name, " \t");
    length = strcspn(name, "; \t\r\n");
    for (size_t i = 0; i < ARRAY_SIZE(table); i++)
        if (strlen(table[i].name) == length && strncasecmp(table[i].name, name, length) == 0)
            return &table[i];
    return NULL;
}

const char *mediatype_of_layer(bool is_docker, enum mediatype_compression compression)
{
    for (size_t i = 0; i < ARRAY_SIZE(table); i++)
        if (table[i].kind == MEDIATYPE_KIND_LAYER && table[i].compression == compression &&
            table[i].is_docker == is_docker && !table[i].is_foreign)
            return table[i].name;
    return MEDIATYPE_OCI_LAYER;
}
