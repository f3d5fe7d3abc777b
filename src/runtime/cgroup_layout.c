/*
 * cgroup_layout.c - find the cgroup hierarchies in /proc/self/mountinfo, wherever they are mounted.
 * Source: proc(5), cgroups(7).
 */
#include "runtime/cgroup_layout.h"

#include <fcntl.h>
#include <string.h>

#include "base/fsutil.h"
#include "base/str.h"

#define MOUNTINFO_MAX ((size_t)16 * 1024 * 1024)

/* Part of a line; not terminated. */
struct slice {
    const char *start;
    size_t length;
};

const char *cgroup_controller_name(enum cgroup_controller controller)
{
    switch (controller) {
    case CGROUP_CONTROLLER_PIDS:
        return "pids";
    case CGROUP_CONTROLLER_MEMORY:
        return "memory";
    case CGROUP_CONTROLLER_CPU:
        return "cpu";
    case CGROUP_CONTROLLER_COUNT:
        break;
    }
    return "";
}

static bool slice_equals(struct slice slice, const char *text)
{
    return slice.length == strlen(text) && memcmp(slice.start, text, slice.length) == 0;
}

/* The next word of a line at blanks; empty at its end. */
static struct slice next_word(const char **line, const char *end)
{
    struct slice word;

    while (*line < end && **line == ' ')
        (*line)++;
    word.start = *line;
    while (*line < end && **line != ' ')
        (*line)++;
    word.length = (size_t)(*line - word.start);
    return word;
}

/* Is `name` one of the words between commas? */
static bool has_option(struct slice options, const char *name)
{
    const char *end = options.start + options.length;

    for (const char *word = options.start; word < end;) {
        const char *comma = memchr(word, ',', (size_t)(end - word));
        struct slice one = {word, (size_t)((comma ? comma : end) - word)};

        if (slice_equals(one, name))
            return true;
        word = comma ? comma + 1 : end;
    }
    return false;
}

static bool is_octal(const char *digits)
{
    for (size_t i = 0; i < 3; i++)
        if (digits[i] < '0' || digits[i] > '7')
            return false;
    return true;
}

/* Undoes the kernel's "\040" for blanks and the like. The first mount of a hierarchy counts; one
 * that does not fit is as if it were not there. */
static void take_path(char path[CGROUP_PATH_SIZE], struct slice escaped)
{
    size_t length = 0;

    if (path[0] != '\0' || escaped.length >= CGROUP_PATH_SIZE)
        return;
    for (size_t i = 0; i < escaped.length; i++) {
        const char *c = escaped.start + i;

        if (*c == '\\' && escaped.length - i > 3 && is_octal(c + 1)) {
            path[length++] = (char)((c[1] - '0') * 64 + (c[2] - '0') * 8 + (c[3] - '0'));
            i += 3;
        } else {
            path[length++] = *c;
        }
    }
    path[length] = '\0';
}

/* "31 23 0:28 / /sys/fs/cgroup/pids rw,relatime shared:9 - cgroup cgroup rw,pids" */
static void parse_line(const char *line, const char *end, struct cgroup_layout *layout)
{
    struct slice mount_point = {line, 0};
    struct slice word;
    struct slice options;

    for (int i = 0; i < 5; i++)
        mount_point = next_word(&line, end);
    do
        word = next_word(&line, end);
    while (word.length > 0 && !slice_equals(word, "-"));
    word = next_word(&line, end);
    if (slice_equals(word, "cgroup2"))
        take_path(layout->unified, mount_point);
    if (!slice_equals(word, "cgroup"))
        return;
    (void)next_word(&line, end); /* source */
    options = next_word(&line, end);
    layout->has_v1 = true;
    for (int i = 0; i < CGROUP_CONTROLLER_COUNT; i++)
        if (has_option(options, cgroup_controller_name((enum cgroup_controller)i)))
            take_path(layout->v1[i], mount_point);
}

void cgroup_layout_parse(const char *mountinfo, struct cgroup_layout *ret_layout)
{
    *ret_layout = (struct cgroup_layout){0};
    while (*mountinfo != '\0') {
        const char *end = strchrnul(mountinfo, '\n');

        parse_line(mountinfo, end, ret_layout);
        mountinfo = *end == '\n' ? end + 1 : end;
    }
}

int cgroup_layout_load(struct cgroup_layout *ret_layout, struct mcpd_error *err)
{
    CLEANUP_FREE char *text = NULL;
    int rc = fs_read_file(AT_FDCWD, "/proc/self/mountinfo", MOUNTINFO_MAX, &text, NULL, err);

    if (rc < 0)
        return rc;
    cgroup_layout_parse(text, ret_layout);
    return 0;
}

bool cgroup_layout_find_own(const char *text, char path[CGROUP_PATH_SIZE])
{
    while (*text != '\0') {
        const char *end = strchrnul(text, '\n');
        size_t length = (size_t)(end - text);

        if (length > 3 && memcmp(text, "0::", 3) == 0 && length - 3 < CGROUP_PATH_SIZE) {
            memcpy(path, text + 3, length - 3);
            path[length - 3] = '\0';
            return true;
        }
        text = *end == '\n' ? end + 1 : end;
    }
    return false;
}
