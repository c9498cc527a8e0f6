#include "appliance/report.h"

#include <sys/socket.h>

#include "appliance/base/log.h"
#include "appliance/touchlog.h"

static char name[] = "launch";
struct role launch_role = ROLE_NONE(name);

bool report_answer(void)
{
	struct launch_report r;
	ssize_t n = recv(launch_role.sock, &r, sizeof r, MSG_DONTWAIT | MSG_TRUNC);

	if (n < 0)
		return false;
	if (n == sizeof r && r.kind == LAUNCH_OVER)
		return true;
	if (n == sizeof r && r.kind == LAUNCH_STATE && r.service < SERVICES_MAX) {
		touchlog_shared()->service[r.service] = r;
		return false;
	}
	if (n > 0)
		log_line("launch: a message of %zd bytes refused; ending it", n);
	role_hang_up(&launch_role);
	return false;
}
