/*
 * worker.c - see worker.h.
 *
 * Theory of operation: pool_main runs in the pool process. It takes packets of one byte with four
 * or five descriptors (input, folder, result, list, lock) and forks; SIGCHLD is ignored there, so
 * that nothing has to be reaped. A worker that dies leaves its result pipe empty, which is how it
 * is noticed. The end of the pool's socket ends the pool, its end kills the workers. Other packets
 * are requests of packer.h.
 *
 * A worker lives behind the walls of confine.h, in which its layer's folder is all there is.
 */
#include "oci/layer/worker.h"

#include "base/fdpass.h"
#include "base/fsutil.h"
#include "base/proc.h"
#include "base/userns.h"
#include "oci/layer/confine.h"
#include "oci/layer/packer.h"
#include "oci/layer/sha256.h"

#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define INPUT_PIPE_BYTES (1 << 20)

/* What a worker says at its end; smaller than PIPE_BUF, so that it arrives whole. The implied
 * folders follow it, as many bytes as it says; together they fit into an empty pipe. */
struct report {
    int rc;
    struct mcpd_error error;
    struct unpack_result result;
};
_Static_assert(sizeof(struct report) < 4096, "must be one atomic write to a pipe");

struct pool_side {
    int socket_fd;
    bool is_in_userns;
    bool ignore_owners;
    struct confine_filter *filter; /* made in the pool */
};

enum request_fd {
    REQUEST_INPUT,
    REQUEST_FOLDER,
    REQUEST_RESULT,
    REQUEST_CONTENTS,
    REQUEST_LOCK, /* may be absent */
};

/* ------------------------------------------------------------------ in a worker */

static int worker_run(const struct pool_side *side, const int *fds, size_t fd_count, pid_t pool_pid,
                      struct report *report)
{
    const struct unpack_options options = {
        .is_in_userns = side->is_in_userns,
        .ignore_owners = side->ignore_owners,
        .contents_fd = fds[REQUEST_CONTENTS],
    };
    const struct confine_options confinement = {
        .root_fd = fds[REQUEST_FOLDER],
        .is_in_userns = side->is_in_userns,
        .parent_pid = pool_pid,
        .filter = side->filter,
    };
    struct mcpd_error *err = &report->error;
    int rc;

    (void)prctl(PR_SET_NAME, "mcpd: unpack", 0, 0, 0);
    rc = confine_descriptors(fds, (unsigned int)fd_count, err);
    if (rc == 0)
        rc = confine_process(&confinement, err);
    if (rc == 0)
        rc = unpack_layer_fd(fds[REQUEST_INPUT], fds[REQUEST_FOLDER], &options, &report->result,
                             err);
    return rc;
}

static void worker_main(const struct pool_side *side, const int *fds, size_t fd_count,
                        pid_t pool_pid)
{
    struct report report = {0};

    CLEANUP_FREE char *implied = NULL;
    size_t count;

    report.rc = worker_run(side, fds, fd_count, pool_pid, &report);
    implied = report.rc == 0 ? report.result.implied : NULL;
    count = implied ? report.result.implied_bytes : 0;
    report.result.implied = NULL;
    if (write(fds[REQUEST_RESULT], &report, sizeof(report)) != sizeof(report) ||
        (count > 0 && fs_write_all(fds[REQUEST_RESULT], implied, count, "result", NULL) < 0))
        _exit(1);
    _exit(0);
}

/* ------------------------------------------------------------------ in the pool */

/* What a terminal sends to everybody is for the caller, who ends us; of a file that may not grow
 * EFBIG tells. */
static void reset_signals(void)
{
    static const int ignored[] = {SIGCHLD, SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGXFSZ};
    sigset_t none;

    proc_default_signals();
    for (size_t i = 0; i < ARRAY_SIZE(ignored); i++)
        (void)signal(ignored[i], SIG_IGN);
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
}

/* A new user namespace; the parent writes the maps between our two packets. */
static int enter_userns(int socket_fd, struct mcpd_error *err)
{
    char go = 0;
    ssize_t count;
    int rc;

    if (unshare(CLONE_NEWUSER) < 0)
        return error_errno(err, "make a user namespace");
    rc = fdpass_send(socket_fd, "u", 1, NULL, 0, err);
    if (rc < 0)
        return rc;
    count = fdpass_receive(socket_fd, &go, 1, NULL, 0, NULL, err);
    if (count <= 0)
        return count < 0 ? (int)count : error_set(err, MCPD_E_CANCELLED, "no id maps");
    /* Not allowed, and not needed, where setgroups is denied. */
    (void)setgroups(0, NULL);
    if (setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0)
        return error_errno(err, "become root of the user namespace");
    return 0;
}

static void serve(const struct pool_side *side)
{
    for (;;) {
        int fds[FDPASS_MAX_FDS];
        const struct confine_options confinement = {
            .root_fd = -1, /* the work's own folder */
            .is_in_userns = side->is_in_userns,
            .parent_pid = getpid(),
            .filter = side->filter,
        };
        char request[WORKER_REQUEST_BYTES] = {0};
        size_t fd_count = 0;
        ssize_t size = fdpass_receive(side->socket_fd, request, sizeof(request), fds,
                                      FDPASS_MAX_FDS, &fd_count, NULL);

        if (size <= 0)
            return;
        if (fd_count > REQUEST_RESULT && fork() == 0) {
            if (request[0] == PACKER_REQUEST)
                packer_serve(request, (size_t)size, fds, fd_count, &confinement);
            if (fd_count > REQUEST_CONTENTS)
                worker_main(side, fds, fd_count, confinement.parent_pid);
            _exit(1);
        }
        while (fd_count > 0)
            (void)close(fds[--fd_count]);
    }
}

static int pool_prepare(struct pool_side *side, pid_t parent_pid, struct mcpd_error *err)
{
    /* Loads what libcrypto wants to load now and not in every worker. */
    struct digest unused;
    int rc = sha256_of_bytes("", 0, &unused, err);

    (void)prctl(PR_SET_NAME, "mcpd: layers", 0, 0, 0);
    reset_signals();
    (void)umask(0);
    if (rc == 0)
        rc = confine_descriptors(&side->socket_fd, 1, err);
    if (rc == 0 && side->is_in_userns)
        rc = enter_userns(side->socket_fd, err);
    if (rc == 0)
        rc = confine_die_with_parent(parent_pid, err);
    if (rc == 0)
        rc = confine_filter_new(&side->filter, err);
    return rc;
}

static void pool_main(struct pool_side *side, pid_t parent_pid)
{
    struct mcpd_error error = {0};

    int rc = pool_prepare(side, parent_pid, &error);

    if (rc < 0)
        rc = fdpass_send(side->socket_fd, &error, sizeof(error), NULL, 0, NULL);
    else if (fdpass_send(side->socket_fd, "r", 1, NULL, 0, NULL) == 0)
        serve(side);
    _exit(rc < 0);
}

/* ------------------------------------------------------------------ at the caller's */

/* "u": write the maps; "r": ready; a whole error: it failed. */
static int pool_handshake(const struct worker_pool *pool, const struct userns_map *map,
                          struct mcpd_error *err)
{
    for (;;) {
        union {
            char byte;
            struct mcpd_error error;
        } packet = {0};
        ssize_t count =
            fdpass_receive(pool->socket_fd, &packet, sizeof(packet), NULL, 0, NULL, err);
        int rc;

        if (count < 0)
            return (int)count;
        if (count == sizeof(packet.error))
            return error_copy(err, &packet.error);
        if (count == 1 && packet.byte == 'r')
            return 0;
        if (count != 1 || packet.byte != 'u')
            return error_set(err, MCPD_E_INTERNAL, "the unpack process ended at its start");
        rc = userns_write_maps(pool->pid, map, err);
        if (rc == 0)
            rc = fdpass_send(pool->socket_fd, "g", 1, NULL, 0, err);
        if (rc < 0)
            return rc;
    }
}

int worker_pool_start(struct worker_pool *ret_pool, struct mcpd_error *err)
{
    CLEANUP_WORKER_POOL struct worker_pool pool = WORKER_POOL_NONE;
    struct pool_side side = {.is_in_userns = userns_is_needed()};
    struct userns_map map = {0};
    pid_t parent_pid = getpid();
    int sockets[2] = {-1, -1};
    int rc = 0;

    if (side.is_in_userns)
        rc = userns_load_map(&map, err);
    if (rc < 0)
        return rc;
    side.ignore_owners = side.is_in_userns && map.uid_count <= 1;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) < 0)
        return error_errno(err, "socketpair");
    pool.socket_fd = sockets[0];
    side.socket_fd = sockets[1];
    pool.pid = fork();
    if (pool.pid == 0)
        pool_main(&side, parent_pid);
    (void)close(sockets[1]);
    if (pool.pid < 0) {
        pool.pid = 0;
        return error_errno(err, "fork");
    }
    rc = pool_handshake(&pool, &map, err);
    if (rc < 0)
        return error_wrap(err, rc, "start the unpack process");
    *ret_pool = pool;
    pool = (struct worker_pool)WORKER_POOL_NONE;
    return 0;
}

void worker_pool_done(struct worker_pool *pool)
{
    int saved_errno = errno;

    if (pool->pid > 0) {
        (void)kill(pool->pid, SIGKILL);
        while (waitpid(pool->pid, NULL, 0) < 0 && errno == EINTR)
            ;
    }
    cleanup_close_fd(&pool->socket_fd);
    *pool = (struct worker_pool)WORKER_POOL_NONE;
    errno = saved_errno;
}

int worker_pool_request(const struct worker_pool *pool, const void *request, size_t size,
                        const int *fds, size_t fd_count, struct mcpd_error *err)
{
    return fdpass_send(pool->socket_fd, request, size, fds, fd_count, err);
}

unsigned int worker_limit(void)
{
    long count = sysconf(_SC_NPROCESSORS_ONLN);

    if (count < 2)
        count = 2;
    return (unsigned int)(count > 14 ? 14 : count) + 2;
}

int worker_start(const struct worker_pool *pool, int layer_fd, int contents_fd, int lock_fd,
                 struct worker *ret_worker, struct mcpd_error *err)
{
    int input[2] = {-1, -1}, result[2] = {-1, -1};
    int rc;

    if (pipe2(input, O_CLOEXEC) < 0)
        return error_errno(err, "pipe");
    if (pipe2(result, O_CLOEXEC) < 0) {
        rc = error_errno(err, "pipe");
        (void)close(input[0]);
        (void)close(input[1]);
        return rc;
    }
    /* Fewer wake-ups; a user over the system's pipe quota keeps the small one. */
    (void)fcntl(input[1], F_SETPIPE_SZ, INPUT_PIPE_BYTES);
    (void)fcntl(input[1], F_SETFL, O_NONBLOCK);
    rc = fdpass_send(pool->socket_fd, "w", 1,
                     (const int[]){input[0], layer_fd, result[1], contents_fd, lock_fd},
                     lock_fd >= 0 ? REQUEST_LOCK + 1 : REQUEST_LOCK, err);
    (void)close(input[0]);
    (void)close(result[1]);
    if (rc < 0) {
        (void)close(input[1]);
        (void)close(result[0]);
        return rc;
    }
    *ret_worker = (struct worker){.input_fd = input[1], .result_fd = result[0]};
    return 0;
}

void worker_end_input(struct worker *worker)
{
    cleanup_close_fd(&worker->input_fd);
    worker->input_fd = -1;
}

/* Returns the bytes that came before the worker was gone. */
static size_t read_result(int fd, void *buffer, size_t size)
{
    size_t done = 0;

    while (done < size) {
        ssize_t count = read(fd, (char *)buffer + done, size - done);

        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0)
            break;
        done += (size_t)count;
    }
    return done;
}

/* The worker is a process that has seen hostile bytes: its numbers are checked. */
static int read_implied(int fd, struct unpack_result *result, struct mcpd_error *err)
{
    CLEANUP_FREE char *implied = NULL;
    size_t count = result->implied_bytes;

    result->implied = NULL;
    if (count == 0)
        return 0;
    if (count > UNPACK_MAX_IMPLIED_BYTES)
        return error_set(err, MCPD_E_INTERNAL, "an unpack process answers nonsense");
    implied = malloc(count);
    if (!implied)
        return error_no_memory(err, "unpacking");
    if (read_result(fd, implied, count) != count || implied[count - 1] != '\0')
        return error_set(err, MCPD_E_INTERNAL, "an unpack process answers nonsense");
    result->implied = TAKE_PTR(implied);
    return 0;
}

int worker_finish(struct worker *worker, struct unpack_result *ret_result, struct mcpd_error *err)
{
    struct report report = {0};
    int rc;

    if (read_result(worker->result_fd, &report, sizeof(report)) != sizeof(report))
        return error_set(err, MCPD_E_SYSTEM,
                         "the process that unpacks ended unexpectedly (killed, or out of memory)");
    if (report.rc < 0)
        return error_copy(err, &report.error);
    rc = read_implied(worker->result_fd, &report.result, err);
    if (rc == 0)
        *ret_result = report.result;
    return rc;
}

void worker_done(struct worker *worker)
{
    int saved_errno = errno;
    char ignored[512];

    worker_end_input(worker);
    if (worker->result_fd >= 0) {
        while (read_result(worker->result_fd, ignored, sizeof(ignored)) > 0)
            ;
        (void)close(worker->result_fd);
    }
    *worker = (struct worker)WORKER_NONE;
    errno = saved_errno;
}
