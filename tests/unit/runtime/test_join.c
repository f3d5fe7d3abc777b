/*
 * test_join.c - further processes in a running container: the same namespaces, groups and rights,
 * with newer and older kernels, as root and as a user.
 */
#include "runtime/box.h"

/* A container that sleeps. */
struct running {
    struct box box;
    struct launch launch;
    int fd;
};

static int begin(struct running *running)
{
    running->launch = (struct launch)LAUNCH_NONE;
    running->box.args[0] = box_text("sleep");
    running->box.args[1] = box_text("600");
    running->box.args[2] = NULL;
    return box_start(&running->box, &running->launch, &running->fd);
}

static void end(struct running *running)
{
    (void)kill(running->launch.pid, SIGKILL);
    (void)box_wait(&running->launch);
    launch_done(&running->launch);
    (void)close(running->fd);
}

static struct join_request request_of(const struct running *running,
                                      const struct plan_process *process, int output_fd)
{
    return (struct join_request){.plan = &running->box.plan,
                                 .process = process,
                                 .target_pidfd = running->launch.pidfd,
                                 .target_pid = running->launch.pid,
                                 .cgroup_path = running->launch.cgroup.path,
                                 .root_fd = running->box.root_fd,
                                 .stdin_fd = -1,
                                 .stdout_fd = output_fd,
                                 .stderr_fd = output_fd,
                                 .console_socket_fd = -1};
}

/* Joins with `process`, its output in box.output, its exit code in box.exit_code. */
static int join_process(struct running *running, const struct plan_process *process)
{
    struct join_request request;
    int fds[2];
    int pidfd = -1;
    int status = 0;
    pid_t pid = 0;
    int rc;

    if (pipe2(fds, O_CLOEXEC) < 0)
        return -MCPD_E_SYSTEM;
    request = request_of(running, process, fds[1]);
    rc = launch_join(&request, &pid, &pidfd, &running->box.err);
    (void)close(fds[1]);
    if (rc == 0) {
        box_read_all(&running->box, fds[0]);
        if (waitpid(pid, &status, 0) != pid) /* it is our child */
            rc = -MCPD_E_SYSTEM;
        running->box.exit_code = proc_exit_code(status);
    }
    (void)close(fds[0]);
    cleanup_close_fd(&pidfd);
    return rc;
}

static int join_script(struct running *running, const char *script)
{
    struct plan_process process = running->box.plan.process;
    char *args[] = {box_text("sh"), box_text("-c"), box_text(script), NULL};

    process.args = args;
    return join_process(running, &process);
}

static void assert_joined(struct running *running, const char *script, const char *text)
{
    if (join_script(running, script) < 0)
        fail_msg("%s", running->box.err.message);
    assert_string_equal(running->box.output, text);
    assert_int_equal(running->box.exit_code, 0);
}

static void setup_running(struct running *running, struct test_dir *dir)
{
    box_init(&running->box, dir);
    box_usual_mounts(&running->box);
    running->box.plan.limits.pids_max = 50;
}

static void test_same_surroundings(void **state)
{
    struct running running;

    NEEDS_ROOT();
    setup_running(&running, *state);
    assert_int_equal(begin(&running), 0);
    assert_joined(&running,
                  "for n in mnt pid ipc uts net cgroup user; do "
                  "[ /proc/1/ns/$n -ef /proc/self/ns/$n ] || echo other $n; done; "
                  "grep -v :/$ /proc/self/cgroup; cat /proc/sys/kernel/hostname; pwd; echo $HOME; "
                  "cd /proc/self/fd && echo *",
                  "boxhost\n/\n/root\n0 1 2 3\n");
    assert_int_equal(join_script(&running, "exit 5"), 0);
    assert_int_equal(running.box.exit_code, 5);
    end(&running);
    box_done(&running.box);
}

static void test_rights(void **state)
{
    struct running running;
    struct plan_process process;

    NEEDS_ROOT();
    setup_running(&running, *state);
    running.box.plan.seccomp_profile = NULL;
    assert_int_equal(begin(&running), 0);
    assert_joined(&running, "grep -E '^(CapEff|CapBnd|Seccomp:)' /proc/self/status",
                  "CapEff:\t00000000800405fb\nCapBnd:\t00000000800405fb\nSeccomp:\t2\n");
    process = running.box.plan.process;
    box_script(&running.box, "id; grep ^CapEff /proc/self/status");
    process.user = box_text("app");
    process.args = running.box.args;
    assert_int_equal(join_process(&running, &process), 0);
    assert_string_equal(
        running.box.output,
        "uid=1000(app) gid=1000 groups=44(extra),1000\nCapEff:\t0000000000000000\n");
    end(&running);
    box_done(&running.box);
}

static void assert_join_refused(struct running *running, const struct plan_process *process,
                                enum mcpd_error_code code, const char *text)
{
    int rc = join_process(running, process);

    assert_error(rc, running->box.err, code, text);
}

static void test_refusals(void **state)
{
    struct running running;
    struct plan_process process;
    char *args[] = {box_text("/no/such"), NULL};
    int status;

    NEEDS_ROOT();
    setup_running(&running, *state);
    assert_int_equal(begin(&running), 0);
    process = running.box.plan.process;
    process.args = args;
    assert_join_refused(&running, &process, MCPD_E_COMMAND_NOT_FOUND,
                        "exec: \"/no/such\": stat /no/such: no such file or directory: OCI runtime "
                        "attempted to invoke a command that was not found");
    args[0] = box_text("true");
    process.working_dir = box_text("/no/such");
    assert_join_refused(&running, &process, MCPD_E_COMMAND_NOT_FOUND,
                        "chdir to cwd (\"/no/such\"): no such file or directory: OCI runtime "
                        "attempted to invoke a command that was not found");
    process.working_dir = box_text("/");
    process.user = box_text("nobodyhere");
    assert_join_refused(&running, &process, MCPD_E_USER_NOT_FOUND,
                        "unable to find user nobodyhere: no matching entries in passwd file");
    assert_int_equal(waitpid(running.launch.pid, &status, WNOHANG), 0); /* runs on */
    assert_int_equal(waitpid(-1, &status, WNOHANG), 0);                 /* no other child */
    end(&running);
    box_done(&running.box);
}

static void test_ended_container(void **state)
{
    struct running running;

    NEEDS_ROOT();
    setup_running(&running, *state);
    assert_int_equal(begin(&running), 0);
    (void)kill(running.launch.pid, SIGKILL);
    (void)box_wait(&running.launch);
    assert_code(join_script(&running, "true"), MCPD_E_STATE);
    launch_done(&running.launch);
    (void)close(running.fd);
    box_done(&running.box);
}

static void test_limits_hold(void **state)
{
    struct running running;

    NEEDS_ROOT();
    setup_running(&running, *state);
    running.box.plan.limits.pids_max = 4;
    assert_int_equal(begin(&running), 0);
    assert_int_equal(join_script(&running, "for i in 1 2 3 4 5 6; do sleep 1 & done; wait"), 0);
    assert_non_null(strstr(running.box.output, "can't fork"));
    end(&running);
    box_done(&running.box);
}

/* While a process comes in, those inside must not be able to look into it. */
static void test_cannot_be_looked_into(void **state)
{
    struct running running;
    int status;
    pid_t pid = 0;
    int pidfd = -1;
    struct plan_process process;
    struct join_request request;

    NEEDS_ROOT();
    setup_running(&running, *state);
    assert_int_equal(begin(&running), 0);
    process = running.box.plan.process;
    box_script(&running.box, "end=$(($(busybox date +%s) + 2)); "
                             "while [ $(busybox date +%s) -lt $end ]; do for p in /proc/[0-9]*; do "
                             "case $(busybox readlink $p/exe) in /bin/busybox|'') ;; "
                             "*) echo found >>/found;; esac; done; done");
    process.args = running.box.args;
    request = request_of(&running, &process, -1);
    assert_int_equal(launch_join(&request, &pid, &pidfd, &running.box.err), 0);
    for (int i = 0; i < 100; i++)
        assert_joined(&running, "true", "");
    assert_int_equal(waitpid(pid, &status, 0), pid);
    close(pidfd);
    assert_joined(&running, "cat /found 2>/dev/null; true", "");
    end(&running);
    box_done(&running.box);
}

static void test_terminal(void **state)
{
    struct running running;
    struct plan_process process;
    struct join_request request;
    size_t count = 0;
    int sockets[2];
    int master = -1;
    int pidfd = -1;
    int status = 0;
    pid_t pid = 0;
    char word;

    NEEDS_ROOT();
    setup_running(&running, *state);
    assert_int_equal(begin(&running), 0);
    process = running.box.plan.process;
    process.tty = true;
    box_script(&running.box, "tty; busybox stty size; echo x >/dev/tty");
    process.args = running.box.args;
    request = request_of(&running, &process, -1);
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets), 0);
    request.console_socket_fd = sockets[1];
    request.console_rows = 11;
    request.console_columns = 22;
    if (launch_join(&request, &pid, &pidfd, &running.box.err) < 0)
        fail_msg("%s", running.box.err.message);
    close(sockets[1]);
    assert_int_equal(fdpass_receive(sockets[0], &word, 1, &master, 1, &count, NULL), 1);
    assert_int_equal(count, 1);
    box_read_all(&running.box, master);
    assert_string_equal(running.box.output, "/dev/pts/0\r\n11 22\r\nx\r\n");
    assert_int_equal(waitpid(pid, &status, 0), pid);
    close(master);
    close(pidfd);
    close(sockets[0]);
    end(&running);
    box_done(&running.box);
}

/* --- older kernels, ordinary users
 * ------------------------------------------------------------------- */

static int run_and_join(struct running *running)
{
    CHECK(begin(running) == 0);
    CHECK(join_script(running, "[ /proc/1/ns/mnt -ef /proc/self/ns/mnt ] && "
                               "[ /proc/1/ns/pid -ef /proc/self/ns/pid ] && "
                               "[ /proc/1/ns/user -ef /proc/self/ns/user ] && "
                               "[ /proc/1/ns/cgroup -ef /proc/self/ns/cgroup ] && id -u") == 0);
    CHECK(strcmp(running->box.output, "0\n") == 0);
    CHECK(running->box.exit_code == 0);
    end(running);
    return 0;
}

static int join_on_old_kernel(void *context)
{
    static const int numbers[] = {SYS_clone3, SYS_pidfd_open, SYS_openat2, SYS_close_range};

    for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
        CHECK(refuse_call(numbers[i], ENOSYS));
    return run_and_join(context);
}

/* Before Linux 5.8: no setns by pidfd. */
static int join_by_files(void *context)
{
    struct running *running = context;

    running->box.err.code = 0;
    CHECK(begin(running) == 0);
    (void)close(running->launch.pidfd);
    running->launch.pidfd = -1;
    CHECK(join_script(running, "[ /proc/1/ns/mnt -ef /proc/self/ns/mnt ] && id -u") == 0);
    CHECK(strcmp(running->box.output, "0\n") == 0);
    end(running);
    return 0;
}

static int join_plainly(void *context)
{
    return run_and_join(context);
}

/* The reaper is still mcpd, and hides its memory from root's containers. */
static int join_reaper(void *context)
{
    struct running *running = context;

    CHECK(begin(running) == 0);
    CHECK(join_script(running, "cat /proc/1/comm") == 0);
    CHECK(strcmp(running->box.output, "mcpd-init\n") == 0);
    end(running);
    return 0;
}

static void run_all(struct running *running, uid_t user_id)
{
    run_child(join_plainly, running, user_id);
    run_child(join_on_old_kernel, running, user_id);
    run_child(join_by_files, running, user_id);
    running->box.plan.init = true;
    running->box.plan.process.user = box_text(user_id == 0 ? "app" : "");
    run_child(join_reaper, running, user_id);
}

static void test_old_kernels(void **state)
{
    struct running running;

    NEEDS_ROOT();
    setup_running(&running, *state);
    run_all(&running, 0);
    box_done(&running.box);
}

static void test_as_user(void **state)
{
    struct running running;
    struct test_dir *dir = *state;
    char owner[32];
    char *argv[] = {box_text("chown"), box_text("-R"), owner, dir->path, NULL};

    NEEDS_ROOT();
    setup_running(&running, dir);
    running.box.plan.limits.pids_is_default = true;
    (void)snprintf(owner, sizeof(owner), "%d:%d", TEST_USER_ID, TEST_USER_ID);
    assert_int_equal(proc_run(argv, 10000, NULL, NULL), 0);
    run_all(&running, TEST_USER_ID);
    box_done(&running.box);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        DIR_TEST(test_same_surroundings), DIR_TEST(test_rights),
        DIR_TEST(test_refusals),          DIR_TEST(test_ended_container),
        DIR_TEST(test_limits_hold),       DIR_TEST(test_cannot_be_looked_into),
        DIR_TEST(test_terminal),          DIR_TEST(test_old_kernels),
        DIR_TEST(test_as_user),
    };

    return cmocka_run_group_tests_name("join", tests, NULL, NULL);
}
