// SPDX-License-Identifier: GPL-2.0-only
/*
 * The commands of an ITS that EL2 owns.
 *
 * The host fills the shadow queue and writes GITS_CWRITER, or passes a command
 * in the registers of a hypercall. EL2 copies each command once, checks the copy
 * and posts it at the same offset of the real queue. There are three outcomes:
 *
 *	- the command is posted, with its RES0 bits cleared;
 *	- it is posted after the pages it makes the ITS use have been donated;
 *	- it is refused: nothing has changed, nothing after it is looked at, and
 *	  the host reads GITS_CREADR.Stalled there (IHI 0069 section 5.3.1). It
 *	  may change the command and write GITS_CWRITER.Retry.
 *
 * EL2 does not wait for the ITS. Each entry first looks how far it is: pages go
 * back when the ITS has consumed the unmap and, as it may use what it knew until
 * then, a SYNC or VSYNC behind that; with GICv4.1 it has forgotten a vPE by then. The
 * host reads a GITS_CREADR that is not past a command unless this is done. The slot
 * of a command that was consumed is overwritten, so that no ITS that starts over, be
 * it with a queue that firmware restored, executes it twice.
 *
 * Only MAPD and VMAPP give the ITS an address. The others name devices, events,
 * collections, vPEs and redistributors, which are held to what the ITS was given:
 * an event beyond the ITT would make it walk off the donated pages.
 */

#include <linux/bitfield.h>
#include <linux/io.h>
#include <linux/unroll.h>

#include <asm/arch_gicv3.h>
#include <asm/kvm_hyp.h>
#include <asm/kvm_hypevents.h>

#include <nvhe/its_check.h>
#include <nvhe/its_emulate.h>
#include <nvhe/its_rdist.h>
#include <nvhe/mem_protect.h>

#define its_cmd_opcode(cmd)	FIELD_GET(GITS_CMD0_OPCODE, (cmd)->raw_cmd[0])
#define its_cmd_device(cmd)	FIELD_GET(GITS_CMD0_DEVICE, (cmd)->raw_cmd[0])
#define its_cmd_event(cmd)	FIELD_GET(GITS_CMD1_EVENT, (cmd)->raw_cmd[1])
#define its_cmd_intid(cmd)	FIELD_GET(GITS_CMD1_INTID, (cmd)->raw_cmd[1])
#define its_cmd_event_bits(cmd)	(FIELD_GET(GITS_CMD1_SIZE, (cmd)->raw_cmd[1]) + 1)
#define its_cmd_valid(cmd)	FIELD_GET(GITS_CMD2_VALID, (cmd)->raw_cmd[2])
#define its_cmd_itt(cmd)	((cmd)->raw_cmd[2] & GITS_CMD2_ITT)
#define its_cmd_rdbase(cmd)	((cmd)->raw_cmd[2] & GITS_CMD2_RDBASE)
#define its_cmd_rdbase2(cmd)	((cmd)->raw_cmd[3] & GITS_CMD3_RDBASE)
#define its_cmd_collection(cmd)	FIELD_GET(GITS_CMD2_COLLECTION, (cmd)->raw_cmd[2])
#define its_cmd_alloc(cmd)	FIELD_GET(GITS_CMD0_ALLOC, (cmd)->raw_cmd[0])
#define its_cmd_vpt_flags(cmd)	((cmd)->raw_cmd[0] & (GITS_CMD0_ALLOC | GITS_CMD0_PTZ))
#define its_cmd_vconfig(cmd)	((cmd)->raw_cmd[0] & GITS_CMD0_VCONFIG)
#define its_cmd_vpe(cmd)	FIELD_GET(GITS_CMD1_VPE, (cmd)->raw_cmd[1])
#define its_cmd_its_list(cmd)	FIELD_GET(GITS_CMD1_ITS_LIST, (cmd)->raw_cmd[1])
#define its_cmd_vintid(cmd)	FIELD_GET(GITS_CMD2_VINTID, (cmd)->raw_cmd[2])
#define its_cmd_doorbell(cmd)	FIELD_GET(GITS_CMD2_DOORBELL, (cmd)->raw_cmd[2])
#define its_cmd_vpt(cmd)	((cmd)->raw_cmd[3] & GITS_CMD3_VPT)
#define its_cmd_intid_bits(cmd)	(FIELD_GET(GITS_CMD3_VPT_SIZE, (cmd)->raw_cmd[3]) + 1)

#define ITS_FIRST_LPI		8192
#define ITS_NO_DOORBELL		1023

static bool its_is_redistributor(struct hyp_its *its, u64 rdbase)
{
	u32 first = 0, end = its->nr_targets, i;

	while (first < end) {
		i = first + (end - first) / 2;
		if (its->targets[i] == rdbase)
			return true;

		if (its->targets[i] < rdbase)
			first = i + 1;
		else
			end = i;
	}

	return false;
}

static bool its_is_lpi(struct hyp_its *its, u32 intid)
{
	return intid >= ITS_FIRST_LPI && intid < BIT_ULL(its->lpi_bits);
}

static enum pkvm_its_refusal its_check_event(struct hyp_its *its, struct its_cmd_block *cmd)
{
	return hyp_its_check_event(its, its_cmd_device(cmd), its_cmd_event(cmd));
}

static enum pkvm_its_refusal its_check_collection(struct hyp_its *its, struct its_cmd_block *cmd)
{
	return its_cmd_collection(cmd) < its->nr_colls ? PKVM_ITS_ACCEPTED :
							 PKVM_ITS_COLLECTION_RANGE;
}

static enum pkvm_its_refusal its_check_event_and_collection(struct hyp_its *its,
							    struct its_cmd_block *cmd)
{
	enum pkvm_its_refusal why = its_check_event(its, cmd);

	return why ?: its_check_collection(its, cmd);
}

static enum pkvm_its_refusal its_check_mapti(struct hyp_its *its, struct its_cmd_block *cmd)
{
	if (!its_is_lpi(its, its_cmd_intid(cmd)))
		return PKVM_ITS_LPI_RANGE;

	return its_check_event_and_collection(its, cmd);
}

/* MAPI has no INTID field: the EventID is the INTID. */
static enum pkvm_its_refusal its_check_mapi(struct hyp_its *its, struct its_cmd_block *cmd)
{
	if (!its_is_lpi(its, its_cmd_event(cmd)))
		return PKVM_ITS_LPI_RANGE;

	return its_check_event_and_collection(its, cmd);
}

static enum pkvm_its_refusal its_check_sync(struct hyp_its *its, struct its_cmd_block *cmd)
{
	return its_is_redistributor(its, its_cmd_rdbase(cmd)) ? PKVM_ITS_ACCEPTED :
								PKVM_ITS_RDBASE;
}

static enum pkvm_its_refusal its_check_movall(struct hyp_its *its, struct its_cmd_block *cmd)
{
	return its_is_redistributor(its, its_cmd_rdbase2(cmd)) ? its_check_sync(its, cmd) :
								 PKVM_ITS_RDBASE;
}

/* An unmap names no redistributor: the field is ignored, so make it 0. */
static enum pkvm_its_refusal its_check_mapc(struct hyp_its *its, struct its_cmd_block *cmd)
{
	enum pkvm_its_refusal why = its_check_collection(its, cmd);

	if (why)
		return why;

	if (its_cmd_valid(cmd))
		return its_check_sync(its, cmd);

	cmd->raw_cmd[2] &= ~GITS_CMD2_RDBASE;

	return PKVM_ITS_ACCEPTED;
}

static enum pkvm_its_refusal its_mapd_valid(struct hyp_its *its, struct its_cmd_block *cmd)
{
	enum pkvm_its_refusal why;

	why = hyp_its_map_device(its, its_cmd_device(cmd), its_cmd_itt(cmd),
				 its_cmd_event_bits(cmd));
	if (!why)
		hyp_its_clear_itt(its, its_cmd_device(cmd));

	return why;
}

/* Section 5.3.10: an unmap means its device; Size and ITT_addr are ignored. */
static enum pkvm_its_refusal its_mapd_invalid(struct hyp_its *its, struct its_cmd_block *cmd)
{
	cmd->raw_cmd[1] = 0;
	cmd->raw_cmd[2] = 0;

	return hyp_its_begin_unmap(its, its_cmd_device(cmd));
}

static enum pkvm_its_refusal its_check_mapd(struct hyp_its *its, struct its_cmd_block *cmd)
{
	return its_cmd_valid(cmd) ? its_mapd_valid(its, cmd) : its_mapd_invalid(its, cmd);
}

static bool its_mapd_consumed(struct hyp_its *its, struct its_cmd_block *cmd)
{
	if (!its_cmd_valid(cmd))
		its->nr_leaving++;

	return true;
}

static void its_mapd_dropped(struct hyp_its *its, struct its_cmd_block *cmd)
{
	if (!its_cmd_valid(cmd))
		hyp_its_drop_unmap(its, its_cmd_device(cmd));
}

static bool its_sync_consumed(struct hyp_its *its, struct its_cmd_block *cmd)
{
	return hyp_its_complete_unmaps(its);
}

static bool its_is_doorbell(struct hyp_its *its, u32 intid)
{
	return intid == ITS_NO_DOORBELL || its_is_lpi(its, intid);
}

static enum pkvm_its_refusal its_check_mapped_vpe(struct hyp_its *its, struct its_cmd_block *cmd)
{
	if (!hyp_its_vpe_in_range(its, its_cmd_vpe(cmd)))
		return PKVM_ITS_VPE_RANGE;

	return hyp_its_vpe_is_mapped(its, its_cmd_vpe(cmd)) ? PKVM_ITS_ACCEPTED :
							  PKVM_ITS_VPE_UNMAPPED;
}

/* The driver sends this after an unmap, too. */
static enum pkvm_its_refusal its_check_vsync(struct hyp_its *its, struct its_cmd_block *cmd)
{
	return hyp_its_vpe_in_range(its, its_cmd_vpe(cmd)) ? PKVM_ITS_ACCEPTED :
							 PKVM_ITS_VPE_RANGE;
}

static enum pkvm_its_refusal its_vmapp_valid(struct hyp_its *its, struct its_cmd_block *cmd)
{
	u32 doorbell = FIELD_GET(GITS_CMD1_DOORBELL, cmd->raw_cmd[1]);
	enum pkvm_its_refusal why;

	why = its_check_sync(its, cmd);
	if (why)
		return why;

	if (hyp_its_is_v4_1(its) && !its_is_doorbell(its, doorbell))
		return PKVM_ITS_DOORBELL;

	/* A VPT that another ITS knows is not zero, if ever it was. */
	if (!its_cmd_alloc(cmd))
		cmd->raw_cmd[0] &= ~GITS_CMD0_PTZ;

	return hyp_its_map_vpe(its, its_cmd_vpe(cmd), its_cmd_vpt(cmd), its_cmd_intid_bits(cmd),
			       its_cmd_vconfig(cmd), its_cmd_vpt_flags(cmd));
}

/* As for MAPD, what an unmap does not need is ignored. */
static enum pkvm_its_refusal its_vmapp_invalid(struct hyp_its *its, struct its_cmd_block *cmd)
{
	if (!hyp_its_vpe_in_range(its, its_cmd_vpe(cmd)))
		return PKVM_ITS_VPE_RANGE;

	cmd->raw_cmd[0] &= GITS_CMD0_OPCODE | GITS_CMD0_ALLOC;
	cmd->raw_cmd[1] &= GITS_CMD1_VPE;
	cmd->raw_cmd[2] = 0;
	cmd->raw_cmd[3] = 0;

	return hyp_its_begin_vpe_unmap(its, its_cmd_vpe(cmd), its_cmd_alloc(cmd));
}

static enum pkvm_its_refusal its_check_vmapp(struct hyp_its *its, struct its_cmd_block *cmd)
{
	if (!hyp_its_is_v4_1(its)) {
		cmd->raw_cmd[0] &= GITS_CMD0_OPCODE;
		cmd->raw_cmd[1] &= GITS_CMD1_VPE;
	}

	return its_cmd_valid(cmd) ? its_vmapp_valid(its, cmd) : its_vmapp_invalid(its, cmd);
}

/* Too early as long as a redistributor may use the VPT. */
static bool its_complete_vpe_unmap(struct hyp_its *its, u32 vpe_id)
{
	if (!hyp_its_vpe_is_leaving(its, vpe_id))
		return true;

	if (hyp_rdists_hold_vpe(vpe_id))
		return false;

	hyp_its_complete_vpe_unmap(its, vpe_id);

	return true;
}

/*
 * Section 5.3, VMAPP, GICv4.1: an unmap is self-synchronising, and the driver sends
 * no VSYNC. GICv4.0 needs one.
 */
static bool its_vmapp_consumed(struct hyp_its *its, struct its_cmd_block *cmd)
{
	u32 vpe_id = its_cmd_vpe(cmd);

	if (its_cmd_valid(cmd)) {
		hyp_its_end_vpe_map(its, vpe_id, true);
		return true;
	}

	hyp_its_vpe_unmapped(its, vpe_id);

	return !hyp_its_is_v4_1(its) || its_complete_vpe_unmap(its, vpe_id);
}

static void its_vmapp_dropped(struct hyp_its *its, struct its_cmd_block *cmd)
{
	if (its_cmd_valid(cmd))
		hyp_its_end_vpe_map(its, its_cmd_vpe(cmd), false);
	else
		hyp_its_drop_vpe_unmap(its, its_cmd_vpe(cmd));
}

static bool its_vsync_consumed(struct hyp_its *its, struct its_cmd_block *cmd)
{
	return its_complete_vpe_unmap(its, its_cmd_vpe(cmd));
}

static enum pkvm_its_refusal its_check_vpe_event(struct hyp_its *its, struct its_cmd_block *cmd)
{
	enum pkvm_its_refusal why = its_check_event(its, cmd);

	return why ?: its_check_mapped_vpe(its, cmd);
}

static enum pkvm_its_refusal its_check_vlpi(struct hyp_its *its, struct its_cmd_block *cmd,
					    u32 vintid)
{
	if (!its_is_lpi(its, vintid))
		return PKVM_ITS_LPI_RANGE;

	if (!its_is_doorbell(its, its_cmd_doorbell(cmd)))
		return PKVM_ITS_DOORBELL;

	return its_check_vpe_event(its, cmd);
}

static enum pkvm_its_refusal its_check_vmapti(struct hyp_its *its, struct its_cmd_block *cmd)
{
	return its_check_vlpi(its, cmd, its_cmd_vintid(cmd));
}

/* As for MAPI, the EventID is the INTID, here a virtual one. */
static enum pkvm_its_refusal its_check_vmapi(struct hyp_its *its, struct its_cmd_block *cmd)
{
	return its_check_vlpi(its, cmd, its_cmd_event(cmd));
}

static enum pkvm_its_refusal its_check_vmovi(struct hyp_its *its, struct its_cmd_block *cmd)
{
	if ((cmd->raw_cmd[2] & GITS_CMD2_HAS_DOORBELL) &&
	    !its_is_doorbell(its, its_cmd_doorbell(cmd)))
		return PKVM_ITS_DOORBELL;

	return its_check_vpe_event(its, cmd);
}

static enum pkvm_its_refusal its_check_vmovp(struct hyp_its *its, struct its_cmd_block *cmd)
{
	u32 doorbell = FIELD_GET(GITS_CMD3_DOORBELL, cmd->raw_cmd[3]);
	enum pkvm_its_refusal why;

	why = its_check_mapped_vpe(its, cmd) ?: its_check_sync(its, cmd);
	if (why)
		return why;

	if (!hyp_its_is_v4_1(its)) {
		cmd->raw_cmd[2] &= GITS_CMD2_RDBASE;
		cmd->raw_cmd[3] = 0;
	} else if ((cmd->raw_cmd[2] & GITS_CMD2_HAS_DEFAULT) && !its_is_doorbell(its, doorbell)) {
		return PKVM_ITS_DOORBELL;
	}

	/* One command moves the vPE on all ITSs: there is no list. */
	if (its->typer & GITS_TYPER_VMOVP) {
		cmd->raw_cmd[0] &= GITS_CMD0_OPCODE;
		cmd->raw_cmd[1] &= GITS_CMD1_VPE;
		return PKVM_ITS_ACCEPTED;
	}

	return hyp_its_check_its_list(its, its_cmd_vpe(cmd), its_cmd_its_list(cmd)) ?
	       PKVM_ITS_ACCEPTED : PKVM_ITS_ITS_LIST;
}

/**
 * struct its_cmd_type - what EL2 knows about a command
 * @name:	As the specification has it, of seven letters at most.
 * @mask:	The bits that are not RES0, for each doubleword.
 * @needs:	Bits of GITS_TYPER without which there is no such command.
 * @check:	Decide whether it is refused; donates what it makes the ITS use.
 * @consumed:	Do what follows from the ITS having consumed it; false if that is
 *		more than this entry may, or too early. NULL if nothing does.
 * @dropped:	Undo what @check did, as the ITS will not execute it; pages that
 *		were donated stay EL2's. NULL if nothing is to be undone.
 */
struct its_cmd_type {
	char			name[sizeof(u64)];
	u64			mask[4];
	u64			needs;
	enum pkvm_its_refusal	(*check)(struct hyp_its *its, struct its_cmd_block *cmd);
	bool			(*consumed)(struct hyp_its *its, struct its_cmd_block *cmd);
	void			(*dropped)(struct hyp_its *its, struct its_cmd_block *cmd);
};

#define CMD0_DEVICE	(GITS_CMD0_OPCODE | GITS_CMD0_DEVICE)

static const struct its_cmd_type its_cmd_types[] = {
	[GITS_CMD_MAPD] = {
		.name = "MAPD", .check = its_check_mapd,
		.mask = { CMD0_DEVICE, GITS_CMD1_SIZE, GITS_CMD2_VALID | GITS_CMD2_ITT },
		.consumed = its_mapd_consumed, .dropped = its_mapd_dropped
	},
	[GITS_CMD_MAPC] = {
		.name = "MAPC", .check = its_check_mapc,
		.mask = { GITS_CMD0_OPCODE, 0,
			  GITS_CMD2_VALID | GITS_CMD2_RDBASE | GITS_CMD2_COLLECTION }
	},
	[GITS_CMD_MAPTI] = {
		.name = "MAPTI", .check = its_check_mapti,
		.mask = { CMD0_DEVICE, GITS_CMD1_EVENT | GITS_CMD1_INTID, GITS_CMD2_COLLECTION }
	},
	[GITS_CMD_MAPI] = {
		.name = "MAPI", .check = its_check_mapi,
		.mask = { CMD0_DEVICE, GITS_CMD1_EVENT, GITS_CMD2_COLLECTION }
	},
	[GITS_CMD_MOVI] = {
		.name = "MOVI", .check = its_check_event_and_collection,
		.mask = { CMD0_DEVICE, GITS_CMD1_EVENT, GITS_CMD2_COLLECTION }
	},
	[GITS_CMD_DISCARD] = {
		.name = "DISCARD", .check = its_check_event,
		.mask = { CMD0_DEVICE, GITS_CMD1_EVENT }
	},
	[GITS_CMD_INV] = {
		.name = "INV", .check = its_check_event,
		.mask = { CMD0_DEVICE, GITS_CMD1_EVENT }
	},
	[GITS_CMD_INT] = {
		.name = "INT", .check = its_check_event,
		.mask = { CMD0_DEVICE, GITS_CMD1_EVENT }
	},
	[GITS_CMD_CLEAR] = {
		.name = "CLEAR", .check = its_check_event,
		.mask = { CMD0_DEVICE, GITS_CMD1_EVENT }
	},
	[GITS_CMD_INVALL] = {
		.name = "INVALL", .check = its_check_collection,
		.mask = { GITS_CMD0_OPCODE, 0, GITS_CMD2_COLLECTION }
	},
	[GITS_CMD_MOVALL] = {
		.name = "MOVALL", .check = its_check_movall,
		.mask = { GITS_CMD0_OPCODE, 0, GITS_CMD2_RDBASE, GITS_CMD3_RDBASE }
	},
	[GITS_CMD_SYNC] = {
		.name = "SYNC", .check = its_check_sync,
		.mask = { GITS_CMD0_OPCODE, 0, GITS_CMD2_RDBASE },
		.consumed = its_sync_consumed
	},
	[GITS_CMD_VMAPP] = {
		.name = "VMAPP", .check = its_check_vmapp, .needs = GITS_TYPER_VLPIS,
		.mask = { GITS_CMD0_OPCODE | GITS_CMD0_ALLOC | GITS_CMD0_PTZ | GITS_CMD0_VCONFIG,
			  GITS_CMD1_VPE | GITS_CMD1_DOORBELL,
			  GITS_CMD2_VALID | GITS_CMD2_RDBASE,
			  GITS_CMD3_VPT | GITS_CMD3_VPT_SIZE },
		.consumed = its_vmapp_consumed, .dropped = its_vmapp_dropped
	},
	[GITS_CMD_VMAPTI] = {
		.name = "VMAPTI", .check = its_check_vmapti, .needs = GITS_TYPER_VLPIS,
		.mask = { CMD0_DEVICE, GITS_CMD1_EVENT | GITS_CMD1_VPE,
			  GITS_CMD2_VINTID | GITS_CMD2_DOORBELL }
	},
	[GITS_CMD_VMAPI] = {
		.name = "VMAPI", .check = its_check_vmapi, .needs = GITS_TYPER_VLPIS,
		.mask = { CMD0_DEVICE, GITS_CMD1_EVENT | GITS_CMD1_VPE, GITS_CMD2_DOORBELL }
	},
	[GITS_CMD_VMOVI] = {
		.name = "VMOVI", .check = its_check_vmovi, .needs = GITS_TYPER_VLPIS,
		.mask = { CMD0_DEVICE, GITS_CMD1_EVENT | GITS_CMD1_VPE,
			  GITS_CMD2_HAS_DOORBELL | GITS_CMD2_DOORBELL }
	},
	[GITS_CMD_VMOVP] = {
		.name = "VMOVP", .check = its_check_vmovp, .needs = GITS_TYPER_VLPIS,
		.mask = { GITS_CMD0_OPCODE | GITS_CMD0_SEQUENCE,
			  GITS_CMD1_VPE | GITS_CMD1_ITS_LIST,
			  GITS_CMD2_HAS_DEFAULT | GITS_CMD2_RDBASE, GITS_CMD3_DOORBELL }
	},
	[GITS_CMD_VSYNC] = {
		.name = "VSYNC", .check = its_check_vsync, .needs = GITS_TYPER_VLPIS,
		.mask = { GITS_CMD0_OPCODE, GITS_CMD1_VPE },
		.consumed = its_vsync_consumed
	},
	[GITS_CMD_VINVALL] = {
		.name = "VINVALL", .check = its_check_mapped_vpe, .needs = GITS_TYPER_VLPIS,
		.mask = { GITS_CMD0_OPCODE, GITS_CMD1_VPE }
	},
	[GITS_CMD_INVDB] = {
		.name = "INVDB", .check = its_check_mapped_vpe,
		.needs = GITS_TYPER_VLPIS | GITS_TYPER_VMAPP,
		.mask = { GITS_CMD0_OPCODE, GITS_CMD1_VPE }
	},
	[GITS_CMD_VSGI] = {
		.name = "VSGI", .check = its_check_mapped_vpe,
		.needs = GITS_TYPER_VLPIS | GITS_TYPER_VMAPP,
		.mask = { GITS_CMD0_OPCODE | GITS_CMD0_SGI, GITS_CMD1_VPE }
	},
};

static const struct its_cmd_type *its_cmd_type(const struct its_cmd_block *cmd)
{
	u32 opcode = its_cmd_opcode(cmd);

	if (opcode >= ARRAY_SIZE(its_cmd_types) || !its_cmd_types[opcode].check)
		return NULL;

	return &its_cmd_types[opcode];
}

/**
 * hyp_its_cmd_name() - What a command is called.
 * @dw0:	Its doubleword 0.
 *
 * Return: up to seven letters, the first in the lowest byte; 0 if there is no
 * such command.
 */
u64 hyp_its_cmd_name(u64 dw0)
{
	struct its_cmd_block cmd = { .raw_cmd = { dw0 } };
	const struct its_cmd_type *type = its_cmd_type(&cmd);
	u64 name = 0;

	if (type)
		memcpy(&name, type->name, sizeof(name));

	return name;
}

/* Check one command, and make of it what the ITS may see. */
static enum pkvm_its_refusal its_check_cmd(struct hyp_its *its, struct its_cmd_block *cmd)
{
	const struct its_cmd_type *type = its_cmd_type(cmd);
	int i;

	if (!type)
		return PKVM_ITS_UNKNOWN_COMMAND;

	if (type->needs & ~its->typer)
		return PKVM_ITS_VLPI_COMMAND;

	unrolled_count(4)
	for (i = 0; i < ARRAY_SIZE(cmd->raw_cmd); i++)
		cmd->raw_cmd[i] &= type->mask[i];

	return type->check(its, cmd);
}

/* The host may change its queue at any time: this is the only look at it. */
static void its_read_shadow(struct hyp_its *its, u32 offset, struct its_cmd_block *cmd)
{
	struct its_cmd_block *slot = &its->shadow[offset / sizeof(*slot)];
	int i;

	for (i = 0; i < ARRAY_SIZE(cmd->raw_cmd); i++)
		cmd->raw_cmd[i] = le64_to_cpu((__force __le64)READ_ONCE(slot->raw_cmd[i]));
}

static void its_flush_slot(struct hyp_its *its, struct its_cmd_block *slot)
{
	if (!(its->cbaser & GITS_CBASER_SHAREABILITY_MASK))
		kvm_flush_dcache_to_poc(slot, sizeof(*slot));
}

static void its_write_queue(struct hyp_its *its, u32 offset, const struct its_cmd_block *cmd)
{
	struct its_cmd_block *slot = &its->queue[offset / sizeof(*slot)];
	int i;

	for (i = 0; i < ARRAY_SIZE(cmd->raw_cmd); i++)
		slot->raw_cmd[i] = (__force u64)cpu_to_le64(cmd->raw_cmd[i]);

	its_flush_slot(its, slot);
}

static struct its_cmd_block its_read_queue(struct hyp_its *its, u32 offset)
{
	struct its_cmd_block *slot = &its->queue[offset / sizeof(*slot)];
	struct its_cmd_block cmd;
	int i;

	for (i = 0; i < ARRAY_SIZE(cmd.raw_cmd); i++)
		cmd.raw_cmd[i] = le64_to_cpu((__force __le64)slot->raw_cmd[i]);

	return cmd;
}

/* Whenever the ITS comes across it again, it does nothing. */
static void its_scrub_slot(struct hyp_its *its, u32 offset)
{
	struct its_cmd_block *slot = &its->queue[offset / sizeof(*slot)];

	slot->raw_cmd[0] = (__force u64)cpu_to_le64(GITS_CMD_SYNC);
	slot->raw_cmd[1] = 0;
	slot->raw_cmd[2] = (__force u64)cpu_to_le64(its->targets[0]);
	slot->raw_cmd[3] = 0;
	its_flush_slot(its, slot);
}

/**
 * hyp_its_scrub_queue() - Leave nothing in the queue that could be executed.
 * @its:	The ITS, idle or off.
 */
void hyp_its_scrub_queue(struct hyp_its *its)
{
	u32 offset;

	for (offset = 0; offset < its->queue_size; offset += sizeof(struct its_cmd_block))
		its_scrub_slot(its, offset);
}

static u32 its_next_offset(struct hyp_its *its, u32 offset)
{
	u32 next = offset + sizeof(struct its_cmd_block);

	return next < its->queue_size ? next : 0;
}

static u32 its_distance(struct hyp_its *its, u32 from, u32 to)
{
	return to >= from ? to - from : to + its->queue_size - from;
}

/* What the ITS has not executed, as far as EL2 knows, from @consumed on. */
static bool its_is_outstanding(struct hyp_its *its, u32 offset)
{
	return offset < its->queue_size &&
	       its_distance(its, its->consumed, offset) <
	       its_distance(its, its->consumed, its->posted);
}

/* A stall is over once the ITS is elsewhere, or not stalled. */
static u32 its_read_creadr(struct hyp_its *its)
{
	u32 offset;

	its->creadr = readq_relaxed(its->region.base + GITS_CREADR);
	offset = its->creadr & GITS_CREADR_OFFSET;
	if (!(its->creadr & GITS_CREADR_STALLED) || offset != its->retried)
		its->retried = ITS_NO_OFFSET;

	return offset;
}

/*
 * An ITS that has lost its registers says nothing true: its read pointer counts
 * only if it is where it can be, and if after that the ITS still has the queue.
 */
static bool its_creadr_is_true(struct hyp_its *its, u32 creadr)
{
	if (creadr != its->posted && !its_is_outstanding(its, creadr))
		return false;

	return !hyp_its_has_unmaps(its) ||
	       (hyp_its_is_enabled(its) &&
		readq_relaxed(its->region.base + GITS_CBASER) == its->cbaser);
}

static bool its_complete_cmd(struct hyp_its *its, u32 offset)
{
	struct its_cmd_block cmd = its_read_queue(its, offset);
	const struct its_cmd_type *type = its_cmd_type(&cmd);

	return !type->consumed || type->consumed(its, &cmd);
}

/* A SYNC can stay: it names a redistributor, and nothing else. */
static bool its_slot_is_sync(struct hyp_its *its, u32 offset)
{
	return its->queue[offset / sizeof(struct its_cmd_block)].raw_cmd[0] ==
	       (__force u64)cpu_to_le64(GITS_CMD_SYNC);
}

/*
 * Do what follows from commands that the ITS has consumed: pages that it cannot
 * reach any more are returned. Stops where the budget of this entry ends.
 */
static void its_complete_until(struct hyp_its *its, u32 creadr)
{
	bool unmaps = hyp_its_has_unmaps(its);

	if (creadr == its->consumed || !its_creadr_is_true(its, creadr))
		return;

	hyp_its_changed();
	while (its->consumed != creadr && hyp_its_has_budget(its)) {
		if (unmaps && !its_complete_cmd(its, its->consumed))
			return;

		if (!its_slot_is_sync(its, its->consumed))
			its_scrub_slot(its, its->consumed);
		its->consumed = its_next_offset(its, its->consumed);
		its->bytes_left -= ITS_BYTES_PER_CMD;
	}
}

static void its_complete_consumed(struct hyp_its *its)
{
	its_complete_until(its, its_read_creadr(its));
}

static void its_drop_cmd(struct hyp_its *its, u32 offset)
{
	struct its_cmd_block cmd = its_read_queue(its, offset);
	const struct its_cmd_type *type = its_cmd_type(&cmd);

	if (type->dropped)
		type->dropped(its, &cmd);
}

/**
 * hyp_its_drop_queue() - Forget what the ITS may not have executed.
 * @its:	The ITS, locked and off, whose queue will be programmed anew.
 *
 * It may have, so pages donated for a command stay EL2's. An unmap without a SYNC is
 * forgotten even if it was consumed: an ITS that lost power may not have written
 * it to its table. Nothing that could be executed is left in the queue.
 */
void hyp_its_drop_queue(struct hyp_its *its)
{
	u32 offset;

	hyp_its_changed();
	hyp_its_drop_unmaps(its);
	hyp_its_drop_vpe_unmaps(its);
	for (offset = its->consumed; offset != its->posted; offset = its_next_offset(its, offset))
		its_scrub_slot(its, offset);

	its->posted = 0;
	its->consumed = 0;
	its->cwriter = 0;
	its->creadr = 0;
	its->retried = ITS_NO_OFFSET;
	its->stalled = false;
}

static void its_submit(struct hyp_its *its)
{
	hyp_its_changed();
	/* The ITS sees the commands, and the pages they name, before the pointer. */
	dsb(sy);
	writeq_relaxed(its->posted, its->region.base + GITS_CWRITER);
}

/*
 * One slot stays free, or a full queue would look empty. If there is no room, or if
 * making room used up the budget, the rest waits for the next entry.
 */
static bool its_queue_has_room(struct hyp_its *its, u32 next)
{
	if (next != its->consumed)
		return true;

	its_complete_consumed(its);

	return next != its->consumed && hyp_its_has_budget(its);
}

static void its_refuse(struct hyp_its *its, const struct its_cmd_block *cmd,
		       enum pkvm_its_refusal why)
{
	its->stalled = true;
	its->stats.refused++;
	its->refused.cmd = cmd->raw_cmd[0];
	its->refused.why = why;
	trace_its_refused(hyp_its_phys(its), cmd->raw_cmd[0], why);
}

/* An unmap that is not complete may be why a command is refused: look again then. */
static bool its_may_accept_later(struct hyp_its *its)
{
	return hyp_its_has_unmaps(its) && its->consumed != its->posted;
}

static bool its_post_next(struct hyp_its *its)
{
	u32 next = its_next_offset(its, its->posted);
	enum pkvm_its_refusal why;
	struct its_cmd_block cmd;

	if (!its_queue_has_room(its, next))
		return false;

	its_read_shadow(its, its->posted, &cmd);
	why = its_check_cmd(its, &cmd);
	if (why) {
		if (!its_may_accept_later(its))
			its_refuse(its, &cmd, why);
		return false;
	}

	its_write_queue(its, its->posted, &cmd);
	its->posted = next;
	its->stats.posted++;
	its->bytes_left -= ITS_BYTES_PER_CMD;

	return true;
}

static void its_post(struct hyp_its *its)
{
	u32 posted = its->posted;

	while (!its->stalled && its->posted != its->cwriter && hyp_its_has_budget(its)) {
		if (!its_post_next(its))
			break;
	}

	if (its->posted != posted)
		its_submit(its);
}

/**
 * hyp_its_process_queue() - Bring the ITS and its queue up to date.
 * @its:	The ITS, locked.
 *
 * Completes what the ITS has consumed and posts the commands between @posted and
 * @cwriter, as far as the budget of this entry goes: the rest is for the next.
 * Stops at a command that is refused. Never waits for the ITS.
 */
void hyp_its_process_queue(struct hyp_its *its)
{
	its->bytes_left = ITS_BUDGET_BYTES;

	if (!hyp_its_is_enabled(its)) {
		its_read_creadr(its);
		return;
	}

	if (hyp_its_has_unmaps(its))
		its_complete_consumed(its);

	its_post(its);
	its_complete_consumed(its);
}

/* What the host wants behind a command: an opcode, and the only field that it has. */
static bool its_make_sync(struct hyp_its *its, struct its_cmd_block *cmd, u64 sync)
{
	u64 opcode = sync & GITS_CMD0_OPCODE;

	*cmd = (struct its_cmd_block){ .raw_cmd = { opcode } };
	if (opcode == GITS_CMD_SYNC) {
		cmd->raw_cmd[2] = sync & GITS_CMD2_RDBASE;
		return !its_check_sync(its, cmd);
	}

	cmd->raw_cmd[1] = sync & GITS_CMD1_VPE;

	return opcode == GITS_CMD_VSYNC && !its_check_cmd(its, cmd);
}

/**
 * hyp_its_send() - Post a command, and the SYNC or VSYNC behind it, or neither.
 * @its:	The ITS, locked.
 * @cmd:	The command; what the ITS may see of it when this returns.
 * @sync:	GITS_CMD_SYNC or GITS_CMD_VSYNC, and in its place in doubleword 2 or 1 the
 *		RDbase or the vPEID; 0 if there is to be none.
 *
 * As hyp_its_process_queue() does for those in the host's queue, if there is nothing
 * else in that which is not posted, and room for both.
 *
 * Return: false if nothing has changed, and it is for hyp_its_process_queue() to post
 * them or to say why not.
 */
bool hyp_its_send(struct hyp_its *its, struct its_cmd_block *cmd, u64 sync)
{
	u32 first = its->posted, second = its_next_offset(its, first);
	u32 end = sync ? its_next_offset(its, second) : second, creadr;
	struct its_cmd_block behind;

	if (its->stalled || its->cwriter != first || !hyp_its_is_enabled(its) ||
	    second == its->consumed || end == its->consumed)
		return false;

	/* The second command has no effect of its own, and comes first. */
	its->bytes_left = ITS_BUDGET_BYTES - 2 * ITS_BYTES_PER_CMD;
	if ((sync && !its_make_sync(its, &behind, sync)) || its_check_cmd(its, cmd))
		return false;

	its_write_queue(its, first, cmd);
	if (sync)
		its_write_queue(its, second, &behind);
	its->posted = end;
	its->cwriter = end;
	its->stats.posted += sync ? 2 : 1;
	its_submit(its);

	/* Mostly there was nothing else, and by now it is executed. */
	creadr = its_read_creadr(its);
	if (creadr == end && its->consumed == first && !hyp_its_has_unmaps(its)) {
		its_scrub_slot(its, first);
		if (!its_slot_is_sync(its, second))
			its_scrub_slot(its, second);
		its->consumed = end;
	} else {
		its_complete_until(its, creadr);
	}

	return true;
}

/*
 * The ITS has stalled at a command that EL2 accepted. The host may replace it by
 * a SYNC, which makes the ITS use no pages. Only before the first Retry: after
 * that the ITS may be reading the slot, and get one half of each command.
 */
static void its_replace_stalled(struct hyp_its *its, u32 offset)
{
	struct its_cmd_block cmd;

	if (its->retried == offset || !its_is_outstanding(its, offset) ||
	    readq_relaxed(its->region.base + GITS_CBASER) != its->cbaser)
		return;

	its_read_shadow(its, offset, &cmd);
	if (its_cmd_opcode(&cmd) != GITS_CMD_SYNC || its_check_cmd(its, &cmd))
		return;

	hyp_its_changed();
	its_drop_cmd(its, offset);
	its_write_queue(its, offset, &cmd);
}

/**
 * hyp_its_retry() - The host has written GITS_CWRITER.Retry.
 * @its:	The ITS, locked.
 *
 * Look again at the command that was refused, or at the one that the ITS itself
 * has stalled at: the host may have changed it.
 */
void hyp_its_retry(struct hyp_its *its)
{
	u32 offset = its_read_creadr(its);

	its->stalled = false;

	if (!(its->creadr & GITS_CREADR_STALLED) || !hyp_its_is_enabled(its))
		return;

	its_replace_stalled(its, offset);
	its->retried = offset;

	/* The ITS sees the command before it tries again. */
	dsb(sy);
	writeq_relaxed(its->posted | GITS_CWRITER_RETRY, its->region.base + GITS_CWRITER);
}
