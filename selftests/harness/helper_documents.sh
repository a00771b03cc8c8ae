# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh
# Sourced by tests of documents, with a directory in $scratch: the lines of a document
# are run as they are printed, in one shell for each document, started in /. Each is
# a test: what is shown below it must be what it prints; one that shows nothing must
# succeed. Prints KTAP.

: "${scratch:?}"

# After "$" in an indented block.
cat >"$scratch/blocks.awk" <<'END_OF_AWK'
function finish() {
	if (command == "") return
	printf "{ %s\n} >\"$scratch/printed.%d\" 2>&1 </dev/null\n", command, at
	printf "claim $? %d %d <<'END_OF_SHOWN'\n%sEND_OF_SHOWN\n", at, shows, shown
	command = ""
}
/^    \$ / {
	finish()
	command = substr($0, 7); at = NR; shows = 0; shown = ""
	next
}
/^    / && command != "" { shows = 1; shown = shown substr($0, 5) "\n"; next }
{ finish() }
END { finish() }
END_OF_AWK

# The second column of the tables, until a table that is not of commands.
cat >"$scratch/table.awk" <<'END'
/^## From pidfd/ { exit }
/^\| [`i]/ {
	gsub(/\\\|/, "\001")
	split($0, cell, "|")
	if (!match(cell[3], /`.*`/)) next
	command = substr(cell[3], RSTART + 1, RLENGTH - 2)
	gsub(/\001/, "|", command)
	printf "{ %s\n} >\"$scratch/printed.%d\" 2>&1 </dev/null\n", command, NR
	printf "claim $? %d 0 </dev/null\n", NR
}
END

cat >"$scratch/claim.sh" <<'END'
claim() {	# status, line, whether output is shown; standard input: that output
	cat >"$scratch/shown"
	printed=$scratch/printed.$2
	number=$((number + 1))
	if [ "$3" = 1 ]; then
		cmp -s "$scratch/shown" "$printed"
	else
		[ "$1" = 0 ]
	fi && {
		echo "ok $number $document.line_$2"
		return
	}
	echo "not ok $number $document.line_$2"
	sed "s/^/# (status $1) /" "$printed"
	failed=1
}
failed=0
cd /
END

# Make a script of the document $scratch/NAME.md, whose commands are in blocks or in a
# table. Usage: prepare NAME blocks|table
planned=0
prepare() {
	{
		echo "document=$1 number=$planned"
		cat "$scratch/claim.sh"
		awk -f "$scratch/$2.awk" "$scratch/$1.md"
		# shellcheck disable=SC2016	# for that shell
		echo 'exit $failed'
	} >"$scratch/$1.sh"
	commands=$(grep -c '^claim [$]' "$scratch/$1.sh")
	[ "$commands" -gt 0 ] || { echo "# no commands in $1"; exit 1; }
	planned=$((planned + commands))
}

announce_plan() {
	echo "KTAP version 1"
	echo "1..$planned"
}

# Run that script. HUP is ignored from the start, as a daemon cannot be ready for it at
# once.
run_document() { (
	trap '' HUP
	exec sh "$scratch/$1.sh"
); }

# End what has a name, and remove the names. Usage: end_names NAME...
end_names() {
	for name; do
		[ ! -p "$name" ] || [ -s "$name" ] || echo KILL >"$name"
		rm -rf "$name"
	done 2>/dev/null
}
