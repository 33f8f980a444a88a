#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# coverage.sh [CPU=cortex-a53] [SRC=tree IMAGE=path] [SELFTESTS=folder] [MODEL=0] [RUNS=file]
# Which lines of its_*.c EL2 has executed, booted, and which of them in user space.
#
# 7.3 has neither gcov nor kcov for EL2. But QEMU writes down each block of instructions when
# it translates it (-d in_asm), which is right before it executes it the first time. So what is
# measured is the kernel as it is tested, without a change. A line was executed if one of its
# instructions was; if a branch was ever taken is not seen.
#
#   RUNS     the guests, one a line, as arguments of run-test.sh; default: see below
#   MODEL=0  without user space. Otherwise tests/model/fuzz.sh runs, for T=20 seconds
#   SRC      the tree that IMAGE was built from; default: build/linux
# Writes build/coverage/coverage.txt, line by line.
. "$(dirname "$0")/../scripts/lib.sh"
parse_args "$@"

SRC=${SRC:-$LINUX} CPU=${CPU:-cortex-a53} T=${T:-20} MODEL=${MODEL:-1}
DIR=$BUILD/coverage

runs() {
	if [ -n "${RUNS:-}" ]; then cat "$RUNS"; return; fi
	cat <<-EOF
		msi
		late
		suspend GIC=4
		hotplug 5 SMP=4
		failclosed APPEND=kvm-arm.its_fail_step=9
		selftests its_shadow its_shadow_debug its_shadow_rdist
		selftests its_shadow its_shadow_debug its_shadow_rdist its_shadow_vpe its_shadow_resident vgic_lpi_stress+-v+2+-d+2+-e+4+-i+10 GIC=4 APPEND=kvm-arm.vgic_v4_enable=1
	EOF
}

# The same instructions once more, and what lines they are of.
debug_object() {
	mkdir -p "$DIR/out"
	cmp -s "$(dirname "$IMAGE")/.config" "$DIR/config" || {
		cp "$(dirname "$IMAGE")/.config" "$DIR/config"
		cp "$DIR/config" "$DIR/out/.config"
	}
	kmake -C "$SRC" O="$DIR/out" KCFLAGS=-g olddefconfig arch/arm64/kvm/hyp/nvhe/kvm_nvhe.o
}

# traced N ARGUMENTS: the addresses outside of the kernel proper go to pcs.N
traced() {
	local nr=$1 fifo=$DIR/fifo reader status=0
	shift
	rm -f "$fifo"
	mkfifo "$fifo"
	timeout 1500 python3 "$ROOT/tests/coverage.py" collect "$DIR/pcs.$nr" < "$fifo" &
	reader=$!
	"$SCRIPTS/run-test.sh" "$@" IMAGE="$IMAGE" CPU="$CPU" EXTRA="-d in_asm -D $fifo" > "$DIR/log.$nr" 2>&1 || status=$?
	# If QEMU never came to open it.
	: <> "$fifo"
	wait "$reader" || status=1
	rm -f "$fifo"
	[ "$status" -eq 0 ] || { say "coverage.sh: failed: $* ($DIR/log.$nr)"; tail -n 20 "$DIR/log.$nr" >&2; }
	return "$status"
}

main() {
	local nr=0 run model=() failed=0
	IMAGE=${IMAGE:-$("$SCRIPTS/image.sh")}
	mkdir -p "$DIR" "$BUILD/log"
	rm -f "$DIR"/pcs.* "$DIR"/log.*
	logged "$BUILD/log/coverage.log" "Building EL2 with debug information" debug_object
	while read -r run; do
		say "Running $run"
		# shellcheck disable=SC2086
		traced $nr $run < /dev/null || failed=1
		nr=$((nr + 1))
	done < <(runs)
	if [ "$MODEL" != 0 ]; then
		say "Running the model"
		env LINUX="$SRC" "$ROOT/tests/model/fuzz.sh" T="$T" OUT="$DIR/model" > "$DIR/log.model" 2>&1 ||
			say "note: the model found something: $DIR/log.model"
		[ ! -s "$DIR/model/coverage.txt" ] || model=(--model "$DIR/model/coverage.txt")
	fi
	python3 "$ROOT/tests/coverage.py" report --object "$DIR/out/arch/arm64/kvm/hyp/nvhe/kvm_nvhe.o" \
		--map "$(dirname "$IMAGE")/System.map" --source "$SRC/arch/arm64/kvm/hyp/nvhe" \
		--text "$DIR/coverage.txt" "${model[@]}" "$DIR"/pcs.* || failed=1
	return $failed
}

main
