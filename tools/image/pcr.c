#include "tools/image/pcr.h"

static void extend_zero(const struct sha384 *contents, uint8_t out[SHA384_LEN])
{
	static const uint8_t zero[SHA384_LEN];
	uint8_t digest[SHA384_LEN];
	struct sha384 h;

	sha384_final(contents, digest);
	sha384_init(&h);
	sha384_update(&h, zero, sizeof zero);
	sha384_update(&h, digest, sizeof digest);
	sha384_final(&h, out);
}

void pcr_of(struct slice contents, uint8_t out[SHA384_LEN])
{
	struct sha384 h;

	sha384_init(&h);
	sha384_update(&h, contents.p, contents.len);
	extend_zero(&h, out);
}

void pcr_measure(const struct eif *e, struct pcrs *out)
{
	struct sha384 all, app;

	sha384_init(&all);
	sha384_init(&app);
	sha384_update(&all, e->kernel.p, e->kernel.len);
	sha384_update(&all, e->cmdline.p, e->cmdline.len);
	sha384_update(&all, e->ramdisk[0].p, e->ramdisk[0].len);
	extend_zero(&all, out->pcr[1]);
	for (size_t i = 1; i < e->ramdisks; i++) {
		sha384_update(&all, e->ramdisk[i].p, e->ramdisk[i].len);
		sha384_update(&app, e->ramdisk[i].p, e->ramdisk[i].len);
	}
	extend_zero(&all, out->pcr[0]);
	extend_zero(&app, out->pcr[2]);
}
