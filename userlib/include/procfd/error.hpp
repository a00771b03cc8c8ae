// SPDX-License-Identifier: MIT
#ifndef PROCFD_ERROR_HPP
#define PROCFD_ERROR_HPP

#include <system_error>
#include <type_traits>

#include <procfd/export.hpp>

namespace procfd {

/// What an errno alone does not say. To be compared with any error of this
/// library: `if (r.error() == procfd::errc::module_missing) ...`.
///
/// Where the kernel gave an errno, error().value() is that errno and error()
/// equals the std::errc of it, whichever of these holds besides.
enum class errc {
	/// the device is not there: ENOENT, ENXIO or ENODEV on opening it
	module_missing = 1,
	/// a path leads to no process because no procfdfs is mounted there:
	/// EXDEV on linking, ENOENT or ENOTTY on opening
	not_mounted,
	/// the announced fork was taken by another child of this thread, made
	/// by a fork handler or an interposed function; comes with no errno
	wrong_child,
	/// what has the name is a device, FIFO or socket, and is not replaced by a
	/// file: EINVAL
	not_a_file,
};

/// \return  the category of the conditions above
PROCFD_API const std::error_category &error_category() noexcept;

inline std::error_condition make_error_condition(errc condition) noexcept
{
	return {static_cast<int>(condition), error_category()};
}

} // namespace procfd

template <>
struct std::is_error_condition_enum<procfd::errc> : std::true_type {
};

#endif
