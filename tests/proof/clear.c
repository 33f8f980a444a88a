// SPDX-License-Identifier: GPL-2.0-only
/* hyp_its_clear(): every range of up to four pages. */
#define OWN_MEMORY
#include "proof.h"
#include "its_table.c"
#include "stubs.h"

static char memory[4 * PAGE_SIZE];
static u64 named, next, flushed;

void *ghost_virt(u64 phys)
{
	named = phys;
	return memory;
}

u64 ghost_phys(const void *va) { return named; }

void *ghost_memset(void *p, int c, u64 size)
{
	prove(!c && size == PAGE_SIZE && (char *)p - memory == next, "one page after the other is cleared");
	next += PAGE_SIZE;
	return p;
}

void harness(void)
{
	u64 phys = nondet_u64(), size = nondet_u64(), pfn, nr;

	assume(!its_host_pages(phys, size, &pfn, &nr) && nr <= 4);

	hyp_its_clear(phys, size);

	prove(named == pfn << PAGE_SHIFT, "it begins where the first page does");
	prove(next == nr << PAGE_SHIFT, "each page that has some of the range is cleared");
}
