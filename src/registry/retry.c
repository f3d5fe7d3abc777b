/* retry.c - see retry.h. */
#include "registry/retry.h"

#include "base/str.h"

#include <stdlib.h>

#define DEFAULT_COUNT    3
#define DEFAULT_DELAY_MS 1000
#define MAX_DELAY_MS     60000

static unsigned int number_of(const char *variable, unsigned int maximum, unsigned int fallback)
{
    const char *text = getenv(variable);
    uint32_t value = 0;

    return text && str_to_u32(text, maximum, &value) == 0 ? value : fallback;
}

void retry_policy_init(struct retry_policy *ret_policy)
{
    ret_policy->count = number_of("MCPD_RETRY_COUNT", 100, DEFAULT_COUNT);
    ret_policy->delay_ms = number_of("MCPD_RETRY_DELAY_MS", MAX_DELAY_MS, DEFAULT_DELAY_MS);
}

struct retry_reason retry_of_failure(enum http_failure failure)
{
    return (struct retry_reason){
        .is_retryable = failure == HTTP_FAILURE_CONNECT || failure == HTTP_FAILURE_TIMEOUT ||
                        failure == HTTP_FAILURE_BROKEN || failure == HTTP_FAILURE_STALE,
    };
}

struct retry_reason retry_of_status(int status, uint64_t retry_after_s)
{
    bool is_busy = status == 429 || (status >= 500 && status != 501);

    return (struct retry_reason){
        .is_retryable = is_busy,
        .is_busy = is_busy,
        .retry_after_s = retry_after_s,
    };
}

unsigned int retry_delay_ms(const struct retry_policy *policy, const struct retry_reason *reason,
                            unsigned int attempt)
{
    uint64_t delay_ms = policy->delay_ms;

    if (reason->retry_after_s > 0)
        delay_ms = reason->retry_after_s > MAX_DELAY_MS / 1000 ? MAX_DELAY_MS
                                                               : reason->retry_after_s * 1000;
    else if (reason->is_busy)
        delay_ms <<= attempt > 7 ? 6 : attempt - 1;
    return delay_ms > MAX_DELAY_MS ? MAX_DELAY_MS : (unsigned int)delay_ms;
}
