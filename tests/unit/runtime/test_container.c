/* test_container.c - records: made, found, settled, removed. */
#include "runtime/life.h"

#include "base/clock.h"
#include "base/fsutil.h"
#include "base/lock.h"
#include "base/proc.h"

/* ROOT and RUNROOT in a folder of the test. */
struct folders {
    struct test_dir *dir;
    char root[80], runroot[80];
    struct container_root containers;
};

static int setup(void **state)
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

static int teardown(void **state)
{
    struct folders *folders = *state;
    void *dir = folders->dir;

    container_root_done(&folders->containers);
    free(folders);
    return test_dir_teardown(&dir);
}

#define RECORD_TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

/* A record; the number makes its id and its age. */
static int create(struct folders *folders, unsigned int number, const char *name, bool auto_remove,
                  char ret_id[IDENT_SIZE], struct mcpd_error *err)
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

static void must_create(struct folders *folders, unsigned int number, const char *name,
                        char ret_id[IDENT_SIZE])
{
    struct mcpd_error err = {0};

    if (create(folders, number, name, false, ret_id, &err) < 0)
        fail_msg("%s", err.message);
}

static size_t count_entries(int dir_fd)
{
    CLEANUP_DIR DIR *dir = fdopendir(openat(dir_fd, ".", O_RDONLY | O_DIRECTORY));
    size_t count = 0;

    while (readdir(dir))
        count++;
    return count - 2;
}

static void save_state(struct folders *folders, const char *id, enum container_status status)
{
    const struct container_state state = {.status = status, .started_unix_ns = 5};
    int fd = openat(folders->containers.containers_fd, id, O_RDONLY | O_DIRECTORY);

    assert_int_equal(container_save_state(fd, &state, false, NULL), 0);
    close(fd);
}

/* --- making and finding ------------------------------------------------------------ */

static void test_create_and_load(void **state)
{
    struct folders *folders = *state;
    struct container container;
    char id[IDENT_SIZE];

    must_create(folders, 1, "web", id);
    assert_int_equal(container_load(&folders->containers, id, &container, NULL), 0);
    assert_string_equal(container.id, id);
    assert_string_equal(container.plan.name, "web");
    assert_int_equal(container.state.status, CONTAINER_STATUS_CREATED);
    assert_int_equal(container.state.started_unix_ns, 0);
    container_done(&container);
    assert_int_equal(count_entries(folders->containers.tmp_fd), 0);
}

static void test_find(void **state)
{
    struct folders *folders = *state;
    struct mcpd_error err = {0};
    char first[IDENT_SIZE], second[IDENT_SIZE], found[IDENT_SIZE];

    must_create(folders, 0x12, "web", first);  /* 12121212... */
    must_create(folders, 0x13, "121", second); /* 13131313..., its name is a prefix of the first */
    assert_int_equal(container_find(&folders->containers, "web", found, &err), 0);
    assert_string_equal(found, first);
    assert_int_equal(container_find(&folders->containers, first, found, &err), 0);
    assert_int_equal(container_find(&folders->containers, "1212", found, &err), 0);
    assert_string_equal(found, first);
    assert_int_equal(container_find(&folders->containers, "121", found, &err), 0);
    assert_string_equal(found, second);
    assert_error(container_find(&folders->containers, "1", found, &err), err, MCPD_E_INVALID,
                 "more than one result for container name or ID 1");
    assert_error(container_find(&folders->containers, "nosuch", found, &err), err, MCPD_E_NOT_FOUND,
                 "no container with name or ID \"nosuch\" found: no such container");
    assert_code(container_find(&folders->containers, "", found, &err), MCPD_E_NOT_FOUND);
    assert_code(container_find(&folders->containers, "../names/web", found, &err),
                MCPD_E_NOT_FOUND);
    assert_code(container_find(&folders->containers, "fff", found, &err), MCPD_E_NOT_FOUND);
}

static void test_name_taken(void **state)
{
    struct folders *folders = *state;
    struct mcpd_error err = {0};
    char id[IDENT_SIZE], other[IDENT_SIZE];
    char text[512];

    must_create(folders, 1, "nh", id);
    (void)snprintf(text, sizeof(text),
                   "creating container storage: the container name \"nh\" is already in use by %s. "
                   "You have to remove that container to be able to reuse that name: that name is "
                   "already in use",
                   id);
    assert_error(create(folders, 2, "nh", false, other, &err), err, MCPD_E_CONFLICT, text);
    assert_error(container_check_name(&folders->containers, "nh", &err), err, MCPD_E_CONFLICT,
                 text);
    assert_int_equal(container_check_name(&folders->containers, "free", &err), 0);
    assert_int_equal(count_entries(folders->containers.containers_fd), 1);
    assert_int_equal(count_entries(folders->containers.tmp_fd), 0);
}

static void test_dead_name_is_free(void **state)
{
    struct folders *folders = *state;
    char id[IDENT_SIZE], found[IDENT_SIZE];

    assert_int_equal(symlinkat(LIFE_ID, folders->containers.names_fd, "web"), 0);
    assert_code(container_find(&folders->containers, "web", found, NULL), MCPD_E_NOT_FOUND);
    must_create(folders, 1, "web", id);
    assert_int_equal(container_find(&folders->containers, "web", found, NULL), 0);
    assert_string_equal(found, id);
}

/* Every process tries to make the same name at once; exactly one wins. */
static int race_child(void *context)
{
    struct folders *folders = context;
    char id[IDENT_SIZE];
    struct mcpd_error err = {0};
    int rc = create(folders, (unsigned int)getpid() % 251 + 1, "one", true, id, &err);

    return rc == 0 ? 42 : rc == -MCPD_E_CONFLICT ? 43 : 44;
}

static void test_name_race(void **state)
{
    struct folders *folders = *state;
    int winners = 0;

    assert_int_equal(symlinkat(LIFE_ID, folders->containers.names_fd, "one"), 0);
    for (int i = 0; i < 8; i++) {
        pid_t pid = fork();

        if (pid == 0)
            _exit(race_child(folders));
        assert_true(pid > 0);
    }
    for (int i = 0; i < 8; i++) {
        int status;

        assert_true(wait(&status) > 0);
        assert_true(WIFEXITED(status) && (WEXITSTATUS(status) == 42 || WEXITSTATUS(status) == 43));
        winners += WEXITSTATUS(status) == 42;
    }
    assert_int_equal(winners, 1);
    assert_int_equal(count_entries(folders->containers.containers_fd), 1);
    assert_int_equal(count_entries(folders->containers.names_fd), 1);
}

static void test_random_names(void **state)
{
    struct folders *folders = *state;
    struct container container;
    char first[IDENT_SIZE], second[IDENT_SIZE];

    must_create(folders, 1, NULL, first);
    must_create(folders, 2, NULL, second);
    assert_int_equal(container_load(&folders->containers, first, &container, NULL), 0);
    assert_non_null(strchr(container.plan.name, '_'));
    assert_code(container_check_name(&folders->containers, container.plan.name, NULL),
                MCPD_E_CONFLICT);
    container_done(&container);
}

/* --- list ----------------------------------------------------------------------------------- */

static void count_warning(void *context, const char *message)
{
    assert_non_null(strstr(message, "is damaged"));
    (*(int *)context)++;
}

static void test_list(void **state)
{
    struct folders *folders = *state;
    struct container *containers;
    char ids[4][IDENT_SIZE];
    int warnings = 0;
    size_t count;
    int fd;

    for (unsigned int i = 0; i < 4; i++)
        must_create(folders, 4 - i, NULL, ids[i]);
    fd = openat(folders->containers.containers_fd, ids[1], O_RDONLY | O_DIRECTORY);
    put_file(fd, "spec.json", "{\"half\":");
    close(fd);
    assert_int_equal(mkdirat(folders->containers.containers_fd, "no-id", 0700), 0);
    assert_int_equal(
        container_list(&folders->containers, count_warning, &warnings, &containers, &count, NULL),
        0);
    assert_int_equal(count, 3);
    assert_string_equal(containers[0].id, ids[3]);
    assert_string_equal(containers[1].id, ids[2]);
    assert_string_equal(containers[2].id, ids[0]);
    assert_int_equal(warnings, 1);
    container_list_free(containers, count);
}

/* --- the truth ------------------------------------------------------------------------------- */

static void test_running_is_who_holds_the_lock(void **state)
{
    struct folders *folders = *state;
    const struct container_run run = {.monitor_pid = 1, .init_pid = 77, .cgroup_path = "/x"};
    struct container container;
    char id[IDENT_SIZE];
    int run_dir_fd = -1;
    int lock_fd = -1;

    must_create(folders, 1, "web", id);
    save_state(folders, id, CONTAINER_STATUS_RUNNING);
    assert_int_equal(container_open_run_dir(&folders->containers, id, &run_dir_fd, NULL), 0);
    assert_int_equal(lock_take(run_dir_fd, "lock", LOCK_KIND_EXCLUSIVE, 0, &lock_fd, NULL), 0);
    assert_int_equal(container_save_run(run_dir_fd, &run, NULL), 0);
    assert_int_equal(container_load(&folders->containers, id, &container, NULL), 0);
    assert_int_equal(container.state.status, CONTAINER_STATUS_RUNNING);
    assert_int_equal(container.run.init_pid, 77);
    assert_string_equal(container.run.cgroup_path, "/x");
    container_done(&container);
    close(lock_fd);
    close(run_dir_fd);
}

/* The process with the number in run.json is not touched when it is not the one that was meant. */
static void test_lost_monitor(void **state)
{
    struct folders *folders = *state;
    struct container_run run = {.init_pid = getpid(), .init_start_ticks = 1};
    struct container container;
    char id[IDENT_SIZE];
    int run_dir_fd = -1;

    must_create(folders, 1, "web", id);
    save_state(folders, id, CONTAINER_STATUS_RUNNING);
    assert_int_equal(container_open_run_dir(&folders->containers, id, &run_dir_fd, NULL), 0);
    container_boot_id(run.boot_id);
    assert_int_equal(container_save_run(run_dir_fd, &run, NULL), 0);
    assert_int_equal(container_load(&folders->containers, id, &container, NULL), 0);
    assert_int_equal(container.state.status, CONTAINER_STATUS_EXITED);
    assert_int_equal(container.state.exit_code, 137);
    assert_string_equal(container.state.error, "monitor lost");
    assert_true(container.state.finished_unix_ns > 0);
    assert_int_equal(container.state.started_unix_ns, 5);
    container_done(&container);
    assert_false(fs_exists(run_dir_fd, "run.json"));
    close(run_dir_fd);
    /* Also with the right start time it is not a container: it lives in our pid namespace. */
    assert_int_equal(proc_start_time(getpid(), &run.init_start_ticks, NULL), 0);
    save_state(folders, id, CONTAINER_STATUS_STOPPING);
    assert_int_equal(container_open_run_dir(&folders->containers, id, &run_dir_fd, NULL), 0);
    assert_int_equal(container_save_run(run_dir_fd, &run, NULL), 0);
    close(run_dir_fd);
    assert_int_equal(container_load(&folders->containers, id, &container, NULL), 0);
    assert_int_equal(container.state.status, CONTAINER_STATUS_EXITED);
    container_done(&container);
}

static void test_lost_and_to_be_removed(void **state)
{
    struct folders *folders = *state;
    struct container container;
    struct mcpd_error err = {0};
    char id[IDENT_SIZE];

    assert_int_equal(create(folders, 1, "gone", true, id, &err), 0);
    save_state(folders, id, CONTAINER_STATUS_RUNNING);
    assert_code(container_load(&folders->containers, id, &container, &err), MCPD_E_NOT_FOUND);
    assert_int_equal(count_entries(folders->containers.containers_fd), 0);
    assert_int_equal(count_entries(folders->containers.names_fd), 0);
    assert_int_equal(count_entries(folders->containers.tmp_fd), 0);
}

static void test_damaged_state(void **state)
{
    struct folders *folders = *state;
    static const char *const damage[] = {"", "{\"status\":\"runn", "{\"status\":\"what\"}", "[]"};
    struct container container;
    char id[IDENT_SIZE];

    must_create(folders, 1, "web", id);
    for (size_t i = 0; i < ARRAY_SIZE(damage); i++) {
        int fd = openat(folders->containers.containers_fd, id, O_RDONLY | O_DIRECTORY);

        put_file(fd, "state.json", damage[i]);
        close(fd);
        assert_int_equal(container_load(&folders->containers, id, &container, NULL), 0);
        assert_int_equal(container.state.status, CONTAINER_STATUS_EXITED);
        container_done(&container);
    }
}

static void test_state_round_trip(void **state)
{
    struct test_dir *dir = *state;
    const struct container_state saved = {.status = CONTAINER_STATUS_STOPPING,
                                          .exit_code = 143,
                                          .oom_killed = true,
                                          .stopped_by_user = true,
                                          .started_unix_ns = 1795451528785489631,
                                          .finished_unix_ns = 1795451529785489631,
                                          .restart_count = 7,
                                          .error = "a \"b\""};
    struct container_state loaded;

    assert_int_equal(container_load_state(dir->fd, &loaded, NULL), 0);
    assert_int_equal(loaded.status, CONTAINER_STATUS_CREATED);
    assert_int_equal(container_save_state(dir->fd, &saved, true, NULL), 0);
    assert_int_equal(container_load_state(dir->fd, &loaded, NULL), 0);
    assert_memory_equal(&loaded, &saved, sizeof(saved));
}

/* --- removing ------------------------------------------------------------------------------------
 */

static void test_remove(void **state)
{
    struct folders *folders = *state;
    struct container container;
    struct mcpd_error err = {0};
    char id[IDENT_SIZE];
    char text[256];
    int run_dir_fd = -1;
    int lock_fd = -1;

    must_create(folders, 1, "web", id);
    save_state(folders, id, CONTAINER_STATUS_RUNNING);
    assert_int_equal(container_open_run_dir(&folders->containers, id, &run_dir_fd, NULL), 0);
    assert_int_equal(lock_take(run_dir_fd, "lock", LOCK_KIND_EXCLUSIVE, 0, &lock_fd, NULL), 0);
    assert_int_equal(container_load(&folders->containers, id, &container, NULL), 0);
    (void)snprintf(text, sizeof(text),
                   "cannot remove container %s as it is running - running or paused containers "
                   "cannot be removed without force: container state improper",
                   id);
    assert_error(container_remove(&folders->containers, &container, &err), err, MCPD_E_STATE, text);
    container.state.status = CONTAINER_STATUS_EXITED;
    close(lock_fd);
    close(run_dir_fd);
    assert_int_equal(container_remove(&folders->containers, &container, &err), 0);
    container_done(&container);
    assert_int_equal(count_entries(folders->containers.containers_fd), 0);
    assert_int_equal(count_entries(folders->containers.names_fd), 0);
    assert_int_equal(count_entries(folders->containers.run_fd), 0);
    assert_int_equal(count_entries(folders->containers.tmp_fd), 0);
}

/* The name may belong to a newer container already. */
static void test_remove_leaves_a_new_owner_of_the_name(void **state)
{
    struct folders *folders = *state;
    char id[IDENT_SIZE], other[IDENT_SIZE], found[IDENT_SIZE];

    must_create(folders, 1, "old", id);
    must_create(folders, 2, "web", other);
    assert_int_equal(container_delete(&folders->containers, id, "web", true, NULL), 0);
    assert_int_equal(container_find(&folders->containers, "web", found, NULL), 0);
    assert_int_equal(container_delete(&folders->containers, id, "web", true, NULL), 0); /* twice */
}

static void test_sweep(void **state)
{
    struct folders *folders = *state;
    char id[IDENT_SIZE], found[IDENT_SIZE];
    int fds[3], lock_fd;

    must_create(folders, 1, "web", id);
    assert_int_equal(symlinkat(LIFE_ID, folders->containers.names_fd, "dead"), 0);
    /* Run folders: of the record, of nobody, and of a monitor that is just ending. */
    assert_int_equal(container_open_run_dir(&folders->containers, id, &fds[0], NULL), 0);
    assert_int_equal(container_open_run_dir(&folders->containers, LIFE_ID, &fds[1], NULL), 0);
    put_file(fds[1], "run.json", "{}");
    (void)snprintf(found, sizeof(found), "%064x", 5);
    assert_int_equal(container_open_run_dir(&folders->containers, found, &fds[2], NULL), 0);
    assert_int_equal(lock_take(fds[2], "lock", LOCK_KIND_EXCLUSIVE, 0, &lock_fd, NULL), 0);
    assert_int_equal(container_sweep(&folders->containers, NULL), 0);
    assert_int_equal(count_entries(folders->containers.names_fd), 1);
    assert_true(fs_exists(folders->containers.run_fd, id));
    assert_false(fs_exists(folders->containers.run_fd, LIFE_ID));
    assert_true(fs_exists(folders->containers.run_fd, found));
    assert_int_equal(container_find(&folders->containers, "web", found, NULL), 0);
    for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
        close(fds[i]);
    close(lock_fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RECORD_TEST(test_create_and_load),
        RECORD_TEST(test_find),
        RECORD_TEST(test_name_taken),
        RECORD_TEST(test_dead_name_is_free),
        RECORD_TEST(test_name_race),
        RECORD_TEST(test_random_names),
        RECORD_TEST(test_list),
        RECORD_TEST(test_running_is_who_holds_the_lock),
        RECORD_TEST(test_lost_monitor),
        RECORD_TEST(test_lost_and_to_be_removed),
        RECORD_TEST(test_damaged_state),
        DIR_TEST(test_state_round_trip),
        RECORD_TEST(test_remove),
        RECORD_TEST(test_remove_leaves_a_new_owner_of_the_name),
        RECORD_TEST(test_sweep),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
