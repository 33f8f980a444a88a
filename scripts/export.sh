#!/bin/bash
# export.sh                  writes patches/ and the exported files from build/linux
# export.sh --check          compares only
# export.sh --check-patches  compares patches/ only
# export.sh --patches DIR    writes the patches there, nothing else
. "$(dirname "$0")/lib.sh"

# Top folders of the kernel which this repository has from exports only.
EXPORTED=(arch block certs crypto Documentation drivers fs include init io_uring ipc kernel lib
	mm net rust samples security sound tools usr virt)

g() { git -C "$LINUX" -c core.quotePath=false "$@"; }

write_patches() {
	local dir=$1
	mkdir -p "$dir"
	g -c diff.algorithm=myers -c format.thread=false format-patch -q -o "$dir" --no-numbered \
		--zero-commit --no-signature --no-renames --full-index --stat=78 --no-base \
		--no-cover-letter --subject-prefix=PATCH base..HEAD
	python3 "$SCRIPTS/patchmail.py" normalise "$AUTHOR_NAME <$AUTHOR_MAIL>" "$FIXED_DATE" "$dir"/*.patch
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

compare() {
	local stage=$1 bad=0 top
	mkdir -p "$stage/patches"
	[ -e "$PATCHES" ] || rmdir "$stage/patches" 2>/dev/null || return 1
	[ ! -e "$PATCHES" ] || diff -rq --no-dereference "$PATCHES" "$stage/patches" 2>&1 || bad=1
	[ "$2" != all ] || while read -r top; do
		diff -rq "$ROOT/$top" "$stage/files/$top" 2>&1 || bad=1
	done < <({ exported_here; ls "$stage/files"; } | sort -u)
	return $bad
}

replace() {
	local stage=$1 top
	rm -rf "$PATCHES"
	mkdir -p "$PATCHES"
	find "$stage/patches" -name '*.patch' -exec cp {} "$PATCHES/" \;
	while read -r top; do rm -rf "${ROOT:?}/$top"; done < <(exported_here)
	cp -a "$stage/files/." "$ROOT/"
	echo "$(g rev-parse HEAD) $(patches_hash)" > "$STAMP"
	say "Exported $(find "$PATCHES" -name '*.patch' | wc -l) patches," \
		"$(find "$stage/files" -type f ! -name '*.diff' | wc -l) new files," \
		"$(find "$stage/files" -name '*.diff' | wc -l) edits"
}

main() {
	local mode=${1:-write}
	[ -d "$LINUX/.git" ] || die "no build/linux: run 'make tree' first"
	if [ "$mode" = --patches ]; then write_patches "$2"; return; fi
	stage=$(mktemp -d "$BUILD/export.XXXXXX")
	trap 'rm -rf "${stage:?}"' EXIT
	mkdir -p "$stage/files"
	write_patches "$stage/patches"
	[ "$mode" = --check-patches ] || write_files "$stage/files"
	case $mode in
	--check) compare "$stage" all ;;
	--check-patches) compare "$stage" patches ;;
	write)
		[ -z "$(uncommitted "$LINUX")" ] ||
			say "note: uncommitted work in build/linux is not exported"
		replace "$stage" ;;
	*) die "usage: export.sh [--check|--check-patches|--patches DIR]" ;;
	esac
}

main "$@"
