/* exitcode.c - the exit status of a failed command, as podman has it. */
#include "cli/exitcode.h"

#include "mcpd_error.h"

static int usual(int error_code)
{
    switch (error_code) {
    case MCPD_E_COMMAND_NOT_FOUND:
        return EXITCODE_NOT_FOUND;
    case MCPD_E_COMMAND_NOT_RUNNABLE:
    case MCPD_E_USER_NOT_FOUND:
        return EXITCODE_NOT_RUNNABLE;
    case MCPD_E_CANCELLED:
        return EXITCODE_INTERRUPTED;
    default:
        return EXITCODE_ENGINE;
    }
}

int exitcode_of(enum exitcode_rules rules, int error_code)
{
    switch (rules) {
    case EXITCODE_RULES_REMOVE:
        if (error_code == MCPD_E_NOT_FOUND)
            return 1;
        if (error_code == MCPD_E_STATE || error_code == MCPD_E_CONFLICT)
            return 2;
        break;
    case EXITCODE_RULES_EXEC:
        if (error_code == MCPD_E_STATE || error_code == MCPD_E_USER_NOT_FOUND)
            return EXITCODE_NO_SESSION;
        break;
    case EXITCODE_RULES_START:
        if (error_code != MCPD_E_CANCELLED)
            return EXITCODE_ENGINE;
        break;
    case EXITCODE_RULES_USUAL:
        break;
    }
    return usual(error_code);
}
