/* test_authfile_write.c - what login leaves in an auth file, and what it leaves alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "registry/authfile_write.h"

#include "base/fsutil.h"
#include "base/str.h"
#include "registry/authfile.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static void edits(const char *text, const char *key, const char *auth, const char *expected,
                  bool was_there)
{
    CLEANUP_FREE char *edited = NULL;
    bool there = !was_there;

    assert_int_equal(authfile_edit(text, strlen(text), key, auth, &edited, &there, NULL), 0);
    assert_string_equal(edited, expected);
    assert_int_equal(there, was_there);
}

static void test_edit(void **state)
{
    edits("", "h:5000", "dTpw",
          "{\n\t\"auths\": {\n\t\t\"h:5000\": {\n\t\t\t\"auth\": \"dTpw\"\n\t\t}\n\t}\n}", false);
    edits("{\"x\": \"a\\n  b\"}", "h", "",
          "{\n\t\"x\": \"a\\n  b\",\n\t\"auths\": {\n\t\t\"h\": {}\n\t}\n}", false);
    edits(
        "{\"auths\":{\"h\":{\"identitytoken\":\"t\"},\"i\":{}}}", "h", "dTpw",
        "{\n\t\"auths\": {\n\t\t\"h\": {\n\t\t\t\"auth\": \"dTpw\"\n\t\t},\n\t\t\"i\": {}\n\t}\n}",
        true);
    edits("{\"auths\":{\"h\":{},\"i\":{}}}", "h", NULL, "{\n\t\"auths\": {\n\t\t\"i\": {}\n\t}\n}",
          true);
    edits("{\"auths\":{\"i\":{}}}", "h", NULL, "{\n\t\"auths\": {\n\t\t\"i\": {}\n\t}\n}", false);
    edits("{\"auths\":{\"h\":{},\"i\":{}},\"x\":1}", NULL, NULL,
          "{\n\t\"auths\": {},\n\t\"x\": 1\n}", true);
}

static void test_file(void **state)
{
    char folder[] = "/tmp/mcpd-unit-XXXXXX";
    CLEANUP_FREE char *path = NULL;
    CLEANUP_FREE char *text = NULL;
    CLEANUP_CREDENTIALS struct credentials credentials = {0};
    CLEANUP_CREDENTIALS struct credentials found = {0};
    struct mcpd_error error = {0};
    struct stat st;
    mode_t old_mask = umask(0);

    assert_non_null(mkdtemp(folder));
    path = str_format("%s/a/b/auth.json", folder);
    assert_int_equal(credentials_parse("u:p", &credentials, NULL), 0);
    assert_int_equal(authfile_store(path, "h:5000/team", &credentials, NULL), 0);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_int_equal(authfile_find(path, "h:5000/team/app", &found, NULL), 0);
    assert_string_equal(found.password, "p");
    /* Whoever made it readable for all: it is not when a secret has been written to it. */
    assert_int_equal(chmod(path, 0666), 0);
    assert_int_equal(authfile_store(path, "i", &credentials, NULL), 0);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_int_equal(authfile_erase(path, "j", &error), -MCPD_E_NOT_FOUND);
    assert_string_equal(error.message, "not logged into j");
    assert_int_equal(authfile_erase(path, "i", NULL), 0);
    assert_int_equal(authfile_erase(path, NULL, NULL), 0);
    assert_int_equal(fs_read_file(AT_FDCWD, path, 4096, &text, NULL, NULL), 0);
    assert_string_equal(text, "{\n\t\"auths\": {}\n}");
    assert_int_equal(fs_remove_tree(AT_FDCWD, folder, NULL), 0);
    (void)umask(old_mask);
}

/* Neither a link in its place, nor one that leads nowhere, nor a folder, nor a pipe. */
static void test_not_a_file(void **state)
{
    char folder[] = "/tmp/mcpd-unit-XXXXXX";
    CLEANUP_CREDENTIALS struct credentials credentials = {0};
    static const char *const names[] = {"link", "dangling", "dir", "pipe", "dir/"};

    assert_non_null(mkdtemp(folder));
    assert_int_equal(credentials_parse("u:p", &credentials, NULL), 0);
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        CLEANUP_FREE char *path = str_format("%s/%s", folder, names[i]);

        if (i == 0)
            assert_int_equal(symlink("/etc/passwd", path), 0);
        else if (i == 1)
            assert_int_equal(symlink("nowhere", path), 0);
        else if (i == 2)
            assert_int_equal(mkdir(path, 0755), 0);
        else if (i == 3)
            assert_int_equal(mkfifo(path, 0644), 0);
        assert_true(authfile_store(path, "h", &credentials, NULL) < 0 || i == 3);
        if (i == 1) {
            CLEANUP_FREE char *nowhere = str_format("%s/nowhere", folder);

            assert_false(fs_exists(AT_FDCWD, nowhere));
        }
    }
    assert_int_equal(fs_remove_tree(AT_FDCWD, folder, NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_edit),
        cmocka_unit_test(test_file),
        cmocka_unit_test(test_not_a_file),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
