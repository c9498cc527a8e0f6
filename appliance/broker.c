#include "appliance/broker.h"

#include "appliance/base/io.h"
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

	if (r->nonce_len > sizeof r->nonce || r->key_len > sizeof r->key)
		return RC_BAD;
	if (!take_token())
		return RC_LIMIT;
	claims_put(&w, touchlog_shared->touches, touchlog_head());
	return nsm_attest(nsm, wbuf_slice(&w), slice_of(r->nonce, r->nonce_len),
	                  slice_of(r->key, r->key_len), document);
}

void broker_answer(int nsm)
{
	struct slice document = slice_of(NULL, 0);
	struct broker_request r;
	struct broker_event e;

	if (role_receive(&broker_role, &r, sizeof r, sizeof r, NULL) == 0)
		return;
	e = (struct broker_event){ .mark = r.mark, .rc = make(nsm, &r, &document) };
	if (e.rc != RC_OK)
		document.len = 0;
	e.len = (uint32_t)document.len;
	role_send(&broker_role, &e, sizeof e, document);
}
