# SPDX-License-Identifier: GPL-2.0-only
# Sourced by the guest tests.
ITS=/sys/kernel/debug/kvm/its
FAILED=0

ok() { echo "ok $NAME: $*"; }
not_ok() { echo "not ok $NAME: $*"; FAILED=$((FAILED + 1)); }
skip() { echo "skip $NAME: $*"; }
finish() { [ "$FAILED" = 0 ]; exit $?; }

# check "what" command...
check() {
	local what=$1
	shift
	if "$@"; then ok "$what"; else not_ok "$what"; fi
}

same() { [ "$1" = "$2" ] || { echo "  was: $1"; echo "  now: $2"; return 1; }; }

# A patched kernel must own its ITSs; the stock kernel has nothing to show.
need_owned() {
	if [ "$STOCK" = 1 ]; then
		skip "stock kernel: ownership is not looked at"
	elif [ ! -r $ITS ]; then
		not_ok "no $ITS: nothing is owned by EL2"
	elif grep -q '^its .* owner EL2' $ITS && ! grep -q 'owner host' $ITS; then
		ok "every ITS, table and queue is owned by EL2"
	else
		not_ok "not everything is owned by EL2"
		cat $ITS
	fi
}

# Interrupts delivered through the ITS so far, over all CPUs; optionally of one PCI device.
# shellcheck disable=SC2120
msis() {
	awk -v dev="${1:-}" '
		/ITS/ && (dev == "" || index($0, dev)) {
			for (i = 2; i <= NF && $i ~ /^[0-9]+$/; i++) n += $i
		}
		END { print n + 0 }' /proc/interrupts
}

pci_of() { basename "$(dirname "$(readlink -f "$1")")"; }

# rebind PCI-ADDRESS TIMES: unbinding the PCI driver unmaps the device in the
# ITS and returns pages, binding it takes as many again, each time.
rebind() {
	local pci=$1 times=$2 driver=/sys/bus/pci/drivers/virtio-pci n=0 bound unbound
	[ ! -r $ITS ] || bound=$(pages_owned)
	while [ $n -lt "$times" ]; do
		echo "$pci" > $driver/unbind || { echo "  cannot unbind $pci"; return 1; }
		if [ -r $ITS ]; then
			unbound=${unbound:-$(pages_owned)}
			[ "$unbound" -lt "$bound" ] || { echo "  unbinding returns no page: $bound, $unbound"; return 1; }
			[ "$(pages_owned)" = "$unbound" ] || { echo "  $unbound pages, now $(pages_owned)"; return 1; }
		fi
		echo "$pci" > $driver/bind || { echo "  cannot bind $pci"; return 1; }
		if [ -r $ITS ] && [ "$(pages_owned)" != "$bound" ]; then
			echo "  $bound pages, now $(pages_owned)"
			return 1
		fi
		n=$((n + 1))
	done
}

# hwrngs: "name pci-address" of every virtio-rng bound now
hwrngs() {
	local d
	for d in /sys/bus/virtio/drivers/virtio_rng/virtio*; do
		[ -e "$d" ] && echo "${d##*/} $(pci_of "$d")"
	done
}

# The hwrng core gives each device a name virtio_rng.N, N in order of probing.
rng_names() { cat /sys/class/misc/hw_random/rng_available; }

read_rng() { timeout 20 dd if=/dev/hwrng of=/dev/null bs=64 count="${1:-8}" 2>/dev/null; }

# Every hwrng, one after the other, gives bytes and makes MSIs arrive.
rngs_work() {
	local name before after bad=0
	[ -n "$(rng_names | sed 's/none//')" ] || return 1
	for name in $(rng_names); do
		[ "$name" != none ] || continue
		echo "$name" > /sys/class/misc/hw_random/rng_current || bad=1
		before=$(msis)
		read_rng 8 || { echo "  no bytes from $name"; bad=1; }
		after=$(msis)
		[ "$after" -gt "$before" ] || { echo "  no MSI from $name"; bad=1; }
	done
	return $bad
}

# its_values KIND KEYWORD...: the values of these, for each such line of debugfs. The
# second word of all but the queue's names it; keywords and their values follow.
its_values() {
	local kind=$1
	shift
	awk -v kind="$kind" -v keys="$*" '
		$1 == kind {
			for (i = kind == "queue" ? 2 : 3; i < NF; i += 2)
				v[$i] = $(i + 1)
			n = split(keys, key, " ")
			for (i = 1; i <= n; i++)
				printf "%s%s", v[key[i]], i < n ? " " : "\n"
		}' $ITS
}

# The frame of the first ITS, the queue that software writes, and its size.
its_queue() {
	echo "$(awk '$1 == "its" { print $2; exit }' $ITS)" $(its_values queue shadow size | head -n 1)
}

# The first level of the Device table that software writes, its page size, entry size and size.
its_device_table() {
	its_values table type layout shadow psz esz size | sed -n 's/^Devices indirect //p' | head -n 1
}

# The ITS settings which must survive everything: registers' values, tables, queue.
its_settings() {
	[ -r $ITS ] || { echo none; return; }
	grep -E '^(its|table|queue|l2|rdist) ' $ITS
}

pages_owned() { awk '$1 == "pages" { n += $3 } END { print n + 0 }' $ITS; }

its_donated() { awk '$1 == "pages" { n += $5 } END { print n + 0 }' $ITS; }

# where PID: its threads: state, time in user space and in the kernel, what it waits for; how often
# its guest was left so far, and a second later
where() {
	local task
	for task in /proc/"$1"/task/*; do
		echo "  ${task##*/}: $(cut -d' ' -f3,14,15 "$task/stat") $(cat "$task/wchan" "$task/syscall" 2>/dev/null)"
	done
	grep -s . /sys/kernel/debug/kvm/"$1"-*/exits
	sleep 1
	grep -s . /sys/kernel/debug/kvm/"$1"-*/exits
	sed 's/^/  /' /proc/interrupts
}

# limited SECONDS COMMAND...: its output in /tmp/log; says where it is if it takes longer
limited() {
	local seconds=$1 pid killer status=0
	shift
	"$@" > /tmp/log 2>&1 < /dev/null &
	pid=$!
	(sleep "$seconds"; echo "  no end within $seconds s:"; where $pid; kill -9 $pid) &
	killer=$!
	wait $pid || status=$?
	kill $killer 2>/dev/null
	return $status
}

# twice SECONDS COMMAND...: once more if it hangs, or if it is one that fails on the stock kernel, too.
# A program of the kernel's own hung once in about 300 runs on a busy machine, with and without vLPIs;
# where is said, so that it is found. vgic_irq failed on the stock kernel once in 32 runs, as an interrupt
# was active behind its end, and once in 57 on ours, as its priority was: these two, and no others.
twice() {
	local status=0
	limited "$@" || status=$?
	case $status:$2 in
	137:*) echo "  # it hung: once more" ;;
	254:vgic_irq)
		grep -E 'vgic_irq\.c:[0-9]+: (!gic_irq_get_active\(intid\)|gic_read_ap1r0\(\) == 0)$' /tmp/log > /tmp/why || return $status
		echo "  # it failed as it may on the stock kernel: once more"
		sed 's/^/  # /' /tmp/why
		;;
	*) return $status ;;
	esac
	limited "$@"
}

# How many are mapped.
vpes() { sed -n 's/.* vpes \([0-9]*\).*/\1/p' $ITS; }

# The driver of tests/bypass, for the device whose MSI it passes on.
bind_bypass() { insmod /lib/its_bypass.ko && [ -c /dev/its_bypass ]; }
