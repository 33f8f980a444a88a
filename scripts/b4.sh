#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# b4.sh PART=N SIGNOFF='Name <mail>' [V=n]
# One part of the series as a branch that b4 has prepared, in build/b4/linux: patches with the
# sign-off, cover letter, base and recipients. From there "b4 send" goes on.
. "$(dirname "$0")/lib.sh"
parse_args "$@"
no_args

TREE=$BUILD/b4/linux

t() { git -C "$TREE" "$@"; }
in_tree() { (cd "$TREE" && "$@" < /dev/null) > "$BUILD/b4/log" 2>&1 || { cat "$BUILD/b4/log" >&2; die "$1 $2 failed"; }; }

# Where the part begins: the end of the one before it.
begin_of() {
	local before
	before=$(part_names | awk -v part="$1" '$0 == part { print before } { before = $0 }')
	if [ -n "$before" ]; then echo "part/$before"; else echo base; fi
}

# A clone of its own: b4 rewrites the branch it works on.
clone() {
	rm -rf "$TREE"
	git clone -q --shared "$LINUX" "$TREE"
	t config user.name "${SIGNOFF%% <*}"
	t config user.email "$(sed 's/.*<\(.*\)>/\1/' <<< "$SIGNOFF")"
}

main() {
	local part mails=$BUILD/b4/mails patches
	command -v b4 > /dev/null || die "b4 is not installed: apt-get install b4"
	[ -n "${PART:-}" ] || exec "$SCRIPTS/series.sh"
	part=$(part_of "$PART")
	rm -rf "$mails"
	mkdir -p "$mails"
	OUT=$mails "$SCRIPTS/series.sh"
	say "Preparing a branch for b4"
	clone
	in_tree b4 prep -n "pkvm-its-$part" -f "$(t rev-parse "$(begin_of "$part")^{commit}")"
	mapfile -t patches < <(find "$mails" -name '*.patch' ! -name '*-0000-cover-letter.patch' | sort)
	in_tree git am -q "${patches[@]}"
	cp "$PATCHES/$part/cover.txt" "$BUILD/b4/cover"
	printf '\nSigned-off-by: %s\n' "$SIGNOFF" >> "$BUILD/b4/cover"
	GIT_EDITOR="cp $BUILD/b4/cover" EDITOR="cp $BUILD/b4/cover" in_tree b4 prep --edit-cover
	in_tree b4 prep --auto-to-cc
	[ "${V:-1}" = 1 ] || in_tree b4 prep --force-revision "$V"
	say "Ready in ${TREE#"$ROOT"/}, branch $(t branch --show-current): b4 prep --show-info, b4 send --dry-run"
}

main
