/* src/linera-bench/parameters.h: the command line: its table, its checks, and what a result says of
 * it. */
#ifndef LINERA_BENCH_PARAMETERS_H
#define LINERA_BENCH_PARAMETERS_H

#include <cjson/cJSON.h>

#include "workload.h"

struct parsed {
    struct options         options;
    bool                   run; /* false: init */
    const struct workload *workload;
};

/* Read argv. False: *exit is what the program ends with. */
bool parameters_parse(int argc, char **argv, struct parsed *out, int *exit);

/* What decides a run's numbers, as an object; the caller's, to cJSON_Delete(). */
cJSON *parameters_json(const struct options *o, const struct workload *w);

#endif
