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
 * bench sleep CLOCK ROUNDS SLEEPS: the same for a virtual machine with one vCPU, a
 * GICv3 and an ITS, which waits so often for its virtual timer in WFI, and then
 * accesses a device of user space. KVM must not poll while it waits.
 *
 * bench vlpi CLOCK ROUNDS FILE BAR: the same for an MSI that a virtual machine
 * receives while it runs, on CPU 1. FILE is that of its_bench, bound to a device of
 * the kind "edu", whose registers are in BAR.
 *
 * bench run CLOCK ROUNDS PROGRAM...: the same for a program, all of it.
 *
 * CLOCK is "time" (the virtual counter, which has to count nanoseconds) or
 * "instructions" (the PMU's: those of all CPUs, and nothing while all are idle).
 * What looking at the clock costs is taken off.
 *
 * MARK=file writes 1 there after some rounds for warming up, and 2 at the end. It
 * also reads two ID registers of the first redistributor then, which nobody else does
 * and no CPU traps: QEMU's trace has the same marks.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/kvm.h>
#include <linux/perf_event.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define NSEC_PER_SEC	1000000000UL
#define MAX_VCPUS	2
#define WARM_UP		4
#define WARM_UP_SLEEPS	16
#define SLEEP_NSEC	50000
#define VLPI_SECONDS	20

#define GICD_BASE	0x08000000ULL
#define GICR_BASE	0x080a0000ULL
#define ITS_BASE	0x08080000ULL

/* Of this machine, and this guest. */
#define HOST_GICR_BASE	0x080a0000ULL
#define GICR_ID_PAGE	0xf000
#define GICR_PIDR0	0xffe0
#define GICR_PIDR1	0xffe4
#define GICR_PIDR3	0xffec
#define GICR_IGROUPR0	0x10080
#define GICR_ISENABLER0	0x10100

/* The guest's memory: what it executes, what it counts, and the tables of its ITS. */
#define MEM_BASE	0x40000000ULL
#define MEM_SIZE	0x70000
#define MEM_COUNT	0x1000
#define MEM_DEVICES	0x10000
#define MEM_COLLECTIONS	0x20000
#define MEM_ITT		0x30000
#define MEM_CONFIG	0x40000
#define MEM_PENDING	0x50000
#define MEM_QUEUE	0x60000
#define USER_DEVICE	0x10000000ULL
#define GUEST_LPI	8192
#define EDU_RAISE_IRQ	0x60

struct written {
	int		fd;
	const char	*val;
	size_t		len;
};

static struct written writes[2];
static int perf = -1;
static int kvm, vm, devs[2], vcpus[MAX_VCPUS];
static unsigned int nr_vcpus = MAX_VCPUS;
static struct kvm_run *runs[MAX_VCPUS];
static int run_size;
static uint8_t *mem;
static unsigned long sleeps;
static bool warming_up;
static volatile uint32_t *edu, *gicr_ids;
static char **program;

/* For the virtual CPU interface. x3 is lost. */
#define ENABLE_INTERRUPTS				\
	"	mov	x3, #0xf0\n"			\
	"	msr	s3_0_c4_c6_0, x3\n"	/* ICC_PMR_EL1 */ \
	"	mov	x3, #1\n"			\
	"	msr	s3_0_c12_c12_7, x3\n"	/* ICC_IGRPEN1_EL1 */ \
	"	isb\n"

/*
 * x0 times: the virtual timer is set to now and x1, and waited for, and its interrupt is
 * acknowledged; then a store to x2, which is user space's.
 *
 * Or: LPIs are acknowledged and counted at x0. A "yield" is where QEMU lets the other
 * CPU go on.
 */
extern const char guest_sleeps[], guest_sleeps_end[], guest_counts[], guest_counts_end[];

__asm__(
"	.pushsection .rodata\n"
"	.global	guest_sleeps, guest_sleeps_end, guest_counts, guest_counts_end\n"
"guest_sleeps:\n"
	ENABLE_INTERRUPTS
"1:	cbz	x0, 3f\n"
"	mrs	x3, cntvct_el0\n"
"	add	x3, x3, x1\n"
"	msr	cntv_cval_el0, x3\n"
"	mov	x3, #1\n"
"	msr	cntv_ctl_el0, x3\n"
"2:	isb\n"
"	wfi\n"
"	mrs	x3, s3_0_c12_c12_0\n"	/* ICC_IAR1_EL1 */
"	cmp	x3, #27\n"
"	b.ne	2b\n"
"	msr	cntv_ctl_el0, xzr\n"
"	isb\n"
"	msr	s3_0_c12_c12_1, x3\n"	/* ICC_EOIR1_EL1 */
"	sub	x0, x0, #1\n"
"	b	1b\n"
"3:	str	x0, [x2]\n"
"	b	1b\n"
"guest_sleeps_end:\n"
"guest_counts:\n"
	ENABLE_INTERRUPTS
"	mov	x2, #0\n"
"1:	mrs	x1, s3_0_c12_c12_0\n"
"	cmp	x1, #8192\n"
"	b.ne	2f\n"
"	msr	s3_0_c12_c12_1, x1\n"
"	add	x2, x2, #1\n"
"	str	x2, [x0]\n"
"2:	yield\n"
"	b	1b\n"
"guest_counts_end:\n"
"	.popsection\n");

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

static void create_mem(void)
{
	struct kvm_userspace_memory_region slot = {
		.guest_phys_addr	= MEM_BASE,
		.memory_size		= MEM_SIZE,
	};

	mem = mmap(NULL, MEM_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (mem == MAP_FAILED)
		die("mmap");
	slot.userspace_addr = (uintptr_t)mem;
	xioctl(vm, KVM_SET_USER_MEMORY_REGION, &slot, "KVM_SET_USER_MEMORY_REGION");
}

static void create_empty_vm(void)
{
	unsigned int i;

	vm = xioctl(kvm, KVM_CREATE_VM, NULL, "KVM_CREATE_VM");
	for (i = 0; i < nr_vcpus; i++)
		create_vcpu(i);

	devs[0] = create_device(KVM_DEV_TYPE_ARM_VGIC_V3);
	set_attr(devs[0], KVM_DEV_ARM_VGIC_GRP_ADDR, KVM_VGIC_V3_ADDR_TYPE_DIST, GICD_BASE);
	set_attr(devs[0], KVM_DEV_ARM_VGIC_GRP_ADDR, KVM_VGIC_V3_ADDR_TYPE_REDIST, GICR_BASE);
	devs[1] = create_device(KVM_DEV_TYPE_ARM_VGIC_ITS);
	set_attr(devs[1], KVM_DEV_ARM_VGIC_GRP_ADDR, KVM_VGIC_ITS_ADDR_TYPE, ITS_BASE);
	set_attr(devs[1], KVM_DEV_ARM_VGIC_GRP_CTRL, KVM_DEV_ARM_VGIC_CTRL_INIT, 0);
	set_attr(devs[0], KVM_DEV_ARM_VGIC_GRP_CTRL, KVM_DEV_ARM_VGIC_CTRL_INIT, 0);
}

static void create_vm(void)
{
	unsigned int i;

	create_empty_vm();
	for (i = 0; i < nr_vcpus; i++) {
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

	for (i = 0; i < nr_vcpus; i++) {
		munmap(runs[i], run_size);
		close(vcpus[i]);
	}
	close(devs[0]);
	close(devs[1]);
	close(vm);
}

static void set_core(uint64_t offset, uint64_t val)
{
	struct kvm_one_reg reg = {
		.id	= KVM_REG_ARM64 | KVM_REG_SIZE_U64 | KVM_REG_ARM_CORE | offset / sizeof(uint32_t),
		.addr	= (uintptr_t)&val,
	};

	xioctl(vcpus[0], KVM_SET_ONE_REG, &reg, "KVM_SET_ONE_REG");
}

static void set_x(unsigned int nr, uint64_t val)
{
	set_core(offsetof(struct kvm_regs, regs.regs[nr]), val);
}

static void set_gicr(uint64_t offset, uint64_t val)
{
	set_attr(devs[0], KVM_DEV_ARM_VGIC_GRP_REDIST_REGS, offset, val);
}

static void create_guest(const char *code, const char *end)
{
	kvm = open("/dev/kvm", O_RDWR);
	if (kvm < 0)
		die("/dev/kvm");
	run_size = xioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, NULL, "KVM_GET_VCPU_MMAP_SIZE");
	nr_vcpus = 1;
	create_empty_vm();
	create_mem();
	memcpy(mem, code, end - code);
	__builtin___clear_cache((char *)mem, (char *)mem + (end - code));
	set_core(offsetof(struct kvm_regs, regs.pc), MEM_BASE);

	/* Group 1: in GICD_CTLR; the virtual timer, PPI 27, enabled. */
	set_attr(devs[0], KVM_DEV_ARM_VGIC_GRP_DIST_REGS, 0, 0x12);
	set_gicr(GICR_IGROUPR0, 1 << 27);
	set_gicr(GICR_ISENABLER0, 1 << 27);
}

static void sleep_often(void)
{
	set_x(0, warming_up && sleeps > WARM_UP_SLEEPS ? WARM_UP_SLEEPS : sleeps);
	set_x(1, SLEEP_NSEC);
	set_x(2, USER_DEVICE);
	xioctl(vcpus[0], KVM_RUN, 0, "KVM_RUN");
	if (runs[0]->exit_reason != KVM_EXIT_MMIO || runs[0]->mmio.phys_addr != USER_DEVICE) {
		fprintf(stderr, "bench: exit %u of the vCPU\n", runs[0]->exit_reason);
		exit(2);
	}
}

static void set_gits(uint64_t offset, uint64_t val)
{
	set_attr(devs[1], KVM_DEV_ARM_VGIC_GRP_ITS_REGS, offset, val);
}

/*
 * DeviceID 0 and EventID 0 are an LPI of the vCPU: as if they had been mapped, then
 * saved, and were restored.
 */
static void map_guest_lpi(void)
{
	const uint64_t valid = 1ULL << 63, page_64k = 2 << 8;
	uint64_t *devices = (uint64_t *)(mem + MEM_DEVICES);
	uint64_t *collections = (uint64_t *)(mem + MEM_COLLECTIONS);
	uint64_t *itt = (uint64_t *)(mem + MEM_ITT);

	/* One EventID bit, the LPI, and vCPU 0. */
	devices[0] = valid | (MEM_BASE + MEM_ITT) >> 8 << 5;
	itt[0] = (uint64_t)GUEST_LPI << 16;
	collections[0] = valid;
	/* A priority, group 1, enabled. */
	mem[MEM_CONFIG] = 0xa3;

	/* GICR_PROPBASER for 16 bits, PENDBASER, EnableLPIs. */
	set_gicr(0x70, MEM_BASE + MEM_CONFIG + 15);
	set_gicr(0x78, MEM_BASE + MEM_PENDING);
	set_gicr(0x0, 1);

	/* GITS_CBASER; GITS_BASER: devices, collections; GITS_CTLR. */
	set_gits(0x80, valid | (MEM_BASE + MEM_QUEUE));
	set_gits(0x100, valid | page_64k | (MEM_BASE + MEM_DEVICES));
	set_gits(0x108, valid | page_64k | (MEM_BASE + MEM_COLLECTIONS));
	set_attr(devs[1], KVM_DEV_ARM_VGIC_GRP_CTRL, KVM_DEV_ARM_ITS_RESTORE_TABLES, 0);
	set_gits(0x0, 1);
}

/* The interrupt that its_bench has is the guest's LPI: a vLPI, if there is GICv4. */
static void forward(int bench)
{
	struct {
		struct kvm_irq_routing routing;
		struct kvm_irq_routing_entry entry;
	} table = {
		.routing.nr	= 1,
		.entry		= {
			.type			= KVM_IRQ_ROUTING_MSI,
			.flags			= KVM_MSI_VALID_DEVID,
			.u.msi.address_lo	= ITS_BASE + 0x10040,
		},
	};
	struct kvm_irqfd irqfd = { .fd = eventfd(0, 0) };

	if ((int)irqfd.fd < 0)
		die("eventfd");
	xioctl(vm, KVM_SET_GSI_ROUTING, &table, "KVM_SET_GSI_ROUTING");
	xioctl(vm, KVM_IRQFD, &irqfd, "KVM_IRQFD");
	if (dprintf(bench, "forward %d", irqfd.fd) < 0)
		die("forward");
}

static void *run_on_cpu_1(void *unused)
{
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(1, &cpus);
	if (sched_setaffinity(0, sizeof(cpus), &cpus))
		die("CPU 1");
	xioctl(vcpus[0], KVM_RUN, 0, "KVM_RUN");
	fprintf(stderr, "bench: exit %u of the vCPU\n", runs[0]->exit_reason);
	exit(2);
}

static volatile uint64_t *guest_count(void)
{
	return (uint64_t *)(mem + MEM_COUNT);
}

/* One MSI, until the guest has counted it. */
static void raise_vlpi(void)
{
	uint64_t seen = *guest_count();

	edu[EDU_RAISE_IRQ / sizeof(*edu)] = 1;
	while (*guest_count() == seen)
		__asm__ volatile("yield" ::: "memory");
}

static void start_vlpis(const char *file, const char *bar)
{
	int bench = open(file, O_WRONLY), fd = open(bar, O_RDWR | O_SYNC);
	pthread_t thread;

	if (bench < 0)
		die(file);
	if (fd < 0)
		die(bar);
	edu = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (edu == MAP_FAILED)
		die(bar);

	create_guest(guest_counts, guest_counts_end);
	set_x(0, MEM_BASE + MEM_COUNT);
	map_guest_lpi();
	forward(bench);
	alarm(VLPI_SECONDS);
	if (pthread_create(&thread, NULL, run_on_cpu_1, NULL))
		die("thread");
	raise_vlpi();
}

static void run_program(void)
{
	int status;
	pid_t pid = fork();

	if (pid < 0)
		die("fork");
	if (!pid) {
		cpu_set_t cpus;

		memset(&cpus, 0xff, sizeof(cpus));
		sched_setaffinity(0, sizeof(cpus), &cpus);
		execv(program[0], program);
		_exit(127);
	}
	if (waitpid(pid, &status, 0) != pid || status) {
		fprintf(stderr, "bench: %s: status %d\n", program[0], status);
		exit(2);
	}
}

static uint32_t read_gicr(unsigned int offset)
{
	return gicr_ids[(offset - GICR_ID_PAGE) / sizeof(*gicr_ids)];
}

/* It is touched before it counts. */
static void open_gicr(void)
{
	int fd = open("/dev/mem", O_RDONLY | O_SYNC);

	if (fd < 0)
		die("/dev/mem");
	gicr_ids = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, HOST_GICR_BASE + GICR_ID_PAGE);
	if (gicr_ids == MAP_FAILED)
		die("the redistributor");
	read_gicr(GICR_PIDR0);
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
	} else if (!strcmp(argv[1], "sleep") && argc == 5) {
		sleeps = strtoul(argv[4], NULL, 0);
		create_guest(guest_sleeps, guest_sleeps_end);
		there = sleep_often;
	} else if (!strcmp(argv[1], "vlpi") && argc == 6) {
		start_vlpis(argv[4], argv[5]);
		there = raise_vlpi;
	} else if (!strcmp(argv[1], "run") && argc > 4) {
		program = argv + 4;
		there = run_program;
	} else {
		return 2;
	}

	if (getenv("MARK")) {
		open_file(&mark, getenv("MARK"), O_WRONLY, "1");
		open_gicr();
	}

	measure(nothing, nothing, 16, cost0, cost1);
	clock = least(cost0, 16);

	warming_up = true;
	measure(there, back, WARM_UP, cost0, cost1);
	warming_up = false;
	if (mark.fd >= 0) {
		read_gicr(GICR_PIDR1);
		write_one(&mark);
	}
	measure(there, back, rounds, cost0, cost1);
	mark.val = "2";
	if (mark.fd >= 0) {
		write_one(&mark);
		read_gicr(GICR_PIDR3);
	}

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
