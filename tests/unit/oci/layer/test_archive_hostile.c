/* test_archive_hostile.c - archives that lie: refused with one clear line, and nothing changes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "oci/layer/archive_load.h"

#include "base/fsutil.h"
#include "base/str.h"
#include "support/archive_place.h"

#include <stdlib.h>
#include <string.h>

/* Who reads the first and who reads the last one would see two different images. */
static void test_two_manifests(void **state)
{
    struct archive_place *place = *state;

    archive_place_put_manifest_json(place, "[\"localhost/good:1\"]", "one.tar");
    archive_place_put_docker(place, "[\"localhost/evil:1\"]");
    archive_place_refused(place, archive_place_load(place), "has its member manifest.json twice");
    buf_clear(&place->archive.bytes);
    archive_place_put_text(place, "index.json", "{}");
    archive_place_put_index(place, "");
    archive_place_refused(place, archive_place_load(place), "has its member index.json twice");
}

static void test_ambiguous_index(void **state)
{
    struct archive_place *place = *state;

    archive_place_put_text(place, "oci-layout", "{}");
    archive_place_put_text(place, "index.json",
                           "{\"schemaVersion\":2,\"manifests\":[],\"layers\":[],\"config\":{}}");
    archive_place_refused(place, archive_place_load(place), "ambiguous manifest");
}

static void test_deep(void **state)
{
    struct archive_place *place = *state;
    char text[4096];

    memset(text, '[', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    archive_place_put_text(place, "manifest.json", text);
    archive_place_refused(place, archive_place_load(place), "nested more than");
}

/* A header may claim anything. */
static void test_huge_size(void **state)
{
    struct archive_place *place = *state;
    struct layer_tar_entry entry = {.type = '0', .name = "one.tar", .size = 10ull << 30};

    archive_place_put_text(place, "config.json", place->config);
    archive_place_put(place, "two.tar", place->layers[1].bytes.data, place->layers[1].bytes.length);
    archive_place_put_manifest_json(place, "[\"localhost/x:1\"]", "one.tar");
    layer_tar_add(&place->archive, &entry);
    assert_int_equal(buf_append(&place->archive.bytes, place->layers[0].bytes.data, 512), 0);
    archive_place_refused(place, archive_place_load(place), "");
    buf_clear(&place->archive.bytes);
    entry.name = "manifest.json";
    layer_tar_add(&place->archive, &entry);
    archive_place_refused(place, archive_place_load(place), "");
}

static void test_many_documents(void **state)
{
    struct archive_place *place = *state;
    CLEANUP_BUF struct buf list;
    size_t size = (4u << 20) - 100;
    char *config = malloc(size + 1);

    assert_non_null(config);
    memset(config, ' ', size);
    config[size] = '\0';
    memcpy(config, place->config, strlen(place->config));
    buf_init(&list, 1u << 20);
    for (int i = 0; i < 9; i++) {
        CLEANUP_FREE char *name = str_format("config%d", i);

        config[strlen(place->config)] = (char)(i % 2 ? ' ' : '\n');
        archive_place_put(place, name, config, size);
        (void)buf_append_format(&list, "%s{\"Config\":\"%s\",\"Layers\":[\"one.tar\",\"two.tar\"]}",
                                i > 0 ? "," : "[", name);
    }
    (void)buf_append_text(&list, "]");
    archive_place_put(place, "one.tar", place->layers[0].bytes.data, place->layers[0].bytes.length);
    archive_place_put(place, "two.tar", place->layers[1].bytes.data, place->layers[1].bytes.length);
    archive_place_put_text(place, "manifest.json", buf_text(&list));
    free(config);
    archive_place_refused(place, archive_place_load(place), "manifests and configs have more than");
}

/* A blob that is a link out of the folder is no blob of it. */
static void test_folder_links(void **state)
{
    static const struct progress_sink silent;
    struct archive_place *place = *state;
    CLEANUP_FD int dir_fd = -1;

    assert_int_equal(fs_make_dir(place->fake->store.root_fd, "dir", 0700, &dir_fd, NULL), 0);
    assert_int_equal(symlinkat("/etc/passwd", dir_fd, "manifest.json"), 0);
    archive_place_refused(place,
                          archive_load(&place->fake->store, dir_fd, &archive_place_amd64, &silent,
                                       &place->names, &place->error),
                          "neither");
    assert_int_equal(fs_remove_tree(place->fake->store.root_fd, "dir", NULL), 0);
}

static void test_truncated(void **state)
{
    struct archive_place *place = *state;
    struct buf half;

    archive_place_put_manifest_json(place, "[\"localhost/x:1\"]", "one.tar");
    archive_place_put_docker(place, "[\"localhost/x:1\"]");
    half = place->archive.bytes;
    for (; half.length > 0; half.length -= half.length > 512 ? 512 : half.length) {
        if (half.length >= place->archive.bytes.length - 1024)
            continue; /* only the second manifest.json is missing */
        assert_true(archive_place_load_bytes(place, &half) < 0);
        assert_int_equal(fake_store_count(place->fake, "layers"), 0);
    }
    assert_true(archive_place_load_bytes(place, &half) < 0);
}

#define TEST(name) \
    cmocka_unit_test_setup_teardown(name, archive_place_setup, archive_place_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_two_manifests), TEST(test_ambiguous_index), TEST(test_deep),
        TEST(test_huge_size),     TEST(test_many_documents),  TEST(test_folder_links),
        TEST(test_truncated),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
