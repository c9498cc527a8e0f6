/* appliance/notify.h: whole messages, every prefix, bytes that mean nothing. */
#include "appliance/notify.h"
#include "tests/unit/test.h"

static void is(const char *message, bool ready, bool busy, const char *status)
{
	struct slice in = test_guard(slice_str(message));
	struct notify n = notify_of(in);

	CHECK(n.ready == ready && n.busy == busy && (n.status.p != NULL) == (status != NULL));
	CHECK(!status || slice_is(n.status, status));
	test_unguard(in);
}

static void prefixes(void)
{
	static const char all[] = "STATUS=one\nREADY=1\nRELOADING=1\nSTATUS=two\n";

	for (size_t len = 0; len < sizeof all; len++) {
		struct slice in = test_guard(slice_of(all, len));
		struct notify n = notify_of(in);

		CHECK(n.ready == (len >= 18) && n.busy == (len >= 30));
		CHECK((n.status.p != NULL) == (len >= 7));
		if (len >= 38)
			CHECK(n.status.len == (len < 41 ? len - 38 : 3));
		else if (len >= 7)
			CHECK(n.status.len == (len < 10 ? len - 7 : 3));
		test_unguard(in);
	}
}

int main(void)
{
	struct notify n = notify_of(slice_of("READY=1\0\nSTATUS=a\0b", 19));

	is("", false, false, NULL);
	is("READY=1", true, false, NULL);
	is("READY=1\n", true, false, NULL);
	is("READY=10", false, false, NULL);
	is(" READY=1", false, false, NULL);
	is("READY=0\nready=1\nREADY=\n=\n\n", false, false, NULL);
	is("X=READY=1\nSTATUS", false, false, NULL);
	is("RELOADING=1\nREADY=1\nREADY=0", true, true, NULL);
	is("STATUS=\nMAINPID=1", false, false, "");
	is("STATUS=a\nSTATUS=b=c\r", false, false, "b=c\r");
	CHECK(!n.ready && slice_eq(n.status, slice_of("a\0b", 3)));
	prefixes();
	return test_end();
}
