/* out.h - results on stdout: aligned columns, JSON and YAML, and the check that it all arrived. */
#ifndef CLI_OUT_H
#define CLI_OUT_H

#include "base/buf.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* podman's indents: ps and info 2, images and manifests 4, inspect 5. */
#define OUT_INDENT_PS      2
#define OUT_INDENT_IMAGES  4
#define OUT_INDENT_INSPECT 5

/* Largest text that one command puts together before printing it. */
#define OUT_MAX_BYTES (64u << 20)

void out_text(const char *text);
void out_line(const char *text);
/* Pretty-printed with its end of line; indent 0: compact. What must not reach a terminal is
 * escaped.
 */
void out_json(const json_t *json, size_t indent);
/* The same as text, owned by the caller, without the end of line; NULL without memory. */
char *out_json_text(const json_t *json, size_t indent);
/* The same document as YAML (keys sorted, as podman's info prints them). */
void out_yaml(json_t *json, struct buf *yaml);

/* Lines of cells separated by tabs become columns at least 12 wide and 2 apart, as podman's tables.
 */
void out_align(const char *lines, struct buf *aligned);
void out_columns(const char *lines);
/* A cell must not break the table or steer the terminal (base/utf8.h): blanks instead. */
void out_append_cell(struct buf *line, const char *text);

/* Columns of the terminal behind a descriptor, 0 when it is none. */
unsigned int out_terminal_width(int fd);
unsigned int out_terminal_height(int fd);

/* Has writing to this stream failed? The first reason is kept for out_finish; so it is to be asked
 * right behind a write that was not made here. */
bool out_has_failed(FILE *file);

/* Flushes stdout. Unchanged status when all arrived; quietly 141 when the reader has gone, as if
 * SIGPIPE had ended us; 125 with a message when it could not be written (a full disk). */
int out_finish(int status);

#endif
