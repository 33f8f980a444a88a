# A compromised host: its_shadow with the given arguments, bin/its_shadow in the guest.
# The watcher outside stops the machine at the marker to see EL2's memory before.
. /tests/lib.sh
[ -x /bin/its_shadow ] || { not_ok "no its_shadow in this guest"; finish; }
dmesg | grep -o 'kvm \[.*Reserved .*' | sed 's/^/# /'
dmesg | grep -o 'Protected .* mode.*' | sed 's/^/# /'
check "interrupts before" rngs_work
# Guests with GICv4 leave an L2 page of the vPE table behind.
[ ! -x /bin/vgic_lpi_stress ] || check "guests with vLPIs" \
	sh -c '/bin/vgic_lpi_stress -v 2 -d 2 -e 4 -i 10 > /tmp/log 2>&1 || { tail -n 5 /tmp/log; false; }'
[ ! -r $ITS ] || sed "s/^/fact: /" $ITS
echo "MARK before"
sleep 2
echo "MARK attack"
timeout 100 /bin/its_shadow "$@" 2>&1
status=$?
echo "MARK after"
case $status in
0) ok "its_shadow $*" ;;
4) not_ok "its_shadow $* skipped" ;;
*) not_ok "its_shadow $*: status $status" ;;
esac
check "interrupts after" rngs_work
dmesg | grep -cE 'ITS@.*refused' | sed 's/^/# refusals in the log: /'
finish
