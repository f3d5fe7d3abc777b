/* test_utf8.c - what is UTF-8, and what never reaches a terminal. */
#include "base/base_test.h"

#include "base/utf8.h"

static void test_characters(void **state)
{
    static const struct {
        const char *text;
        size_t length;
        uint32_t value;
    } rows[] = {
        {"", 1, 0},
        {"a", 1, 'a'},
        {"\303\251", 2, 0xe9},
        {"\342\202\254", 3, 0x20ac},
        {"\360\237\220\213", 4, 0x1f40b},
        {"\364\217\277\277", 4, 0x10ffff},
    };
    static const char *const bad[] = {
        "\200", /* no beginning */
        "\377",
        "\303", /* cut */
        "\342\202",
        "\300\200", /* longer than it needs to be */
        "\340\200\257",
        "\355\240\200",     /* half of a pair */
        "\364\220\200\200", /* behind the last */
        "\303a",
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        uint32_t value = 1;

        assert_int_equal(utf8_character(rows[i].text, &value), rows[i].length);
        assert_int_equal(value, rows[i].value);
        assert_true(utf8_is_valid(rows[i].text));
    }
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        assert_int_equal(utf8_character(bad[i], NULL), 0);
        assert_false(utf8_is_valid(bad[i]));
    }
}

static void test_unsafe(void **state)
{
    static const char *const unsafe[] = {"\33[31m",  "\r",           "\177",         "\302\233x",
                                         "\302\205", "\233",         "\342\200\256", "\342\201\246",
                                         "\330\234", "\342\200\250", "\342\200\216"};
    static const char *const safe[] = {"",    " ", "a", "\302\240", "\303\251", "\360\237\220\213",
                                       "\377"};

    for (size_t i = 0; i < ARRAY_SIZE(unsafe); i++)
        assert_true(utf8_unsafe_length(unsafe[i]) > 0);
    for (size_t i = 0; i < ARRAY_SIZE(safe); i++)
        assert_int_equal(utf8_unsafe_length(safe[i]), 0);
    assert_int_equal(utf8_unsafe_length("\302\233x"), 2);
    assert_int_equal(utf8_unsafe_length("\342\200\256"), 3);
}

static void test_make_safe(void **state)
{
    /* The last is a letter whose second byte alone would be C1. */
    char text[] = "a\33[1m\302\233b\342\200\256c\n\303\251\377\233\tz\303\237\303";
    char empty[] = "";

    utf8_make_safe(text, '?', "\n\t");
    assert_string_equal(text, "a?[1m?b?c\n\303\251\377?\tz\303\237\303");
    assert_int_equal(utf8_safe_length("\303\237\302\237"), 2);
    assert_int_equal(utf8_safe_length("\303\237"), 2);
    utf8_make_safe(empty, '?', "");
    assert_string_equal(empty, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_characters),
        cmocka_unit_test(test_unsafe),
        cmocka_unit_test(test_make_safe),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
