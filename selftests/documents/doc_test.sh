#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# The documents say what is true: the commands of the README and the guide are run
# as they are printed, the examples of some manual pages, and of the migration page
# the right-hand column. procfd(1) has a test of its own; the first two are run on a
# Debian as well, in packaging/tests.
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
# shellcheck source=selftests/harness/helper_documents.sh
. "$here/helper_documents.sh"
mkdir -p /run/procfd /var/log "$scratch/bin" "$scratch/etc"
# Whoever reads this has filesystems that name an unlinked file; the first one of
# this guest does not.
mount -t tmpfs tmpfs /var/log && mount -t tmpfs tmpfs "$scratch/etc" &&
	cp -a /etc/. "$scratch/etc/" && mount --move "$scratch/etc" /etc || exit 1
mkdir /etc/ssh
tar -xf "$here/helper_documents.tar" -C "$scratch" || exit 1

# A Debian has the group adm, and not the users that a page makes.
sed -i '/^\(alice\|bob\|ops\):/d' /etc/passwd /etc/group
echo adm:x:4: >>/etc/group
mkdir -p /etc/default && echo SHELL=/bin/sh >/etc/default/useradd

# What the documents take for granted.
printf '#!/bin/sh\nexec sleep 1000\n' >"$scratch/bin/mydaemon"
printf '#!/bin/sh\necho generated\n' >"$scratch/bin/generate"
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

try() {
	mount -t procfdfs procfdfs /run/procfd || exit 1
	[ "$1" != pages ] || (cd / && trap '' HUP && procfd run --detach --name web mydaemon)
	run_document "$1" || status=1
	end_names /run/procfd/*
	umount /run/procfd
}

status=0
prepare README blocks
prepare guide blocks
prepare migration table
prepare pages blocks
announce_plan
for document in README guide migration pages; do try $document; done
finished=yes
exit $status
