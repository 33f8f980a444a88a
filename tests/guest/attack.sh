# SPDX-License-Identifier: GPL-2.0-only
# A compromised host: the given programs of bin/ in turn, + joins a name and its arguments.
# The watcher outside stops the machine at the marker to see EL2's memory before.
. /tests/lib.sh
dmesg | grep -o 'kvm \[.*Reserved .*' | sed 's/^/# /'
dmesg | grep -o 'Protected .* mode.*' | sed 's/^/# /'
check "interrupts before" rngs_work
# Guests with GICv4 leave an L2 page of the vPE table behind.
[ ! -x /bin/vgic_lpi_stress ] || check "guests with vLPIs" \
	sh -c '/bin/vgic_lpi_stress -v 2 -d 2 -e 4 -i 10 > /tmp/log 2>&1 || { tail -n 5 /tmp/log; false; }'
[ ! -f /lib/its_bypass.ko ] || check "the driver of the device" bind_bypass
[ ! -r $ITS ] || sed "s/^/fact: /" $ITS
echo "MARK before"
sleep 2
echo "MARK attack"
# A selftest with a guest opens itself by the name it is called by.
cd /bin || exit 1
for attack in "$@"; do
	set -- $(echo "$attack" | tr '+' ' ')
	[ -x "/bin/$1" ] || { not_ok "no $1 in this guest"; continue; }
	timeout 100 "$@" 2>&1
	status=$?
	case $status in
	0) ok "$*" ;;
	4) not_ok "$* skipped" ;;
	*) not_ok "$*: status $status" ;;
	esac
done
echo "MARK after"
check "interrupts after" rngs_work
dmesg | grep -cE 'ITS@.*refused' | sed 's/^/# refusals in the log: /'
finish
