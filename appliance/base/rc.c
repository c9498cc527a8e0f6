#include "appliance/base/rc.h"

const char *rc_str(enum rc rc)
{
	switch (rc) {
	case RC_OK: return "ok";
	case RC_MORE: return "incomplete";
	case RC_BAD: return "malformed";
	case RC_LIMIT: return "over a limit";
	case RC_IO: return "input/output error";
	case RC_EOF: return "ended early";
	case RC_TIMEOUT: return "timed out";
	case RC_DENIED: return "refused";
	case RC_MISMATCH: return "does not match";
	case RC_ABSENT: return "not found";
	}
	return "unknown result";
}
