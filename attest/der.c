#include "attest/der.h"

struct der der_of(struct slice in)
{
	return (struct der){ in, RC_OK };
}

void der_fail(struct der *d, enum rc rc)
{
	if (d->rc == RC_OK)
		d->rc = rc;
}

enum rc der_end(struct der *d)
{
	if (d->in.len > 0)
		der_fail(d, RC_BAD);
	return d->rc;
}

bool der_is(const struct der *d, uint8_t tag)
{
	return d->rc == RC_OK && d->in.len > 0 && d->in.p[0] == tag;
}

/* The length that follows the tag: < 0x80 itself, else 81 nn or 82 nn nn. */
static enum rc take_len(struct slice *in, size_t *len)
{
	struct slice b;
	size_t octets;

	if (!slice_take(in, 1, &b))
		return RC_EOF;
	*len = b.p[0];
	if (*len < 0x80)
		return RC_OK;
	octets = *len & 0x7f;
	if (octets == 0 || octets > 2)
		return RC_BAD;
	if (!slice_take(in, octets, &b))
		return RC_EOF;
	*len = octets == 1 ? b.p[0] : (size_t)b.p[0] << 8 | b.p[1];
	return *len < (octets == 1 ? 0x80 : 0x100) ? RC_BAD : RC_OK;
}

/* Contents into the result, the element with its head into *whole. */
static struct slice take(struct der *d, uint8_t tag, struct slice *whole)
{
	struct slice rest = d->in, body = { NULL, 0 }, b;
	size_t len = 0;

	*whole = body;
	if (d->rc != RC_OK)
		return body;
	if (!slice_take(&rest, 1, &b))
		d->rc = RC_EOF;
	else if (b.p[0] != tag)
		d->rc = RC_BAD;
	else
		d->rc = take_len(&rest, &len);
	if (d->rc == RC_OK && !slice_take(&rest, len, &body))
		d->rc = RC_EOF;
	if (d->rc != RC_OK)
		return slice_of(NULL, 0);
	*whole = slice_of(d->in.p, d->in.len - rest.len);
	d->in = rest;
	return body;
}

struct slice der_take(struct der *d, uint8_t tag)
{
	struct slice whole;

	return take(d, tag, &whole);
}

struct slice der_whole(struct der *d, uint8_t tag)
{
	struct slice whole;

	take(d, tag, &whole);
	return whole;
}

bool der_bool(struct der *d)
{
	struct slice s = der_take(d, DER_BOOLEAN);

	if (s.len != 1 || (s.p[0] != 0 && s.p[0] != 0xff)) {
		der_fail(d, RC_BAD);
		return false;
	}
	return s.p[0] != 0;
}

struct slice der_positive(struct der *d)
{
	struct slice s = der_take(d, DER_INTEGER);

	if (s.len == 0 || s.p[0] & 0x80 || (s.len > 1 && s.p[0] == 0 && !(s.p[1] & 0x80))) {
		der_fail(d, RC_BAD);
		return slice_of(NULL, 0);
	}
	if (s.len > 1 && s.p[0] == 0)
		s = slice_of(s.p + 1, s.len - 1);
	return s;
}

uint32_t der_uint(struct der *d, uint32_t max)
{
	struct slice s = der_positive(d);
	uint32_t v = 0;

	for (size_t i = 0; i < s.len && i < sizeof v; i++)
		v = v << 8 | s.p[i];
	if (s.len > sizeof v || v > max) {
		der_fail(d, RC_BAD);
		return 0;
	}
	return v;
}

struct slice der_bits(struct der *d)
{
	struct slice s = der_take(d, DER_BIT_STRING);

	if (s.len == 0 || s.p[0] != 0) {
		der_fail(d, RC_BAD);
		return slice_of(NULL, 0);
	}
	return slice_of(s.p + 1, s.len - 1);
}

/* unused bits ‖ bytes, the first named bit being the first byte's highest; the
 * last bit that is there must be set (X.690 §11.2.2). */
uint16_t der_flags(struct der *d)
{
	struct slice s = der_take(d, DER_BIT_STRING);
	uint16_t flags = 0;
	unsigned bits;

	if (s.len < 2 || s.len > 3 || s.p[0] > 7 || !(s.p[s.len - 1] >> s.p[0] & 1) ||
	    (s.p[s.len - 1] & ((1u << s.p[0]) - 1)) != 0) {
		der_fail(d, RC_BAD);
		return 0;
	}
	bits = (unsigned)(s.len - 1) * 8;
	for (unsigned i = 0; i < bits; i++)
		if (s.p[1 + i / 8] >> (7 - i % 8) & 1)
			flags |= (uint16_t)(1u << i);
	return flags;
}

/* n digits at p, -1 when there are others. */
static int number(const uint8_t *p, size_t n)
{
	int v = 0;

	for (size_t i = 0; i < n; i++) {
		if (p[i] < '0' || p[i] > '9')
			return -1;
		v = v * 10 + (p[i] - '0');
	}
	return v;
}

/* Days from 1970-01-01 in the Gregorian calendar; years begin in March, so
 * that the leap day is the last. */
static int64_t days(int year, int month, int day)
{
	int64_t y = month <= 2 ? year - 1 : year;
	int64_t m = month <= 2 ? month + 9 : month - 3;

	return 365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1 - 719468;
}

static bool is_date(int year, int month, int day)
{
	static const int lengths[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

	return month >= 1 && month <= 12 && day >= 1 &&
	       day <= lengths[month - 1] + (leap && month == 2);
}

/* MMDDHHMMSSZ behind the year. */
static int64_t time_of(struct der *d, int year, const uint8_t *p)
{
	int month = number(p, 2), day = number(p + 2, 2);
	int hour = number(p + 4, 2), minute = number(p + 6, 2), second = number(p + 8, 2);

	if (year < 0 || !is_date(year, month, day) || hour < 0 || hour > 23 || minute < 0 ||
	    minute > 59 || second < 0 || second > 59 || p[10] != 'Z') {
		der_fail(d, RC_BAD);
		return 0;
	}
	return ((days(year, month, day) * 24 + hour) * 60 + minute) * 60 + second;
}

int64_t der_time(struct der *d)
{
	bool utc = der_is(d, DER_UTC_TIME);
	struct slice s = der_take(d, utc ? DER_UTC_TIME : DER_GENERALIZED_TIME);
	int year;

	if (s.len != (utc ? 13 : 15)) {
		der_fail(d, RC_BAD);
		return 0;
	}
	year = number(s.p, utc ? 2 : 4);
	if (utc && year >= 0)
		year += year < 50 ? 2000 : 1900;
	return time_of(d, year, s.p + (utc ? 2 : 4));
}
