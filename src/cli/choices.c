/* choices.c - the words that an option's value may be: those of its row, filter keys, signals. */
#include "cli/choices.h"

#include "base/str.h"
#include "cli/filter.h"

#include <string.h>

#define LAST_CLASSIC_SIGNAL 31

static void append_word(struct buf *text, const char *word, const char *end)
{
    (void)buf_append_format(text, "%s%s%s", text->length > 0 ? "|" : "", word, end);
}

static void append_signals(struct buf *text)
{
    for (int i = 1; i <= LAST_CLASSIC_SIGNAL; i++)
        if (sigabbrev_np(i))
            append_word(text, sigabbrev_np(i), "");
}

static void append_keys(struct buf *text, const char *(*key)(size_t index))
{
    for (size_t i = 0; key(i); i++)
        append_word(text, key(i), "=");
}

void choices_append(const struct opt *row, struct buf *text)
{
    if (row->support != OPT_WORKS)
        return;
    switch ((enum opt_takes)row->takes) {
    case OPT_TAKES_USUAL:
        (void)buf_append_text(text, row->accepts);
        break;
    case OPT_TAKES_SIGNAL:
        append_signals(text);
        break;
    case OPT_TAKES_CONTAINER_FILTER:
        append_keys(text, filter_container_key);
        break;
    case OPT_TAKES_IMAGE_FILTER:
        append_keys(text, filter_image_key);
        break;
    }
}

enum choices_path choices_path(const struct opt *row)
{
    if (str_has_prefix(row->value, "DIR"))
        return CHOICES_FOLDER;
    if (str_has_prefix(row->value, "DEVICE") || strcmp(row->value, "FILE") == 0)
        return CHOICES_FILE;
    return CHOICES_NO_PATH;
}
