/*
 * template.h - the part of Go's templates that --format is used for, over a JSON document.
 *
 *   text with \t and \n, {{.Field.Sub}} and {{.}}, {{json .X}}, {{index .Map "key"}}, {{join .List
 * ","}},
 *   {{len .X}}, {{upper .X}}, {{lower .X}}, {{.Label "key"}}, pipes ({{.X | json}}), {{- and -}};
 *   "table " in front asks for aligned columns under a heading.
 *
 * Control flow ({{range}}, {{if}}, variables) is refused by name. Fields are found by their JSON
 * name, also in other case (.ID finds Id), as podman's own fields differ from their JSON names.
 */
#ifndef CLI_TEMPLATE_H
#define CLI_TEMPLATE_H

#include "base/buf.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct template_part;

struct template
{
    struct template_part *parts; /* owned */
    size_t count;
    bool is_table;
};

/* Column headings that are not simply the field's name in capitals. Arrays end with field == NULL.
 */
struct template_heading {
    const char *field;
    const char *heading;
};

int template_parse(const char *text, struct template *ret_template,
                   struct mcpd_error *err) MUST_CHECK;
void template_done(struct template *template);

/* Appends the document's text without an end of line. INVALID: no such field. */
int template_render(const struct template *template, json_t *document, struct buf *text,
                    struct mcpd_error *err) MUST_CHECK;
/* The line above a table. */
void template_render_headings(const struct template *template,
                              const struct template_heading *headings, struct buf *text);

/* All of --format: every document of the array on a line of its own (in columns for a table) on
 * stdout. */
int template_print(const char *format, json_t *documents, const struct template_heading *headings,
                   bool without_heading, struct mcpd_error *err) MUST_CHECK;

/* "json" in one of podman's spellings. */
bool template_is_json(const char *format);

#endif
