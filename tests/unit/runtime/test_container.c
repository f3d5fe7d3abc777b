/* test_container.c - records: made, found, settled, removed. */
#include "runtime/records.h"

#include "base/fdpass.h"

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

/* What could not be read back is refused, and nothing of it is left. */
static void refuse(struct folders *folders, struct plan *plan, const char *text)
{
    struct mcpd_error err = {0};

    assert_error_contains(container_create(&folders->containers, plan, &err), err, MCPD_E_INVALID,
                          text);
    plan_done(plan);
    assert_int_equal(count_entries(folders->containers.containers_fd), 0);
    assert_int_equal(count_entries(folders->containers.names_fd), 0);
    assert_int_equal(count_entries(folders->containers.tmp_fd), 0);
}

static void test_too_large(void **state)
{
    struct mcpd_create_options options = life_options();
    struct folders *folders = *state;
    const char *mounts[1030] = {NULL};
    char texts[1029][32];
    CLEANUP_FREE char *large = malloc(5 << 20);
    struct life_image life;
    struct plan plan;

    life_image_init(&life);
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        (void)snprintf(texts[i], sizeof(texts[i]), "/mounts/%zu", i);
        mounts[i] = texts[i];
    }
    options.tmpfs = mounts;
    life_build(&options, &life, &plan);
    refuse(folders, &plan, "more than 1024 mounts");
    options = life_options();
    memset(large, 'x', 5 << 20);
    large[(5 << 20) - 1] = '\0';
    options.spec.env = (const char *const[]){large, NULL};
    memcpy(large, "A=", 2);
    life_build(&options, &life, &plan);
    refuse(folders, &plan, "larger than 4194304 bytes");
    options = life_options();
    life_build(&options, &life, &plan);
    plan.stop_timeout_s = UINT32_MAX;
    refuse(folders, &plan, "mcpd.stopTimeout: out of range");
    life_build(&options, &life, &plan);
    plan.limits.memory_bytes = UINT64_MAX;
    refuse(folders, &plan, "limit");
}

/* As many as can be read back are taken, and are read back. */
static void test_as_large_as_can_be(void **state)
{
    struct mcpd_create_options options = life_options();
    struct folders *folders = *state;
    const char *mounts[1025] = {NULL};
    char texts[1024][32];
    struct mcpd_error err = {0};
    struct container container;
    struct life_image life;
    struct plan plan;
    size_t usual;

    life_image_init(&life);
    life_build(&options, &life, &plan);
    usual = plan.mount_count;
    plan_done(&plan);
    for (size_t i = 0; i < 1024 - usual; i++) {
        (void)snprintf(texts[i], sizeof(texts[i]), "/mounts/%zu", i);
        mounts[i] = texts[i];
    }
    options.tmpfs = mounts;
    life_build(&options, &life, &plan);
    plan.process.rlimits = calloc(1, sizeof(*plan.process.rlimits));
    plan.process.rlimit_count = 1;
    plan.process.rlimits[0] = (struct plan_rlimit){0, UINT64_MAX, UINT64_MAX};
    assert_int_equal(container_create(&folders->containers, &plan, &err), 0);
    assert_int_equal(container_load(&folders->containers, LIFE_ID, &container, &err), 0);
    assert_int_equal(container.plan.mount_count, 1024);
    assert_true(container.plan.process.rlimits[0].soft == UINT64_MAX);
    container_done(&container);
    plan_done(&plan);
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
    fd = open_record(folders, ids[1]);
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
    struct container_run run;
    struct container container;
    char id[IDENT_SIZE];
    int lock_fd;

    must_create(folders, 1, "web", id);
    save_state(folders, id, CONTAINER_STATUS_RUNNING);
    container_run_init(&run, "/x");
    run.init_pid = 77;
    lock_fd = hold_lock(folders, id);
    assert_int_equal(container_save_run(lock_fd, &run, folders->runroot, NULL), 0);
    assert_int_equal(container_load(&folders->containers, id, &container, NULL), 0);
    assert_int_equal(container.state.status, CONTAINER_STATUS_RUNNING);
    assert_int_equal(container.run.init_pid, 77);
    assert_string_equal(container.run.cgroup_path, "/x");
    container_done(&container);
    /* Whatever becomes of the runtime folder. */
    assert_int_equal(fs_remove_tree(AT_FDCWD, folders->runroot, NULL), 0);
    assert_int_equal(container_load(&folders->containers, id, &container, NULL), 0);
    assert_int_equal(container.state.status, CONTAINER_STATUS_RUNNING);
    container_done(&container);
    close(lock_fd);
}

static void test_lost_monitor(void **state)
{
    struct folders *folders = *state;
    struct container_run run;
    struct container container;
    char id[IDENT_SIZE];

    must_create(folders, 1, "web", id);
    save_state(folders, id, CONTAINER_STATUS_RUNNING);
    container_run_init(&run, "");
    leave_note(folders, id, &run);
    assert_int_equal(container_load(&folders->containers, id, &container, NULL), 0);
    assert_int_equal(container.state.status, CONTAINER_STATUS_EXITED);
    assert_int_equal(container.state.exit_code, 137);
    assert_string_equal(container.state.error, "monitor lost");
    assert_true(container.state.finished_unix_ns > 0);
    assert_int_equal(container.state.started_unix_ns, 5);
    container_done(&container);
    assert_false(has_note(folders, id));
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
        int fd = open_record(folders, id);

        put_file(fd, "state.json", damage[i]);
        close(fd);
        assert_int_equal(container_load(&folders->containers, id, &container, NULL), 0);
        assert_int_equal(container.state.status, CONTAINER_STATUS_EXITED);
        container_done(&container);
    }
}

/* It can still be ended and removed, and says whether it runs. */
/* Something else than a file in its place. */
static void test_state_that_is_no_file(void **state)
{
    struct folders *folders = *state;
    struct container container;
    char id[IDENT_SIZE];
    int fd;

    must_create(folders, 1, "web", id);
    fd = open_record(folders, id);
    assert_int_equal(mkdirat(fd, "state.json", 0700), 0);
    assert_int_equal(container_load(&folders->containers, id, &container, NULL), 0);
    assert_int_equal(container.state.status, CONTAINER_STATUS_EXITED);
    assert_int_equal(container_remove(&folders->containers, &container, NULL), 0);
    container_done(&container);
    close(fd);
    assert_int_equal(count_entries(folders->containers.containers_fd), 0);
}

static void test_lock_that_is_no_file(void **state)
{
    struct folders *folders = *state;
    struct container container;
    struct mcpd_error err = {0};
    char id[IDENT_SIZE];
    int fd;

    must_create(folders, 1, "web", id);
    save_state(folders, id, CONTAINER_STATUS_RUNNING);
    fd = open_record(folders, id);
    assert_false(container_drop_damaged_lock(fd));
    assert_int_equal(mkdirat(fd, "lock", 0700), 0);
    put_file(fd, "lock/in", "it");
    assert_error_contains(container_load(&folders->containers, id, &container, &err), err,
                          MCPD_E_CORRUPT, "is damaged (mcpd rm -f removes it)");
    assert_int_equal(container_load_damaged(&folders->containers, id, &container, &err), 0);
    assert_int_equal(container.state.status, CONTAINER_STATUS_RUNNING); /* nobody can tell */
    assert_code(container_remove_within(&folders->containers, &container, 0, &err), MCPD_E_CORRUPT);
    container_done(&container);
    assert_true(container_drop_damaged_lock(fd));
    assert_false(container_drop_damaged_lock(fd));
    close(fd);
    assert_int_equal(container_load(&folders->containers, id, &container, &err), 0);
    assert_int_equal(container.state.status, CONTAINER_STATUS_EXITED);
    container_done(&container);
}

static void test_damaged_spec(void **state)
{
    struct folders *folders = *state;
    struct container container;
    struct mcpd_error err = {0};
    char id[IDENT_SIZE], other[IDENT_SIZE];
    char text[160];
    int lock_fd;
    int fd;

    must_create(folders, 1, "web", id);
    must_create(folders, 2, "other", other);
    fd = open_record(folders, id);
    put_file(fd, "spec.json", "{");
    close(fd);
    (void)snprintf(text, sizeof(text), "container %s is damaged (mcpd rm -f removes it)", id);
    assert_error(container_load(&folders->containers, id, &container, &err), err, MCPD_E_CORRUPT,
                 text);
    save_state(folders, id, CONTAINER_STATUS_RUNNING);
    lock_fd = hold_lock(folders, id);
    assert_error_contains(container_load(&folders->containers, id, &container, &err), err,
                          MCPD_E_CORRUPT, "is damaged, and runs");
    assert_int_equal(container_load_damaged(&folders->containers, id, &container, &err), 0);
    assert_int_equal(container.state.status, CONTAINER_STATUS_RUNNING);
    assert_int_equal(container.plan.stop_signal, SIGTERM);
    container_done(&container);
    close(lock_fd);
    assert_int_equal(container_load_damaged(&folders->containers, id, &container, &err), 0);
    assert_int_equal(container.state.status, CONTAINER_STATUS_EXITED);
    assert_int_equal(container_remove(&folders->containers, &container, &err), 0);
    container_done(&container);
    assert_int_equal(count_entries(folders->containers.names_fd), 1);
    assert_int_equal(container_find(&folders->containers, "other", id, NULL), 0);
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
    struct container_run run;
    struct mcpd_error err = {0};
    char id[IDENT_SIZE];
    char text[256];
    int lock_fd;

    must_create(folders, 1, "web", id);
    save_state(folders, id, CONTAINER_STATUS_RUNNING);
    container_run_init(&run, "");
    leave_note(folders, id, &run);
    lock_fd = hold_lock(folders, id);
    assert_int_equal(container_load(&folders->containers, id, &container, NULL), 0);
    (void)snprintf(text, sizeof(text),
                   "cannot remove container %s as it is running - running or paused containers "
                   "cannot be removed without force: container state improper",
                   id);
    assert_error(container_remove(&folders->containers, &container, &err), err, MCPD_E_STATE, text);
    container.state.status = CONTAINER_STATUS_EXITED;
    close(lock_fd);
    assert_int_equal(container_remove(&folders->containers, &container, &err), 0);
    /* Twice is as good; so is a lock of what is not there any more. */
    assert_int_equal(container_remove(&folders->containers, &container, &err), 0);
    assert_code(container_lock(&folders->containers, id, container.dir_fd, 0, &lock_fd, &err),
                MCPD_E_NOT_FOUND);
    container_done(&container);
    assert_int_equal(count_entries(folders->containers.containers_fd), 0);
    assert_int_equal(count_entries(folders->containers.names_fd), 0);
    assert_int_equal(count_entries(folders->containers.run_fd), 0);
    assert_int_equal(count_entries(folders->containers.tmp_fd), 0);
}

/* Who removes it was killed between the two steps: the lock is in the folder that was renamed. */
static void test_lock_of_a_removed_record(void **state)
{
    struct folders *folders = *state;
    struct mcpd_error err = {0};
    char id[IDENT_SIZE];
    int lock_fd = -1;
    int dir_fd;

    must_create(folders, 1, "web", id);
    dir_fd = open_record(folders, id);
    assert_int_equal(
        renameat(folders->containers.containers_fd, id, folders->containers.tmp_fd, id), 0);
    assert_code(container_lock(&folders->containers, id, dir_fd, 0, &lock_fd, &err),
                MCPD_E_NOT_FOUND);
    close(dir_fd);
}

static void test_remove_unstarted(void **state)
{
    struct folders *folders = *state;
    struct container container;
    struct mcpd_error err = {0};
    char id[IDENT_SIZE];
    int lock_fd;

    assert_int_equal(create(folders, 1, "web", true, id, &err), 0);
    assert_int_equal(container_load(&folders->containers, id, &container, NULL), 0);
    lock_fd = hold_lock(folders, id); /* somebody else starts it */
    container_remove_unstarted(&folders->containers, &container);
    assert_true(fs_exists(folders->containers.containers_fd, id));
    close(lock_fd);
    container_remove_unstarted(&folders->containers, &container);
    assert_false(fs_exists(folders->containers.containers_fd, id));
    container_done(&container);
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

static void make_run_dir(struct folders *folders, const char *id, const char *name)
{
    int fd = -1;

    assert_int_equal(container_make_run_dir(folders->runroot, id, &fd, NULL), 0);
    if (name)
        put_file(fd, name, "");
    close(fd);
}

static void test_sweep_of_names_and_run_folders(void **state)
{
    struct folders *folders = *state;
    char id[IDENT_SIZE], found[IDENT_SIZE], dead[IDENT_SIZE];
    int run_dir_fd, listen_fd;

    must_create(folders, 1, "web", id);
    assert_int_equal(symlinkat(LIFE_ID, folders->containers.names_fd, "dead"), 0);
    /* Run folders: of a record; of nobody, without a socket; of another ROOT, which runs. */
    make_run_dir(folders, id, NULL);
    make_run_dir(folders, LIFE_ID, NULL);
    (void)snprintf(dead, sizeof(dead), "%064x", 5);
    assert_int_equal(container_make_run_dir(folders->runroot, dead, &run_dir_fd, NULL), 0);
    assert_int_equal(fdpass_listen(run_dir_fd, "socket", &listen_fd, NULL), 0);
    close(run_dir_fd);
    assert_int_equal(container_sweep(&folders->containers, NULL), 0);
    assert_int_equal(count_entries(folders->containers.names_fd), 1);
    assert_int_equal(container_find(&folders->containers, "web", found, NULL), 0);
    assert_true(fs_exists(folders->containers.run_fd, id));
    assert_true(fs_exists(folders->containers.run_fd, dead));
    assert_false(fs_exists(folders->containers.run_fd, LIFE_ID));
    close(listen_fd);
    assert_int_equal(container_sweep(&folders->containers, NULL), 0);
    assert_false(fs_exists(folders->containers.run_fd, dead));
}

/* Killed after the note and before the state said running. */
static void test_sweep_of_half_made_starts(void **state)
{
    struct folders *folders = *state;
    struct container_run run;
    struct mcpd_error err = {0};
    char kept[IDENT_SIZE], thrown[IDENT_SIZE], held[IDENT_SIZE];
    int lock_fd;

    must_create(folders, 1, "kept", kept);
    assert_int_equal(create(folders, 2, "thrown", true, thrown, &err), 0);
    must_create(folders, 3, "held", held);
    container_run_init(&run, "");
    leave_note(folders, kept, &run);
    leave_note(folders, thrown, &run);
    leave_note(folders, held, &run);
    lock_fd = hold_lock(folders, held);
    assert_int_equal(container_sweep(&folders->containers, &err), 0);
    assert_false(has_note(folders, kept));
    assert_true(has_note(folders, held));
    assert_false(fs_exists(folders->containers.containers_fd, thrown));
    assert_int_equal(count_entries(folders->containers.names_fd), 2);
    close(lock_fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RECORD_TEST(test_create_and_load),
        RECORD_TEST(test_too_large),
        RECORD_TEST(test_as_large_as_can_be),
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
        RECORD_TEST(test_state_that_is_no_file),
        RECORD_TEST(test_lock_that_is_no_file),
        RECORD_TEST(test_damaged_spec),
        DIR_TEST(test_state_round_trip),
        RECORD_TEST(test_remove),
        RECORD_TEST(test_remove_leaves_a_new_owner_of_the_name),
        RECORD_TEST(test_lock_of_a_removed_record),
        RECORD_TEST(test_remove_unstarted),
        RECORD_TEST(test_sweep_of_names_and_run_folders),
        RECORD_TEST(test_sweep_of_half_made_starts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
