#include "parameters.h"

#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "assertion.h"

enum { CLIENTS_DEFAULT = 8, CLIENTS_MAX = 20000 };

/* What the parser fills beside struct options. */
struct words {
    const char *protocol, *isolation, *on_error, *format;
    bool        no_header;
};

/* A usage error has been printed. */
static bool refused(int exit)
{
    (void)exit;
    return false;
}

/* ---- options of one workload ---- */

struct owned_number {
    const char *option, *workload;
    uint64_t   *value;
    uint64_t    in_init, in_run; /* when not given; NOT_GIVEN: the tables know */
};

static bool own_numbers(struct parsed *p)
{
    struct options           *o = &p->options;
    const struct owned_number numbers[] = {
        {"keys", "kv", &o->keys, 100000, NOT_GIVEN},
        {"value-size", "kv", &o->value_size, 100, 100},
        {"reads", "kv", &o->reads, 95, 95},
        {"accounts", "bank", &o->accounts, 1000, NOT_GIVEN},
        {"audits", "bank", &o->audits, 5, 5},
        {"scale", "tpcb", &o->scale, 1, NOT_GIVEN},
    };

    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
        const struct owned_number *n = &numbers[i];
        bool                       own = strcmp(n->workload, p->workload->name) == 0;

        if (*n->value != NOT_GIVEN && !own) {
            cli_usage_error(PROGRAM, "--%s belongs to the workload %s", n->option, n->workload);
            return false;
        }
        if (*n->value == NOT_GIVEN && own)
            *n->value = p->run ? n->in_run : n->in_init;
    }
    return true;
}

static bool own_words(struct parsed *p)
{
    struct options *o = &p->options;
    bool            kv = p->workload == &workload_kv, bank = p->workload == &workload_bank;

    if (o->distribution != NULL && !kv)
        return refused(cli_usage_error(PROGRAM, "--distribution belongs to the workload kv"));
    if (o->locking != NULL && !bank)
        return refused(cli_usage_error(PROGRAM, "--locking belongs to the workload bank"));
    if (o->step_by_step && p->workload != &workload_tpcb)
        return refused(cli_usage_error(PROGRAM, "--step-by-step belongs to the workload tpcb"));
    if (kv && o->distribution == NULL)
        o->distribution = "uniform";
    if (bank && o->locking == NULL)
        o->locking = "for-update";
    /* Without locks only this level keeps two transfers apart. */
    if (bank && strcmp(o->locking, "none") == 0 && o->isolation == NULL)
        o->isolation = "serializable";
    return true;
}

/* ---- all options ---- */

static void take_words(struct options *o, const struct words *w)
{
    o->protocol = w->protocol == NULL                    ? PROTOCOL_PREPARED
                  : strcmp(w->protocol, "simple") == 0   ? PROTOCOL_SIMPLE
                  : strcmp(w->protocol, "extended") == 0 ? PROTOCOL_EXTENDED
                                                         : PROTOCOL_PREPARED;
    if (w->isolation != NULL)
        o->isolation = strcmp(w->isolation, "repeatable-read") == 0  ? "repeatable read"
                       : strcmp(w->isolation, "read-committed") == 0 ? "read committed"
                                                                     : "serializable";
    o->stop_on_error = w->on_error == NULL || strcmp(w->on_error, "stop") == 0;
    o->format = isatty(STDOUT_FILENO) ? TABLE_FORMAT_TABLE : TABLE_FORMAT_TSV;
    if (w->format != NULL)
        table_format_parse(w->format, &o->format);
    o->header = !w->no_header && (w->format != NULL || isatty(STDOUT_FILENO));
}

static bool accept(const struct parsed *p)
{
    const struct options *o = &p->options;

    if (o->clients < 1 || o->clients > CLIENTS_MAX)
        return refused(cli_usage_error(PROGRAM, "--clients must be from 1 to %d", CLIENTS_MAX));
    if (o->duration_us == 0)
        return refused(cli_usage_error(PROGRAM, "--duration must be more than 0"));
    if (o->operations == 0)
        return refused(cli_usage_error(PROGRAM, "--operations must be at least 1"));
    if (o->rate > 1000000000)
        return refused(cli_usage_error(PROGRAM, "--rate must be at most a billion a second"));
    if (o->drop && p->run)
        return refused(cli_usage_error(PROGRAM, "--drop belongs to init"));
    return p->workload->accept(o);
}

static bool take_positional(struct parsed *p, const char **positional, size_t count)
{
    if (count < 2)
        return refused(cli_usage_error(PROGRAM, "say init or run, and a workload, or engine"));
    p->run = strcmp(positional[0], "run") == 0;
    if (!p->run && strcmp(positional[0], "init") != 0)
        return refused(cli_usage_error(PROGRAM, "the first word is init, run or engine, not \"%s\"",
                                       positional[0]));
    p->workload = workload_find(positional[1]);
    return p->workload != NULL;
}

static void set_defaults(struct parsed *p)
{
    *p = (struct parsed){.options = {
                             .clients = CLIENTS_DEFAULT,
                             .duration_us = 30000000,
                             .operations = NOT_GIVEN,
                             .seed = 1,
                             .keys = NOT_GIVEN,
                             .value_size = NOT_GIVEN,
                             .reads = NOT_GIVEN,
                             .accounts = NOT_GIVEN,
                             .audits = NOT_GIVEN,
                             .scale = NOT_GIVEN,
                         }};
}

bool parameters_parse(int argc, char **argv, struct parsed *p, int *exit)
{
    struct options         *o = &p->options;
    struct words            w = {0};
    const struct cli_option table[] = {
        {"url", 0, CLI_TEXT, "URL",
         "where to connect: postgresql://user@host:port/db; default LINERA_URL, then PG*", NULL,
         &o->url},
        {"clients", 'c', CLI_NUMBER, "N", "connections, each with one operation at a time; 8", NULL,
         &o->clients},
        {"duration", 'd', CLI_DURATION, "TIME", "how long to measure; default 30s", NULL,
         &o->duration_us},
        {"warmup", 'w', CLI_DURATION, "TIME", "how long to run before that; default 0", NULL,
         &o->warmup_us},
        {"operations", 'n', CLI_NUMBER, "N", "end after so many operations, or by time", NULL,
         &o->operations},
        {"rate", 'r', CLI_NUMBER, "R", "so many operations a second; latency from when each is due",
         NULL, &o->rate},
        {"seed", 0, CLI_NUMBER, "S", "of all random choices; default 1", NULL, &o->seed},
        {"protocol", 'P', CLI_CHOICE, "HOW", "default prepared", "simple|extended|prepared",
         &w.protocol},
        {"isolation", 0, CLI_CHOICE, "LEVEL", "of all transactions; default the server's",
         "serializable|repeatable-read|read-committed", &w.isolation},
        {"max-tries", 0, CLI_NUMBER, "N", "of an operation that meets conflicts; default no limit",
         NULL, &o->tries_max},
        {"on-error", 0, CLI_CHOICE, "WHAT",
         "other errors end the run, or are counted; default stop", "stop|continue", &w.on_error},
        {"format", 'F', CLI_CHOICE, "FORMAT", "of the summary; default table, in a pipe tsv",
         TABLE_FORMATS, &w.format},
        {"no-header", 0, CLI_FLAG, NULL, "leave the names of columns out", NULL, &w.no_header},
        {"progress", 'p', CLI_FLAG, NULL, "a line a second on stderr even if it is no terminal",
         NULL, &o->progress},
        {"hdr", 0, CLI_TEXT, "FILE", "write HdrHistogram's interval log", NULL, &o->hdr_path},
        {"compare", 0, CLI_TEXT, "FILE", "print ratios to a result saved with --format json", NULL,
         &o->compare_path},
        {"assert", 'a', CLI_LIST, "TEST",
         "exit 5 unless, say, p99<20ms; may be given several times", NULL, &o->assertions},
        {"drop", 0, CLI_FLAG, NULL, "init: drop the workload's tables first", NULL, &o->drop},
        {"keys", 0, CLI_NUMBER, "N", "kv: how many; init 100000, run all there are", NULL,
         &o->keys},
        {"value-size", 0, CLI_SIZE, "SIZE", "kv: of each value; default 100", NULL, &o->value_size},
        {"reads", 0, CLI_NUMBER, "PERCENT", "kv: the others write; default 95", NULL, &o->reads},
        {"distribution", 0, CLI_CHOICE, "KIND", "kv: of keys; default uniform",
         "uniform|zipf|latest", &o->distribution},
        {"accounts", 0, CLI_NUMBER, "N", "bank: init makes so many; default 1000", NULL,
         &o->accounts},
        {"audits", 0, CLI_NUMBER, "PERCENT", "bank: the others transfer; default 5", NULL,
         &o->audits},
        {"locking", 0, CLI_CHOICE, "HOW", "bank: how a transfer reads; default for-update",
         "for-update|none", &o->locking},
        {"scale", 's', CLI_NUMBER, "N", "tpcb: init makes N times 100000 accounts; default 1", NULL,
         &o->scale},
        {"step-by-step", 0, CLI_FLAG, NULL, "tpcb: a round trip a statement, as pgbench", NULL,
         &o->step_by_step},
        {0},
    };
    const struct cli cli = {PROGRAM, "init|run WORKLOAD [options], or engine [options]",
                            "Load for LineraDB and PostgreSQL; workloads: kv, bank, tpcb.", table,
                            2};
    const char     **positional;
    size_t           count;

    set_defaults(p);
    if (!cli_parse(&cli, argc, argv, &positional, &count, exit))
        return false;
    *exit = CLI_USAGE;
    if (!take_positional(p, positional, count))
        return false;
    take_words(o, &w);
    return own_numbers(p) && own_words(p) && accept(p);
}

/* ---- JSON ---- */

static void add_number(cJSON *to, const char *name, uint64_t value)
{
    if (value != NOT_GIVEN)
        cJSON_AddNumberToObject(to, name, (double)value);
}

static void add_text(cJSON *to, const char *name, const char *value)
{
    if (value != NULL)
        cJSON_AddStringToObject(to, name, value);
}

cJSON *parameters_json(const struct options *o, const struct workload *w)
{
    static const char *const protocols[] = {"simple", "extended", "prepared"};
    cJSON                   *out = cJSON_CreateObject();

    add_number(out, "clients", o->clients);
    cJSON_AddNumberToObject(out, "duration_s", (double)o->duration_us / 1e6);
    cJSON_AddNumberToObject(out, "warmup_s", (double)o->warmup_us / 1e6);
    add_number(out, "operations", o->operations);
    add_number(out, "rate_per_second", o->rate > 0 ? o->rate : NOT_GIVEN);
    add_number(out, "seed", o->seed);
    add_text(out, "protocol", protocols[o->protocol]);
    add_text(out, "isolation", o->isolation);
    add_number(out, "tries_max", o->tries_max > 0 ? o->tries_max : NOT_GIVEN);
    add_number(out, "keys", o->keys);
    add_number(out, "value_size_bytes", o->value_size);
    add_number(out, "reads_percent", o->reads);
    add_text(out, "distribution", o->distribution);
    add_number(out, "audits_percent", o->audits);
    add_text(out, "locking", o->locking);
    if (w == &workload_tpcb)
        cJSON_AddBoolToObject(out, "step_by_step", o->step_by_step);
    return out;
}
