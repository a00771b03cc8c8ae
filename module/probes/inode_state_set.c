// SPDX-License-Identifier: GPL-2.0-only
#include <linux/fs.h>

void probe(struct inode *inode);

void probe(struct inode *inode)
{
#ifndef PROBE_COUNTER
	inode_state_set(inode, I_LINKABLE);
	inode_state_clear(inode, inode_state_read(inode));
#else
	inode->i_state |= I_LINKABLE;
#endif
}
