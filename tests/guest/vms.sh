# SPDX-License-Identifier: GPL-2.0-only
# Guests with vLPIs, created and destroyed: args=count. No page is lost.
. /tests/lib.sh
need_owned

vm() {
	twice 60 /bin/vgic_lpi_stress -v 2 -d 1 -e 2 -i 2 && return
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
