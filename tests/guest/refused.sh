. /tests/lib.sh
need_owned
echo 0 > /sys/bus/virtio/drivers_autoprobe
insmod /lib/virtio_blk.ko
shadow=$(sed -n 's/^table .* type Devices .* shadow \(0x[0-9a-f]*\) .*/\1/p' $ITS)
pci=0000:24:00.0
put() { printf "$1" | dd of=/dev/mem bs=8 seek=$((shadow / 8 + 1)) conv=notrunc 2>/dev/null; }
put '\0\0\0\0\0\0\020\200'
drv=/sys/bus/pci/drivers/virtio-pci
echo 1 > /sys/bus/virtio/drivers_autoprobe
echo $pci > $drv/unbind
echo $pci > $drv/bind
sleep 6
dmesg -c > /dev/null
binds() { for i in $(seq 50); do echo $pci > $drv/unbind; echo $pci > $drv/bind; done; touch /tmp/done; }
export pci drv
cat > /tmp/nb <<'E2'
irq=$(awk -F: '/0000:1f:00.0 .*virtio.-input/ { print $1 + 0 }' /proc/interrupts)
n=0
while [ ! -e /tmp/done ]; do
	for j in 1 2 3 4 5 6 7 8 9 10 ; do
	echo 1 > /proc/irq/$irq/smp_affinity_list
	echo 0 > /proc/irq/$irq/smp_affinity_list
	done
	n=$((n+20))
done
echo "$n moves"
E2
grep -E '^(devices|pages|commands)' $ITS
grep MemFree /proc/meminfo
taskset 1 sh /tmp/nb &
taskset -p 2 $$
date +%s; binds; date +%s
taskset -p 3 $$
wait
grep -E '^(devices|pages|commands)' $ITS
grep MemFree /proc/meminfo
sleep 6
echo $pci > $drv/unbind
echo $pci > $drv/bind
grep -E '^(devices|pages|commands)' $ITS
dmesg
finish
