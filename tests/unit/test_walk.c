/* channel/walk.h and channel/stage.h where somebody else may write as well: what
 * becomes of a name between two calls. The calls are the libc's, but for what is
 * done right after them.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "channel/stage.h"
#include "channel/walk.h"
#include "tests/unit/test.h"

static char root[] = "/tmp/casemate-walk-XXXXXX";

/* Somebody else, who acts once: puts a symlink in the place of a directory that
 * was found to be one, or makes one that was just made everybody's. */
static enum { NOBODY, SWAPS, OPENS } other;

int unlinkat(int at, const char *name, int flags)
{
	int r = (int)syscall(SYS_unlinkat, at, name, flags), error = errno;

	if (r < 0 && error == EISDIR && other == SWAPS) {
		other = NOBODY;
		CHECK(renameat(at, name, at, "aside") == 0 && symlinkat("victim", at, name) == 0);
	}
	errno = error;
	return r;
}

int mkdirat(int at, const char *name, mode_t mode)
{
	int r = (int)syscall(SYS_mkdirat, at, name, mode);

	if (r == 0 && other == OPENS) {
		other = NOBODY;
		CHECK(fchmodat(at, name, 0777, 0) == 0);
	}
	return r;
}

static unsigned mode_of(int at, const char *name)
{
	struct stat st;

	return fstatat(at, name, &st, AT_SYMLINK_NOFOLLOW) == 0 ? st.st_mode & 07777 : 0;
}

static void test_remove(int at)
{
	CHECK(mkdir("tree", 0700) == 0 && mkdir("tree/in", 0700) == 0);
	CHECK(close(open("tree/in/file", O_CREAT | O_WRONLY, 0400)) == 0);
	CHECK(symlink("/", "tree/in/link") == 0);
	CHECK(chmod("tree/in", 0) == 0 && chmod("tree", 0500) == 0);
	CHECK(walk_remove(at, "tree") == RC_OK);
	CHECK(walk_remove(at, "tree") == RC_ABSENT);
}

/* What a symlink leads to is neither emptied nor given another mode. */
static void test_remove_swapped(int at)
{
	CHECK(mkdir("tree", 0755) == 0 && mkdir("victim", 0755) == 0);
	CHECK(close(open("victim/file", O_CREAT | O_WRONLY, 0644)) == 0);
	other = SWAPS;
	CHECK(walk_remove(at, "tree") == RC_IO);
	CHECK(other == NOBODY);
	CHECK(mode_of(at, "victim") == 0755 && mode_of(at, "victim/file") == 0644);
	CHECK(walk_remove(at, "tree") == RC_OK && walk_remove(at, "aside") == RC_OK);
}

/* Merged with what is there; the rest stays when something is in the way. */
static void test_move(int at)
{
	const char *name = "new";
	int to;

	CHECK(system("mkdir -p new/both/deep new/only dst/both/deep && echo 1 >new/a && "
	             "echo 2 >new/both/deep/b && echo 3 >dst/both/deep/kept && echo 4 >dst/a") ==
	      0);
	to = openat(at, "dst", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CHECK(walk_move(at, &name, to) == RC_OK && fcntl(to, F_GETFD) < 0);
	CHECK(system("test ! -e new && test -d dst/only && test $(cat dst/a) = 1 && "
	             "test $(cat dst/both/deep/b dst/both/deep/kept | wc -l) = 2") == 0);
	CHECK(system("mkdir -p new/only && echo 5 >new/only/c && mkdir dst/only/c") == 0);
	name = "new";
	to = openat(at, "dst", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CHECK(walk_move(at, &name, to) == RC_IO && strcmp(name, "c") == 0);
	CHECK(system("test $(cat new/only/c) = 5 && test -d dst/only/c") == 0);
	name = "new";
	CHECK(walk_move(at, &name, -1) == RC_IO && strcmp(name, "new") == 0);
	CHECK(system("test $(cat new/only/c) = 5 && rm -r new dst") == 0);
}

/* As deep as a walk can hold, and one directory deeper. */
static void test_deep(int at)
{
	int fd = dup(at);

	for (int i = 0; i < WALK_DEPTH + 1; i++) {
		int up = fd;

		CHECK(mkdirat(up, "d", 0700) == 0);
		fd = openat(up, "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		close(up);
	}
	close(fd);
	CHECK(walk_remove(at, "d") == RC_LIMIT);
	CHECK(rename("d/d", "e") == 0 && rmdir("d") == 0);
	CHECK(walk_remove(at, "e") == RC_OK);
}

/* A stage in which others can write holds nothing of ours, resumed or not. */
static void test_stage(void)
{
	for (int resume = 0; resume < 2; resume++) {
		struct failure f = { 0 };
		struct stage s;

		other = OPENS;
		CHECK(stage_open(&s, "dst", false, resume, &f) == RC_DENIED);
		CHECK(other == NOBODY && f.code == ERR_DENIED);
		f = (struct failure){ 0 };
		CHECK(system("rm -rf .casemate-*") == 0);
		CHECK(stage_open(&s, "dst", false, resume, &f) == RC_OK);
		s.resume = false;
		stage_discard(&s);
	}
	CHECK(system("test -z \"$(find . -name '.casemate-*')\"") == 0);
}

int main(void)
{
	int at;

	if (!mkdtemp(root) || chdir(root) != 0)
		return 1;
	at = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	test_remove(at);
	test_remove_swapped(at);
	test_move(at);
	test_deep(at);
	test_stage();
	CHECK(system("rm -rf \"$PWD\"") == 0);
	return test_end();
}
