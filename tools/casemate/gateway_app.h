/* What the app sends over the link, on its way: TCP to flows.h, UDP and ICMP to
 * datagrams.h, questions for names to resolve.h, whose answers go back from here.
 * One instance a process. Packets are hostile.
 */
#ifndef TOOL_GATEWAY_APP_H
#define TOOL_GATEWAY_APP_H

#include "net/stack.h"
#include "tools/casemate/datagrams.h"
#include "tools/casemate/flows.h"
#include "tools/casemate/gateway.h"
#include "tools/casemate/resolve.h"

enum {
	GATEWAY_APP_FLOWS = 0, /* the first tag of each in epoll */
	GATEWAY_APP_DATAGRAMS = FLOWS_MAX,
	GATEWAY_APP_RESOLVE = GATEWAY_APP_DATAGRAMS + DATAGRAMS_TAGS,
	GATEWAY_APP_TAGS = GATEWAY_APP_RESOLVE + RESOLVE_MAX,
	GATEWAY_APP_NAMES = 53,
};

/* For stack_init(). */
extern const struct stack_app gateway_app;

/* Sockets are watched in epoll with less than GATEWAY_APP_TAGS as data.u32. */
void gateway_app_init(int epoll, const struct gateway *g);
void gateway_app_io(uint32_t tag, uint32_t events, int64_t now_ms);
/* What has changed since the last turn, and what there was no time for then. After the
 * links were read, before stack_flush(). link: where clients are led; -1: none. */
void gateway_app_serve(int link, int64_t now_ms);
/* When to do that again; now_ms: at once. INT64_MAX. */
int64_t gateway_app_deadline(int link, int64_t now_ms);

#endif
