/*
 * reference.c - image names: read by the grammar of distribution/reference, normalised as docker
 * does.
 *
 *   reference := [ domain "/" ] path [ ":" tag ] [ "@" digest ]
 *   domain    := ( name *( "." name ) | "[" IPv6 "]" ) [ ":" port ]
 *   path      := component *( "/" component )
 *   component := [a-z0-9]+ *( ( "_" | "__" | "." | "-"+ ) [a-z0-9]+ )
 *   tag       := [A-Za-z0-9_] *127[A-Za-z0-9_.-]
 */
#include "oci/reference.h"

#include "base/str.h"

#include <stdbool.h>
#include <string.h>

#define DEFAULT_DOMAIN    "docker.io"
#define LEGACY_DOMAIN     "index.docker.io"
#define OFFICIAL_PREFIX   "library/"
#define DEFAULT_TAG       "latest"
#define NAME_TOTAL_LENGTH 255 /* domain/path, by the grammar */
#define TAG_LENGTH        128

static bool is_lower_alnum(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static bool is_alnum(char c)
{
    return is_lower_alnum(c) || (c >= 'A' && c <= 'Z');
}

static int refuse(struct mcpd_error *err, const char *why)
{
    return error_set(err, MCPD_E_INVALID, "invalid reference format: %s", why);
}

/* ":" and a port; the empty text is fine too. */
static bool is_port(const char *text)
{
    uint32_t port;

    if (text[0] == '\0')
        return true;
    return text[0] == ':' && str_to_u32(text + 1, 65535, &port) == 0 && port > 0;
}

static bool is_ipv6_domain(const char *domain)
{
    size_t length = strspn(domain + 1, "0123456789abcdefABCDEF:");

    return length > 0 && domain[1 + length] == ']' && is_port(domain + length + 2);
}

static bool is_domain(const char *domain)
{
    const char *c = domain;

    if (domain[0] == '[')
        return is_ipv6_domain(domain);
    for (;;) {
        const char *start = c;

        while (is_alnum(*c) || (*c == '-' && c > start))
            c++;
        if (c == start || c[-1] == '-')
            return false;
        if (*c != '.')
            return is_port(c);
        c++;
    }
}

/* Length of the separator inside a path component, 0 when there is none. */
static size_t separator_length(const char *text)
{
    if (text[0] == '.')
        return 1;
    if (text[0] == '_')
        return text[1] == '_' ? 2 : 1;
    return strspn(text, "-");
}

static bool is_path(const char *path)
{
    const char *c = path;

    for (;;) {
        if (!is_lower_alnum(*c))
            return false;
        while (is_lower_alnum(*c))
            c++;
        if (*c == '\0')
            return true;
        if (*c == '/') {
            c++;
            continue;
        }
        if (separator_length(c) == 0)
            return false;
        c += separator_length(c);
    }
}

static bool is_tag(const char *tag)
{
    size_t length = strnlen(tag, TAG_LENGTH + 1);

    if (length == 0 || length > TAG_LENGTH || (!is_alnum(tag[0]) && tag[0] != '_'))
        return false;
    for (size_t i = 1; i < length; i++)
        if (!is_alnum(tag[i]) && !strchr("_.-", tag[i]))
            return false;
    return true;
}

/* Is the text before the first '/' a host (or the first part of the path)? */
static bool is_host(const char *name, size_t length)
{
    if (length == strlen("localhost") && strncmp(name, "localhost", length) == 0)
        return true;
    return memchr(name, '.', length) || memchr(name, ':', length);
}

/* Cuts "@digest" and then ":tag" off the end of `rest`. */
static int cut_suffixes(char *rest, struct reference *reference, struct mcpd_error *err)
{
    char *at = strchr(rest, '@');
    char *slash;
    char *colon;

    if (at) {
        int rc = digest_parse(at + 1, &reference->digest, err);

        if (rc < 0)
            return error_wrap(err, rc, "invalid reference format");
        *at = '\0';
    }
    slash = strrchr(rest, '/');
    colon = strchr(slash ? slash : rest, ':');
    if (colon) {
        if (!is_tag(colon + 1))
            return refuse(err, "the tag is not valid");
        if (str_copy(reference->tag, sizeof(reference->tag), colon + 1) < 0)
            return refuse(err, "the tag is too long");
        *colon = '\0';
    } else if (!at) {
        (void)memcpy(reference->tag, DEFAULT_TAG, sizeof(DEFAULT_TAG));
    }
    return 0;
}

/* domain NULL: docker's. */
static int set_name(const char *domain, const char *path, struct reference *reference,
                    struct mcpd_error *err)
{
    bool is_default =
        !domain || str_equal(domain, LEGACY_DOMAIN) || str_equal(domain, DEFAULT_DOMAIN);
    const char *prefix = is_default && !strchr(path, '/') ? OFFICIAL_PREFIX : "";
    int length;

    if (is_default)
        domain = DEFAULT_DOMAIN;
    if (!is_domain(domain))
        return refuse(err, "the registry's name is not valid");
    for (const char *c = path; *c; c++)
        if (*c >= 'A' && *c <= 'Z')
            return error_set(err, MCPD_E_INVALID, "repository name must be lowercase");
    if (!is_path(path))
        return refuse(err, "the repository's name is not valid");
    length = snprintf(reference->path, sizeof(reference->path), "%s%s", prefix, path);
    if (str_copy(reference->domain, sizeof(reference->domain), domain) < 0 || length < 0 ||
        strlen(domain) + 1 + (size_t)length > NAME_TOTAL_LENGTH)
        return refuse(err, "the repository's name is longer than 255 characters");
    return 0;
}

int reference_parse(const char *text, struct reference *ret_reference, struct mcpd_error *err)
{
    struct reference reference = {0};
    char name[REFERENCE_MAX_LENGTH + 1];
    char *domain = NULL;
    char *path = name;
    char *slash;
    int rc;

    if (str_has_prefix(text, "docker://"))
        text += strlen("docker://");
    if (text[0] == '\0')
        return refuse(err, "it is empty");
    if (str_copy(name, sizeof(name), text) < 0)
        return refuse(err, "it is too long");
    slash = strchr(name, '/');
    if (slash && is_host(name, (size_t)(slash - name))) {
        *slash = '\0';
        domain = name;
        path = slash + 1;
    }
    rc = cut_suffixes(path, &reference, err);
    if (rc < 0)
        return rc;
    if (!domain && strlen(path) == 64 && str_is_hex(path, 64))
        return refuse(err, "64 hex digits are an image's id, not a name");
    rc = set_name(domain, path, &reference, err);
    if (rc < 0)
        return rc;
    *ret_reference = reference;
    return 0;
}

void reference_format_repository(const struct reference *reference, char *buffer, size_t size)
{
    (void)snprintf(buffer, size, "%s/%s", reference->domain, reference->path);
}

void reference_format(const struct reference *reference, char *buffer, size_t size)
{
    (void)snprintf(buffer, size, "%s/%s%s%s%s%s", reference->domain, reference->path,
                   reference->tag[0] ? ":" : "", reference->tag,
                   digest_is_set(&reference->digest) ? "@" : "", reference->digest.text);
}

bool reference_names_domain(const char *text)
{
    const char *slash = strchr(text, '/');

    return str_has_prefix(text, "docker://") || (slash && is_host(text, (size_t)(slash - text)));
}

int reference_parse_local(const char *text, struct reference *ret_reference, struct mcpd_error *err)
{
    CLEANUP_FREE char *local = NULL;

    if (reference_names_domain(text))
        return reference_parse(text, ret_reference, err);
    local = str_format("localhost/%s", text);
    return local ? reference_parse(local, ret_reference, err) : error_no_memory(err, text);
}
