# SPDX-License-Identifier: GPL-2.0-only
# A device of which EL2 refuses the MAPD: a malformed entry in the shadow of the Device
# table, where its L2 page would be. Its driver gets no MSIs, nobody else gets an error.
# virtio-pci asks for MSI-X three times, each time for fewer vectors, and falls back to INTx.
. /tests/lib.sh
need_owned
[ -f /lib/virtio_blk.ko ] || not_ok "no virtio_blk.ko beside the Image"
[ -d /sys/devices/system/cpu/cpu1 ] || not_ok "there is no CPU 1"
[ -r $ITS ] && [ "$FAILED" = 0 ] || finish

EMPTY=0000:24:00.0	# a disk of no bytes: nobody waits for its interrupts
DISK=0000:26:00.0
RNG=0000:00:01.0
OTHER_RNG=0000:1f:00.0
MAPD_MAX=3
ROUNDS=50
TRACING=/sys/kernel/tracing
HYP=$TRACING/remotes/hypervisor
PCI=/sys/bus/pci/drivers/virtio-pci
PROBE=/sys/bus/virtio/drivers_autoprobe

unbind() { echo "$1" > $PCI/unbind; }
bind() { echo "$1" > $PCI/bind; }
rebind_once() { unbind "$1" && bind "$1"; }

# The first-level entry of the DeviceIDs from 0x2000 on
entry=$(its_device_table | {
	read -r shadow psz esz _
	echo $((shadow + 0x2400 / (psz / esz) * 8))
})
read_entry() { dd if=/dev/mem bs=8 skip=$((entry / 8)) count=1 2>/dev/null | od -A n -t x8 | tr -d ' '; }
# write_entry VALUE OCTAL: the same value twice
write_entry() {
	printf "$2" | dd of=/dev/mem bs=8 seek=$((entry / 8)) conv=notrunc 2>/dev/null
	[ "$(read_entry)" = "$1" ]
}

refused() { awk '$1 == "commands" { n += $5 } END { print n + 0 }' $ITS; }
owned() { sed -n 's/^\(devices .*\)/\1/p; s/^\(pages owned [0-9]*\) .*/\1/p' $ITS | tr '\n' ' '; }
l2s() { grep -c '^l2 ' $ITS; }
refusals() { dmesg | grep 'EL2 refused' | sed 's/.*EL2 refused //'; }
# failures: commands whose senders were told that they failed; the log has some as a number only
failures() {
	dmesg | awk '
		/ITS cmd .* failed/ { n++ }
		/its_send_single_command: [0-9]* callbacks suppressed/ { n += $(NF - 2) }
		END { print n + 0 }'
}
has_msis() { grep -q "ITS.*$1" /proc/interrupts; }
virtio_of() { basename "$(ls -d /sys/bus/pci/devices/"$1"/virtio*)"; }
# The interrupts of a pin which the device may share, delivered so far
intxs() {
	awk -v dev="$(virtio_of "$1")" '
		/GICv3/ && $0 ~ "[ ,]" dev "(,|$)" {
			for (i = 2; i <= NF && $i ~ /^[0-9]+$/; i++) n += $i
			found = 1
		}
		END { if (found) print n }' /proc/interrupts
}
has_intx() { ! has_msis "$1" && [ -n "$(intxs "$1")" ]; }
is_driven() { [ -e "/sys/bus/virtio/drivers/virtio_blk/$(virtio_of "$1")" ]; }
read_disk() { timeout 20 dd if=/dev/"$(ls /sys/bus/pci/devices/"$1"/virtio*/block)" of=/dev/null bs=4096 count=32 iflag=direct 2>/dev/null; }
disk_works() {
	local before
	before=$(msis "$1")
	read_disk "$1" && [ "$(msis "$1")" -gt "$before" ]
}
disk_works_without_msis() {
	local before
	before=$(intxs "$1")
	has_intx "$1" && read_disk "$1" && [ "$(intxs "$1")" -gt "$before" ]
}

# One driver after the other: a disk of some bytes is read while it is bound.
echo 0 > $PROBE
check "load the driver" insmod /lib/virtio_blk.ko
unbind $EMPTY
unbind $DISK
echo 1 > $PROBE
start=$(owned)
check "no L2 page for these devices" [ "$(read_entry)" = 0000000000000000 ]
check "a RES0 bit in the first-level entry" write_entry 8010000000000000 '\0\0\0\0\0\0\020\200'

check "the device is bound" bind $EMPTY
maps=$(refused)
refusals | uniq -c
check "EL2 refused 1 to $MAPD_MAX commands ($maps)" [ "$maps" -ge 1 -a "$maps" -le $MAPD_MAX ]
check "each of them MAPD, for want of the L2 page" \
	[ "$(refusals | grep -c '^MAPD (device 0x2400): no valid first-level entry')" = "$maps" -a "$(refusals | wc -l)" = "$maps" ]
check "the driver has an INTx" has_intx $EMPTY
check "and drives the device" is_driven $EMPTY
check "devices and pages are as before" same "$start" "$(owned)"
check "it is unbound" unbind $EMPTY
check "which sends no command that is refused" same "$maps" "$(refused)"
check "devices and pages are as before" same "$start" "$(owned)"

bind_each() {
	local n=0
	while [ $n -lt 5 ]; do
		bind $EMPTY && same "$start" "$(owned)" && unbind $EMPTY && same "$start" "$(owned)" || return 1
		n=$((n + 1))
	done
}
check "bound and unbound 5 times" bind_each
check "each time with as many refusals" same $((6 * maps)) "$(refused)"

# Each ITT that EL2 refused is freed by the driver, as often as it was refused.
trace_on() {
	echo 16384 > $TRACING/buffer_size_kb &&
		echo 1 > "$(find $HYP/events -path '*/its_donate/enable')" &&
		echo 1 > "$(find $HYP/events -path '*/its_refused/enable')" &&
		echo 1 > $TRACING/events/kmem/mm_page_free/enable && echo 1 > $HYP/tracing_on
}
trace_off() { echo 0 > $TRACING/events/kmem/mm_page_free/enable && echo 0 > $HYP/tracing_on; }
frees_itts() {
	local size nr phys pfn freed lost
	size=$(awk '/^KernelPageSize/ { print $2 * 1024; exit }' /proc/self/smaps)
	trace_on && bind $EMPTY && unbind $EMPTY && trace_off || return 1
	sed -n 's/.*mm_page_free: .* pfn=0x0*\([0-9a-f]*\) .*/\1/p' $TRACING/trace > /tmp/freed
	# The driver sends a command by a hypercall, and by the queue if that does not take it:
	# each refusal is of the ITT that was donated last.
	sed -n 's/.*its_donate.* phys=\(0x[0-9a-f]*\) nr_pages=1$/\1/p; s/.*its_refused.*/refused/p' $HYP/trace |
		awk '$1 == "refused" { print itt; next } { itt = $1 }' | sort | uniq -c > /tmp/itts
	lost=$(cat $TRACING/per_cpu/cpu*/stats | awk '/^(overrun|commit overrun|dropped events):/ { n += $NF } END { print n + 0 }')
	[ "$lost" -eq 0 ] || { echo "  the trace lost $lost events"; return 1; }
	[ -s /tmp/itts ] || { echo "  no ITT in the trace"; return 1; }
	while read -r nr phys; do
		pfn=$(printf %x $((phys / size)))
		freed=$(grep -cx "$pfn" /tmp/freed)
		[ "$freed" -ge "$nr" ] || { echo "  the ITT at $phys, refused $nr times, was freed $freed times"; return 1; }
	done < /tmp/itts
}
check "the driver frees each ITT that was refused" frees_itts

if [ "$FAILED" = 0 ]; then
	check "a disk is bound" bind $DISK
	check "and is read without MSIs" disk_works_without_msis $DISK
	check "and is unbound" unbind $DISK
fi

# The neighbours, on CPU 0
move() {
	local irq moves=0
	irq=$(awk -F: "/ITS.*$RNG .*input/ { print \$1 + 0 }" /proc/interrupts)
	while [ ! -e /tmp/done ]; do
		echo 1 > /proc/irq/"$irq"/smp_affinity_list
		echo 0 > /proc/irq/"$irq"/smp_affinity_list
		moves=$((moves + 2))
	done
	echo $moves > /tmp/moves
}
rebind_other() {
	local binds=0
	while [ ! -e /tmp/done ]; do
		rebind_once $OTHER_RNG
		has_msis $OTHER_RNG || echo "bind $binds" >> /tmp/without
		binds=$((binds + 1))
	done
	echo $binds > /tmp/binds
}
bind_refused() {
	local n=0
	while [ $n -lt $ROUNDS ]; do
		rebind_once $EMPTY || return 1
		n=$((n + 1))
	done
}

bind $EMPTY
: > /tmp/without
move & mover=$!
rebind_other & rebinder=$!
taskset -p 1 $mover > /dev/null
taskset -p 1 $rebinder > /dev/null
taskset -p 2 $$ > /dev/null
check "$ROUNDS binds refused on CPU 1" bind_refused
taskset -p 3 $$ > /dev/null
touch /tmp/done
wait $mover $rebinder
# What the log has left out is said with the next message after 5 s.
sleep 6
rebind_once $EMPTY
echo "  neighbours on CPU 0: $(cat /tmp/moves) moves, $(cat /tmp/binds) binds"
check "the neighbours did something" [ "$(cat /tmp/moves)" -gt 100 -a "$(cat /tmp/binds)" -gt 5 ]
check "as many failures as refusals" same "$(refused)" "$(failures)"
dmesg | grep -o 'ITS cmd .* failed' | sort | uniq -c
check "none of them a neighbour's" [ "$(dmesg | grep 'ITS cmd .* failed' | grep -vc 'its_build_mapd_cmd')" = 0 ]
check "the neighbour had MSIs after every bind" same "" "$(cat /tmp/without)"
check "devices and pages are as before" same "$start" "$(owned)"
check "the neighbours deliver" rngs_work

unbind $EMPTY
before=$(refused) l2=$(l2s)
check "the entry is 0 again" write_entry 0000000000000000 '\0\0\0\0\0\0\0\0'
check "the device is bound" bind $EMPTY
check "the driver has MSIs" has_msis $EMPTY
check "an L2 page was donated" [ "$(l2s)" = $((l2 + 1)) ]
check "a disk is bound" bind $DISK
check "and delivers MSIs" disk_works $DISK
check "unbound and bound 5 times" rebind $DISK 5
check "the other one as well" rebind $EMPTY 5
check "the disk delivers after that" disk_works $DISK
check "nothing was refused any more" same "$before" "$(refused)"
finish
