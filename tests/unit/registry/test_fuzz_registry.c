/* test_fuzz_registry.c - replays the inputs of this folder's fuzz targets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/fuzz_replay.h"

#define LLVMFuzzerTestOneInput fuzz_www_authenticate
#define accepts                accepts_www_authenticate
#include "../../fuzz/fuzz_www_authenticate.c"
#undef LLVMFuzzerTestOneInput
#undef accepts
#define LLVMFuzzerTestOneInput fuzz_authfile
#define accepts                accepts_authfile
#include "../../fuzz/fuzz_authfile.c"
#undef LLVMFuzzerTestOneInput
#undef accepts

static void test_www_authenticate(void **state)
{
    const struct fuzz_replay replay = {fuzz_www_authenticate, accepts_www_authenticate,
                                       "www_authenticate"};

    fuzz_replay(&replay);
}

static void test_authfile(void **state)
{
    const struct fuzz_replay replay = {fuzz_authfile, accepts_authfile, "authfile"};

    fuzz_replay(&replay);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_www_authenticate),
        cmocka_unit_test(test_authfile),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
