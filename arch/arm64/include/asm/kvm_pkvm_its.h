/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __ARM64_KVM_PKVM_ITS_H__
#define __ARM64_KVM_PKVM_ITS_H__

#include <linux/bits.h>
#include <linux/sizes.h>
#include <linux/types.h>

/* Memory of the self test at EL2: two fake ITSs in pages of 64K, and some to spare. */
#define ITS_SELFTEST_SIZE	(41 * SZ_64K)

/* Where the hand-over of an ITS stopped: before EL2, or in which step of EL2. */
enum pkvm_its_step {
	PKVM_ITS_STEP_DRIVER,
	PKVM_ITS_STEP_DESCRIPTION,
	PKVM_ITS_STEP_FRAME,
	PKVM_ITS_STEP_REGISTERS,
	PKVM_ITS_STEP_TABLES,
	PKVM_ITS_STEP_QUEUE,
	PKVM_ITS_STEP_DEVICES,
	PKVM_ITS_STEP_RDISTS,
	PKVM_ITS_STEP_MAX
};

/* A hand-over that fails returns both: bits [11:0] and [15:12] of the magnitude. */
static inline int pkvm_its_error(int err, enum pkvm_its_step step)
{
	return -(-err | (int)step << 12);
}

static inline int pkvm_its_errno(int ret)
{
	return -(-ret & GENMASK(11, 0));
}

static inline enum pkvm_its_step pkvm_its_step_of(int ret)
{
	return (-ret & GENMASK(15, 12)) >> 12;
}

/* Where the hand-over of the redistributors stopped. */
enum pkvm_rdist_step {
	PKVM_RDIST_STEP_DRIVER,
	PKVM_RDIST_STEP_DESCRIPTION,
	PKVM_RDIST_STEP_FRAME,
	PKVM_RDIST_STEP_STATE,
	PKVM_RDIST_STEP_VLPI,
	PKVM_RDIST_STEP_PROP,
	PKVM_RDIST_STEP_PEND,
	PKVM_RDIST_STEP_VPES,
	PKVM_RDIST_STEP_MAX
};

/* That returns what pkvm_its_error() does, and above it which redistributor it was. */
static inline s64 pkvm_rdist_error(int err, enum pkvm_rdist_step step, u32 nr)
{
	return -(-err | (s64)step << 12 | (s64)nr << 16);
}

static inline u32 pkvm_rdist_nr(s64 ret)
{
	return -ret >> 16;
}

/* Why EL2 refused a command. */
enum pkvm_its_refusal {
	PKVM_ITS_ACCEPTED,
	PKVM_ITS_UNKNOWN_COMMAND,
	PKVM_ITS_DEVICE_RANGE,
	PKVM_ITS_DEVICE_MAPPED,
	PKVM_ITS_DEVICE_UNMAPPED,
	PKVM_ITS_L2_ENTRY,
	PKVM_ITS_L2_OWNER,
	PKVM_ITS_ITT_SIZE,
	PKVM_ITS_ITT_OWNER,
	PKVM_ITS_EVENT_RANGE,
	PKVM_ITS_LPI_RANGE,
	PKVM_ITS_COLLECTION_RANGE,
	PKVM_ITS_RDBASE,
	PKVM_ITS_UNMAPS,
	PKVM_ITS_VLPI_COMMAND,
	PKVM_ITS_VPE_RANGE,
	PKVM_ITS_VPE_MAPPED,
	PKVM_ITS_VPE_UNMAPPED,
	PKVM_ITS_VPE_DIFFERS,
	PKVM_ITS_VPT_SIZE,
	PKVM_ITS_VPT_OWNER,
	PKVM_ITS_VCONFIG_OWNER,
	PKVM_ITS_DOORBELL,
	PKVM_ITS_ITS_LIST,
	PKVM_ITS_REFUSAL_MAX
};

/* What the host can ask EL2 about the command that it refused last. */
enum pkvm_its_refused_what {
	PKVM_ITS_REFUSED_AT,	/* GITS_CREADR if the command there is refused, or 0 */
	PKVM_ITS_REFUSED_CMD,	/* its doubleword 0 */
	PKVM_ITS_REFUSED_NAME,	/* up to 8 bytes of ASCII, the first in bits [7:0] */
	PKVM_ITS_REFUSED_WHY,	/* enum pkvm_its_refusal */
};

/* What else it can ask about an ITS that EL2 owns, with NVHE_EL2_DEBUG. */
enum pkvm_its_query {
	PKVM_ITS_QUERY_OWNER,		/* 1 if EL2 owns the control frame */
	PKVM_ITS_QUERY_CTLR,
	PKVM_ITS_QUERY_TYPER,
	PKVM_ITS_QUERY_TABLE_OWNER,	/* 1 if EL2 owns each page of table @idx */
	PKVM_ITS_QUERY_TABLE_NR_L2,
	PKVM_ITS_QUERY_L2,		/* @idx: table << 32 | index in its L1 */
	PKVM_ITS_QUERY_QUEUE_OWNER,
	PKVM_ITS_QUERY_RECORDS_OWNER,	/* of the devices, where there is no table of them */
	PKVM_ITS_QUERY_DEVICES,
	PKVM_ITS_QUERY_ITT_PAGES,
	PKVM_ITS_QUERY_VPES,
	PKVM_ITS_QUERY_DONATED,
	PKVM_ITS_QUERY_RETURNED,
	PKVM_ITS_QUERY_POSTED,
	PKVM_ITS_QUERY_REFUSED,
	PKVM_ITS_QUERY_SELFTEST,	/* checks made by the self test at boot */
	PKVM_ITS_QUERY_RDIST_OWNER,	/* 1 if EL2 owns RD_base */
	PKVM_ITS_QUERY_RDIST_TYPER,
	PKVM_ITS_QUERY_RDIST_PROP,	/* GICR_PROPBASER, 0 if LPIs are not enabled */
	PKVM_ITS_QUERY_RDIST_PEND,	/* GICR_PENDBASER, likewise */
	PKVM_ITS_QUERY_RDIST_PEND_OWNER, /* 1 if EL2 owns each page of the table */
	PKVM_ITS_QUERY_RDIST_RESIDENT,	/* 1 + the vPEID that is resident */
	PKVM_ITS_QUERY_RDIST_VPES,	/* address of its vPE table, 0 if there is none */
	PKVM_ITS_QUERY_RDIST_VPES_OWNER, /* 1 if EL2 owns each page of that */
};

/* In the answer to PKVM_ITS_QUERY_L2: each page is EL2's, of the chunk as well. */
#define PKVM_ITS_L2_OWNED	BIT_ULL(63)

#endif /* __ARM64_KVM_PKVM_ITS_H__ */
