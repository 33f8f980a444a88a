# SPDX-License-Identifier: GPL-2.0-only
# A driver which binds after the hand-over, to a device whose L2 page is not there yet.
. /tests/lib.sh
need_owned
[ -f /lib/virtio_blk.ko ] || { not_ok "no virtio_blk.ko beside the Image"; finish; }

blocks() { find /sys/bus/virtio/drivers/virtio_blk -name 'virtio[0-9]*' 2>/dev/null | sed 's|.*/||' | sort; }
l2s() { grep -c '^l2 ' $ITS; }
block_works() {
	local disk before bad=0
	[ -n "$(ls -d /sys/block/vd* 2>/dev/null)" ] || return 1
	for disk in /sys/block/vd*; do
		before=$(msis)
		timeout 20 dd if=/dev/${disk##*/} of=/dev/null bs=4096 count=32 iflag=direct 2>/dev/null || bad=1
		[ "$(msis)" -gt "$before" ] || { echo "  no MSI from ${disk##*/}"; bad=1; }
	done
	return $bad
}

[ ! -r $ITS ] || { l2=$(l2s); start=$(pages_owned); }
check "load the driver" insmod /lib/virtio_blk.ko
sleep 1
check "the devices bound late deliver" block_works
if [ -r $ITS ]; then
	check "an L2 page was donated after the hand-over" [ "$(l2s)" -gt "$l2" ]
	bound=$(pages_owned)
	check "pages were donated" [ "$bound" -gt "$start" ]
fi

for dev in $(blocks); do
	pci=$(pci_of /sys/bus/virtio/devices/$dev)
	check "$pci unbound and bound 20 times" rebind "$pci" 20
done
check "they deliver after that" block_works
check "the others go on" rngs_work
finish
