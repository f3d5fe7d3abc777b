/* streams.c - our stdin, stdout and stderr as the streams of a container. */
#include "cli/streams.h"

#include "base/str.h"
#include "cli/values.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

static int check_names(const char *const *names, struct mcpd_error *err)
{
    static const char *const known[] = {"stdin", "stdout", "stderr"};

    for (; names && *names; names++) {
        size_t i = 0;

        while (i < ARRAY_SIZE(known) && strcasecmp(known[i], *names) != 0)
            i++;
        if (i == ARRAY_SIZE(known))
            return error_set(
                err, MCPD_E_INVALID,
                "invalid stream \"%s\" for --attach - must be one of stdin, stdout, or "
                "stderr: invalid argument",
                *names);
    }
    return 0;
}

static bool is_attached(const char *const *names, const char *stream)
{
    if (!names)
        return true;
    for (; *names; names++)
        if (strcasecmp(*names, stream) == 0)
            return true;
    return false;
}

static int take_keys(const char *text, struct streams *streams, struct mcpd_error *err)
{
    const char *wrong = "";
    int rc;

    if (!text)
        return 0;
    rc = value_parse_keys(text, streams->detach_keys, sizeof(streams->detach_keys),
                          &streams->streams.detach_key_count, &wrong);
    streams->streams.detach_keys = streams->detach_keys;
    if (rc == -MCPD_E_LIMIT)
        return error_set(err, MCPD_E_INVALID, "invalid detach keys: more than %d",
                         MCPD_DETACH_KEYS_MAX);
    return rc < 0 ? error_set(err, MCPD_E_INVALID, "invalid detach keys: Unknown character: '%.*s'",
                              (int)strcspn(wrong, ","), wrong)
                  : 0;
}

int streams_open(const struct cli *cli, const struct streams_wish *wish,
                 struct streams *ret_streams, struct mcpd_error *err)
{
    int null_fd = -1;
    int rc = check_names(wish->attach, err);

    if (rc < 0)
        return rc;
    if (wish->attach) {
        null_fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
        if (null_fd < 0)
            return error_errno(err, "open /dev/null");
    }
    if (wish->tty && wish->interactive && !isatty(STDIN_FILENO))
        cli_warn(cli, "The input device is not a TTY. The --tty and --interactive flags might not "
                      "work properly");
    (void)fflush(stdout); /* what we print comes before what the container prints */
    ret_streams->null_fd = null_fd;
    ret_streams->streams = (struct mcpd_streams){
        .input_fd = wish->interactive && is_attached(wish->attach, "stdin") ? STDIN_FILENO : -1,
        .output_fd = is_attached(wish->attach, "stdout") ? STDOUT_FILENO : null_fd,
        .error_fd = is_attached(wish->attach, "stderr") ? STDERR_FILENO : null_fd,
        .forward_signals = !wish->without_signals,
    };
    return take_keys(wish->detach_keys, ret_streams, err);
}

void streams_close(struct streams *streams)
{
    cleanup_close_fd(&streams->null_fd);
    streams->null_fd = -1;
}

int streams_exit_status(const struct mcpd_attach_result *result)
{
    switch (result->end) {
    case MCPD_ATTACH_EXITED:
        return result->exit_code;
    case MCPD_ATTACH_DETACHED:
        return EXITCODE_OK;
    case MCPD_ATTACH_READER_GONE:
        return EXITCODE_NO_READER;
    }
    return EXITCODE_ENGINE;
}
