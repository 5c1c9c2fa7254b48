// SPDX-License-Identifier: GPL-2.0
#include "layout.h"
#include "opal.h"

#define MACHINE_CHECK_VECTOR	0x200

extern const char machine_check_vector[], machine_check_vector_end[];

u64 opal_base[2] __attribute__((section(".data"))) = { 1, 1 };

static char line[256];
static u64 length;
static u64 cases, failures;

/*
 * Firmware's calls. It gets addresses of static variables only: the stack may be anywhere, these are where they are.
 */
static volatile u64 result;

void opal_init(u64 base, u64 entry)
{
	char *vector = (char *)MACHINE_CHECK_VECTOR;
	const char *from;

	opal_base[0] = base;
	opal_base[1] = entry;
	for (from = machine_check_vector; from < machine_check_vector_end; from++)
		*vector++ = *from;
	asm volatile("dcbst 0, %0; sync; icbi 0, %0; isync" : : "r"(MACHINE_CHECK_VECTOR) : "memory");
	machine_checks();
}

void power_off(void)
{
	opal(OPAL_CEC_POWER_DOWN, 0);
	for (;;)
		opal(OPAL_POLL_EVENTS, 0);
}

u32 config_read32(u64 phb, u64 bdfn, u64 offset)
{
	static volatile u32 value;

	value = ~0u;
	opal(OPAL_PCI_CONFIG_READ_WORD, phb, bdfn, offset, &value);
	return value;
}

u16 config_read16(u64 phb, u64 bdfn, u64 offset)
{
	static volatile u16 value;

	value = ~0;
	opal(OPAL_PCI_CONFIG_READ_HALF_WORD, phb, bdfn, offset, &value);
	return value;
}

void config_write32(u64 phb, u64 bdfn, u64 offset, u32 value)
{
	opal(OPAL_PCI_CONFIG_WRITE_WORD, phb, bdfn, offset, value);
}

void config_write16(u64 phb, u64 bdfn, u64 offset, u16 value)
{
	opal(OPAL_PCI_CONFIG_WRITE_HALF_WORD, phb, bdfn, offset, value);
}

u64 read64(u64 addr)
{
	u64 value;

	asm volatile("sync; ldcix %0, 0, %1; twi 0, %0, 0; isync" : "=r"(value) : "r"(addr) : "memory");
	return value;
}

void write64(u64 addr, u64 value)
{
	asm volatile("sync; stdcix %0, 0, %1; sync" : : "r"(value), "r"(addr) : "memory");
}

u32 read32le(u64 addr)
{
	u64 value;

	asm volatile("sync; lwzcix %0, 0, %1; twi 0, %0, 0; isync" : "=r"(value) : "r"(addr) : "memory");
	return __builtin_bswap32(value);
}

void write32le(u64 addr, u32 value)
{
	asm volatile("sync; stwcix %0, 0, %1; sync" : : "r"(__builtin_bswap32(value)), "r"(addr) : "memory");
}

void write8(u64 addr, u8 value)
{
	asm volatile("sync; stbcix %0, 0, %1; sync" : : "r"(value), "r"(addr) : "memory");
}

struct machine_check machine_checks(void)
{
	volatile struct machine_check *record = (volatile struct machine_check *)MACHINE_CHECK_RECORD;
	struct machine_check seen = {
		.count = record->count,
		.srr1 = record->srr1,
		.dar = record->dar,
		.dsisr = record->dsisr,
	};

	record->count = 0;
	return seen;
}

/*
 * Console
 */
static void put_char(char c)
{
	line[length++] = c;
	if (c != '\n' && length < sizeof(line))
		return;
	result = length;
	opal(OPAL_CONSOLE_WRITE, 0, &result, line);
	length = 0;
	opal(OPAL_POLL_EVENTS, 0);
}

static void put_string(const char *s)
{
	while (*s)
		put_char(*s++);
}

static void put_number(u64 value, u64 base)
{
	if (value >= base)
		put_number(value / base, base);
	put_char("0123456789abcdef"[value % base]);
}

void plan_begin(void)
{
	cases = 0;
	failures = 0;
	put_string("\nTAP version 13\n");
}

void expect(const char *what, u64 got, u64 want)
{
	cases++;
	put_string(got == want ? "ok " : "not ok ");
	put_number(cases, 10);
	put_string(" - ");
	put_string(what);
	put_char('\n');
	if (got == want)
		return;
	failures++;
	put_string("# got 0x");
	put_number(got, 16);
	put_string(", not 0x");
	put_number(want, 16);
	put_char('\n');
}

void plan_end(void)
{
	put_string("1..");
	put_number(cases, 10);
	put_char('\n');
}
