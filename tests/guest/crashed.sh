# SPDX-License-Identifier: GPL-2.0-only
# crashed.sh CODE [TABLE]: in the crash kernel, see kdump.sh. EL2 and its ITSs are as they were:
# the crashed kernel's code can be read, a table of an ITS is still EL2's.
. /tests/lib.sh

# irqs WHAT: how often it interrupted so far
irqs() {
	awk -v what="$1" '
		index($0, what) { for (i = 2; i <= NF && $i ~ /^[0-9]+$/; i++) n += $i }
		END { print n + 0 }' /proc/interrupts
}

dmesg | grep -E 'CPUs? .*started at|Booting Linux on|GICv3:|GICv3 .*LPI|ITS|redistributor|kvm \[|vmcore' | sed 's/^[^]]*]/ /'
check "the crash kernel is at work" [ -r /proc/vmcore ]
check "at EL1, beneath EL2" sh -c "dmesg | grep -q 'started at EL1'"
grep -vE ' IPI[0-9]' /proc/interrupts | sed 's/^/  /'
check "it has no LPIs" sh -c "! grep -q ITS /proc/interrupts"

before=$(irqs arch_timer)
sleep 1
check "the timer interrupts" [ "$(irqs arch_timer)" -gt "$before" ]
before=$(irqs virtio0)
check "a device works without MSIs" read_rng
check "and interrupts" [ "$(irqs virtio0)" -gt "$before" ]

# Not all of /proc/vmcore: at the first page of EL2's the kernel would try for ever.
check "/proc/vmcore tells of the crash" \
	sh -c "dd if=/proc/vmcore bs=4096 count=16 2>/dev/null | grep -a '^CRASHTIME='"
word() { timeout 3 devmem "$1" 32; }
check "the crashed kernel's code can be read" [ -n "$(word "$1")" ]
[ -z "$2" ] || check "the Device table at $2 cannot" [ -z "$(word "$2")" ]
finish
