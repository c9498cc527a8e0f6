#include "tools/image/manifest_read.h"

#include <stdio.h>

#include "tools/image/nearest.h"

bool reading_wrong(const struct reading *r, const struct yaml *at, const char *fmt, ...)
{
	va_list ap;
	char what[NOTE_MAX], service[SHOW_MAX + 16] = "", key[2 * SHOW_MAX] = "";

	va_start(ap, fmt);
	vsnprintf(what, sizeof what, fmt, ap);
	va_end(ap);
	if (r->service.len > 0)
		snprintf(service, sizeof service, "service '%.*s': ", SHOW(r->service));
	if (r->key != NULL)
		snprintf(key, sizeof key, "%s%s%s: ", r->in ? r->in : "", r->in ? ": " : "",
		         r->key);
	plan_note(r->plan, at, "%s%s%s", service, key, what);
	return false;
}

static const char *kind(const struct yaml *v)
{
	return v->kind == YAML_MAP ? "a map" : v->kind == YAML_LIST ? "a list" : "a single value";
}

/* Plain words that stand for nothing at all (YAML 1.2, 10.2.1.1). */
static bool is_null(const struct yaml *v)
{
	return v->plain &&
	       (v->text.len == 0 || slice_is(v->text, "~") || slice_is(v->text, "null") ||
	        slice_is(v->text, "Null") || slice_is(v->text, "NULL"));
}

/* Something was written, and it is a scalar. */
static bool is_scalar(const struct reading *r, const struct yaml *v, const char *expected)
{
	if (v->kind != YAML_SCALAR)
		return reading_wrong(r, v, "%s: expected %s", kind(v), expected);
	if (v->plain && v->text.len == 0)
		return reading_wrong(r, v, "there is no value: expected %s", expected);
	if (is_null(v))
		return reading_wrong(r, v,
		                     "%.*s means no value: expected %s (the word itself: "
		                     "\"%.*s\")",
		                     SHOW(v->text), expected, SHOW(v->text));
	return true;
}

/* --- numbers --- */

static const struct {
	const char *example;
	struct {
		const char *suffix;
		uint64_t scale;
	} scale[5]; /* the largest first */
} units[] = {
	[UNIT_NONE] = { "a decimal number such as 42", { { "", 1 } } },
	[UNIT_DURATION] = { "a duration such as 500ms, 10s, 5m or 1h",
	                    { { "h", 3600000 }, { "m", 60000 }, { "s", 1000 }, { "ms", 1 } } },
	[UNIT_SIZE] = { "a size such as 4096, 512K, 64M or 1G",
	                { { "G", 1 << 30 }, { "M", 1 << 20 }, { "K", 1 << 10 }, { "", 1 } } },
	[UNIT_CPU] = { "a number of processors such as 0.5 or 2", { { "", 1000 } } },
};

void number_print(char text[NUMBER_TEXT_MAX], enum unit unit, uint64_t v)
{
	size_t i = 0;

	if (unit == UNIT_CPU) {
		snprintf(text, NUMBER_TEXT_MAX, "%.10g", (double)v / 1000);
		return;
	}
	while (units[unit].scale[i].scale > 1 && (v == 0 || v % units[unit].scale[i].scale != 0))
		i++;
	snprintf(text, NUMBER_TEXT_MAX, "%llu%s",
	         (unsigned long long)(v / units[unit].scale[i].scale), units[unit].scale[i].suffix);
}

/* How many of s's bytes are digits. */
static size_t digits(struct slice s)
{
	size_t n = 0;

	while (n < s.len && s.p[n] >= '0' && s.p[n] <= '9')
		n++;
	return n;
}

/* Thousandths: at most three digits after the point. */
static bool parse_cpu(struct slice s, uint64_t max, uint64_t *out)
{
	size_t whole = digits(s), part = 0;
	uint64_t v, fraction = 0;

	if (!slice_decimal(slice_of(s.p, whole), max, &v))
		return false;
	if (whole < s.len) {
		part = s.len - whole - 1;
		if (s.p[whole] != '.' || part > 3 ||
		    !slice_decimal(slice_of(s.p + whole + 1, part), 999, &fraction))
			return false;
	}
	for (; part < 3; part++)
		fraction *= 10;
	*out = v * 1000 + fraction;
	return true;
}

/* *out is more than max for all that is more. */
static bool parse_number(struct slice s, enum unit unit, uint64_t max, uint64_t *out)
{
	size_t n = digits(s);
	struct slice suffix = slice_of(s.p + n, s.len - n);
	uint64_t v;

	/* 010 is ten to one reader and eight to another. */
	if (n > 1 && s.p[0] == '0' && unit != UNIT_CPU)
		return false;
	if (unit == UNIT_CPU)
		return !(n > 1 && s.p[0] == '0') && parse_cpu(s, max + 1, out);
	if (!slice_decimal(slice_of(s.p, n), max + 1, &v))
		return false;
	for (size_t i = 0; i < sizeof units[unit].scale / sizeof *units[unit].scale; i++)
		if (units[unit].scale[i].suffix && slice_is(suffix, units[unit].scale[i].suffix)) {
			uint64_t scale = units[unit].scale[i].scale;

			*out = v > max / scale ? max + 1 : v * scale;
			return true;
		}
	return false;
}

bool read_number(const struct reading *r, const struct yaml *v, const struct number *n,
                 uint64_t *out)
{
	const char *example = units[n->unit].example;
	char bound[NUMBER_TEXT_MAX];
	uint64_t value;

	if (!is_scalar(r, v, example))
		return false;
	/* "10s" is a word to YAML, and "42" is none that means a number. */
	if (!v->plain && (n->unit == UNIT_NONE || n->unit == UNIT_CPU))
		return reading_wrong(r, v, "'%.*s' is in quotes: expected %s, without",
		                     SHOW(v->text), example);
	if (n->unit == UNIT_DURATION && digits(v->text) == v->text.len)
		return reading_wrong(r, v, "%.*s has no unit: expected %s", SHOW(v->text), example);
	if (!parse_number(v->text, n->unit, n->max, &value))
		return reading_wrong(r, v, "'%.*s': expected %s", SHOW(v->text), example);
	if (value < n->min) {
		number_print(bound, n->unit, n->min);
		return reading_wrong(r, v, "%.*s is less than %s%s%s", SHOW(v->text), bound,
		                     n->why_min ? ": " : "", n->why_min ? n->why_min : "");
	}
	if (value > n->max) {
		number_print(bound, n->unit, n->max);
		return reading_wrong(r, v, "%.*s is more than %s%s%s", SHOW(v->text), bound,
		                     n->why_max ? ": " : "", n->why_max ? n->why_max : "");
	}
	*out = value;
	return true;
}

bool read_bool(const struct reading *r, const struct yaml *v, bool *out)
{
	if (!is_scalar(r, v, "true or false"))
		return false;
	if (!v->plain || (!slice_is(v->text, "true") && !slice_is(v->text, "false")))
		return reading_wrong(r, v, "%s%.*s%s: expected true or false",
		                     v->plain ? "'" : "\"", SHOW(v->text),
		                     v->plain ? "'" : "\", in quotes");
	*out = slice_is(v->text, "true");
	return true;
}

/* --- words --- */

bool read_text(const struct reading *r, const struct yaml *v, struct slice *out)
{
	if (!is_scalar(r, v, "a word"))
		return false;
	if (v->text.len > MANIFEST_ARG_MAX)
		return reading_wrong(r, v, "%zu bytes: at most %d", v->text.len, MANIFEST_ARG_MAX);
	if (v->text.len > 0 && memchr(v->text.p, '\0', v->text.len))
		return reading_wrong(r, v,
		                     "has a NUL (\\0), which no argument and no variable can");
	*out = v->text;
	return true;
}

bool read_word(const struct reading *r, const struct yaml *v, struct slice *out)
{
	struct slice s = { 0 };

	if (!read_text(r, v, &s))
		return false;
	if (s.len == 0)
		return reading_wrong(r, v, "is empty");
	*out = s;
	return true;
}

static bool is_absolute(struct slice path)
{
	return path.len > 0 && path.p && path.p[0] == '/';
}

/* Is one of its components ".."? */
static bool has_dots(struct slice path)
{
	struct slice part;

	while (path.len > 0) {
		(void)slice_cut(&path, '/', &part);
		if (slice_is(part, ".."))
			return true;
	}
	return false;
}

bool read_path(const struct reading *r, const struct yaml *v, struct slice *out)
{
	struct slice s = { 0 };

	if (!read_word(r, v, &s))
		return false;
	if (!is_absolute(s))
		return reading_wrong(r, v,
		                     "'%.*s' is not absolute: expected a path that begins "
		                     "with /",
		                     SHOW(s));
	if (has_dots(s))
		return reading_wrong(r, v, "'%.*s' has a '..': write where it leads", SHOW(s));
	*out = s;
	return true;
}

bool read_choice(const struct reading *r, const struct yaml *v, const char *const *words, size_t n,
                 size_t *out)
{
	char list[256] = "";
	struct nearest near = nearest_of(v->text);
	size_t used = 0;

	for (size_t i = 0; i < n && used < sizeof list; i++)
		used += (size_t)snprintf(list + used, sizeof list - used, "%s%s",
		                         i == 0       ? ""
		                         : i + 1 == n ? " or "
		                                      : ", ",
		                         words[i]);
	if (!is_scalar(r, v, list))
		return false;
	for (size_t i = 0; i < n; i++) {
		if (slice_is(v->text, words[i])) {
			*out = i;
			return true;
		}
		nearest_try(&near, slice_str(words[i]));
	}
	if (near.best.len > 0)
		return reading_wrong(r, v, "unknown word '%.*s': did you mean '%.*s'? Expected %s",
		                     SHOW(v->text), SHOW(near.best), list);
	return reading_wrong(r, v, "unknown word '%.*s': expected %s", SHOW(v->text), list);
}

/* --- more than one --- */

bool read_list(const struct reading *r, const struct yaml *v, size_t min, size_t max,
               const char *example)
{
	if (v->kind != YAML_LIST)
		return reading_wrong(r, v, "%s: expected a list such as %s",
		                     is_null(v) ? "there is no value" : kind(v), example);
	if (v->n < min)
		return reading_wrong(r, v, "the list is empty: expected one such as %s", example);
	if (v->n > max)
		return reading_wrong(r, v, "%zu members: at most %zu", v->n, max);
	return true;
}

bool read_command(const struct reading *r, const struct yaml *v,
                  struct slice words[MANIFEST_ARGV_MAX], size_t *n)
{
	size_t i = 0;
	bool good = read_list(r, v, 1, MANIFEST_ARGV_MAX, "[/bin/server, --port, 80]");

	for (const struct yaml *m = v->first; good && m != NULL; m = m->next, i++)
		good = i == 0 ? read_word(r, m, &words[i]) : read_text(r, m, &words[i]);
	if (good)
		*n = i;
	return good;
}

bool read_map(const struct reading *r, const struct yaml *v, const char *example)
{
	if (v->kind != YAML_MAP)
		return reading_wrong(r, v, "%s: expected a map, %s",
		                     is_null(v) ? "there is no value" : kind(v), example);
	return true;
}
