/* test_credhelper.c - other programs that keep credentials: small scripts in a PATH of our own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "registry/credhelper.h"

#include "base/fsutil.h"
#include "base/str.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

static char folder[] = "/tmp/mcpd-unit-XXXXXX";

static void helper(const char *name, const char *script)
{
    CLEANUP_FREE char *path = str_format("%s/docker-credential-%s", folder, name);
    CLEANUP_FREE char *text = str_format("#!/bin/sh\n%s\n", script);

    assert_int_equal(fs_write_file(AT_FDCWD, path, text, strlen(text), 0755, 0, NULL), 0);
}

static int setup(void **state)
{
    CLEANUP_FREE char *path = NULL;

    assert_non_null(mkdtemp(folder));
    path = str_format("%s:%s", folder, getenv("PATH"));
    assert_int_equal(setenv("PATH", path, 1), 0);
    assert_int_equal(setenv("FOLDER", folder, 1), 0);
    assert_int_equal(setenv("MCPD_CREDENTIAL_TIMEOUT_S", "1", 1), 0);
    helper("good",
           "[ \"$1\" = get ] || exit 2; read -r server; "
           "printf '{\"ServerURL\":\"%s\",\"Username\":\"u\",\"Secret\":\"p:%s\"}' x \"$server\"");
    helper("token", "echo '{\"Username\":\"<token>\",\"Secret\":\"identity\"}'");
    helper("none", "echo 'credentials not found in native keychain'; exit 1");
    helper("locked", "echo 'the keyring is locked'; exit 1");
    helper("library", "printf 'cannot open display\\nsecond line\\n' >&2; exit 1");
    helper("silent", "exit 7");
    helper("nonsense", "echo 'secret-value'");
    helper("slow", "exec sleep 60");
    helper("keeps", "echo \"$1\" >$FOLDER/action; cat >$FOLDER/input");
    return 0;
}

static int teardown(void **state)
{
    return fs_remove_tree(AT_FDCWD, folder, NULL);
}

static void test_get(void **state)
{
    CLEANUP_CREDENTIALS struct credentials credentials = {0};
    CLEANUP_CREDENTIALS struct credentials token = {0};
    CLEANUP_CREDENTIALS struct credentials nobody = {0};

    assert_int_equal(credhelper_get("good", "r.example", &credentials, NULL), 0);
    assert_string_equal(credentials.user, "u");
    assert_string_equal(credentials.password, "p:r.example");
    assert_int_equal(credhelper_get("token", "r.example", &token, NULL), 0);
    assert_null(token.user);
    assert_string_equal(token.identity_token, "identity");
    assert_int_equal(credhelper_get("none", "r.example", &nobody, NULL), 0);
    assert_false(credentials_are_set(&nobody));
}

static void test_failures(void **state)
{
    static const struct {
        const char *name;
        int code;
        const char *text;
    } cases[] = {
        {"locked", MCPD_E_DENIED, "docker-credential-locked get: the keyring is locked"},
        {"library", MCPD_E_DENIED, "docker-credential-library get: cannot open display"},
        {"silent", MCPD_E_DENIED, "docker-credential-silent get: failed"},
        {"nonsense", MCPD_E_PROTOCOL,
         "docker-credential-nonsense get: the answer is not what a credential helper says"},
        {"slow", MCPD_E_TIMEOUT, "run 'docker-credential-slow': no end after 1000 ms"},
        {"absent", MCPD_E_NOT_FOUND,
         "program 'docker-credential-absent' is not installed (not found in PATH)"},
        {"../sh", MCPD_E_INVALID, "\"../sh\" is no name of a credential helper"},
        {"", MCPD_E_INVALID, "\"\" is no name of a credential helper"},
        {"a b", MCPD_E_INVALID, "\"a b\" is no name of a credential helper"},
        {"-x", MCPD_E_INVALID, "\"-x\" is no name of a credential helper"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        CLEANUP_CREDENTIALS struct credentials credentials = {0};
        struct mcpd_error error = {0};

        assert_int_equal(credhelper_get(cases[i].name, "r.example", &credentials, &error),
                         -cases[i].code);
        assert_string_equal(error.message, cases[i].text);
        assert_false(credentials_are_set(&credentials));
    }
}

static void written(const char *name, const char *text)
{
    CLEANUP_FREE char *path = str_format("%s/%s", folder, name);
    CLEANUP_FREE char *found = NULL;

    assert_int_equal(fs_read_file(AT_FDCWD, path, 4096, &found, NULL, NULL), 0);
    assert_string_equal(found, text);
}

static void test_store_and_erase(void **state)
{
    CLEANUP_CREDENTIALS struct credentials credentials = {0};
    struct mcpd_error error = {0};

    assert_int_equal(credentials_parse("u:p\"", &credentials, NULL), 0);
    assert_int_equal(credhelper_store("keeps", "r.example", &credentials, NULL), 0);
    written("action", "store\n");
    written("input", "{\"ServerURL\":\"r.example\",\"Username\":\"u\",\"Secret\":\"p\\\"\"}");
    assert_int_equal(credhelper_erase("keeps", "r.example", NULL), 0);
    written("action", "erase\n");
    written("input", "r.example");
    assert_int_equal(credhelper_store("locked", "r.example", &credentials, &error), -MCPD_E_DENIED);
    assert_string_equal(error.message, "docker-credential-locked store: the keyring is locked");
}

static void test_parse(void **state)
{
    static const struct {
        const char *text;
        int rc;
        const char *user;
    } cases[] = {
        {"{\"Username\":\"u\",\"Secret\":\"s\"}", 0, "u"},
        {"{\"Username\":\"u\",\"Secret\":\"\"}", 0, NULL},
        {"{}", 0, NULL},
        {"{\"Username\":\"\",\"Secret\":\"s\"}", -MCPD_E_PROTOCOL, NULL},
        {"{\"Username\":\"u:v\",\"Secret\":\"s\"}", -MCPD_E_PROTOCOL, NULL},
        {"{\"Username\":7,\"Secret\":\"s\"}", -MCPD_E_PROTOCOL, NULL},
        {"[]", -MCPD_E_PROTOCOL, NULL},
        {"", -MCPD_E_PROTOCOL, NULL},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        CLEANUP_CREDENTIALS struct credentials credentials = {0};

        assert_int_equal(credhelper_parse(cases[i].text, strlen(cases[i].text), &credentials, NULL),
                         cases[i].rc);
        assert_true(str_equal(credentials.user, cases[i].user));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_get),
        cmocka_unit_test(test_failures),
        cmocka_unit_test(test_store_and_erase),
        cmocka_unit_test(test_parse),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
