# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh
# Sourced by the tests of the packages, which scripts/system/check boots for.

# shellcheck source=selftests/harness/helper_tap.sh
. /run/tests/helper_tap.sh

# shellcheck disable=SC2034	# the tests use it
names=/run/procfd

says() { printf '%s\n' "$1" | grep -qE -e "$2" || { echo "# no '$2' in: $1"; false; }; }

# Run a command in this shell, as Documentation/install.md prints it.
as_printed() {
	page | sed -n 's/ *# .*//; s/^    //p' | grep -qxF -e "$1" ||
		{ echo "# install.md does not have: $1"; return 1; }
	eval "$1"
}
page() { zcat -f /usr/share/doc/procfd/install.md* 2>/dev/null || cat /run/tests/install.md; }
# For after the packages are gone.
keep_page() { page >/run/tests/install.md.new && mv /run/tests/install.md.new /run/tests/install.md; }

# Until a command is true, which something outside of this shell makes it.
eventually() {
	deadline=$(($(cut -d . -f 1 /proc/uptime) + 60 * ${PROCFD_TIMEOUT_SCALE:-1}))
	until "$@" >/dev/null 2>&1; do
		[ "$(cut -d . -f 1 /proc/uptime)" -lt $deadline ] || { echo "# never: $*"; return 1; }
		sleep 0.2
	done
}
