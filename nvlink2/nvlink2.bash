# SPDX-License-Identifier: GPL-2.0
# Completion of nvlink2 for bash.

_nvlink2_options() {
	case $1 in
	list) echo --json --svg ;;
	check) echo --json --memory --qemu ;;
	bind | unbind) echo --boot --dry-run ;;
	qemu | libvirt) echo --memory --cpus --machine --name --qemu ;;
	*) echo --root --help --version ;;
	esac
}

# Slots, addresses and groups of this machine. compgen expands its words as bash does, and firmware can have called a slot
# anything: nothing but plain words may come out of this.
_nvlink2_devices() {
	echo all
	nvlink2 list 2> /dev/null |
		sed -n 's/^  +- GPU \(GPU[A-Za-z0-9_-]*\)  \([0-9a-f:.]*:[0-9a-f:.]*\) .*/\1 \2/p; s/^Group \([0-9]*\):.*/\1/p'
}

_nvlink2() {
	local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} command=${COMP_WORDS[1]} words
	COMPREPLY=()
	case $before in
	--memory | --cpus | --machine | --name) return ;;
	--qemu)
		mapfile -t COMPREPLY < <(compgen -f -- "$word")
		return ;;
	--root)
		mapfile -t COMPREPLY < <(compgen -d -- "$word")
		return ;;
	*)
		if [ "$COMP_CWORD" = 1 ]; then
			words="list check bind unbind qemu libvirt $(_nvlink2_options)"
		elif [[ $word == -* ]] || [[ $command == list || $command == check ]]; then
			words=$(_nvlink2_options "$command")
		else
			words=$(_nvlink2_devices)
		fi ;;
	esac
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
}

complete -F _nvlink2 nvlink2
