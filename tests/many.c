/*
 * many FRAME SHADOW SIZE COUNT: does it cost EL2 more to find one device among
 * many? Maps and unmaps a device through the shadow queue of an ITS, first as
 * the only one of ours, then beside COUNT others, and prints the time of each.
 * FRAME is the address of the control frame; SHADOW and SIZE are the queue's.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define GITS_CWRITER	0x88
#define GITS_CREADR	0x90
#define MAPD		0x08
#define SYNC		0x05
#define VALID		(1ULL << 63)
#define FIRST_DEVICE	0x800
#define PROBE_DEVICE	0x700
#define ROUNDS		64

static volatile uint8_t *frame;
static volatile uint64_t *queue;
static uint64_t queue_size, home;

static void die(const char *what)
{
	perror(what);
	exit(2);
}

static void *map(const char *addr, uint64_t size, int flags)
{
	int fd = open("/dev/mem", O_RDWR | flags);
	void *va = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, strtoull(addr, NULL, 0));

	if (fd < 0 || va == MAP_FAILED)
		die("/dev/mem");
	close(fd);

	return va;
}

static uint64_t reg(unsigned int offset)
{
	return *(volatile uint64_t *)(frame + offset);
}

static void post(uint64_t dw0, uint64_t dw1, uint64_t dw2)
{
	uint64_t at = reg(GITS_CWRITER), next = (at + 32) % queue_size;
	volatile uint64_t *slot = queue + at / 8;
	int tries = 1000000;

	slot[0] = dw0;
	slot[1] = dw1;
	slot[2] = dw2;
	slot[3] = 0;
	__asm__ volatile("dsb sy" ::: "memory");
	*(volatile uint64_t *)(frame + GITS_CWRITER) = next;
	while (reg(GITS_CREADR) != next) {
		if ((reg(GITS_CREADR) & 1) || !tries--) {
			printf("stalled: command 0x%llx, CREADR 0x%llx\n",
			       (unsigned long long)dw0, (unsigned long long)reg(GITS_CREADR));
			exit(2);
		}
	}
}

static void mapd(uint64_t device, uint64_t itt)
{
	post(device << 32 | MAPD, 0, itt ? VALID | itt : 0);
}

static void map_all(const uint64_t *itt, unsigned int count)
{
	unsigned int i;

	for (i = 0; i < count; i++)
		mapd(FIRST_DEVICE + i, itt[i]);
}

static void unmap_all(unsigned int count)
{
	unsigned int i;

	for (i = 0; i < count; i++)
		mapd(FIRST_DEVICE + i, 0);
}

static unsigned int nearest(const uint64_t *itt, unsigned int count)
{
	unsigned int i, best = 0;

	for (i = 1; i < count; i++) {
		if (llabs((int64_t)(itt[i] - itt[count])) < llabs((int64_t)(itt[best] - itt[count])))
			best = i;
	}

	return best;
}

static uint64_t now(void)
{
	uint64_t t;

	__asm__ volatile("isb; mrs %0, cntvct_el0" : "=r" (t) :: "memory");
	return t;
}

static uint64_t time_one(uint64_t itt)
{
	uint64_t start;
	int i;

	mapd(PROBE_DEVICE, itt);
	mapd(PROBE_DEVICE, 0);
	start = now();
	for (i = 0; i < ROUNDS; i++) {
		mapd(PROBE_DEVICE, itt);
		mapd(PROBE_DEVICE, 0);
	}

	return now() - start;
}

int main(int argc, char **argv)
{
	uint64_t page = sysconf(_SC_PAGESIZE), entry, alone, among, *itt;
	unsigned int count, near, i;
	char *mem;
	int fd;

	if (argc != 5)
		return 2;
	count = strtoul(argv[4], NULL, 0);
	queue_size = strtoull(argv[3], NULL, 0);
	frame = map(argv[1], 0x10000, O_SYNC);
	queue = map(argv[2], queue_size, 0);
	home = reg(GITS_CWRITER);

	mem = mmap(NULL, (count + 1) * page, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_LOCKED | MAP_POPULATE, -1, 0);
	itt = calloc(count + 1, sizeof(*itt));
	fd = open("/proc/self/pagemap", O_RDONLY);
	if (mem == MAP_FAILED || !itt || fd < 0)
		die("memory");
	for (i = 0; i <= count; i++) {
		if (pread(fd, &entry, 8, ((uintptr_t)mem / page + i) * 8) != 8)
			die("pagemap");
		itt[i] = (entry & ((1ULL << 55) - 1)) * page;
	}

	/* The first time, the host's stage 2 is split into pages. */
	map_all(itt, count);
	unmap_all(count);

	/* With a neighbour, or EL2 makes and frees a table of its own stage 1 each time. */
	near = nearest(itt, count);
	mapd(FIRST_DEVICE + near, itt[near]);
	alone = time_one(itt[count]);
	mapd(FIRST_DEVICE + near, 0);

	map_all(itt, count);
	among = time_one(itt[count]);
	unmap_all(count);

	/* The driver remembers where it wrote last: go on to there. */
	while (reg(GITS_CWRITER) != home)
		post(SYNC, 0, 0);

	printf("alone %llu among %llu permille %llu\n", (unsigned long long)alone,
	       (unsigned long long)among, (unsigned long long)(among * 1000 / alone));
	return 0;
}
