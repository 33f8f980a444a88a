/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A command queue of any size, and the ITS that reads it. From its->consumed on there
 * are @out commands that were posted, of which the ITS was told of @told and has
 * consumed @done, though EL2 may not have looked. The ITS goes on whenever EL2 looks,
 * and it may lose its registers. Then it says anything, but not that it is enabled.
 */
#ifndef QUEUE_H
#define QUEUE_H

static struct hyp_its its;
static u32 slots, out, told, done, first;	/* @first is the slot of @consumed */
static bool lost, stuck;	/* without registers; stalled, until it is told to retry */
static char frame[65536];

static u32 wrap(u32 slot) { return slot >= slots ? slot - slots : slot; }

/* How far from its->consumed on, in slots. */
static u32 ahead(u32 offset) { return offset / 32 >= first ? offset / 32 - first : offset / 32 + slots - first; }

static void its_goes_on(void)
{
	u32 more = nondet_u32();

	lost |= nondet_bool();
	assume(more <= told - done);
	if (!lost && !stuck)
		done += more;
}

static bool queue_is_legal(void)
{
	return its.queue_size == slots * 32 && first < slots && out < slots && told <= out &&
	       done <= told && its.consumed == first * 32 && its.posted == wrap(first + out) * 32 &&
	       its.cwriter < its.queue_size && !(its.cwriter & 31) &&
	       (its.retried == ITS_NO_OFFSET || its.retried < its.queue_size);
}

static void legal_queue(void)
{
	struct hyp_its any;

	its = any;
	its.lock.held = true;
	its.region.base = frame;
	slots = nondet_u32();
	assume(slots >= 128 && slots <= 32768 && slots % 128 == 0);
	first = nondet_u32();
	out = nondet_u32();
	told = nondet_u32();
	done = nondet_u32();
	stuck = nondet_bool();
	assume(queue_is_legal());
	assume(its.nr_unmaps <= ITS_MAX_UNMAPS && its.nr_leaving <= its.nr_unmaps);
	assume(its.nr_vpe_unmaps <= ITS_MAX_UNMAPS);
}

/* Registers, by their offset. */
u64 readq_relaxed(const void *reg)
{
	u64 offset = __CPROVER_POINTER_OFFSET(reg);

	its_goes_on();
	if (lost)
		return nondet_u64();
	if (offset == 0x90) {
		stuck |= done < told && nondet_bool();
		return wrap(first + done) * 32 | stuck;
	}
	return offset == 0x80 ? its.cbaser : nondet_u64();
}

u32 readl_relaxed(const void *reg)
{
	its_goes_on();
	return lost ? nondet_u32() & ~1 : nondet_u32();
}

void writel_relaxed(u32 val, void *reg) { never("only GITS_CWRITER is written"); }

void writeq_relaxed(u64 val, void *reg)
{
	if (__CPROVER_POINTER_OFFSET(reg) != 0x88)
		never("only GITS_CWRITER is written");
	prove((val & ~1ULL) < its.queue_size && !(val & 30) && val >> 5 == wrap(first + out),
	      "GITS_CWRITER is what was posted, inside of the queue");
	told = out;
	stuck &= !(val & 1);
}

/* EL2 advances @consumed. */
static void consumed_one(void)
{
	first = wrap(first + 1);
	out--;
	told -= !!told;
	done -= !!done;
}

#endif
