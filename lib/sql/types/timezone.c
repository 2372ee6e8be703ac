#include "sql/types/timezone.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <unicode/ucal.h>
#include <unicode/ustring.h>

#include "base/assert.h"
#include "base/list.h"
#include "sql/types/timezone_abbreviations.h"

enum { ABBREVIATION_SIZE = 12, NAME_SIZE = 64 };

/* Unix time at PostgreSQL's epoch. */
#define EPOCH_OFFSET_S INT64_C(946684800)

struct time_zone {
    struct list         link;
    struct heap_foreign foreign; /* the calendar */
    char                name[NAME_SIZE];
    bool                fixed;
    int32_t             offset_s; /* of a fixed one */
    UCalendar          *calendar; /* of the others; set to the instant that is asked about */
    char                standard[ABBREVIATION_SIZE], daylight[ABBREVIATION_SIZE];
};

struct time_zones {
    struct heap *heap;
    struct list  zones;
};

struct time_zones *time_zones_new(struct heap *heap)
{
    struct time_zones *z = heap_must_alloc(heap, 1, sizeof *z);

    z->heap = heap;
    list_init(&z->zones);
    return z;
}

void time_zones_free(struct time_zones *z)
{
    if (z == NULL)
        return;
    LIST_FOR_EACH (it, &z->zones) {
        struct time_zone *tz = CONTAINER_OF(it, struct time_zone, link);

        if (tz->calendar != NULL)
            heap_foreign_close(&tz->foreign);
        heap_free(tz);
    }
    heap_free(z);
}

static status unknown_zone(slice name)
{
    return status_new(ST_INVALID_PARAMETER_VALUE,
                      "invalid value for parameter \"TimeZone\": \"%.*s\"", SLICE_FMT(name));
}

/* "+02", "-3:30", "5.5": hours east of Greenwich. */
static bool parse_offset(const char *text, int32_t *out_s)
{
    char  *end;
    double hours;
    long   minutes = 0;

    if (*text == '\0' || strspn(text, "+-0123456789:.") != strlen(text))
        return false;
    hours = strtod(text, &end);
    if (end == text)
        return false;
    if (*end == ':') {
        minutes = strtol(end + 1, &end, 10);
        if (minutes < 0 || minutes > 59)
            return false;
    }
    if (*end != '\0' || hours < -168 || hours > 168)
        return false;
    *out_s = (int32_t)(hours * 3600) + (int32_t)(*text == '-' ? -minutes : minutes) * 60;
    return true;
}

static void display_name(struct time_zone *tz, UCalendarDisplayNameType type, char *out)
{
    UChar      text[ABBREVIATION_SIZE * 2];
    UErrorCode error = U_ZERO_ERROR;

    ucal_getTimeZoneDisplayName(tz->calendar, type, "en_US", text, ARRAY_LEN(text), &error);
    if (U_SUCCESS(error) && error != U_STRING_NOT_TERMINATED_WARNING)
        u_strToUTF8(out, ABBREVIATION_SIZE, NULL, text, -1, &error);
    if (U_FAILURE(error))
        out[0] = '\0';
}

/* ICU knows zones by their exact spelling; PostgreSQL does not care about letter case. */
static bool canonical_name(const char *name, UChar *out, int32_t capacity)
{
    UErrorCode    error = U_ZERO_ERROR;
    UEnumeration *ids = ucal_openTimeZones(&error);
    const char   *id;
    bool          found = false;

    while (U_SUCCESS(error) && !found && (id = uenum_next(ids, NULL, &error)) != NULL) {
        if (strcasecmp(id, name) == 0) {
            u_charsToUChars(id, out, MIN((int32_t)strlen(id) + 1, capacity));
            found = true;
        }
    }
    uenum_close(ids);
    return found;
}

static void close_calendar(struct heap_foreign *f)
{
    ucal_close(CONTAINER_OF(f, struct time_zone, foreign)->calendar);
}

static bool open_named(struct heap *heap, struct time_zone *tz, const char *name)
{
    UChar      id[NAME_SIZE];
    UErrorCode error = U_ZERO_ERROR;

    if (!canonical_name(name, id, NAME_SIZE))
        return false;
    tz->calendar = ucal_open(id, -1, "en_US", UCAL_GREGORIAN, &error);
    if (U_FAILURE(error))
        return false;
    tz->foreign.close = close_calendar;
    heap_attach(heap, &tz->foreign);
    u_UCharsToChars(id, tz->name, u_strlen(id) + 1);
    display_name(tz, UCAL_SHORT_STANDARD, tz->standard);
    display_name(tz, UCAL_SHORT_DST, tz->daylight);
    return true;
}

static struct time_zone *find_known(struct time_zones *z, slice name)
{
    LIST_FOR_EACH (it, &z->zones) {
        struct time_zone *tz = CONTAINER_OF(it, struct time_zone, link);

        if (strlen(tz->name) == name.size && strncasecmp(tz->name, name.data, name.size) == 0)
            return tz;
    }
    return NULL;
}

status time_zone_find(struct time_zones *z, slice name, const struct time_zone **out)
{
    struct time_zone *tz = find_known(z, name);
    char              text[NAME_SIZE];

    if (tz == NULL) {
        if (name.size == 0 || name.size >= NAME_SIZE)
            return unknown_zone(name);
        memcpy(text, name.data, name.size);
        text[name.size] = '\0';
        tz = heap_must_alloc(z->heap, 1, sizeof *tz);
        if (parse_offset(text, &tz->offset_s)) {
            tz->fixed = true;
            snprintf(tz->name, sizeof tz->name, "%s", text);
        } else if (!open_named(z->heap, tz, text)) {
            heap_free(tz);
            return unknown_zone(name);
        }
        list_push_back(&z->zones, &tz->link);
    }
    *out = tz;
    return STATUS_OK;
}

#define ABBREVIATION(name, east_s, dst) {#name, east_s},

bool time_zone_abbreviation(slice word, int32_t *east_s)
{
    static const struct {
        const char *name;
        int32_t     east_s;
    } abbreviations[] = {TIME_ZONE_ABBREVIATIONS(ABBREVIATION)};

    for (size_t i = 0; i < ARRAY_LEN(abbreviations); i++) {
        if (strlen(abbreviations[i].name) == word.size &&
            strncasecmp(abbreviations[i].name, word.data, word.size) == 0) {
            *east_s = abbreviations[i].east_s;
            return true;
        }
    }
    return false;
}

status time_zone_find_posix(struct time_zones *z, slice name, const struct time_zone **out)
{
    char    text[NAME_SIZE];
    int32_t east_s;

    if (time_zone_abbreviation(name, &east_s)) {
        snprintf(text, sizeof text, "%c%02d:%02d", east_s < 0 ? '-' : '+', abs(east_s) / 3600,
                 abs(east_s) / 60 % 60);
        return time_zone_find(z, slice_cstr(text), out);
    }
    if (name.size > 0 && name.size < NAME_SIZE - 1 &&
        strchr("+-0123456789", name.data[0]) != NULL) {
        bool  is_signed = name.data[0] == '+' || name.data[0] == '-';
        slice digits = slice_from(name, is_signed ? 1 : 0);

        snprintf(text, sizeof text, "%c%.*s", name.data[0] == '-' ? '+' : '-', SLICE_FMT(digits));
        return time_zone_find(z, slice_cstr(text), out);
    }
    return time_zone_find(z, name, out);
}

const char *time_zone_name(const struct time_zone *tz)
{
    return tz != NULL ? tz->name : "UTC";
}

static UDate to_icu(int64_t us)
{
    int64_t ms = us / 1000 - (us % 1000 < 0);

    return (UDate)(ms + EPOCH_OFFSET_S * 1000);
}

int32_t time_zone_offset_at(const struct time_zone *tz, int64_t utc_us, const char **abbreviation)
{
    UErrorCode error = U_ZERO_ERROR;
    int32_t    zone_ms, daylight_ms;

    if (tz == NULL || tz->fixed) {
        if (abbreviation != NULL)
            *abbreviation = tz == NULL ? "UTC" : "";
        return tz == NULL ? 0 : tz->offset_s;
    }
    ucal_setMillis(tz->calendar, to_icu(utc_us), &error);
    zone_ms = ucal_get(tz->calendar, UCAL_ZONE_OFFSET, &error);
    daylight_ms = ucal_get(tz->calendar, UCAL_DST_OFFSET, &error);
    ASSERT(U_SUCCESS(error)); /* any instant that fits a timestamp has an offset */
    if (abbreviation != NULL)
        *abbreviation = daylight_ms != 0 ? tz->daylight : tz->standard;
    return (zone_ms + daylight_ms) / 1000;
}

/* The offset a day before and a day after enclose at most one change; the local time fits one of
 * the two, or, in a gap, neither, or, where clocks go back, both. */
int32_t time_zone_offset_local(const struct time_zone *tz, int64_t local_us)
{
    const int64_t second_us = 1000000, day_us = 86400 * second_us;
    int32_t       before, after;

    if (tz == NULL || tz->fixed)
        return tz == NULL ? 0 : tz->offset_s;
    before = time_zone_offset_at(tz, local_us - day_us, NULL);
    after = time_zone_offset_at(tz, local_us + day_us, NULL);
    if (before == after)
        return before;
    if (time_zone_offset_at(tz, local_us - after * second_us, NULL) == after)
        return after;
    return before;
}
