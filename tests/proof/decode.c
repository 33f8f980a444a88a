// SPDX-License-Identifier: GPL-2.0-only
/*
 * GITS_BASERn, first-level entries, index and record: every register, every entry,
 * every ID. What the ITS can reach is computed here from IHI 0069, sections 5.2 and
 * 12.19.1.
 */
#define OWN_READ_ONCE
#define OWN_MEMORY
#include "proof.h"
#include "its_table.c"
#include "stubs.h"

static u64 chunks, chunks_size, chunk;

/* One entry of the array of chunks is looked up, which may have any value. */
void model_read_once(const volatile void *p, void *to, size_t size)
{
	prove((u64)p >= chunks && (u64)p + 8 <= chunks + chunks_size,
	      "indirect: the chunk is looked up inside of what is donated");
	*(u64 *)to = chunk;
}

/* An address is a number, and nothing there is read. */
void *ghost_virt(u64 phys) { return (void *)phys; }
u64 ghost_phys(const void *va) { return (u64)va; }
void *ghost_memset(void *p, int c, u64 size) { return p; }

void harness(void)
{
	u64 baser = nondet_u64(), entry = nondet_u64(), records, phys, rec, rec2;
	u32 id = nondet_u32(), id2 = nondet_u32(), n;
	struct hyp_its_table t = { 0 };
	u32 code = baser >> 8 & 3, esz = (baser >> 48 & 31) + 1, type = baser >> 56 & 7;
	u32 psz = code == 0 ? 4096 : code == 1 ? 16384 : 65536;
	u64 reach = ((baser & 255) + 1) * psz;
	bool indirect = baser >> 62 & 1;
	u64 base = code == 2 ? (baser & 0xffffffff0000) | (baser >> 12 & 0xf) << 48
			     : baser & 0xfffffffff000;
	int ret;

	its_decode_baser(&t, baser);
	ret = its_check_layout(&t);
	prove((ret == 0) == (code != 3 && !(base & (psz - 1)) && (!indirect || !(esz & (esz - 1)))),
	      "a table is taken if it is well formed, only then");
	if (ret)
		return;

	prove(t.psz == psz && t.phys == base && t.size == reach && t.baser == baser &&
	      t.type == type && t.indirect == indirect && t.entry_size == esz,
	      "address, size and layout are what the ITS makes of them");
	prove(t.coherent == !!(baser & 0xc00), "a table is flushed unless it is shareable");

	n = t.nr_entries;
	prove((u64)n * (indirect ? 8 : esz) <= reach && ((u64)n + 1) * (indirect ? 8 : esz) > reach &&
	      t.per_page && t.per_page == psz / esz, "entries are all that the table has room for");

	/* Of a vPE table that ITSs share there may be more, see hyp_its_get_vpe_table(). */
	prove(t.record_size == (type == 1 ? 8 : type == 2 ? 16 : 0), "records are for devices and vPEs");

	/* First-level entries. */
	ret = its_decode_l1_entry(&t, entry, &phys);
	if (ret) {
		prove(!(entry >> 63) || entry & 0x7ff0000000000000 || entry & (psz - 1) ||
		      (PAGE_SHIFT != 16 && entry >> 48 & 0xf), "no good first-level entry is refused");
	} else {
		prove(entry >> 63 && !(entry & 0x7ff0000000000000) && !(entry & (psz - 1)) &&
		      phys == (entry & 0xfffffffffffff) && phys + psz - 1 >> 52 == 0,
		      "a first-level entry is valid, without RES0 bits");
	}

	if (!hyp_its_id_in_range(&t, id))
		return;

	/* Whatever ID EL2 lets through, the ITS stays inside of what is donated. */
	if (!indirect) {
		prove((u64)id * esz + esz <= reach, "flat: the ITS stays inside");
	} else {
		prove((u64)(id / (psz / esz)) * 8 + 8 <= reach, "indirect: the ITS stays inside the first level");
	}

	if (!t.record_size)
		return;

	/* And EL2 in its records. */
	if (!indirect) {
		records = nondet_u64() & 0xffffffffffff8;
		t.records = (void *)records;
		rec = (u64)hyp_its_record(&t, id);
		prove(rec >= records && rec + t.record_size <= records + hyp_its_records_size(&t) &&
		      !(rec & 7), "flat: a record is inside of what is donated");
		if (hyp_its_id_in_range(&t, id2) && id != id2) {
			rec2 = (u64)hyp_its_record(&t, id2);
			prove(rec + t.record_size <= rec2 || rec2 + t.record_size <= rec,
			      "flat: each record is of one ID");
		}
		return;
	}

	chunks = nondet_u64() & 0xffffffffffff8;
	chunks_size = its_chunks_size(&t);
	chunk = nondet_u64() & 0xffffffffffff8;
	t.chunks = (void *)chunks;
	rec = (u64)hyp_its_record(&t, id);
	if (!rec)
		return;

	prove(rec >= chunk && rec + t.record_size <= chunk + hyp_its_records_size(&t) && !(rec & 7),
	      "indirect: a record is inside of its chunk");
	if (hyp_its_id_in_range(&t, id2) && id != id2 && id / t.per_page == id2 / t.per_page) {
		rec2 = (u64)hyp_its_record(&t, id2);
		prove(rec + t.record_size <= rec2 || rec2 + t.record_size <= rec,
		      "indirect: each record is of one ID");
	}
}
