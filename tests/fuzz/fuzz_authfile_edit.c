/*
 * fuzz_authfile_edit.c - libFuzzer target: any bytes as an auth file that login writes to. What is
 * written can be read again and gives the credentials back, a second time changes nothing, and
 * after logout the entry has gone.
 */
#include "fuzz.h"

#include "registry/authfile.h"
#include "registry/authfile_write.h"

#define KEY  "registry.example/team"
#define AUTH "dXNlcjpzZWNyZXQ=" /* user:secret */

static void check_lookup(const char *text)
{
    struct authfile_answer answer = {0};
    int rc = authfile_lookup(text, strlen(text), KEY, &answer, NULL);

    /* A helper of the host goes before every entry; one of another's entries may be damaged. */
    if (rc == 0 && !answer.helper) {
        FUZZ_CHECK(answer.credentials.user && strcmp(answer.credentials.user, "user") == 0);
        FUZZ_CHECK(strcmp(answer.credentials.password, "secret") == 0);
        FUZZ_CHECK(!answer.credentials.identity_token);
    }
    authfile_answer_done(&answer);
}

static bool accepts(const char *text, size_t length)
{
    char *with = NULL, *again = NULL, *without = NULL;
    bool was_there = false;

    if (authfile_edit(text, length, KEY, AUTH, &with, &was_there, NULL) < 0)
        return false;
    check_lookup(with);
    FUZZ_CHECK(authfile_edit(with, strlen(with), KEY, AUTH, &again, &was_there, NULL) == 0);
    FUZZ_CHECK(was_there && strcmp(with, again) == 0);
    FUZZ_CHECK(authfile_edit(with, strlen(with), KEY, NULL, &without, &was_there, NULL) == 0);
    FUZZ_CHECK(was_there);
    free(again);
    FUZZ_CHECK(authfile_edit(without, strlen(without), KEY, NULL, &again, &was_there, NULL) == 0);
    FUZZ_CHECK(!was_there && strcmp(without, again) == 0);
    free(with);
    free(again);
    free(without);
    return true;
}

FUZZ_TARGET(1u << 16)
