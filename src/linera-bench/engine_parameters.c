#include <string.h>
#include <unistd.h>

#include "bench.h"
#include "engine.h"

static const char *const names[] = {"fillseq",     "fillrandom", "overwrite", "readrandom",
                                    "readmissing", "seekrandom", "scan",      "mixed"};

const char *engine_work_name(enum engine_work work)
{
    return names[work];
}

/* What the parser fills beside the options. */
struct engine_words {
    struct cli_list workloads;
    const char     *distribution, *format;
    bool            no_header;
};

static bool take_workloads(struct engine_bench_options *o, const struct cli_list *list)
{
    if (list->count == 0 || list->count > ENGINE_RUNS_MAX) {
        cli_usage_error(PROGRAM, "say from 1 to %d times --workload, one of %s", ENGINE_RUNS_MAX,
                        ENGINE_WORKLOADS);
        return false;
    }
    for (size_t i = 0; i < list->count; i++) {
        size_t at = 0;

        while (at < ARRAY_LEN(names) && strcmp(names[at], list->items[i]) != 0)
            at++;
        if (at == ARRAY_LEN(names)) {
            cli_usage_error(PROGRAM, "--workload is one of %s, not \"%s\"", ENGINE_WORKLOADS,
                            list->items[i]);
            return false;
        }
        o->works[o->work_count++] = (enum engine_work)at;
    }
    return true;
}

static bool in_range(const char *option, uint64_t value, uint64_t least, uint64_t most)
{
    if (value >= least && value <= most)
        return true;
    cli_usage_error(PROGRAM, "--%s must be from %llu to %llu", option, (unsigned long long)least,
                    (unsigned long long)most);
    return false;
}

/* A size of what an engine in memory does not have would have no effect, and its numbers lie. */
static bool is_size(const struct engine_bench_options *o, const char *option, uint64_t value)
{
    if (value == 0)
        return true;
    if (o->path != NULL)
        return in_range(option, value, 64 << 10, UINT64_C(1) << 40);
    cli_usage_error(PROGRAM, "--%s needs a store on disk: give --path DIR", option);
    return false;
}

static bool accept(const struct engine_bench_options *o)
{
    if (o->key != NULL && o->path == NULL) {
        cli_usage_error(PROGRAM, "--store-key needs a store on disk: give --path DIR");
        return false;
    }
    return is_size(o, "cache", o->cache_size) && is_size(o, "memtable-size", o->memtable_size) &&
           in_range("rows", o->rows, 1, UINT64_C(1) << 40) &&
           in_range("value-size", o->value_size, 1, ENGINE_VALUE_SIZE_MAX) &&
           in_range("batch", o->batch, 1, 100000) &&
           in_range("fibers", o->fibers, 1, ENGINE_FIBERS_MAX) &&
           in_range("reads", o->reads, 0, 100) &&
           in_range("scan-length", o->scan_length, 1, 1000000) &&
           in_range("duration", o->duration_us, 1, UINT64_C(1) << 60);
}

static bool take(struct engine_bench_options *o, const struct engine_words *w)
{
    o->zipf = w->distribution != NULL && strcmp(w->distribution, "zipf") == 0;
    o->format = isatty(STDOUT_FILENO) ? TABLE_FORMAT_TABLE : TABLE_FORMAT_TSV;
    if (w->format != NULL)
        table_format_parse(w->format, &o->format);
    o->header = !w->no_header && (w->format != NULL || isatty(STDOUT_FILENO));
    if (o->path != NULL && strcmp(o->path, "mem:") == 0)
        o->path = NULL;
    return accept(o) && take_workloads(o, &w->workloads);
}

bool engine_parameters_parse(int argc, char **argv, struct engine_bench_options *o, int *exit)
{
    struct engine_words     w = {0};
    const struct cli_option table[] = {
        {"path", 0, CLI_TEXT, "DIR",
         "a store of this program's, made if need be; default mem:", NULL, &o->path},
        {"workload", 0, CLI_LIST, "NAME",
         "fillseq, fillrandom, overwrite, readrandom, readmissing, seekrandom, scan or mixed; may "
         "be given several times, and run in turn",
         NULL, &w.workloads},
        {"rows", 0, CLI_NUMBER, "N", "of the store; default 1000000", NULL, &o->rows},
        {"value-size", 0, CLI_SIZE, "SIZE", "of each value; default 100; keys have 16", NULL,
         &o->value_size},
        {"batch", 0, CLI_NUMBER, "N", "puts in a commit; default 1", NULL, &o->batch},
        {"fibers", 0, CLI_NUMBER, "N", "at work at a time; default 1", NULL, &o->fibers},
        {"sync", 0, CLI_FLAG, NULL, "every commit is durable when it is done", NULL, &o->sync},
        {"duration", 'd', CLI_DURATION, "TIME", "of each workload but fills; default 10s", NULL,
         &o->duration_us},
        {"operations", 'n', CLI_NUMBER, "N", "end such a workload after so many, or by time", NULL,
         &o->operations},
        {"reads", 0, CLI_NUMBER, "PERCENT", "mixed: the others write; default 50", NULL, &o->reads},
        {"scan-length", 0, CLI_NUMBER, "N",
         "seekrandom: entries a seek; scan: an operation; default 50", NULL, &o->scan_length},
        {"distribution", 0, CLI_CHOICE, "KIND", "of keys read and overwritten; default uniform",
         "uniform|zipf", &w.distribution},
        {"seed", 0, CLI_NUMBER, "S", "of all random choices; default 1", NULL, &o->seed},
        {"cache", 0, CLI_SIZE, "SIZE", "memory for blocks of tables; default 128MiB", NULL,
         &o->cache_size},
        {"memtable-size", 0, CLI_SIZE, "SIZE",
         "gathered in memory before it goes to a table; default 32MiB", NULL, &o->memtable_size},
        {"store-key", 0, CLI_TEXT, "FILE", "encrypt the store with this key; '|COMMAND' prints it",
         NULL, &o->key},
        {"format", 'F', CLI_CHOICE, "FORMAT", "of the summary; default table, in a pipe tsv",
         TABLE_FORMATS, &w.format},
        {"no-header", 0, CLI_FLAG, NULL, "leave the names of columns out", NULL, &w.no_header},
        {"progress", 'p', CLI_FLAG, NULL, "a line a second on stderr even if it is no terminal",
         NULL, &o->progress},
        {0},
    };
    const struct cli cli = {PROGRAM, "engine --workload NAME [options]",
                            "The storage engine measured in this process.", table, 0};
    const char     **positional;
    size_t           count;

    *o = (struct engine_bench_options){.rows = 1000000,
                                       .value_size = 100,
                                       .batch = 1,
                                       .fibers = 1,
                                       .seed = 1,
                                       .reads = 50,
                                       .scan_length = 50,
                                       .duration_us = 10000000};
    if (!cli_parse(&cli, argc, argv, &positional, &count, exit))
        return false;
    *exit = CLI_USAGE;
    if (!take(o, &w))
        return false;
    o->progress |= isatty(STDERR_FILENO) != 0;
    return true;
}
