/* internal.c - the hidden subcommands: other roles of the same program. */
#include "engine.h"

#include <string.h>

#include "base/fault.h"
#include "base/fsutil.h"
#include "base/log.h"
#include "runtime/monitor.h"

#define EXIT_USAGE 125

static void write_line(void *context, const char *text)
{
    (void)context;
    if (fs_write_all(STDOUT_FILENO, text, strlen(text), "stdout", NULL) == 0)
        (void)!fs_write_all(STDOUT_FILENO, "\n", 1, "stdout", NULL);
}

/* For the tests that kill a process at each of them. */
static int fault_points_main(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    fault_visit(write_line, NULL);
    return 0;
}

static const struct {
    char name[16];
    int (*run)(int argc, char **argv);
} roles[] = {
    {"fault-points", fault_points_main},
    {"monitor", monitor_main},
    {"image-helper", image_helper_main},
};

/* Accepts main's arguments as they are, and also with the program's name left out. */
int mcpd_internal_main(int argc, char **argv)
{
    int first = argc > 1 && strcmp(argv[1], "internal") == 0 ? 2 : 1;

    log_enable(NULL);
    if (first == 2)
        memset(argv[1], 0, strlen(argv[1])); /* no part of the title in `ps` */
    for (size_t i = 0; first < argc && i < ARRAY_SIZE(roles); i++)
        if (strcmp(argv[first], roles[i].name) == 0)
            return roles[i].run(argc - first, argv + first);
    return EXIT_USAGE;
}
