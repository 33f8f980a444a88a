// SPDX-License-Identifier: GPL-2.0-only
/*
 * hyp_its_unmap_device() and, V4, hyp_its_complete_vpe_unmap():
 * what is returned to the host when the ITS has done with a device, or a vPE.
 */
#include "proof.h"
#include "its_table.c"
#include "its_vpe.c"
#include "ghost.h"
#include "stubs.h"
#include "spec.h"
#include "state.h"

void harness(void)
{
	dev_id = nondet_u32();
	vpe_id = nondet_u32() & 0xffff;
	legal_its();
#ifdef V4
	struct its_vpe_record old, old_theirs;
	bool v41 = its.typer >> 40 & 1;

	legal_vpes(v41);
	old = mine();
	old_theirs = theirs();
	assume(old.vpt >> 61 == 7);
	before = its;

	hyp_its_complete_vpe_unmap(&its, vpe_id);

	prove(!mine().vpt && !mine().config, "the vPE is not mapped any more");
	prove(theirs().vpt == old_theirs.vpt && theirs().config == old_theirs.config,
	      "the record of another ITS is as before");
	if (old_theirs.vpt)
		prove(!nr_returned && ghost_owns(old.vpt & RD, (1ULL << (old.vpt & 63)) / 8),
		      "a VPT that another ITS may use stays EL2's");
	else
		prove(nr_returned == 1 && !ranges[1].used, "the VPT goes back with the last ITS");
	prove(vconf[0].refs == (old.config | old_theirs.config && old_theirs.vpt),
	      "the configuration table goes with the VPT");
	prove(its.stats.vpes == before.stats.vpes - 1 && !its_vpe_lock.held, "the vPE is counted once");
#else
	legal_device();
	assume(dev);
	before = its;

	hyp_its_unmap_device(&its, dev_id);
	prove(!dev && nr_returned == 1 && !ranges[0].used && !nr_donated, "the ITT goes back, whole");
	prove(its.stats.devices == before.stats.devices - 1 &&
	      its.stats.returned == before.stats.returned + ranges[0].nr, "the device is counted once");
#endif
}
