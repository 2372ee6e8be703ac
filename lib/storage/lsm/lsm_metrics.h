/* lib/storage/lsm/lsm_metrics.h: what the LSM engine counts beside what every engine does. */
#ifndef LINERA_STORAGE_LSM_LSM_METRICS_H
#define LINERA_STORAGE_LSM_LSM_METRICS_H

#include "base/metrics.h"
#include "storage/lsm/version.h"

/*  kind       field               name                                help */
#define LSM_METRICS(X)                                                                             \
    X(GAUGE, memtable_bytes, "storage_memtable_bytes", "Memory of memtables, all of them.")        \
    X(GAUGE, memtables_waiting, "storage_memtables_waiting", "Memtables that wait to be written.") \
    X(COUNTER, flushes, "storage_flushes_total", "Memtables written to tables.")                   \
    X(COUNTER, flush_failures, "storage_flush_failures_total", "Tries to do so that failed.")      \
    X(COUNTER, flush_bytes, "storage_flush_bytes_total", "Bytes of these tables.")                 \
    X(COUNTER, compaction_read_bytes, "storage_compaction_read_bytes_total",                       \
      "Bytes compactions read.")                                                                   \
    X(GAUGE, debt_bytes, "storage_compaction_debt_bytes", "Bytes above the targets of levels.")    \
    X(GAUGE, tables_open, "storage_tables_open", "Tables whose file is open.")                     \
    X(COUNTER, filter_checks, "storage_filter_checks_total", "Tables asked for a key.")            \
    X(COUNTER, filter_negatives, "storage_filter_negatives_total",                                 \
      "Tables that a filter kept from being read.")                                                \
    X(COUNTER, scrubbed_bytes, "storage_scrubbed_bytes_total",                                     \
      "Bytes of tables read to look for damage.")                                                  \
    X(COUNTER, scrub_rounds, "storage_scrub_rounds_total", "Times all tables were read so.")       \
    X(COUNTER, scrub_faults, "storage_scrub_faults_total", "Faults found that way.")               \
    X(COUNTER, corrupt_reads, "storage_corrupt_reads_total", "Reads that met damage.")

struct lsm_metrics {
    LSM_METRICS(METRIC_FIELD)
};

/* Of each level, with the label `level`. */
#define LSM_LEVEL_METRICS(X)                                                                       \
    X(GAUGE, tables, "storage_level_tables", "Tables of the level.")                               \
    X(GAUGE, bytes, "storage_level_bytes", "Bytes of the level's tables.")

struct lsm_level_metrics {
    LSM_LEVEL_METRICS(METRIC_FIELD)
};

/* Both are borrowed as long as `m`; `labels` as for metrics_add(). */
void lsm_metrics_register(const struct lsm_metrics      *all,
                          const struct lsm_level_metrics levels[LSM_LEVELS], struct metrics *m,
                          const char *labels);
/* Set what follows from the version that counts now. */
void lsm_metrics_note_version(struct lsm_level_metrics levels[LSM_LEVELS], const struct version *v);

#endif
