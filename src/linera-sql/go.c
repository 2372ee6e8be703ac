/* Commands that run the statement typed so far, or the last one again. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "client/cli.h"
#include "shell.h"

bool do_go(struct shell *s, const char *name, const char **args)
{
    if (strcmp(name, "gset") == 0) {
        s->go.what = GO_SET;
        s->go.prefix = word_next(s, args);
        return shell_go(s);
    }
    if (strcmp(name, "gexec") == 0)
        s->go.what = GO_EXEC;
    else if (strcmp(name, "gdesc") == 0)
        s->go.what = GO_DESCRIBE;
    else {
        s->go.expanded = strcmp(name, "gx") == 0;
        while (**args == ' ')
            ++*args;
        s->go.target = **args == '|' ? word_rest(args) : word_next(s, args);
    }
    return shell_go(s);
}

/* The values of $1 ... for the next run. */
bool do_bind(struct shell *s, const char *name, const char **args)
{
    char *word;

    (void)name;
    go_reset(s);
    s->go.bound = true;
    while ((word = word_next(s, args)) != NULL) {
        char **values =
            realloc(s->go.values, ((size_t)s->go.value_count + 1) * sizeof *s->go.values);

        if (values == NULL)
            abort();
        s->go.values = values;
        s->go.values[s->go.value_count++] = word;
    }
    return true;
}

bool do_explain(struct shell *s, const char *name, const char **args)
{
    struct buf sql;
    bool       go_on;

    (void)name, (void)args;
    if (shell_pending(s)) {
        buf_reset(&s->previous);
        buf_append(&s->previous, s->buffer.data, s->buffer.size);
        shell_forget(s);
    }
    buf_init(&sql, NULL);
    buf_printf(&sql, "EXPLAIN ANALYZE %s", buf_cstr(&s->previous));
    go_on = shell_run(s, buf_cstr(&sql));
    buf_deinit(&sql);
    go_reset(s);
    return go_on;
}

/* "2", "i=2", "c=5": seconds between runs, how many runs. False: said what is wrong. */
static bool watch_options(struct shell *s, const char **args, double *seconds, long *runs)
{
    char *word;
    bool  good = true;

    while (good && (word = word_next(s, args)) != NULL) {
        char *end = word, *number = word;

        if (strncmp(word, "c=", 2) == 0 || strncmp(word, "count=", 6) == 0) {
            number = strchr(word, '=') + 1;
            *runs = strtol(number, &end, 10);
            good = end != number && *end == '\0' && *runs > 0;
        } else {
            if (strncmp(word, "i=", 2) == 0 || strncmp(word, "interval=", 9) == 0)
                number = strchr(word, '=') + 1;
            *seconds = strtod(number, &end);
            good = end != number && *end == '\0' && *seconds >= 0 && *seconds < 86400;
        }
        if (!good)
            shell_error(s, "\\watch takes a number of seconds, i=SECONDS and c=RUNS, not \"%s\"",
                        word);
        free(word);
    }
    return good;
}

/* False: interrupted. */
static bool wait_seconds(double seconds)
{
    struct timespec t = {.tv_sec = (time_t)seconds,
                         .tv_nsec = (long)((seconds - (double)(time_t)seconds) * 1e9)};

    return nanosleep(&t, NULL) == 0;
}

bool do_watch(struct shell *s, const char *name, const char **args)
{
    double      seconds = 2;
    long        runs = -1;
    bool        go_on = true;
    enum toggle pager = s->print.pager;
    const char *title = s->print.style.title;
    struct buf  line;

    (void)name;
    if (!watch_options(s, args, &seconds, &runs))
        return !s->stop_on_error;
    s->print.pager = TOGGLE_OFF;
    buf_init(&line, NULL);
    while (go_on && !s->quit && runs != 0) {
        time_t    now = time(NULL);
        struct tm tm;
        char      text[64];

        strftime(text, sizeof text, "%a %b %e %H:%M:%S %Y", localtime_r(&now, &tm));
        buf_reset(&line);
        buf_printf(&line, "%s%s%s (every %gs)", title != NULL ? title : "",
                   title != NULL ? "\t" : "", text, seconds);
        s->print.style.title = buf_cstr(&line);
        go_on = shell_go(s);
        if (strcmp(variable_get(s, "ERROR") != NULL ? variable_get(s, "ERROR") : "", "true") == 0)
            break;
        runs -= runs > 0;
        if (go_on && runs != 0 && !wait_seconds(seconds))
            break;
    }
    s->print.style.title = title;
    s->print.pager = pager;
    buf_deinit(&line);
    return go_on;
}
