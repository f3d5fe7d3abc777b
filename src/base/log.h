/*
 * log.h - debug lines on stderr by topic: MCPD_DEBUG=mount,net or MCPD_DEBUG=all.
 * Off unless asked for; never at any higher level and never a secret. The only output below
 * src/cli.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/cleanup.h"

#include <stdbool.h>

void log_enable(const char *topics); /* NULL: read MCPD_DEBUG */
bool log_is_enabled(const char *topic);
void log_debug(const char *topic, const char *format, ...) PRINTF_LIKE(2, 3);

#endif
