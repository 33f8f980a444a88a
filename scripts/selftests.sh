#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# selftests.sh [SRC=tree] [--all | NAME...]: builds KVM selftests of a tree, static for arm64:
# these, all that the tree has, or all of configs/selftests* and our own; prints the folder of
# the programs.
. "$(dirname "$0")/lib.sh"
parse_args "$@"

SRC=${SRC:-$LINUX}
# Programs which are ours, on the library of the tree's.
OURS=(bypass)

is_ours() { [[ " ${OURS[*]} " = *" $1 "* ]]; }

# Only what they are made of: an edit of the kernel proper does not rebuild them.
key() {
	{
		git -C "$SRC" ls-tree HEAD tools include/uapi arch/arm64/include
		git -C "$SRC" diff --no-ext-diff HEAD -- tools include/uapi arch/arm64/include
		untracked_sources "$SRC" | { grep -z "^tools/" || true; } | (cd "$SRC" && xargs -0 -r sha256sum)
		cat "$0"
		local name
		for name in "${OURS[@]}"; do cat "$ROOT/tests/$name"/*.[ch]; done
		echo "${NAMES[@]}"
	} | sha256sum | cut -c1-12
}

# all_names: the programs which the tree's Makefile has for arm64
all_names() {
	sed -nE 's/^TEST_GEN_PROGS(_EXTENDED)?_(arm64|COMMON) *\+?= *([a-z].*)/\3/p' "$SRC/tools/testing/selftests/kvm/Makefile.kvm" |
		xargs -n 1 basename | sort -u
}

# targets FOLDER: what make calls these programs of the tree
targets() {
	local name source
	for name in "${NAMES[@]}"; do
		! is_ours "$name" || continue
		# Some are in two files of that name, of which the one further up is the program's.
		source=$(cd "$SRC/tools/testing/selftests/kvm" && find . -name "$name.c" ! -path './lib/*' \
			\( -path './arm64/*' -o ! -path './*/*' \) -printf '%d %P\n' | sort -n | sed 's/^[0-9]* //; q')
		[ -n "$source" ] || die "no selftest $name"
		echo "$1/${source%.c}"
	done
}

make_programs() {
	local work=$1
	shift
	kmake -C "$SRC/tools/testing/selftests/kvm" OUTPUT="$work/kvm" abs_objdir="$work" \
		CC="${CROSS}gcc" LDFLAGS=-static KHDR_INCLUDES="-isystem $work/usr/include" "$@"
}

build() {
	local work=$1 programs name
	programs=$(targets "$work/kvm") || return 1
	mkdir -p "$work/kvm" "$work/tools"
	kmake -C "$SRC" O="$work" headers || return 1
	# shellcheck disable=SC2086
	[ -z "$programs" ] || make_programs "$work" $programs || return 1
	# To the tree's rules they are programs of its own, and their sources where make finds them.
	for name in "${NAMES[@]}"; do
		! is_ours "$name" || make_programs "$work" TEST_GEN_PROGS_EXTENDED="$work/kvm/$name" \
			VPATH="$ROOT/tests/$name" "$work/kvm/$name" || return 1
	done
}

main() {
	local dir work prog
	NAMES=("${ARGS[@]}")
	[ "${ARGS[*]}" != --all ] || mapfile -t NAMES < <(all_names)
	[ ${#NAMES[@]} -gt 0 ] || mapfile -t NAMES < <(sed '/^#/d; s/ .*//' "$ROOT"/configs/selftests*; printf '%s\n' "${OURS[@]}")
	dir=$BUILD/selftests/$(key)
	if [ ! -d "$dir" ]; then
		work=$dir.work
		rm -rf "$work"
		exec 9>"$BUILD/selftests.lock"
		lock_or_wait 9 900 "another build of selftests (build/selftests.lock)"
		STEPS=1050 logged "$BUILD/log/selftests.log" "Building the KVM selftests" build "$work"
		mkdir -p "$dir.new"
		find "$work/kvm" -type f -perm -u+x ! -name '*.*' -print0 |
			while IFS= read -r -d '' prog; do
				"${CROSS}strip" -o "$dir.new/$(basename "$prog")" "$prog"
			done
		rm -rf "$work"
		mv "$dir.new" "$dir"
	fi
	echo "$dir"
}

main
