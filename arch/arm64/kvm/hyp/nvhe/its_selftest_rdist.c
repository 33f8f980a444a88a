// SPDX-License-Identifier: GPL-2.0-only
/*
 * The redistributors in the self test at EL2: their tables for LPIs and registers.
 */

#include <linux/bitfield.h>

#include <nvhe/its_selftest.h>
#include <nvhe/mem_protect.h>
#include <nvhe/memory.h>

#define PROP_BITS	14
#define PROP_SIZE	BIT(PROP_BITS)
#define FIRST_LPI	8192

struct its_fake_rdist its_fake_rdists[ITS_FAKE_RDISTS];
struct hyp_rdist its_rdists[ITS_FAKE_RDISTS];

static u64 prop;

static u64 *rd_reg(int nr, u32 offset)
{
	return &its_fake_rdists[nr].rd[offset / 8];
}

static u64 *vlpi_reg(int nr, u32 offset)
{
	return &its_fake_rdists[nr].vlpi[offset / 8];
}

static u64 pend_of(int nr)
{
	return GICR_PENDBASER_ADDRESS(*rd_reg(nr, GICR_PENDBASER));
}

/**
 * its_fake_rdist_prop() - Allocate the configuration table of fake redistributors.
 */
void its_fake_rdist_prop(void)
{
	prop = its_arena_alloc(PROP_SIZE, SZ_64K);
}

/**
 * its_fake_rdist_init() - Lay out a fake redistributor with LPIs.
 * @nr:		Its number.
 * @typer:	What GICR_TYPER has beside PLPIS.
 */
void its_fake_rdist_init(int nr, u64 typer)
{
	memset(&its_fake_rdists[nr], 0, sizeof(its_fake_rdists[nr]));
	*rd_reg(nr, GICR_CTLR) = GICR_CTLR_ENABLE_LPIS;
	*rd_reg(nr, GICR_TYPER) = GICR_TYPER_PLPIS | typer;
	*rd_reg(nr, GICR_PROPBASER) = prop | GICR_PROPBASER_InnerShareable | (PROP_BITS - 1);
	*rd_reg(nr, GICR_PENDBASER) = its_arena_alloc(SZ_64K, SZ_64K) |
				      GICR_PENDBASER_InnerShareable | GICR_PENDBASER_PTZ;
}

/**
 * its_fake_rdist_setup() - Set up a fake redistributor.
 * @nr:		Its number.
 *
 * Return: what hyp_rdist_setup() does where there are frames.
 */
int its_fake_rdist_setup(int nr)
{
	struct hyp_rdist *rdist = &its_rdists[nr];
	enum pkvm_rdist_step step;

	memset(rdist, 0, sizeof(*rdist));
	hyp_spin_lock_init(&rdist->lock);
	rdist->rd.base = (void __force __iomem *)its_fake_rdists[nr].rd;
	rdist->rd.handler = hyp_rdist_handle_access;
	rdist->vlpi.base = (void __force __iomem *)its_fake_rdists[nr].vlpi;
	rdist->vlpi.handler = hyp_rdist_handle_vlpi_access;
	rdist->vlpi.nr_pages = !!(*rd_reg(nr, GICR_TYPER) & GICR_TYPER_VLPIS);
	rdist->accessible = true;
	rdist->typer = *rd_reg(nr, GICR_TYPER);

	return hyp_rdist_setup_state(rdist, &its_fake_rdists[nr].desc, &step);
}

/**
 * its_fake_rdist_write() - The host writes a register.
 * @region:	The frame.
 * @offset:	The register.
 * @width:	Bytes that it writes.
 * @data:	What it writes.
 */
void its_fake_rdist_write(struct hyp_mmio_region *region, u32 offset, u8 width, u64 data)
{
	struct hyp_mmio_access access = {
		.offset = offset, .width = width, .write = true, .data = data,
	};

	region->handler(region, &access);
}

static u64 regs_sum(void)
{
	u64 *end = (u64 *)&its_fake_rdists[ITS_FAKE_RDISTS];
	u64 *word = (u64 *)its_fake_rdists, sum = 0;

	for (; word < end; word++)
		sum = ror64(sum, 1) + *word;

	return sum;
}

/**
 * its_fake_rdist_ignores() - The host writes a register, which has no effect.
 * @region:	As for its_fake_rdist_write().
 * @offset:	Likewise.
 * @width:	Likewise.
 * @data:	Likewise.
 */
void its_fake_rdist_ignores(struct hyp_mmio_region *region, u32 offset, u8 width, u64 data)
{
	u64 sum = regs_sum();

	its_fake_rdist_write(region, offset, width, data);
	check(regs_sum() == sum);
}

/* As if this was in the register. */
static void expect_error(int nr, u64 *reg, u64 val, int err)
{
	swap(*reg, val);
	its_arena_save();
	check(its_fake_rdist_setup(nr) == err);
	its_arena_check();
	swap(*reg, val);
}

/* Each page of a range is one that the host can neither donate nor share. */
static void expect_blocked(int nr, u64 phys, u64 size)
{
	u64 end = phys + size;
	int share;

	for (; phys < end; phys += PAGE_SIZE) {
		for (share = 0; share <= 1; share++) {
			its_block_page(phys, share);
			check(its_fake_rdist_setup(nr) == -EPERM);
			its_unblock_page(phys, share);
		}
	}
}

static void test_lpi_tables(void)
{
	struct hyp_page *page;
	u64 other;

	its_fake_rdist_prop();
	page = hyp_phys_to_page(prop);
	other = its_arena_alloc(PROP_SIZE, SZ_64K);
	its_fake_rdist_init(0, 0);
	its_fake_rdist_init(1, GICR_TYPER_VLPIS);
	*its_arena_word(pend_of(0)) = 0xdeadbeef;
	its_arena_return();

	expect_blocked(0, prop, PROP_SIZE);
	expect_blocked(0, pend_of(0), SZ_64K);
	expect_error(0, rd_reg(0, GICR_PROPBASER), prop | 12, -EINVAL);
	expect_error(1, vlpi_reg(1, GICR_VPENDBASER), GICR_VPENDBASER_Valid, -EBUSY);
	expect_error(1, vlpi_reg(1, GICR_VPENDBASER), GICR_VPENDBASER_Dirty, -EBUSY);
	expect_error(0, rd_reg(0, GICR_CTLR), 0, 0);
	check(!its_rdists[0].lpis);

	check(!its_fake_rdist_setup(0));
	check(pkvm_hyp_owns(pend_of(0), SZ_64K));
	check(get_host_state(page) == PKVM_PAGE_SHARED_OWNED && page->refcount == 1);
	expect_error(1, rd_reg(1, GICR_PROPBASER), other | (PROP_BITS - 1), -EINVAL);
	expect_error(1, rd_reg(1, GICR_PROPBASER), prop | PROP_BITS, -EINVAL);
	expect_error(1, rd_reg(1, GICR_PENDBASER), pend_of(0), -EPERM);

	check(!its_fake_rdist_setup(1));
	hyp_rdist_teardown_state(&its_rdists[0]);
	check(page->refcount == 1);
	hyp_rdist_teardown_state(&its_rdists[1]);
	its_arena_donate();
	check(*its_arena_word(pend_of(0)) == 0xdeadbeef);
}

/* But for three registers, whatever the host writes has no effect. */
static void test_ignored_registers(void)
{
	u32 offset;
	u8 width;

	for (offset = 0; offset < sizeof(its_fake_rdists[0].rd); offset += 4) {
		for (width = 1; width <= 8; width *= 2) {
			if (width != 4 || (offset != GICR_CTLR && offset != GICR_STATUSR &&
					   offset != GICR_WAKER))
				its_fake_rdist_ignores(&its_rdists[0].rd, offset, width, ~0ULL);
			its_fake_rdist_ignores(&its_rdists[0].vlpi, offset, width, ~0ULL);
		}
	}
}

static void test_power_loss(void)
{
	u64 propbaser = *rd_reg(0, GICR_PROPBASER), pendbaser = *rd_reg(0, GICR_PENDBASER);

	*rd_reg(0, GICR_PROPBASER) = 0;
	*rd_reg(0, GICR_PENDBASER) = 0;
	*rd_reg(0, GICR_CTLR) = GICR_CTLR_RWP;
	its_fake_rdist_ignores(&its_rdists[0].rd, GICR_CTLR, 4, GICR_CTLR_ENABLE_LPIS);

	*rd_reg(0, GICR_CTLR) = 0;
	its_fake_rdist_write(&its_rdists[0].rd, GICR_CTLR, 4, GICR_CTLR_ENABLE_LPIS);
	check(*rd_reg(0, GICR_CTLR) == GICR_CTLR_ENABLE_LPIS);
	check(*rd_reg(0, GICR_PROPBASER) == propbaser);
	check(*rd_reg(0, GICR_PENDBASER) == (pendbaser & ~GICR_PENDBASER_PTZ));
	check(*vlpi_reg(0, GICR_VPROPBASER) == PROP_BITS - 1);
}

static void test_registers(void)
{
	struct hyp_mmio_region *rd = &its_rdists[0].rd;

	its_fake_rdist_prop();
	its_fake_rdist_init(0, GICR_TYPER_VLPIS);
	its_fake_rdist_init(1, 0);
	*rd_reg(1, GICR_CTLR) = 0;
	its_arena_return();
	check(!its_fake_rdist_setup(0));
	check(!its_fake_rdist_setup(1));

	test_ignored_registers();
	its_fake_rdist_write(rd, GICR_CTLR, 4, GICR_CTLR_DPG | GICR_CTLR_CES);
	check(*rd_reg(0, GICR_CTLR) == (GICR_CTLR_DPG | GICR_CTLR_ENABLE_LPIS));
	its_fake_rdist_write(rd, GICR_WAKER, 4, ~0U);
	check(*rd_reg(0, GICR_WAKER) >> 32 == GICR_WAKER_ProcessorSleep);
	its_fake_rdist_ignores(&its_rdists[1].rd, GICR_CTLR, 4, GICR_CTLR_ENABLE_LPIS);

	its_rdists[0].typer |= GICR_TYPER_DirectLPIS;
	its_fake_rdist_ignores(rd, GICR_SETLPIR, 8, FIRST_LPI - 1);
	its_fake_rdist_ignores(rd, GICR_SETLPIR, 8, BIT(PROP_BITS));
	its_fake_rdist_ignores(rd, GICR_INVLPIR, 8, BIT(PROP_BITS));
	its_fake_rdist_ignores(rd, GICR_INVLPIR, 8, GICR_INVLPIR_V | FIRST_LPI);
	its_fake_rdist_ignores(rd, GICR_INVALLR, 8, GICR_INVALLR_V);
	its_fake_rdist_write(rd, GICR_SETLPIR, 8, BIT_ULL(32) | (BIT(PROP_BITS) - 1));
	check(*rd_reg(0, GICR_SETLPIR) == BIT(PROP_BITS) - 1);
	its_fake_rdist_write(rd, GICR_INVLPIR, 8, BIT_ULL(32) | FIRST_LPI);
	check(*rd_reg(0, GICR_INVLPIR) == FIRST_LPI);
	test_power_loss();

	hyp_rdist_teardown_state(&its_rdists[0]);
	hyp_rdist_teardown_state(&its_rdists[1]);
	its_arena_donate();
}

/**
 * its_selftest_rdists() - Test what redistributors have, and let the host do.
 */
void its_selftest_rdists(void)
{
	test_lpi_tables();
	test_registers();
	its_selftest_rdist_vpes();
}
