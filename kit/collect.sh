# shellcheck shell=dash
# SPDX-License-Identifier: GPL-2.0
# shellcheck disable=SC2154
# Sourced by run: what a report says of the machine, in $report. Nothing is changed here. What identifies a machine or its
# owner is left out: serial numbers, vital product data, MAC addresses, locations with serial numbers in them, the host name.

# Properties of the device tree that are not copied
PRIVATE="serial-number system-id *vpd* *mac-address* *loc-code* *location-code* *wwn* *uuid* *guid* *seed* bootargs
	linux,initrd-* tpm* ibm,cvc* secure* hw-key-hash* os-secureboot* part-number fru-number"
# FIRs of the NPU on each chip: the value of each of the three
FIRS="0x05013c00 0x05013c40 0x05013c80"
MAC='[0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2}){5}'
UUID='[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}'

# Words that must not be in a report: at least five characters, so that none is part of a word of its own right
secrets() {
	{
		find "$root/sys/firmware/devicetree/base/" -type f \( -name serial-number -o -name system-id \) \
			-exec cat {} \; -exec echo \; | tr '\000' '\n'
		uname -n
	} | grep -x '[A-Za-z0-9._-]\{5,\}' | sort -u
}

prepare_cleaning() {
	secrets > "$work/secrets"
	{
		sed 's/[.]/\\./g; s/.*/s,&,(removed),g/' "$work/secrets"
		echo "s/$MAC/(MAC address removed)/g"
		echo "s/$UUID/(UUID removed)/g"
		echo '/Serial [Nn]umber|\[SN\]|\[EC\]|\[PN\]/d'
	} > "$work/clean.sed"
}

# keep NAME COMMAND...: what it prints, cleaned; where it is not installed there is no such file
keep() {
	local name=$1
	shift
	command -v "$1" > /dev/null || return 0
	"$@" 2>&1 < /dev/null | sed -E -f "$work/clean.sed" > "$report/$name"
}

kernel_config() {
	if [ -r "$root/proc/config.gz" ]; then
		zcat "$root/proc/config.gz"
	else
		cat "$root/boot/config-$(uname -r)"
	fi
}

# "-name A -o -name B": what is not to be in the copy
private_names() {
	set -f
	# shellcheck disable=SC2086
	set -- $PRIVATE
	printf -- "-name %s" "$1"
	shift
	printf -- " -o -name %s" "$@"
	set +f
}

# What may be known of the device tree, as one tar
device_tree() {
	local tree=$work/device-tree
	cp -R "$root/sys/firmware/devicetree/base" "$tree" 2> /dev/null
	set -f
	# shellcheck disable=SC2046
	find "$tree" -type f \( $(private_names) \) -exec rm -f {} +
	set +f
	if [ -s "$work/secrets" ]; then
		grep -rlF -f "$work/secrets" "$tree" | xargs -r rm -f
	fi
	tar -C "$work" -cf "$report/device-tree.tar" device-tree
}

groups() {
	local group device
	for group in "$root"/sys/kernel/iommu_groups/*; do
		for device in "$group"/devices/*; do
			device=${device##*/}
			echo "group ${group##*/}: $device $(attribute "$device" vendor):$(attribute "$device" device)" \
				"class $(attribute "$device" class) driver $(driver "$device") node $(attribute "$device" numa_node)"
		done
	done
}

fault_registers() {
	local chip register
	for chip in 0 8; do
		for register in $FIRS; do
			pdbg -b kernel -p "$chip" getscom "$register"
		done
	done
}

versions() {
	uname -srvm
	cat "$root/etc/os-release" "$root/proc/cmdline"
	tree_text model; echo
	(cd "$root/sys/firmware/devicetree/base/ibm,firmware-versions" && for name in *; do
		echo "firmware: $name $(tree_text "ibm,firmware-versions/$name")"
	done)
	firmware; echo
	for program in qemu-system-ppc64 virsh ppc64_cpu; do
		command -v "$program" > /dev/null && "$program" --version
	done
}

collect_before() {
	prepare_cleaning
	keep versions.txt versions
	keep kernel-config.txt kernel_config
	keep groups.txt groups
	keep cpuinfo.txt cat "$root/proc/cpuinfo"
	keep iomem.txt cat "$root/proc/iomem"
	keep lspci.txt lspci -nnvv
	keep modules.txt loaded
	keep nvlink2-list.txt "$kit/nvlink2" list
	keep nvlink2-list.json "$kit/nvlink2" list --json
	keep nvlink2-check.txt "$kit/nvlink2" check
	"$kit/nvlink2" check --json > "$work/check.json" 2> /dev/null
	[ $? = 2 ] || keep nvlink2-check.json cat "$work/check.json"
	! command -v pdbg > /dev/null || keep firs-before.txt fault_registers
	device_tree
}

collect_after() {
	keep dmesg.txt dmesg
	keep firmware-log.txt cat "$root/sys/firmware/opal/msglog"
	! command -v pdbg > /dev/null || keep firs-after.txt fault_registers
	[ ! -e "$state/differs" ] || keep differs.txt cat "$state/differs"
	keep cases.txt cat "$work/cases.log"
}
