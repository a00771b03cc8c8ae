#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# What holds the filesystem and the module, and that nothing is left of either
# when nothing holds it. The module is loaded when this starts, nothing uses it, and
# its file is $PROCFD_MODULE.
# shellcheck disable=SC2317	# tests are called by name
set -u
# shellcheck source=selftests/harness/helper_tap.sh
. "$(dirname -- "$0")/helper_tap.sh"
needs_root
needs_module
needs_module_file

scratch=$(mktemp -d)
names=$scratch/names
mkdir "$names"
cleanup() {
	exec 3>&-
	umount -l "$names" 2>/dev/null
	rm -rf "$scratch"
}

# A daemon that waits for the FIFO to say with what it ends.
# Usage: daemon NAME [FIFO]
mkfifo "$scratch/hold" "$scratch/hold2"
daemon() {
	"$here/helper_daemon" "$1" sh -c 'cd /; exec <"$1"; read -r code; exit $code' \
		sh "$scratch/${2:-hold}"
}
end_daemon() { echo "$1" >"$scratch/hold"; }

mounted() { grep -q " $names procfdfs " /proc/mounts; }
loaded() { grep -q '^procfd ' /proc/modules; }
# References that only a task which is on its way out still holds go in a moment.
unloads() {
	for _ in $(seq 1 1000); do
		rmmod procfd 2>/dev/null && return
	done
	return 1
}
refuses() { ! "$@" 2>/dev/null; }
mount_names() { mount -t procfdfs procfd "$names"; }

t_the_module_stays_while_mounted() {
	mount_names && refuses rmmod procfd && loaded && umount "$names"
}

t_the_module_goes_when_unmounted() {
	mount_names && umount "$names" && ! mounted && unloads && ! loaded &&
		[ ! -e /dev/procfd ] && [ ! -e /sys/module/procfd ] &&
		! grep -q procfdfs /proc/filesystems
}

t_the_module_comes_back_empty() {
	mount_names && daemon "$names/n" && end_daemon 3 && cat "$names/n" >/dev/null &&
		umount "$names" && unloads && insmod "$PROCFD_MODULE" &&
		[ -e /dev/procfd ] && grep -q procfdfs /proc/filesystems &&
		mount_names && [ -z "$(ls "$names")" ] && umount "$names"
}

t_names_alone_keep_no_filesystem_mounted() {
	mount_names && daemon "$names/n" && mkdir "$names/d" && umount "$names" &&
		! mounted && unloads && end_daemon 0
}

t_an_unmount_ends_no_daemon() {
	mount_names && daemon "$names/n" && umount "$names" && unloads &&
		load && mount_names && daemon "$names/m" hold2 || return
	# A FIFO that nobody reads would not be opened.
	timeout 60 sh -c 'echo 1 >"$1" && echo 2 >"$2"' sh "$scratch/hold" "$scratch/hold2" &&
		is "$(head -n 1 "$names/m")" 'exited 2' && umount "$names"
}

t_an_open_name_keeps_the_mount_busy() {
	mount_names && daemon "$names/n" && exec 3<"$names/n" &&
		refuses umount "$names" && mounted && exec 3<&- &&
		umount "$names" && end_daemon 0
}

t_an_open_name_keeps_the_module_after_a_lazy_unmount() {
	mount_names && daemon "$names/n" && exec 3<>"$names/n" &&
		umount -l "$names" && ! mounted && refuses rmmod procfd &&
		echo 0 >&3 && end_daemon 4 && read -r how code <&3 &&
		[ "$how $code" = 'exited 4' ] && exec 3>&- && unloads
}

t_an_open_device_keeps_the_module_and_the_names() {
	mount_names && daemon "$names/n" && exec 3<>/dev/procfd &&
		umount "$names" && refuses rmmod procfd && mount_names &&
		[ -p "$names/n" ] && umount "$names" && exec 3>&- && unloads &&
		end_daemon 0
}

t_a_directory_in_use_keeps_the_mount_busy() {
	mount_names && mkdir "$names/d" && cd "$names/d" &&
		refuses umount "$names" && cd / && umount "$names"
}

t_mounting_and_loading_again_and_again_works() {
	for i in $(seq 1 10); do
		load && mount_names && daemon "$names/n" && umount "$names" &&
			unloads && end_daemon "$i" || return
	done
}

load() { loaded || insmod "$PROCFD_MODULE"; }

before_each() { load; }
after_each() {
	exec 3>&-
	cd /
	umount -l "$names" 2>/dev/null
	load
}

run_tests fs_unmount
