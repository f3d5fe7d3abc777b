/* opts.c - the parser of command lines: podman's grammar and podman's error texts, driven by the
 * tables. */
#include "cli/opts.h"

#include "base/str.h"
#include "cli/values.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

struct parser {
    const struct opts_request *request;
    struct opts_result *result;
    size_t next; /* word to read */
    struct mcpd_error *err;
};

bool opt_is_flag(const struct opt *row)
{
    return row->kind == OPT_KIND_FLAG || row->kind == OPT_KIND_OFF_FLAG;
}

bool opt_is_list(const struct opt *row)
{
    return row->kind == OPT_KIND_LIST || row->kind == OPT_KIND_WORDS;
}

/* ------------------------------------------------------------------ storing a value */

static int refuse_value(const struct opt *row, const char *text, const char *why,
                        struct mcpd_error *err)
{
    char label[8] = "";

    if (row->letter != 0)
        (void)snprintf(label, sizeof(label), "-%c, ", row->letter);
    return error_set(err, MCPD_E_INVALID, "invalid argument \"%s\" for \"%s--%s\" flag: %s", text,
                     label, row->name, why);
}

static int refuse_number(const struct opt *row, const char *text, const char *function, int rc,
                         struct mcpd_error *err)
{
    CLEANUP_FREE char *why =
        str_format("strconv.%s: parsing \"%s\": %s", function, text,
                   rc == -MCPD_E_LIMIT ? "value out of range" : "invalid syntax");

    return refuse_value(row, text, why ? why : "invalid syntax", err);
}

static int store_flag(const struct opt *row, void *field, const char *text, struct mcpd_error *err)
{
    bool value;
    int rc = str_to_bool(text, &value);

    if (rc < 0)
        return refuse_number(row, text, "ParseBool", rc, err);
    *(bool *)field = row->kind == OPT_KIND_OFF_FLAG ? !value : value;
    return 0;
}

static int check_number(const struct opt *row, const char *text, int *ret_value,
                        struct mcpd_error *err)
{
    bool is_count = row->kind == OPT_KIND_COUNT;
    int64_t value = 0;
    int rc = is_count && *text == '-' ? -MCPD_E_INVALID : value_parse_int(text, &value);

    if (rc == 0 && (value > INT_MAX || value < INT_MIN))
        rc = -MCPD_E_LIMIT;
    if (rc < 0)
        return refuse_number(row, text, is_count ? "ParseUint" : "ParseInt", rc, err);
    *ret_value = (int)value;
    return 0;
}

/* Members are declared as pointers of various constness, so they are read and written as bytes. */
static void store_pointer(void *field, const void *pointer)
{
    memcpy(field, &pointer, sizeof(pointer));
}

static int append_word(void *field, const char *word, struct mcpd_error *err)
{
    const char **list;
    const char **grown;
    size_t count = 0;

    memcpy(&list, field, sizeof(list));
    while (list && list[count])
        count++;
    grown = realloc(list, (count + 2) * sizeof(*grown));
    if (!grown)
        return error_no_memory(err, "options");
    grown[count] = word;
    grown[count + 1] = NULL;
    store_pointer(field, grown);
    return 0;
}

static int append_pieces(void *field, const char *text, struct opts_result *result,
                         struct mcpd_error *err)
{
    CLEANUP_STRV char **pieces = strv_split(text, ',');
    int rc = 0;

    if (!pieces)
        return error_no_memory(err, "options");
    for (size_t i = 0; pieces[i] && rc == 0; i++) {
        if (strv_append(&result->pieces, pieces[i]) < 0)
            return error_no_memory(err, "options");
        rc = append_word(field, result->pieces[strv_length(result->pieces) - 1], err);
    }
    return rc;
}

static int store(const struct opt *row, void *field, const char *text, struct opts_result *result,
                 struct mcpd_error *err)
{
    int number = 0;
    int rc = 0;

    switch ((enum opt_kind)row->kind) {
    case OPT_KIND_FLAG:
    case OPT_KIND_OFF_FLAG:
        return store_flag(row, field, text, err);
    case OPT_KIND_LIST:
        return append_word(field, text, err);
    case OPT_KIND_WORDS:
        return append_pieces(field, text, result, err);
    case OPT_KIND_INT:
    case OPT_KIND_COUNT:
        rc = check_number(row, text, &number, err);
        if (rc == 0)
            *(int *)field = number;
        return rc;
    case OPT_KIND_INT_TEXT:
        rc = check_number(row, text, &number, err);
        break;
    case OPT_KIND_REAL_TEXT:
        rc = value_is_real(text) ? 0 : refuse_number(row, text, "ParseFloat", -MCPD_E_INVALID, err);
        break;
    case OPT_KIND_STRING:
        break;
    }
    if (rc == 0)
        store_pointer(field, text);
    return rc;
}

/* ------------------------------------------------------------------ finding the row */

struct match {
    const struct opt *row;
    void *field;
};

static bool row_is(const struct opt *row, const char *name, size_t length)
{
    if (length == 0)
        return false;
    return (strlen(row->name) == length && memcmp(row->name, name, length) == 0) ||
           (strlen(row->alias) == length && memcmp(row->alias, name, length) == 0);
}

/* By name, or by letter when name is NULL. */
static bool find_in_scope(const struct opt_scope *scope, const char *name, size_t length,
                          char letter, struct match *ret_match)
{
    for (const struct opt_group *group = scope->groups; group && group->rows; group++) {
        for (size_t i = 0; i < group->count; i++) {
            const struct opt *row = &group->rows[i];

            if (name ? !row_is(row, name, length) : row->letter != letter)
                continue;
            ret_match->row = row;
            ret_match->field = (char *)scope->values + group->base + row->offset;
            return true;
        }
    }
    return false;
}

static bool find(const struct parser *parser, const char *name, size_t length, char letter,
                 struct match *ret_match)
{
    for (size_t i = 0; i < parser->request->scope_count; i++)
        if (find_in_scope(&parser->request->scopes[i], name, length, letter, ret_match))
            return true;
    return false;
}

/* ------------------------------------------------------------------ applying it */

static bool is_one_of(const char *text, const char *choices)
{
    size_t length = strlen(text);

    while (*choices != '\0') {
        size_t choice_length = strcspn(choices, "|");

        if (choice_length == length && memcmp(choices, text, length) == 0)
            return true;
        choices += choice_length;
        choices += *choices == '|';
    }
    return false;
}

/* An option for later may still be written out when it changes nothing: --privileged=false,
 * --userns=host. */
static int refuse_unless_harmless(const struct opt *row, const char *text, struct mcpd_error *err)
{
    bool value = true;

    if (is_one_of(text, row->accepts))
        return 0;
    if (opt_is_flag(row) && str_to_bool(text, &value) == 0 &&
        value == (row->kind == OPT_KIND_OFF_FLAG))
        return 0;
    return error_set(err, MCPD_E_UNSUPPORTED, "--%s is not supported%s", row->name,
                     row->support == OPT_LATER ? " yet" : "");
}

static int apply(struct parser *parser, const struct match *match, const char *text)
{
    switch ((enum opt_support)match->row->support) {
    case OPT_IGNORED:
        return 0;
    case OPT_LATER:
    case OPT_REFUSED:
        return refuse_unless_harmless(match->row, text, parser->err);
    case OPT_WORKS:
        break;
    }
    return store(match->row, match->field, text, parser->result, parser->err);
}

/* The next word as a value. */
static const char *take_word(struct parser *parser)
{
    const char *word = parser->request->words[parser->next];

    if (word)
        parser->next++;
    return word;
}

static int parse_help(struct parser *parser, const char *text)
{
    static const struct opt help_row = {.name = "help", .kind = OPT_KIND_FLAG};

    return store_flag(&help_row, &parser->result->wants_help, text, parser->err);
}

/* "--name", "--name=value", "--name value". */
static int parse_long(struct parser *parser, const char *word)
{
    const char *name = word + 2;
    size_t length = strcspn(name, "=");
    const char *value = name[length] == '=' ? name + length + 1 : NULL;
    struct match match;

    if (length == 0 || name[0] == '-')
        return error_set(parser->err, MCPD_E_INVALID, "bad flag syntax: %s", word);
    if (!find(parser, name, length, 0, &match)) {
        if (length == 4 && memcmp(name, "help", 4) == 0)
            return parse_help(parser, value ? value : "true");
        return error_set(parser->err, MCPD_E_INVALID, "unknown flag: --%.*s", (int)length, name);
    }
    if (!value)
        value = opt_is_flag(match.row) ? "true" : take_word(parser);
    if (!value)
        return error_set(parser->err, MCPD_E_INVALID, "flag needs an argument: %s", word);
    return apply(parser, &match, value);
}

/* "-it", "-eK=V", "-e K=V", "-d=false". */
static int parse_letters(struct parser *parser, const char *word)
{
    const char *at = word + 1;
    struct match match;
    int rc;

    for (; *at != '\0'; at++) {
        if (!find(parser, NULL, 0, *at, &match)) {
            if (*at == 'h')
                return parse_help(parser, "true");
            return error_set(parser->err, MCPD_E_INVALID, "unknown shorthand flag: '%c' in -%s",
                             *at, at);
        }
        if (at[1] == '=')
            return apply(parser, &match, at + 2);
        if (!opt_is_flag(match.row)) {
            const char *value = at[1] != '\0' ? at + 1 : take_word(parser);

            if (!value)
                return error_set(parser->err, MCPD_E_INVALID, "flag needs an argument: '%c' in -%s",
                                 *at, at);
            return apply(parser, &match, value);
        }
        rc = apply(parser, &match, "true");
        if (rc < 0)
            return rc;
    }
    return 0;
}

static void take_arguments(struct parser *parser, size_t from)
{
    for (size_t i = from; parser->request->words[i]; i++)
        parser->result->arguments[parser->result->argument_count++] = parser->request->words[i];
}

static int parse_words(struct parser *parser)
{
    const char *word;

    while ((word = take_word(parser))) {
        int rc = 0;

        if (strcmp(word, "--") == 0) {
            take_arguments(parser, parser->next);
            return 0;
        }
        if (word[0] != '-' || word[1] == '\0') {
            if (parser->request->stops_at_argument) {
                take_arguments(parser, parser->next - 1);
                return 0;
            }
            parser->result->arguments[parser->result->argument_count++] =
                parser->request->words[parser->next - 1];
            continue;
        }
        rc = word[1] == '-' ? parse_long(parser, word) : parse_letters(parser, word);
        if (rc < 0)
            return rc;
    }
    return 0;
}

int opts_parse(const struct opts_request *request, struct opts_result *ret_result,
               struct mcpd_error *err)
{
    struct parser parser = {.request = request, .result = ret_result, .err = err};
    size_t count = 0;

    *ret_result = (struct opts_result){0};
    while (request->words[count])
        count++;
    ret_result->arguments = calloc(count + 1, sizeof(*ret_result->arguments));
    if (!ret_result->arguments)
        return error_no_memory(err, "options");
    return parse_words(&parser);
}

void opts_result_done(struct opts_result *result)
{
    free(result->arguments);
    strv_free(result->pieces);
    *result = (struct opts_result){0};
}

/* ------------------------------------------------------------------ whole tables */

int opts_visit(const struct opt_group *groups, opts_visit_function visit, void *context)
{
    for (const struct opt_group *group = groups; group && group->rows; group++) {
        for (size_t i = 0; i < group->count; i++) {
            int rc = visit(&group->rows[i], context);

            if (rc != 0)
                return rc;
        }
    }
    return 0;
}

/* Defaults are written in the table, so a wrong one is a bug that the tests find. */
int opts_set_initial(const struct opt_scope *scope, struct mcpd_error *err)
{
    struct opts_result unused = {0};

    for (const struct opt_group *group = scope->groups; group && group->rows; group++) {
        for (size_t i = 0; i < group->count; i++) {
            const struct opt *row = &group->rows[i];
            void *field = (char *)scope->values + group->base + row->offset;
            int rc;

            if (row->support != OPT_WORKS || row->initial[0] == '\0')
                continue;
            rc = store(row, field, row->initial, &unused, err);
            if (rc < 0)
                return rc;
        }
    }
    return 0;
}

void opts_done(const struct opt_scope *scope)
{
    for (const struct opt_group *group = scope->groups; group && group->rows; group++) {
        for (size_t i = 0; i < group->count; i++) {
            const struct opt *row = &group->rows[i];
            void *field = (char *)scope->values + group->base + row->offset;
            void *list;

            if (row->support != OPT_WORKS || !opt_is_list(row))
                continue;
            memcpy(&list, field, sizeof(list));
            free(list);
            store_pointer(field, NULL);
        }
    }
}

static int count_row(const struct opt *row, void *context)
{
    (void)row;
    ++*(size_t *)context;
    return 0;
}

static int collect_row(const struct opt *row, void *context)
{
    const struct opt ***at = context;

    *(*at)++ = row;
    return 0;
}

static int compare_rows(const void *left, const void *right)
{
    const struct opt *const *a = left;
    const struct opt *const *b = right;

    return strcmp((*a)->name, (*b)->name);
}

const struct opt **opts_sorted(const struct opt_group *groups)
{
    size_t count = 0;
    const struct opt **sorted;
    const struct opt **at;

    (void)opts_visit(groups, count_row, &count);
    sorted = calloc(count + 1, sizeof(const struct opt *));
    if (!sorted)
        return NULL;
    at = sorted;
    (void)opts_visit(groups, collect_row, &at);
    qsort(sorted, count, sizeof(const struct opt *), compare_rows);
    return sorted;
}
