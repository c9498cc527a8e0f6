/* Theory of operation.
 *
 * A question is in one of these steps; each has a deadline:
 *
 *   UDP      sent to a server: waits for its answer
 *   CONNECT  that was cut: waits for a TCP connection to the same server
 *   READ     asked there: reads the answer
 *   FAILED   no server is left: resolve_tick() says so at once
 *
 * From the first three a failure or the deadline leads to UDP with the next server,
 * or to FAILED. Answers to a try that was given up are not heard any more: its
 * socket is closed.
 */
#include "tools/casemate/resolve.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "appliance/base/io.h"
#include "net/dns.h"
#include "tools/casemate/resolvconf.h"

enum step { FREE, UDP, CONNECT, READ, FAILED };

enum { PREFIX = 2 /* bytes of length in front of a message by TCP */ };

struct question {
	enum step step;
	int fd; /* -1 in FREE and FAILED */
	unsigned tries;
	uint64_t tag;
	struct dns_query query;
	size_t ask_len, in_len;
	uint8_t ask[PREFIX + RESOLVE_ASK_MAX];
	uint8_t in[PREFIX + RESOLVE_ANSWER_MAX]; /* with READ */
};

static struct {
	int epoll;
	uint32_t first;
	const char *conf;
	uint16_t port;
	struct stat conf_was;
	struct resolvconf servers;
	int64_t deadline_ms[RESOLVE_MAX]; /* INT64_MAX: FREE */
	struct question question[RESOLVE_MAX];
	uint8_t answer[RESOLVE_ANSWER_MAX];
} rs;

static int64_t *deadline(const struct question *q)
{
	return &rs.deadline_ms[q - rs.question];
}

static void forget(struct question *q)
{
	io_close(&q->fd);
	q->step = FREE;
	*deadline(q) = INT64_MAX;
}

void resolve_init(int epoll, uint32_t first, const char *conf, uint16_t port)
{
	rs.epoll = epoll;
	rs.first = first;
	rs.conf = conf;
	rs.port = port;
	rs.servers.n = 0;
	for (size_t i = 0; i < RESOLVE_MAX; i++) {
		rs.question[i].fd = -1;
		forget(&rs.question[i]);
	}
}

void resolve_reset(void)
{
	for (size_t i = 0; i < RESOLVE_MAX; i++)
		forget(&rs.question[i]);
}

/* --- servers ------------------------------------------------------------------- */

static void read_conf(void)
{
	static uint8_t text[RESOLVCONF_FILE_MAX];
	struct stat now = { 0 };
	size_t len = 0;

	if (stat(rs.conf, &now) != 0)
		now = (struct stat){ 0 };
	if (rs.servers.n > 0 && now.st_ino == rs.conf_was.st_ino &&
	    now.st_dev == rs.conf_was.st_dev && now.st_size == rs.conf_was.st_size &&
	    now.st_mtim.tv_sec == rs.conf_was.st_mtim.tv_sec &&
	    now.st_mtim.tv_nsec == rs.conf_was.st_mtim.tv_nsec)
		return;
	rs.conf_was = now;
	if (io_read_file(rs.conf, text, sizeof text, &len) != RC_OK)
		len = 0;
	resolvconf_parse(slice_of(text, len), rs.port, &rs.servers);
}

/* A socket to the server of this try; false: it cannot be reached. */
static bool dial(struct question *q, int type, uint32_t events)
{
	size_t i = q->tries % rs.servers.n;
	const struct sockaddr *at = (const struct sockaddr *)&rs.servers.server[i].at;
	struct epoll_event e = { .events = events,
		                 .data.u32 = rs.first + (uint32_t)(q - rs.question) };

	io_close(&q->fd);
	q->fd = socket(at->sa_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	return q->fd >= 0 && epoll_ctl(rs.epoll, EPOLL_CTL_ADD, q->fd, &e) == 0 &&
	       (connect(q->fd, at, rs.servers.server[i].len) == 0 || errno == EINPROGRESS);
}

/* --- steps ---------------------------------------------------------------------------- */

/* Asks the server of this try, or the next that can be asked. */
static void attempt(struct question *q, int64_t now_ms)
{
	q->step = UDP;
	*deadline(q) = now_ms + RESOLVE_TRY_MS;
	for (; q->tries < RESOLVE_TRIES; q->tries++) {
		if (dial(q, SOCK_DGRAM, EPOLLIN) &&
		    send(q->fd, q->ask + PREFIX, q->ask_len, MSG_NOSIGNAL) == (ssize_t)q->ask_len)
			return;
	}
	io_close(&q->fd);
	q->step = FAILED;
	*deadline(q) = 0;
}

static void try_next(struct question *q, int64_t now_ms)
{
	q->tries++;
	attempt(q, now_ms);
}

static bool is_answer(const struct question *q, struct slice m)
{
	const struct dns_query *d = &q->query;

	return m.len >= DNS_HEAD + d->question_len && memcmp(m.p, q->ask + PREFIX, 2) == 0 &&
	       (m.p[2] & 0x80) != 0 && memcmp(m.p + DNS_HEAD, d->question, d->question_len) == 0;
}

/* Another server may know better. */
static bool is_excuse(struct slice m)
{
	enum dns_rcode rcode = m.p[3] & 15;

	return rcode == DNS_SERVFAIL || rcode == DNS_NOTIMP || rcode == DNS_REFUSED;
}

static struct slice done(struct question *q, struct slice m, uint64_t *tag)
{
	memmove(rs.answer, m.p, m.len);
	*tag = q->tag;
	forget(q);
	return slice_of(rs.answer, m.len);
}

static struct slice judge(struct question *q, struct slice m, int64_t now_ms, uint64_t *tag)
{
	if (!is_excuse(m) || q->tries + 1 >= RESOLVE_TRIES)
		return done(q, m, tag);
	try_next(q, now_ms);
	return slice_of(NULL, 0);
}

static struct slice on_udp(struct question *q, int64_t now_ms, uint64_t *tag)
{
	ssize_t n = recv(q->fd, rs.answer, sizeof rs.answer, 0);
	struct slice m = slice_of(rs.answer, n > 0 ? (size_t)n : 0);

	if (n < 0 && errno != EAGAIN && errno != EINTR)
		try_next(q, now_ms);
	if (n < 0 || !is_answer(q, m))
		return slice_of(NULL, 0);
	if ((m.p[2] & 2) == 0)
		return judge(q, m, now_ms, tag);
	q->step = CONNECT;
	*deadline(q) = now_ms + RESOLVE_TRY_MS;
	if (!dial(q, SOCK_STREAM, EPOLLOUT))
		try_next(q, now_ms);
	return slice_of(NULL, 0);
}

static void on_connected(struct question *q, int64_t now_ms)
{
	struct epoll_event e = { .events = EPOLLIN,
		                 .data.u32 = rs.first + (uint32_t)(q - rs.question) };
	ssize_t n = send(q->fd, q->ask, PREFIX + q->ask_len, MSG_NOSIGNAL);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	q->step = READ;
	q->in_len = 0;
	if (n != (ssize_t)(PREFIX + q->ask_len) ||
	    epoll_ctl(rs.epoll, EPOLL_CTL_MOD, q->fd, &e) != 0)
		try_next(q, now_ms);
}

/* The answer by TCP: RC_OK, RC_MORE, or why it will not come. */
static enum rc read_more(struct question *q, struct slice *m)
{
	ssize_t n = recv(q->fd, q->in + q->in_len, sizeof q->in - q->in_len, 0);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return RC_MORE;
	if (n <= 0)
		return RC_EOF;
	q->in_len += (size_t)n;
	if (q->in_len < PREFIX)
		return RC_MORE;
	*m = slice_of(q->in + PREFIX, (size_t)q->in[0] << 8 | q->in[1]);
	if (m->len > RESOLVE_ANSWER_MAX)
		return RC_LIMIT;
	if (q->in_len < PREFIX + m->len)
		return RC_MORE;
	return is_answer(q, *m) ? RC_OK : RC_MISMATCH;
}

static struct slice on_read(struct question *q, int64_t now_ms, uint64_t *tag)
{
	struct slice m;
	enum rc rc = read_more(q, &m);

	if (rc == RC_OK)
		return judge(q, m, now_ms, tag);
	if (rc != RC_MORE)
		try_next(q, now_ms);
	return slice_of(NULL, 0);
}

/* --- for the loop ------------------------------------------------------------------------ */

bool resolve_ask(struct slice message, uint64_t tag, int64_t now_ms)
{
	struct question *q = rs.question;
	enum dns_rcode rcode;
	struct dns_name name;

	while (q < rs.question + RESOLVE_MAX && q->step != FREE)
		q++;
	if (q == rs.question + RESOLVE_MAX || message.len > RESOLVE_ASK_MAX ||
	    dns_parse(message, &q->query, &name, &rcode) != RC_OK || rcode != DNS_OK)
		return false;
	read_conf();
	q->tag = tag;
	q->tries = 0;
	q->ask_len = message.len;
	q->ask[0] = (uint8_t)(message.len >> 8);
	q->ask[1] = (uint8_t)message.len;
	memcpy(q->ask + PREFIX, message.p, message.len);
	attempt(q, now_ms);
	return true;
}

struct slice resolve_io(uint32_t n, int64_t now_ms, uint64_t *tag)
{
	struct question *q = &rs.question[n];

	if (n >= RESOLVE_MAX)
		return slice_of(NULL, 0);
	if (q->step == UDP)
		return on_udp(q, now_ms, tag);
	if (q->step == CONNECT)
		on_connected(q, now_ms);
	return q->step == READ ? on_read(q, now_ms, tag) : slice_of(NULL, 0);
}

int64_t resolve_deadline(void)
{
	int64_t first = INT64_MAX;

	for (size_t i = 0; i < RESOLVE_MAX; i++)
		first = rs.deadline_ms[i] < first ? rs.deadline_ms[i] : first;
	return first;
}

struct slice resolve_tick(int64_t now_ms, uint64_t *tag)
{
	uint8_t reply[DNS_REPLY_MAX];

	for (size_t i = 0; i < RESOLVE_MAX; i++) {
		struct question *q = &rs.question[i];

		if (rs.deadline_ms[i] > now_ms)
			continue;
		if (q->step != FAILED)
			try_next(q, now_ms);
		if (q->step == FAILED)
			return done(q, slice_of(reply, dns_reply(&q->query, DNS_SERVFAIL, reply)),
			            tag);
	}
	return slice_of(NULL, 0);
}
