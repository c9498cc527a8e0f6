/* The manifest's parsers: what they accept has one encoding, the input. The first
 * byte of the input is a service's number, for which the rest is tried as well. */
#include <stdlib.h>

#include "appliance/base/manifest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
	if (!ok)
		abort();
}

/* Services are looked into that are no part of a manifest, too long for one too. */
static void try_service(struct slice in, size_t number)
{
	static uint8_t buf[1 << 20];
	static struct service s;
	struct wbuf w = wbuf_of(buf, sizeof buf);

	if (in.len > sizeof buf || service_parse(in, number, &s) != RC_OK)
		return;
	must(s.argc > 0 && s.idc >= 2 && s.policy.after >> number == 0);
	for (size_t i = 0; i < SERVICE_NUMBERS; i++)
		must(service_numbers(&s.policy)[i] <= service_numbers_max[i]);
	service_put(&w, &s);
	must(!w.over && slice_eq(wbuf_slice(&w), in));
}

static void try_manifest(struct slice in)
{
	static uint8_t buf[MANIFEST_MAX];
	struct wbuf w = wbuf_of(buf, sizeof buf);
	struct manifest m;

	if (manifest_parse(in, &m) != RC_OK)
		return;
	must(m.services <= SERVICES_MAX && (m.main < m.services || m.main == MANIFEST_NO_MAIN));
	for (size_t i = 0; i < m.services; i++)
		try_service(m.service[i], i);
	manifest_put(&w, &m);
	must(!w.over && slice_eq(wbuf_slice(&w), in));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	try_manifest(slice_of(data + 1, size - 1));
	try_service(slice_of(data + 1, size - 1), *data % SERVICES_MAX);
	return 0;
}
