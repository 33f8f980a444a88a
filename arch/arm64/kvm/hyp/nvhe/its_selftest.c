// SPDX-License-Identifier: GPL-2.0-only
/*
 * Self test of the hand-over of an ITS, at EL2 and at each boot.
 *
 * A fake ITS, whose registers are memory of EL2's, is set up and torn down. What
 * it uses is pages of an arena that the test returns to the host. Each of them in
 * turn is one that the host can neither donate nor share: after the failure every
 * page of the arena must be in the state from before.
 */

#include <linux/bitfield.h>
#include <linux/log2.h>

#include <nvhe/its_selftest.h>
#include <nvhe/mem_protect.h>
#include <nvhe/memory.h>

struct its_fake its_fake;
u64 its_arena, its_arena_end;
static struct hyp_page its_saved_pages[ITS_SELFTEST_SIZE >> PAGE_SHIFT];

u64 *its_arena_word(u64 phys)
{
	return hyp_phys_to_virt(phys);
}

u64 its_arena_alloc(u64 size, u64 align)
{
	u64 phys = ALIGN(its_arena_end, align);

	its_arena_end = phys + PAGE_ALIGN(size);
	WARN_ON(its_arena_end > its_arena + ITS_SELFTEST_SIZE);
	memset(its_arena_word(phys), 0, PAGE_ALIGN(size));

	return phys;
}

void its_arena_save(void)
{
	memcpy(its_saved_pages, hyp_phys_to_page(its_arena), sizeof(its_saved_pages));
}

void its_arena_check(void)
{
	struct hyp_page *page = hyp_phys_to_page(its_arena);
	u64 i;

	for (i = 0; i < (its_arena_end - its_arena) >> PAGE_SHIFT; i++) {
		check(get_host_state(&page[i]) == get_host_state(&its_saved_pages[i]));
		check(get_hyp_state(&page[i]) == get_hyp_state(&its_saved_pages[i]));
		check(page[i].refcount == its_saved_pages[i].refcount);
	}
}

/* What was allocated is the host's from here ... */
void its_arena_return(void)
{
	u64 nr_pages = (its_arena_end - its_arena) >> PAGE_SHIFT;

	check(!__pkvm_hyp_donate_host(hyp_phys_to_pfn(its_arena), nr_pages));
}

/* ... to here, and must be the host's alone again. */
void its_arena_donate(void)
{
	u64 nr_pages = (its_arena_end - its_arena) >> PAGE_SHIFT;

	check(!__pkvm_host_donate_hyp(hyp_phys_to_pfn(its_arena), nr_pages));
	its_arena_end = its_arena;
}

void its_block_page(u64 phys, bool share)
{
	u64 pfn = hyp_phys_to_pfn(phys);

	check(!(share ? __pkvm_host_share_hyp(pfn) : __pkvm_host_donate_hyp(pfn, 1)));
	its_arena_save();
}

void its_unblock_page(u64 phys, bool share)
{
	u64 pfn = hyp_phys_to_pfn(phys);

	its_arena_check();
	check(!(share ? __pkvm_host_unshare_hyp(pfn) : __pkvm_hyp_donate_host(pfn, 1)));
}

u32 its_fake_record_size(struct its_fake *fake, u64 type)
{
	bool shared = type == GITS_BASER_TYPE_VCPU &&
		      FIELD_GET(GITS_TYPER_SVPET, fake->desc->typer);

	return its_handover_record_size(type) * (shared ? ITS_FAKE_NR_SVPET : 1);
}

void its_fake_add_table(struct its_fake *fake, int nr, u64 type, bool indirect)
{
	u64 records = fake->psz / 8 * its_fake_record_size(fake, type);
	struct its_handover_table *table = &fake->desc->tables[nr];

	if (records)
		table->nr_its = its_fake_record_size(fake, type) / its_handover_record_size(type);
	table->base = its_arena_alloc(fake->psz, fake->unit);
	if (indirect)
		table->shadow = its_arena_alloc(2 * fake->psz, fake->unit);
	if (records)
		table->records = its_arena_alloc(indirect ? fake->psz : records, fake->unit);

	table->baser = table->base | GITS_BASER_VALID | GITS_BASER_InnerShareable |
		       FIELD_PREP(GITS_BASER_PAGE_SIZE_MASK, ilog2(fake->psz / SZ_4K) / 2) |
		       type << GITS_BASER_TYPE_SHIFT | 7ULL << GITS_BASER_ENTRY_SIZE_SHIFT |
		       (indirect ? GITS_BASER_INDIRECT : 0);
	fake->regs[GITS_BASER / 8 + nr] = table->baser;
}

void its_fake_add_l2(struct its_fake *fake, int nr, u32 idx)
{
	struct its_handover_table *table = &fake->desc->tables[nr];
	u32 size = fake->psz / 8 * its_fake_record_size(fake, GITS_BASER_TYPE(table->baser));

	its_arena_word(table->base)[idx] = its_arena_alloc(fake->psz, fake->unit) | ITS_VALID;
	its_arena_word(table->records)[idx] = its_arena_alloc(size, fake->unit);
}

/* If the Device table is indirect, it has L2 pages 1 and 3, and the device is in 1. */
void its_fake_init(struct its_fake *fake, u32 psz, bool indirect)
{
	struct its_handover *desc = (void *)fake->data;

	memset(fake, 0, sizeof(*fake));
	fake->its = (void *)fake->state;
	fake->desc = desc;
	fake->dev = desc->devices;
	fake->psz = psz;
	fake->unit = max_t(u32, psz, PAGE_SIZE);
	fake->new_l2 = its_arena_alloc(psz, fake->unit);
	fake->new_chunk = its_arena_alloc(psz, fake->unit);
	fake->new_itt = its_arena_alloc(PAGE_SIZE, fake->unit);

	desc->itt_entry_size = 8;
	desc->lpi_id_bits = 16;
	desc->queue = its_arena_alloc(SZ_4K, fake->unit);
	fake->needed = desc->queue;
	desc->shadow_queue = its_arena_alloc(SZ_4K, fake->unit);
	desc->cbaser = desc->queue | GITS_CBASER_VALID | GITS_CBASER_InnerShareable;
	desc->typer = GITS_TYPER_PLPIS | FIELD_PREP(GITS_TYPER_ITT_ENTRY_SIZE, 7) |
		      FIELD_PREP(GITS_TYPER_IDBITS, 15) | FIELD_PREP(GITS_TYPER_DEVBITS, 15);
	fake->regs[GITS_TYPER / 8] = desc->typer;
	fake->regs[GITS_CTLR / 8] = GITS_CTLR_ENABLE;
	fake->regs[GITS_CBASER / 8] = desc->cbaser;

	its_fake_add_table(fake, 3, GITS_BASER_TYPE_COLLECTION, false);
	its_fake_add_table(fake, 0, GITS_BASER_TYPE_DEVICE, indirect);
	if (indirect) {
		its_fake_add_l2(fake, 0, 1);
		its_fake_add_l2(fake, 0, 3);
	}

	desc->nr_devices = 1;
	fake->dev->itt = its_arena_alloc(PAGE_SIZE, fake->unit);
	fake->dev->device_id = (indirect ? psz / 8 : 0) + 1;
	fake->dev->event_bits = 5;
}

/* The ITS holds its Device table itself: what was that and its records is records. */
static void its_fake_hold_devices(struct its_fake *fake)
{
	u64 nr = 2 * fake->unit / ITS_DEVICE_RECORD_SIZE;
	struct its_handover *desc = fake->desc;

	desc->device_records = desc->tables[0].base;
	desc->tables[0] = (struct its_handover_table) {};
	FIELD_MODIFY(GITS_TYPER_DEVBITS, &desc->typer, ilog2(nr) - 1);
	fake->regs[GITS_TYPER / 8] = desc->typer;
	fake->regs[GITS_BASER / 8] = 0;
}

int its_fake_setup(struct its_fake *fake)
{
	enum pkvm_its_step step;

	memset(fake->state, 0, sizeof(fake->state));
	hyp_spin_lock_init(&fake->its->lock);
	fake->its->region.base = (void __force __iomem *)fake->regs;
	fake->its->nr_targets = 1;

	return hyp_its_setup(fake->its, fake->desc, &step);
}

u64 its_fake_access(struct its_fake *fake, u32 offset, u8 width, bool write, u64 data)
{
	struct hyp_mmio_access access = {
		.offset = offset, .width = width, .write = write, .data = data,
	};

	hyp_its_handle_access(&fake->its->region, &access);

	return access.data;
}

/* The host queues a command. If EL2 does not refuse it, an ITS that is not slow executes it. */
void its_fake_cmd(struct its_fake *fake, u64 dw0, u64 dw1, u64 dw2, u64 dw3,
		  enum pkvm_its_refusal why)
{
	struct its_cmd_block cmd = { .raw_cmd = { dw0, dw1, dw2, dw3 } };
	struct hyp_its *its = fake->its;
	u32 next, posted = its->posted;

	its->shadow[posted / sizeof(cmd)] = cmd;
	next = (posted + sizeof(cmd)) % its->queue_size;
	its_fake_access(fake, GITS_CWRITER, 8, true, next);
	check(fake->regs[GITS_CWRITER / 8] == (why ? posted : next));
	check(!why || its->refused.why == why);
	if (fake->slow)
		return;

	fake->regs[GITS_CREADR / 8] = its->posted;
	check(its_fake_access(fake, GITS_CREADR, 8, false, 0) ==
	      (why ? posted | GITS_CREADR_STALLED : next));
	if (why) {
		its->cwriter = posted;
		its->stalled = false;
	}
}

/* In the end all is EL2's but for @nr_shadows units of shadows, shared and pinned. */
void its_test_setup(struct its_fake *fake, int nr_shadows)
{
	struct hyp_page *page;
	int share, ret;
	u64 phys;

	its_arena_return();
	for (phys = its_arena; phys < its_arena_end; phys += fake->unit) {
		for (share = 0; share <= 1; share++) {
			its_block_page(phys, share);
			ret = its_fake_setup(fake);
			check(ret == (phys < fake->needed ? 0 : -EPERM));
			if (!ret)
				hyp_its_teardown(fake->its, fake->desc);
			its_unblock_page(phys, share);
		}
	}

	check(!its_fake_setup(fake));
	for (phys = fake->needed; phys < its_arena_end; phys += fake->unit) {
		page = hyp_phys_to_page(phys);
		nr_shadows -= page->refcount;
		check(page->refcount ? get_host_state(page) == PKVM_PAGE_SHARED_OWNED :
				       pkvm_hyp_owns(phys, PAGE_SIZE));
	}
	check(!nr_shadows);
	hyp_its_teardown(fake->its, fake->desc);
	its_arena_donate();
}

/* Nothing of what is in these pages before may be left, as if they were a device's. */
static void its_test_mapd(struct its_fake *fake, u64 mapd)
{
	u64 phys, itt = fake->new_itt | ITS_VALID;
	enum pkvm_its_refusal why;
	int share;

	for (phys = its_arena; phys < fake->needed; phys += fake->unit) {
		why = phys == fake->new_itt ? PKVM_ITS_ITT_OWNER : PKVM_ITS_L2_OWNER;
		for (share = 1; share >= 0; share--) {
			its_block_page(phys, share);
			its_fake_cmd(fake, mapd, 4, itt, 0, why);
			if (!share)
				*its_arena_word(phys) = ITS_VALID | 5;
			its_unblock_page(phys, share);
		}
	}

	its_fake_cmd(fake, mapd, 4, itt, 0, PKVM_ITS_ACCEPTED);
	for (phys = its_arena; phys < fake->needed; phys += fake->unit)
		check(pkvm_hyp_owns(phys, PAGE_SIZE) && !*its_arena_word(phys));
}

void its_test_commands(struct its_fake *fake)
{
	struct its_handover_table *table = &fake->desc->tables[0];
	u32 dev = 2 * fake->psz / 8 + 1;
	u64 mapd = ITS_DEV(dev, GITS_CMD_MAPD);
	u64 itt = fake->new_itt;

	its_arena_return();
	check(!its_fake_setup(fake));

	its_fake_cmd(fake, mapd, 4, itt | ITS_VALID, 0, PKVM_ITS_L2_ENTRY);
	its_arena_word(table->shadow)[2] = fake->new_l2 | ITS_VALID;
	its_arena_word(table->shadow + fake->psz)[2] = fake->new_chunk;
	its_test_mapd(fake, mapd);

	its_fake_cmd(fake, mapd, 4, itt | ITS_VALID, 0, PKVM_ITS_DEVICE_MAPPED);
	its_fake_cmd(fake, ITS_DEV(dev, GITS_CMD_MAPTI), ITS_EVENT(8192, 31), 0, 0, 0);
	its_fake_cmd(fake, ITS_DEV(dev, GITS_CMD_INT), 32, 0, 0, PKVM_ITS_EVENT_RANGE);
	its_fake_cmd(fake, ITS_DEV(dev - 1, GITS_CMD_INT), 0, 0, 0, PKVM_ITS_DEVICE_UNMAPPED);
	its_fake_cmd(fake, GITS_CMD_SYNC, 0, SZ_64K, 0, PKVM_ITS_RDBASE);
	its_fake_cmd(fake, GITS_CMD_SYNC, 0, 0, 0, PKVM_ITS_ACCEPTED);

	its_fake_cmd(fake, mapd, 0, 0, 0, PKVM_ITS_ACCEPTED);
	check(pkvm_hyp_owns(itt, PAGE_SIZE));
	its_fake_cmd(fake, GITS_CMD_SYNC, 0, 0, 0, PKVM_ITS_ACCEPTED);
	check(!pkvm_hyp_owns(itt, PAGE_SIZE));

	hyp_its_teardown(fake->its, fake->desc);
	its_arena_donate();
}

/* As many devices as GITS_TYPER says, and none more. */
static void its_test_held_devices(struct its_fake *fake)
{
	u32 nr = its_handover_internal_devices(fake->desc->typer);
	u64 itt = fake->new_itt | ITS_VALID;

	*its_arena_word(fake->desc->device_records + (nr - 1) * ITS_DEVICE_RECORD_SIZE) = itt | 5;
	its_arena_return();
	check(!its_fake_setup(fake));

	its_fake_cmd(fake, ITS_DEV(nr, GITS_CMD_MAPD), 4, itt, 0, PKVM_ITS_DEVICE_RANGE);
	its_fake_cmd(fake, ITS_DEV(nr - 1, GITS_CMD_MAPD), 4, itt, 0, PKVM_ITS_ACCEPTED);
	its_fake_cmd(fake, ITS_DEV(nr - 1, GITS_CMD_INT), 31, 0, 0, PKVM_ITS_ACCEPTED);
	its_fake_cmd(fake, ITS_DEV(nr - 1, GITS_CMD_MAPD), 0, 0, 0, PKVM_ITS_ACCEPTED);
	its_fake_cmd(fake, GITS_CMD_SYNC, 0, 0, 0, PKVM_ITS_ACCEPTED);
	check(!fake->its->tables[0].baser && !pkvm_hyp_owns(fake->new_itt, PAGE_SIZE));

	hyp_its_teardown(fake->its, fake->desc);
	its_arena_donate();
}

/**
 * pkvm_its_selftest() - Test the hand-over of an ITS.
 * @base:	Memory of EL2's, pkvm_its_selftest_pages() long and unused.
 * @vcpu:	A vCPU of the self test's guest.
 *
 * Panics if a check fails, as WARN_ON() does at EL2.
 */
void pkvm_its_selftest(void *base, struct pkvm_hyp_vcpu *vcpu)
{
	its_arena = ALIGN(hyp_virt_to_phys(base), SZ_64K);
	its_arena_end = its_arena;

	its_fake_init(&its_fake, SZ_4K, false);
	its_test_setup(&its_fake, 1);
	its_fake_init(&its_fake, SZ_4K, true);
	its_test_setup(&its_fake, 1 + DIV_ROUND_UP(2 * SZ_4K, PAGE_SIZE));
	its_fake_init(&its_fake, SZ_4K, true);
	its_test_commands(&its_fake);
	its_fake_init(&its_fake, SZ_4K, false);
	its_fake_hold_devices(&its_fake);
	its_test_setup(&its_fake, 1);
	its_fake_init(&its_fake, SZ_4K, false);
	its_fake_hold_devices(&its_fake);
	its_test_held_devices(&its_fake);

	its_selftest_more(vcpu);
}
