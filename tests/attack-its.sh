#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# attack-its.sh [plain] [exhausted] [v4] [fuzz] [fuzz-v4] [stock] [stock-exhausted]
#               [stock-v4] [firmware] [firmware-v4] [stock-firmware] [stock-firmware-v4]
#               [rdist] [rdist-exhausted] [rdist-v4] [stock-rdist] [stock-rdist-exhausted]
#               [stock-rdist-v4] [bypass-v4] [KEY=VALUE ...]
# A compromised host against the ITS and the redistributors (the selftests its_shadow*, and
# tests/its), with EL2's memory watched from outside. Without a kind: all of them.
#   plain            the patched kernel: no byte of hypervisor memory changes
#   exhausted        the same once the host used up EL2's stage-2 pool; CPU max
#   v4               the same with GICv4 and guests that use it, and attacks on vPEs
#   fuzz, fuzz-v4    anything at random, for T=15 seconds, SEED=1
#   bypass-v4        a guest with a device whose MSI is a vLPI, and commands at random for just
#                    this device, its event and the guest's vPEs, for T=15 seconds, SEED=1
#   stock, stock-exhausted, stock-v4   the unpatched kernel: the attacks are seen to succeed
#   firmware, firmware-v4   the patched kernel, and firmware that restores the ITS: nothing
#                    that the ITS executed is executed again (tests/replay.c)
#   stock-firmware, stock-firmware-v4   the unpatched kernel: it is
#   rdist, rdist-exhausted, rdist-v4   the patched kernel and its redistributors, two of
#                    which have no CPU: no byte changes, and none of their registers
#   stock-rdist, stock-rdist-exhausted, stock-rdist-v4   the unpatched kernel, or OPEN_IMAGE:
#                    a patched one that leaves them to the host: each attack is seen to succeed
#   IMAGE=path STOCK_IMAGE=path   default: from image.sh; OPEN_IMAGE=path
#   CPU='cortex-a53 max' SMP=2 PAGE_SIZE=4k MEM=1G V=1
#   SELFTESTS=folder the programs, default: from selftests.sh
. "$(dirname "$0")/../scripts/lib.sh"
parse_args "$@"

PAGE_SIZE=${PAGE_SIZE:-4k} STOCK_IMAGE=${STOCK_IMAGE:-} IMAGE=${IMAGE:-} OPEN_IMAGE=${OPEN_IMAGE:-}

image() {
	case $1 in
	stock-rdist*)
		[ -n "$STOCK_IMAGE$OPEN_IMAGE" ] || image stock
		;;
	stock*)
		[ -n "$STOCK_IMAGE" ] || STOCK_IMAGE=$(STOCK=1 IMAGE='' "$SCRIPTS/image.sh")
		;;
	*)
		[ -n "$IMAGE" ] || IMAGE=$(STOCK=0 "$SCRIPTS/image.sh")
		;;
	esac
}

# 52 bits of physical address, without which the pool cannot be exhausted. With
# 16k pages max has them only with LPA2, which stock does not boot with.
cpus() {
	case $1:$PAGE_SIZE in
	*exhausted:16k) ;;
	*exhausted:*) echo max ;;
	*:16k) echo "${CPU:-cortex-a76 max,lpa2=off}" ;;
	*) echo "${CPU:-cortex-a53 max}" ;;
	esac
}

# selftest NAME...: the options that bring them into the guest
selftest() {
	SELFTESTS=${SELFTESTS:-$("$SCRIPTS/selftests.sh")}
	local name
	for name in "$@"; do
		[ -x "$SELFTESTS/$name" ] || die "no $name in $SELFTESTS"
		programs+=("$SELFTESTS/$name")
	done
}

# What the guest runs, in turn; + joins a program and its arguments.
runs() {
	local run first=()
	case $1 in
	*rdist*)
		[[ $1 != *exhausted ]] || first=(its_attack+-e)
		# Of a stock kernel debugfs does not say where the ITS is.
		[[ $1 != stock* ]] || set -- "$1" +-i+0x8080000
		run="${first[*]} its_shadow_rdist${2:-}"
		# Where nobody owns a VPT it cannot come back too early.
		[[ $1 != *v4 ]] || [[ $1 = stock* && -z $OPEN_IMAGE ]] || run+=" its_shadow_resident"
		echo "$run"; return ;;
	bypass*) echo "bypass+--hostile+${T:-15}+--seed+${SEED:-1}"; return ;;
	fuzz*) echo "its_attack+--fuzz=${T:-15}+--seed=${SEED:-1}"; return ;;
	stock*) [[ $1 != *exhausted ]] || first=(its_attack+-e)
		echo "${first[*]} its_attack+-x"; return ;;
	*exhausted) first=(its_attack+-e) ;;
	esac
	set -- its_shadow its_shadow_debug its_attack+--storm ${2:+"$2"}
	for run in "$@"; do
		echo "${first[*]} $run"
	done
}

attack() {
	local kind=$1 cpu=$2 options=(--image "$IMAGE") script=its programs=() vpe='' smp=2 append='' extra=''
	[[ $kind != stock* ]] || options=(--image "$STOCK_IMAGE" --stock)
	[[ $kind != stock-rdist* ]] || options[1]=${OPEN_IMAGE:-$STOCK_IMAGE}
	[[ $kind != *rdist* ]] || { options+=(--rdist); smp=4 append=maxcpus=2; }
	if [[ $kind = *v4 ]]; then
		selftest vgic_lpi_stress
		options+=(--v4 "$SELFTESTS/vgic_lpi_stress")
		programs=()
	fi
	if [[ $kind = *firmware* ]]; then
		script=firmware
		options+=(--program "$(guest_program "$ROOT/tests/replay.c")")
	else
		case $kind in
		*rdist*) selftest its_shadow_rdist its_shadow_resident ;;
		stock* | fuzz*) ;;
		bypass*)
			selftest bypass
			options+=(--module "$(kernel_module "$LINUX" "$IMAGE" "$ROOT/tests/bypass")"
				--remapped "$EDU_ID" --limit 300)
			extra=$EDU ;;
		v4) vpe=its_shadow_vpe; selftest its_shadow its_shadow_debug $vpe ;;
		*) selftest its_shadow its_shadow_debug ;;
		esac
		# shellcheck disable=SC2207
		options+=(--program "${programs[@]}" "$(attack_program)" --run $(runs "$kind" "$vpe"))
	fi
	[ "${V:-0}" != 1 ] || options+=(--verbose)
	APPEND="$append ${APPEND:-}" EXTRA="$extra ${EXTRA:-}" python3 "$ROOT/tests/attack_$script.py" --name "attack-its $kind $cpu $PAGE_SIZE" \
		--cpu "$cpu" --smp "${SMP:-$smp}" --mem "${MEM:-1G}" --page-size "$PAGE_SIZE" "${options[@]}"
}

main() {
	local kind cpu failed=0
	[ ${#ARGS[@]} -gt 0 ] || ARGS=(stock stock-exhausted stock-v4 stock-firmware stock-firmware-v4
		plain exhausted v4 fuzz fuzz-v4 firmware firmware-v4 stock-rdist stock-rdist-exhausted
		stock-rdist-v4 rdist rdist-exhausted rdist-v4 bypass-v4)
	for kind in "${ARGS[@]}"; do
		case $kind in
		plain|exhausted|v4|fuzz|fuzz-v4|stock|stock-exhausted|stock-v4) ;;
		rdist|rdist-exhausted|rdist-v4|bypass-v4) ;;
		stock-rdist|stock-rdist-exhausted|stock-rdist-v4) ;;
		firmware|firmware-v4|stock-firmware|stock-firmware-v4) ;;
		*) die "no such kind: $kind" ;;
		esac
	done
	for kind in "${ARGS[@]}"; do
		image "$kind"
		for cpu in $(cpus "$kind"); do
			attack "$kind" "$cpu" || failed=1
		done
	done
	return $failed
}

main
