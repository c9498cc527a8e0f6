/* What the verifier found, told: a short table for people, or one JSON object.
 *
 * Documents and logs come from hostile parties; their text is printable ASCII
 * by the parsers' word.
 */
#ifndef TOOL_REPORT_H
#define TOOL_REPORT_H

#include "attest/verify.h"

enum { REPORT_OPERATIONS = 5 };

/* The last operations of a touch log that was fetched. */
struct report_log {
	uint64_t first;   /* number of the first that it shows */
	uint64_t records; /* that were read */
	struct {
		size_t len;
		uint8_t bytes[TOUCH_RECORD_MAX];
	} last[REPORT_OPERATIONS]; /* number n at n % REPORT_OPERATIONS */
};

struct report {
	bool accepted, json;
	bool connection; /* public_key was compared with that of a TLS connection */
	const struct verify_policy *policy;
	const struct verify_result *result;
	const struct report_log *log; /* NULL: none was fetched */
};

/* To standard output; false after saying that this failed. */
bool report_print(const struct report *r);

#endif
