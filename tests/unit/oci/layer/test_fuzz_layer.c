/* test_fuzz_layer.c - replays the inputs of this folder's fuzz target. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/fuzz_replay.h"

#include "../../../fuzz/fuzz_unpack.c"

static void test_unpack(void **state)
{
    const struct fuzz_replay replay = {LLVMFuzzerTestOneInput, accepts, "unpack"};

    fuzz_replay(&replay);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_unpack)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
