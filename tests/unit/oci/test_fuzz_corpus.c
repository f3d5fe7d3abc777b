/*
 * test_fuzz_corpus.c - replays the inputs of the fuzz targets of this layer: what is in corpus/ is
 * taken, what is in reject/ is refused, and the checks inside the targets hold for both.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/fsutil.h"

#include <fcntl.h>

#define LLVMFuzzerTestOneInput fuzz_digest
#define accepts                accepts_digest
#include "../../fuzz/fuzz_digest.c"
#undef LLVMFuzzerTestOneInput
#undef accepts
#define LLVMFuzzerTestOneInput fuzz_reference
#define accepts                accepts_reference
#include "../../fuzz/fuzz_reference.c"
#undef LLVMFuzzerTestOneInput
#undef accepts
#define LLVMFuzzerTestOneInput fuzz_manifest
#define accepts                accepts_manifest
#include "../../fuzz/fuzz_manifest.c"
#undef LLVMFuzzerTestOneInput
#undef accepts
#define LLVMFuzzerTestOneInput fuzz_imageconfig
#define accepts                accepts_imageconfig
#include "../../fuzz/fuzz_imageconfig.c"
#undef LLVMFuzzerTestOneInput
#undef accepts

struct replay {
    int (*fuzz)(const uint8_t *data, size_t size);
    bool (*accepts)(const char *text, size_t length);
    const char *folder;
    bool is_good;
    size_t count;
};

static int replay_file(int dir_fd, const char *name, unsigned char type, void *context,
                       struct mcpd_error *err)
{
    struct replay *replay = context;
    CLEANUP_FREE char *text = NULL;
    size_t length = 0;

    assert_int_equal(fs_read_file(dir_fd, name, 8u << 20, &text, &length, NULL), 0);
    if (replay->accepts(text, length) != replay->is_good)
        fail_msg("%s/%s was %s", replay->folder, name, replay->is_good ? "refused" : "taken");
    assert_int_equal(replay->fuzz((const uint8_t *)text, length), 0);
    replay->count++;
    return 0;
}

/* Tests run from the top of the tree. */
static void replay_folder(struct replay replay, const char *folder, bool is_good)
{
    replay.folder = folder;
    replay.is_good = is_good;
    assert_int_equal(fs_visit_dir(AT_FDCWD, folder, replay_file, &replay, NULL), 0);
    assert_true(replay.count >= 3);
}

static void test_digest(void **state)
{
    struct replay replay = {.fuzz = fuzz_digest, .accepts = accepts_digest};

    replay_folder(replay, "tests/fuzz/corpus/digest", true);
    replay_folder(replay, "tests/fuzz/reject/digest", false);
}

static void test_reference(void **state)
{
    struct replay replay = {.fuzz = fuzz_reference, .accepts = accepts_reference};

    replay_folder(replay, "tests/fuzz/corpus/reference", true);
    replay_folder(replay, "tests/fuzz/reject/reference", false);
}

static void test_manifest(void **state)
{
    struct replay replay = {.fuzz = fuzz_manifest, .accepts = accepts_manifest};

    replay_folder(replay, "tests/fuzz/corpus/manifest", true);
    replay_folder(replay, "tests/fuzz/reject/manifest", false);
}

static void test_imageconfig(void **state)
{
    struct replay replay = {.fuzz = fuzz_imageconfig, .accepts = accepts_imageconfig};

    replay_folder(replay, "tests/fuzz/corpus/imageconfig", true);
    replay_folder(replay, "tests/fuzz/reject/imageconfig", false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_digest),
        cmocka_unit_test(test_reference),
        cmocka_unit_test(test_manifest),
        cmocka_unit_test(test_imageconfig),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
