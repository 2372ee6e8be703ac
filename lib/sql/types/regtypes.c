#include "sql/types/regtypes.h"

#include "sql/func/function.h"
#include "sql/types/keywords.h"
#include "sql/types/ops.h"
#include "sql/types/string.h"

/* ---- names --------------------------------------------------------------------------------------
 */

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static status name_error(void)
{
    return status_new(ST_INVALID_NAME, "invalid name syntax");
}

/* One part into `out` (room for the whole text); false when it is not one. */
static bool take_part(slice *s, char *out)
{
    size_t n = 0;

    if (s->size > 0 && s->data[0] == '"') {
        *s = slice_from(*s, 1);
        for (; s->size > 0; *s = slice_from(*s, 1)) {
            if (s->data[0] == '"') {
                *s = slice_from(*s, 1);
                if (s->size == 0 || s->data[0] != '"') {
                    out[n] = '\0';
                    return n > 0;
                }
            }
            out[n++] = s->data[0];
        }
        return false;
    }
    for (; s->size > 0 && s->data[0] != '.' && s->data[0] != '"' && !is_space(s->data[0]);
         *s = slice_from(*s, 1)) {
        char c = s->data[0];

        out[n++] = (char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
    }
    out[n] = '\0';
    return n > 0;
}

status reg_name_parse(struct arena *a, slice text, struct reg_name *out)
{
    slice s = type_trim(text);

    out->count = 0;
    for (;;) {
        char *part = arena_alloc(a, s.size + 1);

        if (out->count == ARRAY_LEN(out->parts) || !take_part(&s, part))
            return name_error();
        out->parts[out->count++] = part;
        s = type_trim(s);
        if (s.size == 0)
            return STATUS_OK;
        if (s.data[0] != '.')
            return name_error();
        s = type_trim(slice_from(s, 1));
    }
}

/* ---- types --------------------------------------------------------------------------------------
 */

/* Spellings of SQL that are neither pg_type's name nor format_type()'s. */
static const struct {
    const char *name;
    uint32_t    oid;
} type_synonyms[] = {
    {"bit varying", 1562},
    {"boolean", OID_BOOL},
    {"char", OID_BPCHAR},
    {"char varying", OID_VARCHAR},
    {"character", OID_BPCHAR},
    {"dec", OID_NUMERIC},
    {"decimal", OID_NUMERIC},
    {"float", OID_FLOAT8},
    {"int", OID_INT4},
    {"time", OID_TIME},
    {"timestamp", OID_TIMESTAMP},
};

static const struct type *type_by_sql_name(slice name)
{
    for (size_t i = 0; i < ARRAY_LEN(type_synonyms); i++) {
        if (slice_eq_cstr(name, type_synonyms[i].name))
            return type_by_oid(type_synonyms[i].oid);
    }
    for (size_t i = 0; type_at(i) != NULL; i++) {
        if (type_at(i)->element_oid == 0 && slice_eq_cstr(name, type_at(i)->sql_name))
            return type_at(i);
    }
    return type_by_name(name);
}

/* Lower case, runs of white space as one blank, outside quotes; quotes stay. */
static slice fold_name(struct arena *a, slice text)
{
    char  *out = arena_alloc(a, text.size + 1);
    size_t n = 0;
    bool   quoted = false;

    for (size_t i = 0; i < text.size; i++) {
        char c = text.data[i];

        quoted ^= c == '"';
        if (!quoted && is_space(c)) {
            if (n > 0 && out[n - 1] != ' ')
                out[n++] = ' ';
            continue;
        }
        out[n++] = (char)(!quoted && c >= 'A' && c <= 'Z' ? c + 32 : c);
    }
    return type_trim(slice_make(out, n));
}

static bool take_suffix(slice *s, slice suffix)
{
    if (s->size < suffix.size ||
        memcmp(s->data + s->size - suffix.size, suffix.data, suffix.size) != 0)
        return false;
    s->size -= suffix.size;
    *s = type_trim(*s);
    return true;
}

/* Cut "(10,2)" out of the middle or end of a name: "timestamp(3) with time zone". */
static bool take_modifiers(struct arena *a, slice *s, int32_t *args, size_t *count)
{
    const char *open = s->size > 0 ? memchr(s->data, '(', s->size) : NULL;
    const char *close = s->size > 0 ? memchr(s->data, ')', s->size) : NULL;
    slice       inner, head, tail;

    *count = 0;
    if (open == NULL)
        return close == NULL;
    if (close == NULL || close < open)
        return false;
    inner = slice_make(open + 1, (size_t)(close - open - 1));
    while (inner.size > 0 && *count < 2) {
        const char *comma = memchr(inner.data, ',', inner.size);
        size_t      n = comma != NULL ? (size_t)(comma - inner.data) : inner.size;
        int64_t     v;
        bool        overflow;

        if (!type_parse_int64(slice_make(inner.data, n), &v, &overflow) || v != (int32_t)v)
            return false;
        args[(*count)++] = (int32_t)v;
        inner = slice_from(inner, comma != NULL ? n + 1 : n);
    }
    head = type_trim(slice_make(s->data, (size_t)(open - s->data)));
    tail = slice_from(*s, (size_t)(close - s->data) + 1);
    *s = slice_cstr(arena_printf(a, "%.*s%.*s", SLICE_FMT(head), SLICE_FMT(tail)));
    *s = type_trim(*s);
    return inner.size == 0;
}

status reg_type_parse(struct arena *a, slice text, uint32_t *oid, int32_t *typmod)
{
    slice              s = fold_name(a, text);
    bool               is_array = false;
    int32_t            args[2];
    size_t             count;
    const struct type *t;

    *typmod = -1;
    while (take_suffix(&s, SLICE_LIT("[]")))
        is_array = true;
    if (!take_modifiers(a, &s, args, &count))
        return status_new(ST_SYNTAX_ERROR, "invalid type name \"%.*s\"", SLICE_FMT(text));
    if (slice_starts_with(s, SLICE_LIT("pg_catalog.")))
        s = slice_from(s, 11);
    else if (slice_starts_with(s, SLICE_LIT("\"pg_catalog\".")))
        s = slice_from(s, 13);
    if (s.size > 1 && s.data[0] == '"' && s.data[s.size - 1] == '"')
        t = type_by_name(slice_make(s.data + 1, s.size - 2));
    else
        t = type_by_sql_name(s);
    if (t != NULL && count > 0 && t->typmod_input != NULL)
        TRY_RETURN(t->typmod_input(args, count, typmod));
    if (t != NULL && is_array)
        t = type_by_oid(t->array_oid);
    if (t == NULL)
        return status_new(ST_UNDEFINED_OBJECT, "type \"%.*s\" does not exist", SLICE_FMT(text));
    *oid = t->oid;
    return STATUS_OK;
}

/* ---- functions and operators
 * ---------------------------------------------------------------------- */

/* Cut "name(type, type)" apart: *count argument types into `types`. */
static status parse_signature(struct arena *a, slice text, slice *name, uint32_t *types, size_t max,
                              size_t *count)
{
    const char *open = text.size > 0 ? memchr(text.data, '(', text.size) : NULL;
    slice       rest;

    if (open == NULL)
        return status_new(ST_INVALID_TEXT, "expected a left parenthesis");
    if (text.data[text.size - 1] != ')')
        return status_new(ST_INVALID_TEXT, "expected a right parenthesis");
    *name = type_trim(slice_make(text.data, (size_t)(open - text.data)));
    rest = slice_make(open + 1, (size_t)(text.data + text.size - open) - 2);
    for (*count = 0; type_trim(rest).size > 0;) {
        size_t  n = 0, depth = 0;
        int32_t typmod;

        while (n < rest.size && (rest.data[n] != ',' || depth > 0)) {
            depth += rest.data[n] == '(';
            depth -= rest.data[n] == ')' && depth > 0;
            n++;
        }
        if (*count == max)
            return status_new(ST_TOO_MANY_ARGUMENTS, "too many arguments");
        if (slice_eq_cstr(type_trim(slice_make(rest.data, n)), "NONE") ||
            slice_eq_cstr(type_trim(slice_make(rest.data, n)), "none"))
            types[(*count)++] = 0;
        else
            TRY_RETURN(reg_type_parse(a, slice_make(rest.data, n), &types[(*count)++], &typmod));
        rest = slice_from(rest, n + 1);
    }
    return STATUS_OK;
}

static slice without_schema(slice name)
{
    return slice_starts_with(name, SLICE_LIT("pg_catalog.")) ? slice_from(name, 11) : name;
}

static status find_function(struct arena *a, slice text, uint32_t *oid)
{
    struct reg_name               name;
    const struct function *const *found;
    size_t                        count = 0;

    TRY_RETURN(reg_name_parse(a, text, &name));
    if (name.count == 1 || (name.count == 2 && strcmp(name.parts[0], "pg_catalog") == 0)) {
        found = functions_by_name(slice_cstr(name.parts[name.count - 1]), &count);
        if (count == 1)
            *oid = found[0]->oid;
    }
    if (count == 0)
        return status_new(ST_UNDEFINED_FUNCTION, "function \"%.*s\" does not exist",
                          SLICE_FMT(text));
    if (count > 1)
        return status_new(ST_AMBIGUOUS_FUNCTION, "more than one function named \"%.*s\"",
                          SLICE_FMT(text));
    return STATUS_OK;
}

static status find_procedure(struct arena *a, slice text, uint32_t *oid)
{
    uint32_t                      types[FUNCTION_ARGS_MAX];
    size_t                        arg_count, count;
    slice                         name;
    const struct function *const *found;

    TRY_RETURN(parse_signature(a, text, &name, types, ARRAY_LEN(types), &arg_count));
    found = functions_by_name(without_schema(name), &count);
    for (size_t i = 0; i < count; i++) {
        if (found[i]->arg_count == arg_count &&
            (arg_count == 0 ||
             memcmp(found[i]->arg_types, types, arg_count * sizeof *types) == 0)) {
            *oid = found[i]->oid;
            return STATUS_OK;
        }
    }
    return status_new(ST_UNDEFINED_FUNCTION, "function \"%.*s\" does not exist", SLICE_FMT(text));
}

static status find_operator_name(slice text, uint32_t *oid)
{
    size_t                            count;
    const struct operator_def *const *found = operators_by_name(without_schema(text), &count);

    if (count == 1)
        *oid = found[0]->oid;
    if (count == 0)
        return status_new(ST_UNDEFINED_FUNCTION, "operator does not exist: %.*s", SLICE_FMT(text));
    if (count > 1)
        return status_new(ST_AMBIGUOUS_FUNCTION, "more than one operator named %.*s",
                          SLICE_FMT(text));
    return STATUS_OK;
}

static status find_operator(struct arena *a, slice text, uint32_t *oid)
{
    uint32_t                          types[2];
    size_t                            arg_count, count;
    slice                             name;
    const struct operator_def *const *found;

    TRY_RETURN(parse_signature(a, text, &name, types, 2, &arg_count));
    if (arg_count != 2)
        return status_hint(status_new(ST_UNDEFINED_PARAMETER, "missing argument"), "%s",
                           "Use NONE to denote the missing argument of a unary operator.");
    found = operators_by_name(without_schema(name), &count);
    for (size_t i = 0; i < count; i++) {
        if (found[i]->left_type == types[0] && found[i]->right_type == types[1]) {
            *oid = found[i]->oid;
            return STATUS_OK;
        }
    }
    return status_new(ST_UNDEFINED_FUNCTION, "operator does not exist: %.*s", SLICE_FMT(text));
}

/* ---- relations, schemas, roles
 * -------------------------------------------------------------------- */

static status not_found(uint32_t type, slice text)
{
    switch (type) {
    case OID_REGCLASS:
        return status_new(ST_UNDEFINED_TABLE, "relation \"%.*s\" does not exist", SLICE_FMT(text));
    case OID_REGNAMESPACE:
        return status_new(ST_UNDEFINED_SCHEMA, "schema \"%.*s\" does not exist", SLICE_FMT(text));
    default:
        return status_new(ST_UNDEFINED_OBJECT, "role \"%.*s\" does not exist", SLICE_FMT(text));
    }
}

static status find_in_catalog(struct sql_context *c, struct arena *a, uint32_t type, slice text,
                              uint32_t *oid)
{
    struct reg_name name;

    TRY_RETURN(reg_name_parse(a, text, &name));
    if (name.count > (type == OID_REGCLASS ? 3 : 1))
        return name_error();
    /* database.schema.relation, the database being this one */
    if (name.count == 3 && c != NULL && c->database != NULL &&
        strcmp(name.parts[0], c->database) != 0)
        return status_new(ST_FEATURE_NOT_SUPPORTED,
                          "cross-database references are not implemented: \"%.*s\"",
                          SLICE_FMT(text));
    TRY_RETURN(reg_catalog_find(c, type, name.count > 1 ? name.parts[name.count - 2] : NULL,
                                name.parts[name.count - 1], oid));
    return *oid != 0 ? STATUS_OK : not_found(type, text);
}

status reg_find(struct sql_context *c, struct arena *a, uint32_t type, slice text, uint32_t *oid)
{
    int64_t number;
    int32_t typmod;
    bool    overflow;

    text = type_trim(text);
    if (slice_eq_cstr(text, "-")) {
        *oid = 0;
        return STATUS_OK;
    }
    if (type_parse_int64(text, &number, &overflow) && number >= 0 && number <= UINT32_MAX) {
        *oid = (uint32_t)number;
        return STATUS_OK;
    }
    switch (type) {
    case OID_REGTYPE:
        return reg_type_parse(a, text, oid, &typmod);
    case OID_REGPROC:
        return find_function(a, text, oid);
    case OID_REGPROCEDURE:
        return find_procedure(a, text, oid);
    case OID_REGOPER:
        return find_operator_name(text, oid);
    case OID_REGOPERATOR:
        return find_operator(a, text, oid);
    default:
        return find_in_catalog(c, a, type, text, oid);
    }
}

/* ---- the types' own functions
 * ----------------------------------------------------------------------- */

status reg_input(struct sql_context *c, struct arena *a, const struct type *t, slice text,
                 int32_t typmod, datum *out)
{
    uint32_t oid = 0;

    (void)typmod;
    TRY_RETURN(reg_find(c, a, t->oid, text, &oid));
    out->i = oid;
    return STATUS_OK;
}

static const char *type_name(uint32_t oid)
{
    const struct type *t = type_by_oid(oid);

    return oid == 0 ? "NONE" : t != NULL ? t->sql_name : "???";
}

static bool output_function(uint32_t oid, bool with_types, struct buf *out)
{
    const struct function *f = function_by_oid(oid);
    size_t                 count;

    if (f == NULL)
        return false;
    /* A bare name that does not lead back here gets its schema. */
    functions_by_name(slice_cstr(f->name), &count);
    if (!with_types && count > 1)
        buf_append_cstr(out, "pg_catalog.");
    reg_quote_identifier(slice_cstr(f->name), out);
    if (!with_types)
        return true;
    for (size_t i = 0; i < f->arg_count; i++)
        buf_printf(out, "%s%s", i == 0 ? "(" : ",", type_name(f->arg_types[i]));
    buf_append_cstr(out, f->arg_count == 0 ? "()" : ")");
    return true;
}

static bool output_operator(uint32_t oid, bool with_types, struct buf *out)
{
    const struct operator_def *op = operator_by_oid(oid);
    size_t                     count;

    if (op == NULL)
        return false;
    operators_by_name(slice_cstr(op->name), &count);
    if (!with_types && count > 1)
        buf_append_cstr(out, "pg_catalog.");
    buf_append_cstr(out, op->name);
    if (with_types)
        buf_printf(out, "(%s,%s)", type_name(op->left_type), type_name(op->right_type));
    return true;
}

static status output_name(struct sql_context *c, uint32_t type, uint32_t oid, struct buf *out,
                          bool *found)
{
    switch (type) {
    case OID_REGTYPE:
        *found = type_by_oid(oid) != NULL;
        if (*found)
            buf_append_cstr(out, type_by_oid(oid)->sql_name);
        return STATUS_OK;
    case OID_REGPROC:
    case OID_REGPROCEDURE:
        *found = output_function(oid, type == OID_REGPROCEDURE, out);
        return STATUS_OK;
    case OID_REGOPER:
    case OID_REGOPERATOR:
        *found = output_operator(oid, type == OID_REGOPERATOR, out);
        return STATUS_OK;
    default:
        return reg_catalog_name(c, type, oid, out, found);
    }
}

status reg_output(struct sql_context *c, const struct type *t, datum v, struct buf *out)
{
    bool found = false;

    if (v.i == 0) {
        /* regoper alone writes 0, which its input takes back; "-" is an operator. */
        buf_append_cstr(out, t->oid == OID_REGOPER || t->oid == OID_REGOPERATOR ? "0" : "-");
        return STATUS_OK;
    }
    TRY_RETURN(output_name(c, t->oid, (uint32_t)v.i, out, &found));
    return found ? STATUS_OK : oid_output(c, t, v, out);
}

status reg_receive(struct sql_context *c, struct arena *a, const struct type *t, slice bytes,
                   int32_t typmod, datum *out)
{
    return oid_receive(c, a, t, bytes, typmod, out);
}

status reg_send(struct sql_context *c, const struct type *t, datum v, struct buf *out)
{
    return oid_send(c, t, v, out);
}

/* ---- quoting
 * ------------------------------------------------------------------------------------- */

static int compare_word(slice name, const char *word)
{
    return slice_cmp(name, slice_cstr(word));
}

static bool is_keyword(slice name)
{
#define X(word) #word,
    static const char *const words[] = {SQL_KEYWORDS_TO_QUOTE(X)};
#undef X
    size_t low = 0, high = ARRAY_LEN(words);

    while (low < high) {
        size_t middle = (low + high) / 2;
        int    c = compare_word(name, words[middle]);

        if (c == 0)
            return true;
        if (c > 0)
            low = middle + 1;
        else
            high = middle;
    }
    return false;
}

static bool is_plain_name(slice name)
{
    for (size_t i = 0; i < name.size; i++) {
        char c = name.data[i];
        bool letter = (c >= 'a' && c <= 'z') || c == '_', digit = c >= '0' && c <= '9';

        if (!letter && (!digit || i == 0))
            return false;
    }
    return name.size > 0 && !is_keyword(name);
}

void reg_quote_identifier(slice name, struct buf *out)
{
    if (is_plain_name(name)) {
        buf_append_slice(out, name);
        return;
    }
    buf_put_u8(out, '"');
    for (size_t i = 0; i < name.size; i++) {
        if (name.data[i] == '"')
            buf_put_u8(out, '"');
        buf_put_u8(out, (uint8_t)name.data[i]);
    }
    buf_put_u8(out, '"');
}
