// SPDX-License-Identifier: GPL-2.0-only
/*
 * A check of what EL2 knows of ITSs and redistributors, for debugging.
 *
 * At the end of each entry that changed something EL2 compares three things that
 * should agree: its records, what the page states say, and how many pages it took and
 * gave back, which is counted where that happens. Each thing it compares has a name; EL2
 * panics if it does not hold, and the host prints that name.
 *
 * The check holds all locks at once, in the order in which others take some of them:
 * those of the ITSs as they are listed, that of the vPEs, those of the redistributors.
 * Nothing is half done then on any CPU. It allocates nothing and waits for no hardware.
 *
 * Before the first hand-over there is nothing to check, and the fake ITSs of the self
 * test are not: but from then on the count shows if they left anything.
 */

#include <linux/bitfield.h>
#include <linux/bitops.h>
#include <linux/io.h>

#include <asm/arch_gicv3.h>
#include <asm/asm-bug.h>
#include <asm/kvm_hyp.h>

#include <nvhe/its_check.h>
#include <nvhe/its_emulate.h>
#include <nvhe/its_rdist.h>
#include <nvhe/mem_protect.h>
#include <nvhe/memory.h>

/* As BUG_ON(), but that the name is in the place of the file. */
#define its_invariant(cond, name)						\
	do {									\
		if (unlikely(!(cond)))						\
			asm volatile(ARCH_WARN_ASM("%c0", "%c1", "%c2", "")	\
				     : : "i" ("ITS check: " name),		\
					 "i" (__LINE__), "i" (0));		\
	} while (0)

/* One for the redistributors, and one for each ITS. */
#define ITS_MAX_STATES		(1 + ITS_MAX_ITSS)

/* The memory of EL2's state of them. It only grows, before the host loses its privileges. */
static struct {
	u64	phys;
	u64	size;
} its_states[ITS_MAX_STATES];
static u32 its_nr_states;

/* Guards what follows. Taken inside all others. */
static DEFINE_HYP_SPINLOCK(its_count_lock);
/* Pages that were donated and not returned; that were pinned and not unpinned. */
static s64 its_donated, its_pinned;

/* Something has changed since the last check. Cleared with all locks held. */
static bool its_check_due;

/* How many vPEs were found to use each configuration table. Guarded by all locks. */
static u32 its_vconfig_users[KVM_MAX_PVMS];

/**
 * struct its_walk - a walk over all pages that EL2 uses for ITSs and redistributors
 * @by:		1: mark each page; -1: take the marks away.
 * @donated:	Pages found that are EL2's,
 * @pinned:	and that are shared and pinned.
 * @its:	What was found of this ITS: records of devices, pages of their ITTs, records
 *		of devices whose unmap was posted; and of vPEs likewise.
 */
struct its_walk {
	int	by;
	s64	donated;
	s64	pinned;
	struct {
		u64	devices;
		u64	itt_pages;
		u64	unmaps;
		u64	vpes;
		u64	vpe_unmaps;
	} its;
};

typedef void (*its_walk_fn)(struct its_walk *walk, struct hyp_its *its, u32 id);

static void its_count(s64 *count, s64 nr_pages)
{
	hyp_spin_lock(&its_count_lock);
	*count += nr_pages;
	hyp_spin_unlock(&its_count_lock);

	hyp_its_changed();
}

/**
 * hyp_its_count_donated() - Pages were donated to EL2 for an ITS or a redistributor.
 * @nr_pages:	How many; negative if they were returned.
 */
void hyp_its_count_donated(s64 nr_pages)
{
	its_count(&its_donated, nr_pages);
}

/**
 * hyp_its_count_pinned() - Pages were shared and pinned.
 * @nr_pages:	How many; negative if they were unpinned.
 */
void hyp_its_count_pinned(s64 nr_pages)
{
	its_count(&its_pinned, nr_pages);
}

/**
 * hyp_its_keep_state() - Memory of EL2's state was donated, for good.
 * @phys:	Its physical address, page aligned.
 * @size:	Its size in bytes.
 *
 * From the first one on there is something to check.
 */
void hyp_its_keep_state(u64 phys, u64 size)
{
	its_invariant(its_nr_states < ITS_MAX_STATES, "there is room for each state");
	its_states[its_nr_states].phys = phys;
	its_states[its_nr_states].size = size;
	its_nr_states++;

	hyp_its_count_donated(size >> PAGE_SHIFT);
}

/**
 * hyp_its_changed() - What is checked has changed.
 *
 * To be called with the lock held that guards it, and before hyp_its_check().
 */
void hyp_its_changed(void)
{
	WRITE_ONCE(its_check_due, true);
}

static u64 its_nr_pages(u64 phys, u64 size)
{
	return hyp_phys_to_pfn(phys + size - 1) - hyp_phys_to_pfn(phys) + 1;
}

/*
 * The mark of a page that EL2 owns is its reference count: nobody else takes a reference
 * of one, and what looks at it before the page is returned has to have a lock of ours.
 */
static bool its_walk_pages(struct its_walk *walk, u64 phys, u64 size)
{
	struct hyp_page *page;
	u64 nr_pages;

	if (!size || (walk->by > 0 && !pkvm_hyp_owns(phys, size)))
		return false;

	page = hyp_phys_to_page(phys);
	nr_pages = its_nr_pages(phys, size);
	walk->donated += nr_pages;
	for (; nr_pages; nr_pages--, page++) {
		its_invariant(page->refcount == (walk->by < 0), "each page has one user");
		page->refcount += walk->by;
	}

	return true;
}

/* Pinned, so that neither state can change. Others of EL2's may have pinned it as well. */
static bool its_walk_pinned(struct its_walk *walk, u64 phys, u64 size)
{
	struct hyp_page *page = hyp_phys_to_page(phys);
	u64 i, nr_pages;

	if (!size)
		return false;

	nr_pages = its_nr_pages(phys, size);
	walk->pinned += nr_pages;
	for (i = 0; i < nr_pages; i++, page++) {
		if (get_host_state(page) != PKVM_PAGE_SHARED_OWNED ||
		    get_hyp_state(page) != PKVM_PAGE_SHARED_BORROWED || !page->refcount)
			return false;
	}

	return true;
}

static void its_walk_l2_pages(struct its_walk *walk, const struct hyp_its_table *table)
{
	u64 l2, chunk, size = hyp_its_records_size(table);
	u32 i, nr_l2 = 0;
	int ret;

	for (i = 0; i < table->nr_entries; i++) {
		chunk = table->chunks ? table->chunks[i] : 0;
		ret = hyp_its_read_l1(table, i, &l2);
		if (ret) {
			its_invariant(ret == -ENOENT, "a first-level entry is well-formed");
			its_invariant(!chunk, "there are no records without an L2 page");
			continue;
		}

		its_invariant(its_walk_pages(walk, l2, table->psz), "an L2 page is EL2's");
		if (size)
			its_invariant(its_walk_pages(walk, chunk, size),
				      "the records of an L2 page are EL2's");
		nr_l2++;
	}

	its_invariant(nr_l2 == table->nr_l2, "each L2 page is counted");
}

static void its_walk_table(struct its_walk *walk, const struct hyp_its_table *table)
{
	u64 chunks = table->chunks ? table->nr_entries * sizeof(u64) : 0;

	its_invariant(its_walk_pages(walk, table->phys, table->size), "a table is EL2's");

	if (!hyp_its_is_indirect(table)) {
		if (table->records)
			its_invariant(its_walk_pages(walk, hyp_virt_to_phys(table->records),
						     hyp_its_records_size(table)),
				      "the records of a table are EL2's");
		return;
	}

	if (chunks)
		its_invariant(its_walk_pages(walk, hyp_virt_to_phys(table->chunks), chunks),
			      "the list of records is EL2's");
	its_invariant(its_walk_pinned(walk, hyp_virt_to_phys(table->shadow),
				      table->size + chunks),
		      "the shadow of a table is shared and pinned");
	its_walk_l2_pages(walk, table);
}

/* Nearly all records are zero: only their words are read. */
static void its_walk_records(struct its_walk *walk, struct hyp_its *its, const u64 *words,
			     u32 nr, u32 record_size, u32 first_id, its_walk_fn fn)
{
	u32 per_record = record_size / sizeof(*words);
	u64 i, end = (u64)nr * per_record;

	for (i = 0; i < end; i++) {
		if (likely(!words[i]))
			continue;

		fn(walk, its, first_id + i / per_record);
		i = roundup(i + 1, per_record) - 1;
	}
}

static void its_walk_used(struct its_walk *walk, struct hyp_its *its,
			  const struct hyp_its_table *table, its_walk_fn fn)
{
	u32 i;

	if (table->records)
		its_walk_records(walk, its, table->records, table->nr_entries,
				 table->record_size, 0, fn);
	if (!table->chunks)
		return;

	for (i = 0; i < table->nr_entries; i++) {
		if (table->chunks[i])
			its_walk_records(walk, its, hyp_phys_to_virt(table->chunks[i]),
					 table->per_page, table->record_size,
					 i * table->per_page, fn);
	}
}

static void its_walk_device(struct its_walk *walk, struct hyp_its *its, u32 device_id)
{
	struct hyp_its_use use = {};

	its_invariant(hyp_its_use_of_device(its, device_id, &use),
		      "a device with a record is one of the ITS's");
	its_invariant(its_walk_pages(walk, use.phys, use.size), "the ITT of a device is EL2's");

	walk->its.devices++;
	walk->its.itt_pages += its_nr_pages(use.phys, use.size);
	walk->its.unmaps += use.unmapping;
}

static void its_walk_vconfig(const struct hyp_its_use *use)
{
	u64 phys, size;
	u32 nr, refs;

	for (nr = 0; hyp_its_vconfig(nr, &phys, &size, &refs); nr++) {
		if (refs && phys == use->config && size == use->config_size) {
			its_vconfig_users[nr]++;
			return;
		}
	}

	its_invariant(false, "the configuration table of a vPE is known");
}

/* The first ITS that has a vPE stands for all of them. */
static bool its_is_first_with_vpe(struct hyp_its *its, u32 vpe_id, const struct hyp_its_use *use)
{
	struct hyp_its_use elsewhere;
	struct hyp_its *other;
	unsigned int nr;

	for (nr = 0; (other = hyp_its_by_number(nr)) && other != its; nr++) {
		if (!hyp_its_use_of_vpe(other, vpe_id, &elsewhere))
			continue;

		its_invariant(elsewhere.phys == use->phys && elsewhere.size == use->size &&
			      elsewhere.config == use->config,
			      "a vPE is the same to each ITS");
		return false;
	}

	return true;
}

static void its_walk_vpe(struct its_walk *walk, struct hyp_its *its, u32 vpe_id)
{
	struct hyp_its_use use;

	/* The record may be that of another ITS. */
	if (!hyp_its_use_of_vpe(its, vpe_id, &use))
		return;

	walk->its.vpes++;
	walk->its.vpe_unmaps += use.unmapping;
	if (!its_is_first_with_vpe(its, vpe_id, &use))
		return;

	its_invariant(its_walk_pages(walk, use.phys, use.size), "the VPT of a vPE is EL2's");
	if (use.config_size && walk->by > 0)
		its_walk_vconfig(&use);
}

static void its_check_unmaps(struct its_walk *walk, struct hyp_its *its)
{
	struct hyp_its_use use;
	u32 i;

	its_invariant(its->nr_unmaps <= ITS_MAX_UNMAPS && its->nr_leaving <= its->nr_unmaps &&
		      its->nr_vpe_unmaps <= ITS_MAX_UNMAPS,
		      "there are no more unmaps than there is room for");

	for (i = 0; i < its->nr_unmaps; i++)
		its_invariant(hyp_its_use_of_device(its, its->unmaps[i], &use) && use.unmapping,
			      "an unmap is that of a device");
	for (i = 0; i < its->nr_vpe_unmaps; i++)
		its_invariant(hyp_its_use_of_vpe(its, its->vpe_unmaps[i], &use) && use.unmapping,
			      "an unmap is that of a vPE");

	its_invariant(walk->its.unmaps == its->nr_unmaps, "each unmap of a device is remembered");
	its_invariant(walk->its.vpe_unmaps == its->nr_vpe_unmaps,
		      "each unmap of a vPE is remembered");
}

static void its_walk_its(struct its_walk *walk, struct hyp_its *its)
{
	const struct hyp_its_table *held = &its->internal_devices;
	int i;

	memset(&walk->its, 0, sizeof(walk->its));

	its_invariant(its_walk_pages(walk, hyp_virt_to_phys(its->queue), its->queue_size),
		      "the queue is EL2's");
	its_invariant(its_walk_pinned(walk, hyp_virt_to_phys(its->shadow), its->queue_size),
		      "the shadow of the queue is shared and pinned");

	for (i = 0; i < GITS_BASER_NR_REGS; i++) {
		if (its->tables[i].baser && !its->tables[i].shared)
			its_walk_table(walk, &its->tables[i]);
	}
	if (held->records)
		its_invariant(its_walk_pages(walk, hyp_virt_to_phys(held->records),
					     hyp_its_records_size(held)),
			      "the records of devices are EL2's");

	its_walk_used(walk, its, its->device_table, its_walk_device);
	if (its->vpe_table)
		its_walk_used(walk, its, its->vpe_table, its_walk_vpe);

	its_invariant(walk->its.devices == its->stats.devices &&
		      walk->its.itt_pages == its->stats.itt_pages, "each device is counted");
	its_invariant(walk->its.vpes == its->stats.vpes, "each vPE is counted");
	its_check_unmaps(walk, its);
}

static void its_check_vconfigs(struct its_walk *walk)
{
	u64 phys, size;
	u32 nr, refs;

	for (nr = 0; hyp_its_vconfig(nr, &phys, &size, &refs); nr++) {
		its_invariant(refs == its_vconfig_users[nr],
			      "each user of a configuration table of vPEs is counted");
		its_vconfig_users[nr] = 0;
		if (refs)
			its_invariant(its_walk_pinned(walk, phys, size),
				      "the configuration table of vPEs is shared and pinned");
	}
}

static u32 its_check_slots(const struct hyp_vpe_table *vpes)
{
	struct hyp_its *its;
	u64 slots = 0;
	u32 nr, users = 0;
	int i;

	for (nr = 0; (its = hyp_its_by_number(nr)); nr++) {
		for (i = 0; i < GITS_BASER_NR_REGS; i++) {
			if (its->tables[i].shared != vpes)
				continue;

			its_invariant(!(slots & BIT_ULL(its->vpe_slot)),
				      "each ITS has a record of a vPE for itself");
			slots |= BIT_ULL(its->vpe_slot);
			users++;
		}
	}

	its_invariant(slots == vpes->its_slots, "each record of a vPE is that of an ITS");

	return users;
}

static void its_walk_vpe_tables(struct its_walk *walk)
{
	const struct hyp_vpe_table *vpes;
	struct hyp_rdist *rdist;
	u32 nr, i, nr_rdists;

	for (nr = 0; (vpes = hyp_its_vpe_table(nr)); nr++) {
		if (!vpes->nr_users)
			continue;

		nr_rdists = 0;
		for (i = 0; (rdist = hyp_rdist_by_number(i)); i++)
			nr_rdists += rdist->vpe_table == vpes;

		its_invariant(nr_rdists == vpes->nr_rdists &&
			      its_check_slots(vpes) + nr_rdists == vpes->nr_users,
			      "each user of a vPE table is counted");
		its_walk_table(walk, &vpes->table);
	}
}

/* A bit for each INTID, in units of 64K. */
static u64 its_pend_size(const struct hyp_rdist *rdist)
{
	u32 intid_bits = (rdist->propbaser & GICR_PROPBASER_IDBITS_MASK) + 1;

	return ALIGN(BIT_ULL(intid_bits) / BITS_PER_BYTE, SZ_64K);
}

static void its_walk_rdists(struct its_walk *walk)
{
	struct hyp_rdist *rdist;
	u64 phys, size;
	u32 i, refs = 0;

	for (i = 0; (rdist = hyp_rdist_by_number(i)); i++) {
		if (!rdist->lpis)
			continue;

		refs++;
		its_invariant(its_walk_pages(walk, GICR_PENDBASER_ADDRESS(rdist->pendbaser),
					     its_pend_size(rdist)),
			      "a pending table is EL2's");
	}

	its_invariant(hyp_rdists_prop(&phys, &size) == refs,
		      "each user of the LPI configuration table is counted");
	if (refs)
		its_invariant(its_walk_pinned(walk, phys, size),
			      "the LPI configuration table is shared and pinned");
}

static void its_walk_all(struct its_walk *walk)
{
	struct hyp_its *its;
	u32 i;

	for (i = 0; i < its_nr_states; i++)
		its_invariant(its_walk_pages(walk, its_states[i].phys, its_states[i].size),
			      "the state is EL2's");

	for (i = 0; (its = hyp_its_by_number(i)); i++)
		its_walk_its(walk, its);
	its_walk_vpe_tables(walk);
	its_walk_rdists(walk);
}

static void its_check_pages(void)
{
	struct its_walk mark = { .by = 1 }, unmark = { .by = -1 };

	its_walk_all(&mark);
	its_check_vconfigs(&mark);
	its_invariant(mark.donated == its_donated,
		      "pages donated minus returned are the pages in use");
	its_invariant(mark.pinned == its_pinned,
		      "pages pinned minus unpinned are the pages in use");
	its_walk_all(&unmark);
}

static bool its_is_offset(const struct hyp_its *its, u32 offset)
{
	return offset < its->queue_size && IS_ALIGNED(offset, sizeof(struct its_cmd_block));
}

static void its_check_its(struct hyp_its *its)
{
	void __iomem *baser = its->region.base + GITS_BASER;
	int i;

	its_invariant(host_find_hyp_mmio(hyp_its_phys(its)) == &its->region,
		      "the registers of an ITS are EL2's");
	its_invariant(its_is_offset(its, its->posted) && its_is_offset(its, its->consumed) &&
		      its_is_offset(its, its->cwriter), "the queue has each offset");

	if (!hyp_its_is_enabled(its))
		return;

	its_invariant(readq_relaxed(its->region.base + GITS_CBASER) == its->cbaser,
		      "an ITS that is enabled has EL2's queue");
	for (i = 0; i < GITS_BASER_NR_REGS; i++)
		its_invariant(!its->tables[i].baser ||
			      readq_relaxed(baser + i * sizeof(u64)) == its->tables[i].baser,
			      "an ITS that is enabled has EL2's tables");
}

static bool its_find_use_of_vpe(u32 vpe_id, struct hyp_its_use *use)
{
	struct hyp_its *its;
	u32 nr;

	for (nr = 0; (its = hyp_its_by_number(nr)); nr++) {
		if (hyp_its_use_of_vpe(its, vpe_id, use))
			return true;
	}

	return false;
}

static void its_check_rdist(const struct hyp_rdist *rdist)
{
	struct hyp_its_use use;

	its_invariant(host_find_hyp_mmio(hyp_rdist_phys(rdist)) == &rdist->rd &&
		      (!rdist->vlpi.nr_pages ||
		       host_find_hyp_mmio(hyp_pfn_to_phys(rdist->vlpi.pfn)) == &rdist->vlpi),
		      "the registers of a redistributor are EL2's");
	its_invariant(!rdist->resident || its_find_use_of_vpe(rdist->resident - 1, &use),
		      "a vPE that may be resident has a VPT");
}

/* What EL2 knows of the vPE that GICR_VPENDBASER says is resident. */
static void its_check_resident(const struct hyp_rdist *rdist, u64 vpendbaser)
{
	struct hyp_its_use use;
	u64 config;

	its_invariant(rdist->resident && its_find_use_of_vpe(rdist->resident - 1, &use),
		      "a vPE that is resident is known");

	if (hyp_rdist_is_v4_1(rdist)) {
		its_invariant(FIELD_GET(GICR_VPENDBASER_4_1_VPEID, vpendbaser) ==
			      rdist->resident - 1, "the vPE that is known is resident");
		return;
	}

	config = readq_relaxed(rdist->vlpi.base + GICR_VPROPBASER) & GENMASK_ULL(51, 12);
	its_invariant((vpendbaser & GENMASK_ULL(51, 16)) == use.phys && config == use.config,
		      "a vPE that is resident has the tables that EL2 knows");
}

/* The registers of another CPU's may not be accessible. */
static void its_check_own_rdist(const struct hyp_rdist *rdist)
{
	void __iomem *rd = rdist->rd.base;
	u64 vpendbaser;

	if (readl_relaxed(rd + GICR_CTLR) & GICR_CTLR_ENABLE_LPIS)
		its_invariant(rdist->lpis &&
			      readq_relaxed(rd + GICR_PROPBASER) == rdist->propbaser &&
			      (readq_relaxed(rd + GICR_PENDBASER) & ~GICR_PENDBASER_PTZ) ==
			      rdist->pendbaser,
			      "LPIs are enabled with the tables that EL2 knows");

	if (!hyp_rdist_has_vlpis(rdist))
		return;

	vpendbaser = readq_relaxed(rdist->vlpi.base + GICR_VPENDBASER);
	if (vpendbaser & GICR_VPENDBASER_Valid)
		its_check_resident(rdist, vpendbaser);
}

static void its_check_registers(void)
{
	struct hyp_rdist *rdist;
	struct hyp_its *its;
	u32 i;

	for (i = 0; (its = hyp_its_by_number(i)); i++)
		its_check_its(its);

	for (i = 0; (rdist = hyp_rdist_by_number(i)); i++)
		its_check_rdist(rdist);

	rdist = hyp_rdist_of_this_cpu();
	if (rdist)
		its_check_own_rdist(rdist);
}

static void its_lock_all(void)
{
	struct hyp_rdist *rdist;
	struct hyp_its *its;
	u32 i;

	for (i = 0; (its = hyp_its_by_number(i)); i++)
		hyp_spin_lock(&its->lock);
	hyp_its_lock_vpes();
	for (i = 0; (rdist = hyp_rdist_by_number(i)); i++)
		hyp_spin_lock(&rdist->lock);
}

static void its_unlock_all(void)
{
	struct hyp_rdist *rdist;
	struct hyp_its *its;
	u32 i;

	for (i = 0; (rdist = hyp_rdist_by_number(i)); i++)
		hyp_spin_unlock(&rdist->lock);
	hyp_its_unlock_vpes();
	for (i = 0; (its = hyp_its_by_number(i)); i++)
		hyp_spin_unlock(&its->lock);
}

/**
 * hyp_its_check() - Check all that EL2 knows, if any of it has changed.
 *
 * To be called at the end of an entry, without any lock. If another CPU has checked
 * the change meanwhile, that will do. Panics if something does not hold.
 */
void hyp_its_check(void)
{
	if (!READ_ONCE(its_check_due) || !its_nr_states)
		return;

	its_lock_all();
	WRITE_ONCE(its_check_due, false);
	its_check_pages();
	its_check_registers();
	its_unlock_all();
}
