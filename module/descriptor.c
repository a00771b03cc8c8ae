// SPDX-License-Identifier: GPL-2.0-only
/*
 * File operations of a process descriptor, opened by ioctl or by name.
 *
 * Its content is the exit record, which comes into being when the process
 * exits: until then reading blocks. Writing sends signals, and neither uses nor
 * moves the offset, so that one open file serves `echo HUP >&3; read how <&3`.
 */
#include <linux/file.h>
#include <linux/module.h>
#include <linux/mount.h>
#include <linux/overflow.h>
#include <linux/poll.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/uio.h>

#include "procfd.h"
#include "sigparse.h"

/* A write is checked whole before anything is sent, so it must end somewhere. */
#define WRITE_MAX	4096

/* What a shell writes needs no allocation. */
#define WRITE_SMALL	64

/*
 * The VFS copies an open file's offset before each read and write, and stores what
 * became of the copy afterwards. So a write would put back what a reader, whom the
 * very signal has made runnable, has moved meanwhile: and fsnotify may sleep between
 * the two. The VFS's offset therefore never changes: it is a number that tells read(2)
 * from pread(2), which has no use for one so far behind the record. The real one
 * is ours, and a write does not touch it:
 *
 *   write(2)				read(2) of the same open file
 *   takes OFFSET_PARKED
 *   sends the signal
 *					takes OFFSET_PARKED
 *					moves our offset
 *					stores OFFSET_PARKED
 *   stores OFFSET_PARKED
 *
 * With any count that a process can have memory for it is in bounds.
 */
#define OFFSET_PARKED	((loff_t)1 << 62)

/* What ->private_data has room for. */
#define OFFSET_LAST	min_t(loff_t, MAX_LFS_FILESIZE, LONG_MAX)

static loff_t file_offset(const struct file *file)
{
	return (unsigned long)READ_ONCE(file->private_data);
}

static void file_set_offset(struct file *file, loff_t offset)
{
	WRITE_ONCE(file->private_data, (void *)(unsigned long)offset);
}

/* Of one that has just been opened: at its beginning. */
static void file_park_offset(struct file *file)
{
	file->f_pos = OFFSET_PARKED;
	file->private_data = NULL;
}

static struct procfd_process *file_process(const struct file *file)
{
	return procfd_i(file_inode(file))->process;
}

static ssize_t descriptor_read_iter(struct kiocb *iocb, struct iov_iter *to)
{
	struct procfd_process *p = file_process(iocb->ki_filp);
	bool parked = iocb->ki_pos == OFFSET_PARKED;
	char text[PROCFD_RECORD_MAX];
	size_t size, copied;
	loff_t offset;
	int ret;

	if (!iov_iter_count(to))
		return 0;
	if (!procfd_process_over(p)) {
		if (iocb->ki_flags & IOCB_NOWAIT ||
		    iocb->ki_filp->f_flags & O_NONBLOCK)
			return -EAGAIN;
		ret = procfd_process_wait(p, PROCFD_DEADLINE_NONE);
		if (ret)
			return ret;
	}
	if (procfd_process_state(p) == PROCFD_STATE_DROPPED)
		return -ECHILD;

	size = procfd_record_render(p, text);
	offset = parked ? file_offset(iocb->ki_filp) : iocb->ki_pos;
	if (offset >= size)
		return 0;
	copied = copy_to_iter(text + offset, size - offset, to);
	if (!copied)
		return -EFAULT;
	if (parked)
		file_set_offset(iocb->ki_filp, offset + copied);
	else
		iocb->ki_pos += copied;
	return copied;
}

static ssize_t descriptor_write_iter(struct kiocb *iocb, struct iov_iter *from)
{
	struct procfd_inode *pi = procfd_i(file_inode(iocb->ki_filp));
	size_t length = iov_iter_count(from), consumed = 0;
	struct procfd_sigparse parse;
	struct procfd_reach reach;
	char small[WRITE_SMALL];
	char *bytes = small;
	int sig, ret = 0;

	if (!length)
		return 0;
	if (length > WRITE_MAX)
		return -EMSGSIZE;
	if (length > sizeof(small)) {
		bytes = kmalloc(length, GFP_KERNEL_ACCOUNT);
		if (!bytes)
			return -ENOMEM;
	}
	if (!copy_from_iter_full(bytes, length, from)) {
		ret = -EFAULT;
		goto out_free;
	}

	ret = procfd_sigparse_begin(&parse, bytes, length);
	if (ret)
		goto out_free;
	for (;;) {
		sig = procfd_sigparse_next(&parse);
		if (sig < 0)
			break;
		ret = procfd_signal(pi, sig, parse.scope, &reach);
		if (ret)
			break;
		consumed = parse.offset;
	}
out_free:
	if (bytes != small)
		kfree(bytes);
	return consumed ?: ret;
}

static __poll_t descriptor_poll(struct file *file, poll_table *wait)
{
	struct procfd_process *p = file_process(file);

	/*
	 * Queued first, looked at next; whoever moves the state does so first
	 * and wakes next.
	 */
	poll_wait(file, &p->wait, wait);
	procfd_race(poll_queued);
	switch (procfd_process_state(p)) {
	case PROCFD_STATE_RUNNING:
		return EPOLLOUT | EPOLLWRNORM;
	case PROCFD_STATE_EXITED:
		/* Of a tree that goes on, somebody can still be signalled. */
		return EPOLLIN | EPOLLRDNORM |
		       (procfd_process_gone(p) ? EPOLLHUP :
						 EPOLLOUT | EPOLLWRNORM);
	case PROCFD_STATE_DROPPED:
		return EPOLLERR | EPOLLHUP;
	default:
		return 0;
	}
}

static loff_t descriptor_llseek(struct file *file, loff_t offset, int whence)
{
	loff_t size = procfd_record_size(file_process(file));

	/* As generic_file_llseek_size(), but for where the offset is. */
	switch (whence) {
	case SEEK_SET:
		break;
	case SEEK_CUR:
		if (check_add_overflow(offset, file_offset(file), &offset))
			return -EINVAL;
		break;
	case SEEK_END:
		if (check_add_overflow(offset, size, &offset))
			return -EINVAL;
		break;
	case SEEK_DATA:
	case SEEK_HOLE:
		if (offset < 0 || offset >= size)
			return -ENXIO;
		if (whence == SEEK_HOLE)
			offset = size;
		break;
	default:
		return -EINVAL;
	}
	if (offset < 0 || offset > OFFSET_LAST)
		return -EINVAL;
	file_set_offset(file, offset);
	return offset;
}

static int descriptor_open(struct inode *inode, struct file *file)
{
	struct procfd_inode *pi = procfd_i(inode);

	/*
	 * The VFS lets a FIFO on a read-only mount be written. Here that mount
	 * means "may watch, may not signal".
	 */
	if (file->f_mode & FMODE_WRITE && __mnt_is_readonly(file->f_path.mnt))
		return -EROFS;

	/*
	 * The name may go before we come:
	 *
	 *   opening it				unlink(2), or REPLACE
	 *   the path has its dentry
	 *					the last name is gone
	 *   here
	 *
	 * The path holds the inode, which without a name is what that of any
	 * descriptor is at first.
	 */
	procfd_race_sleep(open_before_count);
	spin_lock(&pi->lock);
	pi->opened++;
	spin_unlock(&pi->lock);
	file->f_mode |= FMODE_NOWAIT;
	file->f_mode &= ~FMODE_PWRITE;	/* a signal has no offset */
	file_park_offset(file);
	return 0;
}

/*
 * The last copy of the descriptor is closed: only opened files count, so that
 * whoever merely holds the inode (O_PATH, an inotify mark) keeps nothing alive.
 */
static int descriptor_release(struct inode *inode, struct file *file)
{
	struct procfd_inode *pi = procfd_i(inode);
	struct procfd_reach reach;
	bool last, kill;

	spin_lock(&pi->lock);
	last = --pi->opened == 0;
	kill = last && pi->kill_on_close;
	spin_unlock(&pi->lock);

	procfd_race_sleep(release_before_withdraw);
	/* A fork that is under way is bound, wholly, or will not be. */
	if (last && pi->forked)
		procfd_fork_withdraw(pi->process);
	/*
	 * The process may be exiting:
	 *
	 *   here				the process
	 *   state is RUNNING
	 *					exits, is reaped
	 *					its id is given to another
	 *   kill_pid(): ESRCH
	 *
	 * The struct pid is its own, which its id is not: nobody else is killed.
	 */
	if (kill) {
		procfd_race_sleep(release_before_kill);
		procfd_signal(pi, SIGKILL,
			      procfd_process_tree(pi->process) ?
				      PROCFD_SCOPE_TREE :
						  PROCFD_SCOPE_PROCESS,
			      &reach);
	}
	return 0;
}

static const char *state_name(u32 state)
{
	switch (state) {
	case PROCFD_STATE_UNBOUND:
		return "unbound";
	case PROCFD_STATE_RUNNING:
		return "running";
	case PROCFD_STATE_EXITED:
		return "exited";
	default:
		return "dropped";
	}
}

static void descriptor_show_fdinfo(struct seq_file *m, struct file *file)
{
	struct procfd_inode *pi = procfd_i(file_inode(file));
	struct procfd_process *p = pi->process;
	u32 state = procfd_process_state(p);
	bool reaped;

	seq_printf(m, "procfd_offset:\t%lld\n", file_offset(file));
	seq_printf(m, "procfd_state:\t%s\n", state_name(state));
	if (state == PROCFD_STATE_RUNNING || state == PROCFD_STATE_EXITED) {
		seq_printf(m, "procfd_id:\t%llu\n", p->id);
		seq_printf(m, "procfd_pid:\t%d\n",
			   procfd_process_vnr(p, &reaped));
		seq_printf(m, "procfd_reaped:\t%d\n", reaped);
		seq_printf(m, "procfd_quiet:\t%d\n", p->quiet);
	}
	/* As for INFO: whoever may only signal is not told how it ended. */
	if (state == PROCFD_STATE_EXITED && file->f_mode & FMODE_READ)
		seq_printf(m, "procfd_status:\t%d\n", p->record.status);
	seq_printf(m, "procfd_kill_on_close:\t%d\n",
		   READ_ONCE(pi->kill_on_close));
}

const struct file_operations procfd_descriptor_fops = {
	.owner		= THIS_MODULE,
	.open		= descriptor_open,
	.release	= descriptor_release,
	.read_iter	= descriptor_read_iter,
	.write_iter	= descriptor_write_iter,
	.poll		= descriptor_poll,
	.llseek		= descriptor_llseek,
	.unlocked_ioctl	= procfd_descriptor_ioctl,
	.compat_ioctl	= compat_ptr_ioctl,
	.show_fdinfo	= descriptor_show_fdinfo,
};

/* readlink /proc/self/fd/N of a descriptor without a name. */
static char *descriptor_dname(struct dentry *dentry, char *buffer, int size)
{
	struct procfd_process *p = procfd_i(d_inode(dentry))->process;
	char name[sizeof("procfd:[18446744073709551615]")];
	int length;

	length = scnprintf(name, sizeof(name), "procfd:[%llu]",
			   procfd_process_state(p) == PROCFD_STATE_UNBOUND ?
			   0 : p->id) + 1;
	if (length > size)
		return ERR_PTR(-ENAMETOOLONG);
	return memcpy(buffer + size - length, name, length);
}

static const struct dentry_operations descriptor_dops = {
	.d_dname	= descriptor_dname,
};

/**
 * procfd_descriptor_file - make a descriptor without a name
 * @mnt: mount of procfdfs
 * @p: process; the inode takes a reference of its own
 * @flags: PROCFD_NONBLOCK, PROCFD_KILL_ON_CLOSE
 * @forked: came from PROCFD_IOC_FORK
 *
 * Return: an open file, or ERR_PTR(-ENOMEM), ERR_PTR(-ENFILE).
 */
struct file *procfd_descriptor_file(struct vfsmount *mnt,
				    struct procfd_process *p, u32 flags,
				    bool forked)
{
	struct procfd_inode *pi;
	struct inode *inode;
	struct file *file;

	inode = procfd_inode_new_descriptor(mnt->mnt_sb, p,
					    &procfd_descriptor_fops);
	if (!inode)
		return ERR_PTR(-ENOMEM);
	pi = procfd_i(inode);
	pi->forked = forked;
	pi->kill_on_close = flags & PROCFD_KILL_ON_CLOSE;
	pi->opened = 1;	/* this file's; ->open is not called for it */

	file = alloc_file_pseudo(inode, mnt, "procfd",
				 O_RDWR | (flags & PROCFD_NONBLOCK ?
					   O_NONBLOCK : 0),
				 &procfd_descriptor_fops);
	if (IS_ERR(file)) {
		iput(inode);
		return file;
	}
	/* fput() drops a reference on the owner that nobody took. */
	__module_get(THIS_MODULE);
	file->f_mode |= FMODE_LSEEK | FMODE_PREAD | FMODE_NOWAIT;
	file_park_offset(file);
	/* Who watches a name is told of signals by whatever way they come. */
	procfd_file_notifies(file);
	/*
	 * On this dentry only: a default for the superblock would hide the
	 * paths of real names. Nobody else can see it yet, and of the methods
	 * that the flags of a dentry know, neither table has one.
	 */
	file->f_path.dentry->d_op = &descriptor_dops;
	return file;
}
