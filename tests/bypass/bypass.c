// SPDX-License-Identifier: GPL-2.0-only
/*
 * bypass - An interrupt of a device goes straight to a guest, as a vLPI
 *
 * The device is that of its_bypass.ko. What the host handles of it is counted there, what
 * the guest gets is counted in its memory: of a vLPI the host handles nothing, and KVM
 * cannot have injected it.
 *
 * bypass --one: one guest, and a few of them.
 *
 * bypass --hostile SECONDS [--seed N]: a host which also gives commands about this device
 * and the vPEs of this guest that neither the ITS driver nor KVM know of. Interrupts may
 * be lost then, and memory of the host. EL2 must lose nothing, and the next guest has to
 * get its interrupts again.
 */
#include <getopt.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>

#include "its_host_vpe.h"

#include "kvm_util.h"
#include "gic.h"
#include "gic_v3_its.h"
#include "processor.h"
#include "ucall.h"
#include "vgic.h"

#include "its_bypass.h"

#define NR_VCPUS	2
#define MEMSLOT		1

/* As the guest knows the interrupt: none of the host's numbers. */
#define GUEST_DEVICE	3
#define GUEST_EVENT	5
#define GUEST_LPI	(LPI_FIRST + 7)
#define GUEST_GSI	11
#define GUEST_EVENT_BITS 5

#define LPI_PRIO	0xa0
/* The machine may be an emulated one with little time of its own. */
#define WAIT_MS		20000
#define QUIET_MS	50
#define MIN_PAUSE_US	200
#define MAX_PAUSE_US	20000

#define SYSFS_DRIVER	"/sys/bus/pci/drivers/its_bypass/"

/* The guest's, which the host reads and writes while it runs. */
static struct guest {
	u64		count[NR_VCPUS];
	u64		turns[NR_VCPUS];
	u64		strays;
	u32		ready;
	u32		spin;		/* a bit for each vCPU that does not sleep */
	u32		asked, done;
	struct its_cmd	cmd;
	gpa_t		devices, collections, queue, itt, prop, pend;
} guest;

#define get(ptr)	__atomic_load_n(ptr, __ATOMIC_ACQUIRE)
#define set(ptr, val)	__atomic_store_n(ptr, val, __ATOMIC_RELEASE)
static struct guest *guest_mem;

static struct kvm_vm *vm;
static struct kvm_vcpu *vcpus[NR_VCPUS];
static pthread_t threads[NR_VCPUS];
static u8 *lpi_config;
static int its_fd, event_fd, dev_fd;
static struct its_bypass_info info;
static bool stop_vcpus, stop_flood, hostile;
static u64 run_errors, raised, flood_us;
static pthread_t flood_thread;

/* The guest */

static void guest_irq_handler(struct ex_regs *regs)
{
	u32 intid = gic_get_and_ack_irq();

	if (intid == IAR_SPURIOUS)
		return;
	if (intid == GUEST_LPI)
		__atomic_fetch_add(&guest.count[guest_get_vcpuid()], 1, __ATOMIC_RELEASE);
	else
		__atomic_fetch_add(&guest.strays, 1, __ATOMIC_RELEASE);
	gic_set_eoi(intid);
}

/* KVM has executed it when the write of GITS_CWRITER is over. */
static void guest_post(const struct its_cmd *cmd)
{
	u64 at = readq_relaxed(GITS_BASE_GVA + GITS_CWRITER);

	memcpy((void *)guest.queue + at, cmd, sizeof(*cmd));
	dsb(ishst);
	writeq_relaxed((at + sizeof(*cmd)) % SZ_64K, GITS_BASE_GVA + GITS_CWRITER);
}

static void guest_map(void)
{
	const struct its_cmd cmds[] = {
		mapc(0, 0),
		mapc(1, 1 << 16),
		mapd(GUEST_DEVICE, guest.itt, GUEST_EVENT_BITS),
		mapti(GUEST_DEVICE, GUEST_EVENT, GUEST_LPI, 0),
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cmds); i++)
		guest_post(&cmds[i]);
}

static void guest_setup(u32 cpu)
{
	gic_init(GIC_V3, NR_VCPUS);
	gic_rdist_enable_lpis(guest.prop, SZ_64K, guest.pend + cpu * SZ_64K);
	__atomic_fetch_add(&guest.ready, 1, __ATOMIC_ACQ_REL);
	if (cpu)
		return;

	while (get(&guest.ready) < NR_VCPUS)
		cpu_relax();
	its_init(guest.collections, SZ_64K, guest.devices, SZ_64K, guest.queue, SZ_64K);
	guest_map();
	__atomic_fetch_add(&guest.ready, 1, __ATOMIC_ACQ_REL);
}

/* The first vCPU does what it is asked to. */
static bool guest_obey(u32 cpu)
{
	u32 asked = get(&guest.asked);

	if (cpu || asked == guest.done)
		return false;
	guest_post(&guest.cmd);
	set(&guest.done, asked);

	return true;
}

static void guest_code(void)
{
	u32 cpu = guest_get_vcpuid();

	guest_setup(cpu);
	while (true) {
		set(&guest.turns[cpu], guest.turns[cpu] + 1);
		local_irq_disable();
		if (!guest_obey(cpu) && !(READ_ONCE(guest.spin) & BIT(cpu)))
			asm volatile("wfi");
		local_irq_enable();
		isb();
	}
}

/* The host */

static u64 now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000ULL + ts.tv_nsec / 1000;
}

static u64 now_ms(void)
{
	return now_us() / 1000;
}

static void signal_handler(int sig)
{
}

static void kick(unsigned int i)
{
	pthread_kill(threads[i], SIGUSR1);
}

static void *run_vcpu(void *arg)
{
	struct kvm_vcpu *vcpu = arg;
	struct ucall uc;

	while (!READ_ONCE(stop_vcpus)) {
		if (__vcpu_run(vcpu)) {
			if (errno == EINTR)
				continue;
			if (!hostile)
				ksft_exit_fail_perror("KVM_RUN");
			__atomic_fetch_add(&run_errors, 1, __ATOMIC_RELAXED);
			usleep(1000);
			continue;
		}
		if (get_ucall(vcpu, &uc) == UCALL_ABORT)
			REPORT_GUEST_ASSERT(uc);
		ksft_exit_fail_msg("vCPU %u left the guest, reason %u\n", vcpu->id,
				   vcpu->run->exit_reason);
	}

	return NULL;
}

static void stop_guest(void)
{
	unsigned int i;

	WRITE_ONCE(stop_vcpus, true);
	for (i = 0; i < NR_VCPUS; i++) {
		WRITE_ONCE(vcpus[i]->run->immediate_exit, 1);
		kick(i);
		pthread_join(threads[i], NULL);
	}
}

static void pin(unsigned int i, int cpu)
{
	pin_task_to_cpu(threads[i], cpu);
}

static gpa_t alloc_tables(unsigned int nr)
{
	size_t pages = nr * vm_calc_num_guest_pages(vm->mode, SZ_64K);

	return vm_phy_pages_alloc(vm, pages, guest.devices, MEMSLOT);
}

static void setup_tables(void)
{
	const unsigned int nr = 5 + NR_VCPUS;
	size_t pages = vm_calc_num_guest_pages(vm->mode, SZ_64K);

	guest.devices = (vm_compute_max_gfn(vm) + 1) * vm->page_size - nr * SZ_64K;
	vm_userspace_mem_region_add(vm, VM_MEM_SRC_ANONYMOUS, guest.devices, MEMSLOT,
				    nr * pages, 0);
	alloc_tables(1);
	guest.collections = alloc_tables(1);
	guest.queue = alloc_tables(1);
	virt_map(vm, guest.queue, guest.queue, pages);
	guest.itt = alloc_tables(1);
	guest.prop = alloc_tables(1);
	guest.pend = alloc_tables(NR_VCPUS);

	lpi_config = addr_gpa2hva(vm, guest.prop + GUEST_LPI - LPI_FIRST);
	*lpi_config = LPI_PRIO | LPI_PROP_GROUP1 | LPI_PROP_ENABLED;
	sync_global_to_guest(vm, guest);
	guest_mem = addr_gva2hva(vm, (gva_t)&guest);
}

static void route(void)
{
	struct kvm_irq_routing *routing = kvm_gsi_routing_create();

	routing->nr = 1;
	routing->entries[0] = (struct kvm_irq_routing_entry) {
		.gsi	= GUEST_GSI,
		.type	= KVM_IRQ_ROUTING_MSI,
		.flags	= KVM_MSI_VALID_DEVID,
		.u.msi	= {
			.address_lo	= GITS_BASE_GPA + GITS_TRANSLATER,
			.data		= GUEST_EVENT,
			.devid		= GUEST_DEVICE,
		},
	};
	kvm_gsi_routing_write(vm, routing);
	kvm_assign_irqfd(vm, GUEST_GSI, event_fd);
}

static bool wait_until_ready(void)
{
	u64 end = now_ms() + WAIT_MS;

	while (get(&guest_mem->ready) < NR_VCPUS + 1 && now_ms() < end)
		usleep(1000);

	return get(&guest_mem->ready) == NR_VCPUS + 1;
}

static void dev_ioctl(unsigned long cmd, unsigned long arg)
{
	if (ioctl(dev_fd, cmd, arg))
		ksft_exit_fail_msg("/dev/its_bypass: ioctl %lu: %s\n", _IOC_NR(cmd),
				   strerror(errno));
}

static u32 handled(void)
{
	dev_ioctl(ITS_BYPASS_INFO, (unsigned long)&info);
	return info.count;
}

static bool forward(bool on)
{
	return !ioctl(dev_fd, ITS_BYPASS_FORWARD, on);
}

static void start_guest(void)
{
	unsigned int i;

	dev_fd = open("/dev/its_bypass", O_RDWR);
	if (dev_fd < 0)
		ksft_exit_skip("/dev/its_bypass: its_bypass.ko and an edu device are needed\n");
	event_fd = eventfd(0, EFD_NONBLOCK);
	dev_ioctl(ITS_BYPASS_EVENTFD, event_fd);

	guest = (struct guest) { .spin = BIT(0) };
	stop_vcpus = false;
	vm = vm_create_with_vcpus(NR_VCPUS, guest_code, vcpus);
	vm_init_descriptor_tables(vm);
	for (i = 0; i < NR_VCPUS; i++)
		vcpu_init_descriptor_tables(vcpus[i]);
	vm_install_exception_handler(vm, VECTOR_IRQ_CURRENT, guest_irq_handler);
	setup_tables();
	its_fd = vgic_its_setup(vm);
	route();

	for (i = 0; i < NR_VCPUS; i++) {
		kvm_pthread_create(&threads[i], NULL, run_vcpu, vcpus[i]);
		pin(i, i);
	}
	if (!wait_until_ready())
		ksft_exit_fail_msg("the guest does not get ready\n");
}

/* The irqfd goes with the VM, the producer stays. */
static void destroy_guest(void)
{
	stop_guest();
	close(its_fd);
	kvm_vm_free(vm);
	vm = NULL;
}

static void close_device(void)
{
	close(event_fd);
	close(dev_fd);
}

/*
 * Out of its sleep. Each time it has longer to itself: where it takes as long to enter the
 * guest as from one kick to the next, the guest would never get on.
 */
static void nudge(unsigned int i, useconds_t *pause)
{
	kick(i);
	usleep(*pause);
	*pause = min_t(useconds_t, *pause * 2, MAX_PAUSE_US);
}

/* Have the guest give a command, and wait until it is executed. */
static bool ask(struct its_cmd cmd)
{
	u64 end = now_ms() + (hostile ? WAIT_MS / 20 : WAIT_MS);
	useconds_t pause = MIN_PAUSE_US;

	if (get(&guest_mem->asked) != get(&guest_mem->done))
		return false;
	guest_mem->cmd = cmd;
	set(&guest_mem->asked, get(&guest_mem->asked) + 1);
	do {
		nudge(0, &pause);
	} while (get(&guest_mem->done) != get(&guest_mem->asked) && now_ms() < end);

	return get(&guest_mem->done) == get(&guest_mem->asked);
}

static bool enable(bool on)
{
	set(lpi_config, LPI_PRIO | LPI_PROP_GROUP1 | (on ? LPI_PROP_ENABLED : 0));

	return ask(event_cmd(GITS_CMD_INV, GUEST_DEVICE, GUEST_EVENT, 0));
}

static bool move(unsigned int to)
{
	return ask(event_cmd(GITS_CMD_MOVI, GUEST_DEVICE, GUEST_EVENT, to));
}

static bool map_event(void)
{
	return ask(mapti(GUEST_DEVICE, GUEST_EVENT, GUEST_LPI, 0)) && enable(true);
}

static u64 total(void)
{
	return get(&guest_mem->count[0]) + get(&guest_mem->count[1]);
}

static void send_msi(void)
{
	dev_ioctl(ITS_BYPASS_RAISE, 0);
}

/* After two turns of its loop a vCPU has taken what was pending. */
static void wait_for_turns(void)
{
	u64 end = now_ms() + (hostile ? WAIT_MS / 20 : WAIT_MS), before;
	useconds_t pause;
	unsigned int i;

	for (i = 0; i < NR_VCPUS; i++) {
		before = get(&guest_mem->turns[i]);
		pause = MIN_PAUSE_US;
		while (get(&guest_mem->turns[i]) < before + 2 && now_ms() < end)
			nudge(i, &pause);
	}
}

/* Until all that is on its way has come. */
static void settle(void)
{
	u64 end = now_ms() + WAIT_MS, last;
	u32 last_handled;

	do {
		last = total();
		last_handled = handled();
		usleep(QUIET_MS * 1000);
		wait_for_turns();
	} while ((total() != last || handled() != last_handled) && now_ms() < end);
}

/* Each one must have come before the next is sent, as two would become one. */
static unsigned int deliver(unsigned int nr, unsigned int vcpu)
{
	u64 before, end;
	unsigned int i;

	for (i = 0; i < nr; i++) {
		before = get(&guest_mem->count[vcpu]);
		send_msi();
		end = now_ms() + WAIT_MS;
		while (get(&guest_mem->count[vcpu]) == before && now_ms() < end)
			usleep(20);
		if (get(&guest_mem->count[vcpu]) != before + 1)
			break;
	}

	return i;
}

/* To the vCPU, to nobody else, and the host handles @by_host of them. */
static bool delivers(unsigned int nr, unsigned int vcpu, unsigned int by_host)
{
	u32 handled_before = handled();
	u64 before = total(), strays = get(&guest_mem->strays);
	unsigned int got;

	got = deliver(nr, vcpu);
	settle();
	if (got == nr && total() == before + nr && handled() == handled_before + by_host &&
	    get(&guest_mem->strays) == strays)
		return true;

	ksft_print_msg("vCPU %u got %u of %u, all %lu; the host %u, not %u; %lu strays\n", vcpu,
		       got, nr, total() - before, handled() - handled_before, by_host,
		       get(&guest_mem->strays) - strays);
	return false;
}

static void *flood(void *unused)
{
	while (!READ_ONCE(stop_flood)) {
		send_msi();
		raised++;
		usleep(flood_us);
	}

	return NULL;
}

/* As fast as the guest, which has other things to do as well, takes them on this machine. */
static void start_flood(void)
{
	u64 start = now_us();

	wait_for_turns();
	flood_us = min_t(u64, (now_us() - start) / 4, QUIET_MS * 1000 / 4);
	stop_flood = false;
	raised = 0;
	kvm_pthread_create(&flood_thread, NULL, flood, NULL);
	usleep(QUIET_MS * 1000);
}

static u64 end_flood(void)
{
	WRITE_ONCE(stop_flood, true);
	pthread_join(flood_thread, NULL);
	settle();

	return raised;
}

/* Do @what so often while they fly. None is handled by the host if @forwarded. */
static bool flies(bool (*what)(unsigned int round), unsigned int rounds, bool forwarded)
{
	u64 before = total(), strays = get(&guest_mem->strays), sent, got;
	u32 handled_before = handled();
	unsigned int i;

	start_flood();
	for (i = 0; i < rounds && what(i); i++)
		usleep(1000);
	sent = end_flood();
	got = total() - before;
	ksft_print_msg("%lu sent, %lu came, %u by the host\n", sent, got,
		       handled() - handled_before);

	if (i == rounds && got && got <= sent && get(&guest_mem->strays) == strays &&
	    (!forwarded || handled() == handled_before))
		return true;
	ksft_print_msg("%u of %u rounds, %lu strays\n", i, rounds,
		       get(&guest_mem->strays) - strays);

	return false;
}

/* Checks: each leaves the interrupt forwarded and enabled, to vCPU 0. */

static bool test_software(void)
{
	return delivers(100, 0, 100);
}

static bool test_forwarded(void)
{
	return forward(true) && delivers(1000, 0, 0);
}

static bool test_asleep(void)
{
	bool good;

	set(&guest_mem->spin, 0);
	good = delivers(200, 0, 0);
	set(&guest_mem->spin, BIT(0));
	kick(0);

	return good;
}

static bool test_move(void)
{
	bool good;

	good = move(1) && delivers(100, 1, 0);
	set(&guest_mem->spin, BIT(0) | BIT(1));
	kick(1);
	good = good && delivers(400, 1, 0);
	set(&guest_mem->spin, BIT(0));

	return good && move(0) && delivers(100, 0, 0);
}

static bool move_round(unsigned int round)
{
	return move(!(round % 2));
}

static bool test_move_flying(void)
{
	return flies(move_round, 20, true) && delivers(100, 0, 0);
}

static bool migrate_round(unsigned int round)
{
	pin(0, !(round % 2));
	pin(1, round % 2);

	return true;
}

static bool test_migrate(void)
{
	return flies(migrate_round, 40, true) && delivers(100, 0, 0);
}

static bool test_mask(void)
{
	u64 before;
	u32 handled_before = handled();
	unsigned int i;

	if (!enable(false))
		return false;
	before = total();
	for (i = 0; i < 10; i++)
		send_msi();
	settle();
	if (total() != before || handled() != handled_before) {
		ksft_print_msg("masked, and %lu came\n", total() - before);
		return false;
	}

	if (!enable(true))
		return false;
	settle();
	if (total() == before + 1 && handled() == handled_before)
		return delivers(100, 0, 0);
	ksft_print_msg("10 were pending as one, and %lu came\n", total() - before);

	return false;
}

static bool mask_round(unsigned int round)
{
	return enable(round % 2);
}

static bool test_mask_flying(void)
{
	return flies(mask_round, 20, true) && delivers(100, 0, 0);
}

/* Where the guest has no such event any more they are the host's. */
static bool reaches_host(unsigned int nr)
{
	u64 before = total(), end;
	u32 handled_before;
	unsigned int i;

	for (i = 0; i < nr; i++) {
		handled_before = handled();
		send_msi();
		end = now_ms() + WAIT_MS;
		while (handled() == handled_before && now_ms() < end)
			usleep(100);
		if (handled() != handled_before + 1)
			break;
	}
	settle();
	if (i == nr && total() == before)
		return true;
	ksft_print_msg("the host got %u of %u, the guest %lu\n", i, nr, total() - before);

	return false;
}

static bool discard_round(unsigned int round)
{
	return ask(event_cmd(GITS_CMD_DISCARD, GUEST_DEVICE, GUEST_EVENT, 0));
}

/* KVM only looks for the event when a producer comes. */
static bool test_discard(void)
{
	return flies(discard_round, 1, false) && reaches_host(10) && map_event() &&
	       delivers(100, 0, 100) && forward(true) && delivers(100, 0, 0);
}

static bool unmap_round(unsigned int round)
{
	return ask(unmapd(GUEST_DEVICE));
}

static bool test_unmap(void)
{
	return flies(unmap_round, 1, false) && reaches_host(10) &&
	       ask(mapd(GUEST_DEVICE, guest.itt, GUEST_EVENT_BITS)) && map_event() &&
	       forward(true) && delivers(100, 0, 0);
}

static bool unregister_round(unsigned int round)
{
	return forward(false);
}

static bool test_unregister(void)
{
	return flies(unregister_round, 1, false) && delivers(100, 0, 100) &&
	       forward(true) && delivers(100, 0, 0);
}

static bool forward_round(unsigned int round)
{
	migrate_round(round);

	return forward(round % 2);
}

static bool test_forward_flying(void)
{
	return flies(forward_round, 40, false) && delivers(100, 0, 0);
}

static bool destroy_flying(void)
{
	u32 before;
	unsigned int i;

	start_flood();
	destroy_guest();
	WRITE_ONCE(stop_flood, true);
	pthread_join(flood_thread, NULL);
	usleep(QUIET_MS * 1000);

	for (i = 0; i < 10; i++) {
		before = handled();
		send_msi();
		usleep(QUIET_MS * 1000);
		if (handled() != before + 1) {
			ksft_print_msg("the host got %u of one\n", handled() - before);
			return false;
		}
	}

	return true;
}

static bool test_destroy(void)
{
	bool good = destroy_flying();

	close_device();

	return good;
}

static bool test_again(void)
{
	bool good;

	start_guest();
	good = forward(true) && delivers(1000, 0, 0);
	destroy_guest();
	close_device();

	return good;
}

static const struct {
	const char	*name;
	bool		(*run)(void);
} tests[] = {
	{ "no producer: the host handles all 100, and KVM injects them", test_software },
	{ "forwarded: the guest gets 1000, the host none", test_forwarded },
	{ "to a vCPU that sleeps", test_asleep },
	{ "MOVI of the guest, and to the other vCPU", test_move },
	{ "MOVI of the guest while they fly", test_move_flying },
	{ "the vCPUs change places while they fly", test_migrate },
	{ "masked: none comes, unmasked: the one that is pending", test_mask },
	{ "masked and unmasked while they fly", test_mask_flying },
	{ "DISCARD of the guest while they fly, then they are the host's", test_discard },
	{ "MAPD of the guest unmaps the device while they fly", test_unmap },
	{ "the producer goes while they fly, then KVM injects them", test_unregister },
	{ "the producer comes and goes, and vCPUs change places, while they fly",
	  test_forward_flying },
	{ "the guest is destroyed while they fly, then they are the host's", test_destroy },
	{ "a new guest gets 1000", test_again },
};

static void __noreturn run_one(void)
{
	ksft_print_header();
	ksft_set_plan(1);
	start_guest();
	ksft_test_result(forward(true) && delivers(10, 0, 0), "a guest gets 10\n");
	destroy_guest();
	close_device();
	ksft_finished();
}

static void __noreturn run_tests(void)
{
	unsigned int i;

	ksft_print_header();
	ksft_set_plan(ARRAY_SIZE(tests));
	start_guest();
	for (i = 0; i < ARRAY_SIZE(tests); i++)
		ksft_test_result(tests[i].run(), "%s\n", tests[i].name);
	ksft_finished();
}

/* The hostile host */

#define HOSTILE_VPES	4	/* the guest's two are among them */
#define LIFE_MS		5000	/* of a guest: in the end not much of it works */

static u64 hostile_state;
static u64 nr_accepted, nr_refused, nr_breaches;

static u32 below(u64 *state, u32 n)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;

	return (*state >> 32) % n;
}

/* What EL2 must not do whatever the host does meanwhile. */
static struct its_cmd forbidden_cmd(u64 *state)
{
	u32 dev = info.device, vpe = below(state, HOSTILE_VPES);
	const struct its_cmd cmds[] = {
		mapd(dev, its.victim, ITT_EVENT_BITS),
		mapd(dev, its_vpes.table->base, ITT_EVENT_BITS),
		mapti(dev, 0, 40, 0),
		vmapp(vpe, its.victim),
		vmapp(vpe, its.queue),
		vmapp_sized(vpe, its_vpes.own_phys, 32),
		vmapti(dev, 0, vpe, VPT_SIZE * 8),
		vmapti(dev, 0, vpe, 40),
		vmapti(dev, ~0U, vpe, GUEST_LPI),
		vmapti(dev, 0, its_vpes.free, GUEST_LPI),
		vpe_event_cmd(GITS_CMD_VMOVI, dev, 0, its_vpes.free, 0, NO_DOORBELL),
		vpe_event_cmd(GITS_CMD_VMOVI, dev, 0, vpe, CMD2_HAS_DOORBELL, 40),
		vmovp(vpe, ITS_BAD_RDBASE),
		vmovp(its_vpes.free, its.rdbase),
		event_cmd(GITS_CMD_INV, dev, ~0U, 0),
		event_cmd(GITS_CMD_DISCARD, its.free_dev, 0, 0),
	};

	return cmds[below(state, ARRAY_SIZE(cmds))];
}

/* What EL2 may execute: for the very device, event and vPEs that KVM uses. */
static struct its_cmd legal_cmd(u64 *state)
{
	u32 dev = info.device, vpe = below(state, HOSTILE_VPES), cpu = below(state, 2);
	const struct its_cmd cmds[] = {
		event_cmd(GITS_CMD_DISCARD, dev, 0, 0),
		event_cmd(GITS_CMD_INV, dev, 0, 0),
		event_cmd(GITS_CMD_INT, dev, 0, 0),
		event_cmd(GITS_CMD_CLEAR, dev, 0, 0),
		event_cmd(GITS_CMD_MOVI, dev, 0, cpu),
		mapti(dev, 0, info.lpi, cpu),
		mapti(dev, 0, LPI_UNUSED, cpu),
		vmapti(dev, 0, vpe, GUEST_LPI),
		vmapti(dev, 0, vpe, LPI_FIRST + below(state, 4096)),
		vpe_event_cmd(GITS_CMD_VMOVI, dev, 0, vpe, 0, NO_DOORBELL),
		vmovp(vpe, (u64)cpu << 16),
		vpe_cmd(GITS_CMD_VINVALL, vpe),
		vpe_cmd(GITS_CMD_VSYNC, vpe),
		vpe_cmd(GITS_CMD_VMAPP, vpe),
		vmapp(vpe, its_vpes.own_phys + (u64)below(state, 2) * VPT_ALIGN),
		unmapd(dev),
		mapd(dev, its.own_phys, ITT_EVENT_BITS),
	};

	return cmds[below(state, ARRAY_SIZE(cmds))];
}

static u32 post(struct its_bypass_cmds *cmds)
{
	cmds->rdbase = its.rdbase;
	dev_ioctl(ITS_BYPASS_CMDS, (unsigned long)cmds);

	return cmds->accepted;
}

static void put_cmd(struct its_bypass_cmds *cmds, struct its_cmd cmd)
{
	memcpy(cmds->cmd[cmds->nr++], &cmd, sizeof(cmd));
}

static void hostile_round(u64 *state, bool forbidden)
{
	struct its_bypass_cmds cmds = { .forbidden = forbidden };
	u32 accepted, i;

	while (cmds.nr < ITS_BYPASS_MAX_CMDS)
		put_cmd(&cmds, forbidden ? forbidden_cmd(state) : legal_cmd(state));
	accepted = post(&cmds);
	/* Now: the driver does not know of it, and perhaps nothing works any more. */
	for (i = 0; forbidden && i < cmds.nr; i++) {
		if (!(accepted & BIT(i)))
			continue;
		nr_breaches++;
		ksft_print_msg("EL2 executed %llx %llx %llx %llx\n", cmds.cmd[i][0],
			       cmds.cmd[i][1], cmds.cmd[i][2], cmds.cmd[i][3]);
	}
	nr_accepted += __builtin_popcount(accepted);
	nr_refused += cmds.nr - __builtin_popcount(accepted);
}

/* Mostly what must be refused: that does not stop the others. */
static void *be_hostile(void *end)
{
	while (now_ms() < *(u64 *)end)
		hostile_round(&hostile_state, below(&hostile_state, 8));

	return NULL;
}

/* What KVM and the guest do all day. Much of it fails now. */
static void live_on(u64 *state, unsigned int round)
{
	unsigned int i;

	switch (below(state, 8)) {
	case 0:
		move(below(state, NR_VCPUS));
		break;
	case 1:
		enable(below(state, 4));
		break;
	case 2:
		discard_round(round);
		break;
	case 3:
		map_event();
		break;
	case 4:
		migrate_round(round);
		break;
	case 5:
		set(&guest_mem->spin, below(state, 4));
		break;
	default:
		forward(below(state, 4));
		break;
	}
	for (i = 0; i < 20; i++)
		send_msi();
}

/* The host wants its memory back, from wherever it has mapped it. */
static void clean_up(void)
{
	struct its_bypass_cmds cmds = { };
	unsigned int i;

	put_cmd(&cmds, unmapd(info.device));
	post(&cmds);
	for (i = 0; i < HOSTILE_VPES; i++) {
		cmds = (struct its_bypass_cmds) { };
		put_cmd(&cmds, vpe_cmd(GITS_CMD_VMAPP, i));
		put_cmd(&cmds, vpe_cmd(GITS_CMD_VSYNC, i));
		post(&cmds);
	}
}

static bool write_driver(const char *file)
{
	char path[128], pci[32];
	bool good;
	int fd;

	snprintf(path, sizeof(path), SYSFS_DRIVER "%s", file);
	snprintf(pci, sizeof(pci), "0000:%02x:%02x.%x", info.device >> 8,
		 info.device >> 3 & 0x1f, info.device & 7);
	fd = open(path, O_WRONLY);
	good = fd >= 0 && write(fd, pci, strlen(pci)) > 0;
	close(fd);

	return good;
}

static bool rebind_driver(void)
{
	return write_driver("unbind") && write_driver("bind");
}

static void hostile_guest(u64 seed)
{
	u64 end, sent, state = seed * 2 + 1;
	unsigned int round;
	pthread_t thread;
	u32 before;

	hostile_state = seed * 0x9e3779b97f4a7c15ULL + 1;
	start_guest();
	before = handled();
	forward(true);
	start_flood();
	end = now_ms() + LIFE_MS;
	kvm_pthread_create(&thread, NULL, be_hostile, &end);
	for (round = 0; now_ms() < end; round++)
		live_on(&state, round);
	pthread_join(thread, NULL);
	sent = end_flood();
	ksft_print_msg("seed %lu: %u rounds, %lu sent, %lu came, the host got %u\n", seed, round,
		       sent, total(), handled() - before);

	clean_up();
	destroy_guest();
	clean_up();
	close_device();
}

/* One guest after the other, each with the device mapped anew. */
static bool hostile_guests(u64 seconds, u64 seed)
{
	u64 end = now_ms() + seconds * 1000;
	bool good = true;

	for (seed *= 1000; good && now_ms() < end; seed++) {
		hostile_guest(seed);
		good = rebind_driver();
	}

	return good;
}

static void __noreturn run_hostile(u64 seconds, u64 seed)
{
	u64 before = 0, after = 0;
	bool rebound;

	its_host_setup();
	its_host_setup_vpes();
	if (!its_vpes.table || !its_vpes.own)
		ksft_exit_skip("the ITS has no vPEs of its own, or there is no memory for VPTs\n");

	ksft_set_plan(4);
	hostile = true;
	its_host_fact("pages", "owned", &before);
	rebound = hostile_guests(seconds, seed);
	hostile = false;
	ksft_print_msg("EL2 executed %lu, refused %lu; KVM_RUN failed %lu times\n", nr_accepted,
		       nr_refused, run_errors);
	ksft_test_result(!nr_breaches && nr_accepted && nr_refused,
			 "%lu seconds against guests with a device: EL2 refuses what it must\n",
			 seconds);
	ksft_test_result(rebound, "the device unmapped and mapped after each of them\n");
	ksft_test_result(test_again(), "a new guest gets 1000\n");
	its_host_fact("pages", "owned", &after);
	ksft_test_result(before == after, "EL2 has as many pages as before: %lu, %lu\n", before,
			 after);
	ksft_finished();
}

static void __noreturn help(const char *name)
{
	printf("usage: %s [--one | --hostile SECONDS [--seed N]]\n", name);
	exit(KSFT_SKIP);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "one", no_argument, NULL, '1' },
		{ "hostile", required_argument, NULL, 'h' },
		{ "seed", required_argument, NULL, 's' },
		{ }
	};
	u64 seconds = 0, seed = 1;
	int opt;

	signal(SIGUSR1, signal_handler);
	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (opt) {
		case '1':
			run_one();
		case 'h':
			seconds = strtoull(optarg, NULL, 0);
			break;
		case 's':
			seed = strtoull(optarg, NULL, 0);
			break;
		default:
			help(argv[0]);
		}
	}

	if (seconds)
		run_hostile(seconds, seed);
	run_tests();
}
