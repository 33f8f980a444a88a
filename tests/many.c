// SPDX-License-Identifier: GPL-2.0-only
/*
 * many FRAME QUEUE SIZE COUNT... [-- PROGRAM ARGUMENT...]: does it cost more to
 * map one device among many? For each COUNT, maps as many devices through the
 * queue of an ITS, the nearest in memory first, then one more which it unmaps
 * again, and prints what MAPD, and MAPD and SYNC take: the least of all rounds.
 * With a PROGRAM, runs that among the COUNT devices instead.
 * FRAME is the address of the control frame; QUEUE and SIZE are the queue's, its
 * shadow's if EL2 owns the ITS.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
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

static uint64_t put(uint64_t at, uint64_t dw0, uint64_t dw1, uint64_t dw2)
{
	volatile uint64_t *slot = queue + at / 8;

	slot[0] = dw0;
	slot[1] = dw1;
	slot[2] = dw2;
	slot[3] = 0;

	return (at + 32) % queue_size;
}

static void submit(uint64_t next)
{
	int tries = 1000000;

	__asm__ volatile("dsb sy" ::: "memory");
	*(volatile uint64_t *)(frame + GITS_CWRITER) = next;
	while (reg(GITS_CREADR) != next) {
		if ((reg(GITS_CREADR) & 1) || !tries--) {
			printf("stalled: CWRITER 0x%llx, CREADR 0x%llx\n",
			       (unsigned long long)next, (unsigned long long)reg(GITS_CREADR));
			exit(2);
		}
	}
}

static void map_device(uint64_t device, uint64_t itt)
{
	submit(put(reg(GITS_CWRITER), device << 32 | MAPD, 0, VALID | itt));
}

/* The ITT is the host's again once a SYNC behind the unmap is consumed. */
static void unmap_device(uint64_t device)
{
	uint64_t next = put(reg(GITS_CWRITER), device << 32 | MAPD, 0, 0);

	submit(put(next, SYNC, 0, 0));
}

static void map_all(const uint64_t *itt, unsigned int count)
{
	unsigned int i;

	for (i = 0; i < count; i++)
		map_device(FIRST_DEVICE + i, itt[i]);
}

static void unmap_all(unsigned int count)
{
	unsigned int i;

	for (i = 0; i < count; i++)
		unmap_device(FIRST_DEVICE + i);
}

/* The driver remembers where it wrote last: go on to there. */
static void go_home(void)
{
	while (reg(GITS_CWRITER) != home)
		submit(put(reg(GITS_CWRITER), SYNC, 0, 0));
}

/*
 * What is mapped first is what is nearest to the last. Without a neighbour EL2
 * makes and frees a table of its own stage 1 each time.
 */
static void sort_by_distance(uint64_t *itt, unsigned int count)
{
	unsigned int i, best = 0;
	uint64_t tmp;

	for (i = 1; i < count; i++) {
		if (llabs((int64_t)(itt[i] - itt[count])) < llabs((int64_t)(itt[best] - itt[count])))
			best = i;
	}

	tmp = itt[0];
	itt[0] = itt[best];
	itt[best] = tmp;
}

static uint64_t now(void)
{
	uint64_t t;

	__asm__ volatile("isb; mrs %0, cntvct_el0" : "=r" (t) :: "memory");
	return t;
}

static uint64_t time_one(uint64_t itt)
{
	uint64_t start, took, least = UINT64_MAX;
	int i;

	for (i = 0; i < ROUNDS; i++) {
		start = now();
		map_device(PROBE_DEVICE, itt);
		unmap_device(PROBE_DEVICE);
		took = now() - start;
		if (took < least)
			least = took;
	}

	return least;
}

static void run_program(char **argv)
{
	int status;
	pid_t pid;

	go_home();
	fflush(stdout);
	pid = fork();
	if (!pid) {
		execv(argv[0], argv);
		die(argv[0]);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || status)
		die(argv[0]);
	home = reg(GITS_CWRITER);
}

int main(int argc, char **argv)
{
	uint64_t page = sysconf(_SC_PAGESIZE), entry, *itt;
	unsigned int nr_counts = 0, max = 0, count, i;
	char *mem, **program = NULL;
	int fd;

	for (i = 4; i < (unsigned int)argc; i++) {
		if (!strcmp(argv[i], "--")) {
			program = &argv[i + 1];
			break;
		}
		count = strtoul(argv[i], NULL, 0);
		if (!count)
			return 2;
		if (count > max)
			max = count;
		nr_counts++;
	}
	if (!nr_counts || (program && !*program))
		return 2;

	queue_size = strtoull(argv[3], NULL, 0);
	frame = map(argv[1], 0x10000, O_SYNC);
	queue = map(argv[2], queue_size, 0);
	home = reg(GITS_CWRITER);

	mem = mmap(NULL, (max + 1) * page, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_LOCKED | MAP_POPULATE, -1, 0);
	itt = calloc(max + 1, sizeof(*itt));
	fd = open("/proc/self/pagemap", O_RDONLY);
	if (mem == MAP_FAILED || !itt || fd < 0)
		die("memory");
	for (i = 0; i <= max; i++) {
		if (pread(fd, &entry, 8, ((uintptr_t)mem / page + i) * 8) != 8)
			die("pagemap");
		itt[i] = (entry & ((1ULL << 55) - 1)) * page;
	}
	sort_by_distance(itt, max);

	/* The first time, the host's stage 2 is split into pages. */
	map_all(itt, max);
	unmap_all(max);

	for (i = 0; i < nr_counts; i++) {
		count = strtoul(argv[4 + i], NULL, 0);
		map_all(itt, count);
		if (program) {
			printf("mapped %u\n", count);
			run_program(program);
		} else {
			printf("mapped %u cost %llu\n", count,
			       (unsigned long long)time_one(itt[max]));
		}
		unmap_all(count);
	}

	go_home();
	return 0;
}
