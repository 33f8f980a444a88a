// SPDX-License-Identifier: GPL-2.0-only
/*
 * its_check_cmd(): every 256-bit command, every record of the device and of the vPE it
 * names, on an ITS beside another one that may have the vPE as well.
 *
 * By contract, that is proved elsewhere: a table is there for one ID, in range or not,
 * with a record or not (decode.c), and gets an L2 page or not (l2.c); a configuration
 * table of a vPE is pinned or not (vconfig.c). The tables of redistributors, likewise.
 */
#include "proof.h"
#include "its_table.c"
#include "its_vpe.c"
#include "its_cmd.c"
#include "ghost.h"
#include "stubs.h"
#include "spec.h"
#include "state.h"

/* Each opcode by itself: see opcode.c. */
static u32 opcode;

const struct its_cmd_type *stub_cmd_type(const struct its_cmd_block *cmd)
{
	return opcode ? &its_cmd_types[opcode] : NULL;
}

static bool same_config(void)
{
	return its.typer == before.typer && its.cbaser == before.cbaser && its.ctlr == before.ctlr &&
	       its.posted == before.posted && its.consumed == before.consumed &&
	       its.cwriter == before.cwriter && its.creadr == before.creadr &&
	       its.retried == before.retried && its.stalled == before.stalled &&
	       its.nr_targets == before.nr_targets && its.nr_colls == before.nr_colls &&
	       its.lpi_bits == before.lpi_bits && its.ite_size == before.ite_size &&
	       its.queue == before.queue && its.shadow == before.shadow &&
	       its.device_table == &dt &&
	       its.nr_leaving == before.nr_leaving && its.lock.held &&
	       its.stats.posted == before.stats.posted && its.stats.refused == before.stats.refused;
}

static bool same_lists(void)
{
	return its.nr_unmaps == before.nr_unmaps && its.nr_vpe_unmaps == before.nr_vpe_unmaps;
}

static bool same_counts(void)
{
	return its.stats.devices == before.stats.devices && its.stats.vpes == before.stats.vpes &&
	       its.stats.itt_pages == before.stats.itt_pages &&
	       its.stats.donated - its.stats.returned ==
	       before.stats.donated - before.stats.returned;
}

/* After a MAPD with V=1 that was accepted. */
static void check_mapd(const u64 *c, u64 old)
{
	u64 itt = c[2] & 0x000fffffffffff00, bits = (c[1] & 31) + 1;

	prove(!old && dev_in_range && (u64)dev_id >> ((its.typer >> 13 & 31) + 1) == 0,
	      "MAPD: the DeviceID is in range, and was not mapped");
	prove(bits <= (its.typer >> 8 & 31) + 1, "MAPD: no more EventIDs than GITS_TYPER says");
	prove(ghost_owns(itt, hw_itt(bits)) && ghost_is_new(itt, hw_itt(bits)),
	      "MAPD: all that the ITS can reach of the ITT was donated for it");
	prove(ghost_is_clear(itt, hw_itt(bits)), "MAPD: the ITT is clear");
	prove(dev_linked && dev == (V | itt | bits), "MAPD: EL2's record says the same");
	prove(nr_donated == 1 && !nr_returned && its.stats.devices == before.stats.devices + 1 &&
	      its.stats.donated != before.stats.donated, "MAPD: counted once");
}

/* After a VMAPP with V=1 that was accepted. */
static void check_vmapp(const u64 *c, struct its_vpe_record old, struct its_vpe_record old_theirs, bool v41)
{
	u64 vpt = c[3] & RD, bits = (c[3] & 31) + 1, size = (1ULL << its.lpi_bits) / 8;
	struct its_vpe_record now = mine();
	u64 config = now.config & 0xffffffffff000;

	prove(!old.vpt && vpe_in_range[0] && vpe_linked[0] && rdists_reach,
	      "VMAPP: the vPEID is in range of every table, and was not mapped");
	prove(bits >= 14 && bits <= its.lpi_bits, "VMAPP: no more INTIDs than the VPT has room for");
	prove(ghost_owns(vpt, size), "VMAPP: all that the GIC can reach of the VPT is EL2's");
	prove(now.vpt == (V | vpt | its.lpi_bits | (v41 ? MAPPING : 0)), "VMAPP: EL2's record says the same");
	if (old_theirs.vpt) {
		prove(vpt == (old_theirs.vpt & RD) && nr_donated == 0,
		      "VMAPP: the VPT is that of the other ITS");
	} else {
		prove(nr_donated == 1 && ghost_is_new(vpt, size),
		      "VMAPP: the VPT was donated for it if no other ITS has the vPE");
		prove(ghost_is_clear(vpt, 1024), "VMAPP: the first KiB of a new VPT is clear");
	}
	if (v41) {
		prove(now.config == (V | (c[0] & RD)) && is_pinned(config, 1ULL << its.lpi_bits),
		      "VMAPP: the configuration table is pinned, of the size that the GIC reads");
		prove((c[0] >> 8 & 1) == !old_theirs.vpt && !(old_theirs.vpt & MAPPING),
		      "VMAPP: Alloc is true");
		if (c[0] >> 9 & 1)
			prove(!old_theirs.vpt && ghost_is_clear(vpt, size), "VMAPP: PTZ is true");
	} else {
		prove(now.config == old_theirs.config, "VMAPP: GICv4.0 names no configuration table");
	}
	prove(!nr_returned && its.stats.vpes == before.stats.vpes + 1, "VMAPP: counted once");
}

/* Which of two ITSs a VMOVP names. */
static void check_its_list(const u64 *c)
{
	u32 list = c[1] & 0xffff;

	list &= ~(1U << (its.ctlr >> 4 & 15));
	if (is_mapped(theirs().vpt))
		list &= ~(1U << (other.ctlr >> 4 & 15));
	prove(!list && c[1] >> (its.ctlr >> 4 & 15) & 1,
	      "VMOVP: each ITS that is named has the vPE mapped");
}

void harness(void)
{
	struct its_cmd_block cmd;
	struct its_vpe_record old, old_theirs;
	u64 *c = cmd.raw_cmd, old_dev;
	unsigned int why;
	bool v41, was_linked;
	u32 op;

#ifdef V4
	assume(c[0] >> 5 & 1);
#else
	assume(!(c[0] >> 5 & 1));
#endif
	dev_id = c[0] >> 32;
	vpe_id = c[1] >> 32 & 0xffff;
	legal_its();
	v41 = its.typer >> 40 & 1;
	legal_device();
#ifdef V4
	legal_vpes(v41);
#else
	assume(!(its.typer & (GITS_TYPER_VLPIS | GITS_TYPER_VMAPP)));
#endif
	before = its;
	old_dev = dev;
	was_linked = dev_linked;
	old = mine();
	old_theirs = theirs();

	op = c[0] & 0xff;
#define CASE(x)	case x: opcode = x; why = its_check_cmd(&its, &cmd); break
	switch (op) {
#ifdef V4
	CASE(VMOVI); CASE(VMOVP); CASE(VSGI); CASE(VSYNC); CASE(VMAPP); CASE(VMAPTI);
	CASE(VMAPI); CASE(VINVALL); CASE(INVDB);
#else
	CASE(MOVI); CASE(INT); CASE(CLEAR); CASE(SYNC); CASE(MAPD); CASE(MAPC); CASE(MAPTI);
	CASE(MAPI); CASE(INV); CASE(INVALL); CASE(MOVALL); CASE(DISCARD);
#endif
	default: opcode = 0; why = its_check_cmd(&its, &cmd);
	}

	prove(same_config(), "no command changes the configuration or the queue");
#ifdef V4
	prove(theirs().vpt == old_theirs.vpt && theirs().config == old_theirs.config,
	      "no command changes a record of another ITS");
	prove(!its_vpe_lock.held, "the lock of the vPEs is free again");
#endif
	if (why) {
		prove(dev == old_dev && dev_linked == was_linked, "refused: the device is as before");
#ifdef V4
		prove(mine().vpt == old.vpt && mine().config == old.config, "refused: the vPE is as before");
#endif
		prove(ghost_is_unchanged() && vconf[1].refs == 0, "refused: no page changed hands");
		prove(same_counts() && same_lists(), "refused: nothing is counted");
		return;
	}

	prove(spec_is_clean(c, v41), "accepted: RES0 bits are 0, and there is such a command");
#ifdef V4
	prove(its.typer >> 1 & 1 && (v41 || !spec_is_v41_only(op)), "accepted: the ITS has this command");
	if (spec_needs_vpe(op))
		prove(is_mapped(mine().vpt) && ghost_owns(mine().vpt & RD, (1ULL << (mine().vpt & 63)) / 8),
		      "accepted: the vPE is mapped, and its VPT is EL2's");
	if (op == VSYNC)
		prove(vpe_in_range[0], "accepted: the vPEID is in range");
	if (op == VMAPTI || op == VMAPI)
		prove(is_lpi(op == VMAPTI ? c[2] & 0xffffffff : c[1] & 0xffffffff),
		      "accepted: the vINTID is inside of the VPT");
	if (op == VMAPTI || op == VMAPI || (op == VMOVI && c[2] & 1))
		prove(is_doorbell(c[2] >> 32), "accepted: the doorbell is an LPI or 1023");
	if (v41 && ((op == VMAPP && c[2] & V) || (op == VMOVP && c[2] & V)))
		prove(is_doorbell((op == VMAPP ? c[1] : c[3]) & 0xffffffff),
		      "accepted: the default doorbell is an LPI or 1023");
#else
	if (spec_has_icid(op))
		prove((c[2] & 0xffff) < its.nr_colls, "accepted: the ICID is in range");
	if (op == MAPTI || op == MAPI)
		prove(is_lpi(op == MAPTI ? c[1] >> 32 : c[1] & 0xffffffff), "accepted: the INTID is an LPI");
	if (op == MOVALL)
		prove(is_target(c[3] & RD), "accepted: RDbase2 is a redistributor of EL2's");
#endif
	if (spec_has_rdbase(op, c))
		prove(is_target(c[2] & RD), "accepted: RDbase is a redistributor of EL2's");
	if (spec_has_event(op)) {
		prove(dev_in_range && dev_linked && old_dev >> 62 == 2 &&
		      (c[1] & 0xffffffff) >> (old_dev & 63) == 0, "accepted: the EventID is inside of the ITT");
		prove(c[0] >> 32 == dev_id && ghost_owns(old_dev & 0x000fffffffffff00, hw_itt(old_dev & 63)),
		      "accepted: the ITT is EL2's");
	}

#ifdef V4
	if (op == VMOVP && !(its.typer >> 37 & 1))
		check_its_list(c);
#endif

	if (op != MAPD)
		prove(dev == old_dev && its.nr_unmaps == before.nr_unmaps,
		      "only MAPD changes a device");
#ifdef V4
	if (op != VMAPP)
		prove(mine().vpt == old.vpt && mine().config == old.config && its.nr_vpe_unmaps == before.nr_vpe_unmaps,
		      "only VMAPP changes a vPE");
#endif
	if (op != MAPD && op != VMAPP) {
		prove(ghost_is_unchanged() && !nr_donated && same_counts() && !vconf[1].refs,
		      "only MAPD and VMAPP take pages");
		return;
	}

#ifdef V4
	if (c[2] & V) {
		check_vmapp(c, old, old_theirs, v41);
		return;
	}
	prove(is_mapped(old.vpt) && mine().vpt >> 61 == 6 && mine().vpt << 3 == old.vpt << 3 &&
	      its.nr_vpe_unmaps == before.nr_vpe_unmaps + 1 &&
	      its.vpe_unmaps[before.nr_vpe_unmaps] == vpe_id, "VMAPP V=0: the vPE is being unmapped");
	prove(ghost_is_unchanged() && !nr_donated && !vconf[1].refs && same_counts(),
	      "VMAPP V=0: no page changes hands yet");
	if (v41)
		prove((c[0] >> 8 & 1) == !old_theirs.vpt, "VMAPP V=0: Alloc is true");
#else
	if (c[2] & V) {
		check_mapd(c, old_dev);
		return;
	}
	prove(old_dev >> 62 == 2 && dev == (old_dev | 1ULL << 62) &&
	      its.nr_unmaps == before.nr_unmaps + 1 && its.unmaps[before.nr_unmaps] == dev_id,
	      "MAPD V=0: the device is being unmapped");
	prove(ghost_is_unchanged() && !nr_donated && same_counts(),
	      "MAPD V=0: no page changes hands yet");
#endif
}
