#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# qemu.sh IMAGE=path [KEY=VALUE ...]
# Boots a kernel in protected mode; the guest runs tests/guest/<TEST>.sh.
#   TEST=name ARGS=a,b    the test, and its arguments
#   CPU=cortex-a53 SMP=2 GIC=3 MEM=1G PAGE_SIZE=4k
#   APPEND='...'          more kernel arguments
#   ROOT_PORTS=rng        40 root ports, virtio-rng on buses 31 to 40
#   ROOT_PORTS=late       40 root ports, virtio-rng on bus 31, virtio-blk (a module) on 38 to 40
#   ITS_NODE=absent|broken|disabled|ignored
#                         one more ITS in the device tree, at 0x4000000, which is flash: it is
#                         none, its tables cannot be set, it is disabled, it has no msi-controller
#   ACPI=1|gicc           UEFI firmware and ACPI, no device tree. The MADT names the region of all
#                         redistributors (GICR); gicc: that of each CPU by itself (GICC)
#   FILES='guest=host ..' more files for the guest
#   RAM=file              the guest's memory: 0x40000000+n is byte n
#   TRACE=file            every command the ITS executes
#   QMP=socket            a QMP socket
#   EXTRA='...'           more QEMU arguments
#   QEMU=path             another QEMU
#   LIMIT=60              seconds
#   CONSOLE=1             a console to type at, without a limit
#   OUT=file              the serial output (default: stdout)
# Exits with the test's result; 124: out of time; 125: the guest said
# no result; 126: QEMU failed.
. "$(dirname "$0")/lib.sh"
parse_args "$@"
no_args

CPU=${CPU:-} SMP=${SMP:-2} GIC=${GIC:-3} MEM=${MEM:-1G} LIMIT=${LIMIT:-60}

need_image() {
	[ -f "${IMAGE:-}" ] || die "no IMAGE"
}

default_cpu() {
	case ${PAGE_SIZE:-4k}:$CPU in
	16k:) echo cortex-a76 ;;
	16k:max) echo max,lpa2=off ;;
	16k:cortex-a53) die "cortex-a53 has no 16k pages: CPU=cortex-a76 or max" ;;
	*:) echo cortex-a53 ;;
	*) echo "$CPU" ;;
	esac
}

initramfs() {
	local module files=()
	for module in "$(dirname "$IMAGE")"/*.ko; do
		[ ! -f "$module" ] || files+=("lib/$(basename "$module")=$module")
	done
	# shellcheck disable=SC2086
	"$SCRIPTS/initramfs.sh" "${files[@]}" ${FILES:-}
}

# 8 functions in each of slots 2 to 6: buses 1 to 40.
root_ports() {
	local i
	for i in $(seq 0 39); do
		echo "-device pcie-root-port,id=rp$((i + 1)),chassis=$((i + 1)),port=$i,romfile=,multifunction=on,addr=$((2 + i / 8)).$((i % 8))"
	done
	# DeviceIDs from 0x2000, so buses from 32, need a second L2 page.
	case $ROOT_PORTS in
	rng)
		for i in $(seq 31 40); do
			echo "-device virtio-rng-pci,bus=rp$i,romfile="
		done ;;
	late)
		echo "-device virtio-rng-pci,bus=rp31,romfile="
		for i in 38 39 40; do
			echo "-blockdev driver=null-co,node-name=null$i,size=1048576,read-zeroes=on"
			echo "-device virtio-blk-pci,bus=rp$i,drive=null$i,romfile="
		done ;;
	*) die "ROOT_PORTS is rng or late" ;;
	esac
}

machine() {
	local args="virt,virtualization=on,gic-version=$GIC"
	[ -z "${RAM:-}" ] || args+=",memory-backend=ram"
	echo "$args"
}

# flash FILE: GITS_CTLR, TYPER, BASER0 and PIDR2 of an ITS which forgets what is written
flash() {
	truncate -s 64M "$1"
	printf '\x00\x00\x00\x80\0\0\0\0\xb1\xef\x01\x00\x1f' | dd of="$1" conv=notrunc status=none
	printf '\0\0\0\0\0\0\x07\x01' | dd of="$1" bs=1 seek=$((0x100)) conv=notrunc status=none
	printf '\x3b' | dd of="$1" bs=1 seek=$((0xffe8)) conv=notrunc status=none
}

its_node() {
	echo 'its@4000000 { compatible = "arm,gic-v3-its"; reg = <0 0x4000000 0 0x20000>; #msi-cells = <1>;'
	[ "$ITS_NODE" = ignored ] || echo 'msi-controller;'
	[ "$ITS_NODE" != disabled ] || echo 'status = "disabled";'
	echo '};'
}

# device_tree FILE qemu...: what QEMU gives this machine, and one more ITS behind the other.
# As the first one it would keep Linux from that one, if it fails.
device_tree() {
	local dtb=$1
	shift
	"$@" -machine "dumpdtb=$dtb.qemu" < /dev/null > /dev/null 2>&1 || die "no device tree from QEMU"
	dtc -q -I dtb -O dts "$dtb.qemu" |
		sed "/its@8080000 {/,/};/ { /};/ r "<(its_node)$'\n}' | dtc -q -I dts -O dtb -o "$dtb"
	[ "$(fdtget -l "$dtb" /intc@8000000 | paste -sd' ')" = "its@8080000 its@4000000" ] ||
		die "no second ITS in the device tree"
}

# madt INITRD: behind a MADT with the redistributors in its GICC entries. Linux takes it instead
# of the firmware's, which a boot of its own asks for.
madt() {
	local dir=$tmp/madt stride=0x20000
	[ "$GIC" = 3 ] || stride=0x40000
	mkdir -p "$dir/kernel/firmware/acpi"
	env -u RAM -u TRACE -u QMP -u ROOT_PORTS -u FILES -u APPEND -u EXTRA \
		ACPI=1 TEST=table ARGS_GUEST=APIC OUT="$dir/console" "$SCRIPTS/qemu.sh" ||
		die "no MADT from the firmware: $(tail -n 3 "$dir/console" | paste -sd' ')"
	tr -d '\r' < "$dir/console" | sed -n '/^=== test/,/^=== dmesg/p' | grep -v '^===' | base64 -d |
		python3 "$SCRIPTS/madt.py" --stride "$stride" > "$dir/kernel/firmware/acpi/APIC.aml"
	(cd "$dir" && find kernel | sort | cpio -o -H newc -R 0:0 --quiet) > "$tmp/initrd"
	cat "$1" >> "$tmp/initrd"
	echo "$tmp/initrd"
}

main() {
	local cmd out status initrd append=${APPEND:-}
	need_image
	CPU=$(default_cpu)
	tmp=$(mktemp -d "${TMPDIR:-/tmp}/qemu.XXXXXX")
	trap 'rm -rf "${tmp:?}"' EXIT
	initrd=$(initramfs)
	[ "${ACPI:-}" != gicc ] || initrd=$(madt "$initrd")
	[ -z "${ACPI:-}" ] || append="acpi=force $append"
	# shellcheck disable=SC2054
	# With a speed, or the driver divides by QEMU's divisor, which is 0: UBSAN stops there.
	cmd=("${QEMU:-qemu-system-aarch64}" -machine "$(machine)" -cpu "$CPU" -smp "$SMP" -m "$MEM"
		-nic none -display none -monitor none -no-reboot
		-kernel "$IMAGE" -initrd "$initrd"
		-append "console=ttyAMA0,115200 earlycon kvm-arm.mode=protected panic=-1 test=${TEST:-boot} args=${ARGS_GUEST:-} stock=${STOCK:-0} $append"
		-device virtio-rng-pci,romfile=)
	[ -z "${ACPI:-}" ] || cmd+=(-bios "$("$SCRIPTS/fetch.sh" firmware)")
	if [ -n "${ROOT_PORTS:-}" ]; then
		# shellcheck disable=SC2207
		cmd+=($(root_ports))
	fi
	[ -z "${RAM:-}" ] || cmd+=(-object "memory-backend-file,id=ram,size=$MEM,mem-path=$RAM,share=on")
	[ -z "${TRACE:-}" ] || cmd+=(-trace 'gicv3_its_*' -D "$TRACE")
	[ -z "${QMP:-}" ] || cmd+=(-qmp "unix:$QMP,server=on,wait=off")
	# shellcheck disable=SC2206
	[ -z "${EXTRA:-}" ] || cmd+=($EXTRA)
	case ${ITS_NODE:-} in
	'') ;;
	absent | broken | disabled | ignored)
		[ "$ITS_NODE" != broken ] || {
			flash "$tmp/flash"
			cmd+=(-drive "if=pflash,index=1,format=raw,readonly=on,file=$tmp/flash")
		}
		device_tree "$tmp/dtb" "${cmd[@]}"
		cmd+=(-dtb "$tmp/dtb") ;;
	*) die "ITS_NODE is absent, broken, disabled or ignored" ;;
	esac

	if [ "${CONSOLE:-0}" = 1 ]; then
		"${cmd[@]}" -serial mon:stdio
		exit
	fi
	out=${OUT:-$(mktemp "${TMPDIR:-/tmp}/serial.XXXXXX")}
	status=0
	timeout --foreground -k 5 "$LIMIT" "${cmd[@]}" -serial stdio < /dev/null > "$out" 2>&1 || status=$?
	[ -n "${OUT:-}" ] || { cat "$out"; }
	if [ "$status" -eq 0 ]; then
		status=$(tr -d '\r' < "$out" | sed -n 's/^RESULT \([0-9]*\)$/\1/p' | tail -n 1)
		status=${status:-125}
	elif [ "$status" -ne 124 ]; then
		status=126
	fi
	[ -n "${OUT:-}" ] || rm -f "$out"
	exit "$status"
}

main
