/* Files of the enclave's in memory: any bytes as the enclave's. What is said to be
 * there is not larger than asked for, and every refusal has a reason. */
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "channel/transfer.h"

enum { INPUT_MAX = 65536, FILE_MAX = 4096 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t mem[2][FILE_MAX];
	struct transfer_file files[] = { { .path = "/a", .mem = mem[0], .max = FILE_MAX },
		                         { .path = "/b", .mem = mem[1], .max = FILE_MAX } };
	struct failure f;
	int pair[2];

	if (size > INPUT_MAX || socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0)
		return -1;
	if (write(pair[0], data, size) != (ssize_t)size || shutdown(pair[0], SHUT_WR) != 0)
		abort();
	if (transfer_read(pair[1], files, 2, &f) == RC_OK && !(files[0].there && files[1].there))
		abort();
	for (size_t i = 0; i < 2; i++)
		if (files[i].len > FILE_MAX)
			abort();
	close(pair[0]);
	close(pair[1]);
	return 0;
}
