// SPDX-License-Identifier: GPL-2.0-only
/*
 * bench writes CLOCK ROUNDS FILE A [FILE B]: writes A and then B, each to its
 * file, ROUNDS times over, and prints the least that a write of each costs.
 *
 * bench reads CLOCK ROUNDS FILE: the same for reading 64 bytes.
 *
 * bench vm CLOCK ROUNDS: the same for creating a virtual machine with two vCPUs,
 * a GICv3 and an ITS, up to the point where both vCPUs exist at EL2, and for
 * destroying it.
 *
 * CLOCK is "time" (the virtual counter, which has to count nanoseconds) or
 * "instructions" (the PMU's: those of all CPUs, and nothing while all are idle).
 * What looking at the clock costs is taken off.
 *
 * MARK=file writes 1 there after some rounds for warming up, and 2 at the end.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/kvm.h>
#include <linux/perf_event.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define NSEC_PER_SEC	1000000000UL
#define NR_VCPUS	2
#define WARM_UP		4

#define GICD_BASE	0x08000000ULL
#define GICR_BASE	0x080a0000ULL
#define ITS_BASE	0x08080000ULL

struct written {
	int		fd;
	const char	*val;
	size_t		len;
};

static struct written writes[2];
static int perf = -1;
static int kvm, vm, devs[2], vcpus[NR_VCPUS];
static struct kvm_run *runs[NR_VCPUS];
static int run_size;

static void die(const char *what)
{
	perror(what);
	exit(2);
}

static uint64_t now(void)
{
	uint64_t val;

	if (perf < 0) {
		__asm__ volatile("isb; mrs %0, cntvct_el0" : "=r" (val) :: "memory");
		return val;
	}

	if (read(perf, &val, sizeof(val)) != sizeof(val))
		die("read of the PMU");

	return val;
}

static void open_clock(const char *name)
{
	struct perf_event_attr attr = {
		.type		= PERF_TYPE_HARDWARE,
		.size		= sizeof(attr),
		.config		= PERF_COUNT_HW_INSTRUCTIONS,
		.pinned		= 1,
	};
	uint64_t rate;

	if (!strcmp(name, "instructions")) {
		perf = syscall(SYS_perf_event_open, &attr, -1, 0, -1, 0);
		if (perf < 0)
			die("perf_event_open");
		return;
	}

	__asm__ volatile("mrs %0, cntfrq_el0" : "=r" (rate));
	if (strcmp(name, "time") || rate != NSEC_PER_SEC) {
		fprintf(stderr, "bench: no such clock, or it does not count nanoseconds\n");
		exit(2);
	}
}

static void write_one(const struct written *w)
{
	if (write(w->fd, w->val, w->len) != (ssize_t)w->len)
		die(w->val);
}

static void write_there(void) { write_one(&writes[0]); }
static void write_back(void) { write_one(&writes[1]); }

static void read_there(void)
{
	char buf[64];

	if (read(writes[0].fd, buf, sizeof(buf)) <= 0)
		die("read");
}

static void nothing(void) { }

static void open_file(struct written *w, const char *file, int flags, const char *val)
{
	w->fd = open(file, flags);
	if (w->fd < 0)
		die(file);
	w->val = val;
	w->len = strlen(val);
}

static int xioctl(int fd, unsigned long cmd, void *arg, const char *what)
{
	int ret = ioctl(fd, cmd, arg);

	if (ret < 0)
		die(what);

	return ret;
}

static int create_device(uint32_t type)
{
	struct kvm_create_device dev = { .type = type };

	xioctl(vm, KVM_CREATE_DEVICE, &dev, "KVM_CREATE_DEVICE");

	return dev.fd;
}

static void set_attr(int fd, uint32_t group, uint64_t attr, uint64_t val)
{
	struct kvm_device_attr a = { .group = group, .attr = attr, .addr = (uintptr_t)&val };

	xioctl(fd, KVM_SET_DEVICE_ATTR, &a, "KVM_SET_DEVICE_ATTR");
}

static void create_vcpu(unsigned long i)
{
	struct kvm_vcpu_init init;

	vcpus[i] = xioctl(vm, KVM_CREATE_VCPU, (void *)i, "KVM_CREATE_VCPU");
	xioctl(vm, KVM_ARM_PREFERRED_TARGET, &init, "KVM_ARM_PREFERRED_TARGET");
	xioctl(vcpus[i], KVM_ARM_VCPU_INIT, &init, "KVM_ARM_VCPU_INIT");
	runs[i] = mmap(NULL, run_size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpus[i], 0);
	if (runs[i] == MAP_FAILED)
		die("mmap");
}

static void create_vm(void)
{
	unsigned int i;

	vm = xioctl(kvm, KVM_CREATE_VM, NULL, "KVM_CREATE_VM");
	for (i = 0; i < NR_VCPUS; i++)
		create_vcpu(i);

	devs[0] = create_device(KVM_DEV_TYPE_ARM_VGIC_V3);
	set_attr(devs[0], KVM_DEV_ARM_VGIC_GRP_ADDR, KVM_VGIC_V3_ADDR_TYPE_DIST, GICD_BASE);
	set_attr(devs[0], KVM_DEV_ARM_VGIC_GRP_ADDR, KVM_VGIC_V3_ADDR_TYPE_REDIST, GICR_BASE);
	devs[1] = create_device(KVM_DEV_TYPE_ARM_VGIC_ITS);
	set_attr(devs[1], KVM_DEV_ARM_VGIC_GRP_ADDR, KVM_VGIC_ITS_ADDR_TYPE, ITS_BASE);
	set_attr(devs[1], KVM_DEV_ARM_VGIC_GRP_CTRL, KVM_DEV_ARM_VGIC_CTRL_INIT, 0);
	set_attr(devs[0], KVM_DEV_ARM_VGIC_GRP_CTRL, KVM_DEV_ARM_VGIC_CTRL_INIT, 0);

	for (i = 0; i < NR_VCPUS; i++) {
		runs[i]->immediate_exit = 1;
		if (!ioctl(vcpus[i], KVM_RUN, 0)) {
			fprintf(stderr, "bench: KVM_RUN has run\n");
			exit(2);
		}
	}
}

static void destroy_vm(void)
{
	unsigned int i;

	for (i = 0; i < NR_VCPUS; i++) {
		munmap(runs[i], run_size);
		close(vcpus[i]);
	}
	close(devs[0]);
	close(devs[1]);
	close(vm);
}

static uint64_t least(const uint64_t *val, int nr)
{
	uint64_t min = UINT64_MAX;

	while (nr--) {
		if (val[nr] < min)
			min = val[nr];
	}

	return min;
}

static void measure(void (*there)(void), void (*back)(void), int rounds,
		    uint64_t *cost0, uint64_t *cost1)
{
	uint64_t t0, t1, t2;
	int i;

	for (i = 0; i < rounds; i++) {
		t0 = now();
		there();
		t1 = now();
		back();
		t2 = now();
		cost0[i] = t1 - t0;
		cost1[i] = t2 - t1;
	}
}

int main(int argc, char **argv)
{
	void (*there)(void) = nothing, (*back)(void) = nothing;
	struct written mark = { .fd = -1 };
	uint64_t *cost0, *cost1, clock;
	int rounds, i;
	cpu_set_t cpus;

	if (argc < 4)
		return 2;
	rounds = atoi(argv[3]);
	cost0 = calloc(rounds + 16, sizeof(*cost0));
	cost1 = calloc(rounds + 16, sizeof(*cost1));

	CPU_ZERO(&cpus);
	CPU_SET(0, &cpus);
	if (rounds < 1 || !cost0 || !cost1 || sched_setaffinity(0, sizeof(cpus), &cpus) ||
	    mlockall(MCL_CURRENT | MCL_FUTURE))
		die("setup");

	open_clock(argv[2]);
	if (!strcmp(argv[1], "writes") && (argc == 6 || argc == 8)) {
		open_file(&writes[0], argv[4], O_WRONLY, argv[5]);
		there = write_there;
		if (argc == 8) {
			open_file(&writes[1], argv[6], O_WRONLY, argv[7]);
			back = write_back;
		}
	} else if (!strcmp(argv[1], "reads") && argc == 5) {
		open_file(&writes[0], argv[4], O_RDONLY, "");
		there = read_there;
	} else if (!strcmp(argv[1], "vm") && argc == 4) {
		kvm = open("/dev/kvm", O_RDWR);
		if (kvm < 0)
			die("/dev/kvm");
		run_size = xioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, NULL, "KVM_GET_VCPU_MMAP_SIZE");
		there = create_vm;
		back = destroy_vm;
	} else {
		return 2;
	}

	if (getenv("MARK"))
		open_file(&mark, getenv("MARK"), O_WRONLY, "1");

	measure(nothing, nothing, 16, cost0, cost1);
	clock = least(cost0, 16);

	measure(there, back, WARM_UP, cost0, cost1);
	if (mark.fd >= 0)
		write_one(&mark);
	measure(there, back, rounds, cost0, cost1);
	mark.val = "2";
	if (mark.fd >= 0)
		write_one(&mark);

	if (getenv("VERBOSE")) {
		for (i = 0; i < rounds; i++)
			fprintf(stderr, "%llu %llu\n", (unsigned long long)(cost0[i] - clock),
				(unsigned long long)(cost1[i] - clock));
	}
	printf("%llu", (unsigned long long)(least(cost0, rounds) - clock));
	if (back != nothing)
		printf(" %llu", (unsigned long long)(least(cost1, rounds) - clock));
	printf("\n");
	return 0;
}
