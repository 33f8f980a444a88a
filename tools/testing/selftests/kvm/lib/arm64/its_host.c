// SPDX-License-Identifier: GPL-2.0-only
/*
 * A GICv3 ITS that pKVM's EL2 owns, as the host sees it: see its_host.h.
 */
#include <endian.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <time.h>
#include <sys/klog.h>
#include <sys/mman.h>

#include "its_host.h"

#define KLOG_READ_ALL	3
#define ITS_DEBUGFS	"/sys/kernel/debug/kvm/its"

struct its_host its;

/* /dev/mem, cacheable where it is memory and as a device; /dev/hwrng */
static int mem_fd, mmio_fd, rng_fd;
static char why[512];
static bool counting;
static __thread sigjmp_buf fault_env;
static __thread bool fault_expected;

static void signal_handler(int sig)
{
	if (sig == SIGALRM)
		return;
	if (!READ_ONCE(fault_expected))
		ksft_exit_fail_msg("unexpected signal %d\n", sig);

	siglongjmp(fault_env, sig);
}

bool its_host_faults(void (*access)(void *arg), void *arg)
{
	bool faulted;

	WRITE_ONCE(fault_expected, true);
	faulted = sigsetjmp(fault_env, 1);
	if (!faulted)
		access(arg);
	WRITE_ONCE(fault_expected, false);

	return faulted;
}

struct access {
	void *va;
	u64 val;
	unsigned int width;
	bool store;
};

/* Assembly: the compiler must neither merge, split nor widen these. */
static void do_access(void *arg)
{
	struct access *a = arg;

	if (a->width == 8 && a->store)
		asm volatile("str %0, [%1]" : : "r" (a->val), "r" (a->va) : "memory");
	else if (a->width == 8)
		asm volatile("ldr %0, [%1]" : "=r" (a->val) : "r" (a->va) : "memory");
	else if (a->store)
		asm volatile("str %w0, [%1]" : : "r" (a->val), "r" (a->va) : "memory");
	else
		asm volatile("ldr %w0, [%1]" : "=r" (a->val) : "r" (a->va) : "memory");
}

bool its_host_try(void *va, unsigned int width, u64 *val, bool store)
{
	struct access access = { va, *val, width, store };
	bool faulted = its_host_faults(do_access, &access);

	*val = access.val;
	return !faulted;
}

u64 its_host_read(u64 offset, unsigned int width)
{
	struct access access = { its.frame + offset, 0, width, false };

	do_access(&access);
	return access.val;
}

void its_host_write(u64 offset, u64 val, unsigned int width)
{
	do_access(&(struct access) { its.frame + offset, val, width, true });
}

void *its_host_map(u64 phys, u64 size, bool device)
{
	u64 skip = phys % its.page_size;
	void *va;

	va = mmap(NULL, size + skip, PROT_READ | PROT_WRITE, MAP_SHARED,
		  device ? mmio_fd : mem_fd, phys - skip);
	/* Before the plan it is the kernel's configuration. */
	if (va == MAP_FAILED && errno == EPERM && !ksft_plan)
		ksft_exit_skip("/dev/mem may not map 0x%lx: CONFIG_STRICT_DEVMEM?\n", phys);
	if (va == MAP_FAILED)
		ksft_exit_fail_msg("/dev/mem does not map 0x%lx: %s\n", phys, strerror(errno));

	return va + skip;
}

u64 its_host_phys(const void *va)
{
	int fd = open("/proc/self/pagemap", O_RDONLY);
	u64 entry;

	if (pread(fd, &entry, sizeof(entry), (u64)va / its.page_size * 8) != sizeof(entry))
		entry = 0;
	close(fd);

	return FIELD_GET(GENMASK_ULL(54, 0), entry) * its.page_size;
}

/*
 * The queue. The driver remembers where it wrote last: to leave without a trace
 * go once around the ring, on legal commands, until the offset is the driver's.
 */

u64 its_host_next(u64 offset, unsigned int nr)
{
	return (offset + nr * ITS_CMD_SIZE) % its.queue_size;
}

void its_host_put(u64 offset, const struct its_cmd *cmd)
{
	struct its_cmd *slot = &its.cmds[offset / ITS_CMD_SIZE];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cmd->dw); i++)
		WRITE_ONCE(slot->dw[i], htole64(cmd->dw[i]));
	/* For an ITS that does not snoop. */
	asm volatile("dc civac, %0; dsb sy" : : "r" (slot) : "memory");
}

enum its_queue_state its_host_wait(u64 offset)
{
	time_t end = time(NULL) + ITS_TIMEOUT;

	do {
		u64 creadr = its_host_read(GITS_CREADR, 8);

		if (creadr & GITS_CREADR_STALLED)
			return QUEUE_STALLED;
		if (creadr == offset)
			return QUEUE_DONE;
	} while (time(NULL) <= end);

	return QUEUE_TIMEOUT;
}

enum its_queue_state its_host_post(const struct its_cmd *cmds, unsigned int nr)
{
	for (; nr; nr--, its.write = its_host_next(its.write, 1))
		its_host_put(its.write, cmds++);
	its_host_write(GITS_CWRITER, its.write, 8);

	return its_host_wait(its.write);
}

/* Replace the command that the queue stalled at, and go on. */
enum its_queue_state its_host_repair(void)
{
	struct its_cmd sync = sync_cmd(its.rdbase);

	its_host_put(its_host_read(GITS_CREADR, 8) & GITS_QUEUE_OFFSET, &sync);
	its_host_write(GITS_CWRITER, its.write | GITS_CWRITER_RETRY, 8);

	return its_host_wait(its.write);
}

/* A full queue looks like an empty one: go around in two steps at least. */
bool its_host_wind(u64 target)
{
	struct its_cmd sync = sync_cmd(its.rdbase);
	u64 left;

	while (its.write != target) {
		for (left = its.queue_size / 64; left && its.write != target; left--) {
			its_host_put(its.write, &sync);
			its.write = its_host_next(its.write, 1);
		}
		if (its_host_post(NULL, 0) != QUEUE_DONE)
			return false;
	}

	return true;
}

bool its_host_map_dev(void)
{
	struct its_cmd cmds[] = {
		mapd(its.free_dev, its.own_phys, ITT_EVENT_BITS),
		mapti(its.free_dev, 0, LPI_UNUSED, 0),
		sync_cmd(its.rdbase),
	};

	return its_host_post(cmds, ARRAY_SIZE(cmds)) == QUEUE_DONE;
}

bool its_host_unmap_dev(u32 dev)
{
	struct its_cmd cmds[] = { unmapd(dev), sync_cmd(its.rdbase) };

	return its_host_post(cmds, ARRAY_SIZE(cmds)) == QUEUE_DONE;
}

/* Interrupts: those of a virtio-rng, as it sends one when it is asked for bytes. */

u64 its_host_count_msis(void)
{
	char line[1024], *p, *end;
	u64 count, sum = 0;
	FILE *f;

	f = fopen("/proc/interrupts", "r");
	while (f && fgets(line, sizeof(line), f)) {
		if (!strstr(line, "ITS-") || !strstr(line, "virtio"))
			continue;
		p = strchr(line, ':') + 1;
		for (; count = strtoull(p, &end, 10), end > p; p = end)
			sum += count;
	}
	if (f)
		fclose(f);

	return sum;
}

/* One must come, and the last one must have before the next attack. */
bool its_host_interrupts(void)
{
	u64 before = its_host_count_msis(), last;
	time_t end = time(NULL) + ITS_TIMEOUT;
	char buf[64];

	alarm(2 * ITS_TIMEOUT);
	do {
		if (read(rng_fd, buf, sizeof(buf)) < 0 && errno != EAGAIN)
			break;
		usleep(200);
	} while (its_host_count_msis() == before && time(NULL) <= end);
	alarm(0);

	do {
		last = its_host_count_msis();
		usleep(3000);
	} while (its_host_count_msis() != last);

	return last != before;
}

/* Finding things */

bool its_host_fact(const char *start, const char *key, u64 *val)
{
	char line[512] = " ", pattern[32], *p, *end;
	bool ours = false, found = false;
	u64 base;
	FILE *f;

	snprintf(pattern, sizeof(pattern), " %s ", key);
	f = fopen(ITS_DEBUGFS, "r");
	while (f && !found && fgets(line + 1, sizeof(line) - 1, f)) {
		if (sscanf(line, " its 0x%lx", &base) == 1)
			ours = its.base ? base == its.base : !!strstr(line, " owner EL2");
		p = strstr(line, pattern);
		if (!ours || !p || strncmp(line + 1, start, strlen(start)) ||
		    line[1 + strlen(start)] != ' ')
			continue;
		p += strlen(pattern);
		base = strtoull(p, &end, 0);
		found = end > p;
		*val = found ? base : *val;
	}
	if (f)
		fclose(f);

	return found;
}

/* Where EL2's memory and the redistributors are. */
static void find_memory(void)
{
	char line[256], *text, *p;
	FILE *f;

	f = fopen("/proc/iomem", "r");
	while (f && !its.redist && fgets(line, sizeof(line), f)) {
		if (strstr(line, " : GICR"))
			sscanf(line, " %lx-", &its.redist);
	}
	if (f)
		fclose(f);
	if (!its.redist)
		ksft_exit_skip("/proc/iomem has no redistributors\n");

	/* Not static: this is part of every KVM selftest. */
	text = calloc(1, SZ_1M);
	if (text)
		klogctl(KLOG_READ_ALL, text, SZ_1M - 1);
	for (p = text; p && (p = strstr(p, "kvm ["));) {
		if (sscanf(p++, "kvm [%*[^]]]: Reserved %lu MiB at 0x%lx", &its.pool_size,
			   &its.pool) == 2)
			its.pool_size *= SZ_1M;
	}
	free(text);
	/* An attack on the end of it that succeeds does no more harm. */
	its.victim = its.victim ? : its.pool ? (its.pool + its.pool_size - 1) & ~(SZ_64K - 1ULL) :
		     its.queue;
}

static void find_table(unsigned int i)
{
	static const u64 psz[] = { SZ_4K, SZ_16K, SZ_64K, SZ_64K };
	struct its_table *table = &its.table[i];
	char line[16];
	u64 baser;

	baser = its_host_read(GITS_BASER + 8 * i, 8);
	table->baser = baser;
	table->type = GITS_BASER_TYPE(baser);
	if (!table->type || !(baser & GITS_BASER_VALID))
		return;

	table->name = table->type == GITS_BASER_TYPE_DEVICE ? "Device table" :
		      table->type == GITS_BASER_TYPE_COLLECTION ? "Collection table" : "vPE table";
	table->psz = psz[baser >> 8 & 3];
	table->esz = GITS_BASER_ENTRY_SIZE(baser);
	table->size = GITS_BASER_NR_PAGES(baser) * table->psz;
	table->base = table->psz == SZ_64K ? GITS_BASER_ADDR_48_to_52(baser) :
					     baser & GITS_BASER_ADDR;
	if (table->type == GITS_BASER_TYPE_DEVICE)
		its.devices = table;

	snprintf(line, sizeof(line), "table %u", i);
	its_host_fact(line, "shadow", &table->shadow);
	if (!(baser & GITS_BASER_INDIRECT))
		return;

	table->nr_l1 = table->size / GITS_LVL1_ENTRY_SIZE;
	table->l1 = its_host_map(table->shadow ? : table->base, 2 * table->size, false);
	table->chunks = table->shadow ? table->l1 + table->nr_l1 : NULL;
}

void its_host_setup(void)
{
	struct sigaction action = { .sa_handler = signal_handler };
	unsigned int i;
	u64 *gicr;

	ksft_print_header();
	if (!its.base && !its_host_fact("its", "its", &its.base))
		ksft_exit_skip("%s: no ITS is owned by EL2\n", ITS_DEBUGFS);

	its.page_size = sysconf(_SC_PAGESIZE);
	mem_fd = open("/dev/mem", O_RDWR);
	mmio_fd = open("/dev/mem", O_RDWR | O_SYNC);
	rng_fd = open("/dev/hwrng", O_RDONLY | O_NONBLOCK);
	if (mem_fd < 0 || mmio_fd < 0 || rng_fd < 0)
		ksft_exit_skip("needs root, /dev/mem and /dev/hwrng\n");

	sigaction(SIGBUS, &action, NULL);
	sigaction(SIGSEGV, &action, NULL);
	sigaction(SIGALRM, &action, NULL);

	its.frame = its_host_map(its.base, SZ_64K, true);
	its.ctlr = its_host_read(GITS_CTLR, 4) & ~GITS_CTLR_QUIESCENT;
	its.iidr = its_host_read(GITS_IIDR, 4);
	its.typer = its_host_read(GITS_TYPER, 8);
	its.cbaser = its_host_read(GITS_CBASER, 8);
	its.queue = GITS_CBASER_ADDRESS(its.cbaser);
	its.queue_size = (FIELD_GET(GITS_CBASER_PAGES, its.cbaser) + 1) * SZ_4K;
	if (!its_host_fact("queue", "shadow", &its.slots))
		its.slots = its.queue;
	its.cmds = its_host_map(its.slots, its.queue_size, false);

	for (i = 0; i < GITS_BASER_NR_REGS; i++)
		find_table(i);
	if (!(its.ctlr & GITS_CTLR_ENABLE) || !its.devices)
		ksft_exit_skip("the ITS is not in use\n");
	/* Near the end of the first L2 page is the least likely to be in use. */
	its.free_dev = its.devices->psz / its.devices->esz - 1;

	find_memory();
	gicr = its_host_map(its.redist + GICR_TYPER, 8, true);
	its.rdbase = its.typer & GITS_TYPER_PTA ? its.redist :
		     FIELD_GET(GENMASK_ULL(23, 8), READ_ONCE(*gicr)) << 16;

	its.own = mmap(NULL, its.page_size, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_LOCKED | MAP_POPULATE, -1, 0);
	its.own_phys = its.own == MAP_FAILED ? 0 : its_host_phys(its.own);
	if (!its.own_phys)
		ksft_exit_skip("no locked memory with a known address\n");
	if (!its_host_interrupts())
		ksft_exit_skip("no interrupts through the ITS: is /dev/hwrng a virtio-rng?\n");

	ksft_print_msg("ITS 0x%lx queue 0x%lx slots 0x%lx own 0x%lx device 0x%x victim 0x%lx\n",
		       its.base, its.queue, its.slots, its.own_phys, its.free_dev, its.victim);
}

/* Tests */

int its_host_fail(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);

	return KSFT_FAIL;
}

/* Each of @nr commands must stall the queue, and the repaired queue go on. */
int its_host_check_refused(u64 first, unsigned int nr)
{
	enum its_queue_state state = its_host_wait(its.write);
	unsigned int i;
	u64 creadr;

	for (i = 0; i < nr; i++, state = its_host_repair()) {
		creadr = its_host_read(GITS_CREADR, 8);
		if (state != QUEUE_STALLED ||
		    (creadr & GITS_QUEUE_OFFSET) != its_host_next(first, i))
			return its_host_fail("command %u is executed, CREADR 0x%lx", i, creadr);
		/* The queue stands still, interrupts do not. */
		if (!its_host_interrupts())
			return its_host_fail("no interrupts while the queue is stalled");
		if (its_host_read(GITS_CREADR, 8) != creadr)
			return its_host_fail("the stall went away by itself");
	}

	return state == QUEUE_DONE ? KSFT_PASS : its_host_fail("the queue does not go on");
}

int its_host_run_cmds(const struct its_test *t)
{
	struct its_cmd sync = sync_cmd(its.rdbase);
	u64 first, before = 0, after = 0;
	unsigned int nr = t->nr_cmds ? : 1;
	int ret = KSFT_PASS;
	bool counted;

	if (t->flags & ITS_MAPPED && !its_host_map_dev())
		return its_host_fail("the device cannot be mapped");

	/* Not every kernel says how many: then this is no part of the test. */
	counted = its_host_fact("commands", "refused", &before);
	first = its.write;
	its_host_put(its_host_next(first, nr), &sync);
	its_host_post(t->cmd, nr);
	its.write = its_host_next(its.write, 1);
	its_host_write(GITS_CWRITER, its.write, 8);
	if (!(t->flags & ITS_LEGAL))
		ret = its_host_check_refused(first, nr);
	else if (its_host_wait(its.write) != QUEUE_DONE)
		ret = its_host_fail("GITS_CREADR is 0x%lx", its_host_read(GITS_CREADR, 8));

	counted = counted && its_host_fact("commands", "refused", &after);
	if (!ret && counted && !(t->flags & ITS_LEGAL) && after < before + nr)
		ret = its_host_fail("refused, but not counted: %lu", after - before);

	/* Leave nothing mapped. */
	if (t->flags & ITS_MAPPED && !its_host_unmap_dev(its.free_dev))
		ret = ret ? : its_host_fail("the device cannot be unmapped");
	else if (ret && FIELD_GET(CMD0_OPCODE, t->cmd[0].dw[0]) == GITS_CMD_MAPD)
		its_host_unmap_dev(FIELD_GET(CMD0_DEVICE, t->cmd[0].dw[0]));

	return ret;
}

/* What must hold after each test, whatever it did. */
static int check_its(void)
{
	unsigned int i, tries = 64;

	while (its_host_wait(its.write) == QUEUE_STALLED && tries--)
		its_host_repair();
	if (!its_host_wind(its.home) || its_host_wait(its.home) != QUEUE_DONE)
		return its_host_fail("the queue stands still: CWRITER 0x%lx CREADR 0x%lx",
				     its_host_read(GITS_CWRITER, 8), its_host_read(GITS_CREADR, 8));

	if ((its_host_read(GITS_CTLR, 4) & ~GITS_CTLR_QUIESCENT) != its.ctlr ||
	    its_host_read(GITS_IIDR, 4) != its.iidr || its_host_read(GITS_TYPER, 8) != its.typer ||
	    its_host_read(GITS_CBASER, 8) != its.cbaser)
		return its_host_fail("a register has changed");
	for (i = 0; i < GITS_BASER_NR_REGS; i++) {
		if (its_host_read(GITS_BASER + 8 * i, 8) != its.table[i].baser)
			return its_host_fail("GITS_BASER%u was 0x%lx", i, its.table[i].baser);
	}

	return KSFT_PASS;
}

static void run_test(its_test_fn run, const struct its_test *t)
{
	char reason[sizeof(why)];
	int ret;

	why[0] = '\0';
	its.home = its_host_read(GITS_CWRITER, 8) & GITS_QUEUE_OFFSET;
	its.write = its.home;
	if (its_host_wait(its.home) != QUEUE_DONE)
		ksft_exit_fail_msg("the command queue is not idle\n");

	ret = run(t);
	/* The first reason is the better one. */
	memcpy(reason, why, sizeof(why));
	if (check_its() == KSFT_FAIL && ret != KSFT_FAIL) {
		memcpy(reason, why, sizeof(why));
		ret = KSFT_FAIL;
	}
	ksft_test_result_report(ret, "%s%s%s\n", t->name, *reason ? ": " : "", reason);

	if (!its_host_interrupts() && !(its.repair && its.repair() && its_host_interrupts()))
		ksft_exit_fail_msg("without interrupts the rest would prove nothing\n");
}

void its_host_tests(its_test_fn run, const struct its_test *list, unsigned int nr)
{
	if (counting)
		ksft_plan += nr;
	for (; !counting && nr; nr--)
		run_test(run, list++);
}

void __noreturn its_host_run(void (*list)(void))
{
	counting = true;
	list();
	counting = false;
	ksft_set_plan(ksft_plan);
	list();
	ksft_finished();
}

static void test_place(const char *what, its_test_fn run, u64 addr, const char *part,
		       const char *of)
{
	char name[128];

	snprintf(name, sizeof(name), "%s the %s%s", what, part, of);
	its_host_test(run, name, .addr = addr);
}

void its_host_test_memory(const char *what, its_test_fn run)
{
	struct its_table *table;
	u64 i, l2;

	for (table = its.table; table < its.table + GITS_BASER_NR_REGS; table++) {
		if (!table->base)
			continue;
		test_place(what, run, table->base, "", table->name);
		test_place(what, run, table->base + table->size - 8, "end of the ", table->name);
		for (i = 0; i < table->nr_l1; i++) {
			l2 = le64toh(table->l1[i]);
			if (!(l2 & GITS_L1_VALID))
				continue;
			test_place(what, run, l2 & GITS_L1_ADDR, "next L2 page of the ",
				   table->name);
			if (table->chunks)
				test_place(what, run, table->chunks[i],
					   "records of it of the ", table->name);
		}
	}
	test_place(what, run, its.queue, "", "command queue");
	test_place(what, run, its.queue + its.queue_size - 8, "end of the ", "command queue");
}
