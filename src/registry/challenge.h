/*
 * challenge.h - what a WWW-Authenticate header asks for (RFC 9110 section 11.6.1, distribution's
 * token specification). Pure; fuzzed.
 */
#ifndef REGISTRY_CHALLENGE_H
#define REGISTRY_CHALLENGE_H

#include <stdbool.h>
#include <stddef.h>

#define CHALLENGE_VALUE_SIZE 1024

enum challenge_scheme {
    CHALLENGE_SCHEME_OTHER,
    CHALLENGE_SCHEME_BASIC,
    CHALLENGE_SCHEME_BEARER,
};

struct challenge {
    enum challenge_scheme scheme;
    char realm[CHALLENGE_VALUE_SIZE]; /* empty when absent, as all */
    char service[CHALLENGE_VALUE_SIZE];
    char scope[CHALLENGE_VALUE_SIZE];
};

/* Takes the next challenge of a header's value off *cursor; false at the end, or where the rest
 * makes no sense. A parameter that is too long makes its challenge OTHER. */
bool challenge_next(const char **cursor, struct challenge *ret_challenge);

/* The best of a response's headers: Bearer before Basic; OTHER when there is neither. */
void challenge_choose(char *const *headers, struct challenge *ret_challenge);

#endif
