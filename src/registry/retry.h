/*
 * retry.h - what is worth another attempt, and when.
 *
 * podman's numbers: three more attempts, one second apart. A server that is busy (429, 5xx) and a
 * transfer that broke off or stalled are given twice as long each time, or what the server asks for
 * with Retry-After, up to a minute. A little chance is added, so that a hundred devices that were
 * turned away together do not come back together. MCPD_RETRY_COUNT and MCPD_RETRY_DELAY_MS change
 * the numbers.
 */
#ifndef REGISTRY_RETRY_H
#define REGISTRY_RETRY_H

#include "mcpd_types.h"
#include "registry/http.h"

#include <stdbool.h>
#include <stdint.h>

struct retry_policy {
    unsigned int count;    /* further attempts */
    unsigned int delay_ms; /* before the first of them */
    bool is_fixed;         /* and before all others, however the failure looks */
};

/* Why an attempt failed, as far as it matters here. */
struct retry_reason {
    bool is_retryable;
    bool grows;             /* better wait longer each time */
    uint64_t retry_after_s; /* 0: it did not say */
};

void retry_policy_init(const struct mcpd_registry_options *options,
                       struct retry_policy *ret_policy);
struct retry_reason retry_of_failure(enum http_failure failure);
struct retry_reason retry_of_status(int status, uint64_t retry_after_s);
/* attempt: 1 for the first repetition. Without the chance. */
unsigned int retry_delay_ms(const struct retry_policy *policy, const struct retry_reason *reason,
                            unsigned int attempt);
/* The delay and up to a quarter of it. */
unsigned int retry_add_chance(unsigned int delay_ms);
/* As Go writes a duration: "1s", "1m30s", "250ms". */
#define RETRY_DELAY_SIZE 32
void retry_format_delay(unsigned int delay_ms, char buffer[RETRY_DELAY_SIZE]);

#endif
