#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# bench.sh [longest] [IMAGE=] [STOCK_IMAGE=] [NOKVM_IMAGE=] [NOKVM_STOCK_IMAGE=] [KERNEL_TREE=]
# What it costs that EL2 owns the ITS: counts instructions on the stock kernel and
# on the patched one, prints one table and writes it to bench/RESULTS.md. Images
# which are not given are built; beside each has to be its .config.
# longest: prints only the longest entry into EL2, of the patched kernel.
. "$(dirname "$0")/lib.sh"
GIVEN=
[ -z "${IMAGE:-}${NOKVM_IMAGE:-}" ] || GIVEN=1
parse_args "$@"
[ ${#ARGS[@]} -eq 0 ] || [ "${ARGS[*]}" = longest ] || die "takes nothing, or longest, not '${ARGS[*]}'"
[ -z "${IMAGE:-}${NOKVM_IMAGE:-}" ] || GIVEN=1

RAW=$BUILD/bench/raw
LAST=
OUTPUT=
STRESS=
RESULTS=$ROOT/bench/RESULTS.md
BASE=$BUILD/base/linux

# One instruction is one nanosecond, and one tick of the counter. The seed and the
# clock make one run like the next.
ICOUNT="-icount shift=0,sleep=off -seed 1 -rtc base=2026-01-01,clock=vm"
MACHINE=(PAGE_SIZE=4k SMP=2 LIMIT=300 "CPU=cortex-a53,cntfrq=1000000000" EXTRA="$ICOUNT")
# Random bytes come from outside, and nobody knows in which nanosecond.
QUIET="initcall_blacklist=virtio_rng_driver_init"
CPUS=(2 16 64)
# Operations of the module, and a function which each calls once.
declare -A PROFILES=([mask]=its_mask_irq [mapd]=its_create_device)
BOOT="loglevel=1 trace_event=initcall:initcall_start,initcall:initcall_finish"

# image GIVEN KEY=VALUE...: the image that was given, or one that is built
image() {
	if [ -n "$1" ]; then echo "$1"; else env -u IMAGE "${@:2}" PAGE_SIZE=4k "$SCRIPTS/image.sh"; fi
}

images() {
	"$SCRIPTS/deps.sh"
	STOCK_IMAGE=$(image "${STOCK_IMAGE:-}" STOCK=1)
	NOKVM_STOCK_IMAGE=$(image "${NOKVM_STOCK_IMAGE:-}" STOCK=1 KVM=0)
	IMAGE=$(image "${IMAGE:-}" STOCK=0)
	NOKVM_IMAGE=$(image "${NOKVM_IMAGE:-}" STOCK=0 KVM=0)
	[ -d "$BASE" ] || die "no $BASE: make -s image STOCK=1 brings it"
}

# module IMAGE: stock and patched load the same file.
module() { kernel_module "$BASE" "$1" "$ROOT/bench"; }

# measure KERNEL AS SECTION IMAGE KEY=VALUE...: appends lines "KERNEL AS NAME VALUE"
measure() {
	local kernel=$1 as=$2 section=$3 image=$4 module=$MODULE out
	shift 4
	[[ $as != nokvm ]] || module=$NOKVM_MODULE
	[ "$LAST" = "$kernel $as $section" ] || say "Measuring: $kernel, $as, $section"
	LAST="$kernel $as $section"
	out=$("$SCRIPTS/run-test.sh" bench "$section" "${MACHINE[@]}" IMAGE="$image" \
		FILES="bench=$BENCH many=$MANY longest=$LONGEST ${module:+lib/its_bench.ko=$module} \
			${STRESS:+bin/vgic_lpi_stress=$STRESS}" "$@") ||
		die "$kernel, $as:"$'\n'"$out"
	grep -q '^bench ' <<< "$out" || die "$kernel, $as: no number"
	sed -n "s/^bench /$kernel $as /p" <<< "$out" >> "$RAW"
	OUTPUT=$out
}

# traced EXTRA, and the arguments of measure: also counts the accesses to the GIC
traced() {
	local extra=$1 trace=$BUILD/bench/trace numbers
	shift
	rm -f "$trace"
	measure "$@" EXTRA="$ICOUNT $extra -D $trace \
		-trace gicv3_its_read -trace gicv3_its_write -trace gicv3_redist_read -trace gicv3_redist_write"
	# shellcheck disable=SC2046
	numbers=$(python3 "$ROOT/bench/accesses.py" "$trace" $(tr -d '\r' <<< "$OUTPUT" | sed -n 's/^window //p')) ||
		die "$1, $2, $3: QEMU's trace is not what it should be"
	sed -n "s/^bench /$1 $2 /p" <<< "$numbers" >> "$RAW"
	rm -f "$trace"
}

# profile KERNEL OPERATION FUNCTION IMAGE KEY=VALUE...: which function executes how many of
# the instructions between two calls of FUNCTION. Every block is one instruction.
profile() {
	local dir=$BUILD/bench/profile kernel=$1 op=$2 function=$3 image=$4 guest
	shift 4
	say "Measuring: $kernel, where the instructions of $op go"
	rm -rf "$dir.run"
	mkdir -p "$dir" "$dir.run"
	: > "$dir.run/console"
	"$SCRIPTS/run-test.sh" bench profile "$op" "${MACHINE[@]}" IMAGE="$image" OUT="$dir.run/console" \
		QMP="$dir.run/qmp" EXTRA="$ICOUNT -singlestep -D $dir.run/log" \
		FILES="bench=$BENCH lib/its_bench.ko=$MODULE" "$@" > "$dir.run/result" 2>&1 &
	guest=$!
	python3 "$ROOT/bench/profile.py" record "$dir.run/qmp" "$dir.run/console" "$dir.run/log" ||
		{ wait $guest; die "no profile: $(tail -n 5 "$dir.run/result")"; }
	wait $guest || die "no profile: $(tail -n 5 "$dir.run/result")"
	python3 "$ROOT/bench/profile.py" count "$dir.run/log" "$(dirname "$image")/System.map" "$function" \
		> "$dir/$op-$kernel" || die "no profile of $op, $kernel"
	rm -rf "$dir.run"
}

profiles() {
	local dir=$BUILD/bench/profile op
	for op in "${!PROFILES[@]}"; do
		echo
		echo "## Where the instructions go: $op"
		echo
		python3 "$ROOT/bench/profile.py" table stock="$dir/$op-stock" patched="$dir/$op-patched"
	done
}

# Several, for the least: here devices are at work.
boots() {
	local _
	for _ in 1 2 3 4 5 6; do
		measure "$1" "$2" boot "${@:3}"
	done
}

# One CPU: nobody else's instructions are counted.
measure_longest() { measure patched longest longest "$IMAGE" STOCK=0 SMP=1 APPEND="$QUIET"; }

# STOCK=1 tells the guest that EL2 does not own the ITS.
measure_all() {
	local kernel image nr op stock=1
	for kernel in stock patched; do
		image=$STOCK_IMAGE
		[ $kernel = stock ] || { image=$IMAGE stock=0; }
		traced "" $kernel protected main "$image" STOCK=$stock APPEND="$QUIET"
		measure $kernel protected lpi "$image" STOCK=$stock
		measure $kernel gicv4 vm "$image" STOCK=$stock GIC=4 APPEND="$QUIET kvm-arm.vgic_v4_enable=1"
		traced "" $kernel protected hotplug "$image" STOCK=$stock APPEND="$QUIET"
		traced "" $kernel gicv4 sleep "$image" STOCK=$stock GIC=4 APPEND="$QUIET kvm-arm.vgic_v4_enable=1"
		traced "-device edu,addr=10" $kernel gicv4 vlpi "$image" STOCK=$stock GIC=4 \
			APPEND="$QUIET kvm-arm.vgic_v4_enable=1"
		traced "" $kernel gicv4 stress "$image" STOCK=$stock GIC=4 APPEND="$QUIET kvm-arm.vgic_v4_enable=1"
		measure $kernel boot boot "$image" STOCK=$stock APPEND="$QUIET $BOOT"
		measure $kernel nvhe untouched "$image" STOCK=1 APPEND="$QUIET kvm-arm.mode=nvhe"
		for nr in "${CPUS[@]}"; do
			measure $kernel "smp$nr" scale "$image" STOCK=$stock SMP="$nr" APPEND="$QUIET"
			measure $kernel "smp$nr" boot "$image" STOCK=$stock SMP="$nr" APPEND="$QUIET $BOOT"
		done
		for op in "${!PROFILES[@]}"; do
			profile $kernel "$op" "${PROFILES[$op]}" "$image" STOCK=$stock APPEND="$QUIET nokaslr"
		done
	done
	measure_longest
	boots stock boot-more "$STOCK_IMAGE" STOCK=1 ROOT_PORTS=rng APPEND="$BOOT"
	boots patched boot-more "$IMAGE" STOCK=0 ROOT_PORTS=rng APPEND="$BOOT"
	measure stock nokvm untouched "$NOKVM_STOCK_IMAGE" STOCK=1 APPEND="$QUIET"
	measure patched nokvm untouched "$NOKVM_IMAGE" STOCK=1 APPEND="$QUIET"
}

# What was measured, in words which are the same on every machine.
provenance() {
	local dirty=clean
	[ -z "$(git -C "$ROOT" status --porcelain patches)" ] || dirty="with uncommitted changes"
	echo "- Linux $(make -s -C "$BASE" kernelversion), without and with the series"
	echo "- commit $(git -C "$ROOT" rev-parse HEAD), \`patches/\` $dirty"
	if [ -n "$GIVEN" ]; then
		echo "- the patched kernel was given as an image: it may be another one than that of \`patches/\`"
	elif ! "$SCRIPTS/export.sh" --check-patches > /dev/null 2>&1 || [ -n "$(uncommitted "$LINUX")" ]; then
		echo "- the patched kernel is \`build/linux\` as it was, which differs from \`patches/\`"
	fi
	echo "- QEMU $(qemu-system-aarch64 --version | sed -n 's/.*version \([0-9.]*\).*/\1/p'), $("${CROSS}gcc" --version | head -n 1)"
}

results() {
	echo "# What it costs"
	echo
	echo "Written by \`make bench\`, which reproduces it: the same numbers on every run, or, where memory is allocated, within 5 %."
	echo
	provenance
	echo
	python3 "$ROOT/bench/table.py" "$RAW"
	profiles
	echo
	cat "$ROOT/bench/notes.md"
}

only_longest() {
	RAW=$BUILD/bench/raw.longest
	IMAGE=$(image "${IMAGE:-}" STOCK=0)
	MODULE=
	: > "$RAW"
	measure_longest
	python3 "$ROOT/bench/table.py" --plain --longest "$RAW"
}

main() {
	unset STOCK KVM EL2_DEBUG PAGE_SIZE CPU SMP GIC MEM OUT SRC SEED TEST APPEND EXTRA FILES ROOT_PORTS V
	mkdir -p "$BUILD/bench"
	exec 6>"$BUILD/bench/lock"
	flock -n 6 || die "another bench is running here"
	BENCH=$(guest_program "$ROOT/bench/bench.c")
	MANY=$(guest_program "$ROOT/tests/many.c")
	LONGEST=$(guest_program "$ROOT/bench/longest.c")
	if [ "${ARGS[0]:-}" = longest ]; then
		only_longest
		return
	fi
	images
	STRESS=$("$SCRIPTS/selftests.sh" SRC="$BASE" vgic_lpi_stress)/vgic_lpi_stress
	MODULE=$(module "$STOCK_IMAGE")
	NOKVM_MODULE=$(module "$NOKVM_STOCK_IMAGE")
	: > "$RAW"
	measure_all
	results > "$BUILD/bench/RESULTS.md"
	mv "$BUILD/bench/RESULTS.md" "$RESULTS"
	python3 "$ROOT/bench/plot.py" "$RESULTS" > "$ROOT/bench/costs.svg"
	python3 "$ROOT/bench/table.py" --plain "$RAW"
}

main
