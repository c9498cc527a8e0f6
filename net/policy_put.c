/* The builder's half: the enclave only reads. */
#include "appliance/base/dcbor.h"
#include "net/policy.h"

static void put_head(struct wbuf *w, size_t n, const struct policy_rule *r)
{
	dcbor_put_array(w, n);
	dcbor_put_uint(w, r->proto);
	dcbor_put_uint(w, r->first);
	dcbor_put_uint(w, r->last);
}

void policy_put(struct wbuf *w, const struct policy *p)
{
	dcbor_put_map(w, 2);
	dcbor_put_uint(w, 1);
	dcbor_put_array(w, p->egresses);
	for (size_t i = 0; i < p->egresses; i++) {
		const struct policy_rule *r = &p->egress[i];

		put_head(w, 5, r);
		dcbor_put_uint(w, r->prefix);
		if (r->prefix == POLICY_BY_NAME)
			dcbor_put_text(w, r->name);
		else
			dcbor_put_bytes(w, slice_of(r->address, sizeof r->address));
	}
	dcbor_put_uint(w, 2);
	dcbor_put_array(w, p->ingresses);
	for (size_t i = 0; i < p->ingresses; i++)
		put_head(w, 3, &p->ingress[i]);
}
