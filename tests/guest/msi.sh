# SPDX-License-Identifier: GPL-2.0-only
# MSIs arrive, and go on arriving.
. /tests/lib.sh
need_owned
for i in 1 2 3; do
	check "MSIs are delivered ($i)" rngs_work
done

# Each CPU can be the target: MOVI.
line() { awk -v dev=virtio0-input '/ITS/ && index($0, dev) { print; exit }' /proc/interrupts; }
irq=$(line | cut -d: -f1 | tr -d ' ')
moved=1
for i in 1 2 3 4; do
	for cpu in $(seq 0 $(($(nproc) - 1))); do
		echo $cpu > /proc/irq/$irq/smp_affinity_list || moved=0
		read_rng 4
		before=$(line | awk -v n=$((cpu + 2)) '{ print $n }')
		rngs_work || moved=0
		now=$(line | awk -v n=$((cpu + 2)) '{ print $n }')
		[ "$now" -gt "$before" ] || { moved=0; echo "  not on CPU $cpu"; }
	done
done
check "MSIs follow their affinity over $(nproc) CPUs" [ $moved = 1 ]
finish
