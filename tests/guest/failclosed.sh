# SPDX-License-Identifier: GPL-2.0-only
# The kernel was told to let the hand-over fail: it goes on without, but without
# protected guests.
. /tests/lib.sh

dmesg | grep 'hand-over failed' | sed 's/^.*hand-over/  hand-over/'
check "the log says which ITS and why" \
	sh -c "dmesg | grep -qE 'ITS@0x[0-9a-f]+: hand-over failed: [a-z ]+ \(-[0-9]+\)'"
check "the ITS is the host's" grep -qE '^its 0x[0-9a-f]+ owner host error -[0-9]+$' $ITS
check "nothing of it is EL2's" sh -c "! grep -v '^rdist ' $ITS | grep -q 'owner EL2'"
check "MSIs are delivered" rngs_work
echo 0000:00:01.0 > /sys/bus/pci/drivers/virtio-pci/unbind
echo 0000:00:01.0 > /sys/bus/pci/drivers/virtio-pci/bind
check "and after the device was unbound and bound" rngs_work
/pvm protected
check "a protected guest is refused" [ $? = 1 ]
check "and the log says so" sh -c "dmesg | grep -q 'protected VMs are refused'"
check "an ordinary guest is created" /pvm ordinary
finish
