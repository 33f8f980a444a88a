// SPDX-License-Identifier: GPL-2.0-only
/*
 * Two CPUs in every order: what each of them does is fixed, and all schedules with up to
 * two preemptions are tried.
 *
 * A CPU may be preempted at each step that the other one can notice or that can notice
 * the other one: before it takes a lock and before it gives it back, and after that while
 * it holds another; before each READ_ONCE(), WRITE_ONCE(), smp_mb() and access to a
 * register; before a page or a frame changes hands, is shared, unshared, pinned or
 * unpinned; before each store of the host to memory that it shares with EL2, and between
 * two entries into EL2. Where the other one waits for a lock that is not free, or has come
 * to its end, it cannot preempt anybody. To wait for a lock, and to come to an end, hands
 * over to the other one and is no preemption.
 *
 * Why no schedule is left out: there is no input here, so in_below() is 0, and nothing
 * else that the model does depends on chance, time or an address. What happens follows
 * from which CPU is first and from whether it is preempted at each step where it may be.
 * At each of these the process forks, as long as there are preemptions left: the child
 * preempts, and the parent does not, once the child has come to its end. So each way to
 * answer at most two of these questions with yes is taken by exactly one process, and all
 * of them are counted: those that began, and those that came to their end with every
 * invariant intact. None is left if the two numbers are equal.
 */

#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <sanitizer/common_interface_defs.h>

#include "model.h"

#include <linux/sizes.h>
#include <nvhe/its_emulate.h>
#include <nvhe/its_rdist.h>

#define VALID		BIT_ULL(63)
#define V40		BIT_ULL(1)
#define V41		(BIT_ULL(1) | BIT_ULL(40))
#define V41_SHARED	(BIT_ULL(1) | BIT_ULL(40) | BIT_ULL(41))
#define MAX_PREEMPTIONS	2
#define CTLR		0x0000
#define CWRITER		0x0088
#define CREADR		0x0090
#define GICR_INVALL	0x00b0
#define ENABLED		BIT(0)
#define RETRY		BIT(0)
#define CMD_SIZE	32

enum { SYNC = 0x05, MAPD = 0x08, VMOVP = 0x22, VSYNC = 0x25, VMAPP = 0x29 };

struct scenario {
	const char	*name;
	const char	*what;
	u64		typer;		/* GICv4 in GITS_TYPER */
	u32		rdist_typer;	/* beside that, in GICR_TYPER */
	u32		nr_its;
	bool		flat;		/* no first levels */
	bool		sends;		/* commands by hypercall, one by one, not by registers */
	bool		fails;		/* a hand-over, at each of its transitions in turn */
	u32		bound;		/* of preemptions, if it is another */
	void		(*prepare)(void);
	void		(*cpu[2])(void);
	void		(*then)(void);
};

/* In memory that all processes of a scenario share. */
static struct {
	u64	begun, ended, steps;
	bool	handed_over;	/* no transition was left that could have failed */
} *count;

static const struct scenario *scenario;
static u32 first_cpu, nr_preemptions, preempted_at[MAX_PREEMPTIONS], step, fail_at;
static bool replaying, handed_over;

static u32 bound(void)
{
	return scenario->bound ?: MAX_PREEMPTIONS;
}

/* Is it the child, which begins with another schedule? Otherwise that is done with. */
static bool begin_other(void)
{
	int status;
	pid_t pid;

	fflush(NULL);
	count->begun++;
	pid = fork();
	if (!pid)
		return true;

	if (pid < 0 || waitpid(pid, &status, 0) != pid || status)
		_exit(1);

	return false;
}

static bool replay_preempts(u32 at)
{
	u32 i;

	for (i = 0; i < nr_preemptions; i++) {
		if (preempted_at[i] != at)
			continue;
		printf("CPU %u is preempted at step %u:\n", cpu_is_second(), at);
		__sanitizer_print_stack_trace();
		return true;
	}

	return false;
}

/* At a step where the other one can go on. */
bool schedule_preempts(void)
{
	u32 at = step++;

	if (replaying)
		return replay_preempts(at);

	if (nr_preemptions == bound() || !begin_other())
		return false;

	preempted_at[nr_preemptions++] = at;

	return true;
}

void schedule_cpu(u32 cpu)
{
	scenario->cpu[cpu]();
}

/* In a process that tries schedules: says in which of them. */
bool schedule_failed(void)
{
	u32 i;

	if (!scenario)
		return false;

	fprintf(stderr, "schedule: %s %u", scenario->name, first_cpu);
	for (i = 0; i < nr_preemptions; i++)
		fprintf(stderr, ",%u", preempted_at[i]);
	fprintf(stderr, scenario->fails ? ":%u\n" : "\n", fail_at);

	return true;
}

/* The commands. */

#define RDBASE	(its_of[0].hw.targets[0])

static void cmd(u32 its, u32 slot, u64 dw0, u64 dw1, u64 dw2, u64 dw3)
{
	u64 dw[4] = { dw0, dw1, dw2, dw3 };

	host_cmd(&its_of[its], slot, dw);
}

static void mapd(u32 its, u32 slot, u32 id, u64 itt)
{
	cmd(its, slot, (u64)id << 32 | MAPD, 1, itt ? itt | VALID : 0, 0);
}

static void vmapp(u32 its, u32 slot, u32 id, u64 vpt, u64 vconf, bool alloc)
{
	bool v41 = scenario->typer & BIT_ULL(40);

	cmd(its, slot, VMAPP | (v41 ? vconf | (u64)alloc << 8 : 0), (u64)id << 32 | (v41 ? 1023 : 0),
	    VALID | RDBASE, vpt | 13);
}

static void vunmapp(u32 its, u32 slot, u32 id, bool alloc)
{
	cmd(its, slot, VMAPP | (scenario->typer & BIT_ULL(40) ? (u64)alloc << 8 : 0), (u64)id << 32, 0, 0);
}

static void vsync(u32 its, u32 slot, u32 id)
{
	cmd(its, slot, VSYNC, (u64)id << 32, 0, 0);
}

static void sync_cmd(u32 its, u32 slot)
{
	cmd(its, slot, SYNC, 0, RDBASE, 0);
}

static void posts(u32 its, u32 slots)
{
	host_post(&its_of[its], slots, scenario->sends);
}

static void looks(u32 its)
{
	cpu_step();
	host_mmio(&its_of[its], CREADR, 8, false, 0);
}

/* The pages that they name. */

static u64 itt, itt2, vpt, vpt2, vconf, l2, chunk;

static u64 pfn_of(u64 phys)
{
	return phys >> PAGE_SHIFT;
}

static void take_pages(void)
{
	itt = host_alloc(PAGE_SIZE);
	itt2 = host_alloc(PAGE_SIZE);
	vpt = host_alloc(SZ_64K);
	vpt2 = host_alloc(SZ_64K);
	vconf = host_alloc(SZ_64K);
	l2 = host_alloc(PAGE_SIZE);
	chunk = host_alloc(PAGE_SIZE);
}

static void offer(u32 its, u32 id)
{
	host_offer(&its_of[its], 0, id, l2, chunk);
}

/* An L2 page and its chunk, for what is to be mapped before. */
static void offer_new(u32 its, u32 id)
{
	host_offer(&its_of[its], 0, id, host_alloc(PAGE_SIZE), host_alloc(PAGE_SIZE));
}

static void gives_to_guest(u64 phys)
{
	own_host_to_guest(pfn_of(phys - ram_phys));
}

static void shares(u64 phys)
{
	cpu_step();
	hosts_own++;
	__pkvm_host_share_hyp(pfn_of(phys));
	hosts_own--;
}

static void unshares(u64 phys)
{
	cpu_step();
	hosts_own++;
	__pkvm_host_unshare_hyp(pfn_of(phys));
	hosts_own--;
}

static u32 nr_devices(void)
{
	u32 i, nr = 0;

	for (i = 0; i < nr_hw; i++)
		nr += its_of[i].hw.owned ? its_of[i].el2->stats.devices : 0;

	return nr;
}

static u32 nr_vpes(void)
{
	u32 i, nr = 0;

	for (i = 0; i < nr_hw; i++)
		nr += its_of[i].hw.owned ? its_of[i].el2->stats.vpes : 0;

	return nr;
}

static void then_one_device(void)
{
	check(nr_devices() == 1, "%u of two ITSs have a device mapped to one page", nr_devices());
}

static void then_two_devices(void)
{
	check(nr_devices() == 2, "%u devices are mapped, of two", nr_devices());
}

static void then_no_vpe(void)
{
	check(!nr_vpes(), "%u vPEs are mapped, of none", nr_vpes());
}

static void then_one_vpe(void)
{
	check(nr_vpes() == 1, "%u vPEs are mapped, of one", nr_vpes());
}

static void then_two_vpes(void)
{
	check(nr_vpes() == 2, "%u vPEs are mapped, of two", nr_vpes());
}

/* Command against command. */

static void prepare_two_devices(void)
{
	take_pages();
	offer(0, 3);
	mapd(0, 0, 3, itt);
	mapd(0, 1, 4, itt2);
}

static void prepare_one_device(void)
{
	prepare_two_devices();
	mapd(0, 0, 3, itt);
}

/* The same slot, while EL2 may be reading it. */
static void other_device(void)
{
	mapd(0, 0, 4, itt2);
	cpu_step();
	posts(0, 1);
}

static void prepare_itt_twice(void)
{
	take_pages();
	offer(0, 3);
	offer_new(1, 3);
	mapd(0, 0, 3, itt);
	mapd(1, 0, 3, itt);
}

static void prepare_itt_as_l2(void)
{
	take_pages();
	offer_new(0, 3);
	host_offer(&its_of[1], 0, 3, itt, chunk);
	mapd(0, 0, 3, itt);
	mapd(1, 0, 3, itt2);
}

static void prepare_unmap(void)
{
	take_pages();
	offer(0, 3);
	mapd(0, 0, 3, itt);
	posts(0, 1);
	mapd(0, 1, 3, 0);
	sync_cmd(0, 2);
	mapd(0, 3, 3, itt);
}

static void first_its_posts_1(void) { posts(0, 1); }
static void first_its_posts_2(void) { posts(0, 2); }
static void first_its_posts_3(void) { posts(0, 3); }
static void first_its_posts_4(void) { posts(0, 4); }
static void second_its_posts_1(void) { posts(1, 1); }
static void second_its_posts_2(void) { posts(1, 2); }
static void second_its_posts_3(void) { posts(1, 3); }

static void disables_and_enables(void)
{
	host_mmio(&its_of[0], CTLR, 4, true, 0);
	cpu_step();
	host_mmio(&its_of[0], CTLR, 4, true, ENABLED);
}

/* A command that is refused, a SYNC in its place, and EL2 told of it. */
static void prepare_refused(void)
{
	take_pages();
	offer(0, 3);
	mapd(0, 0, 3, vpt + 1);
	posts(0, 1);
	mapd(0, 1, 3, itt);
}

static void replaces_refused(void)
{
	sync_cmd(0, 0);
	cpu_step();
	host_mmio(&its_of[0], CWRITER, 8, true, CMD_SIZE | RETRY);
}

/* A vPE of two ITSs. */

static void prepare_vpe_twice(void)
{
	take_pages();
	vmapp(0, 0, 1, vpt, vconf, true);
	vmapp(1, 0, 1, vpt, vconf, false);
}

/* The first one takes its time. */
static void prepare_vpe_slow(void)
{
	prepare_vpe_twice();
	its_of[0].hw.slow = 2;
}

static void prepare_vpe_both_new(void)
{
	take_pages();
	vmapp(0, 0, 1, vpt, vconf, true);
	vmapp(1, 0, 1, vpt, vconf, true);
}

static void prepare_vpe_differs(void)
{
	take_pages();
	vmapp(0, 0, 1, vpt, vconf, true);
	vmapp(1, 0, 1, vpt2, vconf, true);
}

static void prepare_vpts_crossed(void)
{
	take_pages();
	vmapp(0, 0, 1, vpt, vconf, true);
	vmapp(1, 0, 2, vpt, vconf, true);
}

/* On the first ITS it is mapped, and unmapped while the second one maps it. */
static void prepare_unmap_and_map(void)
{
	prepare_vpe_twice();
	posts(0, 1);
	vunmapp(0, 1, 1, true);
	vsync(0, 2, 1);
}

/* GICv4.1: each of them says that no other ITS has it mapped. */
static void prepare_unmap_and_map_alloc(void)
{
	prepare_unmap_and_map();
	vmapp(1, 0, 1, vpt, vconf, true);
}

static void prepare_two_unmaps(void)
{
	prepare_vpe_twice();
	posts(0, 1);
	posts(1, 1);
	vunmapp(0, 1, 1, false);
	vsync(0, 2, 1);
	vunmapp(1, 1, 1, false);
	vsync(1, 2, 1);
}

/* GICv4.1: the second one says that it is the last, and is right if it is. */
static void prepare_two_unmaps_alloc(void)
{
	prepare_two_unmaps();
	vunmapp(1, 1, 1, true);
}

static void prepare_move(void)
{
	prepare_two_unmaps();
	cmd(1, 1, VMOVP, 1ULL << 32 | 3, RDBASE, 0);
}

/* Pages of the host's that a command names. */

static void itt_to_guest(void) { gives_to_guest(itt); }
static void l2_to_guest(void) { gives_to_guest(l2); }
static void vpt_to_guest(void) { gives_to_guest(vpt); }
static void vconf_to_guest(void) { gives_to_guest(vconf); }

static void itt_shared(void)
{
	shares(itt);
	unshares(itt);
}

static void chunk_shared(void)
{
	shares(chunk);
	unshares(chunk);
}

static void vpt_shared(void)
{
	shares(vpt);
	unshares(vpt);
}

/* The last page of what EL2 shares page by page. */
static u64 end_of_vconf(void)
{
	return vconf + BIT(14) - 1;
}

static void vconf_shared(void)
{
	shares(end_of_vconf());
	unshares(end_of_vconf());
}

static void vconf_unshared(void)
{
	unshares(vconf);
	unshares(end_of_vconf());
}

static void vconf_unshared_and_given(void)
{
	unshares(vconf);
	vconf_to_guest();
}

/* As they are at first, a device with an L2 page of its own. */
static void prepare_device(void)
{
	take_pages();
	offer(0, 3);
	mapd(0, 0, 3, itt);
}

static void prepare_device_unmap(void)
{
	prepare_device();
	posts(0, 1);
	mapd(0, 1, 3, 0);
	sync_cmd(0, 2);
}

static void prepare_vpe(void)
{
	take_pages();
	vmapp(0, 0, 1, vpt, vconf, true);
}

static void prepare_vpe_unmap(void)
{
	prepare_vpe();
	posts(0, 1);
	if (!(scenario->typer & BIT_ULL(40))) {
		host_load(1, vconf);
		host_put(&rdists[0]);
	}
	vunmapp(0, 1, 1, true);
	vsync(0, 2, 1);
}

/* A vPE made resident, unmapped, synchronised, put. */

static void loads_vpe(void) { host_load(1, vconf); }
static void puts_vpe(void) { host_put(&rdists[0]); }

static void prepare_mapped(void)
{
	take_pages();
	vmapp(0, 0, 1, vpt, vconf, true);
	posts(0, 1);
	vunmapp(0, 1, 1, true);
	vsync(0, 2, 1);
}

static void prepare_mapped_lag(void)
{
	prepare_mapped();
	rdists[0].lag = rdists[1].lag = 1;
}

static void prepare_resident(void)
{
	prepare_mapped();
	host_load(1, vconf);
	check(rdists[0].vpendbaser & VALID, "vPE 1 is not resident");
}

static void prepare_resident_lag(void)
{
	prepare_resident();
	rdists[0].lag = rdists[1].lag = 1;
}

/* Unmapped, and the ITS waits for its VSYNC. */
static void prepare_leaving(void)
{
	prepare_mapped();
	posts(0, 2);
}

static void prepare_resident_leaving(void)
{
	prepare_resident();
	posts(0, 2);
}

static void prepare_mapped_twice(void)
{
	take_pages();
	vmapp(0, 0, 1, vpt, vconf, true);
	posts(0, 1);
	vmapp(1, 0, 1, vpt, vconf, false);
	posts(1, 1);
	vunmapp(0, 1, 1, false);
	vsync(0, 2, 1);
	vunmapp(1, 1, 1, true);
	vsync(1, 2, 1);
}

/* On one ITS it is, on the other it is about to be. */
static void prepare_map_elsewhere(void)
{
	take_pages();
	vmapp(0, 0, 1, vpt, vconf, true);
	posts(0, 1);
	vmapp(1, 0, 1, vpt, vconf, false);
}

static void loads_and_puts(void)
{
	host_load(1, vconf);
	cpu_step();
	host_put(&rdists[0]);
}

static void puts_and_loads(void)
{
	host_put(&rdists[0]);
	cpu_step();
	host_load(1, vconf);
}

static void puts_and_looks(void)
{
	host_put(&rdists[0]);
	looks(0);
}

static void unmaps_and_maps_again(void)
{
	posts(0, 3);
	vmapp(0, 3, 1, vpt2, vconf, true);
	cpu_step();
	posts(0, 4);
}

static void unmaps_and_gives(void)
{
	posts(0, 3);
	vpt_to_guest();
}

/* A hand-over that fails. */

static void prepare_handover(void)
{
	take_pages();
	mapd(0, 0, 3, itt);
	vmapp(0, 1, 1, vpt, vconf, true);
	host_setup_its(1);
}

static void hands_over(void)
{
	handed_over = host_hand_over(1, fail_at);
}

static void hands_rdists_over(void)
{
	handed_over = host_hand_rdists_over(fail_at);
}

/* To one that is EL2's already, as if stage 2 was in force. */
static void accesses_first_its(void)
{
	posts(0, 2);
	cpu_step();
	host_mmio(&its_of[0], CTLR, 4, false, 0);
}

static void accesses_rdist(void)
{
	host_rdist_mmio(&rdists[1], GICR_INVALL, 8, 0);
	cpu_step();
	host_load(1, vconf);
}

/* To that which is handed over, where there is no stage 2 yet. */
static void accesses_second_its(void)
{
	struct hw_its *hw = &its_of[1].hw;

	cpu_step();
	hw_read(hw, CTLR, 4);
	cpu_step();
	hw_read(hw, CREADR, 8);
	cpu_step();
	hw_msi(hw, 3, 0);
}

static void accesses_rdists(void)
{
	cpu_step();
	rdist_read(rdists[0].phys, 4);
	cpu_step();
	rdist_lpi(&rdists[1], 8192, false);
}

static void uses_other_pages(void)
{
	vconf_shared();
	vpt_to_guest();
}

#define TWO(a, b)	{ a, b }

static const struct scenario scenarios[] = {
	/* Command against command. */
	{ "map-map", "one ITS maps two devices, with one L2 page", .nr_its = 1,
	  .prepare = prepare_two_devices, .cpu = TWO(first_its_posts_1, first_its_posts_2),
	  .then = then_two_devices },
	{ "send-send", "the same, by hypercalls", .nr_its = 1, .sends = true,
	  .prepare = prepare_two_devices, .cpu = TWO(first_its_posts_1, first_its_posts_2),
	  .then = then_two_devices },
	{ "send-unmap", "one ITS unmaps a device, and maps it again, by hypercalls", .nr_its = 1,
	  .sends = true, .prepare = prepare_unmap, .cpu = TWO(first_its_posts_3, first_its_posts_4) },
	{ "send-disable", "a command by hypercall, and its ITS disabled and enabled", .nr_its = 1,
	  .sends = true, .prepare = prepare_device, .cpu = TWO(first_its_posts_1, disables_and_enables) },
	{ "map-replace", "a command, and another written over it", .nr_its = 1,
	  .prepare = prepare_one_device, .cpu = TWO(first_its_posts_1, other_device) },
	{ "map-unmap", "one ITS unmaps a device, and maps it again", .nr_its = 1,
	  .prepare = prepare_unmap, .cpu = TWO(first_its_posts_3, first_its_posts_4) },
	{ "map-disable", "a command, and its ITS disabled and enabled", .nr_its = 1,
	  .prepare = prepare_device, .cpu = TWO(first_its_posts_1, disables_and_enables) },
	{ "map-retry", "a command, and the one before it refused and replaced", .nr_its = 1,
	  .prepare = prepare_refused, .cpu = TWO(first_its_posts_2, replaces_refused) },
	{ "itt-twice", "two ITSs are given one page as an ITT", .nr_its = 2,
	  .prepare = prepare_itt_twice, .cpu = TWO(first_its_posts_1, second_its_posts_1),
	  .then = then_one_device },
	{ "itt-l2", "two ITSs are given one page, as an ITT and as an L2 page", .nr_its = 2,
	  .prepare = prepare_itt_as_l2, .cpu = TWO(first_its_posts_1, second_its_posts_1),
	  .then = then_one_device },
	{ "vpe-map-map", "GICv4.0: two ITSs map a vPE", V40, .nr_its = 2,
	  .prepare = prepare_vpe_twice, .cpu = TWO(first_its_posts_1, second_its_posts_1),
	  .then = then_two_vpes },
	{ "vpe-differs", "GICv4.0: two ITSs map a vPE, to two VPTs", V40, .nr_its = 2,
	  .prepare = prepare_vpe_differs, .cpu = TWO(first_its_posts_1, second_its_posts_1),
	  .then = then_one_vpe },
	{ "vpes-one-vpt", "GICv4.0: two ITSs map two vPEs, to one VPT", V40, .nr_its = 2,
	  .prepare = prepare_vpts_crossed, .cpu = TWO(first_its_posts_1, second_its_posts_1),
	  .then = then_one_vpe },
	{ "vpe-unmap-map", "GICv4.0: one ITS unmaps a vPE, another maps it", V40, .nr_its = 2,
	  .prepare = prepare_unmap_and_map, .cpu = TWO(first_its_posts_3, second_its_posts_1),
	  .then = then_one_vpe },
	{ "vpe-unmap-unmap", "GICv4.0: two ITSs unmap a vPE", V40, .nr_its = 2,
	  .prepare = prepare_two_unmaps, .cpu = TWO(first_its_posts_3, second_its_posts_3),
	  .then = then_no_vpe },
	{ "vpe-move", "GICv4.0: one ITS unmaps a vPE, another moves it on both", V40, .nr_its = 2,
	  .prepare = prepare_move, .cpu = TWO(first_its_posts_3, second_its_posts_2),
	  .then = then_one_vpe },
	{ "vpe-alloc-alloc", "GICv4.1: two ITSs map a vPE, each as the first", V41, RDIST_RVPEID,
	  .nr_its = 2, .prepare = prepare_vpe_both_new,
	  .cpu = TWO(first_its_posts_1, second_its_posts_1), .then = then_one_vpe },
	{ "vpe-alloc-unmap", "GICv4.1: two ITSs unmap a vPE, one as the last", V41, RDIST_RVPEID,
	  .nr_its = 2, .prepare = prepare_two_unmaps_alloc,
	  .cpu = TWO(first_its_posts_2, second_its_posts_2) },
	{ "vpe-one-table", "GICv4.1: two ITSs with one vPE table map a vPE", V41_SHARED, RDIST_RVPEID,
	  .nr_its = 2, .prepare = prepare_vpe_twice,
	  .cpu = TWO(first_its_posts_1, second_its_posts_1) },

	{ "v41-unmap-map", "GICv4.1: one ITS unmaps a vPE, another maps it", V41, RDIST_RVPEID,
	  .nr_its = 2, .prepare = prepare_unmap_and_map_alloc,
	  .cpu = TWO(first_its_posts_2, second_its_posts_1) },
	{ "vpe-slow", "GICv4.1: two ITSs map a vPE, the first one is slow", V41, RDIST_RVPEID,
	  .nr_its = 2, .prepare = prepare_vpe_slow,
	  .cpu = TWO(first_its_posts_1, second_its_posts_1) },

	/* Command against donate, share and unshare of the same page. */
	{ "map-give-itt", "a device is mapped, its ITT given to a guest", .nr_its = 1,
	  .prepare = prepare_device, .cpu = TWO(first_its_posts_1, itt_to_guest) },
	{ "map-share-itt", "a device is mapped, its ITT shared and unshared", .nr_its = 1,
	  .prepare = prepare_device, .cpu = TWO(first_its_posts_1, itt_shared) },
	{ "map-give-l2", "a device is mapped, its L2 page given to a guest", .nr_its = 1,
	  .prepare = prepare_device, .cpu = TWO(first_its_posts_1, l2_to_guest) },
	{ "map-share-chunk", "a device is mapped, EL2's records of it shared and unshared", .nr_its = 1,
	  .prepare = prepare_device, .cpu = TWO(first_its_posts_1, chunk_shared) },
	{ "unmap-give-itt", "a device is unmapped, its ITT given to a guest", .nr_its = 1,
	  .prepare = prepare_device_unmap, .cpu = TWO(first_its_posts_3, itt_to_guest) },
	{ "unmap-share-itt", "a device is unmapped, its ITT shared and unshared", .nr_its = 1,
	  .prepare = prepare_device_unmap, .cpu = TWO(first_its_posts_3, itt_shared) },
	{ "vmap-give-vpt", "GICv4.1: a vPE is mapped, its VPT given to a guest", V41, RDIST_RVPEID,
	  .nr_its = 1, .prepare = prepare_vpe, .cpu = TWO(first_its_posts_1, vpt_to_guest) },
	{ "vmap-share-vpt", "GICv4.1: a vPE is mapped, its VPT shared and unshared", V41, RDIST_RVPEID,
	  .nr_its = 1, .prepare = prepare_vpe, .cpu = TWO(first_its_posts_1, vpt_shared) },
	{ "vmap-share-vconf", "GICv4.1: a vPE is mapped, its configuration shared and unshared", V41,
	  RDIST_RVPEID, .nr_its = 1, .prepare = prepare_vpe,
	  .cpu = TWO(first_its_posts_1, vconf_shared) },
	{ "vmap-unshare-vconf", "GICv4.1: a vPE is mapped, its configuration unshared", V41,
	  RDIST_RVPEID, .nr_its = 1, .prepare = prepare_vpe,
	  .cpu = TWO(first_its_posts_1, vconf_unshared) },
	{ "vmap-give-vconf", "GICv4.1: a vPE is mapped, its configuration given to a guest", V41,
	  RDIST_RVPEID, .nr_its = 1, .prepare = prepare_vpe,
	  .cpu = TWO(first_its_posts_1, vconf_unshared_and_given) },
	{ "vunmap-give-vpt", "GICv4.0: a vPE is unmapped, its VPT given to a guest", V40, .nr_its = 1,
	  .prepare = prepare_vpe_unmap, .cpu = TWO(first_its_posts_3, vpt_to_guest) },
	{ "vunmap-share-vconf", "GICv4.0: a vPE is unmapped, its configuration shared and unshared",
	  V40, .nr_its = 1, .prepare = prepare_vpe_unmap,
	  .cpu = TWO(first_its_posts_3, vconf_shared) },
	{ "vunmap-give-vconf", "GICv4.1: a vPE is unmapped, its configuration given to a guest", V41,
	  RDIST_RVPEID, .nr_its = 1, .prepare = prepare_vpe_unmap,
	  .cpu = TWO(first_its_posts_2, vconf_unshared_and_given) },
	{ "load-unshare-vconf", "GICv4.0: a vPE is made resident, its configuration unshared", V40,
	  .nr_its = 1, .prepare = prepare_mapped, .cpu = TWO(loads_vpe, vconf_unshared) },
	{ "load-give-vconf", "GICv4.0: a vPE is made resident, its configuration given to a guest", V40,
	  .nr_its = 1, .prepare = prepare_mapped, .cpu = TWO(loads_vpe, vconf_unshared_and_given) },

	/* A hand-over that fails against accesses of the host. */
	{ "handover-its", "a hand-over fails, the ITS before it maps a device and a vPE", V40, .nr_its = 2,
	  .flat = true, .fails = true, .prepare = prepare_handover,
	  .cpu = TWO(hands_over, accesses_first_its) },
	{ "handover-rdist", "a hand-over fails, a redistributor invalidates", V40, .nr_its = 2,
	  .flat = true, .fails = true, .prepare = prepare_handover,
	  .cpu = TWO(hands_over, accesses_rdist) },
	{ "handover-same", "a hand-over fails, its ITS is read, and gets an MSI", V40, .nr_its = 2,
	  .flat = true, .fails = true, .prepare = prepare_handover,
	  .cpu = TWO(hands_over, accesses_second_its) },
	{ "handover-pages", "a hand-over fails, other pages are shared, unshared and given away", V40,
	  .nr_its = 2, .flat = true, .fails = true, .prepare = prepare_handover,
	  .cpu = TWO(hands_over, uses_other_pages) },
	{ "handover-l1", "the same as the first, with first levels and one preemption", V40, .nr_its = 2,
	  .fails = true, .bound = 1, .prepare = prepare_handover,
	  .cpu = TWO(hands_over, accesses_first_its) },
	{ "handover-rdists", "the hand-over of redistributors fails, they are read, and get an LPI", V40,
	  .flat = true, .fails = true, .prepare = take_pages,
	  .cpu = TWO(hands_rdists_over, accesses_rdists) },

	/* Load against unmap against VSYNC against put. */
	{ "load-unmap", "GICv4.0: a vPE is made resident, and unmapped", V40, .nr_its = 1,
	  .prepare = prepare_mapped, .cpu = TWO(loads_vpe, first_its_posts_2) },
	{ "load-unmap-vsync", "GICv4.0: the same, with a VSYNC", V40, .nr_its = 1,
	  .prepare = prepare_mapped, .cpu = TWO(loads_vpe, first_its_posts_3) },
	{ "load-vsync", "GICv4.0: a vPE that is unmapped is made resident before its VSYNC", V40,
	  .nr_its = 1, .prepare = prepare_leaving, .cpu = TWO(loads_vpe, first_its_posts_3) },
	{ "load-put", "GICv4.0: a vPE is made resident, and put", V40, .nr_its = 1,
	  .prepare = prepare_mapped, .cpu = TWO(loads_vpe, puts_vpe) },
	{ "load-put-unmap", "GICv4.0: a vPE is made resident and put, and unmapped", V40, .nr_its = 1,
	  .prepare = prepare_mapped_lag, .cpu = TWO(loads_and_puts, first_its_posts_3) },
	{ "put-unmap", "GICv4.0: a vPE that is resident is put, and unmapped", V40, .nr_its = 1,
	  .prepare = prepare_resident, .cpu = TWO(puts_and_looks, first_its_posts_3) },
	{ "put-unmap-lag", "GICv4.0: the same, and the redistributor is busy for a while", V40,
	  .nr_its = 1, .prepare = prepare_resident_lag,
	  .cpu = TWO(puts_and_looks, first_its_posts_3) },
	{ "put-vsync", "GICv4.0: a vPE that is resident and unmapped is put, and gets its VSYNC", V40,
	  .nr_its = 1, .prepare = prepare_resident_leaving,
	  .cpu = TWO(puts_vpe, first_its_posts_3) },
	{ "put-put", "GICv4.0: a vPE is put by two CPUs, and made resident again", V40, .nr_its = 1,
	  .prepare = prepare_resident, .cpu = TWO(puts_and_loads, puts_vpe) },
	{ "load-load", "GICv4.0: a vPE is made resident on two CPUs", V40, .nr_its = 1,
	  .prepare = prepare_mapped, .cpu = TWO(loads_vpe, loads_vpe) },
	{ "load-map", "GICv4.0: a vPE is made resident, and mapped on another ITS", V40, .nr_its = 2,
	  .prepare = prepare_map_elsewhere, .cpu = TWO(loads_vpe, second_its_posts_1),
	  .then = then_two_vpes },
	{ "load-unmap-one", "GICv4.0: a vPE is made resident, and unmapped on one ITS of two", V40,
	  .nr_its = 2, .prepare = prepare_mapped_twice, .cpu = TWO(loads_vpe, first_its_posts_3),
	  .then = then_one_vpe },
	{ "load-unmap-map", "GICv4.0: a vPE is made resident, unmapped and mapped to another VPT", V40,
	  .nr_its = 1, .prepare = prepare_mapped, .cpu = TWO(loads_vpe, unmaps_and_maps_again) },
	{ "load-unmap-give", "GICv4.0: a vPE is made resident, unmapped, its VPT given to a guest", V40,
	  .nr_its = 1, .prepare = prepare_mapped, .cpu = TWO(loads_vpe, unmaps_and_gives) },
	{ "v41-load-unmap", "GICv4.1: a vPE is made resident, and unmapped", V41, RDIST_RVPEID,
	  .nr_its = 1, .prepare = prepare_mapped, .cpu = TWO(loads_vpe, first_its_posts_2) },
	{ "v41-put-unmap", "GICv4.1: a vPE that is resident is put, and unmapped", V41, RDIST_RVPEID,
	  .nr_its = 1, .prepare = prepare_resident_lag,
	  .cpu = TWO(puts_and_looks, first_its_posts_2) },
	{ "v41-load-unmap-map", "GICv4.1: a vPE is made resident, unmapped and mapped to another VPT",
	  V41, RDIST_RVPEID, .nr_its = 1, .prepare = prepare_mapped,
	  .cpu = TWO(loads_vpe, unmaps_and_maps_again) },
};

/* A machine as the scenario wants it, up to where the two CPUs begin. */
static void prepare(void)
{
	u32 i, nr = scenario->nr_its;

	host_boot_for(scenario->typer, scenario->rdist_typer, nr, scenario->flat);
	if (nr)
		check(host_hand_rdists_over(0), "the redistributors cannot be handed over");
	for (i = 0; i < (scenario->fails ? min(nr, 1U) : nr); i++) {
		host_setup_its(i);
		check(host_hand_over(i, 0), "an ITS cannot be handed over");
	}
	if (!scenario->fails)
		host_end_boot();
	scenario->prepare();
	check_all();
}

/* All schedules that begin here; the process ends with the last of them. */
static void run_both(void)
{
	u32 i;

	cpu_run_scheduled(first_cpu);
	check_all();
	count->handed_over |= handed_over;
	if (scenario->fails && scenario->nr_its)
		deprivileged = true;
	for (i = 0; i < nr_hw; i++) {
		if (its_of[i].hw.owned && deprivileged)
			host_settle(&its_of[i]);
	}
	if (scenario->then)
		scenario->then();
	check_teardown();
	count->ended++;
	count->steps += step;
	if (!replaying)
		_exit(0);
}

static void count_from_0(void)
{
	count = mmap(NULL, sizeof(*count), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	check(count != MAP_FAILED, "no memory to count");
}

/* "FIRST[,STEP[,STEP]][:TRANSITION]", as schedule_failed() has it. */
static void replay(const char *schedule)
{
	char *end;

	count_from_0();
	replaying = true;
	first_cpu = strtoul(schedule, &end, 0);
	while (*end == ',' && nr_preemptions < MAX_PREEMPTIONS)
		preempted_at[nr_preemptions++] = strtoul(end + 1, &end, 0);
	if (*end == ':')
		fail_at = strtoul(end + 1, NULL, 0);
	prepare();
	run_both();
	printf("nothing fails in %u steps\n", step);
}

/* In a process that ends with the last of them: EL2 starts anew in each. */
static void try_all(void)
{
	int status;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (!pid) {
		prepare();
		for (first_cpu = 0; first_cpu < NR_CPUS; first_cpu++) {
			if (begin_other())
				run_both();
		}
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || status)
		_exit(1);
}

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);

	return now.tv_sec + now.tv_nsec / 1e9;
}

/* In a process of its own. */
static int explore(void)
{
	double from = seconds();

	count_from_0();
	fail_at = scenario->fails;
	do {
		try_all();
	} while (scenario->fails && !count->handed_over && fail_at++);

	printf("%s: %s: %llu schedules of up to %u preemptions, %llu steps, %llu left, %.1f s\n",
	       scenario->name, scenario->what, count->ended, bound(), count->steps,
	       count->begun - count->ended, seconds() - from);
	fflush(stdout);

	return count->begun != count->ended;
}

/* Waits for one of them. */
static bool one_failed(void)
{
	int status;

	return wait(&status) < 0 || status;
}

int schedule_main(const char *name, const char *schedule, u32 nr_processes)
{
	u32 i, nr = 0, running = 0, failed = 0;

	cpu_first_switch();
	for (i = 0; i < ARRAY_SIZE(scenarios); i++) {
		if (name && strcmp(name, scenarios[i].name))
			continue;
		nr++;
		if (schedule) {
			scenario = &scenarios[i];
			replay(schedule);
			continue;
		}
		if (running == max(nr_processes, 1U)) {
			failed += one_failed();
			running--;
		}
		running++;
		fflush(NULL);
		if (!fork()) {
			scenario = &scenarios[i];
			_exit(explore());
		}
	}
	for (; running; running--)
		failed += one_failed();
	if (!schedule)
		printf("%u scenarios, %u failed\n", nr, failed);

	return failed || !nr;
}
