/* What lwIP asks of a platform beside the C library. */
#ifndef NET_PORT_CC_H
#define NET_PORT_CC_H

#include <stddef.h>
#include <stdint.h>

/* A broken invariant of lwIP's: says where and ends the process. */
_Noreturn void platform_broken(const char *file, int line);
/* From the kernel's generator. */
uint32_t platform_random(void);

/* The sentence is left out: file and line say as much in fewer bytes. */
#define LWIP_PLATFORM_ASSERT(sentence) platform_broken(__FILE_NAME__, __LINE__)
#define LWIP_PLATFORM_DIAG(x)
#define LWIP_RAND() platform_random()

/* This processor's byte order is known to the C library. */
#include <endian.h>

#endif
