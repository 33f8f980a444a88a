// SPDX-License-Identifier: GPL-2.0-only
/*
 * its_shadow - Play a compromised host against the GICv3 ITS that pKVM owns
 *
 * An ITS sits behind no SMMU: whatever address the host gives it in a command,
 * in a table entry or in a register, it reads and writes. In protected mode EL2
 * owns its control frame, its tables and its command queue, and copies only the
 * commands it has checked from a shadow queue that the host writes. This test
 * is root with /dev/mem, which is as good as a compromised host kernel. It
 *
 *  - touches the memory and the registers that belong to EL2,
 *  - posts commands that would make the ITS reach memory of the hypervisor,
 *  - moves the tables and the queue there,
 *
 * and after each attempt checks that the ITS is as it was, that its queue goes
 * on and that interrupts are delivered (those of a virtio-rng, by its MSI-X).
 * It cannot see whether the victim's bytes changed. That takes an observer
 * outside of the machine, for example one that reads the emulator's memory.
 *
 * With -x the same attacks are expected to succeed, as they do on a kernel that
 * leaves the ITS to the host: this proves that the test bites. It does overwrite
 * part of the victim (see -v), in memory that EL2 has reserved but never uses.
 *
 * Nobody else may use the command queue while the test runs: do not change
 * interrupt affinities, bind drivers or unplug CPUs meanwhile.
 */
#include <dirent.h>
#include <endian.h>
#include <fcntl.h>
#include <ftw.h>
#include <getopt.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <time.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include <linux/bitfield.h>
#include <linux/bits.h>
#include <linux/compiler.h>
#include <linux/sizes.h>
#include <linux/types.h>

#include "gic_v3.h"
#include "kselftest.h"

#define DT_ROOT			"/sys/firmware/devicetree/base"
#define DEBUGFS_ITS		"/sys/kernel/debug/kvm/its"

#define ITS_FRAME_SIZE		SZ_64K
#define ITS_CMD_SIZE		32
#define ITS_TIMEOUT_MS		2000
#define ITS_NR_REGS		(5 + GITS_BASER_NR_REGS)

#define GITS_CREADR_STALLED	BIT_ULL(0)
#define GITS_CWRITER_RETRY	BIT_ULL(0)
#define GITS_QUEUE_OFFSET	GENMASK_ULL(19, 5)
#define GITS_CBASER_PAGES	GENMASK_ULL(7, 0)
#define GITS_BASER_PSZ		GENMASK_ULL(9, 8)
#define GITS_BASER_ADDR		GENMASK_ULL(47, 12)
#define GITS_BASER_PAGES	GENMASK_ULL(7, 0)
#define GITS_L1_VALID		BIT_ULL(63)
#define GITS_L1_ADDR		GENMASK_ULL(51, 12)
#define GITS_TYPER_IDBITS	GENMASK_ULL(12, 8)

#define CMD0_OPCODE		GENMASK_ULL(7, 0)
#define CMD0_DEVICE		GENMASK_ULL(63, 32)
#define CMD1_SIZE		GENMASK_ULL(4, 0)
#define CMD1_EVENT		GENMASK_ULL(31, 0)
#define CMD1_PINTID		GENMASK_ULL(63, 32)
#define CMD2_ICID		GENMASK_ULL(15, 0)
#define CMD2_ITT		GENMASK_ULL(51, 8)
#define CMD2_RDBASE		GENMASK_ULL(51, 16)
#define CMD2_VALID		BIT_ULL(63)
#define CMD1_VPE		GENMASK_ULL(47, 32)
#define CMD2_DOORBELL		GENMASK_ULL(63, 32)
#define CMD2_VINTID		GENMASK_ULL(31, 0)
#define CMD2_HAS_DOORBELL	BIT_ULL(0)
#define CMD3_VPT		GENMASK_ULL(51, 16)
#define CMD3_VPT_SIZE		GENMASK_ULL(4, 0)

/* The size of the one region of hypervisor memory that all attacks aim at. */
#define VICTIM_SIZE		SZ_64K
/* The L1 entry attack on stock lands here, away from ITT and flat table. */
#define VICTIM_L2_OFFSET	SZ_16K

#define LPI_FIRST		8192
/* Far above those that Linux has allocated, below the smallest upper limit. */
#define LPI_UNUSED		(LPI_FIRST + 4096)

#define ITT_EVENT_BITS		5
#define ITT_EVENTS		BIT(ITT_EVENT_BITS)

#ifndef GITS_CMD_VMAPI
#define GITS_CMD_VMAPI		GITS_CMD_GICv4(GITS_CMD_MAPI)
#endif

/* A VPT for this many INTID bits, which has a bit for each INTID. */
#define VPT_INTID_BITS		16
#define VPT_SIZE		(BIT(VPT_INTID_BITS) / 8)
#define VPT_ALIGN		SZ_64K
#define NO_DOORBELL		1023

#define S2_STRIDE		(512ULL * SZ_1G)
#define S2_TOUCHES		6000
#define S2_PROBE		BIT_ULL(51)

#define RACE_ROUNDS		200
#define STORM_ROUNDS		1000
#define FUZZ_DEVICES		8
#define FUZZ_ICID		0x100
#define MAX_TESTS		320
#define MAX_CMDS		4

struct its_cmd {
	u64 dw[4];
};

struct its_table {
	u64 baser;
	u64 base;
	u64 size;
	u64 psz;
	u64 esz;
	u64 shadow;
	u32 type;
	bool indirect;
};

struct its_counts {
	u64 devices;
	u64 itt_pages;
	u64 owned;
	u64 refused;
};

static struct {
	u64 base;		/* physical address of the control frame */
	void *frame;
	u64 typer;
	u64 redist;		/* physical address of the first redistributor */
	u64 rdbase;		/* the same, as commands spell it */
	u64 queue;		/* physical address of the real queue */
	u64 slots;		/* physical address of the queue we may write */
	u64 queue_size;
	struct its_cmd *cmds;	/* slots, mapped */
	u64 write;		/* our write offset */
	u64 home;		/* the driver's write offset */
	bool was_disabled;	/* during this test: MSIs may have been lost */
	bool lost;		/* interrupts no longer arrive */
	struct its_table table[GITS_BASER_NR_REGS];
	struct its_table *devices;
	struct its_table *vpes;		/* NULL if not GICv4.0 */
	u64 regs[ITS_NR_REGS];
	struct its_counts counts;
} its;

struct test {
	char name[128];
	int (*run)(const struct test *t);
	struct its_cmd cmd[MAX_CMDS];	/* each must be refused, in turn */
	unsigned int nr_cmds;
	bool mapped;			/* have the device mapped meanwhile */
	bool vpe_mapped;		/* have the vPE mapped meanwhile */
	bool disabled;			/* have the ITS disabled meanwhile */
	const struct its_table *table;	/* write l1 to its entry l1_index meanwhile */
	u64 l1_index;
	u64 l1;
	u64 addr;			/* memory or register offset to access */
	u64 value;
	unsigned int width;
	bool write;
};

enum queue_state {
	QUEUE_DONE,
	QUEUE_STALLED,
	QUEUE_TIMEOUT,
};

static struct test tests[MAX_TESTS];
static unsigned int nr_tests;
static char why[512];

static bool expect_success;
static u64 page_size;
static int mem_fd = -1;		/* /dev/mem, cacheable where it is memory */
static int mmio_fd = -1;	/* /dev/mem, as a device */
static int rng_fd = -1;
static u64 pool, pool_size;
static u64 victim;
static u32 free_dev;		/* a DeviceID in a valid L2 page, unused */
static u64 free_l1;		/* an L1 index without L2 page */
static bool has_free_l1;
static u64 *own_page;		/* a page of ours, to be an ITT */
static u64 own_phys;
static u64 *own_vpt;		/* memory of ours for two VPTs */
static u64 own_vpt_phys;	/* 0 if there is none */
static u32 free_vpe;		/* a vPEID in the first L2 page, unused */
static bool has_vpe_l2;		/* there is such a page */

static sigjmp_buf fault_env;
static bool fault_expected;

static void fault_handler(int sig)
{
	if (!READ_ONCE(fault_expected))
		ksft_exit_fail_msg("unexpected signal %d\n", sig);

	siglongjmp(fault_env, sig);
}

static void alarm_handler(int sig)
{
}

/* Tell whether an access ends in a signal. */
static bool faults(void (*access)(void *arg), void *arg)
{
	WRITE_ONCE(fault_expected, true);
	if (!sigsetjmp(fault_env, 1)) {
		access(arg);
		WRITE_ONCE(fault_expected, false);
		return false;
	}
	WRITE_ONCE(fault_expected, false);

	return true;
}

static int __printf(1, 2) because(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);

	return KSFT_FAIL;
}

static u64 now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000ULL + ts.tv_nsec / 1000000;
}

/*
 * Memory and registers
 */

static void *map_phys(int fd, u64 phys, u64 size)
{
	u64 first = phys & ~(page_size - 1);
	u64 skip = phys - first;
	void *va;

	va = mmap(NULL, size + skip, PROT_READ | PROT_WRITE, MAP_SHARED, fd, first);
	if (va == MAP_FAILED)
		return NULL;

	return va + skip;
}

static void unmap_phys(void *va, u64 size)
{
	u64 skip = (u64)va & (page_size - 1);

	munmap(va - skip, size + skip);
}

/* Inline assembly: the compiler must neither merge, split nor widen these. */
static u64 load(const void *va, unsigned int width)
{
	u64 val;

	switch (width) {
	case 1:
		asm volatile("ldrb %w0, [%1]" : "=r" (val) : "r" (va) : "memory");
		break;
	case 2:
		asm volatile("ldrh %w0, [%1]" : "=r" (val) : "r" (va) : "memory");
		break;
	case 4:
		asm volatile("ldr %w0, [%1]" : "=r" (val) : "r" (va) : "memory");
		break;
	default:
		asm volatile("ldr %0, [%1]" : "=r" (val) : "r" (va) : "memory");
		break;
	}

	return val;
}

static void store(void *va, u64 val, unsigned int width)
{
	switch (width) {
	case 1:
		asm volatile("strb %w0, [%1]" : : "r" (val), "r" (va) : "memory");
		break;
	case 2:
		asm volatile("strh %w0, [%1]" : : "r" (val), "r" (va) : "memory");
		break;
	case 4:
		asm volatile("str %w0, [%1]" : : "r" (val), "r" (va) : "memory");
		break;
	default:
		asm volatile("str %0, [%1]" : : "r" (val), "r" (va) : "memory");
		break;
	}
}

struct access {
	void *va;
	u64 val;
	unsigned int width;
};

static void do_load(void *arg)
{
	struct access *access = arg;

	access->val = load(access->va, access->width);
}

static void do_store(void *arg)
{
	struct access *access = arg;

	store(access->va, access->val, access->width);
}

static bool try_load(void *va, unsigned int width, u64 *val)
{
	struct access access = { .va = va, .width = width };
	bool faulted = faults(do_load, &access);

	*val = access.val;
	return !faulted;
}

static bool try_store(void *va, u64 val, unsigned int width)
{
	struct access access = { .va = va, .val = val, .width = width };

	return !faults(do_store, &access);
}

static u64 its_read(u64 offset, unsigned int width)
{
	return load(its.frame + offset, width);
}

static void its_write(u64 offset, u64 val, unsigned int width)
{
	store(its.frame + offset, val, width);
}

/* Make what we wrote visible to an ITS that does not snoop, and to EL2. */
static void clean(void *va, u64 size)
{
	u64 line = (u64)va & ~63ULL;

	for (; line < (u64)va + size; line += 64)
		asm volatile("dc civac, %0" : : "r" (line) : "memory");
	asm volatile("dsb sy" : : : "memory");
}

static bool write_phys64(u64 phys, u64 val)
{
	u64 *va = map_phys(mem_fd, phys, sizeof(*va));

	if (!va)
		return false;

	WRITE_ONCE(*va, htole64(val));
	clean(va, sizeof(*va));
	unmap_phys(va, sizeof(*va));

	return true;
}

static u64 read_phys64(u64 phys)
{
	u64 *va = map_phys(mem_fd, phys, sizeof(*va));
	u64 val;

	if (!va)
		ksft_exit_fail_msg("cannot map memory at 0x%lx\n", phys);

	val = le64toh(READ_ONCE(*va));
	unmap_phys(va, sizeof(*va));

	return val;
}

static void get_regs(u64 *regs)
{
	int i;

	regs[0] = its_read(GITS_CTLR, 4) & ~GITS_CTLR_QUIESCENT;
	regs[1] = its_read(GITS_IIDR, 4);
	regs[2] = its_read(GITS_TYPER, 8);
	regs[3] = its_read(GITS_CBASER, 8);
	regs[4] = its_read(GITS_PIDR2, 4);
	for (i = 0; i < GITS_BASER_NR_REGS; i++)
		regs[5 + i] = its_read(GITS_BASER + 8 * i, 8);
}

static bool its_set_enabled(bool enabled)
{
	u32 ctlr = its_read(GITS_CTLR, 4) & ~GITS_CTLR_QUIESCENT;
	u64 end = now_ms() + ITS_TIMEOUT_MS;

	if (enabled) {
		its_write(GITS_CTLR, ctlr | GITS_CTLR_ENABLE, 4);
		return its_read(GITS_CTLR, 4) & GITS_CTLR_ENABLE;
	}

	its.was_disabled = true;
	its_write(GITS_CTLR, ctlr & ~GITS_CTLR_ENABLE, 4);
	while (!(its_read(GITS_CTLR, 4) & GITS_CTLR_QUIESCENT)) {
		if (now_ms() > end)
			return false;
	}

	return !(its_read(GITS_CTLR, 4) & GITS_CTLR_ENABLE);
}

/*
 * Commands
 */

static struct its_cmd its_cmd(u8 opcode, u32 dev, u64 dw1, u64 dw2)
{
	return (struct its_cmd) {
		.dw = {
			FIELD_PREP(CMD0_OPCODE, opcode) | FIELD_PREP(CMD0_DEVICE, dev),
			dw1,
			dw2,
		},
	};
}

static struct its_cmd mapd(u32 dev, u64 itt, u8 event_bits)
{
	return its_cmd(GITS_CMD_MAPD, dev, FIELD_PREP(CMD1_SIZE, event_bits - 1),
		       (itt & CMD2_ITT) | CMD2_VALID);
}

static struct its_cmd unmapd(u32 dev)
{
	return its_cmd(GITS_CMD_MAPD, dev, 0, 0);
}

static struct its_cmd mapti(u32 dev, u32 event, u32 pintid, u16 icid)
{
	return its_cmd(GITS_CMD_MAPTI, dev,
		       FIELD_PREP(CMD1_EVENT, event) | FIELD_PREP(CMD1_PINTID, pintid), icid);
}

/* MOVI, DISCARD, CLEAR, INT, INV and MAPI: a device, an event, a collection. */
static struct its_cmd event_cmd(u8 opcode, u32 dev, u32 event, u16 icid)
{
	return its_cmd(opcode, dev, FIELD_PREP(CMD1_EVENT, event), icid);
}

static struct its_cmd mapc(u16 icid, u64 rdbase)
{
	return its_cmd(GITS_CMD_MAPC, 0, 0, icid | (rdbase & CMD2_RDBASE) | CMD2_VALID);
}

static struct its_cmd sync_cmd(u64 rdbase)
{
	return its_cmd(GITS_CMD_SYNC, 0, 0, rdbase & CMD2_RDBASE);
}

static struct its_cmd movall(u64 from, u64 to)
{
	struct its_cmd cmd = its_cmd(GITS_CMD_MOVALL, 0, 0, from & CMD2_RDBASE);

	cmd.dw[3] = to & CMD2_RDBASE;
	return cmd;
}

static struct its_cmd vmapp_sized(u32 vpe, u64 vpt, u8 intid_bits)
{
	struct its_cmd cmd = its_cmd(GITS_CMD_VMAPP, 0, FIELD_PREP(CMD1_VPE, vpe),
				     CMD2_VALID | (its.rdbase & CMD2_RDBASE));

	cmd.dw[3] = (vpt & CMD3_VPT) | FIELD_PREP(CMD3_VPT_SIZE, intid_bits - 1);
	return cmd;
}

static struct its_cmd vmapp(u32 vpe, u64 vpt)
{
	return vmapp_sized(vpe, vpt, VPT_INTID_BITS);
}

/* VMAPP to unmap, VINVALL, VSYNC: no more than a vPE. */
static struct its_cmd vpe_cmd(u8 opcode, u32 vpe)
{
	return its_cmd(opcode, 0, FIELD_PREP(CMD1_VPE, vpe), 0);
}

static struct its_cmd vmovp(u32 vpe, u64 rdbase)
{
	return its_cmd(GITS_CMD_VMOVP, 0, FIELD_PREP(CMD1_VPE, vpe), rdbase & CMD2_RDBASE);
}

/* VMAPTI, VMAPI and VMOVI: low is the vINTID, or whether there is a doorbell. */
static struct its_cmd vpe_event_cmd(u8 opcode, u32 dev, u32 event, u32 vpe, u32 low,
				    u32 doorbell)
{
	return its_cmd(opcode, dev, FIELD_PREP(CMD1_EVENT, event) | FIELD_PREP(CMD1_VPE, vpe),
		       FIELD_PREP(CMD2_VINTID, low) | FIELD_PREP(CMD2_DOORBELL, doorbell));
}

static struct its_cmd vmapti(u32 dev, u32 event, u32 vpe, u32 vintid)
{
	return vpe_event_cmd(GITS_CMD_VMAPTI, dev, event, vpe, vintid, NO_DOORBELL);
}

/*
 * The queue
 *
 * The driver remembers where it wrote last. To be gone without a trace, go once
 * around the ring, on legal commands, until the offset is the driver's again.
 */

static void queue_put(u64 offset, const struct its_cmd *cmd)
{
	struct its_cmd *slot = &its.cmds[offset / ITS_CMD_SIZE];
	int i;

	for (i = 0; i < 4; i++)
		WRITE_ONCE(slot->dw[i], htole64(cmd->dw[i]));
	clean(slot, sizeof(*slot));
}

static u64 queue_next(u64 offset, unsigned int nr)
{
	return (offset + nr * ITS_CMD_SIZE) % its.queue_size;
}

static u64 queue_read_offset(void)
{
	return its_read(GITS_CREADR, 8) & GITS_QUEUE_OFFSET;
}

static enum queue_state queue_wait(u64 offset)
{
	u64 end = now_ms() + ITS_TIMEOUT_MS;
	u64 creadr;

	do {
		creadr = its_read(GITS_CREADR, 8);
		if (creadr & GITS_CREADR_STALLED)
			return QUEUE_STALLED;
		if ((creadr & GITS_QUEUE_OFFSET) == offset)
			return QUEUE_DONE;
	} while (now_ms() < end);

	return QUEUE_TIMEOUT;
}

static void queue_add(const struct its_cmd *cmds, unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr; i++)
		queue_put(queue_next(its.write, i), &cmds[i]);
	its.write = queue_next(its.write, nr);
}

static enum queue_state queue_post(const struct its_cmd *cmds, unsigned int nr)
{
	queue_add(cmds, nr);
	its_write(GITS_CWRITER, its.write, 8);
	return queue_wait(its.write);
}

/* Replace the command the queue stalled at, and go on. */
static enum queue_state queue_repair(void)
{
	struct its_cmd sync = sync_cmd(its.rdbase);

	queue_put(queue_read_offset(), &sync);
	its_write(GITS_CWRITER, its.write | GITS_CWRITER_RETRY, 8);

	return queue_wait(its.write);
}

static void queue_begin(void)
{
	its.home = its_read(GITS_CWRITER, 8) & GITS_QUEUE_OFFSET;
	its.write = its.home;
	if (queue_wait(its.home) != QUEUE_DONE)
		ksft_exit_fail_msg("the command queue is not idle: CWRITER 0x%lx CREADR 0x%lx\n",
				   its.home,
				   its_read(GITS_CREADR, 8));
}

/* A full queue looks like an empty one: go around in two steps at least. */
static bool queue_wind(u64 target)
{
	struct its_cmd sync = sync_cmd(its.rdbase);
	u64 half = its.queue_size / 2;
	u64 left, offset;

	while (its.write != target) {
		left = (target - its.write + its.queue_size) % its.queue_size;
		left = left < half ? left : half;
		for (offset = 0; offset < left; offset += ITS_CMD_SIZE)
			queue_put((its.write + offset) % its.queue_size, &sync);
		its.write = (its.write + left) % its.queue_size;
		its_write(GITS_CWRITER, its.write, 8);
		if (queue_wait(its.write) != QUEUE_DONE)
			return false;
	}

	return true;
}

static bool queue_end(void)
{
	unsigned int tries = 64;

	while (queue_wait(its.write) == QUEUE_STALLED && tries--)
		queue_repair();

	return queue_wind(its.home) && queue_wait(its.home) == QUEUE_DONE;
}

/*
 * Interrupts
 */

static u64 its_interrupts(void)
{
	char line[1024], *p;
	u64 sum = 0;
	FILE *f;

	f = fopen("/proc/interrupts", "r");
	if (!f)
		return 0;

	while (fgets(line, sizeof(line), f)) {
		if (!strstr(line, "ITS-") || !strstr(line, "virtio"))
			continue;
		p = strchr(line, ':');
		while (p && *p) {
			char *end;
			u64 val = strtoull(p + 1, &end, 10);

			if (end == p + 1 || (*end != ' ' && *end != '\t'))
				break;
			sum += val;
			p = end;
		}
	}
	fclose(f);

	return sum;
}

/* An interrupt must come, and the last one must have before the next attack. */
static bool interrupts_delivered(void)
{
	u64 end = now_ms() + ITS_TIMEOUT_MS;
	u64 before = its_interrupts();
	u64 last, quiet;
	char buf[64];
	ssize_t len;

	alarm(2 * ITS_TIMEOUT_MS / 1000);
	do {
		len = read(rng_fd, buf, sizeof(buf));
		if (len < 0 && errno != EAGAIN)
			break;
		last = its_interrupts();
	} while (last == before && now_ms() < end && !usleep(200));
	alarm(0);

	last = its_interrupts();
	if (last == before)
		return false;

	for (quiet = 0; quiet < 3; quiet++) {
		u64 count;

		usleep(1000);
		count = its_interrupts();
		if (count != last)
			quiet = 0;
		last = count;
	}

	return true;
}

/*
 * Somebody else may have asked the device for bytes while we had the ITS disabled.
 * An MSI that comes then is lost, by design, and the driver waits for it forever.
 */
static bool send_again(void)
{
	static const char devices[] = "/sys/bus/virtio/devices";
	unsigned int bus, dev, fn;
	char link[PATH_MAX], *p;
	struct dirent *entry;
	struct its_cmd cmd;
	bool ok = true;
	ssize_t len;
	u32 event;
	DIR *dir;

	dir = opendir(devices);
	while (dir && ok && (entry = readdir(dir))) {
		char path[sizeof(devices) + sizeof(entry->d_name)];

		snprintf(path, sizeof(path), "%s/%s", devices, entry->d_name);
		len = readlink(path, link, sizeof(link) - 1);
		if (len < 0)
			continue;
		link[len] = '\0';
		p = strstr(link, "/virtio");
		while (p && p > link && p[-1] != '/')
			p--;
		if (!p || sscanf(p, "%*x:%x:%x.%x", &bus, &dev, &fn) != 3)
			continue;

		/* The queue's vector comes after that for changes of configuration. */
		for (event = 0; event < 2 && ok; event++) {
			cmd = event_cmd(GITS_CMD_INT, bus << 8 | dev << 3 | fn, event, 0);
			ok = queue_post(&cmd, 1) == QUEUE_DONE;
		}
	}
	if (dir)
		closedir(dir);

	ksft_print_msg("an interrupt was lost while the ITS was disabled, sent again\n");

	return queue_end() && ok;
}

/*
 * What the kernel says, in debugfs
 */

static bool find_value(const char *line, const char *key, u64 *val)
{
	char pattern[32], *p, *end;

	snprintf(pattern, sizeof(pattern), " %s ", key);
	p = strstr(line, pattern);
	if (!p)
		return false;

	p += strlen(pattern);
	*val = strtoull(p, &end, 0);

	return end != p;
}

/* Call @fn for each line of the description of our ITS. */
static bool walk_facts(void (*fn)(const char *line))
{
	bool ours = false;
	char line[256];
	bool found;
	u64 base;
	FILE *f;

	f = fopen(DEBUGFS_ITS, "r");
	if (!f)
		return false;

	found = false;
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "its 0x%lx", &base) == 1) {
			ours = base == its.base;
			found |= ours;
		}
		if (ours)
			fn(line);
	}
	fclose(f);

	return found;
}

/* What read_count() has seen so far. */
static struct its_counts found;

static void read_count(const char *line)
{
	find_value(line, "itt_pages", &found.itt_pages);
	if (!strncmp(line, "devices ", 8))
		found.devices = strtoull(line + 8, NULL, 0);
	if (!strncmp(line, "pages ", 6))
		find_value(line, "owned", &found.owned);
	if (!strncmp(line, "commands ", 9))
		find_value(line, "refused", &found.refused);
}

static void read_shadow(const char *line)
{
	unsigned int i;

	if (!strncmp(line, "queue ", 6))
		find_value(line, "shadow", &its.slots);
	if (sscanf(line, "table %u", &i) == 1 && i < GITS_BASER_NR_REGS)
		find_value(line, "shadow", &its.table[i].shadow);
	if (!strncmp(line, "its ", 4) && !strstr(line, " owner EL2"))
		ksft_exit_skip("the ITS is not owned by EL2: %s", line);
}

static void read_counts(struct its_counts *counts)
{
	walk_facts(read_count);
	*counts = found;
}

/*
 * CPU accesses
 */

static int run_cpu_access(const struct test *t)
{
	u64 val = 0;
	void *va;
	bool ok;

	va = map_phys(mem_fd, t->addr, sizeof(u64));
	if (!va)
		return because("/dev/mem does not map it");

	/* Where this works it is the ITS's live data: put back what is there. */
	ok = try_load(va, 8, &val);
	if (t->write)
		ok = try_store(va, val, 8);
	unmap_phys(va, sizeof(u64));

	if (ok != expect_success)
		return because("the access %s", ok ? "worked" : "faulted");

	return KSFT_PASS;
}

/*
 * Register accesses
 */

static int run_reg_write(const struct test *t)
{
	if (t->disabled && !its_set_enabled(false))
		return because("the ITS cannot be disabled");

	its_write(t->addr, t->value, t->width);

	/* What must be unchanged is checked after each test. Not this: */
	if (t->disabled && its_read(GITS_CTLR, 4) & GITS_CTLR_ENABLE)
		return because("the ITS is enabled");

	if (t->disabled && !its_set_enabled(true))
		return because("the ITS cannot be enabled again");

	return KSFT_PASS;
}

/* Bad widths, bad alignments and unknown registers read as zero. */
static int run_reg_raz_wi(const struct test *t)
{
	void *va = its.frame + t->addr;
	bool aligned = !(t->addr % t->width);
	u64 val = 0;

	if (!try_load(va, t->width, &val)) {
		/* The MMU has the right to object to a misaligned access. */
		if (aligned)
			return because("the load faulted");
	} else if (val) {
		return because("it reads as 0x%lx", val);
	}

	if (!try_store(va, t->value, t->width) && aligned)
		return because("the store faulted");

	return KSFT_PASS;
}

/* Accesses that leave EL2 no syndrome to emulate them by. */
/* Either half of a 64-bit register by 4 bytes; nothing that is not aligned. */
static int run_reg_halves(const struct test *t)
{
	u64 reg = its_read(t->addr, 8);
	u64 val;

	val = its_read(t->addr, 4) | its_read(t->addr + 4, 4) << 32;
	if (val != reg)
		return because("its halves read as 0x%lx, not 0x%lx", val, reg);

	val = its_read(t->addr + 4, 8) | its_read(t->addr + 2, 4) | its_read(t->addr + 1, 8);
	if (val)
		return because("reads as 0x%lx where it is not aligned", val);

	its_write(t->addr + 4, reg >> 32, 4);
	its_write(t->addr, (u32)reg, 4);
	its_write(t->addr + 4, ~0ULL, 8);
	its_write(t->addr + 2, ~0ULL, 4);
	its_write(t->addr + 1, ~0ULL, 8);
	val = its_read(t->addr, 8);

	return val == reg ? KSFT_PASS : because("is 0x%lx now, was 0x%lx", val, reg);
}

static void access_ldp(void *va)
{
	asm volatile("ldp x2, x3, [%0]" : : "r" (va) : "x2", "x3", "memory");
}

static void access_stp(void *va)
{
	asm volatile("stp xzr, xzr, [%0]" : : "r" (va) : "memory");
}

static void access_ldr_writeback(void *va)
{
	asm volatile("ldr x2, [%0], #8" : "+r" (va) : : "x2", "memory");
}

static void access_str_writeback(void *va)
{
	asm volatile("str xzr, [%0], #8" : "+r" (va) : : "memory");
}

static void access_ldr_simd(void *va)
{
	asm volatile("ldr q0, [%0]" : : "r" (va) : "v0", "memory");
}

static void access_str_simd(void *va)
{
	asm volatile("str q0, [%0]" : : "r" (va) : "memory");
}

static const struct {
	const char *name;
	void (*access)(void *va);
} no_syndrome[] = {
	{ "ldp",		access_ldp },
	{ "stp",		access_stp },
	{ "ldr with writeback",	access_ldr_writeback },
	{ "str with writeback",	access_str_writeback },
	{ "a SIMD load",	access_ldr_simd },
	{ "a SIMD store",	access_str_simd },
};

static int run_no_syndrome(const struct test *t)
{
	bool faulted = faults(no_syndrome[t->value].access, its.frame + GITS_CBASER);

	return faulted ? KSFT_PASS : because("the access was taken");
}

/* A write pointer that is none: neither it nor the queue may move. */
static int run_bad_write_pointer(const struct test *t)
{
	u64 before = its_read(GITS_CWRITER, 8);
	u64 after;

	its_write(t->addr, t->value, t->width);

	after = its_read(GITS_CWRITER, 8);
	if (after != before)
		return because("GITS_CWRITER is 0x%lx, was 0x%lx",
			       after, before);
	if (queue_wait(its.home) != QUEUE_DONE)
		return because("GITS_CREADR is 0x%lx",
			       its_read(GITS_CREADR, 8));

	return KSFT_PASS;
}

/*
 * Commands that must be refused
 */

static bool map_free_dev(void)
{
	struct its_cmd cmds[] = {
		mapd(free_dev, own_phys, ITT_EVENT_BITS),
		mapti(free_dev, 0, LPI_UNUSED, 0),
		sync_cmd(its.rdbase),
	};

	return queue_post(cmds, ARRAY_SIZE(cmds)) == QUEUE_DONE;
}

static bool unmap_dev(u32 dev)
{
	struct its_cmd cmds[] = { unmapd(dev), sync_cmd(its.rdbase) };

	return queue_post(cmds, ARRAY_SIZE(cmds)) == QUEUE_DONE;
}

static bool map_free_vpe(void)
{
	struct its_cmd cmds[] = {
		vmapp(free_vpe, own_vpt_phys),
		vpe_cmd(GITS_CMD_VINVALL, free_vpe),
		vpe_cmd(GITS_CMD_VSYNC, free_vpe),
	};

	return queue_post(cmds, ARRAY_SIZE(cmds)) == QUEUE_DONE;
}

static bool unmap_vpe(u32 vpe)
{
	struct its_cmd cmds[] = {
		vpe_cmd(GITS_CMD_VMAPP, vpe),
		vpe_cmd(GITS_CMD_VSYNC, vpe),
	};

	return queue_post(cmds, ARRAY_SIZE(cmds)) == QUEUE_DONE;
}

/* Undo what should have been refused. */
static void undo_cmd(const struct its_cmd *cmd)
{
	switch (FIELD_GET(CMD0_OPCODE, cmd->dw[0])) {
	case GITS_CMD_MAPD:
		unmap_dev(FIELD_GET(CMD0_DEVICE, cmd->dw[0]));
		break;
	case GITS_CMD_VMAPP:
		unmap_vpe(FIELD_GET(CMD1_VPE, cmd->dw[1]));
		break;
	}
}

/* Each command of @t in turn must stall the queue; the rest of it must go on. */
static int expect_refused(const struct test *t, u64 first, enum queue_state state)
{
	unsigned int i;
	u64 creadr;

	for (i = 0; i < t->nr_cmds; i++) {
		creadr = its_read(GITS_CREADR, 8);

		if (state == QUEUE_TIMEOUT)
			return because("the queue hangs at 0x%lx", creadr);
		if (state == QUEUE_DONE)
			return because("command %u was executed", i);
		if ((creadr & GITS_QUEUE_OFFSET) != queue_next(first, i))
			return because("stalled at 0x%lx, not at the command, 0x%lx",
				       creadr,
				       queue_next(first, i));

		/* The queue stands still, interrupts do not. */
		if (!interrupts_delivered())
			return because("no interrupts while the queue is stalled");
		if (its_read(GITS_CREADR, 8) != creadr)
			return because("the stall went away by itself");

		state = queue_repair();
	}

	if (state != QUEUE_DONE)
		return because("the queue does not go on after the repair");

	return KSFT_PASS;
}

static int run_refused(const struct test *t)
{
	struct its_counts before, after;
	struct its_cmd cmds[MAX_CMDS + 1];
	enum queue_state state;
	int ret, result;
	u64 first, l1_addr = 0, l1 = 0;

	if ((t->mapped && !map_free_dev()) || (t->vpe_mapped && !map_free_vpe()))
		return because("the legal part was refused");

	if (t->table) {
		l1_addr = t->table->shadow + t->l1_index * GITS_LVL1_ENTRY_SIZE;
		l1 = read_phys64(l1_addr);
		write_phys64(l1_addr, t->l1);
	}

	read_counts(&before);
	memcpy(cmds, t->cmd, t->nr_cmds * sizeof(*cmds));
	cmds[t->nr_cmds] = sync_cmd(its.rdbase);

	first = its.write;
	if (t->disabled) {
		/* Post while the ITS is off, and find it when it is on again. */
		if (!its_set_enabled(false))
			return because("the ITS cannot be disabled");
		queue_add(cmds, t->nr_cmds + 1);
		its_write(GITS_CWRITER, its.write, 8);
		if (!its_set_enabled(true))
			return because("the ITS cannot be enabled again");
		state = queue_wait(its.write);
	} else {
		state = queue_post(cmds, t->nr_cmds + 1);
	}

	result = expect_refused(t, first, state);
	read_counts(&after);
	if (t->table)
		write_phys64(l1_addr, l1);

	/* Whatever it was, leave nothing mapped. */
	ret = KSFT_PASS;
	if ((t->mapped && !unmap_dev(free_dev)) || (t->vpe_mapped && !unmap_vpe(free_vpe)))
		ret = because("the legal part cannot be undone");
	else if (result == KSFT_FAIL && !t->mapped && !t->vpe_mapped)
		undo_cmd(&t->cmd[0]);

	if (result == KSFT_PASS && after.refused < before.refused + t->nr_cmds)
		return because("refused, but counted %lu refused commands",
			       (after.refused - before.refused));

	return result == KSFT_PASS ? ret : result;
}

/* What the driver does must work for us as well. */
static int run_legal(const struct test *t)
{
	struct its_cmd cmds[] = {
		event_cmd(GITS_CMD_INV, free_dev, 0, 0),
		event_cmd(GITS_CMD_MOVI, free_dev, 0, 0),
		event_cmd(GITS_CMD_INT, free_dev, 0, 0),
		event_cmd(GITS_CMD_CLEAR, free_dev, 0, 0),
		its_cmd(GITS_CMD_INVALL, 0, 0, 0),
		mapti(free_dev, ITT_EVENTS - 1, LPI_UNUSED + 1, 0),
		event_cmd(GITS_CMD_DISCARD, free_dev, ITT_EVENTS - 1, 0),
		event_cmd(GITS_CMD_DISCARD, free_dev, 0, 0),
		sync_cmd(its.rdbase),
	};
	bool readable, writable;
	u64 i, val;

	memset(own_page, 0xff, page_size);
	if (!map_free_dev())
		return because("MAPD or MAPTI refused, GITS_CREADR 0x%lx",
			       its_read(GITS_CREADR, 8));
	if (queue_post(cmds, ARRAY_SIZE(cmds)) != QUEUE_DONE)
		return because("refused, GITS_CREADR 0x%lx of 0x%lx",
			       its_read(GITS_CREADR, 8),
			       its.write);

	readable = try_load(own_page, 8, &val);
	writable = try_store(own_page, 0, 8);

	if (!unmap_dev(free_dev))
		return because("unmapping refused");
	if (readable || writable)
		return because("the ITT of a mapped device is %s",
			       writable ? "writable" : "readable");

	if (!try_load(own_page, 8, &val))
		return because("the ITT did not come back");
	for (i = 0; i < page_size / sizeof(*own_page); i++) {
		if (own_page[i])
			return because("the ITT came back with 0x%lx at 0x%lx",
				       own_page[i],
				       (i * sizeof(*own_page)));
	}

	return KSFT_PASS;
}

static u64 phys_of(int fd, const void *va)
{
	u64 entry = 0;

	if (pread(fd, &entry, sizeof(entry), (u64)va / page_size * 8) != 8)
		return 0;

	return FIELD_GET(GENMASK_ULL(54, 0), entry) * page_size;
}

static bool own_vpt_has_moved(void)
{
	int fd = open("/proc/self/pagemap", O_RDONLY);
	bool moved = phys_of(fd, own_vpt) != own_vpt_phys;

	close(fd);
	return moved;
}

/* A vPE from VMAPP to VSYNC: who can see its VPT when, and what is left in it. */
static int run_legal_vpe(const struct test *t)
{
	struct its_cmd cmds[] = {
		vmapti(free_dev, 1, free_vpe, LPI_FIRST + 1),
		vpe_event_cmd(GITS_CMD_VMOVI, free_dev, 1, free_vpe, 1, NO_DOORBELL),
		event_cmd(GITS_CMD_INT, free_dev, 1, 0),
		vmovp(free_vpe, its.rdbase),
		vpe_cmd(GITS_CMD_VINVALL, free_vpe),
		event_cmd(GITS_CMD_DISCARD, free_dev, 1, 0),
		vpe_cmd(GITS_CMD_VSYNC, free_vpe),
	};
	struct its_cmd unmap = vpe_cmd(GITS_CMD_VMAPP, free_vpe);
	struct its_cmd vsync = vpe_cmd(GITS_CMD_VSYNC, free_vpe);
	u64 *last = own_vpt + VPT_SIZE / sizeof(*own_vpt) - 1;
	bool seen, seen_late;
	u64 val;

	memset(own_vpt, 0, VPT_SIZE);
	*last = 0x5a5a;
	if (!map_free_dev())
		return because("MAPD or MAPTI refused");
	if (!map_free_vpe()) {
		unmap_dev(free_dev);
		return because("VMAPP refused, GITS_CREADR 0x%lx", its_read(GITS_CREADR, 8));
	}
	if (queue_post(cmds, ARRAY_SIZE(cmds)) != QUEUE_DONE)
		return because("refused, GITS_CREADR 0x%lx", its_read(GITS_CREADR, 8));

	seen = try_load(own_vpt, 8, &val) || try_store(own_vpt, 0, 8);
	if (queue_post(&unmap, 1) != QUEUE_DONE)
		return because("unmapping refused");
	seen_late = try_load(own_vpt, 8, &val);
	if (queue_post(&vsync, 1) != QUEUE_DONE || !unmap_dev(free_dev))
		return because("VSYNC or unmapping refused");

	if (seen && own_vpt_has_moved()) {
		because("Linux has moved the page with the VPT");
		return KSFT_SKIP;
	}
	if (seen)
		return because("the VPT of a mapped vPE is accessible");
	if (seen_late)
		return because("the VPT came back before the VSYNC");
	if (!try_load(last, 8, &val))
		return because("the VPT did not come back");

	return val == 0x5a5a ? KSFT_PASS : because("the VPT came back with 0x%lx", val);
}

/* The entry of a page that is in use: EL2 may refuse or ignore, not obey. */
static int run_live_l1(const struct test *t)
{
	u64 l1_addr = its.devices->shadow + t->l1_index * GITS_LVL1_ENTRY_SIZE;
	struct its_cmd cmd = mapd(free_dev, own_phys, ITT_EVENT_BITS);
	enum queue_state state;
	int ret = KSFT_PASS;
	u64 l1;

	l1 = read_phys64(l1_addr);
	write_phys64(l1_addr, t->l1);
	state = queue_post(&cmd, 1);
	write_phys64(l1_addr, l1);

	if (state == QUEUE_STALLED)
		state = queue_repair();
	else if (state == QUEUE_DONE && !unmap_dev(free_dev))
		ret = because("the device cannot be unmapped");

	return state == QUEUE_DONE ? ret : because("the queue does not go on");
}

struct race {
	u64 *slot;
	u64 good;
	u64 evil;
	int cpu;
	bool stop;
};

static bool pin_to_cpu(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	return !sched_setaffinity(0, sizeof(set), &set);
}

static void *race_thread(void *arg)
{
	struct race *race = arg;

	pin_to_cpu(race->cpu);
	while (!READ_ONCE(race->stop)) {
		WRITE_ONCE(*race->slot, race->evil);
		WRITE_ONCE(*race->slot, race->good);
	}

	return NULL;
}

/* Change the command between EL2's check and EL2's use. */
static int run_race(const struct test *t)
{
	struct its_cmd evil = mapd(free_dev, victim, ITT_EVENT_BITS);
	struct its_cmd good = mapd(free_dev, own_phys, ITT_EVENT_BITS);
	unsigned int taken = 0, refused = 0;
	enum queue_state state;
	unsigned int i;
	pthread_t thread;
	bool ok = true;

	if (sysconf(_SC_NPROCESSORS_ONLN) < 2) {
		because("one CPU only");
		return KSFT_SKIP;
	}

	for (i = 0; i < RACE_ROUNDS && ok; i++) {
		struct race race = {
			.slot = &its.cmds[its.write / ITS_CMD_SIZE].dw[2],
			.good = htole64(good.dw[2]),
			.evil = htole64(evil.dw[2]),
			.cpu = 1,
		};

		queue_put(its.write, &good);
		if (pthread_create(&thread, NULL, race_thread, &race))
			return because("no thread");

		its.write = queue_next(its.write, 1);
		usleep(i % 8 ? 0 : 1000);
		its_write(GITS_CWRITER, its.write, 8);
		state = queue_wait(its.write);
		WRITE_ONCE(race.stop, true);
		pthread_join(thread, NULL);

		if (state == QUEUE_STALLED) {
			refused++;
			ok = queue_repair() == QUEUE_DONE;
		} else {
			taken++;
			ok = state == QUEUE_DONE && unmap_dev(free_dev);
		}
	}

	ksft_print_msg("race: %u commands taken, %u refused\n", taken, refused);

	return ok ? KSFT_PASS : because("the queue does not go on in round %u", i);
}

/*
 * Moving tables and queue
 */

static u64 flat_baser(const struct its_table *table, u64 addr)
{
	return (table->baser & ~(GITS_BASER_INDIRECT | GITS_BASER_ADDR | GITS_BASER_PAGES)) |
	       (addr & GITS_BASER_ADDR) | GITS_BASER_VALID;
}

static u64 devices_baser_reg(void)
{
	return GITS_BASER + (its.devices - its.table) * 8;
}

/* Disabled, move the Device table onto the victim; enabled, map a device. */
static int run_move_table(const struct test *t)
{
	struct its_cmd cmd = mapd(free_dev, own_phys, ITT_EVENT_BITS);
	u64 evil = flat_baser(its.devices, victim);
	u64 reg = devices_baser_reg();
	enum queue_state state;
	u64 now;

	if (!its_set_enabled(false))
		return because("the ITS cannot be disabled");
	its_write(reg, evil, 8);
	now = its_read(reg, 8);
	if (!its_set_enabled(true))
		return because("the ITS cannot be enabled again");

	state = queue_post(&cmd, 1);

	if (!expect_success) {
		if (state == QUEUE_DONE && !unmap_dev(free_dev))
			return because("the device cannot be unmapped");
		if (now != its.devices->baser)
			return because("GITS_BASER is 0x%lx", now);
		return state == QUEUE_DONE ? KSFT_PASS :
			because("mapping a device no longer works");
	}

	/* No unmapping: that would clear the entry just written. */
	if (!its_set_enabled(false))
		return because("the ITS cannot be disabled");
	its_write(reg, its.devices->baser, 8);
	if (!its_set_enabled(true))
		return because("the ITS cannot be enabled again");

	if ((now & GITS_BASER_ADDR) != (evil & GITS_BASER_ADDR))
		return because("GITS_BASER is 0x%lx", now);

	return state == QUEUE_DONE ? KSFT_PASS : because("MAPD was refused");
}

/* The same by an entry of the L1 table, which stock leaves to the host. */
static int run_move_l2(const struct test *t)
{
	u64 l1_addr = its.devices->base + free_l1 * GITS_LVL1_ENTRY_SIZE;
	u64 per_l2 = its.devices->psz / its.devices->esz;
	u32 dev = free_l1 * per_l2 + VICTIM_L2_OFFSET / its.devices->esz;
	struct its_cmd cmd = mapd(dev, own_phys, ITT_EVENT_BITS);
	enum queue_state state;
	u64 l1;

	l1 = read_phys64(l1_addr);
	write_phys64(l1_addr, victim | GITS_L1_VALID);
	state = queue_post(&cmd, 1);
	write_phys64(l1_addr, l1);

	return state == QUEUE_DONE ? KSFT_PASS : because("MAPD was refused");
}

/* An L2 page of ours for the vPE table, a vPE in it with its VPT in the victim. */
static int run_vpe_attack(const struct test *t)
{
	u64 l1_addr = its.vpes->base + GITS_LVL1_ENTRY_SIZE;
	u32 vpe = its.vpes->psz / its.vpes->esz;
	struct its_cmd cmds[] = {
		vmapp(vpe, victim),
		vmapti(free_dev, 0, vpe, VPT_SIZE * 8 - 1),
		event_cmd(GITS_CMD_INT, free_dev, 0, 0),
		sync_cmd(its.rdbase),
	};
	struct its_cmd discard = event_cmd(GITS_CMD_DISCARD, free_dev, 0, 0);
	enum queue_state state;
	u64 l1;

	if (!own_vpt_phys || !its.vpes->indirect)
		return KSFT_SKIP;

	memset(own_vpt, 0, VPT_ALIGN);
	l1 = read_phys64(l1_addr);
	write_phys64(l1_addr, own_vpt_phys | GITS_L1_VALID);
	if (!map_free_dev())
		return because("MAPD or MAPTI refused");
	queue_post(&discard, 1);
	state = queue_post(cmds, ARRAY_SIZE(cmds));

	unmap_vpe(vpe);
	unmap_dev(free_dev);
	write_phys64(l1_addr, l1);

	return state == QUEUE_DONE ? KSFT_PASS : because("the queue stalled");
}

/* The ITS would take what is in the victim for commands: do not let it. */
static int run_move_queue(const struct test *t)
{
	u64 good = its.regs[3];
	u64 evil = (good & ~(GENMASK_ULL(51, 12) | GITS_CBASER_PAGES)) | victim;
	u64 now;

	if (!its_set_enabled(false))
		return because("the ITS cannot be disabled");

	its_write(GITS_CBASER, evil, 8);
	now = its_read(GITS_CBASER, 8);

	/* Both reset GITS_CREADR; what follows is ours to bring in step. */
	its_write(GITS_CBASER, good, 8);
	its_write(GITS_CWRITER, 0, 8);
	its.write = 0;
	if (!its_set_enabled(true))
		return because("the ITS cannot be enabled again");

	if (expect_success != (GITS_CBASER_ADDRESS(now) == victim))
		return because("GITS_CBASER is 0x%lx", now);

	return KSFT_PASS;
}

/* What the driver does on resume: the same values again, pointers at zero. */
static int run_resume(const struct test *t)
{
	struct its_cmd sync = sync_cmd(its.rdbase);
	int i;

	if (!its_set_enabled(false))
		return because("the ITS cannot be disabled");

	its_write(GITS_CBASER, its.regs[3], 8);
	its_write(GITS_CWRITER, 0, 8);
	its.write = 0;
	for (i = 0; i < GITS_BASER_NR_REGS; i++) {
		if (its.regs[5 + i] & GITS_BASER_VALID)
			its_write(GITS_BASER + 8 * i, its.regs[5 + i], 8);
	}
	if (its_read(GITS_CREADR, 8) || its_read(GITS_CWRITER, 8))
		because("the queue does not start at zero");
	if (!its_set_enabled(true))
		return because("the ITS cannot be enabled again");
	if (why[0])
		return KSFT_FAIL;

	return queue_post(&sync, 1) == QUEUE_DONE ? KSFT_PASS : because("the queue stands still");
}

/*
 * Everything else
 */

/* In range, but nothing there: EL2 may take or refuse each, not lose the queue. */
static int run_unmapped(const struct test *t)
{
	u16 icid = t->value - 1;
	struct its_cmd cmds[] = {
		event_cmd(GITS_CMD_INV, free_dev, 5, 0),
		event_cmd(GITS_CMD_MOVI, free_dev, 5, 0),
		event_cmd(GITS_CMD_INT, free_dev, 5, 0),
		event_cmd(GITS_CMD_CLEAR, free_dev, 5, 0),
		event_cmd(GITS_CMD_DISCARD, free_dev, 5, 0),
		its_cmd(GITS_CMD_INVALL, 0, 0, icid),
		mapti(free_dev, 1, LPI_UNUSED + 1, icid),
		event_cmd(GITS_CMD_INT, free_dev, 1, 0),
		event_cmd(GITS_CMD_MOVI, free_dev, 0, icid),
		event_cmd(GITS_CMD_INT, free_dev, 0, 0),
	};
	enum queue_state state;
	int ret = KSFT_PASS;
	unsigned int i;

	if (!map_free_dev())
		return because("the legal part was refused");

	for (i = 0; i < ARRAY_SIZE(cmds) && ret == KSFT_PASS; i++) {
		state = queue_post(&cmds[i], 1);
		if (state == QUEUE_STALLED)
			state = queue_repair();
		if (state != QUEUE_DONE)
			ret = because("the queue does not go on after command %u", i);
	}

	if (!unmap_dev(free_dev) && ret == KSFT_PASS)
		ret = because("unmapping refused");

	return ret;
}

static bool write_file(const char *path, const char *text)
{
	ssize_t len = strlen(text);
	bool ok;
	int fd;

	fd = open(path, O_WRONLY);
	if (fd < 0)
		return false;
	ok = write(fd, text, len) == len;
	close(fd);

	return ok;
}

static bool read_file(const char *path, char *text, size_t size)
{
	ssize_t len;
	int fd;

	fd = open(path, O_RDONLY);
	if (fd < 0)
		return false;
	len = read(fd, text, size - 1);
	close(fd);
	text[len < 0 ? 0 : len] = '\0';

	return len > 0;
}

/* An interrupt that the driver can be made to move by MOVI. */
static int find_irq(void)
{
	char line[1024];
	int irq = -1;
	FILE *f;

	f = fopen("/proc/interrupts", "r");
	if (!f)
		return -1;
	while (fgets(line, sizeof(line), f)) {
		if (strstr(line, "ITS-") && strstr(line, "virtio"))
			irq = strtol(line, NULL, 10);
	}
	fclose(f);

	return irq;
}

static bool log_says(int kmsg, const char *text, const char *more)
{
	char record[1024];
	bool found = false;
	ssize_t len;

	while ((len = read(kmsg, record, sizeof(record) - 1)) > 0) {
		record[len] = '\0';
		found |= strstr(record, text) && strstr(record, more);
	}

	return found;
}

/*
 * Leave the queue stalled right behind the driver's write pointer, and have the
 * driver post something: it must say so, skip the command and go on.
 */
static int run_driver(const struct test *t)
{
	struct its_cmd evil = mapd(free_dev, victim, ITT_EVENT_BITS);
	char path[64], effective[64], saved[64], now[64];
	char other[16];
	int irq, kmsg;
	bool moved;

	irq = find_irq();
	snprintf(path, sizeof(path), "/proc/irq/%d/effective_affinity_list", irq);
	if (irq < 0 || sysconf(_SC_NPROCESSORS_ONLN) < 2 ||
	    !read_file(path, effective, sizeof(effective))) {
		because("one CPU only, or no effective affinity");
		return KSFT_SKIP;
	}
	snprintf(other, sizeof(other), "%d", !atoi(effective));

	kmsg = open("/dev/kmsg", O_RDONLY | O_NONBLOCK);
	if (kmsg < 0)
		return because("no /dev/kmsg");
	lseek(kmsg, 0, SEEK_END);

	if (!queue_wind((its.home - ITS_CMD_SIZE + its.queue_size) % its.queue_size) ||
	    queue_post(&evil, 1) != QUEUE_STALLED) {
		close(kmsg);
		return because("the queue does not stall");
	}

	snprintf(path, sizeof(path), "/proc/irq/%d/smp_affinity_list", irq);
	moved = read_file(path, saved, sizeof(saved)) && write_file(path, other);

	/* From here on the driver's pointer is where it has got to. */
	its.write = its_read(GITS_CWRITER, 8) & GITS_QUEUE_OFFSET;
	its.home = its.write;
	if (queue_wait(its.write) != QUEUE_DONE) {
		close(kmsg);
		return because("the driver left the queue at 0x%lx",
			       its_read(GITS_CREADR, 8));
	}
	moved &= log_says(kmsg, "EL2 refused MAPD", "ITS@");
	close(kmsg);
	if (!moved)
		return because("the driver goes on, but does not say that MAPD was refused");

	snprintf(path, sizeof(path), "/proc/irq/%d/effective_affinity_list", irq);
	moved = read_file(path, now, sizeof(now)) && atoi(now) == atoi(other);
	if (moved && !interrupts_delivered())
		return because("no interrupts on CPU %s", other);

	snprintf(path, sizeof(path), "/proc/irq/%d/smp_affinity_list", irq);
	write_file(path, saved);
	its.write = its_read(GITS_CWRITER, 8) & GITS_QUEUE_OFFSET;
	its.home = its.write;

	return moved ? KSFT_PASS : because("the interrupt did not move");
}

static void *storm_thread(void *arg)
{
	const u64 moved = (its.regs[3] & ~GENMASK_ULL(51, 12)) | victim;
	const u64 flat = flat_baser(its.devices, victim);
	struct race *race = arg;
	unsigned int seed = 1;

	pin_to_cpu(race->cpu);
	while (!READ_ONCE(race->stop)) {
		u64 offset = rand_r(&seed) % its.queue_size & GITS_QUEUE_OFFSET;

		switch (rand_r(&seed) % 8) {
		case 0:
			its_write(GITS_CTLR, 0, 4);
			break;
		case 1:
		case 2:
			its_write(GITS_CTLR, GITS_CTLR_ENABLE, 4);
			break;
		case 3:
			its_write(GITS_CBASER, its.regs[3], 8);
			break;
		case 4:
			its_write(GITS_CBASER, moved, 8);
			break;
		case 5:
			its_write(devices_baser_reg(), flat, 8);
			break;
		case 6:
			its_write(GITS_CWRITER, offset, 8);
			break;
		default:
			its_write(GITS_CWRITER, offset | GITS_CWRITER_RETRY, 4);
			break;
		}
	}

	return NULL;
}

/* Two CPUs at everything at once. The ITS must come out of it by a resume. */
static int run_storm(const struct test *t)
{
	struct its_cmd evil = mapd(free_dev, victim, ITT_EVENT_BITS);
	struct its_cmd good = mapd(free_dev, own_phys, ITT_EVENT_BITS);
	struct its_cmd sync = sync_cmd(its.rdbase);
	struct its_cmd gone = unmapd(free_dev);
	struct race race = { .cpu = 1 };
	unsigned int seed = 2;
	enum queue_state state;
	unsigned int i;
	pthread_t thread;
	u64 offset, val;

	if (sysconf(_SC_NPROCESSORS_ONLN) < 2) {
		because("one CPU only");
		return KSFT_SKIP;
	}

	/* Old commands of the driver's are in the queue: not to be done again. */
	for (offset = 0; offset < its.queue_size; offset += ITS_CMD_SIZE)
		queue_put(offset, &sync);

	if (pthread_create(&thread, NULL, storm_thread, &race))
		return because("no thread");
	for (i = 0; i < STORM_ROUNDS; i++) {
		offset = its_read(GITS_CREADR, 8) & GITS_QUEUE_OFFSET;
		queue_put(offset, i % 4 == 3 ? &evil : &good);
		queue_put(queue_next(offset, 1 + rand_r(&seed) % 4), &gone);
		its_write(GITS_CWRITER, queue_next(offset, 6) | GITS_CWRITER_RETRY, 8);
	}
	WRITE_ONCE(race.stop, true);
	pthread_join(thread, NULL);

	for (offset = 0; offset < its.queue_size; offset += ITS_CMD_SIZE)
		queue_put(offset, &sync);
	if (!its_set_enabled(false))
		return because("the ITS cannot be disabled");
	its_write(GITS_CBASER, its.regs[3], 8);
	its_write(GITS_CWRITER, 0, 8);
	its.write = 0;
	if (!its_set_enabled(true))
		return because("the ITS cannot be enabled again");
	if (queue_wait(0) != QUEUE_DONE)
		return because("the queue does not start again");

	/* Mapped or not, by now: it must not be in the end. */
	state = queue_post(&gone, 1);
	if (state == QUEUE_STALLED)
		state = queue_repair();
	if (state != QUEUE_DONE || queue_post(&sync, 1) != QUEUE_DONE)
		return because("the queue stands still");

	return try_load(own_page, 8, &val) ? KSFT_PASS : because("the ITT did not come back");
}

static int run_mapd_attack(const struct test *t)
{
	struct its_cmd cmds[ITT_EVENTS + 2];
	enum queue_state state;
	unsigned int i;

	cmds[0] = mapd(free_dev, victim, ITT_EVENT_BITS);
	for (i = 0; i < ITT_EVENTS; i++)
		cmds[1 + i] = mapti(free_dev, i, LPI_UNUSED + i, 0);
	cmds[1 + ITT_EVENTS] = sync_cmd(its.rdbase);

	state = queue_post(cmds, ARRAY_SIZE(cmds));
	unmap_dev(free_dev);

	return state == QUEUE_DONE ? KSFT_PASS : because("the queue stalled");
}

/* Nothing may have been lost on the way. */
static int run_counts(const struct test *t)
{
	struct its_counts before = its.counts;
	struct its_counts after;

	read_counts(&after);
	if (before.devices != after.devices || before.itt_pages != after.itt_pages ||
	    before.owned != after.owned)
		return because("devices %lu, ITT pages %lu, pages %lu; were %lu, %lu, %lu",
			       after.devices,
			       after.itt_pages,
			       after.owned,
			       before.devices,
			       before.itt_pages,
			       before.owned);

	return KSFT_PASS;
}

/*
 * Things nobody thought of: registers, commands and first levels at random, from
 * all CPUs at once. What the driver uses is left alone, and no memory but our own
 * is offered: what a host gives away it does not get back.
 */

struct fuzzer {
	pthread_t thread;
	int cpu;
	u64 state;
	u64 actions;
};

static u64 fuzz_seed = 1;
static u64 fuzz_end;

static u64 fuzz_next(struct fuzzer *f)
{
	f->state ^= f->state << 13;
	f->state ^= f->state >> 7;
	f->state ^= f->state << 17;

	return f->state;
}

static u32 fuzz_below(struct fuzzer *f, u32 n)
{
	return (fuzz_next(f) >> 32) % n;
}

/* An address that is not the host's, or none at all. */
static u64 fuzz_bad_addr(struct fuzzer *f)
{
	const u64 addrs[] = {
		victim, victim + SZ_32K, pool, its.devices->base, its.queue, its.slots,
		its.base, its.redist, 0, GENMASK_ULL(51, 16),
		its.vpes ? its.vpes->base : victim,
	};

	return addrs[fuzz_below(f, ARRAY_SIZE(addrs))];
}

static u64 fuzz_itt(struct fuzzer *f)
{
	return fuzz_below(f, 4) ? own_phys : fuzz_bad_addr(f);
}

static u64 fuzz_vpt(struct fuzzer *f)
{
	return own_vpt_phys && has_vpe_l2 && fuzz_below(f, 4) ? own_vpt_phys : fuzz_bad_addr(f);
}

static u32 fuzz_dev(struct fuzzer *f)
{
	return fuzz_below(f, 16) ? free_dev - fuzz_below(f, FUZZ_DEVICES) :
				   0x80000000 | fuzz_next(f);
}

static u32 fuzz_vpe(struct fuzzer *f)
{
	return free_vpe - fuzz_below(f, FUZZ_DEVICES);
}

static u32 fuzz_event(struct fuzzer *f)
{
	return fuzz_below(f, 8) ? fuzz_below(f, ITT_EVENTS + 1) : fuzz_next(f);
}

static u32 fuzz_intid(struct fuzzer *f)
{
	return fuzz_below(f, 8) ? LPI_UNUSED + fuzz_below(f, 64) : fuzz_next(f);
}

static u64 fuzz_rdbase(struct fuzzer *f)
{
	return fuzz_below(f, 4) ? its.rdbase : fuzz_next(f);
}

static struct its_cmd fuzz_cmd(struct fuzzer *f)
{
	u32 dev = fuzz_dev(f), event = fuzz_event(f), vpe = fuzz_vpe(f);
	static const u8 event_cmds[] = {
		GITS_CMD_MAPI, GITS_CMD_MOVI, GITS_CMD_DISCARD, GITS_CMD_CLEAR, GITS_CMD_INT,
		GITS_CMD_INV,
	};
	static const u8 vpe_cmds[] = {
		GITS_CMD_VMAPP, GITS_CMD_VSYNC, GITS_CMD_VINVALL, GITS_CMD_VSGI, GITS_CMD_INVDB,
	};
	struct its_cmd cmd;

	switch (fuzz_below(f, 16)) {
	case 0 ... 2:
		/* A larger ITT in memory of ours would take what is behind it. */
		if (fuzz_below(f, 8))
			return mapd(dev, fuzz_itt(f), ITT_EVENT_BITS);
		return mapd(dev, fuzz_bad_addr(f), 1 + fuzz_below(f, 32));
	case 3:
		return unmapd(dev);
	case 4:
		return mapti(dev, event, fuzz_intid(f), fuzz_below(f, 2));
	case 5 ... 6:
		return event_cmd(event_cmds[fuzz_below(f, ARRAY_SIZE(event_cmds))], dev, event,
				 fuzz_below(f, 2));
	case 7:
		return mapc(FUZZ_ICID + fuzz_below(f, FUZZ_DEVICES), fuzz_rdbase(f));
	case 8:
		return sync_cmd(fuzz_rdbase(f));
	case 9:
		return movall(fuzz_next(f) | BIT_ULL(50), fuzz_rdbase(f));
	case 10 ... 11:
		return vmapp_sized(vpe, fuzz_vpt(f), fuzz_below(f, 8) ? VPT_INTID_BITS :
							   1 + fuzz_below(f, 32));
	case 12:
		return vpe_cmd(vpe_cmds[fuzz_below(f, ARRAY_SIZE(vpe_cmds))], vpe);
	case 13:
		return vmapti(dev, event, vpe, fuzz_intid(f));
	case 14:
		return vmovp(vpe, fuzz_rdbase(f));
	default:
		/* No DeviceID, ICID or vPEID that somebody uses. */
		cmd = (struct its_cmd) {
			{ fuzz_next(f) | BIT_ULL(63), fuzz_next(f) | BIT_ULL(47),
			  fuzz_next(f) | BIT_ULL(15) | BIT_ULL(50), fuzz_next(f) | BIT_ULL(51) }
		};
		return cmd;
	}
}

/*
 * Who holds it for reading does not care what others do to the same commands. But
 * of a MAPC and half of something else could come one for the driver's collections.
 */
static pthread_rwlock_t fuzz_lock = PTHREAD_RWLOCK_INITIALIZER;

static void fuzz_put(struct fuzzer *f, u64 at, bool racy)
{
	struct its_cmd cmd;

	do {
		cmd = fuzz_cmd(f);
	} while (racy && FIELD_GET(CMD0_OPCODE, cmd.dw[0]) == GITS_CMD_MAPC);

	queue_put(at, &cmd);
}

/* The driver's way to post, but for the care it takes. */
static void fuzz_post(struct fuzzer *f)
{
	unsigned int nr = 1 + fuzz_below(f, 4);
	struct its_cmd sync = sync_cmd(its.rdbase);
	bool racy = fuzz_below(f, 2);
	unsigned int i;
	u64 at;

	if (racy)
		pthread_rwlock_rdlock(&fuzz_lock);
	else
		pthread_rwlock_wrlock(&fuzz_lock);

	at = its_read(GITS_CWRITER, 8) & GITS_QUEUE_OFFSET;
	for (i = 0; i < nr; i++)
		fuzz_put(f, queue_next(at, i), racy);
	at = queue_next(at, nr);
	its_write(GITS_CWRITER, at, 8);

	for (i = 0; i < nr && its_read(GITS_CREADR, 8) & GITS_CREADR_STALLED; i++) {
		if (fuzz_below(f, 2))
			queue_put(queue_read_offset(), &sync);
		else
			fuzz_put(f, queue_read_offset(), racy);
		its_write(GITS_CWRITER, at | GITS_CWRITER_RETRY, 8);
	}

	pthread_rwlock_unlock(&fuzz_lock);
}

static void fuzz_register(struct fuzzer *f)
{
	static const u32 regs[] = {
		GITS_CTLR, GITS_IIDR, GITS_TYPER, GITS_CBASER, GITS_CWRITER, GITS_CREADR,
		GITS_BASER, GITS_BASER + 8, GITS_BASER + 16, GITS_BASER + 56,
	};
	unsigned int width = BIT(fuzz_below(f, 4));
	u64 offset, val;

	offset = fuzz_below(f, 4) ? regs[fuzz_below(f, ARRAY_SIZE(regs))] + fuzz_below(f, 8) :
				    fuzz_below(f, ITS_FRAME_SIZE);
	offset &= ~(width - 1ULL);
	val = its_read(offset, width);
	if (fuzz_below(f, 2))
		return;

	/* One bit, all bits, or an address. */
	switch (fuzz_below(f, 3)) {
	case 0:
		val ^= BIT_ULL(fuzz_below(f, 64));
		break;
	case 1:
		val = fuzz_next(f);
		break;
	case 2:
		val = (val & ~GITS_L1_ADDR) | fuzz_bad_addr(f);
		break;
	}
	/* If it is legal it is a long way to go, over what nobody has written. */
	if (offset == GITS_CWRITER)
		val |= BIT_ULL(1 + fuzz_below(f, 4));
	its_write(offset, val, width);
	if (offset == GITS_CTLR)
		its_write(GITS_CTLR, GITS_CTLR_ENABLE, 4);
}

static void fuzz_l1(struct fuzzer *f)
{
	u64 addr = its.devices->shadow + free_l1 * GITS_LVL1_ENTRY_SIZE;
	u64 l1 = fuzz_bad_addr(f) | GITS_L1_VALID;
	struct its_cmd cmd;

	if (!has_free_l1 || !its.devices->shadow)
		return;

	if (!fuzz_below(f, 4))
		l1 |= fuzz_next(f) & (GENMASK_ULL(62, 52) | GENMASK_ULL(11, 0));
	pthread_rwlock_rdlock(&fuzz_lock);
	write_phys64(addr, l1);
	cmd = mapd(free_l1 * (its.devices->psz / its.devices->esz), own_phys, ITT_EVENT_BITS);
	queue_put(its_read(GITS_CWRITER, 8) & GITS_QUEUE_OFFSET, &cmd);
	fuzz_register(f);
	write_phys64(addr, 0);
	pthread_rwlock_unlock(&fuzz_lock);
}

static void *fuzz_thread(void *arg)
{
	struct fuzzer *f = arg;

	pin_to_cpu(f->cpu);
	while (now_ms() < fuzz_end) {
		switch (fuzz_below(f, 8)) {
		case 0 ... 3:
			fuzz_register(f);
			break;
		case 4:
			if (!f->cpu)
				fuzz_l1(f);
			break;
		default:
			fuzz_post(f);
			break;
		}
		f->actions++;
	}

	return NULL;
}

/* Whatever is left mapped, and wherever the queue stands. */
static bool fuzz_clean_up(void)
{
	unsigned int tries = its.queue_size / ITS_CMD_SIZE * 2;
	struct its_cmd cmd;
	unsigned int i;

	its_set_enabled(true);
	its.write = its_read(GITS_CWRITER, 8) & GITS_QUEUE_OFFSET;
	while (queue_wait(its.write) == QUEUE_STALLED && tries--)
		queue_repair();

	for (i = 0; i < FUZZ_DEVICES; i++) {
		unmap_dev(free_dev - i);
		while (queue_wait(its.write) == QUEUE_STALLED && tries--)
			queue_repair();
		cmd = its_cmd(GITS_CMD_MAPC, 0, 0, FUZZ_ICID + i);
		queue_post(&cmd, 1);
		if (its.vpes)
			unmap_vpe(free_vpe - i);
		while (queue_wait(its.write) == QUEUE_STALLED && tries--)
			queue_repair();
	}

	return queue_wait(its.write) == QUEUE_DONE;
}

static int run_fuzz(const struct test *t)
{
	unsigned int nr = sysconf(_SC_NPROCESSORS_ONLN);
	struct its_cmd sync = sync_cmd(its.rdbase);
	struct fuzzer fuzzers[nr];
	u64 actions = 0;
	unsigned int i;
	u64 offset;
	int ret;

	/* Where the write pointer goes back, the ITS goes around: let it. */
	for (offset = 0; offset < its.queue_size; offset += ITS_CMD_SIZE)
		queue_put(offset, &sync);

	fuzz_end = now_ms() + t->value * 1000;
	for (i = 0; i < nr; i++) {
		fuzzers[i] = (struct fuzzer) {
			.cpu	= i,
			.state	= (fuzz_seed * nr + i + 1) * 0x9e3779b97f4a7c15ULL,
		};
		if (pthread_create(&fuzzers[i].thread, NULL, fuzz_thread, &fuzzers[i]))
			ksft_exit_fail_perror("pthread_create");
	}

	/* MSIs fly meanwhile. Some get lost while the ITS is disabled. */
	while (now_ms() < fuzz_end)
		interrupts_delivered();
	for (i = 0; i < nr; i++) {
		pthread_join(fuzzers[i].thread, NULL);
		actions += fuzzers[i].actions;
	}
	pin_to_cpu(0);

	its.was_disabled = true;
	ret = fuzz_clean_up() ? KSFT_PASS : because("the queue does not go on");
	ksft_print_msg("seed %lu: %lu actions\n", fuzz_seed, actions);

	return ret;
}

/*
 * The list of tests
 */

static __printf(2, 3) struct test *add_test(int (*run)(const struct test *t),
					    const char *fmt, ...)
{
	struct test *t = &tests[nr_tests];
	va_list ap;

	if (nr_tests == MAX_TESTS)
		ksft_exit_fail_msg("too many tests\n");
	nr_tests++;

	va_start(ap, fmt);
	vsnprintf(t->name, sizeof(t->name), fmt, ap);
	va_end(ap);
	t->run = run;

	return t;
}

static const char *table_name(const struct its_table *table)
{
	switch (table->type) {
	case GITS_BASER_TYPE_DEVICE:
		return "Device";
	case GITS_BASER_TYPE_VCPU:
		return "vPE";
	case GITS_BASER_TYPE_COLLECTION:
		return "Collection";
	default:
		return "unknown";
	}
}

static void add_cpu_access(u64 addr, const char *what)
{
	add_test(run_cpu_access, "CPU reads %s", what)->addr = addr;
	add_test(run_cpu_access, "CPU writes %s", what)->addr = addr;
	tests[nr_tests - 1].write = true;
}

static void add_cpu_accesses(void)
{
	unsigned int i, j, nr_l2;
	char what[64];

	for (i = 0; i < GITS_BASER_NR_REGS; i++) {
		struct its_table *table = &its.table[i];
		u64 l1, l1_base;

		if (!table->type || !table->base)
			continue;

		snprintf(what, sizeof(what), "the %s table", table_name(table));
		add_cpu_access(table->base, what);
		snprintf(what, sizeof(what), "the end of the %s table", table_name(table));
		add_cpu_access(table->base + table->size - 8, what);

		if (!table->indirect)
			continue;

		/* The copy that the host writes says where the L2 pages are. */
		l1_base = table->shadow ? : table->base;
		for (j = 0, nr_l2 = 0; j < table->size / GITS_LVL1_ENTRY_SIZE && nr_l2 < 4; j++) {
			l1 = read_phys64(l1_base + j * GITS_LVL1_ENTRY_SIZE);
			if (!(l1 & GITS_L1_VALID))
				continue;
			snprintf(what, sizeof(what), "L2 page %u of the %s table",
				 j, table_name(table));
			add_cpu_access(l1 & GITS_L1_ADDR, what);
			nr_l2++;
		}
	}

	add_cpu_access(its.queue, "the command queue");
	add_cpu_access(its.queue + its.queue_size - 8, "the end of the command queue");
}

/* One command that must be refused, while something is mapped or the ITS is off. */
struct refusal {
	const char *name;
	struct its_cmd cmd;
	enum { PLAIN, MAPPED, DISABLED, VPE_MAPPED, BOTH_MAPPED } meanwhile;
};

static void add_refused(const struct refusal *list, unsigned int nr)
{
	unsigned int i;
	struct test *t;

	for (i = 0; i < nr; i++) {
		t = add_test(run_refused, "%s", list[i].name);
		t->cmd[0] = list[i].cmd;
		t->nr_cmds = 1;
		t->mapped = list[i].meanwhile == MAPPED || list[i].meanwhile == BOTH_MAPPED;
		t->vpe_mapped = list[i].meanwhile == VPE_MAPPED ||
				list[i].meanwhile == BOTH_MAPPED;
		t->disabled = list[i].meanwhile == DISABLED;
	}
}

static void add_refused_mapd(void)
{
	u8 id_bits = FIELD_GET(GITS_TYPER_IDBITS, its.typer) + 1;
	u8 dev_bits = FIELD_GET(GITS_TYPER_DEVBITS, its.typer) + 1;
	u64 l2_entries = its.devices->psz / its.devices->esz;
	u64 nr_devs = its.devices->size / its.devices->esz;
	const struct refusal list[] = {
		{ "MAPD with an ITT in hypervisor memory, posted while disabled",
		  mapd(free_dev, victim, ITT_EVENT_BITS), DISABLED },
		{ "MAPD with an ITT in the Device table",
		  mapd(free_dev, its.devices->base, ITT_EVENT_BITS) },
		{ "MAPD with an ITT in the command queue",
		  mapd(free_dev, its.queue, ITT_EVENT_BITS) },
		{ "MAPD with an ITT in the shadow queue",
		  mapd(free_dev, its.slots, ITT_EVENT_BITS) },
		{ "MAPD with an ITT in the control frame",
		  mapd(free_dev, its.base, ITT_EVENT_BITS) },
		{ "MAPD with an ITT in a redistributor",
		  mapd(free_dev, its.redist, ITT_EVENT_BITS) },
		{ "MAPD with an ITT where there is nothing",
		  mapd(free_dev, GENMASK_ULL(51, 16), ITT_EVENT_BITS) },
		{ "MAPD with an ITT at address 0", mapd(free_dev, 0, ITT_EVENT_BITS) },
		{ "MAPD with the ITT of another device",
		  mapd(free_dev - 1, own_phys, ITT_EVENT_BITS), MAPPED },
		{ "MAPD of a device that is mapped",
		  mapd(free_dev, own_phys, ITT_EVENT_BITS), MAPPED },
		{ "MAPD of a device that is mapped, with an ITT in hypervisor memory",
		  mapd(free_dev, victim, ITT_EVENT_BITS), MAPPED },
		{ "MAPD that unmaps an unknown device", unmapd(free_dev) },
	};
	const struct refusal straddle = {
		"MAPD with an ITT that ends in hypervisor memory",
		mapd(free_dev, pool - page_size, id_bits)
	};
	const struct refusal size = {
		"MAPD with more events than GITS_TYPER has",
		mapd(free_dev, own_phys, id_bits + 1)
	};
	struct test *t;

	t = add_test(run_refused, "MAPD with an ITT in hypervisor memory, then MAPTI");
	t->cmd[0] = mapd(free_dev, victim, ITT_EVENT_BITS);
	t->cmd[1] = mapti(free_dev, 0, LPI_UNUSED, 0);
	t->nr_cmds = 2;

	add_refused(list, ARRAY_SIZE(list));
	if (pool)
		add_refused(&straddle, 1);
	if (id_bits < 32)
		add_refused(&size, 1);

	if (its.devices->indirect)
		nr_devs = its.devices->size / GITS_LVL1_ENTRY_SIZE * l2_entries;
	if (nr_devs > BIT_ULL(dev_bits))
		nr_devs = BIT_ULL(dev_bits);
	if (nr_devs <= UINT32_MAX) {
		const struct refusal devs[] = {
			{ "MAPD of the first device out of range",
			  mapd(nr_devs, own_phys, ITT_EVENT_BITS) },
			{ "MAPD of the last device there can be",
			  mapd(UINT32_MAX, own_phys, ITT_EVENT_BITS) },
		};

		add_refused(devs, ARRAY_SIZE(devs));
	}
}

/*
 * By command @cmd, which maps something to @own and needs entry @index of the
 * first level of @table. @live is an entry that is in use, or 0.
 */
static void add_bad_l1(const struct its_table *table, const char *name, struct its_cmd cmd,
		       u64 index, u64 own, u64 live)
{
	const struct {
		const char *name;
		u64 l1;
	} list[] = {
		{ "no L2 page",				0 },
		{ "an L2 page in hypervisor memory",	victim | GITS_L1_VALID },
		{ "an unaligned L2 page",		(own_phys + 0x800) | GITS_L1_VALID },
		{ "reserved bits set",			own_phys | GITS_L1_VALID | BIT_ULL(62) },
		{ "all bits set",			~0ULL },
		{ "what it maps for an L2 page",	own | GITS_L1_VALID },
		{ "its own table for an L2 page",	table->base | GITS_L1_VALID },
		{ "the command queue for an L2 page",	its.queue | GITS_L1_VALID },
		{ "the shadow queue for an L2 page",	its.slots | GITS_L1_VALID },
		{ "the control frame for an L2 page",	its.base | GITS_L1_VALID },
		{ "an L2 page at address 0",		GITS_L1_VALID },
		{ "an L2 page that is in use",		live },
	};
	unsigned int i;
	struct test *t;

	for (i = 0; i < ARRAY_SIZE(list) - !live; i++) {
		t = add_test(run_refused, "%s by an L1 entry with %s", name, list[i].name);
		t->cmd[0] = cmd;
		t->nr_cmds = 1;
		t->table = table;
		t->l1_index = index;
		t->l1 = list[i].l1;
	}
}

static void add_device_l1_attacks(void)
{
	u32 per_page = its.devices->psz / its.devices->esz;
	u64 used = free_dev / per_page;
	struct test *t;

	if (has_free_l1)
		add_bad_l1(its.devices, "MAPD",
			   mapd(free_l1 * per_page, own_phys, ITT_EVENT_BITS), free_l1, own_phys,
			   read_phys64(its.devices->shadow + used * GITS_LVL1_ENTRY_SIZE));

	t = add_test(run_live_l1, "MAPD by an L1 entry changed after the fact");
	t->l1_index = used;
	t->l1 = victim | GITS_L1_VALID;
}

/* With an address in the hypervisor, wherever the command has one. */
static void add_refused_opcode(const char *name, u8 opcode)
{
	struct test *t = add_test(run_refused, "%s is refused", name);

	t->cmd[0] = its_cmd(opcode, free_dev, LPI_UNUSED, CMD2_VALID | victim);
	t->cmd[0].dw[3] = victim;
	t->nr_cmds = 1;
}

static void add_refused_vmapp(void)
{
	const struct refusal list[] = {
		{ "VMAPP with a VPT in hypervisor memory", vmapp(free_vpe, victim) },
		{ "VMAPP with a VPT in hypervisor memory, posted while disabled",
		  vmapp(free_vpe, victim), DISABLED },
		{ "VMAPP with a VPT in the vPE table", vmapp(free_vpe, its.vpes->base) },
		{ "VMAPP with a VPT in the Device table", vmapp(free_vpe, its.devices->base) },
		{ "VMAPP with a VPT in the command queue", vmapp(free_vpe, its.queue) },
		{ "VMAPP with a VPT in the shadow queue", vmapp(free_vpe, its.slots) },
		{ "VMAPP with a VPT in the control frame", vmapp(free_vpe, its.base) },
		{ "VMAPP with a VPT in a redistributor", vmapp(free_vpe, its.redist) },
		{ "VMAPP with a VPT where there is nothing",
		  vmapp(free_vpe, GENMASK_ULL(51, 16)) },
		{ "VMAPP with a VPT at address 0", vmapp(free_vpe, 0) },
		{ "VMAPP with a VPT that has no LPI",
		  vmapp_sized(free_vpe, own_vpt_phys, 13) },
		{ "VMAPP with the largest VPT there can be",
		  vmapp_sized(free_vpe, own_vpt_phys, 32) },
		{ "VMAPP that unmaps an unknown vPE", vpe_cmd(GITS_CMD_VMAPP, free_vpe) },
		{ "VMOVP of an unknown vPE", vmovp(free_vpe, its.rdbase) },
		{ "VINVALL of an unknown vPE", vpe_cmd(GITS_CMD_VINVALL, free_vpe) },
		{ "VMAPTI to an unknown vPE",
		  vmapti(free_dev, 1, free_vpe, LPI_FIRST), MAPPED },
		{ "VMAPI to an unknown vPE",
		  vpe_event_cmd(GITS_CMD_VMAPI, free_dev, 1, free_vpe, 0, NO_DOORBELL), MAPPED },
		{ "VMOVI to an unknown vPE",
		  vpe_event_cmd(GITS_CMD_VMOVI, free_dev, 0, free_vpe, 0, NO_DOORBELL), MAPPED },
	};
	struct test *t;

	t = add_test(run_refused, "VMAPP onto hypervisor memory, then VMAPTI, INT, VINVALL");
	t->cmd[0] = vmapp(free_vpe, victim);
	t->cmd[1] = vmapti(free_dev, 0, free_vpe, LPI_FIRST);
	t->cmd[2] = event_cmd(GITS_CMD_INT, free_dev, 0, 0);
	t->cmd[3] = vpe_cmd(GITS_CMD_VINVALL, free_vpe);
	t->nr_cmds = 4;

	add_refused(list, ARRAY_SIZE(list));
}

static void add_refused_vpes(void)
{
	u64 bad_rdbase = its.typer & GITS_TYPER_PTA ? victim : 0x7fff0000;
	const struct refusal list[] = {
		{ "VMAPP of a vPE that is mapped",
		  vmapp(free_vpe, own_vpt_phys + VPT_ALIGN), VPE_MAPPED },
		{ "VMAPP of a vPE that is mapped, with its own VPT",
		  vmapp(free_vpe, own_vpt_phys), VPE_MAPPED },
		{ "VMAPP of a vPE that is mapped, with a VPT in hypervisor memory",
		  vmapp(free_vpe, victim), VPE_MAPPED },
		{ "VMAPP with the VPT of another vPE",
		  vmapp(free_vpe - 1, own_vpt_phys), VPE_MAPPED },
		{ "MAPD with a VPT for an ITT",
		  mapd(free_dev, own_vpt_phys, ITT_EVENT_BITS), VPE_MAPPED },
		{ "VMOVP to no redistributor", vmovp(free_vpe, bad_rdbase), VPE_MAPPED },
		{ "VMOVP to the highest RDbase", vmovp(free_vpe, ~0ULL), VPE_MAPPED },
		{ "VMAPTI of an unknown device",
		  vmapti(free_dev, 0, free_vpe, LPI_FIRST), VPE_MAPPED },
		{ "VMAPTI of an event out of range",
		  vmapti(free_dev, ITT_EVENTS, free_vpe, LPI_FIRST), BOTH_MAPPED },
		{ "VMAPTI to a virtual SPI", vmapti(free_dev, 1, free_vpe, 40), BOTH_MAPPED },
		{ "VMAPTI below the virtual LPIs",
		  vmapti(free_dev, 1, free_vpe, LPI_FIRST - 1), BOTH_MAPPED },
		{ "VMAPTI beyond the VPT",
		  vmapti(free_dev, 1, free_vpe, VPT_SIZE * 8), BOTH_MAPPED },
		{ "VMAPTI to the last vINTID there can be",
		  vmapti(free_dev, 1, free_vpe, UINT32_MAX), BOTH_MAPPED },
		{ "VMAPTI with an SPI for a doorbell",
		  vpe_event_cmd(GITS_CMD_VMAPTI, free_dev, 1, free_vpe, LPI_FIRST, 40),
		  BOTH_MAPPED },
		{ "VMAPI to what is no virtual LPI",
		  vpe_event_cmd(GITS_CMD_VMAPI, free_dev, 2, free_vpe, 0, NO_DOORBELL),
		  BOTH_MAPPED },
		{ "VMOVI with an SPI for a doorbell",
		  vpe_event_cmd(GITS_CMD_VMOVI, free_dev, 0, free_vpe, CMD2_HAS_DOORBELL, 40),
		  BOTH_MAPPED },
		{ "VMOVI of an event out of range",
		  vpe_event_cmd(GITS_CMD_VMOVI, free_dev, ITT_EVENTS, free_vpe, 0, NO_DOORBELL),
		  BOTH_MAPPED },
	};

	add_test(run_legal_vpe, "a vPE mapped, used and unmapped");
	add_refused(list, ARRAY_SIZE(list));
}

#define FREE_VPE_L1	7

/* With a VPT that may be used, so that the L1 entry is what is wrong. */
static void add_vpe_l1_attacks(void)
{
	u32 vpe = its.vpes->psz / its.vpes->esz * FREE_VPE_L1;

	add_bad_l1(its.vpes, "VMAPP", vmapp(vpe, own_vpt_phys), FREE_VPE_L1, own_vpt_phys,
		   has_vpe_l2 ? read_phys64(its.vpes->shadow) : 0);
}

static void add_vpe_tests(void)
{
	add_refused_vmapp();
	if (!own_vpt_phys)
		return;
	if (has_vpe_l2)
		add_refused_vpes();
	if (its.vpes->indirect && its.vpes->shadow)
		add_vpe_l1_attacks();
}

static void add_refused_others(void)
{
	const struct its_table *table = its.table;
	u64 nr_icids = GITS_TYPER_HCC(its.typer);
	u64 bad_rdbase;
	u16 icid;
	int i;

	for (i = 0; i < GITS_BASER_NR_REGS; i++) {
		if (table[i].type == GITS_BASER_TYPE_COLLECTION && table[i].base)
			nr_icids += table[i].indirect ?
				    table[i].size / GITS_LVL1_ENTRY_SIZE *
				    (table[i].psz / table[i].esz) :
				    table[i].size / table[i].esz;
	}
	icid = nr_icids <= UINT16_MAX ? nr_icids : 0;

	/* Where RDbase is an address it is one more way into memory. */
	bad_rdbase = its.typer & GITS_TYPER_PTA ? victim : 0x7fff0000;

	const struct refusal list[] = {
		{ "MAPTI of an unknown device", mapti(free_dev, 0, LPI_UNUSED, 0) },
		{ "MAPTI of a device out of range", mapti(UINT32_MAX, 0, LPI_UNUSED, 0) },
		{ "MAPTI of the first event out of range",
		  mapti(free_dev, ITT_EVENTS, LPI_UNUSED, 0), MAPPED },
		{ "MAPTI of the last event there can be",
		  mapti(free_dev, UINT32_MAX, LPI_UNUSED, 0), MAPPED },
		{ "MAPTI to an SPI", mapti(free_dev, 1, 40, 0), MAPPED },
		{ "MAPTI below the LPIs", mapti(free_dev, 1, LPI_FIRST - 1, 0), MAPPED },
		{ "MAPTI beyond the LPIs", mapti(free_dev, 1, UINT32_MAX, 0), MAPPED },
		{ "MAPI to what is no LPI", event_cmd(GITS_CMD_MAPI, free_dev, 2, 0), MAPPED },
		{ "MOVI of an event out of range",
		  event_cmd(GITS_CMD_MOVI, free_dev, ITT_EVENTS, 0), MAPPED },
		{ "DISCARD of an event out of range",
		  event_cmd(GITS_CMD_DISCARD, free_dev, ITT_EVENTS, 0), MAPPED },
		{ "CLEAR of an event out of range",
		  event_cmd(GITS_CMD_CLEAR, free_dev, ITT_EVENTS, 0), MAPPED },
		{ "INT of an event out of range",
		  event_cmd(GITS_CMD_INT, free_dev, ITT_EVENTS, 0), MAPPED },
		{ "INV of an event out of range",
		  event_cmd(GITS_CMD_INV, free_dev, ITT_EVENTS, 0), MAPPED },
		{ "MOVI of an unknown device", event_cmd(GITS_CMD_MOVI, free_dev, 0, 0) },
		{ "DISCARD of an unknown device",
		  event_cmd(GITS_CMD_DISCARD, free_dev, 0, 0) },
		{ "CLEAR of an unknown device", event_cmd(GITS_CMD_CLEAR, free_dev, 0, 0) },
		{ "INT of an unknown device", event_cmd(GITS_CMD_INT, free_dev, 0, 0) },
		{ "INV of an unknown device", event_cmd(GITS_CMD_INV, free_dev, 0, 0) },
		{ "MAPC to no redistributor", mapc(0, bad_rdbase) },
		{ "MAPC to the highest RDbase", mapc(0, ~0ULL) },
		{ "SYNC to no redistributor", sync_cmd(bad_rdbase) },
		{ "SYNC to the highest RDbase", sync_cmd(~0ULL) },
		{ "MOVALL from no redistributor", movall(bad_rdbase, its.rdbase) },
		{ "MOVALL to no redistributor", movall(its.rdbase, bad_rdbase) },
	};
	const struct refusal icids[] = {
		{ "MAPC of a collection out of range", mapc(icid, its.rdbase) },
		{ "INVALL of a collection out of range",
		  its_cmd(GITS_CMD_INVALL, 0, 0, icid) },
		{ "MAPTI to a collection out of range",
		  mapti(free_dev, 1, LPI_UNUSED + 1, icid), MAPPED },
		{ "MOVI to a collection out of range",
		  event_cmd(GITS_CMD_MOVI, free_dev, 0, icid), MAPPED },
	};
	/* On an ITS that has them, all but the last two may be legal: see above. */
	const struct {
		const char *name;
		u8 opcode;
	} v4_opcodes[] = {
		{ "VMAPP",		GITS_CMD_VMAPP },
		{ "VMAPTI",		GITS_CMD_VMAPTI },
		{ "VMAPI",		GITS_CMD_VMAPI },
		{ "VMOVI",		GITS_CMD_VMOVI },
		{ "VMOVP",		GITS_CMD_VMOVP },
		{ "VSYNC",		GITS_CMD_VSYNC },
		{ "VINVALL",		GITS_CMD_VINVALL },
		{ "VSGI",		GITS_CMD_VSGI },
		{ "INVDB",		GITS_CMD_INVDB },
	}, opcodes[] = {
		{ "the command 0x00",	0x00 },
		{ "the command 0x02",	0x02 },
		{ "the command 0x3f",	0x3f },
		{ "the command 0x48",	0x48 },
		{ "the command 0xff",	0xff },
	};

	add_refused(list, ARRAY_SIZE(list));
	add_test(run_unmapped, "events and collections that are not mapped")->value = nr_icids;
	if (icid)
		add_refused(icids, ARRAY_SIZE(icids));

	i = its.typer & GITS_TYPER_VLPIS ? ARRAY_SIZE(v4_opcodes) - 2 : 0;
	for (; !(its.typer & GITS_TYPER_VMAPP) && i < ARRAY_SIZE(v4_opcodes); i++)
		add_refused_opcode(v4_opcodes[i].name, v4_opcodes[i].opcode);
	for (i = 0; i < ARRAY_SIZE(opcodes); i++)
		add_refused_opcode(opcodes[i].name, opcodes[i].opcode);
}

static void add_reg_write(const char *name, u64 offset, u64 value, unsigned int width)
{
	unsigned int i;
	struct test *t;

	for (i = 0; i < 2; i++) {
		t = add_test(run_reg_write, "%s%s", name, i ? ", disabled" : "");
		t->addr = offset;
		t->value = value;
		t->width = width;
		t->disabled = i;
	}
}

static void add_bad_write_pointers(void)
{
	const u32 size = its.queue_size;
	const struct {
		const char *name;
		u64 value;
		unsigned int width;
	} writers[] = {
		{ "at the end of the queue",	size,				8 },
		{ "beyond the queue",		2 * size,			8 },
		{ "as far as it goes",		GITS_QUEUE_OFFSET,		4 },
		{ "inside a command",		8,				8 },
		{ "at an odd address",		1 << 4,				4 },
		{ "with reserved bits",		BIT_ULL(20),			8 },
		{ "with its upper half set",	BIT_ULL(32) | ITS_CMD_SIZE,	8 },
		{ "with all bits set",		~0ULL,				8 },
	};
	struct test *t;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(writers); i++) {
		/* A queue as large as they get has no such write pointer. */
		if (writers[i].value <= GITS_QUEUE_OFFSET && writers[i].value >= SZ_4K &&
		    writers[i].value < size)
			continue;
		t = add_test(run_bad_write_pointer, "GITS_CWRITER %s", writers[i].name);
		t->addr = GITS_CWRITER;
		t->value = writers[i].value;
		t->width = writers[i].width;
	}
}

static void add_reg_accesses(void)
{
	u64 ctlr = its.regs[0] & ~GITS_CTLR_ENABLE;
	u64 cbaser = its.regs[3];
	u64 devices = devices_baser_reg();
	u64 baser = its.devices->baser;
	static const struct {
		const char *name;
		u64 offset;
	} regs[] = {
		{ "GITS_CTLR",		GITS_CTLR },
		{ "GITS_TYPER",		GITS_TYPER },
		{ "GITS_CBASER",	GITS_CBASER },
		{ "GITS_CWRITER",	GITS_CWRITER },
		{ "GITS_CREADR",	GITS_CREADR },
		{ "GITS_BASER0",	GITS_BASER },
	};
	static const struct {
		const char *name;
		u64 offset;
	} wide[] = {
		{ "GITS_TYPER",		GITS_TYPER },
		{ "GITS_CBASER",	GITS_CBASER },
		{ "GITS_CWRITER",	GITS_CWRITER },
		{ "GITS_CREADR",	GITS_CREADR },
	};
	static const struct {
		const char *name;
		u64 offset;
		u64 value;
		unsigned int width;
	} bad[] = {
		{ "a misaligned half of GITS_CBASER",	GITS_CBASER + 2,	~0ULL,	4 },
		{ "a misaligned GITS_CBASER",		GITS_CBASER + 4,	~0ULL,	8 },
		{ "an odd GITS_BASER0",			GITS_BASER + 1,		~0ULL,	8 },
		{ "GITS_CWRITER and half of GITS_CREADR", GITS_CWRITER + 4,	32,	8 },
		{ "an odd halfword",			GITS_CTLR + 1,		0,	2 },
		{ "all of GITS_CTLR and GITS_IIDR",	GITS_CTLR,		~0ULL,	8 },
		{ "the unknown register at 0xa0",	0xa0,			~0ULL,	8 },
		{ "the unknown register at 0x140",	0x140,			~0ULL,	8 },
		{ "the unknown register at 0x800",	0x800,			~0ULL,	4 },
		{ "the unknown register at 0xc000",	0xc000,			~0ULL,	8 },
		{ "the upper half of GITS_CWRITER",	GITS_CWRITER + 4,	~0ULL,	4 },
	};
	unsigned int i, width;
	struct test *t;

	add_reg_write("GITS_CTLR, all bits but Enabled and ImDe flipped", GITS_CTLR,
		      ctlr ^ GENMASK(30, 2), 4);
	/* The same with Enabled set is only meant for an ITS which is. */
	tests[nr_tests - 2].value |= GITS_CTLR_ENABLE;
	add_reg_write("GITS_IIDR, flipped", GITS_IIDR, ~its.regs[1], 4);
	add_reg_write("GITS_TYPER, flipped", GITS_TYPER, ~its.typer, 8);
	add_reg_write("GITS_CREADR, moved", GITS_CREADR, ITS_CMD_SIZE, 8);
	add_reg_write("GITS_CREADR, stalled", GITS_CREADR, GITS_CREADR_STALLED, 4);
	add_reg_write("GITS_CBASER, cleared", GITS_CBASER, 0, 8);
	add_reg_write("GITS_CBASER, not valid", GITS_CBASER, cbaser & ~GITS_CBASER_VALID, 8);
	add_reg_write("GITS_CBASER, in hypervisor memory", GITS_CBASER,
		      (cbaser & ~GENMASK_ULL(51, 12)) | victim, 8);
	add_reg_write("GITS_CBASER, larger", GITS_CBASER, cbaser | GITS_CBASER_PAGES, 8);
	add_reg_write("GITS_CBASER, at the shadow queue", GITS_CBASER,
		      (cbaser & ~GENMASK_ULL(51, 12)) | its.slots, 8);
	add_reg_write("GITS_CBASER, its lower half", GITS_CBASER, victim, 4);
	add_reg_write("GITS_CBASER, its upper half", GITS_CBASER + 4, 0, 4);
	add_reg_write("the Device table, cleared", devices, 0, 8);
	add_reg_write("the Device table, in hypervisor memory", devices,
		      (baser & ~GITS_BASER_ADDR) | victim, 8);
	add_reg_write("the Device table, flat", devices, baser ^ GITS_BASER_INDIRECT, 8);
	add_reg_write("the Device table, larger", devices, baser | GITS_BASER_PAGES, 8);
	add_reg_write("the Device table, its lower half", devices, victim, 4);
	add_reg_write("the Device table, its upper half", devices + 4, 0, 4);
	add_reg_write("the last table, valid", GITS_BASER + 8 * (GITS_BASER_NR_REGS - 1),
		      GITS_BASER_VALID | victim, 8);

	for (width = 1; width <= 2; width++) {
		for (i = 0; i < ARRAY_SIZE(regs); i++) {
			t = add_test(run_reg_raz_wi, "%s by %s", regs[i].name,
				     width == 1 ? "byte" : "halfword");
			t->addr = regs[i].offset;
			t->width = width;
			t->value = width == 1 ? 0x40 : 0x4040;
		}
	}
	for (i = 0; i < ARRAY_SIZE(wide); i++) {
		t = add_test(run_reg_halves, "%s by halves", wide[i].name);
		t->addr = wide[i].offset;
	}
	for (i = 0; i < GITS_BASER_NR_REGS; i++) {
		t = add_test(run_reg_halves, "GITS_BASER%u by halves", i);
		t->addr = GITS_BASER + 8 * i;
	}
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		t = add_test(run_reg_raz_wi, "%s", bad[i].name);
		t->addr = bad[i].offset;
		t->width = bad[i].width;
		t->value = bad[i].value;
	}
	for (i = 0; i < ARRAY_SIZE(no_syndrome); i++) {
		t = add_test(run_no_syndrome, "GITS_CBASER by %s faults", no_syndrome[i].name);
		t->value = i;
	}
}

static void add_tests(u64 fuzz_seconds)
{
	if (fuzz_seconds) {
		add_test(run_fuzz, "%lu seconds of anything", fuzz_seconds)->value = fuzz_seconds;
		add_test(run_counts, "no page lost");
		return;
	}

	add_cpu_accesses();

	if (expect_success) {
		add_test(run_mapd_attack, "MAPD with an ITT in hypervisor memory, then %lu MAPTI",
			 ITT_EVENTS);
		if (has_free_l1)
			add_test(run_move_l2, "MAPD by an L2 page in hypervisor memory");
		if (its.vpes)
			add_test(run_vpe_attack, "VMAPP onto hypervisor memory, then VMAPTI, INT");
	}
	add_test(run_move_table, "the Device table moved into hypervisor memory, then MAPD");
	add_test(run_move_queue, "the command queue moved into hypervisor memory");
	add_test(run_resume, "the registers written as on resume");
	if (expect_success)
		return;

	add_test(run_legal, "a device mapped, used and unmapped");
	add_refused_mapd();
	if (its.devices->indirect && its.devices->shadow)
		add_device_l1_attacks();
	add_test(run_race, "MAPD with an ITT that changes while it is read");
	add_test(run_storm, "two CPUs at all registers at once");
	add_test(run_driver, "the driver finds a refused command, says so and goes on");
	add_refused_others();
	if (its.vpes)
		add_vpe_tests();
	add_reg_accesses();
	add_bad_write_pointers();
	add_test(run_counts, "no page lost");
}

/* What must hold after each test, whatever it did. */
static int check_its(void)
{
	u64 regs[ITS_NR_REGS];
	unsigned int i;

	if (!(its_read(GITS_CTLR, 4) & GITS_CTLR_ENABLE) && !its_set_enabled(true))
		return because("the ITS is disabled");
	if (!queue_end())
		return because("the queue stands still: CWRITER 0x%lx CREADR 0x%lx",
			       its_read(GITS_CWRITER, 8), its_read(GITS_CREADR, 8));

	get_regs(regs);
	for (i = 0; i < ITS_NR_REGS; i++) {
		if (regs[i] != its.regs[i])
			return because("register %u is 0x%lx, was 0x%lx", i, regs[i],
				       its.regs[i]);
	}

	its.lost = !interrupts_delivered();
	if (its.lost && its.was_disabled)
		its.lost = !send_again() || !interrupts_delivered();
	if (its.lost)
		return because("no interrupts afterwards");

	return KSFT_PASS;
}

static void run_test(const struct test *t)
{
	char reason[sizeof(why)];
	int result;

	why[0] = '\0';
	its.was_disabled = false;
	queue_begin();
	result = t->run(t);
	memcpy(reason, why, sizeof(reason));

	/* The first reason is the better one. */
	its.lost = false;
	if (check_its() != KSFT_PASS) {
		if (result == KSFT_PASS)
			memcpy(reason, why, sizeof(reason));
		else
			ksft_print_msg("%s: %s\n", t->name, why);
		result = KSFT_FAIL;
	}

	if (result == KSFT_PASS)
		ksft_test_result_pass("%s\n", t->name);
	else if (result == KSFT_SKIP)
		ksft_test_result_skip("%s: %s\n", t->name, reason);
	else
		ksft_test_result_fail("%s: %s\n", t->name, reason);

	if (its.lost)
		ksft_exit_fail_msg("without interrupts the rest would prove nothing\n");
}

/*
 * Finding things
 */

static char its_node[PATH_MAX];

static int visit_node(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	static const char its_compatible[] = "arm,gic-v3-its";
	char buf[256] = {};
	char *p;
	ssize_t len;
	int fd;

	if (type != FTW_F || strcmp(path + ftw->base, "compatible"))
		return 0;

	fd = open(path, O_RDONLY);
	if (fd < 0)
		return 0;
	len = read(fd, buf, sizeof(buf) - 1);
	close(fd);

	for (p = buf; p < buf + len; p += strlen(p) + 1) {
		if (strcmp(p, its_compatible))
			continue;
		snprintf(its_node, sizeof(its_node), "%.*s", ftw->base - 1, path);
		return 1;
	}

	return 0;
}

static unsigned int read_cells(const char *node, const char *name, u32 *cells, unsigned int max)
{
	char path[PATH_MAX + 32];
	ssize_t len;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", node, name);
	fd = open(path, O_RDONLY);
	if (fd < 0)
		return 0;
	len = read(fd, cells, max * sizeof(*cells));
	close(fd);

	return len < 0 ? 0 : len / sizeof(*cells);
}

/* The address of entry @index of the node's "reg". Buses are taken for 1:1. */
static u64 read_reg(const char *node, unsigned int index)
{
	u32 addr_cells = htobe32(2), size_cells = htobe32(1);
	unsigned int i, nr, first;
	char parent[PATH_MAX];
	u32 cells[64];
	u64 addr = 0;

	snprintf(parent, sizeof(parent), "%s", node);
	*strrchr(parent, '/') = '\0';
	read_cells(parent, "#address-cells", &addr_cells, 1);
	read_cells(parent, "#size-cells", &size_cells, 1);
	addr_cells = be32toh(addr_cells);
	size_cells = be32toh(size_cells);

	nr = read_cells(node, "reg", cells, ARRAY_SIZE(cells));
	first = index * (addr_cells + size_cells);
	if (first + addr_cells > nr)
		return 0;
	for (i = 0; i < addr_cells; i++)
		addr = addr << 32 | be32toh(cells[first + i]);

	return addr;
}

static void find_pool(void)
{
	unsigned long long size, base;
	char record[1024], *p;
	ssize_t len;
	int fd;

	fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK);
	if (fd < 0)
		return;

	for (;;) {
		len = read(fd, record, sizeof(record) - 1);
		if (len < 0 && errno == EPIPE)
			continue;
		if (len <= 0)
			break;
		record[len] = '\0';
		p = strstr(record, "Reserved ");
		if (!p || !strstr(record, "kvm") ||
		    sscanf(p, "Reserved %llu MiB at 0x%llx", &size, &base) != 2)
			continue;
		pool = base;
		pool_size = size * SZ_1M;
	}
	close(fd);
}

static void find_its(void)
{
	char parent[PATH_MAX];
	void *gicr;

	if (access(DT_ROOT, R_OK))
		ksft_exit_skip("no device tree in %s\n", DT_ROOT);
	if (nftw(DT_ROOT, visit_node, 16, FTW_PHYS) != 1)
		ksft_exit_skip("no GICv3 ITS\n");

	its.base = read_reg(its_node, 0);
	snprintf(parent, sizeof(parent), "%s", its_node);
	*strrchr(parent, '/') = '\0';
	its.redist = read_reg(parent, 1);
	if (!its.base || !its.redist)
		ksft_exit_skip("the device tree does not say where ITS and redistributors are\n");

	its.frame = map_phys(mmio_fd, its.base, ITS_FRAME_SIZE);
	gicr = map_phys(mmio_fd, its.redist, SZ_64K);
	if (!its.frame || !gicr)
		ksft_exit_skip("/dev/mem does not map the ITS: %s\n", strerror(errno));

	its.typer = its_read(GITS_TYPER, 8);
	if (its.typer & GITS_TYPER_PTA)
		its.rdbase = its.redist;
	else
		its.rdbase = FIELD_GET(GENMASK_ULL(23, 8), load(gicr + GICR_TYPER, 8)) << 16;
	unmap_phys(gicr, SZ_64K);

	if (!(its_read(GITS_CTLR, 4) & GITS_CTLR_ENABLE))
		ksft_exit_skip("the ITS is disabled\n");
}

static void find_tables(void)
{
	static const u64 psz[] = { SZ_4K, SZ_16K, SZ_64K, SZ_64K };
	u64 cbaser = its_read(GITS_CBASER, 8);
	struct its_table *table;
	u64 i, l1, l1_base;
	int n;

	for (i = 0; i < GITS_BASER_NR_REGS; i++) {
		table = &its.table[i];
		table->baser = its_read(GITS_BASER + 8 * i, 8);
		table->type = GITS_BASER_TYPE(table->baser);
		if (!table->type || !(table->baser & GITS_BASER_VALID))
			continue;
		table->psz = psz[FIELD_GET(GITS_BASER_PSZ, table->baser)];
		table->esz = GITS_BASER_ENTRY_SIZE(table->baser);
		table->size = GITS_BASER_NR_PAGES(table->baser) * table->psz;
		table->indirect = table->baser & GITS_BASER_INDIRECT;
		table->base = table->psz == SZ_64K ? GITS_BASER_ADDR_48_to_52(table->baser) :
			      table->baser & GITS_BASER_ADDR;
		if (table->type == GITS_BASER_TYPE_DEVICE)
			its.devices = table;
		if (table->type == GITS_BASER_TYPE_VCPU && !(its.typer & GITS_TYPER_VMAPP))
			its.vpes = table;
	}
	if (!its.devices)
		ksft_exit_skip("no Device table\n");

	its.queue = GITS_CBASER_ADDRESS(cbaser);
	its.queue_size = (FIELD_GET(GITS_CBASER_PAGES, cbaser) + 1) * SZ_4K;
	its.slots = its.queue;

	if (!expect_success) {
		its.slots = 0;
		if (!walk_facts(read_shadow) || !its.slots)
			ksft_exit_skip("no shadow queue for the ITS at 0x%lx in %s\n", its.base,
				       DEBUGFS_ITS);
		read_counts(&its.counts);
	}
	its.cmds = map_phys(mem_fd, its.slots, its.queue_size);
	if (!its.cmds)
		ksft_exit_skip("/dev/mem does not map the command queue: %s\n", strerror(errno));

	/* A DeviceID near the end of the first L2 page is the least likely in use. */
	free_dev = its.devices->psz / its.devices->esz - 1;
	l1_base = its.devices->shadow ? : its.devices->base;
	n = 1 + FIELD_GET(GITS_TYPER_DEVBITS, its.typer) - __builtin_ctzll(free_dev + 1ULL);
	if (!its.devices->indirect || n <= 0)
		return;

	for (i = 0; i < its.devices->size / GITS_LVL1_ENTRY_SIZE && i < BIT_ULL(n); i++) {
		l1 = read_phys64(l1_base + i * GITS_LVL1_ENTRY_SIZE);
		if (!(l1 & GITS_L1_VALID)) {
			has_free_l1 = true;
			free_l1 = i;
			return;
		}
	}
}

/* Where Linux is done with its vPEs there is an L2 page, with room at its end. */
static void find_free_vpe(void)
{
	if (!its.vpes)
		return;

	free_vpe = its.vpes->psz / its.vpes->esz - 1;
	has_vpe_l2 = !its.vpes->indirect ||
		     read_phys64(its.vpes->shadow ? : its.vpes->base) & GITS_L1_VALID;
}

static bool is_contiguous(int fd, const void *va, u64 size)
{
	u64 phys = phys_of(fd, va);
	u64 i;

	for (i = 0; i < size; i += page_size) {
		if (phys_of(fd, va + i) != phys + i)
			return false;
	}

	return phys;
}

/* Room for two VPTs, each aligned as the architecture wants it. */
static void find_own_vpt(void)
{
	const u64 huge = page_size / sizeof(u64) * page_size;
	const u64 need = 2 * VPT_ALIGN;
	u64 size, i;
	void *mem;
	int fd;

	/* A huge page is contiguous, if it is not too huge; so are small ones, with luck. */
	size = huge <= SZ_32M ? 2 * huge : SZ_32M;

	fd = open("/proc/self/pagemap", O_RDONLY);
	if (!its.vpes || fd < 0)
		return;

	mem = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (mem == MAP_FAILED)
		ksft_exit_fail_perror("mmap");
	madvise(mem, size, MADV_HUGEPAGE);
	memset(mem, 0, size);
	if (mlock(mem, size))
		ksft_exit_fail_perror("mlock");

	for (i = 0; i + need <= size; i += page_size) {
		if (phys_of(fd, mem + i) % VPT_ALIGN || !is_contiguous(fd, mem + i, need))
			continue;
		own_vpt = mem + i;
		own_vpt_phys = phys_of(fd, own_vpt);
		break;
	}
	close(fd);
}

/* A page of the host that the test is free to hand to the ITS. */
static void find_own_page(void)
{
	int fd;

	own_page = mmap(NULL, page_size, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_LOCKED | MAP_POPULATE, -1, 0);
	if (own_page == MAP_FAILED)
		ksft_exit_fail_perror("mmap");
	memset(own_page, 0xff, page_size);

	fd = open("/proc/self/pagemap", O_RDONLY);
	if (fd >= 0) {
		own_phys = phys_of(fd, own_page);
		close(fd);
	}
	if (!own_phys)
		ksft_exit_skip("/proc/self/pagemap does not tell physical addresses\n");
}

/*
 * Use up the pages EL2 has for the host's stage 2, so that it drops and
 * rebuilds what it can: all that is not memory.
 */
static void exhaust_stage2(void)
{
	unsigned int touched = 0;
	unsigned int i;
	int status;
	pid_t pid;
	void *va;
	u64 val;

	/* Beyond the CPU's physical addresses this is deadly: try in a child. */
	pid = fork();
	if (!pid) {
		va = map_phys(mmio_fd, S2_PROBE, page_size);
		if (!va)
			_exit(1);
		try_load(va, 4, &val);
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status) || WEXITSTATUS(status))
		ksft_exit_skip("-e needs a CPU with 52 bits of physical address\n");

	for (i = 1; i <= S2_TOUCHES; i++) {
		va = map_phys(mmio_fd, i * S2_STRIDE, page_size);
		if (!va)
			continue;
		/* Nobody answers there. What matters is the way there. */
		try_load(va, 4, &val);
		unmap_phys(va, page_size);
		touched++;
	}

	ksft_print_msg("touched %u addresses, 512 GB apart\n", touched);
}

static void help(const char *name)
{
	printf("usage: %s [-x] [-e] [-l] [-v ADDR] [--fuzz SECONDS [--seed N]]\n", name);
	printf("  -x       expect the attacks to succeed: the host owns the ITS\n");
	printf("  -e       exhaust EL2's memory for the host's stage 2 first\n");
	printf("  -l       say where things are, and do nothing\n");
	printf("  --fuzz SECONDS, --seed N  do anything that comes to mind, instead\n");
	printf("  -v ADDR  64 KiB of hypervisor memory to aim at, default: the end of its pool\n");
	exit(KSFT_SKIP);
}

int main(int argc, char **argv)
{
	bool exhaust = false, list = false;
	struct sigaction fault = { .sa_handler = fault_handler };
	struct sigaction timeout = { .sa_handler = alarm_handler };
	static const struct option options[] = {
		{ "fuzz", required_argument, NULL, 'f' },
		{ "seed", required_argument, NULL, 's' },
		{ }
	};
	u64 fuzz_seconds = 0;
	unsigned int i;
	int opt;

	while ((opt = getopt_long(argc, argv, "xelv:h", options, NULL)) != -1) {
		switch (opt) {
		case 'f':
			fuzz_seconds = strtoull(optarg, NULL, 0);
			break;
		case 's':
			fuzz_seed = strtoull(optarg, NULL, 0);
			break;
		case 'x':
			expect_success = true;
			break;
		case 'e':
			exhaust = true;
			break;
		case 'l':
			list = true;
			break;
		case 'v':
			victim = strtoull(optarg, NULL, 0);
			break;
		default:
			help(argv[0]);
		}
	}

	ksft_print_header();

	page_size = sysconf(_SC_PAGESIZE);
	mem_fd = open("/dev/mem", O_RDWR);
	mmio_fd = open("/dev/mem", O_RDWR | O_SYNC);
	if (mem_fd < 0 || mmio_fd < 0)
		ksft_exit_skip("/dev/mem: %s\n", strerror(errno));
	if (!expect_success && access(DEBUGFS_ITS, R_OK))
		ksft_exit_skip("%s: %s, EL2 owns no ITS\n", DEBUGFS_ITS, strerror(errno));

	find_pool();
	if (!victim && !pool)
		ksft_exit_skip("not in protected mode, or no longer in the log: see -v\n");
	if (!victim)
		victim = (pool + pool_size - VICTIM_SIZE) & ~(VICTIM_SIZE - 1ULL);

	sigaction(SIGBUS, &fault, NULL);
	sigaction(SIGSEGV, &fault, NULL);
	sigaction(SIGALRM, &timeout, NULL);
	pin_to_cpu(0);

	/* The memory we offer must stay where it is: compaction moves locked pages, too. */
	write_file("/proc/sys/vm/compact_unevictable_allowed", "0");

	find_its();
	find_tables();
	find_own_page();
	find_free_vpe();
	find_own_vpt();
	get_regs(its.regs);

	ksft_print_msg("ITS 0x%lx, queue 0x%lx, written at 0x%lx\n", its.base, its.queue,
		       its.slots);
	ksft_print_msg("Device table 0x%lx, %s, shadow 0x%lx\n", its.devices->base,
		       its.devices->indirect ? "indirect" : "flat", its.devices->shadow);
	ksft_print_msg("pool 0x%lx, %lu bytes, victim 0x%lx\n", pool, pool_size, victim);
	ksft_print_msg("own page 0x%lx, DeviceID 0x%x, L1 index %ld\n", own_phys, free_dev,
		       has_free_l1 ? (long)free_l1 : -1);
	if (its.vpes)
		ksft_print_msg("vPE table 0x%lx, shadow 0x%lx, own VPT 0x%lx, vPEID 0x%x%s\n",
			       its.vpes->base, its.vpes->shadow, own_vpt_phys, free_vpe,
			       has_vpe_l2 ? "" : " without L2 page");
	if (list)
		ksft_exit_skip("nothing done\n");

	rng_fd = open("/dev/hwrng", O_RDONLY | O_NONBLOCK);
	if (rng_fd < 0)
		ksft_exit_skip("/dev/hwrng: %s\n", strerror(errno));
	if (!interrupts_delivered())
		ksft_exit_skip("no interrupts through the ITS: /dev/hwrng is no virtio-rng?\n");

	if (exhaust)
		exhaust_stage2();

	add_tests(fuzz_seconds);
	ksft_set_plan(nr_tests);
	for (i = 0; i < nr_tests; i++)
		run_test(&tests[i]);

	ksft_finished();
}
