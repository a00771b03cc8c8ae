// SPDX-License-Identifier: MIT
//
// A program that needs no module to show that it was built and linked right.
#include <procfd/procfd.hpp>
#include <procfd/uapi.h>

int main()
{
	auto missing = procfd::device::open("/nonexistent");
	bool right = missing.error() == procfd::errc::module_missing &&
		     procfd::wait_status(256).str() == "exited 1" &&
		     PROCFD_ABI >= 1;

	return right ? 0 : 1;
}
