# SPDX-License-Identifier: GPL-2.0-only
# A device is mapped as fast among 4,000 as beside a single other: counted, not timed, as
# QEMU runs one instruction in each nanosecond here.
. /tests/lib.sh
need_owned
owned=$(pages_owned)
set -- $(its_queue)
out=$(/many "$1" "$2" "$3" 1 4000)
echo "$out" | sed 's/^/  /'
permille=$(echo "$out" | awk '$2 == 1 { alone = $4 } $2 == 4000 && alone { print int($4 * 1000 / alone) }')
check "among 4,000 devices it costs at most 5 % more than beside one ($permille permille)" \
	[ -n "$permille" -a "${permille:-9999}" -le 1050 -a "${permille:-0}" -ge 950 ]
check "no page is lost" [ "$(pages_owned)" = "$owned" ]
check "MSIs go on" rngs_work
finish
