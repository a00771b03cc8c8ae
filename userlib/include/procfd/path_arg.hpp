// SPDX-License-Identifier: MIT
#ifndef PROCFD_PATH_ARG_HPP
#define PROCFD_PATH_ARG_HPP

#include <concepts>
#include <cstring>

namespace procfd {

/// A path as a parameter: takes a string literal, std::string,
/// std::filesystem::path and the like, and copies nothing. Every function answers
/// EINVAL to a null pointer, and to a string with a NUL in it, which would be the name
/// of something else. Valid as long as what it was made from; not to be kept.
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
	path_arg(const T &path) noexcept : path_(whole(path)) {}

	/// \return  the path, ends with a NUL; null if it is none
	[[nodiscard]] const char *c_str() const noexcept { return path_; }

private:
	/// \return  null if there is more than the system would see
	template <typename T>
	static const char *whole(const T &path) noexcept
	{
		if constexpr (requires { path.native().size(); })
			return whole(path.native());
		// cppcheck takes all of these for one condition
		// cppcheck-suppress identicalConditionAfterEarlyExit
		else if constexpr (requires { path.size(); })
			return std::strlen(path.c_str()) == path.size() ?
				       path.c_str() :
				       nullptr;
		else
			return path.c_str();
	}

	const char *path_;
};

} // namespace procfd

#endif
