// SPDX-License-Identifier: MIT
#include <algorithm>

#include "../src/internal.hpp"
#include "common.hpp"

using procfd::errc;

TEST(error, a_missing_device_means_the_module_is_missing)
{
	auto dev = procfd::device::open("/dev/there-is-no-such-device");

	EXPECT_ERROR(ENOENT, dev);
	EXPECT_EQ(errc::module_missing, dev.error());
	EXPECT_NE(errc::not_mounted, dev.error());
	EXPECT_NE(std::string::npos,
		  dev.error().message().find("modprobe procfd"));
}

TEST(error, a_device_that_cannot_be_opened_for_another_reason_does_not)
{
	auto dev = procfd::device::open("/dev/null/procfd");

	EXPECT_ERROR(ENOTDIR, dev);
	EXPECT_NE(errc::module_missing, dev.error());
}

TEST(error, each_errno_of_a_missing_module_is_kept)
{
	for (int number : {ENOENT, ENXIO, ENODEV}) {
		auto code = procfd::internal::device_error(number).error();

		EXPECT_EQ(number, code.value());
		EXPECT_EQ(std::errc{number}, code);
		EXPECT_EQ(errc::module_missing, code);
	}
}

TEST(error, a_path_on_no_procfdfs_says_what_to_mount)
{
	auto code = procfd::internal::name_error(EXDEV).error();

	EXPECT_EQ(std::errc::cross_device_link, code);
	EXPECT_EQ(errc::not_mounted, code);
	EXPECT_NE(errc::module_missing, code);
	EXPECT_NE(std::string::npos,
		  code.message().find("mount -t procfdfs procfd"));
}

TEST(error, what_is_no_file_is_an_invalid_argument)
{
	auto code = procfd::internal::not_a_file().error();

	EXPECT_EQ(std::errc::invalid_argument, code);
	EXPECT_EQ(errc::not_a_file, code);
	EXPECT_NE(errc::not_mounted, code);
	EXPECT_NE(std::string::npos, code.message().find("regular file"));
}

TEST(error, wrong_child_has_no_errno)
{
	auto code = procfd::internal::wrong_child().error();

	EXPECT_EQ(errc::wrong_child, code);
	EXPECT_EQ(&procfd::error_category(), &code.category());
	EXPECT_FALSE(code.message().empty());
}

TEST(error, an_errno_of_another_origin_is_none_of_the_conditions)
{
	std::error_code code(ENOENT, std::system_category());

	EXPECT_NE(errc::module_missing, code);
	EXPECT_NE(errc::not_mounted, code);
}

TEST(error, a_condition_says_what_its_codes_say)
{
	const std::error_condition missing = errc::module_missing,
				   unmounted = errc::not_mounted,
				   wrong = errc::wrong_child,
				   other = errc::not_a_file;
	auto device = procfd::internal::device_error(ENOENT).error(),
	     name = procfd::internal::name_error(EXDEV).error(),
	     no_file = procfd::internal::not_a_file().error();

	EXPECT_EQ(0U, no_file.message().find(other.message()));
	EXPECT_EQ(0U, device.message().find(missing.message()));
	EXPECT_EQ(0U, name.message().find(unmounted.message()));
	EXPECT_EQ(procfd::internal::wrong_child().error().message(),
		  wrong.message());
	EXPECT_NE(missing.message(), unmounted.message());
	EXPECT_EQ("unknown error", procfd::error_category().message(99));
}

TEST(error, each_category_has_a_name_of_its_own)
{
	const std::string names[] = {
		procfd::error_category().name(),
		procfd::internal::device_error(ENOENT)
			.error()
			.category()
			.name(),
		procfd::internal::name_error(EXDEV).error().category().name(),
		procfd::internal::not_a_file().error().category().name()};

	for (const auto &name : names) {
		EXPECT_EQ(0U, name.find("procfd"));
		EXPECT_EQ(1,
			  std::count(std::begin(names), std::end(names), name));
	}
}
