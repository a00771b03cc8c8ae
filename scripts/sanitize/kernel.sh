# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# Sourced after common.sh by what runs a sanitizer kernel.
: "${top:?}"

# Have it built and tell scripts/vm/run and build-module of it.
# Usage: use_sanitizer ROW FLAVOUR
use_sanitizer() {
	local dir
	dir=$("$top/scripts/sanitize/build" "$1" "$2")
	export KERNEL=$dir/vmlinuz KDIR=$dir/tree MODULES_DIR
	MODULES_DIR=$dir/lib/modules/$(<"$dir/version")
	# Shadow memory, red zones and a history of every object.
	export MEM=${MEM:-3072}
	# An interrupt while the boot processor is identified finds five levels of
	# page tables denied, and KASAN takes the kernel's addresses for wild.
	export APPEND="no5lvl ${APPEND:-}"
}
