/* retry.c - see retry.h. */
#include "registry/retry.h"

#include "base/str.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

#define DEFAULT_COUNT    3
#define DEFAULT_DELAY_MS 1000
#define MAX_DELAY_MS     60000

static unsigned int number_of(const char *variable, unsigned int maximum, unsigned int fallback)
{
    const char *text = getenv(variable);
    uint32_t value = 0;

    return text && str_to_u32(text, maximum, &value) == 0 ? value : fallback;
}

void retry_policy_init(const struct mcpd_registry_options *options, struct retry_policy *ret_policy)
{
    *ret_policy = (struct retry_policy){
        .count = number_of("MCPD_RETRY_COUNT", 100, DEFAULT_COUNT),
        .delay_ms = number_of("MCPD_RETRY_DELAY_MS", MAX_DELAY_MS, DEFAULT_DELAY_MS),
    };
    if (options->retry_count != 0)
        ret_policy->count = options->retry_count > 0 ? (unsigned int)options->retry_count : 0;
    if (options->retry_delay_ms > 0) {
        ret_policy->delay_ms = options->retry_delay_ms < MAX_DELAY_MS
                                   ? (unsigned int)options->retry_delay_ms
                                   : MAX_DELAY_MS;
        ret_policy->is_fixed = true;
    }
}

struct retry_reason retry_of_failure(enum http_failure failure)
{
    bool grows = failure == HTTP_FAILURE_TIMEOUT || failure == HTTP_FAILURE_BROKEN;

    return (struct retry_reason){
        .is_retryable = grows || failure == HTTP_FAILURE_CONNECT || failure == HTTP_FAILURE_STALE,
        .grows = grows,
    };
}

struct retry_reason retry_of_status(int status, uint64_t retry_after_s)
{
    bool is_busy = status == 429 || (status >= 500 && status != 501);

    return (struct retry_reason){
        .is_retryable = is_busy,
        .grows = is_busy,
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
    else if (reason->grows && !policy->is_fixed)
        delay_ms <<= attempt > 7 ? 6 : attempt - 1;
    return delay_ms > MAX_DELAY_MS ? MAX_DELAY_MS : (unsigned int)delay_ms;
}

unsigned int retry_add_chance(unsigned int delay_ms)
{
    uint32_t chance = 0;

    if (getrandom(&chance, sizeof(chance), GRND_NONBLOCK) != sizeof(chance))
        return delay_ms;
    return delay_ms + chance % (delay_ms / 4 + 1);
}

void retry_format_delay(unsigned int delay_ms, char buffer[RETRY_DELAY_SIZE])
{
    unsigned int seconds = delay_ms / 1000;
    size_t length = 0;

    buffer[0] = '\0';
    if (seconds == 0) {
        (void)snprintf(buffer, RETRY_DELAY_SIZE, "%ums", delay_ms);
        return;
    }
    if (seconds >= 60)
        length = (size_t)snprintf(buffer, RETRY_DELAY_SIZE, "%um", seconds / 60);
    length += (size_t)snprintf(buffer + length, RETRY_DELAY_SIZE - length, "%u", seconds % 60);
    if (delay_ms % 1000 != 0) {
        length +=
            (size_t)snprintf(buffer + length, RETRY_DELAY_SIZE - length, ".%03u", delay_ms % 1000);
        while (buffer[length - 1] == '0')
            length--;
    }
    (void)snprintf(buffer + length, RETRY_DELAY_SIZE - length, "s");
}
