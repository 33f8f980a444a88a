// SPDX-License-Identifier: GPL-2.0-only
/* its_host_pages(): every address, every size. */
#include "proof.h"
#include "its_table.c"
#include "stubs.h"

void harness(void)
{
	u64 phys = nondet_u64(), size = nondet_u64(), pfn, nr;
	u128 end = (u128)phys + size;
	int ret = its_host_pages(phys, size, &pfn, &nr);

	prove((ret == 0) == (size && end <= (u128)1 << 64), "refused if empty or if it wraps, only then");
	if (ret)
		return;

	prove((u128)pfn << PAGE_SHIFT <= phys && ((u128)pfn + nr) << PAGE_SHIFT >= end,
	      "all of the range is in the pages");
	prove(phys - (pfn << PAGE_SHIFT) < PAGE_SIZE &&
	      (((u128)pfn + nr) << PAGE_SHIFT) - end < PAGE_SIZE && nr,
	      "each page has some of the range");
}
