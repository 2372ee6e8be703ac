/* src/linera-bench/live.h: what is seen while a run runs. */
#ifndef LINERA_BENCH_LIVE_H
#define LINERA_BENCH_LIVE_H

#include "runner.h"

/* A second is over: a line on stderr when somebody looks, an interval of the log; then the
 * intervals begin anew. */
void live_tick(struct runner *r, uint64_t now_ns);

#endif
