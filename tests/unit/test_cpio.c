#include <fcntl.h>
#include <sys/mman.h>

#include "appliance/base/io.h"
#include "tests/unit/test.h"
#include "tools/image/cpio.h"

static uint8_t back[1 << 18];

static size_t read_back(int fd)
{
	ssize_t n = pread(fd, back, sizeof back, 0);

	return n < 0 ? 0 : (size_t)n;
}

#define ZERO "00000000"

/* inode, mode, owner, group, links, time, size, four devices, length of the
 * name, check; the name and the content padded to four bytes. */
static const char expected[] = "070701"
			       "00000001"
			       "000081ED" ZERO ZERO "00000001" ZERO "00000005" ZERO ZERO ZERO ZERO
			       "00000005" ZERO "init\0\0"
			       "hello\0\0\0"
			       "070701"
			       "00000002"
			       "00008124" ZERO ZERO "00000001" ZERO ZERO ZERO ZERO ZERO ZERO
			       "00000009" ZERO "manifest\0\0"
			       "070701" ZERO ZERO ZERO ZERO "00000001" ZERO ZERO ZERO ZERO ZERO ZERO
			       "0000000B" ZERO "TRAILER!!!\0\0\0";

static void test_bytes(void)
{
	int fd = memfd_create("cpio", MFD_CLOEXEC);
	struct cpio c = cpio_of(fd);

	CHECK(cpio_add(&c, "init", 0755, slice_str("hello")) == RC_OK);
	CHECK(cpio_add(&c, "manifest", 0444, slice_of(NULL, 0)) == RC_OK);
	CHECK(cpio_end(&c) == RC_OK);
	CHECK(read_back(fd) == sizeof expected); /* its NUL is the fourth of padding */
	CHECK(memcmp(back, expected, sizeof expected) == 0);
	io_close(&fd);
}

/* From a file or from memory, at whatever position it stood: the same. */
static void test_file(void)
{
	static const size_t sizes[] = { 0, 1, 2, 3, 4, 65535, 65536, 65537, 200000 };
	static uint8_t data[200000], first[1 << 18];

	for (size_t i = 0; i < sizeof data; i++)
		data[i] = (uint8_t)(i * 31 >> 3);
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		int from = memfd_create("from", MFD_CLOEXEC);
		int a = memfd_create("a", MFD_CLOEXEC), b = memfd_create("b", MFD_CLOEXEC);
		struct cpio ca = cpio_of(a), cb = cpio_of(b);
		size_t n;

		CHECK(io_write_full(from, data, sizes[i]) == RC_OK);
		CHECK(cpio_add(&ca, "f", 0644, slice_of(data, sizes[i])) == RC_OK);
		CHECK(cpio_end(&ca) == RC_OK);
		CHECK(cpio_add_fd(&cb, "f", 0644, from) == RC_OK && cpio_end(&cb) == RC_OK);
		n = read_back(a);
		memcpy(first, back, n);
		CHECK(n % CPIO_ALIGN == 0 && read_back(b) == n && memcmp(first, back, n) == 0);
		io_close(&from);
		io_close(&a);
		io_close(&b);
	}
}

static void test_names(void)
{
	char longest[CPIO_NAME_MAX + 2];

	memset(longest, 'x', sizeof longest);
	longest[CPIO_NAME_MAX + 1] = '\0';
	CHECK(cpio_name_ok("init") && !cpio_name_ok("") && !cpio_name_ok("a/b"));
	CHECK(!cpio_name_ok("TRAILER!!!") && !cpio_name_ok(".") && !cpio_name_ok(".."));
	CHECK(!cpio_name_ok(longest));
	longest[CPIO_NAME_MAX] = '\0';
	CHECK(cpio_name_ok(longest));
}

static void test_failures(void)
{
	int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
	int huge = memfd_create("huge", MFD_CLOEXEC), pipes[2];
	struct cpio c = cpio_of(full);

	CHECK(cpio_add(&c, "f", 0644, slice_str("x")) == RC_IO);
	CHECK(ftruncate(huge, 0x100000000) == 0);
	CHECK(cpio_add_fd(&c, "f", 0644, huge) == RC_LIMIT);
	CHECK(pipe(pipes) == 0);
	CHECK(cpio_add_fd(&c, "f", 0644, pipes[0]) == RC_IO);
	io_close(&pipes[0]);
	io_close(&pipes[1]);
	io_close(&full);
	io_close(&huge);
}

static bool finds(struct slice archive, const char *name, const char *content)
{
	struct slice data;

	return cpio_find(archive, name, &data) && slice_is(data, content);
}

/* What is read of our own archives, whole, cut anywhere and changed anywhere. */
static void test_find(void)
{
	static char copy[sizeof expected];
	struct slice whole = slice_of(expected, sizeof expected), data;

	CHECK(finds(whole, "init", "hello") && finds(whole, "manifest", ""));
	CHECK(!cpio_find(whole, "ini", &data) && !cpio_find(whole, "absent", &data));
	for (size_t n = 0; n < sizeof expected; n++) {
		struct slice s = test_guard(slice_of(expected, n));

		CHECK(finds(s, "init", "hello") == (n >= 124));
		CHECK(finds(s, "manifest", "") == (n >= 244));
		test_unguard(s);
	}
	for (size_t i = 0; i < sizeof expected; i++) {
		struct slice s;

		memcpy(copy, expected, sizeof expected);
		copy[i] = (char)(copy[i] ^ 0x7f);
		s = test_guard(slice_of(copy, sizeof copy));
		if (cpio_find(s, "manifest", &data))
			CHECK(data.p >= s.p && data.len <= (size_t)(s.p + s.len - data.p));
		test_unguard(s);
	}
}

int main(void)
{
	test_bytes();
	test_file();
	test_names();
	test_failures();
	test_find();
	return test_end();
}
