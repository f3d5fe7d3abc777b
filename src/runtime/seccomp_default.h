/*
 * seccomp_default.h - the rules of the built-in profile. Internal to seccomp.c and its tests.
 */
#ifndef RUNTIME_SECCOMP_DEFAULT_H
#define RUNTIME_SECCOMP_DEFAULT_H

#include <stddef.h>
#include <stdint.h>

#define SECCOMP_TESTS_MAX 2

/* A condition on an argument of the call. */
struct seccomp_test {
    unsigned int index;
    int operator; /* SCMP_CMP_* */
    uint64_t value;
};

struct seccomp_rule {
    const char *names;             /* between blanks; unknown ones are skipped */
    int refusal;                   /* errno, 0: allowed */
    uint64_t with_capabilities;    /* the rule counts only when the container has these, */
    uint64_t without_capabilities; /* lacks these, */
    const char *architectures;     /* and this machine is one of these ("amd64 arm64"); NULL: any */
    struct seccomp_test tests[SECCOMP_TESTS_MAX]; /* all must hold */
    size_t test_count;
};

extern const struct seccomp_rule seccomp_default_rules[];
extern const size_t seccomp_default_rule_count;

#endif
