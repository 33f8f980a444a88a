// SPDX-License-Identifier: GPL-2.0-only
/*
 * hyp_its_process_queue(): the loop ends, and stays within the budget of an entry. It
 * never waits for the ITS.
 */
#define OWN_MMIO
#include "proof.h"
#include "its_cmd.c"
#include "stubs.h"

static struct hyp_its its;

static u32 nr_posted, nr_submits;
static bool enabled;

u32 readl_relaxed(const void *reg) { return enabled; }
u64 readq_relaxed(const void *reg) { return nondet_u64(); }
void writel_relaxed(u32 val, void *reg) { never("no other register is written"); }
void writeq_relaxed(u64 val, void *reg) { never("no other register is written"); }

void stub_complete_consumed(struct hyp_its *i)
{
	u32 bytes = nondet_u32();

	its.bytes_left -= bytes;
}

bool stub_post_next(struct hyp_its *i)
{
	u32 bytes = nondet_u32();

	prove(enabled && its.bytes_left > 0 && its.posted != its.cwriter && !its.stalled && !nr_submits,
	      "a command is posted if there is one, budget, and no stall");
	if (nondet_bool()) {
		its.stalled = nondet_bool();
		return false;
	}
	assume(bytes >= ITS_BYTES_PER_CMD);
	its.bytes_left -= bytes;
	/* Never all the way round: post.c. */
	its.posted += 32;
	nr_posted++;
	return true;
}

void stub_submit(struct hyp_its *i) { nr_submits++; }

void harness(void)
{
	struct hyp_its any;
	u32 posted;

	its = any;
	enabled = nondet_bool();
	posted = its.posted;
	hyp_its_process_queue(&its);
	prove(nr_posted <= ITS_BUDGET_CMDS, "an entry posts no more than its budget has");
	prove(nr_submits == !!nr_posted, "what is posted the ITS is told of, once");
}
