// SPDX-License-Identifier: MIT
#include <procfd/wait_status.hpp>

namespace procfd {

std::string wait_status::str() const
{
	if (exited())
		return "exited " + std::to_string(*exit_code());
	return (dumped() ? "dumped " : "killed ") + std::to_string(*signal());
}

} // namespace procfd
