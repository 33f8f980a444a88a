#!/bin/bash
# tree.sh [--soft] [KERNEL_TREE=path]
# build/linux: the base kernel (tag `base`) and patches/ as commits on it.
# Refuses to drop work which patches/ does not have; with --soft it then
# leaves the tree alone and goes on.
. "$(dirname "$0")/lib.sh"
parse_args "$@"

SOFT=0
[ "${ARGS[0]:-}" != --soft ] || SOFT=1
KERNEL_TREE=${KERNEL_TREE:-}
[ -z "$KERNEL_TREE" ] || KERNEL_TREE=$(realpath "$KERNEL_TREE")

g() { fixed_git -C "$LINUX" "$@"; }

kernel_version() {
	sed -n 's/^\(VERSION\|PATCHLEVEL\|SUBLEVEL\) = //p' "$1/Makefile" | paste -sd.
}

base_id() {
	if [ -z "$KERNEL_TREE" ]; then
		echo "debian"
	elif git -C "$KERNEL_TREE" rev-parse HEAD >/dev/null 2>&1; then
		echo "tree $KERNEL_TREE $(git -C "$KERNEL_TREE" rev-parse HEAD)"
	else
		echo "tree $KERNEL_TREE"
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

copy_user_tree() {
	local dest=$1
	[ -f "$KERNEL_TREE/Makefile" ] || die "KERNEL_TREE=$KERNEL_TREE is not a kernel tree"
	say "Copying $KERNEL_TREE"
	if git -C "$KERNEL_TREE" rev-parse HEAD >/dev/null 2>&1; then
		git -C "$KERNEL_TREE" diff --quiet HEAD 2>/dev/null ||
			say "note: only what is committed there is used"
		git -C "$KERNEL_TREE" archive HEAD | tar -x -C "$dest"
	else
		tar -C "$KERNEL_TREE" -c --exclude=./.git . | tar -x -C "$dest"
		make -s -C "$dest" ARCH=arm64 mrproper >&2
	fi
}

make_base() {
	local new=$LINUX.new
	rm -rf "$new"
	mkdir -p "$new"
	if [ -n "$KERNEL_TREE" ]; then copy_user_tree "$new"; else unpack_package "$new"; fi
	case $(kernel_version "$new") in
	7.3.*) say "Base: Linux $(kernel_version "$new")" ;;
	*) rm -rf "$new"; die "the base is Linux $(kernel_version "$new"), 7.3 is needed" ;;
	esac
	# Debian's .gitignore hides everything: new files must be seen.
	sed -i -e '/^\/\*$/d' -e '/^!\/debian\/$/d' "$new/.gitignore"
	fixed_git -C "$new" init -q -b main
	fixed_git -C "$new" config user.name "$AUTHOR_NAME"
	fixed_git -C "$new" config user.email "$AUTHOR_MAIL"
	fixed_git -C "$new" add -A -f
	fixed_git -C "$new" commit -q -m base
	fixed_git -C "$new" tag base
	rm -rf "$LINUX"
	mv "$new" "$LINUX"
	base_id > "$BUILD/base.id"
}

apply_series() {
	local list
	mapfile -t list < <(series_patches)
	g reset -q --hard base
	if [ ${#list[@]} -gt 0 ]; then
		if ! g am -q --committer-date-is-author-date "${list[@]}" >&2; then
			g am --abort || true
			die "the series does not apply to Linux $(kernel_version "$LINUX")"
		fi
	fi
	say "Applied ${#list[@]} patches to Linux $(kernel_version "$LINUX")"
	write_stamp
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
	[ "$SOFT" = 0 ] || { say "note: build/linux has work which patches/ has not; using it as it is"; exit 0; }
	die "build/linux has work which patches/ has not: 'make export' keeps it, 'git reset --hard base' there drops it"
}

main() {
	mkdir -p "$BUILD"
	exec 8>"$BUILD/tree.lock"
	flock -w 1800 8 || die "another session holds build/tree.lock"
	if [ ! -d "$LINUX/.git" ]; then
		make_base
		apply_series
		return
	fi
	if [ -n "$KERNEL_TREE" ] && [ "$(base_id)" != "$(cat "$BUILD/base.id" 2>/dev/null)" ]; then
		nothing_to_lose || refuse
		make_base
		apply_series
		return
	fi
	if [ "$(cat "$STAMP" 2>/dev/null)" = "$(g rev-parse HEAD) $(patches_hash)" ]; then
		return
	fi
	if "$SCRIPTS/export.sh" --check-patches >/dev/null 2>&1; then
		write_stamp
	elif nothing_to_lose; then
		apply_series
	else
		refuse
	fi
}

main
