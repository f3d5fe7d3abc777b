/*
 * template_value.c - JSON values as Go sees and prints its own: [a b], map[k:v], <no value>.
 */
#include "cli/template_tree.h"

#include "base/clock.h"
#include "base/str.h"
#include "cli/out.h"

#include <ctype.h>
#include <string.h>

/* ------------------------------------------------------------------ members */

/* Objects whose keys are data: a missing one is no mistake in the template. */
static bool is_map(const char *name)
{
    static const char *const maps[] = {"Labels",       "Annotations", "Ports",   "PortBindings",
                                       "Networks",     "Volumes",     "Tmpfs",   "Options",
                                       "ExposedPorts", "Data",        "Sysctls", "LogOpts"};

    for (size_t i = 0; i < ARRAY_SIZE(maps); i++)
        if (strcasecmp(name, maps[i]) == 0)
            return true;
    return false;
}

/* Neither is it in an object that has lost its name on the way to the dot or a variable, when its
 * keys are not the names of Go's fields. */
static bool looks_like_map(json_t *object)
{
    const char *key;
    json_t *member;

    json_object_foreach(object, key, member) {
        if (!isupper((unsigned char)*key))
            return true;
    }
    return json_object_size(object) == 0;
}

/* Borrowed; exact name first, then in any case. */
static json_t *find_member(json_t *object, const char *name)
{
    json_t *value = json_object_get(object, name);
    const char *key;
    json_t *member;

    if (value)
        return value;
    json_object_foreach(object, key, member) {
        if (strcasecmp(key, name) == 0)
            return member;
    }
    return NULL;
}

static bool is_time_name(const char *name)
{
    static const char *const names[] = {"Created",    "StartedAt",      "FinishedAt",
                                        "RestoredAt", "CheckpointedAt", "CreatedAt"};

    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        if (strcasecmp(name, names[i]) == 0)
            return true;
    return false;
}

/* Go prints its times otherwise than JSON does: "2026-11-23 16:32:08.785489631 +0000 UTC". */
static json_t *as_go_time(json_t *value)
{
    const char *text = json_string_value(value);
    int64_t unix_ns;
    char go_text[CLOCK_GO_SIZE];

    if (!text || clock_parse_rfc3339(text, &unix_ns) < 0)
        return json_incref(value);
    clock_format_go(unix_ns, go_text);
    return json_string(go_text);
}

json_t *template_value_absent(void)
{
    static json_t absent = {.type = JSON_NULL, .refcount = SIZE_MAX}; /* as jansson's own null */

    return &absent;
}

/* When the object has no such member. New reference, NULL: it is a mistake in the template. */
static json_t *missing_member(json_t *object, const char *owner, const char *name)
{
    if (json_is_null(object) || is_map(owner))
        return template_value_absent();
    if (json_is_object(object) && is_map(name))
        return json_object(); /* left out when empty */
    return json_is_object(object) && looks_like_map(object) ? template_value_absent() : NULL;
}

int template_value_member(const struct template_document *document, json_t *object,
                          const char *owner, const char *name, bool for_json, json_t **ret_value)
{
    json_t *member = find_member(object, name);
    json_t *zero =
        !member || json_is_null(member) ? template_zero(document, object, name, for_json) : NULL;

    if (zero)
        *ret_value = zero;
    else if (member)
        *ret_value = !for_json && is_time_name(name) ? as_go_time(member) : json_incref(member);
    else if (!(*ret_value = missing_member(object, owner, name)))
        return -MCPD_E_NOT_FOUND;
    return *ret_value ? 0 : -MCPD_E_NO_MEMORY;
}

static int compare_keys(const void *left, const void *right)
{
    const char *const *a = left;
    const char *const *b = right;

    return strcmp(*a, *b);
}

const char **template_value_keys(json_t *object)
{
    const char **keys = calloc(json_object_size(object) + 1, sizeof(const char *));
    const char *key;
    json_t *member;
    size_t count = 0;

    if (!keys)
        return NULL;
    json_object_foreach(object, key, member)
        keys[count++] = key;
    qsort(keys, count, sizeof(const char *), compare_keys);
    return keys;
}

/* ------------------------------------------------------------------ printing and asking */

static void append_map(const json_t *value, struct buf *text)
{
    json_t *object = json_deep_copy(value); /* looking at the keys takes one that may be changed */
    CLEANUP_FREE const char **keys = object ? template_value_keys(object) : NULL;

    (void)buf_append_text(text, "map[");
    for (size_t i = 0; keys && keys[i]; i++) {
        (void)buf_append_format(text, "%s%s:", i > 0 ? " " : "", keys[i]);
        template_value_append(json_object_get(object, keys[i]), text);
    }
    (void)buf_append_text(text, "]");
    json_decref(object);
}

static void append_list(const json_t *array, struct buf *text)
{
    size_t index;
    json_t *element;

    (void)buf_append_text(text, "[");
    json_array_foreach(array, index, element) {
        if (index > 0)
            (void)buf_append_text(text, " ");
        template_value_append(element, text);
    }
    (void)buf_append_text(text, "]");
}

void template_value_append(const json_t *value, struct buf *text)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        append_map(value, text);
        break;
    case JSON_ARRAY:
        append_list(value, text);
        break;
    case JSON_STRING:
        (void)buf_append(text, json_string_value(value), json_string_length(value));
        break;
    case JSON_INTEGER:
        (void)buf_append_format(text, "%lld", (long long)json_integer_value(value));
        break;
    case JSON_REAL:
        (void)buf_append_format(text, "%.15g", json_real_value(value));
        break;
    case JSON_TRUE:
        (void)buf_append_text(text, "true");
        break;
    case JSON_FALSE:
        (void)buf_append_text(text, "false");
        break;
    case JSON_NULL:
        (void)buf_append_text(text, value == template_value_absent() ? "<no value>" : "<nil>");
        break;
    }
}

bool template_value_is_true(const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return json_object_size(value) > 0;
    case JSON_ARRAY:
        return json_array_size(value) > 0;
    case JSON_STRING:
        return json_string_length(value) > 0;
    case JSON_INTEGER:
        return json_integer_value(value) != 0;
    case JSON_REAL:
        return json_real_value(value) != 0;
    case JSON_TRUE:
        return true;
    case JSON_FALSE:
    case JSON_NULL:
        break;
    }
    return false;
}

char *template_value_text(const json_t *value)
{
    CLEANUP_BUF struct buf text;

    buf_init(&text, OUT_MAX_BYTES);
    template_value_append(value, &text);
    if (text.failure != 0)
        return NULL;
    return text.length > 0 ? buf_take(&text) : strdup("");
}

json_t *template_value_of_buf(const struct buf *text)
{
    return text->failure == 0 ? json_stringn_nocheck(buf_text(text), text->length) : NULL;
}
