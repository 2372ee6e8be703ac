#include <unistd.h>

#include "base/arena.h"
#include "env/file.h"
#include "tests/env/fixture.h"

/* Every test works in a directory of its own. */
static char directory[64];

static int make_directory(void **state)
{
    (void)state;
    snprintf(directory, sizeof directory, "/tmp/linera-files-XXXXXX");
    return mkdtemp(directory) == NULL;
}

static int remove_directory(void **state)
{
    char command[128];

    (void)state;
    snprintf(command, sizeof command, "rm -rf %s", directory);
    return system(command);
}

static const char *in_dir(const char *name)
{
    static char paths[8][128];
    static int  next;
    char       *path = paths[next++ % 8];

    snprintf(path, sizeof paths[0], "%s/%s", directory, name);
    return path;
}

static void read_write_body(struct env *env, void *arg)
{
    const slice   parts[] = {SLICE_LIT("one "), SLICE_EMPTY, SLICE_LIT("two "), SLICE_LIT("three")};
    enum env_lane lane = *(enum env_lane *)arg;
    struct env_file *f;
    char             got[64] = {0};
    size_t           n;
    uint64_t         size;

    assert_st_ok(
        env_file_open(env, in_dir("a"), ENV_READ | ENV_WRITE | ENV_CREATE | ENV_TRUNCATE, &f));
    assert_st_ok(env_file_writev_at(f, parts, 4, 3, lane));
    assert_st_ok(env_file_sync(f, lane));
    assert_st_ok(env_file_read_at(f, got, sizeof got, 3, lane, &n));
    assert_int_equal(n, 13);
    assert_string_equal(got, "one two three");
    assert_st_ok(env_file_read_at(f, got, 3, 0, lane, &n));
    assert_memory_equal(got, "\0\0\0", 3);
    memset(got, 0, sizeof got);
    assert_st_ok(env_file_fetch_at(f, got, sizeof got, 3, &n));
    assert_int_equal(n, 13);
    assert_string_equal(got, "one two three");
    env_no_yield_begin(env);
    assert_st_ok(env_file_fetch_at(f, got, sizeof got, 7, &n));
    env_no_yield_end(env);
    assert_int_equal(n, 9);
    assert_st_ok(env_file_truncate(f, 6));
    assert_st_ok(env_file_read_at(f, got, sizeof got, 3, lane, &n));
    assert_int_equal(n, 3);
    assert_st_ok(env_file_allocate(f, 0, 100000));
    assert_st_ok(env_file_size(f, &size));
    assert_int_equal(size, 100000);
    env_file_close(f);
}

static void reads_what_was_written(void **state)
{
    (void)state;
    for (enum env_lane lane = ENV_INLINE; lane < ENV_LANE_COUNT; lane++)
        run_on_worker(NULL, read_write_body, &lane);
}

/* More parts, and more bytes, than one system call takes. */
static void many_parts_body(struct env *env, void *arg)
{
    enum { PARTS = 1000, PART_SIZE = 777 };
    char            *data = heap_must_alloc(env_heap(env), PARTS, PART_SIZE);
    char            *got = heap_must_alloc(env_heap(env), PARTS, PART_SIZE);
    slice            parts[PARTS];
    struct env_file *f;
    size_t           n;

    (void)arg;
    for (int i = 0; i < PARTS * PART_SIZE; i++)
        data[i] = (char)env_rand64(env);
    for (int i = 0; i < PARTS; i++)
        parts[i] = slice_make(data + i * PART_SIZE, PART_SIZE);
    assert_st_ok(env_file_open(env, in_dir("parts"), ENV_READ | ENV_WRITE | ENV_CREATE, &f));
    assert_st_ok(env_file_writev_at(f, parts, PARTS, 0, ENV_INLINE));
    assert_st_ok(env_file_read_at(f, got, PARTS * PART_SIZE, 0, ENV_INLINE, &n));
    assert_int_equal(n, PARTS * PART_SIZE);
    assert_memory_equal(data, got, PARTS * PART_SIZE);
    env_file_close(f);
    heap_free(data);
    heap_free(got);
}

static void many_parts(void **state)
{
    (void)state;
    run_on_worker(NULL, many_parts_body, NULL);
}

static void assert_message(status st, enum status_code code, const char *message)
{
    assert_int_equal(status_code(st), code);
    assert_string_equal(status_message(st), message);
    st_clear(st);
}

static void errors_body(struct env *env, void *arg)
{
    struct env_file *f, *full;
    char             expected[256];

    (void)arg;
    snprintf(expected, sizeof expected, "could not open file \"%s\": No such file or directory",
             in_dir("none"));
    assert_message(env_file_open(env, in_dir("none"), ENV_READ, &f), ST_UNDEFINED_FILE, expected);
    assert_st_ok(env_mkdir(env, in_dir("d")));
    assert_st_code(env_mkdir(env, in_dir("d")), ST_DUPLICATE_FILE);
    assert_st_ok(env_file_open(env, "/dev/full", ENV_WRITE, &full));
    assert_message(env_file_write_at(full, "x", 1, 0, ENV_INLINE), ST_DISK_FULL,
                   "could not write file \"/dev/full\": No space left on device");
    env_file_close(full);
    assert_st_ok(env_file_open(env, in_dir("e"), ENV_WRITE | ENV_CREATE | ENV_EXCLUSIVE, &f));
    env_file_close(f);
    snprintf(expected, sizeof expected, "could not create file \"%s\": File exists", in_dir("e"));
    assert_message(env_file_open(env, in_dir("e"), ENV_WRITE | ENV_CREATE | ENV_EXCLUSIVE, &f),
                   ST_DUPLICATE_FILE, expected);
    assert_st_code(env_unlink(env, in_dir("none")), ST_UNDEFINED_FILE);
    assert_st_code(env_sync_dir(env, in_dir("none"), ENV_INLINE), ST_UNDEFINED_FILE);
}

static void errors_name_file_and_reason(void **state)
{
    (void)state;
    run_on_worker(NULL, errors_body, NULL);
}

static void names_body(struct env *env, void *arg)
{
    static const char *const made[] = {"b", "c", "B", "a.tmp", "aa", "a"};
    struct arena            *arena = arena_new(env_heap(env), NULL);
    struct env_file         *f;
    const char             **names;
    size_t                   count;

    (void)arg;
    assert_st_ok(env_mkdir_all(env, in_dir("x/y/z")));
    assert_st_ok(env_mkdir_all(env, in_dir("x/y/z")));
    for (size_t i = 0; i < ARRAY_LEN(made); i++) {
        char name[32];

        snprintf(name, sizeof name, "x/y/z/%s", made[i]);
        assert_st_ok(env_file_open(env, in_dir(name), ENV_WRITE | ENV_CREATE, &f));
        env_file_close(f);
    }
    assert_st_ok(env_unlink(env, in_dir("x/y/z/c")));
    assert_st_ok(env_rename(env, in_dir("x/y/z/aa"), in_dir("x/y/z/a")));
    assert_st_ok(env_sync_dir(env, in_dir("x/y/z"), ENV_LANE_IO));
    assert_st_ok(env_list_dir(env, in_dir("x/y/z"), arena, &names, &count));
    assert_int_equal(count, 4);
    assert_string_equal(names[0], "B");
    assert_string_equal(names[1], "a");
    assert_string_equal(names[2], "a.tmp");
    assert_string_equal(names[3], "b");
    assert_true(env_file_exists(env, in_dir("x/y/z/a")));
    assert_false(env_file_exists(env, in_dir("x/y/z/c")));
    assert_st_code(env_rmdir(env, in_dir("x/y")), ST_DUPLICATE_FILE);
    arena_free(arena);
}

static void names_are_sorted(void **state)
{
    (void)state;
    run_on_worker(NULL, names_body, NULL);
}

static void link_body(struct env *env, void *arg)
{
    struct arena *arena = arena_new(env_heap(env), NULL);
    slice         got;

    (void)arg;
    assert_st_ok(env_file_replace(env, in_dir("l"), SLICE_LIT("content")));
    assert_st_ok(env_link(env, in_dir("l"), in_dir("l2")));
    assert_st_code(env_link(env, in_dir("l"), in_dir("l2")), ST_DUPLICATE_FILE);
    assert_st_code(env_link(env, in_dir("none"), in_dir("l3")), ST_UNDEFINED_FILE);
    assert_st_ok(env_unlink(env, in_dir("l")));
    assert_false(env_file_exists(env, in_dir("l")));
    assert_st_ok(env_file_read_all(env, in_dir("l2"), 100, arena, &got));
    assert_true(slice_eq_cstr(got, "content"));
    arena_free(arena);
}

static void a_link_is_a_second_name(void **state)
{
    (void)state;
    run_on_worker(NULL, link_body, NULL);
}

static void whole_body(struct env *env, void *arg)
{
    struct arena *arena = arena_new(env_heap(env), NULL);
    slice         got;
    uint64_t      size;

    (void)arg;
    assert_st_ok(env_file_replace(env, in_dir("w"), SLICE_LIT("first")));
    assert_st_ok(env_file_replace(env, in_dir("w"), SLICE_LIT("second one")));
    assert_st_ok(env_file_read_all(env, in_dir("w"), 100, arena, &got));
    assert_true(slice_eq_cstr(got, "second one"));
    assert_string_equal(got.data, "second one");
    assert_false(env_file_exists(env, in_dir("w.tmp")));
    assert_st_code(env_file_read_all(env, in_dir("w"), 9, arena, &got), ST_LIMIT_EXCEEDED);
    assert_st_ok(env_disk_free(env, directory, &size));
    assert_true(size > 0);
    arena_free(arena);
}

static void whole_files(void **state)
{
    (void)state;
    run_on_worker(NULL, whole_body, NULL);
}

static void lock_body(struct env *env, void *arg)
{
    struct env_file *lock, *other;

    (void)arg;
    assert_st_ok(env_lock_file(env, in_dir("LOCK"), &lock));
    assert_st_code(env_lock_file(env, in_dir("LOCK"), &other), ST_STORE_LOCKED);
    assert_st_code(env_lock_file_shared(env, in_dir("LOCK"), &other), ST_STORE_LOCKED);
    env_file_close(lock);
    assert_st_ok(env_lock_file(env, in_dir("LOCK"), &other));
    env_file_close(other);
    /* Readers share it, and keep an owner out. */
    assert_st_ok(env_lock_file_shared(env, in_dir("LOCK"), &lock));
    assert_st_ok(env_lock_file_shared(env, in_dir("LOCK"), &other));
    env_file_close(lock);
    assert_st_code(env_lock_file(env, in_dir("LOCK"), &lock), ST_STORE_LOCKED);
    env_file_close(other);
    assert_st_code(env_lock_file_shared(env, in_dir("NONE"), &other), ST_UNDEFINED_FILE);
}

static void lock_excludes(void **state)
{
    (void)state;
    run_on_worker(NULL, lock_body, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T("a file reads back what was written, inline and through each lane",
          reads_what_was_written),
        T("a write of a thousand parts arrives whole", many_parts),
        T("errors name the file and the system's reason", errors_name_file_and_reason),
        T("a directory lists its names sorted by bytes", names_are_sorted),
        T("a link is a second name of a file, and of nothing else", a_link_is_a_second_name),
        T("a small file is replaced and read as a whole", whole_files),
        T("a lock file keeps a second user out until it is closed", lock_excludes),
    };

    return cmocka_run_group_tests_name("env files", tests, make_directory, remove_directory);
}
