/* commands.h - every command there is; one file each, put into the tables of commands.c. */
#ifndef CLI_COMMANDS_COMMANDS_H
#define CLI_COMMANDS_COMMANDS_H

#include "cli/command.h"

extern const struct command cmd_build;
extern const struct command cmd_bundle; /* group */
extern const struct command cmd_completion;
extern const struct command cmd_container; /* group */
extern const struct command cmd_container_exists;
extern const struct command cmd_container_inspect;
extern const struct command cmd_container_prune;
extern const struct command cmd_create;
extern const struct command cmd_exec;
extern const struct command cmd_export;
extern const struct command cmd_history;
extern const struct command cmd_image; /* group */
extern const struct command cmd_image_exists;
extern const struct command cmd_image_inspect;
extern const struct command cmd_image_prune;
extern const struct command cmd_image_trim;
extern const struct command cmd_images;
extern const struct command cmd_info;
extern const struct command cmd_inspect;
extern const struct command cmd_kill;
extern const struct command cmd_load;
extern const struct command cmd_login;
extern const struct command cmd_logout;
extern const struct command cmd_logs;
extern const struct command cmd_man;
extern const struct command cmd_manifest; /* group */
extern const struct command cmd_ps;
extern const struct command cmd_pull;
extern const struct command cmd_push;
extern const struct command cmd_rm;
extern const struct command cmd_rmi;
extern const struct command cmd_run;
extern const struct command cmd_save;
extern const struct command cmd_start;
extern const struct command cmd_stop;
extern const struct command cmd_system; /* group */
extern const struct command cmd_system_df;
extern const struct command cmd_system_prune;
extern const struct command cmd_tag;
extern const struct command cmd_untag;
extern const struct command cmd_verify;
extern const struct command cmd_version;
extern const struct command cmd_wait;

#endif
