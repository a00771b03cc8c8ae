#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# procfd run: names, rights, exit codes, signals, what is left behind.
# shellcheck disable=SC2317	# tests are called by name
# shellcheck disable=SC2016,SC2015	# snippets; what follows || runs if any fails
# shellcheck disable=SC3013,SC3045	# busybox's shell has read -t and -ef
set -u
# shellcheck source=selftests/harness/helper_cmd.sh
. "$(dirname -- "$0")/helper_cmd.sh"

t_it_ends_as_the_command_ends() {
	code 0 procfd run true && code 7 procfd run sh -c 'exit 7' &&
		code 137 procfd run sh -c 'kill -KILL $$' &&
		code 143 procfd run --name web sh -c 'kill -TERM $$' && is "$err" ''
}

t_the_child_finds_its_own_name() {
	code 0 procfd run --name web sh -c 'procfd status --quiet web' &&
		is "$(head -n 1 "$PROCFD_DIR/web")" 'exited 0'
}

t_the_arguments_arrive_as_they_are() {
	code 0 procfd run printf '%s.' '[a,b]' -- --name -x '' 'a b' &&
		is "$out" '[a,b].--.--name.-x..a b.' &&
		code 0 procfd run -- printf '%s.' -- --help && is "$out" '--.--help.'
}

t_a_running_name_is_refused() {
	start web && code 125 procfd run --name web true &&
		is "$err" "procfd: $PROCFD_DIR/web: is running already; --replace takes the name over" &&
		code 0 procfd status --quiet web
}

t_a_dead_name_is_replaced() {
	code 7 procfd run --name web sh -c 'exit 7' &&
		code 8 procfd run --name web sh -c 'exit 8' &&
		is "$(head -n 1 "$PROCFD_DIR/web")" 'exited 8'
}

t_replace_takes_a_name_over_and_kills_nobody() {
	start web && exec 5<>"$PROCFD_DIR/web" &&
		code 3 procfd run --replace --name web sh -c 'exit 3' &&
		is "$(head -n 1 "$PROCFD_DIR/web")" 'exited 3' &&
		echo HUP >&5 && expect HUP && echo TERM >&5 &&
		is "$(head -n 1 <&5)" 'exited 7'
	result=$?
	exec 5>&-
	return "$result"
}

t_mode_and_owner_are_there_from_the_start() {
	code 0 procfd run --name web --mode 0640 --owner alice:ops \
		stat -c '%a %u:%g' "$PROCFD_DIR/web" &&
		is "$out" '640 1000:2000' &&
		code 0 procfd run -n web -m 600 -o 1001 stat -c '%a %u:%g' "$PROCFD_DIR/web" &&
		is "$out" '600 1001:0' &&
		code 0 procfd run -n web -o 4294967294:4294967294 stat -c %u:%g "$PROCFD_DIR/web" &&
		is "$out" 4294967294:4294967294
}

t_what_is_wrong_is_seen_before_anything_is_done() {
	code 125 procfd run --name web --owner nobody-such true && has "$err" nobody-such &&
		code 125 procfd run --name web --owner 4294967295 true && has "$err" 'no such user' &&
		code 125 procfd run --name web --owner :4294967295 true && has "$err" 'no such group' &&
		code 125 procfd run --name web --mode 888 true && has "$err" 888 &&
		code 125 procfd run --name web --timeout soon true && has "$err" soon &&
		code 125 procfd run --name web --retry TERM --timeout 1 true &&
		code 125 procfd run --name web --unknown true &&
		code 125 procfd run --name web &&
		code 125 procfd run --name web --kill-on-close true && has "$err" outlives &&
		code 125 procfd run --detach --kill-on-close true &&
		code 125 procfd run --detach --timeout 1 true &&
		[ ! -e "$PROCFD_DIR/web" ]
}

# What a script has not set is not the same as an option that is not given.
t_an_empty_value_is_a_wrong_command_line() {
	for option in --name --mode --owner --timeout -n -m -o -t; do
		code 125 procfd run "$option" '' true && has "$err" "$option" || return
	done
	for option in --name= --mode= --owner= --timeout= --replace=; do
		code 125 procfd run "$option" --quiet true && has "$err" "${option%=}" || return
	done
	code 125 procfd run --timeout 1 --retry '' true && code 125 procfd run -qt '' true &&
		is "$(ls "$PROCFD_DIR")" '' && code 7 procfd run --name web sh -c 'exit 7' &&
		code 125 procfd wait --timeout '' web && code 125 procfd stop --signal '' web &&
		code 2 procfd link --pid '' --fd 3 shell 3<>"$PROCFD_DIR/web" &&
		code 2 procfd ls --color= && code 2 procfd rm --dead= && [ -e "$PROCFD_DIR/web" ]
}

t_a_command_that_is_not_there_costs_no_name() {
	code 7 procfd run --name web sh -c 'exit 7' &&
		code 127 procfd run --name web no-such-command &&
		is "$err" 'procfd: no-such-command: command not found' &&
		code 127 procfd run --name web ./no-such-command &&
		code 126 procfd run --name web /etc/passwd &&
		code 126 procfd run --name web / &&
		is "$(head -n 1 "$PROCFD_DIR/web")" 'exited 7'
}

t_a_command_that_cannot_be_executed_leaves_no_name() {
	printf '#!/no/such/interpreter\n' >bad
	chmod 755 bad
	code 126 procfd run --name web ./bad && has "$err" interpreter &&
		[ ! -e "$PROCFD_DIR/web" ] &&
		code 126 procfd run --detach --name web ./bad &&
		[ ! -e "$PROCFD_DIR/web" ]
}

t_a_start_waits_for_another_that_fails() {
	mkfifo order
	"$here/helper_holder" "$PROCFD_DIR/web" <order >&9 &
	exec 5>order
	expect held || return
	code 0 procfd status web && is "$out" "$PROCFD_DIR/web: starting" || return
	procfd run --name web sh -c 'echo second >&9; exit 4' 5>&- &
	second=$!
	until_true sleeps_in "$second" poll && silent || return
	exec 5>&-
	expect second && { wait "$second"; is $? 4; }
}

t_a_start_gives_way_to_another_that_succeeds() {
	mkfifo order
	"$here/helper_holder" "$PROCFD_DIR/web" <order >&9 &
	exec 5>order
	expect held || return
	procfd run --name web true 5>&- 2>complaint &
	second=$!
	until_true sleeps_in "$second" poll || return
	echo go >&5
	exec 5>&-
	wait "$second"
	is $? 125 && has "$(cat complaint)" 'is running already'
}

t_a_start_does_not_wait_for_another_for_ever() {
	mkfifo order
	"$here/helper_holder" "$PROCFD_DIR/web" <order >&9 &
	exec 5>order
	expect held || return
	code 125 procfd run --name web true 5>&-
	has "$err" 'being started by another' || { exec 5>&-; return 1; }
	code 0 procfd run --replace --name web true 5>&-
	exec 5>&-
}

t_a_start_that_waits_can_be_ended() {
	mkfifo order
	"$here/helper_holder" "$PROCFD_DIR/web" <order >&9 &
	exec 5>order
	expect held || return
	procfd run --detach --name web sleep 1000 5>&- &
	second=$!
	until_true sleeps_in "$second" poll && kill -TERM "$second" && { wait "$second"; is $? 143; }
	result=$?
	exec 5>&-
	return "$result"
}

# There is no command yet that the terminal would signal as well.
t_ctrl_c_ends_a_start_that_waits() {
	mkfifo order
	"$here/helper_holder" "$PROCFD_DIR/web" <order >&9 &
	exec 5>order
	expect held || return
	on_terminal procfd run --name web true 5>&-
	terminal=$!
	until_true only_child_of "$terminal" && until_true sleeps_in "$second" poll &&
		printf '\003' >"$scratch/orders" && until_true is_in "$second" Z &&
		is "$(sed 's/.* //' "/proc/$second/stat")" 2
	result=$?
	exec 5>&-
	printf E >"$scratch/orders"
	return "$result"
}

only_child_of() { second=$(children_of "$1") && [ "$second" ]; }

# A process sleeps in a kernel function of this name.
sleeps_in() { grep -q "$2" "/proc/$1/wchan" 2>/dev/null; }

t_two_starts_make_one_daemon() {
	for _ in 1 2 3 4 5; do
		procfd run -d -n web sleep 1000 2>/dev/null && echo one >>started &
		procfd run -d -n web sleep 1000 2>/dev/null && echo two >>started &
		wait
		is "$(wc -l <started)" 1 && procfd stop --signal KILL web || return
		rm started
	done
}

t_detach_returns_once_it_runs() {
	code 0 procfd run --detach --name web sh -c '
		read -r pid _ _ _ _ session _ </proc/$$/stat
		[ "$pid" = "$session" ] && echo leader >&9
		readlink /proc/$$/fd/0 >&9
		exec sleep 1000' && expect leader && expect /dev/null &&
		code 0 procfd status --quiet web
}

t_kill_on_close_kills_with_the_command() {
	mkfifo life
	procfd run --kill-on-close sh -c 'echo up >&8; exec sleep 1000' 8>life &
	exec 5<life
	read -r word <&5 && is "$word" up && kill -KILL $! &&
		timeout 60 cat <&5
	result=$?
	exec 5<&-
	return "$result"
}

t_without_it_the_command_goes_on() {
	procfd run --name web sh "$scratch/daemon" &
	expect ready && kill -KILL $! && ! wait $! &&
		procfd signal HUP web && expect HUP
}

t_signals_are_passed_on() {
	procfd run --name web sh "$scratch/daemon" &
	expect ready || return
	for signal in HUP USR1 USR2 ALRM WINCH CONT; do
		kill "-$signal" $! && expect "$signal" || return
	done
	kill -TERM $!
	wait $!
	is $? 7
}

# The shell starts its background jobs with INT and QUIT ignored; procfd does not.
t_so_are_int_and_quit() {
	procfd run --detach --name outer procfd run --name web sh "$scratch/daemon"
	expect ready && procfd signal INT outer && expect INT &&
		procfd signal QUIT outer && expect QUIT && procfd signal TERM outer &&
		code 7 procfd wait --timeout 60 outer
}

t_what_is_ignored_stays_so() {
	(trap '' HUP && exec procfd run --name web sh -c 'echo ready >&9; exec sleep 1000') &
	expect ready && grep -q '^SigIgn:.*[13579bdf]$' /proc/$!/status &&
		grep -q '^SigBlk:.*[02468ace]$' /proc/$!/status && kill -TERM $! || return
	wait $!
	is $? 143
}

t_what_the_command_sends_does_not_come_back() {
	procfd run sh -c 'for s in USR1 USR2 ALRM; do trap "echo $s >&9" $s; done
		kill -USR1 $PPID
		kill -USR2 $PPID
		echo sent >&9
		sleep 1000 &
		while :; do wait; done' &
	# Passed on after what came before it
	expect sent && kill -ALRM $! && expect ALRM
	result=$?
	kill -TERM $!
	return "$result"
}

# Run a command on a terminal of its own; what is written to orders is typed there.
on_terminal() {
	[ -d "$scratch/python" ] ||
		{ mkdir "$scratch/python" && tar -xf "$here/helper_python.tar" -C "$scratch/python"; }
	PYTHONHOME=$scratch/python PYTHONPATH=$scratch/python /usr/bin/python3 -S -c '
import _signal, os, sys
pid, terminal = os.forkpty()
if pid == 0:
    _signal.signal(_signal.SIGINT, _signal.SIG_DFL)
    _signal.signal(_signal.SIGQUIT, _signal.SIG_DFL)
    os.execvp(sys.argv[1], sys.argv[1:])
while keys := os.read(0, 1):
    if keys == b"E":
        break
    os.write(terminal, keys)
' "$@" <>"$scratch/orders" &
}

t_tstp_stops_and_cont_continues_both() {
	on_terminal bash -mc 'procfd run --name web sleep 1000 & echo $! >pid
		until procfd status -q web 2>/dev/null; do :; done
		kill -TSTP $!
		until grep -q "^State:.T" /proc/$!/status; do :; done
		echo stopped >&9
		until [ -e go ]; do :; done
		kill -CONT $!
		until grep -q "^State:.S" /proc/$!/status; do :; done
		echo continued >&9
		wait'
	expect stopped && child=$(procfd info web | sed -n 's/^process: *//p') &&
		until_true is_in "$child" T && touch go && expect continued &&
		until_true is_in "$child" S && kill -TERM "$(cat pid)" &&
		code 143 procfd wait --timeout 60 web
	result=$?
	printf E >"$scratch/orders"
	return "$result"
}

is_in() { [ "$(state_of "$1")" = "$2" ]; }

t_ctrl_c_arrives_once() {
	on_terminal procfd run --name web sh "$scratch/daemon"
	# Stopped, it cannot pass one on before the command has had its own, or the
	# two would be one. What is passed on comes in turn, INT before CONT.
	expect ready && runner=$(parent_of web) && kill -STOP "$runner" &&
		until_true is_in "$runner" T && printf '\003' >"$scratch/orders" &&
		expect INT && kill -CONT "$runner" && expect CONT &&
		kill -USR1 "$runner" && expect USR1 && procfd signal TERM web &&
		code 7 procfd wait --timeout 60 web
	result=$?
	printf E >"$scratch/orders"
	return "$result"
}

parent_of() {
	sed -n 's/^PPid:[^0-9]*//p' "/proc/$(procfd info "$1" | sed -n 's/^process: *//p')/status"
}

t_the_command_starts_as_from_the_shell() {
	grep -E 'Sig(Blk|Ign)' /proc/self/status >wanted
	procfd run --name web grep -E 'Sig(Blk|Ign)' /proc/self/status >got
	# shellcheck disable=SC2012	# numbers
	ls /proc/self/fd | wc -l >>wanted
	procfd run --name web ls /proc/self/fd | wc -l >>got
	is "$(cat got)" "$(cat wanted)"
}

t_a_command_that_made_itself_a_daemon_is_warned_of() {
	code 0 procfd run --name web sh -c 'sleep 1000 & exit 0' &&
		has "$err" 'made itself a daemon' &&
		code 0 procfd run --quiet --name web sh -c 'sleep 1000 & exit 0' && is "$err" '' &&
		code 3 procfd run --name web sh -c 'sleep 1000 & exit 3' && is "$err" '' &&
		code 0 procfd run --name web true && is "$err" ''
}

t_children_from_before_are_no_daemons() {
	code 0 sh -c 'sleep 1000 & exec procfd run true' && is "$err" ''
}

t_the_zombies_of_others_are_reaped() {
	code 0 procfd run sh -c '
		. "$0" && finished=yes
		(true &)
		until [ "$(children_of $PPID)" = $$ ]; do :; done' "$here/helper_tap.sh"
}

t_timeout_stops_it() {
	code 124 procfd run --timeout 50ms --name web sleep 1000 &&
		is "$(head -n 1 "$PROCFD_DIR/web")" 'killed 15' &&
		code 124 sh -c 'trap "" TERM
			exec procfd run -t 0.05 -r TERM/50ms/KILL/60 --name web sleep 1000' &&
		is "$(head -n 1 "$PROCFD_DIR/web")" 'killed 9' &&
		code 3 procfd run --timeout 60 sh -c 'exit 3'
}

t_exec_is_the_same_process() {
	code 0 sh -c 'echo $$; exec procfd exec --name web sh -c "echo \$\$; procfd status -q web"' &&
		is "$(echo "$out" | sort -u | wc -l)" 1
}

t_exec_refuses_and_replaces_as_run_does() {
	start web && code 125 procfd exec --name web true && has "$err" 'running already' &&
		code 4 procfd exec --replace --name web --mode 640 sh -c 'exit 4' &&
		is "$(head -n 1 "$PROCFD_DIR/web")" 'exited 4' &&
		is "$(stat -c %a "$PROCFD_DIR/web")" 640 &&
		code 5 procfd exec --name web sh -c 'exit 5' &&
		is "$(head -n 1 "$PROCFD_DIR/web")" 'exited 5'
}

t_an_exec_that_fails_leaves_no_name() {
	printf '#!/no/such/interpreter\n' >bad
	chmod 755 bad
	code 126 procfd exec --name web ./bad && has "$err" interpreter &&
		[ ! -e "$PROCFD_DIR/web" ] &&
		code 127 procfd exec --name web no-such-command &&
		[ ! -e "$PROCFD_DIR/web" ] && code 125 procfd exec true &&
		has "$err" --name
}

mkfifo "$scratch/orders"
# As timeout(1) takes it, and scripts that let a variable decide.
t_a_timeout_of_zero_is_no_limit() {
	code 7 timeout 60 procfd run --timeout 0 sh -c 'sleep 0.1; exit 7' &&
		code 7 timeout 60 procfd run -t 0s --retry KILL/5 sh -c 'sleep 0.1; exit 7'
}

run_tests procfd_cmd_run
