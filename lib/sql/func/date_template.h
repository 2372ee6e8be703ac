/* lib/sql/func/date_template.h: the patterns of dates, for to_char() and for to_date(). */
#ifndef LINERA_SQL_FUNC_DATE_TEMPLATE_H
#define LINERA_SQL_FUNC_DATE_TEMPLATE_H

#include "sql/func/template.h"

/* Which calendar a pattern speaks of: a template must not mix the two. */
enum date_convention { DATE_ANY, DATE_GREGORIAN, DATE_ISO_WEEK };

// clang-format off
/* X(id, text, is_digits, convention): where one begins as another does, the longer comes first. */
#define DATE_PATTERNS_UPPER(X) \
    X(AD_DOTS, "A.D.", false, DATE_ANY)     X(AM_DOTS, "A.M.", false, DATE_ANY) \
    X(AD, "AD", false, DATE_ANY)            X(AM, "AM", false, DATE_ANY) \
    X(AD_DOTS, "B.C.", false, DATE_ANY)     X(AD, "BC", false, DATE_ANY) \
    X(CC, "CC", true, DATE_ANY)             X(DAY, "DAY", false, DATE_ANY) \
    X(DDD, "DDD", true, DATE_GREGORIAN)     X(DD, "DD", true, DATE_GREGORIAN) \
    X(DY, "DY", false, DATE_ANY)            X(DAY, "Day", false, DATE_ANY) \
    X(DY, "Dy", false, DATE_ANY)            X(D, "D", true, DATE_GREGORIAN) \
    X(FF1, "FF1", true, DATE_ANY)           X(FF2, "FF2", true, DATE_ANY) \
    X(FF3, "FF3", true, DATE_ANY)           X(FF4, "FF4", true, DATE_ANY) \
    X(FF5, "FF5", true, DATE_ANY)           X(FF6, "FF6", true, DATE_ANY) \
    X(FX, "FX", false, DATE_ANY)            X(HH24, "HH24", true, DATE_ANY) \
    X(HH12, "HH12", true, DATE_ANY)         X(HH12, "HH", true, DATE_ANY) \
    X(IDDD, "IDDD", true, DATE_ISO_WEEK)    X(ID, "ID", true, DATE_ISO_WEEK) \
    X(IW, "IW", true, DATE_ISO_WEEK)        X(IYYY, "IYYY", true, DATE_ISO_WEEK) \
    X(IYY, "IYY", true, DATE_ISO_WEEK)      X(IY, "IY", true, DATE_ISO_WEEK) \
    X(I, "I", true, DATE_ISO_WEEK)          X(J, "J", true, DATE_ANY) \
    X(MI, "MI", true, DATE_ANY)             X(MM, "MM", true, DATE_GREGORIAN) \
    X(MONTH, "MONTH", false, DATE_GREGORIAN) X(MON, "MON", false, DATE_GREGORIAN) \
    X(MS, "MS", true, DATE_ANY)             X(MONTH, "Month", false, DATE_GREGORIAN) \
    X(MON, "Mon", false, DATE_GREGORIAN)    X(OF, "OF", false, DATE_ANY) \
    X(AM_DOTS, "P.M.", false, DATE_ANY)     X(AM, "PM", false, DATE_ANY) \
    X(Q, "Q", true, DATE_ANY)               X(RM, "RM", false, DATE_GREGORIAN) \
    X(SSSS, "SSSSS", true, DATE_ANY)        X(SSSS, "SSSS", true, DATE_ANY) \
    X(SS, "SS", true, DATE_ANY)             X(TZH, "TZH", false, DATE_ANY) \
    X(TZM, "TZM", true, DATE_ANY)           X(TZ, "TZ", false, DATE_ANY) \
    X(US, "US", true, DATE_ANY)             X(WW, "WW", true, DATE_GREGORIAN) \
    X(W, "W", true, DATE_GREGORIAN)         X(Y_YYY, "Y,YYY", true, DATE_GREGORIAN) \
    X(YYYY, "YYYY", true, DATE_GREGORIAN)   X(YYY, "YYY", true, DATE_GREGORIAN) \
    X(YY, "YY", true, DATE_GREGORIAN)       X(Y, "Y", true, DATE_GREGORIAN)

#define DATE_PATTERNS_LOWER(X) \
    X(AD_DOTS, "a.d.", false, DATE_ANY)     X(AM_DOTS, "a.m.", false, DATE_ANY) \
    X(AD, "ad", false, DATE_ANY)            X(AM, "am", false, DATE_ANY) \
    X(AD_DOTS, "b.c.", false, DATE_ANY)     X(AD, "bc", false, DATE_ANY) \
    X(CC, "cc", true, DATE_ANY)             X(DAY, "day", false, DATE_ANY) \
    X(DDD, "ddd", true, DATE_GREGORIAN)     X(DD, "dd", true, DATE_GREGORIAN) \
    X(DY, "dy", false, DATE_ANY)            X(D, "d", true, DATE_GREGORIAN) \
    X(FF1, "ff1", true, DATE_ANY)           X(FF2, "ff2", true, DATE_ANY) \
    X(FF3, "ff3", true, DATE_ANY)           X(FF4, "ff4", true, DATE_ANY) \
    X(FF5, "ff5", true, DATE_ANY)           X(FF6, "ff6", true, DATE_ANY) \
    X(FX, "fx", false, DATE_ANY)            X(HH24, "hh24", true, DATE_ANY) \
    X(HH12, "hh12", true, DATE_ANY)         X(HH12, "hh", true, DATE_ANY) \
    X(IDDD, "iddd", true, DATE_ISO_WEEK)    X(ID, "id", true, DATE_ISO_WEEK) \
    X(IW, "iw", true, DATE_ISO_WEEK)        X(IYYY, "iyyy", true, DATE_ISO_WEEK) \
    X(IYY, "iyy", true, DATE_ISO_WEEK)      X(IY, "iy", true, DATE_ISO_WEEK) \
    X(I, "i", true, DATE_ISO_WEEK)          X(J, "j", true, DATE_ANY) \
    X(MI, "mi", true, DATE_ANY)             X(MM, "mm", true, DATE_GREGORIAN) \
    X(MONTH, "month", false, DATE_GREGORIAN) X(MON, "mon", false, DATE_GREGORIAN) \
    X(MS, "ms", true, DATE_ANY)             X(OF, "of", false, DATE_ANY) \
    X(AM_DOTS, "p.m.", false, DATE_ANY)     X(AM, "pm", false, DATE_ANY) \
    X(Q, "q", true, DATE_ANY)               X(RM, "rm", false, DATE_GREGORIAN) \
    X(SSSS, "sssss", true, DATE_ANY)        X(SSSS, "ssss", true, DATE_ANY) \
    X(SS, "ss", true, DATE_ANY)             X(TZH, "tzh", false, DATE_ANY) \
    X(TZM, "tzm", true, DATE_ANY)           X(TZ, "tz", false, DATE_ANY) \
    X(US, "us", true, DATE_ANY)             X(WW, "ww", true, DATE_GREGORIAN) \
    X(W, "w", true, DATE_GREGORIAN)         X(Y_YYY, "y,yyy", true, DATE_GREGORIAN) \
    X(YYYY, "yyyy", true, DATE_GREGORIAN)   X(YYY, "yyy", true, DATE_GREGORIAN) \
    X(YY, "yy", true, DATE_GREGORIAN)       X(Y, "y", true, DATE_GREGORIAN)
// clang-format on

enum date_pattern {
    D_AD_DOTS,
    D_AM_DOTS,
    D_AD,
    D_AM,
    D_CC,
    D_DAY,
    D_DDD,
    D_DD,
    D_DY,
    D_D,
    D_FF1,
    D_FF2,
    D_FF3,
    D_FF4,
    D_FF5,
    D_FF6,
    D_FX,
    D_HH24,
    D_HH12,
    D_IDDD,
    D_ID,
    D_IW,
    D_IYYY,
    D_IYY,
    D_IY,
    D_I,
    D_J,
    D_MI,
    D_MM,
    D_MONTH,
    D_MON,
    D_MS,
    D_OF,
    D_Q,
    D_RM,
    D_SSSS,
    D_SS,
    D_TZH,
    D_TZM,
    D_TZ,
    D_US,
    D_WW,
    D_W,
    D_Y_YYY,
    D_YYYY,
    D_YYY,
    D_YY,
    D_Y
};

extern const struct template_pattern date_patterns[];
extern const char *const month_names[12], *const day_names[7];
extern const char *const roman_months[12]; /* XII first */

#endif
