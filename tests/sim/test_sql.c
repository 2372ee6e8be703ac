/* SQL in the simulator: a whole node behind the simulated network, with list-append, bank and
 * counter clients that speak the wire protocol, and crashes, power losses, failing and full disks,
 * clocks that step back, vanishing clients, cancels and time-outs. Every history must be
 * serializable, or what its level promises; and planted bugs must be noticed (pitfall V4).
 *
 * LINERA_SEEDS=FROM..TO says which seeds to run (`make sim SEEDS=1..1000`); each prints its trace
 * hash. */
/* Stand-ins that can be told to see no changes, or some that are not there; and to find all results
 * alike. */
#define range_refresh real_range_refresh
#include "../../lib/kv/range.c"
#undef range_refresh
#define wire_digest_end real_wire_digest_end
#include "../../lib/pgwire/digest.c"
#undef wire_digest_end

#include "tests/common/test.h"

#include "client/elle.h"
#include "env/sim.h"
#include "node/node.h"
#include "sql/session/session.h"
#include "storage/engine.h"
#include "tests/common/pg_client.h"
#include "tests/env/sim_crashes.h"

enum {
    CLIENTS = 8,
    TXNS = 25, /* of each client */
    KEYS = 4,  /* of each kind of list */
    OPS_MAX = 4,
    ACCOUNTS = 5,
    BALANCE = 100,
    CRASHES_MAX = 4,
    STARTS_MAX = 50, /* after this the node will never start */
    CLOCK_STEPS = 3,
    PORT = 5432,
    MS = 1000,
    SECOND_US = 1000000,
    TIMEOUT_US = 2 * SECOND_US, /* of a client for each answer */
    WATCH_US = 5 * MS,
};

enum bug {
    BUG_NONE,
    BUG_WEAK_LEVEL,    /* runs at REPEATABLE READ what is checked as SERIALIZABLE */
    BUG_NO_REFRESH,    /* moves timestamps without looking whether what was read has changed */
    BUG_LOST_RECORD,   /* the disk drops a write that it has acknowledged, and the power goes */
    BUG_CLOCK_FORGETS, /* starts without the bound that its clock has made durable (C3) */
    BUG_BLIND_REPLAY,  /* runs transactions again without comparing their results (T7) */
    BUG_COUNT
};

/* The stand-ins know no world. */
static bool skip_refresh, force_conflicts, skip_digest;

uint64_t wire_digest_end(struct wire *w);

uint64_t wire_digest_end(struct wire *w)
{
    uint64_t digest = real_wire_digest_end(w);

    return skip_digest ? 0 : digest;
}

status range_refresh(struct range *r, uint64_t txn_id, const struct latch *own,
                     const struct kv_span *spans, size_t count, hlc_ts from, hlc_ts to,
                     bool *changed);

status range_refresh(struct range *r, uint64_t txn_id, const struct latch *own,
                     const struct kv_span *spans, size_t count, hlc_ts from, hlc_ts to,
                     bool *changed)
{
    *changed = false;
    if (skip_refresh)
        return STATUS_OK;
    if (force_conflicts && env_rand_below(range_env(r), 2) == 0) {
        *changed = true;
        return STATUS_OK;
    }
    return real_range_refresh(r, txn_id, own, spans, count, from, to, changed);
}

struct world;

struct client {
    struct world     *w;
    struct env       *env;
    struct pg_client *pg; /* NULL: not connected */
    struct buf        sql;
    uint64_t          number;
    int               done;
    size_t            txn;   /* in the history */
    const char       *level; /* of the running transaction */
    bool              committing;
    uint64_t          counted, perhaps_counted; /* increments of the own counter */
};

struct world {
    struct sim         *sim;
    struct sim_node    *server, *machine; /* the machine of all clients */
    struct elle        *history;
    enum bug            bug;
    const char         *level;
    bool                mixed; /* each transaction has a level of its own (T13) */
    bool                disk_faults, vanish, cancel, timeouts;
    int                 crashes_left, clock_steps, clock_steps_left;
    uint64_t            last_value;
    struct client       clients[CLIENTS];
    struct node        *node;
    struct env_cond     stop;
    bool                stopping, restarting, hopeless;
    size_t              clients_left;
    int                 audits_left; /* the last one behind an orderly stop */
    bool                bank_wrong, counter_wrong, index_wrong;
    char                unexpected[256]; /* the first error that nobody should see */
    size_t              committed, conflicts, bank_checks, starts;
    struct sql_counters counters; /* of the node's last life */
};

static const char *const levels[] = {"serializable", "repeatable read", "read committed"};

/* ---- statements
 * --------------------------------------------------------------------------------------- */

static uint64_t below(struct client *c, uint64_t bound)
{
    return env_rand_below(c->env, bound);
}

/* What a client may be told under these faults. */
static bool is_expected(const char *sqlstate)
{
    static const char *const expected[] = {
        "40001", "40P01", /* lost a conflict */
        "08007",          /* the outcome is not known */
        "23505",          /* inserted meanwhile, below SERIALIZABLE */
        "22012",          /* 1/0, on purpose */
        "55P03", "57014", /* time-outs, cancels */
        "53100", "58030", /* the disk is full, or fails */
        "55000",          /* the clock stands back */
        "57P01",          /* the node stops */
    };

    for (size_t i = 0; i < ARRAY_LEN(expected); i++) {
        if (strcmp(expected[i], sqlstate) == 0)
            return true;
    }
    return false;
}

static status refusal(struct client *c, const char *sql)
{
    struct world *w = c->w;
    const char   *sqlstate = pg_sqlstate(c->pg);

    if (!is_expected(sqlstate) && w->unexpected[0] == '\0')
        snprintf(w->unexpected, sizeof w->unexpected, "%s %s (%s)", sqlstate, pg_message(c->pg),
                 sql);
    w->conflicts += strcmp(sqlstate, "40001") == 0;
    return status_new(status_code_from_sqlstate(sqlstate), "%s", pg_message(c->pg));
}

/* A statement with its values as literals. */
static const char *with_literals(struct client *c, const char *sql, const char *const *values)
{
    buf_reset(&c->sql);
    for (const char *at = sql; *at != '\0'; at++) {
        if (*at == '$')
            buf_printf(&c->sql, "'%s'", values[*++at - '1']);
        else
            buf_put_u8(&c->sql, (uint8_t)*at);
    }
    return buf_cstr(&c->sql);
}

/* Run one statement, by either protocol. CONNECTION_FAILURE, TIMED_OUT: it is not known what came
 * of it, and the connection is gone; else an error was the server's answer. */
static status run(struct client *c, const char *sql, const char *const *values, size_t count)
{
    bool   simple = below(c, 2) == 0;
    status st;

    if (c->w->vanish && below(c, 200) == 0)
        st = status_new(ST_CONNECTION_FAILURE, "the client has vanished");
    else
        st = simple ? pg_query(c->pg, with_literals(c, sql, values))
                    : pg_execute(c->pg, sql, values, count);
    if (st_ok(st))
        return pg_sqlstate(c->pg) == NULL ? STATUS_OK : refusal(c, sql);
    pg_close(c->pg);
    c->pg = NULL;
    return st;
}

static status run0(struct client *c, const char *sql)
{
    return run(c, sql, NULL, 0);
}

struct number {
    char text[24];
};

static struct number number(uint64_t n)
{
    struct number x;

    snprintf(x.text, sizeof x.text, "%llu", (unsigned long long)n);
    return x;
}

static status run_numbers(struct client *c, const char *sql, uint64_t a, uint64_t b)
{
    struct number x = number(a), y = number(b);
    const char   *values[] = {x.text, y.text};

    return run(c, sql, values, strchr(sql, '2') != NULL ? 2 : 1);
}

static void stay(struct client *c)
{
    if (below(c, 3) == 0)
        st_clear(env_sleep_us(c->env, below(c, 2 * MS)));
}

/* ---- lists: keys below KEYS are texts, the others are sets of rows
 * --------------------------------------------------------------------------------------- */

static void note_text(struct client *c, uint64_t key, const char *text)
{
    uint64_t values[4096];
    size_t   count = 0;

    for (char *end; text != NULL && *text != '\0' && count < ARRAY_LEN(values); text = end) {
        values[count++] = strtoull(text, &end, 10);
        end += *end == ',';
    }
    elle_read(c->w->history, c->txn, key, values, count);
}

/* The result's rows (key, value), the key first or left out. */
static void note_rows(struct client *c, uint64_t key, bool with_key)
{
    uint64_t values[4096];
    size_t   count = 0;

    for (size_t i = 0; i < pg_row_count(c->pg); i++) {
        if (!with_key || strtoull(pg_value(c->pg, i, 0), NULL, 10) == key)
            values[count++] = strtoull(pg_value(c->pg, i, with_key), NULL, 10);
    }
    elle_read(c->w->history, c->txn, key, values, count);
}

static status op_read(struct client *c, uint64_t key)
{
    if (key < KEYS) {
        TRY_RETURN(run_numbers(c, "select v from lists where k = $1", key, 0));
        note_text(c, key, pg_value(c->pg, 0, 0));
    } else {
        TRY_RETURN(run_numbers(c, "select n from appends where k = $1 order by pos", key, 0));
        note_rows(c, key, false);
    }
    return STATUS_OK;
}

/* Keys [from, to) of one kind; those that are not there are read as empty (T14). */
static status op_scan(struct client *c, uint64_t from, uint64_t to)
{
    if (from >= KEYS) {
        TRY_RETURN(run_numbers(
            c, "select k, n from appends where k >= $1 and k < $2 order by k, pos", from, to));
        for (uint64_t key = from; key < to; key++)
            note_rows(c, key, true);
        return STATUS_OK;
    }
    TRY_RETURN(run_numbers(c, "select k, v from lists where k >= $1 and k < $2", from, to));
    for (uint64_t key = from; key < to; key++) {
        const char *text = NULL;

        for (size_t i = 0; i < pg_row_count(c->pg); i++) {
            if (strtoull(pg_value(c->pg, i, 0), NULL, 10) == key)
                text = pg_value(c->pg, i, 1);
        }
        note_text(c, key, text);
    }
    return STATUS_OK;
}

/* The list is made longer here, by what the client has read. */
static status append_by_client(struct client *c, uint64_t key, uint64_t value)
{
    bool        lock = c->level == levels[2] || below(c, 2) == 0;
    const char *values[2];
    struct buf  text;
    bool        found;
    status      st;

    TRY_RETURN(run_numbers(c,
                           lock ? "select v from lists where k = $1 for update"
                                : "select v from lists where k = $1",
                           key, 0));
    found = pg_row_count(c->pg) == 1;
    buf_init(&text, NULL);
    if (found)
        buf_printf(&text, "%s,", pg_value(c->pg, 0, 0));
    buf_printf(&text, "%llu", (unsigned long long)value);
    stay(c);
    struct number k = number(key);
    values[0] = k.text;
    values[1] = buf_cstr(&text);
    st =
        run(c, found ? "update lists set v = $2 where k = $1" : "insert into lists values ($1, $2)",
            values, 2);
    buf_deinit(&text);
    return st;
}

static status append_to_text(struct client *c, uint64_t key, uint64_t value)
{
    switch (below(c, 3)) {
    case 0:
        return run_numbers(c,
                           "insert into lists values ($1, $2) on conflict (k) do update set v = "
                           "lists.v || ',' || excluded.v",
                           key, value);
    case 1:
        TRY_RETURN(run_numbers(c, "update lists set v = v || ',' || $2 where k = $1", key, value));
        if (strcmp(pg_tag(c->pg), "UPDATE 0") != 0)
            return STATUS_OK;
        return run_numbers(c, "insert into lists values ($1, $2)", key, value);
    default:
        return append_by_client(c, key, value);
    }
}

static status append(struct client *c, uint64_t key, uint64_t value)
{
    if (key < KEYS)
        return append_to_text(c, key, value);
    return run_numbers(c,
                       "insert into appends select $1::int, coalesce(max(pos), 0) + 1, $2::bigint "
                       "from appends where k = $1::int",
                       key, value);
}

static status op_append(struct client *c, uint64_t key)
{
    uint64_t value = ++c->w->last_value;

    /* Noted first: when the connection breaks nobody knows how far it went. */
    elle_append(c->w->history, c->txn, key, value);
    return append(c, key, value);
}

/* Appends that are undone again: nobody may ever see them. */
static status op_undone(struct client *c, uint64_t key)
{
    TRY_RETURN(run0(c, "savepoint s"));
    if (below(c, 2) == 0) {
        status st = run0(c, "select 1/0");

        if (status_code(st) != ST_DIVISION_BY_ZERO)
            return st_ok(st) ? status_new(ST_SERIALIZATION, "one divided by zero") : st;
        st_clear(st);
    } else {
        TRY_RETURN(append(c, key, ++c->w->last_value));
    }
    TRY_RETURN(run0(c, "rollback to s"));
    return below(c, 2) == 0 ? run0(c, "release s") : STATUS_OK;
}

static status list_ops(struct client *c)
{
    unsigned used = 0; /* one operation a key: READ COMMITTED may read it differently twice */

    for (uint64_t n = 1 + below(c, OPS_MAX); n > 0; n--) {
        uint64_t key = below(c, 2 * KEYS), kind = below(c, 10);
        unsigned bit = 1u << key;

        if ((used & bit) != 0 && c->level == levels[2])
            continue;
        if (kind < 4) {
            TRY_RETURN(op_read(c, key));
        } else if (kind < 5 && used == 0) {
            uint64_t end = key < KEYS ? KEYS : 2 * KEYS, to = key + 1 + below(c, end - key);

            TRY_RETURN(op_scan(c, key, to));
            for (; key < to; key++)
                bit |= 1u << key;
        } else if (kind < 6) {
            TRY_RETURN(op_undone(c, key));
            continue;
        } else {
            TRY_RETURN(op_append(c, key));
        }
        used |= bit;
        stay(c);
    }
    return STATUS_OK;
}

static status begin(struct client *c)
{
    char sql[64];

    snprintf(sql, sizeof sql, "begin isolation level %s", c->level);
    TRY_RETURN(run0(c, sql));
    if (c->w->timeouts && below(c, 4) == 0)
        return run0(c, below(c, 2) == 0 ? "set local lock_timeout = '3ms'"
                                        : "set local statement_timeout = '4ms'");
    return STATUS_OK;
}

static status commit(struct client *c)
{
    if (below(c, 20) == 0)
        return status_new(ST_CANCELLED, "given up");
    c->committing = true;
    TRY_RETURN(run0(c, "commit"));
    ASSERT(strcmp(pg_tag(c->pg), "COMMIT") == 0);
    return STATUS_OK;
}

/* What became of a transaction or a statement of its own. */
static enum elle_outcome outcome_of(const struct client *c, status st)
{
    if (st_ok(st))
        return ELLE_OK;
    if (status_code(st) == ST_OUTCOME_UNKNOWN)
        return ELLE_UNKNOWN;
    return c->pg == NULL && c->committing ? ELLE_UNKNOWN : ELLE_FAILED;
}

/* Bring the connection back to where no transaction is open. */
static void clean_up(struct client *c)
{
    if (c->pg != NULL && pg_state(c->pg) != 'I')
        st_clear(run0(c, "rollback"));
}

static void begin_list_txn(struct client *c)
{
    struct world *w = c->w;

    c->txn = elle_begin(w->history, sim_now_us(w->sim));
    c->committing = false;
    c->level = w->bug == BUG_WEAK_LEVEL ? levels[1] : w->mixed ? levels[below(c, 3)] : w->level;
    if (w->mixed && c->level != levels[0])
        elle_weaken(w->history, c->txn);
}

static void end_list_txn(struct client *c, status st)
{
    enum elle_outcome outcome = outcome_of(c, st);

    elle_end(c->w->history, c->txn, outcome, sim_now_us(c->w->sim));
    c->w->committed += outcome == ELLE_OK;
    st_clear(st);
    clean_up(c);
}

static void list_txn(struct client *c)
{
    status st;

    begin_list_txn(c);
    st = begin(c);
    if (st_ok(st))
        st = list_ops(c);
    if (st_ok(st))
        st = commit(c);
    end_list_txn(c, st);
}

/* One statement that is a transaction of its own, at the session's level. */
static void lone_append(struct client *c)
{
    uint64_t key = KEYS + below(c, KEYS);
    char     sql[80];
    status   st;

    begin_list_txn(c);
    snprintf(sql, sizeof sql, "set default_transaction_isolation = '%s'", c->level);
    st = run0(c, sql);
    if (st_ok(st)) {
        c->committing = true;
        st = op_append(c, key);
    }
    end_list_txn(c, st);
}

/* ---- bank and counters
 * --------------------------------------------------------------------------------------- */

static status transfer_ops(struct client *c, uint64_t from, uint64_t to, uint64_t amount)
{
    TRY_RETURN(begin(c));
    TRY_RETURN(
        run_numbers(c, "update accounts set balance = balance - $2 where id = $1", from, amount));
    stay(c);
    TRY_RETURN(
        run_numbers(c, "update accounts set balance = balance + $2 where id = $1", to, amount));
    return commit(c);
}

static void transfer(struct client *c)
{
    c->level = c->w->level;
    st_clear(transfer_ops(c, below(c, ACCOUNTS), below(c, ACCOUNTS), below(c, 20)));
    clean_up(c);
}

/* Account by account, which needs a snapshot of the transaction; or in one statement. */
static status sum_accounts(struct client *c, long *sum)
{
    *sum = 0;
    if (c->level == levels[2] || below(c, 2) == 0) {
        TRY_RETURN(run0(c, "select sum(balance) from accounts"));
        *sum = atol(pg_value(c->pg, 0, 0));
        return STATUS_OK;
    }
    for (uint64_t id = 0; id < ACCOUNTS; id++) {
        TRY_RETURN(run_numbers(c, "select balance from accounts where id = $1", id, 0));
        *sum += atol(pg_value(c->pg, 0, 0));
    }
    return STATUS_OK;
}

static void audit(struct client *c)
{
    long   sum = 0;
    status st;

    c->level = c->w->level;
    st = begin(c);
    if (st_ok(st))
        st = sum_accounts(c, &sum);
    /* What SERIALIZABLE has read counts once it has committed. */
    if (st_ok(st))
        st = run0(c, "commit");
    if (st_ok(st)) {
        c->w->bank_checks++;
        if (sum != ACCOUNTS * BALANCE)
            c->w->bank_wrong = true;
    }
    st_clear(st);
    clean_up(c);
}

/* Exactly once, or honestly unknown (T1, T7). */
static void count(struct client *c)
{
    status st;

    c->committing = true;
    st = run_numbers(c, "update counters set n = n + 1 where id = $1", c->number, 0);
    switch (outcome_of(c, st)) {
    case ELLE_OK:
        c->counted++;
        break;
    case ELLE_UNKNOWN:
        c->perhaps_counted++;
        break;
    case ELLE_FAILED:
        break;
    }
    st_clear(st);
}

/* ---- clients
 * --------------------------------------------------------------------------------------- */

static void be_connected(struct client *c)
{
    while (c->pg == NULL) {
        status st = pg_connect(c->env, "db", PORT, TIMEOUT_US, &c->pg);

        if (!st_ok(st))
            st_clear(env_sleep_us(c->env, 20 * MS));
        st_clear(st);
    }
}

static void client_main(struct env *env, void *arg)
{
    struct client *c = arg;

    for (; c->done < TXNS; c->done++) {
        uint64_t kind = below(c, 12);

        be_connected(c);
        if (kind < 7)
            list_txn(c);
        else if (kind < 8)
            lone_append(c);
        else if (kind < 10)
            transfer(c);
        else if (kind < 11)
            audit(c);
        else
            count(c);
        /* Not all of it while the clock or the disk refuses. */
        if (c->pg != NULL && pg_sqlstate(c->pg) != NULL)
            st_clear(env_sleep_us(env, below(c, 30 * MS)));
    }
    pg_close(c->pg);
    c->pg = NULL;
    c->w->clients_left--;
}

/* Asks for a stop of what somebody runs. */
static void nuisance_main(struct env *env, void *arg)
{
    struct world *w = arg;

    while (w->clients_left > 0) {
        struct client *c = &w->clients[env_rand_below(env, CLIENTS)];

        if (c->pg != NULL)
            pg_cancel(c->pg);
        st_clear(env_sleep_us(env, env_rand_below(env, 20 * MS)));
    }
}

static status make_tables(struct client *c)
{
    TRY_RETURN(run0(c, "create table if not exists lists (k int primary key, v text not null)"));
    TRY_RETURN(run0(c, "create table if not exists appends (k int, pos int, n bigint not null "
                       "unique, primary key (k, pos))"));
    TRY_RETURN(run0(c, "create table if not exists accounts (id int primary key, balance bigint)"));
    TRY_RETURN(run0(c, "create table if not exists counters (id int primary key, n bigint)"));
    for (uint64_t i = 0; i < ACCOUNTS; i++)
        TRY_RETURN(run_numbers(c, "insert into accounts values ($1, $2) on conflict do nothing", i,
                               BALANCE));
    for (uint64_t i = 0; i < CLIENTS; i++)
        TRY_RETURN(
            run_numbers(c, "insert into counters values ($1, $2) on conflict do nothing", i, 0));
    return STATUS_OK;
}

static void machine_main(struct env *env, void *arg)
{
    struct world *w = arg;
    struct client c = {.w = w, .env = env};
    bool          made = false;

    buf_init(&c.sql, env_heap(env));
    while (!made) {
        status st;

        be_connected(&c);
        st = make_tables(&c);
        made = st_ok(st);
        st_clear(st);
    }
    pg_close(c.pg);
    buf_deinit(&c.sql);
    for (size_t i = 0; i < CLIENTS; i++) {
        w->clients[i].env = env;
        buf_init(&w->clients[i].sql, env_heap(env));
        assert_st_ok(env_spawn(env, "client", client_main, &w->clients[i], NULL));
    }
    if (w->cancel)
        assert_st_ok(env_spawn(env, "nuisance", nuisance_main, w, NULL));
}

/* ---- the end: look at everything once more
 * --------------------------------------------------------------------------------------- */

static status check_counters(struct client *c)
{
    for (uint64_t i = 0; i < CLIENTS; i++) {
        const struct client *o = &c->w->clients[i];
        uint64_t             n;

        TRY_RETURN(run_numbers(c, "select n from counters where id = $1", i, 0));
        n = strtoull(pg_value(c->pg, 0, 0), NULL, 10);
        if (n < o->counted || n > o->counted + o->perhaps_counted)
            c->w->counter_wrong = true;
    }
    return STATUS_OK;
}

/* The secondary index must lead to the row that the table shows. */
static status check_index(struct client *c)
{
    uint64_t n[16];
    size_t   count;

    TRY_RETURN(run0(c, "select n from appends order by k, pos limit 16"));
    count = pg_row_count(c->pg);
    for (size_t i = 0; i < count; i++)
        n[i] = strtoull(pg_value(c->pg, i, 0), NULL, 10);
    for (size_t i = 0; i < count; i++) {
        TRY_RETURN(run_numbers(c, "select k, pos from appends where n = $1", n[i], 0));
        if (pg_row_count(c->pg) != 1)
            c->w->index_wrong = true;
    }
    return STATUS_OK;
}

static status look_at_all(struct client *c)
{
    long sum;

    TRY_RETURN(run0(c, "begin isolation level serializable"));
    TRY_RETURN(op_scan(c, 0, KEYS));
    TRY_RETURN(op_scan(c, KEYS, 2 * KEYS));
    TRY_RETURN(sum_accounts(c, &sum));
    c->w->bank_wrong |= sum != ACCOUNTS * BALANCE;
    TRY_RETURN(check_counters(c));
    TRY_RETURN(check_index(c));
    return run0(c, "commit");
}

static void auditor_main(struct env *env, void *arg)
{
    struct world *w = arg;
    struct client c = {.w = w, .env = env, .level = levels[0]};
    bool          done = false;

    buf_init(&c.sql, env_heap(env));
    while (!done) {
        status st;

        be_connected(&c);
        c.txn = elle_begin(w->history, sim_now_us(w->sim));
        st = look_at_all(&c);
        done = st_ok(st);
        end_list_txn(&c, st);
    }
    pg_close(c.pg);
    buf_deinit(&c.sql);
    w->audits_left--;
}

/* ---- the node
 * --------------------------------------------------------------------------------------- */

static void kill_server(struct sim *s, void *arg)
{
    (void)s;
    sim_crash(((struct world *)arg)->server, SIM_KILL);
}

static void on_store_stopped(void *ctx, status reason)
{
    struct world *w = ctx;

    (void)reason;
    sim_after_us(w->sim, 0, kill_server, w); /* in life the process ends there */
}

static status forget_clock(struct env *env)
{
    struct engine_options o = {.type = ENGINE_LSM, .path = "store"};
    struct engine        *engine;
    struct engine_batch   b;
    char                  zero[8] = {0};
    status                st;

    TRY_RETURN(engine_open(env, &o, &engine));
    engine_batch_init(&b, env_heap(env));
    st = engine_batch_put_meta(&b, SLICE_LIT("clock-bound"), slice_make(zero, sizeof zero));
    if (st_ok(st))
        st = engine_commit(engine, &b, true);
    engine_batch_deinit(&b);
    engine_close(engine);
    return st;
}

static status start(struct world *w, struct env *env)
{
    struct node_options o = {.store = "store",
                             .user = "postgres",
                             .engine = {.memtable_size = 32 << 10,
                                        .cache_size = 32 << 10,
                                        .table_size = 16 << 10,
                                        .level_size = 32 << 10,
                                        .log_segment_size = 256 << 10},
                             .sql = {.host = "", .port = PORT},
                             .sql_memory = (uint64_t)64 << 20,
                             .connections_max = 50,
                             .on_store_stopped = on_store_stopped,
                             .on_store_stopped_ctx = w};

    if (w->bug == BUG_CLOCK_FORGETS && w->starts > 1)
        TRY_RETURN(forget_clock(env));
    return node_start(env, &o, &w->node);
}

static void server_main(struct env *env, void *arg)
{
    struct world *w = arg;
    status        st;

    w->starts++;
    w->stopping = false;
    w->node = NULL;
    env_cond_init(&w->stop);
    st = start(w, env);
    if (!st_ok(st)) { /* its disk fails; the next start will find it better */
        w->hopeless = status_code(st) == ST_CORRUPT || w->starts > STARTS_MAX;
        if (!is_expected(status_sqlstate(st)) && w->unexpected[0] == '\0')
            snprintf(w->unexpected, sizeof w->unexpected, "start: %s", status_message(st));
        st_clear(st);
        env_stop(env);
        return;
    }
    while (!w->stopping)
        st_clear(env_wait(env, &w->stop, 0));
    node_stop(w->node, SECOND_US);
    env_stop(env);
}

/* ---- faults
 * --------------------------------------------------------------------------------------- */

static bool is_running(const struct world *w)
{
    return w->audits_left > 0 && !w->hopeless;
}

static void step_clock_back(struct world *w, uint64_t us_max)
{
    if (w->clock_steps_left == 0)
        return;
    w->clock_steps_left--;
    sim_clock_jump(w->server, -(int64_t)sim_rand_below(w->sim, us_max));
}

static void restart(struct sim *s, void *arg)
{
    struct world          *w = arg;
    struct sim_disk_faults faults = {0};

    w->restarting = false;
    if (w->disk_faults && w->crashes_left > 0 && sim_rand_below(s, 4) == 0)
        faults.read_eio_at = 1 + sim_rand_below(s, 20);
    sim_disk_set_faults(w->server, &faults);
    if (w->bug == BUG_CLOCK_FORGETS)
        sim_clock_jump(w->server, -5 * (int64_t)SECOND_US);
    else if (sim_rand_below(s, 2) == 0)
        step_clock_back(w, 3 * SECOND_US);
    sim_restart(w->server);
}

/* Whatever has ended the node, somebody starts it again. */
static void watch(struct sim *s, void *arg)
{
    struct world *w = arg;

    if (!is_running(w))
        return;
    if (!sim_node_is_up(w->server) && !w->restarting) {
        w->restarting = true;
        sim_after_us(s, sim_rand_below(s, 100 * MS), restart, w);
    }
    sim_after_us(s, WATCH_US, watch, w);
}

static void fail_disk(struct world *w, struct sim *s)
{
    struct sim_disk_faults faults = {0};

    switch (sim_rand_below(s, 5)) {
    case 0:
        faults.sync_eio_at = 1 + sim_rand_below(s, 20);
        break;
    case 1:
        faults.write_eio_at = 1 + sim_rand_below(s, 40);
        break;
    case 2:
        faults.space_max = sim_disk_used(w->server) + sim_rand_below(s, 20000);
        break;
    case 3:
        faults.latency_factor = 20;
        break;
    default:
        break;
    }
    sim_disk_set_faults(w->server, &faults);
}

static enum sim_crash any_crash(struct sim *s)
{
    return sim_rand_below(s, 2) == 0 ? SIM_KILL : SIM_POWER_LOSS;
}

static void mischief(struct sim *s, void *arg)
{
    struct world *w = arg;

    if (!is_running(w) || w->clients_left == 0)
        return;
    if (sim_node_is_up(w->server)) {
        uint64_t kind = sim_rand_below(s, 6);

        if (kind == 0 && w->disk_faults)
            fail_disk(w, s);
        else if (kind == 1)
            step_clock_back(w, SECOND_US);
        else if (kind == 2 && w->vanish)
            sim_reset_conns(w->server, w->machine);
        else if (w->crashes_left > 0 && kind >= 3) {
            w->crashes_left--;
            if (kind == 3)
                sim_crash_at_io(w->server, 1 + sim_rand_below(s, 40), any_crash(s));
            else
                sim_crash(w->server, any_crash(s));
        }
    }
    sim_after_us(s, sim_rand_below(s, 60 * MS), mischief, w);
}

static void power_loss(struct sim *s, void *arg)
{
    (void)s;
    sim_crash(((struct world *)arg)->server, SIM_POWER_LOSS);
}

/* A lost record shows only when the disk is read again. */
static void lose_record(struct sim *s, void *arg)
{
    struct world          *w = arg;
    struct sim_disk_faults faults = {.write_lost_at = 1};

    if (w->clients_left == 0)
        return;
    sim_disk_set_faults(w->server, &faults);
    sim_after_us(s, 2 * MS, power_loss, w);
    if (w->starts < CRASHES_MAX)
        sim_after_us(s, SECOND_US, lose_record, w);
}

static void plan_bug(struct world *w)
{
    if (w->bug == BUG_LOST_RECORD)
        sim_after_us(w->sim, 100 * MS, lose_record, w);
    if (w->bug == BUG_CLOCK_FORGETS) {
        sim_after_us(w->sim, 150 * MS, kill_server, w);
        sim_after_us(w->sim, 400 * MS, kill_server, w);
    }
}

/* ---- a run
 * --------------------------------------------------------------------------------------- */

static bool clients_are_done(void *arg)
{
    const struct world *w = arg;

    return w->clients_left == 0 || w->hopeless;
}

static bool audit_is_done(void *arg)
{
    const struct world *w = arg;

    return w->audits_left < 2 || w->hopeless;
}

static bool server_is_down(void *arg)
{
    return !sim_node_is_up(((struct world *)arg)->server);
}

static bool all_is_done(void *arg)
{
    const struct world *w = arg;

    return w->audits_left == 0 || w->hopeless;
}

/* Clients to their end, an audit, an orderly stop, another audit. False: somebody never ended. */
static bool run_world(struct world *w)
{
    uint64_t               bound_us = 600 * (uint64_t)SECOND_US;
    struct sim_disk_faults none = {0};

    if (sim_run_until(w->sim, clients_are_done, w, bound_us) != SIM_DONE)
        return false;
    if (w->hopeless)
        return true;
    sim_disk_set_faults(w->server, &none);
    sim_crash_at_io(w->server, 0, SIM_KILL);
    assert_st_ok(env_spawn(sim_node_env(w->machine), "auditor", auditor_main, w, NULL));
    if (sim_run_until(w->sim, audit_is_done, w, bound_us) != SIM_DONE)
        return false;
    if (sim_node_is_up(w->server))
        sql_server_counters(node_sql(w->node), &w->counters);
    w->stopping = true;
    env_broadcast(sim_node_env(w->server), &w->stop);
    if (sim_run_until(w->sim, server_is_down, w, bound_us) != SIM_DONE)
        return false;
    assert_st_ok(env_spawn(sim_node_env(w->machine), "auditor", auditor_main, w, NULL));
    return sim_run_until(w->sim, all_is_done, w, bound_us) == SIM_DONE;
}

struct outcome {
    uint64_t hash;
    bool     wrong;
    size_t   anomalies, txns, committed, conflicts, bank_checks, starts, replays, replayed;
};

static void choose(struct world *w, uint64_t dice)
{
    bool bug = w->bug != BUG_NONE;

    w->level = bug || dice % 4 != 0 ? levels[0] : levels[1 + dice / 4 % 2];
    w->mixed = !bug && w->level == levels[0] && dice / 8 % 4 == 0;
    w->crashes_left = bug ? 0 : (int)(dice / 32 % CRASHES_MAX);
    w->disk_faults = !bug && dice / 256 % 2 == 0;
    w->clock_steps = w->clock_steps_left = !bug && dice / 512 % 4 == 0 ? CLOCK_STEPS : 0;
    w->vanish = !bug && dice / 2048 % 4 == 0;
    w->cancel = !bug && dice / 8192 % 4 == 0;
    w->timeouts = !bug && dice / 32768 % 4 == 0;
}

static void describe(const struct world *w, struct buf *report)
{
    buf_printf(report, "%s%s%s%s%s%s%s, %zu starts\n", w->level, w->mixed ? ", mixed" : "",
               w->disk_faults ? ", disk faults" : "", w->vanish ? ", clients vanish" : "",
               w->cancel ? ", cancels" : "", w->timeouts ? ", time-outs" : "",
               w->clock_steps ? ", clock steps" : "", w->starts);
    if (w->bank_wrong)
        buf_printf(report, "the bank's sum is wrong\n");
    if (w->counter_wrong)
        buf_printf(report, "a counter is wrong\n");
    if (w->index_wrong)
        buf_printf(report, "an index does not find a row\n");
    if (w->hopeless)
        buf_printf(report, "the node does not start again\n");
    if (w->unexpected[0] != '\0')
        buf_printf(report, "unexpected: %s\n", w->unexpected);
}

static enum elle_level elle_level_of(const char *level)
{
    return level == levels[0]   ? ELLE_SERIALIZABLE
           : level == levels[1] ? ELLE_SNAPSHOT
                                : ELLE_READ_COMMITTED;
}

static struct outcome run_seed(uint64_t seed, enum bug bug, struct buf *report)
{
    struct world       w = {.sim = sim_new(seed, NULL), .history = elle_new(NULL), .bug = bug};
    struct elle_result found;
    struct outcome     out = {0};

    choose(&w, sim_rand64(w.sim));
    skip_refresh = bug == BUG_NO_REFRESH;
    skip_digest = bug == BUG_BLIND_REPLAY;
    force_conflicts = bug == BUG_NONE && sim_rand_below(w.sim, 4) == 0;
    w.clients_left = CLIENTS;
    w.audits_left = 2;
    for (size_t i = 0; i < CLIENTS; i++)
        w.clients[i] = (struct client){.w = &w, .number = i};
    w.server = sim_add_node(w.sim, "db", server_main, &w);
    w.machine = sim_add_node(w.sim, "clients", machine_main, &w);
    sim_after_us(w.sim, WATCH_US, watch, &w);
    sim_after_us(w.sim, 60 * MS, mischief, &w);
    plan_bug(&w);
    if (!run_world(&w)) {
        buf_printf(report, "stuck\n");
        sim_report(w.sim, report);
        out.wrong = true;
    }
    describe(&w, report);
    elle_check(w.history, elle_level_of(w.level), true, report, &found);
    out.wrong |=
        w.hopeless || w.bank_wrong || w.counter_wrong || w.index_wrong || w.unexpected[0] != '\0';
    out.anomalies = found.forbidden;
    out.txns = elle_txn_count(w.history);
    out.committed = w.committed;
    out.conflicts = w.conflicts;
    out.bank_checks = w.bank_checks;
    out.starts = w.starts;
    out.replays = w.counters.replays_attempted;
    out.replayed = w.counters.replays_succeeded;
    out.hash = sim_trace_hash(w.sim);
    sim_free(w.sim);
    elle_free(w.history);
    return out;
}

static void seed_range(unsigned long long *from, unsigned long long *to)
{
    const char *text = getenv("LINERA_SEEDS");

    *from = 1;
    *to = 20;
    if (text != NULL && sscanf(text, "%llu..%llu", from, to) == 1)
        *to = *from;
}

static void seeds(void **state)
{
    unsigned long long from, to;
    struct outcome     sum = {0};

    (void)state;
    for (seed_range(&from, &to); from <= to; from++) {
        struct buf     report;
        struct outcome out;

        buf_init(&report, NULL);
        out = run_seed(from, BUG_NONE, &report);
        printf("seed %llu hash %016llx\n", from, (unsigned long long)out.hash);
        if (out.wrong || out.anomalies > 0)
            fail_msg("seed %llu: %s", from, buf_cstr(&report));
        sum.txns += out.txns;
        sum.committed += out.committed;
        sum.conflicts += out.conflicts;
        sum.bank_checks += out.bank_checks;
        sum.starts += out.starts;
        sum.replays += out.replays;
        sum.replayed += out.replayed;
        buf_deinit(&report);
    }
    printf("%zu transactions, %zu committed, %zu conflicts, %zu audits, %zu starts, %zu replays, "
           "%zu unseen\n",
           sum.txns, sum.committed, sum.conflicts, sum.bank_checks, sum.starts, sum.replays,
           sum.replayed);
    /* Not a test if next to nothing happened (V2). */
    assert_true(sum.committed > sum.txns / 4);
}

static void same_seed(void **state)
{
    struct buf report;

    (void)state;
    buf_init(&report, NULL);
    for (uint64_t seed = 1; seed <= 10; seed++)
        assert_true(run_seed(seed, BUG_NONE, &report).hash ==
                    run_seed(seed, BUG_NONE, &report).hash);
    buf_deinit(&report);
}

static bool is_noticed(uint64_t seed, enum bug bug)
{
    struct buf     report;
    struct outcome out;

    buf_init(&report, NULL);
    out = run_seed(seed, bug, &report);
    buf_deinit(&report);
    return out.anomalies > 0 || out.wrong;
}

static void planted(void **state)
{
    static const char *const names[] = {"none",        "weak level",           "no refresh",
                                        "lost record", "a clock that forgets", "a blind replay"};

    (void)state;
    for (enum bug bug = BUG_WEAK_LEVEL; bug < BUG_COUNT; bug++) {
        uint64_t seed = 1;

        while (seed <= 20 && !is_noticed(seed, bug))
            seed++;
        if (seed > 20)
            fail_msg("nobody noticed: %s", names[bug]);
        printf("%s: noticed at seed %llu\n", names[bug], (unsigned long long)seed);
    }
}

/* ---- a clock that is set back while the node runs
 * --------------------------------------------------------------------------------------- */

struct step_back {
    struct world w;
    bool         refused, recovered;
};

static void step_back_now(struct sim *s, void *arg)
{
    struct step_back *b = arg;

    (void)s;
    sim_clock_jump(b->w.server, -2 * (int64_t)SECOND_US);
}

static void step_back_main(struct env *env, void *arg)
{
    struct step_back *b = arg;
    struct client     c = {.w = &b->w, .env = env};

    buf_init(&c.sql, env_heap(env));
    be_connected(&c);
    assert_st_ok(make_tables(&c));
    sim_after_us(b->w.sim, 0, step_back_now, b);
    while (!b->recovered) {
        st_clear(env_sleep_us(env, 10 * MS));
        st_clear(run0(&c, "update accounts set balance = balance + 1"));
        assert_non_null(c.pg); /* refused, and soon: the client did not wait in vain */
        if (pg_sqlstate(c.pg) != NULL) {
            assert_string_equal(pg_sqlstate(c.pg), "55000");
            b->refused = true;
        }
        b->recovered = b->refused && pg_sqlstate(c.pg) == NULL;
    }
    pg_close(c.pg);
    buf_deinit(&c.sql);
}

static bool has_recovered(void *arg)
{
    return ((struct step_back *)arg)->recovered;
}

static void clock_set_back(void **state)
{
    struct step_back b = {.w = {.sim = sim_new(1, NULL)}};

    (void)state;
    skip_refresh = skip_digest = force_conflicts = false;
    b.w.server = sim_add_node(b.w.sim, "db", server_main, &b.w);
    b.w.machine = sim_add_node(b.w.sim, "clients", step_back_main, &b);
    assert_int_equal(sim_run_until(b.w.sim, has_recovered, &b, 4 * (uint64_t)SECOND_US), SIM_DONE);
    sim_free(b.w.sim);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T("every history keeps its level's promise, through crashes and faults", seeds),
        T("the same seed is the same run", same_seed),
        T("planted bugs are noticed", planted),
        T("C6: while the wall clock is set back statements are refused, then run again",
          clock_set_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
