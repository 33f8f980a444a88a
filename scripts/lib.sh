# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# Sourced by every script: paths, messages, KEY=VALUE arguments, clean tools.
set -euo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
SCRIPTS=$ROOT/scripts
BUILD=${BUILD:-$ROOT/build}
LINUX=$BUILD/linux
# shellcheck disable=SC2034
CACHE=$BUILD/cache
PATCHES=$ROOT/patches
PARTS=$PATCHES/parts
PATCH_FILES='[0-9][0-9][0-9][0-9]-*.patch'
# shellcheck disable=SC2034
STAMP=$BUILD/tree.stamp
# On an arm64 machine the compiler is its own.
CROSS=aarch64-linux-gnu-
[ "$(uname -m)" != aarch64 ] || CROSS=

AUTHOR_NAME='pKVM ITS'
AUTHOR_MAIL='pkvm-its@localhost'
FIXED_DATE='Thu, 1 Jan 2026 00:00:00 +0000'

# The device of tests/bypass, and how the ITS knows it.
# shellcheck disable=SC2034
EDU='-device edu,addr=10' EDU_ID=0x80

# Ctrl-C reaches all that run in the foreground. Who called this must see that it ended so, also
# if what it waited for ended by itself.
trap 'trap - INT; kill -INT $$' INT

# end_tree PID: it and all that it started
end_tree() {
	local child
	for child in $(ps -o pid= --ppid "$1"); do end_tree "$child"; done
	kill "$1" 2>/dev/null || true
}

# lock_or_wait FD SECONDS WHAT: a lock that another may hold for long
lock_or_wait() {
	flock -n "$1" && return
	say "waiting for $3"
	flock -w "$2" "$1" || die "$3: no end within $2 s"
}

say() { echo "$*" >&2; }
WHO=${0##*/}
die() { echo "$WHO: $*" >&2; exit 1; }

. "$SCRIPTS/options.sh"

# KEY=VALUE arguments become variables; the others stay in ARGS.
parse_args() {
	ARGS=()
	local arg
	for arg in "$@"; do
		if [[ $arg =~ ^[A-Za-z_][A-Za-z0-9_]*= ]]; then
			# options.sh has the common ones; a script's help may name more, and says what they are.
			rule "${arg%%=*}" || help | grep -qE "(^|[^A-Za-z0-9_])${arg%%=*}=" || no_option "${arg%%=*}"
			printf -v "${arg%%=*}" '%s' "${arg#*=}"
			export "${arg%%=*}"
		else
			ARGS+=("$arg")
		fi
	done
	check_options
}

# For a script which takes options only.
no_args() { [ ${#ARGS[@]} -eq 0 ] || die "takes no argument '${ARGS[0]}', only NAME=value: see --help"; }

# The caller's git settings and make flags must not change what we produce.
unset MAKEFLAGS MFLAGS MAKEOVERRIDES MAKELEVEL
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1 GIT_OPTIONAL_LOCKS=0 LC_ALL=C

# git_of TREE ...: git in a tree which may be another user's; nothing of it is written
git_of() { git -c safe.directory='*' -C "$@"; }

# tree_path PATH: of KERNEL_TREE; the shell leaves a ~ behind a = as it is
tree_path() {
	local path=$1
	# shellcheck disable=SC2088
	[[ $path != '~/'* ]] || path=$HOME/${path:2}
	realpath -m "$path"
}

# The text at the head of a script is its help.
help() { awk 'NR > 1 && !/^#/ { exit } NR > 1 && !/SPDX|shellcheck/ { sub(/^# ?/, ""); print }' "$0"; }

# What no script can do without.
check_place() {
	case $BUILD in
	*[[:space:]:]*) die "the kernel cannot be built in a folder with a space or a colon in its path: $BUILD" ;;
	esac
	case $ROOT in
	*[[:space:]:]*) die "a space or a colon is in the path of this folder, and Linux cannot be built so: $ROOT" ;;
	esac
	mkdir -p "$BUILD" 2>/dev/null && [ -w "$BUILD" ] || die "no write access to $BUILD"
	local other
	other=$(find "$BUILD" -maxdepth 1 ! -type l ! -writable -print -quit)
	[ -z "$other" ] || die "no write access to $other: did another user build here?"
}

case ${1:-} in
--help | -h) help; exit ;;
esac
check_place

fixed_git() {
	GIT_COMMITTER_NAME=$AUTHOR_NAME GIT_COMMITTER_EMAIL=$AUTHOR_MAIL GIT_COMMITTER_DATE=$FIXED_DATE \
	GIT_AUTHOR_NAME=$AUTHOR_NAME GIT_AUTHOR_EMAIL=$AUTHOR_MAIL GIT_AUTHOR_DATE=$FIXED_DATE \
		git -c gc.auto=0 "$@"
}

# Kernel make, without anything of the caller's environment.
kmake() {
	env -i PATH="$PATH" HOME="${HOME:-/}" LC_ALL=C \
		KBUILD_BUILD_TIMESTAMP="$FIXED_DATE" KBUILD_BUILD_USER=pkvm-its KBUILD_BUILD_HOST=localhost \
		timeout --foreground -k 10 "${KMAKE_LIMIT:-3000}" make --no-print-directory -j"$(nproc)" ARCH=arm64 CROSS_COMPILE=$CROSS LOCALVERSION= "$@"
}

# New sources which git does not know yet: Debian's .gitignore would hide them.
untracked_sources() {
	git -C "$1" ls-files -z --others -- '*.c' '*.h' '*.S' '*.sh' '*.rst' '*Kconfig*' '*Makefile*' '*Kbuild*'
}

uncommitted() {
	git -C "$1" status --porcelain --untracked-files=no
	untracked_sources "$1" | tr '\0' '\n'
}

# A hash of the tree as it is on disk, uncommitted work included.
tree_hash() {
	local src=$1
	{
		git -C "$src" rev-parse 'HEAD^{tree}'
		git -C "$src" diff --no-ext-diff HEAD
		untracked_sources "$src" | (cd "$src" && xargs -0 -r sha256sum)
	} | sha256sum | cut -c1-16
}

# The patches, not what was written by hand beside them.
patches_hash() {
	[ -d "$PATCHES" ] || { echo none; return; }
	(cd "$PATCHES" && find . -maxdepth 2 -name "$PATCH_FILES" -print0 | sort -z | xargs -0 -r sha256sum) |
		sha256sum | cut -c1-16
}

# The parts in order, from patches/parts: folder, a tab, the subject of its last patch.
parts() {
	[ -f "$PARTS" ] || die "no ${PARTS#"$ROOT"/}, which names the parts of the series"
	sed -E '/^[[:space:]]*(#|$)/d; s/[[:space:]]+$//; s/[[:space:]]+/\t/' "$PARTS"
}

part_names() { parts | cut -f1; }

# part_of NUMBER|NAME: the name of a part, or nothing
part_of() { part_names | awk -v want="$1" '$0 == want || $0 + 0 "" == want { print; exit }'; }

part_patches() { find "$PATCHES/$1" -maxdepth 1 -name "$PATCH_FILES" 2>/dev/null | sort; }

series_patches() {
	local part
	for part in $(part_names); do part_patches "$part"; done
}

patch_subject() { git mailinfo /dev/null /dev/null < "$1" | sed -n 's/^Subject: //p'; }

# Whether patches/parts can be understood; folders go by their leading number.
check_part_names() {
	local part number last=-1
	[ -n "$(part_names)" ] || die "patches/parts names no part"
	while IFS=$'\t' read -r part _; do
		[[ $part =~ ^[0-9]+-[A-Za-z0-9._-]+$ ]] || die "patches/parts: '$part' is not <number>-<name>"
		number=$((10#${part%%-*}))
		[ "$number" -gt "$last" ] || die "patches/parts: $part does not come after number $last"
		last=$number
	done < <(parts)
}

# Whether the folders are what patches/parts says.
check_parts() {
	local part subject last dir
	check_part_names
	[ -z "$(find "$PATCHES" -maxdepth 1 -name "$PATCH_FILES" -print -quit)" ] ||
		die "patches/ has patches that are in no part's folder"
	while IFS= read -r dir; do
		part_names | grep -qxF "$(basename "$dir")" ||
			die "patches/$(basename "$dir") has patches, but patches/parts does not name it"
	done < <(find "$PATCHES" -mindepth 2 -maxdepth 2 -name "$PATCH_FILES" -printf '%h\n' | sort -u)
	while IFS=$'\t' read -r part subject; do
		last=$(part_patches "$part" | tail -n 1)
		[ -n "$last" ] || die "part $part has no patches"
		[ "$(patch_subject "$last")" = "$subject" ] ||
			die "patches/parts: part $part ends with '$subject', its last patch is $(basename "$last"): 'make export' moves patches to where patches/parts wants them"
	done < <(parts)
}

# part_bounds [TREE [BASE [HEAD]]]: "N-name first last" for each part: first..last are its
# commits. They are found by the subject of the last one, which a rebase leaves alone.
part_bounds() {
	local tree=${1:-$LINUX} base=${2:-base} head=${3:-HEAD}
	check_part_names
	awk -F'\t' -v base="$(git -C "$tree" rev-parse "$base^{commit}")" '
		function bad(why) { print "part " name[p] ": " why > "/dev/stderr"; failed = 1; exit 1 }
		NR == FNR { name[++parts] = $1; last[parts] = $2; next }
		{ id[++commits] = $1; subject[commits] = substr($0, length($1) + 2) }
		END {
			if (failed) exit 1
			for (p = 1; p <= parts; p++) {
				found = 0
				for (c = 1; c <= commits; c++) {
					if (subject[c] != last[p]) continue
					if (found) bad("two commits have the subject \"" last[p] "\", its last one in patches/parts")
					found = c
				}
				if (!found) bad("no commit has the subject \"" last[p] "\", its last one in patches/parts")
				if (found == end) bad("it has no patches: it ends where the part before it does")
				if (found < end) bad("out of order: \"" last[p] "\" comes before the end of the part before it")
				line[p] = name[p] " " (end ? id[end] : base) " " id[found]
				end = found
			}
			p = parts
			if (end < commits) bad(commits - end " commits come after its last one, the last of which is \"" subject[commits] "\"")
			for (p = 1; p <= parts; p++) print line[p]
		}' <(parts) <(git -C "$tree" log --reverse --format='%H%x09%s' "$base..$head")
}

# tag_parts [TREE]: part/<N>-<name> on the last commit of each part, and on nothing else
tag_parts() {
	local tree=${1:-$LINUX} bounds part last tag
	bounds=$(part_bounds "$tree") || return 1
	for tag in $(git -C "$tree" tag -l 'part/*'); do
		grep -q "^${tag#part/} " <<< "$bounds" || git -C "$tree" tag -d "$tag" >/dev/null
	done
	while read -r part _ last; do
		git -C "$tree" tag -f "part/$part" "$last" >/dev/null
	done <<< "$bounds"
}

# Runs a command with its output in a log; shows a counter, and the end of the log if it fails.
# STEPS= about how many lines that will be.
logged() {
	local log=$1 what=$2
	shift 2
	mkdir -p "$(dirname "$log")"
	say "$what (log: ${log#"$ROOT"/})"
	if ! "$@" 2>&1 | tee "$log" |
	     awk -v all="${STEPS:-0}" '
		function now(  t) { "date +%s" | getline t; close("date +%s"); return t }
		BEGIN { began = now() }
		NR % 250 == 0 && all <= NR { printf "  ... %d steps\n", NR; fflush() }
		NR % 250 == 0 && all > NR {
			left = (now() - began) * (all - NR) / NR
			printf "  ... %d of about %d steps, %d s left\n", NR, all, left
			fflush()
		}' >&2; then
		tail -n 30 "$log" >&2
		die "failed: $what"
	fi
}

# attack_program: tests/its on the library of the KVM selftests, for arm64; prints its path
attack_program() {
	local tools=$LINUX/tools kvm=$LINUX/tools/testing/selftests/kvm dir sources
	sources=("$ROOT"/tests/its/*.c "$kvm"/lib/arm64/its_host*.c)
	dir=$BUILD/its_attack-$(cat "${sources[@]}" "$ROOT"/tests/its/*.h "$kvm"/include/arm64/its_host*.h |
		sha256sum | cut -c1-12)
	[ -x "$dir/its_attack" ] || {
		mkdir -p "$dir"
		"${CROSS}gcc" -static -O2 -Wall -Werror -std=gnu99 -D_GNU_SOURCE= -fno-strict-aliasing -pthread \
			-I"$tools/include" -I"$kvm/include" -I"$kvm/include/arm64" -I"$tools/testing/selftests" \
			-o "$dir/its_attack.$$" "${sources[@]}" && mv "$dir/its_attack.$$" "$dir/its_attack"
	}
	echo "$dir/its_attack"
}

build_module() {
	local tree=$1 config=$2 source=$3 work=$4
	cp "$config" "$work/out/.config"
	cp "$source".[ch] "$(dirname "$source")/Kbuild" "$work/module/"
	kmake -C "$tree" O="$work/out" olddefconfig modules_prepare || return 1
	# The kernel itself is not built here, so nobody can tell what it exports.
	kmake -C "$tree" O="$work/out" M="$work/module" KBUILD_MODPOST_WARN=1 modules
}

# kernel_module TREE IMAGE FOLDER: the module whose Kbuild and sources are in FOLDER, built with
# the headers of TREE and the configuration beside IMAGE; prints its path
kernel_module() {
	local tree=$1 config folder=$3 name dir
	config=$(dirname "$2")/.config
	[ -f "$config" ] || die "no .config beside $2"
	name=$(sed -n 's/^obj-m := \(.*\)\.o$/\1/p' "$folder/Kbuild")
	dir=$BUILD/module/$name-$( {
		cat "$config" "$folder/$name".[ch] "$folder/Kbuild"
		git -C "$tree" rev-parse HEAD
		git -C "$tree" diff --no-ext-diff HEAD -- include arch/arm64/include
		"${CROSS}gcc" --version
	} 2>/dev/null | sha256sum | cut -c1-12)
	if [ ! -f "$dir/$name.ko" ]; then
		rm -rf "$dir"
		mkdir -p "$dir/out" "$dir/module"
		logged "$BUILD/log/module-$name.log" "Building the module $name" \
			build_module "$tree" "$config" "$folder/$name" "$dir"
		cp "$dir/module/$name.ko" "$dir/"
		rm -rf "$dir/out" "$dir/module"
	fi
	echo "$dir/$name.ko"
}

# guest_program SOURCE: a C program, built for arm64; prints its path
guest_program() {
	local out
	out=$BUILD/$(basename "$1" .c)-$(sha256sum < "$1" | cut -c1-12)
	[ -x "$out" ] || { "${CROSS}gcc" -static -O2 -Wall -Werror -o "$out.$$" "$1" && mv "$out.$$" "$out"; }
	echo "$out"
}

# real_guest: for qemu.sh, a machine with what tests/guest/vmm.sh needs: an SMMU with a device
# behind it, a VMM, the kernel and the initramfs of its guest
real_guest() {
	local vmm initramfs
	IMAGE=${IMAGE:-$(ACPI=1 "$SCRIPTS/image.sh")}	# its configuration has VFIO, too
	vmm=$("$SCRIPTS/fetch.sh" vmm)
	initramfs=$("$SCRIPTS/initramfs.sh" "lib/virtio_blk.ko=$(dirname "$IMAGE")/virtio_blk.ko")
	FILES="${FILES:-} vmm=$vmm guest/Image=$IMAGE guest/initramfs=$initramfs"
	APPEND="${APPEND:-} kvm-arm.vgic_v4_enable=1"
	EXTRA="${EXTRA:-} -machine iommu=smmuv3 -device virtio-rng-pci,addr=10,iommu_platform=on,disable-legacy=on,romfile="
	export IMAGE FILES APPEND EXTRA MEM=${MEM:-2G}
}
