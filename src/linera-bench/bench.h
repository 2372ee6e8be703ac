/* src/linera-bench/bench.h: one benchmark: what the command line asks for, and what all parts of
 * the program share. No file keeps state of its own. */
#ifndef LINERA_BENCH_BENCH_H
#define LINERA_BENCH_BENCH_H

#include <libpq-fe.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "client/cli.h"
#include "client/table.h"

#define PROGRAM "linera-bench"

/* How a number reads that was not given. */
#define NOT_GIVEN UINT64_MAX

enum protocol {
    PROTOCOL_SIMPLE,   /* texts with values in them */
    PROTOCOL_EXTENDED, /* parsed anew each time, values apart */
    PROTOCOL_PREPARED  /* parsed once a connection */
};

struct options {
    const char       *url;
    uint64_t          clients;
    uint64_t          duration_us, warmup_us;
    uint64_t          operations; /* stop after so many; NOT_GIVEN: by time */
    uint64_t          rate;       /* operations a second; 0: as fast as the clients go */
    uint64_t          seed;
    uint64_t          tries_max; /* 0: no limit */
    enum protocol     protocol;
    const char       *isolation; /* as SQL spells it; NULL: the server's default */
    bool              stop_on_error;
    bool              progress;
    bool              header;
    enum table_format format;
    const char       *hdr_path, *compare_path;
    struct cli_list   assertions;

    bool drop; /* init */

    uint64_t    keys, value_size, reads; /* kv */
    const char *distribution;
    uint64_t    accounts, audits; /* bank */
    const char *locking;
    uint64_t    scale; /* tpcb */
    bool        step_by_step;
};

struct workload;

struct bench {
    const struct options  *options;
    const struct workload *workload;
    void                  *state; /* the workload's own */
    uint64_t               violations, violations_shown;
};

/* Something that must not be: a line on stderr (the first few only) and exit 5 at the end. */
void bench_violation(struct bench *b, const char *fmt, ...) PRINTF(2, 3);

#endif
