#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# prove.sh [ALL=1] [ONLY=name,...] [PAGE_SIZE=] [UPDATE=1] [JOBS=n] [MUTANTS=n/of|0]
# Proves properties of EL2's its_*.c, and that each broken variant fails, or the n-th of each
# "of" of them: see tests/proof/README.md. Ends with
# "N proved, N failed, N skipped"; fails if something failed.
. "$(dirname "$0")/lib.sh"
parse_args "$@"

skip() {
	echo "skip - nothing is proved: $*"
	echo "0 proved, 0 failed, 1 skipped"
	exit 0
}

main() {
	local pages=${PAGE_SIZE:-4k} cbmc sat what=()
	[ -d "$LINUX/arch/arm64/kvm/hyp/nvhe" ] || die "no ${LINUX#"$ROOT"/}: make tree"
	cbmc=$("$SCRIPTS/fetch.sh" cbmc) || skip "CBMC cannot be had"
	sat=$("$SCRIPTS/fetch.sh" cadical) || skip "cadical cannot be had"
	[ "${ALL:-0}" = 0 ] || pages=4k,16k,64k
	[ "${UPDATE:-0}" = 0 ] || what+=(--update)
	case ${MUTANTS:-1} in
	0) what+=(--no-mutants) ;;
	*/*) what+=(--part "$MUTANTS") ;;
	esac
	exec nice python3 "$ROOT/tests/proof/prove.py" --cbmc "$cbmc" --sat "$sat" --linux "$LINUX" \
		--out "$BUILD/proof" --pages "$pages" --only "${ONLY:-}" --jobs "${JOBS:-2}" "${what[@]}"
}

main
