/* For tests of the gateway: the app's end, with a real kernel. Two network namespaces
 * of the test's own, the host's and the enclave's; in the latter a TUN device, as in
 * an enclave, and between that and the gateway's link a process that passes on every
 * packet, without a policy. Sockets belong to the namespace in which they were made.
 *
 * The host's has 127.0.0.1, ::1, and on its loopback device HOST4 and HOST6.
 */
#ifndef TESTS_UNIT_APP_PEER_H
#define TESTS_UNIT_APP_PEER_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#define HOST4 "192.0.2.1"
#define HOST6 "2001:db8::1"

enum place { PLACE_HOST, PLACE_APP };

struct app_peer {
	int ns[2];
	int control;
	int pid;
	char path[64]; /* the link, as a hybrid socket */
};

/* False: this user may not, which is said. */
bool app_peer_start(struct app_peer *a);
void app_peer_enter(const struct app_peer *a, enum place place);
/* Ends the links that there are. */
void app_peer_cut(const struct app_peer *a);
void app_peer_stop(struct app_peer *a);

struct at {
	union {
		struct sockaddr any;
		struct sockaddr_in four;
		struct sockaddr_in6 six;
	} u;
	socklen_t len;
};
struct at at_of(const char *address, uint16_t port);
uint16_t at_port(const struct at *a);
/* Is it that address? */
bool at_is(const struct at *a, const char *address);

/* A socket bound to a, and of SOCK_STREAM listening; a's port is set when it was 0.
 * Ends the process when that cannot be. */
int at_bind(enum place place, const struct app_peer *p, int type, struct at *a);
/* One that is connected; -1 with errno. */
int at_connect(enum place place, const struct app_peer *p, int type, const struct at *a);

#endif
