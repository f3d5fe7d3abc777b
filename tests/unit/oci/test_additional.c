/* test_additional.c - read-only stores beside our own: which of them count, and what they give. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "oci/additional.h"

#include "base/fsutil.h"
#include "base/str.h"
#include "oci/blobs.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define DIGEST "sha256:0123456789012345678901234567890123456789012345678901234567890123"

struct place {
    char folder[32];
    char *paths[3]; /* ours, a good one, one that is not there */
    struct store store;
    unsigned int warning_count;
    char warning[400];
};

static void count_warning(void *context, const char *message)
{
    struct place *place = context;

    place->warning_count++;
    (void)snprintf(place->warning, sizeof(place->warning), "%s", message);
}

static int make_place(void **state)
{
    static struct place place;
    static const char *const names[] = {"ours", "good", "missing"};
    struct store good = STORE_NONE;

    place = (struct place){.folder = "/tmp/mcpd-unit-XXXXXX", .store = STORE_NONE};
    assert_non_null(mkdtemp(place.folder));
    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        place.paths[i] = str_format("%s/%s", place.folder, names[i]);
    assert_int_equal(store_open(place.paths[0], &place.store, NULL), 0);
    assert_int_equal(store_open(place.paths[1], &good, NULL), 0);
    store_done(&good);
    place.store.warn = count_warning;
    place.store.warn_context = &place;
    *state = &place;
    return 0;
}

static int remove_place(void **state)
{
    struct place *place = *state;

    store_done(&place->store);
    assert_int_equal(fs_remove_tree(AT_FDCWD, place->folder, NULL), 0);
    for (size_t i = 0; i < ARRAY_SIZE(place->paths); i++)
        free(place->paths[i]);
    return 0;
}

static void test_none(void **state)
{
    struct place *place = *state;
    char *nothing[] = {NULL};
    const char *path;
    const char *problem;

    assert_int_equal(additional_set(&place->store, NULL, NULL), 0);
    assert_int_equal(additional_set(&place->store, nothing, NULL), 0);
    assert_int_equal(additional_count(&place->store), 0);
    assert_false(additional_describe(&place->store, 0, &path, &problem));
}

static void test_which_count(void **state)
{
    struct place *place = *state;
    char *paths[] = {place->paths[2], place->paths[1], place->paths[1], place->paths[0], NULL};
    const char *path = NULL;
    const char *problem = NULL;

    assert_int_equal(additional_set(&place->store, paths, NULL), 0);
    assert_int_equal(place->warning_count, 0); /* nobody has looked yet */
    assert_int_equal(additional_count(&place->store), 1);
    assert_int_equal(additional_count(&place->store), 1);
    assert_string_equal(additional_get(&place->store, 0)->path, place->paths[1]);
    assert_int_equal(place->warning_count, 1);
    assert_non_null(strstr(place->warning, "additional store left out: open "));
    assert_true(additional_describe(&place->store, 0, &path, &problem));
    assert_string_equal(path, place->paths[2]);
    assert_non_null(problem);
    assert_true(additional_describe(&place->store, 1, &path, &problem));
    assert_null(problem);
    assert_true(additional_describe(&place->store, 2, &path, &problem)); /* ours, not twice */
    assert_null(problem);
    assert_false(additional_describe(&place->store, 3, &path, &problem));
}

static void test_too_many(void **state)
{
    struct place *place = *state;
    char *paths[ADDITIONAL_MAX + 2] = {NULL};

    for (size_t i = 0; i <= ADDITIONAL_MAX; i++)
        paths[i] = str_format("/%zu", i);
    assert_int_equal(additional_set(&place->store, paths, NULL), -MCPD_E_LIMIT);
    for (size_t i = 0; i <= ADDITIONAL_MAX; i++)
        free(paths[i]);
}

static void test_not_to_be_trusted(void **state)
{
    struct place *place = *state;
    char *paths[] = {place->paths[1], NULL};

    assert_int_equal(chmod(place->paths[1], 0777), 0);
    assert_int_equal(additional_set(&place->store, paths, NULL), 0);
    assert_int_equal(additional_count(&place->store), 0);
    assert_non_null(strstr(place->warning, "can be written to by everybody"));
}

/* Ours first; what is looked for to be written is only ever ours. */
static void test_blobs(void **state)
{
    struct place *place = *state;
    char *paths[] = {place->paths[1], NULL};
    CLEANUP_FREE char *text = NULL;
    CLEANUP_FREE char *own = NULL;
    struct digest digest;
    size_t length = 0;

    assert_int_equal(digest_parse(DIGEST, &digest, NULL), 0);
    assert_int_equal(additional_set(&place->store, paths, NULL), 0);
    assert_false(blob_exists(&place->store, &digest));
    assert_int_equal(fs_write_file(additional_get(&place->store, 0)->blobs_fd, digest_hex(&digest),
                                   "theirs", 6, 0600, 0, NULL),
                     0);
    assert_true(blob_exists(&place->store, &digest));
    assert_false(blob_is_own(&place->store, &digest));
    assert_int_equal(blob_read(&place->store, &digest, 100, &text, &length, NULL), 0);
    assert_string_equal(text, "theirs");
    assert_int_equal(
        fs_write_file(place->store.blobs_fd, digest_hex(&digest), "ours", 4, 0600, 0, NULL), 0);
    assert_true(blob_is_own(&place->store, &digest));
    assert_int_equal(blob_read(&place->store, &digest, 100, &own, &length, NULL), 0);
    assert_string_equal(own, "ours");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_none, make_place, remove_place),
        cmocka_unit_test_setup_teardown(test_which_count, make_place, remove_place),
        cmocka_unit_test_setup_teardown(test_too_many, make_place, remove_place),
        cmocka_unit_test_setup_teardown(test_not_to_be_trusted, make_place, remove_place),
        cmocka_unit_test_setup_teardown(test_blobs, make_place, remove_place),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
