/*
 * engine_end.c - the calls that end a container: stop, kill, wait, remove.
 *
 * Theory of operation. A running container is ended by its monitor, which is asked and answers when
 * the end is written down. No answer has three reasons:
 *   - it ended by itself just now, or its monitor was killed: loading the record tells which, and
 *     settles the second;
 *   - the monitor cannot be reached or does not move (SIGSTOP, a full machine): asked something
 *     easy, it does not answer that either. Then the process is ended without it (container_run.c);
 *   - the process cannot be killed: it waits for a device. Nothing helps but time.
 * Removing by force has a fourth case: the record says that nothing runs, but its lock is held.
 * That is a start or an end under way, and a moment later there is something to kill, or nothing to
 * wait for. A start that does not get on is ended with its monitor. A damaged record can be ended
 * and removed like any other: only what it would have said of how to stop it is not known.
 */
#include "engine.h"

#include <poll.h>
#include <signal.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "oci/storetmp.h"
#include "runtime/monitor.h"
#include "runtime/signals.h"

#define END_ATTEMPTS  3
#define MS_PER_SECOND 1000
#define CHECK_MS      3000  /* without an answer until it is asked something easy */
#define ANSWER_MS     2000  /* for that */
#define DEATH_MS      10000 /* from a kill to the end */
#define START_MS      2000  /* for a start to get on */
#define RETRY_MS      20
#define REMOVE_MS     15000 /* for a removal by force with all of that */

/* How a container ended, and the question that leads there. */
struct ending {
    struct monitor_request request;
    int64_t deadline_ms; /* for the answer; < 0: none */
    bool checks;         /* whether the monitor is alive */
    bool hangs;          /* it is not */
    int exit_code;
    bool was_killed;
};

/* Also of a record that is damaged. */
static int load_to_end(const struct mcpd_engine *engine, const char *name,
                       struct container *ret_container, struct mcpd_error *err)
{
    char id[IDENT_SIZE];
    int rc = engine_load_container(engine, name, ret_container, err);

    if ((rc == -MCPD_E_CORRUPT || rc == -MCPD_E_SYSTEM) &&
        container_find(&engine->containers, name, id, NULL) == 0)
        rc = container_load_damaged(&engine->containers, id, ret_container, err);
    return rc;
}

/* STATE: nobody is there. */
static int check_monitor(const struct mcpd_engine *engine, const struct container *container,
                         struct mcpd_error *err)
{
    const struct monitor_request request = {.operation = MONITOR_PIDFD};
    struct monitor_reply reply;
    CLEANUP_FD int fd = -1;
    CLEANUP_FD int pidfd = -1;
    int rc = monitor_send_request(&engine->containers, container->id, &request, &fd, err);

    return rc < 0 ? rc : monitor_receive_reply(fd, ANSWER_MS, &reply, &pidfd, err);
}

static int wait_ms(const struct ending *ending)
{
    int64_t left_ms = ending->deadline_ms - clock_monotonic_ms();

    if (ending->deadline_ms < 0)
        return ending->checks ? CHECK_MS : -1;
    if (ending->checks && left_ms > CHECK_MS)
        return CHECK_MS;
    return left_ms < 0 ? 0 : left_ms > INT32_MAX ? INT32_MAX : (int)left_ms;
}

static int ask_for_end(const struct mcpd_engine *engine, const struct container *container,
                       struct ending *ending, struct mcpd_error *err)
{
    struct monitor_reply reply;
    CLEANUP_FD int fd = -1;
    int rc = monitor_send_request(&engine->containers, container->id, &ending->request, &fd, err);

    ending->hangs = rc == -MCPD_E_TIMEOUT;
    while (rc == 0) {
        rc = monitor_receive_reply(fd, wait_ms(ending), &reply, NULL, err);
        if (rc != -MCPD_E_TIMEOUT || !ending->checks)
            break;
        rc = check_monitor(engine, container, err);
        ending->hangs = rc == -MCPD_E_TIMEOUT;
        if (rc == 0 && ending->deadline_ms >= 0 && clock_monotonic_ms() >= ending->deadline_ms)
            rc = error_set(err, MCPD_E_TIMEOUT, "container %s does not end", container->id);
    }
    if (rc < 0)
        return rc;
    ending->exit_code = reply.exit_code;
    ending->was_killed = reply.was_killed != 0;
    return 0;
}

static int reload(const struct mcpd_engine *engine, struct container *container,
                  struct mcpd_error *err)
{
    char id[IDENT_SIZE];
    int rc;

    memcpy(id, container->id, sizeof(id));
    container_done(container);
    rc = load_to_end(engine, id, container, err);
    if (rc < 0)
        *container = (struct container){.dir_fd = -1};
    return rc;
}

/* Waits until it does not run any more. */
static int await_end(const struct mcpd_engine *engine, struct container *container,
                     struct ending *ending, struct mcpd_error *err)
{
    int rc = 0;

    for (int attempt = 0; attempt < END_ATTEMPTS; attempt++) {
        ending->exit_code = container->state.exit_code;
        if (!container_is_active(container->state.status))
            return 0;
        rc = ask_for_end(engine, container, ending, err);
        if (rc != -MCPD_E_STATE)
            return rc;
        rc = reload(engine, container, err);
        if (rc < 0)
            return rc;
    }
    ending->hangs = true;
    return error_set(err, MCPD_E_STATE, "the monitor of container %s does not answer",
                     container->id);
}

/* The signal, SIGKILL after a while, with or without the monitor. */
static int end(const struct mcpd_engine *engine, struct container *container, int signal_number,
               int timeout_ms, struct ending *ending, struct mcpd_error *err)
{
    int rc;

    *ending = (struct ending){
        .request = {.operation = MONITOR_STOP, .argument = signal_number, .timeout_ms = timeout_ms},
        .checks = true,
        .deadline_ms = clock_monotonic_ms() + timeout_ms + DEATH_MS};
    if (timeout_ms < 0)
        ending->deadline_ms = -1;
    rc = await_end(engine, container, ending, err);
    if (rc == 0 || !ending->hangs)
        return rc;
    rc = container_force_end(container->id, container->dir_fd, signal_number, timeout_ms,
                             &ending->was_killed, err);
    return rc < 0 ? rc : reload(engine, container, err);
}

/* --- stop, wait, kill ------------------------------------------------------------------- */

int engine_stop_timeout_ms(const struct container *container, int timeout_s)
{
    int64_t seconds = timeout_s < 0 ? (int64_t)container->plan.stop_timeout_s : timeout_s;

    return seconds > INT32_MAX / MS_PER_SECOND ? INT32_MAX : (int)(seconds * MS_PER_SECOND);
}

int mcpd_stop(struct mcpd_engine *engine, const char *name, int timeout_s, bool *ret_was_killed,
              struct mcpd_error *err)
{
    struct ending ending;
    struct container container;
    int rc = load_to_end(engine, name, &container, err);

    if (rc < 0)
        return rc;
    rc = end(engine, &container, container.plan.stop_signal,
             engine_stop_timeout_ms(&container, timeout_s), &ending, err);
    container_done(&container);
    if (rc == 0 && ret_was_killed)
        *ret_was_killed = ending.was_killed;
    return rc;
}

int mcpd_wait(struct mcpd_engine *engine, const char *name, int timeout_ms, int *ret_exit_code,
              struct mcpd_error *err)
{
    struct ending ending = {.request = {.operation = MONITOR_WAIT},
                            .deadline_ms = timeout_ms < 0 ? -1 : clock_monotonic_ms() + timeout_ms};
    struct container container;
    int rc = load_to_end(engine, name, &container, err);

    if (rc < 0)
        return rc;
    rc = await_end(engine, &container, &ending, err);
    container_done(&container);
    if (rc == 0)
        *ret_exit_code = ending.exit_code;
    return rc;
}

/* Nothing survives SIGKILL, so its end can be waited for. */
static int kill_and_wait(const struct mcpd_engine *engine, struct container *container,
                         struct mcpd_error *err)
{
    struct ending ending;

    return end(engine, container, SIGKILL, 0, &ending, err);
}

static int send_signal(const struct mcpd_engine *engine, const struct container *container,
                       int signal_number, struct mcpd_error *err)
{
    const struct monitor_request request = {.operation = MONITOR_SIGNAL, .argument = signal_number};
    struct monitor_reply reply;
    int rc = monitor_request(&engine->containers, container->id, &request, &reply, NULL, err);

    if ((rc == -MCPD_E_STATE || rc == -MCPD_E_TIMEOUT) &&
        container_signal_init(&container->run, signal_number))
        return 0;
    return rc;
}

int mcpd_kill(struct mcpd_engine *engine, const char *name, const char *signal_name,
              struct mcpd_error *err)
{
    struct container container;
    int signal_number = SIGKILL;
    int rc = signal_name ? signals_parse(signal_name, &signal_number, err) : 0;

    if (rc == 0)
        rc = load_to_end(engine, name, &container, err);
    if (rc < 0)
        return rc;
    if (!container_is_active(container.state.status))
        rc = error_set(
            err, MCPD_E_STATE,
            "can only kill running containers. %s is in state %s: container state improper",
            container.id, container_status_name(container.state.status));
    else if (signal_number == SIGKILL)
        rc = kill_and_wait(engine, &container, err);
    else
        rc = send_signal(engine, &container, signal_number, err);
    container_done(&container);
    return rc;
}

/* --- remove ------------------------------------------------------------------------------ */

/* What killed processes left goes with whatever is removed next. Whoever removes something has
 * got what they asked for already, so a failure is for the debug log only. */
static void sweep(struct mcpd_engine *engine)
{
    struct mcpd_error problem = {0};

    if (engine->has_swept)
        return;
    engine->has_swept = true;
    if (container_sweep(&engine->containers, &problem) < 0 ||
        storetmp_sweep(&engine->store, &problem) < 0)
        log_debug("engine", "%s", problem.message);
}

/* One attempt. STATE: it runs (again); TIMEOUT: it neither runs nor lets go of its lock; CORRUPT:
 * it has no lock. */
static int kill_and_remove(const struct mcpd_engine *engine, struct container *container,
                           struct mcpd_error *err)
{
    int rc =
        container_is_active(container->state.status) ? kill_and_wait(engine, container, err) : 0;

    return rc < 0 ? rc : container_remove_within(&engine->containers, container, START_MS, err);
}

/* Does what helps the next attempt; false: nothing does. */
static bool clear_the_way(const struct container *container, int rc)
{
    bool is_dropped = false;

    if (rc == -MCPD_E_TIMEOUT)
        container_kill_starting(container->dir_fd);
    if (rc == -MCPD_E_STATE || rc == -MCPD_E_CORRUPT) /* who answers has been asked */
        is_dropped = container_drop_damaged_lock(container->dir_fd);
    return rc == -MCPD_E_TIMEOUT || rc == -MCPD_E_STATE || is_dropped;
}

static int remove_by_force(const struct mcpd_engine *engine, struct container *container,
                           struct mcpd_error *err)
{
    int64_t deadline_ms = clock_monotonic_ms() + REMOVE_MS;
    struct mcpd_error problem = {0};
    int rc;

    for (;;) {
        rc = kill_and_remove(engine, container, &problem);
        if (!clear_the_way(container, rc) || clock_monotonic_ms() >= deadline_ms)
            break;
        (void)poll(NULL, 0, RETRY_MS);
        rc = reload(engine, container, &problem);
        if (rc < 0)
            break;
    }
    if (rc == -MCPD_E_NOT_FOUND) /* it removed itself at its end */
        return 0;
    if (rc == -MCPD_E_TIMEOUT)
        return error_set(err, MCPD_E_STATE,
                         "what starts or ends container %s cannot be ended: container state "
                         "improper",
                         container->id);
    return rc < 0 ? error_copy(err, &problem) : 0;
}

int mcpd_remove(struct mcpd_engine *engine, const char *name, bool force, struct mcpd_error *err)
{
    struct container container;
    int rc = force ? load_to_end(engine, name, &container, err)
                   : engine_load_container(engine, name, &container, err);

    /* A removal before this one may have been killed halfway. */
    if (rc == -MCPD_E_NOT_FOUND && force)
        sweep(engine);
    if (rc < 0)
        return rc;
    rc = force ? remove_by_force(engine, &container, err)
               : container_remove(&engine->containers, &container, err);
    container_done(&container);
    if (rc == 0)
        sweep(engine);
    return rc;
}
