#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# series.sh PART=N SIGNOFF='Name <mail>' [OUT=folder] [V=n] [SINCE=tag] [PREFIX='RFC PATCH']
# One part of the series as it would be sent, in build/series/<part> or OUT.
# SINCE: a tag of build/linux or of this repository; the cover letter tells what changed.
# Without PART: says which parts there are.
. "$(dirname "$0")/lib.sh"
parse_args "$@"
no_args

SIGNOFF=${SIGNOFF:-} V=${V:-1} SINCE=${SINCE:-}

list_parts() {
	local part
	say "Say which part: make series PART=N SIGNOFF='Name <mail>' [OUT=folder] [V=n] [SINCE=tag]"
	for part in $(part_names); do
		say "  $(printf '%-14s %2d patches  %s' "$part" "$(part_patches "$part" | wc -l)" \
			"$(head -n 1 "$PATCHES/$part/cover.txt" 2>/dev/null)")"
	done
	exit 1
}

# A repository of its own: nothing of it stays in build/linux.
s() {
	GIT_AUTHOR_NAME=${SIGNOFF%% <*} GIT_AUTHOR_EMAIL=$MAIL GIT_AUTHOR_DATE=$FIXED_DATE \
	GIT_COMMITTER_NAME=${SIGNOFF%% <*} GIT_COMMITTER_EMAIL=$MAIL GIT_COMMITTER_DATE=$FIXED_DATE \
	GIT_INDEX_FILE=$WORK/index git --git-dir="$WORK/git" -c diff.algorithm=myers "$@"
}

# filled_tree COMMIT: its tree; who sends the series is a maintainer of what it adds
filled_tree() {
	local blob
	if s diff --quiet "$BASE" "$1" -- MAINTAINERS; then s rev-parse "$1^{tree}"; return; fi
	blob=$(s show "$1:MAINTAINERS" | python3 "$SCRIPTS/patchmail.py" maintainer "$SIGNOFF" "$WORK/MAINTAINERS" |
		s hash-object -w --stdin)
	s ls-tree "$1" | sed -E "s/ [0-9a-f]+\tMAINTAINERS$/ $blob\tMAINTAINERS/" | s mktree
}

# sign_commits FIRST LAST: the same commits by SIGNOFF, with the sign-off; prints the new last one
sign_commits() {
	local commit parent=$1 tree
	s show "$1:MAINTAINERS" > "$WORK/MAINTAINERS"
	for commit in $(s rev-list --reverse "$1..$2"); do
		tree=$(filled_tree "$commit")
		parent=$(s log -1 --format=%B "$commit" |
			s interpret-trailers --no-divider --trailer "Signed-off-by: $SIGNOFF" |
			s commit-tree "$tree" -p "$parent")
	done
	echo "$parent"
}

# from_patches FOLDER: commits from the patches below it, without a work tree; prints the last one
from_patches() {
	local patch commit=$BASE
	s read-tree "$BASE"
	while IFS= read -r patch; do
		s mailinfo "$WORK/message" "$WORK/diff" < "$patch" > "$WORK/info"
		s apply --cached --whitespace=nowarn "$WORK/diff" || die "SINCE=$SINCE: $(basename "$patch") does not apply to this base"
		commit=$({ sed -n 's/^Subject: //p' "$WORK/info"; echo; cat "$WORK/message"; } |
			s commit-tree "$(s write-tree)" -p "$commit")
	done < <(find "$1" -name "$PATCH_FILES" | sort -V)
	echo "$commit"
}

# earlier: the last commit of the series at SINCE
earlier() {
	if s rev-parse -q --verify "refs/tags/$SINCE^{commit}"; then
		[ "$(s merge-base "$BASE" "refs/tags/$SINCE")" = "$BASE" ] || die "SINCE=$SINCE is not on this base"
	elif git -C "$ROOT" rev-parse -q --verify "$SINCE:patches" >/dev/null; then
		git -C "$ROOT" archive "$SINCE" patches | tar -x -C "$WORK"
		from_patches "$WORK/patches"
	else
		die "SINCE=$SINCE is a tag neither of build/linux nor of this repository"
	fi
}

# with_subject FIRST..LAST SUBJECT: the commit which has it
with_subject() { s log --format='%H%x09%s' "$1" | awk -F'\t' -v want="$2" 'substr($0, length($1) + 2) == want { print $1; exit }'; }

# earlier_range PART: what this part was at SINCE, as first..last
earlier_range() {
	local last first end before
	last=$(earlier) || return 1
	last=$(sign_commits "$BASE" "$last") || return 1
	end=$(with_subject "$BASE..$last" "$(parts | awk -F'\t' -v part="$1" '$1 == part { print $2 }')")
	before=$(parts | awk -F'\t' -v part="$1" '$1 == part { print before } { before = $2 }')
	first=$(with_subject "$BASE..$last" "$before")
	echo "${first:-$BASE}..${end:-$last}"
}

format() {
	local part=$1 range options=()
	if [ -n "$SINCE" ]; then
		range=$(earlier_range "$part") || exit 1
		options=(--range-diff="$range" --creation-factor=80)
	fi
	s format-patch -q -o "$OUT" --numbered --no-renames --cover-letter --stat=78 --signature='' \
		--base="$BASE" --subject-prefix="${PREFIX:-PATCH}" -v "$V" "${options[@]}" "$2..$3"
}

# The base has a commit id which others know only if it came from a git tree.
name_base() {
	local id
	id=$(sed -n 's/^tree .* \([0-9a-f]\{40\}\)$/\1/p' "$BUILD/base.id" 2>/dev/null || true)
	if [ -n "$id" ]; then
		sed -i "s/^base-commit: $BASE$/base-commit: $id/" "$OUT/v$V-0000-cover-letter.patch"
	else
		say "warning: base-commit is the commit of the base in build/linux, which nobody else has: send from" \
			"a tree made with KERNEL_TREE=<git tree>"
	fi
}

# The subject is the first line of the file, the rest is the body.
cover_letter() {
	python3 - "$OUT/v$V-0000-cover-letter.patch" "$1" <<-'PY'
		import sys
		cover, text = sys.argv[1:]
		subject, _, body = open(text, encoding="utf-8").read().strip().partition("\n")
		mail = open(cover, encoding="utf-8").read()
		mail = mail.replace("*** SUBJECT HERE ***", subject, 1)
		mail = mail.replace("*** BLURB HERE ***", body.strip(), 1)
		open(cover, "w", encoding="utf-8").write(mail)
	PY
}

mails() { find "$OUT" -maxdepth 1 -name "v$V-$PATCH_FILES" | sort; }
patch_mails() { mails | grep -v '/v[^/]*-0000-cover-letter.patch$'; }

# Maintainers and reviewers are addressed, lists get a copy.
people() {
	local people=$WORK/people
	patch_mails | (cd "$LINUX" && xargs perl scripts/get_maintainer.pl --no-git --no-git-fallback --roles) |
		grep -vF "<$MAIL>" > "$people" || true
	[ -s "$people" ] || die "get_maintainer.pl names nobody"
	grep -vE '\([^()]*list[^()]*\)$' "$people" | grep -E '\((maintainer|supporter|reviewer)' |
		sed 's/ ([^()]*([^()]*)[^()]*)$//; s/ ([^()]*)$//' | sort -u > "$WORK/to"
	grep -E 'list[^()]*(\([^()]*\))?\)$' "$people" |
		sed 's/ (.*$//' | sort -u > "$WORK/cc"
}

# What must be true of mails that are sent.
sane() {
	local count mail nr=0 cover=$OUT/v$V-0000-cover-letter.patch
	count=$(patch_mails | wc -l)
	[ "$count" -eq "$1" ] || die "$count mails for $1 patches"
	! grep -q '^\*\*\* ' "$cover" || die "the cover letter has a blank left to fill in"
	grep -q '^base-commit: [0-9a-f]\{40\}$' "$cover" || die "the cover letter names no base"
	for mail in $(patch_mails); do
		nr=$((nr + 1))
		grep -qE "^Subject: \[[^]]* 0*$nr/$count\] " "$mail" || die "$(basename "$mail") is not number $nr of $count"
		grep -qxF "Signed-off-by: $SIGNOFF" "$mail" || die "$(basename "$mail") has no sign-off"
	done
}

# unfolded MAIL: without its first line, each header in one line, which b4 needs from a file
unfolded() {
	awk 'NR == 1 { next }
		!body && /^[ \t]/ { sub(/^[ \t]+/, " "); printf "%s", $0; next }
		!body { if (NR > 2) print ""; printf "%s", $0; if ($0 == "") { body = 1; print "" } next }
		{ print }' "$1"
}

# b4 reads the mails as a maintainer would. It wants them in a thread.
b4_check() {
	local mail nr=0
	command -v b4 >/dev/null || { say "skipped: b4 is not installed, its check of the mails was not run"; return 0; }
	for mail in $(mails); do
		echo "From nobody Thu Jan  1 00:00:00 2026"
		echo "Message-ID: <its-v$V-$nr@localhost>"
		[ $nr -eq 0 ] || echo "In-Reply-To: <its-v$V-0@localhost>"
		unfolded "$mail"
		echo
		nr=$((nr + 1))
	done > "$WORK/mbox"
	mkdir "$WORK/b4"
	(cd "$LINUX" && b4 --offline-mode am -m "$WORK/mbox" -o "$WORK/b4" "its-v$V-0@localhost") > "$WORK/b4.log" 2>&1 ||
		{ cat "$WORK/b4.log" >&2; die "b4 am does not take these mails"; }
	say "b4 am takes these mails"
}

prepare_out() {
	OUT=$(realpath -m "${OUT:-$BUILD/series/$1}")
	mkdir -p "$OUT"
	# shellcheck disable=SC2086
	rm -f "$OUT"/v"$V"-$PATCH_FILES
	[ -z "$(ls -A "$OUT")" ] || say "note: ${OUT#"$ROOT"/} also has files which are not of this version"
}

main() {
	local part bounds first last
	[ -d "$LINUX/.git" ] || die "no build/linux: run 'make tree' first"
	check_part_names
	[ -n "${PART:-}" ] || list_parts
	part=$(part_of "$PART")
	[ -n "$part" ] || { say "There is no part $PART."; list_parts; }
	[ -n "$SIGNOFF" ] || die "say who sends it: make series PART=$PART SIGNOFF='Name <mail>'"
	[ -z "$SINCE" ] || git -C "$LINUX" rev-parse -q --verify "refs/tags/$SINCE^{commit}" >/dev/null ||
		git -C "$ROOT" rev-parse -q --verify "$SINCE:patches" >/dev/null ||
		die "SINCE=$SINCE is a tag neither of build/linux nor of this repository"
	[ -f "$PATCHES/$part/cover.txt" ] || die "no patches/$part/cover.txt"
	MAIL=$(sed 's/.*<\(.*\)>/\1/' <<< "$SIGNOFF")
	mkdir -p "$BUILD"
	WORK=$(mktemp -d "$BUILD/series.XXXXXX")
	trap 'rm -rf "${WORK:?}"' EXIT
	git clone -q --shared --bare "$LINUX" "$WORK/git"
	BASE=$(s rev-parse 'base^{commit}')
	last=$(sign_commits "$BASE" HEAD)
	bounds=$(part_bounds "$WORK/git" base "$last") || die "the parts of the series are not what patches/parts says"
	read -r _ first last <<< "$(grep "^$part " <<< "$bounds")"
	prepare_out "$part"
	format "$part" "$first" "$last"
	cover_letter "$PATCHES/$part/cover.txt"
	name_base
	people
	# shellcheck disable=SC2046
	python3 "$SCRIPTS/patchmail.py" address "$WORK/to" "$WORK/cc" $(mails)
	sane "$(s rev-list --count "$first..$last")"
	b4_check
	say "Ready in ${OUT#"$ROOT"/}: $(mails | wc -l) mails of $part with the cover letter"
}

main
