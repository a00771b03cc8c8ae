// SPDX-License-Identifier: GPL-2.0-only
/*
 * Loading and unloading. What lets others in comes last and goes first.
 */
#include <linux/module.h>

#include "fs.h"
#include "procfd.h"

static int __init procfd_init(void)
{
	int ret;

	ret = procfd_debug_init();
	if (ret)
		return ret;
	ret = procfd_process_init();
	if (ret)
		goto out_debug;
	ret = procfd_inode_init();
	if (ret)
		goto out_process;
	procfd_quiet_init();
	ret = procfd_probes_init();
	if (ret)
		goto out_inode;
	/*
	 * A module that fails to load is freed no matter who uses it. Nobody
	 * but root mounts, and only a lack of memory can fail the device.
	 */
	ret = procfd_fs_register();
	if (ret)
		goto out_probes;
	ret = procfd_device_init();
	if (ret)
		goto out_unregister;
	return 0;

out_unregister:
	procfd_fs_unregister();
out_probes:
	procfd_probes_exit();
out_inode:
	procfd_inode_exit();
out_process:
	procfd_process_exit();
out_debug:
	procfd_debug_exit();
	return ret;
}

/*
 * Nothing refers to us: no open file, no mount, no quiet child. What may still
 * run are probes that find nothing to do, and the tail of exit work. That may
 * be about to drop the last superblock, hence process before inode.
 */
static void __exit procfd_exit(void)
{
	procfd_device_exit();
	procfd_fs_unregister();
	procfd_probes_exit();
	procfd_process_exit();
	procfd_inode_exit();
	procfd_debug_exit();
}

module_init(procfd_init);
module_exit(procfd_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Processes as files: process descriptors, names for them, and flink");
MODULE_AUTHOR("The procfd authors");
MODULE_ALIAS_FS(PROCFD_FS_TYPE);
