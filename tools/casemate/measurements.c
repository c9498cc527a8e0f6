#include "tools/casemate/measurements.h"

#include "tools/casemate/base64.h"
#include "tools/casemate/jsonread.h"

int measurements_index(struct slice name, const char *prefix)
{
	size_t n = strlen(prefix);
	int v = 0;

	if (name.len <= n || name.len > n + 2 || memcmp(name.p, prefix, n) != 0)
		return -1;
	for (size_t i = n; i < name.len; i++) {
		if (name.p[i] < '0' || name.p[i] > '9')
			return -1;
		v = v * 10 + (name.p[i] - '0');
	}
	if (v >= MEASUREMENTS_PCRS || (name.len == n + 2 && name.p[n] == '0'))
		return -1;
	return v;
}

static void take_pcr(struct jsonread *j, struct measurements *m, unsigned i)
{
	struct wbuf w = wbuf_of(m->pcr[i], SHA384_LEN);

	if (m->pcrs >> i & 1)
		jsonread_fail(j, RC_BAD);
	if (hex_read(jsonread_string(j), &w) != RC_OK || w.len != SHA384_LEN)
		jsonread_fail(j, RC_BAD);
	m->pcrs |= UINT32_C(1) << i;
}

static void take_all(struct jsonread *j, struct measurements *m)
{
	struct jsonread_seq o;
	struct slice key;

	jsonread_object(j, &o);
	while (jsonread_member(j, &o, &key)) {
		int i = measurements_index(key, "PCR");

		if (i < 0)
			jsonread_skip(j);
		else
			take_pcr(j, m, (unsigned)i);
	}
}

enum rc measurements_parse(struct slice in, struct measurements *m)
{
	struct jsonread j = jsonread_of(in);
	struct jsonread_seq o;
	struct slice key;

	memset(m, 0, sizeof *m);
	jsonread_object(&j, &o);
	while (jsonread_member(&j, &o, &key)) {
		if (!slice_is(key, "Measurements"))
			jsonread_skip(&j);
		else if (m->pcrs != 0)
			jsonread_fail(&j, RC_BAD);
		else
			take_all(&j, m);
	}
	if (jsonread_end(&j) != RC_OK)
		return j.rc;
	return (m->pcrs & 7) == 7 ? RC_OK : RC_ABSENT;
}
