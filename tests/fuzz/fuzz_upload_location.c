/*
 * fuzz_upload_location.c - libFuzzer target: any bytes as the Location of an upload. What is taken
 * is a URL of http or https without blanks or a user, never plain http after https, and the digest
 * can be put behind it.
 */
#include "fuzz.h"

#include "registry/upload_place.h"

#include <stdlib.h>
#include <strings.h>

static bool accepts_from(const char *base, const char *text)
{
    static const struct digest digest = {
        "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"};
    char *url = NULL, *with = NULL;

    if (upload_place_parse(base, text, &url, NULL) < 0) {
        FUZZ_CHECK(!url);
        return false;
    }
    FUZZ_CHECK(strncasecmp(url, "http://", 7) == 0 || strncasecmp(url, "https://", 8) == 0);
    FUZZ_CHECK(strncasecmp(base, "https:", 6) != 0 || strncasecmp(url, "https:", 6) == 0);
    FUZZ_CHECK(!strpbrk(url, " \t\r\n#"));
    with = upload_place_with_digest(url, &digest);
    FUZZ_CHECK(with && strstr(with, "digest=sha256%3A0123456789abcdef"));
    free(with);
    free(url);
    return true;
}

static bool accepts(const char *text, size_t length)
{
    bool is_plain, is_tls;

    if (strlen(text) != length)
        return false;
    is_plain = accepts_from("http://127.0.0.1:5000/v2/a/b/blobs/uploads/", text);
    is_tls = accepts_from("https://registry.example/v2/a/b/blobs/uploads/", text);
    return is_plain && is_tls;
}

FUZZ_TARGET(1u << 15)
