// SPDX-License-Identifier: GPL-2.0-only
/* its_remove_unmap(): the unmaps that wait, any number of them, but for one. */
#include "proof.h"

/* To lower addresses, in words. */
static void *words_move(u32 *to, const u32 *from, u64 size)
{
	for (u64 i = 0; i < size / 4; i++)
		to[i] = from[i];
	return to;
}

#define memmove(to, from, size)	words_move(to, from, size)
#include "its_table.c"
#include "stubs.h"

void harness(void)
{
	struct hyp_its its, before;
	u32 idx = nondet_u32(), i = nondet_u32();

	assume(its.nr_unmaps <= ITS_MAX_UNMAPS && idx < its.nr_unmaps);
	before = its;
	/* Each place by itself, or the solver has no answer. */
	for (u32 nr = 1; nr <= ITS_MAX_UNMAPS; nr++) {
		for (u32 k = 0; k < nr; k++) {
			if (before.nr_unmaps == nr && idx == k) {
				its.nr_unmaps = nr;
				its_remove_unmap(&its, k);
			}
		}
	}
	prove(its.nr_unmaps == before.nr_unmaps - 1, "there is one unmap less");
	if (i < its.nr_unmaps)
		prove(its.unmaps[i] == before.unmaps[i + (i >= idx)], "the others stay, in order");
}
