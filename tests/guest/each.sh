# SPDX-License-Identifier: GPL-2.0-only
# KVM selftests for scripts/all-selftests.sh, one line "each NAME STATUS SECONDS WHY" for each:
# those in /list. A "begin NAME" without such a line is the one during which the guest ended.
. /tests/lib.sh
COMPLAINTS='WARNING: (CPU|.* at )|BUG: |Internal error|Oops|Unable to handle|hyp (BUG|UBSAN|panic)|UBSAN: |rcu: INFO|soft lockup'
limit=$(tr ' ' '\n' < /proc/cmdline | sed -n 's/^limit=//p')
cd /selftests || exit 1

why() {
	case $1 in
	0) ;;
	4) grep -iE 'skip|require' /tmp/log | tail -n 1 | grep . || tail -n 1 /tmp/log | grep . || echo "says no reason" ;;
	137) echo "no end within $limit s" ;;
	*) { grep -A 1 '^==== Test Assertion' /tmp/log | tail -n 1; grep -E '^(# *)?not ok' /tmp/log; tail -n 1 /tmp/log; } | head -n 1 ;;
	esac | sed 's/.*SKIP \(- \)\{0,1\}//' | tr -s ' \t\r' ' ' | cut -c1-100
}

while read -r name options <&3; do
	echo "begin $name"
	# Some look in the log for what the kernel said at boot: it is not cleared.
	said=$(dmesg | wc -l)
	start=$(cut -d. -f1 /proc/uptime)
	# shellcheck disable=SC2086
	timeout -s KILL "$limit" "./$name" $options > /tmp/log 2>&1 < /dev/null
	status=$?
	seconds=$(($(cut -d. -f1 /proc/uptime) - start))
	if dmesg | tail -n +$((said + 1)) | grep -qE "$COMPLAINTS"; then
		echo "each $name 99 $seconds the kernel: $(dmesg | tail -n +$((said + 1)) | grep -E -m 1 "$COMPLAINTS" | sed 's/^\[[^]]*\] //' | cut -c1-100)"
	else
		echo "each $name $status $seconds $(why $status)"
	fi
	# What it left running would disturb the next one.
	killall -9 "$name" 2> /dev/null
done 3< /list
exit 0
