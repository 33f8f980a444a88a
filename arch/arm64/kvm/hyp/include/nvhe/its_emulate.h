/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __ARM64_KVM_NVHE_ITS_EMULATE_H__
#define __ARM64_KVM_NVHE_ITS_EMULATE_H__

#include <linux/bitfield.h>
#include <linux/io.h>
#include <linux/irqchip/arm-gic-v3-handover.h>
#include <linux/sizes.h>

#include <asm/kvm_pkvm_its.h>

#include <nvhe/memory.h>
#include <nvhe/mmio.h>
#include <nvhe/spinlock.h>

/* More ITSs than any machine has. */
#define ITS_MAX_ITSS		256

struct pkvm_hyp_vcpu;

/**
 * struct hyp_its_table - a table of the ITS, described by its GITS_BASERn
 * @baser:	The register, which the host can no longer change.
 * @type:	GITS_BASER_TYPE_*.
 * @phys:	Physical address of the table, or of its first level.
 * @size:	Bytes the ITS can reach there, however many the driver allocated.
 * @indirect:	It has a first level.
 * @coherent:	Who reads it snoops the caches.
 * @psz:	Page size of the ITS for this table, in bytes.
 * @entry_size:	Bytes of an entry, of the last level if there are two.
 * @record_size: Bytes of EL2's record beside that.
 * @nr_entries:	Entries the ITS can reach, in the first level if any.
 * @per_page:	Entries of a last-level page.
 * @l1:		First level of an indirect table, EL2's; NULL if flat.
 * @shadow:	The host's copy of @l1, shared and pinned; behind it the copy of
 *		@chunks if there are any.
 * @records:	EL2's records of the entries of a flat table; NULL if none.
 * @chunks:	For each entry of @l1 the physical address of EL2's records of the
 *		entries of that L2 page; NULL if there are none.
 * @nr_l2:	L2 pages that EL2 owns.
 * @shared:	The vPE table this is, if it is not this ITS's alone: then that has the
 *		pointers above, and the pages.
 */
struct hyp_its_table {
	u64		baser;
	u32		type;
	u64		phys;
	u64		size;
	bool		indirect;
	bool		coherent;
	u32		psz;
	u32		entry_size;
	u32		record_size;
	u32		nr_entries;
	u32		per_page;
	u64		*l1;
	u64		*shadow;
	void		*records;
	u64		*chunks;
	u32		nr_l2;
	struct hyp_vpe_table *shared;
};

/**
 * struct hyp_vpe_table - a vPE table that may have several users
 * @table:	The table. A record of it is one for each ITS, and there are none if it
 *		is of redistributors only.
 * @nr_users:	How many use it; 0 if this is no table.
 * @nr_rdists:	How many of them are redistributors.
 * @its_slots:	For each record of a vPE, if it is that of an ITS.
 */
struct hyp_vpe_table {
	struct hyp_its_table	table;
	u32			nr_users;
	u32			nr_rdists;
	u64			its_slots;
};

/* Devices, or vPEs, that may be unmapped without a SYNC, or VSYNC, after it. */
#define ITS_MAX_UNMAPS		16

/*
 * What one entry into EL2 does at most, but for its last command: so many bytes
 * are donated or returned, and a command that is posted or completed counts for
 * some as well. The rest is for the next entry.
 */
#define ITS_BUDGET_BYTES	SZ_256K
#define ITS_BUDGET_CMDS		64
#define ITS_BYTES_PER_CMD	(ITS_BUDGET_BYTES / ITS_BUDGET_CMDS)

/* No offset of the queue. */
#define ITS_NO_OFFSET		U32_MAX

/**
 * struct hyp_its - an ITS that EL2 owns
 * @region:	Its control frame.
 * @lock:	Guards everything below. Taken before the component locks.
 * @typer:	GITS_TYPER, without what EL2 does not let the host use.
 * @ctlr:	GITS_CTLR but for Enabled and Quiescent, which only the ITS knows.
 * @ctlr_rw:	The bits of @ctlr that the host may change.
 * @cbaser:	GITS_CBASER, which the host can no longer change.
 * @queue:	The command queue the ITS reads, EL2's.
 * @shadow:	The one the host fills, shared and pinned.
 * @queue_size:	Bytes of each.
 * @cwriter:	Offset up to which the host wants commands executed.
 * @posted:	Offset up to which EL2 copied them to @queue.
 * @consumed:	Offset up to which the ITS has consumed them and all that follows
 *		from it is done; what the host reads from GITS_CREADR.
 * @creadr:	GITS_CREADR when EL2 read it last.
 * @retried:	Offset of a stall for which EL2 has written GITS_CWRITER.Retry.
 * @stalled:	The command at @posted was refused.
 * @unmaps:	DeviceIDs whose unmap was posted, in that order.
 * @nr_unmaps:	Number of them.
 * @nr_leaving:	Number of them, from the first, whose unmap the ITS has consumed.
 * @vpe_unmaps:	vPEIDs whose unmap was posted and not synchronised.
 * @nr_vpe_unmaps: Number of them.
 * @nr_vpe_maps: GICv4.1: number of vPEs whose map was posted and not consumed.
 * @bytes_left:	Of this entry's budget; not positive if there is none.
 * @tables:	By the number of their GITS_BASERn.
 * @internal_devices: Records, but no table: the ITS holds its Device table itself.
 * @device_table: The one for devices among @tables, or else @internal_devices.
 * @vpe_table:	The one for vPEs, NULL if there is none.
 * @vpe_slot:	Which of the records of a vPE there is that of this ITS.
 * @vpe_node:	Entry in the list of ITSs which have one.
 * @ite_size:	Bytes of an ITE.
 * @lpi_bits:	Number of INTID bits in use for LPIs.
 * @nr_colls:	Number of collections.
 * @stats:	What EL2 tells about it.
 * @refused:	The command that was refused last, its doubleword 0, and why.
 * @nr_targets:	Number of @targets.
 * @targets:	The RDbase of each redistributor with LPIs, in ascending order.
 */
struct hyp_its {
	struct hyp_mmio_region	region;
	hyp_spinlock_t		lock;
	u64			typer;
	u32			ctlr;
	u32			ctlr_rw;
	u64			cbaser;
	struct its_cmd_block	*queue;
	struct its_cmd_block	*shadow;
	u32			queue_size;
	u32			cwriter;
	u32			posted;
	u32			consumed;
	u64			creadr;
	u32			retried;
	bool			stalled;
	u32			unmaps[ITS_MAX_UNMAPS];
	u32			nr_unmaps;
	u32			nr_leaving;
	u32			vpe_unmaps[ITS_MAX_UNMAPS];
	u32			nr_vpe_unmaps;
	u32			nr_vpe_maps;
	s64			bytes_left;
	struct hyp_its_table	tables[GITS_BASER_NR_REGS];
	struct hyp_its_table	internal_devices;
	struct hyp_its_table	*device_table;
	struct hyp_its_table	*vpe_table;
	u32			vpe_slot;
	struct list_head	vpe_node;
	u32			ite_size;
	u32			lpi_bits;
	u32			nr_colls;
	struct {
		u64		donated;
		u64		returned;
		u64		devices;
		u64		itt_pages;
		u64		vpes;
		u64		posted;
		u64		refused;
	} stats;
	struct {
		u64		cmd;
		enum pkvm_its_refusal why;
	} refused;
	u32			nr_targets;
	u64			targets[];
};

/**
 * struct hyp_its_vpe - what a redistributor needs to know of a vPE
 * @vpt:	Physical address of its VPT.
 * @config:	Physical address of its virtual configuration table.
 * @intid_bits:	Number of INTID bits that both have room for.
 * @is_new:	It has not been resident since it was mapped.
 */
struct hyp_its_vpe {
	u64	vpt;
	u64	config;
	u32	intid_bits;
	bool	is_new;
};

int hyp_its_donate(struct hyp_its *its, u64 phys, u64 size);
void hyp_its_return(struct hyp_its *its, u64 phys, u64 size);
void hyp_its_clear(u64 phys, u64 size);
int hyp_its_share(u64 phys, u64 size, void **va);
void hyp_its_unshare(void *va, u64 size);

static inline bool hyp_its_is_indirect(const struct hyp_its_table *table)
{
	return table->indirect;
}

/* Where the pages of a table of an ITS are accounted for. */
static inline const struct hyp_its_table *hyp_its_used_table(const struct hyp_its_table *table)
{
	return table->shared ? &table->shared->table : table;
}

u64 hyp_its_records_size(const struct hyp_its_table *table);
int hyp_its_read_l1(const struct hyp_its_table *table, u32 idx, u64 *phys);
int hyp_its_get_vpe_table(struct hyp_its *its, const struct hyp_its_table *layout,
			  const struct its_handover_table *desc, struct hyp_vpe_table **vpes);
void hyp_its_put_vpe_table(struct hyp_its *its, struct hyp_vpe_table *vpes);
int hyp_its_setup_tables(struct hyp_its *its, const struct its_handover *desc);
void hyp_its_teardown_tables(struct hyp_its *its);

bool hyp_its_id_in_range(const struct hyp_its_table *table, u32 id);
void *hyp_its_record(const struct hyp_its_table *table, u32 id);
enum pkvm_its_refusal hyp_its_donate_l2(struct hyp_its *its, struct hyp_its_table *table, u32 id);
bool hyp_its_rdists_reach(u32 vpe_id);
enum pkvm_its_refusal hyp_its_donate_rdists_l2(struct hyp_its *its, u32 vpe_id);

enum pkvm_its_refusal hyp_its_check_event(struct hyp_its *its, u32 device_id, u32 event);
enum pkvm_its_refusal hyp_its_map_device(struct hyp_its *its, u32 device_id, u64 itt,
					 u32 event_bits);
void hyp_its_unmap_device(struct hyp_its *its, u32 device_id);
void hyp_its_clear_itt(struct hyp_its *its, u32 device_id);
enum pkvm_its_refusal hyp_its_begin_unmap(struct hyp_its *its, u32 device_id);
void hyp_its_drop_unmap(struct hyp_its *its, u32 device_id);
void hyp_its_drop_unmaps(struct hyp_its *its);
bool hyp_its_complete_unmaps(struct hyp_its *its);

static inline u64 hyp_its_phys(const struct hyp_its *its)
{
	return hyp_pfn_to_phys(its->region.pfn);
}

static inline u32 hyp_its_number(const struct hyp_its *its)
{
	return FIELD_GET(GITS_CTLR_ITS_NUMBER, its->ctlr);
}

static inline bool hyp_its_is_v4_1(const struct hyp_its *its)
{
	return its->typer & GITS_TYPER_VMAPP;
}

void hyp_its_add_vpes(struct hyp_its *its);
void hyp_its_remove_vpes(struct hyp_its *its);
bool hyp_its_vpe_in_range(struct hyp_its *its, u32 vpe_id);
bool hyp_its_vpe_is_mapped(struct hyp_its *its, u32 vpe_id);
enum pkvm_its_refusal hyp_its_map_vpe(struct hyp_its *its, u32 vpe_id, u64 vpt,
				      u32 intid_bits, u64 config, u64 flags);
void hyp_its_end_vpe_map(struct hyp_its *its, u32 vpe_id, bool mapped);
enum pkvm_its_refusal hyp_its_begin_vpe_unmap(struct hyp_its *its, u32 vpe_id, bool alloc);
void hyp_its_drop_vpe_unmap(struct hyp_its *its, u32 vpe_id);
void hyp_its_drop_vpe_unmaps(struct hyp_its *its);
void hyp_its_vpe_unmapped(struct hyp_its *its, u32 vpe_id);
bool hyp_its_vpe_is_leaving(struct hyp_its *its, u32 vpe_id);
void hyp_its_complete_vpe_unmap(struct hyp_its *its, u32 vpe_id);
bool hyp_its_check_its_list(struct hyp_its *its, u32 vpe_id, u16 its_list);
bool hyp_its_vpe_is_known(u32 vpe_id);
int hyp_its_pin_vpe_config(u32 vpe_id, u64 config);
bool hyp_its_find_vpe(u32 vpe_id, struct hyp_its_vpe *vpe);
void hyp_its_vpe_was_resident(u32 vpe_id);

int hyp_its_setup(struct hyp_its *its, const struct its_handover *desc,
		  enum pkvm_its_step *step);
void hyp_its_teardown(struct hyp_its *its, const struct its_handover *desc);

void hyp_its_handle_access(struct hyp_mmio_region *region, struct hyp_mmio_access *access);

static inline bool hyp_its_has_budget(const struct hyp_its *its)
{
	return its->bytes_left > 0;
}

/* Unmaps that were posted, and whose pages are not back; maps that others wait for. */
static inline bool hyp_its_has_unmaps(const struct hyp_its *its)
{
	return its->nr_unmaps || its->nr_vpe_unmaps || its->nr_vpe_maps;
}

/* Only the hardware knows: it may have lost its registers. */
static inline bool hyp_its_is_enabled(struct hyp_its *its)
{
	return readl_relaxed(its->region.base + GITS_CTLR) & GITS_CTLR_ENABLE;
}

void hyp_its_process_queue(struct hyp_its *its);
void hyp_its_drop_queue(struct hyp_its *its);
void hyp_its_scrub_queue(struct hyp_its *its);
void hyp_its_retry(struct hyp_its *its);
bool hyp_its_send(struct hyp_its *its, struct its_cmd_block *cmd, u64 sync);
u64 hyp_its_cmd_name(u64 dw0);

int hyp_its_begin_handover(unsigned long desc_hva, size_t desc_size,
			   unsigned long state_hva, size_t state_size);
void hyp_its_end_handover(unsigned long desc_hva, size_t desc_size,
			  unsigned long state_hva, size_t state_size, bool keep_state);
int __pkvm_its_handover(unsigned long desc_hva, size_t desc_size,
			unsigned long state_hva, size_t state_size);
int __pkvm_its_handover_done(unsigned int nr_its, unsigned int nr_rdists);
bool pkvm_its_allows_protected_guests(void);
bool pkvm_its_suspend(void);
void pkvm_its_resume(void);
s64 __pkvm_its_send(unsigned int nr, struct its_cmd_block *cmd, u64 sync);
u64 __pkvm_its_refused(unsigned int nr, enum pkvm_its_refused_what what);
u64 __pkvm_its_query(unsigned int nr, enum pkvm_its_query what, u64 idx);

#ifdef CONFIG_NVHE_EL2_DEBUG
void pkvm_its_selftest(void *base, struct pkvm_hyp_vcpu *vcpu);
u64 pkvm_its_selftest_checks(void);
#endif

#endif /* __ARM64_KVM_NVHE_ITS_EMULATE_H__ */
