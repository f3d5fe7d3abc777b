/* clock.h - time: monotonic for waiting, wall clock for records. Units are in the names. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

int64_t clock_monotonic_ms(void);
int64_t clock_unix_ns(void);

/* "2026-11-23T16:32:08.293006451Z" (Go's RFC3339Nano in UTC: trailing zeros dropped).
 * 0 gives Go's zero time "0001-01-01T00:00:00Z". */
#define CLOCK_RFC3339_SIZE 40
void clock_format_rfc3339(int64_t unix_ns, char buffer[CLOCK_RFC3339_SIZE]);
/* As Go prints its times: "2026-11-23 16:32:08.293006451 +0000 UTC". */
#define CLOCK_GO_SIZE (CLOCK_RFC3339_SIZE + 12)
void clock_format_go(int64_t unix_ns, char buffer[CLOCK_GO_SIZE]);
/* Any RFC 3339 offset; the zero time gives 0. */
int clock_parse_rfc3339(const char *text, int64_t *ret_unix_ns) MUST_CHECK;
/* "59 seconds ago", "2 hours ago": docker's HumanDuration of the difference, without "ago". */
void clock_format_age(int64_t seconds, char *buffer, size_t size);

#endif
