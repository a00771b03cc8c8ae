// SPDX-License-Identifier: MIT
#ifndef PROCFD_PATH_ARG_HPP
#define PROCFD_PATH_ARG_HPP

#include <concepts>

namespace procfd {

/// A path as a parameter: takes a string literal, std::string,
/// std::filesystem::path and the like, and copies nothing. The path ends at its
/// first NUL. Valid as long as what it was made from; not to be kept.
class path_arg {
public:
	/// \param path  ends with a NUL
	path_arg(const char *path) noexcept : path_(path) {}

	/// \param path  anything with a c_str()
	template <typename T>
	requires requires(const T &path)
	{
		{
			path.c_str()
			} -> std::same_as<const char *>;
	}
	path_arg(const T &path) noexcept : path_(path.c_str()) {}

	/// \return  the path, ends with a NUL
	[[nodiscard]] const char *c_str() const noexcept { return path_; }

private:
	const char *path_;
};

} // namespace procfd

#endif
