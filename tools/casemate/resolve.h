/* DNS questions of an enclave, forwarded to this host's name servers: those of a
 * resolv.conf(5), which is read again when it has changed.
 *
 * Whether an answer is good is the enclave's to judge (net/dns.h). Here it must
 * come from the server that was asked, with the id and the question; each
 * question has a socket and so a port of its own. One that does not answer, or
 * cannot, is followed by the next, RESOLVE_TRIES in all; an answer that was too long
 * for UDP is fetched by TCP. When all fail, the answer is SERVFAIL.
 *
 * Enclave and servers are hostile: what is no question is dropped, the number of
 * questions and the size of answers are bounded. One instance a process. Nothing here
 * blocks.
 */
#ifndef TOOL_RESOLVE_H
#define TOOL_RESOLVE_H

#include <stdbool.h>
#include <stdint.h>

#include "appliance/base/slice.h"

enum {
	RESOLVE_MAX = 256, /* questions under way; an enclave has at most 128 */
	RESOLVE_ASK_MAX = 512,
	RESOLVE_ANSWER_MAX = 16384, /* of which an enclave's program gets 4,096 */
	RESOLVE_TRIES = 3,
	RESOLVE_TRY_MS = 1300, /* of all, before the enclave gives up (net/resolver.h) */
};

/* Sockets are watched in epoll with first and up as data.u32, RESOLVE_MAX in all.
 * conf is a path, which is kept; the servers in it are asked at port, 53 but for
 * tests. */
void resolve_init(int epoll, uint32_t first, const char *conf, uint16_t port);

/* Asks. tag comes back with the answer. False: it is no question, or there is no
 * room. */
bool resolve_ask(struct slice message, uint64_t tag, int64_t now_ms);

/* epoll said something about a socket, n from 0: an answer that has come with that,
 * and its tag; empty when none has. It is valid until the next call of resolve. */
struct slice resolve_io(uint32_t n, int64_t now_ms, uint64_t *tag);

/* When to call resolve_tick(); INT64_MAX. */
int64_t resolve_deadline(void);
/* Goes on with what has waited for too long. An answer likewise; to be called until
 * there is none. */
struct slice resolve_tick(int64_t now_ms, uint64_t *tag);

/* Forgets all questions. */
void resolve_reset(void);

#endif
