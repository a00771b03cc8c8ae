// SPDX-License-Identifier: MIT
#include <memory>
#include <string>

#include "common.hpp"

using procfd::result;
using procfd::unexpected;

namespace {

std::error_code error(std::errc code)
{
	return std::make_error_code(code);
}

result<int> half(int n)
{
	if (n % 2)
		return unexpected(error(std::errc::invalid_argument));
	return n / 2;
}

} // namespace

TEST(result, holds_a_value)
{
	result<int> r = 7;

	ASSERT_TRUE(r);
	EXPECT_TRUE(r.has_value());
	EXPECT_EQ(7, *r);
	EXPECT_EQ(7, r.value());
	EXPECT_EQ(7, r.value_or(1));
	EXPECT_FALSE(r.error());
}

TEST(result, holds_an_error)
{
	result<int> r = half(3);

	ASSERT_FALSE(r);
	EXPECT_EQ(std::errc::invalid_argument, r.error());
	EXPECT_EQ(1, r.value_or(1));
	EXPECT_THROW((void)r.value(), std::system_error);
}

TEST(result, a_void_one_is_success_by_default)
{
	result<void> r;

	EXPECT_TRUE(r);
	r.value();
	*r;
	static_assert(std::is_void_v<decltype(*r)>);
	r = unexpected(error(std::errc::timed_out));
	EXPECT_FALSE(r);
	EXPECT_THROW(r.value(), std::system_error);
}

TEST(result, moves_what_cannot_be_copied)
{
	result<std::unique_ptr<int>> r = std::make_unique<int>(3);
	std::unique_ptr<int> p = *std::move(r);

	EXPECT_EQ(3, *p);
}

TEST(result, a_value_that_may_be_absent_is_still_a_value)
{
	result<std::optional<int>> r = std::optional<int>();

	EXPECT_TRUE(r);
	EXPECT_FALSE(*r);
	r = 3;
	EXPECT_EQ(3, **r);
}

TEST(result, chains)
{
	EXPECT_EQ(2, *half(8).and_then(half));
	EXPECT_FALSE(half(6).and_then(half));
	EXPECT_FALSE(half(7).and_then(half));

	const result<int> none = half(5), four = 8;

	EXPECT_EQ(none.error(), none.and_then(half).error());
	EXPECT_EQ(4, *four.and_then(half));
	EXPECT_EQ("4",
		  *half(8).transform([](int n) { return std::to_string(n); }));
	EXPECT_FALSE(half(1).transform([](int n) { return n; }));
	EXPECT_TRUE(half(8).transform([](int) {}));
	EXPECT_EQ(9, *half(1).or_else(
			     [](std::error_code) { return result<int>(9); }));
	EXPECT_EQ(5, *half(10).or_else([](std::error_code e) {
		return result<int>(unexpected(e));
	}));
}

TEST(result, or_throw_says_what_was_tried)
{
	EXPECT_EQ(4, procfd::or_throw(half(8), "half"));
	try {
		procfd::or_throw(half(1), "halving 1");
		FAIL();
	} catch (const std::system_error &e) {
		EXPECT_EQ(std::errc::invalid_argument, e.code());
		EXPECT_EQ(0U, std::string(e.what()).find("halving 1: "));
	}
}
