#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# shell.sh [GDB=1] [STOCK=1] [IMAGE=] [SELFTESTS=folder]; every option of image.sh and qemu.sh
# The boot of boot.sh with a console to type at: the KVM selftests of the kernel and the
# programs of tests/ are in the path, debugfs and tracefs are mounted. "exit" powers off;
# Ctrl-A X ends QEMU.
# GDB: QEMU waits for a debugger, and the command that starts it is printed. It has the
# symbols of the kernel and, once the hypervisor is there, of EL2.
. "$(dirname "$0")/lib.sh"
parse_args "$@"
no_args

GDB=${GDB:-0}

# The programs, in the guest's path.
tools() {
	local dir prog
	dir=${SELFTESTS:-$("$SCRIPTS/selftests.sh" --all)}
	for prog in "$dir"/*; do echo "bin/$(basename "$prog")=$prog"; done
	echo "bin/pvm=$(guest_program "$ROOT/tests/pvm.c")"
	echo "bin/its_attack=$(attack_program)"
}

# Two guests at once wait at two sockets.
debugger() {
	local dir socket vmlinux
	dir=$(dirname "$IMAGE")
	vmlinux=$dir/vmlinux
	[ -f "$vmlinux" ] || die "no vmlinux beside $IMAGE: make -s image GDB=1 makes both"
	tmp=$(mktemp -d "${TMPDIR:-/tmp}/shell.XXXXXX")
	trap 'rm -rf "${tmp:?}"' EXIT
	socket=$tmp/gdb
	EXTRA="${EXTRA:-} -chardev socket,path=$socket,server=on,wait=off,id=gdb -gdb chardev:gdb -S"
	export EXTRA APPEND="${APPEND:-} nokaslr"
	say "QEMU waits. In another terminal:"
	say
	say "  gdb-multiarch -x $SCRIPTS/el2.gdb -ex 'target remote $socket' $vmlinux"
	say
	say "'el2' there goes on until the hypervisor has EL2 and loads its symbols; 'hbreak' stops in both."
}

main() {
	[ -t 0 ] || say "note: this is no terminal"
	if [ -z "${IMAGE:-}" ]; then
		# shellcheck disable=SC2046
		"$SCRIPTS/deps.sh" $([ "$GDB" = 0 ] || echo gdb-multiarch)
		IMAGE=$("$SCRIPTS/image.sh")
	fi
	FILES="${FILES:-} $(tools | paste -sd' ')"
	export IMAGE FILES TEST=shell MEM=${MEM:-2G} CONSOLE=1
	[ "$GDB" = 0 ] || debugger
	"$SCRIPTS/qemu.sh"
}

main
