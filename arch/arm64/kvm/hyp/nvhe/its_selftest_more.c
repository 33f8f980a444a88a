// SPDX-License-Identifier: GPL-2.0-only
/*
 * More of the self test of an ITS at EL2: all sizes of pages, all that can be
 * wrong with a description or a command, and an ITS that is slow, that stalls or
 * that loses its registers.
 */

#include <linux/bitfield.h>

#include <nvhe/its_selftest.h>
#include <nvhe/mem_protect.h>
#include <nvhe/memory.h>
#include <nvhe/pkvm.h>

#define FAKE_PHYS	0x8080000ULL
#define CMD_SIZE	((u32)sizeof(struct its_cmd_block))

u64 its_selftest_nr_checks;

static struct its_fake *const fake = &its_fake;

/**
 * pkvm_its_selftest_checks() - Count what the self test checked.
 *
 * Return: the number of its checks.
 */
u64 pkvm_its_selftest_checks(void)
{
	return its_selftest_nr_checks;
}

/**
 * its_fake_execute() - Let a fake ITS execute commands, and EL2 see that.
 * @fake:	The ITS, set up.
 * @creadr:	Its GITS_CREADR after that.
 *
 * Return: what the host reads from it.
 */
u64 its_fake_execute(struct its_fake *fake, u64 creadr)
{
	fake->regs[GITS_CREADR / 8] = creadr;

	return its_fake_access(fake, GITS_CREADR, 8, false, 0);
}

/**
 * its_fake_add_typer() - Add a feature to a fake ITS.
 * @fake:	The ITS, not set up yet.
 * @typer:	Bits of GITS_TYPER.
 */
void its_fake_add_typer(struct its_fake *fake, u64 typer)
{
	fake->desc->typer |= typer;
	fake->regs[GITS_TYPER / 8] = fake->desc->typer;
}

/**
 * its_fake_add_vpes() - Add a vPE table to a fake ITS.
 * @fake:	The ITS, not set up yet.
 *
 * Like the Device table it is indirect, or is not.
 */
void its_fake_add_vpes(struct its_fake *fake)
{
	bool indirect = fake->desc->tables[0].shadow;

	fake->desc->vlpis = 1;
	its_fake_add_table(fake, 1, GITS_BASER_TYPE_VCPU, indirect);
	if (indirect)
		its_fake_add_l2(fake, 1, 0);
}

static u64 arena_sum(u64 end)
{
	u64 sum = 0;
	u64 phys;

	for (phys = its_arena; phys < end; phys += sizeof(u64))
		sum = ror64(sum, 1) + *its_arena_word(phys);

	return sum;
}

/* An L2 page of the Device table, before set-up. */
static u64 fake_l2(u32 idx)
{
	return its_arena_word(fake->desc->tables[0].base)[idx] & ~ITS_VALID;
}

static u64 *fake_chunk(u32 idx)
{
	return its_arena_word(fake->desc->tables[0].records) + idx;
}

static void fake_init(u32 psz, bool indirect)
{
	its_fake_init(fake, psz, indirect);
	its_fake_add_vpes(fake);
	*its_arena_word(fake->dev->itt) = 0x600df00d;
}

static void fake_init_and_setup(void)
{
	fake_init(SZ_4K, true);
	its_arena_return();
	check(!its_fake_setup(fake));
}

static void fake_teardown(void)
{
	hyp_its_teardown(fake->its, fake->desc);
	its_arena_donate();
}

/* As at each boot, and what is in the pages is kept. */
static void test_setup(u32 psz, bool indirect)
{
	int nr_shadows = 1;
	u64 sum, end;

	fake_init(psz, indirect);
	if (indirect)
		nr_shadows += 2 * DIV_ROUND_UP(2 * psz, fake->unit);

	end = its_arena_end;
	sum = arena_sum(end);
	its_test_setup(fake, nr_shadows);

	/* But for commands executed before. */
	memset(its_arena_word(fake->desc->queue), 0, SZ_4K);
	check(arena_sum(end) == sum);
}

static void expect_error(int err)
{
	u64 end = its_arena_end;
	u64 sum = arena_sum(end);

	its_arena_return();
	its_arena_save();
	check(its_fake_setup(fake) == err);
	its_arena_check();
	its_arena_donate();
	check(arena_sum(end) == sum);
}

/* A first level with one bad entry, behind the good ones. */
static void test_l1_entry(u32 psz, u64 entry, int err)
{
	fake_init(psz, true);
	its_arena_word(fake->desc->tables[0].base)[5] = entry;
	*fake_chunk(5) = fake->new_chunk;
	expect_error(err);
}

static void test_l1_entries(u32 psz, u64 guest_page)
{
	u64 good, l2, state = hyp_virt_to_phys(fake->state);
	struct its_handover_table *table;

	/* Where everything is does not depend on what the entries are. */
	fake_init(psz, true);
	table = &fake->desc->tables[0];
	good = fake->new_l2;
	l2 = fake_l2(1);
	its_arena_end = its_arena;

	test_l1_entry(psz, good | BIT_ULL(55) | ITS_VALID, -EINVAL);
	test_l1_entry(psz, (good + psz / 2) | ITS_VALID, -EINVAL);
	test_l1_entry(psz, good | 1 | ITS_VALID, -EINVAL);
	test_l1_entry(psz, ALIGN_DOWN(state, psz) | ITS_VALID, -EPERM);
	test_l1_entry(psz, ALIGN_DOWN(guest_page, psz) | ITS_VALID, -EPERM);
	test_l1_entry(psz, ALIGN_DOWN(FAKE_PHYS, psz) | ITS_VALID, -EPERM);
	test_l1_entry(psz, l2 | ITS_VALID, -EPERM);
	test_l1_entry(psz, table->base | ITS_VALID, -EPERM);
	test_l1_entry(psz, table->shadow | ITS_VALID, -EPERM);
	test_l1_entry(psz, table->records | ITS_VALID, -EPERM);
	test_l1_entry(psz, fake->desc->queue | ITS_VALID, -EPERM);
	test_l1_entry(psz, fake->new_chunk | ITS_VALID, -EPERM);

	/* Two L2 pages of the ITS within one page of the host. */
	if (psz < PAGE_SIZE)
		test_l1_entry(psz, (l2 + psz) | ITS_VALID, -EPERM);

	/* It is this entry, and its chunk, that make the difference. */
	fake_init(psz, true);
	its_arena_word(table->base)[5] = good | ITS_VALID;
	*fake_chunk(5) = fake->new_chunk;
	its_arena_return();
	check(!its_fake_setup(fake));
	check(fake->its->tables[0].nr_l2 == 3);
	check(fake->its->tables[1].nr_l2 == 1);
	fake_teardown();
}

#define test_description(err, change)					\
	do {								\
		struct its_handover_device *dev = fake->dev;		\
		struct its_handover *desc = fake->desc;			\
									\
		fake_init(SZ_4K, true);					\
		change;							\
		(void)dev;						\
		(void)desc;						\
		expect_error(err);					\
	} while (0)

static void test_registers(void)
{
	u64 *regs = fake->regs;

	test_description(-EINVAL, desc->typer ^= GITS_TYPER_PTA);
	test_description(-EINVAL, desc->cbaser ^= SZ_64K);
	test_description(-EINVAL, desc->queue += SZ_64K);
	test_description(-EINVAL, desc->tables[0].baser++);
	test_description(-EINVAL, desc->tables[0].base += SZ_64K);
	test_description(-EINVAL, desc->tables[3].baser = 0);
	test_description(-EBUSY, regs[GITS_CTLR / 8] = 0);
	test_description(-EBUSY, regs[GITS_CWRITER / 8] = CMD_SIZE);
	test_description(-EBUSY, regs[GITS_CREADR / 8] = GITS_CREADR_STALLED);
	test_description(-EBUSY, {
		regs[GITS_CREADR / 8] = GITS_CREADR_STALLED;
		regs[GITS_CWRITER / 8] = GITS_CWRITER_RETRY;
	});
	test_description(-EBUSY, {
		regs[GITS_CREADR / 8] = SZ_4K;
		regs[GITS_CWRITER / 8] = SZ_4K;
	});

	/* A GITS_BASERn on whose layout driver and hardware could disagree. */
	test_description(-EINVAL, {
		desc->tables[0].baser -= BIT_ULL(GITS_BASER_ENTRY_SIZE_SHIFT);
		regs[GITS_BASER / 8] = desc->tables[0].baser;
	});
	test_description(-EINVAL, {
		desc->tables[0].baser |= GITS_BASER_PAGE_SIZE_MASK;
		regs[GITS_BASER / 8] = desc->tables[0].baser;
	});
	test_description(-ENODEV, {
		desc->tables[0].baser = 0;
		regs[GITS_BASER / 8] &= ~GITS_BASER_VALID;
	});

	/* The Device table is in the ITS, with more entries than EL2 has records for. */
	test_description(-E2BIG, {
		desc->tables[0].baser = 0;
		regs[GITS_BASER / 8] = 0;
		desc->typer |= GITS_TYPER_DEVBITS;
		regs[GITS_TYPER / 8] = desc->typer;
	});
}

static void test_descriptions(u64 guest_page)
{
	/* Memory used twice. */
	test_description(-EPERM, desc->shadow_queue = desc->queue);
	test_description(-EPERM, desc->tables[0].shadow = desc->tables[1].shadow);
	test_description(-EPERM, desc->tables[0].shadow = desc->tables[0].base);
	test_description(-EPERM, desc->tables[0].records = desc->tables[0].base);
	test_description(-EPERM, desc->tables[0].records = guest_page);
	test_description(-EINVAL, desc->tables[0].records++);
	test_description(-EPERM, *fake_chunk(3) = *fake_chunk(1));
	test_description(-EPERM, *fake_chunk(3) = fake_l2(3));
	test_description(-EPERM, *fake_chunk(3) = guest_page);
	test_description(-EINVAL, ++*fake_chunk(3));
	test_description(-EPERM, dev->itt = desc->tables[1].base);
	test_description(-EPERM, dev->itt = fake_l2(1));
	test_description(-EPERM, dev->itt = *fake_chunk(1));
	test_description(-EINVAL, { dev[1] = dev[0]; desc->nr_devices = 2; });

	test_description(-EINVAL, dev->device_id = 0xffffffff);
	test_description(-EINVAL, dev->device_id = 1);
	test_description(-EINVAL, dev->event_bits = 17);
	test_description(-EINVAL, dev->event_bits = 0);
	test_description(-EPERM, dev->itt += 1);
	test_description(-EPERM, dev->itt = ~0ULL);
	test_description(-EPERM, dev->itt = GENMASK_ULL(51, 8));
}

static void test_refusals(u32 psz)
{
	u32 per_page = psz / 8, old = fake->dev->device_id, new = 2 * per_page + 3;
	u64 itt = fake->new_itt | ITS_VALID;

	its_fake_cmd(fake, GITS_CMD_SYNC, 0, 0, 0, PKVM_ITS_ACCEPTED);
	its_fake_cmd(fake, GITS_CMD_SYNC, 0, SZ_64K, 0, PKVM_ITS_RDBASE);
	its_fake_cmd(fake, GITS_CMD_MOVALL, 0, 0, 0, PKVM_ITS_ACCEPTED);
	its_fake_cmd(fake, GITS_CMD_MOVALL, 0, 0, SZ_64K, PKVM_ITS_RDBASE);
	its_fake_cmd(fake, GITS_CMD_MAPC, 0, ITS_VALID, 0, PKVM_ITS_ACCEPTED);
	its_fake_cmd(fake, GITS_CMD_MAPC, 0, ITS_VALID | SZ_64K, 0, PKVM_ITS_RDBASE);
	its_fake_cmd(fake, GITS_CMD_MAPC, 0, ITS_VALID | per_page, 0, PKVM_ITS_COLLECTION_RANGE);
	its_fake_cmd(fake, GITS_CMD_INVALL, 0, per_page, 0, PKVM_ITS_COLLECTION_RANGE);
	its_fake_cmd(fake, 0, 0, 0, 0, PKVM_ITS_UNKNOWN_COMMAND);
	its_fake_cmd(fake, 0xff, 0, 0, 0, PKVM_ITS_UNKNOWN_COMMAND);
	its_fake_cmd(fake, GITS_CMD_VMAPP, 0, ITS_VALID, 0, PKVM_ITS_VLPI_COMMAND);
	check(fake->its->stats.refused == 8);

	its_fake_cmd(fake, ITS_DEV(old, GITS_CMD_MAPTI), ITS_EVENT(8192, 0), 0, 0,
		     PKVM_ITS_ACCEPTED);
	its_fake_cmd(fake, ITS_DEV(old, GITS_CMD_MAPTI), ITS_EVENT(8191, 0), 0, 0,
		     PKVM_ITS_LPI_RANGE);
	its_fake_cmd(fake, ITS_DEV(old, GITS_CMD_MAPTI), ITS_EVENT(65536, 0), 0, 0,
		     PKVM_ITS_LPI_RANGE);
	its_fake_cmd(fake, ITS_DEV(old, GITS_CMD_MAPTI), ITS_EVENT(8192, 31), 0, 0,
		     PKVM_ITS_ACCEPTED);
	its_fake_cmd(fake, ITS_DEV(old, GITS_CMD_MAPTI), ITS_EVENT(8192, 32), 0, 0,
		     PKVM_ITS_EVENT_RANGE);
	its_fake_cmd(fake, ITS_DEV(old, GITS_CMD_MAPI), 8192, 0, 0, PKVM_ITS_EVENT_RANGE);
	its_fake_cmd(fake, ITS_DEV(old, GITS_CMD_MOVI), 0, per_page, 0,
		     PKVM_ITS_COLLECTION_RANGE);
	its_fake_cmd(fake, ITS_DEV(new, GITS_CMD_INV), 0, 0, 0, PKVM_ITS_DEVICE_UNMAPPED);
	its_fake_cmd(fake, ITS_DEV(new, GITS_CMD_MAPD), 0, 0, 0, PKVM_ITS_DEVICE_UNMAPPED);
	its_fake_cmd(fake, ITS_DEV(~0U, GITS_CMD_MAPD), 4, itt, 0, PKVM_ITS_DEVICE_RANGE);
	its_fake_cmd(fake, ITS_DEV(old, GITS_CMD_MAPD), 4, itt, 0, PKVM_ITS_DEVICE_MAPPED);
	its_fake_cmd(fake, ITS_DEV(new, GITS_CMD_MAPD), 16, itt, 0, PKVM_ITS_ITT_SIZE);
}

static void test_bad_l2(u32 dev, u64 l2, u64 chunk, enum pkvm_its_refusal why)
{
	struct its_handover_table *table = &fake->desc->tables[0];
	u32 idx = dev / (fake->psz / 8);

	its_arena_word(table->shadow)[idx] = l2;
	its_arena_word(table->shadow + fake->psz)[idx] = chunk;
	its_fake_cmd(fake, ITS_DEV(dev, GITS_CMD_MAPD), 4, ITS_VALID | fake->new_itt, 0, why);
	check(pkvm_hyp_owns(fake->new_itt, PAGE_SIZE) == !why);
	check(pkvm_hyp_owns(fake->new_l2, fake->psz) == !why);
	check(pkvm_hyp_owns(fake->new_chunk, fake->psz) == !why);
}

static void test_l2(u32 psz, u32 dev, u64 guest_page)
{
	u64 good = fake->new_l2 | ITS_VALID, chunk = fake->new_chunk;
	u64 state = hyp_virt_to_phys(fake->state);
	struct hyp_its_table *table;

	test_bad_l2(dev, 0, chunk, PKVM_ITS_L2_ENTRY);
	test_bad_l2(dev, (good + 1), chunk, PKVM_ITS_L2_ENTRY);
	test_bad_l2(dev, state | ITS_VALID, chunk,
		    IS_ALIGNED(state, psz) ? PKVM_ITS_L2_OWNER : PKVM_ITS_L2_ENTRY);
	test_bad_l2(dev, ALIGN_DOWN(state, psz) | ITS_VALID, chunk, PKVM_ITS_L2_OWNER);
	test_bad_l2(dev, guest_page | ITS_VALID, chunk, PKVM_ITS_L2_OWNER);
	test_bad_l2(dev, fake->its->device_table->l1[1], chunk, PKVM_ITS_L2_OWNER);
	test_bad_l2(dev, good, guest_page, PKVM_ITS_L2_OWNER);
	test_bad_l2(dev, good, ALIGN_DOWN(state, PAGE_SIZE), PKVM_ITS_L2_OWNER);
	test_bad_l2(dev, good, fake->new_l2, PKVM_ITS_L2_OWNER);
	test_bad_l2(dev, good, chunk + 1, PKVM_ITS_L2_OWNER);

	its_fake_cmd(fake, ITS_DEV(dev, GITS_CMD_MAPD), 4, ITS_VALID | fake->dev->itt, 0,
		     PKVM_ITS_ITT_OWNER);
	its_fake_cmd(fake, ITS_DEV(dev, GITS_CMD_MAPD), 4, ITS_VALID | guest_page, 0,
		     PKVM_ITS_ITT_OWNER);
	test_bad_l2(dev, good, chunk, PKVM_ITS_ACCEPTED);

	table = fake->its->device_table;
	check(table->nr_l2 == 3);
	check(table->l1[2] == (fake->new_l2 | ITS_VALID));
	check(!*its_arena_word(fake->new_itt));
	check(!*its_arena_word(fake->new_l2));
}

static void test_commands(u32 psz, u64 guest_page)
{
	u32 new = 2 * psz / 8 + 3, far = 5 * psz / 8;
	u64 itt;

	fake_init(psz, true);
	itt = fake->new_itt;

	/* What a host would like the ITS, or EL2, to find there. */
	*its_arena_word(itt) = ~0ULL;
	*its_arena_word(fake->new_l2) = ~0ULL;
	its_arena_word(fake->new_chunk)[2] = ITS_VALID | 5;

	its_arena_return();
	check(!its_fake_setup(fake));
	test_refusals(psz);
	test_l2(psz, new, guest_page);

	its_fake_cmd(fake, ITS_DEV(new, GITS_CMD_MAPD), 4, ITS_VALID | itt, 0,
		     PKVM_ITS_DEVICE_MAPPED);
	its_fake_cmd(fake, ITS_DEV(new, GITS_CMD_INT), 31, 0, 0, PKVM_ITS_ACCEPTED);
	its_fake_cmd(fake, ITS_DEV(new, GITS_CMD_INT), 32, 0, 0, PKVM_ITS_EVENT_RANGE);
	its_fake_cmd(fake, ITS_DEV(new - 1, GITS_CMD_INT), 0, 0, 0, PKVM_ITS_DEVICE_UNMAPPED);
	its_fake_cmd(fake, ITS_DEV(far, GITS_CMD_INT), 0, 0, 0, PKVM_ITS_DEVICE_UNMAPPED);

	its_fake_cmd(fake, ITS_DEV(new, GITS_CMD_MAPD), 0, 0, 0, PKVM_ITS_ACCEPTED);
	check(pkvm_hyp_owns(itt, PAGE_SIZE));
	its_fake_cmd(fake, ITS_DEV(new, GITS_CMD_INT), 0, 0, 0, PKVM_ITS_DEVICE_UNMAPPED);
	its_fake_cmd(fake, ITS_DEV(new, GITS_CMD_MAPD), 0, 0, 0, PKVM_ITS_DEVICE_UNMAPPED);
	its_fake_cmd(fake, ITS_DEV(new, GITS_CMD_MAPD), 4, ITS_VALID | itt, 0,
		     PKVM_ITS_DEVICE_MAPPED);
	its_fake_cmd(fake, GITS_CMD_SYNC, 0, 0, 0, PKVM_ITS_ACCEPTED);
	check(!pkvm_hyp_owns(itt, PAGE_SIZE));
	its_fake_cmd(fake, ITS_DEV(new, GITS_CMD_INT), 0, 0, 0, PKVM_ITS_DEVICE_UNMAPPED);

	fake_teardown();
}

/*
 * A command that the ITS itself stalls at: the host may replace it by a SYNC, but
 * only before the ITS was told to try again.
 */
static void test_stalled_its(void)
{
	u64 op, retry = CMD_SIZE | GITS_CWRITER_RETRY;
	struct hyp_its *its = fake->its;

	fake_init_and_setup();
	fake->slow = true;
	its_fake_cmd(fake, GITS_CMD_INVALL, 0, 1, 0, PKVM_ITS_ACCEPTED);

	for (op = GITS_CMD_INVALL; op; op = op == GITS_CMD_SYNC ? 0 : GITS_CMD_SYNC) {
		its_fake_execute(fake, GITS_CREADR_STALLED);
		check(its_fake_access(fake, GITS_CREADR, 8, false, 0) == GITS_CREADR_STALLED);

		its->shadow[0].raw_cmd[0] = op;
		its->shadow[0].raw_cmd[2] = 0;
		its_fake_access(fake, GITS_CWRITER, 8, true, retry);
		check(its->queue[0].raw_cmd[0] == op);
		check(fake->regs[GITS_CWRITER / 8] == retry);

		/* It may be reading the slot now. */
		its->shadow[0].raw_cmd[0] = GITS_CMD_SYNC;
		its_fake_access(fake, GITS_CWRITER, 8, true, retry);
		check(its->queue[0].raw_cmd[0] == op);
		its_fake_execute(fake, 0);
	}

	check(its_fake_execute(fake, its->posted) == its->posted);
	fake_teardown();
}

static bool fake_send(u64 dw0, u64 sync)
{
	struct its_cmd_block cmd = { .raw_cmd = { dw0, 0, 0, U64_MAX } };
	bool sent;

	hyp_spin_lock(&fake->its->lock);
	sent = hyp_its_send(fake->its, &cmd, sync);
	hyp_spin_unlock(&fake->its->lock);

	return sent;
}

/* A command in registers, which goes to the ITS with its SYNC or not at all. */
static void test_send(void)
{
	struct hyp_its *its = fake->its;
	u32 slots = 2;

	fake_init_and_setup();
	fake->slow = true;

	check(fake_send(GITS_CMD_INVALL, GITS_CMD_SYNC));
	check(its->posted == 2 * CMD_SIZE && its->cwriter == its->posted);
	check(fake->regs[GITS_CWRITER / 8] == its->posted);
	check(its->queue[0].raw_cmd[0] == GITS_CMD_INVALL && !its->queue[0].raw_cmd[3]);
	check(its->queue[1].raw_cmd[0] == GITS_CMD_SYNC && !its->consumed);

	check(!fake_send(GITS_CMD_INT, GITS_CMD_SYNC));
	check(!fake_send(GITS_CMD_INVALL, GITS_CMD_SYNC | SZ_64K));
	check(!fake_send(GITS_CMD_INVALL, GITS_CMD_MAPC));
	check(!fake_send(GITS_CMD_INVALL, GITS_CMD_VSYNC));
	check(its->posted == 2 * CMD_SIZE && !its->stalled && !its->stats.refused);
	check(its->queue[2].raw_cmd[0] == GITS_CMD_SYNC);

	/* Executed at once. */
	its_fake_execute(fake, its->posted);
	check(its->consumed == its->posted);
	fake->regs[GITS_CREADR / 8] = 4 * CMD_SIZE;
	check(fake_send(GITS_CMD_INVALL, GITS_CMD_SYNC));
	check(its->consumed == 4 * CMD_SIZE && its->queue[2].raw_cmd[0] == GITS_CMD_SYNC);

	/* One slot of the queue stays free. */
	for (; fake_send(GITS_CMD_INVALL, GITS_CMD_SYNC); slots += 2)
		;
	check(slots == its->queue_size / CMD_SIZE && its->posted == 2 * CMD_SIZE);
	check(its->cwriter == its->posted);
	its_fake_execute(fake, its->posted);
	while (its->consumed != its->posted)
		its_fake_access(fake, GITS_CREADR, 8, false, 0);

	/* Not past a command that waits in the host's queue. */
	its_fake_cmd(fake, GITS_CMD_INT, 0, 0, 0, PKVM_ITS_DEVICE_UNMAPPED);
	its->cwriter = 3 * CMD_SIZE;
	check(!fake_send(GITS_CMD_INVALL, GITS_CMD_SYNC));
	its->cwriter = its->posted;
	its->stalled = false;

	/* Without a SYNC. */
	check(fake_send(GITS_CMD_INVALL, 0) && its->posted == 3 * CMD_SIZE);

	fake->regs[GITS_CTLR / 8] = GITS_CTLR_QUIESCENT;
	check(!fake_send(GITS_CMD_INVALL, GITS_CMD_SYNC));
	fake_teardown();
}

static bool fake_device_is_mapped(void)
{
	return !hyp_its_check_event(fake->its, fake->dev->device_id, 0);
}

static u64 *fake_device_record(void)
{
	return hyp_its_record(fake->its->device_table, fake->dev->device_id);
}

static void fake_unmap_and_sync(void)
{
	its_fake_cmd(fake, ITS_DEV(fake->dev->device_id, GITS_CMD_MAPD), 0, 0, 0,
		     PKVM_ITS_ACCEPTED);
	its_fake_cmd(fake, GITS_CMD_SYNC, 0, 0, 0, PKVM_ITS_ACCEPTED);
}

static void check_leaving(u64 creadr)
{
	check(its_fake_access(fake, GITS_CREADR, 8, false, 0) == creadr);
	check(pkvm_hyp_owns(fake->dev->itt, PAGE_SIZE));
	check(*fake_device_record());
	check(*its_arena_word(fake->dev->itt) == 0x600df00d);
}

/* Off, it may have consumed the unmap or not: the host has to unmap it again. */
static void test_its_off(void)
{
	fake->regs[GITS_CTLR / 8] = GITS_CTLR_QUIESCENT;
	fake->regs[GITS_CREADR / 8] = fake->its->posted;
	check_leaving(0);

	its_fake_access(fake, GITS_CTLR, 4, true, GITS_CTLR_ENABLE);
	check(fake->regs[GITS_CTLR / 8] & GITS_CTLR_ENABLE);
	check(!fake->regs[GITS_CWRITER / 8]);
	its_fake_execute(fake, 0);
	check(fake_device_is_mapped());
}

/*
 * An ITS that answers late, that loses its registers, and that answers after all.
 * It may write to the ITT until it has consumed both the unmap and a SYNC, and
 * that is what the host is told.
 */
static void test_slow_its(void)
{
	u64 *regs = fake->regs;

	fake_init_and_setup();
	fake->slow = true;
	fake_unmap_and_sync();
	check_leaving(0);
	check(!fake_device_is_mapped());
	test_its_off();
	fake_unmap_and_sync();

	/* Neither an ITS with another queue nor a read pointer elsewhere is believed. */
	regs[GITS_CBASER / 8] = 0;
	regs[GITS_CREADR / 8] = 2 * CMD_SIZE;
	check_leaving(0);
	regs[GITS_CBASER / 8] = fake->desc->cbaser;
	regs[GITS_CREADR / 8] = 3 * CMD_SIZE;
	check_leaving(0);
	regs[GITS_CREADR / 8] = CMD_SIZE;
	check_leaving(CMD_SIZE);

	check(its_fake_execute(fake, 2 * CMD_SIZE) == 2 * CMD_SIZE);
	check(!pkvm_hyp_owns(fake->dev->itt, PAGE_SIZE));
	check(!*fake_device_record());
	check(!fake->its->nr_unmaps);

	fake->desc->nr_devices = 0;
	fake_teardown();
}

/* Once the queue has wrapped, offsets behind its end would look outstanding. */
static void test_wrapped_queue(void)
{
	struct hyp_its *its = fake->its;
	u32 consumed;

	fake_init_and_setup();
	consumed = its->queue_size - 2 * CMD_SIZE;
	while (its->posted != consumed)
		its_fake_cmd(fake, GITS_CMD_INVALL, 0, 1, 0, PKVM_ITS_ACCEPTED);

	fake->slow = true;
	while (its->posted != 2 * CMD_SIZE)
		its_fake_cmd(fake, GITS_CMD_INVALL, 0, 1, 0, PKVM_ITS_ACCEPTED);

	check(its_fake_execute(fake, its->queue_size + CMD_SIZE) == consumed);
	check(its_fake_execute(fake, 2 * CMD_SIZE) == 2 * CMD_SIZE);
	fake_teardown();
}

/*
 * Firmware writes back GITS_CBASER, so that GITS_CREADR is 0, and GITS_CWRITER;
 * then the host enables the ITS, and does nothing else.
 */
static void test_restored_its(void)
{
	u32 i, device;

	fake_init(SZ_4K, true);
	device = fake->dev->device_id;
	*its_arena_word(fake->desc->queue + SZ_1K) = ITS_DEV(device, GITS_CMD_MAPD);
	its_arena_return();
	check(!its_fake_setup(fake));

	its_fake_cmd(fake, ITS_DEV(device, GITS_CMD_MAPTI), ITS_EVENT(8192, 0), 0, 0,
		     PKVM_ITS_ACCEPTED);
	its_fake_cmd(fake, ITS_DEV(device, GITS_CMD_INV), 0, 0, 0, PKVM_ITS_ACCEPTED);

	fake->regs[GITS_CTLR / 8] = GITS_CTLR_QUIESCENT;
	fake->regs[GITS_CREADR / 8] = 0;
	its_fake_access(fake, GITS_CTLR, 4, true, GITS_CTLR_ENABLE);
	check(fake->regs[GITS_CTLR / 8] & GITS_CTLR_ENABLE);
	check(!fake->regs[GITS_CWRITER / 8]);

	for (i = 0; i < SZ_4K / CMD_SIZE; i++)
		check(fake->its->queue[i].raw_cmd[0] == GITS_CMD_SYNC);

	fake_teardown();
}

/* What one entry does is bounded, and the rest comes with the next. */
static void test_budget(void)
{
	u32 i, last = SZ_4K - CMD_SIZE;
	struct hyp_its *its = fake->its;

	fake_init_and_setup();
	for (i = 0; i < SZ_4K / CMD_SIZE; i++)
		its->shadow[i].raw_cmd[0] = GITS_CMD_SYNC;

	its_fake_access(fake, GITS_CWRITER, 8, true, last);
	check(its->posted == ITS_BUDGET_CMDS * CMD_SIZE);
	fake->regs[GITS_CREADR / 8] = its->posted;
	for (i = 0; i < 3; i++) {
		its_fake_access(fake, GITS_IIDR, 4, false, 0);
		fake->regs[GITS_CREADR / 8] = its->posted;
	}
	check(its->posted == last);
	check(its_fake_execute(fake, last) == last);

	fake_teardown();
}

/* More devices unmapped, without a SYNC, than EL2 remembers. */
static void test_many_unmaps(void)
{
	u32 i, first = SZ_4K / 8 + 2;
	u64 itt;

	its_fake_init(fake, SZ_4K, true);
	itt = its_arena_alloc((ITS_MAX_UNMAPS + 1) * PAGE_SIZE, PAGE_SIZE);
	its_arena_return();
	check(!its_fake_setup(fake));

	for (i = 0; i <= ITS_MAX_UNMAPS; i++)
		its_fake_cmd(fake, ITS_DEV(first + i, GITS_CMD_MAPD), 0,
			     ITS_VALID | (itt + i * PAGE_SIZE), 0, PKVM_ITS_ACCEPTED);
	for (i = 0; i < ITS_MAX_UNMAPS; i++)
		its_fake_cmd(fake, ITS_DEV(first + i, GITS_CMD_MAPD), 0, 0, 0, PKVM_ITS_ACCEPTED);
	its_fake_cmd(fake, ITS_DEV(first + i, GITS_CMD_MAPD), 0, 0, 0, PKVM_ITS_UNMAPS);
	check(pkvm_hyp_owns(itt, (ITS_MAX_UNMAPS + 1) * PAGE_SIZE));

	fake->slow = true;
	its_fake_cmd(fake, GITS_CMD_SYNC, 0, 0, 0, PKVM_ITS_ACCEPTED);
	for (i = 0; i < ITS_MAX_UNMAPS; i++)
		its_fake_execute(fake, fake->its->posted);
	check(fake->its->consumed == fake->its->posted);
	check(!fake->its->nr_unmaps);

	fake->slow = false;
	its_fake_cmd(fake, ITS_DEV(first + ITS_MAX_UNMAPS, GITS_CMD_MAPD), 0, 0, 0,
		     PKVM_ITS_ACCEPTED);
	its_fake_cmd(fake, GITS_CMD_SYNC, 0, 0, 0, PKVM_ITS_ACCEPTED);
	for (i = 0; i <= ITS_MAX_UNMAPS; i++)
		check(!pkvm_hyp_owns(itt + i * PAGE_SIZE, PAGE_SIZE));

	fake_teardown();
}

static void test_page_size(u32 psz, u64 guest_page)
{
	test_setup(psz, false);
	test_setup(psz, true);
	its_fake_init(fake, psz, true);
	its_test_commands(fake);
	test_l1_entries(psz, guest_page);
	test_commands(psz, guest_page);
}

/**
 * its_selftest_more() - All of the self test that does not fit in ITS pages of 4K.
 * @vcpu:	A vCPU of the self test's guest, to own the page behind the arena.
 */
void its_selftest_more(struct pkvm_hyp_vcpu *vcpu)
{
	u64 gfn = hyp_phys_to_pfn(BIT(vcpu->vcpu.arch.hw_mmu->pgt->ia_bits - 1)) + 1;
	struct pkvm_hyp_vm *vm = pkvm_hyp_vcpu_to_hyp_vm(vcpu);
	u64 guest_page = its_arena + ITS_SELFTEST_SIZE;

	check(!__pkvm_hyp_donate_host(hyp_phys_to_pfn(guest_page), 1));
	check(!__pkvm_host_donate_guest(hyp_phys_to_pfn(guest_page), gfn, vcpu));

	test_page_size(SZ_4K, guest_page);
	test_page_size(SZ_16K, guest_page);
	test_page_size(SZ_64K, guest_page);
	test_registers();
	test_descriptions(guest_page);
	test_stalled_its();
	test_send();
	test_slow_its();
	test_wrapped_queue();
	test_restored_its();
	test_budget();
	test_many_unmaps();
	its_selftest_vpes(guest_page);
	its_selftest_rdists();

	check(!__pkvm_host_reclaim_page_guest(gfn, vm));
	check(!__pkvm_host_donate_hyp(hyp_phys_to_pfn(guest_page), 1));
}
