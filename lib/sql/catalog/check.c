/* What code that uses a stored descriptor takes for granted, checked when the descriptor is read
 * back: numbers point at what is there, and enumerations have values of this version. */
#include "sql/catalog/object.h"
#include "sql/types/type.h"

static status damaged(const struct table_desc *t, const char *what)
{
    return status_new(ST_CORRUPT, "descriptor %u (\"%s\") holds %s", t->oid, t->name, what);
}

static bool is_column(const struct table_desc *t, int16_t number)
{
    return number >= 1 && (size_t)number <= t->column_count;
}

static bool are_columns(const struct table_desc *t, const int16_t *numbers, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!is_column(t, numbers[i]))
            return false;
    }
    return true;
}

static status check_columns(const struct table_desc *t)
{
    for (size_t i = 0; i < t->column_count; i++) {
        const struct column_desc *c = &t->columns[i];

        if (c->number != (int16_t)(i + 1) || c->name == NULL)
            return damaged(t, "a column without its number or name");
        if (c->identity != IDENTITY_NONE && c->identity != IDENTITY_ALWAYS &&
            c->identity != IDENTITY_BY_DEFAULT)
            return damaged(t, "an unknown kind of identity column");
        if (!c->dropped && type_by_oid(c->type) == NULL)
            return damaged(t, "a column of an unknown type");
        if (c->generated_stored && c->default_text == NULL)
            return damaged(t, "a generated column without its expression");
    }
    return STATUS_OK;
}

static bool part_is_sound(const struct table_desc *t, const struct index_desc *ix,
                          const struct index_part *p)
{
    const struct type *type;

    if (p->column == 0)
        return !ix->primary && p->expression_text != NULL && type_by_oid(p->type) != NULL;
    if (!is_column(t, p->column))
        return false;
    type = type_by_oid(t->columns[p->column - 1].type);
    return type != NULL && type->key_encode != NULL && type->key_decode != NULL;
}

static status check_index(const struct table_desc *t, const struct index_desc *ix, bool holds_rows)
{
    if (ix->state != INDEX_PUBLIC && ix->state != INDEX_WRITE_ONLY &&
        ix->state != INDEX_DELETE_ONLY)
        return damaged(t, "an index in an unknown state");
    if (ix->name == NULL && !(holds_rows && t->has_row_id))
        return damaged(t, "an index without a name");
    for (size_t i = 0; i < ix->part_count; i++) {
        if (!part_is_sound(t, ix, &ix->parts[i]))
            return damaged(t, "an index of something that is not there");
    }
    if (!are_columns(t, ix->include, ix->include_count))
        return damaged(t, "an index with a column that is not there");
    return STATUS_OK;
}

/* The first index holds the rows: its parts are columns, or there are none and a row id instead. */
static status check_primary(const struct table_desc *t)
{
    const struct index_desc *ix = t->indexes;

    if (t->index_count == 0 || ix->primary == t->has_row_id ||
        (ix->part_count == 0) != t->has_row_id || ix->predicate_text != NULL)
        return damaged(t, "no index for its rows");
    for (size_t i = 1; i < t->index_count; i++) {
        if (t->indexes[i].primary)
            return damaged(t, "two primary keys");
    }
    return STATUS_OK;
}

static bool is_action(enum fk_action a)
{
    return a == FK_NO_ACTION || a == FK_RESTRICT || a == FK_CASCADE || a == FK_SET_NULL ||
           a == FK_SET_DEFAULT;
}

static status check_constraint(const struct table_desc *t, const struct constraint_desc *c)
{
    if (c->name == NULL || !are_columns(t, c->columns, c->column_count) ||
        !are_columns(t, c->on_delete_set, c->on_delete_set_count))
        return damaged(t, "a constraint on something that is not there");
    switch (c->kind) {
    case CONSTRAINT_PRIMARY:
    case CONSTRAINT_UNIQUE:
        return STATUS_OK;
    case CONSTRAINT_CHECK:
        return c->check_text != NULL ? STATUS_OK : damaged(t, "a check without its expression");
    case CONSTRAINT_FOREIGN:
        if (is_action(c->on_delete) && is_action(c->on_update))
            return STATUS_OK;
        break;
    }
    return damaged(t, "a constraint of an unknown kind");
}

status table_desc_check(const struct table_desc *t)
{
    if (t->name == NULL)
        return status_new(ST_CORRUPT, "descriptor %u has no name", t->oid);
    if (t->kind != RELATION_TABLE && t->kind != RELATION_SEQUENCE && t->kind != RELATION_VIEW)
        return damaged(t, "an unknown kind of relation");
    if (t->kind == RELATION_VIEW && t->view_text == NULL)
        return damaged(t, "a view without its query");
    TRY_RETURN(check_columns(t));
    if (t->kind == RELATION_TABLE)
        TRY_RETURN(check_primary(t));
    for (size_t i = 0; i < t->index_count; i++)
        TRY_RETURN(check_index(t, &t->indexes[i], i == 0));
    for (size_t i = 0; i < t->constraint_count; i++)
        TRY_RETURN(check_constraint(t, &t->constraints[i]));
    return STATUS_OK;
}
