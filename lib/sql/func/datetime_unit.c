/* The names of units in extract(), date_part() and date_trunc(). As in PostgreSQL, names are cut
 * after ten letters before they are looked for. */
#include "sql/func/datetime.h"

enum { UNIT_NAME_MAX = 10 };

static const struct {
    const char        *names; /* each between blanks */
    enum datetime_unit unit;
} units[] = {
    {" us usec usecs microsecon ", UNIT_MICROSECOND},
    {" ms msec msecs msecond mseconds millisecon ", UNIT_MILLISECOND},
    {" s sec secs second seconds ", UNIT_SECOND},
    {" m min mins minute minutes ", UNIT_MINUTE},
    {" h hr hrs hour hours ", UNIT_HOUR},
    {" d day days ", UNIT_DAY},
    {" w week weeks ", UNIT_WEEK},
    {" mon mons month months ", UNIT_MONTH},
    {" qtr quarter ", UNIT_QUARTER},
    {" y yr yrs year years ", UNIT_YEAR},
    {" dec decs decade decades ", UNIT_DECADE},
    {" c cent century centuries ", UNIT_CENTURY},
    {" mil mils millennia millennium ", UNIT_MILLENNIUM},
    {" dow ", UNIT_DOW},
    {" isodow ", UNIT_ISODOW},
    {" doy ", UNIT_DOY},
    {" isoyear ", UNIT_ISOYEAR},
    {" epoch ", UNIT_EPOCH},
    {" j jd julian ", UNIT_JULIAN},
    {" timezone ", UNIT_TIMEZONE},
    {" timezone_h ", UNIT_TIMEZONE_HOUR},
    {" timezone_m ", UNIT_TIMEZONE_MINUTE},
    {" now today tomorrow yesterday infinity -infinity allballs ", UNIT_OTHER},
};

enum datetime_unit datetime_unit_find(slice name)
{
    char   padded[UNIT_NAME_MAX + 3] = " ";
    size_t n = MIN(name.size, (size_t)UNIT_NAME_MAX);

    for (size_t i = 0; i < n; i++) {
        char c = name.data[i];

        if (c == ' ')
            return UNIT_UNKNOWN;
        padded[i + 1] = (char)(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
    }
    padded[n + 1] = ' ';
    for (size_t i = 0; n > 0 && i < ARRAY_LEN(units); i++) {
        if (strstr(units[i].names, padded) != NULL)
            return units[i].unit;
    }
    return UNIT_UNKNOWN;
}

status datetime_unit_refused(const struct fn_call *call, slice name, bool is_known,
                             const char *type)
{
    char *p = arena_alloc(call->arena, name.size + 1);

    for (size_t i = 0; i < name.size; i++) {
        char c = name.data[i];

        p[i] = (char)(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
    }
    if (is_known)
        return status_new(ST_FEATURE_NOT_SUPPORTED, "unit \"%.*s\" not supported for type %s",
                          (int)name.size, p, type);
    return status_new(ST_INVALID_PARAMETER_VALUE, "unit \"%.*s\" not recognized for type %s",
                      (int)name.size, p, type);
}
