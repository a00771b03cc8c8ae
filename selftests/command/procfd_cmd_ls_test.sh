#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# procfd info and ls: tables, JSON, colours, --watch.
# shellcheck disable=SC2317	# tests are called by name
# shellcheck disable=SC2016,SC2015	# snippets; what follows || runs if any fails
# shellcheck disable=SC2086	# words
# shellcheck disable=SC3013,SC3045	# busybox's shell has read -t and -ef
set -u
# shellcheck source=selftests/harness/helper_cmd.sh
. "$(dirname -- "$0")/helper_cmd.sh"

dead() { procfd run --quiet --name "$1" sh -c "$2"; :; }

# A script in Python; standard input is "data".
python() {
	[ -d "$scratch/python" ] ||
		{ mkdir "$scratch/python" && tar -xf "$here/helper_python.tar" -C "$scratch/python"; }
	PYTHONHOME=$scratch/python PYTHONPATH=$scratch/python /usr/bin/python3 -S "$@"
}

without_times() { sed -E 's/[0-9]{4}-[0-9-]+ [0-9:]{8}/WHEN/; s/ [0-9]+ s ago/ N s ago/'; }

t_ls_is_a_table() {
	start web && dead job 'exit 7' && chmod 0640 "$PROCFD_DIR/web" &&
		chown alice:ops "$PROCFD_DIR/web" && code 0 procfd ls || return
	pid=$(procfd info web | sed -n 's/^process: *//p')
	echo "$out" >table
	is "$(sed -n 1p table | tr -s ' ')" 'NAME STATE PID SINCE OWNER MODE COMMAND' &&
		is "$(sed -n 2p table | without_times | tr -s ' ')" \
			'job exited 7 - WHEN root:root 0600 -' &&
		is "$(sed -n 3p table | without_times | tr -s ' ')" \
			"web running $pid WHEN alice:ops 0640 sh $scratch/daemon" &&
		is "$(wc -l <table)" 3
}

t_ls_knows_all_states() {
	mkdir "$PROCFD_DIR/team"
	dead killed 'kill -KILL $$'
	mkfifo order
	"$here/helper_holder" "$PROCFD_DIR/dropped" </dev/null >&9
	"$here/helper_holder" "$PROCFD_DIR/starting" <order >&9 &
	exec 5>order
	expect held && expect held && code 0 procfd ls &&
		has "$out" 'never started' && has "$out" 'killed KILL' && has "$out" 'starting  ' &&
		has "$out" 'team/' && has "$out" directory
	result=$?
	exec 5>&-
	return "$result"
}

t_ls_of_a_name_or_a_directory() {
	mkdir -p "$PROCFD_DIR/team/deep" && dead "$PROCFD_DIR"/team/a 'exit 1' && dead "$PROCFD_DIR"/team/deep/b 'exit 2' &&
		dead c 'exit 3' && code 0 procfd ls team && has "$out" 'a  ' && has_not "$out" 'exited 3' &&
		code 0 procfd ls c && has "$out" 'exited 3' && has_not "$out" 'exited 1' &&
		code 0 procfd ls && has_not "$out" 'exited 1' &&
		code 0 procfd ls --recursive && has "$out" 'team/deep/b' && has "$out" 'exited 2' &&
		cd "$PROCFD_DIR/team" && code 0 procfd ls . && has "$out" 'exited 1' &&
		code 0 procfd ls ./a && has "$out" 'exited 1'
}

t_ls_fails_for_what_is_not_there() {
	code 1 procfd ls none && has "$err" 'no such name' &&
		code 1 procfd ls /etc && has "$err" 'not in a procfdfs' &&
		code 2 procfd ls --color often && code 2 procfd ls --unknown
}

t_who_may_not_read_a_name_is_told_less() {
	start web && dead job 'exit 7' && chmod 755 "$scratch" && chmod 711 "$scratch/work" &&
		code 0 as_bob procfd ls && is "$err" '' &&
		is "$(echo "$out" | sed 1d | without_times | tr -s ' ')" \
			'job ended - WHEN root:root 0600 -
web unknown - - root:root 0600 -' && code 0 as_bob procfd ls --json && is "$err" '' || return
	echo "$out" >all
	python -c '
import ast
rights = {"owner": "root", "group": "root", "mode": "0600"}
assert ast.literal_eval(open("all").read()) == [
    {"name": "job", "state": "ended", **rights}, {"name": "web", "state": "unknown", **rights}]
' && code 1 as_bob procfd info job && has "$err" 'root:root with mode 0600' &&
		code 1 as_bob procfd info --json web && has "$err" 'root:root with mode 0600' && is "$out" '[]'
}

t_names_cannot_command_the_terminal() {
	odd=$(printf 'a\033[31mb\nc\\d\302\205\377\303\244')
	dead "$odd" 'exit 0' && code 0 procfd ls &&
		has "$out" "$(printf 'a\\x1b[31mb\\nc\\\\d\\xc2\\x85\\xff\303\244  exited 0')" &&
		code 0 procfd ls --json && has "$out" 'a\u001b[31mb\nc\\d' &&
		code 0 procfd wait -v "$odd" && has "$out" 'a\x1b[31mb\nc'
}

t_json_says_what_the_table_says() {
	start web && dead job 'exit 7' && dead killed 'kill -TERM $$' || return
	procfd ls --json >all && python -c '
import ast, sys
text = open("all").read().replace("true", "True").replace("false", "False")
job, killed, web = ast.literal_eval(text)
assert job["name"] == "job" and job["state"] == "exited" and job["code"] == 7, job
assert "pid" not in job and "command" not in job and "ended" in job, job
assert killed["state"] == "killed" and killed["signal"] == "TERM" and killed["signo"] == 15, killed
assert web["state"] == "running" and web["command"] == ["sh", sys.argv[1]], web
assert web["pid"] > 1 and web["started"].endswith("Z") and "ended" not in web, web
assert web["owner"] == "root" and web["group"] == "root" and web["mode"] == "0600", web
assert len({job["id"], killed["id"], web["id"]}) == 3
' "$scratch/daemon" && procfd info --json web job >two && python -c '
import ast
text = open("two").read().replace("true", "True").replace("false", "False")
web, job = ast.literal_eval(text)
assert web["name"].endswith("/web") and job["code"] == 7 and job["maxrss_kb"] > 0, job
' && is "$(cd "$PROCFD_DIR" && rm -f ./* && procfd ls --json)" '[]'
}

t_info_tells_all() {
	start web && code 0 procfd info web && has "$out" "name:     $PROCFD_DIR/web" &&
		has "$out" 'state:    running' && has "$out" "command:  sh $scratch/daemon" &&
		has "$out" 'owner:    root:root' && has "$out" 'mode:     0600' &&
		has_not "$out" ended: && code 0 procfd stop web && code 0 procfd info web &&
		has "$out" 'state:    exited 7' && has "$out" ended: && has "$out" memory: &&
		has_not "$out" process: && has_not "$out" command: &&
		code 1 procfd info web none && has "$err" 'no such name' && has "$out" 'exited 7' &&
		code 2 procfd info
}

# It was recorded, as was the time of the name; the clock is of now.
t_times_of_the_dead_are_those_recorded_whatever_the_clock_says_now() {
	dead job 'sleep 0.1' && procfd info job | grep -E '^(started|ended):' >before || return
	json=$(procfd ls --json)
	date -s "@$(($(date +%s) + 86400))" >/dev/null
	procfd info job | grep -E '^(started|ended):' >after
	is "$(procfd ls --json)" "$json" && is "$(cat after)" "$(cat before)" &&
		recorded=$(date -d "@$(stat -c %Y "$PROCFD_DIR/job")" '+%Y-%m-%d %H:%M:%S') &&
		has "$(cat after)" "ended:    $recorded" && has "$(procfd ls)" " $recorded "
	result=$?
	date -s "@$(($(date +%s) - 86400))" >/dev/null
	return "$result"
}

t_since_is_the_time_of_the_exit() {
	dead job 'exit 7' && code 0 procfd ls &&
		has "$out" "$(date -d "@$(stat -c %Y "$PROCFD_DIR/job")" '+%Y-%m-%d %H:%M')"
}

# /proc is still that of outside, where another process has its number.
t_no_command_is_shown_from_another_pid_namespace() {
	code 0 unshare -p -f sh -c 'procfd run --detach --name web sleep 1000 && procfd info web && procfd ls' &&
		has "$out" 'state:    running' && has "$out" process: && has_not "$out" command: &&
		has "$out" '0600  -'
}

t_times_are_those_of_the_host_in_a_time_namespace() {
	start web && dead job 'exit 7' || return
	for time in started ended; do
		outside=$($time procfd) && inside=$($time in_time_namespace procfd) &&
			[ $((outside - inside)) -lt 3600 ] && [ $((inside - outside)) -lt 3600 ] ||
			{ echo "# $time: $outside, $inside"; return 1; }
	done
}

in_time_namespace() { /usr/bin/unshare -T --boottime 86400 --fork "$@"; }

started() { date -d "$("$@" info web | sed -n 's/^started: *//p')" +%s; }
ended() { date -d "$("$@" info job | sed -n 's/^ended: *//p')" +%s; }

# Usage: ls_on_terminal COLUMNS [OPTION...]; 0 columns are not known how many.
ls_on_terminal() {
	cat >terminal.py <<'END'
import array, fcntl, os, sys
TIOCSWINSZ = 0x5414
pid, terminal = os.forkpty()
if pid == 0:
    fcntl.ioctl(1, TIOCSWINSZ, array.array("H", [24, int(sys.argv[1]), 0, 0]))
    os.execvp("procfd", ["procfd", "ls"] + sys.argv[2:])
out = b""
try:
    while part := os.read(terminal, 4096):
        out += part
except OSError:
    pass
sys.stdout.buffer.write(out)
END
	python terminal.py "$@" | tr -d '\r' | without_times
}

t_colours_are_for_terminals() {
	dead job 'exit 7' && code 0 procfd ls && has_not "$out" "$(printf '\033')" &&
		code 0 procfd ls --color always && has "$out" "$(printf '\033[31mexited 7\033[m')" &&
		has "$(ls_on_terminal 0)" "$(printf '\033[31mexited 7\033[m')" &&
		has_not "$(export NO_COLOR=1; ls_on_terminal 0)" "$(printf '\033')" &&
		has_not "$(export TERM=dumb; ls_on_terminal 0)" "$(printf '\033')" &&
		has_not "$(ls_on_terminal 0 --color never)" "$(printf '\033')"
}

# Columns are counted as a terminal does, and colours take none.
t_commands_are_cut_at_the_edge_of_a_terminal() {
	mkdir éé && procfd run --detach --name web sh éé/../../daemon 9>&9 && expect ready &&
		code 0 procfd ls || return
	green=$(printf '\033[32m')
	normal=$(printf '\033[m')
	all=$(echo "$out" | without_times)
	ls_on_terminal 200 --color never >brief
	has "$(cat brief)" ' N s ago ' && has "$(cat brief)" 'sh éé/../../daemon' || return
	heads=$(sed -n 1p brief)
	before=${heads%COMMAND}
	is "$(ls_on_terminal $((${#before} + 12)) --color never)" "$(sed 's,/../../daemon,/../..…,' brief)" &&
		is "$(ls_on_terminal $((${#before} + 12)))" \
			"$(sed "s,/../../daemon,/../..…,; s/running/$green&$normal/" brief)" &&
		is "$(ls_on_terminal 0 --color never)" "$all" &&
		is "$(ls_on_terminal 40 --color never --wide)" "$all"
}

# Usage: columns_of FILE; of its longest line. A Chinese character takes two columns.
columns_of() { python -c '
import sys
print(max(sum(1 + (0x4e00 <= ord(c) <= 0x9fff) for c in line.rstrip("\n"))
      for line in open(sys.argv[1], encoding="utf-8")))' "$1"; }

# What is after them stays in its place, on any terminal.
t_long_names_do_not_push_the_table_out() {
	long=$(printf '%0200d' 0 | tr 0 n)
	start "$long" && mkdir "$PROCFD_DIR/${long}2" && start short &&
		dead 文字文字文字文字文字文字文字文字文字文字文字文字文字文字文字文字文字文字文字文字 'exit 7' &&
		chown 4294967294:4294967294 "$PROCFD_DIR/short" &&
		for columns in 80 60 40 20 1; do
			ls_on_terminal $columns --color never >narrow &&
				{ [ "$(columns_of narrow)" -le $columns ] || { cat narrow; return 1; }; } || return
		done &&
		ls_on_terminal 80 --color never >narrow && has "$(cat narrow)" 'nnn…  ' &&
		is "$(grep -c ' 0600  sh ' narrow)" 2 && has_not "$(cat narrow)" nnnnnnnnnnnnnnnnnnnnnnnnn &&
		has "$(cat narrow)" '文字文…' &&
		ls_on_terminal 80 --color never --wide >wide && has "$(cat wide)" "$long  " &&
		has "$(cat wide)" WHEN && has "$(procfd ls)" "$long  " && is "$(columns_of narrow)" 80
}

# Usage: few COMMAND...; it may have that many descriptors.
few() { sh -c 'ulimit -n 40; exec "$@"' sh "$@"; }

many_names() {
	many=''
	start web || return
	for i in 1 2 3 4 5 6; do
		for j in 0 1 2 3 4 5 6 7 8 9; do
			many="$many n$i$j"
		done
	done
	# shellcheck disable=SC2094
	for name in $many; do
		procfd link --fd 5 "$name" 5<>"$PROCFD_DIR/web" || return
	done
}

t_more_names_than_descriptors() {
	many_names && code 0 few procfd ls && is "$(echo "$out" | grep -c ' running ')" 61 && is "$err" '' &&
		code 0 few procfd ls --json && has "$out" n69 &&
		code 0 few procfd info --json $many && is "$(echo "$out" | grep -c '"pid"')" 60 && is "$err" '' &&
		code 0 few procfd info $many && code 0 few procfd signal 0 $many &&
		code 125 few procfd wait $many && has "$err" 'ulimit -n' && procfd stop web &&
		code 0 few procfd rm --dead --verbose && is "$(echo "$out" | wc -l)" 61
}

# Those that it cannot hold it looks at again and again.
t_watch_of_more_names_than_descriptors() {
	many_names && procfd run --detach --name zlast sleep 1000 9>&- || return
	(ulimit -n 40; exec procfd ls --watch) >"$scratch/events" &
	watcher=$!
	until_seen 'zlast running' && procfd signal KILL zlast && until_seen 'zlast killed KILL'
	result=$?
	kill "$watcher"
	return "$result"
}

t_more_directories_than_descriptors() {
	at=$PROCFD_DIR
	for i in 1 2 3 4 5; do
		at=$at/a/b/c/d/e/f/g/h/i/j
	done
	mkdir -p "$at" && dead "$at/job" 'exit 7' && code 0 few procfd ls --recursive && is "$err" '' &&
		has "$out" 'i/j/job  exited 7' && code 0 few procfd rm --dead --recursive && [ ! -e "$at/job" ]
}

# One complaint, about the directory, and no table of nothing.
t_ls_without_a_mount_says_so_and_nothing_else() {
	for path in "$scratch/work" "$scratch/none" /run/procfd; do
		code 1 env PROCFD_DIR="$path" procfd ls && is "$out" '' && is "$(echo "$err" | wc -l)" 1 &&
			has "$err" "not in a procfdfs; mount one: " || return
	done
	has "$err" 'procfd: /run/procfd: is not in a procfdfs; mount one: systemctl start run-procfd.mount' &&
		code 1 env PROCFD_DIR=/run/procfd procfd ls web && has "$err" 'run-procfd.mount' &&
		code 3 env PROCFD_DIR="$PROCFD_DIR" procfd status none
}

# A file without the name lies over that which tells, as if the module were not there.
t_ls_without_the_module_says_that() {
	grep -v procfdfs /proc/filesystems >filesystems
	mount --bind filesystems /proc/filesystems &&
		code 1 env PROCFD_DIR="$scratch/none" procfd ls && is "$out" '' && is "$(echo "$err" | wc -l)" 1 &&
		has "$err" 'modprobe procfd'
	result=$?
	umount /proc/filesystems
	return "$result"
}

# What --watch prints comes to descriptor 9.
watch() {
	procfd ls --watch "$@" >"$scratch/events" &
	watcher=$!
	until_seen 'NAME STATE PID SINCE OWNER MODE COMMAND'
}

# Some line has this, with single blanks.
until_seen() {
	while read -r -t 60 line <&9; do
		# shellcheck disable=SC2086,SC2116	# blanks
		case $(echo $line) in *"$1"*) return ;; esac
	done
	echo "# $1 was not seen"
	return 1
}

t_watch_shows_what_changes() {
	watch || return
	procfd run --detach --name web sleep 1000 9>&-
	# That it is taken may be seen by itself, before it runs.
	until_seen 'web running' && chmod 0640 "$PROCFD_DIR/web" && until_seen '0640 sleep 1000' &&
		procfd signal KILL web && until_seen 'web killed KILL' &&
		mv "$PROCFD_DIR/web" "$PROCFD_DIR/app" && until_seen 'app killed KILL' &&
		rm "$PROCFD_DIR/app" && until_seen 'NAME STATE'
	result=$?
	kill "$watcher"
	return "$result"
}

t_watch_follows_new_directories() {
	watch --recursive && mkdir -p "$PROCFD_DIR/team/deep" && dead "$PROCFD_DIR"/team/deep/job 'exit 7' &&
		until_seen 'team/deep/job exited 7'
	result=$?
	kill "$watcher"
	return "$result"
}

# A name is watched where it is.
t_watch_of_a_name_shows_what_changes() {
	start web && start other && dead job 'exit 7' || return
	other=$(procfd info other | sed -n 's/^process: *//p')
	watch web job && until_seen 'web running' && chmod 0640 "$PROCFD_DIR/web" &&
		until_seen 'web running' && has "$line" 0640 &&
		mv "$PROCFD_DIR/other" "$PROCFD_DIR/job" && until_seen "job running $other " &&
		procfd stop web job && procfd rm web && { wait "$watcher"; is $? 1; }
	result=$?
	kill "$watcher" 2>/dev/null
	return "$result"
}

t_watch_of_a_dead_name_shows_its_restart() {
	dead job 'exit 7' && watch job && until_seen 'job exited 7' &&
		procfd run --detach --name job sleep 1000 9>&- && until_seen 'job running'
	result=$?
	kill "$watcher"
	return "$result"
}

# It is replaced where the link points to, or the link is.
t_watch_of_a_symbolic_link_shows_a_restart() {
	mkdir "$PROCFD_DIR/team" && dead "$PROCFD_DIR"/team/job 'exit 7' &&
		dead "$PROCFD_DIR"/team/other 'exit 9' && ln -s "$PROCFD_DIR/team/job" "$scratch/link" &&
		watch "$scratch/link" && until_seen 'link exited 7' &&
		procfd run --detach --name "$PROCFD_DIR"/team/job sleep 1000 9>&- &&
		until_seen 'link running' && ln -s "$PROCFD_DIR/team/other" "$scratch/newer" &&
		mv "$scratch/newer" "$scratch/link" && until_seen 'link exited 9'
	result=$?
	kill "$watcher"
	return "$result"
}

t_watch_of_a_name_needs_no_right_to_list_others() {
	start web && start other && chown bob "$PROCFD_DIR/web" "$PROCFD_DIR/other" &&
		chmod 755 "$scratch" && chmod 711 "$scratch/work" "$PROCFD_DIR" || return
	other=$(procfd info other | sed -n 's/^process: *//p')
	su bob -c 'exec procfd ls --watch web' >"$scratch/events" &
	watcher=$!
	until_seen 'web running' && chmod 0640 "$PROCFD_DIR/web" && until_seen 'web running' &&
		has "$line" 0640 && procfd signal TERM web && until_seen 'web exited 7' &&
		mv "$PROCFD_DIR/other" "$PROCFD_DIR/web" && until_seen "web running $other " &&
		chmod 0640 "$PROCFD_DIR/web" && until_seen 'web running' && has "$line" 0640
	result=$?
	kill "$watcher"
	chmod 755 "$PROCFD_DIR"
	return "$result"
}

t_watch_in_json_is_a_line_each() {
	procfd ls --watch --json >"$scratch/events" &
	expect '[]' && dead job 'exit 7' && until_seen '"code":7' && kill $!
}

t_watch_ends_with_its_reader() {
	timeout 60 sh -c 'procfd ls --watch | head -n 1 >/dev/null'
}

t_output_that_cannot_be_written_is_an_error() {
	dead job 'exit 7'
	procfd ls >/dev/full 2>err
	is $? 1 && has "$(cat err)" 'standard output' &&
		procfd info job >/dev/full 2>err
	is $? 1
}

run_tests procfd_cmd_ls
