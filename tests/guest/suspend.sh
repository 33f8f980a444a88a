# SPDX-License-Identifier: GPL-2.0-only
# The ITS driver's suspend and resume callbacks, five times.
. /tests/lib.sh
need_owned
[ -w /sys/power/pm_test ] || { not_ok "no /sys/power/pm_test"; finish; }
for delay in /sys/module/*/parameters/pm_test_delay; do echo 0 > "$delay"; done
before=$(its_settings)
for round in 1 2 3 4 5; do
	echo core > /sys/power/pm_test
	if echo disk > /sys/power/state; then
		ok "suspend and resume $round"
	else
		not_ok "suspend and resume $round"
	fi
	check "MSIs after resume $round" rngs_work
	check "tables and queue are unchanged ($round)" same "$before" "$(its_settings)"
done
finish
