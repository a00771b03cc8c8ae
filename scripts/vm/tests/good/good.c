// SPDX-License-Identifier: GPL-2.0-only
/* A module with nothing wrong: stands in for ours in the harness's tests. */
#include <linux/module.h>

static int __init good_init(void)
{
	return 0;
}

static void __exit good_exit(void)
{
}

module_init(good_init);
module_exit(good_exit);
MODULE_DESCRIPTION("harness test: nothing wrong");
MODULE_LICENSE("GPL");
