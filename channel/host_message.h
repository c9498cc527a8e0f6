/* The control frames that only the host writes or reads (PROTOCOL.md); those
 * of both ends are in message.h, whose rules hold here too. What is parsed
 * comes from the enclave, which the host does not believe.
 */
#ifndef CHANNEL_HOST_MESSAGE_H
#define CHANNEL_HOST_MESSAGE_H

#include "channel/message.h"

void request_put(struct wbuf *w, const struct request *r);
/* Of numbers a status holds only those that PROTOCOL.md allows. */
RC_CHECK enum rc status_parse(struct slice payload, struct service_status *s);
RC_CHECK enum rc record_parse(struct slice payload, struct record_head *h, struct slice *text);

/* "not found", … for messages; never NULL. */
const char *error_name(enum error_code code);

#endif
