#include "net/flow.h"

#include <assert.h>
#include <stdlib.h>
#include <sys/random.h>

enum {
	SLOTS = FLOW_KINDS * FLOW_MAX,
	BUCKETS = SLOTS,
	WORDS = sizeof(struct flow_key) / sizeof(uint32_t),
	LOOKED_AT = 64, /* for who has been silent longest */
};
static_assert(sizeof(struct flow_key) == 24 && (BUCKETS & (BUCKETS - 1)) == 0, "no padding");

static struct {
	struct flow slot[SLOTS];
	struct flow *bucket[BUCKETS];
	unsigned count[FLOW_KINDS];
	uint32_t dice;
	uint64_t secret[WORDS];
} t;

void flow_init(void)
{
	if (getrandom(t.secret, sizeof t.secret, 0) != sizeof t.secret)
		abort();
}

/* Multilinear hashing: who does not know the secret cannot choose collisions. */
static struct flow **bucket_of(const struct flow_key *key)
{
	uint32_t words[WORDS];
	uint64_t h = 0;

	memcpy(words, key, sizeof words);
	for (size_t i = 0; i < WORDS; i++)
		h += t.secret[i] * words[i];
	return &t.bucket[(h >> 32) % BUCKETS];
}

struct flow_key flow_key_of(const struct packet *p, bool from_app)
{
	struct flow_key k = { .remote_port = from_app ? p->to_port : p->from_port,
		              .local_port = from_app ? p->from_port : p->to_port,
		              .proto = p->proto };

	memcpy(k.remote, from_app ? p->to : p->from, PACKET_ADDRESS);
	return k;
}

static bool is_of(const struct flow *f, const struct flow_key *k)
{
	return packet_same(f->key.remote, k->remote) && f->key.remote_port == k->remote_port &&
	       f->key.local_port == k->local_port && f->key.proto == k->proto;
}

struct flow *flow_find(const struct flow_key *key)
{
	struct flow *f = *bucket_of(key);

	while (f != NULL && !is_of(f, key))
		f = f->chain;
	return f;
}

void flow_end(struct flow *f)
{
	struct flow **at = bucket_of(&f->key);

	while (*at != f)
		at = &(*at)->chain;
	*at = f->chain;
	f->used = false;
	t.count[f->kind]--;
}

static bool is_live(const struct flow *f)
{
	return f->met && !f->ended;
}

/* A slot of that kind, free. */
static struct flow *take_slot(enum flow_kind kind)
{
	struct flow *slots = t.slot + (size_t)kind * FLOW_MAX, *best = NULL;

	/* Anywhere in the table: who began one after the other are not looked at
	 * together, and none of them gives way while others have ended. */
	for (int i = 0; i < LOOKED_AT; i++) {
		struct flow *f = &slots[(t.dice >> 16) % FLOW_MAX];

		t.dice = t.dice * 1664525 + 1013904223; /* Numerical Recipes' */

		if (!f->used)
			return f;
		if (best == NULL || is_live(f) < is_live(best) ||
		    (is_live(f) == is_live(best) && f->heard_ms < best->heard_ms))
			best = f;
	}
	flow_end(best);
	return best;
}

struct flow *flow_begin(const struct flow_key *key, enum flow_kind kind, int64_t now_ms)
{
	struct flow *f = flow_find(key), **bucket = bucket_of(key);

	if (f != NULL)
		flow_end(f);
	f = take_slot(kind);
	*f = (struct flow){
		.key = *key, .kind = kind, .used = true, .heard_ms = now_ms, .chain = *bucket
	};
	*bucket = f;
	t.count[kind]++;
	return f;
}

struct flow *flow_after(struct flow *f)
{
	for (f = f == NULL ? t.slot : f + 1; f < t.slot + SLOTS; f++) {
		if (f->used)
			return f;
	}
	return NULL;
}

unsigned flow_count(enum flow_kind kind)
{
	return t.count[kind];
}
