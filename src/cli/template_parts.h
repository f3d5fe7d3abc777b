/* template_parts.h - a parsed template, shared by its parser and its evaluation. */
#ifndef CLI_TEMPLATE_PARTS_H
#define CLI_TEMPLATE_PARTS_H

#include "cli/template.h"

#define OPERANDS_MAX 4
#define CALLS_MAX    4

enum function {
    FUNCTION_NONE, /* the operand itself */
    FUNCTION_JSON,
    FUNCTION_INDEX,
    FUNCTION_JOIN,
    FUNCTION_LEN,
    FUNCTION_UPPER,
    FUNCTION_LOWER,
};

struct operand {
    bool is_text; /* "key" or 3, else a path */
    char *text;   /* owned: the literal, or "A.B"; "" is the document itself */
};

struct call {
    enum function function;
    struct operand operands[OPERANDS_MAX];
    size_t operand_count;
};

struct template_part {
    char *literal; /* owned; NULL: an action */
    struct call calls[CALLS_MAX];
    size_t call_count;
};

#endif
