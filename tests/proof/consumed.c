// SPDX-License-Identifier: GPL-2.0-only
/*
 * its_complete_cmd(): what follows from each command that the ITS has consumed. The
 * ITT of a device goes back after a SYNC that is behind the unmap; the VPT of a
 * vPE after a VSYNC, or GICv4.1 the unmap, if no redistributor holds it.
 */
#include "proof.h"
#include "its_table.c"
#include "its_cmd.c"
#include "stubs.h"
#include "spec.h"

static struct hyp_its its, before;
static struct its_cmd_block cmd;
static u32 opcode, nr_unmapped, leaving;
static bool vpe_leaving, held, completed;

struct its_cmd_block stub_read_queue(struct hyp_its *i, u32 offset) { return cmd; }
const struct its_cmd_type *stub_cmd_type(const struct its_cmd_block *c) { return &its_cmd_types[opcode]; }

void stub_unmap_device(struct hyp_its *i, u32 id)
{
	s64 bytes = nondet_u32();

	prove(opcode == SYNC && nr_unmapped < leaving && id == before.unmaps[nr_unmapped],
	      "an ITT goes back after a SYNC that is behind its unmap");
	its.bytes_left -= bytes;
	nr_unmapped++;
}

void stub_vpe_unmapped(struct hyp_its *i, u32 id)
{
	prove(opcode == VMAPP && !(cmd.raw_cmd[2] & V) && id == (cmd.raw_cmd[1] >> 32 & 0xffff),
	      "a vPE is leaving after the ITS has consumed its unmap");
	vpe_leaving = true;
}

void hyp_its_end_vpe_map(struct hyp_its *i, u32 id, bool mapped)
{
	prove(opcode == VMAPP && cmd.raw_cmd[2] & V && id == (cmd.raw_cmd[1] >> 32 & 0xffff) && mapped,
	      "a vPE counts as mapped after the ITS has consumed that");
}

bool stub_vpe_is_leaving(struct hyp_its *i, u32 id) { return vpe_leaving; }
bool hyp_rdists_hold_vpe(u32 id) { return held; }

void stub_complete_vpe_unmap(struct hyp_its *i, u32 id)
{
	prove(vpe_leaving && id == (cmd.raw_cmd[1] >> 32 & 0xffff) &&
	      (opcode == VSYNC || (opcode == VMAPP && its.typer >> 40 & 1)),
	      "what a vPE used goes back after a VSYNC, or GICv4.1 the unmap");
	prove(!held, "what a vPE used goes back if no redistributor holds it");
	completed = true;
}

/* remove.c */
void stub_remove_unmap(struct hyp_its *i, u32 idx)
{
	if (idx || !its.nr_unmaps)
		never("the first unmap is removed");
	its.nr_unmaps--;
	for (int j = 0; j < ITS_MAX_UNMAPS - 1; j++)
		its.unmaps[j] = its.unmaps[j + 1];
}

/* Referred to by its_cmd.c, and not called here. */
bool hyp_its_vpe_in_range(struct hyp_its *i, u32 id) { return nondet_bool(); }
bool hyp_its_vpe_is_mapped(struct hyp_its *i, u32 id) { return nondet_bool(); }

void harness(void)
{
	struct its_cmd_block any_cmd;
	struct hyp_its any;
	bool done, unmaps_vpe;

	its = any;
	cmd = any_cmd;
	assume(its.nr_unmaps <= ITS_MAX_UNMAPS && its.nr_leaving <= its.nr_unmaps);
	assume(its.bytes_left > -(1LL << 50) && its.bytes_left <= ITS_BUDGET_BYTES);
	vpe_leaving = nondet_bool();
	held = nondet_bool();
	leaving = its.nr_leaving;
	before = its;
	/* One unmap of each device that is in @unmaps is posted: each adds one. */
	if ((cmd.raw_cmd[0] & 0xff) == MAPD && !(cmd.raw_cmd[2] & V))
		assume(its.nr_leaving < its.nr_unmaps);

#define CASE(x)	case x: opcode = x; done = its_complete_cmd(&its, 0); break
	switch (cmd.raw_cmd[0] & 0xff) {
	CASE(MOVI); CASE(INT); CASE(CLEAR); CASE(SYNC); CASE(MAPD); CASE(MAPC); CASE(MAPTI);
	CASE(MAPI); CASE(INV); CASE(INVALL); CASE(MOVALL); CASE(DISCARD); CASE(VMOVI);
	CASE(VMOVP); CASE(VSGI); CASE(VSYNC); CASE(VMAPP); CASE(VMAPTI); CASE(VMAPI);
	CASE(VINVALL); CASE(INVDB);
	default: return;
	}

	if (opcode == MAPD && !(cmd.raw_cmd[2] & V))
		prove(done && its.nr_leaving == leaving + 1 && its.nr_unmaps == before.nr_unmaps && !nr_unmapped,
		      "an unmap that was consumed waits for a SYNC");
	else if (opcode == SYNC)
		prove(its.nr_leaving == leaving - nr_unmapped &&
		      its.nr_unmaps == before.nr_unmaps - nr_unmapped &&
		      done == !its.nr_leaving, "a SYNC is done when all those ITTs are back");
	else
		prove(its.nr_leaving == leaving && its.nr_unmaps == before.nr_unmaps && !nr_unmapped,
		      "no other command has to do with ITTs");
	unmaps_vpe = opcode == VSYNC || (opcode == VMAPP && !(cmd.raw_cmd[2] & V) && its.typer >> 40 & 1);
	if (unmaps_vpe)
		prove(done == (completed || !vpe_leaving), "an unmap of a vPE is done when its VPT is back");
}
