// SPDX-License-Identifier: GPL-2.0-only
/*
 * its_post_next(), and GITS_CWRITER after it: one step, for every queue, wherever the ITS is.
 */
#define OWN_MMIO
#include "proof.h"
#include "its_cmd.c"
#include "queue.h"
#include "stubs.h"

static u32 nr_reads, nr_writes;
static bool accepted;

/* complete.c */
void stub_complete_consumed(struct hyp_its *i)
{
	u32 nr = nondet_u32();
	s64 bytes = nondet_u64();

	its_goes_on();
	assume(nr <= done && bytes >= 0 && bytes < 1LL << 50);
	first = wrap(first + nr);
	out -= nr;
	told -= nr;
	done -= nr;
	its.consumed = first * 32;
	its.bytes_left -= bytes;
}

/* cmd.c */
unsigned int stub_check_cmd(struct hyp_its *i, struct its_cmd_block *cmd)
{
	unsigned int why = nondet_u32();

	accepted = !why;
	return why;
}

void stub_read_shadow(struct hyp_its *i, u32 offset, struct its_cmd_block *cmd)
{
	prove(offset == its.posted && offset < its.queue_size, "the next command is read, inside of the queue");
	prove(!nr_reads, "a command is read once");
	nr_reads++;
}

void stub_write_queue(struct hyp_its *i, u32 offset, const struct its_cmd_block *cmd)
{
	prove(offset == its.posted && offset < its.queue_size, "the next slot is written, inside of the queue");
	prove(out + 1 < slots, "one slot stays free");
	prove(accepted, "what is posted was accepted");
	nr_writes++;
}

void harness(void)
{
	u32 posted, cwriter;
	s64 budget;
	bool more;

	legal_queue();
	assume(its.posted != its.cwriter && !its.stalled);
	assume(its.bytes_left > -(1LL << 50) && its.bytes_left <= ITS_BUDGET_BYTES);
	posted = its.posted;
	cwriter = its.cwriter;
	budget = its.bytes_left;

	more = its_post_next(&its);

	if (its.posted != posted) {
		prove(its.posted == wrap(posted / 32 + 1) * 32 && nr_writes == 1, "one command is posted, in order");
		prove(more && its.bytes_left <= budget - ITS_BYTES_PER_CMD, "a command costs some of the budget");
		out++;
	} else {
		prove(!more && !nr_writes, "without progress the loop ends");
		if (nr_reads)
			prove(its.stalled || (hyp_its_has_unmaps(&its) && out),
			      "a command that is refused stays until the host says so, or an unmap is complete");
	}
	prove(its.cwriter == cwriter && queue_is_legal(), "the queue is as legal as before");

	its_submit(&its);
	prove(lost || wrap(first + told) * 32 == its.posted, "the ITS sees as many commands as were posted");
}
