# SPDX-License-Identifier: GPL-2.0-only
# acpi.sh gicr|gicc: ACPI describes the machine, and the redistributors by that kind of entry.
. /tests/lib.sh
tables=/sys/firmware/acpi/tables
tree=/sys/firmware/devicetree/base
[ -r $tables/APIC ] || { not_ok "no ACPI tables: the kernel did not use ACPI"; finish; }

# madt KIND: how many entries of it the MADT has, as Linux sees it. They begin at byte 44
# with their kind and length.
madt() {
	od -An -v -tu1 $tables/APIC | awk -v kind="$1" '
		{ for (i = 1; i <= NF; i++) byte[n++] = $i }
		END {
			for (at = 44; at < n && byte[at + 1] > 1; at += byte[at + 1])
				found += byte[at] == kind
			print found + 0
		}'
}
regions() { dmesg | sed -n 's/^.*found redistributor [0-9a-f]* region \([0-9]*\):.*/\1/p' | sort -u | wc -l; }

echo "  MADT: $(madt 11) GICC, $(madt 14) GICR, $(madt 15) ITS"
dmesg | grep -E 'Table Upgrade: override|GICv3: CPU[0-9]+: found|ITS@' | sed 's/^[^]]*]/ /'
check "no device tree describes the GIC" sh -c "! ls $tree 2>/dev/null | grep -q '^intc'"
check "the MADT describes an ITS" [ "$(madt 15)" = 1 ]
case $1 in
gicr)
	check "and the redistributors by GICR entries" [ "$(madt 14)" -ge 1 ]
	check "of one region, for $(nproc) CPUs" [ "$(regions)" = 1 ] ;;
gicc)
	check "and no redistributor by a GICR entry" [ "$(madt 14)" = 0 ]
	check "but a region for each of $(nproc) CPUs" [ "$(regions)" = "$(nproc)" ] ;;
*) not_ok "gicr or gicc?" ;;
esac
need_owned
check "MSIs are delivered" rngs_work
pci=$(pci_of /sys/bus/virtio/drivers/virtio_rng/virtio0)
check "$pci unbound and bound 5 times" rebind "$pci" 5
check "and after that" rngs_work
if [ "$STOCK" != 1 ]; then
	check "EL2 allows protected guests" grep -q '^protected_guests allowed$' $ITS
	check "a protected guest is created" /pvm protected
fi
check "an ordinary guest is created" /pvm ordinary
finish
