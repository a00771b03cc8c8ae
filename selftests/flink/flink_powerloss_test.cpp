// SPDX-License-Identifier: GPL-2.0-only
/*
 * PROCFD_LINK_DURABLE and power cuts.
 *
 * The disk is a server of our own, behind nbd, which writes down what it is
 * told in the order in which it answered. From this, the disk as it would have
 * been found after a power cut at any moment can be made: all that was flushed
 * or written through is there, and of the rest each sector may be or not. The
 * filesystem on that is mounted, which replays its log, looked into, and
 * checked by its own checker.
 *
 * It also is a disk that fails to write, when told to.
 *
 * procfd.cuts=N on the kernel's command line: how many cuts, 5 if not given.
 * procfd.seed=N: which.
 */
#include <array>
#include <atomic>
#include <deque>
#include <mutex>
#include <optional>
#include <random>
#include <thread>
#include <unordered_map>
#include <variant>

#include <endian.h>
#include <linux/nbd.h>

#include "flink_common.h"

namespace {

constexpr std::size_t sector_size = 512;

/* What the disk was told, and what we knew at that moment. */
struct written {
	std::uint64_t from;
	std::string data;
	bool through;
};
struct flushed {};
/* The version was begun; it may be found from now on. */
struct begun {
	int version;
};
/* flink has returned: nothing older may be found from now on. */
struct reported {
	int version;
};
/* flink has returned: the version is found under a name of its own. */
struct named {
	int version;
};
using event = std::variant<written, flushed, begun, reported, named>;

/* A disk of a certain size, in memory, as far as anything was written. */
class content {
public:
	void write(std::uint64_t from, const std::string &data)
	{
		for (std::size_t at = 0; at < data.size(); at += sector_size)
			memcpy(sectors_[from / sector_size + at / sector_size]
				       .data(),
			       data.data() + at, sector_size);
	}
	std::string read(std::uint64_t from, std::size_t size) const
	{
		std::string data(size, '\0');

		for (std::size_t at = 0; at < size; at += sector_size) {
			const auto it = sectors_.find(from / sector_size +
						      at / sector_size);

			if (it != sectors_.end())
				memcpy(data.data() + at, it->second.data(),
				       sector_size);
		}
		return data;
	}

private:
	std::unordered_map<std::uint64_t, std::array<char, sector_size>>
		sectors_;
};

/* The disk as a block device, while the object lives. */
class device {
public:
	device(content start, std::uint64_t size) : content_(std::move(start))
	{
		int sockets[2];

		modprobe("nbd");
		must(eventually([] { return !access(path, R_OK); }) ? 0 :
								      -ENODEV);
		must(or_errno(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0,
					 sockets)));
		theirs_.reset(sockets[0]);
		ours_.reset(sockets[1]);
		nbd_.reset(must(
			or_errno(open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK))));
		must(or_errno(ioctl(nbd_, NBD_SET_BLKSIZE, sector_size)));
		must(or_errno(
			ioctl(nbd_, NBD_SET_SIZE_BLOCKS, size / sector_size)));
		must(or_errno(ioctl(nbd_, NBD_SET_FLAGS,
				    NBD_FLAG_HAS_FLAGS | NBD_FLAG_SEND_FLUSH |
					    NBD_FLAG_SEND_FUA)));
		must(or_errno(ioctl(nbd_, NBD_SET_SOCK, int(theirs_))));
		server_ = std::thread([this] { serve(); });
		kernel_ = std::thread([this] { ioctl(nbd_, NBD_DO_IT); });
		/* Connected once the size is known. */
		must(eventually([] {
			return slurp("/sys/block/nbd0/size") != "0\n" &&
			       !access("/sys/block/nbd0/pid", R_OK);
		}) ?
			     0 :
			     -ETIMEDOUT);
	}
	device(device &&) = delete;
	~device()
	{
		ioctl(nbd_, NBD_DISCONNECT);
		kernel_.join();
		server_.join();
		ioctl(nbd_, NBD_CLEAR_SOCK);
		nbd_.reset();
		must(eventually([] {
			return access("/sys/block/nbd0/pid", R_OK) != 0;
		}) ?
			     0 :
			     -ETIMEDOUT);
	}

	/* From now on everything is written down, after what is there. */
	void start_log()
	{
		const std::lock_guard lock(mutex_);

		start_ = content_;
		log_.emplace();
	}
	void note(event e)
	{
		const std::lock_guard lock(mutex_);

		log_->push_back(std::move(e));
	}
	std::deque<event> take_log() { return std::move(*log_); }
	const content &at_start() const { return start_; }

	/* Writes that come now are not done. */
	std::atomic<bool> failing{false};

	static constexpr const char *path = "/dev/nbd0";

private:
	bool receive(void *to, std::size_t size)
	{
		char *at = static_cast<char *>(to);

		while (size) {
			const ssize_t n = recv(ours_, at, size, 0);

			if (n <= 0)
				return false;
			at += n;
			size -= std::size_t(n);
		}
		return true;
	}
	void send_all(const void *from, std::size_t size)
	{
		const char *at = static_cast<const char *>(from);

		while (size) {
			const ssize_t n = send(ours_, at, size, MSG_NOSIGNAL);

			if (n <= 0)
				return;
			at += n;
			size -= std::size_t(n);
		}
	}

	void write(std::uint64_t from, std::string data, bool through)
	{
		const std::lock_guard lock(mutex_);

		content_.write(from, data);
		if (log_)
			log_->push_back(
				written{from, std::move(data), through});
	}

	void serve()
	{
		nbd_request request;

		while (receive(&request, sizeof(request))) {
			const std::uint32_t type = be32toh(request.type);
			const std::uint64_t from = be64toh(request.from);
			const std::uint32_t size = be32toh(request.len);
			std::string data;
			nbd_reply reply{};

			if ((type & 0xffff) == NBD_CMD_DISC)
				break;
			if ((type & 0xffff) == NBD_CMD_WRITE) {
				data.resize(size);
				if (!receive(data.data(), size))
					break;
				if (failing)
					reply.error = htobe32(EIO);
				else
					write(from, std::move(data),
					      type & NBD_CMD_FLAG_FUA);
				data.clear();
			} else if ((type & 0xffff) == NBD_CMD_READ) {
				const std::lock_guard lock(mutex_);
				data = content_.read(from, size);
			} else if ((type & 0xffff) == NBD_CMD_FLUSH) {
				const std::lock_guard lock(mutex_);
				if (log_)
					log_->push_back(flushed{});
			}
			reply.magic = htobe32(NBD_REPLY_MAGIC);
			memcpy(&reply.handle, &request.handle,
			       sizeof(reply.handle));
			send_all(&reply, sizeof(reply));
			send_all(data.data(), data.size());
		}
		/* The kernel waits for this end before it lets go. */
		shutdown(ours_, SHUT_RDWR);
	}

	content content_, start_;
	unique_fd theirs_, ours_, nbd_;
	std::mutex mutex_; /* protects contents and log */
	std::optional<std::deque<event>> log_;
	std::thread server_, kernel_;
};

/* What a power cut before event @end leaves of the disk. */
content cut(const content &start, const std::deque<event> &log, std::size_t end,
	    std::mt19937 &random, std::optional<unsigned int> lost = {})
{
	content disk = start;
	std::size_t safe = 0;
	/* Some lose nearly all that was not flushed, some nearly nothing. */
	const unsigned int loss = lost ? *lost : random() % 101;

	for (std::size_t i = 0; i < end; i++)
		if (std::holds_alternative<flushed>(log[i]))
			safe = i;
	for (std::size_t i = 0; i < end; i++) {
		const auto *w = std::get_if<written>(&log[i]);

		if (!w)
			continue;
		if (i < safe || w->through) {
			disk.write(w->from, w->data);
			continue;
		}
		/* In order: of two writes of a sector the later one counts. */
		for (std::size_t at = 0; at < w->data.size(); at += sector_size)
			if (random() % 100 >= loss)
				disk.write(w->from + at,
					   w->data.substr(at, sector_size));
	}
	return disk;
}

std::string version(int n)
{
	const int size = n * 104729 % 40000;

	return std::to_string(n) + " " + std::to_string(size) + "\n" +
	       std::string(std::size_t(size), char('a' + n % 26));
}

/* Which version this is, whole; or -1. */
int version_of(const std::string &text)
{
	int n;

	return sscanf(text.c_str(), "%d", &n) == 1 && text == version(n) ? n :
									   -1;
}

int parameter(const std::string &name, int otherwise)
{
	const std::string line = slurp("/proc/cmdline");
	const std::size_t at = line.find(name + "=");

	return at == std::string::npos ?
		       otherwise :
		       atoi(line.c_str() + at + name.size() + 1);
}

struct filesystem {
	const char *type;
	const char *make;
	const char *check;
	std::uint64_t size;
	bool unlinked;
};

const filesystem filesystems[] = {
	{"ext4", "mkfs.ext4 -q -F", "e2fsck -fn", 64ULL << 20, true},
	{"xfs", "mkfs.xfs -q -f", "xfs_repair -n", 320ULL << 20, true},
	{"btrfs", "mkfs.btrfs -q -f", "btrfs check", 160ULL << 20, false},
};

class flink_powerloss : public testing::TestWithParam<filesystem> {
protected:
	void SetUp() override { NEEDS_FILESYSTEM(GetParam().type); }

	/* A version gets a name that was free, which it keeps. */
	static void name(device &disk, int dir, int n)
	{
		const bool has_name = n / 4 % 2;
		unique_fd fd = has_name ? make_file(dir, "source", version(n)) :
			       GetParam().unlinked && n / 4 % 4 ?
					  make_unlinked(dir, version(n)) :
					  make_tmpfile(dir, version(n));
		const int ret =
			flink(fd, dir, ("n" + std::to_string(n)).c_str(),
			      PROCFD_LINK_DURABLE);

		EXPECT_OK(ret);
		if (!ret)
			disk.note(named{n});
		if (has_name)
			must(or_errno(unlinkat(dir, "source", 0)));
	}

	/* Durable framings, beside one who keeps the log busy. */
	static void work(device &disk, int dir)
	{
		std::atomic<bool> done{false};
		std::thread other([&] {
			while (!done) {
				unique_fd fd(must(or_errno(openat(
					dir, "other",
					O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC,
					0644))));

				must(int(write_to(fd, "other")));
				fsync(fd);
				fsync(dir);
			}
		});

		for (int n = 1; n <= 40; n++) {
			if (n % 4 == 0) {
				name(disk, dir, n);
				continue;
			}
			disk.note(begun{n});
			unique_fd fd = GetParam().unlinked && n % 2 ?
					       make_unlinked(dir, version(n)) :
					       make_tmpfile(dir, version(n));
			const int ret = flink(fd, dir, "a",
					      PROCFD_LINK_REPLACE |
						      PROCFD_LINK_DURABLE);

			EXPECT_OK(ret);
			if (!ret)
				disk.note(reported{n});
		}
		done = true;
		other.join();
	}

	static void look_for(int dir, const named &version)
	{
		const std::string name = "n" + std::to_string(version.version);

		EXPECT_TRUE(exists(dir, name.c_str())) << name;
		if (exists(dir, name.c_str())) {
			EXPECT_EQ(version.version,
				  version_of(content_of(dir, name.c_str())))
				<< name;
		}
	}

	/* How many hidden names there are. */
	static int look(int dir, int oldest, int newest)
	{
		const std::vector<std::string> names = list(dir);
		int hidden = 0, found;

		EXPECT_TRUE(exists(dir, "a")) << "neither the old nor the new";
		found = exists(dir, "a") ? version_of(content_of(dir, "a")) :
					   -1;
		EXPECT_LE(oldest, found);
		EXPECT_GE(newest, found);
		for (const std::string &name : names)
			hidden += name.starts_with(".flink");
		EXPECT_LE(hidden, 1);
		return hidden;
	}
};

INSTANTIATE_TEST_SUITE_P(, flink_powerloss, testing::ValuesIn(filesystems),
			 [](const auto &info) { return info.param.type; });

TEST_P(flink_powerloss, leaves_the_old_version_or_the_new_one)
{
	const filesystem &fs = GetParam();
	const int cuts = parameter("procfd.cuts", 5);
	const unsigned int seed = unsigned(parameter("procfd.seed", 1));
	std::mt19937 random(seed);
	std::deque<event> log;
	std::vector<std::size_t> promises;
	content start;
	int hidden = 0;

	{
		device disk(content(), fs.size);

		ASSERT_OK(run(fs.make + (" " + std::string(disk.path))));
		mounted m(fs.type, disk.path);
		ASSERT_OK(m.error);
		make_file(m.dir, "a", version(0));
		ASSERT_OK(or_errno(syncfs(m.dir)));
		disk.start_log();
		work(disk, m.dir);
		start = disk.at_start();
		ASSERT_OK(m.unmount());
		log = disk.take_log();
	}
	for (std::size_t i = 0; i < log.size(); i++)
		if (std::holds_alternative<named>(log[i]))
			promises.push_back(i);
	for (int i = 0; i < cuts && !HasFailure(); i++) {
		/* What comes later may well flush what was forgotten. */
		const std::size_t end =
			i % 2 ? promises[random() % promises.size()] + 1 :
				random() % (log.size() + 1);
		int oldest = 0, newest = 0;

		for (std::size_t j = 0; j < end; j++) {
			if (const auto *r = std::get_if<reported>(&log[j]))
				oldest = r->version;
			if (const auto *b = std::get_if<begun>(&log[j]))
				newest = b->version;
		}
		SCOPED_TRACE("seed " + std::to_string(seed) + ", cut " +
			     std::to_string(i) + " before event " +
			     std::to_string(end) + " of " +
			     std::to_string(log.size()));
		device disk(cut(start, log, end, random), fs.size);
		{
			mounted m(fs.type, disk.path);
			ASSERT_OK(m.error);
			hidden += look(m.dir, oldest, newest);
			for (std::size_t j = 0; j < end; j++)
				if (const auto *v = std::get_if<named>(&log[j]))
					look_for(m.dir, *v);
		}
		EXPECT_EQ(0, run(fs.check + (" " + std::string(disk.path))));
	}
	printf("# %s: %d cuts in %zu events, seed %u: %d hidden names left\n",
	       fs.type, cuts, log.size(), seed, hidden);
}

/*
 * All in which DURABLE may return 0, each with what makes the least of it: the cut
 * comes when the call has returned, and nothing is left but what was flushed.
 */
struct mode {
	const char *name;
	const char *type;
	const char *make;
	const char *options;
	const char *check; /* before the mount; what it mends is no error */
	std::uint64_t size;
	bool unlinked; /* such a file can be linked */
	bool overlay; /* on top of it, with directories that are below */
};

#define EXT(type, flags) "mkfs.ext4 -q -F -t " type " " flags

constexpr const char *no_commit = "commit=3600";
constexpr std::uint64_t small = 64ULL << 20;

const mode modes[] = {
	{"ext4", "ext4", EXT("ext4", ""), no_commit, "", small, true, false},
	{"ext4_data_journal", "ext4", EXT("ext4", ""),
	 "commit=3600,data=journal", "", small, true, false},
	{"ext4_data_writeback", "ext4", EXT("ext4", ""),
	 "commit=3600,data=writeback", "", small, true, false},
	{"ext4_without_journal", "ext4", EXT("ext4", "-O ^has_journal"),
	 "noinit_itable", "e2fsck -fy", small, true, false},
	{"ext3", "ext3", EXT("ext3", ""), no_commit, "", small, false, false},
	{"ext2", "ext2", EXT("ext2", ""), "noinit_itable", "e2fsck -fy", small,
	 false, false},
	{"xfs", "xfs", "mkfs.xfs -q -f", "", "", 320ULL << 20, true, false},
	{"btrfs", "btrfs", "mkfs.btrfs -q -f", no_commit, "", 160ULL << 20,
	 false, false},
	{"overlay_ext4", "ext4", EXT("ext4", ""), no_commit, "", small, false,
	 true},
	{"overlay_ext4_without_journal", "ext4", EXT("ext4", "-O ^has_journal"),
	 "noinit_itable", "e2fsck -fy", small, false, true},
	{"overlay_xfs", "xfs", "mkfs.xfs -q -f", "", "", 320ULL << 20, false,
	 true},
	{"overlay_btrfs", "btrfs", "mkfs.btrfs -q -f", no_commit, "",
	 160ULL << 20, false, true},
};

/* The filesystem and what is above it; the call is made in @dir. */
class stack {
public:
	stack(const mode &m, const char *disk)
		: base_(m.type, disk, m.options, MS_NOATIME)
	{
		must(base_.error);
		if (!m.overlay) {
			make_missing(base_.dir, "d");
			dir = mounted::open_dir(base_.path + "/d");
			return;
		}
		for (const char *name : {"lower", "upper", "work"})
			make_missing(base_.dir, name);
		make_missing(base_.dir, "lower/d");
		over_.emplace("overlay", "overlay",
			      ("lowerdir=" + base_.path +
			       "/lower,upperdir=" + base_.path +
			       "/upper,workdir=" + base_.path + "/work")
				      .c_str());
		must(over_->error);
		dir = mounted::open_dir(over_->path + "/d");
	}

	int whole() const { return base_.dir; }

private:
	static void make_missing(int at, const char *name)
	{
		if (mkdirat(at, name, 0755) && errno != EEXIST)
			must(-errno);
	}

	mounted base_;
	std::optional<mounted> over_;

public:
	unique_fd dir; /* closed before the mounts go */
};

using durable_case = std::tuple<mode, std::string>;

class flink_durable : public testing::TestWithParam<durable_case> {
protected:
	void SetUp() override
	{
		NEEDS_FILESYSTEM(std::get<0>(GetParam()).type);
		if (std::get<0>(GetParam()).overlay)
			NEEDS_FILESYSTEM("overlay");
	}

	/* As the parameter says; nothing where there is no such file. */
	static unique_fd make_source(int dir, const std::string &text)
	{
		const std::string &kind = std::get<1>(GetParam());

		if (kind == "named")
			return make_file(dir, "source", text);
		if (kind == "unlinked")
			return make_unlinked(dir, text);
		unique_fd fd(
			openat(dir, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0644));

		if (fd >= 0)
			must(int(write_to(fd, text)));
		return fd;
	}
};

INSTANTIATE_TEST_SUITE_P(
	, flink_durable,
	testing::Combine(testing::ValuesIn(modes),
			 testing::Values("tmpfile", "unlinked", "named")),
	[](const auto &info) {
		return std::string(std::get<0>(info.param).name) + "_" +
		       std::get<1>(info.param);
	});

TEST_P(flink_durable, is_there_when_it_has_returned)
{
	const auto &[m, kind] = GetParam();
	std::deque<event> log;
	content start;
	bool made = false;

	{
		device disk(content(), m.size);

		ASSERT_OK(run(m.make + (" " + std::string(disk.path))));
		{
			stack s(m, disk.path);

			/* Below, as all that an image brings. */
			if (!m.overlay)
				make_file(s.dir, "a", "old");
			else
				make_file(s.whole(), "lower/d/a", "old");
		}
		stack s(m, disk.path);

		ASSERT_OK(or_errno(syncfs(s.whole())));
		disk.start_log();
		unique_fd one = make_source(s.dir, version(1));
		if (one >= 0) {
			if (kind == "named")
				must(or_errno(renameat(s.dir, "source", s.dir,
						       "source 1")));
			unique_fd two = make_source(s.dir, version(2));
			const int wanted = kind == "unlinked" && !m.unlinked ?
						   -EOPNOTSUPP :
						   0;

			ASSERT_ERROR(-wanted, flink(one, s.dir, "n",
						    PROCFD_LINK_DURABLE));
			ASSERT_ERROR(-wanted,
				     flink(two, s.dir, "a",
					   PROCFD_LINK_REPLACE |
						   PROCFD_LINK_DURABLE));
			made = !wanted;
		}
		start = disk.at_start();
		log = disk.take_log();
	}
	/* Refused, which promises nothing; or overlayfs without O_TMPFILE. */
	if (!made)
		return;
	std::mt19937 random;
	device disk(cut(start, log, log.size(), random, 100), m.size);

	if (*m.check) {
		const int status =
			run(m.check + (" " + std::string(disk.path)));

		EXPECT_TRUE(WIFEXITED(status));
		EXPECT_GE(1, WEXITSTATUS(status)) << "it could not be mended";
	}
	stack s(m, disk.path);

	for (const auto &[name, n] : {std::pair("n", 1), std::pair("a", 2)}) {
		ASSERT_TRUE(exists(s.dir, name)) << name;
		EXPECT_EQ(n, version_of(content_of(s.dir, name))) << name;
	}
}

/* Nothing is written but what the test asks for: no commit by the clock. */
class flink_failing_disk : public testing::Test {
protected:
	static constexpr const char *options = "noinit_itable,commit=3600";

	void SetUp() override
	{
		ASSERT_OK(run("mkfs.ext4 -q -F " + std::string(device::path)));
	}

	mounted mount() const
	{
		return mounted("ext4", device::path, options, MS_NOATIME);
	}

	device disk{content(), 64ULL << 20};
};

TEST_F(flink_failing_disk, keeps_the_old_file_where_the_content_is_not_written)
{
	mounted m = mount();

	ASSERT_OK(m.error);
	make_file(m.dir, "a", "old");
	ASSERT_OK(or_errno(syncfs(m.dir)));

	unique_fd fd = make_tmpfile(m.dir, "new");
	const std::vector<std::string> before = list(m.dir);

	disk.failing = true;
	EXPECT_ERROR(EIO, flink(fd, m.dir, "a",
				PROCFD_LINK_REPLACE | PROCFD_LINK_DURABLE));
	EXPECT_EQ("old", content_of(m.dir, "a"));
	EXPECT_EQ(before, list(m.dir));
	disk.failing = false;
}

TEST_F(flink_failing_disk, tells_that_the_new_name_is_not_written)
{
	mounted m = mount();

	ASSERT_OK(m.error);
	make_file(m.dir, "a", "old");

	unique_fd fd = make_tmpfile(m.dir, "new");

	ASSERT_OK(or_errno(syncfs(m.dir)));
	disk.failing = true;
	EXPECT_ERROR(EIO, flink(fd, m.dir, "a",
				PROCFD_LINK_REPLACE | PROCFD_LINK_DURABLE));
	EXPECT_EQ("new", content_of(m.dir, "a"));
	fd.reset();
	EXPECT_OK(m.unmount());
	disk.failing = false;

	mounted again = mount();

	ASSERT_OK(again.error);
	EXPECT_EQ("old", content_of(again.dir, "a"));
}

} // namespace
