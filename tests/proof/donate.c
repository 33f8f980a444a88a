// SPDX-License-Identifier: GPL-2.0-only
/* hyp_its_donate(), hyp_its_return(): the second undoes the first, for every range. */
#include "proof.h"
#include "its_table.c"
#include "ghost.h"
#include "stubs.h"

void harness(void)
{
	u64 phys = nondet_u64(), size = nondet_u64();
	struct hyp_its any, its = any, before;

	/* The driver and the registers name physical addresses, of 52 bits. */
	assume(phys >> 52 == 0 && size >> 52 == 0);
	before = its;
	if (hyp_its_donate(&its, phys, size)) {
		prove(!nr_donated && its.stats.donated == before.stats.donated &&
		      its.bytes_left == before.bytes_left, "refused: nothing has changed");
		return;
	}
	prove(nr_donated == 1 && ghost_owns(phys, size), "all of the range is EL2's");
	prove(its.stats.donated - before.stats.donated == ranges[0].nr, "the pages are counted");

	hyp_its_return(&its, phys, size);
	prove(nr_returned == 1 && ghost_is_unchanged(), "all of it goes back");
	prove(its.stats.donated - its.stats.returned == before.stats.donated - before.stats.returned,
	      "what is donated and not returned is counted");
}
