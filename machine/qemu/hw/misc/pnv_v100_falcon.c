/*
 * QEMU PowerNV: a GPU with NVLink2, the DMA of its GSP falcon
 *
 * A falcon is a small processor with memories of its own, IMEM for code and
 * DMEM for data, and an engine that moves data between them and memory.  Host
 * software can use that engine, and DMEM, without code for the processor; so
 * does nv_falcon of Linux's VFIO selftests.  No more than that is modelled: the
 * processor is halted for ever, and there is no IMEM.
 *
 * Names and fields are those of hw_pgsp_gv100.h in NVIDIA's nvgpu driver for
 * Tegra ("P" below), and of dev_falcon_v4.h in NVIDIA's open-gpu-kernel-modules
 * ("F").  What the sources do not say, and the model decides:
 *
 * - Scrubbing takes V100_SCRUB_NS, a transfer V100_TRANSFER_NS.
 * - A transfer that the settings do not allow, and one that no answer comes
 *   back for, never ends: IDLE stays 0 until the falcon is reset.
 * - A transfer that is answered with an error ends, reads ones and writes
 *   nothing.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/bitops.h"
#include "hw/ppc/pnv_view.h"
#include "pnv_v100_internal.h"
#include "trace.h"

#define V100_GSP                0x110000
#define V100_GSP_SIZE             0x2000

/*
 * P: irqsset_r, irqsclr_r, irqstat_r, irqmode_r, irqmset_r, irqmclr_r,
 * irqmask_r, irqdest_r.  Bit 6 is swgen0, which software raises.  The lower
 * half of irqdest has the host as the destination of an interrupt, the upper
 * half which of its interrupts, 0 the one that nvgpu calls stalling.
 */
#define V100_GSP_IRQSSET        0x110000
#define V100_GSP_IRQSCLR        0x110004
#define V100_GSP_IRQSTAT        0x110008
#define V100_GSP_IRQMODE        0x11000c
#define V100_GSP_IRQMSET        0x110010
#define V100_GSP_IRQMCLR        0x110014
#define V100_GSP_IRQMASK        0x110018
#define V100_GSP_IRQDEST        0x11001c
#define   V100_IRQ_MASK             0x0000ffff
#define   V100_IRQDEST_TARGET_SHIFT 16
/* P: mailbox0_r, mailbox1_r */
#define V100_GSP_MAILBOX0       0x110040
#define V100_GSP_MAILBOX1       0x110044
/* P: cpuctl_r; bit 4 is what halt_intr is about, F: CPUCTL_HALTED */
#define V100_GSP_CPUCTL         0x110100
#define   V100_CPUCTL_HALTED        0x00000010
/* P: hwcfg_r, hwcfg_imem_size_v, hwcfg_dmem_size_v; in blocks of 256 bytes */
#define V100_GSP_HWCFG          0x110108
#define   V100_HWCFG_DMEM_SHIFT     9
/* P: dmactl_r, its require_ctx, dmem_scrubbing and imem_scrubbing */
#define V100_GSP_DMACTL         0x11010c
#define   V100_DMACTL_REQUIRE_CTX   0x00000001
#define   V100_DMACTL_SCRUBBING     0x00000006
/* P: dmatrfbase_r and the four that follow; widths are F's */
#define V100_GSP_DMATRFBASE     0x110110
#define V100_GSP_DMATRFMOFFS    0x110114
#define   V100_DMATRFMOFFS_MASK     0x0000ffff
#define V100_GSP_DMATRFCMD      0x110118
#define   V100_DMATRFCMD_FULL       0x00000001
#define   V100_DMATRFCMD_IDLE       0x00000002
#define   V100_DMATRFCMD_IMEM       0x00000010
#define   V100_DMATRFCMD_WRITE      0x00000020
#define   V100_DMATRFCMD_SIZE       0x00000700
#define   V100_DMATRFCMD_CTXDMA     0x00007000
#define   V100_DMATRFCMD_MASK       0x0001773c
#define     V100_DMATRF_MAX_SIZE        6
#define V100_GSP_DMATRFFBOFFS   0x11011c
#define V100_GSP_DMATRFBASE1    0x110128
#define   V100_DMATRFBASE1_MASK     0x000001ff
/* F: HWCFG1_IMEM_PORTS, HWCFG1_DMEM_PORTS; gpu-admin-tools: one each */
#define V100_GSP_HWCFG1         0x11012c
#define   V100_HWCFG1_IMEM_PORTS    0x00000100
#define   V100_HWCFG1_DMEM_PORTS    0x00001000
/* P: dmemc_r(0), its offs and blk, which make an address, aincw and aincr */
#define V100_GSP_DMEMC          0x1101c0
#define   V100_DMEMC_ADDR           0x0000fffc
#define   V100_DMEMC_AINCW          0x01000000
#define   V100_DMEMC_AINCR          0x02000000
#define   V100_DMEMC_MASK           0x0300fffc
/* P: dmemd_r(0) */
#define V100_GSP_DMEMD          0x1101c4
/* P: sctl_r; 0 is a processor without rights */
#define V100_GSP_SCTL           0x110240
/* P: engine_r, engine_reset_true_f */
#define V100_GSP_ENGINE         0x1103c0
#define   V100_ENGINE_RESET         0x00000001
/* P: fbif_transcfg_r(0) to (7), their target and mem_type */
#define V100_GSP_TRANSCFG       0x110600
#define V100_GSP_TRANSCFG_LAST  0x11061c
#define   V100_TRANSCFG_TARGET      0x00000003
#define   V100_TRANSCFG_PHYSICAL    0x00000004
#define   V100_TRANSCFG_MASK        0x00000007
/*
 * P: fbif_ctl_r, allow_phys_no_ctx.  Bit 4 is set by nv_falcon and not by
 * nouveau, which gets along without (nvkm/falcon/gm200.c).
 */
#define V100_GSP_FBIF_CTL       0x110624
#define   V100_FBIF_CTL_NO_CTX      0x00000080
#define   V100_FBIF_CTL_MASK        0x00000090
/* Without a name in public; nv_falcon calls it ctl2 and sets bit 0 */
#define V100_GSP_FBIF_CTL2      0x110684
#define   V100_FBIF_CTL2_MASK       0x00000001
/* Selects the core on GPUs that have two, from Turing on; nv_falcon */
#define V100_GSP_CORE_SELECT    0x111668

#define V100_SCRUB_NS           20000
#define V100_TRANSFER_NS        1000

/*
 * Memories are cleared after a reset; DMACTL says when that is over
 */
static void v100_falcon_scrubbed(void *opaque)
{
    PnvV100Falcon *f = &PNV_V100(opaque)->falcon;

    memset(f->dmem, 0, sizeof(f->dmem));
    f->dmactl &= ~V100_DMACTL_SCRUBBING;
}

static void v100_falcon_hold(PnvV100 *s)
{
    PnvV100Falcon *f = &s->falcon;

    timer_del(f->scrub_timer);
    timer_del(f->transfer_timer);
    f->held = true;
    f->busy = false;
    memset(&f->regs, 0, sizeof(f->regs));
    v100_intr_update(s);
}

static void v100_falcon_release(PnvV100 *s)
{
    PnvV100Falcon *f = &s->falcon;

    f->held = false;
    f->dmactl = V100_DMACTL_REQUIRE_CTX | V100_DMACTL_SCRUBBING;
    timer_mod(f->scrub_timer, qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL) +
              V100_SCRUB_NS);
}

static void v100_falcon_engine(PnvV100 *s, bool hold)
{
    if (hold == s->falcon.held) {
        return;
    }
    trace_pnv_v100_falcon_reset(v100_name(s), hold);
    if (hold) {
        v100_falcon_hold(s);
    } else {
        v100_falcon_release(s);
    }
}

/*
 * DMEM, a word at a time
 */
static uint8_t *v100_dmem_word(PnvV100Falcon *f, uint32_t increment)
{
    uint8_t *word = f->dmem + (f->regs.dmemc & V100_DMEMC_ADDR);

    if (f->regs.dmemc & increment) {
        f->regs.dmemc = (f->regs.dmemc & ~V100_DMEMC_ADDR) |
                        ((f->regs.dmemc + 4) & V100_DMEMC_ADDR);
    }
    return word;
}

static bool v100_dmem_there(const PnvV100 *s)
{
    if (s->falcon.dmactl & V100_DMACTL_SCRUBBING) {
        v100_log(s, LOG_GUEST_ERROR, "access to DMEM while it is being "
                 "scrubbed, without effect");
        return false;
    }
    return true;
}

static uint32_t v100_dmem_read(PnvV100 *s)
{
    return v100_dmem_there(s)
           ? ldl_le_p(v100_dmem_word(&s->falcon, V100_DMEMC_AINCR)) : 0;
}

static void v100_dmem_write(PnvV100 *s, uint32_t val)
{
    if (v100_dmem_there(s)) {
        stl_le_p(v100_dmem_word(&s->falcon, V100_DMEMC_AINCW), val);
    }
}

/*
 * Transfers
 */
static uint32_t v100_transfer_size(const PnvV100FalconTransfer *t)
{
    return 4u << GETFIELD(V100_DMATRFCMD_SIZE, t->cmd);
}

/* Why the settings do not allow it, or NULL */
static const char *v100_transfer_refused(const PnvV100Falcon *f,
                                         const PnvV100FalconTransfer *t)
{
    uint32_t size = v100_transfer_size(t);

    if (f->dmactl & V100_DMACTL_SCRUBBING) {
        return "memories are being scrubbed";
    }
    if (f->dmactl & V100_DMACTL_REQUIRE_CTX) {
        return "a context is required, and there is none";
    }
    if (t->cmd & V100_DMATRFCMD_IMEM) {
        return "the model has no IMEM";
    }
    if (!(t->transcfg & V100_TRANSCFG_PHYSICAL)) {
        return "the address is virtual, and there is no context";
    }
    if (!(f->regs.fbif_ctl & V100_FBIF_CTL_NO_CTX)) {
        return "physical addresses are not allowed without a context";
    }
    if (GETFIELD(V100_DMATRFCMD_SIZE, t->cmd) > V100_DMATRF_MAX_SIZE) {
        return "there is no such size";
    }
    if (t->addr % size || t->moffs % size) {
        return "an address is not a multiple of the size";
    }
    return NULL;
}

static void v100_transfer_start(PnvV100 *s, uint32_t cmd)
{
    PnvV100Falcon *f = &s->falcon;
    const PnvV100FalconRegs *regs = &f->regs;
    const char *refused;

    if (f->busy) {
        v100_log(s, LOG_GUEST_ERROR, "transfer 0x%08x started while one is "
                 "under way, not done", cmd);
        return;
    }
    f->regs.dmatrfcmd = cmd & V100_DMATRFCMD_MASK;
    f->run = (PnvV100FalconTransfer) {
        .cmd = cmd,
        .transcfg = regs->transcfg[GETFIELD(V100_DMATRFCMD_CTXDMA, cmd)],
        .addr = ((uint64_t)regs->dmatrfbase1 << 40) +
                ((uint64_t)regs->dmatrfbase << 8) + regs->dmatrffboffs,
        .moffs = regs->dmatrfmoffs,
    };
    f->busy = true;
    f->transfers++;
    refused = v100_transfer_refused(f, &f->run);
    trace_pnv_v100_falcon_transfer(v100_name(s), cmd, f->run.transcfg,
                                   f->run.addr, f->run.moffs);
    if (refused) {
        f->refused++;
        v100_log(s, LOG_GUEST_ERROR, "transfer 0x%08x never ends: %s", cmd,
                 refused);
        return;
    }
    timer_mod(f->transfer_timer, qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL) +
              V100_TRANSFER_NS);
}

static void v100_transfer_done(void *opaque)
{
    PnvV100 *s = opaque;
    PnvV100Falcon *f = &s->falcon;
    uint8_t buf[4 << V100_DMATRF_MAX_SIZE];
    PnvV100Access access = {
        .target = GETFIELD(V100_TRANSCFG_TARGET, f->run.transcfg),
        .addr = f->run.addr,
        .buf = buf,
        .len = v100_transfer_size(&f->run),
        .is_write = f->run.cmd & V100_DMATRFCMD_WRITE,
    };

    memcpy(buf, f->dmem + f->run.moffs, access.len);
    if (v100_access(s, &access) == V100_ANSWER_NONE) {
        return;
    }
    if (!access.is_write) {
        memcpy(f->dmem + f->run.moffs, buf, access.len);
    }
    f->busy = false;
}

static uint32_t v100_transfer_status(const PnvV100Falcon *f)
{
    return f->regs.dmatrfcmd | (f->busy ? V100_DMATRFCMD_FULL
                                        : V100_DMATRFCMD_IDLE);
}

/*
 * Interrupts
 */
bool v100_falcon_raises(const PnvV100 *s, unsigned tree)
{
    const PnvV100FalconRegs *regs = &s->falcon.regs;
    uint32_t other = regs->irqdest >> V100_IRQDEST_TARGET_SHIFT;
    uint32_t to_host = regs->irqstat & regs->irqmask & regs->irqdest;

    switch (tree) {
    case V100_INTR_STALLING:
        return to_host & ~other;
    case V100_INTR_NONSTALLING:
        return to_host & other;
    default:
        return false;
    }
}

static bool v100_falcon_irq_write(PnvV100 *s, uint32_t addr, uint32_t val)
{
    PnvV100FalconRegs *regs = &s->falcon.regs;

    switch (addr) {
    case V100_GSP_IRQSSET:
        regs->irqstat |= val & V100_IRQ_MASK;
        break;
    case V100_GSP_IRQSCLR:
        regs->irqstat &= ~val;
        break;
    case V100_GSP_IRQMSET:
        regs->irqmask |= val & V100_IRQ_MASK;
        break;
    case V100_GSP_IRQMCLR:
        regs->irqmask &= ~val;
        break;
    case V100_GSP_IRQDEST:
        regs->irqdest = val;
        break;
    default:
        return false;
    }
    v100_intr_update(s);
    return true;
}

/*
 * Registers
 */
typedef struct PnvV100FalconReg {
    uint32_t addr;
    uint32_t writable;
    size_t place;               /* in PnvV100FalconRegs */
} PnvV100FalconReg;

#define V100_FALCON_REG(addr, writable, field) \
    { addr, writable, offsetof(PnvV100FalconRegs, field) }

/* Those that are storage */
static const PnvV100FalconReg v100_falcon_reg[] = {
    V100_FALCON_REG(V100_GSP_IRQMODE, V100_IRQ_MASK, irqmode),
    V100_FALCON_REG(V100_GSP_MAILBOX0, UINT32_MAX, mailbox[0]),
    V100_FALCON_REG(V100_GSP_MAILBOX1, UINT32_MAX, mailbox[1]),
    V100_FALCON_REG(V100_GSP_DMATRFBASE, UINT32_MAX, dmatrfbase),
    V100_FALCON_REG(V100_GSP_DMATRFMOFFS, V100_DMATRFMOFFS_MASK, dmatrfmoffs),
    V100_FALCON_REG(V100_GSP_DMATRFFBOFFS, UINT32_MAX, dmatrffboffs),
    V100_FALCON_REG(V100_GSP_DMATRFBASE1, V100_DMATRFBASE1_MASK, dmatrfbase1),
    V100_FALCON_REG(V100_GSP_DMEMC, V100_DMEMC_MASK, dmemc),
    V100_FALCON_REG(V100_GSP_FBIF_CTL, V100_FBIF_CTL_MASK, fbif_ctl),
    V100_FALCON_REG(V100_GSP_FBIF_CTL2, V100_FBIF_CTL2_MASK, fbif_ctl2),
};

static uint32_t *v100_falcon_storage(PnvV100Falcon *f, uint32_t addr,
                                     uint32_t *writable)
{
    unsigned i;

    if (addr >= V100_GSP_TRANSCFG && addr <= V100_GSP_TRANSCFG_LAST) {
        *writable = V100_TRANSCFG_MASK;
        return &f->regs.transcfg[(addr - V100_GSP_TRANSCFG) / 4];
    }
    for (i = 0; i < ARRAY_SIZE(v100_falcon_reg); i++) {
        if (v100_falcon_reg[i].addr == addr) {
            *writable = v100_falcon_reg[i].writable;
            return (void *)&f->regs + v100_falcon_reg[i].place;
        }
    }
    return NULL;
}

static uint32_t v100_falcon_read(PnvV100 *s, uint32_t addr)
{
    PnvV100Falcon *f = &s->falcon;
    uint32_t writable;
    uint32_t *reg = v100_falcon_storage(f, addr, &writable);

    if (addr == V100_GSP_ENGINE) {
        return f->held ? V100_ENGINE_RESET : 0;
    }
    if (f->held) {
        return V100_PRI_IN_RESET;
    }
    switch (addr) {
    case V100_GSP_IRQSTAT:
        return f->regs.irqstat;
    case V100_GSP_IRQMASK:
        return f->regs.irqmask;
    case V100_GSP_IRQDEST:
        return f->regs.irqdest;
    case V100_GSP_CPUCTL:
        return V100_CPUCTL_HALTED;
    case V100_GSP_HWCFG:
        return V100_DMEM_SIZE / 256 |
               (V100_DMEM_SIZE / 256) << V100_HWCFG_DMEM_SHIFT;
    case V100_GSP_DMACTL:
        return f->dmactl;
    case V100_GSP_DMATRFCMD:
        return v100_transfer_status(f);
    case V100_GSP_HWCFG1:
        return V100_HWCFG1_IMEM_PORTS | V100_HWCFG1_DMEM_PORTS;
    case V100_GSP_DMEMD:
        return v100_dmem_read(s);
    case V100_GSP_SCTL:
    case V100_GSP_CORE_SELECT:
        return 0;
    default:
        return reg ? *reg : v100_unimp_read(s, addr);
    }
}

static void v100_falcon_write(PnvV100 *s, uint32_t addr, uint32_t val)
{
    PnvV100Falcon *f = &s->falcon;
    uint32_t writable;
    uint32_t *reg = v100_falcon_storage(f, addr, &writable);

    if (addr == V100_GSP_ENGINE) {
        v100_falcon_engine(s, val & V100_ENGINE_RESET);
        return;
    }
    if (f->held) {
        v100_log(s, LOG_GUEST_ERROR, "write to BAR0+0x%06x of a falcon in "
                 "reset, without effect", addr);
        return;
    }
    if (v100_falcon_irq_write(s, addr, val)) {
        return;
    }
    switch (addr) {
    case V100_GSP_DMACTL:
        f->dmactl = (f->dmactl & V100_DMACTL_SCRUBBING) |
                    (val & V100_DMACTL_REQUIRE_CTX);
        break;
    case V100_GSP_DMATRFCMD:
        v100_transfer_start(s, val);
        break;
    case V100_GSP_DMEMD:
        v100_dmem_write(s, val);
        break;
    case V100_GSP_CORE_SELECT:
        break;
    default:
        if (reg) {
            *reg = val & writable;
        } else {
            v100_unimp_write(s, addr);
        }
    }
}

const PnvV100Unit v100_falcon_unit = {
    .base = V100_GSP,
    .size = V100_GSP_SIZE,
    .read = v100_falcon_read,
    .write = v100_falcon_write,
};

/*
 * Device
 */
static void v100_get_falcon(Object *obj, Visitor *v, const char *name,
                            void *opaque, Error **errp)
{
    const PnvV100Falcon *f = &PNV_V100(obj)->falcon;
    PnvView view;

    if (pnv_view_begin(&view, v, name, errp)) {
        pnv_view_uint(&view, "transfers", f->transfers);
        pnv_view_uint(&view, "refused", f->refused);
        pnv_view_bool(&view, "busy", f->busy);
        pnv_view_end(&view);
    }
}

void v100_falcon_init(Object *obj)
{
    object_property_add(obj, "falcon", "struct", v100_get_falcon, NULL, NULL,
                        NULL);
}

void v100_falcon_reset(PnvV100 *s)
{
    v100_falcon_hold(s);
    v100_falcon_release(s);
}

void v100_falcon_realize(PnvV100 *s)
{
    PnvV100Falcon *f = &s->falcon;

    f->scrub_timer = timer_new_ns(QEMU_CLOCK_VIRTUAL, v100_falcon_scrubbed, s);
    f->transfer_timer = timer_new_ns(QEMU_CLOCK_VIRTUAL, v100_transfer_done, s);
}

void v100_falcon_unrealize(PnvV100 *s)
{
    timer_free(s->falcon.scrub_timer);
    timer_free(s->falcon.transfer_timer);
}
