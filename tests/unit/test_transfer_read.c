/* channel/transfer_read: files of the enclave's in memory, from the real sender
 * and from one that lies. */
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "appliance/base/io.h"
#include "channel/host_message.h"
#include "channel/session.h"
#include "channel/transfer.h"
#include "tests/unit/test.h"

enum { MAX = 300000 };

static char dir[] = "/tmp/test_transfer_read.XXXXXX";
static uint8_t mem[2][MAX];
static struct transfer_file files[2];
static struct failure failure;
static int ended; /* status of the enclave's end */

static const char *in_dir(const char *name)
{
	static char path[4][128];
	static unsigned turn;

	turn = (turn + 1) % 4;
	snprintf(path[turn], sizeof path[turn], "%s/%s", dir, name);
	return path[turn];
}

static void put_file(const char *path, const void *p, size_t n)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	CHECK(fd >= 0 && io_write_full(fd, p, n) == RC_OK);
	io_close(&fd);
}

/* What the enclave's end does with the connection, in a process of its own. */
typedef void enclave(int fd, const struct slice *frames);

static enum rc read_from(enclave *serve, const struct slice *frames, const char *a, const char *b)
{
	int pair[2];
	enum rc rc;
	pid_t pid;

	files[0] = (struct transfer_file){ .path = a, .mem = mem[0], .max = MAX };
	files[1] = (struct transfer_file){ .path = b, .mem = mem[1], .max = MAX };
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0 || (pid = fork()) < 0)
		exit(1);
	if (pid == 0) {
		close(pair[0]);
		serve(pair[1], frames);
		_exit(0);
	}
	close(pair[1]);
	rc = transfer_read(pair[0], files, b ? 2 : 1, &failure);
	close(pair[0]);
	CHECK(waitpid(pid, &ended, 0) == pid);
	return rc;
}

static void read_request(int fd, struct request *r)
{
	static uint8_t bytes[FRAME_REQUEST_MAX];
	uint8_t head[FRAME_HEAD];
	struct frame f;

	if (io_read_full(fd, head, sizeof head) != RC_OK ||
	    frame_head(slice_of(head, sizeof head), &f) != RC_OK || f.type != FRAME_REQUEST ||
	    io_read_full(fd, bytes, f.len) != RC_OK ||
	    request_parse(slice_of(bytes, f.len), r) != RC_OK || r->op != OP_PULL)
		_exit(3);
}

static void honest(int fd, const struct slice *frames)
{
	static struct request r;

	(void)frames;
	read_request(fd, &r);
	pull_serve(fd, &r);
}

static enum rc fetch(const char *a, const char *b)
{
	return read_from(honest, NULL, a, b);
}

static void whole(void)
{
	static uint8_t big[MAX];
	int fd;

	for (size_t i = 0; i < sizeof big; i++)
		big[i] = (uint8_t)(i * 31 >> 3);
	put_file(in_dir("a"), "one\n", 4);
	put_file(in_dir("big"), big, sizeof big);
	put_file(in_dir("none"), "", 0);
	CHECK(fetch(in_dir("a"), in_dir("big")) == RC_OK && failure.code == 0);
	CHECK(files[0].there && files[0].len == 4 && memcmp(mem[0], "one\n", 4) == 0);
	CHECK(files[1].there && files[1].len == MAX && memcmp(mem[1], big, MAX) == 0);
	CHECK(fetch(in_dir("none"), in_dir("a")) == RC_OK);
	CHECK(files[0].there && files[0].len == 0 && files[1].len == 4);
	/* holes */
	fd = open(in_dir("sparse"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	CHECK(pwrite(fd, "x", 1, MAX / 2) == 1 && ftruncate(fd, MAX) == 0);
	io_close(&fd);
	memset(mem, 0xff, sizeof mem);
	memset(big, 0, sizeof big);
	big[MAX / 2] = 'x';
	CHECK(fetch(in_dir("sparse"), NULL) == RC_OK && files[0].len == MAX);
	CHECK(memcmp(mem[0], big, MAX) == 0);
}

static void absent(void)
{
	CHECK(fetch(in_dir("a"), in_dir("nosuch")) == RC_ABSENT);
	CHECK(!files[1].there);
	CHECK(fetch(in_dir("nosuch"), in_dir("a")) == RC_ABSENT);
	CHECK(!files[0].there && !files[1].there);
	CHECK(fetch(in_dir("a/nosuch"), NULL) == RC_ABSENT && !files[0].there);
}

static void refused(void)
{
	static uint8_t more[MAX + 1];

	put_file(in_dir("more"), more, sizeof more);
	CHECK(fetch(in_dir("more"), NULL) == RC_DENIED && failure.code == ERR_OVER_LIMIT);
	CHECK(symlink("a", in_dir("link")) == 0 && mkdir(in_dir("d"), 0700) == 0);
	CHECK(fetch(in_dir("a"), in_dir("d")) == RC_DENIED && failure.code == ERR_CONFLICT);
	CHECK(strstr(failure.text, "no regular file") && files[0].there && !files[1].there);
	CHECK(fetch(in_dir("link"), NULL) == RC_DENIED && failure.code == ERR_CONFLICT);
}

/* --- one that lies: its frames are given --- */

static void liar(int fd, const struct slice *frames)
{
	static struct request r;
	char c;

	read_request(fd, &r);
	for (; frames->p; frames++)
		(void)!send(fd, frames->p, frames->len, MSG_NOSIGNAL);
	(void)shutdown(fd, SHUT_WR);
	while (read(fd, &c, 1) > 0)
		;
}

#define FRAME(s)                                                                                   \
	{                                                                                          \
		(const uint8_t *)(s), sizeof(s) - 1                                                \
	}
#define ACCEPT FRAME("\x02\0\0\0")
/* 'x', of so many bytes below 24 */
#define ENTRY(n) FRAME("\x20\0\0\x0e\xa6\x01\0\x02\x41x\x03\0\x04\0\x05\0\x06" n)
#define DATA     FRAME("\x21\0\0\x03xyz")
#define END      FRAME("\x23\0\0\x30" ZEROS)
#define ZEROS                                                                                      \
	"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"                                         \
	"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"

static void lies(void)
{
	static const struct {
		const char *what;
		enum error_code code;
		struct slice frames[6];
	} cases[] = {
		{ "no answer", ERR_SYSTEM, { { NULL, 0 } } },
		{ "not ACCEPT", ERR_PROTOCOL, { DATA } },
		{ "DATA first", ERR_PROTOCOL, { ACCEPT, DATA } },
		{ "DONE first", ERR_PROTOCOL, { ACCEPT, FRAME("\x27\0\0\x01\xa0") } },
		{ "malformed ENTRY", ERR_PROTOCOL, { ACCEPT, FRAME("\x20\0\0\x01\xa0") } },
		{ "less than announced", ERR_PROTOCOL, { ACCEPT, ENTRY("\x04"), DATA, END } },
		{ "more than announced", ERR_PROTOCOL, { ACCEPT, ENTRY("\x02"), DATA, END } },
		{ "a hole that is too long",
		  ERR_PROTOCOL,
		  { ACCEPT, ENTRY("\x02"),
		    FRAME("\x22\0\0\x08\xff\xff\xff\xff\xff\xff\xff\xff") } },
		{ "an empty hole",
		  ERR_PROTOCOL,
		  { ACCEPT, ENTRY("\x02"), FRAME("\x22\0\0\x08\0\0\0\0\0\0\0\0") } },
		{ "a short HOLE",
		  ERR_PROTOCOL,
		  { ACCEPT, ENTRY("\x02"), FRAME("\x22\0\0\x01\x01") } },
		{ "another digest", ERR_DIGEST, { ACCEPT, ENTRY("\x03"), DATA, END } },
		{ "a short digest",
		  ERR_DIGEST,
		  { ACCEPT, ENTRY("\x03"), DATA, FRAME("\x23\0\0\0") } },
		{ "a file in a file", ERR_PROTOCOL, { ACCEPT, ENTRY("\x03"), ENTRY("\x03") } },
		{ "its end", ERR_SYSTEM, { ACCEPT, ENTRY("\x03") } },
		{ "ERROR",
		  ERR_CHANGED,
		  { ACCEPT, ENTRY("\x03"), FRAME("\x03\0\0\x05\xa2\1\x0a\2\x40") } },
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		enum rc rc = read_from(liar, cases[i].frames, "/etc/passwd", NULL);

		if (!CHECK(rc == RC_DENIED && failure.code == cases[i].code && !files[0].there))
			printf("  with %s: %d, %s\n", cases[i].what, (int)failure.code,
			       failure.text);
	}
}

/* More than a socket holds, before it looks for an answer. */
static void talk_on(int fd, const struct slice *frames)
{
	static struct request r;
	static uint8_t junk[65536];
	uint8_t head[FRAME_HEAD];

	read_request(fd, &r);
	if (send(fd, frames->p, frames->len, MSG_NOSIGNAL) < 0)
		_exit(4);
	for (int i = 0; i < 64; i++)
		if (send(fd, junk, sizeof junk, MSG_NOSIGNAL) != sizeof junk)
			_exit(5);
	if (io_read_full(fd, head, sizeof head) != RC_OK || head[0] != FRAME_ERROR)
		_exit(6);
}

/* Of a connection that is closed with bytes unread some devices tell nobody: we
 * read on until the enclave has heard why. */
static void reads_on(void)
{
	static const struct slice accept = ACCEPT;

	CHECK(read_from(talk_on, &accept, "/etc/passwd", NULL) == RC_DENIED);
	CHECK(failure.code == ERR_PROTOCOL && ended == 0);
}

/* A good file, and sums that are another's. */
static void wrong_sums(void)
{
	static const uint8_t xyz[] = "xyz";
	uint8_t end[FRAME_HEAD + SHA384_LEN] = { FRAME_END, 0, 0, SHA384_LEN }, done[256];
	struct wbuf w = wbuf_of(done, sizeof done);
	uint8_t other[SHA384_LEN] = { 0 };
	struct sha384 h;
	const struct slice frames[] = { ACCEPT,      ENTRY("\x03"), DATA, { end, sizeof end },
		                        { done, 0 }, { NULL, 0 } };
	struct slice list[6];

	sha384_init(&h);
	sha384_update(&h, xyz, 3);
	sha384_final(&h, end + FRAME_HEAD);
	sum_put(&w, FRAME_DONE, 0, other);
	memcpy(list, frames, sizeof list);
	list[4].len = w.len;
	CHECK(read_from(liar, list, "/etc/passwd", NULL) == RC_DENIED);
	CHECK(failure.code == ERR_DIGEST && files[0].there);
}

int main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (!mkdtemp(dir)) {
		perror("mkdtemp");
		return 1;
	}
	whole();
	absent();
	refused();
	lies();
	wrong_sums();
	reads_on();
	if (fork() == 0)
		execlp("rm", "rm", "-rf", dir, (char *)NULL);
	wait(NULL);
	return test_end();
}
