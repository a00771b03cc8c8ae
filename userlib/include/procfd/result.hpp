// SPDX-License-Identifier: MIT
#ifndef PROCFD_RESULT_HPP
#define PROCFD_RESULT_HPP

#include <concepts>
#include <functional>
#include <optional>
#include <system_error>
#include <type_traits>
#include <utility>

#include <procfd/export.hpp>

namespace procfd {

namespace detail {

/// Throw std::system_error; abort if that cannot be.
[[noreturn]] PROCFD_API void throw_error(std::error_code error,
					 const char *what);

} // namespace detail

/// An error on its way into a result, as std::unexpected is for std::expected.
class unexpected {
public:
	/// \param error  the error
	explicit unexpected(std::error_code error) noexcept : error_(error) {}

	/// \return  the error
	[[nodiscard]] std::error_code error() const noexcept { return error_; }

private:
	std::error_code error_;
};

template <typename T>
class result;

namespace detail {

template <typename T>
inline constexpr bool is_result = false;
template <typename T>
inline constexpr bool is_result<result<T>> = true;

template <typename T>
concept not_a_result = !is_result<std::remove_cvref_t<T>> &&
		       !std::same_as<std::remove_cvref_t<T>, unexpected>;

} // namespace detail

/// A value, or the error why there is none.
///
/// The interface is that of std::expected<T, std::error_code>. It is a type of
/// its own because std::expected is not there before C++23: this one has the
/// same layout and the same mangled name whatever -std its user compiles with.
template <typename T>
class [[nodiscard]] result {
	static_assert(std::is_object_v<T>);

public:
	using value_type = T; ///< as std::expected has it
	using error_type = std::error_code; ///< as std::expected has it

	// The concept keeps it from hiding the other constructors
	// NOLINTBEGIN(bugprone-forwarding-reference-overload)
	/// \param value  the value
	template <detail::not_a_result U = T>
	requires std::convertible_to<U, T> result(U &&value)
	noexcept(std::is_nothrow_constructible_v<T, U>)
		: value_(std::in_place, std::forward<U>(value))
	{
	}
	// NOLINTEND(bugprone-forwarding-reference-overload)

	/// \param error  why there is none
	result(unexpected error) noexcept : error_(error.error()) {}

	/// \return  whether there is a value
	[[nodiscard]] bool has_value() const noexcept
	{
		return value_.has_value();
	}
	/// \return  whether there is a value
	explicit operator bool() const noexcept { return has_value(); }

	/// @{
	/// The value; there must be one.
	[[nodiscard]] T &operator*() &noexcept { return *value_; }
	[[nodiscard]] const T &operator*() const &noexcept { return *value_; }
	[[nodiscard]] T &&operator*() &&noexcept { return *std::move(value_); }
	[[nodiscard]] T *operator->() noexcept { return &*value_; }
	[[nodiscard]] const T *operator->() const noexcept { return &*value_; }
	/// @}

	/// @{
	/// The value, or std::system_error thrown with the error.
	[[nodiscard]] T &value() &
	{
		demand();
		return *value_;
	}
	[[nodiscard]] const T &value() const &
	{
		demand();
		return *value_;
	}
	[[nodiscard]] T &&value() &&
	{
		demand();
		return *std::move(value_);
	}
	/// @}

	/// @{
	/// \param other  what to take instead
	/// \return  the value, or that
	template <typename U>
	[[nodiscard]] T value_or(U &&other) const &
	{
		return value_.value_or(std::forward<U>(other));
	}
	template <typename U>
	[[nodiscard]] T value_or(U &&other) &&
	{
		return std::move(value_).value_or(std::forward<U>(other));
	}
	/// @}

	/// \return  the error; empty if there is a value
	[[nodiscard]] std::error_code error() const noexcept { return error_; }

	/// @{
	/// \param next  called with the value if there is one; gives a result
	/// \return  what it gave, or the error
	template <typename F>
	auto and_then(F &&next) const &
	{
		using next_result = std::invoke_result_t<F, const T &>;

		if (!has_value())
			return next_result(unexpected(error_));
		return std::invoke(std::forward<F>(next), **this);
	}
	template <typename F>
	auto and_then(F &&next) &&
	{
		using next_result = std::invoke_result_t<F, T &&>;

		if (!has_value())
			return next_result(unexpected(error_));
		return std::invoke(std::forward<F>(next), *std::move(*this));
	}
	/// @}

	/// @{
	/// \param change  called with the value if there is one
	/// \return  a result with what it gave, or the error
	template <typename F>
	auto transform(F &&change) const &
	{
		return changed<std::invoke_result_t<F, const T &>>(
			std::forward<F>(change), *this);
	}
	template <typename F>
	auto transform(F &&change) &&
	{
		return changed<std::invoke_result_t<F, T &&>>(
			std::forward<F>(change), std::move(*this));
	}
	/// @}

	/// @{
	/// \param mend  called with the error if there is one; gives a result
	/// \return  what it gave, or the value
	template <typename F>
	result or_else(F &&mend) const &
	{
		if (has_value())
			return *this;
		return std::invoke(std::forward<F>(mend), error_);
	}
	template <typename F>
	result or_else(F &&mend) &&
	{
		if (has_value())
			return std::move(*this);
		return std::invoke(std::forward<F>(mend), error_);
	}
	/// @}

private:
	template <typename U, typename F, typename Self>
	static auto changed(F &&change, Self &&self)
	{
		using changed_result = result<std::remove_cvref_t<U>>;

		if (!self.has_value())
			return changed_result(unexpected(self.error_));
		if constexpr (std::is_void_v<U>) {
			std::invoke(std::forward<F>(change),
				    *std::forward<Self>(self));
			return changed_result();
		} else {
			return changed_result(
				std::invoke(std::forward<F>(change),
					    *std::forward<Self>(self)));
		}
	}
	void demand() const
	{
		if (!has_value())
			detail::throw_error(error_, nullptr);
	}

	std::optional<T> value_;
	std::error_code error_;
};

/// Success, or an error.
template <>
class [[nodiscard]] result<void> {
public:
	using value_type = void; ///< as std::expected has it
	using error_type = std::error_code; ///< as std::expected has it

	result() noexcept = default; ///< success
	/// \param error  what went wrong
	result(unexpected error) noexcept
		: has_value_(false), error_(error.error())
	{
	}

	/// @{
	/// \return  whether it is a success
	[[nodiscard]] bool has_value() const noexcept { return has_value_; }
	explicit operator bool() const noexcept { return has_value_; }
	/// @}
	void operator*() const noexcept {} ///< nothing; as std::expected

	/// Throw std::system_error if this is an error.
	void value() const
	{
		if (!has_value_)
			detail::throw_error(error_, nullptr);
	}

	/// \return  the error; empty if there is none
	[[nodiscard]] std::error_code error() const noexcept { return error_; }

	/// \param next  called if this is no error; gives a result
	/// \return  what it gave, or the error
	template <typename F>
	auto and_then(F &&next) const
	{
		using next_result = std::invoke_result_t<F>;

		if (!has_value_)
			return next_result(unexpected(error_));
		return std::invoke(std::forward<F>(next));
	}

	/// \param mend  called with the error if there is one; gives a result
	/// \return  what it gave, or success
	template <typename F>
	result or_else(F &&mend) const
	{
		if (has_value_)
			return *this;
		return std::invoke(std::forward<F>(mend), error_);
	}

private:
	bool has_value_ = true;
	std::error_code error_;
};

/// The value of a result, for those who like exceptions.
/// \param from  where the value comes from
/// \param what  what was tried; stands before the error's own text
/// \return  the value; else std::system_error is thrown
template <typename T>
T or_throw(result<T> &&from, const char *what)
{
	if (!from)
		detail::throw_error(from.error(), what);
	return *std::move(from);
}

} // namespace procfd

#endif
