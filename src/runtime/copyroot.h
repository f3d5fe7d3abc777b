/*
 * copyroot.h - one tree of files out of layers, as overlay would show them, by copying.
 */
#ifndef RUNTIME_COPYROOT_H
#define RUNTIME_COPYROOT_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

struct copyroot_request {
    const int *layer_fds; /* folders in overlay's form, topmost first */
    size_t layer_count;
    int to_fd; /* an empty folder */
    bool in_userns;
};

/* Every file once, as the topmost layer has it that says something of it; whiteouts and opaque
 * folders hide what is below. Links between files of one layer stay links. The folder itself takes
 * the attributes of the topmost layer's. LIMIT: deeper than 500 folders or 4095 bytes. */
int copyroot_make(const struct copyroot_request *request, struct mcpd_error *err) MUST_CHECK;

#endif
