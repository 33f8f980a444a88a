// SPDX-License-Identifier: GPL-2.0-only
/* Everything at once, and too much of it. */
#include <sys/wait.h>

#include "attack.h"

#define STORM_ROUNDS		1000
#define S2_STRIDE		(512ULL * SZ_1G)
#define S2_TOUCHES		6000
#define S2_PROBE		BIT_ULL(51)

static void *storm_thread(void *arg)
{
	const u64 moved = (its.cbaser & ~GITS_CBASER_ADDR) | its.victim;
	const u64 flat = moved_baser();
	bool *stop = arg;
	unsigned int seed = 1;

	its_host_pin_to_cpu(1);
	while (!READ_ONCE(*stop)) {
		u64 offset = rand_r(&seed) % its.queue_size & GITS_QUEUE_OFFSET;

		switch (rand_r(&seed) % 8) {
		case 0:
			its_host_write(GITS_CTLR, 0, 4);
			break;
		case 1:
		case 2:
			its_host_write(GITS_CTLR, GITS_CTLR_ENABLE, 4);
			break;
		case 3:
			its_host_write(GITS_CBASER, its.cbaser, 8);
			break;
		case 4:
			its_host_write(GITS_CBASER, moved, 8);
			break;
		case 5:
			its_host_write(devices_reg(), flat, 8);
			break;
		case 6:
			its_host_write(GITS_CWRITER, offset, 8);
			break;
		default:
			its_host_write(GITS_CWRITER, offset | GITS_CWRITER_RETRY, 4);
			break;
		}
	}

	return NULL;
}

/* Two CPUs at everything at once. The ITS must come out of it by a resume. */
int run_storm(const struct its_test *t)
{
	struct its_cmd evil = mapd(its.free_dev, its.victim, ITT_EVENT_BITS);
	struct its_cmd good = mapd(its.free_dev, its.own_phys, ITT_EVENT_BITS);
	struct its_cmd sync = sync_cmd(its.rdbase);
	struct its_cmd gone = unmapd(its.free_dev);
	bool stop = false;
	unsigned int seed = 2;
	enum its_queue_state state;
	unsigned int i;
	pthread_t thread;
	u64 offset, val = 0;

	if (sysconf(_SC_NPROCESSORS_ONLN) < 2) {
		its_host_fail("one CPU only");
		return KSFT_SKIP;
	}

	/* Old commands of the driver's are in the queue: not to be done again. */
	its_host_fill_queue(&sync);

	if (pthread_create(&thread, NULL, storm_thread, &stop))
		return its_host_fail("no thread");
	for (i = 0; i < STORM_ROUNDS; i++) {
		offset = its_host_read(GITS_CREADR, 8) & GITS_QUEUE_OFFSET;
		its_host_put(offset, i % 4 == 3 ? &evil : &good);
		its_host_put(its_host_next(offset, 1 + rand_r(&seed) % 4), &gone);
		its_host_write(GITS_CWRITER, its_host_next(offset, 6) | GITS_CWRITER_RETRY, 8);
	}
	WRITE_ONCE(stop, true);
	pthread_join(thread, NULL);

	its_host_fill_queue(&sync);
	if (!its_host_restart(its.cbaser))
		return its_host_fail("the queue does not start at zero");
	if (its_host_wait(0) != QUEUE_DONE)
		return its_host_fail("the queue does not start again");

	/* Mapped or not, by now: it must not be in the end. */
	state = its_host_post(&gone, 1);
	if (state == QUEUE_STALLED)
		state = its_host_repair();
	if (state != QUEUE_DONE || its_host_post(&sync, 1) != QUEUE_DONE)
		return its_host_fail("the queue stands still");

	return its_host_try(its.own, 8, &val, false) ? KSFT_PASS :
	       its_host_fail("the ITT did not come back");
}

/*
 * Use up the pages EL2 has for the host's stage 2, so that it drops and rebuilds
 * what it can: all that is not memory. It stays so when this program is gone.
 */
static bool touch(int fd, u64 phys)
{
	void *va = mmap(NULL, its.page_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, phys);
	u64 val = 0;

	if (va == MAP_FAILED)
		return false;
	/* Nobody answers there. What matters is the way there. */
	its_host_try(va, 4, &val, false);
	munmap(va, its.page_size);

	return true;
}

int run_exhaust(const struct its_test *t)
{
	int fd = open("/dev/mem", O_RDWR | O_SYNC);
	unsigned int i, touched = 0;
	int status;
	pid_t pid;

	/* Beyond the CPU's physical addresses this is deadly: try in a child. */
	pid = fork();
	if (!pid)
		_exit(!touch(fd, S2_PROBE));
	if (pid < 0 || waitpid(pid, &status, 0) != pid || status) {
		close(fd);
		return its_host_fail("needs a CPU with 52 bits of physical address");
	}

	for (i = 1; i <= S2_TOUCHES; i++)
		touched += touch(fd, i * S2_STRIDE);
	close(fd);
	ksft_print_msg("touched %u addresses, 512 GB apart\n", touched);

	return touched ? KSFT_PASS : its_host_fail("no address can be touched");
}
