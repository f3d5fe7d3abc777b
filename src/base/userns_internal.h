/* userns_internal.h - the readers behind userns_load_map, for tests with files of their own. */
#ifndef BASE_USERNS_INTERNAL_H
#define BASE_USERNS_INTERNAL_H

#include "base/userns.h"

/* Appends to ranges[*count] what the lines of a subuid file give to the user. ranges[0] is the
 * user's own id. user_name may be NULL. */
void userns_parse_ranges(const char *text, const char *user_name, uint32_t user_id,
                         struct userns_range ranges[USERNS_MAX_RANGES], size_t *count);

/* Name of a user in the text of a passwd file; owned by the caller, NULL when there is none. */
char *userns_find_user_name(const char *passwd, uint32_t user_id) MUST_CHECK;

/* userns_load_map with another /etc. */
int userns_load_map_from(int etc_fd, uint32_t user_id, uint32_t group_id,
                         struct userns_map *ret_map, struct mcpd_error *err) MUST_CHECK;

#endif
