#include "boot/entropy.h"

#include <fcntl.h>
#include <linux/random.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/random.h>

#include "appliance/base/io.h"
#include "appliance/base/log.h"

enum rc entropy_source(const char *path)
{
	char name[65];
	size_t len;
	enum rc rc = io_read_file(path, name, sizeof name - 1, &len);

	if (rc == RC_IO) {
		log_line("entropy: cannot read %s: %m", path);
		return rc;
	}
	if (rc != RC_OK)
		return RC_MISMATCH;
	if (len > 0 && name[len - 1] == '\n')
		len--;
	name[len] = '\0';
	if (strcmp(name, "nsm-hwrng") == 0)
		return RC_OK;
	log_line("entropy: the kernel reads '%s' instead of the security module", name);
	return RC_MISMATCH;
}

/* As in linux/random.h, with its bytes. */
struct credit {
	int bits;
	int len;
	uint8_t bytes[ENTROPY_SEED_LEN];
};

static enum rc credit_fd(int fd, const uint8_t *seed)
{
	struct credit c = { 8 * ENTROPY_SEED_LEN, ENTROPY_SEED_LEN, { 0 } };
	uint8_t probe;
	enum rc rc = RC_OK;

	memcpy(c.bytes, seed, sizeof c.bytes);
	if (ioctl(fd, RNDADDENTROPY, &c) != 0 || ioctl(fd, RNDRESEEDCRNG) != 0 ||
	    getrandom(&probe, 1, GRND_NONBLOCK) != 1)
		rc = RC_IO;
	wipe(&c, sizeof c);
	return rc;
}

enum rc entropy_credit(uint8_t seed[ENTROPY_SEED_LEN])
{
	int fd = open("/dev/random", O_WRONLY | O_CLOEXEC);
	enum rc rc = fd < 0 ? RC_IO : credit_fd(fd, seed);

	io_close(&fd);
	wipe(seed, ENTROPY_SEED_LEN);
	if (rc != RC_OK)
		log_line("entropy: the kernel does not take the seed: %m");
	else
		log_line("entropy: nsm-hwrng is the kernel's source, %d bits credited",
		         8 * ENTROPY_SEED_LEN);
	return rc;
}
