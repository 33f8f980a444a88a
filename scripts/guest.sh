#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# guest.sh [IMAGE=]; every option of image.sh and qemu.sh
# The host of boot.sh with a Linux guest under QEMU and KVM in it, whose console this becomes:
# two vCPUs, a disk and a virtio-rng by QEMU, and a virtio-rng of the machine by VFIO, which with
# GIC=4 has vLPIs. "exit" ends the guest and powers off the host; Ctrl-A X ends QEMU.
. "$(dirname "$0")/lib.sh"
parse_args "$@"
no_args

main() {
	[ -t 0 ] || say "note: this is no terminal"
	[ -n "${IMAGE:-}" ] || "$SCRIPTS/deps.sh"
	real_guest
	TEST=vmm ARGS_GUEST=shell CONSOLE=1 "$SCRIPTS/qemu.sh"
}

main
