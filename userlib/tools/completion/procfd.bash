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

_procfd_subcommands='run exec wait stop status signal info ls link replace rm'

# The words as the user sees them: what is in COMP_WORDBREAKS, as "=" and ":", bash
# takes for words of their own. Sets words, where each starts in COMP_WORDS, and cword.
_procfd_split() {
	local line=$COMP_LINE rest i
	words=() starts=()
	for ((i = 0; i < ${#COMP_WORDS[@]}; i++)); do
		rest=${line#"${line%%[![:blank:]]*}"}
		if ((i > 0)) && [[ $rest == "$line" ]]; then
			words[-1]+=${COMP_WORDS[i]}
		else
			words+=("${COMP_WORDS[i]}")
			starts+=("$i")
		fi
		line=${rest#"${COMP_WORDS[i]}"}
		((i != COMP_CWORD)) || cword=$((${#words[@]} - 1))
	done
}

# Bash replaces only what follows the last break in the word, or begins with it if it
# is an "@": sets kept to what is before that.
_procfd_kept() {
	local word=$1 i
	kept=''
	for ((i = 0; i < ${#word}; i++)); do
		case ${word:i:1} in
		\\) ((i++)) ;;
		[=:]) [[ $COMP_WORDBREAKS != *"${word:i:1}"* ]] || kept=${word:0:i+1} ;;
		@) [[ $COMP_WORDBREAKS != *@* ]] || kept=${word:0:i} ;;
		esac
	done
}

_procfd() {
	local words starts cword kept head='' cur prev i
	COMPREPLY=()
	_procfd_split
	cur=${words[cword]} prev=${words[cword - 1]}
	_procfd_kept "$cur"
	kept=${kept//\\/} cur=${cur//\\/}
	if [[ $cur == --*=* ]]; then
		prev=${cur%%=*} head=${cur%%=*}= cur=${cur#*=}
	fi
	_procfd_replies
	for i in "${!COMPREPLY[@]}"; do
		COMPREPLY[i]=$head${COMPREPLY[i]}
		COMPREPLY[i]=${COMPREPLY[i]#"$kept"}
	done
}

# Sets COMPREPLY to what may stand for $cur after $prev.
_procfd_replies() {
	local sub=${words[1]} options=''

	if ((cword == 1)); then
		mapfile -t COMPREPLY < <(compgen -W "$_procfd_subcommands help --help --version" -- "$cur")
		return
	fi
	case $sub in
	help)
		((cword > 2)) || mapfile -t COMPREPLY < <(compgen -W "$_procfd_subcommands" -- "$cur")
		return
		;;
	run) options='--name --replace --mode --owner --detach --kill-on-close --timeout --retry --tree --no-tree --quiet' ;;
	exec) options='--name --replace --mode --owner' ;;
	wait) options='--any --empty --timeout --verbose' ;;
	stop) options='--all --retry --signal --oknodo --verbose' ;;
	status) options='--quiet' ;;
	signal) options='--scope --list' ;;
	info) options='--json' ;;
	ls) options='--recursive --json --watch --wide --color' ;;
	link | replace) options='--pid --fd --mode --owner' ;;
	rm) options='--dead --recursive --verbose' ;;
	*) return ;;
	esac

	# Of run and exec: where the command begins, its words are not ours.
	if [[ $sub == run || $sub == exec ]]; then
		for ((i = 2; i < cword; i++)); do
			case ${words[i]} in
			--) ((i++)); break ;;
			-n | -m | -o | -t | -r | --name | --mode | --owner | --timeout | --retry) ((i++)) ;;
			-*) ;;
			*) break ;;
			esac
		done
		if ((i < cword)); then
			# What they reply is for bash's word already.
			head='' kept=''
			if declare -F _command_offset >/dev/null; then
				_command_offset "${starts[i]}"
			else
				cur=${COMP_WORDS[COMP_CWORD]}
				mapfile -t COMPREPLY < <(compgen -f -- "$cur")
				compopt -o filenames 2>/dev/null || :
			fi
			return
		fi
	fi

	case $sub:$prev in
	run:-n | exec:-n | *:--name) _procfd_names "$cur"; return ;;
	*:--owner | run:-o | exec:-o | link:-o | replace:-o)
		if [[ $cur == *:* ]]; then
			head+=${cur%%:*}:
			mapfile -t COMPREPLY < <(compgen -g -- "${cur#*:}")
		else
			mapfile -t COMPREPLY < <(compgen -u -- "$cur")
		fi
		return
		;;
	link:-p | replace:-p | *:--pid)
		mapfile -t COMPREPLY < <(compgen -W '$$' -- "$cur")
		return
		;;
	stop:-s | *:--signal) _procfd_signals "$cur"; return ;;
	signal:-S | *:--scope)
		mapfile -t COMPREPLY < <(compgen -W 'process main group tree' -- "$cur")
		return
		;;
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
		# The first word that is no option
		for ((i = 2; i < cword; i++)); do
			case ${words[i]} in
			-S | --scope) ((i++)) ;;
			-S* | --scope=*) ;;
			*) break ;;
			esac
		done
		if ((i >= cword)); then
			_procfd_signals "$cur"
		else
			_procfd_names "$cur"
		fi
		;;
	*) _procfd_names "$cur" ;;
	esac
}

complete -F _procfd procfd
