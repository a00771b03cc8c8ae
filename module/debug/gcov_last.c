// SPDX-License-Identifier: GPL-2.0-only
/* What is linked last, and so ends the section; see gcov.c. */
#include <linux/compiler.h>

#include "gcov.h"

struct gcov_info *const procfd_gcov_last[1] __used __section("procfd_gcov");
