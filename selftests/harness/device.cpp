// SPDX-License-Identifier: GPL-2.0-only
// Linked into each test that is about the module: it needs that, and root.
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

#include "../../uapi/procfd.h"
#include "needs.h"

namespace {

/* Not opened: that would make a filesystem, whose making some tests look at. */
bool device_is_there()
{
	std::ifstream misc("/proc/misc");
	struct stat st;

	if (stat(PROCFD_DEVICE, &st) || !S_ISCHR(st.st_mode))
		return false;
	for (std::string minor, name; misc >> minor >> name;)
		if (name == "procfd")
			return true;
	return false;
}

const need root([]() -> std::string { return geteuid() ? "needs root" : ""; });
const need device([]() -> std::string {
	return device_is_there() ? "" :
				   "no " PROCFD_DEVICE
				   ": load the module procfd";
});

} // namespace
