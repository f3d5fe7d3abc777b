/* test_fuzz_layer.c - replays the inputs of this folder's fuzz targets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/fuzz_replay.h"

#define LLVMFuzzerTestOneInput fuzz_unpack
#define accepts                accepts_unpack
#include "../../../fuzz/fuzz_unpack.c"
#undef LLVMFuzzerTestOneInput
#undef accepts
#define LLVMFuzzerTestOneInput fuzz_contents
#define accepts                accepts_contents
#include "../../../fuzz/fuzz_contents.c"
#undef LLVMFuzzerTestOneInput
#undef accepts
#define LLVMFuzzerTestOneInput fuzz_archive
#define accepts                accepts_archive
#include "../../../fuzz/fuzz_archive.c"
#undef LLVMFuzzerTestOneInput
#undef accepts
#define LLVMFuzzerTestOneInput fuzz_bundle_index
#define accepts                accepts_bundle_index
#include "../../../fuzz/fuzz_bundle_index.c"
#undef LLVMFuzzerTestOneInput
#undef accepts
#define LLVMFuzzerTestOneInput fuzz_bundle
#define accepts                accepts_bundle
#include "../../../fuzz/fuzz_bundle.c"
#undef LLVMFuzzerTestOneInput
#undef accepts
#define LLVMFuzzerTestOneInput fuzz_since
#define accepts                accepts_since
#include "../../../fuzz/fuzz_since.c"

static void test_unpack(void **state)
{
    const struct fuzz_replay replay = {fuzz_unpack, accepts_unpack, "unpack"};

    fuzz_replay(&replay);
}

static void test_contents(void **state)
{
    const struct fuzz_replay replay = {fuzz_contents, accepts_contents, "contents"};

    fuzz_replay(&replay);
}

static void test_archive(void **state)
{
    const struct fuzz_replay replay = {fuzz_archive, accepts_archive, "archive"};

    fuzz_replay(&replay);
}

static void test_bundle_index(void **state)
{
    const struct fuzz_replay replay = {fuzz_bundle_index, accepts_bundle_index, "bundle_index"};

    fuzz_replay(&replay);
}

static void test_bundle(void **state)
{
    const struct fuzz_replay replay = {fuzz_bundle, accepts_bundle, "bundle"};

    fuzz_replay(&replay);
}

static void test_since(void **state)
{
    const struct fuzz_replay replay = {fuzz_since, accepts_since, "since"};

    fuzz_replay(&replay);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_unpack),  cmocka_unit_test(test_contents),
        cmocka_unit_test(test_archive), cmocka_unit_test(test_bundle_index),
        cmocka_unit_test(test_bundle),  cmocka_unit_test(test_since),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
