#include "tools/image/eifwrite.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "appliance/base/io.h"

/* AWS's own tools write these into every image; who runs it decides. */
#define DEFAULT_MEMORY (1024ull * 1024 * 1024)
#define DEFAULT_CPUS   2u

static enum rc put_at(int fd, const void *p, size_t n, uint64_t at)
{
	ssize_t r = pwrite(fd, p, n, (off_t)at);

	if (r >= 0 && (size_t)r < n)
		errno = ENOSPC; /* a file takes a few bytes whole or is full */
	return r == (ssize_t)n ? RC_OK : RC_IO;
}

enum rc eifwrite_start(struct eifwrite *w, int fd, bool aarch64)
{
	*w = (struct eifwrite){ .fd = fd, .aarch64 = aarch64 };
	return lseek(fd, EIF_HEADER_LEN, SEEK_SET) < 0 ? RC_IO : RC_OK;
}

enum rc eifwrite_begin(struct eifwrite *w)
{
	off_t at = lseek(w->fd, 0, SEEK_CUR);

	if (at < 0)
		return RC_IO;
	if (w->sections == EIF_SECTIONS_MAX)
		return RC_LIMIT;
	w->offset[w->sections] = (uint64_t)at;
	return lseek(w->fd, EIF_SECTION_HEADER_LEN, SEEK_CUR) < 0 ? RC_IO : RC_OK;
}

enum rc eifwrite_end(struct eifwrite *w, enum eif_type type)
{
	uint8_t head[EIF_SECTION_HEADER_LEN];
	struct wbuf b = wbuf_of(head, sizeof head);
	off_t at = lseek(w->fd, 0, SEEK_CUR);
	uint16_t i = w->sections;

	if (at < 0)
		return RC_IO;
	w->size[i] = (uint64_t)at - w->offset[i] - EIF_SECTION_HEADER_LEN;
	wbuf_u16_be(&b, (uint16_t)type);
	wbuf_u16_be(&b, 0);
	wbuf_u64_be(&b, w->size[i]);
	w->sections++;
	return put_at(w->fd, head, sizeof head, w->offset[i]);
}

enum rc eifwrite_section(struct eifwrite *w, enum eif_type type, struct slice data)
{
	enum rc rc = eifwrite_begin(w);

	if (rc == RC_OK)
		rc = io_write_full(w->fd, data.p, data.len);
	return rc == RC_OK ? eifwrite_end(w, type) : rc;
}

static void put_header(const struct eifwrite *w, struct wbuf *b)
{
	wbuf_put(b, ".eif", 4);
	wbuf_u16_be(b, EIF_VERSION);
	wbuf_u16_be(b, w->aarch64 ? EIF_FLAG_AARCH64 : 0);
	wbuf_u64_be(b, DEFAULT_MEMORY);
	wbuf_u64_be(b, DEFAULT_CPUS);
	wbuf_u16_be(b, 0);
	wbuf_u16_be(b, w->sections);
	for (size_t i = 0; i < EIF_SECTIONS_MAX; i++)
		wbuf_u64_be(b, w->offset[i]);
	for (size_t i = 0; i < EIF_SECTIONS_MAX; i++)
		wbuf_u64_be(b, w->size[i]);
	wbuf_u32_be(b, 0);
	wbuf_u32_be(b, 0); /* the CRC leaves its own bytes out */
}

/* The CRC covers the header first, so it is taken over the file as it is. */
static enum rc put_crc(const struct eifwrite *w)
{
	uint8_t crc[4];
	struct wbuf b = wbuf_of(crc, sizeof crc);
	struct stat st;
	void *map;

	if (fstat(w->fd, &st) < 0)
		return RC_IO;
	map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, w->fd, 0);
	if (map == MAP_FAILED)
		return RC_IO;
	wbuf_u32_be(&b, eif_crc(slice_of(map, (size_t)st.st_size)));
	munmap(map, (size_t)st.st_size);
	return put_at(w->fd, crc, sizeof crc, EIF_CRC_OFFSET);
}

enum rc eifwrite_finish(struct eifwrite *w)
{
	uint8_t head[EIF_HEADER_LEN];
	struct wbuf b = wbuf_of(head, sizeof head);
	off_t end = lseek(w->fd, 0, SEEK_CUR);

	/* An empty last section is all header, which pwrite() has put there;
	 * a file that was longer before would keep its tail. */
	if (end < 0 || ftruncate(w->fd, end) < 0)
		return RC_IO;
	put_header(w, &b);
	if (put_at(w->fd, head, sizeof head, 0) != RC_OK)
		return RC_IO;
	return put_crc(w);
}
