/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __ARM64_KVM_NVHE_ITS_SELFTEST_H__
#define __ARM64_KVM_NVHE_ITS_SELFTEST_H__

#include <nvhe/its_emulate.h>
#include <nvhe/its_rdist.h>

extern u64 its_selftest_nr_checks;

#define check(cond)				\
	do {					\
		its_selftest_nr_checks++;	\
		WARN_ON(!(cond));		\
	} while (0)

#define ITS_VALID		BIT_ULL(63)
#define ITS_DEV(id, op)		((u64)(id) << 32 | (op))
#define ITS_EVENT(intid, event)	((u64)(intid) << 32 | (event))

/* With GITS_TYPER.SVPET so many fake ITSs have the same vPE table. */
#define ITS_FAKE_NR_SVPET	2

/**
 * struct its_fake - an ITS whose registers are memory of EL2's
 * @regs:	Its registers.
 * @state:	Memory for @its.
 * @data:	Memory for @desc, with two devices.
 * @its:	EL2's state.
 * @desc:	The description.
 * @dev:	The device that is mapped at set-up.
 * @slow:	It does not execute commands at once.
 * @psz:	Page size of the ITS.
 * @unit:	That or PAGE_SIZE, if that is more: everything begins at one.
 * @new_l2:	A page for a MAPD: an L2 page of the Device table,
 * @new_chunk:	the chunk with EL2's records for it,
 * @new_itt:	and an ITT.
 * @needed:	From here on the memory is what set-up takes.
 */
struct its_fake {
	u64			regs[SZ_512 / sizeof(u64)];
	u64			state[sizeof(struct hyp_its) / sizeof(u64) + 1];
	u64			data[sizeof(struct its_handover) / sizeof(u64) + 4];
	struct hyp_its		*its;
	struct its_handover	*desc;
	struct its_handover_device *dev;
	bool			slow;
	u32			psz, unit;
	u64			new_l2, new_chunk, new_itt, needed;
};

extern struct its_fake its_fake;

/*
 * The arena, [its_arena, its_arena_end) of which is allocated: by any number of
 * its_arena_alloc(), zeroed. Then its_arena_return() makes it the host's; and
 * its_arena_donate(), which panics unless it is the host's alone, ends that and
 * frees all of it. its_arena_check() panics unless the state of each page is what
 * it was at its_arena_save().
 */
extern u64 its_arena, its_arena_end;

u64 *its_arena_word(u64 phys);
u64 its_arena_alloc(u64 size, u64 align);
void its_arena_save(void);
void its_arena_check(void);
void its_arena_return(void);
void its_arena_donate(void);

/* Donate or share a page, so that a test fails, and save; check, and undo that. */
void its_block_page(u64 phys, bool share);
void its_unblock_page(u64 phys, bool share);

/* Lay out an ITS, in the arena before that is the host's; set it up after. */
void its_fake_init(struct its_fake *fake, u32 psz, bool indirect);
u32 its_fake_record_size(struct its_fake *fake, u64 type);
void its_fake_add_table(struct its_fake *fake, int nr, u64 type, bool indirect);
void its_fake_add_l2(struct its_fake *fake, int nr, u32 idx);
int its_fake_setup(struct its_fake *fake);

/* The host reads or writes a register; or queues a command, which is refused or not. */
u64 its_fake_access(struct its_fake *fake, u32 offset, u8 width, bool write, u64 data);
void its_fake_cmd(struct its_fake *fake, u64 dw0, u64 dw1, u64 dw2, u64 dw3,
		  enum pkvm_its_refusal why);

/* The small self test, of an ITS just laid out. */
void its_test_setup(struct its_fake *fake, int nr_shadows);
void its_test_commands(struct its_fake *fake);

/* its_selftest_more.c, on top of that */
void its_selftest_more(struct pkvm_hyp_vcpu *vcpu);
u64 its_fake_execute(struct its_fake *fake, u64 creadr);
void its_fake_add_typer(struct its_fake *fake, u64 typer);
void its_fake_add_vpes(struct its_fake *fake);

/* its_selftest_vpe.c */
void its_selftest_vpes(u64 guest_page);

#define ITS_FAKE_RDISTS		3

/**
 * struct its_fake_rdist - the frames of a redistributor, which are memory of EL2's
 * @rd:		RD_base.
 * @vlpi:	VLPI_base.
 * @desc:	What the host says of it.
 */
struct its_fake_rdist {
	u64				rd[SZ_256 / sizeof(u64)];
	u64				vlpi[SZ_256 / sizeof(u64)];
	struct rdist_handover_frame	desc;
};

/* its_selftest_rdist.c */
extern struct its_fake_rdist its_fake_rdists[ITS_FAKE_RDISTS];
extern struct hyp_rdist its_rdists[ITS_FAKE_RDISTS];

void its_fake_rdist_prop(void);
void its_fake_rdist_init(int nr, u64 typer);
int its_fake_rdist_setup(int nr);
void its_fake_rdist_write(struct hyp_mmio_region *region, u32 offset, u8 width, u64 data);
void its_fake_rdist_ignores(struct hyp_mmio_region *region, u32 offset, u8 width, u64 data);
void its_selftest_rdists(void);

/* its_selftest_rdist_vpe.c */
void its_selftest_rdist_vpes(void);

#endif /* __ARM64_KVM_NVHE_ITS_SELFTEST_H__ */
