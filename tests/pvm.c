// SPDX-License-Identifier: GPL-2.0-only
/*
 * pvm protected|ordinary: create a guest of that kind with one vCPU, and run it
 * for no time at all, which makes EL2 create it as well. Exits with 0 if that
 * works, 1 if it is refused with EPERM, 2 on anything else.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include <linux/kvm.h>

#ifndef KVM_VM_TYPE_ARM_PROTECTED
#define KVM_VM_TYPE_ARM_PROTECTED	(1UL << 31)
#endif

static int result(const char *what)
{
	int err = errno;

	printf("%s: %s\n", what, strerror(err));
	return err == EPERM ? 1 : 2;
}

int main(int argc, char **argv)
{
	struct kvm_vcpu_init init;
	unsigned long type = 0;
	struct kvm_run *run;
	int kvm, vm, vcpu;

	if (argc != 2)
		return 2;
	if (!strcmp(argv[1], "protected"))
		type = KVM_VM_TYPE_ARM_PROTECTED;

	kvm = open("/dev/kvm", O_RDWR);
	if (kvm < 0)
		return result("/dev/kvm");
	vm = ioctl(kvm, KVM_CREATE_VM, type);
	if (vm < 0)
		return result("KVM_CREATE_VM");
	vcpu = ioctl(vm, KVM_CREATE_VCPU, 0UL);
	if (vcpu < 0)
		return result("KVM_CREATE_VCPU");
	if (ioctl(vm, KVM_ARM_PREFERRED_TARGET, &init) ||
	    ioctl(vcpu, KVM_ARM_VCPU_INIT, &init))
		return result("KVM_ARM_VCPU_INIT");
	run = mmap(NULL, ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0), PROT_READ | PROT_WRITE,
		   MAP_SHARED, vcpu, 0);
	if (run == MAP_FAILED)
		return result("mmap");
	run->immediate_exit = 1;
	if (ioctl(vcpu, KVM_RUN, 0) && errno != EINTR)
		return result("KVM_RUN");

	return 0;
}
