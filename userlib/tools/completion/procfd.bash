# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Bash completion for procfd(1). Needs nothing but bash; with the package
# bash-completion, the arguments of `procfd run COMMAND` are completed as well.

# Names and directories of names; a word with a slash is a path.
_procfd_names() {
	local cur=$1 kind=$2 dir=${PROCFD_DIR:-/run/procfd} path
	case $cur in
	*/* | . | ..)
		while IFS= read -r path; do
			[[ -d $path ]] && COMPREPLY+=("$path/")
			[[ -p $path && $kind != directory ]] && COMPREPLY+=("$path")
		done < <(compgen -f -- "$cur")
		;;
	*)
		while IFS= read -r path; do
			path=${path#"$dir/"}
			[[ -d $dir/$path ]] && COMPREPLY+=("$path")
			[[ -p $dir/$path && $kind != directory ]] && COMPREPLY+=("$path")
		done < <(compgen -f -- "$dir/$cur")
		;;
	esac
	compopt -o filenames 2>/dev/null || :
}

_procfd_signals() {
	# shellcheck disable=SC2207	# names of signals are words
	COMPREPLY+=($(compgen -W "$(procfd signal --list 2>/dev/null | while read -r _ name; do echo "$name"; done)" -- "$1"))
}

_procfd() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
	local sub=${COMP_WORDS[1]} options='' i
	COMPREPLY=()

	if ((COMP_CWORD == 1)); then
		mapfile -t COMPREPLY < <(compgen -W 'run exec wait stop status signal
			info ls link replace rm --help --version' -- "$cur")
		return
	fi
	case $sub in
	run) options='--name --replace --mode --owner --detach --kill-on-close --timeout --retry --quiet' ;;
	exec) options='--name --replace --mode --owner' ;;
	wait) options='--any --timeout --verbose' ;;
	stop) options='--retry --signal --oknodo --verbose' ;;
	status) options='--quiet' ;;
	signal) options='--list' ;;
	info) options='--json' ;;
	ls) options='--recursive --json --watch --color' ;;
	link | replace) options='--pid --fd --mode --owner' ;;
	rm) options='--dead --recursive --verbose' ;;
	*) return ;;
	esac

	# Of run and exec: where the command begins, its words are not ours.
	if [[ $sub == run || $sub == exec ]]; then
		for ((i = 2; i < COMP_CWORD; i++)); do
			case ${COMP_WORDS[i]} in
			--) ((i++)); break ;;
			-n | -m | -o | -t | -r | --name | --mode | --owner | --timeout | --retry) ((i++)) ;;
			-*) ;;
			*) break ;;
			esac
		done
		if ((i < COMP_CWORD)); then
			if declare -F _command_offset >/dev/null; then
				_command_offset "$i"
			else
				mapfile -t COMPREPLY < <(compgen -f -- "$cur")
				compopt -o filenames 2>/dev/null || :
			fi
			return
		fi
	fi

	case $sub:$prev in
	run:-n | exec:-n | *:--name) _procfd_names "$cur"; return ;;
	*:--owner | run:-o | exec:-o | link:-o | replace:-o)
		mapfile -t COMPREPLY < <(compgen -u -- "$cur")
		return
		;;
	link:-p | replace:-p | *:--pid)
		mapfile -t COMPREPLY < <(compgen -W '$$' -- "$cur")
		return
		;;
	stop:-s | *:--signal) _procfd_signals "$cur"; return ;;
	*:--color)
		mapfile -t COMPREPLY < <(compgen -W 'auto always never' -- "$cur")
		return
		;;
	*:--mode | *:--timeout | *:--retry | *:--fd | run:-[mtr] | exec:-m | wait:-t | \
		stop:-r | link:-[mf] | replace:-[mf]) return ;;
	esac

	if [[ $cur == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$options --help" -- "$cur")
		return
	fi
	case $sub in
	run | exec)
		mapfile -t COMPREPLY < <(compgen -c -- "$cur")
		;;
	signal)
		if ((COMP_CWORD == 2)); then
			_procfd_signals "$cur"
		else
			_procfd_names "$cur"
		fi
		;;
	*) _procfd_names "$cur" ;;
	esac
}

complete -F _procfd procfd
