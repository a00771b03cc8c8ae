#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# What people do with names in a shell, in each of three shells. A test finds the
# running daemon "n" in the working directory.
# shellcheck disable=SC2317	# tests are called by name
# shellcheck disable=SC3045	# the shell that runs this has read -t
set -u
# shellcheck source=selftests/harness/helper_tap.sh
. "$(dirname -- "$0")/helper_tap.sh"
needs_root
needs_module

scratch=$(mktemp -d)
names=$scratch/names
mkdir "$names"
mount -t procfdfs procfd "$names" || exit 1
cleanup() {
	cd / || return
	umount "$names"
	rm -rf "$scratch"
}

# The daemon tells here what it got, one word a line. What it waits for ends when this
# script does, even if it was killed.
mkfifo "$scratch/events" "$scratch/end"
exec 9<>"$scratch/events" 7<>"$scratch/end"
cat >"$scratch/daemon" <<'END'
cd /
exec </dev/null >/dev/null 2>&1
trap 'echo HUP >&9' HUP
trap 'echo USR1 >&9' USR1
trap 'kill $!; exit 7' TERM
cat "$1" 7>&- &
echo ready >&9
while :; do wait; done
END

start() { "$here/helper_daemon" "$1" sh "$scratch/daemon" "$scratch/end" && expect ready; }

expect() {
	got=nothing
	read -r -t 60 got <&9
	[ "$got" = "$1" ] || { echo "# got $got, not $1"; false; }
}

# The snippet under test, bounded. What watches the time stays for a moment, so
# that must not be where the names are.
in_shell() {
	(cd / && timeout 60 "$shell" -c "cd $names && $1" "$shell" "$scratch")
}


end_daemon() { echo TERM >n && is "$(head -n 1 n)" 'exited 7'; }

t_ls_shows_a_fifo_of_size_0_and_then_of_the_records() {
	is "$(in_shell 'ls -l n' | awk '{ print $1, $5 }')" 'prw------- 0' &&
		end_daemon &&
		is "$(in_shell 'ls -l n' | awk '{ print $1, $5 }')" \
			"prw------- $(wc -c <n)"
}

t_test_says_it_exists_and_is_a_pipe() {
	in_shell '[ -e n ] && [ -p n ] && [ -r n ] && [ -w n ] &&
		! [ -f n ] && ! [ -d n ] && ! [ -L n ]'
}

t_test_s_says_whether_it_has_ended() {
	in_shell '! [ -s n ]' && end_daemon && in_shell '[ -s n ]'
}

t_find_type_p_finds_it() {
	in_shell 'mkdir d; ln n d/n' &&
		is "$(in_shell 'find . -type p' | sort | tr '\n' ' ')" \
			'./d/n ./n ' &&
		is "$(in_shell 'find . -type f -exec cat {} +')" '' &&
		in_shell 'rm -r d'
}

# GNU grep; busybox's is caught by any FIFO.
t_grep_r_is_not_caught() {
	in_shell '/usr/bin/grep -r xyzzy .'
	is $? 1
}

t_echo_of_a_name_signals() {
	in_shell 'echo HUP >n' && expect HUP &&
		in_shell 'echo sigusr1 >n' && expect USR1 &&
		in_shell 'echo 1 >n' && expect HUP
}

t_printf_of_a_byte_signals() {
	in_shell "printf '\\001' >n" && expect HUP &&
		in_shell "printf '\\017' >n" && is "$(head -n 1 n)" 'exited 7'
}

t_echo_of_an_unset_variable_is_refused_and_does_nothing() {
	! in_shell 'unset sig; echo $sig >n' 2>/dev/null &&
		! in_shell 'echo "  " >n' 2>/dev/null &&
		in_shell 'echo HUP >n' && expect HUP
}

t_echo_of_nonsense_is_refused_and_does_nothing() {
	! in_shell 'echo HUP NONSENSE >n' 2>/dev/null &&
		! in_shell 'echo 65 >n' 2>/dev/null &&
		in_shell 'echo USR1 >n' && expect USR1
}

t_echo_0_asks_whether_it_runs() {
	in_shell 'echo 0 >n' && end_daemon && ! in_shell 'echo 0 >n' 2>/dev/null
}

t_append_signals_too() { in_shell 'echo HUP >>n' && expect HUP; }

t_set_C_does_not_stop_a_signal() {
	in_shell 'set -C; echo HUP >n' && expect HUP
}

t_a_name_that_does_not_exist_is_not_made() {
	! in_shell 'echo HUP >none' 2>/dev/null && [ ! -e none ]
}

# A process that says its pid sleeps in read(2).
sleeps_in_read() {
	i=0
	until grep -q '^0 ' "/proc/$(cat "$1" 2>/dev/null)/syscall" 2>/dev/null; do
		i=$((i + 1))
		[ "$i" -lt 3000 ] || return
	done
}

t_cat_waits_and_ends() {
	rm -f "$scratch/pid"
	in_shell 'echo $$ >"$1/pid"; exec cat n >"$1/out"' &
	sleeps_in_read "$scratch/pid" && [ ! -s "$scratch/out" ] &&
		echo TERM >n && wait $! &&
		is "$(head -n 1 "$scratch/out")" 'exited 7' &&
		is "$(cat n)" "$(cat "$scratch/out")"
}

t_read_gives_how_and_code() {
	is "$(in_shell 'echo TERM >n; read -r how code <n; echo $how/$code')" exited/7 &&
		is "$(in_shell 'read -r how code <n; echo $how/$code')" exited/7
}

t_read_of_all_lines_gives_all_there_is() {
	end_daemon
	is "$(in_shell 'while read -r key value; do echo "$key"; done <n' |
		sort | tr '\n' ' ')" \
		"exited exited_ns id majflt maxrss_kb minflt started_ns stime_usec utime_usec "
}

t_killed_says_so() {
	is "$(in_shell 'echo KILL >n; read -r how code <n; echo $how/$code')" killed/9
}

t_one_descriptor_signals_and_waits() {
	is "$(in_shell 'exec 3<>n; echo HUP >&3; echo TERM >&3
		read -r how code <&3; echo $how/$code')" exited/7
}

t_command_substitution_waits() {
	is "$(in_shell 'echo TERM >n; x=$(head -n 1 n); echo "$x"')" 'exited 7'
}

t_ln_mv_rm_work() {
	in_shell 'ln n m && [ n -ef m ] && mv m o && ! [ -e m ] && echo HUP >o' &&
		expect HUP && is "$(stat -c %h n)" 2 &&
		in_shell 'rm o && ! [ -e o ]' && is "$(stat -c %h n)" 1
}

t_mv_onto_a_name_replaces_it() {
	start m && end_daemon && in_shell 'mv -f m n && ! [ -e m ] && ! [ -s n ] &&
		echo HUP >n' && expect HUP
}

t_mkdir_rmdir_and_mv_of_directories_work() {
	in_shell 'mkdir d && ln n d/n && ! rmdir d 2>/dev/null && mv d e &&
		echo HUP >e/n' && expect HUP &&
		in_shell 'rm e/n && rmdir e && ! [ -e e ]'
}

t_rm_r_works() {
	in_shell 'mkdir -p d/e/f && ln n d/n && ln n d/e/f/n && rm -r d &&
		! [ -e d ]' && is "$(stat -c %h n)" 1
}

t_chmod_chown_chgrp_work() {
	in_shell 'chmod 0640 n && chown 1000:1000 n && chgrp 2000 n' &&
		is "$(stat -c '%a %u:%g' n)" '640 1000:2000' &&
		in_shell 'chmod g+w n' && is "$(stat -c %a n)" 660
}

t_touch_creates_nothing() {
	in_shell 'touch n' && ! in_shell 'touch m' 2>/dev/null && [ ! -e m ] &&
		! in_shell 'ln -s n m' 2>/dev/null && [ ! -L m ] &&
		! in_shell 'mkfifo m' 2>/dev/null && [ ! -e m ]
}

# dash has no read -t.
t_read_t_times_out() {
	[ "$shell" = dash ] && return
	! in_shell 'read -r -t 2 how <n' &&
		end_daemon && in_shell 'read -r -t 2 how <n'
}

before_each() {
	shell=$group
	start n
}
after_each() {
	if echo TERM >n; then cat n; fi >/dev/null 2>&1
	rm -rf ./*
	# What a failed test has left unread.
	while read -r -t 0 got <&9 && read -r got <&9; do :; done
}

cd "$names" || exit 1
run_tests sh bash dash
