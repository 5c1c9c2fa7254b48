# SPDX-License-Identifier: GPL-2.0
# Sourced by the scripts beside it (bash). Where things are, how they speak, how they lock.
# shellcheck shell=bash

TOP=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)
BUILD=${BUILD:-$TOP/build}
# Which Linux: 6.12, or mainline, the newest that Debian has. What depends on it lies in a directory of its own, in
# which the rest is linked, see scripts/setup.
BASE=${BASE:-6.12}
case $BASE in
6.12) SHARED=$BUILD ;;
mainline) SHARED=${BUILD%/mainline} BUILD=${BUILD%/mainline}/mainline ;;
*) echo "there is no base $BASE: BASE is 6.12 or mainline" >&2; exit 2 ;;
esac
LOGS=$BUILD/logs
SUITE=bookworm
export TOP BUILD SHARED BASE LOGS SUITE
export LC_ALL=C.UTF-8

JOBS=${JOBS:-$(nproc)}
CROSS=powerpc64le-linux-gnu-
export JOBS CROSS

say()  { printf '%s\n' "$*"; }
warn() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }
die()  { warn "$*"; exit 1; }

# relative PATH: the same file as seen from the top of the repository, for messages
relative() { printf '%s\n' "${1#"$TOP"/}"; }

# usage_from_header: the comment at the top of the calling script is its help
usage_from_header() {
	sed -n '/^# SPDX/d; 2,/^[^#]/ { s/^# \{0,1\}//p }' "$0"
}

# lock NAME: one process at a time may hold NAME; says so when it has to wait. Released at exit.
declare -A held
lock() {
	mkdir -p "$BUILD/locks"
	local fd
	[ -z "${held[$1]-}" ] || return 0
	held[$1]=1
	exec {fd}>"$BUILD/locks/$1"
	if ! flock -n "$fd"; then
		warn "another make is working on $1; waiting for it"
		flock "$fd"
	fi
}

# current STAMP KEY: true when STAMP says that KEY was completed
current() { [ -f "$1" ] && [ "$(cat "$1")" = "$2" ]; }

# stamp STAMP KEY: record, in one step, that KEY was completed
stamp() {
	printf '%s\n' "$2" > "$1.new" && mv -f "$1.new" "$1"
}

# digest FILE-OR-DIRECTORY...: one hash over names, modes and contents
digest() {
	local p
	for p; do
		[ -e "$p" ] || { printf 'absent %s\n' "${p##*/}"; continue; }
		(cd -- "$(dirname -- "$p")" &&
		 find "./${p##*/}" -type f -printf '%m %p\n' | sort &&
		 find "./${p##*/}" -type f -print0 | sort -z | xargs -0 -r sha256sum)
	done | sha256sum | cut -d' ' -f1
}

# room_for MIB DIRECTORY WHAT: fail early, in words, when the disk cannot hold what comes
room_for() {
	local free
	mkdir -p "$2"
	free=$(df -Pm "$2" | awk 'NR == 2 { print $4 }')
	[ "$free" -ge "$1" ] ||
		die "$3 needs $1 MiB below $(relative "$2") and the disk has $free MiB left: free some space, or set BUILD=/a/larger/disk"
}

# What build/linux holds: the tree of its commit, and whatever is not committed.
linux_state() {
	git -C "$BUILD/linux" rev-parse 'HEAD^{tree}'
	git -C "$BUILD/linux" diff HEAD | sha256sum
	git -C "$BUILD/linux" ls-files --others --exclude-standard -z | (cd "$BUILD/linux" && xargs -0 -r sha256sum)
}
