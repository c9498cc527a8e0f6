#include "appliance/report.h"

#include "appliance/touchlog.h"

static char name[] = "launch";
struct role launch_role = ROLE_NONE(name);

bool report_answer(void)
{
	struct launch_report r;

	if (role_receive(&launch_role, &r, sizeof r, sizeof r, NULL) == 0)
		return false;
	if (r.kind == LAUNCH_STATE && r.service < SERVICES_MAX)
		touchlog_shared()->service[r.service] = r;
	else if (r.kind != LAUNCH_OVER)
		role_refuse(&launch_role);
	return r.kind == LAUNCH_OVER;
}
