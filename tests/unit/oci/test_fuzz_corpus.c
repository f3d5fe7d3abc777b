/* test_fuzz_corpus.c - replays the inputs of this folder's fuzz targets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/fuzz_replay.h"

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
#define LLVMFuzzerTestOneInput fuzz_registriesconf
#define accepts                accepts_registriesconf
#include "../../fuzz/fuzz_registriesconf.c"
#undef LLVMFuzzerTestOneInput
#undef accepts
#define LLVMFuzzerTestOneInput fuzz_storeconf
#define accepts                accepts_storeconf
#include "../../fuzz/fuzz_storeconf.c"
#undef LLVMFuzzerTestOneInput
#undef accepts

static void test_digest(void **state)
{
    const struct fuzz_replay replay = {fuzz_digest, accepts_digest, "digest"};

    fuzz_replay(&replay);
}

static void test_reference(void **state)
{
    const struct fuzz_replay replay = {fuzz_reference, accepts_reference, "reference"};

    fuzz_replay(&replay);
}

static void test_manifest(void **state)
{
    const struct fuzz_replay replay = {fuzz_manifest, accepts_manifest, "manifest"};

    fuzz_replay(&replay);
}

static void test_imageconfig(void **state)
{
    const struct fuzz_replay replay = {fuzz_imageconfig, accepts_imageconfig, "imageconfig"};

    fuzz_replay(&replay);
}

static void test_registriesconf(void **state)
{
    const struct fuzz_replay replay = {fuzz_registriesconf, accepts_registriesconf,
                                       "registriesconf"};

    fuzz_replay(&replay);
}

static void test_storeconf(void **state)
{
    const struct fuzz_replay replay = {fuzz_storeconf, accepts_storeconf, "storeconf"};

    fuzz_replay(&replay);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_digest),         cmocka_unit_test(test_reference),
        cmocka_unit_test(test_manifest),       cmocka_unit_test(test_imageconfig),
        cmocka_unit_test(test_registriesconf), cmocka_unit_test(test_storeconf),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
