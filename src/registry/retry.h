/*
 * retry.h - what is worth another attempt, and when.
 *
 * podman's numbers: three more attempts, one second apart. A server that is busy (429, 5xx) is
 * given twice as long each time, or what it asks for with Retry-After, up to a minute.
 * MCPD_RETRY_COUNT and MCPD_RETRY_DELAY_MS change them.
 */
#ifndef REGISTRY_RETRY_H
#define REGISTRY_RETRY_H

#include "registry/http.h"

#include <stdbool.h>
#include <stdint.h>

struct retry_policy {
    unsigned int count;    /* further attempts */
    unsigned int delay_ms; /* before the first of them */
};

/* Why an attempt failed, as far as it matters here. */
struct retry_reason {
    bool is_retryable;
    bool is_busy;           /* the server answered: 429 or 5xx */
    uint64_t retry_after_s; /* 0: it did not say */
};

void retry_policy_init(struct retry_policy *ret_policy);
struct retry_reason retry_of_failure(enum http_failure failure);
struct retry_reason retry_of_status(int status, uint64_t retry_after_s);
/* attempt: 1 for the first repetition. */
unsigned int retry_delay_ms(const struct retry_policy *policy, const struct retry_reason *reason,
                            unsigned int attempt);

#endif
