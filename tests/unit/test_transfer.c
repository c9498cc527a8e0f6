/* Push and pull, both ends of the real code against each other, and each end
 * against frames made by hand. */
#include <poll.h>
#include <sys/mount.h>
#include <sys/syscall.h>

#include "tests/unit/transfer_peer.h"

static void test_tree(void)
{
	struct transfer t = { 0 };
	const char *list = "find . -mindepth 1 -printf '%P %y %m %T@ %l\\n' | LC_ALL=C sort";
	char script[1024];

	CHECK(sh("mkdir -p t/empty t/deep/a/b/c t/ro && cd t && : > nothing && echo one > one &&"
	         "head -c 300000 /dev/urandom > middle && head -c 5000003 /dev/urandom > large &&"
	         "truncate -s 20M sparse && echo end | dd of=sparse bs=1 seek=9000000 conv=notrunc "
	         "2>/dev/null &&"
	         "ln -s one link && ln -s /nowhere/at/all dangling && ln -s .. deep/up &&"
	         "printf x > \"$(printf 'new\\nline')\" && printf x > \"$(printf 'b\\377d')\" &&"
	         "printf x > ' leading' && printf x > deep/a/b/c/leaf && printf x > ro/f && mkfifo "
	         "fifo &&"
	         "chmod 400 one && chmod 755 middle && chmod 4711 large && chmod 1777 empty && "
	         "chmod 555 ro &&"
	         "touch -d '1999-12-31 23:59:59.123456789 UTC' one empty deep &&"
	         "touch -h -d '2001-02-03 04:05:06.7 UTC' link") == 0);
	CHECK(copy(true, in_root("t", NULL), in_root("pushed", NULL), &t) == RC_OK);
	CHECK(t.totals.skipped == 1);
	CHECK(copy(false, in_root("pushed", NULL), in_root("pulled", NULL), &t) == RC_OK);
	CHECK(t.totals.skipped == 0);
	snprintf(script, sizeof script,
	         "rm t/fifo; chmod 711 t/large; (cd t && %s) > 1; (cd pulled && %s) > 2; cmp 1 2 &&"
	         "rm t/link t/dangling t/deep/up pulled/link pulled/dangling pulled/deep/up && "
	         "diff -r t pulled",
	         list, list);
	/* The parent's times change with the fifo and the links. */
	CHECK(sh("touch -r t/deep keep") == 0);
	CHECK(sh(script) == 0);
	CHECK(sh("test \"$(stat -c %a pushed/large)\" = 4711 && test \"$(stat -c %a "
	         "pulled/large)\" = 711") == 0);
	CHECK(sh("test $(stat -c %b pulled/sparse) -lt 1000") == 0);
	CHECK(clean());
	CHECK(sh("chmod -R u+w t pushed pulled; rm -rf t pushed pulled") == 0);
}

static void test_destinations(void)
{
	struct transfer t = { 0 };

	CHECK(sh("mkdir -p d s/sub && echo 1 > s/sub/x && echo old > d/keep && echo a > f") == 0);
	CHECK(copy(true, in_root("f", NULL), in_root("d", NULL), &t) == RC_OK);
	CHECK(sh("cmp f d/f") == 0);
	CHECK(copy(true, in_root("f", NULL), in_root("d/renamed", NULL), &t) == RC_OK);
	CHECK(sh("cmp f d/renamed") == 0);
	CHECK(t.totals.files == 1 && t.totals.bytes == 2);
	CHECK(copy(true, in_root("s", NULL), in_root("d", NULL), &t) == RC_OK);
	CHECK(sh("echo 2 > s/sub/y; echo 3 > s/sub/x") == 0);
	CHECK(copy(true, in_root("s", NULL), in_root("d", NULL), &t) == RC_OK);
	CHECK(sh("diff -r s d/s && test \"$(cat d/keep)\" = old") == 0);
	CHECK(copy(true, in_root("s/.", NULL), in_root("d/", NULL), &t) == RC_OK);
	CHECK(sh("diff -r s/sub d/sub") == 0);

	CHECK(copy(true, in_root("f", NULL), in_root("absent/x", NULL), &t) == RC_DENIED);
	CHECK(t.failure.code == ERR_NOT_FOUND && t.failure.remote);
	CHECK(copy(true, in_root("absent", NULL), in_root("d", NULL), &t) == RC_DENIED);
	CHECK(t.failure.code == ERR_NOT_FOUND && !t.failure.remote);
	CHECK(copy(false, in_root("absent", NULL), in_root("d", NULL), &t) == RC_DENIED);
	CHECK(t.failure.code == ERR_NOT_FOUND && t.failure.remote);

	/* A directory is not replaced by a file, nor a file by a directory, and
	 * nothing else of that transfer is moved. */
	CHECK(sh("mkdir -p c/s && echo z > c/s/a && echo file > c/s/sub") == 0);
	CHECK(copy(true, in_root("s", NULL), in_root("c", NULL), &t) == RC_DENIED);
	CHECK(t.failure.code == ERR_CONFLICT);
	CHECK(sh("test \"$(ls c/s | tr '\\n' ' ')\" = 'a sub ' && test \"$(cat c/s/sub)\" = "
	         "file") == 0);
	CHECK(sh("mkdir c/f") == 0);
	CHECK(copy(true, in_root("f", NULL), in_root("c", NULL), &t) == RC_DENIED);
	CHECK(t.failure.code == ERR_CONFLICT);
	/* A symlink at the destination is replaced, never followed. */
	CHECK(sh("mkdir -p l out/s && ln -s ../out/s l/s") == 0);
	CHECK(copy(false, in_root("s", NULL), in_root("l", NULL), &t) == RC_DENIED);
	CHECK(t.failure.code == ERR_CONFLICT);
	CHECK(sh("test -z \"$(ls out/s)\"") == 0);
	CHECK(clean());
}

/* --- a conversation made by hand --- */

static void say_content(const char *text)
{
	uint8_t digest[SHA384_LEN];
	struct sha384 h;
	size_t from;

	sha384_init(&h);
	sha384_update(&h, text, strlen(text));
	sha384_final(&h, digest);
	if (*text)
		frame_put(&talk.w, FRAME_DATA, slice_str(text));
	from = talk.w.len;
	frame_put(&talk.w, FRAME_END, slice_of(digest, sizeof digest));
	noted(from);
}

static void say_file(const char *name, const char *text)
{
	say(ENTRY_FILE, name, (int64_t)strlen(text), "");
	say_content(text);
}

static void say_leave(void)
{
	size_t from = talk.w.len;

	frame_put(&talk.w, FRAME_LEAVE, slice_of(NULL, 0));
	noted(from);
}

static void say_done(void)
{
	uint8_t digest[SHA384_LEN];

	sha384_final(&talk.transfer, digest);
	sum_put(&talk.w, FRAME_DONE, 0, digest);
}

static int say_all(void)
{
	int code = say_to_receiver(talk.w.len, 0);

	CHECK(clean());
	return code;
}

static void small_tree(void)
{
	talk_begin();
	say(ENTRY_DIR, "tree", 0, "");
	say_file("a", "hello");
	say(ENTRY_SYMLINK, "s", 0, "a");
	say(ENTRY_DIR, "d", 0, "");
	say_file("b", "");
	say_leave();
	say_leave();
	say_done();
}

static void test_every_cut(void)
{
	CHECK(sh("rm -rf in; mkdir -p in/tree && echo before > in/tree/a") == 0);
	small_tree();
	for (size_t n = 0; n < talk.w.len; n++)
		CHECK(say_to_receiver(n, 0) == ERR_SYSTEM);
	CHECK(sh("test \"$(find in | tr '\\n' ' ')\" = 'in in/tree in/tree/a ' &&"
	         "test \"$(cat in/tree/a)\" = before") == 0);
	CHECK(say_all() == 0);
	CHECK(sh("test \"$(cat in/tree/s)\" = hello && test -f in/tree/d/b") == 0);
}

static void test_bit_flips(void)
{
	CHECK(sh("rm -rf in; mkdir in") == 0);
	small_tree();
	/* Before DONE's digest is the number of entries skipped, which it does not cover. */
	for (size_t i = 0; i < talk.w.len; i++) {
		if (talk.w.len - i > SHA384_LEN && talk.w.len - i <= 8 + SHA384_LEN)
			continue;
		talk.mem[i] = (uint8_t)(talk.mem[i] ^ 1u << i % 8);
		CHECK(say_to_receiver(talk.w.len, 0) != 0);
		talk.mem[i] = (uint8_t)(talk.mem[i] ^ 1u << i % 8);
	}
	CHECK(clean());
	CHECK(sh("test -z \"$(ls -A in)\"") == 0);
}

static void test_hostile_sender(void)
{
	static const char *const names[] = { "", ".", "..", "a/b", "/", "/etc", "../x" };
	uint8_t hole[8] = { 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };

	CHECK(sh("rm -rf in; mkdir in && echo before > in/a") == 0);
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		talk_begin();
		say_file(names[i], "x");
		say_done();
		CHECK(say_all() == ERR_PROTOCOL);
	}
	talk_begin(); /* the same name twice, as files */
	say_file("a", "1");
	say_file("a", "2");
	say_done();
	CHECK(say_all() == ERR_DUPLICATE);
	talk_begin(); /* a symlink out, then through it */
	say(ENTRY_SYMLINK, "out", 0, root);
	say(ENTRY_DIR, "out", 0, "");
	say_file("escaped", "x");
	say_leave();
	say_done();
	CHECK(say_all() == ERR_DUPLICATE);
	talk_begin();
	say_leave();
	CHECK(say_all() == ERR_PROTOCOL);
	talk_begin(); /* DONE inside a directory */
	say(ENTRY_DIR, "d", 0, "");
	say_done();
	CHECK(say_all() == ERR_PROTOCOL);
	talk_begin(); /* longer and shorter than announced */
	say(ENTRY_FILE, "f", 3, "");
	say_content("1234");
	CHECK(say_all() == ERR_PROTOCOL);
	talk_begin();
	say(ENTRY_FILE, "f", 5, "");
	say_content("1234");
	CHECK(say_all() == ERR_PROTOCOL);
	talk_begin();
	say(ENTRY_FILE, "f", 1000, "");
	frame_put(&talk.w, FRAME_HOLE, slice_of(hole, sizeof hole));
	CHECK(say_all() == ERR_PROTOCOL);
	talk_begin(); /* wrong sums */
	say_file("f", "x");
	say_done();
	talk.mem[talk.w.len - 1] ^= 1;
	CHECK(say_all() == ERR_DIGEST);
	talk_begin(); /* an ERROR ends it quietly */
	say_file("f", "x");
	error_put(&talk.w, ERR_SYSTEM, "gone");
	CHECK(say_all() == -1);
	talk_begin(); /* too deep */
	for (int i = 0; i <= DEPTH_MAX; i++)
		say(ENTRY_DIR, "d", 0, "");
	CHECK(say_all() == ERR_OVER_LIMIT);
	CHECK(sh("test \"$(ls -A in)\" = a && test \"$(cat in/a)\" = before && test ! -e "
	         "escaped") == 0);
}

/* A hole costs its sender 12 bytes and its receiver hours: a peer that goes
 * away must not leave us hashing. The kill is only there so that this fails
 * instead of hanging. */
static void test_endless_hole(void)
{
	uint8_t hole[8] = { 0, 0, 0x03, 0xff, 0xff, 0xff, 0xff, 0xff };
	struct pollfd p = { .events = POLLIN };
	pid_t pid;
	int fd = enclave(&pid);

	ask_push(fd, in_root("in", NULL), 0);
	talk_begin();
	say(ENTRY_FILE, "f", FILE_SIZE_MAX, "");
	frame_put(&talk.w, FRAME_HOLE, slice_of(hole, sizeof hole));
	CHECK(io_write_full(fd, talk.mem, talk.w.len) == RC_OK);
	close(fd);
	p.fd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (poll(&p, 1, 60000) != 1)
		kill(pid, SIGKILL);
	close(p.fd);
	CHECK(ended_well(pid));
	CHECK(clean());
}

/* What an enclave left at the destination as a link is not followed by the next
 * pull to the same name. */
static void test_link_at_destination(void)
{
	struct transfer t = { 0 };
	char from[600];
	char *list[1] = { from };

	CHECK(sh("rm -rf l; mkdir -p l/outside && ln -s \"$PWD/l/outside\" l/link && echo 1 > "
	         "l/f") == 0);
	CHECK(copy(false, in_root("l/link", NULL), in_root("l/out", NULL), &t) == RC_OK);
	CHECK(sh("test -L l/out") == 0);
	snprintf(from, sizeof from, "%s", in_root("l/f", NULL));
	CHECK(transfer_pull(-1, &t, list, 1, in_root("l/out", NULL), false) == RC_DENIED);
	CHECK(t.failure.code == ERR_CONFLICT && !t.failure.remote);
	CHECK(sh("test -z \"$(ls l/outside)\"") == 0);
	CHECK(copy(false, in_root("l/f", NULL), in_root("l/out/", NULL), &t) == RC_OK);
	CHECK(sh("cmp l/f l/outside/f") == 0);
	CHECK(clean());
}

/* A receiver that reads all of it, and says that it has got something else. */
static void test_wrong_result(void)
{
	static uint8_t payload[FRAME_DATA_MAX], result[FRAME_HEAD + SHA384_LEN];
	static const uint8_t accept[FRAME_HEAD] = { FRAME_ACCEPT };
	static const size_t sizes[] = { SHA384_LEN, SHA384_LEN - 1, 0 };
	char *list[1] = { root };

	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		struct transfer t = { 0 };
		int pair[2];
		size_t len;
		pid_t pid;

		CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
		pid = fork();
		if (pid == 0) {
			close(pair[0]);
			if (next_frame(pair[1], payload, sizeof payload, &len) != FRAME_REQUEST ||
			    io_write_full(pair[1], accept, sizeof accept) != RC_OK)
				_exit(1);
			while (next_frame(pair[1], payload, sizeof payload, &len) != FRAME_DONE)
				;
			frame_put_head(result, FRAME_RESULT, sizes[i]);
			_exit(io_write_full(pair[1], result, FRAME_HEAD + sizes[i]) != RC_OK);
		}
		close(pair[1]);
		CHECK(transfer_push(pair[0], &t, list, 1, "/x", false) == RC_DENIED);
		CHECK(t.failure.code == (sizes[i] == SHA384_LEN ? ERR_DIGEST : ERR_PROTOCOL));
		CHECK(!t.failure.remote);
		close(pair[0]);
		CHECK(ended_well(pid));
	}
}

/* --- a file that changes, a full file system --- */

static void test_changing_file(void)
{
	uint8_t mem[512], payload[FRAME_DATA_MAX];
	struct request r = { .op = OP_PULL, .argc = 1 };
	struct wbuf w = wbuf_of(mem, sizeof mem);
	struct error_msg e = { 0 };
	size_t len = 0;
	unsigned type;
	pid_t pid;
	int fd = enclave(&pid);

	CHECK(sh("head -c 8000000 /dev/zero > grows") == 0);
	r.argv[0] = slice_str(in_root("grows", NULL));
	request_put(&w, &r);
	CHECK(io_write_full(fd, w.p, w.len) == RC_OK);
	/* The sender is in the middle: the socket holds far less than the file. */
	CHECK(next_frame(fd, payload, sizeof payload, &len) == FRAME_ENTRY);
	CHECK(sh("echo more >> grows") == 0);
	do
		type = next_frame(fd, payload, sizeof payload, &len);
	while (type == FRAME_DATA);
	CHECK(type == FRAME_ERROR);
	CHECK(error_parse(slice_of(payload, len), &e) == RC_OK && e.code == ERR_CHANGED);
	close(fd);
	CHECK(ended_well(pid));
}

static void test_full_file_system(void)
{
	struct transfer t = { 0 };

	if (sh("mkdir -p full && mount -t tmpfs -o size=256k none full 2>/dev/null") != 0) {
		printf("skip full file system: no right to mount a tmpfs here\n");
		return;
	}
	CHECK(sh("echo before > full/f; head -c 1000000 /dev/urandom > f2") == 0);
	CHECK(copy(true, in_root("f2", NULL), in_root("full/f", NULL), &t) == RC_DENIED);
	CHECK(t.failure.code == ERR_NO_SPACE && t.failure.remote);
	CHECK(copy(false, in_root("f2", NULL), in_root("full/f", NULL), &t) == RC_DENIED);
	CHECK(t.failure.code == ERR_NO_SPACE && !t.failure.remote);
	CHECK(sh("test \"$(ls -A full)\" = f && test \"$(cat full/f)\" = before") == 0);
	CHECK(copy(true, in_root("keep", NULL), in_root("full/f", NULL), &t) == RC_OK);
	CHECK(sh("umount full") == 0);
}

int main(void)
{
	if (!peer_begin())
		return 1;
	test_tree();
	test_destinations();
	test_every_cut();
	test_bit_flips();
	test_hostile_sender();
	test_endless_hole();
	test_link_at_destination();
	test_wrong_result();
	test_changing_file();
	test_full_file_system();
	return peer_end();
}
