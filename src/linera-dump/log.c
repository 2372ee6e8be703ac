/* linera-dump log: the log of a store, or one of its segments. */
#include "dump.h"
#include "storage/batch.h"
#include "storage/log_scan.h"
#include "storage/lsm/entry.h"
#include "storage/lsm/manifest.h"
#include "storage/raft_format.h"
#include "storage/store_files.h"

status dump_find_base(struct dump *d, const struct version_set *set, struct log_base *out)
{
    const char **names;
    size_t       count;
    uint64_t     number;

    *out = (struct log_base){.start = MAX(set->log_sequence, (uint64_t)1)};
    if (out->start > 1)
        return STATUS_OK;
    TRY_RETURN(env_list_dir(d->env, d->options.path, d->arena, &names, &count));
    for (size_t i = 0; i < count; i++)
        if (store_file_kind(names[i], &number) == STORE_FILE_CHECKPOINT)
            out->checkpoint = MAX(out->checkpoint, number);
    out->start = MAX(out->start, out->checkpoint);
    return STATUS_OK;
}

/* Lock the store and read what is beside its log. */
static status open_store(struct dump *d, struct identity *id, struct log_base *base)
{
    struct version_set set;
    const char        *path;
    uint64_t           records;
    status             st = STATUS_OK;

    TRY_RETURN(dump_lock_store(d));
    TRY_RETURN(dump_read_identity(d, id));
    version_set_init(&set, env_heap(d->env), NULL, NULL);
    if (manifest_exists(d->env, d->options.path))
        st = dump_judge(d, dump_read_manifest(d, &set, &path, &records));
    if (st_ok(st))
        st = dump_find_base(d, &set, base);
    version_set_deinit(&set, NULL);
    return st;
}

/* Read the log of the path, a store or a segment. Damage is told, after what lies before it. */
static status scan_path(struct dump *d, struct log_scan *s, const struct log_visitor *v)
{
    struct identity id = {.node_id = 0};
    struct log_base base;

    if (!dump_is_dir(d)) {
        log_scan_init(s, d->env, d->options.path, id.incarnation, d->keyring);
        return dump_judge(d, log_scan_file(s, d->options.path, v));
    }
    log_scan_init(s, d->env, d->options.path, id.incarnation, d->keyring);
    TRY_RETURN(open_store(d, &id, &base));
    memcpy(s->incarnation, id.incarnation, sizeof s->incarnation);
    TRY_RETURN(log_scan_list(s));
    TRY_RETURN(dump_judge(d, log_scan_chain(s, base.start)));
    return d->faults > 0 ? STATUS_OK : dump_judge(d, log_scan_read(s, v));
}

static status show(struct dump *d, const struct log_visitor *v)
{
    struct log_scan s;
    status          st = scan_path(d, &s, v);

    log_scan_deinit(&s);
    return st;
}

/* ---- records ---- */

static const char *content_name(enum log_content content)
{
    return content == LOG_RAFT ? "raft" : "engine";
}

static const char *type_name(enum record_type type)
{
    static const char *const names[] = {[RECORD_WHOLE] = "whole",
                                        [RECORD_FIRST] = "first",
                                        [RECORD_MIDDLE] = "middle",
                                        [RECORD_LAST] = "last",
                                        [RECORD_MARK] = "mark"};

    return names[type];
}

static status put_record(void *ctx, const struct log_record *r, uint64_t offset)
{
    struct dump *d = ctx;
    struct rows *rows = &d->rows;

    rows_number(rows, r->sequence);
    rows_number(rows, r->segment);
    rows_number(rows, offset);
    rows_text(rows, type_name(r->type));
    rows_text(rows, r->type == RECORD_MARK ? NULL : content_name(r->content));
    rows_number(rows, r->payload.size);
    rows_number(rows, r->synced);
    return rows_next(rows);
}

status dump_log_records(struct dump *d)
{
    static const struct column columns[] = {{"sequence", TABLE_NUMBER}, {"segment", TABLE_NUMBER},
                                            {"offset", TABLE_NUMBER},   {"type", TABLE_TEXT},
                                            {"content", TABLE_TEXT},    {"size", TABLE_NUMBER},
                                            {"synced", TABLE_NUMBER}};
    const struct log_visitor   v = {.ctx = d, .record = put_record};

    if (dump_has_bounds(d)) /* records have no keys, what they hold has */
        return dump_log_operations(d);
    rows_columns(&d->rows, columns, ARRAY_LEN(columns));
    return show(d, &v);
}

/* ---- operations ---- */

/* What a change of either kind is, for a row. */
struct operation {
    const char *name;
    slice       key, end; /* with the byte of their space; empty: none */
    bool        has_ts, has_value;
    hlc_ts      ts;
    slice       value;
    uint64_t    range, index, term; /* 0: none */
};

static void number_or_null(struct rows *r, uint64_t n)
{
    if (n != 0)
        rows_number(r, n);
    else
        rows_null(r);
}

static status put_operation(struct dump *d, const struct log_record *last, struct log_place place,
                            const struct operation *o)
{
    struct rows *r = &d->rows;

    rows_number(r, place.sequence);
    rows_number(r, last->segment);
    rows_text(r, content_name(last->content));
    rows_text(r, o->name);
    rows_text(r, o->key.size > 0 ? dump_key(r->arena, o->key) : NULL);
    rows_text(r, dump_columns(r->arena, o->key));
    rows_text(r, o->end.size > 0 ? dump_key(r->arena, o->end) : NULL);
    rows_text(r, o->has_ts ? arena_printf(r->arena, "%" PRIu64, o->ts) : NULL);
    rows_text(r, o->has_ts ? dump_time(r->arena, o->ts) : NULL);
    number_or_null(r, o->range);
    number_or_null(r, o->index);
    number_or_null(r, o->term);
    if (o->has_value)
        rows_number(r, o->value.size);
    else
        rows_null(r);
    if (d->options.values)
        rows_text(r, o->has_value ? dump_hex(r->arena, o->value) : NULL);
    return rows_next(r);
}

static bool wants_operation(const struct dump *d, const struct operation *o)
{
    if (!dump_has_bounds(d))
        return true;
    if (o->key.size == 0 || !dump_wants_time(d, o->has_ts, o->ts))
        return false;
    return o->end.size > 0 ? dump_wants_span(d, o->key, o->end) : dump_wants_key(d, o->key);
}

/* ---- of batches of the engine */

static bool is_meta(enum batch_op_kind kind)
{
    return kind == BATCH_PUT_META || kind == BATCH_DELETE_META || kind == BATCH_CLEAR_META;
}

static slice with_space(struct dump *d, enum lsm_space space, slice key)
{
    char *p = arena_alloc(d->rows.arena, key.size + 1);

    p[0] = (char)space;
    if (key.size > 0)
        memcpy(p + 1, key.data, key.size);
    return slice_make(p, key.size + 1);
}

static void describe(struct dump *d, const struct batch_op *op, struct operation *out)
{
    static const char *const names[] = {[BATCH_PUT] = "put",
                                        [BATCH_DELETE] = "delete",
                                        [BATCH_CLEAR_VERSION] = "clear version",
                                        [BATCH_CLEAR_RANGE] = "clear range",
                                        [BATCH_PUT_META] = "put meta",
                                        [BATCH_DELETE_META] = "delete meta",
                                        [BATCH_CLEAR_META] = "clear meta",
                                        [BATCH_APPLIED] = "applied index"};
    enum lsm_space           space = is_meta(op->kind) ? LSM_SPACE_META : LSM_SPACE_DATA;

    *out = (struct operation){.name = names[op->kind],
                              .has_ts = op->kind <= BATCH_CLEAR_VERSION,
                              .ts = op->ts,
                              .has_value = op->kind == BATCH_PUT || op->kind == BATCH_PUT_META,
                              .value = op->value};
    if (op->kind == BATCH_APPLIED) {
        out->range = op->range_id;
        out->index = op->index;
        return;
    }
    out->key = with_space(d, space, op->key);
    if (op->kind == BATCH_CLEAR_RANGE || op->kind == BATCH_CLEAR_META)
        out->end = op->end.size > 0 ? with_space(d, space, op->end)
                                    : with_space(d, space + 1, SLICE_EMPTY);
}

static status malformed(const struct log_record *last, const char *what)
{
    return status_new(ST_CORRUPT, "log segment %012" PRIu64 ": %s at record %" PRIu64 " %s",
                      last->segment, "the batch that ends", last->sequence, what);
}

static status put_engine_batch(struct dump *d, const struct log_record *last,
                               struct log_place place, slice bytes)
{
    struct batch_op  op;
    struct operation o;

    while (bytes.size > 0) {
        if (!batch_take_op(&bytes, &op))
            return dump_judge(d, malformed(last, "is malformed"));
        describe(d, &op, &o);
        if (wants_operation(d, &o))
            TRY_RETURN(put_operation(d, last, place, &o));
    }
    return STATUS_OK;
}

/* ---- of Raft logs */

static void describe_raft(const struct raft_op *op, struct operation *out)
{
    static const char *const names[] = {
        [RAFT_ENTRY] = "entry", [RAFT_HARD_STATE] = "hard state", [RAFT_TRUNCATE] = "truncate",
        [RAFT_RESET] = "reset", [RAFT_REMOVE] = "remove",         [RAFT_MOVED] = "moved",
        [RAFT_START] = "start"};

    *out = (struct operation){.name = names[op->kind],
                              .range = op->range_id,
                              .index = op->entry.index,
                              .term = op->entry.term,
                              .has_value = op->kind == RAFT_ENTRY || op->kind == RAFT_MOVED,
                              .value = op->entry.data};
    if (op->kind == RAFT_HARD_STATE) {
        out->index = op->hard_state.commit;
        out->term = op->hard_state.term;
    } else if (op->kind == RAFT_START) {
        out->index = op->segment;
    }
}

static status put_raft_batch(struct dump *d, const struct log_record *last, struct log_place place,
                             slice bytes)
{
    struct raft_op   op;
    struct operation o;

    while (bytes.size > 0) {
        if (!raft_op_take(&bytes, &op))
            return dump_judge(d, malformed(last, "is malformed"));
        describe_raft(&op, &o);
        if (wants_operation(d, &o))
            TRY_RETURN(put_operation(d, last, place, &o));
    }
    return STATUS_OK;
}

static status put_batch(void *ctx, const struct log_record *last, struct log_place place,
                        slice bytes)
{
    return (last->content == LOG_RAFT ? put_raft_batch : put_engine_batch)(ctx, last, place, bytes);
}

status dump_log_operations(struct dump *d)
{
    static const struct column columns[] = {
        {"sequence", TABLE_NUMBER},   {"segment", TABLE_NUMBER}, {"content", TABLE_TEXT},
        {"operation", TABLE_TEXT},    {"key", TABLE_TEXT},       {"columns", TABLE_TEXT},
        {"end", TABLE_TEXT},          {"ts", TABLE_NUMBER},      {"time", TABLE_TEXT},
        {"range", TABLE_NUMBER},      {"index", TABLE_NUMBER},   {"term", TABLE_NUMBER},
        {"value_size", TABLE_NUMBER}, {"value", TABLE_TEXT}};
    const struct log_visitor v = {.ctx = d, .batch = put_batch};

    rows_columns(&d->rows, columns, ARRAY_LEN(columns) - !d->options.values);
    return show(d, &v);
}

/* ---- segments ---- */

static const char *state_of(const struct log_scan *s, const struct log_segment *segment)
{
    if (!segment->is_begun)
        return "not begun";
    for (size_t i = 0; i < s->chain_count; i++)
        if (s->chain[i] == segment)
            return segment->header.first_sequence < s->end || i == 0 ? "read" : "cut off";
    return "superfluous";
}

static status put_segments(struct dump *d, const struct log_scan *s)
{
    struct rows *r = &d->rows;

    for (size_t i = 0; i < s->count; i++) {
        const struct log_segment *g = &s->segments[i];

        rows_number(r, g->number);
        rows_number(r, g->size);
        rows_text(r, state_of(s, g));
        if (g->is_begun) {
            rows_number(r, g->header.first_sequence);
            rows_number(r, g->header.previous_segment);
            rows_number(r, g->header.kept);
        } else {
            rows_null(r);
            rows_null(r);
            rows_null(r);
        }
        TRY_RETURN(rows_next(r));
    }
    return STATUS_OK;
}

status dump_log_segments(struct dump *d)
{
    static const struct column columns[] = {{"number", TABLE_NUMBER},
                                            {"size", TABLE_NUMBER},
                                            {"state", TABLE_TEXT},
                                            {"first_sequence", TABLE_NUMBER},
                                            {"previous_segment", TABLE_NUMBER},
                                            {"kept", TABLE_NUMBER}};
    const struct log_visitor   v = {.ctx = d};
    struct log_scan            s;
    status                     st;

    if (!dump_is_dir(d))
        return status_hint(status_new(ST_CONFIG_ERROR, "\"%s\" is one segment", d->options.path),
                           "Segments are shown of a store.");
    rows_columns(&d->rows, columns, ARRAY_LEN(columns));
    st = scan_path(d, &s, &v);
    if (st_ok(st))
        st = put_segments(d, &s);
    log_scan_deinit(&s);
    return st;
}

/* ---- verification ---- */

struct checking {
    struct dump    *d;
    struct raft_log raft;
    bool            has_checkpoint;
    bool            is_alone; /* one segment: what Raft logs say goes on from what is not here */
    uint64_t        records;
};

static status count_record(void *ctx, const struct log_record *r, uint64_t offset)
{
    (void)r;
    (void)offset;
    ((struct checking *)ctx)->records++;
    return STATUS_OK;
}

static status check_batch(void *ctx, const struct log_record *last, struct log_place place,
                          slice bytes)
{
    struct checking *c = ctx;
    status           st;

    if (last->content != LOG_RAFT)
        return batch_is_valid(bytes) ? STATUS_OK
                                     : dump_judge(c->d, malformed(last, "is malformed"));
    if (!raft_ops_are_valid(bytes))
        return dump_judge(c->d, malformed(last, "is malformed"));
    if (c->is_alone)
        return STATUS_OK;
    st = raft_log_apply(&c->raft, bytes, place);
    if (st_ok(st))
        return st;
    st_clear(st);
    return dump_judge(c->d, malformed(last, "contradicts what was before"));
}

/* Whether what Raft logs need is there from its beginning. */
static status check_begin(struct checking *c, const struct log_scan *s)
{
    if (s->chain_count == 0)
        return STATUS_OK;
    if (s->chain[0]->number > MAX(c->raft.claim, s->needed))
        return dump_judge(c->d, log_scan_corrupt(s, s->chain[0]->number,
                                                 "the segment before it is missing or damaged"));
    return dump_judge(c->d, raft_log_check_whole(&c->raft));
}

static status check_chain(struct checking *c, struct log_scan *s, uint64_t start,
                          const struct log_visitor *v)
{
    uint64_t before = c->d->faults;

    TRY_RETURN(log_scan_list(s));
    if (s->count == 0 && !c->has_checkpoint)
        return dump_judge(
            c->d, status_new(ST_CORRUPT, "store \"%s\" has lost its log", c->d->options.path));
    TRY_RETURN(dump_judge(c->d, log_scan_chain(s, start)));
    if (c->d->faults == before)
        TRY_RETURN(dump_judge(c->d, log_scan_read(s, v)));
    return c->d->faults == before ? check_begin(c, s) : STATUS_OK;
}

static void checking_init(struct checking *c, struct dump *d)
{
    *c = (struct checking){.d = d};
    raft_log_init(&c->raft, NULL, env_heap(d->env));
}

static status check_log(struct dump *d, const struct identity *id, const struct log_base *base,
                        uint64_t *records)
{
    struct checking          c;
    const struct log_visitor v = {.ctx = &c, .record = count_record, .batch = check_batch};
    struct log_scan          s;
    status                   st;

    checking_init(&c, d);
    c.has_checkpoint = base->checkpoint > 0;
    log_scan_init(&s, d->env, d->options.path, id->incarnation, d->keyring);
    st = check_chain(&c, &s, base->start, &v);
    *records = c.records;
    log_scan_deinit(&s);
    raft_log_deinit(&c.raft);
    return st;
}

static status check_segment(struct dump *d, uint64_t *records)
{
    static const uint8_t     any[16]; /* the segment says itself of which store it is */
    struct checking          c;
    const struct log_visitor v = {.ctx = &c, .record = count_record, .batch = check_batch};
    struct log_scan          s;
    status                   st;

    checking_init(&c, d);
    c.is_alone = true;
    log_scan_init(&s, d->env, d->options.path, any, d->keyring);
    st = dump_judge(d, log_scan_file(&s, d->options.path, &v));
    *records = c.records;
    log_scan_deinit(&s);
    raft_log_deinit(&c.raft);
    return st;
}

/* Of all segments, those that do not count included. */
static status measure_log(struct dump *d, uint64_t *size)
{
    const char **names;
    size_t       count;
    uint64_t     number;

    *size = 0;
    TRY_RETURN(env_list_dir(d->env, d->options.path, d->arena, &names, &count));
    for (size_t i = 0; i < count; i++)
        if (store_file_kind(names[i], &number) == STORE_FILE_LOG)
            *size += dump_file_size(d, dump_join(d, names[i]));
    return STATUS_OK;
}

status dump_verify_log(struct dump *d, const struct identity *id, const struct log_base *base)
{
    uint64_t before = d->faults, records, size;

    TRY_RETURN(check_log(d, id, base, &records));
    TRY_RETURN(measure_log(d, &size));
    return dump_verified(d, d->options.path, "log", size, records, before);
}

status dump_log_verify(struct dump *d)
{
    struct identity id;
    struct log_base base;
    uint64_t        records;

    dump_verified_columns(d);
    if (!dump_is_dir(d)) {
        TRY_RETURN(check_segment(d, &records));
        return dump_verified(d, d->options.path, "log", dump_file_size(d, d->options.path), records,
                             0);
    }
    TRY_RETURN(open_store(d, &id, &base));
    return dump_verify_log(d, &id, &base);
}
