/* test_title.c - what /proc shows of a process after it was given a title. */
#include "base/base_test.h"

#include "base/title.h"

static size_t arguments_length; /* of all, as the kernel shows them */

static size_t read_shown(const char *path, char *buffer, size_t size)
{
    CLEANUP_FREE char *text = NULL;
    size_t length = 0;

    if (fs_read_file(AT_FDCWD, path, size, &text, &length, NULL) < 0)
        return 0;
    memcpy(buffer, text, length);
    return length;
}

static bool is_blank(const char *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (bytes[i] != '\0')
            return false;
    return true;
}

static int show_words(void *context)
{
    static const char *const words[] = {"/dev/init", "--", "x", NULL};
    static const char shown[] = "/dev/init\0--\0x";
    char text[65536];
    size_t length;

    title_set(words);
    length = read_shown("/proc/self/cmdline", text, sizeof(text));
    CHECK(length == arguments_length && memcmp(text, shown, sizeof(shown)) == 0);
    CHECK(is_blank(text + sizeof(shown), length - sizeof(shown)));
    length = read_shown("/proc/self/environ", text, sizeof(text));
    CHECK(length > 0 && is_blank(text, length));
    CHECK(getenv("PATH") == NULL);
    return 0;
}

static void test_words(void **state)
{
    run_child(show_words, NULL, 0);
}

/* Cut off; nothing of what comes after is shown in their place. */
static int show_too_much(void *context)
{
    char large[4096];
    const char *const words[] = {large, large, NULL};
    char text[65536];
    size_t length;

    memset(large, 'x', sizeof(large) - 1);
    large[sizeof(large) - 1] = '\0';
    title_set(words);
    length = read_shown("/proc/self/cmdline", text, sizeof(text));
    CHECK(length == arguments_length && strnlen(text, length) == length - 1);
    length = read_shown("/proc/self/environ", text, sizeof(text));
    CHECK(is_blank(text, length));
    return 0;
}

static void test_too_much(void **state)
{
    run_child(show_too_much, NULL, 0);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_words),
                                       cmocka_unit_test(test_too_much)};
    char text[65536];

    arguments_length = read_shown("/proc/self/cmdline", text, sizeof(text));
    title_remember(argc, argv);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
