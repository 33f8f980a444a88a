// SPDX-License-Identifier: GPL-2.0-only
/* its_cmd_type(): every opcode. It is what cmd.c takes for granted. */
#include "proof.h"
#include "its_cmd.c"
#include "stubs.h"
#include "spec.h"

static bool is_known(u32 op)
{
	return spec_has_event(op) || spec_has_icid(op) || spec_needs_vpe(op) || op == MAPD ||
	       op == SYNC || op == MOVALL || op == VMAPP || op == VSYNC;
}

void harness(void)
{
	struct its_cmd_block cmd;
	u32 op = cmd.raw_cmd[0] & 0xff;
	const struct its_cmd_type *type = its_cmd_type(&cmd);

	prove(!type || type == &its_cmd_types[op], "a command is what its opcode says");
	prove(!type == !is_known(op), "there are the commands of IHI 0069, and no others");
}
