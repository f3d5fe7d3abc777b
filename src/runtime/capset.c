/* capset.c - sets of capabilities as bit masks. */
#include "runtime/capset.h"

#include <linux/capability.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>
#include <sys/capability.h>

#include "base/str.h"

#define BIT(capability) (UINT64_C(1) << (capability))

uint64_t capset_default(void)
{
    return BIT(CAP_CHOWN) | BIT(CAP_DAC_OVERRIDE) | BIT(CAP_FOWNER) | BIT(CAP_FSETID) |
           BIT(CAP_KILL) | BIT(CAP_NET_BIND_SERVICE) | BIT(CAP_SETFCAP) | BIT(CAP_SETGID) |
           BIT(CAP_SETPCAP) | BIT(CAP_SETUID) | BIT(CAP_SYS_CHROOT);
}

uint64_t capset_all(void)
{
    return BIT(CAP_LAST_CAP + 1) - 1;
}

int capset_find(const char *name)
{
    char full[32];
    cap_value_t value;

    (void)snprintf(full, sizeof(full), "cap_%s",
                   strncasecmp(name, "CAP_", 4) == 0 ? name + 4 : name);
    if (cap_from_name(full, &value) < 0 || value < 0 || value > CAP_LAST_CAP)
        return -MCPD_E_NOT_FOUND;
    return value;
}

/* "CAP_CHOWN", owned by the caller. */
static char *upper_name(cap_value_t value)
{
    char *from_library = cap_to_name(value);
    char *name = from_library ? strdup(from_library) : NULL;

    for (char *c = name; c && *c != '\0'; c++)
        if (*c >= 'a' && *c <= 'z')
            *c = (char)(*c - 'a' + 'A');
    (void)cap_free(from_library);
    return name;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

char **capset_names(uint64_t set)
{
    CLEANUP_STRV char **names = calloc(1, sizeof(*names));

    if (!names)
        return NULL;
    for (cap_value_t value = 0; value <= CAP_LAST_CAP; value++)
        if ((set & BIT(value)) && strv_append_take(&names, upper_name(value)) < 0)
            return NULL;
    qsort(names, strv_length(names), sizeof(*names), compare_names);
    return TAKE_PTR(names);
}

/* podman shows the name as it would be in full. */
static int refuse_name(const char *text, struct mcpd_error *err)
{
    bool is_full = strncasecmp(text, "CAP_", 4) == 0;
    CLEANUP_FREE char *name = str_format("%s%s", is_full ? "" : "CAP_", text);

    for (char *c = name; c && *c != '\0'; c++)
        *c = (char)(*c >= 'a' && *c <= 'z' ? *c - 'a' + 'A' : *c);
    return error_set(err, MCPD_E_INVALID, "\"%s\": unknown capability", name ? name : text);
}

static int parse_list(const char *const *list, uint64_t *ret_set, bool *ret_is_all,
                      struct mcpd_error *err)
{
    *ret_set = 0;
    *ret_is_all = false;
    for (size_t i = 0; list && list[i]; i++) {
        int value;

        if (strcasecmp(list[i], "all") == 0) {
            *ret_is_all = true;
            continue;
        }
        value = capset_find(list[i]);
        if (value < 0)
            return refuse_name(list[i], err);
        *ret_set |= BIT(value);
    }
    return 0;
}

int capset_parse(const char *const *add, const char *const *drop, uint64_t base, uint64_t *ret_set,
                 struct mcpd_error *err)
{
    uint64_t added;
    uint64_t dropped;
    bool is_all_added;
    bool is_all_dropped;
    int rc = parse_list(add, &added, &is_all_added, err);

    if (rc == 0)
        rc = parse_list(drop, &dropped, &is_all_dropped, err);
    if (rc < 0)
        return rc;
    if (is_all_added && is_all_dropped)
        return error_set(err, MCPD_E_INVALID, "adding all caps and removing all caps not allowed");
    if (added & dropped)
        return error_set(err, MCPD_E_INVALID, "capability cannot be dropped and added");
    if (is_all_dropped)
        base = 0;
    else if (is_all_added)
        base = capset_all();
    *ret_set = (base & ~dropped) | added;
    return 0;
}
