// SPDX-License-Identifier: GPL-2.0-only
/*
 * hyp_its_send(): a command in registers, and the SYNC or VSYNC behind it, for every
 * queue, wherever the ITS is.
 */
#define OWN_MMIO
#include "proof.h"
#include "its_cmd.c"
#include "queue.h"
#include "stubs.h"
#include "spec.h"

static u32 nr_checks, nr_writes, at_once;
static bool accepted, sync_accepted, is_sync, completed;
static u64 opcode;

/* complete.c */
void stub_complete_until(struct hyp_its *i, u32 creadr) { completed = true; }

/* cmd.c: of the SYNC it comes first, or it comes once. */
unsigned int stub_check_cmd(struct hyp_its *i, struct its_cmd_block *cmd)
{
	unsigned int why = nondet_u32();

	if (opcode == VSYNC && !nr_checks++) {
		prove((cmd->raw_cmd[0] == VSYNC && !cmd->raw_cmd[2] && !cmd->raw_cmd[3]),
		      "what is behind a command is looked at before it");
		sync_accepted = !why;
		return why;
	}
	prove(sync_accepted || !opcode, "a command is looked at when what is behind it was accepted");
	accepted = !why;
	return why;
}

unsigned int stub_check_sync(struct hyp_its *i, struct its_cmd_block *cmd)
{
	unsigned int why = nondet_u32();

	prove(cmd->raw_cmd[0] == SYNC && !cmd->raw_cmd[1] && !cmd->raw_cmd[3] &&
	      !(cmd->raw_cmd[2] & ~RD), "a SYNC has an RDbase and nothing else");
	sync_accepted = !why;
	return why;
}

void stub_write_queue(struct hyp_its *i, u32 offset, const struct its_cmd_block *cmd)
{
	prove(offset == wrap(first + out) * 32 && offset < its.queue_size,
	      "the next slots are written, inside of the queue");
	prove(out + 1 < slots, "one slot stays free");
	prove(accepted && (sync_accepted || !opcode), "what is posted was accepted");
	nr_writes++;
	out++;
}

/* What is in a slot that was executed is harmless: a SYNC, or scrubbed. */
bool stub_slot_is_sync(struct hyp_its *i, u32 offset) { return is_sync; }

void stub_scrub_slot(struct hyp_its *i, u32 offset)
{
	prove((lost || done == out) && ahead(offset) < 2, "a slot is scrubbed that was executed");
	at_once |= 1 << ahead(offset);
}

void harness(void)
{
	struct its_cmd_block cmd;
	struct hyp_its before;
	u64 sync = nondet_u64();
	bool sent, waiting;

	legal_queue();
	is_sync = nondet_bool();
	opcode = sync & 0xff;
	waiting = its.stalled || its.cwriter != its.posted;
	before = its;

	sent = hyp_its_send(&its, &cmd, sync);

	if (!sent) {
		prove(!nr_writes && its.posted == before.posted && its.cwriter == before.cwriter &&
		      its.consumed == before.consumed && its.stalled == before.stalled,
		      "refused: nothing has changed");
		return;
	}
	prove(!waiting, "no command in registers overtakes those in the queue");
	prove(!sync || opcode == SYNC || opcode == VSYNC, "behind a command is a SYNC, a VSYNC or nothing");
	prove(nr_writes == (sync ? 2 : 1), "both are posted");
	prove(its.posted == its.cwriter, "nothing is left in the queue");
	prove(lost || told == out, "the ITS sees as many commands as were posted");
	if (completed)
		return;
	prove(its.consumed == its.posted && at_once & 1 && (!sync || is_sync || at_once & 2),
	      "what is complete at once is overwritten");
	prove(lost || done == out, "what is complete at once was executed");
	prove(!hyp_its_has_unmaps(&its), "nothing follows from what is complete at once");
}
