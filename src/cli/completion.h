/* completion.h - completion scripts for bash, zsh and fish, made from the tables. */
#ifndef CLI_COMPLETION_H
#define CLI_COMPLETION_H

#include "base/buf.h"

/* program: the name to complete behind. INVALID: another shell. */
int completion_text(const char *shell, const char *program, struct buf *text,
                    struct mcpd_error *err) MUST_CHECK;

#endif
