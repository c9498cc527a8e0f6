#include "appliance/base/manifest.h"

#include "appliance/base/dcbor.h"

static void parse_argv(struct dcbor *d, struct manifest *m)
{
	m->argc = dcbor_array(d, MANIFEST_ARGV_MAX);
	for (size_t i = 0; i < m->argc; i++) {
		m->argv[i] = dcbor_bytes(d, MANIFEST_ARG_MAX);
		if (m->argv[i].len > 0 && memchr(m->argv[i].p, 0, m->argv[i].len))
			dcbor_fail(d, RC_BAD);
	}
	if (m->argc > 0 && m->argv[0].len == 0)
		dcbor_fail(d, RC_BAD);
}

enum rc manifest_parse(struct slice in, struct manifest *m)
{
	struct dcbor d = dcbor_of(in);
	struct dcbor_map map;
	uint32_t key;
	unsigned seen = 0;

	memset(m, 0, sizeof *m);
	if (in.len > MANIFEST_MAX)
		return RC_LIMIT;
	dcbor_map(&d, &map, 3);
	while (dcbor_key(&d, &map, &key)) {
		if (key == 1) {
			if (dcbor_uint(&d, UINT64_MAX) != MANIFEST_VERSION && d.rc == RC_OK)
				return RC_BAD;
		} else if (key == 2) {
			m->channel = (enum channel_mode)dcbor_uint(&d, CHANNEL_OPEN);
		} else if (key == 3) {
			parse_argv(&d, m);
		} else {
			return RC_BAD;
		}
		seen |= 1u << key;
	}
	if (dcbor_end(&d) != RC_OK)
		return d.rc;
	return seen == (1u << 1 | 1u << 2 | 1u << 3) ? RC_OK : RC_BAD;
}
