/*
 * test_cgroup.c - finding the hierarchies of every layout, and real groups of this host: limits in
 * force, killing, removing, nothing left.
 */
#include "base/base_test.h"

#include <sys/syscall.h>

#include "base/ident.h"
#include "base/proc.h"
#include "base/str.h"
#include "runtime/cgroup.h"
#include "runtime/cgroup_layout.h"

#define SOME_ID "feedbeef00000000000000000000000000000000000000000000000000000001"

/* Ours alone: other runs of this test share the machine. */
static char id[IDENT_SIZE];
static char group_path[CGROUP_PATH_SIZE];

/* --- layouts -------------------------------------------------------------------------------------
 */

static void test_v2(void **state)
{
    struct cgroup_layout layout;

    cgroup_layout_parse("22 27 0:21 / /proc rw,relatime - proc proc rw\n"
                        "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw\n",
                        &layout);
    assert_string_equal(layout.unified, "/sys/fs/cgroup");
    assert_false(layout.has_v1);
    assert_string_equal(layout.v1[CGROUP_CONTROLLER_PIDS], "");
}

static void test_v1_and_hybrid(void **state)
{
    struct cgroup_layout layout;

    cgroup_layout_parse("31 23 0:28 / /sys/fs/cgroup ro - tmpfs tmpfs ro\n"
                        "32 31 0:29 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw,nsdelegate\n"
                        "33 31 0:30 / /sys/fs/cgroup/cpu,cpuacct rw shared:3 master:2 - cgroup "
                        "cgroup rw,cpu,cpuacct\n"
                        "34 31 0:31 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset\n"
                        "35 31 0:32 / /mnt/with\\040blank rw - cgroup cgroup rw,memory\n"
                        "36 31 0:33 / /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids\n"
                        "37 31 0:33 / /again/pids rw - cgroup cgroup rw,pids\n",
                        &layout);
    assert_string_equal(layout.unified, "/sys/fs/cgroup/unified");
    assert_true(layout.has_v1);
    assert_string_equal(layout.v1[CGROUP_CONTROLLER_CPU], "/sys/fs/cgroup/cpu,cpuacct");
    assert_string_equal(layout.v1[CGROUP_CONTROLLER_MEMORY], "/mnt/with blank");
    assert_string_equal(layout.v1[CGROUP_CONTROLLER_PIDS], "/sys/fs/cgroup/pids");
}

static void test_odd_lines(void **state)
{
    static const char *const texts[] = {
        "",
        "\n\n",
        "31",
        "- - - -\n",
        " - ",
        "a b c d e - ",
        "1 2 3 4 5 6 - cgroup",
        "1 2 3 4 \\04 6 - cgroup2 x rw\n",
    };

    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        struct cgroup_layout layout;

        cgroup_layout_parse(texts[i], &layout);
        assert_string_equal(layout.v1[CGROUP_CONTROLLER_PIDS], "");
    }
}

static void test_path_that_is_too_long(void **state)
{
    CLEANUP_FREE char *path = malloc(400);
    CLEANUP_FREE char *line = NULL;
    struct cgroup_layout layout;

    memset(path, 'x', 399);
    path[0] = '/';
    path[399] = '\0';
    line = str_format("1 2 0:3 / %s rw - cgroup2 cgroup2 rw\n", path);
    cgroup_layout_parse(line, &layout);
    assert_string_equal(layout.unified, "");
}

static void test_own_group(void **state)
{
    char path[CGROUP_PATH_SIZE];

    assert_true(cgroup_layout_find_own("8:pids:/a\n0::/user.slice/x.scope\n", path));
    assert_string_equal(path, "/user.slice/x.scope");
    assert_true(cgroup_layout_find_own("0::/", path));
    assert_string_equal(path, "/");
    assert_false(cgroup_layout_find_own("8:pids:/a\n1:name=systemd:/b\n", path));
    assert_false(cgroup_layout_find_own("0::\n", path));
}

/* --- real groups
 * ------------------------------------------------------------------------------------ */

static struct cgroup_layout host;

static int load_host(void **state)
{
    int rc = ident_generate(id, NULL);

    (void)snprintf(group_path, sizeof(group_path), "/mcpd/%s", id);
    return rc < 0 ? rc : cgroup_layout_load(&host, NULL);
}

/* Root's, with this controller in v1; what these machines have. */
#define NEEDS_V1(controller)                                    \
    do {                                                        \
        if (geteuid() != 0 || host.v1[controller][0] == '\0') { \
            print_message("root and cgroup v1 only\n");         \
            skip();                                             \
        }                                                       \
    } while (0)

static void create(const struct plan_limits *limits, struct cgroup *cgroup)
{
    struct mcpd_error err = {0};

    if (cgroup_create(group_path, limits, cgroup, &err) < 0)
        fail_msg("%s", err.message);
}

static void assert_content(int dir_fd, const char *file, const char *wanted)
{
    CLEANUP_FREE char *text = NULL;

    assert_int_equal(fs_read_file(dir_fd, file, 4096, &text, NULL, NULL), 0);
    assert_string_equal(text, wanted);
}

static bool is_left(void)
{
    const char *places[] = {host.unified, host.v1[0], host.v1[1], host.v1[2]};
    bool found = false;

    for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
        CLEANUP_FREE char *path = str_format("%s%s", places[i], group_path);

        found = found || (places[i][0] != '\0' && access(path, F_OK) == 0);
    }
    return found;
}

static void test_limits(void **state)
{
    const struct plan_limits limits = {.memory_bytes = (64 << 20) + 123,
                                       .cpu_quota_us = 50000,
                                       .cpu_period_us = 100000,
                                       .pids_max = 33};
    struct cgroup cgroup = CGROUP_NONE;

    NEEDS_V1(CGROUP_CONTROLLER_MEMORY);
    create(&limits, &cgroup);
    assert_string_equal(cgroup.path, group_path);
    assert_int_equal(cgroup.v1_count, 3);
    assert_string_equal(cgroup.v1[0].controller, "pids");
    assert_content(cgroup.v1[0].dir_fd, "pids.max", "33\n");
    assert_string_equal(cgroup.v1[1].controller, "memory");
    assert_content(cgroup.v1[1].dir_fd, "memory.limit_in_bytes", "67108864\n");
    assert_string_equal(cgroup.v1[2].controller, "cpu");
    assert_content(cgroup.v1[2].dir_fd, "cpu.cfs_quota_us", "50000\n");
    assert_false(cgroup_had_oom_kill(&cgroup));
    assert_int_equal(cgroup_remove(&cgroup, NULL), 0);
    assert_false(is_left());
    assert_string_equal(cgroup.path, "");
}

/* A process that sleeps in the group; with or without the kernel's help to be born there. */
static pid_t sleep_in(const struct cgroup *cgroup)
{
    pid_t pid = fork();

    if (pid == 0) {
        if (cgroup_enter_self(cgroup, false, NULL) < 0)
            _exit(1);
        (void)pause();
        _exit(0);
    }
    return pid;
}

static bool is_member(int dir_fd, pid_t pid)
{
    CLEANUP_FREE char *text = NULL;
    CLEANUP_FREE char *number = str_format("%d\n", (int)pid);

    assert_int_equal(fs_read_file(dir_fd, "cgroup.procs", 65536, &text, NULL, NULL), 0);
    return strstr(text, number) != NULL;
}

static void wait_for_member(int dir_fd, pid_t pid)
{
    for (int i = 0; i < 500 && !is_member(dir_fd, pid); i++)
        usleep(10000);
    assert_true(is_member(dir_fd, pid));
}

/* Root's, on a host with v2 alone. */
static bool is_v2_host(void)
{
    return geteuid() == 0 && host.unified[0] != '\0' && !host.has_v1;
}

static void test_limits_v2(void **state)
{
    const struct plan_limits limits = {.memory_bytes = (64 << 20) + 123,
                                       .cpu_quota_us = 50000,
                                       .cpu_period_us = 100000,
                                       .pids_max = 33};
    struct cgroup cgroup = CGROUP_NONE;

    if (!is_v2_host()) {
        print_message("root and cgroup v2 only\n");
        skip();
    }
    create(&limits, &cgroup);
    assert_string_equal(cgroup.path, group_path);
    assert_int_equal(cgroup.v1_count, 0);
    assert_content(cgroup.unified_fd, "pids.max", "33\n");
    assert_content(cgroup.unified_fd, "memory.max", "67108864\n");
    assert_content(cgroup.unified_fd, "cpu.max", "50000 100000\n");
    assert_false(cgroup_had_oom_kill(&cgroup));
    assert_int_equal(cgroup_remove(&cgroup, NULL), 0);
    assert_false(is_left());
}

static void test_enter_and_kill_v2(void **state)
{
    const struct plan_limits none = {0};
    struct cgroup cgroup = CGROUP_NONE;
    int status;
    pid_t pid;

    if (!is_v2_host()) {
        print_message("root and cgroup v2 only\n");
        skip();
    }
    create(&none, &cgroup);
    pid = sleep_in(&cgroup);
    wait_for_member(cgroup.unified_fd, pid);
    assert_int_equal(mkdirat(cgroup.unified_fd, "made-inside", 0755), 0);
    assert_int_equal(cgroup_destroy_path(group_path, NULL), 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    cgroup_close(&cgroup);
    assert_false(is_left());
}

static void test_only_what_is_needed(void **state)
{
    const struct plan_limits none = {0};
    struct cgroup cgroup = CGROUP_NONE;

    NEEDS_V1(CGROUP_CONTROLLER_PIDS);
    create(&none, &cgroup);
    assert_int_equal(cgroup.v1_count, 0);
    assert_int_equal(cgroup_remove(&cgroup, NULL), 0);
}

static void test_enter_and_kill(void **state)
{
    const struct plan_limits limits = {.pids_max = 10};
    struct cgroup cgroup = CGROUP_NONE;
    struct cgroup again = CGROUP_NONE;
    int status;
    pid_t pid;

    NEEDS_V1(CGROUP_CONTROLLER_PIDS);
    create(&limits, &cgroup);
    pid = sleep_in(&cgroup);
    wait_for_member(cgroup.v1[0].dir_fd, pid);
    if (cgroup.unified_fd >= 0)
        wait_for_member(cgroup.unified_fd, pid);
    assert_int_equal(cgroup_open(cgroup.path, &again, NULL), 0);
    assert_int_equal(again.v1_count, 1);
    assert_int_equal(cgroup_kill_all(&again, NULL), 0);
    cgroup_close(&again);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    assert_int_equal(cgroup_remove(&cgroup, NULL), 0);
    assert_false(is_left());
}

/* One by one, as without cgroup.kill; the child reaps in the background. */
static int kill_without_unified(void *context)
{
    struct cgroup *cgroup = context;
    struct cgroup v1_only = *cgroup;
    pid_t pids[3];

    v1_only.unified_fd = -1;
    for (int i = 0; i < 3; i++)
        pids[i] = sleep_in(&v1_only);
    for (int i = 0; i < 3; i++)
        wait_for_member(v1_only.v1[0].dir_fd, pids[i]);
    (void)signal(SIGCHLD, SIG_IGN);
    CHECK(cgroup_kill_all(&v1_only, NULL) == 0);
    return 0;
}

static int kill_without_pidfds(void *context)
{
    CHECK(refuse_call(SYS_pidfd_open, ENOSYS));
    return kill_without_unified(context);
}

static void test_kill_one_by_one(void **state)
{
    const struct plan_limits limits = {.pids_max = 10};
    struct cgroup cgroup = CGROUP_NONE;

    NEEDS_V1(CGROUP_CONTROLLER_PIDS);
    create(&limits, &cgroup);
    run_child(kill_without_unified, &cgroup, 0);
    run_child(kill_without_pidfds, &cgroup, 0);
    assert_int_equal(cgroup_remove(&cgroup, NULL), 0);
}

static void test_destroy_after_a_crash(void **state)
{
    const struct plan_limits limits = {.pids_max = 10};
    struct cgroup cgroup = CGROUP_NONE;
    char path[CGROUP_PATH_SIZE];
    int status;
    pid_t pid;

    NEEDS_V1(CGROUP_CONTROLLER_PIDS);
    create(&limits, &cgroup);
    memcpy(path, cgroup.path, sizeof(path));
    pid = sleep_in(&cgroup);
    wait_for_member(cgroup.v1[0].dir_fd, pid);
    assert_int_equal(mkdirat(cgroup.v1[0].dir_fd, "made-inside", 0755), 0);
    cgroup_close(&cgroup);
    assert_int_equal(cgroup_destroy_path(path, NULL), 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_false(is_left());
    assert_int_equal(cgroup_destroy_path(path, NULL), 0); /* once more is success */
    assert_int_equal(cgroup_destroy_path("", NULL), 0);
}

/* run.json may say anything: only what is ours is touched. */
static void test_foreign_paths(void **state)
{
    static const char *const paths[] = {
        "/",
        "/system.slice",
        "mcpd/" SOME_ID,
        "/mcpd",
        "/mcpd/",
        "/mcpd/name",
        "/mcpd/../" SOME_ID "/mcpd",
        "/x/../mcpd/" SOME_ID,
        "/xmcpd/" SOME_ID,
        "/mcpd/" SOME_ID "/x",
    };

    for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
        struct cgroup cgroup = CGROUP_NONE;

        assert_code(cgroup_destroy_path(paths[i], NULL), MCPD_E_INVALID);
        assert_code(cgroup_open(paths[i], &cgroup, NULL), MCPD_E_INVALID);
    }
}

static void test_leftover_of_the_same_id(void **state)
{
    const struct plan_limits limits = {.pids_max = 10};
    struct cgroup first = CGROUP_NONE;
    struct cgroup second = CGROUP_NONE;
    struct mcpd_error err = {0};
    int status;
    pid_t pid;

    NEEDS_V1(CGROUP_CONTROLLER_PIDS);
    create(&limits, &first);
    cgroup_close(&first);
    create(&limits, &second); /* empty: taken away and made anew */
    pid = sleep_in(&second);
    wait_for_member(second.v1[0].dir_fd, pid);
    assert_true(cgroup_create(group_path, &limits, &first, &err) < 0); /* in use */
    assert_int_equal(cgroup_kill_all(&second, NULL), 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(cgroup_remove(&second, NULL), 0);
    assert_false(is_left());
}

static int refuse_to_user(void *context)
{
    const struct plan_limits none = {0};
    const struct plan_limits by_default = {.pids_max = 2048, .pids_is_default = true};
    const struct plan_limits asked[] = {{.pids_max = 10},
                                        {.memory_bytes = 1 << 20},
                                        {.cpu_quota_us = 1000, .cpu_period_us = 100000}};
    const struct plan_limits all = {
        .pids_max = 10, .memory_bytes = 1 << 20, .cpu_quota_us = 1000, .cpu_period_us = 100000};
    const struct plan_limits two = {.pids_max = 2048,
                                    .pids_is_default = true,
                                    .memory_bytes = 1 << 20,
                                    .cpu_quota_us = 1000,
                                    .cpu_period_us = 100000};
    struct cgroup cgroup = CGROUP_NONE;
    struct mcpd_error err = {0};
    char path[CGROUP_PATH_SIZE];

    CHECK(cgroup_choose_path(id, path, &err) == 0 && path[0] == '\0');
    CHECK(cgroup_create(path, &none, &cgroup, &err) == 0 && cgroup.path[0] == '\0');
    CHECK(cgroup_create(path, &by_default, &cgroup, &err) == 0 && cgroup.path[0] == '\0');
    CHECK(cgroup_enter_self(&cgroup, false, &err) == 0);
    CHECK(cgroup_kill_all(&cgroup, &err) == 0);
    for (size_t i = 0; i < ARRAY_SIZE(asked); i++) {
        CHECK(cgroup_create(path, &asked[i], &cgroup, &err) == -MCPD_E_UNSUPPORTED);
        CHECK(strstr(err.message, "limit cannot be enforced: no cgroup is delegated") != NULL);
    }
    CHECK(cgroup_create(path, &all, &cgroup, &err) == -MCPD_E_UNSUPPORTED);
    CHECK(strcmp(err.message, "the pids, memory and cpu limits cannot be enforced: no cgroup is "
                              "delegated to this user; leave --pids-limit, --memory and --cpus "
                              "out, or run as root") == 0);
    CHECK(cgroup_create(path, &two, &cgroup, &err) == -MCPD_E_UNSUPPORTED);
    CHECK(strcmp(err.message, "the memory and cpu limits cannot be enforced: no cgroup is "
                              "delegated to this user; leave --memory and --cpus out, or run as "
                              "root") == 0);
    return 0;
}

/* The place is known before anything is made. */
static void test_path_of_root(void **state)
{
    char path[CGROUP_PATH_SIZE];

    if (geteuid() != 0)
        skip();
    assert_int_equal(cgroup_choose_path(id, path, NULL), 0);
    assert_string_equal(path, group_path);
    assert_false(is_left());
}

static void test_user(void **state)
{
    run_child(refuse_to_user, NULL, TEST_USER_ID);
}

static void test_version_name(void **state)
{
    const char *name = cgroup_version_name();

    assert_true(str_equal(name, "v1") || str_equal(name, "v2") || str_equal(name, ""));
    if (host.has_v1)
        assert_string_equal(name, "v1");
    else if (host.unified[0] != '\0')
        assert_string_equal(name, "v2");
}

static void test_controllers(void **state)
{
    CLEANUP_STRV char **names = NULL;

    assert_int_equal(cgroup_list_controllers(&names, NULL), 0);
    for (int i = 0; i < CGROUP_CONTROLLER_COUNT; i++)
        if (geteuid() == 0 && host.v1[i][0] != '\0')
            assert_true(strv_contains(names, cgroup_controller_name((enum cgroup_controller)i)));
    for (size_t i = 0; names && names[i]; i++)
        assert_true(names[i][0] != '\0' && !strpbrk(names[i], " \n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_v2),
        cmocka_unit_test(test_v1_and_hybrid),
        cmocka_unit_test(test_odd_lines),
        cmocka_unit_test(test_path_that_is_too_long),
        cmocka_unit_test(test_own_group),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_limits_v2),
        cmocka_unit_test(test_enter_and_kill_v2),
        cmocka_unit_test(test_only_what_is_needed),
        cmocka_unit_test(test_enter_and_kill),
        cmocka_unit_test(test_kill_one_by_one),
        cmocka_unit_test(test_destroy_after_a_crash),
        cmocka_unit_test(test_foreign_paths),
        cmocka_unit_test(test_leftover_of_the_same_id),
        cmocka_unit_test(test_path_of_root),
        cmocka_unit_test(test_user),
        cmocka_unit_test(test_version_name),
        cmocka_unit_test(test_controllers),
    };

    return cmocka_run_group_tests_name("cgroup", tests, load_host, NULL);
}
