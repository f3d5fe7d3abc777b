/* cmd_run.c - run and create: make a container, and for run start it and stay with it. */
#include "cli/cli.h"
#include "cli/commands/commands.h"
#include "cli/commands/run_options.h"
#include "cli/out.h"
#include "cli/progress.h"
#include "cli/streams.h"

#include "base/interrupt.h"
#include "base/str.h"

#include <stdio.h>
#include <string.h>

/* What the engine gets: the values, with the lists that were worked on in place of those given. */
static struct mcpd_create_options engine_options(const struct cli *cli, struct run_values *values,
                                                 struct progress *progress)
{
    struct mcpd_create_options options = values->create;

    options.spec.env = (const char *const *)values->environment;
    options.entrypoint = (const char *const *)values->entrypoint_words;
    options.create_command = (const char *const *)cli->argv;
    options.registry = values->registry.options;
    progress_connect(progress, &options.registry);
    return options;
}

/* Said by podman where published ports mean nothing; for the default network the engine says it. */
static void tell_about_ports(const struct mcpd_create_options *options)
{
    const char *network = options->spec.network;

    if (options->spec.ports && network &&
        (strcmp(network, "none") == 0 || strcmp(network, "host") == 0 ||
         str_has_prefix(network, "container:") || str_has_prefix(network, "ns:")))
        (void)fprintf(stderr, "Port mappings have been discarded as one of the Host, Container, "
                              "Pod, and None network modes are in use\n");
}

/* Is there a container that has to make room? */
static bool will_replace(struct mcpd_engine *engine, const struct mcpd_create_options *options)
{
    CLEANUP_FREE char *id = NULL;

    return options->replace && mcpd_container_id(engine, options->spec.name, &id, NULL) == 0;
}

static int create(struct cli *cli, struct run_values *values, char **arguments, char **ret_id,
                  struct mcpd_error *err)
{
    CLEANUP(progress_done) struct progress progress = {0};
    struct mcpd_create_options options;
    struct mcpd_engine *engine = NULL;
    struct interrupt interrupt;
    bool replaces;
    int rc = progress_init(&progress, values->progress, values->quiet, err);

    if (rc == 0)
        rc = run_options_finish(values, arguments, err);
    if (rc == 0)
        rc = cli_engine(cli, &engine, err);
    if (rc < 0)
        return rc;
    options = engine_options(cli, values, &progress);
    replaces = will_replace(engine, &options);
    rc = interrupt_begin(&interrupt, err);
    if (rc < 0)
        return rc;
    options.registry.cancel_fd = interrupt.fd;
    rc = mcpd_create(engine, &options, ret_id, err);
    interrupt_end(&interrupt);
    if (rc < 0)
        return rc;
    if (replaces)
        out_line(options.spec.name); /* podman names the one that made room */
    tell_about_ports(&options);
    return 0;
}

static int start_detached(struct cli *cli, const char *id)
{
    struct mcpd_error err = {0};

    if (mcpd_start(cli->engine, id, NULL, NULL, &err) < 0)
        return cli_fail(cli, &err);
    out_line(id);
    return 0;
}

/* Our exit status is the container's own. */
static int start_attached(struct cli *cli, const struct mcpd_streams *streams, const char *id)
{
    struct mcpd_attach_result result = {0};
    struct mcpd_error err = {0};

    (void)fflush(stdout);
    if (mcpd_start(cli->engine, id, streams, &result, &err) < 0)
        return cli_fail(cli, &err);
    return streams_exit_status(&result);
}

/* Everything that can be wrong with the request comes before the container is made. */
static int run_with(struct cli *cli, struct run_values *values, char **arguments)
{
    const struct streams_wish wish = {
        .interactive = values->create.interactive,
        .tty = values->create.tty,
        .without_signals = values->without_signals,
        .attach = values->attach,
        .detach_keys = values->detach_keys,
    };
    CLEANUP(streams_close) struct streams streams = STREAMS_NONE;
    struct mcpd_error err = {0};
    CLEANUP_FREE char *id = NULL;

    if (!values->detach && streams_open(cli, &wish, &streams, &err) < 0)
        return cli_fail(cli, &err);
    if (create(cli, values, arguments, &id, &err) < 0)
        return cli_fail(cli, &err);
    return values->detach ? start_detached(cli, id) : start_attached(cli, &streams.streams, id);
}

static int run(struct cli *cli, void *raw_values, char **arguments)
{
    struct run_values *values = raw_values;
    int status = run_with(cli, values, arguments);

    run_options_done(values);
    return status;
}

static int run_create(struct cli *cli, void *raw_values, char **arguments)
{
    struct run_values *values = raw_values;
    CLEANUP_FREE char *id = NULL;
    struct mcpd_error err = {0};
    int status = 0;

    if (create(cli, values, arguments, &id, &err) < 0)
        status = cli_fail(cli, &err);
    else
        out_line(id);
    run_options_done(values);
    return status;
}

const struct command cmd_run = {
    .arguments = "[options] IMAGE [COMMAND [ARG...]]",
    .summary = "Run a command in a new container",
    .details =
        "Options end at the image; what follows belongs to the container. The exit status is the "
        "command's own, or 125 when mcpd failed, 126 when the command cannot be run, 127 when it "
        "does not exist, 128+N when signal N ended it.",
    .examples = "run --rm -it docker.io/library/debian bash\n"
                "run -d --name web --network host -v /srv/www:/www:ro example.org/httpd:2.4\n"
                "run --rm --network none --memory 64m --user 1000:1000 busybox id",
    .groups = run_groups,
    .values_size = sizeof(struct run_values),
    .run = run,
    .min_arguments = 1,
    .max_arguments = ARGUMENTS_ANY,
    .completes = COMPLETES_IMAGES,
    .stops_at_argument = true,
};

const struct command cmd_create = {
    .arguments = "[options] IMAGE [COMMAND [ARG...]]",
    .summary = "Make a container without starting it",
    .details = "Prints the container's id. The options are those of run.",
    .examples = "create --name job --network none busybox sleep 60",
    .groups = create_groups,
    .values_size = sizeof(struct run_values),
    .run = run_create,
    .min_arguments = 1,
    .max_arguments = ARGUMENTS_ANY,
    .completes = COMPLETES_IMAGES,
    .stops_at_argument = true,
};
