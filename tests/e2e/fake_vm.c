/* Stands in for vhost-device-vsock and QEMU, whichever name it is called by, so
 * that cli.sh sees the host tool meet what a real machine does seldom. The
 * word in FAKE says what happens:
 *
 *   (nothing)   heartbeat; the channel's port refuses
 *   stop        an asked stop is accepted and done
 *   deny        an asked stop is refused
 *   mute        an asked stop is not answered
 *   crash       QEMU prints and fails
 *   quit        QEMU ends in peace, without a heartbeat
 *   silent      no heartbeat
 *   wrong       a wrong heartbeat, then the right one
 *   chatter     heartbeat, then 20 MiB of console
 *   no-vhost    vhost-device-vsock fails at once
 *   lost-vhost  vhost-device-vsock ends once QEMU has beaten
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static const char *word;

static bool fake(const char *w)
{
	return strcmp(word, w) == 0;
}

static int unix_socket(const char *name, bool listening)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int s = socket(AF_UNIX, SOCK_STREAM, 0), failed;

	snprintf(a.sun_path, sizeof a.sun_path, "%s", name);
	failed = listening ? bind(s, (struct sockaddr *)&a, sizeof a) || listen(s, 8)
	                   : connect(s, (struct sockaddr *)&a, sizeof a);
	if (failed) {
		perror(name);
		exit(4);
	}
	return s;
}

static void send_all(int s, const void *p, size_t n)
{
	if (write(s, p, n) != (ssize_t)n)
		exit(5);
}

/* Until the other end closes, or for ever. */
static void wait_eof(int s)
{
	char c;

	while (read(s, &c, 1) == 1)
		;
}

/* One session; true when it was a stop that is done. */
static bool serve(int s)
{
	static const uint8_t accepted[] = { 2, 0, 0, 0 };
	static const uint8_t denied[] = { 3,    0,   0,   11,  0xa2, 1,   4,  2,
		                          0x46, 'l', 'o', 'c', 'k',  'e', 'd' };
	char line[32];
	uint8_t request[64];

	/* Other ports than the channel's have nobody: the gateway hears so. */
	if (read(s, line, sizeof line) <= 0 || strncmp(line, "CONNECT 7000\n", 13) != 0 || !*word ||
	    fake("wrong") || fake("chatter"))
		return false;
	send_all(s, "OK 5\n", 5);
	if (fake("mute"))
		wait_eof(s);
	if (!fake("stop") && !fake("deny"))
		return false;
	if (read(s, request, sizeof request) <= 4 || request[0] != 1)
		exit(6);
	if (fake("deny")) {
		send_all(s, denied, sizeof denied);
		return false;
	}
	send_all(s, accepted, sizeof accepted);
	return true;
}

static int vhost(void)
{
	int vm = unix_socket("vm.sock", true), device, qemu;

	if (fake("no-vhost")) {
		fprintf(stderr, "vhost: no memory for queues\n");
		return 3;
	}
	device = unix_socket("vhost.sock", true);
	qemu = accept(device, NULL, NULL);
	if (fake("lost-vhost")) {
		char c;

		return read(qemu, &c, 1) == 1 ? 7 : 8;
	}
	for (;;) {
		int s = accept(vm, NULL, NULL);
		bool done = s >= 0 && serve(s);

		close(s);
		if (done)
			return 0;
	}
}

static void beat(uint8_t b)
{
	int s = unix_socket("vm.sock_9000", false);
	uint8_t echo = 0;
	bool answered;

	send_all(s, &b, 1);
	answered = read(s, &echo, 1) == 1 && echo == 0xb7;
	printf("beat %02x %s\n", b, answered ? "answered" : "refused");
	fflush(stdout);
	close(s);
}

static void chatter(void)
{
	for (int i = 0; i < 20 << 16; i++)
		printf("%015d\n", i);
	printf("the end\n");
	fflush(stdout);
}

static int qemu(int argc, char **argv)
{
	printf("ARGS");
	for (int i = 1; i < argc; i++)
		printf(" %s", argv[i]);
	printf("\r\n");
	for (int i = 1; i <= 30; i++)
		printf("console line %d\n", i);
	fflush(stdout);
	if (fake("crash"))
		return 1;
	if (fake("quit"))
		return 0;
	if (fake("wrong"))
		beat(0xb6);
	if (!fake("silent"))
		beat(0xb7);
	if (fake("chatter"))
		chatter();
	if (fake("lost-vhost"))
		send_all(3, "", 1);
	wait_eof(3);
	return 0;
}

int main(int argc, char **argv)
{
	word = getenv("FAKE");
	if (word == NULL)
		word = "";
	return strstr(argv[0], "vhost-device-vsock") != NULL ? vhost() : qemu(argc, argv);
}
