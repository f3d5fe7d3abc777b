/* values.h - how podman's users write numbers, switches, durations and times. */
#ifndef CLI_VALUES_H
#define CLI_VALUES_H

#include "base/cleanup.h"

#include <stdbool.h>
#include <stdint.h>

/* All return 0, -MCPD_E_INVALID or -MCPD_E_LIMIT (out of range), without a text: the caller knows
 * the option. */

/* Decimal with an optional sign. */
int value_parse_int(const char *text, int64_t *ret_value) MUST_CHECK;
/* "1", "1.5", ".5" */
bool value_is_real(const char *text);
/* Go's durations: "90s", "1h2m3.5s", "250ms", "0"; a bare number is not one. */
int value_parse_duration(const char *text, int64_t *ret_ns) MUST_CHECK;
/* RFC 3339, "2026-11-23[T16:32[:08]]" (UTC), Unix seconds with a fraction, or a duration before
 * now_unix_ns. */
int value_parse_time(const char *text, int64_t now_unix_ns, int64_t *ret_unix_ns) MUST_CHECK;

/* "ctrl-p,ctrl-q": single characters and ctrl- with one of a-z @ [ \ ] ^ _, at most `room`. "" is
 * none. INVALID: *ret_wrong (borrowed, ended by a comma) is no key; LIMIT: too many. */
int value_parse_keys(const char *text, char *keys, size_t room, size_t *ret_count,
                     const char **ret_wrong);

#endif
