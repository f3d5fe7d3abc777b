/*
 * test_fuzz_corpus.c - replays the inputs of the fuzz targets of this layer: what is in corpus/ is
 * taken, what is in reject/ is refused, and the checks inside the targets hold for both.
 */
#include "base/base_test.h"

#define LLVMFuzzerTestOneInput fuzz_volume
#define accepts                accepts_volume
#include "../../fuzz/fuzz_volume.c"
#undef LLVMFuzzerTestOneInput
#undef accepts
#define LLVMFuzzerTestOneInput fuzz_plan
#define accepts                accepts_plan
#include "../../fuzz/fuzz_plan.c"
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

static void test_volume(void **state)
{
    struct replay replay = {.fuzz = fuzz_volume, .accepts = accepts_volume};

    replay_folder(replay, "tests/fuzz/corpus/volume", true);
    replay_folder(replay, "tests/fuzz/reject/volume", false);
}

static void test_plan(void **state)
{
    struct replay replay = {.fuzz = fuzz_plan, .accepts = accepts_plan};

    replay_folder(replay, "tests/fuzz/corpus/plan", true);
    replay_folder(replay, "tests/fuzz/reject/plan", false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_volume),
        cmocka_unit_test(test_plan),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
