// SPDX-License-Identifier: GPL-2.0-only
/*
 * The vPEs in the self test of an ITS at EL2: two ITSs, for GICv4.0 and GICv4.1.
 */

#include <linux/bitfield.h>

#include <nvhe/its_selftest.h>
#include <nvhe/mem_protect.h>
#include <nvhe/memory.h>

#define VPE(id)		((u64)(id) << 32)
#define DOORBELL(intid)	((u64)(intid) << 32)

#define FIRST_LPI	8192
#define VPT_SIZE	(SZ_64K / BITS_PER_BYTE)
#define VCONFIG_SIZE	SZ_64K

/* A vPE in the second L2 page of the first ITS, and one beyond the second ITS. */
#define FAR_VPE		(SZ_4K / 8 + 1)
#define NO_VPE		(SZ_4K / 8)

/* Two ITSs and what their vPEs use. */
static struct its_fake *const a = &its_fake;
static struct its_fake its_fake_b, *const b = &its_fake_b;

static struct {
	bool	v4_1;
	u64	vpt;
	u64	vpt2;
	u64	config;
	u64	el2;
	u64	l2;
	u64	chunk;
	u32	device;
} t;

static void test_vmapp(struct its_fake *fake, u32 vpe, u64 vpt, bool alloc,
		       enum pkvm_its_refusal why)
{
	its_fake_cmd(fake, GITS_CMD_VMAPP | (alloc ? BIT_ULL(8) : 0) | t.config,
		     VPE(vpe) | FIRST_LPI, ITS_VALID, vpt | 15, why);
}

static void test_vunmapp(struct its_fake *fake, u32 vpe, bool alloc, enum pkvm_its_refusal why)
{
	its_fake_cmd(fake, GITS_CMD_VMAPP | (alloc ? BIT_ULL(8) : 0), VPE(vpe), 0, 0, why);
}

static void test_vpe_cmd(struct its_fake *fake, u32 opcode, u32 vpe, enum pkvm_its_refusal why)
{
	its_fake_cmd(fake, opcode, VPE(vpe), 0, 0, why);
}

static struct its_cmd_block *last_cmd(struct its_fake *fake)
{
	struct hyp_its *its = fake->its;

	return &its->queue[(its->posted ?: its->queue_size) / sizeof(struct its_cmd_block) - 1];
}

static void vpe_init(u64 typer)
{
	t.v4_1 = typer & GITS_TYPER_VMAPP;

	its_fake_init(a, SZ_4K, true);
	its_fake_add_typer(a, typer | GITS_TYPER_VLPIS);
	its_fake_add_vpes(a);
	t.l2 = its_arena_alloc(SZ_4K, PAGE_SIZE);
	t.chunk = its_arena_alloc(SZ_4K / 8 * its_fake_record_size(a, GITS_BASER_TYPE_VCPU),
				  PAGE_SIZE);
	t.device = a->dev->device_id;

	/* Its queue begins where a VPT could. */
	its_arena_end = ALIGN(its_arena_end + 3 * PAGE_SIZE, SZ_64K) - 3 * PAGE_SIZE;
	its_fake_init(b, SZ_4K, false);
	its_fake_add_typer(b, typer | GITS_TYPER_VLPIS);
	its_fake_add_vpes(b);
	b->regs[GITS_CTLR / 8] |= FIELD_PREP(GITS_CTLR_ITS_NUMBER, 1);
	if (FIELD_GET(GITS_TYPER_SVPET, typer)) {
		b->desc->tables[1] = a->desc->tables[1];
		b->regs[GITS_BASER / 8 + 1] = b->desc->tables[1].baser;
	}

	t.vpt = its_arena_alloc(SZ_64K, SZ_64K);
	t.vpt2 = its_arena_alloc(SZ_64K, SZ_64K);
	t.config = its_arena_alloc(VCONFIG_SIZE, SZ_64K);

	/* What is behind that does not become the host's. */
	t.el2 = its_arena_end;
	check(t.el2 + SZ_64K <= its_arena + ITS_SELFTEST_SIZE);

	/* A guest's pending interrupts, and what a host would like to be found. */
	*its_arena_word(t.vpt + SZ_1K) = 0xdeadbeef;
	*its_arena_word(t.l2) = ~0ULL;
	*its_arena_word(t.chunk + 2 * ITS_VPE_RECORD_SIZE) = ~0ULL;

	its_arena_return();
	check(!its_fake_setup(a));
	check(!its_fake_setup(b));
}

static void vpe_teardown(void)
{
	hyp_its_teardown(a->its, a->desc);
	hyp_its_teardown(b->its, b->desc);
	its_arena_donate();
}

static void test_bad_ids(void)
{
	u64 dw0 = GITS_CMD_VMAPP | BIT_ULL(8), dw1 = VPE(1) | FIRST_LPI;

	test_vmapp(b, NO_VPE, t.vpt, true, PKVM_ITS_VPE_RANGE);
	test_vunmapp(b, NO_VPE, true, PKVM_ITS_VPE_RANGE);
	test_vunmapp(a, 1, true, PKVM_ITS_VPE_UNMAPPED);
	test_vunmapp(a, FAR_VPE, true, PKVM_ITS_VPE_UNMAPPED);
	its_fake_cmd(a, dw0, dw1, ITS_VALID | SZ_64K, t.vpt | 15, PKVM_ITS_RDBASE);
	its_fake_cmd(a, dw0, dw1, ITS_VALID, t.vpt | 12, PKVM_ITS_VPT_SIZE);
	its_fake_cmd(a, dw0, dw1, ITS_VALID, t.vpt | 16, PKVM_ITS_VPT_SIZE);
}

/* All that VMAPP must not be given. */
static void test_bad_vmapp(u64 guest_page)
{
	u64 mapd = ITS_DEV(t.device + 1, GITS_CMD_MAPD);
	u64 dw0 = GITS_CMD_VMAPP | BIT_ULL(8);

	test_vmapp(a, 1, b->desc->queue, true, PKVM_ITS_VPT_OWNER);
	test_vmapp(a, 1, guest_page, true, PKVM_ITS_VPT_OWNER);
	test_vmapp(a, 1, t.el2, true, PKVM_ITS_VPT_OWNER);
	test_vmapp(a, 1, GENMASK_ULL(51, 16), true, PKVM_ITS_VPT_OWNER);
	test_vmapp(a, FAR_VPE, t.vpt, true, PKVM_ITS_L2_ENTRY);

	/* The VPT of one, the ITT of another, in turns. */
	its_fake_cmd(a, mapd, 4, ITS_VALID | t.vpt2, 0, PKVM_ITS_ACCEPTED);
	test_vmapp(a, 1, t.vpt2, true, PKVM_ITS_VPT_OWNER);
	its_fake_cmd(a, mapd, 0, 0, 0, PKVM_ITS_ACCEPTED);
	test_vmapp(a, 1, t.vpt2, true, PKVM_ITS_VPT_OWNER);
	its_fake_cmd(a, GITS_CMD_SYNC, 0, 0, 0, PKVM_ITS_ACCEPTED);

	if (!t.v4_1)
		return;

	its_fake_cmd(a, dw0 | t.config, VPE(1) | 5, ITS_VALID, t.vpt | 15, PKVM_ITS_DOORBELL);
	its_fake_cmd(a, dw0 | t.el2, VPE(1) | FIRST_LPI, ITS_VALID, t.vpt | 15,
		     PKVM_ITS_VCONFIG_OWNER);
	its_fake_cmd(a, dw0 | t.vpt, VPE(1) | FIRST_LPI, ITS_VALID, t.vpt | 15,
		     PKVM_ITS_VCONFIG_OWNER);
	test_vmapp(a, 1, t.vpt, false, PKVM_ITS_VPE_DIFFERS);
}

/* Each page of a range is one that the host can neither donate nor share. */
static void test_blocked_vmapp(u64 phys, u64 size, enum pkvm_its_refusal why)
{
	u64 end = phys + size;
	int share;

	for (; phys < end; phys += PAGE_SIZE) {
		for (share = 0; share <= 1; share++) {
			its_block_page(phys, share);
			test_vmapp(a, FAR_VPE, t.vpt, true, why);
			its_unblock_page(phys, share);
		}
	}
}

static void test_vmapp_failures(void)
{
	struct its_handover_table *table = &a->desc->tables[1];

	its_arena_word(table->shadow)[1] = t.l2 | ITS_VALID;
	its_arena_word(table->shadow + SZ_4K)[1] = t.chunk;

	test_blocked_vmapp(t.vpt, VPT_SIZE, PKVM_ITS_VPT_OWNER);
	test_blocked_vmapp(t.l2, SZ_4K, PKVM_ITS_L2_OWNER);
	test_blocked_vmapp(t.chunk, SZ_4K / 8 * ITS_VPE_RECORD_SIZE, PKVM_ITS_L2_OWNER);
	if (t.v4_1)
		test_blocked_vmapp(t.config, VCONFIG_SIZE, PKVM_ITS_VCONFIG_OWNER);

	test_vmapp(a, FAR_VPE, t.vpt, true, PKVM_ITS_ACCEPTED);
	check(pkvm_hyp_owns(t.l2, SZ_4K));
	check(pkvm_hyp_owns(t.chunk, SZ_4K / 8 * ITS_VPE_RECORD_SIZE));
	check(!*its_arena_word(t.l2));
	check(!*its_arena_word(t.chunk + 2 * ITS_VPE_RECORD_SIZE));
	check(a->its->tables[1].l1[1] == (t.l2 | ITS_VALID));
	check(a->its->stats.vpes == 1);

	test_vunmapp(a, FAR_VPE, true, PKVM_ITS_ACCEPTED);
	test_vpe_cmd(a, GITS_CMD_VSYNC, FAR_VPE, PKVM_ITS_ACCEPTED);
	check(!pkvm_hyp_owns(t.vpt, VPT_SIZE));
}

static void test_v4_1_cmd(u32 opcode, u32 vpe, enum pkvm_its_refusal why)
{
	test_vpe_cmd(a, opcode, vpe, t.v4_1 ? why : PKVM_ITS_VLPI_COMMAND);
}

static void test_vlpi(u32 opcode, u32 dev, u64 dw1, u64 dw2, enum pkvm_its_refusal why)
{
	its_fake_cmd(a, ITS_DEV(dev, opcode), dw1, dw2, 0, why);
}

static void test_vlpis(void)
{
	u64 vlpi = DOORBELL(1023) | 8192;
	u32 dev = t.device;

	test_vlpi(GITS_CMD_VMAPTI, dev, VPE(1) | 31, vlpi, PKVM_ITS_ACCEPTED);
	test_vlpi(GITS_CMD_VMAPTI, dev, VPE(1) | 31, DOORBELL(8192) | 65535, PKVM_ITS_ACCEPTED);
	test_vlpi(GITS_CMD_VMAPTI, dev, VPE(1) | 31, DOORBELL(1023) | 8191, PKVM_ITS_LPI_RANGE);
	test_vlpi(GITS_CMD_VMAPTI, dev, VPE(1) | 31, DOORBELL(1023) | 65536, PKVM_ITS_LPI_RANGE);
	test_vlpi(GITS_CMD_VMAPTI, dev, VPE(1) | 31, DOORBELL(1022) | 8192, PKVM_ITS_DOORBELL);
	test_vlpi(GITS_CMD_VMAPTI, dev, VPE(1) | 32, vlpi, PKVM_ITS_EVENT_RANGE);
	test_vlpi(GITS_CMD_VMAPTI, dev, VPE(2) | 31, vlpi, PKVM_ITS_VPE_UNMAPPED);
	test_vlpi(GITS_CMD_VMAPTI, dev + 1, VPE(1), vlpi, PKVM_ITS_DEVICE_UNMAPPED);
	test_vlpi(GITS_CMD_VMAPI, dev, VPE(1) | 31, DOORBELL(1023), PKVM_ITS_LPI_RANGE);
	test_vlpi(GITS_CMD_VMAPI, dev, VPE(1) | 8192, DOORBELL(0), PKVM_ITS_DOORBELL);
	test_vlpi(GITS_CMD_VMAPI, dev, VPE(1) | 8192, DOORBELL(1023), PKVM_ITS_EVENT_RANGE);
	test_vlpi(GITS_CMD_VMOVI, dev, VPE(1) | 31, DOORBELL(5), PKVM_ITS_ACCEPTED);
	test_vlpi(GITS_CMD_VMOVI, dev, VPE(1) | 31, DOORBELL(5) | 1, PKVM_ITS_DOORBELL);
	test_vlpi(GITS_CMD_VMOVI, dev, VPE(2) | 31, 0, PKVM_ITS_VPE_UNMAPPED);
	test_vlpi(GITS_CMD_VMOVI, dev, VPE(1) | 32, 0, PKVM_ITS_EVENT_RANGE);
}

static void test_vpe_commands(void)
{
	test_vlpis();

	test_vpe_cmd(a, GITS_CMD_VINVALL, 1, PKVM_ITS_ACCEPTED);
	test_vpe_cmd(a, GITS_CMD_VINVALL, 2, PKVM_ITS_VPE_UNMAPPED);
	test_vpe_cmd(a, GITS_CMD_VSYNC, 1, PKVM_ITS_ACCEPTED);
	test_vpe_cmd(a, GITS_CMD_VSYNC, 2, PKVM_ITS_ACCEPTED);
	test_vpe_cmd(b, GITS_CMD_VSYNC, NO_VPE, PKVM_ITS_VPE_RANGE);
	test_vpe_cmd(b, GITS_CMD_VINVALL, NO_VPE, PKVM_ITS_VPE_RANGE);
	test_v4_1_cmd(GITS_CMD_INVDB, 1, PKVM_ITS_ACCEPTED);
	test_v4_1_cmd(GITS_CMD_INVDB, 2, PKVM_ITS_VPE_UNMAPPED);
	test_v4_1_cmd(GITS_CMD_VSGI, 1, PKVM_ITS_ACCEPTED);
	test_v4_1_cmd(GITS_CMD_VSGI, 2, PKVM_ITS_VPE_UNMAPPED);
}

static void test_vmovp(u32 vpe, u64 list, u64 rdbase, enum pkvm_its_refusal why)
{
	its_fake_cmd(a, GITS_CMD_VMOVP | BIT_ULL(32), VPE(vpe) | list, rdbase, 0, why);
}

/* The second ITS maps the vPE of the first: to the same VPT, and nothing else. */
static void test_map_on_second(void)
{
	test_vmovp(1, BIT(0), 0, PKVM_ITS_ACCEPTED);
	test_vmovp(1, BIT(0), SZ_64K, PKVM_ITS_RDBASE);
	test_vmovp(2, BIT(0), 0, PKVM_ITS_VPE_UNMAPPED);
	test_vmovp(1, 0, 0, PKVM_ITS_ITS_LIST);
	test_vmovp(1, BIT(0) | BIT(1), 0, PKVM_ITS_ITS_LIST);
	test_vmovp(1, BIT(0) | BIT(5), 0, PKVM_ITS_ITS_LIST);

	test_vmapp(b, 1, t.vpt2, false, PKVM_ITS_VPE_DIFFERS);
	test_vmapp(b, 2, t.vpt, true, PKVM_ITS_VPT_OWNER);
	if (t.v4_1)
		test_vmapp(b, 1, t.vpt, true, PKVM_ITS_VPE_DIFFERS);
	test_vmapp(b, 1, t.vpt, false, PKVM_ITS_ACCEPTED);
	test_vmovp(1, BIT(0) | BIT(1), 0, PKVM_ITS_ACCEPTED);
	test_vmovp(1, BIT(1), 0, PKVM_ITS_ITS_LIST);
}

static void test_unmap_on_first(void)
{
	if (t.v4_1) {
		test_vunmapp(a, 1, true, PKVM_ITS_VPE_DIFFERS);
		a->slow = true;
		test_vunmapp(a, 1, false, PKVM_ITS_ACCEPTED);
		test_vunmapp(b, 1, true, PKVM_ITS_VPE_DIFFERS);
		test_vunmapp(b, 1, false, PKVM_ITS_VPE_DIFFERS);
		its_fake_execute(a, a->its->posted);
		a->slow = false;
	} else {
		test_vunmapp(a, 1, false, PKVM_ITS_ACCEPTED);
		test_vmapp(a, 1, t.vpt, false, PKVM_ITS_VPE_MAPPED);
	}
	test_vunmapp(a, 1, false, PKVM_ITS_VPE_UNMAPPED);
	test_vpe_cmd(a, GITS_CMD_VINVALL, 1, PKVM_ITS_VPE_UNMAPPED);
	test_vpe_cmd(a, GITS_CMD_VSYNC, 1, PKVM_ITS_ACCEPTED);
	check(a->its->stats.vpes == 0);
	check(pkvm_hyp_owns(t.vpt, VPT_SIZE));

	if (t.v4_1)
		test_vunmapp(b, 1, false, PKVM_ITS_VPE_DIFFERS);
}

/* The VPT leaves EL2 with the last ITS, once that has consumed the VSYNC; GICv4.1: the unmap. */
static void test_unmap_on_second(void)
{
	u32 unmap = b->its->posted;

	b->slow = true;
	test_vunmapp(b, 1, true, PKVM_ITS_ACCEPTED);
	test_vpe_cmd(b, GITS_CMD_VSYNC, 1, PKVM_ITS_ACCEPTED);
	check(its_fake_execute(b, unmap) == unmap);
	check(pkvm_hyp_owns(t.vpt, VPT_SIZE));

	its_fake_execute(b, (unmap + sizeof(struct its_cmd_block)) % b->its->queue_size);
	check(pkvm_hyp_owns(t.vpt, VPT_SIZE) == !t.v4_1);
	check(its_fake_execute(b, b->its->posted) == b->its->posted);
	check(b->its->stats.vpes == 0);
	check(!pkvm_hyp_owns(t.vpt, VPT_SIZE));
	b->slow = false;
}

static void check_config_shared(void)
{
	struct hyp_page *page = hyp_phys_to_page(t.config);

	check(get_host_state(page) == PKVM_PAGE_SHARED_OWNED);
	check(get_hyp_state(page) == PKVM_PAGE_SHARED_BORROWED);
	check(page->refcount == 1);
}

/* A page that the host shared for something else, which EL2 pinned and unshares. */
static void test_foreign_vconfig(void)
{
	void *va = hyp_phys_to_virt(t.config);

	check(!__pkvm_host_share_hyp(hyp_phys_to_pfn(t.config)));
	check(!hyp_pin_shared_mem(va, va + PAGE_SIZE));
	test_vmapp(a, 1, t.vpt, true, PKVM_ITS_VCONFIG_OWNER);
	check_config_shared();
	hyp_unpin_shared_mem(va, va + PAGE_SIZE);
	check(!__pkvm_host_unshare_hyp(hyp_phys_to_pfn(t.config)));
}

/* What the host says is zero becomes so, GICv4.1; but only where it can be. */
static void test_ptz(void)
{
	u64 ptz = BIT_ULL(9), word = t.vpt2 + VPT_SIZE - sizeof(u64);
	u64 dw0 = GITS_CMD_VMAPP | t.config | ptz, dw1 = VPE(1) | FIRST_LPI;

	its_block_page(ALIGN_DOWN(word, PAGE_SIZE), false);
	*its_arena_word(word) = 1;
	its_unblock_page(ALIGN_DOWN(word, PAGE_SIZE), false);

	a->slow = true;
	its_fake_cmd(a, dw0 | BIT_ULL(8), dw1, ITS_VALID, t.vpt2 | 15, PKVM_ITS_ACCEPTED);
	check(last_cmd(a)->raw_cmd[0] == (t.v4_1 ? dw0 | BIT_ULL(8) : GITS_CMD_VMAPP));
	check(*its_arena_word(word) == !t.v4_1);
	*its_arena_word(word) = 1;
	/* Whether the other one is the first is not certain before that has mapped it. */
	if (t.v4_1)
		its_fake_cmd(b, dw0, dw1, ITS_VALID, t.vpt2 | 15, PKVM_ITS_VPE_DIFFERS);
	its_fake_execute(a, a->its->posted);
	b->slow = true;
	its_fake_cmd(b, dw0, dw1, ITS_VALID, t.vpt2 | 15, PKVM_ITS_ACCEPTED);
	check(last_cmd(b)->raw_cmd[0] == (t.v4_1 ? dw0 & ~ptz : GITS_CMD_VMAPP));
	check(*its_arena_word(word) == 1);
	its_fake_execute(b, b->its->posted);
	a->slow = false;
	b->slow = false;

	test_vunmapp(a, 1, false, PKVM_ITS_ACCEPTED);
	test_vpe_cmd(a, GITS_CMD_VSYNC, 1, PKVM_ITS_ACCEPTED);
	test_vunmapp(b, 1, true, PKVM_ITS_ACCEPTED);
	test_vpe_cmd(b, GITS_CMD_VSYNC, 1, PKVM_ITS_ACCEPTED);
	check(!pkvm_hyp_owns(t.vpt2, VPT_SIZE));
}

/* Two vPEs of a guest share its configuration table. */
static void test_vconfig(void)
{
	struct hyp_page *page = hyp_phys_to_page(t.config);

	test_vmapp(a, 1, t.vpt, true, PKVM_ITS_ACCEPTED);
	test_vmapp(a, 2, t.vpt2, true, PKVM_ITS_ACCEPTED);
	check(page->refcount == t.v4_1);

	test_vunmapp(a, 1, true, PKVM_ITS_ACCEPTED);
	test_vpe_cmd(a, GITS_CMD_VSYNC, 1, PKVM_ITS_ACCEPTED);
	if (t.v4_1)
		check_config_shared();

	test_vunmapp(a, 2, true, PKVM_ITS_ACCEPTED);
	test_vpe_cmd(a, GITS_CMD_VSYNC, 2, PKVM_ITS_ACCEPTED);
	check(page->refcount == 0);
	check(get_host_state(page) == PKVM_PAGE_OWNED);

	if (t.v4_1)
		test_foreign_vconfig();
}

static void test_vpes(u64 typer, u64 guest_page)
{
	vpe_init(typer);
	test_bad_ids();
	test_bad_vmapp(guest_page);
	test_vmapp_failures();

	test_vmapp(a, 1, t.vpt, true, PKVM_ITS_ACCEPTED);
	check(pkvm_hyp_owns(t.vpt, VPT_SIZE));
	check(*its_arena_word(t.vpt + SZ_1K) == 0xdeadbeef);
	test_vmapp(a, 1, t.vpt2, true, PKVM_ITS_VPE_MAPPED);
	test_vmapp(a, 2, t.vpt, true, PKVM_ITS_VPT_OWNER);
	its_fake_cmd(a, ITS_DEV(t.device + 1, GITS_CMD_MAPD), 4, ITS_VALID | t.vpt, 0,
		     PKVM_ITS_ITT_OWNER);
	test_vpe_commands();
	test_map_on_second();
	test_unmap_on_first();
	test_unmap_on_second();
	test_ptz();
	test_vconfig();

	vpe_teardown();
	check(*its_arena_word(t.vpt + SZ_1K) == 0xdeadbeef);
}

/* With GITS_TYPER.VMOVP a vPE moves everywhere at once: the list is ignored. */
static void test_single_vmovp(void)
{
	struct its_cmd_block *cmd;

	vpe_init(GITS_TYPER_VMOVP);
	cmd = &a->its->queue[1];
	test_vmapp(a, 1, t.vpt, true, PKVM_ITS_ACCEPTED);
	a->slow = true;
	test_vmovp(1, 0xffff, 0, PKVM_ITS_ACCEPTED);
	check(cmd->raw_cmd[0] == GITS_CMD_VMOVP);
	check(cmd->raw_cmd[1] == VPE(1));
	its_fake_execute(a, a->its->posted);
	a->slow = false;
	test_vmovp(2, 0, 0, PKVM_ITS_VPE_UNMAPPED);

	test_vunmapp(a, 1, true, PKVM_ITS_ACCEPTED);
	test_vpe_cmd(a, GITS_CMD_VSYNC, 1, PKVM_ITS_ACCEPTED);
	vpe_teardown();
}

/* Each of two ITSs has a record of its own beside an entry of the one vPE table. */
static void test_shared_table(void)
{
	struct its_handover_table *table = &a->desc->tables[1];

	vpe_init(GITS_TYPER_VMAPP | GITS_TYPER_SVPET);
	check(a->its->vpe_table == b->its->vpe_table);
	test_vmapp(a, 1, t.vpt, true, PKVM_ITS_ACCEPTED);
	test_vpe_cmd(b, GITS_CMD_VINVALL, 1, PKVM_ITS_VPE_UNMAPPED);
	test_map_on_second();
	test_unmap_on_first();
	test_unmap_on_second();

	test_vmapp(b, FAR_VPE, t.vpt, true, PKVM_ITS_L2_ENTRY);
	its_arena_word(table->shadow)[1] = t.l2 | ITS_VALID;
	its_arena_word(table->shadow + SZ_4K)[1] = t.chunk;
	test_vmapp(b, FAR_VPE, t.vpt, true, PKVM_ITS_ACCEPTED);
	check(a->its->vpe_table->nr_l2 == 2);
	test_vmapp(a, FAR_VPE, t.vpt, false, PKVM_ITS_ACCEPTED);
	test_vunmapp(b, FAR_VPE, false, PKVM_ITS_ACCEPTED);
	check(pkvm_hyp_owns(t.vpt, VPT_SIZE));
	test_vunmapp(a, FAR_VPE, true, PKVM_ITS_ACCEPTED);
	check(!pkvm_hyp_owns(t.vpt, VPT_SIZE));
	vpe_teardown();
}

/* KVM does not use vLPIs, whoever has the vPE table. */
static void test_no_vlpis(u64 typer)
{
	its_fake_init(a, SZ_4K, true);
	its_fake_add_typer(a, typer | GITS_TYPER_VLPIS);
	its_fake_add_vpes(a);
	a->desc->vlpis = 0;
	its_test_setup(a, 1 + 2 * DIV_ROUND_UP(2 * SZ_4K, PAGE_SIZE));

	its_fake_init(a, SZ_4K, true);
	its_fake_add_typer(a, typer | GITS_TYPER_VLPIS);
	its_fake_add_vpes(a);
	a->desc->vlpis = 0;
	its_arena_return();
	check(!its_fake_setup(a));
	its_fake_cmd(a, GITS_CMD_VMAPP, 0, ITS_VALID, 0, PKVM_ITS_VLPI_COMMAND);
	its_fake_cmd(a, GITS_CMD_VSYNC, 0, 0, 0, PKVM_ITS_VLPI_COMMAND);
	hyp_its_teardown(a->its, a->desc);
	its_arena_donate();
}

/**
 * its_selftest_vpes() - Test what an ITS does for vPEs.
 * @guest_page:	A page of a guest.
 */
void its_selftest_vpes(u64 guest_page)
{
	test_no_vlpis(GITS_TYPER_VMAPP | GITS_TYPER_SVPET);
	test_no_vlpis(0);
	test_vpes(0, guest_page);
	test_vpes(GITS_TYPER_VMAPP, guest_page);
	test_single_vmovp();
	test_shared_table();
}
