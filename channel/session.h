/* One admitted session, in a process of its own: the enclave's end of exec,
 * push and pull. It runs in the app's root, as the root that is left there.
 */
#ifndef CHANNEL_SESSION_H
#define CHANNEL_SESSION_H

#include "channel/admit.h"
#include "channel/message.h"

/* The session role: waits on its end of the pair for a connection and its
 * request (admit.h), serves it and returns the exit status. */
int session_main(int pair);

/* Parses the request of a message of len bytes, which *r then points into: what
 * PID 1 was asked for is what is served, or false. */
bool session_request(struct request *r, const struct admit_request *m, size_t len);

/* The operations. Each answers on conn (blocking, its own) to the end of the
 * session, ERROR included, and returns when nothing is left to do. */
void exec_serve(int conn, const struct request *r);
void push_serve(int conn, const struct request *r);
void pull_serve(int conn, const struct request *r);

enum { SESSION_DRAIN_MS = 10000, SESSION_CLOSE_MS = 5000 };

/* Sends our last frames, or the rest of them, and then drops what arrives
 * until the peer closes; at most wait_ms in all. */
void session_end(int conn, struct slice last, int64_t wait_ms);

/* The same with ERROR, and SESSION_DRAIN_MS. */
void session_fail(int conn, enum error_code code, const char *text);

#endif
