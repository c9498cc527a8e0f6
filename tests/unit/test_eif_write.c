#include <fcntl.h>
#include <sys/mman.h>

#include "appliance/base/io.h"
#include "tests/unit/test.h"
#include "tools/image/bzimage.h"
#include "tools/image/eifwrite.h"
#include "tools/image/pcr.h"

static uint8_t back[1 << 16];

static struct slice read_back(int fd)
{
	ssize_t n = pread(fd, back, sizeof back, 0);

	return slice_of(back, n < 0 ? 0 : (size_t)n);
}

static void add(struct eifwrite *w, enum eif_type type, const char *data)
{
	CHECK(eifwrite_section(w, type, slice_str(data)) == RC_OK);
}

static int sample(struct eifwrite *w, bool aarch64, size_t ramdisks)
{
	int fd = memfd_create("eif", MFD_CLOEXEC);

	CHECK(eifwrite_start(w, fd, aarch64) == RC_OK);
	add(w, EIF_KERNEL, "kernel");
	add(w, EIF_CMDLINE, "quiet");
	add(w, EIF_METADATA, "{}");
	for (size_t i = 0; i < ramdisks; i++)
		add(w, EIF_RAMDISK, i == 0 ? "first" : "");
	return fd;
}

static void test_round_trip(void)
{
	for (size_t ramdisks = 1; ramdisks <= 29; ramdisks++) {
		struct eifwrite w;
		int fd = sample(&w, ramdisks % 2, ramdisks);
		struct eif e;

		CHECK(eifwrite_finish(&w) == RC_OK);
		CHECK(eif_parse(read_back(fd), &e) == EIF_OK);
		CHECK(e.ramdisks == ramdisks && e.aarch64 == (ramdisks % 2 == 1));
		CHECK(slice_is(e.kernel, "kernel") && slice_is(e.ramdisk[0], "first"));
		CHECK(e.memory == 1073741824 && e.cpus == 2);
		io_close(&fd);
	}
}

/* A signature is one more section after the image was finished. */
static void test_two_finishes(void)
{
	struct eifwrite w;
	int fd = sample(&w, false, 2);
	struct eif e;

	CHECK(eifwrite_finish(&w) == RC_OK);
	add(&w, EIF_SIGNATURE, "sig");
	CHECK(eifwrite_finish(&w) == RC_OK);
	CHECK(eif_parse(read_back(fd), &e) == EIF_OK);
	CHECK(e.is_signed && slice_is(e.signature, "sig") && e.ramdisks == 2);
	io_close(&fd);
}

static void test_too_many(void)
{
	struct eifwrite w;
	int fd = sample(&w, false, 29);

	CHECK(eifwrite_begin(&w) == RC_LIMIT);
	CHECK(eifwrite_finish(&w) == RC_OK);
	io_close(&fd);
}

/* /dev/full stands for a full disk; it cannot be sought back and read. */
static void test_full_disk(void)
{
	int fd = open("/dev/full", O_RDWR | O_CLOEXEC);
	struct eifwrite w;

	CHECK(eifwrite_start(&w, fd, false) == RC_OK);
	CHECK(eifwrite_section(&w, EIF_KERNEL, slice_str("kernel")) == RC_IO);
	CHECK(eifwrite_finish(&w) == RC_IO);
	io_close(&fd);
}

static bool pcr_is(const uint8_t *pcr, const char *hex)
{
	char got[2 * SHA384_LEN + 1];

	hex_put(got, slice_of(pcr, SHA384_LEN));
	return strcmp(got, hex) == 0;
}

/* Values from Python's hashlib over the same contents. */
static void test_measurements(void)
{
	struct eif e = { .ramdisks = 1 };
	struct pcrs m;

	e.kernel = slice_str("kernel");
	e.cmdline = slice_str("quiet");
	e.ramdisk[0] = slice_str("first");
	pcr_measure(&e, &m);
	CHECK(pcr_is(m.pcr[0], "e5e526385b7266c0a912662f019358d211f34f39f9aeb155"
	                       "3a4b8be6f7fdfc37126e9de946a9fda75bd52713e97ef963"));
	CHECK(memcmp(m.pcr[0], m.pcr[1], SHA384_LEN) == 0);
	CHECK(pcr_is(m.pcr[2], "21b9efbc184807662e966d34f390821309eeac6802309798"
	                       "826296bf3e8bec7c10edb30948c90ba67310f7b964fc500a"));
	e.ramdisk[1] = slice_str("second");
	e.ramdisk[2] = slice_str("third");
	e.ramdisks = 3;
	pcr_measure(&e, &m);
	CHECK(pcr_is(m.pcr[0], "050b22b90d7101ef1bc574060838bd97dfa27a49071d546f"
	                       "4a26e4066350989cb56faa1946beabe03cfd664055a8f64c"));
	CHECK(pcr_is(m.pcr[1], "e5e526385b7266c0a912662f019358d211f34f39f9aeb155"
	                       "3a4b8be6f7fdfc37126e9de946a9fda75bd52713e97ef963"));
	CHECK(pcr_is(m.pcr[2], "d481bb7b3ea38f9520857508ebdef575e9e028fc6225c143"
	                       "35f51c0578b40ac4244930b2f41da0244259819465cb2ec8"));
	pcr_of(slice_str("secondthird"), m.pcr[0]);
	CHECK(memcmp(m.pcr[0], m.pcr[2], SHA384_LEN) == 0);
}

static void test_kernel_version(void)
{
	static uint8_t head[0x400];
	char version[BZIMAGE_VERSION_MAX];
	struct slice g;

	memcpy(head + 0x202, "HdrS", 4);
	head[0x20E] = 0x80;
	head[0x20F] = 0x01;
	memcpy(head + 0x380, "6.12.107 (who@where) #1", 24);
	for (size_t n = 0; n <= sizeof head; n++) {
		g = test_guard(slice_of(head, n));
		bzimage_version(g, version);
		CHECK(strcmp(version, n > 0x380 + 8 ? "6.12.107" : "unknown") == 0);
		test_unguard(g);
	}
	memset(head + 0x380, 'x', sizeof head - 0x380);
	bzimage_version(slice_of(head, sizeof head), version);
	CHECK(strcmp(version, "unknown") == 0);
	head[0x20F] = 0xff;
	bzimage_version(slice_of(head, sizeof head), version);
	CHECK(strcmp(version, "unknown") == 0);
}

int main(void)
{
	test_round_trip();
	test_two_finishes();
	test_too_many();
	test_full_disk();
	test_measurements();
	test_kernel_version();
	return test_end();
}
