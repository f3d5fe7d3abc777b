/* endpoint.c - see endpoint.h. */
#include "registry/endpoint.h"

#include "base/buf.h"
#include "base/fsutil.h"
#include "base/str.h"

#include <fcntl.h>
#include <string.h>

#define CERT_FILE_MAX_BYTES (1u << 20)
#define CERTS_MAX_BYTES     (4u << 20)

bool endpoint_is_loopback(const char *host)
{
    CLEANUP_FREE char *url = str_format("http://%s/", host);

    return url && http_is_loopback_url(url);
}

/* ------------------------------------------------------------------ certs.d */

struct cert_scan {
    struct buf authorities;
    struct http_tls *tls;
    const char *path; /* of the folder */
};

static int add_authority(int dir_fd, const char *name, struct cert_scan *scan,
                         struct mcpd_error *err)
{
    CLEANUP_FREE char *text = NULL;
    size_t length = 0;
    int rc = fs_read_file(dir_fd, name, CERT_FILE_MAX_BYTES, &text, &length, err);

    if (rc < 0)
        return rc;
    (void)buf_append(&scan->authorities, text, length);
    (void)buf_append_text(&scan->authorities, "\n");
    return buf_check(&scan->authorities, "certificates", err);
}

/* NAME.cert goes with NAME.key; the first pair counts. */
static int add_client(int dir_fd, const char *name, struct cert_scan *scan, struct mcpd_error *err)
{
    CLEANUP_FREE char *key = strdup(name);

    if (scan->tls->client_cert_path)
        return 0;
    if (!key)
        return error_no_memory(err, "certificates");
    memcpy(key + strlen(key) - 5, ".key", 5);
    if (!fs_exists(dir_fd, key))
        return error_set(err, MCPD_E_INVALID, "missing key %s/%s for client certificate %s",
                         scan->path, key, name);
    scan->tls->client_cert_path = str_format("%s/%s", scan->path, name);
    scan->tls->client_key_path = str_format("%s/%s", scan->path, key);
    if (!scan->tls->client_cert_path || !scan->tls->client_key_path)
        return error_no_memory(err, "certificates");
    return 0;
}

static int visit_cert(int dir_fd, const char *name, unsigned char type, void *context,
                      struct mcpd_error *err)
{
    (void)type;
    if (str_has_suffix(name, ".crt"))
        return add_authority(dir_fd, name, context, err);
    if (str_has_suffix(name, ".cert"))
        return add_client(dir_fd, name, context, err);
    return 0;
}

static int load_certs(const char *path, struct http_tls *tls, struct mcpd_error *err)
{
    struct cert_scan scan = {.tls = tls, .path = path};
    int rc;

    buf_init(&scan.authorities, CERTS_MAX_BYTES);
    rc = fs_visit_dir(AT_FDCWD, path, visit_cert, &scan, err);
    if (rc == 0 && scan.authorities.length > 0) {
        tls->extra_ca_pem = buf_take(&scan.authorities);
        if (!tls->extra_ca_pem)
            rc = error_no_memory(err, "certificates");
    }
    buf_done(&scan.authorities);
    return rc < 0 ? error_wrap(err, rc, "certificates in %s", path) : 0;
}

/* The first folder that exists, as podman does. */
static int find_certs(const char *domain, struct http_tls *tls, struct mcpd_error *err)
{
    const char *home = getenv("HOME");
    const char *const bases[] = {home ? home : "", "/etc/containers", "/etc/docker"};

    for (size_t i = home && *home ? 0 : 1; i < ARRAY_SIZE(bases); i++) {
        CLEANUP_FREE char *path =
            str_format("%s%s/certs.d/%s", bases[i], i == 0 ? "/.config/containers" : "", domain);

        if (!path)
            return error_no_memory(err, "certificates");
        if (fs_exists(AT_FDCWD, path))
            return load_certs(path, tls, err);
    }
    return 0;
}

/* ------------------------------------------------------------------ the endpoint */

int endpoint_init(const char *domain, bool skip_tls_verify, const char *cert_dir,
                  struct endpoint *ret_endpoint, struct mcpd_error *err)
{
    CLEANUP_ENDPOINT struct endpoint endpoint = {0};
    const char *host = strcmp(domain, "docker.io") == 0 ? "registry-1.docker.io" : domain;
    int rc;

    if (str_copy(endpoint.host, sizeof(endpoint.host), host) < 0)
        return error_set(err, MCPD_E_INVALID, "the registry's name is too long");
    endpoint.may_be_http = skip_tls_verify || endpoint_is_loopback(host);
    endpoint.tls.skip_verify = skip_tls_verify;
    rc = cert_dir ? load_certs(cert_dir, &endpoint.tls, err)
                  : find_certs(domain, &endpoint.tls, err);
    if (rc < 0)
        return rc;
    *ret_endpoint = endpoint;
    endpoint.tls = (struct http_tls){0};
    return 0;
}

void endpoint_done(struct endpoint *endpoint)
{
    http_tls_done(&endpoint->tls);
}

char *endpoint_url(const struct endpoint *endpoint, const char *path)
{
    return str_format("%s://%s%s", endpoint->is_http ? "http" : "https", endpoint->host, path);
}
