/* test_storeconf.c - mcpd.conf: what is read, what is refused, and which file wins. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "oci/storeconf.h"

#include "base/fsutil.h"
#include "base/str.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void add(struct storeconf *conf, const char *text)
{
    struct mcpd_error err = {0};

    if (storeconf_add(conf, text, strlen(text), "f", &err) < 0)
        fail_msg("%s", err.message);
}

static void refuses(const char *text, const char *expected)
{
    CLEANUP_STORECONF struct storeconf conf = {0};
    CLEANUP_FREE char *full = str_format("configuration file \"f\": %s", expected);
    struct mcpd_error err = {0};

    assert_int_equal(storeconf_add(&conf, text, strlen(text), "f", &err), -MCPD_E_INVALID);
    assert_string_equal(err.message, full);
}

static void test_keys(void **state)
{
    CLEANUP_STORECONF struct storeconf conf = {0};

    add(&conf, "");
    assert_null(conf.additional);
    assert_int_equal(conf.max_size_bytes, 0);
    add(&conf, "[store]\nadditional = ['/a', '/b/c']\nmax_size = '10G'");
    assert_int_equal(strv_length(conf.additional), 2);
    assert_string_equal(conf.additional[1], "/b/c");
    assert_int_equal(conf.max_size_bytes, (uint64_t)10 << 30);
    /* Key by key: what a later file does not have stays. */
    add(&conf, "[store]\nmax_size = 4096\nunknown = 1\n[unknown]\nmax_size = 2");
    assert_int_equal(conf.max_size_bytes, 4096);
    assert_int_equal(strv_length(conf.additional), 2);
    add(&conf, "[store]\nadditional = ['/d']");
    assert_int_equal(strv_length(conf.additional), 1);
    assert_string_equal(conf.additional[0], "/d");
    assert_int_equal(conf.max_size_bytes, 4096);
    assert_null(conf.driver);
    add(&conf, "[store]\ndriver = 'copy'");
    assert_string_equal(conf.driver, "copy");
    add(&conf, "[store]\ndriver = 'overlay'");
    assert_string_equal(conf.driver, "overlay");
    add(&conf, "[store]\ndriver = 'auto'");
    assert_null(conf.driver);
    add(&conf, "[store]\nadditional = []\nmax_size = 0");
    assert_int_equal(strv_length(conf.additional), 0);
    assert_int_equal(conf.max_size_bytes, 0);
}

static void test_refused(void **state)
{
    const char *size = "store.max_size: expected a size such as \"10G\", or whole bytes";

    refuses("[store", "toml: line 1: a table's name does not end with ']'");
    refuses("store = 1", "store: expected an object");
    refuses("[store]\nadditional = '/a'", "store.additional: expected an array");
    refuses("[store]\nadditional = ['/a', 2]", "store.additional[1]: expected a string");
    refuses("[store]\nadditional = ['a']", "store.additional: 'a' is no absolute path");
    refuses("[store]\nadditional = ['']", "store.additional: '' is no absolute path");
    refuses("[store]\nadditional = ['/','/','/','/','/','/','/','/','/','/','/','/','/','/','/',"
            "'/','/']",
            "store.additional: more than 16 paths");
    refuses("[store]\ndriver = 'btrfs'",
            "store.driver: expected \"auto\", \"overlay\" or \"copy\"");
    refuses("[store]\ndriver = true", "store.driver: expected a string");
    refuses("[store]\nmax_size = '10X'", size);
    refuses("[store]\nmax_size = ''", size);
    refuses("[store]\nmax_size = -1", size);
    refuses("[store]\nmax_size = true", size);
    refuses("[store]\nmax_size = '1G\\u0000'", size);
    refuses("[store]\nmax_size = \"1G\\u0000\"", "toml: line 2: an escape names no character");
}

/* ---------------------------------------------------------------- the files */

static void write_file(const char *folder, const char *name, const char *text)
{
    CLEANUP_FREE char *path = str_format("%s/%s", folder, name);

    assert_int_equal(fs_make_dirs(AT_FDCWD, folder, 0755, NULL, NULL), 0);
    assert_int_equal(fs_write_file(AT_FDCWD, path, text, strlen(text), 0644, 0, NULL), 0);
}

static uint64_t loaded_size(void)
{
    CLEANUP_STORECONF struct storeconf conf = {0};
    struct mcpd_error err = {0};

    if (storeconf_load(&conf, &err) < 0)
        fail_msg("%s", err.message);
    return conf.max_size_bytes;
}

static void use_home(const char *home, const char *config_home)
{
    assert_int_equal(setenv("HOME", home, 1), 0);
    if (config_home)
        assert_int_equal(setenv("XDG_CONFIG_HOME", config_home, 1), 0);
    else
        assert_int_equal(unsetenv("XDG_CONFIG_HOME"), 0);
    assert_int_equal(unsetenv("MCPD_CONF"), 0);
}

/* The user's own file counts for users only. */
static void test_users_file(const char *home)
{
    CLEANUP_FREE char *usual = str_format("%s/.config/mcpd", home);
    CLEANUP_FREE char *other = str_format("%s/other", home);
    CLEANUP_FREE char *others = str_format("%s/mcpd", other);
    uint64_t none;

    use_home(home, NULL);
    none = loaded_size(); /* what the system says, if it does */
    write_file(usual, "mcpd.conf", "[store]\nmax_size = 4097\n");
    write_file(others, "mcpd.conf", "[store]\nmax_size = 4098\n");
    assert_int_equal(loaded_size(), geteuid() == 0 ? none : 4097);
    use_home(home, other);
    assert_int_equal(loaded_size(), geteuid() == 0 ? none : 4098);
    use_home(home, "relative");
    assert_int_equal(loaded_size(), geteuid() == 0 ? none : 4097);
}

static void test_files(void **state)
{
    CLEANUP_FREE char *given = NULL;
    CLEANUP_FREE char *expected = NULL;
    char home[] = "/tmp/mcpd-unit-XXXXXX";
    struct storeconf conf = {0};
    struct mcpd_error err = {0};

    assert_non_null(mkdtemp(home));
    test_users_file(home);
    given = str_format("%s/given", home);
    assert_int_equal(setenv("MCPD_CONF", given, 1), 0);
    assert_int_equal(loaded_size(), 0); /* is not there, and no other file is asked */
    write_file(home, "given", "[store]\nmax_size = '1k'\n");
    assert_int_equal(loaded_size(), 1024);
    write_file(home, "given", "[store]\nmax_size = '1q'\n");
    assert_int_equal(storeconf_load(&conf, &err), -MCPD_E_INVALID);
    expected = str_format("configuration file \"%s\": store.max_size: expected a size such as "
                          "\"10G\", or whole bytes",
                          given);
    assert_string_equal(err.message, expected);
    /* What cannot be read is not nothing. */
    assert_int_equal(setenv("MCPD_CONF", home, 1), 0);
    assert_true(storeconf_load(&conf, &err) < 0);
    assert_non_null(strstr(err.message, "is no regular file"));
    if (geteuid() != 0) {
        assert_int_equal(setenv("MCPD_CONF", given, 1), 0);
        assert_int_equal(chmod(given, 0), 0);
        assert_int_equal(storeconf_load(&conf, &err), -MCPD_E_DENIED);
    }
    assert_int_equal(unsetenv("MCPD_CONF"), 0);
    assert_int_equal(fs_remove_tree(AT_FDCWD, home, NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_files),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
