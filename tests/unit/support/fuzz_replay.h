/*
 * fuzz_replay.h - runs the inputs of a fuzz target as a unit test: tests/fuzz/corpus/NAME is taken,
 * tests/fuzz/reject/NAME is refused, and the checks inside the target hold for both.
 */
#ifndef SUPPORT_FUZZ_REPLAY_H
#define SUPPORT_FUZZ_REPLAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fuzz_replay {
    int (*fuzz)(const uint8_t *data, size_t size);
    bool (*accepts)(const char *text, size_t length);
    const char *name;
};

/* Failures end the test; so do fewer than three inputs of a kind. */
void fuzz_replay(const struct fuzz_replay *replay);

#endif
