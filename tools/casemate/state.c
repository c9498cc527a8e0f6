#include "tools/casemate/state.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "appliance/base/io.h"
#include "tools/casemate/info.h"
#include "tools/casemate/text.h"
#include "tools/casemate/verb.h"

enum {
	UNIQUE_MAX = 1000,                               /* NAME-2 to NAME-1000 */
	ROOT_MAX = STATE_PATH_MAX - STATE_NAME_MAX - 32, /* room for /NAME/FILE */
};

bool state_name_ok(const char *name)
{
	size_t n = strlen(name);

	if (n == 0 || n >= STATE_NAME_MAX || strchr("-_.", name[0]) != NULL)
		return false;
	return strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	                    "0123456789-_.") == n;
}

/* Is path a folder (no link to one) of ours, with none of the mode's bits? */
static bool is_ours(const char *path, mode_t forbidden)
{
	struct stat st;

	if (lstat(path, &st) < 0)
		return false;
	errno = EPERM;
	return S_ISDIR(st.st_mode) && st.st_uid == geteuid() && (st.st_mode & forbidden) == 0;
}

static void choose_root(char *out, size_t max)
{
	const char *xdg = getenv("XDG_RUNTIME_DIR");

	if (xdg != NULL && xdg[0] == '/' && is_ours(xdg, 022))
		snprintf(out, max, "%s/casemate", xdg);
	else if (geteuid() == 0)
		snprintf(out, max, "/run/casemate");
	else
		snprintf(out, max, "/tmp/casemate-%u", (unsigned)geteuid());
}

const char *state_root(void)
{
	static char root[PATH_MAX];

	if (root[0] != '\0')
		return root;
	choose_root(root, sizeof root);
	if (strlen(root) > ROOT_MAX) {
		say("%s: too long (at most %d bytes); set XDG_RUNTIME_DIR to a shorter path", root,
		    ROOT_MAX);
		exit(STATUS_FAILED);
	}
	if (mkdir(root, 0700) < 0 && errno != EEXIST) {
		say("cannot make the folder %s: %m", root);
		exit(STATUS_FAILED);
	}
	if (!is_ours(root, 077)) {
		say("%s is not used: it must be a folder of yours with mode 0700 (%m)", root);
		exit(STATUS_FAILED);
	}
	return root;
}

void state_path(char out[STATE_PATH_MAX], const char *name, const char *file)
{
	snprintf(out, STATE_PATH_MAX, "%s/%s%s%s", state_root(), name, *file ? "/" : "", file);
}

int state_short_path(char out[STATE_SHORT_MAX], const char *name, const char *file)
{
	char path[STATE_PATH_MAX];
	int dir;

	state_path(path, name, "");
	dir = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	snprintf(out, STATE_SHORT_MAX, "/proc/self/fd/%d/%s", dir, file);
	return dir;
}

void state_last_path(char out[STATE_PATH_MAX], const char *name)
{
	snprintf(out, STATE_PATH_MAX, "%s/.last/%s.log", state_root(), name);
}

/* Open file description locks: they last as long as the descriptor and its
 * copies in children, and asking who has one does not disturb it. */
static bool lock_fd(int fd, int command, struct flock *l)
{
	*l = (struct flock){ .l_type = F_WRLCK, .l_whence = SEEK_SET };
	while (fcntl(fd, command, l) < 0) {
		if (errno != EINTR)
			return false;
	}
	return true;
}

/* Makes and removes folders one process at a time, so that nobody sees one
 * without its lock. -1 after saying why. */
static int lock_root(void)
{
	char path[STATE_PATH_MAX];
	struct flock l;
	int fd;

	snprintf(path, sizeof path, "%s/.lock", state_root());
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd >= 0 && !lock_fd(fd, F_OFD_SETLKW, &l))
		io_close(&fd);
	if (fd < 0)
		say("cannot lock %s: %m", path);
	return fd;
}

/* Makes and takes the lock of a name whose folder is new. */
static int take_lock(const char *name)
{
	char path[STATE_PATH_MAX];
	struct flock l;
	int fd;

	state_path(path, name, "lock");
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd >= 0 && !lock_fd(fd, F_OFD_SETLK, &l))
		io_close(&fd);
	if (fd < 0)
		say("cannot lock %s: %m", path);
	return fd;
}

static bool is_locked(const char *name)
{
	char path[STATE_PATH_MAX];
	struct flock l;
	bool locked;
	int fd;

	state_path(path, name, "lock");
	fd = open(path, O_RDWR | O_CLOEXEC);
	locked = fd >= 0 && lock_fd(fd, F_OFD_GETLK, &l) && l.l_type != F_UNLCK;
	io_close(&fd);
	return locked;
}

static void keep_console(const char *name)
{
	char from[STATE_PATH_MAX], to[STATE_PATH_MAX];

	snprintf(to, sizeof to, "%s/.last", state_root());
	if (mkdir(to, 0700) < 0 && errno != EEXIST)
		return;
	state_path(from, name, STATE_CONSOLE);
	state_last_path(to, name);
	(void)rename(from, to); /* none: it ended before it printed */
}

/* The root is locked. */
static void remove_folder(const char *name, bool keep)
{
	static const char *const files[] = {
		STATE_VM_SOCKET, STATE_VM_SOCKET "_9000", "vhost.sock", STATE_CONTROL,
		STATE_CONSOLE,   STATE_CONSOLE_OLD,       "info",       "info.part",
		"lock",
	};
	char path[STATE_PATH_MAX];

	state_last_path(path, name);
	unlink(path);
	if (keep)
		keep_console(name);
	for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
		state_path(path, name, files[i]);
		unlink(path);
	}
	state_path(path, name, "");
	if (rmdir(path) < 0 && errno != ENOENT)
		say("cannot remove %s: %m", path);
}

void state_remove(const char *name, bool keep)
{
	int root = lock_root();

	if (root >= 0)
		remove_folder(name, keep);
	io_close(&root);
}

/* The folder is there: is it only what a dead enclave left? Then it is made
 * anew; errno says why not. */
static bool take_over(const char *name)
{
	struct enclave old;
	char path[STATE_PATH_MAX];

	if (state_load(name, &old) && old.life != LIFE_DEAD) {
		errno = EEXIST;
		return false;
	}
	remove_folder(name, true);
	state_path(path, name, "");
	return mkdir(path, 0700) == 0;
}

/* The lock, -1 when the name is taken, -2 after saying what else is wrong. */
static int claim_name(const char *name)
{
	char path[STATE_PATH_MAX];
	int fd;

	state_path(path, name, "");
	if (mkdir(path, 0700) < 0 && !(errno == EEXIST && take_over(name))) {
		if (errno == EEXIST)
			return -1;
		say("cannot make the folder %s: %m", path);
		return -2;
	}
	fd = take_lock(name);
	return fd < 0 ? -2 : fd;
}

static int claim_unique(struct enclave *e)
{
	char base[STATE_NAME_MAX];
	int fd = claim_name(e->name);

	memcpy(base, e->name, sizeof base);
	for (int i = 2; fd == -1 && i <= UNIQUE_MAX; i++) {
		int digits = snprintf(NULL, 0, "-%d", i);

		snprintf(e->name, sizeof e->name, "%.*s-%d", STATE_NAME_MAX - 1 - digits, base, i);
		fd = claim_name(e->name);
	}
	return fd;
}

int state_claim(struct enclave *e, bool unique)
{
	int root = lock_root(), fd;

	if (root < 0)
		return -1;
	fd = unique ? claim_unique(e) : claim_name(e->name);
	if (fd == -1)
		say("an enclave named %s is there already: casemate stop %s, or choose another "
		    "--name",
		    e->name, e->name);
	io_close(&root);
	return fd < 0 ? -1 : fd;
}

bool state_save(const struct enclave *e)
{
	char path[STATE_PATH_MAX], part[STATE_PATH_MAX], text[INFO_MAX];
	FILE *f;
	bool ok;

	state_path(path, e->name, "info");
	state_path(part, e->name, "info.part");
	if (!info_put(text, e)) {
		say("cannot write %s: the image's path or the enclave's id has a newline", path);
		return false;
	}
	f = fopen(part, "we");
	if (f == NULL) {
		say("cannot write %s: %m", part);
		return false;
	}
	ok = fputs(text, f) >= 0;
	ok = fclose(f) == 0 && ok && rename(part, path) == 0;
	if (!ok)
		say("cannot write %s: %m", path);
	return ok;
}

static void load_info(struct enclave *e)
{
	char path[STATE_PATH_MAX], text[INFO_MAX];
	size_t n;

	state_path(path, e->name, "info");
	if (io_read_file(path, text, sizeof text, &n) == RC_OK)
		info_parse(slice_of(text, n), e);
}

bool state_load(const char *name, struct enclave *e)
{
	char path[STATE_PATH_MAX];

	*e = (struct enclave){ .life = LIFE_BOOTING };
	snprintf(e->name, sizeof e->name, "%s", name);
	state_path(path, name, "");
	if (!is_ours(path, 0))
		return false;
	load_info(e);
	if ((e->backend != BACKEND_NITRO || e->id[0] == '\0') && !is_locked(name))
		e->life = LIFE_DEAD;
	return true;
}

void state_say_absent(const char *name)
{
	char path[STATE_PATH_MAX];

	state_last_path(path, name);
	if (access(path, F_OK) == 0)
		say("%s has ended; casemate console %s shows what it printed last", name, name);
	else
		say("no enclave is named %s; casemate ps shows which run", name);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(a, b);
}

size_t state_names(char names[][STATE_NAME_MAX], size_t max)
{
	DIR *d = opendir(state_root());
	struct dirent *de;
	size_t n = 0;

	while (d != NULL && n < max && (de = readdir(d)) != NULL) {
		if (state_name_ok(de->d_name))
			memcpy(names[n++], de->d_name, strlen(de->d_name) + 1);
	}
	if (d != NULL)
		closedir(d);
	qsort(names, n, STATE_NAME_MAX, by_name);
	return n;
}

const char *state_backend_name(enum backend b)
{
	return b == BACKEND_NITRO ? "nitro" : "emulator";
}

const char *state_life_name(enum life l)
{
	static const char *const names[] = { "booting", "running", "stopping", "dead" };

	return l <= LIFE_DEAD ? names[l] : "unknown";
}
