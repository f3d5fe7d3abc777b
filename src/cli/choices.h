/* choices.h - the words that an option's value may be, for help, man page and completion. */
#ifndef CLI_CHOICES_H
#define CLI_CHOICES_H

#include "base/buf.h"
#include "cli/opts.h"

/* "a|b"; a word that ends in '=' is the beginning of one, what stands in brackets may be left out.
 * Nothing where a value is free. */
void choices_append(const struct opt *row, struct buf *text);

enum choices_path {
    CHOICES_NO_PATH,
    CHOICES_FILE,
    CHOICES_FOLDER,
};
/* Is the value a path, or does it begin with one? */
enum choices_path choices_path(const struct opt *row);

#endif
