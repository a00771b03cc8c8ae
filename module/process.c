// SPDX-License-Identifier: GPL-2.0-only
/*
 * struct procfd_process: one per target process while anyone refers to it.
 *
 * The exit is seen through the wait queue that every struct pid has for
 * pidfds. It is woken by exit_notify() under tasklist_lock while the exit code
 * is still in the task, and at other times too, differently per kernel: for a
 * traced leader that dies before its threads, twice, and again on reaping. So
 * a wake says no more than "look", and looking is idempotent.
 */
#include <linux/delay.h>
#include <linux/hashtable.h>
#include <linux/math64.h>
#include <linux/notifier.h>
#include <linux/pid_namespace.h>
#include <linux/poll.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/timekeeping.h>

#include "procfd.h"

static struct kmem_cache *process_cache;
static struct workqueue_struct *exit_workqueue;

/* Who is told of exits; constant once the module is loaded. */
static RAW_NOTIFIER_HEAD(exit_chain);

/*
 * The processes that are bound, by identity: that stays when the struct pid has been
 * given back. Read under RCU. Its size is fixed: tens of thousands of processes make
 * chains of a few, and a resize would have to be paid by some fork.
 */
static DEFINE_HASHTABLE(by_id, 12);
static DEFINE_SPINLOCK(by_id_lock);

/*
 * Processor time as wait4(2) has it, whose helper is not exported: the scheduler
 * knows the sum exactly, and the ticks only say how it was divided.
 */
static void record_times(struct procfd_record *record,
			 const struct task_struct *leader)
{
	const struct signal_struct *signal = leader->signal;
	u64 sum = signal->sum_sched_runtime + leader->se.sum_exec_runtime;
	u64 utime = signal->utime + leader->utime;
	u64 stime = signal->stime + leader->stime;

	if (!stime)
		record->stime_ns = 0;
	else if (!utime)
		record->stime_ns = sum;
	else
		record->stime_ns = mul_u64_u64_div_u64(stime, sum,
						       stime + utime);
	record->utime_ns = sum - record->stime_ns;
}

/*
 * Take what is left of a process, in the one moment when it is final: the
 * leader has exited and no other thread is left.
 *
 * Under tasklist_lock, as at the exit wake, nothing here can change. A later
 * OPEN looks without that lock, and the parent may reap at the same time:
 *
 *   OPEN, looking				parent, in release_task()
 *   sum = signal->utime
 *						write_seqlock(stats_lock)
 *						signal->utime += leader's
 *   sum += leader's				detach the leader from its pid
 *						write_sequnlock(stats_lock)
 *
 * and the leader's share would count twice. The sequence tells, odd or changed,
 * as it does when the last other thread is folded in likewise. If all that the
 * parent does is done before the sequence is read, the leader has left its pid,
 * so that is looked at after it. To wait here for an even number would be a
 * deadlock, since the reaper wakes us with that lock held:
 * procfd_process_open() looks again from outside. With PREEMPT_RT the helpers of a
 * sequence that belongs to a lock wait, so it is read as one that belongs to none.
 */
static bool record_take(struct procfd_process *p, struct task_struct *leader)
{
	struct procfd_record *record = &p->record;
	struct signal_struct *signal = leader->signal;
	const seqcount_t *sequence = &signal->stats_lock.seqcount.seqcount;
	unsigned int seq;

	procfd_race(record_before_sequence);
	seq = raw_read_seqcount(sequence);
	if (seq & 1 || !pid_task(p->pid, PIDTYPE_PID))
		return false;

	procfd_race(record_before_status);
	/* As wait_task_zombie() has it. */
	record->status = signal->flags & SIGNAL_GROUP_EXIT ?
			 signal->group_exit_code : leader->exit_code;
	record_times(record, leader);
	procfd_race(record_after_times);
	record->maxrss_kb = (u64)signal->maxrss << (PAGE_SHIFT - 10);
	record->minflt = signal->min_flt + leader->min_flt;
	record->majflt = signal->maj_flt + leader->maj_flt;
	record->exited_ns = ktime_get_boottime_ns();
	ktime_get_real_ts64(&record->exited_real);

	return !read_seqcount_retry(sequence, seq);
}

/*
 * Two may exist for one process, see procfd_process_bind(), and must tell the
 * same: the first to record it lends the other its record. Both are on the
 * queue whose lock is held.
 */
static bool record_copy(struct procfd_process *p)
{
	struct procfd_process *other;

	hash_for_each_possible_rcu(by_id, other, by_id, p->id) {
		if (other->id == p->id &&
		    procfd_process_state(other) == PROCFD_STATE_EXITED) {
			p->record = other->record;
			return true;
		}
	}
	return false;
}

/**
 * procfd_process_wake - wake who waits for a process
 * @p: process
 * @events: what they may wait for
 *
 * Everybody, exclusive waiters too: a state comes once, and each of those that
 * say EPOLLEXCLUSIVE would wait for ever if another were told of it.
 */
void procfd_process_wake(struct procfd_process *p, __poll_t events)
{
	__wake_up(&p->wait, TASK_NORMAL, 0, poll_to_key(events));
}

/* The state has become final: wake who waits, and have the rest done later. */
static void process_is_over(struct procfd_process *p, u32 state,
			    __poll_t events)
{
	/* Record before state; pairs with procfd_process_state(). */
	smp_store_release(&p->state, state);
	procfd_race(over_before_wake);
	procfd_process_wake(p, events);
	procfd_race(over_before_work);
	smp_mb();	/* drawn at procfd_process_exit_matters() */
	/*
	 * At an exit the last put may have been a moment ago, and wait for the
	 * lock that we hold to leave the queue; then nobody is left to tell.
	 */
	if (READ_ONCE(p->exit_matters) && refcount_inc_not_zero(&p->refs))
		queue_work(exit_workqueue, &p->exit_work);
}

/*
 * See whether the process has exited, and record it if so. The only writer of
 * a record; pid->wait_pidfd.lock keeps it to one at a time.
 *
 * Return: false if there is no record and the process is being reaped, or was.
 */
static bool process_look(struct procfd_process *p)
{
	struct task_struct *leader;
	bool known = true;

	lockdep_assert_held(&p->pid->wait_pidfd.lock);

	if (p->state == PROCFD_STATE_EXITED)
		return true;

	rcu_read_lock();
	leader = pid_task(p->pid, PIDTYPE_TGID);
	/*
	 * The wake on reaping comes when the task has left PIDTYPE_PID and not
	 * yet PIDTYPE_TGID, under siglock and stats_lock: hands off.
	 */
	if (!leader || !pid_task(p->pid, PIDTYPE_PID)) {
		known = false;
		goto out;
	}
	/*
	 * Neither a leader that exits before its threads nor one whose place
	 * an exec of another thread is taking is an exit of the process: in
	 * both cases there is another thread in the group. Without
	 * tasklist_lock, as for an OPEN, the place can be taken meanwhile:
	 *
	 *   here				exec, in de_thread()
	 *   the leader is a zombie
	 *					it is no leader any more
	 *   thread_group_leader(): no
	 * or
	 *   thread_group_leader(): yes
	 *					the same, and it is taken out
	 *   thread_group_empty(): no, it
	 *   still points to the other thread
	 */
	if (!READ_ONCE(leader->exit_state))
		goto out;
	procfd_race(look_before_empty);
	if (!thread_group_leader(leader) || !thread_group_empty(leader))
		goto out;
	known = record_copy(p) || record_take(p, leader);
	if (!known)
		goto out;

	list_del_init(&p->exit_wait.entry);
	procfd_tree_exit(p);
	process_is_over(p, PROCFD_STATE_EXITED,
			EPOLLIN | EPOLLRDNORM | EPOLLHUP);
out:
	rcu_read_unlock();
	return known;
}

static int process_exit_wake(wait_queue_entry_t *wait, unsigned int mode,
			     int flags, void *key)
{
	process_look(container_of(wait, struct procfd_process, exit_wait));
	return 0;	/* never counts as an exclusive waiter */
}

/* What follows from an exit and may sleep. Runs once, when the state is final. */
static void process_exit_work(struct work_struct *work)
{
	struct procfd_process *p = container_of(work, struct procfd_process,
						exit_work);

	raw_notifier_call_chain(&exit_chain, PROCFD_EXITED, p);
	procfd_tree_leave(p);
	if (procfd_process_gone(p))
		procfd_process_tell_gone(p);
	procfd_process_put(p);
}

/**
 * procfd_process_tell_gone - tell of a process of which nobody is left
 * @p: process that procfd_process_gone() is true of
 *
 * If it is the first of a tree, this is called when that is over, and may be called
 * once more.
 *
 * Context: The module's own work queue.
 */
void procfd_process_tell_gone(struct procfd_process *p)
{
	/* Who has seen the exit, and a tree that was just being let go. */
	if (p->tree)
		procfd_process_wake(p, EPOLLHUP);
	raw_notifier_call_chain(&exit_chain, PROCFD_GONE, p);
	procfd_process_leave_pid(p);
}

/**
 * procfd_process_queue_work - have something done where exits are told
 * @work: its function runs in process context before the module goes
 */
void procfd_process_queue_work(struct work_struct *work)
{
	queue_work(exit_workqueue, work);
}

/**
 * procfd_process_on_exit - be told of each exit that matters
 * @nb: called in process context with the process, whose state is final; in the
 *	order of priority
 */
void __init procfd_process_on_exit(struct notifier_block *nb)
{
	raw_notifier_chain_register(&exit_chain, nb);
}

/**
 * procfd_process_exit_matters - have the exit work run when the process exits
 * @p: process
 *
 * Most descriptors never get a name, and nobody needs to hear of their exit but
 * those who wait. Either the exit sees the mark, or we see the exit:
 *
 *   here				exit
 *   exit_matters = true		state = EXITED
 *   smp_mb()				smp_mb()
 *   look at state			look at exit_matters
 *
 * Return: false if the process was over already and no work may come: the
 * caller does itself what the work would have done.
 */
bool procfd_process_exit_matters(struct procfd_process *p)
{
	WRITE_ONCE(p->exit_matters, true);
	smp_mb();	/* drawn above */
	procfd_race(exit_matters_before_look);
	return !procfd_process_gone(p);
}

/**
 * procfd_process_alloc - make a process that waits for its fork
 * @gfp: how it is allocated
 *
 * Return: state PROCFD_STATE_UNBOUND and one reference, or NULL.
 */
struct procfd_process *procfd_process_alloc(gfp_t gfp)
{
	struct procfd_process *p = kmem_cache_zalloc(process_cache, gfp);

	if (!p)
		return NULL;
	refcount_set(&p->refs, 1);
	p->state = PROCFD_STATE_UNBOUND;
	init_waitqueue_func_entry(&p->exit_wait, process_exit_wake);
	INIT_LIST_HEAD(&p->exit_wait.entry);
	init_waitqueue_head(&p->wait);
	INIT_HLIST_NODE(&p->by_id);
	spin_lock_init(&p->lock);
	INIT_LIST_HEAD(&p->inodes);
	INIT_WORK(&p->exit_work, process_exit_work);
	INIT_HLIST_NODE(&p->pending_node);
	return p;
}

/*
 * Set identity and state, and hook the exit.
 *
 * Return: false if the process was reaped before, and there is no record.
 */
static bool process_hook(struct procfd_process *p, struct pid *pid,
			 u64 started_ns)
{
	unsigned long flags;
	bool known;

	p->pid = get_pid(pid);
	p->pid_nr = pid_nr(pid);
	p->started_ns = started_ns;
	p->id = procfd_pid_identity(pid, started_ns);
	/* Identity before state; pairs with procfd_process_state(). */
	smp_store_release(&p->state, PROCFD_STATE_RUNNING);

	/*
	 * Hooked first and looked at next, under the same lock: an exit before
	 * this is found by looking, an exit after it wakes us.
	 */
	procfd_race(hook_before_queue);
	spin_lock_irqsave(&pid->wait_pidfd.lock, flags);
	__add_wait_queue(&pid->wait_pidfd, &p->exit_wait);
	known = process_look(p);
	spin_unlock_irqrestore(&pid->wait_pidfd.lock, flags);
	return known;
}

static bool process_look_again(struct procfd_process *p)
{
	unsigned long flags;
	bool known;

	spin_lock_irqsave(&p->pid->wait_pidfd.lock, flags);
	known = process_look(p);
	spin_unlock_irqrestore(&p->pid->wait_pidfd.lock, flags);
	return known;
}

/* The identity of the process that @pid leads, and its start; false if reaped. */
static bool process_identity(struct pid *pid, u64 *id, u64 *started_ns)
{
	struct task_struct *task;

	rcu_read_lock();
	task = pid_task(pid, PIDTYPE_TGID);
	if (task) {
		/* An exec by another thread hands it on before the pid. */
		*started_ns = task->start_boottime;
		*id = procfd_pid_identity(pid, *started_ns);
	}
	rcu_read_unlock();
	return task;
}

/* For a moment there may be two of one process, see procfd_process_bind(). */
enum which { ANY, QUIET, MEMBER };

static bool is_that(const struct procfd_process *p, enum which which)
{
	return which == ANY || (which == QUIET && p->quiet) ||
	       (which == MEMBER && p->seats);
}

static struct procfd_process *process_find(u64 id, enum which which)
{
	struct procfd_process *p;

	rcu_read_lock();
	hash_for_each_possible_rcu(by_id, p, by_id, id) {
		if (p->id == id && is_that(p, which) &&
		    refcount_inc_not_zero(&p->refs)) {
			rcu_read_unlock();
			return p;
		}
	}
	rcu_read_unlock();
	return NULL;
}

/**
 * procfd_process_find_quiet - find the state of a quiet child
 * @pid: its struct pid
 *
 * Return: with a reference, or NULL.
 */
struct procfd_process *procfd_process_find_quiet(struct pid *pid)
{
	u64 id, started_ns;

	if (!process_identity(pid, &id, &started_ns))
		return NULL;
	return process_find(id, QUIET);
}

/**
 * procfd_process_find_member - find the state of a member of a tree
 * @pid: its struct pid
 *
 * Return: with a reference, or NULL.
 */
struct procfd_process *procfd_process_find_member(struct pid *pid)
{
	u64 id, started_ns;

	if (!process_identity(pid, &id, &started_ns))
		return NULL;
	return process_find(id, MEMBER);
}

/**
 * procfd_process_identity - the identity of a process
 * @pid: its struct pid
 *
 * Return: as &procfd_info.id has it; 0 if it was reaped.
 */
u64 procfd_process_identity(struct pid *pid)
{
	u64 id, started_ns;

	return process_identity(pid, &id, &started_ns) ? id : 0;
}

/**
 * procfd_process_get_pid - get the struct pid of a process
 * @p: process
 *
 * Return: with a reference; NULL before there is one, and once it was given back.
 */
struct pid *procfd_process_get_pid(struct procfd_process *p)
{
	struct pid *pid;

	spin_lock(&p->lock);
	pid = get_pid(p->pid);
	spin_unlock(&p->lock);
	return pid;
}

/**
 * procfd_process_leave_pid - give the struct pid of a process back
 * @p: process that has exited, and that has or had a name
 *
 * A struct pid holds its pid namespace, of which a user may have a few only, and a
 * name may be kept for years. Where the process has not been reaped it is found by
 * its number. Does nothing the second time.
 */
void procfd_process_leave_pid(struct procfd_process *p)
{
	struct pid *pid, *quiet_parent;

	procfd_race_sleep(leave_pid_before_lock);
	spin_lock(&p->lock);
	pid = p->pid;
	quiet_parent = p->quiet_parent;
	p->pid = NULL;
	p->quiet_parent = NULL;
	spin_unlock(&p->lock);
	put_pid(pid);
	put_pid(quiet_parent);
}

/**
 * procfd_process_vnr - the pid of a process as current sees it
 * @p: process that is bound
 * @reaped: whether it was reaped
 *
 * Return: 0 if it was reaped, so that the pid may be another's, or if current's
 * pid namespace does not see it.
 */
pid_t procfd_process_vnr(struct procfd_process *p, bool *reaped)
{
	struct pid *pid = procfd_process_get_pid(p), *found;
	u64 id, started_ns;
	pid_t nr;

	rcu_read_lock();
	found = pid ?: find_pid_ns(p->pid_nr, &init_pid_ns);
	*reaped = !found || !process_identity(found, &id, &started_ns) ||
		  id != p->id;
	nr = *reaped ? 0 : pid_vnr(found);
	rcu_read_unlock();
	put_pid(pid);
	return nr;
}

static void process_publish(struct procfd_process *p)
{
	spin_lock(&by_id_lock);
	hash_add_rcu(by_id, &p->by_id, p->id);
	spin_unlock(&by_id_lock);
}

/**
 * procfd_process_bind - give an announced fork its process
 * @p: process in state PROCFD_STATE_UNBOUND
 * @task: child that has not run yet
 *
 * The child can be found by its pid before this, so that an OPEN on another
 * CPU may have made a procfd_process of its own. Both are right, and one more
 * wait queue entry is all that it costs: identity comes from the struct pid, and
 * record_copy() keeps their records the same. procfd_process_tell_bound() must
 * follow.
 *
 * Context: Process context, must not sleep. Cannot fail.
 */
void procfd_process_bind(struct procfd_process *p, struct task_struct *task)
{
	/* It has not run, so it cannot have been reaped. */
	WARN_ON_ONCE(!process_hook(p, task_pid(task), task->start_boottime));
	procfd_race(bind_before_publish);
	process_publish(p);
}

/**
 * procfd_process_tell_bound - wake who waits for a process to begin
 * @p: process that procfd_process_bind() has bound
 */
void procfd_process_tell_bound(struct procfd_process *p)
{
	procfd_process_wake(p, EPOLLOUT | EPOLLWRNORM);
}

/**
 * procfd_process_drop - say that an announced fork will not come
 * @p: process in state PROCFD_STATE_UNBOUND that cannot be bound any more
 */
void procfd_process_drop(struct procfd_process *p)
{
	process_is_over(p, PROCFD_STATE_DROPPED,
			EPOLLIN | EPOLLERR | EPOLLHUP);
}

/**
 * procfd_process_open - get the process of a struct pid
 * @pid: pid of a thread group leader
 *
 * Return: with a reference; ERR_PTR(-ESRCH) if it was reaped, ERR_PTR(-ENOMEM).
 */
struct procfd_process *procfd_process_open(struct pid *pid)
{
	struct procfd_process *p, *other;
	u64 id, started_ns;
	bool known;

	if (!process_identity(pid, &id, &started_ns))
		return ERR_PTR(-ESRCH);
	p = process_find(id, ANY);
	if (p)
		return p;

	p = procfd_process_alloc(GFP_KERNEL);
	if (!p)
		return ERR_PTR(-ENOMEM);
	procfd_race_sleep(open_before_hook);
	known = process_hook(p, pid, started_ns);
	/*
	 * A thread is being reaped just now. If it is not the leader, there is
	 * an exit to record; if it is, it has left the pid in a moment. Whoever
	 * does that may be of a lower priority on this very processor.
	 */
	while (!known && pid_has_task(pid, PIDTYPE_TGID)) {
		usleep_range(5, 50);
		known = process_look_again(p);
	}
	if (!known) {
		procfd_process_put(p);
		return ERR_PTR(-ESRCH);
	}

	procfd_race_sleep(open_hooked);
	/* Two OPENs at once: both have hooked theirs, one is kept. */
	spin_lock(&by_id_lock);
	other = process_find(id, ANY);
	if (!other)
		hash_add_rcu(by_id, &p->by_id, id);
	spin_unlock(&by_id_lock);
	if (other) {
		procfd_process_put(p);
		return other;
	}
	return p;
}

static void process_free(struct rcu_head *rcu)
{
	kmem_cache_free(process_cache,
			container_of(rcu, struct procfd_process, rcu));
}

/**
 * procfd_process_put - drop a reference
 * @p: process; gone if it was the last
 *
 * Context: Process context, must not hold pid->wait_pidfd.lock.
 */
void procfd_process_put(struct procfd_process *p)
{
	unsigned long flags;

	if (!refcount_dec_and_test(&p->refs))
		return;

	procfd_race(put_before_unhook);
	if (p->pid) {
		/* Once off the queue, under its lock, no wake can run. */
		spin_lock_irqsave(&p->pid->wait_pidfd.lock, flags);
		list_del_init(&p->exit_wait.entry);
		spin_unlock_irqrestore(&p->pid->wait_pidfd.lock, flags);
	}
	/* A neighbour that comes or goes writes to it; only we take it out. */
	if (!hlist_unhashed_lockless(&p->by_id)) {
		spin_lock(&by_id_lock);
		hash_del_rcu(&p->by_id);
		spin_unlock(&by_id_lock);
	}
	put_pid(p->pid);
	put_pid(p->quiet_parent);
	procfd_tree_free(p);
	call_rcu(&p->rcu, process_free);
}

int __init procfd_process_init(void)
{
	process_cache = KMEM_CACHE(procfd_process, SLAB_ACCOUNT);
	if (!process_cache)
		return -ENOMEM;
	exit_workqueue = alloc_workqueue("procfd", WQ_UNBOUND, 0);
	if (!exit_workqueue) {
		kmem_cache_destroy(process_cache);
		return -ENOMEM;
	}
	return 0;
}

/*
 * The module's references are gone, but the exit work may still be between its
 * last module_put() and its return, and RCU has yet to free what it put.
 */
void procfd_process_exit(void)
{
	destroy_workqueue(exit_workqueue);
	rcu_barrier();
	kmem_cache_destroy(process_cache);
}
