/*
 * image_archives.h - the calls about archives in mcpd-image (image_inprocess_archives.c), as its
 * two callers need them: the public calls, and requests of image_helper.c.
 */
#ifndef IMAGE_ARCHIVES_H
#define IMAGE_ARCHIVES_H

#include "engine.h"
#include "image_wire.h"

#define IMAGE_HELPER_FD 3 /* where image_helper.c puts the archive */

/* stream_fd: where it goes when the request names no path, or where it comes from. */
int image_archives_save(struct mcpd_engine *engine, const struct image_request *request,
                        int stream_fd, struct mcpd_error *err) MUST_CHECK;
/* After images came from an archive: they were used now, and the store is brought within its budget
 * without them. */
int image_archives_keep(const struct mcpd_engine *engine, char *const *names,
                        struct mcpd_error *err) MUST_CHECK;
int image_archives_apply(struct mcpd_engine *engine, const struct image_request *request,
                         int stream_fd, char ***ret_names, struct mcpd_error *err) MUST_CHECK;
/* *ret_text: mcpd_bundle_inspect's. */
int image_archives_inspect(struct mcpd_engine *engine, int stream_fd, char **ret_text,
                           struct mcpd_error *err) MUST_CHECK;
int image_archives_export(struct mcpd_engine *engine, const struct image_request *request,
                          int stream_fd, struct mcpd_error *err) MUST_CHECK;

#endif
