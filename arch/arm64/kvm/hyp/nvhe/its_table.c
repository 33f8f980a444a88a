// SPDX-License-Identifier: GPL-2.0-only
/*
 * The memory of an ITS that EL2 owns: tables, L2 pages and ITTs.
 *
 * Everything the ITS reads or writes is donated to EL2 before the ITS can see
 * it. What the host goes on writing are shadows, shared and pinned. Pages of
 * the ITS (psz) and of the host (PAGE_SIZE) are independent of each other: it
 * is always the host pages containing a range that are donated, so that a
 * page needed twice is refused the second time.
 */

#include <linux/bitfield.h>
#include <linux/log2.h>
#include <linux/overflow.h>

#include <asm/arch_gicv3.h>
#include <asm/kvm_hyp.h>
#include <asm/kvm_hypevents.h>

#include <nvhe/its_check.h>
#include <nvhe/its_emulate.h>
#include <nvhe/mem_protect.h>
#include <nvhe/memory.h>

/* No GIC has so many groups of redistributors and ITSs with a vPE table each. */
#define ITS_MAX_VPE_TABLES	32

/* The vPE tables that may have several users. Users only come and go at the hand-over. */
static struct hyp_vpe_table its_vpe_tables[ITS_MAX_VPE_TABLES];

/* The host pages that contain [phys, phys + size). */
static int its_host_pages(u64 phys, u64 size, u64 *pfn, u64 *nr_pages)
{
	u64 last;

	if (!size || check_add_overflow(phys, size - 1, &last))
		return -EINVAL;

	*pfn = hyp_phys_to_pfn(phys);
	*nr_pages = hyp_phys_to_pfn(last) - *pfn + 1;

	return 0;
}

/**
 * hyp_its_donate() - Donate the pages that contain a range to EL2.
 * @its:	The ITS that will use it; NULL if a redistributor brought it.
 * @phys:	Physical address of the range.
 * @size:	Its size in bytes.
 *
 * Before, every page must be the host's alone. After, all are EL2's, mapped at
 * EL2 and with their contents kept. On failure nothing has changed.
 *
 * The pages of the host may be larger than those of the ITS: a page that
 * contains two ranges is donated for the first and refused for the second.
 *
 * Return: 0; -EINVAL if the range is empty or wraps; -EPERM if part of it is
 * not memory or not the host's alone.
 */
int hyp_its_donate(struct hyp_its *its, u64 phys, u64 size)
{
	u64 pfn, nr_pages;
	int ret;

	ret = its_host_pages(phys, size, &pfn, &nr_pages);
	if (ret)
		return ret;

	ret = __pkvm_host_donate_hyp(pfn, nr_pages);
	if (ret)
		return ret;

	if (its) {
		its->stats.donated += nr_pages;
		its->bytes_left -= nr_pages << PAGE_SHIFT;
	}
	hyp_its_count_donated(nr_pages);
	trace_its_donate(its ? hyp_its_phys(its) : 0, hyp_pfn_to_phys(pfn), nr_pages);

	return 0;
}

/**
 * hyp_its_return() - Return the pages that contain a range to the host.
 * @its:	The ITS that used it, and that cannot reach it any more, or NULL.
 * @phys:	Physical address of the range.
 * @size:	Its size in bytes.
 *
 * Undoes hyp_its_donate(), and keeps the contents.
 */
void hyp_its_return(struct hyp_its *its, u64 phys, u64 size)
{
	u64 pfn, nr_pages;

	if (WARN_ON(its_host_pages(phys, size, &pfn, &nr_pages)))
		return;

	/* EL2 alone owns these pages, so this cannot fail. */
	WARN_ON(__pkvm_hyp_donate_host(pfn, nr_pages));

	if (its) {
		its->stats.returned += nr_pages;
		its->bytes_left -= nr_pages << PAGE_SHIFT;
	}
	hyp_its_count_donated(-nr_pages);
	trace_its_return(its ? hyp_its_phys(its) : 0, hyp_pfn_to_phys(pfn), nr_pages);
}

/**
 * hyp_its_clear() - Zero the pages that contain a range, for the ITS.
 * @phys:	Physical address of the range, donated.
 * @size:	Its size in bytes.
 *
 * The zeroes reach the Point of Coherency, for an ITS that does not snoop.
 */
void hyp_its_clear(u64 phys, u64 size)
{
	u64 pfn, nr_pages, i;
	void *va;

	if (WARN_ON(its_host_pages(phys, size, &pfn, &nr_pages)))
		return;

	va = hyp_phys_to_virt(hyp_pfn_to_phys(pfn));
	for (i = 0; i < nr_pages; i++)
		clear_page(va + (i << PAGE_SHIFT));
	kvm_flush_dcache_to_poc(va, nr_pages << PAGE_SHIFT);
}

/**
 * hyp_its_share() - Share the pages that contain a range the host goes on writing.
 * @phys:	Physical address of the range.
 * @size:	Its size in bytes.
 * @va:		Where to put its address at EL2.
 *
 * The pages are the host's alone before; after, EL2 maps them and the host
 * cannot take them back. On failure nothing has changed.
 *
 * Return: 0; -EINVAL if the range is empty, wraps or is not aligned to a
 * doubleword; -EPERM if part of it is not memory or not the host's alone.
 */
int hyp_its_share(u64 phys, u64 size, void **va)
{
	void *start = hyp_phys_to_virt(phys);
	u64 pfn, nr_pages, i;
	int ret;

	if (!IS_ALIGNED(phys, sizeof(u64)))
		return -EINVAL;

	ret = its_host_pages(phys, size, &pfn, &nr_pages);
	if (ret)
		return ret;

	for (i = 0; i < nr_pages; i++) {
		ret = __pkvm_host_share_hyp(pfn + i);
		if (ret)
			goto err_unshare;
	}

	ret = hyp_pin_shared_mem(start, start + size);
	if (ret)
		goto err_unshare;

	*va = start;
	hyp_its_count_pinned(nr_pages);

	return 0;

err_unshare:
	/* Before the pin another CPU of the host may have unshared them: no WARN. */
	while (i--)
		__pkvm_host_unshare_hyp(pfn + i);
	return ret;
}

/**
 * hyp_its_unshare() - Undo hyp_its_share(), before the host loses its privileges.
 * @va:		Address of the range at EL2.
 * @size:	Its size in bytes.
 */
void hyp_its_unshare(void *va, u64 size)
{
	u64 pfn, nr_pages;

	if (WARN_ON(its_host_pages(hyp_virt_to_phys(va), size, &pfn, &nr_pages)))
		return;

	hyp_unpin_shared_mem(va, va + size);
	hyp_its_count_pinned(-nr_pages);
	while (nr_pages--)
		WARN_ON(__pkvm_host_unshare_hyp(pfn + nr_pages));
}

static void its_count_device(struct hyp_its *its, u64 itt, u64 size, int by)
{
	u64 pfn, nr_pages;

	WARN_ON(its_host_pages(itt, size, &pfn, &nr_pages));
	its->stats.devices += by;
	its->stats.itt_pages += by * (s64)nr_pages;
}

/**
 * hyp_its_records_size() - Size of EL2's records, if there are any.
 * @table:	The table, decoded.
 *
 * Return: the bytes of those for the entries of a flat table, or of one L2 page.
 */
u64 hyp_its_records_size(const struct hyp_its_table *table)
{
	u32 nr = hyp_its_is_indirect(table) ? table->per_page : table->nr_entries;

	return (u64)nr * table->record_size;
}

/* A first level of its own with an address for each entry: that of the chunk. */
static u64 its_chunks_size(const struct hyp_its_table *table)
{
	return hyp_its_records_size(table) ? (u64)table->nr_entries * sizeof(u64) : 0;
}

static u64 its_shadow_size(const struct hyp_its_table *table)
{
	return table->size + its_chunks_size(table);
}

/* Section 12.19.1: psz, address, size and layout from GITS_BASERn. */
static void its_decode_baser(struct hyp_its_table *table, u64 baser)
{
	table->baser = baser;
	table->type = GITS_BASER_TYPE(baser);
	table->phys = gits_baser_address(baser);
	table->size = gits_baser_size(baser);
	table->indirect = baser & GITS_BASER_INDIRECT;
	table->coherent = baser & GITS_BASER_SHAREABILITY_MASK;
	table->psz = gits_baser_page_size(baser);
	table->entry_size = GITS_BASER_ENTRY_SIZE(baser);
	table->record_size = its_handover_record_size(table->type);
}

/* What follows from that. */
static int its_check_layout(struct hyp_its_table *table)
{
	if (!table->psz || !IS_ALIGNED(table->phys, table->psz))
		return -EINVAL;

	table->per_page = table->psz / table->entry_size;

	if (!hyp_its_is_indirect(table)) {
		table->nr_entries = table->size / table->entry_size;
		return 0;
	}

	/* Otherwise driver and hardware may not agree on the index. */
	if (!is_power_of_2(table->entry_size))
		return -EINVAL;

	table->nr_entries = table->size / GITS_LVL1_ENTRY_SIZE;

	return 0;
}

/*
 * The only place that decides what a valid first-level entry is, section 5.2.1:
 * bits [62:52] and those below the page size are RES0.
 */
static int its_decode_l1_entry(const struct hyp_its_table *table, u64 entry, u64 *phys)
{
	*phys = entry & PHYS_MASK;

	if (!(entry & GITS_BASER_VALID))
		return -ENOENT;

	if (entry & ~(GITS_BASER_VALID | PHYS_MASK))
		return -EINVAL;

	return IS_ALIGNED(*phys, table->psz) ? 0 : -EINVAL;
}

static u64 its_l1_entry(const struct hyp_its_table *table, u32 idx)
{
	return le64_to_cpu((__force __le64)table->l1[idx]);
}

/**
 * hyp_its_read_l1() - Read an entry of the real first level.
 * @table:	An indirect table of EL2's.
 * @idx:	Index of the entry, within the first level.
 * @phys:	Where to put the physical address of the L2 page.
 *
 * Return: 0; -ENOENT if the entry is not valid; -EINVAL if it is but has RES0
 * bits set or is not aligned to the page size of the ITS.
 */
int hyp_its_read_l1(const struct hyp_its_table *table, u32 idx, u64 *phys)
{
	return its_decode_l1_entry(table, its_l1_entry(table, idx), phys);
}

static void its_write_l1(struct hyp_its_table *table, u32 idx, u64 phys)
{
	u64 *entry = &table->l1[idx];

	WRITE_ONCE(*entry, (__force u64)cpu_to_le64(phys | GITS_BASER_VALID));
	if (!table->coherent)
		kvm_flush_dcache_to_poc(entry, sizeof(*entry));

	/* The ITS sees the entry before any command that needs it. */
	dsb(sy);
}

/* An L2 page and the chunk with EL2's records of its entries: both or neither. */
static int its_donate_l2_page(struct hyp_its *its, struct hyp_its_table *table, u64 l2,
			      u64 chunk)
{
	u64 size = hyp_its_records_size(table);
	int ret;

	/* 0 in the array of chunks means that there is none. */
	if (size && !chunk)
		return -EINVAL;

	if (!IS_ALIGNED(chunk, sizeof(u64)))
		return -EINVAL;

	ret = hyp_its_donate(its, l2, table->psz);
	if (ret || !size)
		return ret;

	ret = hyp_its_donate(its, chunk, size);
	if (ret) {
		hyp_its_return(its, l2, table->psz);
		return ret;
	}

	memset(hyp_phys_to_virt(chunk), 0, size);

	return 0;
}

static void its_return_l2_page(struct hyp_its *its, struct hyp_its_table *table, u64 l2,
			       u64 chunk)
{
	u64 size = hyp_its_records_size(table);

	if (size)
		hyp_its_return(its, chunk, size);
	hyp_its_return(its, l2, table->psz);
}

/* Undo its_donate_l2_pages() for the first @nr entries. */
static void its_return_l2_pages(struct hyp_its *its, struct hyp_its_table *table, u32 nr)
{
	u64 l2;

	while (nr--) {
		if (hyp_its_read_l1(table, nr, &l2))
			continue;

		its_return_l2_page(its, table, l2, table->chunks ? table->chunks[nr] : 0);
		table->nr_l2--;
	}
}

static int its_donate_l2_pages(struct hyp_its *its, struct hyp_its_table *table)
{
	u64 l2, chunk;
	int ret;
	u32 i;

	for (i = 0; i < table->nr_entries; i++) {
		ret = its_decode_l1_entry(table, its_l1_entry(table, i), &l2);
		if (ret == -ENOENT) {
			if (table->chunks)
				table->chunks[i] = 0;
			continue;
		}

		chunk = table->chunks ? table->chunks[i] : 0;
		if (!ret)
			ret = its_donate_l2_page(its, table, l2, chunk);
		if (ret)
			goto err_return;

		table->nr_l2++;
	}

	return 0;

err_return:
	its_return_l2_pages(its, table, i);
	return ret;
}

static int its_setup_records(struct hyp_its *its, struct hyp_its_table *table, u64 phys)
{
	bool indirect = hyp_its_is_indirect(table);
	u64 size = indirect ? its_chunks_size(table) : hyp_its_records_size(table);
	int ret;

	if (!size)
		return 0;

	if (!IS_ALIGNED(phys, sizeof(u64)))
		return -EINVAL;

	ret = hyp_its_donate(its, phys, size);
	if (ret)
		return ret;

	if (indirect)
		table->chunks = hyp_phys_to_virt(phys);
	else
		table->records = memset(hyp_phys_to_virt(phys), 0, size);

	return 0;
}

static void its_teardown_records(struct hyp_its *its, struct hyp_its_table *table)
{
	if (table->chunks)
		hyp_its_return(its, hyp_virt_to_phys(table->chunks), its_chunks_size(table));
	if (table->records)
		hyp_its_return(its, hyp_virt_to_phys(table->records), hyp_its_records_size(table));
}

static int its_setup_indirect(struct hyp_its *its, struct hyp_its_table *table, u64 phys)
{
	void *shadow;
	int ret;

	ret = hyp_its_share(phys, its_shadow_size(table), &shadow);
	if (ret)
		return ret;

	table->l1 = hyp_phys_to_virt(table->phys);
	table->shadow = shadow;

	ret = its_donate_l2_pages(its, table);
	if (ret)
		hyp_its_unshare(shadow, its_shadow_size(table));

	return ret;
}

static void its_teardown_indirect(struct hyp_its *its, struct hyp_its_table *table)
{
	its_return_l2_pages(its, table, table->nr_entries);
	hyp_its_unshare(table->shadow, its_shadow_size(table));
}

/*
 * Donate one table: what GITS_BASERn points to, then the L2 pages, all before
 * the host may write again. The first level is EL2's before it is read.
 */
static int its_donate_table(struct hyp_its *its, struct hyp_its_table *table,
			    const struct its_handover_table *desc)
{
	int ret;

	ret = hyp_its_donate(its, table->phys, table->size);
	if (ret)
		return ret;

	ret = its_setup_records(its, table, desc->records);
	if (ret)
		goto err_return_table;

	if (hyp_its_is_indirect(table))
		ret = its_setup_indirect(its, table, desc->shadow);
	if (ret)
		goto err_teardown_records;

	return 0;

err_teardown_records:
	its_teardown_records(its, table);
err_return_table:
	hyp_its_return(its, table->phys, table->size);
	return ret;
}

/*
 * Return one table: the L2 pages while the first level, which names them, is
 * still EL2's; the first level last.
 */
static void its_return_table(struct hyp_its *its, struct hyp_its_table *table)
{
	if (hyp_its_is_indirect(table))
		its_teardown_indirect(its, table);
	its_teardown_records(its, table);

	hyp_its_return(its, table->phys, table->size);
}

static struct hyp_vpe_table *its_find_vpe_table(u64 phys)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(its_vpe_tables); i++) {
		if (its_vpe_tables[i].nr_users && its_vpe_tables[i].table.phys == phys)
			return &its_vpe_tables[i];
	}

	return NULL;
}

static struct hyp_vpe_table *its_free_vpe_table(void)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(its_vpe_tables); i++) {
		if (!its_vpe_tables[i].nr_users)
			return &its_vpe_tables[i];
	}

	return NULL;
}

/* The host goes on writing one shadow, and brought one set of records. */
static bool its_is_same_table(const struct hyp_its_table *table,
			      const struct hyp_its_table *layout,
			      const struct its_handover_table *desc)
{
	void *records = hyp_its_is_indirect(table) ? table->chunks : table->records;

	if (table->size != layout->size || table->indirect != layout->indirect ||
	    table->psz != layout->psz || table->entry_size != layout->entry_size ||
	    table->record_size != layout->record_size)
		return false;

	if (table->shadow && hyp_virt_to_phys(table->shadow) != desc->shadow)
		return false;

	return !records || hyp_virt_to_phys(records) == desc->records;
}

static int its_join_vpe_table(struct hyp_its *its, struct hyp_vpe_table *vpes,
			      const struct hyp_its_table *layout,
			      const struct its_handover_table *desc)
{
	int ret = 0;

	if (!vpes->nr_users) {
		vpes->table = *layout;
		ret = its_donate_table(its, &vpes->table, desc);
	} else if (!its_is_same_table(&vpes->table, layout, desc)) {
		ret = -EINVAL;
	}

	if (ret)
		return ret;

	/* Whoever snoops least decides. */
	vpes->table.coherent &= layout->coherent;
	vpes->nr_users++;
	vpes->nr_rdists += !its;

	return 0;
}

static void its_leave_vpe_table(struct hyp_its *its, struct hyp_vpe_table *vpes)
{
	vpes->nr_rdists -= !its;
	if (!--vpes->nr_users)
		its_return_table(its, &vpes->table);
}

static int its_take_slot(struct hyp_its *its, struct hyp_vpe_table *vpes, u32 nr_its)
{
	its->vpe_slot = ffz(vpes->its_slots);
	if (its->vpe_slot >= nr_its)
		return -EINVAL;

	vpes->its_slots |= BIT_ULL(its->vpe_slot);

	return 0;
}

/**
 * hyp_its_get_vpe_table() - Own a vPE table together with others that use it.
 * @its:	The ITS that uses it; NULL if it is a redistributor.
 * @layout:	What its register says of it.
 * @desc:	What the host says of it.
 * @vpes:	Where to put the table.
 *
 * The first user donates the table as it would one of its own. For any other it is
 * EL2's already: what both say has to agree. An ITS gets a record of each vPE for
 * itself. On failure all is as before.
 *
 * Return: 0; -EINVAL if the table is not what another user said, or has no records
 * for one more ITS; -ENOSPC if there are too many tables; or the error of donating it.
 */
int hyp_its_get_vpe_table(struct hyp_its *its, const struct hyp_its_table *layout,
			  const struct its_handover_table *desc, struct hyp_vpe_table **vpes)
{
	struct hyp_its_table table = *layout;
	struct hyp_vpe_table *shared;
	int ret;

	/* Before the multiplication. There is always one bit that is clear. */
	if (its_check_layout(&table) || desc->nr_its >= BITS_PER_TYPE(shared->its_slots))
		return -EINVAL;

	table.record_size = desc->nr_its * its_handover_record_size(GITS_BASER_TYPE_VCPU);

	shared = its_find_vpe_table(table.phys) ?: its_free_vpe_table();
	if (!shared)
		return -ENOSPC;

	ret = its_join_vpe_table(its, shared, &table, desc);
	if (ret)
		return ret;

	ret = its ? its_take_slot(its, shared, desc->nr_its) : 0;
	if (ret)
		its_leave_vpe_table(its, shared);
	else
		*vpes = shared;

	return ret;
}

/**
 * hyp_its_put_vpe_table() - Undo hyp_its_get_vpe_table().
 * @its:	The ITS that used it, or NULL.
 * @vpes:	The table.
 *
 * The last user returns it.
 */
void hyp_its_put_vpe_table(struct hyp_its *its, struct hyp_vpe_table *vpes)
{
	if (its)
		vpes->its_slots &= ~BIT_ULL(its->vpe_slot);
	its_leave_vpe_table(its, vpes);
}

/* GICv4.1: redistributors and other ITSs use the same table. */
static bool its_shares_table(struct hyp_its *its, const struct hyp_its_table *table)
{
	return FIELD_GET(GITS_TYPER_SVPET, its->typer) && table->type == GITS_BASER_TYPE_VCPU;
}

static int its_setup_table(struct hyp_its *its, struct hyp_its_table *table,
			   const struct its_handover_table *desc)
{
	int ret;

	its_decode_baser(table, desc->baser);
	ret = its_check_layout(table);
	if (ret)
		return ret;

	if (table->phys != desc->base)
		return -EINVAL;

	if (its_shares_table(its, table))
		return hyp_its_get_vpe_table(its, table, desc, &table->shared);

	return its_donate_table(its, table, desc);
}

static void its_teardown_table(struct hyp_its *its, struct hyp_its_table *table)
{
	if (table->shared)
		hyp_its_put_vpe_table(its, table->shared);
	else
		its_return_table(its, table);
}

static void its_teardown_first_tables(struct hyp_its *its, int nr)
{
	while (nr--) {
		if (its->tables[nr].baser)
			its_teardown_table(its, &its->tables[nr]);
	}
}

/* What stands in for the Device table: flat, and with nothing that the ITS could read. */
static int its_setup_internal_devices(struct hyp_its *its, u64 records)
{
	struct hyp_its_table *table = &its->internal_devices;
	int ret;

	table->type = GITS_BASER_TYPE_DEVICE;
	table->record_size = its_handover_record_size(table->type);
	table->nr_entries = its_handover_internal_devices(its->typer);
	if (!table->nr_entries)
		return -E2BIG;

	ret = its_setup_records(its, table, records);
	if (!ret)
		its->device_table = table;

	return ret;
}

/**
 * hyp_its_setup_tables() - Donate every table of an ITS.
 * @its:	The ITS, whose registers agree with the description.
 * @desc:	The description, EL2's.
 *
 * Tables and L2 pages are the host's before and EL2's after; the shadows are
 * shared and pinned. If there is no Device table, only the memory of EL2's records
 * is donated in its place. On failure all is as before.
 *
 * Return: 0; -EINVAL if a table contradicts its GITS_BASERn, or a first-level
 * entry is malformed; -E2BIG if there is no Device table, and more DeviceIDs than
 * EL2 has records of then; -EPERM if a page is not the host's alone.
 */
int hyp_its_setup_tables(struct hyp_its *its, const struct its_handover *desc)
{
	int ret, i;

	for (i = 0; i < GITS_BASER_NR_REGS; i++) {
		struct hyp_its_table *table = &its->tables[i];

		if (!desc->tables[i].baser)
			continue;

		ret = its_setup_table(its, table, &desc->tables[i]);
		if (ret)
			goto err_teardown;

		if (table->type == GITS_BASER_TYPE_DEVICE)
			its->device_table = table;
		if (table->type == GITS_BASER_TYPE_VCPU && (its->typer & GITS_TYPER_VLPIS))
			its->vpe_table = table->shared ? &table->shared->table : table;
	}

	if (its->device_table)
		return 0;

	ret = its_setup_internal_devices(its, desc->device_records);
	if (!ret)
		return 0;

err_teardown:
	its_teardown_first_tables(its, i);
	return ret;
}

/**
 * hyp_its_teardown_tables() - Undo hyp_its_setup_tables().
 * @its:	The ITS, which cannot reach its tables any more.
 */
void hyp_its_teardown_tables(struct hyp_its *its)
{
	its_teardown_records(its, &its->internal_devices);
	its_teardown_first_tables(its, GITS_BASER_NR_REGS);
}

/**
 * hyp_its_id_in_range() - Does a table reach as far as this entry?
 * @table:	The table.
 * @id:		Any DeviceID, or whatever else the table is indexed by.
 *
 * Return: true if it does.
 */
bool hyp_its_id_in_range(const struct hyp_its_table *table, u32 id)
{
	if (hyp_its_is_indirect(table))
		id /= table->per_page;

	return id < table->nr_entries;
}

/**
 * hyp_its_record() - Find EL2's record beside an entry of a table.
 * @table:	A table of a type with records.
 * @id:		Any DeviceID, or whatever else the table is indexed by.
 *
 * Of a vPE table that ITSs share it is that of the first of them. Costs the same
 * however many entries are in use.
 *
 * Return: the record; NULL if the table does not reach so far or has no L2 page
 * there.
 */
void *hyp_its_record(const struct hyp_its_table *table, u32 id)
{
	u32 size = table->record_size;
	u64 chunk;
	u32 idx;

	if (!hyp_its_is_indirect(table))
		return id < table->nr_entries ? table->records + (u64)id * size : NULL;

	idx = id / table->per_page;
	if (idx >= table->nr_entries)
		return NULL;

	/* Once there is a chunk it stays, and a redistributor may look without a lock. */
	chunk = READ_ONCE(table->chunks[idx]);
	if (!chunk)
		return NULL;

	return hyp_phys_to_virt(chunk) + (id - idx * table->per_page) * size;
}

static bool its_is_device_id(struct hyp_its *its, u32 device_id)
{
	return device_id < BIT_ULL(FIELD_GET(GITS_TYPER_DEVBITS, its->typer) + 1);
}

/* 0 unless the device is mapped; NULL if the Device table does not reach so far. */
static u64 *its_device_record(struct hyp_its *its, u32 device_id)
{
	if (!its_is_device_id(its, device_id))
		return NULL;

	return hyp_its_record(its->device_table, device_id);
}

/**
 * hyp_its_donate_l2() - Make sure that a table has an L2 page for an entry.
 * @its:	The ITS, locked.
 * @table:	Its table.
 * @id:		Index of the entry, in range.
 *
 * If the real first level has no entry there, the host's shadow is read, once:
 * the L2 page, and the chunk for the records of its entries. Both are the host's
 * before and EL2's after; the page is cleared and only then named in the first
 * level, so that the ITS finds none of the host's bytes in it. Both stay EL2's
 * for good: the ITS may always look the page up.
 *
 * Return: PKVM_ITS_ACCEPTED, or why there is none; then nothing has changed.
 */
enum pkvm_its_refusal hyp_its_donate_l2(struct hyp_its *its, struct hyp_its_table *table, u32 id)
{
	u64 entry, l2, chunk = 0;
	u32 idx;

	if (!hyp_its_is_indirect(table))
		return PKVM_ITS_ACCEPTED;

	idx = id / table->per_page;
	if (!hyp_its_read_l1(table, idx, &l2))
		return PKVM_ITS_ACCEPTED;

	entry = le64_to_cpu((__force __le64)READ_ONCE(table->shadow[idx]));
	if (its_decode_l1_entry(table, entry, &l2))
		return PKVM_ITS_L2_ENTRY;

	if (table->chunks)
		chunk = READ_ONCE(table->shadow[table->nr_entries + idx]);
	if (its_donate_l2_page(its, table, l2, chunk))
		return PKVM_ITS_L2_OWNER;

	hyp_its_clear(l2, table->psz);
	if (table->chunks) {
		/* Whoever finds the chunk without a lock finds it clear. */
		smp_store_release(&table->chunks[idx], chunk);
	}
	its_write_l1(table, idx, l2);
	table->nr_l2++;

	return PKVM_ITS_ACCEPTED;
}

/**
 * hyp_its_rdists_reach() - Do the vPE tables of redistributors reach so far?
 * @vpe_id:	Any vPEID.
 *
 * Return: true if all do that there are.
 */
bool hyp_its_rdists_reach(u32 vpe_id)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(its_vpe_tables); i++) {
		if (its_vpe_tables[i].nr_rdists &&
		    !hyp_its_id_in_range(&its_vpe_tables[i].table, vpe_id))
			return false;
	}

	return true;
}

/**
 * hyp_its_donate_rdists_l2() - Make sure that redistributors have an L2 page for a vPE.
 * @its:	The ITS, locked, which is about to map the vPE.
 * @vpe_id:	The vPEID, which hyp_its_rdists_reach().
 *
 * As hyp_its_donate_l2() for each vPE table of redistributors, one after the other.
 * If one of them cannot have the page, those before it keep theirs, for good.
 *
 * Return: PKVM_ITS_ACCEPTED, or why there is none.
 */
enum pkvm_its_refusal hyp_its_donate_rdists_l2(struct hyp_its *its, u32 vpe_id)
{
	enum pkvm_its_refusal why = PKVM_ITS_ACCEPTED;
	int i;

	for (i = 0; i < ARRAY_SIZE(its_vpe_tables) && !why; i++) {
		if (its_vpe_tables[i].nr_rdists)
			why = hyp_its_donate_l2(its, &its_vpe_tables[i].table, vpe_id);
	}

	return why;
}

/*
 * The record of a device that has an ITT: the ITT and the number of its EventID
 * bits, laid out as doublewords 1 and 2 of MAPD. It is 0 for any other device.
 */
#define ITS_RECORD_VALID	BIT_ULL(63)
/* The ITS was told to unmap it; it may use the ITT until a SYNC after that. */
#define ITS_RECORD_UNMAPPING	BIT_ULL(62)
#define ITS_RECORD_ITT		GENMASK_ULL(51, 8)
#define ITS_RECORD_EVENT_BITS	GENMASK_ULL(5, 0)

static bool its_itt_size(struct hyp_its *its, u32 event_bits, u64 *size)
{
	if (!event_bits || event_bits > FIELD_GET(GITS_TYPER_IDBITS, its->typer) + 1)
		return false;

	*size = (u64)its->ite_size << event_bits;

	return true;
}

static u64 its_record_itt(struct hyp_its *its, u64 record, u64 *size)
{
	WARN_ON(!its_itt_size(its, FIELD_GET(ITS_RECORD_EVENT_BITS, record), size));

	return record & ITS_RECORD_ITT;
}

/* May a command name this device? Not any more once its unmap is posted. */
static bool its_device_is_mapped(const u64 *record)
{
	return record && (*record & ITS_RECORD_VALID) && !(*record & ITS_RECORD_UNMAPPING);
}

/**
 * hyp_its_check_event() - May a command name this event?
 * @its:	The ITS, locked.
 * @device_id:	Any DeviceID.
 * @event:	Any EventID.
 *
 * Return: PKVM_ITS_ACCEPTED if the device is mapped and its ITT has that event,
 * or why not.
 */
enum pkvm_its_refusal hyp_its_check_event(struct hyp_its *its, u32 device_id, u32 event)
{
	u64 *record = its_device_record(its, device_id);

	if (!its_device_is_mapped(record))
		return PKVM_ITS_DEVICE_UNMAPPED;

	if (event >= BIT_ULL(FIELD_GET(ITS_RECORD_EVENT_BITS, *record)))
		return PKVM_ITS_EVENT_RANGE;

	return PKVM_ITS_ACCEPTED;
}

/**
 * hyp_its_map_device() - Donate what it needs to map a device.
 * @its:	The ITS, locked.
 * @device_id:	Any DeviceID.
 * @itt:	Physical address of the ITT.
 * @event_bits:	Number of EventID bits.
 *
 * The pages of the ITT are the host's before and EL2's after, for as long as
 * the device is mapped, with their contents. The same holds for the L2 page of
 * the Device table if the device is the first to need it, see
 * hyp_its_donate_l2(). On failure nothing has changed: the ITS was never told of
 * the ITT, so that can be returned.
 *
 * Return: PKVM_ITS_ACCEPTED, or why the device cannot be mapped.
 */
enum pkvm_its_refusal hyp_its_map_device(struct hyp_its *its, u32 device_id, u64 itt,
					 u32 event_bits)
{
	enum pkvm_its_refusal why;
	u64 *record;
	u64 size;

	if (!its_is_device_id(its, device_id) ||
	    !hyp_its_id_in_range(its->device_table, device_id))
		return PKVM_ITS_DEVICE_RANGE;

	if (!its_itt_size(its, event_bits, &size))
		return PKVM_ITS_ITT_SIZE;

	record = its_device_record(its, device_id);
	if (record && *record)
		return PKVM_ITS_DEVICE_MAPPED;

	if ((itt & ~ITS_RECORD_ITT) || hyp_its_donate(its, itt, size))
		return PKVM_ITS_ITT_OWNER;

	why = hyp_its_donate_l2(its, its->device_table, device_id);
	if (why) {
		hyp_its_return(its, itt, size);
		return why;
	}

	record = its_device_record(its, device_id);
	*record = ITS_RECORD_VALID | itt | FIELD_PREP(ITS_RECORD_EVENT_BITS, event_bits);
	its_count_device(its, itt, size, 1);

	return PKVM_ITS_ACCEPTED;
}

/**
 * hyp_its_unmap_device() - Return the ITT of a device to the host.
 * @its:	The ITS, locked, that cannot reach the ITT any more.
 * @device_id:	The DeviceID of a device that hyp_its_map_device() accepted.
 *
 * Undoes hyp_its_map_device(), and keeps the contents of the ITT.
 */
void hyp_its_unmap_device(struct hyp_its *its, u32 device_id)
{
	u64 *record = its_device_record(its, device_id);
	u64 itt, size;

	itt = its_record_itt(its, *record, &size);
	hyp_its_return(its, itt, size);

	*record = 0;
	its_count_device(its, itt, size, -1);
}

/**
 * hyp_its_clear_itt() - Clear the ITT of a device before the ITS is told of it.
 * @its:	The ITS, locked.
 * @device_id:	The DeviceID of a device that hyp_its_map_device() accepted.
 *
 * The host could have written entries of its own into it.
 */
void hyp_its_clear_itt(struct hyp_its *its, u32 device_id)
{
	u64 itt, size;

	itt = its_record_itt(its, *its_device_record(its, device_id), &size);
	hyp_its_clear(itt, size);
}

/**
 * hyp_its_begin_unmap() - Let the ITS be told that a device is mapped no more.
 * @its:	The ITS, locked.
 * @device_id:	Any DeviceID.
 *
 * From now on no command may name the device. Its ITT stays EL2's until
 * hyp_its_complete_unmaps(), unless hyp_its_drop_unmap() or hyp_its_drop_unmaps() undoes this.
 *
 * Return: PKVM_ITS_ACCEPTED, or why the device cannot be unmapped.
 */
enum pkvm_its_refusal hyp_its_begin_unmap(struct hyp_its *its, u32 device_id)
{
	u64 *record = its_device_record(its, device_id);

	if (!its_device_is_mapped(record))
		return PKVM_ITS_DEVICE_UNMAPPED;

	if (its->nr_unmaps == ITS_MAX_UNMAPS)
		return PKVM_ITS_UNMAPS;

	its->unmaps[its->nr_unmaps++] = device_id;
	*record |= ITS_RECORD_UNMAPPING;

	return PKVM_ITS_ACCEPTED;
}

static void its_remove_unmap(struct hyp_its *its, u32 idx)
{
	its->nr_unmaps--;
	memmove(&its->unmaps[idx], &its->unmaps[idx + 1],
		(its->nr_unmaps - idx) * sizeof(its->unmaps[0]));
}

static void its_forget_unmap(struct hyp_its *its, u32 idx)
{
	*its_device_record(its, its->unmaps[idx]) &= ~ITS_RECORD_UNMAPPING;
	its_remove_unmap(its, idx);
}

/**
 * hyp_its_drop_unmaps() - Undo hyp_its_begin_unmap() for each device of an ITS.
 * @its:	The ITS, locked, whose queue is programmed anew.
 *
 * The ITTs are still EL2's, and the host may unmap the devices again.
 */
void hyp_its_drop_unmaps(struct hyp_its *its)
{
	while (its->nr_unmaps)
		its_forget_unmap(its, its->nr_unmaps - 1);

	its->nr_leaving = 0;
}

/**
 * hyp_its_drop_unmap() - Undo hyp_its_begin_unmap().
 * @its:	The ITS, locked, that will not execute the unmap.
 * @device_id:	The DeviceID of an unmap that was posted and not seen consumed.
 *
 * The ITT is still EL2's, and the host may unmap the device again.
 */
void hyp_its_drop_unmap(struct hyp_its *its, u32 device_id)
{
	u32 i;

	for (i = its->nr_leaving; i < its->nr_unmaps; i++) {
		if (its->unmaps[i] == device_id) {
			its_forget_unmap(its, i);
			return;
		}
	}
}

/**
 * hyp_its_complete_unmaps() - Return the ITTs that no ITS can use after a SYNC.
 * @its:	The ITS, locked, that has consumed a SYNC.
 *
 * The ITTs of the devices whose unmap was consumed before it are the host's after.
 * They are not cleared: what is in them the host said, in its commands. Any
 * redistributor will do (section 5.3, SYNC): the effects of all earlier commands
 * apply to later writes to GITS_TRANSLATER; and of the earlier ones none can be left
 * that is not translated, as the ITS cannot know that it is not for that
 * redistributor.
 *
 * Return: false if there is more to return than this entry may.
 */
bool hyp_its_complete_unmaps(struct hyp_its *its)
{
	while (its->nr_leaving) {
		if (!hyp_its_has_budget(its))
			return false;

		hyp_its_unmap_device(its, its->unmaps[0]);
		its_remove_unmap(its, 0);
		its->nr_leaving--;
	}

	return true;
}

#ifdef CONFIG_PKVM_ITS_CHECK
/**
 * hyp_its_vpe_table() - One of the vPE tables that may have several users.
 * @nr:		Its number, from 0.
 *
 * Return: the table, which none may use; NULL if there are not so many.
 */
const struct hyp_vpe_table *hyp_its_vpe_table(u32 nr)
{
	return nr < ARRAY_SIZE(its_vpe_tables) ? &its_vpe_tables[nr] : NULL;
}

/**
 * hyp_its_use_of_device() - What does the record of a device say?
 * @its:	The ITS, locked.
 * @device_id:	Any DeviceID.
 * @use:	Where to put it.
 *
 * Return: false if the device has no ITT.
 */
bool hyp_its_use_of_device(struct hyp_its *its, u32 device_id, struct hyp_its_use *use)
{
	u64 *record = its_device_record(its, device_id);

	if (!record || !*record)
		return false;

	*use = (struct hyp_its_use) { .unmapping = *record & ITS_RECORD_UNMAPPING };
	use->phys = its_record_itt(its, *record, &use->size);

	return true;
}
#endif
