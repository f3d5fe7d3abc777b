/* registry_opts.h - the options about the other side, shared by pull, run, create, push and
 * manifest inspect. */
#ifndef CLI_REGISTRY_OPTS_H
#define CLI_REGISTRY_OPTS_H

#include "cli/opts.h"
#include "mcpd.h"

struct registry_values {
    struct mcpd_registry_options options; /* what the rows fill in; platform by registry_finish */
    const char *architecture;
    const char *os;
    const char *variant;
    char *platform; /* owned: put together from the three above */
};

#define REGISTRY_ROWS       4
#define PLATFORM_ROWS       4
#define REGISTRY_TRUST_ROWS 2
#define REGISTRY_LOGIN_ROWS 3
extern const struct opt
    registry_rows[REGISTRY_ROWS]; /* --tls-verify, --authfile, --creds, --cert-dir */
extern const struct opt
    registry_trust_rows[REGISTRY_TRUST_ROWS]; /* the first two, for run and create */
extern const struct opt
    registry_login_rows[REGISTRY_LOGIN_ROWS];         /* --tls-verify, --authfile, --cert-dir */
extern const struct opt registry_authfile_rows[1];    /* --authfile */
extern const struct opt platform_rows[PLATFORM_ROWS]; /* --platform, --arch, --os, --variant */

/* --arch and its like become options.platform. INVALID: both given. */
int registry_finish(struct registry_values *values, struct mcpd_error *err) MUST_CHECK;
void registry_done(struct registry_values *values);

#endif
