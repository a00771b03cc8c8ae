#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# The commands of the README and the guide, as the package brings them, run as they
# are printed, on a plain Debian.
# shellcheck disable=SC2317	# cleanup() is called by name
set -u
# shellcheck source=selftests/harness/helper_tap.sh
. /run/tests/helper_tap.sh
scratch=$(mktemp -d)
cleanup() { rm -rf "$scratch"; }
# shellcheck source=selftests/harness/helper_documents.sh
. /run/tests/helper_documents.sh
chmod 0755 "$scratch"
export scratch
for document in README guide; do
	zcat -f /usr/share/doc/procfd/$document.md* >"$scratch/$document.md" || exit 1
done

status=0
prepare README blocks
prepare guide blocks
# The page makes this user.
userdel alice || exit 1
announce_plan
for document in README guide; do
	run_document $document || status=1
	end_names /run/procfd/web /run/procfd/later /run/procfd/shell
done
finished=yes
exit $status
