/*
 * progress.h - what a transfer shows while it runs, on stderr: bars on a terminal, podman's lines
 * elsewhere, JSON lines on request, or nothing.
 */
#ifndef CLI_PROGRESS_H
#define CLI_PROGRESS_H

#include "base/error.h"
#include "cli/opts.h"
#include "mcpd.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PROGRESS_ROW(offset)                                              \
    OPT(0, "progress", "STYLE", STRING, (offset), "How a transfer shows", \
        .accepts = "auto|bars|plain|json")

enum progress_style {
    PROGRESS_QUIET,
    PROGRESS_LINES,
    PROGRESS_BARS,
    PROGRESS_JSON,
};

struct progress_row;

struct progress {
    enum progress_style style;
    struct progress_row *rows; /* owned: the blobs seen so far */
    size_t count;
    size_t drawn; /* lines of bars on the screen */
    int64_t drawn_ms;
    char trying[512]; /* what "Trying to pull" was said about */
    bool said_signatures, said_config, said_manifest, said_stored;
};

/* wish: NULL or "auto", "plain", "json", "bars". INVALID otherwise. */
int progress_init(struct progress *progress, const char *wish, bool quiet,
                  struct mcpd_error *err) MUST_CHECK;
/* Points the options of a transfer at it. */
void progress_connect(struct progress *progress, struct mcpd_registry_options *options);
/* Leaves the cursor on a line of its own; call before printing anything else. */
void progress_done(struct progress *progress);

#endif
