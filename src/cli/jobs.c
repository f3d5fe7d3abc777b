/*
 * jobs.c - the same work for many names at once: stop, kill and rm -f mostly wait.
 *
 * Theory of operation. Each name gets a child, a copy of us with the engine that is open already;
 * it sends its result over a pipe in one write and ends without flushing what is ours. Results are
 * taken in the order of the names, so a slow one holds back what is printed, not what is done. No
 * more than JOBS_MAX run at a time. A name whose child cannot be made is done here.
 */
#include "cli/jobs.h"

#include "base/proc.h"
#include "base/str.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#define JOBS_MAX 128

struct job {
    pid_t pid; /* 0: none, it is to be done here */
    int fd;    /* where its result comes */
};

struct job_result {
    int rc;
    struct mcpd_error err; /* together less than PIPE_BUF */
};

struct jobs {
    struct cli *cli;
    char *const *names;
    jobs_function function;
    void *context;
};

static void work(const struct jobs *jobs, const char *name, struct job_result *ret_result)
{
    *ret_result = (struct job_result){0};
    ret_result->rc = jobs->function(jobs->cli, name, jobs->context, &ret_result->err);
}

__attribute__((noreturn)) static void run_child(const struct jobs *jobs, const char *name, int fd)
{
    struct job_result result;

    work(jobs, name, &result);
    (void)fflush(stderr);
    _exit(write(fd, &result, sizeof(result)) == (ssize_t)sizeof(result) ? 0 : 1);
}

static void start(const struct jobs *jobs, const char *name, struct job *job)
{
    int fds[2];

    if (pipe2(fds, O_CLOEXEC) < 0)
        return;
    job->pid = fork();
    if (job->pid == 0)
        run_child(jobs, name, fds[1]);
    (void)close(fds[1]);
    job->fd = fds[0];
    if (job->pid < 0) {
        job->pid = 0;
        (void)close(fds[0]);
    }
}

/* A child that is killed has no result. */
static void take_result(struct job *job, struct job_result *ret_result)
{
    int status = 0;
    ssize_t length;

    do
        length = read(job->fd, ret_result, sizeof(*ret_result));
    while (length < 0 && errno == EINTR);
    (void)close(job->fd);
    while (waitpid(job->pid, &status, 0) < 0 && errno == EINTR)
        ;
    if (length != (ssize_t)sizeof(*ret_result))
        ret_result->rc =
            error_set(&ret_result->err, MCPD_E_SYSTEM, "the process for it ended with status %d",
                      proc_exit_code(status));
}

void jobs_run(struct cli *cli, char *const *names, jobs_function function, void *function_context,
              jobs_report report, void *report_context)
{
    const struct jobs jobs = {
        .cli = cli, .names = names, .function = function, .context = function_context};
    size_t count = strv_length(names);
    CLEANUP_FREE struct job *all = count > 1 ? calloc(count, sizeof(*all)) : NULL;
    size_t started = 0;

    (void)fflush(NULL); /* or every child would have it too */
    for (size_t i = 0; i < count; i++) {
        struct job_result result;

        for (; all && started < count && started < i + JOBS_MAX; started++)
            start(&jobs, names[started], &all[started]);
        if (all && all[i].pid > 0)
            take_result(&all[i], &result);
        else
            work(&jobs, names[i], &result);
        report(cli, names[i], result.rc, &result.err, report_context);
    }
}
