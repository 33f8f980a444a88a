#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# sizes.sh: how large the parts of the series in build/linux are, against their limits;
# one line "ok - ..." or "not ok - ..." for each.
. "$(dirname "$0")/lib.sh"

bounds=$(part_bounds) || { echo "not ok - the parts of the series are not what patches/parts says"; exit 1; }
exec python3 "$SCRIPTS/sizes.py" "$LINUX" "$(git -C "$LINUX" rev-parse 'base^{commit}')" <<< "$bounds"
