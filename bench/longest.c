// SPDX-License-Identifier: GPL-2.0-only
/*
 * longest FRAME QUEUE SIZE L1 PAGE-SIZE ENTRY-SIZE L1-SIZE: how long can one access to the
 * control frame of an ITS keep a CPU at EL2? Fills the whole queue but for the
 * slot that stays free, writes GITS_CWRITER once and then reads GITS_CREADR until
 * it is there, and times each of these accesses. Of the same access in several
 * rounds the least counts, as a timer tick can only add; of all accesses the longest.
 *
 * Prints "NAME VALUE", in ticks of the virtual counter:
 *	longest_WHAT	the longest access, with WHAT in the queue
 *	number_WHAT	how many accesses it took
 *	whole_WHAT	all of them together
 *	alone_WHAT	an access with a single command to execute
 * WHAT is "cheap": INT and SYNC; "itt": MAPD of a device with as many events as
 * GITS_TYPER allows, its unmap, SYNC, and again; "mixed": 63 devices with an ITT
 * of a page, each in a block of its own that was never split, the largest ITT
 * and an L2 page for the Device table, and the unmaps. "disable" and "enable" are the
 * two writes of GITS_CTLR behind a queue which GITS_CREADR has not passed.
 *
 * FRAME is the address of the control frame; QUEUE and SIZE are the queue's that the
 * host writes; L1 is the first level of the Device table that it writes, with pages
 * of PAGE-SIZE and entries of ENTRY-SIZE bytes. Devices 0x700 to 0x7ff are nobody's.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define GITS_CTLR	0x00
#define GITS_TYPER	0x08
#define GITS_CWRITER	0x88
#define GITS_CREADR	0x90
#define ENABLED		1u
#define QUIESCENT	(1u << 31)
#define STALLED		1u
#define L1_VALID	(1ULL << 63)

#define INT		0x03
#define SYNC		0x05
#define MAPD		0x08
#define MAPTI		0x0a
#define DISCARD		0x0f
#define VALID		(1ULL << 63)

#define CMD_SIZE	32
#define FIRST_DEVICE	0x700U
#define LPI_UNUSED	(8192ULL + 4096)
#define SMALL_BITS	8U
#define NR_SMALL	63
#define SYNC_AFTER	16	/* unmaps, of which EL2 does not take any number */
#define ROUNDS		3
#define RECORD_SIZE	8	/* of EL2's, in a chunk for each L2 page */
#define BLOCK		(2ULL << 20)
#define NR_BLOCKS	(2 + 2 * ROUNDS + ROUNDS * (NR_SMALL + 1))
#define MAX_ACCESSES	100000

static volatile uint8_t *frame;
static volatile uint64_t *queue, *l1, *chunks;
static uint64_t queue_size, page_size, per_page, l2_size;
static uint64_t next;			/* where the next command goes */
static uint64_t clock_cost;
static uint64_t blocks[NR_BLOCKS];	/* physical addresses */
static unsigned int nr_used, nr_linked, large_bits;
static uint64_t large_itt, small_itt[NR_SMALL];
static uint32_t large_device;

static uint64_t least[MAX_ACCESSES];

static void die(const char *what)
{
	printf("longest: %s\n", what);
	exit(2);
}

static void *map(const char *addr, uint64_t size, int flags)
{
	int fd = open("/dev/mem", O_RDWR | flags);
	void *va = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, strtoull(addr, NULL, 0));

	if (fd < 0 || va == MAP_FAILED)
		die("cannot map /dev/mem");
	close(fd);

	return va;
}

static uint64_t phys_of(int fd, void *va)
{
	uint64_t entry = 0;

	if (pread(fd, &entry, sizeof(entry), (uintptr_t)va / page_size * sizeof(entry)) != sizeof(entry))
		return 0;

	return (entry & ((1ULL << 55) - 1)) * page_size;
}

/* A block of contiguous memory is a huge page. */
static void find_blocks(void)
{
	char *mem = mmap(NULL, (NR_BLOCKS + 1) * BLOCK, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int fd = open("/proc/self/pagemap", O_RDONLY);
	uint64_t i, offset;

	if (mem == MAP_FAILED || fd < 0)
		die("no memory");
	mem += -(uintptr_t)mem % BLOCK;
	madvise(mem, NR_BLOCKS * BLOCK, MADV_HUGEPAGE);
	if (mlock(mem, NR_BLOCKS * BLOCK))
		die("cannot lock the memory");

	for (i = 0; i < NR_BLOCKS; i++) {
		blocks[i] = phys_of(fd, mem + i * BLOCK);
		for (offset = 0; offset < BLOCK; offset += page_size) {
			if (!blocks[i] || blocks[i] % BLOCK ||
			    phys_of(fd, mem + i * BLOCK + offset) != blocks[i] + offset)
				die("no huge page");
		}
	}
	close(fd);
}

static uint64_t new_block(void)
{
	if (nr_used == NR_BLOCKS)
		die("not enough blocks");

	return blocks[nr_used++];
}

static uint64_t reg(unsigned int offset)
{
	return *(volatile uint64_t *)(frame + offset);
}

static uint32_t ctlr(void)
{
	return *(volatile uint32_t *)(frame + GITS_CTLR);
}

static uint64_t now(void)
{
	uint64_t t;

	__asm__ volatile("isb; mrs %0, cntvct_el0" : "=r" (t) :: "memory");
	return t;
}

static uint64_t time_nothing(void)
{
	uint64_t start = now();

	return now() - start;
}

static uint64_t time_cwriter(void)
{
	uint64_t start;

	__asm__ volatile("dsb sy" ::: "memory");
	start = now();
	*(volatile uint64_t *)(frame + GITS_CWRITER) = next;

	return now() - start - clock_cost;
}

static uint64_t time_creadr(uint64_t *creadr)
{
	uint64_t start = now();

	*creadr = reg(GITS_CREADR);

	return now() - start - clock_cost;
}

static uint64_t time_ctlr(uint32_t val)
{
	uint64_t start = now();

	*(volatile uint32_t *)(frame + GITS_CTLR) = val;

	return now() - start - clock_cost;
}

static void put(uint64_t dw0, uint64_t dw1, uint64_t dw2)
{
	volatile uint64_t *slot = queue + next / 8;

	slot[0] = dw0;
	slot[1] = dw1;
	slot[2] = dw2;
	slot[3] = 0;
	next = (next + CMD_SIZE) % queue_size;
}

static void put_sync(void)
{
	put(SYNC, 0, 0);
}

static void put_map(uint32_t device, unsigned int bits, uint64_t itt)
{
	put((uint64_t)device << 32 | MAPD, bits - 1, VALID | itt);
}

static void put_unmap(uint32_t device)
{
	put((uint64_t)device << 32 | MAPD, 0, 0);
}

static void check_creadr(uint64_t creadr, unsigned int tries)
{
	if ((creadr & STALLED) || tries == MAX_ACCESSES) {
		printf("GITS_CWRITER 0x%llx GITS_CREADR 0x%llx\n",
		       (unsigned long long)next, (unsigned long long)creadr);
		die("a command was refused, or the ITS does not go on");
	}
}

/* Returns what the write of GITS_CWRITER alone took. */
static uint64_t submit(void)
{
	uint64_t took = time_cwriter(), creadr;
	unsigned int i = 0;

	while ((creadr = reg(GITS_CREADR)) != next)
		check_creadr(creadr, ++i);

	return took;
}

/* A full queue looks like an empty one: no more than half of it at a time. */
static void wind(uint64_t target)
{
	while (next != target) {
		do
			put_sync();
		while (next != target && next % (queue_size / 2));
		submit();
	}
}

static unsigned int room(void)
{
	return queue_size / CMD_SIZE - 1 - next / CMD_SIZE;
}

static void fill_cheap(void)
{
	while (room() >= 2) {
		put((uint64_t)FIRST_DEVICE << 32 | INT, 0, 0);
		put_sync();
	}
}

static void fill_itt(void)
{
	while (room() >= 3) {
		put_map(FIRST_DEVICE, large_bits, large_itt);
		put_unmap(FIRST_DEVICE);
		put_sync();
	}
}

/* Each SYNC returns as many ITTs as may be waiting for one, the first the largest too. */
static void put_mixed(void)
{
	unsigned int i;

	for (i = 0; i < NR_SMALL; i++)
		put_map(FIRST_DEVICE + i, SMALL_BITS, small_itt[i]);
	put_map(large_device, large_bits, large_itt);

	for (i = 0; i < NR_SMALL; i++) {
		if (i == SYNC_AFTER - 1)
			put_unmap(large_device);
		if (i % SYNC_AFTER == SYNC_AFTER - 1)
			put_sync();
		put_unmap(FIRST_DEVICE + i);
	}
	put_sync();
}

static void fill_mixed(void)
{
	while (room() >= 2 * (NR_SMALL + 1) + NR_SMALL / SYNC_AFTER + 1)
		put_mixed();
}

static void start_cheap(void)
{
	put_map(FIRST_DEVICE, SMALL_BITS, large_itt);
	put((uint64_t)FIRST_DEVICE << 32 | MAPTI, LPI_UNUSED << 32, 0);
	submit();
}

static void end_cheap(void)
{
	put((uint64_t)FIRST_DEVICE << 32 | DISCARD, 0, 0);
	put_unmap(FIRST_DEVICE);
	put_sync();
	submit();
}

/* EL2 takes the page once it is needed, for good. */
static void give_l2(uint64_t idx)
{
	uint64_t l2 = new_block();

	chunks[idx] = l2 + l2_size - per_page * RECORD_SIZE;
	__asm__ volatile("dmb ish" : : : "memory");
	l1[idx] = L1_VALID | l2;
	nr_linked++;
}

/* A device which is the first to need its L2 page. */
static void new_large_device(void)
{
	uint64_t idx = FIRST_DEVICE / per_page + 1;

	while (idx * per_page <= UINT16_MAX && (l1[idx] & L1_VALID))
		idx++;
	if (idx * per_page > UINT16_MAX)
		die("no entry of the first level is free");
	large_device = idx * per_page;
	give_l2(idx);
}

static void start_mixed(void)
{
	unsigned int i;

	new_large_device();
	for (i = 0; i < NR_SMALL; i++)
		small_itt[i] = new_block();
}

static void nothing(void) { }

static void keep_least(unsigned int i, uint64_t took)
{
	if (took < least[i])
		least[i] = took;
}

static unsigned int go_through(void)
{
	uint64_t creadr;
	unsigned int i = 0;

	keep_least(i, time_cwriter());
	do {
		keep_least(++i, time_creadr(&creadr));
		check_creadr(creadr, i + 1);
	} while (creadr != next);

	return i + 1;
}

static void print(const char *what, const char *name, uint64_t value)
{
	printf("%s_%s %llu\n", what, name, (unsigned long long)value);
}

static void measure(const char *name, void (*start)(void), void (*fill)(void), void (*end)(void))
{
	unsigned int round, accesses = 0, n, i;
	uint64_t longest = 0, whole = 0;

	memset(least, 0xff, sizeof(least));
	for (round = 0; round < ROUNDS; round++) {
		start();
		wind(0);
		fill();
		while (room())
			put_sync();
		n = go_through();
		if (round && n != accesses)
			die("another number of accesses than in the round before");
		accesses = n;
		end();
	}

	for (i = 0; i < accesses; i++) {
		if (least[i] > longest)
			longest = least[i];
		whole += least[i];
		if (getenv("VERBOSE"))
			fprintf(stderr, "%s %u %llu\n", name, i, (unsigned long long)least[i]);
	}
	print("longest", name, longest);
	print("number", name, accesses);
	print("whole", name, whole);
}

/* GITS_CWRITER has been written and GITS_CREADR has hardly moved. */
static void measure_ctlr(void)
{
	unsigned int round, i;
	uint64_t creadr;

	least[0] = least[1] = UINT64_MAX;
	for (round = 0; round < ROUNDS; round++) {
		start_cheap();
		wind(0);
		fill_cheap();
		i = 0;
		time_cwriter();
		while (!(creadr = reg(GITS_CREADR)))
			check_creadr(creadr, ++i);
		keep_least(0, time_ctlr(0));
		while (!(ctlr() & QUIESCENT))
			;
		keep_least(1, time_ctlr(ENABLED));
		next = reg(GITS_CWRITER);
		end_cheap();
	}
	print("longest", "disable", least[0]);
	print("longest", "enable", least[1]);
}

static void measure_alone(void)
{
	uint64_t small;
	unsigned int i;

	memset(least, 0xff, sizeof(least));
	for (i = 0; i < ROUNDS; i++) {
		wind(0);
		put_sync();
		keep_least(0, submit());

		small = new_block();
		put_map(FIRST_DEVICE, SMALL_BITS, small);
		keep_least(1, submit());
		put_unmap(FIRST_DEVICE);
		submit();
		put_sync();
		keep_least(2, submit());

		new_large_device();
		put_map(large_device, large_bits, large_itt);
		keep_least(3, submit());
		put_unmap(large_device);
		keep_least(4, submit());
		put_sync();
		keep_least(5, submit());

		put_map(large_device, large_bits, large_itt);
		keep_least(6, submit());
		put_unmap(large_device);
		submit();
		put_sync();
		submit();
	}
	print("alone", "sync", least[0]);
	print("alone", "map_small", least[1]);
	print("alone", "sync_small", least[2]);
	print("alone", "map_largest_l2", least[3]);
	print("alone", "unmap_largest", least[4]);
	print("alone", "sync_largest", least[5]);
	print("alone", "map_largest", least[6]);
}

static void read_typer(void)
{
	uint64_t typer = reg(GITS_TYPER), ite_size = (typer >> 4 & 0xf) + 1;

	large_bits = (typer >> 8 & 0x1f) + 1;
	if (large_bits > 32 || ite_size << large_bits > BLOCK || l2_size > BLOCK)
		die("the largest ITT, or an L2 page, does not fit into a huge page");
	print("size", "itt", ite_size << large_bits);
	print("size", "l2", l2_size);
}

/* Its memory is the Device table's now. */
static void stay(void)
{
	fflush(stdout);
	if (nr_linked && !fork()) {
		close(0);
		close(1);
		close(2);
		for (;;)
			pause();
	}
}

int main(int argc, char **argv)
{
	char second[32];
	uint64_t home;
	int i;

	if (argc != 8)
		return 2;
	page_size = sysconf(_SC_PAGESIZE);
	frame = map(argv[1], 0x10000, O_SYNC);
	queue_size = strtoull(argv[3], NULL, 0);
	queue = map(argv[2], queue_size, 0);
	l1 = map(argv[4], page_size, 0);
	snprintf(second, sizeof(second), "0x%llx",
		 strtoull(argv[4], NULL, 0) + strtoull(argv[7], NULL, 0));
	chunks = map(second, page_size, 0);
	l2_size = strtoull(argv[5], NULL, 0);
	per_page = l2_size / strtoull(argv[6], NULL, 0);
	l2_size += per_page * RECORD_SIZE;
	home = next = reg(GITS_CWRITER);
	setvbuf(stdout, NULL, _IOLBF, 0);

	read_typer();
	find_blocks();
	large_itt = new_block();
	if (!(l1[FIRST_DEVICE / per_page] & L1_VALID))
		give_l2(FIRST_DEVICE / per_page);
	clock_cost = time_nothing();
	for (i = 0; i < 16; i++) {
		uint64_t cost = time_nothing();

		if (cost < clock_cost)
			clock_cost = cost;
	}

	put_map(FIRST_DEVICE, SMALL_BITS, large_itt);
	put_unmap(FIRST_DEVICE);
	put_sync();
	submit();

	measure_alone();
	measure("cheap", start_cheap, fill_cheap, end_cheap);
	measure("itt", nothing, fill_itt, nothing);
	measure("mixed", start_mixed, fill_mixed, nothing);
	measure_ctlr();

	/* The driver remembers where it wrote last. */
	wind(home);
	stay();
	return 0;
}
