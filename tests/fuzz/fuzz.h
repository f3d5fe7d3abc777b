/*
 * fuzz.h - the frame of a libFuzzer target: a file defines
 * `static bool accepts(const char *text, size_t length)` (true when the parser took the input,
 * which is NUL-terminated behind its length) and ends with FUZZ_TARGET(maximum bytes).
 * A unit test replays corpus/NAME (must be accepted) and reject/NAME (must be refused).
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define FUZZ_CHECK(condition) \
    do {                      \
        if (!(condition))     \
            abort();          \
    } while (0)

/* A copy of exactly the input's size, so that the sanitizer sees one byte too far. */
#define FUZZ_TARGET(maximum)                                      \
    int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size); \
    int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)  \
    {                                                             \
        char *text = size <= (maximum) ? malloc(size + 1) : NULL; \
                                                                  \
        if (!text)                                                \
            return 0;                                             \
        memcpy(text, data, size);                                 \
        text[size] = '\0';                                        \
        (void)accepts(text, size);                                \
        free(text);                                               \
        return 0;                                                 \
    }

#endif
