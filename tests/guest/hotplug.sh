# SPDX-License-Identifier: GPL-2.0-only
# hotplug.sh [TIMES]: CPU 1 goes away and comes back, with interrupts aimed at it.
. /tests/lib.sh
need_owned
cpu=/sys/devices/system/cpu/cpu1/online
[ -e $cpu ] || { not_ok "no CPU to unplug"; finish; }
before=$(its_settings)
for round in $(seq 1 "${1:-5}"); do
	for irq in $(awk -F: '/ITS/ { gsub(/ /, "", $1); print $1 }' /proc/interrupts); do
		echo 1 > /proc/irq/$irq/smp_affinity_list
	done
	check "unplug $round" sh -c "echo 0 > $cpu"
	check "MSIs without CPU 1 ($round)" rngs_work
	check "replug $round" sh -c "echo 1 > $cpu"
	check "MSIs with CPU 1 ($round)" rngs_work
done
check "tables and queue are unchanged" same "$before" "$(its_settings)"
finish
