# SPDX-License-Identifier: GPL-2.0-only
# kdump.sh nolpi|lpi [CPU]: the kernel crashes on that CPU, while a device sends MSIs. Another
# boots in its place, told to do without LPIs or not, and goes on with crashed.sh.
. /tests/lib.sh
case $1 in
nolpi) more=irqchip.gicv3_nolpi=1 ;;
lpi) more= ;;
*) not_ok "nolpi or lpi?"; finish ;;
esac
code=0x$(awk '/: Kernel code/ { sub("-.*", ""); print $1 }' /proc/iomem)
table=
[ ! -r $ITS ] || table=$(its_values table type base | sed -n 's/^Devices //p' | head -n 1)
arguments="console=ttyAMA0,115200 earlycon panic=-1 maxcpus=1 $more test=crashed args=$code,$table stock=$STOCK"

need_owned
[ "$STOCK" = 1 ] || check "its Device table is at $table" [ -n "$table" ]
check "memory is set aside for a crash kernel" [ "$(cat /sys/kernel/kexec_crash_size)" -gt 0 ]
/kexec normal /crash/Image /crash/initramfs "$arguments"
check "ordinary kexec is refused" [ $? = 1 ]
check "as pKVM keeps the CPUs" sh -c "dmesg | grep -q 'CPUs are stuck in the kernel'"
check "a crash kernel is loaded" /kexec crash /crash/Image /crash/initramfs "$arguments"
check "and is in its place" [ "$(cat /sys/kernel/kexec_crash_loaded)" = 1 ]
[ "$FAILED" = 0 ] || finish

cat /dev/hwrng > /dev/null &
sleep 1
echo "=== dmesg"
taskset "$(printf %x $((1 << ${2:-0})))" sh -c 'echo c > /proc/sysrq-trigger'
sleep 5
echo "=== test $NAME"
not_ok "the kernel did not crash"
finish
