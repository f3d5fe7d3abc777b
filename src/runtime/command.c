/*
 * command.c - find and execute the command of a container.
 *
 * A name with a slash is a path, another one is looked for in PATH: the first regular file with an
 * executable bit counts, as Go's exec.LookPath (and so podman) has it. Whether we may execute it is
 * for the kernel to say.
 */
#include "runtime/command.h"

#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "base/str.h"
#include "runtime/handshake.h"

#define DEFAULT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#define NOT_FOUND    "OCI runtime attempted to invoke a command that was not found"

static int refuse_missing(const char *name, struct mcpd_error *err)
{
    return error_set(err, MCPD_E_COMMAND_NOT_FOUND,
                     "exec: \"%s\": stat %s: no such file or directory: " NOT_FOUND, name, name);
}

static int refuse_name(const char *name, struct mcpd_error *err)
{
    return error_set(err, MCPD_E_COMMAND_NOT_FOUND,
                     "exec: \"%s\": executable file not found in $PATH: " NOT_FOUND, name);
}

static int refuse_permission(const char *name, struct mcpd_error *err)
{
    return error_set(err, MCPD_E_COMMAND_NOT_RUNNABLE,
                     "exec: \"%s\": permission denied: OCI permission denied", name);
}

/* What one attempt needs to know. */
struct command {
    char *const *args;
    char *const *env;
    const struct stat *self;
    int report_fd;
};

static bool is_executable(const struct command *command, const struct stat *st)
{
    return S_ISREG(st->st_mode) && (st->st_mode & 0111) != 0 &&
           !(st->st_dev == command->self->st_dev && st->st_ino == command->self->st_ino);
}

/* What execve said; the file is there. */
static int explain(const char *name, struct mcpd_error *err)
{
    int saved_errno = errno;

    if (saved_errno == EACCES || saved_errno == EPERM)
        return refuse_permission(name, err);
    if (saved_errno == ENOENT)
        return error_set(err, MCPD_E_COMMAND_NOT_FOUND,
                         "exec: \"%s\": its interpreter or loader does not exist: no such file or "
                         "directory: " NOT_FOUND,
                         name);
    if (saved_errno == ENOEXEC)
        return error_set(err, MCPD_E_COMMAND_NOT_RUNNABLE, "exec: \"%s\": exec format error", name);
    return error_set(err, MCPD_E_COMMAND_NOT_RUNNABLE, "exec: \"%s\": %s", name,
                     strerrordesc_np(saved_errno));
}

static int exec_path(const struct command *command, const char *path, struct mcpd_error *err)
{
    handshake_send_ready(command->report_fd);
    (void)execve(path, command->args, command->env);
    return explain(command->args[0], err);
}

static int exec_given_path(const struct command *command, struct mcpd_error *err)
{
    const char *path = command->args[0];
    struct stat st;

    if (stat(path, &st) < 0) {
        if (errno == ENOENT)
            return refuse_missing(path, err);
        if (errno == EACCES)
            return refuse_permission(path, err);
        return error_set(err, MCPD_E_COMMAND_NOT_RUNNABLE, "exec: \"%s\": stat %s: %s", path, path,
                         strerrordesc_np(errno));
    }
    if (!is_executable(command, &st))
        return refuse_permission(path, err);
    return exec_path(command, path, err);
}

/* An empty folder in PATH is the working directory. */
static int exec_in_path(const struct command *command, struct mcpd_error *err)
{
    const char *folders = strv_env_get(command->env, "PATH");
    const char *name = command->args[0];
    char path[PATH_MAX];
    struct stat st;

    if (!folders)
        folders = DEFAULT_PATH;
    for (;;) {
        const char *end = strchrnul(folders, ':');
        int length = snprintf(path, sizeof(path), "%.*s%s%s", (int)(end - folders), folders,
                              end == folders ? "./" : "/", name);

        if (length > 0 && (size_t)length < sizeof(path) && stat(path, &st) == 0 &&
            is_executable(command, &st))
            return exec_path(command, path, err);
        if (*end == '\0')
            return refuse_name(name, err);
        folders = end + 1;
    }
}

int command_exec(char *const *args, char *const *env, const struct stat *self, int report_fd,
                 struct mcpd_error *err)
{
    const struct command command = {.args = args, .env = env, .self = self, .report_fd = report_fd};

    if (!args || !args[0] || args[0][0] == '\0')
        return refuse_name("", err);
    if (strchr(args[0], '/'))
        return exec_given_path(&command, err);
    return exec_in_path(&command, err);
}
