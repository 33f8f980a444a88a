/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who owns which pages, as far as one step of EL2 has to do with them: a list of
 * ranges that are EL2's. A donation succeeds or not, but never of a page that EL2 has,
 * and EL2 can only return what it has been given, whole.
 */
#ifndef GHOST_H
#define GHOST_H

#ifndef NR_RANGES
#define NR_RANGES	3
#endif

struct range {
	u64	pfn, nr;
	bool	used;
	bool	fresh;		/* donated by this step */
	u64	clear;		/* bytes of it, from its beginning */
};

static struct range ranges[NR_RANGES];
static u32 nr_donated, nr_returned;	/* ranges, by this step */
static u64 named;			/* the address that EL2 went to memory with last */

static bool ghost_overlaps(u64 pfn, u64 nr)
{
	for (int i = 0; i < NR_RANGES; i++) {
		if (ranges[i].used && pfn < ranges[i].pfn + ranges[i].nr &&
		    ranges[i].pfn < pfn + nr)
			return true;
	}
	return false;
}

/* The range of EL2's that all of this is in, or NULL. */
static struct range *ghost_find(u64 phys, u64 size)
{
	u64 first = phys >> PAGE_SHIFT, last = phys + size - 1 >> PAGE_SHIFT;

	for (int i = 0; i < NR_RANGES; i++) {
		if (ranges[i].used && first >= ranges[i].pfn && first <= last &&
		    last < ranges[i].pfn + ranges[i].nr)
			return &ranges[i];
	}
	return NULL;
}

static bool ghost_owns(u64 phys, u64 size) { return ghost_find(phys, size); }

static bool ghost_is_new(u64 phys, u64 size)
{
	struct range *range = ghost_find(phys, size);

	return range && range->fresh;
}

/* From the beginning of the range up to here. */
static bool ghost_is_clear(u64 phys, u64 size)
{
	struct range *range = ghost_find(phys, size);

	return range && phys - (range->pfn << PAGE_SHIFT) + size <= range->clear;
}

static bool ghost_is_unchanged(void)
{
	for (int i = 0; i < NR_RANGES; i++) {
		if (ranges[i].used && ranges[i].fresh)
			return false;
	}
	return nr_donated == nr_returned;
}

/* In slot @i before the step: the pages that contain this. */
static void ghost_had(int i, u64 phys, u64 size)
{
	u64 pfn = phys >> PAGE_SHIFT, nr = (phys + size - 1 >> PAGE_SHIFT) - pfn + 1;

	assume(size && !ghost_overlaps(pfn, nr));
	ranges[i] = (struct range){ .pfn = pfn, .nr = nr, .used = true };
}

int __pkvm_host_donate_hyp(u64 pfn, u64 nr)
{
	if (!nr || pfn + nr < pfn || (pfn + nr - 1) >> (64 - PAGE_SHIFT))
		never("what is donated is a range");
	if (ghost_overlaps(pfn, nr) || nondet_bool())
		return -EPERM;
	for (int i = 0; i < NR_RANGES; i++) {
		if (!ranges[i].used) {
			ranges[i] = (struct range){ pfn, nr, true, true, 0 };
			nr_donated++;
			return 0;
		}
	}
	assume(0);
	return -EPERM;
}

int __pkvm_hyp_donate_host(u64 pfn, u64 nr)
{
	for (int i = 0; i < NR_RANGES; i++) {
		if (ranges[i].used && ranges[i].pfn == pfn && ranges[i].nr == nr) {
			ranges[i].used = false;
			nr_returned++;
			return 0;
		}
	}
	never("what is returned was donated");
	return -EPERM;
}

#ifndef OWN_MEMORY
/* Memory has no contents but for whether it is clear. */
static char memory[1];

void *ghost_virt(u64 phys)
{
	named = phys;
	return memory;
}

u64 ghost_phys(const void *va) { return named; }

/* From the beginning of a range, or else it counts for nothing. */
void *ghost_memset(void *p, int c, u64 size)
{
	if (p != memory || c || !ghost_owns(named, size))
		never("what is cleared is EL2's");
	for (int i = 0; i < NR_RANGES; i++) {
		if (ranges[i].used && ranges[i].pfn << PAGE_SHIFT == named)
			ranges[i].clear = size;
	}
	return p;
}
#endif

/* clear.c: all pages that have some of the range. */
void stub_clear(u64 phys, u64 size)
{
	u64 pfn, nr;

	if (its_host_pages(phys, size, &pfn, &nr))
		never("no WARN_ON()");
	else
		ghost_memset(ghost_virt(pfn << PAGE_SHIFT), 0, nr << PAGE_SHIFT);
}

#endif
