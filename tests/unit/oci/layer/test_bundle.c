/* test_bundle.c - a bundle into another store: from a pipe, in part, and when it breaks off. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "oci/layer/bundle_apply.h"

#include "base/fsutil.h"
#include "base/str.h"
#include "oci/blobs.h"
#include "oci/layer/archive_save.h"
#include "support/archive_place.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>

#define NAME "localhost/x:1"

static const struct progress_sink silent;

/* Where the bundle is applied. */
struct device {
    struct fake_store *fake;
    char **names;
    struct mcpd_error error;
};

static void device_init(struct device *device)
{
    void *state = NULL;

    assert_int_equal(fake_store_setup(&state), 0);
    *device = (struct device){.fake = state};
}

static void device_done(struct device *device)
{
    void *state = device->fake;

    strv_free(device->names);
    assert_int_equal(fake_store_teardown(&state), 0);
}

/* An image of a gzip layer and a plain one. */
static void load_image(struct archive_place *place)
{
    CLEANUP_FREE char *entry = archive_place_put_oci_image(place, true, NAMED(NAME));

    archive_place_put_index(place, entry);
    archive_place_loaded(place, archive_place_load(place), NAME);
}

/* The bundle's text, owned by the caller. */
static char *create(struct archive_place *place, const char *since, size_t *ret_length)
{
    const struct store *store = &place->fake->store;
    CLEANUP_FREE char *path = str_format("%s/bundle", place->fake->path);
    CLEANUP_STRV char **images = NULL;
    CLEANUP_STRV char **olds = NULL;
    struct archive_save_request request = {
        .format = MCPD_SAVE_BUNDLE, .several = true, .path = path, .output_fd = -1};
    char *text = NULL;

    assert_int_equal(strv_append(&images, NAME), 0);
    if (since)
        assert_int_equal(strv_append(&olds, since), 0);
    request.images = images;
    request.since = olds;
    if (archive_save(store, &request, &silent, &place->error) < 0)
        fail_msg("%s", place->error.message);
    assert_int_equal(fs_read_file(store->root_fd, "bundle", 1u << 24, &text, ret_length, NULL), 0);
    return text;
}

static int apply_fd(struct device *device, int fd)
{
    strv_free(device->names);
    device->names = NULL;
    return bundle_apply(&device->fake->store, fd, NULL, &silent, &device->names, &device->error);
}

static int apply(struct device *device, const char *text, size_t length)
{
    CLEANUP_FD int fd = memfd_create("bundle", MFD_CLOEXEC);

    assert_int_equal(fs_write_all(fd, text, length, "bundle", NULL), 0);
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    return apply_fd(device, fd);
}

static void has_nothing(const struct device *device)
{
    static const char *const folders[] = {"tmp", "images/partial", "images/blobs/sha256", "layers"};

    assert_null(device->names);
    for (size_t i = 0; i < ARRAY_SIZE(folders); i++)
        if (fake_store_count(device->fake, folders[i]) > 0)
            fail_msg("something is in %s", folders[i]);
}

static void has_image(struct archive_place *place, struct device *device, int rc)
{
    struct image image;

    if (rc < 0)
        fail_msg("%s", device->error.message);
    assert_int_equal(strv_length(device->names), 1);
    assert_string_equal(device->names[0], NAME);
    assert_int_equal(store_find_image(&device->fake->store, NAME, &image, NULL), 0);
    assert_true(digest_equal(&image.id, &place->config_digest));
    for (size_t i = 0; i < ARCHIVE_PLACE_LAYERS; i++)
        assert_true(store_has_layer(&device->fake->store, &place->diff_ids[i]));
    image_done(&image);
    assert_int_equal(fake_store_count(device->fake, "images/partial"), 0);
    assert_int_equal(fake_store_count(device->fake, "tmp"), 0);
}

static void test_whole(void **state)
{
    struct archive_place *place = *state;
    CLEANUP(device_done) struct device device;
    CLEANUP_FREE char *text = NULL;
    size_t length = 0;

    device_init(&device);
    load_image(place);
    text = create(place, NULL, &length);
    has_image(place, &device, apply(&device, text, length));
    has_image(place, &device, apply(&device, text, length));
}

static void test_pipe(void **state)
{
    struct archive_place *place = *state;
    CLEANUP(device_done) struct device device;
    CLEANUP_FREE char *text = NULL;
    size_t length = 0;
    int fds[2], status = -1;
    pid_t pid;

    device_init(&device);
    load_image(place);
    text = create(place, NULL, &length);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
        pid = fork();
        if (pid == 0)
            _exit(fs_write_all(fds[1], text, length, "pipe", NULL) < 0);
        (void)close(fds[1]);
        has_image(place, &device, apply_fd(&device, fds[0]));
        (void)close(fds[0]);
        /* All of it was read, also when nothing was wanted. */
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(status, 0);
    }
}

/* At every 512 bytes: nothing is left, and the whole one works behind each of them. */
static void test_cut_off(void **state)
{
    struct archive_place *place = *state;
    CLEANUP_FREE char *text = NULL;
    size_t length = 0, whole = 0;

    load_image(place);
    text = create(place, NULL, &length);
    /* Behind the last layer come empty blocks only. */
    for (whole = length; text[whole - 1] == '\0'; whole--)
        ;
    for (size_t part = 0; part < whole / 512; part++) {
        CLEANUP(device_done) struct device device;

        device_init(&device);
        if (apply(&device, text, part * 512) >= 0)
            fail_msg("taken with %zu bytes of %zu", part * 512, length);
        has_nothing(&device);
        if (part % 8 == 0)
            has_image(place, &device, apply(&device, text, length));
    }
}

/* What a kill and a power cut have left, with other bytes in it than it should have. */
static void test_old_partial(void **state)
{
    struct archive_place *place = *state;
    CLEANUP(device_done) struct device device;
    CLEANUP_FREE char *text = NULL;
    CLEANUP_FREE char *path = NULL;
    size_t length = 0;

    device_init(&device);
    load_image(place);
    text = create(place, NULL, &length);
    path = str_format("images/partial/%s", digest_hex(&place->diff_ids[1]));
    fake_store_write(device.fake, path, "wrong bytes");
    has_image(place, &device, apply(&device, text, length));
}

static void test_in_part(void **state)
{
    struct archive_place *place = *state;
    CLEANUP(device_done) struct device device;
    CLEANUP_FREE char *whole = NULL, *part = NULL;
    size_t whole_length = 0, part_length = 0;

    device_init(&device);
    load_image(place);
    whole = create(place, NULL, &whole_length);
    part = create(place, NAME, &part_length);
    assert_true(part_length < whole_length);
    assert_int_equal(apply(&device, part, part_length), -MCPD_E_STATE);
    assert_string_equal(device.error.message,
                        "2 of its layers were left out and are not here: first bring " NAME);
    has_nothing(&device);
    has_image(place, &device, apply(&device, whole, whole_length));
    assert_int_equal(store_remove_image(&device.fake->store, &place->config_digest, NULL), 0);
    has_image(place, &device, apply(&device, part, part_length));
}

/* A layer whose blob is gone can be left out, and nothing else. */
static void test_left_out_without_blob(void **state)
{
    struct archive_place *place = *state;
    CLEANUP(device_done) struct device device;
    CLEANUP_FREE char *whole = NULL, *part = NULL;
    char path[BLOB_PATH_SIZE];
    size_t whole_length = 0, part_length = 0;

    device_init(&device);
    load_image(place);
    whole = create(place, NULL, &whole_length);
    blob_path(&place->diff_ids[1], path);
    assert_int_equal(unlinkat(place->fake->store.root_fd, path, 0), 0);
    part = create(place, NAME, &part_length);
    has_image(place, &device, apply(&device, whole, whole_length));
    has_image(place, &device, apply(&device, part, part_length));
}

#define TEST(function) \
    cmocka_unit_test_setup_teardown(function, archive_place_setup, archive_place_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_whole),       TEST(test_pipe),    TEST(test_cut_off),
        TEST(test_old_partial), TEST(test_in_part), TEST(test_left_out_without_blob),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
