/* Results, printed by client/table.h, and the pager for those that are longer than the terminal. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "shell.h"

static const char *column_name(const void *source, int column)
{
    return PQfname(source, column);
}

static const char *cell(const void *source, int row, int column)
{
    return PQgetisnull(source, row, column) ? NULL : PQgetvalue(source, row, column);
}

static enum table_kind column_kind(const void *source, int column)
{
    switch (PQftype(source, column)) { /* by pg_type's oids */
    case 16:
        return TABLE_BOOLEAN;
    case 20:
    case 21:
    case 23:
    case 26:
    case 28:
    case 700:
    case 701:
    case 1700:
        return TABLE_NUMBER;
    default:
        return TABLE_TEXT;
    }
}

/* ---- the terminal ------------------------------------------------------------------------------
 */

static struct winsize terminal_size(void)
{
    struct winsize w;

    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) != 0 || w.ws_row == 0)
        w = (struct winsize){.ws_row = 24, .ws_col = 80};
    return w;
}

static bool may_page(const struct shell *s)
{
    return s->print.pager != TOGGLE_OFF && s->interactive && s->out == stdout &&
           s->go.target == NULL;
}

/* The program that pages; LESS as git sets it, so that what fits is simply shown. */
static FILE *pager_open(void)
{
    const char *names[] = {"LINERA_PAGER", "PSQL_PAGER", "PAGER"};
    const char *program = NULL;

    for (size_t i = 0; i < ARRAY_LEN(names) && program == NULL; i++)
        program = getenv(names[i]);
    if (program == NULL)
        program = "less";
    if (program[strspn(program, " \t")] == '\0')
        return NULL;
    setenv("LESS", "FRSX", 0);
    return popen(program, "w");
}

void page_text(struct shell *s, const char *text, size_t size)
{
    int   lines = 0, rows = terminal_size().ws_row;
    FILE *pager = NULL;

    for (size_t i = 0; i < size; i++)
        lines += text[i] == '\n';
    if (may_page(s) && (lines >= rows || s->print.pager == TOGGLE_AUTO)) {
        fflush(stdout);
        pager = pager_open();
    }
    if (pager == NULL) {
        fwrite(text, 1, size, s->out);
        return;
    }
    signal(SIGPIPE, SIG_IGN); /* a pager that is left early is no error */
    fwrite(text, 1, size, pager);
    pclose(pager);
    signal(SIGPIPE, SIG_DFL);
}

void print_result(struct shell *s, const PGresult *r)
{
    const struct table t = {
        .source = r,
        .columns = PQnfields(r),
        .rows = PQntuples(r),
        .name = column_name,
        .cell = cell,
        .kind = column_kind,
    };
    struct table_style style = s->print.style;
    char              *text = NULL;
    size_t             size = 0;
    FILE              *memory = may_page(s) ? open_memstream(&text, &size) : NULL;

    style.expanded = s->go.expanded || s->print.expanded == TOGGLE_ON ||
                     (s->print.expanded == TOGGLE_AUTO && style.format == TABLE_FORMAT_TABLE &&
                      table_width(&t, &style) > terminal_size().ws_col);
    style.out = memory != NULL ? memory : s->out;
    table_print(&t, &style);
    if (memory == NULL)
        return;
    fclose(memory);
    page_text(s, text, size);
    free(text);
}
