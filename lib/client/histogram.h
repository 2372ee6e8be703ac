/* lib/client/histogram.h: latencies, counted so that any quantile is right to 1 part in 1000.
 *
 * Log-linear as in Gil Tene's HdrHistogram with three significant digits: values below 2,048 have a
 * counter each, and every doubling above has 1,024 of equal width. A quantile is therefore at most
 * 1/1024 of itself too high, never too low; the metrics of a server (base/metrics.h) are coarser,
 * for they are many and always on. 270 KiB each. Values are nanoseconds here, but nothing depends
 * on it. */
#ifndef LINERA_CLIENT_HISTOGRAM_H
#define LINERA_CLIENT_HISTOGRAM_H

#include <stdint.h>
#include <stdio.h>

#include "base/buf.h"

/* One hour in nanoseconds; larger values count as this one, only histogram_max() knows them. */
#define HISTOGRAM_VALUE_MAX UINT64_C(3600000000000)

struct histogram;

/* An empty histogram; stops the process when there is no memory. */
struct histogram *histogram_new(void);
void              histogram_free(struct histogram *h); /* Accepts NULL. */
void              histogram_reset(struct histogram *h);

void histogram_record(struct histogram *h, uint64_t value);
/* Add all that `from` has counted to `into`. */
void histogram_add(struct histogram *into, const struct histogram *from);

uint64_t histogram_count(const struct histogram *h);
uint64_t histogram_max(const struct histogram *h);  /* exact; 0 when empty */
double   histogram_mean(const struct histogram *h); /* exact; 0 when empty */
/* The smallest value that at least the part `q` (0 to 1) of what was recorded does not exceed; 0
 * when empty. */
uint64_t histogram_quantile(const struct histogram *h, double q);

/* Append the histogram in HdrHistogram's format V2, compressed, in base64. */
void histogram_encode(const struct histogram *h, struct buf *out);

/* ---- interval logs: HdrHistogram's log format 1.3, read by its tools and plotters ---- */

/* The first lines. `start_us` is the wall clock's time that intervals count from. */
void histogram_log_begin(FILE *out, const char *program, uint64_t start_us);
/* One interval, in nanoseconds after the start. `tag` names the series and has neither comma nor
 * blank. */
void histogram_log_interval(FILE *out, const char *tag, uint64_t from_ns, uint64_t to_ns,
                            const struct histogram *h);

#endif
