#include "sql/session/settings.h"

#include "tests/common/test.h"

struct fixture {
    struct settings *settings;
    int              applied, reported;
    char             last[64];
    bool             refuse;
};

static status on_apply(void *ctx, enum setting_id id, const char *value, const char **canonical)
{
    struct fixture *f = ctx;

    (void)id, (void)value, (void)canonical;
    f->applied++;
    return f->refuse ? status_new(ST_INVALID_PARAMETER_VALUE, "no") : STATUS_OK;
}

static void on_report(void *ctx, const char *name, const char *value)
{
    struct fixture *f = ctx;

    f->reported++;
    snprintf(f->last, sizeof f->last, "%s=%s", name, value);
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);

    f->settings = settings_new(NULL, on_apply, on_report, f);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    settings_free(f->settings);
    free(f);
    return 0;
}

static void set(struct fixture *f, const char *name, const char *value, enum setting_scope scope)
{
    int id = setting_find(slice_cstr(name));

    assert_true(id >= 0);
    assert_st_ok(settings_set(f->settings, (enum setting_id)id, value, scope));
}

static const char *get(struct fixture *f, const char *name)
{
    return settings_get(f->settings, (enum setting_id)setting_find(slice_cstr(name)));
}

static void every_default_is_valid(void **state)
{
    struct fixture *f = *state;

    for (size_t i = 0; setting_def_at(i) != NULL; i++) {
        const struct setting_def *d = setting_def_at(i);

        if (d->flags & SETTING_READ_ONLY)
            continue;
        assert_st_ok(
            settings_set(f->settings, (enum setting_id)i, d->fallback, SETTING_FOR_SESSION));
        assert_string_equal(settings_get(f->settings, (enum setting_id)i), d->fallback);
    }
}

static void values_are_normalised(void **state)
{
    struct fixture *f = *state;

    set(f, "STATEMENT_timeout", "2s", SETTING_FOR_SESSION);
    assert_string_equal(get(f, "statement_timeout"), "2000");
    assert_int_equal(settings_get_int(f->settings, SETTING_STATEMENT_TIMEOUT), 2000);
    set(f, "jit", "TRU", SETTING_FOR_SESSION);
    assert_string_equal(get(f, "jit"), "on");
    set(f, "bytea_output", "ESCAPE", SETTING_FOR_SESSION);
    assert_string_equal(get(f, "bytea_output"), "escape");
}

static void bad_values_leave_the_old_one(void **state)
{
    struct fixture *f = *state;

    assert_st_code(
        settings_set(f->settings, SETTING_STATEMENT_TIMEOUT, "soon", SETTING_FOR_SESSION),
        ST_INVALID_PARAMETER_VALUE);
    assert_st_code(settings_set(f->settings, SETTING_EXTRA_FLOAT_DIGITS, "4", SETTING_FOR_SESSION),
                   ST_INVALID_PARAMETER_VALUE);
    assert_st_code(settings_set(f->settings, SETTING_SERVER_VERSION, "16", SETTING_FOR_SESSION),
                   ST_CANNOT_CHANGE_PARAMETER);
    f->refuse = true;
    assert_st_code(settings_set(f->settings, SETTING_TIME_ZONE, "Mars", SETTING_FOR_SESSION),
                   ST_INVALID_PARAMETER_VALUE);
    assert_string_equal(get(f, "TimeZone"), "UTC");
    assert_int_equal(f->reported, 0);
}

static void local_ends_with_the_transaction(void **state)
{
    struct fixture *f = *state;

    set(f, "application_name", "a", SETTING_FOR_SESSION);
    set(f, "application_name", "b", SETTING_FOR_TRANSACTION);
    assert_string_equal(get(f, "application_name"), "b");
    settings_end_transaction(f->settings, true);
    assert_string_equal(get(f, "application_name"), "a");
    assert_string_equal(
        f->last, "application_name=a"); /* pitfall P7: the client is told of the way back too */
}

static void rollback_undoes_set(void **state)
{
    struct fixture *f = *state;
    size_t          mark;

    set(f, "application_name", "before", SETTING_FOR_SESSION);
    settings_end_transaction(f->settings, true);
    set(f, "application_name", "one", SETTING_FOR_SESSION);
    mark = settings_mark(f->settings);
    set(f, "application_name", "two", SETTING_FOR_TRANSACTION);
    settings_rollback_to(f->settings, mark);
    assert_string_equal(get(f, "application_name"), "one");
    settings_end_transaction(f->settings, false);
    assert_string_equal(get(f, "application_name"), "before");
    assert_string_equal(f->last, "application_name=before");
}

static void startup_values_are_what_reset_goes_back_to(void **state)
{
    struct fixture *f = *state;

    set(f, "DateStyle", "SQL, DMY", SETTING_AT_START);
    set(f, "DateStyle", "German", SETTING_FOR_SESSION);
    set(f, "DateStyle", NULL, SETTING_FOR_SESSION);
    assert_string_equal(get(f, "DateStyle"), "SQL, DMY");
}

static void custom_options_are_kept(void **state)
{
    struct fixture *f = *state;

    assert_null(settings_get_custom(f->settings, SLICE_LIT("app.user")));
    assert_st_ok(settings_set_custom(f->settings, SLICE_LIT("app.user"), "7", SETTING_FOR_SESSION));
    assert_string_equal(settings_get_custom(f->settings, SLICE_LIT("APP.user")), "7");
    settings_end_transaction(f->settings, false);
    assert_string_equal(settings_get_custom(f->settings, SLICE_LIT("app.user")), "");
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TF("every default is a value that its setting takes", every_default_is_valid, setup,
           teardown),
        TF("values are printed in one form whatever was typed", values_are_normalised, setup,
           teardown),
        TF("a refused value leaves the old one and reports nothing", bad_values_leave_the_old_one,
           setup, teardown),
        TF("SET LOCAL ends with its transaction", local_ends_with_the_transaction, setup, teardown),
        TF("a rollback undoes SET, to the savepoint or the whole", rollback_undoes_set, setup,
           teardown),
        TF("RESET goes back to the startup packet's value",
           startup_values_are_what_reset_goes_back_to, setup, teardown),
        TF("options with a dot are kept as text", custom_options_are_kept, setup, teardown),
    };

    return cmocka_run_group_tests_name("session/settings", tests, NULL, NULL);
}
