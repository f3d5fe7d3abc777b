/* child.c - see child.h. */
#include "base/child.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "base/fdpass.h"

static int own_error_fd = -1; /* set in a child only */

int child_error_fd(void)
{
    return own_error_fd;
}

static int child_main(const char *title, child_work_function work, void *context, pid_t parent_pid)
{
    struct mcpd_error error = {0};

    (void)prctl(PR_SET_NAME, title, 0, 0, 0);
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    if (getppid() != parent_pid) /* it died before we asked */
        return 1;
    if (work(context, &error) == 0)
        return 0;
    fdpass_send_error(own_error_fd, &error);
    return 1;
}

int child_start(const char *title, child_work_function work, void *context, struct child *ret_child,
                struct mcpd_error *err)
{
    pid_t self = getpid(), pid;
    int fds[2];

    if (pipe2(fds, O_CLOEXEC) < 0)
        return error_errno(err, "make a pipe");
    pid = fork();
    if (pid == 0) {
        own_error_fd = fds[1];
        _exit(child_main(title, work, context, self));
    }
    (void)close(fds[1]);
    if (pid < 0) {
        int rc = error_errno(err, "fork");

        (void)close(fds[0]);
        return rc;
    }
    *ret_child = (struct child){.pid = pid, .error_fd = fds[0]};
    return 0;
}

static int reap(struct child *child)
{
    int status = 0;

    while (waitpid(child->pid, &status, 0) < 0 && errno == EINTR)
        ;
    (void)close(child->error_fd);
    *child = (struct child)CHILD_NONE;
    return status;
}

int child_finish(struct child *child, struct mcpd_error *err)
{
    int rc = fdpass_receive_error(child->error_fd, err);
    int status = reap(child);

    if (rc == 0 && status != 0)
        return error_set(err, MCPD_E_SYSTEM,
                         "a process of ours ended unexpectedly (killed, or out of memory)");
    return rc;
}

void child_done(struct child *child)
{
    int saved_errno = errno;

    if (child->pid > 0) {
        (void)kill(child->pid, SIGKILL);
        (void)reap(child);
    }
    errno = saved_errno;
}
