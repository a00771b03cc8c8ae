// SPDX-License-Identifier: GPL-2.0-only
/* A module that keeps a reference to itself, so that it cannot be unloaded. */
#include <linux/module.h>

static int __init leak_init(void)
{
	__module_get(THIS_MODULE);
	return 0;
}

static void __exit leak_exit(void)
{
}

module_init(leak_init);
module_exit(leak_exit);
MODULE_DESCRIPTION("harness test: a leaked reference");
MODULE_LICENSE("GPL");
