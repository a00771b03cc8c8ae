#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# procfd wait, stop, signal and status.
# shellcheck disable=SC2317	# tests are called by name
# shellcheck disable=SC2016,SC2015	# snippets; what follows || runs if any fails
# shellcheck disable=SC3013,SC3045	# busybox's shell has read -t and -ef
set -u
# shellcheck source=selftests/harness/helper_cmd.sh
. "$(dirname -- "$0")/helper_cmd.sh"

# A name whose process has ended as a shell command says.
dead() { procfd run --quiet --name "$1" sh -c "$2"; :; }

# A process that ignores TERM.
start_deaf() {
	procfd run --detach --name "$1" sh -c '
		trap "echo deaf >&9" TERM
		sleep 1000 &
		echo ready >&9
		while :; do wait; done' && expect ready
}

t_wait_ends_as_the_process_did() {
	dead a 'exit 7' && dead b 'kill -KILL $$' && dead c 'exit 0' &&
		code 7 procfd wait a && is "$out$err" '' &&
		code 137 procfd wait b && code 0 procfd wait c
}

t_wait_waits() {
	start web
	procfd wait web &
	waiter=$!
	procfd signal TERM web
	wait "$waiter"
	is $? 7
}

t_wait_for_all_has_the_first_that_is_not_0() {
	dead a 'exit 0' && dead b 'exit 5' && dead c 'exit 6' && start d &&
		procfd signal TERM d && code 5 procfd wait a b c d &&
		code 7 procfd wait d c && code 0 procfd wait a a
}

t_wait_any_has_the_one_that_ended() {
	start web && dead a 'exit 5' && code 5 procfd wait --any web a &&
		code 0 procfd status -q web
}

t_wait_verbose_tells_which() {
	dead a 'exit 7' && dead b 'kill -TERM $$' && code 7 procfd wait -v a b &&
		is "$out" "$PROCFD_DIR/a: exited 7
$PROCFD_DIR/b: killed TERM"
}

t_wait_times_out() {
	start web && dead a 'exit 5' &&
		code 124 procfd wait --timeout 50ms web &&
		code 124 procfd wait --timeout 0 web &&
		code 124 procfd wait --timeout 0.05 web a &&
		code 5 procfd wait --timeout 0 a &&
		code 5 procfd wait --timeout 1m a
}

t_wait_fails_for_what_is_not_there() {
	code 125 procfd wait none && is "$err" "procfd: $PROCFD_DIR/none: no such name" &&
		dead a 'exit 5' && code 125 procfd wait a none && code 125 procfd wait &&
		code 125 procfd wait --timeout x a && code 125 procfd wait --timeout -1 a &&
		code 125 procfd wait --what a
}

t_wait_fails_for_what_was_never_started() {
	"$here/helper_holder" "$PROCFD_DIR/web" </dev/null >&9 && expect held &&
		code 125 procfd wait web && has "$err" 'never started'
}

t_stop_ends_it() {
	start web && code 0 procfd stop web && is "$out$err" '' &&
		is "$(head -n 1 "$PROCFD_DIR/web")" 'exited 7'
}

t_stop_of_the_dead_is_done() {
	dead a 'exit 5' && code 0 procfd stop --verbose a &&
		is "$out" "$PROCFD_DIR/a: exited 5"
}

t_stop_of_what_is_not_there_is_an_error_unless_oknodo() {
	code 125 procfd stop none && has "$err" 'no such name' &&
		code 0 procfd stop --oknodo none && is "$err" '' &&
		start web && code 125 procfd stop none web &&
		code 1 procfd status -q web
}

t_stop_goes_through_the_schedule() {
	start_deaf web && code 0 procfd stop --retry TERM/50ms/-TERM/0.05/9/KILL/60 web 9>&9
	is "$(head -n 1 "$PROCFD_DIR/web")" 'killed 9' && expect deaf && expect deaf
}

t_stop_gives_up_at_the_end_of_the_schedule() {
	start_deaf web && code 124 procfd stop --retry TERM/50ms web &&
		is "$err" "procfd: $PROCFD_DIR/web: is still running" &&
		code 0 procfd status -q web
}

t_a_schedule_of_one_time_kills_after_it() {
	start_deaf web && code 0 procfd stop --retry 0.05 web &&
		is "$(head -n 1 "$PROCFD_DIR/web")" 'killed 9' && expect deaf
}

t_forever_repeats() {
	start_deaf web
	procfd stop --retry forever/TERM/20ms web &
	stopper=$!
	expect deaf && expect deaf && expect deaf && procfd signal KILL web &&
		wait "$stopper"
}

t_stop_signal_is_the_first() {
	start web && code 0 procfd stop --signal KILL web &&
		is "$(head -n 1 "$PROCFD_DIR/web")" 'killed 9' &&
		start_deaf deaf && code 0 procfd stop -s USR1 -r 60 deaf &&
		is "$(head -n 1 "$PROCFD_DIR/deaf")" 'killed 10'
}

# Of those without a name the number is no time.
t_stop_signal_may_be_one_without_a_name() {
	start web && code 0 procfd stop --signal 32 web &&
		is "$(head -n 1 "$PROCFD_DIR/web")" 'killed 32'
}

t_stop_refuses_schedules_that_are_none() {
	start web || return
	for schedule in TERM TERM/ /5 TERM/x 5/nosuch forever forever/TERM \
		forever/TERM/0 forever/5/forever/5; do
		code 125 procfd stop --retry "$schedule" web || return
	done
	code 125 procfd stop --signal none web && code 125 procfd stop --signal 0 web &&
		code 125 procfd stop --signal HUP --retry TERM/5 web &&
		code 125 procfd stop && code 0 procfd status -q web
}

t_stop_stops_several_at_once() {
	start a && start b && code 0 procfd stop --verbose a b &&
		is "$out" "$PROCFD_DIR/a: exited 7
$PROCFD_DIR/b: exited 7"
}

t_signal_takes_names_and_numbers() {
	start web && code 0 procfd signal HUP web && expect HUP &&
		code 0 procfd signal sigusr1 web && expect USR1 &&
		code 0 procfd signal 12 web && expect USR2 &&
		code 0 procfd signal 0 web && is "$out$err" '' && silent
}

t_signal_takes_a_dash_as_kill_does() {
	start web && code 0 procfd signal -HUP web && expect HUP &&
		code 0 procfd signal -sigusr1 web && expect USR1 && code 0 procfd signal -12 web && expect USR2 &&
		code 0 procfd signal -0 web && silent
}

t_signal_list_is_that_of_the_shell() {
	code 0 procfd signal --list &&
		is "$(echo "$out" | awk '$1 < 32 { print $1, $2 }')" \
			"$(bash -c 'for n in {1..31}; do echo "$n $(kill -l "$n")"; done' | sed "s/ IO\$/ POLL/")" &&
		has "$out" '34 RTMIN' && has "$out" '64 RTMAX'
}

t_signal_goes_to_all_and_fails_if_one_did() {
	start a && start b && dead c 'exit 0' && code 1 procfd signal HUP a c b &&
		expect HUP && expect HUP && has "$err" "$PROCFD_DIR/c: its process has ended" &&
		code 1 procfd signal HUP none && has "$err" 'no such name'
}

t_signal_refuses_what_is_none() {
	start web && code 2 procfd signal NONSENSE web && code 2 procfd signal 65 web &&
		code 2 procfd signal -65 web && code 2 procfd signal -NONSENSE web &&
		code 2 procfd signal -HUP && code 2 procfd signal HUP -USR1 web && code 2 procfd signal HUP &&
		code 2 procfd signal && code 2 procfd signal --list web && silent
}

t_status_has_the_codes_of_init_scripts() {
	start web && code 0 procfd status web &&
		is "${out%process *}" "$PROCFD_DIR/web: running, " &&
		code 0 procfd stop web && code 1 procfd status web &&
		is "$out" "$PROCFD_DIR/web: exited 7" &&
		code 3 procfd status none && is "$out" "$PROCFD_DIR/none: no such name" &&
		code 3 procfd status -q none && is "$out$err" ''
}

t_status_is_unknown_elsewhere() {
	code 4 procfd status /tmp/none && has "$err" 'mount -t procfdfs' &&
		code 4 procfd status /tmp && code 4 procfd status /etc/passwd &&
		code 4 procfd status && code 4 procfd status a b &&
		code 4 env PROCFD_DIR=/no/such procfd status web && has "$err" 'no directory /no/such'
}

t_others_are_told_who_may() {
	start web && chmod 755 "$scratch" && chmod 711 "$scratch/work" &&
		code 1 as_bob procfd signal HUP web && has "$err" 'root:root with mode 0600' &&
		code 125 as_bob procfd wait web && has "$err" 'root:root with mode 0600' &&
		code 125 as_bob procfd stop web && has "$err" 'root:root with mode 0600' &&
		code 4 as_bob procfd status web && has "$err" 'root:root with mode 0600' &&
		code 125 as_bob procfd run --name bobs true &&
		has "$err" 'belongs to root:root with mode 0755' && silent
}

t_others_may_see_that_it_has_ended() {
	dead web 'exit 7' && chmod 755 "$scratch" &&
		code 1 as_bob procfd status web && is "$out" "$PROCFD_DIR/web: ended"
}

# A name with something in it has ended; another file has not.
t_a_file_that_may_not_be_read_is_no_process() {
	echo secret >file && mkdir directory && chmod 600 file && chmod 700 directory &&
		mkdir -m 700 "$PROCFD_DIR/team" && chmod 755 "$scratch" && chmod 711 "$scratch/work" || return
	for path in "$PWD/file" "$PWD/directory"; do
		code 4 as_bob procfd status "$path" && is "$out" '' && has "$err" ' in a procfdfs' &&
			code 1 as_bob procfd ls "$path" && has "$err" ' in a procfdfs' &&
			code 1 as_bob procfd info "$path" && has "$err" ' in a procfdfs' || return
	done
	code 0 as_bob procfd ls && has "$out" 'team/  directory'
}

t_the_mode_lets_others() {
	start web && chmod 755 "$scratch" && chown :1001 "$PROCFD_DIR/web" &&
		chmod 0640 "$PROCFD_DIR/web" && code 0 as_bob procfd status -q web &&
		code 1 as_bob procfd signal HUP web && chmod 0660 "$PROCFD_DIR/web" &&
		code 0 as_bob procfd signal HUP web && expect HUP &&
		code 0 as_bob procfd stop web
}

t_without_the_mount_it_says_what_to_do() {
	unset PROCFD_DIR
	[ ! -d /run/procfd ] && code 4 procfd status web &&
		has "$err" 'systemctl start run-procfd.mount' &&
		code 125 procfd run --name web true &&
		has "$err" 'mount -t procfdfs procfd /run/procfd' &&
		mkdir /run/procfd && code 125 procfd run --name web true &&
		has "$err" 'mount -t procfdfs procfd /run/procfd' &&
		code 1 procfd ls && has "$err" 'mount -t procfdfs procfd /run/procfd'
	result=$?
	rmdir /run/procfd
	PROCFD_DIR=$scratch/names
	export PROCFD_DIR
	return "$result"
}

t_without_the_device_it_says_what_to_do() {
	dead job 'exit 5'
	mv /dev/procfd /dev/procfd.away
	code 125 procfd run --name web true && has "$err" 'modprobe procfd' &&
		code 125 procfd exec --name web true && has "$err" 'modprobe procfd' &&
		code 1 procfd link --pid $$ shell && has "$err" 'modprobe procfd' &&
		code 1 procfd replace --pid $$ web && has "$err" 'modprobe procfd' &&
		code 1 procfd rm --dead && has "$err" 'modprobe procfd' && [ -e "$PROCFD_DIR/job" ]
	result=$?
	mv /dev/procfd.away /dev/procfd
	return "$result"
}

t_names_are_used_without_the_device() {
	start web && dead job 'exit 5' || return
	mv /dev/procfd /dev/procfd.away
	code 0 procfd status web && has "$out" running &&
		code 0 procfd signal HUP web && expect HUP &&
		code 0 procfd info web && has "$out" "sh $scratch/daemon" &&
		code 0 procfd ls && has "$out" 'exited 5' &&
		code 0 procfd stop web && code 7 procfd wait web &&
		code 0 procfd rm web && [ ! -e "$PROCFD_DIR/web" ]
	result=$?
	mv /dev/procfd.away /dev/procfd
	return "$result"
}

run_tests procfd_cmd_stop
