#include "channel/failure.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/socket.h>

#include "channel/stream.h"

enum rc failure_set(struct failure *f, enum error_code code, const char *fmt, ...)
{
	va_list ap;

	if (f->code != 0)
		return RC_DENIED;
	f->code = code;
	va_start(ap, fmt);
	vsnprintf(f->text, sizeof f->text, fmt, ap);
	va_end(ap);
	return RC_DENIED;
}

static enum error_code code_of(int errnum)
{
	switch (errnum) {
	case ENOSPC:
	case EDQUOT: return ERR_NO_SPACE;
	case ENOENT:
	case ENOTDIR: return ERR_NOT_FOUND;
	case EACCES:
	case EPERM:
	case EROFS: return ERR_DENIED;
	case ENAMETOOLONG:
	case EFBIG: return ERR_OVER_LIMIT;
	default: return ERR_SYSTEM;
	}
}

enum rc failure_errno(struct failure *f, const char *what, const char *name)
{
	return failure_set(f, code_of(errno), "cannot %s '%.900s': %s", what, name,
	                   strerror(errno));
}

enum rc failure_stream(struct failure *f, enum rc rc)
{
	switch (rc) {
	case RC_BAD: return failure_set(f, ERR_PROTOCOL, "the other end sent a malformed frame");
	case RC_LIMIT:
		return failure_set(f, ERR_PROTOCOL, "the other end sent a frame over its limit");
	case RC_TIMEOUT:
		return failure_set(f, ERR_DEADLINE, "no byte moved for %d seconds",
		                   STREAM_TIMEOUT_MS / 1000);
	case RC_EOF:
		return failure_set(f, ERR_SYSTEM, "the connection ended before the transfer did");
	default: return failure_set(f, ERR_SYSTEM, "the connection failed: %s", strerror(errno));
	}
}

bool failure_tell(int fd, enum error_code code, const char *text)
{
	uint8_t mem[FRAME_HEAD + ERROR_TEXT_MAX + 16];
	struct wbuf w = wbuf_of(mem, sizeof mem);

	error_put(&w, code, text);
	return send(fd, w.p, w.len, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0;
}

enum rc failure_remote(struct failure *f, struct slice payload)
{
	struct error_msg e;

	if (error_parse(payload, &e) != RC_OK)
		return failure_stream(f, RC_BAD);
	failure_set(f, e.code, "%.*s", (int)e.text.len, (const char *)e.text.p);
	f->remote = true;
	return RC_DENIED;
}
