#!/bin/bash
# selftests.sh [SRC=tree]: builds the KVM selftests of a tree, static for arm64;
# prints the folder of the programs.
. "$(dirname "$0")/lib.sh"
parse_args "$@"

SRC=${SRC:-$LINUX}

# Only what they are made of: an edit of the kernel proper does not rebuild them.
key() {
	{
		git -C "$SRC" ls-tree HEAD tools include/uapi arch/arm64/include
		git -C "$SRC" diff --no-ext-diff HEAD -- tools include/uapi arch/arm64/include
		untracked_sources "$SRC" | { grep -z "^tools/" || true; } | (cd "$SRC" && xargs -0 -r sha256sum)
		cat "$0"
	} | sha256sum | cut -c1-12
}

build() {
	local work=$1
	mkdir -p "$work/kvm" "$work/tools"
	kmake -C "$SRC" O="$work" headers
	kmake -C "$SRC/tools/testing/selftests/kvm" OUTPUT="$work/kvm" abs_objdir="$work" \
		CC="${CROSS}gcc" LDFLAGS=-static KHDR_INCLUDES="-isystem $work/usr/include" all
}

main() {
	local dir work prog
	dir=$BUILD/selftests/$(key)
	if [ ! -d "$dir" ]; then
		work=$dir.work
		rm -rf "$work"
		exec 9>"$BUILD/selftests.lock"
		flock -w 900 9 || die "another build holds build/selftests.lock"
		logged "$BUILD/log/selftests.log" "Building the KVM selftests" build "$work"
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
