#include "tools/image/plan.h"

#include <stdlib.h>

#include "appliance/base/io.h"
#include "channel/message.h"
#include "tools/image/fail.h"
#include "tools/image/manifest_text.h"

/* All that the channel can be asked to do. */
enum { OPERATIONS = (1 << (OP_LOOK + 1)) - (1 << OP_EXEC) };

struct plan *plan_new(void)
{
	struct plan *p = calloc(1, sizeof *p);

	if (p == NULL) {
		fail(RC_LIMIT, "memory is out");
		return NULL;
	}
	p->notes.file = "";
	p->manifest.main = MANIFEST_NO_MAIN;
	p->manifest.operations = OPERATIONS;
	p->strings = wbuf_of(p->string_bytes, sizeof p->string_bytes);
	return p;
}

void plan_free(struct plan *p)
{
	if (p == NULL)
		return;
	yaml_free(&p->yaml);
	free((void *)(uintptr_t)p->text.p);
	free(p);
}

void plan_note(struct plan *p, const struct yaml *at, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	notes_add(&p->notes, at ? at->line : 0, at ? at->column : 0, fmt, ap);
	va_end(ap);
}

void plan_service_init(struct plan_service *s, struct slice name)
{
	memset(s, 0, sizeof *s);
	s->service.name = name;
	s->service.policy = (struct service_policy){
		.ready = READY_STARTED,
		.start_ms = 90000,
		.restart = RESTART_NEVER,
		.pause_ms = 100,
		.pause_max_ms = 30000,
		.burst_ms = 60000,
		.stop_ms = 10000,
		.pids = 512,
		.caps = PLAN_CAPABILITIES,
		.flags = SERVICE_TO_CONSOLE,
		.log = 256 << 10,
	};
}

struct slice plan_variable(struct plan *p, struct slice name, struct slice value)
{
	size_t at = p->strings.len;

	wbuf_put(&p->strings, name.p, name.len);
	wbuf_u8(&p->strings, '=');
	wbuf_put(&p->strings, value.p, value.len);
	return slice_of(p->string_bytes + at, p->strings.len - at);
}

/* --- the file --- */

enum rc plan_parse(struct plan *p, const char *file, struct slice text)
{
	p->notes.file = file;
	if (yaml_parse(text, &p->yaml, &p->notes) != RC_OK)
		return RC_BAD;
	manifest_read_top(p);
	if (p->strings.over)
		plan_note(p, p->services,
		          "the variables alone are longer than a manifest's %d bytes",
		          MANIFEST_MAX);
	if (p->notes.n == 0)
		plan_order(p);
	if (p->services != NULL)
		plan_settle_main(p);
	return p->notes.n == 0 ? RC_OK : RC_BAD;
}

enum rc plan_read(struct plan *p, const char *path)
{
	static const struct yaml start = { .line = 1, .column = 1 };
	uint8_t *text = malloc(YAML_MAX);
	enum rc rc;

	p->notes.file = path;
	if (text == NULL)
		return fail_errno("manifest '%s'", path);
	p->text.p = text;
	rc = io_read_file(path, text, YAML_MAX, &p->text.len);
	if (rc == RC_OK)
		return plan_parse(p, path, p->text);
	if (rc != RC_LIMIT)
		return fail_errno("manifest '%s'", path);
	plan_note(p, &start, "longer than %d bytes", YAML_MAX);
	return rc;
}

void plan_default(struct plan *p, enum channel_mode channel)
{
	p->manifest.channel = channel;
}

void plan_settle_main(struct plan *p)
{
	struct reading r = { p, slice_of(NULL, 0), NULL, "main" };

	if (p->main != NULL)
		(void)manifest_find_service(&r, p->main, &p->manifest.main);
	else if (p->n == 1)
		p->manifest.main = 0;
	r.key = "when-main-ends";
	if (p->when_main_ends != NULL && p->main == NULL && p->n != 1)
		(void)reading_wrong(&r, p->when_main_ends,
		                    "there is no main service: name it with "
		                    "main");
}

/* --- the bytes --- */

bool plan_has_network(const struct plan *p)
{
	return p->policy.egresses + p->policy.ingresses > 0;
}

/* A policy that allows nothing is none. */
static enum rc encode_network(struct plan *p)
{
	struct wbuf w = wbuf_of(p->policy_bytes, sizeof p->policy_bytes);

	if (plan_has_network(p))
		policy_put(&w, &p->policy);
	p->manifest.network = wbuf_slice(&w);
	if (w.over)
		plan_note(p, p->network,
		          "network: the rules come to more than %d bytes: fewer or "
		          "shorter names",
		          POLICY_MAX);
	return w.over ? RC_LIMIT : RC_OK;
}

enum rc plan_encode(struct plan *p, struct slice *out)
{
	struct wbuf services = wbuf_of(p->service_bytes, sizeof p->service_bytes);
	struct wbuf all = wbuf_of(p->encoded, sizeof p->encoded);

	if (encode_network(p) != RC_OK)
		return RC_LIMIT;
	p->manifest.services = p->n;
	for (size_t i = 0; i < p->n; i++) {
		size_t at = services.len;

		service_put(&services, &p->service[i].service);
		p->manifest.service[i] = slice_of(services.p + at, services.len - at);
	}
	if (!services.over)
		manifest_put(&all, &p->manifest);
	if (services.over || all.over || p->strings.over) {
		plan_note(p, p->services,
		          "longer than a manifest's %d bytes: fewer or shorter words, variables "
		          "and rules, "
		          "those that each service has of the image among them",
		          MANIFEST_MAX);
		return RC_LIMIT;
	}
	*out = wbuf_slice(&all);
	return RC_OK;
}
