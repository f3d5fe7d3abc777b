/* man.h - the man page mcpd.1, made from the tables. */
#ifndef CLI_MAN_H
#define CLI_MAN_H

#include "base/buf.h"

void man_text(struct buf *text);

#endif
