/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Trees, see tree.c.
 */
#ifndef PROCFD_TREE_H
#define PROCFD_TREE_H

#include <linux/atomic.h>
#include <linux/types.h>

#include "../uapi/procfd.h"

struct procfd_authority;
struct procfd_process;
struct procfd_tree;
struct task_struct;

/**
 * struct procfd_reach - whom a signal reached
 * @sent: so many got it
 * @refused: so many did not, for want of the right
 */
struct procfd_reach {
	u32 sent;
	u32 refused;
};

extern atomic_t procfd_trees;

int procfd_tree_prepare(struct procfd_process *p, bool lead);
void procfd_tree_free(struct procfd_process *p);
void procfd_tree_fork(struct task_struct *child);
void procfd_tree_join(struct procfd_process *p, struct task_struct *child);
void procfd_tree_welcome(struct procfd_process *p);
void procfd_tree_exit(struct procfd_process *p);
void procfd_tree_leave(struct procfd_process *p);
void procfd_tree_seen(struct procfd_tree *tree);
void procfd_tree_unseen(struct procfd_tree *tree);
bool procfd_tree_let_go(const struct procfd_tree *tree);
bool procfd_tree_over(const struct procfd_tree *tree);
int procfd_tree_signal(struct procfd_tree *tree,
		       const struct procfd_authority *authority, int sig,
		       struct procfd_reach *reach);
struct procfd_process *procfd_tree_main(struct procfd_tree *tree);
void procfd_tree_info(struct procfd_tree *tree, struct procfd_info *info);
int procfd_tree_members(struct procfd_tree *tree, struct procfd_member __user *to,
			u32 room, u32 *count);

#endif /* PROCFD_TREE_H */
