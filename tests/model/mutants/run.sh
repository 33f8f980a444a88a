#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Breaks EL2's code in each way of mutants.txt and says which driver notices.
# run.sh [NAME...]; QUICK=1 asks the random driver only if the inputs of the corpus
# that are named after the mutant do not find it; FUZZ=seconds for the fuzzer and the
# corpus on each (0, the default, skips them); KEEP=folder saves the input with which
# the random driver found each; SCHEDULES=1 asks nobody but schedule.c,
# whose scenarios have to pass without any mutant: see ../run.sh.
set -euo pipefail

HERE=$(cd "$(dirname "$0")" && pwd)
ROOT=$(cd "$HERE/../../.." && pwd)
export LINUX=${LINUX:-$ROOT/build/linux} O=${O:-$ROOT/build/model}
EL2SRC=$LINUX/arch/arm64/kvm/hyp/nvhe
FUZZ=${FUZZ:-0} QUICK=${QUICK:-0} SCHEDULES=${SCHEDULES:-0}
ACTIONS=${ACTIONS:-600000} BOOT=${BOOT:-100}
missed=0
# How far the random driver had to go with each page size.
declare -A deepest=() built=()

build() { make -s -C "$HERE/.." "$@"; }
# Without a mutant, once.
build_unbroken() {
	[ -n "${built[$1]:-}" ] || build SHIFT="$1"
	built[$1]=1
}
build_mutant() { build SHIFT="$2" MUTANT="$O/mutants/$1" "${@:3}"; }

# The number of the page size in the name of an input.
shift_of() { sed -E 's/.*-([0-9]+)\.bin$/\1/' <<< "$1"; }

# What the failure was.
reason() {
	sed -nE 's/^FAIL: (.*)/\1/p; s/.*ERROR: (AddressSanitizer: [a-z-]*).*/\1/p; s/.*(runtime error: .*)/\1/p' <<< "$1" |
		head -n 1
}

# Sets $found to after how many actions, and $why. Both are "-" if it does not.
random_driver() {
	local name=$1 shift_ log input
	for shift_ in 12 16 14; do
		build_mutant "$name" "$shift_" || { why="does not build"; return 0; }
		input=${KEEP:+$KEEP/$name-$shift_.bin}
		if ! log=$("$O/mutants/$name/$shift_/model" -s 1 -n "$ACTIONS" -e "$BOOT" ${input:+-o "$input"} 2>&1); then
			found=$(sed -n 's/^seed .* action \([0-9]*\)$/\1/p' <<< "$log" | tail -n 1)
			why=$(reason "$log")
			[ "$found" -le "${deepest[$shift_]:-0}" ] || deepest[$shift_]=$found
			return 0
		fi
	done
	[ -z "${KEEP:-}" ] || rm -f "$KEEP/$name"-*.bin
}

# The same, from the inputs that the mutant has in the corpus, each of which must
# do no harm to EL2's code as it is.
own_inputs() {
	local name=$1 input shift_ log
	for input in "$HERE/../corpus/$name"-[0-9]*.bin; do
		[ -f "$input" ] || continue
		shift_=$(shift_of "$input")
		build_unbroken "$shift_"
		"$O/$shift_/model" "$input" > /dev/null 2>&1 || continue
		build_mutant "$name" "$shift_" || { why="does not build"; return 0; }
		if ! log=$("$O/mutants/$name/$shift_/model" "$input" 2>&1); then
			found="input"
			why=$(reason "$log")
			return 0
		fi
	done
}

# The schedules of the scenario that is named in mutants.txt, if one is.
schedules() {
	local name=$1 scenario log
	scenario=$(python3 "$HERE/apply.py" schedules "$name")
	[ -n "$scenario" ] || return 0
	build_unbroken 12
	if [ "$SCHEDULES" = 0 ] && ! log=$("$O/12/model" -S "$scenario" 2>&1); then
		why="EL2's code fails as it is in $scenario"
		return 0
	fi
	build_mutant "$name" 12 || { why="does not build"; return 0; }
	if ! log=$("$O/mutants/$name/12/model" -S "$scenario" 2>&1); then
		found="orders"
		why="$(sed -n 's/^schedule: //p' <<< "$log" | head -n 1): $(reason "$log")"
	fi
}

# How many inputs of the corpus fail, with the page size in their name.
corpus() {
	local name=$1 input shift_ nr=0
	[ "$FUZZ" -gt 0 ] || { echo "not run"; return 0; }
	for input in "$HERE"/../corpus/*.bin; do
		[ -f "$input" ] || continue
		shift_=$(shift_of "$input")
		[ -x "$O/mutants/$name/$shift_/model" ] || build_mutant "$name" "$shift_"
		"$O/mutants/$name/$shift_/model" "$input" > /dev/null 2>&1 || nr=$((nr + 1))
	done
	echo "$nr"
}

# From the corpus without the input that is named after the mutant.
fuzzer() {
	local name=$1 dir=$O/mutants/$1/fuzz
	[ "$FUZZ" -gt 0 ] || { echo "not run"; return 0; }
	mkdir -p "$dir/inputs" "$dir/found"
	find "$HERE/../corpus" -name '*-12.bin' ! -name "$name-*" -exec cp -t "$dir/inputs" {} +
	build_mutant "$name" 12 KIND=-fuzz || { echo "no build"; return 0; }
	if "$O/mutants/$name/12-fuzz/model" -max_total_time="$FUZZ" -seed=1 -max_len=8192 \
		-artifact_prefix="$dir/found/" "$dir/inputs" > "$dir/log" 2>&1; then
		echo "-"
	else
		echo "found"
	fi
}

one() {
	local name=$1 found="-" why="-" fuzz inputs
	rm -rf "$O/mutants/$name"
	if ! python3 "$HERE/apply.py" "$name" "$EL2SRC" "$O/mutants/$name" >&2; then
		printf '%-21s | DOES NOT APPLY\n' "$name"
		missed=$((missed + 1))
		return
	fi
	if [ "$SCHEDULES" = 1 ]; then
		schedules "$name"
	else
		[ "$QUICK" = 0 ] || own_inputs "$name"
		[ "$QUICK" = 0 ] || [ "$found" != "-" ] || schedules "$name"
		[ "$found" != "-" ] || random_driver "$name"
		[ "$found" != "-" ] || schedules "$name"
	fi
	inputs=$(corpus "$name")
	fuzz=$(fuzzer "$name")
	[ "$found" != "-" ] || missed=$((missed + 1))
	printf '%-21s | %7s | %-7s | %-7s | %s\n' "$name" "$found" "$fuzz" "$inputs" "$why"
	rm -rf "$O/mutants/$name"
}

# As far as it had to go for a mutant, EL2's code as it is does not fail.
unbroken_passes() {
	local shift_
	for shift_ in "${!deepest[@]}"; do
		build_unbroken "$shift_"
		"$O/$shift_/model" -s 1 -n $((deepest[$shift_] + BOOT)) -e "$BOOT" > /dev/null 2>&1 || return 1
	done
}

main() {
	local name names=("$@")
	[ ${#names[@]} -gt 0 ] || mapfile -t names < <(python3 "$HERE/apply.py" list)
	printf '%-21s | %7s | %-7s | %-7s | %s\n' mutant action fuzzer corpus 'what the driver says'
	for name in "${names[@]}"; do
		one "$name"
	done
	unbroken_passes || { echo "EL2's code fails as it is: see the driver first"; exit 1; }
	echo "${#names[@]} mutants, $missed missed"
	[ "$missed" -eq 0 ]
}

main "$@"
