/* cli_test.h - what the tests of src/cli share. */
#ifndef CLI_TEST_H
#define CLI_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <jansson.h>
#include <string.h>

#include "base/buf.h"
#include "base/error.h"

#define TEXT_MAX (4u << 20)

/* JSON with ' for ". */
static inline json_t *json_of(const char *text)
{
    char *copy = strdup(text);
    json_error_t error;
    json_t *json;

    for (char *at = copy; *at != '\0'; at++)
        if (*at == '\'')
            *at = '"';
    json = json_loads(copy, JSON_DECODE_ANY, &error);
    if (!json)
        fail_msg("%s: %s", text, error.text);
    free(copy);
    return json;
}

#define assert_error(rc, err, wanted_code, text)          \
    do {                                                  \
        assert_int_equal(rc, -(int)(wanted_code));        \
        assert_int_equal((err).code, (int)(wanted_code)); \
        assert_string_equal((err).message, text);         \
    } while (0)

#define assert_contains(text, part)                         \
    do {                                                    \
        if (!strstr(text, part))                            \
            fail_msg("\"%s\" is not in\n%s", part, (text)); \
    } while (0)

#endif
