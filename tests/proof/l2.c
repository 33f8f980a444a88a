// SPDX-License-Identifier: GPL-2.0-only
/*
 * hyp_its_donate_l2(): every indirect table, every entry of the first level and of
 * the host's shadow of it, every chunk. It is what cmd.c takes for granted.
 */
#define OWN_MEMORY
#define OWN_READ_ONCE
#define OWN_WROTE_ONCE
#include "proof.h"
#include "its_table.c"
#include "ghost.h"
#include "stubs.h"

static struct hyp_its its;
static struct hyp_its_table t;
/* The only entries that there are: an access to another is one outside of an object. */
static u64 l1, chunk, shadow, shadow_entry, shadow_chunk, l2;
static u32 idx, nr_reads, nr_links;
static bool chunk_clear;

/* The shadow is the host's to write: EL2 looks once at each entry. */
void model_read_once(const volatile void *p, void *to, size_t size)
{
	bool is_chunk = (u64)p != shadow + idx * 8ULL;

	prove(!is_chunk || (u64)p == shadow + t.size + idx * 8ULL,
	      "EL2 reads the entries of this L2 page");
	prove(!(nr_reads & 1 << is_chunk), "EL2 reads an entry once");
	nr_reads |= 1 << is_chunk;
	*(u64 *)to = is_chunk ? shadow_chunk : shadow_entry;
}

/* The first level is written last, and names what is EL2's and clear. */
void model_wrote_once(const volatile void *p)
{
	u64 size = hyp_its_records_size(&t);

	prove(p == &l1 || (t.chunks && p == &chunk), "EL2 writes the entries of this L2 page");
	if (p != &l1)
		return;
	nr_links++;
	l2 = l1 & 0xfffffffffffff;
	prove(l1 == (l2 | 1ULL << 63) && !(l2 & (t.psz - 1)), "an entry is valid, without RES0 bits");
	prove(ghost_owns(l2, t.psz) && ghost_is_new(l2, t.psz), "an L2 page is EL2's before it is named");
	prove(ghost_is_clear(l2, t.psz), "an L2 page is clear before it is named");
	if (size)
		prove(ghost_is_new(chunk, size) && chunk_clear,
		      "a chunk is EL2's, of its size and clear before it has a page");
}

static char memory[1];
void *ghost_virt(u64 phys) { named = phys; return memory; }
u64 ghost_phys(const void *va) { return named; }

void *ghost_memset(void *p, int c, u64 size)
{
	if (!ghost_owns(named, size))
		never("what is cleared is EL2's");
	for (int i = 0; i < NR_RANGES; i++) {
		if (ranges[i].used && ranges[i].pfn << PAGE_SHIFT == named)
			ranges[i].clear = size;
	}
	if (named == shadow_chunk && size == hyp_its_records_size(&t))
		chunk_clear = true;
	return p;
}

void harness(void)
{
	u64 old_l1, old_chunk, phys, baser = nondet_u64();
	u32 id = nondet_u32(), old_nr;
	struct hyp_its any;
	unsigned int why;

	its = any;
	its_decode_baser(&t, baser);
	assume(!its_check_layout(&t) && t.indirect && hyp_its_id_in_range(&t, id));
	idx = id / t.per_page;
	t.nr_l2 = old_nr = nondet_u32();
	t.l1 = &l1 - idx;
	shadow = nondet_u64() & 0xffffffffffff8;
	t.shadow = (void *)shadow;
	t.chunks = hyp_its_records_size(&t) ? &chunk - idx : NULL;
	l1 = nondet_u64();
	chunk = t.chunks ? nondet_u64() : 0;
	shadow_entry = nondet_u64();
	shadow_chunk = nondet_u64();

	/* What is there already: a page and its chunk, or neither. */
	old_l1 = l1;
	old_chunk = chunk;
	if (old_l1) {
		assume(!its_decode_l1_entry(&t, old_l1, &phys));
		ghost_had(0, phys, t.psz);
	} else {
		assume(!old_chunk);
	}

	why = hyp_its_donate_l2(&its, &t, id);

	prove(nr_links == (!why && !old_l1), "an entry is written if it was not valid, and once");
	prove(t.nr_l2 == old_nr + nr_links, "L2 pages are counted");
	if (old_l1) {
		prove(!why && l1 == old_l1 && !nr_donated && !nr_reads, "an L2 page stays");
		return;
	}
	if (why) {
		prove(!l1 && !chunk && ghost_is_unchanged(),
		      "refused: nothing has changed");
		return;
	}
	prove(ghost_owns(l2, t.psz) && !nr_returned &&
	      nr_donated == (hyp_its_records_size(&t) ? 2 : 1), "accepted: page and chunk are EL2's");
}
