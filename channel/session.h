/* One admitted session, in a process of its own: the enclave's end of exec,
 * push and pull. It runs in the app's root, as the root that is left there.
 */
#ifndef CHANNEL_SESSION_H
#define CHANNEL_SESSION_H

#include "channel/message.h"

/* The session role: reads the request from SESSION_REQUEST_FD, serves it on
 * SESSION_CONN_FD and returns the exit status. */
int session_main(void);

/* The operations. Each answers on conn (blocking, its own) to the end of the
 * session, ERROR included, and returns when nothing is left to do. */
void exec_serve(int conn, const struct request *r);
void push_serve(int conn, const struct request *r);
void pull_serve(int conn, const struct request *r);

/* Sends ERROR and then drops what arrives until the peer closes, at most
 * SESSION_DRAIN_MS. */
void session_fail(int conn, enum error_code code, const char *text);

enum { SESSION_DRAIN_MS = 10000, SESSION_CLOSE_MS = 5000 };

/* Waits for the peer to close after our last frame, at most
 * SESSION_CLOSE_MS. */
void session_linger(int conn);

#endif
