// SPDX-License-Identifier: GPL-2.0-only
/*
 * The redistributors of a GICv3 or GICv4, owned by EL2.
 *
 * A redistributor reads the LPI configuration table and writes the pending table at
 * the addresses in GICR_PROPBASER and GICR_PENDBASER, and those of the vPE that
 * is resident at the addresses in GICR_VPROPBASER and GICR_VPENDBASER. Without
 * an SMMU in between, whoever writes these registers can make it write anywhere.
 *
 * Before the host loses its privileges it hands over the frames of all
 * redistributors, also of those that no CPU uses. What they use is what their
 * registers say then: a pending table becomes EL2's, with its contents and for good;
 * the configuration table, which the GIC only reads, is shared and pinned; and the
 * vPE table of GICv4.1 becomes EL2's as one of an ITS does, with which the
 * redistributor may share it. From then on the host reads the registers without EL2,
 * as masking an interrupt polls one of them. What it writes is emulated, see
 * rdist_registers: nothing that it writes is an address.
 *
 * The frame with the registers of SGIs and PPIs names no memory, and stays the
 * host's. References are to the GIC architecture specification, IHI 0069.
 */

#include <linux/bitfield.h>
#include <linux/io.h>
#include <linux/overflow.h>

#include <asm/arch_gicv3.h>
#include <asm/arch_timer.h>
#include <asm/cputype.h>
#include <asm/kvm_hyp.h>
#include <asm/kvm_hypevents.h>

#include <nvhe/its_check.h>
#include <nvhe/its_emulate.h>
#include <nvhe/its_rdist.h>
#include <nvhe/mem_protect.h>
#include <nvhe/memory.h>

/* LPIs begin at 8192, and INTIDs have 32 bits. */
#define RDIST_FIRST_LPI		8192
#define RDIST_MIN_INTID_BITS	14
#define RDIST_MAX_INTID_BITS	32

/* How long an earlier write to GICR_CTLR may take. */
#define RDIST_RWP_MS		1000

/* They change only before the host loses its privileges. */
static struct hyp_rdist *hyp_rdists;
static u32 hyp_nr_rdists;

/* The LPI configuration table, the same for all of them. */
static struct {
	u64	phys;
	u32	intid_bits;
	u32	refs;
	void	*va;
} rdist_prop;

static DEFINE_PER_CPU(struct hyp_rdist *, rdist_of_cpu);

static void __iomem *rd_reg(struct hyp_rdist *rdist, u32 offset)
{
	return rdist->rd.base + offset;
}

static void __iomem *vlpi_reg(struct hyp_rdist *rdist, u32 offset)
{
	return rdist->vlpi.base + offset;
}

static u32 rdist_intid_bits(const struct hyp_rdist *rdist)
{
	return (rdist->propbaser & GICR_PROPBASER_IDBITS_MASK) + 1;
}

/* A bit for each INTID. The hardware takes the table in units of 64K. */
static u64 rdist_pend_size(const struct hyp_rdist *rdist)
{
	return ALIGN(BIT_ULL(rdist_intid_bits(rdist)) / BITS_PER_BYTE, SZ_64K);
}

static void rdist_init_region(struct hyp_mmio_region *region, u64 phys, u64 size,
			      hyp_mmio_handler_t handler)
{
	region->pfn = hyp_phys_to_pfn(phys);
	region->nr_pages = size >> PAGE_SHIFT;
	region->host_reads = true;
	region->handler = handler;
}

static int rdist_donate_vlpi_frame(struct hyp_rdist *rdist, u64 phys_base)
{
	rdist_init_region(&rdist->vlpi, phys_base + SZ_128K, SZ_128K,
			  hyp_rdist_handle_vlpi_access);

	return hyp_mmio_donate(&rdist->vlpi);
}

static bool rdist_has_vlpi_frame(struct hyp_rdist *rdist, const struct rdist_handover_frame *frame)
{
	return rdist->accessible ? rdist->typer & GICR_TYPER_VLPIS :
				   frame->flags & RDIST_HANDOVER_VLPI_FRAME;
}

static bool rdist_is_gic(struct hyp_rdist *rdist)
{
	u32 arch = readl_relaxed(rd_reg(rdist, GICR_PIDR2)) & GIC_PIDR2_ARCH_MASK;

	return arch == GIC_PIDR2_ARCH_GICv3 || arch == GIC_PIDR2_ARCH_GICv4;
}

/* Section 9.5: without RD_base there is no telling if there is VLPI_base. */
static int rdist_setup_frames(struct hyp_rdist *rdist, const struct rdist_handover_frame *frame,
			      enum pkvm_rdist_step *step)
{
	int ret;

	*step = PKVM_RDIST_STEP_FRAME;
	if (!IS_ALIGNED(frame->phys_base, SZ_64K))
		return -EINVAL;

	rdist_init_region(&rdist->rd, frame->phys_base, SZ_64K, hyp_rdist_handle_access);
	ret = hyp_mmio_donate(&rdist->rd);
	if (ret)
		return ret;

	*step = PKVM_RDIST_STEP_STATE;
	rdist->accessible = !(frame->flags & RDIST_HANDOVER_INACCESSIBLE);
	if (rdist->accessible && !rdist_is_gic(rdist)) {
		ret = -ENODEV;
		goto err_return_rd;
	}

	if (rdist->accessible)
		rdist->typer = readq_relaxed(rd_reg(rdist, GICR_TYPER));

	if (rdist_has_vlpi_frame(rdist, frame))
		ret = rdist_donate_vlpi_frame(rdist, frame->phys_base);
	if (ret)
		goto err_return_rd;

	return 0;

err_return_rd:
	hyp_mmio_return(&rdist->rd);
	return ret;
}

static void rdist_teardown_frames(struct hyp_rdist *rdist)
{
	if (rdist->vlpi.nr_pages)
		hyp_mmio_return(&rdist->vlpi);
	hyp_mmio_return(&rdist->rd);
}

static int rdist_wait_rwp(struct hyp_rdist *rdist)
{
	u64 ticks = read_sysreg(cntfrq_el0) * RDIST_RWP_MS / MSEC_PER_SEC;
	u64 deadline = __arch_counter_get_cntpct() + ticks;

	while (readl_relaxed(rd_reg(rdist, GICR_CTLR)) & GICR_CTLR_RWP) {
		if (__arch_counter_get_cntpct() > deadline)
			return -EBUSY;
		cpu_relax();
	}

	return 0;
}

/* The registers are the description: nobody can change them meanwhile. */
static int rdist_read_state(struct hyp_rdist *rdist)
{
	int ret = rdist_wait_rwp(rdist);

	if (ret)
		return ret;

	if (!(readl_relaxed(rd_reg(rdist, GICR_CTLR)) & GICR_CTLR_ENABLE_LPIS))
		return 0;

	rdist->propbaser = readq_relaxed(rd_reg(rdist, GICR_PROPBASER));
	rdist->pendbaser = readq_relaxed(rd_reg(rdist, GICR_PENDBASER)) & ~GICR_PENDBASER_PTZ;
	if (rdist_intid_bits(rdist) < RDIST_MIN_INTID_BITS ||
	    rdist_intid_bits(rdist) > RDIST_MAX_INTID_BITS)
		return -EINVAL;

	rdist->lpis = true;

	return 0;
}

/* The GIC reads a byte for each INTID, and writes none. */
static int rdist_get_prop(struct hyp_rdist *rdist)
{
	u64 phys = GICR_PROPBASER_ADDRESS(rdist->propbaser);
	u32 bits = rdist_intid_bits(rdist);
	int ret;

	if (!rdist_prop.refs) {
		ret = hyp_its_share(phys, BIT_ULL(bits), &rdist_prop.va);
		if (ret)
			return ret;
		rdist_prop.phys = phys;
		rdist_prop.intid_bits = bits;
	} else if (rdist_prop.phys != phys || rdist_prop.intid_bits != bits) {
		return -EINVAL;
	}

	rdist_prop.refs++;

	return 0;
}

static void rdist_put_prop(void)
{
	if (!--rdist_prop.refs)
		hyp_its_unshare(rdist_prop.va, BIT_ULL(rdist_prop.intid_bits));
}

static int rdist_donate_pend(struct hyp_rdist *rdist)
{
	u64 phys = GICR_PENDBASER_ADDRESS(rdist->pendbaser);
	u64 nr_pages = rdist_pend_size(rdist) >> PAGE_SHIFT;
	int ret;

	ret = __pkvm_host_donate_hyp(hyp_phys_to_pfn(phys), nr_pages);
	if (ret)
		return ret;

	hyp_its_count_donated(nr_pages);
	trace_its_donate(hyp_rdist_phys(rdist), phys, nr_pages);

	return 0;
}

static void rdist_return_pend(struct hyp_rdist *rdist)
{
	u64 phys = GICR_PENDBASER_ADDRESS(rdist->pendbaser);
	u64 nr_pages = rdist_pend_size(rdist) >> PAGE_SHIFT;

	WARN_ON(__pkvm_hyp_donate_host(hyp_phys_to_pfn(phys), nr_pages));
	hyp_its_count_donated(-nr_pages);
	trace_its_return(hyp_rdist_phys(rdist), phys, nr_pages);
}

/* Section 12.11, GICR_VPROPBASER, GICv4.1: what GITS_BASERn says, in other places. */
static void rdist_decode_vpropbaser(u64 vpropbaser, struct hyp_its_table *layout)
{
	u64 psz = FIELD_GET(GICR_VPROPBASER_4_1_PAGE_SIZE, vpropbaser);

	layout->type = GITS_BASER_TYPE_VCPU;
	layout->phys = vpropbaser & GICR_VPROPBASER_4_1_ADDR;
	layout->psz = gits_baser_page_size(FIELD_PREP(GITS_BASER_PAGE_SIZE_MASK, psz));
	layout->size = (FIELD_GET(GICR_VPROPBASER_4_1_SIZE, vpropbaser) + 1) * layout->psz;
	layout->indirect = vpropbaser & GICR_VPROPBASER_4_1_INDIRECT;
	layout->coherent = vpropbaser & GICR_VPROPBASER_SHAREABILITY_MASK;
	layout->entry_size = (FIELD_GET(GICR_VPROPBASER_4_1_ENTRY_SIZE, vpropbaser) + 1) *
			     sizeof(u64);
}

/* The GIC will find what was in the table before, and not take it for zero. */
static int rdist_get_vpe_table(struct hyp_rdist *rdist, const struct rdist_handover_frame *frame)
{
	struct hyp_its_table layout = {};
	u64 vpropbaser;

	if (!hyp_rdist_has_vlpis(rdist) || !hyp_rdist_is_v4_1(rdist))
		return 0;

	vpropbaser = readq_relaxed(vlpi_reg(rdist, GICR_VPROPBASER));
	if (!(vpropbaser & GICR_VPROPBASER_4_1_VALID))
		return 0;

	rdist->vpropbaser = vpropbaser & ~GICR_VPROPBASER_4_1_Z;
	rdist_decode_vpropbaser(vpropbaser, &layout);

	return hyp_its_get_vpe_table(NULL, &layout, &frame->vpe_table, &rdist->vpe_table);
}

static void rdist_put_vpe_table(struct hyp_rdist *rdist)
{
	if (rdist->vpe_table)
		hyp_its_put_vpe_table(NULL, rdist->vpe_table);
}

/* There are no guests yet, and so no vPE that the host could want there. */
static int rdist_check_vacant(struct hyp_rdist *rdist)
{
	u64 vpendbaser;

	if (!hyp_rdist_has_vlpis(rdist))
		return 0;

	vpendbaser = readq_relaxed(vlpi_reg(rdist, GICR_VPENDBASER));

	return vpendbaser & (GICR_VPENDBASER_Valid | GICR_VPENDBASER_Dirty) ? -EBUSY : 0;
}

static int rdist_setup_tables(struct hyp_rdist *rdist, enum pkvm_rdist_step *step)
{
	int ret;

	*step = PKVM_RDIST_STEP_PROP;
	ret = rdist_get_prop(rdist);
	if (ret)
		return ret;

	*step = PKVM_RDIST_STEP_PEND;
	ret = rdist_donate_pend(rdist);
	if (ret)
		rdist_put_prop();

	return ret;
}

static void rdist_teardown_tables(struct hyp_rdist *rdist)
{
	rdist_return_pend(rdist);
	rdist_put_prop();
}

/**
 * hyp_rdist_setup_state() - Donate what the registers of a redistributor name.
 * @rdist:	The redistributor, whose frames are EL2's.
 * @frame:	What the host says of it.
 * @step:	Where to say how far it came.
 *
 * That part of hyp_rdist_setup() which has to do with tables.
 *
 * Return: as there.
 */
int hyp_rdist_setup_state(struct hyp_rdist *rdist, const struct rdist_handover_frame *frame,
			  enum pkvm_rdist_step *step)
{
	int ret;

	*step = PKVM_RDIST_STEP_STATE;
	if (!(rdist->typer & GICR_TYPER_PLPIS))
		return 0;

	ret = rdist_read_state(rdist);
	if (ret)
		return ret;

	*step = PKVM_RDIST_STEP_VLPI;
	ret = rdist_check_vacant(rdist);
	if (ret)
		return ret;

	*step = PKVM_RDIST_STEP_VPES;
	ret = rdist_get_vpe_table(rdist, frame);
	if (ret)
		return ret;

	ret = rdist->lpis ? rdist_setup_tables(rdist, step) : 0;
	if (ret)
		rdist_put_vpe_table(rdist);

	return ret;
}

/**
 * hyp_rdist_teardown_state() - Undo hyp_rdist_setup_state().
 * @rdist:	The redistributor, whose registers are as they were.
 */
void hyp_rdist_teardown_state(struct hyp_rdist *rdist)
{
	if (rdist->lpis)
		rdist_teardown_tables(rdist);
	rdist_put_vpe_table(rdist);
}

/**
 * hyp_rdist_setup() - Donate a redistributor, and what its registers name.
 * @rdist:	The redistributor, zeroed.
 * @frame:	Where it is, and what it takes to own its vPE table.
 * @step:	Where to say how far it came.
 *
 * Before, frames and tables are the host's. After, RD_base, VLPI_base and the
 * reserved frame behind that are EL2's, of which the host can read all; the pending
 * table is EL2's, with its contents; the LPI configuration table is shared and
 * pinned; the vPE table is owned as hyp_its_get_vpe_table() says. If LPIs are not
 * enabled there are no tables of LPIs, and there never will be. On failure all is as
 * before. No register is written.
 *
 * Return: 0; -EINVAL if an address or the number of INTID bits is not valid, or
 * a table that others use as well is not as they say; -ENODEV if there is no
 * redistributor; -EBUSY if a write to GICR_CTLR does not end, or a vPE is resident;
 * -ENOSPC if there are too many vPE tables; -EPERM if a page of a table is not the
 * host's alone.
 */
int hyp_rdist_setup(struct hyp_rdist *rdist, const struct rdist_handover_frame *frame,
		    enum pkvm_rdist_step *step)
{
	int ret;

	hyp_spin_lock_init(&rdist->lock);

	ret = rdist_setup_frames(rdist, frame, step);
	if (ret)
		return ret;

	ret = hyp_rdist_setup_state(rdist, frame, step);
	if (ret)
		rdist_teardown_frames(rdist);

	return ret;
}

/**
 * hyp_rdist_teardown() - Undo hyp_rdist_setup().
 * @rdist:	The redistributor, whose registers are as they were.
 */
void hyp_rdist_teardown(struct hyp_rdist *rdist)
{
	hyp_rdist_teardown_state(rdist);
	rdist_teardown_frames(rdist);
}

/**
 * hyp_rdists_use() - From now on these are the redistributors that there are.
 * @rdists:	All of them, set up.
 * @nr:		Their number.
 */
void hyp_rdists_use(struct hyp_rdist *rdists, u32 nr)
{
	hyp_rdists = rdists;
	hyp_nr_rdists = nr;
}

/**
 * hyp_rdists_lpi_bits() - How many INTID bits do the tables of LPIs reach?
 *
 * Return: the number; 0 if no redistributor has tables.
 */
u32 hyp_rdists_lpi_bits(void)
{
	return rdist_prop.refs ? rdist_prop.intid_bits : 0;
}

/**
 * hyp_rdists_allow_vlpis() - Can every vPE be made resident by EL2?
 *
 * Return: true if all redistributors with LPIs can have vPEs, which takes a vPE table
 * with GICv4.1.
 */
bool hyp_rdists_allow_vlpis(void)
{
	u32 i;

	for (i = 0; i < hyp_nr_rdists; i++) {
		struct hyp_rdist *rdist = &hyp_rdists[i];

		if (!rdist->lpis)
			continue;

		if (!hyp_rdist_has_vlpis(rdist) ||
		    (hyp_rdist_is_v4_1(rdist) && !rdist->vpe_table))
			return false;
	}

	return hyp_nr_rdists;
}

static void rdist_add_target(u64 *targets, u32 nr, u64 target)
{
	for (; nr && targets[nr - 1] > target; nr--)
		targets[nr] = targets[nr - 1];
	targets[nr] = target;
}

/**
 * hyp_rdists_targets() - How do the commands of an ITS name the redistributors?
 * @targets:	Where to put the RDbase of each that has tables, in ascending order.
 * @max:	Number of entries there.
 * @pta:	GITS_TYPER.PTA of the ITS.
 * @offset:	If not 0, the ITS also wants them named that much further on.
 *
 * Return: the number of entries used; 0 if there is not one or not enough room.
 */
u32 hyp_rdists_targets(u64 *targets, u32 max, bool pta, u64 offset)
{
	u32 i, nr = 0;
	u64 target;

	for (i = 0; i < hyp_nr_rdists; i++) {
		struct hyp_rdist *rdist = &hyp_rdists[i];

		if (!rdist->lpis)
			continue;

		if (nr + 2 > max)
			return 0;

		target = pta ? hyp_rdist_phys(rdist) :
			       (u64)GICR_TYPER_CPU_NUMBER(rdist->typer) << 16;
		rdist_add_target(targets, nr++, target);
		if (offset)
			rdist_add_target(targets, nr++, target + offset);
	}

	return nr;
}

/* Only what the GIC says makes it vacant: it may go on writing the VPT until then. */
static bool rdist_is_vacant(struct hyp_rdist *rdist)
{
	u64 busy = GICR_VPENDBASER_Valid | GICR_VPENDBASER_Dirty;

	if (rdist->resident && !(readq_relaxed(vlpi_reg(rdist, GICR_VPENDBASER)) & busy))
		WRITE_ONCE(rdist->resident, 0);

	return !rdist->resident;
}

/*
 * GICv4.1: where the vPE table is. GICv4.0, which is told of configuration tables with
 * each vPE: without it the GIC drops vLPIs for vPEs that are not resident.
 */
static void rdist_restore_vpropbaser(struct hyp_rdist *rdist)
{
	void __iomem *reg = vlpi_reg(rdist, GICR_VPROPBASER);
	u64 idbits = rdist_intid_bits(rdist) - 1;
	u64 vpropbaser;

	if (!hyp_rdist_has_vlpis(rdist) || !rdist_is_vacant(rdist))
		return;

	vpropbaser = readq_relaxed(reg);
	if (rdist->vpe_table && !(vpropbaser & GICR_VPROPBASER_4_1_VALID))
		writeq_relaxed(rdist->vpropbaser, reg);
	if (!hyp_rdist_is_v4_1(rdist) && (vpropbaser & GICR_VPROPBASER_IDBITS_MASK) != idbits)
		writeq_relaxed(idbits, reg);
}

/* Section 12.11: only ever with what EL2 recorded, and only if nothing is going on. */
static void rdist_enable_lpis(struct hyp_rdist *rdist, u32 ctlr)
{
	if (!rdist->lpis || (ctlr & GICR_CTLR_RWP))
		return;

	writeq_relaxed(rdist->propbaser, rd_reg(rdist, GICR_PROPBASER));
	writeq_relaxed(rdist->pendbaser, rd_reg(rdist, GICR_PENDBASER));
	rdist_restore_vpropbaser(rdist);
	dsb(sy);
	writel_relaxed(ctlr | GICR_CTLR_ENABLE_LPIS, rd_reg(rdist, GICR_CTLR));
}

/*
 * LPIs are never disabled: the driver does so only to give the redistributor
 * other tables.
 */
static void rdist_write_ctlr(struct hyp_rdist *rdist, u64 val)
{
	u32 ctlr = readl_relaxed(rd_reg(rdist, GICR_CTLR));
	bool enabled = ctlr & GICR_CTLR_ENABLE_LPIS;

	ctlr = (ctlr & ~GICR_CTLR_DPG) | (val & GICR_CTLR_DPG);
	if (!enabled && (val & GICR_CTLR_ENABLE_LPIS))
		rdist_enable_lpis(rdist, ctlr);
	else
		writel_relaxed(ctlr, rd_reg(rdist, GICR_CTLR));
}

static void rdist_write_statusr(struct hyp_rdist *rdist, u64 val)
{
	writel_relaxed(val, rd_reg(rdist, GICR_STATUSR));
}

static void rdist_write_waker(struct hyp_rdist *rdist, u64 val)
{
	u32 waker = readl_relaxed(rd_reg(rdist, GICR_WAKER));

	waker = (waker & ~GICR_WAKER_ProcessorSleep) | (val & GICR_WAKER_ProcessorSleep);
	writel_relaxed(waker, rd_reg(rdist, GICR_WAKER));
}

static bool rdist_is_lpi(struct hyp_rdist *rdist, u32 intid)
{
	return rdist->lpis && intid >= RDIST_FIRST_LPI &&
	       intid < BIT_ULL(rdist_intid_bits(rdist));
}

static void rdist_write_lpi(struct hyp_rdist *rdist, u32 offset, u64 val)
{
	u32 intid = val;

	if ((rdist->typer & GICR_TYPER_DirectLPIS) && rdist_is_lpi(rdist, intid))
		writeq_relaxed(intid, rd_reg(rdist, offset));
}

static void rdist_write_setlpir(struct hyp_rdist *rdist, u64 val)
{
	rdist_write_lpi(rdist, GICR_SETLPIR, val);
}

static void rdist_write_clrlpir(struct hyp_rdist *rdist, u64 val)
{
	rdist_write_lpi(rdist, GICR_CLRLPIR, val);
}

static bool rdist_may_invalidate(struct hyp_rdist *rdist)
{
	return (rdist->typer & (GICR_TYPER_DirectLPIS | GICR_TYPER_RVPEID)) ||
	       (readl_relaxed(rd_reg(rdist, GICR_CTLR)) & GICR_CTLR_IR);
}

/* Of a virtual INTID the vPE says where the configuration is. */
static bool rdist_may_name_vpe(struct hyp_rdist *rdist, u32 vpe_id)
{
	return hyp_rdist_is_v4_1(rdist) && hyp_its_vpe_is_known(vpe_id);
}

/* Not beyond its configuration table, which may be smaller than that of LPIs. */
static bool rdist_is_vlpi(struct hyp_rdist *rdist, u32 vpe_id, u32 intid)
{
	struct hyp_its_vpe vpe;

	return hyp_rdist_is_v4_1(rdist) && hyp_its_find_vpe(vpe_id, &vpe) &&
	       intid >= RDIST_FIRST_LPI && intid < BIT_ULL(vpe.intid_bits);
}

static void rdist_write_invlpir(struct hyp_rdist *rdist, u64 val)
{
	u32 vpe_id = FIELD_GET(GICR_INVLPIR_VPEID, val);
	u32 intid = FIELD_GET(GICR_INVLPIR_INTID, val);
	u64 mask = GICR_INVLPIR_INTID;

	if (!rdist_may_invalidate(rdist) || !rdist->lpis)
		return;

	if (val & GICR_INVLPIR_V) {
		mask |= GICR_INVLPIR_V | GICR_INVLPIR_VPEID;
		if (!rdist_is_vlpi(rdist, vpe_id, intid))
			return;
	} else if (!rdist_is_lpi(rdist, intid)) {
		return;
	}

	writeq_relaxed(val & mask, rd_reg(rdist, GICR_INVLPIR));
}

static void rdist_write_invallr(struct hyp_rdist *rdist, u64 val)
{
	u64 mask = 0;

	if (!rdist_may_invalidate(rdist) || !rdist->lpis)
		return;

	if (val & GICR_INVALLR_V) {
		mask = GICR_INVALLR_V | GICR_INVALLR_VPEID;
		if (!rdist_may_name_vpe(rdist, FIELD_GET(GICR_INVALLR_VPEID, val)))
			return;
	}

	writeq_relaxed(val & mask, rd_reg(rdist, GICR_INVALLR));
}

/*
 * Section 12.12: while Dirty is set the register must not be written. But as long as
 * Valid is set Dirty is UNKNOWN, unless GICR_TYPER.Dirty says that it is not.
 */
static bool rdist_may_put_vpe(struct hyp_rdist *rdist, u64 vpendbaser)
{
	return (vpendbaser & GICR_VPENDBASER_Valid) &&
	       !((rdist->typer & GICR_TYPER_DIRTY) && (vpendbaser & GICR_VPENDBASER_Dirty));
}

static void rdist_put_vpe(struct hyp_rdist *rdist, u64 val)
{
	u64 vpendbaser = readq_relaxed(vlpi_reg(rdist, GICR_VPENDBASER));
	u64 flags = 0;

	if (!rdist_may_put_vpe(rdist, vpendbaser))
		return;

	if (hyp_rdist_is_v4_1(rdist))
		flags = GICR_VPENDBASER_PendingLast | GICR_VPENDBASER_4_1_DB;

	vpendbaser &= ~(GICR_VPENDBASER_Valid | flags);
	writeq_relaxed(vpendbaser | (val & flags), vlpi_reg(rdist, GICR_VPENDBASER));
	rdist_is_vacant(rdist);
}

/* If this succeeds the VPT stays for as long as @resident says so. */
static int rdist_claim_vpe(struct hyp_rdist *rdist, u32 vpe_id, struct hyp_its_vpe *vpe)
{
	if (!rdist_is_vacant(rdist))
		return -EBUSY;

	WRITE_ONCE(rdist->resident, vpe_id + 1);
	/* As in hyp_rdists_hold_vpe(): this sees the unmap, or that sees the vPE. */
	smp_mb();
	if (!hyp_its_find_vpe(vpe_id, vpe)) {
		WRITE_ONCE(rdist->resident, 0);
		return -ENOENT;
	}

	return 0;
}

/*
 * GICv4.1 finds the rest in the vPE table, of which a redistributor that came back
 * without EL2's knowledge may not have been told again.
 */
static void rdist_name_vpe(struct hyp_rdist *rdist, u64 val)
{
	u32 vpe_id = FIELD_GET(GICR_VPENDBASER_4_1_VPEID, val);
	struct hyp_its_vpe vpe;

	if (!rdist->lpis || !rdist->vpe_table ||
	    !hyp_its_id_in_range(&rdist->vpe_table->table, vpe_id) || !rdist_is_vacant(rdist))
		return;

	rdist_restore_vpropbaser(rdist);
	if (rdist_claim_vpe(rdist, vpe_id, &vpe))
		return;

	val &= GICR_VPENDBASER_Valid | GICR_VPENDBASER_4_1_VGRP0EN |
	       GICR_VPENDBASER_4_1_VGRP1EN | GICR_VPENDBASER_4_1_VPEID;
	writeq_relaxed(val, vlpi_reg(rdist, GICR_VPENDBASER));
}

/*
 * What GICv4.0 wants to be written here is the address of the VPT: to make a vPE
 * resident there, the host calls EL2.
 */
static void rdist_write_vpendbaser(struct hyp_rdist *rdist, u64 val)
{
	if (!(val & GICR_VPENDBASER_Valid))
		rdist_put_vpe(rdist, val);
	else if (hyp_rdist_is_v4_1(rdist))
		rdist_name_vpe(rdist, val);
}

static void rdist_write_vsgir(struct hyp_rdist *rdist, u64 val)
{
	if (rdist_may_name_vpe(rdist, FIELD_GET(GICR_VSGIR_VPEID, val)))
		writel_relaxed(val & GICR_VSGIR_VPEID, vlpi_reg(rdist, GICR_VSGIR));
}

/*
 * The registers the host can write, sections 12.11 and 12.12. Any other offset,
 * width or alignment is ignored.
 */
struct rdist_register {
	u32	offset;
	u32	size;
	void	(*write)(struct hyp_rdist *rdist, u64 val);
};

static const struct rdist_register rdist_registers[] = {
	{ .offset = GICR_CTLR, .size = 4, .write = rdist_write_ctlr },
	{ .offset = GICR_STATUSR, .size = 4, .write = rdist_write_statusr },
	{ .offset = GICR_WAKER, .size = 4, .write = rdist_write_waker },
	{ .offset = GICR_SETLPIR, .size = 8, .write = rdist_write_setlpir },
	{ .offset = GICR_CLRLPIR, .size = 8, .write = rdist_write_clrlpir },
	{ .offset = GICR_INVLPIR, .size = 8, .write = rdist_write_invlpir },
	{ .offset = GICR_INVALLR, .size = 8, .write = rdist_write_invallr },
};

static const struct rdist_register rdist_vlpi_registers[] = {
	{ .offset = GICR_VPENDBASER, .size = 8, .write = rdist_write_vpendbaser },
	{ .offset = GICR_VSGIR, .size = 4, .write = rdist_write_vsgir },
};

static void rdist_write(struct hyp_rdist *rdist, const struct rdist_register *regs, int nr,
			const struct hyp_mmio_access *access)
{
	if (!access->write || !rdist->accessible)
		return;

	for (; nr--; regs++) {
		if (access->offset != regs->offset || access->width != regs->size)
			continue;

		hyp_spin_lock(&rdist->lock);
		regs->write(rdist, access->data);
		hyp_its_changed();
		hyp_spin_unlock(&rdist->lock);

		hyp_its_check();
	}
}

/**
 * hyp_rdist_handle_access() - Emulate a store of the host to RD_base.
 * @region:	The frame, that of a struct hyp_rdist.
 * @access:	The access, decoded.
 *
 * Takes the lock of the redistributor. What the host may write to which register is
 * in rdist_registers; whatever else it does is ignored.
 */
void hyp_rdist_handle_access(struct hyp_mmio_region *region, struct hyp_mmio_access *access)
{
	rdist_write(container_of(region, struct hyp_rdist, rd), rdist_registers,
		    ARRAY_SIZE(rdist_registers), access);
}

/**
 * hyp_rdist_handle_vlpi_access() - Emulate a store of the host to VLPI_base.
 * @region:	The frame, that of a struct hyp_rdist.
 * @access:	The access, decoded.
 *
 * As hyp_rdist_handle_access(), for rdist_vlpi_registers.
 */
void hyp_rdist_handle_vlpi_access(struct hyp_mmio_region *region,
				  struct hyp_mmio_access *access)
{
	rdist_write(container_of(region, struct hyp_rdist, vlpi), rdist_vlpi_registers,
		    ARRAY_SIZE(rdist_vlpi_registers), access);
}

/* With the attributes that the GIC accepted for its own tables. */
static void rdist_program_vpe(struct hyp_rdist *rdist, const struct hyp_its_vpe *vpe, u64 flags)
{
	u64 vpropbaser = vpe->config | (vpe->intid_bits - 1);
	u64 vpendbaser = vpe->vpt | flags;

	if (rdist->pendbaser & GICR_PENDBASER_SHAREABILITY_MASK) {
		vpropbaser |= GICR_VPROPBASER_RaWb | GICR_VPROPBASER_InnerShareable;
		vpendbaser |= GICR_VPENDBASER_RaWaWb | GICR_VPENDBASER_InnerShareable;
	}

	writeq_relaxed(vpropbaser, vlpi_reg(rdist, GICR_VPROPBASER));
	writeq_relaxed(vpendbaser | GICR_VPENDBASER_Valid, vlpi_reg(rdist, GICR_VPENDBASER));
}

static int rdist_load_vpe(struct hyp_rdist *rdist, u32 vpe_id, u64 vconfig, u64 flags)
{
	struct hyp_its_vpe vpe;
	int ret;

	ret = rdist_claim_vpe(rdist, vpe_id, &vpe);
	if (ret)
		return ret;

	if (vpe.config != vconfig) {
		WRITE_ONCE(rdist->resident, 0);
		return -ENOENT;
	}

	if (vpe.is_new)
		flags |= GICR_VPENDBASER_IDAI;
	rdist_program_vpe(rdist, &vpe, flags);
	hyp_its_vpe_was_resident(vpe_id);

	return 0;
}

/**
 * hyp_rdist_load_vpe() - Make a vPE resident, GICv4.0.
 * @rdist:	The redistributor, not locked, on which no vPE is resident.
 * @vpe_id:	Any vPEID.
 * @vconfig:	Physical address of the virtual configuration table of the vPE.
 * @flags:	GICR_VPENDBASER.PendingLast and IDAI.
 *
 * The VPT is EL2's since the vPE was mapped, and is not returned while the vPE is
 * resident. The configuration table is the host's before the vPE is resident for
 * the first time, and shared and pinned from then on until it is unmapped.
 *
 * The first KiB of a VPT is what the GIC keeps to itself. That of a VPT which is new
 * is the host's: EL2 has cleared it, and IDAI tells the GIC not to rely on it.
 *
 * Return: 0; -ENODEV if there can be no vPEs; -EBUSY if one is resident, or the GIC
 * has not done with it; -ENOENT if no ITS has mapped the vPE; -EINVAL if @vconfig
 * is not that of the vPE, or not aligned; -EPERM if it is not the host's alone.
 */
int hyp_rdist_load_vpe(struct hyp_rdist *rdist, u32 vpe_id, u64 vconfig, u64 flags)
{
	int ret;

	if (!rdist->lpis || !hyp_rdist_has_vlpis(rdist) || hyp_rdist_is_v4_1(rdist))
		return -ENODEV;

	ret = hyp_its_pin_vpe_config(vpe_id, vconfig);
	if (ret)
		return ret;

	flags &= GICR_VPENDBASER_PendingLast | GICR_VPENDBASER_IDAI;

	hyp_spin_lock(&rdist->lock);
	ret = rdist_load_vpe(rdist, vpe_id, vconfig, flags);
	hyp_its_changed();
	hyp_spin_unlock(&rdist->lock);

	hyp_its_check();

	return ret;
}

/**
 * hyp_rdists_hold_vpe() - May a redistributor still use the VPT of a vPE?
 * @vpe_id:	The vPEID of a vPE that an ITS has unmapped.
 *
 * Return: true if the vPE is resident, or the GIC is not done with it. If false, then
 * it will not be resident again unless an ITS has it mapped.
 */
bool hyp_rdists_hold_vpe(u32 vpe_id)
{
	bool held;
	u32 i;

	/* As in rdist_claim_vpe(): a vPE is found unmapped there, or resident here. */
	smp_mb();
	for (i = 0; i < hyp_nr_rdists; i++) {
		struct hyp_rdist *rdist = &hyp_rdists[i];

		if (READ_ONCE(rdist->resident) != vpe_id + 1)
			continue;

		hyp_spin_lock(&rdist->lock);
		held = !rdist_is_vacant(rdist) && rdist->resident == vpe_id + 1;
		hyp_spin_unlock(&rdist->lock);
		if (held)
			return true;
	}

	return false;
}

static struct hyp_rdist *rdist_by_affinity(u64 mpidr)
{
	u32 aff = MPIDR_AFFINITY_LEVEL(mpidr, 3) << 24 | MPIDR_AFFINITY_LEVEL(mpidr, 2) << 16 |
		  MPIDR_AFFINITY_LEVEL(mpidr, 1) << 8 | MPIDR_AFFINITY_LEVEL(mpidr, 0);
	u32 i;

	for (i = 0; i < hyp_nr_rdists; i++) {
		if (hyp_rdists[i].accessible &&
		    FIELD_GET(GICR_TYPER_AFFINITY, hyp_rdists[i].typer) == aff)
			return &hyp_rdists[i];
	}

	return NULL;
}

static struct hyp_rdist *rdist_of_this_cpu(void)
{
	struct hyp_rdist **rdist = this_cpu_ptr(&rdist_of_cpu);

	if (!*rdist)
		*rdist = rdist_by_affinity(read_cpuid_mpidr());

	return *rdist;
}

/**
 * __pkvm_vpe_load() - Make a vPE resident on the redistributor of this CPU.
 * @vpe_id:	Any vPEID.
 * @vconfig:	As for hyp_rdist_load_vpe().
 * @flags:	As for hyp_rdist_load_vpe().
 *
 * Return: what hyp_rdist_load_vpe() does; -ENODEV if the redistributor is not EL2's.
 */
int __pkvm_vpe_load(u32 vpe_id, u64 vconfig, u64 flags)
{
	struct hyp_rdist *rdist = rdist_of_this_cpu();

	return rdist ? hyp_rdist_load_vpe(rdist, vpe_id, vconfig, flags) : -ENODEV;
}

/**
 * pkvm_rdist_suspend() - The redistributor of this CPU may lose its power.
 *
 * What EL2 has to know of it is read now: later its registers may not be accessible.
 */
void pkvm_rdist_suspend(void)
{
	struct hyp_rdist *rdist = rdist_of_this_cpu();

	if (!rdist || !READ_ONCE(rdist->resident))
		return;

	hyp_spin_lock(&rdist->lock);
	rdist_is_vacant(rdist);
	hyp_spin_unlock(&rdist->lock);
}

/**
 * pkvm_rdist_resume() - Give the redistributor of this CPU back what it lost.
 *
 * The driver leaves that to firmware. Where that does nothing LPIs are disabled, and
 * are enabled again here, with what EL2 recorded. Firmware that restores what it saved
 * may leave out GICR_VPROPBASER.
 */
void pkvm_rdist_resume(void)
{
	struct hyp_rdist *rdist = rdist_of_this_cpu();
	u32 ctlr;

	if (!rdist || !rdist->lpis)
		return;

	hyp_spin_lock(&rdist->lock);
	ctlr = readl_relaxed(rd_reg(rdist, GICR_CTLR));
	if (!(ctlr & GICR_CTLR_ENABLE_LPIS))
		rdist_enable_lpis(rdist, ctlr);
	else
		rdist_restore_vpropbaser(rdist);
	hyp_its_changed();
	hyp_spin_unlock(&rdist->lock);

	hyp_its_check();
}

static int rdists_setup(struct hyp_rdist *rdists, size_t state_size,
			const struct rdist_handover *desc, size_t desc_size,
			enum pkvm_rdist_step *step, u32 *nr)
{
	int ret;

	*step = PKVM_RDIST_STEP_DESCRIPTION;
	*nr = 0;
	if (!desc->nr || struct_size(desc, frames, desc->nr) > desc_size ||
	    size_mul(sizeof(*rdists), desc->nr) > state_size)
		return -EINVAL;

	memset(rdists, 0, state_size);
	for (; *nr < desc->nr; (*nr)++) {
		ret = hyp_rdist_setup(&rdists[*nr], &desc->frames[*nr], step);
		if (ret)
			return ret;
	}

	return 0;
}

/**
 * __pkvm_rdist_handover() - Donate all redistributors of the host to EL2.
 * @desc_hva:	Host address of a struct rdist_handover, page aligned.
 * @desc_size:	Bytes of memory there, a multiple of PAGE_SIZE.
 * @state_hva:	Host address of memory for EL2's state, page aligned.
 * @state_size:	Bytes of memory there, a multiple of PAGE_SIZE.
 *
 * The description is donated before it is read, and returned at the end. The state
 * stays EL2's if the redistributors do: all of them or none. All else is as
 * hyp_rdist_setup() says. To be called once, before the first ITS is handed over, and
 * like that only until the first CPU of the host loses its privileges, and only
 * while no other CPU runs.
 *
 * Return: 0; or a pkvm_rdist_error(): -EPERM if it is too late, -EEXIST if EL2 owns
 * them, or the error of hyp_rdist_setup() for the first that cannot be handed over.
 */
s64 __pkvm_rdist_handover(unsigned long desc_hva, size_t desc_size,
			  unsigned long state_hva, size_t state_size)
{
	struct rdist_handover *desc = kern_hyp_va((void *)desc_hva);
	struct hyp_rdist *rdists = kern_hyp_va((void *)state_hva);
	enum pkvm_rdist_step step = PKVM_RDIST_STEP_DESCRIPTION;
	u32 nr = 0;
	int ret;

	if (hyp_nr_rdists)
		return pkvm_rdist_error(-EEXIST, step, 0);

	ret = hyp_its_begin_handover(desc_hva, desc_size, state_hva, state_size);
	if (ret)
		return pkvm_rdist_error(ret, step, 0);

	ret = rdists_setup(rdists, state_size, desc, desc_size, &step, &nr);
	if (ret) {
		u32 failed = nr;

		while (nr)
			hyp_rdist_teardown(&rdists[--nr]);
		nr = failed;
		memset(rdists, 0, state_size);
	} else {
		hyp_rdists_use(rdists, nr);
	}

	hyp_its_end_handover(desc_hva, desc_size, state_hva, state_size, !ret);
	hyp_its_check();

	return ret ? pkvm_rdist_error(ret, step, nr) : 0;
}

/**
 * pkvm_owns_rdists() - Does EL2 own every redistributor?
 * @nr:		How many the firmware describes.
 *
 * Return: true if it does.
 */
bool pkvm_owns_rdists(unsigned int nr)
{
	return nr == hyp_nr_rdists;
}

#ifdef CONFIG_NVHE_EL2_DEBUG
/**
 * hyp_rdist_query() - Tell the host about a redistributor that EL2 owns.
 * @nr:		Its number, as in the description.
 * @what:	What it asks for.
 *
 * Return: the value; 0 where there is none.
 */
u64 hyp_rdist_query(u32 nr, enum pkvm_its_query what)
{
	struct hyp_rdist *rdist;

	if (nr >= hyp_nr_rdists)
		return 0;

	rdist = &hyp_rdists[nr];
	switch (what) {
	case PKVM_ITS_QUERY_RDIST_OWNER:
		return host_find_hyp_mmio(hyp_rdist_phys(rdist)) == &rdist->rd;
	case PKVM_ITS_QUERY_RDIST_TYPER:
		return rdist->typer;
	case PKVM_ITS_QUERY_RDIST_PROP:
		return rdist->propbaser;
	case PKVM_ITS_QUERY_RDIST_PEND:
		return rdist->pendbaser;
	case PKVM_ITS_QUERY_RDIST_VPES:
		return rdist->vpe_table ? rdist->vpe_table->table.phys : 0;
	case PKVM_ITS_QUERY_RDIST_VPES_OWNER:
		return rdist->vpe_table && pkvm_hyp_owns(rdist->vpe_table->table.phys,
							 rdist->vpe_table->table.size);
	case PKVM_ITS_QUERY_RDIST_PEND_OWNER:
		return rdist->lpis && pkvm_hyp_owns(GICR_PENDBASER_ADDRESS(rdist->pendbaser),
						    rdist_pend_size(rdist));
	case PKVM_ITS_QUERY_RDIST_RESIDENT:
		return READ_ONCE(rdist->resident);
	default:
		return 0;
	}
}
#endif

#ifdef CONFIG_PKVM_ITS_CHECK
/**
 * hyp_rdist_by_number() - One of the redistributors that EL2 owns.
 * @nr:		Its number, as in the description.
 *
 * Return: the redistributor; NULL if there are not so many.
 */
struct hyp_rdist *hyp_rdist_by_number(u32 nr)
{
	return nr < hyp_nr_rdists ? &hyp_rdists[nr] : NULL;
}

/**
 * hyp_rdist_of_this_cpu() - The redistributor of this CPU.
 *
 * Return: the redistributor; NULL if it is not EL2's.
 */
struct hyp_rdist *hyp_rdist_of_this_cpu(void)
{
	return rdist_of_this_cpu();
}

/**
 * hyp_rdists_prop() - The LPI configuration table.
 * @phys:	Where to put its physical address,
 * @size:	and its size in bytes.
 *
 * Return: how many redistributors use it; 0 if there is none.
 */
u32 hyp_rdists_prop(u64 *phys, u64 *size)
{
	*phys = rdist_prop.phys;
	*size = BIT_ULL(rdist_prop.intid_bits);

	return rdist_prop.refs;
}
#endif
