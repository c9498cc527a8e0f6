/* One small process per emulated enclave, which outlives `casemate run`.
 *
 * It starts vhost-device-vsock and QEMU, which die with it; writes what the
 * enclave prints to console.log; answers the heartbeat; serves the control
 * socket; when the enclave is ready, starts its gateway; and when
 * the machine has ended, however, removes the enclave's folder and ends. A deadline bounds booting, nothing after it.
 *
 * To `run` it reports over a stream: "ready MILLISECONDS\n" or "failed WHY\n",
 * once. When run goes away before that, so does the enclave.
 *
 * The control socket takes single bytes from this user's other commands. The
 * monitor closes a connection only by ending: its end of file means that the
 * enclave and its folder are gone.
 *
 * Hostile input: the console and the heartbeat's connection. Of the console at
 * most 2 * MONITOR_LOG_MAX bytes are kept.
 */
#ifndef TOOL_MONITOR_H
#define TOOL_MONITOR_H

#include "tools/casemate/emulator.h"
#include "tools/casemate/gateway.h"

enum {
	MONITOR_BOOT_MS = 60000,
	MONITOR_LOG_MAX = 4 << 20, /* console.log becomes console.old */
	MONITOR_CLIENTS_MAX = 32,  /* on the control socket; more are closed */
	MONITOR_REPORT_MAX = 512,
	HEARTBEAT_PORT = 9000,
	HEARTBEAT = 0xb7,
};

enum {
	CONTROL_STOPPING = 's', /* its end will be wanted */
	CONTROL_KILL = 'k',     /* end it now */
};

struct monitor_start {
	const struct emulator *em;
	struct enclave *e;
	int lock;                /* of state_claim() */
	int report;              /* our end of the stream */
	int echo;                /* the console goes there too until ready, or -1 */
	struct gateway *gateway; /* ports open, target and until to be filled in; or NULL */
};

/* The body of the process; the folder is claimed and saved. */
_Noreturn void monitor_main(const struct monitor_start *s);

/* A connection to an enclave's monitor; -1 with errno. */
int monitor_connect(const char *name);

#endif
