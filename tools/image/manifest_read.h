/* Reading one value of a manifest's text: what MANIFEST.md calls durations, sizes,
 * words and lists, each strictly. The text is anybody's (yaml.h).
 *
 * All functions note what is wrong with a value, what was expected and where, and
 * return false; nothing is set then.
 */
#ifndef IMAGE_MANIFEST_READ_H
#define IMAGE_MANIFEST_READ_H

#include "tools/image/plan.h"

/* Where the reader is: in front of each note stands "service 'NAME': KEY: ". */
struct reading {
	struct plan *plan;
	struct slice service; /* len 0: the top level */
	const char *in, *key; /* a key, and the one that its map belongs to; NULL: none */
};

__attribute__((format(printf, 3, 4))) bool reading_wrong(const struct reading *r,
                                                         const struct yaml *at, const char *fmt,
                                                         ...);

enum unit {
	UNIT_NONE,     /* 42 */
	UNIT_DURATION, /* milliseconds: 500ms, 10s, 5m, 1h */
	UNIT_SIZE,     /* bytes: 4096, 512K, 64M, 1G */
	UNIT_CPU,      /* thousandths: 0.5, 2 */
};

enum { NUMBER_TEXT_MAX = 32 };

/* The shortest way to write it. */
void number_print(char text[NUMBER_TEXT_MAX], enum unit unit, uint64_t v);

struct number {
	enum unit unit;
	uint64_t min, max;
	const char *why_min, *why_max; /* a clause each: why not less, why not more */
};

bool read_number(const struct reading *r, const struct yaml *v, const struct number *n,
                 uint64_t *out);

bool read_bool(const struct reading *r, const struct yaml *v, bool *out);

/* 1 to MANIFEST_ARG_MAX bytes without NUL; or 0 as well. */
bool read_word(const struct reading *r, const struct yaml *v, struct slice *out);
bool read_text(const struct reading *r, const struct yaml *v, struct slice *out);

/* A path that begins with / and has no "..". */
bool read_path(const struct reading *r, const struct yaml *v, struct slice *out);

/* Which of n words it is. */
bool read_choice(const struct reading *r, const struct yaml *v, const char *const *words, size_t n,
                 size_t *out);

/* A list of at least min members. */
bool read_list(const struct reading *r, const struct yaml *v, size_t min, size_t max,
               const char *example);

/* A list of words, the first of which is a program. */
bool read_command(const struct reading *r, const struct yaml *v,
                  struct slice words[MANIFEST_ARGV_MAX], size_t *n);

bool read_map(const struct reading *r, const struct yaml *v, const char *example);

#endif
