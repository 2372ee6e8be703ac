/* How results look: \pset and its short forms. */
#include <stdlib.h>
#include <string.h>

#include "client/cli.h"
#include "shell.h"

static void replace(const char **text, const char *with)
{
    char *copy = with != NULL ? strdup(with) : NULL;

    free((char *)(uintptr_t)*text);
    *text = copy;
}

void printing_free(struct printing *p)
{
    replace(&p->style.null, NULL);
    replace(&p->style.separator, NULL);
    replace(&p->style.title, NULL);
}

static const char *on_off(bool on)
{
    return on ? "on" : "off";
}

/* ---- the settings ------------------------------------------------------------------------------
 */

/* "on", "off", or none: the other one. False: neither. */
static bool set_bool(bool *what, const char *value)
{
    if (value == NULL) {
        *what = !*what;
        return true;
    }
    return bool_parse(value, what);
}

static bool set_toggle(enum toggle *what, const char *value, const char *third)
{
    bool on = *what != TOGGLE_OFF;

    if (value != NULL && strcmp(value, third) == 0) {
        *what = TOGGLE_AUTO;
        return true;
    }
    if (!set_bool(&on, value))
        return false;
    *what = on ? TOGGLE_ON : TOGGLE_OFF;
    return true;
}

static bool set_format(struct printing *p, const char *value)
{
    if (value != NULL && (strcmp(value, "aligned") == 0 || strcmp(value, "wrapped") == 0))
        value = "table"; /* psql's names */
    return value == NULL || table_format_parse(value, &p->style.format);
}

static bool set_border(struct printing *p, const char *value)
{
    static const enum table_frame frames[] = {TABLE_FRAME_NONE, TABLE_FRAME_INNER,
                                              TABLE_FRAME_FULL};

    if (value == NULL)
        return true;
    if (strlen(value) != 1 || value[0] < '0' || value[0] > '2')
        return false;
    p->style.frame = frames[value[0] - '0'];
    return true;
}

static bool set_expanded(struct printing *p, const char *value)
{
    return set_toggle(&p->expanded, value, "auto");
}

static bool set_pager(struct printing *p, const char *value)
{
    return set_toggle(&p->pager, value, "always");
}

static bool set_footer(struct printing *p, const char *value)
{
    bool shown = !p->style.uncounted, good = set_bool(&shown, value);

    p->style.uncounted = !shown;
    return good;
}

static bool set_tuples_only(struct printing *p, const char *value)
{
    return set_bool(&p->style.bare, value);
}

static bool set_null(struct printing *p, const char *value)
{
    if (value != NULL)
        replace(&p->style.null, value);
    return true;
}

static bool set_separator(struct printing *p, const char *value)
{
    if (value != NULL)
        replace(&p->style.separator, value);
    return true;
}

static bool set_title(struct printing *p, const char *value)
{
    replace(&p->style.title, value);
    return true;
}

static void show_format(const struct printing *p, FILE *out)
{
    fprintf(out, "Output format is %s.\n", table_format_name(p->style.format));
}

static void show_border(const struct printing *p, FILE *out)
{
    fprintf(out, "Border style is %d.\n",
            p->style.frame == TABLE_FRAME_NONE   ? 0
            : p->style.frame == TABLE_FRAME_FULL ? 2
                                                 : 1);
}

static void show_expanded(const struct printing *p, FILE *out)
{
    fprintf(out,
            p->expanded == TOGGLE_AUTO ? "Expanded display is used automatically.\n"
                                       : "Expanded display is %s.\n",
            on_off(p->expanded == TOGGLE_ON));
}

static void show_pager(const struct printing *p, FILE *out)
{
    fprintf(out, "%s.\n",
            p->pager == TOGGLE_OFF  ? "Pager usage is off"
            : p->pager == TOGGLE_ON ? "Pager is used for long output"
                                    : "Pager is always used");
}

static void show_footer(const struct printing *p, FILE *out)
{
    fprintf(out, "Default footer is %s.\n", on_off(!p->style.uncounted));
}

static void show_tuples_only(const struct printing *p, FILE *out)
{
    fprintf(out, "Tuples only is %s.\n", on_off(p->style.bare));
}

static void show_null(const struct printing *p, FILE *out)
{
    fprintf(out, "Null display is \"%s\".\n", p->style.null != NULL ? p->style.null : "");
}

static void show_separator(const struct printing *p, FILE *out)
{
    fprintf(out, "Field separator is \"%s\".\n",
            p->style.separator != NULL ? p->style.separator : "|");
}

static void show_title(const struct printing *p, FILE *out)
{
    if (p->style.title != NULL)
        fprintf(out, "Title is \"%s\".\n", p->style.title);
    else
        fprintf(out, "Title is unset.\n");
}

static const struct option {
    const char *name, *values;
    bool (*set)(struct printing *p, const char *value); /* NULL: the other value, or no change */
    void (*show)(const struct printing *p, FILE *out);
} options[] = {
    {"border", "0, 1, 2", set_border, show_border},
    {"expanded", "on, off, auto", set_expanded, show_expanded},
    {"fieldsep", NULL, set_separator, show_separator},
    {"footer", "on, off", set_footer, show_footer},
    {"format", "table (aligned), unaligned, csv, tsv, json, ndjson, markdown, html, vertical",
     set_format, show_format},
    {"null", NULL, set_null, show_null},
    {"pager", "on, off, always", set_pager, show_pager},
    {"title", NULL, set_title, show_title},
    {"tuples_only", "on, off", set_tuples_only, show_tuples_only},
};

static bool apply(struct shell *s, const char *name, const char *value)
{
    if (strcmp(name, "x") == 0)
        name = "expanded";
    if (strcmp(name, "t") == 0)
        name = "tuples_only";
    for (size_t i = 0; i < ARRAY_LEN(options); i++) {
        if (strcmp(options[i].name, name) != 0)
            continue;
        if (!options[i].set(&s->print, value))
            return shell_failed(s, "\\pset: allowed for %s are %s", name, options[i].values);
        if (s->interactive)
            options[i].show(&s->print, s->out);
        return true;
    }
    return shell_failed(s, "\\pset: unknown option: %s", name);
}

/* ---- the commands ------------------------------------------------------------------------------
 */

bool do_pset(struct shell *s, const char *name, const char **args)
{
    char *option = word_next(s, args), *value = word_next(s, args);
    bool  go_on = true;

    (void)name;
    if (option == NULL) {
        for (size_t i = 0; i < ARRAY_LEN(options); i++)
            options[i].show(&s->print, s->out);
    } else {
        go_on = apply(s, option, value);
    }
    free(option);
    free(value);
    return go_on;
}

static bool short_form(struct shell *s, const char *option, const char **args)
{
    char *value = word_next(s, args);
    bool  go_on = apply(s, option, value);

    free(value);
    return go_on;
}

bool do_aligned(struct shell *s, const char *name, const char **args)
{
    (void)name, (void)args;
    return apply(s, "format", s->print.style.format == TABLE_FORMAT_TABLE ? "unaligned" : "table");
}

bool do_html(struct shell *s, const char *name, const char **args)
{
    (void)name, (void)args;
    return apply(s, "format", s->print.style.format == TABLE_FORMAT_HTML ? "table" : "html");
}

bool do_tuples_only(struct shell *s, const char *name, const char **args)
{
    (void)name;
    return short_form(s, "tuples_only", args);
}

bool do_separator(struct shell *s, const char *name, const char **args)
{
    (void)name;
    return short_form(s, "fieldsep", args);
}

bool do_expanded(struct shell *s, const char *name, const char **args)
{
    (void)name;
    return short_form(s, "expanded", args);
}

bool do_format(struct shell *s, const char *name, const char **args)
{
    (void)name;
    return short_form(s, "format", args);
}

bool do_title(struct shell *s, const char *name, const char **args)
{
    (void)name;
    return short_form(s, "title", args);
}
