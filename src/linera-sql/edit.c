/* The statement being typed: edited, shown, saved, forgotten. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/cli.h"
#include "shell.h"

static struct buf *text_at_hand(struct shell *s)
{
    return shell_pending(s) ? &s->buffer : &s->previous;
}

static bool run_editor(struct shell *s, const char *path)
{
    const char *names[] = {"LINERA_EDITOR", "PSQL_EDITOR", "EDITOR", "VISUAL"};
    const char *editor = NULL;
    struct buf  command;
    int         code;

    for (size_t i = 0; i < ARRAY_LEN(names) && editor == NULL; i++)
        editor = getenv(names[i]);
    buf_init(&command, NULL);
    buf_printf(&command, "exec %s '%s'", editor != NULL ? editor : "vi", path);
    fflush(s->out);
    code = system(buf_cstr(&command));
    buf_deinit(&command);
    if (code != 0)
        shell_error(s, "\\e: the editor \"%s\" failed", editor != NULL ? editor : "vi");
    return code == 0;
}

static bool write_text(const char *path, const struct buf *text)
{
    FILE *f = fopen(path, "w");
    bool  good =
        f != NULL && fwrite(text->data != NULL ? text->data : "", 1, text->size, f) == text->size;

    if (f != NULL)
        good = fclose(f) == 0 && good;
    return good;
}

/* What came out of the editor takes the place of what was typed; statements that are complete run,
 * as if they had been typed. */
static bool read_back(struct shell *s, const char *path)
{
    FILE   *f = fopen(path, "r");
    char   *line = NULL;
    size_t  capacity = 0;
    ssize_t n;
    bool    go_on = true;

    if (f == NULL)
        return shell_failed(s, "\\e: could not read \"%s\": %s", path, strerror(errno));
    shell_forget(s);
    while (go_on && !s->quit && (n = getline(&line, &capacity, f)) >= 0) {
        if (n > 0 && line[n - 1] == '\n')
            line[n - 1] = '\0';
        if (s->interactive)
            fprintf(s->out, "%s\n", line);
        go_on = shell_line(s, line);
    }
    free(line);
    fclose(f);
    return go_on;
}

bool do_edit(struct shell *s, const char *name, const char **args)
{
    char       *own = word_next(s, args);
    const char *directory = getenv("TMPDIR");
    struct buf  path;
    bool        go_on = true;
    int         fd = -1;

    (void)name;
    buf_init(&path, NULL);
    if (own != NULL) {
        buf_append_cstr(&path, own);
    } else {
        buf_printf(&path, "%s/linera-sql.XXXXXX", directory != NULL ? directory : "/tmp");
        buf_cstr(&path); /* mkstemp writes into it, and needs the zero byte */
        fd = mkstemp(path.data);
        if (fd >= 0)
            close(fd);
    }
    if (own == NULL && (fd < 0 || !write_text(buf_cstr(&path), text_at_hand(s))))
        go_on =
            shell_failed(s, "\\e: could not write \"%s\": %s", buf_cstr(&path), strerror(errno));
    else if (run_editor(s, buf_cstr(&path)))
        go_on = read_back(s, buf_cstr(&path));
    if (own == NULL)
        unlink(buf_cstr(&path));
    buf_deinit(&path);
    free(own);
    return go_on;
}

bool do_print_buffer(struct shell *s, const char *name, const char **args)
{
    const char *text = buf_cstr(text_at_hand(s));
    size_t      n = strlen(text);

    (void)name, (void)args;
    if (n == 0)
        fprintf(s->out, "The statement is empty.\n");
    else
        fprintf(s->out, "%s%s", text, text[n - 1] == '\n' ? "" : "\n");
    return true;
}

bool do_write_buffer(struct shell *s, const char *name, const char **args)
{
    char *target = word_next(s, args);
    bool  go_on = true, pipe;
    FILE *f;

    (void)name;
    if (target == NULL)
        return shell_failed(s, "\\w: which file?");
    f = target_open(s, target, &pipe);
    if (f == NULL) {
        go_on = !s->stop_on_error;
    } else {
        fprintf(f, "%s\n", buf_cstr(text_at_hand(s)));
        target_close(f, pipe);
    }
    free(target);
    return go_on;
}

bool do_reset(struct shell *s, const char *name, const char **args)
{
    (void)name, (void)args;
    shell_forget(s);
    go_reset(s);
    if (s->interactive)
        fprintf(s->out, "The statement was forgotten.\n");
    return true;
}
