/* ALTER TABLE: commands run one after the other, each on the descriptor the one before has left.
 * What concerns one column is in alter_column.c. */
#include "sql/ddl/alter.h"

#include "sql/exec/table.h"

#include "kv/keys.h"

/* ---- constraints ----------------------------------------------------------------------------- */

static status fill_index(const struct ddl *d, const struct table_desc *t, uint32_t oid)
{
    uint64_t rows;

    for (size_t i = 1; i < t->index_count; i++) {
        if (t->indexes[i].oid != oid)
            continue;
        TRY_RETURN(index_is_new(d, t, i));
        TRY_RETURN(table_backfill_index(d->c, t, i, &rows));
        txn_step_within_statement(d->c->txn);
    }
    return STATUS_OK;
}

status alter_apply_constraint(const struct ddl *d, const struct table_desc *before,
                              struct table_desc *t, const struct constraint_added *added)
{
    TRY_RETURN(catalog_put_table(d->v, t));
    if (added->new_primary)
        return rewrite_table(d, before, t, NULL);
    if (added->not_null)
        TRY_RETURN(verify_not_null(d, t));
    if (added->index_oid != 0)
        TRY_RETURN(fill_index(d, t, added->index_oid));
    if (added->constraint_oid != 0)
        return verify_constraint(d, t, table_constraint_by_oid(t, added->constraint_oid));
    return STATUS_OK;
}

static status add_constraint(const struct ddl *d, const struct table_desc *before,
                             const PgQuery__AlterTableCmd *cmd)
{
    struct table_desc      *t = table_desc_copy(d->a, before, 1);
    struct constraint_added added;

    TRY_RETURN(constraint_add(d, t, cmd->def->constraint, NULL, &added));
    return alter_apply_constraint(d, before, t, &added);
}

static status find_constraint(const struct ddl *d, const struct table_desc *t,
                              const PgQuery__AlterTableCmd *cmd, int *at)
{
    *at = draft_constraint(t, cmd->name);
    if (*at >= 0)
        return STATUS_OK;
    if (!cmd->missing_ok)
        return status_new(ST_UNDEFINED_OBJECT,
                          "constraint \"%s\" of relation \"%s\" does not exist", cmd->name,
                          t->name);
    ddl_notice(d, status_new(ST_SUCCESS,
                             "constraint \"%s\" of relation \"%s\" does not exist, skipping",
                             cmd->name, t->name));
    return STATUS_OK;
}

static status drop_constraint(const struct ddl *d, const struct table_desc *t,
                              const PgQuery__AlterTableCmd *cmd)
{
    struct drop_item item = {.kind = DROP_CONSTRAINT, .oid = t->oid};
    int              at;

    TRY_RETURN(find_constraint(d, t, cmd, &at));
    if (at < 0)
        return STATUS_OK;
    item.sub = t->constraints[at].oid;
    return drop_items(d, &item, 1, cmd->behavior == PG_QUERY__DROP_BEHAVIOR__DROP_CASCADE);
}

static status validate_constraint(const struct ddl *d, const struct table_desc *before,
                                  const PgQuery__AlterTableCmd *cmd)
{
    struct table_desc *t = table_desc_copy(d->a, before, 0);
    int                at;

    TRY_RETURN(find_constraint(d, t, cmd, &at));
    if (at < 0 || t->constraints[at].validated)
        return STATUS_OK;
    if (t->constraints[at].kind != CONSTRAINT_CHECK &&
        t->constraints[at].kind != CONSTRAINT_FOREIGN)
        return status_new(ST_WRONG_OBJECT_TYPE,
                          "constraint \"%s\" of relation \"%s\" is not a "
                          "foreign key or check constraint",
                          cmd->name, t->name);
    t->constraints[at].validated = true;
    TRY_RETURN(catalog_put_table(d->v, t));
    return verify_constraint(d, t, &t->constraints[at]);
}

static status alter_constraint(const struct ddl *d, const struct table_desc *before,
                               const PgQuery__Constraint *k)
{
    struct table_desc *t = table_desc_copy(d->a, before, 0);
    int                at = draft_constraint(t, k->conname);

    if (at < 0)
        return status_new(ST_UNDEFINED_OBJECT,
                          "constraint \"%s\" of relation \"%s\" does not exist", k->conname,
                          t->name);
    if (t->constraints[at].kind != CONSTRAINT_FOREIGN)
        return status_new(ST_WRONG_OBJECT_TYPE,
                          "constraint \"%s\" of relation \"%s\" is not a foreign key constraint",
                          k->conname, t->name);
    t->constraints[at].deferrable = k->deferrable;
    t->constraints[at].initially_deferred = k->initdeferred;
    return catalog_put_table(d->v, t);
}

/* ---- commands -------------------------------------------------------------------------------- */

static status change_owner(const struct ddl *d, const struct table_desc *before,
                           const PgQuery__RoleSpec *owner)
{
    struct table_desc *t = table_desc_copy(d->a, before, 0);

    TRY_RETURN(ddl_role(d, owner, &t->owner_oid));
    TRY_RETURN(catalog_put_table(d->v, t));
    /* Sequences of its columns follow. */
    for (size_t i = 0; i < t->column_count; i++) {
        const struct table_desc *sequence = NULL;
        struct table_desc       *copy;

        if (t->columns[i].sequence_oid == 0)
            continue;
        TRY_RETURN(catalog_table_by_oid_for_change(d->v, t->columns[i].sequence_oid, &sequence));
        if (sequence == NULL)
            continue;
        copy = table_desc_copy(d->a, sequence, 0);
        copy->owner_oid = t->owner_oid;
        TRY_RETURN(catalog_put_table(d->v, copy));
    }
    return STATUS_OK;
}

static status run_table_command(const struct ddl *d, const struct table_desc *t,
                                const PgQuery__AlterTableCmd *cmd)
{
    switch (cmd->subtype) {
    case PG_QUERY__ALTER_TABLE_TYPE__AT_AddConstraint:
        return add_constraint(d, t, cmd);
    case PG_QUERY__ALTER_TABLE_TYPE__AT_DropConstraint:
        return drop_constraint(d, t, cmd);
    case PG_QUERY__ALTER_TABLE_TYPE__AT_ValidateConstraint:
        return validate_constraint(d, t, cmd);
    case PG_QUERY__ALTER_TABLE_TYPE__AT_AlterConstraint:
        return alter_constraint(d, t, cmd->def->constraint);
    case PG_QUERY__ALTER_TABLE_TYPE__AT_ChangeOwner:
        return change_owner(d, t, cmd->newowner);
    case PG_QUERY__ALTER_TABLE_TYPE__AT_SetRelOptions:
    case PG_QUERY__ALTER_TABLE_TYPE__AT_ResetRelOptions:
        return cmd->def == NULL
                   ? STATUS_OK
                   : index_check_params(d, cmd->def->list->items, cmd->def->list->n_items);
    case PG_QUERY__ALTER_TABLE_TYPE__AT_ClusterOn:
    case PG_QUERY__ALTER_TABLE_TYPE__AT_DropCluster:
    case PG_QUERY__ALTER_TABLE_TYPE__AT_SetLogged:
    case PG_QUERY__ALTER_TABLE_TYPE__AT_DropOids:
        return STATUS_OK; /* what they ask for is so already, or is about pages that are not there
                           */
    default:
        return alter_column(d, t, cmd);
    }
}

/* ALTER INDEX ... SET, and ALTER TABLE on the name of an index. */
static status alter_index(const struct ddl *d, const PgQuery__AlterTableStmt *s, bool *done)
{
    const struct table_desc *t;
    const char              *schema;
    size_t                   position;

    *done = false;
    TRY_RETURN(ddl_schema_name(d, s->relation, &schema));
    TRY_RETURN(catalog_index_by_name_for_change(d->v, schema, s->relation->relname, &t, &position));
    if (t == NULL)
        return STATUS_OK;
    *done = true;
    for (size_t i = 0; i < s->n_cmds; i++) {
        const PgQuery__AlterTableCmd *cmd = s->cmds[i]->alter_table_cmd;

        if (cmd->subtype == PG_QUERY__ALTER_TABLE_TYPE__AT_SetRelOptions ||
            cmd->subtype == PG_QUERY__ALTER_TABLE_TYPE__AT_ResetRelOptions)
            TRY_RETURN(index_check_params(d, cmd->def->list->items, cmd->def->list->n_items));
        else if (cmd->subtype != PG_QUERY__ALTER_TABLE_TYPE__AT_ChangeOwner)
            return ddl_unsupported("this change of an index is not supported");
    }
    return STATUS_OK;
}

static unsigned wanted(const PgQuery__AlterTableStmt *s)
{
    switch (s->objtype) {
    case PG_QUERY__OBJECT_TYPE__OBJECT_VIEW:
        return WANT_VIEW;
    case PG_QUERY__OBJECT_TYPE__OBJECT_SEQUENCE:
        return WANT_SEQUENCE;
    default:
        return WANT_ANY; /* ALTER TABLE takes views and sequences for what they share */
    }
}

static status refuse_kind(const struct table_desc *t, const PgQuery__AlterTableCmd *cmd)
{
    if (t->kind == RELATION_TABLE || cmd->subtype == PG_QUERY__ALTER_TABLE_TYPE__AT_ChangeOwner)
        return STATUS_OK;
    return status_detail(status_new(ST_WRONG_OBJECT_TYPE,
                                    "ALTER action cannot be performed on relation \"%s\"", t->name),
                         "This operation is not supported for %ss.", ddl_kind_name(t->kind));
}

status ddl_alter_table(const struct ddl *d, const PgQuery__AlterTableStmt *s)
{
    const struct table_desc *t;
    bool                     done = false;

    d->result->tag = s->objtype == PG_QUERY__OBJECT_TYPE__OBJECT_VIEW       ? "ALTER VIEW"
                     : s->objtype == PG_QUERY__OBJECT_TYPE__OBJECT_SEQUENCE ? "ALTER SEQUENCE"
                     : s->objtype == PG_QUERY__OBJECT_TYPE__OBJECT_INDEX    ? "ALTER INDEX"
                                                                            : "ALTER TABLE";
    if (s->objtype == PG_QUERY__OBJECT_TYPE__OBJECT_INDEX) {
        TRY_RETURN(alter_index(d, s, &done));
        if (done)
            return STATUS_OK;
    }
    TRY_RETURN(ddl_relation(d, s->relation, wanted(s), s->missing_ok, &t));
    for (size_t i = 0; t != NULL && i < s->n_cmds; i++) {
        const PgQuery__AlterTableCmd *cmd = s->cmds[i]->alter_table_cmd;

        TRY_RETURN(refuse_kind(t, cmd));
        TRY_RETURN(run_table_command(d, t, cmd));
        txn_step_within_statement(d->c->txn);
        TRY_RETURN(catalog_table_by_oid_for_change(d->v, t->oid, &t));
    }
    return STATUS_OK;
}

status index_is_new(const struct ddl *d, const struct table_desc *t, size_t position)
{
    SCOPED(buf) struct buf start = {0}, end = {0};

    buf_init(&start, NULL);
    buf_init(&end, NULL);
    key_append_index(&start, t->storage_id, t->indexes[position].key_id);
    key_append_prefix_end(&end, buf_slice(&start));
    return txn_mark_private(d->c->txn, buf_slice(&start), buf_slice(&end));
}
