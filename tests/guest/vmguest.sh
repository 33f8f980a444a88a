# SPDX-License-Identifier: GPL-2.0-only
# Inside the guest of vmm.sh: args=BOOTS,SUM reads and moves interrupts, counts its boots on the
# disk and reboots, until there were so many; args=shell is a console to type at.
. /tests/lib.sh
DISK=/dev/vda

if [ "$1" = shell ]; then
	insmod /lib/virtio_blk.ko
	grep ITS /proc/interrupts
	echo "This is the guest. Its MSIs are above, its disk is $DISK; 'reboot -f' boots it again, exit ends it."
	export PS1='guest# ' ENV=/tests/lib.sh
	setsid sh -c 'exec sh -i < /dev/ttyAMA0 > /dev/ttyAMA0 2>&1'
	exit
fi

# The first block is a number, the second and all behind it is what SUM is the sum of.
boots_so_far() { dd if=$DISK bs=512 count=1 iflag=direct 2>/dev/null | tr -d '\0'; }
count_boot() { printf %-512s "$1" | tr ' ' '\0' | dd of=$DISK bs=512 count=1 oflag=direct conv=notrunc 2>/dev/null; }
disk_sum() { dd if=$DISK bs=64k skip=1 iflag=direct 2>/dev/null | md5sum | cut -d' ' -f1; }

wait_for() {
	local n=0
	while [ ! -e "$1" ] && [ $n -lt 100 ]; do sleep 0.1; n=$((n + 1)); done
	[ -e "$1" ]
}

# msis_on CPU NAME: so far on this CPU
msis_on() { awk -v col=$(($1 + 2)) -v name="$2" '/ITS-PCI-MSIX/ && index($0, name) { n += $col } END { print n + 0 }' /proc/interrupts; }

# moved_to CPU IRQ NAME: reading the device interrupts this CPU, and not the other
moved_to() {
	local here there
	echo "$1" > "/proc/irq/$2/smp_affinity_list" || return 1
	read_rng 1	# what was on its way to the other
	here=$(msis_on "$1" "$3") there=$(msis_on $((1 - $1)) "$3")
	read_rng 8 || { echo "  no bytes"; return 1; }
	[ "$(msis_on "$1" "$3")" -gt "$here" ] || { echo "  none on CPU $1"; return 1; }
	[ "$(msis_on $((1 - $1)) "$3")" = "$there" ] || { echo "  some on the other than CPU $1"; return 1; }
}

# moves NAME: its interrupt goes to each CPU and back
moves() {
	local irq cpu
	irq=$(awk -v name="$1" '/ITS-PCI-MSIX/ && index($0, name) { sub(":", ""); print $1 }' /proc/interrupts)
	[ -n "$irq" ] || { echo "  no MSI-X by the ITS"; cat /proc/interrupts; return 1; }
	for cpu in 1 0 1 0; do moved_to $cpu "$irq" "$1" || return 1; done
}

# A CPU that is gone leaves its interrupts to the other, also those of the disk.
without_cpu1() {
	local status=0
	echo 0 > /sys/devices/system/cpu/cpu1/online || return 1
	same "$1" "$(disk_sum)" || status=1
	echo 1 > /sys/devices/system/cpu/cpu1/online || status=1
	return $status
}

check "two CPUs" [ "$(nproc)" = 2 ]
insmod /lib/virtio_blk.ko
check "a disk" wait_for $DISK
boot=$(($(boots_so_far) + 1))
before=$(msis)
check "the disk has what it should have" same "$2" "$(disk_sum)"
check "by MSIs of the ITS" [ "$(msis)" -gt "$before" ]
check "and with one CPU" without_cpu1 "$2"
for rng in /sys/bus/virtio/drivers/virtio_rng/virtio*; do
	name=${rng##*/}
	check "$name is used" sh -c "echo virtio_rng.${rngs:-0} > /sys/class/misc/hw_random/rng_current"
	check "the MSI of $name at $(pci_of "$rng") moves" moves "$name-input"
	rngs=$((${rngs:-0} + 1))
done
check "there are ${3:-2} devices to move" [ "${rngs:-0}" = "${3:-2}" ]
[ "$FAILED" != 0 ] || count_boot $boot
[ "$FAILED" != 0 ] || echo "boot $boot of $1: all well"
[ "$FAILED" != 0 ] || [ "$boot" -ge "$1" ] || reboot -f
finish
