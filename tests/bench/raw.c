/* What the bench compares with: the least that does the same work over the
 * same vsock. One static program, both ends.
 *
 * In the enclave:  raw serve             one connection after another; its first
 *                                        byte says what, its last answer is one byte
 *                  raw sha384 FILE       milliseconds to read and digest a file
 *                  raw notify            READY=1 to its notify socket, then it waits
 *                  raw write MIB FILE    so much to standard output; MB/s into FILE
 *                  raw booted            when the kernel began to count, seconds since
 *                                        1970
 * On the host:     raw send SOCKET FILE  to FILE_AT in the enclave
 *                  raw recv SOCKET FILE  from there
 *                  raw untar SOCKET FILE a tar stream into TREE_AT
 *                  raw true SOCKET       fork and exec of /bin/true
 *                  raw echo SOCKET S     S seconds of small messages there and back;
 *                                        prints how many a second
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/vm_sockets.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "appliance/base/io.h"
#include "appliance/base/sha384.h"
#include "appliance/base/slice.h"

enum { PORT = 7100, BUFFER = 2 << 20, COUNT_LEN = 8, ECHO_LEN = 128 };

#define FILE_AT "/tmp/raw.file"
#define TREE_AT "/tmp/raw.tree"

static uint8_t buf[262144];

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static void must(enum rc rc, const char *what)
{
	if (rc != RC_OK)
		die(what);
}

/* Moves count bytes, or all there are when count is negative. */
static void copy(int from, int to, int64_t count)
{
	while (count != 0) {
		size_t want = count > 0 && count < (int64_t)sizeof buf ? (size_t)count : sizeof buf;
		ssize_t n = read(from, buf, want);

		if (n < 0)
			die("read");
		if (n == 0)
			break;
		must(io_write_full(to, buf, (size_t)n), "write");
		if (count > 0)
			count -= n;
	}
	if (count > 0) {
		fprintf(stderr, "raw: ended early\n");
		exit(1);
	}
}

static int open_or_die(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC, 0600);

	if (fd < 0)
		die(path);
	return fd;
}

/* A file with its length in front. */
static void send_file(int to, const char *path)
{
	int fd = open_or_die(path, O_RDONLY);
	struct stat st;
	uint8_t count[COUNT_LEN];
	struct wbuf w = wbuf_of(count, sizeof count);

	if (fstat(fd, &st) != 0)
		die(path);
	wbuf_u64_be(&w, (uint64_t)st.st_size);
	must(io_write_full(to, count, sizeof count), "write");
	copy(fd, to, st.st_size);
	close(fd);
}

static void recv_file(int from, const char *path)
{
	int fd = open_or_die(path, O_WRONLY | O_CREAT | O_TRUNC);
	uint8_t count[COUNT_LEN];
	struct slice s = slice_of(count, sizeof count);
	uint64_t n = 0;

	must(io_read_full(from, count, sizeof count), "read");
	if (!slice_u64_be(&s, &n))
		exit(1);
	copy(from, fd, (int64_t)n);
	close(fd);
}

/* --- in the enclave --- */

static void run(int in, char *const argv[])
{
	int status;
	pid_t pid = vfork();

	if (pid == 0) {
		if (in >= 0)
			dup2(in, 0);
		execv(argv[0], argv);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0) {
		fprintf(stderr, "raw: %s failed\n", argv[0]);
		exit(1);
	}
}

/* tar would wait for the end of its input: it gets the stream's bytes through a
 * pipe that ends with them. */
static void untar(int conn)
{
	static char tar[] = "/bin/tar", x[] = "x", c[] = "-C", at[] = TREE_AT;
	static char *const argv[] = { tar, x, c, at, NULL };
	uint8_t count[COUNT_LEN];
	struct slice s = slice_of(count, sizeof count);
	uint64_t n = 0;
	int pipe_fds[2];
	pid_t pid;

	must(io_read_full(conn, count, sizeof count), "read");
	if (!slice_u64_be(&s, &n) || pipe2(pipe_fds, O_CLOEXEC) != 0)
		die("pipe");
	(void)fcntl(pipe_fds[1], F_SETPIPE_SZ, 1 << 20);
	pid = fork();
	if (pid == 0) {
		close(pipe_fds[1]);
		run(pipe_fds[0], argv);
		_exit(0);
	}
	close(pipe_fds[0]);
	copy(conn, pipe_fds[1], (int64_t)n);
	close(pipe_fds[1]);
	int status;
	if (waitpid(pid, &status, 0) != pid || status != 0)
		exit(1);
}

/* Until the host closes. */
static void echo(int conn)
{
	ssize_t n;

	while ((n = read(conn, buf, sizeof buf)) > 0)
		if (io_write_full(conn, buf, (size_t)n) != RC_OK)
			return;
}

static void answer(int conn)
{
	static char path[] = "/bin/true";
	static char *const argv[] = { path, NULL };
	uint8_t what;

	if (io_read_full(conn, &what, 1) != RC_OK)
		return;
	switch (what) {
	case 's': recv_file(conn, FILE_AT); break;
	case 'r': send_file(conn, FILE_AT); break;
	case 'u': untar(conn); break;
	case 't': run(-1, argv); break;
	case 'e': echo(conn); return;
	default: return;
	}
	must(io_write_full(conn, "k", 1), "write");
	(void)!read(conn, &what, 1); /* the host closes first */
}

static void serve(void)
{
	struct sockaddr_vm at = { .svm_family = AF_VSOCK,
		                  .svm_port = PORT,
		                  .svm_cid = VMADDR_CID_ANY };
	uint64_t size = BUFFER;
	int s = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (s < 0)
		die("socket");
	setsockopt(s, AF_VSOCK, SO_VM_SOCKETS_BUFFER_MAX_SIZE, &size, sizeof size);
	setsockopt(s, AF_VSOCK, SO_VM_SOCKETS_BUFFER_SIZE, &size, sizeof size);
	if (bind(s, (void *)&at, sizeof at) != 0 || listen(s, 16) != 0)
		die("listen");
	printf("ready\n");
	fflush(stdout);
	for (;;) {
		int conn = accept4(s, NULL, NULL, SOCK_CLOEXEC);

		if (conn < 0)
			die("accept");
		answer(conn);
		close(conn);
	}
}

static void sha384_file(const char *path)
{
	int fd = open_or_die(path, O_RDONLY);
	int64_t begin = clock_mono_ms();
	uint8_t digest[SHA384_LEN];
	struct sha384 h;
	ssize_t n;

	sha384_init(&h);
	while ((n = read(fd, buf, sizeof buf)) > 0)
		sha384_update(&h, buf, (size_t)n);
	sha384_final(&h, digest);
	printf("%lld\n", (long long)(clock_mono_ms() - begin));
}

/* --- on the host --- */

static int dial(const char *path)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char c, hello[32];
	int n = snprintf(hello, sizeof hello, "CONNECT %d\n", PORT);

	if (s < 0 || strlen(path) >= sizeof at.sun_path)
		die("socket");
	memcpy(at.sun_path, path, strlen(path) + 1);
	if (connect(s, (void *)&at, sizeof at) != 0)
		die(path);
	must(io_write_full(s, hello, (size_t)n), "write");
	do
		must(io_read_full(s, &c, 1), "connect");
	while (c != '\n');
	return s;
}

static void ask(char what, const char *path, const char *file)
{
	int s = dial(path);
	char done;

	must(io_write_full(s, &what, 1), "write");
	if (what == 's' || what == 'u')
		send_file(s, file);
	else if (what == 'r')
		recv_file(s, file);
	must(io_read_full(s, &done, 1), "answer");
}

static void ask_echo(const char *path, long seconds)
{
	static uint8_t message[ECHO_LEN];
	int s = dial(path);
	int64_t begin, now;
	long n = 0;

	must(io_write_full(s, "e", 1), "write");
	begin = clock_mono_ms();
	do {
		must(io_write_full(s, message, sizeof message), "write");
		must(io_read_full(s, message, sizeof message), "answer");
		n++;
		now = clock_mono_ms();
	} while (now - begin < seconds * 1000);
	printf("%.1f\n", (double)n * 1000 / (double)(now - begin));
}

static void notify(void)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	const char *name = getenv("NOTIFY_SOCKET");
	size_t len = name ? strlen(name) : 0;
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (len < 2 || len > sizeof a.sun_path)
		die("NOTIFY_SOCKET");
	memcpy(a.sun_path + 1, name + 1, len - 1);
	if (sendto(fd, "READY=1", 7, 0, (const struct sockaddr *)&a,
	           (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)) < 0)
		die("sendto");
	for (;;)
		pause();
}

static void write_out(long mib, const char *path)
{
	struct timespec begin, end;
	FILE *f = fopen(path, "w");
	double seconds;

	if (!f)
		die(path);
	clock_gettime(CLOCK_MONOTONIC, &begin);
	for (long n = 0; n < mib * 16; n++)
		must(io_write_full(STDOUT_FILENO, buf, 65536), "write");
	clock_gettime(CLOCK_MONOTONIC, &end);
	/* No less than the emulator's clock tells apart. */
	seconds = (double)(end.tv_sec - begin.tv_sec) + (double)(end.tv_nsec - begin.tv_nsec) / 1e9;
	fprintf(f, "%.3f\n", (double)mib * 1.048576 / (seconds > 0.004 ? seconds : 0.004));
	fclose(f);
}

static void booted(void)
{
	struct timespec now, up;

	clock_gettime(CLOCK_REALTIME, &now);
	clock_gettime(CLOCK_BOOTTIME, &up);
	printf("%.6f\n",
	       (double)(now.tv_sec - up.tv_sec) + (double)(now.tv_nsec - up.tv_nsec) / 1e9);
}

int main(int argc, char **argv)
{
	const char *verb = argc > 1 ? argv[1] : "";

	if (argc == 2 && strcmp(verb, "serve") == 0)
		serve();
	else if (argc == 2 && strcmp(verb, "notify") == 0)
		notify();
	else if (argc == 4 && strcmp(verb, "write") == 0)
		write_out(atol(argv[2]), argv[3]);
	else if (argc == 2 && strcmp(verb, "booted") == 0)
		booted();
	else if (argc == 3 && strcmp(verb, "sha384") == 0)
		sha384_file(argv[2]);
	else if (argc == 4 && strcmp(verb, "send") == 0)
		ask('s', argv[2], argv[3]);
	else if (argc == 4 && strcmp(verb, "recv") == 0)
		ask('r', argv[2], argv[3]);
	else if (argc == 4 && strcmp(verb, "untar") == 0)
		ask('u', argv[2], argv[3]);
	else if (argc == 3 && strcmp(verb, "true") == 0)
		ask('t', argv[2], NULL);
	else if (argc == 4 && strcmp(verb, "echo") == 0)
		ask_echo(argv[2], atol(argv[3]));
	else
		return 2;
	return 0;
}
