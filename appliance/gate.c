/* Theory of operation.
 *
 * One epoll over PID 1's pair, the listener, the app's device and the links. It
 * tells the links in the order in which they became ready, so that a burst on one
 * does not overtake what came on another before. What a wakeup brings is done first,
 * PID 1's answers, links' bytes into the stack and to the app, the app's packets, new
 * links; then new connections, connections about which something has changed, and
 * deadlines; then documents are asked for and everything that was written goes out.
 * Once the link that carries the app's packets is full, the device is not watched
 * before half of its buffer is free.
 *
 * What PID 1 is asked for is answered in order, so that only the number of
 * questions in flight is kept. Mark 0 is the certificate's document. PID 1 takes its
 * time when it is asked too often, and who wants a document waits, up to its deadline.
 *
 * The certificate's document is renewed every minute, and for who comes after a
 * touch. A certificate from before the first touch is not shown after it:
 * handshakes are reset and connections not accepted until the next one is there.
 */
#include "appliance/gate.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>

#include "appliance/base/filter.h"
#include "appliance/base/io.h"
#include "appliance/base/log.h"
#include "appliance/base/manifest.h"
#include "appliance/base/port.h"
#include "appliance/broker.h"
#include "appliance/clients.h"
#include "appliance/facts.h"
#include "attest/cert.h"
#include "attest/tls.h"
#include "net/app.h"

/* Tags of epoll beside the links' numbers. */
enum { TAG_LISTENER = STACK_LINKS_MAX, TAG_BROKER, TAG_TUN, TAGS, SEED_LEN = 32 };

static struct {
	int epoll, listener, broker, tun;
	uint32_t watched[TAGS]; /* the events of each in epoll; 0: not in it */
	int64_t now_ms;
	bool ready, ending;
	int64_t accept_ms; /* nothing is accepted before */
	unsigned in_flight;
	uint32_t mark;      /* the last one given */
	bool asked;         /* for a certificate's document */
	int64_t due_ms;     /* when to ask for the next one */
	int64_t soonest_ms; /* and for one because of a touch */
	uint64_t asked_touches;
	uint64_t touches; /* that the certificate tells of, or fewer */
} g;

static void watch(int tag, int fd, uint32_t events)
{
	struct epoll_event e = { .events = events, .data.u32 = (uint32_t)tag };
	int op = g.watched[tag] == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;

	if (fd >= 0 && events != g.watched[tag] && epoll_ctl(g.epoll, op, fd, &e) != 0)
		log_line("epoll_ctl(%d, %d): %m", op, fd);
	g.watched[tag] = fd >= 0 ? events : 0; /* closed, it left epoll by itself */
}

/* What each is watched for now. */
static void watch_all(void)
{
	for (int i = 0; i < STACK_LINKS_MAX; i++)
		watch(i, stack_link_fd(i),
		      stack_link(i)->out_len > 0 ? EPOLLIN | EPOLLOUT : EPOLLIN);
	watch(TAG_LISTENER, g.ready ? g.listener : -1,
	      g.accept_ms <= g.now_ms ? EPOLLIN : EPOLLERR);
	watch(TAG_BROKER, g.broker, EPOLLIN);
	watch(TAG_TUN, g.tun, app_takes() ? EPOLLIN : EPOLLERR);
}

static void on_listener(void)
{
	int fd = port_accept(g.listener), link;

	if (fd < 0 && errno != EAGAIN && errno != EINTR && errno != ECONNABORTED) {
		log_line("accept: %m; trying again");
		g.accept_ms = g.now_ms + GATE_RETRY_MS;
	}
	if (fd < 0)
		return;
	link = stack_link_add(fd);
	if (link >= 0) {
		g.watched[link] = 0;
	} else {
		log_line("a link refused: there are %d", STACK_LINKS_MAX);
		io_close(&fd);
	}
}

static void on_certificate(enum rc rc, struct slice document)
{
	g.asked = false;
	if (rc == RC_OK && cert_renew(document, time(NULL)).len == 0)
		rc = RC_LIMIT;
	facts()->ready = rc == RC_OK;
	facts()->why = "the security module gives no document";
	if (rc != RC_OK) {
		log_line("certificate: not renewed: %s", rc_str(rc));
		g.due_ms = g.now_ms + GATE_RETRY_MS;
		return;
	}
	g.touches = g.asked_touches;
	g.due_ms = g.now_ms + GATE_CERT_MS;
	g.soonest_ms = g.now_ms + GATE_CERT_MIN_MS;
	/* The first: links are accepted from here on. */
	if (g.ready)
		return;
	g.ready = send(g.broker, "", 1, MSG_DONTWAIT | MSG_NOSIGNAL) == 1;
	if (!g.ready)
		g.ending = true;
}

static void on_broker(void)
{
	static struct {
		struct broker_event e;
		uint8_t document[NSM_RESPONSE_MAX];
	} m;
	struct slice document;

	for (;;) {
		ssize_t n = recv(g.broker, &m, sizeof m, MSG_DONTWAIT);

		if (n >= (ssize_t)sizeof m.e) {
			document = slice_of(m.document, (size_t)n - sizeof m.e);
			g.in_flight--;
			if (m.e.mark == 0)
				on_certificate((enum rc)m.e.rc, document);
			else
				clients_document(m.e.mark, (enum rc)m.e.rc, document, g.now_ms);
		} else if (n < 0 && errno == EAGAIN) {
			return;
		} else if (n >= 0 || errno != EINTR) {
			g.ending = true;
			return;
		}
	}
}

/* False when PID 1 cannot be asked. */
static bool ask(uint32_t mark, struct slice nonce)
{
	struct broker_request r = { .mark = mark,
		                    .nonce_len = (uint32_t)nonce.len,
		                    .key_len = (uint32_t)tls_spki().len };

	if (nonce.len > 0)
		memcpy(r.nonce, nonce.p, nonce.len);
	memcpy(r.key, tls_spki().p, r.key_len);
	if (send(g.broker, &r, sizeof r, MSG_DONTWAIT | MSG_NOSIGNAL) != sizeof r)
		return false;
	g.in_flight++;
	return true;
}

static void ask_documents(void)
{
	struct slice nonce;

	if (!g.asked && g.due_ms <= g.now_ms) {
		g.asked_touches = facts()->touches;
		g.asked = ask(0, slice_of(NULL, 0));
	}
	while (g.in_flight < GATE_ASKS_MAX) {
		if (++g.mark == 0)
			g.mark = 1;
		if (!clients_want(g.mark, &nonce))
			return;
		if (!ask(g.mark, nonce)) {
			clients_document(g.mark, RC_IO, slice_of(NULL, 0), g.now_ms);
			return;
		}
	}
}

/* The certificate says that nobody has touched the enclave, and somebody has.
 * Nobody gets to see it: who has not seen it waits for the next one. */
static bool outdated(void)
{
	if (g.touches > 0 || facts()->touches == 0)
		return false;
	if (facts()->ready && g.due_ms > g.now_ms)
		g.due_ms = g.now_ms;
	clients_reset_handshakes();
	return true;
}

static void serve_stack(void)
{
	struct stack_conn *c;

	if (stack_deadline() <= g.now_ms)
		stack_tick();
	while (!outdated() && (c = stack_accept()) != NULL) {
		clients_accept(c, g.now_ms);
		/* The certificate tells who comes now what happened since. */
		if (facts()->touches != g.touches && g.soonest_ms < g.due_ms)
			g.due_ms = g.soonest_ms;
	}
	while ((c = stack_event()) != NULL)
		clients_event(c, g.now_ms);
	clients_tick(g.now_ms);
}

static int timeout(void)
{
	int64_t next = earlier(stack_deadline(), earlier(clients_deadline(), app_deadline()));

	if (g.accept_ms > g.now_ms)
		next = earlier(next, g.accept_ms);
	if (!g.asked)
		next = earlier(next, g.due_ms);
	return io_timeout(next, g.now_ms);
}

static void wakeup(void)
{
	struct epoll_event events[TAGS];
	int n;

	watch_all();
	n = epoll_wait(g.epoll, events, TAGS, timeout());
	g.now_ms = clock_mono_ms();
	facts_refresh();
	app_tick(g.now_ms);
	for (int i = 0; i < n; i++) {
		if (events[i].data.u32 == TAG_BROKER)
			on_broker();
		else if (events[i].data.u32 == TAG_LISTENER)
			on_listener();
		else if (events[i].data.u32 == TAG_TUN)
			app_io();
		else if (stack_link_fd((int)events[i].data.u32) >= 0)
			(void)stack_link_io((int)events[i].data.u32, events[i].events);
	}
	serve_stack();
	ask_documents();
	stack_flush();
}

/* What the measured manifest says of the network; PID 1 has checked all else of it. */
static const struct policy *policy(void)
{
	static struct policy p;
	struct manifest m;

	if (manifest_parse(facts()->manifest, &m) == RC_OK && policy_parse(m.network, &p) == RC_OK)
		return &p;
	log_line("manifest: what it says of the network makes no sense");
	return NULL;
}

static bool begin(int listener, int broker, int shared, int tun)
{
	const struct policy *rules;
	uint8_t seed[SEED_LEN];

	g.listener = listener;
	g.broker = broker;
	g.tun = tun;
	g.now_ms = clock_mono_ms();
	g.epoll = epoll_create1(EPOLL_CLOEXEC);
	if (g.epoll < 0 || facts_open(shared) != RC_OK || clients_init() != RC_OK ||
	    (rules = policy()) == NULL || getrandom(seed, sizeof seed, 0) != sizeof seed)
		return false;
	https_init(seed, facts());
	app_init(tun, rules, g.now_ms);
	stack_init(STACK_ENCLAVE, &app_hooks);
	return stack_listen(HTTPS_PORT) == RC_OK;
}

/* What the loop calls, and the log's write. The clock is read without a call
 * where the vDSO has it. */
static const int calls[] = {
	SYS_epoll_ctl,  SYS_epoll_pwait, SYS_accept4,       SYS_recvfrom,        SYS_sendto,
	SYS_read,       SYS_close,       SYS_madvise,       SYS_getrandom,       SYS_write,
	SYS_exit_group, SYS_exit,        SYS_clock_gettime, SYS_restart_syscall,
};

int gate_main(int listener, int broker, int shared, int tun, bool confined)
{
	if (!begin(listener, broker, shared, tun) ||
	    (confined && filter_allow(calls, sizeof calls / sizeof calls[0]) != RC_OK)) {
		log_line("cannot start: %m");
		return 1;
	}
	ask_documents();
	while (!g.ending)
		wakeup();
	clients_end();
	stack_flush();
	return 0;
}
