/* What system views show of the session and its server: see sql/catalog/facts.h. */
#include <stdio.h>

#include "base/sort.h"
#include "sql/session/session_internal.h"
#include "sql/session/settings.h"

static const char *number(struct arena *a, const struct setting_def *d, int64_t v)
{
    return d->kind == SETTING_INT ? arena_printf(a, "%lld", (long long)v) : NULL;
}

static struct setting_info describe_setting(const struct settings *s, struct arena *a, int id)
{
    static const char *const  types[] = {[SETTING_BOOL] = "bool",
                                         [SETTING_INT] = "integer",
                                         [SETTING_REAL] = "real",
                                         [SETTING_STRING] = "string",
                                         [SETTING_ENUM] = "enum"};
    const struct setting_def *d = setting_def_at((size_t)id);

    return (struct setting_info){.name = d->name,
                                 .value = settings_get(s, (enum setting_id)id),
                                 .reset = settings_get_reset(s, (enum setting_id)id),
                                 .boot = d->fallback,
                                 .unit = d->unit,
                                 .category = d->category,
                                 .text = d->text,
                                 .context = d->flags & SETTING_READ_ONLY ? "internal" : "user",
                                 .type = types[d->kind],
                                 .source = settings_get_source(s, (enum setting_id)id),
                                 .min = number(a, d, d->min),
                                 .max = number(a, d, d->max),
                                 .enum_values = d->kind == SETTING_ENUM ? d->values : NULL};
}

static struct setting_info *facts_settings(struct sql_context *c, struct arena *a, size_t *count)
{
    struct setting_info *infos = ARENA_ARRAY(a, struct setting_info, SETTING_COUNT);

    *count = 0;
    for (int id = 0; id < SETTING_COUNT; id++)
        if (!(setting_def_at((size_t)id)->flags & SETTING_UNLISTED))
            infos[(*count)++] = describe_setting(c->session->settings, a, id);
    return infos;
}

static struct session_info *facts_sessions(struct sql_context *c, struct arena *a, size_t *count)
{
    return sql_server_sessions(c->session->server, a, count);
}

/* The protocol's unnamed ones come and go with every statement: PostgreSQL does not show them. */
static int compare_prepared(const void *a, const void *b, void *ctx)
{
    (void)ctx;
    return strcmp(((const struct prepared_info *)a)->name, ((const struct prepared_info *)b)->name);
}

static struct prepared_info *facts_prepared(struct sql_context *c, struct arena *a, size_t *count)
{
    const struct hmap    *m = &c->session->statements;
    struct prepared_info *infos = ARENA_ARRAY(a, struct prepared_info, hmap_count(m) + 1);
    size_t                pos = 0;
    slice                 name;
    void                 *value;

    *count = 0;
    while (hmap_next(m, &pos, &name, &value)) {
        const struct prepared *p = value;

        if (name.size > 0)
            infos[(*count)++] = (struct prepared_info){.name = arena_cstr(a, name),
                                                       .statement = arena_cstr(a, p->text),
                                                       .prepared_us = p->prepared_us,
                                                       .param_count = p->param_count,
                                                       .param_types = p->param_types,
                                                       .from_sql = p->from_sql};
    }
    sort_stable(NULL, infos, *count, sizeof *infos, compare_prepared, NULL);
    return infos;
}

static int compare_cursors(const void *a, const void *b, void *ctx)
{
    (void)ctx;
    return strcmp(((const struct cursor_info *)a)->name, ((const struct cursor_info *)b)->name);
}

static struct cursor_info *facts_cursors(struct sql_context *c, struct arena *a, size_t *count)
{
    const struct hmap  *m = &c->session->portals;
    struct cursor_info *infos = ARENA_ARRAY(a, struct cursor_info, hmap_count(m) + 1);
    size_t              pos = 0;
    slice               name;
    void               *value;

    *count = 0;
    while (hmap_next(m, &pos, &name, &value)) {
        const struct portal *x = value;

        infos[(*count)++] = (struct cursor_info){.name = arena_cstr(a, name),
                                                 .statement = arena_cstr(a, x->statement->text),
                                                 .created_us = x->created_us};
    }
    sort_stable(NULL, infos, *count, sizeof *infos, compare_cursors, NULL);
    return infos;
}

static bool facts_cancel(struct sql_context *c, uint32_t process_id)
{
    return session_cancel(c->session->server, process_id);
}

const struct sql_facts session_facts = {.cancel = facts_cancel,
                                        .settings = facts_settings,
                                        .sessions = facts_sessions,
                                        .prepared = facts_prepared,
                                        .cursors = facts_cursors};
