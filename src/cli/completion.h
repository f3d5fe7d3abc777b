/* completion.h - completion scripts for bash, zsh and fish, made from the tables. */
#ifndef CLI_COMPLETION_H
#define CLI_COMPLETION_H

#include "base/buf.h"

/* INVALID: another shell. */
int completion_text(const char *shell, struct buf *text, struct mcpd_error *err) MUST_CHECK;

#endif
