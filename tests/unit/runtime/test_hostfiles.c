/* test_hostfiles.c - hosts, hostname and resolv.conf of a container. */
#include "base/base_test.h"

#include "runtime/hostfiles.h"

static char hostname[] = "box";
static char name[] = "web";
static char first[] = "db:192.0.2.7";
static char second[] = "six:2001:db8::1";
static char *added[] = {first, second, NULL};

static void assert_hosts(const struct plan *plan, const char *host_hosts, const char *wanted)
{
    CLEANUP_FREE char *text = hostfiles_format_hosts(plan, host_hosts);

    assert_string_equal(text, wanted);
}

static void test_hosts(void **state)
{
    struct plan plan = {.hostname = hostname, .name = name, .network = PLAN_NETWORK_NONE};

    assert_hosts(&plan, "127.0.0.1 localhost\n# comment\n\n  \n10.0.0.1\thost # me\r\n",
                 "127.0.0.1 localhost\n10.0.0.1\thost\n127.0.0.1\tbox web\n");
    plan.add_hosts = added;
    assert_hosts(&plan, "127.0.0.1 localhost",
                 "192.0.2.7\tdb\n2001:db8::1\tsix\n127.0.0.1 localhost\n127.0.0.1\tbox web\n");
    plan.name = hostname;
    plan.add_hosts = NULL;
    assert_hosts(&plan, "127.0.0.1 localhost\n", "127.0.0.1 localhost\n127.0.0.1\tbox\n");
    plan.network = PLAN_NETWORK_HOST;
    assert_hosts(&plan, "127.0.0.1 localhost\n", "127.0.0.1 localhost\n");
}

static void test_host_without_hosts(void **state)
{
    struct plan plan = {.hostname = hostname, .network = PLAN_NETWORK_HOST};
    static const char lines[] = "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n";

    assert_hosts(&plan, NULL, lines);
    assert_hosts(&plan, "", lines);
}

static void assert_content(int dir_fd, const char *path, const char *wanted)
{
    CLEANUP_FREE char *text = NULL;
    struct stat st;

    assert_int_equal(fs_read_file(dir_fd, path, 1 << 20, &text, NULL, NULL), 0);
    if (wanted)
        assert_string_equal(text, wanted);
    assert_int_equal(fstatat(dir_fd, path, &st, 0), 0);
    assert_int_equal(st.st_mode & 07777, 0644);
}

static void test_files(void **state)
{
    struct test_dir *dir = *state;
    struct plan plan = {.hostname = hostname, .name = name};
    mode_t before = umask(077);

    put_file(dir->fd, "hostname", "something longer from the last start");
    assert_int_equal(hostfiles_write(&plan, dir->fd, NULL), 0);
    assert_int_equal(hostfiles_write(&plan, dir->fd, NULL), 0);
    umask(before);
    assert_content(dir->fd, "hostname", "box\n");
    assert_content(dir->fd, "hosts", NULL);
    assert_content(dir->fd, "resolv.conf", NULL);
}

/* The container may write to these files, but never decides where we do. */
static void test_link_in_the_way(void **state)
{
    struct test_dir *dir = *state;
    struct plan plan = {.hostname = hostname};
    struct mcpd_error err = {0};

    put_file(dir->fd, "target", "untouched");
    assert_int_equal(symlinkat("target", dir->fd, "hosts"), 0);
    assert_true(hostfiles_write(&plan, dir->fd, &err) < 0);
    assert_content(dir->fd, "target", "untouched");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hosts),
        cmocka_unit_test(test_host_without_hosts),
        DIR_TEST(test_files),
        DIR_TEST(test_link_in_the_way),
    };

    return cmocka_run_group_tests_name("hostfiles", tests, NULL, NULL);
}
