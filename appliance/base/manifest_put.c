/* The builder's half: PID 1 only reads. */
#include "appliance/base/dcbor.h"
#include "appliance/base/manifest.h"

static void put_strings(struct wbuf *w, uint64_t key, const struct slice *s, size_t n)
{
	dcbor_put_uint(w, key);
	dcbor_put_array(w, n);
	for (size_t i = 0; i < n; i++)
		dcbor_put_bytes(w, s[i]);
}

void manifest_put(struct wbuf *w, const struct manifest *m)
{
	dcbor_put_map(w, 6);
	dcbor_pair_uint(w, 1, MANIFEST_VERSION);
	dcbor_pair_uint(w, 2, m->channel);
	put_strings(w, 3, m->argv, m->argc);
	put_strings(w, 4, m->env, m->envc);
	dcbor_pair_bytes(w, 5, m->cwd);
	dcbor_put_uint(w, 6);
	dcbor_put_array(w, m->idc);
	for (size_t i = 0; i < m->idc; i++)
		dcbor_put_uint(w, m->ids[i]);
}
