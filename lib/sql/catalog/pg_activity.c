/* What goes on now: pg_settings, pg_stat_activity, pg_stat_database, pg_locks,
 * pg_prepared_statements, pg_cursors. */
#include <stdlib.h>
#include <string.h>

#include "kv/keys.h"
#include "kv/lock_table.h"
#include "sql/catalog/facts.h"
#include "sql/catalog/rows.h"
#include "sql/types/array.h"

/* ---- pg_settings ----------------------------------------------------------------------------- */

static status enum_values(struct rows *r, const char *words)
{
    datum  values[64];
    size_t count = 0;

    for (const char *at = words; *at != '\0' && count < ARRAY_LEN(values);) {
        const char *end = strchrnul(at, '|');

        values[count++].s = slice_make(at, (size_t)(end - at));
        at = *end == '|' ? end + 1 : end;
    }
    r->nulls[COLUMN_AT(pg_settings, enumvals)] = false;
    return array_build(r->a, type_by_oid(OID_TEXT), values, NULL, count,
                       &r->values[COLUMN_AT(pg_settings, enumvals)].s);
}

status scan_pg_settings(struct rows *r)
{
    size_t                     count = 0;
    const struct setting_info *list =
        r->c->facts != NULL ? r->c->facts->settings(r->c, r->a, &count) : NULL;

    for (size_t i = 0; i < count; i++) {
        const struct setting_info *s = &list[i];

        row_begin(r);
        row_text(r, COLUMN_AT(pg_settings, name), s->name);
        row_text(r, COLUMN_AT(pg_settings, setting), s->value);
        row_text(r, COLUMN_AT(pg_settings, unit), s->unit);
        row_text(r, COLUMN_AT(pg_settings, category), s->category);
        row_text(r, COLUMN_AT(pg_settings, short_desc), s->text);
        row_text(r, COLUMN_AT(pg_settings, context), s->context);
        row_text(r, COLUMN_AT(pg_settings, vartype), s->type);
        row_text(r, COLUMN_AT(pg_settings, source), s->source);
        row_text(r, COLUMN_AT(pg_settings, min_val), s->min);
        row_text(r, COLUMN_AT(pg_settings, max_val), s->max);
        row_text(r, COLUMN_AT(pg_settings, boot_val), s->boot);
        row_text(r, COLUMN_AT(pg_settings, reset_val), s->reset);
        row_bool(r, COLUMN_AT(pg_settings, pending_restart), false);
        if (s->enum_values != NULL)
            TRY_RETURN(enum_values(r, s->enum_values));
        TRY_RETURN(row_end(r));
    }
    return STATUS_OK;
}

/* ---- sessions -------------------------------------------------------------------------------- */

static struct lock_info *all_locks(struct rows *r, size_t *count)
{
    return txn_system_locks(r->v->catalog->txns, r->a, count);
}

static bool is_waiting(const struct lock_info *locks, size_t count, uint32_t process_id)
{
    for (size_t i = 0; i < count; i++)
        if (locks[i].process_id == process_id && !locks[i].granted)
            return true;
    return false;
}

static void row_time(struct rows *r, size_t at, int64_t time_us)
{
    if (time_us != 0)
        row_int(r, at, time_us);
}

/* "127.0.0.1:5000", "[::1]:5000": address and port apart. */
static void client_address(struct rows *r, const char *text)
{
    const char *colon = text != NULL ? strrchr(text, ':') : NULL;
    const char *host = text;
    size_t      n;

    if (colon == NULL)
        return;
    n = (size_t)(colon - text);
    if (n >= 2 && host[0] == '[') {
        host++;
        n -= 2;
    }
    row_text(r, COLUMN_AT(pg_stat_activity, client_addr), arena_cstr(r->a, slice_make(host, n)));
    row_int(r, COLUMN_AT(pg_stat_activity, client_port), atoi(colon + 1));
}

static status activity_row(struct rows *r, const struct session_info *s, bool waiting)
{
    row_begin(r);
    row_int(r, COLUMN_AT(pg_stat_activity, datid), s->database_oid);
    row_text(r, COLUMN_AT(pg_stat_activity, datname), s->database);
    row_int(r, COLUMN_AT(pg_stat_activity, pid), s->process_id);
    row_int(r, COLUMN_AT(pg_stat_activity, usesysid), s->user_oid);
    row_text(r, COLUMN_AT(pg_stat_activity, usename), s->user);
    row_text(r, COLUMN_AT(pg_stat_activity, application_name), s->application_name);
    client_address(r, s->client_address);
    row_time(r, COLUMN_AT(pg_stat_activity, backend_start), s->backend_start_us);
    row_time(r, COLUMN_AT(pg_stat_activity, xact_start), s->transaction_start_us);
    row_time(r, COLUMN_AT(pg_stat_activity, query_start), s->query_start_us);
    row_time(r, COLUMN_AT(pg_stat_activity, state_change), s->state_change_us);
    row_text(r, COLUMN_AT(pg_stat_activity, state), s->state);
    row_text(r, COLUMN_AT(pg_stat_activity, query), s->query);
    row_text(r, COLUMN_AT(pg_stat_activity, backend_type), "client backend");
    if (waiting) {
        row_text(r, COLUMN_AT(pg_stat_activity, wait_event_type), "Lock");
        row_text(r, COLUMN_AT(pg_stat_activity, wait_event), "tuple");
    }
    return row_end(r);
}

status scan_pg_stat_activity(struct rows *r)
{
    size_t                     count = 0, lock_count;
    const struct session_info *list =
        r->c->facts != NULL ? r->c->facts->sessions(r->c, r->a, &count) : NULL;
    const struct lock_info *locks = all_locks(r, &lock_count);

    for (size_t i = 0; i < count; i++)
        TRY_RETURN(activity_row(r, &list[i], is_waiting(locks, lock_count, list[i].process_id)));
    return STATUS_OK;
}

/* Sessions are counted by database; all else that PostgreSQL counts here, nobody counts. */
status scan_pg_stat_database(struct rows *r)
{
    const struct database_desc **databases;
    size_t                       count, session_count = 0;
    const struct session_info   *sessions =
        r->c->facts != NULL ? r->c->facts->sessions(r->c, r->a, &session_count) : NULL;

    TRY_RETURN(catalog_list_databases(r->v, r->a, &databases, &count));
    for (size_t i = 0; i < count; i++) {
        int64_t n = 0;

        for (size_t k = 0; k < session_count; k++)
            n += sessions[k].database_oid == databases[i]->oid;
        row_begin(r);
        row_int(r, COLUMN_AT(pg_stat_database, datid), databases[i]->oid);
        row_text(r, COLUMN_AT(pg_stat_database, datname), databases[i]->name);
        row_int(r, COLUMN_AT(pg_stat_database, numbackends), n);
        TRY_RETURN(row_end(r));
    }
    return STATUS_OK;
}

/* ---- pg_locks -------------------------------------------------------------------------------- */

/* The table that a key of /table belongs to; NULL when it is not there any more. */
static const struct table_desc *table_of_key(const struct table_desc *const *tables, size_t count,
                                             slice key)
{
    uint64_t storage_id, index_id;

    if (!key_take_index(&key, &storage_id, &index_id))
        return NULL;
    for (size_t i = 0; i < count; i++)
        if (tables[i]->kind == RELATION_TABLE && tables[i]->storage_id == storage_id)
            return tables[i];
    return NULL;
}

/* PostgreSQL's modes: of relations by what is held on their descriptor, of rows as its tuple locks
 * name them. */
static const char *mode_name(bool relation, enum lock_strength strength)
{
    static const char *const rows[] = {[LOCK_NONE] = "",
                                       [LOCK_KEY_SHARE] = "AccessShareLock",
                                       [LOCK_SHARE] = "RowShareLock",
                                       [LOCK_NO_KEY_UPDATE] = "ExclusiveLock",
                                       [LOCK_UPDATE] = "AccessExclusiveLock"};

    if (relation)
        return strength == LOCK_UPDATE ? "AccessExclusiveLock" : "AccessShareLock";
    return rows[strength];
}

static status lock_row(struct rows *r, const struct lock_info *l, const struct table_desc *of_row)
{
    enum object_kind kind;
    uint32_t         oid = 0;
    bool             descriptor = catalog_key_is_descriptor(l->key, &kind, &oid);
    bool             relation = descriptor && kind == OBJECT_TABLE;

    row_begin(r);
    row_text(r, COLUMN_AT(pg_locks, locktype),
             relation         ? "relation"
             : of_row != NULL ? "tuple"
                              : "object");
    if (relation || of_row != NULL) {
        row_int(r, COLUMN_AT(pg_locks, database), r->v->database_oid);
        row_int(r, COLUMN_AT(pg_locks, relation), relation ? oid : of_row->oid);
    } else if (descriptor) {
        row_int(r, COLUMN_AT(pg_locks, objid), oid);
    }
    row_text(r, COLUMN_AT(pg_locks, virtualtransaction),
             arena_printf(r->a, "%u/%llu", l->process_id, (unsigned long long)l->owner_id));
    if (l->process_id != 0)
        row_int(r, COLUMN_AT(pg_locks, pid), l->process_id);
    row_text(r, COLUMN_AT(pg_locks, mode), mode_name(descriptor, l->strength));
    row_bool(r, COLUMN_AT(pg_locks, granted), l->granted);
    row_bool(r, COLUMN_AT(pg_locks, fastpath), false);
    return row_end(r);
}

status scan_pg_locks(struct rows *r)
{
    size_t                    lock_count, count;
    const struct lock_info   *locks = all_locks(r, &lock_count);
    const struct table_desc **tables;

    TRY_RETURN(catalog_list_tables(r->v, r->a, &tables, &count));
    for (size_t i = 0; i < lock_count; i++)
        TRY_RETURN(
            lock_row(r, &locks[i],
                     table_of_key((const struct table_desc *const *)tables, count, locks[i].key)));
    return STATUS_OK;
}

/* ---- prepared statements and cursors --------------------------------------------------------- */

static status parameter_types(struct rows *r, const struct prepared_info *p)
{
    size_t at = COLUMN_AT(pg_prepared_statements, parameter_types);
    datum *types = ARENA_ARRAY(r->a, datum, p->param_count + 1);

    for (size_t i = 0; i < p->param_count; i++)
        types[i].i = p->param_types[i];
    r->nulls[at] = false;
    return array_build(r->a, type_by_oid(OID_REGTYPE), types, NULL, p->param_count,
                       &r->values[at].s);
}

status scan_pg_prepared_statements(struct rows *r)
{
    size_t                      count = 0;
    const struct prepared_info *list =
        r->c->facts != NULL ? r->c->facts->prepared(r->c, r->a, &count) : NULL;

    for (size_t i = 0; i < count; i++) {
        row_begin(r);
        row_text(r, COLUMN_AT(pg_prepared_statements, name), list[i].name);
        row_text(r, COLUMN_AT(pg_prepared_statements, statement), list[i].statement);
        row_int(r, COLUMN_AT(pg_prepared_statements, prepare_time), list[i].prepared_us);
        TRY_RETURN(parameter_types(r, &list[i]));
        row_bool(r, COLUMN_AT(pg_prepared_statements, from_sql), list[i].from_sql);
        row_int(r, COLUMN_AT(pg_prepared_statements, generic_plans), 0);
        row_int(r, COLUMN_AT(pg_prepared_statements, custom_plans), 0);
        TRY_RETURN(row_end(r));
    }
    return STATUS_OK;
}

status scan_pg_cursors(struct rows *r)
{
    size_t                    count = 0;
    const struct cursor_info *list =
        r->c->facts != NULL ? r->c->facts->cursors(r->c, r->a, &count) : NULL;

    for (size_t i = 0; i < count; i++) {
        row_begin(r);
        row_text(r, COLUMN_AT(pg_cursors, name), list[i].name);
        row_text(r, COLUMN_AT(pg_cursors, statement), list[i].statement);
        row_bool(r, COLUMN_AT(pg_cursors, is_holdable), false);
        row_bool(r, COLUMN_AT(pg_cursors, is_binary), false);
        row_bool(r, COLUMN_AT(pg_cursors, is_scrollable), false);
        row_int(r, COLUMN_AT(pg_cursors, creation_time), list[i].created_us);
        TRY_RETURN(row_end(r));
    }
    return STATUS_OK;
}
