// SPDX-License-Identifier: GPL-2.0-only
/*
 * A FUSE server that changes names behind the kernel's back. linkat(2) and
 * rename(2) ask it what a name is, however well the kernel remembers; and it may
 * say of a new link that it is another file.
 */
#include <map>
#include <mutex>
#include <optional>
#include <thread>
#include <tuple>

#include <linux/fuse.h>

#include "flink_common.h"

namespace {

/* The files that there are, by the numbers that the server has for them. */
enum node : std::uint64_t { nothing = 0, top = FUSE_ROOT_ID, source, other };

using entries = std::map<std::string, node>;

/* No answer gets old while a test runs. */
constexpr std::uint64_t valid_s = 3600;

/*
 * One directory of regular files. Of opening, reading and the like it knows
 * nothing (ENOSYS), and the kernel goes on without.
 */
class fuse_server {
public:
	fuse_server()
	{
		unique_fd device(must(or_errno(
			open("/dev/fuse", O_RDWR | O_CLOEXEC | O_NONBLOCK))));
		const std::string options =
			"fd=" + std::to_string(device) +
			",rootmode=40000,user_id=0,group_id=0";

		thread_ = std::jthread([this](unique_fd fd) { serve(fd); },
				       std::move(device));
		fs_.emplace("fuse", "flink", options.c_str());
		must(fs_->error);
	}

	int dir() const { return fs_->dir; }

	entries names()
	{
		const std::lock_guard guard(lock_);

		return names_;
	}

	/* From now on, and the kernel is not told. */
	void set(const std::string &name, node what)
	{
		const std::lock_guard guard(lock_);

		if (what == nothing)
			names_.erase(name);
		else
			names_[name] = what;
	}

	/* Every new link turns out to be this file. */
	void link_as(node what)
	{
		const std::lock_guard guard(lock_);

		link_as_ = what;
	}

private:
	/*
	 * Until the unmount. If nothing is asked for so long that something is
	 * wrong, the device goes, and whoever waits for an answer gets an error.
	 */
	void serve(int device)
	{
		/* Before the mount there is nothing to be waited for. */
		if (!eventually([&] {
			    return poll_for(device, POLLIN, 0) != POLLERR;
		    }))
			return;
		while (poll_for(device, POLLIN, patience_ms()) == POLLIN) {
			alignas(fuse_in_header) char
				request[FUSE_MIN_READ_BUFFER];
			fuse_in_header in;

			/* It may have been given up since. */
			if (read(device, request, sizeof(request)) < 0)
				continue;
			memcpy(&in, request, sizeof(in));
			if (in.opcode == FUSE_FORGET ||
			    in.opcode == FUSE_BATCH_FORGET)
				continue; /* nobody waits */

			std::string data;
			fuse_out_header out{};

			out.error = answer(in, request + sizeof(in), &data);
			out.len = std::uint32_t(sizeof(out) + data.size());
			out.unique = in.unique;
			write_to(device, bytes(out) + data);
		}
	}

	/* 0 or -errno, as the protocol has it, too. */
	int answer(const fuse_in_header &in, const char *arg, std::string *data)
	{
		const std::lock_guard guard(lock_);

		switch (in.opcode) {
		case FUSE_INIT: {
			fuse_init_out out{};

			out.major = FUSE_KERNEL_VERSION;
			out.minor = FUSE_KERNEL_MINOR_VERSION;
			out.max_write = 4096;
			*data = bytes(out);
			return 0;
		}
		case FUSE_GETATTR: {
			fuse_attr_out out{};

			out.attr_valid = valid_s;
			out.attr = attributes(node(in.nodeid));
			*data = bytes(out);
			return 0;
		}
		case FUSE_LOOKUP:
			*data = entry(arg);
			return 0;
		case FUSE_LINK: {
			const std::string name = arg + sizeof(fuse_link_in);
			fuse_link_in link;

			memcpy(&link, arg, sizeof(link));
			if (names_.count(name))
				return -EEXIST;
			names_[name] = link_as_ != nothing ?
					       link_as_ :
					       node(link.oldnodeid);
			*data = entry(name);
			return 0;
		}
		case FUSE_RENAME: {
			const std::string from = arg + sizeof(fuse_rename_in);
			const std::string to =
				arg + sizeof(fuse_rename_in) + from.size() + 1;

			if (!names_.count(from))
				return -ENOENT;
			/* Two names of one file stay, as with rename(2). */
			if (names_.count(to) && names_[to] == names_[from])
				return 0;
			names_[to] = names_[from];
			names_.erase(from);
			return 0;
		}
		case FUSE_UNLINK:
			return names_.erase(arg) ? 0 : -ENOENT;
		default:
			return -ENOSYS;
		}
	}

	/* Of a name that is not there: nothing, to be remembered as well. */
	std::string entry(const std::string &name) const
	{
		const auto found = names_.find(name);
		fuse_entry_out out{};

		out.entry_valid = valid_s;
		out.attr_valid = valid_s;
		if (found != names_.end()) {
			out.nodeid = found->second;
			out.attr = attributes(found->second);
		}
		return bytes(out);
	}

	fuse_attr attributes(node what) const
	{
		fuse_attr attr{};

		attr.ino = what;
		attr.mode = what == top ? S_IFDIR | 0755 : S_IFREG | 0644;
		attr.nlink = what == top;
		for (const auto &[name, named] : names_)
			attr.nlink += named == what;
		return attr;
	}

	template <typename T>
	static std::string bytes(const T &t)
	{
		return std::string(reinterpret_cast<const char *>(&t),
				   sizeof(t));
	}

	std::mutex lock_;
	entries names_{{"source", source}};
	node link_as_ = nothing;
	/* Ends with the mount, which goes first. */
	std::jthread thread_;
	std::optional<mounted> fs_;
};

class flink_fuse : public testing::Test {
protected:
	flink_fuse()
	{
		if (!has_filesystem("fuse"))
			return;
		server.emplace();
		dir = server->dir();
		fd.reset(must(
			or_errno(openat(dir, "source", O_RDONLY | O_CLOEXEC))));
	}
	void SetUp() override { NEEDS_FILESYSTEM("fuse"); }

	/* As the kernel has it, which asks the server if it does not know. */
	node seen(const char *name) const
	{
		return exists(dir, name) ? node(stat_at(dir, name).st_ino) :
					   nothing;
	}

	std::optional<fuse_server> server;
	int dir = -1;
	unique_fd fd;
};

/* What the kernel remembers a name to be, and what it is by now. */
class flink_fuse_remembered
	: public flink_fuse,
	  public testing::WithParamInterface<std::tuple<node, node>> {
protected:
	void SetUp() override
	{
		const auto [before, now] = GetParam();

		NEEDS_FILESYSTEM("fuse");
		/* One name for the system call, one for flink. */
		for (const char *name : {"theirs", "ours"}) {
			server->set(name, before);
			ASSERT_EQ(before, seen(name));
			server->set(name, now);
			ASSERT_EQ(before, seen(name));
		}
	}

	static node now() { return std::get<1>(GetParam()); }

	/* The server has these, and nothing else but the source. */
	void expect(entries wanted, node named)
	{
		wanted["source"] = source;
		wanted["theirs"] = named;
		wanted["ours"] = named;
		EXPECT_EQ(wanted, server->names());
		EXPECT_EQ(named, seen("theirs"));
		EXPECT_EQ(named, seen("ours"));
	}
};

std::string name_of_node(node what)
{
	return what == nothing ? "nothing" :
	       what == source  ? "the_source" :
				 "another";
}

INSTANTIATE_TEST_SUITE_P(
	, flink_fuse_remembered,
	testing::Combine(testing::Values(nothing, source, other),
			 testing::Values(nothing, source, other)),
	[](const auto &info) {
		return name_of_node(std::get<0>(info.param)) + "_then_" +
		       name_of_node(std::get<1>(info.param));
	});

TEST_P(flink_fuse_remembered, is_linked_as_by_linkat)
{
	const int wanted = now() == nothing ? 0 : -EEXIST;

	EXPECT_EQ(name_of(wanted), name_of(linkat_fd(fd, dir, "theirs")));
	EXPECT_EQ(name_of(wanted), name_of(flink(fd, dir, "ours")));
	expect({}, now() == nothing ? source : now());
}

TEST_P(flink_fuse_remembered, is_replaced_as_by_rename)
{
	entries left;

	server->set("a second name", source);
	EXPECT_OK(or_errno(renameat(dir, "a second name", dir, "theirs")));
	EXPECT_OK(flink(fd, dir, "ours", PROCFD_LINK_REPLACE));
	if (now() == source)
		left["a second name"] = source;
	expect(left, source);
}

/*
 * To the server the target is the source by another number, and it calls the new
 * link by that, too. rename(2) of two names of one file does nothing: both stay,
 * and one would be the hidden name.
 */
TEST_F(flink_fuse, no_hidden_name_stays_that_is_one_of_the_target)
{
	const entries wanted{{"source", source}, {"target", other}};

	server->set("target", other);
	server->link_as(other);

	EXPECT_OK(linkat_fd(fd, dir, "link"));
	EXPECT_OK(or_errno(renameat(dir, "link", dir, "target")));
	EXPECT_OK(or_errno(unlinkat(dir, "link", 0)));
	EXPECT_EQ(wanted, server->names());

	EXPECT_OK(flink(fd, dir, "target", PROCFD_LINK_REPLACE));
	EXPECT_EQ(wanted, server->names());
	EXPECT_EQ(other, seen("target"));
}

} // namespace
