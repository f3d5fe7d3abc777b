/*
 * reference.h - image names: [host[:port]/]path[:tag][@digest].
 * Grammar: distribution/reference. Short names follow docker: "alpine" is
 * "docker.io/library/alpine:latest", "user/app" is "docker.io/user/app:latest"; a first component
 * with '.' or ':' or equal to "localhost" is a host.
 */
#ifndef OCI_REFERENCE_H
#define OCI_REFERENCE_H

#include "base/error.h"
#include "oci/digest.h"

#include <stdbool.h>

#define REFERENCE_MAX_LENGTH 512

struct reference {
    char domain[256];     /* "docker.io", "127.0.0.1:5000", "[::1]:5000" */
    char path[256];       /* "library/alpine" */
    char tag[129];        /* "latest"; empty when only a digest was given */
    struct digest digest; /* unset when none was given */
};

/* Normalised as above; a leading "docker://" is accepted. Upper case in the path: INVALID
 * "repository name must be lowercase". */
int reference_parse(const char *text, struct reference *ret_reference,
                    struct mcpd_error *err) MUST_CHECK;
/* A name for what was made or loaded here: without a registry it is "localhost/NAME", as podman
 * has it. */
int reference_parse_local(const char *text, struct reference *ret_reference,
                          struct mcpd_error *err) MUST_CHECK;
/* Does the text name a registry? */
bool reference_names_domain(const char *text);
/* "domain/path:tag", "domain/path@sha256:..", both when both are set. Buffer of
 * REFERENCE_MAX_LENGTH + 1. */
void reference_format(const struct reference *reference, char *buffer, size_t size);
/* "domain/path" */
void reference_format_repository(const struct reference *reference, char *buffer, size_t size);

#endif
