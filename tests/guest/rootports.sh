# SPDX-License-Identifier: GPL-2.0-only
# Devices on many buses: DeviceIDs which need a second L2 page. Each of them is
# unbound and bound 20 times, which unmaps and maps it in the ITS.
. /tests/lib.sh
need_owned

rngs=$(rng_names | grep -o virtio_rng | wc -l)
check "$rngs virtio-rng devices, buses up to 40 among them" \
	sh -c "[ $rngs -eq 11 ] && ls /sys/bus/pci/devices | grep -q '^0000:28:'"
check "every one of them delivers" rngs_work

hwrngs | while read -r _ pci; do echo "$pci"; done | grep -v '^0000:00:' > /tmp/list
check "$(wc -l < /tmp/list) of them behind root ports" [ "$(wc -l < /tmp/list)" -eq 10 ]

while read -r pci; do
	if rebind "$pci" 20; then ok "$pci unbound and bound 20 times"; else not_ok "$pci unbound and bound 20 times"; fi
done < /tmp/list
check "every device delivers after that" rngs_work
finish
