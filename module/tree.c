// SPDX-License-Identifier: GPL-2.0-only
/*
 * Trees: a process and all that comes from it.
 *
 * Whatever a member creates is a member from before its first instruction: the probe
 * of the fork runs in the creator, after the child exists and before it runs. It
 * leaves by its exit and by nothing else. A tree that is made inside another is a part
 * of it, so a process has a seat in each tree that it belongs to, and each tree has
 * one list of all its members, in the order of their birth.
 *
 * A walk over the members, which may be a hundred thousand, holds no lock while it is
 * with one of them: its place in the list is kept by a seat that belongs to nobody.
 */
#include <linux/cred.h>
#include <linux/module.h>
#include <linux/poll.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/timekeeping.h>

#include "procfd.h"
#include "tree.h"

/* Trees that have members: strangers pay for one test of it. */
atomic_t procfd_trees = ATOMIC_INIT(0);

/**
 * struct seat - the membership of one process in one tree
 * @node: in tree->members, or empty; protected by tree->lock
 * @process: who sits here, with a reference while @node is in the list; NULL: a walk
 *	keeps its place with it
 * @tree: constant, with a reference
 * @joined: it has been in the list; constant once the process runs
 * @exited: the process has exited; protected by tree->lock
 * @due: signals whose passes the process has missed, see seat_join(); only for the
 *	probe of its fork
 */
struct seat {
	struct list_head node;
	struct procfd_process *process;
	struct procfd_tree *tree;
	bool joined;
	bool exited;
	u64 due;
};

/**
 * struct procfd_seats - all seats of a process; as long as the process's state
 * @born_with: signals that were pending before it first ran
 * @count: of @seat
 * @seat: the innermost tree's is the last
 */
struct procfd_seats {
	DECLARE_BITMAP(born_with, _NSIG);
	unsigned int count;
	struct seat seat[] __counted_by(count);
};

/**
 * struct procfd_tree - a tree
 * @refs: its first process, seats, inner trees, and its members together
 * @outer: the tree that it was made in, with a reference, or NULL; constant
 * @first: its first process, with a reference while it has members
 * @over: nobody of it lives, and nobody will; read by procfd_tree_over()
 * @lock: protects what follows; taken at an exit, so with interrupts off
 * @members: seats, in the order of birth; those who exit leave a moment later
 * @seated: how many
 * @live: how many of them have not exited
 * @main: the oldest of these
 * @seen: inodes of @first
 * @dissolving: nobody can see it any more, so that its members are let go
 * @killer: with whose credentials SIGKILL was sent; whatever is born gets it, too
 * @kill_refused: that pass met with members that it might not signal
 * @sent: by signal, less one: when the last pass of it ended, and whose it was; NULL
 *	until there is one
 * @last_sent_ns: when the last pass of any ended
 * @born: members that there ever were
 * @born_dead: how many of these were killed at birth for want of memory
 * @ended_id: identity of the main process that ended last; 0 if none has
 * @ended_status: its wait status
 * @usage: sum of what those that have exited used, see struct procfd_record
 * @dissolve_work: lets the members go
 */
struct procfd_tree {
	refcount_t refs;
	struct procfd_tree *outer;
	struct procfd_process *first;
	bool over;
	spinlock_t lock;	/* protects what follows */
	struct list_head members;
	unsigned int seated;
	unsigned int live;
	struct seat *main;
	unsigned int seen;
	bool dissolving;
	const struct cred *killer;
	bool kill_refused;
	struct sent {
		u64 ended_ns;
		const struct cred *maker;
	} *sent;
	u64 last_sent_ns;
	u64 born;
	u64 born_dead;
	u64 ended_id;
	int ended_status;
	struct procfd_record usage;
	struct work_struct dissolve_work;
};

static void tree_dissolve_work(struct work_struct *work);

static struct procfd_tree *tree_new(void)
{
	struct procfd_tree *tree = kzalloc(sizeof(*tree), GFP_KERNEL_ACCOUNT);

	if (!tree)
		return NULL;
	refcount_set(&tree->refs, 1);
	spin_lock_init(&tree->lock);
	INIT_LIST_HEAD(&tree->members);
	INIT_WORK(&tree->dissolve_work, tree_dissolve_work);
	return tree;
}

static void tree_get(struct procfd_tree *tree)
{
	refcount_inc(&tree->refs);
}

static void tree_put(struct procfd_tree *tree)
{
	struct procfd_tree *outer;

	/* As deep as trees may be in each other. */
	for (; tree && refcount_dec_and_test(&tree->refs); tree = outer) {
		outer = tree->outer;
		/* Of a pass that came when all was over. */
		kfree(tree->sent);
		kfree(tree);
	}
}

/* Nobody is born in it any more, and a dead name is to pin no credentials. */
static void put_credentials(struct procfd_tree *tree)
{
	const struct cred *killer;
	struct sent *sent;
	unsigned int i;

	spin_lock_irq(&tree->lock);
	killer = tree->killer;
	sent = tree->sent;
	tree->killer = NULL;
	tree->sent = NULL;
	tree->last_sent_ns = 0;
	spin_unlock_irq(&tree->lock);
	put_cred(killer);
	for (i = 0; sent && i < _NSIG; i++)
		put_cred(sent[i].maker);
	kfree(sent);
}

/**
 * procfd_tree_over - has a tree no members any more
 * @tree: tree that had some
 */
bool procfd_tree_over(const struct procfd_tree *tree)
{
	/* Pairs with seat_exit(): the last member's exit is visible, too. */
	return smp_load_acquire(&tree->over);
}

/**
 * procfd_tree_let_go - is a tree none any more, since nobody saw it
 * @tree: tree
 */
bool procfd_tree_let_go(const struct procfd_tree *tree)
{
	return READ_ONCE(tree->dissolving);
}

/*
 * Seats in the trees of @from that there still are, and in @own.
 *
 * Return: NULL if that is none; ERR_PTR(-ELOOP), ERR_PTR(-ENOMEM).
 */
static struct procfd_seats *seats_new(const struct procfd_seats *from,
				      struct procfd_tree *own, gfp_t gfp)
{
	struct procfd_tree *trees[PROCFD_TREE_DEPTH];
	struct procfd_seats *seats;
	unsigned int count = 0, i;

	for (i = 0; from && i < from->count; i++) {
		if (!procfd_tree_over(from->seat[i].tree))
			trees[count++] = from->seat[i].tree;
	}
	if (own) {
		if (count == PROCFD_TREE_DEPTH)
			return ERR_PTR(-ELOOP);
		trees[count++] = own;
	}
	if (!count)
		return NULL;

	seats = kzalloc(struct_size(seats, seat, count), gfp);
	if (!seats)
		return ERR_PTR(-ENOMEM);
	seats->count = count;
	for (i = 0; i < count; i++) {
		INIT_LIST_HEAD(&seats->seat[i].node);
		tree_get(trees[i]);
		seats->seat[i].tree = trees[i];
	}
	return seats;
}

/* Current's process with its seats, with a reference; NULL if it is no member. */
static struct procfd_process *current_member(void)
{
	if (likely(!atomic_read(&procfd_trees)))
		return NULL;
	return procfd_process_find_member(task_tgid(current));
}

static void take_seats(struct procfd_process *p, struct procfd_seats *seats)
{
	unsigned int i;

	for (i = 0; i < seats->count; i++)
		seats->seat[i].process = p;
	p->seats = seats;
	/* Its exit is always of interest: a member leaves. */
	WRITE_ONCE(p->exit_matters, true);
}

/**
 * procfd_tree_prepare - get ready what the child of an announced fork needs
 * @p: process in state PROCFD_STATE_UNBOUND that nobody else has
 * @lead: it is the first of a tree of its own
 *
 * A process that is no member cannot become one, and the fork is that of current, so
 * nothing can be missing when it comes.
 *
 * Return: 0; -ELOOP if too many trees would be in each other; -ENOMEM.
 */
int procfd_tree_prepare(struct procfd_process *p, bool lead)
{
	struct procfd_process *creator = current_member();
	struct procfd_seats *seats = NULL;
	struct procfd_tree *tree = NULL;

	if (lead) {
		tree = tree_new();
		if (!tree) {
			seats = ERR_PTR(-ENOMEM);
			goto out;
		}
		p->tree = tree;
	}
	if (creator || lead)
		seats = seats_new(creator ? creator->seats : NULL, tree,
				  GFP_KERNEL_ACCOUNT);
	if (IS_ERR_OR_NULL(seats))
		goto out;
	if (lead && seats->count > 1) {
		tree->outer = seats->seat[seats->count - 2].tree;
		tree_get(tree->outer);
	}
	take_seats(p, seats);
out:
	if (creator)
		procfd_process_put(creator);
	return PTR_ERR_OR_ZERO(seats);
}

/**
 * procfd_tree_free - give back what procfd_tree_prepare() has got
 * @p: process that nobody has any more
 */
void procfd_tree_free(struct procfd_process *p)
{
	unsigned int i;

	for (i = 0; p->seats && i < p->seats->count; i++)
		tree_put(p->seats->seat[i].tree);
	kfree(p->seats);
	tree_put(p->tree);
}

/*
 * Which signals' passes has a process missed that was born at @started_ns and joins
 * now, all of them being over? See procfd_tree_signal().
 */
static u64 signals_missed(const struct procfd_tree *tree, u64 started_ns)
{
	u64 missed = 0;
	unsigned int i;

	lockdep_assert_held(&tree->lock);
	if (tree->last_sent_ns < started_ns)
		return 0;
	for (i = 0; i < _NSIG; i++) {
		if (tree->sent[i].ended_ns >= started_ns)
			missed |= BIT_ULL(i);
	}
	return missed;
}

static void seat_join(struct seat *seat)
{
	struct procfd_process *p = seat->process;
	struct procfd_tree *tree = seat->tree;

	procfd_race(join_before_lock);
	spin_lock_irq(&tree->lock);
	if (!tree->over && !tree->dissolving) {
		if (p->tree == tree) {
			/* Until tree_end(). The open descriptor pins us now. */
			procfd_process_get(p);
			tree->first = p;
			tree_get(tree);
			__module_get(THIS_MODULE);
			atomic_inc(&procfd_trees);
		}
		procfd_process_get(p);
		list_add_tail(&seat->node, &tree->members);
		seat->joined = true;
		tree->seated++;
		tree->live++;
		if (!tree->main)
			tree->main = seat;
		tree->born++;
		seat->due = signals_missed(tree, p->started_ns);
	}
	spin_unlock_irq(&tree->lock);
}

/**
 * procfd_tree_join - a process that was just born becomes a member
 * @p: process that is bound
 * @child: its task, which has not run
 *
 * procfd_tree_welcome() must follow. Whoever looks from now on finds it.
 *
 * Context: Process context, must not sleep.
 */
void procfd_tree_join(struct procfd_process *p, struct task_struct *child)
{
	sigset_t *pending = &child->signal->shared_pending.signal;
	struct sighand_struct *sighand;
	unsigned int i;

	if (!p->seats)
		return;
	/* It has not run, and cannot lose it. */
	sighand = rcu_dereference_protected(child->sighand, true);
	spin_lock_irq(&sighand->siglock);
	for (i = 0; i < _NSIG; i++)
		__assign_bit(i, p->seats->born_with, sigismember(pending, i + 1));
	spin_unlock_irq(&sighand->siglock);
	for (i = 0; i < p->seats->count; i++)
		seat_join(&p->seats->seat[i]);
}

static void welcome_by(struct procfd_tree *tree, const struct cred *maker,
		       struct pid *pid, int sig)
{
	const struct procfd_authority authority = { .maker = maker };

	if (!maker)
		return;
	procfd_authority_kill(&authority, pid, sig);
	put_cred(maker);
}

/**
 * procfd_tree_welcome - give a new member the signals that its trees have had
 * @p: process that has joined, and has not run
 *
 * What it was born too late for is drawn at procfd_tree_signal().
 *
 * Context: Process context, must not sleep.
 */
void procfd_tree_welcome(struct procfd_process *p)
{
	const struct cred *maker;
	struct procfd_tree *tree;
	struct seat *seat;
	unsigned int i;
	int sig;

	procfd_race(joined);
	for (i = 0; p->seats && i < p->seats->count; i++) {
		seat = &p->seats->seat[i];
		tree = seat->tree;
		while (seat->due) {
			sig = __ffs64(seat->due) + 1;
			seat->due &= seat->due - 1;
			spin_lock_irq(&tree->lock);
			/* It may have been let go meanwhile. */
			maker = tree->sent ? get_cred(tree->sent[sig - 1].maker) :
					     NULL;
			spin_unlock_irq(&tree->lock);
			set_bit(sig - 1, p->seats->born_with);
			welcome_by(tree, maker, p->pid, sig);
		}
		spin_lock_irq(&tree->lock);
		maker = get_cred(tree->killer);
		spin_unlock_irq(&tree->lock);
		welcome_by(tree, maker, p->pid, SIGKILL);
	}
}

/* There is no memory to record a member. It must not get away: it dies. */
static void born_dead(const struct procfd_seats *seats, struct task_struct *child)
{
	bool member = false;
	unsigned int i;

	for (i = 0; i < seats->count; i++) {
		struct procfd_tree *tree = seats->seat[i].tree;

		spin_lock_irq(&tree->lock);
		if (!tree->over && !tree->dissolving) {
			tree->born++;
			tree->born_dead++;
			member = true;
		}
		spin_unlock_irq(&tree->lock);
	}
	if (member)
		send_sig(SIGKILL, child, 1);
}

/**
 * procfd_tree_fork - current has created a process that was not announced
 * @child: it has not run
 *
 * Context: Process context, must not sleep.
 */
void procfd_tree_fork(struct task_struct *child)
{
	const gfp_t gfp = GFP_ATOMIC | __GFP_NOWARN | __GFP_ACCOUNT;
	struct procfd_process *creator = current_member(), *p;
	struct procfd_seats *seats;

	if (!creator)
		return;
	seats = seats_new(creator->seats, NULL, gfp);
	if (!seats)
		goto out;	/* its trees are over */
	p = IS_ERR(seats) ? NULL : procfd_process_alloc(gfp);
	if (!p) {
		born_dead(creator->seats, child);
		goto out;
	}
	take_seats(p, seats);
	procfd_process_bind(p, child);
	procfd_tree_join(p, child);
	procfd_tree_welcome(p);
	procfd_process_put(p);
out:
	procfd_process_put(creator);
}

/*
 * No member is left, or they were let go: then the first process may still run, and
 * may be seen again since. Either we see its exit, or that sees the end:
 *
 *   here				exit, and its work
 *   over = true			state = EXITED
 *   smp_mb()				smp_mb()
 *   look at state			look at over
 *
 * In the module's own work queue, which its exit drains before the text goes.
 */
static void tree_end(struct procfd_tree *tree)
{
	/* Known since the last exit, unless they were let go. */
	smp_store_release(&tree->over, true);
	procfd_race_sleep(tree_over);
	smp_mb();	/* drawn above */
	if (procfd_process_gone(tree->first))
		procfd_process_tell_gone(tree->first);
	put_credentials(tree);
	atomic_dec(&procfd_trees);
	procfd_process_put(tree->first);
	tree_put(tree);
	module_put(THIS_MODULE);
}

static void note_usage(struct procfd_record *usage, const struct procfd_record *more)
{
	usage->utime_ns += more->utime_ns;
	usage->stime_ns += more->stime_ns;
	usage->maxrss_kb = max(usage->maxrss_kb, more->maxrss_kb);
	usage->minflt += more->minflt;
	usage->majflt += more->majflt;
}

/* The next member after the main process that lives. Each is passed over once. */
static struct seat *next_main(struct procfd_tree *tree)
{
	struct seat *seat = tree->main;

	/* It was let go, and with it all others. */
	if (list_empty(&seat->node))
		return NULL;
	list_for_each_entry_continue(seat, &tree->members, node) {
		if (seat->process && !seat->exited)
			return seat;
	}
	return NULL;
}

static void seat_exit(struct seat *seat)
{
	struct procfd_process *p = seat->process, *first = NULL;
	struct procfd_tree *tree = seat->tree;

	if (!seat->joined)
		return;
	spin_lock(&tree->lock);
	seat->exited = true;
	note_usage(&tree->usage, &p->record);
	if (tree->main == seat) {
		tree->ended_id = p->id;
		tree->ended_status = p->record.status;
		tree->main = next_main(tree);
	}
	if (--tree->live == 0) {
		/* Pairs with procfd_tree_over(). */
		smp_store_release(&tree->over, true);
		if (p != tree->first && !tree->dissolving)
			first = tree->first;
	}
	spin_unlock(&tree->lock);
	/* It stays until this member has left. */
	if (first)
		procfd_process_wake(first, EPOLLHUP);
}

/**
 * procfd_tree_exit - a process is exiting
 * @p: process, whose record is there and whose state is not yet final
 *
 * So that whoever sees its exit sees what that means for its trees, too. Exits come
 * one at a time, and in their order, since tasklist_lock is held.
 *
 * Context: In the wake of pid->wait_pidfd, with interrupts off.
 */
void procfd_tree_exit(struct procfd_process *p)
{
	unsigned int i;

	for (i = p->seats ? p->seats->count : 0; i--;)
		seat_exit(&p->seats->seat[i]);
}

static void seat_leave(struct seat *seat)
{
	struct procfd_tree *tree = seat->tree;
	bool left, last = false;

	procfd_race_sleep(leave_before_lock);
	spin_lock_irq(&tree->lock);
	left = !list_empty(&seat->node);
	if (left) {
		list_del_init(&seat->node);
		/* If it is being dissolved, the end comes from there. */
		last = --tree->seated == 0 && !tree->dissolving;
	}
	spin_unlock_irq(&tree->lock);
	if (last)
		tree_end(tree);
	if (left)
		procfd_process_put(seat->process);
}

/**
 * procfd_tree_leave - a process has exited, and procfd_tree_exit() was called
 * @p: process; the caller has a reference
 *
 * Context: The work of its exit.
 */
void procfd_tree_leave(struct procfd_process *p)
{
	unsigned int i;

	/* The inner tree ends first. */
	for (i = p->seats ? p->seats->count : 0; i--;)
		seat_leave(&p->seats->seat[i]);
}

/* Does somebody see what is in a tree: by itself, or by one that it is in? */
static bool kept_by_outer(const struct procfd_tree *tree)
{
	struct procfd_tree *outer = tree->outer;
	bool kept;

	if (!outer)
		return false;
	spin_lock_irq(&outer->lock);
	kept = !outer->over && !outer->dissolving;
	spin_unlock_irq(&outer->lock);
	return kept;
}

/*
 * Let the members of a tree go that nobody sees any more. One that was killed stays
 * until it is empty, since what is born in it has to die.
 *
 * An inner tree is looked at when its last inode goes, and when the outer one goes.
 * Whoever comes second sees both, since each changes its own under its own lock before
 * it looks at the other's:
 *
 *   the last inode of the inner		the outer dissolves
 *   inner: seen = 0
 *						outer: dissolving = true
 *   outer: dissolving?			inner: seen?
 */
static void dissolve_unless_seen(struct procfd_tree *tree)
{
	bool dissolve;

	if (kept_by_outer(tree))
		return;
	spin_lock_irq(&tree->lock);
	dissolve = !tree->seen && tree->seated && !tree->killer &&
		   !tree->dissolving;
	if (dissolve)
		WRITE_ONCE(tree->dissolving, true);
	spin_unlock_irq(&tree->lock);
	/* The members' reference lasts until tree_end(). */
	if (dissolve)
		procfd_process_queue_work(&tree->dissolve_work);
}

/**
 * procfd_tree_seen - the first process of a tree has one more inode
 * @tree: tree
 */
void procfd_tree_seen(struct procfd_tree *tree)
{
	spin_lock_irq(&tree->lock);
	tree->seen++;
	spin_unlock_irq(&tree->lock);
}

/**
 * procfd_tree_unseen - the first process of a tree has one inode less
 * @tree: tree
 */
void procfd_tree_unseen(struct procfd_tree *tree)
{
	bool last;

	spin_lock_irq(&tree->lock);
	last = --tree->seen == 0;
	spin_unlock_irq(&tree->lock);
	procfd_race_sleep(unseen_before_look);
	if (last)
		dissolve_unless_seen(tree);
}

/* After @place, and before @end. Passes over the places of other walks. */
static struct seat *next_seat(const struct procfd_tree *tree, struct seat *place,
			      const struct seat *end)
{
	struct seat *seat = place;

	lockdep_assert_held(&tree->lock);
	list_for_each_entry_continue(seat, &tree->members, node) {
		if (seat == end)
			break;
		if (seat->process)
			return seat;
	}
	return NULL;
}

static void tree_dissolve_work(struct work_struct *work)
{
	struct procfd_tree *tree = container_of(work, struct procfd_tree,
						dissolve_work);
	struct procfd_process *p;
	struct seat *seat;
	unsigned int i;

	for (;;) {
		spin_lock_irq(&tree->lock);
		seat = list_first_entry_or_null(&tree->members, struct seat, node);
		if (seat) {
			list_del_init(&seat->node);
			tree->seated--;
		}
		spin_unlock_irq(&tree->lock);
		if (!seat)
			break;
		p = seat->process;
		for (i = 0; i < p->seats->count; i++) {
			if (p->seats->seat[i].tree->outer == tree)
				dissolve_unless_seen(p->seats->seat[i].tree);
		}
		procfd_process_put(p);
		cond_resched();
	}
	tree_end(tree);
}

/*
 * The process of @pid has got a signal, and some of its threads are forking. The
 * kernel restarts a fork that finds a signal pending when it begins; one that has
 * begun before the signal goes on, and gives its child what the kernel puts here when
 * a signal is sent to a whole group. It is one here, too.
 *
 *   pass				a member, forking
 *					nothing is pending: goes on, and is on
 *					signal->multiprocess
 *   kill_pid()
 *   here: adds it to what the
 *   child will have pending
 *					takes itself off; the child is there
 *
 * With tasklist_lock, as the kernel has it, the two would be one step. If the fork
 * begins between them and does not mind, since it has the signal blocked, the child
 * may have it nevertheless, as if it had been sent a moment later.
 */
static void signal_forks(struct pid *pid, int sig)
{
	struct multiprocess_signals *delayed;
	struct sighand_struct *sighand;
	struct task_struct *task;
	bool same = false;

	rcu_read_lock();
	/* lock_task_sighand() is not exported. */
	while (!same) {
		task = pid_task(pid, PIDTYPE_TGID);
		sighand = task ? rcu_dereference(task->sighand) : NULL;
		if (!sighand)
			break;
		spin_lock_irq(&sighand->siglock);
		same = sighand == rcu_access_pointer(task->sighand);
		if (same) {
			hlist_for_each_entry(delayed, &task->signal->multiprocess,
					     node) {
				/* Not both, as kernel/signal.c has it. */
				if (sig == SIGCONT)
					sigdelsetmask(&delayed->signal,
						      SIG_KERNEL_STOP_MASK);
				else if (sig_kernel_stop(sig))
					sigdelset(&delayed->signal, SIGCONT);
				sigaddset(&delayed->signal, sig);
			}
		}
		spin_unlock_irq(&sighand->siglock);
	}
	rcu_read_unlock();
}

static void signal_member(struct procfd_process *p,
			  const struct procfd_authority *authority, int sig,
			  u64 began_ns, struct procfd_reach *reach)
{
	struct pid *pid;
	int ret;

	if (procfd_process_over(p))
		return;
	/* Its fork has given it this signal already. */
	if (sig && test_and_clear_bit(sig - 1, p->seats->born_with) &&
	    p->started_ns >= began_ns) {
		reach->sent++;
		return;
	}
	pid = procfd_process_get_pid(p);
	if (!pid)
		return;
	ret = procfd_authority_kill(authority, pid, sig);
	if (!ret)
		reach->sent++;
	else if (ret != -ESRCH)
		reach->refused++;
	procfd_race_sleep(member_signalled);
	if (!ret && sig && sig != SIGKILL)
		signal_forks(pid, sig);
	put_pid(pid);
}

/* Have room to note passes. */
static int make_sent(struct procfd_tree *tree)
{
	struct sent *sent;

	if (READ_ONCE(tree->sent))
		return 0;
	sent = kcalloc(_NSIG, sizeof(*sent), GFP_KERNEL_ACCOUNT);
	if (!sent)
		return -ENOMEM;
	spin_lock_irq(&tree->lock);
	if (!tree->sent)
		swap(tree->sent, sent);
	spin_unlock_irq(&tree->lock);
	kfree(sent);
	return 0;
}

/* Return what the caller has to put, without the lock. */
static const struct cred *note_killer(struct procfd_tree *tree,
				      const struct cred *maker)
{
	const struct cred *old = tree->killer;

	lockdep_assert_held(&tree->lock);
	/* Whom nobody refused needs no help. */
	if (old && !tree->kill_refused)
		return NULL;
	tree->killer = get_cred(maker);
	/* Until the pass is through. */
	tree->kill_refused = true;
	return old;
}

static const struct cred *note_sent(struct procfd_tree *tree, int sig,
				    const struct cred *maker)
{
	struct sent *sent = &tree->sent[sig - 1];
	const struct cred *old = sent->maker;

	lockdep_assert_held(&tree->lock);
	tree->last_sent_ns = ktime_get_boottime_ns();
	sent->ended_ns = tree->last_sent_ns;
	sent->maker = get_cred(maker);
	return old;
}

/**
 * procfd_tree_signal - send a signal to all members of a tree
 * @tree: tree
 * @authority: with whose rights
 * @sig: signal, 0 only checks
 * @reach: out: how many got it, and how many it could not be sent to
 *
 * As for kill(2) to a process group, no member's child misses it because the member was
 * forking. Whatever joins until the pass is at the end of the list is in the list. What
 * joins later was either born before the end, or not:
 *
 *   pass				a member, forking	its child
 *   the member gets it: see signal_forks()
 *					the child is there:
 *					start_boottime
 *   end of the list: ended_ns
 *					seat_join(): born before that
 *					procfd_tree_welcome()
 *								first runs
 * or
 *   the member gets it
 *   end of the list: ended_ns
 *					start_boottime, later: it had not begun
 *					when the member got the signal, or
 *					signal_forks() has seen it
 *
 * For SIGKILL the tree is marked first. What joins after that is killed before it
 * runs, so that the pass need not go on to it, and ends however fast they fork. A pass
 * of another signal can go on as long as members are born; a signal that kills the
 * caller ends it.
 *
 * Context: Process context, may sleep.
 * Return: 0 if some member got it; -ESRCH if there is none, -EPERM if all refused;
 * -ENOMEM; -EINTR.
 */
int procfd_tree_signal(struct procfd_tree *tree,
		       const struct procfd_authority *authority, int sig,
		       struct procfd_reach *reach)
{
	struct seat place = {}, end = {};
	const struct cred *old = NULL;
	bool kill = sig == SIGKILL;
	struct procfd_process *p;
	struct seat *seat;
	u64 began_ns;
	int ret = 0;

	*reach = (struct procfd_reach){};
	if (sig && !kill)
		ret = make_sent(tree);
	if (ret)
		return ret;

	began_ns = ktime_get_boottime_ns();
	spin_lock_irq(&tree->lock);
	list_add(&place.node, &tree->members);
	if (kill) {
		if (tree->live)
			old = note_killer(tree, authority->maker);
		list_add_tail(&end.node, &tree->members);
	}
	while (!ret && (seat = next_seat(tree, &place, kill ? &end : NULL))) {
		list_move(&place.node, &seat->node);
		p = seat->process;
		procfd_process_get(p);
		spin_unlock_irq(&tree->lock);
		signal_member(p, authority, sig, began_ns, reach);
		procfd_process_put(p);
		cond_resched();
		procfd_race_sleep(pass_goes_on);
		if (!kill && fatal_signal_pending(current))
			ret = -EINTR;
		spin_lock_irq(&tree->lock);
	}
	list_del(&place.node);
	if (kill) {
		list_del(&end.node);
		if (!reach->refused)
			tree->kill_refused = false;
	} else if (sig && !ret && tree->live) {
		old = note_sent(tree, sig, authority->maker);
	}
	spin_unlock_irq(&tree->lock);
	put_cred(old);

	if (ret || reach->sent)
		return ret;
	return reach->refused ? -EPERM : -ESRCH;
}

/**
 * procfd_tree_main - the main process of a tree
 * @tree: tree
 *
 * The first process while it lives, then the oldest member that does: of a daemon that
 * forks itself away, the daemon.
 *
 * Return: with a reference; NULL if none lives.
 */
struct procfd_process *procfd_tree_main(struct procfd_tree *tree)
{
	struct procfd_process *main = NULL;

	spin_lock_irq(&tree->lock);
	if (tree->main && !tree->dissolving) {
		main = tree->main->process;
		procfd_process_get(main);
	}
	spin_unlock_irq(&tree->lock);
	return main;
}

/**
 * procfd_tree_info - fill in the group PROCFD_INFO_TREE
 * @tree: tree
 * @info: its fields get their values
 */
void procfd_tree_info(struct procfd_tree *tree, struct procfd_info *info)
{
	struct procfd_process *main = procfd_tree_main(tree);
	bool reaped;

	if (main) {
		info->main_id = main->id;
		info->main_pid = procfd_process_vnr(main, &reaped);
		procfd_process_put(main);
	}
	spin_lock_irq(&tree->lock);
	info->live = tree->live;
	info->born = tree->born;
	info->born_dead = tree->born_dead;
	info->ended_main_id = tree->ended_id;
	info->ended_main_status = tree->ended_status;
	info->tree_utime_usec = div_u64(tree->usage.utime_ns, NSEC_PER_USEC);
	info->tree_stime_usec = div_u64(tree->usage.stime_ns, NSEC_PER_USEC);
	info->tree_maxrss_kb = tree->usage.maxrss_kb;
	info->tree_minflt = tree->usage.minflt;
	info->tree_majflt = tree->usage.majflt;
	spin_unlock_irq(&tree->lock);
}

static bool fill_member(struct procfd_process *p, struct procfd_member *member)
{
	struct task_struct *task, *parent;
	struct pid *pid;
	bool reaped;
	pid_t nr;

	nr = procfd_process_vnr(p, &reaped);
	if (reaped || procfd_process_over(p))
		return false;
	*member = (struct procfd_member){
		.id		= p->id,
		.started_ns	= p->started_ns,
		.pid		= nr,
	};
	pid = procfd_process_get_pid(p);
	rcu_read_lock();
	task = pid_task(pid, PIDTYPE_TGID);
	parent = task ? rcu_dereference(task->real_parent) : NULL;
	if (parent)
		member->parent_id = procfd_process_identity(task_tgid(parent));
	rcu_read_unlock();
	put_pid(pid);
	return true;
}

/**
 * procfd_tree_members - list those who live
 * @tree: tree
 * @to: array in user memory
 * @room: how many fit
 * @count: out: how many there are
 *
 * Context: Process context, may sleep.
 * Return: 0; -EFAULT; -EINTR if the caller is to die.
 */
int procfd_tree_members(struct procfd_tree *tree, struct procfd_member __user *to,
			u32 room, u32 *count)
{
	struct procfd_member member;
	struct procfd_process *p;
	struct seat place = {};
	struct seat *seat;
	int ret = 0;

	*count = 0;
	spin_lock_irq(&tree->lock);
	list_add(&place.node, &tree->members);
	while (!ret && (seat = next_seat(tree, &place, NULL))) {
		list_move(&place.node, &seat->node);
		p = seat->process;
		procfd_process_get(p);
		spin_unlock_irq(&tree->lock);
		if (fill_member(p, &member)) {
			if (*count < room &&
			    copy_to_user(to + *count, &member, sizeof(member)))
				ret = -EFAULT;
			++*count;
		}
		procfd_process_put(p);
		cond_resched();
		if (!ret && fatal_signal_pending(current))
			ret = -EINTR;
		spin_lock_irq(&tree->lock);
	}
	list_del(&place.node);
	spin_unlock_irq(&tree->lock);
	return ret;
}
