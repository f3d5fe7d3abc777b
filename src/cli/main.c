/*
 * main.c - the one main() of mcpd and mcpd-image.
 *
 * `internal` is for the programs themselves (the monitor, the image helper) and goes to the library
 * before anything else is touched, but for the two texts that the build makes from the tables.
 */
#include "cli/cli.h"
#include "cli/commands/commands.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>

/* Without this, the first file that we open could become somebody's stdout. */
static void open_missing_streams(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0 && errno == EBADF)
            (void)!open("/dev/null", fd == STDIN_FILENO ? O_RDONLY : O_WRONLY);
}

/* `internal man` and `internal completion bash` are the plain commands. */
static bool is_text_request(int argc, char **argv)
{
    return argc > 2 && (strcmp(argv[2], "man") == 0 || strcmp(argv[2], "completion") == 0);
}

/* Not ignored: that would look like the caller's wish. */
static void note_nothing(int number)
{
    (void)number;
}

/* A write beyond RLIMIT_FSIZE fails, and whoever wrote can say so. */
static void survive_file_limit(void)
{
    const struct sigaction action = {.sa_handler = note_nothing, .sa_flags = SA_RESTART};
    struct sigaction before;

    if (sigaction(SIGXFSZ, NULL, &before) == 0 && before.sa_handler == SIG_DFL)
        (void)sigaction(SIGXFSZ, &action, NULL);
}

int main(int argc, char **argv)
{
    struct cli cli;
    int status;

    survive_file_limit();
    if (argc > 1 && strcmp(argv[1], "internal") == 0) {
        if (!is_text_request(argc, argv))
            return mcpd_internal_main(argc, argv);
        argv[1] = argv[0];
        argc--;
        argv++;
    }
    open_missing_streams();
    (void)signal(SIGPIPE, SIG_IGN); /* a reader that left is noticed by out_finish */
    cli_init(&cli, argc, argv);
    status = cli_run(&cli);
    cli_done(&cli);
    return status;
}
