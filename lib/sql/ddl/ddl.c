/* Which function takes which statement. */
#include "sql/ddl/internal.h"

static bool selects_into(const PgQuery__Node *node)
{
    return node->node_case == PG_QUERY__NODE__NODE_SELECT_STMT &&
           node->select_stmt->into_clause != NULL;
}

bool ddl_handles(const PgQuery__Node *node)
{
    switch (node->node_case) {
    case PG_QUERY__NODE__NODE_CREATE_STMT:
    case PG_QUERY__NODE__NODE_CREATE_TABLE_AS_STMT:
    case PG_QUERY__NODE__NODE_INDEX_STMT:
    case PG_QUERY__NODE__NODE_REINDEX_STMT:
    case PG_QUERY__NODE__NODE_CREATE_SEQ_STMT:
    case PG_QUERY__NODE__NODE_ALTER_SEQ_STMT:
    case PG_QUERY__NODE__NODE_VIEW_STMT:
    case PG_QUERY__NODE__NODE_DROP_STMT:
    case PG_QUERY__NODE__NODE_TRUNCATE_STMT:
    case PG_QUERY__NODE__NODE_ALTER_TABLE_STMT:
    case PG_QUERY__NODE__NODE_RENAME_STMT:
    case PG_QUERY__NODE__NODE_ALTER_OBJECT_SCHEMA_STMT:
    case PG_QUERY__NODE__NODE_ALTER_OWNER_STMT:
    case PG_QUERY__NODE__NODE_COMMENT_STMT:
    case PG_QUERY__NODE__NODE_CREATE_SCHEMA_STMT:
    case PG_QUERY__NODE__NODE_CREATEDB_STMT:
    case PG_QUERY__NODE__NODE_DROPDB_STMT:
    case PG_QUERY__NODE__NODE_ALTER_DATABASE_STMT:
    case PG_QUERY__NODE__NODE_CREATE_ROLE_STMT:
    case PG_QUERY__NODE__NODE_ALTER_ROLE_STMT:
    case PG_QUERY__NODE__NODE_DROP_ROLE_STMT:
    case PG_QUERY__NODE__NODE_GRANT_STMT:
        return true;
    default:
        return selects_into(node);
    }
}

const char *ddl_block_name(const PgQuery__Node *node)
{
    switch (node->node_case) {
    case PG_QUERY__NODE__NODE_CREATEDB_STMT:
        return "CREATE DATABASE";
    case PG_QUERY__NODE__NODE_DROPDB_STMT:
        return "DROP DATABASE";
    case PG_QUERY__NODE__NODE_INDEX_STMT:
        return node->index_stmt->concurrent ? "CREATE INDEX CONCURRENTLY" : NULL;
    case PG_QUERY__NODE__NODE_DROP_STMT:
        return node->drop_stmt->concurrent ? "DROP INDEX CONCURRENTLY" : NULL;
    default:
        return NULL;
    }
}

static status run(const struct ddl *d, const PgQuery__Node *n)
{
    switch (n->node_case) {
    case PG_QUERY__NODE__NODE_CREATE_STMT:
        return ddl_create_table(d, n->create_stmt);
    case PG_QUERY__NODE__NODE_CREATE_TABLE_AS_STMT:
        return ddl_create_table_as(d, n->create_table_as_stmt);
    case PG_QUERY__NODE__NODE_SELECT_STMT:
        return ddl_select_into(d, n);
    case PG_QUERY__NODE__NODE_INDEX_STMT:
        return ddl_create_index(d, n->index_stmt);
    case PG_QUERY__NODE__NODE_REINDEX_STMT:
        return ddl_reindex(d, n->reindex_stmt);
    case PG_QUERY__NODE__NODE_CREATE_SEQ_STMT:
        return ddl_create_sequence(d, n->create_seq_stmt);
    case PG_QUERY__NODE__NODE_ALTER_SEQ_STMT:
        return ddl_alter_sequence(d, n->alter_seq_stmt);
    case PG_QUERY__NODE__NODE_VIEW_STMT:
        return ddl_create_view(d, n->view_stmt);
    case PG_QUERY__NODE__NODE_DROP_STMT:
        return ddl_drop(d, n->drop_stmt);
    case PG_QUERY__NODE__NODE_TRUNCATE_STMT:
        return ddl_truncate(d, n->truncate_stmt);
    case PG_QUERY__NODE__NODE_ALTER_TABLE_STMT:
        return ddl_alter_table(d, n->alter_table_stmt);
    case PG_QUERY__NODE__NODE_RENAME_STMT:
        return ddl_rename(d, n->rename_stmt);
    case PG_QUERY__NODE__NODE_ALTER_OBJECT_SCHEMA_STMT:
        return ddl_set_schema(d, n->alter_object_schema_stmt);
    case PG_QUERY__NODE__NODE_ALTER_OWNER_STMT:
        return ddl_set_owner(d, n->alter_owner_stmt);
    case PG_QUERY__NODE__NODE_COMMENT_STMT:
        return ddl_comment(d, n->comment_stmt);
    case PG_QUERY__NODE__NODE_CREATE_SCHEMA_STMT:
        return ddl_create_schema(d, n->create_schema_stmt);
    case PG_QUERY__NODE__NODE_CREATEDB_STMT:
        return ddl_create_database(d, n->createdb_stmt);
    case PG_QUERY__NODE__NODE_DROPDB_STMT:
        return ddl_drop_database(d, n->dropdb_stmt);
    case PG_QUERY__NODE__NODE_ALTER_DATABASE_STMT:
        return ddl_alter_database(d, n->alter_database_stmt);
    case PG_QUERY__NODE__NODE_CREATE_ROLE_STMT:
        return ddl_create_role(d, n->create_role_stmt);
    case PG_QUERY__NODE__NODE_ALTER_ROLE_STMT:
        return ddl_alter_role(d, n->alter_role_stmt);
    case PG_QUERY__NODE__NODE_DROP_ROLE_STMT:
        return ddl_drop_role(d, n->drop_role_stmt);
    case PG_QUERY__NODE__NODE_GRANT_STMT:
        return ddl_grant(d, n->grant_stmt);
    default:
        return status_new(ST_INTERNAL, "statement %d is no schema change", (int)n->node_case);
    }
}

status ddl_execute(struct sql_context *c, struct arena *a, const PgQuery__Node *node,
                   const char *text, const struct ddl_hooks *hooks, struct ddl_result *out)
{
    struct ddl d = {.c = c, .a = a, .v = c->catalog, .text = text, .hooks = hooks, .result = out};
    status     st;

    memset(out, 0, sizeof *out);
    st = run(&d, node);
    if (status_code(st) == ST_READ_ONLY_TRANSACTION && out->tag != NULL) {
        st_clear(st);
        st = status_new(ST_READ_ONLY_TRANSACTION, "cannot execute %s in a read-only transaction",
                        out->tag);
    }
    return st;
}

/* The entry of a nested statement of CREATE SCHEMA. */
status ddl_run_nested(const struct ddl *d, const PgQuery__Node *node)
{
    struct ddl_result ignored = {0};
    struct ddl        nested = *d;

    nested.result = &ignored;
    return run(&nested, node);
}
