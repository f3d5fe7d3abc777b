/* upload_place.c - see upload_place.h. */
#include "registry/upload_place.h"

#include "base/str.h"

#include <curl/curl.h>
#include <string.h>

static bool has_control_characters(const char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text <= 0x20 || *text == 0x7f)
            return true;
    return false;
}

static bool is_http(const char *url)
{
    return strncasecmp(url, "http://", 7) == 0 || strncasecmp(url, "https://", 8) == 0;
}

/* What curl makes of both. */
static char *resolve(const char *base, const char *location)
{
    CURLU *url = curl_url();
    char *text = NULL;
    char *copy = NULL;

    if (url && curl_url_set(url, CURLUPART_URL, base, 0) == CURLUE_OK &&
        curl_url_set(url, CURLUPART_URL, location, CURLU_DISALLOW_USER) == CURLUE_OK &&
        curl_url_get(url, CURLUPART_URL, &text, 0) == CURLUE_OK)
        copy = strdup(text);
    curl_free(text);
    curl_url_cleanup(url);
    return copy;
}

int upload_place_parse(const char *base, const char *location, char **ret_url,
                       struct mcpd_error *err)
{
    CLEANUP_FREE char *resolved = NULL;
    CLEANUP_FREE char *url = NULL;

    if (!location || !*location)
        return error_set(err, MCPD_E_PROTOCOL, "the registry names no place for the upload");
    if (strlen(location) > UPLOAD_PLACE_MAX_BYTES || has_control_characters(location))
        return error_set(err, MCPD_E_PROTOCOL, "the registry's place for the upload is no URL");
    resolved = resolve(base, location);
    if (!resolved || !is_http(resolved))
        return error_set(err, MCPD_E_PROTOCOL, "the registry's place for the upload is no URL");
    if (strncasecmp(base, "https:", 6) == 0 && strncasecmp(resolved, "https:", 6) != 0)
        return error_set(err, MCPD_E_PROTOCOL,
                         "the registry wants the upload to go from https to http");
    /* A whole URL is used to the letter: it may be signed. */
    url = strdup(is_http(location) ? location : resolved);
    if (!url)
        return error_no_memory(err, "an upload");
    url[strcspn(url, "#")] = '\0';
    *ret_url = TAKE_PTR(url);
    return 0;
}

char *upload_place_with_digest(const char *url, const struct digest *digest)
{
    return str_format("%s%cdigest=sha256%%3A%s", url, strchr(url, '?') ? '&' : '?',
                      digest_hex(digest));
}

bool upload_range_parse(const char *text, uint64_t *ret_bytes)
{
    uint64_t last = 0;

    if (!text)
        return false;
    if (strncasecmp(text, "bytes", 5) == 0 && (text[5] == '=' || text[5] == ' '))
        text += 6;
    if (!str_has_prefix(text, "0-") || str_to_u64(text + 2, INT64_MAX - 1, &last) < 0)
        return false;
    *ret_bytes = last == 0 ? 0 : last + 1;
    return true;
}
