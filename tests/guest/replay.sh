# SPDX-License-Identifier: GPL-2.0-only
# A host whose firmware restores the ITS: /replay, and somebody outside who plays that
# firmware. args=vpe: with a vPE, on GICv4.
. /tests/lib.sh
need_owned
dmesg | grep -o 'kvm \[.*Reserved .*' | sed 's/^/# /'
dmesg | grep -o 'Protected .* mode.*' | sed 's/^/# /'
check "interrupts before" rngs_work
# Guests with GICv4 leave an L2 page of the vPE table behind.
[ "$1" != vpe ] || check "guests with vLPIs" \
	sh -c '/bin/vgic_lpi_stress -v 2 -d 2 -e 4 -i 10 > /tmp/log 2>&1 || { tail -n 5 /tmp/log; false; }'
if [ -r $ITS ]; then
	place=$(its_queue)
else
	for node in /sys/firmware/devicetree/base/*/its@*; do place="0x${node##*@} - -"; done
fi
# Without power the ITS takes no MSI, and one lost is lost for good: the device stands
# still meanwhile, as when the system is suspended.
rngs=$(hwrngs | cut -d' ' -f2)
driver=/sys/bus/pci/drivers/virtio-pci
for rng in $rngs; do echo "$rng" > $driver/unbind; done
check "replay $place $*" timeout 100 /replay $place "$@"
for rng in $rngs; do echo "$rng" > $driver/bind; done
check "interrupts after" rngs_work
finish
