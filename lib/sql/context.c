#include "sql/context.h"

#include "env/env.h"

status sql_check_stack(const struct sql_context *c)
{
    if (c->env == NULL || fiber_self(c->env) == NULL || env_stack_left(c->env) >= ENV_STACK_RESERVE)
        return STATUS_OK;
    return status_hint(status_new(ST_STATEMENT_TOO_COMPLEX, "stack depth limit exceeded"),
                       "Simplify the statement: it is nested too deeply.");
}
