#include "storage/lsm/lsm_metrics.h"

#include <stdio.h>

#define X(...) METRIC_DESC(struct lsm_metrics, __VA_ARGS__)
static const struct metric_desc descs[] = {LSM_METRICS(X)};
#undef X
#define X(...) METRIC_DESC(struct lsm_level_metrics, __VA_ARGS__)
static const struct metric_desc level_descs[] = {LSM_LEVEL_METRICS(X)};
#undef X

void lsm_metrics_register(const struct lsm_metrics      *all,
                          const struct lsm_level_metrics levels[LSM_LEVELS], struct metrics *m,
                          const char *labels)
{
    char text[200];
    bool has_labels = labels != NULL && labels[0] != '\0';

    metrics_add(m, descs, ARRAY_LEN(descs), all, labels);
    for (unsigned level = 0; level < LSM_LEVELS; level++) {
        snprintf(text, sizeof text, "%s%slevel=\"%u\"", has_labels ? labels : "",
                 has_labels ? "," : "", level);
        metrics_add(m, level_descs, ARRAY_LEN(level_descs), &levels[level], text);
    }
}

void lsm_metrics_note_version(struct lsm_level_metrics levels[LSM_LEVELS], const struct version *v)
{
    for (unsigned level = 0; level < LSM_LEVELS; level++) {
        metric_set(&levels[level].tables, (int64_t)v->levels[level].count);
        metric_set(&levels[level].bytes, (int64_t)v->levels[level].size);
    }
}
