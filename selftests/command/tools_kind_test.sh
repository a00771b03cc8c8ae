#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# What the commands do with what is neither a name nor a file: nothing, and they say so.
# shellcheck disable=SC2317	# tests are called by name
# shellcheck disable=SC2015,SC2086	# what follows || runs if any fails; words
# shellcheck disable=SC2010	# ls tells all of a file in a line
set -u
# shellcheck source=selftests/harness/helper_cmd.sh
. "$(dirname -- "$0")/helper_cmd.sh"

# Each is at ./KIND. The FIFO has no other end, which would let an open go on.
make_kinds() {
	mknod device c 1 3 && mknod disk b 7 0 && mkfifo fifo && mkdir directory && echo old >file &&
		ln -s fifo link_to_fifo && ln -s directory link_to_directory && ln -s nowhere dangling &&
		ln -s file link_to_file &&
		python -c '
import socket
socket.socket(socket.AF_UNIX).bind("socket")' &&
		mkdir "$PROCFD_DIR/team" && ls -lin . >kinds.before
}
not_names='device disk fifo socket directory file link_to_fifo link_to_directory link_to_file dangling'

python() {
	[ -d "$scratch/python" ] ||
		{ mkdir "$scratch/python" && tar -xf "$here/helper_python.tar" -C "$scratch/python"; }
	PYTHONHOME=$scratch/python PYTHONPATH=$scratch/python /usr/bin/python3 -S "$@"
}

# All is as it was, and the time stamps show that nobody wrote.
untouched() {
	ls -lin . | grep -vE '^total| kinds\.' >kinds.after
	grep -vE '^total| kinds\.' kinds.before | diff - kinds.after >difference && rm difference kinds.after ||
		{ sed 's/^/# /' difference; false; }
}

# Usage: refuses CODE WHAT COMMAND...; it fails within the time, with one line that says
# what is wrong and has no bare errno alone.
refuses() {
	wanted=$1
	said=$2
	shift 2
	timeout 60 "$@" >kinds.out 2>&1 </dev/null
	is "$*: $?" "$*: $wanted" && is "$(grep -c . kinds.out)" 1 && has "$(cat kinds.out)" "$said" || return
	rm kinds.out
}

# What is said of each kind.
of_kind() {
	case $1 in
	device | disk) echo 'is a device, not the name of a process' ;;
	fifo | link_to_fifo) echo 'is a FIFO of a common filesystem, not the name of a process' ;;
	socket) echo 'is a socket, not the name of a process' ;;
	file | link_to_file) echo 'is a regular file, not the name of a process' ;;
	directory | link_to_directory) echo 'is not in a procfdfs; mount one' ;;
	dangling) echo 'is a symbolic link that leads nowhere' ;;
	nothing) echo '. is not in a procfdfs; mount one' ;;
	esac
}

t_what_is_no_name_is_neither_opened_nor_harmed() {
	make_kinds && for kind in $not_names; do
		what=$(of_kind $kind)
		refuses 125 "$what" procfd wait ./$kind && refuses 125 "$what" procfd stop ./$kind &&
			refuses 4 "$what" procfd status ./$kind && refuses 1 "$what" procfd signal KILL ./$kind &&
			refuses 1 "$what" procfd info ./$kind && refuses 1 "$what" procfd ls ./$kind &&
			refuses 1 "$what" procfd ls --watch ./$kind &&
			refuses 1 'rm(1) removes files' procfd rm ./$kind || return
		case $kind in
		link_to_directory) refuses 1 'not in a procfdfs' procfd rm --dead ./$kind ;;
		*) refuses 1 "$what" procfd rm --dead ./$kind ;;
		esac || return
	done
	untouched
}

t_what_is_no_name_is_not_made_one() {
	make_kinds && for kind in $not_names nothing; do
		what=$(of_kind $kind)
		refuses 125 "$what" procfd run --name ./$kind true &&
			refuses 125 "$what" procfd run --replace --name ./$kind true &&
			refuses 125 "$what" procfd exec --replace --name ./$kind true &&
			refuses 1 "$what" procfd link --pid $$ ./$kind &&
			refuses 1 "$what" procfd replace --pid $$ ./$kind || return
	done
	untouched
}

t_a_directory_of_names_is_no_name() {
	make_kinds && what='is a directory' &&
		refuses 125 "$what" procfd wait team && refuses 125 "$what" procfd stop team &&
		refuses 4 "$what" procfd status team && refuses 1 "$what" procfd signal KILL team &&
		refuses 1 "$what" procfd info team && refuses 1 "$what" procfd rm team &&
		refuses 125 "$what" procfd run --name team true && refuses 125 "$what" procfd run --replace --name team true &&
		refuses 1 "$what" procfd link --pid $$ team && refuses 1 "$what" procfd replace --pid $$ team &&
		[ -d "$PROCFD_DIR/team" ]
}

t_a_symbolic_link_to_a_name_is_used_and_not_removed() {
	start web && ln -s "$PROCFD_DIR/web" link && code 0 procfd signal HUP ./link && expect HUP &&
		code 0 procfd status ./link && what='is a symbolic link, not a name' &&
		refuses 125 "$what" procfd run --replace --name ./link true &&
		refuses 1 "$what" procfd replace --pid $$ ./link && code 0 procfd stop ./link &&
		refuses 1 'not in a procfdfs' procfd rm --dead ./link && refuses 1 'not in a procfdfs' procfd rm ./link &&
		[ -L link ] && [ -p "$PROCFD_DIR/web" ]
}

# A descriptor of each kind, to be named as a process; a FIFO is opened for both.
t_descriptors_of_other_kinds_are_no_processes() {
	make_kinds && for kind in device fifo directory file; do
		case $kind in
		directory) exec 5<directory ;;
		*) exec 5<>$kind ;;
		esac
		refuses 1 'nor a pidfd' procfd link --fd 5 web && refuses 1 'nor a pidfd' procfd replace --fd 5 web || return
		exec 5>&-
	done
	[ ! -e "$PROCFD_DIR/web" ] && untouched
}

# frename replaces files and symbolic links; the rest stays what it is.
t_frename_replaces_no_device_and_its_like() {
	make_kinds && : >input && : >kinds.before && for kind in device disk fifo socket directory; do
		before=$(ls -lind $kind)
		exec 5<input
		case $kind in directory) what='s a directory' ;; *) what='is not a regular file' ;; esac
		refuses 1 "$what" frename ./$kind && refuses 1 "$what" frename --durable ./$kind &&
			refuses 1 "$what" frename --mode 600 ./$kind && refuses 1 "$what" frename 5 ./$kind || return
		exec 5<&-
		is "$(ls -lind $kind)" "$before" || return
	done
	for kind in device disk fifo socket; do
		frename ./$kind </dev/null 2>&1 | grep -q "rm(1)" || { echo "# no advice for $kind"; return 1; }
	done
}

t_frename_replaces_symbolic_links_and_not_what_they_lead_to() {
	make_kinds && for link in link_to_fifo link_to_directory dangling link_to_file; do
		echo new | frename ./$link && is "$(cat $link)" new && [ ! -L $link ] || return
	done
	[ -p fifo ] && [ -d directory ] && is "$(cat file)" old && [ ! -e nowhere ]
}

# A device from which nothing comes, or a FIFO with no writer, is not waited for where
# the name is refused anyway.
t_frename_refuses_before_it_reads() {
	make_kinds && exec 5<>fifo && timeout 60 frename ./device <&5 2>complaint
	is $? 1 && has "$(cat complaint)" 'is not a regular file'
	result=$?
	exec 5>&-
	return "$result"
}

t_flink_overwrites_no_kind() {
	make_kinds && exec 5<file && for kind in $not_names; do
		refuses 1 'flink overwrites nothing' flink 5 ./$kind || return
	done
	exec 5<&-
	untouched
}

t_flink_of_other_kinds_says_why_not() {
	make_kinds && exec 5<directory && refuses 1 'a directory takes no further name' flink 5 ./new &&
		exec 5<"/proc/self/status" && refuses 1 'on another filesystem' flink 5 ./new && [ ! -e new ]
	result=$?
	exec 5<&-
	return "$result"
}

# Something else lies over the device, as container runtimes hide what they do not
# know. Each that needs the device says that; the others do without.
t_another_device_in_its_place_is_called_that() {
	start web && echo old >file && procfd run --quiet --name job true && exec 5<file &&
		for over in /dev/null "$scratch/work/file" "$scratch/events"; do
			mount --bind "$over" /dev/procfd || return
			what='/dev/procfd is not the device of procfd'
			refuses 125 "$what" procfd run --name new true && refuses 125 "$what" procfd exec --name new true &&
				refuses 1 "$what" procfd link --pid $$ new &&
				code 1 procfd link --fd 6 new 6<>"$PROCFD_DIR/web" && has "$err" "$what" &&
				refuses 1 "$what" procfd rm --dead job && refuses 1 "$what" flink 5 ./new &&
				refuses 1 "$what" frename ./file && refuses 1 "$what" frename 5 ./new &&
				code 0 procfd ls && code 0 procfd signal 0 web && code 0 procfd wait job
			result=$?
			umount /dev/procfd
			[ $result = 0 ] || return
		done
	is "$(cat file)" old
	result=$?
	exec 5<&-
	return "$result"
}

run_tests tools_kind
