/*
 * template_parse.c - the text of a template becomes a tree.
 *
 * Theory of operation. One reader goes through the text once. parse_list() collects text and
 * actions until an {{else}} or {{end}} that belongs to its caller, so blocks are recursion, and so
 * are parentheses; both count against TEMPLATE_MAX_DEPTH. What is half built belongs to the tree
 * from the start: a failure leaves it to template_done().
 *
 * An action is a pipe of commands; a command is a function with arguments, or a single operand.
 */
#include "cli/template_tree.h"

#include "base/jsonx.h"
#include "base/str.h"
#include "base/utf8.h"

#include <ctype.h>
#include <stdarg.h>
#include <string.h>

struct reader {
    const char *name; /* of the template */
    const char *at;
    const char *end;     /* of the action being read */
    const char *next;    /* behind that action, and behind what it trims */
    const char *counted; /* `line` is the number of the line here */
    unsigned int line;
    unsigned int depth;
    bool is_table;
    char **variables; /* owned strv: those in scope */
    struct mcpd_error *err;
};

/* How a list came to its end. */
enum stop {
    STOP_AT_TEXT_END,
    STOP_AT_END,
    STOP_AT_ELSE,
};

static int parse_pipe(struct reader *reader, char closer, struct template_pipe **ret_pipe);
static int parse_list(struct reader *reader, struct template_list *list, enum stop *ret_stop);

/* ------------------------------------------------------------------ failures */

static unsigned int line_of(struct reader *reader)
{
    for (; reader->counted < reader->at; reader->counted++)
        reader->line += *reader->counted == '\n';
    return reader->line;
}

PRINTF_LIKE(2, 3) static int fail(struct reader *reader, const char *format, ...)
{
    CLEANUP_FREE char *text = NULL;
    va_list args;

    va_start(args, format);
    text = str_vformat(format, args);
    va_end(args);
    return error_set(reader->err, MCPD_E_INVALID, "template: %s:%u: %s", reader->name,
                     line_of(reader), text ? text : "out of memory");
}

static int no_memory(const struct reader *reader)
{
    return error_no_memory(reader->err, "template");
}

/* The whole character that is in the way. */
static int refuse_character(struct reader *reader)
{
    size_t length = utf8_character(reader->at, NULL);

    if (reader->at >= reader->end)
        return fail(reader, "unclosed left paren");
    return fail(reader, "unexpected \"%.*s\" in command", (int)(length > 0 ? length : 1),
                reader->at);
}

static int go_deeper(struct reader *reader)
{
    if (reader->depth == TEMPLATE_MAX_DEPTH)
        return fail(reader, "more than %d blocks or parentheses in one another",
                    TEMPLATE_MAX_DEPTH);
    reader->depth++;
    return 0;
}

/* ------------------------------------------------------------------ small pieces */

static void skip_blanks(struct reader *reader)
{
    while (reader->at < reader->end && isspace((unsigned char)*reader->at))
        reader->at++;
}

static char peek(const struct reader *reader)
{
    return (char)(reader->at < reader->end ? *reader->at : '\0');
}

static bool is_word(char c)
{
    return isalnum((unsigned char)c) || c == '_';
}

static size_t word_length(const struct reader *reader)
{
    size_t length = 0;

    while (reader->at + length < reader->end && is_word(reader->at[length]))
        length++;
    return length;
}

static bool word_is(const char *word, size_t length, const char *wanted)
{
    return strlen(wanted) == length && memcmp(word, wanted, length) == 0;
}

/* ".A.B" behind an operand; nothing is no failure. */
static int parse_fields(struct reader *reader, char ***ret_fields)
{
    while (peek(reader) == '.') {
        size_t length;
        char *field;

        reader->at++;
        length = word_length(reader);
        if (length == 0)
            return fail(reader, "unexpected <.> in operand");
        field = strndup(reader->at, length);
        if (!field || strv_append_take(ret_fields, field) < 0)
            return no_memory(reader);
        reader->at += length;
    }
    return 0;
}

/* ------------------------------------------------------------------ literals */

static int append_character(struct reader *reader, uint32_t value, size_t digits, struct buf *text)
{
    char bytes[4];
    size_t count = 0;

    if (digits < 4) { /* \x and octal are bytes */
        bytes[count++] = (char)value;
    } else if (value < 0x800) {
        bytes[count++] = (char)(value < 0x80 ? value : 0xc0 | value >> 6);
        if (value >= 0x80)
            bytes[count++] = (char)(0x80 | (value & 0x3f));
    } else {
        bytes[count++] = (char)(0xe0 | value >> 12);
        bytes[count++] = (char)(0x80 | (value >> 6 & 0x3f));
        bytes[count++] = (char)(0x80 | (value & 0x3f));
    }
    return buf_append(text, bytes, count) < 0 ? no_memory(reader) : 0;
}

/* "\x41", "\u00e9", "\101": `digits` of them at *at. */
static int parse_coded(struct reader *reader, unsigned int base, size_t digits, struct buf *text)
{
    uint32_t value = 0;

    for (size_t i = 0; i < digits; i++, reader->at++) {
        char c = (char)tolower((unsigned char)peek(reader));
        unsigned int digit = c >= 'a' ? (unsigned int)(c - 'a') + 10 : (unsigned int)(c - '0');

        if (!isxdigit((unsigned char)c) || digit >= base)
            return fail(reader, "invalid escape in a string");
        value = value * base + digit;
    }
    if (value > 255 && digits < 4)
        return fail(reader, "invalid escape in a string");
    return append_character(reader, value, digits, text);
}

/* Behind the backslash. */
static int parse_escape(struct reader *reader, struct buf *text)
{
    static const char letters[] = "abfnrtv\\\"'";
    static const char meanings[] = "\a\b\f\n\r\t\v\\\"'";
    char c = peek(reader);
    const char *letter = c != '\0' ? strchr(letters, c) : NULL;

    if (letter) {
        reader->at++;
        return buf_append(text, &meanings[letter - letters], 1) < 0 ? no_memory(reader) : 0;
    }
    if (c == 'x' || c == 'u') {
        reader->at++;
        return parse_coded(reader, 16, c == 'x' ? 2 : 4, text);
    }
    return parse_coded(reader, 8, 3, text);
}

static int take_string(struct reader *reader, const struct buf *text, json_t **ret_value)
{
    *ret_value = utf8_is_valid(buf_text(text)) && strlen(buf_text(text)) == text->length
                     ? template_value_of_buf(text)
                     : NULL;
    return *ret_value ? 0 : fail(reader, "a string that is not UTF-8");
}

/* "text" or `text` */
static int parse_string(struct reader *reader, json_t **ret_value)
{
    char quote = *reader->at++;
    CLEANUP_BUF struct buf text;
    int rc = 0;

    buf_init(&text, TEMPLATE_MAX_BYTES);
    while (rc == 0 && peek(reader) != quote) {
        char c = peek(reader);

        if (c == '\0' || (c == '\n' && quote == '"'))
            return fail(reader, quote == '"' ? "unterminated quoted string"
                                             : "unterminated raw quoted string");
        reader->at++;
        if (c == '\\' && quote == '"')
            rc = parse_escape(reader, &text);
        else
            rc = buf_append(&text, &c, 1);
    }
    reader->at++;
    return rc < 0 ? rc : take_string(reader, &text, ret_value);
}

/* 12, -3, 0.5 */
static int parse_number(struct reader *reader, json_t **ret_value)
{
    const char *start = reader->at;
    CLEANUP_FREE char *text = NULL;

    while (reader->at < reader->end && (is_word(*reader->at) || strchr("+-.", *reader->at)))
        reader->at++;
    text = strndup(start, (size_t)(reader->at - start));
    if (!text)
        return no_memory(reader);
    /* A number of JSON: no leading zero, no sign but minus. */
    *ret_value = json_loads(text, JSON_DECODE_ANY, NULL);
    if (!json_is_number(*ret_value)) {
        json_decref(*ret_value);
        *ret_value = NULL;
        return fail(reader, "bad number syntax: \"%s\"", text);
    }
    return 0;
}

/* ------------------------------------------------------------------ operands */

static int refuse_word(struct reader *reader, const char *word, size_t length)
{
    static const char *const keywords[] = {"define", "template", "block", "break", "continue"};
    static const char *const misplaced[] = {"if", "else", "end", "range", "with"};

    for (size_t i = 0; i < ARRAY_SIZE(keywords); i++)
        if (word_is(word, length, keywords[i]))
            return fail(reader, "{{%s}} is not supported; use --format json", keywords[i]);
    for (size_t i = 0; i < ARRAY_SIZE(misplaced); i++)
        if (word_is(word, length, misplaced[i]))
            return fail(reader, "unexpected <%s> in command", misplaced[i]);
    return fail(reader, "function \"%.*s\" not defined", (int)length, word);
}

static int parse_word(struct reader *reader, struct template_operand *operand)
{
    const char *word = reader->at;
    size_t length = word_length(reader);

    reader->at += length;
    operand->kind = TEMPLATE_OPERAND_VALUE;
    if (word_is(word, length, "true") || word_is(word, length, "false")) {
        operand->value = json_boolean(length == 4);
        return 0;
    }
    if (word_is(word, length, "nil")) {
        operand->value = json_null();
        return 0;
    }
    operand->kind = TEMPLATE_OPERAND_FUNCTION;
    operand->function = template_function_find(word, length);
    return operand->function ? 0 : refuse_word(reader, word, length);
}

/* "$", "$name": behind the '$'. */
static int take_variable(struct reader *reader, char **ret_name)
{
    size_t length = word_length(reader);

    *ret_name = strndup(reader->at, length);
    reader->at += length;
    return *ret_name ? 0 : no_memory(reader);
}

static int parse_variable(struct reader *reader, struct template_operand *operand)
{
    int rc;

    reader->at++;
    operand->kind = TEMPLATE_OPERAND_VARIABLE;
    rc = take_variable(reader, &operand->name);
    if (rc < 0)
        return rc;
    if (operand->name[0] != '\0' && !strv_contains(reader->variables, operand->name))
        return fail(reader, "undefined variable \"$%s\"", operand->name);
    return parse_fields(reader, &operand->fields);
}

static int parse_parentheses(struct reader *reader, struct template_operand *operand)
{
    int rc = go_deeper(reader);

    if (rc < 0)
        return rc;
    reader->at++;
    operand->kind = TEMPLATE_OPERAND_PIPE;
    rc = parse_pipe(reader, ')', &operand->pipe);
    if (rc < 0)
        return rc;
    reader->at++;
    reader->depth--;
    return parse_fields(reader, &operand->fields);
}

static int parse_dot(struct reader *reader, struct template_operand *operand)
{
    operand->kind = TEMPLATE_OPERAND_FIELD;
    if (reader->at + 1 < reader->end && is_word(reader->at[1]))
        return parse_fields(reader, &operand->fields);
    reader->at++;
    return 0;
}

static int parse_operand(struct reader *reader, struct template_operand *operand)
{
    char c = peek(reader);

    operand->kind = TEMPLATE_OPERAND_VALUE;
    if (c == '.')
        return parse_dot(reader, operand);
    if (c == '$')
        return parse_variable(reader, operand);
    if (c == '(')
        return parse_parentheses(reader, operand);
    if (c == '"' || c == '`')
        return parse_string(reader, &operand->value);
    if (isdigit((unsigned char)c) || c == '-')
        return parse_number(reader, &operand->value);
    if (is_word(c))
        return parse_word(reader, operand);
    return refuse_character(reader);
}

/* ------------------------------------------------------------------ commands and pipes */

/* How many arguments a function gets; the value of the command before counts too. */
static int check_arguments(struct reader *reader, const struct template_command *command,
                           bool has_input)
{
    const struct template_operand *first = &command->operands[0];
    size_t count = command->operand_count - 1 + has_input;

    if (first->kind == TEMPLATE_OPERAND_FUNCTION) {
        if (count < first->function->minimum || count > first->function->maximum)
            return fail(reader, "wrong number of args for %s: got %zu", first->function->name,
                        count);
        return 0;
    }
    if (count > 0 && !(count == 1 && template_is_label(first)))
        return fail(reader, "can't give argument to non-function");
    return 0;
}

static int parse_command(struct reader *reader, char closer, bool has_input,
                         struct template_command *command)
{
    for (skip_blanks(reader); peek(reader) != closer && peek(reader) != '|'; skip_blanks(reader)) {
        int rc;

        if (command->operand_count == TEMPLATE_MAX_OPERANDS)
            return fail(reader, "more than %d operands", TEMPLATE_MAX_OPERANDS);
        rc = parse_operand(reader, &command->operands[command->operand_count++]);
        if (rc < 0)
            return rc;
        if (peek(reader) != closer && peek(reader) != '|' && !isspace((unsigned char)peek(reader)))
            return refuse_character(reader);
    }
    if (command->operand_count == 0)
        return fail(reader, "missing value for command");
    for (size_t i = 1; i < command->operand_count; i++)
        if (command->operands[i].kind == TEMPLATE_OPERAND_FUNCTION)
            return fail(reader, "a function as an argument has to be in parentheses: %s",
                        command->operands[i].function->name);
    return check_arguments(reader, command, has_input);
}

/* "$x :=", "$i, $x :=", "$x =": a pipe may begin so. Nothing is taken when it does not. */
static int parse_declaration(struct reader *reader, struct template_pipe *pipe)
{
    struct reader ahead = *reader;
    char *names[2] = {NULL, NULL};
    size_t count = 0;
    int rc = 0;

    while (rc == 0 && peek(&ahead) == '$' && count < 2) {
        ahead.at++;
        rc = word_length(&ahead) > 0 ? take_variable(&ahead, &names[count++]) : 1;
        skip_blanks(&ahead);
        if (peek(&ahead) != ',' || count == 2)
            break;
        ahead.at++;
        skip_blanks(&ahead);
    }
    pipe->is_declaration = peek(&ahead) == ':' && ahead.at + 1 < ahead.end && ahead.at[1] == '=';
    if (rc != 0 || count == 0 || (!pipe->is_declaration && peek(&ahead) != '=')) {
        free(names[0]);
        free(names[1]);
        return rc < 0 ? rc : 0;
    }
    ahead.at += pipe->is_declaration ? 2 : 1;
    *reader = ahead;
    pipe->variable_count = count;
    for (size_t i = 0; i < count; i++) {
        pipe->variables[i] = names[i];
        if (!pipe->is_declaration && !strv_contains(reader->variables, names[i]))
            rc = fail(reader, "undefined variable \"$%s\"", names[i]);
    }
    return rc;
}

/* In scope for what comes behind. */
static int declare(struct reader *reader, const struct template_pipe *pipe)
{
    for (size_t i = 0; pipe->is_declaration && i < pipe->variable_count; i++) {
        if (strv_length(reader->variables) == TEMPLATE_MAX_VARIABLES)
            return fail(reader, "more than %d variables", TEMPLATE_MAX_VARIABLES);
        if (strv_append(&reader->variables, pipe->variables[i]) < 0)
            return no_memory(reader);
    }
    return 0;
}

static void leave_scope(struct reader *reader, size_t variable_count)
{
    for (size_t i = strv_length(reader->variables); i > variable_count; i--)
        free(TAKE_PTR(reader->variables[i - 1]));
}

/* Up to `closer` ('\0': the end of the action), which is not taken. */
static int parse_pipe(struct reader *reader, char closer, struct template_pipe **ret_pipe)
{
    struct template_pipe *pipe = calloc(1, sizeof(*pipe));
    int rc;

    if (!pipe)
        return no_memory(reader);
    *ret_pipe = pipe;
    skip_blanks(reader);
    rc = parse_declaration(reader, pipe);
    while (rc == 0) {
        struct template_command *grown =
            reallocarray(pipe->commands, pipe->command_count + 1, sizeof(*grown));

        if (!grown)
            return no_memory(reader);
        pipe->commands = grown;
        if (pipe->command_count == TEMPLATE_MAX_COMMANDS)
            return fail(reader, "more than %d commands in a pipe", TEMPLATE_MAX_COMMANDS);
        grown[pipe->command_count] = (struct template_command){.operand_count = 0};
        pipe->command_count++;
        rc =
            parse_command(reader, closer, pipe->command_count > 1, &grown[pipe->command_count - 1]);
        if (rc < 0 || peek(reader) == closer)
            break;
        reader->at++;
    }
    return rc < 0 ? rc : declare(reader, pipe);
}

/* ------------------------------------------------------------------ text between actions */

static int add_node(struct reader *reader, struct template_list *list, enum template_node_kind kind,
                    struct template_node **ret_node)
{
    struct template_node *grown = reallocarray(list->nodes, list->count + 1, sizeof(*list->nodes));

    if (!grown)
        return no_memory(reader);
    list->nodes = grown;
    *ret_node = &grown[list->count++];
    **ret_node = (struct template_node){.kind = kind, .line = line_of(reader)};
    return 0;
}

/* \t and \n are what they say, and in a table a blank separates columns too. */
static int add_text(struct reader *reader, struct template_list *list, const char *text,
                    size_t length)
{
    struct template_node *node;
    char *out;
    int rc;

    if (length == 0)
        return 0;
    rc = add_node(reader, list, TEMPLATE_NODE_TEXT, &node);
    if (rc < 0)
        return rc;
    node->text = out = malloc(length + 1);
    if (!out)
        return no_memory(reader);
    for (size_t i = 0; i < length; i++) {
        if (text[i] == '\\' && i + 1 < length && (text[i + 1] == 't' || text[i + 1] == 'n'))
            *out++ = (char)(text[++i] == 't' ? '\t' : '\n');
        else
            *out++ = (char)(reader->is_table && text[i] == ' ' ? '\t' : text[i]);
    }
    *out = '\0';
    return 0;
}

/* "{{- " eats the blanks before it. */
static size_t trimmed_length(const char *text, size_t length)
{
    while (length > 0 && isspace((unsigned char)text[length - 1]))
        length--;
    return length;
}

/* ------------------------------------------------------------------ actions */

/* The "}}" that ends the action at `text`: not one inside of a string. NULL: there is none. */
static const char *find_close(const char *text)
{
    char quote = '\0';

    for (; *text != '\0'; text++) {
        if (quote == '\0' && text[0] == '}' && text[1] == '}')
            return text;
        if (quote == '\0' && (*text == '"' || *text == '`'))
            quote = *text;
        else if (quote == '"' && *text == '\\' && text[1] != '\0')
            text++;
        else if (*text == quote || (quote == '"' && *text == '\n'))
            quote = '\0';
    }
    return NULL;
}

/* Sets ->at and ->end to the inside of the action behind its "{{", and ->next. */
static int open_action(struct reader *reader, bool *ret_is_comment)
{
    const char *at = reader->at;
    bool trims_before = at[0] == '-' && isspace((unsigned char)at[1]);
    const char *close;
    bool trims_behind;

    at += trims_before;
    at += trims_before ? strspn(at, " \t\r\n") : 0;
    *ret_is_comment = at[0] == '/' && at[1] == '*';
    if (*ret_is_comment) {
        close = strstr(at + 2, "*/");
        close = close ? strstr(close, "}}") : NULL;
    } else {
        close = find_close(at);
        close = close ? close : strstr(at, "}}"); /* a string that does not end is told later */
    }
    if (!close)
        return fail(reader, *ret_is_comment ? "unclosed comment" : "unclosed action");
    trims_behind = close - at >= 2 && close[-1] == '-' && isspace((unsigned char)close[-2]);
    reader->at = at;
    reader->end = close - trims_behind;
    reader->next = close + 2;
    while (trims_behind && isspace((unsigned char)*reader->next))
        reader->next++;
    return 0;
}

static int expect_nothing(struct reader *reader, const char *word)
{
    skip_blanks(reader);
    return reader->at == reader->end ? 0 : fail(reader, "unexpected text in {{%s}}", word);
}

/* The word of a block or its parts; 0: an ordinary action. */
static size_t keyword_length(const struct reader *reader)
{
    static const char *const keywords[] = {"if", "else", "end", "range", "with"};
    size_t length = word_length(reader);

    for (size_t i = 0; i < ARRAY_SIZE(keywords); i++)
        if (word_is(reader->at, length, keywords[i]))
            return length;
    return 0;
}

static int parse_block(struct reader *reader, struct template_list *list,
                       enum template_node_kind kind, const char *word);

/* {{else}}, {{else if ...}}: what stands in the way of the first list. */
static int parse_else(struct reader *reader, struct template_node *node)
{
    enum stop stop = STOP_AT_TEXT_END;
    int rc;

    /* parse_list() has left "if ..." of an {{else if}} to us. */
    if (reader->at < reader->end) {
        if (node->kind != TEMPLATE_NODE_IF || !word_is(reader->at, word_length(reader), "if"))
            return fail(reader, "unexpected text in {{else}}");
        reader->at += 2;
        return parse_block(reader, &node->else_list, TEMPLATE_NODE_IF, "if");
    }
    rc = parse_list(reader, &node->else_list, &stop);
    if (rc == 0 && stop == STOP_AT_ELSE)
        return fail(reader, "expected end; found {{else}}");
    return rc == 0 && stop == STOP_AT_TEXT_END ? fail(reader, "unexpected EOF") : rc;
}

/* Behind the keyword. The variables of the pipe end with the block. */
static int parse_block(struct reader *reader, struct template_list *list,
                       enum template_node_kind kind, const char *word)
{
    size_t variable_count = strv_length(reader->variables);
    enum stop stop = STOP_AT_TEXT_END;
    struct template_node *node;
    int rc = go_deeper(reader);

    if (rc == 0)
        rc = add_node(reader, list, kind, &node);
    if (rc < 0)
        return rc;
    skip_blanks(reader);
    if (reader->at == reader->end)
        return fail(reader, "missing value for %s", word);
    rc = parse_pipe(reader, '\0', &node->pipe);
    if (rc == 0 && node->pipe->variable_count > 1 && kind != TEMPLATE_NODE_RANGE)
        return fail(reader, "too many declarations in %s", word);
    if (rc < 0)
        return rc;
    reader->at = reader->next;
    rc = parse_list(reader, &node->list, &stop);
    if (rc == 0 && stop == STOP_AT_TEXT_END)
        return fail(reader, "unexpected EOF");
    if (rc == 0 && stop == STOP_AT_ELSE)
        rc = parse_else(reader, node);
    leave_scope(reader, variable_count);
    reader->depth--;
    return rc;
}

/* An ordinary action, or the beginning of a block. */
static int parse_action(struct reader *reader, struct template_list *list)
{
    const char *word = reader->at;
    size_t length = keyword_length(reader);
    struct template_node *node;
    int rc;

    reader->at += length;
    if (word_is(word, length, "if"))
        return parse_block(reader, list, TEMPLATE_NODE_IF, "if");
    if (word_is(word, length, "with"))
        return parse_block(reader, list, TEMPLATE_NODE_WITH, "with");
    if (word_is(word, length, "range"))
        return parse_block(reader, list, TEMPLATE_NODE_RANGE, "range");
    rc = add_node(reader, list, TEMPLATE_NODE_ACTION, &node);
    if (rc == 0)
        rc = parse_pipe(reader, '\0', &node->pipe);
    if (rc == 0 && node->pipe->variable_count > 1)
        return fail(reader, "too many declarations in command");
    reader->at = reader->next;
    return rc;
}

/* {{else}} and {{end}} belong to whoever asked for the list: 1. 0: it is another action. */
static int parse_stop(struct reader *reader, enum stop *ret_stop)
{
    bool is_else = word_is(reader->at, word_length(reader), "else");
    int rc;

    if (!is_else && !word_is(reader->at, word_length(reader), "end"))
        return 0;
    if (reader->depth == 0)
        return fail(reader, "unexpected {{%s}}", is_else ? "else" : "end");
    reader->at += word_length(reader);
    skip_blanks(reader);
    if (is_else && reader->at < reader->end) { /* {{else if}}: parse_else() reads on */
        *ret_stop = STOP_AT_ELSE;
        return 1;
    }
    rc = expect_nothing(reader, is_else ? "else" : "end");
    if (rc < 0)
        return rc;
    reader->at = reader->end = reader->next;
    *ret_stop = is_else ? STOP_AT_ELSE : STOP_AT_END;
    return 1;
}

static int parse_list(struct reader *reader, struct template_list *list, enum stop *ret_stop)
{
    for (;;) {
        const char *text = reader->at;
        const char *open = strstr(text, "{{");
        size_t length = open ? (size_t)(open - text) : strlen(text);
        bool is_comment;
        int rc;

        if (open && open[2] == '-' && isspace((unsigned char)open[3]))
            length = trimmed_length(text, length);
        rc = add_text(reader, list, text, length);
        if (rc < 0)
            return rc;
        if (!open) {
            *ret_stop = STOP_AT_TEXT_END;
            return 0;
        }
        reader->at = open + 2;
        rc = open_action(reader, &is_comment);
        if (rc == 0 && is_comment) {
            reader->at = reader->next;
            continue;
        }
        skip_blanks(reader);
        if (rc == 0)
            rc = parse_stop(reader, ret_stop);
        if (rc == 0)
            rc = parse_action(reader, list);
        if (rc != 0)
            return rc < 0 ? rc : 0;
    }
}

/* ------------------------------------------------------------------ whole templates */

int template_parse(const char *name, const char *text, struct template *ret_template,
                   struct mcpd_error *err)
{
    struct template template = {.is_table = str_has_prefix(text, "table"), .name = name};
    struct template_list list = {.count = 0};
    struct reader reader = {.name = name, .line = 1, .err = err};
    enum stop stop;
    int rc;

    if (strlen(text) > TEMPLATE_MAX_BYTES)
        return error_set(err, MCPD_E_INVALID, "template: %s: longer than %d bytes", name,
                         TEMPLATE_MAX_BYTES);
    if (!utf8_is_valid(text))
        return error_set(err, MCPD_E_INVALID, "template: %s: not UTF-8", name);
    if (template.is_table && text[5] != '\0' && !isspace((unsigned char)text[5]))
        template.is_table = false;
    for (text += template.is_table ? 5 : 0; template.is_table && *text == ' ';)
        text++;
    reader.is_table = template.is_table;
    reader.at = reader.end = reader.next = reader.counted = text;
    rc = parse_list(&reader, &list, &stop);
    strv_free(reader.variables);
    template.nodes = list.nodes;
    template.count = list.count;
    if (rc < 0) {
        template_done(&template);
        return rc;
    }
    *ret_template = template;
    return 0;
}
