/* SPDX-License-Identifier: GPL-2.0-only */
/* What /dev/its_bypass does, see its_bypass.c. */
#ifndef ITS_BYPASS_H
#define ITS_BYPASS_H

#include <linux/ioctl.h>
#include <linux/types.h>

struct its_bypass_info {
	__u32	device;		/* as the ITS knows it */
	__u32	event;
	__u32	lpi;		/* the physical one, */
	__u32	count;		/* and how often the host has handled it */
};

/* Commands which EL2 is to execute although the driver knows nothing of them. */
#define ITS_BYPASS_MAX_CMDS	8

struct its_bypass_cmds {
	__u32	nr;
	__u32	accepted;	/* a bit for each: not refused */
	__u64	forbidden;	/* EL2 must refuse all of them: the CPUs are not stopped */
	__u64	rdbase;		/* of the SYNC behind each of them */
	__u64	cmd[ITS_BYPASS_MAX_CMDS][4];
};

#define ITS_BYPASS_INFO		_IOR('i', 0, struct its_bypass_info)
/* The interrupt goes to this eventfd; -1: to none. */
#define ITS_BYPASS_EVENTFD	_IO('i', 1)
/* 1: and to whoever has it as an irqfd without the host, if that is possible. */
#define ITS_BYPASS_FORWARD	_IO('i', 2)
/* The device sends its MSI. */
#define ITS_BYPASS_RAISE	_IO('i', 3)
#define ITS_BYPASS_CMDS		_IOWR('i', 4, struct its_bypass_cmds)

#endif /* ITS_BYPASS_H */
