// SPDX-License-Identifier: GPL-2.0-only
/*
 * Self test of the hand-over of an ITS, at EL2 and at each boot.
 *
 * Fake ITSs, whose registers are memory of EL2's, are set up and torn down by
 * the code that does it for real ones. Their tables are pages of a small arena
 * that the test gives to the host. Whatever fails, and each donation, share and
 * pin is made to fail in turn, the owner, the state and the pin count of each
 * page of the arena, and its contents, must be those from before.
 */

#include <linux/bitfield.h>

#include <asm/kvm_hyp.h>
#include <asm/kvm_pkvm.h>

#include <nvhe/its_emulate.h>
#include <nvhe/mem_protect.h>
#include <nvhe/memory.h>
#include <nvhe/mm.h>
#include <nvhe/pkvm.h>

#define NR_L1_ENTRIES	4
#define FAKE_DEVICE	1
#define FAKE_EVENT_BITS	5
#define FAKE_PHYS	0x8080000ULL

/* As many pages, of the ITS or of the host, as one fake ITS needs at most. */
#define ARENA_UNITS	24

#define NR_FAKES	2

static u64 arena;
static u64 arena_size;

static u64 fake_regs[NR_FAKES][SZ_4K / sizeof(u64)];
static u64 fake_state[NR_FAKES][(sizeof(struct pkvm_its) + sizeof(u64)) / sizeof(u64)];
static u64 fake_desc[NR_FAKES][(sizeof(struct its_handover) + sizeof(u64) +
				2 * sizeof(struct its_handover_device)) / sizeof(u64)];

static struct hyp_page saved[ITS_SELFTEST_SIZE >> PAGE_SHIFT];
static u64 saved_sum;

static unsigned int transitions;
static unsigned int fail_at = ITS_NO_FAILURE;
static u64 nr_checks;

#define check(cond)		\
	do {			\
		nr_checks++;	\
		WARN_ON(!(cond)); \
	} while (0)

/**
 * its_inject_failure() - Is this transition of page ownership made to fail?
 *
 * Return: true for the one that the self test or the debug parameter chose.
 */
bool its_inject_failure(void)
{
	return transitions++ == fail_at;
}

/**
 * its_set_failure() - Choose the transition that will fail.
 * @nr:	Number of the transition, counted from the next one, from 0.
 */
void its_set_failure(unsigned int nr)
{
	transitions = 0;
	fail_at = nr;
}

/**
 * pkvm_its_selftest_checks() - How many checks did the self test make?
 */
u64 pkvm_its_selftest_checks(void)
{
	return nr_checks;
}

static void arena_write(u64 phys, u64 val)
{
	WRITE_ONCE(*(u64 *)hyp_phys_to_virt(phys), val);
}

static u64 arena_sum(void)
{
	u64 *p = hyp_phys_to_virt(arena);
	u64 sum = 0;
	u64 i;

	for (i = 0; i < arena_size / sizeof(*p); i++)
		sum = ror64(sum, 1) + p[i];

	return sum;
}

static void give_arena(void)
{
	WARN_ON(__pkvm_hyp_donate_host(hyp_phys_to_pfn(arena), arena_size >> PAGE_SHIFT));
}

/* Works only if all of the arena is the host's, and nobody else has a part in it. */
static void take_arena(void)
{
	WARN_ON(__pkvm_host_donate_hyp(hyp_phys_to_pfn(arena), arena_size >> PAGE_SHIFT));
}

static void save_and_give_arena(void)
{
	saved_sum = arena_sum();
	give_arena();
	memcpy(saved, hyp_phys_to_page(arena), (arena_size >> PAGE_SHIFT) * sizeof(*saved));
}

static void check_arena_pages(void)
{
	struct hyp_page *page = hyp_phys_to_page(arena);
	int i;

	for (i = 0; i < arena_size >> PAGE_SHIFT; i++) {
		check(get_host_state(&page[i]) == get_host_state(&saved[i]));
		check(get_hyp_state(&page[i]) == get_hyp_state(&saved[i]));
		check(page[i].refcount == saved[i].refcount);
	}
}

static void take_and_check_arena(void)
{
	check_arena_pages();
	take_arena();
	check(arena_sum() == saved_sum);
}

static void check_owned(u64 phys, u64 size)
{
	check(pkvm_hyp_owns(phys, size));
}

static void check_shared(u64 phys)
{
	struct hyp_page *page = hyp_phys_to_page(phys);

	check(get_host_state(page) == PKVM_PAGE_SHARED_OWNED);
	check(get_hyp_state(page) == PKVM_PAGE_SHARED_BORROWED);
	check(page->refcount == 1);
}

/* Where everything of a fake ITS is. */
struct fake {
	int			nr;
	struct pkvm_its		*its;
	struct its_handover	*desc;
	u64			next;
	u32			psz;
	bool			indirect;
	u64			l2[NR_L1_ENTRIES];
	u64			vpe_l2;
	u64			itt;
};

static u64 fake_alloc(struct fake *fake, u64 size)
{
	u64 align = max_t(u64, fake->psz, PAGE_SIZE);
	u64 phys = ALIGN(fake->next, align);

	fake->next = phys + ALIGN(size, PAGE_SIZE);
	WARN_ON(fake->next > arena + arena_size);

	return phys;
}

static u64 fake_reg(struct fake *fake, u32 offset)
{
	return fake_regs[fake->nr][offset / sizeof(u64)];
}

static void fake_set_reg(struct fake *fake, u32 offset, u64 val)
{
	fake_regs[fake->nr][offset / sizeof(u64)] = val;
}

/* The host reads or writes a register. */
static u64 fake_access(struct fake *fake, u32 offset, u8 width, bool write, u64 data)
{
	struct hyp_mmio_access access = {
		.offset	= offset,
		.width	= width,
		.write	= write,
		.data	= data,
	};

	its_handle_access(&fake->its->region, &access);

	return access.data;
}

/* A fake ITS executes a command by moving its read pointer; EL2 sees that later. */
static void fake_execute(struct fake *fake, u32 creadr)
{
	fake_set_reg(fake, GITS_CREADR, creadr);
	fake_access(fake, GITS_CREADR, 8, false, 0);
}

static u64 fake_psz_bits(u32 psz)
{
	switch (psz) {
	case SZ_4K:
		return GITS_BASER_PAGE_SIZE_4K;
	case SZ_16K:
		return GITS_BASER_PAGE_SIZE_16K;
	default:
		return GITS_BASER_PAGE_SIZE_64K;
	}
}

/* The entries of a page have 8 bytes each. */
static u64 fake_records_size(struct fake *fake, u64 type)
{
	return fake->psz / sizeof(u64) * its_handover_record_size(type);
}

static u64 fake_l2_size(struct fake *fake, u64 type)
{
	return fake->psz + fake_records_size(fake, type);
}

static void fake_add_table(struct fake *fake, int nr, u64 type, bool indirect)
{
	struct its_handover_table *table = &fake->desc->tables[nr];

	table->base = fake_alloc(fake, fake->psz);
	if (indirect)
		table->shadow = fake_alloc(fake, fake->psz);
	else if (its_handover_record_size(type))
		table->records = fake_alloc(fake, fake_records_size(fake, type));

	table->baser = table->base | fake_psz_bits(fake->psz) | GITS_BASER_VALID |
		       type << GITS_BASER_TYPE_SHIFT |
		       7ULL << GITS_BASER_ENTRY_SIZE_SHIFT |
		       GITS_BASER_InnerShareable | (indirect ? GITS_BASER_INDIRECT : 0);
	fake_set_reg(fake, GITS_BASER + nr * sizeof(u64), table->baser);
}

/* An L1 with holes: entries 1 and 3 of it are valid. */
static void fake_add_l2_pages(struct fake *fake)
{
	u64 l1 = fake->desc->tables[0].base;
	int i;

	for (i = 0; i < NR_L1_ENTRIES; i++) {
		fake->l2[i] = fake_alloc(fake, fake_l2_size(fake, GITS_BASER_TYPE_DEVICE));
		if (i % 2)
			arena_write(l1 + i * sizeof(u64), fake->l2[i] | GITS_BASER_VALID);
	}

	fake->vpe_l2 = fake_alloc(fake, fake_l2_size(fake, GITS_BASER_TYPE_VCPU));
	arena_write(fake->desc->tables[1].base, fake->vpe_l2 | GITS_BASER_VALID);
}

static void fake_add_device(struct fake *fake)
{
	u32 per_page = fake->psz / 8;
	struct its_handover_device *dev = (void *)&fake->desc->data[1];

	fake->itt = fake_alloc(fake, PAGE_SIZE);
	fake->desc->nr_devices = 1;
	*dev = (struct its_handover_device) {
		.itt		= fake->itt,
		.device_id	= fake->indirect ? per_page + FAKE_DEVICE : FAKE_DEVICE,
		.event_bits	= FAKE_EVENT_BITS,
	};
	arena_write(fake->itt, 0x600df00d);
}

/* Lay one of them out, from @next in the arena on, which is EL2's here. */
static void fake_init_nr(struct fake *fake, int nr, u64 next, u32 psz, bool indirect,
			 u64 typer)
{
	struct its_handover *desc = (void *)fake_desc[nr];
	struct pkvm_its *its = (void *)fake_state[nr];

	memset(fake, 0, sizeof(*fake));
	memset(fake_regs[nr], 0, sizeof(fake_regs[nr]));
	memset(fake_state[nr], 0, sizeof(fake_state[nr]));
	memset(fake_desc[nr], 0, sizeof(fake_desc[nr]));

	hyp_spin_lock_init(&its->lock);
	its->region.phys = FAKE_PHYS;
	its->region.base = (void __force __iomem *)fake_regs[nr];

	fake->nr = nr;
	fake->its = its;
	fake->desc = desc;
	fake->next = next;
	fake->psz = psz;
	fake->indirect = indirect;

	desc->phys_base = FAKE_PHYS;
	desc->nr_targets = 1;
	desc->itt_entry_size = 8;
	desc->lpi_id_bits = 16;
	desc->vlpis = 1;
	desc->queue = fake_alloc(fake, SZ_4K);
	desc->shadow_queue = fake_alloc(fake, SZ_4K);
	desc->cbaser = desc->queue | GITS_CBASER_VALID | GITS_CBASER_InnerShareable;
	desc->typer = GITS_TYPER_PLPIS | FIELD_PREP(GITS_TYPER_ITT_ENTRY_SIZE, 7) |
		      FIELD_PREP(GITS_TYPER_IDBITS, 15) | FIELD_PREP(GITS_TYPER_DEVBITS, 15) |
		      typer;

	fake_set_reg(fake, GITS_TYPER, desc->typer);
	fake_set_reg(fake, GITS_CTLR, GITS_CTLR_ENABLE | FIELD_PREP(GITS_CTLR_ITS_NUMBER, nr));
	fake_set_reg(fake, GITS_CBASER, desc->cbaser);

	fake_add_table(fake, 0, GITS_BASER_TYPE_DEVICE, indirect);
	fake_add_table(fake, 1, GITS_BASER_TYPE_VCPU, indirect);
	fake_add_table(fake, 3, GITS_BASER_TYPE_COLLECTION, false);
	if (indirect)
		fake_add_l2_pages(fake);
	fake_add_device(fake);
}

static void clear_arena(u64 size)
{
	arena_size = size;
	memset(hyp_phys_to_virt(arena), 0, arena_size);
}

static void fake_init(struct fake *fake, u32 psz, bool indirect)
{
	clear_arena(ARENA_UNITS * max_t(u64, psz, PAGE_SIZE));
	fake_init_nr(fake, 0, arena, psz, indirect, 0);
}

static int fake_setup(struct fake *fake, unsigned int fail)
{
	enum pkvm_its_step step;
	int ret;

	memset(fake->its->tables, 0, sizeof(fake->its->tables));
	fake->its->device_table = NULL;
	fake->its->vpe_table = NULL;

	its_set_failure(fail);
	ret = its_setup(fake->its, fake->desc, &step);
	fail_at = ITS_NO_FAILURE;

	return ret;
}

static void check_set_up(struct fake *fake)
{
	struct its_handover *desc = fake->desc;
	int i;

	check_owned(desc->queue, SZ_4K);
	check_shared(desc->shadow_queue);
	check_owned(fake->itt, PAGE_SIZE);

	for (i = 0; i < GITS_BASER_NR_REGS; i++) {
		struct its_handover_table *table = &desc->tables[i];

		if (!table->baser)
			continue;
		check_owned(table->base, fake->psz);
		if (table->shadow)
			check_shared(table->shadow);
		if (table->records)
			check_owned(table->records,
				    fake_records_size(fake, GITS_BASER_TYPE(table->baser)));
	}

	if (!fake->indirect)
		return;

	for (i = 0; i < NR_L1_ENTRIES; i++)
		check(pkvm_hyp_owns(fake->l2[i], 2 * fake->psz) == (i % 2));
	check_owned(fake->vpe_l2, fake_l2_size(fake, GITS_BASER_TYPE_VCPU));
	check(fake->its->tables[0].nr_l2 == 2);
	check(fake->its->tables[1].nr_l2 == 1);
}

/* Set up, tear down; then with each of the transitions failing in turn. */
static void test_every_failure(u32 psz, bool indirect)
{
	unsigned int i, total;
	struct fake fake;

	fake_init(&fake, psz, indirect);
	save_and_give_arena();

	check(!fake_setup(&fake, ITS_NO_FAILURE));
	total = transitions;
	check_set_up(&fake);
	its_teardown(fake.its, fake.desc);
	check_arena_pages();

	check(total >= 8);
	for (i = 0; i < total; i++) {
		check(fake_setup(&fake, i) == -EPERM);
		check_arena_pages();
	}

	/* Of what worked, only the commands executed before are gone from the queue. */
	take_arena();
	memset(hyp_phys_to_virt(fake.desc->queue), 0, SZ_4K);
	check(arena_sum() == saved_sum);
}

static void expect_refusal(struct fake *fake, int err)
{
	save_and_give_arena();
	check(fake_setup(fake, ITS_NO_FAILURE) == err);
	take_and_check_arena();
}

/* A first level with one bad entry, at the end of three good ones. */
static void test_l1_entry(u32 psz, u64 entry, int err)
{
	struct fake fake;

	fake_init(&fake, psz, true);
	arena_write(fake.desc->tables[0].base + 5 * sizeof(u64), entry);
	expect_refusal(&fake, err);
}

static void test_l1_entries(u32 psz, u64 guest_page)
{
	u64 good = arena + (ARENA_UNITS - 2) * max_t(u64, psz, PAGE_SIZE);
	struct fake fake;

	test_l1_entry(psz, good | BIT_ULL(55) | GITS_BASER_VALID, -EINVAL);
	test_l1_entry(psz, (good + psz / 2) | GITS_BASER_VALID, -EINVAL);
	test_l1_entry(psz, good | 1 | GITS_BASER_VALID, -EINVAL);
	test_l1_entry(psz, ALIGN_DOWN(hyp_virt_to_phys(fake_state), psz) | GITS_BASER_VALID,
		      -EPERM);
	test_l1_entry(psz, ALIGN_DOWN(guest_page, psz) | GITS_BASER_VALID, -EPERM);
	test_l1_entry(psz, ALIGN_DOWN(FAKE_PHYS, psz) | GITS_BASER_VALID, -EPERM);

	/* Layouts do not depend on what the entries say. */
	fake_init(&fake, psz, true);
	test_l1_entry(psz, fake.l2[1] | GITS_BASER_VALID, -EPERM);
	test_l1_entry(psz, fake.desc->tables[0].base | GITS_BASER_VALID, -EPERM);
	test_l1_entry(psz, fake.desc->tables[0].shadow | GITS_BASER_VALID, -EPERM);
	test_l1_entry(psz, fake.desc->queue | GITS_BASER_VALID, -EPERM);

	/* Two L2 pages of the ITS within one page of the host. */
	if (psz < PAGE_SIZE)
		test_l1_entry(psz, (fake.l2[1] + psz) | GITS_BASER_VALID, -EPERM);
}

#define test_description(err, change)				\
	do {							\
		struct fake f;					\
		struct its_handover_device *dev;		\
								\
		fake_init(&f, SZ_4K, true);			\
		dev = (void *)&f.desc->data[1];			\
		change;						\
		(void)dev;					\
		expect_refusal(&f, err);			\
	} while (0)

static void test_descriptions(void)
{
	test_description(-EINVAL, f.desc->typer ^= GITS_TYPER_PTA);
	test_description(-EINVAL, f.desc->cbaser ^= SZ_64K);
	test_description(-EINVAL, f.desc->queue += SZ_64K);
	test_description(-EINVAL, f.desc->tables[0].baser++);
	test_description(-EINVAL, f.desc->tables[0].base += SZ_64K);
	test_description(-EINVAL, f.desc->tables[3].baser = 0);
	test_description(-EBUSY, fake_set_reg(&f, GITS_CTLR, 0));
	test_description(-EBUSY, fake_set_reg(&f, GITS_CWRITER, 32));
	test_description(-EBUSY, fake_set_reg(&f, GITS_CREADR, GITS_CREADR_STALLED));
	test_description(-EBUSY, {
		fake_set_reg(&f, GITS_CREADR, GITS_CREADR_STALLED);
		fake_set_reg(&f, GITS_CWRITER, GITS_CWRITER_RETRY);
	});
	test_description(-EBUSY, {
		fake_set_reg(&f, GITS_CREADR, SZ_4K);
		fake_set_reg(&f, GITS_CWRITER, SZ_4K);
	});
	test_description(-EINVAL, f.desc->nr_targets = 0);

	/* A GITS_BASERn on whose layout driver and hardware could disagree. */
	test_description(-EINVAL, {
		f.desc->tables[0].baser -= BIT_ULL(GITS_BASER_ENTRY_SIZE_SHIFT);
		fake_set_reg(&f, GITS_BASER, f.desc->tables[0].baser);
	});
	test_description(-EINVAL, {
		f.desc->tables[0].baser |= GITS_BASER_PAGE_SIZE_MASK;
		fake_set_reg(&f, GITS_BASER, f.desc->tables[0].baser);
	});
	test_description(-ENODEV, {
		f.desc->tables[0].baser = 0;
		fake_set_reg(&f, GITS_BASER, 0);
	});

	/* Memory used twice. */
	test_description(-EPERM, f.desc->shadow_queue = f.desc->queue);
	test_description(-EPERM, f.desc->tables[0].shadow = f.desc->tables[1].shadow);
	test_description(-EPERM, f.desc->tables[0].shadow = f.desc->tables[0].base);
	test_description(-EPERM, dev->itt = f.desc->tables[1].base);
	test_description(-EPERM, dev->itt = f.l2[1]);
	test_description(-EINVAL, { dev[1] = dev[0]; f.desc->nr_devices = 2; });

	test_description(-EINVAL, dev->device_id = 0xffffffff);
	test_description(-EINVAL, dev->device_id = FAKE_DEVICE);
	test_description(-EINVAL, dev->event_bits = 17);
	test_description(-EINVAL, dev->event_bits = 0);
	test_description(-EPERM, dev->itt += 1);
	test_description(-EPERM, dev->itt = ~0ULL);
	test_description(-EPERM, dev->itt = GENMASK_ULL(51, 8));
}

/* Write one command to the shadow queue, and let EL2 look at it. */
static void post_cmd(struct fake *fake, u64 r0, u64 r1, u64 r2, u64 r3,
		     enum pkvm_its_refusal why)
{
	struct pkvm_its *its = fake->its;
	u64 refused = its->stats.refused;
	u64 slot = fake->desc->shadow_queue + its->posted;
	u32 posted = its->posted;
	u32 next;

	arena_write(slot, r0);
	arena_write(slot + 8, r1);
	arena_write(slot + 16, r2);
	arena_write(slot + 24, r3);

	next = (posted + sizeof(struct its_cmd)) % its->queue_size;
	fake_access(fake, GITS_CWRITER, 8, true, next);
	check(its->stalled == !!why);
	check(its->stats.refused == refused + !!why);
	check(its->posted == (why ? posted : next));
	check(fake_reg(fake, GITS_CWRITER) == its->posted);
	if (why)
		check(its->stats.why == why);
}

/* The same, and the fake ITS executes it at once. */
static void test_cmd(struct fake *fake, u64 r0, u64 r1, u64 r2, u64 r3,
		     enum pkvm_its_refusal why)
{
	struct pkvm_its *its = fake->its;

	post_cmd(fake, r0, r1, r2, r3, why);
	if (why) {
		check(fake_access(fake, GITS_CREADR, 8, false, 0) ==
		      (its->posted | GITS_CREADR_STALLED));
		its->cwriter = its->posted;
		its->stalled = false;
	} else {
		fake_execute(fake, its->posted);
		check(its->consumed == its->posted);
	}
}

#define DEV(id, op)	((u64)(id) << 32 | (op))
#define EVENT(id, ev)	((u64)(id) << 32 | (ev))
#define VALID		BIT_ULL(63)

static void test_commands(u32 psz)
{
	u32 per_page = psz / 8;
	u32 old = per_page + FAKE_DEVICE, new = 2 * per_page + 3, far = 5 * per_page;
	struct its_table *table;
	struct fake fake;
	u64 itt, shadow;

	fake_init(&fake, psz, true);
	itt = fake_alloc(&fake, PAGE_SIZE);
	shadow = fake.desc->tables[0].shadow;
	table = &fake.its->tables[0];

	/* What a host would like the ITS to find in a new ITT or L2 page. */
	arena_write(itt, ~0ULL);
	arena_write(fake.l2[2], ~0ULL);
	arena_write(fake.l2[2] + psz + 3 * sizeof(u64), ~0ULL);

	give_arena();
	check(!fake_setup(&fake, ITS_NO_FAILURE));

	test_cmd(&fake, GITS_CMD_SYNC, 0, 0, 0, PKVM_ITS_ACCEPTED);
	test_cmd(&fake, GITS_CMD_SYNC, 0, SZ_64K, 0, PKVM_ITS_RDBASE);
	test_cmd(&fake, GITS_CMD_MOVALL, 0, 0, 0, PKVM_ITS_ACCEPTED);
	test_cmd(&fake, GITS_CMD_MOVALL, 0, 0, SZ_64K, PKVM_ITS_RDBASE);
	test_cmd(&fake, GITS_CMD_MAPC, 0, VALID, 0, PKVM_ITS_ACCEPTED);
	test_cmd(&fake, GITS_CMD_MAPC, 0, VALID | SZ_64K, 0, PKVM_ITS_RDBASE);
	test_cmd(&fake, GITS_CMD_MAPC, 0, VALID | (psz / 8), 0, PKVM_ITS_COLLECTION_RANGE);
	test_cmd(&fake, GITS_CMD_INVALL, 0, psz / 8, 0, PKVM_ITS_COLLECTION_RANGE);
	test_cmd(&fake, 0, 0, 0, 0, PKVM_ITS_UNKNOWN_COMMAND);
	test_cmd(&fake, 0xff, 0, 0, 0, PKVM_ITS_UNKNOWN_COMMAND);
	test_cmd(&fake, GITS_CMD_VMAPP, 0, VALID, 0, PKVM_ITS_VLPI_COMMAND);

	test_cmd(&fake, DEV(old, GITS_CMD_MAPTI), EVENT(8192, 0), 0, 0, PKVM_ITS_ACCEPTED);
	test_cmd(&fake, DEV(old, GITS_CMD_MAPTI), EVENT(8191, 0), 0, 0, PKVM_ITS_LPI_RANGE);
	test_cmd(&fake, DEV(old, GITS_CMD_MAPTI), EVENT(65536, 0), 0, 0, PKVM_ITS_LPI_RANGE);
	test_cmd(&fake, DEV(old, GITS_CMD_MAPTI), EVENT(8192, 31), 0, 0, PKVM_ITS_ACCEPTED);
	test_cmd(&fake, DEV(old, GITS_CMD_MAPTI), EVENT(8192, 32), 0, 0, PKVM_ITS_EVENT_RANGE);
	test_cmd(&fake, DEV(old, GITS_CMD_MAPI), 8192, 0, 0, PKVM_ITS_EVENT_RANGE);
	test_cmd(&fake, DEV(old, GITS_CMD_MOVI), 0, psz / 8, 0, PKVM_ITS_COLLECTION_RANGE);
	test_cmd(&fake, DEV(new, GITS_CMD_INV), 0, 0, 0, PKVM_ITS_DEVICE_UNMAPPED);
	test_cmd(&fake, DEV(new, GITS_CMD_MAPD), 0, 0, 0, PKVM_ITS_DEVICE_UNMAPPED);
	test_cmd(&fake, DEV(~0U, GITS_CMD_MAPD), 4, VALID | itt, 0, PKVM_ITS_DEVICE_RANGE);
	test_cmd(&fake, DEV(old, GITS_CMD_MAPD), 4, VALID | itt, 0, PKVM_ITS_DEVICE_MAPPED);
	test_cmd(&fake, DEV(new, GITS_CMD_MAPD), 16, VALID | itt, 0, PKVM_ITS_ITT_SIZE);
	test_cmd(&fake, DEV(new, GITS_CMD_MAPD), 4, VALID | itt, 0, PKVM_ITS_L2_ENTRY);

	arena_write(shadow + 2 * sizeof(u64), hyp_virt_to_phys(fake_state) | VALID);
	test_cmd(&fake, DEV(new, GITS_CMD_MAPD), 4, VALID | itt, 0,
		 IS_ALIGNED(hyp_virt_to_phys(fake_state), psz) ? PKVM_ITS_L2_OWNER :
								 PKVM_ITS_L2_ENTRY);
	arena_write(shadow + 2 * sizeof(u64), fake.l2[1] | VALID);
	test_cmd(&fake, DEV(new, GITS_CMD_MAPD), 4, VALID | itt, 0, PKVM_ITS_L2_OWNER);
	arena_write(shadow + 2 * sizeof(u64), fake.l2[2] | VALID);
	test_cmd(&fake, DEV(new, GITS_CMD_MAPD), 4, VALID | fake.itt, 0, PKVM_ITS_ITT_OWNER);
	check(!pkvm_hyp_owns(itt, PAGE_SIZE));
	check(!pkvm_hyp_owns(fake.l2[2], psz));

	test_cmd(&fake, DEV(new, GITS_CMD_MAPD), 4, VALID | itt, 0, PKVM_ITS_ACCEPTED);
	check_owned(itt, PAGE_SIZE);
	check_owned(fake.l2[2], 2 * psz);
	check(table->nr_l2 == 3);
	check(table->l1[2] == (fake.l2[2] | VALID));
	check(!*(u64 *)hyp_phys_to_virt(itt));
	check(!*(u64 *)hyp_phys_to_virt(fake.l2[2]));
	test_cmd(&fake, DEV(new, GITS_CMD_MAPD), 4, VALID | itt, 0, PKVM_ITS_DEVICE_MAPPED);
	test_cmd(&fake, DEV(new, GITS_CMD_INT), 31, 0, 0, PKVM_ITS_ACCEPTED);
	test_cmd(&fake, DEV(new, GITS_CMD_INT), 32, 0, 0, PKVM_ITS_EVENT_RANGE);
	test_cmd(&fake, DEV(new - 1, GITS_CMD_INT), 0, 0, 0, PKVM_ITS_DEVICE_UNMAPPED);
	test_cmd(&fake, DEV(far, GITS_CMD_INT), 0, 0, 0, PKVM_ITS_DEVICE_UNMAPPED);

	test_cmd(&fake, DEV(new, GITS_CMD_MAPD), 0, 0, 0, PKVM_ITS_ACCEPTED);
	check_owned(itt, PAGE_SIZE);
	test_cmd(&fake, DEV(new, GITS_CMD_INT), 0, 0, 0, PKVM_ITS_DEVICE_UNMAPPED);
	test_cmd(&fake, DEV(new, GITS_CMD_MAPD), 0, 0, 0, PKVM_ITS_DEVICE_UNMAPPED);
	test_cmd(&fake, DEV(new, GITS_CMD_MAPD), 4, VALID | itt, 0, PKVM_ITS_DEVICE_MAPPED);
	test_cmd(&fake, GITS_CMD_SYNC, 0, 0, 0, PKVM_ITS_ACCEPTED);
	check(!pkvm_hyp_owns(itt, PAGE_SIZE));
	test_cmd(&fake, DEV(new, GITS_CMD_INT), 0, 0, 0, PKVM_ITS_DEVICE_UNMAPPED);

	its_teardown(fake.its, fake.desc);
	take_arena();
}

/*
 * A command that the ITS itself stalls at: the host may replace it by a SYNC, but
 * only before the ITS was told to try again.
 */
static void test_stalled_its(void)
{
	u64 retry = sizeof(struct its_cmd) | GITS_CWRITER_RETRY;
	struct pkvm_its *its;
	struct fake fake;
	u64 op;

	fake_init(&fake, SZ_4K, true);
	its = fake.its;
	give_arena();
	check(!fake_setup(&fake, ITS_NO_FAILURE));
	post_cmd(&fake, GITS_CMD_INVALL, 0, 1, 0, PKVM_ITS_ACCEPTED);

	for (op = GITS_CMD_INVALL; op; op = op == GITS_CMD_SYNC ? 0 : GITS_CMD_SYNC) {
		fake_execute(&fake, GITS_CREADR_STALLED);
		check(fake_access(&fake, GITS_CREADR, 8, false, 0) == GITS_CREADR_STALLED);

		arena_write(fake.desc->shadow_queue, op);
		arena_write(fake.desc->shadow_queue + 16, 0);
		fake_access(&fake, GITS_CWRITER, 8, true, retry);
		check(its->queue[0].raw[0] == op);
		check(fake_reg(&fake, GITS_CWRITER) == retry);

		/* It may be reading the slot now. */
		arena_write(fake.desc->shadow_queue, GITS_CMD_SYNC);
		fake_access(&fake, GITS_CWRITER, 8, true, retry);
		check(its->queue[0].raw[0] == op);
		fake_execute(&fake, 0);
	}

	fake_execute(&fake, its->posted);
	check(its->consumed == its->posted);

	its_teardown(its, fake.desc);
	take_arena();
}

static void check_leaving(struct fake *fake, u32 device, u64 creadr)
{
	check(fake_access(fake, GITS_CREADR, 8, false, 0) == creadr);
	check_owned(fake->itt, PAGE_SIZE);
	check(*its_device_record(fake->its, device));
	check(*(u64 *)hyp_phys_to_virt(fake->itt) == 0x600df00d);
}

/*
 * An ITS that answers late, that loses its registers, and that answers after all.
 * It may write to the ITT until it has consumed both the unmap and a SYNC, and
 * that is what the host is told.
 */
static void test_slow_its(void)
{
	u32 device = SZ_4K / 8 + FAKE_DEVICE;
	struct pkvm_its *its;
	struct fake fake;

	fake_init(&fake, SZ_4K, true);
	its = fake.its;
	give_arena();
	check(!fake_setup(&fake, ITS_NO_FAILURE));

	post_cmd(&fake, DEV(device, GITS_CMD_MAPD), 0, 0, 0, PKVM_ITS_ACCEPTED);
	post_cmd(&fake, GITS_CMD_SYNC, 0, 0, 0, PKVM_ITS_ACCEPTED);
	check_leaving(&fake, device, 0);

	/* Off, it may have consumed them or not: the host has to unmap it again. */
	fake_set_reg(&fake, GITS_CTLR, GITS_CTLR_QUIESCENT);
	fake_set_reg(&fake, GITS_CREADR, its->posted);
	check_leaving(&fake, device, 0);
	fake_access(&fake, GITS_CTLR, 4, true, GITS_CTLR_ENABLE);
	check(fake_reg(&fake, GITS_CTLR) & GITS_CTLR_ENABLE);
	check(!fake_reg(&fake, GITS_CWRITER));
	fake_execute(&fake, 0);
	check(its_device_is_mapped(*its_device_record(its, device)));

	post_cmd(&fake, DEV(device, GITS_CMD_MAPD), 0, 0, 0, PKVM_ITS_ACCEPTED);
	post_cmd(&fake, GITS_CMD_SYNC, 0, 0, 0, PKVM_ITS_ACCEPTED);

	/* Neither an ITS with another queue nor a read pointer elsewhere is believed. */
	fake_set_reg(&fake, GITS_CBASER, 0);
	fake_set_reg(&fake, GITS_CREADR, 2 * sizeof(struct its_cmd));
	check_leaving(&fake, device, 0);
	fake_set_reg(&fake, GITS_CBASER, fake.desc->cbaser);
	fake_set_reg(&fake, GITS_CREADR, 3 * sizeof(struct its_cmd));
	check_leaving(&fake, device, 0);

	fake_set_reg(&fake, GITS_CREADR, sizeof(struct its_cmd));
	check_leaving(&fake, device, sizeof(struct its_cmd));

	fake_execute(&fake, 2 * sizeof(struct its_cmd));
	check(its->consumed == 2 * sizeof(struct its_cmd));
	check(!pkvm_hyp_owns(fake.itt, PAGE_SIZE));
	check(!*its_device_record(its, device));
	check(!its->nr_unmaps);

	fake.desc->nr_devices = 0;
	its_teardown(its, fake.desc);
	take_arena();
	check(!*(u64 *)hyp_phys_to_virt(fake.itt));
}

/*
 * Firmware writes back GITS_CBASER, so that GITS_CREADR is 0, and GITS_CWRITER;
 * then the host enables the ITS, and does nothing else.
 */
static void test_restored_its(void)
{
	u32 device = SZ_4K / 8 + FAKE_DEVICE;
	struct pkvm_its *its;
	struct fake fake;
	u32 i;

	fake_init(&fake, SZ_4K, true);
	its = fake.its;
	arena_write(fake.desc->queue + SZ_1K, DEV(device, GITS_CMD_MAPD));
	give_arena();
	check(!fake_setup(&fake, ITS_NO_FAILURE));

	test_cmd(&fake, DEV(device, GITS_CMD_MAPTI), EVENT(8192, 0), 0, 0, PKVM_ITS_ACCEPTED);
	test_cmd(&fake, DEV(device, GITS_CMD_INV), 0, 0, 0, PKVM_ITS_ACCEPTED);

	fake_set_reg(&fake, GITS_CTLR, GITS_CTLR_QUIESCENT);
	fake_set_reg(&fake, GITS_CREADR, 0);
	fake_access(&fake, GITS_CTLR, 4, true, GITS_CTLR_ENABLE);
	check(fake_reg(&fake, GITS_CTLR) & GITS_CTLR_ENABLE);
	check(!fake_reg(&fake, GITS_CWRITER));

	for (i = 0; i < SZ_4K / sizeof(struct its_cmd); i++)
		check(its->queue[i].raw[0] == GITS_CMD_SYNC);

	its_teardown(its, fake.desc);
	take_arena();
}

/* What one entry does is bounded, and the rest comes with the next. */
static void test_budget(void)
{
	u32 size = sizeof(struct its_cmd);
	u32 last = SZ_4K - size;
	struct pkvm_its *its;
	struct fake fake;
	u32 offset, i;

	fake_init(&fake, SZ_4K, true);
	its = fake.its;
	for (offset = 0; offset < SZ_4K; offset += size)
		arena_write(fake.desc->shadow_queue + offset, GITS_CMD_SYNC);
	give_arena();
	check(!fake_setup(&fake, ITS_NO_FAILURE));

	fake_access(&fake, GITS_CWRITER, 8, true, last);
	check(its->posted == ITS_BUDGET_CMDS * size);
	fake_set_reg(&fake, GITS_CREADR, its->posted);
	for (i = 0; i < 3; i++) {
		fake_access(&fake, GITS_IIDR, 4, false, 0);
		fake_set_reg(&fake, GITS_CREADR, its->posted);
	}
	check(its->posted == last);
	fake_execute(&fake, last);
	check(its->consumed == last);

	its_teardown(its, fake.desc);
	take_arena();
}

/* More devices unmapped, without a SYNC, than EL2 remembers. */
static void test_many_unmaps(void)
{
	u32 first = SZ_4K / 8 + FAKE_DEVICE + 1;
	struct fake fake;
	u64 itt;
	u32 i;

	clear_arena(ITS_SELFTEST_SIZE);
	fake_init_nr(&fake, 0, arena, SZ_4K, true, 0);
	itt = fake_alloc(&fake, (ITS_MAX_UNMAPS + 1) * PAGE_SIZE);
	give_arena();
	check(!fake_setup(&fake, ITS_NO_FAILURE));

	for (i = 0; i <= ITS_MAX_UNMAPS; i++)
		test_cmd(&fake, DEV(first + i, GITS_CMD_MAPD), 0, VALID | (itt + i * PAGE_SIZE), 0,
			 PKVM_ITS_ACCEPTED);
	for (i = 0; i < ITS_MAX_UNMAPS; i++)
		test_cmd(&fake, DEV(first + i, GITS_CMD_MAPD), 0, 0, 0, PKVM_ITS_ACCEPTED);
	test_cmd(&fake, DEV(first + i, GITS_CMD_MAPD), 0, 0, 0, PKVM_ITS_UNMAPS);
	check_owned(itt, (ITS_MAX_UNMAPS + 1) * PAGE_SIZE);

	post_cmd(&fake, GITS_CMD_SYNC, 0, 0, 0, PKVM_ITS_ACCEPTED);
	for (i = 0; i < ITS_MAX_UNMAPS; i++)
		fake_execute(&fake, fake.its->posted);
	check(fake.its->consumed == fake.its->posted);
	check(!fake.its->nr_unmaps);
	test_cmd(&fake, DEV(first + ITS_MAX_UNMAPS, GITS_CMD_MAPD), 0, 0, 0, PKVM_ITS_ACCEPTED);
	test_cmd(&fake, GITS_CMD_SYNC, 0, 0, 0, PKVM_ITS_ACCEPTED);
	for (i = 0; i <= ITS_MAX_UNMAPS; i++)
		check(!pkvm_hyp_owns(itt + i * PAGE_SIZE, PAGE_SIZE));

	its_teardown(fake.its, fake.desc);
	take_arena();
}

#define VPE(id)		((u64)(id) << 32)
#define DOORBELL(intid)	((u64)(intid) << 32)

#define FIRST_LPI	8192
#define VPT_SIZE	(SZ_64K / BITS_PER_BYTE)

/* Two ITSs and what their vPEs use. */
struct vpe_test {
	struct fake	a;
	struct fake	b;
	bool		v4_1;
	u64		vpt;
	u64		vpt2;
	u64		config;
	u64		el2;
	u64		l2;
	u32		device;
};

/* A vPE in the second L2 page of the first ITS. */
#define FAR_VPE	(SZ_4K / sizeof(u64) + 1)

static void test_vmapp(struct vpe_test *t, struct fake *fake, u32 vpe, u64 vpt, bool alloc,
		       enum pkvm_its_refusal why)
{
	test_cmd(fake, GITS_CMD_VMAPP | (alloc ? BIT_ULL(8) : 0) | t->config,
		 VPE(vpe) | FIRST_LPI, VALID, vpt | 15, why);
}

static void test_vunmapp(struct fake *fake, u32 vpe, bool alloc, enum pkvm_its_refusal why)
{
	test_cmd(fake, GITS_CMD_VMAPP | (alloc ? BIT_ULL(8) : 0), VPE(vpe), 0, 0, why);
}

static void test_vpe_cmd(struct fake *fake, u32 opcode, u32 vpe, enum pkvm_its_refusal why)
{
	test_cmd(fake, opcode, VPE(vpe), 0, 0, why);
}

static void vpe_test_init(struct vpe_test *t, u64 typer)
{
	typer |= GITS_TYPER_VLPIS;
	clear_arena(ITS_SELFTEST_SIZE - SZ_64K);
	memset(t, 0, sizeof(*t));
	t->el2 = arena + arena_size;

	t->v4_1 = typer & GITS_TYPER_VMAPP;
	fake_init_nr(&t->a, 0, arena, SZ_4K, true, typer);
	t->l2 = fake_alloc(&t->a, fake_l2_size(&t->a, GITS_BASER_TYPE_VCPU));
	fake_init_nr(&t->b, 1, t->a.next, SZ_4K, false, typer);
	t->vpt = ALIGN(t->b.next, SZ_64K);
	t->vpt2 = t->vpt + SZ_64K;
	t->config = t->vpt2 + SZ_64K;
	WARN_ON(t->config + SZ_64K > arena + arena_size);
	t->device = SZ_4K / sizeof(u64) + FAKE_DEVICE;

	/* A guest's pending interrupts, and what a host would like the ITS to find. */
	arena_write(t->vpt + SZ_1K, 0xdeadbeef);
	arena_write(t->l2, ~0ULL);
	arena_write(t->l2 + SZ_4K + 2 * sizeof(u64), ~0ULL);

	give_arena();
	check(!fake_setup(&t->a, ITS_NO_FAILURE));
	check(!fake_setup(&t->b, ITS_NO_FAILURE));
}

/* All that VMAPP must not be given. */
static void test_bad_vmapp(struct vpe_test *t, u64 guest_page)
{
	test_vmapp(t, &t->b, SZ_4K / sizeof(u64), t->vpt, true, PKVM_ITS_VPE_RANGE);
	test_vunmapp(&t->b, SZ_4K / sizeof(u64), true, PKVM_ITS_VPE_RANGE);
	test_vunmapp(&t->a, 1, true, PKVM_ITS_VPE_UNMAPPED);
	test_vunmapp(&t->a, FAR_VPE, true, PKVM_ITS_VPE_UNMAPPED);
	test_cmd(&t->a, GITS_CMD_VMAPP | BIT(8), VPE(1) | FIRST_LPI, VALID | SZ_64K,
		 t->vpt | 15, PKVM_ITS_RDBASE);
	test_cmd(&t->a, GITS_CMD_VMAPP | BIT(8), VPE(1) | FIRST_LPI, VALID,
		 t->vpt | 12, PKVM_ITS_VPT_SIZE);
	test_cmd(&t->a, GITS_CMD_VMAPP | BIT(8), VPE(1) | FIRST_LPI, VALID,
		 t->vpt | 16, PKVM_ITS_VPT_SIZE);

	/* The queue is at the start of the arena. */
	test_vmapp(t, &t->a, 1, arena, true, PKVM_ITS_VPT_OWNER);
	test_vmapp(t, &t->a, 1, guest_page, true, PKVM_ITS_VPT_OWNER);
	test_vmapp(t, &t->a, 1, t->el2, true, PKVM_ITS_VPT_OWNER);
	test_vmapp(t, &t->a, 1, GENMASK_ULL(51, 16), true, PKVM_ITS_VPT_OWNER);
	test_vmapp(t, &t->a, FAR_VPE, t->vpt, true, PKVM_ITS_L2_ENTRY);

	/* The VPT of one, the ITT of another, in turns. */
	test_cmd(&t->a, DEV(t->device + 1, GITS_CMD_MAPD), 4, VALID | t->vpt2, 0,
		 PKVM_ITS_ACCEPTED);
	test_vmapp(t, &t->a, 1, t->vpt2, true, PKVM_ITS_VPT_OWNER);
	test_cmd(&t->a, DEV(t->device + 1, GITS_CMD_MAPD), 0, 0, 0, PKVM_ITS_ACCEPTED);
	test_vmapp(t, &t->a, 1, t->vpt2, true, PKVM_ITS_VPT_OWNER);
	test_cmd(&t->a, GITS_CMD_SYNC, 0, 0, 0, PKVM_ITS_ACCEPTED);

	if (!t->v4_1)
		return;

	test_cmd(&t->a, GITS_CMD_VMAPP | BIT(8) | t->config, VPE(1) | 5, VALID,
		 t->vpt | 15, PKVM_ITS_DOORBELL);
	test_cmd(&t->a, GITS_CMD_VMAPP | BIT(8) | t->el2, VPE(1) | FIRST_LPI, VALID,
		 t->vpt | 15, PKVM_ITS_VCONFIG_OWNER);
	test_cmd(&t->a, GITS_CMD_VMAPP | BIT(8) | t->vpt, VPE(1) | FIRST_LPI, VALID,
		 t->vpt | 15, PKVM_ITS_VCONFIG_OWNER);
	test_vmapp(t, &t->a, 1, t->vpt, false, PKVM_ITS_VPE_DIFFERS);
}

/* Each donation, share and pin of a VMAPP that needs an L2 page fails in turn. */
static void test_vmapp_failures(struct vpe_test *t)
{
	enum pkvm_its_refusal why;
	unsigned int i;

	memcpy(saved, hyp_phys_to_page(arena), (arena_size >> PAGE_SHIFT) * sizeof(*saved));
	arena_write(t->a.desc->tables[1].shadow + sizeof(u64), t->l2 | VALID);

	for (i = 0; ; i++) {
		its_set_failure(i);
		why = its_map_vpe(t->a.its, FAR_VPE, t->vpt, 16, t->config, true);
		fail_at = ITS_NO_FAILURE;
		if (!why)
			break;
		check(transitions > i);
		check(why == PKVM_ITS_VPT_OWNER || why == PKVM_ITS_L2_OWNER ||
		      why == PKVM_ITS_VCONFIG_OWNER);
		check_arena_pages();
	}

	check(i >= (t->v4_1 ? 4 : 2));
	check_owned(t->l2, fake_l2_size(&t->a, GITS_BASER_TYPE_VCPU));
	check(!*(u64 *)hyp_phys_to_virt(t->l2));
	check(t->a.its->tables[1].l1[1] == (t->l2 | VALID));
	check(t->a.its->stats.vpes == 1);

	test_vunmapp(&t->a, FAR_VPE, true, PKVM_ITS_ACCEPTED);
	test_vpe_cmd(&t->a, GITS_CMD_VSYNC, FAR_VPE, PKVM_ITS_ACCEPTED);
	check(!pkvm_hyp_owns(t->vpt, VPT_SIZE));
}

static void test_v4_1_cmd(struct vpe_test *t, u32 opcode, u32 vpe,
			  enum pkvm_its_refusal why)
{
	test_vpe_cmd(&t->a, opcode, vpe, t->v4_1 ? why : PKVM_ITS_VLPI_COMMAND);
}

static void test_vpe_commands(struct vpe_test *t)
{
	struct fake *a = &t->a;
	u32 dev = t->device;

	test_cmd(a, DEV(dev, GITS_CMD_VMAPTI), VPE(1) | 31, DOORBELL(1023) | 8192, 0,
		 PKVM_ITS_ACCEPTED);
	test_cmd(a, DEV(dev, GITS_CMD_VMAPTI), VPE(1) | 31, DOORBELL(8192) | 65535, 0,
		 PKVM_ITS_ACCEPTED);
	test_cmd(a, DEV(dev, GITS_CMD_VMAPTI), VPE(1) | 31, DOORBELL(1023) | 8191, 0,
		 PKVM_ITS_LPI_RANGE);
	test_cmd(a, DEV(dev, GITS_CMD_VMAPTI), VPE(1) | 31, DOORBELL(1023) | 65536, 0,
		 PKVM_ITS_LPI_RANGE);
	test_cmd(a, DEV(dev, GITS_CMD_VMAPTI), VPE(1) | 31, DOORBELL(1022) | 8192, 0,
		 PKVM_ITS_DOORBELL);
	test_cmd(a, DEV(dev, GITS_CMD_VMAPTI), VPE(1) | 32, DOORBELL(1023) | 8192, 0,
		 PKVM_ITS_EVENT_RANGE);
	test_cmd(a, DEV(dev, GITS_CMD_VMAPTI), VPE(2) | 31, DOORBELL(1023) | 8192, 0,
		 PKVM_ITS_VPE_UNMAPPED);
	test_cmd(a, DEV(dev + 1, GITS_CMD_VMAPTI), VPE(1), DOORBELL(1023) | 8192, 0,
		 PKVM_ITS_DEVICE_UNMAPPED);
	test_cmd(a, DEV(dev, GITS_CMD_VMAPI), VPE(1) | 31, DOORBELL(1023), 0,
		 PKVM_ITS_LPI_RANGE);
	test_cmd(a, DEV(dev, GITS_CMD_VMAPI), VPE(1) | 8192, DOORBELL(0), 0,
		 PKVM_ITS_DOORBELL);
	test_cmd(a, DEV(dev, GITS_CMD_VMAPI), VPE(1) | 8192, DOORBELL(1023), 0,
		 PKVM_ITS_EVENT_RANGE);
	test_cmd(a, DEV(dev, GITS_CMD_VMOVI), VPE(1) | 31, DOORBELL(5), 0, PKVM_ITS_ACCEPTED);
	test_cmd(a, DEV(dev, GITS_CMD_VMOVI), VPE(1) | 31, DOORBELL(5) | 1, 0,
		 PKVM_ITS_DOORBELL);
	test_cmd(a, DEV(dev, GITS_CMD_VMOVI), VPE(2) | 31, 0, 0, PKVM_ITS_VPE_UNMAPPED);
	test_cmd(a, DEV(dev, GITS_CMD_VMOVI), VPE(1) | 32, 0, 0, PKVM_ITS_EVENT_RANGE);

	test_vpe_cmd(a, GITS_CMD_VINVALL, 1, PKVM_ITS_ACCEPTED);
	test_vpe_cmd(a, GITS_CMD_VINVALL, 2, PKVM_ITS_VPE_UNMAPPED);
	test_vpe_cmd(a, GITS_CMD_VSYNC, 1, PKVM_ITS_ACCEPTED);
	test_vpe_cmd(a, GITS_CMD_VSYNC, 2, PKVM_ITS_ACCEPTED);
	test_vpe_cmd(&t->b, GITS_CMD_VSYNC, SZ_4K / sizeof(u64), PKVM_ITS_VPE_RANGE);
	test_vpe_cmd(&t->b, GITS_CMD_VINVALL, SZ_4K / sizeof(u64), PKVM_ITS_VPE_RANGE);
	test_v4_1_cmd(t, GITS_CMD_INVDB, 1, PKVM_ITS_ACCEPTED);
	test_v4_1_cmd(t, GITS_CMD_INVDB, 2, PKVM_ITS_VPE_UNMAPPED);
	test_v4_1_cmd(t, GITS_CMD_VSGI, 1, PKVM_ITS_ACCEPTED);
	test_v4_1_cmd(t, GITS_CMD_VSGI, 2, PKVM_ITS_VPE_UNMAPPED);
}

static void test_vmovp(struct vpe_test *t, u32 vpe, u64 list, u64 rdbase,
		       enum pkvm_its_refusal why)
{
	test_cmd(&t->a, GITS_CMD_VMOVP | BIT_ULL(32), VPE(vpe) | list, rdbase, 0, why);
}

/* The same vPE on two ITSs: one VPT, which leaves EL2 with the last of them. */
static void test_vpe_on_two(struct vpe_test *t)
{
	u32 unmap;

	test_vmovp(t, 1, BIT(0), 0, PKVM_ITS_ACCEPTED);
	test_vmovp(t, 1, BIT(0), SZ_64K, PKVM_ITS_RDBASE);
	test_vmovp(t, 2, BIT(0), 0, PKVM_ITS_VPE_UNMAPPED);
	test_vmovp(t, 1, 0, 0, PKVM_ITS_ITS_LIST);
	test_vmovp(t, 1, BIT(0) | BIT(1), 0, PKVM_ITS_ITS_LIST);
	test_vmovp(t, 1, BIT(0) | BIT(5), 0, PKVM_ITS_ITS_LIST);

	test_vmapp(t, &t->b, 1, t->vpt2, false, PKVM_ITS_VPE_DIFFERS);
	test_vmapp(t, &t->b, 2, t->vpt, true, PKVM_ITS_VPT_OWNER);
	if (t->v4_1)
		test_vmapp(t, &t->b, 1, t->vpt, true, PKVM_ITS_VPE_DIFFERS);
	test_vmapp(t, &t->b, 1, t->vpt, false, PKVM_ITS_ACCEPTED);
	test_vmovp(t, 1, BIT(0) | BIT(1), 0, PKVM_ITS_ACCEPTED);
	test_vmovp(t, 1, BIT(1), 0, PKVM_ITS_ITS_LIST);

	if (t->v4_1)
		test_vunmapp(&t->a, 1, true, PKVM_ITS_VPE_DIFFERS);
	test_vunmapp(&t->a, 1, false, PKVM_ITS_ACCEPTED);
	test_vunmapp(&t->a, 1, false, PKVM_ITS_VPE_UNMAPPED);
	test_vmapp(t, &t->a, 1, t->vpt, false, PKVM_ITS_VPE_MAPPED);
	test_vpe_cmd(&t->a, GITS_CMD_VINVALL, 1, PKVM_ITS_VPE_UNMAPPED);
	if (t->v4_1) {
		test_vunmapp(&t->b, 1, true, PKVM_ITS_VPE_DIFFERS);
		test_vunmapp(&t->b, 1, false, PKVM_ITS_VPE_DIFFERS);
	}
	test_vpe_cmd(&t->a, GITS_CMD_VSYNC, 1, PKVM_ITS_ACCEPTED);
	check(t->a.its->stats.vpes == 0);
	check_owned(t->vpt, VPT_SIZE);

	if (t->v4_1)
		test_vunmapp(&t->b, 1, false, PKVM_ITS_VPE_DIFFERS);

	/* What EL2 has not seen the ITS consume, it may not have: not the unmap, ... */
	unmap = t->b.its->posted;
	post_cmd(&t->b, GITS_CMD_VMAPP | BIT(8), VPE(1), 0, 0, PKVM_ITS_ACCEPTED);
	post_cmd(&t->b, GITS_CMD_VSYNC, VPE(1), 0, 0, PKVM_ITS_ACCEPTED);
	check(fake_access(&t->b, GITS_CREADR, 8, false, 0) == unmap);
	check_owned(t->vpt, VPT_SIZE);

	/* ... and not the VSYNC. */
	fake_execute(&t->b, (unmap + sizeof(struct its_cmd)) % t->b.its->queue_size);
	check_owned(t->vpt, VPT_SIZE);
	fake_execute(&t->b, t->b.its->posted);
	check(t->b.its->consumed == t->b.its->posted);
	check(t->b.its->stats.vpes == 0);
	check(!pkvm_hyp_owns(t->vpt, VPT_SIZE));
}

/* A page that the host shared for something else, which EL2 pinned and unshares. */
static void test_foreign_vconfig(struct vpe_test *t)
{
	void *va = hyp_phys_to_virt(t->config);

	check(!__pkvm_host_share_hyp(hyp_phys_to_pfn(t->config)));
	check(!hyp_pin_shared_mem(va, va + PAGE_SIZE));
	test_vmapp(t, &t->a, 1, t->vpt, true, PKVM_ITS_VCONFIG_OWNER);
	check_shared(t->config);
	hyp_unpin_shared_mem(va, va + PAGE_SIZE);
	check(!__pkvm_host_unshare_hyp(hyp_phys_to_pfn(t->config)));
}

/* Two vPEs of a guest share its configuration table. */
static void test_vconfig(struct vpe_test *t)
{
	struct hyp_page *page = hyp_phys_to_page(t->config);

	test_vmapp(t, &t->a, 1, t->vpt, true, PKVM_ITS_ACCEPTED);
	test_vmapp(t, &t->a, 2, t->vpt2, true, PKVM_ITS_ACCEPTED);
	check(page->refcount == t->v4_1);

	test_vunmapp(&t->a, 1, true, PKVM_ITS_ACCEPTED);
	test_vpe_cmd(&t->a, GITS_CMD_VSYNC, 1, PKVM_ITS_ACCEPTED);
	if (t->v4_1)
		check_shared(t->config);

	test_vunmapp(&t->a, 2, true, PKVM_ITS_ACCEPTED);
	test_vpe_cmd(&t->a, GITS_CMD_VSYNC, 2, PKVM_ITS_ACCEPTED);
	check(page->refcount == 0);
	check(get_host_state(page) == PKVM_PAGE_OWNED);

	if (t->v4_1)
		test_foreign_vconfig(t);
}

static void test_vpes(u64 typer, u64 guest_page)
{
	struct vpe_test t;

	vpe_test_init(&t, typer);
	test_bad_vmapp(&t, guest_page);
	test_vmapp_failures(&t);

	test_vmapp(&t, &t.a, 1, t.vpt, true, PKVM_ITS_ACCEPTED);
	check_owned(t.vpt, VPT_SIZE);
	check(*(u64 *)hyp_phys_to_virt(t.vpt + SZ_1K) == 0xdeadbeef);
	test_vmapp(&t, &t.a, 1, t.vpt2, true, PKVM_ITS_VPE_MAPPED);
	test_vmapp(&t, &t.a, 2, t.vpt, true, PKVM_ITS_VPT_OWNER);
	test_cmd(&t.a, DEV(t.device + 1, GITS_CMD_MAPD), 4, VALID | t.vpt, 0,
		 PKVM_ITS_ITT_OWNER);
	test_vpe_commands(&t);
	test_vpe_on_two(&t);
	test_vconfig(&t);

	its_teardown(t.a.its, t.a.desc);
	its_teardown(t.b.its, t.b.desc);
	take_arena();
	check(*(u64 *)hyp_phys_to_virt(t.vpt + SZ_1K) == 0xdeadbeef);
}

/* With GITS_TYPER.VMOVP a vPE moves everywhere at once: the list is ignored. */
static void test_single_vmovp(void)
{
	struct vpe_test t;

	vpe_test_init(&t, GITS_TYPER_VMOVP);
	test_vmapp(&t, &t.a, 1, t.vpt, true, PKVM_ITS_ACCEPTED);
	post_cmd(&t.a, GITS_CMD_VMOVP | BIT_ULL(32), VPE(1) | 0xffff, 0, 0, PKVM_ITS_ACCEPTED);
	check(t.a.its->queue[1].raw[0] == GITS_CMD_VMOVP);
	check(t.a.its->queue[1].raw[1] == VPE(1));
	fake_execute(&t.a, t.a.its->posted);
	test_vmovp(&t, 2, 0, 0, PKVM_ITS_VPE_UNMAPPED);

	test_vunmapp(&t.a, 1, true, PKVM_ITS_ACCEPTED);
	test_vpe_cmd(&t.a, GITS_CMD_VSYNC, 1, PKVM_ITS_ACCEPTED);
	its_teardown(t.a.its, t.a.desc);
	its_teardown(t.b.its, t.b.desc);
	take_arena();
}

/* GICv4.1, but redistributors share the vPE table; or KVM does not use vLPIs. */
static void test_no_vlpis(u64 typer, u32 vlpis)
{
	struct fake fake;

	clear_arena(ARENA_UNITS * max_t(u64, SZ_4K, PAGE_SIZE));
	fake_init_nr(&fake, 0, arena, SZ_4K, true, typer | GITS_TYPER_VLPIS);
	fake.desc->vlpis = vlpis;
	give_arena();
	check(!fake_setup(&fake, ITS_NO_FAILURE));
	check_set_up(&fake);
	test_cmd(&fake, GITS_CMD_VMAPP, 0, VALID, 0, PKVM_ITS_VLPI_COMMAND);
	test_cmd(&fake, GITS_CMD_VSYNC, 0, 0, 0, PKVM_ITS_VLPI_COMMAND);
	its_teardown(fake.its, fake.desc);
	take_arena();
}

/**
 * pkvm_its_selftest() - Test the hand-over of an ITS.
 * @base:	Memory of EL2's, pkvm_its_selftest_pages() long and unused.
 * @vcpu:	A vCPU of the self test's guest, to own a page.
 *
 * Panics if a check fails, as WARN_ON() does at EL2.
 */
void pkvm_its_selftest(void *base, struct pkvm_hyp_vcpu *vcpu)
{
	u64 gfn = hyp_phys_to_pfn(BIT(vcpu->vcpu.arch.hw_mmu->pgt->ia_bits - 1)) + 1;
	struct pkvm_hyp_vm *vm = pkvm_hyp_vcpu_to_hyp_vm(vcpu);
	static const u32 sizes[] = { SZ_4K, SZ_16K, SZ_64K };
	u64 guest_page;
	int i;

	arena = ALIGN(hyp_virt_to_phys(base), SZ_64K);
	guest_page = arena + ITS_SELFTEST_SIZE;

	WARN_ON(__pkvm_hyp_donate_host(hyp_phys_to_pfn(guest_page), 1));
	WARN_ON(__pkvm_host_donate_guest(hyp_phys_to_pfn(guest_page), gfn, vcpu));

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		test_every_failure(sizes[i], false);
		test_every_failure(sizes[i], true);
		test_l1_entries(sizes[i], guest_page);
		test_commands(sizes[i]);
	}
	test_descriptions();
	test_stalled_its();
	test_slow_its();
	test_restored_its();
	test_budget();
	test_many_unmaps();
	test_no_vlpis(GITS_TYPER_VMAPP | GITS_TYPER_SVPET, 1);
	test_no_vlpis(0, 0);
	test_vpes(0, guest_page);
	test_vpes(GITS_TYPER_VMAPP, guest_page);
	test_single_vmovp();

	WARN_ON(__pkvm_host_reclaim_page_guest(gfn, vm));
	WARN_ON(__pkvm_host_donate_hyp(hyp_phys_to_pfn(guest_page), 1));
}
