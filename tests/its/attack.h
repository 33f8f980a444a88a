/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Attacks on an ITS that are no test for upstream: at random, in masses, or against
 * a kernel that leaves the ITS to the host. On the library of the KVM selftests.
 */
#ifndef ITS_ATTACK_H
#define ITS_ATTACK_H

#include <endian.h>
#include <fcntl.h>
#include <pthread.h>
#include <time.h>
#include <sys/mman.h>

#include "its_host_vpe.h"

/* stock.c: what succeeds where the host owns the ITS. */
u64 find_its(void);
void stock_attacks(void);

/* storm.c */
int run_storm(const struct its_test *t);
int run_exhaust(const struct its_test *t);

/* fuzz.c: .value seconds, the seed in .addr */
int run_fuzz(const struct its_test *t);

static inline u64 devices_reg(void)
{
	return GITS_BASER + 8 * (its.devices - its.table);
}

/* The Device table flat, in the victim. */
static inline u64 moved_baser(void)
{
	return (its.devices->baser & ~(GITS_BASER_INDIRECT | GITS_BASER_ADDR | GITS_BASER_PAGES)) |
	       its.victim;
}

#endif /* ITS_ATTACK_H */
