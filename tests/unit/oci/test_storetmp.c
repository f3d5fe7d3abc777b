/* test_storetmp.c - temporary entries: live while held, swept when nobody holds them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "oci/storetmp.h"

#include "base/fsutil.h"
#include "base/lock.h"
#include "support/fake_store.h"

#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void test_create_and_done(void **state)
{
    struct fake_store *fake = *state;
    struct storetmp tmp = STORETMP_NONE;

    storetmp_done(&tmp);
    assert_int_equal(storetmp_create(&fake->store, "layer", &tmp, NULL), 0);
    assert_true(strncmp(tmp.name, "layer-", 6) == 0);
    assert_int_equal(fs_write_file(tmp.dir_fd, "x", "y", 1, 0600, 0, NULL), 0);
    assert_int_equal(fake_store_count(fake, "tmp"), 2);
    storetmp_done(&tmp);
    assert_int_equal(tmp.dir_fd, -1);
    assert_int_equal(fake_store_count(fake, "tmp"), 0);
    storetmp_done(&tmp);
}

static void test_done_after_rename(void **state)
{
    struct fake_store *fake = *state;
    struct storetmp tmp;

    assert_int_equal(storetmp_create(&fake->store, "layer", &tmp, NULL), 0);
    assert_int_equal(renameat(fake->store.tmp_fd, tmp.name, fake->store.root_fd, "moved"), 0);
    storetmp_done(&tmp);
    assert_true(fs_exists(fake->store.root_fd, "moved"));
    assert_int_equal(fake_store_count(fake, "tmp"), 0);
    assert_null(fake->warnings);
}

static void test_sweep_spares_the_living(void **state)
{
    struct fake_store *fake = *state;
    struct storetmp live;

    assert_int_equal(storetmp_create(&fake->store, "live", &live, NULL), 0);
    assert_int_equal(fs_make_dirs(fake->store.tmp_fd, "dead/deep/er", 0700, NULL, NULL), 0);
    fake_store_write(fake, "tmp/dead.lock", "");
    fake_store_write(fake, "tmp/lonely.lock", "");
    fake_store_write(fake, "tmp/.lock", "");
    fake_store_write(fake, "tmp/file", "no folder, no lock");
    assert_int_equal(storetmp_sweep(&fake->store, NULL), 0);
    assert_int_equal(fake_store_count(fake, "tmp"), 3);
    assert_true(fs_exists(fake->store.tmp_fd, live.name));
    storetmp_done(&live);
    assert_int_equal(fake_store_count(fake, "tmp"), 1); /* ".lock" has no name in front */
}

/* What a child inherited keeps the entry alive when its maker is gone. */
static void test_child_keeps_it_alive(void **state)
{
    struct fake_store *fake = *state;
    struct storetmp tmp;
    int release[2];
    pid_t child;
    char byte;

    assert_int_equal(storetmp_create(&fake->store, "layer", &tmp, NULL), 0);
    assert_int_equal(pipe(release), 0);
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        (void)close(release[1]);
        _exit(read(release[0], &byte, 1) == 0 ? 0 : 1);
    }
    (void)close(release[0]);
    (void)close(tmp.lock_fd);
    (void)close(tmp.dir_fd);
    assert_int_equal(storetmp_sweep(&fake->store, NULL), 0);
    assert_int_equal(fake_store_count(fake, "tmp"), 2);
    (void)close(release[1]);
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_int_equal(storetmp_sweep(&fake->store, NULL), 0);
    assert_int_equal(fake_store_count(fake, "tmp"), 0);
}

/* Makers and sweepers at the same time: no maker loses its folder. */
static void test_makers_against_sweepers(void **state)
{
    struct fake_store *fake = *state;
    pid_t children[4];

    for (size_t i = 0; i < 4; i++) {
        children[i] = fork();
        assert_true(children[i] >= 0);
        if (children[i] > 0)
            continue;
        for (int round = 0; round < 200; round++) {
            struct storetmp tmp;

            if (i >= 2) {
                if (storetmp_sweep(&fake->store, NULL) < 0)
                    _exit(1);
                continue;
            }
            if (storetmp_create(&fake->store, "m", &tmp, NULL) < 0)
                _exit(2);
            if (fs_write_file(tmp.dir_fd, "x", "y", 1, 0600, 0, NULL) < 0 ||
                !fs_exists(fake->store.tmp_fd, tmp.name))
                _exit(3);
            storetmp_done(&tmp);
        }
        _exit(0);
    }
    for (size_t i = 0; i < 4; i++) {
        int status = -1;

        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        assert_int_equal(status, 0);
    }
    assert_int_equal(storetmp_sweep(&fake->store, NULL), 0);
    assert_int_equal(fake_store_count(fake, "tmp"), 0);
}

#define TEST(function) \
    cmocka_unit_test_setup_teardown(function, fake_store_setup, fake_store_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_create_and_done),         TEST(test_done_after_rename),
        TEST(test_sweep_spares_the_living), TEST(test_child_keeps_it_alive),
        TEST(test_makers_against_sweepers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
