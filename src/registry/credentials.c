/* credentials.c - see credentials.h. No secret ever goes into a message. */
#include "registry/credentials.h"

#include "base/str.h"

#include <openssl/evp.h>
#include <string.h>

#define MAX_SECRET (64u << 10)

bool credentials_are_set(const struct credentials *credentials)
{
    return credentials->user || credentials->identity_token;
}

void credentials_done(struct credentials *credentials)
{
    str_free_secret(credentials->user);
    str_free_secret(credentials->password);
    str_free_secret(credentials->identity_token);
    *credentials = (struct credentials){0};
}

char *credentials_encode(const struct credentials *credentials)
{
    CLEANUP_SECRET char *plain =
        str_format("%s:%s", credentials->user, credentials->password ? credentials->password : "");
    char *encoded = plain ? malloc(strlen(plain) / 3 * 4 + 8) : NULL;

    if (encoded)
        (void)EVP_EncodeBlock((unsigned char *)encoded, (const unsigned char *)plain,
                              (int)strlen(plain));
    return encoded;
}

int credentials_parse(const char *text, struct credentials *ret_credentials, struct mcpd_error *err)
{
    CLEANUP_CREDENTIALS struct credentials credentials = {0};
    const char *colon = strchr(text, ':');

    if (!colon || colon == text)
        return error_set(err, MCPD_E_INVALID, "credentials must be USERNAME:PASSWORD");
    credentials.user = strndup(text, (size_t)(colon - text));
    credentials.password = strdup(colon + 1);
    if (!credentials.user || !credentials.password)
        return error_no_memory(err, "credentials");
    *ret_credentials = credentials;
    credentials = (struct credentials){0};
    return 0;
}

int credentials_decode(const char *text, struct credentials *ret_credentials,
                       struct mcpd_error *err)
{
    CLEANUP_SECRET char *plain = NULL;
    size_t length = strlen(text);
    size_t padding = 0;
    int count;

    if (length == 0 || length % 4 != 0 || length > MAX_SECRET)
        return error_set(err, MCPD_E_INVALID, "an 'auth' is not base64");
    while (padding < 2 && text[length - 1 - padding] == '=')
        padding++;
    plain = calloc(1, length);
    if (!plain)
        return error_no_memory(err, "credentials");
    count = EVP_DecodeBlock((unsigned char *)plain, (const unsigned char *)text, (int)length);
    if (count < (int)padding)
        return error_set(err, MCPD_E_INVALID, "an 'auth' is not base64");
    plain[(size_t)count - padding] = '\0';
    /* docker-credential helpers of old ended it with NULs; what is behind one is cut off. */
    if (credentials_parse(plain, ret_credentials, NULL) < 0)
        return error_set(err, MCPD_E_INVALID, "an 'auth' is not USERNAME:PASSWORD");
    return 0;
}
