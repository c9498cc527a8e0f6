#include "appliance/base/manifest.h"

#include "appliance/base/dcbor.h"

static struct slice parse_string(struct dcbor *d)
{
	struct slice s = dcbor_bytes(d, MANIFEST_ARG_MAX);

	if (s.len > 0 && memchr(s.p, 0, s.len))
		dcbor_fail(d, RC_BAD);
	return s;
}

static size_t parse_strings(struct dcbor *d, struct slice *out, size_t max)
{
	size_t n = dcbor_array(d, max);

	for (size_t i = 0; i < n; i++)
		out[i] = parse_string(d);
	return n;
}

static bool is_sound(const struct manifest *m)
{
	for (size_t i = 0; i < m->envc; i++) {
		struct slice v = m->env[i];

		if (v.len < 2 || v.p[0] == '=' || !memchr(v.p, '=', v.len))
			return false;
	}
	return (m->argc == 0 || m->argv[0].len > 0) && m->cwd.len > 0 && m->cwd.p[0] == '/' &&
	       m->idc >= 2;
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
	m->argc = parse_strings(dcbor_need(&d, 3), m->argv, MANIFEST_ARGV_MAX);
	m->envc = parse_strings(dcbor_need(&d, 4), m->env, MANIFEST_ENV_MAX);
	m->cwd = parse_string(dcbor_need(&d, 5));
	m->idc = dcbor_array(dcbor_need(&d, 6), MANIFEST_IDS_MAX);
	for (size_t i = 0; i < m->idc; i++)
		m->ids[i] = (uint32_t)dcbor_uint(&d, MANIFEST_ID_MAX);
	if (d.rc == RC_OK && !is_sound(m))
		dcbor_fail(&d, RC_BAD);
	return dcbor_end(&d);
}
