#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# image.sh [PAGE_SIZE=4k|16k|64k] [STOCK=1] [KVM=0] [EL2_DEBUG=0] [ACPI=1|gicc] [CHECK=1] [GDB=1]
# ACPI: with what it takes to boot by UEFI and ACPI, and to boot a crash kernel.
# CHECK: EL2 checks its records after each change.
# GDB: with the lines and types which a debugger reads; vmlinux is beside the Image.
# Builds a kernel and prints the Image's path. What was built once is found
# again by the hash of its source, configuration and compiler.
# SRC=tree and OUT=folder build another tree; SEED=folder starts from its objects.
. "$(dirname "$0")/lib.sh"
parse_args "$@"
no_args

PAGE_SIZE=${PAGE_SIZE:-4k} STOCK=${STOCK:-0} KVM=${KVM:-1} EL2_DEBUG=${EL2_DEBUG:-1} ACPI=${ACPI:-} CHECK=${CHECK:-} GDB=${GDB:-0}

variant_name() {
	local name=$PAGE_SIZE
	[ "$KVM" != 0 ] || name+=-nokvm
	[ "$EL2_DEBUG" != 0 ] || name+=-nodebug
	[ -z "$ACPI" ] || name+=-acpi
	[ -z "$CHECK" ] || name+=-check
	[ "$GDB" = 0 ] || name+=-gdb
	echo "$name"
}

# The fragments of this variant, in one: what a later one says overrides.
fragment() {
	local files=("$ROOT/configs/kernel.config" "$ROOT/configs/$PAGE_SIZE.config")
	[ "$KVM" != 0 ] || files+=("$ROOT/configs/nokvm.config")
	[ "$EL2_DEBUG" != 0 ] || files+=("$ROOT/configs/nodebug.config")
	[ -z "$ACPI" ] || files+=("$ROOT/configs/acpi.config")
	[ -z "$CHECK" ] || files+=("$ROOT/configs/check.config")
	[ "$GDB" = 0 ] || files+=("$ROOT/configs/gdb.config")
	cat "${files[@]}"
}

build_key() {
	{
		tree_hash "$1"
		fragment
		"${CROSS}gcc" --version
	} | sha256sum | cut -c1-12
}

stock_tree() {
	local src=$BUILD/base/linux want
	want=$(git -C "$LINUX" rev-parse 'base^{commit}')
	if [ "$(git -C "$src" rev-parse HEAD 2>/dev/null)" != "$want" ]; then
		say "Checking out the unpatched base"
		rm -rf "$BUILD/base"
		git clone -q --shared --no-checkout "$LINUX" "$src" >&2
		git -C "$src" -c advice.detachedHead=false checkout -q "$want" >&2
	fi
	echo "$src"
}

# Kconfig drops what it cannot have without a word: compare.
check_config() {
	local config=$1 line missing=()
	while read -r line; do
		grep -qxF "$line" "$config" || missing+=("$line")
	done < <(grep -E '^CONFIG_' "$OUT/fragment" | awk -F= '{ v[$1] = $0 } END { for (k in v) print v[k] }')
	[ "$KVM" = 1 ] && [ "$EL2_DEBUG" = 1 ] || return 0
	[ ${#missing[@]} -eq 0 ] || die "the configuration lacks: ${missing[*]}"
}

is_configured() {
	[ -f "$OUT/.config" ] && cmp -s <(fragment) "$OUT/fragment" &&
		[ -z "$(find "$SRC" -name 'Kconfig*' -newer "$OUT/.config" -print -quit)" ]
}

configure() {
	mkdir -p "$OUT"
	rm -f "$OUT/.config"	# interrupted here, is_configured must not take the old one
	fragment > "$OUT/fragment"
	kmake -C "$SRC" O="$OUT" KCONFIG_ALLCONFIG="$OUT/fragment" allnoconfig
}

seed() {
	[ -n "${SEED:-}" ] && [ ! -e "$OUT" ] || return 0
	mkdir -p "$(dirname "$OUT")"
	cp -a "$SEED" "$OUT"
}

# So many files are compiled and linked when there is nothing yet.
steps() {
	[ ! -e "$OUT/vmlinux" ] || { echo 0; return; }
	if [ -n "$ACPI" ]; then echo 1826; else echo 1450; fi
}

build() {
	local name=$1 log
	log=$BUILD/log/image-$name.log
	seed
	is_configured || logged "$log.config" "Configuring $name" configure
	check_config "$OUT/.config"
	STEPS=$(steps) logged "$log" "Building $name" kmake -C "$SRC" O="$OUT" Image modules
}

store() {
	local dir=$1
	rm -rf "$dir.new"
	mkdir -p "$dir.new"
	cp "$OUT/arch/arm64/boot/Image" "$OUT/.config" "$OUT/System.map" "$OUT/vmlinux" "$dir.new/"
	find "$OUT/drivers" -name '*.ko' -exec cp {} "$dir.new/" \;
	rm -rf "$dir"
	mv "$dir.new" "$dir"
}

main() {
	local name key dir
	[ -n "${SRC:-}" ] || { "$SCRIPTS/deps.sh"; "$SCRIPTS/tree.sh" --soft; }
	name=$(variant_name)
	if [ "$STOCK" = 1 ]; then
		SRC=$(stock_tree)
		OUT=${OUT:-$BUILD/base/out/$name}
	fi
	SRC=${SRC:-$LINUX}
	OUT=${OUT:-$BUILD/out/$name}
	key=$(build_key "$SRC")
	dir=$BUILD/images/$name-$key
	if [ ! -f "$dir/Image" ] || [ ! -f "$dir/vmlinux" ]; then
		exec 9>"$BUILD/image.lock"
		lock_or_wait 9 3600 "another build of a kernel (build/image.lock)"
		build "$name"
		[ "$(build_key "$SRC")" = "$key" ] || say "note: the tree changed during the build"
		store "$dir"
	fi
	echo "$dir/Image"
}

main
