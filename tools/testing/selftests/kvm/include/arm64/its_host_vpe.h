/* SPDX-License-Identifier: GPL-2.0-only */
/* The vPEs of a GICv4.0 ITS that EL2 owns, for tests of a compromised host. */
#ifndef SELFTEST_KVM_ITS_HOST_VPE_H
#define SELFTEST_KVM_ITS_HOST_VPE_H

#include "its_host_util.h"

#define GITS_CMD_VMAPI		GITS_CMD_GICv4(GITS_CMD_MAPI)

#define CMD1_VPE		GENMASK_ULL(47, 32)
#define CMD2_DOORBELL		GENMASK_ULL(63, 32)
#define CMD2_HAS_DOORBELL	BIT_ULL(0)
#define CMD3_VPT		GENMASK_ULL(51, 16)

/* A VPT for this many INTID bits, which has a bit for each INTID. */
#define VPT_INTID_BITS		16
#define VPT_SIZE		(BIT(VPT_INTID_BITS) / 8)
#define VPT_ALIGN		SZ_64K
#define NO_DOORBELL		1023

struct its_vpes {
	struct its_table *table;	/* NULL if the ITS has no vPEs, or shares them */
	bool has_l2;			/* the first L2 page is there, */
	u32 free;			/* with this vPEID in it, unused */
	u64 *own, own_phys;		/* memory of the test's for two VPTs, or NULL */
};

extern struct its_vpes its_vpes;

void its_host_setup_vpes(void);
bool its_host_map_vpe(void);
bool its_host_unmap_vpe(u32 vpe);

static inline struct its_cmd vmapp_sized(u32 vpe, u64 vpt, u8 intid_bits)
{
	struct its_cmd cmd = its_cmd(GITS_CMD_VMAPP, 0, FIELD_PREP(CMD1_VPE, vpe),
				     CMD2_VALID | (its.rdbase & CMD2_RDBASE));

	cmd.dw[3] = (vpt & CMD3_VPT) | (intid_bits - 1);
	return cmd;
}

static inline struct its_cmd vmapp(u32 vpe, u64 vpt)
{
	return vmapp_sized(vpe, vpt, VPT_INTID_BITS);
}

/* VMAPP to unmap, VINVALL, VSYNC: no more than a vPE. */
static inline struct its_cmd vpe_cmd(u8 opcode, u32 vpe)
{
	return its_cmd(opcode, 0, FIELD_PREP(CMD1_VPE, vpe), 0);
}

static inline struct its_cmd vmovp(u32 vpe, u64 rdbase)
{
	return its_cmd(GITS_CMD_VMOVP, 0, FIELD_PREP(CMD1_VPE, vpe), rdbase & CMD2_RDBASE);
}

/* VMAPTI, VMAPI and VMOVI: @low is the vINTID, or whether there is a doorbell. */
static inline struct its_cmd vpe_event_cmd(u8 opcode, u32 dev, u32 event, u32 vpe, u32 low,
					   u32 doorbell)
{
	return its_cmd(opcode, dev, event | FIELD_PREP(CMD1_VPE, vpe),
		       low | FIELD_PREP(CMD2_DOORBELL, doorbell));
}

static inline struct its_cmd vmapti(u32 dev, u32 event, u32 vpe, u32 vintid)
{
	return vpe_event_cmd(GITS_CMD_VMAPTI, dev, event, vpe, vintid, NO_DOORBELL);
}

#endif /* SELFTEST_KVM_ITS_HOST_VPE_H */
