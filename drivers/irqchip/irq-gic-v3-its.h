/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the ITS driver and its hand-over to EL2 have in common.
 */
#ifndef _IRQ_GIC_V3_ITS_H
#define _IRQ_GIC_V3_ITS_H

#include <linux/irqchip/arm-gic-v3.h>
#include <linux/irqchip/arm-gic-v3-handover.h>
#include <linux/jump_label.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/sizes.h>
#include <linux/spinlock.h>

/*
 * The ITS_BASER structure - contains memory information, cached
 * value of BASER register configuration and ITS page size. Once EL2
 * owns the ITS, base is out of reach and shadow takes the place of
 * the first level of an indirect table.
 */
struct its_baser {
	void		*base;
	void		*shadow;
	u64		val;
	u32		order;
	u32		psz;
};

struct its_collection;
struct its_device;
struct its_vpe;

/*
 * The ITS structure - contains most of the infrastructure, with the
 * top-level MSI domain, the command queue, the collections, and the
 * list of devices writing to it.
 *
 * dev_alloc_lock has to be taken for device allocations, while the
 * spinlock must be taken to parse data structures such as the device
 * list.
 */
struct its_node {
	raw_spinlock_t		lock;
	/* Taken for device allocations */
	struct mutex		dev_alloc_lock;
	struct list_head	entry;
	void __iomem		*base;
	void __iomem		*sgir_base;
	phys_addr_t		phys_base;
	struct its_cmd_block	*cmd_base;
	struct its_cmd_block	*cmd_write;
	struct its_baser	tables[GITS_BASER_NR_REGS];
	struct its_collection	*collections;
	struct fwnode_handle	*fwnode_handle;
	u64			(*get_msi_base)(struct its_device *its_dev);
	u64			typer;
	u64			cbaser_save;
	u32			ctlr_save;
	u32			mpidr;
	struct list_head	its_device_list;
	u64			flags;
	unsigned long		list_nr;
	int			numa_node;
	unsigned int		msi_domain_flags;
	u32			pre_its_base; /* for Socionext Synquacer */
	int			vlpi_redist_offset;
	/* Only if EL2 owns the ITS */
	const struct its_handover_ops *hyp_ops;
	unsigned int		hyp_nr;
	struct list_head	hyp_waits;
	u64			hyp_nr_cmds;
	u64			hyp_creadr;
};

struct event_lpi_map {
	unsigned long		*lpi_map;
	u16			*col_map;
	irq_hw_number_t		lpi_base;
	int			nr_lpis;
	raw_spinlock_t		vlpi_lock;
	struct its_vm		*vm;
	struct its_vlpi_map	*vlpi_maps;
	int			nr_vlpis;
};

/*
 * The ITS view of a device - belongs to an ITS, owns an interrupt
 * translation table, and a list of interrupts.  If some of its
 * LPIs are injected into a guest (GICv4), the event_map.vm field
 * indicates which one.
 */
struct its_device {
	struct list_head	entry;
	struct its_node		*its;
	struct event_lpi_map	event_map;
	void			*itt;
	u32			itt_sz;
	u32			nr_ites;
	u32			device_id;
	bool			shared;
};

#define ITS_CMD_QUEUE_SZ		SZ_64K

static inline u64 its_cmd_ptr_to_offset(struct its_node *its,
					struct its_cmd_block *ptr)
{
	return (ptr - its->cmd_base) * sizeof(*ptr);
}

extern struct list_head its_nodes;
extern struct rdists *gic_rdists;
extern u32 lpi_id_bits;

struct page *its_alloc_pages_node(int node, gfp_t gfp, unsigned int order);
void its_free_pages(void *addr, unsigned int order);
struct its_baser *its_get_baser(struct its_node *its, u32 type);
void __iomem *its_rdist_base(int cpu);
phys_addr_t its_rdist_phys(int cpu);
void **its_rdist_vpe_l1(int cpu);
bool its_make_sync(struct its_node *its, struct its_cmd_block *cmd);

/*
 * Commands that the ITS had not all executed when they were posted, by their
 * numbers: an offset comes again each time around the queue. Commands that were
 * executed at once have none, as nothing before them is outstanding then.
 */
struct its_hyp_wait {
	struct list_head	entry;
	u64			first;
	u64			end;
	int			err;
};

/* Not called unless EL2 owns the ITS, or is about to, and so not without KVM. */
void its_start_hyp_wait(struct its_node *its, struct its_hyp_wait *wait,
			struct its_cmd_block *first, u64 end);
int its_end_hyp_wait(struct its_node *its, struct its_hyp_wait *wait);
void its_skip_refused_cmd(struct its_node *its);
bool its_alloc_chunk(int node, struct its_baser *baser, void *shadow, u32 idx);
int its_load_hyp_vpe(struct its_vpe *vpe);

#if defined(CONFIG_ARM64) && defined(CONFIG_KVM)
DECLARE_STATIC_KEY_FALSE(its_hyp_key);
extern bool its_hyp_owns_rdists;

static __always_inline bool is_owned_by_hyp(const struct its_node *its)
{
	return static_branch_unlikely(&its_hyp_key) && its->hyp_ops;
}

/* GICv4.0: EL2 does not take the address of a VPT from the driver. */
static __always_inline bool are_vpes_loaded_by_hyp(void)
{
	return static_branch_unlikely(&its_hyp_key) && its_hyp_owns_rdists;
}
#else
static inline bool is_owned_by_hyp(const struct its_node *its)
{
	return false;
}

static inline bool are_vpes_loaded_by_hyp(void)
{
	return false;
}
#endif

#endif /* _IRQ_GIC_V3_ITS_H */
