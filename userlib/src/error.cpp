// SPDX-License-Identifier: MIT
#include <procfd/error.hpp>

#include <cerrno>
#include <string>

#include "internal.hpp"

namespace procfd {

namespace {

constexpr const char *module_missing_text =
	"the procfd kernel module is not loaded; load it: modprobe procfd";
constexpr const char *not_mounted_text =
	"no procfdfs is mounted there; mount it: "
	"mount -t procfdfs procfd /run/procfd";
constexpr const char *wrong_child_text =
	"another child of this thread took the announced fork";
constexpr const char *not_a_file_text =
	"it is not a regular file, so it is not replaced";

class conditions final : public std::error_category {
public:
	const char *name() const noexcept override { return "procfd"; }

	std::string message(int condition) const override
	{
		switch (static_cast<errc>(condition)) {
		case errc::module_missing:
			return module_missing_text;
		case errc::not_mounted:
			return not_mounted_text;
		case errc::wrong_child:
			return wrong_child_text;
		case errc::not_a_file:
			return not_a_file_text;
		}
		return "unknown error";
	}
};

/// Codes that are an errno and mean one of the conditions besides.
class errno_category final : public std::error_category {
public:
	constexpr errno_category(const char *name, errc condition,
				 const char *advice) noexcept
		: name_(name), condition_(condition), advice_(advice)
	{
	}

	const char *name() const noexcept override { return name_; }

	std::string message(int error) const override
	{
		return advice_ +
		       (" (" + std::system_category().message(error)) + ")";
	}

	std::error_condition
	default_error_condition(int error) const noexcept override
	{
		return std::system_category().default_error_condition(error);
	}

	bool equivalent(int error, const std::error_condition &condition)
		const noexcept override
	{
		return condition == make_error_condition(condition_) ||
		       condition == default_error_condition(error);
	}

private:
	const char *name_;
	errc condition_;
	const char *advice_;
};

} // namespace

const std::error_category &error_category() noexcept
{
	static const conditions category;

	return category;
}

namespace internal {

unexpected device_error(int error) noexcept
{
	static const errno_category category(
		"procfd.device", errc::module_missing, module_missing_text);

	return unexpected({error, category});
}

unexpected name_error(int error) noexcept
{
	static const errno_category category("procfd.name", errc::not_mounted,
					     not_mounted_text);

	return unexpected({error, category});
}

unexpected not_a_file() noexcept
{
	static const errno_category category("procfd.file", errc::not_a_file,
					     not_a_file_text);

	return unexpected({EINVAL, category});
}

unexpected wrong_child() noexcept
{
	return unexpected(
		{static_cast<int>(errc::wrong_child), error_category()});
}

} // namespace internal

namespace detail {

void throw_error(std::error_code error, const char *what)
{
	if (what)
		throw std::system_error(error, what);
	throw std::system_error(error);
}

} // namespace detail

} // namespace procfd
