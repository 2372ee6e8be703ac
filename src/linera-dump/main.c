/* linera-dump: what a store's files hold, and whether they are whole. Flags, output and exit codes:
 * programs.md; man/linera-dump.1.
 *
 * main.c has the verbs and the run; log.c, sst.c, manifest.c and store.c one kind of file each;
 * files.c finds and opens them, text.c writes and reads keys and times, rows.c prints. */
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dump.h"

enum { FAULTS_SHOWN = 100, CACHE_SIZE = 4 << 20 };

struct showing {
    const char *name;
    dump_fn    *fn;
};

static const struct verb {
    const char    *name;
    struct showing show[5]; /* the first is what the verb does by itself */
    dump_fn       *verify;
} verbs[] = {
    {"log",
     {{"records", dump_log_records},
      {"operations", dump_log_operations},
      {"segments", dump_log_segments}},
     dump_log_verify},
    {"sst",
     {{"entries", dump_sst_entries},
      {"blocks", dump_sst_blocks},
      {"clears", dump_sst_clears},
      {"properties", dump_sst_properties}},
     dump_sst_verify},
    {"manifest",
     {{"tables", dump_manifest_tables},
      {"edits", dump_manifest_edits},
      {"state", dump_manifest_state}},
     dump_manifest_verify},
    {"store", {{"files", dump_store_files}}, dump_store_verify},
};

static const char *const later[] = {"range", "sql", "schema", "csv", "ndjson", "restore"};

struct run {
    struct dump dump;
    dump_fn    *fn;
    status      failure;
};

/* ---- what is wrong ---------------------------------------------------------------------------
 */

void dump_fault(struct dump *d, slice least, slice greatest, status error)
{
    const char *hint = status_fields(error)->hint;

    if (d->faults++ >= FAULTS_SHOWN)
        return;
    fflush(stdout);
    fprintf(stderr, "%s: %s", PROGRAM, status_message(error));
    if (least.size > 0 || greatest.size > 0)
        fprintf(stderr, "; keys %s to %s", least.size > 0 ? dump_key(d->arena, least) : "the first",
                greatest.size > 0 ? dump_key(d->arena, greatest) : "the last");
    fprintf(stderr, "%s%s\n", hint != NULL ? "; " : "", hint != NULL ? hint : "");
    if (d->faults == FAULTS_SHOWN)
        fprintf(stderr, "%s: further faults are counted only\n", PROGRAM);
}

status dump_judge(struct dump *d, status st)
{
    if (status_code(st) != ST_CORRUPT)
        return st;
    dump_fault(d, SLICE_EMPTY, SLICE_EMPTY, st);
    st_clear(st);
    return STATUS_OK;
}

/* ---- bounds ----------------------------------------------------------------------------------
 */

bool dump_has_bounds(const struct dump *d)
{
    const struct dump_options *o = &d->options;

    return o->start.size > 0 || o->end.size > 0 || o->since > 0 || o->until > 0;
}

bool dump_wants_key(const struct dump *d, slice key)
{
    const struct dump_options *o = &d->options;

    return slice_cmp(key, o->start) >= 0 && (o->end.size == 0 || slice_cmp(key, o->end) < 0);
}

bool dump_wants_span(const struct dump *d, slice start, slice end)
{
    const struct dump_options *o = &d->options;

    return (end.size == 0 || slice_cmp(o->start, end) < 0) &&
           (o->end.size == 0 || slice_cmp(start, o->end) < 0);
}

bool dump_wants_time(const struct dump *d, bool has_ts, hlc_ts ts)
{
    const struct dump_options *o = &d->options;

    if (o->since == 0 && o->until == 0)
        return true;
    return has_ts && ts >= o->since && (o->until == 0 || ts < o->until);
}

/* ---- the command line ------------------------------------------------------------------------
 */

struct texts {
    const char *show, *keys, *since, *until, *format;
    bool        no_header;
};

static const struct verb *find_verb(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(verbs); i++)
        if (strcmp(verbs[i].name, name) == 0)
            return &verbs[i];
    return NULL;
}

static bool is_later(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(later); i++)
        if (strcmp(later[i], name) == 0)
            return true;
    return false;
}

/* The function of the verb, --show and --verify; NULL: a line has been printed. */
static dump_fn *choose(const struct verb *v, const char *show, bool verify)
{
    if (verify && show != NULL) {
        cli_usage_error(PROGRAM, "--show and --verify exclude each other");
        return NULL;
    }
    if (verify)
        return v->verify;
    for (size_t i = 0; i < ARRAY_LEN(v->show) && v->show[i].name != NULL; i++)
        if (show == NULL || strcmp(v->show[i].name, show) == 0)
            return v->show[i].fn;
    cli_usage_error(PROGRAM, "%s has no \"%s\" to show", v->name, show);
    return NULL;
}

static bool parse_bounds(struct dump *d, const struct texts *t)
{
    struct dump_options *o = &d->options;
    status               st = STATUS_OK;

    if (t->keys != NULL)
        TRY(st, dump_parse_keys(d->arena, t->keys, &o->start, &o->end), fail);
    if (t->since != NULL)
        TRY(st, dump_parse_time(t->since, &o->since), fail);
    if (t->until != NULL)
        TRY(st, dump_parse_time(t->until, &o->until), fail);
    return true;

fail:
    cli_usage_error(PROGRAM, "%s%s%s", status_message(st),
                    status_fields(st)->hint != NULL ? ": " : "",
                    status_fields(st)->hint != NULL ? status_fields(st)->hint : "");
    st_clear(st);
    return false;
}

static void choose_format(struct dump_options *o, const struct texts *t)
{
    o->format = isatty(STDOUT_FILENO) ? TABLE_FORMAT_TABLE : TABLE_FORMAT_TSV;
    if (t->format != NULL)
        table_format_parse(t->format, &o->format);
    o->header = !t->no_header && (t->format != NULL || isatty(STDOUT_FILENO));
}

/* What is to be done with what; false: *code is how the program ends. */
static bool take_words(struct run *run, const struct texts *t, const char **words, size_t count,
                       int *code)
{
    const struct verb *v = count > 0 ? find_verb(words[0]) : NULL;

    *code = CLI_USAGE;
    if (count > 0 && is_later(words[0])) {
        *code = CLI_FAILED;
        fprintf(stderr, "%s: \"%s\" is not there yet; see docs/limits.md\n", PROGRAM, words[0]);
    } else if (v == NULL) {
        cli_usage_error(PROGRAM, count > 0 ? "there is no \"%s\"" : "%ssay what to look at",
                        count > 0 ? words[0] : "");
    } else if (count < 2) {
        cli_usage_error(PROGRAM, "%s of which file or directory?", v->name);
    } else if ((run->fn = choose(v, t->show, run->dump.options.verify)) != NULL &&
               parse_bounds(&run->dump, t)) {
        run->dump.options.path = words[1];
        choose_format(&run->dump.options, t);
        return true;
    }
    return false;
}

static bool parse(int argc, char **argv, struct run *run, int *code)
{
    struct dump_options    *o = &run->dump.options;
    struct texts            t = {0};
    const struct cli_option options[] = {
        {"show", 's', CLI_TEXT, "WHAT",
         "log: records, operations, segments; sst: entries, blocks, clears, properties; manifest: "
         "tables, edits, state; store: files; the first is the default",
         NULL, &t.show},
        {"verify", 0, CLI_FLAG, NULL, "check everything; exit 5 when something is wrong", NULL,
         &o->verify},
        {"keys", 'k', CLI_TEXT, "A..B", "only keys from A to below B; A alone: what begins with it",
         NULL, &t.keys},
        {"since", 0, CLI_TEXT, "TIME", "only versions from this time on", NULL, &t.since},
        {"until", 0, CLI_TEXT, "TIME", "only versions before this time", NULL, &t.until},
        {"store-key", 0, CLI_TEXT, "FILE", "key of an encrypted store; '|COMMAND' prints it", NULL,
         &o->key},
        {"values", 0, CLI_FLAG, NULL, "print values too, in hexadecimal", NULL, &o->values},
        {"format", 'F', CLI_CHOICE, "FORMAT", "how to print; default table, in a pipe tsv",
         TABLE_FORMATS, &t.format},
        {"no-header", 0, CLI_FLAG, NULL, "leave the names of columns out", NULL, &t.no_header},
        {0},
    };
    const struct cli cli = {PROGRAM, "log|sst|manifest|store PATH [options]",
                            "What a store's files hold, and whether they are whole.", options, 2};
    const char     **words;
    size_t           count;

    return cli_parse(&cli, argc, argv, &words, &count, code) &&
           take_words(run, &t, words, count, code);
}

/* ---- the run ---------------------------------------------------------------------------------
 */

static void run_fiber(struct env *env, void *arg)
{
    struct run  *run = arg;
    struct dump *d = &run->dump;

    d->codec = block_codec_new(env_heap(env));
    d->cache = cache_new(env_heap(env), CACHE_SIZE);
    run->failure = dump_open_keys(d);
    if (st_ok(run->failure))
        run->failure = run->fn(d);
    keyring_free(d->keyring);
    cache_free(d->cache);
    block_codec_free(d->codec);
    env_stop(env);
}

/* Damage that was met on the way is a failure, and what a verification is for is a violation. */
static int conclude(struct run *run)
{
    struct dump *d = &run->dump;

    if (st_ok(run->failure) || d->rows.count > 0)
        rows_end(&d->rows);
    if (!st_ok(run->failure)) {
        fflush(stdout);
        return cli_fail(PROGRAM, run->failure);
    }
    if (d->faults == 0)
        return CLI_DONE;
    return d->options.verify ? CLI_VIOLATION : CLI_FAILED;
}

int main(int argc, char **argv)
{
    struct run run = {.dump = {.arena = arena_new(NULL, NULL)}};
    int        code;

    cli_start();
    setlocale(LC_CTYPE, "");
    if (!parse(argc, argv, &run, &code)) {
        arena_free(run.dump.arena);
        return code;
    }
    rows_init(&run.dump.rows, NULL, run.dump.options.format, run.dump.options.header);
    run.failure = env_new(&(struct env_options){.name = "dump"}, &run.dump.env);
    if (st_ok(run.failure))
        run.failure = env_spawn(run.dump.env, "dump", run_fiber, &run, NULL);
    if (st_ok(run.failure))
        env_run(run.dump.env);
    code = conclude(&run); /* what has failed lies in the worker's heap */
    rows_deinit(&run.dump.rows);
    env_free(run.dump.env);
    arena_free(run.dump.arena);
    return cli_finish(PROGRAM, code);
}
