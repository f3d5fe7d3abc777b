/*
 * template_parse.c - the text of a template becomes parts: literal text, or an action, which is a
 * pipe of calls.
 *
 * A call is a path (".A.B", with an optional argument) or a function with operands. Grammar: the
 * part of Go's text/template that template.h names.
 */
#include "cli/template_parts.h"

#include "base/str.h"

#include <ctype.h>
#include <string.h>

/* ------------------------------------------------------------------ parsing */

struct reader {
    const char *at;
    const char *end;
    struct mcpd_error *err;
};

static void skip_blanks(struct reader *reader)
{
    while (reader->at < reader->end && isspace((unsigned char)*reader->at))
        reader->at++;
}

static bool is_word(char c)
{
    return isalnum((unsigned char)c) || c == '_';
}

static size_t word_length(const struct reader *reader, const char *also)
{
    const char *at = reader->at;

    while (at < reader->end && *at != '\0' && (is_word(*at) || strchr(also, *at)))
        at++;
    return (size_t)(at - reader->at);
}

static int take_text(struct reader *reader, const char *start, size_t length,
                     struct operand *ret_operand)
{
    ret_operand->text = str_format("%.*s", (int)length, start);
    return ret_operand->text ? 0 : error_no_memory(reader->err, "template");
}

static int refuse_action(const struct reader *reader, const char *start, size_t length)
{
    return error_set(reader->err, MCPD_E_INVALID, "template: unexpected \"%.*s\"", (int)length,
                     start);
}

/* "text" without escapes, `text`, 12, .A.B */
static int parse_operand(struct reader *reader, struct operand *ret_operand)
{
    const char *start = reader->at;
    size_t length = 0;

    if (*start == '"' || *start == '`') {
        const char *close = memchr(start + 1, *start, (size_t)(reader->end - start - 1));

        if (!close)
            return error_set(reader->err, MCPD_E_INVALID, "template: unterminated quoted string");
        reader->at = close + 1;
        ret_operand->is_text = true;
        return take_text(reader, start + 1, (size_t)(close - start - 1), ret_operand);
    }
    length = word_length(reader, ".-");
    if (length == 0 || (*start != '.' && start[strspn(start, "0123456789")] != start[length]))
        return refuse_action(reader, start, length > 0 ? length : 1);
    reader->at += length;
    ret_operand->is_text = *start != '.';
    return take_text(reader, start + (*start == '.'), length - (*start == '.'), ret_operand);
}

static int refuse_function(const struct reader *reader, const char *name, size_t length)
{
    static const char *const keywords[] = {"range",  "if",    "else",     "end",   "with",
                                           "define", "block", "template", "break", "continue"};

    for (size_t i = 0; i < ARRAY_SIZE(keywords); i++)
        if (strlen(keywords[i]) == length && memcmp(keywords[i], name, length) == 0)
            return error_set(reader->err, MCPD_E_INVALID,
                             "template: {{%s}} is not supported; use --format json", keywords[i]);
    return error_set(reader->err, MCPD_E_INVALID, "template: function \"%.*s\" not defined",
                     (int)length, name);
}

static int parse_function(struct reader *reader, enum function *ret_function)
{
    static const char *const names[] = {"", "json", "index", "join", "len", "upper", "lower"};
    size_t length = word_length(reader, "");

    if (length == 0)
        return refuse_action(reader, reader->at, 1);
    for (size_t i = 1; i < ARRAY_SIZE(names); i++) {
        if (strlen(names[i]) == length && memcmp(names[i], reader->at, length) == 0) {
            *ret_function = (enum function)i;
            reader->at += length;
            return 0;
        }
    }
    return refuse_function(reader, reader->at, length);
}

static int parse_call(struct reader *reader, struct call *call)
{
    int rc = 0;

    skip_blanks(reader);
    if (reader->at == reader->end)
        return error_set(reader->err, MCPD_E_INVALID, "template: missing value for command");
    if (isalpha((unsigned char)*reader->at))
        rc = parse_function(reader, &call->function);
    for (skip_blanks(reader); rc == 0 && reader->at < reader->end && *reader->at != '|';
         skip_blanks(reader)) {
        if (call->operand_count == OPERANDS_MAX)
            return error_set(reader->err, MCPD_E_INVALID, "template: too many operands");
        rc = parse_operand(reader, &call->operands[call->operand_count++]);
    }
    return rc;
}

static int parse_action(struct reader *reader, struct template_part *part)
{
    do {
        int rc;

        if (part->call_count == CALLS_MAX)
            return error_set(reader->err, MCPD_E_INVALID, "template: pipe is too long");
        rc = parse_call(reader, &part->calls[part->call_count++]);
        if (rc < 0)
            return rc;
    } while (reader->at < reader->end && *reader->at++ == '|');
    return 0;
}

static int add_part(struct template *template, struct template_part **ret_part,
                    struct mcpd_error *err)
{
    struct template_part *grown =
        realloc(template->parts, (template->count + 1) * sizeof(*template->parts));

    if (!grown)
        return error_no_memory(err, "template");
    template->parts = grown;
    *ret_part = &grown[template->count++];
    **ret_part = (struct template_part){0};
    return 0;
}

/* Text between actions: \t and \n are what they say, and in a table a blank separates columns too.
 */
static int add_literal(struct template *template, const char *text, size_t length,
                       struct mcpd_error *err)
{
    struct template_part *part;
    char *out;
    int rc = length == 0 ? 0 : add_part(template, &part, err);

    if (length == 0 || rc < 0)
        return rc;
    part->literal = out = malloc(length + 1);
    if (!out)
        return error_no_memory(err, "template");
    for (size_t i = 0; i < length; i++) {
        if (text[i] == '\\' && i + 1 < length && (text[i + 1] == 't' || text[i + 1] == 'n'))
            *out++ = text[++i] == 't' ? '\t' : '\n';
        else
            *out++ = (char)(template->is_table && text[i] == ' ' ? '\t' : text[i]);
    }
    *out = '\0';
    return 0;
}

/* "{{- " eats the blanks before, " -}}" those behind. */
static size_t trimmed_length(const char *text, size_t length)
{
    while (length > 0 && isspace((unsigned char)text[length - 1]))
        length--;
    return length;
}

/* The action that starts at *text (behind its braces); moves *text behind it. */
static int add_action(struct template *template, const char **text, struct mcpd_error *err)
{
    const char *close = strstr(*text, "}}");
    struct reader reader = {.at = *text, .end = close, .err = err};
    struct template_part *part;
    bool trims = false;
    int rc;

    if (!close)
        return error_set(err, MCPD_E_INVALID, "template: unclosed action");
    trims = close - *text >= 2 && close[-1] == '-' && isspace((unsigned char)close[-2]);
    reader.end -= trims;
    if (reader.at[0] == '-' && isspace((unsigned char)reader.at[1]))
        reader.at++;
    rc = add_part(template, &part, err);
    if (rc == 0)
        rc = parse_action(&reader, part);
    *text = close + 2;
    while (trims && isspace((unsigned char)**text))
        ++*text;
    return rc;
}

static int parse_parts(struct template *template, const char *text, struct mcpd_error *err)
{
    const char *open;
    int rc;

    while ((open = strstr(text, "{{"))) {
        size_t length = (size_t)(open - text);

        if (open[2] == '-' && isspace((unsigned char)open[3]))
            length = trimmed_length(text, length);
        rc = add_literal(template, text, length, err);
        text = open + 2;
        if (rc == 0)
            rc = add_action(template, &text, err);
        if (rc < 0)
            return rc;
    }
    return add_literal(template, text, strlen(text), err);
}

int template_parse(const char *text, struct template *ret_template, struct mcpd_error *err)
{
    struct template template = {.is_table = str_has_prefix(text, "table")};
    int rc;

    if (template.is_table && text[5] != '\0' && !isspace((unsigned char)text[5]))
        template.is_table = false;
    for (text += template.is_table ? 5 : 0; template.is_table && *text == ' ';)
        text++;
    rc = parse_parts(&template, text, err);
    if (rc < 0) {
        template_done(&template);
        return rc;
    }
    *ret_template = template;
    return 0;
}

void template_done(struct template *template)
{
    for (size_t i = 0; i < template->count; i++) {
        struct template_part *part = &template->parts[i];

        free(part->literal);
        for (size_t call = 0; call < part->call_count; call++)
            for (size_t j = 0; j < part->calls[call].operand_count; j++)
                free(part->calls[call].operands[j].text);
    }
    free(template->parts);
    *template = (struct template){0};
}
