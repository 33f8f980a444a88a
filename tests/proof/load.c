// SPDX-License-Identifier: GPL-2.0-only
/* hyp_rdist_load_vpe(): every vPE, configuration table and flag, GICv4.0. */
#define OWN_MMIO
#include "proof.h"
#include "its_rdist.c"
#include "stubs.h"
#include "rdist.h"

static u64 last_vpend, vpropbaser, vpendbaser, vconfig, flags;
static u32 nr_writes;
static bool was_resident, looked;

u32 readl_relaxed(const void *reg) { return nondet_u32(); }
u64 readq_relaxed(const void *reg)
{
	if (is_vlpi_frame(reg) && __CPROVER_POINTER_OFFSET(reg) == 0x78) {
		looked = true;
		last_vpend = nondet_u64();
		return last_vpend;
	}
	return nondet_u64();
}

void writel_relaxed(u32 val, void *reg) { never("no 32-bit register is written"); }

void writeq_relaxed(u64 val, void *reg)
{
	u64 offset = __CPROVER_POINTER_OFFSET(reg);

	prove(rd.lock.held && is_vlpi_frame(reg) && rd.lpis && rd.vlpi.nr_pages && rd.accessible &&
	      !(rd.typer >> 7 & 1), "a redistributor with LPIs and vPEs, GICv4.0, is written");
	prove(rd.resident == vpe_id + 1 && (!before.resident || (looked && !(last_vpend >> 60 & 9))) && vpe_found,
	      "a vPE is made resident if no other is, and EL2 knows it");
	if (!nr_writes++) {
		vpropbaser = val;
		if (offset != 0x70)
			never("GICR_VPROPBASER comes first");
		return;
	}
	vpendbaser = val;
	if (offset != 0x78)
		never("GICR_VPENDBASER comes second");
}

int hyp_its_pin_vpe_config(u32 id, u64 config) { return nondet_error(); }
void hyp_its_vpe_was_resident(u32 id) { was_resident = true; }

void harness(void)
{
	u64 attributes;
	int ret;

	vpe_id = nondet_u32() & 0xffff;
	vconfig = nondet_u64();
	flags = nondet_u64();
	legal_rdist();

	ret = hyp_rdist_load_vpe(&rd, vpe_id, vconfig, flags);

	prove(!rd.lock.held, "the lock is free again");
	if (ret) {
		prove(!nr_writes && (rd.resident == before.resident || !rd.resident),
		      "refused: no register is written, and nothing is resident");
		return;
	}
	prove(nr_writes == 2 && was_resident, "both registers are written, and EL2 notes it");
	attributes = rd.pendbaser & 0xc00 ? ~0ULL : 0;
	prove((vpropbaser & 0xffffffffff000) == vpe.config && vconfig == vpe.config &&
	      (vpropbaser & 31) == vpe.intid_bits - 1 && !(vpropbaser & ~(0xffffffffff01f | (attributes & 0xf80))),
	      "GICR_VPROPBASER is the configuration table that is pinned, of its size");
	prove((vpendbaser & 0xfffffffff0000) == vpe.vpt && vpendbaser >> 63 &&
	      !(vpendbaser & ~(1ULL << 63 | 3ULL << 61 | 0xfffffffff0000 | (attributes & 0xf80))),
	      "GICR_VPENDBASER is the VPT of the vPE, and GICR_VPROPBASER comes first");
	if (vpe.is_new)
		prove(vpendbaser >> 62 & 1, "the first time the GIC is told not to rely on the first KiB");
}
