/* channel/exec and a host that misbehaves, or goes before its command ends.
 */
#include "tests/unit/exec_peer.h"

struct wrong {
	unsigned flags;
	const char *name;
	const char *bytes;
	size_t len;
};

#define BYTES(s) s, sizeof(s) - 1

static const struct wrong wrongs[] = {
	{ 0, "unknown type", BYTES("\x7f\0\0\0") },
	{ 0, "REQUEST again", BYTES("\x01\0\0\x01\xa0") },
	{ 0, "ACCEPT", BYTES("\x02\0\0\x01\xa0") },
	{ 0, "STDIN without -i", BYTES("\x10\0\0\x01x") },
	{ 0, "end of STDIN without -i", BYTES("\x10\0\0\0") },
	{ 0, "WINSIZE without terminal", BYTES("\x14\0\0\x08\0\0\0\0\0\x01\0\x01") },
	{ EXEC_TTY, "short WINSIZE", BYTES("\x14\0\0\x04\0\x01\0\x01") },
	{ EXEC_TTY, "large WINSIZE", BYTES("\x14\0\0\x08\0\0\0\x01\0\0\0\0") },
	{ 0, "STDOUT", BYTES("\x11\0\0\x01x") },
	{ 0, "CREDIT", BYTES("\x16\0\0\x08\0\0\0\0\0\0\0\x01") },
	{ 0, "EXIT", BYTES("\x17\0\0\x08\0\0\0\0\0\0\0\0") },
	{ 0, "signal 0", BYTES("\x15\0\0\x08\0\0\0\0\0\0\0\0") },
	{ 0, "signal 32", BYTES("\x15\0\0\x08\0\0\0\0\0\0\0\x20") },
	{ 0, "signal 2^32+1", BYTES("\x15\0\0\x08\0\0\0\x01\0\0\0\x01") },
	{ 0, "short SIGNAL", BYTES("\x15\0\0\x01\x01") },
	{ 0, "long SIGNAL", BYTES("\x15\0\0\x09\0\0\0\0\0\0\0\x01\x01") },
	{ 0, "control frame over its limit", BYTES("\x15\0\x20\x01") },
	{ EXEC_STDIN, "data frame over its limit", BYTES("\x10\xff\xff\xff") },
	{ EXEC_STDIN, "STDIN after its end", BYTES("\x10\0\0\0\x10\0\0\x01x") },
	{ EXEC_STDIN, "its end twice", BYTES("\x10\0\0\0\x10\0\0\0") },
	{ 0, "an empty STDOUT", BYTES("\x11\0\0\0") },
	{ EXEC_STDIN, "ENTRY", BYTES("\x20\0\0\x01\xa0") },
};

enum { WRONGS = sizeof wrongs / sizeof *wrongs };

/* --- connections that end before the command; each takes the five seconds
 * that the command's group is given, so all are begun before any is awaited --- */

static struct later {
	pid_t pid;         /* the server */
	int fd;            /* the connection, or a FIFO that the group holds open */
	const char *wrong; /* the connection is to end with ERROR protocol */
	bool fifo;         /* the FIFO is to come to its end */
	const char *says;  /* and to give this before, or NULL for whatever */
} laters[256];
static size_t laters_len;

static void check_later(struct later l)
{
	if (!CHECK(laters_len < sizeof laters / sizeof *laters))
		return;
	laters[laters_len++] = l;
}

static void check_laters(void)
{
	for (size_t i = 0; i < laters_len; i++) {
		const struct later *l = &laters[i];
		char text[64] = "", c;
		size_t len = 0;
		int status;

		if (l->wrong) {
			memset(&h, 0, sizeof h);
			h.accepted = true;
			h.fd = l->fd;
			while (h.error == 0 && next())
				;
			if (!CHECK(failed(ERR_PROTOCOL, "exec")))
				printf("  with: %s\n", l->wrong);
		}
		/* its end: every process that had it open is dead */
		while (l->fifo && read(l->fd, &c, 1) > 0)
			if (len < sizeof text - 1)
				text[len++] = c;
		CHECK(!l->says || strcmp(text, l->says) == 0);
		close(l->fd);
		CHECK(waitpid(l->pid, &status, 0) == l->pid && status == 0);
	}
}

static void misbehaves(void)
{
	for (size_t i = 0; i < WRONGS; i++) {
		shell(wrongs[i].flags, "trap '' HUP; echo ready; sleep 1000");
		CHECK(until("ready"));
		put(wrongs[i].bytes, wrongs[i].len);
		check_later((struct later){ .pid = h.pid, .fd = h.fd, .wrong = wrongs[i].name });
	}
}

/* More than the window, in frames that are each within it, and in one. */
static void over_credit(void)
{
	static const char bytes[STDIN_WINDOW / 2], more[STDIN_WINDOW + 1];

	shell(EXEC_STDIN, "echo ready; sleep 1000");
	CHECK(until("ready"));
	/* The window, and what the pipe takes, are full with four. */
	for (int i = 0; i < 6; i++)
		put_frame(FRAME_STDIN, bytes, sizeof bytes);
	check_later((struct later){ .pid = h.pid, .fd = h.fd, .wrong = "too much input" });
	shell(EXEC_STDIN, "echo ready; sleep 1000");
	CHECK(until("ready"));
	put_frame(FRAME_STDIN, more, sizeof more);
	check_later((struct later){ .pid = h.pid, .fd = h.fd, .wrong = "more than its credit" });
}

/* Cuts the connection once every process of the script has the FIFO open. */
static void cut_when_up(const char *name, const char *script)
{
	static char command[512];
	const char *fifo = in_dir(name);
	char c;
	int fd;

	CHECK(mkfifo(fifo, 0600) == 0);
	snprintf(command, sizeof command, "exec 3>%s; %s", fifo, script);
	shell(0, command);
	fd = open(fifo, O_RDONLY | O_CLOEXEC);
	CHECK(io_read_full(fd, &c, 1) == RC_OK && c == 'u');
	close(h.fd);
	check_later((struct later){ .pid = h.pid, .fd = fd, .fifo = true });
}

static void cut(void)
{
	/* It and its child ignore SIGHUP, and it writes without end. */
	cut_when_up("stubborn", "trap '' HUP; sh -c 'echo up >&3; sleep 1000; :' & "
	                        "while :; do echo y || :; done 2>/dev/null");
	/* It dies of SIGHUP, its child does not. */
	cut_when_up("orphan", "sh -c 'trap \"\" HUP; echo up >&3; sleep 1000; :' & wait");
	/* It says goodbye to nobody, and that does not end it by SIGPIPE. */
	cut_when_up("polite", "trap 'echo bye; echo bye >&2; echo done >&3; exit' HUP; "
	                      "echo up >&3; while :; do sleep 1; done");
	laters[laters_len - 1].says = "p\ndone\n";
	/* It is stopped. */
	cut_when_up("stopped", "sh -c 'echo up >&3; kill -STOP $$'; :");
}

/* A conversation of the host cut at every byte: the server always ends. */
static void cut_everywhere(void)
{
	static const char talk[] = "\x10\0\0\x05hello\x14\0\0\x04\0\x10\0\x10\x15\0\0\x01\x1c"
				   "\x10\0\0\x02\n\x04\x13\0\0\0";

	for (size_t i = 0; i < sizeof talk; i++) {
		shell(EXEC_STDIN | EXEC_TTY, "cat");
		put(talk, i);
		close(h.fd);
		check_later((struct later){ .pid = h.pid, .fd = -1 });
	}
}

int main(int argc, char **argv)
{
	peer_main(argc, argv);
	misbehaves();
	over_credit();
	cut();
	cut_everywhere();
	check_laters();
	return peer_end();
}
