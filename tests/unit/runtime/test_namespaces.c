/* test_namespaces.c - processes in new namespaces with every kernel, and joining them. */
#include "base/base_test.h"

#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "base/proc.h"
#include "runtime/namespaces.h"

static void test_flags_of_plan(void **state)
{
    struct plan plan = {0};
    const int all = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWNET;

    assert_int_equal(namespaces_of_plan(&plan, false), all);
    assert_int_equal(namespaces_of_plan(&plan, true), all | CLONE_NEWUSER);
    plan.network = PLAN_NETWORK_HOST;
    plan.pid = plan.ipc = plan.uts = plan.cgroup = PLAN_NAMESPACE_HOST;
    assert_int_equal(namespaces_of_plan(&plan, false), CLONE_NEWNS);
}

/* The child is pid 1 of its namespace; its pidfd is there and is its own. */
static int clone_into_pid_namespace(void *context)
{
    const bool *wants_pidfd = context;
    struct namespaces_child child = NAMESPACES_CHILD_NONE;
    int status = 0;

    CHECK(namespaces_clone(CLONE_NEWPID, &child, NULL) == 0);
    if (child.pid == 0)
        _exit(getpid() == 1 ? 5 : 6);
    CHECK(!*wants_pidfd || child.pidfd >= 0);
    CHECK(waitpid(child.pid, &status, 0) == child.pid);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 5);
    if (child.pidfd >= 0)
        CHECK(proc_pidfd_send_signal(child.pidfd, 0) < 0 && errno == ESRCH);
    return 0;
}

static int clone_without_clone3(void *context)
{
    CHECK(refuse_call(SYS_clone3, ENOSYS));
    return clone_into_pid_namespace(context);
}

static void test_clone(void **state)
{
    bool wants_pidfd = true;

    if (geteuid() != 0)
        skip();
    run_child(clone_into_pid_namespace, &wants_pidfd, 0);
    run_child(clone_without_clone3, &wants_pidfd, 0);
}

static int clone_refused(void *context)
{
    struct namespaces_child child = NAMESPACES_CHILD_NONE;
    struct mcpd_error err = {0};

    CHECK(namespaces_clone(CLONE_NEWPID, &child, &err) < 0 && err.code == MCPD_E_DENIED);
    return 0;
}

static void test_clone_as_user(void **state)
{
    run_child(clone_refused, NULL, TEST_USER_ID);
}

static short flags_of_lo(void)
{
    CLEANUP_FD int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct ifreq request = {.ifr_name = "lo"};

    return ioctl(fd, SIOCGIFFLAGS, &request) < 0 ? 0 : request.ifr_flags;
}

static int raise_loopback(void *context)
{
    CHECK(unshare(CLONE_NEWNET) == 0);
    CHECK((flags_of_lo() & IFF_UP) == 0);
    CHECK(namespaces_raise_loopback(NULL) == 0);
    CHECK((flags_of_lo() & (IFF_UP | IFF_RUNNING)) == (IFF_UP | IFF_RUNNING));
    return 0;
}

static void test_loopback(void **state)
{
    if (geteuid() != 0)
        skip();
    run_child(raise_loopback, NULL, 0);
}

static ino_t inode_of(const char *path)
{
    struct stat st;

    return stat(path, &st) < 0 ? 0 : st.st_ino;
}

/* Joins the uts and ipc namespaces of a child; those that are ours already are left alone. */
static int join_child(void *context)
{
    const bool *by_pidfd = context;
    const int flags = CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET;
    struct namespaces_child child = NAMESPACES_CHILD_NONE;
    char path[64];
    ino_t uts;
    ino_t net = inode_of("/proc/self/ns/net");

    CHECK(namespaces_clone(CLONE_NEWUTS | CLONE_NEWIPC, &child, NULL) == 0);
    if (child.pid == 0) {
        (void)pause();
        _exit(0);
    }
    (void)snprintf(path, sizeof(path), "/proc/%d/ns/uts", (int)child.pid);
    uts = inode_of(path);
    CHECK(uts != 0 && uts != inode_of("/proc/self/ns/uts"));
    CHECK(namespaces_join(*by_pidfd ? child.pidfd : -1, child.pid, flags, NULL) == 0);
    CHECK(inode_of("/proc/self/ns/uts") == uts);
    CHECK(inode_of("/proc/self/ns/net") == net);
    CHECK(kill(child.pid, SIGKILL) == 0 && waitpid(child.pid, NULL, 0) == child.pid);
    return 0;
}

static void test_join(void **state)
{
    bool by_pidfd = true;

    if (geteuid() != 0)
        skip();
    run_child(join_child, &by_pidfd, 0);
    by_pidfd = false;
    run_child(join_child, &by_pidfd, 0);
}

static int join_the_dead(void *context)
{
    struct namespaces_child child = NAMESPACES_CHILD_NONE;
    struct mcpd_error err = {0};

    CHECK(namespaces_clone(CLONE_NEWUTS, &child, NULL) == 0);
    if (child.pid == 0)
        _exit(0);
    CHECK(waitpid(child.pid, NULL, 0) == child.pid);
    CHECK(namespaces_join(child.pidfd, child.pid, CLONE_NEWUTS, &err) == -MCPD_E_STATE);
    return 0;
}

static void test_join_the_dead(void **state)
{
    if (geteuid() != 0)
        skip();
    run_child(join_the_dead, NULL, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_flags_of_plan), cmocka_unit_test(test_clone),
        cmocka_unit_test(test_clone_as_user), cmocka_unit_test(test_loopback),
        cmocka_unit_test(test_join),          cmocka_unit_test(test_join_the_dead),
    };

    return cmocka_run_group_tests_name("namespaces", tests, NULL, NULL);
}
