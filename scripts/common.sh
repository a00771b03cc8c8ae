# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh
# Sourced by the scripts: where things are, and how to talk about them.

# shellcheck disable=SC2034	# the sourcing script uses these
top=$(CDPATH='' cd -- "$(dirname -- "$0")" && git rev-parse --show-toplevel 2>/dev/null) ||
	top=
if [ -z "$top" ]; then		# not a git checkout: a release tarball
	top=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
	while [ ! -e "$top/Kbuild" ] && [ "$top" != / ]; do
		top=$(dirname -- "$top")
	done
fi
cache=${PROCFD_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/procfd}
build=${PROCFD_BUILD:-$top/build}
export PROCFD_CACHE="$cache"

say() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }
die() { say "$*"; exit 1; }

# Where release $1 is described: prints "SUITES PATTERN".
release_line() {
	awk -v r="$1" '$1 == r { print $2, $3; found = 1 } END { exit !found }' \
		"$top/scripts/kernel/releases.txt"
}

# All releases of the matrix, oldest first.
releases() { awk '!/^#/ && NF { print $1 }' "$top/scripts/kernel/releases.txt"; }

# Copy the tree to directory $1: what is in the repository or will be.
copy_tree() {
	(
		cd "$top" || exit 1
		if git rev-parse HEAD >/dev/null 2>&1; then
			git ls-files -co --exclude-standard
		else
			find . -name build -prune -o -type f -print
		fi | while read -r f; do [ ! -f "$f" ] || echo "$f"; done |
			tr '\n' '\0' | xargs -0 cp --parents -t "$1"
	)
}
