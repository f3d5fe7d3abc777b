/*
 * detachkeys.c - the keys that leave a container.
 *
 * Keys that may be the beginning are held back until the next one tells. When it was none, what was
 * held back goes on, and the next key may be a beginning itself.
 */
#include "runtime/detachkeys.h"

#include <string.h>

static const char usual_keys[] = {0x10, 0x11}; /* ctrl-p ctrl-q, as docker and podman */

void detachkeys_init(const struct mcpd_streams *streams, struct detachkeys *ret_keys)
{
    *ret_keys = (struct detachkeys){.keys = usual_keys, .count = sizeof(usual_keys)};
    if (!streams->detach_keys)
        return;
    ret_keys->keys = streams->detach_keys;
    ret_keys->count = streams->detach_key_count < MCPD_DETACH_KEYS_MAX ? streams->detach_key_count
                                                                       : MCPD_DETACH_KEYS_MAX;
}

/* One more key of the sequence. */
static bool is_next(struct detachkeys *keys, char key)
{
    if (keys->count == 0 || key != keys->keys[keys->matched])
        return false;
    keys->matched++;
    return true;
}

bool detachkeys_filter(struct detachkeys *keys, const char *bytes, size_t count, char *out,
                       size_t *ret_count)
{
    size_t kept = 0;
    bool is_pressed = false;

    for (size_t i = 0; i < count && !is_pressed; i++) {
        char key = bytes[i]; /* before the place is written over */

        if (!is_next(keys, key)) {
            memcpy(out + kept, keys->keys, keys->matched);
            kept += keys->matched;
            keys->matched = 0;
            if (!is_next(keys, key))
                out[kept++] = key;
        }
        is_pressed = keys->count > 0 && keys->matched == keys->count;
    }
    *ret_count = kept;
    return is_pressed;
}
