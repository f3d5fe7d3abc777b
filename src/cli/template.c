/* template.c - all of --format: headings, columns, and every document on a line of its own. */
#include "cli/template.h"

#include "cli/out.h"
#include "cli/template_tree.h"

#include <ctype.h>
#include <string.h>
#include <unistd.h>

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

/* The last name of the first field that a pipe looks at. */
static const char *find_field(const struct template_pipe *pipe)
{
    for (size_t i = 0; i < pipe->command_count; i++) {
        for (size_t j = 0; j < pipe->commands[i].operand_count; j++) {
            const struct template_operand *operand = &pipe->commands[i].operands[j];
            const char *inner = operand->pipe ? find_field(operand->pipe) : NULL;
            size_t count = 0;

            while (operand->fields && operand->fields[count])
                count++;
            if (count > 0)
                return operand->fields[count - 1];
            if (inner)
                return inner;
        }
    }
    return NULL;
}

/* Of a block, what it shows of one element or when its condition holds. */
static void append_headings(const struct template_node *nodes, size_t count,
                            const struct template_heading *headings, struct buf *text)
{
    for (size_t i = 0; i < count; i++) {
        const struct template_node *node = &nodes[i];
        const char *field;

        switch (node->kind) {
        case TEMPLATE_NODE_TEXT:
            (void)buf_append_text(text, node->text);
            break;
        case TEMPLATE_NODE_ACTION:
            field = node->pipe->variable_count > 0 ? NULL : find_field(node->pipe);
            append_heading(field ? field : "", headings, text);
            break;
        case TEMPLATE_NODE_IF:
        case TEMPLATE_NODE_WITH:
        case TEMPLATE_NODE_RANGE:
            append_headings(node->list.nodes, node->list.count, headings, text);
            break;
        }
    }
}

void template_render_headings(const struct template *template,
                              const struct template_heading *headings, struct buf *text)
{
    append_headings(template->nodes, template->count, headings, text);
}

static int render_all(const struct template *template, json_t *documents, struct buf *text,
                      struct mcpd_error *err)
{
    bool cleans = isatty(STDOUT_FILENO) != 0;
    size_t index;
    json_t *document;

    json_array_foreach(documents, index, document) {
        int rc = template_render(template, document, cleans, text, err);

        if (rc < 0)
            return rc;
        if (text->length == 0 || text->data[text->length - 1] != '\n')
            (void)buf_append_text(text, "\n");
    }
    return 0;
}

int template_print(const char *name, const char *format, json_t *documents,
                   const struct template_heading *headings, bool without_heading,
                   struct mcpd_error *err)
{
    CLEANUP(template_done) struct template template = {0};
    CLEANUP_BUF struct buf text;
    int rc;

    buf_init(&text, OUT_MAX_BYTES);
    rc = template_parse(name, format, &template, err);
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
