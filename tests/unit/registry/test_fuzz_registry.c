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

#define LLVMFuzzerTestOneInput fuzz_authfile_edit
#define accepts                accepts_authfile_edit
#include "../../fuzz/fuzz_authfile_edit.c"
#undef LLVMFuzzerTestOneInput
#undef accepts
#define LLVMFuzzerTestOneInput fuzz_credhelper
#define accepts                accepts_credhelper
#include "../../fuzz/fuzz_credhelper.c"
#undef LLVMFuzzerTestOneInput
#undef accepts
#define LLVMFuzzerTestOneInput fuzz_upload_location
#define accepts                accepts_upload_location
#include "../../fuzz/fuzz_upload_location.c"
#undef LLVMFuzzerTestOneInput
#undef accepts
#define LLVMFuzzerTestOneInput fuzz_upload_range
#define accepts                accepts_upload_range
#include "../../fuzz/fuzz_upload_range.c"
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

static void test_authfile_edit(void **state)
{
    const struct fuzz_replay replay = {fuzz_authfile_edit, accepts_authfile_edit, "authfile_edit"};

    fuzz_replay(&replay);
}

static void test_credhelper(void **state)
{
    const struct fuzz_replay replay = {fuzz_credhelper, accepts_credhelper, "credhelper"};

    fuzz_replay(&replay);
}

static void test_upload_location(void **state)
{
    const struct fuzz_replay replay = {fuzz_upload_location, accepts_upload_location,
                                       "upload_location"};

    fuzz_replay(&replay);
}

static void test_upload_range(void **state)
{
    const struct fuzz_replay replay = {fuzz_upload_range, accepts_upload_range, "upload_range"};

    fuzz_replay(&replay);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_www_authenticate), cmocka_unit_test(test_authfile),
        cmocka_unit_test(test_authfile_edit),    cmocka_unit_test(test_credhelper),
        cmocka_unit_test(test_upload_location),  cmocka_unit_test(test_upload_range),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
