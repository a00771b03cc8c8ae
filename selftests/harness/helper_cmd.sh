# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh
# Sourced by the tests of the command procfd, in the directory of the tests. Names
# are in $PROCFD_DIR; the working directory is for files. What a test writes to
# descriptor 9, `expect` reads.

# shellcheck disable=SC2034,SC3045	# for the tests; busybox's shell has read -t
# shellcheck source=selftests/harness/helper_tap.sh
. "$(dirname -- "$0")/helper_tap.sh"
needs_root
needs_module
needs_program procfd
scratch=$(mktemp -d)
PROCFD_DIR=$scratch/names
export PROCFD_DIR
mkdir "$PROCFD_DIR" "$scratch/work"
mount -t procfdfs procfd "$PROCFD_DIR" || exit 1
cleanup() {
	cd / || return
	umount "$PROCFD_DIR"
	rm -rf "$scratch"
}
mkfifo "$scratch/events"
exec 9<>"$scratch/events"

# A daemon that tells what it gets.
cat >"$scratch/daemon" <<'END'
for signal in HUP INT QUIT USR1 USR2 ALRM WINCH CONT; do
	trap "echo $signal >&9" $signal
done
trap 'kill $!; exit 7' TERM
sleep 1000 &
echo ready >&9
while :; do wait; done
END

expect() {
	got=nothing
	read -r -t 60 got <&9
	[ "$got" = "$1" ] || { echo "# got $got, not $1"; false; }
}

# Nothing more has been told.
silent() {
	if read -r -t 0 got <&9; then
		read -r got <&9
		echo "# got $got as well"
		return 1
	fi
}

has() {
	case $1 in *"$2"*) ;; *) echo "# '$2' is not in '$1'"; false ;; esac
}

has_not() {
	case $1 in *"$2"*) echo "# '$2' is in '$1'"; false ;; esac
}

# code N COMMAND...: its exit code; what it prints is in $out, complaints in $err.
code() {
	wanted=$1
	shift
	"$@" >"$scratch/out" 2>"$scratch/err"
	status=$?
	out=$(cat "$scratch/out")
	err=$(cat "$scratch/err")
	[ $status = "$wanted" ] || {
		echo "# exit code $status, not $wanted: $*"
		printf '%s\n' "$err" | sed 's/^/# /'
		false
	}
}

# Another user, who may look at the directory once it may be passed through $scratch.
as_bob() { su bob -c "exec $*"; }

# Start a process under a name, in the background.
start() { procfd run --detach --name "$1" sh "$scratch/daemon" 9>&9 && expect ready; }

# Try something until it is true; that it takes time is no claim.
until_true() {
	tries=0
	until "$@"; do
		tries=$((tries + 1))
		[ $tries -lt 3000 ] || { echo "# never: $*"; return 1; }
	done
}

state_of() { sed 's/^[0-9]* (.*) \(.\).*/\1/' "/proc/$1/stat"; }

before_each() { cd "$scratch/work" || exit 1; }
after_each() {
	cd "$scratch/work" || exit 1
	find "$PROCFD_DIR" -type p | while read -r n; do
		if echo KILL >"$n"; then cat "$n"; fi >/dev/null 2>&1
	done
	rm -rf ./*
	(cd "$PROCFD_DIR" && rm -rf -- * .[!.]*)
	while read -r -t 0 got <&9 && read -r got <&9; do :; done
}
