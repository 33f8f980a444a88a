// SPDX-License-Identifier: GPL-2.0-only
/*
 * The memory of an ITS that EL2 owns: tables, L2 pages and ITTs.
 *
 * Everything the ITS reads or writes is donated to EL2 before the ITS can see
 * it. What the host goes on writing are shadows, shared and pinned. Pages of
 * the ITS (psz) and of the host (PAGE_SIZE) are independent of each other: it
 * is always the host pages containing a range that change hands, so that a
 * page needed twice is refused the second time.
 */

#include <linux/bitfield.h>
#include <linux/log2.h>
#include <linux/overflow.h>

#include <asm/arch_gicv3.h>
#include <asm/kvm_hyp.h>
#include <asm/kvm_hypevents.h>

#include <nvhe/its_emulate.h>
#include <nvhe/mem_protect.h>
#include <nvhe/memory.h>

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
 * its_donate() - Take from the host the pages that contain a range.
 * @its:	The ITS that will use it.
 * @phys:	Physical address of the range.
 * @size:	Its size in bytes.
 *
 * Before, every page must be the host's alone. After, all are EL2's, mapped at
 * EL2 and with their contents kept. On failure nothing changes hands.
 *
 * The pages of the host may be larger than those of the ITS: a page that
 * contains two ranges is donated for the first and refused for the second.
 *
 * Return: 0; -EINVAL if the range is empty or wraps; -EPERM if part of it is
 * not memory or not the host's alone.
 */
int its_donate(struct pkvm_its *its, u64 phys, u64 size)
{
	u64 pfn, nr_pages;
	int ret;

	ret = its_host_pages(phys, size, &pfn, &nr_pages);
	if (ret)
		return ret;

	if (its_inject_failure())
		return -EPERM;

	ret = __pkvm_host_donate_hyp(pfn, nr_pages);
	if (ret)
		return ret;

	its->stats.donated += nr_pages;
	its->bytes_left -= nr_pages << PAGE_SHIFT;
	trace_its_donate(its->region.phys, hyp_pfn_to_phys(pfn), nr_pages);

	return 0;
}

/**
 * its_return() - Give the pages that contain a range back to the host.
 * @its:	The ITS that used it, and that cannot reach it any more.
 * @phys:	Physical address of the range.
 * @size:	Its size in bytes.
 *
 * Undoes its_donate(), and keeps the contents.
 */
void its_return(struct pkvm_its *its, u64 phys, u64 size)
{
	u64 pfn, nr_pages;

	if (WARN_ON(its_host_pages(phys, size, &pfn, &nr_pages)))
		return;

	/* Only EL2 decides when these pages change hands, so this cannot fail. */
	WARN_ON(__pkvm_hyp_donate_host(pfn, nr_pages));

	its->stats.returned += nr_pages;
	its->bytes_left -= nr_pages << PAGE_SHIFT;
	trace_its_return(its->region.phys, hyp_pfn_to_phys(pfn), nr_pages);
}

/**
 * its_clear() - Zero the pages that contain a range, for or after the ITS.
 * @phys:	Physical address of the range, donated.
 * @size:	Its size in bytes.
 *
 * The zeroes reach the Point of Coherency, for an ITS that does not snoop.
 */
void its_clear(u64 phys, u64 size)
{
	u64 pfn, nr_pages;
	void *va;

	if (WARN_ON(its_host_pages(phys, size, &pfn, &nr_pages)))
		return;

	va = hyp_phys_to_virt(hyp_pfn_to_phys(pfn));
	memset(va, 0, nr_pages << PAGE_SHIFT);
	kvm_flush_dcache_to_poc(va, nr_pages << PAGE_SHIFT);
}

/**
 * its_share() - Share the pages that contain a range the host goes on writing.
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
int its_share(u64 phys, u64 size, void **va)
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
		ret = its_inject_failure() ? -EPERM : __pkvm_host_share_hyp(pfn + i);
		if (ret)
			goto err_unshare;
	}

	ret = its_inject_failure() ? -EPERM : hyp_pin_shared_mem(start, start + size);
	if (ret)
		goto err_unshare;

	*va = start;

	return 0;

err_unshare:
	/* Before the pin another CPU of the host may have unshared them: no WARN. */
	while (i--)
		__pkvm_host_unshare_hyp(pfn + i);
	return ret;
}

/**
 * its_unshare() - Undo its_share(), before the host loses its privileges.
 * @va:		Address of the range at EL2.
 * @size:	Its size in bytes.
 */
void its_unshare(void *va, u64 size)
{
	u64 pfn, nr_pages;

	if (WARN_ON(its_host_pages(hyp_virt_to_phys(va), size, &pfn, &nr_pages)))
		return;

	hyp_unpin_shared_mem(va, va + size);
	while (nr_pages--)
		WARN_ON(__pkvm_host_unshare_hyp(pfn + nr_pages));
}

static bool its_table_is_coherent(const struct its_table *table)
{
	return table->baser & GITS_BASER_SHAREABILITY_MASK;
}

/**
 * its_table_size() - What the ITS can reach from a GITS_BASERn.
 * @table:	The table, decoded.
 *
 * Return: the bytes of its pages, however many the driver allocated.
 */
u64 its_table_size(const struct its_table *table)
{
	return gits_baser_size(table->baser);
}

static u64 its_records_size(const struct its_table *table, u32 nr_entries)
{
	return (u64)nr_entries * its_handover_record_size(table->type);
}

/**
 * its_l2_size() - Size of what an L1 entry points to.
 * @table:	An indirect table, decoded.
 *
 * Return: the bytes of the L2 page and, if EL2 keeps records for this type of
 * table, of those for the page behind it, which the ITS does not reach.
 */
u64 its_l2_size(const struct its_table *table)
{
	return table->psz + its_records_size(table, table->per_page);
}

/* Section 12.19.1: psz, address, size and layout from GITS_BASERn. */
static int its_decode_baser(struct its_table *table, u64 baser)
{
	u32 esz = GITS_BASER_ENTRY_SIZE(baser);

	table->baser = baser;
	table->type = GITS_BASER_TYPE(baser);

	table->psz = gits_baser_page_size(baser);
	if (!table->psz)
		return -EINVAL;

	table->phys = gits_baser_address(baser);
	if (!IS_ALIGNED(table->phys, table->psz))
		return -EINVAL;

	table->per_page = table->psz / esz;

	if (!its_table_is_indirect(table)) {
		table->nr_entries = its_table_size(table) / esz;
		return 0;
	}

	/* Otherwise driver and hardware may not agree on the index. */
	if (!is_power_of_2(esz))
		return -EINVAL;

	table->nr_entries = its_table_size(table) / GITS_LVL1_ENTRY_SIZE;

	return 0;
}

/*
 * The only place that decides what a valid first-level entry is, section 5.2.1:
 * bits [62:52] and those below the page size are RES0.
 */
static __always_inline int its_decode_l1_entry(const struct its_table *table, u64 entry, u64 *phys)
{
	*phys = entry & PHYS_MASK;

	if (!(entry & GITS_BASER_VALID))
		return -ENOENT;

	if (entry & ~(GITS_BASER_VALID | PHYS_MASK))
		return -EINVAL;

	return IS_ALIGNED(*phys, table->psz) ? 0 : -EINVAL;
}

static u64 its_l1_entry(const struct its_table *table, u32 idx)
{
	return le64_to_cpu((__force __le64)table->l1[idx]);
}

/**
 * its_read_l1() - Read an entry of the real first level.
 * @table:	An indirect table of EL2's.
 * @idx:	Index of the entry, within the first level.
 * @phys:	Where to put the physical address of the L2 page.
 *
 * Return: 0; -ENOENT if the entry is not valid; -EINVAL if it is but has RES0
 * bits set or is not aligned to the page size of the ITS.
 */
int its_read_l1(const struct its_table *table, u32 idx, u64 *phys)
{
	return its_decode_l1_entry(table, its_l1_entry(table, idx), phys);
}

static void its_write_l1(struct its_table *table, u32 idx, u64 phys)
{
	u64 *entry = &table->l1[idx];

	WRITE_ONCE(*entry, (__force u64)cpu_to_le64(phys | GITS_BASER_VALID));
	if (!its_table_is_coherent(table))
		kvm_flush_dcache_to_poc(entry, sizeof(*entry));

	/* The ITS sees the entry before any command that needs it. */
	dsb(sy);
}

static void its_clear_records(const struct its_table *table, u64 l2)
{
	memset(hyp_phys_to_virt(l2 + table->psz), 0, its_l2_size(table) - table->psz);
}

/* Undo its_donate_l2_pages() for the first @nr entries. */
static void its_return_l2_pages(struct pkvm_its *its, struct its_table *table, u32 nr)
{
	u64 phys;

	while (nr--) {
		if (its_read_l1(table, nr, &phys))
			continue;

		its_return(its, phys, its_l2_size(table));
		table->nr_l2--;
	}
}

static int its_donate_l2_pages(struct pkvm_its *its, struct its_table *table)
{
	u64 phys;
	int ret;
	u32 i;

	for (i = 0; i < table->nr_entries; i++) {
		ret = its_decode_l1_entry(table, its_l1_entry(table, i), &phys);
		if (ret == -ENOENT)
			continue;

		if (!ret)
			ret = its_donate(its, phys, its_l2_size(table));
		if (ret)
			goto err_return;

		its_clear_records(table, phys);
		table->nr_l2++;
	}

	return 0;

err_return:
	its_return_l2_pages(its, table, i);
	return ret;
}

static int its_setup_indirect(struct pkvm_its *its, struct its_table *table,
			      const struct its_handover_table *desc)
{
	void *shadow;
	int ret;

	ret = its_share(desc->shadow, its_table_size(table), &shadow);
	if (ret)
		return ret;

	table->l1 = hyp_phys_to_virt(table->phys);
	table->shadow = shadow;

	ret = its_donate_l2_pages(its, table);
	if (ret)
		its_unshare(shadow, its_table_size(table));

	return ret;
}

static void its_teardown_indirect(struct pkvm_its *its, struct its_table *table)
{
	its_return_l2_pages(its, table, table->nr_entries);
	its_unshare(table->shadow, its_table_size(table));
}

static int its_setup_flat(struct pkvm_its *its, struct its_table *table,
			  const struct its_handover_table *desc)
{
	u64 size = its_records_size(table, table->nr_entries);
	int ret;

	if (!size)
		return 0;

	if (!IS_ALIGNED(desc->records, sizeof(u64)))
		return -EINVAL;

	ret = its_donate(its, desc->records, size);
	if (ret)
		return ret;

	table->records = hyp_phys_to_virt(desc->records);
	memset(table->records, 0, size);

	return 0;
}

static void its_teardown_flat(struct pkvm_its *its, struct its_table *table)
{
	if (table->records)
		its_return(its, hyp_virt_to_phys(table->records),
			   its_records_size(table, table->nr_entries));
}

/* GICv4.1: an ITS may have the same vPE table as redistributors and other ITSs. */
static bool its_shares_vpe_table(struct pkvm_its *its, const struct its_table *table)
{
	return table->type == GITS_BASER_TYPE_VCPU && FIELD_GET(GITS_TYPER_SVPET, its->typer);
}

/*
 * Take one table: what GITS_BASERn points to, then the L2 pages, all before the
 * host may write again. The first level is EL2's before it is read.
 */
static int its_setup_table(struct pkvm_its *its, struct its_table *table,
			   const struct its_handover_table *desc)
{
	int ret;

	ret = its_decode_baser(table, desc->baser);
	if (ret)
		return ret;

	if (table->phys != desc->base)
		return -EINVAL;

	table->borrowed = its_shares_vpe_table(its, table) &&
			  its_owns_shared_table(table->baser);
	if (table->borrowed)
		return 0;

	ret = its_donate(its, table->phys, its_table_size(table));
	if (ret)
		return ret;

	if (its_table_is_indirect(table))
		ret = its_setup_indirect(its, table, desc);
	else
		ret = its_setup_flat(its, table, desc);
	if (ret)
		its_return(its, table->phys, its_table_size(table));

	return ret;
}

/*
 * Give one table back: the L2 pages while the first level, which names them, is
 * still EL2's; the first level last.
 */
static void its_teardown_table(struct pkvm_its *its, struct its_table *table)
{
	if (table->borrowed)
		return;

	if (its_table_is_indirect(table))
		its_teardown_indirect(its, table);
	else
		its_teardown_flat(its, table);

	its_return(its, table->phys, its_table_size(table));
}

static void its_teardown_first_tables(struct pkvm_its *its, int nr)
{
	while (nr--) {
		if (its->tables[nr].baser)
			its_teardown_table(its, &its->tables[nr]);
	}
}

/**
 * its_setup_tables() - Take every table of an ITS.
 * @its:	The ITS, whose registers agree with the description.
 * @desc:	The description, EL2's.
 *
 * Tables and L2 pages are the host's before and EL2's after; the shadows are
 * shared and pinned. On failure all is as before.
 *
 * Return: 0; -EINVAL if a table contradicts its GITS_BASERn, or a first-level
 * entry is malformed; -ENODEV if there is no Device table; -EPERM if a page is
 * not the host's to give.
 */
int its_setup_tables(struct pkvm_its *its, const struct its_handover *desc)
{
	int ret, i;

	for (i = 0; i < GITS_BASER_NR_REGS; i++) {
		struct its_table *table = &its->tables[i];

		if (!desc->tables[i].baser)
			continue;

		ret = its_setup_table(its, table, &desc->tables[i]);
		if (ret)
			goto err_teardown;

		if (table->type == GITS_BASER_TYPE_DEVICE)
			its->device_table = table;
		if (table->type == GITS_BASER_TYPE_VCPU && (its->typer & GITS_TYPER_VLPIS))
			its->vpe_table = table;
	}

	if (its->device_table)
		return 0;

	ret = -ENODEV;
err_teardown:
	its_teardown_first_tables(its, i);
	return ret;
}

/**
 * its_teardown_tables() - Undo its_setup_tables().
 * @its:	The ITS, which cannot reach its tables any more.
 */
void its_teardown_tables(struct pkvm_its *its)
{
	its_teardown_first_tables(its, GITS_BASER_NR_REGS);
}

/**
 * its_id_in_range() - Does a table reach as far as this entry?
 * @table:	The table.
 * @id:		Any DeviceID, or whatever else the table is indexed by.
 */
bool its_id_in_range(const struct its_table *table, u32 id)
{
	if (its_table_is_indirect(table))
		id /= table->per_page;

	return id < table->nr_entries;
}

/**
 * its_record() - Find EL2's record beside an entry of a table.
 * @table:	A table of a type with records.
 * @id:		Any DeviceID, or whatever else the table is indexed by.
 *
 * Costs the same however many entries are in use.
 *
 * Return: the record; NULL if the table does not reach so far or has no L2 page
 * there.
 */
void *its_record(const struct its_table *table, u32 id)
{
	u32 size = its_handover_record_size(table->type);
	u64 phys;
	u32 idx;

	if (!its_table_is_indirect(table))
		return id < table->nr_entries ? table->records + (u64)id * size : NULL;

	idx = id / table->per_page;
	if (idx >= table->nr_entries ||
	    its_decode_l1_entry(table, its_l1_entry(table, idx), &phys))
		return NULL;

	return hyp_phys_to_virt(phys + table->psz) + (id - idx * table->per_page) * size;
}

static bool its_is_device_id(struct pkvm_its *its, u32 device_id)
{
	return device_id < BIT_ULL(FIELD_GET(GITS_TYPER_DEVBITS, its->typer) + 1);
}

/**
 * its_device_record() - Find EL2's record of a device.
 * @its:	The ITS, locked.
 * @device_id:	Any DeviceID.
 *
 * Return: the record, which is 0 unless the device is mapped; NULL if the
 * Device table does not reach so far or has no L2 page there.
 */
u64 *its_device_record(struct pkvm_its *its, u32 device_id)
{
	if (!its_is_device_id(its, device_id))
		return NULL;

	return its_record(its->device_table, device_id);
}

/**
 * its_link_l2() - Make sure that a table has an L2 page for an entry.
 * @its:	The ITS, locked.
 * @table:	Its table.
 * @id:		Index of the entry, in range.
 *
 * If the real first level has no entry there, the host's shadow is read, once.
 * The page it names is the host's before and EL2's after; it is cleared and
 * only then linked, so that the ITS finds none of the host's bytes in it. It
 * stays EL2's for good: the ITS may always look it up.
 *
 * Return: PKVM_ITS_ACCEPTED, or why there is none; then nothing has changed.
 */
enum pkvm_its_refusal its_link_l2(struct pkvm_its *its, struct its_table *table, u32 id)
{
	u32 idx = id / table->per_page;
	u64 entry, phys;

	if (!its_table_is_indirect(table) || !its_read_l1(table, idx, &phys))
		return PKVM_ITS_ACCEPTED;

	entry = le64_to_cpu((__force __le64)READ_ONCE(table->shadow[idx]));
	if (its_decode_l1_entry(table, entry, &phys))
		return PKVM_ITS_L2_ENTRY;

	if (its_donate(its, phys, its_l2_size(table)))
		return PKVM_ITS_L2_OWNER;

	its_clear(phys, its_l2_size(table));
	its_write_l1(table, idx, phys);
	table->nr_l2++;

	return PKVM_ITS_ACCEPTED;
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

/**
 * its_itt_size() - Size of an Interrupt Translation Table.
 * @its:	The ITS.
 * @event_bits:	Number of EventID bits of the device.
 * @size:	Where to put the size in bytes.
 *
 * Return: false if GITS_TYPER does not allow that many bits.
 */
bool its_itt_size(struct pkvm_its *its, u32 event_bits, u64 *size)
{
	if (!event_bits || event_bits > FIELD_GET(GITS_TYPER_IDBITS, its->typer) + 1)
		return false;

	*size = (u64)its->ite_size << event_bits;

	return true;
}

/**
 * its_device_is_mapped() - May a command name this device?
 * @record:	The record of the device.
 *
 * Return: false as well from the moment its unmap is posted.
 */
bool its_device_is_mapped(u64 record)
{
	return (record & ITS_RECORD_VALID) && !(record & ITS_RECORD_UNMAPPING);
}

/**
 * its_event_in_range() - Does the ITT of a mapped device hold this EventID?
 * @record:	The record of the device.
 * @event:	Any EventID.
 */
bool its_event_in_range(u64 record, u32 event)
{
	return event < BIT_ULL(FIELD_GET(ITS_RECORD_EVENT_BITS, record));
}

/**
 * its_map_device() - Take what it needs to map a device.
 * @its:	The ITS, locked.
 * @device_id:	Any DeviceID.
 * @itt:	Physical address of the ITT.
 * @event_bits:	Number of EventID bits.
 *
 * The pages of the ITT are the host's before and EL2's after, for as long as
 * the device is mapped. The same holds for the L2 page of the Device table if
 * the device is the first to need it, see its_link_l2(). On failure nothing
 * has changed: the ITS was never told of the ITT, so that can be returned.
 *
 * Return: PKVM_ITS_ACCEPTED, or why the device cannot be mapped.
 */
enum pkvm_its_refusal its_map_device(struct pkvm_its *its, u32 device_id, u64 itt,
				     u32 event_bits)
{
	u64 pages = its->stats.donated;
	enum pkvm_its_refusal why;
	u64 *record;
	u64 size;

	if (!its_is_device_id(its, device_id) ||
	    !its_id_in_range(its->device_table, device_id))
		return PKVM_ITS_DEVICE_RANGE;

	if (!its_itt_size(its, event_bits, &size))
		return PKVM_ITS_ITT_SIZE;

	record = its_device_record(its, device_id);
	if (record && *record)
		return PKVM_ITS_DEVICE_MAPPED;

	if ((itt & ~ITS_RECORD_ITT) || its_donate(its, itt, size))
		return PKVM_ITS_ITT_OWNER;

	pages = its->stats.donated - pages;
	why = its_link_l2(its, its->device_table, device_id);
	if (why) {
		its_return(its, itt, size);
		return why;
	}

	record = its_device_record(its, device_id);
	*record = ITS_RECORD_VALID | itt | FIELD_PREP(ITS_RECORD_EVENT_BITS, event_bits);
	its->stats.devices++;
	its->stats.itt_pages += pages;

	return PKVM_ITS_ACCEPTED;
}

static u64 its_record_itt(struct pkvm_its *its, u64 record, u64 *size)
{
	WARN_ON(!its_itt_size(its, FIELD_GET(ITS_RECORD_EVENT_BITS, record), size));

	return record & ITS_RECORD_ITT;
}

/**
 * its_unmap_device() - Give the ITT of a device back to the host.
 * @its:	The ITS, locked, that cannot reach the ITT any more.
 * @record:	The record of the device, 0 after.
 *
 * Undoes its_map_device(), and keeps the contents of the ITT.
 */
void its_unmap_device(struct pkvm_its *its, u64 *record)
{
	u64 pages = its->stats.returned;
	u64 itt, size;

	itt = its_record_itt(its, *record, &size);
	its_return(its, itt, size);

	*record = 0;
	its->stats.devices--;
	its->stats.itt_pages -= its->stats.returned - pages;
}

/**
 * its_begin_unmap() - Let the ITS be told that a device is mapped no more.
 * @its:	The ITS, locked.
 * @device_id:	Any DeviceID.
 *
 * From now on no command may name the device. Its ITT stays EL2's until
 * its_complete_unmaps(), unless its_drop_unmap() or its_drop_unmaps() undoes this.
 *
 * Return: PKVM_ITS_ACCEPTED, or why the device cannot be unmapped.
 */
enum pkvm_its_refusal its_begin_unmap(struct pkvm_its *its, u32 device_id)
{
	u64 *record = its_device_record(its, device_id);

	if (!record || !its_device_is_mapped(*record))
		return PKVM_ITS_DEVICE_UNMAPPED;

	if (its->nr_unmaps == ITS_MAX_UNMAPS)
		return PKVM_ITS_UNMAPS;

	its->unmaps[its->nr_unmaps++] = device_id;
	*record |= ITS_RECORD_UNMAPPING;

	return PKVM_ITS_ACCEPTED;
}

static void its_remove_unmap(struct pkvm_its *its, u32 idx)
{
	its->nr_unmaps--;
	memmove(&its->unmaps[idx], &its->unmaps[idx + 1],
		(its->nr_unmaps - idx) * sizeof(its->unmaps[0]));
}

static void its_forget_unmap(struct pkvm_its *its, u32 idx)
{
	*its_device_record(its, its->unmaps[idx]) &= ~ITS_RECORD_UNMAPPING;
	its_remove_unmap(its, idx);
}

/**
 * its_drop_unmaps() - Undo its_begin_unmap() for each device of an ITS.
 * @its:	The ITS, locked, whose queue is programmed anew.
 *
 * The ITTs are still EL2's, and the host may unmap the devices again.
 */
void its_drop_unmaps(struct pkvm_its *its)
{
	while (its->nr_unmaps)
		its_forget_unmap(its, its->nr_unmaps - 1);

	its->nr_leaving = 0;
}

/**
 * its_drop_unmap() - Undo its_begin_unmap().
 * @its:	The ITS, locked, that will not execute the unmap.
 * @device_id:	The DeviceID of an unmap that was posted and not seen consumed.
 *
 * The ITT is still EL2's, and the host may unmap the device again.
 */
void its_drop_unmap(struct pkvm_its *its, u32 device_id)
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
 * its_complete_unmaps() - Give back the ITTs that a SYNC has set free.
 * @its:	The ITS, locked, that has consumed a SYNC.
 *
 * The ITTs of the devices whose unmap was consumed before it are the host's after,
 * empty. Any redistributor will do (section 5.3, SYNC): the effects of all earlier
 * commands apply to later writes to GITS_TRANSLATER; and of the earlier ones none
 * can be left that is not translated, as the ITS cannot know that it is not for
 * that redistributor.
 *
 * Return: false if there is more to give back than this entry may.
 */
bool its_complete_unmaps(struct pkvm_its *its)
{
	u64 *record, itt, size;

	while (its->nr_leaving) {
		if (!its_has_budget(its))
			return false;

		record = its_device_record(its, its->unmaps[0]);
		itt = its_record_itt(its, *record, &size);
		its_clear(itt, size);
		its_unmap_device(its, record);
		its_remove_unmap(its, 0);
		its->nr_leaving--;
	}

	return true;
}
