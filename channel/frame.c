#include "channel/frame.h"

bool frame_is_data(enum frame_type type)
{
	return type == FRAME_DATA || (type >= FRAME_STDIN && type <= FRAME_STDERR);
}

enum rc frame_head(struct slice in, struct frame *f)
{
	size_t max = FRAME_CONTROL_MAX;

	if (in.len < FRAME_HEAD)
		return RC_MORE;
	f->type = (enum frame_type)in.p[0];
	f->len = (size_t)in.p[1] << 16 | (size_t)in.p[2] << 8 | in.p[3];
	if (frame_is_data(f->type)) {
		if (f->len == 0 && f->type != FRAME_STDIN)
			return RC_BAD;
		max = FRAME_DATA_MAX;
	} else if (f->type == FRAME_REQUEST) {
		max = FRAME_REQUEST_MAX;
	}
	return f->len > max ? RC_LIMIT : RC_OK;
}

void frame_put_head(uint8_t out[FRAME_HEAD], enum frame_type type, size_t len)
{
	out[0] = (uint8_t)type;
	out[1] = (uint8_t)(len >> 16);
	out[2] = (uint8_t)(len >> 8);
	out[3] = (uint8_t)len;
}

size_t frame_begin(struct wbuf *w)
{
	static const uint8_t none[FRAME_HEAD];
	size_t at = w->len;

	wbuf_put(w, none, sizeof none);
	return at;
}

void frame_end(struct wbuf *w, size_t at, enum frame_type type)
{
	if (!w->over)
		frame_put_head(w->p + at, type, w->len - at - FRAME_HEAD);
}

void frame_put(struct wbuf *w, enum frame_type type, struct slice payload)
{
	size_t at = frame_begin(w);

	wbuf_put(w, payload.p, payload.len);
	frame_end(w, at, type);
}
