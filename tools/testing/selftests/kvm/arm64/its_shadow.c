// SPDX-License-Identifier: GPL-2.0-only
/*
 * its_shadow - Play a compromised host against the GICv3 ITS that pKVM owns
 *
 * An ITS sits behind no SMMU: whatever address the host gives it in a command, in
 * a table or in a register, it reads and writes. In protected mode EL2 owns its
 * registers, its tables and its command queue, and copies only the commands it has
 * checked from a queue that the host writes. Be a host that tries all the same.
 */
#include "its_host.h"

static int read_memory(const struct its_test *t)
{
	u64 val = 0;

	return its_host_try(its_host_map(t->addr, 8, false), 8, &val, false) ?
	       its_host_fail("can be read") : KSFT_PASS;
}

static int write_memory(const struct its_test *t)
{
	void *va = its_host_map(t->addr, 8, false);
	u64 val = 0;

	/* Where this works it is live data: write what is there. */
	its_host_try(va, 8, &val, false);
	return its_host_try(va, 8, &val, true) ? its_host_fail("can be written") : KSFT_PASS;
}

/* That no register has changed is checked after each test. */
static int write_register(const struct its_test *t)
{
	its_host_write(t->addr, t->value, t->width);
	return KSFT_PASS;
}

static void test_registers(void)
{
	u64 devices = GITS_BASER + 8 * (its.devices - its.table), baser = its.devices->baser;
#define REG(what, offset, val, size) { .name = what, .addr = offset, .value = val, .width = size }
	const struct its_test list[] = {
		REG("GITS_TYPER, flipped", GITS_TYPER, ~its.typer, 8),
		REG("GITS_CREADR, moved", GITS_CREADR, ITS_CMD_SIZE, 8),
		REG("GITS_CWRITER, beyond the queue", GITS_CWRITER, its.queue_size, 8),
		REG("GITS_CBASER, cleared", GITS_CBASER, 0, 8),
		REG("GITS_CBASER, in hypervisor memory", GITS_CBASER,
		    (its.cbaser & ~GITS_CBASER_ADDR) | its.victim, 8),
		REG("GITS_CBASER, its lower half", GITS_CBASER, its.victim, 4),
		REG("the Device table, cleared", devices, 0, 8),
		REG("the Device table, in hypervisor memory", devices,
		    (baser & ~GITS_BASER_ADDR) | its.victim, 8),
		REG("the Device table, flat", devices, baser ^ GITS_BASER_INDIRECT, 8),
	};

	its_host_tests(write_register, list, ARRAY_SIZE(list));
}

static struct its_cmd map_to(u64 itt)
{
	return mapd(its.free_dev, itt, ITT_EVENT_BITS);
}

/* Each is refused unless it is ITS_LEGAL. */
static void test_commands(void)
{
	u64 nowhere = GENMASK_ULL(51, 16), bad_rd = its.typer & GITS_TYPER_PTA ? its.victim : ~0ULL;
	u8 id_bits = FIELD_GET(GITS_TYPER_IDBITS, its.typer) + 1;
	u64 own = its.own_phys;
	u32 dev = its.free_dev;
	const struct its_test list[] = {
		{ "MAPD with an ITT in hypervisor memory, then MAPTI",
		  { map_to(its.victim), mapti(dev, 0, LPI_UNUSED, 0) }, .nr_cmds = 2 },
		{ "MAPD with an ITT that ends in hypervisor memory",
		  { mapd(dev, (its.pool ? : its.queue) - its.page_size, id_bits) } },
		{ "MAPD with an ITT in the Device table", { map_to(its.devices->base) } },
		{ "MAPD with an ITT in the command queue", { map_to(its.queue) } },
		{ "MAPD with an ITT in the shadow queue", { map_to(its.slots) } },
		{ "MAPD with an ITT in the control frame", { map_to(its.base) } },
		{ "MAPD with an ITT in a redistributor", { map_to(its.redist) } },
		{ "MAPD with an ITT where there is nothing", { map_to(nowhere) } },
		{ "MAPD with an ITT at address 0", { map_to(0) } },
		{ "MAPD with the ITT of another device",
		  { mapd(dev - 1, own, ITT_EVENT_BITS) }, ITS_MAPPED },
		{ "MAPD of a device that is mapped", { map_to(own) }, ITS_MAPPED },
		{ "MAPD that unmaps an unknown device", { unmapd(dev) } },
		{ "MAPD of the last device there can be", { mapd(~0U, own, ITT_EVENT_BITS) } },
		{ "MAPTI of an unknown device", { mapti(dev, 0, LPI_UNUSED, 0) } },
		{ "MAPTI, MOVI, INT, CLEAR, INV and DISCARD of an event in range",
		  { mapti(dev, ITT_EVENTS - 1, LPI_UNUSED + 1, 0),
		    event_cmd(GITS_CMD_MOVI, dev, ITT_EVENTS - 1, 0),
		    event_cmd(GITS_CMD_INT, dev, ITT_EVENTS - 1, 0),
		    event_cmd(GITS_CMD_CLEAR, dev, ITT_EVENTS - 1, 0),
		    event_cmd(GITS_CMD_INV, dev, ITT_EVENTS - 1, 0),
		    event_cmd(GITS_CMD_DISCARD, dev, ITT_EVENTS - 1, 0) },
		  ITS_MAPPED | ITS_LEGAL, .nr_cmds = 6 },
		{ "the same of an event out of range",
		  { mapti(dev, ITT_EVENTS, LPI_UNUSED + 1, 0),
		    event_cmd(GITS_CMD_MOVI, dev, ITT_EVENTS, 0),
		    event_cmd(GITS_CMD_INT, dev, ITT_EVENTS, 0),
		    event_cmd(GITS_CMD_CLEAR, dev, ITT_EVENTS, 0),
		    event_cmd(GITS_CMD_INV, dev, ITT_EVENTS, 0),
		    event_cmd(GITS_CMD_DISCARD, dev, ITT_EVENTS, 0) },
		  ITS_MAPPED, .nr_cmds = 6 },
		{ "MAPTI to an SPI", { mapti(dev, 1, 40, 0) }, ITS_MAPPED },
		{ "MAPTI beyond the LPIs", { mapti(dev, 1, ~0U, 0) }, ITS_MAPPED },
		{ "MAPC to no redistributor", { mapc(0, bad_rd) } },
		{ "SYNC to no redistributor", { sync_cmd(bad_rd) } },
		{ "an unknown command", { its_cmd(0xff, dev, LPI_UNUSED, its.victim) } },
	};

	its_host_tests(its_host_run_cmds, list, ARRAY_SIZE(list));
}

/* While a device is mapped its ITT is EL2's, cleared first; then it comes back. */
static int donate_itt(const struct its_test *t)
{
	bool seen, changed, back;
	u64 i, val = 0;

	memset(its.own, 0xff, its.page_size);
	if (!its_host_map_dev())
		return its_host_fail("the device cannot be mapped");
	seen = its_host_try(its.own, 8, &val, false);
	changed = its_host_try(its.own, 8, &val, true);
	if (!its_host_unmap_dev(its.free_dev))
		return its_host_fail("the device cannot be unmapped");
	back = its_host_try(its.own, 8, &val, false);
	if (seen || changed || !back)
		return its_host_fail("mapped: %s %s, unmapped: %s", seen ? "read" : "",
				     changed ? "written" : "", back ? "" : "lost");

	for (i = 0; i < its.page_size / sizeof(*its.own); i++) {
		if (its.own[i] == ~0UL)
			return its_host_fail("was not cleared at %lu", i);
	}

	return KSFT_PASS;
}

static void tests(void)
{
	its_host_test_memory("the CPU reads", read_memory);
	its_host_test_memory("the CPU writes", write_memory);
	test_registers();
	test_commands();
	its_host_test(donate_itt, "the ITT of a device that is mapped and unmapped");
}

int main(void)
{
	its_host_setup();
	its_host_run(tests);
}
