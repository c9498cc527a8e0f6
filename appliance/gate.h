/* The gate role: serves attestation to the network, and is the app's way to it.
 *
 * Accepts links (a gateway's vsock connection each) on a listener that PID 1
 * made, runs the TCP stack over them, takes connections on HTTPS_PORT and pumps
 * each through an HTTPS engine; documents are asked of PID 1 (broker.h). What the app
 * sends and gets passes by here, under the measured policy (net/app.h).
 *
 * Runs as its own uid without capabilities, in an empty root and under a
 * seccomp filter that names the calls it uses. Everything it reads is hostile
 * but what PID 1 says. It holds the TLS key, which never leaves it.
 */
#ifndef APPLIANCE_GATE_H
#define APPLIANCE_GATE_H

#include <stdbool.h>

enum {
	/* The kernel's queue of links: few gateways, all of one parent. */
	GATE_BACKLOG = 16,
	/* The certificate is renewed so often: its document is good for as long as
	 * the module's own certificate, which lives three hours and is used until
	 * near its end, so that hardly any of that is ever lost. And when the touch
	 * log has grown, no sooner than after GATE_CERT_MIN_MS: a handshake may
	 * still be sending the one before. */
	GATE_CERT_MS = 60000,
	GATE_CERT_MIN_MS = 5000,
	GATE_RETRY_MS = 1000, /* after a failure that may pass */
	/* Documents that PID 1 has been asked for at once: their answers fit the
	 * pair's buffer, whatever else happens. */
	GATE_ASKS_MAX = 8,
};

/* Serves over the listener, our end of the pair, the shared memory and the app's
 * device (net/tun.h; -1: none), until PID 1 shuts the pair down; the exit status. Once per process. confined: under
 * the filter, which the sanitizers that tests run with do not bear. */
int gate_main(int listener, int broker, int shared, int tun, bool confined);

#endif
