#include "tools/casemate/when.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { NS_DIGITS = 9, LAST_YEAR = 2261, MINUTE_S = 60, HOUR_S = 3600, DAY_S = 86400 };
#define SECOND_NS   INT64_C(1000000000)
#define SECONDS_MAX (INT64_MAX / SECOND_NS)

/* Takes exactly n digits off *s. */
static bool digits(const char **s, size_t n, int *v)
{
	*v = 0;
	for (size_t i = 0; i < n; i++) {
		if (**s < '0' || **s > '9')
			return false;
		*v = *v * 10 + (*(*s)++ - '0');
	}
	return true;
}

static bool take(const char **s, char c)
{
	if (**s != c)
		return false;
	(*s)++;
	return true;
}

/* ".5" and the like, or nothing. */
static bool fraction(const char **s, int64_t *ns)
{
	size_t n = 0;

	*ns = 0;
	if (!take(s, '.'))
		return true;
	for (; **s >= '0' && **s <= '9' && n < NS_DIGITS; n++)
		*ns = *ns * 10 + (*(*s)++ - '0');
	if (n == 0)
		return false;
	for (; n < NS_DIGITS; n++)
		*ns *= 10;
	return true;
}

/* "Z", "+01:00": seconds east of UTC. */
static bool offset(const char **s, int *seconds)
{
	int hours, minutes, sign = **s == '-' ? -1 : 1;

	*seconds = 0;
	if (take(s, 'Z') || take(s, 'z'))
		return true;
	if (!take(s, '+') && !take(s, '-'))
		return false;
	if (!digits(s, 2, &hours) || !take(s, ':') || !digits(s, 2, &minutes) || hours > 23 ||
	    minutes > 59)
		return false;
	*seconds = sign * (hours * HOUR_S + minutes * MINUTE_S);
	return true;
}

static int days_of(int month, int year)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

	return days[month] + (month == 1 && leap);
}

/* Second 60 is there for leap seconds. */
static bool in_range(const struct tm *t)
{
	return t->tm_year >= 70 && t->tm_year <= LAST_YEAR - 1900 && t->tm_mon >= 0 &&
	       t->tm_mon < 12 && t->tm_mday >= 1 &&
	       t->tm_mday <= days_of(t->tm_mon, t->tm_year + 1900) && t->tm_hour < 24 &&
	       t->tm_min < 60 && t->tm_sec <= 60;
}

static bool parse_time(const char *s, uint64_t *ns)
{
	struct tm t = { 0 };
	int64_t rest, seconds;
	int east;

	if (!digits(&s, 4, &t.tm_year) || !take(&s, '-') || !digits(&s, 2, &t.tm_mon) ||
	    !take(&s, '-') || !digits(&s, 2, &t.tm_mday) || !(take(&s, 'T') || take(&s, 't')) ||
	    !digits(&s, 2, &t.tm_hour) || !take(&s, ':') || !digits(&s, 2, &t.tm_min) ||
	    !take(&s, ':') || !digits(&s, 2, &t.tm_sec) || !fraction(&s, &rest) ||
	    !offset(&s, &east) || *s != '\0')
		return false;
	t.tm_year -= 1900;
	t.tm_mon--;
	if (!in_range(&t))
		return false;
	seconds = timegm(&t) - east;
	*ns = seconds < 0 ? 0 : (uint64_t)(seconds * SECOND_NS + rest);
	return true;
}

static int64_t unit_s(char c)
{
	switch (c) {
	case 's': return 1;
	case 'm': return MINUTE_S;
	case 'h': return HOUR_S;
	case 'd': return DAY_S;
	default: return 0;
	}
}

static bool parse_ago(const char *s, uint64_t now_ns, uint64_t *ns)
{
	int64_t ago = 0;

	if (*s == '\0')
		return false;
	while (*s != '\0') {
		size_t n = strspn(s, "0123456789");
		int64_t v, unit;

		if (n == 0 || n > NS_DIGITS)
			return false;
		v = strtoll(s, NULL, 10);
		unit = unit_s(s[n]);
		if (unit == 0 || v * unit > SECONDS_MAX - ago)
			return false;
		ago += v * unit;
		s += n + 1;
	}
	*ns = (uint64_t)(ago * SECOND_NS) > now_ns ? 0 : now_ns - (uint64_t)(ago * SECOND_NS);
	return true;
}

bool when_parse(const char *s, uint64_t now_ns, uint64_t *ns)
{
	return parse_time(s, ns) || parse_ago(s, now_ns, ns);
}

void when_text(char out[WHEN_TEXT_MAX], uint64_t ns)
{
	time_t seconds = (time_t)(ns / (uint64_t)SECOND_NS);
	struct tm t;
	size_t n;

	gmtime_r(&seconds, &t);
	n = strftime(out, WHEN_TEXT_MAX, "%Y-%m-%dT%H:%M:%S", &t);
	snprintf(out + n, WHEN_TEXT_MAX - n, ".%09" PRIu64 "Z", ns % (uint64_t)SECOND_NS);
}

uint64_t when_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return t.tv_sec < 0 ? 0 : (uint64_t)t.tv_sec * (uint64_t)SECOND_NS + (uint64_t)t.tv_nsec;
}
