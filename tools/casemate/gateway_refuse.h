/* What the app is told at once of a packet that goes nowhere. */
#ifndef TOOL_GATEWAY_REFUSE_H
#define TOOL_GATEWAY_REFUSE_H

#include "net/packet.h"
#include "net/refuse.h"

enum { GATEWAY_REFUSE_SAID_MAX = 64 }; /* destinations that are mentioned, ever */

/* Answers p over the link it came by, if there is room. */
void gateway_refuse(int link, const struct packet *p, enum refuse_why why);
/* The same for a destination that is not allowed, and says so once for each. */
void gateway_refuse_prohibited(int link, const struct packet *p);
/* What a socket's error, or connect()'s, means to the app. */
enum refuse_why gateway_refuse_why(int error);

#endif
