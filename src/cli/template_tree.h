/*
 * template_tree.h - a parsed template, and the pieces that its parser, its evaluation and its
 * functions share. Internal to template*.c.
 */
#ifndef CLI_TEMPLATE_TREE_H
#define CLI_TEMPLATE_TREE_H

#include "cli/template.h"

/* What a template may be, so that a hostile one costs no more than an error. */
#define TEMPLATE_MAX_BYTES     65536
#define TEMPLATE_MAX_DEPTH     32 /* blocks and parentheses in one another */
#define TEMPLATE_MAX_OPERANDS  16
#define TEMPLATE_MAX_COMMANDS  32 /* in one pipe */
#define TEMPLATE_MAX_VARIABLES 32
#define TEMPLATE_MAX_STEPS     2000000     /* nodes and commands, while one document is rendered */
#define TEMPLATE_MAX_TEXT      (16u << 20) /* that a function makes */
#define TEMPLATE_MAX_MADE      (64u << 20) /* bytes, by all functions for one document */
#define TEMPLATE_MAX_PIECES    65536       /* of split */
#define TEMPLATE_MAX_WIDTH     1000        /* of printf and pad */

/* --- functions (template_functions.c) ------------------------------------------------------- */

/* arguments: borrowed, as many as the row allows. *ret_value: new reference. */
typedef int (*template_call)(json_t *const *arguments, size_t count, json_t **ret_value,
                             struct mcpd_error *err);

enum template_trait {
    TEMPLATE_PLAIN,
    TEMPLATE_WANTS_JSON,       /* times as they are in the document, not as Go prints them */
    TEMPLATE_SETTLED_BY_FALSE, /* by such an argument: those behind it are not evaluated */
    TEMPLATE_SETTLED_BY_TRUE,
};

struct template_function {
    const char *name;
    size_t minimum, maximum; /* arguments */
    template_call call;
    enum template_trait trait;
};

/* NULL: there is none of that name. */
const struct template_function *template_function_find(const char *name, size_t length);

/* --- the tree ------------------------------------------------------------------------------- */

struct template_pipe;

enum template_operand_kind {
    TEMPLATE_OPERAND_FIELD,    /* .A.B; without fields the dot itself */
    TEMPLATE_OPERAND_VARIABLE, /* $, $x, $x.A */
    TEMPLATE_OPERAND_VALUE,    /* "text", 12, true */
    TEMPLATE_OPERAND_PIPE,     /* ( ... ), ( ... ).A */
    TEMPLATE_OPERAND_FUNCTION, /* the first of a command only */
};

struct template_operand {
    enum template_operand_kind kind;
    char *name;                 /* owned: of a variable, "" is $ */
    char **fields;              /* owned strv */
    json_t *value;              /* owned */
    struct template_pipe *pipe; /* owned */
    const struct template_function *function;
};

struct template_command {
    struct template_operand operands[TEMPLATE_MAX_OPERANDS];
    size_t operand_count;
};

/* "$i, $x := COMMAND | COMMAND" */
struct template_pipe {
    char *variables[2]; /* owned */
    size_t variable_count;
    bool is_declaration;               /* := and not = */
    struct template_command *commands; /* owned array */
    size_t command_count;
};

struct template_list {
    struct template_node *nodes; /* owned array */
    size_t count;
};

enum template_node_kind {
    TEMPLATE_NODE_TEXT,
    TEMPLATE_NODE_ACTION,
    TEMPLATE_NODE_IF,
    TEMPLATE_NODE_WITH,
    TEMPLATE_NODE_RANGE,
};

struct template_node {
    enum template_node_kind kind;
    unsigned int line;
    char *text; /* owned */
    struct template_pipe *pipe;
    struct template_list list;
    struct template_list else_list;
};

/* ".Label", which takes a key as its argument. */
bool template_is_label(const struct template_operand *operand);

/* --- the document (template_zero.c) ---------------------------------------------------------- */

struct template_document {
    const char *command; /* whose document it is */
    json_t *root;
};

/* What podman has in a field of this object that is absent or null in its JSON. New reference; NULL
 * when it has no such field. */
json_t *template_zero(const struct template_document *document, const json_t *object,
                      const char *name, bool for_json);

/* --- values (template_value.c) --------------------------------------------------------------- */

/* As Go's %v prints it. */
void template_value_append(const json_t *value, struct buf *text);
/* What {{if}} asks. */
bool template_value_is_true(const json_t *value);
/* Keys of an object in order; owned array of borrowed names, ended by NULL; NULL without memory. */
const char **template_value_keys(json_t *object);
/* A null too, but one that prints as <no value>: a key that a map does not have. Static. */
json_t *template_value_absent(void);
/* A member of an object or null, in any case (podman's fields are not spelled as its JSON names).
 * owner: the name under which the object was found. New reference; absent where a map or a null
 * holds nothing. NOT_FOUND, without a text: no such field. for_json: times and nulls as they are in
 * the document. */
int template_value_member(const struct template_document *document, json_t *object,
                          const char *owner, const char *name, bool for_json, json_t **ret_value);
/* The text of a string; else what it prints as. Owned by the caller, NULL without memory. */
char *template_value_text(const json_t *value);
json_t *template_value_of_buf(const struct buf *text); /* NULL without memory or after a failure */

/* printf (template_printf.c). */
int template_printf(json_t *const *arguments, size_t count, json_t **ret_value,
                    struct mcpd_error *err) MUST_CHECK;

#endif
