/*
 * clock.c - time. The calendar is computed here: gmtime_r would read the host's
 * time zone files on its first call.
 */
#include "base/clock.h"

#include <stdbool.h>
#include <string.h>
#include <time.h>

#define NS_PER_SECOND   INT64_C(1000000000)
#define SECONDS_PER_DAY 86400

int64_t clock_monotonic_ms(void)
{
    struct timespec now = {0};

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t clock_unix_ns(void)
{
    struct timespec now = {0};

    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * NS_PER_SECOND + now.tv_nsec;
}

/* Days since 1970-01-01 and back, proleptic Gregorian. Years are counted from March, so that the
 * leap day is the last one; an era is 400 years. */
static int64_t days_of_date(int64_t year, int64_t month, int64_t day)
{
    int64_t shifted = month <= 2 ? year - 1 : year;
    int64_t era = (shifted >= 0 ? shifted : shifted - 399) / 400;
    int64_t year_of_era = shifted - era * 400;
    int64_t day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;

    return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year -
           719468;
}

static void date_of_days(int64_t days, int64_t *ret_year, int64_t *ret_month, int64_t *ret_day)
{
    int64_t shifted = days + 719468;
    int64_t era = (shifted >= 0 ? shifted : shifted - 146096) / 146097;
    int64_t day_of_era = shifted - era * 146097;
    int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t month = (5 * day_of_year + 2) / 153;

    *ret_day = day_of_year - (153 * month + 2) / 5 + 1;
    *ret_month = month < 10 ? month + 3 : month - 9;
    *ret_year = year_of_era + era * 400 + (*ret_month <= 2);
}

static int64_t floor_divide(int64_t value, int64_t by)
{
    return value / by - (value % by < 0);
}

void clock_format_rfc3339(int64_t unix_ns, char buffer[CLOCK_RFC3339_SIZE])
{
    int64_t seconds = floor_divide(unix_ns, NS_PER_SECOND);
    int64_t days = floor_divide(seconds, SECONDS_PER_DAY);
    int fraction = (int)((unix_ns % NS_PER_SECOND + NS_PER_SECOND) % NS_PER_SECOND);
    int second_of_day = (int)(seconds - days * SECONDS_PER_DAY);
    int64_t year;
    int64_t month;
    int64_t day;
    int length;

    if (unix_ns == 0) {
        (void)snprintf(buffer, CLOCK_RFC3339_SIZE, "0001-01-01T00:00:00Z");
        return;
    }
    date_of_days(days, &year, &month, &day);
    length = snprintf(buffer, CLOCK_RFC3339_SIZE, "%04d-%02d-%02dT%02d:%02d:%02d.%09d", (int)year,
                      (int)month, (int)day, second_of_day / 3600, second_of_day / 60 % 60,
                      second_of_day % 60, fraction);
    while (length > 0 && buffer[length - 1] == '0')
        length--;
    if (length > 0 && buffer[length - 1] == '.')
        length--;
    memcpy(buffer + length, "Z", 2);
}

void clock_format_go(int64_t unix_ns, char buffer[CLOCK_GO_SIZE])
{
    char utc[CLOCK_RFC3339_SIZE]; /* date T time Z */

    clock_format_rfc3339(unix_ns, utc);
    (void)snprintf(buffer, CLOCK_GO_SIZE, "%.10s %.*s +0000 UTC", utc, (int)strlen(utc) - 12,
                   utc + 11);
}

/* Exactly `digits` digits. */
static bool read_number(const char **cursor, int digits, int minimum, int maximum, int *ret_value)
{
    int value = 0;

    for (int i = 0; i < digits; i++) {
        char c = **cursor;

        if (c < '0' || c > '9')
            return false;
        value = value * 10 + (c - '0');
        (*cursor)++;
    }
    *ret_value = value;
    return value >= minimum && value <= maximum;
}

static bool read_char(const char **cursor, char wanted)
{
    if (**cursor != wanted && **cursor != (wanted | 0x20))
        return false;
    (*cursor)++;
    return true;
}

static bool read_date(const char **cursor, int64_t *ret_days)
{
    static const int month_days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int year;
    int month;
    int day;
    bool is_leap;

    if (!read_number(cursor, 4, 0, 9999, &year) || !read_char(cursor, '-') ||
        !read_number(cursor, 2, 1, 12, &month) || !read_char(cursor, '-') ||
        !read_number(cursor, 2, 1, 31, &day))
        return false;
    is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    if (day > month_days[month - 1] + (is_leap && month == 2))
        return false;
    *ret_days = days_of_date(year, month, day);
    return true;
}

/* "16:32:08" and an optional fraction. */
static bool read_time(const char **cursor, int64_t *ret_seconds, int64_t *ret_ns)
{
    int hour;
    int minute;
    int second;
    int64_t weight = NS_PER_SECOND / 10;

    if (!read_number(cursor, 2, 0, 23, &hour) || !read_char(cursor, ':') ||
        !read_number(cursor, 2, 0, 59, &minute) || !read_char(cursor, ':') ||
        !read_number(cursor, 2, 0, 60, &second)) /* 60: a leap second */
        return false;
    *ret_seconds = hour * 3600 + minute * 60 + second;
    *ret_ns = 0;
    if (**cursor != '.')
        return true;
    if ((*cursor)[1] < '0' || (*cursor)[1] > '9')
        return false;
    for ((*cursor)++; **cursor >= '0' && **cursor <= '9'; (*cursor)++, weight /= 10)
        *ret_ns += (**cursor - '0') * weight;
    return true;
}

/* "Z" or "+02:00". */
static bool read_offset(const char **cursor, int64_t *ret_seconds)
{
    char sign = **cursor;
    int hours;
    int minutes;

    *ret_seconds = 0;
    if (read_char(cursor, 'Z'))
        return true;
    if (sign != '+' && sign != '-')
        return false;
    (*cursor)++;
    if (!read_number(cursor, 2, 0, 23, &hours) || !read_char(cursor, ':') ||
        !read_number(cursor, 2, 0, 59, &minutes))
        return false;
    *ret_seconds = (hours * 3600 + minutes * 60) * (sign == '-' ? -1 : 1);
    return true;
}

int clock_parse_rfc3339(const char *text, int64_t *ret_unix_ns)
{
    int64_t days;
    int64_t seconds;
    int64_t fraction_ns;
    int64_t offset;
    int64_t result;

    if (!text || !read_date(&text, &days) || !read_char(&text, 'T') ||
        !read_time(&text, &seconds, &fraction_ns) || !read_offset(&text, &offset) || *text != '\0')
        return -MCPD_E_INVALID;
    seconds += days * SECONDS_PER_DAY - offset;
    if (seconds == days_of_date(1, 1, 1) * SECONDS_PER_DAY && fraction_ns == 0)
        result = 0;
    else if (__builtin_mul_overflow(seconds, NS_PER_SECOND, &result) ||
             __builtin_add_overflow(result, fraction_ns, &result))
        return -MCPD_E_INVALID;
    *ret_unix_ns = result;
    return 0;
}

void clock_format_age(int64_t seconds, char *buffer, size_t size)
{
    long long hours = (seconds + 1800) / 3600;

    if (seconds < 1)
        (void)snprintf(buffer, size, "Less than a second");
    else if (seconds == 1)
        (void)snprintf(buffer, size, "1 second");
    else if (seconds < 60)
        (void)snprintf(buffer, size, "%lld seconds", (long long)seconds);
    else if (seconds < 120)
        (void)snprintf(buffer, size, "About a minute");
    else if (seconds < 3600)
        (void)snprintf(buffer, size, "%lld minutes", (long long)seconds / 60);
    else if (hours == 1)
        (void)snprintf(buffer, size, "About an hour");
    else if (hours < 48)
        (void)snprintf(buffer, size, "%lld hours", hours);
    else if (hours < 24 * 7 * 2)
        (void)snprintf(buffer, size, "%lld days", hours / 24);
    else if (hours < 24 * 30 * 2)
        (void)snprintf(buffer, size, "%lld weeks", hours / 24 / 7);
    else if (hours < 24 * 365 * 2)
        (void)snprintf(buffer, size, "%lld months", hours / 24 / 30);
    else
        (void)snprintf(buffer, size, "%lld years", (long long)seconds / 3600 / 24 / 365);
}
