# SPDX-License-Identifier: GPL-2.0-only
# offline.sh never|early: CPU 1 is known, but was not online when the host lost its
# privileges: it was never, or left just before. EL2 must not let it start.
. /tests/lib.sh
need_owned
cpu=/sys/devices/system/cpu/cpu1/online
left_early() {
	dmesg | awk '/CPU1 killed/ { left = NR } /owned by EL2/ { owned = NR } END { exit !(left && left < owned) }'
}

case $1 in
never) check "CPU 1 was never online" sh -c "! dmesg | grep -q 'CPU1: Booted'" ;;
early) check "CPU 1 left before EL2 owned the ITS" left_early ;;
*) not_ok "never or early?" ;;
esac
check "CPU 1 is offline" [ "$(cat $cpu)" = 0 ]
for round in 1 2 3; do
	check "CPU 1 is refused ($round)" sh -c "! echo 1 > $cpu 2>/dev/null"
	check "and stays offline ($round)" [ "$(cat $cpu)" = 0 ]
	check "MSIs go on ($round)" rngs_work
done
check "it was EL2's answer" [ "$(dmesg | grep -cE 'psci: failed to boot CPU1 \(-[0-9]+\)')" = 3 ]
check "a protected guest is created" /pvm protected
finish
