#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# libFuzzer for T seconds, from the corpus, then what it covers of its_*.c
# together with a run of the random driver. SHIFT=12|14|16, OUT= keeps the inputs.
set -euo pipefail

HERE=$(cd "$(dirname "$0")" && pwd)
ROOT=$(cd "$HERE/../.." && pwd)
for arg in "$@"; do
	[[ $arg =~ ^[A-Z]+= ]] || { echo "usage: $0 [T=seconds] [SHIFT=12]" >&2; exit 2; }
	export "${arg?}"
done
export LINUX=${LINUX:-$ROOT/build/linux} O=${O:-$ROOT/build/model}
T=${T:-60} SHIFT=${SHIFT:-12}
OUT=${OUT:-$O/fuzz-$SHIFT}
LLVM=$(dirname "$(readlink -f "$(command -v clang)")")

# A finding ends a replay without a profile.
coverage() {
	local model=$O/$SHIFT-cov/model
	rm -f "$OUT"/*.profraw
	LLVM_PROFILE_FILE=$OUT/inputs.profraw "$model" "$OUT"/inputs/* > /dev/null 2>&1 || true
	LLVM_PROFILE_FILE=$OUT/random.profraw "$model" -n 200000 > /dev/null 2>&1 || true
	compgen -G "$OUT/*.profraw" > /dev/null || { echo "no coverage: nothing runs to its end"; return 0; }

	"$LLVM/llvm-profdata" merge -o "$OUT/all.profdata" "$OUT"/*.profraw
	"$LLVM/llvm-cov" report "$model" -instr-profile="$OUT/all.profdata" -show-region-summary=false |
		sed 's|^[^ ]*/||' | awk '/^Filename|^its_.*\.c/'
	"$LLVM/llvm-cov" show "$model" -instr-profile="$OUT/all.profdata" -show-branches=count > "$OUT/coverage.txt"
	echo "line by line: $OUT/coverage.txt"
}

main() {
	local log=$OUT.log found=0
	make -s -C "$HERE" SHIFT="$SHIFT" KIND=-fuzz
	make -s -C "$HERE" SHIFT="$SHIFT" KIND=-cov
	mkdir -p "$OUT/inputs" "$OUT/findings"

	"$O/$SHIFT-fuzz/model" -max_total_time="$T" -max_len=8192 -len_control=20 \
		-artifact_prefix="$OUT/findings/" "$OUT/inputs" "$HERE/corpus" > "$log" 2>&1 || true
	grep -aE '^(actions:|Done )' "$log" || tail -n 30 "$log"

	coverage
	found=$(find "$OUT/findings" -type f | wc -l)
	echo "findings: $found"
	find "$OUT/findings" -type f
	[ "$found" -eq 0 ]
}

main
