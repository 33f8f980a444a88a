// SPDX-License-Identifier: GPL-2.0-only
/*
 * its_shadow_vpe - Be a compromised host, with the vPEs of a GICv4.0 ITS
 *
 * The ITS writes to the virtual pending table (VPT) of a vPE, and its vPE table
 * says where that is. Most of it needs an L2 page of the vPE table, which is there
 * once a guest with vLPIs has run.
 */
#include "its_host_vpe.h"

/* With the vPE mapped, and with the device as well if ITS_MAPPED. */
static int run_mapped(const struct its_test *t)
{
	int ret;

	if (!its_host_map_vpe())
		return its_host_fail("the vPE cannot be mapped");
	ret = its_host_run_cmds(t);
	if (!its_host_unmap_vpe(its_vpes.free))
		ret = ret ? : its_host_fail("the vPE cannot be unmapped");

	return ret;
}

/* Undo what should have been refused. */
static int run_unmapped(const struct its_test *t)
{
	int ret = its_host_run_cmds(t);

	if (ret == KSFT_FAIL && FIELD_GET(CMD0_OPCODE, t->cmd[0].dw[0]) == GITS_CMD_VMAPP)
		its_host_unmap_vpe(FIELD_GET(CMD1_VPE, t->cmd[0].dw[1]));

	return ret;
}

static void test_unmapped(void)
{
	u32 dev = its.free_dev, vpe = its_vpes.free;
	u64 own = its_vpes.own_phys;
	const struct its_test list[] = {
		{ "VMAPP onto hypervisor memory, then VMAPTI, INT, VINVALL",
		  { vmapp(vpe, its.victim), vmapti(dev, 0, vpe, LPI_FIRST),
		    event_cmd(GITS_CMD_INT, dev, 0, 0), vpe_cmd(GITS_CMD_VINVALL, vpe) },
		  .nr_cmds = 4 },
		{ "VMAPP with a VPT that has no LPI", { vmapp_sized(vpe, own, 13) } },
		{ "VMAPP with the largest VPT there can be", { vmapp_sized(vpe, own, 32) } },
		{ "VMAPP that unmaps an unknown vPE", { vpe_cmd(GITS_CMD_VMAPP, vpe) } },
		{ "VMOVP of an unknown vPE", { vmovp(vpe, its.rdbase) } },
		{ "VINVALL of an unknown vPE", { vpe_cmd(GITS_CMD_VINVALL, vpe) } },
		{ "VMAPTI to an unknown vPE", { vmapti(dev, 1, vpe, LPI_FIRST) }, ITS_MAPPED },
		{ "VMAPI to an unknown vPE",
		  { vpe_event_cmd(GITS_CMD_VMAPI, dev, 1, vpe, 0, NO_DOORBELL) }, ITS_MAPPED },
		{ "VMOVI to an unknown vPE",
		  { vpe_event_cmd(GITS_CMD_VMOVI, dev, 0, vpe, 0, NO_DOORBELL) }, ITS_MAPPED },
	};
	const struct {
		const char *name;
		u64 addr;
	} places[] = {
		{ "in hypervisor memory", its.victim },
		{ "in the vPE table", its_vpes.table->base },
		{ "in the Device table", its.devices->base },
		{ "in the command queue", its.queue },
		{ "in the shadow queue", its.slots },
		{ "in the control frame", its.base },
		{ "in a redistributor", its.redist },
		{ "where there is nothing", GENMASK_ULL(51, 16) },
		{ "at address 0", 0 },
	};
	unsigned int i;
	char name[64];

	for (i = 0; i < ARRAY_SIZE(places); i++) {
		/* The command has no room for any other: it would name what is below. */
		if (places[i].addr % VPT_ALIGN)
			continue;
		snprintf(name, sizeof(name), "VMAPP with a VPT %s", places[i].name);
		its_host_test(run_unmapped, name, { vmapp(vpe, places[i].addr) });
	}
	its_host_tests(run_unmapped, list, ARRAY_SIZE(list));
	its_host_test(its_host_run_disabled,
		      "VMAPP with a VPT in hypervisor memory, posted while disabled",
		      { vmapp(vpe, its.victim) });
}

static void test_mapped(void)
{
	u32 dev = its.free_dev, vpe = its_vpes.free;
	u64 own = its_vpes.own_phys;
	const struct its_test list[] = {
		{ "VMAPP of a vPE that is mapped", { vmapp(vpe, own + VPT_ALIGN) } },
		{ "VMAPP of a vPE that is mapped, with its own VPT", { vmapp(vpe, own) } },
		{ "VMAPP of a vPE that is mapped, with a VPT in hypervisor memory",
		  { vmapp(vpe, its.victim) } },
		{ "VMAPP with the VPT of another vPE", { vmapp(vpe - 1, own) } },
		{ "MAPD with a VPT for an ITT", { mapd(dev, own, ITT_EVENT_BITS) } },
		{ "VMOVP to no redistributor", { vmovp(vpe, ITS_BAD_RDBASE) } },
		{ "VMOVP to the highest RDbase", { vmovp(vpe, ~0ULL) } },
		{ "VMAPTI of an unknown device", { vmapti(dev, 0, vpe, LPI_FIRST) } },
		{ "VMAPTI of an event out of range",
		  { vmapti(dev, ITT_EVENTS, vpe, LPI_FIRST) }, ITS_MAPPED },
		{ "VMAPTI to a virtual SPI", { vmapti(dev, 1, vpe, 40) }, ITS_MAPPED },
		{ "VMAPTI below the virtual LPIs",
		  { vmapti(dev, 1, vpe, LPI_FIRST - 1) }, ITS_MAPPED },
		{ "VMAPTI beyond the VPT", { vmapti(dev, 1, vpe, VPT_SIZE * 8) }, ITS_MAPPED },
		{ "VMAPTI to the last vINTID there can be",
		  { vmapti(dev, 1, vpe, UINT32_MAX) }, ITS_MAPPED },
		{ "VMAPTI with an SPI for a doorbell",
		  { vpe_event_cmd(GITS_CMD_VMAPTI, dev, 1, vpe, LPI_FIRST, 40) }, ITS_MAPPED },
		{ "VMAPI to what is no virtual LPI",
		  { vpe_event_cmd(GITS_CMD_VMAPI, dev, 2, vpe, 0, NO_DOORBELL) }, ITS_MAPPED },
		{ "VMOVI with an SPI for a doorbell",
		  { vpe_event_cmd(GITS_CMD_VMOVI, dev, 0, vpe, CMD2_HAS_DOORBELL, 40) },
		  ITS_MAPPED },
		{ "VMOVI of an event out of range",
		  { vpe_event_cmd(GITS_CMD_VMOVI, dev, ITT_EVENTS, vpe, 0, NO_DOORBELL) },
		  ITS_MAPPED },
	};

	its_host_tests(run_mapped, list, ARRAY_SIZE(list));
}

/* A vPE from VMAPP to VSYNC: who can see its VPT when, and what is left in it. */
static int donate_vpt(const struct its_test *t)
{
	u32 dev = its.free_dev, vpe = its_vpes.free;
	struct its_cmd cmds[] = {
		vmapti(dev, 1, vpe, LPI_FIRST + 1),
		vpe_event_cmd(GITS_CMD_VMOVI, dev, 1, vpe, CMD2_HAS_DOORBELL, NO_DOORBELL),
		event_cmd(GITS_CMD_INT, dev, 1, 0),
		vmovp(vpe, its.rdbase),
		vpe_cmd(GITS_CMD_VINVALL, vpe),
		event_cmd(GITS_CMD_DISCARD, dev, 1, 0),
		vpe_cmd(GITS_CMD_VSYNC, vpe),
	};
	struct its_cmd unmap = vpe_cmd(GITS_CMD_VMAPP, vpe);
	struct its_cmd vsync = vpe_cmd(GITS_CMD_VSYNC, vpe);
	u64 *last = its_vpes.own + VPT_SIZE / sizeof(*last) - 1;
	bool seen, seen_late;
	u64 val = 0;

	memset(its_vpes.own, 0, VPT_SIZE);
	*last = 0x5a5a;
	if (!its_host_map_dev() || !its_host_map_vpe())
		return its_host_fail("cannot be mapped, GITS_CREADR 0x%lx",
				     its_host_read(GITS_CREADR, 8));
	if (its_host_post(cmds, ARRAY_SIZE(cmds)) != QUEUE_DONE)
		return its_host_fail("refused, GITS_CREADR 0x%lx", its_host_read(GITS_CREADR, 8));

	seen = its_host_try(its_vpes.own, 8, &val, false) ||
	       its_host_try(its_vpes.own, 8, &val, true);
	if (its_host_post(&unmap, 1) != QUEUE_DONE)
		return its_host_fail("unmapping refused");
	seen_late = its_host_try(its_vpes.own, 8, &val, false);
	if (its_host_post(&vsync, 1) != QUEUE_DONE || !its_host_unmap_dev(dev))
		return its_host_fail("VSYNC or unmapping refused");

	if (seen && its_host_phys(its_vpes.own) != its_vpes.own_phys) {
		its_host_fail("Linux has moved the page with the VPT");
		return KSFT_SKIP;
	}
	if (seen || seen_late)
		return its_host_fail("accessible while the vPE is %s",
				     seen ? "mapped" : "unmapped without a VSYNC");
	if (!its_host_try(last, 8, &val, false))
		return its_host_fail("the VPT did not come back");

	return val == 0x5a5a ? KSFT_PASS : its_host_fail("came back with 0x%lx", val);
}

static void tests(void)
{
	u32 per_page = its_vpes.table->psz / its_vpes.table->esz;
	s64 l1 = its_host_free_l1(its_vpes.table);

	test_unmapped();
	if (its_vpes.has_l2) {
		its_host_test(donate_vpt, "a vPE mapped, used and unmapped");
		test_mapped();
	}
	/* With a VPT that may be used, so that the L1 entry is what is wrong. */
	if (l1 >= 0)
		its_host_test_l1(its_vpes.table, "VMAPP", vmapp(l1 * per_page, its_vpes.own_phys),
				 l1, its_vpes.own_phys);
}

/* GITS_TYPER and the vPE table are there even if EL2 was told of no vLPIs: ask it. */
static void need_vlpis(void)
{
	struct its_cmd vsync = vpe_cmd(GITS_CMD_VSYNC, its_vpes.free);
	bool refused;

	its.home = its_host_read(GITS_CWRITER, 8) & GITS_QUEUE_OFFSET;
	its.write = its.home;
	refused = its_host_post(&vsync, 1) == QUEUE_STALLED;
	if (refused)
		its_host_repair();
	if (!its_host_wind(its.home))
		ksft_exit_fail_msg("the queue does not go on after a VSYNC\n");
	if (refused)
		ksft_exit_skip("vLPIs are not in use\n");
}

int main(void)
{
	its_host_setup();
	its_host_setup_vpes();
	if (!its_vpes.table)
		ksft_exit_skip("the ITS has no vPEs of its own\n");
	if (!its_vpes.own)
		ksft_exit_skip("no contiguous memory for a VPT\n");
	need_vlpis();
	its_host_run(tests);
}
