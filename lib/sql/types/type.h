/* lib/sql/types/type.h: what the server knows of each data type, under PostgreSQL's OIDs: names,
 * text and binary forms, order, hash and key encoding. One table, read-only, the same on every node
 * (pitfall Q6). */
#ifndef LINERA_SQL_TYPES_TYPE_H
#define LINERA_SQL_TYPES_TYPE_H

#include "base/buf.h"
#include "sql/context.h"
#include "sql/datum.h"

/* PostgreSQL's OIDs; drivers know them by heart. */
enum {
    OID_BOOL = 16,
    OID_BYTEA = 17,
    OID_CHAR = 18, /* "char", one byte */
    OID_NAME = 19,
    OID_INT8 = 20,
    OID_INT2 = 21,
    OID_INT2VECTOR = 22,
    OID_INT4 = 23,
    OID_REGPROC = 24,
    OID_TEXT = 25,
    OID_OID = 26,
    OID_TID = 27,
    OID_XID = 28,
    OID_CID = 29,
    OID_OIDVECTOR = 30,
    OID_JSON = 114,
    OID_PG_NODE_TREE = 194,
    OID_FLOAT4 = 700,
    OID_FLOAT8 = 701,
    OID_UNKNOWN = 705,
    OID_BPCHAR = 1042,
    OID_VARCHAR = 1043,
    OID_DATE = 1082,
    OID_TIME = 1083,
    OID_TIMESTAMP = 1114,
    OID_TIMESTAMPTZ = 1184,
    OID_INTERVAL = 1186,
    OID_TIMETZ = 1266,
    OID_NUMERIC = 1700,
    OID_REFCURSOR = 1790,
    OID_REGPROCEDURE = 2202,
    OID_REGOPER = 2203,
    OID_REGOPERATOR = 2204,
    OID_REGCLASS = 2205,
    OID_REGTYPE = 2206,
    OID_CSTRING = 2275,
    OID_ANY = 2276,
    OID_ANYARRAY = 2277,
    OID_VOID = 2278,
    OID_TRIGGER = 2279,
    OID_INTERNAL = 2281,
    OID_ANYELEMENT = 2283,
    OID_RECORD = 2249,
    OID_ANYNONARRAY = 2776,
    OID_ANYENUM = 3500,
    OID_ANYRANGE = 3831,
    OID_ANYMULTIRANGE = 4537,
    OID_ANYCOMPATIBLENONARRAY = 5079,
    OID_ANYCOMPATIBLERANGE = 5080,
    OID_ANYCOMPATIBLEMULTIRANGE = 4538,
    OID_UUID = 2950,
    OID_JSONB = 3802,
    OID_REGROLE = 4096,
    OID_REGNAMESPACE = 4089,
    OID_ANYCOMPATIBLE = 5077,
    OID_ANYCOMPATIBLEARRAY = 5078,
    OID_ACLITEM = 1033,
    /* Arrays the code names; the table has the rest (struct type, array_oid). */
    OID_BOOL_ARRAY = 1000,
    OID_CHAR_ARRAY = 1002,
    OID_NAME_ARRAY = 1003,
    OID_INT2_ARRAY = 1005,
    OID_NUMERIC_ARRAY = 1231,
    OID_FLOAT8_ARRAY = 1022,
    OID_RECORD_ARRAY = 2287,
    OID_CSTRING_ARRAY = 1263,
    OID_INT4_ARRAY = 1007,
    OID_TEXT_ARRAY = 1009,
    OID_INT8_ARRAY = 1016,
    OID_OID_ARRAY = 1028,
};

/* Which member of the datum a type uses. */
enum datum_kind { DATUM_BOOL, DATUM_INT, DATUM_FLOAT, DATUM_SLICE, DATUM_INTERVAL, DATUM_UUID };

struct type {
    uint32_t        oid;
    const char     *name;     /* pg_type.typname: "int4" */
    const char     *sql_name; /* what format_type() prints: "integer" */
    int16_t         size; /* pg_type.typlen: bytes on PostgreSQL's pages, -1 varying, -2 cstring */
    bool            by_value;    /* pg_type.typbyval */
    char            align;       /* pg_type.typalign */
    char            storage;     /* pg_type.typstorage */
    char            category;    /* pg_type.typcategory: 'N' numeric, 'S' string ... */
    bool            preferred;   /* pg_type.typispreferred */
    char            kind;        /* pg_type.typtype: 'b' base, 'p' pseudo */
    uint32_t        array_oid;   /* the array of this type, 0 when there is none */
    uint32_t        element_oid; /* the element when this is an array, else 0 */
    enum datum_kind datum_kind;
    uint32_t        collation; /* pg_type.typcollation: 0, or the collation of its values */
    bool            collatable;

    /* Text to value. `typmod` is applied (length, precision); -1 for none. Results live in `a`. */
    status (*input)(struct sql_context *c, struct arena *a, const struct type *t, slice text,
                    int32_t typmod, datum *out);
    /* Value to text, appended to `out`. */
    status (*output)(struct sql_context *c, const struct type *t, datum v, struct buf *out);
    /* PostgreSQL's binary form. */
    status (*receive)(struct sql_context *c, struct arena *a, const struct type *t, slice bytes,
                      int32_t typmod, datum *out);
    status (*send)(struct sql_context *c, const struct type *t, datum v, struct buf *out);
    /* "(10,2)" for format_type(); NULL when the type takes no modifier. */
    void (*typmod_output)(int32_t typmod, struct buf *out);
    /* Modifier from the integer constants in parentheses; NULL when the type takes none. */
    status (*typmod_input)(const int32_t *args, size_t count, int32_t *out);

    /* The type's default order and hash; NULL when it has none (json, void). Equal values hash
     * alike. */
    int (*compare)(datum a, datum b);
    uint64_t (*hash)(datum v);
    /* Order-preserving bytes of a value that is not null, and back (pitfall Q5). When *exact turns
     * false, the key alone does not give the value back (numeric 1.0 and 1.00) and the row stores
     * the value too. */
    void (*key_encode)(datum v, struct buf *out, bool *exact);
    status (*key_decode)(struct arena *a, slice *key, datum *out);
};

/* NULL when there is no such type. Arrays of known types included. */
const struct type *type_by_oid(uint32_t oid);
const struct type *type_by_name(slice name); /* typname; "_int4" for arrays */
/* Every type, in order of OID, for pg_type. */
const struct type *type_at(size_t position); /* NULL behind the last */

/* "character varying(20)": the text of format_type(oid, typmod), in `a`. */
const char *type_format(struct arena *a, uint32_t oid, int32_t typmod);

/* Row values: compact, not ordered. A value that is not null, appended to a row or taken off its
 * front; bounds-checked: a corrupt row gives ST_CORRUPT. Slices point into the input. */
void   type_value_encode(const struct type *t, datum v, struct buf *out);
status type_value_decode(const struct type *t, slice *in, datum *out) MUST_CHECK;

/* Whether a value that was read back can be one of the type: what the code that uses it takes for
 * granted. Constant time. */
bool type_value_is_sound(const struct type *t, datum v);

/* Deep copy of a value into `a`. */
datum datum_copy(struct arena *a, const struct type *t, datum v);

#endif
