#include "appliance/front.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "appliance/base/io.h"
#include "appliance/base/log.h"
#include "appliance/base/pass.h"
#include "appliance/sessions.h"
#include "appliance/touchlog.h"
#include "channel/admit.h"
#include "channel/message.h"

static_assert((int)ADMIT_SUMMARY_MAX == (int)TOUCH_SUMMARY_MAX, "a summary fits a record");

static char name[] = "channel";
struct role front_role = ROLE_NONE(name);

static bool printable(const char text[ADMIT_SUMMARY_MAX], size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (text[i] < 0x20 || text[i] > 0x7e)
			return false;
	return true;
}

static bool well_formed(const struct admit_request *r)
{
	return r->op >= OP_EXEC && r->op <= OP_STOP && r->len > 0 && r->len <= FRAME_REQUEST_MAX &&
	       r->summary_len <= ADMIT_SUMMARY_MAX && printable(r->summary, r->summary_len);
}

/* SHA-384 of a memfd of len bytes that nobody can change any more: what is
 * recorded is what the session reads. */
static enum rc sealed_digest(int fd, size_t len, uint8_t out[SHA384_LEN])
{
	static const int seals = F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL;
	uint8_t mem[4096];
	struct stat st;
	struct sha384 h;
	ssize_t n;

	if ((fcntl(fd, F_GET_SEALS) & seals) != seals || fstat(fd, &st) != 0 ||
	    st.st_size != (off_t)len)
		return RC_BAD;
	sha384_init(&h);
	for (size_t at = 0; at < len; at += (size_t)n) {
		n = pread(fd, mem, sizeof mem, (off_t)at);
		if (n <= 0)
			return RC_IO;
		sha384_update(&h, mem, (size_t)n);
	}
	sha384_final(&h, out);
	return RC_OK;
}

/* The pair holds an answer for each place of the role; a role that lets them
 * pile up beyond that is broken, and PID 1 does not wait for it. */
static void reply(uint32_t place, uint32_t error)
{
	struct admit_reply r = { place, error };

	if (send(front_role.sock, &r, sizeof r, MSG_DONTWAIT | MSG_NOSIGNAL) != sizeof r) {
		log_line("channel: takes no answers (%m); ending it");
		role_hang_up(&front_role);
	}
}

/* The error the peer is to get, 0 for none. */
static uint32_t admit(const struct admit_request *r, const int *fds, enum front_said *said)
{
	static const char *const names[] = {
		[OP_EXEC] = "exec", [OP_PUSH] = "push", [OP_PULL] = "pull", [OP_STOP] = "stop"
	};
	uint8_t digest[SHA384_LEN];

	if (r->op != OP_STOP && !sessions_room())
		return ERR_BUSY;
	if (sealed_digest(fds[1], r->len, digest) != RC_OK) {
		log_line("channel: a request that is not sealed refused");
		return ERR_PROTOCOL;
	}
	if (touchlog_add(names[r->op], "open", digest, slice_of(r->summary, r->summary_len)) !=
	    RC_OK) {
		*said = FRONT_FAILED;
		return ERR_SYSTEM;
	}
	if (r->op != OP_STOP)
		return sessions_admit(r->op, r->len, fds[0], fds[1]);
	*said = FRONT_STOP;
	return 0;
}

static enum front_said answer(const struct admit_request *r, const struct passed *m, bool whole)
{
	enum front_said said = FRONT_NOTHING;
	uint32_t error = ERR_PROTOCOL;

	if (m->len == 1 && m->count == 0) {
		front_role.ready = true;
		return said;
	}
	if (front_role.ending)
		return said; /* who asks now is told by the end of the connection */
	if (!whole || !well_formed(r))
		log_line("channel: a message of %zd bytes, %zu descriptors refused", m->len,
		         m->count);
	else
		error = admit(r, m->fds, &said);
	reply(r->place, error);
	return said;
}

enum front_said front_answer(void)
{
	enum front_said said = FRONT_NOTHING;
	bool ready = front_role.ready;
	struct passed m;

	for (int i = 0; i < FRONT_BUDGET && front_role.sock >= 0 && said == FRONT_NOTHING; i++) {
		struct admit_request r = { 0 };
		bool whole = pass_recv(front_role.sock, &r, sizeof r, MSG_DONTWAIT, &m);

		if (m.len < 0 && errno != EINTR)
			break;
		if (m.len == 0)
			role_hang_up(&front_role); /* its end comes as SIGCHLD */
		else if (m.len > 0)
			said = answer(&r, &m, whole);
		for (size_t k = 0; k < m.count; k++)
			io_close(&m.fds[k]);
		if (!ready)
			break;
	}
	return said;
}
