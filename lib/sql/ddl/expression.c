/* Expressions of defaults, checks, generated columns and indexes, to text and back. */
#include "sql/ddl/internal.h"

/* pg_proc.oid of nextval(regclass). */
enum { FUNCTION_NEXTVAL = 1574 };

static status print(const struct ddl *d, const struct expr *e, const struct table_desc *t,
                    const char **text)
{
    SCOPED(buf) struct buf out = {0};

    buf_init(&out, NULL);
    TRY_RETURN(deparse_expr(d->c, e, t, true, &out));
    *text = arena_strdup(d->a, buf_cstr(&out));
    return STATUS_OK;
}

status ddl_expression(const struct ddl *d, const PgQuery__Node *node, const struct table_desc *t,
                      uint32_t type, int32_t typmod, const char *what, struct expr **bound,
                      const char **text)
{
    struct expr *e;

    TRY_RETURN(bind_expression_node(d->c, d->a, node, d->text, t, type, typmod, what, &e));
    if (bound != NULL)
        *bound = e;
    return print(d, e, t, text);
}

static bool mark_column(struct expr **child, void *ctx)
{
    expression_columns(*child, ctx);
    return true;
}

static struct expr *writable(const struct expr *e)
{
    union {
        const struct expr *in;
        struct expr       *out;
    } u = {.in = e};
    return u.out; /* the walk only looks */
}

void expression_columns(const struct expr *e, bool *used)
{
    if (e->kind == EXPR_COLUMN && e->column.column > 0)
        used[e->column.column - 1] = true;
    if (e->kind == EXPR_COLUMN && e->column.column == 0)
        memset(used, true, COLUMNS_MAX);
    (void)expr_walk_children(writable(e), mark_column, used);
}

status text_columns(const struct ddl *d, const struct table_desc *t, const char *text, bool *used)
{
    struct expr *e;

    TRY_RETURN(bind_expression_text(d->c, d->a, text, t, 0, -1, &e));
    expression_columns(e, used);
    return STATUS_OK;
}

static bool find_sequence(struct expr **child, void *ctx)
{
    uint32_t oid = expression_sequence(*child);

    if (oid == 0)
        return true;
    *(uint32_t *)ctx = oid;
    return false;
}

uint32_t expression_sequence(const struct expr *e)
{
    uint32_t oid = 0;

    if (e->kind == EXPR_CALL && e->call.fn->oid == FUNCTION_NEXTVAL && e->call.arg_count == 1 &&
        e->call.args[0]->kind == EXPR_CONST && !e->call.args[0]->constant.is_null)
        return (uint32_t)e->call.args[0]->constant.value.i;
    (void)expr_walk_children(writable(e), find_sequence, &oid);
    return oid;
}

status text_rename(const struct ddl *d, const struct table_desc *before,
                   const struct table_desc *after, const char *text, const char **out)
{
    struct expr *e;

    if (text == NULL)
        return STATUS_OK;
    TRY_RETURN(bind_expression_text(d->c, d->a, text, before, 0, -1, &e));
    return print(d, e, after, out);
}
