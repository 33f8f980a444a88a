/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __ARM64_KVM_NVHE_ITS_CHECK_H__
#define __ARM64_KVM_NVHE_ITS_CHECK_H__

#include <nvhe/its_emulate.h>
#include <nvhe/its_rdist.h>

/* See its_check.c: pages that EL2 takes and gives back, and when to look. */
#ifdef CONFIG_PKVM_ITS_CHECK
void hyp_its_count_donated(s64 nr_pages);
void hyp_its_count_pinned(s64 nr_pages);
void hyp_its_keep_state(u64 phys, u64 size);
void hyp_its_changed(void);
void hyp_its_check(void);
#else
static inline void hyp_its_count_donated(s64 nr_pages) { }
static inline void hyp_its_count_pinned(s64 nr_pages) { }
static inline void hyp_its_keep_state(u64 phys, u64 size) { }
static inline void hyp_its_changed(void) { }
static inline void hyp_its_check(void) { }
#endif

/**
 * struct hyp_its_use - what a record of a device, or of a vPE, says
 * @phys:	Physical address of the ITT, or of the VPT.
 * @size:	Its size in bytes.
 * @config:	Physical address of the configuration table of the vPE; 0 if none.
 * @config_size: Its size in bytes.
 * @unmapping:	Its unmap was posted.
 */
struct hyp_its_use {
	u64	phys;
	u64	size;
	u64	config;
	u64	config_size;
	bool	unmapping;
};

/* What only the check has to know of the others, each with the locks that it says. */
struct hyp_its *hyp_its_by_number(unsigned int nr);
const struct hyp_vpe_table *hyp_its_vpe_table(u32 nr);
bool hyp_its_use_of_device(struct hyp_its *its, u32 device_id, struct hyp_its_use *use);
void hyp_its_lock_vpes(void);
void hyp_its_unlock_vpes(void);
bool hyp_its_use_of_vpe(struct hyp_its *its, u32 vpe_id, struct hyp_its_use *use);
bool hyp_its_vconfig(u32 nr, u64 *phys, u64 *size, u32 *refs);
struct hyp_rdist *hyp_rdist_by_number(u32 nr);
struct hyp_rdist *hyp_rdist_of_this_cpu(void);
u32 hyp_rdists_prop(u64 *phys, u64 *size);

#endif /* __ARM64_KVM_NVHE_ITS_CHECK_H__ */
