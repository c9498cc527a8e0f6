/* The builder's half: the enclave only reads. */
#include "appliance/base/dcbor.h"
#include "appliance/base/manifest.h"

static void put_strings(struct wbuf *w, uint64_t key, const struct slice *s, size_t n)
{
	dcbor_put_uint(w, key);
	dcbor_put_array(w, n);
	for (size_t i = 0; i < n; i++)
		dcbor_put_text(w, s[i]);
}

void service_put(struct wbuf *w, const struct service *s)
{
	struct service_policy policy = s->policy;

	dcbor_put_map(w, 8);
	dcbor_pair_text(w, 1, s->name);
	put_strings(w, 2, s->argv, s->argc);
	put_strings(w, 3, s->env, s->envc);
	dcbor_pair_text(w, 4, s->cwd);
	dcbor_put_uint(w, 5);
	dcbor_put_array(w, s->idc);
	for (size_t i = 0; i < s->idc; i++)
		dcbor_put_uint(w, s->ids[i]);
	put_strings(w, 6, s->probe, s->probec);
	put_strings(w, 7, s->paths, s->pathc);
	dcbor_put_uint(w, 8);
	dcbor_put_array(w, SERVICE_NUMBERS);
	for (size_t i = 0; i < SERVICE_NUMBERS; i++)
		dcbor_put_uint(w, service_numbers(&policy)[i]);
}

void manifest_put(struct wbuf *w, const struct manifest *m)
{
	dcbor_put_map(w, 8);
	dcbor_pair_uint(w, 1, MANIFEST_VERSION);
	dcbor_pair_uint(w, 2, m->channel);
	dcbor_pair_uint(w, 3, m->operations);
	dcbor_pair_uint(w, 4, m->main);
	dcbor_pair_uint(w, 5, m->keep);
	dcbor_put_uint(w, 6);
	dcbor_put_array(w, m->services);
	for (size_t i = 0; i < m->services; i++)
		dcbor_put_bytes(w, m->service[i]);
	dcbor_pair_uint(w, 7, m->stop_ms);
	dcbor_pair_bytes(w, 8, m->network);
}
