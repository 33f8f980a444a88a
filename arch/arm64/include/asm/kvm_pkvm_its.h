/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __ARM64_KVM_PKVM_ITS_H__
#define __ARM64_KVM_PKVM_ITS_H__

#include <linux/sizes.h>

/* Memory that EL2's self test gives to the host and takes back. */
#define ITS_SELFTEST_SIZE	(SZ_1M + SZ_512K)

/* Where the hand-over of an ITS to EL2 stopped. */
enum pkvm_its_step {
	PKVM_ITS_STEP_DESCRIPTION,
	PKVM_ITS_STEP_FRAME,
	PKVM_ITS_STEP_REGISTERS,
	PKVM_ITS_STEP_TABLES,
	PKVM_ITS_STEP_QUEUE,
	PKVM_ITS_STEP_DEVICES,
	PKVM_ITS_STEP_MAX
};

/* Why EL2 refused a command. */
enum pkvm_its_refusal {
	PKVM_ITS_ACCEPTED,
	PKVM_ITS_UNKNOWN_COMMAND,
	PKVM_ITS_VLPI_COMMAND,
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
	PKVM_ITS_REFUSAL_MAX
};

/* What the host can ask EL2 about an ITS it owns. */
enum pkvm_its_query {
	PKVM_ITS_QUERY_OWNER,		/* 1 if EL2 owns the control frame */
	PKVM_ITS_QUERY_CTLR,
	PKVM_ITS_QUERY_TYPER,
	PKVM_ITS_QUERY_BASER,		/* of table @idx */
	PKVM_ITS_QUERY_TABLE_OWNER,	/* 1 if EL2 owns each page of table @idx */
	PKVM_ITS_QUERY_TABLE_SHADOW,
	PKVM_ITS_QUERY_TABLE_NR_L2,
	PKVM_ITS_QUERY_L2,		/* @idx: table << 32 | index in its L1 */
	PKVM_ITS_QUERY_CBASER,
	PKVM_ITS_QUERY_QUEUE_OWNER,
	PKVM_ITS_QUERY_QUEUE_SHADOW,
	PKVM_ITS_QUERY_DEVICES,
	PKVM_ITS_QUERY_ITT_PAGES,
	PKVM_ITS_QUERY_DONATED,
	PKVM_ITS_QUERY_RETURNED,
	PKVM_ITS_QUERY_POSTED,
	PKVM_ITS_QUERY_REFUSED,
	PKVM_ITS_QUERY_REFUSED_CMD,	/* doubleword @idx of the last one */
	PKVM_ITS_QUERY_REFUSED_WHY,	/* enum pkvm_its_refusal of the last one */
	PKVM_ITS_QUERY_FAILED_STEP,	/* of the last hand-over that failed */
	PKVM_ITS_QUERY_SELFTEST,	/* checks made by the self test at boot */
};

#endif /* __ARM64_KVM_PKVM_ITS_H__ */
