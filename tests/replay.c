// SPDX-License-Identifier: GPL-2.0-only
/*
 * replay FRAME QUEUE SIZE [vpe]: a host whose firmware restores the ITS
 *
 * Maps a device and unmaps it again, which leaves these commands in the queue, and
 * has its pages back. At a "MARK n" it waits until somebody outside, who played
 * the firmware or looked at the memory, has written n to its mailbox. Then it enables
 * the ITS and does nothing else: an ITS that now executes what is in its queue
 * writes to pages which are no longer the device's.
 * FRAME is the address of the control frame; QUEUE and SIZE are the queue's, its
 * shadow's if EL2 owns the ITS, or - if they are GITS_CBASER's. With "vpe" a vPE is
 * mapped and unmapped as well.
 */
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define GITS_CTLR	0x00
#define GITS_CBASER	0x80
#define GITS_CWRITER	0x88
#define GITS_CREADR	0x90
#define ENABLED		1u
#define QUIESCENT	(1u << 31)
#define STALLED		1u

#define INT		0x03
#define SYNC		0x05
#define MAPD		0x08
#define MAPTI		0x0a
#define VSYNC		0x25
#define VMAPP		0x29
#define VMAPTI		0x2a
#define VALID		(1ULL << 63)

#define CMD_SIZE	32
#define DEVICE		0x700ULL
#define EVENT_BITS	5
#define VPE		0x700ULL
#define VPT_BITS	16
#define VPT_ALIGN	0x10000
#define NO_DOORBELL	1023ULL
#define LPI_UNUSED	(8192 + 4096)
#define PATTERN		0x5a
#define POOL_SIZE	(16 << 20)
#define WAIT_US		30000000

/* What becomes of GITS_CTLR.Enabled */
enum power {
	FIRMWARE_ENABLES,
	HOST_DISABLES,		/* and enables once the firmware is done */
	HOST_ENABLES,		/* having left the ITS enabled */
};

struct memory {
	volatile uint8_t *va;
	uint64_t phys;
};

static volatile uint8_t *frame;
static volatile uint64_t *queue;
static uint64_t queue_size, page_size;
static uint64_t next;		/* where the next command goes */
static struct memory mailbox, itt, vpt;
static unsigned int marks;

static void die(const char *what)
{
	printf("replay: %s\n", what);
	exit(2);
}

static void *map(uint64_t addr, uint64_t size, int flags)
{
	int fd = open("/dev/mem", O_RDWR | flags);
	void *va = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, addr);

	if (fd < 0 || va == MAP_FAILED)
		die("cannot map /dev/mem");
	close(fd);

	return va;
}

static uint64_t phys_of(volatile void *va)
{
	int fd = open("/proc/self/pagemap", O_RDONLY);
	uint64_t entry = 0;

	if (pread(fd, &entry, sizeof(entry), (uintptr_t)va / page_size * sizeof(entry)) != sizeof(entry))
		entry = 0;
	close(fd);

	return (entry & ((1ULL << 55) - 1)) * page_size;
}

/* Memory of our own: a page each, and a page or two in a row where a VPT may be. */
static void find_memory(bool with_vpt)
{
	uint8_t *pool = mmap(NULL, POOL_SIZE, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	uint64_t size = (1 << VPT_BITS) / 8, i;

	if (pool == MAP_FAILED || mlock(pool, POOL_SIZE))
		die("no memory");
	mailbox = (struct memory) { pool, phys_of(pool) };
	itt = (struct memory) { pool + page_size, phys_of(pool + page_size) };
	for (i = 2 * page_size; with_vpt && !vpt.va && i + size <= POOL_SIZE; i += page_size) {
		uint64_t phys = phys_of(pool + i);

		if (!(phys % VPT_ALIGN) &&
		    (size <= page_size || phys_of(pool + i + page_size) == phys + page_size))
			vpt = (struct memory) { pool + i, phys };
	}
	if (!mailbox.phys || !itt.phys || (with_vpt && !vpt.va))
		die("/proc/self/pagemap knows of no memory that would do");

	printf("fact: mailbox 0x%llx\n", (unsigned long long)mailbox.phys);
	printf("fact: itt 0x%llx\n", (unsigned long long)itt.phys);
	if (vpt.va)
		printf("fact: vpt 0x%llx\n", (unsigned long long)vpt.phys);
}

static void mark(void)
{
	unsigned int us;

	printf("MARK %u\n", ++marks);
	fflush(stdout);
	for (us = 0; *mailbox.va != marks; us += 1000) {
		if (us >= WAIT_US)
			die("nobody is outside");
		usleep(1000);
	}
}

static uint64_t reg(unsigned int offset)
{
	return *(volatile uint64_t *)(frame + offset);
}

static uint32_t ctlr(void)
{
	return *(volatile uint32_t *)(frame + GITS_CTLR);
}

static void write_ctlr(uint32_t val)
{
	*(volatile uint32_t *)(frame + GITS_CTLR) = val;
}

static void put(uint64_t dw0, uint64_t dw1, uint64_t dw2, uint64_t dw3)
{
	volatile uint64_t *slot = queue + next / 8;

	slot[0] = dw0;
	slot[1] = dw1;
	slot[2] = dw2;
	slot[3] = dw3;
	next = (next + CMD_SIZE) % queue_size;
}

static void submit(void)
{
	unsigned int us;

	__asm__ volatile("dsb sy" ::: "memory");
	*(volatile uint64_t *)(frame + GITS_CWRITER) = next;
	for (us = 0; reg(GITS_CREADR) != next; us += 100) {
		if ((reg(GITS_CREADR) & STALLED) || us >= WAIT_US) {
			printf("GITS_CWRITER 0x%llx GITS_CREADR 0x%llx\n",
			       (unsigned long long)next, (unsigned long long)reg(GITS_CREADR));
			die("a command was refused");
		}
		usleep(100);
	}
}

/* A full queue looks like an empty one: no more than half of it at a time. */
static void wind(uint64_t target)
{
	while (next != target) {
		do
			put(SYNC, 0, 0, 0);
		while (next != target && next % (queue_size / 2));
		submit();
	}
}

static void map_and_unmap(void)
{
	uint64_t event;

	if (vpt.va)
		put(VMAPP, VPE << 32, VALID, vpt.phys | (VPT_BITS - 1));
	put(DEVICE << 32 | MAPD, EVENT_BITS - 1, VALID | itt.phys, 0);
	for (event = 0; event < 1 << EVENT_BITS; event++) {
		if (!vpt.va) {
			put(DEVICE << 32 | MAPTI, (LPI_UNUSED + event) << 32 | event, 0, 0);
			continue;
		}
		put(DEVICE << 32 | VMAPTI, VPE << 32 | event, NO_DOORBELL << 32 | (LPI_UNUSED + event), 0);
		put(DEVICE << 32 | INT, event, 0, 0);
	}
	put(SYNC, 0, 0, 0);
	submit();

	put(DEVICE << 32 | MAPD, 0, 0, 0);
	put(SYNC, 0, 0, 0);
	if (vpt.va) {
		put(VMAPP, VPE << 32, 0, 0);
		put(VSYNC, VPE << 32, 0, 0);
	}
	put(SYNC, 0, 0, 0);
	submit();
}

/* The pages are ours again: a host which may not write to them ends here. */
static void use_pages(void)
{
	memset((void *)itt.va, PATTERN, page_size);
	if (vpt.va)
		memset((void *)vpt.va, PATTERN, (1 << VPT_BITS) / 8);
}

static void disable(void)
{
	write_ctlr(ctlr() & ~(QUIESCENT | ENABLED));
	while (!(ctlr() & QUIESCENT))
		usleep(100);
}

static void power_loss(enum power power)
{
	if (power == HOST_DISABLES)
		disable();
	mark();
	if (power != FIRMWARE_ENABLES)
		write_ctlr(ENABLED);
	usleep(50000);
	mark();
	next = reg(GITS_CWRITER);
}

static void go_through(enum power power)
{
	wind(0);
	map_and_unmap();
	use_pages();
	power_loss(power);
}

int main(int argc, char **argv)
{
	uint64_t home, cbaser, addr;

	if (argc < 4)
		die("FRAME QUEUE SIZE [vpe]");
	page_size = sysconf(_SC_PAGESIZE);
	frame = map(strtoull(argv[1], NULL, 0), 0x10000, O_SYNC);
	cbaser = reg(GITS_CBASER);
	addr = *argv[2] == '-' ? cbaser & 0xffffffffff000ULL : strtoull(argv[2], NULL, 0);
	queue_size = *argv[3] == '-' ? ((cbaser & 0xff) + 1) * 4096 : strtoull(argv[3], NULL, 0);
	queue = map(addr, queue_size, 0);
	home = next = reg(GITS_CWRITER);
	find_memory(argc > 4);

	/* What the driver has sent so far, most of it before EL2 owned the ITS. */
	use_pages();
	power_loss(FIRMWARE_ENABLES);

	go_through(FIRMWARE_ENABLES);
	go_through(HOST_DISABLES);
	go_through(HOST_ENABLES);

	/* The driver remembers where it wrote last. */
	wind(home);
	return 0;
}
