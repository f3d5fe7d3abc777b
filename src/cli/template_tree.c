/* template_tree.c - what a parsed template owns. */
#include "cli/template_tree.h"

#include "base/str.h"

#include <string.h>

static void list_done(struct template_list *list);
static void pipe_free(struct template_pipe *pipe);

static void operand_done(struct template_operand *operand)
{
    free(operand->name);
    strv_free(operand->fields);
    json_decref(operand->value);
    pipe_free(operand->pipe);
}

static void pipe_free(struct template_pipe *pipe)
{
    if (!pipe)
        return;
    for (size_t i = 0; i < pipe->command_count; i++)
        for (size_t j = 0; j < pipe->commands[i].operand_count; j++)
            operand_done(&pipe->commands[i].operands[j]);
    free(pipe->commands);
    free(pipe->variables[0]);
    free(pipe->variables[1]);
    free(pipe);
}

static void list_done(struct template_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        struct template_node *node = &list->nodes[i];

        free(node->text);
        pipe_free(node->pipe);
        list_done(&node->list);
        list_done(&node->else_list);
    }
    free(list->nodes);
    *list = (struct template_list){.count = 0};
}

void template_done(struct template *template)
{
    struct template_list list = {.nodes = template->nodes, .count = template->count};

    list_done(&list);
    *template = (struct template){.count = 0};
}

bool template_is_label(const struct template_operand *operand)
{
    return operand->kind == TEMPLATE_OPERAND_FIELD && strv_length(operand->fields) == 1 &&
           strcasecmp(operand->fields[0], "Label") == 0;
}
