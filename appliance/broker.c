#include "appliance/broker.h"

#include <sys/socket.h>

#include "appliance/base/io.h"
#include "appliance/base/log.h"
#include "appliance/touchlog.h"
#include "attest/claims.h"

static char name[] = "gate";
struct role broker_role = ROLE_NONE(name);

/* A token bucket, as the time up to which tokens were taken; in thousandths of
 * a document. */
static bool take_token(void)
{
	enum { TOKEN = 1000, FULL = BROKER_BURST * TOKEN };
	static int64_t taken;
	int64_t now = clock_mono_ms() * BROKER_RATE;

	if (taken < now - FULL)
		taken = now - FULL;
	if (taken + TOKEN > now)
		return false;
	taken += TOKEN;
	return true;
}

/* Whatever was asked, this is what the hardware signs. */
static enum rc make(int nsm, const struct broker_request *r, struct slice *document)
{
	uint8_t mem[CLAIMS_MAX];
	struct wbuf w = wbuf_of(mem, sizeof mem);
	struct claims c = { .purpose = PURPOSE_TLS, .touches = touchlog_shared()->touches };

	if (r->nonce_len > sizeof r->nonce || r->key_len > sizeof r->key)
		return RC_BAD;
	if (!take_token())
		return RC_LIMIT;
	memcpy(c.head, touchlog_head(), sizeof c.head);
	claims_put(&w, &c);
	return nsm_attest(nsm, wbuf_slice(&w), slice_of(r->nonce, r->nonce_len),
	                  slice_of(r->key, r->key_len), document);
}

static void answer(int nsm, const struct broker_request *r)
{
	struct slice document = slice_of(NULL, 0);
	enum rc rc = make(nsm, r, &document);
	struct broker_event e = { r->mark, rc, rc == RC_OK ? (uint32_t)document.len : 0 };
	struct iovec iov[] = { { &e, sizeof e }, { (void *)(uintptr_t)document.p, e.len } };
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = 2 };

	if (sendmsg(broker_role.sock, &msg, MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
		log_line("gate: takes no answers (%m); ending it");
		role_hang_up(&broker_role);
	}
}

void broker_answer(int nsm)
{
	struct broker_request r;
	ssize_t n = recv(broker_role.sock, &r, sizeof r, MSG_DONTWAIT | MSG_TRUNC);

	if (n < 0)
		return;
	if (n == sizeof r && r.kind == BROKER_DOCUMENT) {
		answer(nsm, &r);
	} else if (n == sizeof r && r.kind == BROKER_READY) {
		broker_role.ready = true;
	} else {
		if (n > 0)
			log_line("gate: a message of %zd bytes refused; ending it", n);
		role_hang_up(&broker_role);
	}
}
