/* test_fuzz_corpus.c - replays the inputs of this folder's fuzz targets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/fuzz_replay.h"

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

#define LLVMFuzzerTestOneInput fuzz_device
#define accepts                accepts_device
#include "../../fuzz/fuzz_device.c"
#undef LLVMFuzzerTestOneInput
#undef accepts

static void test_volume(void **state)
{
    const struct fuzz_replay replay = {fuzz_volume, accepts_volume, "volume"};

    fuzz_replay(&replay);
}

static void test_plan(void **state)
{
    const struct fuzz_replay replay = {fuzz_plan, accepts_plan, "plan"};

    fuzz_replay(&replay);
}

static void test_device(void **state)
{
    const struct fuzz_replay replay = {fuzz_device, accepts_device, "device"};

    fuzz_replay(&replay);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_volume),
        cmocka_unit_test(test_plan),
        cmocka_unit_test(test_device),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
