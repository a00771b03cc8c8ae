// SPDX-License-Identifier: MIT
#include "common.hpp"

using procfd::wait_status;

TEST(wait_status, tells_an_exit)
{
	for (int code = 0; code <= 255; code++) {
		wait_status s(code << 8);

		EXPECT_TRUE(s.exited());
		EXPECT_FALSE(s.killed());
		EXPECT_FALSE(s.dumped());
		EXPECT_EQ(code, s.exit_code());
		EXPECT_EQ(std::nullopt, s.signal());
		EXPECT_EQ(code == 0, s.success());
		EXPECT_EQ("exited " + std::to_string(code), s.str());
	}
}

TEST(wait_status, tells_a_signal)
{
	for (int signo = 1; signo <= 64; signo++) {
		wait_status s(signo);

		EXPECT_FALSE(s.exited());
		EXPECT_TRUE(s.killed());
		EXPECT_FALSE(s.dumped());
		EXPECT_FALSE(s.success());
		EXPECT_EQ(std::nullopt, s.exit_code());
		EXPECT_EQ(signo, s.signal());
		EXPECT_EQ("killed " + std::to_string(signo), s.str());
	}
}

TEST(wait_status, tells_a_core_dump)
{
	wait_status s(SIGSEGV | 0x80);

	EXPECT_TRUE(s.killed());
	EXPECT_TRUE(s.dumped());
	EXPECT_EQ(SIGSEGV, s.signal());
	EXPECT_EQ("dumped 11", s.str());
}

TEST(wait_status, agrees_with_the_macros_of_libc)
{
	for (int raw : {0, 1 << 8, 255 << 8, SIGTERM, SIGABRT | 0x80, 64}) {
		wait_status s(raw);

		EXPECT_EQ(raw, s.raw());
		EXPECT_EQ(bool(WIFEXITED(raw)), s.exited());
		EXPECT_EQ(bool(WIFSIGNALED(raw)), s.killed());
		EXPECT_EQ(WIFSIGNALED(raw) && WCOREDUMP(raw), s.dumped());
	}
}

TEST(wait_status, compares)
{
	EXPECT_EQ(wait_status(256), wait_status(256));
	EXPECT_NE(wait_status(256), wait_status(1));
}
