// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ITS driver's part in handing each ITS over to pKVM's hypervisor at EL2,
 * and what it has to do differently for an ITS that EL2 owns.
 */

#include <linux/bitfield.h>
#include <linux/io.h>
#include <linux/iopoll.h>
#include <linux/irqchip/arm-gic-v4.h>
#include <linux/list.h>
#include <linux/log2.h>
#include <linux/mutex.h>
#include <linux/slab.h>

#include "irq-gic-v3-its.h"

DEFINE_STATIC_KEY_FALSE(its_hyp_key);
bool its_hyp_owns_rdists __ro_after_init;

/* How many commands there are from one offset up to another. */
static u64 its_count_cmds(u64 from, u64 to)
{
	return (to - from + ITS_CMD_QUEUE_SZ) % ITS_CMD_QUEUE_SZ / sizeof(struct its_cmd_block);
}

/**
 * its_start_hyp_wait() - Want to know if one of the commands just posted is refused.
 * @its:	An ITS that EL2 owns, locked ever since the commands were queued.
 * @wait:	To be handed to its_end_hyp_wait().
 * @first:	The first of the commands.
 * @end:	Offset behind the last one, where the ITS is not yet.
 */
void its_start_hyp_wait(struct its_node *its, struct its_hyp_wait *wait,
			struct its_cmd_block *first, u64 end)
{
	wait->first = its->hyp_nr_cmds;
	its->hyp_nr_cmds += its_count_cmds(its_cmd_ptr_to_offset(its, first), end);
	wait->end = its->hyp_nr_cmds;
	wait->err = 0;
	list_add(&wait->entry, &its->hyp_waits);
}

/**
 * its_end_hyp_wait() - End a wait that its_start_hyp_wait() started.
 * @its:	The ITS, not locked.
 * @wait:	The wait.
 *
 * Return: what came of the commands, whoever noticed it.
 */
int its_end_hyp_wait(struct its_node *its, struct its_hyp_wait *wait)
{
	guard(raw_spinlock_irqsave)(&its->lock);
	list_del(&wait->entry);

	return wait->err;
}

/**
 * its_skip_refused_cmd() - Go on after a command that EL2 refused.
 * @its:	An ITS that EL2 owns, not locked, seen with GITS_CREADR.Stalled set.
 *
 * EL2 does not go beyond a command that it refused. Replace that command with one
 * that does nothing, so that those behind it are executed, and tell who sent it.
 */
void its_skip_refused_cmd(struct its_node *its)
{
	struct its_hyp_wait *wait;
	u64 creadr, offset, nr;
	int err;

	guard(raw_spinlock_irqsave)(&its->lock);

	creadr = readl_relaxed(its->base + GITS_CREADR);
	offset = creadr & GITS_CREADR_OFFSET;
	if (!(creadr & GITS_CREADR_STALLED) ||
	    !its_make_sync(its, its->cmd_base + offset / sizeof(*its->cmd_base)))
		return;

	err = its->hyp_ops->refused(its->phys_base, its->hyp_nr, creadr);
	nr = its->hyp_nr_cmds -
	     its_count_cmds(offset, its_cmd_ptr_to_offset(its, its->cmd_write));
	list_for_each_entry(wait, &its->hyp_waits, entry) {
		if (nr >= wait->first && nr < wait->end)
			wait->err = err;
	}

	writel_relaxed(its_cmd_ptr_to_offset(its, its->cmd_write) | GITS_CWRITER_RETRY,
		       its->base + GITS_CWRITER);
}

/*
 * What the hand-over of one ITS needs. All of it is allocated beforehand, as
 * the hand-over itself runs with every other CPU stopped.
 */
struct its_handover_mem {
	struct list_head	entry;
	struct its_node		*its;
	struct its_cmd_block	*queue;
	void			*shadow[GITS_BASER_NR_REGS];
	void			*records[GITS_BASER_NR_REGS];
	void			*device_records;
	size_t			device_records_sz;
	struct its_handover	*desc;
	size_t			desc_sz;
	void			*state;
	size_t			state_sz;
	int			ret;
};

/* What a vPE table needs that has several users. It is described to EL2 by each of them. */
struct its_handover_vpes {
	struct list_head	entry;
	struct its_baser	baser;
	void			*shadow;
	void			*records;
	bool			owned;
	int			ret;
};

static DEFINE_MUTEX(its_handover_lock);
static LIST_HEAD(its_handover_mems);
static LIST_HEAD(its_handover_vpes);
static const struct its_handover_ops *its_hyp_ops;

static void *its_alloc_zeroed(int node, size_t size)
{
	struct page *page;

	page = its_alloc_pages_node(node, GFP_KERNEL | __GFP_ZERO, get_order(size));

	return page ? page_address(page) : NULL;
}

static void its_free_zeroed(void *addr, size_t size)
{
	if (addr)
		its_free_pages(addr, get_order(size));
}

/**
 * its_load_hyp_vpe() - Have EL2 make a vPE resident on this CPU, GICv4.0.
 * @vpe:	The vPE, mapped on every ITS.
 *
 * Return: 0, or why it is not resident.
 */
int its_load_hyp_vpe(struct its_vpe *vpe)
{
	u64 flags = GICR_VPENDBASER_PendingLast;

	if (vpe->idai)
		flags |= GICR_VPENDBASER_IDAI;

	return its_hyp_ops->load_vpe(vpe->vpe_id, page_to_phys(vpe->its_vm->vprop_page), flags);
}

/* With GITS_TYPER.SVPET several ITSs have the same vPE table. */
static u32 its_count_users(const struct its_baser *baser)
{
	struct its_node *its;
	u32 nr = 0;
	int i;

	list_for_each_entry(its, &its_nodes, entry) {
		for (i = 0; i < GITS_BASER_NR_REGS; i++)
			nr += its->tables[i].base == baser->base;
	}

	return nr;
}

static u32 its_record_size(const struct its_baser *baser)
{
	return its_count_users(baser) * its_handover_record_size(GITS_BASER_TYPE(baser->val));
}

/* Bytes of EL2's records for the entries of an L2 page. */
static size_t its_chunk_size(const struct its_baser *baser)
{
	return baser->psz / GITS_BASER_ENTRY_SIZE(baser->val) * its_record_size(baser);
}

/* The first level and, if there are any, as many addresses of chunks. */
static size_t its_shadow_size(const struct its_baser *baser)
{
	if (!(baser->val & GITS_BASER_INDIRECT))
		return 0;

	return gits_baser_size(baser->val) * (its_record_size(baser) ? 2 : 1);
}

/* The records themselves or, of an indirect table, the addresses of the chunks. */
static size_t its_records_size(const struct its_baser *baser)
{
	u64 size = gits_baser_size(baser->val);

	if (its_record_size(baser) && (baser->val & GITS_BASER_INDIRECT))
		return size;

	return size / GITS_BASER_ENTRY_SIZE(baser->val) * its_record_size(baser);
}

/* The second half of a shadow. */
static u64 *its_chunks(const struct its_baser *baser, void *shadow)
{
	return shadow + gits_baser_size(baser->val);
}

static size_t its_nr_chunks(const struct its_baser *baser)
{
	return its_chunk_size(baser) ? gits_baser_size(baser->val) / GITS_LVL1_ENTRY_SIZE : 0;
}

/**
 * its_alloc_chunk() - Allocate EL2's records for the entries of an L2 page.
 * @node:	The NUMA node of the ITS.
 * @baser:	One of its tables, indirect.
 * @shadow:	The shadow of the table.
 * @idx:	The first-level entry that will point to the L2 page.
 *
 * EL2 donates the chunk with the L2 page, so its address comes first.
 *
 * Return: false if there is no memory. True as well if EL2 keeps no records.
 */
bool its_alloc_chunk(int node, struct its_baser *baser, void *shadow, u32 idx)
{
	size_t size = its_chunk_size(baser);
	void *chunk;

	if (!size)
		return true;

	chunk = its_alloc_zeroed(node, size);
	if (!chunk)
		return false;

	WRITE_ONCE(its_chunks(baser, shadow)[idx], virt_to_phys(chunk));
	/* Before the first-level entry, which is what EL2 reads first. */
	smp_wmb();

	return true;
}

static bool its_alloc_chunks(int node, struct its_baser *baser, void *shadow)
{
	__le64 *l1 = baser->base;
	size_t idx;

	for (idx = 0; idx < its_nr_chunks(baser); idx++) {
		if ((le64_to_cpu(l1[idx]) & GITS_BASER_VALID) &&
		    !its_alloc_chunk(node, baser, shadow, idx))
			return false;
	}

	return true;
}

static void its_free_shadow(struct its_baser *baser, void *shadow)
{
	size_t idx;
	u64 chunk;

	if (!shadow)
		return;

	for (idx = 0; idx < its_nr_chunks(baser); idx++) {
		chunk = its_chunks(baser, shadow)[idx];
		if (chunk)
			its_free_zeroed(phys_to_virt(chunk), its_chunk_size(baser));
	}

	its_free_zeroed(shadow, its_shadow_size(baser));
}

static int its_alloc_table(int node, struct its_baser *baser, void **shadow, void **records)
{
	if (its_records_size(baser)) {
		*records = its_alloc_zeroed(node, its_records_size(baser));
		if (!*records)
			return -ENOMEM;
	}

	if (its_shadow_size(baser)) {
		*shadow = its_alloc_zeroed(node, its_shadow_size(baser));
		if (!*shadow || !its_alloc_chunks(node, baser, *shadow))
			return -ENOMEM;
	}

	return 0;
}

static void its_free_table(struct its_baser *baser, void *shadow, void *records)
{
	its_free_shadow(baser, shadow);
	its_free_zeroed(records, its_records_size(baser));
}

/* Of an indirect table the addresses of the chunks are there twice. */
static void its_copy_table(struct its_baser *baser, void *shadow, void *records)
{
	if (!shadow)
		return;

	memcpy(shadow, baser->base, gits_baser_size(baser->val));
	if (records)
		memcpy(records, its_chunks(baser, shadow), its_records_size(baser));
}

static struct its_handover_vpes *its_find_vpes(const void *base)
{
	struct its_handover_vpes *vpes;

	list_for_each_entry(vpes, &its_handover_vpes, entry) {
		if (vpes->baser.base == base)
			return vpes;
	}

	return NULL;
}

/* There are no vPEs yet: nobody writes the table meanwhile. */
static void its_add_vpes(int node, const struct its_baser *baser)
{
	struct its_handover_vpes *vpes;

	if (its_find_vpes(baser->base))
		return;

	vpes = kzalloc_obj(*vpes);
	if (!vpes)
		return;

	vpes->baser = *baser;
	vpes->ret = its_alloc_table(node, &vpes->baser, &vpes->shadow, &vpes->records);
	if (!vpes->ret)
		its_copy_table(&vpes->baser, vpes->shadow, vpes->records);
	list_add_tail(&vpes->entry, &its_handover_vpes);
}

static bool its_is_shared(struct its_node *its, const struct its_baser *baser)
{
	return FIELD_GET(GITS_TYPER_SVPET, its->typer) && (baser->val & GITS_BASER_VALID) &&
	       GITS_BASER_TYPE(baser->val) == GITS_BASER_TYPE_VCPU;
}

static void its_add_shared_vpes(void)
{
	struct its_node *its;
	int i;

	list_for_each_entry(its, &its_nodes, entry) {
		for (i = 0; i < GITS_BASER_NR_REGS; i++) {
			if (its_is_shared(its, &its->tables[i]))
				its_add_vpes(its->numa_node, &its->tables[i]);
		}
	}
}

/* As GITS_BASERn has it, but without a type: if no ITS uses it there are no records. */
static u64 its_rdist_baser(int cpu)
{
	u64 val = gicr_read_vpropbaser(its_rdist_base(cpu) + SZ_128K + GICR_VPROPBASER);

	return GITS_BASER_VALID |
	       (val & GICR_VPROPBASER_4_1_INDIRECT ? GITS_BASER_INDIRECT : 0) |
	       FIELD_PREP(GITS_BASER_PAGE_SIZE_MASK,
			  FIELD_GET(GICR_VPROPBASER_4_1_PAGE_SIZE, val)) |
	       FIELD_GET(GICR_VPROPBASER_4_1_SIZE, val);
}

/* After those of ITSs: where an ITS has the same table it is in the list. */
static void its_add_rdist_vpes(void)
{
	struct its_baser baser = {};
	int cpu;

	for_each_possible_cpu(cpu) {
		if (!its_rdist_base(cpu))
			continue;

		baser.base = *its_rdist_vpe_l1(cpu);
		if (!baser.base)
			continue;

		baser.val = its_rdist_baser(cpu);
		baser.psz = gits_baser_page_size(baser.val);
		its_add_vpes(cpu_to_node(cpu), &baser);
	}
}

static int its_describe_rdist(struct rdist_handover_frame *frame, int cpu)
{
	void *base = *its_rdist_vpe_l1(cpu);
	struct its_handover_vpes *vpes = its_find_vpes(base);

	if (!base)
		return 0;

	if (!vpes || vpes->ret)
		return -ENOMEM;

	frame->vpe_table.nr_its = its_count_users(&vpes->baser);
	if (vpes->shadow)
		frame->vpe_table.shadow = virt_to_phys(vpes->shadow);
	if (vpes->records)
		frame->vpe_table.records = virt_to_phys(vpes->records);

	return 0;
}

/**
 * its_handover_describe_rdists() - Say what owning vPE tables of redistributors takes.
 * @desc:	All redistributors.
 *
 * After its_handover_prepare(). GICv4.1: what is described is EL2's once the
 * redistributors are, or else freed by its_handover_finish().
 *
 * Return: 0; -ENOMEM if there was not enough memory for it.
 */
int its_handover_describe_rdists(struct rdist_handover *desc)
{
	int cpu, ret;
	u64 i;

	for (i = 0; i < desc->nr; i++) {
		for_each_possible_cpu(cpu) {
			if (!its_rdist_base(cpu) ||
			    its_rdist_phys(cpu) != desc->frames[i].phys_base)
				continue;

			ret = its_describe_rdist(&desc->frames[i], cpu);
			if (ret)
				return ret;
		}
	}

	return 0;
}

/**
 * its_handover_rdists_done() - From here on the driver writes shadows for redistributors.
 *
 * EL2 owns all of them.
 */
void its_handover_rdists_done(void)
{
	struct its_handover_vpes *vpes;
	int cpu;

	for_each_possible_cpu(cpu) {
		if (!its_rdist_base(cpu))
			continue;

		vpes = its_find_vpes(*its_rdist_vpe_l1(cpu));
		if (!vpes)
			continue;

		vpes->owned = true;
		if (vpes->shadow)
			*its_rdist_vpe_l1(cpu) = vpes->shadow;
	}
}

static void its_free_vpes(void)
{
	struct its_handover_vpes *vpes, *tmp;

	list_for_each_entry_safe(vpes, tmp, &its_handover_vpes, entry) {
		list_del(&vpes->entry);
		if (!vpes->owned)
			its_free_table(&vpes->baser, vpes->shadow, vpes->records);
		kfree(vpes);
	}
}

static int its_use_vpes(struct its_handover_mem *mem, int i)
{
	struct its_handover_vpes *vpes = its_find_vpes(mem->its->tables[i].base);

	if (!vpes)
		return -ENOMEM;

	mem->shadow[i] = vpes->shadow;
	mem->records[i] = vpes->records;

	return vpes->ret;
}

static int its_alloc_handover_tables(struct its_handover_mem *mem)
{
	struct its_node *its = mem->its;
	int ret, i;

	for (i = 0; i < GITS_BASER_NR_REGS; i++) {
		struct its_baser *baser = &its->tables[i];

		if (!(baser->val & GITS_BASER_VALID))
			continue;

		if (its_is_shared(its, baser))
			ret = its_use_vpes(mem, i);
		else
			ret = its_alloc_table(its->numa_node, baser, &mem->shadow[i],
					      &mem->records[i]);
		if (ret)
			return ret;
	}

	return 0;
}

/*
 * EL2's records of the devices of an ITS that holds its Device table itself: as many
 * as the register says, which is what EL2 goes by, whatever a quirk made of it.
 */
static int its_alloc_device_records(struct its_handover_mem *mem)
{
	struct its_node *its = mem->its;
	u64 typer = gic_read_typer(its->base + GITS_TYPER);

	if (its_get_baser(its, GITS_BASER_TYPE_DEVICE))
		return 0;

	mem->device_records_sz = ITS_DEVICE_RECORD_SIZE * its_handover_internal_devices(typer);
	if (!mem->device_records_sz || get_order(mem->device_records_sz) > MAX_PAGE_ORDER) {
		pr_err("ITS@%pa: no Device table in memory, and too many DeviceIDs (%llu bits)\n",
		       &its->phys_base, FIELD_GET(GITS_TYPER_DEVBITS, typer) + 1);
		return -E2BIG;
	}

	mem->device_records = its_alloc_zeroed(its->numa_node, mem->device_records_sz);

	return mem->device_records ? 0 : -ENOMEM;
}

static int its_alloc_handover(struct its_handover_mem *mem)
{
	struct its_node *its = mem->its;
	int ret;

	mem->desc_sz = PAGE_ALIGN(struct_size(mem->desc, devices,
					      list_count_nodes(&its->its_device_list)));
	mem->state_sz = PAGE_ALIGN(its_hyp_ops->state_size());

	mem->desc = its_alloc_zeroed(its->numa_node, mem->desc_sz);
	mem->state = its_alloc_zeroed(its->numa_node, mem->state_sz);
	mem->queue = its_alloc_zeroed(its->numa_node, ITS_CMD_QUEUE_SZ);
	if (!mem->desc || !mem->state || !mem->queue)
		return -ENOMEM;

	ret = its_alloc_handover_tables(mem);

	return ret ?: its_alloc_device_records(mem);
}

/* All but what EL2 owns from now on, or the driver writes as a shadow. */
static void its_free_handover(struct its_handover_mem *mem)
{
	int i;

	its_free_zeroed(mem->desc, mem->desc_sz);
	if (mem->ret >= 0)
		return;

	its_free_zeroed(mem->state, mem->state_sz);
	its_free_zeroed(mem->queue, ITS_CMD_QUEUE_SZ);
	its_free_zeroed(mem->device_records, mem->device_records_sz);

	for (i = 0; i < GITS_BASER_NR_REGS; i++) {
		struct its_baser *baser = &mem->its->tables[i];

		if (!its_is_shared(mem->its, baser))
			its_free_table(baser, mem->shadow[i], mem->records[i]);
	}
}

static void its_describe_tables(struct its_handover_mem *mem)
{
	int i;

	for (i = 0; i < GITS_BASER_NR_REGS; i++) {
		struct its_handover_table *table = &mem->desc->tables[i];
		struct its_baser *baser = &mem->its->tables[i];

		if (!(baser->val & GITS_BASER_VALID))
			continue;

		table->baser = baser->val;
		table->base = virt_to_phys(baser->base);
		table->nr_its = its_count_users(baser);
		if (mem->shadow[i])
			table->shadow = virt_to_phys(mem->shadow[i]);
		if (mem->records[i])
			table->records = virt_to_phys(mem->records[i]);
	}
}

static void its_describe_devices(struct its_node *its, struct its_handover *desc)
{
	struct its_device *dev;

	list_for_each_entry(dev, &its->its_device_list, entry) {
		desc->devices[desc->nr_devices++] = (struct its_handover_device) {
			.itt		= virt_to_phys(dev->itt),
			.device_id	= dev->device_id,
			.event_bits	= ilog2(dev->nr_ites),
		};
	}
}

static void its_describe(struct its_handover_mem *mem)
{
	struct its_handover *desc = mem->desc;
	struct its_node *its = mem->its;

	desc->phys_base = its->phys_base;
	desc->typer = gic_read_typer(its->base + GITS_TYPER);
	desc->cbaser = gits_read_cbaser(its->base + GITS_CBASER);
	desc->queue = virt_to_phys(its->cmd_base);
	desc->shadow_queue = virt_to_phys(mem->queue);
	desc->itt_entry_size = FIELD_GET(GITS_TYPER_ITT_ENTRY_SIZE, its->typer) + 1;
	desc->lpi_id_bits = lpi_id_bits;
	desc->rdist_offset = its->vlpi_redist_offset;

	if (mem->device_records)
		desc->device_records = virt_to_phys(mem->device_records);

	its_describe_tables(mem);
	its_describe_devices(its, desc);
}

static void its_copy_shadows(struct its_handover_mem *mem)
{
	int i;

	for (i = 0; i < GITS_BASER_NR_REGS; i++) {
		struct its_baser *baser = &mem->its->tables[i];

		if (!its_is_shared(mem->its, baser))
			its_copy_table(baser, mem->shadow[i], mem->records[i]);
	}
}

/* From here on the driver writes nothing but shadows. */
static void its_use_shadows(struct its_handover_mem *mem)
{
	struct its_node *its = mem->its;
	int i;

	its->cmd_write = mem->queue + (its->cmd_write - its->cmd_base);
	its->cmd_base = mem->queue;

	for (i = 0; i < GITS_BASER_NR_REGS; i++) {
		its->tables[i].shadow = mem->shadow[i];
		if (its_is_shared(its, &its->tables[i]))
			its_find_vpes(its->tables[i].base)->owned = true;
	}

	/* Or it would not have taken the ITS. */
	its_hyp_owns_rdists = true;
	its->hyp_nr = mem->ret;
	its->hyp_ops = its_hyp_ops;
	INIT_LIST_HEAD(&its->hyp_waits);
	its->hyp_creadr = its_cmd_ptr_to_offset(its, its->cmd_write);
}

static int its_wait_idle(struct its_node *its)
{
	u32 cwriter = its_cmd_ptr_to_offset(its, its->cmd_write);
	u32 creadr;

	return readl_relaxed_poll_timeout_atomic(its->base + GITS_CREADR, creadr,
						 creadr == cwriter, 1, USEC_PER_SEC);
}

static int its_handover_one(struct its_handover_mem *mem)
{
	int ret;

	ret = its_wait_idle(mem->its);
	if (ret)
		return ret;

	its_copy_shadows(mem);
	its_describe(mem);

	return its_hyp_ops->handover(mem->desc, mem->desc_sz, mem->state, mem->state_sz);
}

/**
 * its_handover_prepare() - Allocate what handing over every ITS needs.
 * @ops:	What KVM does for the driver.
 *
 * Holds, on each ITS, the lock that creating a device needs until
 * its_handover_finish(): the devices described are all there are. Their MSIs
 * go on. There are no guests yet, and so no vPEs that could come or go. An ITS
 * for which there is no memory is reported and stays the host's.
 */
void its_handover_prepare(const struct its_handover_ops *ops)
{
	struct its_handover_mem *mem;
	struct its_node *its;

	its_hyp_ops = ops;
	mutex_lock(&its_handover_lock);
	static_branch_enable(&its_hyp_key);
	its_add_shared_vpes();
	its_add_rdist_vpes();

	list_for_each_entry(its, &its_nodes, entry) {
		mutex_lock_nest_lock(&its->dev_alloc_lock, &its_handover_lock);

		mem = kzalloc_obj(*mem);
		if (!mem) {
			ops->report(its->phys_base, -ENOMEM);
			continue;
		}

		mem->its = its;
		mem->ret = its_alloc_handover(mem);
		list_add_tail(&mem->entry, &its_handover_mems);
	}
}

/**
 * its_handover_commit() - Hand every ITS over to EL2.
 *
 * Between its_handover_prepare() and its_handover_finish(), with interrupts off
 * and every other CPU stopped: nobody is in the middle of a command. An ITS
 * whose hand-over fails is used as before.
 */
void its_handover_commit(void)
{
	struct its_handover_mem *mem;

	list_for_each_entry(mem, &its_handover_mems, entry) {
		if (mem->ret < 0)
			continue;

		raw_spin_lock(&mem->its->lock);
		mem->ret = its_handover_one(mem);
		if (mem->ret >= 0)
			its_use_shadows(mem);
		raw_spin_unlock(&mem->its->lock);
	}
}

/**
 * its_handover_finish() - Report each hand-over, free what is left of it.
 *
 * Undoes the locking of its_handover_prepare().
 */
void its_handover_finish(void)
{
	struct its_handover_mem *mem, *tmp;
	struct its_node *its;

	list_for_each_entry_safe(mem, tmp, &its_handover_mems, entry) {
		its_hyp_ops->report(mem->its->phys_base, mem->ret);
		list_del(&mem->entry);
		its_free_handover(mem);
		kfree(mem);
	}
	its_free_vpes();

	list_for_each_entry(its, &its_nodes, entry)
		mutex_unlock(&its->dev_alloc_lock);

	mutex_unlock(&its_handover_lock);
}
