/* run_options.h - the options of run and create, and what becomes of them. */
#ifndef CLI_COMMANDS_RUN_OPTIONS_H
#define CLI_COMMANDS_RUN_OPTIONS_H

#include "cli/opts.h"
#include "cli/registry_opts.h"
#include "mcpd.h"

struct run_values {
    struct mcpd_create_options create; /* filled in place where the option needs no work */
    struct registry_values registry;
    const char *const *networks;
    const char *entrypoint;
    const char *pull;
    const char *progress;
    const char *detach_keys;
    const char *const *attach;
    bool detach;
    bool quiet;
    bool env_host;
    bool without_signals;
    /* made by run_options_finish, released by run_options_done */
    char **environment;
    char **entrypoint_words;
};

extern const struct opt_group run_groups[];
extern const struct opt_group create_groups[];

/* Checks what belongs together and completes values->create for the engine. arguments: IMAGE
 * [COMMAND...]. */
int run_options_finish(struct run_values *values, char *const *arguments,
                       struct mcpd_error *err) MUST_CHECK;
void run_options_done(struct run_values *values);

#endif
