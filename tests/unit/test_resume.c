/* Transfers that go on where an earlier one was cut. */
#include "tests/unit/transfer_peer.h"

static uint8_t big[1 << 16];

/* A staging directory that others may write to is not resumed. */
static void test_foreign_stage(void)
{
	struct transfer t = { .resume = true };
	uint8_t id[SHA384_LEN];
	char hex[17], command[200];
	const char *dst = in_root("in", NULL);
	struct sha384 h;

	sha384_init(&h);
	sha384_update(&h, dst, strlen(dst));
	sha384_final(&h, id);
	hex_put(hex, slice_of(id, 8));
	snprintf(command, sizeof command,
	         "rm -rf in; mkdir -p in/.casemate-%s/new && "
	         "chmod 777 in/.casemate-%s",
	         hex, hex);
	CHECK(sh(command) == 0);
	CHECK(sh("echo 1 > f") == 0);
	CHECK(copy(true, in_root("f", NULL), dst, &t) == RC_DENIED);
	CHECK(t.failure.code == ERR_DENIED && t.failure.remote);
	CHECK(sh("test -z \"$(ls in)\" && rm -r in/.casemate-*") == 0);
}

static void test_resume(void)
{
	struct transfer t = { .resume = true };
	uint8_t payload[FRAME_CONTROL_MAX];
	size_t len = 0;
	uint64_t have;
	pid_t pid;
	int fd;

	CHECK(sh("rm -rf in; mkdir in && head -c 3000000 /dev/urandom > r") == 0);
	/* An attempt that is cut after 1.5 MB. */
	CHECK(sh("head -c 1500000 r > part") == 0);
	fd = enclave(&pid);
	ask_push(fd, in_root("in", NULL), FILES_RESUME);
	talk_begin();
	say(ENTRY_FILE, "r", 3000000, "");
	CHECK(io_write_full(fd, talk.mem, talk.w.len) == RC_OK);
	CHECK(next_frame(fd, payload, sizeof payload, &len) == FRAME_HAVE);
	talk_begin();
	frame_put(&talk.w, FRAME_FROM, slice_of("\0\0\0\0\0\0\0\0", 8));
	int part = open(in_root("part", NULL), O_RDONLY | O_CLOEXEC);
	for (ssize_t n; (n = read(part, big, sizeof big)) > 0;) {
		frame_put(&talk.w, FRAME_DATA, slice_of(big, (size_t)n));
		CHECK(io_write_full(fd, talk.mem, talk.w.len) == RC_OK);
		talk.w.len = 0;
	}
	close(part);
	close(fd);
	CHECK(ended_well(pid));
	CHECK(sh("test -z \"$(ls in)\" && test -n \"$(find in -name '.casemate-*')\"") == 0);
	CHECK(sh("test $(find in -type f | wc -l) = 1") == 0);

	/* The next one is told of them, */
	fd = enclave(&pid);
	ask_push(fd, in_root("in", NULL), FILES_RESUME);
	talk_begin();
	say(ENTRY_FILE, "r", 3000000, "");
	CHECK(io_write_full(fd, talk.mem, talk.w.len) == RC_OK);
	CHECK(next_frame(fd, payload, sizeof payload, &len) == FRAME_HAVE);
	struct slice p = slice_of(payload, len);
	CHECK(slice_u64_be(&p, &have) && have == 1500000);
	close(fd);
	CHECK(ended_well(pid));

	/* and the real sender completes them, or starts again when they differ. */
	CHECK(copy(true, in_root("r", NULL), in_root("in", NULL), &t) == RC_OK);
	CHECK(t.totals.bytes == 3000000);
	CHECK(sh("cmp r in/r") == 0);
	CHECK(clean());
	CHECK(copy(false, in_root("r", NULL), in_root("in/again", NULL), &t) == RC_OK);
	CHECK(sh("cmp r in/again") == 0);
	CHECK(clean());
}

/* What two attempts left in different folders is found again, read-only as it
 * may be, and nothing of it once all is there. */
static void test_resume_tree(void)
{
	struct transfer t = { .resume = true };
	uint8_t payload[FRAME_CONTROL_MAX];
	size_t len = 0;
	uint64_t have;
	pid_t pid;
	int fd;

	CHECK(sh("rm -rf in tree; mkdir -p in tree/a/b && head -c 2000000 /dev/urandom > "
	         "tree/a/one && cp tree/a/one tree/a/b/one && echo x >> tree/a/b/one && "
	         "chmod 400 tree/a/one && echo small > tree/a/b/small") == 0);
	CHECK(copy(true, in_root("tree", NULL), in_root("in", NULL), &t) == RC_OK);
	CHECK(sh("diff -r tree in/tree && test $(stat -c %a in/tree/a/one) = 400 && "
	         "test $(stat -c %h in/tree/a/one) = 1") == 0);
	CHECK(clean());
	for (int i = 0; i < 2; i++) { /* the whole of a/one, then the connection is cut */
		fd = enclave(&pid);
		ask_push(fd, in_root("in", NULL), FILES_RESUME);
		talk_begin();
		say(ENTRY_DIR, "tree", 0, "");
		say(ENTRY_DIR, "a", 0, "");
		say(ENTRY_FILE, "one", 2000000, "");
		CHECK(io_write_full(fd, talk.mem, talk.w.len) == RC_OK);
		CHECK(next_frame(fd, payload, sizeof payload, &len) == FRAME_HAVE);
		struct slice p = slice_of(payload, len);
		CHECK(slice_u64_be(&p, &have) && have == (i == 0 ? 0 : 2000000));
		talk_begin();
		frame_put(&talk.w, FRAME_FROM, slice_of(payload, 8));
		int part = open(in_root("tree/a/one", NULL), O_RDONLY | O_CLOEXEC);
		for (ssize_t n; i == 0 && (n = read(part, big, sizeof big)) > 0;) {
			frame_put(&talk.w, FRAME_DATA, slice_of(big, (size_t)n));
			CHECK(io_write_full(fd, talk.mem, talk.w.len) == RC_OK);
			talk.w.len = 0;
		}
		close(part);
		close(fd);
		CHECK(ended_well(pid));
		CHECK(sh("diff -r tree in/tree") == 0);
	}
	CHECK(sh("rm -rf in/tree") == 0);
	CHECK(copy(true, in_root("tree", NULL), in_root("in", NULL), &t) == RC_OK);
	CHECK(sh("diff -r tree in/tree") == 0);
	CHECK(clean());
}

/* A name of the size that is resumed, twice. */
static void test_resume_duplicate(void)
{
	static const uint8_t zeros[RESUME_MIN];
	uint8_t hole[8] = { 0, 0, 0, 0, 0, 0, 0x80, 0 }, digest[SHA384_LEN];
	struct sha384 h;

	sha384_init(&h);
	sha384_update(&h, zeros, sizeof zeros);
	sha384_final(&h, digest);
	talk_begin();
	for (int i = 0; i < 2; i++) {
		say(ENTRY_FILE, "twice", RESUME_MIN, "");
		frame_put(&talk.w, FRAME_FROM, slice_of("\0\0\0\0\0\0\0\0", 8));
		for (int n = 0; n < RESUME_MIN; n += 0x8000)
			frame_put(&talk.w, FRAME_HOLE, slice_of(hole, sizeof hole));
		frame_put(&talk.w, FRAME_END, slice_of(digest, sizeof digest));
	}
	CHECK(sh("rm -rf in; mkdir in") == 0);
	CHECK(say_to_receiver(talk.w.len, FILES_RESUME) == ERR_DUPLICATE);
	CHECK(sh("test -z \"$(ls in)\"") == 0);
}

/* When not all can be moved, what was moved is nobody's to write to any more:
 * the next attempt does not begin with it. */
static void test_failed_commit(void)
{
	struct transfer t = { .resume = true };

	CHECK(sh("rm -rf in tree; mkdir -p in/tree tree; touch in/tree/busy tree/busy; "
	         "for i in 1 2 3 4 5 6 7 8; do truncate -s 1M tree/$i; done") == 0);
	if (sh("mount --bind in/tree/busy in/tree/busy 2>/dev/null") != 0) {
		printf("skip failed commit: no right to mount here\n");
		return;
	}
	CHECK(copy(true, in_root("tree", NULL), in_root("in", NULL), &t) == RC_DENIED);
	CHECK(t.failure.code == ERR_SYSTEM && t.failure.remote);
	CHECK(sh("test -z \"$(find in -type f -links +1)\"") == 0);
	CHECK(sh("umount in/tree/busy") == 0);
	CHECK(copy(true, in_root("tree", NULL), in_root("in", NULL), &t) == RC_OK);
	CHECK(sh("diff -r tree in/tree") == 0);
	CHECK(clean());
}

int main(void)
{
	if (!peer_begin())
		return 1;
	test_foreign_stage();
	test_resume();
	test_resume_tree();
	test_resume_duplicate();
	test_failed_commit();
	return peer_end();
}
