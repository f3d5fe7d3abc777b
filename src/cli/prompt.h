/*
 * prompt.h - questions at a terminal, and secrets from standard input.
 */
#ifndef CLI_PROMPT_H
#define CLI_PROMPT_H

#include "base/error.h"

#include <stdbool.h>

/* Asks on stdout, reads a line of stdin (a terminal or not) without its end. *ret_line is a secret,
 * owned by the caller. *ret_is_cut (may be NULL): the input ended before the line did. */
int prompt_line(const char *question, char **ret_line, bool *ret_is_cut,
                struct mcpd_error *err) MUST_CHECK;
/* The same without showing what is typed. INVALID: stdin is no terminal. CANCELLED: Ctrl-C. */
int prompt_secret(const char *question, char **ret_secret, struct mcpd_error *err) MUST_CHECK;
/* All of stdin without its ends of lines, as podman reads --password-stdin. */
int prompt_read_all(char **ret_secret, struct mcpd_error *err) MUST_CHECK;

#endif
