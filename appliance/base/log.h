/* One line of log to standard error: in the enclave that is the console.
 *
 * A line is written with a single write(2), at most LOG_LINE_MAX bytes, so
 * that lines of several processes do not mix; what is longer is cut. Control
 * bytes in it are written as '?', since a message may quote a peer.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

enum {
	LOG_LINE_MAX = 512,
	/* How long a line waits for a console that takes nothing, once: what
	 * comes then is lost until it takes a line again. */
	LOG_WAIT_MS = 100,
};

/* Sets the word in front of every line ("init", "channel"); kept by pointer. */
void log_name(const char *name);

/* Lines go to fd from now on, which must be an open file of its own that does
 * not wait (O_NONBLOCK): whoever has the console as well can stop its output,
 * and must not stop us. */
void log_to(int fd);

/* errno is kept, and %m works. */
__attribute__((format(printf, 1, 2))) void log_line(const char *fmt, ...);

#endif
