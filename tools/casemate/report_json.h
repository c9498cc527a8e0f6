/* report.h's JSON:
 *
 *     {"accepted":true, "reasons":["nonce", …], "emulated":false, "code":"expected"
 *      or "not compared", "module_id":…, "timestamp_ms":…, "valid_until":seconds or
 *      null, "debug":…, "pcrs":{"0":HEX, …}, "public_key":HEX, "nonce":HEX,
 *      "user_data":HEX, "tls_key":"attested", "other" or null, "touch":"none",
 *      "touched" or "unknown", "purpose":"tls", "file", "app" or null,
 *      "touches":N or null, "head":HEX, "first":K or null, "operations":[{…}, …]}
 *
 * "code" is of PCR0, 1 and 2. purpose, touches and head are what user_data claims,
 * which only such code proves; without claims head, first and operations are not
 * there. first is the number of the first record of the log that was shown and
 * agrees, operations are its last.
 *
 * Of a document that cannot be parsed only the first two.
 */
#ifndef TOOL_REPORT_JSON_H
#define TOOL_REPORT_JSON_H

#include "tools/casemate/report.h"

void report_json(const struct report *r);

#endif
