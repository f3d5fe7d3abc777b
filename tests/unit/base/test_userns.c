/*
 * test_userns.c - subuid files of all kinds; work inside a user namespace, by a user without
 * subordinate ids and by one who has some.
 */
#include "base/base_test.h"

#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "base/fdpass.h"
#include "base/proc.h"
#include "base/str.h"
#include "base/userns_internal.h"

static size_t parse(const char *text, struct userns_range ranges[USERNS_MAX_RANGES])
{
    size_t count = 1;

    ranges[0] = (struct userns_range){.outside = 1000, .count = 1};
    userns_parse_ranges(text, "ann", 1000, ranges, &count);
    return count;
}

static void assert_range(const struct userns_range *range, uint32_t inside, uint32_t outside,
                         uint32_t count)
{
    assert_int_equal(range->inside, inside);
    assert_int_equal(range->outside, outside);
    assert_int_equal(range->count, count);
}

static void test_ranges(void **state)
{
    struct userns_range ranges[USERNS_MAX_RANGES];

    assert_int_equal(
        parse("bob:500000:65536\nann:100000:65536\n1000:200000:10\n1001:300000:10", ranges), 3);
    assert_range(&ranges[1], 1, 100000, 65536);
    assert_range(&ranges[2], 65537, 200000, 10);
    assert_int_equal(parse("", ranges), 1);
    assert_int_equal(parse("\n\n\n", ranges), 1);
    assert_int_equal(parse("ann:4294967294:1", ranges), 2); /* the last id there is */
}

static void test_malformed_lines_are_skipped(void **state)
{
    static const char *const bad[] = {
        "ann",
        "ann:",
        "ann:1",
        "ann:100000:",
        "ann::65536",
        "ann:100000:65536:",
        "ann:100000:65536 ",
        " ann:100000:65536",
        "ann:-1:65536",
        "ann:0x10:10",
        "ann:100000:0",
        "ann:100000:1e3",
        "ann:4294967296:1",
        "ann:99999999999999999999:1",
        "ann:4294967295:1",
        "ann:4294967294:2",
        "ann:100000:4294967295",
        "ann:0:65536" /* the host's root */,
        "#ann:100000:65536",
        "anna:100000:65536",
        "an:100000:65536",
        ":100000:65536",
        "ann:100000:65536\r",
        "ann:\xff:1",
        "ann:1000:1" /* the user's own id */,
        "ann:1:4294967293",
    };
    struct userns_range ranges[USERNS_MAX_RANGES];

    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        CLEANUP_FREE char *text = str_format("%s\nann:200000:5\n", bad[i]);

        if (parse(text, ranges) != 2)
            fail_msg("'%s' was taken", bad[i]);
        assert_range(&ranges[1], 1, 200000, 5);
    }
}

static void test_overlaps_are_skipped(void **state)
{
    struct userns_range ranges[USERNS_MAX_RANGES];

    assert_int_equal(parse("ann:100000:10\nann:100000:10\nann:100009:1\nann:99990:11\n"
                           "ann:90000:20000\nann:100010:5\nann:99999:1\n",
                           ranges),
                     4);
    assert_range(&ranges[1], 1, 100000, 10);
    assert_range(&ranges[2], 11, 100010, 5);
    assert_range(&ranges[3], 16, 99999, 1);
    /* All ids there are. */
    assert_int_equal(parse("ann:1001:4294966294\nann:1:999\nann:7:1\n", ranges), 3);
    assert_range(&ranges[2], 4294966295U, 1, 999);
}

static void test_too_many_ranges(void **state)
{
    struct userns_range ranges[USERNS_MAX_RANGES];
    char text[4000] = "";
    size_t length = 0;

    for (int i = 0; i < 100; i++)
        length +=
            (size_t)snprintf(text + length, sizeof(text) - length, "ann:%d:5\n", 100000 + 10 * i);
    assert_int_equal(parse(text, ranges), USERNS_MAX_RANGES);
    assert_range(&ranges[USERNS_MAX_RANGES - 1], 1 + 5 * 30, 100300, 5);
}

static void test_user_name(void **state)
{
    static const char passwd[] = "root:x:0:0:root:/root:/bin/sh\n"
                                 "broken:x:1000\n"
                                 ":x:1000:1000::/:/bin/sh\n"
                                 "neg:x:-1000:1000::/:/bin/sh\n"
                                 "toolong:x:1000:1000::/:/bin/sh:more\n"
                                 "ann:x:1000:1000::/home/ann:/bin/sh\n"
                                 "twin:x:1000:1000::/home/ann:/bin/sh\n";
    CLEANUP_FREE char *ann = userns_find_user_name(passwd, 1000);
    CLEANUP_FREE char *root = userns_find_user_name(passwd, 0);
    CLEANUP_FREE char *none = userns_find_user_name(passwd, 7);

    assert_string_equal(ann, "ann");
    assert_string_equal(root, "root");
    assert_null(none);
}

static void test_load_map(void **state)
{
    struct test_dir *dir = *state;
    struct userns_map map;
    struct mcpd_error err;

    assert_int_equal(userns_load_map_from(dir->fd, 1000, 100, &map, &err), 0); /* no files at all */
    assert_int_equal(map.uid_count, 1);
    assert_int_equal(map.gid_count, 1);
    assert_range(&map.uids[0], 0, 1000, 1);
    assert_range(&map.gids[0], 0, 100, 1);
    put_file(dir->fd, "passwd", "ann:x:1000:100::/home/ann:/bin/sh\n");
    put_file(dir->fd, "subuid", "ann:100000:65536\n");
    put_file(dir->fd, "subgid", "1000:200000:10\nann:300000:20\n");
    assert_int_equal(userns_load_map_from(dir->fd, 1000, 100, &map, &err), 0);
    assert_int_equal(map.uid_count, 2);
    assert_int_equal(map.gid_count, 3);
    assert_range(&map.uids[1], 1, 100000, 65536);
    assert_range(&map.gids[2], 11, 300000, 20);
    /* A user of a directory service: only $USER knows the name. */
    put_file(dir->fd, "subuid", "zoe:100000:65536\n");
    setenv("USER", "zoe", 1);
    assert_int_equal(userns_load_map_from(dir->fd, 5000, 100, &map, &err), 0);
    assert_int_equal(map.uid_count, 2);
    assert_int_equal(userns_load_map_from(dir->fd, 1000, 100, &map, &err), 0); /* is ann */
    assert_int_equal(map.uid_count, 1);
    unsetenv("USER");
    assert_int_equal(unlinkat(dir->fd, "subuid", 0), 0);
    assert_int_equal(mkdirat(dir->fd, "subuid", 0755), 0);
    assert_code(userns_load_map_from(dir->fd, 1000, 100, &map, &err), MCPD_E_SYSTEM);
}

/* --- working inside --- */

struct answer {
    int pipe_fd;
    uid_t uid;
    gid_t gid;
};

static int tell_ids(void *context, struct mcpd_error *err)
{
    struct answer *answer = context;

    answer->uid = getuid();
    answer->gid = getgid();
    return fs_write_all(answer->pipe_fd, answer, sizeof(*answer), "pipe", err);
}

static int fail_loudly(void *context, struct mcpd_error *err)
{
    errno = EROFS;
    return error_errno(err, "remove '%s'", (const char *)context);
}

static int fail_silently(void *context, struct mcpd_error *err)
{
    return -MCPD_E_LIMIT;
}

static int die(void *context, struct mcpd_error *err)
{
    return raise(SIGKILL);
}

static int map_lines(void *context, struct mcpd_error *err)
{
    CLEANUP_FREE char *text = NULL;
    int rc = fs_read_file(AT_FDCWD, "/proc/self/uid_map", 4096, &text, NULL, err);

    return rc < 0 ? rc : fs_write_all(*(int *)context, text, strlen(text), "pipe", err);
}

static int count_children(void)
{
    return waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD ? 0 : 1;
}

/* As an ordinary user, whatever their map. */
static int work_inside(void *context)
{
    struct answer answer = {.uid = 77, .gid = 77};
    struct answer got = {0};
    struct mcpd_error err = {0};
    int pipe_fds[2];
    int before;

    CHECK(userns_is_needed());
    CHECK(pipe2(pipe_fds, O_CLOEXEC) == 0);
    before = count_open_fds();
    answer.pipe_fd = pipe_fds[1];
    if (userns_run(tell_ids, &answer, &err) < 0)
        fprintf(stderr, "%s\n", err.message);
    CHECK(err.code == 0);
    CHECK(answer.uid == 77); /* memory is not shared */
    CHECK(read(pipe_fds[0], &got, sizeof(got)) == sizeof(got));
    CHECK(got.uid == 0 && got.gid == 0);
    CHECK(userns_run(fail_loudly, (char[]){"x"}, &err) == -MCPD_E_SYSTEM);
    CHECK(err.sys_errno == EROFS);
    CHECK(strcmp(err.message, "remove 'x': Read-only file system") == 0);
    CHECK(userns_run(fail_silently, NULL, &err) == -MCPD_E_INTERNAL);
    CHECK(userns_run(die, NULL, &err) == -MCPD_E_INTERNAL);
    CHECK(strcmp(err.message, "the process in the user namespace ended with code 137") == 0);
    CHECK(count_children() == 0);
    CHECK(count_open_fds() == before);
    return 0;
}

static void test_work_with_a_single_id(void **state)
{
    run_child(work_inside, NULL, TEST_USER_ID);
}

static int run_where_refused(void *context)
{
    struct mcpd_error err = {0};

    CHECK(refuse_call(SYS_unshare, ENOSPC)); /* as with user.max_user_namespaces = 0 */
    CHECK(userns_run(fail_silently, NULL, &err) == -MCPD_E_UNSUPPORTED);
    CHECK(strcmp(err.message, "this host lets ordinary users make no user namespace: "
                              "No space left on device") == 0);
    CHECK(count_children() == 0);
    return 0;
}

static void test_host_without_user_namespaces(void **state)
{
    run_child(run_where_refused, NULL, TEST_USER_ID);
}

static int sleep_long(void *context, struct mcpd_error *err)
{
    (void)!write(*(int *)context, "r", 1);
    sleep(100);
    return 0;
}

/* The worker goes when the process that wants the work is killed. */
static int die_while_working(void *context)
{
    int pipe_fds[2];
    char word;
    pid_t pid;

    CHECK(pipe2(pipe_fds, O_CLOEXEC) == 0);
    pid = fork();
    CHECK(pid >= 0);
    if (pid == 0)
        _exit(userns_run(sleep_long, &pipe_fds[1], NULL) < 0);
    close(pipe_fds[1]);
    CHECK(read(pipe_fds[0], &word, 1) == 1);
    CHECK(kill(pid, SIGKILL) == 0);
    CHECK(waitpid(pid, NULL, 0) == pid);
    CHECK(read(pipe_fds[0], &word, 1) == 0); /* the worker had the other end */
    return 0;
}

static void test_worker_dies_with_its_parent(void **state)
{
    run_child(die_while_working, NULL, TEST_USER_ID);
}

/* --- with subordinate ids: an /etc of our own, in a mount namespace of our own --- */

static int set_up_etc(struct test_dir *dir)
{
    static const char *const files[][2] = {
        {"passwd", "root:x:0:0:root:/root:/bin/sh\nmcpdunit:x:54321:54321::/tmp:/bin/sh\n"},
        {"group", "root:x:0:\nmcpdunit:x:54321:\n"},
        {"subuid", "mcpdunit:700000:1000\nmcpdunit:800000:500\n"},
        {"subgid", "mcpdunit:700000:1000\n"},
    };

    CHECK(unshare(CLONE_NEWNS) == 0);
    CHECK(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
    for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
        CLEANUP_FREE char *ours = str_format("%s/%s", dir->path, files[i][0]);
        CLEANUP_FREE char *theirs = str_format("/etc/%s", files[i][0]);
        CLEANUP_FD int fd = open(ours, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

        CHECK(fs_write_all(fd, files[i][1], strlen(files[i][1]), ours, NULL) == 0);
        CHECK(fchmod(fd, 0644) == 0);
        CHECK(access(theirs, F_OK) == 0 || errno == ENOENT);
        if (access(theirs, F_OK) < 0)
            return 77;
        CHECK(mount(ours, theirs, NULL, MS_BIND, NULL) == 0);
    }
    return 0;
}

static int become(uid_t id)
{
    CHECK(setgroups(0, NULL) == 0);
    CHECK(setresgid(id, id, id) == 0);
    CHECK(setresuid(id, id, id) == 0);
    CHECK(prctl(PR_SET_DUMPABLE, 1) == 0); /* as after an exec: the helpers look at /proc */
    return 0;
}

static int work_with_sub_ids(void *context)
{
    struct test_dir *dir = context;
    CLEANUP_FREE char *text = NULL;
    struct mcpd_error err = {0};
    int pipe_fds[2];
    int fd;

    CHECK(set_up_etc(dir) == 0);
    CHECK(fchmod(dir->fd, 0777) == 0);
    /* A tree with an owner that only the namespace can touch. */
    CHECK(mkdirat(dir->fd, "tree", 0755) == 0 && mkdirat(dir->fd, "tree/sub", 0755) == 0);
    CHECK(mkdirat(dir->fd, "tree/sub/deeper", 0700) == 0);
    CHECK(fchownat(dir->fd, "tree/sub/deeper", 700032, 700032, 0) == 0);
    CHECK(fchownat(dir->fd, "tree/sub", 700032, 700032, 0) == 0);
    CHECK(fchownat(dir->fd, "tree", TEST_USER_ID, TEST_USER_ID, 0) == 0);
    CHECK(become(TEST_USER_ID) == 0);
    if (work_inside(NULL) != 0)
        return 1;
    CHECK(pipe2(pipe_fds, O_CLOEXEC) == 0);
    if (userns_run(map_lines, &pipe_fds[1], &err) < 0)
        fprintf(stderr, "%s\n", err.message);
    close(pipe_fds[1]);
    CHECK(fs_read_fd(pipe_fds[0], "map", 4096, &text, NULL, NULL) == 0);
    CHECK(strcmp(text, "         0      54321          1\n"
                       "         1     700000       1000\n"
                       "      1001     800000        500\n") == 0);
    fd = open(dir->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    CHECK(fs_remove_tree(fd, "tree", &err) == -MCPD_E_DENIED);
    if (userns_remove_tree(fd, "tree", &err) < 0)
        fprintf(stderr, "%s\n", err.message);
    CHECK(!fs_exists(fd, "tree"));
    return 0;
}

static int helpers_refuse(void *context)
{
    struct test_dir *dir = context;
    struct userns_map map = {.uids = {{0, TEST_USER_ID, 1}, {1, 1, 10}},
                             .uid_count = 2,
                             .gids = {{0, TEST_USER_ID, 1}, {1, 700000, 10}},
                             .gid_count = 2};
    struct mcpd_error err = {0};
    int pipe_fds[2];
    char word;
    int rc;
    pid_t pid;

    CHECK(set_up_etc(dir) == 0);
    CHECK(become(TEST_USER_ID) == 0);
    CHECK(pipe2(pipe_fds, O_CLOEXEC) == 0);
    pid = fork();
    if (pid == 0) {
        (void)!unshare(CLONE_NEWUSER);
        (void)!write(pipe_fds[1], "r", 1);
        pause();
        _exit(0);
    }
    CHECK(read(pipe_fds[0], &word, 1) == 1);
    rc = userns_write_maps(pid, &map, &err); /* ids that nobody gave us */
    CHECK(rc == -MCPD_E_SYSTEM);
    CHECK(strstr(err.message, "'newuidmap' failed with exit code 1: newuidmap: uid range"));
    CHECK(setenv("PATH", "/nonexistent", 1) == 0);
    CHECK(userns_write_maps(pid, &map, &err) == -MCPD_E_UNSUPPORTED);
    CHECK(strcmp(err.message, "'newuidmap' is needed for subordinate ids; install the package "
                              "uidmap") == 0);
    CHECK(kill(pid, SIGKILL) == 0);
    CHECK(waitpid(pid, NULL, 0) == pid);
    CHECK(count_children() == 0);
    return 0;
}

static void test_work_with_subordinate_ids(void **state)
{
    static const char *const needed[] = {"/usr/bin/newuidmap", "/usr/bin/newgidmap", "/etc/subuid",
                                         "/etc/subgid"};

    for (size_t i = 0; i < ARRAY_SIZE(needed); i++)
        if (geteuid() != 0 || access(needed[i], F_OK) < 0) {
            printf("needs root and %s\n", needed[i]);
            skip();
        }
    run_child(work_with_sub_ids, *state, 0);
    run_child(helpers_refuse, *state, 0);
}

static int count_call(void *context, struct mcpd_error *err)
{
    (*(int *)context)++;
    return *(int *)context == 2 ? error_set(err, MCPD_E_LIMIT, "two") : 0;
}

static void test_root_works_directly(void **state)
{
    int count = 0;
    struct mcpd_error err;

    if (geteuid() != 0)
        skip();
    assert_int_equal(userns_run(count_call, &count, &err), 0);
    assert_error(userns_run(count_call, &count, &err), err, MCPD_E_LIMIT, "two");
    assert_int_equal(count, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ranges),
        cmocka_unit_test(test_malformed_lines_are_skipped),
        cmocka_unit_test(test_overlaps_are_skipped),
        cmocka_unit_test(test_too_many_ranges),
        cmocka_unit_test(test_user_name),
        DIR_TEST(test_load_map),
        cmocka_unit_test(test_work_with_a_single_id),
        cmocka_unit_test(test_host_without_user_namespaces),
        cmocka_unit_test(test_worker_dies_with_its_parent),
        DIR_TEST(test_work_with_subordinate_ids),
        cmocka_unit_test(test_root_works_directly),
    };

    return cmocka_run_group_tests_name("userns", tests, NULL, NULL);
}
