// SPDX-License-Identifier: GPL-2.0-only
/*
 * The vPEs of redistributors in the self test at EL2: when they are resident, and
 * the vPE tables of GICv4.1, of which an ITS has one as well.
 */

#include <linux/bitfield.h>

#include <nvhe/its_selftest.h>
#include <nvhe/mem_protect.h>
#include <nvhe/memory.h>

#define VPE(id)		((u64)(id) << 32)
#define ALLOC		BIT_ULL(8)
#define CMD_SIZE	((u32)sizeof(struct its_cmd_block))

#define FIRST_LPI	8192
#define VPT_BITS	16
#define VPT_SIZE	(BIT(VPT_BITS) / BITS_PER_BYTE)

/* A vPE in the second L2 page of a vPE table, beyond a flat one. */
#define FAR_IDX		1
#define FAR_VPE		(SZ_4K / 8 + 1)

/* A bit beside those that GICR_VPENDBASER lets through, and those. */
#define BAD_FLAGS	(BIT_ULL(20) | GICR_VPENDBASER_4_1_DB | GICR_VPENDBASER_PendingLast)
#define GOOD_FLAGS	(GICR_VPENDBASER_Valid | GICR_VPENDBASER_4_1_VGRP0EN)

#define SHAREABLE_PROP	(GICR_VPROPBASER_RaWb | GICR_VPROPBASER_InnerShareable)
#define SHAREABLE_PEND	(GICR_VPENDBASER_RaWaWb | GICR_VPENDBASER_InnerShareable)

/* The ITS in the order of those that share its vPE table; before it two redistributors. */
#define THE_ITS		2
/* The redistributor that has a table for itself. */
#define LONER		2

static struct its_fake *const its = &its_fake;

static struct {
	bool	v4_1;
	u64	vpt;
	u64	config;
	u64	l2;
	u64	chunk;
	u64	loner_l2;
	struct its_handover_table *table;
	struct its_handover_table loner;
} t;

static u64 *vlpi_reg(int nr, u32 offset)
{
	return &its_fake_rdists[nr].vlpi[offset / 8];
}

static struct hyp_mmio_region *vlpi_frame(int nr)
{
	return &its_rdists[nr].vlpi;
}

static void put_vpe(int nr, u64 flags)
{
	its_fake_rdist_write(vlpi_frame(nr), GICR_VPENDBASER, 8,
			     (*vlpi_reg(nr, GICR_VPENDBASER) & ~GICR_VPENDBASER_Valid) | flags);
}

static int load_vpe(int nr, u32 vpe_id, u64 config)
{
	return hyp_rdist_load_vpe(&its_rdists[nr], vpe_id, config, 0);
}

static void map_vpe(u32 vpe_id, enum pkvm_its_refusal why)
{
	u64 dw0 = t.v4_1 ? GITS_CMD_VMAPP | ALLOC | t.config : GITS_CMD_VMAPP;

	its_fake_cmd(its, dw0, VPE(vpe_id) | FIRST_LPI, ITS_VALID, t.vpt | (VPT_BITS - 1), why);
}

/* The ITS executes the unmap and what belongs to it: is the VPT back? */
static void unmap_vpe(u32 vpe_id, bool held)
{
	u64 creadr;

	its->slow = true;
	its_fake_cmd(its, GITS_CMD_VMAPP | (t.v4_1 ? ALLOC : 0), VPE(vpe_id), 0, 0, 0);
	if (!t.v4_1)
		its_fake_cmd(its, GITS_CMD_VSYNC, VPE(vpe_id), 0, 0, 0);

	check(pkvm_hyp_owns(t.vpt, VPT_SIZE));
	creadr = its_fake_execute(its, its->its->posted);
	check((creadr == its->its->posted) == !held);
	check(pkvm_hyp_owns(t.vpt, VPT_SIZE) == held);
	its->slow = false;
}

static void expect_returned(bool returned)
{
	u64 creadr = its_fake_access(its, GITS_CREADR, 8, false, 0);

	check((creadr == its->its->posted) == returned);
	check(pkvm_hyp_owns(t.vpt, VPT_SIZE) == !returned);
}

static void test_load(void)
{
	u64 config = t.config | (VPT_BITS - 1) | SHAREABLE_PROP;
	u64 vpt = t.vpt | GICR_VPENDBASER_Valid | SHAREABLE_PEND;

	check(load_vpe(0, 1, t.config) == -ENOENT);
	map_vpe(1, PKVM_ITS_ACCEPTED);
	check(load_vpe(0, 1, t.config + 8) == -EINVAL);
	check(load_vpe(0, 1, t.vpt) == -EPERM);
	check(load_vpe(0, 2, t.config) == -ENOENT);
	check(!load_vpe(0, 1, t.config));
	check(*vlpi_reg(0, GICR_VPROPBASER) == config);
	check(*vlpi_reg(0, GICR_VPENDBASER) == (vpt | GICR_VPENDBASER_IDAI));
	check(load_vpe(0, 1, t.config) == -EBUSY);
	check(load_vpe(1, 1, t.config + SZ_4K) == -EINVAL);

	put_vpe(0, 0);
	check(!(*vlpi_reg(0, GICR_VPENDBASER) & GICR_VPENDBASER_Valid));
	check(!load_vpe(0, 1, t.config));
	check(*vlpi_reg(0, GICR_VPENDBASER) == vpt);
	*vlpi_reg(0, GICR_VPENDBASER) = GICR_VPENDBASER_Dirty;
	check(load_vpe(0, 1, t.config) == -EBUSY);
	*vlpi_reg(0, GICR_VPENDBASER) = vpt;
	its_fake_rdist_ignores(vlpi_frame(1), GICR_VPENDBASER, 8, vpt);
}

/* What the host must do first, and does last. */
static void test_residency(void)
{
	u64 *vpendbaser = vlpi_reg(0, GICR_VPENDBASER);

	/* Resident; then Dirty. */
	unmap_vpe(1, true);
	check(load_vpe(1, 1, t.config) == -ENOENT);
	*vpendbaser |= GICR_VPENDBASER_Dirty;
	its_fake_rdist_ignores(vlpi_frame(0), GICR_VPENDBASER, 8, 0);
	*vpendbaser = GICR_VPENDBASER_Dirty;
	expect_returned(false);
	*vpendbaser = 0;
	expect_returned(true);
	check(load_vpe(0, 1, t.config) == -ENOENT);

	/* The unmap was posted before. */
	map_vpe(1, PKVM_ITS_ACCEPTED);
	its->slow = true;
	its_fake_cmd(its, GITS_CMD_VMAPP, VPE(1), 0, 0, 0);
	check(load_vpe(0, 1, t.config) == -ENOENT);
	its_fake_execute(its, its->its->posted);
	check(load_vpe(0, 1, t.config) == -ENOENT);
	its->slow = false;
	its_fake_cmd(its, GITS_CMD_VSYNC, VPE(1), 0, 0, 0);
	expect_returned(true);

	/* As it should be. */
	map_vpe(1, PKVM_ITS_ACCEPTED);
	check(!load_vpe(0, 1, t.config));
	put_vpe(0, 0);
	unmap_vpe(1, false);
}

static void test_v4_0(void)
{
	t.v4_1 = false;
	its_fake_init(its, SZ_4K, false);
	its_fake_add_typer(its, GITS_TYPER_VLPIS);
	its_fake_add_vpes(its);
	t.vpt = its_arena_alloc(SZ_64K, SZ_64K);
	t.config = its_arena_alloc(SZ_64K, SZ_64K);
	its_fake_rdist_prop();
	its_fake_rdist_init(0, GICR_TYPER_VLPIS | GICR_TYPER_DIRTY);
	its_fake_rdist_init(1, GICR_TYPER_VLPIS);
	its_arena_return();
	check(!its_fake_rdist_setup(0));
	check(!its_fake_rdist_setup(1));
	check(!its_fake_setup(its));
	hyp_rdists_use(its_rdists, 2);
	check(hyp_rdists_allow_vlpis());

	test_load();
	test_residency();

	hyp_rdists_use(NULL, 0);
	hyp_its_teardown(its->its, its->desc);
	hyp_rdist_teardown_state(&its_rdists[1]);
	hyp_rdist_teardown_state(&its_rdists[0]);
	its_arena_donate();
}

static void init_v4_1_rdist(int nr, const struct its_handover_table *table)
{
	its_fake_rdist_init(nr, GICR_TYPER_VLPIS | GICR_TYPER_RVPEID);
	its_fake_rdists[nr].desc.vpe_table = *table;
	*vlpi_reg(nr, GICR_VPROPBASER) = GICR_VPROPBASER_4_1_VALID | table->base |
					 GICR_VPROPBASER_4_1_Z | SHAREABLE_PROP |
					 (table->shadow ? GICR_VPROPBASER_4_1_INDIRECT : 0);
}

static void init_v4_1(void)
{
	t.v4_1 = true;
	its_fake_init(its, SZ_4K, true);
	its_fake_add_typer(its, GITS_TYPER_VLPIS | GITS_TYPER_VMAPP | GITS_TYPER_SVPET);
	its_fake_add_vpes(its);
	t.table = &its->desc->tables[1];
	t.loner = (struct its_handover_table) {
		.base = its_arena_alloc(SZ_4K, PAGE_SIZE),
		.shadow = its_arena_alloc(SZ_4K, PAGE_SIZE),
	};
	*its_arena_word(t.loner.base) = its_arena_alloc(SZ_4K, PAGE_SIZE) | ITS_VALID;
	t.vpt = its_arena_alloc(SZ_64K, SZ_64K);
	t.config = its_arena_alloc(SZ_64K, SZ_64K);
	t.l2 = its_arena_alloc(SZ_4K, PAGE_SIZE);
	t.chunk = its_arena_alloc(SZ_4K / 8 * its_fake_record_size(its, GITS_BASER_TYPE_VCPU),
				  PAGE_SIZE);
	t.loner_l2 = its_arena_alloc(SZ_4K, PAGE_SIZE);
	*its_arena_word(t.l2) = ~0ULL;
	*its_arena_word(t.loner_l2) = ~0ULL;

	its_fake_rdist_prop();
	init_v4_1_rdist(0, t.table);
	init_v4_1_rdist(1, t.table);
	init_v4_1_rdist(LONER, &t.loner);
}

static int join(int who)
{
	return who == THE_ITS ? its_fake_setup(its) : its_fake_rdist_setup(who);
}

static void leave(int who)
{
	if (who == THE_ITS)
		hyp_its_teardown(its->its, its->desc);
	else
		hyp_rdist_teardown_state(&its_rdists[who]);
}

static void expect_blocked(int who, u64 phys)
{
	int share;

	for (share = 0; share <= 1; share++) {
		its_block_page(phys, share);
		check(join(who) == -EPERM);
		its_unblock_page(phys, share);
	}
}

/* The first of them cannot have a page of it. */
static void test_blocked_table(int who)
{
	u64 l2 = *its_arena_word(t.table->base) & ~ITS_VALID;
	u64 chunk = *its_arena_word(t.table->records);

	its_arena_return();
	expect_blocked(who, t.table->base);
	expect_blocked(who, t.table->shadow);
	expect_blocked(who, t.table->records);
	expect_blocked(who, l2);
	expect_blocked(who, chunk);
}

/* As if this was what the host or a register says of it. */
static void expect_mismatch(int who, u64 *word, u64 val, int err)
{
	swap(*word, val);
	its_arena_save();
	check(join(who) == err);
	its_arena_check();
	swap(*word, val);
}

/* What the others have said stands. The table stays with them if it fails later on. */
static void test_mismatches(int who)
{
	struct its_handover_table *table = t.table;
	u64 vpropbaser, *reg;

	if (who != THE_ITS) {
		reg = vlpi_reg(who, GICR_VPROPBASER);
		vpropbaser = *reg;
		table = &its_fake_rdists[who].desc.vpe_table;
		expect_mismatch(who, reg, vpropbaser + 1, -EINVAL);
		expect_mismatch(who, reg, vpropbaser ^ GICR_VPROPBASER_4_1_INDIRECT, -EINVAL);
		expect_mismatch(who, reg, vpropbaser | GICR_VPROPBASER_4_1_PAGE_SIZE, -EINVAL);
		expect_mismatch(who, reg, vpropbaser | GICR_VPROPBASER_4_1_ENTRY_SIZE, -EINVAL);
		expect_mismatch(who, &its_fake_rdists[who].rd[GICR_PENDBASER / 8], t.table->base,
				-EPERM);
	} else {
		expect_mismatch(who, &its->desc->shadow_queue, t.table->base, -EPERM);
	}

	expect_mismatch(who, &table->shadow, table->shadow + SZ_4K, -EINVAL);
	expect_mismatch(who, &table->records, table->records + 8, -EINVAL);
	expect_mismatch(who, &table->nr_its, 1, -EINVAL);
}

/* Whoever comes first brings the table; it is back when the last one is gone. */
static void test_order(int first)
{
	int i;

	init_v4_1();
	test_blocked_table(first);
	for (i = 0; i < 3; i++) {
		if (i)
			test_mismatches((first + i) % 3);
		check(!join((first + i) % 3));
		check(pkvm_hyp_owns(t.table->base, SZ_4K));
		check(hyp_phys_to_page(t.table->shadow)->refcount == 1);
	}

	for (i = 0; i < 3; i++) {
		check(pkvm_hyp_owns(t.table->base, SZ_4K));
		leave((first + i) % 3);
	}
	check(!pkvm_hyp_owns(t.table->base, SZ_4K));
	its_arena_donate();
}

static void check_l2(const struct hyp_vpe_table *vpes, u64 l2)
{
	check(pkvm_hyp_owns(l2, SZ_4K));
	check(vpes->table.l1[FAR_IDX] == (l2 | ITS_VALID));
	check(!*its_arena_word(l2));
	check(vpes->table.nr_l2 == 2);
}

/* Each table needs an L2 page, which is missing at first, and then is not the host's. */
static void test_vmapp(void)
{
	u64 *shadow = its_arena_word(t.table->shadow);
	int share;

	map_vpe(FAR_VPE, PKVM_ITS_L2_ENTRY);
	shadow[FAR_IDX] = t.l2 | ITS_VALID;
	its_arena_word(t.table->shadow + SZ_4K)[FAR_IDX] = t.chunk;
	map_vpe(FAR_VPE, PKVM_ITS_L2_ENTRY);
	check_l2(its_rdists[0].vpe_table, t.l2);
	check(!pkvm_hyp_owns(t.vpt, VPT_SIZE));

	its_arena_word(t.loner.shadow)[FAR_IDX] = t.loner_l2 | ITS_VALID;
	for (share = 0; share <= 1; share++) {
		its_block_page(t.loner_l2, share);
		map_vpe(FAR_VPE, PKVM_ITS_L2_OWNER);
		its_unblock_page(t.loner_l2, share);
	}

	/* It is not looked at again. */
	shadow[FAR_IDX] = 0;
	map_vpe(FAR_VPE, PKVM_ITS_ACCEPTED);
	check_l2(its_rdists[0].vpe_table, t.l2);
	check_l2(its_rdists[LONER].vpe_table, t.loner_l2);
}

static void test_invalidate(void)
{
	struct hyp_mmio_region *rd = &its_rdists[0].rd;
	u64 inv = GICR_INVLPIR_V | VPE(FAR_VPE);
	u64 *regs = its_fake_rdists[0].rd;

	its_fake_rdist_ignores(rd, GICR_INVLPIR, 8, inv | BIT(VPT_BITS));
	its_fake_rdist_ignores(rd, GICR_INVLPIR, 8, inv | (FIRST_LPI - 1));
	its_fake_rdist_ignores(rd, GICR_INVLPIR, 8, GICR_INVLPIR_V | VPE(1) | FIRST_LPI);
	its_fake_rdist_ignores(rd, GICR_INVALLR, 8, GICR_INVALLR_V | VPE(1));
	its_fake_rdist_ignores(vlpi_frame(0), GICR_VSGIR, 4, 1);
	its_fake_rdist_write(rd, GICR_INVLPIR, 8, inv | (BIT(VPT_BITS) - 1));
	check(regs[GICR_INVLPIR / 8] == (inv | (BIT(VPT_BITS) - 1)));
	its_fake_rdist_write(rd, GICR_INVALLR, 8, inv | 1);
	check(regs[GICR_INVALLR / 8] == inv);
	its_fake_rdist_write(vlpi_frame(0), GICR_VSGIR, 4, FAR_VPE);
	check(*vlpi_reg(0, GICR_VSGIR) == FAR_VPE);
}

/* By its number, and for as long as it is resident the VPT stays. */
static void test_load_v4_1(int nr)
{
	struct hyp_mmio_region *vlpi = vlpi_frame(nr);
	u64 *vpendbaser = vlpi_reg(nr, GICR_VPENDBASER);

	*vpendbaser = 0;
	check(load_vpe(nr, FAR_VPE, t.config) == -ENODEV);
	its_fake_rdist_ignores(vlpi, GICR_VPENDBASER, 8, GOOD_FLAGS | 1);
	its_fake_rdist_ignores(vlpi, GICR_VPROPBASER, 8, 0);
	its_fake_rdist_write(vlpi, GICR_VPENDBASER, 8, GOOD_FLAGS | BAD_FLAGS | FAR_VPE);
	check(*vpendbaser == (GOOD_FLAGS | FAR_VPE));
	its_fake_rdist_ignores(vlpi, GICR_VPENDBASER, 8, GOOD_FLAGS | 1);

	unmap_vpe(FAR_VPE, true);
	its_fake_rdist_ignores(vlpi_frame(!nr), GICR_VPENDBASER, 8, GOOD_FLAGS | FAR_VPE);
	put_vpe(nr, GICR_VPENDBASER_4_1_DB);
	check(*vpendbaser == (GICR_VPENDBASER_4_1_DB | GICR_VPENDBASER_4_1_VGRP0EN | FAR_VPE));
	expect_returned(true);
	its_fake_rdist_ignores(vlpi, GICR_VPENDBASER, 8, GOOD_FLAGS | FAR_VPE);
	map_vpe(FAR_VPE, PKVM_ITS_ACCEPTED);
}

static void test_vpropbaser(void)
{
	u64 vpropbaser = *vlpi_reg(0, GICR_VPROPBASER);

	its_fake_rdists[0].rd[GICR_CTLR / 8] = 0;
	*vlpi_reg(0, GICR_VPROPBASER) = 0;
	its_fake_rdist_write(&its_rdists[0].rd, GICR_CTLR, 4, GICR_CTLR_ENABLE_LPIS);
	check(*vlpi_reg(0, GICR_VPROPBASER) == (vpropbaser & ~GICR_VPROPBASER_4_1_Z));
}

/* A redistributor whose table is smaller than that of the ITS; then without one. */
static void test_short_table(void)
{
	hyp_rdist_teardown_state(&its_rdists[LONER]);
	*vlpi_reg(LONER, GICR_VPROPBASER) &= ~GICR_VPROPBASER_4_1_INDIRECT;
	check(!its_fake_rdist_setup(LONER));
	check(hyp_rdists_allow_vlpis());
	map_vpe(FAR_VPE, PKVM_ITS_VPE_RANGE);
	map_vpe(FAR_VPE - 2, PKVM_ITS_ACCEPTED);
	unmap_vpe(FAR_VPE - 2, false);

	hyp_rdist_teardown_state(&its_rdists[LONER]);
	*vlpi_reg(LONER, GICR_VPROPBASER) &= ~GICR_VPROPBASER_4_1_VALID;
	check(!its_fake_rdist_setup(LONER));
	check(!hyp_rdists_allow_vlpis());
	its_fake_rdist_ignores(vlpi_frame(LONER), GICR_VPENDBASER, 8, GOOD_FLAGS | 1);
}

static void test_v4_1(void)
{
	int i;

	init_v4_1();
	its_arena_return();
	for (i = 0; i < ITS_FAKE_RDISTS; i++)
		check(!its_fake_rdist_setup(i));
	check(!its_fake_setup(its));
	hyp_rdists_use(its_rdists, ITS_FAKE_RDISTS);
	check(hyp_rdists_allow_vlpis());

	test_vmapp();
	test_invalidate();
	test_load_v4_1(0);
	test_load_v4_1(LONER);
	test_vpropbaser();
	unmap_vpe(FAR_VPE, false);
	test_short_table();

	hyp_rdists_use(NULL, 0);
	hyp_its_teardown(its->its, its->desc);
	for (i = 0; i < ITS_FAKE_RDISTS; i++)
		hyp_rdist_teardown_state(&its_rdists[i]);
	its_arena_donate();
}

/**
 * its_selftest_rdist_vpes() - Test what redistributors do for vPEs.
 */
void its_selftest_rdist_vpes(void)
{
	test_v4_0();
	test_order(0);
	test_order(1);
	test_order(THE_ITS);
	test_v4_1();
}
