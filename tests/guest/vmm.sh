# SPDX-License-Identifier: GPL-2.0-only
# A Linux guest under QEMU. It has a disk and a virtio-rng by QEMU, and a virtio-rng of the
# machine, by VFIO: on a GICv4 the interrupts of that one are vLPIs.
#   args=BOOTS,GIC     it boots, moves its interrupts and reboots, this often in a row; what is
#                      checked in each boot is in vmguest.sh
#   args=shell         its console, to type at
. /tests/lib.sh
DEVICE=0000:00:10.0
LIMIT=300
LOG=/tmp/guest.log
DISK=/tmp/disk

refused() { awk '$1 == "commands" { n += $5 } END { print n + 0 }' $ITS; }
# How many interrupts go to a vCPU past the host.
vlpis() { grep -l IRQD_FORWARDED_TO_VCPU /sys/kernel/debug/irq/irqs/* 2>/dev/null | wc -l; }

# The device behind the SMMU, away from its driver: VFIO has it.
give_device() {
	local group pci
	group=$(ls -d /sys/kernel/iommu_groups/*/devices/$DEVICE) || { echo "  no SMMU"; return 1; }
	pci=/sys/bus/pci/devices/$DEVICE
	echo vfio-pci > $pci/driver_override
	echo $DEVICE > $pci/driver/unbind
	echo $DEVICE > /sys/bus/pci/drivers_probe
	[ -e "/dev/vfio/$(echo "$group" | cut -d/ -f5)" ]
}

# Its first 64k are for the guest to count boots in.
make_disk() {
	dd if=/dev/urandom of=$DISK bs=64k count=33 2>/dev/null
	dd if=/dev/zero of=$DISK bs=64k count=1 conv=notrunc 2>/dev/null
	SUM=$(dd if=$DISK bs=64k skip=1 2>/dev/null | md5sum | cut -d' ' -f1)
}

# vmm ARGUMENTS: becomes the guest, with these for its test. Each character on its console is an exit
# to QEMU: only warnings. No BAR of the device is in its memory map, as pKVM gives guests nothing
# but memory; QEMU reads and writes them.
vmm() {
	exec /vmm/ld-linux-aarch64.so.1 --library-path /vmm /vmm/qemu-system-aarch64 \
		-accel kvm -cpu host -machine virt,gic-version=3,its=on -smp 2 -m 256M \
		-nodefaults -display none -serial stdio -kernel /guest/Image -initrd /guest/initramfs \
		-append "console=ttyAMA0,115200 loglevel=5 panic=-1 test=vmguest args=$1" \
		-drive if=none,id=disk,format=raw,file=$DISK -device virtio-blk-pci,drive=disk,romfile= \
		-device virtio-rng-pci,romfile= -device vfio-pci,host=$DEVICE,x-no-mmap=on
}

# at_most VARIABLE NUMBER: the most that it was so far
at_most() { [ "$2" -le "$(eval "echo \$$1")" ] || eval "$1=$2"; }

# watch PID: the most at a time, while the guest is there
watch() {
	MOST_VPES=0 MOST_VLPIS=0 MOST_BY_HOST=0
	while kill -0 "$1" 2>/dev/null; do
		at_most MOST_VPES "$(vpes)"
		at_most MOST_VLPIS "$(vlpis)"
		at_most MOST_BY_HOST "$(msis vfio-msix)"
		sleep 3
	done
}

# guest BOOTS: it powers off after so many, and each came to its end
guest() {
	local pid status=0
	make_disk
	vmm "$1,$SUM" < /dev/null > $LOG 2>&1 &
	pid=$!
	(sleep "$LIMIT" && kill -9 $pid) 2>/dev/null &
	watch $pid
	wait $pid || status=$?
	kill $! 2>/dev/null
	# The last words before a reboot may not reach the console; what is on the disk counts.
	[ $status = 0 ] && [ "$(dd if=$DISK bs=512 count=1 2>/dev/null | tr -d '\0')" = "$1" ] &&
		! grep -qE '^not ok|WARNING: |BUG: |Oops' $LOG && return
	echo "  QEMU ended with $status"
	grep -aE '^not ok|WARNING: |BUG: |Oops' $LOG | head -n 5 | sed 's/^/  /'
	tail -n 40 $LOG | sed 's/^/  /'
	return 1
}

# On a GICv4: a vPE for each vCPU, and interrupts which did not come by the host.
vlpis_are() {
	[ "$MOST_VPES" -ge 2 ] && [ "$MOST_VLPIS" -gt 0 ] && return
	echo "  vPEs: $MOST_VPES, vLPIs: $MOST_VLPIS"
	return 1
}

need_owned
check "the device is given to VFIO" give_device
if [ "$1" = shell ]; then
	make_disk
	(vmm shell) < /dev/ttyAMA0 > /dev/ttyAMA0 2>&1
	finish
fi
check "a guest boots, moves its interrupts, powers off" guest 1
owned=$(pages_owned) settings=$(its_settings)
check "a guest boots ${1:-10} times in a row, and moves its interrupts each time" guest "${1:-10}"
grep -a '^boot ' $LOG | tail -n 1
echo "# at most $MOST_VPES vPEs, $MOST_VLPIS vLPIs, $MOST_BY_HOST MSIs of the device by the host"
if [ "${2:-3}" = 4 ]; then
	check "its interrupts were vLPIs" vlpis_are
	check "no vPE is left" same 0 "$(vpes)"
fi
check "EL2 has as many pages as before: $owned" same "$owned" "$(pages_owned)"
check "tables and queue are unchanged" same "$settings" "$(its_settings)"
check "no command was refused" same 0 "$(refused)"
check "MSIs go on" rngs_work
finish
