#include "tools/casemate/replace.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "appliance/base/io.h"
#include "tools/casemate/text.h"

static bool fill(int fd, struct slice content)
{
	bool ok = fd >= 0 && io_write_full(fd, content.p, content.len) == RC_OK;

	if (fd >= 0 && close(fd) != 0)
		ok = false;
	return ok;
}

static bool put_beside(const char *path, struct slice content)
{
	char part[PATH_MAX];
	mode_t mask = umask(0);
	int fd, why;

	umask(mask);
	if (snprintf(part, sizeof part, "%s.XXXXXX", path) >= (int)sizeof part) {
		errno = ENAMETOOLONG;
		return false;
	}
	fd = mkostemp(part, O_CLOEXEC);
	if (fd < 0)
		return false;
	if (fill(fd, content) && chmod(part, 0666 & ~mask) == 0 && rename(part, path) == 0)
		return true;
	why = errno;
	unlink(part);
	errno = why;
	return false;
}

bool replace_file(const char *path, struct slice content)
{
	struct stat st;
	bool ok;

	if (lstat(path, &st) == 0 && !S_ISREG(st.st_mode))
		ok = fill(open(path, O_WRONLY | O_TRUNC | O_CLOEXEC), content);
	else
		ok = put_beside(path, content);
	if (!ok)
		say("cannot write %s: %m", path);
	return ok;
}
