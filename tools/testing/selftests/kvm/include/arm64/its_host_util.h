/* SPDX-License-Identifier: GPL-2.0-only */
/* What tests of a GICv3 ITS that EL2 owns need beyond its_host.h. */
#ifndef SELFTEST_KVM_ITS_HOST_UTIL_H
#define SELFTEST_KVM_ITS_HOST_UTIL_H

#include "its_host.h"

#define GITS_BASER_PAGES	GENMASK_ULL(7, 0)

/* Where RDbase is an address it is one more way into memory. */
#define ITS_BAD_RDBASE		(its.typer & GITS_TYPER_PTA ? its.victim : 0x7fff0000)

bool its_host_pin_to_cpu(int cpu);
bool its_host_enable(bool enable);
/*
 * An MSI that comes while the ITS or LPIs are disabled is lost, by design, and the
 * driver waits for it forever: after this test, send it again.
 */
void its_host_may_lose_msis(void);
/* Both pointers of the queue at 0, as the driver does it on resume. */
bool its_host_restart(u64 cbaser);
void its_host_fill_queue(const struct its_cmd *cmd);
/* Call @fn for each MSI of a virtio device. */
void its_host_walk_msis(void (*fn)(int irq, u32 dev, u32 event));

/* Contiguous: a huge page, or small ones with luck; NULL if there is none. */
void *its_host_alloc(u64 size, u64 align, u64 *phys);

u64 its_host_get_l1(const struct its_table *table, u64 index, u64 *chunk);
/* An L2 page, and @chunk for EL2's records of it, which EL2 takes along with it. */
void its_host_set_l1(const struct its_table *table, u64 index, u64 l2, u64 chunk);
/* An entry without L2 page, or -1. */
s64 its_host_free_l1(const struct its_table *table);
/* @cmd maps something to @own, by the unused entry @index, which is bad in many ways. */
void its_host_test_l1(const struct its_table *table, const char *name, struct its_cmd cmd,
		      u64 index, u64 own);

/* What the driver does on resume: the same values again, pointers at zero. */
int its_host_resume(const struct its_test *t);

/* Post the one command while the ITS is disabled, see it refused when it is enabled. */
int its_host_run_disabled(const struct its_test *t);

static inline struct its_cmd movall(u64 from, u64 to)
{
	struct its_cmd cmd = its_cmd(GITS_CMD_MOVALL, 0, 0, from & CMD2_RDBASE);

	cmd.dw[3] = to & CMD2_RDBASE;
	return cmd;
}

static inline struct its_cmd invall(u16 icid)
{
	return its_cmd(GITS_CMD_INVALL, 0, 0, icid);
}

#endif /* SELFTEST_KVM_ITS_HOST_UTIL_H */
