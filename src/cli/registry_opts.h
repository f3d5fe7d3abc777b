/* registry_opts.h - the options about the other side, shared by pull, run, create, push and
 * manifest inspect. */
#ifndef CLI_REGISTRY_OPTS_H
#define CLI_REGISTRY_OPTS_H

#include "cli/opts.h"
#include "mcpd.h"

struct registry_values {
    struct mcpd_registry_options options; /* what the rows fill in; the rest by registry_finish */
    const char *architecture;
    const char *os;
    const char *variant;
    int retry; /* as given: 0 is none */
    const char *retry_delay;
    char *platform; /* owned: put together from the three above */
};

#define REGISTRY_ROWS       6
#define PLATFORM_ROWS       4
#define REGISTRY_TRUST_ROWS 4
#define REGISTRY_LOGIN_ROWS 3
/* --tls-verify, --authfile, --retry, --retry-delay, --creds, --cert-dir */
extern const struct opt registry_rows[REGISTRY_ROWS];
extern const struct opt
    registry_trust_rows[REGISTRY_TRUST_ROWS]; /* the first four, for run and create */
extern const struct opt
    registry_login_rows[REGISTRY_LOGIN_ROWS];         /* --tls-verify, --authfile, --cert-dir */
extern const struct opt registry_authfile_rows[1];    /* --authfile */
extern const struct opt platform_rows[PLATFORM_ROWS]; /* --platform, --arch, --os, --variant */

/* --arch and its like become options.platform, --retry the numbers. INVALID: both given, or no
 * duration. */
int registry_finish(struct registry_values *values, struct mcpd_error *err) MUST_CHECK;
void registry_done(struct registry_values *values);

#endif
