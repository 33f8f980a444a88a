#!/bin/bash
# attack-its.sh [plain] [exhausted] [v4] [fuzz] [fuzz-v4] [stock] [stock-exhausted]
#               [stock-v4] [firmware] [firmware-v4] [stock-firmware] [stock-firmware-v4]
#               [KEY=VALUE ...]
# A compromised host against the ITS (the selftests its_shadow*, and tests/its), with
# EL2's memory watched from outside. Without a kind: all of them.
#   plain            the patched kernel: no byte of hypervisor memory changes
#   exhausted        the same once the host used up EL2's stage-2 pool; CPU max
#   v4               the same with GICv4 and guests that use it, and attacks on vPEs
#   fuzz, fuzz-v4    anything at random, for T=15 seconds, SEED=1
#   stock, stock-exhausted, stock-v4   the unpatched kernel: the attacks are seen to succeed
#   firmware, firmware-v4   the patched kernel, and firmware that restores the ITS: nothing
#                    that the ITS executed is executed again (tests/replay.c)
#   stock-firmware, stock-firmware-v4   the unpatched kernel: it is
#   IMAGE=path STOCK_IMAGE=path   default: from image.sh
#   CPU='cortex-a53 max' SMP=2 PAGE_SIZE=4k MEM=1G V=1
#   SELFTESTS=folder the programs, default: from selftests.sh
. "$(dirname "$0")/../scripts/lib.sh"
parse_args "$@"

PAGE_SIZE=${PAGE_SIZE:-4k} STOCK_IMAGE=${STOCK_IMAGE:-} IMAGE=${IMAGE:-}

image() {
	case $1 in
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
	local kind=$1 cpu=$2 options=(--image "$IMAGE") script=its programs=() vpe=
	[[ $kind != stock* ]] || options=(--image "$STOCK_IMAGE" --stock)
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
		stock* | fuzz*) ;;
		v4) vpe=its_shadow_vpe; selftest its_shadow its_shadow_debug $vpe ;;
		*) selftest its_shadow its_shadow_debug ;;
		esac
		# shellcheck disable=SC2046
		options+=(--program "${programs[@]}" "$(attack_program)" --run $(runs "$kind" "$vpe"))
	fi
	[ "${V:-0}" != 1 ] || options+=(--verbose)
	python3 "$ROOT/tests/attack_$script.py" --name "attack-its $kind $cpu $PAGE_SIZE" \
		--cpu "$cpu" --smp "${SMP:-2}" --mem "${MEM:-1G}" --page-size "$PAGE_SIZE" "${options[@]}"
}

main() {
	local kind cpu failed=0
	[ ${#ARGS[@]} -gt 0 ] || ARGS=(stock stock-exhausted stock-v4 stock-firmware stock-firmware-v4
		plain exhausted v4 fuzz fuzz-v4 firmware firmware-v4)
	for kind in "${ARGS[@]}"; do
		case $kind in
		plain|exhausted|v4|fuzz|fuzz-v4|stock|stock-exhausted|stock-v4) ;;
		firmware|firmware-v4|stock-firmware|stock-firmware-v4) ;;
		*) die "no such kind: $kind" ;;
		esac
		image "$kind"
		for cpu in $(cpus "$kind"); do
			attack "$kind" "$cpu" || failed=1
		done
	done
	return $failed
}

main
