#include "sql/exec/exec.h"

#include <string.h>

#include "base/assert.h"
#include "env/env.h"
#include "sql/catalog/statistics.h"
#include "sql/exec/op.h"

static struct heap *heap_of(struct sql_context *c)
{
    return c->env != NULL ? env_heap(c->env) : heap_current();
}

static status open_ops(struct execution *x)
{
    TRY_RETURN(op_new(x, x->plan->root, &x->root));
    return op_rewind(x->root);
}

static status open_execution(struct sql_context *c, const struct plan *p, const datum *params,
                             const bool *param_nulls, size_t param_count,
                             struct mem_account *account, bool instrument, struct row_feed *feed,
                             struct execution **out)
{
    struct arena     *a = arena_new(heap_of(c), account);
    struct execution *x = ARENA_NEW(a, struct execution);
    status            st;

    x->c = c;
    x->plan = p;
    x->arena = a;
    mem_account_init(&x->account, account, "query", 0);
    x->eval = (struct eval_context){.c = c,
                                    .arena = a,
                                    .params = params,
                                    .param_nulls = param_nulls,
                                    .param_count = param_count,
                                    .params_vary = feed != NULL,
                                    .execution = x,
                                    .batch_rows = p->batch_rows};
    x->eval.outer = ARENA_ARRAY(a, datum, p->outer_count);
    x->eval.outer_nulls = ARENA_ARRAY(a, bool, p->outer_count);
    x->instrument = instrument;
    x->feed = feed;
    if (instrument)
        x->stats = ARENA_ARRAY(a, struct op_stats *, p->node_count);
    x->subplans = ARENA_ARRAY(a, struct subplan_state *, p->subplan_count);
    st = open_ops(x);
    if (!st_ok(st)) {
        execution_close(x);
        return st;
    }
    *out = x;
    return STATUS_OK;
}

status execution_open(struct sql_context *c, const struct plan *p, const datum *params,
                      const bool *param_nulls, size_t param_count, struct mem_account *account,
                      bool instrument, struct execution **out)
{
    return open_execution(c, p, params, param_nulls, param_count, account, instrument, NULL, out);
}

status execution_open_fed(struct sql_context *c, const struct plan *p, const datum *params,
                          const bool *param_nulls, size_t param_count, struct mem_account *account,
                          struct row_feed *feed, struct execution **out)
{
    ASSERT(feed != NULL && p->root->kind == PLAN_MODIFY && p->root->left->kind == PLAN_RESULT);
    return open_execution(c, p, params, param_nulls, param_count, account, false, feed, out);
}

/* The rows of `pending` from pending_at on, `rows_max` at most. */
static void cut_window(struct execution *x, size_t rows_max)
{
    size_t live = batch_live_count(x->pending), left = live - x->pending_at;
    size_t take = rows_max == 0 ? left : MIN(left, rows_max);

    x->window = *x->pending;
    x->window.column_count = x->plan->column_count;
    if (take < live) {
        if (x->window_rows == NULL)
            x->window_rows = ARENA_ARRAY(x->arena, uint16_t, x->eval.batch_rows);
        for (size_t i = 0; i < take; i++)
            x->window_rows[i] = (uint16_t)batch_live_row(x->pending, x->pending_at + i);
        x->window.selected = x->window_rows;
        x->window.selected_count = take;
    }
    x->pending_at += take;
    if (x->pending_at == live)
        x->pending = NULL;
    if (x->plan->root->kind != PLAN_MODIFY)
        x->row_count += take;
}

status execution_next(struct execution *x, size_t rows_max, const struct batch **out)
{
    if (x->pending == NULL) {
        status st = x->done ? STATUS_NO_DATA : op_next(x->root, &x->pending);

        if (!st_ok(st)) {
            if (st == STATUS_NO_DATA && !x->done && x->plan->root->kind == PLAN_MODIFY)
                catalog_note_changes(x->c->catalog, x->plan->root->modify->layout->desc->oid,
                                     x->row_count);
            x->done = true;
            x->pending = NULL;
            return st;
        }
        x->pending_at = 0;
        TRY_RETURN(sql_check_interrupts(x->c));
    }
    cut_window(x, rows_max);
    *out = &x->window;
    return STATUS_OK;
}

uint64_t execution_row_count(const struct execution *x)
{
    return x->row_count;
}

void execution_close(struct execution *x)
{
    if (x == NULL)
        return;
    op_close(x->root);
    subplans_close(x);
    arena_free(x->arena);
}
