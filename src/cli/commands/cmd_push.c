/* cmd_push.c - push: send an image to a registry. */
#include "cli/cli.h"
#include "cli/commands/commands.h"
#include "cli/progress.h"
#include "cli/registry_opts.h"

#include "base/fsutil.h"

#include <fcntl.h>
#include <string.h>

struct push_values {
    struct registry_values registry;
    const char *digest_file;
    const char *format;
    const char *compression;
    int compression_level;
    const char *progress;
    bool quiet;
};

#define AT(member) offsetof(struct push_values, member)

static const struct opt rows[] = {
    OPT(0, "compression-format", "FORMAT", STRING, AT(compression),
        "For layers that are not so already", .accepts = "gzip|zstd"),
    OPT(0, "compression-level", "LEVEL", COUNT, AT(compression_level), "gzip 1 to 9, zstd 1 to 19"),
    OPT(0, "digestfile", "FILE", STRING, AT(digest_file),
        "Write the digest of the pushed manifest to this file"),
    OPT('f', "format", "FORMAT", STRING, AT(format),
        "Format of the manifest, as it is if not given", .accepts = "oci|v2s2"),
    PROGRESS_ROW(AT(progress)),
    OPT('q', "quiet", "", FLAG, AT(quiet), "Say nothing"),
    OPT_OTHER(OPT_IGNORED, 0, "disable-content-trust", ""),
    OPT_OTHER(OPT_IGNORED, 0, "remove-signatures", ""),
    OPT_OTHER(OPT_IGNORED, 0, "compress", ""),
    OPT_OTHER(OPT_REFUSED, 0, "sign-by", "KEY"),
};

static const struct opt_group groups[] = {
    OPT_GROUP(rows, 0),
    OPT_GROUP(registry_rows, AT(registry)),
    OPT_GROUPS_END,
};

/* Written in place, as podman does: it may be a pipe or a terminal. */
static int write_digest(const char *path, const char *digest, struct mcpd_error *err)
{
    CLEANUP_FD int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOCTTY, 0644);

    if (fd < 0)
        return error_errno(err, "create %s", path);
    return fs_write_all(fd, digest, strlen(digest), path, err);
}

static int push(struct cli *cli, struct push_values *values, char **arguments,
                struct mcpd_error *err)
{
    CLEANUP_FREE char *digest = NULL;
    struct mcpd_push_options options = {
        .format = values->format,
        .compression = values->compression,
        .compression_level = values->compression_level,
    };
    struct progress progress;
    struct mcpd_engine *engine;
    int rc = progress_init(&progress, values->progress, values->quiet, err);

    if (rc == 0)
        rc = registry_finish(&values->registry, err);
    options.registry = values->registry.options;
    progress_connect(&progress, &options.registry);
    if (rc == 0)
        rc = cli_engine(cli, &engine, err);
    if (rc == 0)
        rc = mcpd_push(engine, arguments[0], arguments[1], &options, &digest, err);
    progress_done(&progress);
    if (rc == 0 && values->digest_file)
        rc = write_digest(values->digest_file, digest, err);
    return rc;
}

static int run(struct cli *cli, void *raw_values, char **arguments)
{
    struct mcpd_error err = {0};

    return push(cli, raw_values, arguments, &err) < 0 ? cli_fail(cli, &err) : 0;
}

const struct command cmd_push = {
    .arguments = "[options] IMAGE [DESTINATION]",
    .summary = "Send an image to a registry",
    .details = "DESTINATION is the image's own name when it is not given. Nothing is printed on "
               "stdout; what the registry has already is not sent again. What was pulled is pushed "
               "as it is; "
               "layers that were made here are compressed on the way.",
    .examples = "push registry.example.org/app:1\npush localhost/app:1 registry.example.org/app:1",
    .groups = groups,
    .values_size = sizeof(struct push_values),
    .run = run,
    .min_arguments = 1,
    .max_arguments = 2,
    .completes = COMPLETES_IMAGES,
    .needs_image_code = true,
};
