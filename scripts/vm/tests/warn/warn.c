// SPDX-License-Identifier: GPL-2.0-only
/* A module that WARNs when it is loaded. */
#include <linux/bug.h>
#include <linux/module.h>

static int __init warn_init(void)
{
	WARN(1, "on purpose\n");
	return 0;
}

static void __exit warn_exit(void)
{
}

module_init(warn_init);
module_exit(warn_exit);
MODULE_DESCRIPTION("harness test: a warning");
MODULE_LICENSE("GPL");
