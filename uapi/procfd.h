/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * procfd: processes as files.
 *
 * The whole binary interface of the procfd module: the ioctls of /dev/procfd,
 * the ioctls of a process descriptor, and the flags of both.
 *
 * Every struct may grow at its end, never otherwise. The size travels in the
 * ioctl number: a kernel that knows a longer struct takes the missing tail as
 * zero, and one that knows a shorter struct answers E2BIG unless the tail that
 * it does not know is zero. Flags and reserved fields that the kernel does not
 * know are EINVAL, with one exception stated at &procfd_info.mask.
 */
#ifndef _UAPI_PROCFD_H
#define _UAPI_PROCFD_H

#include <linux/ioctl.h>
#include <linux/types.h>

/** PROCFD_DEVICE - where the device is found */
#define PROCFD_DEVICE		"/dev/procfd"

/** PROCFD_FS_TYPE - the filesystem of names, as mount(2) wants it */
#define PROCFD_FS_TYPE		"procfdfs"

/** PROCFD_FS_MAGIC - f_type of that filesystem in statfs(2) */
#define PROCFD_FS_MAGIC		0x70666473

/** PROCFD_ABI - what &procfd_query.abi holds; raised when meaning is added */
#define PROCFD_ABI		2

/** PROCFD_RECORD_MAX - no exit record as text is longer than this, in bytes */
#define PROCFD_RECORD_MAX	512

/*
 * Flags of PROCFD_IOC_FORK and PROCFD_IOC_OPEN. The close-on-exec flag is
 * always set on a new descriptor and needs no flag.
 */

/** PROCFD_NONBLOCK - set O_NONBLOCK on the new descriptor */
#define PROCFD_NONBLOCK		(1U << 0)

/**
 * PROCFD_KILL_ON_CLOSE - SIGKILL the process with the last copy (FORK only)
 *
 * When the last open file of the descriptor is released and the process still
 * runs, it is killed with the descriptor's own rights. Such a descriptor
 * cannot be given a name; see PROCFD_IOC_SET_KILL_ON_CLOSE.
 */
#define PROCFD_KILL_ON_CLOSE	(1U << 1)

/**
 * PROCFD_QUIET - the child is invisible to its parent's wildcards (FORK only)
 *
 * It sends no SIGCHLD when it exits, and wait(2), waitpid(-1) and waitid(P_ALL)
 * pass it over unless they say __WALL or __WCLONE. So pclose(3), system(3) and
 * others that wait without __WALL do not see it either. While it is inside an
 * exec a wildcard that does not block may see for a moment that there is a child,
 * but not take it.
 *
 * The kernel still sends SIGCHLD when the child is stopped or continued, unless
 * the parent has SA_NOCLDSTOP. And a process that the quiet child makes with
 * CLONE_PARENT is hidden from its parent, which is the same, in the same way until
 * it execs. No descriptor tells that. (With PROCFD_FEATURE_AUTOREAP that clone is
 * EINVAL.)
 */
#define PROCFD_QUIET		(1U << 2)

/**
 * PROCFD_TREE - the child and all that comes from it are one tree (FORK only)
 *
 * Each process that a member creates is a member from before its first instruction,
 * whatever it does: a new session, a double fork, an exec, another pid namespace. It
 * leaves when it exits. The descriptor polls readable when the first process has
 * exited, as without this, and POLLHUP when no member is left; until then
 * signals reach the members, see PROCFD_IOC_SIGNAL, and a name is alive. With
 * PROCFD_KILL_ON_CLOSE the last close kills them all.
 *
 * A tree that a member makes is inside the one that it is in, and its members are
 * members of both. A member that the kernel has no memory to record is killed before
 * it runs. Once the last descriptor and name of the first process are gone, and no
 * outer tree is left, the members are let go, unless the tree was killed.
 */
#define PROCFD_TREE		(1U << 3)

/** PROCFD_TREE_DEPTH - so many trees can be in each other */
#define PROCFD_TREE_DEPTH	8

/**
 * struct procfd_query - what this module offers
 * @abi: out: PROCFD_ABI of the module
 * @fork_flags: out: flags that PROCFD_IOC_FORK knows
 * @open_flags: out: flags that PROCFD_IOC_OPEN knows
 * @info_flags: out: flags that PROCFD_IOC_INFO knows
 * @flink_flags: out: flags that PROCFD_IOC_FLINK knows
 * @reserved: out: zero
 * @info_mask: out: PROCFD_INFO_* groups that PROCFD_IOC_INFO can fill
 * @features: out: PROCFD_FEATURE_* bits
 */
struct procfd_query {
	__u32 abi;
	__u32 fork_flags;
	__u32 open_flags;
	__u32 info_flags;
	__u32 flink_flags;
	__u32 reserved;
	__u64 info_mask;
	__u64 features;
};

#define PROCFD_QUERY_SIZE_VER0	40

/** PROCFD_FEATURE_AUTOREAP - a QUIET child leaves no zombie on this kernel */
#define PROCFD_FEATURE_AUTOREAP	(1ULL << 0)

/**
 * struct procfd_fork - argument of PROCFD_IOC_FORK
 * @flags: in: PROCFD_NONBLOCK, PROCFD_KILL_ON_CLOSE, PROCFD_QUIET, PROCFD_TREE
 * @reserved: in: must be zero
 */
struct procfd_fork {
	__u32 flags;
	__u32 reserved;
};

#define PROCFD_FORK_SIZE_VER0	8

/**
 * struct procfd_open - argument of PROCFD_IOC_OPEN
 * @pid: in: process id in the caller's pid namespace, 0 for the caller itself
 * @flags: in: PROCFD_NONBLOCK
 */
struct procfd_open {
	__s32 pid;
	__u32 flags;
};

#define PROCFD_OPEN_SIZE_VER0	8

/* Flags of PROCFD_IOC_FLINK. */

/** PROCFD_LINK_REPLACE - replace an existing name atomically: frename */
#define PROCFD_LINK_REPLACE		(1U << 0)

/**
 * PROCFD_LINK_REPLACE_DEAD - replace an existing name only if it is dead
 *
 * Only for process descriptors: the name is replaced if the process that it
 * names has exited, with all of its tree if it is the first of one, or was never
 * created and cannot be any more; else EEXIST.
 * "Start it unless it runs already", in one step.
 */
#define PROCFD_LINK_REPLACE_DEAD	(1U << 1)

/**
 * PROCFD_LINK_DURABLE - on return the new name and content survive power loss
 *
 * Flushes the whole filesystem where flushing the file and the directory is not
 * known to be enough.
 */
#define PROCFD_LINK_DURABLE		(1U << 2)

/**
 * struct procfd_flink - argument of PROCFD_IOC_FLINK
 * @fd: in: descriptor of what gets the name; O_PATH will do
 * @dirfd: in: descriptor of the directory that gets the entry, or AT_FDCWD
 * @name: in: pointer to a NUL-terminated name, one component
 * @flags: in: PROCFD_LINK_* flags
 * @reserved: in: must be zero
 */
struct procfd_flink {
	__s32 fd;
	__s32 dirfd;
	__u64 name;
	__u32 flags;
	__u32 reserved;
};

#define PROCFD_FLINK_SIZE_VER0	24

/** enum procfd_state - what &procfd_info.state holds; it only moves downwards */
enum procfd_state {
	/** @PROCFD_STATE_UNBOUND: waits for the fork that was announced */
	PROCFD_STATE_UNBOUND	= 1,
	/** @PROCFD_STATE_RUNNING: has a process, and that has not exited */
	PROCFD_STATE_RUNNING	= 2,
	/** @PROCFD_STATE_EXITED: the exit record exists */
	PROCFD_STATE_EXITED	= 3,
	/** @PROCFD_STATE_DROPPED: never got a process, and never will */
	PROCFD_STATE_DROPPED	= 4,
};

/* Groups of &struct procfd_info, for &procfd_info.mask. */

/** PROCFD_INFO_STATE - state and attributes; always filled */
#define PROCFD_INFO_STATE	(1ULL << 0)
/** PROCFD_INFO_IDS - id, pid and started_ns; filled once there is a process */
#define PROCFD_INFO_IDS		(1ULL << 1)
/** PROCFD_INFO_STATUS - status and exited_ns; filled once it has exited */
#define PROCFD_INFO_STATUS	(1ULL << 2)
/** PROCFD_INFO_RUSAGE - the resource usage; filled once it has exited */
#define PROCFD_INFO_RUSAGE	(1ULL << 3)

/** PROCFD_INFO_TREE - the tree; filled for the first process of one */
#define PROCFD_INFO_TREE	(1ULL << 4)

/* Flags of PROCFD_IOC_INFO. */

/** PROCFD_INFO_WAIT - first wait until the process has exited */
#define PROCFD_INFO_WAIT	(1U << 0)

/** PROCFD_DEADLINE_NONE - &procfd_info.deadline_ns that waits for ever */
#define PROCFD_DEADLINE_NONE	(~0ULL)

/* Bits of &procfd_info.attributes. */

/** PROCFD_ATTR_KILL_ON_CLOSE - as PROCFD_KILL_ON_CLOSE, now on */
#define PROCFD_ATTR_KILL_ON_CLOSE	(1U << 0)
/** PROCFD_ATTR_QUIET - the child was made quiet as PROCFD_QUIET asked */
#define PROCFD_ATTR_QUIET		(1U << 1)
/** PROCFD_ATTR_REAPED - nothing is left to wait for, and pid is 0 */
#define PROCFD_ATTR_REAPED		(1U << 2)

/**
 * struct procfd_info - argument of PROCFD_IOC_INFO
 * @mask: in: groups wanted; out: groups filled. Unknown groups are not filled
 *	and no error, so that one binary serves several kernels.
 * @flags: in: PROCFD_INFO_WAIT or 0
 * @state: out: one of enum procfd_state
 * @deadline_ns: in: with PROCFD_INFO_WAIT, the point of CLOCK_MONOTONIC in the
 *	caller's time namespace, in nanoseconds, at which to give up with
 *	ETIMEDOUT; PROCFD_DEADLINE_NONE waits for ever. Otherwise must be zero.
 * @id: out: identity of the process, never used again while the system is up;
 *	two descriptors mean the same process exactly if this is equal
 * @pid: out: process id in the caller's pid namespace, 0 if it has none there;
 *	with PROCFD_ATTR_REAPED 0, too, since it may be another's by then
 * @status: out: wait status, as waitpid(2) gives it
 * @attributes: out: PROCFD_ATTR_* bits
 * @reserved: in: must be zero
 * @utime_usec: out: processor time in user mode, microseconds. Like all usage
 *	here it is that of the process itself, all its threads and none of its
 *	children, whereas wait4(2) adds the children that it waited for. It is
 *	what was counted when the process exited; wait4(2) adds what it does
 *	from then until it leaves its processor, too.
 * @stime_usec: out: processor time in the kernel, likewise
 * @maxrss_kb: out: greatest resident set, KiB
 * @minflt: out: page faults that needed no I/O
 * @majflt: out: page faults that needed I/O
 * @started_ns: out: start of the process, CLOCK_BOOTTIME of the host whatever
 *	the caller's time namespace, nanoseconds
 * @exited_ns: out: its exit, by the same clock, nanoseconds; if it had neither
 *	descriptor nor name at that time, the moment of the first OPEN since, as
 *	the kernel keeps no other
 * @live: out: members of the tree that have not exited
 * @born: out: members that there ever were, the first and the next one included
 * @born_dead: out: how many of these the kernel had no memory to record, and killed
 * @main_id: out: identity of the main process: the first while it lives, then the
 *	oldest member that does; 0 if none lives
 * @main_pid: out: its process id in the caller's pid namespace, 0 if it has none there
 * @ended_main_status: out: wait status of the main process that ended last
 * @ended_main_id: out: its identity; 0 if none has ended
 * @tree_utime_usec: out: sum over the members that have exited, as @utime_usec
 * @tree_stime_usec: out: likewise
 * @tree_maxrss_kb: out: greatest of them
 * @tree_minflt: out: sum
 * @tree_majflt: out: sum
 *
 * Out fields of groups that are not filled are zero.
 */
struct procfd_info {
	__u64 mask;
	__u32 flags;
	__u32 state;
	__u64 deadline_ns;
	__u64 id;
	__s32 pid;
	__s32 status;
	__u32 attributes;
	__u32 reserved;
	__u64 utime_usec;
	__u64 stime_usec;
	__u64 maxrss_kb;
	__u64 minflt;
	__u64 majflt;
	__u64 started_ns;
	__u64 exited_ns;
	__u64 live;
	__u64 born;
	__u64 born_dead;
	__u64 main_id;
	__s32 main_pid;
	__s32 ended_main_status;
	__u64 ended_main_id;
	__u64 tree_utime_usec;
	__u64 tree_stime_usec;
	__u64 tree_maxrss_kb;
	__u64 tree_minflt;
	__u64 tree_majflt;
};

#define PROCFD_INFO_SIZE_VER0	104
/** PROCFD_INFO_SIZE_VER1 - with the group PROCFD_INFO_TREE */
#define PROCFD_INFO_SIZE_VER1	192

/** enum procfd_scope - whom PROCFD_IOC_SIGNAL sends to */
enum procfd_scope {
	/** @PROCFD_SCOPE_PROCESS: the process; of a tree, the first */
	PROCFD_SCOPE_PROCESS	= 0,
	/** @PROCFD_SCOPE_MAIN: the main process of a tree; else the process */
	PROCFD_SCOPE_MAIN	= 1,
	/**
	 * @PROCFD_SCOPE_GROUP: the process group that the process leads, or has led
	 * if it is the first of a tree
	 */
	PROCFD_SCOPE_GROUP	= 2,
	/** @PROCFD_SCOPE_TREE: all members of the tree */
	PROCFD_SCOPE_TREE	= 3,
};

/**
 * struct procfd_signal - argument of PROCFD_IOC_SIGNAL
 * @signal: in: signal, 0 only checks
 * @scope: in: one of enum procfd_scope
 * @flags: in: must be zero
 * @reserved: in: must be zero
 * @sent: in: must be zero; out: so many processes got it, a group counting as one;
 *	also if the call fails, as @refused
 * @refused: in: must be zero; out: so many did not, for want of the right
 */
struct procfd_signal {
	__u32 signal;
	__u32 scope;
	__u32 flags;
	__u32 reserved;
	__u32 sent;
	__u32 refused;
};

#define PROCFD_SIGNAL_SIZE_VER0	24

/**
 * struct procfd_member - a member of a tree that has not exited
 * @id: its identity, as &procfd_info.id
 * @parent_id: that of its parent, who may be no member
 * @started_ns: its start, CLOCK_BOOTTIME
 * @pid: its process id in the caller's pid namespace, 0 if it has none there
 * @reserved: zero
 */
struct procfd_member {
	__u64 id;
	__u64 parent_id;
	__u64 started_ns;
	__s32 pid;
	__u32 reserved;
};

/**
 * struct procfd_members - argument of PROCFD_IOC_MEMBERS
 * @members: in: pointer to an array of &struct procfd_member, filled in the order of
 *	birth
 * @count: in: how many fit; out: how many there are
 * @reserved: in: must be zero
 */
struct procfd_members {
	__u64 members;
	__u32 count;
	__u32 reserved;
};

#define PROCFD_MEMBERS_SIZE_VER0	16

#define PROCFD_IOC_MAGIC	0xD6

/* On /dev/procfd. FORK and OPEN return the new descriptor. */

/**
 * PROCFD_IOC_QUERY - ask for the version and the features of the module
 *
 * Errors: EFAULT bad address; EINVAL struct too short.
 */
#define PROCFD_IOC_QUERY	_IOR(PROCFD_IOC_MAGIC, 0x00, struct procfd_query)

/**
 * PROCFD_IOC_FORK - make a descriptor for the next child of this thread
 *
 * The descriptor is bound inside the next call of the calling thread that
 * creates a process (fork, vfork, clone, posix_spawn, ...), before the child
 * runs. Creating a thread does not count. An exec by the thread, its exit,
 * PROCFD_IOC_CANCEL, or closing every copy of the descriptor before that drops
 * the announcement; a failed fork does not.
 *
 * Errors: E2BIG a field that this module does not know is set; EBUSY this
 * thread has announced a fork already; EFAULT bad address; EINVAL unknown
 * flag, reserved field set, or struct too short; ELOOP with PROCFD_TREE, the caller is
 * in PROCFD_TREE_DEPTH trees already; EMFILE, ENFILE no descriptor or open file left;
 * ENOMEM.
 */
#define PROCFD_IOC_FORK		_IOW(PROCFD_IOC_MAGIC, 0x01, struct procfd_fork)

/**
 * PROCFD_IOC_CANCEL - drop what PROCFD_IOC_FORK announced in this thread
 *
 * Errors: EINVAL the argument is not zero; ENOENT nothing was announced, or
 * it has been bound.
 */
#define PROCFD_IOC_CANCEL	_IO(PROCFD_IOC_MAGIC, 0x02)

/**
 * PROCFD_IOC_OPEN - make a descriptor for an existing process
 *
 * Allowed if the caller may signal the process by the rule of kill(2), or is
 * its parent.
 *
 * Errors: E2BIG, EFAULT, EMFILE, ENFILE, ENOMEM as for FORK; EINVAL unknown
 * flag, negative pid, pid of a thread that leads no process, or struct too
 * short; EPERM not allowed; ESRCH no such process, or it was reaped already.
 */
#define PROCFD_IOC_OPEN		_IOW(PROCFD_IOC_MAGIC, 0x03, struct procfd_open)

/**
 * PROCFD_IOC_FLINK - give what a descriptor refers to a name
 *
 * Without flags as linkat(2): nothing is overwritten. ioctl_procfd_flink(2)
 * lists the errors.
 */
#define PROCFD_IOC_FLINK	_IOW(PROCFD_IOC_MAGIC, 0x04, struct procfd_flink)

/* On a process descriptor. */

/**
 * PROCFD_IOC_INFO - facts about the process, at once or after its exit
 *
 * Needs a descriptor opened for reading. With PROCFD_INFO_WAIT a signal that is
 * handled without SA_RESTART ends the wait with EINTR.
 *
 * Errors: E2BIG, EFAULT as for FORK; EBADF not open for reading; ECHILD waiting
 * for a fork that was dropped; EINTR; EINVAL unknown flag, reserved field or
 * unused deadline set, or struct too short; ETIMEDOUT.
 */
#define PROCFD_IOC_INFO		_IOWR(PROCFD_IOC_MAGIC, 0x10, struct procfd_info)

/**
 * PROCFD_IOC_SET_KILL_ON_CLOSE - switch PROCFD_KILL_ON_CLOSE, to 0 or 1
 *
 * Needs a descriptor opened for writing that came from PROCFD_IOC_FORK.
 *
 * Errors: EBADF not open for writing; EFAULT; EINVAL not 0 or 1, or the
 * descriptor came from PROCFD_IOC_OPEN, or 1 and it has a name.
 */
#define PROCFD_IOC_SET_KILL_ON_CLOSE	_IOW(PROCFD_IOC_MAGIC, 0x11, __u32)

/**
 * PROCFD_IOC_SIGNAL - send a signal to the process, its group or its tree
 *
 * With the rights of the descriptor, each process being asked for; success if at
 * least one got it. What a member of a tree creates while the signal is on its way
 * gets it, too, as with kill(2) of a process group. After SIGKILL to a tree, whatever
 * is born in it is killed before it runs.
 *
 * Needs a descriptor opened for writing.
 *
 * Errors: E2BIG, EFAULT as for FORK; EBADF not open for writing; EINTR the caller is
 * being killed; EINVAL no such signal or scope, a field set that must be zero,
 * PROCFD_SCOPE_TREE and it is not the first of a tree, or struct too short; ENOMEM;
 * EPERM not allowed; ESRCH nobody is left.
 */
#define PROCFD_IOC_SIGNAL	_IOWR(PROCFD_IOC_MAGIC, 0x12, struct procfd_signal)

/**
 * PROCFD_IOC_MEMBERS - list the members of a tree
 *
 * Those that live, one after the other: who is born meanwhile may or may not be there.
 * If there are more than fit, the rest is counted only.
 *
 * Needs a descriptor opened for reading.
 *
 * Errors: E2BIG, EFAULT as for FORK; EBADF not open for reading; EINTR the caller is
 * being killed; EINVAL reserved field set, it is not the first of a tree, or struct
 * too short.
 */
#define PROCFD_IOC_MEMBERS	_IOWR(PROCFD_IOC_MAGIC, 0x13, struct procfd_members)

#endif /* _UAPI_PROCFD_H */
