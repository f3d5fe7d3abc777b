/*
 * platform.c - platforms in Go's names, and which of them a machine can run.
 * Source: OCI image-spec image-index.md (platform, variants); containerd's platform database.
 */
#include "oci/platform.h"

#include "base/str.h"

#include <stdbool.h>
#include <string.h>
#include <sys/utsname.h>

/* What other tools and uname(2) call an architecture. */
static const struct {
    const char *name;
    const char *architecture;
    const char *variant; /* NULL: as given */
} aliases[] = {
    {"x86_64", "amd64", NULL},  {"x86-64", "amd64", NULL},
    {"aarch64", "arm64", NULL}, {"armhf", "arm", "v7"},
    {"armel", "arm", "v6"},     {"armv8l", "arm", "v8"},
    {"armv7l", "arm", "v7"},    {"armv7", "arm", "v7"},
    {"armv6l", "arm", "v6"},    {"armv5tel", "arm", "v5"},
    {"armv5tejl", "arm", "v5"}, {"i386", "386", NULL},
    {"i486", "386", NULL},      {"i586", "386", NULL},
    {"i686", "386", NULL},      {"loongarch64", "loong64", NULL},
};

static void set_part(char part[PLATFORM_PART_SIZE], const char *text)
{
    (void)snprintf(part, PLATFORM_PART_SIZE, "%s", text);
}

void platform_normalise(struct platform *platform)
{
    for (size_t i = 0; i < ARRAY_SIZE(aliases); i++) {
        if (!str_equal(platform->architecture, aliases[i].name))
            continue;
        set_part(platform->architecture, aliases[i].architecture);
        if (aliases[i].variant && !platform->variant[0])
            set_part(platform->variant, aliases[i].variant);
        break;
    }
    if (str_equal(platform->architecture, "arm") && !platform->variant[0])
        set_part(platform->variant, "v7");
    if (str_equal(platform->architecture, "arm") && platform->variant[0] >= '5' &&
        platform->variant[0] <= '8' && !platform->variant[1]) {
        char number = platform->variant[0];

        (void)snprintf(platform->variant, sizeof(platform->variant), "v%c", number);
    }
    if (str_equal(platform->architecture, "arm64") &&
        (str_equal(platform->variant, "v8") || str_equal(platform->variant, "8")))
        platform->variant[0] = '\0';
    if (str_equal(platform->architecture, "amd64") && str_equal(platform->variant, "v1"))
        platform->variant[0] = '\0';
}

static bool is_part(const char *text)
{
    size_t length = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                 "0123456789_.-");

    return length > 0 && text[length] == '\0' && length < PLATFORM_PART_SIZE;
}

static void set_lower(char part[PLATFORM_PART_SIZE], const char *text)
{
    set_part(part, text);
    for (char *c = part; *c; c++)
        if (*c >= 'A' && *c <= 'Z')
            *c = (char)(*c - 'A' + 'a');
}

int platform_parse(const char *text, struct platform *ret_platform, struct mcpd_error *err)
{
    CLEANUP_STRV char **parts = strv_split(text, '/');
    struct platform platform = {0};
    size_t count = strv_length(parts);

    if (!parts)
        return error_no_memory(err, "platform");
    for (size_t i = 0; i < count; i++)
        if (!is_part(parts[i]))
            count = 0;
    if (count != 2 && count != 3)
        return error_set(err, MCPD_E_INVALID,
                         "invalid platform syntax for \"%s\" (use OS/ARCH[/VARIANT])", text);
    set_lower(platform.os, parts[0]);
    set_lower(platform.architecture, parts[1]);
    if (count == 3)
        set_lower(platform.variant, parts[2]);
    platform_normalise(&platform);
    *ret_platform = platform;
    return 0;
}

void platform_of_uname(const char *machine, unsigned int word_bits, struct platform *ret_platform)
{
    struct platform platform = {.os = "linux"};

    set_part(platform.architecture, machine);
    platform_normalise(&platform);
    if (str_equal(machine, "mips64") && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__)
        set_part(platform.architecture, "mips64le");
    /* A 32-bit system below a 64-bit kernel: its users expect images like itself. */
    if (word_bits == 32 && str_equal(platform.architecture, "amd64"))
        set_part(platform.architecture, "386");
    if (word_bits == 32 && str_equal(platform.architecture, "arm64")) {
        set_part(platform.architecture, "arm");
        set_part(platform.variant, "v8");
    }
    *ret_platform = platform;
}

void platform_of_machine(struct platform *ret_platform)
{
    struct utsname names = {0};

    (void)uname(&names);
    platform_of_uname(names.machine, (unsigned int)(8 * sizeof(void *)), ret_platform);
}

void platform_format(const struct platform *platform, char *buffer, size_t size)
{
    (void)snprintf(buffer, size, "%s/%s%s%s", platform->os, platform->architecture,
                   platform->variant[0] ? "/" : "", platform->variant);
}

/* "v7" -> 7; 0 when it is nothing of the kind. */
static int variant_number(const char *variant)
{
    if (variant[0] != 'v' || variant[1] < '1' || variant[1] > '9' || variant[2])
        return 0;
    return variant[1] - '0';
}

static int arm_distance(const struct platform *wanted, const struct platform *offered)
{
    int most = variant_number(wanted->variant);
    int number = variant_number(offered->variant);

    if (most == 0 || number < 5 || number > most)
        return PLATFORM_NO_MATCH;
    return most - number;
}

/* Higher levels need a newer processor: nobody who did not name a level is refused them when there
 * is nothing else, but the plain one goes first. */
static int amd64_distance(const struct platform *wanted, const struct platform *offered)
{
    int most = wanted->variant[0] ? variant_number(wanted->variant) : 1;
    int number = offered->variant[0] ? variant_number(offered->variant) : 1;

    if (most == 0 || number == 0 || number > 4)
        return PLATFORM_NO_MATCH;
    if (number > most)
        return wanted->variant[0] ? PLATFORM_NO_MATCH : number;
    return most - number;
}

int platform_distance(const struct platform *wanted, const struct platform *offered)
{
    if (!str_equal(wanted->os, offered->os) ||
        !str_equal(wanted->architecture, offered->architecture))
        return PLATFORM_NO_MATCH;
    if (str_equal(wanted->variant, offered->variant))
        return 0;
    if (str_equal(wanted->architecture, "arm"))
        return arm_distance(wanted, offered);
    if (str_equal(wanted->architecture, "amd64"))
        return amd64_distance(wanted, offered);
    /* A variant that we know nothing about: the plain one serves, another one does not. */
    return offered->variant[0] == '\0' ? 1 : PLATFORM_NO_MATCH;
}
