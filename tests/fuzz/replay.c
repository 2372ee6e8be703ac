/* A fuzzer without libFuzzer: every file of its corpus, and every input that once crashed it, goes
 * through LLVMFuzzerTestOneInput once, so that any compiler can build it and `make check` runs it.
 * Run it with files as arguments to see what one of them does. */
#include "tests/common/test.h"

#include <dirent.h>
#include <libgen.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* "pgwire" of ".../test_fuzz_pgwire". */
static const char *fuzzer_name;

static void run_file(const char *path)
{
    FILE    *f = fopen(path, "rb");
    uint8_t *data;
    long     size;

    assert_non_null(f);
    assert_int_equal(fseek(f, 0, SEEK_END), 0);
    size = ftell(f);
    rewind(f);
    assert_true(size >= 0);
    data = malloc((size_t)size + 1); /* of its own size, so that a sanitizer sees its end */
    assert_non_null(data);
    assert_int_equal(fread(data, 1, (size_t)size, f), size);
    fclose(f);
    LLVMFuzzerTestOneInput(data, (size_t)size);
    free(data);
}

static int is_visible(const struct dirent *e)
{
    return e->d_name[0] != '.';
}

static void run_directory(const char *kind)
{
    struct dirent **entries;
    char            path[600];
    int             count;

    snprintf(path, sizeof path, "tests/fuzz/%s/fuzz_%s", kind, fuzzer_name);
    count = scandir(path, &entries, is_visible, alphasort);
    for (int i = 0; i < count; i++) {
        snprintf(path, sizeof path, "tests/fuzz/%s/fuzz_%s/%s", kind, fuzzer_name,
                 entries[i]->d_name);
        run_file(path);
        free(entries[i]);
    }
    if (count >= 0)
        free(entries);
}

static void replay_corpus(void **state)
{
    (void)state;
    LLVMFuzzerTestOneInput((const uint8_t *)"", 0);
    run_directory("corpus");
}

static void replay_regressions(void **state)
{
    (void)state;
    run_directory("regressions");
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        T("the fuzzer's corpus runs through", replay_corpus),
        T("what once crashed the fuzzer does not", replay_regressions),
    };
    const char *name = strstr(basename(argv[0]), "fuzz_");

    fuzzer_name = name != NULL ? name + strlen("fuzz_") : "";
    for (int i = 1; i < argc; i++)
        run_file(argv[i]);
    return argc > 1 ? 0 : cmocka_run_group_tests(tests, NULL, NULL);
}
