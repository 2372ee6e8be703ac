/* linera-bench: load and its measurement. Flags, output and exit codes: man/linera-bench.1.
 *
 * "linera-bench engine" stands apart, in engine*.c: it has no server. The rest:
 * main.c puts a run together; workload_*.c say what is done, session.c and client.c do it on one
 * connection, runner.c on all of them, result.c and report.c tell what came of it. */
#include <errno.h>
#include <locale.h>
#include <stdarg.h>
#include <string.h>

#include "assertion.h"
#include "client/connect.h"
#include "compare.h"
#include "engine.h"
#include "load.h"
#include "parameters.h"
#include "report.h"
#include "runner.h"

enum { VIOLATIONS_SHOWN = 5 };

void bench_violation(struct bench *b, const char *fmt, ...)
{
    va_list args;

    b->violations++;
    if (b->violations_shown++ >= VIOLATIONS_SHOWN)
        return;
    fprintf(stderr, "%s: violated: ", PROGRAM);
    va_start(args, fmt);
    vfprintf(stderr, fmt, args);
    va_end(args);
    fputc('\n', stderr);
}

/* What a run needs beside the runner. */
struct run {
    struct bench      bench;
    struct runner     runner;
    PGconn           *conn; /* for what comes before and behind the run */
    FILE             *hdr;
    cJSON            *earlier;
    struct assertion *assertions;
    size_t            assertion_count;
    struct result     result;
};

static bool parse_assertions(struct run *run)
{
    const struct cli_list *list = &run->bench.options->assertions;

    run->assertions = heap_must_alloc(NULL, list->count + 1, sizeof *run->assertions);
    for (; run->assertion_count < list->count; run->assertion_count++) {
        if (!assertion_parse(run->bench.workload, list->items[run->assertion_count],
                             &run->assertions[run->assertion_count]))
            return false;
    }
    return true;
}

/* Everything that can be wrong is found before the load begins. */
static status prepare(struct run *run)
{
    const struct options *o = run->bench.options;
    PGresult             *version;
    char                 *on;
    status                st;

    if (o->compare_path != NULL)
        TRY_RETURN(compare_load(&run->bench, o->compare_path, &run->earlier));
    TRY_RETURN(connect_open(o->url, PROGRAM, &run->conn));
    TRY_RETURN(connect_query(run->conn, "select version()", &version));
    snprintf(run->result.server, sizeof run->result.server, "%s", PQgetvalue(version, 0, 0));
    run->result.server[strcspn(run->result.server, ",")] = '\0';
    on = strstr(run->result.server, " on ");
    if (on != NULL) /* what it was compiled for and with tells little */
        *on = '\0';
    PQclear(version);
    st = run->bench.workload->open(&run->bench, run->conn);
    if (status_code(st) == ST_UNDEFINED_TABLE)
        return status_hint(st, "\"linera-bench init %s\" makes it", run->bench.workload->name);
    if (!st_ok(st) || o->hdr_path == NULL)
        return st;
    run->hdr = fopen(o->hdr_path, "w");
    if (run->hdr == NULL)
        return status_new(ST_IO_ERROR, "could not write \"%s\": %s", o->hdr_path, strerror(errno));
    return STATUS_OK;
}

/* On a new connection: what befell the servers during the run may have befallen the first one too.
 */
static status check(struct run *run)
{
    status st;

    if (run->bench.workload->check == NULL || run->runner.end == RUN_INTERRUPTED ||
        run->runner.end == RUN_NO_CONNECTION)
        return STATUS_OK;
    run->bench.violations_shown = 0; /* what is found now is the end's own */
    PQfinish(run->conn);
    TRY(st, connect_open(run->bench.options->url, PROGRAM, &run->conn), fail);
    TRY(st, run->bench.workload->check(&run->bench, run->conn), fail);
    return STATUS_OK;

fail:
    return status_wrap(st, "could not check the tables after the run");
}

static status close_hdr(struct run *run)
{
    FILE *f = run->hdr;
    bool  bad;

    run->hdr = NULL;
    if (f == NULL)
        return STATUS_OK;
    bad = ferror(f) != 0;
    if (fclose(f) == 0 && !bad)
        return STATUS_OK;
    return status_new(ST_IO_ERROR, "could not write \"%s\": %s", run->bench.options->hdr_path,
                      strerror(errno));
}

static int exit_code(const struct run *run)
{
    if (run->runner.end == RUN_INTERRUPTED)
        return CLI_INTERRUPTED;
    if (run->runner.end == RUN_ERROR)
        return CLI_FAILED;
    if (run->bench.violations > 0)
        return CLI_VIOLATION;
    for (size_t i = 0; i < run->assertion_count; i++) {
        if (!run->assertions[i].holds)
            return CLI_VIOLATION;
    }
    return CLI_DONE;
}

static int conclude(struct run *run)
{
    if (run->runner.end == RUN_NO_CONNECTION)
        return CLI_NO_CONNECTION;
    if (run->runner.measured_from_ns == 0) {
        fprintf(stderr, "%s: it ended before anything was measured\n", PROGRAM);
        return run->runner.end == RUN_INTERRUPTED ? CLI_INTERRUPTED : CLI_FAILED;
    }
    result_make(&run->result, &run->bench, &run->runner);
    for (size_t i = 0; i < run->assertion_count; i++)
        assertion_check(&run->assertions[i], &run->result);
    report_print(&run->result, run->earlier, run->assertions, run->assertion_count);
    return exit_code(run);
}

static int bench_run(struct run *run)
{
    int    code;
    status st;

    if (!parse_assertions(run))
        return CLI_USAGE;
    TRY(st, prepare(run), fail);
    TRY(st, runner_run(&run->runner, &run->bench, run->hdr), fail);
    st = close_hdr(run);
    if (st_ok(st))
        st = check(run);
    code = conclude(run);
    if (st_ok(st))
        return code;
    {
        int failed = cli_fail(PROGRAM, st);

        return code == CLI_DONE || code == CLI_VIOLATION ? failed : code;
    }

fail:
    return cli_fail(PROGRAM, st);
}

static void run_deinit(struct run *run)
{
    status st = close_hdr(run);

    st_clear(st); /* only what had failed before is still open */
    runner_deinit(&run->runner);
    run->bench.workload->close(&run->bench);
    cJSON_Delete(run->earlier);
    heap_free(run->assertions);
    PQfinish(run->conn);
}

int main(int argc, char **argv)
{
    struct parsed parsed;
    struct run    run = {0};
    int           code;

    cli_start();
    setlocale(LC_CTYPE, "");
    if (argc > 1 && strcmp(argv[1], "engine") == 0)
        return engine_main(argc - 1, argv + 1);
    if (!parameters_parse(argc, argv, &parsed, &code))
        return code;
    run.bench = (struct bench){.options = &parsed.options, .workload = parsed.workload};
    run.runner.epoll = run.runner.timer = run.runner.signals = -1;
    code = parsed.run ? bench_run(&run) : load_init(&run.bench);
    run_deinit(&run);
    return cli_finish(PROGRAM, code);
}
