/* src/linera-bench/engine.h: "linera-bench engine": the storage engine measured in this process,
 * without SQL and without a server. */
#ifndef LINERA_BENCH_ENGINE_H
#define LINERA_BENCH_ENGINE_H

#include "client/cli.h"
#include "client/histogram.h"
#include "client/table.h"
#include "storage/engine.h"

enum engine_work {
    WORK_FILL_SEQ,
    WORK_FILL_RANDOM,
    WORK_OVERWRITE,
    WORK_READ,
    WORK_MISS,
    WORK_SEEK,
    WORK_SCAN,
    WORK_MIXED,
};

/* For the choice of --workload, in the order of enum engine_work. */
#define ENGINE_WORKLOADS "fillseq|fillrandom|overwrite|readrandom|readmissing|seekrandom|scan|mixed"

enum { ENGINE_RUN_KEY_SIZE = 16, ENGINE_RUNS_MAX = 32, ENGINE_FIBERS_MAX = 10000 };

struct engine_bench_options {
    const char       *path; /* NULL: in memory only */
    const char       *key;  /* to encrypt it, as store_key_read() takes it; NULL: it is plain */
    uint64_t          rows, value_size, batch, fibers, seed, reads, scan_length;
    uint64_t          cache_size, memtable_size; /* 0: the engine's defaults */
    uint64_t          duration_us, operations;   /* of all but fills; operations 0: by time */
    bool              sync, zipf, progress, header;
    enum table_format format;
    enum engine_work  works[ENGINE_RUNS_MAX];
    size_t            work_count;
};

/* One row of the summary: one kind of operation of one workload. */
struct engine_row {
    const char       *workload, *operation;
    struct histogram *latency; /* ns */
    uint64_t          entries; /* put, found or passed over */
};

/* One workload as it went. */
struct engine_run {
    struct engine_row rows[2];
    size_t            row_count;
    double            seconds;
    uint64_t          user_bytes_written, user_bytes_read; /* keys and values */
    uint64_t          file_bytes_written, file_bytes_read; /* by this process meanwhile */
    uint64_t          disk_size, memory_size, entries;     /* of the store at its end */
    uint64_t          missed; /* reads that did not find what is there, or found what is not */
};

/* Read argv, "engine" being argv[0]. False: *exit is what the program ends with. */
bool engine_parameters_parse(int argc, char **argv, struct engine_bench_options *out, int *exit);
const char *engine_work_name(enum engine_work work);

void engine_report(const struct engine_bench_options *o, const struct engine_run *runs,
                   size_t count);

/* All of it; returns what the program ends with. */
int engine_main(int argc, char **argv);

#endif
