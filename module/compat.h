/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The differences between kernels. Wrappers have the name that the newest
 * kernel gives the thing; entries go when the oldest kernel has it too.
 *
 * HAVE_* come from have.h, which probes/run makes by compiling: version numbers
 * lie where fixes and helpers have been backported.
 */
#ifndef PROCFD_COMPAT_H
#define PROCFD_COMPAT_H

#include <linux/dcache.h>
#include <linux/fs.h>
#include <linux/pid.h>
#include <linux/sched/signal.h>
#include <linux/version.h>

#include "have.h"

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 1, 0)
#error "procfd needs Linux 6.1 or newer"
#endif

#ifndef CONFIG_TRACEPOINTS
#error "procfd needs CONFIG_TRACEPOINTS"
#endif

/*
 * Up to 6.19 the probes of tracepoints run with preemption off, and with
 * PREEMPT_RT a spin lock may sleep. From 7.0 on they may be preempted.
 */
#if defined(CONFIG_PREEMPT_RT) && !defined(HAVE_TRACEPOINT_SRCU)
#error "procfd works with CONFIG_PREEMPT_RT from Linux 7.0 on only"
#endif

/* 6.3 gave mounts a struct mnt_idmap in place of a user namespace. */
#ifdef HAVE_MNT_IDMAP
#define PROCFD_IDMAP_ARG(name)	struct mnt_idmap *name
#define procfd_nop_idmap	(&nop_mnt_idmap)
#else
#define PROCFD_IDMAP_ARG(name)	struct user_namespace *name
#define procfd_nop_idmap	(&init_user_ns)
#endif

/* 6.6 told generic_fillattr() what is wanted. */
#ifdef HAVE_FILLATTR_MASK
#define procfd_fillattr(idmap, mask, inode, stat) \
	generic_fillattr(idmap, mask, inode, stat)
#else
#define procfd_fillattr(idmap, mask, inode, stat) \
	((void)(mask), generic_fillattr(idmap, inode, stat))
#endif

/* 6.6 put accessors before the times; 6.1 has some of them backported. */
#ifndef HAVE_SIMPLE_INODE_INIT_TS
static inline struct timespec64
inode_set_mtime_to_ts(struct inode *inode, struct timespec64 ts)
{
	inode->i_mtime = ts;
	return ts;
}

static inline struct timespec64 simple_inode_init_ts(struct inode *inode)
{
	inode->i_atime = inode_set_ctime_current(inode);
	inode->i_mtime = inode->i_atime;
	return inode->i_atime;
}
#endif

/*
 * 7.0 keeps track of entries that exist in memory only; before that they were
 * an extra reference, and kill_litter_super() dropped it.
 */
#ifdef HAVE_D_MAKE_PERSISTENT
#define kill_litter_super(sb)	kill_anon_super(sb)
#else
static inline void d_make_persistent(struct dentry *dentry, struct inode *inode)
{
	d_instantiate(dentry, inode);
	dget(dentry);
}
#endif

/* 7.0 has a macro, and the list's node in another place. */
#ifndef for_each_alias
#define for_each_alias(dentry, inode) \
	hlist_for_each_entry(dentry, &(inode)->i_dentry, d_u.d_alias)
#endif

/*
 * 6.14: a file that no path was opened for tells nobody of what is done with it.
 * The helper for this came later.
 */
static inline void procfd_file_notifies(struct file *file)
{
#ifdef FMODE_FSNOTIFY_MASK
	file->f_mode &= ~FMODE_FSNOTIFY_MASK;
	file->f_mode |= FMODE_NONOTIFY_PERM;
#endif
}

/*
 * What identifies a process while the system is up. From 6.9 on a struct pid
 * has the inode number of its pidfds, 64 bits that are never used again.
 *
 * Before that: the pid of the initial namespace, 22 bits at most, and the start
 * in units of 16384 ns. The same pid is not given twice within one unit, since
 * that takes a fork, an exit and a reaping; and the start comes round to the
 * same value after two years of uptime.
 */
static inline u64 procfd_pid_identity(struct pid *pid, u64 started_ns)
{
#ifdef HAVE_PID_INO
	return pid->ino;
#else
	return (started_ns >> 14) << 22 | pid_nr(pid);
#endif
}

/*
 * 7.0 can reap a child by itself. The flag may be set in a child that has not run,
 * but only if setting it cannot disturb has_child_subreaper, which prctl() changes
 * in all descendants under a lock that a module cannot take. Up to 7.2 both are
 * bits of one word, which setting one rewrites; from 7.3 on has_child_subreaper has
 * a memory location of its own, and only the process itself changes autoreap's
 * other neighbours.
 */
#ifdef HAVE_SIGNAL_AUTOREAP
static inline bool procfd_signal_has_autoreap(void)
{
	return true;
}

static inline void procfd_signal_set_autoreap(struct signal_struct *signal,
					      bool on)
{
	signal->autoreap = on;
}
#else
static inline bool procfd_signal_has_autoreap(void)
{
	return false;
}

static inline void procfd_signal_set_autoreap(struct signal_struct *signal,
					      bool on)
{
}
#endif

#endif /* PROCFD_COMPAT_H */
