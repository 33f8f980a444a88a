// SPDX-License-Identifier: GPL-2.0-only
/*
 * An ITS, from chapters 5 and 12 of the architecture (IHI 0069), and nothing
 * from EL2's code. It keeps its state where an ITS keeps it: in the tables, the
 * ITTs and the virtual pending tables. Beside that it remembers what it wrote,
 * so that an entry it reads but never wrote, one of the host's making, shows.
 *
 * Once EL2 owns it the ITS is a pessimist. Each byte it reads or writes has to
 * be EL2's; each command and each register write that the architecture does not
 * define is a failure, because some ITS might walk off its tables for it. So is a
 * write of EL2's to a slot that the ITS may be fetching, word by word. It may
 * execute commands late or never, and let their effects come with the SYNC.
 */

#include "model.h"

#define VALID		BIT_ULL(63)
#define INDIRECT	BIT_ULL(62)
#define VIRTUAL		BIT_ULL(62)
#define CTLR_ENABLED	BIT(0)
#define CTLR_QUIESCENT	BIT(31)
#define TYPER_PTA	BIT_ULL(19)
#define TYPER_CCT	BIT_ULL(36)
#define TYPER_VLPIS	BIT_ULL(1)
#define TYPER_VMOVP	BIT_ULL(37)
#define TYPER_VMAPP	BIT_ULL(40)
#define TYPER_SVPET	GENMASK_ULL(42, 41)
#define PTR_OFFSET	GENMASK_ULL(19, 5)
#define PTR_FLAG	BIT_ULL(0)	/* CWRITER.Retry, CREADR.Stalled */
#define CMD_SIZE	32
#define NO_DOORBELL	1023
#define NOWHERE		(~0ULL)

enum { TYPE_DEVICE = 1, TYPE_VPE = 2, TYPE_COLLECTION = 4 };

#define bits(v, h, l)	(((v) & GENMASK_ULL(h, l)) >> (l))

u64 nr_commands, nr_dma;
bool power_any, verbose;

/* Fields of GITS_BASERn, section 12.19.1, and of GITS_CBASER. */

u32 hw_psz(u64 baser)
{
	return 4096U << 2 * min(bits(baser, 9, 8), 2ULL);
}

u64 hw_base(u64 baser)
{
	if (bits(baser, 9, 8) < 2)
		return baser & GENMASK_ULL(47, 12);

	return (baser & GENMASK_ULL(47, 16)) | bits(baser, 15, 12) << 48;
}

u32 hw_esz(u64 baser)
{
	return bits(baser, 52, 48) + 1;
}

u32 hw_type(u64 baser)
{
	return bits(baser, 58, 56);
}

u64 hw_table_size(u64 baser)
{
	return (bits(baser, 7, 0) + 1) * hw_psz(baser);
}

u64 hw_queue_base(u64 cbaser)
{
	return cbaser & GENMASK_ULL(51, 12);
}

u32 hw_queue_size(u64 cbaser)
{
	return (bits(cbaser, 7, 0) + 1) * 4096;
}

u64 hw_itt_size(struct hw_its *hw, u32 nr_bits)
{
	return (u64)hw->ite_size << nr_bits;
}

u64 hw_vpt_size(u32 nr_bits)
{
	return BIT_ULL(nr_bits) / 8;
}

/* Every access to memory goes through these. */

static void dma(struct hw_its *hw, u64 phys, u64 size)
{
	u64 page;

	nr_dma++;
	check(is_ram(phys, size), "the ITS accesses %#llx, which is not memory", phys);
	if (!hw->owned)
		return;

	for (page = ALIGN_DOWN(phys, PAGE_SIZE); page < phys + size; page += PAGE_SIZE)
		check(page_is_el2(page_of(page)) && !page_of(page)->secret,
		      "the ITS accesses %#llx, which is not EL2's for it", phys);
}

static u64 dma_read(struct hw_its *hw, u64 phys)
{
	dma(hw, phys, 8);
	return ram_read(phys);
}

static void dma_write(struct hw_its *hw, u64 phys, u64 val)
{
	dma(hw, phys, 8);
	ram_write(phys, val);
}

/* A 4.1 virtual configuration table: the host writes it, so shared and pinned. */
static void dma_shared(struct hw_its *hw, u64 phys)
{
	struct page *page;

	check(is_ram(phys, 1), "the ITS reads %#llx, which is not memory", phys);
	page = page_of(phys);
	check(!hw->owned || (page->host == SHARED_OWNED && page->pins),
	      "the ITS reads %#llx, which is not shared and pinned", phys);
}

static u64 table_of(struct hw_its *hw, u32 type)
{
	u32 i;

	for (i = 0; i < HW_NR_BASER; i++) {
		if ((hw->baser[i] & VALID) && hw_type(hw->baser[i]) == type)
			return hw->baser[i];
	}

	return 0;
}

/* The number of entries a table has room for, with all its L2 pages there. */
static u64 table_reach(u64 baser)
{
	if (!baser)
		return 0;

	if (baser & INDIRECT)
		return hw_table_size(baser) / 8 * (hw_psz(baser) / hw_esz(baser));

	return hw_table_size(baser) / hw_esz(baser);
}

/* Section 5.2: where entry @id of a table is, if there is an L2 page for it. */
static u64 table_entry(struct hw_its *hw, u64 baser, u64 id)
{
	u32 psz = hw_psz(baser), esz = hw_esz(baser);
	u64 l1;

	if (id >= table_reach(baser))
		return NOWHERE;

	if (!(baser & INDIRECT))
		return hw_base(baser) + id * esz;

	l1 = dma_read(hw, hw_base(baser) + id / (psz / esz) * 8);
	if (!(l1 & VALID))
		return NOWHERE;

	return (l1 & GENMASK_ULL(51, 12)) + id % (psz / esz) * esz;
}

struct hw_device *hw_device(struct hw_its *hw, u32 id, bool add)
{
	u32 i;

	for (i = 0; i < hw->nr_devices; i++) {
		if (hw->devices[i].id == id)
			return &hw->devices[i];
	}

	if (!add || i == HW_MAX_DEVICES)
		return NULL;

	hw->nr_devices++;
	hw->devices[i] = (struct hw_device){ .id = id };

	return &hw->devices[i];
}

struct hw_vpe *hw_vpe(struct hw_its *hw, u32 id)
{
	u32 i;

	for (i = 0; i < hw->nr_vpes; i++) {
		if (hw->vpes[i].id == id)
			return &hw->vpes[i];
	}

	check(i < HW_MAX_VPES, "more vPEs than the model has room for");
	hw->nr_vpes++;
	hw->vpes[i] = (struct hw_vpe){ .id = id };

	return &hw->vpes[i];
}

static u64 dte_value(const struct hw_device *dev)
{
	return dev->mapped ? VALID | dev->itt | (dev->bits - 1) : 0;
}

/* One that the table has an entry for, be it in memory or in the ITS. */
static bool is_device_id(struct hw_its *hw, u32 id)
{
	return fls64(id) <= bits(hw->typer, 17, 13) + 1 &&
	       (hw->holds_devices || id < table_reach(table_of(hw, TYPE_DEVICE)));
}

static void write_dte(struct hw_its *hw, const struct hw_device *dev)
{
	if (!hw->holds_devices)
		dma_write(hw, table_entry(hw, table_of(hw, TYPE_DEVICE), dev->id), dte_value(dev));
}

/* The DTE of a device, from memory; NULL if it is not mapped. */
static struct hw_device *find_device(struct hw_its *hw, u32 id)
{
	u64 baser = table_of(hw, TYPE_DEVICE), entry, dte;
	struct hw_device *dev;

	if (hw->holds_devices) {
		dev = is_device_id(hw, id) ? hw_device(hw, id, false) : NULL;
		return dev && dev->mapped ? dev : NULL;
	}

	if (!baser || bits(hw->typer, 17, 13) + 1 < fls64(id))
		return NULL;

	entry = table_entry(hw, baser, id);
	if (entry == NOWHERE)
		return NULL;

	dte = dma_read(hw, entry);
	dev = hw_device(hw, id, false);
	if (dte & VALID)
		check(dev && dte == dte_value(dev),
		      "the ITS finds an entry for device %#x that it never wrote", id);
	else
		check(!dev || !dev->mapped, "the ITS lost the entry of device %#x", id);

	return dte & VALID ? dev : NULL;
}

static u64 ite_addr(struct hw_its *hw, const struct hw_device *dev, u32 event)
{
	return dev->itt + (u64)event * hw->ite_size;
}

/* An ITE that carries what only the ITS knows: which mapping it belongs to. */
static u64 ite_value(const struct hw_device *dev, u32 event, u64 flags, u32 dest, u32 intid)
{
	u64 tag = ((dev->tag + event) * 2654435761U >> 8) & 0x3fff;

	return VALID | flags | tag << 48 | (u64)(dest & 0xffff) << 32 | intid;
}

static u64 read_ite(struct hw_its *hw, const struct hw_device *dev, u32 event)
{
	u64 ite = dma_read(hw, ite_addr(hw, dev, event));

	if (ite & VALID)
		check(ite == ite_value(dev, event, ite & VIRTUAL, bits(ite, 47, 32), ite),
		      "the ITS finds an ITE for device %#x that it never wrote", dev->id);

	return ite & VALID ? ite : 0;
}

static void write_ite(struct hw_its *hw, const struct hw_device *dev, u32 event, u64 ite)
{
	dma_write(hw, ite_addr(hw, dev, event), ite);
}

/* Where an interrupt goes. */

bool hw_is_target(struct hw_its *hw, u64 rdbase)
{
	u32 i;

	for (i = 0; i < hw->nr_targets; i++) {
		if (hw->targets[i] == rdbase)
			return true;
	}

	return false;
}

static struct hw_rdist *use_rdbase(struct hw_its *hw, u64 rdbase)
{
	check(hw_is_target(hw, rdbase), "the ITS writes to %#llx, which is no redistributor", rdbase);

	return rdist_of_target(rdbase, hw->typer & TYPER_PTA);
}

/* ICIDs below HCC live in the ITS if CCT or no table says otherwise. */
static u64 nr_collections(struct hw_its *hw)
{
	u64 hcc = bits(hw->typer, 31, 24), mem = table_reach(table_of(hw, TYPE_COLLECTION));

	return mem && !(hw->typer & TYPER_CCT) ? mem : hcc + mem;
}

static u64 collection_entry(struct hw_its *hw, u32 icid)
{
	u64 baser = table_of(hw, TYPE_COLLECTION), hcc = bits(hw->typer, 31, 24);

	if (!baser)
		return NOWHERE;

	if (hw->typer & TYPER_CCT) {
		if (icid < hcc)
			return NOWHERE;
		icid -= hcc;
	}

	return table_entry(hw, baser, icid);
}

static void deliver_lpi(struct hw_its *hw, u32 icid, u32 intid)
{
	u64 entry = collection_entry(hw, icid), col;

	if (entry == NOWHERE)
		return;

	col = dma_read(hw, entry);
	if (col & VALID)
		rdist_lpi(use_rdbase(hw, col & GENMASK_ULL(51, 16)), intid, true);
}

static u64 vpe_entry(struct hw_its *hw, u32 id)
{
	u64 baser = table_of(hw, TYPE_VPE);

	return baser ? table_entry(hw, baser, id) : NOWHERE;
}

static u64 vpe_value(const struct hw_vpe *vpe)
{
	return vpe->mapped ? VALID | vpe->vpt | (vpe->bits - 1) : 0;
}

/* GITS_TYPER.SVPET: what one of the ITSs with this table has written, if not all forgot it. */
static u64 vpe_value_elsewhere(struct hw_its *hw, u32 id)
{
	u32 i;

	for (i = 0; hw->typer & TYPER_SVPET && i < nr_hw; i++) {
		struct hw_its *other = &its_of[i].hw;

		if (other != hw && other->owned && other->owned_baser[1] == hw->owned_baser[1] &&
		    hw_vpe(other, id)->mapped)
			return vpe_value(hw_vpe(other, id));
	}

	return 0;
}

static bool is_vpe_value(struct hw_its *hw, u32 id, u64 val)
{
	u64 own = vpe_value(hw_vpe(hw, id)), other = vpe_value_elsewhere(hw, id);

	/* They may have been told of different numbers of INTID bits. */
	return own || other ? (own && val == own) || (other && (val | 0x1f) == (other | 0x1f)) : !val;
}

static struct hw_vpe *find_vpe(struct hw_its *hw, u32 id)
{
	u64 entry = vpe_entry(hw, id), val;
	struct hw_vpe *vpe;

	if (entry == NOWHERE)
		return NULL;

	val = dma_read(hw, entry);
	vpe = hw_vpe(hw, id);
	check(is_vpe_value(hw, id, val), "the ITS finds an entry for vPE %#x that it never wrote", id);

	return vpe->mapped ? vpe : NULL;
}

static void deliver_vlpi(struct hw_its *hw, u32 id, u32 vintid)
{
	struct hw_vpe *vpe = find_vpe(hw, id);
	u64 addr;

	if (!vpe && hw->lazy && vpe_entry(hw, id) != NOWHERE && hw_vpe(hw, id)->leaving)
		vpe = hw_vpe(hw, id);
	if (!vpe)
		return;

	sum.vlpis++;
	check(vintid < BIT_ULL(hw->lpi_bits), "vINTID %#x is beyond the VPT of vPE %#x", vintid, id);
	if (vpe->vconf)
		dma_shared(hw, vpe->vconf + vintid - 8192);

	addr = vpe->vpt + ALIGN_DOWN(vintid / 8, 8);
	dma_write(hw, addr, dma_read(hw, addr) | BIT_ULL(vintid % 64));
	rdist_vlpi(vpe->vpt, vintid);
}

/* Section 5.3.13: only from the next SYNC on does an unmap have to apply to MSIs. */
static struct hw_device *find_old_device(struct hw_its *hw, u32 id)
{
	struct hw_device *dev = hw_device(hw, id, false);
	static struct hw_device old;

	if (!dev || !dev->old.mapped)
		return NULL;

	old = (struct hw_device){
		.id = id, .bits = dev->old.bits, .itt = dev->old.itt, .tag = dev->old.tag,
	};

	return &old;
}

static void translate(struct hw_its *hw, struct hw_device *dev, u32 event)
{
	u64 ite;

	if (!dev || event >= BIT_ULL(dev->bits))
		return;

	ite = read_ite(hw, dev, event);
	if (!ite)
		return;

	if (ite & VIRTUAL)
		deliver_vlpi(hw, bits(ite, 47, 32), ite);
	else
		deliver_lpi(hw, bits(ite, 47, 32), ite);
}

/* A device writes to GITS_TRANSLATER: EL2 has no say in that. */
void hw_msi(struct hw_its *hw, u32 device, u32 event)
{
	struct hw_device *dev;

	if (hw_is_off(hw))
		return;

	dev = find_device(hw, device);
	if (!dev) {
		dev = find_old_device(hw, device);
		sum.old += !!dev;
	}
	translate(hw, dev, event);
}

/* Commands, section 5.3. What EL2 must not let through is a failure. */

enum {
	MOVI = 0x01, INT = 0x03, CLEAR = 0x04, SYNC = 0x05, MAPD = 0x08, MAPC = 0x09,
	MAPTI = 0x0a, MAPI = 0x0b, INV = 0x0c, INVALL = 0x0d, MOVALL = 0x0e, DISCARD = 0x0f,
	VMOVI = 0x21, VMOVP = 0x22, VSGI = 0x23, VSYNC = 0x25, VMAPP = 0x29, VMAPTI = 0x2a,
	VMAPI = 0x2b, VINVALL = 0x2d, INVDB = 0x2e,
};

#define must(cond, what)	check(!hw->owned || (cond), "EL2 posts a command with " what)

static u64 lpi_limit(struct hw_its *hw)
{
	return BIT_ULL(hw->lpi_bits);
}

static void must_lpi(struct hw_its *hw, u64 intid)
{
	must(intid >= 8192 && intid < lpi_limit(hw), "an INTID that is no LPI");
}

static void must_doorbell(struct hw_its *hw, u64 intid)
{
	if (intid != NO_DOORBELL)
		must_lpi(hw, intid);
}

static void must_collection(struct hw_its *hw, u64 icid)
{
	must(icid < nr_collections(hw), "a collection out of range");
}

static void must_rdbase(struct hw_its *hw, u64 rdbase)
{
	must(hw_is_target(hw, rdbase), "an RDbase that is no redistributor");
}

static void must_vpe(struct hw_its *hw, u64 id)
{
	must(id < table_reach(table_of(hw, TYPE_VPE)), "a vPEID out of range");
}

static struct hw_device *cmd_device(struct hw_its *hw, struct hw_cmd *cmd)
{
	struct hw_device *dev;

	must(is_device_id(hw, cmd->dw[0] >> 32), "a DeviceID out of range");

	dev = find_device(hw, cmd->dw[0] >> 32);
	if (dev)
		must((u32)cmd->dw[1] < BIT_ULL(dev->bits), "an EventID beyond the ITT");

	return dev;
}

static void exec_mapd(struct hw_its *hw, struct hw_cmd *cmd)
{
	u32 id = cmd->dw[0] >> 32, nr_bits = bits(cmd->dw[1], 4, 0) + 1;
	bool valid = cmd->dw[2] & VALID;
	static u32 tag;
	struct hw_device *dev;
	u64 entry;

	must(is_device_id(hw, id), "a DeviceID out of range");
	must(!valid || nr_bits <= bits(hw->typer, 12, 8) + 1, "an ITT size out of range");

	entry = hw->holds_devices ? 0 : table_entry(hw, table_of(hw, TYPE_DEVICE), id);
	must(entry != NOWHERE || !valid, "a device without an L2 page");
	find_device(hw, id);
	if (entry == NOWHERE)
		return;

	dev = hw_device(hw, id, true);
	check(dev, "more devices than the model has room for");
	must(!(valid && dev->mapped), "a device that is mapped already");
	if (!valid && (dev->mapped || dev->lost)) {
		dev->owed = true;
		dev->synced = false;
	}
	if (!valid && dev->mapped && hw->lazy) {
		dev->old.itt = dev->itt;
		dev->old.bits = dev->bits;
		dev->old.tag = dev->tag;
		dev->old.mapped = true;
	}
	dev->mapped = valid;
	dev->lost = false;
	if (valid) {
		dev->owed = false;
		dev->itt = cmd->dw[2] & GENMASK_ULL(51, 8);
		dev->bits = nr_bits;
		dev->tag = ++tag;
		dma(hw, dev->itt, hw_itt_size(hw, nr_bits));
		must(ram_is_zero(dev->itt, hw_itt_size(hw, nr_bits)), "an ITT that is not clear");
		sum.mapped++;
	} else {
		sum.unmapped++;
	}
	write_dte(hw, dev);
}

static void exec_mapc(struct hw_its *hw, struct hw_cmd *cmd)
{
	u64 rdbase = cmd->dw[2] & GENMASK_ULL(51, 16), entry;
	bool valid = cmd->dw[2] & VALID;

	must_collection(hw, bits(cmd->dw[2], 15, 0));
	if (valid)
		must_rdbase(hw, rdbase);

	entry = collection_entry(hw, bits(cmd->dw[2], 15, 0));
	if (entry != NOWHERE)
		dma_write(hw, entry, valid ? VALID | rdbase : 0);
}

static void exec_mapti(struct hw_its *hw, struct hw_cmd *cmd, u64 intid)
{
	struct hw_device *dev = cmd_device(hw, cmd);
	u32 event = cmd->dw[1], icid = bits(cmd->dw[2], 15, 0);

	must_lpi(hw, intid);
	must_collection(hw, icid);
	if (dev)
		write_ite(hw, dev, event, ite_value(dev, event, 0, icid, intid));
}

static void exec_event(struct hw_its *hw, struct hw_cmd *cmd, u32 op)
{
	struct hw_device *dev = cmd_device(hw, cmd);
	u32 event = cmd->dw[1], icid = bits(cmd->dw[2], 15, 0);
	u64 ite;

	if (op == MOVI)
		must_collection(hw, icid);

	ite = dev ? read_ite(hw, dev, event) : 0;
	if (!ite)
		return;

	if (op == MOVI && !(ite & VIRTUAL))
		write_ite(hw, dev, event, ite_value(dev, event, 0, icid, ite));
	else if (op == DISCARD)
		write_ite(hw, dev, event, 0);
	else if (op == INT)
		translate(hw, dev, event);
}

/* After it the effects of all commands before apply to MSIs, whatever it names. */
static void exec_sync(struct hw_its *hw)
{
	struct hw_device *dev;

	for (dev = hw->devices; dev < hw->devices + hw->nr_devices; dev++) {
		dev->old.mapped = false;
		if (!dev->owed || dev->synced || hw->q.lost)
			continue;
		dev->synced = true;
		dev->synced_at = hw->q.done;
	}
}

static void exec_rdbases(struct hw_its *hw, struct hw_cmd *cmd, u32 op)
{
	must_rdbase(hw, cmd->dw[2] & GENMASK_ULL(51, 16));
	if (op == MOVALL)
		must_rdbase(hw, cmd->dw[3] & GENMASK_ULL(51, 16));
	else
		exec_sync(hw);
}

static bool is_mapped(const struct hw_its *hw, u32 id)
{
	u32 i;

	for (i = 0; hw->owned && i < hw->nr_vpes; i++) {
		if (hw->vpes[i].id == id)
			return hw->vpes[i].mapped;
	}

	return false;
}

/* GICv4.1, section 5.3.20: what Alloc says is true when the ITS executes the map. */
static void check_alloc(struct hw_its *hw, struct hw_cmd *cmd)
{
	u32 i, id = bits(cmd->dw[1], 47, 32);
	bool elsewhere = false;

	for (i = 0; i < nr_hw; i++)
		elsewhere |= hw != &its_of[i].hw && is_mapped(&its_of[i].hw, id);
	check(elsewhere == !(cmd->dw[0] & BIT(8)),
	      "an ITS maps vPE %#x with Alloc as %u, which is not so", id, !elsewhere);
}

static void exec_vmapp(struct hw_its *hw, struct hw_cmd *cmd)
{
	u32 id = bits(cmd->dw[1], 47, 32), nr_bits = bits(cmd->dw[3], 4, 0) + 1;
	bool valid = cmd->dw[2] & VALID, v41 = hw->typer & TYPER_VMAPP;
	struct hw_vpe *vpe;
	u64 entry;

	must_vpe(hw, id);
	entry = vpe_entry(hw, id);
	must(entry != NOWHERE || !valid, "a vPE without an L2 page");
	if (entry == NOWHERE)
		return;

	find_vpe(hw, id);
	vpe = hw_vpe(hw, id);
	must(!valid || (!vpe->mapped && !vpe->leaving), "a vPE that is mapped already");
	if (!valid && (vpe->mapped || vpe->lost)) {
		vpe->owed = true;
		vpe->synced = false;
	}
	/* With GICv4.1 an unmap needs no VSYNC. */
	vpe->leaving = vpe->leaving || (!valid && vpe->mapped && !v41);
	if (!valid && v41 && vpe->owed && !hw->q.lost) {
		vpe->synced = true;
		vpe->synced_at = hw->q.done;
	}
	if (hw->owned && v41 && valid)
		check_alloc(hw, cmd);
	vpe->mapped = valid;
	vpe->lost = false;
	if (valid) {
		vpe->owed = false;
		sum.vpes++;
		must_rdbase(hw, cmd->dw[2] & GENMASK_ULL(51, 16));
		must(nr_bits >= 14 && nr_bits <= hw->lpi_bits, "a VPT size out of range");
		vpe->vpt = cmd->dw[3] & GENMASK_ULL(51, 16);
		vpe->bits = nr_bits;
		vpe->vconf = v41 ? cmd->dw[0] & GENMASK_ULL(51, 16) : 0;
		if (v41)
			must_doorbell(hw, (u32)cmd->dw[1]);
		dma(hw, vpe->vpt, hw_vpt_size(nr_bits));
		if (hw->owned)
			rdist_check_impdef(vpe->vpt);
		must(!hw->owned || rdist_vpes_linked(id), "a vPE for which a redistributor has no entry");
	}
	dma_write(hw, entry, vpe_value(vpe) ?: vpe_value_elsewhere(hw, id));
}

static void exec_vmapti(struct hw_its *hw, struct hw_cmd *cmd, u32 vintid)
{
	struct hw_device *dev = cmd_device(hw, cmd);
	u32 event = cmd->dw[1], id = bits(cmd->dw[1], 47, 32);

	must_vpe(hw, id);
	must_doorbell(hw, bits(cmd->dw[2], 63, 32));
	must(vintid >= 8192 && vintid < lpi_limit(hw), "a vINTID that is no vLPI");
	if (dev)
		write_ite(hw, dev, event, ite_value(dev, event, VIRTUAL, id, vintid));
}

static void exec_vmovi(struct hw_its *hw, struct hw_cmd *cmd)
{
	struct hw_device *dev = cmd_device(hw, cmd);
	u32 event = cmd->dw[1], id = bits(cmd->dw[1], 47, 32);
	u64 ite = dev ? read_ite(hw, dev, event) : 0;

	must_vpe(hw, id);
	if (cmd->dw[2] & 1)
		must_doorbell(hw, bits(cmd->dw[2], 63, 32));
	if (ite & VIRTUAL)
		write_ite(hw, dev, event, ite_value(dev, event, VIRTUAL, id, ite));
}

static void exec_vmovp(struct hw_its *hw, struct hw_cmd *cmd)
{
	must_vpe(hw, bits(cmd->dw[1], 47, 32));
	must_rdbase(hw, cmd->dw[2] & GENMASK_ULL(51, 16));
	if (hw->typer & TYPER_VMAPP && cmd->dw[2] & VALID)
		must_doorbell(hw, (u32)cmd->dw[3]);
	must(!(hw->typer & TYPER_VMOVP) || !((cmd->dw[0] >> 32 | cmd->dw[1]) & 0xffff),
	     "a list of ITSs where there is none");
}

#define DEV	(GENMASK_ULL(63, 32) | 0xff)
#define VPE	GENMASK_ULL(47, 32)
#define LOW	GENMASK_ULL(31, 0)
#define RD	GENMASK_ULL(51, 16)

/* What is not RES0: for GICv3 and v4.0, and what v4.1 adds. */
static const struct {
	u64	mask[4], v41[4];
} fields[256] = {
	[MAPD]    = { { DEV, 0x1f, VALID | GENMASK_ULL(51, 8) } },
	[MAPC]    = { { 0xff, 0, VALID | RD | 0xffff } },
	[MAPTI]   = { { DEV, ~0ULL, 0xffff } },
	[MAPI]    = { { DEV, LOW, 0xffff } },
	[MOVI]    = { { DEV, LOW, 0xffff } },
	[DISCARD] = { { DEV, LOW } },
	[INV]     = { { DEV, LOW } },
	[INT]     = { { DEV, LOW } },
	[CLEAR]   = { { DEV, LOW } },
	[INVALL]  = { { 0xff, 0, 0xffff } },
	[MOVALL]  = { { 0xff, 0, RD, RD } },
	[SYNC]    = { { 0xff, 0, RD } },
	[VMAPP]   = { { 0xff, VPE, VALID | RD, RD | 0x1f }, { RD | 0x300, LOW } },
	[VMAPTI]  = { { DEV, VPE | LOW, ~0ULL } },
	[VMAPI]   = { { DEV, VPE | LOW, GENMASK_ULL(63, 32) } },
	[VMOVI]   = { { DEV, VPE | LOW, GENMASK_ULL(63, 32) | 1 } },
	[VMOVP]   = { { VPE | 0xff, VPE | 0xffff, RD }, { 0, 0, VALID, LOW } },
	[VSYNC]   = { { 0xff, VPE } },
	[VINVALL] = { { 0xff, VPE } },
	[INVDB]   = { { 0 }, { 0xff, VPE } },
	[VSGI]    = { { 0 }, { GENMASK_ULL(35, 32) | 0xf007ff, VPE } },
};

static u64 field_mask(struct hw_its *hw, u32 op, u32 i)
{
	return fields[op].mask[i] | (hw->typer & TYPER_VMAPP ? fields[op].v41[i] : 0);
}

static void must_res0(struct hw_its *hw, struct hw_cmd *cmd)
{
	u32 op = cmd->dw[0] & 0xff, i;

	must(field_mask(hw, op, 0) && (op < VMOVI || (hw->typer & TYPER_VLPIS && hw->vlpis)),
	     "an opcode the ITS does not know");
	for (i = 0; i < 4; i++)
		must(!(cmd->dw[i] & ~field_mask(hw, op, i)), "RES0 bits set");
}

static void exec_vpe(struct hw_its *hw, struct hw_cmd *cmd, u32 op)
{
	u32 id = bits(cmd->dw[1], 47, 32);
	struct hw_vpe *vpe;

	must_vpe(hw, id);
	if (op != VSYNC)
		return;

	vpe = hw_vpe(hw, id);
	vpe->leaving = false;
	if (vpe->owed && !vpe->synced && !hw->q.lost) {
		vpe->synced = true;
		vpe->synced_at = hw->q.done;
	}
}

void hw_exec(struct hw_its *hw, struct hw_cmd *cmd)
{
	u32 op = cmd->dw[0] & 0xff;

	nr_commands++;
	if (verbose)
		printf("%llx: %016llx %016llx %016llx %016llx\n", hw->phys,
		       cmd->dw[0], cmd->dw[1], cmd->dw[2], cmd->dw[3]);
	must_res0(hw, cmd);

	switch (op) {
	case MAPD:
		return exec_mapd(hw, cmd);
	case MAPC:
		return exec_mapc(hw, cmd);
	case MAPTI:
		return exec_mapti(hw, cmd, cmd->dw[1] >> 32);
	case MAPI:
		return exec_mapti(hw, cmd, (u32)cmd->dw[1]);
	case MOVI:
	case INT:
	case CLEAR:
	case INV:
	case DISCARD:
		return exec_event(hw, cmd, op);
	case INVALL:
		return must_collection(hw, bits(cmd->dw[2], 15, 0));
	case SYNC:
	case MOVALL:
		return exec_rdbases(hw, cmd, op);
	case VMAPP:
		return exec_vmapp(hw, cmd);
	case VMAPTI:
		return exec_vmapti(hw, cmd, (u32)cmd->dw[2]);
	case VMAPI:
		return exec_vmapti(hw, cmd, (u32)cmd->dw[1]);
	case VMOVI:
		return exec_vmovi(hw, cmd);
	case VMOVP:
		return exec_vmovp(hw, cmd);
	case VSYNC:
	case VINVALL:
	case INVDB:
	case VSGI:
		return exec_vpe(hw, cmd, op);
	}
}

/* The queue. */

#define next_slot(hw, off)	(((off) + CMD_SIZE) % hw_queue_size((hw)->owned_cbaser))
#define seen(hw, off)		((hw)->q.seen[(off) / CMD_SIZE])

static struct hw_cmd *slot(struct hw_its *hw, u32 off)
{
	return hyp_phys_to_virt(hw_queue_base(hw->owned_cbaser) + off);
}

static bool cmd_names(const struct hw_cmd *cmd, u32 op, u32 id)
{
	if ((cmd->dw[0] & 0xff) != op)
		return false;

	return op == MAPD ? cmd->dw[0] >> 32 == id : bits(cmd->dw[1], 47, 32) == id;
}

/* Has EL2 posted such a command that the ITS has not executed? */
bool hw_pending(struct hw_its *hw, u32 op, u32 id, bool valid)
{
	u32 off;

	for (off = hw->q.next; off != hw->q.wrote; off = next_slot(hw, off)) {
		if (cmd_names(&seen(hw, off), op, id) && !(seen(hw, off).dw[2] & VALID) == !valid)
			return true;
	}

	return false;
}

/*
 * EL2 has more than the ITS. If it had taken the next mapping, then all that the
 * host was owed of the one before is paid.
 */
static void lose_device(struct hw_its *hw, u32 id)
{
	struct hw_device *dev = hw_device(hw, id, true);
	u64 size, itt;

	dev->lost = !dev->mapped && el2_itt(hw, id, &itt, &size);
	if (dev->lost)
		dev->itt = itt;
	dev->owed = dev->owed && !hw_pending(hw, MAPD, id, true);
}

static void lose_vpe(struct hw_its *hw, u32 id)
{
	struct hw_vpe *vpe = hw_vpe(hw, id);

	vpe->lost = el2_vpt(hw, id) && !vpe->mapped;
	vpe->owed = vpe->owed && !hw_pending(hw, VMAPP, id, true);
}

/* A command that the ITS itself has stalled at may become one that does nothing. */
static void replaced(struct hw_its *hw, u32 off)
{
	struct hw_cmd *cmd = &seen(hw, off), *now = slot(hw, off);
	u32 op = cmd->dw[0] & 0xff;

	check((now->dw[0] & 0xff) == SYNC && hw_is_target(hw, now->dw[2]) &&
	      !(now->dw[0] >> 8) && !now->dw[1] && !now->dw[3],
	      "EL2 replaces a stalled command by another than a SYNC");
	if (op == MAPD)
		lose_device(hw, cmd->dw[0] >> 32);
	if (op == VMAPP)
		lose_vpe(hw, bits(cmd->dw[1], 47, 32));
	*cmd = *now;
}

/* EL2 may have written anywhere since the last look. */
void hw_look(struct hw_its *hw)
{
	u32 off;

	if (!hw->owned || hw_is_off(hw) || !(hw->cbaser & VALID))
		return;

	for (off = hw->creadr; off != hw->cwriter; off = next_slot(hw, off)) {
		if (!memcmp(slot(hw, off), &seen(hw, off), CMD_SIZE))
			continue;
		check(off == hw->creadr && hw->stalled && !hw->retrying,
		      "EL2 writes to the slot at %#x, which the ITS may be fetching", off);
		replaced(hw, off);
	}
}

static void learn(struct hw_its *hw, u32 off, u32 end)
{
	for (; off != end; off = next_slot(hw, off))
		seen(hw, off) = *slot(hw, off);
}

/* Section 5.3.20: Alloc says that no other ITS has the vPE mapped. */
static void must_alloc(struct hw_its *hw, struct hw_cmd *cmd)
{
	u32 i, id = bits(cmd->dw[1], 47, 32);
	bool elsewhere = false;

	for (i = 0; i < nr_hw; i++) {
		u64 vpt = hw == &its_of[i].hw ? 0 : el2_vpt(&its_of[i].hw, id);

		elsewhere = elsewhere || vpt;
		must(!vpt || vpt >> 61 == 4, "Alloc while another ITS forgets the vPE");
	}
	must(elsewhere == !(cmd->dw[0] & BIT(8)), "Alloc decided the wrong way");
}

/*
 * What PTZ promises, and where it does not what the GIC keeps to itself. A vPE may
 * have been resident since EL2 took the VPT.
 */
static void must_be_clear(struct hw_its *hw, struct hw_cmd *cmd)
{
	u64 vpt = cmd->dw[3] & GENMASK_ULL(51, 16);
	bool ptz = cmd->dw[0] & BIT(9), alloc = cmd->dw[0] & BIT(8), valid = cmd->dw[2] & VALID;

	must(!ptz || (valid && alloc), "PTZ of a VPT that others know");
	if (valid && alloc && !rdist_knows_vpt(vpt))
		must(ram_is_zero(vpt, ptz ? hw_vpt_size(bits(cmd->dw[3], 4, 0) + 1) : BIT_ULL(10)),
		     "a VPT that is not clear");
}

static void posted(struct hw_its *hw, u32 end)
{
	u32 off = hw->q.wrote;

	hw_catch_up(hw);
	for (; off != end; off = next_slot(hw, off)) {
		check(next_slot(hw, off) != hw->q.next,
		      "EL2 posts more commands than the queue holds");
		seen(hw, off) = *slot(hw, off);
		if ((seen(hw, off).dw[0] & 0xff) == VMAPP && hw->typer & TYPER_VMAPP) {
			must_alloc(hw, &seen(hw, off));
			must_be_clear(hw, &seen(hw, off));
		}
		entry.cmds++;
	}
	hw->q.wrote = end;
}

static void drop_cmd(struct hw_its *hw, u32 off)
{
	if ((seen(hw, off).dw[0] & 0xff) == MAPD)
		lose_device(hw, seen(hw, off).dw[0] >> 32);
	if ((seen(hw, off).dw[0] & 0xff) == VMAPP)
		lose_vpe(hw, bits(seen(hw, off).dw[1], 47, 32));
	hw->dropped++;
}

/*
 * Power failed after EL2 had seen that the ITS is on, and GITS_CREADR happens to
 * read as an offset in the queue. EL2 may believe that if no pages depend on it.
 */
void hw_catch_up(struct hw_its *hw)
{
	struct hw_queue *q = &hw->q;
	u32 consumed = el2_consumed(hw), size = hw_queue_size(hw->owned_cbaser);

	if (!q->vague || (consumed + size - q->next) % size > (q->wrote + size - q->next) % size)
		return;

	for (; q->next != consumed; q->next = next_slot(hw, q->next))
		drop_cmd(hw, q->next);
}

/* What the ITS has not executed by now it never will. */
static void drop_queue(struct hw_its *hw)
{
	struct hw_queue *q = &hw->q;
	struct hw_device *dev;
	struct hw_vpe *vpe;
	u32 off;

	for (off = q->next; off != q->wrote; off = next_slot(hw, off))
		drop_cmd(hw, off);

	/* Unmaps that were not complete are forgotten: the host may send them again. */
	for (dev = hw->devices; dev < hw->devices + hw->nr_devices; dev++) {
		lose_device(hw, dev->id);
		dev->owed = false;
	}
	for (vpe = hw->vpes; vpe < hw->vpes + hw->nr_vpes; vpe++) {
		lose_vpe(hw, vpe->id);
		vpe->owed = false;
	}
	*q = (struct hw_queue){ .seen = q->seen };
	entry.dropped = true;
}

void hw_handed_over(struct hw_its *hw)
{
	u32 size = hw_queue_size(hw->cbaser);

	hw->owned = true;
	hw->owned_cbaser = hw->cbaser;
	memcpy(hw->owned_baser, hw->baser, sizeof(hw->baser));
	hw->executed = 0;
	hw->q = (struct hw_queue){
		.next = hw->creadr, .wrote = hw->creadr, .seen = calloc(1, size),
	};
}

static bool hw_runs(struct hw_its *hw)
{
	return (hw->ctlr & CTLR_ENABLED) && (hw->cbaser & VALID) && !hw->stalled && !hw->stuck &&
	       hw->creadr != hw->cwriter;
}

static void hw_step(struct hw_its *hw)
{
	struct hw_cmd cmd;
	u32 i;

	hw->q.lost = hw->q.lost && hw->creadr != hw->q.next;
	if (hw->stall_next) {
		hw->stall_next = false;
		hw->stalled = true;
		sum.stalls++;
		return;
	}

	for (i = 0; i < 4; i++)
		cmd.dw[i] = dma_read(hw, hw_queue_base(hw->cbaser) + hw->creadr + i * 8);
	hw_exec(hw, &cmd);
	hw->creadr = next_slot(hw, hw->creadr);
	if (!hw->q.lost) {
		hw->executed++;
		hw->q.done++;
		hw->q.next = hw->creadr;
	}
	hw->q.lost = hw->q.lost && hw->creadr != hw->q.next;
}

static void hw_unstall(struct hw_its *hw)
{
	hw->retrying = 0;
	hw->stalled = false;
}

void hw_progress(struct hw_its *hw, u32 nr)
{
	if (hw->retrying && !hw->stuck)
		hw_unstall(hw);
	while (nr-- && hw_runs(hw))
		hw_step(hw);
}

static void hw_kick(struct hw_its *hw)
{
	while (!hw->slow && hw_runs(hw))
		hw_step(hw);
}

/* It has been told to be slow or stuck no more. */
void hw_wake(struct hw_its *hw)
{
	hw_look(hw);
	if (!hw->slow)
		hw_progress(hw, UINT_MAX);
}

/* Registers, section 12.19. */

bool hw_is_off(struct hw_its *hw)
{
	return !(hw->ctlr & CTLR_ENABLED) && !hw->busy;
}

/* On the way to rest the ITS may still execute what it has fetched. */
static void come_to_rest(struct hw_its *hw)
{
	if (!hw->busy || hw->stuck)
		return;

	if (hw->busy == 1 && hw->cbaser & VALID && !hw->stalled && hw->creadr != hw->cwriter)
		hw_step(hw);
	hw->busy--;
}

static u64 read_ctlr(struct hw_its *hw)
{
	bool quiescent = hw_is_off(hw);

	come_to_rest(hw);

	return hw->ctlr | (quiescent ? CTLR_QUIESCENT : 0);
}

static u64 read_creadr(struct hw_its *hw)
{
	entry.reads++;
	adversary_poll(hw);
	if (hw->retrying) {
		if (!hw->stuck && !--hw->retrying)
			hw_unstall(hw);
		hw_kick(hw);
	} else if (hw->slow && ++hw->polls >= hw->slow) {
		hw->polls = 0;
		if (hw_runs(hw))
			hw_step(hw);
	}

	return hw->creadr | (hw->stalled ? PTR_FLAG : 0);
}

u64 hw_read(struct hw_its *hw, u32 offset, u32 width)
{
	bool half = offset < 0x8 || offset == 0x18 || offset >= 0xffd0;

	check(!hw->owned || width == (half ? 4 : 8), "EL2 reads half of register %#x", offset);
	hw_look(hw);

	switch (offset) {
	case 0x0000:
		return read_ctlr(hw);
	case 0x0004:
		return 0x43b;
	case 0x0008:
		return hw->typer;
	case 0x0080:
		return hw->cbaser;
	case 0x0088:
		return hw->cwriter | (hw->retrying ? PTR_FLAG : 0);
	case 0x0090:
		return read_creadr(hw);
	case 0x0100 ... 0x0138:
		return hw->baser[(offset - 0x100) / 8];
	case 0x0018:
	case 0xffd0 ... 0xfffc:
		return offset;
	}

	check(!hw->owned, "EL2 reads %#x, which is no register", offset);

	return 0;
}

static void write_ctlr(struct hw_its *hw, u32 val)
{
	bool on = val & CTLR_ENABLED, was_on = hw->ctlr & CTLR_ENABLED;

	check(!on || was_on || !hw->busy, "EL2 enables an ITS that is not quiescent");
	check(!on || was_on || (hw->creadr == hw->q.next && hw->cwriter == hw->q.wrote),
	      "EL2 enables an ITS that starts at %#llx, not at %#x", hw->creadr, hw->q.next);
	if (was_on && !on && (hw->slow || hw->stuck))
		hw->busy = max(hw->slow, 1U);

	hw->ctlr = val & ~CTLR_QUIESCENT;
	if (on && !was_on)
		learn(hw, hw->creadr, hw->cwriter);
	if (on)
		hw_kick(hw);
}

static void write_baser(struct hw_its *hw, u32 nr, u64 val)
{
	check(hw_is_off(hw), "EL2 writes GITS_BASER%u of an ITS that is on", nr);
	check(!hw->owned || val == hw->owned_baser[nr], "EL2 changes GITS_BASER%u", nr);
	hw->baser[nr] = val;
}

static void write_cbaser(struct hw_its *hw, u64 val)
{
	check(hw_is_off(hw), "EL2 writes GITS_CBASER of an ITS that is on");
	check(!hw->owned || val == hw->owned_cbaser, "EL2 changes GITS_CBASER");
	hw->cbaser = val;
	hw->creadr = 0;
	hw_unstall(hw);
	drop_queue(hw);
}

static void write_cwriter(struct hw_its *hw, u64 val)
{
	check(!(val & ~(PTR_OFFSET | PTR_FLAG)) && val < hw_queue_size(hw->owned_cbaser) + 1,
	      "EL2 writes %#llx to GITS_CWRITER", val);
	posted(hw, val & PTR_OFFSET);
	hw->cwriter = val & PTR_OFFSET;
	if (val & PTR_FLAG && hw->stalled && !hw->retrying) {
		hw->retrying = hw->lag ? hw->lag + 1 : 0;
		if (!hw->lag)
			hw_unstall(hw);
	}
	hw_kick(hw);
}

void hw_write(struct hw_its *hw, u32 offset, u32 width, u64 val)
{
	check(width == (offset ? 8 : 4), "EL2 writes half of register %#x", offset);
	hw_look(hw);

	switch (offset) {
	case 0x0000:
		return write_ctlr(hw, val);
	case 0x0080:
		return write_cbaser(hw, val);
	case 0x0088:
		return write_cwriter(hw, val);
	case 0x0100 ... 0x0138:
		return write_baser(hw, (offset - 0x100) / 8, val);
	}

	model_fail("EL2 writes %#x, which is not for writing", offset);
}

/*
 * Section 12.19, GITS_CTLR.Quiescent: before that memory may be behind. What the ITS
 * had not written back, unmaps without a SYNC, is lost.
 */
static void lose_caches(struct hw_its *hw)
{
	bool behind = hw->lazy && !hw_is_off(hw) && (hw->cbaser & VALID);
	struct hw_device *dev;
	struct hw_vpe *vpe;

	for (dev = hw->devices; dev < hw->devices + hw->nr_devices; dev++) {
		if (behind && dev->old.mapped && !dev->mapped) {
			dev->itt = dev->old.itt;
			dev->bits = dev->old.bits;
			dev->tag = dev->old.tag;
			dev->mapped = true;
			dev->lost = dev->owed = false;
			write_dte(hw, dev);
		}
		dev->old.mapped = false;
	}
	for (vpe = hw->vpes; vpe < hw->vpes + hw->nr_vpes; vpe++) {
		if (!behind || !vpe->leaving || vpe->mapped)
			continue;
		vpe->mapped = true;
		vpe->leaving = vpe->lost = vpe->owed = false;
		dma_write(hw, vpe_entry(hw, vpe->id), VALID | vpe->vpt | (vpe->bits - 1));
	}
}

/* The same for a Device table that is not in memory: EL2 has more than the ITS then. */
static void forget_devices(struct hw_its *hw)
{
	struct hw_device *dev;

	for (dev = hw->devices; dev < hw->devices + hw->nr_devices; dev++) {
		dev->lost = dev->lost || dev->mapped;
		dev->mapped = dev->old.mapped = false;
	}
}

static bool is_as_handed_over(struct hw_its *hw)
{
	return hw->cbaser == hw->owned_cbaser &&
	       !memcmp(hw->baser, hw->owned_baser, sizeof(hw->baser));
}

/*
 * All the registers of a system that was suspended are lost, memory is not.
 * Firmware may put them back as TF-A does, GITS_CBASER first, which makes
 * GITS_CREADR 0, then GITS_CWRITER as it was; some of it sets Enabled as well,
 * and gives the ITS the time to execute what it finds.
 */
void hw_power_loss(struct hw_its *hw, enum firmware fw)
{
	bool enable = fw == FW_ENABLES && is_as_handed_over(hw);
	struct hw_its saved = *hw;

	if (!enable)
		lose_caches(hw);
	if (hw->forgets_devices)
		forget_devices(hw);
	hw->ctlr &= ~CTLR_ENABLED;
	hw->cbaser = 0;
	hw->creadr = hw->cwriter = 0;
	hw_unstall(hw);
	hw->busy = 0;
	hw->stuck = hw->stall_next = false;
	hw->q.lost = hw->q.next;
	memset(hw->baser, 0, sizeof(hw->baser));
	sum.power++;
	if (verbose)
		printf("%llx: power loss, firmware %d, cwriter %#llx\n", hw->phys, fw, saved.cwriter);
	if (fw == FW_NONE)
		return;

	hw->cbaser = saved.cbaser;
	hw->cwriter = saved.cwriter;
	memcpy(hw->baser, saved.baser, sizeof(hw->baser));
	if (!enable)
		return;

	sum.restored++;
	learn(hw, 0, hw->cwriter);
	hw->ctlr |= CTLR_ENABLED;
	hw_progress(hw, UINT_MAX);
}

/* At any time, and what registers read as then is anything. */
void hw_power_fails(struct hw_its *hw)
{
	u64 creadr = hw->creadr + in_below(4) * CMD_SIZE;

	hw_power_loss(hw, FW_NONE);
	hw->creadr = creadr % hw_queue_size(hw->owned_cbaser);
}

/* Each L1 entry that an ITS could follow, since the last look at it. */

static void check_l1_entry(struct hw_its *hw, u32 nr, u32 idx)
{
	u64 baser = hw->owned_baser[nr], psz = hw_psz(baser), l1, l2, page;

	l1 = ram_read(hw_base(baser) + idx * 8);
	if (l1 == hw->l1_seen[nr][idx])
		return;

	check(!hw->l1_seen[nr][idx], "an entry of a first level changed after it was linked");
	check(l1 & VALID, "EL2 wrote an invalid entry into a first level");
	l2 = l1 & ~VALID;
	check(!(l2 & ~GENMASK_ULL(51, 12)) && IS_ALIGNED(l2, psz),
	      "the first level links %#llx, with RES0 bits or unaligned", l2);
	check(is_ram(l2, psz), "the first level links %#llx, which is not memory", l2);
	for (page = l2; page < l2 + psz; page += PAGE_SIZE)
		check(page_is_el2(page_of(page)), "the first level links %#llx, not EL2's", l2);
	check(ram_is_zero(l2, psz), "an L2 page is linked with the host's bytes in it");

	hw->l1_seen[nr][idx] = l1;
	hw->l2_idx[nr][hw->nr_l2[nr]++] = idx;
	sum.l2++;
}

void hw_check_l1(struct hw_its *hw)
{
	u32 nr, idx;
	u64 baser;

	for (nr = 0; nr < HW_NR_BASER; nr++) {
		baser = hw->owned_baser[nr];
		if (!(baser & INDIRECT) || !hw->l1_seen[nr])
			continue;
		if (!memcmp(hyp_phys_to_virt(hw_base(baser)), hw->l1_seen[nr],
			    hw_table_size(baser)))
			continue;
		for (idx = 0; idx < hw_table_size(baser) / 8; idx++)
			check_l1_entry(hw, nr, idx);
	}
}

/* EL2 wrote to memory that an ITS may look at right now. */
void model_wrote_once(const volatile void *p)
{
	u64 phys = hyp_virt_to_phys((const void *)p);
	u32 i, nr;

	rdist_vpes_wrote(phys);

	for (i = 0; i < nr_hw; i++) {
		struct hw_its *hw = &its_of[i].hw;

		for (nr = 0; hw->owned && nr < HW_NR_BASER; nr++) {
			u64 baser = hw->owned_baser[nr];

			if (!hw->l1_seen[nr] || phys - hw_base(baser) >= hw_table_size(baser))
				continue;
			check_l1_entry(hw, nr, (phys - hw_base(baser)) / 8);
			check_new_l2(hw, nr, (phys - hw_base(baser)) / 8);
		}
	}
}

void model_barrier(void)
{
}

void hw_reset(struct hw_its *hw)
{
	u32 i;

	for (i = 0; i < HW_NR_BASER; i++) {
		free(hw->l1_seen[i]);
		free(hw->l2_idx[i]);
	}
	free(hw->q.seen);
	memset(hw, 0, sizeof(*hw));
}
