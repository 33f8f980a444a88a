#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# boot.sh [PAGE_SIZE=] [GIC=3|4] [CPU=] [SMP=] [ACPI=1|gicc] [KERNEL_TREE=] [IMAGE=] [STOCK=1]
# Builds, boots in protected mode, reports who owns the ITS. Exits by what it saw.
. "$(dirname "$0")/lib.sh"
parse_args "$@"
no_args

[ -n "${IMAGE:-}" ] || {
	"$SCRIPTS/deps.sh"
	IMAGE=$("$SCRIPTS/image.sh")
}
export IMAGE TEST=boot
mkdir -p "$BUILD/log"
# Two at once have a log each.
export OUT=${OUT:-$(mktemp "$BUILD/log/boot.XXXXXX")}
status=0
"$SCRIPTS/qemu.sh" || status=$?
exec python3 "$SCRIPTS/report.py" --status "$status" "$OUT"
