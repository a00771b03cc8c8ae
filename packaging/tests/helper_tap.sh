# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh
# Sourced by the tests of the packages, which scripts/system/check boots for. A function t_CLAIM is a test, and fails if its last command does.

# shellcheck disable=SC2034	# the tests use it
names=/run/procfd

is() { [ "$1" = "$2" ] || { echo "# '$1', not '$2'"; false; }; }

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

run_tests() {
	tests=$(sed -n 's/^t_\([A-Za-z0-9_]*\)().*/\1/p' "$0")
	echo "KTAP version 1"
	echo "1..$(echo "$tests" | wc -l)"
	number=0 status=0
	for claim in $tests; do
		number=$((number + 1))
		if "t_$claim"; then
			echo "ok $number $claim"
		else
			echo "not ok $number $claim"
			status=1
		fi
	done
	return $status
}
