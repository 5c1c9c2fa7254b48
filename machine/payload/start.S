/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Where firmware enters: big endian, real mode, hypervisor state, with the OPAL base in r8 and the OPAL entry in r9.
 */
#include "layout.h"

	.machine power9
	.section .text.start, "ax"
	.globl _start
_start:
	mr	%r30, %r8
	mr	%r31, %r9
	LOAD_IMMEDIATE(%r2, .TOC.)
	LOAD_IMMEDIATE(%r1, PAYLOAD_STACK)
	bl	allow_machine_checks
	mr	%r3, %r30
	mr	%r4, %r31
	bl	payload_main
	b	.

/* Only an interrupt return can set MSR[ME]; RI goes with it. Clobbers r0. */
allow_machine_checks:
	mfmsr	%r0
	ori	%r0, %r0, 0x1002
	mtsrr1	%r0
	mflr	%r0
	mtsrr0	%r0
	rfid

/* long opal_call(token, 7 arguments): C's registers, moved down by one, with firmware's TOC */
	.globl opal_call
opal_call:
	mflr	%r0
	std	%r0, 16(%r1)
	mfcr	%r12
	stw	%r12, 8(%r1)
	std	%r2, 24(%r1)
	std	%r13, -8(%r1)
	stdu	%r1, -112(%r1)
	mr	%r0, %r3
	mr	%r3, %r4
	mr	%r4, %r5
	mr	%r5, %r6
	mr	%r6, %r7
	mr	%r7, %r8
	mr	%r8, %r9
	mr	%r9, %r10
	LOAD_IMMEDIATE(%r11, opal_base)
	ld	%r2, 0(%r11)
	ld	%r12, 8(%r11)
	mtctr	%r12
	bctrl
	bl	allow_machine_checks
	addi	%r1, %r1, 112
	ld	%r13, -8(%r1)
	ld	%r2, 24(%r1)
	lwz	%r12, 8(%r1)
	mtcr	%r12
	ld	%r0, 16(%r1)
	mtlr	%r0
	blr

/* Copied to the vector: count, keep the registers, go on after the instruction */
	.globl machine_check_vector
machine_check_vector:
	mtsprg	0, %r3
	mtsprg	1, %r4
	li	%r3, 0
	ori	%r3, %r3, MACHINE_CHECK_RECORD
	ld	%r4, 0(%r3)
	addi	%r4, %r4, 1
	std	%r4, 0(%r3)
	mfsrr1	%r4
	std	%r4, 8(%r3)
	mfdar	%r4
	std	%r4, 16(%r3)
	mfdsisr	%r4
	std	%r4, 24(%r3)
	mfsrr0	%r4
	addi	%r4, %r4, 4
	mtsrr0	%r4
	mfsprg	%r4, 1
	mfsprg	%r3, 0
	rfid
	.globl machine_check_vector_end
machine_check_vector_end:
