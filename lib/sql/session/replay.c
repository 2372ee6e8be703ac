/* Running a transaction again after a lost conflict, without its client noticing (architecture
 * section 9, pitfall T7). What has run so far is kept with a digest of the bytes that the client
 * got for it. After 40001 or 40P01 the transaction begins anew, at a later timestamp and with the
 * same now(); the steps run again into a sink that keeps nothing, and each must give the same
 * bytes. Then the statement that had failed runs. */
#include "base/assert.h"
#include "env/env.h"
#include "sql/session/session_internal.h"

enum {
    STEPS_MAX = 256,
    BYTES_MAX = 256 << 10, /* of texts and parameters */
    ATTEMPTS_MAX = 10,     /* of a transaction */
    PAUSE_US = 200,        /* times two for each attempt, at random below that */
    PAUSE_MAX_US = 20000,
};

struct step {
    slice          text;   /* of a simple query; */
    struct portal *portal; /* or of the extended protocol: an owned reference */
    int64_t        start_us;
    uint64_t       digest;
    size_t         mark, end; /* in the sink */
};

struct replay {
    struct arena *arena; /* texts */
    struct step  *steps;
    size_t        count, capacity, bytes, mark;
    int           attempts;
    bool          taken_back; /* the newest step is about to run for the client */
    bool          off;        /* this transaction is not run again */
    bool          running;
    bool          retrying; /* the statement that had failed runs again */
};

struct replay *replay_new(struct heap *heap)
{
    struct replay *r = heap_must_alloc(heap, 1, sizeof *r);

    r->arena = arena_new(heap, NULL);
    return r;
}

static void drop_steps(struct sql_session *s)
{
    struct replay *r = s->replay;

    for (size_t i = 0; i < r->count; i++)
        portal_free(s, r->steps[i].portal);
    if (r->count > 0)
        arena_reset(r->arena);
    r->count = r->bytes = 0;
}

void replay_free(struct sql_session *s)
{
    if (s->replay == NULL)
        return;
    drop_steps(s);
    heap_free(s->replay->steps);
    arena_free(s->replay->arena);
    heap_free(s->replay);
    s->replay = NULL;
}

void replay_reset(struct sql_session *s)
{
    struct replay *r = s->replay;

    ASSERT(!r->running);
    drop_steps(s);
    r->attempts = 0;
    r->off = r->taken_back = r->retrying = false;
}

void replay_new_transaction(struct sql_session *s)
{
    if (!s->replay->retrying) /* else its first statement runs again: attempts go on counting */
        replay_reset(s);
}

bool replay_is_running(const struct sql_session *s)
{
    return s->replay->running;
}

void replay_off(struct sql_session *s)
{
    if (s->replay->running)
        return;
    drop_steps(s);
    s->replay->off = true;
}

/* ---- keeping what has run
 * --------------------------------------------------------------------------------------- */

void replay_begin(struct sql_session *s)
{
    s->replay->mark = s->sink->mark(s->sink);
    s->context.touched_outside = false;
    s->sink->digest_begin(s->sink);
}

/* Statements that do the same when they run again, or show it when they do not. Those that change
 * the session without being undone (PREPARE, cursors), or take data from the client, do not. */
static bool is_repeatable(const PgQuery__Node *node)
{
    if (statement_is_plannable(node))
        return true;
    switch (node->node_case) {
    case PG_QUERY__NODE__NODE_VARIABLE_SET_STMT:
    case PG_QUERY__NODE__NODE_VARIABLE_SHOW_STMT:
    case PG_QUERY__NODE__NODE_LOCK_STMT:
        return true;
    case PG_QUERY__NODE__NODE_TRANSACTION_STMT:
        switch (node->transaction_stmt->kind) {
        case PG_QUERY__TRANSACTION_STMT_KIND__TRANS_STMT_BEGIN:
        case PG_QUERY__TRANSACTION_STMT_KIND__TRANS_STMT_START:
        case PG_QUERY__TRANSACTION_STMT_KIND__TRANS_STMT_SAVEPOINT:
        case PG_QUERY__TRANSACTION_STMT_KIND__TRANS_STMT_RELEASE:
        case PG_QUERY__TRANSACTION_STMT_KIND__TRANS_STMT_ROLLBACK_TO:
            return true;
        default:
            return false;
        }
    default:
        return false;
    }
}

static bool is_commit(const PgQuery__Node *node)
{
    return node->node_case == PG_QUERY__NODE__NODE_TRANSACTION_STMT &&
           node->transaction_stmt->kind == PG_QUERY__TRANSACTION_STMT_KIND__TRANS_STMT_COMMIT;
}

static bool has_room(struct replay *r, size_t bytes)
{
    r->bytes += bytes;
    return r->count < STEPS_MAX && r->bytes <= BYTES_MAX;
}

static void make_room(struct sql_session *s)
{
    struct replay *r = s->replay;
    struct step   *steps;

    if (r->count < r->capacity)
        return;
    r->capacity = MAX((size_t)16, 2 * r->capacity);
    steps = heap_must_alloc(s->heap, r->capacity, sizeof *steps);
    if (r->count > 0)
        memcpy(steps, r->steps, r->count * sizeof *steps);
    heap_free(r->steps);
    r->steps = steps;
}

static void keep(struct sql_session *s, slice text, struct portal *x)
{
    struct replay *r = s->replay;
    struct step   *e;

    make_room(s);
    e = &r->steps[r->count++];
    *e = (struct step){.portal = x,
                       .start_us = s->context.statement_start_us,
                       .mark = r->mark,
                       .end = s->sink->mark(s->sink),
                       .digest = s->sink->digest_end(s->sink)};
    if (x != NULL)
        x->references++;
    else
        e->text = arena_copy(r->arena, text);
}

void replay_note(struct sql_session *s, const PgQuery__Node *node, slice text, struct portal *x)
{
    struct replay *r = s->replay;

    r->retrying = false;
    if (s->txn == NULL) {
        replay_reset(s);
        return;
    }
    if (r->off)
        return;
    if (s->block == BLOCK_FAILED || txn_isolation(s->txn) == TXN_READ_COMMITTED ||
        s->context.touched_outside || (node != NULL && !is_repeatable(node)) ||
        !has_room(r, x != NULL ? arena_size(x->arena) : text.size))
        replay_off(s);
    else
        keep(s, text, x);
}

/* ---- running it again
 * --------------------------------------------------------------------------------------- */

static void make_ready(struct portal *x)
{
    execution_close(x->execution);
    x->execution = NULL;
    x->done = false;
    x->tag = NULL;
    x->row_count = 0;
}

/* Nothing of the steps runs any more, and nothing of their transaction is left. */
static void start_over(struct sql_session *s)
{
    for (size_t i = 0; i < s->replay->count; i++) {
        if (s->replay->steps[i].portal != NULL)
            make_ready(s->replay->steps[i].portal);
    }
    transaction_abandon(s);
}

static status run_step(struct sql_session *s, const struct step *e)
{
    const PgQuery__Node *node;
    bool                 suspended;

    if (e->portal == NULL)
        return statement_run_text(s, e->text);
    node = e->portal->statement->node;
    if (node != NULL && !statement_ends_transaction(node))
        TRY_RETURN(transaction_begin_statement(s));
    return portal_run(s, e->portal, 0, &suspended);
}

static status diverged(void)
{
    return status_new(ST_INTERNAL, "the transaction has given other results");
}

static status run_steps(struct sql_session *s)
{
    struct replay *r = s->replay;

    for (size_t i = 0; i < r->count; i++) {
        const struct step *e = &r->steps[i];
        status             st;

        s->context.statement_start_us = e->start_us;
        s->sink->digest_begin(s->sink);
        st = run_step(s, e);
        if (s->sink->digest_end(s->sink) != e->digest && st_ok(st))
            st = diverged();
        if (!st_ok(st))
            return st;
        TRY_RETURN(sql_check_interrupts(&s->context));
    }
    return STATUS_OK;
}

static status run_again(struct sql_session *s)
{
    struct replay      *r = s->replay;
    struct result_sink *sink = s->sink;
    int64_t             now_us = s->context.statement_start_us;
    status              st;

    s->sink = sink->silent(sink);
    r->running = true;
    start_over(s);
    st = run_steps(s);
    r->running = false;
    s->sink = sink;
    s->context.statement_start_us = now_us;
    return st;
}

static bool is_conflict(status st)
{
    return status_code(st) == ST_SERIALIZATION || status_code(st) == ST_DEADLOCK;
}

/* Who lost to somebody who is still at it would lose again at once. */
static status pause(struct sql_session *s)
{
    int      attempt = s->replay->attempts++;
    uint64_t us = MIN((uint64_t)PAUSE_US << attempt, (uint64_t)PAUSE_MAX_US);

    s->server->replays_attempted++;
    return attempt == 0 ? STATUS_OK
                        : env_sleep_us(s->server->env, env_rand_below(s->server->env, us));
}

/* A conflict lost, and again in the replay: until it goes through, or another thing happens. */
static status run_until_done(struct sql_session *s)
{
    for (;;) {
        status st = pause(s);

        if (st_ok(st))
            st = run_again(s);
        if (!is_conflict(st) || s->replay->attempts == ATTEMPTS_MAX)
            return st;
        st_clear(st);
    }
}

static bool may_replay(const struct sql_session *s, status st)
{
    const struct replay *r = s->replay;

    if (!is_conflict(st) || r->off || r->running || r->attempts == ATTEMPTS_MAX)
        return false;
    return r->count > 0 || r->taken_back ||
           (s->txn != NULL && txn_isolation(s->txn) != TXN_READ_COMMITTED);
}

status replay_retry(struct sql_session *s, status st, const PgQuery__Node *node, struct portal *x)
{
    enum txn_block was = s->block;
    status         again;

    s->replay->retrying = false;
    if (!may_replay(s, st) || (node != NULL && !is_repeatable(node) && !is_commit(node)) ||
        !s->sink->rewind(s->sink, s->replay->mark)) {
        replay_off(s);
        return st;
    }
    if (x != NULL)
        make_ready(x);
    again = run_until_done(s);
    if (st_ok(again)) {
        s->server->replays_succeeded++;
        s->replay->retrying = true;
        st_clear(st);
        return STATUS_OK;
    }
    s->server->replays_diverged += !is_conflict(again);
    start_over(s); /* the caller ends the block as for any error */
    s->block = was;
    replay_off(s);
    if (status_code(again) == ST_CANCELLED) { /* as the client has asked */
        st_clear(st);
        return again;
    }
    st_clear(again);
    return st;
}

/* Its new results can take the place of the old ones, as nothing was written behind them. */
struct portal *replay_take_back(struct sql_session *s, status st)
{
    struct replay *r = s->replay;
    struct step   *e = r->count > 0 ? &r->steps[r->count - 1] : NULL;
    struct portal *x;

    if (!may_replay(s, st) || e == NULL || e->portal == NULL || s->sink->mark(s->sink) != e->end ||
        !s->sink->rewind(s->sink, e->mark))
        return NULL;
    x = e->portal;
    r->mark = e->mark;
    r->count--;
    r->taken_back = true;
    make_ready(x);
    return x;
}
