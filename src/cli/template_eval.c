/*
 * template_eval.c - a parsed template and a document become text.
 *
 * Theory of operation. The tree is walked; "dot" goes down as an argument, variables stand in one
 * array whose length is put back at the end of each block. Every node and every command costs a
 * step, and there is a maximum of them, so that blocks in blocks over long lists end. What
 * functions make is counted too: that bounds what variables can hold. Text only ever grows in a
 * buffer that has a maximum of its own, and nothing goes on when it is full.
 */
#include "cli/template_tree.h"

#include "base/str.h"
#include "base/utf8.h"
#include "cli/out.h"

#include <stdarg.h>
#include <string.h>

#define BYTES_PER_ELEMENT 64 /* about, of a list */

struct variable {
    const char *name; /* borrowed from the tree */
    json_t *value;
};

struct evaluation {
    const char *template_name;
    unsigned int line;
    struct template_document document; /* borrowed; its root is $ */
    struct variable variables[TEMPLATE_MAX_VARIABLES];
    size_t variable_count;
    size_t steps;
    size_t made; /* bytes */
    bool cleans;
    bool is_table;
    struct buf *text;
    struct mcpd_error *err;
};

static int evaluate_pipe(struct evaluation *evaluation, const struct template_pipe *pipe,
                         json_t *dot, json_t **ret_value);
static int render_list(struct evaluation *evaluation, const struct template_list *list,
                       json_t *dot);

PRINTF_LIKE(2, 3) static int fail(const struct evaluation *evaluation, const char *format, ...)
{
    CLEANUP_FREE char *text = NULL;
    va_list args;

    va_start(args, format);
    text = str_vformat(format, args);
    va_end(args);
    return error_set(evaluation->err, MCPD_E_INVALID, "template: %s:%u: executing \"%s\" %s",
                     evaluation->template_name, evaluation->line, evaluation->template_name,
                     text ? text : "");
}

static int take_step(struct evaluation *evaluation)
{
    if (++evaluation->steps > TEMPLATE_MAX_STEPS)
        return fail(evaluation, "takes more than %d steps", TEMPLATE_MAX_STEPS);
    return 0;
}

/* ------------------------------------------------------------------ variables */

static json_t **find_variable(struct evaluation *evaluation, const char *name)
{
    for (size_t i = evaluation->variable_count; i > 0; i--)
        if (strcmp(evaluation->variables[i - 1].name, name) == 0)
            return &evaluation->variables[i - 1].value;
    return NULL;
}

static int set_variable(struct evaluation *evaluation, const char *name, bool is_declaration,
                        json_t *value)
{
    json_t **known = is_declaration ? NULL : find_variable(evaluation, name);

    if (known) {
        json_decref(*known);
        *known = json_incref(value);
        return 0;
    }
    if (evaluation->variable_count == TEMPLATE_MAX_VARIABLES)
        return fail(evaluation, "at <$%s>: too many variables", name);
    evaluation->variables[evaluation->variable_count++] =
        (struct variable){.name = name, .value = json_incref(value)};
    return 0;
}

static void leave_scope(struct evaluation *evaluation, size_t variable_count)
{
    while (evaluation->variable_count > variable_count)
        json_decref(evaluation->variables[--evaluation->variable_count].value);
}

/* ------------------------------------------------------------------ operands */

/* "<.State.Foo>" */
static int refuse_field(const struct evaluation *evaluation, const struct template_operand *operand,
                        const char *field)
{
    CLEANUP_FREE char *path = strv_join(operand->fields, ".");

    return fail(evaluation, "at <%s%s.%s>: can't evaluate field %s",
                operand->kind == TEMPLATE_OPERAND_VARIABLE ? "$" : "",
                operand->kind == TEMPLATE_OPERAND_VARIABLE ? operand->name : "", path ? path : "",
                field);
}

/* Goes down from `value`, which is borrowed. */
static int follow_fields(const struct evaluation *evaluation,
                         const struct template_operand *operand, json_t *value, bool for_json,
                         json_t **ret_value)
{
    CLEANUP_JSON json_t *current = json_incref(value);
    const char *owner = "";

    for (size_t i = 0; operand->fields && operand->fields[i]; i++) {
        json_t *next = NULL;
        int rc = template_value_member(&evaluation->document, current, owner, operand->fields[i],
                                       for_json, &next);

        if (rc == -MCPD_E_NOT_FOUND)
            return refuse_field(evaluation, operand, operand->fields[i]);
        if (rc < 0)
            return error_no_memory(evaluation->err, "template");
        json_decref(current);
        current = next;
        owner = operand->fields[i];
    }
    *ret_value = json_incref(current);
    return 0;
}

static int evaluate_operand(struct evaluation *evaluation, const struct template_operand *operand,
                            json_t *dot, bool for_json, json_t **ret_value)
{
    CLEANUP_JSON json_t *start = NULL;
    json_t **variable;
    int rc;

    switch (operand->kind) {
    case TEMPLATE_OPERAND_FIELD:
        return follow_fields(evaluation, operand, dot, for_json, ret_value);
    case TEMPLATE_OPERAND_VARIABLE:
        variable = find_variable(evaluation, operand->name);
        if (!variable && operand->name[0] != '\0')
            return fail(evaluation, "at <$%s>: undefined variable", operand->name);
        return follow_fields(evaluation, operand, variable ? *variable : evaluation->document.root,
                             for_json, ret_value);
    case TEMPLATE_OPERAND_PIPE:
        rc = evaluate_pipe(evaluation, operand->pipe, dot, &start);
        return rc < 0 ? rc : follow_fields(evaluation, operand, start, for_json, ret_value);
    case TEMPLATE_OPERAND_VALUE:
    case TEMPLATE_OPERAND_FUNCTION: /* called with what follows it */
        break;
    }
    *ret_value = operand->value ? json_incref(operand->value) : json_null();
    return 0;
}

/* ------------------------------------------------------------------ commands */

/* {{.Label "key"}} of ps and images reads the map .Labels. */
static int call_label(const struct evaluation *evaluation, const json_t *dot, const json_t *key,
                      json_t **ret_value)
{
    const char *name = json_string_value(key);
    json_t *label = json_object_get(json_object_get(dot, "Labels"), name ? name : "");

    *ret_value = label ? json_incref(label) : json_string("");
    return *ret_value ? 0 : error_no_memory(evaluation->err, "template");
}

static int call(struct evaluation *evaluation, const struct template_command *command, json_t *dot,
                json_t *const *arguments, size_t count, json_t **ret_value)
{
    const struct template_function *function = command->operands[0].function;
    CLEANUP_JSON json_t *value = NULL;
    struct mcpd_error problem = {0};

    if (!function)
        return call_label(evaluation, dot, arguments[0], ret_value);
    if (function->call(arguments, count, &value, &problem) < 0)
        return fail(evaluation, "at <%s>: error calling %s: %s", function->name, function->name,
                    problem.message[0] != '\0' ? problem.message : "out of memory");
    evaluation->made += json_string_length(value) + json_array_size(value) * BYTES_PER_ELEMENT;
    if (evaluation->made > TEMPLATE_MAX_MADE)
        return fail(evaluation, "at <%s>: makes more than %u bytes", function->name,
                    TEMPLATE_MAX_MADE);
    *ret_value = TAKE_PTR(value);
    return 0;
}

static bool wants_json(const struct template_function *function)
{
    return function && function->trait == TEMPLATE_WANTS_JSON;
}

/* The arguments behind `value` have nothing to say. */
static bool is_settled(const struct template_function *function, const json_t *value)
{
    enum template_trait trait = function ? function->trait : TEMPLATE_PLAIN;

    return template_value_is_true(value) ? trait == TEMPLATE_SETTLED_BY_TRUE
                                         : trait == TEMPLATE_SETTLED_BY_FALSE;
}

/* `input` is the value of the command before, NULL for the first. */
static int evaluate_command(struct evaluation *evaluation, const struct template_command *command,
                            json_t *dot, json_t *input, json_t **ret_value)
{
    const struct template_operand *first = &command->operands[0];
    json_t *arguments[TEMPLATE_MAX_OPERANDS + 1] = {0};
    bool is_call = first->kind == TEMPLATE_OPERAND_FUNCTION || input || command->operand_count > 1;
    bool settled = false;
    size_t count = 0;
    int rc = take_step(evaluation);

    if (rc == 0 && !is_call)
        return evaluate_operand(evaluation, first, dot, false, ret_value);
    for (size_t i = 1; rc == 0 && !settled && i < command->operand_count; i++) {
        rc = evaluate_operand(evaluation, &command->operands[i], dot, wants_json(first->function),
                              &arguments[count]);
        settled = rc == 0 && is_settled(first->function, arguments[count]);
        count += rc == 0;
    }
    if (rc == 0 && input)
        arguments[count++] = json_incref(input);
    if (rc == 0)
        rc = call(evaluation, command, dot, arguments, count, ret_value);
    for (size_t i = 0; i < count; i++)
        json_decref(arguments[i]);
    return rc;
}

/* A time that goes through a pipe to `json` shall be as it is in the document. */
static bool is_for_json(const struct template_pipe *pipe)
{
    const struct template_function *second;

    if (pipe->command_count < 2 || pipe->commands[0].operand_count != 1 ||
        pipe->commands[0].operands[0].kind == TEMPLATE_OPERAND_FUNCTION)
        return false;
    second = pipe->commands[1].operands[0].function;
    return wants_json(second);
}

/* Without its variables. */
static int evaluate_commands(struct evaluation *evaluation, const struct template_pipe *pipe,
                             json_t *dot, json_t **ret_value)
{
    CLEANUP_JSON json_t *value = NULL;
    size_t i = 0;

    if (is_for_json(pipe)) {
        int rc = evaluate_operand(evaluation, &pipe->commands[0].operands[0], dot, true, &value);

        if (rc < 0)
            return rc;
        i = 1;
    }
    for (; i < pipe->command_count; i++) {
        json_t *next = NULL;
        int rc = evaluate_command(evaluation, &pipe->commands[i], dot, value, &next);

        if (rc < 0)
            return rc;
        json_decref(value);
        value = next;
    }
    *ret_value = json_incref(value);
    return 0;
}

static int evaluate_pipe(struct evaluation *evaluation, const struct template_pipe *pipe,
                         json_t *dot, json_t **ret_value)
{
    CLEANUP_JSON json_t *value = NULL;
    int rc = evaluate_commands(evaluation, pipe, dot, &value);

    for (size_t i = 0; rc == 0 && i < pipe->variable_count; i++)
        rc = set_variable(evaluation, pipe->variables[i], pipe->is_declaration, value);
    if (rc == 0)
        *ret_value = TAKE_PTR(value);
    return rc;
}

/* ------------------------------------------------------------------ nodes */

static int render_action(struct evaluation *evaluation, const struct template_node *node,
                         json_t *dot)
{
    CLEANUP_JSON json_t *value = NULL;
    CLEANUP_FREE char *text = NULL;
    int rc = evaluate_pipe(evaluation, node->pipe, dot, &value);

    if (rc < 0 || node->pipe->variable_count > 0) /* a declaration prints nothing */
        return rc;
    if (!evaluation->cleans) {
        template_value_append(value, evaluation->text);
        return 0;
    }
    text = template_value_text(value);
    if (!text)
        return error_no_memory(evaluation->err, "template");
    if (evaluation->is_table) {
        out_append_cell(evaluation->text, text);
        return 0;
    }
    utf8_make_safe(text, ' ', "\n\t"); /* println makes lines on a terminal too */
    (void)buf_append_text(evaluation->text, text);
    return 0;
}

static int render_branch(struct evaluation *evaluation, const struct template_node *node,
                         json_t *dot)
{
    CLEANUP_JSON json_t *value = NULL;
    int rc = evaluate_pipe(evaluation, node->pipe, dot, &value);

    if (rc < 0)
        return rc;
    if (!template_value_is_true(value))
        return render_list(evaluation, &node->else_list, dot);
    return render_list(evaluation, &node->list, node->kind == TEMPLATE_NODE_WITH ? value : dot);
}

/* {{range $x := ...}}, {{range $i, $x := ...}} */
static int render_element(struct evaluation *evaluation, const struct template_node *node,
                          json_t *index, json_t *element)
{
    const struct template_pipe *pipe = node->pipe;
    size_t variable_count = evaluation->variable_count;
    json_t *const values[] = {index, element};
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < pipe->variable_count; i++)
        rc = set_variable(evaluation, pipe->variables[i], pipe->is_declaration,
                          values[pipe->variable_count == 1 ? 1 : i]);
    if (rc == 0)
        rc = render_list(evaluation, &node->list, element);
    leave_scope(evaluation, variable_count);
    return rc;
}

static int render_array(struct evaluation *evaluation, const struct template_node *node,
                        const json_t *array)
{
    size_t index;
    json_t *element;
    int rc = 0;

    json_array_foreach(array, index, element) {
        CLEANUP_JSON json_t *number = json_integer((json_int_t)index);

        rc = number ? render_element(evaluation, node, number, element)
                    : error_no_memory(evaluation->err, "template");
        if (rc < 0)
            break;
    }
    return rc;
}

static int render_object(struct evaluation *evaluation, const struct template_node *node,
                         json_t *object)
{
    CLEANUP_FREE const char **keys = template_value_keys(object);
    int rc = keys ? 0 : error_no_memory(evaluation->err, "template");

    for (size_t i = 0; rc == 0 && keys[i]; i++) {
        CLEANUP_JSON json_t *key = json_string_nocheck(keys[i]);

        rc = key ? render_element(evaluation, node, key, json_object_get(object, keys[i]))
                 : error_no_memory(evaluation->err, "template");
    }
    return rc;
}

static int render_range(struct evaluation *evaluation, const struct template_node *node,
                        json_t *dot)
{
    CLEANUP_JSON json_t *value = NULL;
    CLEANUP_FREE char *text = NULL;
    int rc = evaluate_commands(evaluation, node->pipe, dot, &value);

    if (rc < 0)
        return rc;
    if (json_is_null(value) ||
        (!template_value_is_true(value) && (json_is_array(value) || json_is_object(value))))
        return render_list(evaluation, &node->else_list, dot);
    if (json_is_array(value))
        return render_array(evaluation, node, value);
    if (json_is_object(value))
        return render_object(evaluation, node, value);
    text = template_value_text(value);
    return fail(evaluation, "at <range>: range can't iterate over %.64s", text ? text : "");
}

static int render_node(struct evaluation *evaluation, const struct template_node *node, json_t *dot)
{
    size_t variable_count = evaluation->variable_count;
    int rc;

    evaluation->line = node->line;
    rc = buf_check(evaluation->text, "output", evaluation->err);
    if (rc == 0)
        rc = take_step(evaluation);
    if (rc < 0)
        return rc;
    switch (node->kind) {
    case TEMPLATE_NODE_TEXT:
        (void)buf_append_text(evaluation->text, node->text);
        return 0;
    case TEMPLATE_NODE_ACTION:
        return render_action(evaluation, node, dot); /* its variables stay */
    case TEMPLATE_NODE_IF:
    case TEMPLATE_NODE_WITH:
        rc = render_branch(evaluation, node, dot);
        break;
    case TEMPLATE_NODE_RANGE:
        rc = render_range(evaluation, node, dot);
        break;
    }
    leave_scope(evaluation, variable_count);
    return rc;
}

static int render_list(struct evaluation *evaluation, const struct template_list *list, json_t *dot)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < list->count; i++)
        rc = render_node(evaluation, &list->nodes[i], dot);
    return rc;
}

int template_render(const struct template *template, json_t *document, bool cleans,
                    struct buf *text, struct mcpd_error *err)
{
    const struct template_list list = {.nodes = template->nodes, .count = template->count};
    struct evaluation evaluation = {.template_name = template->name,
                                    .line = 1,
                                    .document = {template->name, document},
                                    .cleans = cleans || template->is_table,
                                    .is_table = template->is_table,
                                    .text = text,
                                    .err = err};
    int rc = render_list(&evaluation, &list, document);

    leave_scope(&evaluation, 0);
    return rc < 0 ? rc : buf_check(text, "output", err);
}
