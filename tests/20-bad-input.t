#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# What goes wrong for a user: each case must fail, say what is wrong and what to do, and leave nothing behind.
set -u
top=$(cd -- "$(dirname -- "$0")/.." && pwd)
real=${BUILD:-$top/build}
work=$(mktemp -d)
number=0
trap 'rm -rf "$work"' EXIT

# result STATUS NAME: one line of TAP; what the command said goes along when it failed
result() {
	number=$((number + 1))
	if [ "$1" = 0 ]; then
		echo "ok $number - $2"
	else
		echo "not ok $number - $2"
		sed 's/^/# /' "$work/out"
	fi
}

skip() {
	number=$((number + 1))
	echo "ok $number - $1 # SKIP $2"
}

# refused NAME WORDS -- COMMAND...: the command fails and its output has each of the words, which a | separates
refused() {
	local name=$1 words=$2 word status=0
	shift 3
	if "$@" > "$work/out" 2>&1 < /dev/null; then
		echo "it succeeded" >> "$work/out"
		status=1
	fi
	while IFS= read -r -d '|' word; do
		grep -qF -e "$word" "$work/out" || { echo "it did not say: $word" >> "$work/out"; status=1; }
	done <<< "$words|"
	! grep -q 'Traceback' "$work/out" || status=1
	result "$status" "$name"
}

# small_disk COMMAND...: run with $work/small as a file system of 4 MiB of its own
small_disk() {
	mkdir -p "$work/small"
	# The shell that unshare starts expands these.
	# shellcheck disable=SC2016
	unshare --map-root-user --mount sh -c 'mount -t tmpfs -o size=4m none "$1" || exit 99; shift; exec "$@"' sh "$work/small" "$@"
}

a_kernel_without() {
	{ cat "$top/machine/kernel/host.config"; printf '%s\n' "$@"; } > "$work/bad.config"
	LINUX=$real/linux "$top/scripts/kernel" "$work/obj" config "$work/bad.config"
}

echo 1..16
cd "$top" || exit 1
export MAKEFLAGS=

refused "make: an option that does not exist" "BORD|BOARD" -- make BORD=6gpu demo
refused "make: a board that does not exist" "7gpu|4gpu 6gpu" -- make BOARD=7gpu demo
refused "make: guests that do not exist" "two|one|pair|all|each" -- make GUESTS=two demo
refused "make: a target that does not exist" "mkae|make help" -- make mkae
for tool in setup base build step kernel fetch-debs; do
	refused "scripts/$tool: an option that does not exist" "" -- "scripts/$tool" --nonsense
done

echo no-such-package-of-debian > "$work/packages"
refused "a package that is missing is named" "no-such-package-of-debian|make setup" \
	-- env PACKAGES_FILE="$work/packages" scripts/setup --check
refused "a package that Debian does not have" "no-such-package-of-debian" \
	-- scripts/fetch-debs "$work/debs" no-such-package-of-debian
[ ! -e "$work/debs" ]
result $? "a fetch that failed leaves no directory"

refused "a kernel whose KVM cannot be built is refused" "CONFIG_KVM_BOOK3S_64_HV=y|but it is" \
	-- a_kernel_without "CONFIG_VIRTUALIZATION=n"

if small_disk true 2> /dev/null; then
	refused "a disk that is too small is refused before the work" "MiB|BUILD=" \
		-- small_disk env BUILD="$work/small" bash -c ". scripts/common.sh; room_for 3000 \"\$BUILD/x\" 'the kernel'"
	refused "a disk that fills up is reported, with what to do" "full|BUILD=" \
		-- small_disk env BUILD="$work/small" scripts/step fill dd if=/dev/zero of="$work/small/file" bs=1M count=64
else
	skip "a disk that is too small is refused before the work" "no name spaces for a small disk here"
	skip "a disk that fills up is reported, with what to do" "no name spaces for a small disk here"
fi
