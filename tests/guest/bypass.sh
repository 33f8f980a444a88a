# SPDX-License-Identifier: GPL-2.0-only
# An MSI of a device which KVM passes on as a vLPI: tests/bypass. No page is lost. args=seconds
. /tests/lib.sh
need_owned
check "the driver of the device" bind_bypass
# L2 pages of the vPE table, which stay EL2's.
check "a guest" sh -c '/bin/bypass --one > /tmp/log 2>&1 || { tail -n 5 /tmp/log; false; }'
owned=$(pages_owned)
timeout "${1:-400}" /bin/bypass 2>&1
status=$?
check "all of it, status $status" [ $status = 0 ]
check "no page is lost: $owned" same "$owned" "$(pages_owned)"
check "no vPE is left" same 0 "$(vpes)"
check "no command was refused" [ "$(awk '$1 == "commands" { n += $5 } END { print n }' $ITS)" = 0 ]
check "MSIs go on" rngs_work
finish
