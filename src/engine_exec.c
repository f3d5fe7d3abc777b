/*
 * engine_exec.c - mcpd_exec: a further process in a running container.
 *
 * The process that joins a container must run from a file that the container cannot overwrite
 * (runtime/selfexe.h). The mcpd program sees to that first, with mcpd_protect_program. Any other
 * program that calls mcpd_exec would put its own executable within the container's reach, so for it
 * `mcpd exec` is started as a child.
 */
#include "engine.h"

#include <fcntl.h>
#include <sys/syscall.h>

#include "base/proc.h"
#include "base/str.h"
#include "base/userns.h"
#include "runtime/exec.h"
#include "runtime/selfexe.h"

/* mcpd itself, on a kernel that can do nothing better: it must not start itself for ever. */
static bool has_tried;

int mcpd_protect_program(char **argv, struct mcpd_error *err)
{
    CLEANUP_FD int fd = -1;
    int rc;

    if (selfexe_is_protected())
        return 0;
    has_tried = true;
    rc = selfexe_open_protected("/proc/self/exe", false, &fd, err);
    if (rc < 0 || fd < 0)
        return rc;
    (void)syscall(SYS_execveat, fd, "", argv, environ, AT_EMPTY_PATH);
    return error_errno(err, "run mcpd from a protected copy of itself");
}

/* --- by a child ------------------------------------------------------------------------------- */

static int append_values(char ***argv, const char *option, const char *const *values)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && values && values[i]; i++) {
        if (option)
            rc = strv_append(argv, option);
        if (rc == 0)
            rc = strv_append(argv, values[i]);
    }
    return rc;
}

static int append_value(char ***argv, const char *option, const char *value)
{
    const char *const values[] = {value, NULL};

    return append_values(argv, option, values);
}

static int append_flag(char ***argv, const char *option, bool is_set)
{
    return is_set ? strv_append(argv, option) : 0;
}

/* Owned by the caller; NULL without memory. */
static char **make_argv(const struct mcpd_engine *engine, const char *name,
                        const struct mcpd_exec_options *options)
{
    CLEANUP_STRV char **argv = NULL;
    const char *const start[] = {"mcpd",          "--root", engine->root, "--runroot",
                                 engine->runroot, "exec",   NULL};
    int rc = append_values(&argv, NULL, start);

    if (rc == 0)
        rc = append_flag(&argv, "--interactive", options->interactive);
    if (rc == 0)
        rc = append_flag(&argv, "--tty", options->tty);
    if (rc == 0)
        rc = append_flag(&argv, "--detach", options->detach);
    if (rc == 0)
        rc = append_flag(&argv, "--privileged", options->privileged);
    if (rc == 0)
        rc = append_value(&argv, "--user", options->user);
    if (rc == 0)
        rc = append_value(&argv, "--workdir", options->working_dir);
    if (rc == 0)
        rc = append_values(&argv, "--env", options->env);
    if (rc == 0)
        rc = append_values(&argv, "--env-file", options->env_files);
    if (rc == 0)
        rc = append_value(&argv, "--", name);
    if (rc == 0)
        rc = append_values(&argv, NULL, options->cmd);
    return rc < 0 ? NULL : TAKE_PTR(argv);
}

static int exec_by_child(const struct mcpd_engine *engine, const char *name,
                         const struct mcpd_exec_options *options,
                         const struct mcpd_streams *streams, struct mcpd_attach_result *ret_result,
                         struct mcpd_error *err)
{
    CLEANUP_STRV char **argv = make_argv(engine, name, options);
    CLEANUP_PROC struct proc child = PROC_NONE;
    struct proc_options start = PROC_OPTIONS_NONE;
    int status = 0;
    int rc;

    if (!argv)
        return error_no_memory(err, "exec");
    if (!engine->program)
        return error_set(err, MCPD_E_NOT_FOUND, "the program mcpd was not found");
    start.program = engine->program;
    start.argv = argv;
    if (streams) {
        start.stdin_fd = streams->input_fd;
        start.stdout_fd = streams->output_fd;
        start.stderr_fd = streams->error_fd;
    }
    rc = proc_start(&start, &child, err);
    if (rc == 0)
        rc = proc_wait(&child, -1, &status, err);
    if (rc < 0)
        return rc;
    *ret_result =
        (struct mcpd_attach_result){.end = MCPD_ATTACH_EXITED, .exit_code = proc_exit_code(status)};
    return 0;
}

/* --- by ourselves ------------------------------------------------------------------------------
 */

static int exec_here(struct mcpd_engine *engine, const char *name,
                     const struct mcpd_exec_options *options, const struct mcpd_streams *streams,
                     struct mcpd_attach_result *ret_result, struct mcpd_error *err)
{
    const struct spec_host host = {.is_rootless = userns_is_needed(),
                                   .environment = (const char *const *)environ};
    struct container container;
    struct exec_request request = {.root = &engine->containers,
                                   .container = &container,
                                   .options = options,
                                   .host = &host,
                                   .streams = streams};
    int rc = engine_load_container(engine, name, &container, err);

    if (rc < 0)
        return rc;
    rc = exec_run(&request, ret_result, err);
    container_done(&container);
    return rc;
}

int mcpd_exec(struct mcpd_engine *engine, const char *name, const struct mcpd_exec_options *options,
              const struct mcpd_streams *streams, struct mcpd_attach_result *ret_result,
              struct mcpd_error *err)
{
    struct mcpd_attach_result result = {0};
    int rc;

    if (!streams && !options->detach)
        return error_set(err, MCPD_E_INVALID, "exec in the foreground needs streams");
    rc = has_tried || selfexe_is_protected()
             ? exec_here(engine, name, options, streams, &result, err)
             : exec_by_child(engine, name, options, streams, &result, err);
    if (rc == 0 && ret_result)
        *ret_result = result;
    return rc;
}
