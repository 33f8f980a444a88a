/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __ARM64_KVM_NVHE_MMIO_H__
#define __ARM64_KVM_NVHE_MMIO_H__

#include <linux/kvm_host.h>
#include <linux/rbtree.h>
#include <linux/types.h>

struct hyp_mmio_region;

/**
 * struct hyp_mmio_access - one host load or store, decoded
 * @offset:	Offset into the region, in bytes.
 * @width:	Width of the access, in bytes: 1, 2, 4 or 8.
 * @write:	True for a store.
 * @data:	Value stored, zero-extended; or the value to be loaded, of which
 *		the lowest @width bytes count.
 */
struct hyp_mmio_access {
	u64	offset;
	u8	width;
	bool	write;
	u64	data;
};

typedef void (*hyp_mmio_handler_t)(struct hyp_mmio_region *region,
				   struct hyp_mmio_access *access);

/**
 * struct hyp_mmio_region - a physical MMIO range that EL2 owns
 * @node:	Its place among the regions, by address.
 * @pfn:	Its first page.
 * @nr_pages:	Number of its pages.
 * @host_reads:	The host reads the range without EL2; only its stores are trapped.
 * @base:	Where EL2 maps the range, as Device memory.
 * @handler:	Called without any lock for each decoded access of the host.
 */
struct hyp_mmio_region {
	struct rb_node		node;
	u64			pfn;
	u64			nr_pages;
	bool			host_reads;
	void __iomem		*base;
	hyp_mmio_handler_t	handler;
};

int hyp_mmio_donate(struct hyp_mmio_region *region);
void hyp_mmio_return(struct hyp_mmio_region *region);
bool handle_host_mmio(struct kvm_cpu_context *host_ctxt, phys_addr_t addr, u64 esr);

#endif /* __ARM64_KVM_NVHE_MMIO_H__ */
