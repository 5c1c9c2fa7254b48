# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0
# shellcheck disable=SC2154
# Sourced by run: what this machine is, and why the tests cannot run here. $root is in front of /sys and /proc, and empty
# but for tests of the kit.

IBM=0x1014
BRIDGE=0x04ea
NVIDIA=0x10de
# In the list of symbols of a kernel with the series, and in no other
SYMBOL=pnv_npu2_gpu_set_revoke

# attribute DEVICE NAME
attribute() { cat "$root/sys/bus/pci/devices/$1/$2" 2> /dev/null; }

# A property of the device tree, as text
tree_text() { tr -d '\000' 2> /dev/null < "$root/sys/firmware/devicetree/base/$1"; }

firmware() { tree_text ibm,opal/firmware/version; }

all_devices() { (cd "$root/sys/bus/pci/devices" 2> /dev/null && ls); }

# GPUs that firmware says are joined to an NPU
gpus() {
	local device
	for device in $(all_devices); do
		[ "$(attribute "$device" vendor)" != "$NVIDIA" ] || [ ! -e "$root/sys/bus/pci/devices/$device/of_node/ibm,npu" ] ||
			echo "$device"
	done
}

bridges() {
	local device
	for device in $(all_devices); do
		[ "$(attribute "$device" vendor) $(attribute "$device" device)" != "$IBM $BRIDGE" ] || echo "$device"
	done
}

# All devices of the groups of GPUs, without ports of switches
grouped() {
	local gpu device
	for gpu in $(gpus); do
		for device in "$root/sys/bus/pci/devices/$gpu/iommu_group/devices"/*; do
			device=${device##*/}
			case $(attribute "$device" class) in 0x0604*|'') ;; *) echo "$device" ;; esac
		done
	done | sort -u
}

driver() { basename "$(readlink "$root/sys/bus/pci/devices/$1/driver" 2> /dev/null)"; }

# The reason why nothing can be tested or described here, or nothing
why_not_ours() {
	[ -n "$root" ] || [ "$(uname -m)" = ppc64le ] ||
		{ echo "this is $(uname -m): the tests are for an AC922, a POWER9 machine with little endian Linux"; return; }
	[ -n "$root" ] || [ "$(id -u)" = 0 ] || { echo "only root can do this"; return; }
	[ -e "$root/sys/firmware/devicetree/base/ibm,opal" ] ||
		echo "this is no PowerNV machine: the tests are for the host itself, not for a guest"
}

# Why no test can run, or nothing
why_not() {
	local device name
	why_not_ours | grep . && return
	[ -n "$(gpus)" ] || { echo "no GPU here is joined to the processor by NVLink2"; return; }
	grep -q " $SYMBOL\$" "$root/proc/kallsyms" 2> /dev/null ||
		{ echo "this kernel is without the nvlink2 series: start one that has it (kernel/ in this kit)"; return; }
	[ -n "$(bridges)" ] || { echo "the kernel shows no NVLink bridges: see its log, and './nvlink2 check'"; return; }
	for device in $(grouped); do
		name=$(driver "$device")
		case $name in
		''|vfio-pci) ;;
		*) echo "$device has the driver $name: end what uses it, and unload the driver"; return ;;
		esac
	done
	group_user
}

# A guest, or another program that has a group open
group_user() {
	local link
	for link in "$root"/proc/[0-9]*/fd/*; do
		case $(readlink "$link") in
		/dev/vfio/[0-9]*)
			link=${link%/fd/*}
			echo "process ${link##*/} ($(cat "$link/comm")) has a group of VFIO open: shut that guest down first"
			return ;;
		esac
	done
}
