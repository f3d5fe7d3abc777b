/*
 * process.c - the last part of a container's process: from "inside" to the command.
 *
 * The order is given by what each step needs and what it takes away:
 *    1. who: the user, from the container's own files
 *    2. terminal or descriptors 0 to 2, keyring, session
 *    3. what only root may: resource limits, making the working directory
 *    4. bounding set, groups, gid, uid (the permitted capabilities are kept over it)
 *    5. the working directory: only now, and never through a magic link, so that no descriptor of
 *       ours is a way out of the root; then all descriptors but 0 to 2 and the report are closed
 *    6. capabilities, no_new_privs, filter. Without no_new_privs, loading a filter takes
 *       CAP_SYS_ADMIN, which is given up right after: the only calls that the filter sees of us
 *       are that one, fork for --init and for exec, the session of the latter, what restores
 *       signals, and exec
 * Whoever joins a running container (join.c) is not in its pid namespace until all of that is done:
 * a process that a hostile container may trace must not have more rights than it, nor descriptors.
 */
#include "runtime/process.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/close_range.h>
#include <linux/keyctl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "base/proc.h"
#include "base/saferoot.h"
#include "base/str.h"
#include "runtime/caps.h"
#include "runtime/command.h"
#include "runtime/folders.h"
#include "runtime/handshake.h"
#include "runtime/rlimit.h"
#include "runtime/user.h"

#define FIRST_FREE_FD (STDERR_FILENO + 1)
#define FDS_MAX       65536 /* that a kernel without close_range is asked about */

/* --- descriptors and signals ------------------------------------------------------------------ */

void process_close_from(int first_fd)
{
    struct rlimit limit;
    int end = FDS_MAX;

    if (syscall(SYS_close_range, (unsigned int)first_fd, ~0U, 0) == 0)
        return;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_max < FDS_MAX)
        end = (int)limit.rlim_max;
    for (int fd = first_fd; fd < end; fd++)
        (void)close(fd);
}

void process_protect_fds(void)
{
    CLEANUP_DIR DIR *folder = NULL;
    const struct dirent *entry;

    if (syscall(SYS_close_range, (unsigned int)FIRST_FREE_FD, ~0U, CLOSE_RANGE_CLOEXEC) == 0)
        return;
    folder = opendir("/proc/self/fd"); /* Linux before 5.11 */
    while (folder && (entry = readdir(folder))) {
        uint32_t fd;

        if (str_to_u32(entry->d_name, INT32_MAX, &fd) == 0 && fd >= FIRST_FREE_FD)
            (void)fcntl((int)fd, F_SETFD, FD_CLOEXEC);
    }
}

void process_reset_signals(void)
{
    sigset_t none;

    proc_default_signals();
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
}

/* The wanted descriptors may be 0 to 2 themselves, in any order: copies first. */
static int place_stdio(const struct process_job *job, struct mcpd_error *err)
{
    int copies[3];

    for (int i = 0; i < 3; i++) {
        copies[i] =
            fcntl(job->stdio[i] < 0 ? job->null_fd : job->stdio[i], F_DUPFD_CLOEXEC, FIRST_FREE_FD);
        if (copies[i] < 0)
            return error_errno(err, "copy descriptor %d of the container", i);
    }
    for (int i = 0; i < 3; i++) {
        if (dup2(copies[i], i) < 0)
            return error_errno(err, "put descriptor %d of the container in place", i);
        (void)close(copies[i]);
    }
    return 0;
}

/* A user who is not root shall be able to open /dev/stdout, which is the pipe behind it. */
static int give_stdio(uid_t uid, struct mcpd_error *err)
{
    for (int fd = 0; fd < FIRST_FREE_FD; fd++) {
        struct stat st;

        if (fstat(fd, &st) < 0)
            return error_errno(err, "stat descriptor %d of the container", fd);
        if (!S_ISFIFO(st.st_mode) || st.st_uid == uid)
            continue;
        if (fchown(fd, uid, (gid_t)-1) < 0 && errno != EPERM && errno != EINVAL)
            return error_errno(err, "give descriptor %d to user %u", fd, uid);
    }
    return 0;
}

/* Where the host allows it; a container without a keyring of its own would see its parent's. */
static void leave_keyring(void)
{
    (void)syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL, 0, 0, 0);
}

static int place_streams(const struct process_job *job, uid_t uid, struct mcpd_error *err)
{
    int rc;

    leave_keyring();
    if (job->console)
        return console_place(job->console, uid, err);
    rc = place_stdio(job, err);
    return rc < 0 || uid == 0 ? rc : give_stdio(uid, err);
}

static int start_session(const struct process_job *job, struct mcpd_error *err)
{
    if (setsid() < 0 && errno != EPERM) /* EPERM: we lead one already */
        return error_errno(err, "start a session");
    return job->console ? console_take_over(err) : 0;
}

/* --- working directory and environment
 * ------------------------------------------------------------ */

/* In the words of podman, which looks for the folder of a container's first process itself and
 * leaves that of exec to the runtime. */
static int refuse_folder(const struct process_job *job, const char *path, struct mcpd_error *err)
{
    const char *id = job->container_id;

    if (errno == ENOENT && id)
        return error_set(err, MCPD_E_COMMAND_NOT_RUNNABLE,
                         "workdir \"%s\" does not exist on container %s", path, id);
    if (errno == ENOENT)
        return error_set(err, MCPD_E_COMMAND_NOT_FOUND,
                         "chdir to cwd (\"%s\"): no such file or directory: OCI runtime attempted "
                         "to invoke a command that was not found",
                         path);
    if (errno == ENOTDIR && id)
        return error_set(err, MCPD_E_COMMAND_NOT_RUNNABLE,
                         "workdir \"%s\" exists on container %s, but is not a directory", path, id);
    return error_set(err, MCPD_E_COMMAND_NOT_RUNNABLE, "chdir to cwd (\"%s\"): %s", path,
                     strerrordesc_np(errno));
}

static int enter_folder(const struct process_job *job, struct mcpd_error *err)
{
    const char *path = job->process->working_dir;
    CLEANUP_FD int fd = saferoot_open(job->root_fd, path, O_PATH | O_DIRECTORY, 0, err);

    if (fd >= 0 && fchdir(fd) == 0)
        return 0;
    return refuse_folder(job, path, err);
}

/* As root, so that it can be made; a folder that root may enter stays entered for the user, which
 * is what other runtimes do. *ret_is_entered: the user must try. */
static int prepare_folder(const struct process_job *job, const struct user *user,
                          bool *ret_is_entered, struct mcpd_error *err)
{
    const struct plan_process *process = job->process;
    const char *path = process->working_dir ? process->working_dir : "/";
    bool may_make = job->container_id && !process->requires_working_dir;
    CLEANUP_FD int fd = may_make
                            ? folders_open(job->root_fd, path, user->uid, user->gid, err)
                            : saferoot_open(job->root_fd, path, O_RDONLY | O_DIRECTORY, 0, err);

    if (fd >= 0 && fchdir(fd) == 0) {
        *ret_is_entered = true;
        return 0;
    }
    if (fd >= 0 || errno == EACCES) /* a network file system where root is nobody */
        return 0;
    return refuse_folder(job, path, err);
}

/* Array owned by the caller, its strings borrowed; HOME is added when missing. */
static char **make_environment(const struct plan_process *process, char *home_assignment)
{
    size_t count = strv_length(process->env);
    char **env = calloc(count + 2, sizeof(*env));

    if (!env)
        return NULL;
    if (count > 0)
        memcpy(env, process->env, count * sizeof(*env));
    if (!strv_env_get(process->env, "HOME"))
        env[count] = home_assignment;
    return env;
}

/* --- rights
 * ------------------------------------------------------------------------------------------ */

/* Set after the ids, whose change clears it. Whoever it is about may be gone already: then nobody
 * holds the other end of the report. */
static int tie_to_parent(int report_fd, struct mcpd_error *err)
{
    struct pollfd report = {.fd = report_fd, .events = POLLOUT};

    if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
        return error_errno(err, "prctl(PR_SET_PDEATHSIG)");
    if (poll(&report, 1, 0) == 1 && (report.revents & POLLERR))
        return error_set(err, MCPD_E_CANCELLED, "the starting process is gone");
    return 0;
}

static int restrict_rights(const struct process_job *job, const struct caps_sets *sets,
                           struct mcpd_error *err)
{
    bool has_filter = job->filter->count > 0;
    bool needs_admin = has_filter && !job->process->no_new_privileges;
    uint64_t admin = needs_admin ? UINT64_C(1) << CAP_SYS_ADMIN : 0;
    int rc = caps_apply(sets, admin, err);

    if (rc == 0 && job->process->no_new_privileges && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        rc = error_errno(err, "set no_new_privs");
    if (rc == 0)
        rc = seccomp_install(job->filter, err);
    if (rc == 0 && (admin & ~sets->permitted) != 0)
        rc = caps_give_up(sets, err);
    return rc;
}

/* Out of the way first: each may have the number that the other is to get. */
static int move_up(int *fd, int first_fd, struct mcpd_error *err)
{
    int moved_fd = fcntl(*fd, F_DUPFD_CLOEXEC, first_fd);

    if (moved_fd < 0)
        return error_errno(err, "keep a descriptor");
    (void)close(*fd);
    *fd = moved_fd;
    return 0;
}

/* Closes everything but 0 to 2, the report and what the split needs. */
static int keep_descriptors(struct process_job *job, struct mcpd_error *err)
{
    int *kept[] = {&job->report_fd, &job->split_fd};
    int count = job->split ? 2 : 1;
    int rc = 0;

    for (int i = 0; rc == 0 && i < count; i++)
        rc = move_up(kept[i], FIRST_FREE_FD + count, err);
    for (int i = 0; rc == 0 && i < count; i++) {
        if (dup3(*kept[i], FIRST_FREE_FD + i, O_CLOEXEC) < 0)
            return error_errno(err, "keep a descriptor");
        *kept[i] = FIRST_FREE_FD + i;
    }
    if (rc == 0)
        process_close_from(FIRST_FREE_FD + count);
    return rc;
}

/* Steps 3 to 6 up to the filter. */
static int become_user(struct process_job *job, const struct user *user, struct mcpd_error *err)
{
    const struct plan_process *process = job->process;
    struct caps_sets sets;
    bool is_entered = false;
    int rc = rlimit_apply(process->rlimits, process->rlimit_count, err);

    caps_decide(process->capabilities, process->capabilities_added, user->uid == 0, &sets);
    if (rc == 0)
        rc = prepare_folder(job, user, &is_entered, err);
    if (rc == 0)
        rc = caps_begin(&sets, err);
    if (rc == 0)
        rc = user_become(user, job->in_userns, err);
    if (rc == 0 && !is_entered)
        rc = enter_folder(job, err);
    if (rc == 0 && job->ends_with_parent)
        rc = tie_to_parent(job->report_fd, err);
    if (rc < 0)
        return rc;
    rc = keep_descriptors(job, err);
    return rc < 0 ? rc : restrict_rights(job, &sets, err);
}

/* --- the command
 * ---------------------------------------------------------------------------------------- */

/* A process_split_function. */
static int split_reaper(struct process_job *job, struct mcpd_error *err)
{
    pid_t pid = fork();

    if (pid < 0)
        return error_errno(err, "make a process for the command");
    if (pid > 0)
        reaper_main(pid, job->in_userns, job->process->args, &job->reaper_memory);
    reaper_prepare_command(job->console != NULL);
    return 0;
}

int process_run(struct process_job *job, struct mcpd_error *err)
{
    const struct plan_process *process = job->process;
    CLEANUP(user_done) struct user user = USER_NONE;
    CLEANUP_FREE char *home = NULL;
    CLEANUP_FREE char **env = NULL;
    int rc = user_resolve(job->root_fd, process->user, process->group_add, &user, err);

    if (rc < 0)
        return rc;
    home = str_format("HOME=%s", user.home);
    env = make_environment(process, home);
    if (!home || !env)
        return error_no_memory(err, "environment of the container");
    rc = place_streams(job, user.uid, err);
    if (rc == 0 && !job->split)
        rc = start_session(job, err);
    if (rc == 0)
        rc = become_user(job, &user, err);
    if (rc == 0 && job->uses_reaper)
        rc = split_reaper(job, err);
    if (rc == 0 && job->split)
        rc = job->split(job, err);
    if (rc == 0 && job->split)
        rc = start_session(job, err);
    if (rc < 0)
        return rc;
    process_reset_signals();
    (void)umask((mode_t)process->umask);
    return command_exec(process->args, env, &job->self, job->report_fd, err);
}
