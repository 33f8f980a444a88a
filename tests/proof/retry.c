// SPDX-License-Identifier: GPL-2.0-only
/*
 * hyp_its_retry(): for every queue, wherever the ITS has stalled or not. What is
 * replaced is a command that the ITS has not consumed, by a SYNC that was checked.
 */
#define OWN_MMIO
#include "proof.h"
#include "its_cmd.c"
#include "queue.h"
#include "stubs.h"

static u32 nr_drops;
static bool accepted, is_sync;

unsigned int stub_check_cmd(struct hyp_its *i, struct its_cmd_block *cmd)
{
	unsigned int why = nondet_u32();

	accepted = !why;
	is_sync = (cmd->raw_cmd[0] & 0xff) == 0x05;
	return why;
}

void stub_read_shadow(struct hyp_its *i, u32 offset, struct its_cmd_block *cmd)
{
	struct its_cmd_block any;

	prove(offset < its.queue_size, "what is read is inside of the queue");
	*cmd = any;
}

void stub_drop_cmd(struct hyp_its *i, u32 offset)
{
	prove(accepted && is_sync && offset < its.queue_size && ahead(offset) < out,
	      "what is dropped was posted, and a SYNC comes in its place");
	nr_drops++;
}

void stub_write_queue(struct hyp_its *i, u32 offset, const struct its_cmd_block *cmd)
{
	prove(accepted && is_sync && offset < its.queue_size && ahead(offset) < out,
	      "what is replaced was posted, and a SYNC comes in its place");
	if (!lost)
		prove(ahead(offset) >= done, "what is replaced the ITS has not consumed");
	prove(nr_drops == 1, "what is replaced was dropped before");
	prove(its.retried != offset, "after a Retry nothing is replaced");
}

void harness(void)
{
	struct hyp_its before;

	legal_queue();
	told = out;		/* its_submit() is called before the lock is released */
	before = its;

	hyp_its_retry(&its);

	prove(!its.stalled, "the command that EL2 refused is looked at again");
	prove(its.posted == before.posted && its.consumed == before.consumed && queue_is_legal(),
	      "the queue is as legal as before");
}
