// SPDX-License-Identifier: GPL-2.0-only
/*
 * its_check_registers(): whatever the registers and the description say, what is taken
 * is a queue as queue.h begins with, and registers as regs.c does.
 */
#define OWN_MMIO
#include "proof.h"
#include "its_emulate.c"
#include "stubs.h"

static struct hyp_its its;
static struct its_handover desc;
static char frame[65536];
static u64 cbaser, basers[8];
static bool enabled;

u32 readl_relaxed(const void *reg)
{
	if (__CPROVER_POINTER_OFFSET(reg))
		never("the only 32-bit register that is read is GITS_CTLR");
	return (nondet_u32() & ~1U) | enabled;
}

u64 readq_relaxed(const void *reg)
{
	u64 offset = __CPROVER_POINTER_OFFSET(reg);

	if (offset >= 0x100 && offset < 0x140)
		return basers[(offset - 0x100) / 8];
	return offset == 0x80 ? cbaser : nondet_u64();
}

void writel_relaxed(u32 val, void *reg) { never("no register is written"); }
void writeq_relaxed(u64 val, void *reg) { never("no register is written"); }

/* Referred to by its_emulate.c, and not called here. */
u32 hyp_rdists_lpi_bits(void) { return nondet_u32(); }
bool hyp_rdists_allow_vlpis(void) { return nondet_bool(); }
u32 hyp_rdists_targets(u64 *targets, u32 max, bool pta, u64 offset) { return nondet_u32(); }
bool pkvm_owns_rdists(unsigned int nr) { return nondet_bool(); }
u64 hyp_rdist_query(u32 nr, enum pkvm_its_query what) { return nondet_u64(); }

void harness(void)
{
	u32 size, nr = nondet_u32();
	struct hyp_its any;

	its = any;
	its.region.base = frame;
	cbaser = nondet_u64();
	enabled = nondet_bool();
	for (int i = 0; i < 8; i++) {
		basers[i] = nondet_u64();
		desc.tables[i].baser = nondet_u64();
	}
	desc.cbaser = nondet_u64();
	desc.typer = nondet_u64();
	desc.vlpis = nondet_u32();

	if (its_check_registers(&its, &desc))
		return;

	size = ((desc.cbaser & 255) + 1) * 4096;
	prove(its.posted == its.consumed && its.cwriter == its.posted && its.creadr == its.posted &&
	      its.posted < size && !(its.posted & 31) && its.retried == ITS_NO_OFFSET,
	      "the queue is empty, its offsets those of a command inside of it");
	prove(desc.cbaser == cbaser && cbaser >> 63 && enabled, "the ITS is on, with the queue of the description");
	assume(nr < 8);
	prove(desc.tables[nr].baser == (basers[nr] >> 63 ? basers[nr] : 0), "each table is that of its GITS_BASERn");
	prove(!(its.ctlr & (1U << 31 | 1)) && !(its.ctlr_rw & ~2U), "GITS_CTLR is recorded without what only the ITS knows");
	prove(!((its.typer ^ desc.typer) & ~(1ULL << 40 | 2)) && (desc.vlpis || !(its.typer & (1ULL << 40 | 2))),
	      "GITS_TYPER is that of the ITS, without vLPIs unless KVM uses them");
}
