/* test_sha256.c - known sums, whatever the pieces. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "oci/layer/sha256.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define EMPTY "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define ABC   "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

static void test_bytes(void **state)
{
    struct digest digest;

    assert_int_equal(sha256_of_bytes("", 0, &digest, NULL), 0);
    assert_string_equal(digest.text, EMPTY);
    assert_int_equal(sha256_of_bytes("abc", 3, &digest, NULL), 0);
    assert_string_equal(digest.text, ABC);
}

static void test_pieces(void **state)
{
    CLEANUP_SHA256 struct sha256 sha256 = {0};
    struct digest digest;

    assert_int_equal(sha256_init(&sha256, NULL), 0);
    sha256_update(&sha256, "a", 1);
    sha256_update(&sha256, "", 0);
    sha256_update(&sha256, "bc", 2);
    assert_int_equal(sha256_finish(&sha256, &digest, NULL), 0);
    assert_string_equal(digest.text, ABC);
}

static void test_file(void **state)
{
    CLEANUP_SHA256 struct sha256 sha256 = {0};
    CLEANUP_FD int fd = memfd_create("test", MFD_CLOEXEC);
    struct digest digest;
    struct mcpd_error error = {0};

    assert_int_equal(write(fd, "xxabcxx", 7), 7);
    assert_int_equal(sha256_init(&sha256, NULL), 0);
    assert_int_equal(sha256_update_file(&sha256, fd, 2, 5, NULL), 0);
    assert_int_equal(sha256_update_file(&sha256, fd, 5, 9, &error), -MCPD_E_CORRUPT);
    sha256_done(&sha256);
    assert_int_equal(sha256_init(&sha256, NULL), 0);
    assert_int_equal(sha256_update_file(&sha256, fd, 2, 5, NULL), 0);
    assert_int_equal(sha256_finish(&sha256, &digest, NULL), 0);
    assert_string_equal(digest.text, ABC);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bytes),
        cmocka_unit_test(test_pieces),
        cmocka_unit_test(test_file),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
