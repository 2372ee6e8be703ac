/* Descriptors to bytes and back: descriptor.proto.
 *
 * Fields that this version does not know, at any level, are kept beside what they came with and
 * written again: while a cluster is upgraded, an older node may change a descriptor that a newer
 * one has extended. */
#include "sql/catalog/object.h"

#include "base/assert.h"
#include "sql/catalog/descriptor.pb-c.h"
#include "sql/catalog/statistics.h"
#include "sql/catalog/virtual.h"

enum { FORMAT_CURRENT = 1 };

struct unknown_fields {
    size_t                        count;
    ProtobufCMessageUnknownField *fields;
};

/* The fields whose name is the same on both sides: N numbers and flags, S strings (NULL when
 * empty). */
#define COLUMN_FIELDS(N, S)                                                                        \
    N(number)                                                                                      \
    S(name)                                                                                        \
    N(type)                                                                                        \
    N(typmod)                                                                                      \
    N(collation)                                                                                   \
    N(not_null)                                                                                    \
    N(dropped)                                                                                     \
    N(identity)                                                                                    \
    N(generated_stored)                                                                            \
    S(default_text)                                                                                \
    N(sequence_oid)                                                                                \
    N(default_sequence_oid)                                                                        \
    S(comment)
#define PART_FIELDS(N, S)                                                                          \
    N(column)                                                                                      \
    S(expression_text)                                                                             \
    N(type)                                                                                        \
    N(descending)                                                                                  \
    N(nulls_first)                                                                                 \
    S(name)
#define INDEX_FIELDS(N, S)                                                                         \
    N(oid)                                                                                         \
    N(key_id)                                                                                      \
    S(name)                                                                                        \
    N(unique)                                                                                      \
    N(primary)                                                                                     \
    N(nulls_not_distinct)                                                                          \
    N(state)                                                                                       \
    S(predicate_text)                                                                              \
    S(comment)
#define CONSTRAINT_FIELDS(N, S)                                                                    \
    N(oid)                                                                                         \
    N(kind)                                                                                        \
    S(name)                                                                                        \
    N(index_oid)                                                                                   \
    S(check_text)                                                                                  \
    N(deferrable)                                                                                  \
    N(initially_deferred)                                                                          \
    N(validated)                                                                                   \
    N(no_inherit)                                                                                  \
    N(ref_table_oid)                                                                               \
    N(on_delete)                                                                                   \
    N(on_update)                                                                                   \
    N(match_full)                                                                                  \
    S(comment)
#define SEQUENCE_FIELDS(N, S)                                                                      \
    N(type)                                                                                        \
    N(start)                                                                                       \
    N(increment)                                                                                   \
    N(min)                                                                                         \
    N(max)                                                                                         \
    N(cache)                                                                                       \
    N(cycle)                                                                                       \
    N(first)                                                                                       \
    N(owner_table_oid)                                                                             \
    N(owner_column)
#define TABLE_FIELDS(N, S)                                                                         \
    N(kind)                                                                                        \
    S(name)                                                                                        \
    N(schema_oid)                                                                                  \
    N(database_oid)                                                                                \
    N(owner_oid)                                                                                   \
    S(comment)                                                                                     \
    N(storage_id)                                                                                  \
    N(has_row_id)                                                                                  \
    N(next_key_id)                                                                                 \
    S(view_text)
#define SCHEMA_FIELDS(N, S)                                                                        \
    S(name)                                                                                        \
    N(database_oid)                                                                                \
    N(owner_oid)                                                                                   \
    S(comment)
#define DATABASE_FIELDS(N, S)                                                                      \
    S(name)                                                                                        \
    N(owner_oid)                                                                                   \
    S(comment)
#define ROLE_FIELDS(N, S)                                                                          \
    S(name)                                                                                        \
    N(superuser)                                                                                   \
    N(can_login)                                                                                   \
    N(create_db)                                                                                   \
    N(create_role)                                                                                 \
    N(inherit)                                                                                     \
    N(replication)                                                                                 \
    N(bypass_rls)                                                                                  \
    N(connection_limit)                                                                            \
    S(verifier)                                                                                    \
    S(valid_until)                                                                                 \
    S(comment)

#define TO_MESSAGE_N(f) m->f = (__typeof__(m->f))d->f;
#define TO_MESSAGE_S(f) m->f = borrowed(d->f);
#define TO_DESC_N(f)    d->f = (__typeof__(d->f))m->f;
#define TO_DESC_S(f)    d->f = text_or_null(m->f);

/* protobuf-c has no const strings; it only reads what is packed. */
static char *borrowed(const char *text)
{
    union {
        const char *in;
        char       *out;
    } u = {.in = text};
    return u.out;
}

static const char *text_or_null(const char *text)
{
    return text == NULL || text[0] == '\0' ? NULL : text;
}

static status keep_unknown(struct arena *a, const ProtobufCMessage *m,
                           const struct unknown_fields **out)
{
    struct unknown_fields *u;

    *out = NULL;
    if (m->n_unknown_fields == 0)
        return STATUS_OK;
    for (unsigned i = 0; i < m->n_unknown_fields; i++) {
        if (m->unknown_fields[i].tag == 0) /* protobuf-c takes it, and could not read it back */
            return status_new(ST_CORRUPT, "a descriptor has a field of number 0");
    }
    u = ARENA_NEW(a, struct unknown_fields);
    u->count = m->n_unknown_fields;
    u->fields = m->unknown_fields; /* the message lives in the object's arena */
    *out = u;
    return STATUS_OK;
}

static void carry_unknown(ProtobufCMessage *m, const struct unknown_fields *u)
{
    if (u == NULL)
        return;
    m->n_unknown_fields = (unsigned)u->count;
    m->unknown_fields = u->fields;
}

/* ---- to bytes -------------------------------------------------------------------------------- */

/* Repeated messages: an array of pointers to messages made one by one. */
#define ENCODE_EACH(a, message, field, count, from, init, fn)                                      \
    do {                                                                                           \
        (message)->n_##field = (count);                                                            \
        (message)->field = arena_zalloc((a), (count) + 1, sizeof *(message)->field);               \
        for (size_t i_ = 0; i_ < (count); i_++) {                                                  \
            (message)->field[i_] = arena_alloc((a), sizeof *(message)->field[i_]);                 \
            init((message)->field[i_]);                                                            \
            fn((a), &(from)[i_], (message)->field[i_]);                                            \
        }                                                                                          \
    } while (0)

static int32_t *encode_numbers(struct arena *a, const int16_t *from, size_t count)
{
    int32_t *to = ARENA_ARRAY(a, int32_t, count + 1);

    for (size_t i = 0; i < count; i++)
        to[i] = from[i];
    return to;
}

static void encode_column(struct arena *a, const struct column_desc *d, Linera__Catalog__Column *m)
{
    (void)a;
    COLUMN_FIELDS(TO_MESSAGE_N, TO_MESSAGE_S)
    m->has_missing = d->missing_text != NULL;
    m->missing_text = borrowed(d->missing_text);
    carry_unknown(&m->base, d->unknown);
}

static void encode_part(struct arena *a, const struct index_part *d, Linera__Catalog__IndexPart *m)
{
    (void)a;
    PART_FIELDS(TO_MESSAGE_N, TO_MESSAGE_S)
}

static void encode_index(struct arena *a, const struct index_desc *d, Linera__Catalog__Index *m)
{
    INDEX_FIELDS(TO_MESSAGE_N, TO_MESSAGE_S)
    ENCODE_EACH(a, m, parts, d->part_count, d->parts, linera__catalog__index_part__init,
                encode_part);
    m->n_include = d->include_count;
    m->include = encode_numbers(a, d->include, d->include_count);
    carry_unknown(&m->base, d->unknown);
}

static void encode_constraint(struct arena *a, const struct constraint_desc *d,
                              Linera__Catalog__Constraint *m)
{
    CONSTRAINT_FIELDS(TO_MESSAGE_N, TO_MESSAGE_S)
    m->n_columns = d->column_count;
    m->columns = encode_numbers(a, d->columns, d->column_count);
    if (d->kind == CONSTRAINT_FOREIGN) {
        m->n_ref_columns = d->column_count;
        m->ref_columns = encode_numbers(a, d->ref_columns, d->column_count);
        m->n_on_delete_set = d->on_delete_set_count;
        m->on_delete_set = encode_numbers(a, d->on_delete_set, d->on_delete_set_count);
    }
    carry_unknown(&m->base, d->unknown);
}

static void encode_inbound(struct arena *a, const struct inbound_fk *d,
                           Linera__Catalog__InboundForeignKey *m)
{
    (void)a;
    m->table_oid = d->table_oid;
    m->constraint_oid = d->constraint_oid;
}

static void encode_dependency(struct arena *a, const struct relation_dependency *d,
                              Linera__Catalog__Dependency *m)
{
    (void)a;
    m->table_oid = d->table_oid;
    m->column = d->column;
}

static void encode_sequence(const struct sequence_desc *d, Linera__Catalog__Sequence *m)
{
    SEQUENCE_FIELDS(TO_MESSAGE_N, TO_MESSAGE_S)
}

static Linera__Catalog__Table *encode_table(struct arena *a, const struct table_desc *d)
{
    Linera__Catalog__Table *m = arena_alloc(a, sizeof *m);

    linera__catalog__table__init(m);
    TABLE_FIELDS(TO_MESSAGE_N, TO_MESSAGE_S)
    ENCODE_EACH(a, m, columns, d->column_count, d->columns, linera__catalog__column__init,
                encode_column);
    ENCODE_EACH(a, m, indexes, d->index_count, d->indexes, linera__catalog__index__init,
                encode_index);
    ENCODE_EACH(a, m, constraints, d->constraint_count, d->constraints,
                linera__catalog__constraint__init, encode_constraint);
    ENCODE_EACH(a, m, inbound, d->inbound_count, d->inbound,
                linera__catalog__inbound_foreign_key__init, encode_inbound);
    ENCODE_EACH(a, m, depends, d->depends_count, d->depends, linera__catalog__dependency__init,
                encode_dependency);
    if (d->kind == RELATION_SEQUENCE) {
        m->sequence = arena_alloc(a, sizeof *m->sequence);
        linera__catalog__sequence__init(m->sequence);
        encode_sequence(&d->sequence, m->sequence);
    }
    carry_unknown(&m->base, d->unknown);
    return m;
}

static Linera__Catalog__Schema *encode_schema(struct arena *a, const struct schema_desc *d)
{
    Linera__Catalog__Schema *m = arena_alloc(a, sizeof *m);

    linera__catalog__schema__init(m);
    SCHEMA_FIELDS(TO_MESSAGE_N, TO_MESSAGE_S)
    carry_unknown(&m->base, d->unknown);
    return m;
}

static Linera__Catalog__Database *encode_database(struct arena *a, const struct database_desc *d)
{
    Linera__Catalog__Database *m = arena_alloc(a, sizeof *m);

    linera__catalog__database__init(m);
    DATABASE_FIELDS(TO_MESSAGE_N, TO_MESSAGE_S)
    carry_unknown(&m->base, d->unknown);
    return m;
}

static Linera__Catalog__Role *encode_role(struct arena *a, const struct role_desc *d)
{
    Linera__Catalog__Role *m = arena_alloc(a, sizeof *m);

    linera__catalog__role__init(m);
    ROLE_FIELDS(TO_MESSAGE_N, TO_MESSAGE_S)
    carry_unknown(&m->base, d->unknown);
    return m;
}

static void encode_values(struct arena *a, const struct type *t, const datum *values, size_t count,
                          size_t *n, ProtobufCBinaryData **out)
{
    *n = count;
    *out = arena_zalloc(a, count, sizeof **out);
    for (size_t i = 0; i < count; i++) {
        SCOPED(buf) struct buf value = {0};
        slice                  copy;

        buf_init(&value, NULL);
        type_value_encode(t, values[i], &value);
        copy = arena_copy(a, buf_slice(&value));
        (*out)[i].len = copy.size;
        (*out)[i].data = (uint8_t *)(uintptr_t)copy.data;
    }
}

static Linera__Catalog__Statistics *encode_statistics(struct arena                  *a,
                                                      const struct table_statistics *d)
{
    Linera__Catalog__Statistics *m = arena_alloc(a, sizeof *m);

    linera__catalog__statistics__init(m);
    m->rows = d->rows;
    m->n_columns = d->column_count;
    m->columns = arena_zalloc(a, d->column_count, sizeof(Linera__Catalog__ColumnStatistics *));
    for (size_t i = 0; i < d->column_count; i++) {
        const struct column_statistics    *from = &d->columns[i];
        Linera__Catalog__ColumnStatistics *to = arena_alloc(a, sizeof *to);
        const struct type                 *t = type_by_oid(from->type);

        linera__catalog__column_statistics__init(to);
        to->column = from->column;
        to->type = from->type;
        to->null_fraction = from->null_fraction;
        to->width = from->width;
        to->distinct = from->distinct;
        to->n_common_fractions = from->common_count;
        to->common_fractions = from->common_fractions;
        encode_values(a, t, from->common, from->common_count, &to->n_common, &to->common);
        encode_values(a, t, from->bounds, from->bound_count, &to->n_bounds, &to->bounds);
        m->columns[i] = to;
    }
    return m;
}

void object_encode(enum object_kind kind, uint32_t oid, uint64_t version, const void *desc,
                   struct buf *out)
{
    SCOPED(arena) struct arena *a = arena_new(out->heap, NULL);
    Linera__Catalog__Descriptor m = LINERA__CATALOG__DESCRIPTOR__INIT;
    size_t                      size;

    m.format = FORMAT_CURRENT;
    m.oid = oid;
    m.version = version;
    switch (kind) {
    case OBJECT_TABLE:
        m.of_case = LINERA__CATALOG__DESCRIPTOR__OF_TABLE;
        m.table = encode_table(a, desc);
        break;
    case OBJECT_SCHEMA:
        m.of_case = LINERA__CATALOG__DESCRIPTOR__OF_SCHEMA;
        m.schema = encode_schema(a, desc);
        break;
    case OBJECT_DATABASE:
        m.of_case = LINERA__CATALOG__DESCRIPTOR__OF_DATABASE;
        m.database = encode_database(a, desc);
        break;
    case OBJECT_ROLE:
        m.of_case = LINERA__CATALOG__DESCRIPTOR__OF_ROLE;
        m.role = encode_role(a, desc);
        break;
    case OBJECT_STATISTICS:
        m.of_case = LINERA__CATALOG__DESCRIPTOR__OF_STATISTICS;
        m.statistics = encode_statistics(a, desc);
        break;
    }
    size = linera__catalog__descriptor__get_packed_size(&m);
    buf_advance(out, linera__catalog__descriptor__pack(&m, buf_reserve(out, size)));
}

/* ---- from bytes ------------------------------------------------------------------------------ */

static status decode_numbers(const int32_t *from, size_t count, size_t count_max, int16_t *to)
{
    if (count > count_max)
        return status_new(ST_CORRUPT, "a descriptor lists %zu columns", count);
    for (size_t i = 0; i < count; i++)
        to[i] = (int16_t)from[i];
    return STATUS_OK;
}

static status decode_column(struct arena *a, const Linera__Catalog__Column *m,
                            struct column_desc *d)
{
    COLUMN_FIELDS(TO_DESC_N, TO_DESC_S)
    d->missing_text = m->has_missing ? m->missing_text : NULL;
    return keep_unknown(a, &m->base, &d->unknown);
}

static status decode_index(struct arena *a, const Linera__Catalog__Index *from,
                           struct index_desc *to)
{
    if (from->n_parts > INDEX_KEY_PARTS_MAX)
        return status_new(ST_CORRUPT, "an index has %zu key parts", from->n_parts);
    {
        const Linera__Catalog__Index *m = from;
        struct index_desc            *d = to;
        INDEX_FIELDS(TO_DESC_N, TO_DESC_S)
    }
    to->part_count = from->n_parts;
    for (size_t i = 0; i < from->n_parts; i++) {
        const Linera__Catalog__IndexPart *m = from->parts[i];
        struct index_part                *d = &to->parts[i];
        PART_FIELDS(TO_DESC_N, TO_DESC_S)
    }
    to->include_count = from->n_include;
    TRY_RETURN(keep_unknown(a, &from->base, &to->unknown));
    return decode_numbers(from->include, from->n_include, INDEX_KEY_PARTS_MAX, to->include);
}

static status decode_constraint(struct arena *a, const Linera__Catalog__Constraint *m,
                                struct constraint_desc *d)
{
    CONSTRAINT_FIELDS(TO_DESC_N, TO_DESC_S)
    d->column_count = m->n_columns;
    d->on_delete_set_count = m->n_on_delete_set;
    TRY_RETURN(keep_unknown(a, &m->base, &d->unknown));
    if (d->kind == CONSTRAINT_FOREIGN && m->n_ref_columns != m->n_columns)
        return status_new(ST_CORRUPT, "a foreign key has %zu columns that reference %zu",
                          m->n_columns, m->n_ref_columns);
    TRY_RETURN(decode_numbers(m->columns, m->n_columns, INDEX_KEY_PARTS_MAX, d->columns));
    TRY_RETURN(
        decode_numbers(m->ref_columns, m->n_ref_columns, INDEX_KEY_PARTS_MAX, d->ref_columns));
    return decode_numbers(m->on_delete_set, m->n_on_delete_set, INDEX_KEY_PARTS_MAX,
                          d->on_delete_set);
}

static void decode_lists(struct arena *a, const Linera__Catalog__Table *m, struct table_desc *d)
{
    d->inbound_count = m->n_inbound;
    d->inbound = ARENA_ARRAY(a, struct inbound_fk, m->n_inbound + 1);
    for (size_t i = 0; i < m->n_inbound; i++) {
        d->inbound[i].table_oid = m->inbound[i]->table_oid;
        d->inbound[i].constraint_oid = m->inbound[i]->constraint_oid;
    }
    d->depends_count = m->n_depends;
    d->depends = ARENA_ARRAY(a, struct relation_dependency, m->n_depends + 1);
    for (size_t i = 0; i < m->n_depends; i++) {
        d->depends[i].table_oid = m->depends[i]->table_oid;
        d->depends[i].column = (int16_t)m->depends[i]->column;
    }
}

static void decode_sequence(const Linera__Catalog__Sequence *m, struct sequence_desc *d)
{
    SEQUENCE_FIELDS(TO_DESC_N, TO_DESC_S)
}

static status decode_table(struct arena *a, const Linera__Catalog__Table *m, struct table_desc *d)
{
    TABLE_FIELDS(TO_DESC_N, TO_DESC_S)
    d->column_count = m->n_columns;
    d->columns = ARENA_ARRAY(a, struct column_desc, m->n_columns + 1);
    for (size_t i = 0; i < m->n_columns; i++)
        TRY_RETURN(decode_column(a, m->columns[i], &d->columns[i]));
    d->index_count = m->n_indexes;
    d->indexes = ARENA_ARRAY(a, struct index_desc, m->n_indexes + 1);
    for (size_t i = 0; i < m->n_indexes; i++)
        TRY_RETURN(decode_index(a, m->indexes[i], &d->indexes[i]));
    d->constraint_count = m->n_constraints;
    d->constraints = ARENA_ARRAY(a, struct constraint_desc, m->n_constraints + 1);
    for (size_t i = 0; i < m->n_constraints; i++)
        TRY_RETURN(decode_constraint(a, m->constraints[i], &d->constraints[i]));
    decode_lists(a, m, d);
    if (m->sequence != NULL)
        decode_sequence(m->sequence, &d->sequence);
    if (d->kind == RELATION_SEQUENCE)
        d->virtual_table = &virtual_table_sequence;
    TRY_RETURN(keep_unknown(a, &m->base, &d->unknown));
    return STATUS_OK;
}

static bool decode_values(struct arena *a, const struct type *t, const ProtobufCBinaryData *from,
                          size_t count, datum **out)
{
    *out = arena_zalloc(a, count, sizeof **out);
    for (size_t i = 0; i < count; i++) {
        slice  in = slice_make(from[i].data, from[i].len);
        status st = type_value_decode(t, &in, &(*out)[i]);

        if (!st_ok(st) || in.size > 0 || !type_value_is_sound(t, (*out)[i])) {
            st_clear(st);
            return false;
        }
    }
    return true;
}

/* What cannot be read is left out: plans are worse without statistics, not wrong. */
static void decode_statistics(struct arena *a, const Linera__Catalog__Statistics *m,
                              struct table_statistics *d)
{
    d->rows = m->rows >= 0 ? m->rows : 0; /* no NaN either */
    d->columns = arena_zalloc(a, m->n_columns, sizeof *d->columns);
    for (size_t i = 0; i < m->n_columns; i++) {
        const Linera__Catalog__ColumnStatistics *from = m->columns[i];
        struct column_statistics                *to = &d->columns[d->column_count];
        const struct type                       *t = type_by_oid(from->type);

        *to = (struct column_statistics){.column = (int16_t)from->column,
                                         .type = from->type,
                                         .null_fraction = from->null_fraction,
                                         .width = from->width,
                                         .distinct = from->distinct,
                                         .common_count = from->n_common,
                                         .common_fractions = from->common_fractions,
                                         .bound_count = from->n_bounds};
        if (t == NULL || from->n_common != from->n_common_fractions ||
            !(from->null_fraction >= 0 && from->null_fraction <= 1 && from->width >= 0 &&
              from->distinct >= -1) ||
            !decode_values(a, t, from->common, from->n_common, &to->common) ||
            !decode_values(a, t, from->bounds, from->n_bounds, &to->bounds))
            continue;
        d->column_count++;
    }
}

static status decode_kind(struct arena *a, const Linera__Catalog__Descriptor *from,
                          struct object *o)
{
    o->oid = from->oid;
    o->version = from->version;
    switch (from->of_case) {
    case LINERA__CATALOG__DESCRIPTOR__OF_TABLE: {
        struct table_desc *d = ARENA_NEW(a, struct table_desc);
        d->oid = from->oid;
        d->version = from->version;
        o->kind = OBJECT_TABLE;
        o->table = d;
        return decode_table(a, from->table, d);
    }
    case LINERA__CATALOG__DESCRIPTOR__OF_SCHEMA: {
        const Linera__Catalog__Schema *m = from->schema;
        struct schema_desc            *d = ARENA_NEW(a, struct schema_desc);
        SCHEMA_FIELDS(TO_DESC_N, TO_DESC_S)
        d->oid = from->oid;
        TRY_RETURN(keep_unknown(a, &m->base, &d->unknown));
        o->kind = OBJECT_SCHEMA;
        o->schema = d;
        return STATUS_OK;
    }
    case LINERA__CATALOG__DESCRIPTOR__OF_DATABASE: {
        const Linera__Catalog__Database *m = from->database;
        struct database_desc            *d = ARENA_NEW(a, struct database_desc);
        DATABASE_FIELDS(TO_DESC_N, TO_DESC_S)
        d->oid = from->oid;
        TRY_RETURN(keep_unknown(a, &m->base, &d->unknown));
        o->kind = OBJECT_DATABASE;
        o->database = d;
        return STATUS_OK;
    }
    case LINERA__CATALOG__DESCRIPTOR__OF_ROLE: {
        const Linera__Catalog__Role *m = from->role;
        struct role_desc            *d = ARENA_NEW(a, struct role_desc);
        ROLE_FIELDS(TO_DESC_N, TO_DESC_S)
        d->oid = from->oid;
        TRY_RETURN(keep_unknown(a, &m->base, &d->unknown));
        o->kind = OBJECT_ROLE;
        o->role = d;
        return STATUS_OK;
    }
    case LINERA__CATALOG__DESCRIPTOR__OF_STATISTICS: {
        struct table_statistics *d = ARENA_NEW(a, struct table_statistics);

        decode_statistics(a, from->statistics, d);
        o->kind = OBJECT_STATISTICS;
        o->statistics = d;
        return STATUS_OK;
    }
    default:
        return status_new(ST_FEATURE_NOT_SUPPORTED,
                          "descriptor %u is of a kind this version does not know", from->oid);
    }
}

static void *message_alloc(void *arena, size_t size)
{
    return arena_alloc(arena, size);
}

static void message_free(void *arena, void *p)
{
    (void)arena;
    (void)p;
}

static status decode_into(struct arena *a, slice bytes, struct object **out)
{
    ProtobufCAllocator alloc = {.alloc = message_alloc, .free = message_free, .allocator_data = a};
    Linera__Catalog__Descriptor *m =
        linera__catalog__descriptor__unpack(&alloc, bytes.size, (const uint8_t *)bytes.data);
    struct object *o = ARENA_NEW(a, struct object);

    if (m == NULL)
        return status_new(ST_CORRUPT, "a descriptor of %zu bytes cannot be read", bytes.size);
    if (m->format > FORMAT_CURRENT)
        return status_new(ST_FEATURE_NOT_SUPPORTED,
                          "descriptor %u has format %u, this version reads up to %d", m->oid,
                          m->format, FORMAT_CURRENT);
    o->refs = 1;
    o->arena = a;
    TRY_RETURN(decode_kind(a, m, o));
    if (o->kind == OBJECT_TABLE)
        TRY_RETURN(table_desc_check(o->table));
    if (text_or_null(object_name(o)) == NULL)
        return status_new(ST_CORRUPT, "descriptor %u has no name", o->oid);
    *out = o;
    return STATUS_OK;
}

status object_decode(struct heap *heap, slice bytes, struct object **out)
{
    struct arena *a = arena_new(heap, NULL);
    status        st = decode_into(a, bytes, out);

    if (!st_ok(st))
        arena_free(a);
    return st;
}

/* ---- objects --------------------------------------------------------------------------------- */

struct object *object_wrap(struct arena *arena, enum object_kind kind, uint32_t oid,
                           const void *desc)
{
    struct object *o = ARENA_NEW(arena, struct object);

    o->refs = 1;
    o->kind = kind;
    o->oid = oid;
    o->version = 1;
    o->arena = arena;
    o->any = desc;
    return o;
}

struct object *object_ref(struct object *o)
{
    o->refs++;
    return o;
}

void object_unref(struct object *o)
{
    if (o == NULL)
        return;
    ASSERT(o->refs > 0);
    if (--o->refs == 0)
        arena_free(o->arena);
}

const char *object_name(const struct object *o)
{
    switch (o->kind) {
    case OBJECT_TABLE:
        return o->table->name;
    case OBJECT_SCHEMA:
        return o->schema->name;
    case OBJECT_DATABASE:
        return o->database->name;
    case OBJECT_ROLE:
        return o->role->name;
    case OBJECT_STATISTICS:
        return "statistics";
    }
    return NULL;
}

uint32_t object_parent(const struct object *o)
{
    switch (o->kind) {
    case OBJECT_TABLE:
        return o->table->schema_oid;
    case OBJECT_SCHEMA:
        return o->schema->database_oid;
    case OBJECT_STATISTICS:
        return o->oid;
    default:
        return 0;
    }
}
