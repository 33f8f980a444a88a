// SPDX-License-Identifier: GPL-2.0-only
/*
 * kexec crash|normal KERNEL INITRAMFS ARGUMENTS: load a kernel, to be started if this one
 * crashes or at a reboot. Exits with 0 if that works, 1 if it is refused with EBUSY, 2 on
 * anything else.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/kexec.h>

int main(int argc, char **argv)
{
	unsigned long flags = 0;
	int kernel, initramfs;

	if (argc != 5)
		return 2;
	if (!strcmp(argv[1], "crash"))
		flags = KEXEC_FILE_ON_CRASH;

	kernel = open(argv[2], O_RDONLY);
	initramfs = open(argv[3], O_RDONLY);
	if (kernel < 0 || initramfs < 0) {
		perror("open");
		return 2;
	}
	if (syscall(SYS_kexec_file_load, kernel, initramfs, strlen(argv[4]) + 1, argv[4], flags)) {
		int err = errno;

		printf("kexec_file_load: %s\n", strerror(err));
		return err == EBUSY ? 1 : 2;
	}

	return 0;
}
