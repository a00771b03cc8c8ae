# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh
# Sourced by the scripts: where things are, and how to talk about them.

# The tree is the nearest directory above that has the module: a checkout, a tarball,
# or either of them inside somebody else's repository.
# shellcheck disable=SC2034	# the sourcing script uses these
top=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
while [ ! -e "$top/Kbuild" ] && [ "$top" != / ]; do
	top=$(dirname -- "$top")
done
if [ "$top" = / ]; then
	echo "${0##*/}: there is no procfd tree (no Kbuild) around $(dirname -- "$0")" >&2
	exit 1
fi
cache=${PROCFD_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/procfd}
build=${PROCFD_BUILD:-$top/build}
export PROCFD_CACHE="$cache"
# Of mke2fs, depmod and the like, which need no root; an ordinary user lacks it.
PATH=$PATH:/usr/sbin:/sbin

say() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }
die() { say "$*"; exit 1; }

# The kernels that there are to test, scripts/kernel/rows. A script takes one by its
# row's name or by its version, and has row_of make the row's name of it.

# Names of all rows, and of those that `make check` runs.
rows() { awk '!/^#/ && NF == 6 { print $1 }' "$top/scripts/kernel/rows"; }
check_rows() { awk '!/^#/ && NF == 6 && $2 == "check" { print $1 }' "$top/scripts/kernel/rows"; }

row_line() { awk -v row="$1" '!/^#/ && NF == 6 && $1 == row' "$top/scripts/kernel/rows"; }
# A field of row $1: when, arch, flavour, series or releases.
row_field() {
	awk -v row="$1" -v field="$2" '
		BEGIN { n = split("name when arch flavour series releases", names, " ")
			for (i = 1; i <= n; i++) if (names[i] == field) at = i }
		!/^#/ && NF == 6 && $1 == row { print $at; found = 1 }
		END { exit !found }' "$top/scripts/kernel/rows"
}

# 6.12 of 6.12.118+deb13-cloud-amd64.
series_of() { echo "$1" | sed -nE 's/^([0-9]+\.[0-9]+).*/\1/p'; }

# The row that $1 means. A version is looked for among the rows of one series, then
# in what the others have now, which may ask the mirror.
row_of() (
	if row_field "$1" name; then
		exit
	fi
	case $1 in
	[0-9]*.*) ;;
	*) die "no row $1 in scripts/kernel/rows, which has: $(rows | xargs)" ;;
	esac
	for row in $(rows); do
		if [ "$(row_field "$row" series)" = "$(series_of "$1")" ] && [ "$(series_of "$1")" = "$1" ]; then
			echo "$row"
			exit
		fi
	done
	have=
	for row in $(rows); do
		kernel=$("$top/scripts/kernel/fetch" --which "$row" 2>/dev/null) || continue
		case $kernel in
		"$1" | "$1"[!0-9]*)
			echo "$row"
			exit
			;;
		esac
		have="$have $row ${kernel%% *}"
	done
	die "no kernel $1 here:${have:- none can be had}"
)

# Is kernel version $1 of a later series than this release was tested with?
newer_than_tested() (
	newest=$(awk '$1 == "tested" { print $2 }' "$top/scripts/kernel/rows")
	mine=$(series_of "$1")
	[ "$mine" != "$newest" ] &&
		[ "$(printf '%s\n' "$mine" "$newest" | sort -V | tail -n 1)" = "$mine" ]
)

# The suites of a release of scripts/kernel/releases, or of the one that a row's
# kernel comes from.
release_of() (
	if awk -v r="$1" '!/^#/ && $1 == r { found = 1 } END { exit !found }' \
		"$top/scripts/kernel/releases"; then
		echo "$1"
		exit
	fi
	row=$(row_of "$1") || exit
	releases=$(row_field "$row" releases)
	case $releases in
	*,*) "$top/scripts/kernel/fetch" --which "$row" | cut -d ' ' -f 2 ;;
	*) echo "$releases" ;;
	esac
)
suites_of() (
	release=$(release_of "$1") || exit
	awk -v r="$release" '!/^#/ && $1 == r { print $2 }' "$top/scripts/kernel/releases"
)

# Copy the tree to directory $1: what is in the repository or will be.
copy_tree() {
	(
		cd "$top" || exit 1
		if [ "$(git rev-parse --show-toplevel 2>/dev/null)" = "$(pwd -P)" ] &&
			git rev-parse HEAD >/dev/null 2>&1; then
			git ls-files -co --exclude-standard
		else
			find . \( -path ./build -o -path ./.git \) -prune -o -type f -print
		fi | while read -r f; do [ ! -f "$f" ] || echo "$f"; done |
			tr '\n' '\0' | xargs -0 cp --parents --preserve=mode,timestamps -t "$1"
	) || return
	[ -e "$1/Kbuild" ] || die "the copy of the tree in $1 has no Kbuild"
}
