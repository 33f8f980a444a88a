# SPDX-License-Identifier: GPL-2.0-only
# A console to type at.
. /tests/lib.sh
echo 4 > /proc/sys/kernel/printk
export PS1='# ' ENV=/tests/lib.sh
cat <<-'END'
	KVM selftests and programs are in /bin; debugfs is in /sys/kernel/debug, tracefs in /sys/kernel/tracing.
	  cat $ITS        who owns the ITS        its_shadow      a selftest
	  rngs_work       MSIs by the ITS         its_attack -h   attacks
	  pvm             a protected guest       exit            power off
END
cd /
# The shell is the leader of a session, whose terminal this becomes: Ctrl-C works.
setsid sh -c 'exec sh -i < /dev/ttyAMA0 > /dev/ttyAMA0 2>&1'
poweroff -f
