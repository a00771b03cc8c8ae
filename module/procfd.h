/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Internal types of the procfd module.
 *
 * Four objects, four rooms:
 *
 * - struct procfd_process (process.c): one per target process while anyone
 *   refers to it. Holds the struct pid, the exit record and the queue of those
 *   who wait. Knows nothing of files. fork.c makes one before the fork.
 * - struct procfd_inode (fs.c): a descriptor, and the same inode with nlink > 0
 *   is a name. Carries the authority and refers to a process. descriptor.c has
 *   the file operations.
 * - struct procfd_tree (tree.c): a process and all that comes from it.
 * - flink.h and its rooms have nothing to do with processes: they give names to
 *   whatever a descriptor refers to, on any filesystem.
 *
 * Who holds whom: an inode holds a reference on its process, and so does a
 * pending fork, a quiet child, queued exit work and each tree that it is a member
 * of; a tree is held by its first process and its members. A process never holds an
 * inode; its list of inodes is left by procfd_process_forget_inode().
 *
 * Lock order, outermost first:
 *
 *   inode_lock(directory) -> inode_lock(descriptor)	(the VFS's own)
 *     procfd_inode.lock
 *     procfd_process.lock -> inode->i_lock
 *     pending_lock -> by_id_lock, wait_pidfd.lock	(fork.c, process.c)
 *     pending_lock -> procfd_tree.lock			(tree.c)
 *   tasklist_lock -> siglock -> stats_lock		(the kernel's own)
 *     pid->wait_pidfd.lock -> procfd_tree.lock; procfd_process.wait.lock
 *
 * pid->wait_pidfd.lock is taken with interrupts off and nested in the kernel's
 * own locks at exit; nothing else of ours is taken under it but these two. The
 * spin locks of the first group nest as shown and not otherwise, and are taken in
 * process context only.
 */
#ifndef PROCFD_H
#define PROCFD_H

#include <linux/cred.h>
#include <linux/fs.h>
#include <linux/list.h>
#include <linux/notifier.h>
#include <linux/pid.h>
#include <linux/rcupdate.h>
#include <linux/refcount.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "compat.h"
#include "debug/hooks.h"
#include "tree.h"
#include "../uapi/procfd.h"

/**
 * struct procfd_record - what is left of a process
 * @status: wait status, as waitpid(2) gives it
 * @utime_ns: processor time in user mode, all threads
 * @stime_ns: processor time in the kernel, all threads
 * @maxrss_kb: greatest resident set
 * @minflt: page faults without I/O
 * @majflt: page faults with I/O
 * @exited_ns: CLOCK_BOOTTIME
 * @exited_real: the same instant, CLOCK_REALTIME, for the times of files
 *
 * Written once, under pid->wait_pidfd.lock, before the state becomes
 * PROCFD_STATE_EXITED; constant from then on.
 */
struct procfd_record {
	int status;
	u64 utime_ns;
	u64 stime_ns;
	u64 maxrss_kb;
	u64 minflt;
	u64 majflt;
	u64 exited_ns;
	struct timespec64 exited_real;
};

/**
 * struct procfd_process - a target process, or one that a fork will create
 * @refs: inodes, pending fork, quiet child, exit work
 * @state: enum procfd_state; read by procfd_process_state()
 * @quiet: exit_signal was cleared; constant once bound
 * @tree: that which it is the first process of, with a reference, or NULL; constant
 *	from before the fork
 * @seats: its membership in trees, see tree.c, or NULL; likewise
 * @exit_matters: somebody beside the waiters is to be told of the exit: a quiet
 *	child's state, or an inode that has had a name; never cleared
 * @pid: its struct pid, from binding until the last put; or, once it has exited and
 *	has a name, until procfd_process_leave_pid(): changed under @lock
 * @pid_nr: the pid in the initial namespace; constant once bound
 * @id: identity, of the struct pid rather than of this object
 * @started_ns: CLOCK_BOOTTIME
 * @record: valid once @state is PROCFD_STATE_EXITED
 * @exit_wait: our one entry on pid->wait_pidfd; protected by that queue's lock
 * @wait: readers, pollers and waiters
 * @by_id: in the table of process.c, by @id
 * @lock: protects @inodes, and @pid and @quiet_parent from being given back
 * @inodes: descriptors and names that have not been told of the exit
 * @exit_work: tells them, and ends the quiet child's hold; only if @exit_matters
 * @quiet_parent: tgid of the process that armed @quiet; constant once bound, until
 *	it is given back with @pid
 * @pending_node: in the table of fork.c, by @pending_task
 * @pending_task: thread that announced the fork; protected by pending_lock
 * @pending_exec_id: that thread's self_exec_id when it did
 * @pending_flags: PROCFD_* flags of the announcement
 * @rcu: the tables are read under RCU
 */
struct procfd_process {
	refcount_t refs;
	u32 state;
	bool quiet;
	bool exit_matters;
	pid_t pid_nr;
	struct procfd_tree *tree;
	struct procfd_seats *seats;
	struct pid *pid;
	u64 id;
	u64 started_ns;
	struct procfd_record record;
	wait_queue_entry_t exit_wait;
	wait_queue_head_t wait;
	struct hlist_node by_id;
	spinlock_t lock;	/* protects inodes, and see pid */
	struct list_head inodes;
	struct work_struct exit_work;
	struct pid *quiet_parent;
	struct hlist_node pending_node;
	struct task_struct *pending_task;
	u64 pending_exec_id;
	u32 pending_flags;
	struct rcu_head rcu;
};

/**
 * struct procfd_inode - a descriptor or name
 * @process: what it refers to; constant, one reference
 * @inside: made inside the pid namespace of that process; constant
 * @process_node: in process->inodes; protected by process->lock
 * @lock: protects the fields below
 * @authority: credentials that signals are sent with; NULL once the process
 *	has exited, so that an old name pins no dead container
 * @opened: open files, from FORK or ->open to ->release
 * @forked: came from PROCFD_IOC_FORK
 * @kill_on_close: see PROCFD_KILL_ON_CLOSE; changed under inode_lock() too
 * @vfs: the inode
 */
struct procfd_inode {
	struct procfd_process *process;
	bool inside;
	struct list_head process_node;
	spinlock_t lock;	/* protects what follows */
	const struct cred *authority;
	unsigned int opened;
	bool forked;
	bool kill_on_close;
	struct inode vfs;
};

/**
 * struct procfd_authority - whose rights a signal is sent with
 * @maker: credentials
 * @pid: of the descriptor's process; NULL if @inside is false and it does not matter
 * @inside: @maker is inside the pid namespace of that process
 */
struct procfd_authority {
	const struct cred *maker;
	struct pid *pid;
	bool inside;
};

static inline struct procfd_inode *procfd_i(const struct inode *inode)
{
	return container_of(inode, struct procfd_inode, vfs);
}

/* process.c */
int procfd_process_init(void);
void procfd_process_exit(void);
struct procfd_process *procfd_process_alloc(gfp_t gfp);
struct procfd_process *procfd_process_open(struct pid *pid);
void procfd_process_bind(struct procfd_process *p, struct task_struct *task);
void procfd_process_tell_bound(struct procfd_process *p);
void procfd_process_wake(struct procfd_process *p, __poll_t events);
void procfd_process_tell_gone(struct procfd_process *p);
void procfd_process_queue_work(struct work_struct *work);
void procfd_process_drop(struct procfd_process *p);
void procfd_process_put(struct procfd_process *p);
void procfd_process_on_exit(struct notifier_block *nb);
bool procfd_process_exit_matters(struct procfd_process *p);
struct procfd_process *procfd_process_find_quiet(struct pid *pid);
struct procfd_process *procfd_process_find_member(struct pid *pid);
u64 procfd_process_identity(struct pid *pid);
struct pid *procfd_process_get_pid(struct procfd_process *p);
void procfd_process_leave_pid(struct procfd_process *p);
pid_t procfd_process_vnr(struct procfd_process *p, bool *reaped);

static inline void procfd_process_get(struct procfd_process *p)
{
	refcount_inc(&p->refs);
}

/*
 * Pairs with the smp_store_release() of whoever moves the state: what the state
 * promises (pid and id when bound, record when exited) is visible after this.
 */
static inline u32 procfd_process_state(const struct procfd_process *p)
{
	return smp_load_acquire(&p->state);	/* see above */
}

/* True once reading has an answer: the record, or that there will be none. */
static inline bool procfd_process_over(const struct procfd_process *p)
{
	return procfd_process_state(p) >= PROCFD_STATE_EXITED;
}

/* The tree that it is the first process of; NULL also once the members were let go. */
static inline struct procfd_tree *procfd_process_tree(const struct procfd_process *p)
{
	return p->tree && !procfd_tree_let_go(p->tree) ? p->tree : NULL;
}

/**
 * enum procfd_exit - what the chain of procfd_process_on_exit() is called with
 * @PROCFD_EXITED: the process has exited, or will never be; called once
 * @PROCFD_GONE: its tree is over, too, if it has one
 */
enum procfd_exit {
	PROCFD_EXITED,
	PROCFD_GONE,
};

/*
 * True once nobody is left to be signalled: neither the process nor, if it is the
 * first of a tree, any member of that.
 */
static inline bool procfd_process_gone(const struct procfd_process *p)
{
	u32 state = procfd_process_state(p);

	return state == PROCFD_STATE_DROPPED ||
	       (state == PROCFD_STATE_EXITED &&
		(!p->tree || procfd_tree_over(p->tree)));
}

/* wait.c */
int procfd_process_wait(struct procfd_process *p, u64 deadline_ns);

/* fork.c */
int procfd_fork_announce(struct procfd_process *p, u32 flags);
void procfd_fork_withdraw(struct procfd_process *p);
int procfd_fork_cancel(void);
void procfd_fork_bind(struct task_struct *child);

/* quiet.c */
void procfd_quiet_init(void);
void procfd_quiet_begin(struct procfd_process *p, struct task_struct *child);
void procfd_quiet_update_current(bool over);
bool procfd_quiet_autoreaps(void);

/* probes.c */
int procfd_probes_init(void);
void procfd_probes_exit(void);

/* tracepoint.c */
extern atomic_t procfd_armed;
int procfd_tracepoint_register(const char *name, void *probe);
void procfd_tracepoint_unregister(const char *name, void *probe);

/* authority.c */
int procfd_authority_may_open(struct pid *pid);
bool procfd_authority_is_inside(struct procfd_process *p);
int procfd_authority_take(struct procfd_inode *pi,
			  struct procfd_authority *authority);
void procfd_authority_put(struct procfd_authority *authority);
int procfd_authority_kill(const struct procfd_authority *authority,
			  struct pid *pid, int sig);
int procfd_authority_kill_group(const struct procfd_authority *authority, int sig);

/* signal.c */
int procfd_signal(struct procfd_inode *pi, int sig, u32 scope,
		  struct procfd_reach *reach);

/* record.c */
size_t procfd_record_render(const struct procfd_process *p,
			    char text[PROCFD_RECORD_MAX]);
size_t procfd_record_size(const struct procfd_process *p);

/* descriptor.c */
extern const struct file_operations procfd_descriptor_fops;
struct file *procfd_descriptor_file(struct vfsmount *mnt,
				    struct procfd_process *p, u32 flags,
				    bool forked);

static inline bool procfd_is_descriptor(const struct file *file)
{
	return file->f_op == &procfd_descriptor_fops;
}

/* inode.c */
int procfd_inode_init(void);
void procfd_inode_exit(void);
struct inode *procfd_inode_new(struct super_block *sb);
struct inode *procfd_inode_new_descriptor(struct super_block *sb,
					  struct procfd_process *p,
					  const struct file_operations *fops);
int procfd_inode_set_kill_on_close(struct inode *inode, bool on);
void procfd_inode_has_name(struct inode *inode);
struct inode *procfd_inode_alloc(struct super_block *sb);
void procfd_inode_free(struct inode *inode);
void procfd_inode_evict(struct inode *inode);

/* device.c */
int procfd_device_init(void);
void procfd_device_exit(void);

/* ioctl.c */
long procfd_descriptor_ioctl(struct file *file, unsigned int cmd,
			     unsigned long arg);

#endif /* PROCFD_H */
