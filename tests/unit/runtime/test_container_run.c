/* test_container_run.c - the lock's note, and what is killed by it. */
#include "runtime/records.h"

#include <poll.h>

#include "base/proc.h"
#include "runtime/cgroup.h"

static void save(struct folders *folders, int lock_fd, const struct container_run *run)
{
    assert_int_equal(container_save_run(lock_fd, run, folders->runroot, NULL), 0);
}

static void test_note_round_trip(void **state)
{
    struct folders *folders = *state;
    struct container_run saved;
    struct container_run loaded;
    CLEANUP_FREE char *runroot = NULL;
    char id[IDENT_SIZE];
    int lock_fd;
    int dir_fd;

    must_create(folders, 1, "web", id);
    dir_fd = open_record(folders, id);
    assert_code(container_load_run(dir_fd, &loaded, NULL), MCPD_E_NOT_FOUND);
    lock_fd = hold_lock(folders, id);
    assert_code(container_load_run(dir_fd, &loaded, NULL), MCPD_E_NOT_FOUND);
    container_run_init(&saved, "/mcpd/some");
    assert_int_equal(saved.monitor_pid, getpid());
    assert_true(saved.monitor_start_ticks > 0 && saved.boot_id[0] && saved.pid_namespace[0]);
    save(folders, lock_fd, &saved);
    saved.init_pid = 4194303;
    saved.init_start_ticks = UINT64_C(1) << 62;
    save(folders, lock_fd, &saved);
    assert_int_equal(container_load_run(dir_fd, &loaded, NULL), 0);
    assert_memory_equal(&loaded, &saved, sizeof(saved));
    assert_int_equal(container_load_runroot(dir_fd, &runroot, NULL), 0);
    assert_string_equal(runroot, folders->runroot);
    saved.init_pid = 1; /* shorter than what stands there */
    memset(saved.cgroup_path, 0, sizeof(saved.cgroup_path));
    save(folders, lock_fd, &saved);
    assert_int_equal(container_load_run(dir_fd, &loaded, NULL), 0);
    assert_memory_equal(&loaded, &saved, sizeof(saved));
    container_clear_run(lock_fd);
    assert_code(container_load_run(dir_fd, &loaded, NULL), MCPD_E_NOT_FOUND);
    close(lock_fd);
    close(dir_fd);
}

static void test_damaged_notes(void **state)
{
    static const char *const notes[] = {
        "{",
        "[]x",
        "{\"initPid\":-1}",
        "{\"initPid\":4294967297}",
        "{\"initPid\":\"1\"}",
        "{\"monitorStartTicks\":-5}",
        "{\"bootId\":\"0123456789012345678901234567890123456789\"}"};
    struct folders *folders = *state;
    struct container_run run;
    char id[IDENT_SIZE];
    int lock_fd;
    int dir_fd;

    must_create(folders, 1, "web", id);
    dir_fd = open_record(folders, id);
    for (size_t i = 0; i < ARRAY_SIZE(notes); i++) {
        put_file(dir_fd, "lock", notes[i]);
        assert_code(container_load_run(dir_fd, &run, NULL), MCPD_E_CORRUPT);
        lock_fd = hold_lock(folders, id);
        container_kill_left(dir_fd, lock_fd); /* nothing to go by: forgotten */
        assert_code(container_load_run(dir_fd, &run, NULL), MCPD_E_NOT_FOUND);
        close(lock_fd);
    }
    close(dir_fd);
}

/* --- killing ------------------------------------------------------------------------- */

static pid_t start_process(void)
{
    pid_t pid = fork();

    if (pid == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (;;)
            pause();
    }
    assert_true(pid > 0);
    return pid;
}

static void note_process(struct container_run *run, pid_t pid)
{
    container_run_init(run, "");
    run->init_pid = pid;
    assert_int_equal(proc_start_time(pid, &run->init_start_ticks, NULL), 0);
}

/* The signal that ended it; 0: it lives, and is ended here. */
static int ended_by(pid_t pid)
{
    int status = 0;

    if (waitpid(pid, &status, WNOHANG) == pid)
        return WTERMSIG(status);
    (void)kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return 0;
}

/* Kills by the note after a change to it; returns the signal that ended the process. */
static int kill_by(struct folders *folders, const char *id, void (*change)(struct container_run *))
{
    struct container_run run;
    pid_t pid = start_process();
    int dir_fd = open_record(folders, id);
    int lock_fd;

    note_process(&run, pid);
    if (change)
        change(&run);
    leave_note(folders, id, &run);
    lock_fd = hold_lock(folders, id);
    container_kill_left(dir_fd, lock_fd);
    close(lock_fd);
    close(dir_fd);
    assert_false(has_note(folders, id));
    return ended_by(pid);
}

static void other_boot(struct container_run *run)
{
    run->boot_id[0] ^= 1;
}

static void other_namespace(struct container_run *run)
{
    (void)snprintf(run->pid_namespace, sizeof(run->pid_namespace), "pid:[1]");
}

static void other_start(struct container_run *run)
{
    run->init_start_ticks++;
}

static void no_start(struct container_run *run)
{
    run->init_start_ticks = 0;
}

static void test_kill_by_identity(void **state)
{
    struct folders *folders = *state;
    char id[IDENT_SIZE];

    must_create(folders, 1, "web", id);
    assert_int_equal(kill_by(folders, id, NULL), SIGKILL);
    assert_int_equal(kill_by(folders, id, other_boot), 0);
    assert_int_equal(kill_by(folders, id, other_namespace), 0);
    assert_int_equal(kill_by(folders, id, other_start), 0);
    assert_int_equal(kill_by(folders, id, no_start), 0);
}

/* A group that was planned, made, and left by a monitor that was killed. */
static void test_group_by_note(void **state)
{
    const struct plan_limits limits = {.pids_max = 10};
    struct folders *folders = *state;
    struct cgroup cgroup = CGROUP_NONE;
    struct container_run run;
    char path[CGROUP_PATH_SIZE];
    char id[IDENT_SIZE], group_id[IDENT_SIZE];
    int dir_fd;
    int lock_fd;

    if (geteuid() != 0)
        skip();
    must_create(folders, 1, "web", id);
    assert_int_equal(ident_generate(group_id, NULL), 0);
    assert_int_equal(cgroup_choose_path(group_id, path, NULL), 0);
    assert_int_equal(cgroup_create(path, &limits, &cgroup, NULL), 0);
    cgroup_close(&cgroup);
    container_run_init(&run, path);
    leave_note(folders, id, &run);
    dir_fd = open_record(folders, id);
    lock_fd = hold_lock(folders, id);
    container_kill_left(dir_fd, lock_fd);
    assert_int_equal(cgroup_open(path, &cgroup, NULL), 0);
    assert_true(cgroup.unified_fd < 0 && cgroup.v1_count == 0);
    cgroup_close(&cgroup);
    close(lock_fd);
    close(dir_fd);
}

/* --- without the monitor's help --------------------------------------------------------- */

/* A monitor that notes both, and lets go of the lock when the process ends, or does not move. */
static pid_t start_monitor(struct folders *folders, const char *id, pid_t init, bool hangs)
{
    int dir_fd = open_record(folders, id);
    int lock_fd = hold_lock(folders, id);
    struct container_run run;
    pid_t pid = fork();

    if (pid == 0) {
        CLEANUP_FD int pidfd = proc_pidfd_open(init);
        struct pollfd end = {.fd = pidfd, .events = POLLIN};

        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (hangs)
            (void)raise(SIGSTOP);
        (void)poll(&end, 1, -1);
        _exit(0);
    }
    assert_true(pid > 0);
    note_process(&run, init);
    run.monitor_pid = pid;
    assert_int_equal(proc_start_time(pid, &run.monitor_start_ticks, NULL), 0);
    save(folders, lock_fd, &run);
    close(lock_fd); /* the child has it */
    close(dir_fd);
    return pid;
}

static void test_force_end(void **state)
{
    struct folders *folders = *state;
    struct mcpd_error err = {0};
    bool was_killed = true;
    char id[IDENT_SIZE];

    must_create(folders, 1, "web", id);
    for (int hangs = 0; hangs < 2; hangs++) {
        pid_t init = start_process();
        pid_t monitor = start_monitor(folders, id, init, hangs == 1);
        int dir_fd = open_record(folders, id);
        bool is_locked = false;

        if (container_force_end(id, dir_fd, SIGTERM, 5000, &was_killed, &err) < 0)
            fail_msg("%s", err.message);
        assert_false(was_killed);
        assert_int_equal(ended_by(init), SIGTERM);
        assert_int_equal(container_is_locked(dir_fd, &is_locked, NULL), 0);
        assert_false(is_locked);
        assert_int_equal(ended_by(monitor), hangs == 1 ? SIGKILL : 0);
        close(dir_fd);
    }
}

static void test_force_end_kills(void **state)
{
    struct folders *folders = *state;
    struct mcpd_error err = {0};
    bool was_killed = false;
    char id[IDENT_SIZE];
    pid_t init, monitor;
    int dir_fd;

    must_create(folders, 1, "web", id);
    init = start_process();
    monitor = start_monitor(folders, id, init, false);
    dir_fd = open_record(folders, id);
    assert_int_equal(container_force_end(id, dir_fd, SIGCONT, 50, &was_killed, &err), 0);
    assert_true(was_killed);
    assert_int_equal(ended_by(init), SIGKILL);
    assert_int_equal(ended_by(monitor), 0);
    put_file(dir_fd, "lock", "");
    assert_code(container_force_end(id, dir_fd, SIGTERM, 50, &was_killed, &err), MCPD_E_STATE);
    close(dir_fd);
}

/* A start under way is waited for, seen when it has become a running container, and can be ended.
 */
static void test_removing_beside_a_start(void **state)
{
    struct folders *folders = *state;
    struct container container;
    struct mcpd_error err = {0};
    char id[IDENT_SIZE];
    pid_t init, monitor;

    must_create(folders, 1, "web", id);
    init = start_process();
    monitor = start_monitor(folders, id, init, true);
    assert_int_equal(container_load(&folders->containers, id, &container, &err), 0);
    assert_int_equal(container.state.status, CONTAINER_STATUS_CREATED);
    assert_code(container_remove_within(&folders->containers, &container, 50, &err),
                MCPD_E_TIMEOUT);
    save_state(folders, id, CONTAINER_STATUS_RUNNING);
    assert_code(container_remove_within(&folders->containers, &container, 10000, &err),
                MCPD_E_STATE);
    save_state(folders, id, CONTAINER_STATUS_CREATED);
    container_kill_starting(container.dir_fd);
    assert_int_equal(container_remove_within(&folders->containers, &container, 10000, &err), 0);
    assert_int_equal(ended_by(monitor), SIGKILL);
    assert_int_equal(ended_by(init), SIGKILL); /* of what it left nothing runs */
    container_done(&container);
    assert_int_equal(count_entries(folders->containers.containers_fd), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RECORD_TEST(test_note_round_trip),
        RECORD_TEST(test_damaged_notes),
        RECORD_TEST(test_kill_by_identity),
        RECORD_TEST(test_group_by_note),
        RECORD_TEST(test_force_end),
        RECORD_TEST(test_force_end_kills),
        RECORD_TEST(test_removing_beside_a_start),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
