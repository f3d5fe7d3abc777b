/* test_registriesconf.c - what a name means and who has it, by the files of podman. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "oci/registriesconf.h"

#include "base/fsutil.h"
#include "base/str.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

static void add(struct registriesconf *conf, const char *text, const char *path)
{
    struct mcpd_error err = {0};

    if (registriesconf_add(conf, text, strlen(text), path, &err) < 0)
        fail_msg("%s", err.message);
}

static void refuses(const char *text, const char *expected)
{
    CLEANUP_REGISTRIESCONF struct registriesconf conf = {0};
    CLEANUP_FREE char *full = str_format("loading registries configuration \"f\": %s", expected);
    struct mcpd_error err = {0};

    assert_true(registriesconf_add(&conf, text, strlen(text), "f", &err) < 0);
    assert_string_equal(err.message, full);
}

/* The names in order, with blanks between them. */
static void means(const struct registriesconf *conf, const char *text, const char *expected,
                  const char *line)
{
    CLEANUP_REGISTRIESCONF_NAMES struct registriesconf_names names = {0};
    struct mcpd_error err = {0};
    char all[2000] = "";

    if (registriesconf_names(conf, text, &names, &err) < 0)
        fail_msg("%s: %s", text, err.message);
    for (size_t i = 0; i < names.count; i++) {
        size_t used = strlen(all);

        if (i > 0)
            all[used++] = ' ';
        reference_format(&names.list[i], all + used, sizeof(all) - used);
    }
    assert_string_equal(all, expected);
    assert_string_equal(names.line, line);
}

static void leads_nowhere(const struct registriesconf *conf, const char *text, const char *expected)
{
    struct registriesconf_names names = {0};
    struct mcpd_error err = {0};

    assert_int_equal(registriesconf_names(conf, text, &names, &err), -MCPD_E_INVALID);
    assert_string_equal(err.message, expected);
    assert_null(names.list);
}

static void test_no_file(void **state)
{
    const struct registriesconf conf = {0};

    means(&conf, "alpine", "docker.io/library/alpine:latest", "");
    means(&conf, "user/app:2", "docker.io/user/app:2", "");
    means(&conf, "h.io/x", "h.io/x:latest", "");
    leads_nowhere(&conf, "Alpine", "repository name must be lowercase");
    leads_nowhere(&conf, "", "invalid reference format: it is empty");
}

static void test_aliases(void **state)
{
    CLEANUP_REGISTRIESCONF struct registriesconf conf = {0};
    const char *digest = "@sha256:0123456789012345678901234567890123456789012345678901234567890123";
    CLEANUP_FREE char *text = str_format("zork:1%s", digest);
    CLEANUP_FREE char *expected = str_format("h.io/a/zork:1%s", digest);

    add(&conf, "[aliases]\n\"zork\" = \"h.io/a/zork\"\n'a/b'='h.io:5000/ab'\nx='h.io/x'", "one");
    add(&conf, "[aliases]\nx = ''\nzork2='q.io/z'\n'a/b'='q.io/ab'", "two");
    means(&conf, "zork", "h.io/a/zork:latest", "Resolved \"zork\" as an alias (one)");
    means(&conf, "zork:3", "h.io/a/zork:3", "Resolved \"zork\" as an alias (one)");
    means(&conf, text, expected, "Resolved \"zork\" as an alias (one)");
    means(&conf, "a/b:2", "q.io/ab:2", "Resolved \"a/b\" as an alias (two)");
    means(&conf, "x", "docker.io/library/x:latest", "");
    means(&conf, "zor", "docker.io/library/zor:latest", "");
    means(&conf, "docker.io/zork", "docker.io/library/zork:latest", "");
    add(&conf, "short-name-mode = 'disabled'", "three");
    means(&conf, "zork", "docker.io/library/zork:latest", "");
    refuses("[aliases]\nzork='zork'", "validating short-name aliases: invalid alias \"zork\": must "
                                      "contain registry and repository");
    refuses("[aliases]\nzork='h.io/zork:1'", "validating short-name aliases: invalid alias "
                                             "\"h.io/zork:1\": must not contain tag or digest");
    refuses("[aliases]\n'h.io/x'='h.io/y'",
            "validating short-name aliases: invalid alias name \"h.io/x\"");
    refuses("[aliases]\n'x:1'='h.io/y'",
            "validating short-name aliases: invalid alias name \"x:1\"");
    refuses("[aliases]\nx=1", "aliases.x: expected a string");
}

static void test_search(void **state)
{
    CLEANUP_REGISTRIESCONF struct registriesconf conf = {0};

    add(&conf, "unqualified-search-registries = ['a.io', 'docker.io', '127.0.0.1:5000/']", "one");
    means(&conf, "zork:2", "a.io/zork:2 docker.io/library/zork:2 127.0.0.1:5000/zork:2",
          "Resolving \"zork\" using unqualified-search registries (one)");
    add(&conf, "short-name-mode = 'enforcing'", "two");
    leads_nowhere(&conf, "zork", "short-name resolution enforced but cannot prompt without a TTY");
    add(&conf, "unqualified-search-registries = ['b.io']", "three");
    means(&conf, "zork", "b.io/zork:latest",
          "Resolving \"zork\" using unqualified-search registries (three)");
    add(&conf, "unqualified-search-registries = []", "four");
    conf.path = strdup("/etc/containers/registries.conf");
    leads_nowhere(&conf, "zork:2",
                  "short-name \"zork\" did not resolve to an alias and no unqualified-search "
                  "registries are defined in \"/etc/containers/registries.conf\"");
    refuses("unqualified-search-registries = 'x'",
            "registries.unqualified-search-registries: expected an array");
    refuses("unqualified-search-registries = ['http://x']",
            "invalid location 'http://x': URI schemes are not supported");
    refuses("short-name-mode = 'maybe'", "invalid short-name mode: \"maybe\"");
}

/* The sources in order: "+" before an insecure one. */
static void comes_from(const struct registriesconf *conf, const char *name, const char *expected)
{
    CLEANUP_REGISTRIESCONF_SOURCES struct registriesconf_sources sources = {0};
    struct reference reference;
    struct mcpd_error err = {0};
    char all[2000] = "";

    assert_int_equal(reference_parse(name, &reference, NULL), 0);
    if (registriesconf_sources(conf, &reference, &sources, &err) < 0)
        fail_msg("%s", err.message);
    for (size_t i = 0; i < sources.count; i++) {
        size_t used = strlen(all);

        if (i > 0)
            all[used++] = ' ';
        if (sources.list[i].is_insecure)
            all[used++] = '+';
        reference_format(&sources.list[i].reference, all + used, sizeof(all) - used);
        assert_int_equal(sources.list[i].is_mirror, i + 1 < sources.count);
    }
    assert_string_equal(all, expected);
}

static void test_registries(void **state)
{
    CLEANUP_REGISTRIESCONF struct registriesconf conf = {0};
    struct registriesconf_sources sources = {0};
    struct reference reference;
    struct mcpd_error err = {0};

    comes_from(&conf, "alpine", "docker.io/library/alpine:latest");
    add(&conf,
        "[[registry]]\nlocation = 'a.io'\ninsecure = true\n"
        "[[registry]]\nprefix = 'a.io/sub'\nlocation = 'b.io:5000/other'\n"
        "[[registry]]\nprefix = '*.c.io'\nblocked = true\n"
        "[[registry]]\nprefix = 'docker.io'\nlocation = 'docker.io'\n"
        "[[registry.mirror]]\nlocation = 'm1.io/hub'\n"
        "[[registry.mirror]]\nlocation = '127.0.0.1:5000'\ninsecure = true\n",
        "f");
    comes_from(&conf, "a.io/x:1", "+a.io/x:1");
    comes_from(&conf, "a.io/sub/x:1", "b.io:5000/other/x:1");
    comes_from(&conf, "a.io/sub:1", "b.io:5000/other:1");
    comes_from(&conf, "a.io/subway:1", "+a.io/subway:1");
    comes_from(&conf, "a.io:5000/x", "+a.io:5000/x:latest");
    comes_from(&conf, "a.iox/x", "a.iox/x:latest");
    comes_from(&conf, "alpine",
               "m1.io/hub/library/alpine:latest +127.0.0.1:5000/library/alpine:latest "
               "docker.io/library/alpine:latest");
    conf.path = strdup("/f");
    conf.dir = strdup("/d");
    assert_int_equal(reference_parse("x.y.c.io/z", &reference, NULL), 0);
    assert_int_equal(registriesconf_sources(&conf, &reference, &sources, &err), -MCPD_E_DENIED);
    assert_string_equal(err.message, "registry *.c.io is blocked in /f or /d");
    comes_from(&conf, "c.io/z", "c.io/z:latest");
    /* A later file replaces a registry as a whole. */
    add(&conf, "[[registry]]\nlocation = 'docker.io'", "g");
    comes_from(&conf, "alpine", "docker.io/library/alpine:latest");
}

static void test_mirrors_by_kind(void **state)
{
    CLEANUP_REGISTRIESCONF struct registriesconf conf = {0};
    const char *digest = "h.io/x@sha256:"
                         "0123456789012345678901234567890123456789012345678901234567890123";
    CLEANUP_FREE char *expected =
        str_format("m1.io/%s m3.io/%s %s", digest + 5, digest + 5, digest);

    add(&conf,
        "[[registry]]\nlocation = 'h.io'\n"
        "[[registry.mirror]]\nlocation = 'm1.io'\npull-from-mirror = 'digest-only'\n"
        "[[registry.mirror]]\nlocation = 'm2.io'\npull-from-mirror = 'tag-only'\n"
        "[[registry.mirror]]\nlocation = 'm3.io'\npull-from-mirror = 'all'\n",
        "f");
    comes_from(&conf, "h.io/x:1", "m2.io/x:1 m3.io/x:1 h.io/x:1");
    comes_from(&conf, digest, expected);
    add(&conf,
        "[[registry]]\nlocation='h.io'\nmirror-by-digest-only=true\nmirror=[{location='m.io'}]",
        "g");
    comes_from(&conf, "h.io/x:1", "h.io/x:1");
}

static void test_refused(void **state)
{
    CLEANUP_REGISTRIESCONF struct registriesconf conf = {0};
    CLEANUP_REGISTRIESCONF_SOURCES struct registriesconf_sources sources = {0};
    struct reference reference;

    refuses("x y", "toml: line 1: expected '=' behind a key");
    refuses("[[registry]]\nlocation='http://x'",
            "invalid location 'http://x': URI schemes are not supported");
    refuses("[[registry]]\nblocked=true",
            "invalid condition: location is unset and prefix is not in the format: *.example.com");
    refuses("[[registry]]\nprefix='a*.io'\nlocation='b.io'",
            "invalid prefix 'a*.io': wildcarded prefix should be in the format: *.example.com");
    refuses("[[registry]]\nlocation='a.io'\nblocked='yes'",
            "registry.blocked: expected true or false");
    refuses("[[registry]]\nlocation='a.io'\n[[registry.mirror]]\ninsecure=true",
            "invalid condition: mirror location is unset");
    refuses("[[registry]]\nlocation='a.io'\n[[registry.mirror]]\nlocation='/'",
            "invalid location: cannot be empty");
    refuses("registry=[1]", "registry: expected a table");
    refuses("[[registry]]\nlocation='a.io'\nmirror=['x']", "mirror: expected a table");
    refuses("[[registry]]\nlocation='a.io'\nmirror=[{location='x.io',pull-from-mirror='q'}]",
            "unsupported pull-from-mirror value \"q\"");
    refuses("[registries.search]\nregistries=['x']",
            "the format of version 1 ([registries.search] and the like) is not supported");
    /* A location that makes no name is found out when it is used. */
    add(&conf, "[[registry]]\nprefix='a.io'\nlocation='UPPER.io/X'", "f");
    assert_int_equal(reference_parse("a.io/x", &reference, NULL), 0);
    assert_int_equal(registriesconf_sources(&conf, &reference, &sources, NULL), -MCPD_E_INVALID);
    /* Other keys are somebody else's. */
    add(&conf, "credential-helpers=['x']\nadditional={a=[1]}\n[[registry]]\nlocation='b.io'\nq=1",
        "f");
}

/* ---------------------------------------------------------------- the files */

static void write_file(const char *home, const char *name, const char *text)
{
    CLEANUP_FREE char *dir = str_format("%s/.config/containers/registries.conf.d", home);
    CLEANUP_FREE char *path = str_format("%s/.config/containers/%s", home, name);

    assert_int_equal(fs_make_dirs(AT_FDCWD, dir, 0755, NULL, NULL), 0);
    assert_int_equal(fs_write_file(AT_FDCWD, path, text, strlen(text), 0644, 0, NULL), 0);
}

static void loads(struct registriesconf *conf)
{
    struct mcpd_error err = {0};

    registriesconf_done(conf);
    if (registriesconf_load(conf, &err) < 0)
        fail_msg("%s", err.message);
}

static void test_files(void **state)
{
    CLEANUP_REGISTRIESCONF struct registriesconf conf = {0};
    CLEANUP_FREE char *other = NULL;
    CLEANUP_FREE char *missing = NULL;
    char home[] = "/tmp/mcpd-unit-XXXXXX";
    struct mcpd_error err = {0};

    assert_non_null(mkdtemp(home));
    assert_int_equal(setenv("HOME", home, 1), 0);
    assert_int_equal(unsetenv("CONTAINERS_REGISTRIES_CONF"), 0);
    loads(&conf);
    assert_string_equal(conf.path, "/etc/containers/registries.conf");
    write_file(home, "registries.conf", "unqualified-search-registries=['main.io']\n");
    write_file(home, "registries.conf.d/20.conf", "[aliases]\nmcpd-test='second.io/x'\n");
    write_file(home, "registries.conf.d/10.conf", "[aliases]\nmcpd-test='first.io/x'\n");
    write_file(home, "registries.conf.d/30.not", "not read");
    loads(&conf);
    assert_true(str_has_prefix(conf.path, home));
    assert_string_equal(conf.search[0], "main.io");
    assert_string_equal(conf.aliases[conf.alias_count - 1].value, "second.io/x");
    /* The variable takes the place of the main file. */
    write_file(home, "other", "unqualified-search-registries=['other.io']\n");
    other = str_format("%s/.config/containers/other", home);
    assert_int_equal(setenv("CONTAINERS_REGISTRIES_CONF", other, 1), 0);
    loads(&conf);
    assert_string_equal(conf.path, other);
    assert_string_equal(conf.search[0], "other.io");
    missing = str_format("%s/missing", home);
    assert_int_equal(setenv("CONTAINERS_REGISTRIES_CONF", missing, 1), 0);
    loads(&conf);
    assert_string_equal(conf.path, missing);
    write_file(home, "other", "\nx");
    assert_int_equal(setenv("CONTAINERS_REGISTRIES_CONF", other, 1), 0);
    registriesconf_done(&conf);
    assert_int_equal(registriesconf_load(&conf, &err), -MCPD_E_INVALID);
    assert_non_null(strstr(err.message, "/other\": toml: line 2: expected '=' behind a key"));
    assert_int_equal(unsetenv("CONTAINERS_REGISTRIES_CONF"), 0);
    assert_int_equal(fs_remove_tree(AT_FDCWD, home, NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_file),         cmocka_unit_test(test_aliases),
        cmocka_unit_test(test_search),          cmocka_unit_test(test_registries),
        cmocka_unit_test(test_mirrors_by_kind), cmocka_unit_test(test_refused),
        cmocka_unit_test(test_files),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
