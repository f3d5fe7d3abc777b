/* digest.c - content addresses: "sha256:" and 64 lower-case hex digits, nothing else. */
#include "oci/digest.h"

#include "base/str.h"

#include <string.h>

#define DIGEST_PREFIX     "sha256:"
#define DIGEST_HEX_LENGTH 64

static int refuse_algorithm(const char *text, struct mcpd_error *err)
{
    size_t length = strcspn(text, ":");

    if (length == 0 || text[length] == '\0' || length > 32)
        return error_set(err, MCPD_E_INVALID, "not a digest");
    return error_set(err, MCPD_E_INVALID, "digest algorithm \"%.*s\" is not supported, only sha256",
                     (int)length, text);
}

int digest_parse(const char *text, struct digest *ret_digest, struct mcpd_error *err)
{
    const char *hex = text + sizeof(DIGEST_PREFIX) - 1;

    if (!str_has_prefix(text, DIGEST_PREFIX))
        return refuse_algorithm(text, err);
    if (strnlen(hex, DIGEST_HEX_LENGTH + 1) != DIGEST_HEX_LENGTH ||
        !str_is_hex(hex, DIGEST_HEX_LENGTH))
        return error_set(err, MCPD_E_INVALID, "not a digest: sha256 has 64 lower-case hex digits");
    memcpy(ret_digest->text, text, sizeof(DIGEST_PREFIX) + DIGEST_HEX_LENGTH);
    return 0;
}

bool digest_parse_hex(const char *hex, struct digest *ret_digest)
{
    char text[DIGEST_TEXT_SIZE + 1];

    (void)snprintf(text, sizeof(text), DIGEST_PREFIX "%s", hex);
    return digest_parse(text, ret_digest, NULL) == 0;
}

void digest_from_sha256(const uint8_t sum[32], struct digest *ret_digest)
{
    memcpy(ret_digest->text, DIGEST_PREFIX, sizeof(DIGEST_PREFIX));
    str_hex(sum, 32, ret_digest->text + sizeof(DIGEST_PREFIX) - 1);
}

const char *digest_hex(const struct digest *digest)
{
    return digest_is_set(digest) ? digest->text + sizeof(DIGEST_PREFIX) - 1 : "";
}

bool digest_equal(const struct digest *a, const struct digest *b)
{
    return strcmp(a->text, b->text) == 0;
}

bool digest_is_set(const struct digest *digest)
{
    return digest->text[0] != '\0';
}

bool digest_is_in(const struct digest *list, size_t count, const struct digest *digest)
{
    for (size_t i = 0; i < count; i++)
        if (digest_equal(&list[i], digest))
            return true;
    return false;
}

int digest_compare(const void *a, const void *b)
{
    return strcmp(((const struct digest *)a)->text, ((const struct digest *)b)->text);
}
