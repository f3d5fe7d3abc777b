/* test_engine.c - opening an engine, and calls that need no running container. */
#include "base/base_test.h"

#include <ftw.h>

#include "base/str.h"
#include "engine.h"
#include "support/fake_store.h"

static void test_version_of_an_image(void **state)
{
    static const struct {
        const char *image, *version;
    } rows[] = {
        {"registry/img:v1.2.0", "v1.2.0"},
        {"registry:5000/img:v1", "v1"},
        {"registry:5000/img", ""},
        {"registry/img", ""},
        {"img", ""},
        {"img:1", "1"},
        {"h/a/b:c", "c"},
        {"h/img@sha256:0000", ""},
        {"h/img:v2@sha256:0000", "v2"},
        {"", ""},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        CLEANUP_FREE char *version = mcpd_image_version(rows[i].image);

        assert_string_equal(version, rows[i].version);
    }
}

/* --- places ------------------------------------------------------------------------ */

static int open_below(const struct test_dir *dir, struct mcpd_engine **ret_engine,
                      struct mcpd_error *err)
{
    struct mcpd_engine_options options = {0};
    CLEANUP_FREE char *root = str_format("%s/root", dir->path);
    CLEANUP_FREE char *runroot = str_format("%s/run", dir->path);

    options.root = root;
    options.runroot = runroot;
    return mcpd_open(&options, ret_engine, err);
}

static void test_open_given(void **state)
{
    struct test_dir *dir = *state;
    struct mcpd_engine *engine;
    struct mcpd_error err = {0};
    CLEANUP_FREE char *path = NULL;
    struct stat st;

    if (open_below(dir, &engine, &err) < 0)
        fail_msg("%s", err.message);
    assert_int_equal(fstatat(dir->fd, "root/containers", &st, 0), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    assert_int_equal(fstatat(dir->fd, "run/containers", &st, 0), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    mcpd_close(engine);
    mcpd_close(NULL);
}

static void test_relative_paths_become_absolute(void **state)
{
    struct test_dir *dir = *state;
    const struct mcpd_engine_options options = {
        .root = "r", .runroot = "./u", .program = "bin/mcpd"};
    struct mcpd_engine *engine;
    struct mcpd_error err = {0};
    char here[256];
    CLEANUP_FREE char *expected = str_format("%s/bin/mcpd", dir->path);

    assert_non_null(getcwd(here, sizeof(here)));
    assert_int_equal(chdir(dir->path), 0);
    if (mcpd_open(&options, &engine, &err) < 0)
        fail_msg("%s", err.message);
    assert_int_equal(chdir(here), 0);
    assert_true(str_has_prefix(engine->root, dir->path));
    assert_true(str_has_prefix(engine->runroot, dir->path));
    assert_string_equal(engine->program, expected);
    mcpd_close(engine);
}

/* What an ordinary user gets, in a child that is one. */
struct user_case {
    const char *path;
    const char *runtime_dir; /* XDG_RUNTIME_DIR; NULL: unset */
    const char *runroot;     /* expected */
};

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *where)
{
    (void)st;
    (void)type;
    (void)where;
    return remove(path);
}

static int open_as_user(void *context)
{
    const struct user_case *row = context;
    struct mcpd_engine *engine;
    struct mcpd_error err = {0};
    char home[128], root[160];

    (void)snprintf(home, sizeof(home), "%s/home", row->path);
    (void)snprintf(root, sizeof(root), "%s/.local/share/mcpd", home);
    CHECK(mkdir(home, 0700) == 0);
    CHECK(setenv("HOME", home, 1) == 0);
    CHECK(unsetenv("XDG_DATA_HOME") == 0);
    CHECK((row->runtime_dir ? setenv("XDG_RUNTIME_DIR", row->runtime_dir, 1)
                            : unsetenv("XDG_RUNTIME_DIR")) == 0);
    CHECK(mcpd_open(NULL, &engine, &err) == 0);
    CHECK(strcmp(engine->root, root) == 0);
    CHECK(strcmp(engine->runroot, row->runroot) == 0);
    mcpd_close(engine);
    CHECK(nftw(home, remove_entry, 16, FTW_DEPTH | FTW_PHYS) == 0);
    return 0;
}

static void test_places_of_a_user(void **state)
{
    struct test_dir *dir = *state;
    char private_dir[64], own_dir[128], own_runroot[160];
    struct user_case row = {.path = dir->path};
    uid_t user = geteuid() == 0 ? TEST_USER_ID : geteuid();
    struct stat st;

    assert_int_equal(chmod(dir->path, 0777), 0);
    (void)snprintf(private_dir, sizeof(private_dir), "/tmp/mcpd-run-%u", (unsigned int)user);
    (void)snprintf(own_dir, sizeof(own_dir), "%s/runtime", dir->path);
    (void)snprintf(own_runroot, sizeof(own_runroot), "%s/mcpd", own_dir);
    assert_int_equal(mkdir(own_dir, 0700), 0);
    assert_int_equal(chown(own_dir, user, (gid_t)-1), 0);
    row.runtime_dir = own_dir;
    row.runroot = own_runroot;
    run_child(open_as_user, &row, user);
    if (geteuid() != 0 || lstat(private_dir, &st) == 0)
        return; /* the fallback would be somebody's own, and somebody else's owner takes root */
    row.runroot = private_dir;
    row.runtime_dir = "/"; /* another user's */
    run_child(open_as_user, &row, user);
    row.runtime_dir = "relative";
    run_child(open_as_user, &row, user);
    row.runtime_dir = NULL;
    run_child(open_as_user, &row, user);
    assert_int_equal(lstat(private_dir, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    assert_int_equal(fs_remove_tree(AT_FDCWD, private_dir, NULL), 0);
}

static int refused_runroot(void *context)
{
    const struct user_case *row = context;
    struct mcpd_engine *engine;
    struct mcpd_error err = {0};

    CHECK(setenv("HOME", row->path, 1) == 0);
    CHECK(unsetenv("XDG_RUNTIME_DIR") == 0);
    CHECK(mcpd_open(NULL, &engine, &err) == -MCPD_E_DENIED);
    CHECK(strstr(err.message, "is not a private folder of this user"));
    return 0;
}

/* Somebody was there first: with a link, with a folder of theirs, with one that is open to all. */
static void test_trap_below_tmp(void **state)
{
    struct test_dir *dir = *state;
    struct user_case row = {.path = dir->path};
    char path[64];

    if (geteuid() != 0)
        skip();
    (void)snprintf(path, sizeof(path), "/tmp/mcpd-run-%u", TEST_USER_ID);
    assert_int_equal(fs_remove_tree(AT_FDCWD, path, NULL), 0);
    assert_int_equal(symlink(dir->path, path), 0);
    run_child(refused_runroot, &row, TEST_USER_ID);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkdir(path, 0700), 0); /* root's */
    run_child(refused_runroot, &row, TEST_USER_ID);
    assert_int_equal(chown(path, TEST_USER_ID, TEST_USER_ID), 0);
    assert_int_equal(chmod(path, 0755), 0);
    run_child(refused_runroot, &row, TEST_USER_ID);
    assert_int_equal(rmdir(path), 0);
}

static void test_image_program(void **state)
{
    struct test_dir *dir = *state;
    CLEANUP_FREE char *program = str_format("%s/bin/mcpd", dir->path);
    CLEANUP_FREE char *beside = str_format("%s/bin/mcpd-image", dir->path);
    CLEANUP_FREE char *found = NULL;
    struct mcpd_engine engine = {.program = program};
    struct mcpd_error err = {0};

    assert_error_contains(mcpd_image_program(&engine, &found, &err), err, MCPD_E_UNSUPPORTED,
                          "mcpd-image is not installed");
    assert_int_equal(mkdirat(dir->fd, "bin", 0755), 0);
    assert_int_equal(mkdirat(dir->fd, "libexec", 0755), 0);
    assert_int_equal(mkdirat(dir->fd, "libexec/mcpd", 0755), 0);
    put_file(dir->fd, "libexec/mcpd/mcpd-image", "");
    assert_int_equal(fchmodat(dir->fd, "libexec/mcpd/mcpd-image", 0755, 0), 0);
    assert_int_equal(mcpd_image_program(&engine, &found, &err), 0);
    assert_true(str_has_suffix(found, "/bin/../libexec/mcpd/mcpd-image"));
    free(found);
    put_file(dir->fd, "bin/mcpd-image", "");
    assert_int_equal(fchmodat(dir->fd, "bin/mcpd-image", 0755, 0), 0);
    assert_int_equal(mcpd_image_program(&engine, &found, &err), 0);
    assert_string_equal(found, beside);
}

/* --- containers that never run, and their images -------------------------------------- */

static const char *const words_base[] = {"base", NULL};
static const char *const words_base_app[] = {"base", "app", NULL};

struct world {
    struct fake_store *fake;
    struct mcpd_engine *engine;
};

static int world_setup(void **state)
{
    static const struct fake_image images[] = {
        {.name = "localhost/app:1", .layers = words_base_app, .config = "{\"Cmd\": [\"sh\"]}"},
        {.name = "localhost/base:1", .layers = words_base},
    };
    struct world *world = calloc(1, sizeof(*world));
    struct mcpd_engine_options options = {0};
    CLEANUP_FREE char *runroot = NULL;
    void *fake;

    if (!world || fake_store_setup(&fake) != 0)
        return -1;
    world->fake = fake;
    for (size_t i = 0; i < ARRAY_SIZE(images); i++)
        fake_store_add(world->fake, &images[i], NULL);
    runroot = str_format("%s/tmp-run", world->fake->path);
    options.root = world->fake->path;
    options.runroot = runroot;
    *state = world;
    return mcpd_open(&options, &world->engine, NULL);
}

static int world_teardown(void **state)
{
    struct world *world = *state;
    void *fake = world->fake;

    mcpd_close(world->engine);
    free(world);
    return fake_store_teardown(&fake);
}

#define WORLD_TEST(function) cmocka_unit_test_setup_teardown(function, world_setup, world_teardown)

static void create(struct world *world, const char *name, const char *image, char **ret_id)
{
    const struct mcpd_create_options options = {
        .spec = {.name = name,
                 .image = image,
                 .network = "none",
                 .user = "0:0",
                 .restart = "unless-stopped",
                 .volumes = (const char *const[]){"/etc:/cfg:ro", NULL},
                 .cmd = (const char *const[]){"sleep", "1", NULL}},
        .pull = MCPD_PULL_NEVER,
        .pull_set = true,
        .stop_timeout_s = -1};
    struct mcpd_error err = {0};

    if (mcpd_create(world->engine, &options, ret_id, &err) < 0)
        fail_msg("%s", err.message);
}

static void test_container_info(void **state)
{
    struct world *world = *state;
    CLEANUP_FREE char *id = NULL;
    struct mcpd_container_info *info;
    struct mcpd_container_info **infos;
    int exit_code = -1;

    create(world, "svc-web", "localhost/app:1", &id);
    assert_int_equal(mcpd_inspect(world->engine, "svc-web", &info, NULL), 0);
    assert_string_equal(info->name, "svc-web");
    assert_string_equal(info->image, "localhost/app:1");
    assert_string_equal(info->state, "created");
    assert_string_equal(info->network, "none");
    assert_string_equal(info->user, "0:0");
    assert_string_equal(info->restart, "unless-stopped");
    assert_null(info->ports[0]);
    assert_string_equal(info->volumes[0], "/etc:/cfg:ro");
    assert_string_equal(info->cmd[0], "sleep");
    assert_string_equal(info->cmd[1], "1");
    assert_string_equal(info->version, "1");
    assert_int_equal(info->started_unix_ns, 0);
    mcpd_container_info_free(info);
    assert_int_equal(mcpd_list(world->engine, &infos, NULL), 0);
    assert_string_equal(infos[0]->name, "svc-web");
    assert_null(infos[1]);
    mcpd_container_infos_free(infos);
    assert_int_equal(mcpd_stop(world->engine, id, -1, NULL, NULL), 0);
    assert_int_equal(mcpd_wait(world->engine, "svc-web", 0, &exit_code, NULL), 0);
    assert_int_equal(exit_code, 0);
    assert_int_equal(mcpd_remove(world->engine, "svc-web", false, NULL), 0);
    assert_code(mcpd_inspect(world->engine, "svc-web", &info, NULL), MCPD_E_NOT_FOUND);
}

static void test_words_for_what_is_not_possible(void **state)
{
    struct world *world = *state;
    CLEANUP_FREE char *id = NULL;
    struct mcpd_error err = {0};
    char text[256];

    create(world, "c", "localhost/app:1", &id);
    (void)snprintf(text, sizeof(text),
                   "can only kill running containers. %s is in state created: container state "
                   "improper",
                   id);
    assert_error(mcpd_kill(world->engine, "c", NULL, &err), err, MCPD_E_STATE, text);
    assert_error(mcpd_kill(world->engine, "c", "NOPE", &err), err, MCPD_E_INVALID,
                 "invalid signal: NOPE");
    assert_error(mcpd_stop(world->engine, "nosuch", 1, NULL, &err), err, MCPD_E_NOT_FOUND,
                 "no container with name or ID \"nosuch\" found: no such container");
}

static void test_create_fails_without_a_trace(void **state)
{
    struct world *world = *state;
    struct mcpd_create_options options = {.spec = {.image = "localhost/nope:1", .name = "x"},
                                          .pull = MCPD_PULL_NEVER,
                                          .pull_set = true,
                                          .stop_timeout_s = -1};
    CLEANUP_FREE char *id = NULL;
    struct mcpd_error err = {0};

    assert_error(mcpd_create(world->engine, &options, &id, &err), err, MCPD_E_NOT_FOUND,
                 "localhost/nope:1: image not known");
    options.spec.image = "localhost/app:1";
    options.spec.volumes = (const char *const[]){"/no/such/host:/x", NULL};
    assert_error(mcpd_create(world->engine, &options, &id, &err), err, MCPD_E_NOT_FOUND,
                 "statfs /no/such/host: no such file or directory");
    options.spec.volumes = NULL;
    options.cid_file = "/proc/version";
    assert_code(mcpd_create(world->engine, &options, &id, &err), MCPD_E_CONFLICT);
    options.cid_file = "/no/such/folder/cid";
    assert_true(mcpd_create(world->engine, &options, &id, &err) < 0);
    assert_null(id);
    assert_int_equal(fake_store_count(world->fake, "containers"), 0);
    assert_int_equal(fake_store_count(world->fake, "names"), 0);
    assert_int_equal(fake_store_count(world->fake, "tmp"), 0);
}

static void test_replace(void **state)
{
    struct world *world = *state;
    const struct mcpd_create_options options = {.spec = {.image = "localhost/app:1", .name = "c"},
                                                .pull = MCPD_PULL_NEVER,
                                                .pull_set = true,
                                                .replace = true,
                                                .stop_timeout_s = -1};
    CLEANUP_FREE char *first = NULL;
    CLEANUP_FREE char *second = NULL;
    CLEANUP_FREE char *found = NULL;

    assert_int_equal(mcpd_create(world->engine, &options, &first, NULL), 0);
    assert_int_equal(mcpd_create(world->engine, &options, &second, NULL), 0);
    assert_int_equal(mcpd_container_id(world->engine, "c", &found, NULL), 0);
    assert_string_equal(found, second);
    assert_int_equal(fake_store_count(world->fake, "containers"), 1);
}

static void test_image_in_use(void **state)
{
    struct world *world = *state;
    CLEANUP_FREE char *id = NULL;
    CLEANUP_STRV char **lines = NULL;
    struct mcpd_error err = {0};
    bool is_local = true;

    create(world, "c", "localhost/app:1", &id);
    assert_error_contains(mcpd_remove_image(world->engine, "localhost/app:1", false, &lines, &err),
                          err, MCPD_E_CONFLICT, "image is in use by a container");
    assert_int_equal(fake_store_count(world->fake, "layers"), 2);
    /* Of the other one, the layer is the container's too. */
    assert_int_equal(mcpd_remove_image(world->engine, "localhost/base:1", false, &lines, &err), 0);
    assert_string_equal(lines[0], "Untagged: localhost/base:1");
    assert_true(str_has_prefix(lines[1], "Deleted: "));
    assert_int_equal(fake_store_count(world->fake, "layers"), 2);
    assert_int_equal(mcpd_image_is_local(world->engine, "localhost/base:1", &is_local, NULL), 0);
    assert_false(is_local);
    strv_free(TAKE_PTR(lines));
    assert_int_equal(mcpd_remove_image(world->engine, "localhost/app:1", true, &lines, &err), 0);
    assert_int_equal(fake_store_count(world->fake, "containers"), 0);
    assert_int_equal(fake_store_count(world->fake, "layers"), 0);
}

static void test_image_names(void **state)
{
    struct world *world = *state;
    CLEANUP_FREE char *object = NULL;
    CLEANUP_FREE char *short_id = NULL;
    CLEANUP_STRV char **lines = NULL;
    struct mcpd_error err = {0};

    assert_int_equal(mcpd_tag(world->engine, "localhost/app:1",
                              (const char *const[]){"localhost/app:2", "localhost/other:3", NULL},
                              &err),
                     0);
    assert_code(mcpd_tag(world->engine, "localhost/app:1",
                         (const char *const[]){"x@sha256:0000000000000000000000000000000000000000"
                                               "000000000000000000000000",
                                               NULL},
                         &err),
                MCPD_E_INVALID);
    assert_int_equal(mcpd_image_inspect_json(world->engine, "localhost/other:3", &object, &err), 0);
    short_id = strndup(strstr(object, "\"Id\":\"") + 6, 12);
    assert_error_contains(mcpd_remove_image(world->engine, short_id, false, &lines, &err), err,
                          MCPD_E_INVALID, "by ID with more than one tag");
    assert_int_equal(mcpd_remove_image(world->engine, "localhost/other:3", false, &lines, &err), 0);
    assert_string_equal(lines[0], "Untagged: localhost/other:3");
    assert_null(lines[1]);
    strv_free(TAKE_PTR(lines));
    assert_int_equal(mcpd_remove_image(world->engine, short_id, true, &lines, &err), 0);
    assert_int_equal(strv_length(lines), 3);
}

static void test_documents(void **state)
{
    struct world *world = *state;
    static int (*const calls[])(struct mcpd_engine *, char **,
                                struct mcpd_error *) = {mcpd_images_json, mcpd_info_json};
    CLEANUP_FREE char *id = NULL;
    char *text;

    create(world, "c", "localhost/app:1", &id);
    for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
        assert_int_equal(calls[i](world->engine, &text, NULL), 0);
        assert_non_null(strstr(text, i == 0 ? "\"Containers\":1" : "\"number\":1"));
        free(text);
    }
    assert_int_equal(mcpd_list_json(world->engine, false, &text, NULL), 0);
    assert_string_equal(text, "[]");
    free(text);
    assert_int_equal(mcpd_list_json(world->engine, true, &text, NULL), 0);
    assert_non_null(strstr(text, id));
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_version_of_an_image),
        DIR_TEST(test_open_given),
        DIR_TEST(test_relative_paths_become_absolute),
        DIR_TEST(test_places_of_a_user),
        DIR_TEST(test_trap_below_tmp),
        DIR_TEST(test_image_program),
        WORLD_TEST(test_container_info),
        WORLD_TEST(test_words_for_what_is_not_possible),
        WORLD_TEST(test_create_fails_without_a_trace),
        WORLD_TEST(test_replace),
        WORLD_TEST(test_image_in_use),
        WORLD_TEST(test_image_names),
        WORLD_TEST(test_documents),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
