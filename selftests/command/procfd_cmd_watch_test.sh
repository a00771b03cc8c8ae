#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# procfd ls --watch where inotify has nothing left.
# shellcheck disable=SC2317	# tests are called by name
# shellcheck disable=SC3045	# busybox's shell has read -t
set -u
# shellcheck source=selftests/harness/helper_cmd.sh
. "$(dirname -- "$0")/helper_cmd.sh"

inotify=/proc/sys/fs/inotify

# with_none LIMIT COMMAND...: under a limit of none.
with_none() {
	limit=$1
	before=$(cat "$inotify/$limit")
	shift
	echo 0 >"$inotify/$limit" && "$@"
	result=$?
	echo "$before" >"$inotify/$limit"
	return $result
}

t_watch_fails_without_an_inotify_instance() {
	start web && with_none max_user_instances code 1 timeout 60 procfd ls --watch &&
		is "$out" '' && has "$err" fs.inotify.max_user_instances
}

t_watch_fails_without_an_inotify_watch() {
	start web && with_none max_user_watches code 1 timeout 60 procfd ls --watch &&
		is "$out" '' && has "$err" "$PROCFD_DIR: cannot be watched" &&
		has "$err" fs.inotify.max_user_watches
}

# Each new directory takes one more.
t_watch_fails_when_watches_run_out() {
	timeout 60 procfd ls --watch --recursive >&9 2>"$scratch/complaint" &
	watching=$!
	read -r -t 60 got <&9 && with_none max_user_watches runs_out
}
runs_out() {
	mkdir "$PROCFD_DIR/team"
	wait "$watching"
	is $? 1 && is "$(sed 's/ (.*//' "$scratch/complaint")" \
		"procfd: $PROCFD_DIR/team: cannot be watched: no more inotify watches"
}

t_ls_does_without() {
	start web && with_none max_user_instances code 0 procfd ls && has "$out" web
}

run_tests procfd_cmd_watch
