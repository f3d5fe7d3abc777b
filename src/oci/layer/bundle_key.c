/* bundle_key.c - see bundle_key.h; all of it is libcrypto's work. */
#include "oci/layer/bundle_key.h"

#include "base/fsutil.h"
#include "base/str.h"
#include "oci/layer/sha256.h"

#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <string.h>

#define KEY_MAX_BYTES   (64u << 10)
#define CURVE_NAME_SIZE 64
#define MESSAGE_SIZE    128

struct bundle_key {
    EVP_PKEY *key;
    const EVP_MD *hash; /* NULL: the scheme has its own */
};

void bundle_key_free(struct bundle_key *key)
{
    if (!key)
        return;
    EVP_PKEY_free(key->key);
    free(key);
}

/* ------------------------------------------------------------------ keys */

static int check_kind(struct bundle_key *key, const char *path, struct mcpd_error *err)
{
    char curve[CURVE_NAME_SIZE] = "";
    size_t length = 0;

    if (EVP_PKEY_is_a(key->key, "ED25519"))
        return 0;
    key->hash = EVP_sha256();
    if (EVP_PKEY_is_a(key->key, "EC") &&
        EVP_PKEY_get_group_name(key->key, curve, sizeof(curve), &length) == 1 &&
        strcmp(curve, "prime256v1") == 0)
        return 0;
    return error_set(err, MCPD_E_UNSUPPORTED, "%s: neither an Ed25519 key nor one of ECDSA P-256",
                     path);
}

/* Nobody is asked for a password: a key that has one cannot be read. */
static int no_password(char *buffer, int size, int is_writing, void *context)
{
    (void)buffer;
    (void)size;
    (void)is_writing;
    (void)context;
    return 0;
}

static EVP_PKEY *parse_pem(const char *text, size_t length, bool is_private)
{
    BIO *bio = BIO_new_mem_buf(text, (int)length);
    EVP_PKEY *key = NULL;

    if (bio)
        key = is_private ? PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL)
                         : PEM_read_bio_PUBKEY(bio, NULL, no_password, NULL);
    BIO_free(bio);
    ERR_clear_error();
    return key;
}

static int read_key(const char *path, bool is_private, struct bundle_key **ret_key,
                    struct mcpd_error *err)
{
    CLEANUP_SECRET char *text = NULL;
    CLEANUP_BUNDLE_KEY struct bundle_key *key = calloc(1, sizeof(*key));
    size_t length = 0;
    int rc;

    if (!key)
        return error_no_memory(err, "a key");
    rc = fs_read_file(AT_FDCWD, path, KEY_MAX_BYTES, &text, &length, err);
    if (rc < 0)
        return rc;
    key->key = parse_pem(text, length, is_private);
    if (!key->key)
        return error_set(err, MCPD_E_INVALID, "%s: no %s key in PEM%s", path,
                         is_private ? "private" : "public", is_private ? " without password" : "");
    rc = check_kind(key, path, err);
    if (rc == 0)
        *ret_key = TAKE_PTR(key);
    return rc;
}

int bundle_key_read_private(const char *path, struct bundle_key **ret_key, struct mcpd_error *err)
{
    return read_key(path, true, ret_key, err);
}

int bundle_key_read_public(const char *path, struct bundle_key **ret_key, struct mcpd_error *err)
{
    return read_key(path, false, ret_key, err);
}

/* ------------------------------------------------------------------ signatures */

static int make_message(const char *index, size_t length, char message[MESSAGE_SIZE],
                        struct mcpd_error *err)
{
    struct digest digest;
    int rc = sha256_of_bytes(index, length, &digest, err);

    if (rc == 0)
        (void)snprintf(message, MESSAGE_SIZE, "mcpd bundle 1\n%s\n", digest.text);
    return rc;
}

int bundle_key_sign(const struct bundle_key *key, const char *index, size_t length,
                    struct bundle_signature *ret_signature, struct mcpd_error *err)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    struct bundle_signature signature = {.length = sizeof(signature.bytes)};
    char message[MESSAGE_SIZE];
    int rc = context ? make_message(index, length, message, err) : error_no_memory(err, "signing");

    if (rc == 0 && (EVP_DigestSignInit(context, NULL, key->hash, NULL, key->key) != 1 ||
                    EVP_DigestSign(context, signature.bytes, &signature.length,
                                   (const unsigned char *)message, strlen(message)) != 1))
        rc = error_set(err, MCPD_E_SYSTEM, "the bundle cannot be signed");
    EVP_MD_CTX_free(context);
    ERR_clear_error();
    if (rc == 0)
        *ret_signature = signature;
    return rc;
}

int bundle_key_verify(const struct bundle_key *key, const char *index, size_t length,
                      const struct bundle_signature *signature, struct mcpd_error *err)
{
    EVP_MD_CTX *context = NULL;
    char message[MESSAGE_SIZE];
    bool is_good;
    int rc;

    if (signature->length == 0)
        return error_set(err, MCPD_E_DENIED, "the bundle is not signed");
    context = EVP_MD_CTX_new();
    rc = context ? make_message(index, length, message, err) : error_no_memory(err, "verifying");
    is_good = rc == 0 && EVP_DigestVerifyInit(context, NULL, key->hash, NULL, key->key) == 1 &&
              EVP_DigestVerify(context, signature->bytes, signature->length,
                               (const unsigned char *)message, strlen(message)) == 1;
    EVP_MD_CTX_free(context);
    ERR_clear_error();
    if (rc == 0 && !is_good)
        return error_set(err, MCPD_E_DENIED, "the bundle is not signed with this key");
    return rc;
}
