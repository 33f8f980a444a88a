# shellcheck shell=bash
# Sourced by every script: paths, messages, KEY=VALUE arguments, clean tools.
set -euo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
SCRIPTS=$ROOT/scripts
BUILD=${BUILD:-$ROOT/build}
LINUX=$BUILD/linux
CACHE=$BUILD/cache
PATCHES=$ROOT/patches
STAMP=$BUILD/tree.stamp
CROSS=aarch64-linux-gnu-

AUTHOR_NAME='pKVM ITS'
AUTHOR_MAIL='pkvm-its@localhost'
FIXED_DATE='Thu, 1 Jan 2026 00:00:00 +0000'

say() { echo "$*" >&2; }
die() { echo "${0##*/}: $*" >&2; exit 1; }

# KEY=VALUE arguments become variables; the others stay in ARGS.
parse_args() {
	ARGS=()
	local arg
	for arg in "$@"; do
		if [[ $arg =~ ^[A-Z][A-Z0-9_]*= ]]; then
			printf -v "${arg%%=*}" '%s' "${arg#*=}"
			export "${arg%%=*}"
		else
			ARGS+=("$arg")
		fi
	done
}

# The caller's git settings and make flags must not change what we produce.
unset MAKEFLAGS MFLAGS MAKEOVERRIDES MAKELEVEL
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1 GIT_OPTIONAL_LOCKS=0 LC_ALL=C

fixed_git() {
	GIT_COMMITTER_NAME=$AUTHOR_NAME GIT_COMMITTER_EMAIL=$AUTHOR_MAIL GIT_COMMITTER_DATE=$FIXED_DATE \
	GIT_AUTHOR_NAME=$AUTHOR_NAME GIT_AUTHOR_EMAIL=$AUTHOR_MAIL GIT_AUTHOR_DATE=$FIXED_DATE \
		git -c gc.auto=0 "$@"
}

# Kernel make, without anything of the caller's environment.
kmake() {
	env -i PATH="$PATH" HOME="${HOME:-/}" LC_ALL=C \
		KBUILD_BUILD_TIMESTAMP="$FIXED_DATE" KBUILD_BUILD_USER=pkvm-its KBUILD_BUILD_HOST=localhost \
		timeout -k 10 3000 make --no-print-directory -j"$(nproc)" ARCH=arm64 CROSS_COMPILE=$CROSS LOCALVERSION= "$@"
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

patches_hash() {
	[ -d "$PATCHES" ] || { echo none; return; }
	(cd "$PATCHES" && find . -name '*.patch' -print0 | sort -z | xargs -0 -r sha256sum) |
		sha256sum | cut -c1-16
}

series_patches() {
	[ -d "$PATCHES" ] || return 0
	find "$PATCHES" -maxdepth 1 -name '*.patch' | sort
}

# Runs a command with its output in a log; shows a counter, and the end of the log if it fails.
logged() {
	local log=$1 what=$2
	shift 2
	mkdir -p "$(dirname "$log")"
	say "$what (log: ${log#"$ROOT"/})"
	if ! "$@" 2>&1 | tee "$log" |
	     awk -v what="$what" 'NR % 250 == 0 { printf "  ... %d steps\n", NR; fflush() }' >&2; then
		tail -n 30 "$log" >&2
		die "failed: $what"
	fi
}

# guest_program SOURCE: a C program, built for arm64; prints its path
guest_program() {
	local out
	out=$BUILD/$(basename "$1" .c)-$(sha256sum < "$1" | cut -c1-12)
	[ -x "$out" ] || { "${CROSS}gcc" -static -O2 -Wall -Werror -o "$out.$$" "$1" && mv "$out.$$" "$out"; }
	echo "$out"
}
