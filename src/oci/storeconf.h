/*
 * storeconf.h - the engine's own configuration file, mcpd.conf (TOML).
 *
 *     [store]
 *     additional = ["/usr/share/mcpd/store"]   # read-only stores, absolute paths, 16 at most
 *     max_size = "10G"                         # or whole bytes; 0 or nothing: no budget
 *     driver = "auto"                          # or "overlay", "copy": of new containers' roots
 *
 * Files: only $MCPD_CONF where that is set; else /etc/mcpd/mcpd.conf, and for an ordinary user then
 * $XDG_CONFIG_HOME/mcpd/mcpd.conf (or ~/.config/mcpd/mcpd.conf), whose keys replace the system's
 * one by one. A file that is not there is nothing. Keys that are not known here are passed over
 * with a debug line (MCPD_DEBUG=conf).
 */
#ifndef OCI_STORECONF_H
#define OCI_STORECONF_H

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

#define STORECONF_MAX_BYTES      (64u << 10)
#define STORECONF_MAX_ADDITIONAL 16

struct storeconf {
    char **additional;       /* absolute paths, in order; NULL: none; owned */
    uint64_t max_size_bytes; /* 0: no budget */
    char *driver;            /* "overlay" or "copy"; NULL: what works; owned */
};

/* Reads the files. INVALID: `configuration file "PATH": KEY: WHY`; DENIED and the like when one is
 * there that cannot be read. */
int storeconf_load(struct storeconf *ret_conf, struct mcpd_error *err) MUST_CHECK;
void storeconf_done(struct storeconf *conf); /* fine on a zeroed one */
#define CLEANUP_STORECONF CLEANUP(storeconf_done)

/* Adds one file's text to what is there; on failure some of its keys may have been taken. Pure;
 * fuzzed. */
int storeconf_add(struct storeconf *conf, const char *text, size_t length, const char *path,
                  struct mcpd_error *err) MUST_CHECK;

#endif
