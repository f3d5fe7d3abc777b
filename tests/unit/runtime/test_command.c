/* test_command.c - which file is executed, and what is said when none can be. */
#include "base/base_test.h"

#include "runtime/command.h"
#include "runtime/handshake.h"

#define TAIL "OCI runtime attempted to invoke a command that was not found"

static const struct stat nobody;

struct run {
    struct test_dir *dir;
    const char *name;
    const char *path; /* NULL: none in the environment */
    const struct stat *self;
    int exit_code; /* -1: it was refused */
    struct mcpd_error err;
};

/* In a child that works in the test's folder. */
static void run_command(struct run *run)
{
    char name[128];
    char path[256];
    char *args[] = {name, NULL};
    char *env[] = {run->path ? path : NULL, NULL};
    int fds[2];
    int status = 0;
    pid_t pid;
    int rc;

    (void)snprintf(name, sizeof(name), "%s", run->name);
    (void)snprintf(path, sizeof(path), "PATH=%s", run->path ? run->path : "");
    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    pid = fork();
    if (pid == 0) {
        struct mcpd_error error = {0};

        if (fchdir(run->dir->fd) < 0)
            _exit(99);
        rc = command_exec(args, env, run->self ? run->self : &nobody, fds[1], &error);
        handshake_send_error(fds[1], &error);
        _exit(rc < 0 ? 98 : 97);
    }
    close(fds[1]);
    run->err = (struct mcpd_error){0};
    rc = handshake_receive(fds[0], &run->err);
    close(fds[0]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    run->exit_code = rc < 0 ? -1 : WEXITSTATUS(status);
}

static void put_program(const struct test_dir *dir, const char *path, const char *text)
{
    put_file(dir->fd, path, text);
    assert_int_equal(fchmodat(dir->fd, path, 0755, 0), 0);
}

static void assert_exits(struct test_dir *dir, const char *name, const char *path, int exit_code)
{
    struct run run = {.dir = dir, .name = name, .path = path};

    run_command(&run);
    if (run.exit_code < 0)
        fail_msg("%s: %s", name, run.err.message);
    assert_int_equal(run.exit_code, exit_code);
}

static void assert_refused(struct test_dir *dir, const char *name, const char *path,
                           enum mcpd_error_code code, const char *text)
{
    struct run run = {.dir = dir, .name = name, .path = path};

    run_command(&run);
    assert_int_equal(run.exit_code, -1);
    assert_string_equal(run.err.message, text);
    assert_int_equal(run.err.code, (int)code);
}

static void test_search(void **state)
{
    struct test_dir *dir = *state;

    assert_int_equal(mkdirat(dir->fd, "a", 0755), 0);
    assert_int_equal(mkdirat(dir->fd, "b", 0755), 0);
    assert_int_equal(mkdirat(dir->fd, "a/prog", 0755), 0); /* a folder is no command */
    put_file(dir->fd, "a/plain", "#!/bin/sh\nexit 3\n");   /* nor a file without x */
    put_program(dir, "b/prog", "#!/bin/sh\nexit 4\n");
    put_program(dir, "b/plain", "#!/bin/sh\nexit 5\n");
    put_program(dir, "here", "#!/bin/sh\nexit 6\n");
    assert_exits(dir, "prog", "a:b", 4);
    assert_exits(dir, "plain", "/no/such:a:b", 5);
    assert_exits(dir, "here", "a::b", 6);
    assert_exits(dir, "here", "", 6);
    assert_exits(dir, "./here", "a", 6);
    assert_exits(dir, "b/prog", NULL, 4);
    assert_exits(dir, "true", NULL, 0); /* the usual folders */
}

static void test_refused(void **state)
{
    struct test_dir *dir = *state;

    put_file(dir->fd, "plain", "x");
    put_program(dir, "broken", "#!/no/such/interpreter\n");
    put_program(dir, "junk", "junk");
    assert_int_equal(mkdirat(dir->fd, "folder", 0755), 0);
    assert_refused(dir, "foo", ".", MCPD_E_COMMAND_NOT_FOUND,
                   "exec: \"foo\": executable file not found in $PATH: " TAIL);
    assert_refused(dir, "", ".", MCPD_E_COMMAND_NOT_FOUND,
                   "exec: \"\": executable file not found in $PATH: " TAIL);
    assert_refused(dir, "plain", ".", MCPD_E_COMMAND_NOT_FOUND,
                   "exec: \"plain\": executable file not found in $PATH: " TAIL);
    assert_refused(dir, "/no/such", ".", MCPD_E_COMMAND_NOT_FOUND,
                   "exec: \"/no/such\": stat /no/such: no such file or directory: " TAIL);
    assert_refused(dir, "./plain", ".", MCPD_E_COMMAND_NOT_RUNNABLE,
                   "exec: \"./plain\": permission denied: OCI permission denied");
    assert_refused(dir, "./folder", ".", MCPD_E_COMMAND_NOT_RUNNABLE,
                   "exec: \"./folder\": permission denied: OCI permission denied");
    assert_refused(dir, "./plain/x", ".", MCPD_E_COMMAND_NOT_RUNNABLE,
                   "exec: \"./plain/x\": stat ./plain/x: Not a directory");
    assert_refused(dir, "./junk", ".", MCPD_E_COMMAND_NOT_RUNNABLE,
                   "exec: \"./junk\": exec format error");
    assert_refused(dir, "broken", ".", MCPD_E_COMMAND_NOT_FOUND,
                   "exec: \"broken\": its interpreter or loader does not exist: no such file or "
                   "directory: " TAIL);
}

static void test_self(void **state)
{
    struct test_dir *dir = *state;
    struct stat self;
    struct run run = {.dir = dir, .name = "./prog", .path = ".", .self = &self};

    put_program(dir, "prog", "#!/bin/sh\nexit 0\n");
    assert_int_equal(fstatat(dir->fd, "prog", &self, 0), 0);
    run_command(&run);
    assert_int_equal(run.err.code, MCPD_E_COMMAND_NOT_RUNNABLE);
    run.name = "prog";
    run_command(&run);
    assert_int_equal(run.err.code, MCPD_E_COMMAND_NOT_FOUND);
}

static void test_long_names(void **state)
{
    CLEANUP_FREE char *path = malloc(5001);
    struct mcpd_error err = {0};
    char name[] = "prog";
    char *args[] = {name, NULL};
    char *env[] = {path, NULL};

    memset(path, 'x', 5000);
    memcpy(path, "PATH=", 5);
    path[5000] = '\0';
    assert_code(command_exec(args, env, &nobody, -1, &err), MCPD_E_COMMAND_NOT_FOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        DIR_TEST(test_search),
        DIR_TEST(test_refused),
        DIR_TEST(test_self),
        cmocka_unit_test(test_long_names),
    };

    return cmocka_run_group_tests_name("command", tests, NULL, NULL);
}
