#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# check-break.sh [NAME...] [SRC=tree] [OUT=folder] [SEED=folder] [CPU=cortex-a53] [GIC=3]
# Does the check in EL2 (CONFIG_PKVM_ITS_CHECK) bite? Breaks a copy of the kernel in each way
# of tests/check/*.patch, builds and boots that, and wants EL2 to panic with the name of the
# invariant. The broken code says itself why the self test of EL2 does not see it first.
# SRC is the tree that is copied, with what is not committed; OUT where the copy is built;
# SEED, objects to begin with, as image.sh has it.
. "$(dirname "$0")/../scripts/lib.sh"
parse_args "$@"

DIR=$ROOT/tests/check
SRC=${SRC:-$LINUX}
COPY=${COPY:-$BUILD/check/linux} OUT=${OUT:-$BUILD/check/out} CPU=${CPU:-cortex-a53} GIC=${GIC:-3}

field() { sed -n "s/^$2: //p" "$DIR/$1.patch"; }

copy_is() { git -C "$COPY" "$@"; }

# A clone, so that SRC is left alone; only the files that differ are written.
copy_tree() {
	local head
	head=$(git -C "$SRC" rev-parse HEAD)
	if ! copy_is cat-file -e "$head" 2>/dev/null; then
		rm -rf "$COPY"
		mkdir -p "$(dirname "$COPY")"
		git clone -q --shared --no-checkout "$SRC" "$COPY"
	fi
	copy_is -c advice.detachedHead=false checkout -q --detach -f "$head"
	copy_is clean -qfd
	git -C "$SRC" diff --no-ext-diff --binary HEAD > "$COPY.diff"
	[ ! -s "$COPY.diff" ] || copy_is apply "$COPY.diff"
	(cd "$SRC" && untracked_sources . | xargs -0 -r cp --parents -t "$COPY")
}

image() {
	SRC=$COPY OUT=$OUT SEED=${SEED:-} PAGE_SIZE=4k STOCK=0 KVM=1 EL2_DEBUG=1 ACPI='' CHECK=1 "$SCRIPTS/image.sh"
}

# panics NAME: the broken kernel does, for the reason that it should
panics() {
	local name=$1 expect image console
	expect=$(field "$name" Expect)
	copy_is apply "$DIR/$name.patch" || { echo "not ok check $name: the patch does not apply"; return 1; }
	image=$(image) || image=
	copy_is apply -R "$DIR/$name.patch"
	[ -n "$image" ] || { echo "not ok check $name: does not build"; return 1; }
	console=$(mktemp "$BUILD/log/check-break.XXXXXX")
	# shellcheck disable=SC2046
	"$SCRIPTS/run-test.sh" $(field "$name" Test) IMAGE="$image" CPU="$CPU" GIC="$GIC" \
		OUT="$console" > "$console.out" 2>&1 || true
	rm -rf "$(dirname "$image")"
	if grep -qa "hyp BUG at: ITS check: $expect:" "$console"; then
		echo "ok check $name: EL2 panics, as \"$expect\" does not hold"
		rm -f "$console" "$console.out"
		return
	fi
	echo "not ok check $name: no panic with \"$expect\" ($console)"
	grep -a -m 1 -A 12 'hyp BUG\|hyp panic' "$console" | sed 's/^/  /'
	tail -n 10 "$console.out" | sed 's/^/  /'
	return 1
}

main() {
	local name failed=0
	if [ ${#ARGS[@]} -eq 0 ]; then
		mapfile -t ARGS < <(find "$DIR" -name '*.patch' -printf '%f\n' | sed 's/\.patch$//' | sort)
	fi
	mkdir -p "$BUILD/log"
	copy_tree
	for name in "${ARGS[@]}"; do
		[ -f "$DIR/$name.patch" ] || die "no $name.patch"
		panics "$name" || failed=1
	done
	return $failed
}

main
