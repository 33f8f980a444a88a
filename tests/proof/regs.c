// SPDX-License-Identifier: GPL-2.0-only
/*
 * hyp_its_handle_access(): every offset, width and value, load and store, whatever the
 * registers of the ITS say meanwhile. Processing the queue is process.c, and Retry
 * retry.c.
 */
#define OWN_MMIO
#include "proof.h"
#include "its_emulate.c"
#include "stubs.h"

static struct hyp_its its, before;
static struct hyp_mmio_access access;
static char frame[65536];
static bool enabled, quiescent, dropped, was_off;
static u32 nr_ctlr, nr_processed;

static bool is_idreg(u64 offset) { return offset >= 0xffd0 && offset <= 0xfffc; }

u32 readl_relaxed(const void *reg)
{
	u64 offset = __CPROVER_POINTER_OFFSET(reg);

	prove(its.lock.held && (offset == 0x0 || offset == 0x4 || offset == 0x18 ||
	      (is_idreg(offset) && !(offset & 3))), "32-bit registers that are read exist");
	if (offset)
		return nondet_u32();
	/* An ITS that is off may become quiescent, and one that is on may lose its registers. */
	enabled &= nondet_bool();
	quiescent = !enabled && (quiescent || nondet_bool());
	was_off |= !enabled && quiescent;
	return (nondet_u32() & 0x7ffffffe) | enabled | (u32)quiescent << 31;
}

u64 readq_relaxed(const void *reg)
{
	u64 offset = __CPROVER_POINTER_OFFSET(reg);

	prove(its.lock.held && !(offset & 7) && (offset == 0x8 || (offset >= 0x80 && offset <= 0x90) ||
	      (offset >= 0x100 && offset < 0x140)), "64-bit registers that are read exist");
	return nondet_u64();
}

void writel_relaxed(u32 val, void *reg)
{
	u64 offset = __CPROVER_POINTER_OFFSET(reg);

	prove(its.lock.held && offset == 0 && access.write && access.offset == 0,
	      "the only 32-bit register that is written is GITS_CTLR, if the host does");
	prove(!((val ^ before.ctlr) & ~(before.ctlr_rw | 1)), "GITS_CTLR: what the host may not change is as it was");
	if (val & 1 && !enabled)
		prove(was_off, "an ITS is enabled if it was off and quiescent");
	if (val & 1 && !enabled)
		prove(!its_nr_suspending, "no ITS is enabled while the system is suspended");
	nr_ctlr++;
	enabled = val & 1;
}

void writeq_relaxed(u64 val, void *reg)
{
	u64 offset = __CPROVER_POINTER_OFFSET(reg);
	u32 nr = (offset - 0x100) / 8;

	prove(its.lock.held && !enabled && quiescent && !nr_ctlr,
	      "addresses are written while the ITS is off and quiescent");
	if (offset >= 0x100 && offset < 0x140 && !(offset & 7)) {
		prove(val == its.tables[nr].baser && val == before.tables[nr].baser && val,
		      "GITS_BASERn gets what EL2 recorded");
	} else if (offset == 0x80) {
		prove(val == its.cbaser && val == before.cbaser && dropped,
		      "GITS_CBASER gets what EL2 recorded, and the queue is forgotten before");
	} else {
		prove(offset == 0x88 && val == 0, "GITS_CWRITER gets 0, and no other register is written");
	}
}

void stub_process_queue(struct hyp_its *i)
{
	nr_processed++;
	its.posted = nondet_u32() & 0xfffe0;
	its.consumed = nondet_u32() & 0xfffe0;
	its.creadr = nondet_u64();
	its.stalled = nondet_bool();
}

void stub_drop_queue(struct hyp_its *i)
{
	dropped = true;
	its.posted = its.consumed = its.cwriter = its.creadr = 0;
	its.stalled = false;
}

void stub_retry(struct hyp_its *i)
{
	prove(its.lock.held && access.write && (access.offset & ~4ULL) == 0x88, "Retry is for a write of GITS_CWRITER");
	its.stalled = false;
}

/* Referred to by its_emulate.c, and not called here. */
u32 hyp_rdists_lpi_bits(void) { return nondet_u32(); }
bool hyp_rdists_allow_vlpis(void) { return nondet_bool(); }
u32 hyp_rdists_targets(u64 *targets, u32 max, bool pta, u64 offset) { return nondet_u32(); }
bool pkvm_owns_rdists(unsigned int nr) { return nondet_bool(); }
u64 hyp_rdist_query(u32 nr, enum pkvm_its_query what) { return nondet_u64(); }

/* Whether there is a register that an access of this width is meant for. */
static bool is_register(u64 offset, u32 width)
{
	if ((width != 4 && width != 8) || offset & (width - 1))
		return false;
	if (offset == 0 || offset == 4 || offset == 0x18 || is_idreg(offset))
		return width == 4;
	return (offset >= 8 && offset < 0x10) || (offset >= 0x80 && offset < 0x98) ||
	       (offset >= 0x100 && offset < 0x140);
}

void harness(void)
{
	struct hyp_mmio_access any_access;
	struct hyp_its any;
	u64 data;

	its = any;
	its.lock.held = false;
	its.region.base = frame;
	its.queue_size &= 0x1ff000;
	assume(its.queue_size && its.queue_size <= 0x100000);
	assume(its.cwriter < its.queue_size && !(its.cwriter & 31));
	assume(!(its.ctlr & (1U << 31 | 1)) && !(its.ctlr_rw & ~2U));
	access = any_access;
	assume(access.offset < 0x10000);
	assume(access.width == 1 || access.width == 2 || access.width == 4 || access.width == 8);
	its_nr_suspending = nondet_bool();
	enabled = nondet_bool();
	quiescent = !enabled && nondet_bool();
	data = access.data;
	before = its;

	hyp_its_handle_access(&its.region, &access);

	prove(!its.lock.held, "the lock is free again");
	prove(its.cwriter < its.queue_size && !(its.cwriter & 31), "the host's offset stays inside of the queue");
	prove(its.cbaser == before.cbaser && its.queue_size == before.queue_size &&
	      its.typer == before.typer && its.region.base == before.region.base &&
	      !((its.ctlr ^ before.ctlr) & ~its.ctlr_rw) && its.ctlr_rw == before.ctlr_rw,
	      "what EL2 recorded stays as it is");
	if (!is_register(access.offset, access.width)) {
		prove(!nr_processed && !nr_ctlr && access.data == data && its.cwriter == before.cwriter,
		      "where there is no register nothing happens");
		return;
	}
	prove(nr_processed >= 1, "each access looks after the queue");
	if (!access.write) {
		prove(!nr_ctlr && !dropped && its.cwriter == before.cwriter, "a load changes nothing");
		if (access.offset == 0x80 && access.width == 8)
			prove(access.data == its.cbaser, "GITS_CBASER reads as EL2 recorded it");
		if (access.offset == 0x90 && access.width == 8)
			prove((access.data & ~1ULL) == its.consumed, "GITS_CREADR reads as what EL2 has completed");
	}
}
