#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# The documents say what is true: each line after "$" in an indented block of the
# README and the guide is run, and the lines below it are what it prints; one that
# shows nothing must succeed. So are the examples of some manual pages, and of the
# migration page the right-hand column. One shell for each document, started in /.
# procfd(1) has a test of its own. Prints KTAP.
# shellcheck disable=SC2317	# cleanup() is called by name
set -u

# shellcheck source=selftests/harness/helper_tap.sh
. "$(dirname -- "$0")/helper_tap.sh"
# shellcheck source=selftests/harness/helper_httpd.sh
. "$here/helper_httpd.sh"
needs_root
needs_module
needs_program procfd

scratch=$(mktemp -d)
mkdir -p /run/procfd /srv/www /var/log "$scratch/bin" "$scratch/etc"
# Whoever reads this has filesystems that name an unlinked file; the first one of
# this guest does not.
mount -t tmpfs tmpfs /var/log && mount -t tmpfs tmpfs "$scratch/etc" &&
	cp -a /etc/. "$scratch/etc/" && mount --move "$scratch/etc" /etc || exit 1
mkdir /etc/ssh
tar -xf "$here/helper_documents.tar" -C "$scratch" || exit 1

# What the documents take for granted.
printf '#!/bin/sh\nexec sleep 1000\n' >"$scratch/bin/mydaemon"
printf '#!/bin/sh\necho generated\n' >"$scratch/bin/generate-config"
cp "$scratch/bin/generate-config" "$scratch/bin/generate"
echo '#Port 22' >/etc/ssh/sshd_config
sh -c 'exec 5>"$0" && rm "$0" && exec sleep 1000' /var/log/log &
writer=$!
cleanup() {
	kill "$writer"
	wait "$writer" 2>/dev/null
	umount /run/procfd 2>/dev/null
	umount /var/log /etc
	rm -rf "$scratch"
}
chmod 0755 "$scratch" "$scratch/bin" "$scratch"/bin/*
export PATH="$scratch/bin:$PATH" scratch
stand_in_for_httpd "$scratch/httpd" || exit 1

# A manual page's examples become such blocks; a line that ends in | goes on.
pages() {
	for page in flink.1 frename.1 procfd.5; do
		sed -n '/^\.EX/,/^\.EE/{/^\.E[XE]/!p}' "$scratch/$page" |
			sed -e ':a; /|$/{N; s/\n */ /; ba' -e '}' -e 's/\\-/-/g; s/\\e/\\/g' \
				-e "s/\\\\\[aq\\]/'/g; s/^# /$ /; s/1234/$writer/; s/^/    /"
	done
}
pages >"$scratch/pages.md"

# A document becomes a script: every command is followed by a claim about it.
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

planned=0
prepare() {	# document, script that makes commands of it
	{
		echo "document=$1 number=$planned"
		cat "$scratch/claim.sh"
		awk -f "$scratch/$2.awk" "$scratch/$1.md"
		# shellcheck disable=SC2016	# for that shell
		echo 'exit $failed'
	} >"$scratch/$1.sh"
	planned=$((planned + $(grep -c '^claim [$]' "$scratch/$1.sh")))
}

try() {
	mount -t procfdfs procfdfs /run/procfd || exit 1
	# Ignored from the start, as a daemon cannot be ready for HUP at once.
	(
		trap '' HUP
		cd /
		[ "$1" != pages ] || procfd run --detach --name web mydaemon
		exec sh "$scratch/$1.sh"
	) || status=1
	for name in /run/procfd/*; do
		[ ! -p "$name" ] || [ -s "$name" ] || echo KILL >"$name"
	done 2>/dev/null
	rm -rf /run/procfd/*
	umount /run/procfd
}

status=0
prepare README blocks
prepare guide blocks
prepare migration table
prepare pages blocks
echo "KTAP version 1"
echo "1..$planned"
for document in README guide migration pages; do try $document; done
finished=yes
exit $status
