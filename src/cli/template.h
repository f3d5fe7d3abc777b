/*
 * template.h - Go's templates over a JSON document, as --format uses them.
 *
 *   text with \t and \n, {{.Field.Sub}}, {{.}}, $, {{$x := .Field}}, pipes, parentheses, comments,
 *   {{if}} {{else if}} {{else}} {{with}} {{range}} {{end}}, {{- and -}};
 *   and or not eq ne lt le gt ge index len slice print printf println json join split upper lower
 *   title truncate pad, and {{.Label "key"}}; "table " in front asks for aligned columns under a
 *   heading.
 *
 * What Go has and this has not ({{define}}, {{template}}, {{block}}, {{break}}, other functions) is
 * refused by name. Fields are found by their JSON name, also in other case (.ID finds Id), as
 * podman's own fields differ from their JSON names. Source: Go's package text/template.
 */
#ifndef CLI_TEMPLATE_H
#define CLI_TEMPLATE_H

#include "base/buf.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct template_node;

struct template
{
    struct template_node *nodes; /* owned array */
    size_t count;
    bool is_table;
    const char *name; /* borrowed: the command, for messages and template_zero.c */
};

/* Column headings that are not simply the field's name in capitals. Arrays end with field == NULL.
 */
struct template_heading {
    const char *field;
    const char *heading;
};

int template_parse(const char *name, const char *text, struct template *ret_template,
                   struct mcpd_error *err) MUST_CHECK;
void template_done(struct template *template); /* fine on a zeroed one, and twice */

/* Appends the document's text without an end of line. cleans: nothing in a value may steer a
 * terminal (a table's cells never do). INVALID: no such field and the like. */
int template_render(const struct template *template, json_t *document, bool cleans,
                    struct buf *text, struct mcpd_error *err) MUST_CHECK;
/* The line above a table. */
void template_render_headings(const struct template *template,
                              const struct template_heading *headings, struct buf *text);

/* All of --format: every document of the array on a line of its own (in columns for a table) on
 * stdout. */
int template_print(const char *name, const char *format, json_t *documents,
                   const struct template_heading *headings, bool without_heading,
                   struct mcpd_error *err) MUST_CHECK;

/* "json" in one of podman's spellings. */
bool template_is_json(const char *format);

#endif
