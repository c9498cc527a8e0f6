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
	char name[64] = "";
	size_t len;
	enum rc rc = io_read_file(path, name, sizeof name - 1, &len);

	if (rc == RC_OK && strcmp(name, "nsm-hwrng\n") != 0)
		rc = RC_MISMATCH;
	if (rc != RC_OK)
		log_line("entropy: the kernel reads '%s' instead of the security module (%s)", name,
		         rc_str(rc));
	return rc;
}

enum rc entropy_credit(struct entropy_seed *seed)
{
	int fd = open("/dev/random", O_WRONLY | O_CLOEXEC);
	uint8_t probe;
	enum rc rc = RC_OK;

	seed->bits = 8 * ENTROPY_SEED_LEN;
	seed->len = ENTROPY_SEED_LEN;
	if (fd < 0 || ioctl(fd, RNDADDENTROPY, seed) != 0 || ioctl(fd, RNDRESEEDCRNG) != 0 ||
	    getrandom(&probe, 1, GRND_NONBLOCK) != 1)
		rc = RC_IO;
	io_close(&fd);
	wipe(seed, sizeof *seed);
	if (rc != RC_OK)
		log_line("entropy: the kernel does not take the seed: %m");
	else
		log_line("entropy: nsm-hwrng is the kernel's source, %d bits credited",
		         8 * ENTROPY_SEED_LEN);
	return rc;
}
