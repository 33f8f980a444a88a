/* SPDX-License-Identifier: GPL-2.0-only */
/* A redistributor, its two frames, and a vPE that is mapped or not, as EL2 finds it. */
#ifndef RDIST_H
#define RDIST_H

static struct hyp_rdist rd, before;
static struct hyp_vpe_table vpes;
static char rd_frame[65536], vlpi_frame[131072];
static u32 vpe_id;
static bool vpe_known, vpe_found, vpe_in_range;
static struct hyp_its_vpe vpe;

bool hyp_its_vpe_is_known(u32 id) { return id == vpe_id ? vpe_known : nondet_bool(); }
bool hyp_its_id_in_range(const struct hyp_its_table *t, u32 id) { return id == vpe_id ? vpe_in_range : nondet_bool(); }

bool hyp_its_find_vpe(u32 id, struct hyp_its_vpe *to)
{
	if (id != vpe_id || !vpe_found)
		return false;
	*to = vpe;
	return true;
}

static bool is_vlpi_frame(const void *reg) { return __CPROVER_same_object(reg, vlpi_frame); }

static void legal_rdist(void)
{
	struct hyp_rdist any;
	struct hyp_its_vpe any_vpe;

	rd = any;
	vpe = any_vpe;
	rd.lock.held = false;
	rd.rd.base = rd_frame;
	rd.vlpi.base = vlpi_frame;
	rd.accessible = nondet_bool();
	rd.lpis = nondet_bool();
	rd.vpe_table = nondet_bool() ? &vpes : NULL;
	/* As hyp_rdist_setup() leaves it. */
	if (!rd.accessible)
		assume(!rd.typer && !rd.lpis);
	rd.vlpi.nr_pages = rd.accessible ? rd.typer >> 1 & 1 : nondet_bool();
	if (rd.lpis)
		assume((rd.propbaser & 31) >= 13);
	if (!rd.vlpi.nr_pages)
		assume(!rd.vpe_table && !rd.resident);
	if (!(rd.typer >> 7 & 1))
		assume(!rd.vpe_table);
	if (!rd.lpis)
		assume(!rd.resident);
	vpe_known = nondet_bool();
	vpe_found = nondet_bool();
	vpe_in_range = nondet_bool();
	assume(!vpe_found || vpe_known);
	/* As hyp_its_map_vpe() leaves it. */
	assume(vpe.intid_bits >= 14 && vpe.intid_bits <= 32);
	assume(!(vpe.vpt & ~0xfffffffff0000) && !(vpe.config & ~0xffffffffff000));
	before = rd;
}

/* Referred to by its_rdist.c, and not called here. */
int hyp_its_share(u64 phys, u64 size, void **va) { return nondet_error(); }
void hyp_its_unshare(void *va, u64 size) { }
int hyp_its_get_vpe_table(struct hyp_its *i, const struct hyp_its_table *l,
			  const struct its_handover_table *d, struct hyp_vpe_table **v) { return nondet_error(); }
void hyp_its_put_vpe_table(struct hyp_its *i, struct hyp_vpe_table *v) { }
int hyp_its_begin_handover(unsigned long a, size_t b, unsigned long c, size_t d) { return nondet_error(); }
void hyp_its_end_handover(unsigned long a, size_t b, unsigned long c, size_t d, bool e) { }

#endif
