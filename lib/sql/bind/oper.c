#include "sql/bind/bind_internal.h"

/* Choosing among operators and functions of one name: PostgreSQL 15 sections 10.2 and 10.3. */

size_t candidate_filter(struct candidate *candidates, size_t count, const uint32_t *types,
                        size_t arg_count)
{
    size_t kept = 0;

    for (size_t i = 0; i < count; i++)
        if (can_coerce(arg_count, types, candidates[i].types, CAST_IMPLICIT))
            candidates[kept++] = candidates[i];
    return kept;
}

/* Leave the candidates with the highest score. */
static size_t keep_best(struct candidate *candidates, size_t count, const uint32_t *types,
                        size_t arg_count, bool preferred_counts)
{
    size_t best = 0, kept = 0;

    for (size_t i = 0; i < count; i++) {
        size_t score = 0;

        for (size_t j = 0; j < arg_count; j++) {
            uint32_t t = candidates[i].types[j];

            if (types[j] != OID_UNKNOWN &&
                (t == types[j] ||
                 (preferred_counts && type_is_preferred(type_category(types[j]), t))))
                score++;
        }
        if (score > best) {
            best = score;
            kept = 0;
        }
        if (score == best)
            candidates[kept++] = candidates[i];
    }
    return kept;
}

/* The category unknown argument `arg` shall have; false when the candidates disagree. String wins
 * over others, being what an unquoted literal most resembles. */
static bool category_of_unknown(const struct candidate *candidates, size_t count, size_t arg,
                                char *category, bool *has_preferred)
{
    bool conflict = false;

    *category = 0;
    for (size_t i = 0; i < count; i++) {
        uint32_t t = candidates[i].types[arg];
        char     c = type_category(t);
        bool     preferred = type_is_preferred(c, t);

        if (*category == 0) {
            *category = c;
            *has_preferred = preferred;
        } else if (c == *category) {
            *has_preferred |= preferred;
        } else if (c == 'S') {
            *category = c;
            *has_preferred = preferred;
        } else {
            conflict = true;
        }
    }
    return !conflict || *category == 'S';
}

static size_t keep_by_category(struct candidate *candidates, size_t count, const uint32_t *types,
                               size_t arg_count)
{
    char   category[FUNCTION_ARGS_MAX];
    bool   preferred[FUNCTION_ARGS_MAX];
    size_t kept = 0;

    for (size_t j = 0; j < arg_count; j++)
        if (types[j] == OID_UNKNOWN &&
            !category_of_unknown(candidates, count, j, &category[j], &preferred[j]))
            return count;
    for (size_t pass = 0; pass < 2; pass++) {
        for (size_t i = 0; i < count; i++) {
            bool keep = true;

            for (size_t j = 0; j < arg_count && keep; j++) {
                uint32_t t = candidates[i].types[j];

                if (types[j] == OID_UNKNOWN)
                    keep = type_category(t) == category[j] &&
                           (!preferred[j] || type_is_preferred(category[j], t));
            }
            if (keep && pass == 0)
                kept++;
            else if (keep)
                candidates[kept++] = candidates[i];
        }
        if (kept == 0) /* no candidate has all categories: leave them as they are */
            return count;
        if (pass == 0)
            kept = 0;
    }
    return kept;
}

/* Last resort: take the unknown ones for the one type the known ones have. */
static const struct candidate *guess_same_type(struct candidate *candidates, size_t count,
                                               const uint32_t *types, size_t arg_count)
{
    uint32_t                guess[FUNCTION_ARGS_MAX], known = 0;
    const struct candidate *found = NULL;

    for (size_t j = 0; j < arg_count; j++) {
        if (types[j] == OID_UNKNOWN)
            continue;
        if (known != 0 && known != types[j])
            return NULL;
        known = types[j];
    }
    if (known == 0)
        return NULL;
    for (size_t j = 0; j < arg_count; j++)
        guess[j] = known;
    for (size_t i = 0; i < count; i++) {
        if (!can_coerce(arg_count, guess, candidates[i].types, CAST_IMPLICIT))
            continue;
        if (found != NULL)
            return NULL;
        found = &candidates[i];
    }
    return found;
}

const struct candidate *candidate_select(struct candidate *candidates, size_t count,
                                         const uint32_t *types, size_t arg_count)
{
    size_t unknowns = 0;

    for (size_t j = 0; j < arg_count; j++)
        unknowns += types[j] == OID_UNKNOWN;
    count = keep_best(candidates, count, types, arg_count, false);
    if (count == 1)
        return &candidates[0];
    count = keep_best(candidates, count, types, arg_count, true);
    if (count == 1)
        return &candidates[0];
    if (unknowns == 0)
        return NULL;
    count = keep_by_category(candidates, count, types, arg_count);
    if (count == 1)
        return &candidates[0];
    if (unknowns < arg_count)
        return guess_same_type(candidates, count, types, arg_count);
    return NULL;
}

/* ---- operators ----------------------------------------------------------------------------------
 */

static const struct operator_def *exact_match(const struct operator_def *const *ops, size_t count,
                                              uint32_t left, uint32_t right)
{
    for (size_t i = 0; i < count; i++)
        if (ops[i]->left_type == left && ops[i]->right_type == right)
            return ops[i];
    return NULL;
}

/* With one side unknown, the other side's type is tried first for both. */
static const struct operator_def *exact_binary(const struct operator_def *const *ops, size_t count,
                                               uint32_t left, uint32_t right)
{
    if (left == OID_UNKNOWN && right != OID_UNKNOWN)
        left = right;
    else if (right == OID_UNKNOWN && left != OID_UNKNOWN)
        right = left;
    return exact_match(ops, count, left, right);
}

static status not_found(struct binder *b, const char *name, uint32_t left, uint32_t right,
                        bool ambiguous, int location)
{
    const char *signature =
        left == 0 ? arena_printf(b->a, "%s %s", name, type_text(b, right))
                  : arena_printf(b->a, "%s %s %s", type_text(b, left), name, type_text(b, right));
    status st;

    if (ambiguous)
        st = status_hint(
            status_new(ST_AMBIGUOUS_FUNCTION, "operator is not unique: %s", signature),
            "Could not choose a best candidate operator. You might need to add explicit type "
            "casts.");
    else if (left == 0)
        st = status_hint(
            status_new(ST_UNDEFINED_FUNCTION, "operator does not exist: %s", signature),
            "No operator matches the given name and argument type. You might need to add an "
            "explicit type cast.");
    else
        st = status_hint(
            status_new(ST_UNDEFINED_FUNCTION, "operator does not exist: %s", signature),
            "No operator matches the given name and argument types. You might need to add "
            "explicit type casts.");
    return binder_at(b, location, st);
}

static const struct operator_def *select_operator(struct binder                    *b,
                                                  const struct operator_def *const *ops,
                                                  size_t count, uint32_t left, uint32_t right,
                                                  bool *ambiguous)
{
    struct candidate       *candidates = ARENA_ARRAY(b->a, struct candidate, count);
    const struct candidate *best;
    uint32_t                types[2] = {left, right};
    size_t                  args = left == 0 ? 1 : 2, n = 0;

    if (left == 0)
        types[0] = right;
    for (size_t i = 0; i < count; i++)
        if ((ops[i]->left_type == 0) == (left == 0))
            candidates[n++] =
                (struct candidate){ops[i], left == 0 ? &ops[i]->right_type : &ops[i]->left_type};
    n = candidate_filter(candidates, n, types, args);
    if (n == 0)
        return NULL;
    best = n == 1 ? &candidates[0] : candidate_select(candidates, n, types, args);
    *ambiguous = best == NULL;
    return best == NULL ? NULL : best->what;
}

_Static_assert(offsetof(struct operator_def, right_type) ==
                   offsetof(struct operator_def, left_type) + sizeof(uint32_t),
               "the two types of an operator are read as an array");

status operator_choose(struct binder *b, const char *name, uint32_t left, uint32_t right,
                       bool missing_ok, int location, const struct operator_def **out)
{
    size_t                            count;
    const struct operator_def *const *ops = operators_by_name(slice_cstr(name), &count);
    bool                              ambiguous = false;

    *out = left == 0 ? exact_match(ops, count, 0, right) : exact_binary(ops, count, left, right);
    if (*out == NULL)
        *out = select_operator(b, ops, count, left, right, &ambiguous);
    if (*out != NULL || missing_ok)
        return STATUS_OK;
    return not_found(b, name, left, right, ambiguous, location);
}

status operator_equality(struct binder *b, uint32_t type, int location,
                         const struct operator_def **out)
{
    *out = operator_for_order(type, '=');
    if (*out != NULL)
        return STATUS_OK;
    return binder_at(b, location,
                     status_new(ST_UNDEFINED_FUNCTION,
                                "could not identify an equality operator for type %s",
                                type_text(b, type)));
}

/* The collation of what is made of `args`: one that was written wins over the type's. */
static uint32_t collation_of_args(struct expr *const *args, size_t count)
{
    uint32_t found = 0;

    for (size_t i = 0; i < count; i++)
        if (args[i] != NULL && args[i]->collation != 0 &&
            (found == 0 || found == OID_COLLATION_DEFAULT))
            found = args[i]->collation;
    return found;
}

status operator_apply(struct scope *s, const struct operator_def *op, struct expr *left,
                      struct expr *right, int location, struct expr **out)
{
    struct binder *b = s->b;
    struct expr  **args = ARENA_ARRAY(b->a, struct expr *, 2), *e;
    size_t         count = 0;
    uint32_t       actual[2], declared[2], result = op->result_type;

    if (left != NULL)
        args[count++] = left;
    args[count++] = right;
    for (size_t i = 0; i < count; i++) {
        actual[i] = args[i]->type;
        declared[i] = i == 0 && left != NULL ? op->left_type : op->right_type;
    }
    TRY_RETURN(polymorphic_resolve(b, actual, declared, count, &result));
    for (size_t i = 0; i < count; i++)
        TRY_RETURN(coerce_type(b, args[i], declared[i], -1, CAST_IMPLICIT, true, args[i]->location,
                               &args[i]));
    e = expr_new(b->a, op->fn->returns_set ? EXPR_SET_CALL : EXPR_CALL, result, -1, location);
    e->call.fn = op->fn;
    e->call.op = op;
    e->call.args = args;
    e->call.arg_count = count;
    e->collation = e->collation != 0 ? collation_of_args(args, count) : 0;
    *out = e;
    return STATUS_OK;
}

status bind_operator(struct scope *s, const char *schema, const char *name, struct expr *left,
                     struct expr *right, int location, struct expr **out)
{
    const struct operator_def *op;

    if (schema != NULL && strcmp(schema, "pg_catalog") != 0)
        return not_found(s->b, arena_printf(s->b->a, "%s.%s", schema, name),
                         left == NULL ? 0 : left->type, right->type, false, location);
    TRY_RETURN(operator_choose(s->b, name, left == NULL ? 0 : left->type, right->type, false,
                               location, &op));
    return operator_apply(s, op, left, right, location, out);
}
