/* pg_class, pg_attribute, pg_attrdef, pg_index, pg_constraint, pg_sequence, pg_depend, pg_rewrite,
 * pg_description: what is in table descriptors. */
#include "sql/catalog/rows.h"
#include "sql/catalog/statistics.h"
#include "sql/func/function.h"

enum { AM_HEAP = 2, AM_BTREE = 403 };

/* pg_class.oid of the system tables that others point at. */
enum {
    CLASS_PG_CLASS = 1259,
    CLASS_PG_CONSTRAINT = 2606,
    CLASS_PG_NAMESPACE = 2615,
    CLASS_PG_REWRITE = 2618,
    CLASS_PG_ATTRDEF = 2604
};

/* Views have a rewrite rule in PostgreSQL, tables a row type: numbers made from the OID, outside
 * what is ever given out. */
static uint32_t rule_oid(const struct table_desc *view)
{
    return view->oid | 0x80000000u;
}

static uint32_t default_oid(const struct table_desc *t, size_t column)
{
    return (t->oid * 1600u + (uint32_t)column) | 0x80000000u;
}

/* The tables that the scan wants: one when `key_at` is the key column, else all. For scans whose
 * key is the OID of an index or constraint, all are gone through. */
static status tables(struct rows *r, size_t key_at, const struct table_desc ***out, size_t *count)
{
    const struct object *o;

    if (r->key_column != (int)key_at)
        return catalog_list_tables(r->v, r->a, out, count);
    o = view_peek(r->v, OBJECT_TABLE, (uint32_t)r->key->i);
    *out = ARENA_ARRAY(r->a, const struct table_desc *, 1);
    *count =
        o != NULL && (o->table->database_oid == 0 || o->table->database_oid == r->v->database_oid);
    if (*count > 0) {
        if (!object_is_builtin(o))
            view_pin(r->v, view_peek(r->v, OBJECT_TABLE, o->oid));
        (*out)[0] = o->table;
    }
    return STATUS_OK;
}

/* The same where the key may be an index, which comes with its table: the filter behind the scan
 * picks it. */
static status tables_of_relation(struct rows *r, size_t key_at, const struct table_desc ***out,
                                 size_t *count)
{
    struct rows all = *r;
    datum       owner = {0};

    if (r->key_column == (int)key_at)
        owner.i = view_table_of_index(r->v, (uint32_t)r->key->i);
    if (owner.i != 0)
        all.key = &owner;
    return tables(&all, key_at, out, count);
}

/* ---- pg_class -------------------------------------------------------------------------------- */

static void class_common(struct rows *r)
{
    row_int(r, COLUMN_AT(pg_class, reltype), 0);
    row_int(r, COLUMN_AT(pg_class, reloftype), 0);
    row_int(r, COLUMN_AT(pg_class, reltablespace), 0);
    row_int(r, COLUMN_AT(pg_class, relpages), 0);
    row_float(r, COLUMN_AT(pg_class, reltuples), -1);
    row_int(r, COLUMN_AT(pg_class, relallvisible), 0);
    row_int(r, COLUMN_AT(pg_class, reltoastrelid), 0);
    row_bool(r, COLUMN_AT(pg_class, relisshared), false);
    row_char(r, COLUMN_AT(pg_class, relpersistence), 'p');
    row_bool(r, COLUMN_AT(pg_class, relrowsecurity), false);
    row_bool(r, COLUMN_AT(pg_class, relforcerowsecurity), false);
    row_bool(r, COLUMN_AT(pg_class, relispopulated), true);
    row_bool(r, COLUMN_AT(pg_class, relispartition), false);
    row_int(r, COLUMN_AT(pg_class, relrewrite), 0);
    row_int(r, COLUMN_AT(pg_class, relfrozenxid), 0);
    row_int(r, COLUMN_AT(pg_class, relminmxid), 0);
    row_bool(r, COLUMN_AT(pg_class, relhassubclass), false);
    row_bool(r, COLUMN_AT(pg_class, relhastriggers), false);
    row_bool(r, COLUMN_AT(pg_class, relhasrules), false);
    row_bool(r, COLUMN_AT(pg_class, relhasindex), false);
    row_int(r, COLUMN_AT(pg_class, relchecks), 0);
}

static size_t count_checks(const struct table_desc *t)
{
    size_t n = 0;

    for (size_t i = 0; i < t->constraint_count; i++)
        n += t->constraints[i].kind == CONSTRAINT_CHECK;
    return n;
}

static bool has_foreign_keys(const struct table_desc *t)
{
    bool has = t->inbound_count > 0;

    for (size_t i = 0; i < t->constraint_count; i++)
        has |= t->constraints[i].kind == CONSTRAINT_FOREIGN;
    return has;
}

static bool has_indexes(const struct table_desc *t)
{
    return t->index_count > 1 || (t->index_count == 1 && t->indexes[0].oid != 0);
}

static status class_of_table(struct rows *r, const struct table_desc *t)
{
    const struct table_statistics *stats = catalog_statistics(r->v, t->oid);

    row_begin(r);
    class_common(r);
    row_int(r, COLUMN_AT(pg_class, oid), t->oid);
    row_text(r, COLUMN_AT(pg_class, relname), t->name);
    row_int(r, COLUMN_AT(pg_class, relnamespace), t->schema_oid);
    row_int(r, COLUMN_AT(pg_class, relowner), t->owner_oid);
    row_int(r, COLUMN_AT(pg_class, relam), t->kind == RELATION_TABLE ? AM_HEAP : 0);
    row_int(r, COLUMN_AT(pg_class, relfilenode), t->kind == RELATION_VIEW ? 0 : (int64_t)t->oid);
    row_bool(r, COLUMN_AT(pg_class, relhasindex), has_indexes(t));
    row_char(r, COLUMN_AT(pg_class, relkind), (char)t->kind);
    row_int(r, COLUMN_AT(pg_class, relnatts), (int64_t)t->column_count);
    row_int(r, COLUMN_AT(pg_class, relchecks), (int64_t)count_checks(t));
    row_bool(r, COLUMN_AT(pg_class, relhasrules), t->kind == RELATION_VIEW);
    row_bool(r, COLUMN_AT(pg_class, relhastriggers), has_foreign_keys(t));
    row_char(r, COLUMN_AT(pg_class, relreplident), t->kind == RELATION_TABLE ? 'd' : 'n');
    if (stats != NULL)
        row_float(r, COLUMN_AT(pg_class, reltuples), (float)stats->rows);
    return row_end(r);
}

static status class_of_index(struct rows *r, const struct table_desc *t, const struct index_desc *x)
{
    row_begin(r);
    class_common(r);
    row_int(r, COLUMN_AT(pg_class, oid), x->oid);
    row_text(r, COLUMN_AT(pg_class, relname), x->name);
    row_int(r, COLUMN_AT(pg_class, relnamespace), t->schema_oid);
    row_int(r, COLUMN_AT(pg_class, relowner), t->owner_oid);
    row_int(r, COLUMN_AT(pg_class, relam), AM_BTREE);
    row_int(r, COLUMN_AT(pg_class, relfilenode), x->oid);
    row_char(r, COLUMN_AT(pg_class, relkind), RELATION_INDEX);
    row_int(r, COLUMN_AT(pg_class, relnatts), (int64_t)(x->part_count + x->include_count));
    row_char(r, COLUMN_AT(pg_class, relreplident), 'n');
    return row_end(r);
}

status scan_pg_class(struct rows *r)
{
    const struct table_desc **list;
    size_t                    count;

    TRY_RETURN(tables_of_relation(r, COLUMN_AT(pg_class, oid), &list, &count));
    for (size_t i = 0; i < count; i++) {
        TRY_RETURN(class_of_table(r, list[i]));
        for (size_t j = 0; j < list[i]->index_count; j++)
            if (list[i]->indexes[j].oid != 0)
                TRY_RETURN(class_of_index(r, list[i], &list[i]->indexes[j]));
    }
    return STATUS_OK;
}

/* ---- pg_attribute ---------------------------------------------------------------------------- */

static void attribute_common(struct rows *r, uint32_t relation, int64_t number, const char *name,
                             uint32_t type_oid, int32_t typmod, uint32_t collation)
{
    const struct type *type = type_by_oid(type_oid);

    row_begin(r);
    row_int(r, COLUMN_AT(pg_attribute, attrelid), relation);
    row_text(r, COLUMN_AT(pg_attribute, attname), name);
    row_int(r, COLUMN_AT(pg_attribute, atttypid), type_oid);
    row_int(r, COLUMN_AT(pg_attribute, attstattarget), -1);
    row_int(r, COLUMN_AT(pg_attribute, attlen), type != NULL ? type->size : -1);
    row_int(r, COLUMN_AT(pg_attribute, attnum), number);
    row_int(r, COLUMN_AT(pg_attribute, attndims), type != NULL && type->element_oid != 0 ? 1 : 0);
    row_int(r, COLUMN_AT(pg_attribute, attcacheoff), -1);
    row_int(r, COLUMN_AT(pg_attribute, atttypmod), typmod);
    row_bool(r, COLUMN_AT(pg_attribute, attbyval), type != NULL && type->by_value);
    row_char(r, COLUMN_AT(pg_attribute, attalign), type != NULL ? type->align : 'i');
    row_char(r, COLUMN_AT(pg_attribute, attstorage), type != NULL ? type->storage : 'p');
    row_char(r, COLUMN_AT(pg_attribute, attcompression), 0);
    row_bool(r, COLUMN_AT(pg_attribute, attnotnull), false);
    row_bool(r, COLUMN_AT(pg_attribute, atthasdef), false);
    row_bool(r, COLUMN_AT(pg_attribute, atthasmissing), false);
    row_char(r, COLUMN_AT(pg_attribute, attidentity), 0);
    row_char(r, COLUMN_AT(pg_attribute, attgenerated), 0);
    row_bool(r, COLUMN_AT(pg_attribute, attisdropped), false);
    row_bool(r, COLUMN_AT(pg_attribute, attislocal), true);
    row_int(r, COLUMN_AT(pg_attribute, attinhcount), 0);
    row_int(r, COLUMN_AT(pg_attribute, attcollation), collation);
}

/* Identity columns have a default here that PostgreSQL does not store. */
static bool has_default(const struct column_desc *c)
{
    return c->default_text != NULL && c->identity == IDENTITY_NONE && !c->dropped;
}

static status attributes_of_table(struct rows *r, const struct table_desc *t)
{
    for (size_t i = 0; i < t->column_count; i++) {
        const struct column_desc *c = &t->columns[i];

        attribute_common(r, t->oid, c->number, c->name, c->dropped ? 0 : c->type, c->typmod,
                         c->dropped ? 0 : c->collation);
        row_bool(r, COLUMN_AT(pg_attribute, attnotnull), c->not_null);
        row_bool(r, COLUMN_AT(pg_attribute, atthasdef), has_default(c));
        row_char(r, COLUMN_AT(pg_attribute, attidentity), c->identity);
        row_char(r, COLUMN_AT(pg_attribute, attgenerated), c->generated_stored ? 's' : 0);
        row_bool(r, COLUMN_AT(pg_attribute, attisdropped), c->dropped);
        TRY_RETURN(row_end(r));
    }
    return STATUS_OK;
}

static const char *part_name(const struct table_desc *t, const struct index_part *p)
{
    if (p->column != 0)
        return t->columns[p->column - 1].name;
    return p->name != NULL ? p->name : "expr";
}

static status attributes_of_index(struct rows *r, const struct table_desc *t,
                                  const struct index_desc *x)
{
    for (size_t i = 0; i < x->part_count + x->include_count; i++) {
        bool    is_key = i < x->part_count;
        int16_t number = is_key ? x->parts[i].column : x->include[i - x->part_count];
        const struct column_desc *c = number != 0 ? &t->columns[number - 1] : NULL;
        const char               *name = is_key ? part_name(t, &x->parts[i]) : c->name;
        uint32_t                  type_oid = c != NULL ? c->type : x->parts[i].type;
        const struct type        *type = type_by_oid(type_oid);

        attribute_common(r, x->oid, (int64_t)i + 1, name, type_oid, c != NULL ? c->typmod : -1,
                         c != NULL ? c->collation : (type != NULL ? type->collation : 0));
        TRY_RETURN(row_end(r));
    }
    return STATUS_OK;
}

status scan_pg_attribute(struct rows *r)
{
    const struct table_desc **list;
    size_t                    count;

    TRY_RETURN(tables_of_relation(r, COLUMN_AT(pg_attribute, attrelid), &list, &count));
    for (size_t i = 0; i < count; i++) {
        TRY_RETURN(attributes_of_table(r, list[i]));
        for (size_t j = 0; j < list[i]->index_count; j++)
            if (list[i]->indexes[j].oid != 0)
                TRY_RETURN(attributes_of_index(r, list[i], &list[i]->indexes[j]));
    }
    return STATUS_OK;
}

status scan_pg_attrdef(struct rows *r)
{
    const struct table_desc **list;
    size_t                    count;

    TRY_RETURN(tables(r, COLUMN_AT(pg_attrdef, adrelid), &list, &count));
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < list[i]->column_count; j++) {
            const struct column_desc *c = &list[i]->columns[j];

            if (!has_default(c))
                continue;
            row_begin(r);
            row_int(r, COLUMN_AT(pg_attrdef, oid), default_oid(list[i], j));
            row_int(r, COLUMN_AT(pg_attrdef, adrelid), list[i]->oid);
            row_int(r, COLUMN_AT(pg_attrdef, adnum), c->number);
            row_text(r, COLUMN_AT(pg_attrdef, adbin), c->default_text);
            TRY_RETURN(row_end(r));
        }
    }
    return STATUS_OK;
}

/* ---- pg_index -------------------------------------------------------------------------------- */

/* The default btree class of a type: fixed OIDs of PostgreSQL. */
static int64_t default_class(uint32_t type)
{
    static const struct {
        uint32_t oid, type;
    } classes[] = {
#define AM(oid, name, handler, type)
#define OPFAMILY(oid, am, name)
#define OPCLASS(oid_, am, name, family, type_, is_default)                                         \
    {.oid = (am) == AM_BTREE && (is_default) ? (oid_) : 0, .type = (type_)},
#define AMOP(oid, family, left, right, strategy, op, am)
#define COLLATION(oid, name, collate, provider)
#include "sql/catalog/rows.def"
#undef AM
#undef OPFAMILY
#undef OPCLASS
#undef AMOP
#undef COLLATION
    };
    const struct type *t = type_by_oid(type);

    if (type == OID_VARCHAR)
        type = OID_TEXT;
    if (t != NULL && t->element_oid != 0)
        type = OID_ANYARRAY;
    for (size_t i = 0; i < ARRAY_LEN(classes); i++)
        if (classes[i].oid != 0 && classes[i].type == type)
            return classes[i].oid;
    return 0;
}

static status index_vectors(struct rows *r, const struct table_desc *t, const struct index_desc *x)
{
    int64_t keys[2 * INDEX_KEY_PARTS_MAX], classes[INDEX_KEY_PARTS_MAX];
    int64_t options[INDEX_KEY_PARTS_MAX], collations[INDEX_KEY_PARTS_MAX];

    for (size_t i = 0; i < x->part_count; i++) {
        const struct index_part *p = &x->parts[i];
        const struct type       *type = type_by_oid(p->type);

        keys[i] = p->column;
        classes[i] = default_class(p->type);
        options[i] = (p->descending ? 1 : 0) | (p->nulls_first ? 2 : 0);
        collations[i] = p->column != 0 ? t->columns[p->column - 1].collation
                                       : (type != NULL ? type->collation : 0);
    }
    for (size_t i = 0; i < x->include_count; i++)
        keys[x->part_count + i] = x->include[i];
    TRY_RETURN(
        row_numbers(r, COLUMN_AT(pg_index, indkey), keys, x->part_count + x->include_count, true));
    TRY_RETURN(row_numbers(r, COLUMN_AT(pg_index, indcollation), collations, x->part_count, true));
    TRY_RETURN(row_numbers(r, COLUMN_AT(pg_index, indclass), classes, x->part_count, true));
    return row_numbers(r, COLUMN_AT(pg_index, indoption), options, x->part_count, true);
}

static const char *index_expressions(struct arena *a, const struct index_desc *x)
{
    const char *text = NULL;

    for (size_t i = 0; i < x->part_count; i++)
        if (x->parts[i].column == 0)
            text = text == NULL ? x->parts[i].expression_text
                                : arena_printf(a, "%s, %s", text, x->parts[i].expression_text);
    return text;
}

static status index_row(struct rows *r, const struct table_desc *t, const struct index_desc *x)
{
    bool public = x->state == INDEX_PUBLIC;

    row_begin(r);
    row_int(r, COLUMN_AT(pg_index, indexrelid), x->oid);
    row_int(r, COLUMN_AT(pg_index, indrelid), t->oid);
    row_int(r, COLUMN_AT(pg_index, indnatts), (int64_t)(x->part_count + x->include_count));
    row_int(r, COLUMN_AT(pg_index, indnkeyatts), (int64_t)x->part_count);
    row_bool(r, COLUMN_AT(pg_index, indisunique), x->unique);
    row_bool(r, COLUMN_AT(pg_index, indnullsnotdistinct), x->nulls_not_distinct);
    row_bool(r, COLUMN_AT(pg_index, indisprimary), x->primary);
    row_bool(r, COLUMN_AT(pg_index, indisexclusion), false);
    row_bool(r, COLUMN_AT(pg_index, indimmediate), true);
    row_bool(r, COLUMN_AT(pg_index, indisclustered), false);
    row_bool(r, COLUMN_AT(pg_index, indisvalid), public);
    row_bool(r, COLUMN_AT(pg_index, indcheckxmin), false);
    row_bool(r, COLUMN_AT(pg_index, indisready), public);
    row_bool(r, COLUMN_AT(pg_index, indislive), true);
    row_bool(r, COLUMN_AT(pg_index, indisreplident), false);
    TRY_RETURN(index_vectors(r, t, x));
    row_text(r, COLUMN_AT(pg_index, indexprs), index_expressions(r->a, x));
    row_text(r, COLUMN_AT(pg_index, indpred), x->predicate_text);
    return row_end(r);
}

status scan_pg_index(struct rows *r)
{
    const struct table_desc **list;
    size_t                    count;

    TRY_RETURN(tables(r, COLUMN_AT(pg_index, indrelid), &list, &count));
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < list[i]->index_count; j++)
            if (list[i]->indexes[j].oid != 0 &&
                rows_want_int(r, COLUMN_AT(pg_index, indexrelid), list[i]->indexes[j].oid))
                TRY_RETURN(index_row(r, list[i], &list[i]->indexes[j]));
    return STATUS_OK;
}

/* ---- pg_constraint --------------------------------------------------------------------------- */

static status column_numbers(struct rows *r, size_t at, const int16_t *columns, size_t count)
{
    int64_t numbers[INDEX_KEY_PARTS_MAX];

    for (size_t i = 0; i < count; i++)
        numbers[i] = columns[i];
    return count == 0 ? STATUS_OK : row_numbers(r, at, numbers, count, false);
}

static status equality_operators(struct rows *r, const struct table_desc *t,
                                 const struct constraint_desc *c)
{
    int64_t oids[INDEX_KEY_PARTS_MAX];

    for (size_t i = 0; i < c->column_count; i++) {
        const struct operator_def *op = operator_for_order(t->columns[c->columns[i] - 1].type, '=');

        oids[i] = op != NULL ? op->oid : 0;
    }
    TRY_RETURN(row_numbers(r, COLUMN_AT(pg_constraint, conpfeqop), oids, c->column_count, false));
    TRY_RETURN(row_numbers(r, COLUMN_AT(pg_constraint, conppeqop), oids, c->column_count, false));
    return row_numbers(r, COLUMN_AT(pg_constraint, conffeqop), oids, c->column_count, false);
}

static status foreign_key_columns(struct rows *r, const struct table_desc *t,
                                  const struct constraint_desc *c)
{
    row_int(r, COLUMN_AT(pg_constraint, confrelid), c->ref_table_oid);
    row_char(r, COLUMN_AT(pg_constraint, confupdtype), (char)c->on_update);
    row_char(r, COLUMN_AT(pg_constraint, confdeltype), (char)c->on_delete);
    row_char(r, COLUMN_AT(pg_constraint, confmatchtype), c->match_full ? 'f' : 's');
    TRY_RETURN(
        column_numbers(r, COLUMN_AT(pg_constraint, confkey), c->ref_columns, c->column_count));
    TRY_RETURN(column_numbers(r, COLUMN_AT(pg_constraint, confdelsetcols), c->on_delete_set,
                              c->on_delete_set_count));
    return equality_operators(r, t, c);
}

static status constraint_row(struct rows *r, const struct table_desc *t,
                             const struct constraint_desc *c)
{
    row_begin(r);
    row_int(r, COLUMN_AT(pg_constraint, oid), c->oid);
    row_text(r, COLUMN_AT(pg_constraint, conname), c->name);
    row_int(r, COLUMN_AT(pg_constraint, connamespace), t->schema_oid);
    row_char(r, COLUMN_AT(pg_constraint, contype), (char)c->kind);
    row_bool(r, COLUMN_AT(pg_constraint, condeferrable), c->deferrable);
    row_bool(r, COLUMN_AT(pg_constraint, condeferred), c->initially_deferred);
    row_bool(r, COLUMN_AT(pg_constraint, convalidated), c->validated);
    row_int(r, COLUMN_AT(pg_constraint, conrelid), t->oid);
    row_int(r, COLUMN_AT(pg_constraint, contypid), 0);
    row_int(r, COLUMN_AT(pg_constraint, conindid), c->index_oid);
    row_int(r, COLUMN_AT(pg_constraint, conparentid), 0);
    row_int(r, COLUMN_AT(pg_constraint, confrelid), 0);
    row_char(r, COLUMN_AT(pg_constraint, confupdtype), ' ');
    row_char(r, COLUMN_AT(pg_constraint, confdeltype), ' ');
    row_char(r, COLUMN_AT(pg_constraint, confmatchtype), ' ');
    row_bool(r, COLUMN_AT(pg_constraint, conislocal), true);
    row_int(r, COLUMN_AT(pg_constraint, coninhcount), 0);
    row_bool(r, COLUMN_AT(pg_constraint, connoinherit),
             c->kind != CONSTRAINT_CHECK || c->no_inherit);
    TRY_RETURN(column_numbers(r, COLUMN_AT(pg_constraint, conkey), c->columns, c->column_count));
    row_text(r, COLUMN_AT(pg_constraint, conbin), c->check_text);
    if (c->kind == CONSTRAINT_FOREIGN)
        TRY_RETURN(foreign_key_columns(r, t, c));
    return row_end(r);
}

status scan_pg_constraint(struct rows *r)
{
    const struct table_desc **list;
    size_t                    count;

    TRY_RETURN(tables(r, COLUMN_AT(pg_constraint, conrelid), &list, &count));
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < list[i]->constraint_count; j++)
            if (rows_want_int(r, COLUMN_AT(pg_constraint, oid), list[i]->constraints[j].oid))
                TRY_RETURN(constraint_row(r, list[i], &list[i]->constraints[j]));
    return STATUS_OK;
}

/* ---- sequences, rules, dependencies, comments ------------------------------------------------ */

status scan_pg_sequence(struct rows *r)
{
    const struct table_desc **list;
    size_t                    count;

    TRY_RETURN(tables(r, COLUMN_AT(pg_sequence, seqrelid), &list, &count));
    for (size_t i = 0; i < count; i++) {
        const struct sequence_desc *q = &list[i]->sequence;

        if (list[i]->kind != RELATION_SEQUENCE)
            continue;
        row_begin(r);
        row_int(r, COLUMN_AT(pg_sequence, seqrelid), list[i]->oid);
        row_int(r, COLUMN_AT(pg_sequence, seqtypid), q->type);
        row_int(r, COLUMN_AT(pg_sequence, seqstart), q->start);
        row_int(r, COLUMN_AT(pg_sequence, seqincrement), q->increment);
        row_int(r, COLUMN_AT(pg_sequence, seqmax), q->max);
        row_int(r, COLUMN_AT(pg_sequence, seqmin), q->min);
        row_int(r, COLUMN_AT(pg_sequence, seqcache), q->cache);
        row_bool(r, COLUMN_AT(pg_sequence, seqcycle), q->cycle);
        TRY_RETURN(row_end(r));
    }
    return STATUS_OK;
}

status scan_pg_rewrite(struct rows *r)
{
    const struct table_desc **list;
    size_t                    count;

    TRY_RETURN(tables(r, COLUMN_AT(pg_rewrite, ev_class), &list, &count));
    for (size_t i = 0; i < count; i++) {
        if (list[i]->kind != RELATION_VIEW)
            continue;
        row_begin(r);
        row_int(r, COLUMN_AT(pg_rewrite, oid), rule_oid(list[i]));
        row_text(r, COLUMN_AT(pg_rewrite, rulename), "_RETURN");
        row_int(r, COLUMN_AT(pg_rewrite, ev_class), list[i]->oid);
        row_char(r, COLUMN_AT(pg_rewrite, ev_type), '1');
        row_char(r, COLUMN_AT(pg_rewrite, ev_enabled), 'O');
        row_bool(r, COLUMN_AT(pg_rewrite, is_instead), true);
        row_text(r, COLUMN_AT(pg_rewrite, ev_qual), "<>");
        row_text(r, COLUMN_AT(pg_rewrite, ev_action),
                 list[i]->view_text != NULL ? list[i]->view_text : "");
        TRY_RETURN(row_end(r));
    }
    return STATUS_OK;
}

struct depend {
    int64_t class, object, part, ref_class, ref_object, ref_part;
    char type;
};

static status depend_row(struct rows *r, struct depend d)
{
    row_begin(r);
    row_int(r, COLUMN_AT(pg_depend, classid), d.class);
    row_int(r, COLUMN_AT(pg_depend, objid), d.object);
    row_int(r, COLUMN_AT(pg_depend, objsubid), d.part);
    row_int(r, COLUMN_AT(pg_depend, refclassid), d.ref_class);
    row_int(r, COLUMN_AT(pg_depend, refobjid), d.ref_object);
    row_int(r, COLUMN_AT(pg_depend, refobjsubid), d.ref_part);
    row_char(r, COLUMN_AT(pg_depend, deptype), d.type);
    return row_end(r);
}

static status depends_of_sequence(struct rows *r, const struct table_desc *t)
{
    const struct object *owner = t->kind != RELATION_SEQUENCE
                                     ? NULL
                                     : view_peek(r->v, OBJECT_TABLE, t->sequence.owner_table_oid);

    if (owner == NULL)
        return STATUS_OK;
    bool identity = owner->table->columns[t->sequence.owner_column - 1].identity != IDENTITY_NONE;
    return depend_row(r, (struct depend){CLASS_PG_CLASS, t->oid, 0, CLASS_PG_CLASS, owner->oid,
                                         t->sequence.owner_column, identity ? 'i' : 'a'});
}

static status depends_of_columns(struct rows *r, const struct table_desc *t)
{
    for (size_t i = 0; i < t->column_count; i++) {
        const struct column_desc *c = &t->columns[i];

        if (!has_default(c))
            continue;
        TRY_RETURN(depend_row(r, (struct depend){CLASS_PG_ATTRDEF, default_oid(t, i), 0,
                                                 CLASS_PG_CLASS, t->oid, c->number, 'a'}));
        if (c->default_sequence_oid != 0)
            TRY_RETURN(
                depend_row(r, (struct depend){CLASS_PG_ATTRDEF, default_oid(t, i), 0,
                                              CLASS_PG_CLASS, c->default_sequence_oid, 0, 'n'}));
    }
    return STATUS_OK;
}

static status depends_of_constraints(struct rows *r, const struct table_desc *t)
{
    for (size_t i = 0; i < t->constraint_count; i++) {
        const struct constraint_desc *c = &t->constraints[i];

        for (size_t j = 0; j < c->column_count; j++)
            TRY_RETURN(depend_row(r, (struct depend){CLASS_PG_CONSTRAINT, c->oid, 0, CLASS_PG_CLASS,
                                                     t->oid, c->columns[j], 'a'}));
        if (c->kind == CONSTRAINT_PRIMARY || c->kind == CONSTRAINT_UNIQUE)
            TRY_RETURN(depend_row(r, (struct depend){CLASS_PG_CLASS, c->index_oid, 0,
                                                     CLASS_PG_CONSTRAINT, c->oid, 0, 'i'}));
        /* By its index pg_restore knows that the referenced key comes first. */
        if (c->kind == CONSTRAINT_FOREIGN)
            TRY_RETURN(depend_row(r, (struct depend){CLASS_PG_CONSTRAINT, c->oid, 0, CLASS_PG_CLASS,
                                                     c->index_oid, 0, 'n'}));
        if (c->kind == CONSTRAINT_FOREIGN)
            for (size_t j = 0; j < c->column_count; j++)
                TRY_RETURN(
                    depend_row(r, (struct depend){CLASS_PG_CONSTRAINT, c->oid, 0, CLASS_PG_CLASS,
                                                  c->ref_table_oid, c->ref_columns[j], 'n'}));
    }
    return STATUS_OK;
}

static status depends_of_view(struct rows *r, const struct table_desc *t)
{
    if (t->kind != RELATION_VIEW)
        return STATUS_OK;
    TRY_RETURN(depend_row(
        r, (struct depend){CLASS_PG_REWRITE, rule_oid(t), 0, CLASS_PG_CLASS, t->oid, 0, 'i'}));
    for (size_t i = 0; i < t->depends_count; i++)
        TRY_RETURN(
            depend_row(r, (struct depend){CLASS_PG_REWRITE, rule_oid(t), 0, CLASS_PG_CLASS,
                                          t->depends[i].table_oid, t->depends[i].column, 'n'}));
    return STATUS_OK;
}

status scan_pg_depend(struct rows *r)
{
    const struct table_desc **list;
    size_t                    count;

    TRY_RETURN(catalog_list_tables(r->v, r->a, &list, &count));
    for (size_t i = 0; i < count; i++) {
        if (list[i]->oid < OID_FIRST_USER)
            continue;
        TRY_RETURN(depend_row(r, (struct depend){CLASS_PG_CLASS, list[i]->oid, 0,
                                                 CLASS_PG_NAMESPACE, list[i]->schema_oid, 0, 'n'}));
        TRY_RETURN(depends_of_sequence(r, list[i]));
        TRY_RETURN(depends_of_columns(r, list[i]));
        TRY_RETURN(depends_of_constraints(r, list[i]));
        TRY_RETURN(depends_of_view(r, list[i]));
    }
    return STATUS_OK;
}

static status description_row(struct rows *r, uint32_t object, uint32_t class, int64_t part,
                              const char *text)
{
    if (text == NULL)
        return STATUS_OK;
    row_begin(r);
    row_int(r, COLUMN_AT(pg_description, objoid), object);
    row_int(r, COLUMN_AT(pg_description, classoid), class);
    row_int(r, COLUMN_AT(pg_description, objsubid), part);
    row_text(r, COLUMN_AT(pg_description, description), text);
    return row_end(r);
}

static status descriptions_of_table(struct rows *r, const struct table_desc *t)
{
    TRY_RETURN(description_row(r, t->oid, CLASS_PG_CLASS, 0, t->comment));
    for (size_t i = 0; i < t->column_count; i++)
        TRY_RETURN(description_row(r, t->oid, CLASS_PG_CLASS, t->columns[i].number,
                                   t->columns[i].comment));
    for (size_t i = 0; i < t->index_count; i++)
        TRY_RETURN(description_row(r, t->indexes[i].oid, CLASS_PG_CLASS, 0, t->indexes[i].comment));
    for (size_t i = 0; i < t->constraint_count; i++)
        TRY_RETURN(description_row(r, t->constraints[i].oid, CLASS_PG_CONSTRAINT, 0,
                                   t->constraints[i].comment));
    return STATUS_OK;
}

status scan_pg_description(struct rows *r)
{
    const struct table_desc  **list;
    const struct schema_desc **schemas;
    size_t                     count;

    TRY_RETURN(catalog_list_tables(r->v, r->a, &list, &count));
    for (size_t i = 0; i < count; i++)
        TRY_RETURN(descriptions_of_table(r, list[i]));
    TRY_RETURN(catalog_list_schemas(r->v, r->a, &schemas, &count));
    for (size_t i = 0; i < count; i++)
        TRY_RETURN(description_row(r, schemas[i]->oid, CLASS_PG_NAMESPACE, 0, schemas[i]->comment));
    return STATUS_OK;
}
