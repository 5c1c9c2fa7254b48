# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0
# shellcheck disable=SC2154
# Sourced by run: what the tests change in this machine, and how it is put back. $state outlives a run that was killed, but
# not the machine's start, after which nothing is to be put back.

state=$root/run/nvlink2-kit
# The tests of large pages change it
SETTINGS=vm/nr_hugepages
# Those that the tests need. What is built in cannot be loaded, which is good as well.
MODULES="vfio-pci vfio_iommu_spapr_tce kvm_hv"
DEBUGFS=$root/sys/kernel/debug

loaded() { cut -d ' ' -f 1 "$root/proc/modules" 2> /dev/null; }

override() { attribute "$1" driver_override | sed 's/^(null)$//'; }

# One line each of what a run may change, in an order that does not change
describe_state() {
	local device setting module
	for device in $(grouped); do
		echo "device $device $(driver "$device") override=$(override "$device")"
	done
	for setting in $SETTINGS; do
		echo "setting $setting $(tr -s '\t' ' ' < "$root/proc/sys/$setting")"
	done
	for module in $(loaded | sort); do
		echo "module $module"
	done
	[ ! -d "$DEBUGFS/powerpc" ] || echo "debugfs is mounted"
}

save() {
	mkdir -p "$state"
	echo "$work" > "$state/work"
	describe_state > "$state/before.new"
	mv "$state/before.new" "$state/before"
}

prepare() {
	local module
	for module in $MODULES; do
		modprobe -q "$module" 2> /dev/null
	done
	[ -d "$DEBUGFS/powerpc" ] || mount -t debugfs debugfs "$DEBUGFS" 2> /dev/null
	"$kit/nvlink2" bind all
}

# restore_device DEVICE DRIVER override=NAME; of a device without driver the second word is missing
restore_device() {
	local device=$1 name='' override=${2-} path=$root/sys/bus/pci/devices/$1
	[ $# -lt 3 ] || { name=$2; override=$3; }
	override=${override#override=}
	if [ -n "$(driver "$device")" ] && [ "$(driver "$device")" != "$name" ]; then
		echo "$device" > "$path/driver/unbind"
	fi
	echo "$override" > "$path/driver_override"
	if [ -n "$name" ] && [ "$(driver "$device")" != "$name" ]; then
		echo "$device" > "$root/sys/bus/pci/drivers/$name/bind"
	fi
}

# Modules that were not there before; those that others use go in a later round
unload_new() {
	local module left=3
	while [ $left -gt 0 ]; do
		for module in $(loaded); do
			grep -qx "module $module" "$state/before" || rmmod "$module" 2> /dev/null
		done
		left=$((left - 1))
	done
}

# Put back what differs; false when something could not be, which is left in $state/differs
restore() {
	local kind rest
	[ -e "$state/before" ] || return 0
	while read -r kind rest; do
		# Each is a list of words.
		# shellcheck disable=SC2086
		case $kind in
		device) restore_device $rest ;;
		setting) echo "${rest#* }" > "$root/proc/sys/${rest%% *}" ;;
		esac
	done < "$state/before"
	grep -q '^debugfs' "$state/before" || umount "$DEBUGFS" 2> /dev/null
	unload_new
	describe_state > "$state/after"
	if ! diff "$state/before" "$state/after" > "$state/differs"; then
		return 1
	fi
	rm -rf -- "$state"
}
