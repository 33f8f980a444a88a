#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The checks for CI: "ok NAME" or "not ok NAME why", one line each.
# run.sh [driver|corpus|schedules|mutants[=PART/OF]]...; SEED=, ACTIONS= for the driver,
# JOBS= processes for the schedules.
set -euo pipefail

HERE=$(cd "$(dirname "$0")" && pwd)
ROOT=$(cd "$HERE/../.." && pwd)
export LINUX=${LINUX:-$ROOT/build/linux} O=${O:-$ROOT/build/model}
SEED=${SEED:-1} ACTIONS=${ACTIONS:-2000000} JOBS=${JOBS:-2}
declare -A PAGE=([12]=4k [14]=16k [16]=64k)
failed=0

ok() { echo "ok $*"; }
not_ok() { echo "not ok $*"; failed=1; }

# What went wrong, in one line.
why() { grep -aE -m 1 '^FAIL:|ERROR: AddressSanitizer|runtime error|error:' "$1" || tail -n 1 "$1"; }

build() {
	local log=$O/build.log
	mkdir -p "$O"
	make -s -C "$HERE" SHIFT="$1" > "$log" 2>&1 || { not_ok "model ${PAGE[$1]} $(why "$log")"; return 1; }
}

run_driver() {
	local shift_ actions log=$O/driver.log name
	for shift_ in 12 14 16; do
		build "$shift_" || continue
		actions=$ACTIONS
		[ "$shift_" = 12 ] || actions=$((ACTIONS / 4))
		name="model ${PAGE[$shift_]}: $actions actions, seed $SEED"
		if "$O/$shift_/model" -s "$SEED" -n "$actions" -o "$O/failed-$shift_.bin" > "$log" 2>&1; then
			ok "$name"
			sed 's/^/# /' "$log"
		else
			not_ok "$name, saved as $O/failed-$shift_.bin: $(why "$log")"
		fi
	done
	build 12 || return 0
	name="model 4k: $((ACTIONS / 8)) actions, and power that fails at any time"
	if "$O/12/model" -p -s "$SEED" -n $((ACTIONS / 8)) > "$log" 2>&1; then
		ok "$name"
	else
		not_ok "$name: $(why "$log")"
	fi
}

run_corpus() {
	local shift_ input log=$O/corpus.log bad nr
	for shift_ in 12 14 16; do
		build "$shift_" || continue
		bad=() nr=0
		for input in "$HERE"/corpus/*-"$shift_".bin; do
			nr=$((nr + 1))
			"$O/$shift_/model" "$input" > "$log" 2>&1 || bad+=("$(basename "$input"): $(why "$log")")
		done
		if [ ${#bad[@]} -eq 0 ]; then
			ok "model ${PAGE[$shift_]}: corpus, $nr inputs"
		else
			not_ok "model ${PAGE[$shift_]}: corpus, ${#bad[@]} of $nr inputs, first ${bad[0]}"
		fi
	done
}

# All schedules of each scenario, and the mutants that they have to find.
run_schedules() {
	local log=$O/schedules.log names
	build 12 || return 0
	if "$O/12/model" -S -j "$JOBS" > "$log" 2>&1; then
		ok "model 4k: $(tail -n 1 "$log")"
	else
		not_ok "model 4k: schedules, $(tail -n 1 "$log"): $(why "$log")"
	fi
	sed '/^==.*WARNING/d; s/^/# /' "$log"
	mapfile -t names < <(python3 "$HERE/mutants/apply.py" schedules)
	if SCHEDULES=1 "$HERE/mutants/run.sh" "${names[@]}" > "$log" 2>&1; then
		ok "model: schedules, $(tail -n 1 "$log")"
	else
		not_ok "model: schedules, $(tail -n 1 "$log"), see $log"
	fi
	sed 's/^/# /' "$log"
}

# All of them, or every OF-th, with the input that the corpus has for each.
run_mutants() {
	local log=$O/mutants.log part=${1:-1/1} names
	mkdir -p "$O"
	mapfile -t names < <(python3 "$HERE/mutants/apply.py" list |
		awk -v part="${part%/*}" -v of="${part#*/}" 'NR % of == part % of')
	if QUICK=1 "$HERE/mutants/run.sh" "${names[@]}" > "$log" 2>&1; then
		ok "model: $(tail -n 1 "$log")"
	else
		not_ok "model: $(tail -n 1 "$log"), see $log"
	fi
	sed 's/^/# /' "$log"
}

main() {
	local groups=("$@") group
	[ ${#groups[@]} -gt 0 ] || groups=(driver corpus schedules mutants)
	for group in "${groups[@]}"; do
		"run_${group%%=*}" "$(sed -n 's/^[^=]*=//p' <<< "$group")"
	done
	exit "$failed"
}

main "$@"
