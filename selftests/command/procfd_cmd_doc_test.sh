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
	code 2 procfd && has "$err" subcommand && code 2 procfd nosuch && is "${err%%
*}" 'procfd: nosuch: no such subcommand' &&
		code 2 procfd --nosuch &&
		code 0 procfd --help && for sub in $subcommands; do has "$out" "  $sub  " || return; done &&
		code 0 procfd --version && is "${out%% *}" procfd && has "$out" .
}

# What bash would offer for these words.
complete_words() {
	bash -c '. "$0" && COMP_WORDS=("$@") && COMP_CWORD=$(($# - 1)) && _procfd &&
		printf "%s\n" "${COMPREPLY[@]}"' "$here/helper_procfd.bash" "$@" | grep . | sort | tr '\n' ' '
}

t_completion_has_every_subcommand_and_option() {
	is "$(complete_words procfd '')" "$(echo "$subcommands --help --version" | tr ' ' '\n' | sort | tr '\n' ' ')" || return
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

run_tests procfd_cmd_doc
