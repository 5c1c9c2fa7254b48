/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Between firmware and the kernel, which lies behind this and is started with the device tree that one_atsd.c has changed.
 * Firmware gives the device tree in r3, the OPAL base in r8 and the OPAL entry in r9.
 */
#include "layout.h"

#define KERNEL	(ONE_ATSD_SIZE + KERNEL_TEXT)

	.machine power9
	.section .text.start, "ax"
	.globl _start
_start:
	mr	%r29, %r3
	mr	%r30, %r8
	mr	%r31, %r9
	LOAD_IMMEDIATE(%r2, .TOC.)
	LOAD_IMMEDIATE(%r1, ONE_ATSD_STACK)
	bl	one_atsd
	mr	%r3, %r29
	mr	%r8, %r30
	mr	%r9, %r31
	li	%r4, 0
	li	%r5, 0
	li	%r6, 0
	li	%r7, 0
	LOAD_IMMEDIATE(%r12, PAYLOAD_BASE + KERNEL)
	mtctr	%r12
	bctr
