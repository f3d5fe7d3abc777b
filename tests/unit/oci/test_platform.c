/* test_platform.c - names of platforms, and which one serves which machine. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "oci/platform.h"

#include <string.h>

static struct platform parsed(const char *text)
{
    struct platform platform = {0};
    struct mcpd_error error = {0};

    if (platform_parse(text, &platform, &error) < 0)
        fail_msg("%s", error.message);
    return platform;
}

static void check_text(const struct platform *platform, const char *expected)
{
    char text[PLATFORM_TEXT_SIZE];

    platform_format(platform, text, sizeof(text));
    assert_string_equal(text, expected);
}

static void test_parse(void **state)
{
    static const char *const table[][2] = {
        {"linux/amd64", "linux/amd64"},     {"linux/x86_64", "linux/amd64"},
        {"linux/amd64/v1", "linux/amd64"},  {"linux/amd64/v3", "linux/amd64/v3"},
        {"linux/arm64", "linux/arm64"},     {"linux/arm64/v8", "linux/arm64"},
        {"linux/aarch64", "linux/arm64"},   {"linux/arm", "linux/arm/v7"},
        {"linux/armhf", "linux/arm/v7"},    {"linux/armel", "linux/arm/v6"},
        {"linux/arm/v6", "linux/arm/v6"},   {"linux/arm/6", "linux/arm/v6"},
        {"linux/arm/v8", "linux/arm/v8"},   {"linux/i386", "linux/386"},
        {"linux/riscv64", "linux/riscv64"}, {"windows/amd64", "windows/amd64"},
        {"linux/ppc64le", "linux/ppc64le"}, {"Linux/AMD64", "linux/amd64"},
        {"linux/ARM64/V8", "linux/arm64"},  {"linux/ARMHF", "linux/arm/v7"},
    };

    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        struct platform platform = parsed(table[i][0]);

        check_text(&platform, table[i][1]);
    }
}

static void test_parse_bad(void **state)
{
    static const char *const bad[] = {
        "",
        "linux",
        "/",
        "linux/",
        "/amd64",
        "linux//v7",
        "linux/arm/v7/x",
        "a/b/c/d",
        "///",
        "linux/arm/",
        "linux/am d64",
        "linux/amd64\n",
        "linux/aaaaaaaaaabbbbbbbbbbccccccccccddd",
    };

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct platform platform;
        struct mcpd_error error = {0};

        if (platform_parse(bad[i], &platform, &error) != -MCPD_E_INVALID)
            fail_msg("'%s' was taken", bad[i]);
        assert_non_null(strstr(error.message, "(use OS/ARCH[/VARIANT])"));
    }
}

static void test_of_uname(void **state)
{
    static const struct {
        const char *machine;
        unsigned int word_bits;
        const char *text;
    } table[] = {
        {"x86_64", 64, "linux/amd64"},    {"x86_64", 32, "linux/386"},
        {"i686", 32, "linux/386"},        {"aarch64", 64, "linux/arm64"},
        {"aarch64", 32, "linux/arm/v8"},  {"armv8l", 32, "linux/arm/v8"},
        {"armv7l", 32, "linux/arm/v7"},   {"armv6l", 32, "linux/arm/v6"},
        {"armv5tel", 32, "linux/arm/v5"}, {"riscv64", 64, "linux/riscv64"},
        {"s390x", 64, "linux/s390x"},     {"loongarch64", 64, "linux/loong64"},
    };
    struct platform platform;

    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        platform_of_uname(table[i].machine, table[i].word_bits, &platform);
        check_text(&platform, table[i].text);
    }
    platform_of_machine(&platform);
    assert_string_equal(platform.os, "linux");
    assert_true(platform.architecture[0] != '\0');
}

static int distance(const char *wanted, const char *offered)
{
    struct platform a = parsed(wanted);
    struct platform b = parsed(offered);

    return platform_distance(&a, &b);
}

static void test_arm_falls_back(void **state)
{
    assert_int_equal(distance("linux/arm/v7", "linux/arm/v7"), 0);
    assert_true(distance("linux/arm/v7", "linux/arm/v6") > 0);
    assert_true(distance("linux/arm/v7", "linux/arm/v6") <
                distance("linux/arm/v7", "linux/arm/v5"));
    assert_true(distance("linux/arm/v8", "linux/arm/v7") > 0);
    assert_true(distance("linux/arm/v7", "linux/arm/v8") < 0);
    assert_true(distance("linux/arm/v6", "linux/arm/v7") < 0);
    assert_true(distance("linux/arm64", "linux/arm/v7") < 0);
    assert_true(distance("linux/arm/v7", "linux/arm64") < 0);
}

static void test_amd64_levels(void **state)
{
    assert_int_equal(distance("linux/amd64", "linux/amd64/v1"), 0);
    assert_true(distance("linux/amd64", "linux/amd64/v2") > 0);
    assert_true(distance("linux/amd64", "linux/amd64/v2") <
                distance("linux/amd64", "linux/amd64/v3"));
    assert_true(distance("linux/amd64", "linux/amd64/v9") < 0);
    assert_true(distance("linux/amd64/v3", "linux/amd64/v2") > 0);
    assert_true(distance("linux/amd64/v3", "linux/amd64") >
                distance("linux/amd64/v3", "linux/amd64/v2"));
    assert_true(distance("linux/amd64/v2", "linux/amd64/v3") < 0);
}

static void test_others(void **state)
{
    assert_int_equal(distance("linux/riscv64", "linux/riscv64"), 0);
    assert_true(distance("linux/riscv64", "windows/riscv64") < 0);
    assert_true(distance("linux/mips/softfloat", "linux/mips") > 0);
    assert_true(distance("linux/mips", "linux/mips/softfloat") < 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse),        cmocka_unit_test(test_parse_bad),
        cmocka_unit_test(test_of_uname),     cmocka_unit_test(test_arm_falls_back),
        cmocka_unit_test(test_amd64_levels), cmocka_unit_test(test_others),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
