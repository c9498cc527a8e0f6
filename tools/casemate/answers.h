/* What the app is told at once of a packet that goes nowhere. */
#ifndef TOOL_ANSWERS_H
#define TOOL_ANSWERS_H

#include "net/packet.h"
#include "net/refuse.h"

enum { ANSWERS_SAID_MAX = 64 }; /* destinations that are mentioned, ever */

/* Answers p over the link it came by, if there is room. */
void answers_refuse(int link, const struct packet *p, enum refuse_why why);
/* The same for a destination that is not allowed, and says so once for each. */
void answers_prohibit(int link, const struct packet *p);
/* What a socket's error, or connect()'s, means to the app. */
enum refuse_why answers_why(int error);

#endif
