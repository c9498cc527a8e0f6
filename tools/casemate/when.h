/* Points in time as people write and read them.
 *
 * RFC 3339 ("2026-11-27T05:52:04Z", with a fraction of up to nine digits and any
 * offset from UTC), or how long ago: numbers with a unit, "90s", "1h30m", "2d".
 * From 1970 to 2261, nanoseconds since 1970.
 */
#ifndef TOOL_WHEN_H
#define TOOL_WHEN_H

#include <stdbool.h>
#include <stdint.h>

enum { WHEN_TEXT_MAX = 40 };

/* What to tell somebody whose --since cannot be understood, with what they wrote. */
#define WHEN_MISUSE                                                                                \
	"--since %s: a time like 2026-11-27T05:52:04Z (RFC 3339), or how long ago, like 90s, "     \
	"10m, "                                                                                    \
	"1h30m or 2d"

/* False when s is neither; says nothing. What is longer ago than 1970 is 0. */
bool when_parse(const char *s, uint64_t now_ns, uint64_t *ns);

/* RFC 3339 in UTC with all nine digits; ns is at most INT64_MAX. */
void when_text(char out[WHEN_TEXT_MAX], uint64_t ns);

/* By this host's clock. */
uint64_t when_now(void);

#endif
