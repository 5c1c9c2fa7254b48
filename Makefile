# SPDX-License-Identifier: GPL-2.0
# Everything starts here; `make help` says what there is.

SHELL := /bin/bash
# QEMU's own table of boards; the first is the default
BOARDS := $(shell sed -n 's/^WITHERSPOON_BOARD."\([^"]*\)".*/\1/p' machine/qemu/hw/ppc/pnv_witherspoon_boards.h.inc)
BOARD ?= $(firstword $(BOARDS))
BASE ?= 6.12
BUILD ?= $(CURDIR)/build
JOBS ?= $(shell nproc)
GUESTS ?= one
CONFIG ?= ac922
T ?=
PART ?=
# What depends on another Linux than the default one lies in a directory of its own
override BUILD := $(abspath $(BUILD))$(if $(filter-out 6.12,$(BASE)),/$(BASE))
export BASE BUILD JOBS

# A misspelt option would silently do nothing.
OPTIONS := BASE BOARD BUILD CONFIG GUESTS JOBS PART T VERSION
UNKNOWN := $(filter-out $(OPTIONS),$(foreach name,$(.VARIABLES),$(if $(filter command,$(origin $(name))),$(name))))
ifneq ($(strip $(UNKNOWN)),)
$(error unknown option $(UNKNOWN): the options are $(OPTIONS); see `make help`)
endif
ifeq ($(filter $(BOARDS),$(BOARD)),)
$(error unknown board $(BOARD): BOARD is one of $(BOARDS))
endif
ifeq ($(filter 6.12 mainline,$(BASE)),)
$(error unknown base $(BASE): BASE is 6.12 or mainline, the newest Linux that Debian has)
endif
ifeq ($(filter one pair all each,$(GUESTS)),)
$(error unknown guests $(GUESTS): GUESTS is one (a guest with one GPU), pair (a guest with all GPUs of a socket), all (a guest with all GPUs) or each (a guest for each GPU))
endif

.DEFAULT_GOAL := help
.PHONY: help setup tree harvest series status try-base kernel qemu-machine consumer nvlink2 images machine demo test check-full shell bench deb hardware-kit

help:
	@echo "make demo        boot the emulated Witherspoon, pass a V100 to a guest, report (BOARD is one of $(BOARDS))"
	@echo "                 GUESTS=pair: all V100s of a socket, two or three, to one guest; GUESTS=all: those of both sockets;"
	@echo "                 GUESTS=each: a guest for each V100, all at once (no GPU reaches another one)"
	@echo "make test        everything that must pass before a commit (T=name: only tests with name in their name)"
	@echo "make check-full  what takes long: each commit of the series builds, and other configurations"
	@echo "make bench       measure GPU RAM in host and guest beside Linux 5.10; the result is in build/bench"
	@echo "make control     the selftests on the series and on Linux 5.10, which had this before, side by side (20 minutes)"
	@echo "make shell       a shell in the emulated host (BOARD as above)"
	@echo
	@echo "make tree        build/linux: the base with one commit for each entry of series/; edit and commit there"
	@echo "make harvest     write what is committed in build/linux back into series/ and the overlay"
	@echo "make series      build/series/PART/*.patch with a cover for each part, ready for git am (PART=5-npu2: one of them)"
	@echo "make status      how build/linux and the overlay stand to each other"
	@echo "make try-base    VERSION=7.3, or a tree or a tarball: which commits apply to that Linux, and which it has by now"
	@echo
	@echo "make setup       install what is missing and get the bases; whatever needs it calls it"
	@echo "make nvlink2     build/nvlink2: the program for owners of such machines; 'make -C nvlink2 install' puts it in place"
	@echo "make hardware-kit  build/nvlink2-hardware-kit.tar.xz: tests and a report for owners of an AC922"
	@echo "make deb         build/deb: packages for owners of such machines, kernel, QEMU, nvlink2, selftests; see debian/README.md"
	@echo "                 CONFIG=debian: the kernel as Debian configures it (hours), CONFIG=FILE: as a file says;"
	@echo "                 CONFIG=emulated: for nothing but the emulated machine (minutes)"
	@echo "make kernel, qemu-machine, consumer, images: one part of the machine; machine: all of them"
	@echo
	@echo "BASE=mainline with any of them: on the newest Linux that Debian has, instead of 6.12, in build/mainline"
	@echo "Options: BASE, BOARD, CONFIG, GUESTS, PART, T, VERSION, JOBS=number of processors to use, BUILD=where everything generated goes (build)"

setup:
	@scripts/setup

tree status: setup
	@scripts/series $@

harvest: setup
	@scripts/series harvest

series: setup
	@scripts/series $(if $(PART),--part $(PART)) patches

try-base: setup
	$(if $(VERSION),,$(error VERSION says which Linux: one that Debian has, like 7.3, a kernel tree or a tarball))
	@scripts/try-base $(VERSION)

kernel qemu-machine consumer nvlink2:
	@scripts/build $@

hardware-kit: tree nvlink2
	@scripts/hardware-kit

images: kernel consumer
	@scripts/build images

machine: kernel qemu-machine consumer images

deb: setup
	@scripts/deb --config $(CONFIG)

demo: machine
	@machine/demo --board $(BOARD) --guests $(GUESTS)

shell: machine
	@machine/run --board $(BOARD) --shell

test: machine
	@tests/run $(T)

bench: machine
	@bench/bench

check-full: machine
	@scripts/check-full $(T)

include tests/control.mk

.DEFAULT:
	@echo "make: there is no target $@; \`make help\` lists them" >&2; exit 2

# The parts write to the same places and use all processors themselves.
.NOTPARALLEL:
