// SPDX-License-Identifier: GPL-2.0-only
/*
 * The GICv3 Interrupt Translation Service, owned by EL2.
 *
 * The ITS does DMA behind no SMMU, at addresses that software gives it in
 * registers, tables and commands. Before the host loses its privileges it hands
 * each ITS over: it donates the control frame, the tables, the command queue and
 * the ITTs of the devices that are mapped. From then on the host
 *
 *	- writes shadow copies of the first-level tables and of the queue;
 *	- has its accesses to the control frame emulated, see its_registers.
 *
 * EL2 copies a command once, checks it and posts it to the real queue, see
 * its_cmd.c. Two rules make this safe:
 *
 *	- donate before the ITS can see it; return only after the ITS has
 *	  forgotten it;
 *	- nothing the host can still write is read twice, and nothing it could
 *	  have written is trusted.
 *
 * References are to the GIC architecture specification, IHI 0069.
 */

#include <linux/bitfield.h>
#include <linux/io.h>
#include <linux/overflow.h>

#include <asm/arch_gicv3.h>
#include <asm/arch_timer.h>
#include <asm/kvm_hyp.h>

#include <nvhe/its_check.h>
#include <nvhe/its_emulate.h>
#include <nvhe/its_rdist.h>
#include <nvhe/mem_protect.h>
#include <nvhe/memory.h>

/* Bounds for what the description may claim, not limits of the architecture. */
#define ITS_MAX_COLLECTIONS	SZ_64K
#define ITS_MAX_ITE_SIZE	256U
#define ITS_MAX_LPI_BITS	32U

/* How long an ITS may take to become quiescent before the system is suspended. */
#define ITS_QUIESCENT_MS	1000

/* By the number that the host knows them by. None ever leaves. */
static struct hyp_its *its_owned[ITS_MAX_ITSS];
static unsigned int nr_its;
static bool its_allow_protected;

/* CPUs that are about to suspend the system: no ITS is enabled meanwhile. */
static unsigned int its_nr_suspending;
static DEFINE_HYP_SPINLOCK(its_suspend_lock);

static void __iomem *its_reg(struct hyp_its *its, u32 offset)
{
	return its->region.base + offset;
}

static int its_setup_queue(struct hyp_its *its, const struct its_handover *desc)
{
	u64 phys = GITS_CBASER_ADDRESS(desc->cbaser);
	u32 size = gits_cbaser_size(desc->cbaser);
	void *shadow;
	int ret;

	if (phys != desc->queue)
		return -EINVAL;

	ret = hyp_its_donate(its, phys, size);
	if (ret)
		return ret;

	ret = hyp_its_share(desc->shadow_queue, size, &shadow);
	if (ret) {
		hyp_its_return(its, phys, size);
		return ret;
	}

	its->cbaser = desc->cbaser;
	its->queue = hyp_phys_to_virt(phys);
	its->shadow = shadow;
	its->queue_size = size;

	return 0;
}

static void its_teardown_queue(struct hyp_its *its)
{
	hyp_its_unshare(its->shadow, its->queue_size);
	hyp_its_return(its, hyp_virt_to_phys(its->queue), its->queue_size);
}

static const struct its_handover_device *its_desc_devices(const struct its_handover *desc)
{
	return desc->devices;
}

static int its_setup_device(struct hyp_its *its, const struct its_handover_device *dev)
{
	switch (hyp_its_map_device(its, dev->device_id, dev->itt, dev->event_bits)) {
	case PKVM_ITS_ACCEPTED:
		return 0;
	case PKVM_ITS_ITT_OWNER:
		return -EPERM;
	default:
		return -EINVAL;
	}
}

static void its_teardown_devices(struct hyp_its *its, const struct its_handover *desc, u32 nr)
{
	const struct its_handover_device *devs = its_desc_devices(desc);

	while (nr--)
		hyp_its_unmap_device(its, devs[nr].device_id);
}

static int its_setup_devices(struct hyp_its *its, const struct its_handover *desc)
{
	const struct its_handover_device *devs = its_desc_devices(desc);
	u32 i;
	int ret;

	for (i = 0; i < desc->nr_devices; i++) {
		ret = its_setup_device(its, &devs[i]);
		if (ret) {
			its_teardown_devices(its, desc, i);
			return ret;
		}
	}

	return 0;
}

/*
 * Idle: nothing that the host queued is left for the ITS to execute. Stalled and
 * Retry are bits of the same registers.
 */
static int its_check_pointers(struct hyp_its *its, const struct its_handover *desc)
{
	u64 creadr = readq_relaxed(its_reg(its, GITS_CREADR));
	u64 cwriter = readq_relaxed(its_reg(its, GITS_CWRITER));

	if (creadr != cwriter || (creadr & ~(u64)GITS_CREADR_OFFSET) ||
	    creadr >= gits_cbaser_size(desc->cbaser))
		return -EBUSY;

	its->posted = creadr;
	its->consumed = creadr;
	its->cwriter = creadr;
	its->creadr = creadr;
	its->retried = ITS_NO_OFFSET;

	return 0;
}

/* EL2 believes the description where the hardware confirms it, or is stricter. */
static int its_check_registers(struct hyp_its *its, const struct its_handover *desc)
{
	u64 baser;
	int i;

	its->typer = readq_relaxed(its_reg(its, GITS_TYPER));
	its->ctlr = readl_relaxed(its_reg(its, GITS_CTLR)) &
		    ~(GITS_CTLR_QUIESCENT | GITS_CTLR_ENABLE);
	its->ctlr_rw = its->ctlr & GITS_CTLR_ImDe;

	if (its->typer != desc->typer || !(its->typer & GITS_TYPER_PLPIS))
		return -EINVAL;

	if (!desc->vlpis)
		its->typer &= ~(GITS_TYPER_VLPIS | GITS_TYPER_VMAPP);

	if (!hyp_its_is_enabled(its))
		return -EBUSY;

	if (readq_relaxed(its_reg(its, GITS_CBASER)) != desc->cbaser ||
	    !(desc->cbaser & GITS_CBASER_VALID))
		return -EINVAL;

	for (i = 0; i < GITS_BASER_NR_REGS; i++) {
		baser = readq_relaxed(its_reg(its, GITS_BASER + i * sizeof(baser)));
		if (!(baser & GITS_BASER_VALID)) {
			if (GITS_BASER_TYPE(baser) == GITS_BASER_TYPE_DEVICE)
				return -ENODEV;
			baser = 0;
		}
		if (baser != desc->tables[i].baser)
			return -EINVAL;
	}

	return its_check_pointers(its, desc);
}

/* With a table in memory, those that the ITS holds itself may not count. */
static void its_count_collections(struct hyp_its *its)
{
	u32 nr = GITS_TYPER_HCC(its->typer);
	int i;

	for (i = 0; i < GITS_BASER_NR_REGS; i++) {
		struct hyp_its_table *table = &its->tables[i];
		u64 reach = table->nr_entries;

		if (table->type != GITS_BASER_TYPE_COLLECTION)
			continue;

		if (hyp_its_is_indirect(table))
			reach *= table->per_page;

		nr = min_t(u64, reach, ITS_MAX_COLLECTIONS);
	}

	its->nr_colls = nr;
}

/**
 * hyp_its_setup() - Donate all that an ITS uses, from its description.
 * @its:	The ITS, zeroed but for the region, whose registers are mapped,
 *		and for the targets.
 * @desc:	The description, which is EL2's and has been checked for size.
 * @step:	Where to say how far it came.
 *
 * Before, tables, queue, ITTs and shadows are the host's. After, tables, L2
 * pages, queue and ITTs are EL2's; shadows are shared and pinned. On failure
 * every page is back in the state it was in, with the contents it had but for
 * the memory of EL2's records.
 *
 * The queue holds nothing after that could be executed again.
 *
 * Return: 0; -EINVAL if the description contradicts itself or the hardware;
 * -EBUSY if the ITS is not idle; -ENODEV if it was given no Device table, and does
 * not hold that itself; -E2BIG if it does, with more DeviceIDs than EL2 has records
 * of; -EPERM if a page is not the host's alone.
 */
int hyp_its_setup(struct hyp_its *its, const struct its_handover *desc,
		  enum pkvm_its_step *step)
{
	u32 hw_ite_size;
	int ret;

	*step = PKVM_ITS_STEP_REGISTERS;
	ret = its_check_registers(its, desc);
	if (ret)
		return ret;

	hw_ite_size = FIELD_GET(GITS_TYPER_ITT_ENTRY_SIZE, its->typer) + 1;
	its->ite_size = clamp(desc->itt_entry_size, hw_ite_size, ITS_MAX_ITE_SIZE);
	its->lpi_bits = min(desc->lpi_id_bits, ITS_MAX_LPI_BITS);

	*step = PKVM_ITS_STEP_TABLES;
	ret = hyp_its_setup_tables(its, desc);
	if (ret)
		return ret;

	*step = PKVM_ITS_STEP_QUEUE;
	ret = its_setup_queue(its, desc);
	if (ret)
		goto err_teardown_tables;

	*step = PKVM_ITS_STEP_DEVICES;
	ret = its_setup_devices(its, desc);
	if (ret)
		goto err_teardown_queue;

	its_count_collections(its);
	hyp_its_add_vpes(its);
	hyp_its_scrub_queue(its);

	return 0;

err_teardown_queue:
	its_teardown_queue(its);
err_teardown_tables:
	hyp_its_teardown_tables(its);
	return ret;
}

#ifdef CONFIG_NVHE_EL2_DEBUG
/**
 * hyp_its_teardown() - Undo hyp_its_setup(), for the self test.
 * @its:	The ITS, which cannot reach any of its memory any more.
 * @desc:	The description it was set up from.
 */
void hyp_its_teardown(struct hyp_its *its, const struct its_handover *desc)
{
	hyp_its_remove_vpes(its);
	its_teardown_devices(its, desc, desc->nr_devices);
	its_teardown_queue(its);
	hyp_its_teardown_tables(its);
}
#endif

static bool its_is_quiescent(struct hyp_its *its)
{
	return readl_relaxed(its_reg(its, GITS_CTLR)) & GITS_CTLR_QUIESCENT;
}

/* Section 12.19: these registers may only be written while the ITS is off. */
static bool its_may_reprogram(struct hyp_its *its)
{
	return !hyp_its_is_enabled(its) && its_is_quiescent(its);
}

/* A write of GITS_CBASER makes GITS_CREADR 0. */
static void its_program_queue(struct hyp_its *its)
{
	hyp_its_drop_queue(its);
	writeq_relaxed(its->cbaser, its_reg(its, GITS_CBASER));
	writeq_relaxed(0, its_reg(its, GITS_CWRITER));
}

/*
 * Would the ITS go on where EL2 left it, with nothing to execute? It would not if
 * firmware saved and restored its registers: GITS_CREADR starts over then. And it
 * may have lost power before it wrote an unmap that no SYNC followed to its table.
 */
static bool its_queue_is_intact(struct hyp_its *its)
{
	return its->consumed == its->posted && !hyp_its_has_unmaps(its) &&
	       readq_relaxed(its_reg(its, GITS_CBASER)) == its->cbaser &&
	       readq_relaxed(its_reg(its, GITS_CREADR)) == its->posted &&
	       readq_relaxed(its_reg(its, GITS_CWRITER)) == its->posted;
}

/*
 * Whatever a suspended system lost or restored, and whatever the host left out:
 * the ITS is only ever enabled with what EL2 recorded.
 */
static void its_reprogram(struct hyp_its *its)
{
	void __iomem *reg;
	int i;

	for (i = 0; i < GITS_BASER_NR_REGS; i++) {
		reg = its_reg(its, GITS_BASER + i * sizeof(u64));
		if (its->tables[i].baser && readq_relaxed(reg) != its->tables[i].baser)
			writeq_relaxed(its->tables[i].baser, reg);
	}

	if (!its_queue_is_intact(its))
		its_program_queue(its);
}

static void its_set_enabled(struct hyp_its *its, bool enable)
{
	/* The ITS sees the queue as it is now. */
	dsb(sy);
	writel_relaxed(its->ctlr | (enable ? GITS_CTLR_ENABLE : 0), its_reg(its, GITS_CTLR));
}

static bool its_wait_quiescent(struct hyp_its *its)
{
	u64 ticks = read_sysreg(cntfrq_el0) * ITS_QUIESCENT_MS / MSEC_PER_SEC;
	u64 deadline = __arch_counter_get_cntpct() + ticks;

	while (!its_is_quiescent(its)) {
		if (__arch_counter_get_cntpct() > deadline)
			return false;
		cpu_relax();
	}

	return true;
}

static bool its_suspend(struct hyp_its *its)
{
	bool quiescent;

	hyp_spin_lock(&its->lock);
	if (hyp_its_is_enabled(its)) {
		hyp_its_process_queue(its);
		its_set_enabled(its, false);
	}

	quiescent = its_wait_quiescent(its);
	if (quiescent)
		its_program_queue(its);
	hyp_spin_unlock(&its->lock);

	return quiescent;
}

static void its_count_suspending(int by)
{
	hyp_spin_lock(&its_suspend_lock);
	WRITE_ONCE(its_nr_suspending, its_nr_suspending + by);
	hyp_spin_unlock(&its_suspend_lock);
}

/**
 * pkvm_its_suspend() - Leave no ITS anything to do while the system is suspended.
 *
 * Firmware may save the registers of an ITS, and on resume restore GITS_CBASER,
 * which makes GITS_CREADR 0, and GITS_CWRITER: the ITS then executes its queue
 * again. After this every ITS is off and quiescent, so that its tables are in
 * memory, its pointers are 0 and its queue is empty, and it stays so until
 * pkvm_its_resume(). Commands that it has not executed are dropped; their pages
 * stay EL2's. The host finds GITS_CTLR.Enabled clear if the suspend fails.
 *
 * Return: false if an ITS does not become quiescent in time. The system must not
 * be suspended then, and pkvm_its_resume() not be called.
 */
bool pkvm_its_suspend(void)
{
	unsigned int nr;

	its_count_suspending(1);
	for (nr = 0; nr < nr_its; nr++) {
		if (!its_suspend(its_owned[nr])) {
			its_count_suspending(-1);
			return false;
		}
	}
	hyp_its_check();

	return true;
}

/**
 * pkvm_its_resume() - Let the host enable its ITSs again.
 *
 * To be called on the CPU of a pkvm_its_suspend() that returned true, after the
 * system has resumed or if it was not suspended after all.
 */
void pkvm_its_resume(void)
{
	its_count_suspending(-1);
}

static u64 its_read32(struct hyp_its *its, u32 offset)
{
	return readl_relaxed(its_reg(its, offset));
}

static u64 its_read64(struct hyp_its *its, u32 offset)
{
	return readq_relaxed(its_reg(its, offset));
}

static void its_write_ctlr(struct hyp_its *its, u32 offset, u64 val)
{
	bool enabled = hyp_its_is_enabled(its);
	bool enable = val & GITS_CTLR_ENABLE;

	if (enable && !enabled) {
		if (READ_ONCE(its_nr_suspending) || !its_is_quiescent(its))
			return;
		its_reprogram(its);
	}

	/* What it consumes between this and being quiescent is not seen. */
	if (enabled && !enable)
		hyp_its_process_queue(its);

	its->ctlr = (its->ctlr & ~its->ctlr_rw) | (val & its->ctlr_rw);
	its_set_enabled(its, enable);
}

static u64 its_read_cbaser(struct hyp_its *its, u32 offset)
{
	return its->cbaser;
}

static void its_write_cbaser(struct hyp_its *its, u32 offset, u64 val)
{
	if (its_may_reprogram(its) && val == its->cbaser)
		its_program_queue(its);
}

static u64 its_read_cwriter(struct hyp_its *its, u32 offset)
{
	return its->cwriter;
}

static void its_write_cwriter(struct hyp_its *its, u32 offset, u64 val)
{
	u32 cwriter = val & GITS_CWRITER_OFFSET;

	if ((val & ~(GITS_CWRITER_OFFSET | GITS_CWRITER_RETRY)) ||
	    cwriter >= its->queue_size)
		return;

	its->cwriter = cwriter;
	if (val & GITS_CWRITER_RETRY)
		hyp_its_retry(its);
}

/* Before, the ITS may still be executing the commands in front of the refused one. */
static bool its_is_refusing(struct hyp_its *its)
{
	return its->stalled && its->consumed == its->posted;
}

static u64 its_read_creadr(struct hyp_its *its, u32 offset)
{
	bool stalled = its->creadr == (its->consumed | GITS_CREADR_STALLED);

	return its->consumed | (stalled || its_is_refusing(its) ? GITS_CREADR_STALLED : 0);
}

static struct hyp_its_table *its_baser_table(struct hyp_its *its, u32 offset)
{
	return &its->tables[(offset - GITS_BASER) / sizeof(u64)];
}

static u64 its_read_baser(struct hyp_its *its, u32 offset)
{
	u64 baser = its_baser_table(its, offset)->baser;

	return baser ?: readq_relaxed(its_reg(its, offset));
}

static void its_write_baser(struct hyp_its *its, u32 offset, u64 val)
{
	u64 baser = its_baser_table(its, offset)->baser;

	if (baser && val == baser && its_may_reprogram(its))
		writeq_relaxed(baser, its_reg(its, offset));
}

/*
 * The registers the host can see, sections 12.18 and 12.19. Any other offset,
 * width or alignment reads as zero and ignores writes.
 */
struct its_register {
	u32	offset;
	u32	nr;
	u32	size;
	u64	(*read)(struct hyp_its *its, u32 offset);
	void	(*write)(struct hyp_its *its, u32 offset, u64 val);
};

static const struct its_register its_registers[] = {
	{ .offset = GITS_CTLR, .nr = 1, .size = 4, .read = its_read32, .write = its_write_ctlr },
	{ .offset = GITS_IIDR, .nr = 1, .size = 4, .read = its_read32 },
	{ .offset = GITS_TYPER, .nr = 1, .size = 8, .read = its_read64 },
	{ .offset = GITS_MPIDR, .nr = 1, .size = 4, .read = its_read32 },
	{ .offset = GITS_CBASER, .nr = 1, .size = 8,
	  .read = its_read_cbaser, .write = its_write_cbaser },
	{ .offset = GITS_CWRITER, .nr = 1, .size = 8,
	  .read = its_read_cwriter, .write = its_write_cwriter },
	{ .offset = GITS_CREADR, .nr = 1, .size = 8, .read = its_read_creadr },
	{ .offset = GITS_BASER, .nr = GITS_BASER_NR_REGS, .size = 8,
	  .read = its_read_baser, .write = its_write_baser },
	{ .offset = GITS_IDREGS_BASE, .nr = 12, .size = 4, .read = its_read32 },
};

static const struct its_register *its_find_register(const struct hyp_mmio_access *access)
{
	const struct its_register *reg;
	int i;

	if (access->width < 4 || !IS_ALIGNED(access->offset, access->width))
		return NULL;

	for (i = 0; i < ARRAY_SIZE(its_registers); i++) {
		reg = &its_registers[i];
		if (access->offset >= reg->offset &&
		    access->offset < reg->offset + reg->nr * reg->size)
			return access->width <= reg->size ? reg : NULL;
	}

	return NULL;
}

static void its_register_write(struct hyp_its *its, const struct its_register *reg,
			       const struct hyp_mmio_access *access)
{
	u32 offset = round_down(access->offset, reg->size);
	int shift = (access->offset - offset) * BITS_PER_BYTE;
	u64 val = access->data;

	if (access->width < reg->size) {
		val = reg->read(its, offset) & ~(GENMASK_ULL(31, 0) << shift);
		val |= access->data << shift;
	}

	reg->write(its, offset, val);
}

static u64 its_register_read(struct hyp_its *its, const struct its_register *reg,
			     const struct hyp_mmio_access *access)
{
	u32 offset = round_down(access->offset, reg->size);

	return reg->read(its, offset) >> ((access->offset - offset) * BITS_PER_BYTE);
}

/**
 * hyp_its_handle_access() - Emulate an access of the host to the control frame.
 * @region:	The frame, that of a struct hyp_its.
 * @access:	The access, decoded. For a load, @data is set.
 *
 * Takes the lock of the ITS. What the host may do to which register is in
 * its_registers; whatever else it does reads as zero and is ignored.
 */
void hyp_its_handle_access(struct hyp_mmio_region *region, struct hyp_mmio_access *access)
{
	struct hyp_its *its = container_of(region, struct hyp_its, region);
	const struct its_register *reg = its_find_register(access);

	if (!reg)
		return;

	hyp_spin_lock(&its->lock);
	if (access->write && reg->write)
		its_register_write(its, reg, access);
	hyp_its_process_queue(its);
	if (!access->write)
		access->data = its_register_read(its, reg, access);
	hyp_spin_unlock(&its->lock);

	hyp_its_check();
}

/* The host can name no redistributor that EL2 does not own. */
static int its_setup_targets(struct hyp_its *its, size_t state_size,
			     const struct its_handover *desc)
{
	u32 max = (state_size - sizeof(*its)) / sizeof(its->targets[0]);

	its->nr_targets = hyp_rdists_targets(its->targets, max, desc->typer & GITS_TYPER_PTA,
					     desc->rdist_offset);

	return its->nr_targets ? 0 : -ENODEV;
}

static int its_handover(struct hyp_its *its, size_t state_size,
			struct its_handover *desc, size_t desc_size,
			enum pkvm_its_step *step)
{
	int ret;

	*step = PKVM_ITS_STEP_DESCRIPTION;
	if (struct_size(desc, devices, desc->nr_devices) > desc_size ||
	    !PAGE_ALIGNED(desc->phys_base) || sizeof(*its) > state_size)
		return -EINVAL;

	memset(its, 0, state_size);
	hyp_spin_lock_init(&its->lock);

	*step = PKVM_ITS_STEP_RDISTS;
	ret = its_setup_targets(its, state_size, desc);
	if (ret)
		return ret;

	/* No INTID that the redistributors have no room for; vPEs only if they are EL2's. */
	desc->lpi_id_bits = min(desc->lpi_id_bits, hyp_rdists_lpi_bits());
	desc->vlpis = desc->vlpis && hyp_rdists_allow_vlpis();

	its->region.pfn = hyp_phys_to_pfn(desc->phys_base);
	its->region.nr_pages = ITS_CTLR_FRAME_SIZE >> PAGE_SHIFT;
	its->region.handler = hyp_its_handle_access;

	*step = PKVM_ITS_STEP_FRAME;
	ret = hyp_mmio_donate(&its->region);
	if (ret)
		return ret;

	ret = hyp_its_setup(its, desc, step);
	if (ret)
		hyp_mmio_return(&its->region);

	return ret;
}

/**
 * __pkvm_its_handover() - Donate an ITS of the host to EL2.
 * @desc_hva:	Host address of its struct its_handover, page aligned.
 * @desc_size:	Bytes of memory there, a multiple of PAGE_SIZE.
 * @state_hva:	Host address of memory for EL2's state, page aligned.
 * @state_size:	Bytes of memory there, a multiple of PAGE_SIZE.
 *
 * The description is donated before it is read, and returned at the end. The
 * state stays EL2's if the ITS does. All else is as hyp_its_setup() says.
 *
 * Only possible until the first CPU of the host loses its privileges, and only
 * while no other CPU runs: the host's stage 2 is not in force yet. The
 * redistributors are EL2's before that.
 *
 * Return: the number of the ITS, from 0; or a pkvm_its_error(): -EPERM if it is
 * too late or if a page is not the host's alone, -ENOSPC if there are too many ITSs,
 * -ENODEV if no redistributor with LPIs is EL2's, or the error of hyp_its_setup() or
 * hyp_mmio_donate().
 */
int __pkvm_its_handover(unsigned long desc_hva, size_t desc_size,
			unsigned long state_hva, size_t state_size)
{
	struct its_handover *desc = kern_hyp_va((void *)desc_hva);
	struct hyp_its *its = kern_hyp_va((void *)state_hva);
	enum pkvm_its_step step = PKVM_ITS_STEP_DESCRIPTION;
	int ret;

	if (nr_its == ARRAY_SIZE(its_owned))
		return pkvm_its_error(-ENOSPC, step);

	ret = hyp_its_begin_handover(desc_hva, desc_size, state_hva, state_size);
	if (ret)
		return pkvm_its_error(ret, step);

	ret = its_handover(its, state_size, desc, desc_size, &step);
	if (ret) {
		memset(its, 0, state_size);
	} else {
		its->stats.donated += state_size >> PAGE_SHIFT;
		its_owned[nr_its++] = its;
	}

	hyp_its_end_handover(desc_hva, desc_size, state_hva, state_size, !ret);
	hyp_its_check();

	return ret ? pkvm_its_error(ret, step) : nr_its - 1;
}

/**
 * __pkvm_its_handover_done() - Learn how many ITSs and redistributors there are.
 * @nr_its_known: Number of ITSs that the firmware describes, whether or not the host
 *		uses or even knows them; UINT_MAX if that is not known.
 * @nr_rdists:	Number of redistributors, likewise.
 *
 * Protected guests are refused unless EL2 owns every one of them.
 *
 * Return: 0; -EPERM if the host has lost its privileges already.
 */
int __pkvm_its_handover_done(unsigned int nr_its_known, unsigned int nr_rdists)
{
	if (pkvm_host_is_deprivileged())
		return -EPERM;

	its_allow_protected = nr_its_known == nr_its && pkvm_owns_rdists(nr_rdists);

	return 0;
}

/**
 * pkvm_its_allows_protected_guests() - Can no ITS be used against one of them?
 *
 * Return: true if EL2 owns every ITS and every redistributor there is.
 */
bool pkvm_its_allows_protected_guests(void)
{
	return its_allow_protected;
}

/**
 * hyp_its_by_number() - Find an ITS.
 * @nr:	What __pkvm_its_handover() returned for it.
 *
 * Return: the ITS; NULL if there is none, nor any with a higher number.
 */
struct hyp_its *hyp_its_by_number(unsigned int nr)
{
	return nr < nr_its ? its_owned[nr] : NULL;
}

/**
 * __pkvm_its_send() - Execute one command, and learn how far the ITS is.
 * @nr:		The number __pkvm_its_handover() returned.
 * @cmd:	The command, which the host has passed in registers.
 * @sync:	Opcode and operand of the SYNC or VSYNC behind it, if any, see hyp_its_send().
 *
 * The same as if the host had put the two into its queue, written GITS_CWRITER and
 * read GITS_CREADR, in one entry into EL2. Who owns what after that depends on the
 * command.
 *
 * Return: what GITS_CREADR reads as; -ENODEV if there is no such ITS; -EAGAIN if
 * the command has to go by the queue: it would be refused, or is not the next. Nothing
 * has changed then.
 */
s64 __pkvm_its_send(unsigned int nr, struct its_cmd_block *cmd, u64 sync)
{
	struct hyp_its *its = hyp_its_by_number(nr);
	s64 ret = -EAGAIN;

	if (!its)
		return -ENODEV;

	hyp_spin_lock(&its->lock);
	if (hyp_its_send(its, cmd, sync))
		ret = its_read_creadr(its, GITS_CREADR);
	hyp_spin_unlock(&its->lock);

	hyp_its_check();

	return ret;
}

static u64 its_refused(struct hyp_its *its, enum pkvm_its_refused_what what)
{
	switch (what) {
	case PKVM_ITS_REFUSED_AT:
		return its_is_refusing(its) ? its->posted | GITS_CREADR_STALLED : 0;
	case PKVM_ITS_REFUSED_CMD:
		return its->refused.cmd;
	case PKVM_ITS_REFUSED_NAME:
		return hyp_its_cmd_name(its->refused.cmd);
	case PKVM_ITS_REFUSED_WHY:
		return its->refused.why;
	default:
		return 0;
	}
}

/**
 * __pkvm_its_refused() - Tell the host about the command refused last.
 * @nr:		The number __pkvm_its_handover() returned.
 * @what:	What it asks for.
 *
 * Return: the value; 0 where there is none.
 */
u64 __pkvm_its_refused(unsigned int nr, enum pkvm_its_refused_what what)
{
	struct hyp_its *its = hyp_its_by_number(nr);
	u64 val;

	if (!its)
		return 0;

	hyp_spin_lock(&its->lock);
	val = its_refused(its, what);
	hyp_spin_unlock(&its->lock);

	return val;
}

#ifdef CONFIG_NVHE_EL2_DEBUG
static u64 its_query_table(struct hyp_its *its, enum pkvm_its_query what, u64 idx)
{
	const struct hyp_its_table *table;

	if (idx >= GITS_BASER_NR_REGS || !its->tables[idx].baser)
		return 0;

	table = hyp_its_used_table(&its->tables[idx]);
	switch (what) {
	case PKVM_ITS_QUERY_TABLE_OWNER:
		return pkvm_hyp_owns(table->phys, table->size);
	case PKVM_ITS_QUERY_TABLE_NR_L2:
		return table->nr_l2;
	default:
		return 0;
	}
}

static u64 its_query_records(const struct hyp_its_table *table)
{
	return table->records && pkvm_hyp_owns(hyp_virt_to_phys(table->records),
					       hyp_its_records_size(table));
}

static u64 its_query_l2(struct hyp_its *its, u32 nr, u32 idx)
{
	const struct hyp_its_table *table;
	u64 phys;

	if (nr >= GITS_BASER_NR_REGS || !its->tables[nr].baser)
		return 0;

	table = hyp_its_used_table(&its->tables[nr]);
	if (!table->l1 || idx >= table->nr_entries || hyp_its_read_l1(table, idx, &phys))
		return 0;

	if (!pkvm_hyp_owns(phys, table->psz))
		return phys;

	if (table->chunks && !pkvm_hyp_owns(table->chunks[idx], hyp_its_records_size(table)))
		return phys;

	return phys | PKVM_ITS_L2_OWNED;
}

static u64 its_query(struct hyp_its *its, enum pkvm_its_query what, u64 idx)
{
	switch (what) {
	case PKVM_ITS_QUERY_OWNER:
		return host_find_hyp_mmio(hyp_pfn_to_phys(its->region.pfn)) == &its->region;
	case PKVM_ITS_QUERY_CTLR:
		return its_read32(its, GITS_CTLR);
	case PKVM_ITS_QUERY_TYPER:
		return its_read64(its, GITS_TYPER);
	case PKVM_ITS_QUERY_L2:
		return its_query_l2(its, upper_32_bits(idx), lower_32_bits(idx));
	case PKVM_ITS_QUERY_QUEUE_OWNER:
		return pkvm_hyp_owns(hyp_virt_to_phys(its->queue), its->queue_size);
	case PKVM_ITS_QUERY_RECORDS_OWNER:
		return its_query_records(&its->internal_devices);
	case PKVM_ITS_QUERY_DEVICES:
		return its->stats.devices;
	case PKVM_ITS_QUERY_ITT_PAGES:
		return its->stats.itt_pages;
	case PKVM_ITS_QUERY_VPES:
		return its->stats.vpes;
	case PKVM_ITS_QUERY_DONATED:
		return its->stats.donated;
	case PKVM_ITS_QUERY_RETURNED:
		return its->stats.returned;
	case PKVM_ITS_QUERY_POSTED:
		return its->stats.posted;
	case PKVM_ITS_QUERY_REFUSED:
		return its->stats.refused;
	default:
		return its_query_table(its, what, idx);
	}
}

/**
 * __pkvm_its_query() - Tell the host about an ITS that EL2 owns.
 * @nr:		The number __pkvm_its_handover() returned; of a redistributor, where
 *		that is meant, its place in the description.
 * @what:	What it asks for.
 * @idx:	Of the table or the L2 page, where there are several.
 *
 * Ownership is what the page states say now, not what they were meant to be.
 *
 * Return: the value; 0 where there is none.
 */
u64 __pkvm_its_query(unsigned int nr, enum pkvm_its_query what, u64 idx)
{
	struct hyp_its *its;
	u64 val;

	if (what == PKVM_ITS_QUERY_SELFTEST)
		return pkvm_its_selftest_checks();

	if (what > PKVM_ITS_QUERY_SELFTEST)
		return hyp_rdist_query(nr, what);

	its = hyp_its_by_number(nr);
	if (!its)
		return 0;

	hyp_spin_lock(&its->lock);
	val = its_query(its, what, idx);
	hyp_spin_unlock(&its->lock);

	return val;
}
#endif
