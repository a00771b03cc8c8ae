#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# What the manual page and the completion say of procfd: its examples are run as
# printed, and every option is in both.
# shellcheck disable=SC2317	# tests are called by name
# shellcheck disable=SC2016,SC2015	# snippets; what follows || runs if any fails
set -u
# shellcheck source=selftests/harness/helper_cmd.sh
. "$(dirname -- "$0")/helper_cmd.sh"
# shellcheck source=selftests/harness/helper_httpd.sh
. "$here/helper_httpd.sh"

# The page says /run/procfd. The filesystem is one, wherever it is mounted.
unset PROCFD_DIR
mkdir -p /run/procfd
mount -t procfdfs procfd /run/procfd || exit 1
cleanup() {
	cd / || return
	umount /run/procfd "$scratch/names"
	rm -rf "$scratch" /run/procfd
}
PROCFD_DIR=$scratch/names	# for run_all, not exported
stand_in_for_httpd "$scratch/bin" || exit 1

subcommands='run exec wait stop status signal info ls link replace rm'

# What is between .EX and .EE, as a reader sees it.
examples() {
	sed -n '/^\.SH EXAMPLES/,/^\.SH SEE/p' "$here/helper_procfd.1" |
		sed -n '/^\.EX/,/^\.EE/{/^\.E[XE]/!p}' |
		sed 's/\\-/-/g; s/\\\[aq\]/'\''/g; s/\\e/\\/g'
}

quoted() { printf "'%s'" "$(printf '%s' "$1" | sed "s/'/'\\\\''/g")"; }

t_the_examples_do_as_printed() {
	examples | grep -vE '^(\[Service\]|Exec)' >page
	# One shell for all: what it is told, and after each line what it says.
	{
		echo 'exec 2>&1'
		sed -n 's/^\$ //p' page | while IFS= read -r line; do
			printf '%s %s\n(exit $code)\n%s\n' 'code=$?; echo' "$(quoted "\$ $line")" "$line"
		done
	} >script
	sh script >said </dev/null
	diff page said >difference || { sed 's/^/# /' difference; false; } &&
		[ "$(wc -l <page)" -gt 25 ]
}

t_the_lines_of_the_unit_work() {
	exec_start=$(examples | sed -n 's/^ExecStart=//p')
	reload=$(examples | sed -n 's/^ExecReload=//p')
	[ -n "$exec_start" ] && [ -n "$reload" ] || return
	# As systemd does: no shell, and the path of an installation.
	# shellcheck disable=SC2086	# words
	(exec ${exec_start#/usr/bin/}) &
	until_true procfd status -q web && is "$(stat -c '%a %g' /run/procfd/web)" '660 2000' &&
		until_true grep -q '^SigCgt:.*[13579bdf]$' /proc/$!/status &&
		(exec ${reload#/usr/bin/}) &&
		is "$(procfd info web | sed -n 's/^process: *//p')" $! && code 0 procfd stop web
}

# The help of each subcommand is asked for once.
options_of() { cat "$scratch/options.$1"; }
for sub in $subcommands; do
	procfd "$sub" --help | grep -oE '^ +(-[a-zA-Z],)?-{1,2}[a-z-]+' | tr -d ' ' |
		tr , '\n' >"$scratch/options.$sub"
done

t_the_page_has_every_option() {
	# shellcheck disable=SC2086	# words
	for sub in $subcommands; do
		sed -n "/^\.SS $sub\$/,/^\.S[SH]/p" "$here/helper_procfd.1" | sed 's/\\-/-/g' >section
		[ -s section ] || { echo "# no section $sub"; return 1; }
		[ "$(options_of $sub | wc -l)" -ge 2 ] || return
		for option in $(options_of $sub); do
			case $sub:$option in
			*:-h | *:--help) continue ;;
			# "as for run", by name
			exec:-? | replace:*) continue ;;
			esac
			grep -qE -- "(^|[^a-z-])$option([^a-z-]|\$)" section ||
				{ echo "# $sub $option is not in the page"; return 1; }
		done
	done
}

t_procfd_alone_says_what_it_can_do() {
	code 2 procfd && is "${err%%
*}" 'procfd: a subcommand is required' && code 2 procfd nosuch && is "${err%%
*}" 'procfd: nosuch: no such subcommand' &&
		code 2 procfd --nosuch && is "${err%%
*}" 'procfd: --nosuch: no such option' &&
		code 0 procfd --help && for sub in $subcommands; do has "$out" "  $sub  " || return; done &&
		code 0 procfd --version && is "${out%% *}" procfd && has "$out" .
}

t_help_is_a_subcommand_too() {
	code 0 procfd help && is "$out" "$(procfd --help)" && for sub in $subcommands; do
		code 0 procfd help "$sub" && is "$out" "$(procfd "$sub" --help)" || return
	done
	code 2 procfd help nosuch && has "$err" 'procfd: nosuch: no such subcommand' &&
		code 2 procfd help ls rm && has "$err" 'procfd: help: too many arguments'
}

# Whoever complains, as in a log of many programs.
t_whatever_is_wrong_begins_with_the_command() {
	for line in 'ls --nosuch' 'stop --signal' 'run --mode' 'exec' 'wait' 'signal HUP' '--nosuch' nosuch; do
		# shellcheck disable=SC2086	# words
		procfd $line 2>err && return 1
		has "$(head -n 1 err)" 'procfd: ' && is "$(sed 1d err)" 'Run with --help for more information.' || return
	done
	code 2 procfd ls --nosuch && has "$err" 'procfd: ls: ' &&
		code 2 flink && has "$err" 'flink: ' && code 2 flink --nosuch 3 f && has "$err" 'flink: ' &&
		code 2 frename && has "$err" 'frename: ' && code 2 frename --nosuch f && has "$err" 'frename: '
}

# Usage: full CODE COMMAND...
full() {
	wanted=$1
	shift
	"$@" >/dev/full 2>err
	is "$*: $?" "$*: $wanted" && has "$(cat err)" "${1##*/}: standard output: No space left"
}

t_help_that_cannot_be_written_is_an_error() {
	full 1 procfd --help && full 1 procfd --version && full 1 procfd help && full 1 procfd ls --help &&
		full 125 procfd run --help && full 4 procfd status --help && full 1 procfd signal --list &&
		for tool in flink frename; do
			full 1 $tool --help && full 1 $tool --version || return
		done
}

t_help_fits_into_80_columns() {
	for line in procfd flink frename $(for sub in $subcommands; do echo "procfd:$sub"; done); do
		# shellcheck disable=SC2046	# words
		$(echo "$line" | tr : ' ') --help >help && [ -s help ] &&
			is "$line: $(grep -E '.{81}' help)" "$line: " || return
	done
}

# What bash would offer for these words.
complete_words() {
	bash -c '. "$0" && COMP_WORDS=("$@") && COMP_CWORD=$(($# - 1)) && COMP_LINE=$* && _procfd &&
		printf "%s\n" "${COMPREPLY[@]}"' "$here/helper_procfd.bash" "$@" | grep . | sort | tr '\n' ' '
}

t_completion_has_every_subcommand_and_option() {
	is "$(complete_words procfd '')" "$(echo "$subcommands help --help --version" | tr ' ' '\n' | sort | tr '\n' ' ')" || return
	for sub in $subcommands; do
		is "$sub: $(complete_words procfd "$sub" --)" \
			"$sub: $(options_of "$sub" | grep -- -- | sort | tr '\n' ' ')" || return
	done
}

t_zsh_completion_has_every_subcommand_and_option() {
	for sub in $subcommands; do
		grep -q "'$sub:" "$here/helper_procfd.zsh" || { echo "# $sub"; return 1; }
		for option in $(options_of "$sub"); do
			case $option in -h) continue ;; esac
			grep -qE -- "(^|[^a-z-])$option([^a-z-]|\$)" "$here/helper_procfd.zsh" ||
				{ echo "# $sub $option"; return 1; }
		done
	done
}

t_completion_has_names() {
	mkdir /run/procfd/team && procfd run -d -n web sleep 1000 && procfd run -d -n worker sleep 1000 &&
		is "$(complete_words procfd stop we)" 'web ' &&
		is "$(complete_words procfd stop '')" 'team web worker ' &&
		is "$(complete_words procfd wait -v /run/procfd/wo)" '/run/procfd/worker ' &&
		is "$(complete_words procfd signal HUP w)" 'web worker ' &&
		is "$(complete_words procfd run --name w)" 'web worker ' &&
		is "$(complete_words procfd run -n w)" 'web worker '
}

t_completion_has_signals_users_and_commands() {
	has "$(complete_words procfd signal K)" 'KILL ' && has "$(complete_words procfd stop -s US)" 'USR1 USR2 ' &&
		has "$(complete_words procfd run --owner al)" 'alice ' &&
		has "$(complete_words procfd run -d sle)" 'sleep ' &&
		is "$(complete_words procfd ls --color a)" 'always auto ' &&
		has "$(cd /etc && complete_words procfd run cat pass)" 'passwd ' &&
		is "$(complete_words procfd run cat --)" '' &&
		is "$(complete_words procfd run --timeout '')" ''
}

# Usage: typed TEXT; the arguments that a command gets from bash, of which some are
# completed where the text has a tab.
typed() {
	[ -d "$scratch/python" ] ||
		{ mkdir "$scratch/python" && tar -xf "$here/helper_python.tar" -C "$scratch/python"; }
	cat >rc <<END
. "$here/helper_procfd.bash"
$breaks
complete -F _procfd show
show() { printf '<%s>' "\$@" >typed; exit; }
END
	cat >type.py <<'END'
import os, sys
pid, terminal = os.forkpty()
if pid == 0:
    os.environ["TERM"] = "dumb"
    os.execvp("bash", ["bash", "--noprofile", "--rcfile", "rc", "-i"])
os.write(terminal, ("show " + sys.argv[1] + "\n").encode())
out = b""
try:
    while part := os.read(terminal, 4096):
        out += part
except OSError:
    pass
os.waitpid(pid, 0)
END
	rm -f typed
	PYTHONHOME=$scratch/python PYTHONPATH=$scratch/python timeout 60 /usr/bin/python3 -S type.py "$1"
	cat typed
}

# "=", ":" and "@" are in COMP_WORDBREAKS, unless the user has it otherwise.
t_completion_goes_on_after_what_breaks_words() {
	tab=$(printf '\t')
	procfd run --detach --name web sleep 1000
	# shellcheck disable=SC2094
	for name in worker db:a db:b one:two a@b; do
		procfd link --fd 3 "$name" 3<>/run/procfd/web || return
	done
	for breaks in '' 'COMP_WORDBREAKS=${COMP_WORDBREAKS//[:=@]}'; do
		is "$(typed "run --name=we$tab")" '<run><--name=web>' &&
			is "$(typed "run --name=web --replace slee$tab")" '<run><--name=web><--replace><sleep>' &&
			is "$(typed "exec --name=one:t$tab")" '<exec><--name=one:two>' &&
			is "$(typed "wait one$tab web")" '<wait><one:two><web>' &&
			is "$(typed "wait one:$tab")" '<wait><one:two>' &&
			is "$(typed "wait d${tab}b$tab")" '<wait><db:b>' &&
			is "$(typed "wait a@$tab")" '<wait><a@b>' &&
			is "$(typed "stop --signal=K$tab")" '<stop><--signal=KILL>' &&
			is "$(typed "ls --color=al$tab")" '<ls><--color=always>' &&
			is "$(typed "link --owner=alice:op$tab")" '<link><--owner=alice:ops>' || return
	done
}

run_tests procfd_cmd_doc
