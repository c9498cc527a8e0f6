/* Ctrl-C while files are moved: the connection is cut, so that the transfer
 * fails the ordinary way and takes away what it had staged; a second signal
 * ends the process at once.
 */
#ifndef TOOL_INTERRUPT_H
#define TOOL_INTERRUPT_H

#include <stdbool.h>

/* From now on INT, TERM and HUP cut conn, which stays open until
 * interrupt_end(). Only one connection at a time. */
void interrupt_start(int conn);

/* One of them came. */
bool interrupt_came(void);

/* Ends the process as the signal would have, if there was one; otherwise
 * signals do again what they did. */
void interrupt_end(void);

#endif
