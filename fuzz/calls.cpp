// SPDX-License-Identifier: GPL-2.0-only
/*
 * The operations. Whatever they answer is right, as long as the kernel lives and
 * nothing stays; what the answers must be is the selftests' matter.
 */
#include <cstdio>
#include <cstring>
#include <string_view>

#include <dirent.h>
#include <linux/futex.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/fsuid.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/statfs.h>
#include <sys/uio.h>
#include <sys/xattr.h>

#include "../selftests/harness/common.h"
#include "calls.hpp"

namespace fuzz {
namespace {

/* In the sandbox's own tmpfs. */
constexpr const char *mount_points[] = {"/tmp/p", "/tmp/q"};
constexpr const char *names[] = {
	"/tmp/p/a", "/tmp/p/b",	  "/tmp/p/d",	"/tmp/p/d/a",
	"/tmp/t/a", "/tmp/t/b",	  "/tmp/q/a",	"/tmp/p",
	"/tmp/t",   "/tmp/p/d/b", "/tmp/t/sym", "/tmp/p/..",
};
/* Of FLINK. */
constexpr const char *components[] = {"a", "b", "d", ".", "..", "", "a/b", "c"};
constexpr const char *texts[] = {
	"0\n",	     "TERM\n",	   "SIGCONT",  "stop cont\n", "15",
	"usr1 usr2", "rtmin+3",	   "RTMAX-30", "kill",	      "65",
	"\n",	     " ",	   "x",	       "SIGSIG",      "0 0 0 0",
	"WINCH 28",  "hup\t\vint", "rtmin-1",  "sigrtmax",    "CHLD",
};
constexpr const char *options[] = {
	"",
	"max=1",
	"max=0",
	"mode=0777",
	"uid=1000",
	"gid=1000",
	"mode=01777",
	"max=3,uid=0",
	"max=4294967295",
	"mode=8",
	"uid=-1",
	"foo",
	"max",
	"mode=077777",
	"ro",
	"uid=1000,gid=1000,mode=700,max=5",
};

/* From a byte: mostly what makes sense, at times what does not. */
std::uint32_t flags_of(std::uint8_t byte)
{
	return byte < 0xf0 ? byte & 15u : 1u << (byte & 15) << 8;
}

/* The number of an ioctl with a size that is right, too small or too large. */
unsigned long sized(unsigned long cmd, std::uint8_t byte)
{
	const unsigned long size = _IOC_SIZE(cmd);
	unsigned long other = size;

	switch (byte & 7) {
	case 1:
		other = size - 1;
		break;
	case 2:
		other = size + 8;
		break;
	case 3:
		other = 0;
		break;
	case 4:
		other = _IOC_SIZEMASK;
		break;
	}
	return (cmd & ~(unsigned long)IOCSIZE_MASK) | other << _IOC_SIZESHIFT;
}

/* Where an argument lies, followed by zeros, or by what is not zero. */
void *argument(const void *from, std::size_t size, std::uint8_t byte)
{
	/* As large as a struct can be; and one for each thread. */
	static thread_local char room[1 << _IOC_SIZEBITS];

	memset(room, byte & 0x20 ? 1 : 0, sizeof(room));
	memcpy(room, from, size);
	return byte & 0x40 ? bad_address() : room;
}

class caller {
public:
	caller(world &w, std::span<const call> calls, std::size_t at)
		: w_(w), calls_(calls), at_(at), c_(calls[at])
	{
	}
	std::size_t go();

private:
	using operation = long (caller::*)();
	struct entry {
		const char *name;
		operation run;
	};
	static const entry operations[];

	int slot(std::uint8_t byte) const { return w_.slots[byte % n_slots]; }
	long put(long fd, std::uint8_t byte)
	{
		if (fd >= 0) {
			int old = w_.slots[byte % n_slots].exchange(int(fd));

			if (old >= 0)
				close(old);
		}
		return fd;
	}
	template <typename T, std::size_t n>
	static T pick(T const (&from)[n], std::uint8_t byte)
	{
		return from[byte % n];
	}
	const char *path(std::uint8_t byte) const { return pick(names, byte); }

	/* The device and its descriptors. */
	long announce_fork();
	long cancel_fork();
	long open_pid();
	long query();
	long info();
	long kill_on_close();
	long flink_name();
	long odd_ioctl();
	long signal_scope();
	long members();
	long write_signal();
	long write_bytes();
	long read_some();
	long pread_some();
	long readv_some();
	long pwrite_some();
	long poll_slot();
	long epoll_slot();
	long seek();
	long fdinfo();
	long splice_slots();
	long map();
	long sync_slot();
	long set_flags();

	/* Descriptors in general. */
	long close_slot();
	long dup_slot();
	long reopen();
	long open_device();
	long send_slot();
	long receive();
	long new_sockets();
	long take_pidfd();

	/* Names. */
	long open_name();
	long open_tmpfile();
	long unlink_name();
	long rename_name();
	long link_name();
	long make_dir();
	long remove_dir();
	long change_mode();
	long change_owner();
	long change_times();
	long look();
	long list();
	long watch();
	long lease();
	long attribute();
	long truncate_slot();
	long change_dir();

	/* Mounts. */
	long mount_names();
	long unmount();
	long remount();
	long configure();
	long bind();

	/* Processes. */
	long fork_child();
	long vfork_child();
	long start_thread();
	long release();
	long kill_child();
	long reap();
	long become_user();
	long unshare_thread();
	long limit();
	long subreaper();
	[[noreturn]] void live(std::uint8_t how, std::uint8_t code);

	world &w_;
	std::span<const call> calls_;
	std::size_t at_;
	const call c_;
	std::size_t by_ = 1;
};

long caller::announce_fork()
{
	procfd_fork args{};

	args.flags = flags_of(c_.x);
	args.reserved = c_.y & 0x80 ? 1 : 0;
	return put(ioc(slot(0), sized(PROCFD_IOC_FORK, c_.y),
		       argument(&args, sizeof(args), c_.y)),
		   c_.z);
}

long caller::cancel_fork()
{
	return ioc(slot(0), PROCFD_IOC_CANCEL,
		   c_.x < 0xf0 ? nullptr : bad_address());
}

long caller::open_pid()
{
	procfd_open args{};

	args.pid = c_.x < 0xf0 ? c_.x % 16 : -int(c_.x & 15);
	args.flags = c_.y & 0x80 ? 1u << (c_.y & 15) : c_.y >> 3 & 1u;
	return put(ioc(slot(0), sized(PROCFD_IOC_OPEN, c_.y),
		       argument(&args, sizeof(args), c_.y)),
		   c_.z);
}

long caller::query()
{
	procfd_query args{};

	return ioc(slot(0), sized(PROCFD_IOC_QUERY, c_.x),
		   argument(&args, sizeof(args), c_.x));
}

long caller::info()
{
	procfd_info args{};

	args.mask = c_.y & 0x80 ? ~0ULL : c_.y >> 3 & 7u;
	args.flags = c_.z & 1 ? PROCFD_INFO_WAIT : 0;
	switch (c_.z >> 1 & 7) {
	case 1:
		args.deadline_ns = 1;
		break;
	case 2:
		args.deadline_ns = now_ns(CLOCK_MONOTONIC) + 1000000;
		break;
	case 3:
		args.deadline_ns = PROCFD_DEADLINE_NONE;
		break;
	case 4:
		args.deadline_ns = PROCFD_DEADLINE_NONE - 1;
		break;
	case 5:
		args.deadline_ns = 1ULL << 63;
		break;
	}
	if (c_.z >= 0xf0)
		args.flags |= 1u << (c_.z & 15);
	args.reserved = c_.z >> 4 == 8;
	return ioc(slot(c_.x), sized(PROCFD_IOC_INFO, c_.y),
		   argument(&args, sizeof(args), c_.y));
}

long caller::kill_on_close()
{
	std::uint32_t on = c_.y < 0xc0 ? c_.y & 1u : c_.y;

	return ioc(slot(c_.x), PROCFD_IOC_SET_KILL_ON_CLOSE,
		   argument(&on, sizeof(on), c_.z));
}

long caller::flink_name()
{
	procfd_flink args{};

	args.fd = slot(c_.x);
	args.dirfd = c_.y & 0x10 ? AT_FDCWD : slot(c_.y);
	args.name = std::uint64_t(std::uintptr_t(
		c_.x >= 0xf0 ? bad_address() : pick(components, c_.z >> 3)));
	args.flags = c_.z & 7u;
	if (c_.x >= 0xe0 && c_.x < 0xf0)
		args.flags |= 8u << (c_.x & 15);
	args.reserved = c_.z >> 6 == 3;
	return ioc(slot(0), sized(PROCFD_IOC_FLINK, c_.y >> 5),
		   argument(&args, sizeof(args), c_.y == 0xff ? 0x40 : 0));
}

long caller::odd_ioctl()
{
	std::uint64_t args[32] = {};

	return ioc(slot(c_.x),
		   _IOC(c_.z & 3u, PROCFD_IOC_MAGIC, c_.y, c_.z & 0xfcu), args);
}

/* By ioctl, to any scope; also what is no signal, or no scope. */
long caller::signal_scope()
{
	procfd_signal args{};

	args.signal = c_.y & 0x7fu;
	args.scope = c_.z & 7u;
	args.flags = c_.z >> 3 == 0x1d;
	return ioc(slot(c_.x), sized(PROCFD_IOC_SIGNAL, c_.y >> 7),
		   argument(&args, sizeof(args), c_.z));
}

long caller::members()
{
	procfd_member some[4];
	procfd_members args{};

	args.members = std::uint64_t(std::uintptr_t(
		c_.y & 0x80 ? bad_address() : static_cast<void *>(some)));
	args.count = c_.y & 3u;
	args.reserved = c_.y >> 2 & 31u ? 0 : 1;
	return ioc(slot(c_.x), sized(PROCFD_IOC_MEMBERS, c_.z),
		   argument(&args, sizeof(args), c_.z));
}

long caller::write_signal()
{
	if (c_.z >= 0xf0)
		return members();
	if (c_.z >= 0xc0)
		return signal_scope();

	const std::string_view text = pick(texts, c_.y);

	return or_errno(write(slot(c_.x), text.data(), text.size()));
}

/* Bytes of the calls that follow are what is written. */
long caller::write_bytes()
{
	const std::size_t left = (calls_.size() - at_ - 1) * call_size;
	const std::size_t size = c_.y < left ? c_.y : left;
	static constexpr char many[5000] = {};

	by_ += (size + call_size - 1) / call_size;
	if (c_.z >= 0xf0)
		return or_errno(write(slot(c_.x), many, 4090 + c_.z % 16));
	return or_errno(write(slot(c_.x), &calls_.data()[at_ + 1], size));
}

long caller::read_some()
{
	char room[600];
	const std::size_t size = c_.y < 0xf0 ? c_.y : sizeof(room);

	return or_errno(
		read(slot(c_.x), c_.z < 0xf0 ? room : bad_address(), size));
}

long caller::pread_some()
{
	char room[600];

	return or_errno(pread(slot(c_.x), room, c_.y,
			      c_.z < 0xf0 ? c_.z : off_t(1) << 62));
}

long caller::readv_some()
{
	char room[64];
	iovec parts[] = {{room, c_.y & 15u}, {room + 16, c_.y >> 4 & 15u}};

	return or_errno(preadv2(slot(c_.x), parts, 2, c_.z & 1 ? -1 : 0,
				c_.z & 2 ? RWF_NOWAIT : 0));
}

long caller::pwrite_some()
{
	return or_errno(pwrite(slot(c_.x), "0", 1, c_.y));
}

long caller::poll_slot()
{
	pollfd p{slot(c_.x), short(c_.y | c_.z << 8), 0};

	return or_errno(poll(&p, 1, 0));
}

/* With something that waits, and an end of it while it does. */
long caller::epoll_slot()
{
	const int ep = epoll_create1(EPOLL_CLOEXEC);
	epoll_event event{};
	long ret;

	if (ep < 0)
		return -errno;
	event.events = c_.y | (c_.z & 1 ? std::uint32_t(EPOLLET) : 0u);
	ret = or_errno(epoll_ctl(ep, EPOLL_CTL_ADD, slot(c_.x), &event));
	if (!ret)
		ret = or_errno(epoll_wait(ep, &event, 1, 0));
	if (c_.z & 2)
		return put(ep, c_.z >> 2);
	close(ep);
	return ret;
}

long caller::seek()
{
	return or_errno(lseek(slot(c_.x), c_.y < 0xf0 ? c_.y : -1, c_.z % 6));
}

long caller::fdinfo()
{
	char name[64], room[1024];
	int fd;
	long ret;

	snprintf(name, sizeof(name), "/proc/self/%s/%d",
		 c_.y & 1 ? "fd" : "fdinfo", slot(c_.x));
	if (c_.y & 1)
		return or_errno(readlink(name, room, sizeof(room)));
	fd = open(name, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	ret = or_errno(read(fd, room, sizeof(room)));
	close(fd);
	return ret;
}

long caller::splice_slots()
{
	if (c_.z & 1)
		return or_errno(sendfile(slot(c_.y), slot(c_.x), nullptr, 100));
	return or_errno(splice(slot(c_.x), nullptr, slot(c_.y), nullptr, 100,
			       SPLICE_F_NONBLOCK));
}

long caller::map()
{
	void *at = mmap(nullptr, 4096, PROT_READ,
			c_.y & 1 ? MAP_SHARED : MAP_PRIVATE, slot(c_.x), 0);

	if (at == MAP_FAILED)
		return -errno;
	return or_errno(munmap(at, 4096));
}

long caller::sync_slot()
{
	return or_errno(c_.y & 1 ? fsync(slot(c_.x)) : syncfs(slot(c_.x)));
}

long caller::set_flags()
{
	switch (c_.y & 3) {
	case 0:
		return or_errno(fcntl(slot(c_.x), F_SETFL, O_NONBLOCK));
	case 1:
		return or_errno(fcntl(slot(c_.x), F_SETFL, 0));
	case 2:
		return or_errno(fcntl(slot(c_.x), F_SETFL, O_ASYNC | O_DIRECT));
	default:
		return or_errno(fcntl(slot(c_.x), F_SETFD, 0));
	}
}

long caller::close_slot()
{
	int fd = w_.slots[c_.x % n_slots].exchange(-1);

	return fd < 0 ? -EBADF : or_errno(close(fd));
}

long caller::dup_slot()
{
	return put(or_errno(fcntl(slot(c_.x), F_DUPFD_CLOEXEC, 0)), c_.z);
}

long caller::reopen()
{
	static constexpr int modes[] = {O_RDONLY, O_WRONLY, O_RDWR, O_PATH};
	char name[64];

	snprintf(name, sizeof(name), "/proc/self/fd/%d", slot(c_.x));
	return put(or_errno(open(name,
				 pick(modes, c_.y) | O_NONBLOCK | O_CLOEXEC)),
		   c_.z);
}

long caller::open_device()
{
	return put(or_errno(open(PROCFD_DEVICE, O_RDWR | O_CLOEXEC)),
		   c_.z & 7 ? c_.z : 0);
}

long caller::send_slot()
{
	char byte = 0, control[CMSG_SPACE(sizeof(int))] = {};
	iovec iov{&byte, 1};
	msghdr m{};
	cmsghdr *c;
	int fd = slot(c_.x);

	m.msg_iov = &iov;
	m.msg_iovlen = 1;
	m.msg_control = control;
	m.msg_controllen = sizeof(control);
	c = CMSG_FIRSTHDR(&m);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(int));
	return or_errno(sendmsg(slot(c_.y), &m, MSG_DONTWAIT | MSG_NOSIGNAL));
}

long caller::receive()
{
	char byte, control[CMSG_SPACE(sizeof(int))];
	iovec iov{&byte, 1};
	msghdr m{};
	cmsghdr *c;
	long ret;
	int fd;

	m.msg_iov = &iov;
	m.msg_iovlen = 1;
	m.msg_control = control;
	m.msg_controllen = sizeof(control);
	ret = or_errno(
		recvmsg(slot(c_.x), &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC));
	if (ret < 0)
		return ret;
	c = CMSG_FIRSTHDR(&m);
	if (!c || c->cmsg_type != SCM_RIGHTS)
		return -EBADMSG;
	memcpy(&fd, CMSG_DATA(c), sizeof(int));
	return put(fd, c_.z);
}

long caller::new_sockets()
{
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, fds) < 0)
		return -errno;
	put(fds[0], c_.x);
	return put(fds[1], c_.y);
}

/* A descriptor out of another process. */
long caller::take_pidfd()
{
	const pid_t pid = w_.children[c_.x % n_children];
	long fd, ret;

	if (pid <= 0)
		return -ESRCH;
	fd = sys_pidfd_open(pid);
	if (fd < 0 || c_.y & 1)
		return put(fd, c_.z);
	ret = or_errno(syscall(SYS_pidfd_getfd, int(fd), slot(c_.y >> 1), 0));
	close(int(fd));
	return put(ret, c_.z);
}

long caller::open_name()
{
	static constexpr int modes[] = {
		O_RDONLY,	  O_WRONLY,
		O_RDWR,		  O_PATH,
		O_CREAT | O_RDWR, O_CREAT | O_EXCL | O_RDWR,
		O_DIRECTORY,	  O_RDWR | O_TRUNC,
		O_NOFOLLOW,	  O_APPEND | O_WRONLY,
	};

	return put(or_errno(open(path(c_.x),
				 pick(modes, c_.y) | O_NONBLOCK | O_CLOEXEC,
				 0666)),
		   c_.z);
}

long caller::open_tmpfile()
{
	return put(or_errno(open(c_.x & 1 ? "/tmp/p" : "/tmp/t",
				 O_TMPFILE | O_RDWR | O_CLOEXEC |
					 (c_.y & 1 ? O_EXCL : 0),
				 0600)),
		   c_.z);
}

long caller::unlink_name()
{
	return or_errno(unlink(path(c_.x)));
}

long caller::rename_name()
{
	static constexpr unsigned flags[] = {0, RENAME_NOREPLACE,
					     RENAME_EXCHANGE, RENAME_WHITEOUT};

	return or_errno(renameat2(AT_FDCWD, path(c_.x), AT_FDCWD, path(c_.y),
				  pick(flags, c_.z)));
}

long caller::link_name()
{
	char name[64];

	if (!(c_.z & 1))
		return or_errno(link(path(c_.x), path(c_.y)));
	snprintf(name, sizeof(name), "/proc/self/fd/%d", slot(c_.x));
	return or_errno(linkat(AT_FDCWD, name, AT_FDCWD, path(c_.y),
			       AT_SYMLINK_FOLLOW));
}

long caller::make_dir()
{
	return or_errno(mkdir(path(c_.x), c_.y & 1 ? 0777 : 01700));
}

long caller::remove_dir()
{
	return or_errno(rmdir(path(c_.x)));
}

long caller::change_mode()
{
	static constexpr mode_t modes[] = {0600, 0660, 0, 0666, 07777, 0400};

	if (c_.z & 1)
		return or_errno(fchmod(slot(c_.x), pick(modes, c_.y)));
	return or_errno(chmod(path(c_.x), pick(modes, c_.y)));
}

long caller::change_owner()
{
	static constexpr uid_t ids[] = {0, 1000, 1001, uid_t(-1)};
	const uid_t uid = pick(ids, c_.y), gid = pick(ids, c_.y >> 2);

	if (c_.z & 1)
		return or_errno(fchown(slot(c_.x), uid, gid));
	return or_errno(lchown(path(c_.x), uid, gid));
}

long caller::change_times()
{
	timespec times[2] = {{c_.y, 0}, {c_.z, UTIME_NOW}};

	return or_errno(utimensat(AT_FDCWD, path(c_.x), times, 0));
}

long caller::look()
{
	struct stat st;
	struct statfs fs;
	struct statx sx;

	switch (c_.y & 3) {
	case 0:
		return or_errno(fstat(slot(c_.x), &st));
	case 1:
		return or_errno(fstatfs(slot(c_.x), &fs));
	case 2:
		return or_errno(stat(path(c_.x), &st));
	default:
		return or_errno(statx(AT_FDCWD, path(c_.x), 0,
				      STATX_ALL | STATX_MNT_ID, &sx));
	}
}

long caller::list()
{
	char room[1024];

	return or_errno(
		syscall(SYS_getdents64, slot(c_.x), room, sizeof(room)));
}

long caller::watch()
{
	const int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	const long ret = fd < 0 ? -errno :
				  or_errno(inotify_add_watch(fd, path(c_.x),
							     IN_ALL_EVENTS));

	if (ret < 0) {
		if (fd >= 0)
			close(fd);
		return ret;
	}
	return put(fd, c_.z);
}

/* Never waits for one: the holder is asked by a signal that it ignores. */
long caller::lease()
{
	if (c_.y & 4)
		return or_errno(flock(slot(c_.x), LOCK_EX | LOCK_NB));
	return or_errno(fcntl(slot(c_.x), F_SETLEASE,
			      c_.y & 1 ? F_RDLCK :
			      c_.y & 2 ? F_WRLCK :
					 F_UNLCK));
}

long caller::attribute()
{
	char room[64];

	if (c_.y & 1)
		return or_errno(fsetxattr(slot(c_.x), "user.a", "b", 1, 0));
	if (c_.y & 2)
		return or_errno(fgetxattr(slot(c_.x), "security.a", room, 64));
	return or_errno(flistxattr(slot(c_.x), room, sizeof(room)));
}

long caller::truncate_slot()
{
	if (c_.z & 1)
		return or_errno(truncate(path(c_.x), c_.y));
	return or_errno(ftruncate(slot(c_.x), c_.y));
}

long caller::change_dir()
{
	return or_errno(c_.y & 1 ? chdir("/tmp") : fchdir(slot(c_.x)));
}

long caller::mount_names()
{
	return or_errno(mount("procfd", pick(mount_points, c_.x),
			      PROCFD_FS_TYPE, c_.z & 1 ? MS_RDONLY : 0,
			      pick(options, c_.y)));
}

/* A mount of its own in a slot, in the steps of fsopen(2), each option a string. */
long caller::configure()
{
	const unique_fd fs(or_errno(fsopen(PROCFD_FS_TYPE, FSOPEN_CLOEXEC)));
	char option[64];
	char *equals;
	long ret;

	if (fs < 0)
		return fs;
	snprintf(option, sizeof(option), "%s", pick(options, c_.x));
	equals = strchr(option, '=');
	if (equals)
		*equals++ = '\0';
	ret = or_errno(
		fsconfig(fs, equals ? FSCONFIG_SET_STRING : FSCONFIG_SET_FLAG,
			 option, equals, 0));
	if (c_.y & 1)
		return ret;
	fsconfig(fs, FSCONFIG_CMD_CREATE, nullptr, nullptr, 0);
	if (c_.y & 2)
		fsconfig(fs, FSCONFIG_CMD_RECONFIGURE, nullptr, nullptr, 0);
	return put(or_errno(fsmount(fs, FSMOUNT_CLOEXEC,
				    c_.y & 4 ? MOUNT_ATTR_RDONLY : 0)),
		   c_.z);
}

long caller::unmount()
{
	return or_errno(
		umount2(pick(mount_points, c_.x), c_.y & 1 ? MNT_DETACH : 0));
}

long caller::remount()
{
	const unsigned long flags = MS_REMOUNT | (c_.z & 1 ? MS_RDONLY : 0) |
				    (c_.z & 2 ? MS_BIND : 0);

	return or_errno(mount("procfd", pick(mount_points, c_.x), nullptr,
			      flags, pick(options, c_.y)));
}

long caller::bind()
{
	return or_errno(mount(pick(mount_points, c_.x),
			      pick(mount_points, c_.y), nullptr, MS_BIND,
			      nullptr));
}

int thread_that_execs(void *)
{
	static char *const none[] = {nullptr};

	execve("/bin/true", none, none);
	_exit(97);
}

/* A process that shares nothing with its maker any more but open files. */
void caller::live(std::uint8_t how, std::uint8_t code)
{
	static thread_local char stack[16384];
	static char *const none[] = {nullptr};
	const std::size_t child = code % n_children;
	char byte;

	switch (how % 12) {
	case 0:
		_exit(code);
	case 1:
		break;
	case 2:
		/* Until it is told to exit. */
		if (read(w_.release_read[child], &byte, 1) < 0)
			_exit(96);
		_exit(code);
	case 3:
		execve("/bin/true", none, none);
		_exit(97);
	case 4:
		syscall(SYS_setresuid, 1000, 1000, 1000);
		break;
	case 5:
		/* The leader ends before its group. */
		clone(
			[](void *) -> int {
				pause();
				return 0;
			},
			stack + sizeof(stack),
			CLONE_VM | CLONE_SIGHAND | CLONE_THREAD | CLONE_FILES,
			nullptr);
		syscall(SYS_exit, code);
		break;
	case 6:
		clone(thread_that_execs, stack + sizeof(stack),
		      CLONE_VM | CLONE_SIGHAND | CLONE_THREAD, nullptr);
		break;
	case 7:
		/* An orphan. */
		if (!syscall(SYS_fork))
			pause();
		_exit(code);
	case 8: {
		/* The next calls are its own. */
		std::size_t at = at_ + 1;
		const std::size_t end = at + code % 8;

		while (at < end && at < calls_.size())
			at += make_call(w_, calls_, at);
		_exit(code);
	}
	case 9:
		if (!unshare(CLONE_NEWUSER | CLONE_NEWPID) &&
		    !syscall(SYS_fork))
			pause();
		break;
	case 10:
		raise(SIGSTOP);
		_exit(code);
	case 11:
		raise(code % 32);
		break;
	}
	for (;;)
		pause();
}

long caller::fork_child()
{
	if (w_.n_forked >= max_forks)
		return -EAGAIN;

	/* Not fork(): no thread's lock matters to a child of raw calls. */
	const pid_t pid =
		pid_t(syscall(SYS_clone, c_.z & 1 ? 0 : SIGCHLD, 0, 0, 0, 0));

	if (pid < 0)
		return -errno;
	if (!pid)
		live(c_.x, c_.y);
	if (c_.x % 12 == 8)
		by_ += c_.y % 8;
	w_.children[w_.n_forked++ % n_children] = pid;
	return pid;
}

long caller::vfork_child()
{
	static char *const none[] = {nullptr};

	if (w_.n_forked >= max_forks)
		return -EAGAIN;

	const pid_t pid = vfork();

	if (pid < 0)
		return -errno;
	if (!pid) {
		if (c_.x & 1)
			execve("/bin/true", none, none);
		_exit(c_.y);
	}
	w_.children[w_.n_forked++ % n_children] = pid;
	return pid;
}

/* One that announces a fork, or forks, and is gone. */
long caller::start_thread()
{
	struct job {
		int device;
		std::uint8_t what;
		std::atomic<int> gone;
	} job{slot(0), c_.x, 1};
	static thread_local char stack[16384];
	int gone;

	const int tid = clone(
		[](void *arg) -> int {
			auto *j = static_cast<struct job *>(arg);
			procfd_fork args{};

			args.flags = j->what >> 1 & 7u;
			syscall(SYS_ioctl, j->device, PROCFD_IOC_FORK, &args);
			if (j->what & 1 && !syscall(SYS_fork))
				_exit(0);
			return 0;
		},
		stack + sizeof(stack),
		CLONE_VM | CLONE_SIGHAND | CLONE_THREAD | CLONE_FILES |
			CLONE_FS | CLONE_CHILD_CLEARTID,
		&job, nullptr, nullptr, &job.gone);

	if (tid < 0)
		return -errno;
	while ((gone = job.gone))
		syscall(SYS_futex, &job.gone, FUTEX_WAIT, gone, nullptr);
	return tid;
}

long caller::release()
{
	return or_errno(write(w_.release_write[c_.x % n_children], "", 1));
}

long caller::kill_child()
{
	const pid_t pid = w_.children[c_.x % n_children];

	return pid > 0 ? or_errno(kill(pid, c_.y % 65)) : -ESRCH;
}

long caller::reap()
{
	static constexpr int kinds[] = {__WALL, 0, int(__WCLONE), __WNOTHREAD};
	const pid_t pid = c_.y & 8 ? -1 : w_.children[c_.x % n_children].load();
	siginfo_t info;

	if (!pid)
		return -ECHILD;
	return or_errno(waitid(pid > 0 ? P_PID : P_ALL, id_t(pid), &info,
			       WEXITED | (c_.y & 4 ? WNOWAIT : 0) |
				       (c_.z & 1 ? 0 : WNOHANG) |
				       pick(kinds, c_.y & 3)));
}

/* Of this thread alone, which is why it is not the C library's. */
long caller::become_user()
{
	static constexpr uid_t ids[] = {1000, 0, 1001, uid_t(-1)};

	if (c_.z & 1)
		return setfsuid(pick(ids, c_.x));
	return or_errno(syscall(SYS_setresuid, pick(ids, c_.x), pick(ids, c_.y),
				uid_t(-1)));
}

long caller::unshare_thread()
{
	static constexpr int what[] = {CLONE_FS, CLONE_FILES, CLONE_NEWNS,
				       CLONE_NEWPID, CLONE_NEWUSER};

	return or_errno(unshare(pick(what, c_.x)));
}

long caller::limit()
{
	const rlimit to{c_.x & 1 ? 3u : 256u, 1024};

	return or_errno(setrlimit(RLIMIT_NOFILE, &to));
}

long caller::subreaper()
{
	return or_errno(prctl(PR_SET_CHILD_SUBREAPER, c_.x & 1, 0, 0, 0));
}

/* What is likelier stands more than once: an announcement needs its fork. */
const caller::entry caller::operations[] = {
	{"announce", &caller::announce_fork},
	{"fork", &caller::fork_child},
	{"open_pid", &caller::open_pid},
	{"info", &caller::info},
	{"flink", &caller::flink_name},
	{"write", &caller::write_signal},
	{"read", &caller::read_some},
	{"close", &caller::close_slot},
	{"cancel", &caller::cancel_fork},
	{"query", &caller::query},
	{"kill_on_close", &caller::kill_on_close},
	{"ioctl", &caller::odd_ioctl},
	{"write_bytes", &caller::write_bytes},
	{"pread", &caller::pread_some},
	{"preadv2", &caller::readv_some},
	{"pwrite", &caller::pwrite_some},
	{"poll", &caller::poll_slot},
	{"epoll", &caller::epoll_slot},
	{"lseek", &caller::seek},
	{"fdinfo", &caller::fdinfo},
	{"splice", &caller::splice_slots},
	{"mmap", &caller::map},
	{"fsync", &caller::sync_slot},
	{"fcntl", &caller::set_flags},
	{"dup", &caller::dup_slot},
	{"reopen", &caller::reopen},
	{"open_device", &caller::open_device},
	{"send", &caller::send_slot},
	{"receive", &caller::receive},
	{"sockets", &caller::new_sockets},
	{"pidfd", &caller::take_pidfd},
	{"open", &caller::open_name},
	{"tmpfile", &caller::open_tmpfile},
	{"unlink", &caller::unlink_name},
	{"rename", &caller::rename_name},
	{"link", &caller::link_name},
	{"mkdir", &caller::make_dir},
	{"rmdir", &caller::remove_dir},
	{"chmod", &caller::change_mode},
	{"chown", &caller::change_owner},
	{"utimens", &caller::change_times},
	{"stat", &caller::look},
	{"getdents", &caller::list},
	{"inotify", &caller::watch},
	{"lease", &caller::lease},
	{"xattr", &caller::attribute},
	{"truncate", &caller::truncate_slot},
	{"chdir", &caller::change_dir},
	{"mount", &caller::mount_names},
	{"umount", &caller::unmount},
	{"remount", &caller::remount},
	{"bind", &caller::bind},
	{"vfork", &caller::vfork_child},
	{"thread", &caller::start_thread},
	{"release", &caller::release},
	{"kill", &caller::kill_child},
	{"reap", &caller::reap},
	{"setuid", &caller::become_user},
	{"unshare", &caller::unshare_thread},
	{"rlimit", &caller::limit},
	{"subreaper", &caller::subreaper},
	{"fsconfig", &caller::configure},
};

std::size_t caller::go()
{
	const entry &e = pick(operations, c_.op & 63);
	const long ret = (this->*e.run)();

	if (w_.verbose)
		fprintf(stderr, "# %zu: %d %s %u %u %u = %ld\n", at_,
			int(sys_gettid()), e.name, c_.x, c_.y, c_.z, ret);
	return by_;
}

} // namespace

std::vector<call> decode(std::span<const std::uint8_t> input)
{
	std::vector<call> calls;

	for (std::size_t at = 1; at + call_size <= input.size();
	     at += call_size)
		calls.push_back({input[at], input[at + 1], input[at + 2],
				 input[at + 3]});
	return calls;
}

void prepare(world &w, std::uint8_t header)
{
	struct sigaction act {};
	int fds[2];

	/* Of no namespace's: an input before may have changed who may open it. */
	must(or_errno(chown(PROCFD_DEVICE, 0, 0)));
	must(or_errno(chmod(PROCFD_DEVICE, 0666)));

	/* All of it in one, of which an end of the namespace leaves nothing. */
	must(or_errno(mount("fuzz", "/tmp", "tmpfs", 0, "mode=1777")));
	for (const char *dir : {"/tmp/p", "/tmp/q", "/tmp/t"}) {
		must(or_errno(mkdir(dir, 0777)));
		must(or_errno(chmod(dir, 0777)));
	}
	must(or_errno(symlink("a", "/tmp/t/sym")));
	if (!(header & unmounted)) {
		must(or_errno(mount("procfd", "/tmp/p", PROCFD_FS_TYPE, 0,
				    "mode=0777")));
		must(or_errno(chmod("/tmp/p", 01777)));
	}

	/* EINTR is an answer, too. */
	act.sa_handler = [](int) {};
	for (int signal : {SIGUSR1, SIGUSR2, SIGIO, SIGALRM, SIGPIPE})
		must(or_errno(sigaction(signal, &act, nullptr)));

	if (header & user_namespace)
		must(or_errno(unshare(CLONE_NEWUSER)));
	else if (header & unprivileged) {
		must(or_errno(setgroups(0, nullptr)));
		must(or_errno(setresgid(1000, 1000, 1000)));
		must(or_errno(setresuid(1000, 1000, 1000)));
		must(or_errno(prctl(PR_SET_DUMPABLE, 1)));
	}

	for (auto &slot : w.slots)
		slot = -1;
	w.slots[0] = must(or_errno(open(PROCFD_DEVICE, O_RDWR | O_CLOEXEC)));
	w.slots[1] = must(or_errno(open("/tmp/p", O_DIRECTORY | O_CLOEXEC)));
	w.slots[2] = must(or_errno(open("/tmp/t", O_DIRECTORY | O_CLOEXEC)));
	w.slots[3] = must(
		or_errno(open("/tmp/t/f", O_CREAT | O_RDWR | O_CLOEXEC, 0666)));
	must(or_errno(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, fds)));
	w.slots[4] = fds[0];
	w.slots[5] = fds[1];
	for (std::size_t i = 0; i < n_children; i++) {
		w.children[i] = 0;
		must(or_errno(pipe2(fds, O_CLOEXEC)));
		w.release_read[i] = fds[0];
		w.release_write[i] = fds[1];
	}
	w.n_forked = 0;
	must(or_errno(chdir("/tmp/t")));
}

std::size_t make_call(world &w, std::span<const call> calls, std::size_t at)
{
	return caller(w, calls, at).go();
}

} // namespace fuzz
