/* What services print and what happens to them, kept in rings: the last bytes
 * of each, with a sequence over all, so that any reader gets them in the order
 * in which they came, from whereever it was (channel/PROTOCOL.md, look).
 *
 * Ring 0 holds events, ring N what service N (from 1) prints. A reader is a
 * cursor: it costs nothing, holds nothing up, and when the ring has moved on it
 * is moved to the oldest record that is left. One writer, no threads.
 */
#ifndef APPLIANCE_RECORDS_H
#define APPLIANCE_RECORDS_H

#include "channel/message.h"

enum {
	RECORDS_RINGS = SERVICES_MAX + 1,
	RECORDS_EVENTS = 65536, /* bytes of ring 0 */
	RECORDS_LEAST = 16384,  /* of any other: a piece and its head fit */
};

/* Makes a ring of so many bytes, of which pages are used as they are written,
 * or RECORDS_LEAST. RC_IO. Once for each that is used. */
RC_CHECK enum rc records_open(size_t ring, size_t bytes);

/* At most RECORD_TEXT_MAX bytes, what is longer is cut; kind as in PROTOCOL.md. */
void records_put(size_t ring, unsigned service, unsigned kind, struct slice text);

/* The same for ring 0, in words. */
__attribute__((format(printf, 3, 4))) void records_event(unsigned service, unsigned kind,
                                                         const char *fmt, ...);

struct records_cursor {
	uint64_t at[RECORDS_RINGS]; /* zeros: from the oldest */
};

/* The next record of the rings whose bit is set, into *h and text, which holds
 * RECORD_TEXT_MAX bytes; its length. -1: there is none now. */
int records_next(struct records_cursor *c, uint32_t rings, struct record_head *h, uint8_t *text);

/* Of the last record. */
uint64_t records_sequence(void);

/* Bytes of text ever put into a ring, and those of them that are gone. */
void records_count(size_t ring, uint64_t *all, uint64_t *lost);

#endif
