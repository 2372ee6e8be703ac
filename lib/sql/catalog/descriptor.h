/* lib/sql/catalog/descriptor.h: what the catalog says of a database, a schema, a relation.
 * Descriptors are immutable once published: a change makes a new one with the next version. Those a
 * transaction has looked up live until the transaction ends. */
#ifndef LINERA_SQL_CATALOG_DESCRIPTOR_H
#define LINERA_SQL_CATALOG_DESCRIPTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct unknown_fields; /* catalog/encode.c: what a newer version stored and this one only carries on
                        */

/* Where an expression is stored (default, check, index expression, predicate, view), it is stored
 * as SQL text with every name qualified; the binder binds it anew, and the cache of the plan keeps
 * the result. */

enum relation_kind {
    RELATION_TABLE = 'r',
    RELATION_INDEX = 'i',
    RELATION_SEQUENCE = 'S',
    RELATION_VIEW = 'v',
};

enum { IDENTITY_NONE = 0, IDENTITY_ALWAYS = 'a', IDENTITY_BY_DEFAULT = 'd' };

struct column_desc {
    int16_t
        number; /* pg_attribute.attnum: from 1, never reused; a dropped column keeps its place */
    const char *name;
    uint32_t    type;
    int32_t     typmod;
    uint32_t    collation;
    bool        not_null;
    bool        dropped;
    char        identity;         /* IDENTITY_... */
    bool        generated_stored; /* default_text is then the generation expression */
    const char *default_text;     /* NULL: none */
    /* A value that rows written before ADD COLUMN ... DEFAULT lack: text of a constant; NULL: null.
     */
    const char *missing_text;
    uint32_t    sequence_oid; /* the sequence this column owns (serial, identity); 0: none */
    /* The sequence whose nextval() the default calls, for DROP SEQUENCE; 0: none. */
    uint32_t    default_sequence_oid;
    const char *comment;
    const struct unknown_fields *unknown;
};

enum { INDEX_KEY_PARTS_MAX = 32 };

struct index_part {
    int16_t     column;          /* column number; 0: an expression */
    const char *expression_text; /* when column is 0; */
    const char *name;            /* then: pg_attribute.attname of the part, NULL: "expr" */
    uint32_t    type;
    bool        descending;
    bool        nulls_first;
};

/* States of an index on its way in and out (pitfalls D2 to D4). All but PUBLIC are invisible to the
 * planner. */
enum index_state { INDEX_PUBLIC, INDEX_WRITE_ONLY, INDEX_DELETE_ONLY };

struct index_desc {
    uint32_t oid; /* pg_class.oid of the index */
    uint32_t
        key_id; /* /table/<storage_id>/<key_id>/...: the index's place in the key space; from 1 */
    const char                  *name;
    bool                         unique, primary;
    bool                         nulls_not_distinct;
    enum index_state             state;
    size_t                       part_count;
    struct index_part            parts[INDEX_KEY_PARTS_MAX];
    size_t                       include_count; /* columns kept in the entry beside the key */
    int16_t                      include[INDEX_KEY_PARTS_MAX];
    const char                  *predicate_text; /* partial index; NULL: none */
    const char                  *comment;
    const struct unknown_fields *unknown;
};

enum constraint_kind {
    CONSTRAINT_PRIMARY = 'p',
    CONSTRAINT_UNIQUE = 'u',
    CONSTRAINT_CHECK = 'c',
    CONSTRAINT_FOREIGN = 'f',
};

/* pg_constraint.confupdtype and confdeltype. */
enum fk_action {
    FK_NO_ACTION = 'a',
    FK_RESTRICT = 'r',
    FK_CASCADE = 'c',
    FK_SET_NULL = 'n',
    FK_SET_DEFAULT = 'd',
};

struct constraint_desc {
    uint32_t             oid;
    enum constraint_kind kind;
    const char          *name;
    size_t               column_count;
    int16_t              columns[INDEX_KEY_PARTS_MAX];
    uint32_t    index_oid; /* of primary and unique; of the referenced unique index for foreign */
    const char *check_text;
    bool        deferrable, initially_deferred, validated;
    bool        no_inherit;
    /* foreign */
    uint32_t    ref_table_oid;
    int16_t     ref_columns[INDEX_KEY_PARTS_MAX]; /* column_count of them */
    enum fk_action on_delete, on_update;
    size_t         on_delete_set_count;
    int16_t        on_delete_set[INDEX_KEY_PARTS_MAX]; /* SET NULL (a, b); none: all */
    bool           match_full;
    const char    *comment;
    const struct unknown_fields *unknown;
};

/* A foreign key of another table that points here. */
struct inbound_fk {
    uint32_t table_oid;
    uint32_t constraint_oid;
};

struct sequence_desc {
    uint32_t type; /* int2, int4, int8 */
    int64_t  start, increment, min, max, cache;
    bool     cycle;
    int64_t  first;           /* the first value of this storage_id: start, or what RESTART said */
    uint32_t owner_table_oid; /* OWNED BY; 0: none */
    int16_t  owner_column;
};

/* A relation, or one column of it, that a view reads. */
struct relation_dependency {
    uint32_t table_oid;
    int16_t  column; /* 0: the relation as a whole */
};

struct virtual_table; /* catalog/virtual.h: rows made up on demand */

struct table_desc {
    uint32_t                oid;
    uint64_t                version;
    enum relation_kind      kind;
    const char             *name;
    uint32_t                schema_oid;
    uint32_t                database_oid;
    uint32_t                owner_oid;
    const char             *comment;
    /* The data's place in the key space. TRUNCATE and rewrites take a new one. */
    uint64_t                storage_id;
    size_t                  column_count; /* dropped ones included; columns[i].number == i + 1 */
    struct column_desc     *columns;
    /* Tables: indexes[0] is the primary index, which holds the rows, its key_id is 1. Without a
     * primary key its key is one hidden int8, the row id: `has_row_id` is set, and the entry has no
     * OID, no name and no parts, is not `primary` and not in pg_index. */
    bool                    has_row_id;
    uint32_t                next_key_id; /* for the next index; never reused */
    size_t                  index_count;
    struct index_desc      *indexes;
    size_t                  constraint_count;
    struct constraint_desc *constraints;
    size_t                  inbound_count;
    struct inbound_fk      *inbound;
    const char             *view_text; /* views: the SELECT, names qualified */
    size_t                  depends_count;
    struct relation_dependency  *depends; /* views: what they read, for DROP ... CASCADE */
    /* Sequences: their value lives under their storage_id. */
    struct sequence_desc         sequence;
    /* Rows made up on demand: pg_catalog and information_schema, and sequences. NULL for what is
     * stored. */
    const struct virtual_table  *virtual_table;
    const struct unknown_fields *unknown;
};

struct schema_desc {
    uint32_t                     oid;
    uint32_t                     database_oid;
    const char                  *name;
    uint32_t                     owner_oid;
    const char                  *comment;
    const struct unknown_fields *unknown;
};

struct database_desc {
    uint32_t                     oid;
    const char                  *name;
    uint32_t                     owner_oid;
    const char                  *comment;
    const struct unknown_fields *unknown;
};

struct role_desc {
    uint32_t    oid;
    const char *name;
    bool        superuser, can_login, create_db, create_role, inherit, replication, bypass_rls;
    int32_t     connection_limit; /* -1: none */
    const char *verifier;         /* SCRAM-SHA-256 verifier of the password; NULL: none */
    const char *valid_until;      /* timestamptz as text; NULL: for ever */
    const char *comment;
    const struct unknown_fields *unknown;
};

/* OIDs that are the same everywhere. */
enum {
    OID_SCHEMA_PG_CATALOG = 11,
    OID_SCHEMA_PUBLIC = 2200,
    OID_SCHEMA_INFORMATION = 13000,
    OID_ROLE_BOOTSTRAP = 10,
    OID_ROLE_DATABASE_OWNER = 6171,
    OID_TABLESPACE_DEFAULT = 1663,
    OID_TABLESPACE_GLOBAL = 1664,
    OID_COLLATION_DEFAULT = 100,
    OID_COLLATION_C = 950,
    OID_COLLATION_POSIX = 951,
    OID_FIRST_USER = 16384,
};

#endif
