/*
 * progress.c - what a transfer shows while it runs.
 *
 * Events come by name and blob. Lines: each of podman's messages once, in podman's order. Bars: one
 * line for each blob that is not done yet, redrawn in place ten times a second at most; what is
 * done scrolls up and stays.
 */
#include "cli/progress.h"

#include "base/clock.h"
#include "base/str.h"
#include "cli/out.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#define REDRAW_MS   100
#define BAR_MAX     40u
#define LABEL_WIDTH 12

struct progress_row {
    char *id; /* owned: the blob's digest */
    const char *verb;
    uint64_t current_bytes;
    uint64_t total_bytes;
    bool is_done;
};

int progress_init(struct progress *progress, const char *wish, bool quiet, struct mcpd_error *err)
{
    *progress = (struct progress){.style = isatty(STDERR_FILENO) ? PROGRESS_BARS : PROGRESS_LINES};
    if (quiet)
        progress->style = PROGRESS_QUIET;
    else if (wish && strcmp(wish, "json") == 0)
        progress->style = PROGRESS_JSON;
    else if (wish && strcmp(wish, "plain") == 0)
        progress->style = PROGRESS_LINES;
    else if (wish && strcmp(wish, "bars") == 0)
        progress->style = PROGRESS_BARS;
    else if (wish && strcmp(wish, "auto") != 0)
        return error_set(err, MCPD_E_INVALID,
                         "--progress: \"%s\" is none of auto, bars, plain, json", wish);
    return 0;
}

/* ------------------------------------------------------------------ podman's lines */

static void say_once(bool *said, const char *line)
{
    if (!*said)
        (void)fprintf(stderr, "%s\n", line);
    *said = true;
}

/* What a name means and what is tried for it; false for another event. */
static bool print_name(struct progress *progress, const struct mcpd_progress *event)
{
    bool is_trial = strcmp(event->operation, "resolve") == 0;

    if (!is_trial && strcmp(event->operation, "short-name") != 0)
        return false;
    if (strcmp(progress->trying, event->id) == 0)
        return true;
    (void)snprintf(progress->trying, sizeof(progress->trying), "%s", event->id);
    (void)fprintf(stderr, is_trial ? "Trying to pull %s...\n" : "%s\n", event->id);
    return true;
}

/* Returns the row of a blob, made at its first event; NULL without memory. */
static struct progress_row *find_row(struct progress *progress, const char *id, bool *ret_is_new)
{
    struct progress_row *grown;

    *ret_is_new = false;
    for (size_t i = 0; i < progress->count; i++)
        if (strcmp(progress->rows[i].id, id) == 0)
            return &progress->rows[i];
    grown = realloc(progress->rows, (progress->count + 1) * sizeof(*grown));
    if (!grown)
        return NULL;
    progress->rows = grown;
    grown[progress->count] = (struct progress_row){.id = str_format("%s", id), .verb = ""};
    if (!grown[progress->count].id)
        return NULL;
    *ret_is_new = true;
    return &grown[progress->count++];
}

static bool is_blob_event(const char *operation)
{
    return strcmp(operation, "download") == 0 || strcmp(operation, "unpack") == 0 ||
           strcmp(operation, "exists") == 0 || strcmp(operation, "upload") == 0 ||
           strcmp(operation, "save") == 0;
}

static void print_lines(struct progress *progress, const struct mcpd_progress *event)
{
    bool is_new = false;

    if (print_name(progress, event))
        return;
    /* podman says it when it reads from elsewhere, not when it saves. */
    progress->said_signatures |= strcmp(event->operation, "save") == 0;
    say_once(&progress->said_signatures, "Getting image source signatures");
    if (is_blob_event(event->operation)) {
        (void)find_row(progress, event->id, &is_new);
        if (is_new)
            (void)fprintf(stderr, "Copying blob %s\n", event->id);
    } else if (strcmp(event->operation, "config") == 0 && !progress->said_config) {
        progress->said_config = true;
        (void)fprintf(stderr, "Copying config %s\n", event->id);
    } else if (strcmp(event->operation, "manifest") == 0) {
        say_once(&progress->said_manifest, "Writing manifest to image destination");
    } else if (strcmp(event->operation, "done") == 0) {
        say_once(&progress->said_manifest, "Writing manifest to image destination");
        say_once(&progress->said_stored, "Storing signatures");
    }
}

/* ------------------------------------------------------------------ bars */

static const char *short_id(const char *id)
{
    return str_has_prefix(id, "sha256:") ? id + strlen("sha256:") : id;
}

static void append_bar(struct buf *text, const struct progress_row *row, unsigned int width)
{
    unsigned int filled =
        (unsigned int)((double)row->current_bytes / (double)row->total_bytes * (double)width);

    (void)buf_append_text(text, "[");
    for (unsigned int i = 0; i < width; i++)
        (void)buf_append_text(text, i < filled ? "=" : i == filled ? ">" : " ");
    (void)buf_append_text(text, "] ");
}

/* "48fad812f38a downloading [====>    ] 1.2 MB / 4.5 MB" in at most `width` columns. */
static void append_row(struct buf *text, const struct progress_row *row, unsigned int width)
{
    char current[32];
    char total[32];
    unsigned int fixed = LABEL_WIDTH + 1 + 12 + 3 + 24;

    str_format_bytes(row->current_bytes, current, sizeof(current));
    str_format_bytes(row->total_bytes, total, sizeof(total));
    (void)buf_append_format(text, "%-*.*s %-11s ", LABEL_WIDTH, LABEL_WIDTH, short_id(row->id),
                            row->verb);
    if (row->is_done || row->total_bytes == 0 || row->current_bytes > row->total_bytes) {
        (void)buf_append_format(text, "%s\n", row->current_bytes > 0 ? current : "");
        return;
    }
    if (width > fixed + 4)
        append_bar(text, row, width - fixed > BAR_MAX ? BAR_MAX : width - fixed);
    (void)buf_append_format(text, "%s / %s\n", current, total);
}

/* Up to the first bar and clear what is below. */
static void append_erase(struct progress *progress, struct buf *text)
{
    if (progress->drawn > 0)
        (void)buf_append_format(text, "\033[%zuA\033[J", progress->drawn);
    progress->drawn = 0;
}

/* Done rows are printed for good and forgotten as bars (verb NULL); the others stay below, as many
 * as fit. */
static void draw(struct progress *progress)
{
    unsigned int width = out_terminal_width(STDERR_FILENO);
    unsigned int height = out_terminal_height(STDERR_FILENO);
    CLEANUP_BUF struct buf text;

    buf_init(&text, OUT_MAX_BYTES);
    append_erase(progress, &text);
    for (size_t i = 0; i < progress->count; i++) {
        struct progress_row *row = &progress->rows[i];

        if (row->is_done && row->verb) {
            append_row(&text, row, width);
            row->verb = NULL;
        }
    }
    for (size_t i = 0; i < progress->count; i++) {
        if (progress->rows[i].is_done || progress->drawn + 2 > height)
            continue;
        append_row(&text, &progress->rows[i], width);
        progress->drawn++;
    }
    (void)fputs(buf_text(&text), stderr);
    progress->drawn_ms = clock_monotonic_ms();
}

static const char *verb_of(const char *operation)
{
    if (strcmp(operation, "exists") == 0)
        return "exists";
    if (strcmp(operation, "unpack") == 0)
        return "unpacking";
    if (strcmp(operation, "save") == 0)
        return "saving";
    return strcmp(operation, "upload") == 0 ? "uploading" : "downloading";
}

static void update_row(struct progress_row *row, const struct mcpd_progress *event)
{
    static const char *const last[] = {"unpack", "save", "upload"};
    bool is_last = false;

    for (size_t i = 0; i < ARRAY_SIZE(last); i++)
        is_last = is_last || strcmp(event->operation, last[i]) == 0;

    row->verb = row->is_done ? row->verb : verb_of(event->operation);
    row->current_bytes = event->current_bytes;
    row->total_bytes = event->total_bytes > 0 ? event->total_bytes : row->total_bytes;
    if (strcmp(event->operation, "exists") == 0 ||
        (is_last && event->total_bytes > 0 && event->current_bytes >= event->total_bytes)) {
        row->verb = row->is_done ? row->verb : is_last ? "done" : "exists";
        row->is_done = true;
    }
}

static void finish_rows(struct progress *progress)
{
    for (size_t i = 0; i < progress->count; i++) {
        struct progress_row *row = &progress->rows[i];

        if (!row->is_done)
            row->verb = "done";
        row->is_done = true;
    }
}

static void draw_bars(struct progress *progress, const struct mcpd_progress *event)
{
    bool is_new = false;
    bool is_end = strcmp(event->operation, "done") == 0;

    if (print_name(progress, event))
        return;
    if (is_blob_event(event->operation)) {
        struct progress_row *row = find_row(progress, event->id, &is_new);

        if (row)
            update_row(row, event);
    } else if (is_end) {
        finish_rows(progress);
    }
    if (is_new || is_end || clock_monotonic_ms() - progress->drawn_ms >= REDRAW_MS)
        draw(progress);
}

/* ------------------------------------------------------------------ all styles */

static void print_json(const struct mcpd_progress *event)
{
    CLEANUP_JSON json_t *line =
        json_pack("{s:s, s:s, s:I, s:I}", "id", event->id, "op", event->operation, "current",
                  (json_int_t)event->current_bytes, "total", (json_int_t)event->total_bytes);
    CLEANUP_FREE char *text = line ? json_dumps(line, JSON_COMPACT) : NULL;

    if (text)
        (void)fprintf(stderr, "%s\n", text);
}

static void on_event(void *context, const struct mcpd_progress *event)
{
    struct progress *progress = context;
    struct mcpd_progress filled = *event;

    filled.operation = event->operation ? event->operation : "";
    filled.id = event->id ? event->id : "";
    switch (progress->style) {
    case PROGRESS_QUIET:
        break;
    case PROGRESS_LINES:
        print_lines(progress, &filled);
        break;
    case PROGRESS_BARS:
        draw_bars(progress, &filled);
        break;
    case PROGRESS_JSON:
        print_json(&filled);
        break;
    }
}

void progress_connect(struct progress *progress, struct mcpd_registry_options *options)
{
    if (progress->style == PROGRESS_QUIET)
        return;
    options->progress = on_event;
    options->progress_context = progress;
}

void progress_done(struct progress *progress)
{
    if (progress->style == PROGRESS_BARS && progress->count > 0)
        draw(progress);
    for (size_t i = 0; i < progress->count; i++)
        free(progress->rows[i].id);
    free(progress->rows);
    progress->rows = NULL;
    progress->count = 0;
}
