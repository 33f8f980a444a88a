#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# run-test.sh NAME [IMAGE=path] [STOCK=1] [PAGE_SIZE=] [CPU=] [SMP=] [GIC=] [...]
# One guest test; every option of image.sh and qemu.sh. V=1 shows the whole console.
. "$(dirname "$0")/lib.sh"
parse_args "$@"

COMPLAINTS='WARNING: (CPU|.* at )|BUG: |Internal error|Oops|Unable to handle|hyp (BUG|UBSAN|panic)|UBSAN: |rcu: INFO|soft lockup'

# All but what the test wants the kernel to say.
console() { grep -avE "${EXPECTED:-^\$}" "$1"; }

kernel_complained() { grep -qaE "$COMPLAINTS" <(console "$1"); }

# What a test needs beyond a plain guest.
defaults() {
	case $1 in
	rootports) export ROOT_PORTS=rng LIMIT=${LIMIT:-180} ;;
	late) export ROOT_PORTS=late LIMIT=${LIMIT:-180} ;;
	refused)
		# A disk of no bytes on a bus of its own: binding its driver reads nothing.
		export ROOT_PORTS=late LIMIT=${LIMIT:-180}
		EXTRA="${EXTRA:-} -blockdev driver=null-co,node-name=empty,size=0"
		export EXTRA="$EXTRA -device virtio-blk-pci,bus=rp36,drive=empty,romfile=" ;;
	failclosed | guests | gate) FILES="${FILES:-} pvm=$(guest_program "$ROOT/tests/pvm.c")" ;;
	acpi)
		case ${ARGS[1]:-} in
		gicr) export ACPI=1 ;;
		gicc) export ACPI=gicc ;;
		*) die "acpi gicr or acpi gicc" ;;
		esac
		FILES="${FILES:-} pvm=$(guest_program "$ROOT/tests/pvm.c")"
		export LIMIT=${LIMIT:-180} ;;
	kdump)
		# Its configuration has the crash kernel, too.
		IMAGE=${IMAGE:-$(ACPI=1 "$SCRIPTS/image.sh")}
		case ${ARGS[1]:-} in
		nolpi | lpi) ;;
		*) die "kdump nolpi or kdump lpi, and perhaps the CPU which crashes" ;;
		esac
		# "Some CPUs may be stale", as it is whenever KVM has the CPUs' EL2.
		EXPECTED='WARNING: .* at machine_kexec\+'
		export APPEND="${APPEND:-} crashkernel=128M" LIMIT=${LIMIT:-120}
		FILES="${FILES:-} kexec=$(guest_program "$ROOT/tests/kexec.c")"
		FILES="$FILES crash/initramfs=$("$SCRIPTS/initramfs.sh")" ;;
	offline)
		FILES="${FILES:-} pvm=$(guest_program "$ROOT/tests/pvm.c")"
		export SMP=2
		# While 40 buses are looked at there is time to unplug a CPU.
		if [ "${ARGS[1]:-}" = early ]; then
			export FILES="$FILES early=$ROOT/tests/guest/early" ROOT_PORTS=rng LIMIT=${LIMIT:-180}
		else
			export APPEND="${APPEND:-} maxcpus=1"
		fi ;;
	vms)
		export APPEND="${APPEND:-} kvm-arm.vgic_v4_enable=1" LIMIT=${LIMIT:-600}
		FILES="${FILES:-} bin/vgic_lpi_stress=${SELFTESTS:-$("$SCRIPTS/selftests.sh")}/vgic_lpi_stress"
		;;
	bypass)
		# Its programs are those of the tree under test.
		IMAGE=${IMAGE:-$("$SCRIPTS/image.sh")}
		export GIC=4 LIMIT=${LIMIT:-480} APPEND="${APPEND:-} kvm-arm.vgic_v4_enable=1"
		export EXTRA="${EXTRA:-} $EDU"
		[ -n "${TRACE:-}" ] || {
			TRACE=$(mktemp "${TMPDIR:-/tmp}/bypass.XXXXXX")
			export TRACE
			trap 'rm -f "$TRACE"' EXIT
		}
		FILES="${FILES:-} bin/bypass=${SELFTESTS:-$("$SCRIPTS/selftests.sh" bypass)}/bypass"
		FILES+=" lib/its_bypass.ko=$(kernel_module "$LINUX" "$IMAGE" "$ROOT/tests/bypass")" ;;
	many)
		FILES="${FILES:-} many=$(guest_program "$ROOT/tests/many.c")"
		export SMP=1 EXTRA="-icount shift=0,sleep=off" LIMIT=${LIMIT:-300} ;;
	vmm)
		ARGS=(vmm "${ARGS[1]:-10}" "${GIC:-3}")
		export LIMIT=${LIMIT:-600}
		real_guest ;;
	selftests) export MEM=${MEM:-2G} LIMIT=${LIMIT:-1200} ;;
	*) export LIMIT=${LIMIT:-120} ;;
	esac
	export FILES=${FILES:-}
}

# coalesced_io_test fills a ring of one page. With larger pages that takes minutes here.
# Without GICv4 there are no vPEs.
selftest_list() {
	local not='^#'
	[ "${PAGE_SIZE:-4k}" = 4k ] || not+='|^coalesced_io_test'
	[ "${GIC:-3}" = 4 ] || not+='|^its_shadow_vpe|^its_shadow_resident'
	grep -vE "$not" "$ROOT/configs/selftests"
	[ "${PAGE_SIZE:-4k}:${CPU:-cortex-a53}:${GIC:-3}" != 4k:cortex-a53:3 ] || grep -v '^#' "$ROOT/configs/selftests.4k"
}

# selftests: the programs of the tree under test, with their arguments.
selftests() {
	local dir list=("${ARGS[@]:1}") test
	# shellcheck disable=SC2046
	dir=${SELFTESTS:-$("$SCRIPTS/selftests.sh" $(printf '%s\n' "${list[@]%%[ +]*}"))}
	[ ${#list[@]} -gt 0 ] || mapfile -t list < <(selftest_list)
	for test in "${list[@]}"; do
		[ -x "$dir/${test%%[ +]*}" ] || die "no selftest ${test%%[ +]*}"
		FILES="${FILES:-} selftests/${test%%[ +]*}=$dir/${test%%[ +]*}"
	done
	export FILES
	ARGS_GUEST=$(printf '%s,' "${list[@]}" | sed 's/,$//; s/ /+/g')
	export ARGS_GUEST
}

# executed_for_device: what makes a vLPI of the device's interrupt, and what KVM did with it, are
# commands that the ITS executed
executed_for_device() {
	local cmd count all=
	for cmd in vmapti vmovi inv discard mapti; do
		count=$(grep -c "^gicv3_its_cmd_$cmd .* DeviceID $EDU_ID " "$TRACE") || {
			echo "not ok $1: the ITS executed no $cmd of the device"
			return 1
		}
		all+=" $count $cmd"
	done
	echo "ok $1: the ITS executed for the device$all"
}

# show LOG: as it comes, the lines of the test; all of the console with V=1
show() {
	local range='/^=== test/,/^=== dmesg/'
	[ "${V:-0}" != 1 ] || range='1,$'
	tail --pid=$$ -s 0.2 -n +1 -f "$1" 2>/dev/null |
		sed -u -n "s/\r//g; /^=== over/q; $range { /^===/!p }"
}

main() {
	local name=${ARGS[0]:-} out shower status=0 why
	[ -f "$ROOT/tests/guest/$name.sh" ] || die "usage: run-test.sh NAME [KEY=VALUE ...]"
	defaults "$name"
	IMAGE=${IMAGE:-$("$SCRIPTS/image.sh")}
	export IMAGE TEST=$name
	[ "$name" != kdump ] || FILES+=" crash/Image=$IMAGE"
	if [ "$name" = selftests ]; then selftests; else ARGS_GUEST=$(IFS=,; echo "${ARGS[*]:1}"); export ARGS_GUEST; fi
	mkdir -p "$BUILD/log"
	out=${OUT:-$(mktemp "$BUILD/log/$name.XXXXXX")}
	: > "$out"
	show "$out" &
	shower=$!
	OUT=$out "$SCRIPTS/qemu.sh" || status=$?
	# Behind a line without an end, perhaps.
	printf '\n=== over\n' >> "$out"
	wait "$shower" || true
	if kernel_complained "$out"; then
		echo "not ok $name: the kernel complained"
		grep -aE -m 3 -A 25 "$COMPLAINTS" <(console "$out") | sed 's/^/  /'
		[ "$status" -ne 0 ] || status=1
	fi
	[ "$name" != bypass ] || executed_for_device "$name" || status=${status/#0/1}
	case $status in
	0) return ;;
	124) why="no end within $LIMIT s" ;;
	125) why="the guest ended without a result" ;;
	126) why="QEMU failed" ;;
	*) exit "$status" ;;
	esac
	echo "not ok $name: $why (console: ${out#"$ROOT"/})"
	tail -n "${TAIL:-30}" "$out" | sed 's/^/  /'
	exit "$status"
}

main
