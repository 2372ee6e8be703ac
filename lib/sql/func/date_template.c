#include "sql/func/date_template.h"

#define PATTERN(id, text, is_digits, convention) {text, D_##id, is_digits, convention},

const struct template_pattern date_patterns[] = {
    DATE_PATTERNS_UPPER(PATTERN) DATE_PATTERNS_LOWER(PATTERN){NULL, 0, false, DATE_ANY}};

const char *const month_names[12] = {"January",   "February", "March",    "April",
                                     "May",       "June",     "July",     "August",
                                     "September", "October",  "November", "December"};
const char *const day_names[7] = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                  "Thursday", "Friday", "Saturday"};
const char *const roman_months[12] = {"XII", "XI", "X",  "IX",  "VIII", "VII",
                                      "VI",  "V",  "IV", "III", "II",   "I"};
