/* The builder's half: PID 1 only reads. */
#include "appliance/base/dcbor.h"
#include "appliance/base/manifest.h"

void manifest_put(struct wbuf *w, const struct manifest *m)
{
	dcbor_put_map(w, 3);
	dcbor_pair_uint(w, 1, MANIFEST_VERSION);
	dcbor_pair_uint(w, 2, m->channel);
	dcbor_put_uint(w, 3);
	dcbor_put_array(w, m->argc);
	for (size_t i = 0; i < m->argc; i++)
		dcbor_put_bytes(w, m->argv[i]);
}
