// SPDX-License-Identifier: GPL-2.0-only
/*
 * its_complete_consumed(): for every queue, wherever the ITS is, what follows from a
 * command is done after the ITS has consumed it, in order, and within the budget.
 */
#define OWN_MMIO
#include "proof.h"
#include "its_cmd.c"
#include "queue.h"
#include "stubs.h"

static bool had_unmaps;

/*
 * An ITS that has lost its registers may say that it has consumed what it has not. Without
 * unmaps nothing follows from that: the commands are lost.
 */
static bool may_be_done(void) { return done || (lost && !had_unmaps && out); }

/* The effects of one command: consumed.c. */
bool stub_complete_cmd(struct hyp_its *i, u32 offset)
{
	s64 bytes = nondet_u64();

	prove(done && offset == first * 32, "a command is completed after the ITS has consumed it, in order");
	assume(bytes >= 0 && bytes < 1LL << 50);
	its.bytes_left -= bytes;
	return nondet_bool();
}

bool stub_slot_is_sync(struct hyp_its *i, u32 offset)
{
	bool is_sync = nondet_bool();

	prove(may_be_done() && offset == first * 32, "a slot is looked at after the ITS has consumed it");
	/* That is where a command is done with. */
	if (is_sync)
		consumed_one();
	return is_sync;
}

void stub_scrub_slot(struct hyp_its *i, u32 offset)
{
	prove(may_be_done() && offset == first * 32, "a slot is overwritten after the ITS has consumed it");
	consumed_one();
}

void harness(void)
{
	u32 was;
	s64 budget;

	legal_queue();
	assume(its.bytes_left <= BUDGET * ITS_BYTES_PER_CMD && its.bytes_left > -(1LL << 50));
	had_unmaps = hyp_its_has_unmaps(&its);
	was = out;
	budget = its.bytes_left;

	its_complete_consumed(&its);

	prove(queue_is_legal(), "the queue is as legal as before");
	prove(its.bytes_left <= budget - (s64)(was - out) * ITS_BYTES_PER_CMD, "each command costs some of the budget");
}
