// SPDX-License-Identifier: GPL-2.0-only
/*
 * its_get_vconfig(), its_put_vconfig(), hyp_its_share(): a configuration table of a vPE
 * is pinned as long as it has users, of 2^BITS bytes.
 */
#define OWN_MEMORY
#define OWN_SHARES
#include "proof.h"
#include "its_table.c"
#include "its_vpe.c"
#include "stubs.h"

bool hyp_rdists_hold_vpe(u32 id) { return nondet_bool(); }

/* One page stands for all: whether it is in the range, and what becomes of it. */
static u64 page, pin_from, pin_to;
static int shared, pins;

void *ghost_virt(u64 phys) { return (void *)phys; }
u64 ghost_phys(const void *va) { return (u64)va; }
void *ghost_memset(void *p, int c, u64 size) { return p; }

int __pkvm_host_share_hyp(u64 pfn)
{
	if ((pfn == page && shared) || nondet_bool())
		return -EPERM;
	shared += pfn == page;
	return 0;
}

/* Another CPU of the host may have unshared it meanwhile. */
int __pkvm_host_unshare_hyp(u64 pfn)
{
	if (pfn == page) {
		if (pins || !shared)
			return -EPERM;
		shared--;
	}
	return 0;
}

int hyp_pin_shared_mem(void *from, void *to)
{
	if (nondet_bool())
		return -EPERM;
	pin_from = (u64)from;
	pin_to = (u64)to;
	if (page >= pin_from >> PAGE_SHIFT && page <= pin_to - 1 >> PAGE_SHIFT)
		pins++;
	return 0;
}

void hyp_unpin_shared_mem(void *from, void *to)
{
	prove((u64)from == pin_from && (u64)to == pin_to, "what is unpinned was pinned");
	if (page >= pin_from >> PAGE_SHIFT && page <= pin_to - 1 >> PAGE_SHIFT)
		pins--;
}

void harness(void)
{
	u64 phys = nondet_u64() & 0xffffffffff000, bits = BITS, size;
	bool inside;

	size = 1ULL << bits;
	page = nondet_u64();
	inside = page >= phys >> PAGE_SHIFT && page <= phys + size - 1 >> PAGE_SHIFT;

	/* Somebody else's page is in the way, or not. */
	shared = nondet_bool();
	int was = shared;

	if (its_get_vconfig(phys, size)) {
		prove(shared == was && !pins, "refused: no page is shared or pinned");
		return;
	}
	prove(shared == was + inside && pins == inside, "all pages of the table are pinned, and no other");
	prove(!inside || !was, "a page is of one table only");

	if (its_get_vconfig(phys, size)) {
		never("a table that is pinned gets another user");
		return;
	}
	prove(pins == inside, "a table is pinned once");

	its_put_vconfig(phys, size);
	prove(pins == inside && shared == was + inside, "a table with a user stays pinned");
	its_put_vconfig(phys, size);
	prove(!pins && shared == was, "a table without a user is the host's again");
}
