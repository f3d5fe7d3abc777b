/* cmd_generate.c - completion and man: the program describes itself, from its tables. */
#include "cli/cli.h"
#include "cli/commands/commands.h"
#include "cli/completion.h"
#include "cli/man.h"
#include "cli/out.h"

#define TEXT_MAX (4u << 20)

static int run_completion(struct cli *cli, void *values, char **arguments)
{
    CLEANUP_BUF struct buf text;
    struct mcpd_error err = {0};

    (void)values;
    buf_init(&text, TEXT_MAX);
    if (completion_text(arguments[0], cli->program, &text, &err) < 0)
        return cli_fail(cli, &err);
    out_text(buf_text(&text));
    return 0;
}

const struct command cmd_completion = {
    .arguments = "bash|zsh|fish",
    .summary = "Print the completion for a shell",
    .details = "For bash: source <(mcpd completion bash), or save it as "
               "/usr/share/bash-completion/completions/mcpd.",
    .run = run_completion,
    .min_arguments = 1,
    .max_arguments = 1,
    .completes = COMPLETES_WORDS,
};

static int run_man(struct cli *cli, void *values, char **arguments)
{
    CLEANUP_BUF struct buf text;
    struct mcpd_error err = {0};

    (void)values;
    (void)arguments;
    buf_init(&text, TEXT_MAX);
    man_text(&text);
    if (buf_check(&text, "man page", &err) < 0)
        return cli_fail(cli, &err);
    out_text(buf_text(&text));
    return 0;
}

const struct command cmd_man = {
    .arguments = "[options]",
    .summary = "Print the man page",
    .run = run_man,
};
