#include "compare.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "parameters.h"

enum { FILE_SIZE_MAX = 16 << 20 };

static status read_file(const char *path, struct buf *out)
{
    FILE  *in = strcmp(path, "-") == 0 ? stdin : fopen(path, "r");
    size_t n = 1;

    if (in == NULL)
        return status_new(ST_UNDEFINED_FILE, "could not read \"%s\": %s", path, strerror(errno));
    while (n > 0 && out->size < FILE_SIZE_MAX) {
        n = fread(buf_reserve(out, 65536), 1, 65536, in);
        buf_advance(out, n);
    }
    if (in != stdin)
        fclose(in);
    return STATUS_OK;
}

/* Say what the parameters in `list` are in both runs; only those that `first_seen` lacks. */
static void warn_of_list(const cJSON *list, const cJSON *first_seen, const cJSON *earlier,
                         const cJSON *now)
{
    const cJSON *p;

    cJSON_ArrayForEach(p, list)
    {
        const cJSON *a = cJSON_GetObjectItemCaseSensitive(earlier, p->string);
        const cJSON *b = cJSON_GetObjectItemCaseSensitive(now, p->string);
        char        *left = cJSON_PrintUnformatted(a), *right = cJSON_PrintUnformatted(b);

        if (!cJSON_HasObjectItem(first_seen, p->string) && !cJSON_Compare(a, b, true) &&
            strcmp(p->string, "seed") != 0)
            fprintf(stderr, "%s: %s: %s in the earlier run, %s in this one\n", PROGRAM, p->string,
                    left != NULL ? left : "not given", right != NULL ? right : "not given");
        cJSON_free(left);
        cJSON_free(right);
    }
}

status compare_load(const struct bench *b, const char *path, cJSON **out)
{
    SCOPED(buf) struct buf text = {0};
    const cJSON           *workload, *earlier;
    cJSON                 *document, *parameters;

    TRY_RETURN(read_file(path, &text));
    document = cJSON_Parse(buf_cstr(&text));
    workload = cJSON_GetObjectItemCaseSensitive(document, "workload");
    if (!cJSON_IsString(workload) ||
        !cJSON_IsArray(cJSON_GetObjectItemCaseSensitive(document, "operations"))) {
        cJSON_Delete(document);
        return status_hint(
            status_new(ST_DATA_EXCEPTION, "\"%s\" holds no result to compare with", path),
            "save one with --format json");
    }
    if (strcmp(workload->valuestring, b->workload->name) != 0) {
        status st = status_new(ST_DATA_EXCEPTION, "\"%s\" is a run of %s, not of %s", path,
                               workload->valuestring, b->workload->name);

        cJSON_Delete(document);
        return st;
    }
    parameters = parameters_json(b->options, b->workload);
    earlier = cJSON_GetObjectItemCaseSensitive(document, "parameters");
    warn_of_list(parameters, NULL, earlier, parameters);
    warn_of_list(earlier, parameters, earlier, parameters);
    cJSON_Delete(parameters);
    *out = document;
    return STATUS_OK;
}

bool compare_ratio(const cJSON *earlier, const struct result_row *row, const char *metric,
                   double *out)
{
    const cJSON *operations = cJSON_GetObjectItemCaseSensitive(earlier, "operations"), *o;
    double       value;

    cJSON_ArrayForEach(o, operations)
    {
        const cJSON *name = cJSON_GetObjectItemCaseSensitive(o, "operation");
        const cJSON *before = cJSON_GetObjectItemCaseSensitive(o, metric);

        if (!cJSON_IsString(name) || strcmp(name->valuestring, row->operation) != 0)
            continue;
        if (!cJSON_IsNumber(before) || before->valuedouble == 0 ||
            !result_metric(row, metric, &value))
            return false;
        *out = value / before->valuedouble;
        return true;
    }
    return false;
}
