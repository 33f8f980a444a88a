// SPDX-License-Identifier: GPL-2.0-only
/*
 * Redistributors, from sections 4.6, 5.1 and 12.11 to 12.12 of the architecture
 * (IHI 0069), and nothing from EL2's code. Those of GICv4.1 are such in GICR_TYPER
 * only: EL2 lets nothing happen there that concerns a vPE.
 *
 * They are pessimists as the ITS is. What they read and write has to be EL2's, or
 * shared and pinned; a write that the architecture leaves UNPREDICTABLE is a failure.
 * Of a VPT they trust the first KiB, unless GICR_VPENDBASER.IDAI tells them not to:
 * then what they find there has to be their own. After Valid has become 0 they go
 * on writing a while, for as long as Dirty is 1.
 */

#include "model.h"

#include <linux/sizes.h>

#define VALID		BIT_ULL(63)
#define IDAI		BIT_ULL(62)
#define PENDING_LAST	BIT_ULL(61)
#define DIRTY		BIT_ULL(60)
#define ENABLE_LPIS	BIT(0)
#define CES		BIT(1)
#define IR		BIT(2)
#define RWP		BIT(3)
#define DPG		GENMASK(26, 24)
#define PTZ		BIT_ULL(62)
#define PROCESSOR_SLEEP	BIT(1)
#define CHILDREN_ASLEEP	BIT(2)
#define VLPI_FRAME	SZ_128K
#define FIRST_LPI	8192
#define IMPDEF_SIZE	SZ_1K

enum {
	CTLR = 0x0, TYPER = 0x8, STATUSR = 0x10, WAKER = 0x14, SETLPIR = 0x40, CLRLPIR = 0x48,
	PROPBASER = 0x70, PENDBASER = 0x78, INVLPIR = 0xa0, INVALLR = 0xb0, SYNCR = 0xc0,
	PIDR2 = 0xffe8,
	VPROPBASER = VLPI_FRAME + 0x70, VPENDBASER = VLPI_FRAME + 0x78, VSGIR = VLPI_FRAME + 0x80,
};

struct hw_rdist rdists[MAX_RDISTS];
struct rdist_vpes rdist_vpes[MAX_RDISTS];
u32 nr_rdists;
u64 rdist_offset;

/* Of the VPT that begins there: it has been resident, and what is in its first word. */
static struct { bool resident; u64 word; } vpts[NR_PAGES];

void rdist_forget_vpes(void)
{
	u32 i;

	for (i = 0; i < MAX_RDISTS; i++) {
		free(rdist_vpes[i].seen);
		rdist_vpes[i] = (struct rdist_vpes){ 0 };
	}
}

void rdist_reset(void)
{
	u32 i;

	for (i = 0; i < MAX_RDISTS; i++) {
		free(rdists[i].pend);
		rdists[i] = (struct hw_rdist){ 0 };
	}
	rdist_forget_vpes();
	memset(vpts, 0, sizeof(vpts));
	nr_rdists = 0;
}

bool rdist_has_frame(const struct hw_rdist *rd, u64 phys)
{
	u64 size = rd->typer & RDIST_VLPIS ? 2 * VLPI_FRAME : VLPI_FRAME;

	return phys - rd->phys < size;
}

static struct hw_rdist *rdist_at(u64 phys)
{
	u32 i;

	for (i = 0; i < nr_rdists; i++) {
		if (rdist_has_frame(&rdists[i], phys))
			return &rdists[i];
	}

	return NULL;
}

u32 rdist_bits(const struct hw_rdist *rd)
{
	return (rd->propbaser & 0x1f) + 1;
}

u64 rdist_prop(const struct hw_rdist *rd)
{
	return rd->propbaser & GENMASK_ULL(51, 12);
}

u64 rdist_pend(const struct hw_rdist *rd)
{
	return rd->pendbaser & GENMASK_ULL(51, 16);
}

/* In units of 64K. */
u64 rdist_pend_size(const struct hw_rdist *rd)
{
	return ALIGN(BIT_ULL(rdist_bits(rd)) / 8, SZ_64K + 0ULL);
}

/* It is behind VPROPBASER and VPENDBASER, be it on its way out. */
bool rdist_uses_vpt(const struct hw_rdist *rd)
{
	return rd->vpendbaser & VALID || rd->dirty;
}

static u64 vpt_size(const struct hw_rdist *rd)
{
	return BIT_ULL(rdist_is_v41(rd) ? rd->vpe_bits : (rd->vpropbaser & 0x1f) + 1) / 8;
}

static u64 vconf_size(const struct hw_rdist *rd)
{
	return vpt_size(rd) * 8 - FIRST_LPI;
}

/* Every access to memory goes through these. */

static void use_own(struct hw_rdist *rd, u64 phys, u64 size, const char *what)
{
	u64 page;

	nr_dma++;
	check(is_ram(phys, size), "%s at %#llx is not memory", what, phys);
	for (page = ALIGN_DOWN(phys, PAGE_SIZE); rd->owned && page < phys + size; page += PAGE_SIZE)
		check(page_is_el2(page_of(page)) && !page_of(page)->secret,
		      "%s at %#llx is not EL2's", what, page);
}

static void use_shared(struct hw_rdist *rd, u64 phys, u64 size, const char *what)
{
	u64 page;

	nr_dma++;
	check(is_ram(phys, size), "%s at %#llx is not memory", what, phys);
	for (page = ALIGN_DOWN(phys, PAGE_SIZE); rd->owned && page < phys + size; page += PAGE_SIZE)
		check(page_of(page)->host == SHARED_OWNED && page_of(page)->pins,
		      "%s at %#llx is not shared and pinned", what, page);
}

static void set_bit_at(u64 table, u64 nr, bool set)
{
	u64 word = table + nr / 64 * 8, mask = BIT_ULL(nr % 64);

	ram_write(word, set ? ram_read(word) | mask : ram_read(word) & ~mask);
}

/* An LPI, be it from an ITS or from GICR_SETLPIR. */
void rdist_lpi(struct hw_rdist *rd, u32 intid, bool set)
{
	if (!(rd->ctlr & ENABLE_LPIS) || intid < FIRST_LPI || intid >= BIT_ULL(rdist_bits(rd)))
		return;

	use_shared(rd, rdist_prop(rd) + intid - FIRST_LPI, 1, "an LPI configuration table");
	use_own(rd, rdist_pend(rd) + intid / 8, 1, "a pending table");
	set_bit_at(rdist_pend(rd), intid, set);
	if (rd->pend)
		rd->pend[intid / 64] = ram_read(rdist_pend(rd) + intid / 64 * 8);
	sum.lpis++;
}

/* The RDbase of a command. */
u64 rdist_name(const struct hw_rdist *rd, bool pta)
{
	return pta ? rd->phys : (rd->typer >> 8 & 0xffff) << 16;
}

struct hw_rdist *rdist_of_target(u64 rdbase, bool pta)
{
	u32 i;

	for (i = 0; i < nr_rdists; i++) {
		u64 target = rdist_name(&rdists[i], pta);

		if (rdbase == target || (rdist_offset && rdbase == target + rdist_offset))
			return &rdists[i];
	}

	return NULL;
}

/* For a vPE that is resident somewhere its configuration is read there. */
void rdist_vlpi(u64 vpt, u32 vintid)
{
	u32 i;

	for (i = 0; i < nr_rdists; i++) {
		struct hw_rdist *rd = &rdists[i];

		if (!(rd->vpendbaser & VALID) || rdist_vpt(rd) != vpt ||
		    vintid - FIRST_LPI >= vconf_size(rd))
			continue;
		use_shared(rd, rdist_vconf(rd) + vintid - FIRST_LPI, 1,
			   "a virtual configuration table");
		use_own(rd, vpt + vintid / 8, 1, "a VPT");
		sum.resident_vlpis++;
	}
}

/* What the redistributor keeps to itself. */
static void write_impdef(struct hw_rdist *rd)
{
	u64 vpt = rdist_vpt(rd);
	static u64 word;

	use_own(rd, vpt, vpt_size(rd), "the VPT of a vPE that is, or was a moment ago, resident");
	word += 0x9e3779b97f4a7c15ULL;
	ram_write(vpt, word);
	vpts[page_of(vpt) - pages].word = word;
}

/*
 * Nobody but the redistributors has written there since it is EL2's.
 */
void rdist_check_impdef(u64 vpt)
{
	check(ram_read(vpt) == vpts[page_of(vpt) - pages].word &&
	      ram_is_zero(vpt + 8, IMPDEF_SIZE - 8),
	      "what a redistributor finds in the first KiB of the VPT at %#llx is the host's", vpt);
}

/* A vPE has been resident with it since it is EL2's. */
bool rdist_knows_vpt(u64 vpt)
{
	return is_ram(vpt, 1) && vpts[page_of(vpt) - pages].resident;
}

static void read_impdef(u64 vpt)
{
	check(vpts[page_of(vpt) - pages].resident,
	      "IDAI is 0, and the VPT at %#llx was never resident", vpt);
	rdist_check_impdef(vpt);
}

/* A page becomes EL2's: what it was before does not count. */
void rdist_new_page(u64 pfn)
{
	vpts[pfn].resident = false;
	vpts[pfn].word = 0;
}

/* A page is about to be the host's. */
void rdist_gives_back(u64 phys, u64 size)
{
	u32 i;

	for (i = 0; i < nr_rdists; i++) {
		struct hw_rdist *rd = &rdists[i];

		check(!rd->owned || !rdist_uses_vpt(rd) || phys >= rdist_vpt(rd) + vpt_size(rd) ||
		      rdist_vpt(rd) >= phys + size,
		      "EL2 returns the VPT at %#llx, which redistributor %u may write", phys, i);
	}
}

/* With a vPE that is resident, or was a moment ago, it does as it likes. */
void rdist_work(struct hw_rdist *rd)
{
	u64 vintid;

	if (!rdist_uses_vpt(rd))
		return;

	vintid = FIRST_LPI + in_below(vconf_size(rd));
	use_shared(rd, rdist_vconf(rd) + vintid - FIRST_LPI, 1, "a virtual configuration table");
	use_own(rd, rdist_vpt(rd) + vintid / 8, 1, "a VPT");
	set_bit_at(rdist_vpt(rd), vintid, in_one_of(2));
	write_impdef(rd);
	sum.resident_vlpis++;
}

/* It has told GICR_VPENDBASER.Dirty often enough. */
static void settle(struct hw_rdist *rd)
{
	if (!rd->dirty)
		return;

	write_impdef(rd);
	if (rd->dirty != RDIST_NEVER)
		rd->dirty--;
}

void rdist_clean(struct hw_rdist *rd)
{
	rd->lag = 0;
	rd->dirty = min(rd->dirty, 1U);
	rd->scan = 0;
	settle(rd);
}

/* Registers. */

#define must(cond, fmt, ...)	check(!rd->owned || (cond), fmt, ##__VA_ARGS__)

static u32 read_ctlr(struct hw_rdist *rd)
{
	if (rd->rwp && rd->rwp != RDIST_NEVER)
		rd->rwp--;

	return rd->ctlr | (rd->rwp ? RWP : 0);
}

/*
 * While Valid is 1, Dirty is UNKNOWN unless GICR_TYPER.Dirty says that it tells when
 * the VPT has been parsed.
 */
static u64 read_vpendbaser(struct hw_rdist *rd)
{
	bool dirty;

	if (!(rd->vpendbaser & VALID)) {
		dirty = rd->dirty;
		settle(rd);
	} else if (rd->typer & RDIST_DIRTY) {
		dirty = rd->scan;
		rd->scan -= !!rd->scan;
	} else {
		dirty = rd->unknown;
	}

	return rd->vpendbaser | (dirty ? DIRTY : 0);
}

static void check_read(struct hw_rdist *rd, u32 offset, u32 width)
{
	bool half = offset < TYPER || offset == STATUSR || offset == WAKER || offset == SYNCR ||
		    offset >= 0xffd0;

	must(width == (half && offset < VLPI_FRAME ? 4 : 8), "EL2 reads %u bytes at %#x of a redistributor",
	     width, offset);
}

u64 rdist_read(u64 phys, u32 width)
{
	struct hw_rdist *rd = rdist_at(phys);
	u32 offset = rd ? phys - rd->phys : 0;

	if (!rd)
		return 0;

	check(!rd->told_inaccessible, "EL2 reads %#x of a redistributor that may have no power", offset);
	if (!rd->accessible)
		return 0;

	check_read(rd, offset, width);
	switch (offset) {
	case CTLR:
		return read_ctlr(rd);
	case TYPER:
		return rd->typer;
	case STATUSR:
		return rd->statusr;
	case WAKER:
		return rd->waker;
	case PROPBASER:
		return rd->propbaser;
	case PENDBASER:
		return rd->pendbaser;
	case SYNCR:
		return 0;
	case PIDR2:
		return rd->typer & RDIST_VLPIS ? 0x4b : 0x3b;
	case VPROPBASER:
		return rd->typer & RDIST_VLPIS ? rd->vpropbaser : 0;
	case VPENDBASER:
		return rd->typer & RDIST_VLPIS ? read_vpendbaser(rd) : 0;
	}

	check(!rd->owned, "EL2 reads %#x, which is no register to read", offset);

	return 0;
}

static void write_ctlr(struct hw_rdist *rd, u32 val)
{
	u32 on = val & ENABLE_LPIS, was_on = rd->ctlr & ENABLE_LPIS;

	check(!((val ^ rd->ctlr) & ~(ENABLE_LPIS | RWP | DPG)), "EL2 writes %#x to GICR_CTLR", val);
	check(on || !was_on, "EL2 disables LPIs");
	check(!on || was_on || rd->lpis, "EL2 enables LPIs where there are no tables");
	check(!on || was_on || !rd->rwp, "EL2 enables LPIs while GICR_CTLR.RWP is 1");
	check(!on || was_on || (rd->propbaser == rd->owned_propbaser &&
				rd->pendbaser == rd->owned_pendbaser),
	      "EL2 enables LPIs with other tables");
	if ((val ^ rd->ctlr) & DPG)
		rd->rwp = rd->slow_rwp;
	rd->ctlr = (rd->ctlr & (CES | IR)) | on | (val & DPG);
}

static void write_base(struct hw_rdist *rd, u32 offset, u64 val)
{
	u64 *reg = offset == PROPBASER ? &rd->propbaser : &rd->pendbaser;
	u64 owned = offset == PROPBASER ? rd->owned_propbaser : rd->owned_pendbaser;

	check(!(rd->ctlr & ENABLE_LPIS) && !rd->rwp,
	      "EL2 writes %#x of a redistributor that has LPIs enabled", offset);
	check(offset != PENDBASER || !(val & PTZ), "EL2 says that a pending table is zero");
	check(rd->lpis && val == owned, "EL2 changes %#x of a redistributor", offset);
	*reg = val;
}

/* Section 5.1: written any bit of it is clear of ChildrenAsleep, which follows. */
static void write_waker(struct hw_rdist *rd, u32 val)
{
	check(!((val ^ rd->waker) & ~(PROCESSOR_SLEEP | CHILDREN_ASLEEP)),
	      "EL2 writes %#x to GICR_WAKER", val);
	rd->waker = val & PROCESSOR_SLEEP ? val | CHILDREN_ASLEEP : val & ~CHILDREN_ASLEEP;
}

static void check_lpi(struct hw_rdist *rd, u64 intid)
{
	check(rd->lpis && intid >= FIRST_LPI && intid < BIT_ULL((rd->owned_propbaser & 0x1f) + 1),
	      "EL2 names an INTID that is no LPI to a redistributor");
}

static void write_lpir(struct hw_rdist *rd, u64 val, bool set)
{
	check(rd->typer & RDIST_DIRECT_LPI, "EL2 writes a register that is IMPLEMENTATION DEFINED");
	check_lpi(rd, val);
	rdist_lpi(rd, val, set);
}

static bool is_known(u32 id)
{
	u32 i;

	for (i = 0; i < nr_hw; i++) {
		if (el2_vpt(&its_of[i].hw, id))
			return true;
	}

	return false;
}

static void write_inv(struct hw_rdist *rd, u64 val, bool all)
{
	check(rd->typer & (RDIST_DIRECT_LPI | RDIST_RVPEID) || rd->ctlr & IR,
	      "EL2 invalidates where the redistributor cannot");
	if (val & VALID) {
		check(rdist_is_v41(rd) && (is_known(val >> 32 & 0xffff) || entry.others),
		      "EL2 names a vPE that is not mapped to a redistributor");
		check(!(val & ~(VALID | GENMASK_ULL(47, 0))), "EL2 writes RES0 bits of GICR_INVLPIR");
		check(all || ((u32)val >= FIRST_LPI && (u32)val < BIT_ULL(16)),
		      "EL2 names an INTID that is no vLPI to a redistributor");
		check(!all || !(u32)val, "EL2 writes RES0 bits of GICR_INVALLR");
		return;
	}
	check(!(val >> 32), "EL2 writes RES0 bits of GICR_INVLPIR");
	check(!all || !val, "EL2 writes RES0 bits of GICR_INVALLR");
	check(rd->lpis, "EL2 invalidates where there are no tables");
	if (!all)
		check_lpi(rd, val);
	if (rd->ctlr & ENABLE_LPIS)
		use_shared(rd, rdist_prop(rd), BIT_ULL(rdist_bits(rd)) - FIRST_LPI,
			   "an LPI configuration table");
}

static void write_vpropbaser(struct hw_rdist *rd, u64 val)
{
	check(!rdist_uses_vpt(rd), "EL2 writes GICR_VPROPBASER while a vPE is resident");
	check(rdist_is_v41(rd) ? rd->owned_vpropbaser && val == rd->owned_vpropbaser :
	      !(val & ~(GENMASK_ULL(58, 56) | GENMASK_ULL(51, 7) | 0x1f)),
	      "EL2 writes %#llx to GICR_VPROPBASER", val);
	rd->vpropbaser = val;
}

static u64 vpes_reach(const struct rdist_vpes *vpes)
{
	u64 nr = vpes->size / (vpes->indirect ? 8 : vpes->esz);

	return vpes->indirect ? nr * (vpes->psz / vpes->esz) : nr;
}

/* All that the redistributor reads in its vPE table. */
static void walk_vpes(struct hw_rdist *rd, u32 id)
{
	struct rdist_vpes *vpes = rd->vpes;
	u64 entry = vpes->base + (u64)id * vpes->esz, l1;

	check(id < vpes_reach(vpes), "EL2 makes vPE %#x resident, which is beyond the vPE table", id);
	if (vpes->indirect) {
		l1 = vpes->base + id / (vpes->psz / vpes->esz) * 8;
		use_own(rd, l1, 8, "a vPE table of redistributors");
		check(ram_read(l1) & VALID, "vPE %#x is resident, and has no L2 page", id);
		entry = (ram_read(l1) & ~VALID) + id % (vpes->psz / vpes->esz) * vpes->esz;
	}
	use_own(rd, entry, vpes->esz, "an entry in a vPE table of redistributors");
}

/* Every table of theirs has room for the vPE, which an ITS has just been told of. */
bool rdist_vpes_linked(u32 id)
{
	struct rdist_vpes *vpes;

	for (vpes = rdist_vpes; vpes < rdist_vpes + MAX_RDISTS; vpes++) {
		if (!vpes->owned)
			continue;
		if (id >= vpes_reach(vpes) || (vpes->indirect &&
		    !(ram_read(vpes->base + id / (vpes->psz / vpes->esz) * 8) & VALID)))
			return false;
	}

	return true;
}

static void check_first_level(struct rdist_vpes *vpes, u32 idx)
{
	u64 l1 = ram_read(vpes->base + idx * 8), l2 = l1 & ~VALID, page;

	if (l1 == vpes->seen[idx])
		return;

	check(!vpes->seen[idx], "an entry of a redistributor's first level changed");
	check(l1 & VALID && !(l2 & ~GENMASK_ULL(51, 12)) && IS_ALIGNED(l2, vpes->psz) &&
	      is_ram(l2, vpes->psz), "a redistributor's first level links %#llx", l1);
	for (page = l2; page < l2 + vpes->psz; page += PAGE_SIZE)
		check(page_is_el2(page_of(page)), "a redistributor's first level links %#llx, not EL2's", l2);
	check(ram_is_zero(l2, vpes->psz), "a redistributor's L2 page is linked with the host's bytes in it");
	vpes->seen[idx] = l1;
	sum.l2++;
}

void rdist_vpes_wrote(u64 phys)
{
	struct rdist_vpes *vpes;

	for (vpes = rdist_vpes; vpes < rdist_vpes + MAX_RDISTS; vpes++) {
		if (vpes->owned && vpes->indirect && phys - vpes->base < vpes->size)
			check_first_level(vpes, (phys - vpes->base) / 8);
	}
}

void rdist_vpes_check(void)
{
	struct rdist_vpes *vpes;
	u32 idx;

	for (vpes = rdist_vpes; vpes < rdist_vpes + MAX_RDISTS; vpes++) {
		for (idx = 0; vpes->owned && vpes->indirect && idx < vpes->size / 8; idx++)
			check_first_level(vpes, idx);
	}
}

/*
 * GICv4.1 finds it all in the vPE table. The other CPU may go on while EL2's records are
 * looked at: what was resident before is not until all of it is known.
 */
static void find_resident(struct hw_rdist *rd, u32 id)
{
	bool found = false;
	u32 i;

	check(rd->vpes && rd->owned_vpropbaser && rd->vpropbaser == rd->owned_vpropbaser,
	      "EL2 makes a vPE resident where there is no vPE table");
	walk_vpes(rd, id);
	for (i = 0; i < nr_hw; i++) {
		struct hw_its *hw = &its_of[i].hw;

		if (!el2_vpt(hw, id) || found)
			continue;
		found = true;
		rd->vpt = el2_vpt(hw, id) & GENMASK_ULL(51, 16);
		el2_vconf(hw, id, &rd->vconf);
		rd->vpe_bits = hw->lpi_bits;
	}
	check(found, "EL2 makes vPE %#x resident, which it has no record of", id);
}

static void make_resident(struct hw_rdist *rd)
{
	u64 vpt;

	vpt = rdist_vpt(rd);
	check(vconf_size(rd) <= BIT_ULL(32), "EL2 makes a vPE resident that has no VPT");
	use_own(rd, vpt, max(vpt_size(rd), 1ULL * IMPDEF_SIZE), "the VPT of a vPE to be made resident");
	use_shared(rd, rdist_vconf(rd), vconf_size(rd), "a virtual configuration table");
	if (rdist_is_v41(rd))
		rdist_check_impdef(vpt);
	else if (!(rd->vpendbaser & IDAI))
		read_impdef(vpt);
	vpts[page_of(vpt) - pages].resident = true;
	rd->scan = rd->typer & RDIST_DIRTY ? rd->slow_scan : 0;
	sum.loads++;
}

static void write_vpendbaser(struct hw_rdist *rd, u64 val)
{
	bool on = val & VALID, was_on = rd->vpendbaser & VALID;
	u64 fixed = ~(VALID | DIRTY);
	u64 mask = GENMASK_ULL(63, 60) | GENMASK_ULL(58, 56) | GENMASK_ULL(51, 16) | GENMASK_ULL(11, 7);

	if (rdist_is_v41(rd)) {
		mask = GENMASK_ULL(63, 58) | GENMASK_ULL(15, 0);
		fixed &= mask & ~(IDAI | PENDING_LAST);
	}
	check(!(val & ~mask), "EL2 writes %#llx to GICR_VPENDBASER", val);
	check(!rd->dirty, "EL2 writes GICR_VPENDBASER while Dirty is 1");
	check(!was_on || !rd->scan, "EL2 writes GICR_VPENDBASER while the VPT is being parsed");
	check(!was_on || !((val ^ rd->vpendbaser) & fixed),
	      "EL2 changes GICR_VPENDBASER while Valid is 1");
	check(!on || !was_on, "EL2 makes a vPE resident where one is");

	check(!on || rd->ctlr & ENABLE_LPIS, "EL2 makes a vPE resident where LPIs are disabled");
	if (on && rdist_is_v41(rd))
		find_resident(rd, val & 0xffff);
	rd->vpendbaser = val & ~DIRTY;
	if (on) {
		make_resident(rd);
	} else if (was_on) {
		write_impdef(rd);
		rd->dirty = rd->lag;
		rd->vpendbaser ^= rd->unknown ? PENDING_LAST : 0;
		sum.puts++;
	}
}

void rdist_write(u64 phys, u32 width, u64 val)
{
	struct hw_rdist *rd = rdist_at(phys);
	u32 offset;

	check(rd && rd->owned, "EL2 writes to %#llx, where there is nothing of its own", phys);
	check(!rd->told_inaccessible, "EL2 writes to a redistributor that may have no power");
	offset = phys - rd->phys;
	check(offset < VLPI_FRAME || rd->typer & RDIST_VLPIS, "EL2 writes to a frame that is not there");
	check(width == (offset == CTLR || offset == STATUSR || offset == WAKER || offset == VSGIR ? 4 : 8),
	      "EL2 writes %u bytes at %#x of a redistributor", width, offset);

	switch (offset) {
	case CTLR:
		return write_ctlr(rd, val);
	case STATUSR:
		rd->statusr &= ~val;
		return;
	case WAKER:
		return write_waker(rd, val);
	case SETLPIR:
		return write_lpir(rd, val, true);
	case CLRLPIR:
		return write_lpir(rd, val, false);
	case PROPBASER:
	case PENDBASER:
		return write_base(rd, offset, val);
	case INVLPIR:
		return write_inv(rd, val, false);
	case INVALLR:
		return write_inv(rd, val, true);
	case VPROPBASER:
		return write_vpropbaser(rd, val);
	case VPENDBASER:
		return write_vpendbaser(rd, val);
	case VSGIR:
		check(rdist_is_v41(rd) && (is_known(val) || entry.others),
		      "EL2 names a vPE that is not mapped to a redistributor");
		return;
	}

	model_fail("EL2 writes %#x of a redistributor, which is not for writing", offset);
}

/*
 * With its PE it loses all of its registers. Firmware may put back those of LPIs as
 * TF-A does, which knows nothing of vPEs.
 */
void rdist_power_loss(struct hw_rdist *rd, bool restores)
{
	u32 ctlr = rd->ctlr & (CES | IR);

	rd->waker = PROCESSOR_SLEEP | CHILDREN_ASLEEP;
	rd->vpropbaser = rd->vpendbaser = 0;
	rd->dirty = rd->scan = rd->rwp = 0;
	sum.rdist_power++;
	if (restores) {
		rd->ctlr = ctlr | (rd->ctlr & ENABLE_LPIS);
	} else {
		rd->ctlr = ctlr;
		rd->propbaser = rd->pendbaser = 0;
	}
}

/* From now on EL2 owns it. */
void rdist_handed_over(struct hw_rdist *rd)
{
	u64 off, size;

	rd->owned = true;
	if (rd->vpes && rd->accessible && !rd->told_inaccessible) {
		rd->owned_vpropbaser = rd->vpropbaser;
		rd->vpes->owned = true;
	}
	rd->lpis = rd->accessible && !rd->told_inaccessible && rd->typer & RDIST_PLPIS &&
		   rd->ctlr & ENABLE_LPIS;
	if (!rd->lpis)
		return;

	rd->owned_propbaser = rd->propbaser;
	rd->owned_pendbaser = rd->pendbaser;
	size = rdist_pend_size(rd);
	rd->pend = malloc(size);
	for (off = 0; off < size; off += 8)
		rd->pend[off / 8] = ram_read(rdist_pend(rd) + off);
}
