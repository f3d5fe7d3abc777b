/* credhelper.c - see credhelper.h. */
#include "registry/credhelper.h"

#include "base/jsonx.h"
#include "base/proc.h"
#include "base/str.h"

#include <stdlib.h>
#include <string.h>

#define PROGRAM_PREFIX    "docker-credential-"
#define NAME_MAX_BYTES    64
#define DEFAULT_TIMEOUT_S 30
#define MAX_TIMEOUT_S     3600
#define MAX_DEPTH         8
#define SHOWN_BYTES       200
#define TOKEN_USER        "<token>" /* the secret is an identity token */

/* A file name of its own, and no option. */
static bool is_good_name(const char *name)
{
    size_t length =
        strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-");

    return length > 0 && length <= NAME_MAX_BYTES && name[length] == '\0' && name[0] != '.' &&
           name[0] != '-';
}

static int timeout_ms(void)
{
    const char *text = getenv("MCPD_CREDENTIAL_TIMEOUT_S");
    uint32_t seconds = 0;

    if (!text || str_to_u32(text, MAX_TIMEOUT_S, &seconds) < 0 || seconds == 0)
        seconds = DEFAULT_TIMEOUT_S;
    return (int)seconds * 1000;
}

static int talk(const char *name, const char *action, const char *input,
                struct proc_words *ret_words, struct mcpd_error *err)
{
    CLEANUP_STRV char **argv = NULL;

    if (!is_good_name(name))
        return error_set(err, MCPD_E_INVALID, "\"%.100s\" is no name of a credential helper", name);
    if (strv_append_take(&argv, str_format(PROGRAM_PREFIX "%s", name)) < 0 ||
        strv_append(&argv, action) < 0)
        return error_no_memory(err, "a credential helper");
    return proc_talk(argv, input, timeout_ms(), ret_words, err);
}

/* Helpers complain on stdout, their libraries on stderr: the first line that there is. */
static int complain(const char *name, const char *action, const struct proc_words *words,
                    struct mcpd_error *err)
{
    const char *text = words->output + strspn(words->output, " \t\r\n");
    size_t length;

    if (!*text)
        text = words->complaint + strspn(words->complaint, " \t\r\n");
    if (!*text)
        text = "failed";
    length = strcspn(text, "\r\n");
    return error_set(err, MCPD_E_DENIED, PROGRAM_PREFIX "%s %s: %.*s", name, action,
                     length < SHOWN_BYTES ? (int)length : SHOWN_BYTES, text);
}

/* The one complaint that is an answer. */
static bool is_unknown(const struct proc_words *words)
{
    return strstr(words->output, "credentials not found") != NULL;
}

int credhelper_parse(const char *text, size_t length, struct credentials *ret_credentials,
                     struct mcpd_error *err)
{
    CLEANUP_CREDENTIALS struct credentials credentials = {0};
    CLEANUP_JSON json_t *document = NULL;
    const char *user = NULL, *secret = NULL;
    bool is_token;
    int rc = jsonx_parse(text, length, MAX_DEPTH, "the helper's answer", &document, NULL);

    if (rc == 0)
        rc = jsonx_get_string(document, "Username", "answer", &user, NULL);
    if (rc == 0)
        rc = jsonx_get_string(document, "Secret", "answer", &secret, NULL);
    if (rc < 0 || !json_is_object(document))
        return error_set(err, MCPD_E_PROTOCOL, "the answer is not what a credential helper says");
    if (!secret || !*secret)
        return 0;
    is_token = user && strcmp(user, TOKEN_USER) == 0;
    if (!is_token && (!user || !*user || strchr(user, ':')))
        return error_set(err, MCPD_E_PROTOCOL, "the answer has no user that can be used");
    if (is_token) {
        credentials.identity_token = strdup(secret);
    } else {
        credentials.user = strdup(user);
        credentials.password = strdup(secret);
    }
    if (!credentials.identity_token && (!credentials.user || !credentials.password))
        return error_no_memory(err, "credentials");
    *ret_credentials = credentials;
    credentials = (struct credentials){0};
    return 0;
}

int credhelper_get(const char *name, const char *server, struct credentials *ret_credentials,
                   struct mcpd_error *err)
{
    CLEANUP(proc_words_done) struct proc_words words = {0};
    int rc = talk(name, "get", server, &words, err);

    if (rc < 0)
        return rc;
    if (words.exit_code != 0)
        return is_unknown(&words) ? 0 : complain(name, "get", &words, err);
    rc = credhelper_parse(words.output, strlen(words.output), ret_credentials, err);
    return rc < 0 ? error_wrap(err, rc, PROGRAM_PREFIX "%s get", name) : 0;
}

int credhelper_store(const char *name, const char *server, const struct credentials *credentials,
                     struct mcpd_error *err)
{
    CLEANUP(proc_words_done) struct proc_words words = {0};
    CLEANUP_JSON json_t *request = json_pack("{s:s, s:s, s:s}", "ServerURL", server, "Username",
                                             credentials->user, "Secret", credentials->password);
    CLEANUP_SECRET char *text = request ? json_dumps(request, JSON_COMPACT) : NULL;
    int rc;

    if (!text)
        return error_set(err, MCPD_E_INVALID, "the user or the password is not UTF-8 text");
    rc = talk(name, "store", text, &words, err);
    if (rc == 0 && words.exit_code != 0)
        rc = complain(name, "store", &words, err);
    return rc;
}

int credhelper_erase(const char *name, const char *server, struct mcpd_error *err)
{
    CLEANUP(proc_words_done) struct proc_words words = {0};
    int rc = talk(name, "erase", server, &words, err);

    if (rc < 0 || words.exit_code == 0)
        return rc;
    rc = complain(name, "erase", &words, err);
    return is_unknown(&words) ? error_recode(err, MCPD_E_NOT_FOUND) : rc;
}
