/* detachkeys.h - the keys that leave a container, picked out of what is typed. */
#ifndef RUNTIME_DETACHKEYS_H
#define RUNTIME_DETACHKEYS_H

#include "mcpd_types.h"

struct detachkeys {
    const char *keys;
    size_t count;   /* 0: none */
    size_t matched; /* that were typed and are held back */
};

void detachkeys_init(const struct mcpd_streams *streams, struct detachkeys *ret_keys);

/* Copies what is to be passed on to `out`, which has room for MCPD_DETACH_KEYS_MAX bytes more than
 * `bytes` and may begin that many before it. True: the keys were pressed, and the rest is not
 * looked at. */
bool detachkeys_filter(struct detachkeys *keys, const char *bytes, size_t count, char *out,
                       size_t *ret_count);

#endif
