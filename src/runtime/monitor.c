/*
 * monitor.c - the one process that stays with a running container.
 *
 * Theory of operation. A client makes the record and executes `mcpd internal monitor` with one end
 * of a socket pair as descriptor 3, the start socket. From there on the client may die at any
 * moment. The monitor
 *   1. takes the container's lock, which is what "running" means to everybody else, and clears up
 *      after a holder that was killed;
 *   2. reads the plan and notes in the lock who it is and what it is about to make
 *      (container_run.c), from when on a start that is stuck can be ended;
 *   3. writes the host files, makes streams and its listening socket, launches the first process,
 *      notes what runs (there and in state.json), and says STARTED;
 *   4. forgets everything that starting needed, and gives the memory back;
 *   5. waits in one poll for the process, its output, clients and the deadline of a stop. Nothing
 *      is timed that does not have to be: a container that says nothing causes no wake-up;
 *   6. when the process has ended: passes on the last output, settles the record, removes the
 *      container if it is to be thrown away, and only then answers those who wait. Whoever hears
 *      of the end finds it written down;
 *   7. lets go of the lock, gives a slow reader of the last output its time, and is gone.
 * A failure up to STARTED goes back over the start socket with its text and leaves the record as it
 * was.
 *
 * Signals are ignored: a monitor is stopped by its container's end. Only SIGHUP has a meaning: the
 * socket was lost together with RUNROOT, and is to be made again. If a monitor is killed, the lock
 * is free while state.json says running, and the next command clears up (container_load.c).
 *
 * To keep it small: no stdio, one mapping for everything that lives long (monitor_parts.h) and
 * nothing on the heap, so that all of it can be given back; large buffers are only touched while
 * a container talks.
 */
#include "runtime/monitor.h"

#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/fdpass.h"
#include "base/fsutil.h"
#include "base/log.h"
#include "base/proc.h"
#include "base/str.h"
#include "base/title.h"
#include "runtime/hostfiles.h"
#include "runtime/monitor_parts.h"

#define START_FD        3
#define LOCK_WAIT_MS    10000 /* for the monitor before us, which is just ending */
#define LOCK_STEP_MS    5
#define LISTEN_ATTEMPTS 4
#define ARGUMENT_COUNT  5
#define STACK_USED_MAX  (128 * 1024)
#define DRAIN_MAX_READS 1024 /* a pipe that somebody outside still writes to */

enum poll_slot {
    POLL_PROCESS,
    POLL_LISTEN,
    POLL_INPUT,
    POLL_OUTPUT,
    POLL_CLIENTS = POLL_OUTPUT + MONITOR_OUTPUTS,
};

/* --- starting ------------------------------------------------------------------------- */

static void ignore_signals(void)
{
    static const int ignored[] = {SIGHUP,  SIGINT,  SIGQUIT, SIGTERM, SIGPIPE, SIGALRM,
                                  SIGUSR1, SIGUSR2, SIGTSTP, SIGTTIN, SIGTTOU, SIGXFSZ};
    const struct sigaction action = {.sa_handler = SIG_IGN};

    for (size_t i = 0; i < ARRAY_SIZE(ignored); i++)
        (void)sigaction(ignored[i], &action, NULL);
}

static volatile sig_atomic_t has_lost_socket;

static void note_lost_socket(int number)
{
    (void)number;
    has_lost_socket = 1;
}

/* From when on the lock names us. */
static void heed_hang_up(void)
{
    const struct sigaction action = {.sa_handler = note_lost_socket};

    (void)sigaction(SIGHUP, &action, NULL);
}

/* The lock may be held by a monitor that is ending (then it is free in a moment) or by one that
 * runs (then we are not needed). */
static int take_lock(struct monitor *monitor, struct mcpd_error *err)
{
    int64_t deadline_ms = clock_monotonic_ms() + LOCK_WAIT_MS;

    for (;;) {
        int rc = container_lock(&monitor->root, monitor->id, monitor->dir_fd, LOCK_STEP_MS,
                                &monitor->lock_fd, err);

        if (rc != -MCPD_E_TIMEOUT)
            return rc;
        rc = container_load_state(monitor->dir_fd, &monitor->state, err);
        if (rc < 0)
            return rc;
        if (container_is_active(monitor->state.status))
            return error_set(err, MCPD_E_CONFLICT, "container %s is already running", monitor->id);
        if (clock_monotonic_ms() > deadline_ms)
            return error_set(err, MCPD_E_STATE, "container %s is being started or stopped",
                             monitor->id);
    }
}

static int open_container(struct monitor *monitor, const char *root, const char *runroot,
                          struct mcpd_error *err)
{
    int rc = container_root_open(root, runroot, &monitor->root, err);

    if (rc < 0)
        return rc;
    monitor->root.root = monitor->root.runroot = NULL; /* only its descriptors are used */
    monitor->dir_fd = openat(monitor->root.containers_fd, monitor->id,
                             O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (monitor->dir_fd < 0 && errno == ENOENT) /* removed meanwhile */
        return container_not_found(monitor->id, err);
    if (monitor->dir_fd < 0)
        return error_errno(err, "open container '%s'", monitor->id);
    rc = take_lock(monitor, err);
    if (rc < 0)
        return rc;
    container_kill_left(monitor->dir_fd, monitor->lock_fd);
    return container_load_state(monitor->dir_fd, &monitor->state, err);
}

/* A socket with everything that leads to it: a sweep may have found the folder empty and removed it
 * between our two steps. */
static int listen_for_clients(struct monitor *monitor, const char *runroot, struct mcpd_error *err)
{
    CLEANUP_FD int listen_fd = -1;
    int rc = -MCPD_E_NOT_FOUND;

    for (int attempt = 0; attempt < LISTEN_ATTEMPTS && rc == -MCPD_E_NOT_FOUND; attempt++) {
        cleanup_close_fd(&monitor->run_dir_fd);
        monitor->run_dir_fd = -1;
        rc = container_make_run_dir(runroot, monitor->id, &monitor->run_dir_fd, err);
        if (rc == 0)
            rc = fdpass_listen(monitor->run_dir_fd, "socket", &listen_fd, err);
    }
    if (rc < 0)
        return rc;
    if (fcntl(listen_fd, F_SETFL, O_NONBLOCK | O_RDWR) < 0)
        return error_errno(err, "set up the socket");
    cleanup_close_fd(&monitor->listen_fd);
    monitor->listen_fd = TAKE_FD(listen_fd);
    return 0;
}

static void listen_again(struct monitor *monitor)
{
    CLEANUP_FREE char *runroot = NULL;
    struct mcpd_error problem = {0};
    int rc = container_load_runroot(monitor->dir_fd, &runroot, &problem);

    if (rc == 0 && runroot)
        rc = listen_for_clients(monitor, runroot, &problem);
    if (rc == 0) { /* the old one is a folder without a name */
        cleanup_close_fd(&monitor->root.run_fd);
        rc = fs_open_dir(monitor->run_dir_fd, "..", &monitor->root.run_fd, &problem);
    }
    if (rc < 0)
        log_debug("monitor", "%s", problem.message);
    free(TAKE_PTR(runroot));
    (void)malloc_trim(0);
}

/* Says what is about to be made: somebody may have to clear up after us. */
static int note_plan(struct monitor *monitor, const char *runroot, struct mcpd_error *err)
{
    char cgroup_path[CGROUP_PATH_SIZE];
    int rc = cgroup_choose_path(monitor->id, cgroup_path, err);

    if (rc < 0)
        return rc;
    container_run_init(&monitor->run, cgroup_path);
    heed_hang_up();
    return container_save_run(monitor->lock_fd, &monitor->run, runroot, err);
}

/* The command may fill the disk at once. What is said of it then is written over what is there
 * (container_state.c), so there has to be something. */
static int keep_room_for_state(const struct monitor *monitor, struct mcpd_error *err)
{
    if (fs_exists(monitor->dir_fd, "state.json"))
        return 0;
    return container_save_state(monitor->dir_fd, &monitor->state, false, err);
}

/* Says what runs. */
static int note_start(struct monitor *monitor, const char *runroot, struct mcpd_error *err)
{
    struct container_run *run = &monitor->run;
    int rc;

    run->init_pid = monitor->launch.pid;
    (void)!proc_start_time(run->init_pid, &run->init_start_ticks, NULL); /* ended already? */
    (void)snprintf(run->cgroup_path, sizeof(run->cgroup_path), "%s", monitor->launch.cgroup.path);
    monitor->state = (struct container_state){.status = CONTAINER_STATUS_RUNNING,
                                              .started_unix_ns = clock_unix_ns(),
                                              .restart_count = monitor->state.restart_count};
    rc = container_save_run(monitor->lock_fd, run, runroot, err);
    return rc < 0 ? rc : container_save_state(monitor->dir_fd, &monitor->state, false, err);
}

/* The foreground command says how large its terminal is before it starts us. */
static struct winsize read_first_size(void)
{
    struct winsize size = {0};
    char packet[8];
    uint16_t numbers[2];

    if (recv(START_FD, packet, sizeof(packet), MSG_DONTWAIT) == 1 + sizeof(numbers) &&
        packet[0] == STREAM_RESIZE) {
        memcpy(numbers, packet + 1, sizeof(numbers));
        size.ws_row = numbers[0];
        size.ws_col = numbers[1];
    }
    return size;
}

static int launch(struct monitor *monitor, const struct plan *plan, struct mcpd_error *err)
{
    CLEANUP(stream_ends_done) struct stream_ends ends = STREAM_ENDS_NONE;
    CLEANUP_LAYERSTORES struct layerstores stores = {0};
    struct launch_request request = {.plan = plan,
                                     .cgroup_path = monitor->run.cgroup_path,
                                     .stores = &stores,
                                     .container_dir_fd = monitor->dir_fd};
    struct winsize size = read_first_size();
    int rc = streams_make(monitor, plan->process.open_stdin, &ends, err);

    if (rc < 0)
        return rc;
    layerstores_open(plan, monitor->root.root_fd, &stores);
    request.stdin_fd = ends.stdin_fd;
    request.stdout_fd = ends.stdout_fd;
    request.stderr_fd = ends.stderr_fd;
    request.console_socket_fd = ends.console_socket_fd;
    request.console_rows = size.ws_row;
    request.console_columns = size.ws_col;
    rc = launch_start(&request, &monitor->launch, err);
    if (rc < 0)
        return rc;
    cleanup_close_fd(&ends.console_socket_fd); /* only the child's end is left: no endless wait */
    ends.console_socket_fd = -1;
    rc = streams_connect(monitor, &ends, err);
    if (rc < 0)
        launch_done(&monitor->launch);
    return rc;
}

static int open_log(struct monitor *monitor, const struct plan *plan, struct mcpd_error *err)
{
    const struct logfile_limits limits = {.max_bytes = plan->log_max_bytes,
                                          .files = plan->log_max_files};
    int rc = logfile_find(monitor->dir_fd, plan->log_path, &monitor->log_place, err);

    if (rc == 0)
        logfile_open(&monitor->log_place, &limits, &monitor->log);
    return rc;
}

/* The caller's limit is the container's, but the log and the record are ours. What cannot be raised
 * is kept by the log: its newest lines stay. */
static void heed_file_limit(struct monitor *monitor)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_FSIZE, &limit) < 0)
        return;
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_FSIZE, &limit);
    if (monitor->has_log && limit.rlim_max != RLIM_INFINITY)
        logfile_set_longest(&monitor->log, limit.rlim_max);
}

static int start_with_plan(struct monitor *monitor, const struct plan *plan, const char *runroot,
                           struct mcpd_error *err)
{
    int rc;

    monitor->is_tty = plan->process.tty;
    monitor->auto_remove = plan->auto_remove;
    monitor->has_log = !str_equal(plan->log_driver, "none");
    rc = str_copy(monitor->name, sizeof(monitor->name), plan->name);
    if (rc < 0)
        return error_set(err, MCPD_E_CORRUPT, "the name of container %s is too long", monitor->id);
    rc = note_plan(monitor, runroot, err);
    if (rc == 0)
        rc = hostfiles_write(plan, monitor->dir_fd, err);
    if (rc == 0)
        rc = listen_for_clients(monitor, runroot, err);
    if (rc == 0 && monitor->has_log)
        rc = open_log(monitor, plan, err);
    if (rc == 0)
        rc = keep_room_for_state(monitor, err);
    if (rc == 0)
        rc = launch(monitor, plan, err);
    if (rc < 0)
        return rc;
    heed_file_limit(monitor);
    rc = note_start(monitor, runroot, err);
    if (rc < 0) /* what nobody can know of must not run */
        launch_done(&monitor->launch);
    return rc;
}

static int start(struct monitor *monitor, const char *root, const char *runroot,
                 struct mcpd_error *err)
{
    CLEANUP(plan_done) struct plan plan;
    int rc;

    plan_init(&plan);
    rc = open_container(monitor, root, runroot, err);
    if (rc == 0)
        rc = container_load_plan(monitor->dir_fd, &plan, err);
    if (rc == 0)
        rc = start_with_plan(monitor, &plan, runroot, err);
    return rc;
}

static void say_failed(const struct mcpd_error *error)
{
    char packet[1 + sizeof(*error)];

    packet[0] = STREAM_FAILED;
    memcpy(packet + 1, error, sizeof(*error));
    (void)!fdpass_send(START_FD, packet, sizeof(packet), NULL, 0, NULL);
}

/* An attached client stays with the same connection. */
static void say_started(struct monitor *monitor, bool is_attached, bool wants_stdin)
{
    const char packet[1] = {STREAM_STARTED};

    (void)!fdpass_send(START_FD, packet, sizeof(packet), NULL, 0, NULL);
    if (is_attached) {
        struct client *client = monitor_socket_add(monitor, START_FD, CLIENT_ATTACHED);

        client->is_starter = true;
        client->wants_stdin = wants_stdin;
    } else {
        (void)close(START_FD);
    }
}

/* --- the loop ----------------------------------------------------------------------------- */

static bool feeds_input(const struct client *client)
{
    return client->kind == CLIENT_ATTACHED && client->wants_stdin;
}

/* Fills monitor->polls; a negative descriptor is not looked at. Returns how many there are. */
static size_t prepare(struct monitor *monitor)
{
    struct pollfd *polls = monitor->polls;
    bool is_stalled = !monitor->has_ended && monitor_socket_is_stalled(monitor);
    bool has_room = monitor->client_count < MONITOR_MAX_CLIENTS;

    polls[POLL_PROCESS].fd = monitor->has_ended ? -1 : monitor->launch.pidfd;
    polls[POLL_PROCESS].events = POLLIN;
    polls[POLL_LISTEN].fd = has_room ? monitor->listen_fd : -1;
    polls[POLL_LISTEN].events = POLLIN;
    polls[POLL_INPUT].fd = monitor->input_bytes > 0 ? monitor->input_fd : -1;
    polls[POLL_INPUT].events = POLLOUT;
    for (size_t i = 0; i < MONITOR_OUTPUTS; i++) {
        polls[POLL_OUTPUT + i].fd = is_stalled ? -1 : monitor->output_fds[i];
        polls[POLL_OUTPUT + i].events = POLLIN;
    }
    for (size_t i = 0; i < monitor->client_count; i++) {
        const struct client *client = &monitor->clients[i];
        bool is_waiting = monitor->input_bytes > 0 && feeds_input(client);
        int events = (is_waiting ? 0 : POLLIN) | (client->backlog_bytes > 0 ? POLLOUT : 0);

        polls[POLL_CLIENTS + i].fd = client->fd;
        polls[POLL_CLIENTS + i].events = (short)events;
    }
    return POLL_CLIENTS + monitor->client_count;
}

/* Until the next deadline; -1: there is none. */
static int next_timeout_ms(struct monitor *monitor)
{
    int64_t now_ms = clock_monotonic_ms();
    int64_t left_ms = monitor_socket_drop_stalled(monitor, now_ms);

    if (monitor->kill_at_ms != 0) {
        int64_t kill_ms = monitor->kill_at_ms > now_ms ? monitor->kill_at_ms - now_ms : 0;

        left_ms = left_ms < 0 || kill_ms < left_ms ? kill_ms : left_ms;
    }
    return left_ms > INT32_MAX ? INT32_MAX : (int)left_ms;
}

static void kill_when_due(struct monitor *monitor)
{
    if (monitor->kill_at_ms == 0 || clock_monotonic_ms() < monitor->kill_at_ms)
        return;
    monitor->kill_at_ms = 0;
    monitor->was_killed = true;
    (void)proc_pidfd_send_signal(monitor->launch.pidfd, SIGKILL);
}

static void reap(struct monitor *monitor)
{
    int status = 0;

    while (waitpid(monitor->launch.pid, &status, 0) < 0 && errno == EINTR)
        ;
    if (monitor->is_piped_to_death && WIFSIGNALED(status))
        status = SIGPIPE; /* what it was killed for */
    monitor->state.exit_code = proc_exit_code(status);
    monitor->has_ended = true;
    monitor->kill_at_ms = 0;
}

static void serve_clients(struct monitor *monitor, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct client *client = &monitor->clients[i];
        short events = monitor->polls[POLL_CLIENTS + i].revents;

        if (client->is_gone || events == 0)
            continue;
        if (events & POLLOUT)
            monitor_socket_flush(client);
        /* Who hung up is read to the end, unless reading has to wait for the container. */
        if (!(events & POLLIN) && (events & (POLLHUP | POLLERR)))
            monitor_socket_hang_up(monitor, client);
        else if (events & POLLIN)
            monitor_socket_receive(monitor, client);
    }
    monitor_socket_sweep(monitor);
}

/* One round. */
static void serve(struct monitor *monitor)
{
    size_t count;
    size_t client_count = monitor->client_count;

    if (has_lost_socket) {
        has_lost_socket = 0;
        listen_again(monitor);
    }
    count = prepare(monitor);
    if (poll(monitor->polls, count, next_timeout_ms(monitor)) < 0)
        return;
    kill_when_due(monitor);
    if (monitor->polls[POLL_INPUT].revents)
        streams_flush_input(monitor);
    for (size_t i = 0; i < MONITOR_OUTPUTS; i++)
        if (monitor->polls[POLL_OUTPUT + i].revents && monitor->output_fds[i] >= 0)
            (void)streams_read_output(monitor, i);
    serve_clients(monitor, client_count);
    if (monitor->polls[POLL_LISTEN].revents)
        monitor_socket_accept(monitor);
    if (monitor->polls[POLL_PROCESS].revents)
        reap(monitor);
}

/* --- the end -------------------------------------------------------------------------------- */

/* What the container left in its pipes. It is taken even if a reader is slow: it goes into the log
 * and the reader's backlog, and the record is not kept waiting. */
static void drain(struct monitor *monitor)
{
    for (size_t i = 0; i < MONITOR_OUTPUTS; i++)
        for (int reads = 0; reads < DRAIN_MAX_READS && monitor->output_fds[i] >= 0; reads++)
            if (!streams_read_output(monitor, i))
                break;
}

static void settle(struct monitor *monitor)
{
    struct container_state *state = &monitor->state;
    struct mcpd_error problem = {0};

    state->oom_killed = cgroup_had_oom_kill(&monitor->launch.cgroup);
    launch_done(&monitor->launch);
    state->status = CONTAINER_STATUS_EXITED;
    state->finished_unix_ns = clock_unix_ns();
    if (monitor->auto_remove) {
        if (container_delete(&monitor->root, monitor->id, monitor->name, false, &problem) < 0)
            log_debug("monitor", "%s", problem.message);
        return;
    }
    if (container_save_state(monitor->dir_fd, state, false, &problem) < 0)
        log_debug("monitor", "%s", problem.message);
    container_clear_run(monitor->lock_fd);
    (void)unlinkat(monitor->run_dir_fd, "socket", 0);
}

/* A reader may still be busy with what came before. */
static void linger(struct monitor *monitor)
{
    for (;;) {
        size_t count = 0;

        for (size_t i = 0; i < monitor->client_count; i++) {
            struct client *client = &monitor->clients[i];

            if (client->backlog_bytes == 0 || client->is_gone)
                continue;
            monitor->polls[count++] = (struct pollfd){.fd = client->fd, .events = POLLOUT};
        }
        if (count == 0 || poll(monitor->polls, count, -1) < 0)
            return;
        count = 0;
        for (size_t i = 0; i < monitor->client_count; i++) {
            struct client *client = &monitor->clients[i];

            if (client->backlog_bytes == 0 || client->is_gone)
                continue;
            if (monitor->polls[count++].revents & (POLLHUP | POLLERR))
                monitor_socket_hang_up(monitor, client);
            else
                monitor_socket_flush(client);
        }
    }
}

static void end(struct monitor *monitor)
{
    drain(monitor);
    streams_done(monitor);
    settle(monitor);
    /* Those who connected meanwhile are answered like the others. */
    while (monitor->client_count < MONITOR_MAX_CLIENTS) {
        size_t before = monitor->client_count;

        monitor_socket_accept(monitor);
        if (monitor->client_count == before)
            break;
        monitor_socket_receive(monitor, &monitor->clients[before]);
    }
    monitor_socket_tell_end(monitor);
    cleanup_close_fd(&monitor->listen_fd);
    cleanup_close_fd(&monitor->lock_fd);
    linger(monitor);
}

/* --- all together ---------------------------------------------------------------------------- */

static struct monitor *make_monitor(const char *id, struct mcpd_error *err)
{
    struct monitor *monitor =
        mmap(NULL, sizeof(*monitor), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (monitor == MAP_FAILED) {
        (void)!error_no_memory(err, "monitor");
        return NULL;
    }
    monitor->dir_fd = monitor->run_dir_fd = monitor->lock_fd = monitor->listen_fd = -1;
    monitor->output_fds[0] = monitor->output_fds[1] = monitor->input_fd = -1;
    monitor->launch = (struct launch)LAUNCH_NONE;
    if (str_copy(monitor->id, sizeof(monitor->id), id) < 0) {
        (void)!error_set(err, MCPD_E_INVALID, "'%s' is not an id", id);
        return NULL;
    }
    return monitor;
}

/* It never began. If it was to be thrown away at its end, this is its end. */
static void give_up(struct monitor *monitor)
{
    if (monitor->lock_fd < 0)
        return;
    container_clear_run(monitor->lock_fd);
    if (monitor->run_dir_fd >= 0)
        (void)unlinkat(monitor->run_dir_fd, "socket", 0);
    if (monitor->auto_remove)
        (void)!container_delete(&monitor->root, monitor->id, monitor->name, false, NULL);
}

/* Our parent may live long and never ask for us; then somebody else has to be our parent. */
static bool leave_parent(void)
{
    pid_t pid = fork();

    if (pid > 0)
        _exit(0);
    return pid == 0;
}

/* What starting left behind: free heap, and the stack below us. Never inlined: its own frame is
 * small, so that two pages below it are enough for the calls made from here. */
__attribute__((noinline)) static void give_back_memory(void)
{
    const uintptr_t page = 4096;
    uintptr_t start = (uintptr_t)__builtin_frame_address(0) & ~(page - 1);
    void *unused;

    (void)malloc_trim(0);
    start -= 2 * page + STACK_USED_MAX;
    memcpy(&unused, &start, sizeof(unused));
    (void)madvise(unused, STACK_USED_MAX, MADV_DONTNEED); /* what was never mapped is no matter */
}

/* From here on `ps` shows the title alone. Their texts are not needed any more. */
static void hide_arguments(int argc, char **argv)
{
    for (int i = 0; i < argc; i++)
        memset(argv[i], 0, strlen(argv[i]));
}

/* ROOT RUNROOT ID attach|stdin|alone child|orphan */
int monitor_main(int argc, char **argv)
{
    struct mcpd_error error = {0};
    struct monitor *monitor;
    bool is_attached;
    bool wants_stdin;
    int rc = 0;

    if (argc != 1 + ARGUMENT_COUNT)
        return 125;
    title_remember(argc, argv);
    ignore_signals();
    (void)prctl(PR_SET_NAME, "mcpd");
    (void)umask(022);
    if (strcmp(argv[5], "orphan") == 0 && !leave_parent())
        return 125;
    is_attached = strcmp(argv[4], "alone") != 0;
    wants_stdin = strcmp(argv[4], "stdin") == 0;
    monitor = make_monitor(argv[3], &error);
    if (monitor)
        rc = start(monitor, argv[1], argv[2], &error);
    if (!monitor || rc < 0) {
        if (monitor)
            give_up(monitor);
        say_failed(&error);
        return 125;
    }
    say_started(monitor, is_attached, wants_stdin);
    hide_arguments(argc, argv);
    give_back_memory();
    while (!monitor->has_ended)
        serve(monitor);
    end(monitor);
    return 0;
}
