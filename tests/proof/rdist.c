// SPDX-License-Identifier: GPL-2.0-only
/*
 * hyp_rdist_handle_access(), hyp_rdist_handle_vlpi_access(): every offset, width and
 * value, whatever the registers of the redistributor say meanwhile.
 */
#define OWN_MMIO
#include "proof.h"
#include "its_rdist.c"
#include "stubs.h"
#include "rdist.h"

static struct hyp_mmio_access access;
static bool looked, vlpi_access, enabled, rwp, named_prop, named_pend;
static u32 last_ctlr, last_waker;
static u64 last_vpend;

u32 readl_relaxed(const void *reg)
{
	u32 val = nondet_u32();

	if (is_vlpi_frame(reg))
		return val;
	if (__CPROVER_POINTER_OFFSET(reg) == 0) {
		rwp = rwp && nondet_bool();
		val = last_ctlr = (val & ~9) | enabled | rwp << 3;
	} else {
		last_waker = val;
	}
	return val;
}

u64 readq_relaxed(const void *reg)
{
	u64 val = nondet_u64();

	if (is_vlpi_frame(reg) && __CPROVER_POINTER_OFFSET(reg) == 0x78) {
		looked = true;
		last_vpend = val;
	}
	return val;
}

static void check_write(const void *reg, u32 width)
{
	u64 offset = __CPROVER_POINTER_OFFSET(reg);
	bool vlpi = is_vlpi_frame(reg);

	prove(access.write && rd.accessible && rd.lock.held && (!vlpi || rd.vlpi.nr_pages),
	      "nothing is written without a store, or without the lock");
	if (vlpi_access == vlpi && offset == access.offset)
		prove(access.width == width && (vlpi ? offset == 0x78 || offset == 0x80 :
		      offset == 0 || offset == 0x10 || offset == 0x14 || offset == 0x40 ||
		      offset == 0x48 || offset == 0xa0 || offset == 0xb0),
		      "only registers of the list are written, whole");
	else
		prove((!vlpi_access && access.offset == 0 && (offset == 0x70 || offset == 0x78)) ||
		      (vlpi_access && access.offset == 0x78 && vlpi && offset == 0x70),
		      "with GICR_CTLR and GICR_VPENDBASER addresses are written, and nothing else");
}

void writel_relaxed(u32 val, void *reg)
{
	u64 offset = __CPROVER_POINTER_OFFSET(reg);

	check_write(reg, 4);
	if (is_vlpi_frame(reg)) {
		prove(!(val & ~0xffff) && val == vpe_id && vpe_known && rd.typer >> 7 & 1,
		      "GICR_VSGIR: the vPE is mapped");
		return;
	}
	if (offset == 0) {
		prove(!((val ^ last_ctlr) & ~0x7000001) && (val & 1 || !enabled),
		      "GICR_CTLR: only DPG bits change, and LPIs are only ever enabled");
		if (val & 1 && !enabled)
			prove(rd.lpis && named_prop && named_pend,
			      "LPIs are enabled with the tables that EL2 recorded");
		enabled = val & 1;
	} else if (offset == 0x14) {
		prove(!((val ^ last_waker) & ~2U), "GICR_WAKER: only ProcessorSleep changes");
	}
}

static bool is_lpi(u64 intid) { return rd.lpis && intid >= 8192 && intid >> ((rd.propbaser & 31) + 1) == 0; }

static void check_vpendbaser(u64 val)
{
	u64 flags = rd.typer >> 7 & 1 ? 1ULL << 61 | 1ULL << 62 : 0;

	if (!(val >> 63)) {
		prove(looked && last_vpend >> 63 && !(rd.typer >> 2 & 1 && last_vpend >> 60 & 1) &&
		      !((val ^ last_vpend) & ~(1ULL << 63 | flags)),
		      "a vPE is put if it is resident and the register may be written, where it is");
		return;
	}
	prove(rd.typer >> 7 & 1 && rd.lpis && rd.vpe_table && (val & 0xffff) == vpe_id && vpe_found &&
	      vpe_in_range && rd.resident == vpe_id + 1 && (!before.resident || (looked && !(last_vpend >> 60 & 9))),
	      "GICv4.1: a vPE is made resident if it is mapped, in range, and nothing else is resident");
	prove(!(val & ~(1ULL << 63 | 3ULL << 58 | 0xffff)), "GICv4.1: no bits of GICR_VPENDBASER are set that are RES0");
}

void writeq_relaxed(u64 val, void *reg)
{
	u64 offset = __CPROVER_POINTER_OFFSET(reg);

	check_write(reg, 8);
	if (is_vlpi_frame(reg)) {
		if (offset == 0x78)
			check_vpendbaser(val);
		else
			prove(offset == 0x70 && !rd.resident &&
			      (rd.vpe_table ? val == before.vpropbaser : val == (rd.propbaser & 31)),
			      "GICR_VPROPBASER gets what EL2 recorded, or the number of bits");
		return;
	}
	switch (offset) {
	case 0x70: case 0x78:
		prove(!enabled && !rwp && val == (offset == 0x70 ? before.propbaser : before.pendbaser),
		      "tables of LPIs are named as EL2 recorded them, while LPIs are off");
		named_prop |= offset == 0x70;
		named_pend |= offset == 0x78;
		break;
	case 0x40: case 0x48:
		prove(is_lpi(val), "an INTID is inside of the tables of LPIs");
		break;
	case 0xa0:
		if (val >> 63)
			prove(rd.typer >> 7 & 1 && (val >> 32 & 0xffff) == vpe_id && vpe_found &&
			      (val & 0xffffffff) >= 8192 && (val & 0xffffffff) >> vpe.intid_bits == 0 &&
			      !(val & 0x7fff000000000000),
			      "a virtual INTID is inside of the table of its vPE, which is mapped");
		else
			prove(is_lpi(val), "GICR_INVLPIR: an INTID is inside of the tables of LPIs");
		break;
	case 0xb0:
		prove(rd.lpis && (!val || (val >> 63 && !(val & 0x7fff0000ffffffff) && vpe_known &&
		      (val >> 32 & 0xffff) == vpe_id && rd.typer >> 7 & 1)), "GICR_INVALLR: the vPE is mapped");
		break;
	default:
		never("no other register is written");
	}
}

void harness(void)
{
	struct hyp_mmio_access any;

	access = any;
	vlpi_access = nondet_bool();
	assume(access.offset < (vlpi_access ? 0x20000 : 0x10000));
	assume(access.width == 1 || access.width == 2 || access.width == 4 || access.width == 8);
	/* The only vPE that this store can be about. */
	vpe_id = vlpi_access ? access.data & 0xffff : access.data >> 32 & 0xffff;
	enabled = nondet_bool();
	rwp = nondet_bool();
	legal_rdist();
	assume(!vlpi_access || rd.vlpi.nr_pages);

	if (vlpi_access)
		hyp_rdist_handle_vlpi_access(&rd.vlpi, &access);
	else
		hyp_rdist_handle_access(&rd.rd, &access);

	prove(!rd.lock.held, "the lock is free again");
	prove(rd.propbaser == before.propbaser && rd.pendbaser == before.pendbaser &&
	      rd.vpropbaser == before.vpropbaser && rd.lpis == before.lpis && rd.typer == before.typer &&
	      rd.vpe_table == before.vpe_table, "what EL2 recorded stays as it is");
	if (rd.resident != before.resident)
		prove(!before.resident || (looked && !(last_vpend >> 60 & 9)),
		      "EL2 forgets a vPE when the GIC says that it has done with it");
}
