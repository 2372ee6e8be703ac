/* Foreign keys. A change notes events; when the statement ends, each is looked at with the
 * statement's own writes visible: rows that point somewhere find their parent and lock it FOR KEY
 * SHARE (pitfall Q8), rows that went away or changed their key find those that point at them.
 * Actions change further rows, whose events join the queue. */
#include <string.h>

#include "base/assert.h"
#include "sql/bind/bind.h"
#include "sql/exec/write_internal.h"

bool fk_is_deferred(const struct constraint_desc *k)
{
    return k->deferrable && k->initially_deferred;
}

/* ---- noting -------------------------------------------------------------------------------------
 */

static bool key_changed(const struct table_layout *l, const struct table_row *old,
                        const struct table_row *row, const int16_t *columns, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        size_t at = (size_t)columns[i] - 1;

        if (old->nulls[at] != row->nulls[at])
            return true;
        if (!old->nulls[at] && l->types[at]->compare(old->values[at], row->values[at]) != 0)
            return true;
    }
    return false;
}

/* Nulls among the columns: MATCH SIMPLE asks for nothing then; FULL wants all or none. */
static size_t count_nulls(const struct table_row *row, const int16_t *columns, size_t count)
{
    size_t n = 0;

    for (size_t i = 0; i < count; i++)
        n += row->nulls[columns[i] - 1];
    return n;
}

static void take_values(struct arena *a, const struct table_layout *l, const struct table_row *row,
                        const int16_t *columns, size_t count, datum *values, bool *nulls)
{
    for (size_t i = 0; i < count; i++) {
        size_t at = (size_t)columns[i] - 1;

        if (nulls != NULL)
            nulls[i] = row->nulls[at];
        if (!row->nulls[at])
            values[i] = datum_copy(a, l->types[at], row->values[at]);
    }
}

static struct fk_event *event_new(struct write_target *t, enum fk_event_kind kind)
{
    struct write_session *s = t->session;
    struct fk_event      *e = ARENA_NEW(s->a, struct fk_event);

    e->kind = kind;
    e->target = t;
    e->depth = s->depth;
    *s->events_tail = e;
    s->events_tail = &e->next;
    return e;
}

static status mixed_nulls(struct sql_context *c, const struct table_desc *t,
                          const struct constraint_desc *k)
{
    status st = status_new(ST_FOREIGN_KEY_VIOLATION,
                           "insert or update on table \"%s\" violates foreign key constraint "
                           "\"%s\"",
                           t->name, k->name);

    st = status_detail(st, "MATCH FULL does not allow mixing of null and nonnull key values.");
    return status_object_names(st, table_schema_name(c, t), t->name, NULL, NULL, k->name);
}

static status note_child(struct write_target *t, const struct constraint_desc *k,
                         const struct table_row *old, const struct table_row *row)
{
    const struct table_layout *l = t->plan->layout;
    size_t                     nulls = count_nulls(row, k->columns, k->column_count);
    struct fk_event           *e;

    if (nulls > 0 && (!k->match_full || nulls == k->column_count))
        return STATUS_OK;
    if (nulls > 0)
        return mixed_nulls(t->session->c, l->desc, k);
    if (old != NULL && !key_changed(l, old, row, k->columns, k->column_count))
        return STATUS_OK;
    e = event_new(t, FK_CHILD);
    e->child = l->desc;
    e->constraint = k;
    e->row_key = arena_copy(t->session->a, row->key);
    take_values(t->session->a, l, row, k->columns, k->column_count, e->new_values, e->new_nulls);
    return STATUS_OK;
}

static status note_parent(struct write_target *t, const struct table_desc *child,
                          const struct constraint_desc *k, const struct table_row *old,
                          const struct table_row *row)
{
    const struct table_layout *l = t->plan->layout;
    struct fk_event           *e;

    if (count_nulls(old, k->ref_columns, k->column_count) > 0)
        return STATUS_OK; /* nobody can point at a null */
    if (row != NULL && !key_changed(l, old, row, k->ref_columns, k->column_count))
        return STATUS_OK;
    e = event_new(t, FK_PARENT);
    e->child = child;
    e->constraint = k;
    e->deletes = row == NULL;
    take_values(t->session->a, l, old, k->ref_columns, k->column_count, e->old_values, NULL);
    if (row != NULL)
        take_values(t->session->a, l, row, k->ref_columns, k->column_count, e->new_values,
                    e->new_nulls);
    return STATUS_OK;
}

status fk_note(struct write_target *t, const struct table_row *old, const struct table_row *row)
{
    const struct table_desc *d = t->plan->layout->desc;

    for (size_t i = 0; row != NULL && i < d->constraint_count; i++) {
        if (d->constraints[i].kind == CONSTRAINT_FOREIGN)
            TRY_RETURN(note_child(t, &d->constraints[i], old, row));
    }
    for (size_t i = 0; old != NULL && i < d->inbound_count; i++) {
        const struct table_desc      *child;
        const struct constraint_desc *k;

        TRY_RETURN(catalog_table_by_oid(t->session->c->catalog, d->inbound[i].table_oid, &child));
        k = child != NULL ? table_constraint_by_oid(child, d->inbound[i].constraint_oid) : NULL;
        if (k != NULL)
            TRY_RETURN(note_parent(t, child, k, old, row));
    }
    return STATUS_OK;
}

/* ---- texts --------------------------------------------------------------------------------------
 */

/* "(a, b)=(1, 2)" */
static void describe(struct sql_context *c, const struct table_desc *names, const int16_t *columns,
                     const struct table_layout *types, const datum *values, size_t count,
                     struct buf *out)
{
    buf_put_u8(out, '(');
    for (size_t i = 0; i < count; i++)
        buf_printf(out, "%s%s", i > 0 ? ", " : "", names->columns[columns[i] - 1].name);
    buf_append_cstr(out, ")=(");
    for (size_t i = 0; i < count; i++) {
        const struct type *t = types->types[columns[i] - 1];

        buf_append_cstr(out, i > 0 ? ", " : "");
        st_clear(t->output(c, t, values[i], out));
    }
    buf_put_u8(out, ')');
}

static status child_violation(struct write_session *s, const struct fk_event *e,
                              const struct table_layout *child, const struct table_desc *parent)
{
    struct buf b;
    status     st = status_new(ST_FOREIGN_KEY_VIOLATION,
                               "insert or update on table \"%s\" violates foreign key constraint "
                                   "\"%s\"",
                               e->child->name, e->constraint->name);

    buf_init(&b, NULL);
    describe(s->c, e->child, e->constraint->columns, child, e->new_values,
             e->constraint->column_count, &b);
    st = status_detail(st, "Key %s is not present in table \"%s\".", buf_cstr(&b), parent->name);
    buf_deinit(&b);
    return status_object_names(st, table_schema_name(s->c, e->child), e->child->name, NULL, NULL,
                               e->constraint->name);
}

static status parent_violation(struct write_session *s, const struct fk_event *e)
{
    const struct table_layout *parent = e->target->plan->layout;
    struct buf                 b;
    status                     st =
        status_new(ST_FOREIGN_KEY_VIOLATION,
                   "update or delete on table \"%s\" violates foreign key constraint \"%s\" on "
                   "table \"%s\"",
                   parent->desc->name, e->constraint->name, e->child->name);

    buf_init(&b, NULL);
    describe(s->c, parent->desc, e->constraint->ref_columns, parent, e->old_values,
             e->constraint->column_count, &b);
    st = status_detail(st, "Key %s is still referenced from table \"%s\".", buf_cstr(&b),
                       e->child->name);
    buf_deinit(&b);
    return status_object_names(st, table_schema_name(s->c, e->child), e->child->name, NULL, NULL,
                               e->constraint->name);
}

/* ---- looking for the parent ---------------------------------------------------------------------
 */

/* Values in the order of the index's parts. */
static bool parts_of_key(const struct index_layout *ix, const struct constraint_desc *k,
                         const int16_t *columns, const datum *values, datum *parts)
{
    for (size_t i = 0; i < ix->part_count; i++) {
        size_t at = 0;

        while (at < k->column_count && columns[at] != ix->parts[i].column)
            at++;
        if (at == k->column_count)
            return false;
        parts[i] = values[at];
    }
    return true;
}

static const struct index_layout *parent_index(const struct table_layout    *l,
                                               const struct constraint_desc *k)
{
    for (size_t i = 0; i < l->index_count; i++) {
        if (l->indexes[i].desc->oid == k->index_oid)
            return &l->indexes[i];
    }
    return NULL;
}

/* Is there a row with this key? It is locked FOR KEY SHARE, so that it stays until the end. */
static status find_parent(struct write_target *parent, const struct constraint_desc *k,
                          const datum *values, bool *found)
{
    const struct table_layout *l = parent->plan->layout;
    const struct index_layout *ix = parent_index(l, k);
    datum                      parts[INDEX_KEY_PARTS_MAX];
    bool                       nulls[INDEX_KEY_PARTS_MAX] = {false};
    struct table_row           row;
    struct txn_row             lock;
    slice                      key;

    if (ix == NULL || !parts_of_key(ix, k, k->ref_columns, values, parts))
        return status_new(ST_INTERNAL, "foreign key \"%s\" has no index to look into", k->name);
    arena_reset(parent->scratch);
    TRY_RETURN(table_find_unique(parent->table, ix, parts, nulls, parent->scratch, &key, found));
    if (!*found)
        return STATUS_OK;
    table_row_init(l, parent->scratch, &row);
    TRY_RETURN(
        table_get_for(parent->table, key, LOCK_KEY_SHARE, LOCK_WAIT, parent->scratch, &row, &lock));
    *found = lock.found;
    /* READ COMMITTED: the row is newer than the look-up; its key may have changed since. */
    for (size_t i = 0; *found && i < k->column_count; i++) {
        size_t at = (size_t)k->ref_columns[i] - 1;

        *found = !row.nulls[at] && l->types[at]->compare(row.values[at], values[i]) == 0;
    }
    return STATUS_OK;
}

/* The child row may have gone or changed since; then there is nothing to check. */
static status child_still_points(struct write_target *child, const struct fk_event *e, bool *points)
{
    const struct table_layout *l = child->plan->layout;
    struct table_row           row;

    arena_reset(child->scratch);
    table_row_init(l, child->scratch, &row);
    TRY_RETURN(table_get(child->table, e->row_key, child->scratch, NULL, &row, points));
    for (size_t i = 0; *points && i < e->constraint->column_count; i++) {
        size_t at = (size_t)e->constraint->columns[i] - 1;

        *points = !row.nulls[at] && l->types[at]->compare(row.values[at], e->new_values[i]) == 0;
    }
    return STATUS_OK;
}

static status run_child(struct write_session *s, const struct fk_event *e)
{
    const struct table_desc *parent_desc;
    struct write_target     *parent;
    bool                     points, found;

    TRY_RETURN(child_still_points(e->target, e, &points));
    if (!points)
        return STATUS_OK;
    TRY_RETURN(catalog_table_by_oid(s->c->catalog, e->constraint->ref_table_oid, &parent_desc));
    if (parent_desc == NULL)
        return status_new(ST_INTERNAL, "foreign key \"%s\" points at no table",
                          e->constraint->name);
    TRY_RETURN(write_target_for(s, parent_desc, &parent));
    TRY_RETURN(find_parent(parent, e->constraint, e->new_values, &found));
    return found ? STATUS_OK : child_violation(s, e, e->target->plan->layout, parent_desc);
}

/* ---- looking for children -----------------------------------------------------------------------
 */

/* The index whose leading columns are the foreign key's, the values in its order; NULL: scan. */
static const struct index_layout *child_index(const struct table_layout    *l,
                                              const struct constraint_desc *k, const datum *values,
                                              datum *parts)
{
    for (size_t i = 0; i < l->index_count; i++) {
        const struct index_layout *ix = &l->indexes[i];
        size_t                     n = 0;

        if (ix->desc->state != INDEX_PUBLIC || ix->predicate != NULL ||
            ix->part_count < k->column_count)
            continue;
        for (; n < k->column_count; n++) {
            size_t at = 0;

            while (at < k->column_count && k->columns[at] != ix->parts[n].column)
                at++;
            if (at == k->column_count)
                break;
            parts[n] = values[at];
        }
        if (n == k->column_count)
            return ix;
    }
    return NULL;
}

static bool row_points(const struct table_layout *l, const struct constraint_desc *k,
                       const struct table_row *row, const datum *values)
{
    for (size_t i = 0; i < k->column_count; i++) {
        size_t at = (size_t)k->columns[i] - 1;

        if (row->nulls[at] || l->types[at]->compare(row->values[at], values[i]) != 0)
            return false;
    }
    return true;
}

struct found_rows {
    size_t count, capacity;
    slice *keys;
};

static status note_found(struct write_session *s, const struct table_layout *l,
                         const struct index_layout *ix, const struct constraint_desc *k,
                         const datum *values, slice key, slice value, struct arena *scratch,
                         struct found_rows *out)
{
    struct table_row row;

    table_row_init(l, scratch, &row);
    TRY_RETURN(table_decode_entry(l, ix, scratch, key, value, NULL, &row));
    if (!row_points(l, k, &row, values))
        return STATUS_OK;
    if (out->count == out->capacity) {
        size_t capacity = out->capacity == 0 ? 8 : out->capacity * 2;

        out->keys = arena_realloc(s->a, out->keys, out->capacity * sizeof *out->keys,
                                  capacity * sizeof *out->keys);
        out->capacity = capacity;
    }
    out->keys[out->count++] = arena_copy(s->a, row.key);
    return STATUS_OK;
}

/* Rows of the child that point at these values; one is enough where `first_only`. */
static status find_children(struct write_session *s, struct write_target *child,
                            const struct constraint_desc *k, const datum *values, bool first_only,
                            struct found_rows *out)
{
    const struct table_layout *l = child->plan->layout;
    datum                      parts[INDEX_KEY_PARTS_MAX];
    bool                       nulls[INDEX_KEY_PARTS_MAX] = {false};
    const struct index_layout *ix = child_index(l, k, values, parts);
    struct table_scan          scan = {.index = ix != NULL ? ix : &l->indexes[0]};
    struct txn_cursor         *cursor = NULL;
    struct buf                 start, end;
    slice                      key, value;
    status                     st;

    buf_init(&start, NULL);
    buf_init(&end, NULL);
    if (ix != NULL) {
        table_encode_parts(ix, parts, nulls, k->column_count, &start, NULL);
        buf_append_slice(&end, buf_slice(&start));
        if (!table_key_successor(&end))
            buf_reset(&end);
    }
    scan.start = buf_slice(&start);
    scan.end = buf_slice(&end);
    st = table_scan_open(child->table, &scan, &cursor);
    while (st_ok(st) && !(first_only && out->count > 0)) {
        st = txn_cursor_next(cursor, &key, &value);
        arena_reset(child->scratch);
        if (st_ok(st))
            st = note_found(s, l, scan.index, k, values, key, value, child->scratch, out);
        if (st_ok(st))
            st = sql_check_interrupts(s->c);
    }
    txn_cursor_close(cursor);
    buf_deinit(&start);
    buf_deinit(&end);
    return st == STATUS_NO_DATA ? STATUS_OK : st;
}

/* ---- actions ------------------------------------------------------------------------------------
 */

static bool sets_column(const struct constraint_desc *k, bool deletes, int16_t column)
{
    if (!deletes || k->on_delete_set_count == 0)
        return true;
    for (size_t i = 0; i < k->on_delete_set_count; i++) {
        if (k->on_delete_set[i] == column)
            return true;
    }
    return false;
}

static status default_of(struct write_session *s, const struct table_desc *t, int16_t column,
                         struct arena *a, datum *value, bool *null)
{
    const struct column_desc *d = &t->columns[column - 1];
    struct expr              *e;

    *null = true;
    if (d->default_text == NULL)
        return STATUS_OK;
    TRY_RETURN(bind_expression_text(s->c, a, d->default_text, NULL, d->type, d->typmod, &e));
    return eval_constant(s->c, a, e, value, null);
}

static status set_columns(struct write_session *s, const struct fk_event *e, enum fk_action action,
                          const struct table_layout *l, struct arena *a, struct table_row *row)
{
    const struct constraint_desc *k = e->constraint;

    for (size_t i = 0; i < k->column_count; i++) {
        size_t at = (size_t)k->columns[i] - 1;

        if (action == FK_CASCADE) {
            row->values[at] = e->new_values[i];
            row->nulls[at] = e->new_nulls[i];
        } else if (sets_column(k, e->deletes, k->columns[i])) {
            row->nulls[at] = true;
            if (action == FK_SET_DEFAULT)
                TRY_RETURN(
                    default_of(s, l->desc, k->columns[i], a, &row->values[at], &row->nulls[at]));
        }
    }
    return STATUS_OK;
}

static status act_on_row(struct write_session *s, struct write_target *child,
                         const struct fk_event *e, enum fk_action action, slice key,
                         struct arena *a)
{
    const struct table_layout *l = child->plan->layout;
    struct table_row           old, row;
    struct txn_row             lock;

    table_row_init(l, a, &old);
    TRY_RETURN(table_get_for(child->table, key, LOCK_UPDATE, LOCK_WAIT, a, &old, &lock));
    if (!lock.found || !row_points(l, e->constraint, &old, e->old_values))
        return STATUS_OK;
    if (action == FK_CASCADE && e->deletes)
        return write_delete(child, &old);
    table_row_init(l, a, &row);
    memcpy(row.values, old.values, l->column_count * sizeof *row.values);
    memcpy(row.nulls, old.nulls, l->column_count);
    TRY_RETURN(set_columns(s, e, action, l, a, &row));
    TRY_RETURN(write_check_row(child, a, &row));
    return write_update(child, &old, &row);
}

static status act(struct write_session *s, struct write_target *child, const struct fk_event *e,
                  enum fk_action action)
{
    struct found_rows rows = {0};
    struct arena     *a;
    status            st = STATUS_OK;

    if (e->depth >= CASCADE_DEPTH_MAX)
        return status_new(ST_STATEMENT_TOO_COMPLEX,
                          "foreign key actions go more than %d levels deep", CASCADE_DEPTH_MAX);
    TRY_RETURN(find_children(s, child, e->constraint, e->old_values, false, &rows));
    a = arena_new(arena_heap(s->a), NULL);
    for (size_t i = 0; st_ok(st) && i < rows.count; i++) {
        arena_reset(a);
        st = act_on_row(s, child, e, action, rows.keys[i], a);
    }
    arena_free(a);
    return st;
}

/* Has another row the old key now? Then what points at it is content (NO ACTION looks at the end,
 * RESTRICT does not wait for such luck). */
static status key_is_back(const struct fk_event *e, bool *back)
{
    return find_parent(e->target, e->constraint, e->old_values, back);
}

static status run_parent(struct write_session *s, const struct fk_event *e)
{
    const struct constraint_desc *k = e->constraint;
    enum fk_action                action = e->deletes ? k->on_delete : k->on_update;
    struct found_rows             rows = {0};
    struct write_target          *child;
    bool                          back = false;

    TRY_RETURN(write_target_for(s, e->child, &child));
    if (action != FK_NO_ACTION && action != FK_RESTRICT)
        return act(s, child, e, action);
    if (action == FK_NO_ACTION)
        TRY_RETURN(key_is_back(e, &back));
    if (back)
        return STATUS_OK;
    TRY_RETURN(find_children(s, child, k, e->old_values, true, &rows));
    return rows.count > 0 ? parent_violation(s, e) : STATUS_OK;
}

status fk_run(struct write_session *s, struct fk_event *e)
{
    return e->kind == FK_CHILD ? run_child(s, e) : run_parent(s, e);
}

static bool may_wait(const struct fk_event *e)
{
    enum fk_action action = e->deletes ? e->constraint->on_delete : e->constraint->on_update;

    return fk_is_deferred(e->constraint) && (e->kind == FK_CHILD || action == FK_NO_ACTION);
}

status write_session_finish(struct write_session *s)
{
    while (s->events != NULL) {
        struct fk_event *e = s->events;

        /* All that is queued now sees all that was written so far; what it sets off is seen by the
         * next round. */
        if (txn_isolation(s->c->txn) == TXN_READ_COMMITTED)
            txn_step(s->c->txn); /* rows that were committed while this one waited count too */
        else
            txn_step_within_statement(s->c->txn);
        s->events = NULL;
        s->events_tail = &s->events;
        for (; e != NULL; e = e->next) {
            s->depth = e->depth + 1;
            if (may_wait(e) && s->c->deferred != NULL)
                TRY_RETURN(deferred_add(s->c->deferred, e));
            else
                TRY_RETURN(fk_run(s, e));
        }
    }
    return STATUS_OK;
}
