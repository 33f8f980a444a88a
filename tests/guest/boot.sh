# SPDX-License-Identifier: GPL-2.0-only
# Facts for scripts/report.py.
. /tests/lib.sh
echo "=== uname $(uname -r) cpus $(nproc)"
dmesg | grep -E 'Protected .* mode|kvm \[|ITS@|GICv[34]' | sed 's/^/dmesg: /'
echo "=== interrupts before"
grep -E 'ITS' /proc/interrupts
read_rng 16 || echo "no bytes from /dev/hwrng"
echo "=== interrupts after"
grep -E 'ITS' /proc/interrupts
echo "=== its"
if [ -r $ITS ]; then cat $ITS; else echo "none"; fi
echo "=== end"
