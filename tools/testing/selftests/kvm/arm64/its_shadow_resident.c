// SPDX-License-Identifier: GPL-2.0-only
/*
 * its_shadow_resident - Be a compromised host that unmaps the vPE of a guest that runs
 *
 * While a redistributor has a vPE resident it writes to its VPT, mapped or not. EL2
 * must not give that back to the host before the guest has left the CPU.
 */
#include <pthread.h>

#include "its_host_vpe.h"

#include "kvm_util.h"
#include "gic.h"
#include "processor.h"
#include "ucall.h"
#include "vgic.h"

#define GUEST_CPU		1
#define VPES			8	/* the guest's is among the first */
#define MAX_RDISTS		16
#define ROUNDS			1000
#define VPENDBASER		(SZ_128K + GICR_VPENDBASER)

static void *frames[MAX_RDISTS];
static unsigned int nr_rdists;
static bool stop;

static void guest_code(void)
{
	while (!READ_ONCE(stop))
		cpu_relax();
	GUEST_SYNC(0);
}

/* Loaded once: KVM warns when it loads a vCPU whose vPE was unmapped behind its back. */
static void *run_vcpu(void *vcpu)
{
	struct sched_param fifo = { .sched_priority = 1 };

	its_host_pin_to_cpu(GUEST_CPU);
	sched_setscheduler(0, SCHED_FIFO, &fifo);
	__vcpu_run(vcpu);

	return NULL;
}

static u64 read_frame(void *frame, u32 offset)
{
	u64 val = 0;

	its_host_try(frame + offset, 8, &val, false);
	return val;
}

static bool is_readable(void *va)
{
	u64 val = 0;

	return its_host_try(va, 8, &val, false);
}

/* The redistributor that has a vPE, or NULL */
static void *wait_for_vpe(void)
{
	time_t end = time(NULL) + ITS_TIMEOUT;
	unsigned int i;

	for (i = 0; time(NULL) <= end; i = (i + 1) % nr_rdists) {
		if (read_frame(frames[i], VPENDBASER) & GICR_VPENDBASER_Valid)
			return frames[i];
	}

	return NULL;
}

/* The driver is idle: go on where it is, and leave it there again. */
static void take_queue(void)
{
	its.home = its_host_read(GITS_CWRITER, 8) & GITS_QUEUE_OFFSET;
	its.write = its.home;
}

/* It says nowhere which vPE it is: try. The VSYNC may have to wait until the guest leaves. */
static bool unmap_vpe(void)
{
	struct its_cmd unmap, vsync;
	u32 vpe;

	for (vpe = 0; vpe < VPES; vpe++) {
		unmap = vpe_cmd(GITS_CMD_VMAPP, vpe);
		if (its_host_post(&unmap, 1) == QUEUE_DONE)
			break;
		its_host_repair();
	}
	if (vpe == VPES)
		return false;

	vsync = vpe_cmd(GITS_CMD_VSYNC, vpe);
	its_host_put(its.write, &vsync);
	its.write = its_host_next(its.write, 1);
	its_host_write(GITS_CWRITER, its.write, 8);

	return true;
}

/* A VSYNC that had to wait may look like a stall: then try it again. */
static bool finish_queue(void)
{
	unsigned int tries = 3;

	while (its_host_wait(its.write) != QUEUE_DONE) {
		if (!--tries)
			return false;
		its_host_write(GITS_CWRITER, its.write | GITS_CWRITER_RETRY, 8);
	}

	return its_host_wind(its.home);
}

static int attack(void *frame, void *vpt)
{
	u64 before = read_frame(frame, VPENDBASER), after = before;
	unsigned int rounds;
	bool seen = false;

	if (is_readable(vpt))
		return its_host_fail("the host reads the VPT of a vPE that is mapped");

	take_queue();
	if (!unmap_vpe())
		return its_host_fail("no vPE can be unmapped");
	for (rounds = 0; rounds < ROUNDS; rounds++) {
		seen = is_readable(vpt);
		after = read_frame(frame, VPENDBASER);
		if (seen || after != before)
			break;
	}

	ksft_print_msg("GICR_VPENDBASER 0x%lx, then 0x%lx, %u reads of the VPT refused\n",
		       before, after, rounds);
	if (seen && after == before)
		return its_host_fail("the VPT came back, resident as it is");
	if (!rounds) {
		its_host_fail("the guest left the CPU at once");
		return KSFT_SKIP;
	}

	return KSFT_PASS;
}

static int unmap_resident(const struct its_test *t)
{
	struct its_cmd sync = sync_cmd(its.rdbase);
	struct kvm_vcpu *vcpu;
	pthread_t thread;
	struct kvm_vm *vm;
	void *frame, *vpt;
	int ret = KSFT_SKIP;

	vm = vm_create_with_one_vcpu(&vcpu, guest_code);
	vgic_its_setup(vm);
	if (pthread_create(&thread, NULL, run_vcpu, vcpu))
		ksft_exit_fail_perror("pthread_create");
	frame = wait_for_vpe();
	/* Until the driver has done what it has to; if it does it again, then nothing. */
	usleep(200000);
	its_host_fill_queue(&sync);
	if (frame) {
		vpt = its_host_map(GICR_PENDBASER_ADDRESS(read_frame(frame, VPENDBASER)), 8, false);
		ret = attack(frame, vpt);
	} else {
		its_host_fail("no vPE became resident: are vLPIs in use?");
	}

	stop = true;
	sync_global_to_guest(vm, stop);
	pthread_join(thread, NULL);
	if (frame && !finish_queue())
		ret = ret ? : its_host_fail("the queue stands still");
	if (!ret && !is_readable(vpt))
		ret = its_host_fail("the VPT did not come back when the guest left the CPU");
	kvm_vm_free(vm);
	take_queue();

	return ret;
}

static void tests(void)
{
	its_host_test(unmap_resident, "a vPE unmapped while it is resident");
}

int main(void)
{
	u64 phys, typer = 0;

	its_host_setup();
	its_host_setup_vpes();
	its_host_pin_to_cpu(0);
	if (!its_vpes.table || !kvm_supports_vgic_v3() || sysconf(_SC_NPROCESSORS_ONLN) < 2)
		ksft_exit_skip("no vPEs of the ITS's own, or one CPU only\n");
	for (phys = its.redist; nr_rdists < MAX_RDISTS && !(typer & GICR_TYPER_LAST);
	     phys += SZ_256K) {
		frames[nr_rdists] = its_host_map(phys, SZ_256K, true);
		typer = read_frame(frames[nr_rdists++], GICR_TYPER);
		if (!(typer & GICR_TYPER_VLPIS))
			ksft_exit_skip("redistributors without vLPIs\n");
	}
	its_host_run(tests);
}
