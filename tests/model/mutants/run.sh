#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Breaks EL2's code in each way of mutants.txt and says which driver notices.
# run.sh [NAME...]; FUZZ=seconds for the fuzzer and the corpus on each (0, the
# default, skips them); KEEP=folder saves the input with which the random driver
# found each.
set -euo pipefail

HERE=$(cd "$(dirname "$0")" && pwd)
ROOT=$(cd "$HERE/../../.." && pwd)
export LINUX=${LINUX:-$ROOT/build/linux} O=${O:-$ROOT/build/model}
EL2SRC=$LINUX/arch/arm64/kvm/hyp/nvhe
FUZZ=${FUZZ:-0}
ACTIONS=${ACTIONS:-600000} BOOT=${BOOT:-100}
missed=0

build() { make -s -C "$HERE/.." EL2FLAGS=-w "$@"; }

# After how many actions, and what the failure was.
reason() {
	sed -n 's/^seed .* action \([0-9]*\)$/\1/p' <<< "$1" | tail -n 1 | tr '\n' ' '
	sed -nE 's/^FAIL: (.*)/\1/p; s/.*ERROR: (AddressSanitizer: [a-z-]*).*/\1/p; s/.*(runtime error: .*)/\1/p' <<< "$1" |
		head -n 1
}

random_driver() {
	local name=$1 shift_ log input src=$O/mutants/$1
	[ "$name" != unbroken ] || src=$EL2SRC
	for shift_ in 12 16 14; do
		build SHIFT=$shift_ VARIANT="-$name" EL2SRC="$src" || { echo "does not build"; return 0; }
		input=${KEEP:+$KEEP/$name-$shift_.bin}
		if ! log=$("$O/$shift_/model-$name" -s 1 -n "$ACTIONS" -e "$BOOT" ${input:+-o "$input"} 2>&1); then
			reason "$log"
			return 0
		fi
	done
	[ -z "${KEEP:-}" ] || rm -f "$KEEP/$name"-*.bin
	echo "-"
}

# How many inputs of the corpus fail, with the page size in their name.
corpus() {
	local name=$1 input shift_ found=0
	[ "$FUZZ" -gt 0 ] || { echo "not run"; return 0; }
	for input in "$HERE"/../corpus/*.bin; do
		[ -f "$input" ] || continue
		shift_=$(sed -E 's/.*-([0-9]+)\.bin$/\1/' <<< "$input")
		[ -x "$O/$shift_/model-$name" ] ||
			build SHIFT="$shift_" VARIANT="-$name" EL2SRC="$O/mutants/$name"
		"$O/$shift_/model-$name" "$input" > /dev/null 2>&1 || found=$((found + 1))
	done
	echo "$found"
}

# From the corpus without the input that is named after the mutant.
fuzzer() {
	local name=$1 dir=$O/mutants/$1-fuzz
	[ "$FUZZ" -gt 0 ] || { echo "not run"; return 0; }
	rm -rf "$dir"
	mkdir -p "$dir/inputs" "$dir/found"
	find "$HERE/../corpus" -name '*-12.bin' ! -name "$name-*" -exec cp -t "$dir/inputs" {} +
	build KIND=-fuzz VARIANT="-$name" EL2SRC="$O/mutants/$name" || { echo "no build"; return 0; }
	if "$O/12-fuzz/model-$name" -max_total_time="$FUZZ" -seed=1 -max_len=8192 \
		-artifact_prefix="$dir/found/" "$dir/inputs" > "$dir.log" 2>&1; then
		echo "-"
	else
		echo "found"
	fi
	rm -rf "$dir"
}

one() {
	local name=$1 random fuzz inputs
	rm -rf "$O/mutants/$name"
	if ! python3 "$HERE/apply.py" "$name" "$EL2SRC" "$O/mutants/$name" >&2; then
		printf '%-21s | DOES NOT APPLY\n' "$name"
		missed=$((missed + 1))
		return
	fi
	random=$(random_driver "$name")
	inputs=$(corpus "$name")
	fuzz=$(fuzzer "$name")
	[[ $random =~ ^[0-9]+\  ]] || missed=$((missed + 1))
	printf '%-21s | %7s | %-7s | %-7s | %s\n' "$name" "${random%% *}" "$fuzz" "$inputs" "${random#* }"
	rm -rf "$O"/*/model-"$name" "$O"/*/el2-"$name"
}

main() {
	local name names=("$@")
	[ ${#names[@]} -gt 0 ] || mapfile -t names < <(python3 "$HERE/apply.py" list)
	printf '%-21s | %7s | %-7s | %-7s | %s\n' mutant action fuzzer corpus 'what the random driver says'
	random_driver unbroken | grep -qx -- - || { echo "EL2's code fails as it is: see the driver first"; exit 1; }
	for name in "${names[@]}"; do
		one "$name"
	done
	echo "${#names[@]} mutants, $missed missed by the random driver"
	[ "$missed" -eq 0 ]
}

main "$@"
