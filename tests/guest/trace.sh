# SPDX-License-Identifier: GPL-2.0-only
# The hypervisor's trace events: pages of a device that goes and comes back.
. /tests/lib.sh
need_owned
mkdir -p /tracing
mount -t tracefs tracefs /tracing
hyp=/tracing/remotes/hypervisor
[ -d $hyp ] || { not_ok "no $hyp"; finish; }

for event in its_donate its_return its_refused; do
	enable=$(find $hyp/events -path "*/$event/enable" | head -n 1)
	check "event $event" sh -c "[ -n '$enable' ] && echo 1 > '$enable'"
done
echo 1 > $hyp/tracing_on
rebind 0000:00:01.0 1
echo 0 > $hyp/tracing_on
cat $hyp/trace > /tmp/trace
grep -E 'its_(donate|return)' /tmp/trace | head -n 4 | sed 's/^/  /'
check "its_return tells which pages the unmap gave back" \
	grep -qE 'its_return.*its=0x[0-9a-f]+ phys=0x[0-9a-f]+ nr_pages=1' /tmp/trace
check "its_donate tells which pages the map took" \
	grep -qE 'its_donate.*its=0x[0-9a-f]+ phys=0x[0-9a-f]+ nr_pages=1' /tmp/trace
finish
