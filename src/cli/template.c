/*
 * template.c - parts of a template and a JSON document become text.
 *
 * Each call of an action gets the value of the one before it as its last operand. Values are JSON
 * values; they are printed as Go would print its own: [a b], map[k:v], <no value>.
 */
#include "cli/template.h"

#include "base/clock.h"
#include "base/str.h"
#include "cli/out.h"
#include "cli/template_parts.h"

#include <ctype.h>
#include <string.h>

/* ------------------------------------------------------------------ looking values up */

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
    char utc[CLOCK_RFC3339_SIZE];

    if (!text || clock_parse_rfc3339(text, &unix_ns) < 0)
        return json_incref(value);
    clock_format_rfc3339(unix_ns, utc);
    utc[10] = '\0'; /* date T time Z */
    utc[strlen(utc + 11) + 10] = '\0';
    return json_sprintf("%s %s +0000 UTC", utc, utc + 11);
}

/* New reference; json_null where a map or a null holds nothing. */
static int look_up(json_t *document, const char *path, bool raw, json_t **ret_value,
                   struct mcpd_error *err)
{
    CLEANUP_STRV char **names = strv_split(path, '.');
    json_t *value = document;
    const char *name = "";

    if (!names)
        return error_no_memory(err, "template");
    for (size_t i = 0; *path != '\0' && names[i]; i++) {
        json_t *member = find_member(value, names[i]);

        if (!member && !json_is_null(value) && !is_map(name))
            return error_set(err, MCPD_E_INVALID, "template: can't evaluate field %s in .%s",
                             names[i], path);
        name = names[i];
        value = member ? member : json_null();
    }
    *ret_value = !raw && is_time_name(name) ? as_go_time(value) : json_incref(value);
    return *ret_value ? 0 : error_no_memory(err, "template");
}

static int evaluate_operand(const struct operand *operand, json_t *document, bool raw,
                            json_t **ret_value, struct mcpd_error *err)
{
    if (!operand->is_text)
        return look_up(document, operand->text, raw, ret_value, err);
    *ret_value = json_string(operand->text);
    return *ret_value ? 0 : error_no_memory(err, "template");
}

/* ------------------------------------------------------------------ printing values as Go does */

static void append_value(json_t *value, struct buf *text);

static int compare_keys(const void *left, const void *right)
{
    const char *const *a = left;
    const char *const *b = right;

    return strcmp(*a, *b);
}

static void append_map(json_t *object, struct buf *text)
{
    CLEANUP_FREE const char **keys = calloc(json_object_size(object) + 1, sizeof(*keys));
    const char *key;
    json_t *member;
    size_t count = 0;

    if (!keys)
        return;
    json_object_foreach(object, key, member)
        keys[count++] = key;
    qsort(keys, count, sizeof(*keys), compare_keys);
    (void)buf_append_text(text, "map[");
    for (size_t i = 0; i < count; i++) {
        (void)buf_append_format(text, "%s%s:", i > 0 ? " " : "", keys[i]);
        append_value(json_object_get(object, keys[i]), text);
    }
    (void)buf_append_text(text, "]");
}

static void append_list(const json_t *array, const char *open, const char *separator,
                        const char *close, struct buf *text)
{
    size_t index;
    json_t *element;

    (void)buf_append_text(text, open);
    json_array_foreach(array, index, element) {
        if (index > 0)
            (void)buf_append_text(text, separator);
        append_value(element, text);
    }
    (void)buf_append_text(text, close);
}

static void append_value(json_t *value, struct buf *text)
{
    /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): there is no action without a call */
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        append_map(value, text);
        break;
    case JSON_ARRAY:
        append_list(value, "[", " ", "]", text);
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
        (void)buf_append_text(text, "<no value>");
        break;
    }
}

/* ------------------------------------------------------------------ functions */

/* The text made by `append` as a JSON string, new reference. */
static int take_string(struct buf *text, json_t **ret_value, struct mcpd_error *err)
{
    int rc = buf_check(text, "template", err);

    if (rc < 0)
        return rc;
    *ret_value = json_stringn_nocheck(buf_text(text), text->length);
    return *ret_value ? 0 : error_no_memory(err, "template");
}

static int call_json(json_t *value, json_t **ret_value, struct mcpd_error *err)
{
    CLEANUP_FREE char *dump =
        json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT | JSON_REAL_PRECISION(15));

    *ret_value = dump ? json_string_nocheck(dump) : NULL;
    return *ret_value ? 0 : error_no_memory(err, "template");
}

static int call_case(enum function function, json_t *value, json_t **ret_value,
                     struct mcpd_error *err)
{
    CLEANUP_BUF struct buf text;

    buf_init(&text, OUT_MAX_BYTES);
    append_value(value, &text);
    for (size_t i = 0; i < text.length; i++) {
        int c = (unsigned char)text.data[i];

        text.data[i] = (char)(function == FUNCTION_UPPER ? toupper(c) : tolower(c));
    }
    return take_string(&text, ret_value, err);
}

static int call_len(const json_t *value, json_t **ret_value, struct mcpd_error *err)
{
    size_t length = json_is_string(value)   ? json_string_length(value)
                    : json_is_object(value) ? json_object_size(value)
                                            : json_array_size(value);

    *ret_value = json_integer((json_int_t)length);
    return *ret_value ? 0 : error_no_memory(err, "template");
}

static int call_join(const json_t *list, const json_t *separator, json_t **ret_value,
                     struct mcpd_error *err)
{
    CLEANUP_BUF struct buf text;

    if (!json_is_string(separator))
        return error_set(err, MCPD_E_INVALID, "template: join wants a list and a separator");
    buf_init(&text, OUT_MAX_BYTES);
    append_list(list, "", json_string_value(separator), "", &text);
    return take_string(&text, ret_value, err);
}

/* index .A "key" 0 ...: one step for each key. */
static int call_index(json_t *const *operands, size_t count, json_t **ret_value,
                      struct mcpd_error *err)
{
    json_t *value = count > 0 ? operands[0] : NULL;

    for (size_t i = 1; i < count; i++) {
        const char *key = json_string_value(operands[i]);
        uint64_t position = 0;

        if (json_is_array(value) && (!key || str_to_u64(key, SIZE_MAX, &position) < 0 ||
                                     position >= json_array_size(value)))
            return error_set(err, MCPD_E_INVALID, "template: index out of range: %s",
                             key ? key : "?");
        value = json_is_array(value) ? json_array_get(value, (size_t)position)
                                     : json_object_get(value, key ? key : "");
    }
    *ret_value = value ? json_incref(value) : json_null();
    return 0;
}

static int want_operands(const struct call *call, size_t count, struct mcpd_error *err)
{
    static const size_t wanted[] = {1, 1, 2, 2, 1, 1, 1};
    size_t least = wanted[call->function];

    if (count < least || (count > least && call->function != FUNCTION_INDEX))
        return error_set(err, MCPD_E_INVALID, "template: wrong number of operands");
    return 0;
}

static int call_function(const struct call *call, json_t *const *operands, size_t count,
                         json_t **ret_value, struct mcpd_error *err)
{
    int rc = want_operands(call, count, err);

    if (rc < 0)
        return rc;
    switch (call->function) {
    case FUNCTION_NONE:
        *ret_value = json_incref(operands[0]);
        return 0;
    case FUNCTION_JSON:
        return call_json(operands[0], ret_value, err);
    case FUNCTION_INDEX:
        return call_index(operands, count, ret_value, err);
    case FUNCTION_JOIN:
        /* `.List | join ","` has the list last. */
        return call_join(operands[json_is_array(operands[1])],
                         operands[!json_is_array(operands[1])], ret_value, err);
    case FUNCTION_LEN:
        return call_len(operands[0], ret_value, err);
    case FUNCTION_UPPER:
    case FUNCTION_LOWER:
        return call_case(call->function, operands[0], ret_value, err);
    }
    return error_set(err, MCPD_E_INTERNAL, "template: no such function");
}

/* {{.Label "key"}} of ps and images reads the map .Labels. */
static int call_label(const struct call *call, json_t *document, json_t **ret_value,
                      struct mcpd_error *err)
{
    json_t *label = json_object_get(json_object_get(document, "Labels"), call->operands[1].text);

    *ret_value = label ? json_incref(label) : json_string("");
    return *ret_value ? 0 : error_no_memory(err, "template");
}

static bool is_label_call(const struct call *call)
{
    return call->function == FUNCTION_NONE && call->operand_count == 2 &&
           str_equal(call->operands[0].text, "Label") && call->operands[1].is_text;
}

/* `input` is the value of the call before, NULL for the first. */
static int evaluate_call(const struct call *call, json_t *document, json_t *input,
                         json_t **ret_value, struct mcpd_error *err)
{
    json_t *operands[OPERANDS_MAX + 1] = {0};
    size_t count = 0;
    int rc = 0;

    if (is_label_call(call))
        return call_label(call, document, ret_value, err);
    for (; count < call->operand_count && rc == 0; count += rc == 0)
        rc = evaluate_operand(&call->operands[count], document, call->function != FUNCTION_NONE,
                              &operands[count], err);
    if (rc == 0 && input)
        operands[count++] = json_incref(input);
    if (rc == 0)
        rc = call_function(call, operands, count, ret_value, err);
    for (size_t i = 0; i < count; i++)
        json_decref(operands[i]);
    return rc;
}

static int render_action(const struct template_part *part, json_t *document, struct buf *text,
                         struct mcpd_error *err)
{
    CLEANUP_JSON json_t *value = NULL;

    for (size_t i = 0; i < part->call_count; i++) {
        json_t *next = NULL;
        int rc = evaluate_call(&part->calls[i], document, value, &next, err);

        if (rc < 0)
            return rc;
        json_decref(value);
        value = next;
    }
    append_value(value, text);
    return 0;
}

/* What an image or a command line says must not break the table. */
static int render_cell(const struct template_part *part, json_t *document, struct buf *text,
                       struct mcpd_error *err)
{
    CLEANUP_BUF struct buf cell;
    int rc;

    buf_init(&cell, OUT_MAX_BYTES);
    rc = render_action(part, document, &cell, err);
    if (rc == 0)
        out_append_cell(text, buf_text(&cell));
    return rc;
}

int template_render(const struct template *template, json_t *document, struct buf *text,
                    struct mcpd_error *err)
{
    for (size_t i = 0; i < template->count; i++) {
        const struct template_part *part = &template->parts[i];
        int rc = 0;

        if (part->literal)
            (void)buf_append_text(text, part->literal);
        else if (template->is_table)
            rc = render_cell(part, document, text, err);
        else
            rc = render_action(part, document, text, err);
        if (rc < 0)
            return rc;
    }
    return buf_check(text, "output", err);
}

/* ------------------------------------------------------------------ tables and printing */

/* "RunningFor" -> "RUNNING FOR" */
static void append_heading(const char *field, const struct template_heading *headings,
                           struct buf *text)
{
    for (; headings && headings->field; headings++) {
        if (strcasecmp(headings->field, field) == 0) {
            (void)buf_append_text(text, headings->heading);
            return;
        }
    }
    for (const char *at = field; *at != '\0'; at++) {
        bool starts_word =
            at > field && isupper((unsigned char)*at) && islower((unsigned char)at[-1]);

        (void)buf_append_format(text, "%s%c", starts_word ? " " : "", toupper((unsigned char)*at));
    }
}

void template_render_headings(const struct template *template,
                              const struct template_heading *headings, struct buf *text)
{
    for (size_t i = 0; i < template->count; i++) {
        const struct template_part *part = &template->parts[i];
        const char *path = NULL;
        const char *dot;

        if (part->literal) {
            (void)buf_append_text(text, part->literal);
            continue;
        }
        for (size_t j = 0; j < part->calls[0].operand_count && !path; j++)
            path = part->calls[0].operands[j].is_text ? NULL : part->calls[0].operands[j].text;
        dot = path ? strrchr(path, '.') : NULL;
        append_heading(dot ? dot + 1 : path ? path : "", headings, text);
    }
}

static int render_all(const struct template *template, json_t *documents, struct buf *text,
                      struct mcpd_error *err)
{
    size_t index;
    json_t *document;

    json_array_foreach(documents, index, document) {
        int rc = template_render(template, document, text, err);

        if (rc < 0)
            return rc;
        if (text->length == 0 || text->data[text->length - 1] != '\n')
            (void)buf_append_text(text, "\n");
    }
    return 0;
}

int template_print(const char *format, json_t *documents, const struct template_heading *headings,
                   bool without_heading, struct mcpd_error *err)
{
    CLEANUP(template_done) struct template template = {0};
    CLEANUP_BUF struct buf text;
    int rc;

    buf_init(&text, OUT_MAX_BYTES);
    rc = template_parse(format, &template, err);
    if (rc < 0)
        return rc;
    if (template.is_table && !without_heading) {
        template_render_headings(&template, headings, &text);
        (void)buf_append_text(&text, "\n");
    }
    rc = render_all(&template, documents, &text, err);
    if (rc < 0)
        return rc;
    if (template.is_table)
        out_columns(buf_text(&text));
    else
        out_text(buf_text(&text));
    return 0;
}

bool template_is_json(const char *format)
{
    return format && (strcmp(format, "json") == 0 || strcmp(format, "{{json .}}") == 0 ||
                      strcmp(format, "{{ json . }}") == 0 || strcmp(format, "{{json . }}") == 0 ||
                      strcmp(format, "{{ json .}}") == 0);
}
