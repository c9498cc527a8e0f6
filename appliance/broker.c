#include "appliance/broker.h"

#include "appliance/base/io.h"
#include "appliance/touchlog.h"
#include "attest/claims.h"

struct role broker_role = ROLE_NONE("gate");

static int64_t due; /* in milliseconds times BROKER_RATE: a document costs 1000 */

int64_t broker_due_ms(void)
{
	return (due + BROKER_RATE - 1) / BROKER_RATE;
}

/* Whatever was asked, this is what the hardware signs. */
static enum rc make(int nsm, const struct broker_request *r, struct slice *document)
{
	uint8_t mem[CLAIMS_MAX];
	struct wbuf w = wbuf_of(mem, sizeof mem);

	if (r->nonce_len > sizeof r->nonce || r->key_len > sizeof r->key)
		return RC_BAD;
	pace(&due, clock_mono_ms() * BROKER_RATE, 1000, (BROKER_BURST - 1) * INT64_C(1000));
	claims_put(&w, touchlog_shared->touches, touchlog_head());
	return nsm_attest(nsm, wbuf_slice(&w), slice_of(r->nonce, r->nonce_len),
	                  slice_of(r->key, r->key_len), document);
}

void broker_answer(int nsm)
{
	struct slice document = slice_of(NULL, 0);
	struct broker_request r;
	struct broker_event e;

	if (broker_due_ms() > clock_mono_ms() ||
	    role_receive(&broker_role, &r, sizeof r, sizeof r, NULL) == 0)
		return;
	e = (struct broker_event){ .mark = r.mark, .rc = make(nsm, &r, &document) };
	if (e.rc != RC_OK)
		document.len = 0;
	role_send(&broker_role, &e, sizeof e, document);
}
