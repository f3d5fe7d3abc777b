/*
 * test_launch.c - whole containers: what the first process finds, what is refused, and that nothing
 * is left. Each fall-back for an older kernel has a run in which the newer call is refused.
 */
#include "runtime/box.h"

#include <sys/mman.h>

static void init_usual(struct box *box, struct test_dir *dir)
{
    box_init(box, dir);
    box_usual_mounts(box);
}

static void test_runs(void **state)
{
    struct box box;

    NEEDS_ROOT();
    box_init(&box, *state);
    assert_says(&box, "echo $$; echo $HOME; cat /etc/hostname", "1\n/root\nboxhost\n");
    box_run(&box, "exit 7");
    assert_int_equal(box.exit_code, 7);
    box_run(&box, "kill -9 $$; kill -15 $$; exit 3"); /* pid 1 does not hear itself */
    assert_int_equal(box.exit_code, 3);
    box_done(&box);
}

static void test_refusals(void **state)
{
    struct box box;

    NEEDS_ROOT();
    box_init(&box, *state);
    box.args[0] = box_text("/no/such");
    assert_refused(&box, MCPD_E_COMMAND_NOT_FOUND,
                   "exec: \"/no/such\": stat /no/such: no such file or directory: OCI runtime "
                   "attempted to invoke a command that was not found");
    box.args[0] = box_text("foo");
    assert_refused(&box, MCPD_E_COMMAND_NOT_FOUND,
                   "exec: \"foo\": executable file not found in $PATH: OCI runtime attempted to "
                   "invoke a command that was not found");
    box.args[0] = box_text("/etc");
    assert_refused(&box, MCPD_E_COMMAND_NOT_RUNNABLE,
                   "exec: \"/etc\": permission denied: OCI permission denied");
    box.args[0] = box_text("true");
    box.plan.process.user = box_text("nobodyhere");
    assert_refused(&box, MCPD_E_USER_NOT_FOUND,
                   "unable to find user nobodyhere: no matching entries in passwd file");
    box.plan.process.user = box_text("");
    box_mount(&box, PLAN_MOUNT_BIND, "/no/such/source", "/x", NULL);
    assert_refused(&box, MCPD_E_NOT_FOUND, "statfs /no/such/source: no such file or directory");
    box_done(&box);
}

static void test_nothing_is_left(void **state)
{
    struct cgroup cgroup = CGROUP_NONE;
    char path[CGROUP_PATH_SIZE];
    struct box box;
    int before;
    int status;

    NEEDS_ROOT();
    init_usual(&box, *state);
    box.plan.limits.pids_max = 50;
    before = count_open_fds();
    assert_says(&box, "true", "");
    box.args[0] = box_text("/no/such");
    assert_true(box_run_args(&box) < 0);
    assert_int_equal(count_open_fds(), before);
    assert_int_equal(waitpid(-1, &status, WNOHANG), -1); /* no child */
    (void)snprintf(path, sizeof(path), "/mcpd/%s", box.id);
    assert_int_equal(cgroup_open(path, &cgroup, NULL), 0);
    assert_true(cgroup.unified_fd == -1 && cgroup.v1_count == 0);
    box_done(&box);
}

static void test_descriptors(void **state)
{
    struct box box;
    int stray;

    NEEDS_ROOT();
    init_usual(&box, *state);
    stray = dup(box.root_fd); /* without close-on-exec */
    assert_true(stray >= 0);
    assert_says(&box, "cd /proc/self/fd && echo *", "0 1 2 3\n"); /* 3: of echo * itself */
    close(stray);
    box_done(&box);
}

/* A working directory or command that is a descriptor of ours would be a way out. */
static void test_no_way_through_descriptors(void **state)
{
    struct box box;

    NEEDS_ROOT();
    init_usual(&box, *state);
    box_script(&box, "pwd");
    for (int fd = 3; fd < 20; fd++) {
        char path[32];

        (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        box.plan.process.working_dir = path;
        /* As a path inside it may mean something that is there. */
        assert_true(box_run_args(&box) < 0 || strncmp(box.output, "/proc/", 6) == 0);
    }
    box.plan.process.working_dir = box_text("/");
    box.args[0] = box_text("/proc/self/exe");
    assert_refused(&box, MCPD_E_COMMAND_NOT_RUNNABLE,
                   "exec: \"/proc/self/exe\": permission denied: OCI permission denied");
    box_done(&box);
}

static void test_working_dir(void **state)
{
    struct box box;
    char text[256];

    NEEDS_ROOT();
    box_init(&box, *state);
    box.plan.process.working_dir = box_text("/made/for/this");
    assert_says(&box, "pwd", "/made/for/this\n");
    box.plan.process.working_dir = box_text("/made/for/user");
    box.plan.process.user = box_text("1000:1001");
    box.plan.read_only_root = true;
    assert_says(&box, "stat -c '%n %a %u %g' /made/for /made/for/user",
                "/made/for 755 0 0\n/made/for/user 755 1000 1001\n");
    box.plan.process.user = box_text("");
    box.plan.read_only_root = false;
    box.plan.process.working_dir = box_text("/tmp/plain");
    box_script(&box, "pwd");
    (void)snprintf(text, sizeof(text),
                   "workdir \"/tmp/plain\" exists on container %s, but is not a directory", box.id);
    assert_refused(&box, MCPD_E_COMMAND_NOT_RUNNABLE, text);
    box.plan.process.working_dir = box_text("/not/made");
    box.plan.process.requires_working_dir = true;
    (void)snprintf(text, sizeof(text), "workdir \"/not/made\" does not exist on container %s",
                   box.id);
    assert_refused(&box, MCPD_E_COMMAND_NOT_RUNNABLE, text);
    box_done(&box);
}

/* Made for the user when missing; what the image has stays. */
static void test_image_volumes(void **state)
{
    char *volumes[] = {box_text("/vol/new"), box_text("/tmp"), NULL};
    struct box box;

    NEEDS_ROOT();
    box_init(&box, *state);
    box.plan.image_volumes = volumes;
    box.plan.process.user = box_text("1000:1001");
    assert_says(&box, "stat -c '%n %a %u %g' /vol /vol/new /tmp; ls /tmp | grep plain",
                "/vol 755 0 0\n/vol/new 755 1000 1001\n/tmp 755 0 0\nplain\n");
    box.plan.image_volumes = NULL;
    box_done(&box);
}

static void test_user_and_rights(void **state)
{
    struct box box;

    NEEDS_ROOT();
    init_usual(&box, *state);
    assert_says(&box, "grep -E '^(CapPrm|CapBnd|NoNew|Seccomp:)' /proc/self/status",
                "CapPrm:\t00000000800405fb\nCapBnd:\t00000000800405fb\nNoNewPrivs:\t0\n"
                "Seccomp:\t0\n");
    box.plan.process.user = box_text("app");
    box.plan.process.no_new_privileges = true;
    box.plan.seccomp_profile = NULL;
    assert_says(
        &box,
        "id; echo $HOME; grep -E '^(CapEff|CapBnd|NoNew|Seccomp:)' /proc/self/status; "
        "echo >/proc/self/fd/1",
        "uid=1000(app) gid=1000 groups=44(extra),1000\n/home/app\nCapEff:\t0000000000000000\n"
        "CapBnd:\t00000000800405fb\nNoNewPrivs:\t1\nSeccomp:\t2\n\n");
    box.plan.process.no_new_privileges = false;
    box.plan.process.capabilities_added = UINT64_C(1) << 13;
    box.plan.process.capabilities |= UINT64_C(1) << 13;
    assert_says(&box, "grep -E '^Cap' /proc/self/status",
                "CapInh:\t0000000000002000\nCapPrm:\t0000000000002000\nCapEff:\t0000000000002000\n"
                "CapBnd:\t00000000800425fb\nCapAmb:\t0000000000002000\n");
    box_done(&box);
}

static void test_signals_and_umask(void **state)
{
    struct box box;
    sigset_t all;
    sigset_t before;

    NEEDS_ROOT();
    init_usual(&box, *state);
    box.plan.process.umask = 027;
    (void)sigfillset(&all);
    (void)sigprocmask(SIG_BLOCK, &all, &before);
    (void)signal(SIGPIPE, SIG_IGN);
    assert_says(&box, "umask", "0027\n");
    box.args[0] = box_text("grep");
    box.args[1] = box_text("^Sig[BI][lg][kn]");
    box.args[2] = box_text("/proc/self/status");
    assert_int_equal(box_run_args(&box), 0);
    assert_string_equal(box.output, "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n");
    (void)signal(SIGPIPE, SIG_DFL);
    (void)sigprocmask(SIG_SETMASK, &before, NULL);
    box_done(&box);
}

static void test_init(void **state)
{
    struct box box;

    NEEDS_ROOT();
    init_usual(&box, *state);
    box.plan.init = true;
    assert_says(
        &box, "echo $$; cat /proc/1/comm; (sleep 0 &); sleep 0.2; ps | grep -c '[s]leep 0$'; true",
        "2\nmcpd-init\n0\n");
    box_run(&box, "kill -TERM 1; sleep 5; exit 1"); /* comes back to us */
    assert_int_equal(box.exit_code, 128 + SIGTERM);
    box_run(&box, "exit 9");
    assert_int_equal(box.exit_code, 9);
    box.args[0] = box_text("/no/such");
    assert_code(box_run_args(&box), MCPD_E_COMMAND_NOT_FOUND);
    box_done(&box);
}

/* The monitor's end takes the container with it. */
static int start_and_die(void *context)
{
    struct box *box = context;
    struct launch launch = LAUNCH_NONE;
    int fd = -1;
    int *pid_of_container =
        mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid_t monitor;

    CHECK(pid_of_container != MAP_FAILED);
    CHECK(prctl(PR_SET_CHILD_SUBREAPER, 1) == 0);
    monitor = fork();
    if (monitor == 0) {
        box_script(box, "sleep 600");
        if (box_start(box, &launch, &fd) == 0)
            *pid_of_container = launch.pid;
        (void)kill(getpid(), SIGKILL);
    }
    CHECK(waitpid(monitor, NULL, 0) == monitor);
    CHECK(*pid_of_container > 0);
    for (int i = 0; i < 500 && waitpid(*pid_of_container, NULL, WNOHANG) == 0; i++)
        usleep(10000);
    CHECK(kill(*pid_of_container, 0) < 0);
    return 0;
}

static void test_dies_with_the_monitor(void **state)
{
    char path[CGROUP_PATH_SIZE];
    struct box box;

    NEEDS_ROOT();
    init_usual(&box, *state);
    run_child(start_and_die, &box, 0);
    (void)snprintf(path, sizeof(path), "/mcpd/%s", box.id);
    assert_int_equal(cgroup_destroy_path(path, NULL), 0);
    box_done(&box);
}

/* --- terminal
 * --------------------------------------------------------------------------------------- */

static int start_with_terminal(struct box *box, struct launch *launch, int *ret_master)
{
    struct launch_request request = {.plan = &box->plan,
                                     .cgroup_path = box->cgroup_path,
                                     .stores = &(const struct layerstores){.root_fd = box->root_fd},
                                     .container_dir_fd = box->container_fd,
                                     .stdin_fd = -1,
                                     .stdout_fd = -1,
                                     .stderr_fd = -1,
                                     .console_rows = 21,
                                     .console_columns = 55};
    size_t count = 0;
    int sockets[2];
    char word;
    int rc;

    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets), 0);
    request.console_socket_fd = sockets[1];
    rc = launch_start(&request, launch, &box->err);
    close(sockets[1]);
    if (rc == 0) {
        assert_int_equal(fdpass_receive(sockets[0], &word, 1, ret_master, 1, &count, NULL), 1);
        assert_int_equal(count, 1);
    }
    close(sockets[0]);
    return rc;
}

static void run_terminal(struct box *box, const char *script, const char *wanted)
{
    struct launch launch = LAUNCH_NONE;
    int master = -1;

    box_script(box, script);
    box->plan.process.tty = true;
    if (start_with_terminal(box, &launch, &master) < 0)
        fail_msg("%s", box->err.message);
    box_read_all(box, master);
    close(master);
    assert_int_equal(box_wait(&launch), 0);
    launch_done(&launch);
    assert_string_equal(box->output, wanted);
}

static void test_terminal(void **state)
{
    struct box box;

    NEEDS_ROOT();
    init_usual(&box, *state);
    run_terminal(&box,
                 "tty; busybox stty size; echo x >/dev/tty; stat -c '%t %T %U' /dev/console; "
                 "stat -c %U /dev/pts/0",
                 "/dev/pts/0\r\n21 55\r\nx\r\n88 0 root\r\nroot\r\n");
    box.plan.process.user = box_text("app");
    box.plan.init = true;
    run_terminal(&box, "stat -c %U /dev/pts/0; echo x >/dev/console; sleep 0.1", "app\r\nx\r\n");
    box_done(&box);
}

/* --- older kernels
 * ------------------------------------------------------------------------------------ */

/* Everything that has an old way, in one container. */
static int old_kernel_container(void *context)
{
    struct box *box = context;

    CHECK_SAYS(
        box,
        "echo $$; stat -c '%a %F' /dev /dev/null; cat /etc/hostname; touch /made; "
        "touch /sys/x 2>&1; touch /ro/x 2>&1; cat /tmp/plain; ls /empty; touch /rw/y; "
        "ls -d /proc/[0-9]* | head -n 1",
        "1\n755 directory\n666 character special file\nboxhost\n"
        "touch: /sys/x: Read-only file system\ntouch: /ro/x: Read-only file system\n/proc/1\n");
    CHECK(faccessat(box->dir->fd, "share/y", F_OK, 0) == 0);
    CHECK(unlinkat(box->dir->fd, "share/y", 0) == 0);
    return 0;
}

struct refusal {
    const char *name;
    int numbers[8]; /* ended by 0 */
    int sys_errno;
};

static const struct refusal refusals[] = {
    {"nothing", {0}, 0},
    {"clone3", {SYS_clone3, 0}, ENOSYS},
    {"pidfd_open and clone3", {SYS_clone3, SYS_pidfd_open, 0}, ENOSYS},
    {"fsopen", {SYS_fsopen, 0}, ENOSYS},
    {"mount_setattr", {SYS_mount_setattr, 0}, ENOSYS},
    {"open_tree", {SYS_open_tree, 0}, ENOSYS},
    {"the mount calls",
     {SYS_fsopen, SYS_fsmount, SYS_open_tree, SYS_move_mount, SYS_mount_setattr, 0},
     ENOSYS},
    {"the mount calls, by an old filter",
     {SYS_fsopen, SYS_fsmount, SYS_open_tree, SYS_move_mount, SYS_mount_setattr, 0},
     EPERM},
    {"openat2", {SYS_openat2, 0}, ENOSYS},
    {"close_range", {SYS_close_range, 0}, ENOSYS},
    {"pivot_root, as on an initramfs", {SYS_pivot_root, 0}, EINVAL},
    {"keyctl", {SYS_keyctl, 0}, EPERM},
    {"mknodat", {SYS_mknodat, 0}, EPERM},
    {"all of Linux 4.14",
     {SYS_clone3, SYS_pidfd_open, SYS_openat2, SYS_close_range, SYS_fsopen, SYS_open_tree,
      SYS_mount_setattr, 0},
     ENOSYS},
};

struct old_kernel {
    struct box *box;
    const struct refusal *refusal;
};

static int run_old_kernel(void *context)
{
    const struct old_kernel *old = context;

    for (const int *number = old->refusal->numbers; *number != 0; number++)
        CHECK(refuse_call(*number, old->refusal->sys_errno));
    return old_kernel_container(old->box);
}

static void test_old_kernels(void **state)
{
    struct test_dir *dir = *state;
    char share[96];
    struct box box;

    NEEDS_ROOT();
    init_usual(&box, dir);
    assert_int_equal(mkdirat(dir->fd, "share", 0777), 0);
    (void)snprintf(share, sizeof(share), "%s/share", dir->path);
    box_mount(&box, PLAN_MOUNT_BIND, share, "/ro", NULL);
    box_last_mount(&box)->read_only = true;
    box_mount(&box, PLAN_MOUNT_BIND, share, "/rw", NULL);
    box.paths[0] = box_text("/tmp/plain");
    box.paths[1] = box_text("/empty");
    box.plan.masked_paths = box.paths;
    box.plan.limits.pids_max = 50;
    for (size_t i = 0; i < ARRAY_SIZE(refusals); i++) {
        struct old_kernel old = {.box = &box, .refusal = &refusals[i]};

        print_message("without %s\n", refusals[i].name);
        run_child(run_old_kernel, &old, 0);
    }
    box_done(&box);
}

/* As above, the layers alone: as many as there may be. */
static int run_many_layers(void *context)
{
    const struct old_kernel *old = context;

    for (const int *number = old->refusal->numbers; *number != 0; number++)
        CHECK(refuse_call(*number, old->refusal->sys_errno));
    CHECK_SAYS(old->box, "cat /top; ls /all | wc -l", "127\n127\n");
    return 0;
}

static void test_many_layers(void **state)
{
    struct box box;

    NEEDS_ROOT();
    box_init(&box, *state);
    for (size_t i = 1; i < 128; i++) {
        CLEANUP_FD int fd = box_layer(&box, i);
        char name[32];
        char text[16];

        (void)snprintf(text, sizeof(text), "%zu\n", i);
        (void)snprintf(name, sizeof(name), "all/%zu", i);
        put_file(fd, "top", text);
        assert_int_equal(mkdirat(fd, "all", 0755), 0);
        put_file(fd, name, text);
    }
    box.plan.layer_count = 128;
    for (size_t i = 0; i < ARRAY_SIZE(refusals); i++) {
        struct old_kernel old = {.box = &box, .refusal = &refusals[i]};

        if (refusals[i].numbers[0] == 0 || refusals[i].numbers[0] == SYS_fsopen)
            run_child(run_many_layers, &old, 0);
    }
    box_done(&box);
}

/* --- ordinary users
 * --------------------------------------------------------------------------------------- */

static int run_as_user(void *context)
{
    struct box *box = context;

    CHECK_SAYS(box,
               "id -u; id -g; stat -c '%a %F' /dev/null; touch /made && stat -c %u /made; "
               "echo x >/dev/null; grep -c . /proc/self/uid_map; grep ^CapEff /proc/self/status; "
               "touch /sys/x 2>&1; true",
               "0\n0\n666 character special file\n0\n1\nCapEff:\t00000000800405fb\n"
               "touch: /sys/x: Read-only file system\n");
    return 0;
}

static int run_as_user_limited(void *context)
{
    struct box *box = context;

    box->plan.limits.memory_bytes = 64 << 20;
    CHECK(box_run(box, "true") == -MCPD_E_UNSUPPORTED);
    CHECK(strstr(box->err.message, "the memory limit cannot be enforced: ") != NULL);
    CHECK(box_run(box, "true") == -MCPD_E_UNSUPPORTED);
    box->plan.limits.memory_bytes = 0;
    box->plan.limits.pids_max = 2048;
    box->plan.limits.pids_is_default = true;
    CHECK(box_run(box, "true") == 0);
    box->plan.process.user = box_text("4711");
    CHECK(box_run(box, "true") == -MCPD_E_COMMAND_NOT_RUNNABLE);
    return 0;
}

/* The store belongs to the user, who has one id only. */
static void own_tree(struct box *box)
{
    char command[256];
    char *argv[] = {box_text("chown"), box_text("-R"), NULL, box->dir->path, NULL};

    (void)snprintf(command, sizeof(command), "%d:%d", TEST_USER_ID, TEST_USER_ID);
    argv[2] = command;
    assert_int_equal(proc_run(argv, 10000, NULL, NULL), 0);
}

static void test_as_user(void **state)
{
    struct box box;

    NEEDS_ROOT();
    init_usual(&box, *state);
    box.plan.seccomp_profile = NULL;
    own_tree(&box);
    run_child(run_as_user, &box, TEST_USER_ID);
    run_child(run_as_user_limited, &box, TEST_USER_ID);
    box_done(&box);
}

static int run_as_user_on_old_kernel(void *context)
{
    const struct old_kernel *old = context;

    for (const int *number = old->refusal->numbers; *number != 0; number++)
        CHECK(refuse_call(*number, old->refusal->sys_errno));
    return run_as_user(old->box);
}

static void test_as_user_on_old_kernels(void **state)
{
    struct box box;

    NEEDS_ROOT();
    init_usual(&box, *state);
    own_tree(&box);
    for (size_t i = 0; i < ARRAY_SIZE(refusals); i++) {
        struct old_kernel old = {.box = &box, .refusal = &refusals[i]};

        print_message("without %s\n", refusals[i].name);
        run_child(run_as_user_on_old_kernel, &old, TEST_USER_ID);
    }
    box_done(&box);
}

static int refused_namespace(void *context)
{
    struct box *box = context;

    CHECK(refuse_call(SYS_clone3, ENOSYS) && refuse_call(SYS_clone, EPERM));
    CHECK(box_run(box, "true") == -MCPD_E_UNSUPPORTED);
    CHECK(strstr(box->err.message, "make no user namespace") != NULL);
    return 0;
}

static void test_no_user_namespaces(void **state)
{
    struct box box;

    NEEDS_ROOT();
    box_init(&box, *state);
    own_tree(&box);
    run_child(refused_namespace, &box, TEST_USER_ID);
    box_done(&box);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        DIR_TEST(test_runs),
        DIR_TEST(test_refusals),
        DIR_TEST(test_nothing_is_left),
        DIR_TEST(test_descriptors),
        DIR_TEST(test_no_way_through_descriptors),
        DIR_TEST(test_working_dir),
        DIR_TEST(test_image_volumes),
        DIR_TEST(test_user_and_rights),
        DIR_TEST(test_signals_and_umask),
        DIR_TEST(test_init),
        DIR_TEST(test_dies_with_the_monitor),
        DIR_TEST(test_terminal),
        DIR_TEST(test_old_kernels),
        DIR_TEST(test_many_layers),
        DIR_TEST(test_as_user),
        DIR_TEST(test_as_user_on_old_kernels),
        DIR_TEST(test_no_user_namespaces),
    };

    return cmocka_run_group_tests_name("launch", tests, NULL, NULL);
}
