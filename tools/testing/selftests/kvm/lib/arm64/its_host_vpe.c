// SPDX-License-Identifier: GPL-2.0-only
/*
 * The vPEs of a GICv4.0 ITS that EL2 owns: see its_host_vpe.h.
 */
#include "its_host_vpe.h"

struct its_vpes its_vpes;

void its_host_setup_vpes(void)
{
	struct its_table *table;
	u64 chunk;

	for (table = its.table; table < its.table + GITS_BASER_NR_REGS; table++) {
		if (table->type == GITS_BASER_TYPE_VCPU && table->base &&
		    !(its.typer & GITS_TYPER_VMAPP))
			its_vpes.table = table;
	}
	table = its_vpes.table;
	if (!table)
		return;

	/* Where Linux is done with its vPEs there is an L2 page, with room at its end. */
	its_vpes.free = table->psz / table->esz - 1;
	its_vpes.has_l2 = !table->nr_l1 || its_host_get_l1(table, 0, &chunk) & GITS_L1_VALID;
	its_vpes.own = its_host_alloc(2 * VPT_ALIGN, VPT_ALIGN, &its_vpes.own_phys);
	ksft_print_msg("vPE table 0x%lx own VPT 0x%lx vPE 0x%x%s\n", table->base,
		       its_vpes.own_phys, its_vpes.free, its_vpes.has_l2 ? "" : " without L2 page");
}

bool its_host_map_vpe(void)
{
	struct its_cmd cmds[] = {
		vmapp(its_vpes.free, its_vpes.own_phys),
		vpe_cmd(GITS_CMD_VINVALL, its_vpes.free),
		vpe_cmd(GITS_CMD_VSYNC, its_vpes.free),
	};

	return its_host_post(cmds, ARRAY_SIZE(cmds)) == QUEUE_DONE;
}

bool its_host_unmap_vpe(u32 vpe)
{
	struct its_cmd cmds[] = {
		vpe_cmd(GITS_CMD_VMAPP, vpe),
		vpe_cmd(GITS_CMD_VSYNC, vpe),
	};

	return its_host_post(cmds, ARRAY_SIZE(cmds)) == QUEUE_DONE;
}
