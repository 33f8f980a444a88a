// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who owns which page: the states of mem_protect.c, without page tables.
 *
 * A page that EL2 does not own is poisoned for ASan, so that EL2's own loads and
 * stores are checked too. Where the real transition can fail because another
 * CPU of the host was faster, the adversary can make it fail.
 */

#include <sanitizer/asan_interface.h>

#include "model.h"

#include <nvhe/its_emulate.h>

#define NO_ASAN	__attribute__((no_sanitize("address"), noinline))

struct page pages[NR_PAGES];
u64 ram_phys, secret_phys;
u64 hyp_physvirt_offset;
bool deprivileged, in_handover;
unsigned int nr_locks_held[NR_CPUS];
struct entry entry;

static u8 ram[RAM_SIZE] __attribute__((aligned(65536)));
static u32 nr_el2_pages;

/* Contents of the pages that change hands during a hand-over. */
static struct { u64 pfn, hash; } donated[NR_PAGES];
static struct page before[NR_PAGES];
static u32 nr_donated;

/* The shared memory that EL2 has looked at since it began with a command, on each CPU. */
static u64 reads_of[NR_CPUS][64];
static u32 nr_reads_of[NR_CPUS], nr_looks;

/* The host shares and unshares pages itself, EL2 does not do it for a table. */
u32 hosts_own;

/* A hand-over is under way, and this is the CPU that makes it. */
static bool is_in_handover(void)
{
	return in_handover && !cpu_is_second();
}

/* Each frame that is EL2's. */
#define MAX_REGIONS	512
static struct hyp_mmio_region *regions[MAX_REGIONS];
static u32 nr_regions;

/* What the other CPU does meanwhile, a hand-over that fails does not undo. */
static void not_of_handover(u64 pfn)
{
	before[pfn] = pages[pfn];
}

static void set_access(u64 pfn)
{
	struct page *page = &pages[pfn];

	if (page_is_el2(page) && !page->secret)
		ASAN_UNPOISON_MEMORY_REGION(&ram[pfn << PAGE_SHIFT], PAGE_SIZE);
	else
		ASAN_POISON_MEMORY_REGION(&ram[pfn << PAGE_SHIFT], PAGE_SIZE);
}

static void set_state(u64 pfn, enum state host, enum state hyp)
{
	struct page *page = &pages[pfn];

	nr_el2_pages -= page_is_el2(page);
	page->host = host;
	page->hyp = hyp;
	page->dirty = true;
	nr_el2_pages += page_is_el2(page);
	set_access(pfn);
	if (cpu_is_second())
		not_of_handover(pfn);
}

bool page_is_el2(const struct page *page)
{
	return page->hyp == OWNED && page->host == NOPAGE && !page->guest;
}

u32 own_count_el2(void)
{
	return nr_el2_pages;
}

static NO_ASAN void raw_set(u64 *p, u64 n, u64 val)
{
	while (n--)
		*(volatile u64 *)p++ = val;
}

void own_reset(u64 phys)
{
	u64 i, first = !phys;

	ram_phys = phys;
	secret_phys = phys + first * PAGE_SIZE;
	hyp_physvirt_offset = phys - (u64)ram;
	deprivileged = in_handover = false;
	memset(nr_locks_held, 0, sizeof(nr_locks_held));
	nr_el2_pages = hosts_own = nr_regions = 0;
	entry = (struct entry){ 0 };

	for (i = 0; i < NR_PAGES; i++) {
		if (pages[i].dirty)
			raw_set((u64 *)&ram[i << PAGE_SHIFT], PAGE_SIZE / 8, 0);
		pages[i] = (struct page){ .host = OWNED, .hyp = NOPAGE };
	}
	ASAN_POISON_MEMORY_REGION(ram, sizeof(ram));

	/* At the ends and in the middle: the hypervisor's own. */
	for (i = 0; i < NR_PAGES; i++) {
		if (i - first >= 2 && i - NR_PAGES / 2 >= 4 && i < NR_PAGES - 2)
			continue;
		set_state(i, NOPAGE, OWNED);
		pages[i].secret = true;
		set_access(i);
	}
}

bool is_ram(u64 phys, u64 size)
{
	return size && phys >= ram_phys && phys - ram_phys < RAM_SIZE &&
	       size <= RAM_SIZE - (phys - ram_phys);
}

struct page *page_of(u64 phys)
{
	return &pages[(phys - ram_phys) >> PAGE_SHIFT];
}

NO_ASAN u64 ram_read(u64 phys)
{
	return *(volatile u64 *)&ram[phys - ram_phys];
}

NO_ASAN void ram_write(u64 phys, u64 val)
{
	page_of(phys)->dirty = true;
	*(volatile u64 *)&ram[phys - ram_phys] = val;
}

void ram_zero(u64 phys, u64 size)
{
	raw_set((u64 *)&ram[phys - ram_phys], size / 8, 0);
}

NO_ASAN bool ram_is_zero(u64 phys, u64 size)
{
	volatile u64 *p = (u64 *)&ram[phys - ram_phys];

	for (size /= 8; size--; p++) {
		if (*p)
			return false;
	}

	return true;
}

NO_ASAN u64 ram_hash(u64 phys, u64 size)
{
	volatile u64 *p = (u64 *)&ram[phys - ram_phys];
	u64 hash = 14695981039346656037ULL;

	for (size /= 8; size--; p++)
		hash = (hash ^ *p) * 1099511628211ULL;

	return hash;
}

bool host_can_write(u64 phys, u64 size)
{
	u64 i;

	if (!is_ram(phys, size))
		return false;

	for (i = phys >> PAGE_SHIFT; i <= (phys + size - 1) >> PAGE_SHIFT; i++) {
		if (page_of(i << PAGE_SHIFT)->host == NOPAGE)
			return false;
	}

	return true;
}

/* After a hand-over that failed, all is as before. */
void own_log_start(void)
{
	memcpy(before, pages, sizeof(before));
	nr_donated = 0;
	in_handover = true;
}

void own_log_check(void)
{
	u64 i, phys;

	in_handover = false;
	for (i = 0; i < NR_PAGES; i++)
		check(pages[i].host == before[i].host && pages[i].hyp == before[i].hyp &&
		      pages[i].pins == before[i].pins,
		      "page %#llx has another owner or pin count after a failed hand-over", i);

	for (i = 0; i < nr_donated; i++) {
		phys = ram_phys + (donated[i].pfn << PAGE_SHIFT);
		if (page_of(phys)->scratch)
			continue;
		check(ram_hash(phys, PAGE_SIZE) == donated[i].hash,
		      "contents of page %#llx changed in a failed hand-over", donated[i].pfn);
	}
}

/* If it is the host that shares a page it has had its step: @hosts_own is for all CPUs. */
static void step_of_el2(void)
{
	if (!hosts_own)
		cpu_step();
}

/* The transitions. The range is valid if it is all memory. */

static bool range_of(u64 pfn, u64 nr, u64 *first)
{
	u64 phys = pfn << PAGE_SHIFT;

	if (!nr || phys >> PAGE_SHIFT != pfn || nr > NR_PAGES ||
	    !is_ram(phys, nr << PAGE_SHIFT))
		return false;

	*first = (phys - ram_phys) >> PAGE_SHIFT;
	return true;
}

static bool range_is(u64 first, u64 nr, enum state host, enum state hyp)
{
	for (; nr--; first++) {
		if (pages[first].host != host || pages[first].hyp != hyp)
			return false;
	}

	return true;
}

static bool range_is_pinned(u64 first, u64 nr)
{
	while (nr--) {
		if (pages[first + nr].pins || pages[first + nr].others)
			return true;
	}

	return false;
}

static void range_set(u64 first, u64 nr, enum state host, enum state hyp)
{
	while (nr--)
		set_state(first + nr, host, hyp);
}

int __pkvm_host_donate_hyp(u64 pfn, u64 nr_pages)
{
	u64 first, i;

	cpu_step();
	adversary_race(pfn, nr_pages);
	if (!range_of(pfn, nr_pages, &first))
		return -EINVAL;

	if (!range_is(first, nr_pages, OWNED, NOPAGE) || adversary_fails())
		return -EPERM;

	for (i = first; is_in_handover() && i < first + nr_pages && nr_donated < NR_PAGES; i++) {
		donated[nr_donated].pfn = i;
		donated[nr_donated++].hash = ram_hash(ram_phys + (i << PAGE_SHIFT), PAGE_SIZE);
	}
	range_set(first, nr_pages, NOPAGE, OWNED);
	for (i = first; i < first + nr_pages; i++)
		rdist_new_page(i);
	entry.bytes += nr_pages << PAGE_SHIFT;

	return 0;
}

int __pkvm_hyp_donate_host(u64 pfn, u64 nr_pages)
{
	u64 first, i;

	cpu_step();
	if (!range_of(pfn, nr_pages, &first))
		return -EINVAL;

	for (i = 0; i < nr_pages; i++)
		check(!pages[first + i].secret, "EL2 gives its own memory to the host");
	rdist_gives_back(ram_phys + (first << PAGE_SHIFT), nr_pages << PAGE_SHIFT);

	if (!range_is(first, nr_pages, NOPAGE, OWNED))
		return -EPERM;

	if (range_is_pinned(first, nr_pages))
		return -EBUSY;

	range_set(first, nr_pages, OWNED, NOPAGE);
	entry.bytes += nr_pages << PAGE_SHIFT;
	adversary_race(pfn, nr_pages);

	return 0;
}

int __pkvm_host_share_hyp(u64 pfn)
{
	u64 first;

	step_of_el2();
	adversary_race(pfn, 1);
	if (!range_of(pfn, 1, &first))
		return -EINVAL;

	if (!range_is(first, 1, OWNED, NOPAGE) || adversary_fails())
		return -EPERM;

	range_set(first, 1, SHARED_OWNED, SHARED_BORROWED);
	pages[first].by_el2 = !hosts_own;

	return 0;
}

int __pkvm_host_unshare_hyp(u64 pfn)
{
	u64 first;

	step_of_el2();
	if (!range_of(pfn, 1, &first))
		return -EINVAL;

	if (!range_is(first, 1, SHARED_OWNED, SHARED_BORROWED))
		return -EPERM;

	if (range_is_pinned(first, 1)) {
		/* It is the others who have a use for it now. */
		pages[first].by_el2 = pages[first].by_el2 && pages[first].pins;
		return -EBUSY;
	}

	range_set(first, 1, OWNED, NOPAGE);
	pages[first].by_el2 = false;

	return 0;
}

int hyp_pin_shared_mem(void *from, void *to)
{
	u64 start = ALIGN_DOWN(hyp_virt_to_phys(from), PAGE_SIZE);
	u64 nr = (PAGE_ALIGN(hyp_virt_to_phys(to)) - start) >> PAGE_SHIFT;
	u64 first;

	cpu_step();
	adversary_race(start >> PAGE_SHIFT, nr);
	if (!range_of(start >> PAGE_SHIFT, nr, &first))
		return -EINVAL;

	if (!range_is(first, nr, SHARED_OWNED, SHARED_BORROWED) || adversary_fails())
		return -EPERM;

	while (nr--) {
		pages[first + nr].pins++;
		if (cpu_is_second())
			not_of_handover(first + nr);
	}

	return 0;
}

void hyp_unpin_shared_mem(void *from, void *to)
{
	u64 start = ALIGN_DOWN(hyp_virt_to_phys(from), PAGE_SIZE);
	u64 nr = (PAGE_ALIGN(hyp_virt_to_phys(to)) - start) >> PAGE_SHIFT;
	u64 first;

	cpu_step();
	check(range_of(start >> PAGE_SHIFT, nr, &first), "EL2 unpins what is not memory");
	while (nr--) {
		check(pages[first + nr].pins, "EL2 unpins what it has not pinned");
		pages[first + nr].pins--;
		if (cpu_is_second())
			not_of_handover(first + nr);
	}
	adversary_race(start >> PAGE_SHIFT, 1);
}

int hyp_page_count(void *addr)
{
	struct page *page = page_of(hyp_virt_to_phys(addr));

	return page->pins + page->others;
}

bool pkvm_hyp_owns(phys_addr_t phys, u64 size)
{
	u64 start = ALIGN_DOWN(phys, PAGE_SIZE);
	u64 nr = (PAGE_ALIGN(phys + size) - start) >> PAGE_SHIFT;
	u64 first;

	return range_of(start >> PAGE_SHIFT, nr, &first) && range_is(first, nr, NOPAGE, OWNED);
}

bool pkvm_host_is_deprivileged(void)
{
	return deprivileged;
}

bool own_host_to_guest(u64 pfn)
{
	cpu_step();
	if (!range_is(pfn, 1, OWNED, NOPAGE))
		return false;

	set_state(pfn, NOPAGE, NOPAGE);
	pages[pfn].guest = true;

	return true;
}

/* A guest that is gone leaves nothing behind: the page is poisoned and cleared. */
void own_guest_to_host(u64 pfn)
{
	cpu_step();
	if (!pages[pfn].guest)
		return;

	pages[pfn].guest = false;
	set_state(pfn, OWNED, NOPAGE);
	ram_zero(ram_phys + (pfn << PAGE_SHIFT), PAGE_SIZE);
}

/* MMIO changes hands as well. */

static void *base_of(u64 phys)
{
	/* Never dereferenced: the accessors look it up. */
	return (void *)((1ULL << 44) + phys);
}

int hyp_mmio_donate(struct hyp_mmio_region *region)
{
	u64 phys = hyp_pfn_to_phys(region->pfn), size = region->nr_pages << PAGE_SHIFT;
	u32 i, at = nr_regions;

	cpu_step();
	if (!region->nr_pages || hyp_phys_to_pfn(phys) != region->pfn ||
	    phys & ~PHYS_MASK || phys + size < phys ||
	    (phys < ram_phys + RAM_SIZE && ram_phys < phys + size))
		return -EINVAL;

	for (i = 0; i < nr_regions; i++) {
		struct hyp_mmio_region *other = regions[i];

		if (!other)
			at = i;
		else if (region->pfn < other->pfn + other->nr_pages &&
			 other->pfn < region->pfn + region->nr_pages)
			return -EBUSY;
	}

	if (adversary_fails())
		return -ENOMEM;

	check(at < MAX_REGIONS, "EL2 takes more frames than there are");
	nr_regions = max(nr_regions, at + 1);
	regions[at] = region;
	region->base = base_of(phys);

	return 0;
}

void hyp_mmio_return(struct hyp_mmio_region *region)
{
	u32 i;

	cpu_step();
	for (i = 0; i < nr_regions && regions[i] != region; i++)
		;
	check(i < nr_regions && region->base == base_of(hyp_pfn_to_phys(region->pfn)),
	      "EL2 returns a frame that it does not own");
	regions[i] = NULL;
	nr_regions -= i == nr_regions - 1;
	region->base = NULL;
}

struct hyp_mmio_region *host_find_hyp_mmio(phys_addr_t addr)
{
	u64 pfn = hyp_phys_to_pfn(addr);
	u32 i;

	for (i = 0; i < nr_regions; i++) {
		if (regions[i] && pfn - regions[i]->pfn < regions[i]->nr_pages)
			return regions[i];
	}

	return NULL;
}

static u64 reg_phys(const void *reg)
{
	u64 phys = (u64)reg - (1ULL << 44);

	check(is_in_handover() || nr_locks_held[cpu_is_second()],
	      "EL2 accesses a register without the lock");
	check(host_find_hyp_mmio(phys), "EL2 accesses a frame that it does not own");

	return phys;
}

static u64 reg_read(const void *reg, u32 width)
{
	u64 phys = reg_phys(reg);
	struct hw_its *hw = host_hw(phys);
	u64 val;

	check(IS_ALIGNED(phys, width), "EL2 reads %u bytes at %#llx", width, phys);
	model_switch();
	cpu_in_hardware(true);
	val = hw ? hw_read(hw, phys - hw->phys, width) : rdist_read(phys, width);
	cpu_in_hardware(false);

	return val;
}

static void reg_write(void *reg, u32 width, u64 val)
{
	u64 phys = reg_phys(reg);
	struct hw_its *hw = host_hw(phys);

	check(!is_in_handover(), "EL2 writes a register it should leave alone");
	check(IS_ALIGNED(phys, width), "EL2 writes %u bytes at %#llx", width, phys);
	model_switch();
	cpu_in_hardware(true);
	if (hw)
		hw_write(hw, phys - hw->phys, width, val);
	else
		rdist_write(phys, width, val);
	cpu_in_hardware(false);
}

u32 readl_relaxed(const void *reg)
{
	return reg_read(reg, 4);
}

u64 readq_relaxed(const void *reg)
{
	return reg_read(reg, 8);
}

void writel_relaxed(u32 val, void *reg)
{
	reg_write(reg, 4, val);
}

void writeq_relaxed(u64 val, void *reg)
{
	reg_write(reg, 8, val);
}

/* Locks, time and the order of things. */

void hyp_spin_lock_init(hyp_spinlock_t *lock)
{
	lock->held = false;
}

void hyp_spin_lock(hyp_spinlock_t *lock)
{
	model_switch();
	cpu_wait(&lock->held);
	check(!lock->held, "deadlock");
	lock->held = true;
	nr_locks_held[cpu_is_second()]++;
}

void hyp_spin_unlock(hyp_spinlock_t *lock)
{
	cpu_step();
	check(lock->held, "unlock of a lock that is free");
	lock->held = false;
	nr_locks_held[cpu_is_second()]--;
	/* What the host is told is true when the last one is free, and not after another entry. */
	if (nr_locks_held[cpu_is_second()])
		cpu_step();
}

/* A second passes in ten looks at it. EL2 may only wait before a suspend or for RWP. */
u64 model_clock(void)
{
	static u64 now;

	check(entry.suspending || entry.may_wait, "EL2 waits");
	check(nr_looks++ < 20 * MAX_ITS, "EL2 waits for more than a second");

	return now += 100;
}

void model_flush(const void *va, size_t size)
{
	entry.cleared += size;
}

void own_entry(void)
{
	u32 i;

	nr_reads_of[cpu_is_second()] = 0;
	if (cpu_is_scheduled() ? cpu_other_in_el2() : cpu_is_second()) {
		entry.others++;
		return;
	}
	nr_looks = 0;
	entry = (struct entry){ 0 };
	for (i = 0; i < nr_hw; i++) {
		if (!its_of[i].hw.owned)
			continue;
		entry.consumed[i] = its_of[i].el2->consumed;
		entry.posted[i] = its_of[i].el2->posted;
	}
}

/* One look at each doubleword of a command, and at the L1 entry it needs. */
static void log_read(u64 phys)
{
	u32 cpu = cpu_is_second(), *nr_reads = &nr_reads_of[cpu], i;
	u64 *reads = reads_of[cpu];

	if (IS_ALIGNED(phys, sizeof(struct its_cmd_block)) && *nr_reads && reads[0] != phys) {
		for (i = 0; i < nr_hw; i++) {
			if (phys - its_of[i].shadow_queue < hw_queue_size(its_of[i].hw.cbaser))
				*nr_reads = 0;
		}
	}

	for (i = 0; i < *nr_reads; i++)
		check(reads[i] != phys, "EL2 reads shared memory twice");

	if (*nr_reads < ARRAY_SIZE(reads_of[0]))
		reads[(*nr_reads)++] = phys;
}

static NO_ASAN void raw_copy(void *to, const volatile void *from, size_t size)
{
	while (size--)
		((volatile u8 *)to)[size] = ((const volatile u8 *)from)[size];
}

void model_read_once(const volatile void *p, void *to, size_t size)
{
	u64 phys = hyp_virt_to_phys((const void *)p);
	struct page *page;

	if (is_ram(phys, size)) {
		page = page_of(phys);
		if (!page_is_el2(page) || page->secret) {
			check(page->hyp == SHARED_BORROWED && page->host == SHARED_OWNED,
			      "EL2 reads memory that nobody shares with it");
			check(page->pins, "EL2 reads shared memory that it has not pinned");
			log_read(phys);
			adversary_read(phys);
		}
	}
	raw_copy(to, p, size);
}

u64 pkvm_its_selftest_checks(void)
{
	return 42;
}
