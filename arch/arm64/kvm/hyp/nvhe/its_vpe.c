// SPDX-License-Identifier: GPL-2.0-only
/*
 * The vPEs of the ITSs that EL2 owns, for GICv4.0 and GICv4.1.
 *
 * A vPE is mapped to a virtual pending table (VPT), which the GIC writes, and has
 * a virtual configuration table, which it reads. Both come from the host, in
 * VMAPP; but that of GICv4.0 has no configuration table, which is named each time
 * the vPE is made resident. A VPT is EL2's from before any ITS sees it until the
 * last ITS that knew it has executed a VSYNC after the unmap, or with GICv4.1 the
 * unmap, and no redistributor has the vPE resident. Its contents are kept both ways,
 * as they are the pending interrupts of a guest, but for the first KiB, which the GIC
 * keeps to itself. The host goes on writing the configuration table: that is shared
 * and pinned.
 *
 * A vPEID means the same vPE to all ITSs. Each ITS has a record of its own, also
 * where several have the same vPE table, and the VPT is donated with the first of
 * them and returned with the last.
 */

#include <linux/bitfield.h>

#include <asm/kvm_hyp.h>

#include <nvhe/its_check.h>
#include <nvhe/its_emulate.h>
#include <nvhe/mem_protect.h>
#include <nvhe/memory.h>

/* What a vPE is mapped to; both are 0 if it is not. */
struct its_vpe_record {
	u64	vpt;
	u64	config;
};

#define ITS_VPE_VALID		BIT_ULL(63)
/* The ITS has been told to unmap it; it has done so, but not yet synchronised. */
#define ITS_VPE_UNMAPPING	BIT_ULL(62)
#define ITS_VPE_LEAVING		BIT_ULL(61)
#define ITS_VPE_STATE		(ITS_VPE_VALID | ITS_VPE_UNMAPPING | ITS_VPE_LEAVING)
/* GICv4.1: it is not known if the ITS has mapped it: that, or an unmap, may be lost. */
#define ITS_VPE_MAPPING		BIT_ULL(60)
#define ITS_VPE_VPT		GENMASK_ULL(51, 16)
#define ITS_VPE_INTID_BITS	GENMASK_ULL(5, 0)

/* Of the configuration table. GICv4.0: the vPE has been resident since it was mapped. */
#define ITS_VPE_CONFIG_RESIDENT	BIT_ULL(62)
#define ITS_VPE_CONFIG		GENMASK_ULL(51, 12)

/* What the GIC keeps in a VPT beside the pending bits, if anything, in bytes. */
#define ITS_VPT_IMPDEF_SIZE	SZ_1K

/* No GIC supports fewer: LPIs begin at 8192. */
#define ITS_MIN_INTID_BITS	14

/* A virtual configuration table, which all vPEs of a guest use. */
struct its_vconfig {
	u64	phys;
	u64	size;
	u32	refs;
};

/* One for each guest. */
static struct its_vconfig its_vconfigs[KVM_MAX_PVMS];

/* The ITSs with vPEs, and their guests. Taken inside the lock of an ITS. */
static LIST_HEAD(its_vpe_list);
static DEFINE_HYP_SPINLOCK(its_vpe_lock);

/**
 * hyp_its_add_vpes() - Let an ITS have vPEs.
 * @its:	The ITS, set up.
 *
 * From now on the vPEs of the others are compared with those of this one.
 */
void hyp_its_add_vpes(struct hyp_its *its)
{
	hyp_spin_lock(&its_vpe_lock);
	if (its->vpe_table)
		list_add_tail(&its->vpe_node, &its_vpe_list);
	hyp_spin_unlock(&its_vpe_lock);
}

#ifdef CONFIG_NVHE_EL2_DEBUG
/**
 * hyp_its_remove_vpes() - Undo hyp_its_add_vpes(), for the self test.
 * @its:	The ITS, without any vPE.
 */
void hyp_its_remove_vpes(struct hyp_its *its)
{
	hyp_spin_lock(&its_vpe_lock);
	if (its->vpe_table)
		list_del(&its->vpe_node);
	hyp_spin_unlock(&its_vpe_lock);
}
#endif

static struct its_vpe_record *its_vpe_record(struct hyp_its *its, u32 vpe_id)
{
	struct its_vpe_record *records;

	records = its->vpe_table ? hyp_its_record(its->vpe_table, vpe_id) : NULL;

	return records ? records + its->vpe_slot : NULL;
}

static u64 its_vpe_state(struct hyp_its *its, u32 vpe_id)
{
	struct its_vpe_record *record = its_vpe_record(its, vpe_id);

	return record ? READ_ONCE(record->vpt) & ITS_VPE_STATE : 0;
}

/* ITS_VPE_VALID and nothing else if the ITS has executed all that it was told of it. */
static u64 its_vpe_settled(struct hyp_its *its, u32 vpe_id)
{
	struct its_vpe_record *record = its_vpe_record(its, vpe_id);

	return record ? READ_ONCE(record->vpt) & (ITS_VPE_STATE | ITS_VPE_MAPPING) : 0;
}

static void its_set_vpe_record(struct its_vpe_record *record, const struct its_vpe_record *vpe)
{
	WRITE_ONCE(record->config, vpe->config);
	/* Last, for hyp_its_find_vpe(), which takes no lock. */
	smp_store_release(&record->vpt, vpe->vpt);
}

static void its_set_vpe_state(struct its_vpe_record *record, u64 state)
{
	WRITE_ONCE(record->vpt, (record->vpt & ~ITS_VPE_STATE) | state);
}

/**
 * hyp_its_vpe_in_range() - Does the vPE table reach as far as this vPEID?
 * @its:	The ITS.
 * @vpe_id:	Any vPEID.
 *
 * Return: true if it does; false if not, or if there is no vPE table.
 */
bool hyp_its_vpe_in_range(struct hyp_its *its, u32 vpe_id)
{
	return its->vpe_table && hyp_its_id_in_range(its->vpe_table, vpe_id);
}

/**
 * hyp_its_vpe_is_mapped() - Is a vPE mapped, as far as the host is concerned?
 * @its:	The ITS, locked unless the answer may be out of date.
 * @vpe_id:	Any vPEID.
 *
 * Return: true if it is.
 */
bool hyp_its_vpe_is_mapped(struct hyp_its *its, u32 vpe_id)
{
	return its_vpe_state(its, vpe_id) == ITS_VPE_VALID;
}

/* The record of the same vPE in another ITS, if that may still use its VPT. */
static struct its_vpe_record *its_vpe_elsewhere(struct hyp_its *its, u32 vpe_id)
{
	struct its_vpe_record *record;
	struct hyp_its *other;

	list_for_each_entry(other, &its_vpe_list, vpe_node) {
		record = other == its ? NULL : its_vpe_record(other, vpe_id);
		if (record && record->vpt)
			return record;
	}

	return NULL;
}

/*
 * GICv4.1: Alloc says that no other ITS has the vPE mapped. That is not certain
 * while one of them is mapping or unmapping it.
 */
static bool its_alloc_is_right(struct hyp_its *its, u32 vpe_id, bool alloc)
{
	bool elsewhere = false;
	struct hyp_its *other;
	u64 state;

	list_for_each_entry(other, &its_vpe_list, vpe_node) {
		state = other == its ? 0 : its_vpe_settled(other, vpe_id);
		if (state & ~ITS_VPE_VALID)
			return false;
		elsewhere |= state;
	}

	return alloc == !elsewhere;
}

/*
 * A bit for each INTID that EL2 lets a VMAPTI name, whatever size VMAPP gives:
 * what the GIC writes then stays inside, even if the vPE gets another VPT while
 * the ITTs name it.
 */
static u64 its_vpt_size(u64 vpt)
{
	return BIT_ULL(FIELD_GET(ITS_VPE_INTID_BITS, vpt)) / BITS_PER_BYTE;
}

/* A byte for each of them. */
static u64 its_vconfig_size(u64 vpt)
{
	return BIT_ULL(FIELD_GET(ITS_VPE_INTID_BITS, vpt));
}

static struct its_vconfig *its_find_vconfig(u64 phys, u64 size)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(its_vconfigs); i++) {
		if (its_vconfigs[i].refs && its_vconfigs[i].phys == phys &&
		    its_vconfigs[i].size == size)
			return &its_vconfigs[i];
	}

	return NULL;
}

static struct its_vconfig *its_free_vconfig(void)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(its_vconfigs); i++) {
		if (!its_vconfigs[i].refs)
			return &its_vconfigs[i];
	}

	return NULL;
}

/*
 * Pages that the host shared for something else stay out of it: whoever unshares
 * them relies on there being no other pin.
 */
static int its_get_vconfig(u64 phys, u64 size)
{
	struct its_vconfig *vconfig = its_find_vconfig(phys, size);
	void *va;
	int ret;

	if (vconfig) {
		vconfig->refs++;
		return 0;
	}

	vconfig = its_free_vconfig();
	if (!vconfig)
		return -ENOSPC;

	ret = hyp_its_share(phys, size, &va);
	if (ret)
		return ret;

	*vconfig = (struct its_vconfig) { .phys = phys, .size = size, .refs = 1 };

	return 0;
}

/* The host may have made EL2 pin a page for something else since: then it stays shared. */
static void its_put_vconfig(u64 phys, u64 size)
{
	struct its_vconfig *vconfig = its_find_vconfig(phys, size);
	u64 pfn, last = hyp_phys_to_pfn(phys + size - 1);
	void *va = hyp_phys_to_virt(phys);

	if (WARN_ON(!vconfig) || --vconfig->refs)
		return;

	hyp_unpin_shared_mem(va, va + size);
	hyp_its_count_pinned(hyp_phys_to_pfn(phys) - (s64)last - 1);
	for (pfn = hyp_phys_to_pfn(phys); pfn <= last; pfn++)
		__pkvm_host_unshare_hyp(pfn);
}

static enum pkvm_its_refusal its_donate_vpe(struct hyp_its *its,
					    const struct its_vpe_record *vpe)
{
	u64 vpt = vpe->vpt & ITS_VPE_VPT;

	if (hyp_its_donate(its, vpt, its_vpt_size(vpe->vpt)))
		return PKVM_ITS_VPT_OWNER;

	if (vpe->config && its_get_vconfig(vpe->config & ITS_VPE_CONFIG,
					   its_vconfig_size(vpe->vpt))) {
		hyp_its_return(its, vpt, its_vpt_size(vpe->vpt));
		return PKVM_ITS_VCONFIG_OWNER;
	}

	return PKVM_ITS_ACCEPTED;
}

static void its_return_vpe(struct hyp_its *its, const struct its_vpe_record *vpe)
{
	if (vpe->config)
		its_put_vconfig(vpe->config & ITS_VPE_CONFIG, its_vconfig_size(vpe->vpt));

	hyp_its_return(its, vpe->vpt & ITS_VPE_VPT, its_vpt_size(vpe->vpt));
}

/*
 * vLPIs begin behind the first KiB. Where nothing was ever pending it is clear. With
 * PTZ the host says that all of it is: that is true then.
 */
static void its_clear_vpt(const struct its_vpe_record *vpe, bool whole)
{
	void *vpt = hyp_phys_to_virt(vpe->vpt & ITS_VPE_VPT);
	u64 size = whole ? its_vpt_size(vpe->vpt) : ITS_VPT_IMPDEF_SIZE;

	memset(vpt, 0, size);
	kvm_flush_dcache_to_poc(vpt, size);
}

/* GICv4.0: the configuration table is whatever the vPE has been resident with. */
static bool its_adopt_vpe(struct hyp_its *its, struct its_vpe_record *vpe,
			  const struct its_vpe_record *elsewhere)
{
	/* Once: a redistributor may just be noting that the vPE has been resident. */
	u64 config = READ_ONCE(elsewhere->config);

	if (!hyp_its_is_v4_1(its))
		vpe->config = config;

	return !((elsewhere->vpt ^ vpe->vpt) & ~(ITS_VPE_STATE | ITS_VPE_MAPPING)) &&
	       config == vpe->config;
}

static enum pkvm_its_refusal its_map_vpe_locked(struct hyp_its *its, u32 vpe_id,
						struct its_vpe_record *vpe, bool ptz)
{
	struct its_vpe_record *record = its_vpe_elsewhere(its, vpe_id);
	bool is_first = !record;
	enum pkvm_its_refusal why;

	if (record && !its_adopt_vpe(its, vpe, record))
		return PKVM_ITS_VPE_DIFFERS;

	why = is_first ? its_donate_vpe(its, vpe) : PKVM_ITS_ACCEPTED;
	if (why)
		return why;

	why = hyp_its_donate_l2(its, its->vpe_table, vpe_id) ?:
	      hyp_its_donate_rdists_l2(its, vpe_id);
	if (why) {
		if (is_first)
			its_return_vpe(its, vpe);
		return why;
	}

	if (is_first)
		its_clear_vpt(vpe, ptz);

	its_set_vpe_record(its_vpe_record(its, vpe_id), vpe);
	its->stats.vpes++;
	its->nr_vpe_maps += !!(vpe->vpt & ITS_VPE_MAPPING);

	return PKVM_ITS_ACCEPTED;
}

/**
 * hyp_its_map_vpe() - Donate what it needs to map a vPE.
 * @its:	The ITS, locked.
 * @vpe_id:	Any vPEID.
 * @vpt:	Physical address of the VPT, with no bits set that VMAPP has not.
 * @intid_bits:	Number of INTID bits of the vPE, as VMAPP says.
 * @config:	GICv4.1: physical address of the virtual configuration table.
 * @flags:	GICv4.1: GITS_CMD0_ALLOC if the host says that no other ITS has mapped the
 *		vPE, and then also GITS_CMD0_PTZ if it says that the VPT is zero.
 *
 * The pages of the VPT are the host's before and EL2's after, with their
 * contents, but for what its_clear_vpt() clears; those of the configuration table are
 * shared and pinned. If another ITS has mapped the vPE, then to the same, and all of
 * that is so already. The L2 page of the vPE table is found as hyp_its_donate_l2()
 * says, and those of redistributors as well. On failure nothing has changed, but
 * some of the tables may have an L2 page more.
 *
 * Return: PKVM_ITS_ACCEPTED, or why the vPE cannot be mapped.
 */
enum pkvm_its_refusal hyp_its_map_vpe(struct hyp_its *its, u32 vpe_id, u64 vpt,
				      u32 intid_bits, u64 config, u64 flags)
{
	bool has_config = hyp_its_is_v4_1(its);
	struct its_vpe_record vpe = {
		.vpt	= ITS_VPE_VALID | vpt | FIELD_PREP(ITS_VPE_INTID_BITS, its->lpi_bits),
		.config	= has_config ? ITS_VPE_VALID | config : 0,
	};
	struct its_vpe_record *record;
	enum pkvm_its_refusal why;

	vpe.vpt |= has_config ? ITS_VPE_MAPPING : 0;
	if (!hyp_its_vpe_in_range(its, vpe_id) || !hyp_its_rdists_reach(vpe_id))
		return PKVM_ITS_VPE_RANGE;

	if (intid_bits < ITS_MIN_INTID_BITS || intid_bits > its->lpi_bits)
		return PKVM_ITS_VPT_SIZE;

	record = its_vpe_record(its, vpe_id);
	if (record && record->vpt)
		return PKVM_ITS_VPE_MAPPED;

	hyp_spin_lock(&its_vpe_lock);
	if (has_config && !its_alloc_is_right(its, vpe_id, flags & GITS_CMD0_ALLOC))
		why = PKVM_ITS_VPE_DIFFERS;
	else
		why = its_map_vpe_locked(its, vpe_id, &vpe, flags & GITS_CMD0_PTZ);
	hyp_spin_unlock(&its_vpe_lock);

	return why;
}

/**
 * hyp_its_end_vpe_map() - The ITS has consumed the map of a vPE, or never will.
 * @its:	The ITS, locked.
 * @vpe_id:	The vPEID that hyp_its_map_vpe() accepted.
 * @mapped:	It has. Otherwise no ITS but this one may be told of the vPE any more,
 *		until it is unmapped.
 */
void hyp_its_end_vpe_map(struct hyp_its *its, u32 vpe_id, bool mapped)
{
	struct its_vpe_record *record = its_vpe_record(its, vpe_id);

	if (!(record->vpt & ITS_VPE_MAPPING))
		return;

	its->nr_vpe_maps--;
	if (!mapped)
		return;

	hyp_spin_lock(&its_vpe_lock);
	WRITE_ONCE(record->vpt, record->vpt & ~ITS_VPE_MAPPING);
	hyp_spin_unlock(&its_vpe_lock);
}

/**
 * hyp_its_begin_vpe_unmap() - Let the ITS be told that a vPE is mapped no more.
 * @its:	The ITS, locked.
 * @vpe_id:	Any vPEID.
 * @alloc:	GICv4.1: the host says that no other ITS has it mapped.
 *
 * From now on no command but VSYNC may name the vPE. Every page stays where it is
 * until hyp_its_complete_vpe_unmap(), unless hyp_its_drop_vpe_unmap() or
 * hyp_its_drop_vpe_unmaps() undoes this.
 *
 * Return: PKVM_ITS_ACCEPTED, or why the vPE cannot be unmapped.
 */
enum pkvm_its_refusal hyp_its_begin_vpe_unmap(struct hyp_its *its, u32 vpe_id, bool alloc)
{
	enum pkvm_its_refusal why = PKVM_ITS_ACCEPTED;

	if (!hyp_its_vpe_is_mapped(its, vpe_id))
		return PKVM_ITS_VPE_UNMAPPED;

	if (its->nr_vpe_unmaps == ITS_MAX_UNMAPS)
		return PKVM_ITS_UNMAPS;

	hyp_spin_lock(&its_vpe_lock);
	/* Otherwise the GIC would keep a VPT that the last unmap returns. */
	if (hyp_its_is_v4_1(its) && !its_alloc_is_right(its, vpe_id, alloc)) {
		why = PKVM_ITS_VPE_DIFFERS;
	} else {
		its_set_vpe_state(its_vpe_record(its, vpe_id),
				  ITS_VPE_VALID | ITS_VPE_UNMAPPING);
		its->vpe_unmaps[its->nr_vpe_unmaps++] = vpe_id;
	}
	hyp_spin_unlock(&its_vpe_lock);

	return why;
}

static void its_remove_vpe_unmap(struct hyp_its *its, u32 vpe_id)
{
	u32 i;

	for (i = 0; i < its->nr_vpe_unmaps; i++) {
		if (its->vpe_unmaps[i] == vpe_id) {
			its->vpe_unmaps[i] = its->vpe_unmaps[--its->nr_vpe_unmaps];
			return;
		}
	}
}

static void its_drop_vpe_unmap(struct hyp_its *its, u32 vpe_id, u64 state)
{
	hyp_spin_lock(&its_vpe_lock);
	its_set_vpe_state(its_vpe_record(its, vpe_id), state);
	its_remove_vpe_unmap(its, vpe_id);
	hyp_spin_unlock(&its_vpe_lock);
}

/**
 * hyp_its_drop_vpe_unmap() - Undo hyp_its_begin_vpe_unmap().
 * @its:	The ITS, locked, that will not execute the unmap.
 * @vpe_id:	The vPEID of an unmap that was posted.
 *
 * The VPT is still EL2's, and the host may unmap the vPE again.
 */
void hyp_its_drop_vpe_unmap(struct hyp_its *its, u32 vpe_id)
{
	its_drop_vpe_unmap(its, vpe_id, ITS_VPE_VALID);
}

/**
 * hyp_its_drop_vpe_unmaps() - Undo hyp_its_begin_vpe_unmap() for each vPE of an ITS.
 * @its:	The ITS, locked, whose queue is programmed anew.
 *
 * The ITS may have executed some of them: with GICv4.1 no other ITS can be told of these
 * vPEs until the host has unmapped them again.
 */
void hyp_its_drop_vpe_unmaps(struct hyp_its *its)
{
	u64 state = ITS_VPE_VALID | (hyp_its_is_v4_1(its) ? ITS_VPE_MAPPING : 0);

	while (its->nr_vpe_unmaps)
		its_drop_vpe_unmap(its, its->vpe_unmaps[0], state);
	its->nr_vpe_maps = 0;
}

/**
 * hyp_its_vpe_unmapped() - The ITS has consumed the unmap of a vPE.
 * @its:	The ITS, locked.
 * @vpe_id:	The vPEID that hyp_its_begin_vpe_unmap() accepted.
 *
 * What the vPE used is EL2's until hyp_its_complete_vpe_unmap().
 */
void hyp_its_vpe_unmapped(struct hyp_its *its, u32 vpe_id)
{
	hyp_spin_lock(&its_vpe_lock);
	its_set_vpe_state(its_vpe_record(its, vpe_id), ITS_VPE_STATE);
	hyp_spin_unlock(&its_vpe_lock);
}

/**
 * hyp_its_vpe_is_leaving() - Has the ITS consumed the unmap of a vPE?
 * @its:	The ITS, locked.
 * @vpe_id:	Any vPEID.
 *
 * Return: true if only hyp_its_complete_vpe_unmap() is missing.
 */
bool hyp_its_vpe_is_leaving(struct hyp_its *its, u32 vpe_id)
{
	return its_vpe_state(its, vpe_id) & ITS_VPE_LEAVING;
}

/**
 * hyp_its_complete_vpe_unmap() - Return what a vPE used to the host.
 * @its:	The ITS, locked, that has consumed a VSYNC, or GICv4.1: the unmap.
 * @vpe_id:	A vPEID for which hyp_its_vpe_is_leaving(), and which no redistributor
 *		held after that.
 *
 * Undoes hyp_its_map_vpe(), unless another ITS may still use the VPT. Whichever was
 * the last to unmap the vPE has looked at the redistributors when it could not be made
 * resident any more.
 */
void hyp_its_complete_vpe_unmap(struct hyp_its *its, u32 vpe_id)
{
	struct its_vpe_record *record = its_vpe_record(its, vpe_id);
	struct its_vpe_record vpe;

	hyp_spin_lock(&its_vpe_lock);
	vpe = *record;
	its_set_vpe_record(record, &(struct its_vpe_record) { });
	its_remove_vpe_unmap(its, vpe_id);
	its->stats.vpes--;
	if (!its_vpe_elsewhere(its, vpe_id))
		its_return_vpe(its, &vpe);
	hyp_spin_unlock(&its_vpe_lock);
}

/**
 * hyp_its_vpe_is_known() - Is a vPE mapped on any ITS?
 * @vpe_id:	Any vPEID.
 *
 * Takes no lock: another CPU may be unmapping it.
 *
 * Return: true if it is.
 */
bool hyp_its_vpe_is_known(u32 vpe_id)
{
	struct hyp_its *its;

	list_for_each_entry(its, &its_vpe_list, vpe_node) {
		if (hyp_its_vpe_is_mapped(its, vpe_id))
			return true;
	}

	return false;
}

/* Takes no lock, and must know that the record does not go away. */
static struct its_vpe_record *its_find_mapped_vpe(u32 vpe_id)
{
	struct hyp_its *its;

	list_for_each_entry(its, &its_vpe_list, vpe_node) {
		if (hyp_its_vpe_is_mapped(its, vpe_id))
			return its_vpe_record(its, vpe_id);
	}

	return NULL;
}

static void its_record_vconfig(u32 vpe_id, u64 config)
{
	struct its_vpe_record *record;
	struct hyp_its *its;

	list_for_each_entry(its, &its_vpe_list, vpe_node) {
		record = its_vpe_record(its, vpe_id);
		if (record && record->vpt)
			WRITE_ONCE(record->config, ITS_VPE_VALID | config);
	}
}

static int its_pin_vpe_config(u32 vpe_id, u64 config)
{
	struct its_vpe_record *record = its_find_mapped_vpe(vpe_id);
	int ret;

	if (!record)
		return -ENOENT;

	if (record->config)
		return (record->config & ITS_VPE_CONFIG) == config ? 0 : -EINVAL;

	ret = its_get_vconfig(config, its_vconfig_size(record->vpt));
	if (!ret)
		its_record_vconfig(vpe_id, config);

	return ret;
}

/**
 * hyp_its_pin_vpe_config() - GICv4.0: pin the configuration table of a vPE.
 * @vpe_id:	Any vPEID.
 * @config:	Physical address of the table.
 *
 * The first time after the vPE was mapped the table is the host's before, and shared
 * and pinned after, until the VPT is returned. Then this only compares.
 *
 * Return: 0; -ENOENT if the vPE is not mapped; -EINVAL if the table is another or
 * not aligned; -EPERM or -ENOSPC if it cannot be shared.
 */
int hyp_its_pin_vpe_config(u32 vpe_id, u64 config)
{
	struct its_vpe_record *record = its_find_mapped_vpe(vpe_id);
	int ret;

	if (config & ~ITS_VPE_CONFIG)
		return -EINVAL;

	/* Only to avoid the lock: whoever uses the vPE looks again. */
	if (record && (READ_ONCE(record->config) & ITS_VPE_CONFIG) == config &&
	    READ_ONCE(record->config))
		return 0;

	hyp_spin_lock(&its_vpe_lock);
	ret = its_pin_vpe_config(vpe_id, config);
	hyp_spin_unlock(&its_vpe_lock);

	return ret;
}

/**
 * hyp_its_find_vpe() - Find what a redistributor needs to know of a vPE.
 * @vpe_id:	A vPEID that hyp_rdists_hold_vpe() finds from now on.
 * @vpe:	Where to put it.
 *
 * Takes no lock: what is found stays as it is for as long as
 * hyp_rdists_hold_vpe() says so.
 *
 * Return: false if the vPE is not mapped, or has no configuration table.
 */
bool hyp_its_find_vpe(u32 vpe_id, struct hyp_its_vpe *vpe)
{
	struct its_vpe_record *record = its_find_mapped_vpe(vpe_id);
	u64 vpt, config;

	if (!record)
		return false;

	/* First, as its_set_vpe_record() has it. */
	vpt = smp_load_acquire(&record->vpt);
	config = READ_ONCE(record->config);
	if ((vpt & ITS_VPE_STATE) != ITS_VPE_VALID || !config)
		return false;

	vpe->vpt = vpt & ITS_VPE_VPT;
	vpe->intid_bits = FIELD_GET(ITS_VPE_INTID_BITS, vpt);
	vpe->config = config & ITS_VPE_CONFIG;
	vpe->is_new = !(config & ITS_VPE_CONFIG_RESIDENT);

	return true;
}

/**
 * hyp_its_vpe_was_resident() - GICv4.0: the GIC has put its own data into the VPT.
 * @vpe_id:	A vPEID that hyp_its_find_vpe() found.
 *
 * Takes no lock: while the vPE is resident nobody else changes the configuration table
 * of a record that has one, and all who are here set the same bit.
 */
void hyp_its_vpe_was_resident(u32 vpe_id)
{
	struct its_vpe_record *record = its_find_mapped_vpe(vpe_id);

	if (record && record->config && !(record->config & ITS_VPE_CONFIG_RESIDENT))
		WRITE_ONCE(record->config, record->config | ITS_VPE_CONFIG_RESIDENT);
}

/**
 * hyp_its_check_its_list() - May VMOVP name these ITSs?
 * @its:	The ITS that gets the command, locked.
 * @vpe_id:	A vPEID that is mapped.
 * @its_list:	The ITSs to move it on, by the number in GITS_CTLR.
 *
 * Each of them waits for all others: all must have mapped the vPE.
 *
 * Return: true if so.
 */
bool hyp_its_check_its_list(struct hyp_its *its, u32 vpe_id, u16 its_list)
{
	struct hyp_its *other;

	if (!(its_list & BIT(hyp_its_number(its))))
		return false;

	hyp_spin_lock(&its_vpe_lock);
	list_for_each_entry(other, &its_vpe_list, vpe_node) {
		if (other == its || hyp_its_vpe_is_mapped(other, vpe_id))
			its_list &= ~BIT(hyp_its_number(other));
	}
	hyp_spin_unlock(&its_vpe_lock);

	return !its_list;
}

#ifdef CONFIG_PKVM_ITS_CHECK
/**
 * hyp_its_lock_vpes() - Let no vPE change, and no configuration table.
 */
void hyp_its_lock_vpes(void)
{
	hyp_spin_lock(&its_vpe_lock);
}

/**
 * hyp_its_unlock_vpes() - Undo hyp_its_lock_vpes().
 */
void hyp_its_unlock_vpes(void)
{
	hyp_spin_unlock(&its_vpe_lock);
}

/**
 * hyp_its_use_of_vpe() - What does the record of a vPE say?
 * @its:	The ITS, locked, as are all vPEs.
 * @vpe_id:	Any vPEID.
 * @use:	Where to put it.
 *
 * Return: false if the ITS can make no use of a VPT for this vPE.
 */
bool hyp_its_use_of_vpe(struct hyp_its *its, u32 vpe_id, struct hyp_its_use *use)
{
	struct its_vpe_record *record = its_vpe_record(its, vpe_id);

	if (!record || (!record->vpt && !record->config))
		return false;

	*use = (struct hyp_its_use) {
		.phys		= record->vpt & ITS_VPE_VPT,
		.size		= its_vpt_size(record->vpt),
		.config		= record->config & ITS_VPE_CONFIG,
		.config_size	= record->config ? its_vconfig_size(record->vpt) : 0,
		.unmapping	= record->vpt & ITS_VPE_UNMAPPING,
	};

	return true;
}

/**
 * hyp_its_vconfig() - One of the virtual configuration tables.
 * @nr:		Its number, from 0. All vPEs are locked.
 * @phys:	Where to put its physical address,
 * @size:	its size in bytes,
 * @refs:	and how many vPEs use it; 0 if there is none.
 *
 * Return: false if there are not so many.
 */
bool hyp_its_vconfig(u32 nr, u64 *phys, u64 *size, u32 *refs)
{
	if (nr >= ARRAY_SIZE(its_vconfigs))
		return false;

	*phys = its_vconfigs[nr].phys;
	*size = its_vconfigs[nr].size;
	*refs = its_vconfigs[nr].refs;

	return true;
}
#endif
