/* GET over the connection of tls_client.h, one after the other.
 *
 * The server is hostile: what it sends is bounded, and its words reach a
 * terminal only cleaned (text.h).
 */
#ifndef TOOL_FETCH_H
#define TOOL_FETCH_H

#include <stdbool.h>

#include "appliance/base/slice.h"

enum { FETCH_BODY_MAX = 131072 };

/* The body of the answer to GET path, which lives until the next call. False
 * after saying why not: also when the status is not 200. host goes into the
 * request, what into messages. */
bool fetch_get(const char *host, const char *path, const char *what, struct slice *body);

#endif
