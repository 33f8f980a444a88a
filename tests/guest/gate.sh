# SPDX-License-Identifier: GPL-2.0-only
# gate.sh msi|nomsi ADDRESS...: firmware describes ITSs there, in hexadecimal, that Linux
# does not drive. They are not EL2's, so nobody may have a protected guest.
. /tests/lib.sh
msi=$1
shift

dmesg | grep -E 'ITS[@:]' | sed 's/^[^]]*]/ /'
[ ! -r $ITS ] || grep -E '^(its|protected)' $ITS | sed 's/^/  /'
for address in "$@"; do
	check "the log says that EL2 does not own $address" \
		sh -c "dmesg | grep -q 'ITS@0x0*$address: described by firmware, not owned by EL2; EL2 refuses protected guests'"
	check "and so does debugfs" grep -q "^its 0x0*$address owner host unused$" $ITS
done
check "EL2 refuses protected guests" grep -q '^protected_guests refused$' $ITS
/pvm protected
check "a protected guest is refused" [ $? = 1 ]
check "and the log says so" sh -c "dmesg | grep -q 'protected VMs are refused'"
check "an ordinary guest is created" /pvm ordinary
if [ "$msi" = msi ]; then
	check "another ITS delivers MSIs" rngs_work
else
	check "there are no MSIs" [ "$(msis)" = 0 ]
	check "the device works without" read_rng
fi
finish
