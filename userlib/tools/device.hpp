// SPDX-License-Identifier: MIT
#ifndef PROCFD_TOOLS_DEVICE_HPP
#define PROCFD_TOOLS_DEVICE_HPP

#include <fstream>
#include <string>

#include <sys/stat.h>
#include <sys/sysmacros.h>

namespace tool {

constexpr const char *another_device =
	"/dev/procfd is not the device of procfd: something else lies over it, "
	"as in some containers; let the container have the host's /dev/procfd";

/// \return  whether /dev/procfd is there and is something else. It is not opened:
///	nobody knows what that would do.
inline bool device_is_another()
{
	constexpr unsigned misc = 10;
	struct stat st {};
	std::ifstream known("/proc/misc");
	unsigned number = 0;
	std::string name;

	if (::stat("/dev/procfd", &st) < 0)
		return false;
	if (!S_ISCHR(st.st_mode) || major(st.st_rdev) != misc)
		return true;
	while (known >> number >> name)
		if (name == "procfd")
			return minor(st.st_rdev) != number;
	return false;
}

} // namespace tool

#endif
