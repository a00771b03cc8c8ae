#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# procfd with trees: run --tree, signal --scope, stop, wait --empty, and what is told.
# shellcheck disable=SC2317	# tests are called by name
# shellcheck disable=SC2016,SC2015	# snippets; what follows || runs if any fails
# shellcheck disable=SC3013,SC3045	# busybox's shell has read -t and -ef
set -u
# shellcheck source=selftests/harness/helper_cmd.sh
. "$(dirname -- "$0")/helper_cmd.sh"

# A member that tells what it gets, and ends by KILL or USR2.
cat >"$scratch/member" <<'END'
trap "echo $1-TERM >&9" TERM
trap "echo $1-HUP >&9" HUP
trap 'kill $!; exit 0' USR2
sleep 1000 &
echo $1-ready >&9
while :; do wait; done
END

# NAME: a tree whose first process has one child and ends with 7 by TERM.
start_tree() {
	procfd run --detach --name "$1" sh -c '
		sh "$0" child &
		trap "exit 7" TERM
		trap "echo first-HUP >&9" HUP
		while :; do wait; done' "$scratch/member" 9>&9 && expect child-ready
}
# The first has ended, and left the child.
start_daemon() {
	procfd run --detach --name "$1" sh -c 'setsid sh "$0" child & :' "$scratch/member" \
		9>&9 && expect child-ready && code 0 procfd wait "$1"
}

t_run_makes_a_tree_if_asked_or_detached() {
	code 0 procfd run --tree --name a sh -c 'sleep 1000 & :' &&
		has "$(procfd info a)" 'left' && code 0 procfd status a &&
		start_tree b && has "$(procfd info b)" 'tree:' &&
		procfd run --detach --no-tree --name c sleep 1000 &&
		has_not "$(procfd info c)" 'tree:' &&
		code 125 procfd run --tree --no-tree true && has "$err" '--no-tree'
}

t_the_name_of_a_daemon_is_the_daemons() {
	start_daemon web && code 0 procfd status web &&
		has "$out" 'exited 0, ' && has "$out" 'main process' &&
		has "$(procfd ls web)" ' left' &&
		has "$(procfd info --json web)" '"state": "exited"' &&
		code 1 procfd rm --dead web &&
		code 125 procfd run --name web true && has "$err" 'is running already' &&
		code 0 procfd signal HUP web && expect child-HUP
}

t_signal_has_a_scope() {
	start_tree web && code 0 procfd signal HUP web && expect first-HUP &&
		code 0 procfd signal --scope=process HUP web && expect first-HUP && silent &&
		code 0 procfd signal -HUP -S tree web || return
	read -r -t 60 one <&9 && read -r -t 60 two <&9
	is "$(printf '%s\n' "$one" "$two" | sort | tr '\n' ' ')" 'child-HUP first-HUP ' &&
		code 2 procfd signal --scope=all HUP web && has "$err" 'say process, main' &&
		procfd run --detach --no-tree --name plain sleep 1000 &&
		code 1 procfd signal --scope tree 0 plain && has "$err" 'tree'
}

t_stop_ends_what_the_first_leaves() {
	start_tree web && code 0 procfd stop --verbose web && has "$out" 'exited 7' &&
		code 1 procfd status web && silent
}

t_stop_signals_the_main_process_and_kills_all() {
	start_daemon web && code 0 procfd stop --retry TERM/50ms/KILL/60 web &&
		expect child-TERM && code 1 procfd status web
}

t_stop_all_signals_all() {
	start_tree web && code 0 procfd stop --all --retry TERM/50ms/KILL/60 web &&
		expect child-TERM && is "$(head -n 1 "$PROCFD_DIR/web")" 'exited 7' &&
		code 1 procfd status web
}

t_wait_empty_waits_for_all() {
	start_daemon web && code 124 procfd wait --empty --timeout 50ms web || return
	procfd wait --empty web &
	waiter=$!
	procfd signal USR2 web && wait "$waiter" && code 1 procfd status web
}

# timeout(1) leaves the sleep.
t_run_timeout_ends_all() {
	code 124 procfd run --name web --timeout 50ms sh -c '
		setsid sh "$0" child & while :; do wait; done' "$scratch/member" 9>&9 &&
		code 1 procfd status web && code 143 procfd wait --empty --timeout 0 web
}

t_run_kill_on_close_ends_all() {
	procfd run --kill-on-close sh -c 'sh "$0" child & echo $! >child; sleep 1000' \
		"$scratch/member" 9>&9 &
	runner=$!
	expect child-ready && until_true [ -s child ] && child=$(cat child) || return
	kill -KILL $runner
	wait $runner
	until_true gone "$child"
}
gone() { ! kill -0 "$1" 2>/dev/null || is "$(state_of "$1")" Z >/dev/null; }

run_tests procfd_cmd_tree
