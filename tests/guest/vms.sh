# SPDX-License-Identifier: GPL-2.0-only
# Guests with vLPIs, created and destroyed: args=count. No page is lost.
. /tests/lib.sh
need_owned

# where PID: its threads: state, time in user space and in the kernel, what it waits for
where() {
	local task
	for task in /proc/"$1"/task/*; do
		echo "  ${task##*/}: $(cut -d' ' -f3,14,15 "$task/stat") $(cat "$task/wchan" "$task/syscall" 2>/dev/null)"
	done
	cat $ITS
}

vm() {
	local pid killer
	/bin/vgic_lpi_stress -v 2 -d 1 -e 2 -i 2 > /tmp/log 2>&1 &
	pid=$!
	(sleep 60; echo "  no end within 60 s:"; where $pid; kill -9 $pid) &
	killer=$!
	wait $pid && { kill $killer; return; }
	kill $killer
	tail -n 5 /tmp/log
	return 1
}

# The first ones need L2 pages, which stay EL2's.
check "a guest" vm
owned=$(pages_owned)
n=0
while [ $n -lt "${1:-100}" ] && vm; do
	n=$((n + 1))
	[ $((n % 5)) != 0 ] || echo "  $n guests"
done
check "$n guests" [ $n = "${1:-100}" ]
check "no page is lost: $owned" same "$owned" "$(pages_owned)"
check "no vPE is left" same 0 "$(vpes)"
check "no command was refused" [ "$(awk '$1 == "commands" { n += $5 } END { print n }' $ITS)" = 0 ]
check "MSIs go on" rngs_work
finish
