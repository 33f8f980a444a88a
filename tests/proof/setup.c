// SPDX-License-Identifier: GPL-2.0-only
/*
 * its_donate_table(), its_return_table(): one table, INDIRECT with a first level of two
 * entries, with any contents, and each donation and the share failing or not. By
 * contract: hyp_its_share() (vconfig.c), hyp_its_donate() and hyp_its_return()
 * (donate.c), which is why a range here is what was asked for and not pages.
 */
#define OWN_MEMORY
#include "proof.h"
#include "its_table.c"
#include "stubs.h"

#ifdef INDIRECT
#define NR_RANGES	6
#else
#define NR_RANGES	2
#endif

static struct hyp_its its;
static struct hyp_its_table t;
static struct its_handover_table desc;
static struct { u64 phys, size; bool used, clear; } ranges[NR_RANGES];
static u64 l1[2], old_l1[2], chunks[2], named, shared_size;
static char memory[1], shadow[1];
static int shared;

static int find(u64 phys, u64 size)
{
	for (int i = 0; i < NR_RANGES; i++) {
		if (ranges[i].used && ranges[i].phys == phys && ranges[i].size == size)
			return i;
	}
	return -1;
}

static bool is_el2(u64 phys, u64 size) { return find(phys, size) >= 0; }

static bool is_clear(u64 phys, u64 size)
{
	int i = find(phys, size);

	return i >= 0 && ranges[i].clear;
}

int stub_donate(struct hyp_its *i, u64 phys, u64 size)
{
	if (!size || is_el2(phys, size) || nondet_bool())
		return -EPERM;
	for (int j = 0; j < NR_RANGES; j++) {
		if (!ranges[j].used) {
			ranges[j].phys = phys;
			ranges[j].size = size;
			ranges[j].used = true;
			ranges[j].clear = false;
			return 0;
		}
	}
	never("no more is donated than the table is made of");
	return -EPERM;
}

void stub_return(struct hyp_its *i, u64 phys, u64 size)
{
	int j = find(phys, size);

	if (j < 0)
		never("what is returned was donated, and of that size");
	else
		ranges[j].used = false;
}

void *ghost_virt(u64 phys)
{
	named = phys;
	if (t.indirect && phys == t.phys)
		return l1;
	return t.indirect && phys == desc.records ? (void *)chunks : (void *)memory;
}

u64 ghost_phys(const void *va)
{
	return va == l1 ? t.phys : va == chunks || va == memory ? desc.records : desc.shadow;
}

void *ghost_memset(void *p, int c, u64 size)
{
	int i = find(named, size);

	if (i < 0)
		never("what is cleared was donated, and of that size");
	else
		ranges[i].clear = true;
	return p;
}

int stub_share(u64 phys, u64 size, void **va)
{
	if (phys & 7 || nondet_bool())
		return -EPERM;
	shared++;
	shared_size = size;
	*va = shadow;
	return 0;
}

void stub_unshare(void *va, u64 size)
{
	if (va != shadow || size != shared_size)
		never("what is unshared was shared");
	shared--;
}

static bool is_as_before(void)
{
	for (int i = 0; i < NR_RANGES; i++) {
		if (ranges[i].used)
			return false;
	}
	return !shared && !t.nr_l2 && l1[0] == old_l1[0] && l1[1] == old_l1[1];
}

static void check_indirect(void)
{
	u64 phys, size = (u64)t.per_page * t.record_size;

	prove(shared == 1 && shared_size == t.size + (t.record_size ? 2 * 8 : 0),
	      "the shadow is shared, with the array of chunks behind it");
	prove(!t.record_size || is_el2(desc.records, 2 * 8), "the array of chunks is EL2's");
	for (int i = 0; i < 2; i++) {
		phys = l1[i] & 0xfffffffffffff;
		if (!(l1[i] >> 63)) {
			if (t.record_size)
				prove(!chunks[i], "where there is no L2 page there is no chunk");
			continue;
		}
		prove(is_el2(phys, t.psz) && !(phys & (t.psz - 1)) && !(l1[i] & 0x7ff0000000000000),
		      "each L2 page is EL2's, and its entry well formed");
		if (t.record_size)
			prove(chunks[i] && !(chunks[i] & 7) && is_clear(chunks[i], size),
			      "each chunk is EL2's, and clear");
	}
}

void harness(void)
{
	struct its_handover_table any_desc;
	u64 baser = nondet_u64();
	struct hyp_its any;

	its = any;
	desc = any_desc;
	its_decode_baser(&t, baser);
	assume(!its_check_layout(&t));
#ifdef INDIRECT
	/* A few entries: the loop over them is the same however many there are. */
	assume(t.indirect);
	t.indirect = true;
	t.nr_entries = 2;
#else
	assume(!t.indirect);
	t.indirect = false;
#endif
	/* Otherwise the second donation fails: host_pages.c, and the states of pages. */
	assume(desc.records != t.phys);
	for (int i = 0; i < 2; i++) {
		l1[i] = old_l1[i] = nondet_u64();
		chunks[i] = nondet_u64();
	}

	if (its_donate_table(&its, &t, &desc)) {
		prove(is_as_before(), "a table that is refused: all is as before");
		return;
	}

	prove(is_el2(t.phys, t.size), "all that the ITS can reach of the table is EL2's");
	prove(l1[0] == old_l1[0] && l1[1] == old_l1[1], "the table has the contents that it had");
#ifdef INDIRECT
	check_indirect();
#else
	if (t.record_size)
		prove(is_clear(desc.records, (u64)t.nr_entries * t.record_size) && t.records &&
		      !(desc.records & 7), "the records are EL2's, and clear");
#endif

	its_return_table(&its, &t);
	prove(is_as_before(), "a table that is returned: all is as before");
}
