#include "boot/loopback.h"

#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "appliance/base/io.h"
#include "appliance/base/log.h"

enum rc loopback_up(void)
{
	struct ifreq lo = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	enum rc rc = fd >= 0 && ioctl(fd, SIOCSIFFLAGS, &lo) == 0 ? RC_OK : RC_IO;

	if (rc != RC_OK)
		log_line("loopback: cannot be brought up: %m");
	io_close(&fd);
	return rc;
}
