/* CREATE SEQUENCE, ALTER SEQUENCE and the sequences of serial and identity columns. */
#include "sql/catalog/sequence.h"

#include "sql/ddl/internal.h"

/* What the options say; NULL: not said. */
struct sequence_options {
    const PgQuery__DefElem *as, *increment, *start, *restart, *max, *min, *cache, *cycle, *owned_by;
};

static status collect(const struct ddl *d, PgQuery__Node *const *nodes, size_t count,
                      struct sequence_options *o)
{
    const struct {
        const char              *name;
        const PgQuery__DefElem **place;
    } known[] = {
        {"as", &o->as},           {"increment", &o->increment}, {"start", &o->start},
        {"restart", &o->restart}, {"maxvalue", &o->max},        {"minvalue", &o->min},
        {"cache", &o->cache},     {"cycle", &o->cycle},         {"owned_by", &o->owned_by},
    };

    for (size_t i = 0; i < count; i++) {
        const PgQuery__DefElem *e = nodes[i]->def_elem;
        size_t                  k = 0;

        while (k < ARRAY_LEN(known) && !ddl_equal(known[k].name, e->defname))
            k++;
        if (k == ARRAY_LEN(known)) {
            if (ddl_equal(e->defname, "sequence_name"))
                continue;
            return ddl_at(d,
                          status_new(ST_SYNTAX_ERROR, "option \"%s\" not recognized", e->defname),
                          e->location);
        }
        if (*known[k].place != NULL)
            return ddl_at(d, status_new(ST_SYNTAX_ERROR, "conflicting or redundant options"),
                          e->location);
        *known[k].place = e;
    }
    return STATUS_OK;
}

static void type_bounds(uint32_t type, int64_t *min, int64_t *max)
{
    *min = type == OID_INT2 ? INT16_MIN : type == OID_INT4 ? INT32_MIN : INT64_MIN;
    *max = type == OID_INT2 ? INT16_MAX : type == OID_INT4 ? INT32_MAX : INT64_MAX;
}

static status apply_type(const struct ddl *d, const struct sequence_options *o,
                         struct sequence_desc *q, bool create, bool *reset_min, bool *reset_max)
{
    uint32_t type = q->type;
    int32_t  typmod;
    int64_t  old_min, old_max;

    *reset_min = *reset_max = create;
    if (o->as == NULL)
        return STATUS_OK;
    TRY_RETURN(column_type(d, o->as->arg->type_name, &type, &typmod));
    if (type != OID_INT2 && type != OID_INT4 && type != OID_INT8)
        return ddl_at(d,
                      status_new(ST_INVALID_PARAMETER_VALUE,
                                 "sequence type must be smallint, integer, or bigint"),
                      o->as->location);
    /* Bounds that were the old type's own follow to the new one's. */
    type_bounds(q->type, &old_min, &old_max);
    *reset_max |= q->increment > 0 ? q->max == old_max : false;
    *reset_min |= q->increment < 0 ? q->min == old_min : false;
    q->type = type;
    return STATUS_OK;
}

static status apply_bounds(const struct ddl *d, const struct sequence_options *o,
                           struct sequence_desc *q, bool reset_min, bool reset_max)
{
    int64_t type_min, type_max;

    type_bounds(q->type, &type_min, &type_max);
    if (o->max != NULL && o->max->arg != NULL)
        TRY_RETURN(defelem_int64(d, o->max, &q->max));
    else if (o->max != NULL || reset_max)
        q->max = q->increment > 0 ? type_max : -1;
    if (q->max < type_min || q->max > type_max)
        return status_new(ST_INVALID_PARAMETER_VALUE,
                          "MAXVALUE (%lld) is out of range for sequence data type %s",
                          (long long)q->max, type_format(d->a, q->type, -1));
    if (o->min != NULL && o->min->arg != NULL)
        TRY_RETURN(defelem_int64(d, o->min, &q->min));
    else if (o->min != NULL || reset_min)
        q->min = q->increment > 0 ? 1 : type_min;
    if (q->min < type_min || q->min > type_max)
        return status_new(ST_INVALID_PARAMETER_VALUE,
                          "MINVALUE (%lld) is out of range for sequence data type %s",
                          (long long)q->min, type_format(d->a, q->type, -1));
    if (q->min >= q->max)
        return status_new(ST_INVALID_PARAMETER_VALUE,
                          "MINVALUE (%lld) must be less than MAXVALUE (%lld)", (long long)q->min,
                          (long long)q->max);
    return STATUS_OK;
}

static status check_inside(const char *what, int64_t v, const struct sequence_desc *q)
{
    if (v < q->min)
        return status_new(ST_INVALID_PARAMETER_VALUE,
                          "%s value (%lld) cannot be less than MINVALUE (%lld)", what, (long long)v,
                          (long long)q->min);
    if (v > q->max)
        return status_new(ST_INVALID_PARAMETER_VALUE,
                          "%s value (%lld) cannot be greater than MAXVALUE (%lld)", what,
                          (long long)v, (long long)q->max);
    return STATUS_OK;
}

static status apply_restart(const struct ddl *d, const struct sequence_options *o,
                            struct table_desc *t, bool create)
{
    struct sequence_desc *q = &t->sequence;
    uint32_t              storage;
    int64_t               last;
    bool                  is_called;

    if (create) {
        q->first = q->start;
        return STATUS_OK;
    }
    if (o->restart == NULL) {
        TRY_RETURN(sequence_read(d->v, t, &last, &is_called));
        return check_inside("RESTART", last, q);
    }
    if (o->restart->arg != NULL)
        TRY_RETURN(defelem_int64(d, o->restart, &q->first));
    else
        q->first = q->start;
    TRY_RETURN(check_inside("RESTART", q->first, q));
    TRY_RETURN(catalog_new_oid(d->v, &storage));
    t->storage_id = storage;
    return STATUS_OK;
}

/* The owning column: its own note of the sequence is what DROP looks at. */
static status set_owner(const struct ddl *d, struct table_desc *t, const PgQuery__Node *names)
{
    const struct table_desc  *owner = NULL;
    const struct column_desc *column;
    struct table_desc        *changed;
    size_t                    n = names->list->n_items;
    const char               *last = ddl_node_string(names->list->items[n - 1]);

    if (n == 1 && ddl_equal(last, "none")) {
        t->sequence.owner_table_oid = 0;
        t->sequence.owner_column = 0;
        return STATUS_OK;
    }
    if (n == 1)
        return status_hint(status_new(ST_SYNTAX_ERROR, "invalid OWNED BY option"),
                           "Specify OWNED BY table.column or OWNED BY NONE.");
    TRY_RETURN(catalog_table_by_name_for_change(
        d->v, n > 2 ? ddl_node_string(names->list->items[n - 3]) : NULL,
        ddl_node_string(names->list->items[n - 2]), &owner));
    if (owner == NULL)
        return ddl_relation_missing(d, NULL, ddl_node_string(names->list->items[n - 2]));
    if (owner->kind != RELATION_TABLE)
        return status_detail(status_new(ST_WRONG_OBJECT_TYPE,
                                        "sequence cannot be owned by relation \"%s\"", owner->name),
                             "This operation is not supported for %ss.",
                             ddl_kind_name(owner->kind));
    if (owner->schema_oid != t->schema_oid)
        return status_new(ST_WRONG_STATE,
                          "sequence must be in same schema as table it is linked to");
    column = table_column_by_name(owner, last);
    if (column == NULL)
        return status_new(ST_UNDEFINED_COLUMN, "column \"%s\" of relation \"%s\" does not exist",
                          last, owner->name);
    t->sequence.owner_table_oid = owner->oid;
    t->sequence.owner_column = column->number;
    changed = table_desc_copy(d->a, owner, 0);
    changed->columns[column->number - 1].sequence_oid = t->oid;
    return catalog_put_table(d->v, changed);
}

/* The column that owned the sequence before. */
static status forget_owner(const struct ddl *d, const struct sequence_desc *q, uint32_t oid)
{
    const struct table_desc *owner;
    struct table_desc       *changed;

    if (q->owner_table_oid == 0)
        return STATUS_OK;
    TRY_RETURN(catalog_table_by_oid_for_change(d->v, q->owner_table_oid, &owner));
    if (owner == NULL || owner->columns[q->owner_column - 1].sequence_oid != oid)
        return STATUS_OK;
    if (owner->columns[q->owner_column - 1].identity != IDENTITY_NONE)
        return status_detail(
            status_new(ST_FEATURE_NOT_SUPPORTED, "cannot change ownership of identity sequence"),
            "Sequence is linked to table \"%s\".", owner->name);
    changed = table_desc_copy(d->a, owner, 0);
    changed->columns[q->owner_column - 1].sequence_oid = 0;
    return catalog_put_table(d->v, changed);
}

status sequence_apply_options(const struct ddl *d, struct table_desc *sequence,
                              PgQuery__Node *const *nodes, size_t count, bool create)
{
    struct sequence_desc   *q = &sequence->sequence;
    struct sequence_options o = {0};
    bool                    reset_min, reset_max;

    TRY_RETURN(collect(d, nodes, count, &o));
    TRY_RETURN(apply_type(d, &o, q, create, &reset_min, &reset_max));
    if (o.increment != NULL)
        TRY_RETURN(defelem_int64(d, o.increment, &q->increment));
    if (q->increment == 0)
        return status_new(ST_INVALID_PARAMETER_VALUE, "INCREMENT must not be zero");
    if (o.cycle != NULL)
        TRY_RETURN(defelem_bool(d, o.cycle, &q->cycle));
    TRY_RETURN(apply_bounds(d, &o, q, reset_min, reset_max));
    if (o.start != NULL)
        TRY_RETURN(defelem_int64(d, o.start, &q->start));
    else if (create)
        q->start = q->increment > 0 ? q->min : q->max;
    TRY_RETURN(check_inside("START", q->start, q));
    if (o.cache != NULL)
        TRY_RETURN(defelem_int64(d, o.cache, &q->cache));
    if (q->cache <= 0)
        return status_new(ST_INVALID_PARAMETER_VALUE, "CACHE (%lld) must be greater than zero",
                          (long long)q->cache);
    TRY_RETURN(apply_restart(d, &o, sequence, create));
    if (o.owned_by == NULL)
        return STATUS_OK;
    TRY_RETURN(forget_owner(d, q, sequence->oid));
    return set_owner(d, sequence, o.owned_by->arg);
}

static status new_sequence(const struct ddl *d, const struct schema_desc *schema, const char *name,
                           uint32_t type, struct table_desc **out)
{
    static const char *const columns[] = {"last_value", "log_cnt", "is_called"};
    struct table_desc       *t = ARENA_NEW(d->a, struct table_desc);
    uint32_t                 storage;

    TRY_RETURN(catalog_new_oid(d->v, &t->oid));
    TRY_RETURN(catalog_new_oid(d->v, &storage));
    t->storage_id = storage;
    t->kind = RELATION_SEQUENCE;
    t->name = name;
    t->schema_oid = schema->oid;
    t->database_oid = schema->database_oid;
    t->owner_oid = d->c->user_oid;
    t->sequence = (struct sequence_desc){.type = type, .increment = 1, .cache = 1};
    for (size_t i = 0; i < ARRAY_LEN(columns); i++) {
        struct column_desc *c = draft_add_column(d, t);

        c->name = columns[i];
        c->type = i < 2 ? OID_INT8 : OID_BOOL;
        c->not_null = true;
    }
    *out = t;
    return STATUS_OK;
}

/* Identity options may name the sequence. */
static const char *written_name(PgQuery__Node *const *options, size_t count)
{
    const char *schema, *name;

    for (size_t i = 0; i < count; i++) {
        if (!ddl_equal(options[i]->def_elem->defname, "sequence_name"))
            continue;
        node_names(options[i]->def_elem->arg, &schema, &name);
        return name;
    }
    return NULL;
}

status sequence_create_owned(const struct ddl *d, const struct table_desc *t,
                             const struct column_desc *column, uint32_t type,
                             PgQuery__Node *const *options, size_t option_count, uint32_t *oid)
{
    const struct schema_desc *schema;
    struct table_desc        *sequence;
    const char               *name = written_name(options, option_count);

    TRY_RETURN(catalog_schema_by_oid(d->v, t->schema_oid, &schema));
    if (name == NULL)
        name = choose_relation_name(d, t, column->name, "seq");
    TRY_RETURN(ddl_claim_relation(d, schema, name, NULL));
    TRY_RETURN(new_sequence(d, schema, name, type, &sequence));
    sequence->owner_oid = t->owner_oid;
    TRY_RETURN(sequence_apply_options(d, sequence, options, option_count, true));
    sequence->sequence.owner_table_oid = t->oid;
    sequence->sequence.owner_column = column->number;
    *oid = sequence->oid;
    return catalog_put_table(d->v, sequence);
}

status ddl_create_sequence(const struct ddl *d, const PgQuery__CreateSeqStmt *s)
{
    const struct schema_desc *schema;
    struct table_desc        *t;
    bool                      taken;

    d->result->tag = "CREATE SEQUENCE";
    TRY_RETURN(ddl_target_schema(d, s->sequence, &schema));
    TRY_RETURN(
        ddl_claim_relation(d, schema, s->sequence->relname, s->if_not_exists ? &taken : NULL));
    if (s->if_not_exists && taken) {
        ddl_notice(d, status_new(ST_DUPLICATE_TABLE, "relation \"%s\" already exists, skipping",
                                 s->sequence->relname));
        return STATUS_OK;
    }
    TRY_RETURN(new_sequence(d, schema, s->sequence->relname, OID_INT8, &t));
    TRY_RETURN(sequence_apply_options(d, t, s->options, s->n_options, true));
    return catalog_put_table(d->v, t);
}

status ddl_alter_sequence(const struct ddl *d, const PgQuery__AlterSeqStmt *s)
{
    const struct table_desc *before;
    struct table_desc       *t;

    d->result->tag = "ALTER SEQUENCE";
    TRY_RETURN(ddl_relation(d, s->sequence, WANT_SEQUENCE, s->missing_ok, &before));
    if (before == NULL)
        return STATUS_OK;
    t = table_desc_copy(d->a, before, 0);
    TRY_RETURN(sequence_apply_options(d, t, s->options, s->n_options, false));
    return catalog_put_table(d->v, t);
}

status sequence_restart(const struct ddl *d, uint32_t oid)
{
    const struct table_desc *before;
    struct table_desc       *t;
    uint32_t                 storage;

    TRY_RETURN(catalog_table_by_oid_for_change(d->v, oid, &before));
    if (before == NULL)
        return STATUS_OK;
    t = table_desc_copy(d->a, before, 0);
    TRY_RETURN(catalog_new_oid(d->v, &storage));
    t->storage_id = storage;
    t->sequence.first = t->sequence.start;
    return catalog_put_table(d->v, t);
}
