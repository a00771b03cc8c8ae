#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# procfd link, replace and rm.
# shellcheck disable=SC2317	# tests are called by name
# shellcheck disable=SC2016,SC2015	# snippets; what follows || runs if any fails
# shellcheck disable=SC3013,SC3045	# busybox's shell has read -t and -ef
set -u
# shellcheck source=selftests/harness/helper_cmd.sh
. "$(dirname -- "$0")/helper_cmd.sh"

dead() { procfd run --quiet --name "$1" sh -c "$2"; :; }

t_link_names_the_shell() {
	code 0 procfd link --pid $$ --mode 0640 --owner alice:ops shell &&
		is "$(procfd info shell | sed -n 's/^process: *//p')" $$ &&
		is "$(stat -c '%a %u:%g' "$PROCFD_DIR/shell")" '640 1000:2000' &&
		procfd rm shell
}

t_link_names_another_process() {
	sh "$scratch/daemon" &
	expect ready && code 0 procfd link --pid $! other && procfd signal HUP other && expect HUP
}

t_link_takes_a_descriptor() {
	start web
	# shellcheck disable=SC2094
	code 0 procfd link --fd 3 second 3<>"$PROCFD_DIR/web" &&
		[ "$PROCFD_DIR/second" -ef "$PROCFD_DIR/web" ] &&
		code 1 procfd link --fd 3 third 3</etc/passwd && has "$err" 'nor a pidfd' &&
		code 1 procfd link --fd 3 third 3<&- && has "$err" 'has not opened' &&
		[ ! -e "$PROCFD_DIR/third" ]
}

# A script in Python, as `code` would run it.
python() {
	[ -d "$scratch/python" ] ||
		{ mkdir "$scratch/python" && tar -xf "$here/helper_python.tar" -C "$scratch/python"; }
	PYTHONHOME=$scratch/python PYTHONPATH=$scratch/python /usr/bin/python3 -S "$@"
}

t_link_takes_a_descriptor_to_signal_only() {
	start web && code 0 procfd link --fd 3 second 3>"$PROCFD_DIR/web" &&
		exec 5>"$PROCFD_DIR/web" && rm "$PROCFD_DIR"/* &&
		code 0 procfd link --fd 5 back && procfd signal HUP back && expect HUP
	result=$?
	exec 5>&-
	return "$result"
}

# O_PATH: of such a descriptor nothing can be asked, as of one to signal only.
t_link_takes_no_other_file_for_a_process() {
	echo old >b && echo new >a && code 0 python -c '
import os
for path in "a", os.environ["PROCFD_DIR"]:
    fd = os.open(path, os.O_PATH)
    os.set_inheritable(fd, True)
    assert os.spawnvp(os.P_WAIT, "procfd", ["procfd", "replace", "--fd", str(fd), "./b"]) == 1
' && has "$err" 'nor a pidfd' && is "$(cat b)" old
}

# By its number the pidfd of process 1 would be that of procfd itself.
t_link_takes_a_pidfd_of_another_namespace_for_no_other_process() {
	code 0 python -c '
import os
fd = os.pidfd_open(1)
os.set_inheritable(fd, True)
link = ["procfd", "link", "--fd", str(fd), "web"]
assert os.spawnvp(os.P_WAIT, "unshare", ["unshare", "-p", "-f"] + link) == 1
' && has "$err" 'pid namespace' && [ ! -e "$PROCFD_DIR/web" ]
}

t_link_takes_a_pidfd() {
	code 0 python -c '
import os, sys
child = os.fork()
if child == 0:
    os.execvp("sleep", ["sleep", "1000"])
fd = os.pidfd_open(child)
os.set_inheritable(fd, True)
link = ["procfd", "link", "--fd", str(fd)]
assert os.spawnvp(os.P_WAIT, "procfd", link + ["child"]) == 0
os.kill(child, 9)
os.waitpid(child, 0)
assert os.spawnvp(os.P_WAIT, "procfd", link + ["late"]) == 1
' && has "$err" 'has been reaped' && code 137 procfd wait child &&
		[ ! -e "$PROCFD_DIR/late" ]
}

t_link_refuses_a_running_name_and_replaces_a_dead_one() {
	start web && code 1 procfd link --pid $$ web &&
		is "$err" "procfd: $PROCFD_DIR/web: is running already; procfd replace takes the name over" &&
		code 0 procfd stop web && code 0 procfd link --pid $$ web &&
		is "$(procfd info web | sed -n 's/^process: *//p')" $$ && procfd rm web
}

# All names of a process share them.
t_what_fails_leaves_owner_and_mode_alone() {
	start web && start taken && chown alice:ops "$PROCFD_DIR/web" || return
	# shellcheck disable=SC2094
	code 1 procfd link --fd 3 --mode 0666 --owner bob taken 3<>"$PROCFD_DIR/web" &&
		is "$(stat -c '%a %u:%g' "$PROCFD_DIR/web")" '600 1000:2000' &&
		mkdir "$PROCFD_DIR/team" &&
		code 1 procfd replace --fd 3 --mode 0666 team 3<>"$PROCFD_DIR/web" &&
		is "$(stat -c '%a %u:%g' "$PROCFD_DIR/web")" '600 1000:2000'
}

t_replace_takes_it_over() {
	start web && code 0 procfd replace --pid $$ web &&
		is "$(procfd info web | sed -n 's/^process: *//p')" $$ && procfd rm web
}

t_link_refuses_what_is_none() {
	code 2 procfd link web && code 2 procfd link --pid 0 web && code 2 procfd link --pid x web &&
		code 2 procfd link --pid $$ --fd 3 web && has "$err" '--pid does not go with --fd' && code 2 procfd link --pid $$ &&
		code 1 procfd link --pid 4194303 web && has "$err" 'no such process' &&
		code 1 procfd link --pid $$ /tmp/web && has "$err" 'mount -t procfdfs' &&
		code 1 procfd link --pid $$ no/such/directory/web && has "$err" 'no directory' &&
		mkdir "$PROCFD_DIR/team" && code 1 procfd link --pid $$ team && has "$err" 'is a directory' &&
		code 1 procfd link --pid $$ "$PROCFD_DIR/" && has "$err" 'not a name'
}

t_link_says_who_may() {
	chmod 755 "$scratch"
	code 1 su bob -c 'exec procfd link --pid 1 web' &&
		has "$err" 'allowed to signal it'
}

t_rm_removes_a_name_and_harms_nobody() {
	start web && exec 5<>"$PROCFD_DIR/web" && code 0 procfd rm --verbose web &&
		is "$out" "$PROCFD_DIR/web" && [ ! -e "$PROCFD_DIR/web" ] &&
		echo HUP >&5 && expect HUP && echo TERM >&5 && is "$(head -n 1 <&5)" 'exited 7'
	result=$?
	exec 5>&-
	return "$result"
}

t_rm_removes_nothing_else() {
	touch file && mkdir "$PROCFD_DIR/team" && code 1 procfd rm ./file && [ -e file ] &&
		code 1 procfd rm none && has "$err" 'no such name' &&
		code 1 procfd rm team && has "$err" 'is a directory' &&
		code 2 procfd rm && code 2 procfd rm --recursive none
}

t_rm_dead_leaves_the_living() {
	mkdir "$PROCFD_DIR/team" && start web && dead a 'exit 0' && dead b 'kill -KILL $$' &&
		dead "$PROCFD_DIR"/team/c 'exit 0' && code 0 procfd rm --dead --verbose &&
		is "$(echo "$out" | sort)" "$PROCFD_DIR/a
$PROCFD_DIR/b" && code 0 procfd status -q web && [ -e "$PROCFD_DIR/team/c" ] &&
		code 0 procfd rm --dead --recursive && [ ! -e "$PROCFD_DIR/team/c" ] &&
		code 0 procfd status -q web && [ -d "$PROCFD_DIR/team" ]
}

# What a script has not set names nothing, least of all the whole directory.
t_an_empty_name_is_a_wrong_command_line() {
	dead a 'exit 0' && start web && code 2 procfd rm --dead '' && has "$err" 'empty' &&
		code 2 procfd rm a '' && code 2 procfd link --pid $$ '' && code 2 procfd info '' &&
		code 2 procfd ls '' && code 2 procfd signal HUP web '' && code 4 procfd status '' &&
		code 125 procfd wait a '' && code 125 procfd stop web '' && silent &&
		[ -e "$PROCFD_DIR/a" ] && code 0 procfd status -q web
}

t_rm_dead_of_names() {
	start web && dead a 'exit 0' && dead b 'exit 0' && code 1 procfd rm --dead a web &&
		has "$err" "$PROCFD_DIR/web: is running" && [ ! -e "$PROCFD_DIR/a" ] &&
		[ -e "$PROCFD_DIR/b" ] && code 0 procfd status -q web
}

t_rm_dead_takes_what_was_never_started() {
	"$here/helper_holder" "$PROCFD_DIR/web" </dev/null >&9 && expect held &&
		code 0 procfd rm --dead && [ ! -e "$PROCFD_DIR/web" ]
}

t_rm_dead_works_when_names_are_used_up() {
	dead a 'exit 0' && dead b 'exit 0' && mount -o remount,max=2 "$PROCFD_DIR" &&
		code 125 procfd run --name c true && has "$err" 'procfd rm --dead' &&
		code 0 procfd rm --dead && [ ! -e "$PROCFD_DIR/a" ] && [ ! -e "$PROCFD_DIR/b" ]
	result=$?
	mount -o remount,max=65536 "$PROCFD_DIR"
	return "$result"
}

# A start takes the name again and again while it is cleaned up: none is lost, and
# none is refused because of the cleaning.
t_rm_dead_loses_no_start() {
	(while [ ! -e stop ]; do procfd rm --dead 2>>complaints; done) &
	for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
		code 0 procfd run --detach --name web sleep 1000 &&
			code 0 procfd status -q web && code 0 procfd signal KILL web &&
			until_true gone_or_dead web || { touch failed; break; }
	done
	touch stop
	wait
	[ ! -e failed ] && is "$(cat complaints)" ''
}

gone_or_dead() { ! procfd status -q "$1"; }

run_tests procfd_cmd_link
