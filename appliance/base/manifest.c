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

	memset(m, 0, sizeof *m);
	if (in.len > MANIFEST_MAX)
		return RC_LIMIT;
	dcbor_record(&d);
	if (dcbor_uint(dcbor_need(&d, 1), UINT64_MAX) != MANIFEST_VERSION)
		dcbor_fail(&d, RC_BAD);
	m->channel = (enum channel_mode)dcbor_uint(dcbor_need(&d, 2), CHANNEL_OPEN);
	parse_argv(dcbor_need(&d, 3), m);
	return dcbor_end(&d);
}
