/*
 * toml.h - configuration files in TOML, as much of it as configuration files use: tables, arrays of
 * tables, strings on one line, booleans, whole numbers, arrays and inline tables.
 *
 * Several-line strings, fractions, dates and other bases are refused as what they are; everything
 * else is as in TOML 1.0. Pure; fuzzed.
 */
#ifndef BASE_TOML_H
#define BASE_TOML_H

#include "base/error.h"

#include <jansson.h>
#include <stddef.h>

#define TOML_MAX_BYTES (1u << 20)
#define TOML_MAX_DEPTH 16

/* Tables become objects, arrays of tables arrays of objects. `what` names the file in messages.
 * INVALID: "<what>: line 7: <why>". New reference. */
int toml_parse(const char *text, size_t length, const char *what, json_t **ret_document,
               struct mcpd_error *err) MUST_CHECK;

/* A debug line of `topic` for each key of `table` that is not in `known` (ends with NULL): "<path>:
 * <where><key> is not known here, passed over". */
void toml_mention_unknown(json_t *table, const char *const *known, const char *topic,
                          const char *path, const char *where);

#endif
