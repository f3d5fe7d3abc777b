/*
 * userns_map.c - the id map of an ordinary user, from /etc/subuid and /etc/subgid.
 *
 * The files are the administrator's, but written by hand: a line that makes no sense, or that
 * gives an id twice, is as if it were not there. No NSS: the name comes from /etc/passwd, and for
 * users of a directory service from $USER. That is safe to believe, as newuidmap checks it again.
 */
#include <fcntl.h>
#include <string.h>

#include "base/fsutil.h"
#include "base/str.h"
#include "base/userns_internal.h"

#define ETC_FILE_MAX 16777216
#define LAST_ID      (UINT32_MAX - 1) /* UINT32_MAX means "no id" */

/* Copies the next line; NULL at the end of the text or without memory. */
static char *next_line(const char **text)
{
    const char *start = *text;
    const char *end;

    if (*start == '\0')
        return NULL;
    end = strchrnul(start, '\n');
    *text = *end == '\n' ? end + 1 : end;
    return strndup(start, (size_t)(end - start));
}

static bool overlaps(const struct userns_range *range, uint32_t start, uint32_t count)
{
    return start < (uint64_t)range->outside + range->count &&
           range->outside < (uint64_t)start + count;
}

static void add_range(struct userns_range ranges[USERNS_MAX_RANGES], size_t *count, uint32_t start,
                      uint32_t range_count)
{
    const struct userns_range *last = &ranges[*count - 1];
    /* Cannot pass LAST_ID either: no id is given twice, and 0 never. */
    uint32_t inside = last->inside + last->count;

    if (*count == USERNS_MAX_RANGES || range_count == 0 || start == 0 ||
        (uint64_t)start + range_count - 1 > LAST_ID)
        return;
    for (size_t i = 0; i < *count; i++)
        if (overlaps(&ranges[i], start, range_count))
            return;
    ranges[(*count)++] =
        (struct userns_range){.inside = inside, .outside = start, .count = range_count};
}

static bool is_user(const char *field, const char *user_name, uint32_t user_id)
{
    uint32_t id;

    return (user_name && strcmp(field, user_name) == 0) ||
           (str_to_u32(field, UINT32_MAX, &id) == 0 && id == user_id);
}

void userns_parse_ranges(const char *text, const char *user_name, uint32_t user_id,
                         struct userns_range ranges[USERNS_MAX_RANGES], size_t *count)
{
    for (;;) {
        CLEANUP_FREE char *line = next_line(&text);
        CLEANUP_STRV char **fields = line ? strv_split(line, ':') : NULL;
        uint32_t start;
        uint32_t range_count;

        if (!fields)
            return;
        if (strv_length(fields) == 3 && is_user(fields[0], user_name, user_id) &&
            str_to_u32(fields[1], UINT32_MAX, &start) == 0 &&
            str_to_u32(fields[2], UINT32_MAX, &range_count) == 0)
            add_range(ranges, count, start, range_count);
    }
}

char *userns_find_user_name(const char *passwd, uint32_t user_id)
{
    for (;;) {
        CLEANUP_FREE char *line = next_line(&passwd);
        CLEANUP_STRV char **fields = line ? strv_split(line, ':') : NULL;
        uint32_t id;

        if (!fields)
            return NULL;
        if (strv_length(fields) == 7 && *fields[0] != '\0' &&
            str_to_u32(fields[2], UINT32_MAX, &id) == 0 && id == user_id)
            return strdup(fields[0]);
    }
}

/* A file of /etc that may be missing: then it is empty. */
static int read_etc(int etc_fd, const char *name, char **ret_text, struct mcpd_error *err)
{
    int rc = fs_read_file(etc_fd, name, ETC_FILE_MAX, ret_text, NULL, err);

    if (rc != -MCPD_E_NOT_FOUND)
        return rc;
    *ret_text = strdup("");
    return *ret_text ? 0 : error_no_memory(err, name);
}

static int load_ranges(int etc_fd, const char *file, const char *user_name, uint32_t user_id,
                       struct userns_range ranges[USERNS_MAX_RANGES], size_t *count,
                       struct mcpd_error *err)
{
    CLEANUP_FREE char *text = NULL;
    int rc = read_etc(etc_fd, file, &text, err);

    if (rc == 0)
        userns_parse_ranges(text, user_name, user_id, ranges, count);
    return rc;
}

int userns_load_map_from(int etc_fd, uint32_t user_id, uint32_t group_id,
                         struct userns_map *ret_map, struct mcpd_error *err)
{
    CLEANUP_FREE char *passwd = NULL;
    CLEANUP_FREE char *found_name = NULL;
    const char *user_name;
    int rc = read_etc(etc_fd, "passwd", &passwd, err);

    if (rc < 0)
        return rc;
    found_name = userns_find_user_name(passwd, user_id);
    user_name = found_name ? found_name : getenv("USER");
    *ret_map = (struct userns_map){.uid_count = 1, .gid_count = 1};
    ret_map->uids[0] = (struct userns_range){.outside = user_id, .count = 1};
    ret_map->gids[0] = (struct userns_range){.outside = group_id, .count = 1};
    rc = load_ranges(etc_fd, "subuid", user_name, user_id, ret_map->uids, &ret_map->uid_count, err);
    if (rc == 0)
        rc = load_ranges(etc_fd, "subgid", user_name, user_id, ret_map->gids, &ret_map->gid_count,
                         err);
    return rc;
}

int userns_load_map(struct userns_map *ret_map, struct mcpd_error *err)
{
    CLEANUP_FD int etc_fd = open("/etc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (etc_fd < 0)
        return error_errno(err, "open '/etc'");
    return userns_load_map_from(etc_fd, geteuid(), getegid(), ret_map, err);
}
