/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A GICv3 ITS that pKVM's EL2 owns, as the host sees it: for tests that are root
 * with /dev/mem, which is as good as a compromised host kernel.
 *
 * Nobody else may use the command queue while such a test runs: do not change
 * interrupt affinities, bind drivers or unplug CPUs meanwhile.
 */
#ifndef SELFTEST_KVM_ITS_HOST_H
#define SELFTEST_KVM_ITS_HOST_H

#include <linux/bitfield.h>
#include <linux/bits.h>
#include <linux/compiler.h>
#include <linux/sizes.h>
#include <linux/types.h>

#include "gic_v3.h"
#include "kselftest.h"

#define ITS_CMD_SIZE		32
#define ITS_TIMEOUT		2	/* seconds */

#define GITS_CREADR_STALLED	BIT_ULL(0)
#define GITS_CWRITER_RETRY	BIT_ULL(0)
#define GITS_QUEUE_OFFSET	GENMASK_ULL(19, 5)
#define GITS_CBASER_ADDR	GENMASK_ULL(51, 12)
#define GITS_CBASER_PAGES	GENMASK_ULL(7, 0)
#define GITS_BASER_ADDR		GENMASK_ULL(47, 12)
#define GITS_L1_VALID		BIT_ULL(63)
#define GITS_L1_ADDR		GENMASK_ULL(51, 12)
#define GITS_TYPER_IDBITS	GENMASK_ULL(12, 8)

#define CMD0_OPCODE		GENMASK_ULL(7, 0)
#define CMD0_DEVICE		GENMASK_ULL(63, 32)
#define CMD1_PINTID		GENMASK_ULL(63, 32)
#define CMD2_ITT		GENMASK_ULL(51, 8)
#define CMD2_RDBASE		GENMASK_ULL(51, 16)
#define CMD2_VALID		BIT_ULL(63)

#define LPI_FIRST		8192
#define LPI_UNUSED		(LPI_FIRST + 4096)	/* far above those of Linux */
#define ITT_EVENT_BITS		5
#define ITT_EVENTS		BIT(ITT_EVENT_BITS)

struct its_cmd {
	u64 dw[4];
};

struct its_table {
	const char *name;
	u32 type;
	u64 baser, base, size, psz, esz;
	u64 shadow;		/* what the host writes of an indirect table, or 0 */
	u64 nr_l1;		/* 0 if flat */
	u64 *l1;		/* the shadow: an entry for each L2 page, as the ITS has it, */
	u64 *chunks;		/* and where EL2 keeps its records of it (CPU-endian), or NULL */
};

enum its_queue_state { QUEUE_DONE, QUEUE_STALLED, QUEUE_TIMEOUT };

/* The ITS under test. Addresses are physical. */
struct its_host {
	u64 base;
	void *frame;
	u64 redist;		/* the first redistributor, */
	u64 rdbase;		/* as commands spell it */
	u64 queue, queue_size;
	u64 slots;		/* the queue that the host writes, */
	struct its_cmd *cmds;	/* mapped */
	u64 write;		/* the test's write offset */
	u64 home;		/* the driver's */
	struct its_table table[GITS_BASER_NR_REGS], *devices;
	u64 ctlr, iidr, typer, cbaser;

	u64 page_size;
	u64 pool, pool_size;	/* hypervisor memory, 0 if the log does not say where */
	u64 victim;		/* 64 KiB of EL2's that the attacks aim at */
	u32 free_dev;		/* a DeviceID in a valid L2 page, unused */
	u64 *own, own_phys;	/* a page of the test's, to be an ITT */
	bool (*repair)(void);	/* if not NULL: let interrupts go on after a test */
};

extern struct its_host its;
/* Find an ITS that EL2 owns, or take the one at its.base. Skips the test if there is none. */
void its_host_setup(void);
/* The value behind @key in the line on this ITS in debugfs that starts with @start. */
bool its_host_fact(const char *start, const char *key, u64 *val);

void *its_host_map(u64 phys, u64 size, bool device);
u64 its_host_phys(const void *va);
/* Does @access end in a signal? Does one by 4 or 8 bytes work? */
bool its_host_faults(void (*access)(void *arg), void *arg);
bool its_host_try(void *va, unsigned int width, u64 *val, bool store);
u64 its_host_read(u64 offset, unsigned int width);
void its_host_write(u64 offset, u64 val, unsigned int width);

u64 its_host_next(u64 offset, unsigned int nr);
void its_host_put(u64 offset, const struct its_cmd *cmd);
enum its_queue_state its_host_wait(u64 offset);
enum its_queue_state its_host_post(const struct its_cmd *cmds, unsigned int nr);
enum its_queue_state its_host_repair(void);
bool its_host_wind(u64 target);
bool its_host_map_dev(void);
bool its_host_unmap_dev(u32 dev);
u64 its_host_count_msis(void);
bool its_host_interrupts(void);

#define ITS_MAX_CMDS		16
struct its_test {
	const char *name;
	struct its_cmd cmd[ITS_MAX_CMDS];
	unsigned int flags;
	unsigned int nr_cmds;	/* 0: it is one */
	u64 addr;		/* in memory, or the offset of a register */
	u64 value;
	unsigned int width;
	const void *arg;
};

#define ITS_MAPPED		BIT(0)	/* free_dev is mapped meanwhile */
#define ITS_LEGAL		BIT(1)	/* EL2 must accept all commands, not refuse each */

typedef int (*its_test_fn)(const struct its_test *t);
/*
 * Calls @list twice, to count the tests and to run them. After each one registers
 * must be as before, the queue must go on and interrupts must come.
 */
void __noreturn its_host_run(void (*list)(void));
void its_host_tests(its_test_fn run, const struct its_test *list, unsigned int nr);
#define its_host_test(run, ...) its_host_tests(run, &(struct its_test) { __VA_ARGS__ }, 1)
/* @run is told by .addr of each place that only EL2 may access. */
void its_host_test_memory(const char *what, its_test_fn run);
int its_host_run_cmds(const struct its_test *t);
int its_host_check_refused(u64 first, unsigned int nr);
int __printf(1, 2) its_host_fail(const char *fmt, ...);

static inline struct its_cmd its_cmd(u8 opcode, u32 dev, u64 dw1, u64 dw2)
{
	return (struct its_cmd) {{
		FIELD_PREP(CMD0_OPCODE, opcode) | FIELD_PREP(CMD0_DEVICE, dev), dw1, dw2,
	}};
}

static inline struct its_cmd mapd(u32 dev, u64 itt, u8 event_bits)
{
	return its_cmd(GITS_CMD_MAPD, dev, event_bits - 1, (itt & CMD2_ITT) | CMD2_VALID);
}

static inline struct its_cmd unmapd(u32 dev)
{
	return its_cmd(GITS_CMD_MAPD, dev, 0, 0);
}

static inline struct its_cmd mapti(u32 dev, u32 event, u32 pintid, u16 icid)
{
	return its_cmd(GITS_CMD_MAPTI, dev, event | FIELD_PREP(CMD1_PINTID, pintid), icid);
}

/* MOVI, DISCARD, CLEAR, INT, INV and MAPI: a device, an event, a collection. */
static inline struct its_cmd event_cmd(u8 opcode, u32 dev, u32 event, u16 icid)
{
	return its_cmd(opcode, dev, event, icid);
}

static inline struct its_cmd mapc(u16 icid, u64 rdbase)
{
	return its_cmd(GITS_CMD_MAPC, 0, 0, icid | (rdbase & CMD2_RDBASE) | CMD2_VALID);
}

static inline struct its_cmd sync_cmd(u64 rdbase)
{
	return its_cmd(GITS_CMD_SYNC, 0, 0, rdbase & CMD2_RDBASE);
}

#endif /* SELFTEST_KVM_ITS_HOST_H */
