/* test_user.c - users and groups of a container, from texts and from files inside a root. */
#include "base/base_test.h"

#include "runtime/user.h"

static const char passwd[] = "root:x:0:0:root:/root:/bin/sh\n"
                             "app:x:1000:1001::/home/app:/bin/sh\n"
                             "short:x:7:8\n"
                             "nohome:x:9:9:::\n"
                             "relative:x:10:10::home:\n"
                             "twice:x:11:11::/first:\n"
                             "twice:x:12:12::/second:\n";
static const char group[] = "root:x:0:\n"
                            "wheel:x:10:root,app\n"
                            "app:x:1001:\n"
                            "extra:x:44:other,app\n"
                            "appendix:x:45:appp,xapp\n";

static void resolve(const char *spec, struct user *user)
{
    struct mcpd_error err = {0};

    if (user_resolve_texts(passwd, group, spec, NULL, user, &err) < 0)
        fail_msg("%s: %s", spec, err.message);
}

static void assert_user(const char *spec, uid_t uid, gid_t gid, const char *home)
{
    CLEANUP(user_done) struct user user = USER_NONE;

    resolve(spec, &user);
    assert_int_equal(user.uid, uid);
    assert_int_equal(user.gid, gid);
    assert_string_equal(user.home, home);
}

static void assert_refused(const char *passwd_text, const char *spec, const char *text)
{
    CLEANUP(user_done) struct user user = USER_NONE;
    struct mcpd_error err = {0};
    int rc = user_resolve_texts(passwd_text, group, spec, NULL, &user, &err);

    assert_error(rc, err, MCPD_E_USER_NOT_FOUND, text);
}

static void assert_line(const char *passwd_text, const char *spec, const char *expected)
{
    CLEANUP_FREE char *text = NULL;
    struct mcpd_error err = {0};

    if (user_passwd_texts_with(passwd_text, group, spec, &text, &err) < 0)
        fail_msg("%s: %s", spec, err.message);
    if (expected)
        assert_string_equal(text, expected);
    else
        assert_null(text);
}

static void test_line_for_a_number(void **state)
{
    static const char *const known[] = {"", "0", "root", "app", "1000", "1000:44", ":5", "9"};

    for (size_t i = 0; i < ARRAY_SIZE(known); i++)
        assert_line(passwd, known[i], NULL);
    assert_line("", "5555", "5555:*:5555:0:container user:/:/bin/sh\n");
    assert_line("a:x:1:1:::\n", "5555:wheel",
                "a:x:1:1:::\n5555:*:5555:10:container user:/:/bin/sh\n");
    assert_line("no end", "5:6", "no end\n5:*:5:6:container user:/:/bin/sh\n");
    assert_line("", "99999999999", NULL); /* refused elsewhere */
}

static void test_names_and_numbers(void **state)
{
    assert_user("", 0, 0, "/root");
    assert_user("root", 0, 0, "/root");
    assert_user("0", 0, 0, "/root");
    assert_user("app", 1000, 1001, "/home/app");
    assert_user("1000", 1000, 1001, "/home/app");
    assert_user("app:44", 1000, 44, "/home/app");
    assert_user("app:wheel", 1000, 10, "/home/app");
    assert_user("1234", 1234, 0, "/");
    assert_user("1234:5678", 1234, 5678, "/");
    assert_user(":10", 0, 10, "/root");
    assert_user("app:", 1000, 1001, "/home/app");
    assert_user("2147483647", 2147483647, 0, "/");
}

static void test_odd_homes(void **state)
{
    assert_user("short", 7, 8, "/");
    assert_user("nohome", 9, 9, "/");
    assert_user("relative", 10, 10, "/");
    assert_user("twice", 11, 11, "/first");
}

static void test_no_files(void **state)
{
    CLEANUP(user_done) struct user user = USER_NONE;

    assert_int_equal(user_resolve_texts("", "", "", NULL, &user, NULL), 0);
    assert_int_equal(user.uid, 0);
    assert_string_equal(user.home, "/root");
    assert_int_equal(user.group_count, 0);
}

static void test_unknown(void **state)
{
    assert_refused(passwd, "nobodyhere",
                   "unable to find user nobodyhere: no matching entries in passwd file");
    assert_refused(passwd, "app:nogroup",
                   "unable to find group nogroup: no matching entries in group file");
    assert_refused(passwd, "-1", "unable to find user -1: no matching entries in passwd file");
    assert_refused(passwd, "+5", "unable to find user +5: no matching entries in passwd file");
    assert_refused(passwd, "2147483648", "uids and gids must be in range 0-2147483647");
    assert_refused(passwd, "99999999999999999999", "uids and gids must be in range 0-2147483647");
    assert_refused(passwd, "app:4294967296", "uids and gids must be in range 0-2147483647");
}

/* A line that makes no sense is no user, and never number 0. */
static void test_malformed_lines(void **state)
{
    static const char *const lines[] = {
        "bad",
        "bad:x",
        "bad:x:5",
        "bad:x::",
        "bad:x:5:",
        "bad:x::5",
        "bad:x:five:5",
        "bad:x:5:five",
        "bad:x:-1:5",
        "bad:x: 5:5",
        "bad:x:5 :5",
        "bad:x:0x5:5",
        "bad:x:4294967296:5",
        "bad:x:5:99999999999",
        ":x:5:5::/:",
        "\nbad \n",
        "#bad:x:5:5::/:",
    };

    for (size_t i = 0; i < ARRAY_SIZE(lines); i++)
        assert_refused(lines[i], "bad",
                       "unable to find user bad: no matching entries in passwd file");
}

static void test_line_after_a_malformed_one(void **state)
{
    CLEANUP(user_done) struct user user = USER_NONE;

    assert_int_equal(
        user_resolve_texts("app:x:x:x\napp:x:5:6::/a:/bin/sh", "", "app", NULL, &user, NULL), 0);
    assert_int_equal(user.uid, 5);
    assert_int_equal(user.gid, 6);
}

static void assert_groups(const char *spec, char *const *group_add, const gid_t *wanted,
                          size_t count)
{
    CLEANUP(user_done) struct user user = USER_NONE;

    assert_int_equal(user_resolve_texts(passwd, group, spec, group_add, &user, NULL), 0);
    assert_int_equal(user.group_count, count);
    if (count > 0)
        assert_memory_equal(user.groups, wanted, count * sizeof(*wanted));
}

static void test_supplementary_groups(void **state)
{
    char extra[] = "extra";
    char number[] = "77";
    char *added[] = {extra, number, extra, NULL};

    assert_groups("", NULL, (gid_t[]){10}, 1);
    assert_groups("root", NULL, (gid_t[]){10, 0}, 2);
    assert_groups("app", NULL, (gid_t[]){10, 44, 1001}, 3);
    assert_groups("app:app", NULL, (gid_t[]){1001}, 1);
    assert_groups("1234", NULL, (gid_t[]){0}, 1);
    assert_groups("", added, (gid_t[]){10, 44, 77}, 3);
    assert_groups("app:app", added, (gid_t[]){44, 77, 1001}, 3);
}

static void test_unknown_group_to_add(void **state)
{
    CLEANUP(user_done) struct user user = USER_NONE;
    struct mcpd_error err = {0};
    char name[] = "nope";
    char *added[] = {name, NULL};
    int rc = user_resolve_texts(passwd, group, "", added, &user, &err);

    assert_error(rc, err, MCPD_E_USER_NOT_FOUND,
                 "unable to find group nope: no matching entries in group file");
}

static int put_group(char *text, int number)
{
    return snprintf(text, 24, "g%d:x:%d:app\n", number, number + 2);
}

static void test_many_groups(void **state)
{
    CLEANUP(user_done) struct user user = USER_NONE;
    CLEANUP_FREE char *text = malloc(70000 * 24);
    size_t length = 0;
    struct mcpd_error err = {0};
    int rc;

    for (int i = 0; i < 1000; i++)
        length += (size_t)put_group(text + length, i);
    assert_int_equal(user_resolve_texts("app:x:1:1::/:", text, "app:", NULL, &user, &err), 0);
    assert_int_equal(user.group_count, 1001);
    user_done(&user);
    for (int i = 1000; i < 70000; i++)
        length += (size_t)put_group(text + length, i);
    rc = user_resolve_texts("app:x:1:1::/:", text, "app", NULL, &user, &err);
    assert_code(rc, MCPD_E_LIMIT);
}

static void test_from_files_in_a_root(void **state)
{
    struct test_dir *dir = *state;
    CLEANUP(user_done) struct user user = USER_NONE;

    assert_int_equal(mkdirat(dir->fd, "etc", 0755), 0);
    assert_int_equal(symlinkat("/etc/real", dir->fd, "etc/passwd"), 0);
    put_file(dir->fd, "etc/real", "inside:x:5:6::/in:\n");
    assert_int_equal(user_resolve(dir->fd, "inside", NULL, &user, NULL), 0);
    assert_int_equal(user.uid, 5);
}

/* A pipe would wait for ever, a link out of the root would show the host's users. */
static void test_hostile_files(void **state)
{
    struct test_dir *dir = *state;
    CLEANUP(user_done) struct user user = USER_NONE;
    struct mcpd_error err = {0};

    assert_int_equal(mkdirat(dir->fd, "etc", 0755), 0);
    assert_int_equal(mkfifoat(dir->fd, "etc/passwd", 0644), 0);
    assert_int_equal(symlinkat("/../../../../../../etc/group", dir->fd, "etc/group"), 0);
    assert_int_equal(user_resolve(dir->fd, "7:8", NULL, &user, NULL), 0);
    assert_int_equal(user.uid, 7);
    user_done(&user);
    assert_code(user_resolve(dir->fd, "root", NULL, &user, &err), MCPD_E_USER_NOT_FOUND);
    assert_code(user_resolve(dir->fd, "0:root", NULL, &user, &err), MCPD_E_USER_NOT_FOUND);
}

static int become(void *context)
{
    gid_t groups[] = {10, 44};
    const struct user user = {.uid = 1000, .gid = 1001, .groups = groups, .group_count = 2};
    gid_t found[8];

    CHECK(user_become(&user, false, NULL) == 0);
    CHECK(getuid() == 1000 && geteuid() == 1000 && getgid() == 1001 && getegid() == 1001);
    CHECK(getgroups(8, found) == 2 && found[0] == 10 && found[1] == 44);
    CHECK(setuid(0) < 0);
    return 0;
}

static void test_become(void **state)
{
    if (geteuid() != 0)
        skip();
    run_child(become, NULL, 0);
}

static int become_without_rights(void *context)
{
    const struct user user = {.uid = 5};
    struct mcpd_error err = {0};

    CHECK(user_become(&user, false, &err) < 0 && err.code == MCPD_E_DENIED);
    return 0;
}

static void test_become_without_rights(void **state)
{
    run_child(become_without_rights, NULL, TEST_USER_ID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_line_for_a_number),
        cmocka_unit_test(test_names_and_numbers),
        cmocka_unit_test(test_odd_homes),
        cmocka_unit_test(test_no_files),
        cmocka_unit_test(test_unknown),
        cmocka_unit_test(test_malformed_lines),
        cmocka_unit_test(test_line_after_a_malformed_one),
        cmocka_unit_test(test_supplementary_groups),
        cmocka_unit_test(test_unknown_group_to_add),
        cmocka_unit_test(test_many_groups),
        DIR_TEST(test_from_files_in_a_root),
        DIR_TEST(test_hostile_files),
        cmocka_unit_test(test_become),
        cmocka_unit_test(test_become_without_rights),
    };

    return cmocka_run_group_tests_name("user", tests, NULL, NULL);
}
