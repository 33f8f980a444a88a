# A device of which EL2 refuses the MAPD: the first-level entry it needs is malformed.
. /tests/lib.sh
need_owned
uname -a; cat $ITS
echo 0 > /sys/bus/virtio/drivers_autoprobe
insmod /lib/virtio_blk.ko
shadow=$(awk '$1 == "table" && $4 == "Devices" { print $17 }' $ITS)
echo "shadow $shadow"
pci=0000:24:00.0
e=$(printf '0x%x' $((shadow + 8)))
devmem $e 64
devmem $e 64 0x8010000000000000
devmem $e 64
drv=/sys/bus/pci/drivers/virtio-pci
grep -E '^(devices|pages|commands)' $ITS
echo 1 > /sys/bus/virtio/drivers_autoprobe
for i in 1 2 3; do
dmesg -c >/dev/null
echo $pci > $drv/unbind
echo unbound
grep -E '^(devices|pages|commands)' $ITS
echo $pci > $drv/bind
echo bound
dmesg | sed 's/^/  /'
grep -E '^(devices|pages|commands)' $ITS
grep virtio /proc/interrupts
ls -l /sys/bus/virtio/drivers/virtio_blk/
done
finish
