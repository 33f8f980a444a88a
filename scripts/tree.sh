#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# tree.sh [--soft] [KERNEL_TREE=path|debian]
# build/linux: the base kernel (tag `base`) and patches/ as commits on it, with a tag
# `part/<N>-<name>` on the last one of each part. If a patch does not apply it says
# which and why, and leaves everything as it was.
# KERNEL_TREE, which is only read: of a git tree what is committed, with its history, so that
# `base` is its commit; of another a copy of its files. It stays the base until there is another;
# "debian" is the download.
# Refuses to drop work which patches/ does not have; with --soft it then
# leaves the tree alone and goes on.
. "$(dirname "$0")/lib.sh"
parse_args "$@"

SOFT=0
case ${ARGS[*]} in
'') ;;
--soft) SOFT=1 ;;
*) die "takes --soft, not '${ARGS[*]}'" ;;
esac
KERNEL_TREE=${KERNEL_TREE:-}
ASKED=$KERNEL_TREE
case $KERNEL_TREE in
'') ;;
debian) KERNEL_TREE= ;;
*) KERNEL_TREE=$(tree_path "$KERNEL_TREE") ;;
esac

g() { fixed_git -C "$LINUX" "$@"; }

kernel_version() {
	sed -n 's/^\(VERSION\|PATCHLEVEL\|SUBLEVEL\) = //p' "$1/Makefile" | paste -sd.
}

# Not as a folder somewhere in a git tree of something else.
has_git() { [ -e "$KERNEL_TREE/.git" ] || [ -f "$KERNEL_TREE/HEAD" ] && git_of "$KERNEL_TREE" rev-parse -q --verify HEAD >/dev/null 2>&1; }

base_id() {
	if [ -z "$KERNEL_TREE" ]; then
		echo "debian"
	elif has_git; then
		echo "tree $KERNEL_TREE $(git_of "$KERNEL_TREE" rev-parse HEAD)"
	else
		echo "tree $KERNEL_TREE $(find "$KERNEL_TREE" -type f -printf '%P %s %T@\n' | sort | sha256sum | cut -c1-16)"
	fi
}

unpack_package() {
	local dest=$1 deb
	deb=$("$SCRIPTS/fetch.sh" base)
	say "Unpacking $(dpkg-deb -f "$deb" Package) $(dpkg-deb -f "$deb" Version)"
	dpkg-deb --fsys-tarfile "$deb" |
		tar -xO --wildcards './usr/src/linux-source-7.3.tar.xz' |
		tar -xJ -C "$dest" --strip-components=1
}

# A clone with objects of its own: on one file system they are hard links, which cost nothing.
clone_user_tree() {
	local dest=$1 head config=$BUILD/clone.config
	head=$(git_of "$KERNEL_TREE" rev-parse HEAD)
	say "Cloning $KERNEL_TREE at $(git_of "$KERNEL_TREE" log -1 --format='%h ("%s")')"
	[ ! -f "$KERNEL_TREE/Makefile" ] || git_of "$KERNEL_TREE" diff --quiet HEAD 2>/dev/null ||
		say "note: only what is committed there is used"
	printf '[safe]\n\tdirectory = *\n' > "$config"
	GIT_CONFIG_GLOBAL=$config git -c gc.auto=0 clone -q --no-tags --no-checkout "$KERNEL_TREE" "$dest" &&
		fixed_git -C "$dest" checkout -q -f -B main "$head" -- || die "cannot clone $KERNEL_TREE"
	rm -f "$config"
	# Nobody pushes back by mistake.
	fixed_git -C "$dest" remote remove origin
}

copy_user_tree() {
	local dest=$1
	say "Copying $KERNEL_TREE, which is no git tree: its files as they are"
	tar -C "$KERNEL_TREE" -c --exclude=./.git . | tar -x -C "$dest" || die "cannot copy $KERNEL_TREE"
	# Of one that someone built in, what they built.
	[ ! -e "$dest/.config" ] && [ ! -d "$dest/include/config" ] ||
		kmake -s -C "$dest" mrproper >&2 || die "make mrproper fails in a copy of $KERNEL_TREE"
}

# A first commit of all files, for a base which comes without any.
commit_all() {
	# Debian's .gitignore hides everything: new files must be seen.
	[ ! -f "$1/.gitignore" ] || sed -i -e '/^\/\*$/d' -e '/^!\/debian\/$/d' "$1/.gitignore"
	fixed_git -C "$1" init -q -b main
	fixed_git -C "$1" add -A -f
	fixed_git -C "$1" commit -q -m base
}

# A base on which the series is not yet: $NEW.
make_base() {
	NEW=$LINUX.new
	rm -rf "$NEW"
	trap 'rm -rf "${NEW:?}"' EXIT
	if [ -n "$KERNEL_TREE" ] && has_git; then
		clone_user_tree "$NEW"
	else
		mkdir -p "$NEW"
		if [ -n "$KERNEL_TREE" ]; then copy_user_tree "$NEW"; else unpack_package "$NEW"; fi
		commit_all "$NEW"
	fi
	case $(kernel_version "$NEW") in
	7.3 | 7.3.*) say "Base: Linux $(kernel_version "$NEW")" ;;
	*) say "warning: the base is Linux $(kernel_version "$NEW"), the series was made for 7.3" ;;
	esac
	fixed_git -C "$NEW" config user.name "$AUTHOR_NAME"
	fixed_git -C "$NEW" config user.email "$AUTHOR_MAIL"
	fixed_git -C "$NEW" tag base
}

# new_tree: build/linux only changes once all of the series is on its new base
new_tree() {
	check_parts
	make_base
	apply_series "$NEW" || die "$(if [ -d "$LINUX" ]; then echo "build/linux is as it was"; else echo "there is no build/linux"; fi)"
	rm -rf "$LINUX"
	mv "$NEW" "$LINUX"
	base_id > "$BUILD/base.id"
	write_stamp
}

# The same base, other patches.
again() {
	local old
	check_parts
	old=$(g rev-parse HEAD)
	g reset -q --hard base
	if ! apply_series "$LINUX"; then
		g reset -q --hard "$old"
		die "build/linux is as it was"
	fi
	write_stamp
}

# does_not_apply TREE PART PATCH...: the one at which git am stopped, and why
does_not_apply() {
	local tree=$1 part=$2 patch
	shift 2
	patch=${*:$(cat "$tree/.git/rebase-apply/next"):1}
	say "The series does not apply to Linux $(kernel_version "$tree"):"
	say "  part $part, patch $(basename "$patch")"
	! git -C "$tree" log -n 2000 --format=%s base | grep -qxF "$(patch_subject "$patch")" ||
		say "  the base has a commit of that name: is the series on it already?"
	python3 "$SCRIPTS/misfit.py" "$tree" "$patch" >&2 ||
		sed 's/^/  git says: /' "$BUILD/am.log" >&2
	rm -f "$BUILD/am.log"
	fixed_git -C "$tree" am --abort
}

apply_series() {
	local tree=$1 part list count=0
	for part in $(part_names); do
		mapfile -t list < <(part_patches "$part")
		if ! fixed_git -C "$tree" am -q --committer-date-is-author-date "${list[@]}" > "$BUILD/am.log" 2>&1; then
			does_not_apply "$tree" "$part" "${list[@]}"
			return 1
		fi
		count=$((count + ${#list[@]}))
	done
	rm -f "$BUILD/am.log"
	tag_parts "$tree"
	say "Applied $count patches in $(part_names | wc -l) parts to Linux $(kernel_version "$tree")"
}

write_stamp() { echo "$(g rev-parse HEAD) $(patches_hash)" > "$STAMP"; }

tree_is_clean() { [ -z "$(uncommitted "$LINUX")" ]; }

# Whether all that build/linux has is in patches/, or came from there.
nothing_to_lose() {
	tree_is_clean || return 1
	[ "$(g rev-parse HEAD)" != "$(g rev-parse 'base^{commit}')" ] || return 0
	[ "$(g rev-parse HEAD)" != "$(cut -d' ' -f1 "$STAMP" 2>/dev/null)" ] || return 0
	"$SCRIPTS/export.sh" --check-patches >/dev/null 2>&1
}

refuse() {
	[ -z "$ASKED" ] || [ "${1:-}" != base ] ||
		die "build/linux is made from another base and has work which patches/ has not: 'make export' keeps it, or move build/linux away"
	[ "$SOFT" = 0 ] || { say "note: build/linux has work which patches/ has not; using it as it is"; exit 0; }
	die "build/linux has work which patches/ has not: 'make export' keeps it. To take edits of patches/ instead," \
		"save the work there ('git branch mine'), 'git reset --hard base', then 'make tree' again"
}

main() {
	mkdir -p "$BUILD"
	exec 8>"$BUILD/tree.lock"
	flock -w 1800 8 || die "another session holds build/tree.lock"
	if [ ! -d "$LINUX/.git" ]; then
		new_tree
		return
	fi
	if [ -n "$ASKED" ] && [ "$(base_id)" != "$(cat "$BUILD/base.id" 2>/dev/null)" ]; then
		nothing_to_lose || refuse base
		new_tree
		return
	fi
	[ -n "$ASKED" ] || ! grep -q '^tree ' "$BUILD/base.id" 2>/dev/null ||
		say "note: the base is $(cut -d' ' -f2- "$BUILD/base.id"); KERNEL_TREE=debian goes back to the download"
	if [ "$(cat "$STAMP" 2>/dev/null)" = "$(g rev-parse HEAD) $(patches_hash)" ]; then
		tag_parts
		return
	fi
	if "$SCRIPTS/export.sh" --check-patches >/dev/null 2>&1; then
		tag_parts
		write_stamp
	elif nothing_to_lose; then
		again
	else
		refuse
	fi
}

main
