/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef MODEL_H
#define MODEL_H

#include "shim/kernel.h"

/* The input: every choice of the adversary comes from here. Zeroes at the end. */
u8 in_u8(void);
u64 in_u64(void);
u32 in_below(u32 n);
bool in_one_of(u32 n);
u32 in_rest(void);
bool in_done(void);

/* Memory and who owns it: own.c. */
#define RAM_SIZE	(PAGE_SHIFT == 12 ? 16ULL << 20 : 32ULL << 20)
#define NR_PAGES	(RAM_SIZE >> PAGE_SHIFT)

enum state { OWNED, SHARED_OWNED, SHARED_BORROWED, NOPAGE };

struct page {
	u8	host;		/* enum state */
	u8	hyp;		/* enum state */
	u16	pins;		/* by what is tested */
	u16	others;		/* by the rest of EL2 */
	bool	guest;
	bool	secret;		/* EL2's since before the host ran */
	bool	used;		/* the driver has a use for it */
	bool	scratch;	/* for EL2: what is in it need not come back */
	bool	by_el2;		/* shared by EL2 itself, for a table */
	bool	dirty;
};

extern struct page pages[NR_PAGES];
extern u64 ram_phys, secret_phys;
extern bool deprivileged;

void own_reset(u64 phys);
bool is_ram(u64 phys, u64 size);
struct page *page_of(u64 phys);
bool page_is_el2(const struct page *page);
u32 own_count_el2(void);
bool host_can_write(u64 phys, u64 size);
u64 ram_read(u64 phys);
void ram_write(u64 phys, u64 val);
void ram_zero(u64 phys, u64 size);
bool ram_is_zero(u64 phys, u64 size);
u64 ram_hash(u64 phys, u64 size);
bool own_host_to_guest(u64 pfn);
void own_guest_to_host(u64 pfn);
void own_log_start(void);
void own_log_check(void);
void own_entry(void);
extern bool in_handover;
extern unsigned int nr_locks_held[NR_CPUS];
extern u32 hosts_own;

/* Two CPUs, of which the second steps in while the first is in EL2: cpu.c. */
void cpu_reset(void);
void cpu_set(u32 cpu);
void cpu_start_second_in(u32 nr);
bool cpu_is_second(void);
void cpu_enter_el2(void);
void cpu_leave_el2(void);
void cpu_wait(const bool *held);
void cpu_finish(void);
bool cpu_other_in_el2(void);

/* Or both are tried at each step: schedule.c says, and cpu.c does it. */
bool cpu_is_scheduled(void);
void cpu_in_hardware(bool in);
void cpu_step(void);
void cpu_run_scheduled(u32 first);
void cpu_first_switch(void);
bool schedule_preempts(void);
void schedule_cpu(u32 cpu);
bool schedule_failed(void);
int schedule_main(const char *name, const char *schedule, u32 nr_processes);

/* An ITS as the architecture has it: hw.c. */
#define HW_MAX_DEVICES	512
#define HW_MAX_VPES	1024
#define HW_MAX_TARGETS	8
#define HW_NR_BASER	8
#define HW_LOG		16

struct hw_device {
	u32	id;
	u32	bits;
	u64	itt;
	u32	tag;
	bool	mapped;
	bool	lost;		/* EL2's only: its MAPD was dropped or replaced */
	bool	owed;		/* unmapped, and the host waits for its pages */
	bool	synced;		/* a SYNC came after that */
	u64	synced_at;
	struct {
		u64	itt;
		u32	bits;
		u32	tag;
		bool	mapped;
	} old;			/* what MSIs may find until the next SYNC */
};

struct hw_vpe {
	u32	id;
	u32	bits;
	u64	vpt;
	u64	vconf;
	bool	mapped;
	bool	leaving;	/* unmapped, but no VSYNC yet */
	bool	lost;
	bool	owed;
	bool	synced;
	u64	synced_at;
};

struct hw_cmd {
	u64	dw[4];
};

/*
 * What EL2 has told the ITS since it programmed the queue last. Positions count
 * commands from there; @next and @wrote are their offsets in the queue.
 */
struct hw_queue {
	u64	done;		/* the ITS executed */
	u64	told;		/* the host was told of */
	u32	next;
	u32	wrote;
	bool	lost;		/* firmware let the ITS start anew */
	bool	vague;		/* power failed while EL2 looked */
	struct hw_cmd *seen;	/* what was there when the ITS was told */
};

struct hw_its {
	/* Fixed by the implementation. */
	u64	phys;
	u64	typer;
	u32	ite_size;
	u32	lpi_bits;
	u32	nr_targets;
	u64	targets[HW_MAX_TARGETS];
	bool	holds_devices;	/* the Device table, without a GITS_BASERn for it */
	bool	forgets_devices; /* with its power */

	/* Registers. */
	u32	ctlr;
	u64	cbaser;
	u64	cwriter;
	u64	creadr;
	u64	baser[HW_NR_BASER];
	bool	stalled;
	u32	retrying;	/* polls before GITS_CREADR.Stalled reads 0 */

	/* How it behaves. */
	u32	slow;		/* 0: at once; else one command in that many polls */
	bool	stuck;
	bool	stall_next;
	bool	lazy;		/* unmaps apply to MSIs from the next SYNC on */
	u32	lag;		/* of what it does about GITS_CWRITER.Retry */
	u32	busy;		/* polls of GITS_CTLR before it is quiescent */
	u32	polls;

	/* What it was told, to compare with what memory says. */
	bool	owned;		/* by EL2 */
	bool	vlpis;		/* EL2 was asked to let their commands through */
	u64	executed;
	u64	dropped;
	struct hw_queue q;
	u64	owned_baser[HW_NR_BASER];
	u64	owned_cbaser;
	u32	nr_devices;
	struct hw_device devices[HW_MAX_DEVICES];
	u32	nr_vpes;
	struct hw_vpe vpes[HW_MAX_VPES];
	u64	*l1_seen[HW_NR_BASER];
	u32	nr_l2[HW_NR_BASER];
	u32	*l2_idx[HW_NR_BASER];
};

extern bool power_any, verbose;
extern u64 nr_commands, nr_dma;

void hw_reset(struct hw_its *hw);
u64 hw_read(struct hw_its *hw, u32 offset, u32 width);
void hw_write(struct hw_its *hw, u32 offset, u32 width, u64 val);
void hw_progress(struct hw_its *hw, u32 nr);
void hw_msi(struct hw_its *hw, u32 device, u32 event);
enum firmware { FW_NONE, FW_RESTORES, FW_ENABLES, FW_MAX };

void hw_power_loss(struct hw_its *hw, enum firmware fw);
bool hw_is_off(struct hw_its *hw);
bool hw_is_target(struct hw_its *hw, u64 rdbase);
void hw_wake(struct hw_its *hw);
void hw_look(struct hw_its *hw);
void hw_catch_up(struct hw_its *hw);
void hw_power_fails(struct hw_its *hw);
void hw_handed_over(struct hw_its *hw);
void hw_exec(struct hw_its *hw, struct hw_cmd *cmd);
u32 hw_psz(u64 baser);
u64 hw_base(u64 baser);
u32 hw_esz(u64 baser);
u32 hw_type(u64 baser);
u64 hw_table_size(u64 baser);
u64 hw_queue_base(u64 cbaser);
u32 hw_queue_size(u64 cbaser);
u64 hw_itt_size(struct hw_its *hw, u32 bits);
u64 hw_vpt_size(u32 bits);
struct hw_device *hw_device(struct hw_its *hw, u32 id, bool add);
struct hw_vpe *hw_vpe(struct hw_its *hw, u32 id);
void hw_check_l1(struct hw_its *hw);

/* Redistributors: rdist.c. */
#define MAX_RDISTS	4
#define RDIST_PLPIS	BIT(0)
#define RDIST_VLPIS	BIT(1)
#define RDIST_DIRTY	BIT(2)
#define RDIST_DIRECT_LPI BIT(3)
#define RDIST_LAST	BIT(4)
#define RDIST_RVPEID	BIT(7)
#define RDIST_ENABLE	BIT(0)
#define RDIST_NEVER	UINT_MAX

struct hw_rdist {
	/* Fixed by the implementation, and whether firmware lets software look at it. */
	u64	phys;
	u64	typer;
	bool	accessible;

	/* Registers. */
	u32	ctlr;		/* but for RWP */
	u32	statusr;
	u32	waker;
	u64	propbaser;
	u64	pendbaser;
	u64	vpropbaser;
	u64	vpendbaser;	/* but for Dirty */

	/* GICv4.1: the vPE table, and what it found of the vPE that is resident. */
	struct rdist_vpes *vpes;
	u64	vpt, vconf;
	u32	vpe_bits;

	/* For how many reads RWP and Dirty are 1, and will be; RDIST_NEVER is for ever. */
	u32	rwp, slow_rwp;
	u32	dirty, lag;	/* after Valid was written as 0 */
	u32	scan, slow_scan; /* after Valid was written as 1 */
	bool	unknown;	/* what UNKNOWN is */

	/* What EL2 was told and has seen. */
	bool	owned;
	bool	told_inaccessible;
	bool	told_vlpis;
	bool	lpis;		/* they were enabled */
	u64	owned_propbaser;
	u64	owned_pendbaser;
	u64	owned_vpropbaser; /* GICv4.1, if there is a vPE table */
	u64	*pend;		/* what is in the pending table */
};

/* A vPE table of redistributors, of which two may have the same. */
struct rdist_vpes {
	u64	base, size, shadow;
	u32	psz, esz;
	bool	indirect;
	bool	owned;		/* by EL2 */
	u32	nr_first;	/* L2 pages when it was handed over */
	u64	*seen;		/* the first level */
};

extern struct rdist_vpes rdist_vpes[MAX_RDISTS];
extern struct hw_rdist rdists[MAX_RDISTS];
extern u32 nr_rdists;
extern u64 rdist_offset;	/* by which commands may name them as well */

void rdist_reset(void);
void rdist_forget_vpes(void);
bool rdist_vpes_linked(u32 id);
void rdist_vpes_wrote(u64 phys);
void rdist_vpes_check(void);
u64 rdist_read(u64 phys, u32 width);
void rdist_write(u64 phys, u32 width, u64 val);
void rdist_lpi(struct hw_rdist *rd, u32 intid, bool set);
void rdist_vlpi(u64 vpt, u32 vintid);
void rdist_check_impdef(u64 vpt);
bool rdist_knows_vpt(u64 vpt);
void rdist_new_page(u64 pfn);
void rdist_gives_back(u64 phys, u64 size);
void rdist_work(struct hw_rdist *rd);
void rdist_clean(struct hw_rdist *rd);
void rdist_power_loss(struct hw_rdist *rd, bool restores);
void rdist_handed_over(struct hw_rdist *rd);
bool rdist_has_frame(const struct hw_rdist *rd, u64 phys);
bool rdist_uses_vpt(const struct hw_rdist *rd);
u32 rdist_bits(const struct hw_rdist *rd);
u64 rdist_prop(const struct hw_rdist *rd);
u64 rdist_pend(const struct hw_rdist *rd);
u64 rdist_pend_size(const struct hw_rdist *rd);
u64 rdist_name(const struct hw_rdist *rd, bool pta);
struct hw_rdist *rdist_of_target(u64 rdbase, bool pta);

static inline u64 rdist_vpt(const struct hw_rdist *rd)
{
	return rd->typer & RDIST_RVPEID ? rd->vpt : rd->vpendbaser & GENMASK_ULL(51, 16);
}

static inline u64 rdist_vconf(const struct hw_rdist *rd)
{
	return rd->typer & RDIST_RVPEID ? rd->vconf : rd->vpropbaser & GENMASK_ULL(51, 12);
}

static inline bool rdist_is_v41(const struct hw_rdist *rd)
{
	return rd->typer & RDIST_RVPEID;
}

/* The host: host.c. */
#define MAX_ITS		3

struct hyp_its;

struct host_its {
	struct hw_its	hw;
	int		nr;		/* EL2's number, -1 before */
	struct hyp_its	*el2;
	u64		state_phys;
	u64		state_size;
	u64		queue;
	u64		shadow_queue;
	u64		shadow[HW_NR_BASER];
	u64		records[HW_NR_BASER];	/* or where the chunks of them are; of an ITS
						   that holds its Device table the first */
	u64		*chunks[HW_NR_BASER];	/* those that EL2 was seen to have */
	u32		ids[24];
	u32		nr_premapped;
	u32		suspended;
	struct host_its	*sharer;	/* the ITS that brought its vPE table, if another did */
};

extern struct host_its its_of[MAX_ITS];
u64 host_chunk_size(u64 baser);
u64 host_records_size(u64 baser);
u64 host_held_size(struct hw_its *hw);
u64 host_shadow_size(u64 baser);
extern u32 nr_hw;
extern u64 gic_typer;
extern u32 nr_vpe_records;	/* of each vPE, beside an entry of a table */
extern u64 rdist_state, rdist_state_size;
extern bool rdists_owned;

struct summary {
	u64	actions, episodes, handovers, refused_handovers, mmio, sends, posted, refused;
	u64	mapped, unmapped, vpes, vlpis, msis, old, toctou, races, l2, power, deep, multi;
	u64	restored, suspends, settled, late, stalls, borrowed, mailboxes, held;
	u64	rdists, refused_rdists, lpis, loads, refused_loads, puts, resident_vlpis;
	u64	rdist_mmio, rdist_power, cpus;
};

extern struct summary sum;

/* What EL2 did since the host called it last. */
struct entry {
	u32	cmds, reads;
	u64	bytes, cleared;
	u32	consumed[MAX_ITS], posted[MAX_ITS];
	bool	dropped;
	bool	suspending;
	bool	may_wait;
	u32	others;		/* entries of the other CPU meanwhile */
};

extern struct entry entry;

void host_run(u64 max_actions);
struct hw_its *host_hw(u64 phys);

/* What schedule.c lets a host do. */
void host_boot_for(u64 typer, u32 rdist_typer, u32 nr_its, bool flat);
bool host_hand_rdists_over(u32 fail_at);
void host_setup_its(u32 nr);
bool host_hand_over(u32 nr, u32 fail_at);
void host_end_boot(void);
u64 host_alloc(u64 size);
void host_offer(struct host_its *hi, u32 nr, u32 id, u64 l2, u64 chunk);
void host_cmd(struct host_its *hi, u32 slot, const u64 *dw);
u64 host_post(struct host_its *hi, u32 slots, bool by_hypercall);
u64 host_mmio(struct host_its *hi, u32 offset, u8 width, bool write, u64 data);
void host_rdist_mmio(struct hw_rdist *rd, u32 offset, u8 width, u64 data);
int host_load(u32 id, u64 vconf);
void host_put(struct hw_rdist *rd);
void host_settle(struct host_its *hi);

/* Called where another CPU of the host, a device or the ITS can step in. */
void adversary_race(u64 pfn, u64 nr);
void adversary_read(u64 phys);
void adversary_poll(struct hw_its *hw);
void adversary_cpu(void);
bool adversary_fails(void);

/* The invariants: check.c. */
void check_all(void);
void check_new_records(struct host_its *hi);
void check_new_l2(struct hw_its *hw, u32 nr, u32 idx);
void check_told(struct host_its *hi, u64 creadr);
void check_suspended(struct host_its *hi);
void check_settled(struct host_its *hi);
bool el2_itt(struct hw_its *hw, u32 id, u64 *itt, u64 *size);
u64 el2_vpt(struct hw_its *hw, u32 id);
bool el2_vconf(struct hw_its *hw, u32 id, u64 *vconf);
bool el2_vpe_is_mapped(u32 id);
u32 el2_consumed(struct hw_its *hw);
bool hw_pending(struct hw_its *hw, u32 op, u32 id, bool valid);
void check_live(void);
void check_teardown(void);

#define check(cond, fmt, ...) do {				\
	if (!(cond))						\
		model_fail(fmt, ##__VA_ARGS__);			\
} while (0)

#endif /* MODEL_H */
