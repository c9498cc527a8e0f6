/* For tests of the stack: the enclave's side in a process of its own, a server
 * on SERVER_PORT whose behaviour a connection's first byte decides, and the
 * gateway's side in the test, both over socket pairs.
 */
#ifndef TESTS_UNIT_STACK_PEER_H
#define TESTS_UNIT_STACK_PEER_H

#include <stdbool.h>
#include <stddef.h>

#include "net/stack.h"

enum {
	SERVER_PORT = 8443,
	SERVER_LINKS = 6,
	SOURCE_BYTES = 1 << 20,
};

enum mode {
	MODE_ECHO = 'e',   /* sends back what comes, ends when the client has */
	MODE_SOURCE = 's', /* SOURCE_BYTES of pattern, its end, then swallows what comes */
	MODE_EARLY = 'f',  /* ends at once; counts what comes and resets unless it is
	                    * SOURCE_BYTES of pattern */
	MODE_STUCK = 'n',  /* never reads, never writes */
};

struct server {
	int link[SERVER_LINKS]; /* the client's ends, -1 once given away */
	int control;
	int pid;
	char path[64]; /* of a hybrid socket that is a link, too, for each connection */
};

static inline unsigned char pattern(size_t i)
{
	return (unsigned char)(i * 31 + (i >> 8) * 7 + (i >> 16));
}

/* The next n bytes of fd, at most SOURCE_BYTES, are those of the pattern. */
bool read_pattern(int fd, size_t n);

/* What reading fd says: its end, or, after what there is to read, a reset. */
bool at_end(int fd);
bool is_cut(int fd);

/* Starts the process; the test process must have done stack_init() on its own. */
void server_start(struct server *s);
/* Cuts the links that came by the hybrid socket. */
void server_cut(const struct server *s);
/* What the server's stack says; waits until it says that all is over, when
 * zero is set: the test's own alarm ends a wait that lasts. */
void server_usage(const struct server *s, bool zero, struct stack_usage *u);
/* 0 when it ended as it should. */
int server_stop(struct server *s);

/* One turn of an owner's loop: waits at most ms for fd of links (and extra, or
 * -1), moves packets, calls event for each connection that changed. */
void turn(int ms, int extra, void (*event)(struct stack_conn *c));

#endif
