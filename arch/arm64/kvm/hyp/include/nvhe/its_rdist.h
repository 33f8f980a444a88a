/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __ARM64_KVM_NVHE_ITS_RDIST_H__
#define __ARM64_KVM_NVHE_ITS_RDIST_H__

#include <linux/irqchip/arm-gic-v3-handover.h>

#include <asm/kvm_pkvm_its.h>

#include <nvhe/mmio.h>
#include <nvhe/spinlock.h>

/**
 * struct hyp_rdist - a redistributor that EL2 owns
 * @rd:		Its RD_base frame.
 * @vlpi:	Its VLPI_base frame and the reserved one behind that; no pages if
 *		there are none.
 * @lock:	Guards the registers and everything below. Taken inside the locks of
 *		an ITS and of its vPEs.
 * @accessible:	The firmware lets software access its registers.
 * @lpis:	It has tables, and LPIs are enabled.
 * @typer:	GICR_TYPER; 0 if not @accessible.
 * @propbaser:	GICR_PROPBASER, which the host can no longer change.
 * @pendbaser:	GICR_PENDBASER, likewise.
 * @vpropbaser:	GICv4.1: GICR_VPROPBASER, likewise, if there is a @vpe_table.
 * @vpe_table:	What that names; NULL if it is not valid, or not GICv4.1.
 * @resident:	1 + the vPEID that is, or may still be, resident; 0 if none is.
 */
struct hyp_rdist {
	struct hyp_mmio_region	rd;
	struct hyp_mmio_region	vlpi;
	hyp_spinlock_t		lock;
	bool			accessible;
	bool			lpis;
	u64			typer;
	u64			propbaser;
	u64			pendbaser;
	u64			vpropbaser;
	struct hyp_vpe_table	*vpe_table;
	u32			resident;
};

static inline u64 hyp_rdist_phys(const struct hyp_rdist *rdist)
{
	return hyp_pfn_to_phys(rdist->rd.pfn);
}

static inline bool hyp_rdist_has_vlpis(const struct hyp_rdist *rdist)
{
	return rdist->vlpi.nr_pages && rdist->accessible;
}

static inline bool hyp_rdist_is_v4_1(const struct hyp_rdist *rdist)
{
	return rdist->typer & GICR_TYPER_RVPEID;
}

int hyp_rdist_setup(struct hyp_rdist *rdist, const struct rdist_handover_frame *frame,
		    enum pkvm_rdist_step *step);
void hyp_rdist_teardown(struct hyp_rdist *rdist);
int hyp_rdist_setup_state(struct hyp_rdist *rdist, const struct rdist_handover_frame *frame,
			  enum pkvm_rdist_step *step);
void hyp_rdist_teardown_state(struct hyp_rdist *rdist);
void hyp_rdists_use(struct hyp_rdist *rdists, u32 nr);

u32 hyp_rdists_lpi_bits(void);
bool hyp_rdists_allow_vlpis(void);
u32 hyp_rdists_targets(u64 *targets, u32 max, bool pta, u64 offset);
bool hyp_rdists_hold_vpe(u32 vpe_id);

void hyp_rdist_handle_access(struct hyp_mmio_region *region, struct hyp_mmio_access *access);
void hyp_rdist_handle_vlpi_access(struct hyp_mmio_region *region,
				  struct hyp_mmio_access *access);
int hyp_rdist_load_vpe(struct hyp_rdist *rdist, u32 vpe_id, u64 vconfig, u64 flags);

s64 __pkvm_rdist_handover(unsigned long desc_hva, size_t desc_size,
			  unsigned long state_hva, size_t state_size);
bool pkvm_owns_rdists(unsigned int nr);
void pkvm_rdist_suspend(void);
void pkvm_rdist_resume(void);
int __pkvm_vpe_load(u32 vpe_id, u64 vconfig, u64 flags);
u64 hyp_rdist_query(u32 nr, enum pkvm_its_query what);

#endif /* __ARM64_KVM_NVHE_ITS_RDIST_H__ */
