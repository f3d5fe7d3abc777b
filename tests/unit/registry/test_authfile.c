/* test_authfile.c - who gets which credentials. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "registry/authfile.h"

#include "base/fsutil.h"
#include "base/str.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* u:p, long:er, token, host:only */
static const char file[] = "{\"auths\": {"
                           "\"r.example\": {\"auth\": \"aG9zdDpvbmx5\"},"
                           "\"r.example/team\": {\"auth\": \"dTpw\"},"
                           "\"r.example/team/app\": {\"auth\": \"bG9uZzplcg==\"},"
                           "\"https://old.example/v1/\": {\"auth\": \"dTpw\"},"
                           "\"https://index.docker.io/v1/\": {\"auth\": \"dTpw\"},"
                           "\"id.example\": {\"identitytoken\": \"secret\", \"auth\": \"dTpw\"},"
                           "\"empty.example\": {},"
                           "\"bad.example\": {\"auth\": \"!!!!\"},"
                           "\"bare.example\": {\"auth\": \"dXNlcg==\"}"
                           "}}";

static int lookup(const char *repository, struct credentials *credentials)
{
    struct authfile_answer answer = {0};
    struct mcpd_error error = {0};
    int rc = authfile_lookup(file, sizeof(file) - 1, repository, &answer, &error);

    assert_null(answer.helper);
    assert_null(strstr(error.message, "!!!!"));
    *credentials = answer.credentials;
    return rc;
}

static void test_keys(void **state)
{
    static const struct {
        const char *repository;
        const char *user; /* NULL: nobody */
    } cases[] = {
        {"r.example/x", "host"},
        {"r.example/team/x", "u"},
        {"r.example/team", "u"},
        {"r.example/teams", "host"},
        {"r.example/team/app", "long"},
        {"r.example/team/app/x", "long"},
        {"r.example:5000/x", NULL},
        {"sub.r.example/x", NULL},
        {"old.example/x", "u"},
        {"old.example.org/x", NULL},
        {"docker.io/library/alpine", "u"},
        {"empty.example/x", NULL},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        CLEANUP_CREDENTIALS struct credentials credentials = {0};

        assert_int_equal(lookup(cases[i].repository, &credentials), 0);
        if (!str_equal(credentials.user, cases[i].user))
            fail_msg("%s: %s", cases[i].repository, credentials.user ? credentials.user : "nobody");
    }
}

static void test_values(void **state)
{
    CLEANUP_CREDENTIALS struct credentials credentials = {0};
    CLEANUP_CREDENTIALS struct credentials token = {0};
    CLEANUP_CREDENTIALS struct credentials bad = {0};

    assert_int_equal(lookup("r.example/team/app", &credentials), 0);
    assert_string_equal(credentials.password, "er");
    assert_null(credentials.identity_token);
    assert_int_equal(lookup("id.example/x", &token), 0);
    assert_string_equal(token.identity_token, "secret");
    assert_int_equal(lookup("bad.example/x", &bad), -MCPD_E_INVALID);
    assert_int_equal(lookup("bare.example/x", &bad), -MCPD_E_INVALID);
}

/* "h.example" has a helper of its own, the store is for all who have no entry. */
static const char helpers[] =
    "{\"credHelpers\": {\"h.example\": \"own\", \"https://index.docker.io/v1/\": \"hub\"},"
    " \"auths\": {\"h.example\": {\"auth\": \"dTpw\"}, \"a.example\": {\"auth\": \"dTpw\"},"
    " \"empty.example\": {}}, \"credsStore\": \"all\"}";

static void test_helpers(void **state)
{
    static const struct {
        const char *repository;
        const char *helper; /* NULL: the entry */
        bool is_general;
    } cases[] = {
        {"h.example/x", "own", false},         {"h.example:5000/x", "all", true},
        {"a.example/x", NULL, false},          {"empty.example/x", "all", true},
        {"docker.io/library/x", "hub", false},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        CLEANUP(authfile_answer_done) struct authfile_answer answer = {0};

        assert_int_equal(
            authfile_lookup(helpers, sizeof(helpers) - 1, cases[i].repository, &answer, NULL), 0);
        if (!str_equal(answer.helper, cases[i].helper) ||
            (answer.helper && answer.is_general_helper != cases[i].is_general))
            fail_msg("%s: %s", cases[i].repository, answer.helper ? answer.helper : "nobody");
        assert_true(!answer.helper == credentials_are_set(&answer.credentials));
    }
}

static void test_given(void **state)
{
    CLEANUP_CREDENTIALS struct credentials credentials = {0};
    CLEANUP_CREDENTIALS struct credentials bad = {0};

    assert_int_equal(credentials_parse("user:pass:word", &credentials, NULL), 0);
    assert_string_equal(credentials.user, "user");
    assert_string_equal(credentials.password, "pass:word");
    assert_int_equal(credentials_parse("user", &bad, NULL), -MCPD_E_INVALID);
    assert_int_equal(credentials_parse(":password", &bad, NULL), -MCPD_E_INVALID);
}

static void test_not_a_file(void **state)
{
    static const char *const texts[] = {"", "{", "[]", "{\"auths\":[]}", "{\"auths\":{\"r\":1}}"};

    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        CLEANUP(authfile_answer_done) struct authfile_answer answer = {0};
        int rc = authfile_lookup(texts[i], strlen(texts[i]), "r/x", &answer, NULL);

        assert_true(rc <= 0);
        assert_false(credentials_are_set(&answer.credentials));
    }
}

static void write_file(const char *folder, const char *path, const char *user_auth)
{
    CLEANUP_FREE char *full = str_format("%s/%s", folder, path);
    CLEANUP_FREE char *parent = strdup(full);
    CLEANUP_FREE char *text =
        str_format("{\"auths\":{\"r.example\":{\"auth\":\"%s\"}}}", user_auth);

    *strrchr(parent, '/') = '\0';
    assert_int_equal(fs_make_dirs(AT_FDCWD, parent, 0700, NULL, NULL), 0);
    assert_int_equal(fs_write_file(AT_FDCWD, full, text, strlen(text), 0600, 0, NULL), 0);
}

static void found(const char *path, const char *user)
{
    CLEANUP_CREDENTIALS struct credentials credentials = {0};

    assert_int_equal(authfile_find(path, "r.example/x", &credentials, NULL), 0);
    assert_string_equal(credentials.user ? credentials.user : "", user);
}

static void test_search_order(void **state)
{
    char folder[] = "/tmp/mcpd-unit-XXXXXX";
    CLEANUP_FREE char *given = NULL;
    struct credentials none = {0};

    assert_non_null(mkdtemp(folder));
    given = str_format("%s/given.json", folder);
    assert_int_equal(setenv("HOME", folder, 1), 0);
    assert_int_equal(setenv("XDG_RUNTIME_DIR", folder, 1), 0);
    assert_int_equal(unsetenv("REGISTRY_AUTH_FILE"), 0);
    found(NULL, "");
    write_file(folder, ".docker/config.json", "YTp4"); /* a */
    found(NULL, "a");
    write_file(folder, ".config/containers/auth.json", "Yjp4");
    found(NULL, "b");
    write_file(folder, "containers/auth.json", "Yzp4");
    found(NULL, "c");
    write_file(folder, "given.json", "ZDp4");
    assert_int_equal(setenv("REGISTRY_AUTH_FILE", given, 1), 0);
    found(NULL, "d");
    write_file(folder, "other.json", "ZTp4");
    free(given);
    given = str_format("%s/other.json", folder);
    found(given, "e");
    assert_int_equal(authfile_find("/no/such/file", "r.example/x", &none, NULL), -MCPD_E_NOT_FOUND);
    assert_int_equal(fs_remove_tree(AT_FDCWD, folder, NULL), 0);
}

/* As somebody who is not root, the folder "containers" being closed to him. */
static void test_closed_folder(void **state)
{
    char folder[] = "/tmp/mcpd-unit-XXXXXX";
    CLEANUP_FREE char *closed = NULL;
    CLEANUP_FREE char *path = NULL;
    struct credentials none = {0};
    struct mcpd_error error = {0};
    uid_t self = geteuid();

    assert_non_null(mkdtemp(folder));
    assert_int_equal(chmod(folder, 0755), 0);
    closed = str_format("%s/containers", folder);
    path = str_format("%s/auth.json", closed);
    assert_int_equal(setenv("HOME", folder, 1), 0);
    assert_int_equal(setenv("XDG_RUNTIME_DIR", folder, 1), 0);
    assert_int_equal(unsetenv("REGISTRY_AUTH_FILE"), 0);
    write_file(folder, "containers/auth.json", "Yzp4");
    assert_int_equal(chmod(closed, 0), 0);
    if (self == 0)
        assert_int_equal(seteuid(65534), 0);
    found(NULL, "");
    assert_int_equal(authfile_find(path, "r.example/x", &none, &error), -MCPD_E_DENIED);
    assert_non_null(strstr(error.message, path));
    assert_int_equal(setenv("REGISTRY_AUTH_FILE", path, 1), 0);
    assert_int_equal(authfile_find(NULL, "r.example/x", &none, NULL), -MCPD_E_DENIED);
    assert_int_equal(unsetenv("REGISTRY_AUTH_FILE"), 0);
    assert_int_equal(seteuid(self), 0);
    /* The folder is open, the file is not: that one was meant for us. */
    assert_int_equal(chmod(closed, 0755), 0);
    assert_int_equal(chmod(path, 0), 0);
    if (self == 0)
        assert_int_equal(seteuid(65534), 0);
    assert_int_equal(authfile_find(NULL, "r.example/x", &none, NULL), -MCPD_E_DENIED);
    assert_int_equal(seteuid(self), 0);
    assert_int_equal(fs_remove_tree(AT_FDCWD, folder, NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keys),          cmocka_unit_test(test_values),
        cmocka_unit_test(test_helpers),       cmocka_unit_test(test_given),
        cmocka_unit_test(test_not_a_file),    cmocka_unit_test(test_search_order),
        cmocka_unit_test(test_closed_folder),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
