/* test_fuzz_cli.c - replays the inputs of this folder's fuzz targets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/fuzz_replay.h"

#define LLVMFuzzerTestOneInput fuzz_template
#define accepts                accepts_template
#include "../../fuzz/fuzz_template.c"
#undef LLVMFuzzerTestOneInput
#undef accepts

static void test_template(void **state)
{
    const struct fuzz_replay replay = {fuzz_template, accepts_template, "template"};

    fuzz_replay(&replay);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_template),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
