/* System calls that must not be cut short, and file descriptors that are
 * closed once. EINTR is never seen by the caller.
 */
#ifndef BASE_IO_H
#define BASE_IO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "appliance/base/rc.h"

/* Blocking descriptors. io_read_full: RC_EOF when the end comes before n
 * bytes; RC_IO leaves errno. */
RC_CHECK enum rc io_read_full(int fd, void *p, size_t n);
RC_CHECK enum rc io_write_full(int fd, const void *p, size_t n);

/* Reads a file of at most max bytes into p; its length into *len. RC_LIMIT
 * when it is longer. */
RC_CHECK enum rc io_read_file(const char *path, void *p, size_t max, size_t *len);

/* Writes text to a file that is there, as those of proc and cgroups; a relative
 * path begins at the folder dir. */
RC_CHECK enum rc io_put_file(int dir, const char *path, const char *text);

/* Waits until fd has one of events (poll(2)). RC_TIMEOUT when clock_mono_ms()
 * has reached until_ms, whatever fd has by then; RC_IO. */
RC_CHECK enum rc io_wait(int fd, short events, int64_t until_ms);

/* Closes *fd if it is not -1 and sets it to -1; errno is kept. */
void io_close(int *fd);

/* CLOCK_MONOTONIC, CLOCK_BOOTTIME in milliseconds. */
int64_t clock_mono_ms(void);
int64_t clock_boot_ms(void);

/* What poll(2) has to be given to wake up at until_ms, never for INT64_MAX. Weeks before
 * it is too early: who is woken looks at the clock again. */
int io_timeout(int64_t until_ms, int64_t now_ms);

static inline int64_t earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* The pause before the next try, in milliseconds: doubles the last one (0: there was none)
 * from first to most, and begins anew; at least 1, lest what always fails keep us busy. */
static inline int64_t backoff(int64_t last, int64_t first, int64_t most, bool anew)
{
	int64_t next = earlier(last == 0 || anew ? first : 2 * last, most);

	return next > 0 ? next : 1;
}

/* Keeps something to a rate, in the caller's unit of time: it may go on when *due <= now,
 * and then says so here and what it cost. At most `saved` is left of a time of rest. */
static inline void pace(int64_t *due, int64_t now, int64_t cost, int64_t saved)
{
	*due = (*due > now - saved ? *due : now - saved) + cost;
}

/* Overwrites n bytes so that no compiler leaves it out. */
void wipe(void *p, size_t n);

#endif
