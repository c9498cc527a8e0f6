#include "tools/casemate/resolvconf.h"

#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>

enum { WORD_MAX = 80 /* an IPv6 address, "%", the name of an interface */ };

static bool is_blank(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* The next word of the line, cut to WORD_MAX; empty at its end. */
static void next_word(struct slice *line, char word[WORD_MAX + 1])
{
	size_t n = 0;

	while (line->len > 0 && is_blank(*line->p)) {
		line->p++;
		line->len--;
	}
	for (; line->len > 0 && !is_blank(*line->p); line->p++, line->len--) {
		if (n < WORD_MAX)
			word[n++] = (char)*line->p;
	}
	word[n] = '\0';
}

static void add(struct resolvconf *c, const char *address, uint16_t port)
{
	struct addrinfo hints = { .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,
		                  .ai_socktype = SOCK_DGRAM };
	struct addrinfo *found;
	char service[8];

	snprintf(service, sizeof service, "%u", port);
	if (c->n == RESOLVCONF_MAX || getaddrinfo(address, service, &hints, &found) != 0)
		return;
	memcpy(&c->server[c->n].at, found->ai_addr, found->ai_addrlen);
	c->server[c->n++].len = found->ai_addrlen;
	freeaddrinfo(found);
}

void resolvconf_parse(struct slice text, uint16_t port, struct resolvconf *c)
{
	char word[WORD_MAX + 1];
	struct slice line;

	*c = (struct resolvconf){ 0 };
	while (text.len > 0) {
		(void)slice_cut(&text, '\n', &line);
		next_word(&line, word);
		if (strcmp(word, "nameserver") != 0)
			continue;
		next_word(&line, word);
		add(c, word, port);
	}
	if (c->n == 0)
		add(c, "127.0.0.1", port);
}
