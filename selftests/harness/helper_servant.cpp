// SPDX-License-Identifier: GPL-2.0-only
// What a servant goes on as after an exec; set-uid, it shows what that changes.
#include "servant.h"

int main()
{
	serve(3, 4);
}
