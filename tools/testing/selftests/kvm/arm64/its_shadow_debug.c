// SPDX-License-Identifier: GPL-2.0-only
/*
 * its_shadow_debug - Be a host that does to its ITS what no driver would
 *
 * Where its_shadow.c uses a command or a register that EL2 has to refuse, this goes
 * into the corners: the ITS disabled, odd accesses, first levels of tables, races,
 * what Linux does about a refusal, and whether EL2 has lost a page in the end.
 */
#include <fcntl.h>
#include <pthread.h>

#include "its_host_util.h"

#define RACE_ROUNDS		200

struct counts {
	u64 devices, itt_pages, owned;
};

static struct counts at_start;

static u64 baser_reg(const struct its_table *table)
{
	return GITS_BASER + 8 * (table - its.table);
}

/* Registers */

static int write_register(const struct its_test *t)
{
	its_host_write(t->addr, t->value, t->width);
	return KSFT_PASS;
}

static int write_disabled(const struct its_test *t)
{
	if (!its_host_enable(false))
		return its_host_fail("the ITS cannot be disabled");

	its_host_write(t->addr, t->value, t->width);
	if (its_host_read(GITS_CTLR, 4) & GITS_CTLR_ENABLE)
		return its_host_fail("the ITS is enabled");

	return its_host_enable(true) ? KSFT_PASS : its_host_fail("the ITS cannot be enabled");
}

/* A write pointer that is none: neither it nor the queue may move. */
static int write_cwriter(const struct its_test *t)
{
	u64 before = its_host_read(GITS_CWRITER, 8), after;

	its_host_write(t->addr, t->value, t->width);
	after = its_host_read(GITS_CWRITER, 8);
	if (after != before)
		return its_host_fail("GITS_CWRITER is 0x%lx, was 0x%lx", after, before);

	return its_host_wait(its.home) == QUEUE_DONE ? KSFT_PASS :
	       its_host_fail("GITS_CREADR is 0x%lx", its_host_read(GITS_CREADR, 8));
}

#define REG(what, offset, val, size) { .name = what, .addr = offset, .value = val, .width = size }

static void test_writes(its_test_fn run, u64 ctlr)
{
	u64 dev = baser_reg(its.devices), baser = its.devices->baser;
	u64 cbaser = its.cbaser, moved = cbaser & ~GITS_CBASER_ADDR;
	const struct its_test list[] = {
		REG("GITS_CTLR, all bits but Enabled and ImDe flipped", GITS_CTLR, ctlr, 4),
		REG("GITS_IIDR, flipped", GITS_IIDR, ~its.iidr, 4),
		REG("GITS_TYPER, flipped", GITS_TYPER, ~its.typer, 8),
		REG("GITS_CREADR, moved", GITS_CREADR, ITS_CMD_SIZE, 8),
		REG("GITS_CREADR, stalled", GITS_CREADR, GITS_CREADR_STALLED, 4),
		REG("GITS_CBASER, cleared", GITS_CBASER, 0, 8),
		REG("GITS_CBASER, not valid", GITS_CBASER, cbaser & ~GITS_CBASER_VALID, 8),
		REG("GITS_CBASER, in hypervisor memory", GITS_CBASER, moved | its.victim, 8),
		REG("GITS_CBASER, larger", GITS_CBASER, cbaser | GITS_CBASER_PAGES, 8),
		REG("GITS_CBASER, at the shadow queue", GITS_CBASER, moved | its.slots, 8),
		REG("GITS_CBASER, its lower half", GITS_CBASER, its.victim, 4),
		REG("GITS_CBASER, its upper half", GITS_CBASER + 4, 0, 4),
		REG("the Device table, cleared", dev, 0, 8),
		REG("the Device table, in hypervisor memory", dev,
		    (baser & ~GITS_BASER_ADDR) | its.victim, 8),
		REG("the Device table, flat", dev, baser ^ GITS_BASER_INDIRECT, 8),
		REG("the Device table, larger", dev, baser | GITS_BASER_PAGES, 8),
		REG("the Device table, its lower half", dev, its.victim, 4),
		REG("the Device table, its upper half", dev + 4, 0, 4),
		REG("the last table, valid", GITS_BASER + 8 * (GITS_BASER_NR_REGS - 1),
		    GITS_BASER_VALID | its.victim, 8),
	};
	unsigned int i;
	char name[128];

	for (i = 0; i < ARRAY_SIZE(list); i++) {
		struct its_test t = list[i];

		snprintf(name, sizeof(name), "%s%s", t.name,
			 run == write_disabled ? ", disabled" : "");
		t.name = name;
		its_host_tests(run, &t, 1);
	}
}

static void test_cwriter(void)
{
	const u32 size = its.queue_size;
	const struct its_test list[] = {
		REG("GITS_CWRITER at the end of the queue", GITS_CWRITER, size, 8),
		REG("GITS_CWRITER beyond the queue", GITS_CWRITER, 2 * size, 8),
		REG("GITS_CWRITER as far as it goes", GITS_CWRITER, GITS_QUEUE_OFFSET, 4),
		REG("GITS_CWRITER inside a command", GITS_CWRITER, 8, 8),
		REG("GITS_CWRITER at an odd address", GITS_CWRITER, 1 << 4, 4),
		REG("GITS_CWRITER with reserved bits", GITS_CWRITER, BIT_ULL(20), 8),
		REG("GITS_CWRITER with its upper half set", GITS_CWRITER,
		    BIT_ULL(32) | ITS_CMD_SIZE, 8),
		REG("GITS_CWRITER with all bits set", GITS_CWRITER, ~0ULL, 8),
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(list); i++) {
		/* A queue as large as they get has no such write pointer. */
		if (list[i].value > GITS_QUEUE_OFFSET || list[i].value < SZ_4K ||
		    list[i].value >= size)
			its_host_tests(write_cwriter, &list[i], 1);
	}
}

/* Accesses by 1 and 2 bytes, and those that leave EL2 no syndrome to emulate them by */

static u64 loaded, to_store;

#define ACCESS(name, insn) \
static void name(void *va) \
{ \
	asm volatile(insn : "+r" (va), "+r" (loaded) : "r" (to_store) \
		     : "x2", "x3", "v0", "memory"); \
}

ACCESS(ldrb, "ldrb %w1, [%0]")
ACCESS(strb, "strb %w2, [%0]")
ACCESS(ldrh, "ldrh %w1, [%0]")
ACCESS(strh, "strh %w2, [%0]")
ACCESS(ldp, "ldp x2, x3, [%0]")
ACCESS(stp, "stp xzr, xzr, [%0]")
ACCESS(ldr_writeback, "ldr x2, [%0], #8")
ACCESS(str_writeback, "str xzr, [%0], #8")
ACCESS(ldr_simd, "ldr q0, [%0]")
ACCESS(str_simd, "str q0, [%0]")

static int no_syndrome(const struct its_test *t)
{
	return its_host_faults(t->arg, its.frame + GITS_CBASER) ? KSFT_PASS :
	       its_host_fail("the access was taken");
}

static bool access_narrow(void *va, unsigned int width, u64 *val, bool store)
{
	void (*access)(void *va) = width == 1 ? (store ? strb : ldrb) : (store ? strh : ldrh);
	bool faulted;

	loaded = 0;
	to_store = *val;
	faulted = its_host_faults(access, va);
	*val = loaded;

	return !faulted;
}

/* Bad widths, bad alignments and unknown registers read as zero. */
static int raz_wi(const struct its_test *t)
{
	bool (*access)(void *va, unsigned int width, u64 *val, bool store) =
		t->width < 4 ? access_narrow : its_host_try;
	/* The MMU has the right to object to a misaligned access. */
	bool may_fault = t->addr % t->width;
	void *va = its.frame + t->addr;
	u64 val = 0;

	if (!access(va, t->width, &val, false) && !may_fault)
		return its_host_fail("the load faulted");
	if (val)
		return its_host_fail("it reads as 0x%lx", val);

	val = t->value;
	return access(va, t->width, &val, true) || may_fault ? KSFT_PASS :
	       its_host_fail("the store faulted");
}

/* Either half of a 64-bit register by 4 bytes; nothing that is not aligned. */
static int by_halves(const struct its_test *t)
{
	static const struct {
		unsigned int offset, width;
	} odd[] = { { 4, 8 }, { 2, 4 }, { 1, 8 } };
	u64 reg = its_host_read(t->addr, 8);
	unsigned int i;
	void *va;
	u64 val;

	val = its_host_read(t->addr, 4) | its_host_read(t->addr + 4, 4) << 32;
	if (val != reg)
		return its_host_fail("its halves read as 0x%lx, not 0x%lx", val, reg);

	its_host_write(t->addr + 4, reg >> 32, 4);
	its_host_write(t->addr, (u32)reg, 4);

	/* A misaligned access to Device memory may fault, that is the CPU's choice. */
	for (i = 0; i < ARRAY_SIZE(odd); i++) {
		va = its.frame + t->addr + odd[i].offset;
		val = 0;
		if (its_host_try(va, odd[i].width, &val, false) && val)
			return its_host_fail("reads as 0x%lx at +%u", val, odd[i].offset);
		val = ~0ULL;
		its_host_try(va, odd[i].width, &val, true);
	}
	val = its_host_read(t->addr, 8);

	return val == reg ? KSFT_PASS : its_host_fail("is 0x%lx now, was 0x%lx", val, reg);
}

static void test_accesses(void)
{
	static const struct its_test regs[] = {
		{ "GITS_CTLR", .addr = GITS_CTLR },
		{ "GITS_TYPER", .addr = GITS_TYPER },
		{ "GITS_CBASER", .addr = GITS_CBASER },
		{ "GITS_CWRITER", .addr = GITS_CWRITER },
		{ "GITS_CREADR", .addr = GITS_CREADR },
		{ "GITS_BASER0", .addr = GITS_BASER },
		{ "GITS_BASER1", .addr = GITS_BASER + 8 },
		{ "GITS_BASER2", .addr = GITS_BASER + 16 },
		{ "GITS_BASER3", .addr = GITS_BASER + 24 },
		{ "GITS_BASER4", .addr = GITS_BASER + 32 },
		{ "GITS_BASER5", .addr = GITS_BASER + 40 },
		{ "GITS_BASER6", .addr = GITS_BASER + 48 },
		{ "GITS_BASER7", .addr = GITS_BASER + 56 },
	};
	static const struct its_test bad[] = {
		REG("a misaligned half of GITS_CBASER", GITS_CBASER + 2, ~0ULL, 4),
		REG("a misaligned GITS_CBASER", GITS_CBASER + 4, ~0ULL, 8),
		REG("an odd GITS_BASER0", GITS_BASER + 1, ~0ULL, 8),
		REG("GITS_CWRITER and half of GITS_CREADR", GITS_CWRITER + 4, 32, 8),
		REG("an odd halfword", GITS_CTLR + 1, 0, 2),
		REG("all of GITS_CTLR and GITS_IIDR", GITS_CTLR, ~0ULL, 8),
		REG("the unknown register at 0xa0", 0xa0, ~0ULL, 8),
		REG("the unknown register at 0x140", 0x140, ~0ULL, 8),
		REG("the unknown register at 0x800", 0x800, ~0ULL, 4),
		REG("the unknown register at 0xc000", 0xc000, ~0ULL, 8),
		REG("the upper half of GITS_CWRITER", GITS_CWRITER + 4, ~0ULL, 4),
	};
	static const struct its_test faults[] = {
		{ "GITS_CBASER by ldp faults", .arg = ldp },
		{ "GITS_CBASER by stp faults", .arg = stp },
		{ "GITS_CBASER by ldr with writeback faults", .arg = ldr_writeback },
		{ "GITS_CBASER by str with writeback faults", .arg = str_writeback },
		{ "GITS_CBASER by a SIMD load faults", .arg = ldr_simd },
		{ "GITS_CBASER by a SIMD store faults", .arg = str_simd },
	};
	unsigned int i, width;
	char name[64];

	for (i = 0; i < ARRAY_SIZE(regs); i++) {
		for (width = 1; width <= 2; width++) {
			snprintf(name, sizeof(name), "%s by %s", regs[i].name,
				 width == 1 ? "byte" : "halfword");
			its_host_test(raz_wi, name, .addr = regs[i].addr, .width = width,
				      .value = width == 1 ? 0x40 : 0x4040);
		}
		if (regs[i].addr == GITS_CTLR)
			continue;
		snprintf(name, sizeof(name), "%s by halves", regs[i].name);
		its_host_test(by_halves, name, .addr = regs[i].addr);
	}
	its_host_tests(raz_wi, bad, ARRAY_SIZE(bad));
	its_host_tests(no_syndrome, faults, ARRAY_SIZE(faults));
}

/* Tables and queue that move while the ITS is disabled */

/* What counts is where a device is mapped after that, which is seen from outside. */
static int move_table(const struct its_test *t)
{
	u64 reg = baser_reg(its.devices), now;

	if (!its_host_enable(false))
		return its_host_fail("the ITS cannot be disabled");
	its_host_write(reg, (its.devices->baser & ~(GITS_BASER_INDIRECT | GITS_BASER_ADDR |
						    GITS_BASER_PAGES)) | its.victim, 8);
	now = its_host_read(reg, 8);
	if (!its_host_enable(true))
		return its_host_fail("the ITS cannot be enabled");

	if (!its_host_map_dev() || !its_host_unmap_dev(its.free_dev))
		return its_host_fail("mapping a device no longer works");

	return now == its.devices->baser ? KSFT_PASS : its_host_fail("GITS_BASER is 0x%lx", now);
}

/* The ITS would take what is in the victim for commands: do not let it. */
static int move_queue(const struct its_test *t)
{
	u64 now;

	if (!its_host_enable(false))
		return its_host_fail("the ITS cannot be disabled");
	its_host_write(GITS_CBASER, (its.cbaser & ~(GITS_CBASER_ADDR | GITS_CBASER_PAGES)) |
				    its.victim, 8);
	now = its_host_read(GITS_CBASER, 8);

	/* Both reset GITS_CREADR; what follows is ours to bring in step. */
	if (!its_host_restart(its.cbaser))
		return its_host_fail("the queue does not start at zero");

	return now == its.cbaser ? KSFT_PASS : its_host_fail("GITS_CBASER is 0x%lx", now);
}

/* Commands */

static u64 nr_icids(void)
{
	u64 nr = GITS_TYPER_HCC(its.typer);
	struct its_table *table;

	for (table = its.table; table < its.table + GITS_BASER_NR_REGS; table++) {
		if (table->type == GITS_BASER_TYPE_COLLECTION && table->base)
			nr += (table->nr_l1 ? table->nr_l1 * table->psz : table->size) / table->esz;
	}

	return nr;
}

static u64 nr_devs(void)
{
	const struct its_table *table = its.devices;
	u64 nr = (table->nr_l1 ? table->nr_l1 * table->psz : table->size) / table->esz;
	u64 max = 2ULL << FIELD_GET(GITS_TYPER_DEVBITS, its.typer);

	return nr < max ? nr : max;
}

static void test_refusals(void)
{
	u8 id_bits = FIELD_GET(GITS_TYPER_IDBITS, its.typer) + 1;
	u64 devs = nr_devs(), icids = nr_icids();
	struct its_cmd evil = mapd(its.free_dev, its.victim, ITT_EVENT_BITS);
	u32 dev = its.free_dev;
	u16 icid = icids;
	const struct its_test list[] = {
		{ "MAPD of a device that is mapped, with an ITT in hypervisor memory",
		  { evil }, ITS_MAPPED },
		{ "MAPD of the first device out of range", { mapd(devs, its.own_phys, 5) } },
		{ "MAPD with more events than GITS_TYPER has",
		  { mapd(dev, its.own_phys, id_bits + 1) } },
		{ "MAPTI of a device out of range", { mapti(UINT32_MAX, 0, LPI_UNUSED, 0) } },
		{ "MAPTI of the last event there can be",
		  { mapti(dev, UINT32_MAX, LPI_UNUSED, 0) }, ITS_MAPPED },
		{ "MAPTI below the LPIs", { mapti(dev, 1, LPI_FIRST - 1, 0) }, ITS_MAPPED },
		{ "MAPI to what is no LPI", { event_cmd(GITS_CMD_MAPI, dev, 2, 0) }, ITS_MAPPED },
		{ "MOVI of an unknown device", { event_cmd(GITS_CMD_MOVI, dev, 0, 0) } },
		{ "DISCARD of an unknown device", { event_cmd(GITS_CMD_DISCARD, dev, 0, 0) } },
		{ "CLEAR of an unknown device", { event_cmd(GITS_CMD_CLEAR, dev, 0, 0) } },
		{ "INT of an unknown device", { event_cmd(GITS_CMD_INT, dev, 0, 0) } },
		{ "INV of an unknown device", { event_cmd(GITS_CMD_INV, dev, 0, 0) } },
		{ "MAPC to no redistributor", { mapc(0, ITS_BAD_RDBASE) } },
		{ "MAPC to the highest RDbase", { mapc(0, ~0ULL) } },
		{ "SYNC to no redistributor", { sync_cmd(ITS_BAD_RDBASE) } },
		{ "SYNC to the highest RDbase", { sync_cmd(~0ULL) } },
		{ "MOVALL from no redistributor", { movall(ITS_BAD_RDBASE, its.rdbase) } },
		{ "MOVALL to no redistributor", { movall(its.rdbase, ITS_BAD_RDBASE) } },
		{ "MAPC of a collection out of range", { mapc(icid, its.rdbase) } },
		{ "INVALL of a collection out of range", { invall(icid) } },
		{ "MAPTI to a collection out of range",
		  { mapti(dev, 1, LPI_UNUSED + 1, icid) }, ITS_MAPPED },
		{ "MOVI to a collection out of range",
		  { event_cmd(GITS_CMD_MOVI, dev, 0, icid) }, ITS_MAPPED },
	}, disabled = { "MAPD with an ITT in hypervisor memory, posted while disabled", { evil } };
	/* 1: may be legal on an ITS that has vLPIs, 2: on one that has GICv4.1. */
	static const struct {
		const char *name;
		u8 opcode;
		u8 vpe;
	} opcodes[] = {
		{ "VMAPP", GITS_CMD_VMAPP, 1 },
		{ "VMAPTI", GITS_CMD_VMAPTI, 1 },
		{ "VMAPI", GITS_CMD_GICv4(GITS_CMD_MAPI), 1 },
		{ "VMOVI", GITS_CMD_VMOVI, 1 },
		{ "VMOVP", GITS_CMD_VMOVP, 1 },
		{ "VSYNC", GITS_CMD_VSYNC, 1 },
		{ "VINVALL", GITS_CMD_VINVALL, 1 },
		{ "VSGI", GITS_CMD_VSGI, 2 },
		{ "INVDB", GITS_CMD_INVDB, 2 },
		{ "the command 0x00", 0x00 },
		{ "the command 0x02", 0x02 },
		{ "the command 0x3f", 0x3f },
		{ "the command 0x48", 0x48 },
	};
	unsigned int i;
	char name[64];

	for (i = 0; i < ARRAY_SIZE(list); i++) {
		if ((strstr(list[i].name, "first device") && devs > UINT32_MAX) ||
		    (strstr(list[i].name, "more events") && id_bits == 32) ||
		    (strstr(list[i].name, "collection") && icids > UINT16_MAX))
			continue;
		its_host_tests(its_host_run_cmds, &list[i], 1);
	}
	its_host_tests(its_host_run_disabled, &disabled, 1);

	for (i = 0; i < ARRAY_SIZE(opcodes); i++) {
		/* With an address in the hypervisor, wherever the command has one. */
		struct its_cmd cmd = its_cmd(opcodes[i].opcode, dev, LPI_UNUSED,
					     CMD2_VALID | its.victim);

		cmd.dw[3] = its.victim;
		if (opcodes[i].vpe && (its.typer & GITS_TYPER_VMAPP ||
				       (its.typer & GITS_TYPER_VLPIS && opcodes[i].vpe < 2)))
			continue;
		snprintf(name, sizeof(name), "%s is refused", opcodes[i].name);
		its_host_test(its_host_run_cmds, name, { cmd });
	}
}

/* In range, but nothing there: EL2 may take or refuse each, not lose the queue. */
static int unmapped_events(const struct its_test *t)
{
	u16 icid = nr_icids() - 1;
	u32 dev = its.free_dev;
	struct its_cmd cmds[] = {
		event_cmd(GITS_CMD_INV, dev, 5, 0),
		event_cmd(GITS_CMD_MOVI, dev, 5, 0),
		event_cmd(GITS_CMD_INT, dev, 5, 0),
		event_cmd(GITS_CMD_CLEAR, dev, 5, 0),
		event_cmd(GITS_CMD_DISCARD, dev, 5, 0),
		invall(icid),
		mapti(dev, 1, LPI_UNUSED + 1, icid),
		event_cmd(GITS_CMD_INT, dev, 1, 0),
		event_cmd(GITS_CMD_MOVI, dev, 0, icid),
		event_cmd(GITS_CMD_INT, dev, 0, 0),
	};
	int ret = KSFT_PASS;
	unsigned int i;

	if (!its_host_map_dev())
		return its_host_fail("the device cannot be mapped");
	for (i = 0; i < ARRAY_SIZE(cmds) && !ret; i++) {
		if (its_host_post(&cmds[i], 1) != QUEUE_DONE && its_host_repair() != QUEUE_DONE)
			ret = its_host_fail("the queue does not go on after command %u", i);
	}
	if (!its_host_unmap_dev(its.free_dev) && !ret)
		ret = its_host_fail("the device cannot be unmapped");

	return ret;
}

/* The entry of a page that is in use: EL2 may refuse or ignore, not obey. */
static int live_l1(const struct its_test *t)
{
	struct its_cmd cmd = mapd(its.free_dev, its.own_phys, ITT_EVENT_BITS);
	enum its_queue_state state;
	u64 l2, chunk;

	l2 = its_host_get_l1(its.devices, 0, &chunk);
	its_host_set_l1(its.devices, 0, its.victim | GITS_L1_VALID,
			t->value ? its.victim : chunk);
	state = its_host_post(&cmd, 1);
	its_host_set_l1(its.devices, 0, l2, chunk);

	if (state == QUEUE_STALLED)
		state = its_host_repair();
	else if (state == QUEUE_DONE && !its_host_unmap_dev(its.free_dev))
		return its_host_fail("the device cannot be unmapped");

	return state == QUEUE_DONE ? KSFT_PASS : its_host_fail("the queue does not go on");
}

struct race {
	u64 *slot;
	u64 good;
	u64 evil;
	bool stop;
};

static void *race_thread(void *arg)
{
	struct race *race = arg;

	its_host_pin_to_cpu(1);
	while (!READ_ONCE(race->stop)) {
		WRITE_ONCE(*race->slot, race->evil);
		WRITE_ONCE(*race->slot, race->good);
	}

	return NULL;
}

/* The command was taken: its.own must be EL2's until it is unmapped, then cleared. */
static const char *check_own(void)
{
	u64 i, val = 0;
	bool seen = its_host_try(its.own, 8, &val, false);

	if (!its_host_unmap_dev(its.free_dev))
		return "the device cannot be unmapped";
	if (seen)
		return "taken, but not with the ITT that may be used";
	if (!its_host_try(its.own, 8, &val, false))
		return "the ITT does not come back";
	for (i = 0; i < its.page_size / sizeof(*its.own); i++) {
		if (its.own[i])
			return "the ITT does not come back cleared";
	}

	return NULL;
}

/*
 * Change the command between EL2's check and EL2's use. That EL2 checks one value
 * and posts the other is not visible from the host, only which one it has checked.
 */
static int run_race(const struct its_test *t)
{
	struct its_cmd evil = mapd(its.free_dev, its.victim, ITT_EVENT_BITS);
	struct its_cmd good = mapd(its.free_dev, its.own_phys, ITT_EVENT_BITS);
	unsigned int i, taken = 0, refused = 0;
	const char *wrong = NULL;
	enum its_queue_state state;
	pthread_t thread;

	if (sysconf(_SC_NPROCESSORS_ONLN) < 2) {
		its_host_fail("one CPU only");
		return KSFT_SKIP;
	}

	for (i = 0; i < RACE_ROUNDS && !wrong; i++) {
		struct race race = {
			&its.cmds[its.write / ITS_CMD_SIZE].dw[2],
			htole64(good.dw[2]), htole64(evil.dw[2]),
		};

		memset(its.own, 0xff, its.page_size);
		its_host_put(its.write, &good);
		if (pthread_create(&thread, NULL, race_thread, &race))
			return its_host_fail("no thread");

		its.write = its_host_next(its.write, 1);
		usleep(i % 8 ? 0 : 1000);
		state = its_host_post(NULL, 0);
		WRITE_ONCE(race.stop, true);
		pthread_join(thread, NULL);

		if (state == QUEUE_STALLED) {
			refused++;
			state = its_host_repair();
		} else if (state == QUEUE_DONE) {
			taken++;
			wrong = check_own();
		}
		if (state != QUEUE_DONE)
			wrong = "the queue does not go on";
	}
	ksft_print_msg("race: %u commands taken, %u refused\n", taken, refused);

	return wrong ? its_host_fail("round %u: %s", i, wrong) : KSFT_PASS;
}

/* The driver behind a refused command */

static bool write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);
	bool ok = write(fd, text, strlen(text)) == strlen(text);

	close(fd);
	return ok;
}

static bool read_file(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY);
	ssize_t len = read(fd, text, size - 1);

	close(fd);
	text[len < 0 ? 0 : len] = '\0';

	return len > 0;
}

static bool log_says(int kmsg, const char *text, const char *more)
{
	char record[1024];
	bool found = false;
	ssize_t len;

	while ((len = read(kmsg, record, sizeof(record) - 1)) > 0) {
		record[len] = '\0';
		found |= strstr(record, text) && strstr(record, more);
	}

	return found;
}

static int found_irq = -1;

static void find_irq(int irq, u32 dev, u32 event)
{
	found_irq = irq;
}

/*
 * Leave the queue stalled right behind the driver's write pointer, and have the
 * driver move an interrupt: it must say so, skip the command and go on.
 */
static int run_driver(const struct its_test *t)
{
	struct its_cmd evil = mapd(its.free_dev, its.victim, ITT_EVENT_BITS);
	char path[64], effective[64], before[64], after[64], other[16];
	bool moved, said;
	int kmsg;

	its_host_walk_msis(find_irq);
	snprintf(effective, sizeof(effective), "/proc/irq/%d/effective_affinity_list", found_irq);
	snprintf(path, sizeof(path), "/proc/irq/%d/smp_affinity_list", found_irq);
	if (!read_file(effective, after, sizeof(after)) || sysconf(_SC_NPROCESSORS_ONLN) < 2) {
		its_host_fail("one CPU only, or no effective affinity");
		return KSFT_SKIP;
	}
	snprintf(other, sizeof(other), "%d", !atoi(after));

	kmsg = open("/dev/kmsg", O_RDONLY | O_NONBLOCK);
	lseek(kmsg, 0, SEEK_END);
	if (!its_host_wind((its.home - ITS_CMD_SIZE + its.queue_size) % its.queue_size) ||
	    its_host_post(&evil, 1) != QUEUE_STALLED) {
		close(kmsg);
		return its_host_fail("the queue does not stall");
	}

	moved = read_file(path, before, sizeof(before)) && write_file(path, other);

	/* From here on the driver's pointer is where it has got to. */
	its.write = its_host_read(GITS_CWRITER, 8) & GITS_QUEUE_OFFSET;
	its.home = its.write;
	said = log_says(kmsg, "EL2 refused MAPD", "ITS@");
	close(kmsg);
	if (its_host_wait(its.write) != QUEUE_DONE)
		return its_host_fail("the driver left the queue at 0x%lx",
				     its_host_read(GITS_CREADR, 8));
	if (!said)
		return its_host_fail("the driver does not say that MAPD was refused");

	moved &= read_file(effective, after, sizeof(after)) && atoi(after) == atoi(other);
	if (moved && !its_host_interrupts())
		return its_host_fail("no interrupts on CPU %s", other);

	write_file(path, before);
	its.write = its_host_read(GITS_CWRITER, 8) & GITS_QUEUE_OFFSET;
	its.home = its.write;

	return moved ? KSFT_PASS : its_host_fail("the interrupt did not move");
}

static bool get_counts(struct counts *counts)
{
	return its_host_fact("devices", "devices", &counts->devices) &&
	       its_host_fact("devices", "itt_pages", &counts->itt_pages) &&
	       its_host_fact("pages", "owned", &counts->owned);
}

/* A mapped device costs the page of its ITT, and no page is lost. */
static int count_pages(const struct its_test *t)
{
	u64 nr = t->flags & ITS_MAPPED ? 1 : 0;
	struct counts now = {};

	if (nr && !its_host_map_dev())
		return its_host_fail("the device cannot be mapped");
	get_counts(&now);
	if (nr && !its_host_unmap_dev(its.free_dev))
		return its_host_fail("the device cannot be unmapped");

	if (now.devices == at_start.devices + nr && now.itt_pages == at_start.itt_pages + nr &&
	    now.owned == at_start.owned + nr)
		return KSFT_PASS;

	return its_host_fail("devices %lu, ITT pages %lu, pages %lu; were %lu, %lu, %lu",
			     now.devices, now.itt_pages, now.owned,
			     at_start.devices, at_start.itt_pages, at_start.owned);
}

/* Facts of debugfs and registers must agree. */
static int compare_debugfs(const struct its_test *t)
{
	char line[16];
	unsigned int i;
	u64 val;

	for (i = 0; i < GITS_BASER_NR_REGS; i++) {
		snprintf(line, sizeof(line), "table %u", i);
		val = 0;
		if (!its_host_fact(line, "baser", &val) && !(its.table[i].baser & GITS_BASER_VALID))
			continue;
		if (val != its.table[i].baser)
			return its_host_fail("GITS_BASER%u is 0x%lx, not 0x%lx", i,
					     its.table[i].baser, val);
	}
	if (!its_host_fact("queue", "cbaser", &val))
		return its_host_fail("no cbaser");

	return val == its.cbaser ? KSFT_PASS :
	       its_host_fail("GITS_CBASER is 0x%lx, not 0x%lx", its.cbaser, val);
}

static void tests(void)
{
	struct its_cmd legal[] = {
		event_cmd(GITS_CMD_INV, its.free_dev, 0, 0), invall(0),
	};
	s64 l1 = its_host_free_l1(its.devices);
	u32 per_page = its.devices->psz / its.devices->esz;

	its_host_test(move_table, "the Device table moved into hypervisor memory, then MAPD");
	its_host_test(move_queue, "the command queue moved into hypervisor memory");
	its_host_test(its_host_resume, "the registers written as on resume");
	its_host_test(count_pages, "the page of an ITT is counted", .flags = ITS_MAPPED);

	its_host_test(its_host_run_cmds, "a legal INVALL", { legal[0], legal[1] },
		      ITS_MAPPED | ITS_LEGAL, .nr_cmds = 2);
	test_refusals();
	its_host_test(unmapped_events, "events and collections that are not mapped");
	if (l1 >= 0)
		its_host_test_l1(its.devices, "MAPD",
				 mapd(l1 * per_page, its.own_phys, ITT_EVENT_BITS), l1,
				 its.own_phys);
	if (its.devices->nr_l1)
		its_host_test(live_l1, "MAPD by an L1 entry changed after the fact");
	if (its.devices->chunks)
		its_host_test(live_l1, "the same, and where EL2 has its records", .value = true);
	its_host_test(run_race, "MAPD with an ITT that changes while it is read");
	its_host_test(run_driver, "the driver finds a refused command, says so and goes on");

	test_writes(write_register, (its.ctlr ^ GENMASK(30, 2)) | GITS_CTLR_ENABLE);
	test_writes(write_disabled, (its.ctlr & ~GITS_CTLR_ENABLE) ^ GENMASK(30, 2));
	test_cwriter();
	test_accesses();
	its_host_test(compare_debugfs, "debugfs and registers say the same");
	its_host_test(count_pages, "no page lost");
}

int main(void)
{
	its_host_setup();
	if (!get_counts(&at_start))
		ksft_exit_skip("no counts in debugfs\n");
	its_host_run(tests);
}
