/* SPDX-License-Identifier: GPL-2.0 */
/* What a program has that firmware starts instead of a kernel: firmware's calls, uncached accesses, TAP. */
#ifndef PAYLOAD_OPAL_H
#define PAYLOAD_OPAL_H

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long u64;

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#define BIT(n)	(1UL << (n))
/* bit n in IBM's numbering */
#define PPC_BIT(n)	(1UL << (63 - (n)))

enum opal_token {
	OPAL_CONSOLE_WRITE = 1,
	OPAL_CEC_POWER_DOWN = 5,
	OPAL_POLL_EVENTS = 10,
	OPAL_PCI_CONFIG_READ_HALF_WORD = 14,
	OPAL_PCI_CONFIG_READ_WORD = 15,
	OPAL_PCI_CONFIG_WRITE_HALF_WORD = 17,
	OPAL_PCI_CONFIG_WRITE_WORD = 18,
	OPAL_PCI_SET_PE = 31,
	OPAL_PCI_MAP_PE_DMA_WINDOW = 44,
	OPAL_PCI_MAP_PE_DMA_WINDOW_REAL = 45,
	OPAL_PCI_NEXT_ERROR = 60,
	OPAL_PCI_TCE_KILL = 126,
	OPAL_NMMU_SET_PTCR = 127,
	OPAL_NPU_INIT_CONTEXT = 146,
	OPAL_NPU_DESTROY_CONTEXT = 147,
	OPAL_NPU_MAP_LPAR = 148,
};

long opal_call(u64 token, u64 a, u64 b, u64 c, u64 d, u64 e, u64 f, u64 g);
#define opal(...)		opal_pad(__VA_ARGS__, 0, 0, 0, 0, 0, 0, 0)
#define opal_pad(token, a, b, c, d, e, f, g, ...)	\
	opal_call(token, (u64)(a), (u64)(b), (u64)(c), (u64)(d), (u64)(e), (u64)(f), (u64)(g))

void opal_init(u64 base, u64 entry);
void power_off(void);

u32 config_read32(u64 phb, u64 bdfn, u64 offset);
u16 config_read16(u64 phb, u64 bdfn, u64 offset);
void config_write32(u64 phb, u64 bdfn, u64 offset, u32 value);
void config_write16(u64 phb, u64 bdfn, u64 offset, u16 value);

/* Cache-inhibited accesses by real address; 32-bit ones are little endian, as PCI is */
u64 read64(u64 addr);
void write64(u64 addr, u64 value);
u32 read32le(u64 addr);
void write32le(u64 addr, u32 value);
void write8(u64 addr, u8 value);

/* Machine checks since the last call, and the registers of the last one */
struct machine_check {
	u64 count;
	u64 srr1;
	u64 dar;
	u64 dsisr;
};

struct machine_check machine_checks(void);

/* TAP */
void plan_begin(void);
void expect(const char *what, u64 got, u64 want);
void plan_end(void);

#endif
