/*
 * contents_check.c - see contents_check.h.
 *
 * The walk and the list come in the same order (contents_compare), so the two are merged: what
 * comes first on one side is missing on the other.
 */
#include "oci/layer/contents_check.h"

#include "base/str.h"
#include "oci/layer/contents_file.h"
#include "oci/layer/unpack_policy.h"

#include <fcntl.h>
#include <string.h>

#define SHOWN_SIZE 256
#define WHAT_SIZE  256

struct check {
    struct contents_reader reader;
    struct contents_entry listed; /* the next of the list */
    bool is_end;                  /* of the list */
    contents_report_function report;
    void *context;
    size_t problem_count;
};

static void report(struct check *check, const char *path, const char *what)
{
    char shown[SHOWN_SIZE];

    unpack_policy_show(*path ? path : "/", shown, sizeof(shown));
    check->problem_count++;
    check->report(check->context, shown, what);
}

static int advance(struct check *check, struct mcpd_error *err)
{
    return contents_reader_next(&check->reader, &check->listed, &check->is_end, err);
}

/* ------------------------------------------------------------------ one name on both sides */

static void PRINTF_LIKE(2, 3) append(char what[WHAT_SIZE], const char *format, ...)
{
    size_t length = strlen(what);
    va_list args;

    if (length > 0 && length + 2 < WHAT_SIZE) {
        memcpy(what + length, ", ", 3);
        length += 2;
    }
    va_start(args, format);
    (void)vsnprintf(what + length, WHAT_SIZE - length, format, args);
    va_end(args);
}

static bool has_size(const struct contents_entry *entry)
{
    return entry->type == CONTENTS_TYPE_FILE;
}

static bool is_device(const struct contents_entry *entry)
{
    return entry->type == CONTENTS_TYPE_CHAR || entry->type == CONTENTS_TYPE_BLOCK;
}

static void describe_difference(const struct contents_entry *listed,
                                const struct contents_entry *found, char what[WHAT_SIZE])
{
    what[0] = '\0';
    if (found->read_errno != 0)
        append(what, "cannot be read: %s", strerrordesc_np(found->read_errno));
    if (found->type != listed->type)
        append(what, "is of another type");
    else if (is_device(found) && found->size != listed->size)
        append(what, "is another device");
    else if (has_size(found) && found->size != listed->size)
        append(what, "has %llu bytes instead of %llu", (unsigned long long)found->size,
               (unsigned long long)listed->size);
    else if (found->content != listed->content && found->read_errno == 0)
        append(what, found->type == CONTENTS_TYPE_SYMLINK    ? "links to something else"
                     : found->type == CONTENTS_TYPE_HARDLINK ? "is a name of another file"
                                                             : "contents differ");
    if (found->mode != listed->mode)
        append(what, "mode is %04o instead of %04o", found->mode, listed->mode);
    if (found->uid != listed->uid || found->gid != listed->gid)
        append(what, "belongs to %u:%u instead of %u:%u", found->uid, found->gid, listed->uid,
               listed->gid);
    if (found->xattrs != listed->xattrs)
        append(what, "extended attributes differ");
    if (found->mtime_s != listed->mtime_s)
        append(what, "modification time differs");
}

/* ------------------------------------------------------------------ the merge */

static int visit(void *context, const struct contents_entry *found, struct mcpd_error *err)
{
    struct check *check = context;
    char what[WHAT_SIZE];
    int order = 1;

    while (!check->is_end) {
        int rc;

        order = contents_compare(&check->listed, found);
        if (order >= 0)
            break;
        report(check, check->listed.path, "is missing");
        rc = advance(check, err);
        if (rc < 0)
            return rc;
    }
    if (order != 0) {
        report(check, found->path, "does not belong to the layer");
        return 0;
    }
    describe_difference(&check->listed, found, what);
    if (what[0] != '\0')
        report(check, found->path, what);
    return advance(check, err);
}

static int run(struct check *check, int layer_fd, struct contents_total *ret_total,
               struct mcpd_error *err)
{
    int rc = advance(check, err);

    if (rc == 0)
        rc = contents_walk(layer_fd, NULL, visit, check, ret_total, err);
    while (rc == 0 && !check->is_end) {
        report(check, check->listed.path, "is missing");
        rc = advance(check, err);
    }
    return rc;
}

int contents_check(int layer_fd, int record_fd, contents_report_function report_function,
                   void *context, struct contents_total *ret_total, size_t *ret_problem_count,
                   struct mcpd_error *err)
{
    struct check check = {.report = report_function, .context = context};
    struct contents_total total = {0}, listed;
    struct mcpd_error problem = {0};
    int rc;

    contents_reader_init(&check.reader, record_fd);
    (void)posix_fadvise(record_fd, 0, 0, POSIX_FADV_DONTNEED);
    rc = run(&check, layer_fd, &total, &problem);
    listed = check.reader.total;
    contents_reader_done(&check.reader);
    if (rc == -MCPD_E_NO_MEMORY)
        return error_copy(err, &problem);
    if (rc < 0)
        report(&check, "", problem.message);
    *ret_total = listed;
    *ret_problem_count = check.problem_count;
    return 0;
}
