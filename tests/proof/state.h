/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An ITS, a device and a vPE, and another ITS that may have the vPE as well: all that
 * one command is about. V4 is for commands about the vPE.
 */
#ifndef STATE_H
#define STATE_H

static struct hyp_its its, other, before;
static struct hyp_its_table dt, vt[2];
static u32 dev_id, vpe_id;

/* A record, if there is one: of the device, and of the vPE in two tables for two ITSs. */
static u64 dev;
static struct its_vpe_record vpe[2][2];
static bool dev_in_range, dev_linked, vpe_in_range[2], vpe_linked[2], rdists_reach;

static struct { u64 phys, size; u32 refs; } vconf[2];

bool hyp_rdists_hold_vpe(u32 id) { return nondet_bool(); }

bool stub_in_range(const struct hyp_its_table *table, u32 id)
{
	if (id != (table == &dt ? dev_id : vpe_id))
		never("a command is about the device and the vPE it names");
	return table == &dt ? dev_in_range : vpe_in_range[table == &vt[1]];
}

void *stub_record(const struct hyp_its_table *table, u32 id)
{
	if (id != (table == &dt ? dev_id : vpe_id))
		never("a command is about the device and the vPE it names");
	if (table == &dt)
		return dev_in_range && dev_linked ? &dev : NULL;
#ifdef V4
	if (table == &vt[1])
		return vpe_in_range[1] && vpe_linked[1] ? vpe[1] : NULL;
	return vpe_in_range[0] && vpe_linked[0] ? vpe[0] : NULL;
#else
	return NULL;
#endif
}

unsigned int stub_donate_l2(struct hyp_its *i, struct hyp_its_table *table, u32 id)
{
	bool is_dev = table == &dt;

	if (!(is_dev ? dev_in_range : vpe_in_range[0]))
		never("an L2 page is for an ID in range");
	if (is_dev ? dev_linked : vpe_linked[0])
		return PKVM_ITS_ACCEPTED;
	if (nondet_bool())
		return nondet_bool() ? PKVM_ITS_L2_ENTRY : PKVM_ITS_L2_OWNER;
	if (is_dev) {
		dev_linked = true;
		dev = 0;
	} else {
		vpe_linked[0] = true;
		vpe[0][0] = vpe[0][1] = (struct its_vpe_record) { };
	}
	return PKVM_ITS_ACCEPTED;
}

bool stub_rdists_reach(u32 id) { return rdists_reach; }

unsigned int stub_donate_rdists_l2(struct hyp_its *i, u32 id)
{
	if (id != vpe_id || !rdists_reach)
		never("an L2 page is for an ID in range");
	return nondet_bool() ? PKVM_ITS_L2_OWNER : PKVM_ITS_ACCEPTED;
}

int stub_get_vconfig(u64 phys, u64 size)
{
	for (int i = 0; i < 2; i++) {
		if (vconf[i].refs && vconf[i].phys == phys && vconf[i].size == size) {
			vconf[i].refs++;
			return 0;
		}
	}
	if (nondet_bool())
		return -EPERM;
	vconf[1].phys = phys;
	vconf[1].size = size;
	vconf[1].refs = 1;
	return 0;
}

void stub_put_vconfig(u64 phys, u64 size)
{
	for (int i = 0; i < 2; i++) {
		if (vconf[i].refs && vconf[i].phys == phys && vconf[i].size == size) {
			vconf[i].refs--;
			return;
		}
	}
	never("a configuration table is let go of once");
}

static bool is_pinned(u64 phys, u64 size)
{
	return (vconf[0].refs && vconf[0].phys == phys && vconf[0].size == size) ||
	       (vconf[1].refs && vconf[1].phys == phys && vconf[1].size == size);
}

static bool is_target(u64 rdbase)
{
	for (u32 i = 0; i < 3; i++) {
		if (i < its.nr_targets && its.targets[i] == rdbase)
			return true;
	}
	return false;
}

static bool is_lpi(u64 intid) { return intid >= 8192 && intid >> its.lpi_bits == 0; }
static bool is_doorbell(u64 intid) { return intid == 1023 || is_lpi(intid); }

/* Bytes of the ITT that the hardware walks, of the size that GITS_TYPER says. */
static u64 hw_itt(u64 bits) { return ((its.typer >> 4 & 15) + 1) << bits; }

/* GICv4.1: the ITS has not been seen to consume the map. */
#define MAPPING	(1ULL << 60)

static bool is_mapped(u64 vpt) { return vpt >> 61 == 4; }

/* What a record of a vPE may be. */
static void legal_vpe(struct its_vpe_record r, bool v41)
{
	u64 bits = r.vpt & 63;

	if (!r.vpt) {
		assume(!r.config);
		return;
	}
	assume(r.vpt >> 61 == 4 || r.vpt >> 61 == 6 || r.vpt >> 61 == 7);
	assume(!(r.vpt & ~(7ULL << 61 | (v41 ? MAPPING : 0) | RD | 63)) && bits >= 14 && bits <= 32);
	assume(!(r.config & ~(3ULL << 62 | 0xffffffffff000)));
	assume(r.config ? r.config >> 63 : !v41);
	if (v41)
		assume(!(r.config >> 62 & 1));
}

/* What hyp_its_setup() and all that came since may leave. */
static void legal_its(void)
{
	struct hyp_its any, any2;

	its = any;
	other = any2;
	its.lock.held = true;
	assume(its.ite_size > (its.typer >> 4 & 15) && its.ite_size <= 256);
	assume(its.lpi_bits <= 32 && its.nr_colls <= 65536);
	assume(its.nr_targets >= 1 && its.nr_targets <= 3);
	assume(its.targets[0] <= its.targets[1] || its.nr_targets < 2);
	assume(its.targets[1] <= its.targets[2] || its.nr_targets < 3);
	assume(its.nr_unmaps <= ITS_MAX_UNMAPS && its.nr_leaving <= its.nr_unmaps);
	assume(its.nr_vpe_unmaps <= ITS_MAX_UNMAPS);
	its.device_table = &dt;
	its.vpe_table = NULL;
	its_vpe_list.next = its_vpe_list.prev = &its_vpe_list;
#ifdef V4
	/* An ITS without a table, or that is not there, is one whose table reaches nothing. */
	its.vpe_table = &vt[0];
	other.vpe_table = nondet_bool() ? &vt[0] : &vt[1];
	its.vpe_slot = nondet_bool();
	other.vpe_slot = nondet_bool();
	assume(other.vpe_table == &vt[1] || other.vpe_slot != its.vpe_slot);
	list_add_tail(&its.vpe_node, &its_vpe_list);
	list_add_tail(&other.vpe_node, &its_vpe_list);
#endif
}

static struct its_vpe_record record_of(bool table, bool slot)
{
	return vpe_in_range[table] && vpe_linked[table] ? vpe[table][slot] :
							  (struct its_vpe_record) { };
}

static struct its_vpe_record mine(void) { return record_of(0, its.vpe_slot); }
static struct its_vpe_record theirs(void) { return record_of(other.vpe_table == &vt[1], other.vpe_slot); }

static void legal_device(void)
{
	u64 bits;

	dev = nondet_u64();
	dev_in_range = nondet_bool();
	dev_linked = nondet_bool();

	/* VALID, perhaps UNMAPPING, ITT, EventID bits. */
	if (!dev_in_range || !dev_linked)
		dev = 0;
	bits = dev & 63;
	if (!dev)
		return;
	assume(dev >> 63 && !(dev >> 52 & 0x3ff) && !(dev & 0xc0));
	assume(bits && bits <= (its.typer >> 8 & 31) + 1);
	assume(!(dev >> 62 & 1) || its.nr_unmaps);
	assume((u64)dev_id >> ((its.typer >> 13 & 31) + 1) == 0);
	ghost_had(0, dev & 0x000fffffffffff00, (u64)its.ite_size << bits);
}

/* A vPE: the same to both ITSs. */
static void legal_vpes(bool v41)
{
	struct its_vpe_record m, t;
	u64 vpt;

	for (int i = 0; i < 2; i++) {
		vpe_in_range[i] = nondet_bool();
		vpe_linked[i] = nondet_bool();
		for (int j = 0; j < 2; j++) {
			vpe[i][j].vpt = nondet_u64();
			vpe[i][j].config = nondet_u64();
		}
	}
	rdists_reach = nondet_bool();
	m = mine();
	t = theirs();
	legal_vpe(m, v41);
	legal_vpe(t, v41);
	assume(!m.vpt || (m.vpt & 63) == its.lpi_bits);
	assume((m.vpt >> 62 & 1) <= its.nr_vpe_unmaps);
	vpt = m.vpt ?: t.vpt;
	if (m.vpt && t.vpt)
		assume(!((m.vpt ^ t.vpt) << 3) && !((m.config ^ t.config) & ~(1ULL << 62)));
	if (!vpt)
		return;

	ghost_had(1, vpt & RD, (1ULL << (vpt & 63)) / 8);
	if (m.config | t.config) {
		vconf[0].phys = (m.config | t.config) & 0xffffffffff000;
		vconf[0].size = 1ULL << (vpt & 63);
		vconf[0].refs = 1;
	}
}

#endif
