// SPDX-License-Identifier: GPL-2.0-only
/*
 * What must hold after every step. Sizes and addresses come from the registers
 * the ITS had when it was handed over; EL2 is asked for its records only.
 */

#include "model.h"

#include <nvhe/its_emulate.h>
#include <nvhe/its_rdist.h>

#define VALID		BIT_ULL(63)
#define INDIRECT	BIT_ULL(62)
#define ENABLED		BIT(0)
#define TYPE_DEVICE	1
#define TYPE_VPE	2
#define MAPD		0x08
#define VMAPP		0x29
#define SYNC		0x05
#define NR_SECRET	8

/* The largest thing that one command gives away, beside what is bounded. */
#define LARGEST(hi)	((u64)(hi)->el2->ite_size << (((hi)->hw.typer >> 8 & 0x1f) + 1))

/* Which step claimed a page: each has one user. */
static u32 claims[NR_PAGES];
static u32 now, nr_claimed;

/* Which step saw a use for a page that is shared and pinned. */
static u32 pin_claims[NR_PAGES];

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

static void claim_pin(u64 phys, u64 size, const char *what)
{
	u64 page;

	for (page = ALIGN_DOWN(phys, PAGE_SIZE); page < phys + size; page += PAGE_SIZE) {
		check(is_ram(page, 1), "%s at %#llx is not memory", what, page);
		check(page_of(page)->host == SHARED_OWNED && page_of(page)->pins == 1,
		      "%s at %#llx is not shared and pinned, once", what, page);
		pin_claims[page_of(page) - pages] = now;
	}
}

static void claim_shared(u64 phys, u64 size, const char *what)
{
	u64 page;

	for (page = ALIGN_DOWN(phys, PAGE_SIZE); page < phys + size; page += PAGE_SIZE)
		claim_page(page, what);
	claim_pin(phys, size, what);
}

/* What EL2 shared and pinned has a use; what has none is as it was before. */
static void check_pins(void)
{
	u64 i;

	for (i = 0; i < NR_PAGES; i++) {
		if (pin_claims[i] == now)
			continue;
		check(!pages[i].pins, "page %#llx is pinned, and EL2 has no use for it", i);
		check(pages[i].host != SHARED_OWNED || !pages[i].by_el2,
		      "EL2 has shared page %#llx, and has no use for it", i);
	}
}

static u64 records_size(u64 baser, u64 nr)
{
	if (hw_type(baser) == TYPE_DEVICE)
		return nr * ITS_DEVICE_RECORD_SIZE;

	return hw_type(baser) == TYPE_VPE ? nr * nr_vpe_records * ITS_VPE_RECORD_SIZE : 0;
}

/* The records of an L2 page; 0 if there are none. */
u64 host_chunk_size(u64 baser)
{
	return records_size(baser, hw_psz(baser) / hw_esz(baser));
}

/* Those of a flat table, or the addresses of the chunks; 0 if there are none. */
u64 host_records_size(u64 baser)
{
	if (baser & INDIRECT)
		return host_chunk_size(baser) ? hw_table_size(baser) : 0;

	return records_size(baser, hw_table_size(baser) / hw_esz(baser));
}

/* The host's copy of a first level, and of the addresses of the chunks. */
u64 host_shadow_size(u64 baser)
{
	return hw_table_size(baser) + host_records_size(baser);
}

/* Those of an ITS that holds its Device table itself; 0 if there would be too many. */
u64 host_held_size(struct hw_its *hw)
{
	u32 bits = (hw->typer >> 13 & 0x1f) + 1;

	return bits <= 20 ? 8ULL << bits : 0;
}

static u64 el2_chunk(struct host_its *hi, u32 nr, u32 idx)
{
	return ram_read(hi->records[nr] + idx * 8);
}

static void check_chunk(struct host_its *hi, u32 nr, u32 idx)
{
	u64 chunk = el2_chunk(hi, nr, idx), *seen = &hi->chunks[nr][idx];

	check(IS_ALIGNED(chunk, 8), "the records of an L2 page are at %#llx, unaligned", chunk);
	check(!*seen || *seen == chunk, "the records of an L2 page were at %#llx, and are at %#llx",
	      *seen, chunk);
	*seen = chunk;
	claim(chunk, host_chunk_size(hi->hw.owned_baser[nr]), "the records of an L2 page");
}

/* No chunk without an L2 page. */
static void check_chunks(struct host_its *hi)
{
	u64 baser;
	u32 nr, idx;

	for (nr = 0; nr < HW_NR_BASER; nr++) {
		baser = hi->hw.owned_baser[nr];
		if (!hi->chunks[nr] || !(baser & VALID))
			continue;
		for (idx = 0; idx < hw_table_size(baser) / 8; idx++)
			check(hi->hw.l1_seen[nr][idx] || !el2_chunk(hi, nr, idx),
			      "EL2 has records at %#llx, and no L2 page for them",
			      el2_chunk(hi, nr, idx));
	}
}

/* The ITS has just been handed over: EL2 has a record of each device, and no other. */
void check_new_records(struct host_its *hi)
{
	u64 off, nr = 0;

	if (!hi->hw.holds_devices)
		return;

	for (off = 0; off < host_held_size(&hi->hw); off += 8)
		nr += !!ram_read(hi->records[0] + off);
	check(nr == hi->el2->stats.devices, "EL2 has records of %llu devices, of %llu",
	      nr, hi->el2->stats.devices);
}

/* EL2 has just named an L2 page in a first level: it has no record of its entries. */
void check_new_l2(struct hw_its *hw, u32 nr, u32 idx)
{
	struct host_its *hi = container_of(hw, struct host_its, hw);
	u64 chunk = hi->chunks[nr] ? el2_chunk(hi, nr, idx) : 0;
	u64 size = host_chunk_size(hw->owned_baser[nr]);

	check(IS_ALIGNED(chunk, 8), "the records of an L2 page are at %#llx, unaligned", chunk);
	check(!chunk || !is_ram(chunk, size) || ram_is_zero(chunk, size),
	      "the records of a new L2 page are the host's bytes");
}

static void check_table(struct host_its *hi, u32 nr)
{
	u64 baser = hi->hw.owned_baser[nr];
	u32 i;

	if (hi->sharer && hw_type(baser) == TYPE_VPE)
		return;

	claim(hw_base(baser), hw_table_size(baser), "a table");
	if (host_records_size(baser))
		claim(hi->records[nr], host_records_size(baser), "a table's records");
	if (!(baser & INDIRECT))
		return;

	claim_shared(hi->shadow[nr], host_shadow_size(baser), "the shadow of a table");
	check(hyp_its_used_table(&hi->el2->tables[nr])->nr_l2 == hi->hw.nr_l2[nr], "EL2 counts other L2 pages");
	for (i = 0; i < hi->hw.nr_l2[nr]; i++) {
		claim(hi->hw.l1_seen[nr][hi->hw.l2_idx[nr][i]] & ~VALID, hw_psz(baser), "an L2 page");
		if (hi->chunks[nr])
			check_chunk(hi, nr, hi->hw.l2_idx[nr][i]);
	}
}

/* EL2's record of a device: ITT and EventID bits; 0 if it has none. */
static u64 device_record(struct host_its *hi, u32 id)
{
	bool in_range = fls64(id) <= (hi->hw.typer >> 13 & 0x1f) + 1;
	u64 *record = in_range ? hyp_its_record(hi->el2->device_table, id) : NULL;

	return record ? *record : 0;
}

/* False if EL2 has none. */
bool el2_itt(struct hw_its *hw, u32 id, u64 *itt, u64 *size)
{
	struct host_its *hi = container_of(hw, struct host_its, hw);
	u64 record = device_record(hi, id);

	*size = (u64)hi->el2->ite_size << (record & 0x3f);

	*itt = record & GENMASK_ULL(51, 8);

	return record;
}

/* Of the commands that the ITS has not executed, whom EL2 may have a record of. */
static void find_pending(struct host_its *hi)
{
	struct hw_its *hw = &hi->hw;
	u32 off;

	for (off = hw->q.next; off != hw->q.wrote; off = (off + 32) % hw_queue_size(hw->owned_cbaser)) {
		struct hw_cmd *cmd = &hw->q.seen[off / 32];

		if ((cmd->dw[0] & 0xff) == MAPD)
			hw_device(hw, cmd->dw[0] >> 32, true);
		if ((cmd->dw[0] & 0xff) == VMAPP)
			hw_vpe(hw, cmd->dw[1] >> 32 & 0xffff);
	}
}

/*
 * EL2 may have an ITT for a device that the ITS does not map: its MAPD is still to
 * be executed, or never will be; or it was unmapped and there was no SYNC yet.
 */
static void check_device(struct host_its *hi, struct hw_device *dev)
{
	u64 size, itt;

	if (!el2_itt(&hi->hw, dev->id, &itt, &size)) {
		check(!dev->mapped, "the ITS maps device %#x, EL2 does not", dev->id);
		check(!dev->old.mapped, "the ITS may still use the ITT of device %#x", dev->id);
		return;
	}

	claim(itt, size, "an ITT");
	if (dev->mapped)
		check(itt == dev->itt && size >= hw_itt_size(&hi->hw, dev->bits),
		      "the ITS and EL2 disagree on the ITT of device %#x", dev->id);
	else
		check(dev->owed || dev->lost || hw_pending(&hi->hw, MAPD, dev->id, true),
		      "EL2 maps device %#x, the ITS does not", dev->id);
}

static void check_devices(struct host_its *hi)
{
	u32 i, nr = 0, nr_pages = nr_claimed;

	for (i = 0; i < hi->hw.nr_devices; i++) {
		check_device(hi, &hi->hw.devices[i]);
		nr += !!device_record(hi, hi->hw.devices[i].id);
	}

	check(hi->el2->stats.devices == nr, "EL2 counts %llu devices, of %u",
	      hi->el2->stats.devices, nr);
	check(hi->el2->stats.itt_pages == nr_claimed - nr_pages, "EL2 counts other ITT pages");
}

/* The record of this ITS, of those that there are beside an entry. */
static u64 *vpe_words(struct host_its *hi, u32 id)
{
	u64 *records = hyp_its_vpe_in_range(hi->el2, id) ? hyp_its_record(hi->el2->vpe_table, id) : NULL;

	return records ? records + hi->el2->vpe_slot * ITS_VPE_RECORD_SIZE / 8 : NULL;
}

/* The first word of EL2's record: VPT and state, 0 if there is none. */
static u64 vpe_record(struct host_its *hi, u32 id)
{
	u64 *record = vpe_words(hi, id);

	return record ? *record : 0;
}

u64 el2_vpt(struct hw_its *hw, u32 id)
{
	return hw->owned ? vpe_record(container_of(hw, struct host_its, hw), id) : 0;
}

u32 el2_consumed(struct hw_its *hw)
{
	return container_of(hw, struct host_its, hw)->el2->consumed;
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

/* The configuration table in EL2's record, if there is one. */
bool el2_vconf(struct hw_its *hw, u32 id, u64 *vconf)
{
	struct host_its *hi = container_of(hw, struct host_its, hw);
	u64 *record = hw->owned && vpe_record(hi, id) ? vpe_words(hi, id) : NULL;

	*vconf = record ? record[1] & GENMASK_ULL(51, 12) : 0;

	return record && record[1];
}

/* On any ITS, as far as the host is concerned. */
bool el2_vpe_is_mapped(u32 id)
{
	u32 i;

	for (i = 0; i < nr_hw; i++) {
		if (el2_vpt(&its_of[i].hw, id) >> 61 == 4)
			return true;
	}

	return false;
}

static void check_vpe(struct host_its *hi, struct hw_vpe *vpe)
{
	u64 record = vpe_record(hi, vpe->id), vpt = record & GENMASK_ULL(51, 16), vconf;

	if (!record) {
		check(!vpe->mapped && !vpe->leaving, "the ITS uses vPE %#x, EL2 has none", vpe->id);
		return;
	}

	claim_vpt(hi, vpe->id, vpt);
	if (el2_vconf(&hi->hw, vpe->id, &vconf))
		claim_pin(vconf, BIT_ULL(hi->hw.lpi_bits), "a virtual configuration table");
	if (vpe->mapped || vpe->leaving)
		check(vpe->vpt == vpt, "the ITS and EL2 disagree on the VPT of vPE %#x", vpe->id);
	else
		check(vpe->owed || vpe->lost || hw_pending(&hi->hw, VMAPP, vpe->id, true),
		      "EL2 maps vPE %#x, the ITS does not", vpe->id);
	if (vpe->mapped && vpe->vconf)
		claim_pin(vpe->vconf, BIT_ULL(hi->hw.lpi_bits) - 8192,
			  "a virtual configuration table");
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

static u32 distance(struct host_its *hi, u32 from, u32 to)
{
	u32 size = hw_queue_size(hi->hw.owned_cbaser);

	return (to + size - from) % size / 32;
}

/* Each command that EL2 posted is executed once, or dropped with the queue. */
static void check_queue(struct host_its *hi)
{
	struct hw_its *hw = &hi->hw;
	u32 pending = distance(hi, hw->q.next, hw->q.wrote);
	u32 before = entry.consumed[hi - its_of], consumed = hi->el2->consumed;

	check(entry.dropped || distance(hi, before, consumed) <=
	      distance(hi, before, entry.posted[hi - its_of]) + entry.cmds,
	      "EL2 has completed commands up to %#x, and posted them up to %#x", consumed, hw->q.wrote);
	check(distance(hi, consumed, hw->q.wrote) >= pending,
	      "EL2 has completed commands up to %#x, the ITS is at %#x", consumed, hw->q.next);
	check(hw->q.wrote == hi->el2->posted, "EL2 has not told the ITS what it posted");
	check(hi->el2->stats.posted == hw->executed + pending + hw->dropped,
	      "the ITS has executed %llu commands of %llu", hw->executed, hi->el2->stats.posted);
}

/*
 * What EL2 has not seen executed is all that may be: the ITS may come across each
 * other slot again, of those that this entry has completed or of the whole queue.
 */
static void check_old_slots(struct host_its *hi, bool all)
{
	u32 size = hw_queue_size(hi->hw.owned_cbaser), consumed = hi->el2->consumed, nr;
	u32 outstanding, off = all ? hi->el2->posted : entry.consumed[hi - its_of];
	u64 *dw;

	check(consumed < size, "EL2 saw the ITS at %#x", consumed);
	outstanding = distance(hi, consumed, hi->el2->posted);
	nr = all ? size / 32 - outstanding : distance(hi, off, consumed);
	for (; nr--; off = (off + 32) % size) {
		if (distance(hi, consumed, off) < outstanding)
			continue;
		dw = hyp_phys_to_virt(hw_queue_base(hi->hw.owned_cbaser) + off);
		check(dw[0] == SYNC && !dw[1] && hw_is_target(&hi->hw, dw[2]) && !dw[3],
		      "the slot at %#x, which was executed, holds a command", off);
	}
}

/* What one entry into EL2 may take, which is spent with interrupts off. */
static void check_entry(void)
{
	u64 largest = 0;
	u32 i, nr, done = 0;

	if (entry.suspending || in_handover)
		return;

	for (i = 0; i < nr_hw; i++) {
		if (!its_of[i].hw.owned)
			continue;
		largest = max(largest, LARGEST(&its_of[i]));
		if (!entry.dropped)
			done += distance(&its_of[i], entry.consumed[i], its_of[i].el2->consumed);
	}
	/*
	 * Beside an ITT there may be a page of a table and its records, or beside these a
	 * VPT. A command that is refused in the end gives all of it back.
	 */
	largest += 4 * SZ_64K + 4 * PAGE_SIZE;
	for (i = 0; i < MAX_RDISTS; i++)
		largest += rdist_vpes[i].owned ? SZ_64K + PAGE_SIZE : 0;
	nr = 1 + entry.others;
	check(entry.cmds + done <= nr * ITS_BUDGET_CMDS,
	      "EL2 posts %u commands and completes %u in one entry", entry.cmds, done);
	check(entry.reads <= nr * 4 + entry.cmds + done, "EL2 reads GITS_CREADR %u times in one entry",
	      entry.reads);
	check(entry.bytes < nr * (ITS_BUDGET_BYTES + 2 * largest),
	      "%llu bytes change hands in one entry", entry.bytes);
	check(entry.cleared < nr * (ITS_BUDGET_BYTES + largest), "EL2 clears %llu bytes in one entry",
	      entry.cleared);
}

/* The pages of an unmapped device or vPE: EL2 has no record, or one of a new mapping. */
static void check_paid(struct host_its *hi)
{
	struct hw_its *hw = &hi->hw;
	u64 told = hw->q.told;
	u32 i;

	for (i = 0; i < hw->nr_devices; i++) {
		struct hw_device *dev = &hw->devices[i];

		if (!dev->owed || !dev->synced || told <= dev->synced_at)
			continue;
		check(!device_record(hi, dev->id) || hw_pending(hw, MAPD, dev->id, true),
		      "the host reads that device %#x is unmapped, its ITT is EL2's", dev->id);
		dev->owed = false;
	}
	for (i = 0; i < hw->nr_vpes; i++) {
		struct hw_vpe *vpe = &hw->vpes[i];

		if (!vpe->owed || !vpe->synced || told <= vpe->synced_at)
			continue;
		check(!vpe_record(hi, vpe->id) || hw_pending(hw, VMAPP, vpe->id, true),
		      "the host reads that vPE %#x is unmapped, its VPT is EL2's", vpe->id);
		vpe->owed = false;
	}
}

/* What the host reads from GITS_CREADR: never more than was executed, nor less than before. */
void check_told(struct host_its *hi, u64 creadr)
{
	struct hw_its *hw = &hi->hw;
	u64 off = creadr & GENMASK_ULL(19, 5), behind;
	bool refused, stalled = creadr & 1;

	hw_look(hw);
	hw_catch_up(hw);
	check(off < hw_queue_size(hw->owned_cbaser) && !(creadr & ~(off | 1)),
	      "GITS_CREADR reads as %#llx", creadr);
	if (hw->q.vague)
		return;

	behind = distance(hi, off, hw->q.next);
	check(behind <= hw->q.done - hw->q.told, "GITS_CREADR reads as %#llx, the ITS is at %#x",
	      creadr, hw->q.next);
	hw->q.told = hw->q.done - behind;
	check_paid(hi);

	refused = hw->q.next == hw->q.wrote && off == hw->q.wrote;
	check(!stalled || refused || (hw->stalled && off == hw->creadr),
	      "GITS_CREADR reads as stalled at %#llx, the ITS is at %#x", off, hw->q.next);
}

/* The ITS has executed all that EL2 posted: neither waits for the other. */
void check_settled(struct host_its *hi)
{
	struct hw_its *hw = &hi->hw;
	u32 i;

	for (i = 0; i < hw->nr_devices; i++)
		check(!hw->devices[i].mapped || !(device_record(hi, hw->devices[i].id) & BIT_ULL(62)),
		      "EL2 waits for an unmap of device %#x that is not in the queue",
		      hw->devices[i].id);
	for (i = 0; i < hw->nr_vpes; i++)
		check(!hw->vpes[i].mapped || vpe_record(hi, hw->vpes[i].id) >> 61 == 4,
		      "EL2 waits for an unmap of vPE %#x that is not in the queue", hw->vpes[i].id);
}

/* Whatever firmware does now, an ITS finds nothing to do. */
void check_suspended(struct host_its *hi)
{
	struct hw_its *hw = &hi->hw;

	check(hw_is_off(hw), "the system is suspended, and the ITS is not off");
	check(hw->cbaser == hw->owned_cbaser && !hw->creadr && !hw->cwriter,
	      "the system is suspended, and the queue is at %#llx, %#llx", hw->creadr, hw->cwriter);
	check(!hi->el2->posted && !hi->el2->consumed, "EL2 posted what no ITS will execute");
	check_old_slots(hi, true);
}

static void check_registers(struct host_its *hi)
{
	struct hw_its *hw = &hi->hw;
	u32 i;

	check(host_find_hyp_mmio(hw->phys) == &hi->el2->region, "EL2 has lost the frame");
	check(hi->el2->cwriter < hw_queue_size(hw->owned_cbaser) &&
	      hi->el2->posted < hw_queue_size(hw->owned_cbaser), "a pointer outside the queue");
	if (!(hw->ctlr & ENABLED))
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
	if (hw->holds_devices)
		claim(hi->records[0], host_held_size(hw), "the records of the devices");
	for (i = 0; i < HW_NR_BASER; i++) {
		if (hw->owned_baser[i] & VALID)
			check_table(hi, i);
	}

	hw_look(hw);
	hw_catch_up(hw);
	check_queue(hi);
	check_old_slots(hi, entry.dropped);
	find_pending(hi);
	check_devices(hi);
	check_vpes(hi);

	return hi->el2->stats.donated - hi->el2->stats.returned;
}

static void check_frame(u64 phys, u64 size, bool owned)
{
	struct hyp_mmio_region *region = host_find_hyp_mmio(phys);

	check(owned ? region && hyp_pfn_to_phys(region->pfn) == phys &&
	      region->nr_pages << PAGE_SHIFT == size && region->host_reads : !region,
	      "the frame at %#llx is not %s's", phys, owned ? "EL2" : "the host");
}

/* What is resident, or still in use, is a vPE that EL2 knows, with that VPT. */
static void check_residency(struct hw_rdist *rd, struct hyp_rdist *el2)
{
	u32 i, id = el2->resident - 1;
	bool known = false;
	u64 vconf;

	check(el2->resident, "a redistributor uses the VPT at %#llx, and EL2 does not know",
	      rdist_vpt(rd));
	for (i = 0; i < nr_hw; i++) {
		u64 record = el2_vpt(&its_of[i].hw, id);

		if (!record)
			continue;
		known = true;
		check((record & GENMASK_ULL(51, 16)) == rdist_vpt(rd) &&
		      el2_vconf(&its_of[i].hw, id, &vconf) && vconf == rdist_vconf(rd),
		      "a redistributor uses another VPT or configuration table for vPE %#x", id);
	}
	check(known, "a redistributor uses the VPT of vPE %#x, EL2 has none", id);
}

static u64 check_rdist(struct hw_rdist *rd)
{
	struct hyp_rdist *el2 = (struct hyp_rdist *)hyp_phys_to_virt(rdist_state) + (rd - rdists);
	bool readable = rd->accessible && !rd->told_inaccessible;

	check_frame(rd->phys, SZ_64K, true);
	check_frame(rd->phys + SZ_64K, SZ_64K, false);
	check_frame(rd->phys + SZ_128K, SZ_128K, readable ? rd->typer & RDIST_VLPIS : rd->told_vlpis);
	if (rdist_uses_vpt(rd))
		check_residency(rd, el2);
	if (!rd->lpis) {
		check(!(rd->ctlr & RDIST_ENABLE), "LPIs are enabled where there are no tables");
		return 0;
	}

	claim(rd->owned_pendbaser & GENMASK_ULL(51, 16),
	      max(BIT_ULL((rd->owned_propbaser & 0x1f) + 1) / 8, SZ_64K + 0ULL), "a pending table");
	check(!(rd->ctlr & RDIST_ENABLE) || (rd->propbaser == rd->owned_propbaser &&
					     rd->pendbaser == rd->owned_pendbaser),
	      "LPIs are enabled with other tables");

	return max(BIT_ULL((rd->owned_propbaser & 0x1f) + 1) / 8, SZ_64K + 0ULL) >> PAGE_SHIFT;
}

/* L2 pages that were linked since count for the ITS that mapped the first vPE there. */
static u64 check_vpes_of_rdists(struct rdist_vpes *vpes)
{
	u32 idx;

	claim(vpes->base, vpes->size, "a vPE table of redistributors");
	if (vpes->indirect)
		claim_shared(vpes->shadow, vpes->size, "the shadow of a vPE table of redistributors");
	for (idx = 0; vpes->indirect && idx < vpes->size / 8; idx++) {
		if (vpes->seen[idx])
			claim(vpes->seen[idx] & ~VALID, vpes->psz, "an L2 page of redistributors");
	}

	return PAGE_ALIGN(vpes->size) / PAGE_SIZE + vpes->nr_first * PAGE_ALIGN(vpes->psz) / PAGE_SIZE;
}

/* How many pages of EL2's they need, beside those of an ITS. */
static u64 check_rdists(void)
{
	bool seen = false;
	u64 owned = 0;
	u32 i;

	if (!rdists_owned)
		return 0;

	claim(rdist_state, rdist_state_size, "EL2's state of the redistributors");
	for (i = 0; i < nr_rdists; i++) {
		owned += check_rdist(&rdists[i]);
		if (!rdists[i].lpis || seen)
			continue;
		claim_shared(rdists[i].owned_propbaser & GENMASK_ULL(51, 12),
			     BIT_ULL((rdists[i].owned_propbaser & 0x1f) + 1), "the LPI configuration table");
		seen = true;
	}

	for (i = 0; i < MAX_RDISTS; i++) {
		if (rdist_vpes[i].owned)
			owned += check_vpes_of_rdists(&rdist_vpes[i]);
	}

	return owned + (rdist_state_size >> PAGE_SHIFT);
}

static void check_pending(struct hw_rdist *rd)
{
	u64 pend = rd->owned_pendbaser & GENMASK_ULL(51, 16), off;
	u64 size = max(BIT_ULL((rd->owned_propbaser & 0x1f) + 1) / 8, SZ_64K + 0ULL);

	for (off = 0; rd->lpis && off < size; off += 8)
		check(ram_read(pend + off) == rd->pend[off / 8],
		      "somebody has written to the pending table at %#llx", pend + off);
}

void check_live(void)
{
	u64 owned = 0;
	u32 i;

	now++;
	nr_claimed = 0;
	check(!nr_locks_held[0] && !nr_locks_held[1], "EL2 left with a lock held");
	check_entry();
	for (i = 0; i < nr_hw; i++) {
		if (its_of[i].hw.owned)
			owned += check_its(&its_of[i]);
	}
	owned += check_rdists();

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
		if (!its_of[i].hw.owned)
			continue;
		hw_check_l1(&its_of[i].hw);
		check_chunks(&its_of[i]);
		check_old_slots(&its_of[i], true);
	}
	for (i = 0; i < nr_rdists; i++)
		check_pending(&rdists[i]);
	rdist_vpes_check();
	check_live();
	check_pins();
}

static void unmap_all(struct host_its *hi)
{
	u32 i;

	hi->hw.ctlr = 0;
	for (i = 0; i < hi->hw.nr_devices; i++) {
		if (device_record(hi, hi->hw.devices[i].id))
			hyp_its_unmap_device(hi->el2, hi->hw.devices[i].id);
	}
	for (i = 0; i < hi->hw.nr_vpes; i++) {
		if (!vpe_record(hi, hi->hw.vpes[i].id))
			continue;
		hyp_its_vpe_unmapped(hi->el2, hi->hw.vpes[i].id);
		hyp_its_complete_vpe_unmap(hi->el2, hi->hw.vpes[i].id);
	}
	check(!hi->el2->stats.devices && !hi->el2->stats.itt_pages && !hi->el2->stats.vpes,
	      "devices or vPEs are left");
}

static void teardown(struct host_its *hi)
{
	struct its_handover desc = {};

	hi->hw.owned = false;
	hyp_its_teardown(hi->el2, &desc);
}

/* In the reverse order, as EL2 itself does where one of them cannot be handed over. */
static void teardown_rdists(void)
{
	struct hyp_rdist *el2 = hyp_phys_to_virt(rdist_state);
	u32 i = rdists_owned ? nr_rdists : 0;

	in_handover = true;
	rdist_forget_vpes();
	while (i--)
		hyp_rdist_teardown(&el2[i]);
	in_handover = false;
	check(!hyp_rdists_lpi_bits(), "EL2 has an LPI configuration table after the teardown");
}

void check_teardown(void)
{
	u64 owned = NR_SECRET;
	u32 i;

	check_all();
	own_entry();
	deprivileged = false;
	for (i = 0; i < NR_PAGES; i++)
		pages[i].others = 0;
	for (i = 0; i < nr_rdists; i++)
		rdist_power_loss(&rdists[i], false);
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

	teardown_rdists();
	if (rdists_owned)
		owned += rdist_state_size >> PAGE_SHIFT;
	check(own_count_el2() == owned, "EL2 keeps pages after the teardown");
	for (i = 0; i < NR_PAGES; i++)
		check(!pages[i].pins, "page %#x is pinned after the teardown", i);
}
