#include "client.h"

#include <string.h>

#include "base/assert.h"
#include "clock.h"

/* Operations that began in the warm-up do not count behind its end. */
static bool counts(const struct runner *r, const struct client *c)
{
    return r->phase == PHASE_WARMUP || c->began_ns >= r->measured_from_ns;
}

static void end_operation(struct runner *r, struct client *c)
{
    ASSERT(c->active);
    c->active = false;
    r->active--;
}

/* Send the operation's next batch, or count it when there is none. */
static void advance(struct runner *r, struct client *c)
{
    struct session        *s = &c->session;
    const struct workload *w = r->bench->workload;

    s->batch.count = 0;
    if (w->next(r->bench, &c->op, c->op.step == 0 ? NULL : s->rows, &s->batch)) {
        if (session_send(s) == SESSION_LOST)
            client_on_event(r, c, SESSION_LOST);
        return;
    }
    if (counts(r, c))
        stats_operation(&r->stats, c->op.kind, clock_now_ns() - c->began_ns);
    end_operation(r, c);
    runner_client_idle(r, c);
}

void client_begin(struct runner *r, struct client *c, uint64_t began_ns)
{
    ASSERT(!c->active && c->session.state == SESSION_IDLE);
    c->active = true;
    r->active++;
    r->begun++;
    c->began_ns = began_ns;
    c->tries = 1;
    memset(&c->op, 0, sizeof c->op);
    r->bench->workload->choose(r->bench, &c->prng, &c->op);
    advance(r, c);
}

/* ---- errors ---- */

/* A conflict says that the transaction would have succeeded alone, so it is tried again; any other
 * error would come again. */
static bool is_conflict(const struct session_error *e)
{
    return strcmp(e->sqlstate, "40001") == 0 || strcmp(e->sqlstate, "40P01") == 0;
}

static void give_up(struct runner *r, struct client *c, const struct session_error *e)
{
    if (counts(r, c))
        stats_error(&r->stats, c->op.kind, e, false);
    end_operation(r, c);
    if (!r->bench->options->stop_on_error || r->end != RUN_COMPLETE)
        return;
    fprintf(stderr, "%s: %s: %s (SQLSTATE %s); --on-error continue counts errors and goes on\n",
            PROGRAM, r->bench->workload->kinds[c->op.kind], e->message, e->sqlstate);
    runner_stop(r, RUN_ERROR);
}

static void resolve(struct runner *r, struct client *c, const struct session_error *e)
{
    uint64_t tries_max = r->bench->options->tries_max;

    if (!is_conflict(e) || (tries_max > 0 && c->tries >= tries_max)) {
        give_up(r, c, e);
        runner_client_idle(r, c);
        return;
    }
    if (counts(r, c))
        stats_error(&r->stats, c->op.kind, e, true);
    c->tries++;
    c->op.step = 0;
    advance(r, c);
}

/* ---- events ---- */

static void roll_back(struct runner *r, struct client *c)
{
    c->failure = c->session.error;
    c->rolling_back = true;
    c->session.batch.count = 0;
    batch_call(&c->session.batch, &statement_rollback);
    if (session_send(&c->session) == SESSION_LOST)
        client_on_event(r, c, SESSION_LOST);
}

static void on_done(struct runner *r, struct client *c)
{
    if (c->rolling_back) {
        c->rolling_back = false;
        resolve(r, c, &c->failure);
    } else if (c->session.error.sqlstate[0] == '\0') {
        c->op.step++;
        advance(r, c);
    } else if (session_in_transaction(&c->session)) {
        roll_back(r, c);
    } else {
        struct session_error e = c->session.error; /* a retry forgets it */

        resolve(r, c, &e);
    }
}

void client_on_event(struct runner *r, struct client *c, enum session_event event)
{
    switch (event) {
    case SESSION_NOTHING:
        break;
    case SESSION_READY:
        runner_client_idle(r, c);
        break;
    case SESSION_DONE:
        on_done(r, c);
        break;
    case SESSION_LOST:
        c->rolling_back = false;
        if (c->active)
            give_up(r, c, &c->session.error);
        runner_client_lost(r, c);
        break;
    }
}
