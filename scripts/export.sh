#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# export.sh                  writes patches/ and the exported files from build/linux; FORCE=1:
#                            also over patches that were edited by hand
# export.sh --check          compares only
# export.sh --check-patches  compares patches/ only
# export.sh --patches DIR    writes the patches there, nothing else
# patches/parts says where a part ends. Only numbered patches are ever replaced: cover
# letters, reviews and whatever else is in patches/ stay.
. "$(dirname "$0")/lib.sh"
parse_args "$@"

# Top folders of the kernel which this repository has from exports only.
EXPORTED=(arch block certs crypto Documentation drivers fs include init io_uring ipc kernel lib
	mm net rust samples security sound tools usr virt)

g() { git -C "$LINUX" -c core.quotePath=false "$@"; }

write_patches() {
	local dir=$1 bounds part first last
	bounds=$(part_bounds) || die "the parts of the series are not what patches/parts says"
	while read -r part first last; do
		mkdir -p "$dir/$part"
		g -c diff.algorithm=myers -c format.thread=false format-patch -q -o "$dir/$part" --no-numbered \
			--zero-commit --no-signature --no-renames --full-index --stat=78 --no-base \
			--no-cover-letter --subject-prefix=PATCH "$first..$last"
		python3 "$SCRIPTS/patchmail.py" normalise "$AUTHOR_NAME <$AUTHOR_MAIL>" "$FIXED_DATE" "$dir/$part"/*.patch
	done <<< "$bounds"
}

write_files() {
	local dir=$1 status path mode
	while IFS=$'\t' read -r status path; do
		[[ $path != scripts/* ]] || die "the series touches $path: this repository has a scripts/ of its own"
		mkdir -p "$dir/$(dirname "$path")"
		if [ "$status" = A ]; then
			g show "HEAD:$path" > "$dir/$path"
			mode=$(g ls-tree HEAD "$path" | cut -c1-6)
			[ "$mode" != 100755 ] || chmod +x "$dir/$path"
		else
			g diff --no-renames --no-ext-diff --no-color base HEAD -- "$path" |
				grep -v '^index ' > "$dir/$path.diff"
		fi
	done < <(g diff --no-renames --name-status base HEAD)
}

exported_here() {
	local top
	for top in "${EXPORTED[@]}"; do
		[ ! -e "$ROOT/$top" ] || echo "$top"
	done
	find "$ROOT" -maxdepth 1 -name '*.diff' -printf '%f\n'
}

# The numbered patches in patches/, wherever they are.
patches_here() { (cd "$PATCHES" && find . -maxdepth 2 -name "$PATCH_FILES" -printf '%P\n' | sort); }

compare_patches() {
	local stage=$1
	rm -rf "$stage/here"
	mkdir -p "$stage/here"
	patches_here | (cd "$PATCHES" && xargs -r cp --parents -t "$stage/here")
	diff -rq --no-dereference "$stage/here" "$stage/patches" 2>&1
}

compare() {
	local stage=$1 bad=0 top
	compare_patches "$stage" || bad=1
	while read -r top; do
		diff -rq "$ROOT/$top" "$stage/files/$top" 2>&1 || bad=1
	done < <({ exported_here; ls "$stage/files"; } | sort -u)
	return $bad
}

# Whether patches/ is neither what the tree was made from nor what it gives.
edited_by_hand() {
	[ "$(patches_hash)" != "$(cut -d' ' -f2 "$STAMP" 2>/dev/null)" ] && ! compare_patches "$1" > "$1/edits"
}

refuse() {
	say "patches/ is not what build/linux was made from, someone edited it:"
	sed -n "s#$1/here#patches#g; s#$1/patches#build/linux#g; s/^/  /p" "$1/edits" >&2
	die "to take these edits in, save the work of build/linux ('git branch mine' there), 'git reset --hard base'," \
		"'make tree', and put the work on top again; FORCE=1 writes over them"
}

replace() {
	local stage=$1 top part
	(cd "$PATCHES" && patches_here | xargs -r rm -f)
	cp -r "$stage/patches/." "$PATCHES/"
	find "$PATCHES" -mindepth 1 -maxdepth 1 -type d -empty -delete
	for part in $(part_names); do
		[ -f "$PATCHES/$part/cover.txt" ] || say "note: no patches/$part/cover.txt, which 'make series' needs"
	done
	while read -r top; do rm -rf "${ROOT:?}/$top"; done < <(exported_here)
	cp -a "$stage/files/." "$ROOT/"
	tag_parts
	echo "$(g rev-parse HEAD) $(patches_hash)" > "$STAMP"
	say "Exported $(patches_here | wc -l) patches in $(part_names | wc -l) parts," \
		"$(find "$stage/files" -type f ! -name '*.diff' | wc -l) new files," \
		"$(find "$stage/files" -name '*.diff' | wc -l) edits"
}

write() {
	local stage=$1
	[ -z "$(uncommitted "$LINUX")" ] || say "note: uncommitted work in build/linux is not exported"
	if edited_by_hand "$stage"; then
		[ "${FORCE:-0}" = 1 ] || refuse "$stage"
		rm -rf "$BUILD/patches.old"
		cp -r "$PATCHES" "$BUILD/patches.old"
		say "patches/ as it was: build/patches.old"
	fi
	replace "$stage"
}

main() {
	local mode=${ARGS[0]:-write}
	[ -d "$LINUX/.git" ] || die "no build/linux: run 'make tree' first"
	[ ! -d "$LINUX/.git/rebase-merge" ] && [ ! -d "$LINUX/.git/rebase-apply" ] ||
		die "a rebase is under way in build/linux"
	if [ "$mode" = --patches ]; then write_patches "${ARGS[1]}"; return; fi
	stage=$(mktemp -d "$BUILD/export.XXXXXX")
	trap 'rm -rf "${stage:?}"' EXIT
	mkdir -p "$stage/files"
	write_patches "$stage/patches"
	[ "$mode" = --check-patches ] || write_files "$stage/files"
	case $mode in
	--check) compare "$stage" ;;
	--check-patches) compare_patches "$stage" ;;
	write) write "$stage" ;;
	*) die "usage: export.sh [--check|--check-patches|--patches DIR] [FORCE=1]" ;;
	esac
}

main
