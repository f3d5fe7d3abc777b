/* test_store.c - opening a store: made when missing, cheap when there, never in somebody else's
 * folder. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "oci/store.h"

#include "base/fsutil.h"
#include "support/fake_store.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void test_makes_private_folders(void **state)
{
    static const char *const folders[] = {
        "images", "images/blobs", "images/blobs/sha256", "images/partial", "images/tags",
        "layers", "tmp"};
    struct fake_store *fake = *state;
    struct stat st;

    for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
        assert_int_equal(fstatat(fake->store.root_fd, folders[i], &st, AT_SYMLINK_NOFOLLOW), 0);
        assert_int_equal(st.st_mode, S_IFDIR | 0700);
    }
    assert_string_equal(fake->store.path, fake->path);
}

static void test_opens_again_and_mends(void **state)
{
    struct fake_store *fake = *state;
    struct store again;

    assert_int_equal(unlinkat(fake->store.root_fd, "images/partial", AT_REMOVEDIR), 0);
    fake_store_write(fake, "tmp/x", "in use");
    assert_int_equal(store_open(fake->path, &again, NULL), 0);
    assert_true(fs_exists(again.root_fd, "images/partial"));
    store_done(&again);
}

static void test_makes_the_path(void **state)
{
    struct fake_store *fake = *state;
    char path[128];
    struct store store;

    (void)snprintf(path, sizeof(path), "%s/a/b/c", fake->path);
    assert_int_equal(store_open(path, &store, NULL), 0);
    assert_string_equal(store.path, path);
    store_done(&store);
    assert_int_equal(store.root_fd, -1);
    assert_int_equal(store.tmp_fd, -1);
}

static void test_relative_path(void **state)
{
    struct fake_store *fake = *state;
    char expected[128];
    struct store store;
    int before = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    assert_int_equal(chdir(fake->path), 0);
    assert_int_equal(store_open("rel", &store, NULL), 0);
    (void)snprintf(expected, sizeof(expected), "%s/rel", fake->path);
    assert_string_equal(store.path, expected);
    store_done(&store);
    assert_int_equal(fchdir(before), 0);
    (void)close(before);
}

/* --root /var would otherwise have /var/tmp swept. */
static void test_refuses_a_folder_in_use(void **state)
{
    struct fake_store *fake = *state;
    char path[128];
    struct mcpd_error error = {0};
    struct store store = {.root_fd = 77};

    (void)snprintf(path, sizeof(path), "%s/other", fake->path);
    assert_int_equal(fs_make_dirs(AT_FDCWD, path, 0755, NULL, NULL), 0);
    fake_store_write(fake, "other/notes", "fine: the root may hold other things");
    assert_int_equal(fs_make_dirs(fake->store.root_fd, "other/tmp", 0755, NULL, NULL), 0);
    fake_store_write(fake, "other/tmp/precious", "x");
    assert_int_equal(store_open(path, &store, &error), -MCPD_E_INVALID);
    assert_non_null(strstr(error.message, "does not belong to a store"));
    assert_non_null(strstr(error.message, "precious"));
    assert_int_equal(store.root_fd, 77);
    assert_false(fs_exists(fake->store.root_fd, "other/images/blobs/sha256"));
    assert_int_equal(unlinkat(fake->store.root_fd, "other/tmp/precious", 0), 0);
    assert_int_equal(store_open(path, &store, NULL), 0);
    store_done(&store);
}

static void test_refuses_what_is_no_folder(void **state)
{
    struct fake_store *fake = *state;
    char path[128];
    struct mcpd_error error = {0};
    struct store store;

    fake_store_write(fake, "file", "x");
    (void)snprintf(path, sizeof(path), "%s/file", fake->path);
    assert_true(store_open(path, &store, &error) < 0);
    assert_non_null(strstr(error.message, path));
}

static void test_refuses_another_owner(void **state)
{
    struct fake_store *fake = *state;
    char path[128];
    struct mcpd_error error = {0};
    struct store store;

    if (geteuid() != 0)
        skip();
    (void)snprintf(path, sizeof(path), "%s/theirs", fake->path);
    assert_int_equal(mkdir(path, 0755), 0);
    assert_int_equal(chown(path, 12345, 12345), 0);
    assert_int_equal(store_open(path, &store, &error), -MCPD_E_DENIED);
    assert_non_null(strstr(error.message, "belongs to user 12345"));
    assert_int_equal(rmdir(path), 0); /* nothing was made in it */
}

static void test_locks(void **state)
{
    struct fake_store *fake = *state;
    int shared = -1;
    int second = -1;
    int exclusive = -1;

    assert_int_equal(store_lock_shared(&fake->store, &shared, NULL), 0);
    assert_int_equal(store_lock_shared(&fake->store, &second, NULL), 0);
    assert_int_equal(store_lock_exclusive(&fake->store, 0, &exclusive, NULL), -MCPD_E_TIMEOUT);
    (void)close(shared);
    (void)close(second);
    assert_int_equal(store_lock_exclusive(&fake->store, 0, &exclusive, NULL), 0);
    (void)close(exclusive);
    assert_int_equal(store_lock_exclusive(&fake->store, -1, &exclusive, NULL), 0);
    (void)close(exclusive);
}

static void test_warn(void **state)
{
    struct fake_store *fake = *state;
    struct mcpd_error error = {.message = "is broken"};
    struct store silent = fake->store;

    store_warn(&fake->store, "thing", &error);
    store_warn(&fake->store, "other", NULL);
    assert_true(fake_store_warned(fake, "thing: is broken"));
    assert_true(fake_store_warned(fake, "other"));
    silent.warn = NULL;
    store_warn(&silent, "thing", &error);
}

#define TEST(function) \
    cmocka_unit_test_setup_teardown(function, fake_store_setup, fake_store_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_makes_private_folders),
        TEST(test_opens_again_and_mends),
        TEST(test_makes_the_path),
        TEST(test_relative_path),
        TEST(test_refuses_a_folder_in_use),
        TEST(test_refuses_what_is_no_folder),
        TEST(test_refuses_another_owner),
        TEST(test_locks),
        TEST(test_warn),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
