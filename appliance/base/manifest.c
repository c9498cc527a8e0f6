#include "appliance/base/manifest.h"

#include "appliance/base/dcbor.h"

enum { DAY_MS = 86400000, SIGNALS = 31, CAPS = 41 };

/* clang-format off */
const uint64_t service_numbers_max[SERVICE_NUMBERS] = {
	(1u << SERVICES_MAX) - 1, (1u << SERVICES_MAX) - 1, /* after, requires */
	READY_NOTIFY, UINT16_MAX, DAY_MS,                   /* ready */
	RESTART_ALWAYS, DAY_MS, DAY_MS, 1000, DAY_MS,       /* restart */
	SIGNALS, MANIFEST_STOP_MS_MAX,                      /* stop */
	UINT64_C(1) << 50, 1u << 22, 1u << 20,              /* memory, pids, cpu */
	(UINT64_C(1) << CAPS) - 1, SERVICE_FLAGS, 1u << 26, /* caps, flags, log */
};
/* clang-format on */

uint64_t *service_numbers(struct service_policy *p)
{
	return &p->after;
}

static size_t parse_strings(struct dcbor *d, struct slice *out, size_t max)
{
	return dcbor_strings(d, DCBOR_TEXT, out, max, MANIFEST_ARG_MAX);
}

static bool is_absolute(struct slice path)
{
	return path.len > 0 && path.p[0] == '/';
}

bool service_is_name(struct slice s)
{
	for (size_t i = 0; i < s.len; i++)
		if (!(s.p[i] >= 'a' && s.p[i] <= 'z') && !(s.p[i] >= '0' && s.p[i] <= '9') &&
		    s.p[i] != '-' && s.p[i] != '_')
			return false;
	return s.len > 0 && s.len <= SERVICE_NAME_MAX;
}

static bool is_sound(const struct service *s, size_t number)
{
	const struct service_policy *p = &s->policy;

	for (size_t i = 0; i < s->envc; i++)
		if (s->env[i].len < 2 || s->env[i].p[0] == '=' ||
		    !memchr(s->env[i].p, '=', s->env[i].len))
			return false;
	for (size_t i = 0; i < s->pathc; i++)
		if (!is_absolute(s->paths[i]))
			return false;
	return service_is_name(s->name) && s->argc > 0 && s->argv[0].len > 0 &&
	       is_absolute(s->cwd) && p->after >> number == 0 && (p->requires & ~p->after) == 0 &&
	       (p->ready == READY_EXEC) == (s->probec > 0) &&
	       (p->ready == READY_TCP) == (p->ready_port > 0) && p->stop_signal > 0;
}

enum rc service_parse(struct slice in, size_t number, struct service *s)
{
	struct dcbor d = dcbor_of(in);

	memset(s, 0, sizeof *s);
	dcbor_record(&d);
	s->name = dcbor_string(dcbor_need(&d, 1), DCBOR_TEXT, 1, MANIFEST_ARG_MAX);
	s->argc = parse_strings(dcbor_need(&d, 2), s->argv, MANIFEST_ARGV_MAX);
	s->envc = parse_strings(dcbor_need(&d, 3), s->env, MANIFEST_ENV_MAX);
	s->cwd = dcbor_string(dcbor_need(&d, 4), DCBOR_TEXT, 1, MANIFEST_ARG_MAX);
	s->idc = dcbor_ids(dcbor_need(&d, 5), s->ids, MANIFEST_IDS_MAX);
	s->probec = parse_strings(dcbor_need(&d, 6), s->probe, MANIFEST_ARGV_MAX);
	s->pathc = parse_strings(dcbor_need(&d, 7), s->paths, MANIFEST_PATHS_MAX);
	if (dcbor_array(dcbor_need(&d, 8), SERVICE_NUMBERS) != SERVICE_NUMBERS)
		dcbor_fail(&d, RC_BAD);
	for (size_t i = 0; i < SERVICE_NUMBERS; i++)
		service_numbers(&s->policy)[i] = dcbor_uint(&d, service_numbers_max[i]);
	if (d.rc == RC_OK && !is_sound(s, number))
		dcbor_fail(&d, RC_BAD);
	return dcbor_end(&d);
}

enum rc manifest_parse(struct slice in, struct manifest *m)
{
	struct dcbor d = dcbor_of(in);

	memset(m, 0, sizeof *m);
	if (in.len > MANIFEST_MAX)
		return RC_LIMIT;
	dcbor_record(&d);
	if (dcbor_uint(dcbor_need(&d, 1), UINT64_MAX) != MANIFEST_VERSION)
		dcbor_fail(&d, RC_BAD);
	m->channel = (enum channel_mode)dcbor_uint(dcbor_need(&d, 2), CHANNEL_OPEN);
	m->operations = (uint32_t)dcbor_uint(dcbor_need(&d, 3), UINT32_MAX);
	m->main = dcbor_uint(dcbor_need(&d, 4), MANIFEST_NO_MAIN);
	m->keep = dcbor_uint(dcbor_need(&d, 5), 1) == 1;
	m->services = dcbor_array(dcbor_need(&d, 6), SERVICES_MAX);
	for (size_t i = 0; i < m->services; i++)
		m->service[i] = dcbor_bytes(&d, MANIFEST_MAX);
	m->stop_ms = (uint32_t)dcbor_uint(dcbor_need(&d, 7), MANIFEST_STOP_MS_MAX);
	m->network = dcbor_bytes(dcbor_need(&d, 8), MANIFEST_NETWORK_MAX);
	if (m->main != MANIFEST_NO_MAIN && m->main >= m->services)
		dcbor_fail(&d, RC_BAD);
	return dcbor_end(&d);
}
