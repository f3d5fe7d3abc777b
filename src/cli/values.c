/* values.c - numbers, durations and times as podman's users write them. */
#include "cli/values.h"

#include "base/clock.h"
#include "base/str.h"

#include <string.h>

#define NS_PER_SECOND INT64_C(1000000000)

int value_parse_int(const char *text, int64_t *ret_value)
{
    bool is_negative = *text == '-';
    const char *digits = text + (*text == '-' || *text == '+');
    uint64_t magnitude;

    if (*digits == '\0' || digits[strspn(digits, "0123456789")] != '\0')
        return -MCPD_E_INVALID;
    if (str_to_u64(digits, INT64_MAX, &magnitude) < 0)
        return -MCPD_E_LIMIT;
    *ret_value = is_negative ? -(int64_t)magnitude : (int64_t)magnitude;
    return 0;
}

bool value_is_real(const char *text)
{
    size_t whole = strspn(text, "0123456789");
    const char *rest = text + whole;
    size_t fraction = 0;

    if (*rest == '.') {
        fraction = strspn(rest + 1, "0123456789");
        rest += 1 + fraction;
    }
    return *rest == '\0' && whole + fraction > 0;
}

/* The digits at *text as a whole number; moves *text behind them. */
static int take_whole(const char **text, int64_t *ret_value)
{
    int64_t value = 0;

    for (; **text >= '0' && **text <= '9'; ++*text)
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, **text - '0', &value))
            return -MCPD_E_LIMIT;
    *ret_value = value;
    return 0;
}

/* ".25" at *text in billionths, 0 when there is none; digits behind the ninth are dropped. */
static int64_t take_fraction(const char **text)
{
    int64_t scale = NS_PER_SECOND;
    int64_t billionths = 0;

    if (**text != '.')
        return 0;
    for (++*text; **text >= '0' && **text <= '9'; ++*text) {
        scale /= 10;
        billionths += (**text - '0') * scale;
    }
    return billionths;
}

struct duration_unit {
    const char *name;
    int64_t ns;
};

static const struct duration_unit *find_unit(const char *text)
{
    /* Longer names first: "ms" is no "m". */
    static const struct duration_unit units[] = {
        {"ns", 1},
        {"us", 1000},
        {"\xc2\xb5s", 1000},
        {"ms", 1000000},
        {"s", NS_PER_SECOND},
        {"m", 60 * NS_PER_SECOND},
        {"h", 3600 * NS_PER_SECOND},
    };

    for (size_t i = 0; i < ARRAY_SIZE(units); i++)
        if (str_has_prefix(text, units[i].name))
            return &units[i];
    return NULL;
}

/* One "1.5h" of a duration. */
static int take_duration_part(const char **text, int64_t *ret_ns)
{
    const char *start = *text;
    const struct duration_unit *unit;
    int64_t whole;
    int64_t billionths;

    if (take_whole(text, &whole) < 0)
        return -MCPD_E_LIMIT;
    billionths = take_fraction(text);
    unit = find_unit(*text);
    if (!unit || *text == start || (*text - start == 1 && *start == '.'))
        return -MCPD_E_INVALID;
    *text += strlen(unit->name);
    if (__builtin_mul_overflow(whole, unit->ns, &whole))
        return -MCPD_E_LIMIT;
    /* Every unit is a divisor or a multiple of a second, so this stays exact and in range. */
    if (unit->ns >= NS_PER_SECOND)
        billionths *= unit->ns / NS_PER_SECOND;
    else
        billionths = billionths * unit->ns / NS_PER_SECOND;
    return __builtin_add_overflow(whole, billionths, ret_ns) ? -MCPD_E_LIMIT : 0;
}

int value_parse_duration(const char *text, int64_t *ret_ns)
{
    bool is_negative = *text == '-';
    int64_t total = 0;

    text += *text == '-' || *text == '+';
    if (*text == '\0')
        return -MCPD_E_INVALID;
    if (strcmp(text, "0") != 0) {
        while (*text != '\0') {
            int64_t part = 0;
            int rc = take_duration_part(&text, &part);

            if (rc < 0)
                return rc;
            if (__builtin_add_overflow(total, part, &total))
                return -MCPD_E_LIMIT;
        }
    }
    *ret_ns = is_negative ? -total : total;
    return 0;
}

/* "1795450344", "1795450344.25" */
static int parse_unix_time(const char *text, int64_t *ret_unix_ns)
{
    int64_t seconds;

    if (text[0] == '.' || !value_is_real(text))
        return -MCPD_E_INVALID;
    if (take_whole(&text, &seconds) < 0 || __builtin_mul_overflow(seconds, NS_PER_SECOND, &seconds))
        return -MCPD_E_LIMIT;
    return __builtin_add_overflow(seconds, take_fraction(&text), ret_unix_ns) ? -MCPD_E_LIMIT : 0;
}

/* "2026-11-23", "2026-11-23T16:32", "2026-11-23T16:32:08": completed and read as UTC. */
static int parse_short_time(const char *text, int64_t *ret_unix_ns)
{
    static const char model[] = "0000-00-00T00:00:00Z";
    size_t length = strlen(text);
    char full[sizeof(model)];

    if (length != 10 && length != 16 && length != 19)
        return -MCPD_E_INVALID;
    (void)snprintf(full, sizeof(full), "%s%s", text, model + length);
    return clock_parse_rfc3339(full, ret_unix_ns);
}

int value_parse_time(const char *text, int64_t now_unix_ns, int64_t *ret_unix_ns)
{
    int64_t before = 0;

    if (clock_parse_rfc3339(text, ret_unix_ns) == 0 || parse_short_time(text, ret_unix_ns) == 0 ||
        parse_unix_time(text, ret_unix_ns) == 0)
        return 0;
    if (value_parse_duration(text, &before) < 0)
        return -MCPD_E_INVALID;
    return __builtin_sub_overflow(now_unix_ns, before, ret_unix_ns) ? -MCPD_E_LIMIT : 0;
}

/* ------------------------------------------------------------------ keys */

/* The byte that a key's name stands for. */
static bool parse_key(const char *name, size_t length, char *ret_key)
{
    static const char controls[] = "@abcdefghijklmnopqrstuvwxyz[\\]^_"; /* 0 to 31, in order */
    const char *control;

    if (length == 1 && (unsigned char)*name < 0x80) {
        *ret_key = *name;
        return true;
    }
    if (length != 6 || memcmp(name, "ctrl-", 5) != 0)
        return false;
    control = strchr(controls, name[5]);
    *ret_key = (char)(control ? control - controls : 0);
    return control != NULL;
}

int value_parse_keys(const char *text, char *keys, size_t room, size_t *ret_count,
                     const char **ret_wrong)
{
    size_t count = 0;

    while (*text != '\0' || count > 0) {
        size_t length = strcspn(text, ",");
        char key;

        if (!parse_key(text, length, &key)) {
            *ret_wrong = text;
            return -MCPD_E_INVALID;
        }
        if (count == room)
            return -MCPD_E_LIMIT;
        keys[count++] = key;
        text += length;
        if (*text++ == '\0')
            break;
    }
    *ret_count = count;
    return 0;
}
