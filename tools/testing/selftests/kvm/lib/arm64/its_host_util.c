// SPDX-License-Identifier: GPL-2.0-only
/*
 * What tests of a GICv3 ITS that EL2 owns need beyond its_host.c: the ITS off and
 * on again, the first levels of its tables, and memory to offer.
 */
#include <endian.h>
#include <fcntl.h>
#include <sched.h>
#include <time.h>
#include <sys/mman.h>

#include "its_host_util.h"

#define COMPACT_UNEVICTABLE	"/proc/sys/vm/compact_unevictable_allowed"

static bool may_lose;		/* an MSI, since the ITS or LPIs were disabled */
static char compaction;		/* the setting before the test, or 0 */

bool its_host_pin_to_cpu(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	return !sched_setaffinity(0, sizeof(set), &set);
}

void its_host_walk_msis(void (*fn)(int irq, u32 dev, u32 event))
{
	unsigned int bus, dev, func, event;
	char line[1024], *chip;
	FILE *f;

	f = fopen("/proc/interrupts", "r");
	while (f && fgets(line, sizeof(line), f)) {
		chip = strstr(line, "ITS-PCI-MSIX-");
		if (chip && strstr(chip, "virtio") &&
		    sscanf(chip, "ITS-PCI-MSIX-%*x:%x:%x.%x %u", &bus, &dev, &func, &event) == 4)
			fn(strtol(line, NULL, 10), bus << 8 | dev << 3 | func, event);
	}
	if (f)
		fclose(f);
}

static void send_msi(int irq, u32 dev, u32 event)
{
	struct its_cmd cmd = event_cmd(GITS_CMD_INT, dev, event, 0);

	its_host_post(&cmd, 1);
}

static bool send_lost_msis(void)
{
	if (!may_lose)
		return false;

	may_lose = false;
	ksft_print_msg("an interrupt was lost while they were disabled, sent again\n");
	its_host_walk_msis(send_msi);

	return its_host_wind(its.home);
}

void its_host_may_lose_msis(void)
{
	may_lose = true;
	its.repair = send_lost_msis;
}

bool its_host_enable(bool enable)
{
	u32 ctlr = its_host_read(GITS_CTLR, 4) & ~(GITS_CTLR_QUIESCENT | GITS_CTLR_ENABLE);
	time_t end = time(NULL) + ITS_TIMEOUT;

	if (!enable)
		its_host_may_lose_msis();
	its_host_write(GITS_CTLR, enable ? ctlr | GITS_CTLR_ENABLE : ctlr, 4);
	while (!enable && !(its_host_read(GITS_CTLR, 4) & GITS_CTLR_QUIESCENT)) {
		if (time(NULL) > end)
			return false;
	}

	return !!(its_host_read(GITS_CTLR, 4) & GITS_CTLR_ENABLE) == enable;
}

bool its_host_restart(u64 cbaser)
{
	if (!its_host_enable(false))
		return false;

	its_host_write(GITS_CBASER, cbaser, 8);
	its_host_write(GITS_CWRITER, 0, 8);
	its.write = 0;

	return !its_host_read(GITS_CREADR, 8) && !its_host_read(GITS_CWRITER, 8) &&
	       its_host_enable(true);
}

void its_host_fill_queue(const struct its_cmd *cmd)
{
	u64 offset;

	for (offset = 0; offset < its.queue_size; offset += ITS_CMD_SIZE)
		its_host_put(offset, cmd);
}

int its_host_run_disabled(const struct its_test *t)
{
	struct its_cmd sync = sync_cmd(its.rdbase);
	u64 first = its.write;

	if (!its_host_enable(false))
		return its_host_fail("the ITS cannot be disabled");

	its_host_put(first, &t->cmd[0]);
	its_host_put(its_host_next(first, 1), &sync);
	its.write = its_host_next(first, 2);
	its_host_write(GITS_CWRITER, its.write, 8);
	if (!its_host_enable(true))
		return its_host_fail("the ITS cannot be enabled");

	return its_host_check_refused(first, 1);
}

static bool set_compaction(char setting)
{
	int fd = open(COMPACT_UNEVICTABLE, O_WRONLY);
	bool ok = write(fd, &setting, 1) == 1;

	close(fd);
	return ok;
}

static void restore_compaction(void)
{
	if (!set_compaction(compaction))
		ksft_print_msg(COMPACT_UNEVICTABLE " was %c\n", compaction);
}

/* Compaction moves locked pages, too. */
static void stop_compaction(void)
{
	int fd;

	if (compaction)
		return;

	fd = open(COMPACT_UNEVICTABLE, O_RDONLY);
	if (read(fd, &compaction, 1) != 1 || atexit(restore_compaction) || !set_compaction('0'))
		ksft_print_msg("compaction may move memory\n");
	close(fd);
}

void *its_host_alloc(u64 size, u64 align, u64 *phys)
{
	u64 huge = its.page_size / sizeof(u64) * its.page_size;
	u64 room = huge > SZ_16M ? SZ_32M : 2 * huge;
	u64 i, next;
	void *mem;

	stop_compaction();
	*phys = 0;
	mem = mmap(NULL, room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (mem == MAP_FAILED)
		return NULL;
	madvise(mem, room, MADV_HUGEPAGE);
	memset(mem, 0, room);
	if (mlock(mem, room)) {
		munmap(mem, room);
		return NULL;
	}

	for (i = 0; i < room; i = next) {
		*phys = its_host_phys(mem + i);
		next = i + its.page_size;
		if (*phys % align)
			continue;
		while (next < i + size && next < room &&
		       its_host_phys(mem + next) == *phys + next - i)
			next += its.page_size;
		if (next >= i + size)
			return mem + i;
	}
	munmap(mem, room);
	*phys = 0;

	return NULL;
}

/* The first level of an indirect table */

u64 its_host_get_l1(const struct its_table *table, u64 index, u64 *chunk)
{
	*chunk = table->chunks ? READ_ONCE(table->chunks[index]) : 0;
	return le64toh(READ_ONCE(table->l1[index]));
}

void its_host_set_l1(const struct its_table *table, u64 index, u64 l2, u64 chunk)
{
	if (table->chunks)
		WRITE_ONCE(table->chunks[index], chunk);
	WRITE_ONCE(table->l1[index], htole64(l2));
	/* For an ITS that does not snoop. */
	asm volatile("dc civac, %0; dsb sy" : : "r" (&table->l1[index]) : "memory");
}

int its_host_resume(const struct its_test *t)
{
	struct its_cmd sync = sync_cmd(its.rdbase);
	unsigned int i;

	if (!its_host_enable(false))
		return its_host_fail("the ITS cannot be disabled");
	for (i = 0; i < GITS_BASER_NR_REGS; i++) {
		if (its.table[i].baser & GITS_BASER_VALID)
			its_host_write(GITS_BASER + 8 * i, its.table[i].baser, 8);
	}
	if (!its_host_restart(its.cbaser))
		return its_host_fail("the queue does not start at zero");

	return its_host_post(&sync, 1) == QUEUE_DONE ? KSFT_PASS :
	       its_host_fail("the queue stands still");
}

s64 its_host_free_l1(const struct its_table *table)
{
	u64 last = table == its.devices ?
		   (2ULL << FIELD_GET(GITS_TYPER_DEVBITS, its.typer)) - 1 : UINT16_MAX;
	u64 chunk, i;

	for (i = 0; i < table->nr_l1 && i * (table->psz / table->esz) <= last; i++) {
		if (!(its_host_get_l1(table, i, &chunk) & GITS_L1_VALID))
			return i;
	}

	return -1;
}

struct l1_attack {
	const char *name;
	u64 l2;
	u64 chunk;
	const struct its_table *table;
	u64 index;
	void *own;		/* memory that EL2 must not take */
	u64 own_size;
};

static int run_l1(const struct its_test *t)
{
	const struct l1_attack *attack = t->arg;
	u64 l2, chunk, i, val;
	int ret;

	l2 = its_host_get_l1(attack->table, attack->index, &chunk);
	its_host_set_l1(attack->table, attack->index, attack->l2, attack->chunk);
	ret = its_host_run_cmds(t);
	its_host_set_l1(attack->table, attack->index, l2, chunk);

	for (i = 0; !ret && i < attack->own_size; i += its.page_size) {
		if (!its_host_try(attack->own + i, 8, &val, false))
			ret = its_host_fail("refused, but EL2 took it at 0x%lx", i);
	}

	return ret;
}

static int no_memory(const struct its_test *t)
{
	its_host_fail("no contiguous memory for an L2 page");
	return KSFT_SKIP;
}

void its_host_test_l1(const struct its_table *table, const char *name, struct its_cmd cmd,
		      u64 index, u64 own)
{
	u64 record = table->type == GITS_BASER_TYPE_VCPU ? 16 : 8;
	u64 size = table->psz + table->psz / table->esz * record;
	u64 l2, chunk, used, used_chunk;
	static bool tried;
	static void *mem;
	static u64 phys;
	char what[128];
	unsigned int i;

	/* For any table that there is: pages of 64 KiB, entries of 8 bytes. */
	if (!tried)
		mem = its_host_alloc(SZ_64K + SZ_128K, SZ_64K, &phys);
	/* The tests that are counted are those that run. */
	tried = true;
	if (!mem || size > SZ_64K + SZ_128K) {
		snprintf(what, sizeof(what), "%s by a bad L1 entry", name);
		its_host_test(no_memory, what);
		return;
	}

	l2 = phys | GITS_L1_VALID;
	chunk = phys + table->psz;
	used = its_host_get_l1(table, 0, &used_chunk);
	const struct l1_attack list[] = {
		{ "no L2 page",				0, chunk },
		{ "an L2 page in hypervisor memory",	its.victim | GITS_L1_VALID, chunk },
		{ "an unaligned L2 page",		l2 + 0x800, chunk },
		{ "reserved bits set",			l2 | BIT_ULL(62), chunk },
		{ "all bits set",			~0ULL, chunk },
		{ "what it maps for an L2 page",	own | GITS_L1_VALID, chunk },
		{ "its own table for an L2 page",	table->base | GITS_L1_VALID, chunk },
		{ "the command queue for an L2 page",	its.queue | GITS_L1_VALID, chunk },
		{ "the shadow queue for an L2 page",	its.slots | GITS_L1_VALID, chunk },
		{ "the control frame for an L2 page",	its.base | GITS_L1_VALID, chunk },
		{ "an L2 page at address 0",		GITS_L1_VALID, chunk },
		{ "an L2 page that is in use",		used, chunk },
		{ "no memory for records",		l2, 0 },
		{ "records in hypervisor memory",	l2, its.victim },
		{ "unaligned records",			l2, chunk + 4 },
		{ "the L2 page for records",		l2, phys },
		{ "what it maps for records",		l2, own },
		{ "its own table for records",		l2, table->base },
		{ "the command queue for records",	l2, its.queue },
		{ "the shadow queue for records",	l2, its.slots },
		{ "the control frame for records",	l2, its.base },
		{ "records where there is nothing",	l2, GENMASK_ULL(51, 16) },
		{ "records of a page that is in use",	l2, used_chunk },
	};

	for (i = 0; i < ARRAY_SIZE(list); i++) {
		struct l1_attack attack = list[i];

		if ((attack.l2 == l2 && !table->chunks) || (attack.l2 == used && !used))
			continue;
		attack.table = table;
		attack.index = index;
		attack.own = mem;
		attack.own_size = size;
		snprintf(what, sizeof(what), "%s by an L1 entry with %s", name, attack.name);
		its_host_test(run_l1, what, { cmd }, .arg = &attack);
	}
}
