/*
 * jsonx.h - typed access to jansson values with the path in the message.
 *
 * For readers an absent or null member, or a NULL object, is success: numbers and
 * booleans keep the default that is in place, everything else becomes NULL.
 * A member of the wrong type is -MCPD_E_CORRUPT, "config.Env[3]: expected a string".
 */
#ifndef BASE_JSONX_H
#define BASE_JSONX_H

#include "base/error.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a document from outside may take in memory on top of its own length: values and members
 * (all kinds of them together), and one string. An index of 1024 platforms takes half of it. */
#define JSONX_VALUES_MAX_BYTES (4u << 20)
#define JSONX_STRING_MAX_BYTES (1u << 20)

/* Text from outside: nesting (maximum_depth), the number of values and the longest string are
 * checked before parsing, duplicates and trailing text refused. `what` names the document in
 * messages. New reference. Peak of memory: length + JSONX_VALUES_MAX_BYTES + twice
 * JSONX_STRING_MAX_BYTES. */
int jsonx_parse(const char *text, size_t length, unsigned int maximum_depth, const char *what,
                json_t **ret_json, struct mcpd_error *err) MUST_CHECK;

/* Text that mcpd itself has just made, of any size (lists of all containers, all images). */
int jsonx_parse_own(const char *text, const char *what, json_t **ret_json,
                    struct mcpd_error *err) MUST_CHECK;

/* Reads a file of at most `maximum` bytes and parses it (depth 64). CORRUPT also when something
 * else than a file is there. */
int jsonx_load(int dir_fd, const char *path, size_t maximum, json_t **ret_json,
               struct mcpd_error *err) MUST_CHECK;
/* Compact, mode 0600, atomic through fs_write_file with its flags. */
int jsonx_save(int dir_fd, const char *path, const json_t *json, unsigned int write_flags,
               struct mcpd_error *err) MUST_CHECK;

/* Borrowed. Absent or null gives NULL and success. `what` is the path of `object` for messages. */
int jsonx_get_object(const json_t *object, const char *key, const char *what, json_t **ret_value,
                     struct mcpd_error *err) MUST_CHECK;
int jsonx_get_array(const json_t *object, const char *key, const char *what, json_t **ret_value,
                    struct mcpd_error *err) MUST_CHECK;
int jsonx_get_string(const json_t *object, const char *key, const char *what,
                     const char **ret_value, struct mcpd_error *err) MUST_CHECK; /* no NUL inside */
int jsonx_get_u64(const json_t *object, const char *key, const char *what, uint64_t *ret_value,
                  struct mcpd_error *err) MUST_CHECK;
int jsonx_get_i64(const json_t *object, const char *key, const char *what, int64_t *ret_value,
                  struct mcpd_error *err) MUST_CHECK;
int jsonx_get_bool(const json_t *object, const char *key, const char *what, bool *ret_value,
                   struct mcpd_error *err) MUST_CHECK;
/* Array of strings as a strv, owned by the caller; absent gives NULL. */
int jsonx_get_strv(const json_t *object, const char *key, const char *what, char ***ret_vector,
                   struct mcpd_error *err) MUST_CHECK;
/* Object of strings as "K=V" vector in document order; absent gives NULL. */
int jsonx_get_string_map(const json_t *object, const char *key, const char *what,
                         char ***ret_assignments, struct mcpd_error *err) MUST_CHECK;
/* A copied string, NULL when absent; owned by the caller. */
int jsonx_dup_string(const json_t *object, const char *key, const char *what, char **ret_value,
                     struct mcpd_error *err) MUST_CHECK;

/* Building. NULL values become null (string) or [] (strv); NULL on no memory. New references. */
json_t *
jsonx_string(const char *text); /* invalid UTF-8 bytes become U+FFFD: never fails for content */
json_t *jsonx_strv(char *const *vector);
json_t *jsonx_string_map(char *const *assignments); /* {"K": "V"}; NULL vector gives {} */

#endif
