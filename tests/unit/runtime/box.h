/*
 * box.h - what the tests of the executor share: a store with one busybox layer in a fresh folder, a
 * plan as simple as possible, and containers made of it whose output is caught.
 */
#ifndef RUNTIME_BOX_H
#define RUNTIME_BOX_H

#include "base/base_test.h"

#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "base/fdpass.h"
#include "base/ident.h"
#include "base/proc.h"
#include "base/str.h"
#include "base/userns.h"
#include "oci/store.h"
#include "runtime/hostfiles.h"
#include "runtime/init.h"

#define BUSYBOX    "/bin/busybox"
#define BOX_MOUNTS 16
#define BOX_LAYERS 200
#define BOX_CAPS   UINT64_C(0x800405fb) /* podman's eleven */
#define BOX_OUTPUT 65536

/* Owned by the test's stack; nothing in it needs freeing but the descriptors. */
struct box {
    struct test_dir *dir;
    char id[IDENT_SIZE]; /* ours alone: it names groups of the whole machine */
    char cgroup_path[CGROUP_PATH_SIZE];
    int root_fd;
    int container_fd;
    struct plan plan;
    struct plan_mount mounts[BOX_MOUNTS];
    struct digest layers[BOX_LAYERS];
    char *args[8];
    char *env[4];
    char *paths[16]; /* masked and read-only */
    char output[BOX_OUTPUT];
    int exit_code; /* -1: it was never started */
    struct mcpd_error err;
};

static inline char *box_text(const char *text)
{
    char *copy;

    memcpy(&copy, &text, sizeof(copy)); /* plans hold char *, and nobody writes to these */
    return copy;
}

static inline void box_mount(struct box *box, enum plan_mount_kind kind, const char *source,
                             const char *destination, const char *data)
{
    assert_true(box->plan.mount_count < BOX_MOUNTS);
    box->mounts[box->plan.mount_count++] = (struct plan_mount){.kind = kind,
                                                               .source = box_text(source),
                                                               .destination = box_text(destination),
                                                               .data = box_text(data),
                                                               .recursive = true};
    box->plan.mounts = box->mounts;
}

static inline struct plan_mount *box_last_mount(struct box *box)
{
    return &box->mounts[box->plan.mount_count - 1];
}

/* Folder "fs" of layer `number`, made when missing; the caller closes it. */
static inline int box_layer(struct box *box, size_t number)
{
    char path[STORE_LAYER_PATH_SIZE];
    int fd = -1;

    (void)snprintf(box->layers[number].text, sizeof(box->layers[number].text), "sha256:%064zu",
                   number);
    store_layer_path(&box->layers[number], path);
    assert_int_equal(fs_make_dirs(box->root_fd, path, 0755, &fd, NULL), 0);
    return fd;
}

static inline void box_copy_busybox(int to_dir)
{
    CLEANUP_FREE char *bytes = NULL;
    size_t length = 0;

    assert_int_equal(fs_read_file(AT_FDCWD, BUSYBOX, 16 << 20, &bytes, &length, NULL), 0);
    assert_int_equal(fs_write_file(to_dir, "busybox", bytes, length, 0755, 0, NULL), 0);
}

static inline void box_fill_layer(struct box *box)
{
    static const char *const applets[] = {"sh",    "cat", "id",   "ls",    "touch", "sleep",
                                          "true",  "ps",  "grep", "mkdir", "stat",  "echo",
                                          "mount", "tty", "kill", "wc",    "head",  NULL};
    static const char *const folders[] = {"bin", "etc", "proc", "dev", "sys", "tmp", "empty", NULL};
    CLEANUP_FD int fd = box_layer(box, 0);
    CLEANUP_FD int bin_fd = -1;

    for (const char *const *name = folders; *name; name++)
        assert_int_equal(fs_make_dirs(fd, *name, 0755, NULL, NULL), 0);
    assert_int_equal(fs_open_dir(fd, "bin", &bin_fd, NULL), 0);
    box_copy_busybox(bin_fd);
    for (const char *const *name = applets; *name; name++)
        assert_int_equal(symlinkat("busybox", bin_fd, *name), 0);
    put_file(fd, "etc/passwd", "root:x:0:0::/root:/bin/sh\napp:x:1000:1000::/home/app:/bin/sh\n");
    put_file(fd, "etc/group", "root:x:0:\nextra:x:44:app\n");
    put_file(fd, "tmp/plain", "no program\n");
}

/* No mounts but the root; network none, all namespaces of its own, no limits, no filter. */
static inline void box_init(struct box *box, struct test_dir *dir)
{
    *box = (struct box){.dir = dir, .exit_code = -1, .container_fd = -1};
    box->root_fd = openat(dir->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(box->root_fd >= 0);
    box_fill_layer(box);
    assert_int_equal(fs_make_dirs(box->root_fd, "container", 0755, &box->container_fd, NULL), 0);
    box->env[0] = box_text("PATH=/bin");
    assert_int_equal(ident_generate(box->id, NULL), 0);
    assert_int_equal(cgroup_choose_path(box->id, box->cgroup_path, NULL), 0);
    box->plan.id = box->id;
    box->plan.name = box_text("box");
    box->plan.hostname = box_text("boxhost");
    box->plan.layers = box->layers;
    box->plan.layer_count = 1;
    box->plan.volatile_upper = true;
    box->plan.seccomp_profile = box_text("unconfined");
    box->plan.process.args = box->args;
    box->plan.process.env = box->env;
    box->plan.process.user = box_text("");
    box->plan.process.working_dir = box_text("/");
    box->plan.process.capabilities = BOX_CAPS;
    box->plan.process.umask = 022;
}

/* What every container has. */
static inline void box_usual_mounts(struct box *box)
{
    box_mount(box, PLAN_MOUNT_PROC, NULL, "/proc", NULL);
    box_mount(box, PLAN_MOUNT_SYSFS, NULL, "/sys", NULL);
    box_last_mount(box)->read_only = true;
    box_mount(box, PLAN_MOUNT_DEV, NULL, "/dev", NULL);
    box_mount(box, PLAN_MOUNT_DEVPTS, NULL, "/dev/pts", NULL);
    box_mount(box, PLAN_MOUNT_MQUEUE, NULL, "/dev/mqueue", NULL);
    box_mount(box, PLAN_MOUNT_TMPFS, NULL, "/dev/shm", "mode=1777,size=1m");
    box_mount(box, PLAN_MOUNT_CGROUP, NULL, "/sys/fs/cgroup", NULL);
    box_last_mount(box)->read_only = true;
}

static inline void box_done(struct box *box)
{
    (void)!userns_remove_tree(box->root_fd, "container", NULL);
    cleanup_close_fd(&box->root_fd);
    cleanup_close_fd(&box->container_fd);
}

static inline void box_script(struct box *box, const char *script)
{
    box->args[0] = box_text("sh");
    box->args[1] = box_text("-c");
    box->args[2] = box_text(script);
    box->args[3] = NULL;
}

static inline void box_read_all(struct box *box, int fd)
{
    size_t length = 0;
    ssize_t count;

    while (length < sizeof(box->output) - 1 &&
           (count = read(fd, box->output + length, sizeof(box->output) - 1 - length)) > 0)
        length += (size_t)count;
    box->output[length] = '\0';
}

/* Starts it with stdout and stderr on a pipe whose reading end is *ret_fd. */
static inline int box_start(struct box *box, struct launch *launch, int *ret_fd)
{
    struct launch_request request = {.plan = &box->plan,
                                     .cgroup_path = box->cgroup_path,
                                     .stores = &(const struct layerstores){.root_fd = box->root_fd},
                                     .container_dir_fd = box->container_fd,
                                     .stdin_fd = -1,
                                     .console_socket_fd = -1};
    int fds[2];
    int rc = hostfiles_write(&box->plan, box->container_fd, &box->err);

    if (rc < 0 || pipe2(fds, O_CLOEXEC) < 0)
        return rc < 0 ? rc : -MCPD_E_SYSTEM;
    request.stdout_fd = fds[1];
    request.stderr_fd = fds[1];
    rc = launch_start(&request, launch, &box->err);
    (void)close(fds[1]);
    if (rc < 0)
        (void)close(fds[0]);
    else
        *ret_fd = fds[0];
    return rc;
}

static inline int box_wait(struct launch *launch)
{
    int status = 0;

    while (waitpid(launch->pid, &status, 0) < 0 && errno == EINTR)
        ;
    return proc_exit_code(status);
}

/* Runs a script to its end: box->output, box->exit_code. */
static inline int box_run_args(struct box *box)
{
    struct launch launch = LAUNCH_NONE;
    int fd = -1;
    int rc = box_start(box, &launch, &fd);

    box->exit_code = -1;
    box->output[0] = '\0';
    if (rc < 0)
        return rc;
    box_read_all(box, fd);
    (void)close(fd);
    box->exit_code = box_wait(&launch);
    launch_done(&launch);
    return 0;
}

static inline int box_run(struct box *box, const char *script)
{
    box_script(box, script);
    return box_run_args(box);
}

/* In children (CHECK): it ran, said this and ended with 0. */
#define CHECK_SAYS(box, script, text)                                                             \
    do {                                                                                          \
        int says_rc_ = box_run(box, script);                                                      \
        if (says_rc_ < 0 || (box)->exit_code != 0 || strcmp((box)->output, text) != 0) {          \
            fprintf(stderr, "%s:%d: rc %d (%s), exit code %d, said \"%s\"\n", __FILE__, __LINE__, \
                    says_rc_, (box)->err.message, (box)->exit_code, (box)->output);               \
            return __LINE__;                                                                      \
        }                                                                                         \
    } while (0)

/* In the test itself. */
static inline void assert_says(struct box *box, const char *script, const char *text)
{
    if (box_run(box, script) < 0)
        fail_msg("not started: %s", box->err.message);
    assert_string_equal(box->output, text);
    assert_int_equal(box->exit_code, 0);
}

static inline void assert_refused(struct box *box, enum mcpd_error_code code, const char *text)
{
    int rc = box_run_args(box);

    assert_error(rc, box->err, code, text);
}

#define NEEDS_BUSYBOX()                        \
    do {                                       \
        if (access(BUSYBOX, X_OK) < 0) {       \
            print_message("no " BUSYBOX "\n"); \
            skip();                            \
        }                                      \
    } while (0)
#define NEEDS_ROOT()                      \
    do {                                  \
        if (geteuid() != 0) {             \
            print_message("root only\n"); \
            skip();                       \
        }                                 \
        NEEDS_BUSYBOX();                  \
    } while (0)

#endif
