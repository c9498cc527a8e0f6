#include "channel/tty.h"

#include <sys/ioctl.h>
#include <termios.h>

static int raw_fd = -1;
static struct termios saved;

bool tty_raw(int fd)
{
	struct termios t;

	if (tcgetattr(fd, &t) != 0)
		return false;
	if (raw_fd < 0)
		saved = t;
	cfmakeraw(&t);
	if (tcsetattr(fd, TCSANOW, &t) != 0)
		return false;
	raw_fd = fd;
	return true;
}

void tty_restore(void)
{
	if (raw_fd >= 0)
		(void)tcsetattr(raw_fd, TCSANOW, &saved);
	raw_fd = -1;
}

bool tty_size(uint16_t *rows, uint16_t *cols)
{
	struct winsize size;

	for (int fd = 0; fd <= 2; fd++) {
		if (ioctl(fd, TIOCGWINSZ, &size) != 0)
			continue;
		*rows = size.ws_row;
		*cols = size.ws_col;
		return true;
	}
	return false;
}
