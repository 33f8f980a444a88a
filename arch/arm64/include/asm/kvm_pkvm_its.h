/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __ARM64_KVM_PKVM_ITS_H__
#define __ARM64_KVM_PKVM_ITS_H__

#include <linux/bits.h>
#include <linux/sizes.h>

/* Memory of the self test at EL2: two fake ITSs, all in pages of 64K. */
#define ITS_SELFTEST_SIZE	(36 * SZ_64K)

/* Where the hand-over of an ITS stopped: before EL2, or in which step of EL2. */
#define PKVM_ITS_STEPS(X)				\
	X(DRIVER,	"driver")			\
	X(DESCRIPTION,	"description")			\
	X(FRAME,	"control frame")		\
	X(REGISTERS,	"registers")			\
	X(TABLES,	"tables")			\
	X(QUEUE,	"command queue")		\
	X(DEVICES,	"mapped devices")

#define PKVM_ITS_STEP(name, text)	PKVM_ITS_STEP_##name,
enum pkvm_its_step {
	PKVM_ITS_STEPS(PKVM_ITS_STEP)
	PKVM_ITS_STEP_MAX
};

#undef PKVM_ITS_STEP

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

/* Why EL2 refused a command. */
#define PKVM_ITS_REFUSALS(X)								\
	X(UNKNOWN_COMMAND,	"unknown command")					\
	X(DEVICE_RANGE,		"DeviceID beyond the Device table")			\
	X(DEVICE_MAPPED,	"device is mapped already")				\
	X(DEVICE_UNMAPPED,	"device is not mapped")					\
	X(L2_ENTRY,		"no valid first-level entry")				\
	X(L2_OWNER,		"L2 page is not the host's")				\
	X(ITT_SIZE,		"more EventID bits than GITS_TYPER allows")		\
	X(ITT_OWNER,		"ITT is not the host's")				\
	X(EVENT_RANGE,		"EventID beyond the ITT")				\
	X(LPI_RANGE,		"INTID is not an LPI")					\
	X(COLLECTION_RANGE,	"ICID beyond the Collection table")			\
	X(RDBASE,		"RDbase is not a redistributor")			\
	X(UNMAPS,		"more devices unmapped than EL2 remembers without a SYNC") \
	X(VLPI_COMMAND,		"the ITS has no such command")				\
	X(VPE_RANGE,		"vPEID beyond the vPE table")				\
	X(VPE_MAPPED,		"vPE is mapped already")				\
	X(VPE_UNMAPPED,		"vPE is not mapped")					\
	X(VPE_DIFFERS,		"vPE is mapped differently by another ITS")		\
	X(VPT_SIZE,		"VPT for fewer or more INTIDs than the GIC has")	\
	X(VPT_OWNER,		"VPT is not the host's")				\
	X(VCONFIG_OWNER,	"virtual configuration table is not the host's")	\
	X(DOORBELL,		"doorbell is neither an LPI nor 1023")			\
	X(ITS_LIST,		"ITSList names an ITS without the vPE")

#define PKVM_ITS_REFUSAL(name, text)	PKVM_ITS_##name,
enum pkvm_its_refusal {
	PKVM_ITS_ACCEPTED,
	PKVM_ITS_REFUSALS(PKVM_ITS_REFUSAL)
	PKVM_ITS_REFUSAL_MAX
};

#undef PKVM_ITS_REFUSAL

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
	PKVM_ITS_QUERY_DEVICES,
	PKVM_ITS_QUERY_ITT_PAGES,
	PKVM_ITS_QUERY_VPES,
	PKVM_ITS_QUERY_DONATED,
	PKVM_ITS_QUERY_RETURNED,
	PKVM_ITS_QUERY_POSTED,
	PKVM_ITS_QUERY_REFUSED,
	PKVM_ITS_QUERY_SELFTEST,	/* checks made by the self test at boot */
};

/* In the answer to PKVM_ITS_QUERY_L2: each page is EL2's, of the chunk as well. */
#define PKVM_ITS_L2_OWNED	BIT_ULL(63)

#endif /* __ARM64_KVM_PKVM_ITS_H__ */
