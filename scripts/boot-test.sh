#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# boot-test.sh [KEY=VALUE ...]: boot.sh as a test. A stock kernel must be told apart.
. "$(dirname "$0")/lib.sh"
parse_args "$@"
no_args

mkdir -p "$BUILD/log"
OUT=$(mktemp "$BUILD/log/boot.XXXXXX")
export OUT
status=0
report=$("$SCRIPTS/boot.sh") || status=$?
if [ "${STOCK:-0}" = 1 ]; then
	if [ "$status" -ne 0 ] && grep -q 'nothing is owned by EL2' <<< "$report"; then
		echo "ok the report says that nothing is owned by EL2"
		exit
	fi
	echo "not ok a stock kernel is reported as protected"
elif [ "$status" -eq 0 ] && [ "${EL2_DEBUG:-1}" = 1 ] && ! grep -q '^EL2 self test: [1-9]' <<< "$report"; then
	echo "not ok the EL2 self test did not run"
elif [ "$status" -eq 0 ]; then
	echo "ok $(head -n 1 <<< "$report")"
	exit
else
	echo "not ok boot report: $(grep -m1 FAIL <<< "$report" || true)"
fi
sed 's/^/  /' <<< "$report"
exit 1
