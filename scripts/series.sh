#!/bin/bash
# series.sh SIGNOFF='Name <mail>': the series as it would be sent, in build/series.
. "$(dirname "$0")/lib.sh"
parse_args "$@"
shopt -s extglob

SIGNOFF=${SIGNOFF:-}
OUT=$BUILD/series

format() {
	git -C "$LINUX" -c user.name="${SIGNOFF%% <*}" -c user.email="$(sed 's/.*<\(.*\)>/\1/' <<< "$SIGNOFF")" \
		-c diff.algorithm=myers format-patch -q -o "$OUT" --numbered --no-renames --cover-letter \
		--no-base --subject-prefix="${PREFIX:-PATCH}" base..HEAD
}

# The subject is the first line of the file, the rest is the body.
cover_letter() {
	python3 - "$OUT/0000-cover-letter.patch" "$ROOT/configs/cover-letter.txt" <<-'PY'
		import sys
		cover, text = sys.argv[1:]
		subject, _, body = open(text, encoding="utf-8").read().strip().partition("\n")
		mail = open(cover, encoding="utf-8").read()
		mail = mail.replace("*** SUBJECT HERE ***", subject)
		mail = mail.replace("*** BLURB HERE ***", body.strip())
		open(cover, "w", encoding="utf-8").write(mail)
	PY
}

# Maintainers and reviewers are addressed, lists get a copy.
people() {
	(cd "$LINUX" && perl scripts/get_maintainer.pl --no-git --no-git-fallback --roles "$OUT"/!(0000-*).patch) |
		grep -v "${SIGNOFF##*<}" > "$OUT/people" || true
	[ -s "$OUT/people" ] || die "get_maintainer.pl names nobody"
	grep -vE '\([^()]*list[^()]*\)$' "$OUT/people" | grep -E '\((maintainer|supporter|reviewer)' |
		sed 's/ ([^()]*([^()]*)[^()]*)$//; s/ ([^()]*)$//' | sort -u > "$OUT/to"
	grep -E 'list[^()]*(\([^()]*\))?\)$' "$OUT/people" |
		sed 's/ (.*$//' | sort -u > "$OUT/cc"
}

main() {
	[[ $SIGNOFF =~ ^[^\<]+\ \<[^@\>]+@[^\>]+\>$ ]] || die "say who sends it: make series SIGNOFF='Name <mail>'"
	[ -d "$LINUX/.git" ] || die "no build/linux: run 'make tree' first"
	[ "$(git -C "$LINUX" rev-list --count base..HEAD)" -gt 0 ] || die "the series is empty"
	rm -rf "$OUT"
	mkdir -p "$OUT"
	format
	cover_letter
	python3 "$SCRIPTS/patchmail.py" sign "$SIGNOFF" "$OUT"/*.patch
	people
	python3 "$SCRIPTS/patchmail.py" address "$OUT/to" "$OUT/cc" "$OUT"/*.patch
	rm -f "$OUT"/{people,to,cc}
	say "Ready in ${OUT#"$ROOT"/}: $(find "$OUT" -name '*.patch' | wc -l) mails with the cover letter"
}

main
