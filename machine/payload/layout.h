/* SPDX-License-Identifier: GPL-2.0 */
/* Where things are in memory. Firmware loads the payload at 0x20000000 and leaves the rest of the first GiBs alone. */
#ifndef PAYLOAD_LAYOUT_H
#define PAYLOAD_LAYOUT_H

#define PAYLOAD_STACK		0x21000000
#define MACHINE_CHECK_RECORD	0x5000

#define PAYLOAD_BASE		0x20000000
/* one_atsd: the kernel's file begins there, and has its text that far on */
#define ONE_ATSD_SIZE		0x10000
#define ONE_ATSD_STACK		0x2000ff00
#define KERNEL_TEXT		0x10000

#ifdef __ASSEMBLER__
#define LOAD_IMMEDIATE(reg, value)	\
	lis	reg, value@highest;	\
	ori	reg, reg, value@higher;	\
	rldicr	reg, reg, 32, 31;	\
	oris	reg, reg, value@h;	\
	ori	reg, reg, value@l
#endif

#endif
