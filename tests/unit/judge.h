/* The verifier on forged documents (forge.h): the reasons must be those expected,
 * and no other.
 */
#ifndef TESTS_UNIT_JUDGE_H
#define TESTS_UNIT_JUDGE_H

#include "attest/verify.h"
#include "tests/unit/forge.h"
#include "tests/unit/test.h"

#define REASON(name) (UINT32_C(1) << (VERIFY_##name))

/* Of the last document that was judged; points into it. */
extern struct verify_result judge_result;

/* Finds out the forge's root. Once, first. */
void judge_init(void);

/* What forge_init() makes is accepted by this. */
struct verify_policy judge_policy(void);

/* The reasons to refuse what f describes. */
uint32_t judge_forged(const struct forge *f, const struct verify_policy *p);

/* Whether they are these; prints what, and those found, when not. */
bool judge_gives(const char *what, const struct forge *f, const struct verify_policy *p,
                 uint32_t reasons);

/* In here, because each program's checks are counted in its own file. */
static inline void judge_wants(const char *what, const struct forge *f,
                               const struct verify_policy *p, uint32_t reasons)
{
	CHECK(judge_gives(what, f, p, reasons));
}

#endif
