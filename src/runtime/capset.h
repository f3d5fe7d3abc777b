/* capset.h - sets of capabilities as bit masks (bit CAP_x), their names, and --cap-add/--cap-drop.
 */
#ifndef RUNTIME_CAPSET_H
#define RUNTIME_CAPSET_H

#include "base/error.h"

#include <stdint.h>

uint64_t capset_default(void); /* podman's eleven */
uint64_t capset_all(void);
/* "CAP_CHOWN", "chown"; negative when unknown. */
int capset_find(const char *name);
/* {"CAP_CHOWN", ...} sorted by name as podman lists them; owned by the caller, NULL without memory.
 */
char **capset_names(uint64_t set) MUST_CHECK;
/* Drops before adds as podman does; "ALL" on either side. */
int capset_parse(const char *const *add, const char *const *drop, uint64_t base, uint64_t *ret_set,
                 struct mcpd_error *err) MUST_CHECK;

#endif
