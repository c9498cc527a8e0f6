/* The session processes: how many there are, and the next one, which is
 * started in advance so that nobody waits for it (PID 1 only).
 */
#ifndef APPLIANCE_SESSIONS_H
#define APPLIANCE_SESSIONS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Hands a connection and its sealed request of len bytes to a session
 * process; both stay the caller's. 0, or the error code (channel/message.h)
 * that the peer is to get. */
uint32_t sessions_admit(uint32_t op, uint32_t len, int conn, int request);

/* False while there are as many as there may be. */
bool sessions_room(void);

/* Starts the next process if there is none waiting; not after one that was of
 * no use, until an admission has found one that was. */
void sessions_prepare(void);

/* True when the child that ended was one of these; says so if it crashed. */
bool sessions_reap(pid_t pid, int status);

/* The one that waits is not needed any more. */
void sessions_end(void);

#endif
