// SPDX-License-Identifier: GPL-2.0-only
// Asio's event loop, which never heard of procfd, waits on names as on pipes:
// without a thread. event_loop_test.sh does the same with Python's.
#include <filesystem>

#include <asio.hpp>

#include "fs.h"
#include "servant.h"

namespace {

class asio_loop : public names_test {
protected:
	using stream = asio::posix::stream_descriptor;

	stream watch(const char *name)
	{
		const int fd = must(open_path(at(name), O_RDONLY | O_NONBLOCK));

		return stream(io, fd);
	}

	static std::size_t threads()
	{
		std::size_t count = 0;

		for ([[maybe_unused]] const auto &task :
		     std::filesystem::directory_iterator("/proc/self/task"))
			count++;
		return count;
	}

	asio::io_context io{1};
};

TEST_F(asio_loop,
       reads_the_record_of_the_one_that_exits_and_waits_for_the_other)
{
	servant first, second;

	ASSERT_EQ(0, link(first.fd(), "first"));
	ASSERT_EQ(0, link(second.fd(), "second"));

	stream one = watch("first"), two = watch("second");
	std::string record;
	asio::error_code how, other;
	bool other_done = false;

	asio::async_read(one, asio::dynamic_buffer(record),
			 [&how](asio::error_code e, std::size_t) { how = e; });
	two.async_wait(stream::wait_read, [&](asio::error_code e) {
		other = e;
		other_done = true;
	});
	io.poll();
	EXPECT_FALSE(how) << how.message();

	first.exit(7);
	while (!how)
		io.run_one();
	EXPECT_EQ(asio::error::eof, how);
	EXPECT_TRUE(record.starts_with("exited 7\n")) << record;
	EXPECT_FALSE(other_done);
	EXPECT_EQ(1u, threads());

	second.exit(0);
	io.run();
	EXPECT_TRUE(other_done);
	EXPECT_FALSE(other) << other.message();
}

TEST_F(asio_loop, may_stop_waiting_for_one_that_runs)
{
	servant s;

	ASSERT_EQ(0, link(s.fd(), "n"));

	stream n = watch("n");
	asio::error_code how;

	n.async_wait(stream::wait_read,
		     [&how](asio::error_code e) { how = e; });
	io.poll();
	n.cancel();
	io.run();
	EXPECT_EQ(asio::error::operation_aborted, how);
	EXPECT_LT(0, echo_to(at("n"), "0"));
}

} // namespace
