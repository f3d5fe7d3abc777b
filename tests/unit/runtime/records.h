/*
 * records.h - what the tests of containers' records share: ROOT and RUNROOT of their own, records
 * in them, and what a monitor would have done to those.
 */
#ifndef RUNTIME_RECORDS_H
#define RUNTIME_RECORDS_H

#include "runtime/life.h"

#include "base/fsutil.h"

/* ROOT and RUNROOT in a folder of the test. */
struct folders {
    struct test_dir *dir;
    char root[80], runroot[80];
    struct container_root containers;
};

static inline int setup(void **state)
{
    struct folders *folders = calloc(1, sizeof(*folders));
    void *dir;

    if (!folders || test_dir_setup(&dir) != 0)
        return -1;
    folders->dir = dir;
    (void)snprintf(folders->root, sizeof(folders->root), "%s/root", folders->dir->path);
    (void)snprintf(folders->runroot, sizeof(folders->runroot), "%s/run", folders->dir->path);
    *state = folders;
    return mkdir(folders->root, 0700) < 0 ||
           container_root_open(folders->root, folders->runroot, &folders->containers, NULL) < 0;
}

static inline int teardown(void **state)
{
    struct folders *folders = *state;
    void *dir = folders->dir;

    container_root_done(&folders->containers);
    free(folders);
    return test_dir_teardown(&dir);
}

#define RECORD_TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

/* A record; the number makes its id and its age. */
static inline int create(struct folders *folders, unsigned int number, const char *name,
                         bool auto_remove, char ret_id[IDENT_SIZE], struct mcpd_error *err)
{
    struct mcpd_create_options options = life_options();
    struct life_image life;
    struct plan plan;
    int rc;

    life_image_init(&life);
    options.spec.name = name;
    options.auto_remove = auto_remove;
    life_build(&options, &life, &plan);
    (void)snprintf(plan.id, IDENT_SIZE, "%08x%056x", number * 0x01010101, 0);
    plan.created_unix_ns = (int64_t)number * 1000000000;
    rc = container_create(&folders->containers, &plan, err);
    if (rc == 0)
        memcpy(ret_id, plan.id, IDENT_SIZE);
    plan_done(&plan);
    return rc;
}

static inline void must_create(struct folders *folders, unsigned int number, const char *name,
                               char ret_id[IDENT_SIZE])
{
    struct mcpd_error err = {0};

    if (create(folders, number, name, false, ret_id, &err) < 0)
        fail_msg("%s", err.message);
}

static inline size_t count_entries(int dir_fd)
{
    CLEANUP_DIR DIR *dir = fdopendir(openat(dir_fd, ".", O_RDONLY | O_DIRECTORY));
    size_t count = 0;

    while (readdir(dir))
        count++;
    return count - 2;
}

static inline void save_state(struct folders *folders, const char *id, enum container_status status)
{
    const struct container_state state = {.status = status, .started_unix_ns = 5};
    int fd = openat(folders->containers.containers_fd, id, O_RDONLY | O_DIRECTORY);

    assert_int_equal(container_save_state(fd, &state, false, NULL), 0);
    close(fd);
}

static inline int open_record(struct folders *folders, const char *id)
{
    int fd = openat(folders->containers.containers_fd, id, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    assert_true(fd >= 0);
    return fd;
}

/* As a monitor does. The caller closes it. */
static inline int hold_lock(struct folders *folders, const char *id)
{
    int dir_fd = open_record(folders, id);
    int lock_fd = -1;

    assert_int_equal(container_lock(&folders->containers, id, dir_fd, 0, &lock_fd, NULL), 0);
    close(dir_fd);
    return lock_fd;
}

/* What stays in the lock of one that was killed. */
static inline void leave_note(struct folders *folders, const char *id,
                              const struct container_run *run)
{
    int lock_fd = hold_lock(folders, id);

    assert_int_equal(container_save_run(lock_fd, run, folders->runroot, NULL), 0);
    close(lock_fd);
}

static inline bool has_note(struct folders *folders, const char *id)
{
    struct container_run run;
    int dir_fd = open_record(folders, id);
    int rc = container_load_run(dir_fd, &run, NULL);

    close(dir_fd);
    return rc == 0;
}

#endif
