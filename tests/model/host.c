// SPDX-License-Identifier: GPL-2.0-only
/*
 * The host: first a driver that sets up ITSs and hands them over, then an
 * adversary that does anything a host can do. Each choice is a byte of the
 * input, and most of the choices lead somewhere.
 */

#include "model.h"

#include <linux/irqchip/arm-gic-v3-handover.h>
#include <nvhe/its_emulate.h>
#include <nvhe/its_rdist.h>

#define VALID		BIT_ULL(63)
#define INDIRECT	BIT_ULL(62)
#define ENABLED		BIT(0)
#define RETRY		BIT(0)
#define SVPET		GENMASK_ULL(42, 41)
#define PTR_OFFSET	GENMASK_ULL(19, 5)
#define CMD_SIZE	32
#define FRAME(n)	(0x08080000ULL + (n) * 0x20000ULL)
#define RDIST(n)	(0x0a000000ULL + (n) * 0x40000ULL)

enum { TYPE_DEVICE = 1, TYPE_VPE = 2, TYPE_COLLECTION = 4 };

enum {
	MOVI = 0x01, INT = 0x03, CLEAR = 0x04, SYNC = 0x05, MAPD = 0x08, MAPC = 0x09,
	MAPTI = 0x0a, MAPI = 0x0b, INV = 0x0c, INVALL = 0x0d, MOVALL = 0x0e, DISCARD = 0x0f,
	VMOVI = 0x21, VMOVP = 0x22, VSGI = 0x23, VSYNC = 0x25, VMAPP = 0x29, VMAPTI = 0x2a,
	VMAPI = 0x2b, VINVALL = 0x2d, INVDB = 0x2e,
};

struct host_its its_of[MAX_ITS];
u32 nr_hw;
struct summary sum;

/* EL2's state of the redistributors, once it owns them. */
u64 rdist_state, rdist_state_size;
bool rdists_owned;

void model_reset_el2(void);
void model_reset_el2_rdists(void);

/* When the adversary steps in, counted in chances to do so; 0 for never. */
static u32 race_in, read_in, poll_in, fail_in;

/* What all ITSs of a GIC have in common: INTID bits, and GICv4 in GITS_TYPER. */
static u32 lpi_bits;
u64 gic_typer;
u32 nr_vpe_records;

/* The page that FF-A uses at EL2, an index of pages[]. */
#define NO_MAILBOX	NR_PAGES
static u64 mailbox;

/* The page that a guest got last. */
static u64 guest;

/* The redistributor of each CPU; nr_rdists if it has none. And the guests' tables. */
static u32 rdist_of_cpu[NR_CPUS];
static u64 vconfs[4];

/* What the second CPU is to do: unmap a vPE, or make it resident. */
static struct host_its *crossing;
static u32 crossing_id;
static bool crossing_loads;

/* For schedule.c: what there is, and when a hand-over fails. */
static bool fixed, fixed_flat;
static u32 fixed_fail;

/* Power may fail at any time, not only when the host suspends the system. */
static bool power_fails;
static struct host_its *current;

static bool countdown(u32 *count)
{
	return *count && !--*count;
}

struct hw_its *host_hw(u64 phys)
{
	u32 i;

	for (i = 0; i < nr_hw; i++) {
		if (phys - FRAME(i) < SZ_64K)
			return &its_of[i].hw;
	}

	return NULL;
}

/* Memory of the host's. */

/* The last page of these that is not free; NR_PAGES if there is none. */
static u64 last_in_use(u64 pfn, u64 nr)
{
	while (nr--) {
		if (pages[pfn + nr].host != OWNED || pages[pfn + nr].hyp != NOPAGE ||
		    pages[pfn + nr].used)
			return pfn + nr;
	}

	return NR_PAGES;
}

/* 0 if there is none. */
static u64 find_free(u64 size, u64 align)
{
	u64 nr = PAGE_ALIGN(size) >> PAGE_SHIFT, step = max(align >> PAGE_SHIFT, 1ULL);
	u64 pfn = in_below(NR_PAGES), i, used;

	for (i = 0; i < NR_PAGES / step; i++) {
		pfn = ALIGN_DOWN((pfn + step) % NR_PAGES, step);
		if (pfn + nr > NR_PAGES)
			continue;
		used = last_in_use(pfn, nr);
		if (used == NR_PAGES)
			return ram_phys + (pfn << PAGE_SHIFT);
		i += (used - pfn) / step;
		pfn = used;
	}

	return 0;
}

static void mark_used(u64 phys, u64 size, bool used)
{
	u64 i;

	for (i = 0; phys && i < PAGE_ALIGN(size); i += PAGE_SIZE)
		page_of(phys + i)->used = used;
}

/* For EL2 alone, which may or may not expect it to be clear. */
static u64 alloc_scratch(u64 size)
{
	u64 phys = find_free(size, 8), i;

	mark_used(phys, size, true);
	for (i = 0; phys && i < PAGE_ALIGN(size); i += PAGE_SIZE)
		page_of(phys + i)->scratch = true;

	return phys;
}

static u64 alloc(u64 size, u64 align)
{
	u64 phys = find_free(size, align);

	if (phys) {
		mark_used(phys, size, true);
		ram_zero(phys, PAGE_ALIGN(size));
	}

	return phys;
}

static void host_write(u64 phys, u64 val)
{
	if (IS_ALIGNED(phys, 8) && host_can_write(phys, 8))
		ram_write(phys, val);
}

/* What the host would like the ITS to find in memory it hands over. */
static void fill_with_traps(u64 phys, u64 size)
{
	u64 at;
	u32 i;

	for (i = in_below(4); i; i--) {
		at = phys + in_below(size / 8) * 8;
		host_write(at, VALID | (ram_phys + (in_u8() << 16)) | 0xf);
	}
}

/* Who brought the table: the ITSs that share it write to one shadow. */
static struct host_its *bringer(struct host_its *hi, u32 nr)
{
	return hw_type(hi->hw.owned_baser[nr]) == TYPE_VPE && hi->sharer ? hi->sharer : hi;
}

/* A chunk that the host has offered, and EL2 may have. */
static u64 pick_old_chunk(struct host_its *hi, u32 nr)
{
	u64 baser = hi->hw.owned_baser[nr];

	hi = bringer(hi, nr);
	if (!hi->chunks[nr] || !hi->hw.nr_l2[nr])
		return 0;

	return hi->chunks[nr][hi->hw.l2_idx[nr][in_below(hi->hw.nr_l2[nr])]] +
	       in_below(2) * ALIGN_DOWN(host_chunk_size(baser) / 2, 8);
}

/* Any address: of each use there is, and of none. */
static u64 pick_phys(u64 size, u64 align)
{
	struct host_its *hi = current;
	struct hw_its *hw = &hi->hw;
	u64 phys;

	switch (in_below(28)) {
	case 26:
		return rdist_pend(&rdists[in_below(nr_rdists)]) + in_below(2) * SZ_4K;
	case 27:
		return rdist_prop(&rdists[in_below(nr_rdists)]) + in_below(2) * SZ_4K;
	case 0:
		phys = secret_phys + in_below(2) * PAGE_SIZE;
		return phys + (in_one_of(2) ? RAM_SIZE / 2 : 0);
	case 1:
		return hw_base(hw->owned_baser[in_below(8)]);
	case 2:
		return hw_queue_base(hw->owned_cbaser) + in_below(4) * 4096;
	case 3:
		return hi->shadow_queue;
	case 4:
		return hi->shadow[0];
	case 5:
		return hi->state_phys;
	case 6:
		phys = hw->nr_devices ? hw->devices[in_below(hw->nr_devices)].itt : 0;
		return phys + in_below(4) * 4096;
	case 7:
		return hw->nr_l2[0] ? hw->l1_seen[0][hw->l2_idx[0][in_below(hw->nr_l2[0])]] &
				      GENMASK_ULL(51, 12) : 0;
	case 8:
		return in_u64();
	case 9:
		return ram_phys + RAM_SIZE - (in_below(5) << PAGE_SHIFT);
	case 10:
		return FRAME(in_below(4));
	case 11:
		return ram_phys + ((u64)in_below(NR_PAGES) << PAGE_SHIFT);
	case 12:
		return ram_phys + in_below(RAM_SIZE / 256) * 256;
	case 13:
		return in_one_of(2) ? GENMASK_ULL(51, 8) : GENMASK_ULL(51, 16);
	case 14:
		return in_one_of(2) ? pick_old_chunk(hi, in_below(2)) : hi->records[in_below(2)];
	default:
		phys = find_free(size, align);
		if (phys && in_one_of(3))
			fill_with_traps(phys, size);
		if (in_one_of(16))
			phys += in_one_of(2) ? 256 : 4096;
		return phys;
	}
}

/* Setting up, as a driver does while nobody distrusts it. */

static u64 baser_value(u32 type, u64 base, u32 psz, u32 nr, u32 esz, bool indirect)
{
	u64 addr = psz == SZ_64K ? (base & GENMASK_ULL(47, 16)) | (base >> 48 & 0xf) << 12 : base;
	u64 share = in_below(2);

	return VALID | (indirect ? INDIRECT : 0) | (u64)type << 56 | (u64)(esz - 1) << 48 | addr |
	       share << 10 | (u64)(psz == SZ_4K ? 0 : psz == SZ_16K ? 1 : 2) << 8 | (nr - 1);
}

/* Where the address of EL2's records of an L2 page is. */
static u64 chunk_slot(struct host_its *hi, u32 nr, u32 idx)
{
	return hi->records[nr] + idx * 8;
}

static bool setup_l2(struct host_its *hi, u32 nr, u32 idx)
{
	u64 baser = hi->hw.baser[nr], size = host_chunk_size(baser);
	u64 l2 = alloc(hw_psz(baser), hw_psz(baser)), chunk = size ? alloc_scratch(size) : 0;

	if (!l2 || (size && !chunk))
		return false;

	ram_write(hw_base(baser) + idx * 8, l2 | VALID);
	if (size) {
		fill_with_traps(chunk, size);
		/* Anywhere in a page, if it fits. */
		if (in_one_of(4) && size % PAGE_SIZE)
			chunk += PAGE_ALIGN(size) - size;
		ram_write(chunk_slot(hi, nr, idx), chunk);
	}

	return true;
}

static bool setup_table(struct host_its *hi, u32 nr, u32 type, u32 psz)
{
	u32 esz = in_one_of(8) ? 32 : in_one_of(3) ? 16 : 8;
	u32 nr_its_pages = psz == SZ_4K ? 1 + in_below(3) : 1;
	bool indirect = type == TYPE_COLLECTION ? in_one_of(4) : !in_one_of(3) && !fixed_flat;
	u64 size = (u64)nr_its_pages * psz, base = alloc(size, psz);
	u64 baser = baser_value(type, base, psz, nr_its_pages, esz, indirect);

	hi->hw.baser[nr] = baser;
	if (!base)
		return false;

	if (host_records_size(baser)) {
		hi->records[nr] = alloc_scratch(host_records_size(baser));
		if (!hi->records[nr])
			return false;
		fill_with_traps(hi->records[nr], host_records_size(baser));
	}
	if (!indirect)
		return true;

	hi->shadow[nr] = alloc(host_shadow_size(baser), psz);
	hi->hw.l1_seen[nr] = calloc(1, size);
	hi->hw.l2_idx[nr] = calloc(size / 8, sizeof(u32));
	if (host_chunk_size(baser))
		hi->chunks[nr] = calloc(1, size);
	if (type != TYPE_DEVICE && !setup_l2(hi, nr, 0))
		return false;

	return hi->shadow[nr];
}

/* EL2's records of what is in the ITS. One that EL2 refuses needs some memory as well. */
static bool setup_held_devices(struct host_its *hi)
{
	u64 size = host_held_size(&hi->hw) ?: PAGE_SIZE;

	hi->records[0] = alloc_scratch(size);
	if (hi->records[0])
		fill_with_traps(hi->records[0], min(size, SZ_64K + 0ULL));

	return hi->records[0];
}

static void driver_cmd(struct host_its *hi, u64 dw0, u64 dw1, u64 dw2)
{
	struct hw_cmd cmd = { { dw0, dw1, dw2 } };

	hw_exec(&hi->hw, &cmd);
}

static u64 device_reach(struct host_its *hi)
{
	u64 baser = hi->hw.baser[0];
	u64 reach = hw_table_size(baser) / (baser & INDIRECT ? 8 : hw_esz(baser));

	if (hi->hw.holds_devices)
		return 2ULL << (hi->hw.typer >> 13 & 0x1f);

	if (baser & INDIRECT)
		reach *= hw_psz(baser) / hw_esz(baser);

	return reach;
}

static void pick_ids(struct host_its *hi)
{
	u64 reach = device_reach(hi), per = hw_psz(hi->hw.baser[0]) / hw_esz(hi->hw.baser[0]);
	u64 limit = min(reach, 2ULL << (hi->hw.typer >> 13 & 0x1f));
	u32 i, start = in_u8();

	for (i = 0; i < ARRAY_SIZE(hi->ids); i++) {
		if (i < 8)
			hi->ids[i] = start + i * 3;
		else if (i < 20)
			hi->ids[i] = (i - 7) / 2 * per + (i % 2 ? i : -1);
		else
			hi->ids[i] = limit - 22 + i;
		if (i < 20)
			hi->ids[i] %= limit;
	}
	hi->ids[23] = in_one_of(2) ? reach : 1ULL << 31;
}

static u64 itt_size(struct host_its *hi, u32 bits)
{
	return PAGE_ALIGN(max(hw_itt_size(&hi->hw, bits) * 2, (u64)PAGE_SIZE));
}

static bool premap(struct host_its *hi, u32 id)
{
	u64 baser = hi->hw.baser[0], per = hw_psz(baser) / hw_esz(baser);
	u64 l1 = hw_base(baser) + id / per * 8, itt;
	u32 bits = 1 + in_below(4), event;
	struct hw_device *dev = hw_device(&hi->hw, id, true);

	if (dev->mapped)
		return true;

	if (baser & INDIRECT && !ram_read(l1) && !setup_l2(hi, 0, id / per))
		return false;

	itt = alloc(itt_size(hi, bits), PAGE_SIZE);
	if (!itt)
		return false;

	driver_cmd(hi, (u64)id << 32 | MAPD, bits - 1, itt | VALID);
	for (event = 0; event < 2; event++)
		driver_cmd(hi, (u64)id << 32 | MAPTI, (8192ULL + event) << 32 | event, 0);

	return true;
}

/* Of the time when the queue was the driver's: it names a page of the host's. */
static void old_command(struct host_its *hi, u32 nr)
{
	ram_write(hi->queue + nr * CMD_SIZE, (u64)hi->ids[nr % 8] << 32 | MAPD);
	ram_write(hi->queue + nr * CMD_SIZE + 16, VALID | (ram_phys + nr * PAGE_SIZE));
}

static u32 pick_psz(void)
{
	u32 n = in_below(8);

	if (ram_phys >> 48)
		return SZ_64K;

	return n < 4 ? SZ_4K : n < 6 ? SZ_16K : SZ_64K;
}

/* GITS_TYPER.SVPET: one table for all of them, with one shadow and one set of records. */
static bool share_vpe_table(struct host_its *hi)
{
	u64 baser = its_of[0].hw.baser[1], size = hw_table_size(baser);

	if (hi == its_of || !(gic_typer & SVPET) || !hi->hw.baser[1] || !baser)
		return true;

	hi->hw.baser[1] = baser;
	free(hi->hw.l1_seen[1]);
	free(hi->hw.l2_idx[1]);
	free(hi->chunks[1]);
	hi->hw.l1_seen[1] = calloc(1, size);
	hi->hw.l2_idx[1] = calloc(size / 8, sizeof(u32));
	hi->chunks[1] = baser & INDIRECT ? calloc(1, size) : NULL;
	hi->shadow[1] = its_of[0].shadow[1];
	hi->records[1] = its_of[0].records[1];

	return hi->records[1] && (hi->shadow[1] || !(baser & INDIRECT));
}

/* All that EL2 will let commands name: those with LPIs. */
static void name_targets(struct hw_its *hw, bool pta)
{
	u32 i;

	for (i = 0; i < nr_rdists; i++) {
		if (!(rdists[i].ctlr & RDIST_ENABLE))
			continue;
		hw->targets[hw->nr_targets++] = rdist_name(&rdists[i], pta);
		if (rdist_offset)
			hw->targets[hw->nr_targets++] = rdist_name(&rdists[i], pta) + rdist_offset;
	}
}

static bool setup_its(u32 nr)
{
	struct host_its *hi = &its_of[nr];
	struct hw_its *hw = &hi->hw;
	bool pta = in_one_of(2), vlpis = gic_typer & 2;
	u32 i, psz = pick_psz(), event_bits = in_one_of(8) ? 16 : 4 + in_below(8);
	u32 queue_size = in_one_of(8) ? SZ_64K : SZ_4K << in_below(2);
	static const u8 devbits[] = { 8, 10, 12, 16, 20, 32 };
	bool ok;

	*hi = (struct host_its){ .nr = -1 };
	hw->phys = FRAME(nr);
	hw->ite_size = in_one_of(2) ? 8 : 16;
	hw->lpi_bits = lpi_bits;
	hw->typer = 1 | (hw->ite_size - 1) << 4 | (event_bits - 1) << 8 | gic_typer;
	hw->typer |= (u64)(devbits[in_below(6)] - 1) << 13 | (pta ? BIT_ULL(19) : 0);
	hw->typer |= (u64)(in_one_of(2) ? 255 : in_below(2) * 16) << 24;
	hw->typer |= in_one_of(4) ? BIT_ULL(36) : 0;
	hw->holds_devices = in_one_of(4);
	hw->forgets_devices = hw->holds_devices && in_one_of(2);
	name_targets(hw, pta);

	ok = hw->holds_devices ? setup_held_devices(hi) : setup_table(hi, 0, TYPE_DEVICE, psz);
	if (vlpis && (in_below(8) || fixed))
		ok = ok && setup_table(hi, 1, TYPE_VPE, psz);
	ok = ok && share_vpe_table(hi);
	psz = pick_psz();
	if (!in_one_of(8))
		ok = ok && setup_table(hi, 2 + in_below(2), TYPE_COLLECTION, psz);
	hi->queue = alloc(queue_size, SZ_64K);
	hi->shadow_queue = alloc(queue_size, SZ_64K);
	if (!ok || !hi->queue || !hi->shadow_queue)
		return false;

	hw->cbaser = VALID | hi->queue | (u64)in_below(2) << 10 | (queue_size / SZ_4K - 1);
	hw->creadr = hw->cwriter = in_below(queue_size / CMD_SIZE) * CMD_SIZE;
	hw->ctlr = ENABLED | nr << 4;
	hw->lazy = in_one_of(2);
	for (i = in_below(8); i; i--)
		old_command(hi, in_below(queue_size / CMD_SIZE));
	pick_ids(hi);
	for (i = 0; i < hw->nr_targets; i++)
		driver_cmd(hi, MAPC, 0, VALID | hw->targets[i] | i);
	for (i = in_below(4); i; i--) {
		if (!premap(hi, hi->ids[in_below(16)]))
			return false;
	}

	return true;
}

/* The hand-over, of a description that is right or wrong in one way. */

#define DESC_WORDS	128

struct desc {
	union {
		struct its_handover	h;
		u64			words[DESC_WORDS];
	};
};

static void describe(struct host_its *hi, struct desc *d)
{
	struct hw_its *hw = &hi->hw;
	struct its_handover_device *dev;
	u32 i;

	memset(d, 0, sizeof(*d));
	d->h.phys_base = hw->phys;
	d->h.typer = hw->typer;
	d->h.cbaser = hw->cbaser;
	d->h.queue = hi->queue;
	d->h.shadow_queue = hi->shadow_queue;
	d->h.itt_entry_size = in_one_of(4) ? hw->ite_size * 2 : in_one_of(2) ? hw->ite_size : 0;
	d->h.lpi_id_bits = hw->lpi_bits;
	d->h.vlpis = !in_one_of(8);
	d->h.rdist_offset = rdist_offset;
	for (i = 0; i < HW_NR_BASER; i++) {
		d->h.tables[i].baser = hw->baser[i];
		d->h.tables[i].base = hw_base(hw->baser[i]);
		d->h.tables[i].shadow = hi->shadow[i];
		d->h.tables[i].records = hi->records[i];
		d->h.tables[i].nr_its = hw_type(hw->baser[i]) == TYPE_VPE ? nr_vpe_records :
					!!hw->baser[i];
	}

	d->h.device_records = hw->holds_devices ? hi->records[0] : 0;

	dev = d->h.devices;
	for (i = 0; i < hw->nr_devices; i++) {
		if (hw->devices[i].mapped)
			dev[d->h.nr_devices++] = (struct its_handover_device){
				hw->devices[i].itt, hw->devices[i].id, hw->devices[i].bits };
	}
}

enum verdict { MUST_PASS, MAY_PASS, MUST_FAIL };

/* A first-level entry no driver would write; *@undo is what to put back. */
static enum verdict spoil_l1(struct host_its *hi, u64 *where, u64 *undo)
{
	u64 baser = hi->hw.baser[0], psz = hw_psz(baser), idx, phys;

	if (!(baser & INDIRECT))
		return MUST_PASS;

	idx = in_below(hw_table_size(baser) / 8);
	*where = hw_base(baser) + idx * 8;
	*undo = ram_read(*where);
	phys = find_free(psz, max(psz, (u64)PAGE_SIZE));
	switch (in_below(7)) {
	case 0:
		phys |= BIT_ULL(52 + in_below(11));
		break;
	case 1:
		phys += psz / 2;
		break;
	case 2:
		phys |= BIT_ULL(in_below(12));
		break;
	case 3:
		phys = secret_phys;
		break;
	case 4:
		phys = hw_base(baser);
		break;
	case 5:
		phys = hi->shadow[0];
		break;
	default:
		phys = FRAME(0);
		break;
	}
	ram_write(*where, phys | VALID);
	/* There is nothing else wrong with it. */
	if (!(*undo & VALID))
		ram_write(chunk_slot(hi, 0, idx), alloc_scratch(host_chunk_size(baser)));

	return MUST_FAIL;
}

/* The records of the entries of an L2 page where they cannot be. */
static enum verdict spoil_chunk(struct host_its *hi, u64 *where, u64 *undo)
{
	u32 nr = in_below(2) && !(gic_typer & SVPET), idx;
	u64 baser = hi->hw.baser[nr], l1 = hw_base(baser), chunk, l2 = 0;

	if (!(baser & INDIRECT))
		return MUST_PASS;

	for (idx = 0; idx < hw_table_size(baser) / 8 && !l2; idx++)
		l2 = ram_read(l1 + idx * 8) & ~VALID;
	if (!l2)
		return MUST_PASS;

	*where = chunk_slot(hi, nr, idx - 1);
	*undo = ram_read(*where);
	switch (in_below(9)) {
	case 0:
		chunk = in_one_of(2) ? secret_phys : ram_phys + RAM_SIZE / 2;
		break;
	case 1:
		chunk = l2;
		break;
	case 2:
		chunk = *undo + 1 + in_below(7);
		break;
	case 3:
		chunk = ram_phys + RAM_SIZE - 8;
		break;
	case 4:
		chunk = l1;
		break;
	case 5:
		chunk = hi->shadow[nr];
		break;
	case 6:
		chunk = hi->records[nr];
		break;
	case 7:
		chunk = FRAME(0);
		break;
	default:
		chunk = in_one_of(2) ? 0 : -8ULL;
		break;
	}
	ram_write(*where, chunk);

	return MUST_FAIL;
}

/* An ITS that holds its Device table itself, with the records where they cannot be. */
static enum verdict spoil_held(struct host_its *hi, struct desc *d)
{
	switch (in_below(6)) {
	case 0:
		d->h.device_records += 1 + in_below(7);
		break;
	case 1:
		d->h.device_records = secret_phys;
		break;
	case 2:
		d->h.device_records = ram_phys + RAM_SIZE - 8;
		break;
	case 3:
		d->h.device_records = -8ULL;
		break;
	case 4:
		d->h.device_records = FRAME(0);
		break;
	default:
		/* Not in the ITS after all: nobody gave it a table. */
		hi->hw.baser[0] = (u64)TYPE_DEVICE << 56;
		break;
	}

	return MUST_FAIL;
}

/* Devices that are right, up to one that is not in the description any more. */
static u64 flood_from, flood_to;

static void flood(struct host_its *hi, struct desc *d)
{
	u64 header = offsetof(struct its_handover, devices);

	if (hi->hw.baser[0] & INDIRECT && !hi->hw.holds_devices)
		return;
	flood_from = header / 8 + d->h.nr_devices * 2;
	flood_to = PAGE_ALIGN(sizeof(*d)) / 8;
	d->h.nr_devices = (flood_to - header / 8) / 2 + 1;
}

static void fill_description(u64 desc)
{
	u64 at, id = 20;

	for (at = flood_from; at + 1 < flood_to; at += 2) {
		ram_write(desc + at * 8, alloc(PAGE_SIZE, PAGE_SIZE));
		ram_write(desc + at * 8 + 8, id++ | 1ULL << 32);
	}
}

static void forget_flood(u64 desc)
{
	for (; flood_from + 1 < flood_to; flood_from += 2)
		mark_used(ram_read(desc + flood_from * 8), PAGE_SIZE, false);
	flood_from = flood_to = 0;
}

static struct host_its *vpe_table_owner(struct hw_its *hw);

/* A vPE table of several ITSs, which do not say the same of it. */
static enum verdict spoil_shared(struct host_its *hi, struct desc *d)
{
	struct its_handover_table *table = &d->h.tables[1];
	bool joins = vpe_table_owner(&hi->hw);

	if (!table->baser)
		return MUST_PASS;

	switch (in_below(5)) {
	case 0:
		table->nr_its = 0;
		break;
	case 1:
		table->nr_its = in_one_of(2) ? 64 : in_u64() | BIT_ULL(6 + in_below(58));
		break;
	case 2:
		table->nr_its += joins;
		return joins ? MUST_FAIL : MUST_PASS;
	case 3:
		if (!(table->baser & INDIRECT))
			return MUST_PASS;
		table->shadow = joins ? hi->queue : secret_phys;
		break;
	default:
		table->records = joins ? hi->queue : secret_phys;
		break;
	}

	return MUST_FAIL;
}

static enum verdict spoil(struct host_its *hi, struct desc *d, u64 *where, u64 *undo)
{
	struct its_handover_device *dev = d->h.devices;
	bool has_dev = d->h.nr_devices;
	u32 n = in_below(40), i;

	if (hi->hw.holds_devices && (n == 4 || n == 9 || n == 18 || in_one_of(3)))
		return spoil_held(hi, d);

	if (gic_typer & SVPET && n >= 33 && n != 34 && n < 38)
		return spoil_shared(hi, d);

	switch (n) {
	case 0:
		d->h.typer ^= BIT_ULL(in_below(64));
		break;
	case 1:
		d->h.cbaser ^= BIT_ULL(in_below(64));
		break;
	case 2:
		d->h.queue += SZ_4K;
		break;
	case 3:
		i = in_below(8);
		d->h.tables[i].baser ^= BIT_ULL(in_below(64));
		break;
	case 4:
		d->h.tables[0].base += PAGE_SIZE;
		break;
	case 5:
		hi->hw.ctlr &= ~ENABLED;
		break;
	case 6:
		hi->hw.cwriter = (hi->hw.creadr + CMD_SIZE) % hw_queue_size(hi->hw.cbaser);
		break;
	case 7:
		hi->hw.stalled = true;
		break;
	case 8:
		d->h.shadow_queue = in_one_of(2) ? hi->queue : secret_phys;
		break;
	case 9:
		if (hi->shadow[0] && in_one_of(2))
			d->h.tables[0].shadow = in_one_of(2) ? d->h.tables[0].base : secret_phys;
		else
			d->h.tables[0].records = in_one_of(2) ? d->h.tables[0].base :
								hi->records[0] + 4;
		break;
	case 10:
		if (!has_dev)
			return MUST_PASS;
		dev[d->h.nr_devices++] = dev[0];
		break;
	case 11:
		dev[0].device_id = hi->ids[23];
		d->h.nr_devices += !has_dev;
		break;
	case 12:
		if (!has_dev)
			return MUST_PASS;
		dev[0].event_bits = in_one_of(2) ? 0 : 17 + in_u8();
		break;
	case 13:
		if (!has_dev)
			return MUST_PASS;
		dev[0].itt += 1 + in_below(255);
		break;
	case 14:
		if (!has_dev)
			return MUST_PASS;
		dev[0].itt = in_one_of(2) ? secret_phys : hi->queue;
		break;
	case 15:
		d->h.nr_devices = in_one_of(2) ? ~0U : d->h.nr_devices;
		if (d->h.nr_devices != ~0U)
			flood(hi, d);
		if (d->h.nr_devices < 24)
			d->h.nr_devices = PAGE_SIZE;
		break;
	case 16:
		d->h.phys_base = RDIST(0);
		break;
	case 17:
		d->h.phys_base = in_one_of(2) ? hi->hw.phys + 256 : ram_phys + RAM_SIZE / 2;
		break;
	case 18:
		hi->hw.baser[0] &= ~VALID;
		d->h.tables[0].baser = 0;
		break;
	case 19:
		hi->hw.baser[0] |= 0x300;
		d->h.tables[0].baser = hi->hw.baser[0];
		break;
	case 20:
		if (!(hi->hw.baser[0] & INDIRECT))
			return MUST_PASS;
		hi->hw.baser[0] -= BIT_ULL(48);
		d->h.tables[0].baser = hi->hw.baser[0];
		break;
	case 21:
		hi->hw.typer &= ~1ULL;
		d->h.typer = hi->hw.typer;
		break;
	case 22:
		hi->hw.cbaser &= ~VALID;
		d->h.cbaser = hi->hw.cbaser;
		break;
	case 23 ... 25:
		return spoil_l1(hi, where, undo);
	case 26 ... 28:
		return spoil_chunk(hi, where, undo);
	case 29:
		i = in_below(5);
		d->words[i] ^= BIT_ULL(in_below(64));
		return MAY_PASS;
	case 30:
		hi->hw.creadr = hi->hw.cwriter = hw_queue_size(hi->hw.cbaser);
		break;
	case 31:
		hi->hw.stalled = true;
		hi->hw.retrying = 5;
		break;
	case 32:
		hi->hw.creadr |= BIT_ULL(in_one_of(2) ? in_below(5) : 20 + in_below(44));
		hi->hw.cwriter = hi->hw.creadr;
		break;
	case 33:
		if (hi == its_of || !its_of[0].hw.owned || !its_of[0].hw.baser[1])
			return MUST_PASS;
		hi->hw.baser[1] = its_of[0].hw.baser[1];
		d->h.tables[1].baser = hi->hw.baser[1];
		d->h.tables[1].base = hw_base(hi->hw.baser[1]);
		break;
	case 34:
		d->h.phys_base = RDIST(0) + SZ_128K;
		break;
	default:
		fail_in = 1 + in_below(40);
		return MAY_PASS;
	}

	return MUST_FAIL;
}

/* Each of those with LPIs is of a GICv4.0. */
static bool rdists_have_vlpis(void)
{
	u32 i;

	for (i = 0; i < nr_rdists; i++) {
		if (rdists[i].lpis && (!(rdists[i].typer & RDIST_VLPIS) ||
				       (rdist_is_v41(&rdists[i]) && !rdists[i].owned_vpropbaser)))
			return false;
	}

	return true;
}

/* The number of INTID bits for which they have room. */
static u32 owned_lpi_bits(void)
{
	u32 i;

	for (i = 0; i < nr_rdists; i++) {
		if (rdists[i].lpis)
			return rdist_bits(&rdists[i]);
	}

	return 0;
}

/* The first ITS that handed the same table over. */
static struct host_its *vpe_table_owner(struct hw_its *hw)
{
	u32 i;

	for (i = 0; hw->typer & SVPET && hw->baser[1] && i < nr_hw; i++) {
		if (its_of[i].hw.owned && its_of[i].hw.baser[1] == hw->baser[1])
			return &its_of[i];
	}

	return NULL;
}

static void handed_over(struct host_its *hi, int nr, struct desc *d)
{
	struct hw_its *hw = &hi->hw;
	u32 i, idx;

	hi->nr = nr;
	hi->el2 = hyp_phys_to_virt(hi->state_phys);
	hi->shadow_queue = d->h.shadow_queue;
	hw->vlpis = d->h.vlpis && hw->typer & 2 && rdists_have_vlpis();
	hw->lpi_bits = min(hw->lpi_bits, owned_lpi_bits());
	hi->sharer = vpe_table_owner(hw);
	if (hi->sharer) {
		free(hw->l1_seen[1]);
		free(hi->chunks[1]);
		hw->l1_seen[1] = hi->chunks[1] = NULL;
		sum.borrowed++;
	}
	hw_handed_over(hw);

	for (i = 0; i < HW_NR_BASER; i++) {
		u64 base = hw_base(hw->baser[i]), size = hw_table_size(hw->baser[i]);

		if (!(hw->baser[i] & INDIRECT) || !(hw->baser[i] & VALID) ||
		    (hi->sharer && hw_type(hw->baser[i]) == TYPE_VPE))
			continue;
		for (idx = 0; idx < size / 8; idx++) {
			hw->l1_seen[i][idx] = ram_read(base + idx * 8);
			if (hw->l1_seen[i][idx] & VALID)
				hw->l2_idx[i][hw->nr_l2[i]++] = idx;
		}
	}
	check_new_records(hi);
	sum.handovers++;
	sum.held += hw->holds_devices;
	own_entry();
}

/* One attempt. On failure the driver goes on as if nothing had been tried. */
static bool hand_over(struct host_its *hi, bool honest)
{
	struct hw_its saved = hi->hw;
	u64 size = PAGE_ALIGN(sizeof(struct desc));
	u64 desc_phys, where = 0, undo = 0;
	enum verdict verdict = MUST_PASS;
	static struct desc d;
	u32 i;
	int nr;

	hi->state_size = PAGE_ALIGN(sizeof(struct hyp_its) + 2 * nr_rdists * sizeof(u64)) +
			 (in_one_of(8) ? PAGE_SIZE : 0);
	hi->state_phys = alloc_scratch(hi->state_size);
	/* EL2 may make it stricter. */
	desc_phys = alloc_scratch(size);
	if (!hi->state_phys || !desc_phys)
		return false;

	describe(hi, &d);
	for (i = 0; i < HW_NR_BASER; i++) {
		u64 off, base = hw_base(hi->hw.baser[i]);

		for (off = 0; hi->shadow[i] && off < hw_table_size(hi->hw.baser[i]); off += 8) {
			if (ram_read(base + off))
				ram_write(hi->shadow[i] + off, ram_read(base + off));
		}
	}
	fail_in = 0;
	if (!honest)
		verdict = spoil(hi, &d, &where, &undo);
	if (fixed_fail) {
		fail_in = fixed_fail;
		verdict = MAY_PASS;
	}
	if (hi->hw.holds_devices && !host_held_size(&hi->hw))
		verdict = MUST_FAIL;
	if (!rdists_owned || !owned_lpi_bits())
		verdict = MUST_FAIL;
	for (i = 0; i < DESC_WORDS; i++)
		ram_write(desc_phys + i * 8, d.words[i]);
	fill_description(desc_phys);

	own_log_start();
	own_entry();
	cpu_enter_el2();
	nr = __pkvm_its_handover((unsigned long)hyp_phys_to_virt(desc_phys), size,
				 (unsigned long)hyp_phys_to_virt(hi->state_phys), hi->state_size);
	cpu_leave_el2();
	fail_in = 0;
	own_entry();
	forget_flood(desc_phys);
	check(nr < 0 ? verdict != MUST_PASS : verdict != MUST_FAIL,
	      "a description that %s be taken: %d", nr < 0 ? "must" : "must not", nr);
	check(nr >= 0 || (pkvm_its_step_of(nr) >= PKVM_ITS_STEP_DESCRIPTION &&
			  pkvm_its_step_of(nr) < PKVM_ITS_STEP_MAX && pkvm_its_errno(nr)),
	      "a hand-over fails with %d", nr);

	if (nr < 0) {
		own_log_check();
		check(!host_find_hyp_mmio(hi->hw.phys), "a frame is EL2's after a failed hand-over");
		hi->hw = saved;
		if (where)
			ram_write(where, undo);
		mark_used(hi->state_phys, hi->state_size, false);
		sum.refused_handovers++;
	} else {
		in_handover = false;
		handed_over(hi, nr, &d);
	}
	mark_used(desc_phys, size, false);

	return nr >= 0;
}

static void bad_handover_calls(void)
{
	u64 page = ram_phys + NR_PAGES / 4 * PAGE_SIZE;
	unsigned long va = (unsigned long)hyp_phys_to_virt(page);
	bool unaligned = in_one_of(2);

	own_log_start();
	check(__pkvm_its_handover(va + (unaligned ? 8 : 0), PAGE_SIZE, va + PAGE_SIZE,
				  unaligned ? PAGE_SIZE : 0) < 0, "a bad call was taken");
	check(__pkvm_its_handover(va, 0, va, PAGE_SIZE) < 0, "an empty description was taken");
	check(__pkvm_its_handover(va, PAGE_SIZE, va, PAGE_SIZE) < 0, "one page was taken twice");
	check(__pkvm_its_handover((unsigned long)hyp_phys_to_virt(secret_phys), PAGE_SIZE,
				  va, PAGE_SIZE) < 0, "a description of EL2's was taken");
	own_log_check();
}

/* The redistributors: tables that are right, or wrong in one way. */

#define RDIST_DESC_WORDS	(SZ_4K / 8)
#define RDIST_DESC_MAX		((SZ_4K - 8) / sizeof(struct rdist_handover_frame))

static union {
	struct rdist_handover	h;
	u64			words[RDIST_DESC_WORDS];
} rdist_desc;

static void setup_rdist(u32 i, u64 typer, u64 prop)
{
	struct hw_rdist *rd = &rdists[i];
	u64 affinity = (i & 1) | (i >> 1) << 8 | (in_one_of(4) ? 0x12 << 24 : 0), pend;
	u32 n;

	rd->phys = RDIST(i);
	rd->typer = typer | (u64)(nr_rdists - 1 - i) << 8 | affinity << 32;
	rd->typer |= i == nr_rdists - 1 ? RDIST_LAST : 0;
	rd->typer ^= in_one_of(32) ? RDIST_VLPIS & typer : 0;
	rd->accessible = !in_one_of(16);
	rd->ctlr = in_below(4) << 1;
	rd->waker = 0;
	rd->unknown = in_one_of(2);
	if (in_one_of(8) || !rd->accessible || !prop)
		return;

	pend = alloc(max(BIT_ULL((prop & 0x1f) + 1) / 8, SZ_64K + 0ULL), SZ_64K);
	if (!pend)
		return;
	for (n = 0; n < 3; n++)
		ram_write(pend + SZ_1K + in_below(128) * 8, in_u64());
	rd->propbaser = prop;
	rd->pendbaser = pend | in_below(2) << 10;
	rd->ctlr |= RDIST_ENABLE;
}

static u32 pick_psz(void);

/* For this one, and perhaps the next. */
static void setup_vpes(struct rdist_vpes *vpes)
{
	u64 l2;

	vpes->psz = pick_psz();
	vpes->esz = 8 << in_below(3);
	vpes->indirect = in_below(3);
	vpes->size = (u64)vpes->psz * (1 + in_below(vpes->psz == SZ_4K ? 2 : 1));
	vpes->base = alloc(vpes->size, vpes->psz);
	vpes->shadow = vpes->indirect ? alloc(vpes->size, vpes->psz) : 0;
	vpes->seen = calloc(1, vpes->size);
	if (!vpes->base || (vpes->indirect && !vpes->shadow)) {
		vpes->base = 0;
		return;
	}
	ram_zero(vpes->base, vpes->size);
	if (!vpes->indirect || in_one_of(2))
		return;
	l2 = alloc(vpes->psz, vpes->psz);
	if (!l2)
		return;
	ram_write(vpes->base, l2 | VALID);
	ram_write(vpes->shadow, l2 | VALID);
	vpes->seen[0] = l2 | VALID;
	vpes->nr_first = 1;
}

static void use_vpes(struct hw_rdist *rd, struct rdist_vpes *vpes)
{
	u64 psz = vpes->psz == SZ_4K ? 0 : vpes->psz == SZ_16K ? 1 : 2;

	if (!vpes->base || !rd->accessible || !(rd->typer & RDIST_VLPIS))
		return;

	rd->vpes = vpes;
	rd->vpropbaser = VALID | (u64)(vpes->esz / 8 - 1) << 59 | (u64)vpes->indirect << 55 |
			 psz << 53 | vpes->base | in_below(2) << 10 | (vpes->size / vpes->psz - 1);
}

static void setup_rdists_vpes(void)
{
	u32 i;

	for (i = 0; i < nr_rdists; i++) {
		if (i % 2 == 0 || in_one_of(4))
			setup_vpes(&rdist_vpes[i]);
		use_vpes(&rdists[i], &rdist_vpes[rdist_vpes[i].psz ? i : i - 1]);
	}
}

static void make_rdists(u64 typer, u32 bits, bool with_vpes)
{
	u64 prop = alloc(BIT_ULL(bits), SZ_4K);
	u32 i;

	if (prop)
		prop |= in_below(2) << 10 | (bits - 1);
	for (i = 0; i < nr_rdists; i++)
		setup_rdist(i, typer, prop);
	if (with_vpes)
		setup_rdists_vpes();
	for (i = 0; i < NR_CPUS; i++)
		rdist_of_cpu[i] = in_one_of(16) ? nr_rdists : i < nr_rdists ? i : nr_rdists;
}

static void setup_rdists(void)
{
	u64 typer = RDIST_PLPIS | (gic_typer & 2);
	u32 bits = 14 + in_below(3);
	bool with_vpes;

	nr_rdists = 1 + in_below(4);
	typer |= in_one_of(2) ? RDIST_DIRTY : 0;
	typer |= in_one_of(2) ? RDIST_DIRECT_LPI : 0;
	typer |= gic_typer & BIT_ULL(40) && in_one_of(4) ? RDIST_RVPEID : 0;
	with_vpes = typer & RDIST_RVPEID && in_rest() % 4;
	rdist_offset = in_one_of(4) ? 0x800000 : 0;
	make_rdists(typer, bits, with_vpes);
}

u64 model_mpidr(void)
{
	u32 nr = rdist_of_cpu[model_cpu()];
	u64 aff = nr < nr_rdists ? rdists[nr].typer >> 32 : 0xff00;

	/* With what is no affinity: RES1, U and MT. */
	return (aff >> 24) << 32 | (aff & 0xffffff) | BIT(31) | BIT(30) | BIT(24);
}

static void describe_rdists(void)
{
	u32 i;

	memset(&rdist_desc, 0, sizeof(rdist_desc));
	rdist_desc.h.nr = nr_rdists;
	for (i = 0; i < nr_rdists; i++) {
		rdists[i].told_inaccessible = !rdists[i].accessible ||
			(!(rdists[i].ctlr & RDIST_ENABLE) && in_one_of(4));
		rdists[i].told_vlpis = rdists[i].told_inaccessible && rdists[i].typer & RDIST_VLPIS;
		rdist_desc.h.frames[i].phys_base = rdists[i].phys;
		rdist_desc.h.frames[i].vpe_table.shadow = rdists[i].vpes ? rdists[i].vpes->shadow : 0;
		rdist_desc.h.frames[i].flags =
			(rdists[i].told_inaccessible ? RDIST_HANDOVER_INACCESSIBLE : 0) |
			(rdists[i].told_vlpis ? RDIST_HANDOVER_VLPI_FRAME : 0);
	}
	/* More of them than there are, in case that EL2 looks there. */
	for (; i < RDIST_DESC_MAX; i++)
		rdist_desc.h.frames[i] = (struct rdist_handover_frame){
			.phys_base = RDIST(i), .flags = RDIST_HANDOVER_INACCESSIBLE };
}

/* Somebody else's page in a table; *@undo is what to unshare again. */
static void spoil_page(u64 phys, u64 size, u64 *undo)
{
	u64 pfn = (phys >> PAGE_SHIFT) + in_below((size - 1) / PAGE_SIZE + 1);

	hosts_own++;
	if (!__pkvm_host_share_hyp(pfn))
		*undo = pfn;
	hosts_own--;
}

static enum verdict spoil_tables(struct hw_rdist *rd, u32 n, u64 *undo)
{
	struct hw_rdist *other = &rdists[in_below(nr_rdists)];
	bool another = other != rd && other->ctlr & RDIST_ENABLE && other->accessible;

	switch (n) {
	case 0:
		rd->propbaser = (rd->propbaser & ~0x1fULL) | (in_one_of(2) ? in_below(13) : 31);
		break;
	case 1:
		if (!another)
			return MUST_PASS;
		rd->propbaser = (rd->propbaser & ~GENMASK_ULL(51, 12)) |
				find_free(BIT_ULL(rdist_bits(rd)), SZ_4K);
		break;
	case 2:
		if (!another)
			return MUST_PASS;
		rd->propbaser ^= in_one_of(2) ? 1 : 2;
		break;
	case 3:
		spoil_page(rdist_prop(rd), BIT_ULL(rdist_bits(rd)), undo);
		break;
	case 4:
		spoil_page(rdist_pend(rd), rdist_pend_size(rd), undo);
		break;
	case 5:
		if (!another)
			return MUST_PASS;
		rd->pendbaser = other->pendbaser;
		break;
	case 6:
		rd->pendbaser = in_one_of(2) ? secret_phys & GENMASK_ULL(51, 16) :
				ram_phys + RAM_SIZE - in_below(2) * SZ_64K;
		break;
	case 7:
		rd->pendbaser = rdist_prop(rd) & GENMASK_ULL(51, 16);
		break;
	case 8:
		rd->rwp = rd->slow_rwp = RDIST_NEVER;
		break;
	default:
		rd->rwp = in_below(8);
		return MUST_PASS;
	}

	return MUST_FAIL;
}

static enum verdict spoil_resident(struct hw_rdist *rd)
{
	if (!(rd->typer & RDIST_VLPIS))
		return MUST_PASS;

	if (in_one_of(2))
		rd->vpendbaser = VALID;
	else
		rd->dirty = RDIST_NEVER;
	rd->vpt = find_free(SZ_64K, SZ_64K);
	rd->vpe_bits = 16;
	if (rdist_is_v41(rd))
		return MUST_FAIL;
	rd->vpendbaser |= rd->vpt;
	rd->vpropbaser = 15;

	return MUST_FAIL;
}

/* Of what it takes to own a vPE table. */
static enum verdict spoil_vpes(struct hw_rdist *rd, u64 *undo)
{
	struct its_handover_table *table = &rdist_desc.h.frames[rd - rdists].vpe_table;

	switch (in_below(6)) {
	case 0:
		if (!rd->vpes->indirect)
			return MUST_PASS;
		table->shadow = in_one_of(2) ? secret_phys : rd->vpes->base;
		break;
	case 1:
		rd->vpropbaser |= 3ULL << 53;
		break;
	case 2:
		spoil_page(rd->vpes->base, rd->vpes->size, undo);
		break;
	case 3:
		table->nr_its = 64;
		break;
	case 4:
		if (rd->vpes->psz == SZ_4K)
			return MUST_PASS;
		rd->vpropbaser += BIT_ULL(12);
		break;
	default:
		rd->vpropbaser = (rd->vpropbaser & ~GENMASK_ULL(51, 12)) | (secret_phys & GENMASK_ULL(51, 16));
		break;
	}

	return MUST_FAIL;
}

static enum verdict spoil_frames(u32 n, u64 *state_size)
{
	u32 i = in_below(nr_rdists);
	struct rdist_handover_frame *frame = &rdist_desc.h.frames[i];

	switch (n) {
	case 0:
		if (nr_rdists == 1)
			return MUST_PASS;
		frame->phys_base = rdists[(i + 1) % nr_rdists].phys;
		rdists[(i + 1) % nr_rdists].told_inaccessible = false;
		break;
	case 1:
		frame->phys_base = in_one_of(2) ? secret_phys & ~(SZ_64K - 1ULL) :
						  ram_phys + RAM_SIZE - SZ_64K;
		break;
	case 2:
		frame->phys_base += 1ULL << in_below(16);
		break;
	case 3:
		frame->phys_base = in_one_of(2) ? RDIST(MAX_RDISTS) : frame->phys_base + SZ_64K;
		rdists[i].told_inaccessible = false;
		frame->flags = 0;
		break;
	case 4:
		frame->phys_base |= BIT_ULL(52 + in_below(12));
		break;
	case 5:
		rdist_desc.h.nr = in_one_of(2) ? 0 : in_one_of(2) ? in_u64() | BIT_ULL(63) : BIT_ULL(60);
		break;
	case 6:
		/* With room in the description, and none in the state. */
		rdist_desc.h.nr = *state_size / sizeof(struct hyp_rdist) + 1;
		break;
	case 7:
		/* The last of them is half in the description. */
		rdist_desc.h.nr = (PAGE_ALIGN(sizeof(rdist_desc)) - 8) / sizeof(*frame) + 1;
		break;
	default:
		if (rdists[i].accessible)
			return MUST_PASS;
		rdists[i].told_inaccessible = false;
		frame->flags = 0;
		break;
	}

	return MUST_FAIL;
}

static enum verdict spoil_rdists(u64 *state_size, u64 *undo)
{
	struct hw_rdist *rd = &rdists[in_below(nr_rdists)];
	u32 n = in_below(24), i;

	if (n < 10)
		return spoil_frames(n, state_size);

	for (i = 0; i < nr_rdists && !(rd->ctlr & RDIST_ENABLE); i++)
		rd = &rdists[i];
	if (!(rd->ctlr & RDIST_ENABLE))
		return MUST_PASS;
	if (n < 20)
		return spoil_tables(rd, n - 10, undo);
	if (n == 20)
		return spoil_resident(rd);
	if (n == 23 && rd->vpes)
		return spoil_vpes(rd, undo);

	fail_in = 1 + in_below(40);

	return MAY_PASS;
}

static u64 hash_pending(void)
{
	u64 hash = 0;
	u32 i;

	for (i = 0; i < nr_rdists; i++) {
		if (rdists[i].ctlr & RDIST_ENABLE && is_ram(rdist_pend(&rdists[i]), rdist_pend_size(&rdists[i])))
			hash = hash * 31 + ram_hash(rdist_pend(&rdists[i]), rdist_pend_size(&rdists[i]));
	}

	return hash;
}

static void rdists_handed_over(u64 state, u64 state_size)
{
	u32 i;

	rdists_owned = true;
	rdist_state = state;
	rdist_state_size = state_size;
	for (i = 0; i < nr_rdists; i++)
		rdist_handed_over(&rdists[i]);
	sum.rdists += nr_rdists;
}

static void check_no_rdist(void)
{
	u64 off;
	u32 i;

	for (i = 0; i < nr_rdists; i++) {
		for (off = 0; off < SZ_256K; off += SZ_64K)
			check(!host_find_hyp_mmio(rdists[i].phys + off),
			      "a frame is EL2's after a failed hand-over");
	}
	check(!hyp_rdists_lpi_bits(), "EL2 has an LPI configuration table after a failed hand-over");
}

static bool hand_rdists_over(bool honest)
{
	u64 size = PAGE_ALIGN(sizeof(rdist_desc)), undo = 0, hash;
	u64 state_size = PAGE_ALIGN(sizeof(struct hyp_rdist) * (in_one_of(8) ? 256 : nr_rdists));
	u64 state = alloc_scratch(state_size), desc = alloc(size, PAGE_SIZE);
	static struct hw_rdist saved[MAX_RDISTS];
	enum verdict verdict = MUST_PASS;
	s64 ret;
	u32 i;

	if (!state || !desc)
		return false;

	fill_with_traps(state, state_size);
	memcpy(saved, rdists, sizeof(saved));
	describe_rdists();
	fail_in = 0;
	if (!honest)
		verdict = spoil_rdists(&state_size, &undo);
	if (fixed_fail) {
		fail_in = fixed_fail;
		verdict = MAY_PASS;
	}
	for (i = 0; i < size / 8; i++)
		ram_write(desc + i * 8, i < RDIST_DESC_WORDS ? rdist_desc.words[i] : 0);

	hash = hash_pending();
	own_log_start();
	own_entry();
	entry.may_wait = true;
	cpu_enter_el2();
	ret = __pkvm_rdist_handover((unsigned long)hyp_phys_to_virt(desc), size,
				    (unsigned long)hyp_phys_to_virt(state), state_size);
	cpu_leave_el2();
	fail_in = 0;
	own_entry();
	check(ret ? verdict != MUST_PASS : verdict != MUST_FAIL,
	      "redistributors that %s be taken: %lld", ret ? "must" : "must not", ret);
	check(!ret || (ret < 0 && pkvm_its_errno(ret) && (u32)pkvm_its_step_of(ret) < PKVM_RDIST_STEP_MAX &&
		       (u32)pkvm_its_step_of(ret) >= PKVM_RDIST_STEP_DESCRIPTION &&
		       pkvm_rdist_nr(ret) <= rdist_desc.h.nr), "a hand-over fails with %lld", ret);
	check(ret || hash == hash_pending(), "a pending table changed when it was handed over");

	if (ret) {
		own_log_check();
		check_no_rdist();
		memcpy(rdists, saved, sizeof(saved));
		hosts_own++;
		if (undo)
			__pkvm_host_unshare_hyp(undo);
		hosts_own--;
		mark_used(state, state_size, false);
		sum.refused_rdists++;
	} else {
		in_handover = false;
		rdists_handed_over(state, state_size);
	}
	mark_used(desc, size, false);

	return !ret;
}

static void bad_rdist_calls(void)
{
	u64 page = ram_phys + NR_PAGES / 4 * PAGE_SIZE;
	unsigned long va = (unsigned long)hyp_phys_to_virt(page);

	own_log_start();
	check(__pkvm_rdist_handover(va + 8, PAGE_SIZE, va + PAGE_SIZE, PAGE_SIZE) < 0 &&
	      __pkvm_rdist_handover(va, PAGE_SIZE, va + PAGE_SIZE, 0) < 0, "a bad call was taken");
	check(__pkvm_rdist_handover(va, 0, va, PAGE_SIZE) < 0, "an empty description was taken");
	check(__pkvm_rdist_handover(va, PAGE_SIZE, va, PAGE_SIZE) < 0, "one page was taken twice");
	own_log_check();
}

/* With room for all of their names, and without. */
static void check_targets(bool pta)
{
	u32 max = in_below(2 * MAX_RDISTS + 2), nr, i, want = 0;
	u64 *targets = malloc(max * sizeof(u64));

	for (i = 0; i < nr_rdists; i++)
		want += rdists[i].lpis ? 1 + !!rdist_offset : 0;
	nr = hyp_rdists_targets(targets, max, pta, rdist_offset);
	check(nr == want || (!nr && max <= want), "EL2 knows %u names of redistributors, of %u", nr, want);
	for (i = 0; i < nr; i++) {
		struct hw_rdist *rd = rdist_of_target(targets[i], pta);

		check(rd && rd->lpis, "EL2 lets commands name %#llx", targets[i]);
		check(!i || targets[i - 1] < targets[i], "the names of redistributors are not in order");
	}
	free(targets);
}

/* Whatever it is that is described. */
static int hand_rdists_again(void)
{
	u64 page = ram_phys + NR_PAGES / 4 * PAGE_SIZE;
	unsigned long va = (unsigned long)hyp_phys_to_virt(page);

	return pkvm_its_errno(__pkvm_rdist_handover(va, PAGE_SIZE, va + PAGE_SIZE, PAGE_SIZE));
}

static void forget_chunks(struct host_its *hi)
{
	u32 nr;

	for (nr = 0; nr < HW_NR_BASER; nr++) {
		free(hi->chunks[nr]);
		hi->chunks[nr] = NULL;
	}
}

static void boot_rdists(void)
{
	u32 i;

	if (in_one_of(16)) {
		if (setup_its(0))
			hand_over(&its_of[0], true);
		forget_chunks(&its_of[0]);
		hw_reset(&its_of[0].hw);
	}
	if (in_one_of(8))
		bad_rdist_calls();
	for (i = in_below(2) ? 1 + in_below(3) : 0; i && !rdists_owned; i--)
		hand_rdists_over(false);
	if (!rdists_owned && !in_one_of(32))
		hand_rdists_over(true);
	if (rdists_owned && in_one_of(8)) {
		bad_rdist_calls();
		check(hand_rdists_again() == -EEXIST, "redistributors are taken twice");
	}
	check_targets(in_one_of(2));
	check_all();
}

static void boot(void)
{
	u32 i, j, owned = 0, told, told_rdists;

	boot_rdists();
	for (i = 0; i < nr_hw; i++) {
		bool ok = setup_its(i);

		for (j = in_below(8) < 3 ? 1 + in_below(3) : 0; ok && j && its_of[i].nr < 0; j--)
			hand_over(&its_of[i], false);
		if (ok && its_of[i].nr < 0 && !in_one_of(16))
			hand_over(&its_of[i], true);
		owned += its_of[i].nr >= 0;
		check_all();
	}
	if (in_one_of(8))
		bad_handover_calls();

	check(!pkvm_its_allows_protected_guests(), "protected guests are allowed too early");
	told = in_one_of(4) ? in_below(4) : nr_hw;
	told_rdists = in_one_of(4) ? in_below(5) : nr_rdists;
	check(!__pkvm_its_handover_done(told, told_rdists), "EL2 refuses to learn the number of ITSs");
	check(pkvm_its_allows_protected_guests() ==
	      (told == owned && told_rdists == (rdists_owned ? nr_rdists : 0)),
	      "EL2 does not know if an ITS can be used against protected guests");
	deprivileged = true;
	sum.multi += owned > 1;
}

/* From here on the host is the adversary. */

/* EL2, from where the other CPU may enter it as well. */
static void enter(void)
{
	own_entry();
	cpu_enter_el2();
}

/* All that has to hold holds when both have left. */
static void leave(void)
{
	if (cpu_is_scheduled()) {
		if (!cpu_other_in_el2())
			check_all();
		return;
	}
	if (cpu_is_second())
		return;
	cpu_finish();
	check_live();
}

static u64 mmio(struct host_its *hi, u64 offset, u8 width, bool write, u64 data)
{
	struct hyp_mmio_access access = { offset, width, write, 0 };

	if (write)
		access.data = width == 8 ? data : data & (BIT_ULL(width * 8) - 1);

	current = hi;
	enter();
	hyp_its_handle_access(host_find_hyp_mmio(hi->hw.phys), &access);
	cpu_leave_el2();
	if (width < 8)
		access.data &= BIT_ULL(width * 8) - 1;
	sum.mmio++;
	if (!write && offset == GITS_CREADR && width >= 4)
		check_told(hi, access.data);
	leave();

	return access.data;
}

static u32 next_slot(struct host_its *hi, u32 offset)
{
	return (offset + CMD_SIZE) % hw_queue_size(hi->hw.owned_cbaser);
}

static u64 word_at(struct host_its *hi, u32 slot, u32 i)
{
	return ram_read(hi->shadow_queue + slot + i * 8);
}

/* The next command that is in the queue, in registers, and the SYNC or VSYNC behind it. */
static s64 send(struct host_its *hi, u32 from, u32 cwriter)
{
	u32 second = next_slot(hi, from), i;
	u64 cpus = sum.cpus;
	struct its_cmd_block cmd;
	u64 sync = 0;
	bool is_sync;
	s64 creadr;

	for (i = 0; i < 4; i++)
		cmd.raw_cmd[i] = word_at(hi, from, i);
	if (second != cwriter)
		sync = word_at(hi, second, 0) & 0xff;
	is_sync = sync == SYNC || sync == VSYNC;
	if (is_sync || in_rest() % 4 == 3)
		sync |= word_at(hi, second, sync == VSYNC ? 1 : 2) & ~0xffULL;
	else
		sync = 0;

	current = hi;
	enter();
	creadr = __pkvm_its_send(hi->nr, &cmd, sync);
	cpu_leave_el2();
	sum.mmio++;
	if (creadr >= 0) {
		sum.sends++;
		check(is_sync || !sync, "EL2 posts 0x%llx behind a command", sync);
		check(hi->el2->posted == (sync ? next_slot(hi, second) : second) ||
		      cpu_is_second() || cpu_is_scheduled() || sum.cpus != cpus,
		      "a command in registers overtakes those in the queue");
		check_told(hi, creadr);
	}
	leave();

	return creadr;
}

static u64 post_slots(struct host_its *hi, u64 cwriter)
{
	mmio(hi, GITS_CWRITER, 8, true, cwriter);

	return mmio(hi, GITS_CREADR, 8, false, 0);
}

/*
 * Have the commands executed that are in the queue up to @cwriter, as the driver does it,
 * and often one by one. What EL2 does not take goes by the registers.
 */
static u64 post(struct host_its *hi, u64 cwriter)
{
	u64 slots = hw_queue_size(hi->hw.owned_cbaser) / CMD_SIZE;
	u32 from = hi->el2->cwriter, left = from / CMD_SIZE % 4 ? slots : 2;
	bool fill = in_rest() % 16 == 7;
	s64 creadr = -EAGAIN;

	/* What was there once around the queue ago: as much as there is room for. */
	if (fill)
		left = 2 * slots;
	while (left-- && (fill || from != cwriter)) {
		creadr = send(hi, from, cwriter);
		if (creadr < 0)
			break;
		from = hi->el2->cwriter;
	}
	if (creadr >= 0 && from == cwriter)
		return creadr;

	return post_slots(hi, cwriter);
}

/* A store to a frame of a redistributor, which the host does not read through EL2. */
static void rdist_mmio(struct hw_rdist *rd, u32 offset, u8 width, u64 data)
{
	struct hyp_mmio_region *region = host_find_hyp_mmio(rd->phys + ALIGN_DOWN(offset, SZ_64K));
	struct hyp_mmio_access access = { .width = width, .write = !in_one_of(32) };

	if (!region)
		return;

	access.offset = rd->phys + offset - hyp_pfn_to_phys(region->pfn);
	access.data = width == 8 ? data : data & (BIT_ULL(width * 8) - 1);
	enter();
	region->handler(region, &access);
	cpu_leave_el2();
	sum.rdist_mmio++;
	leave();
}

/* Valid as 0, whatever else is in it: it does unless the GIC says that it is busy. */
static void put(struct hw_rdist *rd)
{
	bool busy = rd->scan && rd->typer & RDIST_DIRTY, valid = rd->vpendbaser & VALID;
	struct hyp_mmio_region *region = host_find_hyp_mmio(rd->phys + SZ_128K);
	struct hyp_mmio_access access = { GICR_VPENDBASER, 8, true, 0 };

	if (!region)
		return;

	access.data = in_one_of(2) ? 0 : in_u64() & ~VALID;
	enter();
	region->handler(region, &access);
	cpu_leave_el2();
	check(!valid || busy || entry.others || !(rd->vpendbaser & VALID),
	      "the host cannot make a vPE leave a redistributor");
	leave();
}

static struct hw_rdist *rdist_of(u32 cpu)
{
	u32 nr = rdist_of_cpu[cpu];

	return rdists_owned && nr < nr_rdists ? &rdists[nr] : NULL;
}

/* Nothing speaks against it, if the table is free or the vPE's. */
static bool can_load(struct hw_rdist *rd, u32 id, u64 vconf, bool v41)
{
	u64 known;
	u32 i;

	if (!rd || !rd->lpis || !(rd->typer & RDIST_VLPIS) || rdist_is_v41(rd) != v41 ||
	    (v41 && !(rd->vpropbaser & VALID)) ||
	    rdist_uses_vpt(rd) || !(rd->ctlr & RDIST_ENABLE))
		return false;

	for (i = 0; i < nr_hw; i++) {
		if (el2_vpt(&its_of[i].hw, id) >> 61 == 4 && el2_vconf(&its_of[i].hw, id, &known))
			return v41 || known == vconf;
	}

	return false;
}

/* GICv4.1: the host names the vPE to the redistributor. */
static int name_resident(struct hw_rdist *rd, u32 id)
{
	struct hyp_mmio_region *region = host_find_hyp_mmio(rd->phys + SZ_128K);
	struct hyp_mmio_access access = { GICR_VPENDBASER, 8, true, VALID | id };
	bool must = can_load(rd, id, 0, true), busy = rdist_uses_vpt(rd);

	if (!region)
		return -ENOENT;

	access.data |= in_one_of(2) ? 0 : in_u64() & ~0xffffULL;
	enter();
	region->handler(region, &access);
	cpu_leave_el2();
	check(!must || rd->vpendbaser & VALID || entry.others, "vPE %#x cannot be made resident", id);
	sum.refused_loads += busy || !(rd->vpendbaser & VALID);
	leave();

	return 0;
}

/* On the CPU that makes the call. */
static int load(u32 id, u64 vconf, u64 flags)
{
	struct hw_rdist *rd = rdist_of(model_cpu());
	bool must = can_load(rd, id, vconf, false);
	int ret;

	if (rd && rdist_is_v41(rd) && !in_one_of(8))
		return name_resident(rd, id);

	enter();
	ret = __pkvm_vpe_load(id, vconf, flags);
	cpu_leave_el2();
	check(!ret || !must || entry.others, "vPE %#x cannot be made resident: %d", id, ret);
	check(ret || (rd && rd->vpendbaser & VALID && rdist_vconf(rd) == vconf) || entry.others,
	      "vPE %#x is resident, but nowhere", id);
	sum.refused_loads += !!ret;
	leave();

	return ret;
}

static u32 pick_device(struct host_its *hi)
{
	struct hw_its *hw = &hi->hw;
	u32 n = in_below(16);

	if (n < 8 && hw->nr_devices)
		return hw->devices[in_below(hw->nr_devices)].id;
	if (n < 14)
		return hi->ids[in_below(ARRAY_SIZE(hi->ids))];

	return n == 14 ? in_below(1 << 16) : in_u64();
}

/* Most commands want one that is mapped. */
static u32 pick_mapped(struct host_its *hi)
{
	struct hw_its *hw = &hi->hw;
	u32 i, n = hw->nr_devices ? in_below(hw->nr_devices) : 0;

	for (i = 0; i < hw->nr_devices && !in_one_of(16); i++, n++) {
		if (hw->devices[n % hw->nr_devices].mapped)
			return hw->devices[n % hw->nr_devices].id;
	}

	return pick_device(hi);
}

static u32 pick_event(struct host_its *hi, u32 id)
{
	struct hw_device *dev = hw_device(&hi->hw, id, false);
	u32 limit = 1U << (dev && dev->mapped ? dev->bits : 4);

	switch (in_below(16)) {
	case 0:
		return limit;
	case 1:
		return limit - 1;
	case 2:
		return in_u64();
	case 3:
		return 8192 + in_below(16);
	default:
		return in_below(min(limit, 4U));
	}
}

static u32 pick_lpi(struct host_its *hi)
{
	switch (in_below(16)) {
	case 0:
		return BIT(hi->hw.lpi_bits) - in_below(2);
	case 1:
		return in_one_of(2) ? 8191 : 1023;
	case 2:
		return in_u64();
	default:
		return 8192 + in_u8();
	}
}

static u32 pick_icid(struct host_its *hi)
{
	switch (in_below(16)) {
	case 0:
		return hi->el2->nr_colls - in_below(2);
	case 1:
		return in_below(1 << 16);
	case 2:
		return 254 + in_below(4);
	default:
		return in_below(8);
	}
}

static u64 pick_rdbase(struct host_its *hi)
{
	switch (in_below(16)) {
	case 0:
		return pick_phys(SZ_64K, SZ_64K) & GENMASK_ULL(51, 16);
	case 1:
		return in_one_of(2) ? RDIST(4) : 4 << 16;
	case 2:
		return rdist_name(&rdists[in_below(nr_rdists)], hi->hw.typer & BIT_ULL(19)) +
		       (in_one_of(4) ? 0x800000 : 0);
	default:
		return hi->hw.targets[in_below(hi->hw.nr_targets)];
	}
}

static u64 pick_l1_entry(struct host_its *hi, u32 nr)
{
	u64 baser = hi->hw.owned_baser[nr];
	u64 entry = pick_phys(hw_psz(baser), max((u64)hw_psz(baser), (u64)PAGE_SIZE));

	if (!in_one_of(16))
		entry |= VALID;
	if (in_one_of(24))
		entry |= BIT_ULL(52 + in_below(11));
	if (in_one_of(24))
		entry |= BIT_ULL(in_below(16));

	return entry;
}

/* Where EL2 is to keep its records of the entries of an L2 page. */
static u64 pick_chunk(struct host_its *hi, u32 nr, u64 l2)
{
	u64 size = host_chunk_size(hi->hw.owned_baser[nr]);
	u64 chunk = find_free(size, 8);

	switch (in_below(24)) {
	case 0:
		return l2 & ~VALID;
	case 1:
		return (l2 & ~VALID) + size;
	case 2:
		return chunk + 1 + in_below(7);
	case 3:
		return ALIGN(chunk + PAGE_ALIGN(size) - size, 8);
	case 4:
		return chunk + in_below(512) * 8;
	case 5:
		return chunk | BIT_ULL(48 + in_below(16));
	case 6:
		return pick_old_chunk(hi, nr);
	case 7:
		return pick_phys(size, 8);
	case 8:
		return 0;
	default:
		return chunk;
	}
}

/* An entry for the host's first level, and the chunk that goes with it. */
static void offer_l2(struct host_its *hi, u32 nr, u32 idx)
{
	u64 l2 = pick_l1_entry(hi, nr), size = hw_table_size(hi->hw.owned_baser[nr]), chunk;

	host_write(hi->shadow[nr] + idx * 8, l2);
	if (!hi->chunks[nr])
		return;
	chunk = pick_chunk(hi, nr, l2);
	if (in_one_of(3))
		fill_with_traps(ALIGN_DOWN(chunk, 8), host_chunk_size(hi->hw.owned_baser[nr]));
	host_write(hi->shadow[nr] + size + idx * 8, chunk);
}

static void prepare_rdists_l2(struct host_its *hi, u32 id)
{
	struct rdist_vpes *vpes;
	u32 idx;

	for (vpes = rdist_vpes; vpes < rdist_vpes + MAX_RDISTS; vpes++) {
		idx = vpes->owned ? id / (vpes->psz / vpes->esz) : 0;
		if (!vpes->owned || !vpes->indirect || idx >= vpes->size / 8 || vpes->seen[idx] ||
		    in_one_of(8))
			continue;
		host_write(vpes->shadow + idx * 8, in_one_of(8) ? pick_l1_entry(hi, 1) :
			   find_free(vpes->psz, vpes->psz) | VALID);
	}
}

static void prepare_l2(struct host_its *hi, u32 nr, u32 id)
{
	u64 baser = hi->hw.owned_baser[nr], per = hw_psz(baser) / hw_esz(baser);

	if (nr == 1)
		prepare_rdists_l2(hi, id);
	hi = bringer(hi, nr);
	if (baser & INDIRECT && id / per < hw_table_size(baser) / 8 && !in_one_of(8) &&
	    hi->hw.l1_seen[nr] && !hi->hw.l1_seen[nr][id / per])
		offer_l2(hi, nr, id / per);
}

static void gen_mapd(struct host_its *hi, u64 *dw)
{
	u32 idbits = (hi->hw.typer >> 8 & 0x1f) + 1;
	u32 id = pick_device(hi), bits = 1 + in_below(in_one_of(8) ? 32 : min(idbits, 6U));

	dw[0] = (u64)id << 32 | MAPD;
	dw[1] = bits - 1;
	if (in_one_of(3)) {
		dw[0] = (u64)pick_mapped(hi) << 32 | MAPD;
		if (in_one_of(4))
			dw[2] = in_u64() & ~VALID;
		return;
	}

	prepare_l2(hi, 0, id);
	dw[2] = VALID | (pick_phys(itt_size(hi, min(bits, 16U)), PAGE_SIZE) & GENMASK_ULL(51, 8));
}

/* One that is mapped, here or elsewhere, or a new one. */
static struct hw_vpe pick_vpe(struct host_its *hi)
{
	struct hw_its *hw = in_one_of(2) ? &its_of[in_below(nr_hw)].hw : &hi->hw;
	u64 baser = hi->hw.owned_baser[1], per = hw_psz(baser) / hw_esz(baser);
	struct hw_vpe vpe = { 0 };
	u32 i;

	if (hw->nr_vpes && in_below(4)) {
		vpe = hw->vpes[in_below(hw->nr_vpes)];
		/* One that is mapped, or was a moment ago, makes more of it. */
		for (i = 0; i < hw->nr_vpes && !vpe.mapped && !vpe.leaving && in_below(8); i++)
			vpe = hw->vpes[i];
		return vpe;
	}

	vpe.id = in_one_of(16) ? in_below(1 << 16) : in_below(6);
	if (in_one_of(4))
		vpe.id = (vpe.id + per * in_below(3)) & 0xffff;

	return vpe;
}

static void gen_vmapp(struct host_its *hi, u64 *dw, struct hw_vpe *vpe)
{
	bool v41 = hi->hw.typer & BIT_ULL(40), valid = !vpe->mapped || in_one_of(4);
	bool same = vpe->vpt && in_below(8) && !page_of(vpe->vpt)->guest;
	u64 vpt = same ? vpe->vpt : pick_phys(SZ_64K, SZ_64K);
	u64 vconf = vpe->vconf;
	bool alloc = in_below(8);
	u32 i;

	for (i = 0; i < nr_hw; i++) {
		struct hw_its *hw = &its_of[i].hw;

		if (hw != &hi->hw && hw->owned && hw_vpe(hw, vpe->id)->mapped)
			alloc = !alloc;
	}
	if (!vconf && hi->hw.nr_vpes)
		vconf = hi->hw.vpes[in_below(hi->hw.nr_vpes)].vconf;
	if (!vconf || in_one_of(8))
		vconf = mailbox != NO_MAILBOX && in_one_of(2) ?
			ram_phys + (mailbox << PAGE_SHIFT) : pick_phys(SZ_64K, SZ_64K);
	dw[0] = VMAPP | (v41 ? (vconf & GENMASK_ULL(51, 16)) | alloc << 8 : 0);
	dw[0] |= in_one_of(4) ? BIT(9) : 0;
	dw[1] = (u64)vpe->id << 32 | (v41 ? pick_lpi(hi) : 0);
	dw[2] = (valid ? VALID : 0) | pick_rdbase(hi);
	dw[3] = (vpt & GENMASK_ULL(51, 16)) |
		(in_one_of(16) ? in_below(32) : 13 + in_below(hi->hw.lpi_bits - 13));
	if (valid)
		prepare_l2(hi, 1, vpe->id);
}

static void gen_vcmd(struct host_its *hi, u64 *dw)
{
	static const u8 ops[] = { VMAPP, VMAPP, VMAPP, VMAPP, VMAPTI, VMAPTI, VMAPI, VMOVI, VMOVP,
				  VSYNC, VSYNC, VSYNC, VINVALL, INVDB, VSGI, 0x24 };
	u32 id = pick_mapped(hi), event = pick_event(hi, id), op = ops[in_below(ARRAY_SIZE(ops))];
	struct hw_vpe vpe = pick_vpe(hi);

	dw[0] = (u64)id << 32 | op;
	dw[1] = (u64)vpe.id << 32 | event;
	dw[2] = (in_one_of(3) ? 1023ULL : pick_lpi(hi)) << 32;
	switch (op) {
	case VMAPP:
		gen_vmapp(hi, dw, &vpe);
		break;
	case VMAPTI:
		dw[2] |= pick_lpi(hi);
		break;
	case VMOVI:
		dw[2] |= in_below(2);
		break;
	case VMOVP:
		dw[0] = op;
		dw[1] = (u64)vpe.id << 32 | in_below(8);
		dw[2] = pick_rdbase(hi);
		dw[2] |= in_one_of(2) ? VALID : 0;
		dw[3] = pick_lpi(hi);
		break;
	case VSYNC:
	case VINVALL:
	case INVDB:
	case VSGI:
		dw[0] = op | (op == VSGI ? in_below(4) << 8 : 0);
		dw[1] = (u64)vpe.id << 32;
		dw[2] = 0;
		break;
	}
}

static void gen_cmd(struct host_its *hi, u64 *dw)
{
	static const u8 ops[] = { MAPTI, MAPTI, MAPTI, MAPI, MOVI, INT, INT, INV, CLEAR, DISCARD };
	u32 n = in_below(32), id, op;

	memset(dw, 0, CMD_SIZE);
	if (hi->hw.owned_baser[1] && in_one_of(hi->hw.vlpis ? 2 : 16)) {
		gen_vcmd(hi, dw);
	} else if (n < 11) {
		gen_mapd(hi, dw);
	} else if (n < 22) {
		id = pick_mapped(hi);
		op = ops[in_below(ARRAY_SIZE(ops))];
		dw[0] = (u64)id << 32 | op;
		dw[1] = pick_event(hi, id);
		if (op == MAPTI)
			dw[1] |= (u64)pick_lpi(hi) << 32;
		if (op == MAPTI || op == MAPI || op == MOVI)
			dw[2] = pick_icid(hi);
	} else if (n < 25) {
		dw[0] = MAPC;
		dw[2] = pick_icid(hi);
		dw[2] |= pick_rdbase(hi);
		dw[2] |= in_one_of(4) ? 0 : VALID;
	} else if (n < 28) {
		dw[0] = n == 25 ? SYNC : n == 26 ? MOVALL : INVALL;
		dw[2] = n == 27 ? pick_icid(hi) : pick_rdbase(hi);
		dw[3] = n == 26 ? pick_rdbase(hi) : 0;
	} else if (n < 31) {
		if (hi->hw.owned_baser[1] || in_one_of(8))
			gen_vcmd(hi, dw);
		else
			dw[0] = SYNC, dw[2] = hi->hw.targets[0];
	} else if (in_one_of(2)) {
		dw[0] = in_u64();
		dw[1] = in_u64();
		dw[2] = in_u64();
		dw[3] = in_u64();
	}

	if (in_one_of(16)) {
		n = in_below(4);
		dw[n] ^= BIT_ULL(in_below(64));
	}
}

static void write_slot(struct host_its *hi, u32 offset, const u64 *dw)
{
	u32 i;

	for (i = 0; i < 4; i++)
		host_write(hi->shadow_queue + offset + i * 8, dw[i]);
}

static void act_commands(struct host_its *hi)
{
	u32 size = hw_queue_size(hi->hw.owned_cbaser);
	u32 nr = in_one_of(32) ? 64 : 1 + in_below(6);
	u64 dw[4], creadr = mmio(hi, GITS_CREADR, 8, false, 0);
	u32 cwriter = mmio(hi, GITS_CWRITER, 8, false, 0);

	if (!(hi->hw.ctlr & ENABLED) && !hi->suspended && in_below(4))
		mmio(hi, GITS_CTLR, 4, true, ENABLED);

	current = hi;
	if (creadr & 1 && in_below(8)) {
		memset(dw, 0, sizeof(dw));
		if (in_one_of(4))
			gen_cmd(hi, dw);
		else
			dw[0] = SYNC, dw[2] = hi->hw.targets[0];
		write_slot(hi, creadr & GENMASK_ULL(19, 5), dw);
		mmio(hi, GITS_CWRITER, 8, true, cwriter | RETRY);
	}

	while (nr--) {
		gen_cmd(hi, dw);
		write_slot(hi, cwriter, dw);
		cwriter = (cwriter + CMD_SIZE) % size;
	}
	cwriter |= in_one_of(16) ? RETRY : 0;
	if (in_one_of(2))
		post(hi, cwriter);
	else
		mmio(hi, GITS_CWRITER, in_one_of(8) ? 4 : 8, true, cwriter);
}

static void sync_cmd(struct host_its *hi, u64 *dw)
{
	memset(dw, 0, CMD_SIZE);
	dw[0] = SYNC;
	dw[2] = hi->hw.targets[in_below(hi->hw.nr_targets)];
}

/* As a driver does with a refused command: a SYNC in its place. */
static void unblock(struct host_its *hi)
{
	u64 creadr = mmio(hi, GITS_CREADR, 8, false, 0), dw[4];

	if (!(creadr & 1))
		return;
	sync_cmd(hi, dw);
	write_slot(hi, creadr & PTR_OFFSET, dw);
	mmio(hi, GITS_CWRITER, 8, true, mmio(hi, GITS_CWRITER, 8, false, 0) | RETRY);
}

/* The same vPE on another ITS, if that has it mapped or had until now. */
static struct hw_vpe *vpe_elsewhere(struct host_its *hi, u32 id)
{
	struct host_its *other;
	struct hw_vpe *vpe;

	for (other = its_of; other < its_of + nr_hw; other++) {
		vpe = other->hw.owned && other != hi ? hw_vpe(&other->hw, id) : NULL;
		if (vpe && (vpe->mapped || vpe->leaving))
			return vpe;
	}

	return NULL;
}

/* As KVM does: a vPE is mapped on one ITS after the other, gets an event, and goes. */
static void act_vpe(struct host_its *hi, u32 id)
{
	u32 dev = pick_mapped(hi), cwriter;
	struct hw_vpe *vpe = hw_vpe(&hi->hw, id), *other = vpe_elsewhere(hi, id);
	bool v41 = hi->hw.typer & BIT_ULL(40), map = !vpe->mapped;
	u64 vpt = other ? other->vpt : find_free(SZ_64K, SZ_64K), vconf = vpe->vconf;
	u64 rdbase = hi->hw.targets[in_below(hi->hw.nr_targets)];
	u64 map_cmd[4] = { VMAPP | !(other && other->mapped) << 8, (u64)id << 32 };
	u64 event[4] = { (u64)dev << 32 | VMAPTI, (u64)id << 32 | in_below(2), 1023ULL << 32 | (8192 + id) };
	u64 vsync[4] = { VSYNC, (u64)id << 32 };

	unblock(hi);
	if (map) {
		vconf = other ? other->vconf : !vconf || in_one_of(2) ? find_free(SZ_64K, SZ_64K) : vconf;
		map_cmd[0] |= v41 ? vconf : 0;
		map_cmd[1] |= v41 ? 1023 : 0;
		map_cmd[2] = VALID | rdbase;
		map_cmd[3] = vpt | (hi->hw.lpi_bits - 1);
		prepare_l2(hi, 1, id);
	}
	cwriter = mmio(hi, GITS_CWRITER, 8, false, 0);
	write_slot(hi, cwriter, map_cmd);
	cwriter = next_slot(hi, cwriter);
	if (map || in_one_of(2)) {
		write_slot(hi, cwriter, map ? event : vsync);
		cwriter = next_slot(hi, cwriter);
	}
	post(hi, cwriter);
}

static u32 write_mapd(struct host_its *hi, u32 offset, u32 id, u32 bits, u64 itt)
{
	u64 dw[4] = { (u64)id << 32 | MAPD, bits - 1, itt ? itt | VALID : 0 };

	write_slot(hi, offset, dw);

	return next_slot(hi, offset);
}

/* One guest comes, the one before is gone. */
static void next_guest(u64 pfn)
{
	own_guest_to_host(guest);
	own_host_to_guest(pfn);
	guest = pfn;
}

/* Another ITS maps what this one has just been told to forget. */
static void map_elsewhere(struct host_its *hi, struct hw_vpe *vpe)
{
	struct host_its *other = &its_of[in_below(nr_hw)];
	u32 cwriter;
	u64 dw[4];

	if (other == hi || !other->hw.vlpis)
		return;

	vpe->mapped = false;
	gen_vmapp(other, dw, vpe);
	cwriter = mmio(other, GITS_CWRITER, 8, false, 0);
	write_slot(other, cwriter, dw);
	post(other, next_slot(other, cwriter));
	current = hi;
}

/*
 * As a driver takes something down: the unmap, what makes it take effect, a few
 * looks at GITS_CREADR, and then the pages are somebody else's. Or it gives up.
 */
static void act_driver(struct host_its *hi)
{
	u32 id = pick_mapped(hi), unmap = mmio(hi, GITS_CWRITER, 8, false, 0);
	u32 sync = next_slot(hi, unmap), end = next_slot(hi, sync), i;
	struct hw_device *dev = hw_device(&hi->hw, id, false);
	u64 dw[4] = { (u64)id << 32 | MAPD }, itt = dev ? dev->itt : 0, told;
	struct hw_vpe vpe = { 0 };

	if (in_one_of(2))
		unblock(hi);
	if (hi->hw.vlpis && in_one_of(2)) {
		vpe = pick_vpe(hi);
		vpe.mapped = true;
		gen_vmapp(hi, dw, &vpe);
		dw[2] &= ~VALID;
		itt = vpe.vpt;
	}
	write_slot(hi, unmap, dw);
	sync_cmd(hi, dw);
	if (hi->hw.vlpis && in_one_of(2))
		dw[0] = VSYNC, dw[1] = (u64)vpe.id << 32, dw[2] = 0;
	write_slot(hi, sync, dw);

	told = post(hi, end);
	for (i = in_below(6); i && (told & PTR_OFFSET) != end && !(told & 1); i--)
		told = mmio(hi, GITS_CREADR, 8, false, 0);
	if (vpe.mapped && in_one_of(4))
		map_elsewhere(hi, &vpe);
	if ((told & PTR_OFFSET) != end)
		sum.late++;
	else if (host_can_write(itt, 1) && !page_of(itt)->used && in_one_of(2))
		next_guest(page_of(itt) - pages);
}

/* More devices than EL2 keeps track of while they are unmapped, one SYNC for all. */
static void act_unmaps(struct host_its *hi)
{
	u32 i, nr = 16 + in_below(32), cwriter = mmio(hi, GITS_CWRITER, 8, false, 0);
	u32 bits = min((u32)(hi->hw.typer >> 8 & 0x1f) + 1, 11U);
	u64 itts[64], dw[4], size = PAGE_ALIGN((u64)hi->el2->ite_size << bits);

	for (i = 0; i < nr; i++) {
		itts[i] = alloc(size, PAGE_SIZE);
		cwriter = write_mapd(hi, cwriter, i, bits, itts[i]);
	}
	for (i = 0; i < nr; i++)
		mark_used(itts[i], size, false);
	for (i = 0; i < 8; i++)
		post(hi, cwriter);

	hi->hw.stuck = hi->hw.stuck || in_one_of(2);
	for (i = 0; i < nr; i++)
		cwriter = write_mapd(hi, cwriter, i, bits, 0);
	sync_cmd(hi, dw);
	write_slot(hi, cwriter, dw);
	for (i = 0; i < 8; i++)
		post(hi, next_slot(hi, cwriter));
}

/* No vPE is resident any more, and the GIC has done with all of them. */
static void empty_rdists(void)
{
	struct hw_rdist *rd;

	cpu_start_second_in(0);
	for (rd = rdists; rd < rdists + nr_rdists; rd++) {
		rdist_clean(rd);
		if (rd->vpendbaser & VALID)
			put(rd);
		rdist_clean(rd);
		check(!rdist_uses_vpt(rd), "a vPE does not leave a redistributor");
	}
}

/* The ITS does what it was told, and so the host gets an answer. */
static void act_settle(struct host_its *hi)
{
	struct hw_its *hw = &hi->hw;
	u64 told = 0, cwriter, before, posted;
	u32 i, idle = 0;

	poll_in = 0;
	empty_rdists();
	hw->slow = hw->lag = 0;
	hw->stuck = hw->stall_next = false;
	hw_wake(hw);
	if (!(hw->ctlr & ENABLED)) {
		for (i = 0; i < 64; i++)
			mmio(hi, GITS_CTLR, 4, false, 0);
		mmio(hi, GITS_CTLR, 4, true, ENABLED);
		hi->suspended = 0;
	}
	check(hw->ctlr & ENABLED, "the host cannot enable an ITS that is quiescent");
	if (hw->stalled)
		mmio(hi, GITS_CWRITER, 8, true, mmio(hi, GITS_CWRITER, 8, false, 0) | RETRY);

	do {
		before = told;
		posted = hi->el2->stats.posted;
		told = mmio(hi, GITS_CREADR, 8, false, 0);
		cwriter = mmio(hi, GITS_CWRITER, 8, false, 0);
		idle = told == before && posted == hi->el2->stats.posted ? idle + 1 : 0;
		check(idle < 4, "GITS_CREADR stays at %#llx, the host wants %#llx", told, cwriter);
	} while (told != cwriter && !(told & 1));

	check(hw->q.next == hw->q.wrote, "GITS_CREADR reads %#llx, and the ITS is not there", told);
	check_settled(hi);
	sum.settled++;
}

/* More than the queue of an ITS that does not read holds. */
static void act_flood(struct host_its *hi)
{
	u64 sync[4] = { SYNC, 0, hi->hw.targets[0] };
	u32 size = hw_queue_size(hi->hw.owned_cbaser), offset;
	u32 cwriter = mmio(hi, GITS_CWRITER, 8, false, 0);

	hi->hw.stuck = hi->hw.stuck || in_one_of(2);
	for (offset = 0; offset < size; offset += CMD_SIZE)
		write_slot(hi, offset, sync);
	mmio(hi, GITS_CWRITER, 8, true, (cwriter + size - CMD_SIZE) % size | RETRY);
	mmio(hi, GITS_CWRITER, 8, true, (cwriter + in_below(4) * CMD_SIZE) % size);
	if (in_one_of(2)) {
		hi->hw.stuck = false;
		hw_wake(&hi->hw);
	}
}

/* What registers that never change read as, in one piece or in halves. */
static void check_register(struct host_its *hi, u64 offset, u8 width, u64 data)
{
	u32 nr = (offset - GITS_BASER) / 8;
	u64 val;

	if (ALIGN_DOWN(offset, 8) == GITS_TYPER)
		val = hi->hw.typer;
	else if (ALIGN_DOWN(offset, 8) == GITS_CBASER)
		val = hi->hw.owned_cbaser;
	else if (offset >= GITS_BASER && nr < HW_NR_BASER && hi->hw.owned_baser[nr])
		val = hi->hw.owned_baser[nr];
	else
		return;

	val = width == 8 ? val : (u32)(val >> offset % 8 * 8);
	check(data == val, "%u bytes at %#llx read as %#llx, not %#llx", width, offset, data, val);
}

static void act_mmio(struct host_its *hi)
{
	static const u16 regs[] = { 0x0, 0x4, 0x8, 0xc, 0x18, 0x80, 0x84, 0x88, 0x8c, 0x90, 0x94,
				    0x100, 0x104, 0x108, 0x110, 0x118, 0x138, 0xffd0, 0xffe8, 0xfffc };
	u64 offset = in_one_of(3) ? in_below(SZ_64K) : regs[in_below(ARRAY_SIZE(regs))];
	u8 width = in_one_of(4) ? 1 << in_below(4) : in_one_of(3) ? 4 : 8;
	bool write = in_below(2);
	u64 data;

	switch (in_below(8)) {
	case 0:
		data = hi->hw.owned_baser[in_below(8)];
		break;
	case 1:
		data = hi->hw.owned_cbaser;
		break;
	case 2:
		data = in_below(1 << 16) * 16;
		break;
	case 3:
		data = in_below(4);
		break;
	case 4:
		data = hi->hw.owned_baser[0] ^ BIT_ULL(in_below(64));
		break;
	case 5:
		data = hw_queue_size(hi->hw.owned_cbaser) - in_below(3) * 16;
		break;
	case 6:
		data = hi->hw.owned_cbaser ^ BIT_ULL(in_below(64));
		break;
	default:
		data = in_u64();
	}
	if (offset % 8 && width == 4)
		data >>= 32;

	data = mmio(hi, offset, width, write, data);
	if (!write && width >= 4 && IS_ALIGNED(offset, width))
		check_register(hi, offset, width, data);
	if (!write && (width < 4 || !IS_ALIGNED(offset, width)))
		check(!data, "an access EL2 does not know reads as %#llx", data);
}

static void act_retry(struct host_its *hi)
{
	u32 n;
	u64 dw[4], creadr;

	for (n = 1 + in_below(3); n; n--) {
		creadr = mmio(hi, GITS_CREADR, 8, false, 0);
		current = hi;
		if (in_one_of(2))
			sync_cmd(hi, dw);
		else
			gen_cmd(hi, dw);
		write_slot(hi, creadr & PTR_OFFSET, dw);
		mmio(hi, GITS_CWRITER, 8, true, mmio(hi, GITS_CWRITER, 8, false, 0) | RETRY);
	}
}

static void act_shadow(struct host_its *hi)
{
	u32 nr = in_one_of(4), idx = in_below(1 << 16);
	u64 baser = hi->hw.owned_baser[nr];

	if (baser & INDIRECT)
		offer_l2(hi, nr, idx % (hw_table_size(baser) / 8));
	else
		host_write(hi->shadow_queue + idx % 512 * 8, in_u64());
}

/* What is said about a command is true of the slot where GITS_CREADR is stalled. */
static void check_refused(struct host_its *hi, u32 nr)
{
	u64 at = __pkvm_its_refused(nr, PKVM_ITS_REFUSED_AT), cmd, name, why;

	/* It is true for as long as nobody else enters EL2. */
	cpu_start_second_in(0);
	cmd = __pkvm_its_refused(nr, PKVM_ITS_REFUSED_CMD);
	name = __pkvm_its_refused(nr, PKVM_ITS_REFUSED_NAME);
	why = __pkvm_its_refused(nr, PKVM_ITS_REFUSED_WHY);
	check(!__pkvm_its_refused(nr, PKVM_ITS_REFUSED_WHY + 1 + in_u8()), "EL2 says what nobody asked for");
	if (nr != (u32)hi->nr)
		return;

	check(!at || at == mmio(hi, GITS_CREADR, 8, false, 0), "a command was refused at %#llx", at);
	check(!!why == !!hi->el2->stats.refused && why < PKVM_ITS_REFUSAL_MAX,
	      "a command was refused for %llu", why);
	check(!why || (why == PKVM_ITS_UNKNOWN_COMMAND) == !name, "the name of %#llx is %#llx", cmd, name);
}

static void check_rdist_query(u32 nr, u32 what, u64 val)
{
	struct hw_rdist *rd = &rdists[nr % MAX_RDISTS];

	if (nr >= nr_rdists)
		check(!val, "EL2 knows of redistributor %u", nr);
	else if (what == PKVM_ITS_QUERY_RDIST_OWNER)
		check(val == 1, "EL2 does not own a redistributor that it took");
	else if (what == PKVM_ITS_QUERY_RDIST_PEND_OWNER)
		check(val == rd->lpis, "EL2 does not own a pending table that it took");
	else if (what == PKVM_ITS_QUERY_RDIST_PROP)
		check(val == rd->owned_propbaser, "EL2 has another GICR_PROPBASER");
	else if (what == PKVM_ITS_QUERY_RDIST_PEND)
		check(val == rd->owned_pendbaser, "EL2 has another GICR_PENDBASER");
}

static void act_query(struct host_its *hi)
{
	u32 what = in_below(32), nr = in_one_of(8) ? in_u8() : (u32)hi->nr;
	u64 idx = in_one_of(8) ? in_u64() : in_below(10), val;

	if (what == PKVM_ITS_QUERY_L2 && in_below(8)) {
		idx = (u64)in_below(9) << 32;
		if (hi->hw.nr_l2[idx >> 32 & 7])
			idx |= hi->hw.l2_idx[idx >> 32 & 7][0];
	}
	own_entry();
	if (in_one_of(2))
		return check_refused(hi, nr);
	val = __pkvm_its_query(nr, what, idx);
	if (what > PKVM_ITS_QUERY_SELFTEST)
		return check_rdist_query(nr, what, val);
	if (nr != (u32)hi->nr)
		return;
	if (what == PKVM_ITS_QUERY_OWNER || what == PKVM_ITS_QUERY_QUEUE_OWNER ||
	    (what == PKVM_ITS_QUERY_TABLE_OWNER && idx < 8 && hi->hw.owned_baser[idx] & VALID))
		check(val == 1, "EL2 does not own what it took: query %u, index %llu", what, idx);
	if (what == PKVM_ITS_QUERY_RECORDS_OWNER)
		check(val == hi->hw.holds_devices, "EL2 has records of devices in the ITS: %llu", val);
}

static void act_hypercall(struct host_its *hi)
{
	u64 a = pick_phys(PAGE_SIZE, PAGE_SIZE), b = pick_phys(PAGE_SIZE, PAGE_SIZE);
	u64 size = in_u8() * PAGE_SIZE;

	own_entry();
	if (in_one_of(3))
		check(__pkvm_its_handover_done(in_u8(), in_u8()) == -EPERM, "too late to count ITSs");
	else if (in_one_of(2))
		check(__pkvm_rdist_handover((unsigned long)hyp_phys_to_virt(a), size,
					    (unsigned long)hyp_phys_to_virt(b),
					    in_u8() * PAGE_SIZE) < 0, "too late for redistributors");
	else
		check(pkvm_its_errno(__pkvm_its_handover((unsigned long)hyp_phys_to_virt(a), size,
							 (unsigned long)hyp_phys_to_virt(b),
							 in_u8() * PAGE_SIZE)) == -EPERM,
		      "too late for a hand-over");
}

/* What the host can do to any page, be it with a hypercall that EL2 refuses. */
static void host_memory_call(u64 pfn)
{
	u64 real = pfn + (ram_phys >> PAGE_SHIFT);

	hosts_own++;
	switch (in_below(4)) {
	case 0:
		if (!pages[pfn].used)
			own_host_to_guest(pfn);
		break;
	case 1:
		own_guest_to_host(pfn);
		break;
	case 2:
		__pkvm_host_share_hyp(real);
		break;
	default:
		__pkvm_host_unshare_hyp(real);
		/* Somebody else at EL2 pins it. */
		if (pages[pfn].host == SHARED_OWNED && pfn != mailbox && in_one_of(4))
			pages[pfn].others = !pages[pfn].others;
		break;
	}
	hosts_own--;
}

/* FFA_RXTX_MAP and FFA_RXTX_UNMAP: EL2 shares and pins, and panics if it cannot undo that. */
static void change_mailbox(void)
{
	u64 real, around, i;

	if (mailbox != NO_MAILBOX) {
		real = mailbox + (ram_phys >> PAGE_SHIFT);
		pages[mailbox].others = 0;
		mailbox = NO_MAILBOX;
		check(!__pkvm_host_unshare_hyp(real), "EL2 pins the mailbox of FF-A at page %#llx", real);
		around = ALIGN_DOWN(real, max(SZ_64K >> PAGE_SHIFT, 1UL));
		for (i = 0; i < SZ_64K >> PAGE_SHIFT; i++)
			__pkvm_host_unshare_hyp(around + i);
		return;
	}

	around = find_free(SZ_64K, SZ_64K);
	if (!around)
		return;
	around >>= PAGE_SHIFT;
	real = around + in_below(max(SZ_64K >> PAGE_SHIFT, 1UL));
	if (__pkvm_host_share_hyp(real))
		return;
	mailbox = real - (ram_phys >> PAGE_SHIFT);
	pages[mailbox].others = 1;
	sum.mailboxes++;
	for (; in_below(8) && around < real + (SZ_64K >> PAGE_SHIFT); around++)
		__pkvm_host_share_hyp(around);
}

static void act_mailbox(void)
{
	hosts_own++;
	change_mailbox();
	hosts_own--;
}

static void act_memory(struct host_its *hi)
{
	u64 pfn = in_below(NR_PAGES);

	if (in_one_of(4))
		return act_mailbox();

	if (in_one_of(4)) {
		u64 phys = pick_phys(PAGE_SIZE, PAGE_SIZE);

		if (is_ram(phys, 1))
			pfn = page_of(phys) - pages;
	}
	host_memory_call(pfn);
	if (pages[pfn].host != NOPAGE && !pages[pfn].used && in_one_of(4))
		fill_with_traps(ram_phys + (pfn << PAGE_SHIFT), PAGE_SIZE);
}

static void act_speed(struct host_its *hi)
{
	hi->hw.lag = in_below(4);
	switch (in_below(6)) {
	case 0:
		hi->hw.slow = 1 + in_below(4);
		break;
	case 1:
		hi->hw.slow = 2 + in_below(30);
		break;
	case 2:
		hi->hw.stuck = true;
		break;
	case 3:
		hi->hw.stall_next = true;
		break;
	default:
		hi->hw.slow = 0;
		hi->hw.stuck = false;
		break;
	}
	hw_wake(&hi->hw);
}

static void lose_rdists(bool restores)
{
	u32 i;

	for (i = 0; i < nr_rdists; i++) {
		if (rdists[i].accessible)
			rdist_power_loss(&rdists[i], restores);
	}
}

/* As a CPU that comes back enters EL2 first. */
static void resume_cpu(u32 cpu)
{
	struct hw_rdist *rd = rdist_of(cpu);

	cpu_set(cpu);
	enter();
	pkvm_rdist_resume();
	cpu_leave_el2();
	check(!rd || !rd->lpis || rd->ctlr & RDIST_ENABLE, "a CPU comes back without LPIs");
	leave();
}

static void resume_cpus(void)
{
	u32 cpu;

	/* None of them enters EL2 before. */
	cpu_start_second_in(0);
	for (cpu = 0; cpu < NR_CPUS; cpu++)
		resume_cpu(cpu);
}

/* PSCI SYSTEM_SUSPEND, which EL2 relays. */
static void act_suspend(void)
{
	bool at_rest = true, relayed;
	struct host_its *hi;
	u32 fw;

	for (hi = its_of; hi < its_of + nr_hw; hi++) {
		if (hi->hw.owned && (hi->hw.busy > 8 || hi->hw.slow > 8 || hi->hw.stuck))
			at_rest = false;
	}

	own_entry();
	entry.suspending = true;
	relayed = pkvm_its_suspend();
	check_live();
	check(relayed || !at_rest, "EL2 refuses a suspend, though every ITS comes to rest");
	if (!relayed)
		return;

	/* Another CPU runs until the very end. Firmware may refuse as well. */
	for (hi = its_of; hi < its_of + nr_hw; hi++) {
		if (hi->hw.owned && in_one_of(4))
			mmio(hi, GITS_CTLR, 4, true, ENABLED);
	}
	fw = in_below(FW_MAX + 1);
	for (hi = its_of; hi < its_of + nr_hw; hi++) {
		if (!hi->hw.owned)
			continue;
		check_suspended(hi);
		if (fw < FW_MAX)
			hw_power_loss(&hi->hw, fw);
		hi->suspended = in_below(2);
	}
	own_entry();
	pkvm_its_resume();
	if (fw < FW_MAX)
		lose_rdists(fw != FW_NONE);
	resume_cpus();
	sum.suspends++;
	check_live();
}

/* Where GITS_CWRITER is 0, as GITS_CREADR will be once firmware has restored it. */
static void fill_to_the_end(struct host_its *hi)
{
	u32 size = hw_queue_size(hi->hw.owned_cbaser), i;
	u32 cwriter = mmio(hi, GITS_CWRITER, 8, false, 0);
	u64 dw[4];

	hi->hw.stuck = in_one_of(2);
	if (!hi->hw.stuck)
		hi->hw.slow = 0;
	hw_wake(&hi->hw);
	sync_cmd(hi, dw);
	for (; cwriter; cwriter = next_slot(hi, cwriter))
		write_slot(hi, cwriter, dw);
	if (in_below(4))
		write_mapd(hi, size - CMD_SIZE, pick_mapped(hi), 1, 0);
	for (i = 0; i < size / CMD_SIZE / ITS_BUDGET_CMDS + 1; i++)
		post(hi, 0);
}

/*
 * Without a word to EL2, as for PSCI CPU_SUSPEND. Firmware that even enables the
 * ITS does that only if there was nothing left to do: EL2 could not know better.
 */
static void untold_power_loss(struct host_its *hi)
{
	struct hw_queue *q = &hi->hw.q;
	u32 fw = in_below(FW_MAX);

	if (in_one_of(2))
		fill_to_the_end(hi);
	if (q->next != q->wrote || hi->el2->consumed != q->wrote || hi->el2->nr_unmaps ||
	    hi->el2->nr_vpe_unmaps)
		fw = min(fw, (u32)FW_RESTORES);
	hw_power_loss(&hi->hw, fw);
}

/* The driver's way through suspend and resume, or most of it. */
static void act_power(struct host_its *hi)
{
	struct hw_its *hw = &hi->hw;
	u32 i;

	if (power_fails && in_one_of(2))
		return hw_power_fails(hw);

	if (in_one_of(4))
		return act_suspend();

	if (in_one_of(4))
		return untold_power_loss(hi);

	if (!hi->suspended) {
		mmio(hi, GITS_CTLR, 4, true, 0);
		for (i = in_below(8); i; i--)
			mmio(hi, GITS_CTLR, 4, false, 0);
		hi->suspended = in_below(3);
		if (hi->suspended == 2)
			untold_power_loss(hi);
		return;
	}

	if (in_below(4))
		mmio(hi, GITS_CBASER, 8, true, hw->owned_cbaser);
	if (in_below(4))
		mmio(hi, GITS_CWRITER, 8, true, 0);
	for (i = 0; i < HW_NR_BASER; i++) {
		if (in_below(4))
			mmio(hi, GITS_BASER + i * 8, 8, true, hw->owned_baser[i]);
	}
	mmio(hi, GITS_CTLR, 4, true, ENABLED);
	hi->suspended = 0;
}

static void act_msi(struct host_its *hi)
{
	u32 id = pick_mapped(hi);

	hw_msi(&hi->hw, id, pick_event(hi, id));
	sum.msis++;
}

static void act_race(void)
{
	race_in = in_one_of(2) ? 0 : 1 + in_below(8);
	read_in = in_one_of(4) ? 0 : 1 + in_below(20);
	poll_in = in_one_of(2) ? 0 : 1 + in_below(10);
	cpu_start_second_in(in_one_of(2) ? 0 : 1 + in_below(40));
}

/* A vPE that is mapped, on any ITS, or any vPEID. */
static u32 pick_vpeid(void)
{
	struct hw_its *hw = &its_of[in_below(nr_hw)].hw;

	switch (in_below(16)) {
	case 0:
		return in_one_of(2) ? in_u64() : in_below(1 << 16);
	case 1 ... 5:
		return hw->nr_vpes ? hw->vpes[in_below(hw->nr_vpes)].id : 0;
	default:
		return in_below(4);
	}
}

/* The table of its guest, or one that is wrong for some reason. */
static u64 pick_vconf(u32 id)
{
	u64 *vconf = &vconfs[id % ARRAY_SIZE(vconfs)];
	bool has_one = false;
	u64 known;
	u32 i;

	for (i = 0; i < nr_hw && !has_one; i++)
		has_one = el2_vconf(&its_of[i].hw, id, &known);
	known = has_one ? known : *vconf;
	switch (in_below(16)) {
	case 0:
		return pick_phys(BIT(lpi_bits), SZ_64K);
	case 1:
		return known + (in_one_of(2) ? SZ_4K : 1 + in_below(SZ_4K));
	case 2 ... 5:
		*vconf = find_free(BIT(lpi_bits), SZ_4K);
		/* Anywhere in a page. */
		if (in_one_of(2))
			*vconf += in_below(PAGE_SIZE / SZ_4K) * SZ_4K;
		return *vconf;
	default:
		return known;
	}
}

static u64 pick_load_flags(void)
{
	return in_one_of(4) ? in_u64() : (u64)in_below(4) << 61;
}

static int act_load(void)
{
	u32 id = pick_vpeid();

	return load(id, pick_vconf(id), pick_load_flags());
}

static void act_rdist_mmio(struct hw_rdist *rd)
{
	static const u32 regs[] = {
		0x0, 0x0, 0x4, 0x8, 0x10, 0x14, 0x20, 0x40, 0x44, 0x48, 0x70, 0x70, 0x74, 0x78, 0x78,
		0x7c, 0xa0, 0xb0, 0xc0, 0xffe8, 0x20070, 0x20078, 0x20078, 0x2007c, 0x20080, 0x30078,
	};
	u32 offset = in_one_of(8) ? in_below(SZ_64K) + (in_one_of(2) ? SZ_128K : 0) :
				    regs[in_below(ARRAY_SIZE(regs))];
	u8 width = in_one_of(4) ? 1 << in_below(4) :
		   offset < 0x40 || offset == 0x20080 ? 4 : 8;
	u64 data;

	switch (in_below(8)) {
	case 0:
		data = rd->owned_propbaser;
		break;
	case 1:
		data = rd->owned_pendbaser ^ (in_one_of(2) ? BIT_ULL(62) : 0);
		break;
	case 2:
		data = in_below(16) | (u64)in_below(8) << 24;
		break;
	case 3:
		data = 8192 + in_below(8);
		break;
	case 4:
		data = in_one_of(2) ? 1ULL << rdist_bits(rd) : 8191 - in_below(8192);
		break;
	case 5:
		data = VALID | (pick_phys(SZ_64K, SZ_64K) & GENMASK_ULL(51, 12)) | in_below(4) << 10;
		break;
	case 6:
		data = VALID | (u64)in_below(4) << 32 | 8192;
		break;
	default:
		data = in_u64();
		break;
	}

	rdist_mmio(rd, offset, width, data);
}

/* As a driver does where the GIC has no ITS to do it, or asks none. */
static void act_direct(struct hw_rdist *rd)
{
	static const u32 regs[] = { GICR_SETLPIR, GICR_CLRLPIR, GICR_INVLPIR, GICR_INVALLR };
	u32 reg = regs[in_below(ARRAY_SIZE(regs))];

	rdist_mmio(rd, reg, 8, reg == GICR_INVALLR ? 0 : 8192 + in_below(64));
}

/* LPIs of a redistributor that lost its power, or none where there are no tables. */
static void act_enable(struct hw_rdist *rd)
{
	u32 dpg = in_below(8) << 24;
	struct hyp_mmio_access access = { GICR_CTLR, 4, true, RDIST_ENABLE | dpg };
	bool must;

	/* That takes a while. */
	if (!(rd->ctlr & RDIST_ENABLE) && in_one_of(2))
		rdist_mmio(rd, GICR_CTLR, 4, in_below(8) << 24);
	must = rd->lpis && !rd->rwp;
	enter();
	hyp_rdist_handle_access(host_find_hyp_mmio(rd->phys), &access);
	cpu_leave_el2();
	check(!must || entry.others || rd->ctlr & RDIST_ENABLE, "the host cannot enable LPIs again");
	check(!rd->lpis || !must || entry.others || (rd->ctlr & 7 << 24) == dpg, "the host cannot set DPG");
	leave();
}

static void act_rdist_speed(struct hw_rdist *rd)
{
	rd->lag = in_one_of(8) ? RDIST_NEVER : in_below(4);
	rd->slow_scan = in_below(4);
	rd->slow_rwp = in_one_of(8) ? RDIST_NEVER : in_below(4);
	rd->unknown = in_one_of(2);
	if (rd->rwp == RDIST_NEVER)
		rd->rwp = 0;
	if (rd->dirty == RDIST_NEVER)
		rd->dirty = 1;
}

/* CPU_OFF and CPU_ON, or an idle state. */
static void act_rdist_power(struct hw_rdist *rd)
{
	u32 cpu;

	if (!rd->accessible)
		return;

	rdist_power_loss(rd, in_one_of(2));
	for (cpu = 0; cpu < NR_CPUS; cpu++) {
		if (rdist_of(cpu) == rd)
			resume_cpu(cpu);
	}
}

/* What the GIC uses stays as it is: table of the LPIs, pending tables, those of a guest. */
static void act_rdist_memory(struct hw_rdist *rd)
{
	u64 prop = rdist_prop(rd), pend = rdist_pend(rd);
	u64 at;

	if (!rd->lpis || !(rd->ctlr & RDIST_ENABLE))
		return;

	hosts_own++;
	at = (prop + in_below(BIT(rdist_bits(rd)))) >> PAGE_SHIFT;
	check(__pkvm_host_unshare_hyp(at) == -EBUSY && __pkvm_host_donate_hyp(at, 1) == -EPERM,
	      "the host takes back the LPI configuration table");
	at = (pend + in_below(SZ_64K)) >> PAGE_SHIFT;
	check(__pkvm_host_share_hyp(at) == -EPERM && __pkvm_host_donate_hyp(at, 1) == -EPERM,
	      "the host takes back a pending table");
	if (rd->vpendbaser & VALID) {
		at = (rdist_vconf(rd) + in_below(BIT(14))) >> PAGE_SHIFT;
		check(__pkvm_host_unshare_hyp(at) == -EBUSY && __pkvm_host_donate_hyp(at, 1) == -EPERM,
		      "the host takes back the configuration table of a vPE that is resident");
	}
	hosts_own--;
}

static void unmap_vpe(struct host_its *hi, u32 id)
{
	u64 cmds[2][4] = { { VMAPP, (u64)id << 32 }, { VSYNC, (u64)id << 32 } };
	u32 cwriter;

	unblock(hi);
	cwriter = mmio(hi, GITS_CWRITER, 8, false, 0);
	write_slot(hi, cwriter, cmds[0]);
	write_slot(hi, next_slot(hi, cwriter), cmds[1]);
	post(hi, next_slot(hi, next_slot(hi, cwriter)));
}

/* From a CPU with LPIs if there is one. */
static struct hw_rdist *choose_cpu(void)
{
	cpu_set(in_below(NR_CPUS));
	if (!rdist_of(model_cpu()) || !rdist_of(model_cpu())->lpis)
		cpu_set(!model_cpu());

	return rdist_of(model_cpu()) ?: &rdists[0];
}

/* One CPU makes a vPE resident, which the other unmaps. */
static void act_cross(struct host_its *hi)
{
	struct hw_rdist *rd = choose_cpu();
	u32 id = in_below(4);

	hi->hw.slow = hi->hw.lag = 0;
	hi->hw.stuck = hi->hw.stall_next = false;
	hw_wake(&hi->hw);
	if (!el2_vpe_is_mapped(id))
		act_vpe(hi, id);
	if (in_below(4)) {
		load(id, pick_vconf(id), pick_load_flags());
		rdist_clean(rd);
		put(rd);
	}
	if (in_below(4))
		rdist_clean(rd);
	crossing = hi;
	crossing_id = id;
	crossing_loads = in_one_of(2);
	cpu_start_second_in(1 + in_below(20));
	if (crossing_loads)
		unmap_vpe(hi, id);
	else
		load(id, pick_vconf(id), pick_load_flags());
	cpu_start_second_in(0);
	crossing = NULL;
}

/* As KVM does, and in another order: resident, unmapped, with a VSYNC, put. */
static void act_resident(struct host_its *hi)
{
	u32 n = 2 + in_below(8), id = in_below(4);
	struct hw_rdist *rd;

	if (!el2_vpe_is_mapped(id))
		act_vpe(hi, id);
	for (; n; n--) {
		rd = choose_cpu();
		rdist_work(rd);
		switch (in_below(8)) {
		case 0 ... 2:
			load(id, pick_vconf(id), pick_load_flags());
			break;
		case 3 ... 4:
			put(rd);
			break;
		case 5:
			act_msi(hi);
			break;
		case 6:
			rd->dirty = min(rd->dirty, 2U);
			mmio(hi, GITS_CREADR, 8, false, 0);
			break;
		default:
			unmap_vpe(hi, id);
			break;
		}
	}
}

static void act_rdist(struct host_its *hi)
{
	struct hw_rdist *rd = &rdists[in_below(nr_rdists)];
	u32 n = in_below(hi->hw.vlpis ? 20 : 10);

	rdist_work(rd);
	if (n < 4)
		act_rdist_mmio(rd);
	else if (n < 5)
		act_direct(rd);
	else if (n < 6)
		act_enable(rd);
	else if (n < 7)
		in_one_of(2) ? act_rdist_power(rd) : act_rdist_memory(rd);
	else if (n < 9)
		act_rdist_speed(rd);
	else if (n < 11)
		act_load();
	else if (n < 13)
		put(rd);
	else if (n < 17)
		act_resident(hi);
	else
		act_cross(hi);
}

/* What the other CPU does while one is in EL2. */
void adversary_cpu(void)
{
	struct host_its *before = current, *hi = &its_of[in_below(nr_hw)];
	struct hw_rdist *rd = &rdists[in_below(nr_rdists)];
	u32 nr = 1 + in_below(3);

	if (crossing && crossing_loads)
		load(crossing_id, pick_vconf(crossing_id), 0);
	else if (crossing)
		unmap_vpe(crossing, crossing_id);
	for (; !crossing && nr; nr--) {
		switch (in_below(6)) {
		case 0:
			act_load();
			break;
		case 1:
			put(rd);
			break;
		case 2:
			if (hi->hw.owned && hi->hw.vlpis)
				act_vpe(hi, in_below(4));
			break;
		case 3:
			host_memory_call(in_below(NR_PAGES));
			break;
		case 4:
			load(in_below(4), vconfs[in_below(ARRAY_SIZE(vconfs))], 0);
			break;
		default:
			if (hi->hw.owned)
				mmio(hi, GITS_CREADR, 8, false, 0);
			break;
		}
	}
	current = before;
}

static void act(struct host_its *hi)
{
	u32 n = in_below(48);

	current = hi;
	cpu_set(in_below(NR_CPUS));
	if (n >= 40)
		act_rdist(hi);
	else if (hi->suspended && in_one_of(2))
		act_power(hi);
	else if (n < 13)
		act_commands(hi);
	else if (n < 17)
		act_mmio(hi);
	else if (n < 18)
		in_one_of(8) ? act_flood(hi) : act_retry(hi);
	else if (n < 20)
		act_shadow(hi);
	else if (n < 21)
		act_query(hi);
	else if (n < 22)
		act_hypercall(hi);
	else if (n < 24)
		act_memory(hi);
	else if (n < 26)
		act_speed(hi);
	else if (n < 27)
		act_power(hi);
	else if (n < 28)
		hw_progress(&hi->hw, 1 + in_below(8));
	else if (n < 30)
		act_msi(hi);
	else if (n < 34 || (n < 36 && !hi->hw.vlpis))
		act_driver(hi);
	else if (n < 36)
		act_vpe(hi, in_below(4));
	else if (n < 37)
		in_one_of(4) ? act_unmaps(hi) : act_settle(hi);
	else
		act_race();
}

/* Where the adversary steps into what EL2 is doing. */

void adversary_race(u64 pfn, u64 nr)
{
	u64 page;

	if (!deprivileged || !countdown(&race_in))
		return;

	page = pfn - (ram_phys >> PAGE_SHIFT) + in_below(min(nr, 256ULL));
	if (page < NR_PAGES && pages[page].host == SHARED_OWNED && in_one_of(2)) {
		hosts_own++;
		__pkvm_host_unshare_hyp(page + (ram_phys >> PAGE_SHIFT));
		hosts_own--;
	} else if (page < NR_PAGES)
		host_memory_call(page);
	sum.races++;
}

void adversary_read(u64 phys)
{
	u64 dw[4];

	if (!countdown(&read_in))
		return;

	switch (in_below(4)) {
	case 0:
		host_write(phys, ram_read(phys) ^ BIT_ULL(in_below(64)));
		break;
	case 1:
		host_write(phys, pick_l1_entry(current, in_below(2)));
		break;
	default:
		gen_cmd(current, dw);
		host_write(phys, dw[phys / 8 % 4]);
		if (in_one_of(2))
			write_slot(current, ALIGN_DOWN(phys - current->shadow_queue, CMD_SIZE) %
				   hw_queue_size(current->hw.owned_cbaser), dw);
		break;
	}
	read_in = in_below(12);
	sum.toctou++;
}

void adversary_poll(struct hw_its *hw)
{
	if (!deprivileged || !countdown(&poll_in))
		return;

	act_msi(current);
	if (in_one_of(2))
		hw->stuck = false;
	if (in_one_of(8))
		hw->stall_next = true;
	if (power_fails && hw->ctlr & ENABLED && in_one_of(2)) {
		hw_power_fails(hw);
		hw->q.vague = true;
	}
	poll_in = in_below(8);
}

bool adversary_fails(void)
{
	return in_handover && !cpu_is_second() && countdown(&fail_in);
}

static void summarise(void)
{
	u32 i, mapped = 0;

	for (i = 0; i < nr_hw; i++) {
		if (!its_of[i].hw.owned)
			continue;
		mapped += its_of[i].el2->stats.devices;
		sum.posted += its_of[i].el2->stats.posted;
		sum.refused += its_of[i].el2->stats.refused;
	}
	sum.deep += mapped >= 4;
	sum.episodes++;
}

static u64 pick_ram(void)
{
	switch (in_below(8)) {
	case 0:
		return 0;
	case 1 ... 2:
		return PAGE_SHIFT == 16 ? BIT_ULL(48) + SZ_1G : SZ_1G;
	default:
		return SZ_1G;
	}
}

static void reset(u64 ram)
{
	u32 i;

	for (i = 0; i < MAX_ITS; i++) {
		forget_chunks(&its_of[i]);
		hw_reset(&its_of[i].hw);
	}
	model_reset_el2();
	model_reset_el2_rdists();
	rdist_reset();
	cpu_reset();
	own_reset(ram);
	rdists_owned = false;
	crossing = NULL;
	rdist_state = rdist_state_size = 0;
	memset(vconfs, 0, sizeof(vconfs));
	race_in = read_in = poll_in = fail_in = 0;
	mailbox = NO_MAILBOX;
	guest = 0;
	current = &its_of[0];
}

/* From boot to the end of the input. */
void host_run(u64 max_actions)
{
	struct host_its *owned[MAX_ITS];
	u32 i, nr = 0;

	reset(pick_ram());
	lpi_bits = 14 + in_below(3);
	gic_typer = in_below(4) ? 2 : 0;
	if (gic_typer) {
		gic_typer |= (u64)in_below(2) << 37;
		gic_typer |= (u64)in_below(2) << 40;
	}
	if (gic_typer & BIT_ULL(40) && in_one_of(8))
		gic_typer |= BIT_ULL(41 + in_below(2));
	power_fails = power_any || in_one_of(8);
	nr_hw = in_below(8);
	nr_hw = nr_hw < 4 ? 1 : nr_hw < 7 ? 2 : 3;
	nr_vpe_records = gic_typer & SVPET ? nr_hw : 1;

	setup_rdists();
	boot();
	for (i = 0; i < nr_hw; i++) {
		if (its_of[i].hw.owned)
			owned[nr++] = &its_of[i];
	}

	for (; nr && max_actions && !in_done(); max_actions--) {
		act(owned[in_below(nr)]);
		check_live();
		sum.actions++;
		if (sum.actions % 16 == 0)
			check_all();
	}
	summarise();
	check_teardown();
}

/*
 * For schedule.c: a host that does what it is told, and no more. There is no input, and
 * each choice is the first there is.
 */

void host_boot_for(u64 typer, u32 rdist_typer, u32 nr_its, bool flat)
{
	reset(SZ_1G);
	lpi_bits = 14;
	gic_typer = typer;
	nr_hw = nr_its;
	nr_vpe_records = gic_typer & SVPET ? nr_hw : 1;
	nr_rdists = NR_CPUS;
	rdist_offset = 0;
	fixed = true;
	fixed_flat = flat;
	make_rdists(RDIST_PLPIS | (typer & 2) | rdist_typer, lpi_bits, rdist_typer & RDIST_RVPEID);
}

/* @fail_at: at which of the transitions; 0 for none. */
bool host_hand_rdists_over(u32 fail_at)
{
	fixed_fail = fail_at;

	return hand_rdists_over(true);
}

void host_setup_its(u32 nr)
{
	check(setup_its(nr), "no memory for an ITS");
}

bool host_hand_over(u32 nr, u32 fail_at)
{
	fixed_fail = fail_at;

	return hand_over(&its_of[nr], true);
}

void host_end_boot(void)
{
	check_all();
	check(!__pkvm_its_handover_done(nr_hw, nr_rdists), "EL2 refuses to learn the number of ITSs");
	deprivileged = true;
}

u64 host_alloc(u64 size)
{
	u64 phys = alloc(size, size);

	check(phys, "no memory");

	return phys;
}

void host_offer(struct host_its *hi, u32 nr, u32 id, u64 l2, u64 chunk)
{
	u64 baser = hi->hw.owned_baser[nr], idx = id / (hw_psz(baser) / hw_esz(baser));

	host_write(hi->shadow[nr] + idx * 8, l2 | VALID);
	host_write(hi->shadow[nr] + hw_table_size(baser) + idx * 8, chunk);
}

void host_cmd(struct host_its *hi, u32 slot, const u64 *dw)
{
	u32 i;

	for (i = 0; i < 4; i++) {
		cpu_step();
		host_write(hi->shadow_queue + slot * CMD_SIZE + i * 8, dw[i]);
	}
}

u64 host_post(struct host_its *hi, u32 slots, bool by_hypercall)
{
	return by_hypercall ? post(hi, slots * CMD_SIZE) : post_slots(hi, slots * CMD_SIZE);
}

u64 host_mmio(struct host_its *hi, u32 offset, u8 width, bool write, u64 data)
{
	return mmio(hi, offset, width, write, data);
}

void host_rdist_mmio(struct hw_rdist *rd, u32 offset, u8 width, u64 data)
{
	rdist_mmio(rd, offset, width, data);
}

int host_load(u32 id, u64 vconf)
{
	return load(id, vconf, 0);
}

void host_put(struct hw_rdist *rd)
{
	put(rd);
}

void host_settle(struct host_its *hi)
{
	act_settle(hi);
}
