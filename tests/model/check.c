// SPDX-License-Identifier: GPL-2.0-only
/*
 * What must hold after every step. Sizes and addresses come from the registers
 * the ITS had when it was handed over; EL2 is asked for its records only.
 */

#include "model.h"

#include <nvhe/its_emulate.h>

#define VALID		BIT_ULL(63)
#define INDIRECT	BIT_ULL(62)
#define ENABLED		BIT(0)
#define TYPE_DEVICE	1
#define TYPE_VPE	2
#define MAPD		0x08
#define VMAPP		0x29
#define NR_SECRET	8

/* Which step claimed a page: each has one user. */
static u32 claims[NR_PAGES];
static u32 now, nr_claimed;

static void claim_page(u64 phys, const char *what)
{
	struct page *page;

	check(is_ram(phys, 1), "%s at %#llx is not memory", what, phys);
	page = page_of(phys);
	check(!page->secret, "%s at %#llx is the hypervisor's own memory", what, phys);
	check(claims[page - pages] != now, "%s at %#llx: the page has two users", what, phys);
	claims[page - pages] = now;
}

static void claim(u64 phys, u64 size, const char *what)
{
	u64 page;

	for (page = ALIGN_DOWN(phys, PAGE_SIZE); page < phys + size; page += PAGE_SIZE) {
		claim_page(page, what);
		check(page_is_el2(page_of(page)), "%s at %#llx is not EL2's", what, page);
		nr_claimed++;
	}
}

static void claim_shared(u64 phys, u64 size, const char *what)
{
	u64 page;

	for (page = ALIGN_DOWN(phys, PAGE_SIZE); page < phys + size; page += PAGE_SIZE) {
		claim_page(page, what);
		check(page_of(page)->host == SHARED_OWNED && page_of(page)->pins,
		      "%s at %#llx is not shared and pinned", what, page);
	}
}

static u64 records_size(u64 baser, u64 nr)
{
	if (hw_type(baser) == TYPE_DEVICE)
		return nr * ITS_DEVICE_RECORD_SIZE;

	return hw_type(baser) == TYPE_VPE ? nr * ITS_VPE_RECORD_SIZE : 0;
}

u64 host_l2_size(u64 baser)
{
	return hw_psz(baser) + records_size(baser, hw_psz(baser) / hw_esz(baser));
}

u64 host_records_size(u64 baser)
{
	return records_size(baser, hw_table_size(baser) / hw_esz(baser));
}

static void check_table(struct host_its *hi, u32 nr)
{
	u64 baser = hi->hw.owned_baser[nr];
	u32 i;

	claim(hw_base(baser), hw_table_size(baser), "a table");
	if (!(baser & INDIRECT)) {
		if (host_records_size(baser))
			claim(hi->records[nr], host_records_size(baser), "a table's records");
		return;
	}

	claim_shared(hi->shadow[nr], hw_table_size(baser), "the shadow of a table");
	check(hi->el2->tables[nr].nr_l2 == hi->hw.nr_l2[nr], "EL2 counts other L2 pages");
	for (i = 0; i < hi->hw.nr_l2[nr]; i++)
		claim(hi->hw.l1_seen[nr][hi->hw.l2_idx[nr][i]] & ~VALID, host_l2_size(baser),
		      "an L2 page");
}

/* The offsets of commands that the ITS has not executed. */
#define for_each_pending(off, hi)						\
	for (off = (hi)->hw.creadr; off != (hi)->el2->posted;			\
	     off = (off + 32) % hw_queue_size((hi)->hw.owned_cbaser))

static void find_pending(struct host_its *hi)
{
	u64 off = 0, slot, dw0, nr = hw_queue_size(hi->hw.owned_cbaser) / 32;

	/* An ITS that lost its registers says nothing about what is pending. */
	if (hi->hw.cbaser & VALID) {
		off = hi->hw.creadr;
		nr = (hi->el2->posted - off) / 32 % nr;
	}

	for (; nr--; off = (off + 32) % hw_queue_size(hi->hw.owned_cbaser)) {
		slot = hw_queue_base(hi->hw.owned_cbaser) + off;
		dw0 = ram_read(slot);
		if ((dw0 & 0xff) == MAPD)
			hw_device(&hi->hw, dw0 >> 32, true);
		if ((dw0 & 0xff) == VMAPP)
			hw_vpe(&hi->hw, ram_read(slot + 8) >> 32 & 0xffff);
	}
}

static bool is_pending(struct host_its *hi, u32 id)
{
	u64 off, slot;

	for_each_pending(off, hi) {
		slot = hw_queue_base(hi->hw.owned_cbaser) + off;
		if (ram_read(slot) == ((u64)id << 32 | MAPD))
			return true;
	}

	return false;
}

/* EL2 may know of devices that a slow, stalled or reset ITS does not map. */
static void check_device(struct host_its *hi, struct hw_device *dev)
{
	u64 *record = its_device_record(hi->el2, dev->id), itt, size;

	if (!record || !*record) {
		check(!dev->mapped, "the ITS maps device %#x, EL2 does not", dev->id);
		return;
	}

	itt = its_record_itt(hi->el2, *record, &size);
	claim(itt, size, "an ITT");
	if (dev->mapped)
		check(itt == dev->itt && size >= hw_itt_size(&hi->hw, dev->bits),
		      "the ITS and EL2 disagree on the ITT of device %#x", dev->id);
	else
		check(timeouts || hi->hw.shadowed || hi->hw.dropped || is_pending(hi, dev->id),
		      "EL2 maps device %#x, the ITS does not", dev->id);
}

static void check_devices(struct host_its *hi)
{
	u32 i, nr = 0, nr_pages = nr_claimed;
	u64 *record;

	for (i = 0; i < hi->hw.nr_devices; i++) {
		check_device(hi, &hi->hw.devices[i]);
		record = its_device_record(hi->el2, hi->hw.devices[i].id);
		nr += record && *record;
	}

	check(hi->el2->stats.devices == nr, "EL2 counts %llu devices, of %u",
	      hi->el2->stats.devices, nr);
	check(hi->el2->stats.itt_pages == nr_claimed - nr_pages, "EL2 counts other ITT pages");
}

/* The first word of EL2's record: VPT and state, 0 if there is none. */
static u64 vpe_record(struct host_its *hi, u32 id)
{
	u64 *record = its_vpe_in_range(hi->el2, id) ? its_record(hi->el2->vpe_table, id) : NULL;

	return record ? *record : 0;
}

/* A vPEID is the same vPE on every ITS: the VPT is its, not the ITS's. */
static void claim_vpt(struct host_its *hi, u32 id, u64 vpt)
{
	struct host_its *other;

	for (other = its_of; other < hi; other++) {
		if (other->hw.owned && vpe_record(other, id))
			return;
	}

	claim(vpt, hw_vpt_size(hi->hw.lpi_bits), "a VPT");
}

static void check_vconf(u64 vconf, u64 size)
{
	u64 page;

	for (page = vconf; page < vconf + size; page += PAGE_SIZE)
		check(page_of(page)->host == SHARED_OWNED && page_of(page)->pins,
		      "a virtual configuration table at %#llx is not shared and pinned", page);
}

static void check_vpe(struct host_its *hi, struct hw_vpe *vpe)
{
	u64 record = vpe_record(hi, vpe->id), vpt = record & GENMASK_ULL(51, 16);

	if (!record) {
		check(!vpe->mapped && !vpe->leaving, "the ITS uses vPE %#x, EL2 has none", vpe->id);
		return;
	}

	claim_vpt(hi, vpe->id, vpt);
	if (vpe->mapped || vpe->leaving)
		check(vpe->vpt == vpt, "the ITS and EL2 disagree on the VPT of vPE %#x", vpe->id);
	else
		check(timeouts || hi->hw.shadowed || hi->hw.dropped ||
		      hi->hw.creadr != hi->el2->posted,
		      "EL2 maps vPE %#x, the ITS does not", vpe->id);
	if (vpe->mapped && vpe->vconf)
		check_vconf(vpe->vconf, BIT_ULL(hi->hw.lpi_bits) - 8192);
}

static void check_vpes(struct host_its *hi)
{
	u32 i, nr = 0;

	for (i = 0; i < hi->hw.nr_vpes; i++) {
		check_vpe(hi, &hi->hw.vpes[i]);
		nr += !!vpe_record(hi, hi->hw.vpes[i].id);
	}

	check(hi->el2->stats.vpes == nr, "EL2 counts %llu vPEs, of %u", hi->el2->stats.vpes, nr);
}

/* Each command that EL2 posted is executed once, or dropped by a reset. */
static void check_queue(struct host_its *hi)
{
	struct hw_its *hw = &hi->hw;
	u64 off, nr = 0;

	if (!(hw->cbaser & VALID))
		return;

	check(hw->cwriter == hi->el2->posted, "EL2 has not told the ITS what it posted");
	for_each_pending(off, hi)
		nr++;
	if (hw->dropped == ~0ULL)
		hi->dropped_base = hi->el2->stats.posted - hw->executed - nr;
	hw->dropped = !!hi->dropped_base;
	check(hi->el2->stats.posted == hw->executed + nr + hi->dropped_base,
	      "the ITS has executed %llu commands of %llu", hw->executed, hi->el2->stats.posted);
}

static void check_registers(struct host_its *hi)
{
	struct hw_its *hw = &hi->hw;
	u32 i;

	check(hw->region == &hi->el2->region, "EL2 has lost the frame");
	check(hi->el2->cwriter < hw_queue_size(hw->owned_cbaser) &&
	      hi->el2->posted < hw_queue_size(hw->owned_cbaser), "a pointer outside the queue");
	if (!(hw->ctlr & ENABLED) || power_any)
		return;

	check(hw->cbaser == hw->owned_cbaser, "the ITS is on with another GITS_CBASER");
	for (i = 0; i < HW_NR_BASER; i++)
		check(!(hw->owned_baser[i] & VALID) || hw->baser[i] == hw->owned_baser[i],
		      "the ITS is on with another GITS_BASER%u", i);
}

static u64 check_its(struct host_its *hi)
{
	struct hw_its *hw = &hi->hw;
	u32 i;

	check_registers(hi);
	claim(hi->state_phys, hi->state_size, "EL2's state");
	claim(hw_queue_base(hw->owned_cbaser), hw_queue_size(hw->owned_cbaser), "the queue");
	claim_shared(hi->shadow_queue, hw_queue_size(hw->owned_cbaser), "the shadow queue");
	for (i = 0; i < HW_NR_BASER; i++) {
		if (hw->owned_baser[i] & VALID)
			check_table(hi, i);
	}

	check_queue(hi);
	find_pending(hi);
	check_devices(hi);
	check_vpes(hi);

	return hi->el2->stats.donated - hi->el2->stats.returned;
}

void check_live(void)
{
	u64 owned = 0;
	u32 i;

	now++;
	nr_claimed = 0;
	check(!nr_locks_held, "EL2 left with a lock held");
	for (i = 0; i < nr_hw; i++) {
		if (its_of[i].hw.owned)
			owned += check_its(&its_of[i]);
	}

	/* A VPT counts for the first ITS that has it, and returns with the last. */
	check(owned == nr_claimed, "EL2 says it owns %llu pages, it uses %u", owned, nr_claimed);
	check(owned + NR_SECRET == own_count_el2(), "%u pages are EL2's, it knows of %llu",
	      own_count_el2() - NR_SECRET, owned);
}

/* The same, and nothing moved in a first level. */
void check_all(void)
{
	u32 i;

	for (i = 0; i < nr_hw; i++) {
		if (its_of[i].hw.owned)
			hw_check_l1(&its_of[i].hw);
	}
	check_live();
}

static void unmap_all(struct host_its *hi)
{
	u64 *record;
	u32 i;

	hi->hw.ctlr = 0;
	for (i = 0; i < hi->hw.nr_devices; i++) {
		record = its_device_record(hi->el2, hi->hw.devices[i].id);
		if (record && *record)
			its_unmap_device(hi->el2, record);
	}
	for (i = 0; i < hi->hw.nr_vpes; i++) {
		if (vpe_record(hi, hi->hw.vpes[i].id))
			its_complete_vpe_unmap(hi->el2, hi->hw.vpes[i].id);
	}
	check(!hi->el2->stats.devices && !hi->el2->stats.itt_pages && !hi->el2->stats.vpes,
	      "devices or vPEs are left");
}

static void teardown(struct host_its *hi)
{
	struct its_handover desc = {};

	hi->hw.owned = false;
	its_teardown(hi->el2, &desc);
}

void check_teardown(void)
{
	u64 owned = NR_SECRET;
	u32 i;

	check_all();
	deprivileged = false;
	for (i = 0; i < NR_PAGES; i++)
		pages[i].others = 0;
	/* A configuration table may well be in the shadow of another ITS. */
	for (i = 0; i < nr_hw; i++) {
		if (its_of[i].hw.owned)
			unmap_all(&its_of[i]);
	}
	for (i = 0; i < nr_hw; i++) {
		if (its_of[i].hw.owned) {
			teardown(&its_of[i]);
			owned += its_of[i].state_size >> PAGE_SHIFT;
		}
	}

	check(own_count_el2() == owned, "EL2 keeps pages after the teardown");
	for (i = 0; i < NR_PAGES; i++)
		check(!pages[i].pins, "page %#x is pinned after the teardown", i);
}
