// SPDX-License-Identifier: GPL-2.0-only
/*
 * its_shadow_rdist - Be a compromised host, with the redistributors of a GICv3
 *
 * A redistributor notes in memory which LPIs are pending, where GICR_PENDBASER says,
 * and reads their configuration where GICR_PROPBASER says. With GICv4 there are
 * GICR_VPENDBASER and GICR_VPROPBASER for a guest's. EL2 owns them, also where no
 * CPU of Linux uses the redistributor: try to move them.
 *
 * On a kernel that leaves them to the host each test succeeds in that, lets the
 * hardware use what it moved, puts it back and fails. "-i ADDR" says where the ITS
 * is if debugfs does not.
 */
#include <asm/hwcap.h>
#include <getopt.h>
#include <sys/auxv.h>

#include "its_host_vpe.h"

#include "kvm_util.h"
#include "gic.h"
#include "processor.h"
#include "ucall.h"
#include "vgic.h"

#define MAX_RDISTS		16
#define RDIST_ICID		0x100	/* collections that nobody uses */
#define VLPI_FRAME		SZ_128K
#define LPI_ENABLED		(0xa0 | LPI_PROP_ENABLED)

/*
 * Seen from outside: a byte of the victim for each way to store (and redistributor).
 * If who watches has made it LPI_ENABLED, or set bit 0, hypervisor memory is read, too.
 */
#define PEND_MARK		0x600	/* bit 0 becomes set: the LPI is pending */
#define PROP_MARK		0x4000	/* LPI_ENABLED: a CPU takes the LPI */
#define VPEND_MARK		0x800	/* bit 0 set: a guest takes the vLPI and clears it */
#define VPROP_MARK		0x5000	/* LPI_ENABLED: a guest takes the vLPI */

static const struct {
	const char *name;
	u32 offset, width, ignore;
} regs[] = {
	{ "GICR_CTLR", GICR_CTLR, 4, GICR_CTLR_RWP | BIT(31) },
	{ "GICR_IIDR", GICR_IIDR, 4 },
	{ "GICR_TYPER", GICR_TYPER, 8 },
	{ "GICR_WAKER", GICR_WAKER, 4 },
	{ "GICR_PIDR2", GICR_PIDR2, 4 },
	{ "GICR_PROPBASER", GICR_PROPBASER, 8 },
	{ "GICR_PENDBASER", GICR_PENDBASER, 8 },
	{ "GICR_VPROPBASER", VLPI_FRAME + GICR_VPROPBASER, 8 },
	{ "GICR_VPENDBASER", VLPI_FRAME + GICR_VPENDBASER, 8 },
};

static struct rdist {
	u64 phys, rdbase;
	void *frame;
	bool has_vlpis;
	u64 ctlr, prop, pend, vprop, vpend;
	u64 reg[ARRAY_SIZE(regs)];
} rdists[MAX_RDISTS];

static unsigned int nr_rdists;

static u64 rd_read(const struct rdist *rd, u32 offset, unsigned int width)
{
	u64 val = 0;

	if (!its_host_try(rd->frame + offset, width, &val, false))
		ksft_exit_fail_msg("redistributor 0x%lx cannot be read\n", rd->phys);
	return val;
}

static void rd_write(const struct rdist *rd, u32 offset, u64 val)
{
	its_host_try(rd->frame + offset, offset == GICR_CTLR ? 4 : 8, &val, true);
}

static u64 read_reg(const struct rdist *rd, unsigned int i)
{
	if (regs[i].offset >= VLPI_FRAME && !rd->has_vlpis)
		return 0;
	return rd_read(rd, regs[i].offset, regs[i].width) & ~(u64)regs[i].ignore;
}

/* Ways to store. Most leave EL2 no syndrome to emulate them by, and may end in a signal. */

struct attack {
	const struct way *way;
	const struct rdist *rd;
	u32 offset;
	u64 val;
	u32 intid;		/* to be sent after that, or 0 */
	u64 before;		/* in the register before this one */
};

#define STORE(name, insn) \
static void name(void *arg) \
{ \
	const struct attack *a = arg; \
	u64 tmp; \
\
	asm volatile(".arch_extension lse\n" insn : "=&r" (tmp) \
		     : "r" (a->rd->frame + a->offset), "r" (a->val), "r" (a->before) : "memory"); \
}

STORE(whole, "str %2, [%1]")
STORE(word, "str %w2, [%1]")
STORE(halves, "str %w2, [%1]; lsr %0, %2, #32; str %w0, [%1, #4]")
STORE(stp, "stp %3, %2, [%1, #-8]")
STORE(stxr, ".rept 16; ldxr %0, [%1]; stxr %w0, %2, [%1]; .endr")	/* one may fail */
STORE(swp, "swp %2, %0, [%1]")
STORE(clean, "dc civac, %1; dsb sy")
STORE(zero, "dc zva, %1; dsb sy")

static const struct way {
	const char *name;
	void (*store)(void *arg);
	bool disable;
} ways[] = {
	{ "whole", whole },
	{ "by halves", halves },
	{ "while LPIs are disabled", whole, true },
	{ "by STP", stp },
	{ "by STXR", stxr },
	{ "by SWP", swp },
}, other_ways[] = {
	{ "by DC CIVAC", clean },
	{ "by DC ZVA", zero },
	{ "by its word", word },
};

static unsigned int nr_ways(void)
{
	return ARRAY_SIZE(ways) - !(getauxval(AT_HWCAP) & HWCAP_ATOMICS);
}

static void store(const struct attack *attack)
{
	struct attack a = *attack;

	if (a.offset % 16)
		a.before = rd_read(a.rd, a.offset - 8, 8);
	if (a.way->disable)
		rd_write(a.rd, GICR_CTLR, a.rd->ctlr & ~GICR_CTLR_ENABLE_LPIS);
	its_host_faults(a.way->store, &a);
}

/* No register of any redistributor has changed. */
static int check_rdists(void)
{
	const struct rdist *rd;
	int ret = KSFT_PASS;
	unsigned int i;
	u64 val;

	for (rd = rdists; rd < rdists + nr_rdists; rd++) {
		for (i = 0; i < ARRAY_SIZE(regs); i++) {
			val = read_reg(rd, i);
			if (val != rd->reg[i])
				ret = its_host_fail("%s of redistributor %lu is 0x%lx, was 0x%lx",
						    regs[i].name, rd - rdists, val, rd->reg[i]);
		}
	}

	return ret;
}

/* LPIs off and on: the redistributor looks again which are pending. */
static void put_back(void)
{
	const struct rdist *rd;

	its_host_may_lose_msis();
	for (rd = rdists; rd < rdists + nr_rdists; rd++) {
		rd_write(rd, GICR_CTLR, rd->ctlr & ~GICR_CTLR_ENABLE_LPIS);
		rd_write(rd, GICR_PROPBASER, rd->prop);
		rd_write(rd, GICR_PENDBASER, rd->pend);
		rd_write(rd, GICR_CTLR, rd->ctlr);
		if (!rd->has_vlpis)
			continue;
		rd_write(rd, VLPI_FRAME + GICR_VPENDBASER, 0);
		rd_write(rd, VLPI_FRAME + GICR_VPROPBASER, rd->vprop);
		rd_write(rd, VLPI_FRAME + GICR_VPENDBASER, rd->vpend);
	}
}

/* An LPI of nobody's, which the redistributor has to note as pending. */
static bool send_lpi(const struct rdist *rd, u32 intid)
{
	u16 icid = RDIST_ICID + (rd - rdists);
	struct its_cmd map = mapc(icid, rd->rdbase);
	struct its_cmd cmds[] = {
		mapd(its.free_dev, its.own_phys, ITT_EVENT_BITS),
		mapti(its.free_dev, 0, intid, icid),
		event_cmd(GITS_CMD_INT, its.free_dev, 0, 0),
		sync_cmd(rd->rdbase),
	};

	/* Where no CPU of Linux is EL2 may refuse it. */
	return its_host_post(&map, 1) == QUEUE_DONE &&
	       its_host_post(cmds, ARRAY_SIZE(cmds)) == QUEUE_DONE;
}

static void forget_lpi(const struct rdist *rd)
{
	struct its_cmd cmds[] = {
		event_cmd(GITS_CMD_DISCARD, its.free_dev, 0, 0),
		unmapd(its.free_dev),
		its_cmd(GITS_CMD_MAPC, 0, 0, RDIST_ICID + (rd - rdists)),
		sync_cmd(its.rdbase),
	};

	its_host_post(cmds, ARRAY_SIZE(cmds));
}

static int run_attack(const struct its_test *t)
{
	const struct attack *a = t->arg;
	bool sent = false;
	int ret;

	/* A redistributor without a CPU gets from us what Linux has not set. */
	if (a->intid && !(a->rd->ctlr & GICR_CTLR_ENABLE_LPIS))
		rd_write(a->rd, GICR_PROPBASER, rdists[0].prop);
	store(a);
	if (a->intid)
		rd_write(a->rd, GICR_CTLR, a->rd->ctlr | GICR_CTLR_ENABLE_LPIS);

	ret = check_rdists();
	if (a->intid)
		sent = send_lpi(a->rd, a->intid);
	if (ret) {
		/* Let a CPU take the LPI, if it can. */
		usleep(20000);
		put_back();
	}
	if (sent)
		forget_lpi(a->rd);

	return a->intid && !sent && a->rd->ctlr & GICR_CTLR_ENABLE_LPIS ?
	       its_host_fail("no LPI can be sent there") : ret;
}

static void test_attack(its_test_fn run, const char *what, const struct attack *a)
{
	char name[128];

	snprintf(name, sizeof(name), "%s of redistributor %lu %s", what, a->rd - rdists,
		 a->way->name);
	its_host_test(run, name, .arg = a);
}

static int access_pending(const struct its_test *t)
{
	void *va = its_host_map(t->addr, 8, false);
	u64 val = 0;

	if (its_host_try(va, 8, &val, false))
		return its_host_fail("it can be read%s", its_host_try(va, 8, &val, true) ?
				     " and written" : "");
	return its_host_try(va, 8, &val, true) ? its_host_fail("it can be written") : KSFT_PASS;
}

/* The host goes on to configure its LPIs there. */
static int access_properties(const struct its_test *t)
{
	void *va = its_host_map(t->addr + LPI_UNUSED - LPI_FIRST, 8, false);
	u64 val = 0;

	return its_host_try(va, 8, &val, false) && its_host_try(va, 8, &val, true) ?
	       KSFT_PASS : its_host_fail("it is no longer the host's");
}

static void test_rdist(const struct rdist *rd)
{
	u64 prop = (rdists[0].prop & ~GENMASK_ULL(51, 12)) | its.victim;
	u64 pend = (rd->pend & ~GENMASK_ULL(51, 16)) | its.victim;
	unsigned int i, nr = rd - rdists;
	struct attack a = { .rd = rd };

	for (i = 0; i < nr_ways(); i++) {
		a = (struct attack) { &ways[i], rd, GICR_PENDBASER, pend,
				      8 * (PEND_MARK + i * MAX_RDISTS + nr) };
		test_attack(run_attack, "GICR_PENDBASER", &a);
	}
	for (i = 0; i < 2; i++) {
		a = (struct attack) { &ways[i], rd, GICR_PROPBASER, prop,
				      LPI_FIRST + PROP_MARK + i * MAX_RDISTS + nr };
		test_attack(run_attack, "GICR_PROPBASER", &a);
		a = (struct attack) { &other_ways[i], rd, GICR_PROPBASER };
		test_attack(run_attack, "the line of GICR_PROPBASER", &a);
	}
	a = (struct attack) { &other_ways[2], rd, GICR_CTLR, rd->ctlr ^ GICR_CTLR_ENABLE_LPIS };
	test_attack(run_attack, "GICR_CTLR.EnableLPIs", &a);
	if (rd->pend)
		its_host_test(access_pending, "its pending table",
			      .addr = GICR_PENDBASER_ADDRESS(rd->pend));
}

/* A guest that takes what comes: it has no vLPIs of its own. */

static u32 taken;

static void guest_irq_handler(struct ex_regs *regs)
{
	u32 intid = gic_get_and_ack_irq();

	if (intid == IAR_SPURIOUS)
		return;
	taken = intid;
	gic_set_eoi(intid);
}

static void guest_code(void)
{
	unsigned int i;

	gic_init(GIC_V3, 1);
	local_irq_enable();
	for (i = 0; i < 200000 && !READ_ONCE(taken); i++)
		cpu_relax();
	GUEST_SYNC(taken);
}

static u64 run_guest(void)
{
	struct kvm_vcpu *vcpu;
	struct kvm_vm *vm;
	struct ucall uc;
	u64 intid;

	vm = vm_create_with_one_vcpu(&vcpu, guest_code);
	vm_init_descriptor_tables(vm);
	vcpu_init_descriptor_tables(vcpu);
	vm_install_exception_handler(vm, VECTOR_IRQ_CURRENT, guest_irq_handler);
	vcpu_run(vcpu);
	intid = get_ucall(vcpu, &uc) == UCALL_SYNC ? uc.args[1] : ~0ULL;
	kvm_vm_free(vm);

	return intid;
}

/*
 * A VPT on every redistributor, that of the guest's CPU is among them. Of it and the
 * configuration one is in the victim, and the other one ours and made for it.
 */
static int make_resident(const struct its_test *t)
{
	struct attack a = *(const struct attack *)t->arg;
	u64 prop = a.val == its.victim ? its_vpes.own_phys : its.victim;
	u8 *own = (u8 *)its_vpes.own;
	u64 intid;
	int ret;

	memset(own, 0, 2 * VPT_ALIGN);
	own[a.intid - LPI_FIRST] = LPI_ENABLED;
	own[VPT_ALIGN + a.intid / 8] = BIT(a.intid % 8);

	a.val |= GICR_VPENDBASER_RaWaWb | GICR_VPENDBASER_InnerShareable | GICR_VPENDBASER_Valid;
	for (; a.rd < rdists + nr_rdists; a.rd++) {
		rd_write(a.rd, VLPI_FRAME + GICR_VPROPBASER, prop | GICR_VPROPBASER_RaWb |
			 GICR_VPROPBASER_InnerShareable | (VPT_INTID_BITS - 1));
		store(&a);
	}
	ret = check_rdists();
	intid = run_guest();
	put_back();

	return intid ? its_host_fail("a guest has taken vLPI %lu", intid) : ret;
}

static void test_vpes(void)
{
	struct attack a = { .rd = rdists, .offset = VLPI_FRAME + GICR_VPENDBASER };
	unsigned int i;

	for (i = 0; i < nr_ways(); i++) {
		a.way = &ways[i];
		a.val = its.victim;
		a.intid = 8 * (VPEND_MARK + i);
		test_attack(make_resident, "GICR_VPENDBASER", &a);
	}
	a.way = &ways[0];
	a.val = its_vpes.own_phys + VPT_ALIGN;
	a.intid = LPI_FIRST + VPROP_MARK;
	test_attack(make_resident, "GICR_VPROPBASER", &a);
}

static void tests(void)
{
	unsigned int i;

	for (i = 0; i < nr_rdists; i++)
		test_rdist(&rdists[i]);
	its_host_test(access_properties, "the property table",
		      .addr = GICR_PROPBASER_ADDRESS(rdists[0].prop));
	if (its_vpes.own && rdists[0].has_vlpis && kvm_supports_vgic_v3())
		test_vpes();
}

static u64 find_rdist(struct rdist *rd, u64 phys)
{
	unsigned int i;
	u64 typer;

	rd->phys = phys;
	rd->frame = its_host_map(phys, SZ_128K, true);
	typer = rd_read(rd, GICR_TYPER, 8);
	rd->has_vlpis = typer & GICR_TYPER_VLPIS;
	rd->rdbase = its.typer & GITS_TYPER_PTA ? phys : GICR_TYPER_CPU_NUMBER(typer) << 16;
	rd->ctlr = rd_read(rd, GICR_CTLR, 4);
	rd->prop = rd_read(rd, GICR_PROPBASER, 8);
	rd->pend = rd_read(rd, GICR_PENDBASER, 8);
	if (rd->has_vlpis) {
		rd->frame = its_host_map(phys, SZ_256K, true);
		rd->vprop = rd_read(rd, VLPI_FRAME + GICR_VPROPBASER, 8);
		rd->vpend = rd_read(rd, VLPI_FRAME + GICR_VPENDBASER, 8);
	}
	for (i = 0; i < ARRAY_SIZE(regs); i++)
		rd->reg[i] = read_reg(rd, i);
	nr_rdists++;

	return typer & GICR_TYPER_LAST ? 0 : phys + (rd->has_vlpis ? SZ_256K : SZ_128K);
}

int main(int argc, char **argv)
{
	int opt;
	u64 phys;

	while ((opt = getopt(argc, argv, "i:")) != -1) {
		if (opt != 'i')
			ksft_exit_skip("usage: %s [-i ADDR]\n", argv[0]);
		its.base = strtoull(optarg, NULL, 0);
	}

	its_host_setup();
	its_host_setup_vpes();
	for (phys = its.redist; phys && nr_rdists < MAX_RDISTS;)
		phys = find_rdist(&rdists[nr_rdists], phys);
	if (!(rdists[0].ctlr & GICR_CTLR_ENABLE_LPIS))
		ksft_exit_skip("LPIs are off\n");
	ksft_print_msg("%u redistributors, property table 0x%lx\n", nr_rdists, rdists[0].prop);
	its_host_run(tests);
}
