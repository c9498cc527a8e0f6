#include "appliance/facts.h"

#include <sys/mman.h>

#include "appliance/clients.h"
#include "appliance/touchlog.h"
#include "net/app.h"
#include "net/flow.h"
#include "net/resolver.h"

static const struct touchlog_shared *shared;
static struct https_facts f;

static uint64_t load_touches(void)
{
	return __atomic_load_n(&shared->touches, __ATOMIC_ACQUIRE);
}

/* The first record that is still there after n touches, with the head before
 * it: PID 1 may be about to write n + 1 over the one before that. */
static uint64_t first_after(uint64_t n)
{
	return n + 3 > TOUCHLOG_RING ? n + 3 - TOUCHLOG_RING : 1;
}

/* Was number n still kept, now that it has been read? */
static bool was_kept(uint64_t n)
{
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	return n >= first_after(load_touches());
}

static size_t touch_record(uint64_t n, uint8_t out[TOUCH_RECORD_MAX])
{
	struct touchlog_record r;

	if (n == 0 || n > f.touches)
		return 0;
	r = shared->ring[n % TOUCHLOG_RING];
	if (r.len > sizeof r.bytes || !was_kept(n))
		return 0;
	memcpy(out, r.bytes, r.len);
	return r.len;
}

static bool touch_after(uint64_t n, uint8_t head[SHA384_LEN])
{
	if (n > f.touches)
		return false;
	memcpy(head, shared->after[n % TOUCHLOG_RING], SHA384_LEN);
	return was_kept(n + 1);
}

static struct slice service_name(size_t i)
{
	const char *name = shared->service[i].name;

	return slice_of(name, strnlen(name, SERVICE_NAME_MAX));
}

static uint64_t service_number(size_t i, enum launch_number number)
{
	return __atomic_load_n(&shared->service[i].number[number], __ATOMIC_RELAXED);
}

static const char *services(struct body *b)
{
	const char *why = NULL, *comma = "";

	for (size_t i = 0; i < shared->services; i++) {
		uint64_t state = service_number(i, LAUNCH_STATE);

		if (state >= LOOK_STATES)
			continue;
		body_put(b, "%s{'name':%q,'state':'%s','starts':%u,'out_of_memory':%u}", comma,
		         service_name(i), look_states[state], service_number(i, LAUNCH_STARTS),
		         service_number(i, LAUNCH_OOMS));
		comma = ",";
		if (state != LOOK_READY && state != LOOK_DONE && state != LOOK_STOPPED)
			why = "a service is not ready";
	}
	return why;
}

static void service_metric(struct body *b, const char *name, const char *help,
                           enum launch_number number)
{
	body_help(b, name, help);
	for (size_t i = 0; i < shared->services; i++)
		body_put(b, "casemate_%s{service=%q} %u\n", name, service_name(i),
		         service_number(i, number));
}

static void network_metrics(struct body *b)
{
	const struct app_counters *c = app_counters();
	const struct resolver_counters *r = resolver_counters();

	body_metric(b, "network_out_packets_total", "packets from the app", c->out_packets);
	body_metric(b, "network_out_bytes_total", "bytes from the app", c->out_bytes);
	body_metric(b, "network_in_packets_total", "packets to the app", c->in_packets);
	body_metric(b, "network_in_bytes_total", "bytes to the app", c->in_bytes);
	body_metric(b, "network_out_refused_total", "packets no rule lets out", c->out_refused);
	body_metric(b, "network_in_refused_total", "packets no rule lets in", c->in_refused);
	body_metric(b, "network_hello_refused_total", "ClientHellos no rule wants",
	            c->hello_refused);
	body_metric(b, "network_dropped_total", "packets with no way to go", c->dropped);
	body_metric(b, "network_reset_total", "flows reset since their gateway has gone", c->reset);
	body_metric(b, "network_flows_out", "flows the app began", flow_count(FLOW_OUT));
	body_metric(b, "network_flows_in", "flows begun to the app", flow_count(FLOW_IN));
	body_metric(b, "dns_asked_total", "names the app asked for", r->asked);
	body_metric(b, "dns_denied_total", "names no rule has", r->denied);
	body_metric(b, "dns_answered_total", "names answered", r->answered);
	body_metric(b, "dns_failed_total", "names the host had no answer for", r->failed);
	body_metric(b, "dns_dropped_total", "answers not believed", r->dropped + r->disproved);
}

static void metrics(struct body *b)
{
	const struct clients_counters *c = clients_counters();
	struct stack_usage u;
	unsigned links = 0;

	stack_usage(&u);
	for (int i = 0; i < STACK_LINKS_MAX; i++)
		links += stack_link_fd(i) >= 0;
	body_metric(b, "connections_total", "connections accepted", c->accepted);
	body_metric(b, "connections_evicted_total", "connections ended for a new one", c->evicted);
	body_metric(b, "connections_refused_total", "connections without a place", c->refused);
	body_metric(b, "documents_waiting", "requests that wait for a document", c->waiting);
	body_metric(b, "connections", "open connections to the attestation port", c->open);
	body_metric(b, "links", "gateways connected", links);
	body_metric(b, "stack_connections", "the stack's connections", u.conns);
	body_metric(b, "stack_pcbs", "the stack's control blocks in use", u.pcbs);
	body_metric(b, "stack_pbufs", "the stack's packet buffers in use", u.pbufs);
	body_metric(b, "stack_heap_bytes", "the stack's heap in use", u.heap);
	body_metric(b, "stack_dropped_total", "packets that were for nobody", u.dropped);
	network_metrics(b);
	service_metric(b, "service_state",
	               "0 stopped, done, failed, waiting, starting, 5 ready, stopping, killing",
	               LAUNCH_STATE);
	service_metric(b, "service_starts", "starts", LAUNCH_STARTS);
	service_metric(b, "service_out_of_memory", "ends for want of memory", LAUNCH_OOMS);
}

enum rc facts_open(int fd)
{
	shared = mmap(NULL, sizeof *shared, PROT_READ, MAP_SHARED, fd, 0);
	if (shared == MAP_FAILED)
		return RC_IO;
	f = (struct https_facts){
		.manifest = slice_of(shared->manifest, shared->manifest_len),
		.module = shared->module,
		.ready = true,
		.why = "",
		.touch_first = 1,
		.touch_record = touch_record,
		.touch_after = touch_after,
		.services = services,
		.metrics = metrics,
	};
	memcpy(f.pcr, shared->pcr, sizeof f.pcr);
	memset(&f.pcr[PCR_TOUCH], 0, sizeof f.pcr[PCR_TOUCH]);
	facts_refresh();
	return RC_OK;
}

struct https_facts *facts(void)
{
	return &f;
}

/* Heads are kept as long as records, so that one of them is read at leisure. */
void facts_refresh(void)
{
	uint64_t n = load_touches();

	if (n == f.touches)
		return;
	do {
		n = load_touches();
		memcpy(f.touch_head, shared->after[n % TOUCHLOG_RING], SHA384_LEN);
		f.touch_first = first_after(n);
	} while (!was_kept(f.touch_first));
	f.touches = n;
	f.pcr[PCR_TOUCH] = shared->pcr[PCR_TOUCH];
}
